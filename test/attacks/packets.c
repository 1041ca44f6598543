/* Rows A5, A7, A11, A12 and A14 of docs/attacks.md: what a packet may hold. (A1 to A4, A9
 * and A10 are in test/wire and test/ip, A6 in test/tcp/flags.c.) */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

#include "base/seq.h"

/* ---- A5: urgent pointers ---- */

/* Everything that one run shows: what came out, and what the application read. */
struct run {
    uint64_t digest;
    uint8_t read[64];
    size_t read_len;
    int state;
};

static void digest_reply(struct victim *v, const struct wire_segment *s, uint32_t len)
{
    struct run *run = v->context;
    run->digest = (run->digest * 1099511628211u ^ s->flags) * 31 + (s->ack - s->seq) + len;
}

static void send_urgent(struct victim *v, struct wire_segment *s, int32_t urgent)
{
    if (urgent >= 0) {
        s->flags |= URG;
        s->urgent = (uint16_t)urgent;
    }
    send_segment(v, s);
    flush(v);
}

/* Bring the victim to a state; there a segment with text (or SYN, or SYN+ACK), with URG or
 * without. */
static struct run run_in(int state, int32_t urgent)
{
    struct victim_config config;
    victim_config_init(&config);
    config.alone = true;
    struct victim *v = victim_new(&config);
    struct run run = {.digest = 0};
    struct handshake h = {.source = stranger(v, 1), .port = 3000, .seq = UINT32_MAX - 3};
    struct wire_segment s;
    hf_conn conn = 0;
    v->context = &run;
    if (state == HF_SYN_SENT) {
        struct hf_open open = {
            .size = sizeof open, .local.port = VICTIM_PORT + 1, .remote = {h.source, h.port}};
        assert_int_equal(hf_tcp_open(v->stack, &open, &conn), 0);
        flush(v);
        h.ack = v->last.seq + 1;
    } else if (state == HF_SYN_RECEIVED) {
        s = next_of(v, &h, SYN);
        send_segment(v, &s);
        flush(v);
        h.ack = v->last.seq + 1;
        h.seq++;
    } else if (state >= HF_ESTABLISHED) {
        conn = handshake(v, &h);
        assert_true(conn != 0);
    }
    bool peer_first = state == HF_CLOSE_WAIT || state == HF_LAST_ACK;
    if (peer_first) {
        s = next_of(v, &h, FIN | ACK);
        send_segment(v, &s);
        flush(v);
        h.seq++;
    }
    if (state > HF_ESTABLISHED && state != HF_CLOSE_WAIT) {
        assert_int_equal(hf_tcp_shutdown(v->stack, conn), 0);
        flush(v);
        h.ack += state != HF_LAST_ACK && state != HF_CLOSING && state != HF_FIN_WAIT_1;
    }
    if (state == HF_FIN_WAIT_2 || state == HF_CLOSING || state == HF_TIME_WAIT) {
        s = next_of(v, &h, state == HF_FIN_WAIT_2 ? ACK : FIN | ACK);
        send_segment(v, &s);
        flush(v);
        h.seq += state != HF_FIN_WAIT_2;
    }
    if (conn != 0)
        assert_int_equal(victim_status(v, conn).state, state);
    else
        assert_int_equal(victim_counters(v).half_open, state == HF_SYN_RECEIVED);
    v->on_reply = digest_reply;

    /* The segment itself, and one behind it without URG. */
    uint16_t flags = state == HF_LISTEN ? SYN : state == HF_SYN_SENT ? SYN | ACK : ACK | PSH;
    s = next_of(v, &h, flags);
    if (state == HF_SYN_SENT)
        s.destination_port = VICTIM_PORT + 1;
    if (state == HF_CLOSED)
        s.destination_port = 4;
    s.text = (const uint8_t *)"0123456789";
    s.text_len = flags & SYN ? 0 : 10;
    send_urgent(v, &s, urgent);
    h.seq += (uint32_t)s.text_len + (flags & SYN ? 1 : 0);
    if (state == HF_LISTEN)
        h.ack = v->last.seq + 1;
    struct wire_segment next = next_of(v, &h, ACK | PSH);
    next.destination_port = s.destination_port;
    next.text = (const uint8_t *)"abcdefghij";
    next.text_len = 10;
    send_urgent(v, &next, -1);
    if (conn == 0 && v->accepted > 0) { /* by the segment itself */
        run.state = HF_ESTABLISHED;
    } else if (conn != 0) {
        int64_t n;
        while ((n = hf_tcp_recv(v->stack, conn, run.read + run.read_len,
                                sizeof run.read - run.read_len)) > 0)
            run.read_len += (size_t)n;
        struct hf_tcp_status now = victim_status(v, conn);
        run.state = now.state;
        hf_tcp_abort(v->stack, conn);
    }
    pass(v, HF_SEC);
    run.digest = run.digest * 31 + v->replies;
    victim_check(v);
    assert_int_equal(hf_sim_end_host(v->sim, v->host), 0);
    hf_sim_destroy(v->sim);
    free(v);
    return run;
}

