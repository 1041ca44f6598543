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

/* Where a pair is remembered, by the last four bytes of each. */
static inline struct hf_ip_seen *seen_at(struct hf_ip *ip, const uint8_t *src, const uint8_t *dst)
{
    uint32_t mixed = (hf_get32(src) ^ hf_get32(dst)) * 0x9e3779b1u; /* 2^32 / golden ratio */
    return &ip->seen[mixed >> 28 & (HF_IP_SEEN - 1)];
}

static enum hf_drop admit(struct hf_env *env, struct hf_ip *ip, struct hf_ip_arrival *in)
{
    enum hf_drop reason = parse(env, ip, in);
    if (reason != HF_DROP_NONE)
        return reason;
    struct hf_ip_seen *seen = seen_at(ip, in->head.src + 12, in->head.dst + 12);
    if (in->link == seen->link && hf_key_equal(in->head.src, seen->src) &&
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
        seen->link = env->no_fast_path ? 0 : (uint8_t)in->link;
    }
    return reason;
}

static void hand_over(const struct hf_ip_arrival *in, struct hf_ip_datagram *datagram)
{
    const struct hf_ip_head *head = &in->head;
    memset(&datagram->flow, 0, sizeof datagram->flow);
    memcpy(datagram->flow.local, head->dst, 16);
    memcpy(datagram->flow.remote, head->src, 16);
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

/* The next of a run: a TCP segment, whole and without IP options, between a pair that was found
 * good. All that the long road would find out about it is known, and its answer is the same;
 * what does not fit takes the long road. */
static bool is_next_of_run(struct hf_ip *ip, unsigned link, const struct hf_packet *packet,
                           struct hf_ip_datagram *datagram)
{
    const uint8_t *data = packet->slice[0].data;
    uint32_t len = packet->slice[0].len, header, total;
    const struct hf_ip_seen *seen;
    if (len < 40)
        return false;
    if (data[0] == 0x45) {
        seen = seen_at(ip, data + 12, data + 16);
        total = hf_get16(data + 2);
        header = 20;
        if (seen->link != link || memcmp(data + 12, seen->src + 12, 4) != 0 ||
            memcmp(data + 16, seen->dst + 12, 4) != 0 || !hf_key_is_ipv4(seen->src) ||
            data[9] != HF_PROTO_TCP || (hf_get16(data + 6) & 0x3fff) != 0 ||
            hf_checksum_fold(hf_checksum_native(data, 5)) != 0xffff)
            return false;
        datagram->tos = data[1];
        datagram->ttl = data[8];
    } else {
        seen = seen_at(ip, data + 20, data + 36);
        total = 40u + hf_get16(data + 4);
        header = 40;
        if (seen->link != link || data[0] >> 4 != 6 || data[6] != HF_PROTO_TCP ||
            !hf_key_equal(data + 8, seen->src) || !hf_key_equal(data + 24, seen->dst) ||
            hf_key_is_ipv4(seen->src)) /* as IPv6, nobody may say so */
            return false;
        datagram->tos = (uint8_t)(hf_get16(data) >> 4);
        datagram->ttl = data[7];
    }
    if (total < header + 20 || total > packet->len)
        return false;
    memcpy(datagram->flow.local, seen->dst, 16);
    memcpy(datagram->flow.remote, seen->src, 16);
    datagram->flow.local_port = datagram->flow.remote_port = 0;
    datagram->link = (uint8_t)link;
    datagram->to_us = true;
    datagram->reassembled = false;
    datagram->offset = header;
    datagram->total = total - header;
    datagram->head = data + header;
    datagram->head_len = len - header < datagram->total ? len - header : datagram->total;
    datagram->slices = packet->slice;
    datagram->slice_count = packet->slices;
    return true;
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
    return is_next_of_run(ip, link, packet, datagram)
               ? HF_IP_TCP
               : long_road(env, ip, link, packet, datagram, error);
}
