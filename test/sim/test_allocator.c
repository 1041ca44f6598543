/* The counting allocator: balance, peak, failing at the k-th call, wrong frees. */
#include "check.h"

#include <string.h>

#include <handfast/sim.h>

TEST(what_is_out_is_counted, none, "")
{
    struct hf_sim_allocator counts = {0};
    struct hf_allocator a = hf_sim_allocator_use(&counts);

    void *one = a.alloc(a.context, 100), *two = a.alloc(a.context, 28);
    assert_int_equal(counts.in_use, 128);
    assert_int_equal(counts.blocks, 2);
    a.free(a.context, one, 100);
    assert_int_equal(counts.in_use, 28);
    assert_int_equal(counts.peak, 128);
    a.free(a.context, two, 28);
    a.free(a.context, NULL, 0);
    assert_int_equal(counts.in_use, 0);
    assert_int_equal(counts.blocks, 0);
    assert_int_equal(counts.bad_frees, 0);
}

TEST(the_kth_call_fails_once, none, "")
{
    struct hf_sim_allocator counts = {.fail_at = 3};
    struct hf_allocator a = hf_sim_allocator_use(&counts);

    for (int call = 1; call <= 5; call++) {
        void *memory = a.alloc(a.context, 8);
        assert_int_equal(memory == NULL, call == 3);
        a.free(a.context, memory, 8);
    }
    assert_int_equal(counts.calls, 5);
    assert_int_equal(counts.failed, 1);
}

TEST(from_the_kth_call_on_all_fail, none, "")
{
    struct hf_sim_allocator counts = {.fail_at = 2, .fail_all_from = 1};
    struct hf_allocator a = hf_sim_allocator_use(&counts);

    for (int call = 1; call <= 4; call++) {
        void *memory = a.alloc(a.context, 8);
        assert_int_equal(memory == NULL, call >= 2);
        a.free(a.context, memory, 8);
    }
    assert_int_equal(counts.failed, 3);
}

TEST(a_free_with_another_size_is_noticed, none, "")
{
    struct hf_sim_allocator counts = {0};
    struct hf_allocator a = hf_sim_allocator_use(&counts);

    void *memory = a.alloc(a.context, 8);
    a.free(a.context, memory, 9);
    assert_int_equal(counts.bad_frees, 1);
    assert_int_equal(counts.in_use, 8);
    a.free(a.context, memory, 8);
    assert_int_equal(counts.in_use, 0);
}

TEST(random_numbers_are_below_their_bound_and_repeat, none, "")
{
    uint64_t a = 42, b = 42;
    unsigned seen[7] = {0};

    for (int i = 0; i < 7000; i++) {
        uint64_t x = hf_sim_random_below(&a, 7);
        assert_true(x < 7);
        assert_int_equal(x, hf_sim_random_below(&b, 7));
        seen[x]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
    a = 0;
    assert_true(hf_sim_random(&a) == 0xe220a8397b1dcdafu); /* SplitMix64's own first value */
}