TEST(urgent_pointers_to_nowhere_change_nothing, none, "A5")
{
    const int32_t pointers[] = {0, 1, 9, 10, 11, 65535};
    for (int state = HF_CLOSED; state < HF_STATES; state++) {
        struct run without = run_in(state, -1);
        for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
            struct run with = run_in(state, pointers[i]);
            if (with.digest != without.digest || with.state != without.state ||
                with.read_len != without.read_len ||
                memcmp(with.read, without.read, with.read_len) != 0)
                fail_msg("%s: an urgent pointer of %d makes a difference", hf_state_text(state),
                         (int)pointers[i]);
        }
        if (state == HF_ESTABLISHED || state == HF_FIN_WAIT_1 || state == HF_FIN_WAIT_2 ||
            state == HF_SYN_SENT)
            assert_int_equal(without.read_len, state == HF_SYN_SENT ? 10 : 20);
    }
}

/* ---- A7: checksums ---- */

/* Is the bit under a checksum? Of IPv6's own header some fields are under none. */
static bool is_covered(unsigned family, size_t bit)
{
    size_t byte = bit / 8;
    return family == 4 || byte >= 8 || byte == 4 || byte == 5;
}

static void flip_bits(unsigned family)
{
    struct victim_config config;
    victim_config_init(&config);
    config.family = family;
    struct victim *v = victim_new(&config);
    struct handshake h = {.source = stranger(v, 1), .port = 3001, .seq = 5};
    hf_conn conn = handshake(v, &h);
    assert_true(conn != 0);
    uint32_t n = small_or_full(16384, 65536);
    struct wire_segment data = next_of(v, &h, ACK | PSH),
                        syn = from(v, h.source, 3002, SYN, 9, 0);
    data.text = (const uint8_t *)"checksummed text, of an odd length";
    data.text_len = 33;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t packet[256];
        size_t len = wire_build(packet, i % 2 ? &data : &syn), bit;
        do {
            bit = check_random_below(len * 8);
        } while (!is_covered(family, bit));
        packet[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        send_bytes(v, packet, len);
        if (i % 256 == 0)
            pass(v, HF_MS);
    }
    flush(v);
    struct hf_tcp_status now = victim_status(v, conn);
    assert_int_equal(now.rcv_nxt, h.seq);
    assert_int_equal(now.receive_ready, 0);
    assert_int_equal(victim_counters(v).half_open, 0);
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    victim_end(v, 0);
}

TEST(no_flipped_bit_is_accepted, none, "A7 MUST-3")
{
    flip_bits(4);
    flip_bits(6);
}

/* Whether a SYN with a wrong checksum is taken when the link says this of it. */
static bool claim_is_believed(uint32_t features, enum hf_checksum_state claim, bool wrong)
{
    struct hf_sim_allocator counts = {0};
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    config.allocator = hf_sim_allocator_use(&counts);
    struct hf_stack *stack = hf_stack_create(&config, NULL);
    assert_non_null(stack);
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500, .features = features};
    struct hf_addr ours = {.family = HF_IPV4, .bytes = {192, 0, 2, 1}};
    struct hf_listen listen = {.size = sizeof listen, .local.port = VICTIM_PORT};
    hf_listener listener;
    assert_int_equal(hf_stack_add_link(stack, &link), 1);
    assert_int_equal(hf_stack_add_address(stack, 1, &ours, 24), 0);
    assert_int_equal(hf_tcp_listen(stack, &listen, &listener), 0);
    struct wire_segment syn = {.family = 4,
                               .source = {192, 0, 2, 2},
                               .destination = {192, 0, 2, 1},
                               .ttl = 64,
                               .source_port = 9,
                               .destination_port = VICTIM_PORT,
                               .flags = SYN,
                               .mss = WIRE_NONE,
                               .wscale = WIRE_NONE, .cookie_len = WIRE_NONE,
                               .bad_checksum = wrong};
    uint8_t bytes[128];
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, bytes, (uint32_t)wire_build(bytes, &syn));
    packet.checksum = (uint8_t)claim;
    packet.checksum_start = 20;
    packet.checksum_offset = 16;
    hf_stack_input(stack, 1, &packet, 1, 0);
    struct hf_stack_counters seen;
    hf_stack_counters(stack, &seen);
    assert_int_equal(seen.half_open + seen.drops[HF_DROP_TCP_CHECKSUM], 1);
    hf_stack_destroy(stack);
    assert_int_equal(counts.in_use, 0);
    return seen.half_open == 1;
}

