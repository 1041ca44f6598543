/* A packet socket on an Ethernet interface (packet(7)): frames, a batch a system call, each behind
 * a virtio-net header (PACKET_VNET_HDR) that says what it leaves open: a checksum not filled in, as
 * between the ends of a veth pair, or many segments in one frame. Both directions.
 *
 * The kernel's own stack sees the same frames. It ignores those for our addresses, since they are
 * not its own, and a filter on the socket keeps from us what is for the kernel's. */
#include "link/interface.h"
#include "link/link.h"
#include "link/offload.h"

#include <handfast/stack.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Frames a system call. More brought nothing; each needs room for a super-segment. */
#define BATCH 16
#define FRAME_MAX 65600u
#define GSO_MAX 65535
/* What may wait in the kernel: some windows. Beyond the system's limit only where we may. */
#define SOCKET_BUFFER (8 << 20)
#define FILTERED_MAX 16

struct packet_link {
    struct hf_link link;
    unsigned index;
    bool vnet;
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH][1 + HF_PACKET_SLICES];
    uint8_t headers[BATCH][HF_VNET_HEADER];
    uint8_t *frames;
};

/* ---- In ---- */

static void set_message(struct packet_link *p, size_t i, size_t parts)
{
    memset(&p->messages[i], 0, sizeof p->messages[i]);
    p->messages[i].msg_hdr.msg_iov = p->vnet ? p->parts[i] : p->parts[i] + 1;
    p->messages[i].msg_hdr.msg_iovlen = parts + p->vnet;
    p->parts[i][0] = (struct iovec){p->headers[i], HF_VNET_HEADER};
}

/* Whether a frame is of use: whole, and more than a header. */
static bool wrap(const struct packet_link *p, size_t i, struct hf_packet *packet)
{
    uint32_t header = p->vnet ? HF_VNET_HEADER : 0;
    uint32_t len = p->messages[i].msg_len;
    if (p->messages[i].msg_hdr.msg_flags & MSG_TRUNC || len <= header + HF_LINK_FRAME)
        return false;
    hf_packet_wrap(packet, 0, p->frames + i * FRAME_MAX, len - header);
    if (p->vnet)
        hf_vnet_read(p->headers[i], packet, HF_LINK_FRAME);
    return true;
}

static bool tells_of_the_end(int err)
{
    return err == ENETDOWN || err == ENXIO || err == ENODEV;
}

static int64_t packet_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    struct packet_link *p = (struct packet_link *)link;
    size_t want = room < BATCH ? room : BATCH, n = 0;
    for (size_t i = 0; i < want; i++) {
        p->parts[i][1] = (struct iovec){p->frames + i * FRAME_MAX, FRAME_MAX};
        set_message(p, i, 1);
    }
    int got = recvmmsg(link->descriptor, p->messages, (unsigned)want, 0, NULL);
    if (got < 0)
        return tells_of_the_end(errno) && hf_interface_goes(p->index) ? HF_ERR_STATE : 0;
    for (int i = 0; i < got; i++)
        n += wrap(p, (size_t)i, &packets[n]);
    return (int64_t)n;
}

/* ---- Out ---- */

static void gather(struct packet_link *p, size_t i, const struct hf_packet *packet)
{
    for (unsigned s = 0; s < packet->slices; s++)
        p->parts[i][1 + s] =
            (struct iovec){(void *)(uintptr_t)packet->slice[s].data, packet->slice[s].len};
    if (p->vnet)
        hf_vnet_write(packet, p->headers[i], HF_LINK_FRAME);
    set_message(p, i, packet->slices);
}

/* Send n of them; *sent grows. False: the interface is gone. A full queue takes none of the rest
 * either; what else is wrong is wrong with one frame. */
static bool send_batch(struct packet_link *p, size_t n, int64_t *sent)
{
    for (size_t at = 0; at < n;) {
        int took = sendmmsg(p->link.descriptor, p->messages + at, (unsigned)(n - at), 0);
        if (took > 0) {
            at += (size_t)took;
            *sent += took;
        } else if (took < 0 && errno == EINTR) {
            continue;
        } else {
            bool full = errno == EAGAIN || errno == ENOBUFS;
            p->link.lost += full ? n - at : 1;
            if (tells_of_the_end(errno) && hf_interface_is_gone(p->index))
                return false;
            at = full ? n : at + 1;
        }
    }
    return true;
}

static int64_t packet_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    struct packet_link *p = (struct packet_link *)link;
    int64_t sent = 0;
    for (size_t at = 0; at < n;) {
        size_t batch = 0;
        for (; batch < BATCH && at < n; batch++, at++)
            gather(p, batch, &packets[at]);
        if (!send_batch(p, batch, &sent))
            return HF_ERR_STATE;
    }
    return sent;
}

static void packet_close(struct hf_link *link)
{
    struct packet_link *p = (struct packet_link *)link;
    (void)close(link->descriptor);
    free(p->frames);
    free(p);
}

static const struct hf_link_ops packet_ops = {packet_receive, packet_send, packet_close};

