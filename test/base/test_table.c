/* The table of four-tuples against a plain list of what is in it. */
#include "check.h"

#include <string.h>

#include "base/budget.h"
#include "base/table.h"
#include "memory.h"

#define LIMIT ((size_t)1 << 24)
#define THINGS 3000u

struct thing {
    uint32_t first, generation;
    uint8_t tuple[HF_TUPLE_BYTES];
    struct hf_tuple_ipv4 brief; /* of TIME-WAIT entries of IPv4: there the table looks at this */
};

/* A pool a kind, all alike, and a list of the references that are in the table. */
struct world {
    struct memory memory;
    struct hf_budget budget;
    struct hf_pool pool[HF_KINDS];
    struct hf_table table;
    hf_ref in[THINGS];
    uint32_t count;
};

static struct world world;

static struct thing *thing_at(hf_ref ref)
{
    return hf_pool_at(&world.pool[hf_ref_kind(ref)], hf_ref_index(ref));
}

static void begin(void)
{
    memset(&world, 0, sizeof world);
    world.budget = memory_budget(&world.memory, LIMIT);
    struct hf_key key;
    memset(&key, 0, sizeof key);
    uint64_t random = check_random();
    memcpy(&key, &random, sizeof random);
    hf_table_init(&world.table, &world.budget, key);
    for (unsigned kind = 0; kind < HF_KINDS; kind++) {
        hf_pool_init(&world.pool[kind], &world.budget, sizeof(struct thing), 5, THINGS);
        world.table.pool[kind] = &world.pool[kind];
        world.table.key_at[kind] = offsetof(struct thing, tuple);
    }
    world.table.key_at[HF_KIND_TIME_WAIT_IPV4] = offsetof(struct thing, brief);
}

static void end(void)
{
    hf_table_reset(&world.table);
    for (unsigned kind = 0; kind < HF_KINDS; kind++)
        hf_pool_reset(&world.pool[kind]);
    assert_int_equal(world.memory.bytes, 0);
    assert_int_equal(world.memory.blocks, 0);
    assert_int_equal(world.budget.used, 0);
}

/* Every second one is of IPv4. */
static void make_tuple(uint8_t tuple[HF_TUPLE_BYTES], uint32_t number)
{
    memset(tuple, 0x40, HF_TUPLE_BYTES);
    if (number & 1) {
        const struct hf_tuple_ipv4 brief = {
            {10, 0, (uint8_t)(number >> 16), (uint8_t)(number >> 24)},
            {10, 1, 2, 3},
            (uint16_t)number,
            80};
        hf_tuple_lengthen(tuple, &brief);
    } else {
        memcpy(tuple + 10, &number, sizeof number);
    }
}

static hf_ref take(uint32_t number, enum hf_kind kind)
{
    uint32_t index = hf_pool_take(&world.pool[kind]);
    if (!index)
        return 0;
    hf_ref ref = hf_ref_make(kind, index);
    struct thing *thing = thing_at(ref);
    make_tuple(thing->tuple, number);
    bool ipv4 = hf_tuple_shorten(&thing->brief, thing->tuple);
    assert_int_equal(ipv4, number & 1);
    if (ipv4)
        assert_true(hf_table_hash_ipv4(&world.table, &thing->brief) ==
                    hf_table_hash(&world.table, thing->tuple));
    return ref;
}

/* What the table should say, by looking at everything. */
static hf_ref naive_find(const uint8_t *tuple, hf_ref *time_wait)
{
    hf_ref live = 0;
    *time_wait = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        if (memcmp(thing_at(world.in[i])->tuple, tuple, HF_TUPLE_BYTES) != 0)
            continue;
        if (hf_ref_is_time_wait(world.in[i]))
            *time_wait = world.in[i];
        else
            live = world.in[i];
    }
    return live;
}

static void check_find(uint32_t number)
{
    uint8_t tuple[HF_TUPLE_BYTES];
    hf_ref naive_time_wait, time_wait;
    make_tuple(tuple, number);
    uint64_t hash = hf_table_hash(&world.table, tuple);
    hf_ref naive = naive_find(tuple, &naive_time_wait);
    hf_ref found = hf_table_find(&world.table, hash, tuple, &time_wait);
    assert_int_equal(found, naive);
    if (!naive)
        assert_int_equal(time_wait, naive_time_wait);
    found = hf_table_find_time_wait(&world.table, hash, tuple);
    assert_int_equal(found, naive_time_wait);
}

