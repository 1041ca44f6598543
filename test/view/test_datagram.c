/* src/view/datagram.c: the views' own reader of headers. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/view/datagram.h"
#include "feed.h"

struct caught {
    struct hf_trace_record record;
    uint8_t bytes[2048];
    uint32_t len;
};

static void catch (void *context, const struct hf_trace_record *record,
                   const struct hf_packet *packet)
{
    struct caught *caught = context;
    if (record->kind != HF_TRACE_OUT)
        return;
    caught->record = *record;
    caught->len = hf_packet_copy(packet, caught->bytes, sizeof caught->bytes);
}

static void build(struct caught *caught, bool ipv6)
{
    struct feed feed;
    feed_begin(&feed);
    feed.ipv6 = ipv6;
    feed_to(&feed, catch, caught);
    feed_out(&feed, CLIENT,
             (struct told_segment){
                 .flags = HF_PSH | HF_ACK, .seq = 7, .ack = 3, .text = 100, .window = 500});
}

TEST(reads_both_families, none, "")
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct caught caught;
        build(&caught, ipv6);
        struct hf_packet packet;
        hf_packet_wrap(&packet, 1, caught.bytes, caught.len);
        struct hf_datagram d;
        assert_true(hf_datagram_read(&packet, &d));
        assert_int_equal(d.from.port, 49152);
        assert_int_equal(d.to.port, 80);
        assert_int_equal(d.from.addr.family, ipv6 ? HF_IPV6 : HF_IPV4);
        assert_int_equal(d.from.addr.bytes[ipv6 ? 15 : 3], 1);
        assert_int_equal(d.to.addr.bytes[ipv6 ? 15 : 3], 2);
        assert_int_equal(d.tcp_at, ipv6 ? 40 : 20);
        assert_int_equal(d.text, 100);
        assert_int_equal(d.seq, caught.record.u.segment.seq);
        assert_int_equal(d.ack, caught.record.u.segment.ack);
        assert_int_equal(d.flags, HF_PSH | HF_ACK);
        assert_int_equal(d.window, 500);
    }
}

TEST(walks_ipv6_extension_headers, none, "")
{
    struct caught caught;
    build(&caught, true);
    uint8_t bytes[2100];
    memcpy(bytes, caught.bytes, 40);
    memset(bytes + 40, 0, 16);
    bytes[6] = 0; /* hop by hop, then destination options, then TCP */
    bytes[40] = 60;
    bytes[48] = 6;
    memcpy(bytes + 56, caught.bytes + 40, caught.len - 40);
    uint32_t payload = caught.len - 40 + 16;
    bytes[4] = (uint8_t)(payload >> 8);
    bytes[5] = (uint8_t)payload;
    struct hf_packet packet;
    struct hf_datagram d;
    hf_packet_wrap(&packet, 1, bytes, payload + 40);
    assert_true(hf_datagram_read(&packet, &d));
    assert_int_equal(d.tcp_at, 56);
    assert_int_equal(d.text, 100);
    bytes[40] = 17; /* UDP */
    assert_false(hf_datagram_read(&packet, &d));
}

/* Cut short anywhere, it is refused and nothing beyond the end is read (a sanitizer watches). */
TEST(refuses_what_is_cut_short, none, "")
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct caught caught;
        build(&caught, ipv6);
        for (uint32_t len = 0; len < caught.len; len++) {
            uint8_t *cut = malloc(len + 1);
            assert_non_null(cut);
            uint8_t *end = cut + 1; /* so that its end is the allocation's */
            memcpy(end, caught.bytes, len);
            struct hf_packet packet;
            struct hf_datagram d;
            hf_packet_wrap(&packet, 1, end, len);
            assert_false(hf_datagram_read(&packet, &d));
            free(cut);
        }
    }
}

TEST(random_bytes_do_no_harm, none, "")
{
    for (int round = 0; round < 20000; round++) {
        uint32_t len = (uint32_t)check_random_below(80);
        uint8_t *bytes = malloc(len + 1);
        assert_non_null(bytes);
        for (uint32_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)check_random();
        if (len > 9 && round % 2 == 0)
            bytes[0] = 0x45, bytes[9] = 6;
        if (len > 9 && round % 4 == 1)
            bytes[0] = 0x60, bytes[6] = (uint8_t)(round % 64);
        struct hf_packet packet;
        struct hf_datagram d;
        hf_packet_wrap(&packet, 1, bytes, len);
        if (hf_datagram_read(&packet, &d))
            assert_in_range(d.tcp_at + 20 + d.text, 40, len);
        free(bytes);
    }
}

TEST(a_piece_matches_what_was_sent, none, "")
{
    struct hf_trace_record out = {.kind = HF_TRACE_OUT}, in;
    out.u.segment.seq = 0xfffffff0;
    out.u.segment.text = 100;
    out.u.segment.ack = 5;
    out.u.segment.flags = HF_ACK | HF_PSH;
    in = out;
    assert_true(hf_record_matches(&out, &in));
    in.u.segment.seq += 40; /* the end of it, cut off */
    in.u.segment.text = 60;
    assert_true(hf_record_matches(&out, &in));
    in.u.segment.text = 61;
    assert_false(hf_record_matches(&out, &in));
    in = out;
    in.u.segment.ack = 6;
    assert_false(hf_record_matches(&out, &in));
    in = out;
    in.u.segment.flags |= HF_RST;
    assert_false(hf_record_matches(&out, &in));
    in = out;
    in.u.segment.has_ts = 1;
    assert_false(hf_record_matches(&out, &in));
    in = out;
    in.u.segment.seq--;
    assert_false(hf_record_matches(&out, &in));
}