TEST(claims_about_checksums_count_on_trusted_links_only, none, "A7")
{
    for (int wrong = 0; wrong < 2; wrong++) {
        assert_int_equal(claim_is_believed(0, HF_CHECKSUM_UNKNOWN, wrong), !wrong);
        assert_int_equal(claim_is_believed(0, HF_CHECKSUM_VERIFIED, wrong), !wrong);
        assert_int_equal(claim_is_believed(0, HF_CHECKSUM_PARTIAL, wrong), !wrong);
        assert_int_equal(claim_is_believed(HF_LINK_TRUSTED, HF_CHECKSUM_UNKNOWN, wrong), !wrong);
        assert_true(claim_is_believed(HF_LINK_TRUSTED, HF_CHECKSUM_VERIFIED, wrong));
        /* "Only the pseudo-header is summed" can be seen to be false, on any link. */
        assert_int_equal(claim_is_believed(HF_LINK_TRUSTED, HF_CHECKSUM_PARTIAL, wrong), !wrong);
    }
}

/* ---- A8: offload headers that lie ---- */

/* Whatever a packet says of its segments and its checksum, on a link that is trusted in such things:
 * a SYN is one segment, nothing outside the packet is read, and a checksum that is wrong in what can
 * be seen of it is not taken. */
TEST(claims_about_segments_are_checked, none, "A8")
{
    struct hf_stack_config config;
    struct hf_sim_allocator counts = {0};
    hf_stack_config_init(&config);
    config.allocator = hf_sim_allocator_use(&counts);
    struct hf_stack *stack = hf_stack_create(&config, NULL);
    assert_non_null(stack);
    struct hf_link_config link = {.size = sizeof link,
                                  .mtu = 1500,
                                  .features = HF_LINK_TRUSTED | HF_LINK_CHECKSUM_OUT,
                                  .gso_max = 65535};
    struct hf_addr ours = {.family = HF_IPV4, .bytes = {192, 0, 2, 1}};
    assert_int_equal(hf_stack_add_link(stack, &link), 1);
    assert_int_equal(hf_stack_add_address(stack, 1, &ours, 24), 0);
    static const uint8_t text[1000];
    uint64_t most = 0;
    for (unsigned step = 0; step < 65536; step++) {
        uint32_t len = (uint32_t)check_random_below(sizeof text);
        struct wire_segment s = {.family = 4,
                                 .source = {192, 0, 2, 2},
                                 .destination = {192, 0, 2, 1},
                                 .ttl = 64,
                                 .source_port = 9,
                                 .destination_port = 7,
                                 .flags = (uint16_t)(step & 1 ? ACK : SYN),
                                 .mss = WIRE_NONE,
                                 .wscale = WIRE_NONE,
                                 .cookie_len = WIRE_NONE,
                                 .text = text,
                                 .text_len = len};
        uint8_t bytes[1200];
        struct hf_packet packet;
        hf_packet_wrap(&packet, 1, bytes, (uint32_t)wire_build(bytes, &s));
        packet.segments = (uint16_t)check_random();
        packet.segment_bytes = (uint16_t)(step & 2 ? check_random_below(64) : check_random());
        packet.checksum = HF_CHECKSUM_PARTIAL;
        packet.checksum_start = (uint16_t)(step & 4 ? 20 : check_random());
        packet.checksum_offset = (uint16_t)(step & 4 ? 16 : check_random());
        if (step & 8) /* a checksum that is no sum of anything here */
            bytes[36] ^= 0x55;
        hf_stack_input(stack, 1, &packet, 1, 0);
        if (!(step & 8))
            most += step & 1 ? (len + 63) / 64 + 1 : 1;
    }
    struct hf_stack_counters seen;
    hf_stack_counters(stack, &seen);
    assert_int_equal(seen.drops[HF_DROP_TCP_CHECKSUM], 32768);
    assert_in_range(seen.segments_in, 32768, most);
    hf_stack_destroy(stack);
    assert_int_equal(counts.in_use, 0);
}

