/* Packet sockets and AF_XDP on the ends of a veth pair, in a network namespace of the test's own: what
 * arrives, what is kept out, and what becomes of a link whose interface fails. Skipped where no
 * namespace or no pair can be made. */
#include "check.h"

#include <handfast/link.h>
#include <handfast/stack.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/bytes.h"

enum kind { PACKET, XDP };

static void run(const char *command)
{
    if (system(command) != 0) // NOLINT(cert-env33-c)
        check_skip(command);
}

/* A fresh pair va - vb, both up. */
static void pair_up(void)
{
    static bool inside;
    if (!inside && unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        check_skip("no network namespaces");
    inside = true;
    (void)!system("ip link del va 2>/dev/null"); // NOLINT(cert-env33-c)
    run("ip link add va type veth peer name vb 2>/dev/null");
    run("ip link set va up && ip link set vb up");
}

static struct hf_addr_prefix address(const char *text)
{
    struct hf_addr_prefix p = {.prefix = 24};
    assert_int_equal(hf_addr_parse(text, &p.addr), 0);
    return p;
}

static struct hf_link *open_as(enum kind kind, const char *name, const char *addr, uint32_t mtu,
                               char *error)
{
    struct hf_addr_prefix addrs[2] = {address(addr), address("fd00::1")};
    struct hf_interface_config config = {.size = sizeof config,
                                         .name = name,
                                         .mtu = mtu,
                                         .offload = HF_OFFLOAD_AUTO,
                                         .addrs = addrs,
                                         .addr_count = 2};
    return kind == PACKET ? hf_link_packet(&config, error) : hf_link_xdp(&config, error);
}

static struct hf_link *open_link(enum kind kind, const char *name, const char *addr)
{
    char error[HF_ERROR_TEXT] = "";
    struct hf_link *link = open_as(kind, name, addr, 0, error);
    if (!link && kind == XDP)
        check_skip(error);
    if (!link)
        fail_msg("%s", error);
    uint8_t mac[6];
    assert_int_equal(hf_link_mac(link, mac), HF_LINK_ETHERNET);
    return link;
}

/* A frame to 10.0.0.N: a TCP segment of `text` octets, or another type. */
static uint32_t make_frame(uint8_t *bytes, uint8_t to, uint16_t type, uint32_t text)
{
    memset(bytes, 0, 54);
    memset(bytes, 0xff, 6);
    bytes[6] = 2;
    hf_put16(bytes + 12, type);
    uint8_t *ip = bytes + 14;
    ip[0] = 0x45;
    hf_put16(ip + 2, 40 + text);
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, (uint8_t[8]){10, 0, 0, 99, 10, 0, 0, to}, 8);
    ip[32] = 0x50;
    for (uint32_t i = 0; i < text; i++)
        bytes[54 + i] = (uint8_t)(i * 7);
    return 54 + text;
}

static int64_t send_frame(struct hf_link *link, uint8_t to, uint16_t type, uint32_t text)
{
    static uint8_t bytes[70000];
    struct hf_packet packet;
    hf_packet_wrap(&packet, 0, bytes, make_frame(bytes, to, type, text));
    return hf_link_send(link, &packet, 1);
}

/* The next frame; false: none within so long. */
static bool receive(struct hf_link *link, struct hf_packet *packet, int ms)
{
    for (int tries = 0; tries < 20; tries++) {
        int64_t n = hf_link_receive(link, packet, 1);
        if (n != 0)
            return n == 1;
        struct pollfd ready = {.fd = hf_link_descriptor(link), .events = POLLIN};
        if (poll(&ready, 1, ms) == 0)
            return false;
    }
    return false;
}

/* The next that is one of ours (the kernel talks, too): from station 02:00:00:00:00:00. */
static bool receive_ours(struct hf_link *link, struct hf_packet *packet)
{
    static const uint8_t station[6] = {2};
    while (receive(link, packet, 300))
        if (memcmp(packet->slice[0].data + 6, station, 6) == 0)
            return true;
    return false;
}

