/* Packets that script.h has no words for: segments with a header of their own making, IP
 * options and extension headers, other addresses, ICMP errors. They reach the stack as in()
 * would deliver them, and what comes out is asked for by out(). */
#ifndef BY_HAND_H
#define BY_HAND_H

#include "script.h"

#define PACKET_ROOM 4096

/* A packet in the making. `tcp` is where its TCP header begins. */
struct by_hand {
    uint8_t bytes[PACKET_ROOM];
    size_t len, tcp;
};

/* The segment that in() would send, as bytes to be spoilt. */
struct by_hand by_hand(struct script_segment segment);

/* Put bytes (IPv4 options, or an extension header whose own first byte is replaced by what
 * follows it) behind the IP header. kind: IPv6's number of the extension header. */
void by_hand_insert(struct by_hand *packet, uint8_t kind, const uint8_t *bytes, size_t len);

/* Other addresses than the script's. */
void by_hand_source(struct by_hand *packet, const uint8_t *address);
void by_hand_destination(struct by_hand *packet, const uint8_t *address);

/* Make length fields and checksums right after a change. */
void by_hand_finish(struct by_hand *packet);

#define in_by_hand(packet) script_in_by_hand(__LINE__, packet)
void script_in_by_hand(int line, const struct by_hand *packet);

/* The bytes of the first packet that waits for out(). */
const uint8_t *first_packet(void);

/* An ICMP error about a segment of ours. */
struct icmp_error {
    uint8_t type, code;
    int64_t seq;     /* of the quoted segment, relative                                       */
    uint32_t mtu;    /* that it tells                                                         */
    uint16_t quoted; /* length of the quoted packet; 0: 1500                                  */
    uint16_t our_port, peer_port; /* 0: the conversation's                                    */
    bool bad_checksum;
};

#define icmp_in(...) script_icmp_in(__LINE__, #__VA_ARGS__, (struct icmp_error){__VA_ARGS__})
void script_icmp_in(int line, const char *words, struct icmp_error error);

#endif
