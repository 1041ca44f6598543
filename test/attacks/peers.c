/* Rows C7 to C9 and C13 to C16 of docs/attacks.md: real peers, with a real connection, that
 * use it to wear the victim down. */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

/* ---- C7: silly windows ---- */

TEST(window_that_opens_octet_by_octet, none, "C7")
{
    struct victim *v = victim_new(NULL);
    struct sink sink = {.h = {.window = 4000, .mss = 1000}, .fixed_edge = true};
    hf_conn conn = sink_open(v, &sink, 9000);
    sink.edge = sink.first + 4000;
    queue_text(v, conn, 0, 60000);
    pass(v, 5 * HF_SEC);
    assert_int_equal(sink.bytes, 4000);
    uint32_t packets = sink.packets, seconds = small_or_full(60, 3600);
    for (uint32_t i = 0; i < seconds * 5; i++) {
        sink.edge++;
        sink_answer(v, &sink);
        pass(v, 200 * HF_MS);
    }
    assert_true(sink.packets - packets <= 5 * seconds + 5);
    packets = sink.packets;
    uint32_t bytes = sink.bytes;
    sink.edge = sink.first + 60000; /* reason returns, and so do full segments */
    sink_answer(v, &sink);
    pass(v, 10 * HF_SEC);
    assert_int_equal(sink.bytes, 60000);
    assert_true((sink.bytes - bytes) / (sink.packets - packets) >= 900);
    assert_int_equal(sink.wrong, 0);
    sink_close(v, conn);
    victim_end(v, 0);
}

/* An application that reads octet by octet must not make us offer such windows. */
TEST(application_that_reads_octet_by_octet, none, "C7")
{
    struct victim_config config;
    victim_config_init(&config);
    config.settings.rcv_buffer = 20000;
    struct victim *v = victim_new(&config);
    struct handshake h = {.source = stranger(v, 1), .port = 9001, .seq = 1, .mss = 1000};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    static const uint8_t text[1000];
    uint32_t sent = 0;
    for (; sent < 20000; sent += sizeof text) {
        struct wire_segment s = next_of(v, &h, ACK);
        s.text = text;
        s.text_len = sizeof text;
        send_segment(v, &s);
        h.seq += sizeof text;
    }
    pass(v, HF_SEC);
    assert_int_equal(victim_status(v, conn).rcv_wnd, 0);
    uint64_t before = v->replies;
    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t byte;
        assert_int_equal(hf_tcp_recv(v->stack, conn, &byte, 1), 1);
        pass(v, 100 * HF_US);
        uint32_t window = victim_status(v, conn).rcv_wnd;
        assert_true(window == 0 || window >= 1000); /* MIN(buffer / 2, MSS), SHLD-18 */
    }
    assert_true(v->replies - before <= 10);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- C8: tiny segments ---- */

TEST(octets_one_by_one_cost_no_more_than_twice, none, "C8")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 9002, .seq = 1};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    size_t before = victim_counters(v).memory;
    uint32_t window = victim_status(v, conn).rcv_wnd, n = small_or_full(20000, 1000000),
             taken = 0;
    for (uint32_t i = 0; i < n && taken < window; i++) {
        struct wire_segment s = next_of(v, &h, ACK);
        s.text = (const uint8_t *)"x";
        s.text_len = 1;
        send_segment(v, &s);
        h.seq++;
        taken++;
        if (i % 1000 == 0) {
            flush(v);
            size_t used = victim_counters(v).memory - before;
            assert_true(used <= 2 * (size_t)taken + 8192);
        }
    }
    flush(v);
    struct hf_tcp_status now = victim_status(v, conn);
    assert_int_equal(now.receive_ready, taken);
    assert_true(now.rcv_wnd >= window - taken); /* what it offered it keeps to */
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

/* The same on several connections at once, a million octets in all, each as far as its window: memory
 * is what was offered twice over at the most, nobody's window falls for it, and all that was
 * promised can be read. */
