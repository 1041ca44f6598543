/* Rows B1 to B5 and B12 to B16 of docs/attacks.md: attackers who are not on the path and
 * guess. The spoofed segments carry the legit peer's addresses and ports, which anybody may
 * know, and numbers that only the two ends know. */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

/* A number that is neither a nor between a and b. */
static uint32_t random_outside(uint32_t a, uint32_t b)
{
    uint32_t inside = b - a + 1;
    return b + 1 + (uint32_t)check_random_below((uint64_t)UINT32_MAX + 1 - inside);
}

static uint32_t random32(void)
{
    return (uint32_t)check_random();
}

/* ---- B1, B2: RST and SYN ---- */

TEST(random_resets_in_the_window_end_nothing, none, "B1")
{
    struct victim *v = victim_new(NULL);
    uint32_t n = small_or_full(20000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        struct hf_tcp_status now = victim_status(v, v->conn);
        uint32_t ahead = 1 + (uint32_t)check_random_below(now.rcv_wnd - 1);
        struct wire_segment s = as_legit(v, RST, now.rcv_nxt + ahead, 0);
        send_segment(v, &s);
        if (i % 64 == 63)
            pass(v, 5 * HF_MS);
    }
    flush(v);
    struct hf_stack_counters seen = victim_counters(v);
    uint64_t intervals = 1 + (uint64_t)((hf_sim_now(v->sim) - 1000 * HF_SEC) /
                                        v->config.settings.challenge_interval);
    assert_int_equal(seen.ended[HF_CAUSE_RESET], 0);
    assert_true(seen.drops[HF_DROP_RST_WINDOW] >= n * 9 / 10); /* the window moves in a batch */
    assert_true(seen.challenge_acks > 0);
    assert_true(seen.challenge_acks <= (intervals + 1) * v->config.settings.challenge_count);
    victim_end(v, 0);
}

TEST(resets_outside_the_window_are_not_answered, none, "B1")
{
    struct victim *v = victim_new(NULL);
    v->stop = true;
    pass(v, HF_SEC);
    uint64_t out = victim_counters(v).packets_out;
    for (uint32_t i = 0; i < 2000; i++) {
        struct hf_tcp_status now = victim_status(v, v->conn);
        uint32_t seq = random_outside(now.rcv_nxt, now.rcv_nxt + now.rcv_wnd - 1);
        struct wire_segment s = as_legit(v, RST | (i % 2 ? ACK : 0), seq, now.snd_nxt);
        send_segment(v, &s);
    }
    pass(v, HF_SEC);
    assert_int_equal(victim_counters(v).packets_out, out);
    assert_int_equal(victim_counters(v).drops[HF_DROP_RST_OUTSIDE], 2000);
    v->stop = false;
    hf_sim_wake(v->sim, v->legit, hf_sim_now(v->sim), 0);
    victim_end(v, 0);
}

/* The offset decides: 0 resets, inside draws one challenge, outside nothing. */
TEST(reset_at_each_class_of_offset, none, "B1")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 4000, .seq = UINT32_MAX - 100};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    uint32_t window = victim_status(v, conn).rcv_wnd;
    const struct {
        int64_t offset;
        unsigned replies;
    } rows[] = {{-1, 0},     {-70000, 0},
                {1, 1},      {(int64_t)window - 1, 1},
                {window, 0}, {(int64_t)window + 70000, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t before = v->replies;
        struct wire_segment s = next_of(v, &h, RST);
        s.seq = h.seq + (uint32_t)rows[i].offset;
        send_segment(v, &s);
        flush(v);
        assert_int_equal(v->replies - before, rows[i].replies);
        assert_int_equal(victim_status(v, conn).state, HF_ESTABLISHED);
        if (rows[i].replies > 0) {
            assert_int_equal(v->last.flags, ACK);
            assert_int_equal(v->last.seq, h.ack);
            assert_int_equal(v->last.ack, h.seq);
        }
    }
    struct wire_segment s = next_of(v, &h, RST);
    uint64_t before = v->replies;
    send_segment(v, &s);
    flush(v);
    assert_int_equal(victim_status(v, conn).cause, HF_CAUSE_RESET);
    assert_int_equal(v->replies, before);
    assert_int_equal(hf_tcp_close(v->stack, conn), 0);
    victim_end(v, 0);
}

