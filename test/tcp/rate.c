/* The delivery-rate estimator and the windowed filter, each alone. */
#include "check.h"

#include <string.h>

#include "tcp/rate.h"
#include "tcp/windowed.h"

static struct hf_rate rate;
static struct hf_rate_mark mark[8];

static void start(void)
{
    memset(mark, 0, sizeof mark);
    hf_rate_start(&rate, 0);
}

/* A flight of ten thousand bytes, one millisecond apart, acknowledged one by one 20 ms later: each ACK
 * says 1 MB/s, which is the speed at which it was sent. */
TEST(rate_is_that_of_the_flight, none, "")
{
    start();
    for (unsigned i = 0; i < 8; i++)
        hf_rate_sent(&rate, &mark[i], 1000, i * 1000, i * HF_MS);
    for (unsigned i = 0; i < 8; i++) {
        hf_time sent = i * HF_MS;
        hf_rate_delivered(&rate, &mark[i], 1000, sent, false, sent + 20 * HF_MS);
        struct hf_rate_sample s;
        hf_rate_sample(&rate, 20 * HF_MS, &s);
        assert_int_equal(s.rtt, 20 * HF_MS);
        assert_int_equal(s.delivered, (i + 1) * 1000);
        assert_int_equal(s.interval, (20 + i) * HF_MS);
        assert_int_equal(s.bytes_per_s, (i + 1) * 1000 * 1000 / (20 + i));
        assert_int_equal(s.tx_in_flight, (i + 1) * 1000);
        assert_int_equal(s.newly_delivered, 1000);
    }
}

/* ACKs that arrive together do not make the path look fast: the time of sending bounds the rate. */
TEST(squeezed_acks_do_not_raise_the_rate, none, "")
{
    start();
    for (unsigned i = 0; i < 4; i++)
        hf_rate_sent(&rate, &mark[i], 1000, i * 1000, i * 10 * HF_MS);
    for (unsigned i = 0; i < 4; i++)
        hf_rate_delivered(&rate, &mark[i], 1000, i * 10 * HF_MS, false, 35 * HF_MS);
    struct hf_rate_sample s;
    hf_rate_sample(&rate, 0, &s);
    assert_int_equal(s.newly_delivered, 4000);
    assert_int_equal(s.delivered, 4000);
    assert_int_equal(s.interval, 35 * HF_MS);
    assert_int_equal(s.rtt, 5 * HF_MS);
    hf_rate_sent(&rate, &mark[4], 1000, 0, 40 * HF_MS);
    hf_rate_sent(&rate, &mark[5], 1000, 1000, 60 * HF_MS);
    hf_rate_delivered(&rate, &mark[4], 1000, 40 * HF_MS, false, 61 * HF_MS);
    hf_rate_sample(&rate, 0, &s);
    hf_rate_delivered(&rate, &mark[5], 1000, 60 * HF_MS, false, 62 * HF_MS);
    hf_rate_sample(&rate, 0, &s);
    assert_int_equal(s.delivered, 2000);
    assert_int_equal(s.interval, 22 * HF_MS);
}

TEST(an_interval_below_the_round_trip_is_no_measurement, none, "")
{
    start();
    hf_rate_sent(&rate, &mark[0], 1000, 0, 0);
    hf_rate_delivered(&rate, &mark[0], 1000, 0, false, 2 * HF_MS);
    struct hf_rate_sample s;
    hf_rate_sample(&rate, 3 * HF_MS, &s);
    assert_true(s.any);
    assert_int_equal(s.bytes_per_s, 0);
}

/* What is lost in the same time is in the sample, what was lost before is not. */
TEST(losses_of_the_flight_are_in_the_sample, none, "")
{
    start();
    hf_rate_lost(&rate, 500);
    struct hf_rate_sample s;
    hf_rate_sample(&rate, 0, &s);
    assert_int_equal(s.newly_lost, 500);
    assert_false(s.any);
    hf_rate_sent(&rate, &mark[0], 1000, 0, 0);
    hf_rate_sent(&rate, &mark[1], 1000, 1000, 0);
    hf_rate_sent(&rate, &mark[2], 1000, 2000, 0);
    hf_rate_lost(&rate, 1000);
    hf_rate_delivered(&rate, &mark[1], 1000, 0, false, HF_MS);
    hf_rate_sample(&rate, 0, &s);
    assert_int_equal(s.lost, 1000);
    assert_int_equal(s.newly_lost, 1000);
    assert_int_equal(s.delivered, 1000);
}

