/* The ladder as a picture: see ladder_layout.h for where things stand. An arrow's words lie along it,
 * at the end that sent it; what is remarked stands below the line. Left and right of the life lines
 * are the states, where they change; at the far left the times at which segments left. */
#include "ladder_layout.h"
#include "svg.h"

#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 960,
    WIDTH_MIN = 320,
    WIDTH_MAX = 1600,
    NARROW = 480, /* below it states are small and there are no times                        */
    TIME_COLUMN = 62,
    LEFT_COLUMN = 182,  /* times and states                                                  */
    RIGHT_COLUMN = 118, /* states                                                            */
    NARROW_COLUMN = 88, /* small states                                                      */
    HEAD = 66,          /* names and addresses above the life lines                          */
    MARGIN = 18
};

static const char rules[] =
    ".hf text{font-family:\"Helvetica Neue\",Arial,\"Liberation Sans\",\"Noto Sans CJK SC\","
    "\"PingFang SC\",\"Microsoft YaHei\",sans-serif;font-size:12px;fill:#1d2530}\n"
    ".hf .hf-title{font-size:17px;font-weight:bold}.hf "
    ".hf-name{font-size:14px;font-weight:bold}\n"
    ".hf .hf-small{font-size:10.5px;fill:#667085}.hf .hf-state{font-weight:bold}\n"
    ".hf .hf-call{font-style:italic;fill:#667085}.hf text.hf-tight{font-size:9.5px}\n"
    ".hf .hf-halo{paint-order:stroke;stroke:#fff;stroke-width:3.5px;stroke-linejoin:round}\n"
    ".hf-paper{fill:#fff}.hf path{fill:none;stroke:#98a2b3;stroke-width:1.4}\n"
    ".hf .hf-life{stroke:#98a2b3;stroke-width:1.6}\n"
    ".hf .hf-hide{stroke:#fff;stroke-width:9}.hf .hf-dots{stroke-dasharray:1.5 4}\n"
    ".hf .hf-plain{stroke:#475467}.hf .hf-opening{stroke:#15803d}.hf "
    ".hf-closing{stroke:#1d4ed8}\n"
    ".hf .hf-resetting{stroke:#b91c1c}.hf .hf-repair{stroke:#b45309}\n"
    ".hf .hf-lost{stroke:#dc2626}.hf .hf-cross{stroke:#dc2626;stroke-width:2.4}\n"
    ".hf .hf-stray{stroke:#b91c1c;stroke-dasharray:5 3}\n"
    ".hf .hf-tip{stroke:none}.hf .hf-tip.hf-plain{fill:#475467}.hf "
    ".hf-tip.hf-opening{fill:#15803d}\n"
    ".hf .hf-tip.hf-closing{fill:#1d4ed8}.hf .hf-tip.hf-resetting{fill:#b91c1c}\n"
    ".hf .hf-tip.hf-repair{fill:#b45309}.hf .hf-tip.hf-stray{fill:#b91c1c}\n"
    ".hf text.hf-why{font-size:10.5px;fill:#b45309}.hf "
    "text.hf-bad{font-size:10.5px;fill:#b91c1c}\n"
    ".hf-band{stroke:none;fill:#98a2b3}.hf-band.hf-up{fill:#15803d}.hf-band.hf-half{fill:#ca8a04}"
    "\n"
    ".hf-band.hf-down{fill:#1d4ed8}.hf-band.hf-wait{fill:#7c3aed;fill-opacity:.55}\n"
    ".hf text.hf-wait{font-size:11px;fill:#6d28d9}.hf .hf-measure{stroke:#7c3aed}\n";

