/* The controllers alone: Reno and CUBIC beside the formulas of their RFCs, HyStart++, what counts as
 * a used window. No stack: the test is the path. */
#include "check.h"

#include <string.h>

#include <handfast/tcp.h>

#include "tcp/congestion.h"
#include "tcp/cubic_root.h"

#define MSS 1000u

static struct hf_congestion cc;
static struct hf_settings settings;
static hf_time now;
static uint32_t srtt_us;

static void begin(const char *name)
{
    settings = *hf_settings_linux();
    settings.hystart = HF_HYSTART_OFF;
    settings.cubic = HF_CUBIC_RFC9438;
    memset(&cc, 0, sizeof cc);
    cc.mss = MSS;
    cc.initial_window = 10 * MSS;
    now = 1000 * HF_SEC;
    srtt_us = 100000;
    hf_congestion_start(&cc, hf_congestion_of(hf_congestion_number(name)), &settings, now);
}

/* `octets` are acknowledged, the window being full before and after. */
static void ack(uint32_t octets, hf_time rtt)
{
    hf_congestion_sent(&cc, cc.cwnd, true, false);
    cc.rate.delivered += octets;
    struct hf_ack_info info = {.now = now, .rtt = rtt, .srtt_us = srtt_us, .acked = octets,
                               .prior_in_flight = cc.cwnd, .in_flight = cc.cwnd - octets};
    hf_congestion_acked(&cc, &settings, &info);
}

/* A round trip in which the whole window is acknowledged, a segment at a time. */
static void round_trip(void)
{
    uint32_t n = cc.cwnd / MSS;
    for (uint32_t i = 0; i < n; i++) {
        now += (hf_time)srtt_us * HF_US / n;
        ack(MSS, (hf_time)srtt_us * HF_US);
    }
}

static void lose(void)
{
    cc.ssthresh = cc.ops->on_loss(&cc, cc.cwnd, now);
    cc.cwnd = cc.ssthresh;
}

TEST(names, none, "")
{
    assert_int_equal(hf_congestion_named("reno"), HF_CONGESTION_RENO);
    assert_int_equal(hf_congestion_named("cubic"), HF_CONGESTION_CUBIC);
    assert_int_equal(hf_congestion_named("bbr"), HF_CONGESTION_BBR);
    assert_int_equal(hf_congestion_named("vegas"), HF_ERR_ARGUMENT);
    assert_int_equal(hf_congestion_named(NULL), HF_ERR_ARGUMENT);
    for (int i = 1; i < HF_CONGESTION_COUNT; i++)
        assert_int_equal(hf_congestion_named(hf_congestion_name(i)), i);
    assert_null(hf_congestion_name(HF_CONGESTION_DEFAULT));
    assert_null(hf_congestion_name(HF_CONGESTION_COUNT));
}

/* ---- Reno, RFC 5681 ---- */

TEST(reno_adds_a_segment_a_round, none, "")
{
    begin("reno");
    cc.cwnd = cc.ssthresh = 20 * MSS;
    for (uint32_t i = 1; i <= 10; i++) {
        round_trip();
        assert_int_equal(cc.cwnd, (20 + i) * MSS);
    }
}

TEST(reno_halves, none, "")
{
    begin("reno");
    assert_int_equal(cc.ops->on_loss(&cc, 20 * MSS, now), 10 * MSS);
    assert_int_equal(cc.ops->on_loss(&cc, 3 * MSS, now), 2 * MSS);
    cc.cwnd = cc.ssthresh = 20 * MSS;
    assert_int_equal(cc.ops->on_mark(&cc, 20 * MSS, now), 16 * MSS); /* RFC 8511 3.1 */
    cc.ssthresh = 40 * MSS;
    assert_int_equal(cc.ops->on_mark(&cc, 20 * MSS, now), 10 * MSS);
}

/* ---- CUBIC, RFC 9438 ---- */

/* Every cube up to the last that 64 bits hold, and its neighbours. */
TEST(cube_roots_are_exact, none, "")
{
    assert_int_equal(hf_cube_root(0), 0);
    for (uint64_t r = 1; r <= 2642245; r += r < 3000 ? 1 : 97) {
        uint64_t cube = r * r * r;
        assert_int_equal(hf_cube_root(cube), r);
        assert_int_equal(hf_cube_root(cube - 1), r - 1);
        assert_int_equal(hf_cube_root(cube + 1), r > 1 ? r : 1);
    }
    assert_int_equal(hf_cube_root(UINT64_MAX), 2642245);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t n = check_random() >> (i % 64), r = hf_cube_root(n);
        assert_true(r * r * r <= n);
        assert_true(r == 2642245 || (r + 1) * (r + 1) * (r + 1) > n);
    }
}

