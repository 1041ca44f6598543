/* IPv4 and IPv6 headers: bytes to struct hf_ip_head and back.
 *
 * hf_ip_parse is the first thing that looks at a packet. It judges what one packet says about
 * itself: lengths against each other and against what arrived, header checksum, IPv4 options,
 * the IPv6 extension header chain within limits, the shape of a fragment. Whose addresses
 * those are, and what to answer, is for src/ip; it never reads past `len`.
 *
 * RFC 791, RFC 1122 3.2.1, RFC 8200 4, RFC 8504 5.3, RFC 7112, RFC 6946, RFC 5095, RFC 1858. */
#include "wire/ip.h"

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/icmp.h"

#define DATAGRAM_MAX HF_IP_DATAGRAM_MAX /* that a reassembled datagram may say it has        */
#define TCP_HEADER_MIN 20u
#define TCP_HEADER_MAX 60u

/* IPv4 option types, RFC 791 3.1. */
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_LSRR = 131, OPTION_SSRR = 137 };

/* Option types in IPv6 extension headers, RFC 8200 4.2. */
enum { OPTION_PAD1 = 0, OPTION_PADN = 1 };

/* ---- Fragments, both families ---- */

/* No honest sender cuts within the TCP header; who does wants one half judged without the other
 * (RFC 1858, RFC 7112 4). */
static bool cuts_tcp_header(const uint8_t *tcp, uint32_t readable, uint32_t payload,
                            uint32_t offset)
{
    if (offset > 0)
        return offset < TCP_HEADER_MIN;
    if (payload < TCP_HEADER_MIN || readable < TCP_HEADER_MIN)
        return true;
    return payload < (tcp[12] >> 4) * 4u;
}

/* Some text, in eights unless it is the last, and no end past 65,535 bytes. */
static bool fragment_fits(const struct hf_ip_head *head)
{
    uint32_t payload = head->total - head->header;
    return payload > 0 && (!head->more || payload % 8 == 0) &&
           head->offset + payload <= DATAGRAM_MAX;
}

/* ---- IPv4 ---- */

/* Options are of no use to a host that only terminates TCP: they are checked for shape and
 * ignored, but for source routes, which bring packets from where they do not say. */
static bool ipv4_options_ok(const uint8_t *options, uint32_t len)
{
    struct hf_reader r = {options, options + len, false};
    while (hf_reader_left(&r) > 0) {
        uint8_t type = hf_reader_u8(&r);
        if (type == OPTION_END)
            return true;
        if (type == OPTION_NOP)
            continue;
        if (type == OPTION_LSRR || type == OPTION_SSRR)
            return false;
        uint8_t option_len = hf_reader_u8(&r);
        if (option_len < 2 || !hf_reader_take(&r, option_len - 2u))
            return false;
    }
    return true;
}

static enum hf_drop parse_ipv4(const uint8_t *data, uint32_t len, uint32_t total,
                               struct hf_ip_head *head)
{
    if (len < 20)
        return HF_DROP_IP_SHORT;
    uint32_t header = (data[0] & 15) * 4u;
    uint32_t says = hf_get16(data + 2);
    if (header < 20 || says < header)
        return HF_DROP_IP_HEADER;
    if (header > len || says > total)
        return HF_DROP_IP_SHORT;
    uint64_t sum =
        header == 20 ? hf_checksum_native(data, 5) : hf_checksum_native(data, header / 4);
    if (hf_checksum_fold(sum) != 0xffff)
        return HF_DROP_IP_CHECKSUM;

    uint32_t cut = hf_get16(data + 6);
    head->family = HF_IPV4;
    head->tos = data[1];
    head->ttl = data[8];
    head->protocol = data[9];
    head->id = hf_get16(data + 4);
    hf_key_from_ipv4(head->src, data + 12);
    hf_key_from_ipv4(head->dst, data + 16);
    head->header = header;
    head->total = says;
    head->dont_fragment = (cut & 0x4000) != 0;
    head->more = (cut & 0x2000) != 0;
    head->offset = (cut & 0x1fff) * 8;
    head->fragment = head->more || head->offset > 0;
    if (header > 20 && !ipv4_options_ok(data + 20, header - 20))
        return HF_DROP_IP_OPTIONS;
    if (!head->fragment)
        return HF_DROP_NONE;
    if (!fragment_fits(head))
        return HF_DROP_FRAGMENT_BAD;
    if (head->protocol == HF_PROTO_TCP &&
        cuts_tcp_header(data + header, len - header, says - header, head->offset))
        return HF_DROP_FRAGMENT_BAD;
    return HF_DROP_NONE;
}

