/* The test frame itself: profile, and a random sequence that the seed decides. */
#include "check.h"

static uint64_t first_number;

TEST(profile_is_the_running_tests, linux, "")
{
    assert_int_equal(check_profile(), CHECK_PROFILE_linux);
    first_number = check_random();
}

TEST(random_begins_anew_at_each_test, none, "")
{
    assert_int_equal(check_profile(), CHECK_PROFILE_none);
    if (first_number == 0)
        check_skip("the test before this one did not run");
    assert_true(check_random() == first_number);
    assert_true(check_random() != first_number);
}

TEST(random_below_stays_below, none, "")
{
    for (int i = 0; i < 1000; i++)
        assert_in_range(check_random_below(7), 0, 6);
}
