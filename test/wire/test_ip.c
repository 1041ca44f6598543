/* src/wire/ip.c: IPv4 and IPv6 headers, lengths, options, extension headers and fragments. */
#include "check.h"

#include <string.h>

#include "base/checksum.h"
#include "guard.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ip.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
#define ROOM 4096u

/* The packet that a test is writing. */
static uint8_t packet[ROOM];

static void finish_ipv4(void)
{
    uint32_t header = (packet[0] & 15) * 4u;
    hf_put16(packet + 10, 0);
    hf_put16(packet + 10, hf_checksum_finish(hf_checksum_add(packet, header, 0)));
}

/* An IPv4 packet of ihl words, with zeroes for options and payload. */
static void ipv4(unsigned ihl, unsigned says)
{
    memset(packet, 0, ROOM);
    packet[0] = (uint8_t)(0x40 | ihl);
    hf_put16(packet + 2, says);
    packet[8] = 64;
    packet[9] = HF_PROTO_UDP;
    memcpy(packet + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8);
    finish_ipv4();
}

/* An IPv6 header whose payload, `len` bytes, begins with what `next` names. */
static void ipv6(uint8_t next, uint32_t len)
{
    memset(packet, 0, ROOM);
    packet[0] = 0x60;
    hf_put16(packet + 4, len);
    packet[6] = next;
    packet[7] = 64;
    memcpy(packet + 8, "\x20\x01\x0d\xb8", 4);
    memcpy(packet + 24, "\x20\x01\x0d\xb8", 4);
    packet[23] = 1;
    packet[39] = 2;
}

static enum hf_drop parse(uint32_t len, struct hf_ip_head *head)
{
    memset(head, 0xee, sizeof *head);
    return hf_ip_parse(guard_put(packet, len), len, len, head);
}

/* ---- Build, and parse again ---- */

static void random_flow(struct hf_flow *flow, bool v4)
{
    for (int i = 0; i < 16; i++) {
        flow->local[i] = (uint8_t)(check_random() | (i == 0));
        flow->remote[i] = (uint8_t)(check_random() | (i == 0));
    }
    if (v4) {
        hf_key_from_ipv4(flow->local, flow->local);
        hf_key_from_ipv4(flow->remote, flow->remote);
    }
}

TEST(built_and_read_again, none, "")
{
    for (int round = 0; round < 5000; round++) {
        bool v4 = round & 1;
        struct hf_flow flow;
        random_flow(&flow, v4);
        uint8_t protocol = v4 || round & 2 ? HF_PROTO_TCP : HF_PROTO_ICMPV6;
        uint8_t tos = (uint8_t)check_random(), ttl = (uint8_t)check_random();
        uint32_t payload = (uint32_t)check_random_below(1400), label = (uint32_t)check_random();
        uint16_t id = (uint16_t)check_random();
        uint32_t header = hf_ip_build(packet, &flow, protocol, tos, ttl, id, label, payload);
        assert_int_equal(header, v4 ? 20 : 40);
        assert_int_equal(header, hf_flow_ip_header(&flow));

        struct hf_ip_head head;
        assert_int_equal(parse(header + payload, &head), HF_DROP_NONE);
        assert_int_equal(head.family, v4 ? HF_IPV4 : HF_IPV6);
        assert_int_equal(head.protocol, protocol);
        assert_int_equal(head.tos, tos);
        assert_int_equal(head.ttl, ttl);
        assert_memory_equal(head.src, flow.local, 16);
        assert_memory_equal(head.dst, flow.remote, 16);
        assert_int_equal(head.header, header);
        assert_int_equal(head.total, header + payload);
        assert_false(head.fragment || head.more || head.offset);
        assert_int_equal(head.dont_fragment, v4);
        if (v4)
            assert_int_equal(head.id, id);
        else
            assert_int_equal(hf_get32(packet) & 0xfffff, label & 0xfffff);
    }
}

TEST(only_versions_four_and_six, none, "A4")
{
    struct hf_ip_head head;
    assert_int_equal(parse(0, &head), HF_DROP_IP_SHORT);
    for (unsigned version = 0; version < 16; version++) {
        ipv4(5, 40);
        packet[0] = (uint8_t)(version << 4 | 5);
        finish_ipv4();
        enum hf_drop drop = parse(40, &head);
        if (version != 4 && version != 6)
            assert_int_equal(drop, HF_DROP_IP_VERSION);
    }
}

