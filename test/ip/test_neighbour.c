/* Neighbours on an Ethernet link: what is believed, what is asked, who keeps a place. Frames are
 * written by hand. Link 1 is an Ethernet with 10.1.0.2/24, fd01::2/64 and fe80::2. */
#include "env.h"

#include <stdlib.h>

#include "ip/neighbour.h"
#include "wire/discovery.h"

enum { MAX = 64 }; /* entries of the table: 16 unresolved, 16 heard, 32 known */

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static struct bytes b;

static void up(struct world *w)
{
    world_up_bare(w);
    w->settings.neighbours_max = MAX;
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500, .kind = HF_LINK_ETHERNET};
    assert_int_equal(hf_ip_add_link(&w->ip, &link), HF_ERR_ARGUMENT); /* no address */
    memcpy(link.mac, our_mac, 6);
    assert_int_equal(hf_neighbours_start(&w->env, &w->ip), 0);
    assert_int_equal(hf_ip_add_link(&w->ip, &link), 1);
    static const char *const ours[] = {"10.1.0.2", "fd01::2", "fe80::2"};
    for (int i = 0; i < 3; i++) {
        struct hf_addr a = addr(ours[i]);
        assert_int_equal(hf_ip_add_address(&w->ip, 1, &a, i ? 64 : 24), 0);
    }
}

static void check(struct world *w)
{
    const char *fault = hf_neighbours_check(&w->env, &w->ip);
    if (fault)
        fail_msg("%s", fault);
}

static struct hf_neighbour *find(struct world *w, const char *text)
{
    uint32_t index;
    return hf_neighbour_find(w->ip.neighbours, 1, key(text), &index);
}

static int state(struct world *w, const char *text)
{
    const struct hf_neighbour *n = find(w, text);
    return n ? n->state : 0;
}

/* ---- Frames in ---- */

static bool frame_in(struct world *w, const uint8_t to[6], const uint8_t from[6], uint16_t type,
                     const uint8_t *body, uint32_t len)
{
    uint8_t *bytes = malloc(14 + len); /* so that a read past the end shows */
    struct hf_packet frame, inner;
    assert_non_null(bytes);
    memcpy(bytes, to, 6);
    memcpy(bytes + 6, from, 6);
    bytes[12] = (uint8_t)(type >> 8);
    bytes[13] = (uint8_t)type;
    if (len)
        memcpy(bytes + 14, body, len);
    hf_packet_wrap(&frame, 1, bytes, 14 + len);
    bool datagram = hf_ethernet_input(&w->env, &w->ip, 1, &frame, &inner);
    free(bytes);
    check(w);
    return datagram;
}

static void arp_in(struct world *w, uint16_t operation, const uint8_t sender_mac[6],
                   const char *sender, const char *target)
{
    uint8_t body[28];
    struct hf_arp arp = {.operation = operation};
    memcpy(arp.sender_mac, sender_mac, 6);
    memcpy(arp.sender, key(sender), 16);
    memcpy(arp.target, key(target), 16);
    hf_arp_build(body, &arp);
    assert_false(frame_in(w, operation == HF_ARP_REQUEST ? broadcast : our_mac, sender_mac,
                          0x0806, body, sizeof body));
}

/* A message of type NS (or RS, RA, redirect with the same body) or NA. */
struct said {
    uint8_t type, hops, flags;
    const char *from, *to, *target;
    const uint8_t *mac; /* NULL: no option                                                    */
};

