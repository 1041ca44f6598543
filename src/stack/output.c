/* The road of a packet out: first the answers that wait in the link's ring, then connections in
 * turn, a few segments each. And the other two ways in which time passes: timers and events. */
#include <string.h>

#include "stack/stack.h"

#define TURN 16u /* segments of one connection before the next has its turn */

/* ---- Timers ---- */

static void pass_on_doubt(struct hf_stack *stack)
{
    struct hf_env *env = &stack->env;
    hf_neighbour_doubt(env, &stack->ip, env->doubt_link, env->doubt);
    env->doubt_link = 0;
}

/* To those who wanted to send to a neighbour that is not there. */
HF_APART static void tell_errors(struct hf_stack *stack)
{
    struct hf_ip_error error;
    while (hf_ip_next_error(&stack->env, &stack->ip, &error))
        hf_stack_icmp_error(stack, &error, 0);
}

/* What a call does that finds something to do, or may. */
HF_APART static void run_timers(struct hf_stack *stack)
{
    struct hf_env *env = &stack->env;
    hf_time deadline;
    for (hf_ref ref; (ref = hf_wheel_pop(&env->wheel, env->now, &deadline)) != 0;) {
        if (hf_ref_kind(ref) == HF_KIND_CONN)
            hf_tcp_timer(env, hf_tcp_at(env, ref));
        else if (hf_ref_kind(ref) == HF_KIND_ASLEEP)
            hf_asleep_timer(env, hf_ref_index(ref));
        else
            hf_half_open_timer(env, hf_ref_index(ref));
        if (HF_UNLIKELY(env->doubt_link))
            pass_on_doubt(stack);
    }
    hf_time_wait_timers(env);
    if (hf_asleep_pays(env))
        hf_asleep_sweep(env);
    hf_chunks_rest(&env->chunks);
    hf_ip_timers(env, &stack->ip);
    if (HF_UNLIKELY(stack->ip.neighbours != 0))
        tell_errors(stack);
}

/* When anything that is not in the wheel has something to do. */
static hf_time other_deadline(const struct hf_stack *stack)
{
    hf_time at = stack->env.chunks.rest_at;
    hf_time time_wait = hf_time_wait_deadline(&stack->env);
    hf_time ip = hf_ip_deadline(&stack->ip);
    at = time_wait < at ? time_wait : at;
    return ip < at ? ip : at;
}

/* Nothing that is not in the wheel has anything to do yet. */
static inline bool others_are_quiet(const struct hf_stack *stack)
{
    const struct hf_env *env = &stack->env;
    return env->chunks.rest_at > env->now && env->time_wait_quiet_till > env->now &&
           !stack->ip.neighbours && hf_ip_deadline(&stack->ip) > env->now;
}

void hf_stack_timers(struct hf_stack *stack, hf_time now)
{
    struct hf_env *env = &stack->env;
    hf_stack_clock(stack, now);
    if (!hf_wheel_is_quiet(&env->wheel, env->now) || !others_are_quiet(stack) ||
        hf_asleep_pays(env))
        run_timers(stack);
}

hf_time hf_stack_deadline(const struct hf_stack *stack)
{
    hf_time at = hf_wheel_deadline(&stack->env.wheel), other = other_deadline(stack);
    at = other < at ? other : at;
    return at == HF_NEVER ? at : at - stack->skew;
}

size_t hf_stack_events(struct hf_stack *stack, struct hf_event *events, size_t n)
{
    return stack->env.ready_first ? hf_events_take(&stack->env, events, n) : 0;
}

/* ---- Output ---- */

HF_APART static void tell_out(struct hf_env *env, const struct hf_packet *packet,
                              const struct hf_out *out, uint32_t id, uint8_t state, uint8_t scale)
{
    const struct hf_told_segment told = {.conn = id,
                                         .kind = HF_TRACE_OUT,
                                         .state = state,
                                         .scale = out->head.flags & HF_SYN ? 0 : scale,
                                         .reason = out->reason,
                                         .seq = out->head.seq,
                                         .ack = out->head.ack,
                                         .text = out->text,
                                         .flags = out->head.flags,
                                         .window = out->head.window,
                                         .urgent = out->head.urgent,
                                         .segments = out->segments,
                                         .segment_bytes = packet->segment_bytes,
                                         .options = &out->head.options,
                                         .packet = packet};
    hf_trace_segment(env, &told);
}

