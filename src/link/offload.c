/* Nothing here trusts a header that came in: each field is compared with the packet behind it. The
 * probe's packets are built by hand, because the core's builders are below the line. */
#include "link/offload.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TCP_HEADER 20
#define TCP_CHECKSUM_AT 16
#define PROTOCOL_TCP 6
/* A run is never taken for more segments than this many bytes each would make. */
#define SEGMENT_MIN 64u

_Static_assert(sizeof(struct virtio_net_hdr) == HF_VNET_HEADER, "the legacy header");

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* ---- The header ---- */

/* Bytes of the IP header in front of TCP; 0: no TCP, or a header of another shape than a run's. */
static uint32_t ip_header(const uint8_t *ip, uint32_t len)
{
    if (len >= 20 + TCP_HEADER && ip[0] >> 4 == 4) {
        uint32_t header = 4u * (ip[0] & 15);
        bool fragment = (get16(ip + 6) & 0x3fff) != 0;
        return header >= 20 && header + TCP_HEADER <= len && ip[9] == PROTOCOL_TCP && !fragment
                   ? header
                   : 0;
    }
    if (len >= 40 + TCP_HEADER && ip[0] >> 4 == 6)
        return ip[6] == PROTOCOL_TCP ? 40 : 0;
    return 0;
}

static void read_checksum(const struct virtio_net_hdr *h, struct hf_packet *packet, uint32_t ip)
{
    if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if (h->csum_start != ip || h->csum_offset != TCP_CHECKSUM_AT)
            return; /* not where TCP has it */
        packet->checksum = HF_CHECKSUM_PARTIAL;
        packet->checksum_start = h->csum_start;
        packet->checksum_offset = h->csum_offset;
    } else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        packet->checksum = HF_CHECKSUM_VERIFIED;
    }
}

/* `ip`: where TCP begins, from the start of the packet; `bytes`: its IP header. */
static void read_segments(const struct virtio_net_hdr *h, struct hf_packet *packet,
                          const uint8_t *bytes, uint32_t ip)
{
    const uint8_t *tcp = packet->slice[0].data + ip;
    uint32_t type = h->gso_type & ~(uint32_t)VIRTIO_NET_HDR_GSO_ECN;
    uint32_t wanted = bytes[0] >> 4 == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    uint32_t headers = ip + 4u * (tcp[12] >> 4);
    if (type != wanted || h->gso_size == 0 || headers < ip + TCP_HEADER || headers > packet->len)
        return;
    uint32_t text = packet->len - headers;
    uint32_t segments = (text + h->gso_size - 1) / h->gso_size;
    uint32_t most = (text + SEGMENT_MIN - 1) / SEGMENT_MIN;
    if (segments <= 1)
        return;
    packet->segment_bytes = h->gso_size;
    packet->segments = (uint16_t)(segments < most ? segments : most);
}

void hf_vnet_read(const uint8_t header[HF_VNET_HEADER], struct hf_packet *packet, uint32_t before)
{
    struct virtio_net_hdr h;
    const uint8_t *bytes = packet->slice[0].data + before;
    memcpy(&h, header, sizeof h);
    uint32_t ip =
        packet->slice[0].len > before ? ip_header(bytes, packet->slice[0].len - before) : 0;
    if (ip == 0)
        return;
    read_checksum(&h, packet, before + ip);
    if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE)
        read_segments(&h, packet, bytes, before + ip);
}

void hf_vnet_write(const struct hf_packet *packet, uint8_t header[HF_VNET_HEADER],
                   uint32_t before)
{
    struct virtio_net_hdr h;
    memset(&h, 0, sizeof h);
    if (packet->checksum == HF_CHECKSUM_PARTIAL) {
        h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h.csum_start = packet->checksum_start;
        h.csum_offset = packet->checksum_offset;
    }
    if (packet->segments > 1) {
        const uint8_t *bytes = packet->slice[0].data + before;
        h.gso_type = bytes[0] >> 4 == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
        h.gso_size = packet->segment_bytes;
        h.hdr_len = (uint16_t)packet->slice[0].len;
    }
    memcpy(header, &h, sizeof h);
}

/* ---- The probe ---- */

#define PROBE_PORT 1 /* tcpmux, which nobody serves */
#define PROBE_FROM 54321
#define PROBE_TEXT 3000
#define PROBE_SEGMENT 1000
#define PROBE_PLAIN_SEQ 1000u
#define PROBE_SUPER_SEQ 100000u
#define PROBE_PATIENCE_MS 200

struct probe {
    uint8_t bytes[40 + TCP_HEADER + PROBE_TEXT];
    uint32_t ip, len;
};

static uint32_t add(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i + 1 < len; i += 2)
        sum += get16(bytes + i);
    return sum;
}

static uint32_t fold(uint32_t sum)
{
    sum = (sum >> 16) + (sum & 0xffff);
    return (sum >> 16) + (sum & 0xffff);
}

/* Another address of the same network: the last bit of the host part, or the one before it when that
 * would be the network's own or its broadcast address. */
