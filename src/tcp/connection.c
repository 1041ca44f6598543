/* A connection's life as an object: made, adopted into the pool and the table, its state changed,
 * ended, freed. hf_tcp_enter is the only writer of c->state.
 *
 * Called by all of src/tcp. Never builds a segment and never looks at one. */
#include <string.h>

#include "tcp/tcp.h"

/* RFC 9293 figure 5 and 3.10: the moves that exist. The table checks and documents; it never
 * decides. CLOSED can be reached from everywhere. */
#define TO(state) (1u << (state))
static const uint16_t may_move_to[HF_STATES] = {
    [HF_CLOSED] = TO(HF_LISTEN) | TO(HF_SYN_SENT) | TO(HF_SYN_RECEIVED),
    [HF_LISTEN] = TO(HF_SYN_RECEIVED) | TO(HF_SYN_SENT),
    [HF_SYN_SENT] = TO(HF_SYN_RECEIVED) | TO(HF_ESTABLISHED),
    [HF_SYN_RECEIVED] = TO(HF_ESTABLISHED) | TO(HF_FIN_WAIT_1) | TO(HF_LISTEN),
    [HF_ESTABLISHED] = TO(HF_FIN_WAIT_1) | TO(HF_CLOSE_WAIT),
    [HF_FIN_WAIT_1] = TO(HF_FIN_WAIT_2) | TO(HF_CLOSING) | TO(HF_TIME_WAIT),
    [HF_FIN_WAIT_2] = TO(HF_TIME_WAIT),
    [HF_CLOSE_WAIT] = TO(HF_LAST_ACK),
    [HF_CLOSING] = TO(HF_TIME_WAIT),
    [HF_LAST_ACK] = 0,
    [HF_TIME_WAIT] = 0,
};
#undef TO

void hf_tcp_enter(struct hf_env *env, struct hf_tcp *c, enum hf_state state, enum hf_by by,
                  unsigned detail)
{
    uint8_t from = c->state;
    HF_ASSERT(state == HF_CLOSED || (may_move_to[from] & 1u << state));
    c->state = (uint8_t)state;
    hf_trace_state(env, c->hash, from, c->state, by, detail);
}

/* What the settings say of every connection; they do not change while a stack lives. */
void hf_tcp_fresh(struct hf_env *env, struct hf_tcp *fresh)
{
    const struct hf_settings *s = env->settings;
    memset(fresh, 0, sizeof *fresh);
    fresh->ttl = s->ttl;
    fresh->tos = s->tos;
    fresh->congestion = hf_congestion_number(s->congestion) & 3u;
    fresh->r2_ms = hf_tcp_limit_ms(s->r2_data);
    fresh->user_timeout_ms = hf_tcp_limit_ms(s->user_timeout);
    fresh->quick_acks = s->quick_acks & 63u;
    fresh->syn_retries = s->syn_retries;
    fresh->keepalive_idle_s = (uint32_t)(s->keepalive_idle / HF_SEC);
    fresh->keepalive_interval_s = (uint32_t)(s->keepalive_interval / HF_SEC);
    fresh->keepalive_probes = s->keepalive_probes;
    if (!s->nagle)
        fresh->flags |= HF_F_NODELAY;
    hf_autotune_init(env, fresh);
    hf_rtt_init(env, fresh);
    fresh->rtx_at = fresh->delack_at = fresh->deadline = HF_NEVER;
}

void hf_tcp_init(struct hf_env *env, struct hf_tcp *c, const struct hf_flow *flow, uint64_t hash,
                 const struct hf_path *path)
{
    const struct hf_settings *s = env->settings;
    bool ipv4 = hf_flow_is_ipv4(flow);
    *c = *env->fresh;
    c->flow = *flow;
    c->hash = (uint32_t)hash;
    c->link = path->link & 15u;
    c->path_mtu = path->mtu;
    c->path_mtu_s = hf_tcp_now_s(env);
    uint32_t largest = path->link_mtu - (ipv4 ? 20u : 40u) - HF_TCP_HEADER; /* MUST-67 */
    c->advertised_mss = (uint16_t)(s->mss && s->mss < largest ? s->mss : largest);
    c->peer_mss = ipv4 ? 536 : 1220; /* MUST-15 */
    c->ts_offset = hf_timestamp_offset(env, hash);
    c->rcv_mark_ms = hf_tcp_timestamp(env, c);
    c->progress_at = c->last_receive = env->now;
    c->last_send_ms = c->last_text_ms = hf_tcp_now_ms(env);
    c->invalid_ack_ms = hf_tcp_now_ms(env) - HF_TCP_LONG_AGO_MS;
    hf_mtu_probe_init(env, c);
}

