/* src/wire/tcp.c: TCP headers and options, against tables, against a naive reader and against the
 * independent reader of script_wire.h. */
#include "check.h"

#include <string.h>

#include "base/checksum.h"
#include "guard.h"
#include "script_wire.h"
#include "wire/bytes.h"
#include "wire/tcp.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

/* A header of `offset` words with these option bytes, in front of `text` bytes of zero. */
static uint32_t header(uint8_t *dst, unsigned offset, const uint8_t *options, size_t options_len,
                       uint32_t text)
{
    memset(dst, 0, 60 + text);
    hf_put16(dst, 0x1111);
    hf_put16(dst + 2, 0x2222);
    dst[12] = (uint8_t)(offset << 4);
    if (options_len > 0)
        memcpy(dst + 20, options, options_len);
    return offset * 4 + text;
}

static struct hf_tcp_options parse_options(const uint8_t *options, uint32_t len)
{
    struct hf_tcp_options out;
    memset(&out, 0xee, sizeof out);
    hf_tcp_parse_options(guard_put(options, len), len, &out);
    return out;
}

static void assert_same_options(const struct hf_tcp_options *a, const struct hf_tcp_options *b)
{
    assert_int_equal(a->mss, b->mss);
    assert_int_equal(a->has_mss, b->has_mss);
    assert_int_equal(a->wscale, b->wscale);
    assert_int_equal(a->sack_permitted, b->sack_permitted);
    assert_int_equal(a->has_ts, b->has_ts);
    assert_int_equal(a->tsval, b->tsval);
    assert_int_equal(a->tsecr, b->tsecr);
    assert_int_equal(a->sacks, b->sacks);
    assert_memory_equal(a->sack, b->sack, a->sacks * sizeof *a->sack);
    assert_int_equal(a->fast_open, b->fast_open);
    if (hf_fast_open_cookie_len(a) > 0)
        assert_memory_equal(a->cookie, b->cookie, hf_fast_open_cookie_len(a));
}

/* RFC 7413 4.1.1, of a cookie of n bytes: what an odd length does, a wrong one, a right one. */
static void naive_fast_open(const uint8_t *cookie, uint32_t n, unsigned form,
                            struct hf_tcp_options *out)
{
    if (n % 2 == 1)
        return;
    out->cookie = cookie;
    out->fast_open = (uint8_t)(n == 0 || (n >= 4 && n <= 16) ? 32 + form + n : 0);
}

