/* Device settings by ioctl (netdevice(7)) and addresses by rtnetlink (rtnetlink(7)). One request,
 * one answer; sockets live only as long as the call. */
#include "link/kernel_side.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void name_request(struct ifreq *request, const char *device)
{
    memset(request, 0, sizeof *request);
    memcpy(request->ifr_name, device, strnlen(device, IFNAMSIZ - 1));
}

static int device_ioctl(unsigned long what, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int err = ioctl(fd, what, request) < 0 ? errno : 0;
    (void)close(fd);
    return err;
}

int hf_kernel_set_mtu(const char *device, uint32_t mtu)
{
    struct ifreq request;
    name_request(&request, device);
    request.ifr_mtu = (int)mtu;
    return device_ioctl(SIOCSIFMTU, &request);
}

int hf_kernel_get_mtu(const char *device, uint32_t *mtu)
{
    struct ifreq request;
    name_request(&request, device);
    int err = device_ioctl(SIOCGIFMTU, &request);
    if (err == 0)
        *mtu = (uint32_t)request.ifr_mtu;
    return err;
}

/* EPROTONOSUPPORT: it is no Ethernet. */
int hf_kernel_get_mac(const char *device, uint8_t mac[6])
{
    struct ifreq request;
    name_request(&request, device);
    int err = device_ioctl(SIOCGIFHWADDR, &request);
    if (err == 0 && request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        err = EPROTONOSUPPORT;
    if (err == 0)
        memcpy(mac, request.ifr_hwaddr.sa_data, 6);
    return err;
}

int hf_kernel_set_queue(const char *device, int packets)
{
    struct ifreq request;
    name_request(&request, device);
    request.ifr_qlen = packets;
    return device_ioctl(SIOCSIFTXQLEN, &request);
}

int hf_kernel_is_up(const char *device, int *up)
{
    struct ifreq request;
    name_request(&request, device);
    int err = device_ioctl(SIOCGIFFLAGS, &request);
    if (err == 0)
        *up = (request.ifr_flags & IFF_UP) != 0;
    return err;
}

int hf_kernel_set_up(const char *device)
{
    struct ifreq request;
    name_request(&request, device);
    int err = device_ioctl(SIOCGIFFLAGS, &request);
    if (err != 0)
        return err;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return device_ioctl(SIOCSIFFLAGS, &request);
}

/* RTM_NEWADDR with room for IFA_LOCAL, IFA_ADDRESS and IFA_FLAGS. */
struct address_request {
    struct nlmsghdr header;
    struct ifaddrmsg address;
    uint8_t attributes[64];
};

static void attach(struct address_request *request, uint16_t type, const void *data, size_t len)
{
    struct rtattr head = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(len)};
    uint8_t *at = (uint8_t *)request + NLMSG_ALIGN(request->header.nlmsg_len);
    memcpy(at, &head, sizeof head);
    memcpy(at + RTA_LENGTH(0), data, len);
    request->header.nlmsg_len =
        (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(head.rta_len));
}

/* Send one request that asks for an acknowledgement. Returns 0 or the errno value in it. */
static int ask(const struct address_request *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        uint8_t rest[512];
    } answer;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return errno;
    int err = 0;
    if (send(fd, request, request->header.nlmsg_len, 0) < 0) {
        err = errno;
    } else {
        ssize_t n = recv(fd, &answer, sizeof answer, 0);
        if (n < 0)
            err = errno;
        else if ((size_t)n < sizeof answer.header + sizeof answer.error ||
                 answer.header.nlmsg_type != NLMSG_ERROR)
            err = EPROTO;
        else
            err = -answer.error.error;
    }
    (void)close(fd);
    return err;
}

int hf_kernel_add_address(const char *device, const struct hf_addr_prefix *addr)
{
    int four = addr->addr.family == HF_IPV4;
    size_t len = four ? 4 : 16;
    unsigned index = if_nametoindex(device);
    if (index == 0)
        return errno;
    struct address_request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
                   .nlmsg_type = RTM_NEWADDR,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .address = {.ifa_family = four ? AF_INET : AF_INET6,
                    .ifa_prefixlen = (uint8_t)addr->prefix,
                    .ifa_index = index},
    };
    uint32_t flags = IFA_F_NODAD;
    attach(&request, IFA_LOCAL, addr->addr.bytes, len);
    attach(&request, IFA_ADDRESS, addr->addr.bytes, len);
    if (!four)
        attach(&request, IFA_FLAGS, &flags, sizeof flags);
    int err = ask(&request);
    return err == EEXIST ? 0 : err;
}
