/* ip/output.c: the header in front of a segment. */
#include "env.h"

#define TCP_AT 60

static uint32_t build(struct world *w, struct hf_packet *packet, const char *local,
                      const char *remote, uint16_t port, uint32_t text)
{
    static uint8_t payload[2000];
    struct hf_flow flow = {.local_port = 80, .remote_port = port};
    memcpy(flow.local, key(local), 16);
    memcpy(flow.remote, key(remote), 16);
    memset(packet, 0, sizeof *packet);
    write_tcp(packet->head + TCP_AT, 80, port, 1000, HF_ACK);
    packet->slice[0] = (struct hf_slice){.data = packet->head + TCP_AT, .len = 20};
    packet->slice[1] = (struct hf_slice){.data = payload, .len = text};
    packet->slices = text ? 2 : 1;
    packet->len = 20 + text;
    packet->segments = 1;
    packet->checksum = HF_CHECKSUM_PARTIAL;
    packet->checksum_offset = 16;
    put_address(w, packet, &flow, 0x2c, 61);
    return hf_flow_ip_header(&flow);
}

TEST(headers_of_both_families, none, "")
{
    struct world w;
    world_up(&w);
    struct hf_packet p;
    for (uint32_t text = 0; text <= 1460; text += 730) {
        build(&w, &p, "10.1.0.2", "192.0.2.1", 9, text);
        const uint8_t *h = p.slice[0].data;
        assert_ptr_equal(h, p.head + TCP_AT - 20);
        assert_int_equal(p.slice[0].len, 40);
        assert_int_equal(p.len, 40 + text);
        assert_int_equal(p.checksum_start, 20);
        assert_int_equal(h[0], 0x45);
        assert_int_equal(h[1], 0x2c);
        assert_int_equal(get16(h + 2), 40 + text);
        assert_int_equal(get16(h + 6), 0x4000);
        assert_int_equal(h[8], 61);
        assert_int_equal(h[9], 6);
        assert_memory_equal(h + 12, key("10.1.0.2") + 12, 4);
        assert_memory_equal(h + 16, key("192.0.2.1") + 12, 4);

        build(&w, &p, "fd01::2", "2001:db8::1", 9, text);
        h = p.slice[0].data;
        assert_ptr_equal(h, p.head + TCP_AT - 40);
        assert_int_equal(p.slice[0].len, 60);
        assert_int_equal(p.len, 60 + text);
        assert_int_equal(p.checksum_start, 40);
        assert_int_equal(get16(h) >> 4, 0x600 | 0x2c);
        assert_int_equal(get16(h + 4), 20 + text);
        assert_int_equal(h[6], 6);
        assert_int_equal(h[7], 61);
        assert_memory_equal(h + 8, key("fd01::2"), 16);
        assert_memory_equal(h + 24, key("2001:db8::1"), 16);
    }
    world_down(&w);
}

/* RFC 6864: with DF nothing is ever fragmented, and a constant is no counter. */
TEST(ipv4_id_tells_nothing, none, "B10")
{
    struct world w;
    world_up(&w);
    struct hf_packet p;
    for (uint16_t i = 1; i < 200; i++) {
        build(&w, &p, "10.1.0.2", i % 2 ? "192.0.2.1" : "198.51.100.1", i, 10);
        assert_int_equal(get16(p.slice[0].data + 4), 0);
        assert_int_equal(get16(p.slice[0].data + 6), 0x4000);
    }
    world_down(&w);
}

TEST(ipv6_flow_label_is_of_the_flow, none, "B10")
{
    struct world w, other;
    world_up(&w);
    world_up(&other);
    struct hf_packet p;
    unsigned same_neighbour = 0, same_host = 0;
    uint32_t last = 0;
    for (uint16_t i = 1; i <= 500; i++) {
        build(&w, &p, "fd01::2", "2001:db8::1", i, 10);
        uint32_t label = get32(p.slice[0].data) & 0xfffff;
        assert_int_not_equal(label, 0);
        build(&w, &p, "fd01::2", "2001:db8::1", i, 700);
        assert_int_equal(get32(p.slice[0].data) & 0xfffff, label);
        build(&other, &p, "fd01::2", "2001:db8::1", i, 10);
        same_host += (get32(p.slice[0].data) & 0xfffff) == label;
        same_neighbour += label == last || label == last + 1;
        last = label;
    }
    assert_true(same_host <= 3);
    assert_true(same_neighbour <= 3);
    world_down(&w);
    world_down(&other);
}
