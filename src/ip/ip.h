/* IP for one host: whose addresses are whose, where packets go, ICMP and ICMPv6, fragments,
 * path MTU (RFC 791, 792, 1122, 4443, 8200, 8201, 1191, 5722, 5927, 6864). Knows nothing of
 * TCP but where its ports and sequence number stand in a quoted header. */
#ifndef HF_IP_IP_H
#define HF_IP_IP_H

#include "base/env.h"
#include "wire/ip.h"

#define HF_IP_ADDRESSES_MAX 32
#define HF_IP_ROUTES_MAX 64 /* each address brings the route to its prefix                    */

/* Destinations of ICMP replies that are metered at once: sets by keyed hash, a few in each. */
#define HF_ICMP_SETS 64
#define HF_ICMP_WAYS 4

struct hf_ip_link {
    bool used;
    uint16_t mtu;
    uint32_t features, gso_max;
    uint8_t kind; /* enum hf_link_kind                                                        */
    uint8_t mac[6];
};

struct hf_ip_address {
    uint8_t key[16];
    uint32_t ipv4, host_bits; /* IPv4 with a broadcast address: as numbers; else 0            */
    uint8_t prefix; /* bits, of the family (0..32 or 0..128)                                  */
    uint8_t link;
};

/* Kept in order: longest prefix first, among equals the first added. */
struct hf_ip_route {
    uint8_t key[16];
    uint8_t bits; /* of the 16-byte key: 96 + n for IPv4                                      */
    uint8_t link;
    bool ipv4;
    bool has_gateway; /* packets go to it, not to the destination itself                      */
    uint8_t gateway[16];
};

/* What one destination may still get (ip/icmp.c). */
struct hf_icmp_meter {
    uint64_t tag; /* keyed hash of the destination                                            */
    hf_time full; /* when all that was sent to it is paid for; in the past: free              */
};

struct hf_reassembly; /* ip/fragment.c                                                        */
struct hf_pmtu;       /* ip/path_mtu.c                                                        */
struct hf_neighbours; /* ip/neighbour.h                                                       */

/* A pair of addresses that was found good, where its last bytes lead. Packets come in runs from a
 * few peers: what was found of a pair stays true until addresses change. */
#define HF_IP_SEEN 16u /* a power of two */
struct hf_ip_seen {
    uint64_t pair; /* the last bytes of both (ip/plain.h)                                     */
    uint32_t way;  /* on which link it came, and its family; 0: none                          */
    uint8_t src[16], dst[16];
};

struct hf_ip {
    struct hf_ip_link link[HF_LINKS_MAX + 1];
    struct hf_ip_address address[HF_IP_ADDRESSES_MAX];
    struct hf_ip_route route[HF_IP_ROUTES_MAX];
    uint8_t addresses, routes;
    struct hf_ip_seen seen[HF_IP_SEEN];
    uint8_t routed_remote[16],
        routed_local[16];             /* the last way that was found, and our address on it */
    uint8_t routed_zone, routed_link; /* link 0: look anew                         */
    uint8_t routed_other[16];         /* another of ours that fits it; all zero: none known */
    bool any_address; /* some listener takes packets for addresses that are not ours          */
    struct hf_reassembly *reassembly;
    struct hf_pmtu *pmtu;
    struct hf_neighbours *neighbours; /* NULL: no Ethernet link                               */
    struct hf_key label_key; /* IPv6 flow label                                               */
    struct hf_key icmp_key;
    struct hf_icmp_meter icmp_meter[HF_ICMP_SETS][HF_ICMP_WAYS];
};

/* What became of a packet. */
enum hf_ip_verdict {
    HF_IP_CONSUMED, /* dropped, answered, or a fragment that waits                            */
    HF_IP_TCP,      /* `datagram` is a TCP segment for us                                     */
    HF_IP_TCP_ERROR /* `error` is an ICMP error about a TCP segment                           */
};

struct hf_ip_datagram {
    struct hf_flow flow; /* local and remote address; ports 0                                 */
    uint64_t addresses;  /* the sum over both (hf_flow_sum)                                   */
    uint8_t tos, ttl, link;
    bool to_us;                    /* the destination is one of our addresses                 */
    bool reassembled;              /* what the link said of the checksum does not count       */
    const uint8_t *head;           /* from the start of the TCP header, in one piece          */
    uint32_t head_len, total;      /* in one piece, and altogether                            */
    const struct hf_slice *slices; /* the packet's; the payload begins `offset` bytes in      */
    unsigned slice_count;
    uint32_t offset;
    struct hf_slice whole; /* a reassembled datagram; slices may point here                   */
};

struct hf_ip_error {
    struct hf_flow flow; /* of the segment that was quoted: local is us                       */
    hf_seq seq;          /* its sequence number                                               */
    uint8_t kind;        /* enum hf_icmp_kind                                                 */
    uint8_t type, code;
    uint32_t mtu;        /* TOO_BIG: what was reported; 0: nothing, then quoted_len decides   */
    uint32_t quoted_len; /* total length of the packet that was quoted                        */
    uint8_t link;
};

/* env: settings, seed, budget and chunks are ready. Returns 0 or HF_ERR_MEMORY. Reset gives all
 * memory back; it may be called after a failed init and twice. */
int hf_ip_init(struct hf_env *env, struct hf_ip *ip);
void hf_ip_reset(struct hf_env *env, struct hf_ip *ip);

/* The link's number from 1, or HF_ERR_ARGUMENT (mtu, mac), HF_ERR_LIMIT. */
int hf_ip_add_link(struct hf_ip *ip, const struct hf_link_config *config);