/* W(t) and K by the formulas, in seconds and segments; the window is to be within a segment and a
 * percent of the curve, one round trip ahead of the time. (Long round trips, so that the curve and
 * not the Reno-friendly region decides.) */
static double cube(double x)
{
    return x * x * x;
}

static double root(double x)
{
    double low = 0, high = 1000;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        *(mid * mid * mid > x ? &high : &low) = mid;
    }
    return low;
}

TEST(cubic_follows_its_curve, none, "MAY-18")
{
    static const uint32_t windows[] = {100, 1000, 5000, 20000};
    for (unsigned i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        begin("cubic");
        double w_max = windows[i], k = root(w_max * 0.3 / 0.4);
        cc.cwnd = windows[i] * MSS;
        lose();
        assert_int_equal(cc.ssthresh, windows[i] * 7 / 10 * MSS);
        hf_time epoch = 0;
        while (!epoch || now - epoch < (hf_time)(2 * k) * HF_SEC) {
            round_trip();
            if (!epoch)
                epoch = cc.own.cubic.curve.epoch_ms * HF_MS;
            double t = (double)(now - epoch) / (double)HF_SEC;
            double w = 0.4 * cube(t - k) + w_max, ahead = 0.4 * cube(t + 0.1 - k) + w_max;
            double have = (double)cc.cwnd / MSS;
            double reno = w_max * 0.7 + t / 0.1 * 9 / 17; /* 4.3: never below that */
            if (reno > w_max)
                reno = w_max + (reno - w_max) * 17 / 9;
            if (reno > ahead)
                ahead = reno;
            assert_true(have >= w * 0.99 - 1 && have <= ahead * 1.01 + 1);
        }
        assert_true(cc.cwnd > windows[i] * MSS); /* past W_max: convex */
    }
}

/* 4.6, 4.7: a flow that loses below its last W_max remembers less. */
TEST(cubic_fast_convergence, none, "")
{
    begin("cubic");
    cc.cwnd = 100 * MSS;
    lose();
    assert_int_equal(cc.cwnd, 70 * MSS);
    assert_int_equal(cc.own.cubic.curve.w_max, 100 * MSS);
    cc.cwnd = 80 * MSS;
    lose();
    assert_int_equal(cc.cwnd, 56 * MSS);
    assert_int_equal(cc.own.cubic.curve.w_max, 68 * MSS); /* 80 (1 + 0.7) / 2 */
    cc.cwnd = 90 * MSS;
    lose();
    assert_int_equal(cc.own.cubic.curve.w_max, 90 * MSS);
}

/* 4.3: on a short path it grows as Reno does: by alpha = 9/17 of a segment a round up to where it
 * was, by one after that. */
TEST(cubic_is_as_fast_as_reno, none, "")
{
    begin("cubic");
    srtt_us = 1000;
    cc.cwnd = 100 * MSS;
    lose();
    unsigned rounds = 0;
    while (cc.cwnd < 100 * MSS && rounds < 1000) {
        round_trip();
        rounds++;
    }
    assert_in_range(rounds, 30 * 17 / 9 - 2, 30 * 17 / 9 + 2);
    uint32_t was = cc.cwnd;
    for (unsigned i = 0; i < 20; i++)
        round_trip();
    assert_in_range(cc.cwnd - was, 19 * MSS, 21 * MSS);
}

/* 4.2: never more than half a window in a round trip, however far the curve has gone. */
TEST(cubic_grows_by_half_a_window_at_most, none, "")
{
    begin("cubic");
    cc.cwnd = 100 * MSS;
    lose();
    round_trip();
    now += 60 * HF_SEC;
    uint32_t was = cc.cwnd;
    round_trip();
    assert_true(cc.cwnd <= was + was / 2 + MSS);
}

