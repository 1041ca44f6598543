/* The timer wheel.
 *
 * Ticks are 64 us and, inside this file, 64 bits wide. An entry is on the level of the highest
 * byte in which its tick differs from now_tick, in the bucket of that byte's value; the top
 * level is circular. So all of level 0 comes before all of level 1, and so on, and the next
 * bucket is found in the bitmaps. When the wheel comes to a bucket of a higher level, its
 * entries move down.
 *
 * The bucket of now_tick itself is emptied into `due`, a list sorted by deadline and
 * reference: sorted once, then taken from its front, so that any number of equal deadlines
 * is cheap. While an entry is in that list, its `tick` holds the low bits of the deadline
 * that it was sorted by, which tells when the deadline has been moved later since.
 *
 * A row is in front of all that: its entries are sorted by being appended in order, and go to the bucket
 * of their tick before the wheel comes past it. */
#include "base/wheel.h"

#include <stdbool.h>
#include <string.h>

#define LEVEL_BITS 8u
#define SLOT_MASK (HF_WHEEL_SLOTS - 1u)
#define TICK_BITS HF_TICK_BITS
#define AHEAD_MAX ((uint64_t)255 << 24) /* ticks that the circular level can tell apart: 77.9 h */
#define RUNS 32                         /* merge sort of up to 2^32 entries */

_Static_assert(HF_TICK_NS == 1 << TICK_BITS, "a tick is a power of two");

static uint64_t tick_of(hf_time time)
{
    return hf_wheel_tick(time);
}

/* The earliest time that has this tick. */
static hf_time tick_start(uint64_t tick)
{
    tick -= (uint32_t)tick == 1;
    return (hf_time)((tick << TICK_BITS) - ((uint64_t)1 << 63));
}

/* The last time that has it. */
static hf_time tick_end(uint64_t tick)
{
    return (hf_time)(((tick + 1) << TICK_BITS) - ((uint64_t)1 << 63) - 1);
}

static uint8_t *object_of(const struct hf_wheel *wheel, hf_ref ref)
{
    return hf_pool_at(wheel->pool[hf_ref_kind(ref)], hf_ref_index(ref));
}

static struct hf_timer *timer_of(const struct hf_wheel *wheel, hf_ref ref)
{
    return (struct hf_timer *)(void *)(object_of(wheel, ref) + wheel->timer_at[hf_ref_kind(ref)]);
}

/* Where the object keeps its exact deadline; NULL for kinds that have only their tick. */
static hf_time *exact_of(const struct hf_wheel *wheel, hf_ref ref)
{
    uint16_t at = wheel->deadline_at[hf_ref_kind(ref)];
    return at ? (hf_time *)(void *)(object_of(wheel, ref) + at) : 0;
}

/* What an entry of the due list was sorted by, as its `tick` holds it. 0 is taken ("in no list") and
 * shares the mark of the number before it, not that of the next: a deadline that was due and is
 * moved by a nanosecond or two must be seen to have moved. */
static uint32_t sort_mark(hf_time deadline)
{
    uint32_t low = (uint32_t)(uint64_t)deadline;
    return low ? low : UINT32_MAX;
}

/* The deadline of an entry in the bucket of now_tick or in the due list. */
static hf_time deadline_now(const struct hf_wheel *wheel, hf_ref ref)
{
    const hf_time *exact = exact_of(wheel, ref);
    return exact ? *exact : tick_end(wheel->now_tick);
}

/* In the due list: was the deadline moved later since it was sorted? */
static bool was_moved(const struct hf_wheel *wheel, hf_ref ref)
{
    const hf_time *exact = exact_of(wheel, ref);
    return exact &&
           (sort_mark(*exact) != timer_of(wheel, ref)->tick || tick_of(*exact) > wheel->now_tick);
}

static bool comes_first(hf_time a_deadline, hf_ref a, hf_time b_deadline, hf_ref b)
{
    return a_deadline != b_deadline ? a_deadline < b_deadline : a < b;
}

void hf_wheel_init(struct hf_wheel *wheel, hf_time now)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->now_tick = tick_of(now);
}