/* What is for us comes, as it was sent; what is for others, or tagged, does not. */
static void frames_for_us(enum kind kind)
{
    pair_up();
    struct hf_link *here = open_link(kind, "va", "10.0.0.1");
    struct hf_link *there = open_link(PACKET, "vb", "10.0.0.2");
    struct hf_packet packet;
    uint8_t wanted[2000];
    for (uint32_t text = 0; text <= 1460; text += 365) {
        assert_int_equal(send_frame(there, 7, 0x0800, 10), 1); /* for somebody else */
        assert_int_equal(send_frame(there, 1, 0x8100, 10), 1); /* tagged, as far as it goes */
        assert_int_equal(send_frame(there, 1, 0x0800, text), 1);
        assert_true(receive_ours(here, &packet));
        uint32_t len = make_frame(wanted, 1, 0x0800, text);
        assert_int_equal(packet.len, len);
        assert_memory_equal(packet.slice[0].data, wanted, len);
        assert_int_equal(packet.segments, 1);
    }
    assert_false(receive_ours(here, &packet));
    /* And back. */
    assert_int_equal(send_frame(here, 2, 0x0800, 500), 1);
    assert_true(receive_ours(there, &packet));
    assert_int_equal(packet.len, 554);
    assert_int_equal(hf_link_lost(here), 0);
    hf_link_close(here);
    hf_link_close(there);
}

TEST(packet_frames_for_us, none, "")
{
    frames_for_us(PACKET);
}

TEST(xdp_frames_for_us, none, "")
{
    frames_for_us(XDP);
}

/* Far more than the rings have frames: each is given back and used again. */
TEST(xdp_frames_go_round, none, "")
{
    pair_up();
    struct hf_link *here = open_link(XDP, "va", "10.0.0.1");
    struct hf_link *there = open_link(XDP, "vb", "10.0.0.2");
    unsigned got = 0;
    for (unsigned i = 0; i < 10000; i++) {
        struct hf_packet packet;
        assert_int_equal(send_frame(i & 1 ? here : there, i & 1 ? 2 : 1, 0x0800, i % 1400), 1);
        if (receive_ours(i & 1 ? there : here, &packet)) {
            assert_int_equal(packet.len, 54 + i % 1400);
            got++;
        }
    }
    assert_int_equal(got, 10000);
    assert_int_equal(hf_link_lost(here) + hf_link_lost(there), 0);
    hf_link_close(here);
    hf_link_close(there);
}

/* A run of segments with an open checksum crosses in one piece. */
TEST(packet_super_segments, none, "A8")
{
    pair_up();
    struct hf_link *here = open_link(PACKET, "va", "10.0.0.1");
    struct hf_link *there = open_link(PACKET, "vb", "10.0.0.2");
    assert_true(hf_link_features(there) & HF_LINK_CHECKSUM_OUT);
    if (hf_link_gso_max(there) == 0)
        check_skip("no virtio-net header on packet sockets");
    static uint8_t bytes[60054];
    struct hf_packet packet;
    hf_packet_wrap(&packet, 0, bytes, make_frame(bytes, 1, 0x0800, 60000));
    packet.segments = 60;
    packet.segment_bytes = 1000;
    packet.checksum = HF_CHECKSUM_PARTIAL;
    packet.checksum_start = 34;
    packet.checksum_offset = 16;
    packet.slice[0].len = 54;
    packet.slice[1] = (struct hf_slice){.data = bytes + 54, .len = 60000};
    packet.slices = 2;
    assert_int_equal(hf_link_send(there, &packet, 1), 1);
    assert_true(receive_ours(here, &packet));
    assert_int_equal(packet.len, sizeof bytes);
    assert_int_equal(packet.segments, 60);
    assert_int_equal(packet.segment_bytes, 1000);
    assert_int_equal(packet.checksum, HF_CHECKSUM_PARTIAL);
    assert_int_equal(packet.checksum_start, 34);
    assert_int_equal(packet.checksum_offset, 16);
    assert_memory_equal(packet.slice[0].data + 54, bytes + 54, 60000);
    hf_link_close(here);
    hf_link_close(there);
}

