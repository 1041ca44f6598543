/* The wire as the script's peer sees it: builds and reads IPv4, IPv6 and TCP headers, sums
 * their checksums, prints a segment in a line, and writes captures.
 *
 * Written from RFC 791, 8200, 9293, 7323, 2018 and 7413 without a look at src/wire, and using
 * nothing of it: what both agree on has been checked twice. */
#ifndef SCRIPT_WIRE_H
#define SCRIPT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_PACKET_MAX 65536u
#define WIRE_NONE (-1) /* an option that is not there */

struct wire_block {
    uint32_t start, end;
};

/* A segment with the addresses it travels between. What is not there is WIRE_NONE. */
struct wire_segment {
    unsigned family; /* 4 or 6 */
    uint8_t source[16], destination[16];
    uint8_t ttl, tos;
    uint16_t source_port, destination_port;
    uint32_t seq, ack;
    uint16_t flags, window, urgent;
    int32_t mss, wscale;
    bool sack_permitted, has_ts;
    uint32_t tsval, tsecr;
    unsigned sacks;
    struct wire_block sack[4];
    int32_t cookie_len; /* Fast Open, RFC 7413; 0: asks for a cookie */
    uint8_t cookie[16];
    bool experimental; /* kind 254, RFC 6994, instead of 34 */
    const uint8_t *options; /* raw option bytes instead of those above */
    size_t options_len;
    const uint8_t *text;
    size_t text_len;
    bool bad_checksum;
};

/* Write the packet at `packet` (WIRE_PACKET_MAX of room). Returns its length. */
size_t wire_build(uint8_t *packet, const struct wire_segment *segment);

/* Read a packet and judge it: lengths, checksums, options. Text points into the packet.
 * Returns NULL, or what is wrong with it. */
const char *wire_parse(const uint8_t *packet, size_t len, struct wire_segment *segment);

/* Flags as letters, "S.", "F.", "P.", "R". */
const char *wire_flags(unsigned flags, char text[12]);

/* The Internet checksum (RFC 1071) of bytes, going on from sum; not complemented. */
uint32_t wire_sum(const uint8_t *bytes, size_t len, uint32_t sum);

struct wire_capture {
    uint8_t *bytes;
    size_t len, room;
};

/* Append a packet to a capture in memory; time in ns. */
void wire_capture_add(struct wire_capture *capture, const uint8_t *packet, size_t len,
                      int64_t time);

/* Write the capture as a pcap file of raw IP packets. Returns whether it worked. */
bool wire_capture_write(const struct wire_capture *capture, const char *path);

void wire_capture_free(struct wire_capture *capture);

#endif
