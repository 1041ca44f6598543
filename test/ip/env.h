/* A host that is only IP: an hf_env with an allocator that counts, links and addresses, and
 * words to write packets with. Packets are written here byte by byte, with a plain checksum
 * of their own, so that nothing of src/wire proves itself.
 *
 * Link 1 has 10.1.0.2/24 and fd01::2/64 and fe80::2, link 2 has 10.2.0.2/24, fd02::2/64 and
 * fe80::3, both with a default route over link 1. */
#ifndef TEST_IP_ENV_H
#define TEST_IP_ENV_H

#include <stdio.h>
#include <string.h>

#include "check.h"

#include "base/env.h"
#include "ip/ip.h"
#include "wire/icmp.h"

struct world {
    struct hf_env env;
    struct hf_settings settings;
    struct hf_ip ip;
    size_t allocated; /* bytes out at the allocator                                           */
    size_t fail_at;   /* the how-manieth allocation fails; 0: none                            */
    size_t allocations;
    struct hf_ip_datagram datagram; /* of the last input                                      */
    struct hf_ip_error error;
};

/* A packet that is being written; `len` is what stands in `bytes`. */
struct bytes {
    uint8_t data[70000];
    uint32_t len;
};

void world_up(struct world *w);
void world_up_bare(struct world *w); /* no links, no addresses */
void world_down(struct world *w);    /* fails the test when memory is missing */

/* An address as a key: "10.0.0.1" or "fd01::2"; and as an hf_addr. */
const uint8_t *key(const char *text);
struct hf_addr addr(const char *text);

/* Headers, with checksum and lengths for the payload that is given. Both by the look of src. */
struct ip_fields {
    const char *src, *dst;
    uint8_t protocol, tos, ttl;
    uint32_t id;
    uint32_t offset; /* bytes; IPv6: with `more` or offset or `fragment`, a fragment header   */
    bool more, fragment;
    const uint8_t *options; /* IPv4 options, or IPv6 extension headers that begin with ...    */
    uint32_t options_len;
    uint8_t options_kind; /* ... this kind of header, and name `protocol` themselves          */
    uint32_t padding;     /* bytes behind the datagram                                        */
};
void write_ip(struct bytes *b, const struct ip_fields *f, const void *payload, uint32_t len);
#define WRITE_IP(b, payload, len, ...) write_ip(b, &(struct ip_fields){__VA_ARGS__}, payload, len)

/* An ICMP message of the family of src, with checksum, for a packet from src to dst. */
uint32_t write_icmp(uint8_t *to, const char *src, const char *dst, uint8_t type, uint8_t code,
                    uint32_t rest, const void *text, uint32_t len);

/* A TCP header of 20 bytes: ports, seq, flags. */
uint32_t write_tcp(uint8_t *to, uint16_t src_port, uint16_t dst_port, uint32_t seq,
                   uint8_t flags);

/* Give it to the host on a link. In one slice; `cut`: in two, the second from that byte. */
enum hf_ip_verdict give(struct world *w, unsigned link, const struct bytes *b);
enum hf_ip_verdict give_cut(struct world *w, unsigned link, const struct bytes *b, uint32_t cut);
/* An IP header before what the packet's head holds. */
void put_address(struct world *w, struct hf_packet *packet, const struct hf_flow *flow,
                 uint8_t tos, uint8_t ttl);

/* The next packet that the host wants to send on a link: false when none waits. */
bool take_reply(struct world *w, unsigned link, struct bytes *b);
void no_reply(struct world *w); /* fails when one waits on any link */

uint64_t drops(const struct world *w, enum hf_drop reason);
uint64_t all_drops(const struct world *w);

/* Fails unless every checksum in this packet (IPv4 header, ICMP) is right. */
void assert_checksums(const struct bytes *b);

uint32_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);

#endif