static unsigned level_of(const struct hf_wheel *wheel, uint64_t tick)
{
    uint64_t differs = tick ^ wheel->now_tick;
    unsigned level = (63u - (unsigned)__builtin_clzll(differs | 1)) / LEVEL_BITS;
    return level < HF_WHEEL_LEVELS ? level : HF_WHEEL_LEVELS - 1;
}

static unsigned slot_at(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> level * LEVEL_BITS) & SLOT_MASK;
}

static void mark_used(struct hf_wheel *wheel, unsigned level, unsigned slot, bool used)
{
    uint64_t bit = (uint64_t)1 << slot % 64, *word = &wheel->used[level][slot / 64];
    *word = used ? *word | bit : *word & ~bit;
    uint8_t any = (uint8_t)(1u << slot / 64);
    wheel->any[level] = (uint8_t)(*word ? wheel->any[level] | any : wheel->any[level] & ~any);
}

/* The entry's 64-bit tick; it is in a bucket. */
static uint64_t tick_in_bucket(const struct hf_wheel *wheel, const struct hf_timer *timer)
{
    return wheel->now_tick + (uint32_t)(timer->tick - (uint32_t)wheel->now_tick);
}

static void link_timer(struct hf_wheel *wheel, hf_ref ref, struct hf_timer *timer, uint64_t tick)
{
    if (tick < wheel->now_tick)
        tick = wheel->now_tick;
    if (tick > wheel->now_tick + AHEAD_MAX) {
        tick = wheel->now_tick + AHEAD_MAX;
        tick -= (uint32_t)tick == 0;
    }
    unsigned level = level_of(wheel, tick);
    unsigned slot = slot_at(tick, level);
    uint64_t begins = tick >> level * LEVEL_BITS << level * LEVEL_BITS;
    hf_ref *first = &wheel->slot[level][slot];
    if (begins < wheel->quiet_till)
        wheel->quiet_till = begins;
    *timer = (struct hf_timer){.next = *first, .tick = (uint32_t)tick};
    if (*first)
        timer_of(wheel, *first)->prev = ref;
    else
        mark_used(wheel, level, slot, true);
    *first = ref;
}

static void link_at(struct hf_wheel *wheel, hf_ref ref, uint64_t tick)
{
    link_timer(wheel, ref, timer_of(wheel, ref), tick);
}

/* The first or the last of a list: the row that it belongs to, if any, begins or ends elsewhere now. */
static bool unlink_end_of_row(struct hf_wheel *wheel, hf_ref ref, const struct hf_timer *timer)
{
    for (unsigned i = 0; i < HF_WHEEL_ROWS; i++) {
        struct hf_wheel_row *row = &wheel->row[i];
        if (row->first != ref && row->last != ref)
            continue;
        row->first = timer->prev ? row->first : timer->next;
        row->last = timer->next ? row->last : timer->prev;
        return true;
    }
    return false;
}

/* The first of the due list, or of its bucket. */
static void unlink_first(struct hf_wheel *wheel, hf_ref ref, const struct hf_timer *timer)
{
    if (wheel->due == ref) {
        wheel->due = timer->next;
        return;
    }
    uint64_t tick = tick_in_bucket(wheel, timer);
    unsigned level = level_of(wheel, tick);
    unsigned slot = slot_at(tick, level);
    HF_ASSERT(wheel->slot[level][slot] == ref);
    wheel->slot[level][slot] = timer->next;
    if (!timer->next)
        mark_used(wheel, level, slot, false);
}

static void unlink_timer(struct hf_wheel *wheel, hf_ref ref, struct hf_timer *timer)
{
    if (timer->next)
        timer_of(wheel, timer->next)->prev = timer->prev;
    if (timer->prev)
        timer_of(wheel, timer->prev)->next = timer->next;
    bool is_end = !timer->prev || !timer->next;
    if (is_end && !unlink_end_of_row(wheel, ref, timer) && !timer->prev)
        unlink_first(wheel, ref, timer);
    *timer = (struct hf_timer){0};
}