TEST(syns_change_nothing_in_a_connection, none, "B2")
{
    struct victim *v = victim_new(NULL);
    struct hf_tcp_status before = victim_status(v, v->conn);
    uint32_t n = small_or_full(5000, 200000);
    for (uint32_t i = 0; i < n; i++) {
        struct hf_tcp_status now = victim_status(v, v->conn);
        uint32_t seq = i % 2 ? random32() : now.rcv_nxt + random32() % now.rcv_wnd;
        struct wire_segment s = as_legit(v, SYN | (i % 3 ? 0 : ACK), seq, random32());
        s.mss = 100;
        s.wscale = 0;
        s.window = 1;
        send_segment(v, &s);
        if (i % 64 == 0)
            pass(v, 5 * HF_MS);
    }
    flush(v);
    struct hf_tcp_status after = victim_status(v, v->conn);
    assert_int_equal(after.state, HF_ESTABLISHED);
    assert_int_equal(after.peer_mss, before.peer_mss);
    assert_int_equal(after.mss, before.mss);
    assert_int_equal(after.snd_wscale, before.snd_wscale);
    assert_int_equal(after.rcv_wscale, before.rcv_wscale);
    assert_int_equal(after.irs, before.irs);
    assert_int_equal(victim_counters(v).half_open, 0);
    victim_end(v, 0);
}

/* ---- B3, B4: text ---- */

/* The oracle of the legit stream finds a single byte of it. */
TEST(text_with_a_guessed_ack_is_not_delivered, none, "B3")
{
    struct victim *v = victim_new(NULL);
    uint32_t n = small_or_full(10000, 1000000);
    pass(v, HF_SEC);
    for (uint32_t i = 0; i < n; i++) {
        struct hf_tcp_status now = victim_status(v, v->conn);
        uint32_t window = now.snd_wnd > 600000 ? now.snd_wnd : 600000; /* the largest it offers */
        struct wire_segment s = as_legit(v, ACK | PSH, now.rcv_nxt,
                                         random_outside(now.snd_una - window, now.snd_nxt));
        s.text = (const uint8_t *)"injected";
        s.text_len = 8;
        s.has_ts = now.timestamps;
        send_segment(v, &s);
        if (i % 256 == 0)
            pass(v, 5 * HF_MS);
    }
    victim_end(v, 0);
}

/* The share of all ACK numbers that a connection takes text with, by the edges of that
 * range. */
TEST(range_of_acks_that_text_is_taken_with, none, "B3 B4")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 4001, .seq = 7, .window = 4000};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    assert_int_equal(hf_tcp_send(v->stack, conn, "0123456789", 10, 0), 10);
    flush(v);
    h.ack += 10;
    struct wire_segment s = next_of(v, &h, ACK);
    send_segment(v, &s);
    flush(v);
    assert_int_equal(victim_status(v, conn).bytes_acked, 10);
    /* una = nxt = h.ack: ten octets were ever acknowledged, which is less than the window */
    const struct {
        int32_t offset;
        int taken;
    } rows[] = {{1, 0}, {4000, 0}, {-11, 0}, {-12, 0}, {-4000, 0}, {-70000, 0}, {-10, 1}, {0, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char byte;
        s = next_of(v, &h, ACK | PSH);
        s.ack = h.ack + (uint32_t)rows[i].offset;
        s.text = (const uint8_t *)"x";
        s.text_len = 1;
        send_segment(v, &s);
        flush(v);
        assert_int_equal(hf_tcp_recv(v->stack, conn, &byte, 1), rows[i].taken);
        h.seq += (uint32_t)rows[i].taken;
        pass(v, 6 * HF_SEC); /* another interval of challenges */
    }
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

TEST(acks_of_what_was_never_sent_open_no_door, none, "B4")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 4002, .seq = 99};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    uint32_t step = soak() ? 1 : 37;
    for (uint32_t k = 0; k <= 65535; k += step) {
        struct wire_segment s = next_of(v, &h, ACK | PSH);
        s.ack = h.ack - 1 - k;
        s.text = (const uint8_t *)"ghost";
        s.text_len = 5;
        send_segment(v, &s);
    }
    flush(v);
    char byte;
    assert_int_equal(hf_tcp_recv(v->stack, conn, &byte, 1), 0);
    assert_int_equal(victim_status(v, conn).rcv_nxt, h.seq);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- B5: an oracle ---- */

