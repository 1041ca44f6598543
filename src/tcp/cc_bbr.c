/* BBR version 3: draft-ietf-ccwg-bbr. A model of the path (how fast it delivers, how long a round trip
 * is without a queue, how much it holds without loss) and a sender that follows the model, looks
 * now and then whether there is more, and now and then whether the round trip is shorter.
 *
 * Functions stand in the order of the draft's sections and under its names. Infinity is the largest
 * number of the type; gains are in percent. A mark (ECN) counts as a loss: the draft wants
 * some response and specifies none. */
#include <handfast/tcp.h>

#include "tcp/congestion.h"

/* 2.4 to 2.13, in the draft's names */
#define STARTUP_PACING_GAIN 277u
#define DRAIN_PACING_GAIN 50u
#define DEFAULT_CWND_GAIN 200u
#define UP_CWND_GAIN 225u
#define PROBE_RTT_CWND_GAIN 50u
#define PACING_MARGIN 1u   /* percent                                                         */
#define LOSS_THRESH 2u     /* percent                                                         */
#define BETA 70u           /* percent                                                         */
#define HEADROOM 15u       /* percent                                                         */
#define MIN_PIPE_SEGMENTS 4u
#define STARTUP_FULL_LOSS_COUNT 6u
#define EXTRA_ACKED_FILTER_LEN 10u
#define MIN_RTT_FILTER_LEN (10 * HF_SEC)
#define PROBE_RTT_INTERVAL (5 * HF_SEC)
#define PROBE_RTT_DURATION (200 * HF_MS)
#define QUANTUM_MAX 65536u
#define INFINITE UINT32_MAX
#define FAST UINT64_MAX
#define VOLUME_MAX (1u << 30) /* no window is larger (RFC 7323 2.3)                           */