static void unlink_entry(struct hf_wheel *wheel, hf_ref ref)
{
    unlink_timer(wheel, ref, timer_of(wheel, ref));
}

/* An entry, in no list now, whose bucket came too early for its exact deadline: to where that is, or
 * out of the wheel when there is none any more. */
static void put_back(struct hf_wheel *wheel, hf_ref ref, hf_time exact)
{
    if (exact != HF_NEVER) {
        link_at(wheel, ref, tick_of(exact));
        return;
    }
    *timer_of(wheel, ref) = (struct hf_timer){0};
    wheel->count--;
}

void hf_wheel_set_timer(struct hf_wheel *wheel, hf_ref ref, struct hf_timer *timer,
                        hf_time deadline)
{
    uint64_t tick = tick_of(deadline);
    if (timer->tick) {
        /* It may stay where it is found too early. In the due list `tick` is something else,
         * but there every entry is found before a later tick, so that staying is right as
         * well. */
        uint64_t ahead = tick - wheel->now_tick;
        if (wheel->deadline_at[hf_ref_kind(ref)] && tick > wheel->now_tick &&
            ahead >= (uint32_t)(timer->tick - (uint32_t)wheel->now_tick))
            return;
        unlink_timer(wheel, ref, timer);
        wheel->count--;
    }
    link_timer(wheel, ref, timer, tick);
    wheel->count++;
}

void hf_wheel_set(struct hf_wheel *wheel, hf_ref ref, hf_time deadline)
{
    hf_time *exact = exact_of(wheel, ref);
    if (exact)
        *exact = deadline;
    hf_wheel_set_timer(wheel, ref, timer_of(wheel, ref), deadline);
}

void hf_wheel_unlink(struct hf_wheel *wheel, hf_ref ref, struct hf_timer *timer)
{
    unlink_timer(wheel, ref, timer);
    wheel->count--;
}

void hf_wheel_cancel(struct hf_wheel *wheel, hf_ref ref)
{
    hf_wheel_cancel_timer(wheel, ref, timer_of(wheel, ref));
}

/* ---- Rows ---- */

/* May an entry of this tick stand in a row? What is due has a bucket. */
static inline bool is_ahead(const struct hf_wheel *wheel, uint64_t tick)
{
    return tick - wheel->now_tick - 1 < AHEAD_MAX;
}

static inline void stand_last(struct hf_wheel *wheel, struct hf_wheel_row *row, hf_ref ref,
                              struct hf_timer *timer, uint64_t tick)
{
    *timer = (struct hf_timer){.prev = row->last, .tick = (uint32_t)tick};
    row->last = ref;
    if (tick < wheel->quiet_till)
        wheel->quiet_till = tick;
    wheel->count++;
}

/* Behind others, unless it comes before the last of them. */
HF_APART static void append_behind(struct hf_wheel *wheel, struct hf_wheel_row *row, hf_ref ref,
                                   struct hf_timer *timer, hf_time deadline)
{
    struct hf_timer *last = timer_of(wheel, row->last);
    uint64_t tick = tick_of(deadline);
    if (!is_ahead(wheel, tick) || tick < tick_in_bucket(wheel, last)) {
        hf_wheel_set_timer(wheel, ref, timer, deadline);
        return;
    }
    last->next = ref;
    stand_last(wheel, row, ref, timer, tick);
}

static inline void append(struct hf_wheel *wheel, struct hf_wheel_row *row, hf_ref ref,
                          struct hf_timer *timer, hf_time deadline)
{
    uint64_t tick = tick_of(deadline);
    if (row->last) {
        append_behind(wheel, row, ref, timer, deadline);
    } else if (!is_ahead(wheel, tick)) {
        hf_wheel_set_timer(wheel, ref, timer, deadline);
    } else {
        row->first = ref;
        stand_last(wheel, row, ref, timer, tick);
    }
}

HF_APART static void append_again(struct hf_wheel *wheel, struct hf_wheel_row *row, hf_ref ref,
                                  struct hf_timer *timer, hf_time deadline)
{
    hf_wheel_unlink(wheel, ref, timer);
    append(wheel, row, ref, timer, deadline);
}