static void discovery_in(struct world *w, const struct said *s)
{
    uint8_t text[24] = {0}, icmp[40];
    memcpy(text, key(s->target), 16);
    text[16] = s->type == HF_ICMP6_NEIGHBOUR_SOLICIT ? 1 : 2;
    text[17] = 1;
    if (s->mac)
        memcpy(text + 18, s->mac, 6);
    uint32_t n = write_icmp(icmp, s->from, s->to, s->type, 0, (uint32_t)s->flags << 24, text,
                            s->mac ? 24 : 16);
    WRITE_IP(&b, icmp, n, .src = s->from, .dst = s->to, .protocol = 58, .ttl = s->hops);
    uint8_t group[6] = {0x33, 0x33};
    memcpy(group + 2, key(s->to) + 12, 4);
    bool multicast = key(s->to)[0] == 0xff;
    assert_false(frame_in(w, multicast ? group : our_mac, mac_a, 0x86dd, b.data, b.len));
}
#define AFAR(...) discovery_in(&w, &(struct said){__VA_ARGS__})
#define SAY(...) discovery_in(&w, &(struct said){.hops = 255, __VA_ARGS__})

/* ---- Datagrams out ---- */

static bool send_to(struct world *w, const char *to, bool own, uint32_t text,
                    struct hf_packet *packet)
{
    struct hf_flow flow = {.local_port = 0};
    memcpy(flow.remote, key(to), 16);
    memcpy(flow.local, key(strchr(to, ':') ? "fd01::2" : "10.1.0.2"), 16);
    memset(packet, 0, sizeof *packet);
    packet->slice[0] = (struct hf_slice){packet->head + 56, 20, 0};
    static uint8_t bytes[65536];
    bytes[0] = (uint8_t)text;
    packet->slice[1] = (struct hf_slice){bytes, text, 0};
    packet->slices = text ? 2 : 1;
    packet->segments = 1;
    packet->len = 20 + text;
    write_tcp(packet->head + 56, 1, 2, text, 0);
    put_address(w, packet, &flow, 0, 64);
    bool leaves = hf_ethernet_output(&w->env, &w->ip, 1, packet, own);
    check(w);
    return leaves;
}

static bool send_one(struct world *w, const char *to, bool own)
{
    struct hf_packet packet;
    return send_to(w, to, own, 0, &packet);
}

/* The next frame that we send must be of this type and to this station. */
static void frame_out(struct world *w, const uint8_t to[6], uint16_t type)
{
    assert_true(take_reply(w, 1, &b));
    assert_memory_equal(b.data, to, 6);
    assert_memory_equal(b.data + 6, our_mac, 6);
    assert_int_equal(get16(b.data + 12), type);
}

static void drain(struct world *w)
{
    while (take_reply(w, 1, &b))
        continue;
}

static void later(struct world *w, hf_time by)
{
    struct hf_ip_error error;
    w->env.now += by;
    hf_ip_timers(&w->env, &w->ip);
    while (hf_ip_next_error(&w->env, &w->ip, &error))
        continue;
    check(w);
}

static void number(char text[40], const char *format, unsigned n)
{
    (void)snprintf(text, 40, format, n >> 8 & 0xff, n & 0xff);
}

/* ---- ARP ---- */

TEST(arp_asks_and_answers, none, "")
{
    struct world w;
    up(&w);
    assert_false(send_one(&w, "10.1.0.9", true));
    frame_out(&w, broadcast, 0x0806);
    assert_int_equal(b.len, 42);
    assert_int_equal(get16(b.data + 20), HF_ARP_REQUEST);
    assert_memory_equal(b.data + 28, key("10.1.0.2") + 12, 4);
    assert_memory_equal(b.data + 38, key("10.1.0.9") + 12, 4);
    no_reply(&w);
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_REACHABLE);
    frame_out(&w, mac_a, 0x0800); /* what had waited */
    no_reply(&w);
    struct hf_packet packet;
    assert_true(send_to(&w, "10.1.0.9", true, 100, &packet));
    assert_int_equal(packet.len, 14 + 20 + 20 + 100);
    assert_memory_equal(packet.slice[0].data, mac_a, 6);

    arp_in(&w, HF_ARP_REQUEST, mac_b, "10.1.0.7", "10.1.0.2");
    assert_int_equal(state(&w, "10.1.0.7"), HF_NEIGHBOUR_STALE);
    frame_out(&w, mac_b, 0x0806);
    assert_int_equal(get16(b.data + 20), HF_ARP_REPLY);
    assert_memory_equal(b.data + 22, our_mac, 6);
    assert_memory_equal(b.data + 32, mac_b, 6);
    world_down(&w);
}

