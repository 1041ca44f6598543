/* The walk through virtual time, the filter, packets by hand, and that a run repeats: with hosts
 * that have no stack, so that nothing but the simulator is tested. */
#include "check.h"

#include <string.h>

#include <handfast/sim.h>

#include "packets.h"

static struct hf_sim *sim;
static int a, b, wire;
static char story[256]; /* what happened, in order */

static void tell(const char *what)
{
    assert_true(strlen(story) + strlen(what) < sizeof story - 1);
    strcat(story, what);
    strcat(story, " ");
}

static void on_packet(void *context, struct hf_sim *s, int host, int link, const void *bytes,
                      uint32_t len)
{
    char text[32] = {0};
    (void)context;
    (void)s;
    (void)host;
    (void)link;
    memcpy(text, bytes, len < sizeof text ? len : sizeof text - 1);
    tell(text);
}

static void on_wake(void *context, struct hf_sim *s, int host, uint64_t value)
{
    char text[8] = {(char)('0' + value), 0};
    (void)context;
    (void)host;
    tell(text);
    if (value == 7)
        assert_int_equal(hf_sim_send(s, wire, a, "seven", 5), 0);
}

static void begin(void)
{
    struct hf_sim_config config;
    struct hf_sim_app app = {.on_packet = on_packet, .on_wake = on_wake};

    hf_sim_config_init(&config);
    config.checks = 0;
    sim = hf_sim_create(&config);
    a = hf_sim_add_peer(sim, &app);
    b = hf_sim_add_peer(sim, &app);
    wire = hf_sim_add_link(sim, a, b, 1500, NULL);
    assert_true(a == 1 && b == 2 && wire == 1);
    story[0] = 0;
}

static void set_delay(hf_time delay)
{
    struct hf_sim_path path;
    hf_sim_path_init(&path);
    path.delay = delay;
    assert_int_equal(hf_sim_set_path(sim, wire, a, &path), 0);
}

TEST(time_moves_from_instant_to_instant, none, "")
{
    begin();
    set_delay(3 * HF_MS);
    assert_int_equal(hf_sim_step(sim), HF_SIM_IDLE);
    hf_sim_wake(sim, a, 5 * HF_MS, 7);
    hf_sim_wake(sim, b, 2 * HF_MS, 1);
    hf_sim_wake(sim, b, 8 * HF_MS, 2);
    assert_int_equal(hf_sim_step(sim), HF_SIM_RUNNING);
    assert_int_equal(hf_sim_now(sim), 2 * HF_MS);
    assert_int_equal(hf_sim_run(sim, 6 * HF_MS, NULL, NULL), HF_SIM_UNTIL);
    assert_int_equal(hf_sim_now(sim), 6 * HF_MS);
    assert_string_equal(story, "1 7 ");
    assert_int_equal(hf_sim_run(sim, HF_NEVER, NULL, NULL), HF_SIM_IDLE);
    assert_int_equal(hf_sim_now(sim), 8 * HF_MS);
    /* The wake was planned before the packet that arrives at the same instant. */
    assert_string_equal(story, "1 7 2 seven ");
    assert_int_equal(hf_sim_run(sim, HF_SEC, NULL, NULL), HF_SIM_IDLE);
    assert_int_equal(hf_sim_now(sim), HF_SEC);
    hf_sim_destroy(sim);
}

static int told_two(void *context, struct hf_sim *s)
{
    (void)context;
    (void)s;
    return strstr(story, "2") != NULL;
}

TEST(a_run_ends_when_its_predicate_is_true, none, "")
{
    begin();
    for (uint64_t i = 1; i <= 4; i++)
        hf_sim_wake(sim, a, (hf_time)i * HF_MS, i);
    assert_int_equal(hf_sim_run(sim, HF_SEC, told_two, NULL), HF_SIM_DONE);
    assert_int_equal(hf_sim_now(sim), 2 * HF_MS);
    assert_string_equal(story, "1 2 ");
    hf_sim_destroy(sim);
}

/* Drops "d...", holds "h...", writes "X" over the first byte of "c...". */
static uint64_t held;
static enum hf_sim_verdict filter(void *context, struct hf_sim *s, struct hf_sim_packet *packet)
{
    assert_ptr_equal(context, &held);
    assert_ptr_equal(s, sim);
    assert_int_equal(packet->from, a);
    assert_int_equal(packet->to, b);
    switch (packet->bytes[0]) {
    case 'd': return HF_SIM_DROP;
    case 'h': held = packet->serial; return HF_SIM_HOLD;
    case 'c':
        packet->bytes[0] = 'X';
        packet->bytes[packet->len++] = '!';
        return HF_SIM_PASS;
    default: return HF_SIM_PASS;
    }
}

TEST(a_filter_drops_holds_and_alters, none, "")
{
    struct hf_sim_path_counters counters;

    begin();
    hf_sim_set_filter(sim, filter, &held);
    hf_sim_send(sim, wire, a, "held", 4);
    hf_sim_send(sim, wire, a, "drop", 4);
    hf_sim_send(sim, wire, a, "cat", 3);
    hf_sim_send(sim, wire, a, "plain", 5);
    hf_sim_run(sim, HF_SEC, NULL, NULL);
    assert_string_equal(story, "Xat! plain ");
    assert_int_equal(hf_sim_release(sim, held), 0);
    assert_int_equal(hf_sim_release(sim, held), HF_ERR_ARGUMENT);
    hf_sim_run(sim, HF_NEVER, NULL, NULL);
    assert_string_equal(story, "Xat! plain held ");
    hf_sim_path_counters(sim, wire, a, &counters);
    assert_int_equal(counters.lost_filter, 1);
    assert_int_equal(counters.delivered, 3);
    /* One that nobody releases goes with the simulation. */
    hf_sim_send(sim, wire, a, "held", 4);
    hf_sim_destroy(sim);
}