/* What the attacker sees on a connection of its own, which it provokes with RSTs in the window,
 * while it also sends to the legit connection: nothing, wrong guesses, or right ones. */
static uint64_t seen_by_the_attacker(unsigned guesses, unsigned rounds)
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1), .port = 4003, .seq = 1};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    uint64_t digest = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < 4 * guesses; i++) {
            struct hf_tcp_status now = victim_status(v, v->conn);
            uint32_t edge = guesses == 1 ? now.rcv_wnd + 5 : 1;
            struct wire_segment s = as_legit(v, RST, now.rcv_nxt + edge + i, 0);
            send_segment(v, &s);
        }
        uint64_t before = v->replies;
        for (unsigned i = 0; i < 3; i++) {
            struct wire_segment s = next_of(v, &h, RST);
            s.seq = h.seq + 1 + i;
            send_segment(v, &s);
        }
        flush(v);
        digest = digest * 31 + (v->replies - before);
        pass(v, 700 * HF_MS);
    }
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
    return digest;
}

TEST(one_connections_challenges_tell_nothing_of_another, none, "B5")
{
    unsigned rounds = small_or_full(40, 20000);
    uint64_t alone = seen_by_the_attacker(0, rounds);
    assert_int_equal(seen_by_the_attacker(1, rounds), alone);
    assert_int_equal(seen_by_the_attacker(2, rounds), alone);
}

/* ---- B12, B13, B14: ICMP ---- */

/* A segment of the legit connection as a router would quote it. */
static struct wire_segment quoted(const struct victim *v, uint32_t seq)
{
    struct hf_tcp_status now = victim_status(v, v->conn);
    struct wire_segment s = as_legit(v, ACK, seq, now.rcv_nxt);
    memcpy(s.source, v->addr_for_legit.bytes, 16);
    memcpy(s.destination, v->legit_addr.bytes, 16);
    s.source_port = LEGIT_PORT;
    s.destination_port = v->legit_port;
    return s;
}

/* Something is in flight for the next 4 ms. */
static struct hf_tcp_status in_flight(struct victim *v)
{
    uint8_t bytes[500];
    hf_sim_oracle_next(&v->to_legit, bytes, sizeof bytes);
    int64_t sent = hf_tcp_send(v->stack, v->conn, bytes, sizeof bytes, 0);
    assert_true(sent > 0);
    hf_sim_oracle_sent(&v->to_legit, (size_t)sent);
    flush(v);
    struct hf_tcp_status now = victim_status(v, v->conn);
    assert_true(now.snd_una != now.snd_nxt);
    return now;
}

static void hard_errors(unsigned family)
{
    struct victim_config config;
    victim_config_init(&config);
    config.family = family;
    struct victim *v = victim_new(&config);
    const uint8_t codes4[] = {2, 3, 1, 0, 9, 13}, codes6[] = {1, 4, 0, 3, 5, 6};
    for (unsigned i = 0; i < 60; i++) {
        struct hf_tcp_status now = in_flight(v);
        uint32_t seq = i % 2 ? now.snd_una : now.snd_nxt + 100 + random32() % 100000;
        struct wire_segment s = quoted(v, seq);
        uint8_t code = family == 4 ? codes4[i % 6] : codes6[i % 6];
        send_icmp_error(v, stranger(v, i), family == 4 ? 3 : 1, code, 0, &s);
        flush(v);
        assert_int_equal(victim_status(v, v->conn).state, HF_ESTABLISHED);
        pass(v, 20 * HF_MS);
    }
    assert_true(victim_counters(v).drops[HF_DROP_ICMP_SEQUENCE] >= 20);
    victim_end(v, 0);
}

