/* Handfast: addresses. IPv4 and IPv6 alike; text in, text out. */
#ifndef HANDFAST_ADDRESS_H
#define HANDFAST_ADDRESS_H

#include <handfast/types.h>

HF_BEGIN

enum hf_family { HF_FAMILY_NONE = 0, HF_IPV4 = 4, HF_IPV6 = 6 };

/* An address. `family` HF_FAMILY_NONE means "unspecified, either family".
 * IPv4 uses the first four bytes, in network order; the others are zero.
 * `zone` is the link (counted from 1) that an IPv6 link-local address belongs to; 0 otherwise.
 * IPv4-mapped IPv6 addresses are not accepted anywhere in the core. */
struct hf_addr {
    uint8_t family;
    uint8_t zone;
    uint8_t bytes[16];
};

/* An address and a port (host order). */
struct hf_endpoint {
    struct hf_addr addr;
    uint16_t port;
};

#define HF_ADDR_TEXT 56     /* room for any address with its zone, and the final 0           */
#define HF_ENDPOINT_TEXT 64 /* room for [address]:port                                       */

/* hf_addr_parse: read "192.0.2.1", "2001:db8::1" or "fe80::1%2".
 * returns  0, or HF_ERR_ARGUMENT (not an address; *addr unchanged)
 * thread   any
 * source   RFC 4291 2.2, RFC 6943 3.1.1 (strict dotted quad) */
HF_API int hf_addr_parse(const char *text, struct hf_addr *addr);

/* hf_addr_format: write the RFC 5952 form of an address ("*" for none).
 * text     at least HF_ADDR_TEXT bytes
 * returns  text */
HF_API char *hf_addr_format(const struct hf_addr *addr, char *text);

/* hf_endpoint_format: "192.0.2.1:80" or "[2001:db8::1]:80".
 * text     at least HF_ENDPOINT_TEXT bytes
 * returns  text */
HF_API char *hf_endpoint_format(const struct hf_endpoint *end, char *text);

/* hf_addr_equal: same family, zone and bytes. */
HF_API int hf_addr_equal(const struct hf_addr *a, const struct hf_addr *b);

HF_END
#endif