TEST(octets_one_by_one_on_many_connections, none, "C8")
{
    enum { CONNECTIONS = 16 };
    struct victim *v = victim_new(NULL);
    struct handshake h[CONNECTIONS];
    hf_conn conn[CONNECTIONS];
    size_t windows = 0;
    uint32_t each = small_or_full(2000, 62500);
    for (unsigned c = 0; c < CONNECTIONS; c++) {
        h[c] = (struct handshake){.source = stranger(v, c), .port = 9002, .seq = 1};
        conn[c] = handshake(v, &h[c]);
        assert_true(conn[c] != 0);
        windows += victim_status(v, conn[c]).rcv_wnd;
    }
    assert_true((size_t)each * CONNECTIONS <= windows);
    size_t before = victim_counters(v).memory, most = 0;
    for (uint32_t i = 0; i < each; i++) {
        uint8_t text = pattern(i);
        for (unsigned c = 0; c < CONNECTIONS; c++) {
            struct wire_segment s = next_of(v, &h[c], ACK);
            s.text = &text;
            s.text_len = 1;
            send_segment(v, &s);
            h[c].seq++;
        }
        if (i % 100 == 99) {
            flush(v);
            size_t used = victim_counters(v).memory - before;
            most = used > most ? used : most;
            assert_true(used <= 2 * (size_t)(i + 1) * CONNECTIONS + CONNECTIONS * 8192);
        }
    }
    flush(v);
    victim_unharmed(v);
    assert_true(most <= 2 * windows);
    for (unsigned c = 0; c < CONNECTIONS; c++) {
        struct hf_tcp_status now = victim_status(v, conn[c]);
        assert_int_equal(now.receive_ready, each);
        assert_true(now.rcv_wnd >= windows / CONNECTIONS - each);
        for (uint32_t i = 0; i < each; i++) {
            uint8_t octet;
            assert_int_equal(hf_tcp_recv(v->stack, conn[c], &octet, 1), 1);
            assert_int_equal(octet, pattern(i));
        }
        assert_int_equal(hf_tcp_abort(v->stack, conn[c]), 0);
    }
    victim_end(v, 0);
}

/* ---- C9: holes ---- */

TEST(holes_of_one_octet, none, "C9")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 9003, .seq = UINT32_MAX - 5000};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    uint32_t n = small_or_full(20000, 100000), window = victim_status(v, conn).rcv_wnd;
    size_t before = victim_counters(v).memory, most = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct wire_segment s = next_of(v, &h, ACK);
        uint32_t place = 1 + 2 * (uint32_t)check_random_below(window / 2 - 1);
        uint8_t text = pattern(place);
        s.seq = h.seq + place;
        s.text = &text;
        s.text_len = 1;
        send_segment(v, &s);
        if (i % 500 == 499) {
            flush(v);
            size_t used = victim_counters(v).memory - before;
            most = used > most ? used : most;
        }
    }
    flush(v);
    /* A range costs a small chunk at the most, and their number is a setting. */
    assert_true(most <= (size_t)v->config.settings.reassembly_ranges * 512 + 65536);
    assert_true(victim_counters(v).drops[HF_DROP_REASSEMBLY_LIMIT] > 0);
    assert_int_equal(victim_status(v, conn).receive_ready, 0);
    victim_check(v);

    uint32_t ready = 0; /* in order it all comes through */
    while (ready < 30000) {
        uint8_t text[1000];
        for (uint32_t i = 0; i < sizeof text; i++)
            text[i] = pattern(ready + i);
        struct wire_segment s = next_of(v, &h, ACK);
        s.seq = h.seq + ready;
        s.text = text;
        s.text_len = sizeof text;
        send_segment(v, &s);
        flush(v);
        assert_true(victim_status(v, conn).receive_ready >= ready + sizeof text);
        ready = victim_status(v, conn).receive_ready;
    }
    static uint8_t got[1 << 16];
    int64_t n_got = hf_tcp_recv(v->stack, conn, got, sizeof got);
    assert_int_equal(n_got, ready);
    for (uint32_t i = 0; i < ready; i++)
        assert_int_equal(got[i], pattern(i));
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- C13: SACK that cannot be ---- */

