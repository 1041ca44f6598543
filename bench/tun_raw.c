/* The raw probe: the least that a program can do to keep a TCP of the kernel busy over a TUN device.
 * No timers, no loss, one connection; a header is written once and patched. What it reaches is the
 * limit of the device and of the kernel behind it. */
#include "tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADERS 40
#define MSS (TUN_MTU - HEADERS)
#define SUPER (44 * MSS) /* 64,240 bytes */
#define SCALE 10
#define ACK_EVERY 65536u
#define WINDOW (4u << 20) /* less than the device's queue holds in packets of an MSS */
#define READ_ROOM 65600

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct raw {
    int fd;
    bool vnet;
    uint16_t port;
    uint32_t snd_una, snd_nxt, rcv_nxt, acked, edge; /* edge: of the kernel's window */
    unsigned scale; /* the kernel's */
    bool open, closed;
    uint8_t in[READ_ROOM];
};

static uint8_t text[65536];

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t sum_of(const uint8_t *bytes, uint32_t len)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = (sum >> 16) + (sum & 0xffff);
    return (sum >> 16) + (sum & 0xffff);
}

static void open_raw(struct raw *r, bool offload)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    r->vnet = offload;
    r->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    request.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0));
    memcpy(request.ifr_name, "raw0", 5);
    if (r->fd < 0 || ioctl(r->fd, TUNSETIFF, &request) < 0)
        bench_fail("cannot make a TUN device");
    if (offload && ioctl(r->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0)
        bench_fail("the kernel has no offload on TUN devices");
    if (system("ip addr add " TUN_KERNEL "/24 dev raw0 && "
               "ip link set raw0 up txqueuelen 4096") != 0)
        bench_fail("cannot configure a TUN device");
}

/* One segment, or a run of them. */
static bool put(struct raw *r, unsigned flags, uint32_t seq, uint32_t len)
{
    struct virtio_net_hdr h;
    uint8_t p[HEADERS + 8];
    uint32_t headers = flags & SYN ? HEADERS + 8 : HEADERS;
    memset(&h, 0, sizeof h);
    memset(p, 0, sizeof p);
    p[0] = 0x45;
    put16(p + 2, headers + len);
    p[6] = 0x40;
    p[8] = 64;
    p[9] = 6;
    (void)inet_pton(AF_INET, TUN_US, p + 12);
    (void)inet_pton(AF_INET, TUN_KERNEL, p + 16);
    put16(p + 10, ~sum_of(p, 20));
    uint8_t *t = p + 20;
    put16(t, r->port);
    put16(t + 2, TUN_PORT);
    put32(t + 4, seq);
    put32(t + 8, flags & ACK ? r->rcv_nxt : 0);
    t[12] = (uint8_t)((headers - 20) / 4 << 4);
    t[13] = (uint8_t)flags;
    put16(t + 14, flags & SYN ? 65535 : WINDOW >> SCALE);
    if (flags & SYN) {
        put32(t + 20, 0x02040000 | MSS);
        put32(t + 24, 0x01030300 | SCALE);
    }
    uint32_t sum = sum_of(p + 12, 8) + 6 + headers - 20 + len;
    if (r->vnet && len > 0) {
        h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h.csum_start = 20;
        h.csum_offset = 16;
        if (len > MSS) {
            h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
            h.gso_size = MSS;
            h.hdr_len = HEADERS;
        }
        sum = (sum >> 16) + (sum & 0xffff);
        put16(t + 16, sum);
    } else { /* the text is zeros: it adds nothing */
        sum += sum_of(t, headers - 20);
        sum = (sum >> 16) + (sum & 0xffff);
        put16(t + 16, ~((sum >> 16) + sum));
    }
    const struct iovec parts[3] = {{&h, sizeof h}, {p, headers}, {text, len}};
    int first = r->vnet ? 0 : 1;
    return writev(r->fd, parts + first, (len ? 3 : 2) - first) > 0;
}

