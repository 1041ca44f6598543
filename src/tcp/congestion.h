/* Congestion control: what decides how much may be in flight and how fast it leaves, behind one
 * small table.
 *
 * Loss detection says what happened; a controller answers with cwnd, ssthresh and a pacing rate. It
 * sees octets and time, never segments or sequence numbers. What is the same for all of them stands
 * in congestion.c: whether the window was used, and who is asked when. When a connection goes quiet
 * the controller saves itself in 12 bytes and resumes from them. */
#ifndef HF_TCP_CONGESTION_H
#define HF_TCP_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/settings.h>
#include <handfast/types.h>

#include "tcp/bbr.h"
#include "tcp/hystart.h"
#include "tcp/rate.h"
#include "tcp/windowed.h"

struct hf_congestion_ops;
struct hf_tcp_status;

struct hf_reno {
    uint32_t acked; /* octets acknowledged since the window last grew                         */
};

/* Where on the curve of RFC 9438 a flow is. */
struct hf_cubic_curve {
    uint64_t w_est;      /* octets as Reno would have them, in 1/1024                         */
    uint32_t w_max;      /* cwnd when the last reduction came, after fast convergence         */
    uint32_t cwnd_prior; /* ... before it                                                     */
    uint32_t k_ms;       /* when the curve is back at w_max                                   */
    uint32_t epoch_ms;   /* when this curve began, modulo 2^32                                */
    bool running;        /* there is a curve                                                  */
};

/* The same as Linux keeps it: segments, milliseconds modulo 2^32, and 1/1024 s. */
struct hf_cubic_linux {
    uint32_t every, credit;   /* so many acknowledged add one; acknowledged since the last    */
    uint32_t origin, k;       /* the curve's plateau, and when it is there                    */
    uint32_t epoch_ms, updated_ms, updated_cwnd;
    uint32_t acked, reno;     /* what Reno would have, and acknowledged since it last grew    */
    uint32_t part;            /* octets acknowledged that make no segment yet                 */
    uint32_t least_rtt_us;    /* 0: none                                                      */
    bool running;             /* there is a curve                                             */
    bool resumed;             /* there was one before the connection became quiet             */
};

struct hf_cubic {
    struct hf_cubic_curve curve, before; /* before: the last reduction, to be undone          */
    struct hf_hystart hystart;
    struct hf_cubic_linux linux_way;
    uint64_t credit;     /* octets times cwnd that the window may still grow by               */
    uint32_t last_ack_ms;
};

struct hf_congestion {
    const struct hf_congestion_ops *ops;
    uint32_t cwnd, ssthresh; /* octets                                                        */
    uint32_t mss;            /* SMSS, octets                                                  */
    uint32_t initial_window; /* octets                                                        */
    uint32_t random;         /* a number of this connection's own                             */
    uint32_t srtt_us;        /* 0: no sample                                                  */
    uint32_t acked;          /* octets ever acknowledged, modulo 2^32: the clock of rounds    */
    uint64_t pacing_rate;    /* octets a second; 0: not paced                                 */
    hf_time min_rtt;         /* the least of the last 10 s; 0: none                           */
    struct hf_windowed rtts; /* microseconds, by milliseconds                                 */
    struct hf_rate rate;

    /* Was the window used? */
    uint32_t used_end;       /* of the round that is looked at, by `acked`                    */
    uint32_t used_max;       /* most octets in flight in it                                   */
    uint32_t round_end, round_start;
    uint32_t pipe_ack[2];    /* octets acknowledged in the last two rounds (RFC 7661 4.2)     */
    uint32_t unused_since_s; /* since when less than half was used; 0: it is used             */
    bool limited;            /* cwnd kept text back in that round, or does now                */

    uint8_t slow_start_limit; /* segments that one ACK may add; 0: as many as it acknowledges */
    uint8_t hystart;          /* enum hf_hystart_kind                                         */
    uint8_t cubic;            /* enum hf_cubic_kind                                           */
    bool paced;

    union {
        struct hf_reno reno;
        struct hf_cubic cubic;
        struct hf_bbr bbr;
    } own;
};

struct hf_congestion_saved {
    uint32_t cwnd, ssthresh; /* cwnd 0: nothing saved                                         */
    uint32_t own;
};

/* What an ACK told, once all of it is known. */
struct hf_ack_info {
    hf_time now;
    hf_time rtt;              /* of this ACK; 0: no sample                                    */
    uint32_t srtt_us;
    uint32_t acked;           /* octets that SND.UNA moved                                    */
    uint32_t known;           /* of them, those known before, by SACK or duplicate ACKs        */
    uint32_t ahead;           /* octets newly SACKed by which the window may grow now         */
    uint32_t lost;            /* octets newly declared lost                                   */
    uint32_t prior_in_flight; /* before this ACK                                              */
    uint32_t in_flight;       /* after it                                                     */
    bool recovering;          /* in fast recovery: others than own_window do not grow         */
    bool sack;                /* the peer reports by SACK                                     */
    struct hf_rate_sample rs; /* for own_window; all zero: there are no marks                 */
    /* Filled in by hf_congestion_acked: */
    uint32_t now_ms;          /* now, modulo 2^32                                             */
    bool window_used;         /* the window may grow                                          */
};

struct hf_congestion_ops {
    const char *name;

    /* cwnd is the controller's in recovery, too: PRR does not touch it. */
    bool own_window;
    /* It sets pacing_rate and must be paced. */
    bool own_pace;

