/* Inside the explainer: what is kept of a connection, and who does what.
 *
 *     explain.c          connections: finding, beginning, forgetting, telling
 *     explain_frame.c    packets: link headers, IP, TCP and its options
 *     explain_segment.c  one segment: states, windows, acknowledgements, FIN, RST
 *     explain_resend.c   text that comes again, or out of order: which kind, and why
 *     explain_ends.c     how it ended: causes of resets, who waited
 *     explain_sentence.c all of that in a sentence
 *     explain_words.c    names, and words in both languages */
#ifndef HF_VIEW_EXPLAIN_H
#define HF_VIEW_EXPLAIN_H

#include <stdbool.h>

#include <handfast/explain.h>

#include "infer.h"

#define EXPLAIN_SACKS 4
#define EXPLAIN_HOLES 8     /* missing pieces of an end's text that are remembered            */
#define EXPLAIN_RESENDS 16  /* retransmissions that a D-SACK may still be about               */
#define EXPLAIN_SENT_MAX 1024 /* segments under way of an end that are remembered              */

/* A segment as it was captured. */
struct explain_segment {
    hf_time time;
    uint64_t packet;
    struct hf_endpoint from, to;
    uint32_t seq, ack, text, window;
    uint32_t tsval, tsecr;
    uint32_t sack[EXPLAIN_SACKS][2];
    uint16_t flags, mss, ip_id;
    uint8_t sacks, wscale; /* 0xff: no option                                                 */
    uint8_t ttl;           /* 0: not known                                                    */
    bool has_ts, sack_permitted;
    bool scaled; /* the window is                                                             */
    uint8_t reason; /* of an OUT record: enum hf_send_reason                                  */
    bool told;      /* from a record                                                          */
};

/* A segment with text, SYN or FIN that is not acknowledged. */
struct explain_sent {
    hf_time first, last; /* when it left, first and last                                      */
    uint64_t packet;     /* the last                                                          */
    uint32_t seq, end;
    uint32_t tsval;
    uint16_t ip_id;
    uint8_t times;
};

/* A piece that was jumped over. */
struct explain_hole {
    hf_time time;
    uint32_t from, to;
    uint32_t tsval; /* of the segment behind it                                               */
};

struct explain_resend {
    uint64_t packet;
    uint32_t seq, end;
};

struct explain_end {
    bool seen, has_isn, fin_sent, has_acked, has_window, acked_fin;
    bool asked;     /* its last segment was a keep-alive or a window probe                    */
    bool full_told; /* it was said that it filled the peer's window                           */
    bool timed_out; /* a timeout; what is below recover is sent again for it                  */
    bool syn_acked; /* it sent a SYN,ACK                                                      */
    bool has_probe; /* it probed a zero window with the octet at probe_seq                    */
    uint8_t state;
    uint8_t ttl;
    uint8_t wscale;
    uint32_t isn, next_seq, fin_seq;
    uint32_t acked;  /* the highest acknowledgement of its text that the other end sent        */
    uint32_t window; /* that it offers, scaled if known                                       */
    uint32_t tsval;  /* of its last segment                                                   */
    uint32_t dup_acks; /* of the other end, in a row                                          */
    uint32_t sacked; /* the highest number that the other end has SACKed, when has_sacked     */
    bool has_sacked;
    uint32_t recover, probe_seq;
    hf_time heard;       /* it sent something                                                 */
    hf_time advanced_at; /* more of its text was acknowledged                                 */
    uint32_t probes; /* keep-alive and window probes since the other end last spoke           */
    uint64_t unanswered; /* bytes of text since the other end last sent text                  */
    hf_time zero_since;  /* it offers no window since then; HF_NEVER: it does                 */
    uint64_t zero_packet;
    struct explain_hole hole[EXPLAIN_HOLES];
    uint8_t holes;
    uint8_t resend_next;
    struct explain_resend *resend; /* EXPLAIN_RESENDS, once there is one                      */
    struct explain_sent *sent;     /* a ring of sent_room, oldest at sent_first               */
    uint32_t sent_first, sent_count, sent_room;
};

struct explain_talk {
    struct hf_explained told;
    struct explain_end end[2];
    struct explain_talk *by_ends;
    struct explain_talk *newer, *older;           /* by last use                              */
    struct explain_talk *newer_over, *older_over; /* those that are over, by when they were   */
    struct hf_explain_event *events;
    uint32_t event_room;
    struct explain_segment *stray; /* a SYN that may begin another connection                 */
    size_t bytes;                  /* all of it                                               */
    uint64_t last_text_packet;
    uint8_t last_text_end; /* who sent text last, when last_text_packet                       */
    bool over, listed_over;
    bool open; /* the three segments were seen, or it began midway                            */
    uint64_t showing; /* events of the segment at hand, bits                                  */
};

struct hf_explain {
    struct hf_explain_config config;
    struct hf_explain_totals totals;
    struct explain_talk **buckets;
    struct explain_talk *newest, *oldest, *newest_over, *oldest_over;
    struct explain_talk *last; /* found last                                                  */
    struct {
        uint32_t conn; /* of an OPEN record                                                   */
        uint16_t stack;
        struct hf_endpoint local, remote;
    } *opens;
    uint32_t open_count, open_room;
    size_t memory;
    hf_time now;
    uint64_t record_packets;
};

static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

static inline uint32_t segment_len(const struct explain_segment *s)
{
    return s->text + ((s->flags & HF_SYN) != 0) + ((s->flags & HF_FIN) != 0);
}

/* ---- explain.c ---- */

/* The next segment, of whatever connection. Returns 0 or HF_ERR_MEMORY. */
int explain_see(struct hf_explain *explain, const struct explain_segment *s);

/* Note an event of the segment at hand. */
void explain_event(struct hf_explain *explain, struct explain_talk *c,
                   const struct explain_segment *s, int end, enum hf_explain_event_kind kind,
                   const struct hf_explain_event *more);

/* Memory that belongs to a connection. Returns NULL without. */
void *explain_grow(struct hf_explain *explain, struct explain_talk *c, void *list, size_t old,
                   size_t new);

/* Give such memory back. */
void explain_drop(struct hf_explain *explain, struct explain_talk *c, void *list, size_t size);

/* ---- explain_segment.c ---- */

/* Whether nothing of its text is under way. */
bool explain_all_acked(const struct explain_end *end);

void explain_segment(struct hf_explain *explain, struct explain_talk *c, int e,
                     const struct explain_segment *s);

/* ---- explain_resend.c ---- */

/* Text, SYN or FIN of end e. */
void explain_text(struct hf_explain *explain, struct explain_talk *c, int e,
                  const struct explain_segment *s);

/* End e acknowledges text of the other. advanced: more than before. */
void explain_acked(struct hf_explain *explain, struct explain_talk *c, int e,
                   const struct explain_segment *s, bool advanced);

/* A round trip between the two ends, as far as it is known; 0: not. */
hf_time explain_rtt(const struct explain_talk *c);

/* ---- explain_ends.c ---- */

/* The most likely cause of a reset, before it is taken into account. */
enum hf_explain_reset explain_reset_cause(const struct explain_talk *c, int e,
                                          const struct explain_segment *s);

/* Fill in how it ended. */
void explain_ending(struct explain_talk *c);

#endif
