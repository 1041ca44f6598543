/* What the files of loss recovery say to each other: sent.c keeps the records, scoreboard.c reads SACK,
 * loss_recovery.c decides what is done. Nobody else includes this but the files that carry an ACK to
 * them and take their retransmissions. */
#ifndef HF_TCP_RECOVERY_H
#define HF_TCP_RECOVERY_H

#include "tcp/tcp.h"

/* What one ACK told. */
struct hf_delivery {
    uint32_t acked;           /* octets by which SND.UNA moved, without a SYN                 */
    uint32_t acked_new;       /* ... of them, those that were not SACKed before               */
    uint32_t sacked;          /* octets reported by SACK for the first time                   */
    uint32_t prior_flight;    /* octets from SND.UNA to SND.NXT before it                     */
    hf_time rtt;              /* 0: no sample                                                 */
    hf_time oldest_rtt;       /* of what it acknowledged, if nothing of it was sent twice; 0  */
    hf_time sack_rtt;         /* of what it SACKed and was sent once; 0                       */
    hf_seq fack;              /* the end of the highest SACKed text before it                 */
    uint32_t echo;            /* TSecr                                                        */
    bool has_echo;
    bool original;            /* text sent once, before the timeout, is newly told to be there */
    bool resent;              /* something that it acknowledged was sent more than once       */
    bool duplicate;           /* RFC 5681 2                                                   */
    bool dsack;               /* its first block tells of something received twice (RFC 2883) */
};

/* ---- loss_recovery.c ---- */

/* SND.UNA moves to `ack`. */
void hf_recovery_acked(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                       hf_seq ack, struct hf_delivery *d);
/* The whole ACK was read. */
void hf_recovery_after_ack(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg,
                           const struct hf_delivery *d);
/* The same for congestion control alone, when the ACK was plain and took all that was in flight, which
 * is one record. */
void hf_recovery_control_all(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                             const struct hf_sent *s, uint32_t acked, hf_time rtt);
/* The reordering timer fired. */
void hf_recovery_reordered(struct hf_env *env, struct hf_tcp *c);
/* Text or FIN up to `end` left for the first time, or what lies between two numbers left again. */
void hf_recovery_sent(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, hf_seq end);
/* ... for the first time, at most a segment and nothing else in flight. */
void hf_recovery_sent_alone(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            hf_seq start, hf_seq end);
void hf_recovery_sent_again(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            hf_seq start, hf_seq end, bool lost);
/* A record is lost; a record, up to `end`, is with the peer: hf_sent_lost, and before
 * hf_sent_sacked, with word to those who want to know. */
void hf_recovery_lost(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                      uint32_t index);
void hf_recovery_delivered(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           const struct hf_sent *s, hf_seq end, struct hf_delivery *d);
/* What is to be sent again next: from *start, at least one segment or all that is lost there, to
 * *end. False: nothing. */
bool hf_recovery_next(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                      hf_seq *start, hf_seq *end);

/* ---- scoreboard.c: RFC 2018, 2883, 6675 ---- */

/* The SACK option of a segment. */
void hf_scoreboard_take(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                        const struct hf_seg *seg, struct hf_delivery *d);
/* RFC 6675 IsLost by DupThresh: what has enough SACKed text above it is lost. */
void hf_scoreboard_find_lost(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);

/* ---- prr.c: RFC 9937 ---- */

void hf_prr_start(struct hf_active *a, uint32_t flight);
void hf_prr_sent(struct hf_active *a, uint32_t bytes);
void hf_prr_acked(struct hf_active *a, uint32_t in_flight, const struct hf_delivery *d, bool lost);

/* ---- undo.c: RFC 3522, 4015, 2883 ---- */

void hf_undo_start(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
/* The same as hf_rack_backdate, and not more than when the recovery began. */
uint32_t hf_undo_backdate(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a);
/* A segment was sent again. */
void hf_undo_resent(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
void hf_undo_dsack(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                   const struct hf_sack_block *b);
bool hf_undo_original_came(const struct hf_active *a, const struct hf_delivery *d);
bool hf_undo_all_came_twice(const struct hf_active *a);
void hf_undo(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);

/* ---- frto.c: RFC 5682 ---- */

void hf_frto_start(const struct hf_env *env, struct hf_active *a, bool open, bool again);
bool hf_frto_acked(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                   const struct hf_delivery *d);

/* ---- rack.c: RFC 8985 6 ---- */

void hf_rack_start(const struct hf_tcp *c, struct hf_active *a);
/* A record, up to `end`, reached the peer. */
void hf_rack_delivered(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                       const struct hf_sent *s, hf_seq end, const struct hf_delivery *d);
/* The only record reached the peer, and none was lost: the same, and nothing is left to look for. */
static inline void hf_rack_all_delivered(const struct hf_env *env, struct hf_active *a,
                                         const struct hf_sent *s)
{
    struct hf_rack *r = &a->rack;
    r->rtt = env->now - s->sent_at;
    if (env->settings->rack)
        r->reorder_at = HF_NEVER;
    r->advanced = !env->settings->rack;
    if (r->valid &&
        (r->sent_at > s->sent_at || (r->sent_at == s->sent_at && !hf_seq_gt(s->end, r->end))))
        return;
    r->valid = true;
    r->sent_at = s->sent_at;
    r->end = s->end;
}
/* For each ACK, with or without a D-SACK; and at the end of a recovery. */
void hf_rack_dsack(struct hf_tcp *c, struct hf_active *a, bool dsack);
void hf_rack_recovered(struct hf_tcp *c, struct hf_active *a);
/* Mark what is lost, and say when to look again: a->rack.reorder_at. */
void hf_rack_find_lost(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
/* On a retransmission timeout, what was sent by then is lost. */
hf_time hf_rack_lost_by(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a);
/* How much older than now the TSval of what is sent again is, in milliseconds. */
uint32_t hf_rack_backdate(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a);
void hf_rack_shift(struct hf_active *a, hf_time by);

/* ---- tlp.c: RFC 8985 7 ---- */

hf_time hf_tlp_at(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                  hf_time from, hf_time rto_at);
void hf_tlp_fire(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
void hf_tlp_sent(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                 bool again);
bool hf_tlp_acknowledged(struct hf_active *a, const struct hf_seg *seg,
                         const struct hf_delivery *d);

#endif
