/* Rows C10 to C12 and D1 to D4 of docs/attacks.md, and D14 where it is about RACK: peers and paths that
 * play with what the sender keeps of its flight. Work is counted in records looked at. */
#include <string.h>

#include "duet.h"
#include "victim.h"

/* ---- A long flight of small segments ---- */

enum { SMALL = 64, WINDOW = 60000 };

struct flight {
    struct victim *v;
    struct sink sink;
    hf_conn conn;
    uint32_t una;   /* the first octet that is not acknowledged                                 */
    uint32_t count; /* segments behind it                                                        */
};

/* Let the window grow, and then fall silent. */
static void long_flight(struct flight *f, uint16_t port)
{
    memset(f, 0, sizeof *f);
    f->v = victim_new(NULL);
    f->sink = (struct sink){.h = {.mss = SMALL, .sack = true}, .window = WINDOW};
    f->conn = sink_open(f->v, &f->sink, port);
    assert_int_equal(hf_tcp_set(f->v->stack, f->conn, HF_OPTION_SND_BUFFER, 1 << 20), 0);
    queue_text(f->v, f->conn, 0, 400000);
    while (f->sink.bytes < 200000)
        pass(f->v, HF_MS);
    f->sink.mute = true;
    pass(f->v, 10 * HF_MS);
    struct hf_tcp_status now = victim_status(f->v, f->conn);
    f->una = now.snd_una;
    f->count = (now.snd_nxt - now.snd_una) / SMALL;
    assert_true(f->count > 300);
}

/* The stranger becomes a good peer: all that was queued arrives. */
static void all_arrives(struct flight *f)
{
    f->sink.mute = false;
    sink_answer(f->v, &f->sink);
    for (unsigned i = 0; i < 2000 && f->sink.bytes < 400000; i++)
        pass(f->v, 100 * HF_MS);
    assert_int_equal(f->sink.bytes, 400000);
    assert_int_equal(f->sink.wrong, 0);
    sink_close(f->v, f->conn);
    victim_end(f->v, 0);
}

static uint64_t visited(const struct flight *f)
{
    struct hf_stack_counters counters;
    hf_stack_counters(f->v->stack, &counters);
    return counters.records_visited;
}

/* SACK of every other eight octets: nothing is cut, nothing grows. */
TEST(sack_of_crumbs, none, "C10")
{
    struct flight f;
    long_flight(&f, 9101);
    size_t before = victim_counters(f.v).memory;
    uint32_t n = small_or_full(10000, 200000);
    for (uint32_t i = 0; i < n; i++) {
        struct wire_segment s = next_of(f.v, &f.sink.h, ACK);
        s.sacks = 4;
        for (unsigned k = 0; k < 4; k++) {
            s.sack[k].start = f.una + 16 * (uint32_t)check_random_below(f.count * SMALL / 16);
            s.sack[k].end = s.sack[k].start + 8;
        }
        send_segment(f.v, &s);
        if (i % 997 == 0) {
            flush(f.v);
            victim_check(f.v);
            assert_int_equal(victim_status(f.v, f.conn).sacked, 0);
            assert_true(victim_counters(f.v).memory <= before + 65536);
        }
    }
    flush(f.v);
    all_arrives(&f);
}

/* Blocks that jump about, each with a hole beside it: what an ACK costs does not grow. */
TEST(sack_blocks_that_jump_about, none, "C11")
{
    struct flight f;
    long_flight(&f, 9102);
    uint32_t n = small_or_full(10000, 100000), tenth = n / 10;
    uint64_t cost[10], at = visited(&f);
    for (uint32_t i = 0; i < n; i++) {
        struct wire_segment s = next_of(f.v, &f.sink.h, ACK);
        s.sacks = 3 + (unsigned)check_random_below(2);
        for (unsigned k = 0; k < s.sacks; k++) {
            uint32_t place = 1 + 2 * (uint32_t)check_random_below(f.count / 2 - 1);
            s.sack[k].start = f.una + SMALL * place;
            s.sack[k].end = s.sack[k].start + SMALL;
        }
        send_segment(f.v, &s);
        if (i % tenth == tenth - 1) {
            flush(f.v);
            cost[i / tenth] = visited(&f) - at;
            at = visited(&f);
            victim_check(f.v);
        }
    }
    assert_true(cost[9] <= 2 * cost[0]);
    for (int i = 0; i < 10; i++)
        assert_true(cost[i] / tenth <= 150);
    /* No more than one record for each segment and each cut. */
    assert_true(victim_counters(f.v).memory_peak < victim_counters(f.v).memory_limit);
    all_arrives(&f);
}