/* RFC 826: what is not for us changes what is known, and makes nothing. */
TEST(arp_that_nobody_asked_for, none, "B17")
{
    struct world w;
    up(&w);
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.9");   /* gratuitous */
    arp_in(&w, HF_ARP_REQUEST, mac_a, "10.1.0.9", "10.1.0.9"); /* the same as a request */
    arp_in(&w, HF_ARP_REQUEST, mac_a, "10.1.0.9", "10.1.0.3");
    arp_in(&w, HF_ARP_REQUEST, mac_a, "10.9.0.9", "10.1.0.2"); /* not of this network */
    arp_in(&w, HF_ARP_REQUEST, mac_a, "10.1.0.2", "10.1.0.2"); /* our own */
    arp_in(&w, HF_ARP_REQUEST, mac_a, "10.1.0.255", "10.1.0.2");
    arp_in(&w, HF_ARP_REQUEST, mac_a, "224.0.0.1", "10.1.0.2");
    assert_int_equal(w.env.counters.neighbours, 0);
    no_reply(&w);
    assert_int_equal(drops(&w, HF_DROP_ARP), 4);
    arp_in(&w, HF_ARP_REQUEST, mac_a, "0.0.0.0", "10.1.0.2"); /* a probe is answered (RFC 5227) */
    frame_out(&w, mac_a, 0x0806);
    assert_int_equal(w.env.counters.neighbours, 0);

    assert_false(send_one(&w, "10.1.0.9", true));
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    drain(&w);
    arp_in(&w, HF_ARP_REPLY, mac_b, "10.1.0.9", "10.1.0.9"); /* moved, it says: not so sure */
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_STALE);
    assert_memory_equal(find(&w, "10.1.0.9")->mac, mac_b, 6);
    assert_true(send_one(&w, "10.1.0.9", true));
    no_reply(&w);
    later(&w, 5 * HF_SEC);
    frame_out(&w, mac_b, 0x0806); /* it is asked itself */
    assert_int_equal(w.env.counters.neighbours, 1);
    world_down(&w);
}

/* ---- Neighbour discovery ---- */

TEST(discovery_asks_and_answers, none, "")
{
    struct world w;
    up(&w);
    static const uint8_t group[6] = {0x33, 0x33, 0xff, 0, 0, 9};
    assert_false(send_one(&w, "fd01::9", true));
    frame_out(&w, group, 0x86dd);
    assert_memory_equal(b.data + 14 + 8, key("fd01::2"), 16);
    assert_memory_equal(b.data + 14 + 24, key("ff02::1:ff00:9"), 16);
    assert_memory_equal(b.data + 14 + 48, key("fd01::9"), 16);
    SAY(.type = HF_ICMP6_NEIGHBOUR_ADVERT, .from = "fd01::9", .to = "fd01::2",
        .target = "fd01::9", .mac = mac_a, .flags = HF_ADVERT_SOLICITED | HF_ADVERT_OVERRIDE);
    assert_int_equal(state(&w, "fd01::9"), HF_NEIGHBOUR_REACHABLE);
    frame_out(&w, mac_a, 0x86dd);

    SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = "fe80::7", .to = "ff02::1:ff00:2",
        .target = "fe80::2", .mac = mac_b);
    assert_int_equal(state(&w, "fe80::7"), HF_NEIGHBOUR_STALE);
    frame_out(&w, mac_b, 0x86dd);
    assert_memory_equal(b.data + 14 + 8, key("fe80::2"), 16);
    assert_memory_equal(b.data + 14 + 24, key("fe80::7"), 16);
    assert_int_equal(b.data[14 + 44], HF_ADVERT_SOLICITED | HF_ADVERT_OVERRIDE);
    assert_memory_equal(b.data + 14 + 66, our_mac, 6);

    /* A poll of us alone, without its address: answered to where it came from. */
    SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = "fd01::5", .to = "fd01::2",
        .target = "fd01::2");
    frame_out(&w, mac_a, 0x86dd);
    assert_int_equal(state(&w, "fd01::5"), 0);
    /* Somebody tries whether our address is free: all hear that it is not. */
    static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};
    SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = "::", .to = "ff02::1:ff00:2",
        .target = "fd01::2");
    frame_out(&w, all, 0x86dd);
    assert_int_equal(b.data[14 + 44], HF_ADVERT_OVERRIDE);
    assert_memory_equal(b.data + 14 + 24, key("ff02::1"), 16);
    no_reply(&w);
    assert_int_equal(all_drops(&w), 0);
    world_down(&w);
}

