/* The budget: charged by capacity, stopped at the limit, shed by use. */
#include "check.h"

#include "base/budget.h"
#include "memory.h"

TEST(budget_charges_and_gives_back, none, "")
{
    struct memory memory = {0};
    struct hf_budget budget = memory_budget(&memory, 1000);
    void *a = hf_budget_alloc(&budget, 600);
    void *b = hf_budget_alloc(&budget, 400);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(budget.used, 1000);
    assert_null(hf_budget_alloc(&budget, 1));
    assert_int_equal(budget.failures, 1);
    hf_budget_free(&budget, a, 600);
    assert_int_equal(budget.used, 400);
    assert_int_equal(budget.peak, 1000);
    hf_budget_free(&budget, b, 400);
    hf_budget_free(&budget, NULL, 123);
    assert_int_equal(budget.used, 0);
    assert_int_equal(memory.blocks, 0);
}

TEST(budget_refuses_what_would_overflow, none, "")
{
    struct memory memory = {0};
    struct hf_budget budget = memory_budget(&memory, 1000);
    void *a = hf_budget_alloc(&budget, 1);
    assert_null(hf_budget_alloc(&budget, SIZE_MAX));
    assert_int_equal(budget.used, 1);
    hf_budget_free(&budget, a, 1);
}

TEST(budget_passes_the_allocators_refusal_on, none, "")
{
    struct memory memory = {.fail_one_in = 1};
    struct hf_budget budget = memory_budget(&memory, 1000);
    assert_null(hf_budget_alloc(&budget, 10));
    assert_int_equal(budget.used, 0);
    assert_int_equal(budget.failures, 1);
}

TEST(budget_uses_stop_at_their_heights, none, "")
{
    /* clang-format off */
    static const struct {
        size_t used, connection, reassembly, window, vital;
    } rows[] = {
        {0, 1200, 1400, 1500, 1600},
        {1199, 1, 201, 301, 401},
        {1200, 0, 200, 300, 400},
        {1400, 0, 0, 100, 200},
        {1500, 0, 0, 0, 100},
        {1600, 0, 0, 0, 0},
    };
    /* clang-format on */
    struct hf_budget budget = {.used = 0};
    hf_budget_set_limit(&budget, 1600);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        budget.used = rows[i].used;
        assert_int_equal(hf_budget_room(&budget, HF_USE_CONNECTION), rows[i].connection);
        assert_int_equal(hf_budget_room(&budget, HF_USE_REASSEMBLY), rows[i].reassembly);
        assert_int_equal(hf_budget_room(&budget, HF_USE_WINDOW), rows[i].window);
        assert_int_equal(hf_budget_room(&budget, HF_USE_VITAL), rows[i].vital);
    }
}
