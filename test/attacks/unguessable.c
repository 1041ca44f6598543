/* Rows B6, B7 and B8 of docs/attacks.md: numbers that a stranger must not be able to guess,
 * by what a stranger can see of them. Statistics without libm: thresholds are far out, so
 * that a good generator fails once in a hundred thousand runs. */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

static struct victim *alone(uint64_t seed)
{
    struct victim_config config;
    victim_config_init(&config);
    config.alone = true;
    config.seed = seed;
    return victim_new(&config);
}

/* Chi square of counts against a uniform expectation. */
static double chi_square(const uint32_t *counts, unsigned bins, uint32_t n)
{
    double expected = (double)n / bins, sum = 0;
    for (unsigned i = 0; i < bins; i++)
        sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    return sum;
}

/* ---- B6: initial sequence numbers ---- */

/* The ISN with which the victim answers a SYN of this stranger; the half-open entry is
 * undone. */
static uint32_t isn_for(struct victim *v, uint32_t who, uint16_t port)
{
    struct wire_segment s = from(v, stranger(v, who), port, SYN, 1000, 0);
    send_segment(v, &s);
    flush(v);
    assert_int_equal(v->last.flags, SYN | ACK);
    uint32_t isn = v->last.seq;
    s = from(v, stranger(v, who), port, RST, 1001, 0);
    send_segment(v, &s);
    flush(v);
    return isn;
}

/* The length of the shortest linear recurrence over GF(2) that yields the bits (Berlekamp,
 * Massey). */
static unsigned linear_complexity(const uint8_t *bits, unsigned n)
{
    static uint8_t c[4096], b[4096], t[4096];
    unsigned length = 0;
    int last = -1;
    assert_true(n <= sizeof c);
    memset(c, 0, sizeof c);
    memset(b, 0, sizeof b);
    c[0] = b[0] = 1;
    for (unsigned i = 0; i < n; i++) {
        unsigned d = bits[i];
        for (unsigned k = 1; k <= length; k++)
            d ^= c[k] & bits[i - k];
        if (d == 0)
            continue;
        memcpy(t, c, sizeof t);
        for (unsigned k = 0; k + (unsigned)((int)i - last) < n; k++)
            c[k + (unsigned)((int)i - last)] ^= b[k];
        if (2 * length <= i) {
            length = i + 1 - length;
            last = (int)i;
            memcpy(b, t, sizeof b);
        }
    }
    return length;
}

static void guess(bool changing_host)
{
    enum { BITS = 512 };
    struct victim *v = alone(0);
    uint8_t bits[32][BITS];
    uint32_t n = small_or_full(4000, 1000000), hits = 0;
    uint32_t before = 0, last = 0;
    hf_time at = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t isn =
            isn_for(v, changing_host ? i : 1, (uint16_t)(changing_host ? 999 : 1 + i % 65535));
        uint32_t ticks = (uint32_t)((hf_sim_now(v->sim) - at) / (4 * HF_US));
        hits += i > 1 && (isn == last || isn == last + ticks || isn == 2 * last - before);
        for (unsigned bit = 0; bit < 32 && i < BITS; bit++)
            bits[bit][i] = isn >> bit & 1;
        before = last;
        last = isn;
        at = hf_sim_now(v->sim);
        pass(v, 37 * HF_US);
    }
    assert_true(hits <= n >> 20);
    for (unsigned bit = 0; bit < 32; bit++) /* random bits: half of them, give or take a few */
        assert_true(linear_complexity(bits[bit], BITS) > BITS / 2 - 24);
    victim_end(v, 0);
}

TEST(isn_is_not_guessed_from_others, none, "B6")
{
    guess(false);
    guess(true);
}

/* RFC 6528: for one pair the clock goes on, so that old duplicates stay old; for another
 * stack it is another number. */
TEST(isn_of_one_pair_goes_up, none, "B6")
{
    struct victim *v = alone(0), *other = alone(77);
    uint32_t last = isn_for(v, 1, 1);
    assert_true(last != isn_for(other, 1, 1));
    for (unsigned i = 0; i < 240; i++) {
        pass(v, HF_SEC);
        uint32_t isn = isn_for(v, 1, 1);
        assert_true(isn - last > 0 && isn - last < 0x80000000u);
        last = isn;
    }
    victim_end(v, 0);
    victim_end(other, 0);
}

