/* Rows C1 to C6, C20 and C23 of docs/attacks.md: peers, real or not, that open and open. */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

#include "base/siphash.h"
#include "wire/flow.h"

static uint32_t random32(void)
{
    return (uint32_t)check_random();
}

/* ---- C1: SYNs ---- */

TEST(syn_flood_costs_little_and_others_get_in, none, "C1")
{
    struct victim_config config;
    victim_config_init(&config);
    config.accepts = ACCEPT_AND_CLOSE;
    config.settings.msl = HF_SEC;
    struct victim *v = victim_new(&config);
    uint32_t n = small_or_full(40000, 2000000), tried = 0, open = 0;
    struct hf_stack_counters before = victim_counters(v);
    for (uint32_t i = 0; i < n; i++) {
        struct wire_segment s = from(v, stranger(v, random32() & 0xffffff),
                                     (uint16_t)(1 + i % 65535), SYN, random32(), 0);
        s.mss = 1460;
        send_segment(v, &s);
        if (i % 400 == 399) {
            struct handshake h = {.source = stranger(v, 0x7000000 + i),
                                  .port = 2000,
                                  .seq = i,
                                  .mss = 1460,
                                  .sack = true};
            tried++;
            open += handshake(v, &h) != 0;
        }
        if (i % 32 == 31)
            pass(v, 32 * HF_US); /* a million a second */
    }
    struct hf_stack_counters after = victim_counters(v);
    assert_true(after.half_open <= config.backlog + 1);
    assert_true(open * 100 >= tried * 99);
    size_t entries = (size_t)(after.connections - before.connections + after.time_wait) * 2048;
    assert_true(after.memory <= before.memory + (config.backlog + 65) * 64 + entries + 65536);
    assert_true(after.probes - before.probes <= 16 * (after.segments_in - before.segments_in));
    victim_unharmed(v);
    victim_end(v, 24 * 8192);
}

/* ---- C23: Fast Open ---- */

static struct victim *with_fast_open(void)
{
    struct victim_config config;
    victim_config_init(&config);
    config.settings.fast_open |= HF_FAST_OPEN_SERVER | HF_FAST_OPEN_ALL_LISTENERS;
    return victim_new(&config);
}

static struct wire_segment syn_with_text(const struct victim *v, uint32_t who, uint16_t port)
{
    static const uint8_t text[100];
    struct wire_segment s = from(v, stranger(v, who), port, SYN, random32(), 0);
    s.cookie_len = 8;
    s.text = text;
    s.text_len = sizeof text;
    return s;
}

/* Without the key a cookie is a guess of 64 bits; one address's is none for another. */
TEST(fast_open_cookies_are_not_forged, none, "C23 F-1")
{
    struct victim *v = with_fast_open();
    struct wire_segment s = from(v, stranger(v, 1), 5000, SYN, 1, 0);
    s.cookie_len = 0;
    send_segment(v, &s);
    flush(v);
    assert_int_equal(v->last.cookie_len, 8);
    uint8_t cookie[8];
    memcpy(cookie, v->last.cookie, sizeof cookie);
    struct hf_stack_counters before = victim_counters(v);
    uint32_t n = small_or_full(1u << 15, 1u << 22);
    for (uint32_t i = 0; i < n; i++) {
        s = syn_with_text(v, 2 + i % 1000, (uint16_t)(5001 + i % 50000));
        for (unsigned b = 0; b < 8; b++)
            s.cookie[b] = i % 2 ? cookie[b] : (uint8_t)check_random();
        if (i % 3 == 0)
            s.cookie[check_random_below(8)] ^= (uint8_t)(1 + check_random_below(255));
        send_segment(v, &s);
        if (i % 1000 == 999)
            pass(v, 100 * HF_MS);
    }
    flush(v);
    struct hf_stack_counters after = victim_counters(v);
    assert_int_equal(after.fast_opens_in, before.fast_opens_in);
    assert_int_equal(after.connections, before.connections);
    victim_unharmed(v);
    victim_end(v, 24 * 8192);
}

