/* Runs of segments in one packet, as a link with offload takes and gives them. What leaves is what
 * would leave one by one; what arrives, in whatever pieces, is the same stream. */
#include "two.h"

#include <handfast/trace.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 400000u
#define WAITING 4096u
#define MTU 1500

enum delivery { SINGLE, WHOLE, ANY };

/* A segment as the far end's link would see it. */
struct segment {
    uint32_t seq, ack, len;
    uint8_t flags, tos;
    uint16_t window;
};

struct parcel {
    uint8_t *bytes;
    uint32_t len;
    uint16_t segments, each;
};

struct world {
    struct two two;
    enum delivery delivery;
    bool records; /* now and then a SEND ends one                                              */
    double loss;
    uint64_t random[2]; /* of the wire, of the programs: the same in runs that are compared */
    hf_time use_at;     /* the programs' next turn, whatever timers run meanwhile */
    struct parcel waiting[2][WAITING];
    unsigned first[2], last[2];
    struct segment *seen;
    size_t seen_count, seen_room;
    size_t runs; /* packets of more than one segment that left */
    hf_conn conn[2];
    uint32_t sent[2], got[2];
    bool shut[2], eof[2];
};

enum { WIRE, PROGRAMS };

static uint32_t chance(struct world *w, int of, uint32_t below)
{
    w->random[of] = w->random[of] * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((w->random[of] >> 33) % below);
}

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t add(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    sum = (sum >> 16) + (sum & 0xffff);
    return (sum >> 16) + (sum & 0xffff);
}

static uint32_t ip_header(const uint8_t *bytes)
{
    return bytes[0] >> 4 == 4 ? 20 : 40;
}

/* `count` segments of a packet, from the one numbered `from`, as a packet of their own with a
 * checksum that is complete for one, and of the pseudo-header for more. */
static struct parcel part(const struct hf_packet *packet, const uint8_t *bytes, uint32_t from,
                          uint32_t count)
{
    uint32_t ip = ip_header(bytes), headers = ip + 4u * (bytes[ip + 12] >> 4);
    uint32_t each = packet->segments > 1 ? packet->segment_bytes : packet->len - headers;
    uint32_t begin = from * each, end = begin + count * each;
    bool last = from + count == packet->segments;
    if (last)
        end = packet->len - headers;
    struct parcel p = {
        .len = headers + end - begin, .segments = (uint16_t)count, .each = (uint16_t)each};
    p.bytes = malloc(p.len);
    assert_non_null(p.bytes);
    memcpy(p.bytes, bytes, headers);
    memcpy(p.bytes + headers, bytes + headers + begin, end - begin);
    uint8_t *tcp = p.bytes + ip;
    uint32_t seq = get32(tcp + 4) + begin, tcp_len = p.len - ip;
    put16(tcp + 4, seq >> 16);
    put16(tcp + 6, seq);
    if (!last)
        tcp[13] &= (uint8_t) ~(HF_PSH | HF_FIN);
    if (from > 0)
        tcp[13] &= (uint8_t)~HF_CWR;
    if (ip == 20) {
        put16(p.bytes + 2, p.len);
        put16(p.bytes + 10, 0);
        put16(p.bytes + 10, ~add(0, p.bytes, 20));
    } else {
        put16(p.bytes + 4, tcp_len);
    }
    put16(tcp + 16, 0);
    uint32_t sum = add(6 + tcp_len, p.bytes + (ip == 20 ? 12 : 8), ip == 20 ? 8 : 32);
    put16(tcp + 16, count > 1 ? sum : ~add(sum, tcp, tcp_len));
    return p;
}

static void note(struct world *w, const struct parcel *p)
{
    const uint8_t *tcp = p->bytes + ip_header(p->bytes);
    if (w->seen_count == w->seen_room) {
        w->seen_room = w->seen_room ? 2 * w->seen_room : 1024;
        w->seen = realloc(w->seen, w->seen_room * sizeof *w->seen);
        assert_non_null(w->seen);
    }
    w->seen[w->seen_count++] =
        (struct segment){.seq = get32(tcp + 4),
                         .ack = get32(tcp + 8),
                         .len = p->len - ip_header(p->bytes) - 4u * (tcp[12] >> 4),
                         .flags = tcp[13],
                         .tos = p->bytes[1],
                         .window = (uint16_t)get16(tcp + 14)};
}

