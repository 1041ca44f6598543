/* TIME-WAIT entries: see time_wait.h. A segment for one runs through the same steps as for any
 * connection, on a block on the C stack; what those steps decided is then done here. */
#include <string.h>

#include "tcp/tcp.h"

static struct hf_time_wait_ipv6 *ipv6_at(const struct hf_env *env, hf_ref ref)
{
    return hf_pool_place(&env->time_waits, hf_ref_index(ref), sizeof(struct hf_time_wait_ipv6),
                         HF_TIME_WAIT_SLAB);
}

static struct hf_time_wait_ipv4 *ipv4_at(const struct hf_env *env, hf_ref ref)
{
    return hf_pool_place(&env->time_waits_ipv4, hf_ref_index(ref),
                         sizeof(struct hf_time_wait_ipv4), HF_TIME_WAIT_SLAB);
}

static struct hf_time_wait *entry(const struct hf_env *env, hf_ref ref)
{
    return hf_ref_kind(ref) == HF_KIND_TIME_WAIT_IPV4 ? &ipv4_at(env, ref)->entry
                                                      : &ipv6_at(env, ref)->entry;
}

static struct hf_flow flow_of(const struct hf_env *env, hf_ref ref)
{
    struct hf_flow flow;
    if (hf_ref_kind(ref) == HF_KIND_TIME_WAIT_IPV4)
        hf_tuple_lengthen(&flow, &ipv4_at(env, ref)->tuple);
    else
        flow = ipv6_at(env, ref)->flow;
    return flow;
}

static uint64_t hash_of(struct hf_env *env, hf_ref ref)
{
    return hf_ref_kind(ref) == HF_KIND_TIME_WAIT_IPV4
               ? hf_table_hash_ipv4(&env->table, &ipv4_at(env, ref)->tuple)
               : hf_table_hash(&env->table, &ipv6_at(env, ref)->flow);
}

static struct hf_pool *pool_of(struct hf_env *env, enum hf_kind kind)
{
    return kind == HF_KIND_TIME_WAIT_IPV4 ? &env->time_waits_ipv4 : &env->time_waits;
}

/* ---- The lists, oldest first ---- */

/* The end of an entry's tick, near now. */
static hf_time end_of(const struct hf_env *env, const struct hf_time_wait *w)
{
    int64_t now_tick = env->now / HF_TICK_NS;
    return (now_tick + (int32_t)(w->tick - (uint32_t)now_tick)) * HF_TICK_NS;
}

static struct hf_time_wait_list *list_of(struct hf_env *env, enum hf_kind kind)
{
    return kind == HF_KIND_TIME_WAIT_IPV4 ? &env->time_wait_ipv4 : &env->time_wait;
}

static void list_append(struct hf_env *env, hf_ref ref)
{
    enum hf_kind kind = hf_ref_kind(ref);
    struct hf_time_wait_list *list = list_of(env, kind);
    struct hf_time_wait *w = entry(env, ref);
    w->prev = list->newest;
    w->next = 0;
    if (w->prev)
        entry(env, hf_ref_make(kind, w->prev))->next = hf_ref_index(ref);
    else
        list->oldest = hf_ref_index(ref);
    list->newest = hf_ref_index(ref);
    env->time_wait_newest = env->now;
    w->tick = (uint32_t)((env->now + 2 * env->settings->msl) / HF_TICK_NS) + 1;
    if (list->oldest == hf_ref_index(ref) && end_of(env, w) < env->time_wait_quiet_till)
        env->time_wait_quiet_till = end_of(env, w);
}

static void list_remove(struct hf_env *env, hf_ref ref)
{
    enum hf_kind kind = hf_ref_kind(ref);
    struct hf_time_wait_list *list = list_of(env, kind);
    struct hf_time_wait *w = entry(env, ref);
    if (w->prev)
        entry(env, hf_ref_make(kind, w->prev))->next = w->next;
    else
        list->oldest = w->next;
    if (w->next)
        entry(env, hf_ref_make(kind, w->next))->prev = w->prev;
    else
        list->newest = w->prev;
}

static hf_ref oldest_of(const struct hf_time_wait_list *list, enum hf_kind kind)
{
    return list->oldest ? hf_ref_make(kind, list->oldest) : 0;
}

hf_ref hf_time_wait_oldest(const struct hf_env *env)
{
    hf_ref ipv4 = oldest_of(&env->time_wait_ipv4, HF_KIND_TIME_WAIT_IPV4);
    hf_ref ipv6 = oldest_of(&env->time_wait, HF_KIND_TIME_WAIT);
    if (!ipv4 || !ipv6)
        return ipv4 | ipv6;
    return (int32_t)(entry(env, ipv6)->tick - entry(env, ipv4)->tick) < 0 ? ipv6 : ipv4;
}

