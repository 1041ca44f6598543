/* The road of a packet in: ip says what it is; a segment is verified, parsed and given to whom it
 * belongs; an ICMP error finds the connection that it quotes. Nothing is answered before the batch
 * is through (MUST-59): output comes later. */
#include "base/checksum.h"
#include "ip/plain.h"
#include "stack/ahead.h"
#include "stack/merge.h"
#include "wire/bytes.h"

#define FRAMES_AT_ONCE 32u /* the batch of a link, cut to what the C stack has room for */
#define SEGMENT_MIN 64u    /* bytes: a run of smaller segments is counted as one of these */

int hf_stack_path(struct hf_stack *stack, struct hf_flow *flow, unsigned zone, bool foreign,
                  struct hf_path *path)
{
    if (hf_key_is_link_local(flow->remote) && !zone)
        return HF_ERR_ROUTE;
    return hf_ip_route(&stack->env, &stack->ip, flow->remote, zone, flow->local, foreign, path);
}

/* A checksum that a link left open is one of the pseudo-header alone, and stands where TCP has it
 * (row A8). */
static inline bool is_left_open(const struct hf_packet *packet, const struct hf_ip_datagram *d)
{
    if (packet->checksum_start != d->offset || packet->checksum_offset != HF_TCP_CHECKSUM_AT)
        return false;
    uint32_t said = hf_get16(d->head + HF_TCP_CHECKSUM_AT);
    uint32_t sum = hf_checksum_fold(hf_tcp_pseudo_native(d->addresses, d->total));
    return hf_checksum_fold(hf_checksum_swap(sum) + (~said & 0xffff)) == 0xffff;
}

/* The sum over `left` bytes of text that begin `skip` bytes into the slices from s on, joined to *sum.
 * False: there are not so many. */
HF_APART static bool sum_pieces(const struct hf_env *env, const struct hf_slice *s,
                                const struct hf_slice *end, uint32_t skip, uint32_t left,
                                uint64_t *sum)
{
    uint32_t text = 0, at = 0;
    for (; s < end && left; s++) {
        uint32_t n = s->len - skip < left ? s->len - skip : left;
        text = hf_checksum_combine(text, at, hf_env_sum(env, s->data + skip, n));
        at += n;
        left -= n;
        skip = 0;
    }
    *sum = hf_checksum_join(*sum, hf_checksum_swap(text));
    return left == 0;
}

/* Most text lies in one piece. */
static HF_INLINE bool sum_text(const struct hf_env *env, const struct hf_ip_datagram *d,
                               uint32_t header, uint64_t *sum)
{
    uint32_t left = d->total - header, skip = d->offset + header;
    const struct hf_slice *s = d->slices, *end = s + d->slice_count;
    for (; s < end && skip >= s->len; s++)
        skip -= s->len;
    if (HF_UNLIKELY(s == end || s->len - skip < left))
        return sum_pieces(env, s, end, skip, left, sum);
    *sum = hf_checksum_join(*sum, hf_checksum_swap(hf_env_sum(env, s->data + skip, left)));
    return true;
}

/* A link's word counts only if the link is trusted (row A7). */
static HF_INLINE bool link_vouches(const struct hf_stack *stack, const struct hf_packet *packet,
                                   const struct hf_ip_datagram *d)
{
    if (!(stack->ip.link[d->link].features & HF_LINK_TRUSTED) || d->reassembled)
        return false;
    return packet->checksum == HF_CHECKSUM_VERIFIED ||
           (packet->checksum == HF_CHECKSUM_PARTIAL && is_left_open(packet, d));
}

/* MUST-3. The header lies in one piece. */
static HF_INLINE bool checksum_is_right(const struct hf_stack *stack,
                                        const struct hf_packet *packet,
                                        const struct hf_ip_datagram *d, uint32_t header)
{
    if (HF_UNLIKELY(packet->checksum != HF_CHECKSUM_UNKNOWN) && link_vouches(stack, packet, d))
        return true;
    uint64_t sum = hf_tcp_pseudo_native(d->addresses, d->total);
    sum = hf_checksum_join(sum, HF_LIKELY(header == HF_TCP_HEADER + HF_TS_LAYOUT_LEN)
                                    ? hf_checksum_native(d->head, 8)
                                    : hf_checksum_native(d->head, header / 4));
    if (d->total != header && !sum_text(&stack->env, d, header, &sum))
        return false;
    return hf_checksum_fold(sum) == 0xffff;
}

/* How many segments were merged follows from the text, whatever the link says, and what is never
 * merged counts as one (row A8). */
