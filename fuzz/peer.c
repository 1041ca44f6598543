/* A stack and a peer that follows no rules, from the first SYN on: listeners, held SYNs,
 * cookies, half-open entries, Fast Open, several connections on few ports, ICMP errors, every user
 * call, little memory and allocations that fail. (established.c begins later, with two
 * stacks and text that is checked.)
 *
 * The first bytes of an input choose the settings; then each byte is an operation. A segment
 * starts from numbers that the stack itself would accept: those it last sent, and those of
 * the connection. After every operation the stack's own check must hold; in the end all
 * memory must be back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/sim.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>

#include "base/checksum.h"
#include "check.h"
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/tcp.h"

enum { CONNS = 8, PORTS = 4, PACKET_MAX = 2048, OPERATIONS_MAX = 500 };

/* First byte of an input. */
enum {
    USE_LINUX = 1,
    USE_COOKIES = 2,
    HOLD = 4,
    SMALL_MEMORY = 8,
    USE_IPV6 = 16,
    BACKLOG_0 = 32,
    FAST_OPEN = 64,
    WITHOUT_COOKIE = 128
};

/* What the peer saw last of each of its ports. */
struct seen {
    uint32_t seq, ack; /* its next to send, and the one it expects                            */
    uint32_t tsval;
};

struct world {
    const uint8_t *data;
    size_t left;
    struct hf_stack *stack;
    struct hf_sim_allocator memory;
    struct hf_addr ours, peer;
    hf_time now;
    hf_listener listener;
    hf_conn conn[CONNS];
    hf_syn syn;
    struct seen seen[PORTS];
    uint8_t out[PACKET_MAX]; /* the last packet that came out                                 */
    uint32_t out_len;
    uint8_t how;
    uint8_t
        cookie[HF_FAST_OPEN_COOKIE_MAX]; /* Fast Open: the last that came out, or was sent      */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take(struct world *w)
{
    if (w->left == 0)
        return 0;
    w->left--;
    return *w->data++;
}

static uint16_t take16(struct world *w)
{
    uint16_t high = take(w);
    return (uint16_t)(high << 8 | take(w));
}

/* ---- What comes out ---- */

static void learn(struct world *w)
{
    bool v6 = w->out_len > 0 && w->out[0] >> 4 == 6;
    uint32_t header = v6 ? 40 : 20;
    if (w->out_len < header + HF_TCP_HEADER || w->out[v6 ? 6 : 9] != HF_PROTO_TCP)
        return;
    struct hf_flow flow;
    struct hf_seg seg;
    uint32_t tcp;
    CHECK(hf_tcp_parse(w->out + header, w->out_len - header, w->out_len - header, &flow, &seg,
                       &tcp) == HF_DROP_NONE);
    if (seg.flags & HF_RST)
        return;
    struct seen *seen = &w->seen[flow.local_port % PORTS]; /* as the peer parses it */
    seen->ack = seg.seq + hf_seg_len(&seg);
    if (seg.flags & HF_ACK)
        seen->seq = seg.ack;
    if (seg.options.has_ts)
        seen->tsval = seg.options.tsval;
    if (hf_fast_open_cookie_len(&seg.options))
        memcpy(w->cookie, seg.options.cookie, hf_fast_open_cookie_len(&seg.options));
}

static void pull(struct world *w, size_t room)
{
    struct hf_packet packets[4];
    size_t n = 1;
    while (room > 0 && n > 0) {
        n = hf_stack_output(w->stack, 1, packets, room < 4 ? room : 4, w->now);
        room -= n;
        for (size_t i = 0; i < n; i++) {
            w->out_len = hf_packet_copy(&packets[i], w->out, sizeof w->out);
            CHECK(w->out_len > 0);
            learn(w);
        }
        hf_stack_sent(w->stack, packets, n);
    }
}

/* ---- What goes in ---- */

static void give(struct world *w, const uint8_t *bytes, uint32_t len)
{
    uint8_t *exact = malloc(len); /* so that reading past the end shows */
    struct hf_packet packet;
    CHECK(exact != NULL);
    memcpy(exact, bytes, len);
    hf_packet_wrap(&packet, 1, exact, len);
    hf_stack_input(w->stack, 1, &packet, 1, w->now);
    free(exact);
}

static uint32_t near(struct world *w, uint32_t number)
{
    static const int32_t steps[] = {0, 0, 0, 0, 1, -1, 100, -100, 1000, -1000, 65535, -65536};
    uint8_t choice = take(w);
    if (choice == 255)
        return (uint32_t)take16(w) << 16 | take16(w);
    return number + (uint32_t)steps[choice % (sizeof steps / sizeof *steps)];
}

static void take_options(struct world *w, struct hf_tcp_options *o, const struct seen *seen)
{
    uint8_t which = take(w);
    o->wscale = HF_NO_WSCALE;
    if (which & 1) {
        o->has_mss = true;
        o->mss = take16(w);
    }
    if (which & 2)
        o->wscale = take(w);
    o->sack_permitted = which & 4;
    if (which & 8) {
        o->has_ts = true;
        o->tsval = near(w, (uint32_t)(w->now / HF_MS));
        o->tsecr = near(w, seen->tsval);
    }
    o->sacks = which >> 4 & 3;
    if (which & 64) { /* an even length, as the stack would never build another */
        uint8_t form = take(w);
        o->fast_open = (uint8_t)(HF_FAST_OPEN_OPTION | (form & HF_FAST_OPEN_EXPERIMENTAL) |
                                 (form & 7 ? 2 + 2 * (form & 7) : 0));
        o->cookie = w->cookie;
        if (which & 128)
            w->cookie[take(w) % sizeof w->cookie] ^= take(w);
    }
    for (unsigned i = 0; i < o->sacks; i++) {
        o->sack[i].start = near(w, seen->ack);
        o->sack[i].end = near(w, seen->ack);
    }
}

static void segment(struct world *w)
{
    static const uint16_t usual[] = {HF_SYN,          HF_ACK, HF_ACK,         HF_ACK | HF_PSH,
                                     HF_FIN | HF_ACK, HF_RST, HF_SYN | HF_ACK};
    uint8_t packet[PACKET_MAX] = {0}, choice = take(w);
    uint16_t port = choice & (PORTS - 1);
    struct seen *seen = &w->seen[port];
    struct hf_segment_head head = {.flags = usual[(choice >> 2) % 7]};
    struct hf_flow flow;
    if (choice >= 252)
        head.flags = take16(w) & 0x1ff;
    hf_key_from_addr(flow.local, &w->peer);
    hf_key_from_addr(flow.remote, &w->ours);
    flow.local_port = (uint16_t)(4000 + port);
    flow.remote_port = take(w) & 1 ? (uint16_t)(5000 + port) : 80;
    head.seq = near(w, seen->seq);
    head.ack = near(w, seen->ack);
    head.window = choice & 128 ? take16(w) : 65535;
    head.urgent = head.flags & HF_URG ? take16(w) : 0;
    take_options(w, &head.options, seen);
    while (hf_tcp_options_len(&head.options) > HF_TCP_OPTIONS_MAX && head.options.sacks)
        head.options.sacks--;
    if (hf_tcp_options_len(&head.options) > HF_TCP_OPTIONS_MAX)
        head.options.fast_open = 0;
    uint32_t ip = hf_flow_ip_header(&flow), text = (uint32_t)take(w) * 4;
    if (text > 600)
        text = 0;
    uint32_t tcp = hf_tcp_build(packet + ip, &flow, &head), total = tcp + text;
    hf_ip_build(packet, &flow, HF_PROTO_TCP, 0, 64, 0, 0, total);
    uint32_t sum = hf_checksum_add(packet + ip, total, hf_tcp_pseudo_sum(&flow, total));
    hf_put16(packet + ip + HF_TCP_CHECKSUM_AT, hf_checksum_finish(sum));
    give(w, packet, ip + total);
    if (!(head.flags & HF_RST))
        seen->seq = head.seq + text + ((head.flags & HF_SYN) != 0) + ((head.flags & HF_FIN) != 0);
}

/* An IPv4 error that quotes what the stack sent last. */
static void icmp_error(struct world *w)
{
    uint8_t packet[128] = {0};
    uint32_t quote = w->out_len < 60 ? w->out_len : 60, len = 28 + quote;
    struct hf_flow flow;
    if (w->how & USE_IPV6)
        return;
    hf_key_from_addr(flow.local, &w->peer);
    hf_key_from_addr(flow.remote, &w->ours);
    flow.local_port = flow.remote_port = 0;
    hf_ip_build(packet, &flow, 1, 0, 64, 0, 0, 8 + quote);
    packet[20] = take(w) & 1 ? 3 : take(w);
    packet[21] = take(w) & 15;
    hf_put16(packet + 26, take16(w));
    memcpy(packet + 28, w->out, quote);
    if (quote >= 28 && take(w) & 1)
        packet[20 + 8 + 20 + 7] ^= take(w); /* another sequence number */
    hf_put16(packet + 22, hf_checksum_finish(hf_checksum_add(packet + 20, 8 + quote, 0)));
    give(w, packet, len);
}

/* ---- Time and calls ---- */

static void pass_time(struct world *w)
{
    uint8_t how = take(w);
    hf_time deadline = hf_stack_deadline(w->stack);
    if (how < 128 && deadline != HF_NEVER)
        w->now = deadline > w->now ? deadline : w->now;
    else if (how < 250)
        w->now += (hf_time)(how & 63) * (how & 64 ? 100 * HF_MS : HF_MS);
    else if (how == 250)
        w->now -= take16(w) * HF_MS;
    else if (how == 251)
        hf_stack_time_jump(w->stack, take16(w) * HF_SEC);
    else
        w->now += take16(w) * HF_SEC;
    if (w->now < 0)
        w->now = 0;
    hf_stack_timers(w->stack, w->now);
}

static void listen_again(struct world *w)
{
    struct hf_listen listen = {.size = sizeof listen,
                               .local.port = 80,
                               .backlog = w->how & BACKLOG_0 ? 0 : 2,
                               .hold = (w->how & HOLD) != 0};
    if (!listen.hold && w->how & FAST_OPEN)
        listen.fast_open = 2;
    if (hf_tcp_listen(w->stack, &listen, &w->listener) != 0)
        return;
}

static void open_or_accept(struct world *w, hf_conn *conn)
{
    uint8_t how = take(w);
    hf_conn fresh = 0;
    if (how & 1) {
        struct hf_open open = {.size = sizeof open,
                               .local.port = (uint16_t)(5000 + (how >> 1) % PORTS),
                               .remote = {w->peer, (uint16_t)(4000 + (how >> 1) % PORTS)},
                               .timeout = how & 64 ? 20 * HF_SEC : 0};
        if (w->how & FAST_OPEN)
            open.fast_open = how >> 3 & 7;
        if (hf_tcp_open(w->stack, &open, &fresh) != 0)
            return;
    } else if (hf_tcp_accept(w->stack, w->listener, 7, &fresh) != 1) {
        return;
    }
    if (*conn != 0)
        hf_tcp_abort(w->stack, *conn);
    *conn = fresh;
}

static void transfer_call(struct world *w, hf_conn conn)
{
    static const uint8_t text[4096];
    uint8_t bytes[2048], how = take(w);
    const void *peeked;
    void *room;
    size_t len = (size_t)take(w) * 16, got;
    int64_t n;
    switch (how % 5) {
    case 0:
        n = hf_tcp_send(w->stack, conn, text, len, how >> 4 & 3);
        CHECK(n <= (int64_t)len);
        break;
    case 1:
        n = hf_tcp_recv(w->stack, conn, bytes, len < sizeof bytes ? len : sizeof bytes);
        CHECK(n <= (int64_t)len);
        break;
    case 2:
        n = hf_tcp_peek(w->stack, conn, &peeked);
        if (n > 0)
            CHECK(hf_tcp_consume(w->stack, conn, (size_t)n > len ? len : (size_t)n) == 0);
        break;
    case 3:
        if (hf_tcp_reserve(w->stack, conn, len, &room, &got) == 0) {
            CHECK(got > 0 && got <= len);
            memset(room, 'r', got);
            hf_tcp_commit(w->stack, conn, how & 128 ? got : got / 2, how >> 4 & 3);
        }
        break;
    default:
        (void)hf_tcp_set(w->stack, conn, (enum hf_option)(how / 5 % HF_OPTION_COUNT),
                         (int64_t)len * (how & 1 ? HF_MS : 1));
        break;
    }
}

static void end_call(struct world *w, hf_conn *conn)
{
    int (*const calls[])(struct hf_stack *, hf_conn) = {hf_tcp_shutdown, hf_tcp_shutdown,
                                                        hf_tcp_close, hf_tcp_abort};
    unsigned which = take(w) & 3;
    int err = calls[which](w->stack, *conn);
    CHECK(*conn != 0 || err == HF_ERR_STALE);
    if (which >= 2) {
        CHECK(calls[which](w->stack, *conn) == HF_ERR_STALE);
        *conn = 0;
    }
}

static void listener_call(struct world *w)
{
    switch (take(w) & 7) {
    case 0:
        hf_listener_close(w->stack, w->listener);
        listen_again(w);
        break;
    case 1:
    case 2:
    case 3:
        (void)hf_tcp_next_syn(w->stack, w->listener, &w->syn, NULL, NULL);
        break;
    case 4:
        (void)hf_syn_refuse(w->stack, w->syn);
        break;
    case 5:
        hf_stack_fast_open_forget(w->stack);
        (void)hf_listener_fast_open(w->stack, w->listener, take(w) & 3, 0);
        break;
    default:
        (void)hf_syn_accept(w->stack, w->syn);
        break;
    }
}

static void operate(struct world *w)
{
    uint8_t operation = take(w);
    hf_conn *conn = &w->conn[operation >> 4 & (CONNS - 1)];
    switch (operation & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        segment(w);
        break;
    case 5:
        give(w, w->out, w->out_len > 0 ? w->out_len : 1);
        break; /* its own words */
    case 6:
        icmp_error(w);
        break;
    case 7:
    case 8:
        pass_time(w);
        break;
    case 9:
        open_or_accept(w, conn);
        break;
    case 10:
    case 11:
        transfer_call(w, *conn);
        break;
    case 12:
        end_call(w, conn);
        break;
    case 13:
        listener_call(w);
        break;
    case 14:
        w->memory.fail_at = w->memory.calls + 1 + take(w) % 8;
        w->memory.fail_all_from = operation >> 7;
        break;
    default:
        w->memory.fail_at = 0;
        break;
    }
    pull(w, operation & 15 && operation < 240 ? 64 : 1);
}

/* ---- One input ---- */

static void begin(struct world *w)
{
    struct hf_stack_config config;
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    bool v6;
    w->how = take(w);
    v6 = (w->how & USE_IPV6) != 0;
    hf_stack_config_init(&config);
    config.settings = w->how & USE_LINUX ? *hf_settings_linux() : *hf_settings_rfc();
    config.settings.cookies = w->how & USE_COOKIES ? HF_COOKIES_ALWAYS : HF_COOKIES_WHEN_FULL;
    config.settings.snd_buffer = config.settings.rcv_buffer = 16384;
    config.settings.time_wait_max = config.settings.orphans_max = 3;
    config.settings.fast_open_servers = 3;
    if (w->how & WITHOUT_COOKIE)
        config.settings.fast_open |=
            HF_FAST_OPEN_CLIENT_NO_COOKIE | HF_FAST_OPEN_SERVER_NO_COOKIE;
    if (w->how & FAST_OPEN)
        config.settings.fast_open |= HF_FAST_OPEN_SERVER;
    config.allocator = hf_sim_allocator_use(&w->memory);
    config.memory_limit = w->how & SMALL_MEMORY ? HF_MEMORY_MIN : (size_t)4 << 20;
    config.connections_max = 12;
    w->ours = v6 ? (struct hf_addr){.family = HF_IPV6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}}
                 : (struct hf_addr){.family = HF_IPV4, .bytes = {192, 0, 2, 1}};
    w->peer = w->ours;
    w->peer.bytes[v6 ? 15 : 3] = 2;
    w->now = 1000 * HF_SEC;
    config.now = w->now;
    w->stack = hf_stack_create(&config, NULL);
    CHECK(w->stack != NULL);
    CHECK(hf_stack_add_link(w->stack, &link) == 1);
    CHECK(hf_stack_add_address(w->stack, 1, &w->ours, v6 ? 64 : 24) == 0);
    listen_again(w);
    for (unsigned i = 0; i < PORTS; i++)
        w->seen[i].seq = i * 0x40000000u - 10; /* one of them wraps at once */
}

static void look(struct world *w)
{
    struct hf_event events[8];
    struct hf_stack_counters counters;
    /* In the middle of its output a connection has not set its timer yet. */
    const char *wrong = hf_stack_check(w->stack);
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        abort();
    }
    while (hf_stack_events(w->stack, events, 8) > 0)
        continue;
    hf_stack_counters(w->stack, &counters);
    CHECK(counters.memory <= counters.memory_limit);
    for (unsigned i = 0; i < CONNS; i++) {
        struct hf_tcp_status status = {.size = sizeof status};
        if (w->conn[i] != 0)
            CHECK(hf_tcp_status(w->stack, w->conn[i], &status) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.data = data, .left = size};
    begin(&w);
    for (int i = 0; i < OPERATIONS_MAX && w.left > 0; i++) {
        operate(&w);
        look(&w);
    }
    hf_stack_destroy(w.stack);
    CHECK(w.memory.in_use == 0 && w.memory.bad_frees == 0);
    return 0;
}
