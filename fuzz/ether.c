/* A stack on an Ethernet, and stations that say what they like: frames of any kind, ARP and neighbour
 * discovery with fields that fit or do not, SYNs in anybody's name, time, memory that fails. After every
 * operation the stack's own check must hold, which knows the limits of the neighbour table; in the end
 * all memory must be back.
 *
 * The first byte of an input chooses the size of the table and whether memory fails; then each byte is
 * an operation. Addresses are drawn from few, so that what is said of one meets what is known of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/sim.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>

#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/discovery.h"
#include "wire/ethernet.h"
#include "wire/tcp.h"

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition))                                                                        \
            abort();                                                                             \
    } while (0)

enum { FRAME_MAX = 600, OPERATIONS_MAX = 400, CONNS = 4 };

static const uint8_t ours[6] = {2, 0, 0, 0, 0, 1};

struct world {
    const uint8_t *data;
    size_t left;
    struct hf_stack *stack;
    struct hf_sim_allocator memory;
    hf_time now;
    hf_conn conn[CONNS];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take(struct world *w)
{
    if (w->left == 0)
        return 0;
    w->left--;
    return *w->data++;
}

/* ---- Who says it ---- */

/* Few addresses of each family: ours, neighbours, a gateway, strangers, groups. */
static void take_key(struct world *w, bool ipv4, uint8_t key[16])
{
    static const uint8_t four[][4] = {{10, 0, 0, 1},  {10, 0, 0, 2}, {10, 0, 0, 254},
                                      {192, 0, 2, 1}, {0, 0, 0, 0},  {10, 0, 0, 255},
                                      {127, 0, 0, 1}, {224, 0, 0, 1}};
    static const uint8_t six[][16] = {{0xfd, [15] = 1},
                                      {0xfd, [15] = 2},
                                      {0xfd, [15] = 0xfe},
                                      {0xfe, 0x80, [15] = 2},
                                      {0},
                                      {0xff, 2, [11] = 1, 0xff, [15] = 1},
                                      {0xff, 2, [15] = 1},
                                      {0x20, 1, 0xd, 0xb8, [15] = 1}};
    uint8_t which = take(w);
    if (ipv4) {
        hf_key_from_ipv4(key, four[which % 8]);
        if (which & 8)
            key[15] = take(w);
    } else {
        memcpy(key, six[which % 8], 16);
        if (which & 8)
            key[15] = take(w);
        if (which & 16)
            key[14] = take(w);
    }
}

static void take_mac(struct world *w, uint8_t mac[6])
{
    uint8_t which = take(w);
    memcpy(mac, ours, 6);
    mac[5] = which & 3;
    if (which >= 252)
        memset(mac, which & 1 ? 0xff : 0, 6);
    if ((which & 0xfc) == 0x80)
        mac[0] = 0x33;
}

/* ---- Frames ---- */

static void give(struct world *w, const uint8_t *bytes, uint32_t len)
{
    uint8_t *exact = malloc(len ? len : 1); /* so that reading past the end shows */
    struct hf_packet packet;
    CHECK(exact != NULL);
    memcpy(exact, bytes, len);
    hf_packet_wrap(&packet, 1, exact, len);
    hf_stack_input(w->stack, 1, &packet, 1, w->now);
    free(exact);
}

static uint8_t *begin_frame(struct world *w, uint8_t frame[FRAME_MAX], uint16_t type)
{
    uint8_t to[6], from[6];
    memset(frame, 0, FRAME_MAX);
    take_mac(w, to);
    take_mac(w, from);
    if (!(take(w) & 7))
        type = (uint16_t)(take(w) << 8 | take(w));
    hf_frame_build(frame, to, from, type);
    return frame + HF_FRAME_HEADER;
}

