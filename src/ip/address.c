/* Which addresses are ours, and which ones nobody may be: multicast, broadcast (the limited
 * one and those of our own prefixes), unspecified, loopback. Links and addresses are added
 * here too.
 *
 * The host is a weak one (RFC 1122 3.3.4.2): a packet for any of our addresses is taken on
 * any link, but a link-local address is ours on its own link only. */
#include "ip/address.h"
#include "ip/path_mtu.h"
#include "wire/bytes.h"
#include "wire/ethernet.h"

enum hf_scope hf_key_scope(const uint8_t key[16])
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t unspecified[16] = {0};
    if (hf_key_is_ipv4(key)) {
        const uint8_t *ipv4 = key + 12;
        if (ipv4[0] == 0)
            return HF_SCOPE_NONE;
        if (ipv4[0] == 127)
            return HF_SCOPE_LOOPBACK;
        if ((ipv4[0] & 0xf0) == 0xe0)
            return HF_SCOPE_MULTICAST;
        if (hf_get32(ipv4) == 0xffffffffu)
            return HF_SCOPE_BROADCAST;
        return ipv4[0] == 169 && ipv4[1] == 254 ? HF_SCOPE_LINK : HF_SCOPE_GLOBAL;
    }
    if (key[0] == 0xff)
        return HF_SCOPE_MULTICAST;
    if (memcmp(key, unspecified, 16) == 0)
        return HF_SCOPE_NONE;
    if (memcmp(key, loopback, 16) == 0)
        return HF_SCOPE_LOOPBACK;
    return hf_key_is_link_local(key) ? HF_SCOPE_LINK : HF_SCOPE_GLOBAL;
}

bool hf_key_same_prefix(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

unsigned hf_ip_key_bits(const struct hf_ip_address *address)
{
    return hf_key_is_ipv4(address->key) ? 96u + address->prefix : address->prefix;
}

/* All ones or all zero behind an IPv4 prefix: both mean broadcast (RFC 1122 3.3.6). Prefixes
 * of 31 and 32 bits have none (RFC 3021). */
static bool is_directed_broadcast(const uint8_t key[16], unsigned prefix)
{
    if (prefix > 30)
        return false;
    uint32_t host_bits = 0xffffffffu >> prefix;
    uint32_t host = hf_get32(key + 12) & host_bits;
    return host == 0 || host == host_bits;
}

/* The scopes of hf_key_scope and the broadcast addresses of our prefixes, in few steps: this is
 * asked for every packet. */
static bool ipv4_is_unicast(const struct hf_ip *ip, uint32_t addr)
{
    uint32_t first = addr >> 24;
    if (first == 0 || first == 127 || (first & 0xf0) == 0xe0 || addr == 0xffffffffu)
        return false;
    for (unsigned i = 0; i < ip->addresses; i++) {
        const struct hf_ip_address *a = &ip->address[i];
        uint32_t host = addr & a->host_bits;
        if (a->host_bits && ((addr ^ a->ipv4) & ~a->host_bits) == 0 &&
            (host == 0 || host == a->host_bits))
            return false;
    }
    return true;
}

bool hf_ip_is_unicast(const struct hf_ip *ip, const uint8_t key[16])
{
    if (hf_key_is_ipv4(key))
        return ipv4_is_unicast(ip, hf_get32(key + 12));
    enum hf_scope scope = hf_key_scope(key);
    return scope == HF_SCOPE_GLOBAL || scope == HF_SCOPE_LINK;
}

unsigned hf_ip_is_ours(const struct hf_ip *ip, const uint8_t key[16])
{
    for (unsigned i = 0; i < ip->addresses; i++)
        if (hf_key_equal(ip->address[i].key, key))
            return ip->address[i].link;
    return 0;
}

bool hf_ip_is_here(const struct hf_ip *ip, unsigned link, const uint8_t key[16])
{
    for (unsigned i = 0; i < ip->addresses; i++)
        if (ip->address[i].link == link && hf_key_equal(ip->address[i].key, key))
            return true;
    return false;
}

bool hf_ip_owns(const struct hf_ip *ip, unsigned link, const uint8_t key[16])
{
    return hf_key_is_link_local(key) ? hf_ip_is_here(ip, link, key) : hf_ip_is_ours(ip, key) != 0;
}

int hf_ip_add_link(struct hf_ip *ip, const struct hf_link_config *config)
{
    if (config->mtu < 68 || config->mtu > 65535) /* RFC 791 3.2 */
        return HF_ERR_ARGUMENT;
    if (config->kind > HF_LINK_ETHERNET ||
        (config->kind == HF_LINK_ETHERNET && !hf_mac_is_station(config->mac)))
        return HF_ERR_ARGUMENT;
    for (int i = 1; i <= HF_LINKS_MAX; i++) {
        struct hf_ip_link *link = &ip->link[i];
        if (link->used)
            continue;
        link->used = true;
        link->mtu = (uint16_t)config->mtu;
        link->features = config->features;
        link->gso_max = config->gso_max;
        link->kind = config->kind;
        memcpy(link->mac, config->mac, sizeof link->mac);
        return i;
    }
    return HF_ERR_LIMIT;
}

int hf_ip_prefix_key(const struct hf_ip *ip, unsigned link, const struct hf_addr *addr,
                     unsigned bits, uint8_t key[16])
{
    if (link == 0 || link > HF_LINKS_MAX || !ip->link[link].used)
        return HF_ERR_ARGUMENT;
    if (addr->family != HF_IPV4 && addr->family != HF_IPV6)
        return HF_ERR_ARGUMENT;
    if (bits > (addr->family == HF_IPV4 ? 32u : 128u))
        return HF_ERR_ARGUMENT;
    if (addr->zone != 0 && addr->zone != link)
        return HF_ERR_ARGUMENT;
    if (addr->family == HF_IPV6 && ip->link[link].mtu < HF_IPV6_MTU_MIN)
        return HF_ERR_ARGUMENT;
    hf_key_from_addr(key, addr);
    return addr->family == HF_IPV6 && hf_key_is_ipv4(key) ? HF_ERR_ADDRESS : 0;
}

int hf_ip_add_address(struct hf_ip *ip, unsigned link, const struct hf_addr *addr, unsigned bits)
{
    struct hf_ip_address a = {.prefix = (uint8_t)bits, .link = (uint8_t)link};
    int err = hf_ip_prefix_key(ip, link, addr, bits, a.key);
    if (err)
        return err;
    if (!hf_ip_is_unicast(ip, a.key))
        return HF_ERR_ADDRESS;
    if (hf_key_is_ipv4(a.key) && is_directed_broadcast(a.key, bits))
        return HF_ERR_ADDRESS;
    if (hf_ip_owns(ip, link, a.key)) { /* there already: on this link? */
        bool here = hf_key_is_link_local(a.key) || hf_ip_is_ours(ip, a.key) == link;
        return here ? 0 : HF_ERR_ADDRESS;
    }
    if (ip->addresses == HF_IP_ADDRESSES_MAX)
        return HF_ERR_LIMIT;
    if (!hf_key_is_link_local(a.key)) { /* those take the link of their zone, not a route */
        err = hf_ip_insert_route(ip, link, a.key, hf_ip_key_bits(&a), 0);
        if (err)
            return err;
    }
    if (hf_key_is_ipv4(a.key) && bits <= 30) {
        a.ipv4 = hf_get32(a.key + 12);
        a.host_bits = 0xffffffffu >> bits;
    }
    ip->address[ip->addresses++] = a;
    ip->routed_link = 0;
    memset(ip->seen, 0, sizeof ip->seen);
    return 0;
}
