/* Placing what a ladder shows: see ladder_layout.h. */
#include "ladder_layout.h"

#include <stdlib.h>
#include <string.h>

#include "svg.h"

#define FLIGHT 54.0      /* a usual flight's height                                           */
#define SLANT_MIN 22.0   /* an arrow is never flatter                                         */
#define GAP_MAX 100.0    /* a silence that would be higher is cut ...                         */
#define BREAK 46.0       /* ... to this                                                       */
#define ARRIVAL_LINE 9.0 /* between two arrivals that change nothing                         */
#define ANSWER_LINE 15.0 /* from such an arrival to what comes next                          */
#define FOLD_HEIGHT 46.0
#define NEIGHBOURS 200 /* arrows among which one looks for those that it meets              */
#define NEAR 4         /* arrows among which a lost one looks for its like                  */
#define USUAL_DELAY (10 * HF_MS) /* when nothing arrived that had been seen leaving          */

void layout_remarks(const struct layout *layout, const struct row *row, struct remarks *remarks)
{
    words_options(layout->talk, row, false, layout->language, remarks);
    words_fate(row, layout->language, remarks);
}

/* ---- What there is to be placed ---- */

static struct spot *add_spot(struct layout *l, enum spot_kind kind, int end, hf_time time,
                             size_t row)
{
    struct spot *spot = &l->spots[l->spot_count++];
    *spot = (struct spot){
        .time = time, .row = row, .about = row, .kind = (uint8_t)kind, .end = (uint8_t)end};
    return spot;
}

static struct arrow *arrow_of(struct layout *l, size_t row)
{
    size_t low = 0, high = l->arrow_count; /* arrows are in order of their rows */
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (l->arrows[middle].row <= row)
            low = middle;
        else
            high = middle;
    }
    return &l->arrows[low];
}

/* The arrival of a segment whose departure is a row of its own: it is one arrow. */
static bool join_arrival(struct layout *l, size_t at)
{
    const struct row *row = &l->talk->rows[at];
    for (size_t i = l->spot_count; i-- > 0;) {
        struct spot *spot = &l->spots[i];
        const struct row *sent = &l->talk->rows[spot->row];
        if (spot->kind == SPOT_ARRIVE && sent->from == row->from && sent->landed == row->landed &&
            sent->record.u.segment.seq == row->record.u.segment.seq &&
            sent->record.u.segment.flags == row->record.u.segment.flags && spot->about != at) {
            spot->about = at;
            arrow_of(l, spot->row)->about = at;
            return true;
        }
    }
    return false;
}

/* With one end's records alone, what it heard left when it came, and what it said came at once. */
static bool has_departure(const struct layout *l, const struct row *row)
{
    return !l->ladder->config.both_ends || (row->sent && row->part != PART_ARRIVAL);
}

static void add_segment(struct layout *l, size_t at)
{
    const struct row *row = &l->talk->rows[at];
    if (row->part == PART_ARRIVAL && join_arrival(l, at))
        return;
    l->arrows[l->arrow_count++] = (struct arrow){.row = at, .about = at};
    bool one_end = !l->ladder->config.both_ends;
    hf_time left = row->sent ? row->record.time : row->landed;
    if (has_departure(l, row))
        add_spot(l, SPOT_DEPART, row->from, left, at);
    if (row->arrived || one_end)
        add_spot(l, SPOT_ARRIVE, 1 - row->from, row->arrived ? row->landed : left, at);
}

/* A fold stands where what is drawn before it has arrived, if that is before what comes after it. */
static hf_time fold_time(const struct layout *l, size_t first, size_t count)
{
    const struct row *rows = l->talk->rows;
    hf_time time = rows[first].record.time, end = rows[first + count].record.time;
    for (size_t i = first - FOLD_FIRST; i < first; i++)
        if (rows[i].arrived && rows[i].landed > time)
            time = rows[i].landed;
    return time < end ? time : end;
}

