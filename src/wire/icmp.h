/* ICMP and ICMPv6 messages (RFC 792, RFC 4443): the eight bytes that all of them begin with,
 * the packet that an error quotes, and the building of both. Pure. What an error means for
 * TCP, and how often one may be sent, is for src/ip.
 *
 *   |     type      |     code      |           checksum            |
 *   |  rest: echo id and sequence, MTU, pointer, or unused          |
 *   |  text: echo data, or as much of the quoted packet as fits     |
 */
#ifndef HF_WIRE_ICMP_H
#define HF_WIRE_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/packet.h>
#include <handfast/trace.h>

#include "base/seq.h"
#include "wire/flow.h"

#define HF_ICMP_HEADER 8u

/* An error quotes as much as fits into a packet that no path cuts: 576 bytes (RFC 1812 4.3.2.3)
 * and 1280 (RFC 4443 2.4 c), IP and ICMP headers included. */
#define HF_ICMP_QUOTE_MAX_IPV4 548u
#define HF_ICMP_QUOTE_MAX_IPV6 1232u

/* Types of ICMP. */
enum {
    HF_ICMP4_ECHO_REPLY = 0,
    HF_ICMP4_UNREACHABLE = 3,
    HF_ICMP4_SOURCE_QUENCH = 4,
    HF_ICMP4_REDIRECT = 5,
    HF_ICMP4_ECHO = 8,
    HF_ICMP4_TIME_EXCEEDED = 11,
    HF_ICMP4_PARAMETER = 12
};

/* Codes of HF_ICMP4_UNREACHABLE (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
enum {
    HF_ICMP4_NET = 0,
    HF_ICMP4_HOST = 1,
    HF_ICMP4_PROTOCOL = 2,
    HF_ICMP4_PORT = 3,
    HF_ICMP4_TOO_BIG = 4, /* fragmentation needed and DF set                                  */
    HF_ICMP4_ADMIN = 13
};

/* Types of ICMPv6; 0 to 127 are errors (RFC 4443 2.1). */
enum {
    HF_ICMP6_UNREACHABLE = 1,
    HF_ICMP6_TOO_BIG = 2,
    HF_ICMP6_TIME_EXCEEDED = 3,
    HF_ICMP6_PARAMETER = 4,
    HF_ICMP6_ECHO = 128,
    HF_ICMP6_ECHO_REPLY = 129
};

/* Codes of HF_ICMP6_UNREACHABLE (RFC 4443 3.1). */
enum {
    HF_ICMP6_NO_ROUTE = 0,
    HF_ICMP6_ADMIN = 1,
    HF_ICMP6_SCOPE = 2,
    HF_ICMP6_ADDRESS = 3,
    HF_ICMP6_PORT = 4
};

/* Codes of HF_ICMP6_PARAMETER (RFC 4443 3.4, RFC 7112 5). */
enum {
    HF_ICMP6_BAD_FIELD = 0,
    HF_ICMP6_BAD_NEXT_HEADER = 1,
    HF_ICMP6_BAD_OPTION = 2,
    HF_ICMP6_INCOMPLETE_CHAIN = 3
};

/* Code of HF_ICMP4_TIME_EXCEEDED and HF_ICMP6_TIME_EXCEEDED: 0 in transit, 1 in reassembly. */
enum { HF_ICMP_TTL_EXCEEDED = 0, HF_ICMP_REASSEMBLY_EXCEEDED = 1 };

struct hf_icmp_head {
    uint8_t type, code;
    uint32_t rest; /* bytes 4 to 7, host order                                                */
};

/* What an error quotes, seen from us: local is the source of the quoted packet. */
struct hf_icmp_quote {
    struct hf_flow flow; /* ports only for TCP                                                */
    uint8_t protocol;    /* behind extension headers                                          */
    hf_seq seq;          /* TCP only                                                          */
    uint32_t total;      /* bytes of the quoted packet, as its IP header says                 */
};

/* Parse a message that begins `offset` bytes into the slices and is `total` bytes long; its
 * first eight bytes lie in one slice. src and dst: keys of wire/flow.h; they tell the family.
 * Returns HF_DROP_NONE, HF_DROP_ICMP_SHORT or HF_DROP_ICMP_CHECKSUM (head is filled in then
 * too: the message is whole, only its checksum is wrong). */
enum hf_drop hf_icmp_parse(const uint8_t src[16], const uint8_t dst[16],
                           const struct hf_slice *slices, unsigned slice_count, uint32_t offset,
                           uint32_t total, struct hf_icmp_head *head);

/* Is it an error message? One is never answered with another (RFC 1122 3.2.2, RFC 4443 2.4 e). */
static inline bool hf_icmp_is_error(bool ipv4, uint8_t type)
{
    if (!ipv4)
        return type < 128;
    return (type >= HF_ICMP4_UNREACHABLE && type <= HF_ICMP4_REDIRECT) ||
           type == HF_ICMP4_TIME_EXCEEDED || type == HF_ICMP4_PARAMETER;
}

/* The MTU that a "too big" error reports: all of `rest`, or its low half (RFC 1191 4). */
static inline uint32_t hf_icmp_mtu(bool ipv4, const struct hf_icmp_head *head)
{
    return ipv4 ? head->rest & 0xffff : head->rest;
}

/* Read the packet that an error quotes: `len` bytes in one piece. Routers change and cut what
 * they quote, so checksum and total length are not checked, but everything that is filled in
 * was there. `ipv4`: the family of the error; the quoted packet must be of the same.
 * Returns HF_DROP_NONE, or HF_DROP_ICMP_QUOTE: no packet of ours can be recognized (cut short,
 * a later fragment, extension headers past the limit). */
enum hf_drop hf_icmp_quote(bool ipv4, const uint8_t *data, uint32_t len,
                           struct hf_icmp_quote *quote);

/* Write a message at dst: eight bytes and `text` bytes, taken from `offset` bytes into the
 * slices. flow: local is the sender. The checksum is filled in. Returns its length: 8 + text,
 * less if the slices hold less. The caller sees to it that there is room, and that an error
 * quotes no more than HF_ICMP_QUOTE_MAX_... */
uint32_t hf_icmp_build(uint8_t *dst, const struct hf_flow *flow, const struct hf_icmp_head *head,
                       const struct hf_slice *slices, unsigned slice_count, uint32_t offset,
                       uint32_t text);

#endif
