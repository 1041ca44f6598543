/* The TUN driver against this kernel, in a network namespace of the test's own. Skipped where
 * none can be made. */
#include "check.h"

#include <arpa/inet.h>
#include <handfast/link.h>
#include <handfast/stack.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct hf_addr_prefix prefix_of(const char *addr, unsigned prefix)
{
    struct hf_addr_prefix p = {.prefix = prefix};
    struct in_addr four;
    if (inet_pton(AF_INET, addr, &four) == 1) {
        p.addr.family = HF_IPV4;
        memcpy(p.addr.bytes, &four, 4);
    } else {
        p.addr.family = HF_IPV6;
        assert_int_equal(inet_pton(AF_INET6, addr, p.addr.bytes), 1);
    }
    return p;
}

/* A namespace for the whole program; the devices in it go with the links. */
static void enter_namespace(void)
{
    static bool inside;
    if (inside)
        return;
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        check_skip("no /dev/net/tun");
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        check_skip("no network namespaces");
    inside = true;
}

static struct hf_link *open_tun(const char *name, uint32_t mtu)
{
    char error[HF_ERROR_TEXT] = "";
    struct hf_addr_prefix addrs[2] = {prefix_of("10.9.0.1", 24), prefix_of("fd09::1", 64)};
    struct hf_tun_config config = {.size = sizeof config,
                                   .name = name,
                                   .mtu = mtu,
                                   .host_addrs = addrs,
                                   .host_addr_count = mtu < 1280 ? 1 : 2};
    struct hf_link *link = hf_link_tun(&config, error);
    if (!link)
        fail_msg("%s", error);
    return link;
}

/* Wait for a packet whose protocol (next header) is UDP; the kernel also sends others. */
static bool receive_udp(struct hf_link *link, struct hf_packet *packet, bool six)
{
    for (int tries = 0; tries < 50; tries++) {
        struct pollfd ready = {.fd = hf_link_descriptor(link), .events = POLLIN};
        if (poll(&ready, 1, 2000) <= 0)
            return false;
        if (hf_link_receive(link, packet, 1) != 1)
            continue;
        const uint8_t *at = packet->slice[0].data;
        if (six ? at[0] >> 4 == 6 && at[6] == 17 : at[0] >> 4 == 4 && at[9] == 17)
            return true;
    }
    return false;
}

TEST(the_kernel_reaches_us_and_we_reach_it, none, "")
{
    enter_namespace();
    struct hf_link *link = open_tun("hft0", 1400);
    assert_string_equal(hf_link_name(link), "hft0");
    assert_int_equal(hf_link_mtu(link), 1400);

    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    assert_int_equal(inet_pton(AF_INET, "10.9.0.2", &to.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, "hello", 5, 0), 5);

    struct hf_packet packet;
    assert_true(receive_udp(link, &packet, false));
    assert_int_equal(packet.len, 33);
    assert_int_equal(packet.segments, 1);
    assert_memory_equal(packet.slice[0].data + 28, "hello", 5);

    /* The same back: swapped addresses and ports, no UDP checksum, in two slices. Swapping
     * leaves the IPv4 header checksum as it is. */
    uint8_t reply[33];
    memcpy(reply, packet.slice[0].data, 33);
    for (int i = 0; i < 4; i++) {
        uint8_t byte = reply[12 + i];
        reply[12 + i] = reply[16 + i];
        reply[16 + i] = byte;
    }
    for (int i = 0; i < 2; i++) {
        uint8_t byte = reply[20 + i];
        reply[20 + i] = reply[22 + i];
        reply[22 + i] = byte;
    }
    reply[26] = reply[27] = 0;
    struct hf_packet out;
    hf_packet_wrap(&out, 0, reply, 33);
    out.slice[0].len = 28;
    out.slice[1] = (struct hf_slice){.data = reply + 28, .len = 5};
    out.slices = 2;
    assert_int_equal(hf_link_send(link, &out, 1), 1);
    char got[16];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 2000), 1);
    assert_int_equal(recv(fd, got, sizeof got, 0), 5);
    assert_memory_equal(got, "hello", 5);
    (void)close(fd);
    hf_link_close(link);
    assert_int_equal(if_nametoindex("hft0"), 0); /* it went with the link */
}

TEST(ipv6_works_at_once, none, "")
{
    enter_namespace();
    struct hf_link *link = open_tun("hft0", 1500);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    assert_int_equal(inet_pton(AF_INET6, "fd09::2", &to.sin6_addr), 1);
    assert_int_equal(sendto(fd, "six", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
    struct hf_packet packet;
    assert_true(receive_udp(link, &packet, true));
    assert_int_equal(packet.len, 51);
    (void)close(fd);
    hf_link_close(link);
}

TEST(an_empty_link_gives_nothing_and_nonsense_is_counted, none, "")
{
    enter_namespace();
    struct hf_link *link = open_tun("hft0", 1000);
    struct hf_packet packets[4];
    assert_int_equal(hf_link_mtu(link), 1000);
    while (hf_link_receive(link, packets, 4) > 0)
        continue;
    assert_int_equal(hf_link_receive(link, packets, 4), 0);
    static const uint8_t nonsense[40]; /* version 0 */
    hf_packet_wrap(&packets[0], 0, nonsense, sizeof nonsense);
    assert_int_equal(hf_link_send(link, packets, 1), 0);
    assert_int_equal(hf_link_lost(link), 1);
    hf_link_close(link);
}

/* The test at the start sends a super-segment into this kernel. */
TEST(offload_is_there_when_it_is_true, none, "A8")
{
    enter_namespace();
    char error[HF_ERROR_TEXT] = "";
    struct hf_addr_prefix addrs[2] = {prefix_of("10.9.0.1", 24), prefix_of("fd09::1", 64)};
    struct hf_tun_config config = {.size = sizeof config,
                                   .name = "hft0",
                                   .host_addrs = addrs,
                                   .host_addr_count = 2,
                                   .offload = HF_OFFLOAD_AUTO};
    struct hf_link *link = hf_link_tun(&config, error);
    assert_non_null(link);
    assert_string_equal(hf_link_note(link), "");
    assert_int_equal(hf_link_gso_max(link), 65535);
    assert_int_equal(hf_link_features(link), HF_LINK_CHECKSUM_OUT | HF_LINK_TRUSTED);
    hf_link_close(link);
    link = open_tun("hft0", 1500); /* off, as nothing was said */
    assert_int_equal(hf_link_gso_max(link), 0);
    assert_int_equal(hf_link_features(link), HF_LINK_MERGE);
    hf_link_close(link);
}

static void refused(const struct hf_tun_config *config, const char *word)
{
    char error[HF_ERROR_TEXT] = "";
    assert_null(hf_link_tun(config, error));
    if (!strstr(error, word))
        fail_msg("expected \"%s\" in \"%s\"", word, error);
    assert_null(strchr(error, '\n'));
}

TEST(what_cannot_be_is_said, none, "")
{
    enter_namespace();
    struct hf_tun_config config = {.size = sizeof config, .name = "a-name-much-too-long"};
    refused(&config, "15 characters");
    config.name = "hft0";
    config.mtu = 20;
    refused(&config, "MTU 20");
    config.mtu = 0;
    config.size = 0;
    refused(&config, "size");
    config.size = sizeof config;
    config.name = "lo";
    refused(&config, "another kind");
    struct hf_link *link = open_tun("hft1", 1500);
    config.name = "hft1";
    refused(&config, "another program has it");
    hf_link_close(link);
}