static void collect(struct layout *l)
{
    for (size_t i = 0; i < l->talk->count;) {
        size_t run = fold_run(l->ladder, l->talk, i);
        size_t hidden = run < FOLD_FROM ? 0 : run - FOLD_FIRST - FOLD_LAST;
        if (run == 0)
            run = 1;
        for (size_t k = i; k < i + run; k++) {
            if (hidden > 0 && k == i + FOLD_FIRST) {
                add_spot(l, SPOT_FOLD, 0, fold_time(l, k, hidden), k)->count = hidden;
                k += hidden - 1;
            } else if (l->talk->rows[k].kind == ROW_SEGMENT) {
                add_segment(l, k);
            } else {
                add_spot(l, SPOT_SIDE, l->talk->rows[k].from, l->talk->rows[k].record.time, k);
            }
        }
        i += run;
    }
}

static int by_time(const void *left, const void *right)
{
    const struct spot *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->about != b->about)
        return a->about < b->about ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

/* ---- Arrows ---- */

static bool meets(const struct row *a, const struct row *b)
{
    if (a->from == b->from || !a->sent || !b->sent)
        return false;
    return a->record.time < b->landed && b->record.time < a->landed;
}

static void look_at_arrows(struct layout *l)
{
    double width = l->right - l->left;
    for (size_t i = 0; i < l->arrow_count; i++) {
        struct arrow *arrow = &l->arrows[i];
        const struct row *row = &l->talk->rows[arrow->row];
        size_t first = i > NEIGHBOURS ? i - NEIGHBOURS : 0;
        for (size_t k = first; k < i + NEIGHBOURS && k < l->arrow_count && !arrow->crossed; k++)
            arrow->crossed = meets(row, &l->talk->rows[l->arrows[k].row]);
        bool half = row_is_lost(l->ladder, row) || !row->sent;
        arrow->room = width * (arrow->crossed || half ? 0.5 : 0.88);
        struct remarks remarks = {.len = 0};
        layout_remarks(l, row, &remarks);
        const char *text = remarks.text;
        while (remarks.len > 0 && *text != 0) {
            arrow->lines++;
            text += svg_fitting(text, REMARK_SIZE, arrow->room);
        }
    }
}

