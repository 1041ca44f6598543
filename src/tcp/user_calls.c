/* The user's calls: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS (RFC 9293 3.10.1 to 3.10.6), one
 * function each. They change state and say what output owes; nothing is sent here. */
#include <string.h>

#include "tcp/tcp.h"

/* ---- OPEN, 3.10.1 ---- */

/* Remote and local address are checked and routed by the stack; here the pair is made ours. */
int hf_call_open(struct hf_env *env, const struct hf_open *open, struct hf_flow *flow,
                 const struct hf_path *path, struct hf_tcp **conn)
{
    hf_ref time_wait = 0;
    uint64_t hash;
    hf_seq iss;
    if (flow->local_port) {
        hash = hf_table_hash(&env->table, flow);
        if (hf_table_find(&env->table, hash, flow, &time_wait))
            return HF_ERR_EXISTS;
        if (time_wait && !hf_time_wait_may_reuse(env, time_wait))
            return HF_ERR_EXISTS; /* D12 */
        iss = hf_initial_seq(env, hash);
    } else {
        hash = hf_ephemeral_port(env, flow, &time_wait, &iss);
        if (!flow->local_port)
            return HF_ERR_PORT;
    }

    uint32_t index = hf_tcp_take(env, 0);
    if (!index)
        return hf_tcp_are_full(env) ? HF_ERR_LIMIT : HF_ERR_MEMORY;
    struct hf_tcp *c = hf_tcp_at(env, index);
    hf_tcp_init(env, c, flow, hash, path);
    hf_tcp_set_mss(env, c);
    hf_path_info_open(env, c);
    c->flags |= HF_F_ACTIVE_OPEN;
    c->user = open->user;
    if (open->timeout) {
        c->user_timeout_ms = hf_tcp_limit_ms(open->timeout);
        c->flags |= HF_F_USER_TIMEOUT;
    }
    if (open->tos)
        c->tos = open->tos;
    if (open->syn_retries)
        c->syn_retries = open->syn_retries;
    if (open->fast_open)
        c->fast_open = hf_fast_open_wish(env, c, open->fast_open);
    if (open->congestion)
        c->congestion = open->congestion & 3u;
    c->iss = time_wait ? hf_time_wait_next_iss(env, time_wait, iss) : iss;
    c->snd_una = c->snd_nxt = c->iss;
    hf_tcp_enlist(env, index, 0);
    if (time_wait)
        hf_time_wait_end(env, time_wait, HF_CAUSE_TIME_WAIT_REUSED, HF_BY_CALL, HF_CALL_OPEN);
    hf_trace_open(env, c);
    hf_tcp_enter(env, c, HF_SYN_SENT, HF_BY_CALL, HF_CALL_OPEN);
    env->counters.active_opens++;
    hf_tcp_want(env, c, c->fast_open & HF_FO_DEFERRED ? 0 : HF_WANT_SYN);
    *conn = c;
    return HF_OK;
}

/* ---- SEND, 3.10.2 ---- */

/* How a connection's end is told to calls that come after it. */
static int error_of(const struct hf_tcp *c)
{
    switch (c->cause) {
    case HF_CAUSE_RESET:
        return HF_ERR_RESET;
    case HF_CAUSE_REFUSED:
        return HF_ERR_REFUSED;
    case HF_CAUSE_UNREACHABLE:
        return HF_ERR_UNREACHABLE;
    case HF_CAUSE_OPEN_TIMEOUT:
    case HF_CAUSE_HALF_OPEN_TIMEOUT:
    case HF_CAUSE_RETRANSMIT_TIMEOUT:
    case HF_CAUSE_USER_TIMEOUT:
    case HF_CAUSE_KEEPALIVE_TIMEOUT:
        return HF_ERR_TIMEOUT;
    case HF_CAUSE_NONE:
    case HF_CAUSE_CLOSED:
    case HF_CAUSE_OPEN_CANCELLED:
        return HF_ERR_CLOSING;
    default:
        return HF_ERR_ABORTED;
    }
}

int hf_call_may_send(const struct hf_tcp *c)
{
    if (c->cause != HF_CAUSE_NONE)
        return error_of(c);
    return c->flags & HF_F_FIN_QUEUED ? HF_ERR_CLOSING : HF_OK;
}

uint32_t hf_call_send_room(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    uint32_t queued = a ? a->snd.len : 0;
    uint32_t limit = hf_send_limit(env, c);
    uint32_t room = limit > queued ? limit - queued : 0;
    size_t memory = hf_budget_room(&env->budget, HF_USE_WINDOW);
    return room < memory ? room : (uint32_t)memory;
}

