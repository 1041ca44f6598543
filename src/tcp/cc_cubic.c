/* CUBIC, RFC 9438: after a reduction the window follows a cubic curve of time, fast back to near
 * where it was, slowly past it, fast again; never below what Reno would have. Integers: octets,
 * milliseconds, and fractions where said.
 *
 * The curve is W(t) = C (t - K)^3 + W_max with C = 0.4 segments a second cubed, and K the time that
 * it takes from the window after the reduction back to W_max (RFC 9438 4.2). */
#include "tcp/congestion.h"
#include "tcp/cubic_root.h"

/* beta 0.7 (4.6), with a mark 0.85 (RFC 8511 3.1); alpha = 3 (1 - beta) / (1 + beta) = 9/17 (4.3) */
#define BETA_OF_TEN 7u
#define ALPHA_PART 9u
#define ALPHA_WHOLE 17u
#define EST_ONE 1024u     /* w_est counts in fractions of an octet                              */
#define FAR_MS 131072u    /* so far from K the curve is above all windows there are             */
#define SLOW_START_LIMIT 8u /* RFC 9406 4.2: L, when not paced                                  */

static void start(struct hf_congestion *cc, hf_time now)
{
    struct hf_cubic *q = &cc->own.cubic;
    *q = (struct hf_cubic){.last_ack_ms = (uint32_t)(now / HF_MS)};
    hf_hystart_start(&q->hystart);
}

/* C (t - K)^3 in octets, for a distance from K in milliseconds. */
static uint64_t cubed(uint32_t ms, uint32_t mss)
{
    uint64_t d = ms < FAR_MS ? ms : FAR_MS;
    return d * d * d / 2500 * mss / 1000000; /* 0.4 / 10^9 */
}

/* K in milliseconds: the cube root of (W_max - cwnd) / C. */
static uint32_t k_of(uint32_t octets, uint32_t mss)
{
    return hf_cube_root((uint64_t)octets * 2500000000u / mss);
}

/* RFC 9438 4.2, 4.7: the curve begins with the first ACK of congestion avoidance. */
static void begin_curve(struct hf_congestion *cc, uint32_t now_ms)
{
    struct hf_cubic_curve *v = &cc->own.cubic.curve;
    v->running = true;
    v->epoch_ms = now_ms;
    v->w_est = (uint64_t)cc->cwnd * EST_ONE;
    v->k_ms = 0;
    if (cc->cwnd < v->w_max)
        v->k_ms = k_of(v->w_max - cc->cwnd, cc->mss);
    else
        v->w_max = cc->cwnd; /* after a timeout, or without any loss yet */
    if (!v->cwnd_prior)
        v->cwnd_prior = cc->cwnd;
    cc->own.cubic.credit = 0;
}

/* W(t) */
static uint64_t curve_at(const struct hf_cubic_curve *v, uint32_t t_ms, uint32_t mss)
{
    if (t_ms >= v->k_ms)
        return v->w_max + cubed(t_ms - v->k_ms, mss);
    uint64_t below = cubed(v->k_ms - t_ms, mss);
    return v->w_max > below ? v->w_max - below : 0;
}

/* RFC 9438 4.3: what Reno would have by now. */
static uint64_t reno_would_have(struct hf_cubic_curve *v, const struct hf_congestion *cc,
                                uint32_t acked)
{
    bool caught_up = v->w_est >= (uint64_t)v->cwnd_prior * EST_ONE;
    uint64_t gain = (uint64_t)acked * cc->mss * EST_ONE / cc->cwnd;
    v->w_est += caught_up ? gain : gain * ALPHA_PART / ALPHA_WHOLE;
    return v->w_est / EST_ONE;
}