TEST(hard_errors_end_no_established_connection, none, "B12")
{
    hard_errors(4);
    hard_errors(6);
}

struct ending {
    unsigned ended;
    uint32_t cause;
};

static void count_endings(struct victim *v, const struct hf_event *event)
{
    struct ending *ending = v->context;
    if (event->bits & HF_EVENT_ENDED) {
        ending->ended++;
        ending->cause = event->cause;
    }
}

TEST(hard_error_in_the_handshake, none, "B12")
{
    struct victim *v = victim_new(NULL);
    struct ending ending = {0};
    v->on_event = count_endings;
    v->context = &ending;
    struct hf_open open = {.size = sizeof open, .remote = {stranger(v, 5), 9}};
    hf_conn conn;
    assert_int_equal(hf_tcp_open(v->stack, &open, &conn), 0);
    flush(v);
    assert_int_equal(v->last.flags, SYN);
    struct wire_segment syn = v->last, wrong = v->last;
    wrong.seq++;
    send_icmp_error(v, stranger(v, 6), 3, 3, 0, &wrong);
    flush(v);
    assert_int_equal(ending.ended, 0);
    for (unsigned i = 0; i < 3; i++) /* told once */
        send_icmp_error(v, stranger(v, 6), 3, 3, 0, &syn);
    pass(v, HF_SEC);
    assert_int_equal(ending.ended, 1);
    assert_int_equal(ending.cause, HF_CAUSE_UNREACHABLE);
    assert_int_equal(hf_tcp_close(v->stack, conn), 0);

    /* Half open: the entry goes, or stays, and nothing breaks. */
    struct wire_segment s = from(v, stranger(v, 7), 1234, SYN, 10, 0);
    send_segment(v, &s);
    flush(v);
    assert_int_equal(victim_counters(v).half_open, 1);
    struct wire_segment syn_ack = v->last;
    syn_ack.seq += 5;
    send_icmp_error(v, stranger(v, 6), 3, 3, 0, &syn_ack);
    flush(v);
    assert_int_equal(victim_counters(v).half_open, 1);
    syn_ack.seq -= 5;
    send_icmp_error(v, stranger(v, 6), 3, 3, 0, &syn_ack);
    flush(v);
    assert_int_equal(victim_counters(v).half_open, 0);
    victim_end(v, 0);
}

struct cwnd_trace {
    uint64_t digest, packets;
};

static struct cwnd_trace under_quenches(unsigned quenches)
{
    struct victim *v = victim_new(NULL);
    struct cwnd_trace trace = {0};
    unsigned rounds = small_or_full(300, 10000);
    for (unsigned i = 0; i < rounds; i++) {
        struct hf_tcp_status now = in_flight(v);
        for (unsigned k = 0; k < quenches; k++) {
            struct wire_segment s = quoted(v, now.snd_una);
            send_icmp_error(v, stranger(v, i), 4, 0, 0, &s);
        }
        pass(v, 3 * HF_MS);
        now = victim_status(v, v->conn);
        trace.digest = trace.digest * 1099511628211u ^ now.cwnd ^ (uint64_t)now.ssthresh << 32;
    }
    trace.packets = victim_counters(v).packets_out;
    victim_end(v, 0);
    return trace;
}

TEST(source_quench_changes_nothing, none, "B13")
{
    struct cwnd_trace without = under_quenches(0), with = under_quenches(2);
    assert_int_equal(with.digest, without.digest);
    assert_int_equal(with.packets, without.packets);
}