    /* A new connection, or one that begins to measure anew: cwnd and ssthresh are set. */
    void (*start)(struct hf_congestion *cc, hf_time now);

    /* An ACK was taken in: grow. Not called in fast recovery unless own_window. */
    void (*on_ack)(struct hf_congestion *cc, const struct hf_ack_info *ack);

    /* Octets of a sent record were declared lost. NULL: not interested. */
    void (*on_lost)(struct hf_congestion *cc, const struct hf_rate_mark *mark, uint32_t bytes,
                    bool sack, hf_time now);

    /* A loss begins a recovery, or the timer fired: the ssthresh to come down to, from the window
     * that was in use. */
    uint32_t (*on_loss)(struct hf_congestion *cc, uint32_t window, hf_time now);

    /* The same for a congestion mark (RFC 3168, RFC 8511). */
    uint32_t (*on_mark)(struct hf_congestion *cc, uint32_t window, hf_time now);

    /* After on_loss, when it was the timer; cwnd is one segment. NULL: nothing more to do. */
    void (*on_timeout)(struct hf_congestion *cc, uint32_t in_flight, hf_time now);

    /* Recovery is over, cwnd is what loss recovery made it. NULL: nothing to do. */
    void (*on_recovered)(struct hf_congestion *cc, hf_time now);

    /* The loss was none: cwnd and ssthresh are restored, restore your own. NULL: nothing to do. */
    void (*on_undo)(struct hf_congestion *cc, hf_time now);

    /* Text is about to be sent and none is in flight. NULL: nothing to do. */
    void (*on_idle_end)(struct hf_congestion *cc, hf_time idle, hf_time now);

    /* The clock jumped. NULL: no times are kept. */
    void (*shift)(struct hf_congestion *cc, hf_time by);

    void (*save)(const struct hf_congestion *cc, struct hf_congestion_saved *saved);
    void (*resume)(struct hf_congestion *cc, const struct hf_congestion_saved *saved);

    /* STATUS: what only this one has. NULL: nothing. */
    void (*describe)(const struct hf_congestion *cc, struct hf_tcp_status *status);
};

extern const struct hf_congestion_ops hf_cc_reno, hf_cc_cubic, hf_cc_bbr;

/* enum hf_bbr_state; 0 with another controller. */
static inline uint8_t hf_congestion_bbr_state(const struct hf_congestion *cc)
{
    return cc->ops == &hf_cc_bbr ? cc->own.bbr.state : 0;
}

/* ---- cubic_linux.c ---- */

/* Congestion avoidance by octets newly acknowledged, with the window used. */
void hf_cubic_linux_avoid(struct hf_congestion *cc, uint32_t octets, uint32_t now_ms);
void hf_cubic_linux_rtt(struct hf_cubic_linux *l, hf_time rtt, uint32_t now_ms);
/* Text leaves again after a pause. */
void hf_cubic_linux_idle(struct hf_congestion *cc, uint32_t idle_ms, uint32_t now_ms);

/* ---- congestion.c ---- */

/* The controller with this name (enum hf_congestion_control), or 0. */
uint8_t hf_congestion_number(const char *name);
const struct hf_congestion_ops *hf_congestion_of(unsigned number);
unsigned hf_congestion_number_of(const struct hf_congestion_ops *ops);

/* Begin, with mss, initial_window, srtt_us and random set. */
void hf_congestion_start(struct hf_congestion *cc, const struct hf_congestion_ops *ops,
                         const struct hf_settings *settings, hf_time now);

/* Another controller takes over where this one stands. */
void hf_congestion_change(struct hf_congestion *cc, const struct hf_congestion_ops *ops,
                          const struct hf_settings *settings, hf_time now);

/* The ssthresh of a connection that is quiet; UINT32_MAX: its controller keeps none. */
uint32_t hf_congestion_saved_ssthresh(unsigned number, const struct hf_congestion_saved *saved);

/* All that an ACK told is known. window_used is filled in here. */
void hf_congestion_acked(struct hf_congestion *cc, const struct hf_settings *settings,
                         struct hf_ack_info *ack);

/* Octets of a record are declared lost. */
void hf_congestion_lost(struct hf_congestion *cc, const struct hf_rate_mark *mark, uint32_t bytes,
                        bool sack, hf_time now);

/* The window that a reduction starts from: settings say cwnd or what was in flight; a window that
 * was not used counts no more than what was (RFC 7661 4.4.1). */
uint32_t hf_congestion_window_in_use(const struct hf_congestion *cc,
                                     const struct hf_settings *settings, uint32_t in_flight);

/* A turn of sending is over. limited: text waits, and it is cwnd that keeps it. app_limited: nothing
 * waits, and there would be room. */
void hf_congestion_sent(struct hf_congestion *cc, uint32_t in_flight, bool limited,
                        bool app_limited);

/* Text is about to be sent with none in flight, `idle` after the last. */
void hf_congestion_idle_end(struct hf_congestion *cc, const struct hf_settings *settings,
                            hf_time idle, hf_time rto, hf_time now);

void hf_congestion_shift(struct hf_congestion *cc, hf_time by);

/* The rate to pace at, octets a second; 0: do not. */
uint64_t hf_congestion_pace(const struct hf_congestion *cc);

/* Slow start by an ACK: at most `limit` segments, 0: no limit. */
void hf_congestion_slow_start(struct hf_congestion *cc, uint32_t acked, uint32_t limit);

#endif