/* ---- IPv6 ---- */

/* Walking the extension headers of one packet. */
struct walk {
    const uint8_t *data;
    uint32_t end;     /* of what can be read: neither past the packet nor past its piece      */
    uint32_t at;      /* the header that is looked at                                         */
    uint32_t next_at; /* the byte that names it                                               */
    uint8_t next;     /* what that byte says                                                  */
    uint32_t headers, options;
    struct hf_ip_head *head;
};

static enum hf_drop problem(struct walk *w, uint8_t code, uint32_t at)
{
    w->head->problem_code = code;
    w->head->problem_at = at;
    return HF_DROP_IP_EXTENSIONS;
}

/* An option that we do not know: its two high bits say what to do (RFC 8200 4.2). */
static enum hf_drop unknown_option(struct walk *w, uint32_t at)
{
    bool multicast = w->head->dst[0] == 0xff;
    switch (w->data[at] >> 6) {
    case 0:
        return HF_DROP_NONE;
    case 1:
        return HF_DROP_IP_EXTENSIONS;
    case 2:
        return problem(w, HF_ICMP6_BAD_OPTION, at);
    default:
        return multicast ? HF_DROP_IP_EXTENSIONS : problem(w, HF_ICMP6_BAD_OPTION, at);
    }
}

/* The options of a hop-by-hop or destination header that ends at `end`. */
static enum hf_drop walk_options(struct walk *w, uint32_t end)
{
    uint32_t at = w->at + 2;
    while (at < end) {
        if (++w->options > HF_IPV6_OPTIONS_MAX)
            return HF_DROP_IP_EXTENSIONS;
        if (w->data[at] == OPTION_PAD1) {
            at++;
            continue;
        }
        if (end - at < 2 || end - at - 2 < w->data[at + 1])
            return HF_DROP_IP_EXTENSIONS;
        if (w->data[at] != OPTION_PADN) {
            enum hf_drop drop = unknown_option(w, at);
            if (drop != HF_DROP_NONE)
                return drop;
        }
        at += 2u + w->data[at + 1];
    }
    return HF_DROP_NONE;
}

/* We know no routing type, so one that still has somewhere to go is a problem, and one that has
 * not is passed over; that is all there is to type 0 as well (RFC 8200 4.4, RFC 5095 3). */
static enum hf_drop walk_routing(struct walk *w)
{
    if (w->data[w->at + 3] > 0)
        return problem(w, HF_ICMP6_BAD_FIELD, w->at + 2);
    return HF_DROP_NONE;
}

/* The rest of the chain of a first fragment is walked too: it must all be there (RFC 7112 5). */
static enum hf_drop walk_fragment(struct walk *w)
{
    struct hf_ip_head *head = w->head;
    if (head->fragment_at > 0) /* a fragment of a fragment, which no host sends */
        return HF_DROP_IP_EXTENSIONS;
    uint32_t cut = hf_get16(w->data + w->at + 2);
    head->fragment_at = w->at;
    head->id = hf_get32(w->data + w->at + 4);
    head->offset = cut & 0xfff8;
    head->more = cut & 1;
    head->fragment = head->more || head->offset > 0;
    if (!head->fragment) /* atomic: as if the header were not there (RFC 6946 4) */
        return HF_DROP_NONE;
    head->protocol = w->data[w->at];
    head->header = w->at + 8;
    head->next_at = w->next_at;
    if (fragment_fits(head))
        return HF_DROP_NONE;
    /* RFC 8200 4.5: point at the payload length, or at the offset when the end is too far out. */
    uint32_t payload = head->total - head->header;
    if (head->more && payload % 8 != 0)
        problem(w, HF_ICMP6_BAD_FIELD, 4);
    else if (payload > 0)
        problem(w, HF_ICMP6_BAD_FIELD, head->fragment_at + 2);
    return HF_DROP_FRAGMENT_BAD;
}

