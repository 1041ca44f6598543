/* Looking at an interface before it is used, for packet.c and xdp.c. */
#include "link/interface.h"
#include "link/kernel_side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MTU_MIN 68 /* RFC 791 */

/* Between going down and being gone an interface waits for its readers: some milliseconds, more on a
 * machine that is busy. */
#define GOING_STEPS 30
#define GOING_STEP_NS 10000000

int hf_interface_fail(char *error, const char *what, const char *name, int err)
{
    const char *help = err == EPERM    ? "; run as root (CAP_NET_RAW)"
                       : err == ENODEV ? "; ip link lists the interfaces"
                                       : "";
    (void)snprintf(error, HF_ERROR_TEXT, "cannot %s %s: %s%s", what, name, strerror(err), help);
    return -1;
}

static int say(char *error, const char *name, const char *what)
{
    (void)snprintf(error, HF_ERROR_TEXT, "%s %s", name, what);
    return -1;
}

int hf_interface_look(const struct hf_interface_config *config, struct hf_interface *interface,
                      char *error)
{
    int up = 0;
    if (config->size < sizeof *config || !config->name)
        return say(error, "interface configuration:", "its size or name field is not set");
    const char *name = config->name;
    if (strlen(name) >= IFNAMSIZ)
        return say(error, "interface name:", "more than 15 characters");
    if (config->offload > HF_OFFLOAD_ON)
        return say(error, name, "offload: not HF_OFFLOAD_OFF, AUTO or ON");
    interface->index = if_nametoindex(name);
    if (interface->index == 0)
        return hf_interface_fail(error, "find", name, ENODEV);
    int err = hf_kernel_get_mac(name, interface->mac);
    if (err == EPROTONOSUPPORT)
        return say(error, name, "is no Ethernet interface");
    if (err == 0)
        err = hf_kernel_get_mtu(name, &interface->mtu);
    if (err == 0)
        err = hf_kernel_is_up(name, &up);
    if (err != 0)
        return hf_interface_fail(error, "look at", name, err);
    if (!up)
        return say(error, name, "is down; as root: ip link set up NAME");
    if (config->mtu > interface->mtu || (config->mtu && config->mtu < MTU_MIN)) {
        (void)snprintf(error, HF_ERROR_TEXT, "MTU %u: %s takes %d to %u", config->mtu, name,
                       MTU_MIN, interface->mtu);
        return -1;
    }
    if (config->mtu)
        interface->mtu = config->mtu;
    return 0;
}

bool hf_interface_is_gone(unsigned index)
{
    char name[IFNAMSIZ];
    return !if_indextoname(index, name);
}

bool hf_interface_goes(unsigned index)
{
    const struct timespec step = {.tv_nsec = GOING_STEP_NS};
    for (unsigned i = 0; i < GOING_STEPS; i++) {
        if (hf_interface_is_gone(index))
            return true;
        (void)nanosleep(&step, NULL);
    }
    return hf_interface_is_gone(index);
}

int hf_interface_socket(const char *name, char *error)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd >= 0 ? fd : hf_interface_fail(error, "open a packet socket on", name, errno);
}

void hf_interface_join_groups(int socket, unsigned index)
{
    struct packet_mreq groups = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_ALLMULTI};
    (void)setsockopt(socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &groups, sizeof groups);
}

int hf_interface_watch(const char *name, unsigned index, char *error)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog code = {1, &nothing};
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    int fd = hf_interface_socket(name, error);
    if (fd < 0)
        return -1;
    hf_interface_join_groups(fd, index);
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code) == 0 &&
        bind(fd, (const struct sockaddr *)&here, sizeof here) == 0)
        return fd;
    (void)hf_interface_fail(error, "watch", name, errno);
    (void)close(fd);
    return -1;
}
