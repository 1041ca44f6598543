/* The other end of the loader's exchanges: raw IP packets with TCP, built and read by hand. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* What a script's line says of a segment. Sequence numbers are absolute. */
struct segment {
    uint16_t from, to; /* ports */
    uint32_t seq, ack;
    unsigned flags;
    uint16_t window;
    uint16_t mss;  /* 0: no option */
    uint32_t text; /* bytes, all zero */
};

/* Addresses of both ends: packetdrill's usual ones. */
extern const uint8_t local_v4[4], remote_v4[4], local_v6[16], remote_v6[16];

/* Build a packet from the peer to us. returns  its length; room: 2048 bytes */
size_t peer_build(int v6, const struct segment *segment, uint8_t *packet);

/* Read a packet of ours; checks version, addresses, lengths and both checksums.
 * returns  NULL, or what is wrong with it */
const char *peer_read(int v6, const uint8_t *packet, size_t len, struct segment *segment);

#endif
