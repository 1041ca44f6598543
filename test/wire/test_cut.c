/* Runs cut and put together again. */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#define SEGMENTS_MAX 64u

struct made {
    uint8_t head[114], text[60000];
    uint32_t frame, ip, headers, text_len; /* frame: octets in front of the datagram */
    struct hf_packet packet;
};

/* A run as a stack gives it: header in slice 0, text in pieces, checksum left open. */
static void make(struct made *m, bool six, uint32_t text, uint32_t each, unsigned flags,
                 unsigned pieces)
{
    struct hf_flow flow = {.local_port = 80, .remote_port = 4000};
    struct hf_addr a = {.family = HF_IPV4, .bytes = {10, 0, 0, 1}};
    struct hf_segment_head head = {
        .seq = 0xffffff00u, .ack = 7, .flags = (uint16_t)flags, .window = 500};
    if (six)
        a = (struct hf_addr){.family = HF_IPV6, .bytes = {0xfd, 0, [15] = 1}};
    hf_key_from_addr(flow.local, &a);
    a.bytes[six ? 15 : 3] = 2;
    hf_key_from_addr(flow.remote, &a);
    head.options =
        (struct hf_tcp_options){.wscale = HF_NO_WSCALE, .has_ts = true, .tsval = 11, .tsecr = 12};
    memset(m, 0, sizeof *m);
    m->ip = six ? 40 : 20;
    m->headers = m->ip + hf_tcp_build(m->head + m->ip, &flow, &head);
    m->text_len = text;
    for (uint32_t i = 0; i < text; i++)
        m->text[i] = (uint8_t)(i * 31 + i / 256);
    hf_ip_build(m->head, &flow, HF_PROTO_TCP, 0x12, 64, 0, 0x12345, m->headers - m->ip + text);
    hf_packet_wrap(&m->packet, 3, m->head, m->headers);
    uint32_t at = 0;
    for (unsigned i = 0; i < pieces; i++) {
        uint32_t n = i + 1 == pieces ? text - at : (uint32_t)check_random_below(text - at);
        if (n == 0)
            continue;
        m->packet.slice[m->packet.slices++] = (struct hf_slice){.data = m->text + at, .len = n};
        at += n;
    }
    m->packet.len += text;
    m->packet.segment_bytes = (uint16_t)each;
    m->packet.segments = (uint16_t)((text + each - 1) / each);
    m->packet.checksum = HF_CHECKSUM_PARTIAL;
    m->packet.checksum_start = (uint16_t)m->ip;
    m->packet.checksum_offset = HF_TCP_CHECKSUM_AT;
}

/* As it leaves on an Ethernet link. The first octet of an address may look like an IP header's. */
static void put_in_frame(struct made *m)
{
    static const uint8_t firsts[] = {0x02, 0x44, 0x45, 0x48, 0x4e, 0x60, 0x6e, 0xfe};
    uint8_t frame[HF_FRAME_HEADER];
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)check_random_below(256);
    frame[0] = firsts[check_random_below(sizeof firsts)];
    memmove(m->head + sizeof frame, m->head, m->headers);
    memcpy(m->head, frame, sizeof frame);
    m->frame = sizeof frame;
    m->packet.slice[0].len += m->frame;
    m->packet.len += m->frame;
    m->packet.checksum_start = (uint16_t)(m->packet.checksum_start + m->frame);
}

/* A segment by itself, read with the parsers that packets from outside meet. */
static void look(const struct made *m, const struct hf_packet *packet, uint32_t index)
{
    uint8_t whole[2000], *bytes = whole + m->frame;
    struct hf_ip_head ip;
    struct hf_seg seg;
    struct hf_flow flow = {.local_port = 0};
    uint32_t header, each = m->packet.segment_bytes, at = index * each;
    uint32_t want = m->text_len - at < each ? m->text_len - at : each;
    bool last = index + 1u == m->packet.segments;
    uint32_t len = hf_packet_copy(packet, whole, sizeof whole) - m->frame;
    assert_int_equal(len, m->headers + want);
    assert_memory_equal(whole, m->head, m->frame);
    assert_int_equal(hf_ip_parse(bytes, len, len, &ip), HF_DROP_NONE);
    assert_int_equal(ip.total, len);
    assert_int_equal(ip.tos, 0x12);
    memcpy(flow.local, ip.dst, 16);
    memcpy(flow.remote, ip.src, 16);
    assert_int_equal(hf_tcp_parse(bytes + m->ip, len - m->ip, len - m->ip, &flow, &seg, &header),
                     HF_DROP_NONE);
    assert_int_equal(hf_checksum_finish(hf_checksum_add(bytes + m->ip, len - m->ip,
                                                        hf_tcp_pseudo_sum(&flow, len - m->ip))),
                     0);
    assert_int_equal(seg.seq, 0xffffff00u + at);
    assert_int_equal(seg.ack, 7);
    assert_int_equal(seg.window, 500);
    assert_int_equal(seg.options.tsval, 11);
    assert_int_equal(seg.text_all, want);
    unsigned flags = m->head[m->frame + m->ip + 13];
    if (!last)
        flags &= ~(unsigned)(HF_PSH | HF_FIN);
    if (index > 0)
        flags &= ~(unsigned)HF_CWR;
    assert_int_equal(seg.flags, flags);
    assert_memory_equal(bytes + m->headers, m->text + at, want);
    assert_int_equal(packet->link, 3);
    assert_int_equal(packet->segments, 1);
    assert_int_equal(packet->checksum, HF_CHECKSUM_UNKNOWN);
}

