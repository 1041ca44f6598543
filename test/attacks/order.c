/* Rows D6 to D9, D11 and D12 of docs/attacks.md: segments in an order, or with numbers, that
 * an honest and careful peer would not choose. */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

/* ---- D6: windows that shrink ---- */

TEST(window_shrinks_to_every_value, none, "D6 MUST-34")
{
    struct victim *v = victim_new(NULL);
    uint32_t step = small_or_full(173, 1);
    for (uint32_t window = 0; window <= 6000; window += step) {
        struct sink sink = {.h = {.mss = 1000}, .mute = true, .window = 60000};
        hf_conn conn = sink_open(v, &sink, (uint16_t)(10000 + window));
        queue_text(v, conn, 0, 12000);
        assert_int_equal(sink.furthest, 10000); /* the initial window of congestion control */
        /* The second and third are there; the edge goes back to anywhere, below nxt, una
         * too. */
        sink.h.ack += 2000;
        struct wire_segment s = next_of(v, &sink.h, ACK);
        s.window = (uint16_t)window;
        send_segment(v, &s);
        flush(v);
        assert_int_equal(victim_status(v, conn).snd_wnd, window);
        sink.furthest = 0;
        pass(v, 3 * HF_SEC);
        victim_check(v);
        uint32_t edge = 2000 + window;
        assert_true(sink.furthest <= (edge > 10000 ? edge : 10000) + 1);
        sink.mute = false;
        sink.bytes = 2000;
        sink_answer(v, &sink); /* it opens again */
        pass(v, 60 * HF_SEC);
        assert_int_equal(sink.bytes, 12000);
        assert_int_equal(sink.wrong, 0);
        sink_close(v, conn);
        v->tick = HF_SEC;
    }
    victim_end(v, 0);
}

/* At every ACK another window, as the worst of peers would have it. */
TEST(window_jumps_at_every_ack, none, "D6 MUST-34")
{
    struct victim_config config;
    victim_config_init(&config);
    config.settings.snd_buffer = 200000;
    struct victim *v = victim_new(&config);
    v->tick = HF_SEC;
    struct sink sink = {.h = {.mss = 700, .window = 5000}, .window = 5000};
    hf_conn conn = sink_open(v, &sink, 9100);
    queue_text(v, conn, 0, 200000);
    for (uint32_t i = 0; i < small_or_full(2000, 100000); i++) {
        sink.window =
            (uint32_t)check_random_below(4) == 0 ? 0 : (uint32_t)check_random_below(5000);
        pass(v, (hf_time)check_random_below(300) * HF_MS);
        victim_check(v);
    }
    sink.window = 60000;
    sink_answer(v, &sink);
    pass(v, 300 * HF_SEC);
    assert_int_equal(sink.bytes, 200000);
    assert_int_equal(sink.wrong, 0);
    sink_close(v, conn);
    victim_end(v, 0);
}

/* ---- D7: old windows ---- */

TEST(old_segments_bring_no_old_window_back, none, "D7 N-8")
{
    struct victim *v = victim_new(NULL);
    struct sink sink = {.h = {.seq = 1}, .window = 60000};
    hf_conn conn = sink_open(v, &sink, 9101);
    for (uint32_t i = 0; i < 20; i++) {
        queue_text(v, conn, i * 1000, 1000);
        pass(v, 20 * HF_MS);
        struct wire_segment s = next_of(v, &sink.h, ACK);
        s.window = 5000;
        s.text = (const uint8_t *)"text";
        s.text_len = 4;
        send_segment(v, &s);
        sink.h.seq += 4;
        flush(v);
        assert_int_equal(victim_status(v, conn).snd_wnd, 5000);
        for (unsigned k = 0; k < 30; k++) { /* older in seq, or as old and older in ack */
            struct wire_segment old = next_of(v, &sink.h, ACK);
            old.seq -= 4 + (k % 3 == 0 ? 0 : (uint32_t)check_random_below(8));
            old.ack -= 1 + (uint32_t)check_random_below(1 + (uint64_t)i * 1000);
            old.window = (uint16_t)check_random();
            if (k % 2) {
                old.text = (const uint8_t *)"text";
                old.text_len = 4;
            }
            send_segment(v, &old);
            flush(v);
            assert_int_equal(victim_status(v, conn).snd_wnd, 5000);
        }
        sink.window = 60000;
        pass(v, 6 * HF_SEC);
    }
    sink_close(v, conn);
    victim_end(v, 0);
}

/* ---- D8: overlaps that differ ---- */

