/* The virtio-net header and the probe: what is said truly is taken over, what is said falsely is not
 * believed, and a kernel that does not keep its promise is found out. */
#include "check.h"
#include "link/offload.h"

#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT 3000

/* An IPv4 or IPv6 packet with 20 bytes of TCP header and TEXT behind. */
static uint32_t packet_of(int family, uint8_t bytes[40 + 20 + TEXT])
{
    uint32_t ip = family == 4 ? 20 : 40;
    memset(bytes, 0, 40 + 20 + TEXT);
    bytes[0] = family == 4 ? 0x45 : 0x60;
    bytes[family == 4 ? 9 : 6] = 6;
    bytes[ip + 12] = 0x50;
    return ip + 20 + TEXT;
}

static struct virtio_net_hdr honest(int family, uint16_t size)
{
    return (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = family == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
        .hdr_len = 40,
        .gso_size = size,
        .csum_start = family == 4 ? 20 : 40,
        .csum_offset = 16,
    };
}

static struct hf_packet reading(const struct virtio_net_hdr *h, const uint8_t *bytes,
                                uint32_t len)
{
    struct hf_packet packet;
    uint8_t header[HF_VNET_HEADER];
    memcpy(header, h, sizeof header);
    hf_packet_wrap(&packet, 0, bytes, len);
    hf_vnet_read(header, &packet, 0);
    return packet;
}

TEST(what_is_true_is_taken_over, none, "A8")
{
    uint8_t bytes[40 + 20 + TEXT];
    for (int family = 4; family <= 6; family += 2) {
        uint32_t len = packet_of(family, bytes);
        struct virtio_net_hdr h = honest(family, 1000);
        struct hf_packet p = reading(&h, bytes, len);
        assert_int_equal(p.segments, 3);
        assert_int_equal(p.segment_bytes, 1000);
        assert_int_equal(p.checksum, HF_CHECKSUM_PARTIAL);
        assert_int_equal(p.checksum_start, family == 4 ? 20 : 40);
        uint8_t again[HF_VNET_HEADER];
        hf_vnet_write(&p, again, 0);
        h.hdr_len = (uint16_t)len; /* it lies in one piece */
        assert_memory_equal(again, &h, sizeof again);
        h = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
        p = reading(&h, bytes, len);
        assert_int_equal(p.checksum, HF_CHECKSUM_VERIFIED);
        assert_int_equal(p.segments, 1);
    }
}

TEST(what_cannot_be_is_not_believed, none, "A8")
{
    uint8_t bytes[40 + 20 + TEXT];
    uint32_t len = packet_of(4, bytes);
    struct virtio_net_hdr h = honest(4, 0); /* segments of nothing */
    assert_int_equal(reading(&h, bytes, len).segments, 1);
    h = honest(4, TEXT); /* one segment is none */
    assert_int_equal(reading(&h, bytes, len).segments, 1);
    assert_int_equal(reading(&h, bytes, len).segment_bytes, 0);
    h = honest(4, 1); /* as many as there are bytes */
    assert_int_equal(reading(&h, bytes, len).segments, (TEXT + 63) / 64);
    h = honest(6, 1000); /* of the other family */
    assert_int_equal(reading(&h, bytes, len).segments, 1);
    assert_int_equal(reading(&h, bytes, len).checksum, HF_CHECKSUM_UNKNOWN);
    h = honest(4, 1000);
    h.csum_start = 65535;
    assert_int_equal(reading(&h, bytes, len).checksum, HF_CHECKSUM_UNKNOWN);
    h = honest(4, 1000);
    h.csum_offset = 6; /* where UDP has it */
    assert_int_equal(reading(&h, bytes, len).checksum, HF_CHECKSUM_UNKNOWN);
    h = honest(4, 1000);
    bytes[9] = 17; /* no TCP */
    assert_int_equal(reading(&h, bytes, len).segments, 1);
    assert_int_equal(reading(&h, bytes, len).checksum, HF_CHECKSUM_UNKNOWN);
    bytes[9] = 6;
    bytes[20 + 12] = 0xf0; /* a TCP header of 60 bytes, fine; in a packet of 40, not */
    assert_int_equal(reading(&h, bytes, 40).segments, 1);
}

