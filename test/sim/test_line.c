/* A link by itself: packets and time in, packets out. What each setting does is test_path.c's; here
 * is that it is the same model, and what a wire adds: both ends, memory, lateness, marks. */
#include "check.h"

#include <handfast/sim.h>
#include <string.h>

#include "packets.h"

static struct hf_sim_wire *wire;
static struct hf_sim_path path;

static void begin(size_t held_max)
{
    wire = hf_sim_wire_create(7, held_max);
    assert_non_null(wire);
    hf_sim_path_init(&path);
}

static void set_path(void)
{
    assert_int_equal(hf_sim_wire_set_path(wire, 0, &path), 0);
}

static void put(int from, const void *bytes, uint32_t len, hf_time now)
{
    struct hf_packet packet;
    hf_packet_wrap(&packet, 0, bytes, len);
    hf_sim_wire_put(wire, from, &packet, now);
}

static struct hf_sim_wire_stats stats(int from)
{
    struct hf_sim_wire_stats s = {.size = sizeof s};
    assert_int_equal(hf_sim_wire_stats(wire, from, &s), 0);
    return s;
}

TEST(packets_come_out_when_their_time_has_come, none, "")
{
    struct hf_packet got[4];
    static const uint8_t bytes[1000] = {1, 2, 3};

    begin(0);
    path.rate = 8000000; /* a byte in a microsecond */
    path.delay = 5 * HF_MS;
    set_path();
    assert_true(hf_sim_wire_deadline(wire, 1) == HF_NEVER);
    for (int i = 0; i < 3; i++)
        put(0, bytes, sizeof bytes, 10 * HF_MS);
    assert_int_equal(hf_sim_wire_deadline(wire, 1), 16 * HF_MS);
    assert_true(hf_sim_wire_deadline(wire, 0) == HF_NEVER);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 4, 16 * HF_MS - 1), 0);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 4, 16 * HF_MS), 1);
    assert_int_equal(got[0].len, sizeof bytes);
    assert_memory_equal(got[0].slice[0].data, bytes, sizeof bytes);
    assert_int_equal(stats(0).held, 2);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 4, 19 * HF_MS), 2);
    assert_int_equal(stats(0).path.delivered, 3);
    assert_int_equal(stats(0).delivered_bytes, 3 * sizeof bytes);
    assert_int_equal(stats(0).late_total, 3 * HF_MS); /* the second by 2 ms, the third by 1 */
    assert_int_equal(stats(0).late_max, 2 * HF_MS);
    hf_sim_wire_destroy(wire);
}

TEST(the_two_ways_of_a_wire_are_independent, none, "")
{
    struct hf_packet got[2];

    begin(0);
    path.loss = 1000000;
    set_path();
    put(0, "lost", 4, 0);
    put(1, "back", 4, 0);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 2, HF_SEC), 0);
    assert_int_equal(hf_sim_wire_take(wire, 0, got, 2, HF_SEC), 1);
    assert_memory_equal(got[0].slice[0].data, "back", 4);
    assert_int_equal(stats(0).path.lost, 1);
    assert_int_equal(stats(1).path.delivered, 1);
    hf_sim_wire_destroy(wire);
}

TEST(what_was_taken_stays_until_the_next_take, none, "")
{
    struct hf_packet got[2], more[2];

    begin(0);
    set_path();
    put(0, "one", 3, 0);
    put(0, "two", 3, 0);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 1, 0), 1);
    put(0, "three", 5, 0);
    assert_memory_equal(got[0].slice[0].data, "one", 3);
    assert_int_equal(hf_sim_wire_take(wire, 1, more, 2, 0), 2);
    assert_memory_equal(more[1].slice[0].data, "three", 5);
    hf_sim_wire_destroy(wire); /* with packets lent */
}

TEST(a_wire_holds_no_more_than_it_may, none, "")
{
    struct hf_packet got[8];
    static const uint8_t bytes[100];

    begin(250);
    path.delay = HF_MS;
    set_path();
    for (int i = 0; i < 4; i++)
        put(0, bytes, sizeof bytes, 0);
    assert_int_equal(stats(0).path.lost_queue, 2);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 8, HF_MS), 2);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 8, HF_MS), 0); /* frees the two */
    put(0, bytes, sizeof bytes, HF_MS);
    assert_int_equal(stats(0).held, 1);
    hf_sim_wire_destroy(wire); /* with a packet under way */
}