/* Options read the slow way, byte by byte; returns how many turns that took. */
static unsigned naive_options(const uint8_t *p, uint32_t len, struct hf_tcp_options *out)
{
    unsigned turns = 0;
    memset(out, 0, sizeof *out);
    out->wscale = HF_NO_WSCALE;
    for (uint32_t i = 0; i < len; turns++) {
        if (p[i] == 0)
            break;
        if (p[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= len || p[i + 1] < 2 || i + p[i + 1] > len)
            break;
        uint32_t n = p[i + 1];
        if (p[i] == 2 && n == 4) {
            out->has_mss = true;
            out->mss = (uint16_t)(p[i + 2] * 256 + p[i + 3]);
        }
        if (p[i] == 3 && n == 3)
            out->wscale = p[i + 2] > 14 ? 14 : p[i + 2];
        if (p[i] == 4 && n == 2)
            out->sack_permitted = true;
        if (p[i] == 5 && (n == 10 || n == 18 || n == 26 || n == 34)) {
            out->sacks = (uint8_t)((n - 2) / 8);
            for (uint32_t b = 0; b < out->sacks; b++) {
                out->sack[b].start = hf_get32(p + i + 2 + 8 * b);
                out->sack[b].end = hf_get32(p + i + 6 + 8 * b);
            }
        }
        if (p[i] == 8 && n == 10) {
            out->has_ts = true;
            out->tsval = hf_get32(p + i + 2);
            out->tsecr = hf_get32(p + i + 6);
        }
        if (p[i] == 34)
            naive_fast_open(p + i + 2, n - 2, 0, out);
        if (p[i] == 254 && n >= 4 && p[i + 2] == 0xf9 && p[i + 3] == 0x89)
            naive_fast_open(p + i + 4, n - 4, 64, out);
        i += n;
    }
    return turns;
}

TEST(header_fields, none, "")
{
    static const uint8_t bytes[] = {0x00, 0x50, 0xc0, 0x01, 0x01, 0x02, 0x03, 0x04, 0xf1,
                                    0xf2, 0xf3, 0xf4, 0x50, 0x18, 0xab, 0xcd, 0x12, 0x34,
                                    0x56, 0x78, 'h',  'e',  'l',  'l',  'o'};
    struct hf_flow flow = {{1}, {2}, 0, 0};
    struct hf_seg seg;
    uint32_t len = 0;
    const uint8_t *p = guard_put(bytes, sizeof bytes);
    assert_int_equal(hf_tcp_parse(p, sizeof bytes, sizeof bytes, &flow, &seg, &len),
                     HF_DROP_NONE);
    assert_int_equal(len, 20);
    assert_int_equal(flow.remote_port, 80);
    assert_int_equal(flow.local_port, 0xc001);
    assert_int_equal(flow.local[0], 1);
    assert_int_equal(flow.remote[0], 2);
    assert_int_equal(seg.seq, 0x01020304);
    assert_int_equal(seg.ack, 0xf1f2f3f4);
    assert_int_equal(seg.flags, HF_ACK | HF_PSH);
    assert_int_equal(seg.window, 0xabcd);
    assert_int_equal(seg.urgent, 0x5678);
    assert_int_equal(seg.text, 5);
    assert_int_equal(seg.text_all, 5);
    assert_int_equal(seg.skip, 0);
    assert_int_equal(seg.segment_bytes, 5);
    assert_int_equal(seg.options.wscale, HF_NO_WSCALE);
    assert_int_equal(hf_seg_len(&seg), 5);
}

TEST(port_zero_is_dropped, none, "")
{
    uint8_t bytes[80];
    struct hf_flow flow;
    struct hf_seg seg;
    uint32_t len;
    header(bytes, 5, NULL, 0, 0);
    hf_put16(bytes, 0);
    assert_int_equal(hf_tcp_parse(bytes, 20, 20, &flow, &seg, &len), HF_DROP_TCP_PORT);
    header(bytes, 5, NULL, 0, 0);
    hf_put16(bytes + 2, 0);
    assert_int_equal(hf_tcp_parse(bytes, 20, 20, &flow, &seg, &len), HF_DROP_TCP_PORT);
}

TEST(reserved_bits_are_ignored_and_sent_as_zero, none, "N-20")
{
    uint8_t bytes[80];
    struct hf_flow flow = {{0}, {0}, 1, 2};
    struct hf_seg seg;
    uint32_t len;
    for (unsigned reserved = 0; reserved < 8; reserved++)
        for (unsigned flags = 0; flags < 512; flags++) {
            header(bytes, 5, NULL, 0, 0);
            hf_put16(bytes + 12, 5u << 12 | reserved << 9 | flags);
            assert_int_equal(hf_tcp_parse(bytes, 20, 20, &flow, &seg, &len), HF_DROP_NONE);
            assert_int_equal(seg.flags, flags);

            struct hf_segment_head head = {.flags = (uint16_t)(reserved << 9 | flags),
                                           .options.wscale = HF_NO_WSCALE};
            assert_int_equal(hf_tcp_build(bytes, &flow, &head), 20);
            assert_int_equal(hf_get16(bytes + 12), 5u << 12 | flags);
        }
}

TEST(every_data_offset_against_every_length, none, "A3")
{
    uint8_t bytes[160];
    for (unsigned offset = 0; offset < 16; offset++)
        for (uint32_t len = 0; len <= 64; len++) {
            header(bytes, offset, NULL, 0, 64);
            struct hf_flow flow;
            struct hf_seg seg;
            uint32_t header_len = 0;
            enum hf_drop drop =
                hf_tcp_parse(guard_put(bytes, len), len, len, &flow, &seg, &header_len);
            if (offset < 5 || offset * 4 > len) {
                assert_int_equal(drop, HF_DROP_TCP_SHORT);
            } else {
                assert_int_equal(drop, HF_DROP_NONE);
                assert_int_equal(header_len, offset * 4);
                assert_int_equal(seg.text, len - offset * 4);
            }
        }
}

TEST(header_must_lie_in_one_piece_but_text_need_not, none, "A3")
{
    uint8_t bytes[160];
    for (uint32_t piece = 0; piece <= 44; piece++) {
        uint32_t total = header(bytes, 10, NULL, 0, 60), header_len = 0;
        struct hf_flow flow;
        struct hf_seg seg;
        enum hf_drop drop =
            hf_tcp_parse(guard_put(bytes, piece), piece, total, &flow, &seg, &header_len);
        assert_int_equal(drop, piece < 40 ? HF_DROP_TCP_SHORT : HF_DROP_NONE);
        if (drop == HF_DROP_NONE)
            assert_int_equal(seg.text, 60);
    }
}

TEST(end_nop_and_mss_are_understood, none, "MUST-4")
{
    static const struct {
        uint8_t bytes[12];
        uint32_t len;
        bool has_mss;
        uint16_t mss;
    } row[] = {
        {{2, 4, 0x05, 0xb4}, 4, true, 1460},
        {{1, 1, 2, 4, 0x02, 0x18, 1, 1}, 8, true, 536},
        {{2, 4, 0, 0}, 4, true, 0},
        {{0, 2, 4, 5, 0xb4}, 5, false, 0}, /* behind the end of the list           */
        {{1, 0, 1, 2, 4, 5, 0xb4}, 7, false, 0},
        {{2, 4, 1, 0, 2, 4, 2, 0}, 8, true, 512}, /* the last of two                      */
        {{0}, 0, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_tcp_options out = parse_options(row[i].bytes, row[i].len);
        assert_int_equal(out.has_mss, row[i].has_mss);
        assert_int_equal(out.mss, row[i].mss);
        assert_int_equal(out.wscale, HF_NO_WSCALE);
    }
}

TEST(options_in_any_segment, none, "MUST-5")
{
    static const uint8_t options[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                        0, 1, 0, 0,    0, 2, 1, 3,  3, 7};
    uint8_t bytes[120];
    for (unsigned flags = 0; flags < 512; flags++) {
        uint32_t total = header(bytes, 10, options, sizeof options, 3), len;
        hf_put16(bytes + 12, 10u << 12 | flags);
        struct hf_flow flow;
        struct hf_seg seg;
        const uint8_t *p = guard_put(bytes, total);
        assert_int_equal(hf_tcp_parse(p, total, total, &flow, &seg, &len), HF_DROP_NONE);
        assert_int_equal(seg.options.mss, 1460);
        assert_true(seg.options.sack_permitted);
        assert_int_equal(seg.options.tsecr, 2);
        assert_int_equal(seg.options.wscale, 7);
        assert_int_equal(seg.text, 3);
    }
}

TEST(unknown_options_are_skipped, none, "MUST-6")
{
    for (unsigned kind = 6; kind < 256; kind++)
        for (uint32_t n = 2; kind != 8 && n <= 34; n++) {
            uint8_t bytes[40] = {3, 3, 5};
            bytes[3] = (uint8_t)kind;
            bytes[4] = (uint8_t)n;
            memset(bytes + 5, 2, n - 2);
            memcpy(bytes + 3 + n, "\x04\x02", 2);
            struct hf_tcp_options out = parse_options(bytes, 3 + n + 2);
            assert_int_equal(out.wscale, 5);
            assert_true(out.sack_permitted);
            assert_false(out.has_mss || out.has_ts || out.sacks);
        }
}

TEST(bad_length_ends_the_options_and_nothing_else, none, "MUST-7 A1")
{
    /* Every kind, length and place; before it NOPs, behind it an MSS option now and then. A
     * parser that does not advance hangs here, one that runs past the end meets the guard page. */
    for (unsigned kind = 0; kind < 256; kind++)
        for (unsigned n = 0; n <= 40; n++)
            for (unsigned at = 0; at < 40; at++) {
                uint8_t bytes[40];
                memset(bytes, 1, sizeof bytes);
                bytes[at] = (uint8_t)kind;
                if (at < 39)
                    bytes[at + 1] = (uint8_t)n;
                if (n >= 2 && at + n <= 36)
                    memcpy(bytes + at + n, "\x02\x04\x01\x02", 4);
                struct hf_tcp_options want, out = parse_options(bytes, 40);
                assert_true(naive_options(bytes, 40, &want) <= 40);
                assert_same_options(&out, &want);
            }
}

TEST(bad_options_leave_the_segment_usable, none, "MUST-7 A1")
{
    static const uint8_t bad[][4] = {{2, 0, 0, 0}, {2, 1, 0, 0}, {8, 200, 0, 0}, {1, 1, 1, 5}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint8_t bytes[120];
        uint32_t total = header(bytes, 6, bad[i], 4, 9), len;
        struct hf_flow flow;
        struct hf_seg seg;
        assert_int_equal(hf_tcp_parse(bytes, total, total, &flow, &seg, &len), HF_DROP_NONE);
        assert_int_equal(seg.text, 9);
        assert_false(seg.options.has_mss || seg.options.has_ts || seg.options.sacks);
    }
}

TEST(wrong_size_for_the_kind_is_not_used, none, "A2")
{
    static const struct {
        uint8_t kind, lens[4];
    } row[] = {
        {2, {3, 5, 2, 40}},  {3, {2, 4, 12, 40}}, {4, {3, 4, 10, 40}},
        {8, {9, 11, 2, 12}}, {5, {3, 9, 11, 42}}, {5, {2, 12, 33, 35}},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++)
        for (size_t k = 0; k < 4; k++)
            for (uint32_t len = 2; len <= 64; len++) { /* more than a header holds, too */
                uint8_t bytes[64];
                memset(bytes, 9, sizeof bytes);
                bytes[0] = row[i].kind;
                bytes[1] = row[i].lens[k];
                struct hf_tcp_options out = parse_options(bytes, len);
                assert_false(out.has_mss || out.has_ts || out.sacks || out.sack_permitted);
                assert_int_equal(out.wscale, HF_NO_WSCALE);
            }
}

TEST(right_option_cut_short_is_not_used, none, "A2 MUST-7")
{
    static const uint8_t whole[][34] = {{2, 4, 5, 0xb4}, {3, 3, 7},  {4, 2},
                                        {8, 10, 1},      {5, 10, 1}, {5, 34, 1}};
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        for (uint32_t len = 0; len < whole[i][1]; len++) {
            struct hf_tcp_options out = parse_options(whole[i], len);
            assert_false(out.has_mss || out.has_ts || out.sacks || out.sack_permitted);
            assert_int_equal(out.wscale, HF_NO_WSCALE);
        }
}

TEST(options_at_any_byte, none, "MUST-64")
{
    for (unsigned before = 0; before <= 24; before++) {
        uint8_t bytes[40];
        memset(bytes, 1, sizeof bytes);
        memcpy(bytes + before, "\x02\x04\x05\xb4\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08", 14);
        struct hf_tcp_options out = parse_options(bytes, before + 14);
        assert_int_equal(out.mss, 1460);
        assert_int_equal(out.tsval, 0x01020304);
        assert_int_equal(out.tsecr, 0x05060708);
    }
}

TEST(window_scale_is_capped_and_any_mss_is_taken, none, "A11")
{
    for (unsigned shift = 0; shift < 256; shift++) {
        const uint8_t bytes[] = {3, 3, (uint8_t)shift};
        assert_int_equal(parse_options(bytes, 3).wscale, shift > 14 ? 14 : shift);
    }
    for (unsigned mss = 0; mss < 65536; mss++) {
        const uint8_t bytes[] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss};
        struct hf_tcp_options out = parse_options(bytes, 4);
        assert_true(out.has_mss);
        assert_int_equal(out.mss, mss);
    }
}

/* Option number i of all that can be asked for together; false when they do not fit. */
static bool choose(unsigned i, struct hf_tcp_options *options)
{
    memset(options, 0, sizeof *options);
    options->wscale = i & 1 ? 7 : HF_NO_WSCALE;
    options->has_mss = i & 2;
    options->mss = i & 2 ? 1460 : 0;
    options->has_ts = i & 4;
    options->tsval = i & 4 ? 0x01020304 : 0;
    options->tsecr = i & 4 ? 0x05060708 : 0;
    options->sack_permitted = i & 8;
    options->sacks = (uint8_t)(i >> 4);
    for (unsigned b = 0; b < options->sacks; b++)
        options->sack[b] = (struct hf_sack_block){0x02020202 * (b + 1), 0x02020202 * (b + 1) + 9};
    return hf_tcp_options_len(options) <= HF_TCP_OPTIONS_MAX;
}
#define CHOICES (5u << 4)

TEST(what_is_built_has_lengths_and_ends_in_zeroes, none, "MUST-68 MUST-69")
{
    struct hf_flow flow = {{0}, {0}, 1, 2};
    for (unsigned i = 0; i < CHOICES; i++) {
        struct hf_segment_head head = {.flags = HF_ACK};
        if (!choose(i, &head.options))
            continue;
        uint8_t bytes[60];
        memset(bytes, 0x77, sizeof bytes);
        uint32_t len = hf_tcp_build(bytes, &flow, &head), at = 20;
        assert_int_equal(len, 20 + hf_tcp_options_len(&head.options));
        assert_int_equal(len % 4, 0);
        assert_int_equal(bytes[12] >> 4, len / 4);
        while (at < len && bytes[at] != 0) {
            if (bytes[at] != 1)
                assert_true(bytes[at + 1] >= 2);
            at += bytes[at] == 1 ? 1 : bytes[at + 1];
            assert_true(at <= len);
        }
        for (; at < len; at++)
            assert_int_equal(bytes[at], 0);
        for (; at < sizeof bytes; at++)
            assert_int_equal(bytes[at], 0x77);
    }
}

TEST(no_mss_option_unless_told, none, "MUST-65")
{
    struct hf_flow flow = {{0}, {0}, 1, 2};
    for (unsigned i = 0; i < CHOICES; i++)
        for (unsigned flags = 0; flags < 512; flags++) {
            struct hf_segment_head head = {.flags = (uint16_t)flags};
            if (!choose(i, &head.options))
                continue;
            uint8_t bytes[60];
            uint32_t len = hf_tcp_build(bytes, &flow, &head);
            struct hf_tcp_options out;
            naive_options(bytes + 20, len - 20, &out);
            assert_int_equal(out.has_mss, head.options.has_mss);
        }
}

TEST(a_syn_has_the_layout_of_linux, none, "")
{
    static const uint8_t want[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                     0, 1, 0, 0,    0, 0, 1, 3,  3, 7};
    struct hf_flow flow = {{0}, {0}, 1, 2};
    struct hf_segment_head head = {
        .flags = HF_SYN,
        .options = {
            .mss = 1460, .wscale = 7, .sack_permitted = true, .has_ts = true, .tsval = 1}};
    uint8_t bytes[60];
    assert_int_equal(hf_tcp_build(bytes, &flow, &head), 40);
    assert_memory_equal(bytes + 20, want, 20);
}

TEST(built_and_read_again, none, "")
{
    for (int round = 0; round < 20000; round++) {
        struct hf_flow out_flow = {{0},
                                   {0},
                                   (uint16_t)(1 + check_random_below(65535)),
                                   (uint16_t)(1 + check_random_below(65535))};
        struct hf_segment_head head = {.seq = (uint32_t)check_random(),
                                       .ack = (uint32_t)check_random(),
                                       .flags = (uint16_t)check_random_below(512),
                                       .window = (uint16_t)check_random(),
                                       .urgent = (uint16_t)check_random()};
        if (!choose((unsigned)check_random_below(CHOICES), &head.options))
            continue;
        uint8_t bytes[60];
        uint32_t len = hf_tcp_build(bytes, &out_flow, &head), read_len = 0;
        struct hf_flow flow;
        struct hf_seg seg;
        const uint8_t *p = guard_put(bytes, len);
        assert_int_equal(hf_tcp_parse(p, len, len, &flow, &seg, &read_len), HF_DROP_NONE);
        assert_int_equal(read_len, len);
        assert_int_equal(flow.local_port, out_flow.remote_port);
        assert_int_equal(flow.remote_port, out_flow.local_port);
        assert_int_equal(seg.seq, head.seq);
        assert_int_equal(seg.ack, head.ack);
        assert_int_equal(seg.flags, head.flags);
        assert_int_equal(seg.window, head.window);
        assert_int_equal(seg.urgent, head.urgent);
        assert_int_equal(seg.text, 0);
        assert_same_options(&seg.options, &head.options);
    }
}

TEST(random_option_bytes_against_the_naive_reader, none, "A1 A2")
{
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[40];
        uint32_t len = (uint32_t)check_random_below(41);
        for (uint32_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)check_random_below(check_random_below(2) ? 12 : 256);
        struct hf_tcp_options want, out = parse_options(bytes, len);
        naive_options(bytes, len, &want);
        assert_same_options(&out, &want);
    }
}