/* Who has a good cookie, or watches those who have: so many connections, and no more by resets. */
TEST(fast_open_flood_is_bounded, none, "C23 F-5")
{
    struct victim *v = with_fast_open();
    struct wire_segment s = from(v, stranger(v, 1), 5000, SYN, 1, 0);
    s.cookie_len = 0;
    send_segment(v, &s);
    flush(v);
    uint8_t cookie[8];
    memcpy(cookie, v->last.cookie, sizeof cookie);
    struct hf_stack_counters before = victim_counters(v);
    uint32_t n = small_or_full(20000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        s = syn_with_text(v, 1, (uint16_t)(5001 + i % 60000));
        memcpy(s.cookie, cookie, sizeof cookie);
        send_segment(v, &s);
        if (i % 2) { /* a reset that fits, to make room */
            struct wire_segment r = from(v, stranger(v, 1), s.source_port, RST, s.seq + 101, 0);
            send_segment(v, &r);
        }
        if (i % 500 == 499)
            pass(v, HF_MS);
        struct hf_stack_counters now = victim_counters(v);
        assert_true(now.connections <= before.connections + v->config.backlog + 1);
    }
    flush(v);
    struct hf_stack_counters after = victim_counters(v);
    assert_true(after.fast_opens_in - before.fast_opens_in <= v->config.backlog + 1);
    assert_true(after.drops[HF_DROP_FAST_OPEN_LIMIT] + after.drops[HF_DROP_TEXT_ON_SYN] +
                    after.drops[HF_DROP_BACKLOG] >
                n / 2);
    victim_unharmed(v);
    victim_end(v, 24 * 8192);
}

/* ---- C2: cookies ---- */

static struct victim *with_cookies(void)
{
    struct victim_config config;
    victim_config_init(&config);
    config.settings.cookies = HF_COOKIES_ALWAYS;
    return victim_new(&config);
}

/* The third segment to a SYN+ACK, as a stranger answers it. */
static struct wire_segment third(const struct victim *v, const struct wire_segment *syn,
                                 const struct wire_segment *syn_ack)
{
    struct wire_segment s =
        from(v, stranger(v, 0), syn->source_port, ACK, syn->seq + 1, syn_ack->seq + 1);
    memcpy(s.source, syn->source, 16);
    s.has_ts = syn->has_ts && syn_ack->has_ts;
    s.tsval = syn->tsval + 1;
    s.tsecr = syn_ack->tsval;
    return s;
}

TEST(cookies_are_not_forged, none, "C2")
{
    struct victim *v = with_cookies();
    struct wire_segment s = from(v, stranger(v, 1), 5000, SYN, 1, 0);
    send_segment(v, &s);
    flush(v);
    uint32_t isn = v->last.seq;
    uint32_t n = small_or_full(1u << 16, 1u << 24);
    for (uint32_t i = 0; i < n; i++) {
        bool near = i % 2 == 0; /* what a cookie of another looks like */
        s = from(v, stranger(v, 2 + i % 1000), (uint16_t)(5001 + i % 100), ACK, random32(),
                 near ? isn + 1 + (i >> 8) : random32());
        send_segment(v, &s);
    }
    flush(v);
    assert_true(v->accepted <= 1);
    assert_int_equal(victim_counters(v).half_open, 0);
    victim_end(v, 0);
}

TEST(cookie_of_another_connection_is_no_good, none, "C2")
{
    struct victim *v = with_cookies();
    struct wire_segment syn = from(v, stranger(v, 1), 5000, SYN, 1, 0);
    send_segment(v, &syn);
    flush(v);
    struct wire_segment right = third(v, &syn, &v->last), wrong = right;
    wrong.source_port++;
    send_segment(v, &wrong);
    wrong = right;
    wrong.source[3]++;
    send_segment(v, &wrong);
    wrong = right;
    wrong.seq++;
    send_segment(v, &wrong);
    wrong = right;
    wrong.ack++;
    send_segment(v, &wrong);
    flush(v);
    assert_int_equal(v->accepted, 0);
    send_segment(v, &right);
    flush(v);
    assert_int_equal(v->accepted, 1);
    send_segment(v, &right); /* replayed into the open connection: nothing */
    flush(v);
    assert_int_equal(v->accepted, 1);
    right.flags = RST;
    send_segment(v, &right);
    flush(v);
    victim_end(v, 16384); /* the application keeps its handle */
}

TEST(old_cookies_are_refused, none, "C2")
{
    struct victim *v = with_cookies();
    v->tick = HF_SEC;
    struct wire_segment old[2], syn[2];
    for (unsigned i = 0; i < 2; i++) {
        syn[i] = from(v, stranger(v, 1 + i), 5000, SYN, 1, 0);
        send_segment(v, &syn[i]);
        flush(v);
        old[i] = third(v, &syn[i], &v->last);
    }
    pass(v, 50 * HF_SEC);
    send_segment(v, &old[0]);
    flush(v);
    assert_int_equal(v->accepted, 1);
    pass(v, 80 * HF_SEC);
    syn[0] = from(v, stranger(v, 9), 5000, SYN, 1, 0); /* cookies are in use again */
    send_segment(v, &syn[0]);
    flush(v);
    send_segment(v, &old[1]);
    flush(v);
    assert_int_equal(v->accepted, 1);
    victim_end(v, 16384);
}

