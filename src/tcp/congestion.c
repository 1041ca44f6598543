/* What is the same for every controller: which one it is, whether the window was used (RFC 7661, and
 * as Linux does), the least round trip, and a window that was left alone for long. */
#include "tcp/congestion.h"

#include <string.h>

#include <handfast/tcp.h>

#include "base/text.h"

#define MIN_RTT_WINDOW_MS 10000u /* draft-ietf-ccwg-bbr 2.13.1: MinRTTFilterLen                 */
#define UNUSED_MAX_S 300u        /* RFC 7661 4.4.3: the non-validated period                    */

static const struct hf_congestion_ops *const controllers[HF_CONGESTION_COUNT] = {
    [HF_CONGESTION_RENO] = &hf_cc_reno,
    [HF_CONGESTION_CUBIC] = &hf_cc_cubic,
    [HF_CONGESTION_BBR] = &hf_cc_bbr,
};

const struct hf_congestion_ops *hf_congestion_of(unsigned number)
{
    return number < HF_CONGESTION_COUNT ? controllers[number] : 0;
}

unsigned hf_congestion_number_of(const struct hf_congestion_ops *ops)
{
    unsigned i = 0;
    while (controllers[i] != ops)
        i++;
    return i;
}

uint8_t hf_congestion_number(const char *name)
{
    for (uint8_t i = 1; i < HF_CONGESTION_COUNT; i++)
        if (hf_text_equal(controllers[i]->name, name))
            return i;
    return HF_CONGESTION_DEFAULT;
}

int hf_congestion_named(const char *name)
{
    int number = name ? hf_congestion_number(name) : 0;
    return number ? number : HF_ERR_ARGUMENT;
}

const char *hf_congestion_name(int number)
{
    return number > 0 && number < HF_CONGESTION_COUNT ? controllers[number]->name : 0;
}

void hf_congestion_start(struct hf_congestion *cc, const struct hf_congestion_ops *ops,
                         const struct hf_settings *settings, hf_time now)
{
    uint32_t mss = cc->mss, initial = cc->initial_window, srtt_us = cc->srtt_us;
    uint32_t random = cc->random;
    memset(cc, 0, sizeof *cc);
    cc->ops = ops;
    cc->mss = mss;
    cc->srtt_us = srtt_us;
    cc->random = random;
    cc->cwnd = cc->initial_window = initial;
    cc->ssthresh = UINT32_MAX;
    cc->slow_start_limit = settings->slow_start_limit;
    cc->hystart = settings->hystart;
    cc->cubic = settings->cubic;
    cc->paced = ops->own_pace || settings->pacing;
    hf_rate_start(&cc->rate, now);
    ops->start(cc, now);
}

void hf_congestion_change(struct hf_congestion *cc, const struct hf_congestion_ops *ops,
                          const struct hf_settings *settings, hf_time now)
{
    cc->paced = ops->own_pace || settings->pacing;
    cc->ops = ops;
    cc->pacing_rate = 0;
    memset(&cc->own, 0, sizeof cc->own);
    ops->start(cc, now);
}

uint32_t hf_congestion_saved_ssthresh(unsigned number, const struct hf_congestion_saved *saved)
{
    bool none = !saved->cwnd || hf_congestion_of(number)->own_window;
    return none ? UINT32_MAX : saved->ssthresh;
}

/* ---- Was the window used? ---- */

void hf_congestion_sent(struct hf_congestion *cc, uint32_t in_flight, bool limited,
                        bool app_limited)
{
    bool over = (int32_t)(cc->acked - cc->used_end) >= 0;
    if (over || limited || (!cc->limited && in_flight > cc->used_max)) {
        cc->limited = limited;
        cc->used_max = in_flight;
        cc->used_end = cc->acked + in_flight;
    }
    if (app_limited)
        hf_rate_app_limited(&cc->rate, in_flight);
}

static bool used_by_linux(const struct hf_congestion *cc)
{
    return cc->limited || (cc->cwnd < cc->ssthresh && cc->cwnd < 2 * (uint64_t)cc->used_max);
}

static uint32_t pipe_ack(const struct hf_congestion *cc)
{
    return cc->pipe_ack[0] > cc->pipe_ack[1] ? cc->pipe_ack[0] : cc->pipe_ack[1];
}

/* RFC 7661 4.3: more than half of the window was acknowledged within a round trip. */
static bool validated(const struct hf_congestion *cc)
{
    return 2 * (uint64_t)pipe_ack(cc) >= cc->cwnd;
}

static void measure_pipe(struct hf_congestion *cc, uint32_t in_flight)
{
    if ((int32_t)(cc->acked - cc->round_end) < 0)
        return;
    cc->pipe_ack[1] = cc->pipe_ack[0];
    cc->pipe_ack[0] = cc->acked - cc->round_start;
    cc->round_start = cc->acked;
    cc->round_end = cc->acked + in_flight;
}