/* Some bytes are others than they should be; some are missing. */
static void give_altered(struct world *w, uint8_t *frame, uint32_t len)
{
    uint8_t how = take(w);
    for (unsigned i = how & 3; i > 0 && how & 128; i--) {
        uint32_t at = (uint32_t)(take(w) << 8 | take(w)) % len;
        frame[at] = take(w);
    }
    if (how & 64)
        len = (uint32_t)(take(w) << 8 | take(w)) % (len + 1);
    give(w, frame, len);
}

static void raw(struct world *w)
{
    uint8_t frame[FRAME_MAX];
    uint32_t len = take(w);
    for (uint32_t i = 0; i < len; i++)
        frame[i] = take(w);
    if (len >= 14 && frame[0] & 1)
        memcpy(frame, ours, 6);
    give(w, frame, len);
}

static void arp(struct world *w)
{
    uint8_t frame[FRAME_MAX], *body = begin_frame(w, frame, HF_TYPE_ARP);
    struct hf_arp arp = {.operation = (uint16_t)(1 + take(w) % 3)};
    take_mac(w, arp.sender_mac);
    take_mac(w, arp.target_mac);
    take_key(w, true, arp.sender);
    take_key(w, true, arp.target);
    hf_arp_build(body, &arp);
    give_altered(w, frame, HF_FRAME_HEADER + HF_ARP_LEN);
}

static void fix_checksum(uint8_t *ip, uint32_t len)
{
    hf_put16(ip + 42, 0);
    uint32_t sum = HF_PROTO_ICMPV6 + len - 40;
    hf_put16(ip + 42, hf_checksum_finish(hf_checksum_add(ip + 8, len - 8, sum)));
}

static void discovery(struct world *w)
{
    uint8_t frame[FRAME_MAX], *ip = begin_frame(w, frame, HF_TYPE_IPV6), from[16], to[16];
    uint8_t how = take(w);
    struct hf_discovery m = {.type = (uint8_t)(133 + how % 5), .has_mac = how & 32};
    m.flags = take(w);
    take_key(w, false, m.target);
    take_mac(w, m.mac);
    take_key(w, false, from);
    take_key(w, false, to);
    uint32_t len = hf_discovery_build(ip, from, to, &m);
    for (unsigned i = how & 64 ? take(w) % 8u : 0; i > 0; i--) { /* more options */
        uint8_t eights = take(w) % 4;
        ip[len] = take(w) % 8;
        ip[len + 1] = eights;
        len += 8;
    }
    hf_put16(ip + 4, len - 40);
    if (how & 128)
        ip[7] = take(w);
    fix_checksum(ip, len);
    give_altered(w, frame, HF_FRAME_HEADER + len);
}

/* A SYN, or another segment, in somebody's name. */
static void segment(struct world *w)
{
    uint8_t how = take(w);
    bool ipv4 = how & 1;
    uint8_t frame[FRAME_MAX], *ip = begin_frame(w, frame, ipv4 ? HF_TYPE_IPV4 : HF_TYPE_IPV6);
    struct hf_flow flow = {.local_port = (uint16_t)(1000 + take(w) % 4), .remote_port = 80};
    static const uint16_t flags[] = {HF_SYN, HF_ACK, HF_SYN | HF_ACK, HF_RST};
    struct hf_segment_head head = {.flags = flags[how >> 1 & 3], .window = 1000};
    head.options.wscale = HF_NO_WSCALE;
    take_key(w, ipv4, flow.local);
    take_key(w, ipv4, flow.remote);
    uint32_t header = ipv4 ? 20 : 40;
    uint32_t tcp = hf_tcp_build(ip + header, &flow, &head);
    hf_put16(
        ip + header + HF_TCP_CHECKSUM_AT,
        hf_checksum_finish(hf_checksum_add(ip + header, tcp, hf_tcp_pseudo_sum(&flow, tcp))));
    hf_ip_build(ip, &flow, HF_PROTO_TCP, 0, 64, 0, 0, tcp);
    memcpy(frame, ours, 6);
    give_altered(w, frame, HF_FRAME_HEADER + header + tcp);
}

