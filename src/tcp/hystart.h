/* When to leave the first slow start before it overruns the path: by round trips that grow.
 *
 * Three ways, by setting: HyStart++ (RFC 9406), which slows down first and looks whether that was
 * right; HyStart++ that also counts what the path holds, by how close the ACKs come, and needs fewer
 * rounds; and the older way of Linux's CUBIC, which stops at the first sign (a train of ACKs as long
 * as half a round trip, or a round trip that has grown). A controller asks after each ACK. */
#ifndef HF_TCP_HYSTART_H
#define HF_TCP_HYSTART_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/settings.h>

struct hf_hystart {
    uint32_t round_end;    /* the round ends when this many octets are acknowledged, mod 2^32  */
    uint32_t last_min_us;  /* least round trip of the last round; UINT32_MAX: none             */
    uint32_t round_min_us; /* ... of this one                                                  */
    uint32_t baseline_us;  /* PLUS: what it was when CSS began. LINUX: least ever              */
    uint32_t round_us;     /* LINUX: when this round began                                     */
    uint32_t train_us;     /* the last ACK of the train                                        */
    uint32_t base_us;      /* TRAINS: when this train began                                    */
    uint32_t base;         /* TRAINS: octets delivered before it, mod 2^32                     */
    uint32_t pipe;         /* TRAINS: octets that the path holds, by this round; 0: not known  */
    uint32_t suspected;    /* TRAINS: octets in flight when it last seemed full; 0: never did  */
    uint8_t samples;       /* in this round                                                    */
    uint8_t slow_rounds;   /* PLUS: rounds of CSS that are over                                */
    uint8_t full_rounds;   /* TRAINS: rounds that are over since the path seemed full          */
    bool slow;             /* PLUS: conservative slow start (CSS)                              */
    bool full;             /* TRAINS: the path seems full                                      */
    bool running;
};

/* What an ACK means to slow start. */
enum hf_slow_start { HF_SLOW_START_ON, HF_SLOW_START_SLOWER, HF_SLOW_START_OVER };

struct hf_hystart_ack {
    hf_time now;
    hf_time rtt;         /* of this ACK; 0: no sample                                         */
    hf_time min_rtt;     /* 0: none                                                           */
    uint32_t acked;      /* octets acknowledged on the connection, mod 2^32, with this ACK    */
    uint32_t delivered;  /* ... or reported by SACK                                           */
    uint32_t in_flight;  /* after this ACK: a round is that long                              */
    uint32_t cwnd, mss;
    bool paced;
    bool limited;        /* it is cwnd that keeps text back                                   */
};

void hf_hystart_start(struct hf_hystart *h);
/* PLUS_TRAINS, for an ACK that leaves nothing in flight: is it all that there is of a round, and little
 * of it, too few samples for PLUS and too few octets for a train? Then it has been taken, and slow
 * start goes on. */
bool hf_hystart_whole_round(struct hf_hystart *h, hf_time now, hf_time rtt, uint32_t delivered,
                            uint32_t mss);
enum hf_slow_start hf_hystart_ack(struct hf_hystart *h, enum hf_hystart_kind kind,
                                  const struct hf_hystart_ack *ack);

#endif
