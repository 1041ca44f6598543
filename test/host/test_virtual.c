/* The virtual clock: it stands while anybody has something to do, and leaps to the earliest
 * deadline when all wait. */
#include "check.h"

#include <handfast/host.h>

TEST(one_host_leaps_to_its_deadline, none, "")
{
    struct hf_virtual_clock *clock = hf_virtual_clock_create(5);
    struct hf_host_ops a;
    assert_int_equal(hf_virtual_clock_join(clock, &a), HF_OK);
    assert_int_equal(a.now(a.context), 5);
    assert_int_equal(a.wait(a.context, 90), HF_OK);
    assert_int_equal(a.now(a.context), 90);
    assert_int_equal(a.wait(a.context, 20), HF_OK); /* in the past: nothing moves back */
    assert_int_equal(a.now(a.context), 90);
    hf_virtual_clock_destroy(clock);
}

TEST(the_earliest_of_all_hosts_decides, none, "")
{
    struct hf_virtual_clock *clock = hf_virtual_clock_create(0);
    struct hf_host_ops a;
    struct hf_host_ops b;
    (void)hf_virtual_clock_join(clock, &a);
    (void)hf_virtual_clock_join(clock, &b);
    assert_int_equal(a.wait(a.context, 100), HF_OK);
    assert_int_equal(hf_virtual_clock_now(clock), 0); /* b has not waited yet */
    assert_int_equal(b.wait(b.context, 40), HF_OK);
    assert_int_equal(hf_virtual_clock_now(clock), 40);
    assert_int_equal(b.wait(b.context, 70), HF_OK);
    assert_int_equal(hf_virtual_clock_now(clock), 40); /* a is to look again first */
    assert_int_equal(a.wait(a.context, 100), HF_OK);
    assert_int_equal(hf_virtual_clock_now(clock), 70);
    hf_virtual_clock_destroy(clock);
}

TEST(a_kick_holds_the_clock, none, "")
{
    struct hf_virtual_clock *clock = hf_virtual_clock_create(0);
    struct hf_host_ops a;
    struct hf_host_ops b;
    (void)hf_virtual_clock_join(clock, &a);
    (void)hf_virtual_clock_join(clock, &b);
    (void)a.wait(a.context, 100);
    b.kick(b.context); /* it sent a packet to a, say */
    (void)a.wait(a.context, 100); /* each looks once ... */
    (void)b.wait(b.context, 50);
    assert_int_equal(hf_virtual_clock_now(clock), 0);
    (void)b.wait(b.context, 50); /* ... and then waits */
    assert_int_equal(hf_virtual_clock_now(clock), 0);
    (void)a.wait(a.context, 100);
    assert_int_equal(hf_virtual_clock_now(clock), 50);
    hf_virtual_clock_destroy(clock);
}

TEST(waiting_for_nothing_is_an_error, none, "")
{
    struct hf_virtual_clock *clock = hf_virtual_clock_create(0);
    struct hf_host_ops a;
    (void)hf_virtual_clock_join(clock, &a);
    assert_int_equal(a.wait(a.context, HF_NEVER), HF_ERR_STATE);
    assert_int_equal(hf_virtual_clock_now(clock), 0);
    hf_virtual_clock_destroy(clock);
}

TEST(seats_are_limited, none, "")
{
    struct hf_virtual_clock *clock = hf_virtual_clock_create(0);
    struct hf_host_ops ops;
    for (int i = 0; i < 16; i++)
        assert_int_equal(hf_virtual_clock_join(clock, &ops), HF_OK);
    assert_int_equal(hf_virtual_clock_join(clock, &ops), HF_ERR_LIMIT);
    hf_virtual_clock_destroy(clock);
}
