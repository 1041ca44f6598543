/* A link behind a wire: in virtual time over a pair, and by this machine's clock over a TUN device
 * that a namespace of the test's own gives. */
#include "check.h"

#include <handfast/link.h>
#include <handfast/sim.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct hf_link *pair[2], *through;
static struct hf_sim_wire *wire;
static struct hf_sim_path path;
static hf_time now;

static hf_time clock_now(void *context)
{
    return *(hf_time *)context;
}

static void begin(void)
{
    char error[HF_ERROR_TEXT] = "";
    now = HF_SEC;
    assert_int_equal(hf_link_pair(1500, 64, pair), 0);
    wire = hf_sim_wire_create(1, 0);
    hf_sim_path_init(&path);
    struct hf_through_config config = {
        .size = sizeof config, .inner = pair[0], .wire = wire, .now = clock_now, .context = &now};
    through = hf_link_through(&config, error);
    if (!through)
        fail_msg("%s", error);
}

static void end(void)
{
    hf_link_close(through); /* and with it pair[0] and the wire */
    hf_link_close(pair[1]);
}

static void set_paths(void)
{
    assert_int_equal(hf_sim_wire_set_path(wire, 0, &path), 0);
    assert_int_equal(hf_sim_wire_set_path(wire, 1, &path), 0);
}

static int64_t send_text(struct hf_link *link, const char *text)
{
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, text, (uint32_t)strlen(text));
    return hf_link_send(link, &packet, 1);
}

TEST(it_looks_like_the_link_behind_it, none, "")
{
    begin();
    assert_int_equal(hf_link_mtu(through), 1500);
    assert_string_equal(hf_link_name(through), hf_link_name(pair[0]));
    assert_int_equal(hf_link_descriptor(through), -1);
    end();
}

TEST(packets_take_their_time_both_ways, none, "")
{
    struct hf_packet got[4];
    begin();
    path.delay = 5 * HF_MS;
    set_paths();
    assert_int_equal(send_text(through, "out"), 1);
    assert_int_equal(send_text(pair[1], "in"), 1);
    assert_int_equal(hf_link_receive(through, got, 4), 0);
    assert_int_equal(hf_link_receive(pair[1], got, 4), 0);
    assert_int_equal(hf_sim_wire_deadline(wire, 0), now + 5 * HF_MS);
    now += 5 * HF_MS;
    assert_int_equal(hf_link_receive(through, got, 4), 1);
    assert_memory_equal(got[0].slice[0].data, "in", 2);
    assert_int_equal(hf_link_receive(pair[1], got, 4), 1);
    assert_memory_equal(got[0].slice[0].data, "out", 3);
    end();
}

TEST(what_the_path_loses_counts_as_sent, none, "")
{
    struct hf_packet got[4];
    begin();
    path.loss = 1000000;
    set_paths();
    assert_int_equal(send_text(through, "out"), 1);
    assert_int_equal(hf_link_receive(pair[1], got, 4), 0);
    assert_int_equal(hf_link_lost(through), 0);
    end();
}

TEST(what_the_link_behind_cannot_take_is_counted, none, "")
{
    struct hf_packet packets[65];
    begin();
    for (int i = 0; i < 65; i++)
        hf_packet_wrap(&packets[i], 1, "full", 4);
    assert_int_equal(hf_link_send(through, packets, 65), 65);
    assert_int_equal(hf_link_lost(through), 1); /* the pair's queue has room for 64 */
    end();
}

TEST(the_end_of_the_link_behind_is_told, none, "")
{
    struct hf_packet got[1];
    begin();
    hf_link_close(pair[1]);
    assert_int_equal(hf_link_receive(through, got, 1), HF_ERR_STATE);
    assert_int_equal(send_text(through, "out"), HF_ERR_STATE);
    hf_link_close(through);
}

TEST(a_link_without_descriptor_wants_a_clock, none, "")
{
    char error[HF_ERROR_TEXT] = "";
    assert_int_equal(hf_link_pair(1500, 4, pair), 0);
    wire = hf_sim_wire_create(1, 0);
    struct hf_through_config config = {.size = sizeof config, .inner = pair[0], .wire = wire};
    assert_null(hf_link_through(&config, error));
    assert_true(strlen(error) > 0);
    hf_sim_wire_destroy(wire);
    hf_link_close(pair[0]);
    hf_link_close(pair[1]);
}

static hf_time monotonic(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (hf_time)t.tv_sec * HF_SEC + t.tv_nsec;
}

/* The kernel sends of itself when a device comes up (IPv6); more is not asked of it here. */
TEST(on_this_machine_the_descriptor_rings_in_time, none, "")
{
    char error[HF_ERROR_TEXT] = "";
    struct hf_packet got[8];
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        check_skip("no /dev/net/tun");
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        check_skip("no network namespaces");
    struct hf_tun_config tun = {.size = sizeof tun, .name = "hfp0"};
    struct hf_through_config config = {.size = sizeof config};
    config.inner = hf_link_tun(&tun, error);
    config.wire = wire = hf_sim_wire_create(1, 0);
    assert_non_null(config.inner);
    through = hf_link_through(&config, error);
    assert_non_null(through);
    hf_sim_path_init(&path);
    path.delay = 20 * HF_MS;
    set_paths();
    struct pollfd ready = {.fd = hf_link_descriptor(through), .events = POLLIN};
    while (hf_link_receive(through, got, 8) > 0) {
    }
    hf_time sent = monotonic();
    static const uint8_t any[40] = {0x60, 0, 0, 0, 0, 0, 59, 64, 0xfd, [24] = 0xfd};
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, any, sizeof any);
    assert_int_equal(hf_link_send(through, &packet, 1), 1);
    while (hf_sim_wire_deadline(wire, 1) != HF_NEVER) {
        assert_int_equal(poll(&ready, 1, 5000), 1);
        (void)hf_link_receive(through, got, 8);
    }
    assert_true(monotonic() - sent >= 20 * HF_MS);
    hf_link_close(through);
}