static inline void trace_out(struct hf_env *env, const struct hf_packet *packet,
                             const struct hf_out *out, uint32_t id, uint8_t state, uint8_t scale)
{
    if (HF_LIKELY(!env->trace))
        return;
    const struct hf_segment_head *h = &out->head;
    uint64_t stream = hf_trace_stream(id, HF_TRACE_OUT, out->reason);
    if (out->segments != 1 || !hf_trace_one_more(env, stream, hf_trace_numbers(h->seq, h->ack),
                                                 h->flags, h->window, &h->options, out->text))
        tell_out(env, packet, out, id, state, scale);
}

/* Both headers of a segment whose text is in place, and their checksums. */
HF_APART static void finish(struct hf_stack *stack, struct hf_packet *packet,
                            const struct hf_flow *flow, const struct hf_out *out, uint8_t ttl)
{
    bool ipv4 = hf_flow_is_ipv4(flow);
    uint64_t addresses = hf_flow_sum(flow, ipv4);
    hf_tcp_finish_packet(&stack->env, packet, flow, addresses, &out->head, out->text);
    hf_ip_address(&stack->ip, packet, flow, ipv4, addresses, out->tos, ttl);
}

static void count(struct hf_env *env, const struct hf_out *out)
{
    env->counters.packets_out++;
    env->counters.segments_out += out->segments;
    env->counters.bytes_out += out->text;
}

static void reply_tcp(struct hf_stack *stack, const struct hf_reply *r, struct hf_packet *packet)
{
    struct hf_flow flow;
    memcpy(flow.local, r->addresses, 16);
    memcpy(flow.remote, r->addresses + 16, 16);
    flow.local_port = r->local_port;
    flow.remote_port = r->remote_port;
    struct hf_out out;
    memset(&out, 0, sizeof out);
    out.head.seq = r->seq;
    out.head.ack = r->ack;
    out.head.flags = r->flags;
    out.head.window = r->window;
    out.head.options.mss = r->mss;
    out.head.options.has_mss = r->mss != 0;
    out.head.options.wscale = r->wscale;
    out.head.options.has_ts = (r->options & HF_REPLY_TS) != 0;
    out.head.options.tsval = r->tsval;
    if (r->options & HF_REPLY_TS_CLOCK)
        out.head.options.tsval += hf_tcp_now_ms(&stack->env);
    out.head.options.tsecr = r->tsecr;
    out.head.options.sack_permitted = (r->options & HF_REPLY_SACK) != 0;
    if (HF_UNLIKELY(r->options & HF_REPLY_FAST_OPEN))
        hf_fast_open_cookie(&stack->env, &flow,
                            (r->options & HF_REPLY_FAST_OPEN_EXPERIMENTAL) != 0,
                            &out.head.options);
    out.segments = 1;
    out.reason = r->reason;
    out.tos = r->tos;
    packet->slices = packet->segments = 1;
    packet->segment_bytes = packet->checksum_start = packet->checksum_offset = 0;
    packet->checksum = HF_CHECKSUM_UNKNOWN;
    packet->link = r->link;
    finish(stack, packet, &flow, &out, r->ttl);
    count(&stack->env, &out);
    trace_out(&stack->env, packet, &out, r->conn, r->state, r->scale);
}

/* A whole IP packet that ip built: the packet takes over the chunk. */
static void reply_raw(struct hf_stack *stack, const struct hf_reply *r, struct hf_packet *packet)
{
    const struct hf_chunk *chunk = hf_chunk_at(&stack->env.chunks, r->chunk);
    hf_packet_wrap(packet, r->link, chunk->data, chunk->used);
    packet->slice[0].hold = r->chunk;
    stack->env.counters.packets_out++;
}

/* A frame that ip built, or that waited for its neighbour. */
static void reply_frame(struct hf_stack *stack, const struct hf_reply *r,
                        struct hf_packet *packet)
{
    hf_ethernet_frame(&stack->env, r->link, r->chunk, packet);
    stack->env.counters.packets_out++;
}

/* On Ethernet a packet has a frame's header, once its neighbour is known. False: it does not leave
 * now, and what it held is given back. */