/* ---- Lengths ---- */

TEST(ipv4_lengths_against_each_other, none, "A4")
{
    for (unsigned ihl = 0; ihl < 16; ihl++)
        for (uint32_t frame = 0; frame <= 68; frame++)
            for (uint32_t says = 0; says <= 72; says++) {
                struct hf_ip_head head;
                ipv4(ihl, says);
                memset(packet + 20, 1, 40); /* options: all NOP */
                finish_ipv4();
                enum hf_drop drop = parse(frame, &head);
                uint32_t header = ihl * 4;
                if (ihl < 5 || header > frame || says < header || says > frame) {
                    assert_int_not_equal(drop, HF_DROP_NONE);
                } else {
                    assert_int_equal(drop, HF_DROP_NONE);
                    assert_int_equal(head.header, header);
                    assert_int_equal(head.total, says); /* the rest is padding */
                }
            }
}

TEST(ipv6_lengths_against_each_other, none, "A4")
{
    for (uint32_t frame = 0; frame <= 120; frame++)
        for (uint32_t payload = 0; payload <= 90; payload++) {
            struct hf_ip_head head;
            ipv6(HF_PROTO_UDP, payload);
            enum hf_drop drop = parse(frame, &head);
            if (frame < 40 || 40 + payload > frame) {
                assert_int_equal(frame ? drop : HF_DROP_IP_SHORT, HF_DROP_IP_SHORT);
            } else {
                assert_int_equal(drop, HF_DROP_NONE);
                assert_int_equal(head.total, 40 + payload);
            }
        }
}

TEST(total_may_lie_in_several_pieces, none, "A4")
{
    struct hf_ip_head head;
    ipv4(5, 1500);
    assert_int_equal(hf_ip_parse(guard_put(packet, 40), 40, 1500, &head), HF_DROP_NONE);
    assert_int_equal(head.total, 1500);
    assert_int_equal(hf_ip_parse(guard_put(packet, 40), 40, 1499, &head), HF_DROP_IP_SHORT);
    ipv6(HF_PROTO_TCP, 1460);
    assert_int_equal(hf_ip_parse(guard_put(packet, 60), 60, 1500, &head), HF_DROP_NONE);
    assert_int_equal(hf_ip_parse(guard_put(packet, 60), 60, 1499, &head), HF_DROP_IP_SHORT);
}

TEST(ipv4_header_checksum, none, "")
{
    struct hf_ip_head head;
    for (unsigned bit = 0; bit < 160; bit++) {
        ipv4(5, 60);
        packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(parse(60, &head), HF_DROP_NONE);
    }
    ipv4(5, 60);
    packet[8] ^= 1;
    assert_int_equal(parse(60, &head), HF_DROP_IP_CHECKSUM);
}

/* ---- IPv4 options ---- */

TEST(ipv4_options, none, "")
{
    /* clang-format off */
    static const struct {
        uint8_t bytes[12];
        enum hf_drop drop;
    } row[] = {
        {{0}, HF_DROP_NONE},
        {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, HF_DROP_NONE},
        {{7, 11, 4}, HF_DROP_NONE},                          /* record route                 */
        {{68, 12, 5}, HF_DROP_NONE},                         /* timestamp                    */
        {{148, 4, 0, 0, 200, 8}, HF_DROP_NONE},              /* router alert; unknown        */
        {{0, 131, 3, 4}, HF_DROP_NONE},                      /* behind the end               */
        {{131, 7, 4, 10, 0, 0, 1}, HF_DROP_IP_OPTIONS},      /* loose source route           */
        {{1, 137, 7, 4, 10, 0, 0, 1}, HF_DROP_IP_OPTIONS},   /* strict source route          */
        {{7, 0}, HF_DROP_IP_OPTIONS},
        {{7, 1}, HF_DROP_IP_OPTIONS},
        {{7, 13, 4}, HF_DROP_IP_OPTIONS},
        {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7}, HF_DROP_IP_OPTIONS},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_ip_head head;
        ipv4(8, 40);
        memcpy(packet + 20, row[i].bytes, 12);
        finish_ipv4();
        assert_int_equal(parse(40, &head), row[i].drop);
    }
}

