/* A TUN device (Linux): IP packets, one a system call; with offload each may stand for many segments
 * and leaves its checksum open, which a header in front of it tells (offload.h). A TAP device is the
 * same with Ethernet frames.
 *
 * hf_link_tun makes the device when it is absent and may be made, and then also gives the kernel's
 * side its MTU, queue, addresses and brings it up. A device that is there already is used as it
 * is: whoever made it has configured it, but addresses asked for are added where we may.
 *
 * Received packets lie one behind the other in a buffer of this link until the next receive. Sends
 * gather the slices by writev, without a copy. */
#include "link/kernel_side.h"
#include "link/link.h"
#include "link/offload.h"

#include <handfast/stack.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* One receive goes on while the next packet, however large, has room. Without offload that is some
 * 64 packets of 1500 bytes, with it what lies in a processor's own cache. */
#define BUFFER_BYTES 98304u
#define PACKET_MAX 65600u /* a super-segment: an IPv6 header and 65535 bytes, rounded */
/* The largest packet that we give the kernel to cut: IPv4 can say no more. */
#define GSO_MAX 65535
/* The kernel drops what we do not read in time; the default of 500 packets is less than a large
 * receive window. */
#define KERNEL_QUEUE 4096
#define MTU_MAX 65535
#define MTU_MIN 68 /* RFC 791 */

struct tun {
    struct hf_link link;
    bool vnet; /* a virtio-net header stands in front of each packet                          */
    uint32_t before; /* bytes in front of the IP header: none, or an Ethernet header          */
    uint32_t packet_max, buffer_bytes;
    uint8_t *buffer;
};

/* Read a packet, without its virtio-net header, to `bytes`. Returns as read(2) does. */
static ssize_t read_one(const struct tun *tun, uint8_t *bytes, uint8_t header[HF_VNET_HEADER])
{
    if (!tun->vnet)
        return read(tun->link.descriptor, bytes, tun->packet_max);
    const struct iovec parts[2] = {{header, HF_VNET_HEADER}, {bytes, tun->packet_max}};
    ssize_t len = readv(tun->link.descriptor, parts, 2);
    return len > HF_VNET_HEADER ? len - HF_VNET_HEADER : len > 0 ? 0 : len;
}

static int64_t tun_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    struct tun *tun = (struct tun *)link;
    uint8_t header[HF_VNET_HEADER];
    uint32_t at = 0;
    size_t n = 0;
    while (n < room && tun->buffer_bytes - at >= tun->packet_max) {
        uint8_t *bytes = tun->buffer + at;
        ssize_t len = read_one(tun, bytes, header);
        if (len > 0) {
            hf_packet_wrap(&packets[n], 0, bytes, (uint32_t)len);
            if (tun->vnet)
                hf_vnet_read(header, &packets[n], tun->before);
            n++;
            at += ((uint32_t)len + 63) & ~63u;
        } else if (len == 0 || errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return n > 0 ? (int64_t)n : HF_ERR_STATE; /* EBADFD: the device was removed */
        }
    }
    return (int64_t)n;
}

/* Returns whether the kernel took it; *gone when it never will again. */
static bool send_one(const struct tun *tun, const struct hf_packet *packet, bool *gone)
{
    uint8_t header[HF_VNET_HEADER];
    struct iovec parts[1 + HF_PACKET_SLICES];
    int count = 0;
    if (tun->vnet) {
        hf_vnet_write(packet, header, tun->before);
        parts[count++] = (struct iovec){header, sizeof header};
    }
    for (unsigned i = 0; i < packet->slices; i++)
        parts[count++] = (struct iovec){(void *)(uintptr_t)packet->slice[i].data,
                                        packet->slice[i].len};
    for (;;) {
        ssize_t n = count == 1 ? write(tun->link.descriptor, parts[0].iov_base, parts[0].iov_len)
                               : writev(tun->link.descriptor, parts, count);
        if (n >= 0)
            return true;
        if (errno == EINTR)
            continue;
        *gone = errno == EBADFD || errno == EBADF;
        return false;
    }
}

static int64_t tun_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    bool gone = false;
    int64_t sent = 0;
    for (size_t i = 0; i < n; i++) {
        if (send_one((const struct tun *)link, &packets[i], &gone))
            sent++;
        else
            link->lost++;
        if (gone)
            return HF_ERR_STATE;
    }
    return sent;
}