void hf_wheel_append(struct hf_wheel *wheel, enum hf_wheel_row_of which, hf_ref ref,
                     struct hf_timer *timer, hf_time deadline)
{
    struct hf_wheel_row *row = &wheel->row[which];
    if (timer->tick)
        append_again(wheel, row, ref, timer, deadline);
    else
        append(wheel, row, ref, timer, deadline);
}

/* The tick of a row's first entry; UINT64_MAX: it is empty. */
static uint64_t row_begins(const struct hf_wheel *wheel, const struct hf_wheel_row *row)
{
    return row->first ? tick_in_bucket(wheel, timer_of(wheel, row->first)) : UINT64_MAX;
}

/* The first tick of all rows. */
static uint64_t rows_begin(const struct hf_wheel *wheel)
{
    uint64_t first = UINT64_MAX;
    for (unsigned i = 0; i < HF_WHEEL_ROWS; i++) {
        uint64_t begins = row_begins(wheel, &wheel->row[i]);
        first = begins < first ? begins : first;
    }
    return first;
}

/* The first entry of a row: out of it. */
static hf_ref take_from_row(struct hf_wheel *wheel, struct hf_wheel_row *row)
{
    hf_ref ref = row->first;
    row->first = timer_of(wheel, ref)->next;
    if (row->first)
        timer_of(wheel, row->first)->prev = 0;
    else
        row->last = 0;
    return ref;
}

/* What is due by `limit` goes where all others stand. */
static void empty_rows(struct hf_wheel *wheel, uint64_t limit)
{
    for (unsigned i = 0; i < HF_WHEEL_ROWS; i++) {
        struct hf_wheel_row *row = &wheel->row[i];
        for (uint64_t tick; row->first && (tick = row_begins(wheel, row)) <= limit;) {
            wheel->steps++;
            hf_ref ref = take_from_row(wheel, row);
            const hf_time *exact = exact_of(wheel, ref);
            if (exact)
                put_back(wheel, ref, *exact);
            else
                link_at(wheel, ref, tick);
        }
    }
}

/* Merge two sorted lists, linked by `next` alone. */
static hf_ref merge(struct hf_wheel *wheel, hf_ref a, hf_ref b)
{
    hf_ref first = 0;
    hf_ref *end = &first;
    hf_time a_deadline = a ? deadline_now(wheel, a) : 0;
    hf_time b_deadline = b ? deadline_now(wheel, b) : 0;
    while (a && b) {
        wheel->steps++;
        if (comes_first(a_deadline, a, b_deadline, b)) {
            *end = a;
            end = &timer_of(wheel, a)->next;
            a = *end;
            a_deadline = a ? deadline_now(wheel, a) : 0;
        } else {
            *end = b;
            end = &timer_of(wheel, b)->next;
            b = *end;
            b_deadline = b ? deadline_now(wheel, b) : 0;
        }
    }
    *end = a ? a : b;
    return first;
}

/* Sort entries, linked by `next`, by deadline: run i holds 2^i of them or none. */
static hf_ref sort(struct hf_wheel *wheel, hf_ref list)
{
    hf_ref runs[RUNS] = {0};
    while (list) {
        hf_ref run = list;
        struct hf_timer *timer = timer_of(wheel, run);
        list = timer->next;
        timer->next = 0;
        unsigned i = 0;
        for (; runs[i]; i++) {
            run = merge(wheel, runs[i], run);
            runs[i] = 0;
        }
        runs[i] = run;
    }
    hf_ref sorted = 0;
    for (unsigned i = 0; i < RUNS; i++)
        sorted = merge(wheel, runs[i], sorted);
    return sorted;
}

/* Put sorted entries among those that are due. It ends where their list ends, so that one early
 * entry does not cost a walk over all that are due. An entry whose deadline was moved is passed
 * over: it stands too early, never too late, and is put back when it comes to the front. */
