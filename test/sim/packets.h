/* Packets made by hand for the tests of the simulator: IPv4 and IPv6 with TCP, checksums right
 * unless a test breaks them afterwards. Not built with src/wire, as the police is not. */
#ifndef TEST_SIM_PACKETS_H
#define TEST_SIM_PACKETS_H

#include <stdint.h>

#define PACKET_MAX 2048

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };

struct segment_spec {
    int from;            /* 1 or 2: 10.0.1.1:1000 or 10.0.1.2:80                              */
    int version;         /* 0 or 4: IPv4; 6: IPv6                                             */
    uint16_t port;       /* of end 1; 0: 1000                                                 */
    uint32_t seq, ack;
    unsigned flags;
    uint16_t window, urgent;
    uint8_t ecn;         /* the two bits of IP                                                */
    uint32_t text;       /* bytes                                                             */
    const char *options; /* option_bytes of them, a multiple of four                          */
    uint32_t option_bytes;
};

/* Returns the packet's length. out: PACKET_MAX bytes. */
uint32_t make_segment(const struct segment_spec *spec, uint8_t *out);

/* Make the checksums right again after the packet was changed by hand. */
void fix_checksums(uint8_t *packet, uint32_t len);

#endif
