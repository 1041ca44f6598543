/* Making, configuring and destroying a stack; its clock and counters. */
#include "two.h"

#include <string.h>

/* ---- Configuration ---- */

/* What hf_stack_create says to a configuration. */
static int verdict(const struct hf_stack_config *config)
{
    int err = 1;
    struct hf_stack *stack = hf_stack_create(config, &err);
    assert_int_equal(stack != NULL, err == 0);
    hf_stack_destroy(stack);
    return err;
}

TEST(a_usual_configuration_is_taken, none, "")
{
    struct two two;
    two_init(&two);
    struct hf_stack_config config = two_config(&two);
    assert_int_equal(verdict(&config), 0);
    config.settings = *hf_settings_rfc();
    assert_int_equal(verdict(&config), 0);
    config.settings = *hf_settings_linux();
    assert_int_equal(verdict(&config), 0);
    config.memory_limit = HF_MEMORY_MIN;
    assert_int_equal(verdict(&config), 0);
    assert_int_equal(two.bytes, 0);
    hf_stack_destroy(NULL);
}

TEST(a_configuration_without_sense_is_refused, none, "")
{
    struct two two;
    two_init(&two);
    const struct hf_stack_config good = two_config(&two);
    int err = 0;
    assert_null(hf_stack_create(NULL, &err));
    assert_int_equal(err, HF_ERR_ARGUMENT);
    assert_null(hf_stack_create(NULL, NULL));
#define REFUSED(change)                                                                          \
    do {                                                                                         \
        struct hf_stack_config c = good;                                                         \
        change;                                                                                  \
        if (verdict(&c) != HF_ERR_ARGUMENT)                                                      \
            fail_msg("taken: %s", #change);                                                      \
    } while (0)
    REFUSED(c.size--);
    REFUSED(c.size++);
    REFUSED(c.allocator.alloc = NULL);
    REFUSED(c.allocator.free = NULL);
    REFUSED(c.memory_limit = HF_MEMORY_MIN - 1);
    REFUSED(c.connections_max = 0);
    REFUSED(c.connections_max = UINT32_MAX);
    REFUSED(c.now = -1);
    REFUSED(c.settings.rto_min = 0);
    REFUSED(c.settings.rto_initial = c.settings.rto_min - 1);
    REFUSED(c.settings.rto_max = c.settings.rto_initial - 1);
    REFUSED(c.settings.persist_max = 0);
    REFUSED(c.settings.delack = 500 * HF_MS);
    REFUSED(c.settings.delack = -1);
    REFUSED(c.settings.msl = 0);
    REFUSED(c.settings.mss_floor = 0);
    REFUSED(c.settings.mss = 63);
    REFUSED(c.settings.ttl = 0);
    REFUSED(c.settings.initial_window = 0);
    REFUSED(c.settings.dupack_threshold = 0);
    REFUSED(c.settings.rcv_buffer = 1023);
    REFUSED(c.settings.rcv_buffer = (1u << 30) + 1);
    REFUSED(c.settings.snd_buffer = 1023);
    REFUSED(c.settings.port_first = 0);
    REFUSED(c.settings.port_first = 2000; c.settings.port_last = 1999);
    REFUSED(c.settings.sws_override = -1);
    REFUSED(c.settings.sws_override = HF_SEC + 1);
    REFUSED(c.settings.orphan_timeout = 0);
    REFUSED(c.settings.congestion = NULL);
    REFUSED(c.settings.congestion = "vegas");
    REFUSED(c.settings.congestion = "ren");
    REFUSED(c.settings.congestion = "reno2");
    REFUSED(c.settings.challenge_interval = 0);
    REFUSED(c.settings.held_timeout = 0);
    REFUSED(c.settings.backlog_max = 0);
    REFUSED(c.settings.synack_retries = 16);
    REFUSED(c.settings.ecn = 3);
    REFUSED(c.settings.nagle = 3);
    REFUSED(c.settings.cookies = 3);
    REFUSED(c.settings.hystart = 4);
    REFUSED(c.settings.window_validation = 2);
    REFUSED(c.settings.mtu_probing = 3);
    REFUSED(c.settings.path_info = 8);
    REFUSED(c.settings.fast_open = 8);
    REFUSED(c.settings.quick_acks = 64);
    REFUSED(c.settings.tlp_ack_delay = -1);
    REFUSED(c.settings.pmtu_age = -1);
    REFUSED(c.settings.syn_retries = 0; c.settings.r2_syn = 0);
    assert_int_equal(two.bytes, 0);
}

/* More than the stack's own arithmetic can hold. */
TEST(a_configuration_beyond_all_bounds_is_refused, none, "")
{
    struct two two;
    two_init(&two);
    const struct hf_stack_config good = two_config(&two);
    REFUSED(c.settings.snd_buffer = UINT32_MAX);
    REFUSED(c.settings.msl = HF_NEVER);
    REFUSED(c.settings.msl = 24 * 3600 * HF_SEC);
    REFUSED(c.settings.rto_max = HF_NEVER);
    REFUSED(c.settings.rto_max = 7200 * HF_SEC);
    REFUSED(c.settings.orphan_timeout = HF_NEVER);
    REFUSED(c.settings.held_timeout = HF_NEVER);
    REFUSED(c.settings.tlp_ack_delay = HF_NEVER);
    REFUSED(c.settings.pmtu_age = HF_NEVER);
    REFUSED(c.settings.fast_open_retry = HF_NEVER);
    REFUSED(c.settings.clock_tick = HF_NEVER);
    REFUSED(c.settings.user_timeout = -1);
    REFUSED(c.settings.r2_data = -1);
}

TEST(a_configuration_of_too_many_entries_is_refused, none, "")
{
    struct two two;
    two_init(&two);
    const struct hf_stack_config good = two_config(&two);
    REFUSED(c.settings.time_wait_max = UINT32_MAX);
    REFUSED(c.settings.half_open_max = UINT32_MAX);
}

TEST(creation_without_memory, none, "")
{
    for (unsigned i = 0; i < 200; i++) {
        struct two two;
        two_init(&two);
        struct hf_stack_config config = two_config(&two);
        two.fail_one_in = 3;
        int err = 1;
        struct hf_stack *stack = hf_stack_create(&config, &err);
        assert_int_equal(err, stack ? 0 : HF_ERR_MEMORY);
        struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
        for (int k = 0; stack && k < 5; k++) {
            int number = hf_stack_add_link(stack, &link);
            assert_true(number > 0 || number == HF_ERR_MEMORY);
        }
        hf_stack_destroy(stack);
        assert_int_equal(two.bytes, 0);
    }
}

/* ---- Links, addresses, routes ---- */

TEST(links_are_numbered_and_limited, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    struct hf_link_config link = {.size = sizeof link, .mtu = 67};
    assert_int_equal(hf_stack_add_link(two.stack[0], NULL), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_link(two.stack[0], &link), HF_ERR_ARGUMENT);
    link.mtu = 65536;
    assert_int_equal(hf_stack_add_link(two.stack[0], &link), HF_ERR_ARGUMENT);
    link.mtu = 68;
    link.size--;
    assert_int_equal(hf_stack_add_link(two.stack[0], &link), HF_ERR_ARGUMENT);
    link.size++;
    for (int i = 2; i <= HF_LINKS_MAX; i++)
        assert_int_equal(hf_stack_add_link(two.stack[0], &link), i);
    assert_int_equal(hf_stack_add_link(two.stack[0], &link), HF_ERR_LIMIT);
    two_end(&two);
}

TEST(addresses_and_routes_name_a_link, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    struct hf_addr addr = two_addr("192.0.2.1"), none = {0};
    struct hf_stack *s = two.stack[0];
    const int wrong[] = {0, -1, 2, 16, 1000};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(hf_stack_add_address(s, wrong[i], &addr, 24), HF_ERR_ARGUMENT);
        assert_int_equal(hf_stack_add_route(s, wrong[i], &addr, 24), HF_ERR_ARGUMENT);
    }
    assert_int_equal(hf_stack_add_address(s, 1, NULL, 24), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_route(s, 1, NULL, 24), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_address(s, 1, &none, 24), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_address(s, 1, &addr, 33), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_route(s, 1, &addr, 33), HF_ERR_ARGUMENT);
    addr = two_addr("224.0.0.1");
    assert_int_equal(hf_stack_add_address(s, 1, &addr, 24), HF_ERR_ADDRESS);
    addr = two_addr("fd00::7");
    assert_int_equal(hf_stack_add_address(s, 1, &addr, 129), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_address(s, 1, &addr, 128), 0);
    two_end(&two);
}

