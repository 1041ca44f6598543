/* Handfast: a packet, as links and stacks hand it to each other.
 *
 * A packet is an IPv4 or IPv6 datagram without link header, in slices. What it may say from the
 * first day it says here: its link, that it is a run of merged segments or is to be cut, and what
 * is known of its checksum, so that offload needs no other type.
 *
 * On an Ethernet link (struct hf_link_config of stack.h) it is a frame: the same behind 14 bytes of
 * Ethernet header. Offsets count from the first byte of slice 0 in either case.
 *
 * Into a stack (hf_stack_input): the bytes stay the caller's and are not referred to after the
 * call returns. All headers (Ethernet, IP with its extension headers or options, TCP, ICMP) must lie in
 * slice 0.
 *
 * Out of a stack (hf_stack_output): slice 0 usually points into `head`, so a packet must not be
 * copied with =; use hf_packet_copy or keep it where it was filled. Further slices point into the
 * connection's send queue; they stay valid until the packet is given to hf_stack_sent, even when
 * the bytes were acknowledged in the meantime. */
#ifndef HANDFAST_PACKET_H
#define HANDFAST_PACKET_H

#include <handfast/types.h>

HF_BEGIN

#define HF_PACKET_SLICES 8 /* slices of one packet, at the most                              */
#define HF_PACKET_HEAD 120 /* Ethernet, IPv6 and TCP header with 40 bytes of options */

struct hf_slice {
    const uint8_t *data;
    uint32_t len;  /* bytes                                                                  */
    uint32_t hold; /* the stack's: what keeps these bytes alive                              */
};

/* What is known of the TCP checksum of a packet. */
enum hf_checksum_state {
    HF_CHECKSUM_UNKNOWN = 0,  /* complete in the packet, to be verified by whoever reads it   */
    HF_CHECKSUM_VERIFIED = 1, /* a trusted link has verified it                               */
    HF_CHECKSUM_PARTIAL = 2   /* only the pseudo-header is summed: see checksum_start, _offset */
};

struct hf_packet {
    struct hf_slice slice[HF_PACKET_SLICES];
    uint32_t len;             /* bytes, all slices together                                   */
    uint16_t slices;          /* how many are used                                            */
    uint16_t segment_bytes;   /* payload of each segment when merged or to be cut; 0: one     */
    uint16_t segments;        /* how many segments this packet stands for; at least 1         */
    uint16_t checksum_start;  /* PARTIAL: from where to sum, bytes from the packet's start    */
    uint16_t checksum_offset; /* PARTIAL: where to store it, bytes from checksum_start        */
    uint8_t checksum;         /* enum hf_checksum_state                                       */
    uint8_t link;             /* the link that it came from or is for, counted from 1         */
    uint8_t head[HF_PACKET_HEAD];
};

/* hf_packet_copy: gather a packet into one run of bytes.
 * room     bytes at dst
 * returns  the packet's length, or 0 when room is too small (nothing is written) */
HF_API uint32_t hf_packet_copy(const struct hf_packet *packet, uint8_t *dst, uint32_t room);

/* hf_packet_wrap: describe bytes that lie in one piece as a packet (one segment, checksum to be
 * verified). The packet refers to the bytes. */
HF_API void hf_packet_wrap(struct hf_packet *packet, uint8_t link, const void *bytes,
                           uint32_t len);

/* ---- Runs of segments, for links that cannot cut or merge them ---- */

/* hf_packet_cut: segments of a run as packets of their own, with headers and complete checksums in
 * their heads. A run is as hf_stack_output gives it: more than one segment, or one whose checksum was
 * left open (PARTIAL). The text stays where it is and belongs to the run: no slice has a hold,
 * and only the run is given to hf_stack_sent.
 * from     the first one wanted, counted from 0
 * checksum as in struct hf_stack_config; NULL: the portable one
 * returns  how many were filled, at most `room`; 0: there are none from there on, or this is no run */
HF_API size_t hf_packet_cut(const struct hf_packet *run, uint32_t from, struct hf_packet *packets,
                            size_t room, uint32_t (*checksum)(const void *, size_t, uint32_t));

/* hf_packet_merge: as many of n packets, from the first on, as are one run: TCP segments that follow
 * each other without a gap and differ in nothing else but PSH and FIN, checksums right, 64 KB at
 * the most.
 * dst, room where the run is put together, with complete checksums
 * merged   filled in, referring to dst, when more than one was taken
 * returns  how many belong together: 1 or more, 0 only for none */
HF_API size_t hf_packet_merge(const struct hf_packet *packets, size_t n, uint8_t *dst,
                              uint32_t room, struct hf_packet *merged);

HF_END
#endif