/* 0, or HF_ERR_ARGUMENT (link, family, bits, zone; IPv6 on a link with an MTU below 1280),
 * HF_ERR_ADDRESS (no unicast address, loopback, or ours on another link), HF_ERR_LIMIT. An
 * address that is there already is no error. */
int hf_ip_add_address(struct hf_ip *ip, unsigned link, const struct hf_addr *addr, unsigned bits);

/* 0, or HF_ERR_ARGUMENT, HF_ERR_LIMIT. Bits of `prefix` behind the first `bits` do not
 * matter. */
int hf_ip_add_route(struct hf_ip *ip, unsigned link, const struct hf_addr *prefix, unsigned bits);

/* The same over a gateway, on an Ethernet link. Also HF_ERR_ADDRESS: it is no neighbour. */
int hf_ip_add_gateway(struct hf_ip *ip, unsigned link, const struct hf_addr *prefix,
                      unsigned bits, const struct hf_addr *gateway);

/* Take a packet: parse, check addresses, reassemble, answer echo, classify ICMP errors.
 * `datagram` stays valid until the next call, or until it is said that it is done with: then a
 * reassembled one gives its memory back. */
enum hf_ip_verdict hf_ip_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                               const struct hf_packet *packet, struct hf_ip_datagram *datagram,
                               struct hf_ip_error *error);
void hf_ip_done(struct hf_env *env, struct hf_ip *ip);

/* Fragments and neighbours whose time is over. */
void hf_ip_timers(struct hf_env *env, struct hf_ip *ip);
hf_time hf_ip_deadline(const struct hf_ip *ip);

/* After the timers, until it says false: an error for a segment that could not leave, since nobody has
 * answered for the next hop. */
bool hf_ip_next_error(struct hf_env *env, struct hf_ip *ip, struct hf_ip_error *error);

/* The way to `remote`. `local`: our address, or all zero to choose one (RFC 6724 in small: of
 * the same scope and prefix first, then any of the family on the link of the route); it is
 * filled in. `zone`: link for link-local, 0 else. Returns 0, HF_ERR_ROUTE (no link leads
 * there, it is ourselves, or no source fits) or HF_ERR_ADDRESS (remote not unicast, or local
 * not ours; the latter is allowed when `foreign`). */
int hf_ip_route(struct hf_env *env, struct hf_ip *ip, const uint8_t remote[16], unsigned zone,
                uint8_t local[16], bool foreign, struct hf_path *path);

/* What a link offers towards `remote`, for who knows the link already. */
void hf_ip_path(struct hf_env *env, const struct hf_ip *ip, unsigned link,
                const uint8_t remote[16], struct hf_path *path);

/* Is this one of our addresses? On which link (0: no). */
unsigned hf_ip_is_ours(const struct hf_ip *ip, const uint8_t key[16]);

/* May TCP talk to it: not broadcast (limited, or of one of our prefixes), multicast,
 * unspecified, nor loopback, for which there is no link. */
bool hf_ip_is_unicast(const struct hf_ip *ip, const uint8_t key[16]);

/* Learn a path MTU from a report whose quoted segment was found in flight; the floor is
 * applied (settings.pmtu_floor, 1280 for IPv6), a rise is never learnt. Returns the path MTU
 * now in force. */
uint16_t hf_ip_learn_mtu(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_error *error);

/* Put an IP header in front of a TCP segment: packet->slice[0].data points at the TCP header
 * inside packet->head with at least 40 bytes before it; on return at the IP header.
 * slice[0].len, packet->len and, when the checksum is partial, checksum_start are adjusted.
 * `addresses`: the sum over both (hf_flow_sum). */
void hf_ip_address(const struct hf_ip *ip, struct hf_packet *packet, const struct hf_flow *flow,
                   bool ipv4, uint64_t addresses, uint8_t tos, uint8_t ttl);

/* Routers may cut this IPv4 packet, addressed as above: the path has less room than we go down to.
 * id tells its fragments from those of others (RFC 6864 4). */
void hf_ip_allow_fragments(struct hf_packet *packet, uint16_t id);

/* ---- Ethernet links: ip/neighbour.c, ip/reachability.c, ip/ethernet.c ---- */

/* The neighbour table, before the first such link is added. HF_OK or HF_ERR_MEMORY. */
int hf_neighbours_start(struct hf_env *env, struct hf_ip *ip);
void hf_neighbours_free(struct hf_env *env, struct hf_ip *ip);

/* A frame came. True: *inner is its datagram, to be given to hf_ip_input; it refers to the frame's
 * bytes. False: it was ARP or neighbour discovery, or was dropped and counted. */
bool hf_ethernet_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                       const struct hf_packet *frame, struct hf_packet *inner);

/* Put a frame's header before a datagram; a TCP header with an IP header before it has room for
 * that, any other packet a slice. `own`: it is of a connection, not an answer. False: it waits for its
 * neighbour, or was dropped and counted; the caller is done with it. */
bool hf_ethernet_output(struct hf_env *env, struct hf_ip *ip, unsigned link,
                        struct hf_packet *packet, bool own);

/* A frame from the reply ring (HF_REPLY_FRAME): what its chunk holds, as a packet. */
void hf_ethernet_frame(struct hf_env *env, unsigned link, uint32_t chunk,
                       struct hf_packet *packet);

/* A connection to `remote` made progress, or sends again and again in vain. */
void hf_neighbour_confirm(struct hf_env *env, struct hf_ip *ip, unsigned link,
                          const uint8_t remote[16]);
void hf_neighbour_doubt(struct hf_env *env, struct hf_ip *ip, unsigned link,
                        const uint8_t remote[16]);

/* NULL, or which invariant does not hold. */
const char *hf_neighbours_check(const struct hf_env *env, const struct hf_ip *ip);

#endif
