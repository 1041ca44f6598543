/* Controllers, rate samples and the pacer together, on a path of one bottleneck: a rate, a round trip
 * and a queue that drops at its end. No stack and no segments: octets that leave, wait and come
 * back as acknowledgements. What is lost is noticed when the next that was not lost comes back, and
 * counts as repaired at once. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/tcp.h>

#include "tcp/congestion.h"
#include "tcp/pacing.h"

#define MSS 1448u
#define FLIGHT_MAX (1u << 17) /* segments under way at the most                                */

struct sent {
    struct hf_rate_mark mark;
    hf_time sent_at, back_at;
    bool lost;
};

static struct {
    uint64_t rate;     /* octets a second                                                      */
    hf_time rtt;
    uint32_t queue;    /* octets                                                               */
    uint32_t loss;     /* of a million                                                         */
} path;

static struct {
    struct hf_congestion cc;
    struct hf_settings settings;
    struct hf_pacer pacer;
    struct sent *flight;
    uint32_t first, last, in_flight; /* octets                                                 */
    uint32_t recovering_until;       /* the place that ends it                                 */
    hf_time now, link_free;
    hf_time srtt;
    uint64_t delivered, lost;
    unsigned seen;                   /* states of BBR, by bit                                  */
    uint32_t queue_max;
} w;

static void begin(const char *name, uint64_t bits, hf_time rtt, double queue_bdp)
{
    free(w.flight);
    memset(&w, 0, sizeof w);
    memset(&path, 0, sizeof path);
    path.rate = bits / 8;
    path.rtt = rtt;
    double queue = queue_bdp * (double)path.rate * (double)rtt / (double)HF_SEC;
    path.queue = queue < 20.0 * MSS ? 20 * MSS : (uint32_t)queue;
    w.flight = calloc(FLIGHT_MAX, sizeof *w.flight);
    w.settings = *hf_settings_default();
    w.now = HF_SEC;
    w.srtt = rtt;
    w.cc.mss = MSS;
    w.cc.initial_window = 10 * MSS;
    w.cc.srtt_us = (uint32_t)(rtt / HF_US);
    w.cc.random = 12345;
    hf_congestion_start(&w.cc, hf_congestion_of(hf_congestion_number(name)), &w.settings, w.now);
}

static void transmit(void)
{
    struct sent *s = &w.flight[w.last++ % FLIGHT_MAX];
    assert_true(w.last - w.first < FLIGHT_MAX);
    hf_time start = w.link_free > w.now ? w.link_free : w.now;
    uint64_t waiting = (uint64_t)(start - w.now) * path.rate / (uint64_t)HF_SEC;
    s->sent_at = w.now;
    s->lost = waiting + MSS > path.queue ||
              (path.loss && check_random_below(1000000) < path.loss);
    if (waiting > w.queue_max)
        w.queue_max = (uint32_t)waiting;
    if (!s->lost)
        w.link_free = start + (hf_time)(MSS * (uint64_t)HF_SEC / path.rate);
    s->back_at = (s->lost ? start : w.link_free) + path.rtt;
    hf_rate_sent(&w.cc.rate, &s->mark, MSS, w.in_flight, w.now);
    w.in_flight += MSS;
    if (hf_congestion_pace(&w.cc))
        hf_pacer_sent(&w.pacer, hf_congestion_pace(&w.cc), MSS, w.now);
}

/* Send what may leave; returns when more may. */
static hf_time fill(void)
{
    for (;;) {
        bool full = w.in_flight + MSS > w.cc.cwnd;
        uint64_t pace = hf_congestion_pace(&w.cc);
        bool waits = pace && !hf_pacer_room(&w.pacer, pace, MSS, w.now);
        if (full || waits) {
            hf_congestion_sent(&w.cc, w.in_flight, full, false);
            return full ? HF_NEVER : hf_pacer_wake(&w.pacer, pace, MSS);
        }
        transmit();
    }
}

static void come_down(void)
{
    w.cc.ssthresh = w.cc.ops->on_loss(
        &w.cc, hf_congestion_window_in_use(&w.cc, &w.settings, w.in_flight), w.now);
    if (!w.cc.ops->own_window)
        w.cc.cwnd = w.cc.ssthresh;
    w.recovering_until = w.last;
}

static void come_back(void)
{
    struct hf_ack_info ack = {.now = w.now, .prior_in_flight = w.in_flight, .sack = true};
    bool recovering = (int32_t)(w.recovering_until - w.first) > 0;
    while (w.flight[w.first % FLIGHT_MAX].lost) {
        struct sent *s = &w.flight[w.first++ % FLIGHT_MAX];
        w.in_flight -= MSS;
        w.lost += MSS;
        hf_congestion_lost(&w.cc, &s->mark, MSS, true, w.now);
        if (!recovering)
            come_down();
        recovering = true;
    }
    struct sent *s = &w.flight[w.first++ % FLIGHT_MAX];
    w.in_flight -= MSS;
    w.delivered += MSS;
    hf_rate_delivered(&w.cc.rate, &s->mark, MSS, s->sent_at, false, w.now);
    hf_rate_sample(&w.cc.rate, w.cc.min_rtt, &ack.rs);
    ack.rtt = ack.rs.rtt;
    w.srtt += (ack.rtt - w.srtt) / 8;
    ack.srtt_us = (uint32_t)(w.srtt / HF_US);
    ack.acked = MSS;
    ack.in_flight = w.in_flight;
    ack.recovering = recovering;
    if (w.recovering_until == w.first && w.cc.ops->on_recovered)
        w.cc.ops->on_recovered(&w.cc, w.now);
    hf_congestion_acked(&w.cc, &w.settings, &ack);
    w.seen |= 1u << hf_congestion_bbr_state(&w.cc);
}

