/* Where packets go and which of our addresses they come from: the longest prefix wins, then
 * the first added; IPv6 link-local destinations take the link of their zone. Source choice is
 * RFC 6724 in small. Called once for each connection, not for each packet. */
#include "ip/address.h"
#include "ip/neighbour.h"
#include "ip/path_mtu.h"

int hf_ip_insert_route(struct hf_ip *ip, unsigned link, const uint8_t key[16], unsigned bits,
                       const uint8_t *gateway)
{
    if (ip->routes == HF_IP_ROUTES_MAX)
        return HF_ERR_LIMIT;
    unsigned at = 0;
    while (at < ip->routes && ip->route[at].bits >= bits)
        at++;
    memmove(&ip->route[at + 1], &ip->route[at], (ip->routes - at) * sizeof ip->route[0]);
    struct hf_ip_route *route = &ip->route[at];
    memcpy(route->key, key, 16);
    route->bits = (uint8_t)bits;
    route->link = (uint8_t)link;
    route->ipv4 = hf_key_is_ipv4(key);
    route->has_gateway = gateway != 0;
    if (gateway)
        memcpy(route->gateway, gateway, 16);
    ip->routes++;
    ip->routed_link = 0;
    if (ip->neighbours)
        ip->neighbours->epoch++;
    return 0;
}

int hf_ip_add_route(struct hf_ip *ip, unsigned link, const struct hf_addr *prefix, unsigned bits)
{
    uint8_t key[16];
    int err = hf_ip_prefix_key(ip, link, prefix, bits, key);
    if (err)
        return err == HF_ERR_ADDRESS ? HF_ERR_ARGUMENT : err;
    return hf_ip_insert_route(ip, link, key, prefix->family == HF_IPV4 ? 96 + bits : bits, 0);
}

int hf_ip_add_gateway(struct hf_ip *ip, unsigned link, const struct hf_addr *prefix,
                      unsigned bits, const struct hf_addr *gateway)
{
    uint8_t key[16], hop[16], via[16];
    int err = hf_ip_prefix_key(ip, link, prefix, bits, key);
    if (err)
        return err == HF_ERR_ADDRESS ? HF_ERR_ARGUMENT : err;
    if (ip->link[link].kind != HF_LINK_ETHERNET || gateway->family != prefix->family ||
        (gateway->zone && gateway->zone != link))
        return HF_ERR_ARGUMENT;
    hf_key_from_addr(via, gateway);
    bool neighbour = hf_ip_is_unicast(ip, via) && !hf_ip_owns(ip, link, via) &&
                     hf_ip_next_hop(ip, link, via, hop) && hf_key_equal(hop, via);
    if (!neighbour)
        return HF_ERR_ADDRESS;
    return hf_ip_insert_route(ip, link, key, prefix->family == HF_IPV4 ? 96 + bits : bits, via);
}

/* A default route of IPv6 (0 bits) would match every IPv4 key, hence the family. */
static bool leads_to(const struct hf_ip_route *route, const uint8_t remote[16])
{
    return route->ipv4 == hf_key_is_ipv4(remote) &&
           hf_key_same_prefix(route->key, remote, route->bits);
}

/* 0: none. */
static unsigned find_link(const struct hf_ip *ip, const uint8_t remote[16], unsigned zone)
{
    if (hf_key_is_link_local(remote))
        return zone <= HF_LINKS_MAX && ip->link[zone].used ? zone : 0;
    for (unsigned i = 0; i < ip->routes; i++)
        if (leads_to(&ip->route[i], remote))
            return ip->route[i].link;
    return 0;
}

bool hf_ip_next_hop(const struct hf_ip *ip, unsigned link, const uint8_t remote[16],
                    uint8_t hop[16])
{
    const uint8_t *to = hf_key_is_link_local(remote) ? remote : 0;
    for (unsigned i = 0; !to && i < ip->routes; i++) {
        const struct hf_ip_route *route = &ip->route[i];
        if (route->link == link && leads_to(route, remote))
            to = route->has_gateway ? route->gateway : remote;
    }
    if (to)
        memcpy(hop, to, 16);
    return to != 0;
}

/* RFC 6724 5: rule 2 (scope), then what stands in the same prefix, then the first added. NULL
 * when the link has no address of the family. */
