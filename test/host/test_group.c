/* Hosts that share a device: whose packet is it, the ring between two threads, and packets handed
 * from one host to another. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "host/group.h"
#include "host/owner.h"
#include "host/ring.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#define PACKET_ROOM 2000u

struct made {
    uint8_t bytes[PACKET_ROOM];
    struct hf_packet packet;
};

static struct hf_addr address(bool six, uint8_t last)
{
    if (six)
        return (struct hf_addr){.family = HF_IPV6, .bytes = {0xfd, 1, [15] = last}};
    return (struct hf_addr){.family = HF_IPV4, .bytes = {10, 0, 0, last}};
}

/* The flow as its sender sees it. */
static struct hf_flow flow_from(bool six, uint8_t host, uint16_t port, bool by_peer)
{
    struct hf_flow flow;
    struct hf_addr us = address(six, 1), peer = address(six, host);
    hf_key_from_addr(flow.local, by_peer ? &peer : &us);
    hf_key_from_addr(flow.remote, by_peer ? &us : &peer);
    flow.local_port = by_peer ? port : 80;
    flow.remote_port = by_peer ? 80 : port;
    return flow;
}

/* A segment with `text` bytes; from the peer, or our own. */
static void make_segment(struct made *m, bool six, uint8_t host, uint16_t port, bool by_peer,
                         uint32_t text)
{
    struct hf_flow flow = flow_from(six, host, port, by_peer);
    struct hf_segment_head head = {.seq = 100, .flags = HF_ACK, .options.wscale = HF_NO_WSCALE};
    uint32_t ip = six ? 40 : 20;
    memset(m, 0, sizeof *m);
    uint32_t len = hf_tcp_build(m->bytes + ip, &flow, &head) + text;
    hf_ip_build(m->bytes, &flow, HF_PROTO_TCP, 0, 64, 7, 0, len);
    hf_packet_wrap(&m->packet, 0, m->bytes, ip + len);
}

/* An ICMP error of a router that quotes a segment of ours. */
static void make_error(struct made *m, bool six, uint8_t host, uint16_t port, uint8_t type)
{
    struct made quoted;
    struct hf_flow flow = flow_from(six, 200, 0, true);
    struct hf_icmp_head head = {.type = type};
    uint32_t ip = six ? 40 : 20;
    make_segment(&quoted, six, host, port, false, 8);
    struct hf_slice slice = {.data = quoted.bytes, .len = quoted.packet.len};
    memset(m, 0, sizeof *m);
    uint32_t len = hf_icmp_build(m->bytes + ip, &flow, &head, &slice, 1, 0, quoted.packet.len);
    hf_ip_build(m->bytes, &flow, six ? HF_PROTO_ICMPV6 : HF_PROTO_ICMP, 0, 64, 7, 0, len);
    hf_packet_wrap(&m->packet, 0, m->bytes, ip + len);
}

/* A part of a segment of `text` bytes, from octet `at` of the datagram's payload on. */
static void make_fragment(struct made *m, bool six, uint8_t host, uint16_t port, uint32_t id,
                          uint32_t at, uint32_t n, bool more)
{
    struct made whole;
    uint32_t ip = six ? 40 : 20, front = ip + (six ? 8 : 0);
    make_segment(&whole, six, host, port, true, 1000);
    memset(m, 0, sizeof *m);
    memcpy(m->bytes, whole.bytes, ip);
    memcpy(m->bytes + front, whole.bytes + ip + at, n);
    if (six) {
        m->bytes[6] = 44;
        hf_put16(m->bytes + 4, 8 + n);
        m->bytes[40] = HF_PROTO_TCP;
        hf_put16(m->bytes + 42, at | more);
        hf_put32(m->bytes + 44, id);
    } else {
        hf_put16(m->bytes + 2, 20 + n);
        hf_put16(m->bytes + 4, id);
        hf_put16(m->bytes + 6, at / 8 | (more ? 0x2000u : 0));
    }
    hf_packet_wrap(&m->packet, 0, m->bytes, front + n);
}

static struct hf_owner_key a_key(void)
{
    uint8_t seed[16];
    for (int i = 0; i < 16; i++)
        seed[i] = (uint8_t)check_random();
    return hf_owner_key_of(seed);
}