static hf_time next_back(void)
{
    uint32_t i = w.first;
    while (i != w.last && w.flight[i % FLIGHT_MAX].lost)
        i++;
    return i == w.last ? HF_NEVER : w.flight[i % FLIGHT_MAX].back_at;
}

static void run(hf_time time)
{
    hf_time end = w.now + time, more = fill();
    while (w.now < end) {
        hf_time back = next_back();
        if (back == HF_NEVER && more == HF_NEVER) { /* all that was in flight is lost */
            hf_time due = w.flight[(w.last - 1) % FLIGHT_MAX].back_at;
            w.now = due > w.now ? due : w.now;
            w.first = w.last;
            w.in_flight = 0;
            come_down();
            w.cc.cwnd = MSS;
            if (w.cc.ops->on_timeout)
                w.cc.ops->on_timeout(&w.cc, 0, w.now);
        } else if (back <= more) {
            w.now = back > w.now ? back : w.now;
            come_back();
        } else {
            w.now = more;
        }
        more = fill();
    }
}

/* What was delivered, as a part of what the path could have. */
static double use_of(hf_time time)
{
    uint64_t before = w.delivered;
    run(time);
    return (double)(w.delivered - before) / ((double)path.rate * (double)time / (double)HF_SEC);
}

/* ---- A path without loss but that of its queue ---- */

static const uint64_t rates[] = {10000000, 100000000, 1000000000};
static const hf_time rtts[] = {HF_MS, 10 * HF_MS, 50 * HF_MS, 200 * HF_MS};

/* Where a controller has come to, after the time that its growth asks for, it uses the path. */
static void uses_the_path(const char *name, double least, hf_time settle)
{
    for (unsigned r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        for (unsigned t = 0; t < sizeof rtts / sizeof rtts[0]; t++) {
            begin(name, rates[r], rtts[t], 1);
            run(settle + 20 * rtts[t]);
            double use = use_of(4 * HF_SEC);
            print_message("%s %4u Mbit/s %3u ms: %.3f, queue %u kB\n", name,
                          (unsigned)(rates[r] / 1000000), (unsigned)(rtts[t] / HF_MS), use,
                          w.queue_max / 1000);
            assert_true(use >= least);
        }
    }
}

TEST(reno_uses_the_path, none, "")
{
    uses_the_path("reno", 0.95, 2 * HF_SEC);
}

TEST(cubic_uses_the_path, none, "")
{
    uses_the_path("cubic", 0.95, 2 * HF_SEC);
}

TEST(bbr_uses_the_path, none, "")
{
    uses_the_path("bbr", 0.93, 2 * HF_SEC);
}

/* ---- BBR ---- */

/* 3.3: all states in twenty seconds; the model is right. */
TEST(bbr_goes_through_its_states, none, "")
{
    begin("bbr", 100000000, 40 * HF_MS, 4);
    run(20 * HF_SEC);
    unsigned all = 0;
    for (unsigned i = HF_BBR_STARTUP; i <= HF_BBR_PROBE_RTT; i++)
        all |= 1u << i;
    assert_int_equal(w.seen & all, all);
    const struct hf_bbr *b = &w.cc.own.bbr;
    assert_in_range(b->max_bw, path.rate * 97 / 100, path.rate * 103 / 100);
    assert_in_range(b->min_rtt_us, 40000, 42000);
}

/* A deep queue stays nearly empty: CUBIC fills it, BBR does not. */
TEST(bbr_keeps_the_queue_short, none, "")
{
    uint32_t bdp = 100000000 / 8 / 25;
    begin("bbr", 100000000, 40 * HF_MS, 4);
    run(4 * HF_SEC);
    w.queue_max = 0;
    run(10 * HF_SEC);
    assert_true(w.queue_max < bdp);
    begin("cubic", 100000000, 40 * HF_MS, 4);
    run(4 * HF_SEC);
    w.queue_max = 0;
    run(20 * HF_SEC);
    assert_true(w.queue_max > 3 * bdp);
}

/* 1 % of chance is no congestion: below the threshold of 2 % most of the path stays in use, where a
 * controller that halves gets next to nothing. */
