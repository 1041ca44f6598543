/* src/wire/icmp.c: ICMP and ICMPv6 messages, and what errors quote. */
#include "check.h"

#include <string.h>

#include "guard.h"
#include "script_wire.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ip.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

/* clang-format off */
static const struct hf_flow flow4 = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2}, 0, 0};
static const struct hf_flow flow6 = {{0x20, 1, 0xd, 0xb8, [15] = 1},
                                     {0x20, 1, 0xd, 0xb8, [15] = 2}, 0, 0};
/* clang-format on */

static enum hf_drop parse_whole(const struct hf_flow *flow, const uint8_t *message, uint32_t len,
                                struct hf_icmp_head *head)
{
    struct hf_slice slice = {guard_put(message, len), len, 0};
    memset(head, 0xee, sizeof *head);
    return hf_icmp_parse(flow->local, flow->remote, &slice, 1, 0, len, head);
}

TEST(known_messages, none, "")
{
    static const uint8_t ping4[] = {8, 0, 0xf0, 0xd5, 0x12, 0x34, 0, 1, 0xf4, 0xf4};
    /* The sum of the pseudo-header and the words, by hand: 0x2001 + 0x0db8 twice, 1, 2, the
     * length 8, 58, 0x8000, 0x1234 and 1. */
    static const uint8_t ping6[] = {128, 0, 0x12, 0x13, 0x12, 0x34, 0, 1};
    struct hf_icmp_head head;
    assert_int_equal(parse_whole(&flow4, ping4, sizeof ping4, &head), HF_DROP_NONE);
    assert_int_equal(head.type, HF_ICMP4_ECHO);
    assert_int_equal(head.code, 0);
    assert_int_equal(head.rest, 0x12340001);
    assert_int_equal(parse_whole(&flow6, ping6, sizeof ping6, &head), HF_DROP_NONE);
    assert_int_equal(head.type, HF_ICMP6_ECHO);
    assert_int_equal(parse_whole(&flow4, ping6, sizeof ping6, &head), HF_DROP_ICMP_CHECKSUM);
}

TEST(shorter_than_a_header, none, "A10")
{
    static const uint8_t bytes[12];
    for (uint32_t len = 0; len < 8; len++) {
        struct hf_icmp_head head;
        assert_int_equal(parse_whole(&flow4, bytes, len, &head), HF_DROP_ICMP_SHORT);
        struct hf_slice piece = {guard_put(bytes, len), len, 0};
        assert_int_equal(hf_icmp_parse(flow4.local, flow4.remote, &piece, 1, 0, 12, &head),
                         HF_DROP_ICMP_SHORT);
    }
    struct hf_icmp_head head;
    assert_int_equal(hf_icmp_parse(flow4.local, flow4.remote, NULL, 0, 0, 8, &head),
                     HF_DROP_ICMP_SHORT);
}

