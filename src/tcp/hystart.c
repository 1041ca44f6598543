/* HyStart++ (RFC 9406 4), the same with trains of ACKs (the idea is Ha and Rhee's, 2011), and Linux's
 * HyStart (tcp_cubic.c). Times in microseconds, which go round after 71 minutes: only differences
 * within a round are taken. */
#include "tcp/hystart.h"

#include <string.h>

/* RFC 9406 4.3; Linux: HYSTART_DELAY_MIN and _MAX, HYSTART_MIN_SAMPLES */
#define THRESHOLD_MIN_US 4000u
#define THRESHOLD_MAX_US 16000u
#define SAMPLES 8u
#define SLOW_ROUNDS 5u
#define NONE UINT32_MAX

/* Linux: hystart_low_window, hystart_ack_delta_us */
#define LOW_WINDOW 16u
#define TRAIN_GAP_US 2000u

/* Parts of the least round trip that a train of ACKs lasts at least, and that its gaps have at most;
 * rounds after which a path that seemed full and did not become slower was not full. */
#define TRAIN_PART 8u
#define GAP_PART 16u
#define FULL_ROUNDS 3u

static uint32_t threshold(uint32_t rtt_us)
{
    uint32_t eighth = rtt_us / 8;
    return eighth < THRESHOLD_MIN_US   ? THRESHOLD_MIN_US
           : eighth > THRESHOLD_MAX_US ? THRESHOLD_MAX_US
                                       : eighth;
}

void hf_hystart_start(struct hf_hystart *h)
{
    memset(h, 0, sizeof *h);
    h->last_min_us = h->round_min_us = h->baseline_us = NONE;
}

static void begin_round(struct hf_hystart *h, uint32_t end, uint32_t now_us)
{
    h->round_end = end;
    h->last_min_us = h->round_min_us;
    h->round_min_us = NONE;
    h->samples = 0;
    h->round_us = h->train_us = now_us;
    h->running = true;
}

static void take_sample(struct hf_hystart *h, uint32_t us)
{
    if (us < h->round_min_us)
        h->round_min_us = us;
    if (h->samples < SAMPLES)
        h->samples++;
}

static uint32_t to_us(hf_time rtt)
{
    uint64_t us = (uint64_t)rtt / (uint64_t)HF_US;
    return us < NONE ? (uint32_t)us : NONE - 1;
}

static uint32_t rtt_us(const struct hf_hystart_ack *ack)
{
    return to_us(ack->rtt);
}

/* RFC 9406 4.2 */
static enum hf_slow_start plus(struct hf_hystart *h, bool round_over)
{
    bool enough = h->samples >= SAMPLES;
    if (!h->slow) {
        if (enough && h->last_min_us != NONE &&
            h->round_min_us >= h->last_min_us + threshold(h->last_min_us)) {
            h->slow = true;
            h->slow_rounds = 0;
            h->baseline_us = h->round_min_us;
        }
    } else if (enough && h->round_min_us < h->baseline_us) {
        h->slow = false; /* it was a passing delay */
        h->baseline_us = NONE;
    } else if (round_over && ++h->slow_rounds >= SLOW_ROUNDS) {
        return HF_SLOW_START_OVER;
    }
    return h->slow ? HF_SLOW_START_SLOWER : HF_SLOW_START_ON;
}

/* Both signs of tcp_cubic.c, hystart_update. */
static enum hf_slow_start classic(struct hf_hystart *h, const struct hf_hystart_ack *ack,
                                  uint32_t now_us)
{
    if (now_us - h->train_us <= TRAIN_GAP_US) {
        h->train_us = now_us;
        uint32_t long_enough = ack->paced ? h->baseline_us : h->baseline_us / 2;
        if (now_us - h->round_us > long_enough)
            return HF_SLOW_START_OVER;
    }
    if (!ack->rtt)
        return HF_SLOW_START_ON;
    bool enough = h->samples >= SAMPLES; /* without this one */
    take_sample(h, rtt_us(ack));
    bool grown = enough && h->round_min_us > h->baseline_us + threshold(h->baseline_us);
    return grown ? HF_SLOW_START_OVER : HF_SLOW_START_ON;
}

/* The round of Linux ends one ACK later, which is looked at in the new one. Below its low window only
 * the least round trip is kept, and no round begins. */
static enum hf_slow_start like_linux(struct hf_hystart *h, const struct hf_hystart_ack *ack)
{
    uint32_t now_us = (uint32_t)(ack->now / HF_US);
    if (ack->rtt > 0 && rtt_us(ack) < h->baseline_us)
        h->baseline_us = rtt_us(ack);
    if (ack->cwnd < LOW_WINDOW * ack->mss || h->baseline_us == NONE)
        return HF_SLOW_START_ON;
    if (!h->running || (int32_t)(ack->acked - h->round_end) > 0)
        begin_round(h, ack->acked + ack->in_flight, now_us);
    return classic(h, ack, now_us);
}

/* ---- What the path holds ---- */

