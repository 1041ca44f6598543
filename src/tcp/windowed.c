/* See windowed.h. */
#include "tcp/windowed.h"

#include <stdbool.h>

static void fill(struct hf_windowed *w, unsigned from, uint32_t now, uint32_t value)
{
    for (unsigned i = from; i < 3; i++) {
        w->best[i].value = value;
        w->best[i].at = now;
    }
}

/* The best place runs out of the window: the others move up, and the last takes what came now. */
static void age(struct hf_windowed *w, uint32_t window, uint32_t now, uint32_t value)
{
    for (unsigned i = 0; i < 2 && now - w->best[0].at > window; i++) {
        w->best[0] = w->best[1];
        w->best[1] = w->best[2];
        fill(w, 2, now, value);
    }
    /* A second and third choice out of the first quarter, or half, are too soon gone: take them
     * from what comes now. */
    if (w->best[1].at == w->best[0].at && now - w->best[1].at > window / 4)
        fill(w, 1, now, value);
    else if (w->best[2].at == w->best[1].at && now - w->best[2].at > window / 2)
        fill(w, 2, now, value);
}

static uint32_t take(struct hf_windowed *w, uint32_t window, uint32_t now, uint32_t value,
                     bool greatest)
{
    unsigned better = 3; /* the first place that the value is as good as                        */
    for (unsigned i = 3; i-- > 0;)
        if (greatest ? value >= w->best[i].value : value <= w->best[i].value)
            better = i;
    bool stale = now - w->best[2].at > window;
    if (better == 0 || stale || !w->best[0].value)
        fill(w, 0, now, value);
    else {
        if (better < 3)
            fill(w, better, now, value);
        age(w, window, now, value);
    }
    return w->best[0].value;
}

uint32_t hf_windowed_min(struct hf_windowed *w, uint32_t window, uint32_t now, uint32_t value)
{
    return take(w, window, now, value, false);
}

uint32_t hf_windowed_max(struct hf_windowed *w, uint32_t window, uint32_t now, uint32_t value)
{
    return take(w, window, now, value, true);
}