static uint16_t segments_of(const struct hf_packet *packet, const struct hf_seg *seg)
{
    uint32_t each = packet->segment_bytes;
    if (packet->segments <= 1 || each == 0 || seg->text_all <= each ||
        seg->flags & (HF_SYN | HF_RST | HF_URG))
        return 1;
    each = each > SEGMENT_MIN ? each : SEGMENT_MIN;
    return (uint16_t)((seg->text_all + each - 1) / each);
}

void hf_stack_tell_in(struct hf_env *env, uint32_t conn, uint8_t state, uint8_t scale,
                      const struct hf_seg *seg)
{
    const struct hf_told_segment told = {.conn = conn,
                                         .kind = HF_TRACE_IN,
                                         .state = state,
                                         .scale = seg->flags & HF_SYN ? 0 : scale,
                                         .reason = HF_DROP_NONE,
                                         .seq = seg->seq,
                                         .ack = seg->ack,
                                         .text = seg->text_all,
                                         .flags = seg->flags,
                                         .window = seg->window,
                                         .urgent = seg->urgent,
                                         .segments = seg->segments,
                                         .segment_bytes = seg->segment_bytes,
                                         .options = &seg->options,
                                         .packet = seg->packet};
    hf_trace_segment(env, &told);
}

HF_APART static void tell_in(struct hf_env *env, hf_ref ref, uint64_t hash,
                             const struct hf_seg *seg)
{
    uint8_t state = HF_LISTEN, scale = 0;
    switch (hf_ref_kind(ref)) {
    case HF_KIND_CONN:
        state = hf_tcp_at(env, hf_ref_index(ref))->state;
        scale = hf_tcp_at(env, hf_ref_index(ref))->snd_wscale;
        break;
    case HF_KIND_HALF_OPEN:
        state = HF_SYN_RECEIVED;
        scale = hf_half_open_scale(env, hf_ref_index(ref));
        break;
    case HF_KIND_TIME_WAIT:
    case HF_KIND_TIME_WAIT_IPV4:
        state = HF_TIME_WAIT;
        break;
    default:
        break;
    }
    hf_stack_tell_in(env, (uint32_t)hash, state, scale, seg);
}

static inline void trace_in(struct hf_env *env, hf_ref ref, uint64_t hash,
                            const struct hf_seg *seg)
{
    if (HF_UNLIKELY(env->trace != 0) && !hf_stack_joins_in(env, (uint32_t)hash, seg))
        tell_in(env, ref, hash, seg);
}

/* RFC 9293 3.10.7.2 */
static void for_listener(struct hf_stack *stack, struct hf_listening *l,
                         const struct hf_flow *flow, uint64_t hash, struct hf_seg *seg,
                         bool to_us, hf_ref time_wait)
{
    struct hf_env *env = &stack->env;
    if (seg->flags & HF_RST) {
        hf_env_drop(env, HF_DROP_RST_OUTSIDE, (uint32_t)hash, HF_LISTEN, seg->packet);
        return;
    }
    struct hf_flow way = *flow;
    struct hf_path path;
    unsigned zone = hf_key_is_link_local(flow->remote) ? seg->link : 0;
    if (hf_stack_path(stack, &way, zone, !to_us, &path) != HF_OK) {
        hf_env_drop(env, HF_DROP_IP_DESTINATION, (uint32_t)hash, HF_LISTEN, seg->packet);
        return;
    }
    path.to_us = to_us;
    if (seg->flags & HF_ACK) {
        if (hf_half_open_cookie(env, l, flow, hash, seg, &path))
            return;
        if (hf_half_open_may_be_early(env, seg))
            hf_env_drop(env, HF_DROP_COOKIE, (uint32_t)hash, HF_LISTEN, seg->packet);
        else
            hf_tcp_refuse(env, flow, seg);
        return;
    }
    bool syn_fin = (seg->flags & HF_FIN) && !env->settings->accept_syn_fin; /* D13 */
    if (!(seg->flags & HF_SYN) || syn_fin) {
        hf_env_drop(env, HF_DROP_TCP_FLAGS, (uint32_t)hash, HF_LISTEN, seg->packet);
        return;
    }
    hf_half_open_syn(env, l, flow, hash, seg, &path, time_wait);
}

static void for_half_open(struct hf_stack *stack, uint32_t index, uint64_t hash,
                          struct hf_seg *seg, bool to_us)
{
    struct hf_env *env = &stack->env;
    const struct hf_half_open *h = hf_pool_at(&env->half_opens, index);
    struct hf_path path;
    hf_ip_path(env, &stack->ip, h->link, h->flow.remote, &path);
    path.to_us = to_us;
    hf_half_open_arrives(env, index, hash, seg, &path);
}

