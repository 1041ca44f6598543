/* ARP (RFC 826) in and out, as one case of src/ip/reachability.c: a request is a solicitation, a reply
 * to us an advertisement in answer. What nobody asked for changes what we know of a neighbour, as
 * RFC 826 has it, but never makes one; and what it changed is asked after when it is used next. */
#include "ip/address.h"
#include "ip/neighbour.h"

static void send(struct hf_env *env, const struct hf_ip *ip, unsigned link,
                 const uint8_t to[HF_MAC], struct hf_arp *arp)
{
    uint8_t *body;
    memcpy(arp->sender_mac, ip->link[link].mac, HF_MAC);
    uint32_t chunk = hf_frame_new(env, to, arp->sender_mac, HF_TYPE_ARP, HF_ARP_LEN, &body);
    if (!chunk)
        return;
    hf_arp_build(body, arp);
    hf_frame_send(env, link, chunk);
}

void hf_arp_solicit(struct hf_env *env, struct hf_ip *ip, const struct hf_neighbour *n)
{
    static const uint8_t everybody[HF_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct hf_ip_address *source = hf_ip_source(ip, n->link, n->key);
    struct hf_arp arp = {.operation = HF_ARP_REQUEST};
    if (!source)
        return; /* it will be found silent */
    memcpy(arp.sender, source->key, 16);
    memcpy(arp.target, n->key, 16);
    bool known = n->state == HF_NEIGHBOUR_PROBE; /* RFC 1122 2.3.2.1: a unicast poll */
    if (known)
        memcpy(arp.target_mac, n->mac, HF_MAC);
    send(env, ip, n->link, known ? n->mac : everybody, &arp);
}

/* A host that looks whether its address is free (RFC 5227). */
static bool is_probe(const struct hf_arp *arp)
{
    static const uint8_t none[4];
    return memcmp(arp->sender + 12, none, 4) == 0;
}

enum hf_drop hf_arp_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                          const uint8_t *data, uint32_t len)
{
    struct hf_arp arp;
    enum hf_drop reason = hf_arp_parse(data, len, &arp);
    if (reason != HF_DROP_NONE)
        return reason;
    bool request = arp.operation == HF_ARP_REQUEST;
    bool for_us = hf_ip_is_here(ip, link, arp.target);
    if (!(request && is_probe(&arp))) {
        uint32_t index;
        if (!hf_ip_may_be_neighbour(ip, link, arp.sender))
            return HF_DROP_ARP;
        const struct hf_neighbour *n =
            hf_neighbour_find(ip->neighbours, link, arp.sender, &index);
        bool asked = n && (n->state == HF_NEIGHBOUR_INCOMPLETE || n->state == HF_NEIGHBOUR_PROBE);
        if (n)
            hf_neighbour_heard(env, ip, index, arp.sender_mac, !request && for_us && asked, true);
        else if (request && for_us)
            hf_neighbour_introduced(env, ip, link, arp.sender, arp.sender_mac);
    }
    if (!request || !for_us)
        return HF_DROP_NONE;
    struct hf_arp answer = {.operation = HF_ARP_REPLY};
    memcpy(answer.sender, arp.target, 16);
    memcpy(answer.target, arp.sender, 16);
    memcpy(answer.target_mac, arp.sender_mac, HF_MAC);
    send(env, ip, link, arp.sender_mac, &answer);
    return HF_DROP_NONE;
}