TEST(bbr_bears_one_percent_of_loss, none, "")
{
    begin("bbr", 1000000000, 20 * HF_MS, 1);
    path.loss = 10000;
    run(3 * HF_SEC);
    double bbr = use_of(10 * HF_SEC);
    begin("reno", 1000000000, 20 * HF_MS, 1);
    path.loss = 10000;
    run(3 * HF_SEC);
    double reno = use_of(10 * HF_SEC);
    print_message("bbr %.3f, reno %.3f\n", bbr, reno);
    assert_true(bbr > 0.5);
    assert_true(reno < 0.05);
}

/* Twice the rate: found within one cycle of probing. Half the rate: within a few round trips of
 * loss or queue. */
TEST(bbr_follows_the_rate, none, "")
{
    begin("bbr", 50000000, 20 * HF_MS, 2);
    run(5 * HF_SEC);
    path.rate *= 2;
    run(7 * HF_SEC);
    double up = use_of(4 * HF_SEC);
    path.rate /= 4;
    run(7 * HF_SEC);
    double down = use_of(4 * HF_SEC);
    print_message("after twice the rate %.3f, after a quarter %.3f\n", up, down);
    assert_true(up > 0.9 && down > 0.9);
    assert_true(w.cc.own.bbr.max_bw < path.rate * 5 / 4);
}

/* Saved in 12 bytes: the next time it begins with what it knew. */
TEST(bbr_resumes, none, "")
{
    begin("bbr", 100000000, 20 * HF_MS, 2);
    run(4 * HF_SEC);
    struct hf_congestion_saved saved;
    w.cc.ops->save(&w.cc, &saved);
    uint64_t bw = w.cc.own.bbr.max_bw;
    hf_congestion_start(&w.cc, w.cc.ops, &w.settings, w.now);
    w.cc.ops->resume(&w.cc, &saved);
    assert_in_range(w.cc.own.bbr.bw, bw - 256, bw);
    assert_in_range(hf_congestion_pace(&w.cc), bw * 9 / 10, bw);
    assert_int_equal(w.cc.cwnd, saved.cwnd);
    assert_true(w.cc.own.bbr.full_bw_reached);
    w.first = w.last;
    w.in_flight = 0;
    assert_true(use_of(2 * HF_SEC) > 0.9);
}

/* 5.6.4.5: a loss that was none ends Startup, and Startup goes on. */
TEST(bbr_undo, none, "")
{
    begin("bbr", 100000000, 20 * HF_MS, 2);
    run(20 * HF_MS);
    struct hf_bbr *b = &w.cc.own.bbr;
    assert_int_equal(b->state, HF_BBR_STARTUP);
    uint32_t cwnd = w.cc.cwnd;
    w.cc.ops->on_loss(&w.cc, cwnd, w.now);
    b->undo_state = HF_BBR_STARTUP;
    b->full_bw_reached = true;
    b->state = HF_BBR_DRAIN;
    w.cc.cwnd = MSS;
    w.cc.ops->on_undo(&w.cc, w.now);
    assert_int_equal(b->state, HF_BBR_STARTUP);
    assert_false(b->full_bw_reached);
    assert_int_equal(w.cc.cwnd, cwnd);
}

/* ---- The pacer ---- */

/* However late and however greedily it is asked: over any time at most the rate, a millisecond and a
 * segment; and what is asked for often enough is not less than the rate. */
TEST(pacer_gives_no_more_than_a_millisecond, none, "")
{
    static const uint64_t speeds[] = {10000, 1250000, 12500000, 125000000, 5000000000};
    for (unsigned i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        struct hf_pacer p = {0};
        uint64_t rate = speeds[i], sent = 0;
        hf_time start = 5 * HF_SEC, now = start;
        while (now < start + 2 * HF_SEC) {
            uint32_t room;
            while ((room = hf_pacer_room(&p, rate, MSS, now)) != 0) {
                uint32_t n = room < 64 * MSS ? room : 64 * MSS; /* super-segments too */
                hf_pacer_sent(&p, rate, n, now);
                sent += n;
                uint64_t most = rate * (uint64_t)(now - start + HF_MS) / (uint64_t)HF_SEC + MSS;
                assert_true(sent <= most + 1);
            }
            hf_time wake = hf_pacer_wake(&p, rate, MSS);
            assert_true(wake > now);
            assert_true(wake - now < HF_MS || rate < 2000000);
            now = wake + (hf_time)check_random_below(700000); /* the machine wakes late */
        }
        uint64_t least = rate * (uint64_t)(now - start - 2 * HF_MS) / (uint64_t)HF_SEC;
        assert_true(sent + MSS >= least * 99 / 100);
    }
}

/* After a pause there is no more than the credit. */
TEST(pacer_forgets_a_pause, none, "")
{
    struct hf_pacer p = {0};
    assert_int_equal(hf_pacer_room(&p, 1000000, MSS, 10 * HF_SEC), 1000 + MSS);
    hf_pacer_sent(&p, 1000000, 1000 + MSS, 10 * HF_SEC);
    assert_int_equal(hf_pacer_room(&p, 1000000, MSS, 10 * HF_SEC), 0);
    assert_int_equal(hf_pacer_wake(&p, 1000000, MSS), 10 * HF_SEC + MSS * HF_US);
}
