/* What was sent and is not acknowledged: one record for each run of text that left together.
 *
 * Records of a connection follow each other in sequence space without a gap, from SND.UNA to the end
 * of what could be recorded (when memory is short, the last text has none until there is some). A
 * record is cut only between segments as they were sent, by a SACK block or a resend; what an
 * acknowledgement covers is taken off the front. SACKed neighbours become one record.
 *
 *     SND.UNA                                             recorded end      SND.NXT
 *        |  in flight  | SACKed | lost | resent | in flight |   not recorded  |
 *
 * A record stands in one of two queues, or in none when it is SACKed: in flight, by the time of its
 * last transmission (RACK walks it from the oldest and stops early), or lost and to be sent again, in
 * the order in which it was found lost. To find the record of a sequence number there is a tree. It
 * is built when it is first asked for and kept until no record is left, so that a connection that
 * loses nothing pays nothing for it.
 *
 * Records lie in a pool of the stack and refer to each other by index. This file knows nothing of
 * why something is lost: scoreboard.c, rack.c and loss_recovery.c do. */
#ifndef HF_TCP_SENT_H
#define HF_TCP_SENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/env.h"
#include "base/seq.h"
#include "tcp/rate.h"

enum {
    HF_SENT_SACKED = 1,      /* the peer has it; counts until it is acknowledged or reneged    */
    HF_SENT_LOST = 2,        /* found lost, and not heard of since                             */
    HF_SENT_RESENT = 4,      /* its last retransmission is thought to be in flight             */
    HF_SENT_EVER_RESENT = 8, /* sent more than once: an ACK does not tell which one arrived    */
    HF_SENT_OPEN = 16,       /* full segments only: more that is sent now may join             */
    HF_SENT_PART = 32        /* RESENT, but only the first of it; there was no memory to cut   */
};

struct hf_sent {
    uint32_t next, prev;     /* by sequence number; first: a free record's is the pool's      */
    hf_seq start, end;       /* first octet, and the one after the last; a FIN is one         */
    hf_time sent_at;         /* last transmission                                             */
    uint32_t later, earlier; /* in its queue                                                  */
    uint32_t left, right;    /* in the tree                                                   */
    hf_seq origin;           /* a segment began here, and every `segment` octets behind it    */
    uint16_t segment;
    uint8_t flags;           /* HF_SENT_...                                                   */
    uint32_t segments;       /* while SACKED: how many                                        */
    struct hf_rate_mark rate; /* of the last transmission                                     */
};

struct hf_sent_queue {
    uint32_t first, last;
};

/* All zero: nothing sent. */
struct hf_sent_list {
    uint32_t first, last;  /* by sequence number                                              */
    uint32_t root;         /* of the tree; 0: there is none                                   */
    uint32_t count;
    struct hf_sent_queue flight; /* neither SACKED nor waiting to be sent again; oldest first  */
    struct hf_sent_queue lost;   /* LOST and not RESENT                                        */
    uint32_t sacked, lost_bytes, resent; /* bytes of records with these flags                 */
    uint32_t sacked_segments;
};

#define HF_SENT_SLAB 6u /* records in a slab of their pool, as a power of two                     */
_Static_assert(sizeof(struct hf_sent) % 8 == 0, "a pool rounds sizes up to 8");

static inline struct hf_sent *hf_sent_at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_sent *)hf_pool_place(&env->sents, index, sizeof(struct hf_sent),
                                           HF_SENT_SLAB);
}

/* NULL for 0. */
static inline struct hf_sent *hf_sent_or_null(const struct hf_env *env, uint32_t index)
{
    return index ? hf_sent_at(env, index) : 0;
}

static inline uint32_t hf_sent_len(const struct hf_sent *s)
{
    return s->end - s->start;
}

/* Octets start to end are sent now, for the first time, in segments of `segment`. They follow the
 * last record (or `start` is SND.UNA). Returns the record that they are in; 0: there is no memory or
 * the connection has its fill of records, and nothing has changed. */
uint32_t hf_sent_append(struct hf_env *env, struct hf_sent_list *list, hf_seq start, hf_seq end,
                        uint16_t segment);

/* The same for a list that is empty; NULL: there is no record. */
struct hf_sent *hf_sent_append_alone(struct hf_env *env, struct hf_sent_list *list, hf_seq start,
                                     hf_seq end, uint16_t segment);

/* The record with this octet; 0: none. */
uint32_t hf_sent_find(struct hf_env *env, struct hf_sent_list *list, hf_seq seq);

/* Cut so that the record ends at `at`, inside it; what is behind becomes a record of its own, with
 * the same flags, behind it in their queue. False: no memory. */
bool hf_sent_split(struct hf_env *env, struct hf_sent_list *list, uint32_t index, hf_seq at);

/* The last place at or below `seq`, or the first at or above it, where the record may be cut: between
 * two of its segments, or at its ends. */
hf_seq hf_sent_cut_below(const struct hf_sent *s, hf_seq seq);
hf_seq hf_sent_cut_above(const struct hf_sent *s, hf_seq seq);

/* Back to the pool. Who takes a record writes all of it. */
static inline void hf_sent_give(struct hf_env *env, uint32_t index, struct hf_sent *s)
{
    hf_pool_give_object(&env->sents, index, s, offsetof(struct hf_sent, start));
}

/* What happens to a record. acked: the first one, as far as `ack`; it must begin below. */
void hf_sent_acked(struct hf_env *env, struct hf_sent_list *list, hf_seq ack);
/* The only one, and all of it; it was sent once. */
static inline void hf_sent_all_acked(struct hf_env *env, struct hf_sent_list *list,
                                     struct hf_sent *s)
{
    hf_sent_give(env, list->first, s);
    list->first = list->last = list->root = list->count = 0;
    list->flight.first = list->flight.last = 0;
}
uint32_t hf_sent_sacked(struct hf_env *env, struct hf_sent_list *list, uint32_t index);
void hf_sent_lost(struct hf_env *env, struct hf_sent_list *list, uint32_t index);
void hf_sent_resent(struct hf_env *env, struct hf_sent_list *list, uint32_t index);

/* A retransmission timeout: the first record, and what is not SACKED and left no later than `by`, is
 * to be sent again, in sequence. `reneged`: all, also what is SACKED (RFC 2018 8). */
void hf_sent_all_lost(struct hf_env *env, struct hf_sent_list *list, bool reneged, hf_time by);

/* It was not loss after all: what is LOST and was not sent again is in flight. */
void hf_sent_none_lost(struct hf_env *env, struct hf_sent_list *list);

/* The clock jumped. */
void hf_sent_shift(const struct hf_env *env, struct hf_sent_list *list, hf_time by);

void hf_sent_clear(struct hf_env *env, struct hf_sent_list *list);

/* Invariants, between SND.UNA and SND.NXT. NULL: all hold. */
const char *hf_sent_check(const struct hf_env *env, const struct hf_sent_list *list, hf_seq una,
                          hf_seq nxt);

#endif
