/* ICMP and ICMPv6 (RFC 792, 1122 3.2.2, 4443): echo is answered, errors about our segments
 * are classified for tcp, complaints are sent. Source quench is dropped silently (RFC 6633).
 *
 * Replies are metered by destination. Each destination has its own meter, found by a keyed
 * hash, so that nobody learns from the answers that he gets what was sent to another (the
 * shared limit of CVE-2020-25705); what a reply costs varies by a keyed amount, half to one
 * and a half of its price, so that the exact limit cannot be counted either. Meters are few:
 * when a set has no free one, nothing is sent. */
#include "wire/icmp.h"
#include "base/checksum.h"
#include "ip/address.h"
#include "ip/arrival.h"
#include "ip/path_mtu.h"
#include "wire/bytes.h"

/* ---- How often ---- */

/* A destination may get a quarter of a second's worth at once. */
#define BURST (HF_SEC / 4)

/* The destination's meter; else a free one; else NULL. A meter is free once it is full again. */
static struct hf_icmp_meter *find_meter(struct hf_env *env, struct hf_ip *ip,
                                        const uint8_t remote[16])
{
    uint64_t tag = hf_siphash24(&ip->icmp_key, remote, 16);
    struct hf_icmp_meter *set = ip->icmp_meter[tag % HF_ICMP_SETS];
    struct hf_icmp_meter *vacant = 0;
    for (unsigned i = 0; i < HF_ICMP_WAYS; i++) {
        if (set[i].full > env->now && set[i].tag == tag)
            return &set[i];
        if (set[i].full <= env->now && !vacant)
            vacant = &set[i];
    }
    if (vacant)
        *vacant = (struct hf_icmp_meter){.tag = tag, .full = env->now};
    return vacant;
}

/* From the meter alone: a draw from the stack's random numbers would be one more shared
 * counter. */
static uint64_t jitter(const struct hf_ip *ip, const struct hf_icmp_meter *meter)
{
    uint64_t full = (uint64_t)meter->full;
    uint8_t of[16];
    hf_put32(of, (uint32_t)(meter->tag >> 32));
    hf_put32(of + 4, (uint32_t)meter->tag);
    hf_put32(of + 8, (uint32_t)(full >> 32));
    hf_put32(of + 12, (uint32_t)full);
    return hf_siphash13(&ip->icmp_key, of, sizeof of);
}

/* A token bucket told as time (the generic cell rate algorithm): `full` runs ahead of the
 * clock by the price of what was sent. */
static bool may_reply(struct hf_env *env, struct hf_ip *ip, const uint8_t remote[16])
{
    uint32_t rate = env->settings->icmp_rate;
    if (rate == 0)
        return false;
    struct hf_icmp_meter *meter = find_meter(env, ip, remote);
    hf_time price = HF_SEC / rate;
    if (!meter || (meter->full > env->now && meter->full - env->now + price > BURST))
        return false;
    meter->full += price / 2 + (hf_time)(jitter(ip, meter) % (uint64_t)(price + 1));
    return true;
}

/* ---- Sending ---- */

static bool push(struct hf_env *env, unsigned link, uint32_t chunk, uint32_t len)
{
    struct hf_reply *reply = hf_env_reply(env, link);
    if (!reply) {
        hf_chunk_release(&env->chunks, chunk);
        return false;
    }
    hf_chunk_at(&env->chunks, chunk)->used = len;
    reply->kind = HF_REPLY_RAW;
    reply->chunk = chunk;
    return true;
}

/* 0: no memory, counted. */
static uint32_t new_chunk(struct hf_env *env, uint32_t capacity)
{
    uint32_t chunk = hf_chunk_new(&env->chunks, capacity);
    if (!chunk)
        hf_env_drop(env, HF_DROP_MEMORY, 0, HF_CLOSED, 0);
    return chunk;
}

