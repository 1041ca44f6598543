/* IPv6 neighbour discovery (RFC 4861) in and out: solicitations and advertisements of neighbours. We
 * are a host whose routes are given to it: router advertisements and redirects are checked and
 * then not used. Our addresses are not tested for duplicates, but defended. */
#include "wire/discovery.h"
#include "ip/address.h"
#include "ip/neighbour.h"

static void send(struct hf_env *env, unsigned link, const uint8_t mac[HF_MAC],
                 const uint8_t from[16], const uint8_t to[16], const struct hf_discovery *m)
{
    uint8_t *body;
    uint32_t chunk = hf_frame_new(env, mac, m->mac, HF_TYPE_IPV6, 40 + HF_DISCOVERY_LEN, &body);
    if (!chunk)
        return;
    (void)hf_discovery_build(body, from, to, m);
    hf_frame_send(env, link, chunk);
}

static struct hf_discovery message(const struct hf_ip *ip, unsigned link, uint8_t type,
                                   const uint8_t target[16])
{
    struct hf_discovery m = {.type = type, .has_mac = true};
    memcpy(m.target, target, 16);
    memcpy(m.mac, ip->link[link].mac, HF_MAC);
    return m;
}

void hf_discovery_solicit(struct hf_env *env, struct hf_ip *ip, const struct hf_neighbour *n)
{
    const struct hf_ip_address *source = hf_ip_source(ip, n->link, n->key);
    struct hf_discovery m = message(ip, n->link, HF_ICMP6_NEIGHBOUR_SOLICIT, n->key);
    uint8_t to[16], mac[HF_MAC];
    if (!source)
        return; /* it will be found silent */
    if (n->state == HF_NEIGHBOUR_PROBE) {
        memcpy(to, n->key, 16);
        memcpy(mac, n->mac, HF_MAC);
    } else {
        hf_solicited_node(to, n->key);
        hf_mac_of_multicast(mac, to);
    }
    send(env, n->link, mac, source->key, to, &m);
}

/* RFC 4861 7.2.4. */
static void answer(struct hf_env *env, const struct hf_ip *ip, unsigned link, const uint8_t *to,
                   const uint8_t *mac, const uint8_t target[16])
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
    struct hf_discovery m = message(ip, link, HF_ICMP6_NEIGHBOUR_ADVERT, target);
    uint8_t all[HF_MAC];
    m.flags = HF_ADVERT_OVERRIDE;
    if (to) {
        m.flags |= HF_ADVERT_SOLICITED;
        send(env, link, mac, target, to, &m);
    } else {
        hf_mac_of_multicast(all, all_nodes);
        send(env, link, all, target, all_nodes, &m);
    }
}

/* RFC 4861 7.2.3. `from`: the station that the frame came from. */
static enum hf_drop solicited(struct hf_env *env, struct hf_ip *ip, unsigned link,
                              const struct hf_ip_head *head, const struct hf_discovery *m,
                              const uint8_t from[HF_MAC])
{
    static const uint8_t any[16];
    uint8_t group[16];
    hf_solicited_node(group, m->target);
    if (!hf_ip_is_here(ip, link, m->target) ||
        (memcmp(head->dst, group, 16) != 0 && !hf_ip_is_here(ip, link, head->dst)))
        return HF_DROP_DISCOVERY_UNUSED;
    if (memcmp(head->src, any, 16) == 0) { /* somebody wants our address (RFC 4862 5.4.3) */
        answer(env, ip, link, 0, 0, m->target);
        return HF_DROP_NONE;
    }
    if (!hf_ip_may_be_neighbour(ip, link, head->src))
        return HF_DROP_DISCOVERY;
    if (m->has_mac)
        hf_neighbour_introduced(env, ip, link, head->src, m->mac);
    answer(env, ip, link, head->src, m->has_mac ? m->mac : from, m->target);
    return HF_DROP_NONE;
}

/* RFC 4861 7.2.5. Without its address it confirms, or not, the one that we know. */
static enum hf_drop advertised(struct hf_env *env, struct hf_ip *ip, unsigned link,
                               const struct hf_discovery *m)
{
    uint32_t index;
    if (hf_ip_is_here(ip, link, m->target))
        return HF_DROP_DISCOVERY; /* it is ours */
    const struct hf_neighbour *n = hf_neighbour_find(ip->neighbours, link, m->target, &index);
    if (!n || (!m->has_mac && n->group == HF_UNRESOLVED))
        return HF_DROP_DISCOVERY_UNUSED;
    uint8_t mac[HF_MAC];
    memcpy(mac, m->has_mac ? m->mac : n->mac, HF_MAC);
    hf_neighbour_heard(env, ip, index, mac, (m->flags & HF_ADVERT_SOLICITED) != 0,
                       (m->flags & HF_ADVERT_OVERRIDE) != 0);
    return HF_DROP_NONE;
}

enum hf_drop hf_discovery_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                                const uint8_t *data, uint32_t len, const uint8_t from[HF_MAC])
{
    struct hf_ip_head head;
    struct hf_discovery m;
    enum hf_drop reason = hf_discovery_parse(data, len, &head, &m);
    if (reason != HF_DROP_NONE)
        return reason;
    if (m.type == HF_ICMP6_NEIGHBOUR_SOLICIT)
        return solicited(env, ip, link, &head, &m, from);
    if (m.type == HF_ICMP6_NEIGHBOUR_ADVERT)
        return advertised(env, ip, link, &m);
    return HF_DROP_DISCOVERY_UNUSED;
}