static void tun_close(struct hf_link *link)
{
    struct tun *tun = (struct tun *)link;
    (void)close(link->descriptor);
    free(tun->buffer);
    free(tun);
}

static const struct hf_link_ops tun_ops = {tun_receive, tun_send, tun_close};

static int fail(char *error, const char *what, const char *name, int err, const char *help)
{
    (void)snprintf(error, HF_ERROR_TEXT, "cannot %s %s: %s%s%s", what, name, strerror(err),
                   *help ? "; " : "", help);
    return -1;
}

#define HELP_PRIVILEGE                                                                           \
    "run as root, or let root make a device for you: ip tuntap add NAME mode tun user $USER"

static int attach(const struct hf_tun_config *config, bool vnet, char name[IFNAMSIZ], char *error)
{
    static const char path[] = "/dev/net/tun";
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return fail(error, "open", path, errno,
                    errno == ENOENT ? "load the module: modprobe tun" : HELP_PRIVILEGE);
    }
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_flags =
        (short)((config->ethernet ? IFF_TAP : IFF_TUN) | IFF_NO_PI | (vnet ? IFF_VNET_HDR : 0) |
                (config->multi_queue ? IFF_MULTI_QUEUE : 0));
    if (config->name)
        memcpy(request.ifr_name, config->name, strlen(config->name));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        int err = errno;
        (void)close(fd);
        const char *help = err == EPERM    ? HELP_PRIVILEGE
                           : err == EBUSY  ? "another program has it"
                           : err == EINVAL ? "there is a device of this name of another kind"
                           : err == E2BIG  ? "it has no more queues"
                                           : "";
        const char *shown = config->name && *config->name ? config->name
                            : config->ethernet            ? "a TAP device"
                                                          : "a TUN device";
        return fail(error, "attach to", shown, err, help);
    }
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return fd;
}

/* ---- Offload ---- */

static bool set_offload(int fd, unsigned long what)
{
    return ioctl(fd, TUNSETOFFLOAD, what) == 0;
}

