/* NewReno's window: slow start and congestion avoidance (RFC 5681 3.1), bytes counted (RFC 3465;
 * how many an ACK may add is a setting). Loss recovery itself is in loss_recovery.c. */
#include "base/text.h"
#include "tcp/congestion.h"

enum { ACKED = 0 }; /* own[]: bytes acknowledged since the window last grew                     */

static void start(struct hf_congestion *cc)
{
    cc->own[ACKED] = 0;
}

static void on_ack(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    if (cc->cwnd < cc->ssthresh) {
        uint32_t most = cc->slow_start_limit * cc->mss;
        cc->cwnd += most && ack->acked > most ? most : ack->acked;
        return;
    }
    cc->own[ACKED] += ack->acked;
    if (cc->own[ACKED] >= cc->cwnd) {
        cc->own[ACKED] -= cc->cwnd;
        cc->cwnd += cc->mss;
    }
}

/* RFC 5681 equation 4 */
static uint32_t on_loss(struct hf_congestion *cc, uint32_t in_flight, hf_time now)
{
    (void)now;
    cc->own[ACKED] = 0;
    return in_flight / 2 > 2 * cc->mss ? in_flight / 2 : 2 * cc->mss;
}

static void save(const struct hf_congestion *cc, struct hf_congestion_saved *saved)
{
    saved->cwnd = cc->cwnd;
    saved->ssthresh = cc->ssthresh;
    saved->own = cc->own[ACKED];
}

static void resume(struct hf_congestion *cc, const struct hf_congestion_saved *saved)
{
    cc->cwnd = saved->cwnd;
    cc->ssthresh = saved->ssthresh;
    cc->own[ACKED] = saved->own;
}

const struct hf_congestion_ops hf_cc_reno = {
    .name = "reno",
    .start = start,
    .on_ack = on_ack,
    .on_loss = on_loss,
    .save = save,
    .resume = resume,
};

static const struct hf_congestion_ops *const controllers[] = {&hf_cc_reno};

const struct hf_congestion_ops *hf_congestion_named(const char *name)
{
    for (unsigned i = 0; i < sizeof controllers / sizeof controllers[0]; i++)
        if (hf_text_equal(controllers[i]->name, name))
            return controllers[i];
    return 0;
}
