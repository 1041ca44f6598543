/* A TUN device (Linux): plain IP packets, one a system call, without offload.
 *
 * hf_link_tun makes the device when it is absent and may be made, and then also gives the kernel's
 * side its MTU, queue, addresses and brings it up. A device that is there already is used as it
 * is: whoever made it has configured it, but addresses asked for are added where we may.
 *
 * Received packets lie in a ring of buffers of this link until the next receive. Sends gather the
 * slices by writev, without a copy. */
#include "link/kernel_side.h"
#include "link/link.h"

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

/* Packets that one receive returns at the most. */
#define RING 64
/* The kernel drops what we do not read in time; the default of 500 packets is less than a large
 * receive window. */
#define KERNEL_QUEUE 4096
#define MTU_MAX 65535
#define MTU_MIN 68 /* RFC 791 */

struct tun {
    struct hf_link link;
    uint32_t buffer_bytes;
    uint8_t *buffers; /* RING of them */
};

static int64_t tun_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    struct tun *tun = (struct tun *)link;
    size_t n = 0;
    while (n < room && n < RING) {
        uint8_t *buffer = tun->buffers + n * tun->buffer_bytes;
        ssize_t len = read(link->descriptor, buffer, tun->buffer_bytes);
        if (len > 0) {
            hf_packet_wrap(&packets[n++], 0, buffer, (uint32_t)len);
        } else if (len == 0 || errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return n > 0 ? (int64_t)n : HF_ERR_STATE; /* EBADFD: the device was removed */
        }
    }
    return (int64_t)n;
}

/* Returns whether the kernel took it; *gone when it never will again. */
static bool send_one(int descriptor, const struct hf_packet *packet, bool *gone)
{
    struct iovec parts[HF_PACKET_SLICES];
    for (unsigned i = 0; i < packet->slices; i++) {
        parts[i].iov_base = (void *)(uintptr_t)packet->slice[i].data;
        parts[i].iov_len = packet->slice[i].len;
    }
    for (;;) {
        ssize_t n = packet->slices == 1 ? write(descriptor, parts[0].iov_base, parts[0].iov_len)
                                        : writev(descriptor, parts, packet->slices);
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
        if (send_one(link->descriptor, &packets[i], &gone))
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
    free(tun->buffers);
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

static int open_device(const struct hf_tun_config *config, char name[IFNAMSIZ], char *error)
{
    static const char path[] = "/dev/net/tun";
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return fail(error, "open", path, errno,
                    errno == ENOENT ? "load the module: modprobe tun" : HELP_PRIVILEGE);
    }
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (config->name)
        memcpy(request.ifr_name, config->name, strlen(config->name));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        int err = errno;
        (void)close(fd);
        const char *help = err == EPERM    ? HELP_PRIVILEGE
                           : err == EBUSY  ? "another program has it"
                           : err == EINVAL ? "there is a device of this name of another kind"
                                           : "";
        const char *shown = config->name && *config->name ? config->name : "a TUN device";
        return fail(error, "attach to", shown, err, help);
    }
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return fd;
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
    int fd = open_device(config, name, error);
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
    if (tun)
        tun->buffers = malloc((size_t)RING * mtu);
    if (!tun || !tun->buffers) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for the buffers of %s", name);
        goto failed;
    }
    tun->buffer_bytes = mtu;
    hf_link_init(&tun->link, &tun_ops, name, mtu, fd);
    return &tun->link;

failed:
    free(tun);
    (void)close(fd);
    return NULL;
}
