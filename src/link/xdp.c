/* AF_XDP on an Ethernet interface: rings of frames in memory shared with the kernel, by libxdp's
 * calls; without a copy where the driver can, else with one.
 *
 * The memory has two halves. Frames of the first go round by the fill ring and the receive ring; what
 * was received belongs to the caller until the next receive, and is given back then. Frames of the
 * second are ours until they are in the send ring, and again when the completion ring names them. That
 * ring may name a frame more often than it was sent: each is noted as flying, and only one that
 * flies can land. */
#include "link/interface.h"
#include "link/link.h"
#include "link/xdp_program.h"

#include <handfast/stack.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#define FRAME_BYTES 4096u
#define FRAMES 2048u /* each way; a power of two, as are the rings */
/* What a driver may keep in front of a frame (XDP_PACKET_HEADROOM), and behind it. */
#define MTU_MAX (FRAME_BYTES - 256 - 320 - HF_LINK_TAGGED)
#define BATCH 64
#define QUEUE 0
/* The kernel takes some frames a call: calls that one send makes at the most. */
#define KICKS_MAX 16

struct xdp_link {
    struct hf_link link;
    unsigned index;
    int socket, watch, map, program, attachment; /* descriptors; -1: none                     */
    uint8_t *memory;
    struct xsk_umem *umem;
    struct xsk_socket *xsk;
    struct xsk_ring_prod fill, tx;
    struct xsk_ring_cons completion, rx;
    uint64_t lent[BATCH];
    size_t lent_count;
    uint32_t idle[FRAMES], idle_first, idle_count; /* of the second half: longest idle first */
    bool flying[FRAMES];
};

#define AREA ((size_t)2 * FRAMES * FRAME_BYTES)

/* ---- In ---- */

static void give_back(struct xdp_link *x)
{
    uint32_t at;
    if (x->lent_count == 0 ||
        xsk_ring_prod__reserve(&x->fill, (uint32_t)x->lent_count, &at) != x->lent_count)
        return; /* cannot be: the ring has room for all frames */
    for (size_t i = 0; i < x->lent_count; i++)
        *xsk_ring_prod__fill_addr(&x->fill, at++) = x->lent[i];
    xsk_ring_prod__submit(&x->fill, (uint32_t)x->lent_count);
    x->lent_count = 0;
}

/* An interface that is set down or deleted is told once, as an error of the packet socket. */
static bool is_over(const struct xdp_link *x)
{
    int err = 0;
    socklen_t len = sizeof err;
    return getsockopt(x->watch, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err != 0 &&
           hf_interface_goes(x->index);
}

static bool kick(struct xdp_link *x, int tries);

static bool is_waiting(const struct xdp_link *x)
{
    return __atomic_load_n(x->tx.consumer, __ATOMIC_ACQUIRE) !=
           __atomic_load_n(x->tx.producer, __ATOMIC_RELAXED);
}

static int64_t xdp_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    struct xdp_link *x = (struct xdp_link *)link;
    uint32_t at;
    give_back(x);
    if (is_waiting(x))
        (void)kick(x, 1); /* the queue was full */
    uint32_t want = room < BATCH ? (uint32_t)room : BATCH;
    uint32_t n = xsk_ring_cons__peek(&x->rx, want, &at);
    if (n == 0) {
        if (xsk_ring_prod__needs_wakeup(&x->fill))
            (void)recvfrom(x->socket, NULL, 0, MSG_DONTWAIT, NULL, NULL);
        return is_over(x) ? HF_ERR_STATE : 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, at + i);
        hf_packet_wrap(&packets[i], 0, xsk_umem__get_data(x->memory, d->addr), d->len);
        x->lent[i] = d->addr & ~(uint64_t)(FRAME_BYTES - 1);
    }
    x->lent_count = n;
    xsk_ring_cons__release(&x->rx, n);
    return n;
}

/* ---- Out ---- */

static void land(struct xdp_link *x)
{
    uint32_t at, n = xsk_ring_cons__peek(&x->completion, FRAMES, &at);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t addr = *xsk_ring_cons__comp_addr(&x->completion, at + i);
        uint64_t frame = addr / FRAME_BYTES - FRAMES;
        if (frame >= FRAMES || !x->flying[frame])
            continue;
        x->flying[frame] = false;
        x->idle[(x->idle_first + x->idle_count++) & (FRAMES - 1)] = (uint32_t)frame;
    }
    if (n > 0)
        xsk_ring_cons__release(&x->completion, n);
}