/* Room that is worth a turn of the application's. Near, turns come so close that each should be a few
 * runs; not more than there is room for when nothing is queued. */
static uint32_t room_enough(const struct hf_env *env, const struct hf_tcp *c)
{
    uint32_t limit = hf_send_limit(env, c), some = env->settings->snd_ahead / 2;
    if (!hf_send_is_held(env, c))
        return limit / 4;
    return some < limit / 2 ? some : limit / 2;
}

void hf_call_tell_room(struct hf_env *env, struct hf_tcp *c)
{
    if (hf_call_send_room(env, c) < room_enough(env, c))
        return;
    c->flags &= ~(uint32_t)HF_F_SEND_FULL;
    hf_tcp_event(env, c, HF_EVENT_WRITABLE);
}

/* SEND took less than it was given: tell when there is room. With text in flight an ACK will make
 * some; with none it is the stack's memory that is short, and the timer looks again. */
static void refused(struct hf_env *env, struct hf_tcp *c)
{
    c->flags |= HF_F_SEND_FULL;
    hf_tcp_set_rtx(env, c, false);
    hf_tcp_rearm(env, c);
    hf_tcp_quiesce(env, c);
}

/* Bytes were queued: what that means for flags and output. a: may be NULL when n is 0. */
static inline void queued(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, uint32_t n,
                          unsigned flags)
{
    if (n) {
        hf_sending_begins(env, a);
        hf_segment_queued(c, a, n, !(flags & HF_SEND_MORE));
        if (flags & HF_SEND_RECORD)
            hf_record_mark(env, c, a);
    } else if (a && !(flags & HF_SEND_MORE)) {
        a->pushed = hf_tcp_snd_base(c) + a->snd.len;
    }
    if (flags & HF_SEND_MORE)
        c->flags |= HF_F_MORE;
    else
        c->flags &= ~(uint32_t)HF_F_MORE;
    if (flags & HF_SEND_URGENT && n) {
        c->flags |= HF_F_URGENT_SEND;
        a->snd_up = hf_tcp_snd_base(c) + a->snd.len; /* behind the last octet (MUST-62) */
    }
    hf_trace_call(env, c->hash, c->state, HF_CALL_SEND, n);
    hf_tcp_want(env, c, 0);
}

/* A little more, however little the path and the stack's memory allow: no limit is less than this. */
static inline bool fits_anyway(const struct hf_env *env, const struct hf_tcp *c,
                               const struct hf_active *a, size_t len)
{
    uint32_t least = env->settings->snd_buffer_min, queued = a ? a->snd.len : 0;
    if (c->snd_buffer < least)
        least = c->snd_buffer;
    return queued < least && len <= least - queued &&
           len <= hf_budget_room(&env->budget, HF_USE_WINDOW);
}

static uint32_t room_for(const struct hf_env *env, const struct hf_tcp *c, size_t len)
{
    uint32_t room = hf_call_send_room(env, c);
    return len < room ? (uint32_t)len : room;
}

int64_t hf_call_send(struct hf_env *env, struct hf_tcp *c, const void *buf, size_t len,
                     unsigned flags)
{
    int err = hf_call_may_send(c);
    if (err)
        return err;
    if (HF_UNLIKELY(c->fast_open))
        hf_fast_open_release(env, c);
    struct hf_active *a = hf_tcp_active(env, c);
    uint32_t n = fits_anyway(env, c, a, len) ? (uint32_t)len : room_for(env, c, len);
    if (!n || !a)
        a = n ? hf_tcp_activate(env, c) : 0;
    uint32_t taken = a ? hf_bytes_append(&env->chunks, &a->snd, buf, n) : 0;
    if (a)
        a->reserved = 0; /* what hf_tcp_reserve gave is no longer the end of the queue */
    if (taken < len)
        refused(env, c);
    if (taken)
        queued(env, c, a, taken, taken < len ? flags & ~(unsigned)HF_SEND_RECORD : flags);
    return taken || !n ? (int64_t)taken : HF_ERR_MEMORY;
}

int hf_call_reserve(struct hf_env *env, struct hf_tcp *c, size_t want, void **buf, size_t *len)
{
    int err = hf_call_may_send(c);
    if (err)
        return err;
    uint32_t n = room_for(env, c, want);
    if (!n) {
        refused(env, c);
        return want ? HF_ERR_LIMIT : HF_ERR_ARGUMENT;
    }
    struct hf_active *a = hf_tcp_activate(env, c);
    uint32_t got = 0;
    uint8_t *at = a ? hf_bytes_reserve(&env->chunks, &a->snd, n, &got) : 0;
    if (!at) {
        refused(env, c);
        return HF_ERR_MEMORY;
    }
    a->reserved = got;
    *buf = at;
    *len = got;
    return HF_OK;
}