/* RFC 4861 7.2.5 and appendix C: an advertisement, in every state. */
TEST(advertisements_in_every_state, none, "B17")
{
    enum { NONE, INC, REA = 3, STA, DEL, PRO };
    for (int was = 0; was <= PRO; was++) {
        if (was == HF_NEIGHBOUR_FAILED)
            continue;
        for (unsigned bits = 0; bits < 16; bits++) {
            struct world w;
            up(&w);
            bool solicited = bits & 1, override = bits & 2, with = bits & 4, other = bits & 8;
            if (was != NONE)
                (void)send_one(&w, "fd01::9", true);
            if (was >= REA)
                SAY(.type = HF_ICMP6_NEIGHBOUR_ADVERT, .from = "fd01::9", .to = "fd01::2",
                    .target = "fd01::9", .mac = mac_a, .flags = HF_ADVERT_SOLICITED);
            if (was >= STA)
                later(&w, 50 * HF_SEC);
            if (was == STA)
                hf_neighbour_enter(&w.env, w.ip.neighbours,
                                   w.ip.neighbours->group[HF_KNOWN].first, HF_NEIGHBOUR_STALE);
            if (was >= DEL)
                assert_true(send_one(&w, "fd01::9", true));
            if (was == PRO)
                later(&w, 5 * HF_SEC);
            drain(&w);
            assert_int_equal(state(&w, "fd01::9"), was);
            SAY(.type = HF_ICMP6_NEIGHBOUR_ADVERT, .from = "fd01::9", .to = "fd01::2",
                .target = "fd01::9",
                .mac = !with   ? NULL
                       : other ? mac_b
                               : mac_a,
                .flags = (uint8_t)((solicited ? HF_ADVERT_SOLICITED : 0) |
                                   (override ? HF_ADVERT_OVERRIDE : 0)));
            bool differs = with && other;
            int wanted = was;
            const uint8_t *mac = mac_a;
            if (was == NONE || (was == INC && !with)) {
                wanted = was;
            } else if (was == INC) {
                wanted = solicited ? REA : STA;
                mac = other ? mac_b : mac_a;
            } else if (differs && !override) {
                wanted = was == REA ? STA : was;
            } else {
                wanted = solicited ? REA : differs ? STA : was;
                mac = differs ? mac_b : mac_a;
            }
            assert_int_equal(state(&w, "fd01::9"), wanted);
            if (wanted >= REA)
                assert_memory_equal(find(&w, "fd01::9")->mac, mac, 6);
            world_down(&w);
        }
    }
}

/* ---- B17: what comes from afar ---- */

/* What the table holds, but for counts of time. */
static uint64_t digest(struct world *w)
{
    uint64_t sum = 17;
    struct hf_neighbours *nb = w->ip.neighbours;
    for (unsigned g = 0; g < HF_NEIGHBOUR_GROUPS; g++) {
        for (uint32_t i = nb->group[g].first; i; i = hf_neighbour_at(nb, i)->place[0].next) {
            const struct hf_neighbour *n = hf_neighbour_at(nb, i);
            for (unsigned k = 0; k < 16; k++)
                sum = sum * 31 + n->key[k];
            for (unsigned k = 0; k < 6; k++)
                sum = sum * 31 + n->mac[k];
            sum = sum * 31 + n->state;
            sum = sum * 31 + n->waiting;
            sum = sum * 31 + (uint64_t)n->reachable_until;
        }
    }
    return sum;
}