TEST(impossible_sack_blocks_and_reneging, none, "C13")
{
    struct victim *v = victim_new(NULL);
    struct sink sink = {.h = {.mss = 500, .sack = true}, .mute = true, .window = 60000};
    hf_conn conn = sink_open(v, &sink, 9004);
    queue_text(v, conn, 0, 40000);
    uint32_t n = small_or_full(10000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        struct hf_tcp_status now = victim_status(v, conn);
        struct wire_segment s = next_of(v, &sink.h, ACK);
        s.sacks = 1 + (unsigned)check_random_below(4);
        for (unsigned k = 0; k < s.sacks; k++) {
            uint32_t wild = check_random_below(3) == 0 ? (uint32_t)check_random() : 0;
            s.sack[k].start = sink.first - 2000 + wild + (uint32_t)check_random_below(12000);
            s.sack[k].end = check_random_below(3) == 0
                                ? s.sack[k].start - (uint32_t)check_random_below(3000)
                                : s.sack[k].start + (uint32_t)check_random_below(12000);
        }
        send_segment(v, &s);
        if (i % 97 == 0) {
            pass(v, HF_MS);
            victim_check(v);
        }
        assert_int_equal(now.snd_una, sink.first);
        assert_true(now.send_queued == 40000); /* nothing SACKed is let go */
        assert_true(now.snd_nxt - now.snd_una <= 40000);
    }
    flush(v);
    assert_true(victim_status(v, conn).snd_nxt - sink.first <= 40000);
    sink.mute = false; /* it had kept nothing of what it reported: all has to come again */
    pass(v, 300 * HF_SEC);
    assert_int_equal(sink.bytes, 40000);
    assert_int_equal(sink.wrong, 0);
    assert_int_equal(victim_status(v, conn).send_queued, 0);
    sink_close(v, conn);
    victim_end(v, 0);
}

/* ---- C14, C15: peers that do not finish ---- */

enum silence { MUTE_IN_FIN_WAIT_1, MUTE_IN_FIN_WAIT_2, MUTE_IN_CLOSING, MUTE_IN_LAST_ACK };

/* A connection that the application gives up (close) or keeps (shutdown), and a peer that falls
 * silent on the way. */
static hf_conn leave_in(struct victim *v, enum silence where, struct handshake *h, bool close)
{
    hf_conn conn = handshake(v, h);
    assert_true(conn != 0);
    struct wire_segment s;
    if (where == MUTE_IN_LAST_ACK) {
        s = next_of(v, h, FIN | ACK);
        send_segment(v, &s);
        h->seq++;
        flush(v);
    }
    assert_int_equal(close ? hf_tcp_close(v->stack, conn) : hf_tcp_shutdown(v->stack, conn), 0);
    flush(v);
    h->ack++;
    if (where == MUTE_IN_FIN_WAIT_2) {
        s = next_of(v, h, ACK);
        send_segment(v, &s);
    } else if (where == MUTE_IN_CLOSING) {
        s = next_of(v, h, FIN | ACK);
        s.ack--;
        send_segment(v, &s);
    }
    flush(v);
    return conn;
}

TEST(peers_that_never_send_their_fin, none, "C14")
{
    struct victim *v = victim_new(NULL);
    v->tick = HF_SEC;
    uint32_t n = small_or_full(300, 50000);
    hf_time begun = hf_sim_now(v->sim);
    for (uint32_t i = 0; i < n; i++) {
        struct handshake h = {.source = stranger(v, i), .port = 9005, .seq = i};
        leave_in(v, MUTE_IN_FIN_WAIT_2, &h, true);
        if (i % 3 == 0) { /* goes on sending instead: a reset at the first segment */
            uint64_t before = v->replies;
            struct wire_segment s = next_of(v, &h, ACK | PSH);
            s.text = (const uint8_t *)"more";
            s.text_len = 4;
            send_segment(v, &s);
            flush(v);
            assert_int_equal(v->replies - before, 1);
            assert_true(v->last.flags & RST);
        }
    }
    assert_int_equal(hf_sim_now(v->sim), begun);
    assert_int_equal(victim_counters(v).ended[HF_CAUSE_DATA_AFTER_CLOSE], (n + 2) / 3);
    assert_int_equal(victim_counters(v).orphans, n - (n + 2) / 3);
    pass(v, v->config.settings.orphan_timeout + HF_MS);
    assert_int_equal(victim_counters(v).orphans, 0);
    assert_int_equal(victim_counters(v).connections, v->baseline.connections);
    assert_int_equal(victim_counters(v).ended[HF_CAUSE_ORPHAN_TIMEOUT], n - (n + 2) / 3);
    victim_end(v, 2 * (size_t)n);
}