/* ---- What goes wrong ---- */

static void down_up_and_gone(enum kind kind)
{
    pair_up();
    struct hf_link *here = open_link(kind, "va", "10.0.0.1");
    struct hf_link *there = open_link(PACKET, "vb", "10.0.0.2");
    struct hf_packet packet;
    run("ip link set va down");
    for (int i = 0; i < 5000; i++) /* more than any queue has room for */
        (void)send_frame(here, 2, 0x0800, 10);
    uint64_t lost = hf_link_lost(here);
    assert_true(lost > 2000);
    for (int i = 0; i < 100; i++) /* what had come before, then nothing, but no end either */
        assert_true(hf_link_receive(here, &packet, 1) >= 0);
    struct pollfd quiet = {.fd = hf_link_descriptor(here), .events = POLLIN};
    assert_int_equal(poll(&quiet, 1, 50), 0); /* nobody is woken for nothing */
    run("ip link set va up");
    bool arrived = false;
    for (int i = 0; i < 50 && !arrived; i++) { /* once it has its carrier */
        (void)send_frame(there, 1, 0x0800, 77);
        while (!arrived && receive(here, &packet, 100))
            arrived = packet.len == 54 + 77;
    }
    assert_true(arrived);
    run("ip link del va");
    struct pollfd told = {.fd = hf_link_descriptor(here), .events = POLLIN};
    assert_int_equal(poll(&told, 1, 2000), 1);
    int64_t end = 0;
    for (int i = 0; i < 100 && end >= 0; i++)
        end = hf_link_receive(here, &packet, 1);
    assert_int_equal(end, HF_ERR_STATE);
    hf_link_close(here);
    hf_link_close(there);
}

TEST(packet_down_up_and_gone, none, "")
{
    down_up_and_gone(PACKET);
}

TEST(xdp_down_up_and_gone, none, "")
{
    down_up_and_gone(XDP);
}

TEST(frames_that_do_not_fit_are_counted, none, "")
{
    for (enum kind kind = PACKET; kind <= XDP; kind++) {
        pair_up();
        struct hf_link *here = open_link(kind, "va", "10.0.0.1");
        struct hf_link *there = open_link(PACKET, "vb", "10.0.0.2");
        struct hf_packet packet;
        assert_int_equal(send_frame(here, 2, 0x0800, 20000), 0);
        assert_int_equal(hf_link_lost(here), 1);
        assert_int_equal(send_frame(here, 2, 0x0800, 10), 1);
        assert_true(receive_ours(there, &packet));
        assert_int_equal(packet.len, 64);
        hf_link_close(here);
        hf_link_close(there);
    }
}

static void refused(enum kind kind, const char *name, uint32_t mtu, const char *word)
{
    char error[HF_ERROR_TEXT] = "";
    assert_null(open_as(kind, name, "10.0.0.1", mtu, error));
    if (kind == XDP && strstr(error, "built without"))
        check_skip(error);
    if (!strstr(error, word) || strchr(error, '\n'))
        fail_msg("\"%s\" does not say %s in one line", error, word);
}

TEST(what_cannot_be_opened_is_named, none, "")
{
    pair_up();
    for (enum kind kind = PACKET; kind <= XDP; kind++) {
        refused(kind, "absent0", 0, "absent0");
        refused(kind, "a-name-much-too-long", 0, "characters");
        refused(kind, "lo", 0, "Ethernet");
        refused(kind, "va", 1501, "MTU 1501");
        refused(kind, "va", 67, "MTU 67");
        run("ip link set va down");
        refused(kind, "va", 0, "down");
        run("ip link set va up");
        char error[HF_ERROR_TEXT];
        struct hf_link *less = open_as(kind, "va", "10.0.0.1", 1400, error);
        assert_non_null(less);
        assert_int_equal(hf_link_mtu(less), 1400);
        if (kind == XDP)
            refused(kind, "va", 0, "va"); /* there is one already */
        hf_link_close(less);
    }
    run("ip link set va mtu 9000");
    refused(XDP, "va", 0, "MTU of 9000");
}
