/* Connections asleep: less memory, and no other difference that anybody could see. */
#include "two.h"

#include <stdlib.h>
#include <string.h>

#define MANY 400
#define ENTRY (112 + 16) /* with its handle, and its part of what a slab costs                  */

struct crowd {
    struct two two;
    hf_listener listener;
    size_t empty[2]; /* memory of each stack before                                           */
    hf_conn opened[MANY], accepted[MANY];
};

static struct crowd crowd;

static struct hf_stack_counters counters_of(int at)
{
    struct hf_stack_counters counters;
    hf_stack_counters(crowd.two.stack[at], &counters);
    return counters;
}

static struct hf_tcp_status status_of(int at, int i)
{
    struct hf_tcp_status status = {.size = sizeof status};
    hf_conn conn = at ? crowd.accepted[i] : crowd.opened[i];
    assert_int_equal(hf_tcp_status(crowd.two.stack[at], conn, &status), 0);
    return status;
}

/* Calls of both stacks, 10 ms apart: often enough that each connection has been looked at. */
static void calls(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        crowd.two.now += 10 * HF_MS;
        hf_stack_timers(crowd.two.stack[0], crowd.two.now);
        hf_stack_timers(crowd.two.stack[1], crowd.two.now);
        two_settle(&crowd.two);
    }
}

static void gather(bool ipv6)
{
    crowd.listener = two_listen(&crowd.two, 1, 80, MANY);
    for (int i = 0; i < MANY; i++) {
        struct hf_open open = {.size = sizeof open,
                               .remote = {two_addr(ipv6 ? "fd00::2" : "10.0.0.2"), 80},
                               .user = 1000 + (uint64_t)i};
        assert_int_equal(hf_tcp_open(crowd.two.stack[0], &open, &crowd.opened[i]), 0);
        two_settle(&crowd.two);
        assert_int_equal(hf_tcp_accept(crowd.two.stack[1], crowd.listener, 5000 + (uint64_t)i,
                                       &crowd.accepted[i]),
                         1);
        struct hf_event events[8];
        for (int at = 0; at < 2; at++)
            while (hf_stack_events(crowd.two.stack[at], events, 8) > 0)
                ;
        crowd.two.now += HF_MS;
    }
}

static void begin(bool ipv6)
{
    two_init(&crowd.two);
    two_make(&crowd.two);
    for (int at = 0; at < 2; at++)
        crowd.empty[at] = counters_of(at).memory;
    gather(ipv6);
}

/* Text from each end to the other, read at once. */
static void talk(int i, const char *text)
{
    int64_t len = (int64_t)strlen(text);
    char read[64];
    for (int from = 0; from < 2; from++) {
        hf_conn to = from ? crowd.opened[i] : crowd.accepted[i];
        hf_conn by = from ? crowd.accepted[i] : crowd.opened[i];
        assert_int_equal(hf_tcp_send(crowd.two.stack[from], by, text, (size_t)len, 0), len);
        two_settle(&crowd.two);
        assert_int_equal(hf_tcp_recv(crowd.two.stack[!from], to, read, sizeof read), len);
        assert_memory_equal(read, text, (size_t)len);
    }
    two_run(&crowd.two, 300 * HF_MS); /* delayed ACKs */
    struct hf_event events[8];
    for (int at = 0; at < 2; at++)
        while (hf_stack_events(crowd.two.stack[at], events, 8) > 0)
            ;
}

#define AWAKE 31 /* so few do not go to sleep: they would free no slab                          */

/* Each of them takes `each` bytes; beside them there are a table, and two slabs of each pool. */
static void expect_asleep(int at, size_t each)
{
    assert_int_equal(counters_of(at).asleep, MANY - AWAKE);
    assert_int_equal(counters_of(at).connections, MANY);
    assert_in_range(counters_of(at).memory, 0, crowd.empty[at] + MANY * each + 98304);
}

/* What STATUS says, less what says how long ago something was. */
static struct hf_tcp_status lasting(struct hf_tcp_status s)
{
    s.since_text_sent = s.since_text_received = s.since_ack_received = 0;
    return s;
}

static void sleeps_and_says_the_same(bool ipv6, bool after_text)
{
    static struct hf_tcp_status before[2][MANY];
    begin(ipv6);
    for (int i = 0; i < MANY && after_text; i++)
        talk(i, "some words");
    for (int i = 0; i < MANY; i++)
        for (int at = 0; at < 2; at++)
            before[at][i] = lasting(status_of(at, i));
    calls(300);
    for (int at = 0; at < 2; at++)
        expect_asleep(at, after_text ? ENTRY + 24 : ENTRY);
    for (int i = 0; i < MANY; i++)
        for (int at = 0; at < 2; at++) {
            struct hf_tcp_status now = lasting(status_of(at, i));
            assert_memory_equal(&now, &before[at][i], sizeof now);
        }
    for (int at = 0; at < 2; at++) /* nobody was woken by that */
        expect_asleep(at, after_text ? ENTRY + 24 : ENTRY);
}