/* Ticks tell times within 39 h; after a longer silence all of them are over. */
static bool are_all_over(const struct hf_env *env)
{
    return env->now - env->time_wait_newest > 2 * env->settings->msl + HF_TICK_NS;
}

hf_time hf_time_wait_deadline(const struct hf_env *env)
{
    hf_ref oldest = hf_time_wait_oldest(env);
    if (!oldest)
        return HF_NEVER;
    return are_all_over(env) ? env->now : end_of(env, entry(env, oldest));
}

/* Where an entry stands in the table nobody has looked for 2MSL: by the time that it ends, the memory is
 * here. */
static void look_ahead(struct hf_env *env, hf_ref next)
{
    env->time_wait_ahead = next;
    if (!next)
        return;
    env->time_wait_ahead_hash = hash_of(env, next);
    hf_table_fetch(&env->table, env->time_wait_ahead_hash);
}

void hf_time_wait_timers(struct hf_env *env)
{
    bool all = are_all_over(env);
    hf_ref oldest;
    while ((oldest = hf_time_wait_oldest(env)) != 0 &&
           (all || end_of(env, entry(env, oldest)) <= env->now))
        hf_time_wait_end(env, oldest, HF_CAUSE_TIME_WAIT_OVER, HF_BY_TIMER, HF_TIMER_2MSL);
    if (oldest != env->time_wait_ahead)
        look_ahead(env, oldest);
    env->time_wait_quiet_till = hf_time_wait_deadline(env);
}

static void shift(struct hf_env *env, enum hf_kind kind, uint32_t ticks)
{
    for (hf_ref ref = oldest_of(list_of(env, kind), kind); hf_ref_index(ref);
         ref = hf_ref_make(kind, entry(env, ref)->next))
        entry(env, ref)->tick += ticks;
}

void hf_time_wait_shift(struct hf_env *env, hf_time by)
{
    env->time_wait_newest += by;
    env->time_wait_quiet_till = env->now; /* whoever looks next finds out */
    shift(env, HF_KIND_TIME_WAIT, (uint32_t)(by / HF_TICK_NS));
    shift(env, HF_KIND_TIME_WAIT_IPV4, (uint32_t)(by / HF_TICK_NS));
}

/* ---- Coming and going ---- */

void hf_time_wait_end(struct hf_env *env, hf_ref ref, enum hf_cause cause, enum hf_by by,
                      unsigned detail)
{
    bool is_ahead = ref == env->time_wait_ahead;
    uint64_t hash = is_ahead ? env->time_wait_ahead_hash : hash_of(env, ref);
    if (is_ahead)
        env->time_wait_ahead = 0;
    hf_table_remove(&env->table, hash, ref);
    list_remove(env, ref);
    if (by == HF_BY_TIMER) {
        env->counters.timers_run++;
        if (env->trace) {
            struct hf_trace_record r = {
                .kind = HF_TRACE_TIMER, .conn = (uint32_t)hash, .state = HF_TIME_WAIT};
            r.u.timer.timer = HF_TIMER_2MSL;
            r.u.timer.interval = 2 * env->settings->msl;
            hf_env_trace(env, &r, 0);
        }
    }
    hf_trace_state(env, (uint32_t)hash, HF_TIME_WAIT, HF_CLOSED, by, detail);
    env->counters.ended[cause]++;
    env->counters.time_wait--;
    hf_pool_give(pool_of(env, hf_ref_kind(ref)), hf_ref_index(ref));
}

static void push_out(struct hf_env *env, hf_ref oldest)
{
    hf_time_wait_end(env, oldest, HF_CAUSE_TIME_WAIT_LIMIT, HF_BY_STACK, 0);
}

/* A place for an entry of c, if need be that of the oldest (row C16); without memory, that of the
 * oldest of its family. */
static hf_ref take_place(struct hf_env *env, const struct hf_tcp *c)
{
    enum hf_kind kind = hf_flow_is_ipv4(&c->flow) ? HF_KIND_TIME_WAIT_IPV4 : HF_KIND_TIME_WAIT;
    struct hf_pool *pool = pool_of(env, kind);
    if (env->counters.time_wait >= env->settings->time_wait_max)
        push_out(env, hf_time_wait_oldest(env));
    uint32_t index = hf_pool_take(pool);
    hf_ref oldest = index ? 0 : oldest_of(list_of(env, kind), kind);
    if (oldest) {
        push_out(env, oldest);
        index = hf_pool_take(pool);
    }
    return index ? hf_ref_make(kind, index) : 0;
}