/* ---- C12 ---- */

static uint32_t smallest_segment(uint16_t floor, uint16_t offered)
{
    struct victim_config config;
    victim_config_init(&config);
    config.settings.mss_floor = floor;
    struct victim *v = victim_new(&config);
    struct sink sink = {.h = {.mss = offered}, .window = WINDOW};
    hf_conn conn = sink_open(v, &sink, 9103);
    queue_text(v, conn, 0, 20000);
    pass(v, 10 * HF_SEC);
    assert_int_equal(sink.bytes, 20000);
    uint32_t mean = sink.bytes / sink.packets;
    sink_close(v, conn);
    victim_end(v, 0);
    return mean;
}

TEST(tiny_mss_has_a_floor, none, "C12")
{
    uint32_t mean = smallest_segment(64, 48);
    assert_in_range(mean, 50, 64);
    mean = smallest_segment(536, 48);
    assert_true(mean > 400); /* headers of 40 octets: far above half is text */
}

/* ---- D1 ---- */

static uint32_t growth(const struct hf_settings *settings, uint32_t acks)
{
    struct victim_config config;
    victim_config_init(&config);
    config.settings = *settings;
    struct victim *v = victim_new(&config);
    struct sink sink = {.h = {.mss = 1460, .sack = true}, .window = 65535, .mute = true};
    hf_conn conn = sink_open(v, &sink, 9104);
    queue_text(v, conn, 0, 60000);
    uint32_t before = victim_status(v, conn).cwnd;
    for (uint32_t i = 0; i < acks; i++) {
        sink.h.ack += 1460 / acks;
        struct wire_segment s = next_of(v, &sink.h, ACK);
        s.window = 65535;
        send_segment(v, &s);
        flush(v);
    }
    uint32_t after = victim_status(v, conn).cwnd;
    sink_close(v, conn);
    victim_end(v, 0);
    return after - before;
}

TEST(one_segment_acknowledged_by_the_octet, none, "D1")
{
    const struct hf_settings *tables[] = {hf_settings_rfc(), hf_settings_linux(),
                                          hf_settings_default()};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint32_t whole = growth(tables[i], 1), crumbs = growth(tables[i], 1460);
        assert_true(whole > 0);
        assert_true(crumbs <= whole);
    }
}

/* ---- D2 ---- */

static void duplicates(bool sack)
{
    struct victim *v = victim_new(NULL);
    struct sink sink = {.h = {.mss = 1000, .sack = sack}, .window = 60000, .mute = true};
    hf_conn conn = sink_open(v, &sink, 9105);
    assert_int_equal(hf_tcp_set(v->stack, conn, HF_OPTION_SND_BUFFER, 1 << 20), 0);
    queue_text(v, conn, 0, 300000);
    struct hf_tcp_status before = victim_status(v, conn);
    uint32_t n = small_or_full(10000, 100000);
    for (uint32_t i = 0; i < n; i++) {
        struct wire_segment s = next_of(v, &sink.h, ACK);
        s.window = 60000;
        send_segment(v, &s);
        if (i % 100 == 0)
            flush(v);
    }
    flush(v);
    struct hf_tcp_status after = victim_status(v, conn);
    assert_int_equal(after.snd_una, before.snd_una);
    assert_true(after.retransmits <= (sack ? 0 : 1));
    assert_true(sack ? after.cwnd <= before.cwnd
                     : after.cwnd <= after.ssthresh + (after.snd_nxt - after.snd_una) + 1000);
    assert_true(after.snd_nxt - after.snd_una <= 60000);
    victim_check(v);
    sink_close(v, conn);
    victim_end(v, 0);
}

TEST(duplicate_acks_from_nowhere, none, "D2")
{
    duplicates(true);
    duplicates(false);
}

/* ---- D3 ---- */