/* A packet that a stack gave, in the pieces that this run is about, each lost or put in the queue. */
static void cut(struct world *w, int from, const struct hf_packet *packet)
{
    static uint8_t bytes[65536];
    assert_int_not_equal(hf_packet_copy(packet, bytes, sizeof bytes), 0);
    uint32_t ip = ip_header(bytes), text = packet->len - ip - 4u * (bytes[ip + 12] >> 4);
    assert_true(packet->segments >= 1);
    if (packet->segments > 1) {
        w->runs++;
        assert_int_equal(packet->checksum, HF_CHECKSUM_PARTIAL);
        assert_int_equal(packet->checksum_start, ip);
        assert_int_equal(packet->segments,
                         (text + packet->segment_bytes - 1u) / packet->segment_bytes);
    }
    for (uint32_t at = 0, n; at < packet->segments; at += n) {
        uint32_t left = packet->segments - at;
        n = w->delivery == SINGLE ? 1 : w->delivery == WHOLE ? left : 1 + chance(w, WIRE, left);
        struct parcel p = part(packet, bytes, at, n);
        assert_true(n > 1 || p.len <= MTU);
        if (w->delivery == SINGLE)
            note(w, &p);
        if (w->loss > 0 && chance(w, WIRE, 100000) < w->loss * 100000) {
            free(p.bytes);
            continue;
        }
        assert_true(w->last[from] - w->first[from] < WAITING);
        w->waiting[from][w->last[from]++ % WAITING] = p;
    }
}

static bool pull(struct world *w, int from)
{
    struct hf_packet packets[4];
    size_t n = hf_stack_output(w->two.stack[from], 1, packets, 4, w->two.now);
    for (size_t i = 0; i < n; i++)
        cut(w, from, &packets[i]);
    hf_stack_sent(w->two.stack[from], packets, n);
    return n > 0;
}

static bool deliver_one(struct world *w, int from)
{
    if (w->first[from] == w->last[from])
        return false;
    struct parcel p = w->waiting[from][w->first[from]++ % WAITING];
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, p.bytes, p.len);
    if (p.segments > 1) {
        packet.segments = p.segments;
        packet.segment_bytes = p.each;
        packet.checksum = HF_CHECKSUM_PARTIAL;
        packet.checksum_start = (uint16_t)ip_header(p.bytes);
        packet.checksum_offset = 16;
    }
    hf_stack_input(w->two.stack[!from], 1, &packet, 1, w->two.now);
    free(p.bytes);
    return true;
}

static uint8_t byte_at(int from, uint32_t at)
{
    return (uint8_t)((at * 2654435761u >> 13) + (uint32_t)from);
}

/* The programs at both ends: write when there is room, read what is there, close at the end. */
static void use(struct world *w, int at)
{
    struct hf_stack *stack = w->two.stack[at];
    uint8_t bytes[30000];
    if (!w->conn[at])
        return;
    while (w->sent[at] < BYTES) {
        uint32_t n = 1 + chance(w, PROGRAMS, sizeof bytes);
        n = n < BYTES - w->sent[at] ? n : BYTES - w->sent[at];
        for (uint32_t i = 0; i < n; i++)
            bytes[i] = byte_at(at, w->sent[at] + i);
        unsigned flags = w->records && chance(w, PROGRAMS, 3) == 0 ? HF_SEND_RECORD : 0;
        int64_t taken = hf_tcp_send(stack, w->conn[at], bytes, n, flags);
        assert_true(taken >= 0);
        w->sent[at] += (uint32_t)taken;
        if (taken < n)
            break;
    }
    if (w->sent[at] == BYTES && !w->shut[at]) {
        w->shut[at] = true;
        assert_int_equal(hf_tcp_shutdown(stack, w->conn[at]), 0);
    }
    for (int64_t n; (n = hf_tcp_recv(stack, w->conn[at], bytes, sizeof bytes)) != 0;) {
        if (n < 0) {
            assert_int_equal(n, HF_EOF);
            w->eof[at] = true;
            break;
        }
        for (int64_t i = 0; i < n; i++)
            if (bytes[i] != byte_at(!at, w->got[at]++))
                fail_msg("byte %u of stack %d is wrong", w->got[at] - 1, at);
    }
}