TEST(nothing_from_beyond_a_router_changes_the_table, none, "B17")
{
    struct world w;
    up(&w);
    (void)send_one(&w, "fd01::9", true);
    SAY(.type = HF_ICMP6_NEIGHBOUR_ADVERT, .from = "fd01::9", .to = "fd01::2",
        .target = "fd01::9", .mac = mac_a, .flags = HF_ADVERT_SOLICITED);
    (void)send_one(&w, "fd01::8", true); /* this one is awaited */
    drain(&w);
    uint64_t before = digest(&w);
    uint8_t routes = w.ip.routes;
    for (unsigned hops = 0; hops < 255; hops++) {
        for (uint8_t type = 133; type <= 137; type++) {
            for (unsigned from = 0; from < 3; from++) {
                static const char *const sources[] = {"fd01::9", "2001:db8::66", "fe80::66"};
                static const char *const targets[] = {"fd01::9", "fd01::8", "fd01::2"};
                for (unsigned target = 0; target < 3; target++)
                    AFAR(.type = type, .from = sources[from], .to = "fd01::2",
                         .hops = (uint8_t)hops, .target = targets[target], .mac = mac_b,
                         .flags = 0xff);
                AFAR(.type = type, .from = sources[from], .to = "ff02::1", .hops = (uint8_t)hops,
                     .target = "fd01::9", .mac = mac_b, .flags = HF_ADVERT_OVERRIDE);
            }
        }
    }
    assert_int_equal(digest(&w), before);
    assert_int_equal(w.ip.routes, routes);
    assert_int_equal(w.env.counters.neighbours, 2);
    assert_int_equal(drops(&w, HF_DROP_DISCOVERY_HOPS) + drops(&w, HF_DROP_IP_HEADER),
                     255 * 5 * 3 * 4);
    no_reply(&w);
    world_down(&w);
}

/* With a hop limit of 255 they come from this link; routers and redirects still have nothing to say. */
TEST(routers_and_redirects_change_nothing, none, "B17")
{
    struct world w;
    up(&w);
    (void)send_one(&w, "fd01::9", true);
    drain(&w);
    uint64_t before = digest(&w);
    uint8_t routes = w.ip.routes;
    static const uint8_t types[] = {HF_ICMP6_ROUTER_SOLICIT, HF_ICMP6_ROUTER_ADVERT,
                                    HF_ICMP6_REDIRECT};
    for (unsigned i = 0; i < 3; i++) {
        SAY(.type = types[i], .from = "fe80::66", .to = "fd01::2", .target = "fd01::9",
            .mac = mac_b);
        SAY(.type = types[i], .from = "2001:db8::1", .to = "ff02::1", .target = "fd01::9",
            .mac = mac_b);
    }
    assert_int_equal(drops(&w, HF_DROP_DISCOVERY_UNUSED), 6);
    /* Nor does who claims what is ours, or comes from where no neighbour is. */
    SAY(.type = HF_ICMP6_NEIGHBOUR_ADVERT, .from = "fd01::2", .to = "ff02::1",
        .target = "fd01::2", .mac = mac_b, .flags = HF_ADVERT_OVERRIDE);
    SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = "2001:db8::1", .to = "ff02::1:ff00:2",
        .target = "fd01::2", .mac = mac_b);
    SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = "fd01::2", .to = "ff02::1:ff00:2",
        .target = "fd01::2", .mac = mac_b);
    assert_int_equal(drops(&w, HF_DROP_DISCOVERY), 3);
    SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = "fd01::7", .to = "ff02::1:ff00:3",
        .target = "fd01::3", .mac = mac_b); /* somebody else is asked for */
    assert_int_equal(digest(&w), before);
    assert_int_equal(w.ip.routes, routes);
    no_reply(&w);
    world_down(&w);
}