TEST(an_idle_connection_sleeps_and_says_the_same, none, "")
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        sleeps_and_says_the_same(ipv6, false);
        two_end(&crowd.two);
    }
}

TEST(a_connection_sleeps_after_text_too, none, "")
{
    sleeps_and_says_the_same(false, true);
    for (int i = 0; i < MANY; i += 7)
        talk(i, "and some more");
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(status_of(0, i).bytes_sent, i % 7 ? 10 : 23);
        assert_int_equal(status_of(1, i).bytes_received, i % 7 ? 10 : 23);
        assert_int_equal(status_of(1, i).retransmits, 0);
    }
    two_end(&crowd.two);
}

TEST(a_segment_a_call_and_a_close_wake_it, none, "")
{
    begin(false);
    calls(300);
    uint64_t asleep = counters_of(0).asleep;
    assert_int_equal(asleep, MANY - AWAKE);
    int i = -1;
    char none;
    do
        assert_int_equal(hf_tcp_recv(crowd.two.stack[0], crowd.opened[++i], &none, 1), 0);
    while (counters_of(0).asleep == asleep);
    assert_int_equal(counters_of(0).asleep, asleep - 1);
    assert_int_equal(hf_tcp_send(crowd.two.stack[0], crowd.opened[i], "a", 1, 0), 1);
    two_settle(&crowd.two);
    assert_int_equal(counters_of(1).asleep, asleep - 1);
    assert_int_equal(hf_tcp_recv(crowd.two.stack[1], crowd.accepted[i], &none, 1), 1);
    talk(3, "first words");
    assert_int_equal(hf_tcp_shutdown(crowd.two.stack[0], crowd.opened[4]), 0);
    two_settle(&crowd.two);
    assert_int_equal(status_of(1, 4).state, HF_CLOSE_WAIT);
    assert_int_equal(hf_tcp_close(crowd.two.stack[1], crowd.accepted[4]), 0);
    assert_int_equal(hf_tcp_abort(crowd.two.stack[0], crowd.opened[5]), 0);
    two_settle(&crowd.two);
    struct hf_event events[4];
    assert_int_equal(hf_stack_events(crowd.two.stack[1], events, 4), 1);
    assert_int_equal(events[0].handle, crowd.accepted[5]);
    assert_int_equal(events[0].user, 5005);
    assert_int_equal(events[0].cause, HF_CAUSE_RESET);
    int64_t user = 0;
    assert_int_equal(hf_tcp_get(crowd.two.stack[1], crowd.accepted[6], HF_OPTION_USER, &user), 0);
    assert_int_equal(user, 5006);
    two_end(&crowd.two);
}

/* The first probe comes when it would have come. */
TEST(keep_alive_goes_on_in_sleep, none, "")
{
    begin(false);
    calls(1);
    hf_time heard = crowd.two.now - status_of(0, 0).since_ack_received;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_KEEPALIVE, 1),
                         0);
    calls(300);
    expect_asleep(0, ENTRY);
    hf_time due = heard + crowd.two.settings.keepalive_idle;
    two_run(&crowd.two, due - 1 - crowd.two.now);
    uint64_t passed = crowd.two.passed[0];
    two_run(&crowd.two, 1);
    assert_int_equal(crowd.two.passed[0], passed + 1);
    two_run(&crowd.two, HF_SEC);
    assert_int_equal(crowd.two.passed[0], passed + MANY);
    assert_int_equal(counters_of(0).connections, MANY);
    two_end(&crowd.two);
}

static int64_t option(int at, int i, enum hf_option which)
{
    int64_t value = -1;
    hf_conn conn = at ? crowd.accepted[i] : crowd.opened[i];
    assert_int_equal(hf_tcp_get(crowd.two.stack[at], conn, which, &value), 0);
    return value;
}