static void settle(struct world *w)
{
    for (unsigned turns = 0; turns < 1000000; turns++) {
        while (pull(w, 0) || pull(w, 1))
            continue;
        if (!deliver_one(w, 0) && !deliver_one(w, 1))
            return;
    }
    fail_msg("packets without end");
}

static void step(struct world *w)
{
    hf_time a = hf_stack_deadline(w->two.stack[0]), b = hf_stack_deadline(w->two.stack[1]);
    hf_time next = a < b ? a : b;
    next = next < w->use_at ? next : w->use_at;
    w->two.now = next > w->two.now ? next : w->two.now;
    hf_stack_timers(w->two.stack[0], w->two.now);
    hf_stack_timers(w->two.stack[1], w->two.now);
    settle(w);
    for (int i = 0; i < 2; i++) {
        const char *fault = hf_stack_check(w->two.stack[i]);
        if (fault)
            fail_msg("stack %d: %s", i, fault);
    }
}

static void make(struct world *w, const struct hf_settings *settings, bool offload)
{
    static const char *const addresses[2][2] = {{"10.0.0.1", "fd00::1"}, {"10.0.0.2", "fd00::2"}};
    two_init(&w->two);
    w->two.settings = *settings;
    for (int i = 0; i < 2; i++) {
        struct hf_stack_config config = two_config(&w->two);
        struct hf_link_config link = {.size = sizeof link, .mtu = MTU};
        link.features = HF_LINK_TRUSTED | (offload ? HF_LINK_CHECKSUM_OUT : 0u);
        link.gso_max = offload ? 65535 : 0;
        config.seed[0] = (uint8_t)(1 + i);
        w->two.stack[i] = hf_stack_create(&config, NULL);
        assert_non_null(w->two.stack[i]);
        assert_int_equal(hf_stack_add_link(w->two.stack[i], &link), 1);
        for (int k = 0; k < 2; k++) {
            struct hf_addr addr = two_addr(addresses[i][k]);
            assert_int_equal(hf_stack_add_address(w->two.stack[i], 1, &addr, k ? 64 : 24), 0);
        }
    }
}

/* A connection that carries BYTES both ways and is closed. */
static void transfer(struct world *w, bool six)
{
    hf_listener listener = two_listen(&w->two, 1, 80, 4);
    struct hf_open open = {.size = sizeof open,
                           .remote = {two_addr(six ? "fd00::2" : "10.0.0.2"), 80}};
    assert_int_equal(hf_tcp_open(w->two.stack[0], &open, &w->conn[0]), 0);
    hf_time end = w->two.now + 600 * HF_SEC;
    while ((!w->eof[0] || !w->eof[1]) && w->two.now < end) {
        if (w->two.now >= w->use_at) {
            w->use_at = w->two.now + 5 * HF_MS;
            use(w, 0);
            use(w, 1);
            settle(w);
        }
        if (!w->conn[1])
            (void)hf_tcp_accept(w->two.stack[1], listener, 0, &w->conn[1]);
        step(w);
    }
    assert_int_equal(w->got[0], BYTES);
    assert_int_equal(w->got[1], BYTES);
    for (int i = 0; i < 2; i++)
        for (; w->first[i] != w->last[i]; w->first[i]++)
            free(w->waiting[i][w->first[i] % WAITING].bytes);
    two_end(&w->two);
}

/* The same transfer with and without runs: the same segments, in the same order. */
static void compare(const struct hf_settings *settings, bool six, bool records)
{
    static struct world runs, singles;
    uint64_t random = check_random();
    runs = (struct world){.delivery = SINGLE, .records = records, .random = {random, random}};
    singles = runs;
    make(&runs, settings, true);
    transfer(&runs, six);
    make(&singles, settings, false);
    transfer(&singles, six);
    assert_true(runs.runs > 20);
    assert_int_equal(singles.runs, 0);
    for (size_t i = 0; i < runs.seen_count && i < singles.seen_count; i++) {
        const struct segment *a = &runs.seen[i], *b = &singles.seen[i];
        if (a->seq != b->seq || a->ack != b->ack || a->len != b->len || a->flags != b->flags ||
            a->window != b->window || a->tos != b->tos)
            fail_msg("segment %zu: seq %u ack %u len %u flags %x window %u, one by one: seq %u "
                     "ack %u len %u flags %x window %u",
                     i, a->seq, a->ack, a->len, a->flags, a->window, b->seq, b->ack, b->len,
                     b->flags, b->window);
    }
    assert_int_equal(runs.seen_count, singles.seen_count);
    free(runs.seen);
    free(singles.seen);
}

