/* Rows B17 and C19 of docs/attacks.md, whole: a stack on an Ethernet, a legitimate host beside it whose
 * connection is busy both ways, and an attacker who may put any frame on the wire. (The pieces are in
 * test/wire/test_ethernet.c and test/ip/test_neighbour.c.) */
#include <string.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

#include "victim.h"

#include "ip/neighbour.h"
#include "stack/stack.h"
#include "wire/discovery.h"

enum { VICTIM, LEGIT };

#define PIECE 4096
#define TICK (20 * HF_MS)

struct scene {
    struct hf_stack *stack[2];
    struct hf_sim_allocator memory[2];
    hf_time now, next_piece;
    hf_conn conn[2];
    uint32_t sent[2], got[2]; /* text, by sender                                              */
    uint64_t asked;           /* solicitations that the victim sent                           */
    size_t baseline;
    unsigned hops; /* of the attacker's neighbour messages                                    */
};

static const uint8_t attacker[6] = {2, 0, 0, 0, 6, 6};

static uint8_t text_at(uint32_t place)
{
    return (uint8_t)(place * 2654435761u >> 24);
}

static void carry(struct scene *s, int from)
{
    struct hf_packet packets[32], copies[32];
    static uint8_t bytes[32][1600];
    size_t n;
    while ((n = hf_stack_output(s->stack[from], 1, packets, 32, s->now)) > 0) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            uint32_t len = hf_packet_copy(&packets[i], bytes[kept], sizeof bytes[kept]);
            assert_int_not_equal(len, 0);
            bool discovery =
                bytes[kept][12] == 0x86 && hf_is_discovery(bytes[kept] + 14, len - 14);
            s->asked += from == VICTIM && discovery && bytes[kept][0] & 1;
            hf_packet_wrap(&copies[kept], 1, bytes[kept], len);
            kept++;
        }
        hf_stack_sent(s->stack[from], packets, n);
        hf_stack_input(s->stack[!from], 1, copies, kept, s->now);
    }
}

static void settle(struct scene *s)
{
    for (int i = 0; i < 4; i++) {
        carry(s, VICTIM);
        carry(s, LEGIT);
    }
}

static void read_all(struct scene *s, int at)
{
    uint8_t text[PIECE];
    int64_t n;
    while ((n = hf_tcp_recv(s->stack[at], s->conn[at], text, sizeof text)) > 0)
        for (int64_t i = 0; i < n; i++, s->got[!at]++)
            assert_int_equal(text[i], text_at(s->got[!at]));
}

static void send_piece(struct scene *s, int at)
{
    uint8_t text[PIECE];
    for (uint32_t i = 0; i < PIECE; i++)
        text[i] = text_at(s->sent[at] + i);
    assert_int_equal(hf_tcp_send(s->stack[at], s->conn[at], text, PIECE, 0), PIECE);
    s->sent[at] += PIECE;
}

/* Time passes; the connection goes on. Each piece is there before the next is sent. */
static void pass_time(struct scene *s, hf_time by)
{
    settle(s); /* what the attacker has caused */
    for (hf_time end = s->now + by;;) {
        hf_time next = s->next_piece;
        for (int i = 0; i < 2; i++) {
            hf_time deadline = hf_stack_deadline(s->stack[i]);
            next = deadline < next ? deadline : next;
        }
        if (next > end) {
            s->now = end;
            return;
        }
        s->now = next > s->now ? next : s->now;
        for (int i = 0; i < 2; i++)
            hf_stack_timers(s->stack[i], s->now);
        if (s->now >= s->next_piece) {
            assert_int_equal(s->got[VICTIM], s->sent[VICTIM]);
            assert_int_equal(s->got[LEGIT], s->sent[LEGIT]);
            send_piece(s, VICTIM);
            send_piece(s, LEGIT);
            s->next_piece += TICK;
        }
        settle(s);
        read_all(s, VICTIM);
        read_all(s, LEGIT);
        settle(s);
    }
}

