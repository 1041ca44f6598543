/* NewReno's window: slow start and congestion avoidance (RFC 5681 3.1), octets counted (RFC 3465;
 * how many an ACK may add is a setting). */
#include "tcp/congestion.h"

static void start(struct hf_congestion *cc, hf_time now)
{
    (void)now;
    cc->own.reno.acked = 0;
}

static void on_ack(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_reno *reno = &cc->own.reno;
    if (!ack->window_used)
        return;
    if (cc->cwnd < cc->ssthresh) {
        hf_congestion_slow_start(cc, ack->acked, cc->slow_start_limit);
        return;
    }
    reno->acked += ack->acked;
    if (reno->acked >= cc->cwnd) {
        reno->acked -= cc->cwnd;
        cc->cwnd += cc->mss;
    }
}

static uint32_t at_least_two(const struct hf_congestion *cc, uint32_t window)
{
    return window > 2 * cc->mss ? window : 2 * cc->mss;
}

/* RFC 5681 equation 4 */
static uint32_t on_loss(struct hf_congestion *cc, uint32_t window, hf_time now)
{
    (void)now;
    cc->own.reno.acked = 0;
    return at_least_two(cc, window / 2);
}

/* RFC 8511 3.1: 0.8 for Reno; only in congestion avoidance, since slow start overshoots. */
static uint32_t on_mark(struct hf_congestion *cc, uint32_t window, hf_time now)
{
    if (cc->cwnd < cc->ssthresh)
        return on_loss(cc, window, now);
    cc->own.reno.acked = 0;
    return at_least_two(cc, window / 5 * 4);
}

static void save(const struct hf_congestion *cc, struct hf_congestion_saved *saved)
{
    saved->cwnd = cc->cwnd;
    saved->ssthresh = cc->ssthresh;
    saved->own = cc->own.reno.acked;
}

static void resume(struct hf_congestion *cc, const struct hf_congestion_saved *saved)
{
    cc->cwnd = saved->cwnd;
    cc->ssthresh = saved->ssthresh;
    cc->own.reno.acked = saved->own;
}

const struct hf_congestion_ops hf_cc_reno = {
    .name = "reno",
    .start = start,
    .on_ack = on_ack,
    .on_loss = on_loss,
    .on_mark = on_mark,
    .save = save,
    .resume = resume,
};
