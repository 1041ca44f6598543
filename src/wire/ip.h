/* IPv4 and IPv6 headers: bytes to struct hf_ip_head and back (RFC 791, RFC 8200). Pure. */
#ifndef HF_WIRE_IP_H
#define HF_WIRE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/trace.h>

#include "base/assert.h"
#include "wire/bytes.h"
#include "wire/flow.h"

#define HF_PROTO_ICMP 1
#define HF_PROTO_TCP 6
#define HF_PROTO_UDP 17
#define HF_PROTO_ICMPV6 58

/* Next-header values that name an extension header, or nothing (RFC 8200 4). */
#define HF_PROTO_HOP_BY_HOP 0
#define HF_PROTO_ROUTING 43
#define HF_PROTO_FRAGMENT 44
#define HF_PROTO_ESP 50
#define HF_PROTO_AH 51
#define HF_PROTO_NOTHING 59
#define HF_PROTO_DESTINATION 60

#define HF_IPV6_HEADERS_MAX 8  /* extension headers walked, RFC 8504 5.3                      */
#define HF_IPV6_OPTIONS_MAX 64 /* options in them, together                                   */

/* What a packet says. `protocol` is the payload's, behind extension headers; HF_PROTO_NOTHING
 * says that none follows (RFC 8200 4.7). A fragment's payload is all that follows the fragment
 * header, and `protocol` is what that header names.
 *
 * IPv6 offsets, from the start of the packet: `fragment_at` is where the fragment header
 * stands; `next_at` where the byte stands that names it (for a packet that is no fragment: the
 * byte that names `protocol`), so that a reassembled packet is the bytes before fragment_at,
 * with *next_at = protocol, and the payload. When the packet is to be dropped, `problem_at` is
 * the byte to point an ICMPv6 parameter problem of `problem_code` at, or 0: drop in silence;
 * src, dst and total are then filled in. */
struct hf_ip_head {
    uint8_t family; /* HF_IPV4 or HF_IPV6                                                     */
    uint8_t protocol;
    uint8_t ttl, tos;
    uint8_t src[16], dst[16]; /* keys of wire/flow.h                                          */
    uint32_t header;    /* bytes before the payload                                           */
    uint32_t total;     /* bytes of the whole packet; what lies behind is padding             */
    bool fragment;      /* a piece of a datagram (an atomic IPv6 fragment is not, RFC 6946)   */
    bool more;          /* more fragments follow                                              */
    bool dont_fragment; /* IPv4                                                               */
    uint32_t offset;    /* of this piece, bytes                                               */
    uint32_t id;        /* 16 bits for IPv4; IPv6: 32, of a fragment header                   */
    uint32_t fragment_at;
    uint32_t next_at;
    uint32_t problem_at;
    uint8_t problem_code;
};

/* `len`: bytes at `data` that lie in one piece; `total`: bytes of the packet, at least len.
 * Returns HF_DROP_NONE or why it is to be dropped; the header checksum is verified. Fragments
 * that cannot be part of any honest datagram are dropped here: with a size that is no multiple
 * of eight, past 65,535 bytes, or cut within the TCP header (RFC 1858, RFC 7112). */
enum hf_drop hf_ip_parse(const uint8_t *data, uint32_t len, uint32_t total,
                         struct hf_ip_head *head);

#define HF_IP_DATAGRAM_MAX 65535u /* bytes                                                    */

/* hf_ip_build for IPv4; `addresses`: the sum over both (hf_flow_sum). */
static inline uint32_t hf_ip_build_ipv4(uint8_t *dst, const struct hf_flow *flow,
                                        uint64_t addresses, uint8_t protocol, uint8_t tos,
                                        uint8_t ttl, uint16_t id, uint32_t payload)
{
    HF_ASSERT(payload <= HF_IP_DATAGRAM_MAX - 20);
    uint64_t native = hf_put32_32(dst, 0x45u << 24 | (uint32_t)tos << 16 | (20 + payload),
                                  (uint32_t)id << 16 | 0x4000);
    uint32_t third = hf_put32_native(dst + 8, (uint32_t)ttl << 24 | (uint32_t)protocol << 16);
    native = hf_checksum_join(native, third + addresses);
    memcpy(dst + 12, flow->local + 12, 4);
    memcpy(dst + 16, flow->remote + 12, 4);
    uint16_t sum = (uint16_t)~hf_checksum_fold(native);
    memcpy(dst + 10, &sum, sizeof sum); /* in the order in which it was summed */
    return 20;
}

/* Write the header for a datagram of `payload` bytes; returns 20 or 40. IPv4: DF set, ID as
 * given; checksum filled in. IPv6: `flow_label` 20 bits. */
uint32_t hf_ip_build(uint8_t *dst, const struct hf_flow *flow, uint8_t protocol, uint8_t tos,
                     uint8_t ttl, uint16_t id, uint32_t flow_label, uint32_t payload);

#endif
