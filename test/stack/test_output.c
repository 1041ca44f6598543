/* What leaves: answers, connections in turn, whatever the room. */
#include "two.h"

#include <stdbool.h>
#include <string.h>

enum { MANY = 300 };

/* ABORT tells the peer, however many are aborted before output is asked for. */
TEST(every_abort_is_told, none, "EST.ABORT")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    static hf_conn a[MANY], b[MANY];
    for (int i = 0; i < MANY; i++)
        two_connect(&two, l, 80, &a[i], &b[i]);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(hf_tcp_abort(two.stack[0], a[i]), 0);
    two_settle(&two);
    struct hf_stack_counters counters;
    hf_stack_counters(two.stack[1], &counters);
    assert_int_equal(counters.connections, 0);
    assert_int_equal(counters.ended[HF_CAUSE_RESET], MANY);
    two_end(&two);
}

/* A burst of SYNs in one batch is answered at once, not a second later. */
TEST(a_burst_of_syns_is_answered, none, "LIS.SYN")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    two_listen(&two, 1, 80, MANY);
    static hf_conn a[MANY];
    static uint8_t bytes[MANY][128];
    static struct hf_packet copies[MANY];
    struct hf_open open = {.size = sizeof open, .remote = {two_addr("10.0.0.2"), 80}};
    for (int i = 0; i < MANY; i++)
        assert_int_equal(hf_tcp_open(two.stack[0], &open, &a[i]), 0);
    size_t n = 0;
    for (struct hf_packet packet; n < MANY; n++) {
        assert_int_equal(hf_stack_output(two.stack[0], 1, &packet, 1, two.now), 1);
        uint32_t len = hf_packet_copy(&packet, bytes[n], sizeof bytes[n]);
        hf_packet_wrap(&copies[n], 1, bytes[n], len);
        hf_stack_sent(two.stack[0], &packet, 1);
    }
    hf_stack_input(two.stack[1], 1, copies, n, two.now);
    two_settle(&two);
    unsigned established = 0;
    for (int i = 0; i < MANY; i++)
        established += two_state(&two, 0, a[i]) == HF_ESTABLISHED;
    assert_int_equal(established, MANY);
    two_end(&two);
}

/* Room for one packet at a time changes nothing but the number of calls. */
TEST(output_in_turns, none, "")
{
    struct two two;
    two_init(&two);
    two.settings.snd_buffer = two.settings.rcv_buffer = 100000;
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    static hf_conn a[4], b[4];
    static uint8_t text[100000], got[100000];
    for (int i = 0; i < 4; i++)
        two_connect(&two, l, 80, &a[i], &b[i]);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + (i >> 8));
    for (int i = 0; i < 4; i++)
        assert_int_equal(hf_tcp_send(two.stack[0], a[i], text, sizeof text, 0), sizeof text);
    /* each has had a turn within the first segments that all four may send */
    unsigned seen[4] = {0};
    uint8_t bytes[40][2048];
    struct hf_packet copies[40];
    for (int i = 0; i < 40; i++) {
        struct hf_packet packet;
        assert_int_equal(hf_stack_output(two.stack[0], 1, &packet, 1, two.now), 1);
        uint32_t len = hf_packet_copy(&packet, bytes[i], sizeof bytes[i]);
        hf_packet_wrap(&copies[i], 1, bytes[i], len);
        for (int k = 0; k < 4; k++) {
            struct hf_tcp_status status = {.size = sizeof status};
            hf_tcp_status(two.stack[0], a[k], &status);
            seen[k] |= status.local.port == (bytes[i][20] << 8 | bytes[i][21]);
        }
        hf_stack_sent(two.stack[0], &packet, 1);
    }
    for (int k = 0; k < 4; k++)
        assert_int_equal(seen[k], 1);
    hf_stack_input(two.stack[1], 1, copies, 40, two.now);
    two_run(&two, 5 * HF_SEC);
    for (int i = 0; i < 4; i++) {
        size_t have = 0;
        for (int64_t n; (n = hf_tcp_recv(two.stack[1], b[i], got + have, sizeof got - have)) > 0;)
            have += (size_t)n;
        assert_int_equal(have, sizeof text);
        assert_memory_equal(got, text, sizeof text);
    }
    two_end(&two);
}

/* Links that do not exist have nothing to send and take nothing. */
TEST(no_such_link, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    struct hf_packet packet;
    uint8_t byte = 0;
    hf_packet_wrap(&packet, 1, &byte, 1);
    const int wrong[] = {0, -1, 2, 15, 16, 1 << 20};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        hf_stack_input(two.stack[0], wrong[i], &packet, 1, two.now);
        assert_int_equal(hf_stack_output(two.stack[0], wrong[i], &packet, 1, two.now), 0);
    }
    hf_stack_input(two.stack[0], 1, &packet, 1, two.now);
    struct hf_stack_counters counters;
    hf_stack_counters(two.stack[0], &counters);
    assert_int_equal(counters.packets_in, 1);
    two_end(&two);
}

/* Packets that a link still holds when everything behind them is gone: the bytes stay. */
TEST(packets_outlive_their_connection, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b;
    two_connect(&two, l, 80, &a, &b);
    static uint8_t text[5000];
    memset(text, 'q', sizeof text);
    assert_int_equal(hf_tcp_send(two.stack[0], a, text, sizeof text, 0), sizeof text);
    struct hf_packet packets[8];
    size_t n = hf_stack_output(two.stack[0], 1, packets, 8, two.now);
    assert_true(n >= 3);
    assert_int_equal(hf_tcp_abort(two.stack[0], a), 0);
    two_settle(&two);
    static uint8_t bytes[2048];
    for (size_t i = 0; i < n; i++) {
        uint32_t len = hf_packet_copy(&packets[i], bytes, sizeof bytes);
        assert_true(len > 41);
        assert_int_equal(bytes[len - 1], 'q');
    }
    hf_stack_sent(two.stack[0], packets, n);
    two_end(&two);
}

/* An application that reads and writes only when an event says so, and then until 0, goes on. */
TEST(edges_are_enough, none, "")
{
    struct two two;
    two_init(&two);
    two.settings.snd_buffer = 20000;
    two.settings.rcv_buffer = 30000;
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b;
    two_connect(&two, l, 80, &a, &b);
    static uint8_t text[50000];
    size_t sent = 0, got = 0, want = 3000000;
    bool writable = true, eof = false;
    for (int turns = 0; turns < 20000 && !eof; turns++) {
        while (writable && sent < want) {
            size_t len = 1 + check_random_below(sizeof text);
            len = len < want - sent ? len : want - sent;
            int64_t n = hf_tcp_send(two.stack[0], a, text, len, 0);
            assert_true(n >= 0);
            sent += (size_t)n;
            writable = (size_t)n == len;
            if (sent == want)
                hf_tcp_shutdown(two.stack[0], a);
        }
        two_run(&two, check_random_below(3) ? 0 : 300 * HF_MS);
        struct hf_event event;
        while (hf_stack_events(two.stack[0], &event, 1))
            writable |= event.handle == a && event.bits & HF_EVENT_WRITABLE;
        while (hf_stack_events(two.stack[1], &event, 1)) {
            if (event.handle != b || !(event.bits & (HF_EVENT_READABLE | HF_EVENT_EOF)))
                continue;
            int64_t n;
            while ((n = hf_tcp_recv(two.stack[1], b, text, 1 + check_random_below(9000))) > 0)
                got += (size_t)n;
            eof = n == HF_EOF;
        }
    }
    assert_true(eof);
    assert_int_equal(got, want);
    two_end(&two);
}