/* One extension header; w is moved behind it. */
static enum hf_drop walk_one(struct walk *w)
{
    if (++w->headers > HF_IPV6_HEADERS_MAX || w->end - w->at < 8)
        return HF_DROP_IP_EXTENSIONS;
    uint32_t len = w->next == HF_PROTO_FRAGMENT ? 8 : (w->data[w->at + 1] + 1u) * 8;
    if (w->end - w->at < len)
        return HF_DROP_IP_EXTENSIONS;
    enum hf_drop drop;
    if (w->next == HF_PROTO_FRAGMENT)
        drop = walk_fragment(w);
    else if (w->next == HF_PROTO_ROUTING)
        drop = walk_routing(w);
    else
        drop = walk_options(w, w->at + len);
    w->next_at = w->at;
    w->next = w->data[w->at];
    w->at += len;
    return drop;
}

static bool is_later_fragment(const struct hf_ip_head *head)
{
    return head->fragment && head->offset > 0;
}

/* To the payload, or to what a later fragment carries. */
static enum hf_drop walk_chain(struct walk *w)
{
    while (!is_later_fragment(w->head)) {
        switch (w->next) {
        case HF_PROTO_HOP_BY_HOP: /* only right behind the IPv6 header, RFC 8200 4.1 */
            if (w->headers > 0)
                return problem(w, HF_ICMP6_BAD_NEXT_HEADER, w->next_at);
            break;
        case HF_PROTO_AH:
        case HF_PROTO_ESP: /* no security association exists here */
            return problem(w, HF_ICMP6_BAD_NEXT_HEADER, w->next_at);
        case HF_PROTO_DESTINATION:
        case HF_PROTO_ROUTING:
        case HF_PROTO_FRAGMENT:
            break;
        default:
            return HF_DROP_NONE;
        }
        enum hf_drop drop = walk_one(w);
        if (drop != HF_DROP_NONE)
            return drop;
    }
    return HF_DROP_NONE;
}

static enum hf_drop parse_ipv6(const uint8_t *data, uint32_t len, uint32_t total,
                               struct hf_ip_head *head)
{
    if (len < 40 || 40u + hf_get16(data + 4) > total)
        return HF_DROP_IP_SHORT;
    head->family = HF_IPV6;
    head->tos = (uint8_t)(hf_get16(data) >> 4);
    head->ttl = data[7];
    head->total = 40u + hf_get16(data + 4);
    memcpy(head->src, data + 8, 16);
    memcpy(head->dst, data + 24, 16);
    if (hf_key_is_ipv4(head->src) || hf_key_is_ipv4(head->dst))
        return HF_DROP_IP_SOURCE;

    struct walk w = {data, head->total < len ? head->total : len, 40, 6, data[6], 0, 0, head};
    enum hf_drop drop = walk_chain(&w);
    if (drop != HF_DROP_NONE)
        return drop;
    if (!head->fragment) {
        head->protocol = w.next;
        head->header = w.at;
        head->next_at = w.next_at;
        return HF_DROP_NONE;
    }
    if (w.next == HF_PROTO_TCP &&
        cuts_tcp_header(data + w.at, w.end - w.at, head->total - w.at, head->offset))
        return HF_DROP_FRAGMENT_BAD;
    return HF_DROP_NONE;
}

/* ---- Both ---- */

enum hf_drop hf_ip_parse(const uint8_t *data, uint32_t len, uint32_t total,
                         struct hf_ip_head *head)
{
    memset(head, 0, sizeof *head);
    if (len == 0)
        return HF_DROP_IP_SHORT;
    switch (data[0] >> 4) {
    case 4:
        return parse_ipv4(data, len, total, head);
    case 6:
        return parse_ipv6(data, len, total, head);
    default:
        return HF_DROP_IP_VERSION;
    }
}

uint32_t hf_ip_build(uint8_t *dst, const struct hf_flow *flow, uint8_t protocol, uint8_t tos,
                     uint8_t ttl, uint16_t id, uint32_t flow_label, uint32_t payload)
{
    if (hf_flow_is_ipv4(flow))
        return hf_ip_build_ipv4(dst, flow, hf_flow_sum_ipv4(flow), protocol, tos, ttl, id,
                                payload);
    HF_ASSERT(payload <= 65535);
    hf_put32(dst, 6u << 28 | (uint32_t)tos << 20 | (flow_label & 0xfffff));
    hf_put16(dst + 4, payload);
    dst[6] = protocol;
    dst[7] = ttl;
    memcpy(dst + 8, flow->local, 16);
    memcpy(dst + 24, flow->remote, 16);
    return 40;
}