/* ---- A11: options out of range ---- */

static hf_conn last_accepted;

static void keep(struct victim *v, hf_conn conn)
{
    (void)v;
    last_accepted = conn;
}

static hf_conn open_with(struct victim *v, struct handshake *h, int mss, int wscale)
{
    struct wire_segment s = next_of(v, h, SYN);
    s.mss = mss;
    s.wscale = wscale;
    send_segment(v, &s);
    flush(v);
    assert_int_equal(v->last.flags, SYN | ACK);
    h->seq++;
    h->ack = v->last.seq + 1;
    h->tsval++;
    s = next_of(v, h, ACK);
    last_accepted = 0;
    send_segment(v, &s);
    flush(v);
    assert_true(last_accepted != 0);
    return last_accepted;
}

TEST(window_scale_above_the_limit, none, "A11")
{
    struct victim *v = victim_new(NULL);
    v->on_accept = keep;
    for (int scale = 0; scale < 256; scale++) {
        struct handshake h = {.source = stranger(v, (uint32_t)scale), .port = 3003, .seq = 1};
        hf_conn conn = open_with(v, &h, 1000, scale);
        struct hf_tcp_status now = victim_status(v, conn);
        assert_int_equal(now.snd_wscale, scale < 14 ? scale : 14); /* RFC 7323 2.3 */
        assert_int_equal(now.snd_wnd, 65535u << now.snd_wscale);
        assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    }
    victim_end(v, 0);
}

static struct {
    uint32_t packets, bytes, largest;
} measured;

static void measure(struct victim *v, const struct wire_segment *s, uint32_t len)
{
    (void)v;
    (void)len;
    measured.packets += s->text_len > 0;
    measured.bytes += (uint32_t)s->text_len;
    if (s->text_len > measured.largest)
        measured.largest = (uint32_t)s->text_len;
}

TEST(maximum_segment_sizes_of_all_kinds, none, "A11")
{
    const int offered[] = {0, 1, 7, 63, 64, 65, 1459, 1460, 1461, 65535};
    struct victim *v = victim_new(NULL);
    v->on_accept = keep;
    for (size_t i = 0; i < sizeof offered / sizeof *offered; i++) {
        struct handshake h = {.source = stranger(v, (uint32_t)i), .port = 3004, .seq = 1};
        static const uint8_t text[3000];
        hf_conn conn = open_with(v, &h, offered[i], WIRE_NONE);
        uint32_t floor = v->config.settings.mss_floor;
        uint32_t mss = victim_status(v, conn).mss;
        assert_true(mss >= floor && mss <= 1460);
        if ((uint32_t)offered[i] >= floor)
            assert_true(mss <= (uint32_t)offered[i]);
        memset(&measured, 0, sizeof measured);
        v->on_reply = measure;
        hf_tcp_send(v->stack, conn, text, sizeof text, 0);
        flush(v);
        assert_true(measured.largest <= mss && measured.packets > 0 && measured.packets <= 50);
        v->on_reply = NULL;
        assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    }
    victim_end(v, 0);
}

TEST(timestamp_that_disappears, none, "A11")
{
    struct victim *v = victim_new(NULL);
    v->on_accept = keep;
    struct handshake h = {
        .source = stranger(v, 1), .port = 3005, .seq = 1, .has_ts = true, .tsval = 100};
    hf_conn conn = open_with(v, &h, 1000, WIRE_NONE);
    assert_int_equal(victim_status(v, conn).timestamps, 1);
    uint64_t before = v->replies;
    for (unsigned i = 0; i < 10; i++) {
        struct wire_segment s = next_of(v, &h, ACK);
        s.has_ts = false;
        s.text = (const uint8_t *)"text";
        s.text_len = 4;
        send_segment(v, &s);
    }
    pass(v, HF_SEC);
    assert_int_equal(v->replies, before); /* dropped, and no reset */
    assert_int_equal(victim_counters(v).drops[HF_DROP_NO_TIMESTAMP], 10);
    assert_int_equal(victim_status(v, conn).receive_ready, 0);
    struct wire_segment s = next_of(v, &h, ACK);
    s.text = (const uint8_t *)"text";
    s.text_len = 4;
    send_segment(v, &s);
    flush(v);
    assert_int_equal(victim_status(v, conn).receive_ready, 4);
    s = next_of(v, &h, RST); /* a reset needs none */
    s.seq += 4;
    s.has_ts = false;
    send_segment(v, &s);
    flush(v);
    assert_int_equal(victim_status(v, conn).cause, HF_CAUSE_RESET);
    assert_int_equal(hf_tcp_close(v->stack, conn), 0);
    victim_end(v, 0);
}

