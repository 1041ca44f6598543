/* The road of a packet in: parse, who sent it, is it for us, put fragments together, hand
 * over.
 *
 * Addresses are looked at before anything is kept or answered. A source that no host may use
 * (RFC 1122 3.2.1.3: unspecified, multicast, broadcast, loopback; our own; IPv4-mapped ones
 * fall to the parser) is dropped without a word, and so is TCP to a broadcast or multicast
 * address (RFC 9293 3.9.2.3). hf_ip_init and hf_ip_reset live here as well. */
#include "base/checksum.h"
#include "ip/address.h"
#include "ip/arrival.h"
#include "ip/neighbour.h"
#include "ip/path_mtu.h"
#include "ip/plain.h"
#include "wire/bytes.h"
#include "wire/icmp.h"

int hf_ip_init(struct hf_env *env, struct hf_ip *ip)
{
    memset(ip, 0, sizeof *ip);
    ip->label_key = hf_key_derive(env->seed, 0x69702f6c6162656c); /* "ip/label" */
    ip->icmp_key = hf_key_derive(env->seed, 0x69702f69636d70);    /* "ip/icmp"  */
    ip->pmtu = hf_pmtu_new(env);
    ip->reassembly = hf_reassembly_new(env);
    if (ip->pmtu && ip->reassembly)
        return 0;
    hf_ip_reset(env, ip);
    return HF_ERR_MEMORY;
}

void hf_ip_reset(struct hf_env *env, struct hf_ip *ip)
{
    hf_pmtu_free(env, ip->pmtu);
    hf_reassembly_free(env, ip->reassembly);
    hf_neighbours_free(env, ip);
    memset(ip, 0, sizeof *ip);
}

void hf_ip_timers(struct hf_env *env, struct hf_ip *ip)
{
    hf_reassembly_expire(env, ip);
    if (ip->neighbours)
        hf_neighbours_expire(env, ip);
}

hf_time hf_ip_deadline(const struct hf_ip *ip)
{
    hf_time fragments = hf_reassembly_deadline(ip->reassembly);
    if (!ip->neighbours)
        return fragments;
    hf_time neighbours = hf_neighbours_deadline(ip->neighbours);
    return fragments < neighbours ? fragments : neighbours;
}

/* RFC 1122 3.2.1.3. A packet that names us, or its own destination, as its source is the LAND
 * attack: nothing of ours comes back from a wire. */
static bool source_is_bad(const struct hf_ip *ip, const struct hf_ip_arrival *in)
{
    const struct hf_ip_head *head = &in->head;
    return !hf_ip_is_unicast(ip, head->src) || memcmp(head->src, head->dst, 16) == 0 ||
           hf_ip_owns(ip, in->link, head->src);
}

/* Is it for us, or for somebody whose place we take (any_address)? */
static enum hf_drop check_destination(const struct hf_ip *ip, struct hf_ip_arrival *in)
{
    const struct hf_ip_head *head = &in->head;
    in->to_us = hf_ip_owns(ip, in->link, head->dst);
    if (in->to_us)
        return HF_DROP_NONE;
    if (!hf_ip_is_unicast(ip, head->dst)) {
        enum hf_scope scope = hf_key_scope(head->dst);
        bool of_this_host = scope == HF_SCOPE_NONE || scope == HF_SCOPE_LOOPBACK;
        return head->protocol == HF_PROTO_TCP && !of_this_host ? HF_DROP_IP_BROADCAST
                                                               : HF_DROP_IP_DESTINATION;
    }
    if (!ip->any_address || hf_key_scope(head->dst) == HF_SCOPE_LINK)
        return HF_DROP_IP_DESTINATION;
    return HF_DROP_NONE;
}

/* Headers that parsed badly. Some mistakes of IPv6 are told to the sender (RFC 8200 4, 4.2,
 * 4.5). */
static enum hf_drop parse(struct hf_env *env, struct hf_ip *ip, struct hf_ip_arrival *in)
{
    struct hf_ip_head *head = &in->head;
    enum hf_drop reason =
        hf_ip_parse(in->slices[0].data, in->slices[0].len,
                    in->reassembled ? in->slices[0].len : in->packet->len, head);
    if (reason != HF_DROP_NONE && head->problem_at != 0 && !source_is_bad(ip, in) &&
        check_destination(ip, in) == HF_DROP_NONE)
        hf_icmp_complain(env, ip, in, HF_ICMP6_PARAMETER, head->problem_code, head->problem_at);
    return reason;
}

