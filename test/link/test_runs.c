/* Runs over a link that knows nothing of them: two stacks over an in-memory pair, what they send cut and
 * what they get merged in every pattern, and always the same bytes. */
#include "check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/host.h>
#include <handfast/link.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>

#define BYTES 400000u
#define BATCH 32u

struct world {
    struct hf_link *link[2];
    struct hf_stack *stack[2];
    hf_conn conn[2];
    uint32_t sent[2], got[2];
    bool eof[2];
    hf_time now;
    size_t largest; /* packet that a stack was given */
};

static void make(struct world *w, const struct hf_runs_config *runs, uint32_t features)
{
    memset(w, 0, sizeof *w);
    w->now = HF_SEC;
    assert_int_equal(hf_link_pair(1500, 1024, w->link), 0);
    for (int i = 0; i < 2; i++) {
        struct hf_stack_config config;
        struct hf_addr addr = {.family = HF_IPV6, .bytes = {0xfd, [15] = (uint8_t)(i + 1)}};
        assert_int_equal(hf_link_runs(w->link[i], runs), 0);
        assert_int_equal(hf_link_runs(w->link[i], runs), HF_ERR_EXISTS);
        hf_stack_config_init(&config);
        config.allocator = hf_host_allocator();
        config.now = w->now;
        config.seed[0] = (uint8_t)i;
        w->stack[i] = hf_stack_create(&config, NULL);
        assert_non_null(w->stack[i]);
        struct hf_link_config link = {.size = sizeof link,
                                      .mtu = hf_link_mtu(w->link[i]),
                                      .features = features | hf_link_features(w->link[i]),
                                      .gso_max = hf_link_gso_max(w->link[i])};
        assert_int_equal(hf_stack_add_link(w->stack[i], &link), 1);
        assert_int_equal(hf_stack_add_address(w->stack[i], 1, &addr, 64), 0);
    }
}

static bool move(struct world *w, int from)
{
    struct hf_packet packets[BATCH];
    size_t out = hf_stack_output(w->stack[from], 1, packets, BATCH, w->now);
    if (out > 0)
        assert_int_equal(hf_link_send(w->link[from], packets, out), out);
    hf_stack_sent(w->stack[from], packets, out);
    int64_t in = hf_link_receive(w->link[!from], packets, BATCH);
    assert_true(in >= 0);
    for (int64_t i = 0; i < in; i++)
        w->largest = packets[i].len > w->largest ? packets[i].len : w->largest;
    if (in > 0)
        hf_stack_input(w->stack[!from], 1, packets, (size_t)in, w->now);
    return out > 0 || in > 0;
}

static uint8_t byte_at(int from, uint32_t at)
{
    return (uint8_t)((at * 2654435761u >> 13) + (uint32_t)from);
}

static void use(struct world *w, int at)
{
    uint8_t bytes[20000];
    uint32_t n = 0;
    while (w->sent[at] + n < BYTES && n < sizeof bytes) {
        bytes[n] = byte_at(at, w->sent[at] + n);
        n++;
    }
    int64_t taken = n ? hf_tcp_send(w->stack[at], w->conn[at], bytes, n, 0) : 0;
    assert_true(taken >= 0);
    w->sent[at] += (uint32_t)taken;
    if (n && w->sent[at] == BYTES)
        assert_int_equal(hf_tcp_shutdown(w->stack[at], w->conn[at]), 0);
    while ((taken = hf_tcp_recv(w->stack[at], w->conn[at], bytes, sizeof bytes)) > 0)
        for (int64_t i = 0; i < taken; i++)
            if (bytes[i] != byte_at(!at, w->got[at]++))
                fail_msg("byte %u at end %d is wrong", w->got[at] - 1, at);
    w->eof[at] = taken == HF_EOF;
}

static void transfer(struct world *w)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 1};
    struct hf_open open = {.size = sizeof open,
                           .remote = {{.family = HF_IPV6, .bytes = {0xfd, [15] = 2}}, 80}};
    hf_listener listener;
    assert_int_equal(hf_tcp_listen(w->stack[1], &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(w->stack[0], &open, &w->conn[0]), 0);
    for (int turns = 0; turns < 100000 && !(w->eof[0] && w->eof[1]); turns++) {
        while (move(w, 0) || move(w, 1))
            continue;
        if (!w->conn[1])
            (void)hf_tcp_accept(w->stack[1], listener, 0, &w->conn[1]);
        for (int i = 0; i < 2 && w->conn[1]; i++)
            use(w, i);
        w->now += HF_MS;
        hf_stack_timers(w->stack[0], w->now);
        hf_stack_timers(w->stack[1], w->now);
    }
    assert_int_equal(w->got[0], BYTES);
    assert_int_equal(w->got[1], BYTES);
    for (int i = 0; i < 2; i++) {
        struct hf_stack_counters counters;
        hf_stack_counters(w->stack[i], &counters);
        assert_int_equal(counters.drops[HF_DROP_TCP_CHECKSUM], 0);
        assert_int_equal(counters.retransmits, 0);
        assert_int_equal(hf_link_lost(w->link[i]), 0);
        hf_stack_destroy(w->stack[i]);
        hf_link_close(w->link[i]);
    }
}

TEST(the_same_bytes_in_every_pattern, linux, "")
{
    static const uint32_t cuts[] = {0, 5000, 65535};
    static const uint8_t merges[] = {0, 10, 60, 100};
    for (size_t i = 0; i < 3 * 4 * 2; i++) {
        struct hf_runs_config runs = {.size = sizeof runs,
                                      .cut_max = cuts[i % 3],
                                      .merge = merges[i / 3 % 4],
                                      .seed = check_random()};
        struct world w;
        make(&w, &runs, i / 12 ? HF_LINK_MERGE : 0u);
        transfer(&w);
        assert_int_equal(w.largest > 1500, runs.merge > 0);
    }
}

TEST(what_is_out_of_range_is_refused, none, "")
{
    struct hf_link *pair[2];
    struct hf_runs_config runs = {.size = sizeof runs, .merge = 101};
    assert_int_equal(hf_link_pair(1500, 4, pair), 0);
    assert_int_equal(hf_link_runs(pair[0], &runs), HF_ERR_ARGUMENT);
    runs = (struct hf_runs_config){.size = sizeof runs, .cut_max = 65536};
    assert_int_equal(hf_link_runs(pair[0], &runs), HF_ERR_ARGUMENT);
    runs = (struct hf_runs_config){.cut_max = 10000};
    assert_int_equal(hf_link_runs(pair[0], &runs), HF_ERR_ARGUMENT);
    hf_link_close(pair[0]);
    hf_link_close(pair[1]);
}
