/* The police's own reading of a packet: from bytes to plain numbers, with a complaint about
 * anything that a correct host never sends. Shares nothing with src/wire, so that an error there
 * does not hide itself. */
#ifndef HF_SIM_SEGMENT_H
#define HF_SIM_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32,
       TCP_ECE = 64, TCP_CWR = 128 };

/* The ECN field of IP, RFC 3168 5. */
enum { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

struct segment {
    uint8_t version;       /* of IP: 4 or 6                                                   */
    uint8_t ecn;           /* ECN_...                                                         */
    bool tcp;              /* TCP with a right checksum, whatever else is wrong with it; else
                              the rest is not set                                             */
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window, urgent;
    uint32_t text;         /* bytes                                                           */
    uint32_t options;      /* bytes                                                           */
    uint16_t mss;          /* 0: no option                                                    */
    int wscale;            /* -1: no option                                                   */
    bool sack_permitted, timestamps, fast_open;
    uint32_t sack[4][2];
    unsigned sacks;
};

/* NULL, or what is wrong. */
const char *hf_segment_read(struct segment *segment, const uint8_t *bytes, uint32_t len);

#endif