static void merge_into_due(struct hf_wheel *wheel, hf_ref list)
{
    hf_ref before = 0;
    hf_ref after = wheel->due;
    while (list) {
        wheel->steps++;
        struct hf_timer *timer = timer_of(wheel, list);
        hf_time deadline = deadline_now(wheel, list);
        while (after && (was_moved(wheel, after) ||
                         !comes_first(deadline, list, deadline_now(wheel, after), after))) {
            wheel->steps++;
            before = after;
            after = timer_of(wheel, after)->next;
        }
        hf_ref rest = timer->next;
        *timer = (struct hf_timer){before, after, sort_mark(deadline)};
        if (before)
            timer_of(wheel, before)->next = list;
        else
            wheel->due = list;
        if (after)
            timer_of(wheel, after)->prev = list;
        before = list;
        list = rest;
    }
}

static hf_ref take_bucket(struct hf_wheel *wheel, unsigned level, unsigned slot)
{
    hf_ref list = wheel->slot[level][slot];
    wheel->slot[level][slot] = 0;
    mark_used(wheel, level, slot, false);
    return list;
}

/* Empty the bucket of now_tick: what is not for later goes to the due list. */
static void gather_due(struct hf_wheel *wheel)
{
    hf_ref entry = take_bucket(wheel, 0, slot_at(wheel->now_tick, 0));
    hf_ref list = 0;
    while (entry) {
        wheel->steps++;
        struct hf_timer *timer = timer_of(wheel, entry);
        const hf_time *exact = exact_of(wheel, entry);
        hf_ref next = timer->next;
        if (exact && tick_of(*exact) > wheel->now_tick) {
            put_back(wheel, entry, *exact);
        } else {
            timer->next = list;
            list = entry;
        }
        entry = next;
    }
    merge_into_due(wheel, sort(wheel, list));
}

/* The first used slot from `slot` on; HF_WHEEL_SLOTS: none. */
static unsigned used_from(const struct hf_wheel *wheel, unsigned level, unsigned slot)
{
    if (slot >= HF_WHEEL_SLOTS || !wheel->any[level])
        return HF_WHEEL_SLOTS;
    unsigned i = slot / 64;
    uint64_t word = wheel->used[level][i] & ~(uint64_t)0 << slot % 64;
    if (!word) {
        unsigned later = wheel->any[level] & (~1u << i);
        if (!later)
            return HF_WHEEL_SLOTS;
        i = (unsigned)__builtin_ctz(later);
        word = wheel->used[level][i];
    }
    return i * 64 + (unsigned)__builtin_ctzll(word);
}

/* The next bucket behind that of now_tick: its first tick and its level. false: no entries. */
static bool next_bucket(const struct hf_wheel *wheel, uint64_t *first, unsigned *level)
{
    for (unsigned l = 0; l < HF_WHEEL_LEVELS; l++) {
        unsigned here = slot_at(wheel->now_tick, l);
        unsigned slot = used_from(wheel, l, here + 1);
        if (slot == HF_WHEEL_SLOTS && l == HF_WHEEL_LEVELS - 1)
            slot = used_from(wheel, l, 0);
        if (slot == HF_WHEEL_SLOTS)
            continue;
        unsigned bits = l * LEVEL_BITS;
        *first = ((wheel->now_tick >> bits) + ((slot - here) & SLOT_MASK)) << bits;
        *level = l;
        return true;
    }
    return false;
}

/* Go on to the next bucket, not beyond `limit`. true: there was one. */
static bool advance(struct hf_wheel *wheel, uint64_t limit)
{
    uint64_t first;
    unsigned level;
    bool any = next_bucket(wheel, &first, &level);
    if (!any || first > limit) {
        uint64_t rows = rows_begin(wheel);
        wheel->quiet_till = any && first < rows ? first : rows;
        if (wheel->now_tick < limit)
            wheel->now_tick = limit;
        return false;
    }
    wheel->now_tick = first;
    wheel->steps++;
    if (level == 0)
        return true;
    hf_ref entry = take_bucket(wheel, level, slot_at(first, level));
    while (entry) {
        wheel->steps++;
        const struct hf_timer *timer = timer_of(wheel, entry);
        const hf_time *exact = exact_of(wheel, entry);
        hf_ref next = timer->next;
        if (exact)
            put_back(wheel, entry, *exact);
        else
            link_at(wheel, entry, tick_in_bucket(wheel, timer));
        entry = next;
    }
    return true;
}