/* 5.8: a pause, and a time in which the window was not used, do not move it along the curve. */
TEST(cubic_does_not_count_idle_time, none, "")
{
    begin("cubic");
    cc.cwnd = 1000 * MSS;
    lose();
    round_trip();
    uint32_t was = cc.cwnd;
    now += 20 * HF_SEC;
    settings.idle_restart = 0;
    hf_congestion_idle_end(&cc, &settings, 20 * HF_SEC, 300 * HF_MS, now);
    round_trip();
    assert_true(cc.cwnd < was + was / 10);
    ack(cc.cwnd, 0); /* the round in which it was used is over */
    for (unsigned i = 0; i < 200; i++) {
        now += 100 * HF_MS;
        hf_congestion_sent(&cc, MSS, false, true);
        struct hf_ack_info info = {.now = now, .srtt_us = srtt_us, .acked = MSS,
                                   .prior_in_flight = MSS};
        hf_congestion_acked(&cc, &settings, &info);
    }
    was = cc.cwnd;
    round_trip();
    assert_true(cc.cwnd < was + was / 10);
}

/* The end of the same pause may be told again and again, as long as something keeps the text back. */
TEST(cubic_counts_idle_time_once, none, "")
{
    begin("cubic");
    cc.cwnd = 1000 * MSS;
    lose();
    round_trip();
    uint32_t was = cc.cwnd;
    settings.idle_restart = 0;
    now += 20 * HF_SEC;
    for (unsigned i = 0; i < 1000; i++)
        hf_congestion_idle_end(&cc, &settings, 20 * HF_SEC, 300 * HF_MS, now);
    round_trip();
    assert_true(cc.cwnd < was + was / 10);
}

/* 4.9: the reduction was in vain. */
TEST(cubic_undo, none, "")
{
    begin("cubic");
    cc.cwnd = 100 * MSS;
    lose();
    for (unsigned i = 0; i < 20; i++)
        round_trip();
    struct hf_cubic_curve was = cc.own.cubic.curve;
    uint32_t cwnd = cc.cwnd, ssthresh = cc.ssthresh;
    lose();
    cc.cwnd = cwnd;
    cc.ssthresh = ssthresh;
    cc.ops->on_undo(&cc, now);
    assert_memory_equal(&cc.own.cubic.curve, &was, sizeof was);
}

/* 4.8: after a timeout the curve begins where slow start ended. */
TEST(cubic_after_a_timeout, none, "")
{
    begin("cubic");
    cc.cwnd = 100 * MSS;
    cc.ssthresh = cc.ops->on_loss(&cc, cc.cwnd, now);
    cc.cwnd = MSS;
    cc.ops->on_timeout(&cc, 0, now);
    while (cc.cwnd < cc.ssthresh)
        round_trip();
    uint32_t at = cc.cwnd;
    ack(MSS, 0);
    assert_int_equal(cc.own.cubic.curve.w_max, at);
    assert_int_equal(cc.own.cubic.curve.k_ms, 0);
}

/* As Linux's: without a loss yet, 20 acknowledged add one, and the curve takes over when it is faster. */
TEST(cubic_of_linux_at_first, none, "")
{
    begin("cubic");
    cc.cubic = HF_CUBIC_LINUX;
    cc.cwnd = cc.ssthresh = 48 * MSS;
    for (unsigned i = 0; i < 19; i++)
        ack(MSS, 100 * HF_MS);
    assert_int_equal(cc.cwnd, 48 * MSS);
    ack(MSS, 100 * HF_MS);
    assert_int_equal(cc.cwnd, 49 * MSS);
    for (unsigned i = 0; i < 40; i++) { /* 4 s later: 0.4 4.1^3 is 28 above the plateau */
        now += 100 * HF_MS;
        ack(2 * MSS, 100 * HF_MS);
    }
    assert_in_range(cc.cwnd, 56 * MSS, 64 * MSS); /* at most one for two */
}

/* After a timeout Reno's share is what is left: 8/15 of a segment a round trip. */
TEST(cubic_of_linux_after_a_timeout, none, "")
{
    begin("cubic");
    cc.cubic = HF_CUBIC_LINUX;
    cc.cwnd = 10 * MSS;
    cc.ssthresh = cc.ops->on_loss(&cc, cc.cwnd, now);
    cc.cwnd = MSS;
    cc.ops->on_timeout(&cc, 0, now);
    while (cc.cwnd < cc.ssthresh)
        round_trip();
    assert_int_equal(cc.cwnd, 7 * MSS); /* not beyond ssthresh */
    round_trip();
    assert_int_equal(cc.cwnd, 7 * MSS);
    round_trip();
    round_trip();
    assert_int_equal(cc.cwnd, 8 * MSS);
}