TEST(open_needs_a_route, none, "MUST-44")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    struct hf_open open = {.size = sizeof open, .remote = {two_addr("203.0.113.5"), 80}};
    struct hf_addr all = two_addr("0.0.0.0");
    hf_conn conn;
    assert_int_equal(hf_tcp_open(two.stack[0], &open, &conn), HF_ERR_ROUTE);
    assert_int_equal(hf_stack_add_route(two.stack[0], 1, &all, 0), 0);
    assert_int_equal(hf_tcp_open(two.stack[0], &open, &conn), 0);
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_status(two.stack[0], conn, &status), 0);
    struct hf_addr ours = two_addr("10.0.0.1");
    assert_true(hf_addr_equal(&status.local.addr, &ours));
    two_end(&two);
}

/* ---- The clock ---- */

/* Calls that come with an earlier time than those before see no timer fire too soon or never. */
TEST(the_clock_may_go_backwards, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_conn a, b;
    hf_listener l = two_listen(&two, 1, 80, 5);
    two_connect(&two, l, 80, &a, &b);
    two.now -= 300 * HF_SEC;
    assert_int_equal(hf_tcp_send(two.stack[0], a, "hello", 5, 0), 5);
    two_run(&two, 10 * HF_SEC);
    char text[8];
    assert_int_equal(hf_tcp_recv(two.stack[1], b, text, sizeof text), 5);
    two_run(&two, 10 * HF_SEC);
    hf_tcp_close(two.stack[0], a);
    hf_tcp_close(two.stack[1], b);
    two_run(&two, 62 * HF_SEC);
    struct hf_stack_counters counters;
    hf_stack_counters(two.stack[0], &counters);
    assert_int_equal(counters.time_wait, 0);
    assert_int_equal(counters.connections, 0);
    two_end(&two);
}

