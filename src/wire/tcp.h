/* TCP headers: bytes to struct hf_seg and struct hf_segment_head to bytes (RFC 9293 3.1, 3.2;
 * RFC 7323; RFC 2018; RFC 7413). Pure: no state, no clock.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |          source port          |       destination port        |
 *   |                        sequence number                        |
 *   |                    acknowledgement number                     |
 *   | offset| rsrvd |C E U A P R S F|            window             |
 *   |           checksum            |        urgent pointer         |
 *   |                  options, then zeroes, then text              |
 */
#ifndef HF_WIRE_TCP_H
#define HF_WIRE_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/packet.h>
#include <handfast/trace.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/seq.h"
#include "wire/bytes.h"
#include "wire/flow.h"
#include "wire/ip.h"

#define HF_TCP_HEADER 20u
#define HF_TCP_OPTIONS_MAX 40u
#define HF_SACK_BLOCKS_MAX 4u
#define HF_WSCALE_MAX 14u
#define HF_NO_WSCALE 0xffu

/* The low two bits of TOS and traffic class, RFC 3168 5: not ECN-capable, ECN-capable (two words
 * for it; we send the second), congestion experienced. */
enum { HF_NOT_ECT = 0, HF_ECT1 = 1, HF_ECT0 = 2, HF_CE = 3, HF_ECN_BITS = 3 };

struct hf_sack_block {
    hf_seq start, end; /* first octet, and the one after the last                             */
};

/* hf_tcp_options.fast_open, RFC 7413 4.1.1: 0, or OPTION and the length of the cookie. The
 * experimental form, which came before kind 34 was assigned, is kind 254 with the magic 0xf989
 * (RFC 6994). */
#define HF_FAST_OPEN_OPTION 32u
#define HF_FAST_OPEN_EXPERIMENTAL 64u
#define HF_FAST_OPEN_COOKIE_MIN 4u
#define HF_FAST_OPEN_COOKIE_MAX 16u

/* Options of one segment. All zero but wscale = HF_NO_WSCALE means none. */
struct hf_tcp_options {
    uint16_t mss;   /* 0: none                                                                */
    uint8_t wscale; /* HF_NO_WSCALE: none. On input already limited to 14                     */
    bool has_mss;   /* the option was there (its value may be 0)                              */
    bool sack_permitted;
    bool has_ts;
    uint8_t sacks; /* blocks                                                                  */
    uint8_t fast_open; /* see above                                                           */
    uint32_t tsval, tsecr;
    struct hf_sack_block sack[HF_SACK_BLOCKS_MAX];
    const uint8_t *cookie; /* Fast Open's: in the packet, or what is to be written            */
};

/* Bytes of a Fast Open cookie; 0: there is none, the option asks for one. */
static inline uint32_t hf_fast_open_cookie_len(const struct hf_tcp_options *options)
{
    return options->fast_open & 31u;
}

/* A received segment. seq is what came; `skip` and `text` say which of its text is to be
 * looked at: step 1 of 3.10.7.4 trims there and leaves seq alone, because RFC 5961 tests the
 * untrimmed one. */
struct hf_seg {
    hf_seq seq, ack;
    uint32_t text;     /* bytes of text that remain to be processed                           */
    uint32_t skip;     /* bytes of text before them: new text begins at seq + syn + skip      */
    uint32_t text_all; /* bytes of text that came                                             */
    uint16_t flags;    /* HF_FIN ..., 9 bits                                                  */
    uint16_t window;   /* as it stands in the header, not scaled                              */
    bool plain_window; /* it came with a SYN: it is not to be scaled                          */
    uint16_t urgent;   /* urgent pointer                                                      */
    uint16_t segments; /* how many were merged into this one, at least 1                      */
    uint16_t segment_bytes; /* payload of each of them                                        */
    uint8_t link;
    uint8_t tos;
    struct hf_tcp_options options;
    const struct hf_packet *packet; /* where it came in                                       */
    const struct hf_slice *slices;  /* the text: skip `text_offset` bytes of these            */
    unsigned slice_count;
    uint32_t text_offset;
};

/* SEG.LEN: text, SYN and FIN, as it came. */
static inline uint32_t hf_seg_len(const struct hf_seg *seg)
{
    return seg->text_all + ((seg->flags & HF_SYN) != 0) + ((seg->flags & HF_FIN) != 0);
}

/* SEG.SEQ of the last segment that was merged into this one. */
static inline hf_seq hf_seg_last_seq(const struct hf_seg *seg)
{
    return seg->segments > 1 ? seg->seq + (seg->segments - 1u) * seg->segment_bytes : seg->seq;
}

/* What to build. */
struct hf_segment_head {
    hf_seq seq, ack;
    uint16_t flags;
    uint16_t window; /* as it is to stand in the header                                       */
    uint16_t urgent;
    struct hf_tcp_options options;
};

