/* Runs: segments of one flow, one behind the other, that may be taken for one (receive offload in
 * software). Looks at bytes alone and keeps nothing but what is in struct hf_run.
 *
 * Joined is only what differs in nothing but its place: the text follows without a gap, and ACK,
 * window, options (so timestamps), ECN bits, DSCP, TTL, flow label and flags are equal, PSH and FIN
 * aside. Every segment has text, all but the last have the same amount. RST, SYN and URG, IP
 * options, extension headers and fragments never join. Both checksums of a packet were right before it
 * joins or is joined. */
#ifndef HF_WIRE_RUN_H
#define HF_WIRE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/packet.h>

#include "base/seq.h"

#define HF_RUN_BYTES_MAX 65535u /* headers and text: what a length field can say               */

/* A packet of the plain shape: IP header without options, TCP header in slice 0. */
struct hf_run_part {
    const struct hf_packet *packet;
    const uint8_t *head;  /* where the IP header begins                                         */
    uint32_t ip, headers; /* bytes of the IP header, and of both                               */
    uint32_t text;
    bool may_join; /* has text, and nothing that must stand alone                              */
};

struct hf_run {
    const struct hf_packet *first;
    const uint8_t *head; /* of the first packet                                                */
    uint32_t ip, headers;
    uint32_t text;          /* of all segments                                                 */
    uint32_t segment_bytes; /* of each but the last                                            */
    hf_seq next;            /* SEG.SEQ of what may follow                                      */
    uint16_t segments;
    bool verified; /* the first packet's checksums were found right                            */
    bool over;     /* the last segment was short, or carried FIN                               */
};

typedef uint32_t (*hf_checksum_fn)(const void *, size_t, uint32_t);

/* false: a packet of another shape, or not TCP; it may belong to any flow. */
bool hf_run_look(const struct hf_packet *packet, struct hf_run_part *part);

/* A run of one. part->may_join. */
void hf_run_begin(struct hf_run *run, const struct hf_run_part *part);

/* The same two hosts and ports? */
bool hf_run_same_flow(const struct hf_run *run, const struct hf_run_part *part);

/* Join a part of the same flow, if it is what comes next. trusted: the link's word that a checksum
 * was verified counts. false: nothing has changed, but that the first may now be known to be bad,
 * and then the run is over. */
bool hf_run_join(struct hf_run *run, const struct hf_run_part *part, bool trusted,
                 hf_checksum_fn checksum);

#endif