/* false: no memory, or such a thing is there already. */
static bool insert(uint32_t number, enum hf_kind kind)
{
    uint8_t tuple[HF_TUPLE_BYTES];
    hf_ref time_wait;
    make_tuple(tuple, number);
    hf_ref live = naive_find(tuple, &time_wait);
    if (kind == HF_KIND_TIME_WAIT ? time_wait || live : live != 0)
        return false;
    if (!hf_table_reserve(&world.table))
        return false;
    if (kind == HF_KIND_TIME_WAIT && number & 1)
        kind = HF_KIND_TIME_WAIT_IPV4;
    hf_ref ref = take(number, kind);
    if (!ref)
        return false;
    hf_table_insert(&world.table, hf_table_hash(&world.table, thing_at(ref)->tuple), ref);
    world.in[world.count++] = ref;
    return true;
}

static void remove_at(uint32_t i)
{
    hf_ref ref = world.in[i];
    hf_table_remove(&world.table, hf_table_hash(&world.table, thing_at(ref)->tuple), ref);
    hf_pool_give(&world.pool[hf_ref_kind(ref)], hf_ref_index(ref));
    world.in[i] = world.in[--world.count];
}

/* The thing at i becomes one of another kind, in its slot; false: there is no room for it. */
static bool replace_at(uint32_t i, enum hf_kind kind)
{
    hf_ref was = world.in[i];
    uint32_t index = hf_pool_take(&world.pool[kind]);
    if (!index)
        return false;
    hf_ref heir = hf_ref_make(kind, index);
    memcpy(thing_at(heir)->tuple, thing_at(was)->tuple, HF_TUPLE_BYTES);
    hf_table_replace(&world.table, hf_table_hash(&world.table, thing_at(was)->tuple), was, heir);
    hf_pool_give(&world.pool[hf_ref_kind(was)], hf_ref_index(was));
    world.in[i] = heir;
    return true;
}

static void check_counts(void)
{
    const struct hf_table *t = &world.table;
    assert_int_equal(t->now.used + t->before.used, world.count);
    if (t->now.size)
        assert_true(t->now.used < t->now.size);
}

static void run(uint32_t steps, uint32_t numbers, unsigned fail_one_in)
{
    static const enum hf_kind kinds[] = {HF_KIND_CONN, HF_KIND_HALF_OPEN, HF_KIND_TIME_WAIT};
    begin();
    for (uint32_t step = 0; step < steps; step++) {
        world.memory.fail_one_in = fail_one_in;
        uint32_t number = (uint32_t)check_random_below(numbers);
        unsigned growing = step / (steps / 8) % 2 ? 3 : 7;
        if (check_random_below(10) < growing && world.count < THINGS)
            insert(number, kinds[check_random_below(sizeof kinds / sizeof kinds[0])]);
        else if (world.count)
            remove_at((uint32_t)check_random_below(world.count));
        uint32_t any = world.count ? (uint32_t)check_random_below(world.count) : 0;
        if (world.count && hf_ref_kind(world.in[any]) == HF_KIND_HALF_OPEN)
            replace_at(any, HF_KIND_CONN);
        check_counts();
        check_find(number);
        check_find((uint32_t)check_random_below(numbers));
    }
    world.memory.fail_one_in = 0;
    for (uint32_t number = 0; number < numbers; number++)
        check_find(number);
    while (world.count)
        remove_at(world.count - 1);
    check_counts();
    end();
}

/* Few pairs: TIME-WAIT beside what replaces it, all the time. */
TEST(table_at_random_with_few_pairs, none, "")
{
    run(4000, 40, 0);
}

TEST(table_at_random, none, "")
{
    run(6000, 3000, 0);
}

TEST(table_at_random_without_memory, none, "")
{
    run(4000, 2000, 2);
}