static void take(struct raw *r, const uint8_t *p, uint32_t n)
{
    if (n < HEADERS || p[0] != 0x45 || p[9] != 6)
        return;
    const uint8_t *t = p + 20;
    uint32_t header = 20 + 4u * (t[12] >> 4), len = n - header, seq = get32(t + 4);
    uint32_t window = (uint32_t)t[14] << 8 | t[15];
    if (t[13] & RST)
        bench_fail("the kernel reset the raw probe's connection");
    if (t[13] & SYN) {
        for (uint32_t i = 40; i + 2 < header; i += p[i] <= 1 ? 1 : p[i + 1] ? p[i + 1] : header)
            if (p[i] == 3)
                r->scale = p[i + 2];
        r->rcv_nxt = r->acked = seq + 1;
        r->open = true;
        r->edge = get32(t + 8) + window;
    } else {
        if (seq == r->rcv_nxt)
            r->rcv_nxt += len;
        else if (len > 0)
            (void)put(r, ACK, r->snd_nxt, 0); /* something was lost: say so each time */
        r->edge = get32(t + 8) + (window << r->scale);
    }
    if (t[13] & ACK)
        r->snd_una = get32(t + 8);
    if (t[13] & FIN && seq + len == r->rcv_nxt) {
        r->rcv_nxt++;
        r->closed = true;
    }
}

/* Everything that waits; `wait`: for the first of it. */
static void take_all(struct raw *r, bool wait)
{
    struct pollfd ready = {.fd = r->fd, .events = POLLIN};
    if (wait && poll(&ready, 1, 1000) <= 0)
        return;
    for (ssize_t n; (n = read(r->fd, r->in, sizeof r->in)) > 0;) {
        uint32_t before = r->vnet ? sizeof(struct virtio_net_hdr) : 0;
        take(r, r->in + before, (uint32_t)n - before);
        if (r->rcv_nxt - r->acked >= ACK_EVERY) {
            (void)put(r, ACK, r->snd_nxt, 0);
            r->acked = r->rcv_nxt;
        }
    }
}

static void connect_raw(struct raw *r)
{
    for (int tries = 0; tries < 20 && !r->open; tries++) {
        r->snd_nxt = r->snd_una = 1000;
        (void)put(r, SYN, r->snd_nxt, 0);
        take_all(r, true);
    }
    if (!r->open)
        bench_fail("nobody answers the raw probe");
    r->snd_nxt++;
    (void)put(r, ACK, r->snd_nxt, 0);
}

static void close_raw(struct raw *r)
{
    (void)put(r, FIN | ACK, r->snd_nxt++, 0);
    for (int tries = 0; tries < 200 && !r->closed; tries++)
        take_all(r, true);
    (void)put(r, RST, r->snd_nxt, 0);
    (void)close(r->fd);
}

static double up(struct raw *r, const struct tun_run *run)
{
    uint32_t piece = run->offload ? SUPER : MSS;
    uint64_t sent = 0;
    hf_time began = tun_now(), until = began + (hf_time)(run->seconds * (double)HF_SEC);
    while (tun_now() < until) {
        if (r->edge - r->snd_nxt < piece || r->edge - r->snd_nxt > 1u << 30) {
            take_all(r, true);
            continue;
        }
        for (unsigned i = 0; i < 16 && r->edge - r->snd_nxt >= piece &&
                             r->edge - r->snd_nxt < 1u << 30;
             i++) {
            if (!put(r, ACK | PSH, r->snd_nxt, piece))
                bench_fail("the device takes no more");
            r->snd_nxt += piece;
            sent += piece;
        }
        take_all(r, false);
    }
    while (r->snd_una != r->snd_nxt)
        take_all(r, true);
    return (double)sent * (double)HF_SEC / (double)(tun_now() - began);
}

static double down(struct raw *r, const struct tun_run *run)
{
    uint64_t got = 0;
    uint32_t last = r->rcv_nxt;
    hf_time began = tun_now(), until = began + (hf_time)(run->seconds * (double)HF_SEC);
    while (tun_now() < until) {
        take_all(r, true);
        got += r->rcv_nxt - last;
        last = r->rcv_nxt;
        if (r->rcv_nxt != r->acked) {
            (void)put(r, ACK, r->snd_nxt, 0);
            r->acked = r->rcv_nxt;
        }
    }
    return (double)got * (double)HF_SEC / (double)(tun_now() - began);
}

double tun_raw(const struct tun_run *run)
{
    static struct raw r;
    static uint16_t port = 20000;
    r = (struct raw){.port = port++};
    open_raw(&r, run->offload);
    connect_raw(&r);
    double rate = run->up ? up(&r, run) : down(&r, run);
    close_raw(&r);
    return rate;
}