static const char dark_rules[] =
    ".hf text{fill:#e6e9ee}.hf .hf-small,.hf .hf-call{fill:#98a2b3}.hf-paper{fill:#14171c}\n"
    ".hf .hf-halo{stroke:#14171c}.hf .hf-hide{stroke:#14171c}\n"
    ".hf path,.hf .hf-life{stroke:#667085}.hf .hf-plain{stroke:#c0c7d2}\n"
    ".hf .hf-opening{stroke:#4ade80}.hf .hf-closing{stroke:#7aa2ff}\n"
    ".hf .hf-resetting,.hf .hf-stray{stroke:#f87171}.hf .hf-repair{stroke:#fbbf24}\n"
    ".hf .hf-lost,.hf .hf-cross{stroke:#f87171}\n"
    ".hf .hf-tip{stroke:none}.hf .hf-tip.hf-plain{fill:#c0c7d2}.hf "
    ".hf-tip.hf-opening{fill:#4ade80}\n"
    ".hf .hf-tip.hf-closing{fill:#7aa2ff}.hf .hf-tip.hf-resetting{fill:#f87171}\n"
    ".hf .hf-tip.hf-repair{fill:#fbbf24}.hf .hf-tip.hf-stray{fill:#f87171}\n"
    ".hf text.hf-why{fill:#fbbf24}.hf text.hf-bad{fill:#f87171}\n"
    ".hf-band.hf-up{fill:#4ade80}.hf-band.hf-half{fill:#eab308}.hf-band.hf-down{fill:#7aa2ff}\n"
    ".hf-band.hf-wait{fill:#a78bfa}.hf text.hf-wait{fill:#c4b5fd}.hf "
    ".hf-measure{stroke:#a78bfa}\n";

/* ---- Life lines ---- */

struct pen {
    const struct svg *svg;
    const struct layout *l;
};

static double x_of(const struct layout *l, int end)
{
    return end == 0 ? l->left : l->right;
}

static bool is_narrow(const struct layout *l)
{
    return l->left < LEFT_COLUMN;
}

/* Between the life lines there is no room for more than one remark on a height. */
static bool is_crowded(const struct layout *l)
{
    return l->right - l->left < 350;
}

/* What belongs to a row is in groups that a page can find. */
static void begin_row(const struct pen *pen, size_t row)
{
    svg_put(pen->svg, "<g data-step=\"%u.%zu\">\n", (unsigned)pen->l->talk->seen.number, row);
}

static void end_row(const struct pen *pen)
{
    svg_put(pen->svg, "</g>\n");
}

static const char *band_of(int state)
{
    switch (state) {
    case HF_CLOSED:
    case HF_LISTEN:
        return NULL;
    case HF_SYN_SENT:
    case HF_SYN_RECEIVED:
        return "hf-band hf-half";
    case HF_ESTABLISHED:
        return "hf-band hf-up";
    case HF_TIME_WAIT:
        return "hf-band hf-wait";
    default:
        return "hf-band hf-down";
    }
}

static void put_bar_length(const struct pen *pen, int end, double from, double to, hf_time time)
{
    const struct layout *l = pen->l;
    double inner = x_of(l, end) + (end == 0 ? 17 : -17);
    double middle = to - from > 90 && is_crowded(l) ? to - 58
                    : to - from > 60                ? to - 26 /* below the last arrows */
                                                    : (from + to) / 2;
    svg_put(pen->svg, "<path class=\"hf-measure\" d=\"M%.1f %.1fh8m-4 0V%.1fm-4 0h8\"/>\n",
            inner - 4, from + 1, to - 1);
    svg_put(pen->svg,
            "<text class=\"hf-wait hf-halo\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">TIME-WAIT "
            "%.3f s"
            "</text>\n",
            inner + (end == 0 ? 9 : -9), middle + 4, end == 0 ? "start" : "end",
            (double)time / (double)HF_SEC);
}

static void put_band(const struct pen *pen, int end, int state, double from, double to)
{
    const char *class = band_of(state);
    double wide = state == HF_TIME_WAIT ? 12 : 5;
    if (class != NULL && to > from)
        svg_put(pen->svg,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                class, x_of(pen->l, end) - wide / 2, from, wide, to - from);
}

/* Calls fn for each stretch that an end spent in one state. */
static void each_stretch(const struct pen *pen, int end,
                         void (*fn)(const struct pen *, int end, int state, double from,
                                    double to, hf_time time))
{
    const struct layout *l = pen->l;
    int state = words_first(pen->l->talk, end);
    double from = l->top - 14;
    hf_time since = l->spot_count > 0 ? l->spots[0].time : 0;
    for (size_t i = 0; i < l->spot_count; i++) {
        const struct spot *spot = &l->spots[i];
        if (spot->kind == SPOT_FOLD || spot->end != end)
            continue;
        const struct row_end *row = &l->talk->rows[spot->about].end[end];
        if (!row->changed || row->state == HF_STATES)
            continue;
        fn(pen, end, state, from, spot->y, spot->time - since);
        state = row->state;
        from = spot->y;
        since = spot->time;
    }
    fn(pen, end, state, from, l->bottom + 14, 0); /* it goes on: no length to tell */
}