static void neighbour(const struct hf_addr_prefix *host, uint8_t *bytes)
{
    uint32_t last = host->addr.family == HF_IPV4 ? 3 : 15;
    uint8_t all =
        (uint8_t)(host->prefix + 8 > 8 * (last + 1) ? (1u << (8 * (last + 1) - host->prefix)) - 1
                                                    : 0xff);
    memcpy(bytes, host->addr.bytes, last + 1);
    bytes[last] ^= 1;
    uint8_t part = bytes[last] & all;
    if (part == 0 || part == all)
        bytes[last] ^= 3;
}

/* A segment without SYN, ACK or RST: a closed port answers it with a reset that acknowledges all of
 * its text (RFC 9293 3.10.7.1). */
static void build_probe(struct probe *p, const struct hf_addr_prefix *host, uint32_t seq,
                        uint32_t text, bool open_checksum)
{
    bool four = host->addr.family == HF_IPV4;
    uint32_t size = four ? 4 : 16;
    uint8_t *ip = p->bytes;
    memset(p, 0, sizeof *p);
    p->ip = four ? 20 : 40;
    p->len = p->ip + TCP_HEADER + text;
    uint8_t *from = ip + (four ? 12 : 8);
    neighbour(host, from);
    memcpy(from + size, host->addr.bytes, size);
    if (four) {
        ip[0] = 0x45;
        put16(ip + 2, p->len);
        ip[6] = 0x40;
        ip[8] = 64;
        ip[9] = PROTOCOL_TCP;
        put16(ip + 10, ~fold(add(0, ip, 20)));
    } else {
        ip[0] = 0x60;
        put16(ip + 4, TCP_HEADER + text);
        ip[6] = PROTOCOL_TCP;
        ip[7] = 64;
    }
    uint8_t *tcp = ip + p->ip;
    put16(tcp, PROBE_FROM);
    put16(tcp + 2, PROBE_PORT);
    put16(tcp + 4, seq >> 16);
    put16(tcp + 6, seq);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = 0x08; /* PSH */
    put16(tcp + 14, 1000);
    uint32_t sum = add(PROTOCOL_TCP + TCP_HEADER + text, from, 2 * size);
    if (!open_checksum)
        sum = ~fold(add(sum, tcp, TCP_HEADER + text));
    else
        sum = fold(sum);
    put16(tcp + TCP_CHECKSUM_AT, sum);
}

static bool send_probe(int descriptor, const struct probe *p, bool super)
{
    uint8_t header[HF_VNET_HEADER];
    struct hf_packet packet;
    hf_packet_wrap(&packet, 0, p->bytes, p->ip + TCP_HEADER);
    packet.slice[1] =
        (struct hf_slice){.data = p->bytes + packet.len, .len = p->len - packet.len};
    packet.slices = 2;
    packet.len = p->len;
    if (super) {
        packet.checksum = HF_CHECKSUM_PARTIAL;
        packet.checksum_start = (uint16_t)p->ip;
        packet.checksum_offset = TCP_CHECKSUM_AT;
        packet.segments = PROBE_TEXT / PROBE_SEGMENT;
        packet.segment_bytes = PROBE_SEGMENT;
    }
    hf_vnet_write(&packet, header, 0);
    const struct iovec parts[2] = {{header, sizeof header},
                                   {(void *)(uintptr_t)p->bytes, p->len}};
    return writev(descriptor, parts, 2) == (ssize_t)(sizeof header + p->len);
}

/* Whether a packet from the kernel is the reset that says `ack`. */
static bool is_answer(const uint8_t *bytes, uint32_t len, const struct probe *p, uint32_t ack)
{
    uint32_t ip = ip_header(bytes, len);
    if (ip != p->ip || bytes[0] >> 4 != p->bytes[0] >> 4)
        return false;
    const uint8_t *tcp = bytes + ip;
    return get16(tcp) == PROBE_PORT && get16(tcp + 2) == PROBE_FROM && (tcp[13] & 0x04) &&
           get32(tcp + 8) == ack;
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool answered(int descriptor, const struct probe *p, uint32_t ack)
{
    uint8_t bytes[HF_VNET_HEADER + 2048];
    for (int64_t until = now_ms() + PROBE_PATIENCE_MS, now; (now = now_ms()) < until;) {
        struct pollfd ready = {.fd = descriptor, .events = POLLIN};
        if (poll(&ready, 1, (int)(until - now)) <= 0 || ready.revents & (POLLERR | POLLHUP))
            break;
        ssize_t n = read(descriptor, bytes, sizeof bytes);
        if (n > HF_VNET_HEADER &&
            is_answer(bytes + HF_VNET_HEADER, (uint32_t)n - HF_VNET_HEADER, p, ack))
            return true;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
    return false;
}

enum hf_probe_result hf_offload_probe(int descriptor, const struct hf_addr_prefix *host)
{
    struct probe p;
    build_probe(&p, host, PROBE_PLAIN_SEQ, 100, false);
    if (!send_probe(descriptor, &p, false) || !answered(descriptor, &p, PROBE_PLAIN_SEQ + 100))
        return HF_PROBE_SILENT;
    build_probe(&p, host, PROBE_SUPER_SEQ, PROBE_TEXT, true);
    if (!send_probe(descriptor, &p, true) ||
        !answered(descriptor, &p, PROBE_SUPER_SEQ + PROBE_TEXT))
        return HF_PROBE_BROKEN;
    return HF_PROBE_KEPT;
}