/* ---- Frames that are not for us ---- */

TEST(frames_for_others, none, "")
{
    struct world w;
    up(&w);
    static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
    uint8_t tcp[20];
    uint32_t n = write_tcp(tcp, 1, 2, 3, 2);
    WRITE_IP(&b, tcp, n, .src = "10.1.0.9", .dst = "10.1.0.2", .protocol = 6);
    assert_true(frame_in(&w, our_mac, mac_a, 0x0800, b.data, b.len));
    assert_false(frame_in(&w, mac_b, mac_a, 0x0800, b.data, b.len));
    assert_false(frame_in(&w, broadcast, mac_a, 0x0800, b.data, b.len));
    assert_false(frame_in(&w, group, mac_a, 0x86dd, b.data, b.len));
    assert_int_equal(drops(&w, HF_DROP_FRAME_ADDRESS), 3);
    assert_false(frame_in(&w, our_mac, mac_a, 0x8100, b.data, b.len));
    assert_int_equal(drops(&w, HF_DROP_FRAME_VLAN), 1);
    assert_false(frame_in(&w, our_mac, mac_a, 60, b.data, b.len));
    assert_int_equal(drops(&w, HF_DROP_FRAME_TYPE), 1);
    struct hf_packet frame, inner;
    hf_packet_wrap(&frame, 1, tcp, 13);
    assert_false(hf_ethernet_input(&w.env, &w.ip, 1, &frame, &inner));
    assert_int_equal(drops(&w, HF_DROP_FRAME_SHORT), 1);
    world_down(&w);
}

/* ---- Packets that wait ---- */

TEST(three_wait_and_the_oldest_goes, none, "C19")
{
    struct world w;
    up(&w);
    struct hf_packet packet;
    for (uint32_t i = 1; i <= 10; i++)
        assert_false(send_to(&w, "10.1.0.9", true, i, &packet));
    assert_int_equal(find(&w, "10.1.0.9")->waiting, 3);
    assert_int_equal(drops(&w, HF_DROP_NEIGHBOUR_QUEUE), 7);
    frame_out(&w, broadcast, 0x0806); /* one question */
    no_reply(&w);
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    for (uint32_t i = 8; i <= 10; i++) {
        frame_out(&w, mac_a, 0x0800);
        assert_int_equal(b.len, 14 + 40 + i);
        assert_int_equal(get32(b.data + 14 + 24), i);
    }
    no_reply(&w);
    world_down(&w);
}

/* A run of segments with an open checksum waits as it is. */
TEST(what_waits_keeps_what_it_says, none, "")
{
    struct world w;
    up(&w);
    struct hf_packet packet, frame;
    struct hf_flow flow = {.local_port = 0};
    memcpy(flow.remote, key("10.1.0.9"), 16);
    memcpy(flow.local, key("10.1.0.2"), 16);
    static const uint8_t text[5000];
    memset(&packet, 0, sizeof packet);
    packet.slice[0] = (struct hf_slice){packet.head + 56, 20, 0};
    packet.slice[1] = (struct hf_slice){text, sizeof text, 0};
    packet.slices = 2;
    packet.len = 20 + sizeof text;
    packet.segments = 5;
    packet.segment_bytes = 1000;
    packet.checksum = HF_CHECKSUM_PARTIAL;
    packet.checksum_offset = 16;
    write_tcp(packet.head + 56, 1, 2, 7, 0);
    put_address(&w, &packet, &flow, 0, 64);
    assert_false(hf_ethernet_output(&w.env, &w.ip, 1, &packet, true));
    drain(&w);
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    struct hf_reply *r = &w.env.replies[1].ring[w.env.replies[1].first];
    assert_int_equal(r->kind, HF_REPLY_FRAME);
    hf_ethernet_frame(&w.env, 1, r->chunk, &frame);
    assert_int_equal(frame.len, 14 + 40 + sizeof text);
    assert_int_equal(frame.segments, 5);
    assert_int_equal(frame.segment_bytes, 1000);
    assert_int_equal(frame.checksum, HF_CHECKSUM_PARTIAL);
    assert_int_equal(frame.checksum_start, 34);
    assert_int_equal(frame.checksum_offset, 16);
    drain(&w);
    world_down(&w);
}