/* What the fragments of one message share. */
struct cut {
    unsigned link;
    const struct hf_flow *flow;
    uint8_t tos, ttl;
    uint32_t id;
};

/* Write the headers of one fragment of `len` bytes at `offset`: 20 bytes, or 48. */
static void build_fragment_header(uint8_t *dst, const struct cut *cut, uint32_t offset,
                                  uint32_t len, bool more)
{
    if (hf_flow_is_ipv4(cut->flow)) {
        uint16_t was = 0x4000, is = (uint16_t)((more ? 0x2000u : 0u) | offset / 8);
        hf_ip_build(dst, cut->flow, HF_PROTO_ICMP, cut->tos, cut->ttl, (uint16_t)cut->id, 0, len);
        hf_put16(dst + 6, is); /* instead of "don't fragment" */
        hf_put16(dst + 10, hf_checksum_update(hf_get16(dst + 10), was, is));
        return;
    }
    hf_ip_build(dst, cut->flow, HF_PROTO_FRAGMENT, cut->tos, cut->ttl, 0, 0, len + 8);
    dst[40] = HF_PROTO_ICMPV6;
    dst[41] = 0;
    hf_put16(dst + 42, offset | (more ? 1u : 0u));
    hf_put32(dst + 44, cut->id);
}

/* The message, in fragments of at most `mtu` bytes (RFC 1122 3.2.2.6 and RFC 4443 4.2: an echo
 * returns all that was sent). False: some could not be sent. */
static bool send_fragments(struct hf_env *env, const struct cut *cut, const uint8_t *message,
                           uint32_t len, uint32_t mtu)
{
    uint32_t headers = hf_flow_is_ipv4(cut->flow) ? 20 : 48;
    uint32_t step = (mtu - headers) & ~7u;
    for (uint32_t offset = 0; offset < len; offset += step) {
        uint32_t n = len - offset < step ? len - offset : step;
        uint32_t chunk = new_chunk(env, headers + n);
        if (!chunk)
            return false;
        uint8_t *dst = hf_chunk_at(&env->chunks, chunk)->data;
        build_fragment_header(dst, cut, offset, n, offset + n < len);
        memcpy(dst + headers, message + offset, n);
        if (!push(env, cut->link, chunk, headers + n))
            return false;
    }
    return true;
}

/* What is to be said: text from `offset` bytes into the datagram that it answers. */
struct message {
    struct hf_flow flow;
    struct hf_icmp_head icmp;
    uint8_t tos;
    uint32_t offset, text;
};

static bool send_whole(struct hf_env *env, const struct hf_ip_arrival *in,
                       const struct message *m)
{
    uint8_t protocol = hf_flow_is_ipv4(&m->flow) ? HF_PROTO_ICMP : HF_PROTO_ICMPV6;
    uint32_t header = hf_flow_ip_header(&m->flow), len = HF_ICMP_HEADER + m->text;
    uint32_t chunk = new_chunk(env, header + len);
    if (!chunk)
        return false;
    uint8_t *dst = hf_chunk_at(&env->chunks, chunk)->data;
    hf_ip_build(dst, &m->flow, protocol, m->tos, env->settings->ttl, 0, 0, len);
    hf_icmp_build(dst + header, &m->flow, &m->icmp, in->slices, in->slice_count, m->offset,
                  m->text);
    return push(env, in->link, chunk, header + len);
}

/* Too long for the path. The ID of the fragments is random (RFC 6864, RFC 7739). */
static bool send_cut(struct hf_env *env, const struct hf_ip_arrival *in, const struct message *m,
                     uint32_t mtu)
{
    uint32_t len = HF_ICMP_HEADER + m->text;
    uint32_t chunk = new_chunk(env, len);
    if (!chunk)
        return false;
    uint8_t *bytes = hf_chunk_at(&env->chunks, chunk)->data;
    hf_icmp_build(bytes, &m->flow, &m->icmp, in->slices, in->slice_count, m->offset, m->text);
    struct cut cut = {in->link, &m->flow, m->tos, env->settings->ttl,
                      hf_random_u32(&env->random)};
    bool sent = send_fragments(env, &cut, bytes, len, mtu);
    hf_chunk_release(&env->chunks, chunk);
    return sent;
}