/* Calls whose times differ by a little, back and forth, are no time that passes. */
TEST(a_trembling_clock_does_not_run_away, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_conn a, b;
    hf_listener l = two_listen(&two, 1, 80, 5);
    two_connect(&two, l, 80, &a, &b);
    assert_int_equal(hf_tcp_send(two.stack[0], a, "hello", 5, 0), 5);
    struct hf_packet packet;
    assert_int_equal(hf_stack_output(two.stack[0], 1, &packet, 1, two.now), 1);
    hf_stack_sent(two.stack[0], &packet, 1); /* lost */
    for (int i = 0; i < 10000; i++)
        hf_stack_timers(two.stack[0], two.now - i % 2 * HF_MS);
    struct hf_stack_counters counters;
    assert_int_equal(hf_stack_output(two.stack[0], 1, &packet, 1, two.now), 0);
    hf_stack_counters(two.stack[0], &counters);
    assert_int_equal(counters.retransmits, 0);
    two_end(&two);
}

/* A leap that the stack is told of moves everything; one of a weekend too. */
static void leap(hf_time by)
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b, c, d;
    two_connect(&two, l, 80, &a, &b);
    two_connect(&two, l, 80, &c, &d);
    hf_tcp_set(two.stack[0], c, HF_OPTION_KEEPALIVE, 1);
    hf_tcp_close(two.stack[0], a);
    hf_tcp_close(two.stack[1], b);
    two_run(&two, HF_SEC);
    struct hf_stack_counters counters;
    for (int i = 0; i < 2; i++)
        hf_stack_time_jump(two.stack[i], by);
    two.now += by;
    two_run(&two, 50 * HF_SEC);
    hf_stack_counters(two.stack[0], &counters);
    assert_int_equal(counters.time_wait, 1);
    two_run(&two, 15 * HF_SEC);
    hf_stack_counters(two.stack[0], &counters);
    assert_int_equal(counters.time_wait, 0);
    assert_int_equal(two_state(&two, 0, c), HF_ESTABLISHED);
    hf_stack_time_jump(two.stack[0], 0);
    hf_stack_time_jump(two.stack[0], -HF_SEC);
    assert_int_equal(two_state(&two, 0, c), HF_ESTABLISHED);
    two_end(&two);
}