static hf_conn accepted_last;

static void keep(struct victim *v, hf_conn conn)
{
    (void)v;
    accepted_last = conn;
}

TEST(options_come_back_with_the_cookie, none, "C2")
{
    struct victim *v = with_cookies();
    v->on_accept = keep;
    for (unsigned i = 0; i < 32; i++) {
        static const uint16_t offered[] = {100, 536, 1400, 1460};
        static const uint16_t most[] = {100, 536, 1400, 1460};
        struct wire_segment syn = from(v, stranger(v, i), 5000, SYN, i * 7, 0);
        syn.mss = offered[i % 4];
        syn.has_ts = i % 8 < 4;
        syn.tsval = 5000;
        syn.sack_permitted = i & 8;
        syn.wscale = i & 16 ? (int)(i % 15) : WIRE_NONE;
        send_segment(v, &syn);
        flush(v);
        struct wire_segment s = third(v, &syn, &v->last);
        accepted_last = 0;
        send_segment(v, &s);
        flush(v);
        assert_true(accepted_last != 0);
        struct hf_tcp_status now = victim_status(v, accepted_last);
        assert_true(now.peer_mss <= most[i % 4] && now.peer_mss >= 64);
        assert_true(i % 4 == 0 || now.peer_mss >= 536);
        if (syn.has_ts) {
            assert_int_equal(now.timestamps, 1);
            assert_int_equal(now.sack, syn.sack_permitted);
            assert_int_equal(now.window_scale, syn.wscale != WIRE_NONE);
            if (syn.wscale != WIRE_NONE)
                assert_int_equal(now.snd_wscale, syn.wscale);
        } else {
            assert_int_equal(now.timestamps, 0);
            assert_int_equal(now.sack, 0);
            assert_int_equal(now.window_scale, 0);
        }
        assert_int_equal(hf_tcp_abort(v->stack, accepted_last), 0);
    }
    victim_end(v, 0);
}

/* ---- C3: nobody accepts ---- */

static void never_accepted(uint32_t backlog)
{
    enum { MOST = 400 };
    static struct wire_segment syn[MOST], answer[MOST];
    struct victim_config config;
    victim_config_init(&config);
    config.backlog = backlog;
    config.accepts = ACCEPT_NOTHING;
    config.settings.cookies = HF_COOKIES_NEVER;
    struct victim *v = victim_new(&config);
    uint32_t n = 2 * backlog + 2;
    assert_true(n <= MOST);
    /* All but one complete, which leaves room in the half-open table for as many again. */
    for (uint32_t i = 0; i < n; i++) {
        syn[i] = from(v, stranger(v, i), 6000, SYN, 100 * i, 0);
        uint64_t before = v->replies;
        send_segment(v, &syn[i]);
        flush(v);
        if (v->replies == before) { /* no room for it now, and no reset */
            syn[i].source_port = 0;
            continue;
        }
        answer[i] = third(v, &syn[i], &v->last);
        if (i >= backlog)
            continue;
        send_segment(v, &answer[i]);
        flush(v);
    }
    for (uint32_t i = 0; i < n; i++)
        if (syn[i].source_port != 0)
            send_segment(v, &answer[i]);
    flush(v);
    struct hf_stack_counters seen = victim_counters(v);
    assert_int_equal(seen.passive_opens - v->baseline.passive_opens, backlog + 1);
    assert_int_equal(seen.resets_out, 0);
    assert_true(backlog == 0 || seen.drops[HF_DROP_BACKLOG] > 0);
    uint32_t waiting = seen.half_open;
    for (uint32_t i = 0; i < 5; i++) { /* more SYNs: dropped without a word */
        uint64_t before = v->replies;
        struct wire_segment s = from(v, stranger(v, 1000 + i), 6000, SYN, 1, 0);
        send_segment(v, &s);
        flush(v);
        assert_int_equal(v->replies, before);
    }

    hf_conn conn[MOST];
    uint32_t got = 0;
    while (got < MOST && hf_tcp_accept(v->stack, v->listener, 0, &conn[got]) == 1)
        got++;
    assert_int_equal(got, backlog + 1);
    /* The peers think that they are connected; the SYN+ACK comes again and they answer it. */
    for (unsigned second = 0; second < 4; second++) {
        pass(v, HF_SEC);
        for (uint32_t i = 0; i < n; i++)
            if (syn[i].source_port != 0)
                send_segment(v, &answer[i]);
        while (got < MOST && hf_tcp_accept(v->stack, v->listener, 0, &conn[got]) == 1)
            got++;
    }
    flush(v);
    while (got < MOST && hf_tcp_accept(v->stack, v->listener, 0, &conn[got]) == 1)
        got++;
    assert_int_equal(got, backlog + 1 + waiting);
    assert_int_equal(victim_counters(v).resets_out, 0);
    for (uint32_t i = 0; i < got; i++)
        hf_tcp_abort(v->stack, conn[i]);
    victim_end(v, 24 * 1024);
}