TEST(any_header_before_any_packet, none, "A8")
{
    uint8_t bytes[200], header[HF_VNET_HEADER];
    for (unsigned step = 0; step < 65536; step++) {
        uint8_t *exact = malloc(1 + step % sizeof bytes); /* nothing is behind it */
        uint32_t len = 1 + step % (uint32_t)sizeof bytes;
        for (uint32_t i = 0; i < len; i++)
            exact[i] = (uint8_t)check_random();
        if (step & 1)
            exact[0] = step & 2 ? 0x45 : 0x60;
        if (step & 4 && len > 9)
            exact[step & 2 ? 9 : 6] = 6;
        for (size_t i = 0; i < sizeof header; i++)
            header[i] = (uint8_t)check_random();
        if (step & 8)
            header[1] = step & 2 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
        if (step & 16)
            header[4] = header[5] = header[6] = header[7] = header[8] = header[9] = 0;
        struct hf_packet p;
        hf_packet_wrap(&p, 0, exact, len);
        hf_vnet_read(header, &p, 0);
        assert_in_range(p.segments, 1, (len + 63) / 64);
        assert_true(p.segments == 1 || p.segment_bytes > 0);
        if (p.checksum == HF_CHECKSUM_PARTIAL)
            assert_true((uint32_t)p.checksum_start + p.checksum_offset + 2 <= len);
        free(exact);
    }
}

/* ---- The probe, against kernels of our own ---- */

enum kernel { WHOLE, CUTS, DROPS_SUPER, FIRST_ONLY, SILENT };

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The reset that a closed port answers with, its checksums aside. */
static void answer(int fd, const uint8_t *probe, uint32_t ip, uint32_t ack)
{
    uint8_t bytes[HF_VNET_HEADER + 60];
    memset(bytes, 0, sizeof bytes);
    uint8_t *out = bytes + HF_VNET_HEADER;
    memcpy(out, probe, ip + 20);
    memcpy(out + ip, probe + ip + 2, 2);
    memcpy(out + ip + 2, probe + ip, 2);
    put32(out + ip + 8, ack);
    out[ip + 13] = 0x14;
    assert_int_equal(write(fd, bytes, HF_VNET_HEADER + ip + 20), HF_VNET_HEADER + ip + 20);
}

/* Plays the kernel until the other end is closed. */
static void play(int fd, enum kernel kernel)
{
    static uint8_t bytes[65536];
    uint8_t noise[HF_VNET_HEADER + 48] = {0}; /* kernels have things of their own to say */
    noise[HF_VNET_HEADER] = 0x60;
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;) {
        struct virtio_net_hdr h;
        memcpy(&h, bytes, sizeof h);
        const uint8_t *p = bytes + sizeof h;
        uint32_t ip = p[0] >> 4 == 4 ? 20 : 40;
        uint32_t text = (uint32_t)n - (uint32_t)sizeof h - ip - 20;
        uint32_t seq = (uint32_t)p[ip + 4] << 24 | (uint32_t)p[ip + 5] << 16 |
                       (uint32_t)p[ip + 6] << 8 | p[ip + 7];
        bool super = h.gso_type != VIRTIO_NET_HDR_GSO_NONE;
        (void)!write(fd, noise, sizeof noise);
        if (kernel == SILENT || (kernel == DROPS_SUPER && super))
            continue;
        if (super && kernel == FIRST_ONLY)
            text = h.gso_size;
        if (super && kernel == CUTS)
            for (uint32_t at = h.gso_size; at < text; at += h.gso_size)
                answer(fd, p, ip, seq + at);
        answer(fd, p, ip, seq + text);
    }
}

static enum hf_probe_result probe(enum kernel kernel, bool six)
{
    int ends[2];
    struct hf_addr_prefix host = {.prefix = 24,
                                  .addr = {.family = HF_IPV4, .bytes = {10, 77, 0, 1}}};
    if (six)
        host = (struct hf_addr_prefix){
            .prefix = 64, .addr = {.family = HF_IPV6, .bytes = {0xfd, 0x77, [15] = 1}}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        play(ends[1], kernel);
        _exit(0);
    }
    (void)close(ends[1]);
    enum hf_probe_result result = hf_offload_probe(ends[0], &host);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return result;
}

TEST(a_kernel_that_lies_is_found_out, none, "A8")
{
    for (int six = 0; six < 2; six++) {
        assert_int_equal(probe(WHOLE, six), HF_PROBE_KEPT);
        assert_int_equal(probe(CUTS, six), HF_PROBE_KEPT);
        assert_int_equal(probe(DROPS_SUPER, six), HF_PROBE_BROKEN);
        assert_int_equal(probe(FIRST_ONLY, six), HF_PROBE_BROKEN);
        assert_int_equal(probe(SILENT, six), HF_PROBE_SILENT);
    }
}