static struct hf_addr address(uint64_t high, uint64_t low)
{
    struct hf_addr a = {.family = HF_IPV6};
    for (int i = 0; i < 8; i++) {
        a.bytes[i] = (uint8_t)(high >> (56 - 8 * i));
        a.bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return a;
}

#define NET 0xfd00000000000000u

static void begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->now = s->next_piece = 1000 * HF_SEC;
    for (int i = 0; i < 2; i++) {
        struct hf_stack_config config;
        struct hf_link_config link = {.size = sizeof link,
                                      .mtu = 1500,
                                      .kind = HF_LINK_ETHERNET,
                                      .mac = {2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
        struct hf_addr addr = address(NET, (uint64_t)i + 1);
        hf_stack_config_init(&config);
        config.allocator = hf_sim_allocator_use(&s->memory[i]);
        config.now = s->now;
        config.seed[0] = (uint8_t)i;
        memcpy(config.seed + 1, &(uint64_t){check_seed()}, 8);
        s->stack[i] = hf_stack_create(&config, NULL);
        assert_non_null(s->stack[i]);
        assert_int_equal(hf_stack_add_link(s->stack[i], &link), 1);
        assert_int_equal(hf_stack_add_address(s->stack[i], 1, &addr, 64), 0);
    }
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 128};
    struct hf_open open = {.size = sizeof open, .remote = {address(NET, VICTIM + 1), 80}};
    hf_listener listener;
    assert_int_equal(hf_tcp_listen(s->stack[VICTIM], &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(s->stack[LEGIT], &open, &s->conn[LEGIT]), 0);
    settle(s);
    assert_int_equal(hf_tcp_accept(s->stack[VICTIM], listener, 0, &s->conn[VICTIM]), 1);
    pass_time(s, 2 * HF_SEC);
    struct hf_stack_counters c;
    hf_stack_counters(s->stack[VICTIM], &c);
    s->baseline = c.memory;
}

static const struct hf_neighbour *legit_neighbour(const struct scene *s)
{
    uint8_t key[16];
    uint32_t index;
    struct hf_addr addr = address(NET, LEGIT + 1);
    hf_key_from_addr(key, &addr);
    return hf_neighbour_find(s->stack[VICTIM]->ip.neighbours, 1, key, &index);
}

/* The legitimate neighbour is known where it is; the table is within its limits. */
static void check_table(const struct scene *s)
{
    const struct hf_neighbours *nb = s->stack[VICTIM]->ip.neighbours;
    const struct hf_neighbour *legit = legit_neighbour(s);
    assert_non_null(legit);
    assert_int_equal(legit->group, HF_KNOWN);
    assert_int_equal(legit->mac[5], LEGIT + 1);
    assert_true(nb->pool.count <= nb->max);
    assert_null(hf_stack_check(s->stack[VICTIM])); /* also: at most three wait for each */
}

static void end(struct scene *s)
{
    pass_time(s, 120 * HF_SEC);
    check_table(s);
    struct hf_stack_counters c;
    hf_stack_counters(s->stack[VICTIM], &c);
    assert_int_equal(c.neighbours, 1);
    assert_true(c.memory <= s->baseline + 8192); /* a slab of the table, tables that grew */
    for (int i = 0; i < 2; i++) {
        struct hf_tcp_status status = {.size = sizeof status};
        assert_int_equal(hf_tcp_status(s->stack[i], s->conn[i], &status), 0);
        assert_int_equal(status.retransmits, 0);
    }
    for (int i = 0; i < 2; i++) {
        hf_stack_destroy(s->stack[i]);
        assert_int_equal(s->memory[i].in_use, 0);
    }
}

/* ---- The attacker ---- */

static void inject(struct scene *s, const uint8_t to[6], const uint8_t *datagram, uint32_t len)
{
    uint8_t frame[14 + 200];
    struct hf_packet packet;
    assert_true(len <= 200);
    hf_frame_build(frame, to, attacker, HF_TYPE_IPV6);
    memcpy(frame + 14, datagram, len);
    hf_packet_wrap(&packet, 1, frame, 14 + len);
    hf_stack_input(s->stack[VICTIM], 1, &packet, 1, s->now);
}

static void inject_syn(struct scene *s, const struct hf_addr *from, uint32_t seq)
{
    static uint8_t packet[WIRE_PACKET_MAX];
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1};
    struct wire_segment syn = {.family = 6,
                               .ttl = 64,
                               .source_port = 1000,
                               .destination_port = 80,
                               .seq = seq,
                               .flags = SYN,
                               .window = 65535,
                               .mss = 1440,
                               .wscale = WIRE_NONE,
                               .cookie_len = WIRE_NONE};
    struct hf_addr victim = address(NET, VICTIM + 1);
    memcpy(syn.source, from->bytes, 16);
    memcpy(syn.destination, victim.bytes, 16);
    inject(s, to, packet, (uint32_t)wire_build(packet, &syn));
}

static void inject_discovery(struct scene *s, uint8_t type, const struct hf_addr *from,
                             const struct hf_addr *to, const struct hf_addr *target,
                             uint8_t flags, unsigned hops)
{
    uint8_t datagram[72], mac[6];
    struct hf_discovery m = {.type = type, .has_mac = true, .flags = flags};
    memcpy(m.target, target->bytes, 16);
    memcpy(m.mac, attacker, 6);
    uint32_t len = hf_discovery_build(datagram, from->bytes, to->bytes, &m);
    datagram[7] = (uint8_t)hops;
    hf_mac_of_multicast(mac, to->bytes);
    if (to->bytes[0] != 0xff)
        memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 0, 1}, 6);
    inject(s, mac, datagram, len);
}

