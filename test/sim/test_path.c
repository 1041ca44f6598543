/* Links of the simulator: what each setting of struct hf_sim_path does, to the nanosecond, seen by
 * two hosts without a stack that exchange numbered packets. */
#include "check.h"

#include <stdbool.h>
#include <string.h>

#include <handfast/sim.h>

#include "packets.h"

#define SEEN_MAX 20000

static struct hf_sim *sim;
static int a, b, wire;
static struct hf_sim_path path;
static struct seen {
    hf_time at;
    uint32_t number, len;
    bool intact;
} seen[SEEN_MAX];
static unsigned seen_count;

static void on_packet(void *context, struct hf_sim *s, int host, int link, const void *bytes,
                      uint32_t len)
{
    struct seen *one = &seen[seen_count++];
    const uint8_t *packet = bytes;

    (void)context;
    (void)host;
    assert_int_equal(link, wire);
    assert_true(seen_count < SEEN_MAX);
    one->at = hf_sim_now(s);
    one->len = len;
    memcpy(&one->number, packet, sizeof one->number);
    one->intact = true;
    for (uint32_t i = 4; i < len; i++)
        one->intact = one->intact && packet[i] == 0;
}

static void begin(uint64_t seed)
{
    struct hf_sim_config config;
    struct hf_sim_app app = {.on_packet = on_packet};

    hf_sim_config_init(&config);
    config.checks = 0;
    config.seed = seed;
    sim = hf_sim_create(&config);
    assert_non_null(sim);
    a = hf_sim_add_peer(sim, &app);
    b = hf_sim_add_peer(sim, &app);
    wire = hf_sim_add_link(sim, a, b, 1500, NULL);
    assert_true(wire > 0);
    hf_sim_path_init(&path);
    seen_count = 0;
}

static void set_path(void)
{
    assert_int_equal(hf_sim_set_path(sim, wire, a, &path), 0);
}

/* Send `count` packets numbered on from `first`, all at this moment. */
static void burst(uint32_t first, unsigned count, uint32_t len)
{
    uint8_t packet[1500] = {0};
    for (uint32_t i = first; i < first + count; i++) {
        memcpy(packet, &i, sizeof i);
        assert_int_equal(hf_sim_send(sim, wire, a, packet, len), 0);
    }
}

static void run(void)
{
    assert_int_equal(hf_sim_run(sim, HF_NEVER, NULL, NULL), HF_SIM_IDLE);
}

static struct hf_sim_path_counters counters(void)
{
    struct hf_sim_path_counters c;
    assert_int_equal(hf_sim_path_counters(sim, wire, a, &c), 0);
    return c;
}

TEST(a_perfect_path_takes_no_time, none, "")
{
    begin(1);
    burst(0, 3, 100);
    run();
    assert_int_equal(seen_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(seen[i].at, 0);
        assert_int_equal(seen[i].number, i);
        assert_int_equal(seen[i].len, 100);
    }
    hf_sim_destroy(sim);
}