TEST(queue_that_nobody_empties, none, "C3")
{
    never_accepted(0);
    never_accepted(1);
    never_accepted(5);
    never_accepted(128);
}

/* ---- C4: SYN, RST ---- */

TEST(resets_give_half_open_places_back, none, "C4")
{
    struct victim_config config;
    victim_config_init(&config);
    config.backlog = 16;
    config.accepts = ACCEPT_AND_CLOSE;
    config.settings.cookies = HF_COOKIES_NEVER;
    config.settings.msl = HF_SEC;
    struct victim *v = victim_new(&config);
    uint32_t n = small_or_full(10000, 100000);
    for (uint32_t i = 0; i < n; i++) {
        struct wire_segment s = from(v, stranger(v, i), 7000, SYN, i, 0);
        send_segment(v, &s);
        s = from(v, stranger(v, i), 7000, RST, i + 1, 0);
        send_segment(v, &s);
    }
    flush(v);
    assert_int_equal(victim_counters(v).half_open, 0);
    for (uint32_t i = 0; i < 100; i++) {
        struct handshake h = {.source = stranger(v, i), .port = 7001, .seq = 9 * i};
        assert_true(handshake(v, &h) != 0);
        pass(v, HF_MS);
    }
    victim_end(v, 24 * 1024);
}

/* ---- C5: amplification ---- */

TEST(one_small_answer_before_the_handshake, none, "C5")
{
    struct victim *v = victim_new(NULL);
    v->tick = HF_SEC;
    for (unsigned options = 0; options < 2; options++) {
        struct wire_segment s = from(v, stranger(v, options), 80, SYN, 5, 0);
        uint32_t syn_len = v->config.family == 4 ? 40 : 60;
        s.text = (const uint8_t *)"GET / HTTP/1.0\r\n\r\n";
        s.text_len = 18;
        if (options) {
            s.mss = 1460;
            s.wscale = 7;
            s.sack_permitted = s.has_ts = true;
        }
        uint64_t packets = v->replies, bytes = v->reply_bytes;
        send_segment(v, &s);
        flush(v);
        assert_int_equal(v->replies - packets, 1);
        assert_true(v->reply_bytes - bytes <= syn_len + 20);
        pass(v, 300 * HF_SEC);
        assert_int_equal(v->replies - packets, 1 + v->config.settings.synack_retries);
        assert_int_equal(victim_counters(v).half_open, 0);
    }
    victim_end(v, 0);
}

TEST(resets_to_nobody_have_a_rate, none, "C5")
{
    struct victim *v = victim_new(NULL);
    uint32_t n = small_or_full(5000, 100000);
    pass(v, HF_SEC - hf_sim_now(v->sim) % HF_SEC); /* the limit counts by the second */
    for (uint32_t i = 0; i < n; i++) {
        uint64_t before = v->replies;
        struct wire_segment s = from(v, stranger(v, i), 80, i % 2 ? ACK : FIN | ACK, i, i);
        s.destination_port = 81;
        send_segment(v, &s);
        flush(v);
        assert_true(v->replies - before <= 1);
    }
    assert_int_equal(v->replies, v->config.settings.reset_rate);
    assert_int_equal(victim_counters(v).drops[HF_DROP_RST_RATE], n - v->replies);
    pass(v, HF_SEC);
    uint64_t before = v->replies;
    struct wire_segment s = from(v, stranger(v, 1), 80, RST, 1, 0);
    s.destination_port = 81;
    send_segment(v, &s); /* a RST answers no RST */
    flush(v);
    assert_int_equal(v->replies, before);
    victim_end(v, 0);
}