enum { UNITS = 5, UNIT = 3 };

/* Four segments, of one or two units, at any of four places, each of another letter; then
 * all of it again in one more. The first to arrive stays, whatever is delivered when. */
static void overlap(struct victim *v, uint32_t shape, bool one_by_one)
{
    struct handshake h = {
        .source = stranger(v, shape), .port = (uint16_t)(20000 + shape), .seq = UINT32_MAX - 5};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    uint8_t expected[UNITS * UNIT] = {0}, text[UNITS * UNIT], got[UNITS * UNIT + 1];
    size_t read = 0;
    for (unsigned k = 0; k <= 4; k++) {
        unsigned start = k < 4 ? (shape >> (3 * k) & 3) * UNIT : 0;
        unsigned len = k < 4 ? (1 + (shape >> (3 * k + 2) & 1)) * UNIT : UNITS * UNIT;
        memset(text, 'a' + (int)k, sizeof text);
        for (unsigned i = start; i < start + len; i++)
            if (expected[i] == 0)
                expected[i] = (uint8_t)('a' + k);
        struct wire_segment s = next_of(v, &h, ACK);
        s.seq = h.seq + start;
        s.text = text;
        s.text_len = len;
        send_segment(v, &s);
        if (!one_by_one)
            continue;
        flush(v);
        int64_t n = hf_tcp_recv(v->stack, conn, got + read, sizeof got - read);
        assert_true(n >= 0);
        read += (size_t)n;
    }
    flush(v);
    int64_t n = hf_tcp_recv(v->stack, conn, got + read, sizeof got - read);
    assert_int_equal(read + (size_t)n, UNITS * UNIT);
    assert_memory_equal(got, expected, sizeof expected);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    flush(v);
}

TEST(first_of_overlapping_texts_stays, none, "D8 N-26")
{
    struct victim *v = victim_new(NULL);
    for (uint32_t shape = 0; shape < 4096; shape++) {
        overlap(v, shape, shape % 2 == 0);
        if (soak())
            overlap(v, shape, shape % 2 != 0);
    }
    victim_end(v, 0);
}

/* ---- D9: two ends that disagree ---- */

struct war {
    struct hf_sim *sim;
    int host[2], link;
    hf_conn conn[2];
    uint32_t seq_offset, ack_offset; /* added to what [0] sends                               */
    bool on;
    uint64_t packets;
};

static void war_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct war *war = context;
    if (event->bits & HF_EVENT_ACCEPT)
        hf_tcp_accept(hf_sim_stack(sim, host), event->handle, 0, &war->conn[1]);
}

static void add_and_sum(uint8_t *tcp, uint32_t len, unsigned at, uint32_t offset)
{
    (void)len;
    uint32_t sum = (uint32_t)(~(tcp[16] << 8 | tcp[17]) & 0xffff);
    for (unsigned half = 0; half < 2; half++)
        sum += 0xffff - ((uint32_t)tcp[at + 2 * half] << 8 | tcp[at + 2 * half + 1]);
    uint32_t value = (uint32_t)tcp[at] << 24 | (uint32_t)tcp[at + 1] << 16 |
                     (uint32_t)tcp[at + 2] << 8 | tcp[at + 3];
    value += offset;
    for (unsigned i = 0; i < 4; i++)
        tcp[at + i] = (uint8_t)(value >> (24 - 8 * i));
    sum += (value >> 16) + (value & 0xffff);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    tcp[16] = (uint8_t)(~sum >> 8);
    tcp[17] = (uint8_t)~sum;
}

static enum hf_sim_verdict war_filter(void *context, struct hf_sim *sim,
                                      struct hf_sim_packet *packet)
{
    struct war *war = context;
    (void)sim;
    if (!war->on)
        return HF_SIM_PASS;
    war->packets++;
    if (packet->from == war->host[0]) {
        add_and_sum(packet->bytes + 20, packet->len - 20, 4, war->seq_offset);
        add_and_sum(packet->bytes + 20, packet->len - 20, 8, war->ack_offset);
    }
    return HF_SIM_PASS;
}

/* Packets within 20 s of one empty ACK, or of ten octets of text, between two ends that are
 * so far apart; retransmissions of that text not counted. */