/* RFC 7661 4.4.3: five minutes without use, and the window says nothing about the path. */
static void cut_if_unused(struct hf_congestion *cc, bool valid, hf_time now)
{
    if (valid || cc->limited || cc->cwnd <= cc->initial_window) {
        cc->unused_since_s = 0;
        return;
    }
    uint32_t now_s = (uint32_t)(now / HF_SEC) + 1;
    if (!cc->unused_since_s) {
        cc->unused_since_s = now_s;
    } else if (now_s - cc->unused_since_s > UNUSED_MAX_S) {
        uint32_t most = cc->cwnd / 4 * 3;
        if (cc->ssthresh < most)
            cc->ssthresh = most;
        cc->cwnd = cc->cwnd / 2 > cc->initial_window ? cc->cwnd / 2 : cc->initial_window;
        cc->unused_since_s = now_s;
    }
}

uint32_t hf_congestion_window_in_use(const struct hf_congestion *cc,
                                     const struct hf_settings *settings, uint32_t in_flight)
{
    if (!settings->reduce_from_cwnd)
        return in_flight;
    if (settings->window_validation != HF_VALIDATE_RFC7661 || cc->limited || validated(cc))
        return cc->cwnd;
    uint32_t used = pipe_ack(cc) > in_flight ? pipe_ack(cc) : in_flight;
    return used < cc->cwnd ? used : cc->cwnd;
}

/* ---- What happened ---- */

void hf_congestion_slow_start(struct hf_congestion *cc, uint32_t acked, uint32_t limit)
{
    uint32_t most = limit * cc->mss;
    cc->cwnd += most && acked > most ? most : acked;
}

static inline void note_rtt(struct hf_congestion *cc, uint64_t rtt, uint32_t now_ms)
{
    uint64_t us = rtt / (uint64_t)HF_US;
    uint32_t value = us > UINT32_MAX ? UINT32_MAX : us ? (uint32_t)us : 1;
    cc->min_rtt = HF_US * hf_windowed_min(&cc->rtts, MIN_RTT_WINDOW_MS, now_ms, value);
}

void hf_congestion_acked(struct hf_congestion *cc, const struct hf_settings *settings,
                         struct hf_ack_info *ack)
{
    ack->now_ms = (uint32_t)((uint64_t)ack->now / (uint64_t)HF_MS);
    cc->acked += ack->acked;
    ack->acked -= ack->known; /* a window does not grow by the same octets twice              */
    ack->acked += ack->ahead;
    cc->srtt_us = ack->srtt_us;
    if (ack->rtt > 0)
        note_rtt(cc, (uint64_t)ack->rtt, ack->now_ms);
    ack->window_used = used_by_linux(cc);
    if (settings->window_validation == HF_VALIDATE_RFC7661) {
        measure_pipe(cc, ack->in_flight);
        bool valid = validated(cc);
        ack->window_used |= valid;
        cut_if_unused(cc, valid, ack->now);
    }
    if (!ack->recovering || cc->ops->own_window)
        cc->ops->on_ack(cc, ack);
}

void hf_congestion_lost(struct hf_congestion *cc, const struct hf_rate_mark *mark, uint32_t bytes,
                        bool sack, hf_time now)
{
    hf_rate_lost(&cc->rate, bytes);
    if (cc->ops->on_lost)
        cc->ops->on_lost(cc, mark, bytes, sack, now);
}

void hf_congestion_idle_end(struct hf_congestion *cc, const struct hf_settings *settings,
                            hf_time idle, hf_time rto, hf_time now)
{
    /* RFC 5681 4.1: when nothing was sent for an RTO the old window says nothing about the path. */
    if (settings->idle_restart && idle > rto && cc->cwnd > cc->initial_window &&
        !cc->ops->own_window)
        cc->cwnd = cc->initial_window;
    if (cc->ops->on_idle_end)
        cc->ops->on_idle_end(cc, idle, now);
}

void hf_congestion_shift(struct hf_congestion *cc, hf_time by)
{
    cc->rate.delivered_at += by;
    cc->rate.first_sent_at += by;
    if (cc->ops->shift)
        cc->ops->shift(cc, by);
}

/* ---- Pacing ---- */

#define SLOW_START_PACE 200u /* percent of cwnd / srtt: Linux tcp_pacing_ss_ratio                */
#define AVOIDANCE_PACE 120u  /* ... tcp_pacing_ca_ratio                                          */
#define FIRST_PACE 277u      /* draft-ietf-ccwg-bbr 5.6.2: Startup's gain                        */

uint64_t hf_congestion_pace(const struct hf_congestion *cc)
{
    if (!cc->paced)
        return 0;
    if (cc->pacing_rate)
        return cc->pacing_rate;
    unsigned percent = cc->ops->own_pace                 ? FIRST_PACE
                       : cc->cwnd < cc->ssthresh / 2     ? SLOW_START_PACE
                                                         : AVOIDANCE_PACE;
    uint32_t srtt_us = cc->srtt_us ? cc->srtt_us : 1000;
    return (uint64_t)cc->cwnd * percent * 10000 / srtt_us;
}
