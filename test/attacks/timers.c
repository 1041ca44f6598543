/* Row C21 of docs/attacks.md: timers by the million. What the wheel does is counted, in entries and
 * buckets looked at: for each timer that runs a few, and for those that only wait nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "victim.h"

#define IDLE (60 * HF_SEC)

/* A peer opens very many connections and is never heard of again; all of them have keep-alive on. */
static hf_conn *crowd_with_keepalive(struct victim *v, uint32_t n)
{
    hf_conn *conns = calloc(n, sizeof *conns);
    assert_non_null(conns);
    for (uint32_t i = 0; i < n; i++) {
        struct handshake h = {
            .source = stranger(v, i / 50000), .port = (uint16_t)(8000 + i % 50000), .seq = i};
        conns[i] = handshake(v, &h);
        assert_true(conns[i] != 0);
        assert_int_equal(hf_tcp_set(v->stack, conns[i], HF_OPTION_KEEPALIVE, 1), 0);
        if (i % 64 == 63)
            pass(v, HF_MS);
    }
    return conns;
}

TEST(keep_alive_by_the_million_costs_what_is_due, none, "C21")
{
    struct victim_config config;
    victim_config_init(&config);
    config.alone = true;
    config.memory_limit = (size_t)1 << 30;
    config.settings.keepalive_idle = IDLE;
    config.settings.keepalive_interval = IDLE;
    struct victim *v = victim_new(&config);
    uint32_t n = small_or_full(3000, 1000000);
    hf_conn *conns = crowd_with_keepalive(v, n);
    pass(v, 2 * HF_SEC); /* what was set for the handshake is found too early, once */

    struct hf_stack_counters from = victim_counters(v);
    pass(v, 30 * HF_SEC);
    struct hf_stack_counters to = victim_counters(v);
    assert_int_equal(to.timers_run, from.timers_run);
    assert_true(to.timer_steps - from.timer_steps <= 64 + n / 100);

    for (unsigned round = 0; round < 3; round++) { /* the first probe of each, and two more */
        from = victim_counters(v);
        pass(v, IDLE);
        to = victim_counters(v);
        uint64_t ran = to.timers_run - from.timers_run;
        uint64_t steps = to.timer_steps - from.timer_steps;
        printf("# %u connections: %llu timers ran, %llu steps\n", n, (unsigned long long)ran,
               (unsigned long long)steps);
        assert_true(ran >= n);
        assert_true(steps <= 16 * ran);
    }
    assert_int_equal(victim_counters(v).connections, v->baseline.connections + n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(hf_tcp_abort(v->stack, conns[i]), 0);
    free(conns);
    victim_end(v, 2 * (size_t)n);
}

/* The same work for each timer, however many wait. */
static double steps_per_timer(uint32_t n)
{
    struct victim_config config;
    victim_config_init(&config);
    config.alone = true;
    config.memory_limit = (size_t)1 << 30;
    config.settings.keepalive_idle = IDLE;
    config.settings.keepalive_interval = IDLE;
    struct victim *v = victim_new(&config);
    hf_conn *conns = crowd_with_keepalive(v, n);
    pass(v, 2 * HF_SEC);
    struct hf_stack_counters from = victim_counters(v);
    pass(v, IDLE + 20 * HF_SEC);
    struct hf_stack_counters to = victim_counters(v);
    assert_true(to.timers_run - from.timers_run >= n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(hf_tcp_abort(v->stack, conns[i]), 0);
    free(conns);
    victim_end(v, 2 * (size_t)n);
    return (double)(to.timer_steps - from.timer_steps) /
           (double)(to.timers_run - from.timers_run);
}

TEST(a_timer_costs_the_same_among_many, none, "C21")
{
    double few = steps_per_timer(1000), many = steps_per_timer(small_or_full(20000, 1000000));
    printf("# %.2f steps for each timer among 1,000, %.2f among many\n", few, many);
    assert_true(many <= 2 * few);
}