/* ---- C6: windows of zero ---- */

struct hoard {
    uint32_t probes;
    hf_time last[2]; /* of the first connection's probes                                      */
    hf_time longest;
};

/* Each probe is answered: window still zero. */
static void answer_probe(struct victim *v, const struct wire_segment *s, uint32_t len)
{
    struct hoard *hoard = v->context;
    (void)len;
    if (s->text_len == 0 || s->flags & RST)
        return;
    hoard->probes++;
    if (s->destination_port == 8000) {
        hf_time now = hf_sim_now(v->sim);
        if (hoard->last[0] != 0 && now - hoard->last[0] > hoard->longest)
            hoard->longest = now - hoard->last[0];
        hoard->last[0] = now;
    }
    struct hf_addr source = {.family = v->config.family == 4 ? HF_IPV4 : HF_IPV6};
    memcpy(source.bytes, s->destination, 16);
    struct wire_segment answer = from(v, source, s->destination_port, ACK, s->ack, s->seq);
    answer.window = 0;
    uint8_t packet[128];
    size_t n = wire_build(packet, &answer);
    assert_int_equal(hf_sim_inject(v->sim, v->crowd_link, v->host, hf_sim_now(v->sim) + HF_MS,
                                   packet, (uint32_t)n),
                     0);
}

static void close_when_over(struct victim *v, const struct hf_event *event)
{
    if (event->bits & HF_EVENT_ENDED)
        hf_tcp_close(v->stack, event->handle);
}

/* SYN and third segment, a window of zero, and as much text as the application can queue. */
static hf_conn zero_window_peer(struct victim *v, uint32_t i, size_t queued)
{
    static uint8_t text[1 << 20];
    struct handshake h = {
        .source = stranger(v, i), .port = (uint16_t)(8000 + i % 50000), .seq = i};
    h.window = 1;
    hf_conn conn = handshake(v, &h);
    if (conn == 0)
        return 0;
    struct wire_segment s = next_of(v, &h, ACK);
    s.window = 0;
    send_segment(v, &s);
    flush(v);
    hf_tcp_send(v->stack, conn, text, queued, 0);
    flush(v);
    return conn;
}

/* The application goes on queueing, up to its limit or the stack's. */
static void queue_more(struct victim *v, const hf_conn *conns, uint32_t n)
{
    static const uint8_t text[65536];
    for (uint32_t i = 0; i < n; i++)
        if (conns[i] != 0)
            hf_tcp_send(v->stack, conns[i], text, sizeof text, 0);
    flush(v);
}

/* First new connections are refused; when those that wait for a zero window have taken all
 * the same what there is, they go, the ones that have waited longest, and nobody else. */
TEST(peers_that_hold_a_zero_window, none, "C6")
{
    struct victim_config config;
    struct hoard hoard = {0};
    victim_config_init(&config);
    config.memory_limit = (size_t)small_or_full(4, 64) << 20;
    config.backlog = 1000;
    struct victim *v = victim_new(&config);
    v->context = &hoard;
    v->on_reply = answer_probe;
    v->on_event = close_when_over;
    uint32_t n = small_or_full(200, 50000);
    hf_conn *conns = calloc(n, sizeof *conns);
    assert_non_null(conns);
    for (uint32_t i = 0; i < n; i++) {
        conns[i] = zero_window_peer(v, i, 65536);
        if (i % 16 == 0)
            pass(v, HF_MS);
    }
    victim_unharmed(v);
    assert_true(victim_counters(v).memory > config.memory_limit / 2);
    v->tick = 100 * HF_MS;
    for (unsigned second = 0; second < 20; second++) {
        queue_more(v, conns, n);
        pass(v, HF_SEC);
    }
    assert_true(victim_counters(v).memory > config.memory_limit / 16 * 14);
    assert_int_equal(victim_counters(v).ended[HF_CAUSE_MEMORY_PRESSURE], 0); /* not long enough */
    pass(v, 200 * HF_SEC);
    struct hf_stack_counters seen = victim_counters(v);
    assert_true(seen.ended[HF_CAUSE_MEMORY_PRESSURE] > 0);
    assert_int_equal(seen.ended[HF_CAUSE_RETRANSMIT_TIMEOUT], 0);
    assert_true(seen.memory <= config.memory_limit / 16 * 15);
    /* as many as memory let in; at full size that is a few of them */
    assert_true(hoard.probes > seen.connections + seen.ended[HF_CAUSE_MEMORY_PRESSURE]);
    victim_unharmed(v);
    for (uint32_t i = 0; i < n; i++)
        if (conns[i] != 0)
            hf_tcp_abort(v->stack, conns[i]);
    free(conns);
    victim_end(v, 2 * (size_t)n);
}