hf_ref hf_wheel_pop(struct hf_wheel *wheel, hf_time now, hf_time *deadline)
{
    uint64_t limit = tick_of(now);
    if (HF_LIKELY(hf_wheel_is_quiet(wheel, now)))
        return 0;
    empty_rows(wheel, limit);
    for (;;) {
        if (wheel->slot[0][slot_at(wheel->now_tick, 0)])
            gather_due(wheel);
        hf_ref ref = wheel->due;
        if (!ref) {
            if (!advance(wheel, limit))
                return 0;
            continue;
        }
        hf_time at = deadline_now(wheel, ref);
        if (was_moved(wheel, ref)) {
            wheel->steps++;
            unlink_entry(wheel, ref);
            put_back(wheel, ref, at);
            continue;
        }
        if (at > now)
            return 0;
        unlink_entry(wheel, ref);
        wheel->count--;
        *deadline = at;
        return ref;
    }
}

hf_time hf_wheel_deadline(const struct hf_wheel *wheel)
{
    uint64_t first;
    unsigned level;
    if (wheel->slot[0][slot_at(wheel->now_tick, 0)])
        return tick_start(wheel->now_tick);
    if (wheel->due)
        return was_moved(wheel, wheel->due) ? tick_start(wheel->now_tick)
                                            : deadline_now(wheel, wheel->due);
    uint64_t rows = rows_begin(wheel);
    if (!next_bucket(wheel, &first, &level) || rows < first)
        first = rows;
    return first != UINT64_MAX ? tick_start(first) : HF_NEVER;
}

static hf_time add_time(hf_time time, hf_time by)
{
    if (time == HF_NEVER || (by > 0 && time > INT64_MAX - by))
        return HF_NEVER;
    return by < 0 && time < INT64_MIN - by ? INT64_MIN : time + by;
}

void hf_wheel_shift(struct hf_wheel *wheel, hf_time by)
{
    hf_ref all = 0;
    for (unsigned level = 0; level < HF_WHEEL_LEVELS; level++) {
        for (unsigned slot = used_from(wheel, level, 0); slot < HF_WHEEL_SLOTS;
             slot = used_from(wheel, level, slot + 1)) {
            hf_ref entry = take_bucket(wheel, level, slot);
            while (entry) {
                struct hf_timer *timer = timer_of(wheel, entry);
                hf_ref next = timer->next;
                timer->prev = all;
                all = entry;
                entry = next;
            }
        }
    }
    for (unsigned i = 0; i < HF_WHEEL_ROWS; i++) {
        while (wheel->row[i].first) {
            hf_ref entry = take_from_row(wheel, &wheel->row[i]);
            timer_of(wheel, entry)->prev = all;
            all = entry;
        }
    }
    hf_ref due = wheel->due;
    wheel->due = 0;
    wheel->quiet_till = 0;
    uint64_t was = wheel->now_tick;
    uint64_t is = tick_of(add_time(tick_start(was), by));
    /* Entries with nothing but a tick end no earlier than they would have, moved by `by`. */
    while (all) {
        struct hf_timer *timer = timer_of(wheel, all);
        hf_time *exact = exact_of(wheel, all);
        wheel->now_tick = was;
        hf_time deadline = add_time(exact ? *exact : tick_end(tick_in_bucket(wheel, timer)), by);
        hf_ref next = timer->prev;
        if (exact)
            *exact = deadline;
        wheel->now_tick = is;
        link_at(wheel, all, tick_of(deadline));
        all = next;
    }
    while (due) {
        hf_time *exact = exact_of(wheel, due);
        hf_time deadline = add_time(exact ? *exact : tick_end(was), by);
        hf_ref next = timer_of(wheel, due)->next;
        if (exact)
            *exact = deadline;
        wheel->now_tick = is;
        link_at(wheel, due, tick_of(deadline));
        due = next;
    }
    wheel->now_tick = is;
}
