/* The wheel against a list that is searched from end to end. */
#include "check.h"

#include <string.h>

#include "base/budget.h"
#include "base/wheel.h"
#include "memory.h"

#define EACH 60u /* objects of each kind */
#define TOP ((uint64_t)1 << 63)

/* Two kinds with an exact deadline, at different places, and one with a tick only. */
struct conn {
    uint32_t other;
    struct hf_timer timer;
    hf_time deadline;
};

struct small {
    uint32_t other[3];
    struct hf_timer timer;
};

struct entry {
    hf_ref ref;
    bool set;
    hf_time deadline; /* when it is to fire */
};

struct world {
    struct memory memory;
    struct hf_budget budget;
    struct hf_pool conns, half_opens, smalls;
    struct hf_wheel wheel;
    struct entry entry[3 * EACH];
    hf_time now;
};

static struct world world;

static void world_init(struct world *w, hf_time now)
{
    memset(w, 0, sizeof *w);
    w->now = now;
    w->budget = memory_budget(&w->memory, (size_t)1 << 26);
    hf_pool_init(&w->conns, &w->budget, sizeof(struct conn), 4, 1 << 20);
    hf_pool_init(&w->half_opens, &w->budget, sizeof(struct conn), 4, 1000);
    hf_pool_init(&w->smalls, &w->budget, sizeof(struct small), 4, 1000);
    hf_wheel_init(&w->wheel, now);
    w->wheel.pool[HF_KIND_CONN] = &w->conns;
    w->wheel.timer_at[HF_KIND_CONN] = offsetof(struct conn, timer);
    w->wheel.deadline_at[HF_KIND_CONN] = offsetof(struct conn, deadline);
    w->wheel.pool[HF_KIND_HALF_OPEN] = &w->half_opens;
    w->wheel.timer_at[HF_KIND_HALF_OPEN] = offsetof(struct conn, timer);
    w->wheel.deadline_at[HF_KIND_HALF_OPEN] = offsetof(struct conn, deadline);
    w->wheel.pool[HF_KIND_TIME_WAIT] = &w->smalls;
    w->wheel.timer_at[HF_KIND_TIME_WAIT] = offsetof(struct small, timer);
    for (unsigned i = 0; i < EACH; i++) {
        w->entry[i].ref = hf_ref_make(HF_KIND_CONN, hf_pool_take(&w->conns));
        w->entry[EACH + i].ref = hf_ref_make(HF_KIND_HALF_OPEN, hf_pool_take(&w->half_opens));
        w->entry[2 * EACH + i].ref = hf_ref_make(HF_KIND_TIME_WAIT, hf_pool_take(&w->smalls));
    }
}

static void world_done(struct world *w)
{
    hf_pool_reset(&w->conns);
    hf_pool_reset(&w->half_opens);
    hf_pool_reset(&w->smalls);
    assert_int_equal(w->memory.blocks, 0);
}

static struct conn *conn_of(struct world *w, hf_ref ref)
{
    struct hf_pool *pool = hf_ref_kind(ref) == HF_KIND_CONN ? &w->conns : &w->half_opens;
    return hf_pool_at(pool, hf_ref_index(ref));
}

static struct hf_timer *timer_of(struct world *w, hf_ref ref)
{
    if (hf_ref_kind(ref) == HF_KIND_TIME_WAIT)
        return &((struct small *)hf_pool_at(&w->smalls, hf_ref_index(ref)))->timer;
    return &conn_of(w, ref)->timer;
}

static bool tick_only(const struct entry *e)
{
    return hf_ref_kind(e->ref) == HF_KIND_TIME_WAIT;
}

/* Where the wheel stands: it has not yet gone on to `now` while there is something to fire. */
static hf_time wheel_stands_at(const struct world *w)
{
    return (hf_time)(w->wheel.now_tick * (uint64_t)HF_TICK_NS - TOP);
}

/* When an entry fires that has only a tick: at the end of its tick. */
static hf_time fires_at(const struct world *w, hf_time deadline)
{
    uint64_t tick = ((uint64_t)deadline + TOP) / (uint64_t)HF_TICK_NS;
    if ((uint32_t)tick == 0)
        tick++;
    if (tick < w->wheel.now_tick)
        tick = w->wheel.now_tick;
    return (hf_time)((tick + 1) * (uint64_t)HF_TICK_NS - TOP - 1);
}