/* ACKs of what never left draw an answer now and then, and nothing else. */
TEST(acks_of_what_was_not_sent, none, "D3")
{
    struct victim *v = victim_new(NULL);
    struct sink sink = {.h = {.mss = 1000, .sack = true}, .window = 60000, .mute = true};
    hf_conn conn = sink_open(v, &sink, 9106);
    queue_text(v, conn, 0, 60000);
    struct hf_tcp_status before = victim_status(v, conn);
    uint64_t replies = v->replies;
    for (uint32_t i = 0; i < 5000; i++) {
        struct wire_segment s = next_of(v, &sink.h, ACK);
        s.ack = before.snd_nxt + 1 + (uint32_t)check_random_below(100000);
        send_segment(v, &s);
    }
    flush(v);
    struct hf_tcp_status after = victim_status(v, conn);
    assert_int_equal(after.cwnd, before.cwnd);
    assert_int_equal(after.snd_una, before.snd_una);
    assert_int_equal(after.snd_nxt, before.snd_nxt);
    assert_true(v->replies - replies <= v->config.settings.challenge_count);
    sink_close(v, conn);
    victim_end(v, 0);
}

/* A peer that acknowledges the moment that something leaves: the window that it offers bounds what it
 * can make of it. */
TEST(acks_ahead_of_the_data, none, "D3")
{
    struct victim *v = victim_new(NULL);
    struct sink sink = {.h = {.mss = 1000, .sack = true}, .window = 50000};
    hf_conn conn = sink_open(v, &sink, 9107);
    assert_int_equal(hf_tcp_set(v->stack, conn, HF_OPTION_SND_BUFFER, 1 << 22), 0);
    uint32_t most = 0;
    queue_text(v, conn, 0, 2000000);
    for (unsigned i = 0; i < 2000 && sink.bytes < 2000000; i++) {
        pass(v, HF_MS);
        struct hf_tcp_status now = victim_status(v, conn);
        assert_true(now.snd_nxt - now.snd_una <= 50000);
        most = now.cwnd > most ? now.cwnd : most;
    }
    assert_int_equal(sink.bytes, 2000000);
    assert_true(most <= 2 * 50000 + 20000);
    sink_close(v, conn);
    victim_end(v, 0);
}

/* ---- D4: bursts in time with the timer ---- */

static struct {
    struct hf_sim *sim;
    int client, server, wire;
    hf_listener listener;
    hf_conn out, in;
    uint64_t received;
} t;

static void feed(void)
{
    static const uint8_t zeros[65536];
    while (t.out && hf_tcp_send(hf_sim_stack(t.sim, t.client), t.out, zeros, sizeof zeros, 0) > 0)
        continue;
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    static uint8_t bytes[65536];
    (void)context;
    struct hf_stack *stack = hf_sim_stack(sim, host);
    if (host == t.client && !(event->bits & HF_EVENT_ENDED))
        feed();
    if (host == t.server && event->bits & HF_EVENT_ACCEPT)
        hf_tcp_accept(stack, t.listener, 0, &t.in);
    int64_t n = 1;
    while (host == t.server && t.in && n > 0) {
        n = hf_tcp_recv(stack, t.in, bytes, sizeof bytes);
        t.received += n > 0 ? (uint64_t)n : 0;
    }
}

static void set_down(bool down)
{
    struct hf_sim_path path = {.size = sizeof path};
    for (int from = 0; from < 2; from++) {
        int host = from ? t.server : t.client;
        assert_int_equal(hf_sim_get_path(t.sim, t.wire, host, &path), 0);
        path.down = down;
        assert_int_equal(hf_sim_set_path(t.sim, t.wire, host, &path), 0);
    }
}

static void until(hf_time at)
{
    if (hf_sim_run(t.sim, at, NULL, NULL) == HF_SIM_FAILED)
        fail_msg("%s", hf_sim_failure(t.sim));
}

/* Octets through 20 Mbit/s and 20 ms in 40 s, with the path full of somebody's packets for 100 ms in
 * every second, or not. */