TEST(ipv4_options_of_every_kind_and_length, none, "")
{
    for (unsigned type = 0; type < 256; type++)
        for (unsigned len = 0; len <= 44; len++)
            for (unsigned at = 0; at < 40; at += 3) {
                struct hf_ip_head head;
                ipv4(15, 60);
                memset(packet + 20, 1, 40);
                packet[20 + at] = (uint8_t)type;
                if (at < 39)
                    packet[21 + at] = (uint8_t)len;
                finish_ipv4();
                bool bad = type > 1 &&
                           (type == 131 || type == 137 || at == 39 || len < 2 || at + len > 40);
                bool reads_len = type == 1 && at < 39; /* then `len` is a type of its own     */
                enum hf_drop drop = parse(60, &head);
                if (!reads_len)
                    assert_int_equal(drop, bad ? HF_DROP_IP_OPTIONS : HF_DROP_NONE);
            }
}

/* ---- IPv6 extension headers ---- */

/* What a packet with these bytes behind the IPv6 header comes to. */
struct chain_row {
    const char *what;
    uint8_t next;
    uint32_t len;
    uint8_t bytes[56];
    enum hf_drop drop;
    uint8_t protocol;
    uint32_t header;     /* when it is taken                                                   */
    uint32_t problem_at; /* when it is not                                                     */
    uint8_t problem_code;
};

