/* The lists that connections stand in (news for the application, something to send) and the
 * records of the event stream.
 *
 * Both lists are first in, first out and linked by index. A block that is freed while it stands in
 * one becomes a zombie and goes back to its pool when the list comes past it. */
#include <string.h>

#include "tcp/tcp.h"

/* ---- Lists ---- */

static void ready_push(struct hf_env *env, hf_ref ref)
{
    if (!env->ready_last)
        env->ready_first = ref;
    else if (hf_ref_kind(env->ready_last) == HF_KIND_CONN)
        hf_tcp_at(env, hf_ref_index(env->ready_last))->ready_next = ref;
    else
        hf_listening_at(env, hf_ref_index(env->ready_last))->ready_next = ref;
    env->ready_last = ref;
}

static void ready_advance(struct hf_env *env, hf_ref next)
{
    env->ready_first = next;
    if (!next)
        env->ready_last = 0;
}

void hf_tcp_event(struct hf_env *env, struct hf_tcp *c, unsigned bits)
{
    if (c->flags & (HF_F_ORPHAN | HF_F_ZOMBIE))
        return;
    c->events |= (uint16_t)bits;
    if (!c->self || c->flags & (HF_F_ON_READY | HF_F_ACCEPT_QUEUE))
        return; /* what happens before accept is told after it */
    c->flags |= HF_F_ON_READY;
    c->ready_next = 0;
    ready_push(env, hf_ref_make(HF_KIND_CONN, c->self));
}

void hf_listener_event(struct hf_env *env, struct hf_listening *l, unsigned bits)
{
    l->events |= (uint16_t)bits;
    if (l->on_ready)
        return;
    l->on_ready = true;
    l->ready_next = 0;
    ready_push(env, hf_ref_make(HF_KIND_LISTENER, l->self));
}

static void tell_conn(struct hf_tcp *c, struct hf_event *event)
{
    event->handle = hf_tcp_handle(c);
    event->user = c->user;
    event->bits = c->events;
    event->cause = c->cause;
    c->events = 0;
}

static void tell_listener(struct hf_listening *l, struct hf_event *event)
{
    event->handle = (uint64_t)l->generation << 32 | hf_ref_make(HF_KIND_LISTENER, l->self);
    event->user = l->user;
    event->bits = l->events;
    event->cause = HF_CAUSE_NONE;
    l->events = 0;
}

/* The news of those who come first, up to one who is dead. */
static HF_INLINE size_t take_living(struct hf_env *env, struct hf_event *events, size_t n)
{
    size_t taken = 0;
    while (taken < n && env->ready_first) {
        hf_ref ref = env->ready_first;
        if (hf_ref_kind(ref) == HF_KIND_CONN) {
            struct hf_tcp *c = hf_tcp_at(env, hf_ref_index(ref));
            if (HF_UNLIKELY(c->flags & HF_F_ZOMBIE))
                break;
            c->flags &= ~(uint32_t)HF_F_ON_READY;
            ready_advance(env, c->ready_next);
            tell_conn(c, &events[taken]);
        } else {
            struct hf_listening *l = hf_listening_at(env, hf_ref_index(ref));
            if (HF_UNLIKELY(l->zombie))
                break;
            l->on_ready = false;
            ready_advance(env, l->ready_next);
            tell_listener(l, &events[taken]);
        }
        taken += events[taken].bits != 0;
    }
    return taken;
}

static void free_first(struct hf_env *env)
{
    hf_ref ref = env->ready_first;
    if (hf_ref_kind(ref) == HF_KIND_CONN) {
        struct hf_tcp *c = hf_tcp_at(env, hf_ref_index(ref));
        c->flags &= ~(uint32_t)HF_F_ON_READY;
        ready_advance(env, c->ready_next);
        hf_tcp_free(env, c);
    } else {
        struct hf_listening *l = hf_listening_at(env, hf_ref_index(ref));
        l->on_ready = false;
        ready_advance(env, l->ready_next);
        hf_listen_free(env, l);
    }
}

/* The first is dead. */
HF_APART static size_t take_on(struct hf_env *env, struct hf_event *events, size_t n,
                               size_t taken)
{
    while (taken < n && env->ready_first) {
        free_first(env);
        taken += take_living(env, events + taken, n - taken);
    }
    return taken;
}

size_t hf_events_take(struct hf_env *env, struct hf_event *events, size_t n)
{
    size_t taken = take_living(env, events, n);
    return HF_LIKELY(taken == n || !env->ready_first) ? taken : take_on(env, events, n, taken);
}

