/* src/wire/ethernet.c and src/wire/discovery.c: frames, ARP, and messages of neighbour discovery. */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#include "guard.h"
#include "wire/bytes.h"
#include "wire/discovery.h"
#include "wire/ethernet.h"

static const uint8_t us[6] = {2, 0, 0, 0, 0, 1}, peer[6] = {2, 0, 0, 0, 0, 9};

/* ---- Frames ---- */

TEST(frames, none, "")
{
    uint8_t bytes[20] = {0};
    struct hf_frame_head head;
    hf_frame_build(bytes, us, peer, HF_TYPE_IPV6);
    for (uint32_t len = 0; len < 20; len++)
        assert_int_equal(hf_frame_parse(guard_put(bytes, len), len, &head),
                         len < 14 ? HF_DROP_FRAME_SHORT : HF_DROP_NONE);
    assert_memory_equal(head.to, us, 6);
    assert_memory_equal(head.from, peer, 6);
    assert_int_equal(head.type, HF_TYPE_IPV6);
}

TEST(types_of_frames, none, "")
{
    for (uint32_t type = 0; type < 0x10000; type++) {
        uint8_t bytes[14];
        struct hf_frame_head head;
        enum hf_drop wanted = HF_DROP_FRAME_TYPE;
        if (type == 0x0800 || type == 0x0806 || type == 0x86dd)
            wanted = HF_DROP_NONE;
        if (type == 0x8100 || type == 0x88a8 || type == 0x9100)
            wanted = HF_DROP_FRAME_VLAN;
        hf_frame_build(bytes, us, peer, (uint16_t)type);
        assert_int_equal(hf_frame_parse(bytes, sizeof bytes, &head), wanted);
    }
}

TEST(sources_that_no_station_has, none, "")
{
    static const uint8_t bad[][6] = {{0},
                                     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                     {0x33, 0x33, 0, 0, 0, 1},
                                     {1, 0, 0x5e, 0, 0, 1}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t bytes[14];
        struct hf_frame_head head;
        assert_false(hf_mac_is_station(bad[i]));
        hf_frame_build(bytes, us, bad[i], HF_TYPE_IPV4);
        assert_int_equal(hf_frame_parse(bytes, sizeof bytes, &head), HF_DROP_FRAME_ADDRESS);
    }
    assert_true(hf_mac_is_station(us));
}

/* ---- ARP ---- */

/* Who has 10.0.0.1? Tell 10.0.0.9: byte by byte. */
static const uint8_t request[28] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 9,
                                    10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};

TEST(arp_request, none, "")
{
    struct hf_arp arp;
    uint8_t again[28];
    for (uint32_t len = 0; len <= 28; len++)
        assert_int_equal(hf_arp_parse(guard_put(request, len), len, &arp),
                         len < 28 ? HF_DROP_ARP : HF_DROP_NONE);
    assert_int_equal(arp.operation, HF_ARP_REQUEST);
    assert_memory_equal(arp.sender_mac, peer, 6);
    static const uint8_t sender[16] = {[10] = 0xff, 0xff, 10, 0, 0, 9};
    static const uint8_t target[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
    assert_memory_equal(arp.sender, sender, 16);
    assert_memory_equal(arp.target, target, 16);
    hf_arp_build(again, &arp);
    assert_memory_equal(again, request, 28);
}

/* Each field that must be as it is, off by every bit. */
TEST(arp_of_another_kind, none, "")
{
    for (unsigned at = 0; at < 8; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t bytes[28];
            struct hf_arp arp;
            memcpy(bytes, request, 28);
            bytes[at] ^= (uint8_t)(1u << bit);
            bool reply = at == 7 && bytes[7] == 2;
            assert_int_equal(hf_arp_parse(bytes, 28, &arp), reply ? HF_DROP_NONE : HF_DROP_ARP);
        }
    }
    uint8_t bytes[28];
    struct hf_arp arp;
    memcpy(bytes, request, 28);
    bytes[8] |= 1; /* a group as the sender's station */
    assert_int_equal(hf_arp_parse(bytes, 28, &arp), HF_DROP_ARP);
    memset(bytes + 8, 0, 6);
    assert_int_equal(hf_arp_parse(bytes, 28, &arp), HF_DROP_ARP);
}

/* ---- Neighbour discovery ---- */

static const uint8_t ours[16] = {0xfe, 0x80, [15] = 1}, other[16] = {0xfe, 0x80, [15] = 9};