/* clang-format off */
static const struct chain_row chain_rows[] = {
    {"none", 6, 20, {0}, HF_DROP_NONE, 6, 40, 0, 0},
    {"nothing follows", 59, 0, {0}, HF_DROP_NONE, 59, 40, 0, 0},
    {"hop-by-hop", 0, 28, {6, 0, 1, 4}, HF_DROP_NONE, 6, 48, 0, 0},
    {"router alert", 0, 28, {6, 0, 5, 2, 0, 0, 1, 0}, HF_DROP_NONE, 6, 48, 0, 0},
    {"six Pad1", 60, 28, {6}, HF_DROP_NONE, 6, 48, 0, 0},
    {"hop-by-hop, destination", 0, 36, {60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4}, HF_DROP_NONE, 6,
     56, 0, 0},
    {"hop-by-hop second", 60, 36, {0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4}, HF_DROP_IP_EXTENSIONS,
     0, 0, 40, HF_ICMP6_BAD_NEXT_HEADER},
    {"cut short", 60, 7, {6, 0, 1, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 0, 0},
    {"longer than the packet", 60, 28, {6, 3, 1, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 0, 0},
    {"PadN past the end", 60, 28, {6, 0, 1, 5}, HF_DROP_IP_EXTENSIONS, 0, 0, 0, 0},
    {"option without length", 60, 28, {6, 0, 1, 3, 0, 0, 0, 5}, HF_DROP_IP_EXTENSIONS, 0, 0, 0,
     0},
    {"unknown, skip", 60, 28, {6, 0, 0x1e, 4}, HF_DROP_NONE, 6, 48, 0, 0},
    {"unknown, discard", 60, 28, {6, 0, 0x5e, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 0, 0},
    {"unknown, tell", 60, 28, {6, 0, 0, 0x9e, 3}, HF_DROP_IP_EXTENSIONS, 0, 0, 43,
     HF_ICMP6_BAD_OPTION},
    {"unknown, tell unless multicast", 60, 28, {6, 0, 0xde, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 42,
     HF_ICMP6_BAD_OPTION},
    {"jumbogram", 0, 28, {6, 0, 0xc2, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 42, HF_ICMP6_BAD_OPTION},
    {"routing, over", 43, 28, {6, 0, 3, 0}, HF_DROP_NONE, 6, 48, 0, 0},
    {"routing, type 0, over", 43, 44, {6, 2, 0, 0}, HF_DROP_NONE, 6, 64, 0, 0},
    {"routing, type 0", 43, 44, {6, 2, 0, 1}, HF_DROP_IP_EXTENSIONS, 0, 0, 42,
     HF_ICMP6_BAD_FIELD},
    {"routing, unknown", 43, 28, {6, 0, 200, 2}, HF_DROP_IP_EXTENSIONS, 0, 0, 42,
     HF_ICMP6_BAD_FIELD},
    {"authentication", 51, 44, {6, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 6, HF_ICMP6_BAD_NEXT_HEADER},
    {"encrypted", 60, 44, {50, 0, 1, 4}, HF_DROP_IP_EXTENSIONS, 0, 0, 40,
     HF_ICMP6_BAD_NEXT_HEADER},
    {"unknown protocol", 60, 28, {222, 0, 1, 4}, HF_DROP_NONE, 222, 48, 0, 0},
    {"atomic fragment", 44, 28, {6, 0, 0, 0, 1, 2, 3, 4}, HF_DROP_NONE, 6, 48, 0, 0},
    {"two fragment headers", 44, 36, {44, 0, 0, 0, 1, 2, 3, 4, 6}, HF_DROP_IP_EXTENSIONS, 0, 0, 0,
     0},
};
/* clang-format on */

TEST(ipv6_extension_headers, none, "A9")
{
    for (size_t i = 0; i < ARRAY_LEN(chain_rows); i++) {
        const struct chain_row *row = &chain_rows[i];
        struct hf_ip_head head;
        ipv6(row->next, row->len);
        memcpy(packet + 40, row->bytes, sizeof row->bytes);
        enum hf_drop drop = parse(40 + row->len, &head);
        if (drop != row->drop)
            fail_msg("%s: %d, not %d", row->what, (int)drop, (int)row->drop);
        if (drop == HF_DROP_NONE) {
            assert_int_equal(head.protocol, row->protocol);
            assert_int_equal(head.header, row->header);
            assert_false(head.fragment);
        } else if (head.problem_at != row->problem_at || head.problem_code != row->problem_code) {
            fail_msg("%s: problem %u at %u", row->what, head.problem_code, head.problem_at);
        }
    }
}

TEST(unknown_option_to_a_multicast_address, none, "A9")
{
    struct hf_ip_head head;
    ipv6(HF_PROTO_DESTINATION, 28);
    memcpy(packet + 40, "\x06\x00\xde\x04", 4);
    packet[24] = 0xff;
    assert_int_equal(parse(68, &head), HF_DROP_IP_EXTENSIONS);
    assert_int_equal(head.problem_at, 0);
    packet[42] = 0x9e;
    assert_int_equal(parse(68, &head), HF_DROP_IP_EXTENSIONS);
    assert_int_equal(head.problem_at, 42);
}

TEST(no_more_than_eight_headers, none, "A9")
{
    for (uint32_t headers = 0; headers <= 64; headers++) {
        struct hf_ip_head head;
        uint32_t len = headers * 8 + 20;
        ipv6(headers ? HF_PROTO_DESTINATION : HF_PROTO_TCP, len);
        for (uint32_t i = 0; i < headers; i++) {
            uint8_t *h = packet + 40 + 8 * i;
            h[0] = i + 1 < headers ? HF_PROTO_DESTINATION : HF_PROTO_TCP;
            h[2] = 1;
            h[3] = 4;
        }
        enum hf_drop drop = parse(40 + len, &head);
        assert_int_equal(drop, headers <= 8 ? HF_DROP_NONE : HF_DROP_IP_EXTENSIONS);
        if (drop == HF_DROP_NONE) {
            assert_int_equal(head.header, 40 + 8 * headers);
            assert_int_equal(packet[head.next_at], HF_PROTO_TCP);
            assert_int_equal(head.next_at, headers ? 40 + 8 * (headers - 1) : 6);
        }
    }
}

TEST(no_more_than_64_options, none, "A9")
{
    /* A header of 8 n bytes with 8 n - 2 Pad1 options; a second one beside it. */
    for (unsigned n = 1; n <= 12; n++)
        for (unsigned m = 1; m <= 3; m++) {
            struct hf_ip_head head;
            ipv6(HF_PROTO_HOP_BY_HOP, 8 * (n + m) + 20);
            packet[40] = HF_PROTO_DESTINATION;
            packet[41] = (uint8_t)(n - 1);
            packet[40 + 8 * n] = HF_PROTO_TCP;
            packet[41 + 8 * n] = (uint8_t)(m - 1);
            unsigned options = 8 * (n + m) - 4;
            assert_int_equal(parse(40 + 8 * (n + m) + 20, &head),
                             options <= 64 ? HF_DROP_NONE : HF_DROP_IP_EXTENSIONS);
        }
}

TEST(no_more_than_64_options_exactly, none, "A9")
{
    /* One PadN of `pad` bytes, then Pad1 up to the header's end. */
    for (unsigned pad = 2; pad <= 70; pad++) {
        struct hf_ip_head head;
        ipv6(HF_PROTO_DESTINATION, 72 + 20);
        packet[40] = HF_PROTO_TCP;
        packet[41] = 8;
        packet[42] = 1;
        packet[43] = (uint8_t)(pad - 2);
        assert_int_equal(parse(40 + 72 + 20, &head),
                         1 + 70 - pad <= 64 ? HF_DROP_NONE : HF_DROP_IP_EXTENSIONS);
    }
}

TEST(every_header_length_in_packets_of_every_size, none, "A9")
{
    static const uint8_t kinds[] = {HF_PROTO_HOP_BY_HOP, HF_PROTO_DESTINATION, HF_PROTO_ROUTING};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (unsigned words = 0; words < 256; words++)
            for (uint32_t len = 0; len <= 2100; len += len < 40 ? 1 : 97) {
                struct hf_ip_head head;
                ipv6(kinds[k], len);
                packet[40] = HF_PROTO_UDP;
                packet[41] = (uint8_t)words;
                for (uint32_t at = 42; at < 40 + 8 * (words + 1u); at += 2 + packet[at + 1]) {
                    uint32_t left = 40 + 8 * (words + 1u) - at - 2;
                    packet[at] = kinds[k] == HF_PROTO_ROUTING ? 0 : 1;
                    packet[at + 1] = (uint8_t)(left > 200 ? 200 : left);
                }
                if (kinds[k] == HF_PROTO_ROUTING)
                    packet[43] = 0;
                enum hf_drop drop = parse(40 + len, &head);
                bool fits = len >= 8 * (words + 1u);
                assert_int_equal(drop, fits ? HF_DROP_NONE : HF_DROP_IP_EXTENSIONS);
            }
}

TEST(random_bytes_behind_an_ipv6_header, none, "A9 A2")
{
    static const uint8_t kinds[] = {0, 6, 17, 43, 44, 44, 60, 60, 58, 59};
    for (int round = 0; round < 200000; round++) {
        uint32_t len = (uint32_t)check_random_below(120);
        struct hf_ip_head head;
        ipv6(kinds[check_random_below(ARRAY_LEN(kinds))], len);
        for (uint32_t i = 0; i < len; i++)
            packet[40 + i] = check_random_below(3) ? kinds[check_random_below(ARRAY_LEN(kinds))]
                                                   : (uint8_t)check_random_below(8);
        if (parse(40 + len, &head) != HF_DROP_NONE)
            continue;
        assert_in_range(head.header, 40, 40 + len);
        assert_int_equal(head.total, 40 + len);
        assert_int_equal(packet[head.next_at], head.fragment ? HF_PROTO_FRAGMENT : head.protocol);
        if (head.fragment) {
            assert_int_equal(head.header, head.fragment_at + 8);
            assert_int_equal(head.protocol, packet[head.fragment_at]);
            assert_true(head.more || head.offset);
        }
    }
}

TEST(addresses_mapped_from_ipv4_are_dropped, none, "B16")
{
    struct hf_ip_head head;
    for (unsigned at = 8; at <= 24; at += 16) {
        ipv6(HF_PROTO_TCP, 20);
        memset(packet + at, 0, 10);
        memcpy(packet + at + 10, "\xff\xff\xc0\x00\x02\x01", 6);
        assert_int_equal(parse(60, &head), HF_DROP_IP_SOURCE);
    }
}

/* ---- Fragments ---- */

TEST(ipv4_fragments, none, "C18")
{
    static const struct {
        uint32_t cut, payload;
        uint8_t protocol;
        enum hf_drop drop;
    } row[] = {
        {0x2000, 24, 6, HF_DROP_NONE},
        {0x2000, 24, 17, HF_DROP_NONE},
        {0x2000, 8, 17, HF_DROP_NONE},
        {0x2000, 23, 17, HF_DROP_FRAGMENT_BAD}, /* no multiple of eight                     */
        {0x2000, 28, 17, HF_DROP_FRAGMENT_BAD},
        {0x2000, 0, 17, HF_DROP_FRAGMENT_BAD},
        {0x2000, 16, 6, HF_DROP_FRAGMENT_BAD}, /* within the TCP header                    */
        {0x0001, 24, 6, HF_DROP_FRAGMENT_BAD},
        {0x0002, 24, 6, HF_DROP_FRAGMENT_BAD},
        {0x0003, 23, 6, HF_DROP_NONE},
        {0x0001, 24, 17, HF_DROP_NONE},
        {0x3fff, 8, 17, HF_DROP_FRAGMENT_BAD}, /* ends at 65,528 + 8                       */
        {0x1fff, 7, 17, HF_DROP_NONE},         /* at 65,535                                */
        {0x1fff, 8, 17, HF_DROP_FRAGMENT_BAD},
        {0x4000, 0, 17, HF_DROP_NONE}, /* DF alone is no fragment                  */
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_ip_head head;
        ipv4(5, 20 + row[i].payload);
        packet[9] = row[i].protocol;
        hf_put16(packet + 4, 0xbeef);
        hf_put16(packet + 6, row[i].cut);
        packet[32] = 5 << 4;
        finish_ipv4();
        assert_int_equal(parse(20 + row[i].payload, &head), row[i].drop);
        assert_int_equal(head.offset, (row[i].cut & 0x1fff) * 8);
        assert_int_equal(head.more, (row[i].cut & 0x2000) != 0);
        assert_int_equal(head.fragment, (row[i].cut & 0x3fff) != 0);
        assert_int_equal(head.id, 0xbeef);
    }
}

TEST(first_fragment_holds_the_whole_tcp_header, none, "C18 A9")
{
    for (unsigned offset = 5; offset < 16; offset++)
        for (uint32_t payload = 8; payload <= 64; payload += 8) {
            struct hf_ip_head head;
            enum hf_drop want = payload < offset * 4 ? HF_DROP_FRAGMENT_BAD : HF_DROP_NONE;
            ipv4(5, 20 + payload);
            packet[9] = HF_PROTO_TCP;
            hf_put16(packet + 6, 0x2000);
            packet[32] = (uint8_t)(offset << 4);
            finish_ipv4();
            assert_int_equal(parse(20 + payload, &head), want);

            ipv6(HF_PROTO_FRAGMENT, 8 + payload);
            packet[40] = HF_PROTO_TCP;
            packet[43] = 1;
            packet[60] = (uint8_t)(offset << 4);
            assert_int_equal(parse(48 + payload, &head), want);
        }
}

TEST(ipv6_fragments, none, "C18 A9")
{
    static const struct {
        const char *what;
        uint32_t payload;
        uint8_t next;
        uint16_t cut;
        enum hf_drop drop;
        uint32_t problem_at;
    } row[] = {
        {"first", 24, 6, 1, HF_DROP_NONE, 0},
        {"second", 24, 6, 24 | 1, HF_DROP_NONE, 0},
        {"last", 5, 6, 24, HF_DROP_NONE, 0},
        {"reserved bits", 5, 6, 24 | 6, HF_DROP_NONE, 0},
        {"odd", 23, 17, 1, HF_DROP_FRAGMENT_BAD, 4},
        {"half of eight", 28, 17, 1, HF_DROP_FRAGMENT_BAD, 4},
        {"empty", 0, 17, 1, HF_DROP_FRAGMENT_BAD, 0},
        {"too far", 16, 17, 0xfff8, HF_DROP_FRAGMENT_BAD, 42},
        {"farthest", 7, 17, 0xfff8, HF_DROP_NONE, 0},
        {"within the TCP header", 24, 6, 8, HF_DROP_FRAGMENT_BAD, 0},
        {"chain cut", 24, 60, 1, HF_DROP_IP_EXTENSIONS, 0},
        {"later, of a chain", 24, 60, 24, HF_DROP_NONE, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_ip_head head;
        ipv6(HF_PROTO_FRAGMENT, 8 + row[i].payload);
        packet[40] = row[i].next;
        hf_put16(packet + 42, row[i].cut);
        hf_put32(packet + 44, 0xdeadbeef);
        memset(packet + 48, 5 << 4, 24);
        enum hf_drop drop = parse(48 + row[i].payload, &head);
        if (drop != row[i].drop || (drop != HF_DROP_NONE && head.problem_at != row[i].problem_at))
            fail_msg("%s: %d, problem at %u", row[i].what, (int)drop, head.problem_at);
        assert_int_equal(head.fragment_at, 40);
        assert_int_equal(head.next_at, 6);
        assert_int_equal(head.header, 48);
        assert_int_equal(head.protocol, row[i].next);
        assert_int_equal(head.offset, row[i].cut & 0xfff8);
        assert_int_equal(head.more, row[i].cut & 1);
        assert_int_equal(head.id, 0xdeadbeef);
    }
}