static void draw_stretch(const struct pen *pen, int end, int state, double from, double to,
                         hf_time time)
{
    (void)time;
    put_band(pen, end, state, from, to);
}

static void measure_stretch(const struct pen *pen, int end, int state, double from, double to,
                            hf_time time)
{
    if (state == HF_TIME_WAIT && time > 0)
        put_bar_length(pen, end, from, to, time);
}

static void draw_lines(const struct pen *pen)
{
    const struct layout *l = pen->l;
    for (int e = 0; e < 2; e++) {
        svg_put(pen->svg, "<path class=\"hf-life\" d=\"M%.1f %.1fV%.1f\"/>\n", x_of(l, e),
                l->top - 14, l->bottom + 14);
        each_stretch(pen, e, draw_stretch);
    }
}

/* How much was cut out: between the life lines, or at the left of them. */
static void put_cut(const struct pen *pen, double y, hf_time gap)
{
    const struct layout *l = pen->l;
    bool aside = l->right - l->left < 500; /* a lost arrow's end may be in the middle */
    const char *dots = aside ? "" : "· · ·";
    svg_put(pen->svg,
            "<text class=\"hf-small hf-halo\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">"
            "%s  %.3f %s  %s</text>\n",
            aside ? l->left - 14 : (l->left + l->right) / 2, y, aside ? "end" : "middle", dots,
            (double)gap / (double)(gap < HF_SEC ? HF_MS : HF_SEC), gap < HF_SEC ? "ms" : "s",
            dots);
}

/* Where time was cut out: both life lines are broken, and it says how much. */
static void draw_cuts(const struct pen *pen)
{
    const struct layout *l = pen->l;
    for (size_t i = 1; i < l->spot_count; i++) {
        if (!l->spots[i].cut)
            continue;
        double y = (l->spots[i - 1].y + l->spots[i].y) / 2;
        for (int e = 0; e < 2; e++) {
            double x = x_of(l, e);
            svg_put(pen->svg,
                    "<path class=\"hf-hide\" d=\"M%.1f %.1fl20 -6\"/><path class=\"hf-life\" "
                    "d=\"M%.1f %.1fl20 -6m-20 14l20 -6\"/>\n",
                    x - 10, y + 3, x - 10, y - 1);
        }
        put_cut(pen, y + 4, l->spots[i].gap);
    }
}

/* ---- Arrows ---- */

static const char *class_of(const struct layout *l, const struct row *row)
{
    uint16_t flags = row->record.u.segment.flags;
    if (row_is_lost(l->ladder, row))
        return "hf-lost";
    if (row->stray)
        return "hf-stray";
    if (row_is_repair(row))
        return "hf-repair";
    if ((flags & HF_RST) != 0)
        return "hf-resetting";
    if ((flags & HF_SYN) != 0)
        return "hf-opening";
    return (flags & HF_FIN) != 0 ? "hf-closing" : "hf-plain";
}

/* An arrow as it is drawn: from one point to another, in the direction of its text. */
struct shaft {
    double x[2], y[2];
    double dx, dy; /* one point further along                                                */
    double inset;  /* of what is written along it                                            */
};

static struct shaft shaft_of(const struct layout *l, const struct arrow *arrow, double begin,
                             double end)
{
    int from = l->talk->rows[arrow->row].from;
    double x0 = x_of(l, from) + (from == 0 ? 4 : -4);
    double x1 = x_of(l, 1 - from) + (from == 0 ? -4 : 4);
    double run = x1 - x0, fall = arrow->y[1] - arrow->y[0];
    double length = svg_length(run, fall);
    /* clear of TIME-WAIT's measure */
    bool waits = l->talk->rows[arrow->row].end[from].state == HF_TIME_WAIT;
    struct shaft s = {.dx = run / length, .dy = fall / length, .inset = waits ? 26 : 9};
    s.x[0] = x0 + run * begin;
    s.x[1] = x0 + run * end;
    s.y[0] = arrow->y[0] + fall * begin;
    s.y[1] = arrow->y[0] + fall * end;
    return s;
}