/* NOP NOP and a timestamp option: how nearly every segment of a connection with timestamps looks
 * (the layout that RFC 7323 appendix A recommends). */
#define HF_TS_LAYOUT 0x0101080au
#define HF_TS_LAYOUT_LEN 12u

/* Options alone; `out` may hold anything before but for its wscale and what stands before its blocks:
 * those are as for no options. */
void hf_tcp_parse_other_options(const uint8_t *options, uint32_t len, struct hf_tcp_options *out);

static inline void hf_tcp_parse_options(const uint8_t *options, uint32_t len,
                                        struct hf_tcp_options *out)
{
    memset(out, 0,
           offsetof(struct hf_tcp_options, sack)); /* there are no blocks to read        */
    out->wscale = HF_NO_WSCALE;
    if (HF_LIKELY(len == HF_TS_LAYOUT_LEN && hf_get32(options) == HF_TS_LAYOUT)) {
        out->has_ts = true;
        out->tsval = hf_get32(options + 4);
        out->tsecr = hf_get32(options + 8);
        return;
    }
    hf_tcp_parse_other_options(options, len, out);
}

/* Parse a TCP header. `head` and `head_len`: what lies in one piece from the start of the TCP
 * header, `total`: bytes of header and text together, at least as many. Fills ports into flow (its addresses
 * stay) and everything of seg but link, tos, packet, slices and their count, text_offset and
 * segments. Options with a bad length end the parsing of options, nothing else (RFC 9293 3.1,
 * MUST-7); those of the wrong size for their kind are skipped.
 * Returns HF_DROP_NONE, HF_DROP_TCP_SHORT or HF_DROP_TCP_PORT; *header is the header's length. */
static HF_INLINE enum hf_drop hf_tcp_parse(const uint8_t *head, uint32_t head_len, uint32_t total,
                                           struct hf_flow *flow, struct hf_seg *seg,
                                           uint32_t *header)
{
    if (head_len < HF_TCP_HEADER)
        return HF_DROP_TCP_SHORT;
    uint32_t ports = hf_get32(head), word = hf_get32(head + 12), len = word >> 28 << 2;
    if (len < HF_TCP_HEADER || len > head_len)
        return HF_DROP_TCP_SHORT;
    if (ports >> 16 == 0 || (ports & 0xffff) == 0)
        return HF_DROP_TCP_PORT;

    hf_flow_set_ports_from(flow, ports);
    seg->seq = hf_get32(head + 4);
    seg->ack = hf_get32(head + 8);
    seg->flags = word >> 16 & 0x1ff; /* the reserved bits are ignored */
    seg->window = (uint16_t)word;
    seg->plain_window = (seg->flags & HF_SYN) != 0;
    seg->urgent = hf_get16(head + 18);
    seg->text_all = total - len;
    seg->text = seg->text_all;
    seg->skip = 0;
    seg->segment_bytes = (uint16_t)seg->text_all;
    hf_tcp_parse_options(head + HF_TCP_HEADER, len - HF_TCP_HEADER, &seg->options);
    *header = len;
    return HF_DROP_NONE;
}

/* Bytes that these options take in a header, padded to four. */
uint32_t hf_tcp_options_len(const struct hf_tcp_options *options);

/* Write a header at dst (60 bytes of room); the checksum field is zero. Returns its length.
 * Options are laid out as Linux does: MSS, SACK-permitted with timestamps, NOP + window scale,
 * NOP NOP + SACK, Fast Open with NOPs behind it; each ends on a multiple of four, so that nothing
 * follows the last. *native is the sum over it, as of hf_checksum_native. */
uint32_t hf_tcp_build_summed(uint8_t *dst, const struct hf_flow *flow,
                             const struct hf_segment_head *head, uint64_t *native);
static inline uint32_t hf_tcp_build(uint8_t *dst, const struct hf_flow *flow,
                                    const struct hf_segment_head *head)
{
    uint64_t native;
    return hf_tcp_build_summed(dst, flow, head, &native);
}

/* The sum over the pseudo-header of RFC 9293 3.1 (both families); to be continued over header
 * and text, then hf_checksum_finish. `tcp_len`: header and text. A sum does not tell source
 * from destination, so it serves both directions. */
uint32_t hf_tcp_pseudo_sum(const struct hf_flow *flow, uint32_t tcp_len);

/* The same as a native sum; `addresses`: of both (hf_flow_sum). */
static inline uint64_t hf_tcp_pseudo_native(uint64_t addresses, uint32_t tcp_len)
{
    uint64_t rest = hf_checksum_word(tcp_len);
    return hf_checksum_join(addresses, rest + hf_checksum_word(HF_PROTO_TCP));
}

/* Where the checksum stands in a TCP header. */
#define HF_TCP_CHECKSUM_AT 16u

#endif