static uint64_t goodput(const struct hf_settings *settings, bool bursts)
{
    struct hf_sim_config config;
    struct hf_sim_host_config host;
    struct hf_sim_path path;
    memset(&t, 0, sizeof t);
    hf_sim_config_init(&config);
    config.seed = check_seed();
    t.sim = hf_sim_create(&config);
    hf_sim_host_config_init(&host);
    host.stack.settings = *settings;
    host.app.on_event = on_event;
    t.client = hf_sim_add_host(t.sim, &host);
    t.server = hf_sim_add_host(t.sim, &host);
    hf_sim_path_init(&path);
    path.rate = 20000000;
    path.delay = 10 * HF_MS;
    path.queue_bytes = 50000;
    t.wire = hf_sim_add_link(t.sim, t.client, t.server, 1500, &path);
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    assert_int_equal(hf_tcp_listen(hf_sim_stack(t.sim, t.server), &listen, &t.listener), 0);
    assert_int_equal(hf_sim_address(t.sim, t.wire, t.server, HF_IPV4, &open.remote.addr), 0);
    assert_int_equal(hf_tcp_open(hf_sim_stack(t.sim, t.client), &open, &t.out), 0);
    until(2 * HF_SEC);
    uint64_t before = t.received;
    for (int64_t second = 2; second < 42; second++) {
        set_down(bursts);
        until(second * HF_SEC + 100 * HF_MS);
        set_down(false);
        until((second + 1) * HF_SEC);
    }
    uint64_t got = t.received - before;
    assert_int_equal(hf_tcp_abort(hf_sim_stack(t.sim, t.client), t.out), 0);
    assert_int_equal(hf_tcp_abort(hf_sim_stack(t.sim, t.server), t.in), 0);
    hf_sim_destroy(t.sim);
    return got;
}

TEST(bursts_in_time_with_the_timer, none, "D4")
{
    const struct hf_settings *tables[] = {hf_settings_rfc(), hf_settings_default()};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint64_t fair = goodput(tables[i], false), left = goodput(tables[i], true);
        print_message("# goodput under bursts: %u %% of what is fair\n",
                      (unsigned)(100 * left / fair));
        assert_true(4 * left >= fair);
    }
}

/* ---- D14: RACK on a clock that ticks coarsely ---- */

/* A clock of 16 ms, and a path that now and then lets each fourth packet arrive a tick later. */
TEST(coarse_ticks_and_reordering, none, "D14")
{
    struct hf_settings settings = *hf_settings_default();
    settings.clock_tick = 16 * HF_MS;
    settings.rcv_buffer = settings.rcv_buffer_max = 100000;
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    struct duet d;
    hf_listener listener;
    hf_conn out, in;
    memset(&d, 0, sizeof d);
    duet_begin(&d, &settings);
    open.remote.addr = d.addr[1];
    assert_int_equal(hf_tcp_listen(d.stack[1], &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(d.stack[0], &open, &out), 0);
    duet_pull(&d);
    while (duet_deliver_both(&d))
        continue;
    assert_int_equal(hf_tcp_accept(d.stack[1], listener, 0, &in), 1);
    uint32_t bytes = small_or_full(2000000, 50000000), received = 0;
    static uint8_t piece[65536];
    for (unsigned turns = 0; received < bytes; turns++) {
        assert_true(turns < 1000000);
        while (hf_tcp_send(d.stack[0], out, piece, 4096, 0) > 0)
            continue;
        for (int64_t n; (n = hf_tcp_recv(d.stack[1], in, piece, sizeof piece)) > 0;)
            received += (uint32_t)n;
        duet_pull(&d);
        unsigned flying[2] = {d.count[0], d.count[1]};
        d.now += settings.clock_tick;
        duet_timers(&d);
        for (int i = 0; i < 2; i++)
            for (unsigned k = 0, left = flying[i]; k < left; k++) {
                if (i == 0 && turns / 2 % 2 && k % 4 == 1 && d.count[0] > 1) {
                    struct duet_packet late = d.flying[0][0]; /* to the end of the line */
                    memmove(&d.flying[0][0], &d.flying[0][1],
                            (d.count[0] - 1) * sizeof late);
                    d.flying[0][d.count[0] - 1] = late;
                } else {
                    duet_deliver(&d, i);
                }
            }
    }
    struct hf_stack_counters counters;
    hf_stack_counters(d.stack[0], &counters);
    print_message("# resent in ticks of 16 ms: %u of %u segments\n",
                  (unsigned)counters.retransmits, (unsigned)counters.segments_out);
    assert_true(counters.retransmits * 100 <= counters.segments_out);
    duet_end(&d);
}