static void send_message(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in,
                         struct message *m)
{
    memcpy(m->flow.local, in->head.dst, 16);
    memcpy(m->flow.remote, in->head.src, 16);
    uint32_t len = hf_flow_ip_header(&m->flow) + HF_ICMP_HEADER + m->text;
    uint32_t mtu = hf_pmtu_get(ip->pmtu, env->now, m->flow.remote, ip->link[in->link].mtu);
    if (len <= mtu ? send_whole(env, in, m) : send_cut(env, in, m, mtu))
        env->counters.icmp_out++;
}

/* ---- Complaints ---- */

/* RFC 1122 3.2.2, RFC 4443 2.4 e: never about an ICMP error, a later fragment (IPv4; RFC 8200
 * 4.5 wants to hear of some), or what was sent to many; never to one who is not a single
 * host. Nor about what is not ours. */
static bool deserves_error(const struct hf_ip *ip, const struct hf_ip_arrival *in)
{
    const struct hf_ip_head *head = &in->head;
    bool ipv4 = head->family == HF_IPV4;
    if (!in->to_us || (ipv4 && head->offset != 0) || !hf_ip_is_unicast(ip, head->src))
        return false;
    if (head->protocol != (ipv4 ? HF_PROTO_ICMP : HF_PROTO_ICMPV6))
        return true;
    uint32_t len; /* of a later fragment nobody knows whether it is an error */
    const uint8_t *type = hf_ip_bytes(in, head->header, &len);
    return head->offset == 0 && type && !hf_icmp_is_error(ipv4, *type);
}

static uint32_t datagram_len(const struct hf_ip_arrival *in)
{
    uint32_t len = 0;
    for (unsigned i = 0; i < in->slice_count; i++)
        len += in->slices[i].len;
    return in->head.total != 0 && in->head.total < len ? in->head.total : len;
}

void hf_icmp_complain(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in,
                      uint8_t type, uint8_t code, uint32_t rest)
{
    if (!deserves_error(ip, in))
        return;
    if (!may_reply(env, ip, in->head.src)) {
        hf_ip_drop(env, in, HF_DROP_ICMP_RATE);
        return;
    }
    uint32_t text = datagram_len(in);
    uint32_t most = in->head.family == HF_IPV4 ? HF_ICMP_QUOTE_MAX_IPV4 : HF_ICMP_QUOTE_MAX_IPV6;
    struct message m = {
        .icmp = {.type = type, .code = code, .rest = rest},
        .text = text < most ? text : most,
    };
    send_message(env, ip, in, &m);
}

/* ---- Arrivals ---- */

/* RFC 1122 3.2.2.6, RFC 4443 4.2: with the same data, and the same TOS (RFC 1122 3.2.2.6). */
static void answer_echo(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in,
                        const struct hf_icmp_head *echo)
{
    if (!may_reply(env, ip, in->head.src)) {
        hf_ip_drop(env, in, HF_DROP_ICMP_RATE);
        return;
    }
    struct message m = {.icmp = *echo, .tos = in->head.tos};
    m.icmp.type = in->head.family == HF_IPV4 ? HF_ICMP4_ECHO_REPLY : HF_ICMP6_ECHO_REPLY;
    m.offset = in->head.header + HF_ICMP_HEADER;
    m.text = in->head.total - m.offset;
    send_message(env, ip, in, &m);
}

/* What an error means for TCP (RFC 9293 3.9.2.2; codes it does not name are soft, RFC 5461).
 * 0: no error that we have a use for. */