/* Whether the kernel has the header at all, before anything is attached. */
static bool kernel_has_vnet(void)
{
    unsigned features = 0;
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    bool has = fd >= 0 && ioctl(fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR;
    if (fd >= 0)
        (void)close(fd);
    return has;
}

static int open_device(const struct hf_tun_config *config, bool *vnet, char name[IFNAMSIZ],
                       char *error)
{
    *vnet = config->offload != HF_OFFLOAD_OFF && kernel_has_vnet();
    int fd = attach(config, *vnet, name, error);
    if (fd >= 0)
        (void)set_offload(fd, 0); /* a device that stays keeps what its last user asked for */
    return fd;
}

/* Ask for it, and see whether it is so. Returns false, with a reason, when it is not. */
static bool start_offload(struct tun *tun, const struct hf_tun_config *config)
{
    struct hf_link *link = &tun->link;
    int size = HF_VNET_HEADER;
    const char *why = NULL;
    if (!tun->vnet)
        why = "this kernel has no virtio-net header on TUN devices";
    else if (ioctl(link->descriptor, TUNSETVNETHDRSZ, &size) < 0 ||
             !set_offload(link->descriptor, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
        why = "the device does not take checksums and segments";
    /* The same driver stands behind a TAP device, where a probe would need a neighbour. */
    bool probe = config->offload == HF_OFFLOAD_AUTO && !config->ethernet;
    for (size_t i = 0; !why && probe && i < config->host_addr_count; i++)
        if (hf_offload_probe(link->descriptor, &config->host_addrs[i]) == HF_PROBE_BROKEN)
            why = "the kernel promised it, but a super-segment did not arrive";
    if (why) {
        (void)snprintf(link->note, sizeof link->note, "%s works without offload: %s", link->name,
                       why);
        if (tun->vnet)
            (void)set_offload(link->descriptor, 0);
        return false;
    }
    link->features = HF_LINK_CHECKSUM_OUT | HF_LINK_TRUSTED;
    link->gso_max = GSO_MAX;
    return true;
}

/* Our station on a TAP device: a neighbour of the kernel's own, the same whenever we come back, so that
 * what the kernel knows of us stays true. */
static int choose_mac(struct hf_link *link, char *error)
{
    int err = hf_kernel_get_mac(link->name, link->mac);
    if (err != 0)
        return fail(error, "ask for the address of", link->name, err, "");
    link->mac[0] = (uint8_t)((link->mac[0] | 2) & ~1);
    link->mac[5] ^= 1;
    link->kind = HF_LINK_ETHERNET;
    return 0;
}

/* MTU, queue and up, as far as they are ours to set. */
static int configure(const struct hf_tun_config *config, const char *name, bool made, char *error)
{
    int err;
    int up = 0;
    if (made) {
        if (config->mtu && (err = hf_kernel_set_mtu(name, config->mtu)) != 0)
            return fail(error, "set the MTU of", name, err, "");
        (void)hf_kernel_set_queue(name, KERNEL_QUEUE); /* it works without, with more loss */
    }
    for (size_t i = 0; i < config->host_addr_count; i++) {
        char text[HF_ADDR_TEXT];
        err = hf_kernel_add_address(name, &config->host_addrs[i]);
        if (err == 0 || (!made && err == EPERM))
            continue;
        (void)snprintf(error, HF_ERROR_TEXT, "cannot give %s the address %s/%u: %s", name,
                       hf_addr_format(&config->host_addrs[i].addr, text),
                       config->host_addrs[i].prefix, strerror(err));
        return -1;
    }
    if ((err = hf_kernel_is_up(name, &up)) != 0)
        return fail(error, "look at", name, err, "");
    if (!up && (err = hf_kernel_set_up(name)) != 0)
        return fail(error, "bring up", name, err, "as root: ip link set up NAME");
    return 0;
}

static bool config_is_good(const struct hf_tun_config *config, char *error)
{
    if (config->size < sizeof *config) {
        (void)snprintf(error, HF_ERROR_TEXT, "TUN configuration: its size field is not set");
        return false;
    }
    if (config->name && strlen(config->name) >= IFNAMSIZ) {
        (void)snprintf(error, HF_ERROR_TEXT, "device name %.64s: more than %d characters",
                       config->name, IFNAMSIZ - 1);
        return false;
    }
    if (config->offload > HF_OFFLOAD_ON) {
        (void)snprintf(error, HF_ERROR_TEXT, "offload %u: not HF_OFFLOAD_OFF, AUTO or ON",
                       config->offload);
        return false;
    }
    if (config->mtu && (config->mtu < MTU_MIN || config->mtu > MTU_MAX)) {
        (void)snprintf(error, HF_ERROR_TEXT, "MTU %u: not %d to %d", config->mtu, MTU_MIN,
                       MTU_MAX);
        return false;
    }
    return true;
}

struct hf_link *hf_link_tun(const struct hf_tun_config *config, char *error)
{
    char name[IFNAMSIZ];
    uint32_t mtu = 0;
    if (!config_is_good(config, error))
        return NULL;
    bool made = !config->name || !*config->name || if_nametoindex(config->name) == 0;
    bool vnet = false;
    int fd = open_device(config, &vnet, name, error);
    if (fd < 0)
        return NULL;
    struct tun *tun = NULL;
    if (configure(config, name, made, error) < 0)
        goto failed;
    int err = hf_kernel_get_mtu(name, &mtu);
    if (err != 0) {
        (void)fail(error, "ask for the MTU of", name, err, "");
        goto failed;
    }
    tun = calloc(1, sizeof *tun);
    if (!tun) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for %s", name);
        goto failed;
    }
    hf_link_init(&tun->link, &tun_ops, name, mtu, fd);
    tun->vnet = vnet;
    if (config->ethernet && choose_mac(&tun->link, error) < 0)
        goto failed;
    tun->before = config->ethernet ? HF_LINK_FRAME : 0;
    if (config->offload != HF_OFFLOAD_OFF && !start_offload(tun, config) &&
        config->offload == HF_OFFLOAD_ON) {
        (void)snprintf(error, HF_ERROR_TEXT, "%s", tun->link.note);
        goto failed;
    }
    if (!tun->link.gso_max)
        tun->link.features |= HF_LINK_MERGE; /* the kernel merges nothing then */
    tun->packet_max =
        tun->link.gso_max ? PACKET_MAX : mtu + (config->ethernet ? HF_LINK_TAGGED : 0);
    tun->buffer_bytes = tun->packet_max + BUFFER_BYTES;
    tun->buffer = malloc(tun->buffer_bytes);
    if (tun->buffer)
        return &tun->link;
    (void)snprintf(error, HF_ERROR_TEXT, "no memory for the buffers of %s", name);

failed:
    free(tun);
    (void)close(fd);
    return NULL;
}
