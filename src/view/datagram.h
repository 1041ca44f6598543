/* What views read from a packet and from a segment's record. Internal to src/view.
 *
 * A view includes nothing of the core, so it has a reader of its own for the few header fields
 * that records do not carry: the addresses, and where TCP begins. */
#ifndef HF_VIEW_DATAGRAM_H
#define HF_VIEW_DATAGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/trace.h>

struct hf_datagram {
    struct hf_endpoint from, to;
    uint32_t tcp_at; /* where the TCP header begins, from the packet's start                  */
    uint32_t text;   /* bytes of payload                                                      */
    uint32_t seq, ack;
    uint16_t flags, window;
};

/* Read the headers of a TCP packet. Returns false for anything else, and for broken ones. */
bool hf_datagram_read(const struct hf_packet *packet, struct hf_datagram *out);

/* Sequence numbers that a segment takes: text, SYN and FIN. */
uint32_t hf_record_length(const struct hf_trace_record *record);

/* Whether what arrived can be (a piece of) what was sent, by numbers, flags and timestamps. */
bool hf_record_matches(const struct hf_trace_record *out, const struct hf_trace_record *in);

/* Whether two addresses and ports are the same, whatever the zone. */
bool hf_view_same_end(const struct hf_endpoint *a, const struct hf_endpoint *b);

/* Whether a drop says that the segment was not looked at, or taken for a stranger's. */
bool hf_view_foreign(int drop);

#endif