/* The pseudo-header sum must make the checksums of an independent builder come out right. */
static void check_pseudo_sum(unsigned family, size_t text_len)
{
    static uint8_t packet[WIRE_PACKET_MAX], text[2048];
    struct wire_segment s = {.family = family,
                             .ttl = 64,
                             .source_port = 5,
                             .destination_port = 6,
                             .mss = WIRE_NONE,
                             .wscale = WIRE_NONE,
                             .cookie_len = WIRE_NONE,
                             .flags = HF_ACK,
                             .text = text,
                             .text_len = text_len};
    for (int i = 0; i < 16; i++) {
        s.source[i] = (uint8_t)check_random();
        s.destination[i] = (uint8_t)check_random();
    }
    for (size_t i = 0; i < text_len; i++)
        text[i] = (uint8_t)check_random();
    struct hf_flow flow;
    struct hf_addr source = {(uint8_t)family, 0, {0}}, destination = source;
    memcpy(source.bytes, s.source, 16);
    memcpy(destination.bytes, s.destination, 16);
    hf_key_from_addr(flow.remote, &source);
    hf_key_from_addr(flow.local, &destination);

    uint32_t len = (uint32_t)wire_build(packet, &s), ip = family == 4 ? 20 : 40;
    uint32_t sum = hf_tcp_pseudo_sum(&flow, len - ip);
    assert_int_equal(hf_checksum_finish(hf_checksum_add(packet + ip, len - ip, sum)), 0);
    packet[ip + 13] ^= 1;
    assert_int_not_equal(hf_checksum_finish(hf_checksum_add(packet + ip, len - ip, sum)), 0);
}