static enum hf_drop admit(struct hf_env *env, struct hf_ip *ip, struct hf_ip_arrival *in)
{
    enum hf_drop reason = parse(env, ip, in);
    if (reason != HF_DROP_NONE)
        return reason;
    uint64_t pair = hf_ip_pair(in->head.src + 12, in->head.dst + 12);
    uint32_t way = hf_ip_way(in->link, in->head.family);
    struct hf_ip_seen *seen = &ip->seen[hf_ip_seen_at(pair)];
    if (way == seen->way && hf_key_equal(in->head.src, seen->src) &&
        hf_key_equal(in->head.dst, seen->dst)) {
        in->to_us = true;
        return HF_DROP_NONE;
    }
    if (source_is_bad(ip, in))
        return HF_DROP_IP_SOURCE;
    reason = check_destination(ip, in);
    if (reason == HF_DROP_NONE && in->to_us) {
        memcpy(seen->src, in->head.src, 16);
        memcpy(seen->dst, in->head.dst, 16);
        seen->pair = pair;
        seen->way = env->no_fast_path ? 0 : way;
    }
    return reason;
}

static void hand_over(const struct hf_ip_arrival *in, struct hf_ip_datagram *datagram)
{
    const struct hf_ip_head *head = &in->head;
    memset(&datagram->flow, 0, sizeof datagram->flow);
    memcpy(datagram->flow.local, head->dst, 16);
    memcpy(datagram->flow.remote, head->src, 16);
    datagram->addresses = hf_flow_sum(&datagram->flow, head->family == HF_IPV4);
    datagram->tos = head->tos;
    datagram->ttl = head->ttl;
    datagram->link = (uint8_t)in->link;
    datagram->to_us = in->to_us;
    datagram->reassembled = in->reassembled;
    datagram->total = head->total - head->header;
    datagram->head = hf_ip_bytes(in, head->header, &datagram->head_len);
    if (datagram->head_len > datagram->total) /* padding behind the datagram */
        datagram->head_len = datagram->total;
    datagram->slices = in->slices;
    datagram->slice_count = in->slice_count;
    datagram->offset = head->header;
}

/* RFC 1122 3.2.2.1 and 4.1.3.1; RFC 8200 4, RFC 4443 3.1. We speak TCP and ICMP, so no UDP
 * port is ever open. "No next header" is there to be ignored (RFC 8200 4.7). */
static void refuse(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in)
{
    const struct hf_ip_head *head = &in->head;
    bool ipv4 = head->family == HF_IPV4;
    hf_ip_drop(env, in, HF_DROP_IP_PROTOCOL);
    if (head->protocol == HF_PROTO_UDP)
        hf_icmp_complain(env, ip, in, ipv4 ? HF_ICMP4_UNREACHABLE : HF_ICMP6_UNREACHABLE,
                         ipv4 ? HF_ICMP4_PORT : HF_ICMP6_PORT, 0);
    else if (ipv4)
        hf_icmp_complain(env, ip, in, HF_ICMP4_UNREACHABLE, HF_ICMP4_PROTOCOL, 0);
    else if (head->protocol != HF_PROTO_NOTHING)
        hf_icmp_complain(env, ip, in, HF_ICMP6_PARAMETER, HF_ICMP6_BAD_NEXT_HEADER,
                         head->next_at);
}

static enum hf_ip_verdict deliver(struct hf_env *env, struct hf_ip *ip,
                                  const struct hf_ip_arrival *in, struct hf_ip_datagram *datagram,
                                  struct hf_ip_error *error)
{
    uint8_t icmp = in->head.family == HF_IPV4 ? HF_PROTO_ICMP : HF_PROTO_ICMPV6;
    if (in->head.protocol == HF_PROTO_TCP) {
        hand_over(in, datagram);
        return HF_IP_TCP;
    }
    if (in->head.protocol == icmp)
        return hf_icmp_input(env, ip, in, error);
    if (in->to_us)
        refuse(env, ip, in);
    else
        hf_ip_drop(env, in, HF_DROP_IP_DESTINATION);
    return HF_IP_CONSUMED;
}

HF_APART static enum hf_ip_verdict long_road(struct hf_env *env, struct hf_ip *ip, unsigned link,
                                             const struct hf_packet *packet,
                                             struct hf_ip_datagram *datagram,
                                             struct hf_ip_error *error)
{
    struct hf_ip_arrival in = {
        .packet = packet, .slices = packet->slice, .slice_count = packet->slices, .link = link};
    enum hf_drop reason = admit(env, ip, &in);
    if (reason == HF_DROP_NONE && in.head.fragment) {
        if (!hf_reassembly_add(env, ip, &in, &datagram->whole))
            return HF_IP_CONSUMED;
        in.slices = &datagram->whole;
        in.slice_count = 1;
        in.reassembled = true;
        reason = admit(env, ip, &in);
    }
    if (reason != HF_DROP_NONE) {
        hf_ip_drop(env, &in, reason);
        return HF_IP_CONSUMED;
    }
    return deliver(env, ip, &in, datagram, error);
}

enum hf_ip_verdict hf_ip_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                               const struct hf_packet *packet, struct hf_ip_datagram *datagram,
                               struct hf_ip_error *error)
{
    hf_reassembly_release(env, ip->reassembly);
    return hf_ip_is_plain(ip, link, packet, datagram)
               ? HF_IP_TCP
               : long_road(env, ip, link, packet, datagram, error);
}

void hf_ip_done(struct hf_env *env, struct hf_ip *ip)
{
    hf_reassembly_release(env, ip->reassembly);
}