/* A connection that slept: awake now. 0: there was no memory, the segment comes again. */
HF_APART static hf_ref woken(struct hf_env *env, hf_ref ref, const struct hf_seg *seg)
{
    const struct hf_tcp *c = hf_asleep_wake(env, hf_ref_index(ref));
    if (!c)
        hf_env_drop(env, HF_DROP_MEMORY, 0, HF_ESTABLISHED, seg->packet);
    return c ? hf_ref_make(HF_KIND_CONN, c->self) : 0;
}

/* To whom it belongs. */
static HF_INLINE void demux(struct hf_stack *stack, const struct hf_flow *flow,
                            struct hf_seg *seg, bool to_us)
{
    struct hf_env *env = &stack->env;
    uint64_t hash = hf_table_hash(&env->table, flow);
    const struct hf_slot *slot = hf_table_near(&env->table, hash);
    hf_ref time_wait, ref = slot ? slot->ref : 0;
    if (ref && hf_ref_kind(ref) == HF_KIND_CONN &&
        HF_LIKELY(hf_flow_equal(&hf_tcp_at(env, ref)->flow, flow))) {
        env->table.probes++;
        trace_in(env, ref, hash, seg);
        hf_tcp_segment_arrives(env, hf_tcp_at(env, ref), seg);
        return;
    }
    ref = hf_table_find_near(&env->table, slot, hash, flow, &time_wait);
    if (ref) {
        if (HF_UNLIKELY(hf_ref_kind(ref) == HF_KIND_ASLEEP) && !(ref = woken(env, ref, seg)))
            return;
        trace_in(env, ref, hash, seg);
        if (hf_ref_kind(ref) == HF_KIND_CONN)
            hf_tcp_segment_arrives(env, hf_tcp_at(env, ref), seg);
        else
            for_half_open(stack, hf_ref_index(ref), hash, seg, to_us);
        return;
    }
    struct hf_listening *l = hf_listen_find(env, flow, to_us);
    if (time_wait) {
        trace_in(env, time_wait, hash, seg);
        if (l && hf_time_wait_may_reopen(env, time_wait, seg))
            for_listener(stack, l, flow, hash, seg, to_us, time_wait);
        else
            hf_time_wait_arrives(env, time_wait, hash, seg);
        return;
    }
    if (l) {
        trace_in(env, hf_ref_make(HF_KIND_LISTENER, l->self), hash, seg);
        for_listener(stack, l, flow, hash, seg, to_us, 0);
        return;
    }
    if (!to_us) {
        hf_env_drop(env, HF_DROP_IP_DESTINATION, 0, HF_CLOSED, seg->packet);
        return;
    }
    hf_env_drop(env, HF_DROP_NO_CONNECTION, 0, HF_CLOSED, seg->packet);
    hf_tcp_refuse(env, flow, seg);
}

/* On Ethernet, what TCP learns of its peer tells that the neighbour is there. */
HF_APART static void confirm(struct hf_stack *stack, unsigned link, const uint8_t remote[16])
{
    if (stack->env.progress && hf_stack_is_ethernet(stack, link))
        hf_neighbour_confirm(&stack->env, &stack->ip, link, remote);
}

static HF_INLINE void segment(struct hf_stack *stack, const struct hf_packet *packet,
                              const struct hf_ip_datagram *d)
{
    struct hf_env *env = &stack->env;
    struct hf_flow flow = d->flow;
    struct hf_seg seg;
    uint32_t header;
    enum hf_drop reason = hf_tcp_parse(d->head, d->head_len, d->total, &flow, &seg, &header);
    if (reason == HF_DROP_NONE && !checksum_is_right(stack, packet, d, header))
        reason = HF_DROP_TCP_CHECKSUM;
    if (reason != HF_DROP_NONE) {
        hf_env_drop(env, reason, 0, HF_CLOSED, packet);
        return;
    }
    seg.link = d->link;
    seg.tos = d->tos;
    seg.packet = packet;
    seg.slices = d->slices;
    seg.slice_count = d->slice_count;
    seg.text_offset = d->offset + header;
    seg.segments = segments_of(packet, &seg);
    seg.segment_bytes = packet->segment_bytes;
    env->counters.segments_in += seg.segments;
    env->counters.bytes_in += seg.text_all;
    env->progress = false;
    demux(stack, &flow, &seg, d->to_us);
    if (HF_UNLIKELY(stack->ip.neighbours != 0))
        confirm(stack, d->link, flow.remote);
}

