/* Whole connections between two stacks over a bad network: a fixed list of seeds, some fresh ones,
 * and a run whose allocations fail one after the other. See story.h for what is asserted; `make
 * soak` runs thousands of fresh seeds through the program `simulate`. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>

#include <handfast/sim.h>

#include "story.h"

#define FIXED 60
#define FRESH 20
#define FRESH_SOAK 10000
#define SEEDS_OF_SHORTAGE 5
#define AT_MOST 60

static void must_be_fine(uint64_t seed)
{
    struct story_result result;
    story_run(seed, NULL, &result);
    if (result.failed)
        fail_msg("seed %llu: %s", (unsigned long long)seed, result.text);
}

TEST(fixed_seeds, rfc, "")
{
    for (uint64_t seed = 1; seed <= FIXED; seed++)
        must_be_fine(seed);
}

/* As stories are told now, these lead to where something was wrong: the rest of a record that could not be
 * cut, lost when a NewReno recovery ended, waited for a timeout; a window below an MSS that had grown
 * meanwhile; and three in which the wire's police was. */
TEST(seeds_that_found_something, rfc, "")
{
    static const uint64_t seeds[] = {7939247889683270562u, 3208370961663573252u,
                                     7655233209236340922u, 7655233209236352489u,
                                     7655233209236355082u};
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        must_be_fine(seeds[i]);
}

TEST(fresh_seeds, rfc, "")
{
    int seeds = check_soak() ? FRESH_SOAK : FRESH;
    for (int i = 0; i < seeds; i++)
        must_be_fine(check_random());
}

TEST(a_seed_is_told_the_same_way_twice, rfc, "")
{
    for (uint64_t seed = 100; seed < 104; seed++) {
        struct story_result one, two;
        story_run(seed, NULL, &one);
        story_run(seed, NULL, &two);
        assert_true(one.hash == two.hash);
        assert_int_equal(one.packets, two.packets);
        assert_int_equal(one.time, two.time);
    }
}

/* A failed allocation is a clean error on that connection: nothing leaks, nothing hangs. Returns
 * false when the story needs fewer allocations than that. */
static bool with_failing_allocation(uint64_t seed, uint64_t at, bool all_from)
{
    struct story_options options = {.fail_at = at, .fail_all_from = all_from};
    struct story_result result;

    story_run(seed, &options, &result);
    if (result.failed)
        fail_msg("seed %llu, allocation %llu%s: %s", (unsigned long long)seed,
                 (unsigned long long)at, all_from ? " and all after it" : "", result.text);
    return options.failed > 0;
}

static void fail_each(bool all_from)
{
    uint64_t most = check_soak() ? UINT64_MAX : AT_MOST;
    uint64_t seeds = check_soak() ? 50 * SEEDS_OF_SHORTAGE : SEEDS_OF_SHORTAGE;

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t at = 1;
        while (at <= most && with_failing_allocation(seed, at, all_from))
            at++;
        assert_true(at > 1);
    }
}

TEST(each_allocation_may_fail, rfc, "")
{
    fail_each(false);
}

TEST(from_an_allocation_on_all_may_fail, rfc, "")
{
    fail_each(true);
}