/* ---- A12: where the numbers wrap ---- */

struct wrap {
    hf_conn conn[2];
    int host[2];
    struct hf_sim_oracle stream[2];
    uint64_t left[2];
};

static void wrap_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    static uint8_t bytes[65536];
    struct wrap *w = context;
    int who = host == w->host[1];
    struct hf_stack *stack = hf_sim_stack(sim, host);
    int64_t n;
    if (event->bits & HF_EVENT_ACCEPT)
        hf_tcp_accept(stack, event->handle, 0, &w->conn[1]);
    if (w->conn[who] == 0)
        return;
    while ((n = hf_tcp_recv(stack, w->conn[who], bytes, sizeof bytes)) > 0)
        if (hf_sim_oracle_received(&w->stream[1 - who], bytes, (size_t)n) != 0)
            hf_sim_fail(sim, host, "a byte that is not the right one");
    while (w->left[who] > 0) {
        size_t piece = w->left[who] < sizeof bytes ? (size_t)w->left[who] : sizeof bytes;
        hf_sim_oracle_next(&w->stream[who], bytes, piece);
        n = hf_tcp_send(stack, w->conn[who], bytes, piece, 0);
        if (n <= 0)
            return;
        hf_sim_oracle_sent(&w->stream[who], (size_t)n);
        w->left[who] -= (uint64_t)n;
    }
    hf_tcp_shutdown(stack, w->conn[who]);
}

