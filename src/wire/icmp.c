/* ICMP and ICMPv6 messages: the head, the packet that an error quotes, and building both.
 *
 * src/ip calls hf_icmp_parse for what arrives and hf_icmp_build for echo replies and errors.
 * A quote is read without the strictness of hf_ip_parse: it is a part of a packet that routers
 * have changed on its way (TTL, checksum, sometimes the length) and it is used only to find the
 * connection that it came from, which then checks the sequence number (RFC 5927 4).
 *
 * RFC 792, RFC 1122 3.2.2, RFC 4443. */
#include "wire/icmp.h"

#include <string.h>

#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/ip.h"

/* Bytes of a TCP header that are needed: ports and sequence number. RFC 792 quotes no more. */
#define QUOTED_TCP 8u

/* ---- Slices ---- */

/* A place in a run of slices. */
struct place {
    const struct hf_slice *slice;
    unsigned left; /* slices, this one included                                             */
    uint32_t at;   /* within *slice                                                         */
};

/* The next bytes that lie together, at most `most`; 0 bytes when there are no more. */
static uint32_t next_run(struct place *p, uint32_t most, const uint8_t **data)
{
    for (; p->left > 0 && p->at >= p->slice->len; p->left--) {
        p->at -= p->slice->len;
        p->slice++;
    }
    if (p->left == 0)
        return 0;
    uint32_t run = p->slice->len - p->at;
    run = run < most ? run : most;
    *data = p->slice->data + p->at;
    p->at += run;
    return run;
}

/* `sum` and what `len` bytes of the slices add to it. */
static uint32_t sum_slices(struct place p, uint32_t len, uint32_t sum)
{
    const uint8_t *data;
    for (uint32_t done = 0, run; done < len; done += run) {
        run = next_run(&p, len - done, &data);
        if (run == 0)
            break;
        sum = hf_checksum_combine(sum, done, hf_checksum_add(data, run, 0));
    }
    return sum;
}

/* RFC 4443 2.3: ICMPv6 sums a pseudo-header, ICMP does not. */
static uint32_t pseudo_sum(const uint8_t src[16], const uint8_t dst[16], uint32_t len)
{
    if (hf_key_is_ipv4(dst))
        return 0;
    uint32_t sum = HF_PROTO_ICMPV6 + (len >> 16) + (len & 0xffff);
    return hf_checksum_add(dst, 16, hf_checksum_add(src, 16, sum));
}

/* ---- Parse ---- */

enum hf_drop hf_icmp_parse(const uint8_t src[16], const uint8_t dst[16],
                           const struct hf_slice *slices, unsigned slice_count, uint32_t offset,
                           uint32_t total, struct hf_icmp_head *head)
{
    struct place start = {slices, slice_count, offset}, p = start;
    const uint8_t *data;
    if (total < HF_ICMP_HEADER || next_run(&p, HF_ICMP_HEADER, &data) < HF_ICMP_HEADER)
        return HF_DROP_ICMP_SHORT;
    head->type = data[0];
    head->code = data[1];
    head->rest = hf_get32(data + 4);
    if (hf_checksum_finish(sum_slices(start, total, pseudo_sum(src, dst, total))) != 0)
        return HF_DROP_ICMP_CHECKSUM;
    return HF_DROP_NONE;
}

/* A quoted IPv4 header; r is left behind it. False: nothing of ours can follow. */
static bool quoted_ipv4(struct hf_reader *r, struct hf_icmp_quote *quote)
{
    const uint8_t *ip = hf_reader_take(r, 20);
    if (!ip || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
        return false;
    if ((hf_get16(ip + 6) & 0x1fff) != 0) /* a later fragment has no ports */
        return false;
    quote->total = hf_get16(ip + 2);
    quote->protocol = ip[9];
    hf_key_from_ipv4(quote->flow.local, ip + 12);
    hf_key_from_ipv4(quote->flow.remote, ip + 16);
    return hf_reader_take(r, (ip[0] & 15) * 4u - 20) != 0;
}

/* Behind extension headers, whatever is in them. */
static bool quoted_chain(struct hf_reader *r, uint8_t *next)
{
    for (unsigned headers = 0;; headers++) {
        bool fragment = *next == HF_PROTO_FRAGMENT;
        if (!fragment && *next != HF_PROTO_HOP_BY_HOP && *next != HF_PROTO_ROUTING &&
            *next != HF_PROTO_DESTINATION)
            return true;
        const uint8_t *header = hf_reader_take(r, 8);
        if (!header || headers == HF_IPV6_HEADERS_MAX)
            return false;
        if (fragment && hf_get16(header + 2) >> 3 != 0)
            return false;
        if (!fragment && !hf_reader_take(r, header[1] * 8u))
            return false;
        *next = header[0];
    }
}

static bool quoted_ipv6(struct hf_reader *r, struct hf_icmp_quote *quote)
{
    const uint8_t *ip = hf_reader_take(r, 40);
    if (!ip || ip[0] >> 4 != 6)
        return false;
    quote->total = 40u + hf_get16(ip + 4);
    quote->protocol = ip[6];
    memcpy(quote->flow.local, ip + 8, 16);
    memcpy(quote->flow.remote, ip + 24, 16);
    if (hf_key_is_ipv4(quote->flow.local) || hf_key_is_ipv4(quote->flow.remote))
        return false;
    return quoted_chain(r, &quote->protocol);
}

enum hf_drop hf_icmp_quote(bool ipv4, const uint8_t *data, uint32_t len,
                           struct hf_icmp_quote *quote)
{
    struct hf_reader r = {data, data + len, false};
    memset(quote, 0, sizeof *quote);
    if (!(ipv4 ? quoted_ipv4(&r, quote) : quoted_ipv6(&r, quote)))
        return HF_DROP_ICMP_QUOTE;
    if (quote->protocol != HF_PROTO_TCP)
        return HF_DROP_NONE;
    const uint8_t *tcp = hf_reader_take(&r, QUOTED_TCP);
    if (!tcp)
        return HF_DROP_ICMP_QUOTE;
    quote->flow.local_port = hf_get16(tcp);
    quote->flow.remote_port = hf_get16(tcp + 2);
    quote->seq = hf_get32(tcp + 4);
    return HF_DROP_NONE;
}

/* ---- Build ---- */

uint32_t hf_icmp_build(uint8_t *dst, const struct hf_flow *flow, const struct hf_icmp_head *head,
                       const struct hf_slice *slices, unsigned slice_count, uint32_t offset,
                       uint32_t text)
{
    struct place p = {slices, slice_count, offset};
    dst[0] = head->type;
    dst[1] = head->code;
    hf_put16(dst + 2, 0);
    hf_put32(dst + 4, head->rest);
    uint32_t len = HF_ICMP_HEADER, end = HF_ICMP_HEADER + text, run;
    const uint8_t *data;
    while (len < end && (run = next_run(&p, end - len, &data)) > 0) {
        memcpy(dst + len, data, run);
        len += run;
    }
    uint32_t sum = pseudo_sum(flow->local, flow->remote, len);
    hf_put16(dst + 2, hf_checksum_finish(hf_checksum_add(dst, len, sum)));
    return len;
}