/* Tell the kernel that the send ring has something. False: the interface is gone. */
static bool kick(struct xdp_link *x, int tries)
{
    for (; tries > 0 && is_waiting(x) && xsk_ring_prod__needs_wakeup(&x->tx); tries--) {
        ssize_t n = sendto(x->socket, NULL, 0, MSG_DONTWAIT, NULL, 0);
        land(x);
        if (n >= 0 || errno == EAGAIN || errno == EINTR)
            continue; /* there may be more */
        if (errno == ENETDOWN || errno == ENXIO || errno == ENODEV)
            return !hf_interface_is_gone(x->index);
        break; /* EBUSY, ENOBUFS: the interface's own queue is full */
    }
    return true;
}

static bool put(struct xdp_link *x, const struct hf_packet *packet)
{
    uint32_t at;
    if (packet->len > FRAME_BYTES || x->idle_count == 0 ||
        xsk_ring_prod__reserve(&x->tx, 1, &at) != 1)
        return false;
    uint32_t frame = x->idle[x->idle_first];
    x->idle_first = (x->idle_first + 1) & (FRAMES - 1);
    x->idle_count--;
    x->flying[frame] = true;
    uint64_t addr = (uint64_t)(FRAMES + frame) * FRAME_BYTES;
    struct xdp_desc *d = xsk_ring_prod__tx_desc(&x->tx, at);
    d->addr = addr;
    d->len = hf_packet_copy(packet, x->memory + addr, FRAME_BYTES);
    d->options = 0;
    xsk_ring_prod__submit(&x->tx, 1);
    return true;
}

static int64_t xdp_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    struct xdp_link *x = (struct xdp_link *)link;
    int64_t sent = 0;
    land(x);
    for (size_t i = 0; i < n; i++) {
        if (put(x, &packets[i]))
            sent++;
        else
            link->lost++;
    }
    return kick(x, KICKS_MAX) ? sent : HF_ERR_STATE;
}

/* ---- Opening and closing ---- */

static void close_one(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static void xdp_close(struct hf_link *link)
{
    struct xdp_link *x = (struct xdp_link *)link;
    close_one(x->attachment); /* the program goes with it */
    if (x->xsk)
        xsk_socket__delete(x->xsk);
    if (x->umem)
        (void)xsk_umem__delete(x->umem);
    close_one(x->program);
    close_one(x->map);
    close_one(x->watch);
    close_one(link->descriptor);
    if (x->memory)
        (void)munmap(x->memory, AREA);
    free(x);
}

static const struct hf_link_ops xdp_ops = {xdp_receive, xdp_send, xdp_close};

static int make_memory(struct xdp_link *x)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    const struct xsk_umem_config config = {
        .fill_size = FRAMES, .comp_size = FRAMES, .frame_size = FRAME_BYTES};
    (void)setrlimit(RLIMIT_MEMLOCK, &all); /* older kernels count it there */
    void *memory = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return errno;
    x->memory = memory;
    for (uint32_t i = 0; i < FRAMES; i++)
        x->idle[i] = i;
    x->idle_count = FRAMES;
    return -xsk_umem__create(&x->umem, memory, AREA, &x->fill, &x->completion, &config);
}

/* Without a copy where the driver can. */
static int make_socket(struct xdp_link *x, const char *name)
{
    static const uint16_t ways[] = {XDP_ZEROCOPY, XDP_COPY};
    int err = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct xsk_socket_config config = {
            .rx_size = FRAMES,
            .tx_size = FRAMES,
            .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
            .bind_flags = (uint16_t)(ways[i] | XDP_USE_NEED_WAKEUP),
        };
        err = -xsk_socket__create(&x->xsk, name, QUEUE, x->umem, &x->rx, &x->tx, &config);
        if (err == 0 || err == EBUSY)
            break;
        x->xsk = NULL;
    }
    return err;
}

