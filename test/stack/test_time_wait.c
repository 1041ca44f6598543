/* TIME-WAIT entries of both families side by side: each has a form, a pool and a list of its own, and
 * the limits are for both together. */
#include "two.h"

#define LASTS (60 * HF_SEC) /* 2MSL */

static uint32_t waiting(const struct two *two)
{
    struct hf_stack_counters counters;
    hf_stack_counters(two->stack[0], &counters);
    return counters.time_wait;
}

static uint64_t ended(const struct two *two, enum hf_cause cause)
{
    struct hf_stack_counters counters;
    hf_stack_counters(two->stack[0], &counters);
    return counters.ended[cause];
}

/* Opened and closed by stack 0, from this port. */
static void one(struct two *two, hf_listener listener, bool ipv6, uint16_t port)
{
    struct hf_open open = {.size = sizeof open,
                           .remote = {two_addr(ipv6 ? "fd00::2" : "10.0.0.2"), 80},
                           .local.port = port};
    hf_conn opened, accepted;
    assert_int_equal(hf_tcp_open(two->stack[0], &open, &opened), 0);
    two_settle(two);
    assert_int_equal(hf_tcp_accept(two->stack[1], listener, 0, &accepted), 1);
    hf_tcp_close(two->stack[0], opened);
    two_settle(two);
    hf_tcp_close(two->stack[1], accepted);
    two_settle(two);
}

/* Is the pair still held? An active OPEN of it says so. */
static bool holds(struct two *two, bool ipv6, uint16_t port)
{
    struct hf_open open = {.size = sizeof open,
                           .remote = {two_addr(ipv6 ? "fd00::2" : "10.0.0.2"), 80},
                           .local.port = port};
    hf_conn opened;
    int err = hf_tcp_open(two->stack[0], &open, &opened);
    if (err == HF_OK)
        hf_tcp_abort(two->stack[0], opened);
    else
        assert_int_equal(err, HF_ERR_EXISTS);
    return err != HF_OK;
}

static hf_listener begin(struct two *two, uint32_t time_wait_max)
{
    two_init(two);
    two->settings.time_wait_max = time_wait_max;
    two_make(two);
    return two_listen(two, 1, 80, 50);
}

TEST(an_entry_of_either_family_is_found_by_its_pair_alone, none, "TWT.OPEN-a")
{
    struct two two;
    hf_listener listener = begin(&two, 100);
    one(&two, listener, false, 5000);
    one(&two, listener, true, 5001);
    assert_int_equal(waiting(&two), 2);
    assert_true(holds(&two, false, 5000));
    assert_true(holds(&two, true, 5001));
    assert_false(holds(&two, true, 5000));
    assert_false(holds(&two, false, 5001));
    two_end(&two);
}

TEST(each_family_ends_in_its_time, none, "TWT.2MSL N-12")
{
    struct two two;
    hf_listener listener = begin(&two, 100);
    for (uint16_t i = 0; i < 6; i++) {
        one(&two, listener, i % 3 == 1, (uint16_t)(5000 + i));
        two_run(&two, HF_SEC);
    }
    two_run(&two, LASTS - 6 * HF_SEC);
    for (uint32_t left = 6; left > 0; left--) {
        assert_in_range(waiting(&two), left - 1, left);
        two_run(&two, HF_SEC);
        assert_int_equal(waiting(&two), left - 1);
    }
    two_end(&two);
}

TEST(the_oldest_of_both_families_goes_first, none, "C16")
{
    struct two two;
    hf_listener listener = begin(&two, 3);
    static const bool ipv6[] = {true, false, false, true, false};
    for (uint16_t i = 0; i < 5; i++) {
        one(&two, listener, ipv6[i], (uint16_t)(5000 + i));
        two_run(&two, HF_SEC);
        assert_int_equal(waiting(&two), i < 3 ? i + 1u : 3u);
    }
    assert_int_equal(ended(&two, HF_CAUSE_TIME_WAIT_LIMIT), 2);
    for (uint16_t i = 2; i < 5; i++)
        assert_true(holds(&two, ipv6[i], (uint16_t)(5000 + i)));
    two_end(&two);
}

/* A slab of one family is no place for the other: without memory the oldest of the same family goes. */
TEST(without_memory_a_family_makes_its_own_room, none, "C16 C22")
{
    struct two two;
    hf_listener listener = begin(&two, 1000);
    one(&two, listener, false, 6000);
    for (uint16_t i = 0; i < 127; i++) /* index 0 is nobody's: the first slab is full         */
        one(&two, listener, true, (uint16_t)(5000 + i));
    assert_int_equal(waiting(&two), 128);
    two.fail_one_in = 1;
    one(&two, listener, true, 5127);
    two.fail_one_in = 0;
    assert_int_equal(waiting(&two), 128);
    assert_int_equal(ended(&two, HF_CAUSE_TIME_WAIT_LIMIT), 1);
    assert_true(holds(&two, false, 6000));
    assert_false(holds(&two, true, 5000));
    assert_true(holds(&two, true, 5127));
    two_end(&two);
}

TEST(both_families_move_with_the_clock, none, "")
{
    struct two two;
    hf_listener listener = begin(&two, 100);
    one(&two, listener, false, 5000);
    one(&two, listener, true, 5001);
    for (int i = 0; i < 2; i++)
        hf_stack_time_jump(two.stack[i], 10 * 3600 * HF_SEC);
    two.now += 10 * 3600 * HF_SEC;
    two_run(&two, LASTS - HF_SEC);
    assert_int_equal(waiting(&two), 2);
    two_run(&two, 2 * HF_SEC);
    assert_int_equal(waiting(&two), 0);
    two_end(&two);
}