TEST(who_does_not_answer_is_given_up, none, "C19")
{
    struct world w;
    up(&w);
    assert_false(send_one(&w, "10.1.0.9", true));
    assert_false(send_one(&w, "fd01::9", true));
    for (int second = 0; second < 3; second++) {
        unsigned asked = 0;
        while (take_reply(&w, 1, &b))
            asked++;
        assert_int_equal(asked, 2);
        assert_int_equal(hf_ip_deadline(&w.ip), w.env.now + HF_SEC);
        if (second < 2)
            later(&w, HF_SEC);
    }
    w.env.now += HF_SEC;
    hf_ip_timers(&w.env, &w.ip);
    struct hf_ip_error error;
    unsigned errors = 0;
    for (; hf_ip_next_error(&w.env, &w.ip, &error); errors++) {
        bool four = hf_flow_is_ipv4(&error.flow);
        assert_int_equal(error.kind, HF_ICMP_SOFT);
        assert_int_equal(error.type, four ? 3 : 1);
        assert_int_equal(error.code, four ? 1 : 3);
        assert_memory_equal(error.flow.remote, key(four ? "10.1.0.9" : "fd01::9"), 16);
        assert_int_equal(error.link, 1);
    }
    assert_int_equal(errors, 2);
    check(&w);
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_FAILED);
    assert_false(send_one(&w, "10.1.0.9", true)); /* not asked again yet, and nothing is kept */
    no_reply(&w);
    assert_int_equal(drops(&w, HF_DROP_NEIGHBOUR_SILENT), 3);
    later(&w, HF_SEC);
    assert_int_equal(w.env.counters.neighbours, 0);
    assert_false(send_one(&w, "10.1.0.9", true)); /* now it is */
    frame_out(&w, broadcast, 0x0806);
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_REACHABLE);
    drain(&w);
    world_down(&w);
}

/* It answers late: after it was given up, but before it was forgotten. */
TEST(a_late_answer_counts, none, "")
{
    struct world w;
    up(&w);
    assert_false(send_one(&w, "10.1.0.9", true));
    w.env.now += HF_SEC;
    for (int i = 0; i < 3; i++, w.env.now += HF_SEC)
        hf_ip_timers(&w.env, &w.ip);
    w.env.now -= HF_SEC;
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_FAILED);
    drain(&w);
    arp_in(&w, HF_ARP_REQUEST, mac_a, "10.1.0.9", "10.1.0.2");
    struct hf_ip_error error;
    assert_false(hf_ip_next_error(&w.env, &w.ip, &error)); /* there is nothing to tell any more */
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_STALE);
    frame_out(&w, mac_a, 0x0800);
    frame_out(&w, mac_a, 0x0806);
    world_down(&w);
}

/* ---- Who keeps a place ---- */