int hf_call_commit(struct hf_env *env, struct hf_tcp *c, size_t len, unsigned flags)
{
    struct hf_active *a = hf_tcp_active(env, c);
    uint32_t reserved = a ? a->reserved : 0;
    if (len > reserved)
        return HF_ERR_ARGUMENT;
    int err = hf_call_may_send(c);
    if (reserved) { /* closed since: what was written is not sent */
        a->reserved = 0;
        hf_bytes_commit(&env->chunks, &a->snd, err ? 0 : (uint32_t)len);
    }
    if (err)
        return err;
    if (HF_UNLIKELY(c->fast_open) && len)
        hf_fast_open_release(env, c);
    queued(env, c, a, (uint32_t)len, flags);
    return HF_OK;
}

/* ---- RECEIVE, 3.10.3 ---- */

/* What a reader is told when no byte waits. */
static int nothing_to_read(const struct hf_tcp *c)
{
    if (c->flags & HF_F_FIN_RECEIVED)
        return HF_EOF;
    return c->cause == HF_CAUSE_NONE ? 0 : error_of(c);
}

/* The number of the first octet that waits to be read. */
static hf_seq read_up_to(const struct hf_tcp *c, uint32_t waiting)
{
    return c->rcv_nxt - (c->flags & HF_F_FIN_RECEIVED ? 1 : 0) - waiting;
}

/* Output has the connection before it, now or when the ACK has waited long enough, and makes it quiet
 * then. An application that answers meanwhile finds the active block that it needs. */
static bool output_follows(const struct hf_tcp *c)
{
    return (c->flags & HF_F_ON_OUTPUT || c->delack_at != HF_NEVER) && !(c->flags & HF_F_DETACHED);
}

/* Bytes were taken from the queue. */
static void taken(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a)
{
    if (c->flags & HF_F_URGENT_RECEIVE && hf_seq_ge(read_up_to(c, a->rcv.len), c->rcv_up))
        c->flags &= ~(uint32_t)HF_F_URGENT_RECEIVE;
    hf_tcp_window_opened(env, c);
    if (!output_follows(c))
        hf_tcp_quiesce(env, c);
}

int64_t hf_call_receive(struct hf_env *env, struct hf_tcp *c, void *buf, size_t len)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a || !a->rcv.len)
        return nothing_to_read(c);
    uint32_t n = len < a->rcv.len ? (uint32_t)len : a->rcv.len;
    if (!n)
        return 0;
    hf_bytes_take(&env->chunks, &a->rcv, buf, n);
    taken(env, c, a);
    return n;
}

int64_t hf_call_copy(struct hf_env *env, struct hf_tcp *c, size_t offset, void *buf, size_t len)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    if (!a || offset >= a->rcv.len)
        return nothing_to_read(c);
    uint32_t there = a->rcv.len - (uint32_t)offset, n = len < there ? (uint32_t)len : there;
    hf_bytes_copy(&env->chunks, &a->rcv, (uint32_t)offset, buf, n);
    return n;
}

int64_t hf_call_peek(struct hf_env *env, struct hf_tcp *c, const void **buf)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    if (!a || !a->rcv.len)
        return nothing_to_read(c);
    const uint8_t *data;
    uint32_t n = hf_bytes_peek(&env->chunks, &a->rcv, &data);
    *buf = data;
    return n;
}

int hf_call_consume(struct hf_env *env, struct hf_tcp *c, size_t len)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (len > (a ? a->rcv.len : 0))
        return HF_ERR_ARGUMENT;
    if (len) {
        hf_bytes_drop(&env->chunks, &a->rcv, (uint32_t)len);
        taken(env, c, a);
    }
    return HF_OK;
}

/* ---- CLOSE, 3.10.4 ---- */