void hf_output_push(struct hf_env *env, struct hf_tcp *c)
{
    hf_ref ref = c->self;
    c->flags |= HF_F_ON_OUTPUT;
    c->output_next = 0;
    if (env->output_last[c->link])
        hf_tcp_at(env, env->output_last[c->link])->output_next = ref;
    else
        env->output_first[c->link] = ref;
    env->output_last[c->link] = ref;
}

void hf_output_bury(struct hf_env *env, struct hf_tcp *c)
{
    hf_tcp_drop_active(env, c);
    hf_tcp_drop_handle(env, c);
    c->flags |= HF_F_ZOMBIE;
    if (c->flags & (HF_F_ON_OUTPUT | HF_F_ON_READY))
        return;
    hf_output_push(env, c);
}

struct hf_tcp *hf_output_next(struct hf_env *env, unsigned link)
{
    while (env->output_first[link]) {
        struct hf_tcp *c = hf_tcp_at(env, env->output_first[link]);
        if (!(c->flags & (HF_F_ZOMBIE | HF_F_DETACHED)))
            return c;
        hf_output_done(env, link, c);
    }
    return 0;
}

/* The first one has had its turn and has more to send: to the end of the line. */
void hf_output_rotate(struct hf_env *env, unsigned link)
{
    struct hf_tcp *c = hf_tcp_at(env, env->output_first[link]);
    if (!c->output_next)
        return;
    env->output_first[link] = c->output_next;
    hf_output_push(env, c);
}

/* ---- The event stream ---- */

void hf_trace_state_record(struct hf_env *env, uint32_t id, uint8_t from, uint8_t to,
                           enum hf_by by, unsigned detail)
{
    struct hf_trace_record r = {.kind = HF_TRACE_STATE, .conn = id, .state = to};
    r.u.state.from = from;
    r.u.state.to = to;
    r.u.state.by = (uint8_t)by;
    r.u.state.detail = (uint8_t)detail;
    hf_env_trace(env, &r, 0);
}

static void plain_address(uint8_t out[16], const uint8_t key[16])
{
    struct hf_addr addr;
    hf_key_to_addr(key, 0, &addr);
    memcpy(out, addr.bytes, 16);
}

void hf_trace_open(struct hf_env *env, const struct hf_tcp *c)
{
    if (!env->trace)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_OPEN, .conn = c->hash, .state = c->state};
    plain_address(r.u.open.local, c->flow.local);
    plain_address(r.u.open.remote, c->flow.remote);
    r.u.open.local_port = c->flow.local_port;
    r.u.open.remote_port = c->flow.remote_port;
    r.u.open.family = hf_flow_is_ipv4(&c->flow) ? HF_IPV4 : HF_IPV6;
    r.u.open.active = (c->flags & HF_F_ACTIVE_OPEN) != 0;
    r.u.open.link = c->link;
    hf_env_trace(env, &r, 0);
}

void hf_trace_timer(struct hf_env *env, const struct hf_tcp *c, enum hf_timer_kind kind,
                    unsigned count, hf_time interval)
{
    env->counters.timers_run++;
    if (!env->trace)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_TIMER, .conn = c->hash, .state = c->state};
    r.u.timer.timer = (uint8_t)kind;
    r.u.timer.count = (uint8_t)count;
    r.u.timer.interval = interval;
    hf_env_trace(env, &r, 0);
}

void hf_trace_congestion(struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    if (!env->trace || !a)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_CONGESTION, .conn = c->hash, .state = c->state};
    r.u.congestion.cwnd = a->cc.cwnd;
    r.u.congestion.ssthresh = a->cc.ssthresh;
    r.u.congestion.in_flight = hf_recovery_in_flight(c, a);
    r.u.congestion.srtt_us = c->srtt_us;
    r.u.congestion.rto_us = c->rto_us;
    r.u.congestion.phase = (uint8_t)hf_recovery_phase(a);
    r.u.congestion.control = c->congestion;
    r.u.congestion.bbr_state = hf_congestion_bbr_state(&a->cc);
    r.u.congestion.pacing_rate = hf_congestion_pace(&a->cc);
    r.u.congestion.delivery_rate = a->cc.rate.bytes_per_s;
    hf_env_trace(env, &r, 0);
}

void hf_tcp_drop(struct hf_env *env, const struct hf_tcp *c, enum hf_drop reason,
                 const struct hf_seg *seg)
{
    hf_env_drop(env, reason, c->hash, c->state, seg ? seg->packet : 0);
}