/* RFC 9438 4.2 to 4.5. The window moves by whole segments. */
static void avoid(struct hf_congestion *cc, const struct hf_ack_info *ack, uint32_t now_ms)
{
    struct hf_cubic *q = &cc->own.cubic;
    struct hf_cubic_curve *v = &q->curve;
    if (!v->running)
        begin_curve(cc, now_ms);
    uint64_t reno = reno_would_have(v, cc, ack->acked);
    uint32_t t = now_ms - v->epoch_ms;
    if (curve_at(v, t, cc->mss) < reno) { /* 4.3: the region where Reno is faster */
        if (reno >= (uint64_t)cc->cwnd + cc->mss)
            cc->cwnd += (uint32_t)(reno - cc->cwnd) / cc->mss * cc->mss;
        return;
    }
    uint64_t target = curve_at(v, t + ack->srtt_us / 1000, cc->mss);
    uint64_t most = (uint64_t)cc->cwnd + cc->cwnd / 2; /* 4.2: at most 1.5 times in a round */
    if (target > most)
        target = most;
    if (target <= cc->cwnd)
        return;
    q->credit += (target - cc->cwnd) * ack->acked;
    uint64_t segment = (uint64_t)cc->cwnd * cc->mss;
    if (q->credit >= segment) {
        uint64_t n = q->credit / segment;
        q->credit -= n * segment;
        cc->cwnd += (uint32_t)n * cc->mss;
    }
}

static enum hf_slow_start ask_hystart(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_hystart *hystart = &cc->own.cubic.hystart;
    if (cc->hystart == HF_HYSTART_PLUS_TRAINS && !ack->in_flight &&
        hf_hystart_whole_round(hystart, ack->now, ack->rtt, cc->rate.delivered, cc->mss))
        return HF_SLOW_START_ON;
    struct hf_hystart_ack h = {.now = ack->now, .rtt = ack->rtt, .min_rtt = cc->min_rtt,
                               .acked = cc->acked, .delivered = cc->rate.delivered,
                               .in_flight = ack->in_flight, .cwnd = cc->cwnd, .mss = cc->mss,
                               .paced = cc->paced, .limited = cc->limited};
    return hf_hystart_ack(hystart, cc->hystart, &h);
}

static void slow_start(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    bool first = cc->ssthresh == UINT32_MAX; /* RFC 9406 4.3: only the first one */
    bool plus =
        first && (cc->hystart == HF_HYSTART_PLUS || cc->hystart == HF_HYSTART_PLUS_TRAINS);
    bool looks = plus || cc->hystart == HF_HYSTART_LINUX;
    enum hf_slow_start verdict = looks ? ask_hystart(cc, ack) : HF_SLOW_START_ON;
    if (verdict == HF_SLOW_START_OVER)
        cc->ssthresh = cc->cwnd;
    if (!ack->window_used || cc->cwnd >= cc->ssthresh)
        return;
    uint32_t limit = !plus ? cc->slow_start_limit : cc->paced ? 0 : SLOW_START_LIMIT;
    hf_congestion_slow_start(cc, verdict == HF_SLOW_START_SLOWER ? ack->acked / 4 : ack->acked,
                             limit);
}

/* Slow start ends at ssthresh, and what is left of the ACK counts for what follows. */
static void on_ack_like_linux(struct hf_congestion *cc, const struct hf_ack_info *ack,
                              uint32_t now_ms)
{
    uint32_t acked = ack->acked;
    hf_cubic_linux_rtt(&cc->own.cubic.linux_way, ack->rtt, now_ms);
    if (cc->cwnd < cc->ssthresh) {
        uint32_t before = cc->cwnd;
        slow_start(cc, ack);
        if (cc->cwnd > cc->ssthresh)
            cc->cwnd = cc->ssthresh;
        acked -= cc->cwnd - before;
    }
    if (ack->window_used && cc->cwnd >= cc->ssthresh)
        hf_cubic_linux_avoid(cc, acked, now_ms);
}

static void on_ack(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_cubic *q = &cc->own.cubic;
    uint32_t now_ms = ack->now_ms, since_ms = now_ms - q->last_ack_ms;
    q->last_ack_ms = now_ms;
    if (cc->cubic == HF_CUBIC_LINUX)
        on_ack_like_linux(cc, ack, now_ms);
    else if (cc->cwnd < cc->ssthresh)
        slow_start(cc, ack);
    else if (ack->window_used)
        avoid(cc, ack, now_ms);
    else
        q->curve.epoch_ms += since_ms; /* 5.8: time in which it is not used */
}

