/* Reading what views need of a packet: addresses, ports, and the fields that tell one segment from
 * another. IPv4 with options, IPv6 with extension headers. Bounds are checked against slice 0,
 * where packet.h asks all headers to be. RFC 791 3.1, RFC 8200 4, RFC 9293 3.1. */
#include "datagram.h"

#include <string.h>

enum { PROTOCOL_TCP = 6, HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };
enum { EXTENSIONS_MAX = 8 };

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* Returns where the payload of TCP begins, or 0; *total is where the datagram ends. */
static uint32_t read_ipv4(const uint8_t *p, uint32_t len, struct hf_datagram *out,
                          uint32_t *total)
{
    if (len < 20)
        return 0;
    uint32_t header = (p[0] & 15u) * 4u;
    if (header < 20 || header > len || p[9] != PROTOCOL_TCP)
        return 0;
    if ((get16(p + 6) & 0x3fffu) != 0)
        return 0; /* a fragment */
    *total = get16(p + 2);
    out->from.addr.family = out->to.addr.family = HF_IPV4;
    memcpy(out->from.addr.bytes, p + 12, 4);
    memcpy(out->to.addr.bytes, p + 16, 4);
    return header;
}

static uint32_t read_ipv6(const uint8_t *p, uint32_t len, struct hf_datagram *out,
                          uint32_t *total)
{
    if (len < 40)
        return 0;
    *total = 40u + get16(p + 4);
    out->from.addr.family = out->to.addr.family = HF_IPV6;
    memcpy(out->from.addr.bytes, p + 8, 16);
    memcpy(out->to.addr.bytes, p + 24, 16);

    uint8_t next = p[6];
    uint32_t at = 40;
    for (int i = 0; next != PROTOCOL_TCP; i++) {
        if (i == EXTENSIONS_MAX || at + 8 > len)
            return 0;
        if (next == FRAGMENT) {
            if ((get16(p + at + 2) & 0xfff9u) != 0)
                return 0;
            next = p[at];
            at += 8;
        } else if (next == HOP_BY_HOP || next == ROUTING || next == DESTINATION) {
            next = p[at];
            at += (p[at + 1] + 1u) * 8u;
        } else {
            return 0;
        }
    }
    return at;
}

bool hf_datagram_read(const struct hf_packet *packet, struct hf_datagram *out)
{
    memset(out, 0, sizeof *out);
    if (packet == NULL || packet->slices == 0 || packet->slice[0].len == 0)
        return false;
    const uint8_t *p = packet->slice[0].data;
    uint32_t len = packet->slice[0].len;
    uint32_t total = 0;
    uint32_t at = p[0] >> 4 == 4   ? read_ipv4(p, len, out, &total)
                  : p[0] >> 4 == 6 ? read_ipv6(p, len, out, &total)
                                   : 0;
    /* A super-segment can be longer than the IP header's length field can say. */
    if (total < packet->len && packet->segments > 1)
        total = packet->len;
    if (at == 0 || at + 20 > len || total > packet->len)
        return false;

    const uint8_t *tcp = p + at;
    uint32_t header = (tcp[12] >> 4) * 4u;
    if (header < 20 || at + header > total)
        return false;
    out->tcp_at = at;
    out->from.port = get16(tcp);
    out->to.port = get16(tcp + 2);
    out->seq = get32(tcp + 4);
    out->ack = get32(tcp + 8);
    out->flags = get16(tcp + 12) & 0x1ffu;
    out->window = get16(tcp + 14);
    out->text = total - at - header;
    return true;
}

uint32_t hf_record_length(const struct hf_trace_record *record)
{
    return record->u.segment.text + ((record->u.segment.flags & HF_SYN) != 0) +
           ((record->u.segment.flags & HF_FIN) != 0);
}

bool hf_record_matches(const struct hf_trace_record *out, const struct hf_trace_record *in)
{
    unsigned changes = HF_PSH | HF_FIN | HF_CWR; /* which cutting and merging may move */
    if (((out->u.segment.flags ^ in->u.segment.flags) & 0x1ffu & ~changes) != 0)
        return false;
    if (out->u.segment.ack != in->u.segment.ack)
        return false;
    if (out->u.segment.has_ts != in->u.segment.has_ts)
        return false;
    if (out->u.segment.has_ts && (out->u.segment.tsval != in->u.segment.tsval ||
                                  out->u.segment.tsecr != in->u.segment.tsecr))
        return false;
    uint32_t skipped = in->u.segment.seq - out->u.segment.seq;
    uint32_t sent = hf_record_length(out);
    if (sent == 0)
        return skipped == 0 && hf_record_length(in) == 0;
    return skipped < sent && hf_record_length(in) > 0 && hf_record_length(in) <= sent - skipped;
}

bool hf_view_same_end(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port && a->addr.family == b->addr.family &&
           memcmp(a->addr.bytes, b->addr.bytes, sizeof a->addr.bytes) == 0;
}

bool hf_view_foreign(int drop)
{
    return drop != HF_DROP_NONE && drop != HF_DROP_TEXT_DUPLICATE && drop != HF_DROP_ACK_OLD &&
           drop != HF_DROP_TEXT_AFTER_FIN && drop != HF_DROP_TEXT_ON_SYN;
}
