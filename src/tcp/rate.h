/* How fast the path delivers: a sample of the delivery rate for each ACK (draft-ietf-ccwg-bbr 4.1),
 * kept once and shared by whoever wants it (controllers, STATUS).
 *
 * Loss detection tells what it sends, what was delivered and what is lost, in bytes; each sent record
 * carries a mark, a copy of the counters at the time it was sent. Counters are modulo 2^32: only
 * differences within a few windows are ever taken. No sequence numbers, no lists. */
#ifndef HF_TCP_RATE_H
#define HF_TCP_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/types.h>

/* Travels with a sent record; a record that is cut gives both pieces a copy. All zero: no mark. */
struct hf_rate_mark {
    hf_time delivered_at;  /* when the counter last grew before this was sent                 */
    hf_time first_sent_at; /* when the text was sent that was newest delivered then           */
    uint32_t delivered;    /* bytes delivered before this was sent                            */
    uint32_t lost;         /* bytes lost before this was sent                                 */
    uint32_t tx_in_flight; /* bytes in flight with this                                       */
    bool set;
    bool app_limited;      /* the application had nothing more to send                        */
};

/* What an ACK told. */
struct hf_rate_sample {
    uint64_t bytes_per_s;     /* delivered / interval; 0: this ACK gives no rate               */
    hf_time interval;         /* ns that `delivered` took, the longer of sending and returning */
    hf_time rtt;              /* ns, of the newest text delivered that was sent once; 0: none  */
    uint32_t delivered;       /* bytes, while the newest delivered text was under way          */
    uint32_t prior_delivered; /* the counter when that text was sent                           */
    uint32_t lost;            /* bytes lost in the same time                                   */
    uint32_t tx_in_flight;    /* bytes in flight when that text was sent, with it              */
    uint32_t newly_delivered; /* bytes, by this ACK                                            */
    uint32_t newly_lost;      /* bytes, by this ACK                                            */
    bool app_limited;
    bool any;                 /* something with a mark was delivered                           */
};

struct hf_rate {
    hf_time delivered_at;
    hf_time first_sent_at;   /* when the newest delivered text was sent                       */
    hf_time newest_sent_at;  /* the same, within the ACK that is being taken                  */
    hf_time newest_delivered_at; /* that text's mark                                          */
    hf_time newest_first_sent_at;
    uint64_t bytes_per_s;    /* the last sample worth showing                                 */
    uint32_t delivered;      /* bytes: acknowledged, or reported by SACK                      */
    uint32_t lost;           /* bytes declared lost                                           */
    uint32_t app_limited;    /* `delivered` at which the lull is over; 0: no lull             */
    bool rate_app_limited;   /* bytes_per_s came out of a lull                                */
    struct hf_rate_sample sample; /* of the ACK that is being taken                           */
};

void hf_rate_start(struct hf_rate *rate, hf_time now);

/* A record is sent (or sent again), or grows by text that is sent together with what it has. */
void hf_rate_sent(struct hf_rate *rate, struct hf_rate_mark *mark, uint32_t bytes,
                  uint32_t in_flight_before, hf_time now);

/* There is nothing to send although the window and the peer would take more. */
void hf_rate_app_limited(struct hf_rate *rate, uint32_t in_flight);

/* `bytes` of a record are delivered: acknowledged or reported by SACK for the first time. resent: it was sent more than once, so that the time it took is not known. */
void hf_rate_delivered(struct hf_rate *rate, const struct hf_rate_mark *mark, uint32_t bytes,
                       hf_time sent_at, bool resent, hf_time now);

/* `bytes` of a record are declared lost. */
void hf_rate_lost(struct hf_rate *rate, uint32_t bytes);

/* All that an ACK told has been said: the sample, and a clean start for the next. min_rtt: the
 * shortest round trip known, or 0; a shorter interval is no measurement. */
void hf_rate_sample(struct hf_rate *rate, hf_time min_rtt, struct hf_rate_sample *sample);

/* The ACK told of one record, which was sent once, and of nothing else: both in one. Nothing was lost
 * since the last sample. */
void hf_rate_only(struct hf_rate *rate, const struct hf_rate_mark *mark, uint32_t bytes,
                  hf_time sent_at, hf_time now, hf_time min_rtt, struct hf_rate_sample *sample);

#endif
