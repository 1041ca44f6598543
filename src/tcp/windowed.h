/* The least (or greatest) value of the last while, in three places and no list: the best, and the
 * best of what came after it, twice, each taken in a later part of the window. Exact while values
 * move one way; never off by more than a quarter of the window (the method of Kathleen Nichols that
 * Linux's win_minmax uses). Time is any rising number, milliseconds or round trips, modulo 2^32. */
#ifndef HF_TCP_WINDOWED_H
#define HF_TCP_WINDOWED_H

#include <stdint.h>

struct hf_windowed {
    struct {
        uint32_t value, at;
    } best[3]; /* all zero: no value yet; a value is never 0 where the least is asked for       */
};

/* Take a value; returns the least of the last `window`. value must not be 0. */
uint32_t hf_windowed_min(struct hf_windowed *w, uint32_t window, uint32_t now, uint32_t value);

/* The same for the greatest. A filter is used for one of the two. */
uint32_t hf_windowed_max(struct hf_windowed *w, uint32_t window, uint32_t now, uint32_t value);

/* The last answer; 0: none. */
static inline uint32_t hf_windowed_best(const struct hf_windowed *w)
{
    return w->best[0].value;
}

#endif