static struct hf_bbr *model(struct hf_congestion *cc)
{
    return &cc->own.bbr;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint64_t larger_rate(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint32_t percent(uint32_t volume, unsigned part)
{
    return (uint32_t)((uint64_t)volume * part / 100);
}

/* a is at or after b, both modulo 2^32 */
static bool reached(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

static uint32_t draw(struct hf_bbr *b)
{
    b->random = b->random * 1664525u + 1013904223u; /* Numerical Recipes: only to spread probes */
    return b->random >> 16;
}

static bool in_probe_bw(const struct hf_bbr *b)
{
    return b->state >= HF_BBR_PROBE_DOWN && b->state <= HF_BBR_PROBE_UP;
}

static unsigned pacing_gain(const struct hf_bbr *b)
{
    static const uint16_t gains[] = {
        [HF_BBR_STARTUP] = STARTUP_PACING_GAIN, [HF_BBR_DRAIN] = DRAIN_PACING_GAIN,
        [HF_BBR_PROBE_DOWN] = 90,               [HF_BBR_PROBE_CRUISE] = 100,
        [HF_BBR_PROBE_REFILL] = 100,            [HF_BBR_PROBE_UP] = 125,
        [HF_BBR_PROBE_RTT] = 100,
    };
    return gains[b->state];
}

static unsigned cwnd_gain(const struct hf_bbr *b)
{
    return b->state == HF_BBR_PROBE_RTT  ? PROBE_RTT_CWND_GAIN
           : b->state == HF_BBR_PROBE_UP ? UP_CWND_GAIN
                                         : DEFAULT_CWND_GAIN;
}

/* ---- Volumes, 5.6.4 ---- */

static uint32_t min_pipe(const struct hf_congestion *cc)
{
    return MIN_PIPE_SEGMENTS * cc->mss;
}

static uint32_t bdp_multiple(struct hf_congestion *cc, uint64_t bw, unsigned gain)
{
    struct hf_bbr *b = model(cc);
    if (b->min_rtt_us == INFINITE)
        return cc->initial_window; /* no round trip is known yet */
    uint64_t bdp = bw < (1ull << 36) ? bw * b->min_rtt_us / 1000000 : VOLUME_MAX;
    bdp = bdp * gain / 100;
    return bdp < VOLUME_MAX ? (uint32_t)bdp : VOLUME_MAX;
}

static uint32_t quantization_budget(struct hf_congestion *cc, uint32_t cap)
{
    uint64_t quantum = cc->pacing_rate / 1000; /* 5.6.3 */
    quantum = quantum < QUANTUM_MAX ? quantum : QUANTUM_MAX;
    cap = larger(cap, larger((uint32_t)quantum, 2 * cc->mss));
    cap = larger(cap, min_pipe(cc));
    return model(cc)->state == HF_BBR_PROBE_UP ? cap + 2 * cc->mss : cap;
}

static uint32_t inflight(struct hf_congestion *cc, uint64_t bw, unsigned gain)
{
    return quantization_budget(cc, bdp_multiple(cc, bw, gain));
}

static uint32_t target_inflight(struct hf_congestion *cc)
{
    return smaller(bdp_multiple(cc, model(cc)->bw, 100), cc->cwnd);
}

static uint32_t inflight_with_headroom(struct hf_congestion *cc)
{
    const struct hf_bbr *b = model(cc);
    if (b->inflight_longterm == INFINITE)
        return INFINITE;
    uint32_t headroom = larger(cc->mss, percent(b->inflight_longterm, HEADROOM));
    uint32_t rest = b->inflight_longterm > headroom ? b->inflight_longterm - headroom : 0;
    return larger(rest, min_pipe(cc));
}

/* ---- Pacing rate, 5.6.2 ---- */

static void set_pacing_rate_with_gain(struct hf_congestion *cc, unsigned gain)
{
    const struct hf_bbr *b = model(cc);
    uint64_t rate = b->bw / 100 * gain / 100 * (100 - PACING_MARGIN);
    if (rate && (b->full_bw_reached || rate > cc->pacing_rate))
        cc->pacing_rate = rate;
}

/* ---- Helpers of the state machine ---- */

static void start_round(struct hf_congestion *cc)
{
    model(cc)->next_round_delivered = cc->rate.delivered;
}

static void reset_full_bw(struct hf_bbr *b)
{
    b->full_bw = 0;
    b->full_bw_count = 0;
    b->full_bw_now = false;
}

static void reset_congestion_signals(struct hf_bbr *b)
{
    b->loss_in_round = false;
    b->loss_events = 0;
    b->bw_latest = 0;
    b->inflight_latest = 0;
}

static void reset_short_term_model(struct hf_bbr *b)
{
    b->bw_shortterm = FAST;
    b->inflight_shortterm = INFINITE;
}

static void save_cwnd(struct hf_congestion *cc)
{
    struct hf_bbr *b = model(cc);
    bool good = !b->recovering && b->state != HF_BBR_PROBE_RTT;
    b->prior_cwnd = good ? cc->cwnd : larger(b->prior_cwnd, cc->cwnd);
}

static void restore_cwnd(struct hf_congestion *cc)
{
    cc->cwnd = larger(cc->cwnd, model(cc)->prior_cwnd);
}

/* ---- Startup and Drain, 5.3.1, 5.3.2 ---- */

static void check_full_bw_reached(struct hf_bbr *b, const struct hf_ack_info *ack)
{
    if (b->full_bw_now || !b->round_start || ack->rs.app_limited || !ack->rs.bytes_per_s)
        return;
    if (ack->rs.bytes_per_s >= b->full_bw + b->full_bw / 4) {
        reset_full_bw(b); /* it still grows */
        b->full_bw = ack->rs.bytes_per_s;
        return;
    }
    b->full_bw_now = ++b->full_bw_count >= 3;
    b->full_bw_reached |= b->full_bw_now;
}

static bool is_inflight_too_high(const struct hf_rate_sample *rs, bool sack)
{
    if (!sack)
        return rs->lost > 0;
    return (uint64_t)rs->lost * 100 > (uint64_t)rs->tx_in_flight * LOSS_THRESH;
}

static void check_startup_high_loss(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    bool enough = ack->sack ? b->loss_round_start && b->loss_events >= STARTUP_FULL_LOSS_COUNT
                            : b->loss_in_round;
    if (b->full_bw_reached || !enough || !is_inflight_too_high(&ack->rs, ack->sack))
        return;
    b->undo_state = HF_BBR_STARTUP;
    b->full_bw_reached = true;
    b->inflight_longterm = larger(bdp_multiple(cc, b->bw, 100), b->inflight_latest);
}

static void check_startup_done(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    if (b->state != HF_BBR_STARTUP)
        return;
    check_startup_high_loss(cc, ack);
    if (!b->full_bw_reached)
        return;
    b->state = HF_BBR_DRAIN;
    b->drain_start_round = b->round_count;
}

/* ---- ProbeBW, 5.3.3 ---- */

static void start_probe_bw_down(struct hf_congestion *cc, hf_time now)
{
    struct hf_bbr *b = model(cc);
    reset_congestion_signals(b);
    b->probe_up_acked_per_inc = INFINITE;
    b->rounds_since_probe_up = draw(b) & 1;
    b->bw_probe_wait_ms = 2000 + draw(b) % 1000;
    b->cycle_stamp = now;
    b->ack_phase = HF_ACKS_STOPPING;
    start_round(cc);
    b->state = HF_BBR_PROBE_DOWN;
}

static void start_probe_bw_refill(struct hf_congestion *cc)
{
    struct hf_bbr *b = model(cc);
    reset_short_term_model(b);
    b->probe_up_rounds = 0;
    b->probe_up_acked = 0;
    b->prev_probe_precautionary = false;
    b->ack_phase = HF_ACKS_REFILLING;
    start_round(cc);
    b->state = HF_BBR_PROBE_REFILL;
}

static void raise_inflight_longterm_slope(struct hf_congestion *cc)
{
    struct hf_bbr *b = model(cc);
    b->probe_up_acked_per_inc = larger(cc->cwnd >> b->probe_up_rounds, cc->mss);
    if (b->probe_up_rounds < 30)
        b->probe_up_rounds++;
}

static void start_probe_bw_up(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    b->ack_phase = HF_ACKS_STARTING;
    start_round(cc);
    reset_full_bw(b);
    b->full_bw = ack->rs.bytes_per_s;
    b->state = HF_BBR_PROBE_UP;
    raise_inflight_longterm_slope(cc);
}

static void check_drain_done(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    const struct hf_bbr *b = model(cc);
    if (b->state == HF_BBR_DRAIN && (ack->in_flight <= inflight(cc, b->bw, 100) ||
                                     b->round_count - b->drain_start_round > 3))
        start_probe_bw_down(cc, ack->now);
}

/* A round trip in which Reno would have doubled: whoever shares the path has had its time. */
static bool is_time_to_probe_bw(struct hf_congestion *cc, hf_time now)
{
    struct hf_bbr *b = model(cc);
    uint32_t reno_rounds = smaller(target_inflight(cc) / cc->mss, 63);
    if (now <= b->cycle_stamp + b->bw_probe_wait_ms * HF_MS &&
        b->rounds_since_probe_up < reno_rounds)
        return false;
    start_probe_bw_refill(cc);
    return true;
}

static bool is_time_to_cruise(struct hf_congestion *cc, uint32_t in_flight)
{
    return in_flight <= inflight_with_headroom(cc) &&
           in_flight <= inflight(cc, model(cc)->max_bw, 100);
}

static bool is_time_to_go_down(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    if (b->prev_probe_too_high && ack->in_flight >= b->inflight_longterm) {
        b->prev_probe_precautionary = true;
        return true;
    }
    if (cc->limited && cc->cwnd >= b->inflight_longterm) {
        reset_full_bw(b); /* it is inflight_longterm that limits the rate */
        b->full_bw = ack->rs.bytes_per_s;
        return false;
    }
    return b->full_bw_now;
}

static void probe_inflight_longterm_upward(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    if (!cc->limited || cc->cwnd < b->inflight_longterm)
        return;
    b->probe_up_acked += ack->rs.newly_delivered;
    if (b->probe_up_acked >= b->probe_up_acked_per_inc) {
        uint32_t delta = b->probe_up_acked / b->probe_up_acked_per_inc;
        b->probe_up_acked -= delta * b->probe_up_acked_per_inc;
        b->inflight_longterm += delta * cc->mss;
    }
    if (b->round_start)
        raise_inflight_longterm_slope(cc);
}

/* 5.3.3.6; true: the state has changed. */
static bool adapt_long_term_model(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    if (b->ack_phase == HF_ACKS_STARTING && b->round_start)
        b->ack_phase = HF_ACKS_FEEDBACK;
    if (b->ack_phase == HF_ACKS_STOPPING && b->round_start) {
        b->bw_probe_sample = false;
        b->ack_phase = HF_ACKS_INIT;
        if (in_probe_bw(b) && !ack->rs.app_limited && b->max_bw_of[1]) {
            b->max_bw_of[0] = b->max_bw_of[1]; /* the filter's next cycle */
            b->max_bw_of[1] = 0;
        }
        if (in_probe_bw(b) && b->prev_probe_precautionary && !b->prev_probe_too_high) {
            start_probe_bw_refill(cc);
            return true;
        }
    }
    if (is_inflight_too_high(&ack->rs, ack->sack) || b->inflight_longterm == INFINITE)
        return false;
    b->inflight_longterm = larger(b->inflight_longterm, ack->rs.tx_in_flight);
    if (b->state == HF_BBR_PROBE_UP)
        probe_inflight_longterm_upward(cc, ack);
    return false;
}

static void update_probe_bw_cycle_phase(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    if (!b->full_bw_reached || adapt_long_term_model(cc, ack))
        return;
    switch (b->state) {
    case HF_BBR_PROBE_DOWN:
        if (!is_time_to_probe_bw(cc, ack->now) && is_time_to_cruise(cc, ack->in_flight))
            b->state = HF_BBR_PROBE_CRUISE;
        break;
    case HF_BBR_PROBE_CRUISE:
        (void)is_time_to_probe_bw(cc, ack->now);
        break;
    case HF_BBR_PROBE_REFILL:
        if (b->round_start) {
            b->bw_probe_sample = true;
            start_probe_bw_up(cc, ack);
        }
        break;
    case HF_BBR_PROBE_UP:
        if (is_time_to_go_down(cc, ack)) {
            b->prev_probe_too_high = false;
            start_probe_bw_down(cc, ack->now);
        }
        break;
    default:
        break;
    }
}

/* ---- ProbeRTT, 5.3.4 ---- */

static uint32_t probe_rtt_cwnd(struct hf_congestion *cc)
{
    return larger(bdp_multiple(cc, model(cc)->bw, PROBE_RTT_CWND_GAIN), min_pipe(cc));
}

static void update_min_rtt(struct hf_bbr *b, const struct hf_ack_info *ack)
{
    b->probe_rtt_expired = ack->now > b->probe_rtt_min_stamp + PROBE_RTT_INTERVAL;
    hf_time us = (ack->rtt + HF_US - 1) / HF_US;
    uint32_t rtt_us = us < INFINITE ? (uint32_t)us : INFINITE - 1;
    if (ack->rtt > 0 && (rtt_us < b->probe_rtt_min_us || b->probe_rtt_expired)) {
        b->probe_rtt_min_us = rtt_us;
        b->probe_rtt_min_stamp = ack->now;
    }
    bool expired = ack->now > b->min_rtt_stamp + MIN_RTT_FILTER_LEN;
    if (b->probe_rtt_min_us < b->min_rtt_us || expired) {
        b->min_rtt_us = b->probe_rtt_min_us;
        b->min_rtt_stamp = b->probe_rtt_min_stamp;
    }
}

static void exit_probe_rtt(struct hf_congestion *cc, hf_time now)
{
    struct hf_bbr *b = model(cc);
    reset_short_term_model(b);
    b->state = HF_BBR_STARTUP;
    if (b->full_bw_reached) {
        start_probe_bw_down(cc, now);
        b->state = HF_BBR_PROBE_CRUISE;
    }
}

static void check_probe_rtt_done(struct hf_congestion *cc, hf_time now)
{
    struct hf_bbr *b = model(cc);
    if (!b->probe_rtt_done_stamp || now <= b->probe_rtt_done_stamp)
        return;
    b->probe_rtt_min_stamp = now;
    restore_cwnd(cc);
    exit_probe_rtt(cc, now);
}

static void handle_probe_rtt(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    hf_rate_app_limited(&cc->rate, ack->in_flight); /* these rates are low on purpose */
    if (!b->probe_rtt_done_stamp) {
        if (ack->in_flight > probe_rtt_cwnd(cc))
            return;
        b->probe_rtt_done_stamp = ack->now + PROBE_RTT_DURATION;
        b->probe_rtt_round_done = false;
        start_round(cc);
        return;
    }
    b->probe_rtt_round_done |= b->round_start;
    if (b->probe_rtt_round_done)
        check_probe_rtt_done(cc, ack->now);
}

static void check_probe_rtt(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    if (b->state != HF_BBR_PROBE_RTT && b->probe_rtt_expired && !b->idle_restart) {
        save_cwnd(cc);
        b->state = HF_BBR_PROBE_RTT;
        b->probe_rtt_done_stamp = 0;
        b->ack_phase = HF_ACKS_STOPPING;
        start_round(cc);
    }
    if (b->state == HF_BBR_PROBE_RTT)
        handle_probe_rtt(cc, ack);
    if (ack->rs.delivered > 0)
        b->idle_restart = false;
}

/* ---- The model, 5.5 ---- */

/* 5.5.1, 5.5.5 */
static void update_max_bw(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    b->round_start = ack->rs.any && reached(ack->rs.prior_delivered, b->next_round_delivered);
    if (b->round_start) {
        start_round(cc);
        b->round_count++;
        if (b->rounds_since_probe_up < UINT8_MAX)
            b->rounds_since_probe_up++;
    }
    if (!ack->rs.bytes_per_s || (ack->rs.bytes_per_s < b->max_bw && ack->rs.app_limited))
        return;
    b->max_bw_of[1] = larger_rate(b->max_bw_of[1], ack->rs.bytes_per_s);
    b->max_bw = larger_rate(b->max_bw_of[0], b->max_bw_of[1]);
}

/* 5.5.9 */
static void update_ack_aggregation(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    hf_time interval = ack->now - b->extra_acked_start;
    uint64_t us = interval < 10 * HF_SEC ? (uint64_t)(interval / HF_US) : 10000000u;
    uint64_t expected = b->bw < (1ull << 36) ? b->bw * us / 1000000 : UINT64_MAX;
    if (b->extra_acked_delivered <= expected) {
        b->extra_acked_delivered = 0;
        b->extra_acked_start = ack->now;
        expected = 0;
    }
    b->extra_acked_delivered += ack->rs.newly_delivered;
    uint32_t extra = smaller(b->extra_acked_delivered - (uint32_t)expected, cc->cwnd);
    hf_windowed_max(&b->extra_acked, b->full_bw_reached ? EXTRA_ACKED_FILTER_LEN : 1,
                    b->round_count, extra);
}

static bool is_probing_bw(const struct hf_bbr *b)
{
    return b->state == HF_BBR_STARTUP || b->state == HF_BBR_PROBE_REFILL ||
           b->state == HF_BBR_PROBE_UP;
}

/* 5.5.10.3 */
static void adapt_lower_bounds(struct hf_congestion *cc)
{
    struct hf_bbr *b = model(cc);
    if (is_probing_bw(b) || !b->loss_in_round)
        return;
    if (b->bw_shortterm == FAST)
        b->bw_shortterm = b->max_bw;
    if (b->inflight_shortterm == INFINITE)
        b->inflight_shortterm = cc->cwnd;
    b->bw_shortterm = larger_rate(b->bw_latest, b->bw_shortterm / 100 * BETA);
    b->inflight_shortterm = larger(b->inflight_latest, percent(b->inflight_shortterm, BETA));
}

static void update_latest_delivery_signals(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    b->loss_round_start = false;
    b->bw_latest = larger_rate(b->bw_latest, ack->rs.bytes_per_s);
    b->inflight_latest = larger(b->inflight_latest, ack->rs.delivered);
    if (ack->rs.any && reached(ack->rs.prior_delivered, b->loss_round_delivered)) {
        b->loss_round_delivered = cc->rate.delivered;
        b->loss_round_start = true;
    }
}

static void update_congestion_signals(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    update_max_bw(cc, ack);
    if (ack->rs.newly_lost && b->loss_events < UINT8_MAX)
        b->loss_events++;
    if (b->loss_round_start)
        adapt_lower_bounds(cc);
}

static void end_loss_round(struct hf_bbr *b, const struct hf_ack_info *ack)
{
    if (!b->loss_round_start)
        return;
    b->loss_in_round = false;
    b->loss_events = 0;
    b->bw_latest = ack->rs.bytes_per_s;
    b->inflight_latest = ack->rs.delivered;
}

/* 5.5.10.2, 5.6.4.4: kept in case that the loss was none. */
static void note_loss(struct hf_congestion *cc)
{
    struct hf_bbr *b = model(cc);
    if (!b->loss_in_round) {
        b->loss_round_delivered = cc->rate.delivered;
        save_cwnd(cc);
        b->undo_state = HF_BBR_NONE;
        b->undo_bw_shortterm = b->bw_shortterm;
        b->undo_inflight_shortterm = b->inflight_shortterm;
        b->undo_inflight_longterm = b->inflight_longterm;
    }
    b->loss_in_round = true;
}

static void handle_inflight_too_high(struct hf_congestion *cc, uint32_t tx_in_flight,
                                     bool app_limited, hf_time now)
{
    struct hf_bbr *b = model(cc);
    b->prev_probe_too_high = true;
    b->bw_probe_sample = false; /* once in a probe */
    if (!app_limited)
        b->inflight_longterm = larger(tx_in_flight, percent(target_inflight(cc), BETA));
    if (b->state == HF_BBR_PROBE_UP) {
        b->undo_state = HF_BBR_PROBE_UP;
        start_probe_bw_down(cc, now);
    }
}

/* Which part of the record still fitted: where losses crossed the threshold within it. */
static uint32_t inflight_at_loss(const struct hf_rate_sample *rs, uint32_t bytes)
{
    uint32_t flight_before = rs->tx_in_flight > bytes ? rs->tx_in_flight - bytes : 0;
    uint32_t lost_before = rs->lost > bytes ? rs->lost - bytes : 0;
    uint64_t allowed = (uint64_t)flight_before * LOSS_THRESH, had = (uint64_t)lost_before * 100;
    return flight_before + (allowed > had ? (uint32_t)((allowed - had) / (100 - LOSS_THRESH)) : 0);
}

static void on_lost(struct hf_congestion *cc, const struct hf_rate_mark *mark, uint32_t bytes,
                    bool sack, hf_time now)
{
    note_loss(cc);
    if (!model(cc)->bw_probe_sample || !mark->set)
        return;
    struct hf_rate_sample rs = {.tx_in_flight = mark->tx_in_flight,
                                .lost = cc->rate.lost - mark->lost};
    if (is_inflight_too_high(&rs, sack))
        handle_inflight_too_high(cc, inflight_at_loss(&rs, bytes), mark->app_limited, now);
}

/* ---- cwnd, 5.6.4 ---- */

static void bound_cwnd_for_model(struct hf_congestion *cc)
{
    const struct hf_bbr *b = model(cc);
    uint32_t cap = INFINITE;
    if (b->state == HF_BBR_PROBE_RTT || b->state == HF_BBR_PROBE_CRUISE)
        cap = inflight_with_headroom(cc);
    else if (in_probe_bw(b))
        cap = b->inflight_longterm;
    cap = larger(smaller(cap, b->inflight_shortterm), min_pipe(cc));
    cc->cwnd = smaller(cc->cwnd, cap);
}

static void set_cwnd(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    uint32_t cap = bdp_multiple(cc, b->bw, cwnd_gain(b)) + hf_windowed_best(&b->extra_acked);
    uint32_t max_inflight = quantization_budget(cc, cap);
    uint32_t acked = ack->rs.newly_delivered ? ack->rs.newly_delivered : ack->acked;
    if (b->full_bw_reached)
        cc->cwnd = smaller(cc->cwnd + acked, max_inflight);
    else if (cc->cwnd < max_inflight || cc->rate.delivered < cc->initial_window)
        cc->cwnd += acked;
    cc->cwnd = smaller(larger(cc->cwnd, min_pipe(cc)), VOLUME_MAX);
    if (b->state == HF_BBR_PROBE_RTT)
        cc->cwnd = smaller(cc->cwnd, probe_rtt_cwnd(cc));
    bound_cwnd_for_model(cc);
}

/* ---- The table, 5.2 ---- */

static void start(struct hf_congestion *cc, hf_time now)
{
    struct hf_bbr *b = model(cc);
    *b = (struct hf_bbr){.random = cc->random,
                         .min_rtt_us = INFINITE,
                         .probe_rtt_min_us = INFINITE,
                         .min_rtt_stamp = now,
                         .probe_rtt_min_stamp = now,
                         .extra_acked_start = now,
                         .cycle_stamp = now,
                         .inflight_longterm = INFINITE,
                         .probe_up_acked_per_inc = INFINITE,
                         .next_round_delivered = cc->rate.delivered,
                         .loss_round_delivered = cc->rate.delivered,
                         .state = HF_BBR_STARTUP};
    reset_short_term_model(b);
}

static void on_ack(struct hf_congestion *cc, const struct hf_ack_info *ack)
{
    struct hf_bbr *b = model(cc);
    update_latest_delivery_signals(cc, ack);
    update_congestion_signals(cc, ack);
    update_ack_aggregation(cc, ack);
    check_full_bw_reached(b, ack);
    check_startup_done(cc, ack);
    check_drain_done(cc, ack);
    update_probe_bw_cycle_phase(cc, ack);
    update_min_rtt(b, ack);
    check_probe_rtt(cc, ack);
    end_loss_round(b, ack);
    b->bw = b->max_bw < b->bw_shortterm ? b->max_bw : b->bw_shortterm;
    set_pacing_rate_with_gain(cc, pacing_gain(b));
    set_cwnd(cc, ack);
}

static uint32_t on_loss(struct hf_congestion *cc, uint32_t window, hf_time now)
{
    (void)window;
    (void)now;
    save_cwnd(cc);
    note_loss(cc);
    model(cc)->recovering = true;
    return cc->ssthresh;
}

static uint32_t on_mark(struct hf_congestion *cc, uint32_t window, hf_time now)
{
    note_loss(cc);
    if (model(cc)->bw_probe_sample)
        handle_inflight_too_high(cc, window, false, now);
    return cc->ssthresh;
}

static void on_recovered(struct hf_congestion *cc, hf_time now)
{
    (void)now;
    model(cc)->recovering = false;
    restore_cwnd(cc);
    bound_cwnd_for_model(cc);
}

/* 5.6.4.5 */
static void on_undo(struct hf_congestion *cc, hf_time now)
{
    (void)now;
    struct hf_bbr *b = model(cc);
    b->recovering = false;
    restore_cwnd(cc);
    b->loss_in_round = false;
    reset_full_bw(b);
    b->bw_shortterm = larger_rate(b->bw_shortterm, b->undo_bw_shortterm);
    b->inflight_shortterm = larger(b->inflight_shortterm, b->undo_inflight_shortterm);
    b->inflight_longterm = larger(b->inflight_longterm, b->undo_inflight_longterm);
    if (b->undo_state == HF_BBR_STARTUP && b->state != HF_BBR_STARTUP) {
        b->full_bw_reached = false;
        if (b->state != HF_BBR_PROBE_RTT)
            b->state = HF_BBR_STARTUP;
    } else if (b->undo_state == HF_BBR_PROBE_UP && b->state != HF_BBR_PROBE_UP &&
               b->state != HF_BBR_PROBE_RTT) {
        start_probe_bw_refill(cc);
    }
    b->undo_state = HF_BBR_NONE;
}

/* 5.4 */
static void on_idle_end(struct hf_congestion *cc, hf_time idle, hf_time now)
{
    (void)idle;
    struct hf_bbr *b = model(cc);
    if (!cc->rate.app_limited)
        return;
    b->idle_restart = true;
    b->extra_acked_start = now;
    if (in_probe_bw(b))
        set_pacing_rate_with_gain(cc, 100);
    else if (b->state == HF_BBR_PROBE_RTT)
        check_probe_rtt_done(cc, now);
}

static void shift(struct hf_congestion *cc, hf_time by)
{
    struct hf_bbr *b = model(cc);
    b->min_rtt_stamp += by;
    b->probe_rtt_min_stamp += by;
    b->cycle_stamp += by;
    b->extra_acked_start += by;
    if (b->probe_rtt_done_stamp)
        b->probe_rtt_done_stamp += by;
}

/* Saved: the rate in units of 256 octets a second, the least round trip in microseconds, and whether
 * the pipe was full once. What the path holds is measured anew. */
#define RATE_UNIT 256u
#define FULL (1u << 31)

static void save(const struct hf_congestion *cc, struct hf_congestion_saved *saved)
{
    const struct hf_bbr *b = &cc->own.bbr;
    uint64_t rate = b->max_bw / RATE_UNIT;
    uint32_t rtt = b->min_rtt_us < FULL ? b->min_rtt_us : 0;
    saved->cwnd = cc->cwnd > b->prior_cwnd || !b->recovering ? cc->cwnd : b->prior_cwnd;
    saved->ssthresh = rtt | (b->full_bw_reached ? FULL : 0);
    saved->own = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

static void resume(struct hf_congestion *cc, const struct hf_congestion_saved *saved)
{
    struct hf_bbr *b = model(cc);
    uint32_t rtt = saved->ssthresh & ~FULL;
    cc->cwnd = saved->cwnd;
    if (!rtt || !saved->own)
        return; /* nothing was measured, or by another controller */
    b->min_rtt_us = b->probe_rtt_min_us = rtt;
    b->max_bw_of[0] = b->max_bw = b->bw = (uint64_t)saved->own * RATE_UNIT;
    b->full_bw_reached = (saved->ssthresh & FULL) != 0;
    b->idle_restart = true;
    if (b->full_bw_reached) {
        start_probe_bw_down(cc, b->cycle_stamp);
        b->state = HF_BBR_PROBE_CRUISE;
    }
    set_pacing_rate_with_gain(cc, pacing_gain(b));
}

static void describe(const struct hf_congestion *cc, struct hf_tcp_status *status)
{
    const struct hf_bbr *b = &cc->own.bbr;
    status->bbr_state = b->state;
    status->bbr_bw = b->bw;
    status->bbr_min_rtt = b->min_rtt_us == INFINITE ? 0 : b->min_rtt_us * HF_US;
    status->bbr_pacing_gain = (uint16_t)pacing_gain(b);
    status->bbr_cwnd_gain = (uint16_t)cwnd_gain(b);
}

const struct hf_congestion_ops hf_cc_bbr = {
    .name = "bbr",
    .own_window = true,
    .own_pace = true,
    .start = start,
    .on_ack = on_ack,
    .on_lost = on_lost,
    .on_loss = on_loss,
    .on_mark = on_mark,
    .on_recovered = on_recovered,
    .on_undo = on_undo,
    .on_idle_end = on_idle_end,
    .shift = shift,
    .save = save,
    .resume = resume,
    .describe = describe,
};