/* In the driver where it can, else in the kernel behind it. */
static int attach(struct xdp_link *x)
{
    static const uint32_t ways[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
    for (unsigned i = 0; i < 2; i++) {
        struct bpf_link_create_opts options;
        memset(&options, 0, sizeof options);
        options.sz = sizeof options;
        options.flags = ways[i];
        x->attachment = bpf_link_create(x->program, (int)x->index, BPF_XDP, &options);
        if (x->attachment >= 0 || errno == EBUSY || errno == EEXIST)
            break;
    }
    return x->attachment >= 0 ? 0 : errno;
}

/* AF_XDP does not tell by itself that its interface has gone. */
static int make_descriptor(struct xdp_link *x)
{
    struct epoll_event packets = {.events = EPOLLIN}, trouble = {.events = 0};
    x->socket = xsk_socket__fd(x->xsk);
    x->link.descriptor = epoll_create1(EPOLL_CLOEXEC);
    bool made = x->link.descriptor >= 0 &&
                epoll_ctl(x->link.descriptor, EPOLL_CTL_ADD, x->socket, &packets) == 0 &&
                epoll_ctl(x->link.descriptor, EPOLL_CTL_ADD, x->watch, &trouble) == 0;
    return made ? 0 : errno;
}

static void fill_all(struct xdp_link *x)
{
    uint32_t at;
    if (xsk_ring_prod__reserve(&x->fill, FRAMES, &at) != FRAMES)
        return;
    for (uint32_t i = 0; i < FRAMES; i++)
        *xsk_ring_prod__fill_addr(&x->fill, at + i) = (uint64_t)i * FRAME_BYTES;
    xsk_ring_prod__submit(&x->fill, FRAMES);
}

static int fail(char *error, const char *what, const char *name, int err)
{
    if (err != EBUSY && err != EEXIST)
        return hf_interface_fail(error, what, name, err);
    (void)snprintf(error, HF_ERROR_TEXT, "cannot %s %s: another program has XDP on it", what,
                   name);
    return -1;
}

static int set_up(struct xdp_link *x, const struct hf_interface_config *config, char *error)
{
    const char *name = config->name;
    x->watch = hf_interface_watch(name, x->index, error);
    if (x->watch < 0)
        return -1;
    int err = make_memory(x);
    if (err != 0)
        return fail(error, "share memory with the kernel for", name, err);
    err = make_socket(x, name);
    if (err != 0)
        return fail(error, "have an AF_XDP socket on", name, err);
    fill_all(x);
    x->map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "handfast", 4, 4, QUEUE + 1, NULL);
    if (x->map < 0)
        return fail(error, "make a map for", name, errno);
    err = -xsk_socket__update_xskmap(x->xsk, x->map);
    if (err != 0)
        return fail(error, "put the socket in the map for", name, err);
    x->program = hf_xdp_program(x->map, config->addrs, config->addr_count);
    if (x->program < 0)
        return fail(error, "load the XDP program for", name, errno);
    err = attach(x);
    if (err != 0)
        return fail(error, "attach an XDP program to", name, err);
    err = make_descriptor(x);
    return err == 0 ? 0 : fail(error, "wait for", name, err);
}

struct hf_link *hf_link_xdp(const struct hf_interface_config *config, char *error)
{
    struct hf_interface interface;
    if (hf_interface_look(config, &interface, error) < 0)
        return NULL;
    if (interface.mtu > MTU_MAX) {
        (void)snprintf(error, HF_ERROR_TEXT, "%s has an MTU of %u: AF_XDP takes %u at the most",
                       config->name, interface.mtu, MTU_MAX);
        return NULL;
    }
    struct xdp_link *x = calloc(1, sizeof *x);
    if (!x) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for %s", config->name);
        return NULL;
    }
    hf_link_init(&x->link, &xdp_ops, config->name, interface.mtu, -1);
    x->link.kind = HF_LINK_ETHERNET;
    memcpy(x->link.mac, interface.mac, sizeof interface.mac);
    x->index = interface.index;
    x->watch = x->map = x->program = x->attachment = -1;
    if (set_up(x, config, error) < 0) {
        xdp_close(&x->link);
        return NULL;
    }
    x->link.features = HF_LINK_MERGE;
    return &x->link;
}