static void put_tip(const struct pen *pen, const struct shaft *s, const char *class)
{
    double x = s->x[1], y = s->y[1];
    double bx = x - 10 * s->dx, by = y - 10 * s->dy;
    svg_put(pen->svg, "<path class=\"hf-tip %s\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fZ\"/>\n",
            class, x, y, bx - 4 * s->dy, by + 4 * s->dx, bx + 4 * s->dy, by - 4 * s->dx);
}

static void put_cross(const struct pen *pen, const struct shaft *s)
{
    double x = s->x[1] + 7 * s->dx, y = s->y[1] + 7 * s->dy;
    svg_put(pen->svg, "<path class=\"hf-cross\" d=\"M%.1f %.1fl10 10m0 -10l-10 10\"/>\n", x - 5,
            y - 5);
}

/* Text along an arrow, from its sender's side (or from where the arrow begins to be known). */
static void put_along(const struct pen *pen, const struct shaft *s, bool to_right, double below,
                      const char *class, const char *text)
{
    double x = s->x[0] + s->inset * s->dx, y = s->y[0] + s->inset * s->dy;
    double across = to_right ? s->dx : -s->dx, down = to_right ? s->dy : -s->dy;
    svg_put(pen->svg,
            "<text class=\"hf-halo %s\" transform=\"matrix(%.4f %.4f %.4f %.4f %.1f %.1f)\" "
            "y=\"%.1f\" text-anchor=\"%s\">",
            class, across, down, -down, across, x, y, below, to_right ? "start" : "end");
    svg_text(pen->svg, text);
}

static void put_remarks(const struct pen *pen, const struct arrow *arrow, const struct shaft *s)
{
    const struct row *row = &pen->l->talk->rows[arrow->row];
    struct remarks remarks = {.len = 0};
    layout_remarks(pen->l, row, &remarks);
    if (remarks.len == 0)
        return;
    const char *class = row->drop != HF_DROP_NONE || row->stray || row->strayed ? "hf-bad"
                        : row_is_repair(row) || row->doubled                    ? "hf-why"
                                                                                : "hf-small";
    double below = REMARK_SIZE + 1.5;
    for (const char *at = remarks.text; *at != 0; below += REMARK_LINE) {
        char line[sizeof remarks.text];
        size_t take = svg_fitting(at, REMARK_SIZE, arrow->room);
        snprintf(line, sizeof line, "%.*s", (int)take, at);
        put_along(pen, s, row->from == 0, below, class, line);
        at += take;
    }
}

static void put_label(const struct pen *pen, const struct arrow *arrow, const struct shaft *s)
{
    const struct row *row = &pen->l->talk->rows[arrow->row];
    char text[SEGMENT_TEXT];
    size_t room = SEGMENT_TEXT - 1;
    do {
        words_segment(pen->l->talk, row, pen->l->ladder->config.absolute, room, text);
        room = strlen(text) - 1;
    } while (svg_width(text, LABEL_SIZE) > arrow->room && room > 12);
    put_along(pen, s, row->from == 0, -4.5, "", text);
}

static void draw_arrow(const struct pen *pen, const struct arrow *arrow)
{
    const struct row *row = &pen->l->talk->rows[arrow->row];
    const char *class = class_of(pen->l, row);
    bool lost = row_is_lost(pen->l->ladder, row);
    bool unseen = pen->l->ladder->config.both_ends && (!row->sent || row->part == PART_ARRIVAL);
    struct shaft s = shaft_of(pen->l, arrow, unseen ? 0.42 : 0, lost ? 0.6 : 1);
    svg_put(pen->svg, "<g data-step=\"%u.%zu\" data-arrival=\"%u.%zu\">\n",
            (unsigned)pen->l->talk->seen.number, arrow->row, (unsigned)pen->l->talk->seen.number,
            arrow->about);
    svg_put(pen->svg, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, s.x[0], s.y[0],
            s.x[1] - (lost ? 0 : 8 * s.dx), s.y[1] - (lost ? 0 : 8 * s.dy));
    if (lost)
        put_cross(pen, &s);
    else
        put_tip(pen, &s, class);
    if (unseen)
        svg_put(pen->svg,
                "<circle class=\"hf-paper\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" "
                "stroke=\"#b91c1c\"/>\n",
                s.x[0], s.y[0]);
    put_label(pen, arrow, &s);
    put_remarks(pen, arrow, &s);
    end_row(pen);
}

