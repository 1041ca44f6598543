/* The packet that nearly every packet is: a TCP segment, whole and without IP options, between a pair
 * of addresses that was found good. All that the long road would find out about it is known, and its
 * answer is the same; what does not fit takes the long road (hf_ip_input).
 *
 * Inline, and with a datagram of its own, so that what is found out stays in registers. */
#ifndef HF_IP_PLAIN_H
#define HF_IP_PLAIN_H

#include "base/assert.h"
#include "ip/ip.h"
#include "wire/bytes.h"

/* The last four bytes of both addresses, as they stand in an IPv4 header. */
static inline uint64_t hf_ip_pair(const uint8_t *src_end, const uint8_t *dst_end)
{
    uint8_t bytes[8];
    uint64_t pair;
    memcpy(bytes, src_end, 4);
    memcpy(bytes + 4, dst_end, 4);
    memcpy(&pair, bytes, sizeof pair);
    return pair;
}

/* On which link a pair came, and of which family it is. */
static inline uint32_t hf_ip_way(unsigned link, enum hf_family family)
{
    return link << 8 | (uint32_t)family;
}

/* Where a pair is remembered. */
static inline unsigned hf_ip_seen_at(uint64_t pair)
{
    return (unsigned)(pair * 0x9e3779b97f4a7c15u >> 60); /* 2^64 / golden ratio */
}
_Static_assert(HF_IP_SEEN == 16, "four bits");

static HF_INLINE const struct hf_ip_seen *hf_ip_plain_ipv4(const struct hf_ip *ip, unsigned link,
                                                           const uint8_t *data,
                                                           struct hf_ip_datagram *d)
{
    uint64_t pair;
    uint32_t third;
    uint16_t cut;
    memcpy(&pair, data + 12, sizeof pair);
    memcpy(&third, data + 8, sizeof third);
    memcpy(&cut, data + 6, sizeof cut);
    const struct hf_ip_seen *seen = &ip->seen[hf_ip_seen_at(pair)];
    if (seen->pair != pair || seen->way != hf_ip_way(link, HF_IPV4) || data[9] != HF_PROTO_TCP ||
        (cut & hf_word16(0x3fff)) != 0)
        return 0;
    d->addresses = (pair >> 32) + (uint32_t)pair;
    uint64_t sum = hf_checksum_join(hf_checksum_native(data, 2), third + d->addresses);
    if (hf_checksum_fold(sum) != 0xffff)
        return 0;
    d->total = hf_get16(data + 2);
    d->tos = data[1];
    d->ttl = data[8];
    return seen;
}

static HF_INLINE const struct hf_ip_seen *hf_ip_plain_ipv6(const struct hf_ip *ip, unsigned link,
                                                           const uint8_t *data,
                                                           struct hf_ip_datagram *d)
{
    const struct hf_ip_seen *seen = &ip->seen[hf_ip_seen_at(hf_ip_pair(data + 20, data + 36))];
    if (data[0] >> 4 != 6 || data[6] != HF_PROTO_TCP || seen->way != hf_ip_way(link, HF_IPV6) ||
        !hf_key_equal(data + 8, seen->src) || !hf_key_equal(data + 24, seen->dst))
        return 0;
    d->addresses = hf_checksum_native(data + 8, 8);
    d->total = 40u + hf_get16(data + 4);
    d->tos = (uint8_t)(hf_get16(data) >> 4);
    d->ttl = data[7];
    return seen;
}

static HF_INLINE bool hf_ip_is_plain(const struct hf_ip *ip, unsigned link,
                                     const struct hf_packet *packet, struct hf_ip_datagram *d)
{
    const uint8_t *data = packet->slice[0].data;
    uint32_t len = packet->slice[0].len;
    if (HF_UNLIKELY(len < 40))
        return false;
    bool ipv4 = data[0] == 0x45;
    uint32_t header = ipv4 ? 20 : 40;
    const struct hf_ip_seen *seen =
        ipv4 ? hf_ip_plain_ipv4(ip, link, data, d) : hf_ip_plain_ipv6(ip, link, data, d);
    if (!seen || d->total < header + 20 || d->total > packet->len || len < header + 20)
        return false;
    d->total -= header;
    memcpy(d->flow.local, seen->dst, 16);
    memcpy(d->flow.remote, seen->src, 16);
    d->flow.local_port = d->flow.remote_port = 0;
    d->link = (uint8_t)link;
    d->to_us = true;
    d->reassembled = false;
    d->offset = header;
    d->head = data + header;
    d->head_len = len - header < d->total ? len - header : d->total;
    d->slices = packet->slice;
    d->slice_count = packet->slices;
    return true;
}

#endif
