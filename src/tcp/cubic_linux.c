/* CUBIC's congestion avoidance as Linux has it (tcp_cubic.c, bictcp_update; tcp_cong_avoid_ai), for
 * hf_settings_linux: cc_cubic.c does the rest. Linux says for how many acknowledged segments the
 * window grows by one, and looks at that anew when the window has changed or 31 ms have passed. */
#include "tcp/congestion.h"
#include "tcp/cubic_root.h"

#define UNCHANGED_MS 31      /* HZ / 32                                                       */
#define C_SCALED 410u        /* C = 0.41: bic_scale ...                                       */
#define C_SHIFT 40u          /* ... for times in 1/1024 s                                     */
#define FASTEST 2u           /* acknowledged for each that is added                           */
#define SLOWEST_AT_FIRST 20u /* ... before the first loss                                     */
#define RENO_SCALE 15u       /* 8 (1 + 0.7) / 3 (1 - 0.7)                                     */
#define FAR (1u << 17)       /* 1/1024 s: so far from K all windows are passed                */
#define SETTLED_MS 1000      /* round trips right after a reduction are not looked at         */

void hf_cubic_linux_rtt(struct hf_cubic_linux *l, hf_time rtt, uint32_t now_ms)
{
    bool settled = !l->running || (int32_t)(now_ms - l->epoch_ms) >= SETTLED_MS;
    if (!rtt || (l->least_rtt_us && !settled))
        return;
    uint32_t us = rtt / HF_US < UINT32_MAX ? (uint32_t)(rtt / HF_US) : UINT32_MAX;
    if (!l->least_rtt_us || us < l->least_rtt_us)
        l->least_rtt_us = us ? us : 1;
}

static void begin(struct hf_cubic_linux *l, uint32_t cwnd, uint32_t w_max, uint32_t acked,
                  uint32_t now_ms)
{
    l->running = true;
    l->epoch_ms = now_ms;
    l->acked = acked;
    l->reno = cwnd;
    l->origin = cwnd > w_max ? cwnd : w_max;
    l->k = hf_cube_root((((uint64_t)1 << C_SHIFT) / C_SCALED) * (l->origin - cwnd));
}

void hf_cubic_linux_idle(struct hf_congestion *cc, uint32_t idle_ms, uint32_t now_ms)
{
    struct hf_cubic_linux *l = &cc->own.cubic.linux_way;
    if (l->resumed && cc->cwnd >= cc->ssthresh)
        begin(l, cc->cwnd / cc->mss, cc->own.cubic.curve.w_max / cc->mss, 0, now_ms);
    l->resumed = false;
    l->epoch_ms += idle_ms;
    if ((int32_t)(l->epoch_ms - now_ms) > 0)
        l->epoch_ms = now_ms;
}

/* The curve, a least round trip from now. */
static int64_t target(const struct hf_cubic_linux *l, uint32_t now_ms)
{
    uint64_t ms = now_ms - l->epoch_ms + ((uint64_t)l->least_rtt_us + 999) / 1000;
    uint64_t t = (ms << 10) / 1000, away = t < l->k ? l->k - t : t - l->k;
    if (away > FAR)
        away = FAR;
    int64_t segments = (int64_t)(C_SCALED * away * away * away >> C_SHIFT);
    return t < l->k ? l->origin - segments : l->origin + segments;
}

/* How many acknowledged segments add one, by the curve. */
static uint32_t by_curve(const struct hf_cubic_linux *l, uint32_t cwnd, bool no_loss_yet,
                         uint32_t now_ms)
{
    int64_t more = target(l, now_ms) - cwnd;
    uint32_t every = more > 0 ? (uint32_t)(cwnd / more) : 100 * cwnd;
    return no_loss_yet && every > SLOWEST_AT_FIRST ? SLOWEST_AT_FIRST : every;
}

/* ... so that it is no slower than Reno. */
static uint32_t by_reno(struct hf_cubic_linux *l, uint32_t cwnd, uint32_t every)
{
    uint32_t one = cwnd * RENO_SCALE >> 3;
    if (one && l->acked > one) {
        uint32_t n = (l->acked - 1) / one;
        l->acked -= n * one;
        l->reno += n;
    }
    uint32_t most = l->reno > cwnd ? cwnd / (l->reno - cwnd) : every;
    return most < every ? most : every;
}

static void update(struct hf_cubic_linux *l, uint32_t cwnd, uint32_t w_max, uint32_t acked,
                   uint32_t now_ms)
{
    l->acked += acked;
    if (l->updated_cwnd == cwnd && (int32_t)(now_ms - l->updated_ms) <= UNCHANGED_MS)
        return;
    if (!l->running || now_ms != l->updated_ms) {
        l->updated_cwnd = cwnd;
        l->updated_ms = now_ms;
        if (!l->running)
            begin(l, cwnd, w_max, acked, now_ms);
        l->every = by_curve(l, cwnd, !w_max, now_ms);
    }
    l->every = by_reno(l, cwnd, l->every);
    if (l->every < FASTEST)
        l->every = FASTEST;
}

void hf_cubic_linux_avoid(struct hf_congestion *cc, uint32_t octets, uint32_t now_ms)
{
    struct hf_cubic_linux *l = &cc->own.cubic.linux_way;
    l->part += octets;
    uint32_t acked = l->part / cc->mss;
    if (!acked)
        return;
    l->part -= acked * cc->mss;
    update(l, cc->cwnd / cc->mss, cc->own.cubic.curve.w_max / cc->mss, acked, now_ms);
    if (l->credit >= l->every) { /* saved up when more was needed for one */
        l->credit = 0;
        cc->cwnd += cc->mss;
    }
    l->credit += acked;
    cc->cwnd += l->credit / l->every * cc->mss;
    l->credit %= l->every;
}