static void transfer_from(uint32_t iss_a, uint32_t iss_b, uint64_t bytes)
{
    struct wrap w = {.left = {bytes, bytes}};
    uint32_t iss[2] = {iss_a, iss_b};
    struct hf_sim_config config;
    hf_sim_config_init(&config);
    config.seed = check_seed();
    if (soak())
        config.checks = 0;
    struct hf_sim *sim = hf_sim_create(&config);
    assert_non_null(sim);
    for (int i = 0; i < 2; i++) {
        struct hf_sim_host_config host;
        struct hf_unsafe unsafe = {.size = sizeof unsafe, .fixed_iss = 1, .iss = iss[i]};
        hf_sim_host_config_init(&host);
        host.stack.unsafe = &unsafe;
        host.app = (struct hf_sim_app){.on_event = wrap_event, .context = &w};
        w.host[i] = hf_sim_add_host(sim, &host);
        hf_sim_oracle_init(&w.stream[i], (uint64_t)i);
    }
    struct hf_sim_path path;
    hf_sim_path_init(&path);
    path.delay = HF_MS;
    path.loss = path.reorder = 10000;
    path.reorder_by = 3 * HF_MS;
    int link = hf_sim_add_link(sim, w.host[0], w.host[1], 1500, &path);
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    hf_listener listener;
    hf_sim_address(sim, link, w.host[1], HF_IPV4, &open.remote.addr);
    assert_int_equal(hf_tcp_listen(hf_sim_stack(sim, w.host[1]), &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(hf_sim_stack(sim, w.host[0]), &open, &w.conn[0]), 0);
    hf_sim_run(sim, HF_NEVER, NULL, NULL);
    if (hf_sim_failure(sim) != NULL)
        fail_msg("%s", hf_sim_failure(sim));
    assert_int_equal(w.stream[0].received, bytes);
    assert_int_equal(w.stream[1].received, bytes);
    for (int i = 0; i < 2; i++)
        assert_int_equal(hf_sim_end_host(sim, w.host[i]), 0);
    hf_sim_destroy(sim);
}

TEST(transfers_from_every_corner_of_the_numbers, none, "A12 N-3")
{
    const uint32_t corner[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    if (soak())
        transfer_from(0x7fffffff, 0xffffffff, (uint64_t)5 << 30);
    for (size_t i = 0; i < 25; i++)
        transfer_from(corner[i / 5], corner[i % 5], 60000);
    transfer_from(0u - 100000, 0x80000000u - 100000, 200000); /* and across them in mid-flow */
}

TEST(comparison_is_by_distance, none, "A12 N-3")
{
    uint32_t n = small_or_full(200000, 100000000);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t a = (uint32_t)check_random(), far = (uint32_t)check_random() >> 1;
        uint32_t wide = (uint32_t)check_random() >> 2, b = a + far;
        assert_int_equal(hf_seq_lt(a, b), far != 0);
        assert_int_equal(hf_seq_gt(b, a), far != 0);
        assert_true(hf_seq_le(a, b) && hf_seq_ge(b, a));
        assert_true(far == 0 || !hf_seq_lt(b, a));
        assert_true(!hf_seq_lt(a, a) && hf_seq_le(a, a));
        /* transitive as long as the ends are less than half the circle apart */
        assert_true(hf_seq_le(a, a + wide) && hf_seq_le(a + wide, a + wide + (far >> 1)) &&
                    hf_seq_le(a, a + wide + (far >> 1)));
    }
}

/* ---- A14: payload ---- */

/* What helpers of other stacks rewrite passes as it is, on the ports where they look for it,
 * in one segment and cut in two, both ways. */
TEST(payload_is_not_looked_at, none, "A14")
{
    static const struct {
        uint16_t port;
        const char *text;
    } bait[] = {{21, "PORT 10,0,0,1,4,1\r\n"},
                {21, "227 Entering Passive Mode (10,0,0,1,4,1)\r\n"},
                {21, "EPRT |1|10.0.0.1|1025|\r\n"},
                {113, "6193, 23\r\n"},
                {513, "rlogin\0root\0"},
                {514, "1021\0"},
                {544, "kshell 1021\0"},
                {554, "Transport: RTP/AVP;client_port=4588-4589\r\n"},
                {5060, "Contact: <sip:a@10.0.0.1:5060>\r\n"},
                {6667, "\001DCC CHAT chat 167772161 1025\001\r\n"},
                {6667, "PRIVMSG x :\001DCC SEND f 167772161 1025 9\001\r\n"},
                {7070, "PNA\0\013\001\005"}};
    struct victim *v = victim_new(NULL);
    for (size_t i = 0; i < 2 * sizeof bait / sizeof *bait; i++) {
        struct hf_listen listen = {
            .size = sizeof listen, .local.port = bait[i / 2].port, .backlog = 1};
        hf_listener listener;
        size_t len = strlen(bait[i / 2].text) + 2, cut = i % 2 ? len / 2 : len;
        uint8_t text[80] = {0}, got[80];
        memcpy(text, bait[i / 2].text, len - 2);
        assert_int_equal(hf_tcp_listen(v->stack, &listen, &listener), 0);
        struct wire_segment s = from(v, stranger(v, (uint32_t)i), 2000, SYN, 1, 0);
        s.destination_port = bait[i / 2].port;
        send_segment(v, &s);
        flush(v);
        s.flags = ACK | PSH;
        s.seq = 2;
        s.ack = v->last.seq + 1;
        s.text = text;
        s.text_len = cut;
        send_segment(v, &s);
        s.seq += (uint32_t)cut;
        s.text += cut;
        s.text_len = len - cut;
        if (cut < len)
            send_segment(v, &s);
        flush(v);
        hf_conn conn;
        assert_int_equal(hf_tcp_accept(v->stack, listener, 0, &conn), 1);
        assert_int_equal(hf_tcp_recv(v->stack, conn, got, sizeof got), len);
        assert_memory_equal(got, text, len);

        struct hf_stack_counters before = victim_counters(v);
        assert_int_equal(hf_tcp_send(v->stack, conn, text, len, 0), len);
        memset(&measured, 0, sizeof measured);
        v->on_reply = measure;
        flush(v);
        v->on_reply = NULL;
        assert_int_equal(measured.bytes, len);
        assert_int_equal(victim_counters(v).listeners, before.listeners); /* nothing was opened */
        assert_int_equal(victim_counters(v).connections, before.connections);
        assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
        assert_int_equal(hf_listener_close(v->stack, listener), 0);
    }
    victim_end(v, 0);
}
