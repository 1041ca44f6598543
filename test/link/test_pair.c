/* The in-memory pair: order, limits, what a packet says of itself, and closing. */
#include "check.h"

#include <string.h>

#include <handfast/link.h>

static struct hf_link *pair[2];

static void open_pair(uint32_t mtu, size_t queue)
{
    assert_int_equal(hf_link_pair(mtu, queue, pair), 0);
}

static void close_pair(void)
{
    hf_link_close(pair[0]);
    hf_link_close(pair[1]);
}

static int64_t send_text(struct hf_link *link, const char *text)
{
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, text, (uint32_t)strlen(text));
    return hf_link_send(link, &packet, 1);
}

static void expect_text(const struct hf_packet *packet, const char *text)
{
    assert_int_equal(packet->len, strlen(text));
    assert_int_equal(packet->slices, 1);
    assert_memory_equal(packet->slice[0].data, text, packet->len);
}

TEST(what_is_sent_is_received_in_order, none, "")
{
    struct hf_packet got[4];

    open_pair(1500, 8);
    assert_int_equal(hf_link_mtu(pair[0]), 1500);
    assert_int_equal(hf_link_descriptor(pair[0]), -1);
    assert_string_not_equal(hf_link_name(pair[0]), hf_link_name(pair[1]));
    assert_int_equal(hf_link_receive(pair[1], got, 4), 0);
    assert_int_equal(send_text(pair[0], "one"), 1);
    assert_int_equal(send_text(pair[0], "two"), 1);
    assert_int_equal(send_text(pair[1], "back"), 1);
    assert_int_equal(hf_link_receive(pair[1], got, 4), 2);
    expect_text(&got[0], "one");
    expect_text(&got[1], "two");
    assert_int_equal(hf_link_receive(pair[1], got, 4), 0);
    assert_int_equal(hf_link_receive(pair[0], got, 4), 1);
    expect_text(&got[0], "back");
    close_pair();
}

TEST(a_received_packet_stays_valid_until_the_next_receive, none, "")
{
    struct hf_packet got[1];

    open_pair(1500, 1);
    assert_int_equal(send_text(pair[0], "first"), 1);
    assert_int_equal(hf_link_receive(pair[1], got, 1), 1);
    assert_int_equal(send_text(pair[0], "other"), 1);
    expect_text(&got[0], "first");
    assert_int_equal(hf_link_receive(pair[1], got, 1), 1);
    expect_text(&got[0], "other");
    close_pair();
}

TEST(a_full_queue_and_a_packet_above_the_mtu_are_lost_and_counted, none, "")
{
    struct hf_packet got[4];

    open_pair(68, 2);
    char large[70];
    memset(large, 'x', 69);
    large[69] = 0;
    assert_int_equal(send_text(pair[0], large), 0);
    assert_int_equal(hf_link_lost(pair[0]), 1);
    assert_int_equal(send_text(pair[0], "1"), 1);
    assert_int_equal(send_text(pair[0], "2"), 1);
    assert_int_equal(send_text(pair[0], "3"), 0);
    assert_int_equal(hf_link_lost(pair[0]), 2);
    assert_int_equal(hf_link_receive(pair[1], got, 1), 1);
    assert_int_equal(send_text(pair[0], "4"), 1);
    assert_int_equal(hf_link_receive(pair[1], got, 4), 2);
    expect_text(&got[0], "2");
    expect_text(&got[1], "4");
    close_pair();
}

TEST(slices_are_gathered_and_offload_fields_are_kept, none, "")
{
    struct hf_packet packet, got[1];

    open_pair(1500, 4);
    hf_packet_wrap(&packet, 1, "head", 4);
    packet.slice[1].data = (const uint8_t *)"tail";
    packet.slice[1].len = 4;
    packet.slices = 2;
    packet.len = 8;
    packet.segments = 3;
    packet.segment_bytes = 2;
    packet.checksum = HF_CHECKSUM_PARTIAL;
    packet.checksum_start = 20;
    packet.checksum_offset = 16;
    assert_int_equal(hf_link_send(pair[0], &packet, 1), 1);
    assert_int_equal(hf_link_receive(pair[1], got, 1), 1);
    expect_text(&got[0], "headtail");
    assert_int_equal(got[0].segments, 3);
    assert_int_equal(got[0].segment_bytes, 2);
    assert_int_equal(got[0].checksum, HF_CHECKSUM_PARTIAL);
    assert_int_equal(got[0].checksum_start, 20);
    assert_int_equal(got[0].checksum_offset, 16);
    close_pair();
}

TEST(a_closed_end_is_told_when_all_was_received, none, "")
{
    struct hf_packet got[1];

    open_pair(1500, 4);
    assert_int_equal(send_text(pair[0], "last"), 1);
    hf_link_close(pair[0]);
    assert_int_equal(send_text(pair[1], "nobody"), HF_ERR_STATE);
    assert_int_equal(hf_link_receive(pair[1], got, 1), 1);
    expect_text(&got[0], "last");
    assert_int_equal(hf_link_receive(pair[1], got, 1), HF_ERR_STATE);
    hf_link_close(pair[1]);
    hf_link_close(NULL);
}

TEST(a_long_exchange_keeps_every_packet, none, "")
{
    struct hf_packet got[7];
    uint32_t sent = 0, received = 0;

    open_pair(1500, 16);
    while (received < 5000) {
        uint32_t burst = (uint32_t)check_random_below(12);
        for (uint32_t i = 0; i < burst; i++) {
            struct hf_packet packet;
            hf_packet_wrap(&packet, 1, &sent, sizeof sent);
            sent += (uint32_t)hf_link_send(pair[0], &packet, 1);
        }
        int64_t n = hf_link_receive(pair[1], got, 1 + check_random_below(7));
        for (int64_t i = 0; i < n; i++) {
            assert_memory_equal(got[i].slice[0].data, &received, sizeof received);
            received++;
        }
    }
    close_pair();
}