/* ---- Beside the life lines ---- */

static void put_side(const struct pen *pen, int end, double y, const char *class,
                     const char *text)
{
    if (text[0] == 0)
        return;
    svg_put(pen->svg, "<text class=\"%s%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class,
            is_narrow(pen->l) ? " hf-tight" : "", x_of(pen->l, end) + (end == 0 ? -11 : 11),
            y + 4, end == 0 ? "end" : "start");
    svg_text(pen->svg, text);
}

/* Between the life lines, at the one it is about. */
static void put_inside(const struct pen *pen, int end, double y, const char *text)
{
    double room = pen->l->right - pen->l->left - 2 * 26;
    for (; text[0] != 0; y += REMARK_LINE) {
        char line[200];
        size_t take = svg_fitting(text, REMARK_SIZE, room);
        snprintf(line, sizeof line, "%.*s", (int)take, text);
        svg_put(pen->svg,
                "<text class=\"hf-small hf-halo\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
                x_of(pen->l, end) + (end == 0 ? 26 : -26), y + 4, end == 0 ? "start" : "end");
        svg_text(pen->svg, line);
        text += take;
    }
}

static void draw_state(const struct pen *pen, const struct spot *spot)
{
    const struct layout *l = pen->l;
    const struct row *row = &l->talk->rows[spot->about];
    char text[HF_OBSERVED_STATE_TEXT], ended[200];
    if (!row->end[spot->end].changed)
        return;
    put_side(pen, spot->end, spot->y, "hf-state", words_state(row, spot->end, text));
    bool waits = row->end[spot->end].state == HF_TIME_WAIT;
    if (!row->end[spot->end].ended || row->kind != ROW_SEGMENT || waits)
        return;
    snprintf(ended, sizeof ended, SAID(l->language, "ended: %s", "结束：%s"),
             hf_cause_words(row->end[spot->end].cause, l->language));
    put_inside(pen, spot->end, spot->y + 14, ended);
}

static void draw_side(const struct pen *pen, const struct spot *spot)
{
    const struct layout *l = pen->l;
    const struct row *row = &l->talk->rows[spot->row];
    char text[200] = "";
    if (row->kind == ROW_CALL) {
        put_side(pen, spot->end, spot->y, "hf-call",
                 hf_call_words(row->record.u.call.call, l->language));
        return;
    }
    if (row->kind == ROW_STATE) {
        bool below_call =
            row > l->talk->rows && row[-1].kind == ROW_CALL && row[-1].from == row->from;
        words_change(row, below_call, l->language, text, sizeof text);
        draw_state(pen, spot);
    } else {
        words_note(row, l->language, text, sizeof text);
    }
    put_inside(pen, spot->end, spot->y, text);
}