/* ---- What the host does ---- */

static void open_one(struct world *w)
{
    uint8_t key[16], which = take(w);
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    take_key(w, which & 1, key);
    hf_key_to_addr(key, which & 2 ? 1 : 0, &open.remote.addr);
    hf_conn *conn = &w->conn[which % CONNS];
    if (*conn)
        (void)hf_tcp_abort(w->stack, *conn);
    *conn = 0;
    (void)hf_tcp_open(w->stack, &open, conn);
}

static void pull(struct world *w)
{
    struct hf_packet packets[4];
    uint8_t bytes[2048];
    size_t n, room = 1 + take(w) % 4u;
    for (int rounds = 0; (n = hf_stack_output(w->stack, 1, packets, room, w->now)) > 0;
         rounds++) {
        CHECK(rounds < 100000);
        for (size_t i = 0; i < n; i++) {
            uint32_t len = hf_packet_copy(&packets[i], bytes, sizeof bytes);
            CHECK(len > HF_FRAME_HEADER && len <= 1514);
            CHECK(memcmp(bytes + 6, ours, 6) == 0);
        }
        hf_stack_sent(w->stack, packets, n);
    }
}

static void pass(struct world *w)
{
    static const hf_time steps[] = {HF_MS,      100 * HF_MS, HF_SEC,
                                    5 * HF_SEC, 60 * HF_SEC, 1200 * HF_SEC};
    w->now += steps[take(w) % 6];
    hf_stack_timers(w->stack, w->now);
}

static void add(struct world *w, const char *text, unsigned bits)
{
    struct hf_addr addr;
    CHECK(hf_addr_parse(text, &addr) == 0);
    CHECK(hf_stack_add_address(w->stack, 1, &addr, bits) == 0);
}

static void begin(struct world *w, uint8_t how)
{
    struct hf_stack_config config;
    struct hf_link_config link = {
        .size = sizeof link, .mtu = 1500, .kind = HF_LINK_ETHERNET, .mac = {2, 0, 0, 0, 0, 1}};
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 4};
    struct hf_addr any = {.family = HF_IPV6}, gateway;
    hf_listener listener;
    hf_stack_config_init(&config);
    config.settings.neighbours_max = how & 1 ? 16 : 64;
    config.allocator = hf_sim_allocator_use(&w->memory);
    config.memory_limit = HF_MEMORY_MIN;
    config.now = w->now;
    w->stack = hf_stack_create(&config, NULL);
    CHECK(w->stack != NULL);
    CHECK(hf_stack_add_link(w->stack, &link) == 1);
    add(w, "10.0.0.1", 24);
    add(w, "fd00::1", 64);
    add(w, "fe80::1", 64);
    CHECK(hf_addr_parse("fd00::fe", &gateway) == 0);
    CHECK(hf_stack_add_gateway(w->stack, 1, &any, 0, &gateway) == 0);
    CHECK(hf_tcp_listen(w->stack, &listen, &listener) == 0);
    if (how & 2) {
        w->memory.fail_at = w->memory.calls + 1 + (how >> 3);
        w->memory.fail_all_from = how >> 2 & 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.data = data, .left = size, .now = 1000 * HF_SEC};
    if (size < 2)
        return 0;
    begin(&w, take(&w));
    static void (*const operations[])(struct world *) = {raw,      arp,  discovery, segment,
                                                         open_one, pull, pass,      discovery};
    for (int i = 0; i < OPERATIONS_MAX && w.left > 0; i++) {
        operations[take(&w) % 8](&w);
        const char *fault = hf_stack_check(w.stack);
        if (fault) {
            (void)fprintf(stderr, "%s\n", fault);
            abort();
        }
    }
    w.memory.fail_at = 0;
    hf_stack_destroy(w.stack);
    CHECK(w.memory.in_use == 0);
    return 0;
}
