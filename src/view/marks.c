/* Bounded lists of marks. See marks.h. */
#include "view/marks.h"

#include <stdlib.h>

/* Points of the picture that the whole range of times and of values is spread over. */
#define COLUMNS 1000
#define ROWS 500

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool near(const struct marks *marks, const struct mark *a, const struct mark *b,
                 hf_time grain, int64_t step)
{
    if (a->kind != b->kind || b->to - a->from > grain)
        return false;
    int64_t gap = max(a->low, b->low) - min(a->high, b->high);
    return marks->curve || gap <= step;
}

static void join(struct mark *a, const struct mark *b)
{
    a->to = b->to;
    a->low = min(a->low, b->low);
    a->high = max(a->high, b->high);
    a->last = b->last;
    a->count += b->count;
}

static void join_neighbours(struct marks *marks, hf_time grain, int64_t step)
{
    size_t kept = 0;
    for (size_t i = 1; i < marks->count; i++) {
        if (near(marks, &marks->at[kept], &marks->at[i], grain, step))
            join(&marks->at[kept], &marks->at[i]);
        else
            marks->at[++kept] = marks->at[i];
    }
    marks->count = kept + 1;
}

/* Half of the room becomes free. The whole of the range is one grain in the end, and of kinds there
 * are few: where they alternate, the oldest go. */
static void shrink(struct marks *marks)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < marks->count; i++) {
        low = min(low, marks->at[i].low);
        high = max(high, marks->at[i].high);
    }
    hf_time time = marks->at[marks->count - 1].to - marks->at[0].from;
    hf_time grain = time / COLUMNS;
    int64_t step = (high - low) / ROWS;
    for (int i = 0; i < 10 && marks->count > MARKS_MAX / 2; i++) {
        join_neighbours(marks, grain, step);
        grain = grain * 2 + 1;
        step = step * 2 + 1;
    }
    if (marks->count <= MARKS_MAX / 2)
        return;
    size_t gone = marks->count - MARKS_MAX / 2;
    for (size_t i = 0; i + gone < marks->count; i++)
        marks->at[i] = marks->at[i + gone];
    marks->count -= gone;
}

static bool make_room(struct marks *marks)
{
    if (marks->count < marks->room)
        return true;
    if (marks->room == MARKS_MAX) {
        shrink(marks);
        return true;
    }
    size_t room = marks->room ? marks->room * 2 : 64;
    struct mark *at = realloc(marks->at, room * sizeof *at);
    if (!at)
        return false;
    marks->at = at;
    marks->room = room;
    return true;
}

bool hf_marks_add(struct marks *marks, hf_time time, int64_t low, int64_t high, uint16_t kind)
{
    if (!make_room(marks))
        return false;
    marks->at[marks->count++] = (struct mark){time, time, low, high, high, kind, 1};
    return true;
}

bool hf_marks_follow(struct marks *marks, hf_time time, int64_t value)
{
    if (marks->count > 0 && marks->at[marks->count - 1].last == value)
        return true;
    return hf_marks_add(marks, time, value, value, 0);
}

void hf_marks_free(struct marks *marks)
{
    free(marks->at);
    marks->at = NULL;
    marks->count = marks->room = 0;
}