static hf_time some_time(void)
{
    static const hf_time spans[] = {
        1,          1000,        HF_TICK_NS,    2 * HF_TICK_NS, 20 * HF_MS,
        4 * HF_SEC, 60 * HF_SEC, 3600 * HF_SEC, 36000 * HF_SEC, 250000 * HF_SEC};
    hf_time span = spans[check_random_below(sizeof spans / sizeof spans[0])];
    return (hf_time)check_random_below((uint64_t)span + 1);
}

static void op_set(struct world *w, struct entry *e)
{
    hf_time deadline = w->now + some_time();
    uint64_t odd = check_random_below(40);
    if (odd < 4)
        deadline = w->now - some_time();
    else if (odd < 8)
        deadline = w->now;
    else if (odd == 8 && !tick_only(e))
        deadline = HF_NEVER;
    else if (odd == 9 && !tick_only(e))
        deadline = w->now + (hf_time)check_random_below(4000000) * HF_SEC;
    else if (odd < 16) /* the same as another's */
        deadline = w->entry[check_random_below(2 * EACH)].deadline;
    if (tick_only(e) && deadline - wheel_stands_at(w) > 76 * 3600 * HF_SEC)
        deadline = wheel_stands_at(w) + HF_SEC;
    hf_wheel_set(&w->wheel, e->ref, deadline);
    e->set = true;
    e->deadline = tick_only(e) ? fires_at(w, deadline) : deadline;
}

/* Those of a row wait equally long, with one now and then that does not. */
static void op_append(struct world *w, struct entry *e)
{
    static const hf_time waits[HF_WHEEL_ROWS] = {HF_SEC, 3 * HF_MS, 7000 * HF_SEC};
    enum hf_wheel_row_of row = (enum hf_wheel_row_of)check_random_below(HF_WHEEL_ROWS);
    hf_time wait = waits[row];
    if (check_random_below(8) == 0)
        wait = (hf_time)check_random_below((uint64_t)(2 * wait));
    if (!tick_only(e))
        conn_of(w, e->ref)->deadline = w->now + wait;
    hf_wheel_append(&w->wheel, row, e->ref, timer_of(w, e->ref), w->now + wait);
    e->set = true;
    e->deadline = tick_only(e) ? fires_at(w, w->now + wait) : w->now + wait;
}

static void op_store_later(struct world *w, struct entry *e)
{
    if (!e->set || tick_only(e) || e->deadline >= HF_NEVER - 250000 * HF_SEC)
        return;
    e->deadline = check_random_below(8) ? e->deadline + some_time() : HF_NEVER;
    conn_of(w, e->ref)->deadline = e->deadline;
}

static void op_cancel(struct world *w, struct entry *e)
{
    hf_wheel_cancel(&w->wheel, e->ref);
    e->set = false;
}

static struct entry *first_due(struct world *w)
{
    struct entry *first = NULL;
    for (unsigned i = 0; i < 3 * EACH; i++) {
        struct entry *e = &w->entry[i];
        if (e->set && (!first || e->deadline < first->deadline ||
                       (e->deadline == first->deadline && e->ref < first->ref)))
            first = e;
    }
    return first;
}

static void check_deadline(struct world *w)
{
    struct entry *first = first_due(w);
    hf_time deadline = hf_wheel_deadline(&w->wheel);
    if (!first)
        assert_true(deadline == HF_NEVER);
    else
        assert_true(deadline <= (first->deadline > w->now ? first->deadline : w->now));
}

static void any_op(struct world *w)
{
    struct entry *e = &w->entry[check_random_below(3 * EACH)];
    /* clang-format off */
    switch (check_random_below(8)) {
    case 0:
    case 1:  op_set(w, e); break;
    case 2:
    case 3:  op_append(w, e); break;
    case 4:
    case 5:
    case 6:  op_store_later(w, e); break;
    default: op_cancel(w, e); break;
    }
    /* clang-format on */
}

/* Entries whose deadline is HF_NEVER are in the wheel until they are come across. */
static void check_count(const struct world *w)
{
    unsigned set = 0, timed = 0;
    for (unsigned i = 0; i < 3 * EACH; i++) {
        set += w->entry[i].set;
        timed += w->entry[i].set && w->entry[i].deadline != HF_NEVER;
    }
    assert_in_range(w->wheel.count, timed, set);
}