/* While the table grows both halves are searched, and TIME-WAIT is found wherever either is. */
TEST(table_finds_time_wait_and_its_successor_while_growing, none, "")
{
    for (uint32_t full = 0; full < 200; full++) {
        begin();
        for (uint32_t i = 0; i < full; i++)
            assert_true(insert(1000 + i, HF_KIND_CONN));
        assert_true(insert(7, HF_KIND_TIME_WAIT));
        for (uint32_t i = 0; i < full % 50; i++)
            assert_true(insert(5000 + i, HF_KIND_CONN));
        assert_true(insert(7, HF_KIND_HALF_OPEN));
        check_find(7);
        for (uint32_t i = 0; i < 60; i++) {
            assert_true(insert(9000 + i, HF_KIND_CONN));
            check_find(7);
        }
        while (world.count)
            remove_at(world.count - 1);
        end();
    }
}

/* One object of every slot of the last part of the table: runs that wrap round its end. */
TEST(table_runs_wrap_round_the_end, none, "")
{
    begin();
    assert_true(insert(0, HF_KIND_CONN));
    uint32_t size = world.table.now.size, number = 1, wrapped = 0;
    while (world.count < size / 2) { /* all of them belong into the last four slots */
        uint8_t tuple[HF_TUPLE_BYTES];
        make_tuple(tuple, number);
        if ((hf_table_hash(&world.table, tuple) & (size - 1)) >= size - 4)
            assert_true(insert(number, HF_KIND_CONN));
        number++;
    }
    for (uint32_t i = 0; i < size / 2; i++)
        wrapped += world.table.now.slot[i].ref != 0;
    assert_true(wrapped >= size / 2 - 6);
    while (world.count) {
        remove_at((uint32_t)check_random_below(world.count));
        check_counts();
        for (uint32_t i = 0; i < number; i++)
            check_find(i);
    }
    end();
}

/* What one call did to the table as a whole. */
struct work {
    uint32_t moved, cleared;
};

static struct work work_since(const struct hf_table *before)
{
    const struct hf_table *t = &world.table;
    struct work work = {0, 0};
    if (before->before.slot)
        work.moved = before->before.used - t->before.used;
    if (t->next.slot)
        work.cleared =
            t->next.slot == before->next.slot ? t->cleared - before->cleared : t->cleared;
    else if (before->next.slot) /* it was cleared to its end, or given up */
        work.cleared = t->now.slot == before->next.slot ? before->next.size - before->cleared : 0;
    return work;
}

/* The work of one call does not grow with the table: no more than a step of the move and one of
 * clearing, up to a hundred times the smallest size and down again. */
TEST(table_moves_a_little_at_a_time, none, "C20")
{
    begin();
    uint32_t largest = 0, moves = 0;
    for (uint32_t i = 0; i < 2900; i++) {
        struct hf_table before = world.table;
        assert_true(insert(i, HF_KIND_CONN));
        struct work work = work_since(&before);
        largest = world.table.now.size > largest ? world.table.now.size : largest;
        moves += work.moved > 0;
        assert_true(work.moved <= 8);
        assert_true(work.cleared <= (world.table.now.size <= 64 ? 64u : 32u));
    }
    assert_true(moves > 300);
    assert_int_equal(largest, 4096);
    while (world.count > 1) {
        struct hf_table before = world.table;
        remove_at((uint32_t)check_random_below(world.count));
        struct work work = work_since(&before);
        assert_true(work.moved <= 1 + 8);
        assert_true(work.cleared <= 32);
        if (world.count % 100 == 0)
            check_counts();
    }
    remove_at(0);
    assert_int_equal(world.table.now.size, 64);
    end();
}

/* Without memory for another half the table goes on in the one that it has, up to its last slot but
 * one, and grows when there is memory again. */
TEST(table_without_memory_is_slow_and_right, none, "C22")
{
    begin();
    uint32_t i = 0;
    for (; i < 30; i++)
        assert_true(insert(i, HF_KIND_CONN));
    size_t limit = world.budget.limit;
    world.budget.limit = world.budget.used + 4096; /* for things, not for slots */
    while (world.table.now.size == 64 && i < 60 && insert(i, HF_KIND_CONN))
        i++;
    world.budget.limit = limit;
    for (; i < 200; i++)
        assert_true(insert(i, HF_KIND_CONN));
    for (uint32_t k = 0; k < 220; k++)
        check_find(k);
    while (world.count)
        remove_at(world.count - 1);
    end();
}
