/* Connections asleep: see asleep.h.
 *
 * A block is written down, read back and compared before it goes: whatever an entry has no room for
 * (a retransmission timeout that was backed off, say) keeps its block.
 * So this file has to know what may be forgotten, and what can be left out, but never whether it
 * left out too much. */
#include "tcp/asleep.h"

#include <string.h>

#include "tcp/tcp.h"

#define QUIET_MS 1000u /* nothing has happened for so long                                */
#define LOOKS 8u       /* blocks looked at in a call, and two for each new connection     */
#define LOOKS_MAX 256u /* so that no call takes long                                      */
#define CHAIN_LOOKS 8u
#define AGAIN HF_SEC /* after a timer for which there was no memory                     */

static struct hf_asleep *entry(const struct hf_env *env, uint32_t index)
{
    return (struct hf_asleep *)hf_pool_place(&env->asleep, index, sizeof(struct hf_asleep),
                                             HF_ASLEEP_SLAB);
}

static struct hf_past *past_at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_past *)hf_pool_place(&env->pasts, index, sizeof(struct hf_past),
                                           HF_ASLEEP_SLAB);
}

static struct hf_shared_choices *shared_at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_shared_choices *)hf_pool_place(
        &env->choices, index, sizeof(struct hf_shared_choices), HF_ASLEEP_SLAB);
}

/* ---- Options that many have in common ---- */