/* Take everything that is due, with other things happening in between now and then. */
static void run_due(struct world *w)
{
    for (int n = 0; n < 1000; n++) {
        hf_time at = 0;
        struct entry *want = first_due(w);
        hf_ref ref = hf_wheel_pop(&w->wheel, w->now, &at);
        if (!want || want->deadline > w->now) {
            assert_int_equal(ref, 0);
            return;
        }
        assert_int_equal(ref, want->ref);
        assert_true(at == want->deadline);
        want->set = false;
        if (check_random_below(6) == 0)
            op_set(w, want);
        else if (check_random_below(6) == 0)
            op_append(w, want);
        if (check_random_below(6) == 0)
            any_op(w);
        check_deadline(w);
        check_count(w);
    }
}

static void op_shift(struct world *w)
{
    hf_time by = check_random_below(2) ? some_time() : -some_time();
    hf_wheel_shift(&w->wheel, by);
    w->now += by;
    for (unsigned i = 0; i < 3 * EACH; i++) {
        struct entry *e = &w->entry[i];
        if (e->deadline == HF_NEVER || !e->set)
            continue;
        e->deadline += by;
        if (tick_only(e))
            e->deadline = fires_at(w, e->deadline);
    }
}

static void random_run(hf_time start, int steps, bool shifts)
{
    world_init(&world, start);
    for (int i = 0; i < steps; i++) {
        for (uint64_t ops = check_random_below(20); ops > 0; ops--) {
            any_op(&world);
            check_deadline(&world);
        }
        if (shifts && check_random_below(20) == 0) {
            op_shift(&world);
            check_deadline(&world);
        }
        hf_time deadline = hf_wheel_deadline(&world.wheel);
        if (check_random_below(3) > 0 || deadline == HF_NEVER || deadline < world.now)
            world.now += some_time();
        else
            world.now = deadline;
        run_due(&world);
    }
    world_done(&world);
}

TEST(wheel_against_a_list, none, "")
{
    random_run(0, 1500, false);
    random_run(1700000000 * HF_SEC, 1500, false);
    random_run(-100 * HF_SEC, 1500, false);
}

/* Ticks that are 0 modulo 2^32 are passed over: start right before one. */
TEST(wheel_where_the_tick_wraps, none, "")
{
    hf_time wrap = (hf_time)1 << 48;
    for (hf_time before = 0; before < 40; before++)
        random_run(wrap - before * HF_TICK_NS / 8, 30, false);
    random_run(wrap - 100000 * HF_SEC, 500, false);
}

/* Two that are due, and the first of them is put off by the least there is. */
TEST(wheel_due_and_put_off_by_a_nanosecond, none, "")
{
    for (hf_time at = 0; at <= (hf_time)1 << 32; at += (hf_time)1 << 32) {
        hf_time deadline = 0;
        world_init(&world, at);
        hf_ref first = world.entry[0].ref, second = world.entry[1].ref,
               third = world.entry[2].ref;
        hf_wheel_set(&world.wheel, first, at);
        hf_wheel_set(&world.wheel, second, at);
        hf_wheel_set(&world.wheel, third, at);
        assert_int_equal(hf_wheel_pop(&world.wheel, at + 9, &deadline), first);
        conn_of(&world, second)->deadline = at + 1;
        assert_int_equal(hf_wheel_pop(&world.wheel, at + 9, &deadline), third);
        assert_int_equal(hf_wheel_pop(&world.wheel, at + 9, &deadline), second);
        assert_true(deadline == at + 1);
        world_done(&world);
    }
}

TEST(wheel_when_the_clock_jumps, none, "")
{
    random_run(5 * HF_SEC, 1000, true);
    random_run(((hf_time)1 << 48) - HF_SEC, 1000, true);
}

TEST(wheel_deadline_leads_to_each_timer_in_few_steps, none, "")
{
    world_init(&world, 12345);
    for (int i = 0; i < 200; i++) {
        struct entry *e = &world.entry[0];
        hf_time at = 0, deadline = world.now + some_time();
        hf_wheel_set(&world.wheel, e->ref, deadline);
        unsigned early = 0;
        while (hf_wheel_pop(&world.wheel, world.now, &at) == 0) {
            hf_time next = hf_wheel_deadline(&world.wheel);
            assert_true(next <= deadline);
            assert_true(next >= world.now);
            world.now = next;
            early++;
        }
        assert_true(at == deadline && world.now == deadline);
        assert_true(early <= 6);
        assert_int_equal(world.wheel.count, 0);
    }
    world_done(&world);
}