static void take_handle(struct hf_env *env, struct hf_tcp *c)
{
    c->handle = hf_pool_take(&env->handles);
    c->generation = env->handles.takes | (env->handles.takes == 0);
    *hf_handle_at(env, c->handle) =
        (struct hf_handle){hf_ref_make(HF_KIND_CONN, c->self), c->generation};
}

bool hf_tcp_are_full(const struct hf_env *env)
{
    return env->conns.count + env->asleep.count >= env->conns.max;
}

uint32_t hf_tcp_take(struct hf_env *env, hf_ref was)
{
    bool is_new = !was; /* else it was let in, and its text may have taken memory since       */
    if (is_new && (hf_budget_room(&env->budget, HF_USE_CONNECTION) < sizeof(struct hf_tcp) ||
                   !hf_table_reserve(&env->table)))
        return 0;
    return !hf_tcp_are_full(env) && hf_pool_reserve(&env->handles) ? hf_pool_take(&env->conns)
                                                                   : 0;
}

struct hf_tcp *hf_tcp_enlist(struct hf_env *env, uint32_t index, hf_ref was)
{
    struct hf_tcp *c = hf_tcp_at(env, index);
    c->self = index;
    take_handle(env, c);
    hf_ref ref = hf_ref_make(HF_KIND_CONN, index);
    if (was)
        hf_table_replace(&env->table, c->hash, was, ref);
    else
        hf_table_insert(&env->table, c->hash, ref);
    env->counters.connections++;
    return c;
}

struct hf_tcp *hf_tcp_adopt(struct hf_env *env, const struct hf_tcp *block, hf_ref was)
{
    uint32_t index = hf_tcp_take(env, was);
    if (!index)
        return 0;
    *hf_tcp_at(env, index) = *block;
    return hf_tcp_enlist(env, index, was);
}

void hf_tcp_set_mss(struct hf_env *env, struct hf_tcp *c)
{
    uint32_t headers = hf_flow_ip_header(&c->flow) + HF_TCP_HEADER;
    uint32_t fits = c->path_mtu > headers + 1 ? c->path_mtu - headers : 1;
    uint32_t mss = c->peer_mss < fits ? c->peer_mss : fits;
    if (c->mss_limit && c->mss_limit < mss)
        mss = c->mss_limit;
    uint32_t options = c->flags & HF_F_TIMESTAMPS ? 12 : 0;
    c->mss = (uint16_t)(mss > options + 8 ? mss - options : 8);
    struct hf_active *a = hf_tcp_active(env, c);
    if (a)
        hf_recovery_mss_changed(env, c, a);
}

void hf_tcp_take_syn_options(struct hf_env *env, struct hf_tcp *c, const struct hf_tcp_options *o)
{
    const struct hf_settings *s = env->settings;
    if (o->has_mss) {
        c->peer_mss = o->mss < s->mss_floor ? s->mss_floor : o->mss;
    }
    if (s->timestamps && o->has_ts) {
        c->flags |= HF_F_TIMESTAMPS | HF_F_TS_RECENT;
        c->ts_recent = o->tsval;
        c->ts_recent_s = hf_tcp_now_s(env);
    }
    if (s->sack && o->sack_permitted)
        c->flags |= HF_F_SACK;
    if (s->window_scale && o->wscale != HF_NO_WSCALE) {
        c->flags |= HF_F_WSCALE;
        c->snd_wscale = o->wscale;
    } else {
        c->snd_wscale = c->rcv_wscale = 0;
    }
    hf_tcp_set_mss(env, c);
}

struct hf_active *hf_tcp_activate(struct hf_env *env, struct hf_tcp *c)
{
    if (c->active)
        return hf_tcp_active(env, c);
    c->active = hf_pool_take(&env->actives);
    struct hf_active *a = hf_tcp_active(env, c);
    if (a) {
        hf_recovery_start(env, c, a);
        hf_segment_start(c, a);
    }
    return a;
}

void hf_tcp_give_active(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    hf_sending_over(env, c, a);
    hf_bytes_clear(&env->chunks, &a->snd);
    hf_bytes_clear(&env->chunks, &a->rcv);
    hf_sent_clear(env, &a->sent);
    hf_record_clear(env, a);
    hf_reassembly_clear(env, a);
    hf_pool_give(&env->actives, c->active);
    c->active = 0;
}

