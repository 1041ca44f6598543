/* What BBR keeps, under the names of draft-ietf-ccwg-bbr. Rates are octets a second, volumes octets. */
#ifndef HF_TCP_BBR_H
#define HF_TCP_BBR_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/types.h>

#include "tcp/windowed.h"

/* 5.3.3.6: which ACKs come of probing. */
enum hf_bbr_acks { HF_ACKS_INIT = 0, HF_ACKS_REFILLING, HF_ACKS_STARTING, HF_ACKS_FEEDBACK,
                   HF_ACKS_STOPPING };

struct hf_bbr {
    uint64_t max_bw_of[2];     /* best of the cycle before this one, and of this one          */
    uint64_t max_bw, bw;       /* bw: what the model believes now                             */
    uint64_t bw_latest, bw_shortterm, undo_bw_shortterm;
    uint64_t full_bw;
    hf_time min_rtt_stamp, probe_rtt_min_stamp;
    hf_time probe_rtt_done_stamp; /* 0: none                                                  */
    hf_time cycle_stamp, extra_acked_start;
    uint32_t min_rtt_us, probe_rtt_min_us; /* UINT32_MAX: none                                */
    uint32_t next_round_delivered, loss_round_delivered, extra_acked_delivered;
    uint32_t round_count, drain_start_round;
    struct hf_windowed extra_acked; /* by rounds                                              */
    uint32_t inflight_latest, inflight_shortterm, inflight_longterm;
    uint32_t undo_inflight_shortterm, undo_inflight_longterm;
    uint32_t prior_cwnd;
    uint32_t probe_up_acked, probe_up_acked_per_inc;
    uint32_t bw_probe_wait_ms;
    uint32_t random;           /* of this connection                                          */
    uint8_t state, undo_state; /* enum hf_bbr_state                                           */
    uint8_t ack_phase;         /* enum hf_bbr_acks                                            */
    uint8_t rounds_since_probe_up, probe_up_rounds, full_bw_count, loss_events;
    bool round_start, loss_round_start, loss_in_round, full_bw_now, full_bw_reached;
    bool probe_rtt_expired, probe_rtt_round_done, idle_restart;
    bool bw_probe_sample, prev_probe_too_high, prev_probe_precautionary;
    bool recovering;
};

#endif