TEST(a_flood_of_unknown_addresses_has_its_own_places, none, "C19")
{
    struct world w;
    up(&w);
    char text[40];
    assert_false(send_one(&w, "10.1.0.9", true));
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    arp_in(&w, HF_ARP_REQUEST, mac_b, "10.1.0.7", "10.1.0.2");
    drain(&w);
    for (unsigned n = 0; n < 1000; n++) {
        number(text, "fd01::%x:%x", 0x100 + n);
        assert_false(send_one(&w, text, false));
        assert_true(w.ip.neighbours->group[HF_UNRESOLVED].count <= MAX / 8);
        drain(&w);
    }
    assert_int_equal(drops(&w, HF_DROP_NEIGHBOUR_LIMIT), 1000 - MAX / 8);
    /* Our own connections still have places, up to a quarter of all. */
    for (unsigned n = 0; n < 100; n++) {
        number(text, "fd01::1:%x:%x", 0x100 + n);
        assert_false(send_one(&w, text, true));
        assert_true(w.ip.neighbours->group[HF_UNRESOLVED].count <= MAX / 4);
    }
    assert_int_equal(drops(&w, HF_DROP_NEIGHBOUR_LIMIT), 1000 - MAX / 8 + 100 - MAX / 8);
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_REACHABLE);
    assert_int_equal(state(&w, "10.1.0.7"), HF_NEIGHBOUR_STALE);
    drain(&w);
    later(&w, HF_SEC);
    later(&w, HF_SEC);
    later(&w, HF_SEC);
    later(&w, HF_SEC);
    assert_int_equal(w.env.counters.neighbours, 2);
    drain(&w);
    world_down(&w);
}

TEST(strangers_who_introduce_themselves_have_theirs, none, "C19")
{
    struct world w;
    up(&w);
    char text[40];
    assert_false(send_one(&w, "10.1.0.9", true));
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    assert_false(send_one(&w, "10.1.0.8", true)); /* still awaited */
    for (unsigned n = 0; n < 1000; n++) {
        number(text, "fd01::%x:%x", 0x100 + n);
        SAY(.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .from = text, .to = "ff02::1:ff00:2",
            .target = "fd01::2", .mac = mac_b);
        assert_true(w.ip.neighbours->group[HF_HEARD].count <= MAX / 4);
        drain(&w);
    }
    assert_int_equal(state(&w, "10.1.0.9"), HF_NEIGHBOUR_REACHABLE);
    assert_int_equal(state(&w, "10.1.0.8"), HF_NEIGHBOUR_INCOMPLETE);
    assert_int_equal(state(&w, text), HF_NEIGHBOUR_STALE); /* the newest is there */
    later(&w, 60 * HF_SEC);                                /* and all are forgotten soon */
    assert_int_equal(w.ip.neighbours->group[HF_HEARD].count, 0);
    drain(&w);
    world_down(&w);
}

/* Neighbours that do answer push each other out, the longest unused first. */
TEST(neighbours_in_use_stay, none, "C19")
{
    struct world w;
    up(&w);
    char text[40];
    assert_false(send_one(&w, "10.1.0.9", true));
    arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
    for (unsigned n = 0; n < 500; n++) {
        number(text, "fd01::%x:%x", 0x100 + n);
        assert_false(send_one(&w, text, true));
        SAY(.type = HF_ICMP6_NEIGHBOUR_ADVERT, .from = text, .to = "fd01::2", .target = text,
            .mac = mac_b, .flags = HF_ADVERT_SOLICITED);
        w.env.now += HF_SEC;
        assert_true(send_one(&w, "10.1.0.9", true));
        drain(&w);
    }
    assert_int_equal(w.ip.neighbours->group[HF_KNOWN].count, MAX / 2);
    assert_non_null(find(&w, "10.1.0.9"));
    assert_non_null(find(&w, text));
    assert_null(find(&w, "fd01::1:0"));
    later(&w, 1200 * HF_SEC);
    assert_int_equal(w.env.counters.neighbours, 0);
    assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
    world_down(&w);
}

TEST(allocations_that_fail, none, "C22")
{
    for (size_t fail_at = 1; fail_at < 40; fail_at++) {
        struct world w;
        up(&w);
        w.fail_at = w.allocations + fail_at;
        struct hf_packet packet;
        for (uint32_t i = 0; i < 5; i++)
            assert_false(send_to(&w, "10.1.0.9", true, 1000 * i, &packet));
        arp_in(&w, HF_ARP_REQUEST, mac_b, "10.1.0.7", "10.1.0.2");
        arp_in(&w, HF_ARP_REPLY, mac_a, "10.1.0.9", "10.1.0.2");
        later(&w, 5 * HF_SEC);
        drain(&w);
        world_down(&w);
    }
}
