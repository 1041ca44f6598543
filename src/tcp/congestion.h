/* Congestion control: what decides how much may be in flight, behind one small table.
 *
 * Loss detection (loss_recovery.c) says what happened; a controller answers with cwnd and ssthresh.
 * It sees bytes and time, never segments or sequence numbers. When a connection goes quiet the
 * controller saves itself in 12 bytes and resumes from them. */
#ifndef HF_TCP_CONGESTION_H
#define HF_TCP_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/types.h>

struct hf_congestion_ops;

struct hf_congestion {
    const struct hf_congestion_ops *ops;
    uint32_t cwnd, ssthresh; /* bytes                                                         */
    uint32_t mss;            /* SMSS, bytes                                                   */
    uint32_t slow_start_limit; /* segments that one ACK may add; 0: as many as it acknowledges */
    uint32_t own[8];         /* the controller's                                              */
};

struct hf_congestion_saved {
    uint32_t cwnd, ssthresh; /* cwnd 0: nothing saved                                         */
    uint32_t own;
};

/* What an ACK that moved SND.UNA told. */
struct hf_ack_info {
    hf_time now;
    hf_time rtt;         /* of this ACK; 0: no sample                                         */
    uint32_t acked;      /* bytes newly acknowledged                                          */
    uint32_t in_flight;  /* bytes before this ACK                                             */
};

struct hf_congestion_ops {
    const char *name;

    /* A new connection: cwnd and ssthresh are set, set your own. */
    void (*start)(struct hf_congestion *cc);

    /* New data was acknowledged while nothing is lost: grow. */
    void (*on_ack)(struct hf_congestion *cc, const struct hf_ack_info *ack);

    /* A loss was found: the ssthresh to come down to. */
    uint32_t (*on_loss)(struct hf_congestion *cc, uint32_t in_flight, hf_time now);

    void (*save)(const struct hf_congestion *cc, struct hf_congestion_saved *saved);
    void (*resume)(struct hf_congestion *cc, const struct hf_congestion_saved *saved);
};

/* The controller with this name, or NULL. */
const struct hf_congestion_ops *hf_congestion_named(const char *name);

extern const struct hf_congestion_ops hf_cc_reno;

#endif