/* MUST-54: an ICMP error reaches the connection that it quotes. */
void hf_stack_icmp_error(struct hf_stack *stack, const struct hf_ip_error *error,
                         const struct hf_packet *packet)
{
    struct hf_env *env = &stack->env;
    uint64_t hash = hf_table_hash(&env->table, &error->flow);
    hf_ref time_wait;
    hf_ref ref = hf_table_find(&env->table, hash, &error->flow, &time_wait);
    const struct hf_icmp_report report = {.kind = (enum hf_icmp_kind)error->kind,
                                          .type = error->type,
                                          .code = error->code,
                                          .seq = error->seq};
    enum hf_drop reason = HF_DROP_ICMP_QUOTE;
    bool believed = false;
    struct hf_tcp *c = 0;
    if (hf_ref_kind(ref) == HF_KIND_ASLEEP)
        c = hf_asleep_wake(env, hf_ref_index(ref));
    else if (ref && hf_ref_kind(ref) == HF_KIND_CONN)
        c = hf_tcp_at(env, ref);
    if (c) {
        reason = hf_tcp_icmp_error(env, c, &report, &believed);
    } else if (ref && hf_ref_kind(ref) == HF_KIND_HALF_OPEN) {
        reason = hf_half_open_icmp(env, hf_ref_index(ref), &report);
    }
    if (reason != HF_DROP_NONE) {
        hf_env_drop(env, reason, (uint32_t)hash, c ? c->state : HF_CLOSED, packet);
        return;
    }
    if (c && believed && error->kind == HF_ICMP_TOO_BIG) {
        hf_tcp_path_mtu(env, c, hf_ip_learn_mtu(env, &stack->ip, error));
        hf_tcp_rearm(env, c);
    }
}

/* What may be anything. */
HF_APART static void take_odd(struct hf_stack *stack, unsigned link,
                              const struct hf_packet *packet)
{
    struct hf_ip_datagram datagram;
    struct hf_ip_error error;
    switch (hf_ip_input(&stack->env, &stack->ip, link, packet, &datagram, &error)) {
    case HF_IP_TCP:
        segment(stack, packet, &datagram);
        break;
    case HF_IP_TCP_ERROR:
        hf_stack_icmp_error(stack, &error, packet);
        break;
    case HF_IP_CONSUMED:
        break;
    }
    hf_ip_done(&stack->env, &stack->ip);
}

/* The one place where the road begins. */
void hf_stack_packet(struct hf_stack *stack, unsigned link, const struct hf_packet *packet)
{
    struct hf_ip_datagram plain;
    if (HF_LIKELY(hf_ip_is_plain(&stack->ip, link, packet, &plain)))
        segment(stack, packet, &plain);
    else
        take_odd(stack, link, packet);
}

static bool merges(const struct hf_stack *stack, unsigned link, size_t n)
{
    return n > 1 && stack->ip.link[link].features & HF_LINK_MERGE && !stack->env.no_fast_path;
}

/* The datagrams behind Ethernet headers. */
HF_APART static void take_frames(struct hf_stack *stack, unsigned link,
                                 const struct hf_packet *frames, size_t n)
{
    struct hf_packet inner[FRAMES_AT_ONCE];
    for (size_t at = 0; at < n;) {
        size_t count = 0;
        for (; at < n && count < FRAMES_AT_ONCE; at++)
            count += hf_ethernet_input(&stack->env, &stack->ip, link, &frames[at], &inner[count]);
        if (merges(stack, link, count)) {
            hf_stack_merged_input(stack, link, inner, count);
            continue;
        }
        for (size_t i = 0; i < count; i++)
            hf_stack_packet(stack, link, &inner[i]);
    }
}

HF_APART static void take_many(struct hf_stack *stack, unsigned link,
                               const struct hf_packet *packets, size_t n)
{
    if (merges(stack, link, n)) {
        hf_stack_merged_input(stack, link, packets, n);
        return;
    }
    bool ahead = hf_ahead_pays(stack, n);
    for (size_t i = 0; i < n; i++) {
        if (ahead && i % HF_AHEAD == 0)
            hf_stack_look_ahead(stack, packets + i, n - i < HF_AHEAD ? n - i : HF_AHEAD);
        hf_stack_packet(stack, link, &packets[i]);
    }
}

void hf_stack_input(struct hf_stack *stack, int link, const struct hf_packet *packets, size_t n,
                    hf_time now)
{
    if (link < 1 || (unsigned)link > stack->links)
        return;
    hf_stack_clock(stack, now);
    stack->env.counters.packets_in += n;
    if (HF_UNLIKELY(hf_stack_is_ethernet(stack, (unsigned)link)))
        take_frames(stack, (unsigned)link, packets, n);
    else if (n == 1)
        hf_stack_packet(stack, (unsigned)link, packets);
    else
        take_many(stack, (unsigned)link, packets, n);
}