/* Three sorts of connections; a few of the last wake up and choose anew. */
TEST(options_are_kept_in_sleep, none, "")
{
    begin(false);
    size_t before = counters_of(0).memory;
    for (int i = 0; i < MANY; i++) {
        hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_TTL, 7 + i % 3);
        hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_KEEPALIVE_IDLE, 99 * HF_SEC);
        hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_SND_BUFFER, 5000);
        hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_RCV_BUFFER, 6000);
        hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_USER_TIMEOUT, 77 * HF_SEC);
    }
    two_settle(&crowd.two);
    calls(300);
    assert_int_equal(counters_of(0).asleep, MANY - AWAKE);
    expect_asleep(0, ENTRY + 24);
    assert_in_range(counters_of(0).memory, 0, before);
    for (int i = 0; i < MANY; i += 5)
        assert_int_equal(hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_TTL, 100), 0);
    calls(300);
    assert_int_equal(counters_of(0).asleep, MANY - AWAKE);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(option(0, i, HF_OPTION_TTL), i % 5 ? 7 + i % 3 : 100);
        assert_int_equal(option(0, i, HF_OPTION_KEEPALIVE_IDLE), 99 * HF_SEC);
        assert_int_equal(option(0, i, HF_OPTION_SND_BUFFER), 5000);
        assert_int_equal(option(0, i, HF_OPTION_RCV_BUFFER), 6000);
        assert_int_equal(option(0, i, HF_OPTION_USER_TIMEOUT), 77 * HF_SEC);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(hf_tcp_abort(crowd.two.stack[0], crowd.opened[i]), 0);
    two_settle(&crowd.two);
    assert_int_equal(counters_of(0).connections, 0);
    two_end(&crowd.two);
}

/* Nobody shares with anybody. */
TEST(options_of_their_own_are_kept_in_sleep, none, "")
{
    begin(false);
    for (int i = 0; i < MANY; i++)
        hf_tcp_set(crowd.two.stack[0], crowd.opened[i], HF_OPTION_USER_TIMEOUT,
                   (1000 + i) * HF_MS);
    two_settle(&crowd.two);
    calls(300);
    assert_int_equal(counters_of(0).asleep, MANY - AWAKE);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(option(0, i, HF_OPTION_USER_TIMEOUT), (1000 + i) * HF_MS);
    two_end(&crowd.two);
}

/* Without memory it sleeps on: calls say so, segments come again, and its end is still possible. */
TEST(without_memory_it_sleeps_on, none, "C22")
{
    begin(false);
    calls(300);
    crowd.two.fail_one_in = 1;
    int i = 0, set;
    while ((set = hf_tcp_set(crowd.two.stack[1], crowd.accepted[i], HF_OPTION_NODELAY, 0)) == 0)
        i++;
    assert_int_equal(set, HF_ERR_MEMORY);
    assert_in_range(i, 1, 200);
    assert_int_equal(hf_tcp_send(crowd.two.stack[1], crowd.accepted[i], "x", 1, 0),
                     HF_ERR_MEMORY);
    char read[8];
    assert_int_equal(hf_tcp_recv(crowd.two.stack[1], crowd.accepted[i], read, sizeof read), 0);
    assert_int_equal(status_of(1, i).state, HF_ESTABLISHED);
    crowd.two.fail_one_in = 0;
    assert_int_equal(hf_tcp_send(crowd.two.stack[0], crowd.opened[i], "again", 5, 0), 5);
    crowd.two.fail_one_in = 1;
    two_settle(&crowd.two);
    assert_int_equal(counters_of(1).drops[HF_DROP_MEMORY], 1);
    assert_int_equal(hf_tcp_abort(crowd.two.stack[1], crowd.accepted[i + 1]), 0);
    assert_int_equal(hf_tcp_close(crowd.two.stack[1], crowd.accepted[i + 2]), 0);
    assert_int_equal(hf_tcp_abort(crowd.two.stack[1], crowd.accepted[i + 2]), HF_ERR_STALE);
    crowd.two.fail_one_in = 0;
    two_settle(&crowd.two);
    assert_int_equal(counters_of(1).ended[HF_CAUSE_ABORTED], 1);
    assert_int_equal(counters_of(1).ended[HF_CAUSE_MEMORY], 1);
    assert_int_equal(counters_of(1).connections, MANY - 2);
    two_run(&crowd.two, 2 * HF_SEC);
    assert_int_equal(hf_tcp_recv(crowd.two.stack[1], crowd.accepted[i], read, sizeof read), 5);
    two_end(&crowd.two);
}

TEST(the_clock_may_leap_over_a_sleeper, none, "")
{
    begin(false);
    calls(300);
    struct hf_tcp_status before = status_of(0, 50);
    for (int at = 0; at < 2; at++)
        hf_stack_time_jump(crowd.two.stack[at], 60 * 3600 * HF_SEC);
    crowd.two.now += 60 * 3600 * HF_SEC;
    hf_stack_timers(crowd.two.stack[0], crowd.two.now);
    struct hf_tcp_status after = status_of(0, 50);
    assert_int_equal(after.since_ack_received, before.since_ack_received);
    assert_int_equal(after.since_text_sent, before.since_text_sent);
    talk(50, "still here");
    two_end(&crowd.two);
}