/* ---- C19 ---- */

/* SYNs in the name of every address of the network: each SYN+ACK wants a neighbour. */
TEST(a_network_full_of_addresses_that_nobody_has, none, "C19")
{
    struct scene s;
    begin(&s);
    uint32_t n = small_or_full(1u << 15, 1u << 20);
    hf_time began = s.now;
    for (uint32_t i = 0; i < n; i++) {
        struct hf_addr from = address(NET, 0x100000000u + check_random_below(1u << 31));
        inject_syn(&s, &from, i);
        if (i % 16 == 15) {
            pass_time(&s, 160 * HF_US); /* a hundred thousand a second */
            check_table(&s);
        }
    }
    struct hf_stack_counters c;
    hf_stack_counters(s.stack[VICTIM], &c);
    const struct hf_neighbours *nb = s.stack[VICTIM]->ip.neighbours;
    assert_true(nb->for_others <= nb->max / 8);
    assert_true(c.drops[HF_DROP_NEIGHBOUR_LIMIT] > 0);
    /* Solicitations are bounded by the places that there are: three each, in four seconds. */
    uint64_t rounds = (uint64_t)((s.now - began) / (4 * HF_SEC)) + 1;
    assert_true(s.asked <= rounds * 3 * (nb->max / 8) + 1);
    end(&s);
}

/* A station that introduces itself by 2^20 names. */
TEST(a_stranger_with_all_names, none, "C19")
{
    struct scene s;
    begin(&s);
    uint32_t n = small_or_full(1u << 15, 1u << 20);
    struct hf_addr victim = address(NET, VICTIM + 1), group = {.family = HF_IPV6};
    hf_solicited_node(group.bytes, victim.bytes);
    for (uint32_t i = 0; i < n; i++) {
        struct hf_addr from = address(NET, 0x100000000u + i);
        inject_discovery(&s, HF_ICMP6_NEIGHBOUR_SOLICIT, &from, &group, &victim, 0, 255);
        inject_discovery(&s, HF_ICMP6_NEIGHBOUR_ADVERT, &from, &victim, &from, 0xff, 255);
        if (i % 16 == 15) {
            pass_time(&s, 160 * HF_US);
            check_table(&s);
        }
    }
    const struct hf_neighbours *nb = s.stack[VICTIM]->ip.neighbours;
    assert_true(nb->pool.count <= nb->max);
    pass_time(&s,
              1200 * HF_SEC); /* advertised ones count as known, and stay as long as ARP's do */
    end(&s);
}

/* ---- B17 ---- */

/* Whatever it says, and from wherever it says to be, from beyond a router it changes nothing. */
TEST(spoofed_from_afar, none, "B17")
{
    struct scene s;
    begin(&s);
    struct hf_addr victim = address(NET, VICTIM + 1), legit = address(NET, LEGIT + 1);
    struct hf_addr far = address(0x20010db800000000u, 1),
                   router = address(0xfe80000000000000u, 1);
    struct hf_addr all = address(0xff02000000000000u, 1);
    struct hf_addr const *const sources[] = {&legit, &far, &router};
    struct hf_addr const *const targets[] = {&legit, &victim, &router};
    uint32_t n = small_or_full(20000, 1000000);
    for (uint32_t i = 0; i < n; i++) {
        inject_discovery(&s, (uint8_t)(133 + check_random_below(5)),
                         sources[check_random_below(3)], check_random_below(2) ? &victim : &all,
                         targets[check_random_below(3)], (uint8_t)check_random(),
                         (unsigned)check_random_below(255));
        if (i % 16 == 15)
            pass_time(&s, HF_MS);
    }
    check_table(&s);
    struct hf_stack_counters c;
    hf_stack_counters(s.stack[VICTIM], &c);
    assert_int_equal(c.neighbours, 1);
    assert_int_equal(c.drops[HF_DROP_DISCOVERY_HOPS], n);
    end(&s);
}