static struct hf_owner owner_of(const struct hf_owner_key *key, unsigned members,
                                const struct made *m)
{
    struct hf_owner owner;
    hf_owner_of(key, members, &m->packet, &owner);
    return owner;
}

/* ---- Whose ---- */

TEST(all_that_concerns_a_flow_has_one_owner, none, "")
{
    static const uint8_t errors[2][4] = {{3, 4, 11, 12}, {1, 2, 3, 4}};
    struct made m;
    for (int times = 0; times < 2000; times++) {
        struct hf_owner_key key = a_key();
        bool six = times % 2;
        unsigned members = 1 + (unsigned)check_random_below(HF_GROUP_MAX);
        uint8_t host = (uint8_t)(2 + check_random_below(100));
        uint16_t port = (uint16_t)(1 + check_random_below(65535));
        struct hf_endpoint us = {address(six, 1), 80}, peer = {address(six, host), port};
        unsigned owner = hf_owner_of_flow(&key, members, &us, &peer);
        assert_true(owner < members);
        make_segment(&m, six, host, port, true, 10);
        struct hf_owner of = owner_of(&key, members, &m);
        assert_int_equal(of.kind, HF_OWNER_FLOW);
        assert_int_equal(of.owner, owner);
        make_error(&m, six, host, port, errors[six][times / 2 % 4]);
        of = owner_of(&key, members, &m);
        assert_int_equal(of.kind, HF_OWNER_FLOW);
        assert_int_equal(of.owner, owner);
        make_fragment(&m, six, host, port, 77, 0, 512, true);
        of = owner_of(&key, members, &m);
        assert_int_equal(of.kind, HF_OWNER_FRAGMENT);
        assert_true(of.has_flow && of.owner < members);
        assert_int_equal(of.of_flow, owner);
        make_fragment(&m, six, host, port, 77, 512, 500, false);
        struct hf_owner next = owner_of(&key, members, &m);
        assert_int_equal(next.kind, HF_OWNER_FRAGMENT);
        assert_false(next.has_flow);
        assert_int_equal(next.owner, of.owner);
        assert_memory_equal(&next.datagram, &of.datagram, sizeof of.datagram);
    }
}

TEST(flows_are_spread_and_nobody_can_choose, none, "")
{
    unsigned count[7] = {0}, same = 0;
    struct hf_owner_key key = a_key(), other = a_key();
    struct made m;
    for (uint32_t port = 1; port <= 7000; port++) {
        make_segment(&m, port % 2, (uint8_t)(2 + port % 50), (uint16_t)port, true, 0);
        unsigned owner = owner_of(&key, 7, &m).owner;
        count[owner]++;
        same += owner == owner_of(&other, 7, &m).owner;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 850, 1150);
    assert_in_range(same, 850, 1150);
}

/* Whatever comes: no reading beyond it, and an owner who is a member. */
TEST(what_cannot_be_read_is_anybodys, none, "")
{
    struct hf_owner_key key = a_key();
    struct made m;
    for (int times = 0; times < 20000; times++) {
        bool six = times % 2;
        switch (times % 3) {
        case 0: make_segment(&m, six, 2, 99, true, 4); break;
        case 1: make_error(&m, six, 2, 99, six ? 1 : 3); break;
        default: make_fragment(&m, six, 2, 99, 5, 0, 256, true); break;
        }
        uint32_t len = (uint32_t)check_random_below(m.packet.len + 1);
        uint8_t *exact = malloc(len ? len : 1);
        assert_non_null(exact);
        memcpy(exact, m.bytes, len);
        for (uint32_t i = 0; len && i < check_random_below(4); i++)
            exact[check_random_below(len)] = (uint8_t)check_random();
        struct hf_packet packet;
        struct hf_owner owner;
        hf_packet_wrap(&packet, 0, exact, len);
        hf_owner_of(&key, 5, &packet, &owner);
        assert_true(owner.owner < 5 && owner.of_flow < 5);
        if (len < 20)
            assert_int_equal(owner.kind, HF_OWNER_ANY);
        free(exact);
    }
}

/* ---- The ring ---- */

#define RING_PACKETS 100000u

struct traffic {
    struct hf_ring *ring;
    uint64_t seed;
};

/* The n-th packet: its length, and every byte, follow from n. */
static uint32_t fill_nth(uint32_t n, uint8_t *bytes)
{
    uint32_t len = 1 + n * 2654435761u % 700;
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(n * 7 + i);
    return len;
}