static uint64_t wage(uint32_t seq_offset, uint32_t ack_offset, bool text,
                     const struct hf_settings *settings)
{
    struct war war = {.seq_offset = seq_offset, .ack_offset = ack_offset};
    struct hf_sim_config config;
    struct hf_sim_host_config host;
    struct hf_sim_path path;
    hf_sim_config_init(&config);
    config.checks = HF_SIM_CHECK_STACK;
    config.seed = check_seed();
    war.sim = hf_sim_create(&config);
    hf_sim_host_config_init(&host);
    host.stack.settings = *settings;
    host.app = (struct hf_sim_app){.on_event = war_event, .context = &war};
    hf_sim_path_init(&path);
    path.delay = HF_MS;
    for (int i = 0; i < 2; i++)
        war.host[i] = hf_sim_add_host(war.sim, &host);
    war.link = hf_sim_add_link(war.sim, war.host[0], war.host[1], 1500, &path);
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 1};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    hf_listener listener;
    hf_sim_address(war.sim, war.link, war.host[1], HF_IPV4, &open.remote.addr);
    struct hf_stack *a = hf_sim_stack(war.sim, war.host[0]);
    assert_int_equal(hf_tcp_listen(hf_sim_stack(war.sim, war.host[1]), &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(a, &open, &war.conn[0]), 0);
    hf_sim_set_filter(war.sim, war_filter, &war);
    hf_sim_run(war.sim, HF_SEC, NULL, NULL);
    assert_true(war.conn[1] != 0);
    war.on = true;
    /* A keep-alive is the empty segment: seq one below, which even a good peer answers. */
    if (text) {
        hf_tcp_send(a, war.conn[0], "0123456789", 10, 0);
    } else {
        hf_tcp_set(a, war.conn[0], HF_OPTION_KEEPALIVE_IDLE, HF_SEC);
        hf_tcp_set(a, war.conn[0], HF_OPTION_KEEPALIVE_INTERVAL, 1000 * HF_SEC);
        hf_tcp_set(a, war.conn[0], HF_OPTION_KEEPALIVE, 1);
        hf_sim_run(war.sim, 3 * HF_SEC, NULL, NULL);
        hf_tcp_set(a, war.conn[0], HF_OPTION_KEEPALIVE, 0);
    }
    if (hf_sim_run(war.sim, 21 * HF_SEC, NULL, NULL) == HF_SIM_FAILED)
        fail_msg("%s", hf_sim_failure(war.sim));
    struct hf_stack_counters counters;
    hf_stack_counters(hf_sim_stack(war.sim, war.host[0]), &counters);
    uint64_t packets = war.packets - counters.retransmits;
    for (int i = 0; i < 2; i++)
        assert_int_equal(hf_sim_end_host(war.sim, war.host[i]), 0);
    hf_sim_destroy(war.sim);
    return packets;
}

TEST(ends_that_disagree_fall_silent, none, "D9")
{
    const uint32_t offsets[] = {0,         1,     UINT32_MAX, 1000,
                                0u - 1000, 70000, 0u - 70000, 0x80000000u};
    const struct hf_settings *tables[] = {hf_settings_rfc(), hf_settings_default()};
    const size_t n = sizeof offsets / sizeof *offsets;
    for (unsigned t = 0; t < 2; t++) {
        for (size_t i = 0; i < n * n; i++) {
            uint32_t seq = offsets[i / n], ack = offsets[i % n];
            uint64_t empty = wage(seq, ack, false, tables[t]);
            uint64_t text = wage(seq, ack, true, tables[t]);
            /* The first, and the share of the challenges that both ends may spend in 5 s. Each
             * of the retransmissions of text, six in 20 s, draws an answer and its answer. */
            if (empty > 11 || text > 11 + 12)
                fail_msg("offsets %d and %d: %llu packets after an empty one, %llu after text",
                         (int)seq, (int)ack, (unsigned long long)empty, (unsigned long long)text);
        }
    }
}

/* ---- D11: keep-alives ---- */

TEST(garbage_octet_of_a_keep_alive, none, "D11")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 9102, .seq = 500};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t before = v->replies;
        struct wire_segment s = next_of(v, &h, ACK);
        s.seq--;
        s.text = (const uint8_t *)"?";
        s.text_len = i % 2;
        send_segment(v, &s);
        pass(v, 3 * HF_SEC);
        assert_int_equal(v->replies - before, 1);
        assert_int_equal(v->last.ack, h.seq);
        assert_int_equal(v->last_len, 40);
        char byte;
        assert_int_equal(hf_tcp_recv(v->stack, conn, &byte, 1), 0);
    }
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

struct probes {
    hf_time at[64];
    unsigned count;
};