TEST(runs_are_what_would_leave_one_by_one, linux, "")
{
    for (int six = 0; six < 2; six++)
        compare(hf_settings_linux(), six, false);
}

TEST(runs_under_the_letter_of_the_rfcs, rfc, "")
{
    struct hf_settings wide = *hf_settings_rfc();
    wide.window_scale = 1;
    compare(&wide, false, false);
}

/* No segment holds octets of two records, in a run either. */
TEST(runs_end_where_records_end, linux, "")
{
    struct hf_settings wide = *hf_settings_rfc();
    wide.window_scale = 1;
    for (int times = 0; times < 4; times++) {
        compare(hf_settings_linux(), false, true);
        compare(&wide, false, true);
    }
}

TEST(runs_that_are_paced, linux, "")
{
    struct hf_settings paced = *hf_settings_linux();
    paced.pacing = 1;
    compare(&paced, false, false);
    paced.congestion = "bbr";
    compare(&paced, false, false);
}

/* Records of what was sent have other bounds than without runs, and decide ties otherwise: what is
 * sent again need not be the same. */
TEST(parts_of_runs_are_lost, linux, "")
{
    static struct world w;
    for (int times = 0; times < 10; times++) {
        w = (struct world){.delivery = SINGLE,
                           .random = {check_random(), check_random()},
                           .loss = times < 5 ? 0.01 : 0.1};
        make(&w, hf_settings_linux(), true);
        transfer(&w, times % 2);
        assert_true(w.runs > (times < 5 ? 20u : 5u)); /* a window that loses a tenth is small */
        free(w.seen);
    }
}

/* In whatever pieces a run arrives, the stream is the same. */
TEST(runs_arrive_whole_or_in_any_pieces, linux, "")
{
    static struct world w;
    for (int times = 0; times < 20; times++) {
        w = (struct world){.delivery = times % 2 ? ANY : WHOLE,
                           .random = {check_random(), check_random()},
                           .loss = times < 4 ? 0 : 0.03};
        make(&w, hf_settings_linux(), true);
        transfer(&w, times % 4 > 1);
        assert_true(w.runs > 20);
    }
}

/* A writer that is always refused, since it is far ahead of a peer nearby, is refused between runs: what
 * it wrote leaves in whole ones, and no rest of a segment or two after them. (It may be less far ahead than
 * as shipped: the congestion window, which would cut a run, is more than that then.) */
TEST(a_writer_is_refused_between_runs, none, "")
{
    static struct world w;
    static uint8_t text[1 << 20];
    struct hf_settings settings = *hf_settings_default();
    settings.snd_ahead = 256 * 1024;
    w = (struct world){.delivery = WHOLE, .random = {check_random(), check_random()}};
    make(&w, &settings, true);
    hf_listener listener = two_listen(&w.two, 1, 80, 4);
    two_connect(&w.two, listener, 80, &w.conn[0], &w.conn[1]);
    unsigned whole = 0;
    for (int round = 0; round < 100; round++) {
        int64_t taken = hf_tcp_send(w.two.stack[0], w.conn[0], text, sizeof text, 0);
        assert_in_range(taken, 0, sizeof text - 1);
        unsigned from = w.last[0];
        while (pull(&w, 0))
            continue;
        for (unsigned i = from; i != w.last[0] && round >= 50; i++, whole++)
            assert_int_equal(w.waiting[0][i % WAITING].segments, (65535 - 120) / 1448);
        w.two.now += HF_MS / 4;
        while (deliver_one(&w, 1) ||
               deliver_one(&w, 0)) /* old ACKs; something is always in flight */
            continue;
        while (hf_tcp_recv(w.two.stack[1], w.conn[1], text, sizeof text) > 0)
            continue;
        while (pull(&w, 1))
            continue;
    }
    assert_true(whole > 50 * 3);
    assert_int_equal(hf_tcp_abort(w.two.stack[0], w.conn[0]), 0);
    settle(&w);
    two_end(&w.two);
}