static void *write_all(void *context)
{
    struct traffic *t = context;
    static uint8_t bytes[800];
    for (uint32_t n = 0; n < RING_PACKETS; n++) {
        struct hf_packet packet;
        uint32_t len = fill_nth(n, bytes);
        hf_packet_wrap(&packet, 0, bytes, len / 2);
        packet.slice[1] = (struct hf_slice){.data = bytes + len / 2, .len = len - len / 2};
        packet.slices = 2;
        packet.len = len;
        packet.segments = (uint16_t)(1 + n % 40);
        packet.segment_bytes = (uint16_t)n;
        packet.checksum = (uint8_t)(n % 3);
        packet.checksum_start = 20;
        packet.checksum_offset = 16;
        while (!hf_ring_put(t->ring, &packet, n % 5 == 0))
            sched_yield();
    }
    return NULL;
}

TEST(a_ring_between_two_threads, none, "")
{
    static uint8_t wanted[800];
    struct traffic t = {.ring = hf_ring_new(8192)};
    pthread_t writer;
    assert_non_null(t.ring);
    assert_int_equal(pthread_create(&writer, NULL, write_all, &t), 0);
    for (uint32_t n = 0; n < RING_PACKETS;) {
        struct hf_packet packets[16];
        bool marks[16];
        size_t got = hf_ring_take(t.ring, packets, marks, 1 + n % 16);
        if (got == 0)
            sched_yield();
        for (size_t i = 0; i < got; i++, n++) {
            const struct hf_packet *p = &packets[i];
            uint32_t len = fill_nth(n, wanted);
            assert_int_equal(p->len, len);
            assert_int_equal(p->slices, 1);
            assert_memory_equal(p->slice[0].data, wanted, len);
            assert_int_equal(p->segments, 1 + n % 40);
            assert_int_equal(p->segment_bytes, (uint16_t)n);
            assert_int_equal(p->checksum, n % 3);
            assert_int_equal(p->checksum_start, 20);
            assert_int_equal(p->checksum_offset, 16);
            assert_int_equal(marks[i], n % 5 == 0);
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    hf_ring_free(t.ring);
}

TEST(a_full_ring_takes_no_more, none, "")
{
    static uint8_t bytes[5000];
    struct hf_ring *ring = hf_ring_new(4096);
    struct hf_packet packet, got[64];
    bool marks[64];
    hf_packet_wrap(&packet, 0, bytes, 5000);
    assert_false(hf_ring_put(ring, &packet, false)); /* never */
    hf_packet_wrap(&packet, 0, bytes, 0);
    assert_false(hf_ring_put(ring, &packet, false));
    hf_packet_wrap(&packet, 0, bytes, 500);
    unsigned n = 0;
    while (hf_ring_put(ring, &packet, false))
        n++;
    assert_in_range(n, 5, 8);
    assert_int_equal(hf_ring_take(ring, got, marks, 64), n);
    assert_false(hf_ring_put(ring, &packet, false)); /* they still lie there */
    assert_int_equal(hf_ring_take(ring, got, marks, 64), 0);
    assert_true(hf_ring_put(ring, &packet, false));
    hf_ring_free(ring);
}

/* ---- The group ---- */

#define MEMBERS 3u

/* Members on this one thread, without stacks: what each would give to its own. */
struct office {
    struct hf_group *group;
    struct hf_host *host[MEMBERS];
    struct hf_link *pair[MEMBERS][2];
    struct hf_stack *stack[MEMBERS];
    struct hf_virtual_clock *clock;
};

static void open_office(struct office *o)
{
    uint8_t seed[16] = {1};
    o->clock = hf_virtual_clock_create(0);
    o->group = hf_group_create(MEMBERS, seed);
    assert_non_null(o->group);
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct hf_host_ops ops;
        struct hf_host_config host = {.size = sizeof host, .ops = &ops};
        struct hf_stack_config stack;
        struct hf_addr addr[2] = {address(false, 1), address(true, 1)};
        assert_int_equal(hf_virtual_clock_join(o->clock, &ops), 0);
        o->host[i] = hf_host_create(&host, NULL);
        hf_stack_config_init(&stack);
        stack.allocator = hf_host_allocator();
        memcpy(stack.seed, seed, sizeof seed);
        o->stack[i] = hf_stack_create(&stack, NULL);
        assert_non_null(o->stack[i]);
        assert_int_equal(hf_group_join(o->group, i, o->host[i]), HF_ERR_STATE);
        assert_int_equal(hf_host_attach(o->host[i], o->stack[i]), 0);
        assert_int_equal(hf_link_pair(1500, 256, o->pair[i]), 0);
        assert_int_equal(hf_host_add_link(o->host[i], o->pair[i][0], 0), 1);
        assert_int_equal(hf_stack_add_address(o->stack[i], 1, &addr[0], 24), 0);
        assert_int_equal(hf_stack_add_address(o->stack[i], 1, &addr[1], 64), 0);
        assert_int_equal(hf_group_join(o->group, i, o->host[i]), 0);
    }
    assert_int_equal(hf_group_join(o->group, 0, o->host[1]), HF_ERR_EXISTS);
    assert_int_equal(hf_group_join(o->group, MEMBERS, o->host[0]), HF_ERR_ARGUMENT);
}

static void close_office(struct office *o)
{
    hf_group_destroy(o->group);
    for (unsigned i = 0; i < MEMBERS; i++) {
        hf_host_destroy(o->host[i]);
        hf_stack_destroy(o->stack[i]);
        hf_link_close(o->pair[i][0]);
        hf_link_close(o->pair[i][1]);
    }
    hf_virtual_clock_destroy(o->clock);
}

static void turn_all(struct office *o)
{
    for (int times = 0; times < 3; times++)
        for (unsigned i = 0; i < MEMBERS; i++)
            assert_int_equal(hf_host_step(o->host[i], 0), 0);
}

static void bring(struct office *o, unsigned queue, const struct made *m)
{
    assert_int_equal(hf_link_send(o->pair[queue][1], &m->packet, 1), 1);
}

static struct hf_stack_counters counters_of(const struct office *o, unsigned i)
{
    struct hf_stack_counters counters;
    hf_stack_counters(o->stack[i], &counters);
    return counters;
}

TEST(a_packet_reaches_its_owner_whatever_queue_brought_it, none, "")
{
    struct office o;
    struct made m;
    unsigned wanted[MEMBERS] = {0};
    open_office(&o);
    for (uint16_t port = 1; port <= 300; port++) {
        struct hf_endpoint us = {address(port % 2, 1), 80}, peer = {address(port % 2, 9), port};
        make_segment(&m, port % 2, 9, port, true, 100);
        wanted[hf_group_owner(o.group, &us, &peer)]++;
        bring(&o, port % MEMBERS, &m);
        turn_all(&o);
    }
    uint64_t handed = 0, taken = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct hf_group_counters c;
        assert_int_equal(counters_of(&o, i).packets_in, wanted[i]);
        assert_true(wanted[i] > 50);
        hf_group_count(o.group, i, &c);
        assert_int_equal(c.received, 100);
        assert_int_equal(c.own + c.taken, wanted[i]);
        assert_int_equal(c.lost, 0);
        handed += c.handed_over;
        taken += c.taken;
    }
    assert_int_equal(handed, taken);
    close_office(&o);
}