/* What the block's entry will say of it. */
static void make_entry(struct hf_env *env, struct hf_tcp *c, hf_ref ref)
{
    struct hf_time_wait *w = entry(env, ref);
    if (hf_ref_kind(ref) == HF_KIND_TIME_WAIT_IPV4)
        (void)hf_tuple_shorten(&ipv4_at(env, ref)->tuple, &c->flow);
    else
        ipv6_at(env, ref)->flow = c->flow;
    w->snd_nxt = c->snd_nxt;
    w->rcv_nxt = c->rcv_nxt;
    w->ts_recent = c->ts_recent;
    w->window = (uint16_t)(hf_tcp_rcv_wnd(c) >> c->rcv_wscale);
    w->flags = c->flags & HF_F_TIMESTAMPS ? HF_TW_TIMESTAMPS : 0;
    w->link = c->link;
    list_append(env, ref);
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

hf_ref hf_time_wait_of(struct hf_env *env, const struct hf_tcp *c)
{
    hf_ref ref = hf_table_find_time_wait(&env->table, c->hash, &c->flow);
    /* Another connection of the same pair may have come and gone meanwhile. */
    return ref && entry(env, ref)->rcv_nxt == c->rcv_nxt ? ref : 0;
}

void hf_time_wait_begin(struct hf_env *env, struct hf_tcp *c)
{
    if (c->want & HF_WANT_ACK || c->dup_acks_owed)
        hf_tcp_reply_ack(env, c);
    bool none = env->unsafe && env->unsafe->msl_zero;
    hf_ref ref = none ? 0 : take_place(env, c);
    if (ref) {
        make_entry(env, c, ref);
    } else {
        if (!none)
            env->counters.ended[HF_CAUSE_TIME_WAIT_LIMIT]++;
        hf_trace_state(env, c->hash, HF_TIME_WAIT, HF_CLOSED, HF_BY_STACK, 0);
        c->state = HF_CLOSED;
    }
    let_go(env, c, ref);
}

void hf_time_wait_hold(struct hf_env *env, struct hf_tcp *c)
{
    hf_ref ref = hf_table_reserve(&env->table) ? take_place(env, c) : 0;
    if (!ref)
        return;
    hf_trace_state(env, c->hash, HF_CLOSED, HF_TIME_WAIT, HF_BY_CALL, HF_CALL_ABORT);
    make_entry(env, c, ref);
    hf_table_insert(&env->table, c->hash, ref);
}

/* ---- Segments ---- */

static void expand(struct hf_env *env, hf_ref ref, uint64_t hash, struct hf_tcp *c)
{
    const struct hf_time_wait *w = entry(env, ref);
    const struct hf_flow flow = flow_of(env, ref);
    struct hf_path path = {
        .link = w->link, .mtu = 1500, .link_mtu = 1500, .ttl = env->settings->ttl};
    hf_tcp_init(env, c, &flow, hash, &path);
    hf_tcp_set_mss(env, c);
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

void hf_time_wait_arrives(struct hf_env *env, hf_ref ref, uint64_t hash, struct hf_seg *seg)
{
    struct hf_tcp block;
    expand(env, ref, hash, &block);
    hf_ledger_load(env, &block);
    hf_tcp_segment_arrives(env, &block, seg);
    hf_ledger_store(env, &block);
    if (block.cause) { /* D7, the letter */
        hf_time_wait_end(env, ref, HF_CAUSE_TIME_WAIT_RESET, HF_BY_SEGMENT, HF_RST);
        return;
    }
    if (block.want & HF_WANT_ACK || block.challenges_owed)
        hf_tcp_reply_ack(env, &block);
    entry(env, ref)->ts_recent = block.ts_recent;
    if (block.flags & HF_F_RESTART_2MSL) {
        list_remove(env, ref);
        list_append(env, ref);
    }
}

/* RFC 6191 2, and RFC 9293 MAY-2 where there are no timestamps. */
bool hf_time_wait_may_reopen(const struct hf_env *env, hf_ref ref, const struct hf_seg *seg)
{
    const struct hf_time_wait *w = entry(env, ref);
    if ((seg->flags & (HF_SYN | HF_ACK | HF_RST | HF_FIN)) != HF_SYN)
        return false;
    if (w->flags & HF_TW_TIMESTAMPS && seg->options.has_ts && env->settings->timestamps) {
        int32_t newer = (int32_t)(seg->options.tsval - w->ts_recent);
        return newer > 0 || (newer == 0 && hf_seq_gt(seg->seq, w->rcv_nxt));
    }
    return hf_seq_gt(seg->seq, w->rcv_nxt);
}

bool hf_time_wait_may_reuse(const struct hf_env *env, hf_ref ref)
{
    const struct hf_time_wait *w = entry(env, ref);
    hf_time began = end_of(env, w) - 2 * env->settings->msl;
    return env->settings->time_wait_reuse && w->flags & HF_TW_TIMESTAMPS &&
           env->now - began > HF_SEC;
}

hf_seq hf_time_wait_next_iss(const struct hf_env *env, hf_ref ref, hf_seq iss)
{
    const struct hf_time_wait *w = entry(env, ref);
    hf_seq least = w->snd_nxt + UINT16_MAX + 2;
    return hf_seq_gt(iss, w->snd_nxt) ? iss : least;
}
