/* Messages of IPv6 neighbour discovery: bytes to struct hf_discovery and back (RFC 4861 4). Pure. */
#ifndef HF_WIRE_DISCOVERY_H
#define HF_WIRE_DISCOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/trace.h>

#include "wire/ethernet.h"
#include "wire/ip.h"

/* Types of ICMPv6. */
enum {
    HF_ICMP6_ROUTER_SOLICIT = 133,
    HF_ICMP6_ROUTER_ADVERT = 134,
    HF_ICMP6_NEIGHBOUR_SOLICIT = 135,
    HF_ICMP6_NEIGHBOUR_ADVERT = 136,
    HF_ICMP6_REDIRECT = 137
};

/* Flags of an advertisement, as they stand in its fifth byte. */
enum { HF_ADVERT_ROUTER = 0x80, HF_ADVERT_SOLICITED = 0x40, HF_ADVERT_OVERRIDE = 0x20 };

struct hf_discovery {
    uint8_t type;       /* one of the five                                                    */
    uint8_t flags;      /* of an advertisement                                                */
    uint8_t target[16]; /* of NEIGHBOUR_...                                                   */
    bool has_mac;       /* the option with the sender's, or the target's, address was there   */
    uint8_t mac[HF_MAC];
};

/* Bytes of a solicitation or advertisement with the option. */
#define HF_DISCOVERY_LEN 32u

/* Is this datagram one of these messages? Only right behind the IPv6 header: extension headers in
 * front of them have no use (RFC 6980 forbids the one that had). len: bytes at `ip`. */
bool hf_is_discovery(const uint8_t *ip, uint32_t len);

/* Read a message, whole in `len` bytes at `ip`, and hold it to RFC 4861 6.1 and 7.1: hop limit 255,
 * so that it comes from this link, checksum, code, lengths. Of router messages and redirects nothing is
 * read, for nothing of them is used.
 * Returns HF_DROP_NONE, or what hf_ip_parse says, or HF_DROP_DISCOVERY, or HF_DROP_DISCOVERY_HOPS
 * (from beyond a router). */
enum hf_drop hf_discovery_parse(const uint8_t *ip, uint32_t len, struct hf_ip_head *head,
                                struct hf_discovery *message);

/* Write a solicitation or advertisement with its IPv6 header at dst: 40 + HF_DISCOVERY_LEN bytes,
 * or 8 less when has_mac is not set. Returns how many. */
uint32_t hf_discovery_build(uint8_t *dst, const uint8_t from[16], const uint8_t to[16],
                            const struct hf_discovery *message);

/* The group that is asked for an address: ff02::1:ff and its last three bytes (RFC 4291 2.7.1). */
void hf_solicited_node(uint8_t group[16], const uint8_t key[16]);

#endif