const struct hf_ip_address *hf_ip_source(const struct hf_ip *ip, unsigned link,
                                         const uint8_t remote[16])
{
    const struct hf_ip_address *best = 0;
    int best_score = -1;
    for (unsigned i = 0; i < ip->addresses; i++) {
        const struct hf_ip_address *a = &ip->address[i];
        if (a->link != link || hf_key_is_ipv4(a->key) != hf_key_is_ipv4(remote))
            continue;
        int score = 2 * (hf_key_scope(a->key) == hf_key_scope(remote)) +
                    hf_key_same_prefix(a->key, remote, hf_ip_key_bits(a));
        if (score > best_score) {
            best = a;
            best_score = score;
        }
    }
    return best;
}

/* "Any address" comes as sixteen zeroes or as the key of 0.0.0.0. */
static bool is_unset(const uint8_t key[16])
{
    static const uint8_t any[16], any_ipv4[16] = {[10] = 0xff, [11] = 0xff};
    return hf_key_equal(key, any) || hf_key_equal(key, any_ipv4);
}

static bool fits_at_all(const struct hf_ip *ip, unsigned link, const uint8_t local[16],
                        const uint8_t remote[16], bool foreign)
{
    if (hf_key_is_ipv4(local) != hf_key_is_ipv4(remote))
        return false;
    return foreign ? hf_ip_is_unicast(ip, local) : hf_ip_owns(ip, link, local);
}

/* Connections that others open mostly come to one address of ours: that is kept as well. */
static bool local_fits(struct hf_ip *ip, const uint8_t local[16], const uint8_t remote[16],
                       bool foreign)
{
    if (hf_key_equal(local, ip->routed_local) || hf_key_equal(local, ip->routed_other))
        return true;
    if (!fits_at_all(ip, ip->routed_link, local, remote, foreign))
        return false;
    if (!foreign)
        memcpy(ip->routed_other, local, 16);
    return true;
}

void hf_ip_path(struct hf_env *env, const struct hf_ip *ip, unsigned link,
                const uint8_t remote[16], struct hf_path *path)
{
    const struct hf_ip_link *way = &ip->link[link];
    *path = (struct hf_path){
        .link = (uint8_t)link,
        .ttl = env->settings->ttl,
        .mtu = hf_pmtu_get(ip->pmtu, env->now, remote, way->mtu),
        .link_mtu = way->mtu,
        .gso_max = way->gso_max,
        .features = way->features,
    };
}

/* The link to `remote` and the address that we have on it; HF_OK, HF_ERR_ADDRESS or HF_ERR_ROUTE. Who
 * opens connections mostly opens several to one host: the last answer is kept. */
static int find_way(struct hf_ip *ip, const uint8_t remote[16], unsigned zone)
{
    if (ip->routed_link && ip->routed_zone == zone && hf_key_equal(ip->routed_remote, remote))
        return HF_OK;
    if (!hf_ip_is_unicast(ip, remote))
        return HF_ERR_ADDRESS;
    unsigned link = find_link(ip, remote, zone);
    if (link == 0 || hf_ip_owns(ip, link, remote))
        return HF_ERR_ROUTE;
    const struct hf_ip_address *source = hf_ip_source(ip, link, remote);
    memset(ip->routed_local, 0, 16);
    memset(ip->routed_other, 0, 16);
    if (source)
        memcpy(ip->routed_local, source->key, 16);
    memcpy(ip->routed_remote, remote, 16);
    ip->routed_zone = (uint8_t)zone;
    ip->routed_link = (uint8_t)link;
    return HF_OK;
}

int hf_ip_route(struct hf_env *env, struct hf_ip *ip, const uint8_t remote[16], unsigned zone,
                uint8_t local[16], bool foreign, struct hf_path *path)
{
    if (HF_UNLIKELY(env->no_fast_path))
        ip->routed_link = 0;
    int err = find_way(ip, remote, zone);
    if (err)
        return err;
    if (is_unset(local)) {
        if (is_unset(ip->routed_local))
            return HF_ERR_ROUTE;
        memcpy(local, ip->routed_local, 16);
    } else if (!local_fits(ip, local, remote, foreign)) {
        return HF_ERR_ADDRESS;
    }
    hf_ip_path(env, ip, ip->routed_link, remote, path);
    return HF_OK;
}