/* All parts of a datagram reach the owner of its flow, in whatever order and by whatever queue. */
TEST(fragments_reach_the_owner_of_their_flow, none, "")
{
    static const struct {
        uint32_t at, n;
        bool more;
    } part[3] = {{0, 400, true}, {400, 400, true}, {800, 220, false}};
    static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {2, 0, 1}};
    struct office o;
    struct made m;
    open_office(&o);
    for (uint16_t port = 1; port <= 96; port++) {
        bool six = port % 2;
        struct hf_endpoint us = {address(six, 1), 80}, peer = {address(six, 9), port};
        unsigned owner = hf_group_owner(o.group, &us, &peer);
        uint64_t before[MEMBERS];
        for (unsigned i = 0; i < MEMBERS; i++)
            before[i] = counters_of(&o, i).packets_in;
        for (int i = 0; i < 3; i++) {
            int k = orders[port / 2 % 4][i];
            make_fragment(&m, six, 9, port, port * 1000u, part[k].at, part[k].n, part[k].more);
            bring(&o, (port + (unsigned)i) % MEMBERS, &m);
            turn_all(&o);
        }
        for (unsigned i = 0; i < MEMBERS; i++)
            assert_int_equal(counters_of(&o, i).packets_in - before[i], i == owner ? 3 : 0);
    }
    /* Parts whose first never comes wait, and make room for others. */
    for (uint32_t id = 0; id < 100; id++) {
        make_fragment(&m, false, 9, 5, 50000 + id, 400, 400, true);
        bring(&o, 0, &m);
        turn_all(&o);
    }
    uint64_t lost = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct hf_group_counters c;
        hf_group_count(o.group, i, &c);
        lost += c.lost;
    }
    assert_in_range(lost, 50, 100);
    close_office(&o);
}