static int by_value(const void *left, const void *right)
{
    const hf_time *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Points a nanosecond. */
static double scale_of(const struct layout *l)
{
    hf_time usual = USUAL_DELAY;
    hf_time *delays = calloc(l->arrow_count + 1, sizeof *delays);
    size_t n = 0;
    for (size_t i = 0; delays != NULL && i < l->arrow_count; i++) {
        const struct row *row = &l->talk->rows[l->arrows[i].row];
        if (row->sent && row->arrived && row->landed > row->record.time)
            delays[n++] = row->landed - row->record.time;
    }
    if (n > 0) {
        qsort(delays, n, sizeof *delays, by_value);
        usual = delays[n / 2];
    }
    free(delays);
    return FLIGHT / (double)usual;
}

/* ---- Heights ---- */

struct places {
    double y; /* of the last spot                                                     */
    hf_time time;
    double clear[2]; /* from where on there is room at each end                              */
    double scale;
    bool folded; /* the last spot was a fold                                             */
    const struct arrow *landed[2]; /* that arrived last                                      */
};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static bool says_state(const struct layout *l, const struct spot *spot)
{
    return l->talk->rows[spot->about].end[spot->end].changed;
}

static double room_below(const struct layout *l, const struct spot *spot)
{
    double room = 0;
    if (l->talk->rows[spot->about].end[spot->end].ended)
        room += REMARK_LINE;
    return room;
}

/* What left one behind the other stays parallel. */
static double arrival_height(const struct places *p, int end, const struct arrow *arrow)
{
    const struct arrow *before = p->landed[end];
    double y = arrow->y[0] + SLANT_MIN;
    if (before == NULL || arrow->y[0] <= before->y[0])
        return y;
    double apart = arrow->y[0] - before->y[0];
    return larger(y, before->y[1] + (apart < 2 * LINE ? apart : 2 * LINE));
}

static void place(struct layout *l, struct places *p, struct spot *spot)
{
    double gap = (double)(spot->time - p->time) * p->scale;
    struct arrow *arrow = spot->kind <= SPOT_ARRIVE ? arrow_of(l, spot->row) : NULL;
    spot->cut = gap > GAP_MAX && !p->folded;
    spot->gap = spot->time - p->time;
    double y = p->y + (spot->cut ? BREAK : p->folded ? 0 : gap);
    p->folded = spot->kind == SPOT_FOLD;
    if (spot->kind == SPOT_FOLD) {
        y = larger(y, larger(p->clear[0], p->clear[1]) + 8) + FOLD_HEIGHT / 2;
        p->clear[0] = p->clear[1] = y + FOLD_HEIGHT / 2 + LABEL_SIZE; /* of the next arrow */
        spot->y = y;
        p->y = y + FOLD_HEIGHT / 2;
        p->time = spot->time;
        return;
    }
    bool quiet = spot->kind == SPOT_ARRIVE && !says_state(l, spot);
    double back = quiet ? ANSWER_LINE - ARRIVAL_LINE : spot->cut ? -8 : 0;
    y = larger(y, p->clear[spot->end] - back);
    if (spot->kind == SPOT_ARRIVE && has_departure(l, &l->talk->rows[spot->row]))
        y = larger(y, arrival_height(p, spot->end, arrow));
    spot->y = y;
    double clear = y + LINE + room_below(l, spot);
    if (spot->kind == SPOT_DEPART)
        clear += arrow->lines * REMARK_LINE;
    p->clear[spot->end] = larger(p->clear[spot->end], quiet ? y + ANSWER_LINE : clear);
    if (arrow != NULL)
        arrow->y[spot->kind == SPOT_ARRIVE] = y;
    if (spot->kind == SPOT_ARRIVE)
        p->landed[spot->end] = arrow;
    p->y = y;
    p->time = spot->time;
}

/* How far an arrow falls that leaves about when this one does; the usual, when none arrived. */
static double fall_near(const struct layout *l, size_t at)
{
    int from = l->talk->rows[l->arrows[at].row].from;
    size_t first = at > NEAR ? at - NEAR : 0;
    for (size_t i = at + NEAR < l->arrow_count ? at + NEAR : l->arrow_count; i-- > first;) {
        const struct row *row = &l->talk->rows[l->arrows[i].row];
        if (row->from == from && row->sent && row->arrived && i != at && row->part == PART_WHOLE)
            return l->arrows[i].y[1] - l->arrows[i].y[0];
    }
    return l->usual;
}

/* Ends that nothing told: a lost segment would have taken as long as the others. */
static void assume(struct layout *l, double deepest)
{
    l->bottom = deepest;
    for (size_t i = 0; i < l->arrow_count; i++) {
        struct arrow *arrow = &l->arrows[i];
        const struct row *row = &l->talk->rows[arrow->row];
        bool departed = has_departure(l, row);
        if (!row->arrived && l->ladder->config.both_ends)
            arrow->y[1] = arrow->y[0] + fall_near(l, i);
        if (!departed)
            arrow->y[0] = arrow->y[1] - l->usual;
        double low = departed ? arrow->y[0] + LINE + arrow->lines * REMARK_LINE : arrow->y[1];
        l->bottom = larger(l->bottom, low);
    }
}

bool layout_make(struct layout *l, const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    l->ladder = ladder;
    l->talk = talk;
    l->spots = calloc(talk->count * 2 + 1, sizeof *l->spots);
    l->arrows = calloc(talk->count + 1, sizeof *l->arrows);
    if (l->spots == NULL || l->arrows == NULL) {
        layout_free(l);
        return false;
    }
    collect(l);
    qsort(l->spots, l->spot_count, sizeof *l->spots, by_time);
    look_at_arrows(l);
    struct places p = {.y = l->top, .clear = {l->top + 10, l->top + 10}, .scale = scale_of(l)};
    p.time = l->spot_count > 0 ? l->spots[0].time : 0;
    l->usual = ladder->config.both_ends ? FLIGHT : SLANT_MIN;
    for (size_t i = 0; i < l->spot_count; i++)
        place(l, &p, &l->spots[i]);
    assume(l, larger(p.y, larger(p.clear[0], p.clear[1]) - LINE));
    return true;
}

void layout_free(struct layout *l)
{
    free(l->spots);
    free(l->arrows);
    l->spots = NULL;
    l->arrows = NULL;
}