TEST(each_segment_is_what_tcp_would_have_sent, none, "")
{
    static struct made m;
    struct hf_packet packets[SEGMENTS_MAX];
    for (int times = 0; times < 400; times++) {
        uint32_t each = 1 + (uint32_t)check_random_below(1400);
        uint32_t most = each * SEGMENTS_MAX < sizeof m.text ? each * SEGMENTS_MAX : sizeof m.text;
        uint32_t text = each + 1 + (uint32_t)check_random_below(most - each - 1);
        if (times % 8 > 5) /* one segment, and nothing but its checksum to be done */
            text = each;
        unsigned flags = HF_ACK | (unsigned)check_random_below(256);
        flags &= HF_ACK | HF_PSH | HF_FIN | HF_CWR | HF_ECE;
        make(&m, times % 2, text, each, flags, 1 + (unsigned)check_random_below(6));
        if (times % 4 > 1)
            put_in_frame(&m);
        uint32_t room = 1 + (uint32_t)check_random_below(SEGMENTS_MAX);
        uint32_t done = 0;
        for (size_t n; (n = hf_packet_cut(&m.packet, done, packets, room, NULL)) > 0;)
            for (size_t i = 0; i < n; i++)
                look(&m, &packets[i], done++);
        assert_int_equal(done, m.packet.segments);
    }
}

/* RFC 6864: an ID means something where DF is off, and then no two have the same. */
TEST(ids_count_up_without_df, none, "")
{
    static struct made m;
    struct hf_packet packets[4];
    make(&m, false, 400, 100, HF_ACK, 1);
    for (int df = 1; df >= 0; df--) {
        hf_put16(m.head + 4, 0xfffe);
        m.head[6] = df ? 0x40 : 0;
        assert_int_equal(hf_packet_cut(&m.packet, 0, packets, 4, NULL), 4);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(hf_get16(packets[i].head + 4), (0xfffe + (df ? 0 : i)) & 0xffff);
            assert_int_equal(hf_checksum_finish(hf_checksum_add(packets[i].head, 20, 0)), 0);
        }
    }
}

TEST(what_is_no_run_is_not_cut, none, "")
{
    static struct made m;
    struct hf_packet out;
    make(&m, false, 400, 100, HF_ACK, 1);
    assert_int_equal(hf_packet_cut(&m.packet, 4, &out, 1, NULL), 0);
    m.packet.segments = 1;
    m.packet.checksum = HF_CHECKSUM_UNKNOWN;
    assert_int_equal(hf_packet_cut(&m.packet, 0, &out, 1, NULL), 0);
    m.packet.segments = 4;
    m.packet.segment_bytes = 0;
    assert_int_equal(hf_packet_cut(&m.packet, 0, &out, 1, NULL), 0);
    m.packet.segment_bytes = 100;
    m.packet.slice[0].len = 39;
    assert_int_equal(hf_packet_cut(&m.packet, 0, &out, 1, NULL), 0);
    m.packet.slice[0].len = m.headers;
    m.head[m.ip + 12] = 0xf0; /* a header that is longer than what is there */
    assert_int_equal(hf_packet_cut(&m.packet, 0, &out, 1, NULL), 0);
}

/* Cut and merged: the same bytes as the run has when its checksum is complete. */
TEST(what_was_cut_is_merged_again, none, "")
{
    static struct made m;
    static uint8_t dst[65600], again[65600];
    struct hf_packet packets[SEGMENTS_MAX], merged;
    for (int times = 0; times < 200; times++) {
        uint32_t each = 1 + (uint32_t)check_random_below(900);
        uint32_t text = each + 1 + (uint32_t)check_random_below(each * (SEGMENTS_MAX - 1) - 1);
        unsigned flags = HF_ACK | (unsigned)(check_random_below(2) ? HF_PSH | HF_FIN : 0);
        make(&m, times % 2, text, each, flags, 3);
        size_t n = hf_packet_cut(&m.packet, 0, packets, SEGMENTS_MAX, NULL);
        assert_int_equal(hf_packet_merge(packets, n, dst, sizeof dst, &merged), n);
        assert_int_equal(merged.segments, n);
        assert_int_equal(merged.segment_bytes, each);
        assert_int_equal(merged.len, m.headers + text);
        assert_ptr_equal(merged.slice[0].data, dst);
        assert_memory_equal(dst + m.headers, m.text, text);
        uint32_t len = hf_packet_copy(&m.packet, again, sizeof again);
        memcpy(again + m.ip + HF_TCP_CHECKSUM_AT, dst + m.ip + HF_TCP_CHECKSUM_AT, 2);
        assert_memory_equal(again, dst, len);
        struct hf_flow flow = {.local_port = 0};
        struct hf_ip_head ip;
        assert_int_equal(hf_ip_parse(dst, len, len, &ip), HF_DROP_NONE);
        memcpy(flow.local, ip.dst, 16);
        memcpy(flow.remote, ip.src, 16);
        assert_int_equal(hf_checksum_finish(hf_checksum_add(
                             dst + m.ip, len - m.ip, hf_tcp_pseudo_sum(&flow, len - m.ip))),
                         0);

        /* As far as there is room, and not beyond a gap. */
        size_t some = hf_packet_merge(packets, n, dst, m.headers + text - 1, &merged);
        assert_int_equal(some, n - 1);
        if (n > 2) {
            size_t gap = 1 + check_random_below(n - 2);
            memmove(&packets[gap], &packets[gap + 1], (n - gap - 1) * sizeof packets[0]);
            for (size_t i = gap; i < n - 1; i++)
                packets[i].slice[0].data = packets[i].head;
            assert_int_equal(hf_packet_merge(packets, n - 1, dst, sizeof dst, &merged), gap);
        }
    }
}