TEST(groups_of_no_size, none, "")
{
    uint8_t seed[16] = {0};
    assert_null(hf_group_create(0, seed));
    assert_null(hf_group_create(HF_GROUP_MAX + 1, seed));
    hf_group_destroy(NULL);
}

/* ---- Threads ---- */

struct busy {
    struct hf_group *group;
    struct hf_host *host[4];
    struct hf_stack *stack[4];
    struct hf_link *pair[4][2];
    atomic_uint arrived;
};

#define EACH 2000u

/* A member brings packets of all flows on its own queue and steps until all have arrived somewhere. */
static void run_busy(void *context, unsigned number)
{
    struct busy *b = context;
    struct made m;
    struct hf_group_counters c;
    uint64_t seen = 0, brought = 0;
    for (int times = 0; times < 1000000 && atomic_load(&b->arrived) < 4 * EACH; times++) {
        for (int i = 0; i < 8 && brought < EACH; i++, brought++) {
            make_segment(&m, brought % 2, (uint8_t)(9 + number), (uint16_t)(1 + brought), true, 50);
            (void)hf_link_send(b->pair[number][1], &m.packet, 1);
        }
        (void)hf_host_step(b->host[number], HF_MS);
        hf_group_count(b->group, number, &c);
        uint64_t now = c.own + c.taken + c.lost;
        atomic_fetch_add(&b->arrived, (unsigned)(now - seen));
        seen = now;
    }
}

TEST(members_on_threads_of_their_own, none, "")
{
    static struct busy b;
    uint8_t seed[16] = {7};
    memset(&b, 0, sizeof b);
    b.group = hf_group_create(4, seed);
    for (unsigned i = 0; i < 4; i++) {
        struct hf_host_config host = {.size = sizeof host};
        struct hf_stack_config stack;
        struct hf_addr addr[2] = {address(false, 1), address(true, 1)};
        b.host[i] = hf_host_create(&host, NULL);
        hf_stack_config_init(&stack);
        stack.allocator = hf_host_allocator();
        stack.now = hf_host_now(b.host[i]);
        memcpy(stack.seed, seed, sizeof seed);
        b.stack[i] = hf_stack_create(&stack, NULL);
        assert_int_equal(hf_host_attach(b.host[i], b.stack[i]), 0);
        assert_int_equal(hf_link_pair(1500, 4096, b.pair[i]), 0);
        assert_int_equal(hf_host_add_link(b.host[i], b.pair[i][0], 0), 1);
        assert_int_equal(hf_stack_add_address(b.stack[i], 1, &addr[0], 24), 0);
        assert_int_equal(hf_stack_add_address(b.stack[i], 1, &addr[1], 64), 0);
        assert_int_equal(hf_group_join(b.group, i, b.host[i]), 0);
    }
    assert_int_equal(hf_group_run(b.group, run_busy, &b), 0);
    uint64_t taken = 0, handed = 0, lost = 0, in = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct hf_group_counters c;
        struct hf_stack_counters s;
        hf_group_count(b.group, i, &c);
        hf_stack_counters(b.stack[i], &s);
        assert_int_equal(c.received, EACH);
        assert_int_equal(s.packets_in, c.own + c.taken);
        taken += c.taken;
        handed += c.handed_over;
        lost += c.lost;
        in += s.packets_in;
    }
    assert_int_equal(handed, taken);
    assert_int_equal(in + lost, 4 * EACH);
    assert_true(lost < EACH);
    assert_in_range(taken, 4 * EACH / 2, 4 * EACH);
    hf_group_destroy(b.group);
    for (unsigned i = 0; i < 4; i++) {
        hf_host_destroy(b.host[i]);
        hf_stack_destroy(b.stack[i]);
        hf_link_close(b.pair[i][0]);
        hf_link_close(b.pair[i][1]);
    }
}
