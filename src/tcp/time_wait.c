/* TIME-WAIT entries: see time_wait.h. A segment for one runs through the same steps as for any
 * connection, on a block on the C stack; what those steps decided is then done here. */
#include <string.h>

#include "tcp/tcp.h"

static struct hf_time_wait *entry(const struct hf_env *env, uint32_t index)
{
    return (struct hf_time_wait *)hf_pool_place(&env->time_waits, index,
                                                sizeof(struct hf_time_wait), HF_TIME_WAIT_SLAB);
}

/* ---- The list, oldest first ---- */

static void list_append(struct hf_env *env, uint32_t index)
{
    struct hf_time_wait *w = entry(env, index);
    w->prev = env->time_wait_last;
    w->next = 0;
    if (w->prev)
        entry(env, w->prev)->next = index;
    else
        env->time_wait_first = index;
    env->time_wait_last = index;
    env->time_wait_newest = env->now;
    w->tick = (uint32_t)((env->now + 2 * env->settings->msl) / HF_TICK_NS) + 1;
}

static void list_remove(struct hf_env *env, uint32_t index)
{
    struct hf_time_wait *w = entry(env, index);
    if (w->prev)
        entry(env, w->prev)->next = w->next;
    else
        env->time_wait_first = w->next;
    if (w->next)
        entry(env, w->next)->prev = w->prev;
    else
        env->time_wait_last = w->prev;
}

/* The end of an entry's tick, near now. */
static hf_time end_of(const struct hf_env *env, const struct hf_time_wait *w)
{
    int64_t now_tick = env->now / HF_TICK_NS;
    return (now_tick + (int32_t)(w->tick - (uint32_t)now_tick)) * HF_TICK_NS;
}

hf_time hf_time_wait_deadline(const struct hf_env *env)
{
    return env->time_wait_first ? end_of(env, entry(env, env->time_wait_first)) : HF_NEVER;
}

void hf_time_wait_timers(struct hf_env *env)
{
    /* Ticks tell times within 39 h; after a longer silence all of them are over. */
    bool all = env->now - env->time_wait_newest > 2 * env->settings->msl + HF_TICK_NS;
    while (env->time_wait_first && (all || hf_time_wait_deadline(env) <= env->now))
        hf_time_wait_end(env, env->time_wait_first, HF_CAUSE_TIME_WAIT_OVER, HF_BY_TIMER,
                         HF_TIMER_2MSL);
}

void hf_time_wait_shift(struct hf_env *env, hf_time by)
{
    env->time_wait_newest += by;
    for (uint32_t i = env->time_wait_first; i; i = entry(env, i)->next)
        entry(env, i)->tick += (uint32_t)(by / HF_TICK_NS);
}

/* ---- Coming and going ---- */

void hf_time_wait_end(struct hf_env *env, uint32_t index, enum hf_cause cause, enum hf_by by,
                      unsigned detail)
{
    struct hf_time_wait *w = entry(env, index);
    uint64_t hash = hf_table_hash(&env->table, &w->flow);
    hf_table_remove(&env->table, hash, hf_ref_make(HF_KIND_TIME_WAIT, index));
    list_remove(env, index);
    if (by == HF_BY_TIMER) {
        env->counters.timers_run++;
        if (env->trace) {
            struct hf_trace_record r = {.kind = HF_TRACE_TIMER, .conn = (uint32_t)hash,
                                        .state = HF_TIME_WAIT};
            r.u.timer.timer = HF_TIMER_2MSL;
            r.u.timer.interval = 2 * env->settings->msl;
            hf_env_trace(env, &r, 0);
        }
    }
    hf_trace_state(env, (uint32_t)hash, HF_TIME_WAIT, HF_CLOSED, by, detail);
    env->counters.ended[cause]++;
    env->counters.time_wait--;
    hf_pool_give(&env->time_waits, index);
}

/* A place, if need be that of the oldest (row C16). */
static uint32_t take_place(struct hf_env *env)
{
    if (env->time_waits.count >= env->settings->time_wait_max && env->time_wait_first)
        hf_time_wait_end(env, env->time_wait_first, HF_CAUSE_TIME_WAIT_LIMIT, HF_BY_STACK, 0);
    uint32_t index = hf_pool_take(&env->time_waits);
    if (!index && env->time_wait_first) {
        hf_time_wait_end(env, env->time_wait_first, HF_CAUSE_TIME_WAIT_LIMIT, HF_BY_STACK, 0);
        index = hf_pool_take(&env->time_waits);
    }
    return index;
}

/* What the block's entry will say of it. */
static void make_entry(struct hf_env *env, struct hf_tcp *c, uint32_t index)
{
    struct hf_time_wait *w = entry(env, index);
    w->flow = c->flow;
    w->snd_nxt = c->snd_nxt;
    w->rcv_nxt = c->rcv_nxt;
    w->ts_recent = c->ts_recent;
    w->window = (uint16_t)(hf_tcp_rcv_wnd(c) >> c->rcv_wscale);
    w->flags = c->flags & HF_F_TIMESTAMPS ? HF_TW_TIMESTAMPS : 0;
    w->link = c->link;
    list_append(env, index);
    env->counters.time_wait++;
}

static void let_go(struct hf_env *env, struct hf_tcp *c, hf_ref heir)
{
    c->cause = HF_CAUSE_CLOSED;
    hf_tcp_count_end(env, c, HF_CAUSE_CLOSED);
    hf_tcp_detach(env, c, heir);
    if (c->flags & HF_F_ORPHAN)
        hf_output_bury(env, c);
    else
        hf_tcp_event(env, c, HF_EVENT_ENDED);
}

