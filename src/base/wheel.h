/* The timer wheel: 64 us buckets, four levels of 256 (16 ms, 4 s, 18 min, 76 h), one entry an
 * object. Setting, moving and cancelling are O(1). Entries fire in order of their exact
 * deadlines. Those that all wait about equally long, and mostly in vain, need no bucket: they stand in
 * rows, first in first out, and get one when they are due.
 *
 * A connection keeps its exact deadline in nanoseconds beside its entry; moving it later, or
 * to HF_NEVER, is a store there (the entry is found early, and put back or dropped), so
 * hf_wheel_deadline may be early for nothing, never late. Small objects live by the tick alone: their deadline is the last
 * nanosecond of the tick, so they fire up to one tick late and never early. */
#ifndef HF_BASE_WHEEL_H
#define HF_BASE_WHEEL_H

#include <handfast/types.h>

#include "base/pool.h"
#include "base/ref.h"

#define HF_TICK_NS ((hf_time)65536) /* 65.536 us: a shift, not a division                     */
#define HF_TICK_BITS 16u
#define HF_WHEEL_LEVELS 4
#define HF_WHEEL_SLOTS 256

struct hf_timer {
    hf_ref prev, next; /* in its bucket; prev of the first refers to nothing                  */
    uint32_t tick;     /* 0: not in the wheel. In a bucket: its tick modulo 2^32; in the due
                          list: low bits of the deadline that it is sorted by                 */
};

/* What the entries of a row wait for. */
enum hf_wheel_row_of { HF_ROW_SYN, HF_ROW_SYN_ACK, HF_ROW_FIN };
#define HF_WHEEL_ROWS 3u

/* Entries in the order of their ticks. */
struct hf_wheel_row {
    hf_ref first, last;
};

struct hf_wheel {
    struct hf_pool *pool[HF_KINDS]; /* where the objects of each kind live                 */
    uint16_t timer_at[HF_KINDS];    /* offset of struct hf_timer in the object             */
    uint16_t deadline_at[HF_KINDS]; /* offset of its hf_time deadline; 0: tick only        */
    uint64_t now_tick;              /* every entry before this tick has fired              */
    uint64_t quiet_till;            /* no bucket that is used, and no row, begins before this */
    uint32_t count;                 /* entries                                             */
    uint64_t steps;                 /* entries looked at on the way to being due           */
    hf_ref due;                     /* entries of now_tick, sorted by deadline and ref     */
    struct hf_wheel_row row[HF_WHEEL_ROWS];
    hf_ref slot[HF_WHEEL_LEVELS][HF_WHEEL_SLOTS];
    uint64_t used[HF_WHEEL_LEVELS][HF_WHEEL_SLOTS / 64];
    uint8_t any[HF_WHEEL_LEVELS]; /* which words of `used` are not 0                     */
};

void hf_wheel_init(struct hf_wheel *wheel, hf_time now);

/* Put `ref` in the wheel for `deadline` (its object's deadline field, where it has one, is
 * set too), or move it. A past deadline fires at once (tick-only: at the end of the tick). A
 * tick-only entry more than 76 h ahead of the last call of hf_wheel_pop fires early for
 * nothing. */
void hf_wheel_set(struct hf_wheel *wheel, hf_ref ref, hf_time deadline);
void hf_wheel_cancel(struct hf_wheel *wheel, hf_ref ref);

/* The same for who has the object before him: its timer is `timer`, and its deadline field, where it has
 * one, is his to set. */
void hf_wheel_set_timer(struct hf_wheel *wheel, hf_ref ref, struct hf_timer *timer,
                        hf_time deadline);
void hf_wheel_unlink(struct hf_wheel *wheel, hf_ref ref, struct hf_timer *timer);
static inline void hf_wheel_cancel_timer(struct hf_wheel *wheel, hf_ref ref,
                                         struct hf_timer *timer)
{
    if (timer->tick)
        hf_wheel_unlink(wheel, ref, timer);
}

/* As hf_wheel_set_timer, at a third of the cost when it comes behind all that the row holds. */
void hf_wheel_append(struct hf_wheel *wheel, enum hf_wheel_row_of row, hf_ref ref,
                     struct hf_timer *timer, hf_time deadline);

/* The next object that is due at `now`, taken out of the wheel; 0 when none is. Objects
 * whose exact deadline was moved later are put back on the way. Of those due, the one with
 * the earliest exact deadline comes first; equal ones come in the order of their refs.
 * *deadline is its exact deadline (its tick's end for tick-only kinds). */
hf_ref hf_wheel_pop(struct hf_wheel *wheel, hf_time now, hf_time *deadline);

/* The tick of a time. Times may be negative: they are moved up by 2^63. Ticks that are 0 modulo
 * 2^32 do not exist, since 0 says "not in the wheel": the one behind them begins earlier. */
static inline uint64_t hf_wheel_tick(hf_time time)
{
    uint64_t tick = ((uint64_t)time + ((uint64_t)1 << 63)) >> HF_TICK_BITS;
    return tick + ((uint32_t)tick == 0);
}

/* True: hf_wheel_pop would find nothing, and all that it would do has been done. */
static inline bool hf_wheel_is_quiet(struct hf_wheel *wheel, hf_time now)
{
    uint64_t limit = hf_wheel_tick(now);
    if (limit >= wheel->quiet_till || limit < wheel->now_tick || wheel->due)
        return false;
    wheel->now_tick = limit;
    return true;
}

/* When hf_wheel_pop should be called next; HF_NEVER when the wheel is empty. */
hf_time hf_wheel_deadline(const struct hf_wheel *wheel);

/* Move every entry by `by` (the clock jumped). */
void hf_wheel_shift(struct hf_wheel *wheel, hf_time by);

#endif