/* After a loss the window is back where it was when K has passed, and stands still there. */
TEST(cubic_of_linux_comes_back, none, "")
{
    begin("cubic");
    cc.cubic = HF_CUBIC_LINUX;
    cc.cwnd = cc.ssthresh = 1000 * MSS;
    lose();
    hf_time k = (hf_time)(root(300 / 0.41) * (double)HF_SEC), start = now;
    while (now < start + k - srtt_us * HF_US)
        round_trip();
    assert_in_range(cc.cwnd, 985 * MSS, 1002 * MSS);
    uint32_t was = cc.cwnd;
    for (unsigned i = 0; i < 5; i++)
        round_trip();
    assert_in_range(cc.cwnd, was, was + 15 * MSS);
}

/* A curve outlives a pause in which nothing is kept but 12 bytes. */
TEST(cubic_of_linux_saved_and_resumed, none, "")
{
    begin("cubic");
    cc.cubic = HF_CUBIC_LINUX;
    cc.cwnd = cc.ssthresh = 48 * MSS;
    ack(MSS, 100 * HF_MS);
    struct hf_congestion_saved saved;
    cc.ops->save(&cc, &saved);
    now += 10 * HF_SEC;
    begin("cubic");
    cc.cubic = HF_CUBIC_LINUX;
    cc.ops->resume(&cc, &saved);
    assert_int_equal(cc.own.cubic.curve.w_max, 0);
    cc.ops->on_idle_end(&cc, 10 * HF_SEC, now);
    assert_true(cc.own.cubic.linux_way.running);
    assert_int_equal(cc.own.cubic.linux_way.epoch_ms, (uint32_t)(now / HF_MS));
}

TEST(cubic_mark_reduces_less, none, "")
{
    begin("cubic");
    cc.cwnd = cc.ssthresh = 100 * MSS;
    assert_int_equal(cc.ops->on_mark(&cc, 100 * MSS, now), 85 * MSS); /* RFC 8511 3.1 */
}

/* Saved in 12 bytes, and resumed: it goes on along nearly the same curve. */
TEST(saved_and_resumed, none, "")
{
    static const char *const names[] = {"reno", "cubic"};
    for (unsigned i = 0; i < 2; i++) {
        begin(names[i]);
        cc.cwnd = 1000 * MSS;
        lose();
        for (unsigned n = 0; n < 30; n++)
            round_trip();
        uint32_t cwnd = cc.cwnd, ssthresh = cc.ssthresh;
        struct hf_congestion_saved saved;
        cc.ops->save(&cc, &saved);
        struct hf_congestion other = cc;
        hf_congestion_start(&cc, cc.ops, &settings, now);
        cc.ops->resume(&cc, &saved);
        assert_int_equal(cc.cwnd, cwnd);
        assert_int_equal(cc.ssthresh, ssthresh);
        for (unsigned n = 0; n < 10; n++)
            round_trip();
        uint32_t resumed = cc.cwnd;
        cc = other;
        for (unsigned n = 0; n < 10; n++)
            round_trip();
        assert_in_range(resumed, cc.cwnd * 97ull / 100, cc.cwnd * 103ull / 100);
    }
}

/* The clock goes round and jumps: nothing happens. */
TEST(cubic_at_any_hour, none, "")
{
    begin("cubic");
    now = (hf_time)UINT32_MAX * HF_MS - HF_SEC;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    cc.cwnd = 1000 * MSS;
    lose();
    for (unsigned i = 0; i < 40; i++) {
        uint32_t was = cc.cwnd;
        round_trip();
        assert_true(cc.cwnd >= was && cc.cwnd < was + was / 10);
    }
    now += 3600 * HF_SEC;
    hf_congestion_shift(&cc, 3600 * HF_SEC);
    uint32_t was = cc.cwnd;
    round_trip();
    assert_true(cc.cwnd < was + was / 10);
}

/* ---- HyStart++, RFC 9406 ---- */