static void forged_mtu(unsigned family)
{
    const uint32_t lies[] = {0, 1, 68, 296, 551, 1279, 1500, 9000, 65535};
    struct victim_config config;
    victim_config_init(&config);
    config.family = family;
    struct victim *v = victim_new(&config);
    uint8_t type = family == 4 ? 3 : 2, code = family == 4 ? 4 : 0;
    uint16_t floor = family == 4 ? config.settings.pmtu_floor : 1280;
    uint32_t mss = victim_status(v, v->conn).mss;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct hf_tcp_status now = in_flight(v);
        struct wire_segment far = quoted(v, now.snd_nxt + 5), past = quoted(v, now.snd_una - 1);
        send_icmp_error(v, stranger(v, 1), type, code, lies[i], &far);
        send_icmp_error(v, stranger(v, 1), type, code, lies[i], &past);
        flush(v);
        assert_int_equal(victim_status(v, v->conn).mss, mss);
        pass(v, 20 * HF_MS);
    }
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct hf_tcp_status now = in_flight(v);
        struct wire_segment s = quoted(v, now.snd_una);
        s.text_len = 100;
        s.text = (const uint8_t *)&v->config; /* any bytes */
        send_icmp_error(v, stranger(v, 1), type, code, lies[i], &s);
        flush(v);
        now = victim_status(v, v->conn);
        assert_true(now.path_mtu >= floor && now.path_mtu <= 1500);
        assert_true(now.mss >= floor - (family == 4 ? 40u : 60u) - 12);
        pass(v, 20 * HF_MS);
    }
    victim_unharmed(v);
    if (family == 4)
        assert_int_equal(victim_status(v, v->conn).path_mtu, floor);
    victim_end(v, 0);
}

TEST(forged_path_mtu_has_a_floor, none, "B14")
{
    forged_mtu(4);
    forged_mtu(6);
}

/* RFC 1191 6.3, RFC 8201 5.3: a larger MTU is tried some minutes later, also by a connection
 * that lives on. */
TEST(forged_path_mtu_is_forgotten, none, "B14")
{
    struct victim *v = victim_new(NULL);
    struct hf_tcp_status now = in_flight(v);
    struct wire_segment s = quoted(v, now.snd_una);
    send_icmp_error(v, stranger(v, 1), 3, 4, 600, &s);
    flush(v);
    assert_int_equal(victim_status(v, v->conn).path_mtu, 600);
    v->tick = HF_SEC;
    pass(v, 11 * 60 * HF_SEC);
    now = in_flight(v);
    assert_int_equal(victim_status(v, v->conn).path_mtu, 1500);
    victim_end(v, 0);
}

/* ---- B15: SYN-SENT ---- */

TEST(guesses_into_syn_sent, none, "B15")
{
    struct victim *v = victim_new(NULL);
    struct hf_open open = {.size = sizeof open, .remote = {stranger(v, 5), 9}};
    hf_conn conn;
    assert_int_equal(hf_tcp_open(v->stack, &open, &conn), 0);
    flush(v);
    struct wire_segment syn = v->last;
    assert_int_equal(syn.flags, SYN);
    uint32_t n = small_or_full(20000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t flags = i % 3 == 0 ? SYN | ACK : i % 3 == 1 ? RST | ACK : RST;
        struct wire_segment s = from(v, stranger(v, 5), 9, flags, random32(), 0);
        s.destination_port = syn.source_port;
        s.ack = random_outside(syn.seq + 1, syn.seq + 1);
        uint64_t before = v->replies;
        send_segment(v, &s);
        if (i < 300) {
            flush(v);
            assert_int_equal(v->replies - before, i % 3 == 0);
            if (i % 3 == 0) {
                assert_int_equal(v->last.flags, RST);
                assert_int_equal(v->last.seq, s.ack);
            }
        }
    }
    flush(v);
    assert_true(victim_counters(v).resets_out <= v->config.settings.reset_rate);
    assert_int_equal(victim_status(v, conn).state, HF_SYN_SENT);
    struct wire_segment s = from(v, stranger(v, 5), 9, SYN | ACK, 77, syn.seq + 1);
    s.destination_port = syn.source_port;
    send_segment(v, &s);
    flush(v);
    assert_int_equal(victim_status(v, conn).state, HF_ESTABLISHED);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- B16: sources that cannot be ---- */

static void bad_sources(unsigned family, const char *const *sources, size_t count)
{
    struct victim_config config;
    victim_config_init(&config);
    config.family = family;
    struct victim *v = victim_new(&config);
    const uint16_t flags[] = {SYN, ACK | PSH, RST, SYN | ACK, FIN | ACK};
    pass(v, HF_SEC);
    for (size_t i = 0; i <= count; i++) {
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
            struct hf_addr source = v->addr; /* the last: our own, as LAND has it */
            if (i < count)
                assert_int_equal(hf_addr_parse(sources[i], &source), 0);
            struct wire_segment s =
                from(v, source, i < count ? 1000 : VICTIM_PORT, flags[k], random32(), random32());
            s.text_len = flags[k] & PSH ? 4 : 0;
            s.text = (const uint8_t *)"evil";
            send_segment(v, &s);
            flush(v);
            if (v->replies > 0)
                fail_msg("flags %x from %s are answered", flags[k],
                         i < count ? sources[i] : "our own address");
        }
    }
    assert_int_equal(victim_counters(v).half_open, 0);
    assert_int_equal(victim_counters(v).connections, v->baseline.connections);
    victim_end(v, 0);
    assert_true(count > 0);
}