TEST(the_same_seed_loses_the_same_packets, none, "")
{
    uint64_t seen[2] = {0, 0};
    for (int turn = 0; turn < 2; turn++) {
        begin(0);
        path.loss = 500000;
        set_path();
        for (uint8_t i = 0; i < 64; i++) {
            struct hf_packet got[1];
            put(0, &i, 1, i);
            seen[turn] = seen[turn] << 1 | hf_sim_wire_take(wire, 1, got, 1, i);
        }
        hf_sim_wire_destroy(wire);
    }
    assert_true(seen[0] == seen[1]);
    assert_true(seen[0] != 0 && seen[0] != UINT64_MAX);
}

TEST(a_long_queue_marks_those_who_speak_ecn, none, "")
{
    struct hf_packet got[8];
    uint8_t capable[PACKET_MAX], deaf[PACKET_MAX], again[PACKET_MAX];

    for (int version = 4; version <= 6; version += 2) {
        struct segment_spec spec = {.from = 1, .version = version, .flags = ACK, .text = 1000};
        uint32_t len = make_segment(&spec, capable);
        memcpy(deaf, capable, len);
        if (version == 4)
            capable[1] |= 2; /* ECT(0) */
        else
            capable[1] |= 2 << 4;
        fix_checksums(capable, len);
        begin(0);
        path.rate = 8000000;
        path.mark_bytes = 1500;
        set_path();
        put(0, capable, len, 0); /* is being sent */
        put(0, capable, len, 0); /* nothing waits before it */
        put(0, capable, len, 0); /* less than the threshold */
        put(0, capable, len, 0);
        put(0, deaf, len, 0);
        assert_int_equal(hf_sim_wire_take(wire, 1, got, 8, HF_SEC), 5);
        for (int i = 0; i < 3; i++)
            assert_memory_equal(got[i].slice[0].data, capable, len);
        const uint8_t *marked = got[3].slice[0].data;
        assert_int_equal((version == 4 ? marked[1] : marked[1] >> 4) & 3, 3);
        memcpy(again, marked, len);
        fix_checksums(again, len);
        assert_memory_equal(marked, again, len); /* its sum was right */
        assert_memory_equal(got[4].slice[0].data, deaf, len);
        assert_int_equal(stats(0).path.marked, 1);
        hf_sim_wire_destroy(wire);
    }
}

TEST(a_router_on_the_wire_says_that_a_packet_is_too_large, none, "")
{
    struct hf_packet got[2];
    uint8_t packet[PACKET_MAX];
    struct segment_spec spec = {.from = 1, .flags = ACK, .text = 1400};

    begin(0);
    path.delay = 3 * HF_MS;
    path.mtu = 1280;
    path.report_mtu = 1;
    set_path();
    uint32_t len = make_segment(&spec, packet);
    packet[6] |= 0x40; /* do not fragment */
    fix_checksums(packet, len);
    put(0, packet, len, 0);
    assert_int_equal(hf_sim_wire_take(wire, 1, got, 2, HF_SEC), 0);
    assert_int_equal(hf_sim_wire_deadline(wire, 0), 6 * HF_MS);
    assert_int_equal(hf_sim_wire_take(wire, 0, got, 2, HF_SEC), 1);
    assert_int_equal(got[0].slice[0].data[9], 1);  /* ICMP */
    assert_int_equal(got[0].slice[0].data[20], 3);
    assert_int_equal(got[0].slice[0].data[21], 4);
    assert_int_equal(stats(0).path.lost_mtu, 1);
    assert_int_equal(stats(1).path.delivered, 0); /* nobody's packet */
    hf_sim_wire_destroy(wire);
}

TEST(wrong_arguments_are_refused, none, "")
{
    struct hf_sim_wire_stats s = {.size = sizeof s};

    begin(0);
    assert_int_equal(hf_sim_wire_set_path(wire, 2, &path), HF_ERR_ARGUMENT);
    assert_int_equal(hf_sim_wire_stats(wire, -1, &s), HF_ERR_ARGUMENT);
    path.size = 1;
    assert_int_equal(hf_sim_wire_set_path(wire, 0, &path), HF_ERR_ARGUMENT);
    s.size = 1;
    assert_int_equal(hf_sim_wire_stats(wire, 0, &s), HF_ERR_ARGUMENT);
    hf_sim_wire_destroy(wire);
    hf_sim_wire_destroy(NULL);
}