static void note_probe(struct victim *v, const struct wire_segment *s, uint32_t len)
{
    struct probes *probes = v->context;
    (void)s;
    (void)len;
    if (probes->count < sizeof probes->at / sizeof *probes->at)
        probes->at[probes->count++] = hf_sim_now(v->sim);
}

TEST(keep_alives_keep_their_interval, none, "D11 MUST-25 MUST-26")
{
    struct victim *v = victim_new(NULL);
    v->tick = HF_SEC;
    struct handshake h = {.source = stranger(v, 1), .port = 9103, .seq = 500};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    struct probes probes = {0};
    v->context = &probes;
    v->on_reply = note_probe;
    assert_int_equal(hf_tcp_set(v->stack, conn, HF_OPTION_KEEPALIVE_IDLE, 10 * HF_SEC), 0);
    assert_int_equal(hf_tcp_set(v->stack, conn, HF_OPTION_KEEPALIVE_INTERVAL, 4 * HF_SEC), 0);
    assert_int_equal(hf_tcp_set(v->stack, conn, HF_OPTION_KEEPALIVE_PROBES, 5), 0);
    assert_int_equal(hf_tcp_set(v->stack, conn, HF_OPTION_KEEPALIVE, 1), 0);
    hf_time begun = hf_sim_now(v->sim);
    for (unsigned i = 0; i < 5; i++) { /* answered: the idle time begins anew */
        pass(v, 10 * HF_SEC + HF_MS);
        assert_int_equal(probes.count, i + 1);
        struct wire_segment s = next_of(v, &h, ACK);
        send_segment(v, &s);
    }
    assert_true(probes.at[0] - begun >= 10 * HF_SEC - HF_SEC);
    pass(v, 60 * HF_SEC); /* not answered: five, then the end and perhaps its reset */
    assert_in_range(probes.count, 10, 11);
    for (unsigned i = 1; i < 10; i++)
        assert_true(probes.at[i] - probes.at[i - 1] >= (i < 6 ? 10 : 4) * HF_SEC - HF_MS);
    assert_int_equal(victim_status(v, conn).cause, HF_CAUSE_KEEPALIVE_TIMEOUT);
    assert_int_equal(hf_tcp_close(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- D12: a peer that comes back ---- */

TEST(peer_that_crashed_connects_again, none, "D12")
{
    const uint32_t new_isn[] = {777,          776, 778, 5000, 777 + 60000, 777 + 0x80000000u,
                                777u - 60000, 0};
    struct victim *v = victim_new(NULL);
    for (size_t i = 0; i < sizeof new_isn / sizeof *new_isn; i++) {
        struct handshake h = {.source = stranger(v, (uint32_t)i), .port = 9104, .seq = 777};
        hf_conn conn = handshake(v, &h);
        assert_true(conn != 0);
        assert_int_equal(hf_tcp_send(v->stack, conn, "unacknowledged", 14, 0), 14);
        flush(v);
        hf_time crashed = hf_sim_now(v->sim);
        struct handshake again = h;
        again.seq = new_isn[i];
        struct wire_segment s = next_of(v, &again, SYN);
        bool open = false;
        for (unsigned tries = 0; tries < 3 && !open; tries++) { /* at 0, 1 and 2 s */
            uint64_t before = v->replies;
            send_segment(v, &s);
            flush(v);
            assert_true(v->replies > before);
            if (v->last.flags == (SYN | ACK)) {
                again.seq = new_isn[i] + 1;
                again.ack = v->last.seq + 1;
                struct wire_segment third = next_of(v, &again, ACK);
                uint64_t accepted = v->accepted;
                send_segment(v, &third);
                flush(v);
                open = v->accepted > accepted;
            } else { /* a challenge: the peer knows nothing of it, and resets what it names */
                assert_int_equal(v->last.flags & (RST | SYN), 0);
                struct wire_segment reset = from(v, h.source, h.port, RST, v->last.ack, 0);
                send_segment(v, &reset);
                flush(v);
                assert_int_equal(victim_status(v, conn).cause, HF_CAUSE_RESET);
            }
            if (!open)
                pass(v, HF_SEC);
        }
        assert_true(open);
        assert_true(hf_sim_now(v->sim) - crashed <= 3 * HF_SEC);
        assert_int_equal(hf_tcp_close(v->stack, conn), 0);
        struct wire_segment reset = next_of(v, &again, RST);
        send_segment(v, &reset);
        pass(v, 6 * HF_SEC);
    }
    victim_end(v, 32768); /* the application keeps the handles of those that were reset */
}
