/* The two ends of a connection as the core keeps them: 36 bytes, the key of every table.
 *
 * Both families share the form: an IPv4 address stands in the last four bytes behind the prefix
 * ::ffff:0:0/96. That is a private encoding; a packet that carries such an address as IPv6 is
 * dropped by ip, and no public call accepts one. */
#ifndef HF_WIRE_FLOW_H
#define HF_WIRE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <handfast/address.h>

#include "base/checksum.h"

struct hf_flow {
    uint8_t local[16], remote[16];
    uint16_t local_port, remote_port; /* host order                                           */
};

/* Both ports with one store, since they are soon loaded as one word. source_first: as they stand in a
 * header from the remote end, first the source, in host order. */
static inline void hf_flow_set_ports_from(struct hf_flow *flow, uint32_t source_first)
{
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    source_first = source_first << 16 | source_first >> 16;
#endif
    memcpy(&flow->local_port, &source_first, sizeof source_first);
}

/* Both with one load, as they stand in a header to the remote end, in host order. */
static inline uint32_t hf_flow_ports_to(const struct hf_flow *flow)
{
    uint32_t ports;
    memcpy(&ports, &flow->local_port, sizeof ports);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    ports = ports << 16 | ports >> 16;
#endif
    return ports;
}
_Static_assert(offsetof(struct hf_flow, remote_port) == offsetof(struct hf_flow, local_port) + 2,
               "the ports stand side by side");

/* What a path offers: ip fills it, tcp reads it. */
struct hf_path {
    uint8_t link; /* from 1                                                                   */
    uint8_t ttl;
    bool to_us;        /* the local address is one of ours (a gateway answers for others too)  */
    uint16_t mtu;      /* path MTU, bytes of an IP packet                                     */
    uint16_t link_mtu; /* what the link takes: the advertised MSS comes from it               */
    uint32_t gso_max;  /* super-segments, bytes; 0: none                                      */
    uint32_t features; /* HF_LINK_...                                                         */
};

static inline bool hf_key_is_ipv4(const uint8_t key[16])
{
    static const uint8_t mapped[4] = {0, 0, 0xff, 0xff};
    uint64_t first;
    uint32_t second, prefix;
    memcpy(&first, key, 8);
    memcpy(&second, key + 8, 4);
    memcpy(&prefix, mapped, 4);
    return first == 0 && second == prefix;
}

static inline bool hf_key_equal(const uint8_t a[16], const uint8_t b[16])
{
    uint64_t x[2], y[2];
    memcpy(x, a, 16);
    memcpy(y, b, 16);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool hf_flow_equal(const struct hf_flow *a, const struct hf_flow *b)
{
    return hf_key_equal(a->local, b->local) && hf_key_equal(a->remote, b->remote) &&
           hf_flow_ports_to(a) == hf_flow_ports_to(b);
}

static inline bool hf_flow_is_ipv4(const struct hf_flow *flow)
{
    return hf_key_is_ipv4(flow->remote);
}

static inline uint32_t hf_flow_ip_header(const struct hf_flow *flow)
{
    return hf_flow_is_ipv4(flow) ? 20 : 40;
}

/* The native sum over both addresses (base/checksum.h), which the pseudo-header has and the header
 * of IPv4. The prefix of an IPv4 key, one word 0xffff, is a zero in it. */
static inline uint64_t hf_flow_sum_ipv4(const struct hf_flow *flow)
{
    uint32_t local, remote;
    memcpy(&local, flow->local + 12, 4);
    memcpy(&remote, flow->remote + 12, 4);
    return (uint64_t)local + remote;
}

static inline uint64_t hf_flow_sum(const struct hf_flow *flow, bool ipv4)
{
    return ipv4 ? hf_flow_sum_ipv4(flow) : hf_checksum_native(flow, 8);
}

/* The key of an IPv4 address in network order. */
static inline void hf_key_from_ipv4(uint8_t key[16], const uint8_t *address)
{
    memset(key, 0, 10);
    key[10] = key[11] = 0xff;
    memcpy(key + 12, address, 4);
}

/* Between a public address and its 16-byte key. */
void hf_key_from_addr(uint8_t key[16], const struct hf_addr *addr);
void hf_key_to_addr(const uint8_t key[16], unsigned zone, struct hf_addr *addr);

/* fe80::/10 */
static inline bool hf_key_is_link_local(const uint8_t key[16])
{
    return key[0] == 0xfe && (key[1] & 0xc0) == 0x80;
}

#endif