/* ---- B7: ports ---- */

static uint16_t port_for(struct victim *v, uint32_t who)
{
    struct hf_open open = {.size = sizeof open, .remote = {stranger(v, who), 443}};
    hf_conn conn;
    assert_int_equal(hf_tcp_open(v->stack, &open, &conn), 0);
    uint16_t port = victim_status(v, conn).local.port;
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    return port;
}

TEST(ports_are_spread_and_steps_tell_nothing, none, "B7")
{
    enum { BINS = 64 };
    static uint32_t steps[65536];
    struct victim *v = alone(0);
    uint32_t n = small_or_full(40000, 400000), bins[BINS] = {0};
    uint32_t first = v->config.settings.port_first;
    uint32_t ports = v->config.settings.port_last - first + 1u;
    uint16_t last = port_for(v, 1);
    memset(steps, 0, sizeof steps);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t port = port_for(v, 1);
        assert_in_range(port, first, v->config.settings.port_last);
        bins[(port - first) * BINS / ports]++;
        steps[(uint16_t)(port - last)]++;
        last = port;
        if (i % 512 == 0)
            pass(v, HF_MS);
    }
    assert_true(chi_square(bins, BINS, n) < 130); /* 63 degrees of freedom */
    double collisions = 0;
    for (unsigned i = 0; i < 65536; i++)
        collisions += (double)steps[i] * ((double)steps[i] - 1);
    collisions /= (double)n * ((double)n - 1);
    assert_true(collisions * 4096 <= 1); /* collision entropy: at least 12 bits */
    victim_end(v, 0);
}

TEST(ports_to_two_places_are_not_related, none, "B7")
{
    struct victim *v = alone(0);
    uint32_t n = small_or_full(30000, 300000);
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (uint32_t i = 0; i < n; i++) {
        double x = port_for(v, 1), y = port_for(v, 2);
        a += x;
        b += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
        if (i % 512 == 0)
            pass(v, HF_MS);
    }
    double cov = ab - a * b / n, va = aa - a * a / n, vb = bb - b * b / n;
    assert_true(va > 0 && vb > 0);
    assert_true(cov * cov / (va * vb) * n < 25); /* five sigma */
    victim_end(v, 0);
}

/* ---- B8: timestamps ---- */

static uint32_t tsval_for(struct victim *v, uint32_t who, uint16_t local_port)
{
    struct hf_open open = {
        .size = sizeof open, .local.port = local_port, .remote = {stranger(v, who), 443}};
    hf_conn conn;
    assert_int_equal(hf_tcp_open(v->stack, &open, &conn), 0);
    flush(v);
    assert_int_equal(v->last.flags, SYN);
    assert_true(v->last.has_ts);
    uint32_t tsval = v->last.tsval;
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    return tsval;
}

TEST(timestamps_do_not_tell_the_uptime, none, "B8")
{
    struct victim *v = alone(0);
    uint32_t n = small_or_full(2000, 100000), high[16] = {0}, low[16] = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t offset = tsval_for(v, i, 0) - (uint32_t)(hf_sim_now(v->sim) / HF_MS);
        high[offset >> 28]++;
        low[offset & 15]++;
        pass(v, HF_MS);
    }
    assert_true(chi_square(high, 16, n) < 55); /* 15 degrees of freedom */
    assert_true(chi_square(low, 16, n) < 55);
    victim_end(v, 0);
}

/* RFC 7323 7.1: but for one pair the clock goes on, or PAWS would break its next connection. */
TEST(timestamps_of_one_pair_go_up, none, "B8")
{
    struct victim *v = alone(0);
    uint32_t last = tsval_for(v, 1, 5555);
    for (unsigned i = 0; i < 100; i++) {
        pass(v, 20 * HF_MS);
        uint32_t tsval = tsval_for(v, 1, 5555);
        assert_in_range(tsval - last, 1, 60000);
        last = tsval;
    }
    victim_end(v, 0);
}