HF_APART static bool frame_apart(struct hf_stack *stack, unsigned link, struct hf_packet *packet,
                                 bool own)
{
    if (hf_ethernet_output(&stack->env, &stack->ip, link, packet, own))
        return true;
    hf_stack_sent(stack, packet, 1);
    return false;
}

static inline bool frame(struct hf_stack *stack, unsigned link, struct hf_packet *packet,
                         bool own)
{
    return !hf_stack_is_ethernet(stack, link) || frame_apart(stack, link, packet, own);
}

HF_APART static size_t replies(struct hf_stack *stack, unsigned link, struct hf_packet *packets,
                               size_t room)
{
    struct hf_replies *q = &stack->env.replies[link];
    size_t n = 0;
    while (n < room && q->count) {
        const struct hf_reply *r = &q->ring[q->first];
        bool framed = r->kind == HF_REPLY_FRAME;
        if (framed)
            reply_frame(stack, r, &packets[n]);
        else if (r->kind == HF_REPLY_RAW)
            reply_raw(stack, r, &packets[n]);
        else
            reply_tcp(stack, r, &packets[n]);
        q->first = (q->first + 1) & (q->size - 1);
        q->count--;
        n += framed || frame(stack, link, &packets[n], false); /* which may queue a question */
    }
    if (q->count == 0)
        hf_env_replies_rest(&stack->env, q);
    return n;
}

/* One connection's turn; false when it has nothing more. */
static bool turn(struct hf_stack *stack, struct hf_tcp *c, struct hf_packet *packets, size_t room,
                 size_t *n)
{
    struct hf_env *env = &stack->env;
    struct hf_out out;
    for (unsigned i = 0; i < TURN && *n < room; i += out.segments) {
        struct hf_packet *packet = &packets[*n];
        enum hf_said said = hf_tcp_output(env, c, packet, &out);
        if (said == HF_SAID_NOTHING) {
            hf_tcp_said_all(env, c);
            return false;
        }
        finish(stack, packet, &c->flow, &out, c->ttl);
        if (HF_UNLIKELY(hf_tcp_may_be_cut(env, c)) && out.reason != HF_SEND_MTU_PROBE)
            hf_ip_allow_fragments(packet, (uint16_t)(c->hash + c->segments_sent));
        count(env, &out);
        trace_out(env, packet, &out, c->hash, c->state, c->rcv_wscale);
        *n += frame(stack, c->link, packet, true);
        if (HF_LIKELY(said == HF_SAID_TEXT)) {
            hf_tcp_said_text(env, c);
            return false;
        }
        if (said == HF_SAID_ALL) {
            hf_tcp_said_all(env, c);
            return false;
        }
    }
    hf_tcp_output_over(env, c);
    return true;
}

size_t hf_stack_output(struct hf_stack *stack, int link, struct hf_packet *packets, size_t room,
                       hf_time now)
{
    if (link < 1 || (unsigned)link > stack->links)
        return 0;
    hf_stack_clock(stack, now);
    struct hf_env *env = &stack->env;
    const struct hf_replies *q = &env->replies[link];
    size_t n = q->count ? replies(stack, (unsigned)link, packets, room) : 0;
    for (struct hf_tcp *c; n < room && (c = hf_output_first(env, (unsigned)link)) != 0;) {
        if (turn(stack, c, packets, room, &n))
            hf_output_rotate(env, (unsigned)link);
        else
            hf_output_done(env, (unsigned)link, c);
    }
    if (HF_UNLIKELY(q->count && n < room)) /* neighbours that connections have asked for */
        n += replies(stack, (unsigned)link, packets + n, room - n);
    return n;
}

HF_APART static void let_go(struct hf_stack *stack, struct hf_packet *packets, size_t n)
{
    for (; n > 0; packets++, n--) {
        struct hf_slice *end = packets->slice + packets->slices;
        for (struct hf_slice *s = packets->slice; s < end; s++) {
            if (!s->hold)
                continue;
            hf_chunk_release(&stack->env.chunks, s->hold);
            s->hold = 0;
        }
    }
}

void hf_stack_sent(struct hf_stack *stack, struct hf_packet *packets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (packets[i].slices > 1 || packets[i].slice[0].hold) { /* it is not headers alone */
            let_go(stack, packets + i, n - i);
            return;
        }
    }
}