/* The RFC's CLOSE: the state changes at the call, the FIN follows the last queued octet. */
int hf_call_shutdown(struct hf_env *env, struct hf_tcp *c)
{
    if (c->cause != HF_CAUSE_NONE)
        return c->cause == HF_CAUSE_CLOSED ? HF_OK : error_of(c);
    if (c->flags & HF_F_FIN_QUEUED)
        return HF_OK; /* never a second FIN */
    hf_trace_call(env, c->hash, c->state, HF_CALL_SHUTDOWN, 0);
    if (c->state == HF_SYN_SENT) {
        hf_tcp_end(env, c, HF_CAUSE_OPEN_CANCELLED, HF_BY_CALL, HF_CALL_SHUTDOWN);
        return HF_OK;
    }
    c->flags |= HF_F_FIN_QUEUED;
    c->flags &= ~(uint32_t)HF_F_MORE;
    bool may_finish = c->fast_open & HF_FO_PENDING || !hf_tcp_unsent(env, c);
    if (c->state == HF_ESTABLISHED || (c->state == HF_SYN_RECEIVED && may_finish))
        hf_tcp_enter(env, c, HF_FIN_WAIT_1, HF_BY_CALL, HF_CALL_SHUTDOWN);
    else if (c->state == HF_CLOSE_WAIT)
        hf_tcp_enter(env, c, HF_LAST_ACK, HF_BY_CALL, HF_CALL_SHUTDOWN);
    hf_tcp_want(env, c, 0);
    return HF_OK;
}

static uint32_t unread(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    return a ? a->rcv.len : 0;
}

/* The handle is given up: from here on nobody reads, and there is a limit to how long the peer
 * may take (rows C14, C15). */
static void orphan(struct hf_env *env, struct hf_tcp *c, hf_time limit)
{
    c->flags |= HF_F_ORPHAN;
    hf_tcp_drop_handle(env, c);
    c->events = 0;
    uint32_t most = INT32_MAX; /* half of what 32 bits of milliseconds can tell apart */
    c->orphan_limit_ms = hf_tcp_limit_ms(limit) < most ? hf_tcp_limit_ms(limit) : most;
    hf_tcp_orphan_restart(env, c);
    env->counters.orphans++;
}

void hf_call_close(struct hf_env *env, struct hf_tcp *c, hf_time limit)
{
    if (c->flags & HF_F_DETACHED) {
        hf_output_bury(env, c);
        return;
    }
    if (unread(env, c) || (hf_tcp_active(env, c) && hf_tcp_active(env, c)->ranges)) {
        hf_call_abort(env, c, HF_CAUSE_UNREAD_DATA, HF_BY_CALL); /* SHLD-3 */
        return;
    }
    if (env->counters.orphans >= env->settings->orphans_max) {
        hf_call_abort(env, c, HF_CAUSE_ORPHAN_LIMIT, HF_BY_CALL);
        return;
    }
    hf_trace_call(env, c->hash, c->state, HF_CALL_CLOSE, 0);
    orphan(env, c, limit);
    hf_call_shutdown(env, c);
    hf_tcp_want(env, c, 0);
}

/* ---- ABORT, 3.10.5 ---- */

void hf_call_abort(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause, enum hf_by by)
{
    if (c->flags & HF_F_DETACHED) {
        hf_ref time_wait = c->state == HF_TIME_WAIT ? hf_time_wait_of(env, c) : 0;
        if (time_wait)
            hf_time_wait_end(env, time_wait, cause, by, HF_CALL_ABORT);
        hf_output_bury(env, c);
        return;
    }
    hf_trace_call(env, c->hash, c->state, HF_CALL_ABORT, 0);
    bool reset = c->state == HF_SYN_RECEIVED || c->state == HF_ESTABLISHED ||
                 c->state == HF_FIN_WAIT_1 || c->state == HF_FIN_WAIT_2 ||
                 c->state == HF_CLOSE_WAIT;
    if (reset)
        hf_tcp_send_reset(env, c);
    if (!(c->flags & HF_F_ORPHAN))
        orphan(env, c, env->settings->orphan_timeout);
    hf_tcp_end(env, c, cause, by, HF_CALL_ABORT);
    if (reset && env->settings->hold_after_abort)
        hf_time_wait_hold(env, c); /* D16 */
}

/* ---- STATUS, 3.10.6 ---- */

static void endpoints(const struct hf_tcp *c, struct hf_tcp_status *s)
{
    hf_key_to_addr(c->flow.local, c->link, &s->local.addr);
    hf_key_to_addr(c->flow.remote, c->link, &s->remote.addr);
    s->local.port = c->flow.local_port;
    s->remote.port = c->flow.remote_port;
}