TEST(an_injected_packet_arrives_at_its_time, none, "")
{
    begin();
    assert_int_equal(hf_sim_inject(sim, wire, b, 5 * HF_MS, "in", 2), 0);
    hf_sim_run(sim, HF_NEVER, NULL, NULL);
    assert_string_equal(story, "in ");
    assert_int_equal(hf_sim_now(sim), 5 * HF_MS);
    assert_int_equal(hf_sim_inject(sim, wire, b, 0, "in", 2), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_inject(sim, 9, b, HF_SEC, "in", 2), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_inject(sim, wire, 9, HF_SEC, "in", 2), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_inject(sim, wire, b, HF_SEC, "in", 0), HF_ERR_ARGUMENT);
    hf_sim_destroy(sim);
}

TEST(the_first_failure_ends_the_run_and_stays, none, "")
{
    begin();
    hf_sim_wake(sim, a, HF_SEC, 1);
    assert_null(hf_sim_failure(sim));
    hf_sim_run(sim, 1234567, NULL, NULL);
    hf_sim_fail(sim, b, "first");
    hf_sim_fail(sim, b, "second");
    assert_string_equal(hf_sim_failure(sim), "0.001234567 s, host 2: first");
    assert_int_equal(hf_sim_run(sim, HF_NEVER, NULL, NULL), HF_SIM_FAILED);
    assert_int_equal(hf_sim_step(sim), HF_SIM_FAILED);
    assert_int_equal(hf_sim_now(sim), 1234567);
    hf_sim_destroy(sim);
}

TEST(addresses_are_where_the_header_says, none, "")
{
    struct hf_addr addr;
    char text[HF_ADDR_TEXT];

    begin();
    assert_int_equal(hf_sim_address(sim, wire, a, HF_IPV4, &addr), 0);
    assert_string_equal(hf_addr_format(&addr, text), "10.0.1.1");
    assert_int_equal(hf_sim_address(sim, wire, b, HF_IPV6, &addr), 0);
    assert_string_equal(hf_addr_format(&addr, text), "fd00::1:2");
    assert_int_equal(hf_sim_address(sim, wire, 3, HF_IPV4, &addr), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_address(sim, 2, a, HF_IPV4, &addr), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_stack_link(sim, wire, b), 1);
    hf_sim_destroy(sim);
}

TEST(wrong_arguments_are_refused, none, "")
{
    struct hf_sim_path path = {0};

    begin();
    assert_int_equal(hf_sim_add_link(sim, a, a, 1500, NULL), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_add_link(sim, a, 3, 1500, NULL), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_add_link(sim, a, b, 67, NULL), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_add_link(sim, a, b, 65536, NULL), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_set_path(sim, wire, a, &path), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_wake(sim, 3, 0, 0), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_send(sim, wire, 3, "x", 1), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_end_host(sim, a), HF_ERR_ARGUMENT);
    assert_null(hf_sim_stack(sim, a));
    hf_sim_destroy(sim);
    hf_sim_destroy(NULL);
}

/* A run full of chance: 300 packets under every fault. */
static uint64_t hash_of(uint64_t seed)
{
    struct hf_sim_config config;
    struct hf_sim_app app = {.on_packet = NULL};
    struct hf_sim_path path;
    uint64_t random = 5, hash;

    hf_sim_config_init(&config);
    config.checks = 0;
    config.seed = seed;
    sim = hf_sim_create(&config);
    a = hf_sim_add_peer(sim, &app);
    b = hf_sim_add_peer(sim, &app);
    hf_sim_path_init(&path);
    path.loss = path.duplicate = path.reorder = path.corrupt = 100000;
    path.jitter = path.reorder_by = HF_MS;
    wire = hf_sim_add_link(sim, a, b, 1500, &path);
    hash = seed;
    for (int i = 0; i < 300; i++) {
        uint8_t bytes[16];
        struct hf_sim_path_counters counters;
        memset(bytes, (int)hf_sim_random_below(&random, 256), sizeof bytes);
        hf_sim_send(sim, wire, a, bytes, sizeof bytes);
        hf_sim_step(sim);
        hf_sim_path_counters(sim, wire, a, &counters);
        hash = hash * 31 + (uint64_t)hf_sim_now(sim) + counters.lost + counters.corrupted;
    }
    hash ^= hf_sim_hash(sim);
    hf_sim_destroy(sim);
    return hash;
}

TEST(a_seed_repeats_and_another_differs, none, "")
{
    uint64_t seed = check_seed();
    assert_true(hash_of(seed) == hash_of(seed));
    assert_true(hash_of(seed) != hash_of(seed + 1));
}

TEST(the_hash_is_the_same_on_every_machine, none, "")
{
    begin();
    hf_sim_send(sim, wire, a, "handfast", 8);
    hf_sim_send(sim, wire, b, "0123456789", 10);
    assert_true(hf_sim_hash(sim) == 0x22b13d611f56abb2u);
    hf_sim_destroy(sim);
}