TEST(the_clock_may_leap, none, "")
{
    leap(60 * HF_SEC);
    leap(10 * 3600 * HF_SEC);
    leap(60 * 3600 * HF_SEC);
}

/* The stack was not asked for days, and nobody told it that the clock had leapt: what is over,
 * is. */
TEST(time_wait_ends_after_a_long_silence, none, "N-12")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b;
    two_connect(&two, l, 80, &a, &b);
    hf_tcp_close(two.stack[0], a);
    hf_tcp_close(two.stack[1], b);
    two_run(&two, HF_SEC);
    two.now += 45 * 3600 * HF_SEC;
    hf_stack_timers(two.stack[0], two.now);
    struct hf_stack_counters counters;
    hf_stack_counters(two.stack[0], &counters);
    assert_int_equal(counters.time_wait, 0);
    two_end(&two);
}

/* A stack that is asked late has missed its probes, but it does not hold the peer to them all
 * at once. */
TEST(keep_alive_probes_are_not_made_up_for, none, "MUST-29")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b;
    two_connect(&two, l, 80, &a, &b);
    hf_tcp_set(two.stack[0], a, HF_OPTION_KEEPALIVE, 1);
    hf_tcp_set(two.stack[0], a, HF_OPTION_KEEPALIVE_IDLE, 10 * HF_SEC);
    hf_tcp_set(two.stack[0], a, HF_OPTION_KEEPALIVE_INTERVAL, HF_SEC);
    two.now += 60 * HF_SEC;
    hf_stack_timers(two.stack[0], two.now);
    two_settle(&two);
    assert_int_equal(two_state(&two, 0, a), HF_ESTABLISHED);
    two_end(&two);
}

/* ---- Counters ---- */

TEST(counters_agree_with_what_happened, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    struct hf_stack_counters zero, one;
    hf_stack_counters(two.stack[1], &one);
    assert_int_equal(one.listeners, 1);
    size_t idle = one.memory;
    hf_conn a, b;
    two_connect(&two, l, 80, &a, &b);
    assert_int_equal(hf_tcp_send(two.stack[0], a, "12345678", 8, 0), 8);
    two_settle(&two);
    hf_stack_counters(two.stack[0], &zero);
    hf_stack_counters(two.stack[1], &one);
    assert_int_equal(zero.active_opens, 1);
    assert_int_equal(one.passive_opens, 1);
    assert_int_equal(zero.connections, 1);
    assert_int_equal(one.connections, 1);
    assert_int_equal(zero.bytes_out, 8);
    assert_int_equal(one.bytes_in, 8);
    assert_int_equal(zero.packets_out, two.passed[0]);
    assert_int_equal(one.packets_in, two.passed[0]);
    assert_int_equal(zero.segments_out, one.segments_in);
    assert_true(one.memory > idle && one.memory <= one.memory_peak);
    assert_int_equal(zero.memory + one.memory, two.bytes);
    assert_int_equal(hf_tcp_abort(two.stack[0], a), 0);
    two_settle(&two);
    hf_stack_counters(two.stack[0], &zero);
    hf_stack_counters(two.stack[1], &one);
    assert_int_equal(zero.ended[HF_CAUSE_ABORTED], 1);
    assert_int_equal(one.ended[HF_CAUSE_RESET], 1);
    assert_int_equal(zero.resets_out, 1);
    assert_int_equal(one.resets_in, 1);
    assert_int_equal(zero.connections + one.connections + zero.orphans, 0);
    two_end(&two);
}
