/* struct sockaddr and struct hf_endpoint, each as the other. IPv4-mapped addresses exist here and
 * nowhere else: an AF_INET6 socket speaks IPv4 by them (RFC 3493 3.7), the stack sees plain IPv4. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "socket/sockets.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int read_v4(const struct sockaddr *addr, uint32_t len, struct hf_endpoint *end)
{
    struct sockaddr_in in;
    if (len < sizeof in)
        return -EINVAL;
    memcpy(&in, addr, sizeof in);
    end->port = ntohs(in.sin_port);
    if (in.sin_addr.s_addr == INADDR_ANY)
        return 0;
    end->addr.family = HF_IPV4;
    memcpy(end->addr.bytes, &in.sin_addr, 4);
    return 0;
}

static int read_v6(const struct hf_socket *s, const struct sockaddr *addr, uint32_t len,
                   struct hf_endpoint *end)
{
    struct sockaddr_in6 in;
    if (len < sizeof in)
        return -EINVAL;
    memcpy(&in, addr, sizeof in);
    end->port = ntohs(in.sin6_port);
    if (memcmp(&in.sin6_addr, &in6addr_any, 16) == 0)
        return 0;
    if (memcmp(&in.sin6_addr, mapped, sizeof mapped) == 0) {
        if (s->options.v6only)
            return -ENETUNREACH;
        end->addr.family = HF_IPV4;
        memcpy(end->addr.bytes, (const uint8_t *)&in.sin6_addr + 12, 4);
        return 0;
    }
    end->addr.family = HF_IPV6;
    end->addr.zone = (uint8_t)in.sin6_scope_id;
    memcpy(end->addr.bytes, &in.sin6_addr, 16);
    return 0;
}

bool hf_name_is_unspecified(const struct sockaddr *addr, uint32_t len)
{
    sa_family_t family;
    if (!addr || len < sizeof family)
        return false;
    memcpy(&family, addr, sizeof family);
    return family == AF_UNSPEC;
}

bool hf_name_is_any_ipv4(const struct hf_endpoint *end)
{
    static const uint8_t any[4];
    return end->addr.family == HF_IPV4 && memcmp(end->addr.bytes, any, sizeof any) == 0;
}

int hf_name_read(const struct hf_socket *s, const struct sockaddr *addr, uint32_t len,
                 struct hf_endpoint *end)
{
    sa_family_t family;
    memset(end, 0, sizeof *end);
    if (!addr)
        return -EFAULT;
    if (len < offsetof(struct sockaddr, sa_data))
        return -EINVAL;
    memcpy(&family, (const uint8_t *)addr + offsetof(struct sockaddr, sa_family), sizeof family);
    if (family != s->domain)
        return -EAFNOSUPPORT;
    return family == AF_INET ? read_v4(addr, len, end) : read_v6(s, addr, len, end);
}

static uint32_t write_v4(const struct hf_endpoint *end, uint8_t *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(end->port)};
    if (end->addr.family == HF_IPV4)
        memcpy(&in.sin_addr, end->addr.bytes, 4);
    memcpy(out, &in, sizeof in);
    return sizeof in;
}

static uint32_t write_v6(const struct hf_socket *s, const struct hf_endpoint *end, uint8_t *out)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(end->port)};
    if (end->addr.family == HF_IPV4 || (end->addr.family == HF_FAMILY_NONE && s->any_ipv4)) {
        memcpy(&in.sin6_addr, mapped, sizeof mapped);
        memcpy((uint8_t *)&in.sin6_addr + 12, end->addr.bytes, 4);
    } else if (end->addr.family == HF_IPV6) {
        memcpy(&in.sin6_addr, end->addr.bytes, 16);
        in.sin6_scope_id = end->addr.zone;
    }
    memcpy(out, &in, sizeof in);
    return sizeof in;
}

void hf_name_write(const struct hf_socket *s, const struct hf_endpoint *end,
                   struct sockaddr *addr, uint32_t *len)
{
    uint8_t name[sizeof(struct sockaddr_in6)];
    if (!addr || !len)
        return;
    uint32_t full = s->domain == AF_INET ? write_v4(end, name) : write_v6(s, end, name);
    memcpy(addr, name, *len < full ? *len : full);
    *len = full;
}
