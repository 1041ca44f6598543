/* Messages of IPv6 neighbour discovery. What a message must be before anything of it is believed is
 * decided here, in one place; what it then does stands in ip/discovery.c. */
#include "wire/discovery.h"

#include <string.h>

#include "wire/bytes.h"
#include "wire/icmp.h"

#define HOP_LIMIT 255 /* RFC 4861 7.1: no router lowered it */
#define MESSAGE 24u   /* ICMP header and target             */

/* Options, RFC 4861 4.6. */
enum { OPTION_SOURCE_MAC = 1, OPTION_TARGET_MAC = 2 };

static bool is_multicast(const uint8_t key[16])
{
    return key[0] == 0xff;
}

static bool is_unspecified(const uint8_t key[16])
{
    static const uint8_t any[16];
    return memcmp(key, any, 16) == 0;
}

void hf_solicited_node(uint8_t group[16], const uint8_t key[16])
{
    static const uint8_t prefix[13] = {0xff, 2, [11] = 1, [12] = 0xff};
    memcpy(group, prefix, 13);
    memcpy(group + 13, key + 13, 3);
}

bool hf_is_discovery(const uint8_t *ip, uint32_t len)
{
    return len > 40 && ip[0] >> 4 == 6 && ip[6] == HF_PROTO_ICMPV6 &&
           ip[40] >= HF_ICMP6_ROUTER_SOLICIT && ip[40] <= HF_ICMP6_REDIRECT;
}

/* RFC 4861 7.1.1, 7.1.2: an option of length 0 spoils the message; others are skipped. */
static bool read_options(struct hf_reader *r, struct hf_discovery *m)
{
    uint8_t wanted =
        m->type == HF_ICMP6_NEIGHBOUR_SOLICIT ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
    while (hf_reader_left(r) > 0) {
        uint8_t kind = hf_reader_u8(r), eights = hf_reader_u8(r);
        if (eights == 0)
            return false;
        const uint8_t *body = hf_reader_take(r, eights * 8u - 2);
        if (!body)
            return false;
        if (kind != wanted || eights != 1 || m->has_mac)
            continue;
        memcpy(m->mac, body, HF_MAC);
        m->has_mac = true;
    }
    return !r->failed;
}

/* What sets a solicitation apart, RFC 4861 7.1.1. */
static bool solicit_is_good(const struct hf_ip_head *head, const struct hf_discovery *m)
{
    if (!is_unspecified(head->src))
        return true;
    uint8_t group[16];
    hf_solicited_node(group, m->target);
    return !m->has_mac && memcmp(head->dst, group, 16) == 0;
}

static bool is_good(const struct hf_ip_head *head, const struct hf_discovery *m)
{
    if (is_multicast(m->target) || is_unspecified(m->target) ||
        (m->has_mac && !hf_mac_is_station(m->mac)))
        return false;
    if (m->type == HF_ICMP6_NEIGHBOUR_SOLICIT)
        return solicit_is_good(head, m);
    return !(is_multicast(head->dst) && m->flags & HF_ADVERT_SOLICITED);
}

enum hf_drop hf_discovery_parse(const uint8_t *ip, uint32_t len, struct hf_ip_head *head,
                                struct hf_discovery *m)
{
    enum hf_drop reason = hf_ip_parse(ip, len, len, head);
    if (reason != HF_DROP_NONE)
        return reason;
    if (head->ttl != HOP_LIMIT)
        return HF_DROP_DISCOVERY_HOPS;
    struct hf_icmp_head icmp;
    struct hf_slice whole = {.data = ip, .len = len};
    reason = hf_icmp_parse(head->src, head->dst, &whole, 1, head->header,
                           head->total - head->header, &icmp);
    if (reason != HF_DROP_NONE)
        return reason;
    memset(m, 0, sizeof *m);
    m->type = icmp.type;
    if (icmp.code != 0)
        return HF_DROP_DISCOVERY;
    if (m->type != HF_ICMP6_NEIGHBOUR_SOLICIT && m->type != HF_ICMP6_NEIGHBOUR_ADVERT)
        return HF_DROP_NONE;
    struct hf_reader r = {ip + head->header, ip + head->total, false};
    const uint8_t *fixed = hf_reader_take(&r, MESSAGE);
    if (!fixed)
        return HF_DROP_DISCOVERY;
    m->flags = fixed[4];
    memcpy(m->target, fixed + 8, 16);
    return read_options(&r, m) && is_good(head, m) ? HF_DROP_NONE : HF_DROP_DISCOVERY;
}

uint32_t hf_discovery_build(uint8_t *dst, const uint8_t from[16], const uint8_t to[16],
                            const struct hf_discovery *m)
{
    struct hf_flow flow = {.local_port = 0};
    uint8_t text[HF_DISCOVERY_LEN - HF_ICMP_HEADER];
    memcpy(flow.local, from, 16);
    memcpy(flow.remote, to, 16);
    memcpy(text, m->target, 16);
    text[16] = m->type == HF_ICMP6_NEIGHBOUR_SOLICIT ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
    text[17] = 1;
    memcpy(text + 18, m->mac, HF_MAC);
    struct hf_slice body = {.data = text, .len = sizeof text - (m->has_mac ? 0 : 8)};
    struct hf_icmp_head head = {.type = m->type, .rest = (uint32_t)m->flags << 24};
    uint32_t header =
        hf_ip_build(dst, &flow, HF_PROTO_ICMPV6, 0, HOP_LIMIT, 0, 0, HF_ICMP_HEADER + body.len);
    return header + hf_icmp_build(dst + header, &flow, &head, &body, 1, 0, body.len);
}