void hf_tcp_quiesce(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a || a->snd.len || a->snd.head || a->rcv.len || a->ranges || a->fin_held ||
        a->reserved || a->rtx_first || c->flags & HF_F_DSACK ||
        (hf_tcp_outstanding(c) && !(c->flags & HF_F_DETACHED)) || a->phase != HF_PHASE_SLOW_START)
        return;
    a->cc.ops->save(&a->cc, &c->saved);
    if (a->recover_valid && a->recover == c->snd_una)
        c->flags |= HF_F_AFTER_TIMEOUT;
    hf_tcp_drop_active(env, c);
}

static void trace_end(struct hf_env *env, const struct hf_tcp *c, enum hf_cause cause)
{
    if (!env->trace)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_END, .conn = c->hash, .state = c->state};
    r.u.end.cause = (uint8_t)cause;
    r.u.end.bytes_sent = c->bytes_sent;
    r.u.end.bytes_received = c->bytes_received;
    r.u.end.segments_sent = c->segments_sent;
    r.u.end.segments_received = c->segments_received;
    r.u.end.retransmits = c->retransmits;
    hf_env_trace(env, &r, 0);
}

void hf_tcp_count_end(struct hf_env *env, const struct hf_tcp *c, enum hf_cause cause)
{
    env->counters.ended[cause]++;
    trace_end(env, c, cause);
}

/* Nothing more goes out and no timer runs. */
static void silence(struct hf_env *env, struct hf_tcp *c)
{
    c->want = 0;
    c->dup_acks_owed = c->challenges_owed = 0;
    c->rtx_mode = HF_RTX_NONE;
    c->rtx_at = c->delack_at = HF_NEVER;
    if (c->self) {
        hf_wheel_cancel_timer(&env->wheel, hf_ref_make(HF_KIND_CONN, c->self), &c->timer);
        c->deadline = HF_NEVER;
    }
}

void hf_tcp_detach(struct hf_env *env, struct hf_tcp *c, hf_ref heir)
{
    silence(env, c);
    if (c->self && !(c->flags & HF_F_DETACHED)) {
        hf_path_info_keep(env, c);
        hf_ref ref = hf_ref_make(HF_KIND_CONN, c->self);
        if (heir)
            hf_table_replace(&env->table, c->hash, ref, heir);
        else
            hf_table_remove(&env->table, c->hash, ref);
        env->counters.connections--;
        if (c->flags & HF_F_ORPHAN)
            env->counters.orphans--;
    }
    c->flags |= HF_F_DETACHED;
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a)
        return;
    hf_sending_over(env, c, a);
    hf_bytes_clear(&env->chunks, &a->snd);
    hf_sent_clear(env, &a->sent);
    hf_record_clear(env, a);
    hf_reassembly_clear(env, a);
    a->rtx_first = a->fin_held = false;
    c->flags &= ~(uint32_t)HF_F_DSACK;
    a->reserved = 0;
    a->phase = HF_PHASE_SLOW_START;
    if (!a->rcv.len)
        hf_tcp_drop_active(env, c);
}

void hf_tcp_end(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause, enum hf_by by,
                unsigned detail)
{
    hf_tcp_enter(env, c, HF_CLOSED, by, detail);
    c->cause = (uint8_t)cause;
    if (HF_UNLIKELY(c->fast_open))
        hf_fast_open_ended(env, c, cause);
    hf_tcp_count_end(env, c, cause);
    hf_tcp_detach(env, c, 0);
    if (!c->self)
        hf_tcp_drop_active(env, c);
    else if (c->flags & HF_F_ORPHAN)
        hf_output_bury(env, c);
    else
        hf_tcp_event(env, c, HF_EVENT_ENDED);
}

/* All of a block is written when it is made; who looks at all of them looks at `self`. */
void hf_tcp_give(struct hf_env *env, struct hf_tcp *c)
{
    hf_pool_give_object(&env->conns, c->self, c, offsetof(struct hf_tcp, handle));
}

void hf_tcp_free(struct hf_env *env, struct hf_tcp *c)
{
    hf_tcp_drop_active(env, c);
    hf_tcp_drop_handle(env, c);
    if (c->flags & (HF_F_ON_READY | HF_F_ON_OUTPUT)) {
        c->flags |= HF_F_ZOMBIE;
        return;
    }
    hf_tcp_give(env, c);
}