TEST(rate_and_delay_are_exact, none, "")
{
    begin(1);
    path.rate = 8000000; /* a byte in a microsecond */
    path.delay = 5 * HF_MS;
    set_path();
    burst(0, 3, 1000);
    run();
    assert_int_equal(seen_count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(seen[i].at, 5 * HF_MS + (i + 1) * HF_MS);
    /* The line has long been free again. */
    hf_sim_run(sim, 100 * HF_MS, NULL, NULL);
    burst(3, 1, 500);
    run();
    assert_int_equal(seen[3].at, 105 * HF_MS + 500 * HF_US);
    hf_sim_destroy(sim);
}

TEST(directions_are_independent, none, "")
{
    struct hf_sim_path back;

    begin(1);
    path.delay = 7 * HF_MS;
    set_path();
    hf_sim_get_path(sim, wire, b, &back);
    assert_int_equal(back.delay, 0);
    burst(0, 1, 100);
    assert_int_equal(hf_sim_send(sim, wire, b, "back", 4), 0);
    run();
    assert_int_equal(seen[0].at, 0);
    assert_int_equal(seen[1].at, 7 * HF_MS);
    hf_sim_destroy(sim);
}

TEST(the_queue_drops_its_tail_by_packets, none, "")
{
    begin(1);
    path.rate = 8000000;
    path.queue_packets = 3;
    set_path();
    burst(0, 10, 1000); /* one is being sent, three wait, six are lost */
    run();
    assert_int_equal(seen_count, 4);
    assert_int_equal(seen[3].number, 3);
    assert_int_equal(counters().lost_queue, 6);
    hf_sim_destroy(sim);
}

TEST(the_queue_drops_its_tail_by_bytes, none, "")
{
    begin(1);
    path.rate = 8000000;
    path.queue_bytes = 1500;
    set_path();
    burst(0, 2, 1000);
    burst(2, 1, 1000); /* does not fit */
    burst(3, 1, 500);  /* just fits */
    run();
    assert_int_equal(seen_count, 3);
    assert_int_equal(seen[2].number, 3);
    assert_int_equal(seen[2].at, 2500 * HF_US);
    hf_sim_destroy(sim);
}

TEST(room_in_the_queue_comes_back_when_a_packet_begins, none, "")
{
    begin(1);
    path.rate = 8000000;
    path.queue_packets = 1;
    set_path();
    burst(0, 2, 1000);
    hf_sim_run(sim, HF_MS - 1, NULL, NULL);
    burst(2, 1, 1000);
    hf_sim_run(sim, HF_MS, NULL, NULL);
    burst(3, 1, 1000);
    run();
    assert_int_equal(seen_count, 3);
    assert_int_equal(seen[2].number, 3);
    assert_int_equal(seen[2].at, 3 * HF_MS);
    hf_sim_destroy(sim);
}

TEST(exactly_the_kth_packet_is_lost, none, "")
{
    for (unsigned k = 1; k <= 5; k++) {
        begin(k);
        path.lose_kth = k;
        set_path();
        burst(1, 5, 100);
        run();
        assert_int_equal(seen_count, 4);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(seen[i].number, i + 1 + (i + 1 >= k));
        hf_sim_destroy(sim);
    }
}

TEST(random_loss_has_its_rate, none, "")
{
    begin(check_seed());
    path.loss = 50000;
    set_path();
    burst(0, 10000, 100);
    run();
    assert_in_range(counters().lost, 350, 650);
    assert_int_equal(seen_count + counters().lost, 10000);
    hf_sim_destroy(sim);
}

TEST(bursts_lose_packets_in_a_row, none, "")
{
    unsigned runs = 0, lost = 0;

    begin(check_seed());
    path.burst_enter = 10000;
    path.burst_leave = 200000;
    path.burst_loss = 1000000;
    set_path();
    burst(0, 10000, 100);
    run();
    for (unsigned i = 1; i < seen_count; i++) {
        unsigned gap = seen[i].number - seen[i - 1].number - 1;
        runs += gap > 0;
        lost += gap;
    }
    /* About 1 in 21 packets, five in a row on average. */
    assert_in_range(lost, 250, 800);
    assert_in_range(lost / runs, 3, 8);
    hf_sim_destroy(sim);
}

TEST(jitter_stays_in_bounds_and_keeps_the_order, none, "")
{
    hf_time first = HF_NEVER, last = 0;

    begin(check_seed());
    path.delay = 10 * HF_MS;
    path.jitter = 4 * HF_MS;
    set_path();
    for (uint32_t i = 0; i < 200; i++) {
        hf_sim_run(sim, i * 20 * HF_MS, NULL, NULL);
        burst(i, 1, 100);
    }
    run();
    assert_int_equal(seen_count, 200);
    for (uint32_t i = 0; i < 200; i++) {
        hf_time took = seen[i].at - i * 20 * HF_MS;
        assert_int_equal(seen[i].number, i);
        assert_true(took >= 10 * HF_MS && took <= 14 * HF_MS);
        first = took < first ? took : first;
        last = took > last ? took : last;
    }
    assert_true(last - first > 2 * HF_MS);
    hf_sim_destroy(sim);

    begin(check_seed());
    path.jitter = 4 * HF_MS;
    set_path();
    burst(0, 200, 100);
    run();
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(seen[i].number, i);
    hf_sim_destroy(sim);
}

TEST(reordered_packets_are_overtaken_and_none_is_lost, none, "")
{
    unsigned overtaken = 0;
    bool got[1000] = {false};

    begin(check_seed());
    path.rate = 80000000;
    path.reorder = 100000;
    path.reorder_by = 2 * HF_MS;
    set_path();
    burst(0, 1000, 1000);
    run();
    assert_int_equal(seen_count, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_false(got[seen[i].number]);
        got[seen[i].number] = true;
        overtaken += i > 0 && seen[i].number < seen[i - 1].number;
    }
    assert_in_range(counters().reordered, 50, 170);
    assert_true(overtaken > 30);
    hf_sim_destroy(sim);
}

TEST(duplicates_arrive_twice, none, "")
{
    unsigned copies[1000] = {0};

    begin(check_seed());
    path.duplicate = 200000;
    set_path();
    burst(0, 1000, 100);
    run();
    assert_int_equal(seen_count, 1000 + counters().duplicated);
    assert_in_range(counters().duplicated, 120, 290);
    for (unsigned i = 0; i < seen_count; i++)
        copies[seen[i].number]++;
    for (unsigned i = 0; i < 1000; i++)
        assert_in_range(copies[i], 1, 2);
    hf_sim_destroy(sim);
}

TEST(corruption_shows_in_every_checksum, none, "A7")
{
    struct hf_sim_police *police = hf_sim_police_new(0);
    uint8_t packet[PACKET_MAX];
    struct segment_spec spec = {.from = 1, .seq = 1, .flags = SYN, .window = 1000};
    uint32_t len = make_segment(&spec, packet);

    /* Every word, many masks: the police, as any receiver, must refuse each. */
    for (uint32_t word = 0; word < len / 2; word++) {
        for (unsigned i = 0; i < 200; i++) {
            uint32_t mask = 1 + (uint32_t)check_random_below(0xfffe);
            packet[word * 2] ^= (uint8_t)(mask >> 8);
            packet[word * 2 + 1] ^= (uint8_t)mask;
            assert_non_null(hf_sim_police_sent(police, packet, len, 1500, 0));
            packet[word * 2] ^= (uint8_t)(mask >> 8);
            packet[word * 2 + 1] ^= (uint8_t)mask;
        }
    }
    assert_null(hf_sim_police_sent(police, packet, len, 1500, 0));
    hf_sim_police_free(police);

    unsigned changed = 0;
    begin(check_seed());
    path.corrupt = 300000;
    set_path();
    burst(0, 1000, 100);
    run();
    for (unsigned i = 0; i < seen_count; i++)
        changed += !seen[i].intact || seen[i].number != i;
    assert_int_equal(changed, counters().corrupted);
    assert_in_range(changed, 200, 400);
    hf_sim_destroy(sim);
}

TEST(a_partition_loses_everything_one_way_until_it_heals, none, "")
{
    begin(1);
    path.down = 1;
    set_path();
    burst(0, 5, 100);
    assert_int_equal(hf_sim_send(sim, wire, b, "back", 4), 0);
    run();
    assert_int_equal(seen_count, 1);
    assert_int_equal(seen[0].len, 4);
    assert_int_equal(counters().lost_down, 5);
    path.down = 0;
    set_path();
    burst(5, 1, 100);
    run();
    assert_int_equal(seen_count, 2);
    hf_sim_destroy(sim);
}

TEST(a_small_mtu_is_a_black_hole_or_answers, none, "")
{
    uint8_t packet[PACKET_MAX];
    struct segment_spec spec = {.from = 1, .seq = 1, .flags = ACK, .text = 1000};

    for (int version = 4; version <= 6; version += 2) {
        begin(1);
        path.mtu = 700;
        set_path();
        spec.version = version;
        uint32_t len = make_segment(&spec, packet);
        assert_int_equal(hf_sim_send(sim, wire, a, packet, len), 0);
        run();
        assert_int_equal(seen_count, 0);
        assert_int_equal(counters().lost_mtu, 1);

        path.report_mtu = 1;
        path.delay = HF_MS;
        set_path();
        assert_int_equal(hf_sim_send(sim, wire, a, packet, len), 0);
        run();
        assert_int_equal(seen_count, 1);
        assert_int_equal(seen[0].at, 2 * HF_MS);
        /* 28 + header and 8 bytes; 48 + as much as fits. */
        assert_int_equal(seen[0].len, version == 4 ? 56 : 48 + len);
        hf_sim_destroy(sim);
    }
}

TEST(a_path_may_change_while_packets_are_under_way, none, "")
{
    begin(1);
    path.delay = 10 * HF_MS;
    set_path();
    burst(0, 1, 100);
    path.delay = HF_MS;
    set_path();
    burst(1, 1, 100);
    run();
    /* The second does not overtake: only reordering does that. */
    assert_int_equal(seen[0].number, 0);
    assert_int_equal(seen[1].at, 10 * HF_MS);
    hf_sim_destroy(sim);
}
