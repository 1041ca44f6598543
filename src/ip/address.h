/* What kind of address a key is, and whose (RFC 1122 3.2.1.3, RFC 4291). Inside src/ip only. */
#ifndef HF_IP_ADDRESS_H
#define HF_IP_ADDRESS_H

#include "ip/ip.h"

enum hf_scope {
    HF_SCOPE_NONE, /* unspecified, and IPv4 0/8                                               */
    HF_SCOPE_LOOPBACK,
    HF_SCOPE_LINK, /* fe80::/10 and 169.254/16                                                */
    HF_SCOPE_GLOBAL,
    HF_SCOPE_MULTICAST,
    HF_SCOPE_BROADCAST /* the limited one                                                     */
};

enum hf_scope hf_key_scope(const uint8_t key[16]);

/* Do the first `bits` of two keys agree? */
bool hf_key_same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned bits);

/* The length of an address's prefix in its 16-byte key. */
unsigned hf_ip_key_bits(const struct hf_ip_address *address);

/* Is it our address for packets of this link? A link-local one belongs to its link alone. */
bool hf_ip_owns(const struct hf_ip *ip, unsigned link, const uint8_t key[16]);

/* Is it our address on this very link? */
bool hf_ip_is_here(const struct hf_ip *ip, unsigned link, const uint8_t key[16]);

/* The family, prefix length and addresses that both add calls take; the key is filled in. */
int hf_ip_prefix_key(const struct hf_ip *ip, unsigned link, const struct hf_addr *addr,
                     unsigned bits, uint8_t key[16]);

/* Put a route in its place (ip/route.c). `bits` of the key; gateway: NULL, or the next hop. Returns 0
 * or HF_ERR_LIMIT. */
int hf_ip_insert_route(struct hf_ip *ip, unsigned link, const uint8_t key[16], unsigned bits,
                       const uint8_t *gateway);

/* Who is sent to on this link for `remote`: itself, or a gateway. False: no route leads there. */
bool hf_ip_next_hop(const struct hf_ip *ip, unsigned link, const uint8_t remote[16],
                    uint8_t hop[16]);

/* Our address on a link that suits `remote` best; NULL when there is none of its family. */
const struct hf_ip_address *hf_ip_source(const struct hf_ip *ip, unsigned link,
                                         const uint8_t remote[16]);

#endif