static void sender_status(struct hf_env *env, const struct hf_tcp *c, struct hf_tcp_status *s)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    s->send_queued = a ? a->snd.len : 0;
    s->receive_ready = a ? a->rcv.len : 0;
    if (c->snd_nxt != c->iss)
        s->in_flight = a ? hf_recovery_in_flight(c, a) : c->snd_nxt - c->snd_una;
    bool fresh = !a && !c->saved.cwnd; /* nothing was sent yet */
    s->cwnd = a ? a->cc.cwnd : fresh ? hf_recovery_initial_window(env, c->mss) : c->saved.cwnd;
    s->ssthresh = a ? a->cc.ssthresh : hf_congestion_saved_ssthresh(c->congestion, &c->saved);
    s->phase = a ? (uint8_t)hf_recovery_phase(a) : 0;
    s->congestion = c->congestion;
    if (a) {
        s->sacked = a->sent.sacked;
        s->sacked_segments = a->sent.sacked_segments;
        s->lost = a->sent.lost_bytes;
        s->resent = a->sent.resent + hf_fast_open_sent_again(c, a);
        s->dup_acks = a->dupacks;
        s->reordering = a->rack.degree;
        s->spurious = a->spurious;
        s->min_rtt = a->cc.min_rtt;
        s->pacing_rate = hf_congestion_pace(&a->cc);
        if (a->cc.ops->describe)
            a->cc.ops->describe(&a->cc, s);
        s->delivery_rate = a->cc.rate.bytes_per_s;
        s->rate_app_limited = a->cc.rate.rate_app_limited;
    }
    s->reordering_seen = (c->flags & HF_F_REORDERED) != 0;
    s->srtt = c->srtt_us * HF_US;
    s->rttvar = c->rttvar_us * HF_US;
    s->rto = c->rto_us * HF_US;
}

static void account_status(struct hf_env *env, const struct hf_tcp *c, struct hf_tcp_status *s)
{
    uint32_t now_ms = hf_tcp_now_ms(env);
    hf_sending_tell(env, c, s);
    s->bytes_sent = c->bytes_sent;
    s->bytes_received = c->bytes_received;
    s->bytes_acked = hf_tcp_bytes_acked(c);
    s->bytes_resent = c->bytes_resent;
    s->segments_sent = c->segments_sent;
    s->segments_received = c->segments_received;
    s->text_segments_sent = c->text_segments_sent;
    s->text_segments_received = c->text_segments_received;
    s->segments_out_of_order = c->segments_out_of_order;
    s->retransmits = c->retransmits;
    s->since_text_sent = (now_ms - c->last_send_ms) * HF_MS;
    s->since_text_received = (now_ms - c->last_text_ms) * HF_MS;
    s->since_ack_received = env->now - c->last_receive;
}

void hf_call_status(struct hf_env *env, struct hf_tcp *c, struct hf_tcp_status *s)
{
    uint32_t size = s->size;
    memset(s, 0, sizeof *s);
    s->size = size;
    s->state = c->state;
    s->cause = c->cause;
    s->active = (c->flags & HF_F_ACTIVE_OPEN) != 0;
    s->timestamps = (c->flags & HF_F_TIMESTAMPS) != 0;
    s->sack = (c->flags & HF_F_SACK) != 0;
    s->window_scale = (c->flags & HF_F_WSCALE) != 0;
    s->snd_wscale = c->snd_wscale;
    s->rcv_wscale = c->rcv_wscale;
    s->tos = c->tos;
    s->ttl = c->ttl;
    s->peer_tos = c->peer_tos;
    s->soft_error = c->soft_error;
    s->icmp_type = c->icmp_type;
    s->icmp_code = c->icmp_code;
    s->trouble = (c->flags & HF_F_TROUBLE) != 0;
    s->pushed = (c->flags & HF_F_PUSHED) != 0;
    s->backoff = c->backoff;
    s->probes = c->snd_una == c->iss ? 0 : c->probes;
    s->fast_open = (uint8_t)hf_fast_open_result(c);
    endpoints(c, s);
    s->snd_una = c->snd_una;
    s->snd_nxt = c->snd_nxt;
    s->snd_wnd = c->snd_wnd;
    s->snd_wl1 = c->snd_wl1;
    s->snd_wl2 = c->snd_wl2;
    s->iss = c->iss;
    s->rcv_nxt = c->rcv_nxt;
    s->rcv_wnd = hf_tcp_rcv_wnd(c);
    s->irs = c->irs;
    sender_status(env, c, s);
    if (c->flags & HF_F_URGENT_RECEIVE)
        s->urgent_left = c->rcv_up - read_up_to(c, s->receive_ready);
    s->mss = c->mss;
    s->peer_mss = c->peer_mss;
    s->path_mtu = c->path_mtu;
    s->snd_wnd_max = c->snd_wnd_max;
    s->advertised_mss = hf_tcp_syn_mss(c);
    s->received_mss = c->rcv_mss;
    account_status(env, c, s);
    s->trace_id = c->hash;
    s->ecn = hf_ecn_status(env, c);
    if (c->state == HF_TIME_WAIT) {
        /* The entry is on its own; when it is over, so is the connection. */
        if (!hf_time_wait_of(env, c))
            s->state = HF_CLOSED;
    }
}
