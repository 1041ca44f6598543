/* Hosts with real stacks: driven as by a host, each packet of a transfer lost once, a byte altered
 * behind the checksum's back, a stack destroyed in mid-flow. */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

#include "packets.h"

static struct hf_sim *sim;
static int client, server, wire;
static hf_listener listener;
static hf_conn conn[2];
static struct hf_sim_oracle oracle;
static uint32_t cause[2], events;
static uint64_t to_send;
static struct {
    uint32_t gso_max;
    uint8_t merge, stack_merges;
} runs;

static void on_client(void *context, struct hf_sim *s, int host, const struct hf_event *event)
{
    uint8_t buf[1000];
    int64_t n = 1;

    (void)context;
    events |= event->bits;
    if (event->bits & HF_EVENT_ENDED)
        cause[0] = event->cause;
    while (to_send > oracle.sent && n > 0) {
        size_t len = to_send - oracle.sent < sizeof buf ? (size_t)(to_send - oracle.sent)
                                                        : sizeof buf;
        hf_sim_oracle_next(&oracle, buf, len);
        n = hf_tcp_send(hf_sim_stack(s, host), conn[0], buf, len, 0);
        if (n > 0)
            hf_sim_oracle_sent(&oracle, (size_t)n);
    }
    if (to_send == oracle.sent && !oracle.ended) {
        hf_sim_oracle_end(&oracle);
        assert_int_equal(hf_tcp_shutdown(hf_sim_stack(s, host), conn[0]), 0);
    }
}

static void on_server(void *context, struct hf_sim *s, int host, const struct hf_event *event)
{
    struct hf_stack *stack = hf_sim_stack(s, host);
    uint8_t buf[1000];
    int64_t n;

    (void)context;
    if (event->handle == listener) {
        assert_int_equal(hf_tcp_accept(stack, listener, 0, &conn[1]), 1);
        return;
    }
    if (event->bits & HF_EVENT_ENDED)
        cause[1] = event->cause;
    while ((n = hf_tcp_recv(stack, conn[1], buf, sizeof buf)) > 0)
        if (hf_sim_oracle_received(&oracle, buf, (size_t)n) != HF_SIM_ORACLE_FINE)
            hf_sim_fail(s, host, hf_sim_oracle_text(oracle.fault));
    if (n == HF_EOF && !oracle.eof) {
        if (hf_sim_oracle_eof(&oracle) != HF_SIM_ORACLE_FINE)
            hf_sim_fail(s, host, hf_sim_oracle_text(oracle.fault));
        hf_tcp_shutdown(stack, conn[1]);
    }
}

static int add_host(void (*on_event)(void *, struct hf_sim *, int, const struct hf_event *))
{
    struct hf_sim_host_config config;
    hf_sim_host_config_init(&config);
    config.stack.settings = *hf_settings_rfc();
    config.app.on_event = on_event;
    config.gso_max = runs.gso_max;
    config.merge = runs.merge;
    config.stack_merges = runs.stack_merges;
    int host = hf_sim_add_host(sim, &config);
    assert_true(host > 0);
    return host;
}

static void begin(enum hf_family family, uint64_t bytes)
{
    struct hf_sim_config config;
    struct hf_sim_path path;
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 4};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};

    hf_sim_config_init(&config);
    sim = hf_sim_create(&config);
    hf_sim_oracle_init(&oracle, 3);
    cause[0] = cause[1] = events = 0;
    to_send = bytes;
    client = add_host(on_client);
    server = add_host(on_server);
    hf_sim_path_init(&path);
    path.delay = 5 * HF_MS;
    wire = hf_sim_add_link(sim, client, server, 1500, &path);
    assert_true(wire > 0);
    assert_int_equal(hf_tcp_listen(hf_sim_stack(sim, server), &listen, &listener), 0);
    hf_sim_address(sim, wire, server, family, &open.remote.addr);
    assert_int_equal(hf_tcp_open(hf_sim_stack(sim, client), &open, &conn[0]), 0);
}

static void lose(int from, uint64_t kth)
{
    struct hf_sim_path path;
    hf_sim_get_path(sim, wire, from, &path);
    path.lose_kth = kth;
    hf_sim_set_path(sim, wire, from, &path);
}

/* Everything is over: nothing was wrong, both ended well, and all memory came back. */
static void all_is_well(void)
{
    if (hf_sim_failure(sim))
        fail_msg("%s", hf_sim_failure(sim));
    assert_true(hf_sim_oracle_complete(&oracle));
    assert_int_equal(cause[0], HF_CAUSE_CLOSED);
    assert_int_equal(cause[1], HF_CAUSE_CLOSED);
    assert_int_equal(hf_sim_end_host(sim, client), 0);
    assert_int_equal(hf_sim_end_host(sim, server), 0);
    hf_sim_destroy(sim);
}

TEST(a_transfer_comes_to_its_end, rfc, "")
{
    for (int family = HF_IPV4; family <= HF_IPV6; family += HF_IPV6 - HF_IPV4) {
        begin((enum hf_family)family, 100000);
        hf_sim_run(sim, HF_NEVER, NULL, NULL);
        assert_true(events & HF_EVENT_CONNECTED);
        all_is_well();
    }
}

/* Runs cut on their way out and merged on their way in, by links or by the stack, all of it or here
 * and there: always the same bytes. */