/* Karn: the time that a segment took which was sent twice is not known; that it arrived is. */
TEST(resent_text_gives_no_round_trip, none, "")
{
    start();
    hf_rate_sent(&rate, &mark[0], 1000, 0, 0);
    hf_rate_sent(&rate, &mark[0], 1000, 0, 30 * HF_MS);
    hf_rate_delivered(&rate, &mark[0], 1000, 30 * HF_MS, true, 50 * HF_MS);
    struct hf_rate_sample s;
    hf_rate_sample(&rate, 0, &s);
    assert_int_equal(s.rtt, 0);
    assert_int_equal(s.delivered, 1000);
}

/* A lull marks what is sent until all that was in flight at its end has arrived; a lower rate in it
 * does not replace a higher one outside. */
TEST(lulls_are_marked_until_they_are_over, none, "")
{
    start();
    hf_rate_sent(&rate, &mark[0], 10000, 0, 0);
    hf_rate_app_limited(&rate, 10000);
    hf_rate_sent(&rate, &mark[1], 1000, 10000, 5 * HF_MS);
    hf_rate_delivered(&rate, &mark[0], 10000, 0, false, 10 * HF_MS);
    struct hf_rate_sample s;
    hf_rate_sample(&rate, 0, &s);
    assert_false(s.app_limited);
    assert_int_equal(rate.bytes_per_s, 1000000);
    hf_rate_delivered(&rate, &mark[1], 1000, 5 * HF_MS, false, 200 * HF_MS);
    hf_rate_sample(&rate, 0, &s);
    assert_true(s.app_limited);
    assert_int_equal(rate.bytes_per_s, 1000000);
    hf_rate_sent(&rate, &mark[2], 1000, 0, 300 * HF_MS);
    assert_false(mark[2].app_limited);
}

/* Counters go round: nothing depends on their height. */
TEST(counters_go_round, none, "")
{
    start();
    rate.delivered = UINT32_MAX - 999;
    rate.lost = UINT32_MAX;
    hf_rate_sent(&rate, &mark[0], 5000, 0, 0);
    hf_rate_lost(&rate, 10);
    hf_rate_delivered(&rate, &mark[0], 5000, 0, false, HF_MS);
    struct hf_rate_sample s;
    hf_rate_sample(&rate, 0, &s);
    assert_int_equal(s.delivered, 5000);
    assert_int_equal(s.lost, 10);
}

/* Beside a list of all values: what the filter says was seen in the window, and is no worse than the
 * best of its last three quarters. */
static void against_a_list(bool greatest)
{
    enum { N = 2000, WINDOW = 100 };
    static uint32_t value[N], at[N];
    struct hf_windowed w = {{{0, 0}}};
    uint32_t now = UINT32_MAX - 3000; /* goes round on the way */
    for (unsigned i = 0; i < N; i++) {
        now += (uint32_t)check_random_below(12);
        value[i] = 1 + (uint32_t)check_random_below(1000);
        at[i] = now;
        uint32_t best = greatest ? hf_windowed_max(&w, WINDOW, now, value[i])
                                 : hf_windowed_min(&w, WINDOW, now, value[i]);
        bool seen = false;
        uint32_t recent = value[i];
        for (unsigned j = 0; j <= i; j++) {
            seen |= value[j] == best && now - at[j] <= WINDOW;
            if (now - at[j] <= WINDOW / 4)
                recent = greatest == (value[j] > recent) ? value[j] : recent;
        }
        assert_true(seen);
        assert_true(greatest ? best >= recent : best <= recent);
        assert_int_equal(hf_windowed_best(&w), best);
    }
}

TEST(windowed_least, none, "")
{
    against_a_list(false);
}

TEST(windowed_greatest, none, "")
{
    against_a_list(true);
}

/* A silence longer than the window: the old values are gone at once. */
TEST(windowed_after_silence, none, "")
{
    struct hf_windowed w = {{{0, 0}}};
    assert_int_equal(hf_windowed_min(&w, 10, 5, 7), 7);
    assert_int_equal(hf_windowed_min(&w, 10, 9, 9), 7);
    assert_int_equal(hf_windowed_min(&w, 10, 100, 50), 50);
}