/* An entry behind the reach of the wheel: found early again and again, fired once, on time. */
TEST(wheel_far_deadlines, none, "")
{
    world_init(&world, 0);
    hf_time at = 0, deadline = 400 * 3600 * HF_SEC + 7;
    hf_wheel_set(&world.wheel, world.entry[0].ref, deadline);
    while (hf_wheel_pop(&world.wheel, world.now, &at) == 0)
        world.now = hf_wheel_deadline(&world.wheel);
    assert_true(at == deadline && world.now == deadline);

    /* One with its tick only fires early for nothing, but not before 76 h. */
    hf_wheel_set(&world.wheel, world.entry[2 * EACH].ref, world.now + 400 * 3600 * HF_SEC);
    while (hf_wheel_pop(&world.wheel, world.now, &at) == 0)
        world.now = hf_wheel_deadline(&world.wheel);
    assert_true(at - deadline >= 76 * 3600 * HF_SEC);
    world_done(&world);
}

TEST(wheel_equal_deadlines_in_the_order_of_their_refs, none, "")
{
    enum { MANY = 50000 };
    static hf_ref refs[MANY];
    world_init(&world, 0);
    for (unsigned i = 0; i < MANY; i++)
        refs[i] = hf_ref_make(HF_KIND_CONN, hf_pool_take(&world.conns));
    for (unsigned i = MANY; i-- > 1;) {
        unsigned j = (unsigned)check_random_below(i + 1);
        hf_ref swap = refs[i];
        refs[i] = refs[j];
        refs[j] = swap;
    }
    for (unsigned i = 0; i < MANY; i++)
        hf_wheel_set(&world.wheel, refs[i], HF_SEC + 5);
    hf_ref last = 0;
    hf_time at;
    assert_int_equal(hf_wheel_pop(&world.wheel, HF_SEC + 4, &at), 0);
    for (unsigned i = 0; i < MANY; i++) {
        hf_ref ref = hf_wheel_pop(&world.wheel, HF_SEC + 5, &at);
        assert_true(ref > last);
        assert_true(at == HF_SEC + 5);
        last = ref;
    }
    assert_int_equal(hf_wheel_pop(&world.wheel, HF_NEVER, &at), 0);
    assert_true(hf_wheel_deadline(&world.wheel) == HF_NEVER);
    world_done(&world);
}

TEST(wheel_clock_that_steps_back, none, "")
{
    world_init(&world, 10 * HF_SEC);
    hf_time at;
    hf_wheel_set(&world.wheel, world.entry[0].ref, 11 * HF_SEC);
    assert_int_equal(hf_wheel_pop(&world.wheel, 9 * HF_SEC, &at), 0);
    hf_wheel_set(&world.wheel, world.entry[1].ref, 5 * HF_SEC);
    assert_int_equal(hf_wheel_pop(&world.wheel, 9 * HF_SEC, &at), world.entry[1].ref);
    assert_int_equal(hf_wheel_pop(&world.wheel, 9 * HF_SEC, &at), 0);
    assert_int_equal(hf_wheel_pop(&world.wheel, 11 * HF_SEC, &at), world.entry[0].ref);
    world_done(&world);
}

TEST(wheel_forgets_an_entry_whose_deadline_became_never, none, "")
{
    static const hf_time far[] = {HF_MS, HF_SEC, 600 * HF_SEC, 100000 * HF_SEC};
    world_init(&world, 0);
    hf_time at;
    for (unsigned i = 0; i < 4; i++) {
        hf_wheel_set(&world.wheel, world.entry[i].ref, far[i]);
        conn_of(&world, world.entry[i].ref)->deadline = HF_NEVER;
    }
    assert_int_equal(hf_wheel_pop(&world.wheel, 200000 * HF_SEC, &at), 0);
    assert_int_equal(world.wheel.count, 0);
    assert_true(hf_wheel_deadline(&world.wheel) == HF_NEVER);
    world_done(&world);
}