TEST(a_transfer_in_runs_of_every_pattern, rfc, "")
{
    static const uint32_t largest[] = {0, 4500, 20000, 65535};
    static const uint8_t merges[] = {0, 30, 100};
    for (size_t i = 0; i < 4 * 3 * 2; i++) {
        struct hf_sim_counters counters;
        runs.gso_max = largest[i % 4];
        runs.merge = merges[i / 4 % 3];
        runs.stack_merges = (uint8_t)(i / 12);
        begin(i % 2 ? HF_IPV6 : HF_IPV4, 300000);
        lose(client, 20 + i);
        hf_sim_run(sim, HF_NEVER, NULL, NULL);
        hf_sim_counters(sim, &counters);
        assert_int_equal(counters.cut > 0, runs.gso_max > 0);
        assert_int_equal(counters.merged > 0, runs.merge > 0);
        struct hf_stack_counters stack;
        hf_stack_counters(hf_sim_stack(sim, server), &stack);
        assert_true(runs.stack_merges || stack.segments_merged == 0);
        assert_true(!runs.stack_merges || runs.merge || stack.segments_merged > 0);
        all_is_well();
    }
    memset(&runs, 0, sizeof runs);
}

TEST(each_packet_may_be_lost, rfc, "")
{
    uint64_t most = check_soak() ? 200 : 25;

    for (uint64_t k = 1; k <= most; k++) {
        begin(HF_IPV4, most * 1000);
        lose(client, k);
        hf_sim_run(sim, HF_NEVER, NULL, NULL);
        all_is_well();
        begin(HF_IPV4, most * 1000);
        lose(server, k);
        hf_sim_run(sim, HF_NEVER, NULL, NULL);
        all_is_well();
    }
}

TEST(each_pair_of_packets_may_be_lost, rfc, "")
{
    uint64_t most = check_soak() ? 40 : 8;

    for (uint64_t k = 1; k <= most; k++) {
        for (uint64_t j = 1; j <= most; j++) {
            begin(HF_IPV4, 5000);
            lose(client, k);
            lose(server, j);
            hf_sim_run(sim, HF_NEVER, NULL, NULL);
            all_is_well();
        }
    }
}

/* One byte of text is changed and the checksum made right again: only the oracle can tell. */
static enum hf_sim_verdict forge(void *context, struct hf_sim *s, struct hf_sim_packet *packet)
{
    (void)context;
    (void)s;
    if (packet->from == client && packet->len > 1000) {
        packet->bytes[packet->len - 500] ^= 1;
        fix_checksums(packet->bytes, packet->len);
    }
    return HF_SIM_PASS;
}

TEST(a_forged_byte_does_not_pass_the_oracle, rfc, "")
{
    begin(HF_IPV4, 20000);
    hf_sim_set_filter(sim, forge, NULL);
    assert_int_equal(hf_sim_run(sim, HF_NEVER, NULL, NULL), HF_SIM_FAILED);
    assert_non_null(strstr(hf_sim_failure(sim), "does not belong at this offset"));
    hf_sim_destroy(sim);
}

TEST(corruption_that_the_checksum_shows_is_repaired, rfc, "A7")
{
    struct hf_sim_path path;

    begin(HF_IPV4, 100000);
    hf_sim_get_path(sim, wire, client, &path);
    path.corrupt = 200000;
    hf_sim_set_path(sim, wire, client, &path);
    hf_sim_run(sim, HF_NEVER, NULL, NULL);
    all_is_well();
}

TEST(a_stack_may_be_destroyed_in_mid_flow, rfc, "")
{
    for (hf_time at = 0; at < 60 * HF_MS; at += 3 * HF_MS) {
        begin(HF_IPV4, 1000000);
        hf_sim_run(sim, at, NULL, NULL);
        assert_int_equal(hf_sim_end_host(sim, server), 0);
        assert_null(hf_sim_stack(sim, server));
        assert_int_equal(hf_sim_end_host(sim, server), HF_ERR_ARGUMENT);
        hf_sim_run(sim, HF_NEVER, NULL, NULL);
        if (hf_sim_failure(sim))
            fail_msg("%s", hf_sim_failure(sim));
        /* Nobody answers any more: a time-out, whichever applies. */
        assert_true(cause[0] == HF_CAUSE_OPEN_TIMEOUT ||
                    cause[0] == HF_CAUSE_RETRANSMIT_TIMEOUT);
        assert_int_equal(hf_sim_end_host(sim, client), 0);
        hf_sim_destroy(sim);
    }
}

TEST(the_same_run_has_the_same_hash, rfc, "")
{
    uint64_t hash[2];
    for (int i = 0; i < 2; i++) {
        begin(HF_IPV6, 50000);
        lose(client, 7);
        hf_sim_run(sim, HF_NEVER, NULL, NULL);
        hash[i] = hf_sim_hash(sim);
        all_is_well();
    }
    assert_true(hash[0] == hash[1]);
}

TEST(bad_host_configurations_are_refused, none, "")
{
    struct hf_sim_host_config config;

    begin(HF_IPV4, 1);
    hf_sim_host_config_init(&config);
    config.batch = 65;
    assert_int_equal(hf_sim_add_host(sim, &config), HF_ERR_ARGUMENT);
    hf_sim_host_config_init(&config);
    config.size = 1;
    assert_int_equal(hf_sim_add_host(sim, &config), HF_ERR_ARGUMENT);
    hf_sim_host_config_init(&config);
    config.stack.memory_limit = 1;
    assert_int_equal(hf_sim_add_host(sim, &config), HF_ERR_ARGUMENT);
    assert_null(hf_sim_host_allocator(sim, 99));
    assert_non_null(hf_sim_host_allocator(sim, client));
    hf_sim_destroy(sim);
}