/* ---- What the socket lets through ---- */

struct program {
    struct sock_filter code[64 + 11 * FILTERED_MAX];
    unsigned short len;
};

static void put(struct program *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    f->code[f->len++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct program *f, uint16_t size, uint32_t at)
{
    put(f, BPF_LD | size | BPF_ABS, at, 0, 0);
}

static void finish(struct program *f, bool take)
{
    put(f, BPF_RET | BPF_K, take ? 0xffffffffu : 0, 0, 0);
}

/* If what is loaded equals k, go on; else skip so many. */
static void unless_equal(struct program *f, uint32_t k, uint8_t skip)
{
    put(f, BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip);
}

static uint32_t word(const uint8_t *at)
{
    uint32_t big;
    memcpy(&big, at, 4);
    return ntohl(big);
}

/* Frames for one of our addresses; without any, all. */
static void add_family(struct program *f, const struct hf_interface_config *config,
                       enum hf_family family, uint32_t destination)
{
    unsigned words = family == HF_IPV4 ? 1 : 4;
    for (size_t i = 0; i < config->addr_count; i++) {
        const struct hf_addr *a = &config->addrs[i].addr;
        if (a->family != family)
            continue;
        for (unsigned w = 0; w < words; w++) {
            load(f, BPF_W, destination + 4 * w);
            unless_equal(f, word(a->bytes + (size_t)4 * w), (uint8_t)(2 * (words - 1 - w) + 1));
        }
        finish(f, true);
    }
    finish(f, config->addr_count == 0);
}

/* IPv4 and IPv6 for us, ARP, and what is sent to IPv6 groups. A VLAN tag was taken off the frame and
 * is only noted: without this check it would look like one of ours. */
static void make_filter(struct program *f, const struct hf_interface_config *config)
{
    struct hf_interface_config all = *config;
    if (config->addr_count > FILTERED_MAX)
        all.addr_count = 0;
    f->len = 0;
    load(f, BPF_B, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT));
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    finish(f, false);
    load(f, BPF_H, 12);
    unless_equal(f, ETH_P_ARP, 1);
    finish(f, true);
    unsigned jump = f->len;
    unless_equal(f, ETH_P_IP, 0);
    add_family(f, &all, HF_IPV4, HF_LINK_FRAME + 16);
    f->code[jump].jf = (uint8_t)(f->len - jump - 1);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 1, 0);
    finish(f, false);
    load(f, BPF_B, HF_LINK_FRAME + 24);
    unless_equal(f, 0xff, 1);
    finish(f, true);
    add_family(f, &all, HF_IPV6, HF_LINK_FRAME + 24);
}

/* ---- Opening ---- */

static void set_int(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static void set_buffers(int fd)
{
    set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER);
    set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
}

static int set_up(struct packet_link *p, const struct hf_interface_config *config, char *error)
{
    int fd = p->link.descriptor, one = 1;
    const char *name = config->name;
    p->vnet = setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) == 0;
    if (!p->vnet && config->offload == HF_OFFLOAD_ON)
        return hf_interface_fail(error, "have super-segments on", name, errno);
    if (!p->vnet)
        (void)snprintf(p->link.note, sizeof p->link.note,
                       "%s works without offload: no virtio-net header on packet sockets (%s)",
                       name, strerror(errno));
    set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    set_buffers(fd);
    struct program filter;
    make_filter(&filter, config);
    struct sock_fprog code = {filter.len, filter.code};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code) < 0)
        return hf_interface_fail(error, "set a filter on", name, errno);
    hf_interface_join_groups(fd, p->index);
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)p->index};
    if (bind(fd, (const struct sockaddr *)&here, sizeof here) < 0)
        return hf_interface_fail(error, "bind to", name, errno);
    return 0;
}

struct hf_link *hf_link_packet(const struct hf_interface_config *config, char *error)
{
    struct hf_interface interface;
    if (hf_interface_look(config, &interface, error) < 0)
        return NULL;
    int fd = hf_interface_socket(config->name, error);
    if (fd < 0)
        return NULL;
    struct packet_link *p = calloc(1, sizeof *p);
    uint8_t *frames = malloc((size_t)BATCH * FRAME_MAX);
    if (!p || !frames) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for %s", config->name);
        goto failed;
    }
    hf_link_init(&p->link, &packet_ops, config->name, interface.mtu, fd);
    p->link.kind = HF_LINK_ETHERNET;
    memcpy(p->link.mac, interface.mac, sizeof interface.mac);
    p->index = interface.index;
    p->frames = frames;
    if (set_up(p, config, error) < 0)
        goto failed;
    if (p->vnet)
        p->link.features = HF_LINK_TRUSTED;
    if (p->vnet && config->offload != HF_OFFLOAD_OFF) {
        p->link.features |= HF_LINK_CHECKSUM_OUT;
        p->link.gso_max = GSO_MAX;
    }
    return &p->link;

failed:
    free(frames);
    free(p);
    (void)close(fd);
    return NULL;
}