TEST(bad_sources_are_not_answered, none, "B16")
{
    static const char *const v4[] = {"0.0.0.0",         "0.1.2.3",        "127.0.0.1",
                                     "127.255.255.254", "224.0.0.1",      "239.255.255.1",
                                     "10.0.1.255",      "255.255.255.255"};
    static const char *const v6[] = {"::", "::1", "ff02::1", "ff0e::1234"};
    bad_sources(4, v4, sizeof v4 / sizeof *v4);
    bad_sources(6, v6, sizeof v6 / sizeof *v6);
}

/* ---- B18: TIME-WAIT ---- */

/* Bring a stranger's connection into TIME-WAIT at the victim. */
static void to_time_wait(struct victim *v, struct handshake *h)
{
    hf_conn conn = handshake(v, h);
    assert_true(conn != 0);
    assert_int_equal(hf_tcp_close(v->stack, conn), 0);
    flush(v);
    assert_int_equal(v->last.flags, FIN | ACK);
    h->ack++;
    struct wire_segment s = next_of(v, h, FIN | ACK);
    send_segment(v, &s);
    flush(v);
    h->seq++;
    assert_int_equal(victim_counters(v).time_wait, 1);
}

TEST(time_wait_is_not_assassinated, none, "B18")
{
    struct victim *v = victim_new(NULL);
    struct handshake h = {.source = stranger(v, 1),
                          .port = 4004,
                          .seq = UINT32_MAX - 2,
                          .has_ts = true,
                          .tsval = 1000};
    to_time_wait(v, &h);
    for (unsigned i = 0; i < 200; i++) {
        struct wire_segment s = next_of(v, &h, i % 4 == 0 ? RST : i % 4 == 1 ? ACK : SYN);
        s.tsval = i % 4 == 3 ? 1000 : 999;
        s.seq = i % 4 == 0   ? h.seq + (i % 8 ? 0 : 5)
                : i % 4 == 1 ? h.seq - 10
                             : h.seq - 1000; /* a SYN that is older */
        s.text_len = i % 4 == 1 ? 10 : 0;
        s.text = (const uint8_t *)"old, text.";
        send_segment(v, &s);
        pass(v, 50 * HF_MS);
        assert_int_equal(victim_counters(v).time_wait, 1);
    }
    assert_int_equal(victim_counters(v).half_open, 0);

    struct handshake again = h;
    again.seq = 5; /* lower than before, but the timestamp is newer */
    again.tsval = 50000;
    hf_conn conn = handshake(v, &again);
    assert_true(conn != 0);
    assert_int_equal(victim_counters(v).time_wait, 0);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}
