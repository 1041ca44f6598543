/* Packets as one run of bytes and back. */
#include "check.h"

#include <string.h>

#include <handfast/packet.h>

TEST(packet_wrap_describes_bytes, none, "")
{
    static const uint8_t bytes[] = "a datagram";
    struct hf_packet packet;
    uint8_t out[32];
    memset(&packet, 0xff, sizeof packet);
    hf_packet_wrap(&packet, 3, bytes, 10);
    assert_int_equal(packet.len, 10);
    assert_int_equal(packet.slices, 1);
    assert_int_equal(packet.segments, 1);
    assert_int_equal(packet.segment_bytes, 0);
    assert_int_equal(packet.link, 3);
    assert_int_equal(packet.checksum, HF_CHECKSUM_UNKNOWN);
    assert_ptr_equal(packet.slice[0].data, bytes);
    assert_int_equal(packet.slice[0].hold, 0);
    assert_int_equal(hf_packet_copy(&packet, out, sizeof out), 10);
    assert_memory_equal(out, bytes, 10);
}

TEST(packet_copy_gathers_slices_or_writes_nothing, none, "")
{
    struct hf_packet packet;
    uint8_t out[9];
    memset(&packet, 0, sizeof packet);
    memcpy(packet.head, "head", 4);
    packet.slice[0] = (struct hf_slice){packet.head, 4, 0};
    packet.slice[1] = (struct hf_slice){(const uint8_t *)"er", 2, 0};
    packet.slice[2] = (struct hf_slice){(const uint8_t *)"...", 3, 0};
    packet.slices = 3;
    packet.len = 9;
    memset(out, 'x', sizeof out);
    assert_int_equal(hf_packet_copy(&packet, out, 8), 0);
    assert_memory_equal(out, "xxxxxxxxx", 9);
    assert_int_equal(hf_packet_copy(&packet, out, 9), 9);
    assert_memory_equal(out, "header...", 9);
}