static void draw_fold(const struct pen *pen, const struct spot *spot)
{
    const struct layout *l = pen->l;
    const struct row *rows = &l->talk->rows[spot->row];
    double y = spot->y - 4;
    for (int e = 0; e < 2; e++)
        svg_put(pen->svg,
                "<path class=\"hf-hide\" d=\"M%.1f %.1fv28\"/>"
                "<path class=\"hf-life hf-dots\" d=\"M%.1f %.1fv28\"/>\n",
                x_of(l, e), spot->y - 14, x_of(l, e), spot->y - 14);
    for (int i = 0; i < 2; i++) {
        struct remarks remarks = {.len = 0};
        words_fold(l->talk, rows, spot->count, i == 0 ? rows[0].from : 1 - rows[0].from,
                   l->language, &remarks);
        if (remarks.len == 0)
            continue;
        svg_put(pen->svg, "<text class=\"hf-halo\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                (l->left + l->right) / 2, y + 4);
        svg_text(pen->svg, remarks.text);
        y += 17;
    }
}

static void draw_time(const struct pen *pen, const struct spot *spot, const char *time)
{
    svg_put(pen->svg, "<text class=\"hf-small\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
            TIME_COLUMN, spot->y + 4);
    svg_text(pen->svg, time);
}

static void draw_spots(const struct pen *pen)
{
    const struct layout *l = pen->l;
    double last = -100;
    char time[32], before[32] = "";
    for (size_t i = 0; i < l->spot_count; i++) {
        const struct spot *spot = &l->spots[i];
        if (spot->kind == SPOT_FOLD) {
            draw_fold(pen, spot);
            continue;
        }
        begin_row(pen, spot->about);
        if (spot->kind == SPOT_SIDE)
            draw_side(pen, spot);
        else
            draw_state(pen, spot);
        words_time(l->ladder, spot->time, time);
        if (spot->kind != SPOT_ARRIVE && spot->y >= last + 12 && !is_narrow(l) &&
            strcmp(time, before) != 0) {
            draw_time(pen, spot, time);
            memcpy(before, time, sizeof before);
            last = spot->y;
        }
        end_row(pen);
    }
}

/* ---- Head and foot ---- */

static void draw_names(const struct pen *pen)
{
    const struct layout *l = pen->l;
    for (int e = 0; e < 2; e++) {
        const struct hf_observed_end *end = &l->talk->seen.end[e];
        char made[HF_ENDPOINT_TEXT], address[HF_ENDPOINT_TEXT], state[HF_OBSERVED_STATE_TEXT];
        const char *name = words_end_name(l->ladder, end, made);
        svg_put(pen->svg, "<text class=\"hf-name\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                x_of(l, e), l->top - 42);
        svg_text(pen->svg, name);
        hf_endpoint_format(&end->endpoint, address);
        bool fits = svg_width(address, REMARK_SIZE) < 2 * l->left;
        if (strcmp(address, name) != 0 && fits) {
            svg_put(pen->svg,
                    "<text class=\"hf-small\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                    x_of(l, e), l->top - 26);
            svg_text(pen->svg, address);
        }
        put_side(pen, e, l->top - 10, "hf-state", words_first_state(l->talk, e, state));
    }
    if (is_narrow(l))
        return;
    svg_put(pen->svg, "<text class=\"hf-small\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
            TIME_COLUMN, l->top - 26);
    svg_text(pen->svg, SAID(l->language, "time, ms", "时间，毫秒"));
}

/* A line of small text, broken where the picture ends. Returns where the next one stands. */
static double put_foot(const struct pen *pen, double y, const char *text)
{
    double width = pen->l->right + pen->l->beside - 2 * MARGIN;
    for (; *text != 0; y += 15) {
        char line[400];
        size_t take = svg_fitting(text, REMARK_SIZE, width);
        snprintf(line, sizeof line, "%.*s", (int)take, text);
        svg_put(pen->svg, "<text class=\"hf-small\" x=\"%d\" y=\"%.1f\">", MARGIN, y);
        svg_text(pen->svg, line);
        text += take;
    }
    return y;
}

static double draw_foot(const struct pen *pen, double y)
{
    const struct layout *l = pen->l;
    if (!l->ladder->config.both_ends)
        y = put_foot(pen, y,
                     SAID(l->language,
                          "~ marks an inferred state; the slope of arrows is assumed",
                          "~ 表示推断出的状态；箭头的斜度是假定的"));
    for (int e = 0; e < 2; e++) {
        const struct hf_observed_end *end = &l->talk->seen.end[e];
        const struct hf_trace_record *r = &l->talk->ending[e];
        if (r->kind != HF_TRACE_END)
            continue;
        char made[HF_ENDPOINT_TEXT], time[32], sent[32], received[32], text[400];
        words_time(l->ladder, end->ended_at, time);
        words_grouped(r->u.end.bytes_sent, sent);
        words_grouped(r->u.end.bytes_received, received);
        snprintf(
            text, sizeof text,
            SAID(l->language,
                 "%s: ended at %s, %s; %s bytes sent, %s received; %u segments out, %u in, %u "
                 "sent again",
                 "%s：结束于 %s，%s；发出 %s 字节，收到 %s 字节；发出 %u 个报文段，收到 %u 个，"
                 "重发 %u 个"),
            words_end_name(l->ladder, end, made), time, hf_cause_words(end->cause, l->language),
            sent, received, (unsigned)r->u.end.segments_sent,
            (unsigned)r->u.end.segments_received, (unsigned)r->u.end.retransmits);
        y = put_foot(pen, y, text);
    }
    return y;
}

static void draw_talk(const struct svg *svg, const struct layout *l)
{
    struct pen pen = {svg, l};
    draw_lines(&pen);
    for (size_t i = 0; i < l->arrow_count; i++)
        draw_arrow(&pen, &l->arrows[i]);
    draw_cuts(&pen);
    draw_spots(&pen);
    for (int e = 0; e < 2; e++)
        each_stretch(&pen, e, measure_stretch);
    draw_names(&pen);
    (void)draw_foot(&pen, l->bottom + 36);
}

/* ---- The whole ---- */

static bool is_wanted(const struct hf_ladder *ladder, const struct hf_picture_config *config,
                      size_t at)
{
    return ladder->talks[at] != NULL &&
           (config->connection == 0 || config->connection == ladder->talks[at]->seen.number);
}

static void count_bytes(void *count, const void *bytes, size_t len)
{
    (void)count;
    (void)bytes;
    (void)len;
}

/* How high a connection's part is, its foot included. */
static double height_of(const struct layout *l)
{
    struct svg nowhere = {count_bytes, NULL};
    struct pen pen = {&nowhere, l};
    return draw_foot(&pen, l->bottom + 36) + 6;
}

/* Go over all connections: place them below each other, and draw. Returns the height, or 0 without
 * memory. */
static double each_talk(const struct hf_ladder *ladder, const struct hf_picture_config *config,
                        double width, double y, const struct svg *svg)
{
    for (size_t i = 0; i < ladder->count; i++) {
        if (!is_wanted(ladder, config, i))
            continue;
        struct layout l = {.language = config->language,
                           .left = width < NARROW ? NARROW_COLUMN : LEFT_COLUMN,
                           .beside = width < NARROW ? NARROW_COLUMN : RIGHT_COLUMN,
                           .top = y + HEAD};
        l.right = width - l.beside;
        if (!layout_make(&l, ladder, ladder->talks[i]))
            return 0;
        if (svg != NULL)
            draw_talk(svg, &l);
        y = height_of(&l) + 12;
        layout_free(&l);
    }
    return y;
}

static double width_of(const struct hf_picture_config *config)
{
    if (config->width == 0)
        return WIDTH;
    return config->width < WIDTH_MIN   ? WIDTH_MIN
           : config->width > WIDTH_MAX ? WIDTH_MAX
                                       : config->width;
}

int hf_ladder_svg(const struct hf_ladder *ladder, const struct hf_picture_config *config)
{
    if (config->size != sizeof *config || config->write == NULL)
        return HF_ERR_ARGUMENT;
    double width = width_of(config), top = config->title != NULL ? 40 : 4;
    bool any = false;
    for (size_t i = 0; i < ladder->count; i++)
        any = any || is_wanted(ladder, config, i);
    if (!any || ladder->config.live)
        return HF_ERR_STATE;
    double height = each_talk(ladder, config, width, top, NULL);
    if (height <= 0)
        return HF_ERR_MEMORY;
    struct svg svg = {config->write, config->context};
    struct svg_head head = {
        .width = width,
        .height = height,
        .theme = config->theme,
        .inline_part = config->inline_part,
        .label = config->title != NULL ? config->title
                                       : SAID(config->language,
                                              "A TCP connection, segment by "
                                              "segment",
                                              "一条 TCP 连接，逐个报文段"),
        .rules = rules,
        .dark = dark_rules,
    };
    svg_begin(&svg, &head);
    if (config->title != NULL) {
        svg_put(&svg, "<text class=\"hf-title\" x=\"%d\" y=\"29\">", MARGIN);
        svg_text(&svg, config->title);
    }
    if (ladder->unsafe) {
        svg_put(&svg, "<text class=\"hf-bad\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
                width - MARGIN, top - 2 > 14 ? 28.0 : 14.0);
        svg_text(&svg, SAID(config->language, "unsafe settings", "不安全的设置"));
    }
    double done = each_talk(ladder, config, width, top, &svg);
    svg_end(&svg);
    return done <= 0 || ladder->lost_records ? HF_ERR_MEMORY : HF_OK;
}