TEST(orphans_have_a_time_of_their_own, none, "C15")
{
    const enum silence all[] = {MUTE_IN_FIN_WAIT_1, MUTE_IN_CLOSING, MUTE_IN_LAST_ACK};
    struct victim *v = victim_new(NULL);
    v->tick = HF_SEC;
    uint32_t n = small_or_full(300, 50000);
    for (uint32_t i = 0; i < n; i++) {
        struct handshake h = {.source = stranger(v, i), .port = 9006, .seq = i};
        leave_in(v, all[i % 3], &h, true);
    }
    assert_int_equal(victim_counters(v).orphans, n);
    pass(v, v->config.settings.orphan_timeout + HF_MS);
    assert_int_equal(victim_counters(v).orphans, 0);
    assert_int_equal(victim_counters(v).connections, v->baseline.connections);
    victim_end(v, 2 * (size_t)n);
}

TEST(orphans_have_a_number, none, "C15")
{
    const enum silence all[] = {MUTE_IN_FIN_WAIT_1, MUTE_IN_FIN_WAIT_2, MUTE_IN_CLOSING,
                                MUTE_IN_LAST_ACK};
    struct victim_config config;
    victim_config_init(&config);
    config.settings.orphans_max = 50;
    struct victim *v = victim_new(&config);
    v->tick = HF_SEC;
    for (uint32_t i = 0; i < 200; i++) {
        struct handshake h = {.source = stranger(v, i), .port = 9007, .seq = i};
        leave_in(v, all[i % 4], &h, true);
        assert_true(victim_counters(v).orphans <= 50);
    }
    assert_int_equal(victim_counters(v).ended[HF_CAUSE_ORPHAN_LIMIT], 150);
    victim_end(v, 24 * 256);
}

/* Those that the application keeps are its own business: R2 ends them, not before 100 s. */
TEST(owned_connections_last_until_r2, none, "C15")
{
    const enum silence all[] = {MUTE_IN_FIN_WAIT_1, MUTE_IN_CLOSING, MUTE_IN_LAST_ACK};
    struct victim_config config;
    victim_config_init(&config);
    config.settings.r2_data = 100 * HF_SEC;
    struct victim *v = victim_new(&config);
    v->tick = HF_SEC;
    hf_conn conn[30];
    for (uint32_t i = 0; i < 30; i++) {
        struct handshake h = {.source = stranger(v, i), .port = 9008, .seq = i};
        conn[i] = leave_in(v, all[i % 3], &h, false);
    }
    pass(v, 99 * HF_SEC);
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(victim_status(v, conn[i]).cause, HF_CAUSE_NONE);
    pass(v, 130 * HF_SEC);
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(victim_status(v, conn[i]).cause, HF_CAUSE_RETRANSMIT_TIMEOUT);
        assert_int_equal(hf_tcp_close(v->stack, conn[i]), 0);
    }
    victim_end(v, 0);
}

/* ---- C16: TIME-WAIT ---- */

/* A connection that the victim closes first. Whether it could be opened. */
static bool short_connection(struct victim *v, uint32_t i, uint16_t port)
{
    struct handshake h = {.source = stranger(v, 1), .port = port, .seq = 1000 + i * 100000};
    if (handshake(v, &h) == 0)
        return false;
    h.ack++;
    struct wire_segment s = next_of(v, &h, FIN | ACK);
    send_segment(v, &s);
    flush(v);
    return true;
}

static struct victim *closes_first(uint32_t time_wait_max)
{
    struct victim_config config;
    victim_config_init(&config);
    config.accepts = ACCEPT_AND_CLOSE;
    config.settings.time_wait_max = time_wait_max;
    return victim_new(&config);
}