static void fix_checksum(uint8_t *ip, uint32_t len)
{
    uint64_t sum = 58 + len - 40;
    hf_put16(ip + 42, 0);
    for (uint32_t i = 8; i < len; i++)
        sum += i % 2 ? ip[i] : (uint64_t)ip[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    hf_put16(ip + 42, (uint32_t)~sum);
}

static enum hf_drop parse(const uint8_t *ip, uint32_t len, struct hf_discovery *m)
{
    struct hf_ip_head head;
    memset(m, 0xee, sizeof *m);
    return hf_discovery_parse(guard_put(ip, len), len, &head, m);
}

static uint32_t solicit(uint8_t *ip, const uint8_t from[16])
{
    struct hf_discovery m = {.type = HF_ICMP6_NEIGHBOUR_SOLICIT, .has_mac = true};
    uint8_t group[16];
    memcpy(m.target, ours, 16);
    memcpy(m.mac, peer, 6);
    hf_solicited_node(group, ours);
    return hf_discovery_build(ip, from, group, &m);
}

static uint32_t advert(uint8_t *ip, const uint8_t to[16], uint8_t flags)
{
    struct hf_discovery m = {.type = HF_ICMP6_NEIGHBOUR_ADVERT, .has_mac = true, .flags = flags};
    memcpy(m.target, other, 16);
    memcpy(m.mac, peer, 6);
    return hf_discovery_build(ip, other, to, &m);
}

TEST(solicitation, none, "")
{
    uint8_t ip[72];
    static const uint8_t group[16] = {0xff, 2, [11] = 1, 0xff, 0, 0, 1};
    struct hf_discovery m;
    assert_int_equal(solicit(ip, other), 72);
    assert_true(hf_is_discovery(ip, 72));
    assert_int_equal(ip[7], 255);
    assert_memory_equal(ip + 24, group, 16);
    uint16_t said = hf_get16(ip + 42);
    fix_checksum(ip, 72);
    assert_int_equal(hf_get16(ip + 42), said);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_NONE);
    assert_int_equal(m.type, HF_ICMP6_NEIGHBOUR_SOLICIT);
    assert_true(m.has_mac);
    assert_memory_equal(m.mac, peer, 6);
    assert_memory_equal(m.target, ours, 16);
}

/* RFC 4861 7.1.1, 7.1.2: one hop limit alone tells that no router has seen it. */
TEST(hop_limits_other_than_255, none, "B17")
{
    for (unsigned hops = 0; hops < 256; hops++) {
        uint8_t ip[72];
        struct hf_discovery m;
        for (uint8_t type = 133; type <= 137; type++) {
            uint32_t len = solicit(ip, other);
            ip[40] = type;
            if (type == HF_ICMP6_NEIGHBOUR_ADVERT)
                len = advert(ip, ours, HF_ADVERT_SOLICITED);
            ip[7] = (uint8_t)hops;
            fix_checksum(ip, len);
            assert_int_equal(parse(ip, len, &m),
                             hops == 255 ? HF_DROP_NONE : HF_DROP_DISCOVERY_HOPS);
        }
    }
}

TEST(messages_that_are_cut_or_spoilt, none, "B17")
{
    uint8_t ip[80];
    struct hf_discovery m;
    for (uint32_t len = 41; len < 72; len++) { /* cut anywhere, and the header tells so */
        (void)solicit(ip, other);
        hf_put16(ip + 4, len - 40);
        fix_checksum(ip, len);
        enum hf_drop reason = parse(ip, len, &m);
        if (len == 64) /* without an option */
            assert_int_equal(reason, HF_DROP_NONE);
        else
            assert_int_not_equal(reason, HF_DROP_NONE);
    }
    for (uint32_t bit = 0; bit < 8 * 72; bit++) { /* the checksum, or what is checked, tells */
        (void)solicit(ip, other);
        ip[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bool untold = bit / 8 == 1 || bit / 8 == 2 || bit / 8 == 3 || (bit / 8 == 0 && bit < 4);
        if (hf_is_discovery(ip, 72) && !untold)
            assert_int_not_equal(parse(ip, 72, &m), HF_DROP_NONE);
    }
    (void)solicit(ip, other);
    ip[41] = 1; /* code */
    fix_checksum(ip, 72);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
    (void)solicit(ip, other);
    ip[65] = 0; /* an option of no length */
    fix_checksum(ip, 72);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
    (void)solicit(ip, other);
    ip[65] = 2; /* one that is longer than the message */
    fix_checksum(ip, 72);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
    (void)solicit(ip, other);
    ip[66] |= 1; /* a group's address */
    fix_checksum(ip, 72);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
    (void)solicit(ip, other);
    ip[48] = 0xff; /* asks for a group */
    fix_checksum(ip, 72);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
    (void)advert(ip, ours, HF_ADVERT_SOLICITED);
    ip[24] = 0xff; /* an answer to a question, to all */
    fix_checksum(ip, 72);
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
}

TEST(solicitation_without_an_address, none, "B17")
{
    static const uint8_t any[16];
    uint8_t ip[72];
    struct hf_discovery m;
    (void)solicit(ip, any); /* with the option: nobody without an address has a station to tell */
    assert_int_equal(parse(ip, 72, &m), HF_DROP_DISCOVERY);
    hf_put16(ip + 4, 24);
    fix_checksum(ip, 64);
    assert_int_equal(parse(ip, 64, &m), HF_DROP_NONE);
    assert_false(m.has_mac);
    memcpy(ip + 24, ours, 16); /* not to the group */
    fix_checksum(ip, 64);
    assert_int_equal(parse(ip, 64, &m), HF_DROP_DISCOVERY);
}

TEST(random_messages, none, "B17")
{
    for (int i = 0; i < 20000; i++) {
        uint8_t ip[120];
        struct hf_discovery m;
        struct hf_ip_head head;
        uint32_t len = 41 + (uint32_t)check_random_below(sizeof ip - 40);
        for (uint32_t k = 0; k < len; k++)
            ip[k] = (uint8_t)check_random();
        if (i % 2)
            (void)solicit(ip, other);
        for (uint64_t n = check_random_below(4); n > 0; n--)
            ip[40 + check_random_below(len - 40)] = (uint8_t)check_random();
        hf_put16(ip + 4, len - 40);
        fix_checksum(ip, len);
        const uint8_t *at = guard_put(ip, len);
        if (hf_is_discovery(at, len) && hf_discovery_parse(at, len, &head, &m) == HF_DROP_NONE &&
            m.has_mac)
            assert_true(hf_mac_is_station(m.mac));
    }
}