/* Kinds and lengths around Fast Open's two forms, often right, with others between them. */
TEST(random_fast_open_options_against_the_naive_reader, none, "A1 A2 F-2")
{
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[40];
        uint32_t len = 0;
        for (uint32_t i = 0; i < 40; i++)
            bytes[i] = (uint8_t)check_random();
        while (len < 40 && check_random_below(4)) {
            bool old = check_random_below(2);
            uint32_t size = (uint32_t)check_random_below(22);
            bytes[len] = check_random_below(8) ? (old ? 254 : 34) : (uint8_t)check_random_below(9);
            if (len + 1 < 40)
                bytes[len + 1] = (uint8_t)size;
            if (old && len + 3 < 40 && check_random_below(8)) {
                bytes[len + 2] = 0xf9;
                bytes[len + 3] = 0x89;
            }
            len += size ? size : 1;
        }
        len = len < 40 ? len : 40;
        struct hf_tcp_options want, out = parse_options(bytes, len);
        naive_options(bytes, len, &want);
        assert_int_equal(out.fast_open, want.fast_open);
        if (hf_fast_open_cookie_len(&want) > 0)
            assert_memory_equal(out.cookie, want.cookie, hf_fast_open_cookie_len(&want));
    }
}

TEST(fast_open_options_as_they_are_built, none, "F-2 MUST-68 MUST-69")
{
    static const uint8_t cookie[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct hf_flow flow = {{0}, {0}, 1, 2};
    for (unsigned form = 0; form <= HF_FAST_OPEN_EXPERIMENTAL; form += HF_FAST_OPEN_EXPERIMENTAL)
        for (uint32_t n = 0; n <= 16; n += n ? 2 : 4) {
            struct hf_segment_head head = {.flags = HF_SYN};
            head.options.wscale = HF_NO_WSCALE;
            head.options.fast_open = (uint8_t)(HF_FAST_OPEN_OPTION | form | n);
            head.options.cookie = cookie;
            uint8_t bytes[60];
            memset(bytes, 0x77, sizeof bytes);
            uint32_t len = hf_tcp_build(bytes, &flow, &head), size = n + (form ? 4 : 2);
            assert_int_equal(len, 20 + (size + 3) / 4 * 4);
            assert_int_equal(bytes[20], form ? 254 : 34);
            assert_int_equal(bytes[21], size);
            assert_memory_equal(bytes + 20 + size - n, cookie, n);
            for (uint32_t i = 20 + size; i < len; i++)
                assert_int_equal(bytes[i], 1);
            assert_int_equal(bytes[len], 0x77);
            struct hf_tcp_options out = parse_options(bytes + 20, len - 20);
            assert_int_equal(out.fast_open, head.options.fast_open);
        }
}

TEST(pseudo_header_of_both_families, none, "")
{
    for (size_t len = 0; len < 1500; len += 7) {
        check_pseudo_sum(4, len);
        check_pseudo_sum(6, len);
    }
}