static uint8_t classify_ipv4(const struct hf_icmp_head *icmp)
{
    switch (icmp->type) {
    case HF_ICMP4_UNREACHABLE:
        if (icmp->code == HF_ICMP4_TOO_BIG)
            return HF_ICMP_TOO_BIG;
        return icmp->code == HF_ICMP4_PROTOCOL || icmp->code == HF_ICMP4_PORT ? HF_ICMP_HARD
                                                                              : HF_ICMP_SOFT;
    case HF_ICMP4_TIME_EXCEEDED:
    case HF_ICMP4_PARAMETER:
        return HF_ICMP_SOFT;
    default: /* source quench among them */
        return 0;
    }
}

static uint8_t classify_ipv6(const struct hf_icmp_head *icmp)
{
    switch (icmp->type) {
    case HF_ICMP6_UNREACHABLE:
        return icmp->code == HF_ICMP6_ADMIN || icmp->code == HF_ICMP6_PORT ? HF_ICMP_HARD
                                                                           : HF_ICMP_SOFT;
    case HF_ICMP6_TOO_BIG:
        return HF_ICMP_TOO_BIG;
    case HF_ICMP6_TIME_EXCEEDED:
    case HF_ICMP6_PARAMETER:
        return HF_ICMP_SOFT;
    default:
        return 0;
    }
}

/* The quoted packet must be TCP and have come from the address that the error was sent to. */
static enum hf_drop read_error(const struct hf_ip_arrival *in, const struct hf_icmp_head *icmp,
                               struct hf_ip_error *error)
{
    bool ipv4 = in->head.family == HF_IPV4;
    struct hf_icmp_quote quote;
    uint32_t at = in->head.header + HF_ICMP_HEADER, room = in->head.total - at, len;
    const uint8_t *data = hf_ip_bytes(in, at, &len);
    if (!data)
        return HF_DROP_ICMP_QUOTE;
    enum hf_drop reason = hf_icmp_quote(ipv4, data, len < room ? len : room, &quote);
    if (reason != HF_DROP_NONE)
        return reason;
    if (quote.protocol != HF_PROTO_TCP || memcmp(quote.flow.local, in->head.dst, 16) != 0)
        return HF_DROP_ICMP_QUOTE;
    *error = (struct hf_ip_error){
        .flow = quote.flow,
        .seq = quote.seq,
        .type = icmp->type,
        .code = icmp->code,
        .quoted_len = quote.total,
        .link = (uint8_t)in->link,
    };
    return HF_DROP_NONE;
}

enum hf_ip_verdict hf_icmp_input(struct hf_env *env, struct hf_ip *ip,
                                 const struct hf_ip_arrival *in, struct hf_ip_error *error)
{
    const struct hf_ip_head *head = &in->head;
    bool ipv4 = head->family == HF_IPV4;
    struct hf_icmp_head icmp;
    env->counters.icmp_in++;
    enum hf_drop reason = hf_icmp_parse(head->src, head->dst, in->slices, in->slice_count,
                                        head->header, head->total - head->header, &icmp);
    if (reason == HF_DROP_NONE && icmp.type == (ipv4 ? HF_ICMP4_ECHO : HF_ICMP6_ECHO)) {
        if (in->to_us)
            answer_echo(env, ip, in, &icmp);
        else
            hf_ip_drop(env, in, HF_DROP_IP_DESTINATION);
        return HF_IP_CONSUMED;
    }
    uint8_t kind = 0;
    if (reason == HF_DROP_NONE) {
        kind = ipv4 ? classify_ipv4(&icmp) : classify_ipv6(&icmp);
        reason = kind ? read_error(in, &icmp, error) : HF_DROP_ICMP_TYPE;
    }
    if (reason != HF_DROP_NONE) {
        hf_ip_drop(env, in, reason);
        return HF_IP_CONSUMED;
    }
    error->kind = kind;
    error->mtu = kind == HF_ICMP_TOO_BIG ? hf_icmp_mtu(ipv4, &icmp) : 0;
    return HF_IP_TCP_ERROR;
}
