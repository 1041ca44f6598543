/* src/view/marks.c: a bounded list that still says where everything was. */
#include "check.h"

#include "view/marks.h"

static struct marks marks;

static uint64_t counted(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < marks.count; i++)
        sum += marks.at[i].count;
    return sum;
}

static void expect_in_order(void)
{
    for (size_t i = 0; i < marks.count; i++) {
        assert_true(marks.at[i].from <= marks.at[i].to);
        assert_true(marks.at[i].low <= marks.at[i].high);
        assert_true(i == 0 || marks.at[i - 1].to <= marks.at[i].from);
    }
}

TEST(few_marks_are_kept_as_they_are, none, "")
{
    for (int i = 0; i < MARKS_MAX; i++)
        assert_true(hf_marks_add(&marks, i, i * 10, i * 10 + 10, (uint16_t)(i % 3)));
    assert_int_equal(marks.count, MARKS_MAX);
    for (int i = 0; i < MARKS_MAX; i++) {
        assert_int_equal(marks.at[i].low, i * 10);
        assert_int_equal(marks.at[i].count, 1);
    }
    hf_marks_free(&marks);
}

TEST(a_long_transfer_stays_within_a_pixel_of_the_truth, none, "")
{
    enum { N = 1000000, BYTES = 1448 };
    for (int64_t i = 0; i < N; i++)
        assert_true(hf_marks_add(&marks, i * 1000, i * BYTES, (i + 1) * BYTES, 0));
    assert_true(marks.count <= MARKS_MAX);
    assert_int_equal(counted(), N);
    assert_int_equal(marks.at[0].low, 0);
    assert_int_equal(marks.at[marks.count - 1].high, (int64_t)N * BYTES);
    expect_in_order();
    for (size_t i = 0; i < marks.count; i++) {
        /* Grains were a thousandth of what had come when they were made. */
        assert_true(marks.at[i].to - marks.at[i].from <= (int64_t)N * 1000 / 500);
        assert_int_equal(marks.at[i].low / BYTES, marks.at[i].from / 1000);
    }
    hf_marks_free(&marks);
}

TEST(a_curve_keeps_its_extremes_and_its_end, none, "")
{
    marks.curve = true;
    for (int64_t i = 0; i < 100000; i++)
        assert_true(hf_marks_follow(&marks, i, i % 1000));
    assert_true(hf_marks_follow(&marks, 100000, 999)); /* no news */
    assert_true(marks.count <= MARKS_MAX);
    assert_int_equal(counted(), 100000);
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < marks.count; i++) {
        low = marks.at[i].low < low ? marks.at[i].low : low;
        high = marks.at[i].high > high ? marks.at[i].high : high;
    }
    assert_int_equal(low, 0);
    assert_int_equal(high, 999);
    assert_int_equal(marks.at[marks.count - 1].last, 999);
    expect_in_order();
    hf_marks_free(&marks);
    marks.curve = false;
}

TEST(kinds_never_become_one, none, "")
{
    for (int64_t i = 0; i < 20000; i++)
        assert_true(hf_marks_add(&marks, i, 0, 1, (uint16_t)(i % 2)));
    assert_true(marks.count <= MARKS_MAX);
    for (size_t i = 0; i < marks.count; i++)
        assert_int_equal(marks.at[i].count, 1);
    assert_int_equal(marks.at[marks.count - 1].from, 19999);
    hf_marks_free(&marks);
}

TEST(random_marks_stay_bounded, none, "")
{
    hf_time time = 0;
    for (int i = 0; i < 50000; i++) {
        int64_t low = (int64_t)check_random_below(1 << 30);
        time += (hf_time)check_random_below(5) * 1000000;
        assert_true(hf_marks_add(&marks, time, low, low + 1000, (uint16_t)check_random_below(3)));
        assert_true(marks.count <= MARKS_MAX);
    }
    expect_in_order();
    hf_marks_free(&marks);
}