static void begin_train(struct hf_hystart *h, uint32_t delivered, uint32_t now_us)
{
    h->base_us = now_us;
    h->base = delivered;
}

/* ACKs that come close one behind the other come as fast as the bottleneck gives, for in slow start what
 * is sent comes to it twice as fast. The fastest train of a round counts: what is late stretches one. */
static void measure_pipe(struct hf_hystart *h, const struct hf_hystart_ack *ack, uint32_t now_us)
{
    hf_time least_us = ack->min_rtt / HF_US;
    hf_time gap = least_us / GAP_PART < TRAIN_GAP_US ? least_us / GAP_PART : TRAIN_GAP_US;
    if (now_us - h->train_us > gap)
        begin_train(h, ack->delivered, now_us);
    h->train_us = now_us;
    uint32_t us = now_us - h->base_us, octets = ack->delivered - h->base;
    if (!us || us < least_us / TRAIN_PART || octets < SAMPLES * ack->mss)
        return;
    uint64_t pipe = (uint64_t)octets * (uint64_t)least_us / us;
    if (pipe > h->pipe)
        h->pipe = pipe < NONE ? (uint32_t)pipe : NONE;
}

static bool seems_full(const struct hf_hystart *h, const struct hf_hystart_ack *ack)
{
    return h->pipe && ack->in_flight >= h->pipe && ack->in_flight / 2 >= h->suspected &&
           ack->limited && !ack->paced && ack->cwnd >= LOW_WINDOW * ack->mss;
}

static bool is_slower(const struct hf_hystart *h, const struct hf_hystart_ack *ack)
{
    hf_time least_us = ack->min_rtt / HF_US;
    return h->samples >= SAMPLES && h->round_min_us != NONE &&
           h->round_min_us >= least_us + threshold((uint32_t)least_us);
}

/* By the round trip alone it takes two rounds until slow start slows down and five more until it is
 * over: a queue as long as the path is overrun by then, and a round later half of what was sent is
 * lost. That as much is in flight as the path holds is known sooner, but less surely. So it only slows
 * down, and is taken back when the round trip stays what it was; when that grows as well, slow start
 * is over. */
static enum hf_slow_start by_pipe(struct hf_hystart *h, const struct hf_hystart_ack *ack,
                                  bool round_over, uint32_t now_us)
{
    measure_pipe(h, ack, now_us);
    if (h->full && round_over && ++h->full_rounds > FULL_ROUNDS)
        h->full = false;
    if (!h->full && seems_full(h, ack)) {
        h->full = true;
        h->full_rounds = 0;
        h->suspected = ack->in_flight;
    }
    if (!h->full)
        return HF_SLOW_START_ON;
    return h->slow || is_slower(h, ack) ? HF_SLOW_START_OVER : HF_SLOW_START_SLOWER;
}

/* Rounds count what is delivered: where segments overtake each other SND.UNA moves late. */
static enum hf_slow_start plus_trains(struct hf_hystart *h, const struct hf_hystart_ack *ack)
{
    uint32_t now_us = (uint32_t)(ack->now / HF_US);
    bool over = h->running && (int32_t)(ack->delivered - h->round_end) > 0;
    if (ack->rtt > 0)
        take_sample(h, rtt_us(ack));
    enum hf_slow_start by_rtt = plus(h, over);
    enum hf_slow_start verdict = by_pipe(h, ack, over, now_us);
    if (over || !h->running) {
        begin_round(h, ack->delivered + ack->in_flight, now_us);
        begin_train(h, ack->delivered, now_us);
        h->pipe = 0;
    }
    return verdict > by_rtt ? verdict : by_rtt;
}

bool hf_hystart_whole_round(struct hf_hystart *h, hf_time now, hf_time rtt, uint32_t delivered,
                            uint32_t mss)
{
    bool over = h->running && (int32_t)(delivered - h->round_end) > 0;
    bool enough = h->samples | h->slow | h->full || delivered - h->base >= SAMPLES * mss;
    if (!over || enough)
        return false;
    uint32_t now_us = (uint32_t)((uint64_t)now / (uint64_t)HF_US);
    if (rtt > 0)
        take_sample(h, to_us(rtt));
    begin_round(h, delivered, now_us);
    begin_train(h, delivered, now_us);
    h->pipe = 0;
    return true;
}

enum hf_slow_start hf_hystart_ack(struct hf_hystart *h, enum hf_hystart_kind kind,
                                  const struct hf_hystart_ack *ack)
{
    if (kind == HF_HYSTART_OFF)
        return HF_SLOW_START_ON;
    if (kind == HF_HYSTART_LINUX)
        return like_linux(h, ack);
    if (kind == HF_HYSTART_PLUS_TRAINS)
        return plus_trains(h, ack);
    bool over = !h->running || (int32_t)(ack->acked - h->round_end) >= 0;
    bool first = !h->running;
    if (ack->rtt > 0)
        take_sample(h, rtt_us(ack));
    enum hf_slow_start verdict = plus(h, over && !first);
    if (over)
        begin_round(h, ack->acked + ack->in_flight, 0);
    return verdict;
}