TEST(zero_window_probes_back_off, none, "C6")
{
    struct hoard hoard = {0};
    struct victim *v = victim_new(NULL);
    v->tick = HF_SEC;
    v->context = &hoard;
    v->on_reply = answer_probe;
    hf_conn conn = zero_window_peer(v, 0, 65536);
    assert_true(conn != 0);
    pass(v, 3600 * HF_SEC);
    assert_in_range(hoard.probes, 60, 80); /* doubling to 60 s, and then one a minute */
    assert_in_range(hoard.longest, 59 * HF_SEC, 61 * HF_SEC);
    assert_int_equal(victim_counters(v).ended[HF_CAUSE_MEMORY_PRESSURE], 0);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- C20: collisions ---- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Slots looked at by a lookup: eight of them lie in a cache line. */
struct lookups {
    double mean;
    uint64_t p99, worst;
};

/* Half-open entries for n pairs; then a segment to each, and the slots that were looked at. */
static struct lookups probes_per_lookup(bool chosen, uint32_t n)
{
    static const struct hf_key guessed; /* the attacker knows the source, not the key         */
    struct victim_config config;
    victim_config_init(&config);
    config.backlog = n + 100;
    config.settings.backlog_max = 65535;
    config.settings.cookies = HF_COOKIES_NEVER;
    config.alone = true;
    struct victim *v = victim_new(&config);
    struct wire_segment *syn = calloc(n, sizeof *syn);
    assert_non_null(syn);
    for (uint32_t i = 0, who = 0; i < n; i++) {
        struct hf_flow flow;
        do {
            struct hf_addr a = stranger(v, who / 64);
            syn[i] = from(v, a, (uint16_t)(1024 + who++ % 64), SYN, i, 0);
            memset(&flow, 0, sizeof flow);
            flow.local[10] = flow.local[11] = flow.remote[10] = flow.remote[11] = 0xff;
            memcpy(flow.local + 12, v->addr.bytes, 4);
            memcpy(flow.remote + 12, a.bytes, 4);
            flow.local_port = VICTIM_PORT;
            flow.remote_port = syn[i].source_port;
        } while (chosen && (hf_siphash13(&guessed, &flow, sizeof flow) & 63) != 0);
        send_segment(v, &syn[i]);
    }
    flush(v);
    assert_int_equal(victim_counters(v).half_open, n);
    uint64_t first = victim_counters(v).probes;
    uint64_t *each = calloc(n, sizeof *each);
    assert_non_null(each);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t before = victim_counters(v).probes;
        syn[i].flags = RST;
        syn[i].seq += 1000000; /* outside its window: looked up and dropped */
        send_segment(v, &syn[i]);
        flush(v);
        each[i] = victim_counters(v).probes - before;
    }
    struct lookups seen = {.mean = (double)(victim_counters(v).probes - first) / n};
    qsort(each, n, sizeof *each, by_size);
    seen.p99 = each[n - n / 100 - 1];
    seen.worst = each[n - 1];
    free(each);
    for (uint32_t i = 0; i < n; i++) {
        syn[i].seq -= 999999;
        send_segment(v, &syn[i]);
    }
    flush(v);
    assert_int_equal(victim_counters(v).half_open, 0);
    free(syn);
    victim_end(v, 2 * (size_t)n);
    return seen;
}

/* Cache lines that a search of so many slots in a row touches, on average. */
static double lines(uint64_t slots)
{
    return 1 + (double)(slots - 1) / 8;
}

TEST(chosen_addresses_collide_no_more_than_others, none, "C20")
{
    uint32_t n = small_or_full(2500, 65000);
    struct lookups any = probes_per_lookup(false, n), chosen = probes_per_lookup(true, n);
    const struct lookups *both[2] = {&any, &chosen};
    for (int i = 0; i < 2; i++) {
        print_message("# %s: %.2f slots on average, 99 of 100 up to %u, at the most %u\n",
                      i ? "chosen" : "any", both[i]->mean, (unsigned)both[i]->p99,
                      (unsigned)both[i]->worst);
        assert_true(lines(both[i]->worst) <= 12);
        assert_true(lines(both[i]->p99) <= 3 * (1 + (both[i]->mean - 1) / 8));
    }
    assert_true(chosen.mean <= 1.5 * any.mean);
}