uint32_t hf_time_wait_of(struct hf_env *env, const struct hf_tcp *c)
{
    hf_ref ref = hf_table_find_time_wait(&env->table, c->hash, &c->flow);
    uint32_t index = hf_ref_index(ref);
    /* Another connection of the same pair may have come and gone meanwhile. */
    return index && entry(env, index)->rcv_nxt == c->rcv_nxt ? index : 0;
}

void hf_time_wait_begin(struct hf_env *env, struct hf_tcp *c)
{
    if (c->want & HF_WANT_ACK || c->dup_acks_owed)
        hf_tcp_reply_ack(env, c);
    bool none = env->unsafe && env->unsafe->msl_zero;
    uint32_t index = none ? 0 : take_place(env);
    if (index) {
        make_entry(env, c, index);
    } else {
        if (!none)
            env->counters.ended[HF_CAUSE_TIME_WAIT_LIMIT]++;
        hf_trace_state(env, c->hash, HF_TIME_WAIT, HF_CLOSED, HF_BY_STACK, 0);
        c->state = HF_CLOSED;
    }
    let_go(env, c, index ? hf_ref_make(HF_KIND_TIME_WAIT, index) : 0);
}

void hf_time_wait_hold(struct hf_env *env, struct hf_tcp *c)
{
    uint32_t index = hf_table_reserve(&env->table) ? take_place(env) : 0;
    if (!index)
        return;
    hf_trace_state(env, c->hash, HF_CLOSED, HF_TIME_WAIT, HF_BY_CALL, HF_CALL_ABORT);
    make_entry(env, c, index);
    hf_table_insert(&env->table, c->hash, hf_ref_make(HF_KIND_TIME_WAIT, index));
}

/* ---- Segments ---- */

static void expand(struct hf_env *env, const struct hf_time_wait *w, uint64_t hash,
                   struct hf_tcp *c)
{
    struct hf_path path = {.link = w->link, .mtu = 1500, .link_mtu = 1500,
                           .ttl = env->settings->ttl};
    hf_tcp_init(env, c, &w->flow, hash, &path);
    c->state = HF_TIME_WAIT;
    c->flags |= HF_F_FIN_SENT | HF_F_FIN_QUEUED | HF_F_FIN_RECEIVED;
    if (w->flags & HF_TW_TIMESTAMPS)
        c->flags |= HF_F_TIMESTAMPS | HF_F_TS_RECENT;
    c->ts_recent = w->ts_recent;
    c->ts_recent_s = hf_tcp_now_s(env);
    c->snd_una = c->snd_nxt = w->snd_nxt;
    c->rcv_nxt = c->last_ack_sent = w->rcv_nxt;
    c->rcv_adv = w->rcv_nxt + w->window;
    hf_receive_buffer_set(env, c, w->window); /* as it stood in a header: no scale */
    c->rcv_wscale = 0;
    c->iss = w->snd_nxt - UINT16_MAX - 1; /* long ago */
    c->bytes_sent = c->snd_wnd_max = UINT16_MAX;
}

void hf_time_wait_arrives(struct hf_env *env, uint32_t index, uint64_t hash, struct hf_seg *seg)
{
    struct hf_tcp block;
    expand(env, entry(env, index), hash, &block);
    hf_ledger_load(env, &block);
    hf_tcp_segment_arrives(env, &block, seg);
    hf_ledger_store(env, &block);
    if (block.cause) { /* D7, the letter */
        hf_time_wait_end(env, index, HF_CAUSE_TIME_WAIT_RESET, HF_BY_SEGMENT, HF_RST);
        return;
    }
    if (block.want & HF_WANT_ACK || block.challenges_owed)
        hf_tcp_reply_ack(env, &block);
    entry(env, index)->ts_recent = block.ts_recent;
    if (block.flags & HF_F_RESTART_2MSL) {
        list_remove(env, index);
        list_append(env, index);
    }
}

/* RFC 6191 2, and RFC 9293 MAY-2 where there are no timestamps. */
bool hf_time_wait_may_reopen(const struct hf_env *env, uint32_t index, const struct hf_seg *seg)
{
    const struct hf_time_wait *w = entry(env, index);
    if ((seg->flags & (HF_SYN | HF_ACK | HF_RST | HF_FIN)) != HF_SYN)
        return false;
    if (w->flags & HF_TW_TIMESTAMPS && seg->options.has_ts && env->settings->timestamps) {
        int32_t newer = (int32_t)(seg->options.tsval - w->ts_recent);
        return newer > 0 || (newer == 0 && hf_seq_gt(seg->seq, w->rcv_nxt));
    }
    return hf_seq_gt(seg->seq, w->rcv_nxt);
}

bool hf_time_wait_may_reuse(const struct hf_env *env, uint32_t index)
{
    const struct hf_time_wait *w = entry(env, index);
    hf_time began = end_of(env, w) - 2 * env->settings->msl;
    return env->settings->time_wait_reuse && w->flags & HF_TW_TIMESTAMPS &&
           env->now - began > HF_SEC;
}

hf_seq hf_time_wait_next_iss(const struct hf_env *env, uint32_t index, hf_seq iss)
{
    const struct hf_time_wait *w = entry(env, index);
    hf_seq least = w->snd_nxt + UINT16_MAX + 2;
    return hf_seq_gt(iss, w->snd_nxt) ? iss : least;
}
