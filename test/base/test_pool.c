/* Pools against an array of what is taken. */
#include "check.h"

#include <string.h>

#include "base/budget.h"
#include "base/pool.h"
#include "memory.h"

#define LIMIT ((size_t)1 << 24)

struct thing {
    uint32_t first, generation;
    uint8_t filling[33];
};

static void check_zero(const void *object, size_t size)
{
    const uint8_t *bytes = object;
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 0);
}

TEST(pool_takes_and_gives_at_random, none, "")
{
    static uint32_t taken[500];
    for (unsigned shift = 1; shift <= 6; shift++) {
        struct memory memory = {0};
        struct hf_budget budget = memory_budget(&memory, LIMIT);
        struct hf_pool pool;
        uint32_t count = 0, takes = 0;
        hf_pool_init(&pool, &budget, sizeof(struct thing), shift, 450);
        assert_int_equal(pool.size, 48);
        for (int step = 0; step < 20000; step++) {
            memory.fail_one_in = step % 4000 < 2000 ? 0 : 3;
            uint64_t growing = step / 1000 % 2 ? 3 : 7;
            if (check_random_below(10) < growing) {
                uint32_t index = hf_pool_take(&pool);
                if (!index) {
                    assert_true(count == 450 || memory.fail_one_in > 0);
                    continue;
                }
                struct thing *thing = hf_pool_at(&pool, index);
                check_zero(thing, pool.size);
                for (uint32_t i = 0; i < count; i++)
                    assert_int_not_equal(taken[i], index);
                memset(thing, 0xff, pool.size);
                thing->first = index;
                taken[count++] = index;
                takes++;
            } else if (count > 0) {
                uint32_t i = (uint32_t)check_random_below(count);
                assert_int_equal(((struct thing *)hf_pool_find(&pool, taken[i]))->first,
                                 taken[i]);
                hf_pool_give(&pool, taken[i]);
                taken[i] = taken[--count];
            }
            assert_int_equal(pool.count, count);
            assert_int_equal(pool.takes, takes);
            assert_int_equal(memory.bytes, budget.used);
        }
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(((struct thing *)hf_pool_at(&pool, taken[i]))->first, taken[i]);
        while (count > 0)
            hf_pool_give(&pool, taken[--count]);
        assert_int_equal(memory.blocks, 3); /* two arrays and one slab that is kept */
        hf_pool_reset(&pool);
        assert_int_equal(memory.blocks, 0);
        assert_int_equal(pool.takes, takes);
        memory.fail_one_in = 0;
        assert_int_not_equal(hf_pool_take(&pool), 0);
        hf_pool_reset(&pool);
    }
}

TEST(pool_stops_at_its_maximum_and_at_the_budget, none, "")
{
    struct memory memory = {0};
    struct hf_budget budget = memory_budget(&memory, LIMIT);
    struct hf_pool pool;
    hf_pool_init(&pool, &budget, 8, 3, 20);
    for (int i = 0; i < 20; i++)
        assert_int_not_equal(hf_pool_take(&pool), 0);
    assert_int_equal(hf_pool_take(&pool), 0);
    hf_pool_reset(&pool);

    hf_pool_init(&pool, &budget, 64, 3, 1000);
    hf_budget_set_limit(&budget, 2000);
    unsigned taken = 0;
    while (hf_pool_take(&pool))
        taken++;
    assert_in_range(taken, 8, 31);
    assert_in_range(budget.used, 512, 2000);
    hf_pool_reset(&pool);
    assert_int_equal(budget.used, 0);
}

TEST(pool_index_from_outside_that_is_stale, none, "")
{
    struct memory memory = {0};
    struct hf_budget budget = memory_budget(&memory, LIMIT);
    struct hf_pool pool;
    hf_pool_init(&pool, &budget, sizeof(struct thing), 2, 1000);
    assert_null(hf_pool_find(&pool, 0));
    assert_null(hf_pool_find(&pool, 1));
    assert_null(hf_pool_find(&pool, UINT32_MAX));

    uint32_t index = hf_pool_take(&pool);
    uint32_t generation = pool.takes;
    struct thing *thing = hf_pool_find(&pool, index);
    thing->generation = generation;
    assert_null(hf_pool_find(&pool, 0));
    hf_pool_give(&pool, index);
    assert_int_equal(thing->generation, 0);

    assert_int_equal(hf_pool_take(&pool), index);
    assert_true(pool.takes != generation);

    /* More than one slab: the last one goes back while another is empty. */
    uint32_t many[12];
    for (int i = 0; i < 12; i++)
        many[i] = hf_pool_take(&pool);
    for (int i = 0; i < 12; i++)
        hf_pool_give(&pool, many[i]);
    int gone = 0;
    for (int i = 0; i < 12; i++)
        gone += !hf_pool_find(&pool, many[i]);
    assert_true(gone >= 4);
    hf_pool_reset(&pool);
}

TEST(pool_fills_slabs_that_are_there_first, none, "")
{
    struct memory memory = {0};
    struct hf_budget budget = memory_budget(&memory, LIMIT);
    struct hf_pool pool;
    static uint32_t many[8 * 64];
    hf_pool_init(&pool, &budget, 16, 3, 10000);
    for (int i = 0; i < 8 * 64; i++)
        many[i] = hf_pool_take(&pool);
    size_t full = memory.bytes;
    for (int i = 0; i < 8 * 64; i += 2)
        hf_pool_give(&pool, many[i]);
    for (int i = 0; i < 8 * 64; i += 2)
        assert_int_not_equal(hf_pool_take(&pool), 0);
    assert_int_equal(memory.bytes, full);
    hf_pool_reset(&pool);
}