/* A path that holds `pipe` segments and queues the rest: the round trip grows with the window. */
static uint32_t slow_start_on(uint32_t pipe, uint8_t kind, unsigned rounds)
{
    begin("cubic");
    settings.hystart = kind;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    srtt_us = 40000;
    for (unsigned r = 0; r < rounds && cc.cwnd < cc.ssthresh; r++) {
        uint32_t n = cc.cwnd / MSS, least = 40000;
        if (n > pipe)
            least = 40000 * n / pipe;
        for (uint32_t i = 0; i < n && cc.cwnd < cc.ssthresh; i++) {
            now += least * HF_US / n;
            ack(MSS, least * HF_US);
        }
    }
    return cc.cwnd / MSS;
}

/* It leaves after the path is full, not before, and not at many times of it. */
TEST(hystart_plus_leaves_at_a_full_path, none, "")
{
    static const uint32_t pipes[] = {50, 100, 400, 1000, 4000};
    for (unsigned i = 0; i < sizeof pipes / sizeof pipes[0]; i++) {
        uint32_t at = slow_start_on(pipes[i], HF_HYSTART_PLUS, 100);
        assert_in_range(at, pipes[i], 10 * pipes[i]);
        assert_true(cc.ssthresh == cc.cwnd);
    }
}

TEST(hystart_off_never_leaves, none, "")
{
    assert_true(slow_start_on(50, HF_HYSTART_OFF, 8) >= 2000);
}

/* Linux counts rounds from the first ACK at 16 segments: of a queue that grows from the first flight on, it
 * sees eight samples and the one that ends slow start, by then at 48. */
TEST(hystart_of_linux_begins_at_sixteen_segments, none, "")
{
    begin("cubic");
    settings.hystart = HF_HYSTART_LINUX;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    srtt_us = 100000;
    for (int i = 1; i <= 30 && cc.cwnd < cc.ssthresh; i++) {
        now += 100 * HF_MS;
        ack(2 * MSS, i * 100 * HF_MS);
    }
    assert_int_equal(cc.ssthresh / MSS, 48);
}

/* 4.2: a round trip that was long by chance: CSS goes back to slow start, and no ssthresh is set. */
TEST(hystart_plus_takes_a_passing_delay_back, none, "")
{
    begin("cubic");
    settings.hystart = HF_HYSTART_PLUS;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    srtt_us = 40000;
    round_trip();
    srtt_us = 60000;
    round_trip();
    round_trip();
    assert_true(cc.own.cubic.hystart.slow);
    srtt_us = 40000;
    round_trip();
    round_trip();
    assert_false(cc.own.cubic.hystart.slow);
    assert_int_equal(cc.ssthresh, UINT32_MAX);
}

/* In CSS the window grows by a quarter of what is acknowledged. */
TEST(hystart_plus_slows_down, none, "")
{
    begin("cubic");
    settings.hystart = HF_HYSTART_PLUS;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    srtt_us = 40000;
    for (unsigned i = 0; i < 3; i++)
        round_trip();
    srtt_us = 60000;
    while (!cc.own.cubic.hystart.slow)
        round_trip();
    uint32_t was = cc.cwnd;
    round_trip();
    assert_in_range(cc.cwnd, was + was / 5, was + was / 3);
}

/* ---- ... with trains of ACKs ---- */

/* A path of 40 ms that holds `pipe` segments, and sends their ACKs on at its own rate: a train of them in each
 * round trip. `late` ACKs of each trail behind, until a quarter of a round trip has passed. */
static uint32_t trains_on(uint32_t pipe, uint32_t late)
{
    const hf_time round = 40 * HF_MS, spacing = round / pipe;
    begin("cubic");
    settings.hystart = HF_HYSTART_PLUS_TRAINS;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    srtt_us = 40000;
    for (unsigned r = 0; r < 100 && cc.cwnd < cc.ssthresh; r++) {
        uint32_t n = cc.cwnd / MSS;
        hf_time rtt = n > pipe ? spacing * n : round, began = now;
        for (uint32_t i = 0; i < n && cc.cwnd < cc.ssthresh; i++) {
            now += i + late >= n ? round / 4 / late : spacing;
            ack(MSS, rtt);
        }
        if (now < began + round)
            now = began + round;
    }
    return cc.cwnd / MSS;
}

/* A queue as long as the path holds it: nothing is lost. Without looking at trains it would overrun. */
TEST(hystart_trains_leave_before_the_queue_is_full, none, "")
{
    static const uint32_t pipes[] = {50, 100, 400, 1000, 4000};
    for (unsigned i = 0; i < sizeof pipes / sizeof pipes[0]; i++) {
        assert_in_range(trains_on(pipes[i], 0), pipes[i], 2 * pipes[i]);
        assert_true(cc.ssthresh == cc.cwnd);
        assert_in_range(trains_on(pipes[i], 4), pipes[i], 2 * pipes[i]);
        assert_true(slow_start_on(pipes[i], HF_HYSTART_PLUS, 100) > 2 * pipes[i]);
    }
}

