/* What the files of loss recovery say to each other: sent.c keeps the records, scoreboard.c reads SACK,
 * loss_recovery.c decides what is done. Nobody else includes this but the files that carry an ACK to
 * them and take their retransmissions. */
#ifndef HF_TCP_RECOVERY_H
#define HF_TCP_RECOVERY_H

#include "tcp/tcp.h"

/* What one ACK told. */
struct hf_delivery {
    uint32_t acked;           /* octets by which SND.UNA moved, without a SYN                 */
    uint32_t sacked;          /* octets reported by SACK for the first time                   */
    uint32_t prior_flight;    /* octets from SND.UNA to SND.NXT before it                     */
    hf_time rtt;              /* 0: no sample                                                 */
    bool duplicate;           /* RFC 5681 2                                                   */
    bool dsack;               /* its first block tells of something received twice (RFC 2883) */
};

/* ---- loss_recovery.c ---- */

/* SND.UNA moves to `ack`. */
void hf_recovery_acked(struct hf_env *env, struct hf_active *a, hf_seq ack);
/* The whole ACK was read. */
void hf_recovery_after_ack(struct hf_env *env, struct hf_tcp *c, const struct hf_delivery *d);
/* Text or FIN up to `end` left for the first time, or what lies between two numbers left again. */
void hf_recovery_sent(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, hf_seq end);
void hf_recovery_sent_again(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            hf_seq start, hf_seq end);
/* A record is lost; octets of one, from its start, are with the peer: hf_sent_lost, and before
 * hf_sent_sacked, with word to the controller. */
void hf_recovery_lost(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                      uint32_t index);
void hf_recovery_delivered(struct hf_env *env, struct hf_active *a, const struct hf_sent *s,
                           uint32_t bytes);
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

#endif
