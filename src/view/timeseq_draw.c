/* The picture of one sender: sequence numbers over time, below it the congestion window, as SVG 1.1
 * that any browser and renderer reads. Colours are for paper and, where the reader prefers it, for
 * a dark ground; shapes differ too, so that colours alone tell nothing. */
#include "view/timeseq.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 1100,
    HEIGHT = 780,
    LEFT = 84,
    RIGHT = 1080,
    TOP = 112,
    BOTTOM = 520,
    LOW_TOP = 570,
    LOW_BOTTOM = 720
};

struct scale {
    double low, high; /* values                                                               */
    double from, to;  /* points                                                               */
};

struct drawing {
    hf_write_fn write;
    void *context;
    const struct sender *s;
    struct scale time, seq, bytes;
    int legend_x, legend_y;
};

__attribute__((format(printf, 2, 3))) static void put(const struct drawing *d, const char *format,
                                                      ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (len > 0)
        d->write(d->context, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

/* Text of others, with what XML takes for its own written out. */
static void put_text(const struct drawing *d, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            put(d, "&amp;");
        else if (*text == '<')
            put(d, "&lt;");
        else if (*text == '>')
            put(d, "&gt;");
        else if ((unsigned char)*text >= ' ')
            d->write(d->context, text, 1);
    }
}

static double point(const struct scale *scale, double value)
{
    double span = scale->high - scale->low;
    return scale->from + (value - scale->low) / (span > 0 ? span : 1) * (scale->to - scale->from);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double x_of(const struct drawing *d, hf_time time)
{
    return point(&d->time, (double)(time - d->s->first));
}

/* ---- Axes ---- */

struct unit {
    const char *name;
    double size;
};

static struct unit time_unit(double ns)
{
    return ns >= 2e9 ? (struct unit){"s", 1e9} : ns >= 2e6 ? (struct unit){"ms", 1e6}
                                                           : (struct unit){"us", 1e3};
}

static struct unit byte_unit(double bytes)
{
    return bytes >= 2e9   ? (struct unit){"GB", 1e9}
           : bytes >= 2e6 ? (struct unit){"MB", 1e6}
           : bytes >= 2e3 ? (struct unit){"kB", 1e3}
                          : (struct unit){"bytes", 1};
}

/* 1, 2 or 5 times a power of ten, so that at most `most` steps fit. */
static double step_of(double span, int most)
{
    double step = 1;
    while (span / step > most)
        step *= 10;
    while (span / step * 10 <= most)
        step /= 10;
    return span / step * 5 <= most ? step / 5 : span / step * 2 <= most ? step / 2 : step;
}

static void time_axis(const struct drawing *d, int top, int bottom, bool numbers)
{
    struct unit unit = time_unit(d->time.high);
    double step = step_of(d->time.high / unit.size, 10);
    for (int i = 0; i * step * unit.size <= d->time.high * 1.0001; i++) {
        double x = point(&d->time, i * step * unit.size);
        put(d, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", x, top, bottom);
        if (numbers)
            put(d, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x, bottom + 18,
                i * step);
    }
    if (numbers)
        put(d, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">time, %s</text>\n",
            (LEFT + RIGHT) / 2, bottom + 38, unit.name);
}

static void value_axis(const struct drawing *d, const struct scale *scale, const char *what)
{
    struct unit unit = byte_unit(scale->high);
    double step = step_of(scale->high / unit.size, 8);
    double middle = (scale->from + scale->to) / 2;
    for (int i = 0; i * step * unit.size <= scale->high * 1.0001; i++) {
        double y = point(scale, i * step * unit.size);
        put(d, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, y, RIGHT);
        put(d, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8, y + 4,
            i * step);
    }
    put(d,
        "<text transform=\"translate(22 %.0f) rotate(-90)\" text-anchor=\"middle\">%s, %s"
        "</text>\n",
        middle, what, unit.name);
    put(d, "<path class=\"axis\" d=\"M%d %.0fV%.0fH%d\"/>\n", LEFT, scale->to, scale->from, RIGHT);
}

/* ---- Legend: a line each, from left to right, then below ---- */

__attribute__((format(printf, 5, 6))) static void legend(struct drawing *d, const char *group,
                                                         const char *shape, int wide,
                                                         const char *format, ...)
{
    char text[128];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (d->legend_x + wide > RIGHT) {
        d->legend_x = LEFT;
        d->legend_y += 20;
    }
    put(d, "<g transform=\"translate(%d %d)\"><path class=\"%s\" d=\"%s\"/><text x=\"30\" y=\"4\">",
        d->legend_x, d->legend_y, group, shape);
    put_text(d, text);
    put(d, "</text></g>\n");
    d->legend_x += wide;
}

/* ---- Marks ---- */

/* What follows up to </g> is drawn within a panel only. */
static void within(const struct drawing *d, const char *id, int top, int bottom)
{
    put(d,
        "<clipPath id=\"%s\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n"
        "<g clip-path=\"url(#%s)\">\n",
        id, LEFT, top, RIGHT - LEFT, bottom - top, id);
}

/* Runs of data: a line from the lower left to the upper right of the box, never shorter than
 * `least` points, so that it is seen. kind: only those. */
static void draw_runs(const struct drawing *d, const struct marks *marks, int kind, double least,
                      const char *class)
{
    put(d, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < marks->count; i++) {
        const struct mark *m = &marks->at[i];
        if (m->kind != kind)
            continue;
        double low = point(&d->seq, (double)m->low), high = point(&d->seq, (double)m->high);
        if (low - high < least) {
            low += (least - (low - high)) / 2;
            high = low - least;
        }
        put(d, "M%.1f %.1fL%.1f %.1f", x_of(d, m->from), low, x_of(d, m->to), high);
    }
    put(d, "\"/>\n");
}

static void draw_curve(const struct drawing *d, const struct marks *marks,
                       const struct scale *scale, const char *class)
{
    if (marks->count == 0)
        return;
    put(d, "<path class=\"%s\" d=\"M%.1f %.1f", class, x_of(d, marks->at[0].from),
        point(scale, (double)marks->at[0].low));
    for (size_t i = 0; i < marks->count; i++) {
        const struct mark *m = &marks->at[i];
        put(d, "H%.1f", x_of(d, m->from));
        if (m->count > 1)
            put(d, "V%.1fV%.1f", point(scale, (double)m->low), point(scale, (double)m->high));
        put(d, "V%.1f", point(scale, (double)m->last));
    }
    put(d, "H%.1f\"/>\n", x_of(d, d->s->last));
}

#define UPRIGHT "M13 -7V7"
#define ACROSS "M2 0H24"
#define SLANT "M4 6L22 -6"

/* Reasons differ by colour; six of them are told apart. */
static const char *resent_class(int reason)
{
    static const char *const classes[] = {"resent r0", "resent r1", "resent r2",
                                          "resent r3", "resent r4", "resent r5"};
    return classes[reason % 6];
}

static void draw_resent(const struct drawing *d)
{
    for (int reason = 0; reason < HF_SEND_COUNT; reason++)
        if (d->s->reasons[reason] > 0)
            draw_runs(d, &d->s->resent, reason, 8, resent_class(reason));
}

static void explain_resent(struct drawing *d, int reason)
{
    const char *text = hf_send_text(reason);
    if (!*text)
        text = "sent again";
    legend(d, resent_class(reason), UPRIGHT, 70 + 7 * (int)strlen(text), "%s: %llu", text,
           (unsigned long long)d->s->reasons[reason]);
}

static void draw_sequence(struct drawing *d)
{
    const struct sender *s = d->s;
    time_axis(d, TOP, BOTTOM, false);
    value_axis(d, &d->seq, "sequence number");
    within(d, "upper", TOP, BOTTOM);
    draw_curve(d, &s->edge, &d->seq, "edge");
    draw_curve(d, &s->acks, &d->seq, "acks");
    draw_runs(d, &s->sent, 0, 1.2, "sent");
    draw_runs(d, &s->sacked, SACK_NEW, 1.2, "sacked");
    draw_runs(d, &s->sacked, SACK_DUPLICATE, 6, "dsacked");
    draw_resent(d);
    put(d, "</g>\n");
    legend(d, "sent", SLANT, 150, "sent: %llu", (unsigned long long)(s->segments - s->resends));
    legend(d, "acks", ACROSS, 140, "acknowledged");
    legend(d, "edge", ACROSS, 130, "window edge");
    if (s->sacks > 0)
        legend(d, "sacked", UPRIGHT, 120, "SACK: %llu", (unsigned long long)s->sacks);
    if (s->dsacks > 0)
        legend(d, "dsacked", UPRIGHT, 220, "D-SACK (sent in vain): %llu",
               (unsigned long long)s->dsacks);
    for (int reason = 0; reason < HF_SEND_COUNT; reason++)
        if (s->reasons[reason] > 0)
            explain_resent(d, reason);
}

static void draw_windows(struct drawing *d)
{
    const struct sender *s = d->s;
    time_axis(d, LOW_TOP, LOW_BOTTOM, true);
    value_axis(d, &d->bytes, "window");
    within(d, "lower", LOW_TOP, LOW_BOTTOM);
    draw_curve(d, &s->in_flight, &d->bytes, "flight");
    draw_curve(d, &s->ssthresh, &d->bytes, "ssthresh");
    draw_curve(d, &s->cwnd, &d->bytes, "cwnd");
    put(d, "</g>\n");
    d->legend_x = LEFT;
    d->legend_y = LOW_TOP - 14;
    legend(d, "cwnd", ACROSS, 100, "cwnd");
    legend(d, "ssthresh", ACROSS, 120, "ssthresh");
    legend(d, "flight", ACROSS, 120, "in flight");
}

/* ---- The whole ---- */

static void head(const struct drawing *d)
{
    put(d,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
        "%d\">\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    put(d, "<style>\n"
           "text{font:13px sans-serif;fill:#333}.title{font-size:16px;font-weight:bold}\n"
           "path{fill:none;stroke-width:1.5}.paper{fill:#fff}.axis{stroke:#777}\n"
           ".grid{stroke:#888;stroke-opacity:.3;stroke-width:1}.sent{stroke:#1f77b4;stroke-width:2}\n"
           ".acks{stroke:#2a9d5c}.edge{stroke:#999;stroke-dasharray:6 3}\n"
           ".sacked{stroke:#b8860b;stroke-width:2}.dsacked{stroke:#8b5a2b;stroke-width:4}\n");
    put(d, ".resent{stroke-width:3}.r0{stroke:#c2185b}.r1{stroke:#7b1fa2}.r2{stroke:#00838f}\n"
           ".r3{stroke:#e65100}.r4{stroke:#d32f2f}.r5{stroke:#ec407a}\n"
           ".cwnd{stroke:#9467bd;stroke-width:2}.ssthresh{stroke:#e377c2;stroke-dasharray:6 3}\n"
           ".flight{stroke:#17a2b8;stroke-width:1}\n"
           "@media (prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#16181c}"
           ".sent{stroke:#5aa9e6}.acks{stroke:#52c98a}.sacked{stroke:#e0b23c}}\n"
           "</style>\n");
    put(d, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", WIDTH, HEIGHT);
}

static void put_end(const struct drawing *d, const char *name, const struct hf_endpoint *end)
{
    char text[HF_ADDR_TEXT];
    if (name) {
        put_text(d, name);
        put(d, " ");
    }
    if (end->addr.family != 0)
        put(d, end->addr.family == HF_IPV6 ? "[%s]:%u" : "%s:%u", hf_addr_format(&end->addr, text),
            (unsigned)end->port);
}

static void title(const struct drawing *d, const char *name, const char *peer)
{
    const struct sender *s = d->s;
    put(d, "<text class=\"title\" x=\"%d\" y=\"28\">", LEFT);
    put_end(d, name ? name : "Handfast", &s->local);
    put(d, " to ");
    put_end(d, peer, &s->remote);
    put(d, "</text>\n<text x=\"%d\" y=\"48\">", LEFT);
    put(d, "%llu bytes in %llu segments, %llu of them sent again, in %.3f s%s</text>\n",
        (unsigned long long)s->bytes, (unsigned long long)s->segments,
        (unsigned long long)s->resends, (double)(s->last - s->first) / 1e9,
        s->memory_short ? "; not all of it is drawn: memory was short" : "");
}

static double highest(const struct marks *marks)
{
    int64_t most = 0;
    for (size_t i = 0; i < marks->count; i++)
        if (marks->at[i].high > most)
            most = marks->at[i].high;
    return (double)most;
}

/* The time that is drawn ends with the last segment or acknowledgement: TIME-WAIT tells nothing. */
static double last_time(const struct sender *s)
{
    const struct marks *all[] = {&s->sent, &s->resent, &s->sacked, &s->acks, &s->edge, &s->cwnd};
    hf_time last = s->first;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->count > 0 && all[i]->at[all[i]->count - 1].to > last)
            last = all[i]->at[all[i]->count - 1].to;
    return (double)(last - s->first);
}

void hf_timeseq_draw(const struct sender *sender, const char *name, const char *peer,
                     hf_write_fn write, void *context)
{
    struct sender drawn = *sender; /* for its end alone: the marks stay the other's */
    struct drawing d = {.write = write, .context = context, .s = &drawn};
    double end = last_time(sender);
    drawn.last = sender->first + (hf_time)end;
    double bytes = larger(highest(&sender->cwnd), highest(&sender->in_flight));
    double edge = highest(&sender->edge), sent = (double)sender->sent_end;
    /* A window far beyond all that was sent would press the rest to the ground. */
    double top = edge > sent * 1.25 ? sent * 1.25 : larger(edge, sent);
    d.time = (struct scale){0, larger(end * 1.02, 1e3), LEFT, RIGHT};
    d.seq = (struct scale){0, larger(top, 1), BOTTOM, TOP};
    d.bytes = (struct scale){0, larger(bytes * 1.05, 1), LOW_BOTTOM, LOW_TOP};
    d.legend_x = LEFT;
    d.legend_y = 70;
    head(&d);
    title(&d, name, peer);
    draw_sequence(&d);
    draw_windows(&d);
    put(&d, "</svg>\n");
}