TEST(every_flipped_bit_is_seen, none, "A7")
{
    static const struct hf_flow *const flows[] = {&flow4, &flow6};
    static const uint8_t text[9] = "what came";
    struct hf_slice slice = {text, sizeof text, 0};
    for (size_t f = 0; f < ARRAY_LEN(flows); f++) {
        struct hf_icmp_head head = {HF_ICMP6_ECHO_REPLY, 3, 0x01020304}, out;
        uint8_t message[32];
        uint32_t len = hf_icmp_build(message, flows[f], &head, &slice, 1, 0, sizeof text);
        assert_int_equal(len, 17);
        assert_int_equal(parse_whole(flows[f], message, len, &out), HF_DROP_NONE);
        for (uint32_t bit = 0; bit < len * 8; bit++) {
            message[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(parse_whole(flows[f], message, len, &out), HF_DROP_ICMP_CHECKSUM);
            message[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* Cut `len` bytes into slices of random length, some of them empty, the first of at least `first`
 * bytes. */
static unsigned cut(struct hf_slice *slices, const uint8_t *bytes, uint32_t len, uint32_t first)
{
    unsigned n = 0;
    for (uint32_t at = 0; at < len && n < HF_PACKET_SLICES; n++) {
        uint32_t left = len - at, take = (uint32_t)check_random_below(left + 1);
        if (n == 0 && take < first)
            take = first;
        if (n == HF_PACKET_SLICES - 1)
            take = left;
        slices[n] = (struct hf_slice){bytes + at, take, 0};
        at += take;
    }
    return n;
}

TEST(built_and_read_again_in_slices, none, "")
{
    for (int round = 0; round < 20000; round++) {
        const struct hf_flow *flow = round & 1 ? &flow4 : &flow6;
        uint8_t text[200], message[300];
        uint32_t skip = (uint32_t)check_random_below(40), len = (uint32_t)check_random_below(160);
        for (uint32_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)check_random();
        struct hf_slice slices[HF_PACKET_SLICES];
        unsigned n = cut(slices, text, sizeof text, 0);
        struct hf_icmp_head head = {(uint8_t)check_random(), (uint8_t)check_random(),
                                    (uint32_t)check_random()};
        struct hf_icmp_head out;
        uint32_t before = (uint32_t)check_random_below(50);
        uint32_t total = hf_icmp_build(message + before, flow, &head, slices, n, skip, len);
        assert_int_equal(total, 8 + len);
        assert_memory_equal(message + before + 8, text + skip, len);
        uint32_t pseudo = 0;
        if (flow == &flow6)
            pseudo = wire_sum(flow->remote, 16, wire_sum(flow->local, 16, total + 58));
        assert_int_equal(wire_sum(message + before, total, pseudo) % 0xffff, 0);

        n = cut(slices, message, before + total, before + 8);
        assert_int_equal(hf_icmp_parse(flow->local, flow->remote, slices, n, before, total, &out),
                         HF_DROP_NONE);
        assert_int_equal(out.type, head.type);
        assert_int_equal(out.code, head.code);
        assert_int_equal(out.rest, head.rest);
    }
}

TEST(slices_that_hold_less_than_was_said, none, "A4")
{
    static const uint8_t text[10] = "0123456789";
    struct hf_slice slice = {text, sizeof text, 0};
    struct hf_icmp_head head = {HF_ICMP4_ECHO_REPLY, 0, 0};
    uint8_t message[64];
    assert_int_equal(hf_icmp_build(message, &flow4, &head, &slice, 1, 4, 40), 8 + 6);
    assert_int_equal(hf_icmp_build(message, &flow4, &head, &slice, 1, 11, 40), 8);
    assert_int_equal(hf_icmp_build(message, &flow4, &head, NULL, 0, 0, 40), 8);
}

TEST(which_types_are_errors, none, "")
{
    for (unsigned type = 0; type < 256; type++) {
        assert_int_equal(hf_icmp_is_error(false, (uint8_t)type), type < 128);
        assert_int_equal(hf_icmp_is_error(true, (uint8_t)type),
                         type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
    }
    struct hf_icmp_head head = {3, 4, 0xabcd05dc};
    assert_int_equal(hf_icmp_mtu(true, &head), 1500);
    assert_int_equal(hf_icmp_mtu(false, &head), 0xabcd05dc);
}

/* ---- Quotes ---- */

/* A segment from 192.0.2.1 or 2001:db8::1, port 1234, to the one ending in 2, port 80. */
static uint32_t our_packet(uint8_t *dst, bool ipv4, uint8_t protocol)
{
    uint32_t header = hf_ip_build(dst, ipv4 ? &flow4 : &flow6, protocol, 0, 64, 7, 0, 20);
    memset(dst + header, 0, 20);
    hf_put16(dst + header, 1234);
    hf_put16(dst + header + 2, 80);
    hf_put32(dst + header + 4, 0xfeedf00d);
    return header + 20;
}

TEST(quoted_segment_as_we_sent_it, none, "A10")
{
    for (int v4 = 0; v4 < 2; v4++) {
        uint8_t bytes[100];
        uint32_t whole = our_packet(bytes, v4, HF_PROTO_TCP), header = v4 ? 20 : 40;
        for (uint32_t len = 0; len <= whole; len++) {
            struct hf_icmp_quote quote;
            enum hf_drop drop = hf_icmp_quote(v4, guard_put(bytes, len), len, &quote);
            assert_int_equal(drop, len < header + 8 ? HF_DROP_ICMP_QUOTE : HF_DROP_NONE);
            assert_int_equal(hf_icmp_quote(!v4, guard_put(bytes, len), len, &quote),
                             HF_DROP_ICMP_QUOTE);
            if (drop != HF_DROP_NONE)
                continue;
            hf_icmp_quote(v4, guard_put(bytes, len), len, &quote);
            struct hf_flow want = v4 ? flow4 : flow6;
            want.local_port = 1234;
            want.remote_port = 80;
            assert_memory_equal(&quote.flow, &want, sizeof want);
            assert_int_equal(quote.seq, 0xfeedf00d);
            assert_int_equal(quote.protocol, HF_PROTO_TCP);
            assert_int_equal(quote.total, whole);
        }
    }
}

TEST(quotes_that_routers_changed_are_read, none, "A10")
{
    uint8_t bytes[100];
    struct hf_icmp_quote quote;
    our_packet(bytes, true, HF_PROTO_TCP);
    bytes[8] = 0;                /* TTL, and with it the checksum */
    hf_put16(bytes + 2, 1500);   /* longer than what is quoted */
    hf_put16(bytes + 6, 0x2000); /* the first fragment of it */
    assert_int_equal(hf_icmp_quote(true, guard_put(bytes, 28), 28, &quote), HF_DROP_NONE);
    assert_int_equal(quote.total, 1500);
    assert_int_equal(quote.seq, 0xfeedf00d);
    hf_put16(bytes + 6, 1); /* a later fragment has no ports */
    assert_int_equal(hf_icmp_quote(true, guard_put(bytes, 28), 28, &quote), HF_DROP_ICMP_QUOTE);
}

TEST(quoted_ipv4_header_lengths, none, "A10")
{
    for (unsigned ihl = 0; ihl < 16; ihl++)
        for (uint32_t len = 0; len <= 70; len++) {
            uint8_t bytes[100] = {0};
            our_packet(bytes, true, HF_PROTO_TCP);
            bytes[0] = (uint8_t)(0x40 | ihl);
            bytes[ihl * 4 + 7] = 9;
            struct hf_icmp_quote quote;
            enum hf_drop drop = hf_icmp_quote(true, guard_put(bytes, len), len, &quote);
            bool ok = ihl >= 5 && len >= ihl * 4 + 8;
            assert_int_equal(drop, ok ? HF_DROP_NONE : HF_DROP_ICMP_QUOTE);
        }
}

TEST(other_protocols_have_no_ports, none, "A10")
{
    uint8_t bytes[100];
    struct hf_icmp_quote quote;
    our_packet(bytes, true, HF_PROTO_UDP);
    assert_int_equal(hf_icmp_quote(true, guard_put(bytes, 20), 20, &quote), HF_DROP_NONE);
    assert_int_equal(quote.protocol, HF_PROTO_UDP);
    our_packet(bytes, true, HF_PROTO_UDP);
    assert_int_equal(hf_icmp_quote(true, guard_put(bytes, 40), 40, &quote), HF_DROP_NONE);
    assert_int_equal(quote.flow.local_port, 0);
    assert_int_equal(quote.flow.remote_port, 0);
}

TEST(quoted_extension_headers, none, "A10 A9")
{
    static const uint8_t kinds[] = {HF_PROTO_DESTINATION, HF_PROTO_ROUTING, HF_PROTO_HOP_BY_HOP,
                                    HF_PROTO_FRAGMENT};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (uint32_t headers = 0; headers <= 12; headers++) {
            uint8_t bytes[200] = {0};
            our_packet(bytes, false, headers ? kinds[k] : HF_PROTO_TCP);
            for (uint32_t i = 0; i < headers; i++) {
                memset(bytes + 40 + 8 * i, 0, 8);
                bytes[40 + 8 * i] = i + 1 < headers ? kinds[k] : HF_PROTO_TCP;
            }
            uint32_t tcp = 40 + 8 * headers;
            hf_put32(bytes + tcp, 1234u << 16 | 80);
            hf_put32(bytes + tcp + 4, 0xfeedf00d);
            for (uint32_t len = tcp; len <= tcp + 8; len++) {
                struct hf_icmp_quote quote;
                enum hf_drop drop = hf_icmp_quote(false, guard_put(bytes, len), len, &quote);
                bool ok = headers <= HF_IPV6_HEADERS_MAX && len == tcp + 8;
                assert_int_equal(drop, ok ? HF_DROP_NONE : HF_DROP_ICMP_QUOTE);
                if (ok)
                    assert_int_equal(quote.seq, 0xfeedf00d);
            }
        }
}

TEST(quotes_that_lie, none, "A10")
{
    uint8_t bytes[200] = {0};
    struct hf_icmp_quote quote;
    our_packet(bytes, false, HF_PROTO_DESTINATION); /* a header longer than the quote */
    bytes[40] = HF_PROTO_TCP;
    bytes[41] = 255;
    assert_int_equal(hf_icmp_quote(false, guard_put(bytes, 60), 60, &quote), HF_DROP_ICMP_QUOTE);
    our_packet(bytes, false, HF_PROTO_FRAGMENT); /* a later fragment */
    memset(bytes + 40, 0, 8);
    bytes[40] = HF_PROTO_TCP;
    bytes[43] = 8;
    assert_int_equal(hf_icmp_quote(false, guard_put(bytes, 60), 60, &quote), HF_DROP_ICMP_QUOTE);
    our_packet(bytes, false, HF_PROTO_TCP); /* an address mapped from IPv4 */
    memcpy(bytes + 8, flow4.local, 16);
    assert_int_equal(hf_icmp_quote(false, guard_put(bytes, 60), 60, &quote), HF_DROP_ICMP_QUOTE);
}

TEST(random_quotes, none, "A10")
{
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[120];
        bool v4 = round & 1;
        uint32_t len = (uint32_t)check_random_below(sizeof bytes);
        for (uint32_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(check_random_below(2) ? check_random() : check_random() & 0x3c);
        bytes[0] = (uint8_t)(v4 ? 0x40 | (bytes[0] & 15) : 0x60);
        struct hf_icmp_quote quote;
        if (hf_icmp_quote(v4, guard_put(bytes, len), len, &quote) == HF_DROP_NONE)
            assert_true(len >= (v4 ? 20u : 40u) + (quote.protocol == HF_PROTO_TCP ? 8 : 0));
    }
}