TEST(time_wait_is_small, none, "C16")
{
    struct victim *v = closes_first(1u << 20);
    uint32_t n = small_or_full(5000, 60000);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(short_connection(v, i, (uint16_t)(1000 + i)));
        if (i % 16 == 0)
            pass(v, HF_MS);
    }
    struct hf_stack_counters now = victim_counters(v);
    assert_int_equal(now.time_wait, n);
    assert_int_equal(now.connections, v->baseline.connections);
    /* 40 bytes each; and the table, which has three slots of 8 bytes for 5/8 of one while it grows */
    assert_true(now.memory - v->baseline.memory <= (size_t)n * (40 + 39) + 65536);
    assert_true(now.probes - v->baseline.probes <=
                16 * (now.segments_in - v->baseline.segments_in));
    victim_end(v, 2 * (size_t)n);
}

/* Short connections from one peer, as fast as it can, for a minute: its ports come round many times
 * within 2MSL. None is refused, and a late one costs no more slots than an early one. */
TEST(a_minute_of_short_connections, none, "C16")
{
    struct victim *v = closes_first(1u << 20);
    const uint32_t n = small_or_full(10000, 1000000), ports = small_or_full(2000, 60000);
    const uint32_t tenth = n / 10, every = n / 6000; /* so many in 10 ms                      */
    uint64_t probes[10];
    for (uint32_t i = 0; i < n; i++) {
        if (i % tenth == 0)
            probes[i / tenth] = victim_counters(v).probes;
        struct handshake h = {.source = stranger(v, 1),
                              .port = (uint16_t)(1000 + i % ports),
                              .seq = 1000 + i / ports * 100000};
        assert_true(handshake(v, &h) != 0);
        h.ack++;
        struct wire_segment s = next_of(v, &h, FIN | ACK);
        send_segment(v, &s);
        flush(v);
        if (i % every == every - 1)
            pass(v, 10 * HF_MS);
    }
    struct hf_stack_counters now = victim_counters(v);
    assert_int_equal(now.time_wait, ports);
    assert_int_equal(now.connections, v->baseline.connections);
    uint64_t first = probes[1] - probes[0], last = now.probes - probes[9];
    print_message("# slots looked at: %llu by the first tenth, %llu by the last\n",
                  (unsigned long long)first, (unsigned long long)last);
    assert_true(last <= 2 * first);
    assert_true(now.memory - v->baseline.memory <= (size_t)ports * (40 + 39) + 65536);
    victim_end(v, 2 * (size_t)n);
}

TEST(time_wait_has_a_cap_and_drops_the_oldest, none, "C16")
{
    struct victim *v = closes_first(100);
    for (uint32_t i = 0; i < 500; i++) {
        assert_true(short_connection(v, i, (uint16_t)(1000 + i)));
        assert_true(victim_counters(v).time_wait <= 100);
    }
    assert_int_equal(victim_counters(v).ended[HF_CAUSE_TIME_WAIT_LIMIT], 400);
    struct wire_segment s = from(v, stranger(v, 1), 1000, ACK, 5, 5); /* the oldest: gone */
    send_segment(v, &s);
    flush(v);
    assert_int_equal(v->last.flags, RST);
    victim_end(v, 24 * 512);
}

/* RFC 6191: the same pair again and again, a newer timestamp each time. */
TEST(time_wait_is_reused_with_newer_timestamps, none, "C16")
{
    struct victim *v = closes_first(1u << 20);
    uint32_t n = small_or_full(2000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        struct handshake h = {.source = stranger(v, 2),
                              .port = (uint16_t)(1000 + i % 50),
                              .seq = (uint32_t)check_random(),
                              .has_ts = true,
                              .tsval = 1 + 10 * i};
        assert_true(handshake(v, &h) != 0);
        h.ack++;
        h.tsval++;
        struct wire_segment s = next_of(v, &h, FIN | ACK);
        send_segment(v, &s);
        pass(v, 60 * HF_US);
        assert_true(victim_counters(v).time_wait <= 60);
    }
    victim_end(v, 24 * 128);
}