static uint32_t reduce(struct hf_congestion *cc, uint32_t window, uint32_t of_twenty)
{
    struct hf_cubic *q = &cc->own.cubic;
    q->before = q->curve;
    q->curve.cwnd_prior = cc->cwnd;
    /* 4.7, fast convergence: the flow had less than before, someone needs the room. */
    q->curve.w_max = window < q->curve.w_max
                         ? (uint32_t)((uint64_t)window * (10 + BETA_OF_TEN) / 20)
                         : window;
    q->curve.running = q->linux_way.running = false;
    q->linux_way.credit = 0;
    uint32_t ssthresh = (uint32_t)((uint64_t)window * of_twenty / 20);
    return ssthresh > 2 * cc->mss ? ssthresh : 2 * cc->mss;
}

static uint32_t on_loss(struct hf_congestion *cc, uint32_t window, hf_time now)
{
    (void)now;
    return reduce(cc, window, 2 * BETA_OF_TEN);
}

/* RFC 8511 3.1: 0.85; in slow start as after a loss. */
static uint32_t on_mark(struct hf_congestion *cc, uint32_t window, hf_time now)
{
    (void)now;
    return reduce(cc, window, cc->cwnd < cc->ssthresh ? 2 * BETA_OF_TEN : 17);
}

/* 4.8: the curve after a timeout begins at the window that slow start reaches. */
static void on_timeout(struct hf_congestion *cc, uint32_t in_flight, hf_time now)
{
    struct hf_cubic *q = &cc->own.cubic;
    (void)in_flight;
    (void)now;
    q->curve.w_max = 0;
    q->curve.cwnd_prior = 0;
    q->linux_way = (struct hf_cubic_linux){0};
    hf_hystart_start(&q->hystart);
}

/* 4.9 */
static void on_undo(struct hf_congestion *cc, hf_time now)
{
    (void)now;
    cc->own.cubic.curve = cc->own.cubic.before;
}

/* 5.8: time that passed without sending does not count; once, however often it is told before
 * something leaves. */
static void on_idle_end(struct hf_congestion *cc, hf_time idle, hf_time now)
{
    struct hf_cubic *q = &cc->own.cubic;
    uint32_t idle_ms = (uint32_t)((uint64_t)idle / (uint64_t)HF_MS);
    uint32_t now_ms = (uint32_t)((uint64_t)now / (uint64_t)HF_MS);
    uint32_t untold_ms = now_ms - q->last_ack_ms;
    uint32_t more_ms = idle_ms < untold_ms ? idle_ms : untold_ms;
    q->curve.epoch_ms += more_ms;
    hf_cubic_linux_idle(cc, more_ms, now_ms);
    q->last_ack_ms = now_ms;
}

static void shift(struct hf_congestion *cc, hf_time by)
{
    struct hf_cubic *q = &cc->own.cubic;
    q->curve.epoch_ms += (uint32_t)(by / HF_MS);
    q->before.epoch_ms += (uint32_t)(by / HF_MS);
    q->linux_way.epoch_ms += (uint32_t)(by / HF_MS);
    q->linux_way.updated_ms += (uint32_t)(by / HF_MS);
    q->last_ack_ms += (uint32_t)(by / HF_MS);
}

/* Where the curve was follows from w_max and cwnd; Linux's begins before the first ACK. */
#define SAVED_RUNNING (1u << 31)

static void save(const struct hf_congestion *cc, struct hf_congestion_saved *saved)
{
    saved->cwnd = cc->cwnd;
    saved->ssthresh = cc->ssthresh;
    saved->own = cc->own.cubic.curve.w_max & ~SAVED_RUNNING;
    if (cc->own.cubic.linux_way.running)
        saved->own |= SAVED_RUNNING;
}

static void resume(struct hf_congestion *cc, const struct hf_congestion_saved *saved)
{
    cc->cwnd = saved->cwnd;
    cc->ssthresh = saved->ssthresh;
    cc->own.cubic.curve.w_max = saved->own & ~SAVED_RUNNING;
    cc->own.cubic.linux_way.resumed = (saved->own & SAVED_RUNNING) != 0;
}

const struct hf_congestion_ops hf_cc_cubic = {
    .name = "cubic",
    .start = start,
    .on_ack = on_ack,
    .on_loss = on_loss,
    .on_mark = on_mark,
    .on_timeout = on_timeout,
    .on_undo = on_undo,
    .on_idle_end = on_idle_end,
    .shift = shift,
    .save = save,
    .resume = resume,
};