static bool are_equal(const struct hf_choices *a, const struct hf_choices *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static uint32_t *chain_of(struct hf_env *env, const struct hf_choices *choices)
{
    const uint32_t places = sizeof env->choices_by_hash / sizeof env->choices_by_hash[0];
    return &env->choices_by_hash[hf_siphash13(&env->table.key, choices, sizeof *choices) %
                                 places];
}

/* Those of somebody else, or new ones; 0: there is no memory. Where very many differ, it is not worth
 * the search. */
static uint32_t share(struct hf_env *env, const struct hf_choices *choices)
{
    uint32_t *first = chain_of(env, choices), index = *first;
    for (unsigned looks = 0; index && looks < CHAIN_LOOKS; looks++) {
        struct hf_shared_choices *shared = shared_at(env, index);
        if (are_equal(&shared->choices, choices)) {
            shared->users++;
            return index;
        }
        index = shared->next;
    }
    index = hf_pool_take(&env->choices);
    if (!index)
        return 0;
    *shared_at(env, index) = (struct hf_shared_choices){*first, 1, *choices};
    *first = index;
    return index;
}

static void unshare(struct hf_env *env, uint32_t index)
{
    struct hf_shared_choices *shared = shared_at(env, index);
    if (--shared->users)
        return;
    uint32_t *at = chain_of(env, &shared->choices);
    while (*at != index)
        at = &shared_at(env, *at)->next;
    *at = shared->next;
    hf_pool_give(&env->choices, index);
}

/* ---- Written down, and read back ---- */

static void write_choices(const struct hf_tcp *c, struct hf_choices *choices)
{
    *choices = (struct hf_choices){0};
    choices->keepalive_idle_s = c->keepalive_idle_s;
    choices->keepalive_interval_s = c->keepalive_interval_s;
    choices->r2_ms = c->r2_ms;
    choices->user_timeout_ms = c->user_timeout_ms;
    choices->snd_buffer = c->snd_buffer;
    choices->snd_locked = c->snd_locked;
    choices->mss_limit = c->mss_limit;
    choices->keepalive_probes = c->keepalive_probes;
    choices->tos = c->tos;
    choices->ttl = c->ttl;
}

static void read_choices(const struct hf_choices *choices, struct hf_tcp *c)
{
    c->keepalive_idle_s = choices->keepalive_idle_s;
    c->keepalive_interval_s = choices->keepalive_interval_s;
    c->r2_ms = choices->r2_ms;
    c->user_timeout_ms = choices->user_timeout_ms;
    c->snd_buffer = choices->snd_buffer;
    c->snd_locked = choices->snd_locked;
    c->mss_limit = choices->mss_limit;
    c->keepalive_probes = choices->keepalive_probes;
    c->tos = choices->tos;
    c->ttl = choices->ttl;
}

static void write_entry(const struct hf_tcp *c, struct hf_asleep *s)
{
    *s = (struct hf_asleep){.flow = c->flow,
                            .last_receive = c->last_receive,
                            .user = c->user,
                            .handle = c->handle,
                            .flags = c->flags,
                            .rcv_nxt = c->rcv_nxt,
                            .rcv_adv = c->rcv_adv,
                            .snd_nxt = c->snd_nxt,
                            .snd_wnd = c->snd_wnd,
                            .snd_wl1 = c->snd_wl1,
                            .ts_recent = c->ts_recent,
                            .ts_offset = c->ts_offset,
                            .snd_wnd_max = c->snd_wnd_max,
                            .srtt_us = c->srtt_us,
                            .rttvar_us = c->rttvar_us,
                            .began_ms = c->invalid_ack_ms + HF_TCP_LONG_AGO_MS,
                            .path_mtu = c->path_mtu,
                            .peer_mss = c->peer_mss,
                            .rcv_mss = c->rcv_mss,
                            .mtu_high = c->mtu_high,
                            .snd_wscale = c->snd_wscale & 15u,
                            .rcv_wscale = c->rcv_wscale & 15u,
                            .link = c->link,
                            .ecn = c->ecn,
                            .quick_acks = c->quick_acks,
                            .congestion = c->congestion,
                            .reo_steps = c->reo_steps,
                            .mtu_try_high = c->mtu_try_high,
                            .mtu_silent = c->mtu_silent,
                            .segments_sent = c->segments_sent & 15u,
                            .segments_received = c->segments_received & 15u,
                            .peer_tos = c->peer_tos};
    s->opened_ms = (uint16_t)(c->last_send_ms - s->began_ms);
}

static void write_past(const struct hf_tcp *c, struct hf_past *p)
{
    *p = (struct hf_past){.bytes_sent = c->bytes_sent,
                          .bytes_received = c->bytes_received,
                          .segments_sent = c->segments_sent,
                          .segments_received = c->segments_received,
                          .retransmits = c->retransmits,
                          .text_segments_sent = c->text_segments_sent,
                          .text_segments_received = c->text_segments_received,
                          .segments_out_of_order = c->segments_out_of_order,
                          .bytes_resent = c->bytes_resent,
                          .saved = c->saved,
                          .busy_ms = c->spent.busy_ms,
                          .window_ms = c->spent.window_ms,
                          .last_send_ms = c->last_send_ms,
                          .last_text_ms = c->last_text_ms,
                          .invalid_ack_ms = c->invalid_ack_ms,
                          .rcv_buffer = c->rcv_buffer,
                          .rcv_locked = c->rcv_locked,
                          .rcv_mark = c->rcv_mark,
                          .rcv_mark_ms = c->rcv_mark_ms,
                          .path_mtu_s = c->path_mtu_s,
                          .ts_recent_s = c->ts_recent_s,
                          .challenge_spent = c->challenge_spent,
                          .challenge_s = c->challenge_s};
}

/* Without a past, nothing has happened since it was open. */
static void read_no_past(const struct hf_asleep *s, struct hf_tcp *c)
{
    int64_t received_ms = s->last_receive / HF_MS;
    int64_t began_ms = received_ms - (uint32_t)((uint32_t)received_ms - s->began_ms);
    c->segments_sent = s->segments_sent;
    c->segments_received = s->segments_received;
    c->last_send_ms = c->last_text_ms = s->began_ms + s->opened_ms;
    c->invalid_ack_ms = s->began_ms - HF_TCP_LONG_AGO_MS;
    c->rcv_mark_ms = s->began_ms + s->ts_offset;
    c->path_mtu_s = (uint32_t)(began_ms / 1000);
    c->ts_recent_s = c->flags & HF_F_TS_RECENT ? (uint32_t)(s->last_receive / HF_SEC) : 0;
}

static void read_past(const struct hf_past *p, struct hf_tcp *c)
{
    c->bytes_sent = p->bytes_sent;
    c->bytes_received = p->bytes_received;
    c->segments_sent = p->segments_sent;
    c->segments_received = p->segments_received;
    c->retransmits = p->retransmits;
    c->text_segments_sent = p->text_segments_sent;
    c->text_segments_received = p->text_segments_received;
    c->segments_out_of_order = p->segments_out_of_order;
    c->bytes_resent = p->bytes_resent;
    c->saved = p->saved;
    c->spent = (struct hf_sending_time){p->busy_ms, p->window_ms};
    c->last_send_ms = p->last_send_ms;
    c->last_text_ms = p->last_text_ms;
    c->invalid_ack_ms = p->invalid_ack_ms;
    c->rcv_buffer = p->rcv_buffer & INT32_MAX;
    c->rcv_locked = p->rcv_locked;
    c->rcv_mark = p->rcv_mark;
    c->rcv_mark_ms = p->rcv_mark_ms;
    c->path_mtu_s = p->path_mtu_s;
    c->ts_recent_s = p->ts_recent_s;
    c->challenge_spent = p->challenge_spent;
    c->challenge_s = p->challenge_s;
}

/* The past, and the choices, may be missing. */
static void read_entry(struct hf_env *env, const struct hf_asleep *s, const struct hf_past *p,
                       const struct hf_choices *choices, struct hf_tcp *c)
{
    const struct hf_path path = {
        .link = s->link, .mtu = s->path_mtu, .link_mtu = env->link_mtu[s->link]};
    hf_tcp_init(env, c, &s->flow, hf_table_hash(&env->table, &s->flow), &path);
    c->state = HF_ESTABLISHED;
    c->last_receive = c->progress_at = s->last_receive;
    c->user = s->user;
    c->handle = s->handle;
    c->generation = hf_handle_at(env, s->handle)->generation;
    c->flags = s->flags;
    c->rcv_nxt = c->last_ack_sent = s->rcv_nxt;
    c->rcv_adv = s->rcv_adv;
    c->snd_nxt = c->snd_una = c->snd_wl2 = s->snd_nxt;
    c->snd_wnd = s->snd_wnd;
    c->snd_wl1 = s->snd_wl1;
    c->ts_recent = s->ts_recent;
    c->ts_offset = s->ts_offset;
    c->snd_wnd_max = s->snd_wnd_max;
    c->srtt_us = s->srtt_us;
    c->rttvar_us = s->rttvar_us;
    c->peer_mss = s->peer_mss;
    c->rcv_mss = s->rcv_mss;
    c->mtu_high = s->mtu_high;
    c->snd_wscale = s->snd_wscale;
    c->rcv_wscale = s->rcv_wscale;
    c->ecn = s->ecn;
    c->quick_acks = s->quick_acks;
    c->congestion = s->congestion;
    c->reo_steps = s->reo_steps;
    c->mtu_try_high = s->mtu_try_high;
    c->mtu_silent = s->mtu_silent;
    c->peer_tos = s->peer_tos;
    c->syn_retries = 0; /* probes */
    if (p)
        read_past(p, c);
    else
        read_no_past(s, c);
    if (choices)
        read_choices(choices, c);
    c->iss = c->snd_nxt - 1 - (uint32_t)c->bytes_sent;
    c->irs = c->rcv_nxt - 1 - (uint32_t)c->bytes_received;
    hf_tcp_set_mss(env, c);
    if (c->srtt_us)
        hf_rtt_timeout(env, c);
}

/* ---- Going to sleep ---- */

/* It owes nothing and waits for nothing; what the entry does not hold means nothing then. */
static bool may_sleep(const struct hf_tcp *c)
{
    const uint32_t busy = HF_F_FIN_QUEUED | HF_F_FIN_SENT | HF_F_FIN_RECEIVED | HF_F_ORPHAN |
                          HF_F_SEND_FULL | HF_F_URGENT_SEND | HF_F_URGENT_RECEIVE | HF_F_TROUBLE |
                          HF_F_ACCEPT_QUEUE | HF_F_ON_READY | HF_F_ON_OUTPUT | HF_F_ZOMBIE |
                          HF_F_DETACHED | HF_F_DSACK;
    return c->state == HF_ESTABLISHED && c->self && !c->active && !(c->flags & busy) &&
           !c->want && !c->events && !c->dup_acks_owed && !c->challenges_owed && !c->probes &&
           c->rtx_mode == HF_RTX_NONE && c->delack_at == HF_NEVER && !hf_tcp_outstanding(c);
}

/* Nothing has happened, and no timer is about to. */
static bool is_quiet(const struct hf_env *env, const struct hf_tcp *c)
{
    return env->now - c->last_receive >= QUIET_MS * HF_MS &&
           hf_tcp_now_ms(env) - c->last_send_ms >= QUIET_MS && c->deadline - HF_SEC > env->now;
}

/* The block without what means nothing while it sleeps, and without its place in the wheel. */
static struct hf_tcp bare(const struct hf_tcp *c)
{
    struct hf_tcp b = *c;
    b.self = b.ready_next = b.output_next = b.zero_window_s = 0;
    b.rcv_up = 0;
    b.progress_at = b.last_receive;
    b.deadline = HF_NEVER;
    b.timer = (struct hf_timer){0};
    return b;
}

static bool reads_back(struct hf_env *env, const struct hf_tcp *b, const struct hf_asleep *s,
                       const struct hf_past *p, const struct hf_choices *choices)
{
    struct hf_tcp c;
    read_entry(env, s, p, choices, &c);
    return memcmp(&c, b, sizeof c) == 0;
}

/* The parts of an entry before they have their places. */
struct parts {
    struct hf_asleep entry;
    struct hf_past past;
    struct hf_choices choices;
    bool has_past, has_choices;
};

/* False: there is more to this block than an entry can hold. */
static bool write_down(struct hf_env *env, const struct hf_tcp *c, struct parts *p)
{
    struct hf_tcp b = bare(c);
    struct hf_choices usual;
    write_entry(&b, &p->entry);
    write_choices(&b, &p->choices);
    write_choices(env->fresh, &usual);
    p->has_choices = !are_equal(&p->choices, &usual);
    p->has_past = b.bytes_sent || b.bytes_received || p->has_choices;
    if (!p->has_past && reads_back(env, &b, &p->entry, 0, 0))
        return true;
    p->has_past = true;
    write_past(&b, &p->past);
    return reads_back(env, &b, &p->entry, &p->past, p->has_choices ? &p->choices : 0);
}

/* The past has its place, or needs none. */
static bool keep_past(struct hf_env *env, struct parts *p)
{
    if (!p->has_past)
        return true;
    uint32_t choices = p->has_choices ? share(env, &p->choices) : 0;
    uint32_t past = p->has_choices && !choices ? 0 : hf_pool_take(&env->pasts);
    if (!past) {
        if (choices)
            unshare(env, choices);
        return false;
    }
    p->past.choices = choices;
    p->entry.past = past;
    *past_at(env, past) = p->past;
    return true;
}

/* A tick early, and awake again in time. */
static void set_timer(struct hf_env *env, uint32_t index, hf_time deadline)
{
    if (deadline != HF_NEVER)
        hf_wheel_set(&env->wheel, hf_ref_make(HF_KIND_ASLEEP, index), deadline - HF_TICK_NS);
}

static void fall_asleep(struct hf_env *env, struct hf_tcp *c)
{
    struct parts parts;
    if (!write_down(env, c, &parts))
        return;
    uint32_t index = hf_pool_take(&env->asleep);
    if (!index)
        return;
    if (!keep_past(env, &parts)) {
        hf_pool_give(&env->asleep, index);
        return;
    }
    *entry(env, index) = parts.entry;
    hf_ref ref = hf_ref_make(HF_KIND_ASLEEP, index), was = hf_ref_make(HF_KIND_CONN, c->self);
    hf_handle_at(env, c->handle)->ref = ref;
    hf_table_replace(&env->table, c->hash, was, ref);
    hf_wheel_cancel(&env->wheel, was);
    set_timer(env, index, c->deadline);
    hf_tcp_give(env, c);
}

void hf_asleep_sweep(struct hf_env *env)
{
    uint32_t took = env->conns.takes - env->swept_takes;
    env->swept_ms = env->now_ms;
    env->swept_takes = env->conns.takes;
    uint32_t all = env->conns.slabs_room << HF_TCP_SLAB;
    uint32_t looks = took < LOOKS_MAX ? LOOKS + 2 * took : LOOKS_MAX;
    for (looks = looks < all ? looks : all; looks; looks--) {
        uint32_t index = env->sweep_at < all ? env->sweep_at : 0;
        env->sweep_at = index + 1;
        struct hf_tcp *c = hf_pool_find(&env->conns, index);
        if (!c)
            env->sweep_at = ((index >> HF_TCP_SLAB) + 1) << HF_TCP_SLAB;
        else if (c->self == index && may_sleep(c) && is_quiet(env, c))
            fall_asleep(env, c);
    }
}

const char *hf_asleep_check(struct hf_env *env, const struct hf_tcp *c)
{
    struct parts parts;
    if (!may_sleep(c) || !write_down(env, c, &parts))
        return 0;
    return !c->handle ? "a connection that nobody has a handle of, and that is no orphan" : 0;
}

/* ---- And awake again ---- */

void hf_asleep_view(struct hf_env *env, uint32_t index, struct hf_tcp *block)
{
    const struct hf_asleep *s = entry(env, index);
    const struct hf_past *p = s->past ? past_at(env, s->past) : 0;
    read_entry(env, s, p, p && p->choices ? &shared_at(env, p->choices)->choices : 0, block);
}

static void give_back(struct hf_env *env, uint32_t index)
{
    struct hf_asleep *s = entry(env, index);
    hf_wheel_cancel(&env->wheel, hf_ref_make(HF_KIND_ASLEEP, index));
    if (s->past) {
        uint32_t choices = past_at(env, s->past)->choices;
        hf_pool_give(&env->pasts, s->past);
        if (choices)
            unshare(env, choices);
    }
    hf_pool_give_object(&env->asleep, index, s, sizeof *s);
}

struct hf_tcp *hf_asleep_wake(struct hf_env *env, uint32_t index)
{
    uint32_t place = hf_pool_take(&env->conns);
    if (!place)
        return 0;
    struct hf_tcp *c = hf_tcp_at(env, place);
    hf_asleep_view(env, index, c);
    c->self = place;
    hf_ref ref = hf_ref_make(HF_KIND_CONN, place);
    hf_handle_at(env, c->handle)->ref = ref;
    hf_table_replace(&env->table, c->hash, hf_ref_make(HF_KIND_ASLEEP, index), ref);
    give_back(env, index);
    hf_tcp_rearm(env, c);
    return c;
}

void hf_asleep_timer(struct hf_env *env, uint32_t index)
{
    if (!hf_asleep_wake(env, index))
        set_timer(env, index, env->now + AGAIN);
}

void hf_asleep_end(struct hf_env *env, uint32_t index, enum hf_cause cause, enum hf_by by,
                   unsigned detail, bool reset)
{
    struct hf_tcp block;
    hf_asleep_view(env, index, &block);
    hf_table_remove(&env->table, block.hash, hf_ref_make(HF_KIND_ASLEEP, index));
    give_back(env, index);
    hf_tcp_drop_handle(env, &block);
    hf_path_info_keep(env, &block);
    env->counters.connections--;
    if (reset)
        hf_tcp_send_reset(env, &block);
    hf_tcp_end(env, &block, cause, by, detail);
    if (reset && env->settings->hold_after_abort)
        hf_time_wait_hold(env, &block);
}

/* The next entry from `index` on; 0: none is left. */
static uint32_t next_from(const struct hf_env *env, uint32_t index)
{
    for (; index < env->asleep.slabs_room << HF_ASLEEP_SLAB; index++) {
        const struct hf_asleep *s = hf_pool_find(&env->asleep, index);
        if (s && s->flow.remote_port)
            return index;
    }
    return 0;
}

void hf_asleep_end_all(struct hf_env *env)
{
    for (uint32_t i = 1; (i = next_from(env, i)) != 0; i++)
        hf_asleep_end(env, i, HF_CAUSE_STACK_DESTROYED, HF_BY_STACK, 0, false);
}

/* As hf_tcp_shift_times has it. */
void hf_asleep_shift(struct hf_env *env, hf_time by)
{
    uint32_t ms = (uint32_t)(by / HF_MS);
    for (uint32_t i = 1; (i = next_from(env, i)) != 0; i++) {
        struct hf_asleep *s = entry(env, i);
        s->last_receive += by;
        s->began_ms += ms;
        s->ts_offset -= ms;
        if (s->past) {
            past_at(env, s->past)->last_send_ms += ms;
            past_at(env, s->past)->last_text_ms += ms;
        }
    }
}