/* ACKs that come evenly look like a full path. The round trip does not grow, so it was none: slow start goes
 * on, each time until twice as much is in flight. */
TEST(hystart_trains_are_not_misled_by_even_acks, none, "")
{
    assert_true(slow_start_on(1u << 20, HF_HYSTART_PLUS_TRAINS, 40) >= 4000);
    assert_int_equal(cc.ssthresh, UINT32_MAX);
    assert_true(cc.own.cubic.hystart.suspected > 0);
}

/* A flow that paces, or that does not fill its window, tells nothing of the path. */
TEST(hystart_trains_ask_for_a_full_window, none, "")
{
    begin("cubic");
    settings.hystart = HF_HYSTART_PLUS_TRAINS;
    settings.pacing = 1;
    hf_congestion_start(&cc, cc.ops, &settings, now);
    srtt_us = 40000;
    for (unsigned r = 0; r < 6; r++)
        round_trip();
    assert_int_equal(cc.own.cubic.hystart.suspected, 0);
    assert_true(cc.cwnd >= 600 * MSS);
}

/* ---- What counts as a used window ---- */

static void use(uint32_t in_flight, bool limited, uint32_t acked)
{
    hf_congestion_sent(&cc, in_flight, limited, !limited);
    struct hf_ack_info info = {.now = now, .srtt_us = srtt_us, .acked = acked,
                               .prior_in_flight = in_flight, .in_flight = in_flight - acked};
    hf_congestion_acked(&cc, &settings, &info);
}

/* Linux: in slow start six of ten segments are enough to grow, five are not. */
TEST(slow_start_grows_when_more_than_half_is_used, none, "")
{
    begin("reno");
    use(5 * MSS, false, 2 * MSS);
    assert_int_equal(cc.cwnd, 10 * MSS);
    begin("reno");
    use(6 * MSS, false, 2 * MSS);
    assert_int_equal(cc.cwnd, 12 * MSS);
    use(4 * MSS, false, 2 * MSS);
    assert_int_equal(cc.cwnd, 12 * MSS);
}

TEST(avoidance_grows_only_when_it_was_limited, none, "")
{
    begin("reno");
    cc.ssthresh = cc.cwnd;
    for (unsigned i = 0; i < 20; i++)
        use(9 * MSS, false, 9 * MSS);
    assert_int_equal(cc.cwnd, 10 * MSS);
    for (unsigned i = 0; i < 2; i++)
        use(cc.cwnd, true, cc.cwnd);
    assert_int_equal(cc.cwnd, 12 * MSS);
}

/* RFC 7661: half of the window acknowledged in a round validates it; less does not, and after five
 * minutes the window is cut. A loss meanwhile reduces from what was used. */
TEST(a_window_that_is_not_used_is_not_believed, none, "")
{
    begin("reno");
    settings.window_validation = HF_VALIDATE_RFC7661;
    cc.cwnd = 100 * MSS;
    cc.ssthresh = 50 * MSS;
    for (unsigned i = 0; i < 4; i++) {
        now += 100 * HF_MS;
        use(60 * MSS, false, 60 * MSS);
    }
    assert_true(cc.cwnd > 100 * MSS);
    uint32_t cwnd = cc.cwnd;
    for (unsigned i = 0; i < 4; i++) {
        now += 100 * HF_MS;
        use(20 * MSS, false, 20 * MSS);
    }
    cwnd = cc.cwnd;
    use(20 * MSS, false, 20 * MSS);
    assert_int_equal(cc.cwnd, cwnd);
    assert_int_equal(hf_congestion_window_in_use(&cc, &settings, 10 * MSS), 20 * MSS);
    now += 299 * HF_SEC;
    use(20 * MSS, false, 20 * MSS);
    assert_int_equal(cc.cwnd, cwnd);
    now += 3 * HF_SEC;
    use(20 * MSS, false, 20 * MSS);
    assert_int_equal(cc.cwnd, cwnd / 2);
    assert_int_equal(cc.ssthresh, cwnd / 4 * 3);
}
