/* Which timers a connection runs, and what each does when it expires (RFC 9293 3.8.1 to 3.8.4,
 * 3.8.6.1, 3.10.8; RFC 6298 5).
 *
 * There is one retransmission-class timer: RTO while something is outstanding and the window is
 * open (with a tail loss probe or RACK's reordering timer in front of it), persist while the window
 * is zero, the silly-window override while text is held back. All of a connection's times are folded
 * into one wheel entry at the earliest. */
#include "tcp/recovery.h"

static hf_time earliest(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

/* HF_NEVER is a duration like others. */
static hf_time later(hf_time at, hf_time by)
{
    return by < HF_NEVER - at ? at + by : HF_NEVER;
}

static hf_time keepalive_at(const struct hf_env *env, const struct hf_tcp *c)
{
    if (!(c->flags & HF_F_KEEPALIVE) || c->state < HF_ESTABLISHED || c->state == HF_TIME_WAIT ||
        hf_tcp_outstanding(c) || hf_tcp_unsent(env, c)) /* MUST-26 */
        return HF_NEVER;
    if (c->probes) /* nothing is outstanding, so progress_at is free to say when the last one left */
        return c->progress_at + c->keepalive_interval_s * HF_SEC;
    return c->last_receive + c->keepalive_idle_s * HF_SEC;
}

/* RFC 9293 3.9.1.1: data, SYN or FIN that is not delivered in time. In FIN-WAIT-2 nothing of ours
 * is left to deliver; there only a timeout that the application itself chose counts, from the
 * last sign of life. */
static hf_time user_timeout_at(const struct hf_env *env, const struct hf_tcp *c)
{
    hf_time limit = hf_tcp_limit(c->user_timeout_ms);
    if (!limit)
        return HF_NEVER;
    if (c->state == HF_FIN_WAIT_2)
        return c->flags & HF_F_USER_TIMEOUT ? later(c->last_receive, limit) : HF_NEVER;
    bool waiting = hf_tcp_outstanding(c) || c->state < HF_ESTABLISHED || hf_tcp_unsent(env, c);
    return waiting ? later(c->progress_at, limit) : HF_NEVER;
}

static hf_time pace_at(const struct hf_active *a)
{
    return a && a->pace_at ? a->pace_at : HF_NEVER;
}

/* Its first SYN is out, and is given as long as that of any other. */
static bool waits_for_syn(const struct hf_env *env, const struct hf_tcp *c)
{
    return c->state == HF_SYN_SENT && !c->backoff && c->rto_us == env->fresh->rto_us;
}

/* Its FIN is, for the first time, and nothing else. */
static bool waits_for_fin(const struct hf_tcp *c)
{
    return c->flags & HF_F_FIN_SENT && !c->active && !c->backoff && hf_tcp_outstanding(c);
}

static inline void rearm(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a)
{
    if (!c->self || c->flags & HF_F_DETACHED)
        return;
    hf_time at = earliest(c->rtx_at, c->delack_at);
    if (c->flags & (HF_F_ORPHAN | HF_F_KEEPALIVE))
        at = earliest(at, earliest(hf_tcp_orphan_at(env, c), keepalive_at(env, c)));
    if (c->user_timeout_ms)
        at = earliest(at, user_timeout_at(env, c));
    at = earliest(at, pace_at(a));
    bool sooner = at < c->deadline || (!c->timer.tick && at != HF_NEVER);
    c->deadline = at; /* later: found early, and put back or dropped then */
    if (!sooner)
        return;
    hf_ref ref = hf_ref_make(HF_KIND_CONN, c->self);
    if (waits_for_syn(env, c))
        hf_wheel_append(&env->wheel, HF_ROW_SYN, ref, &c->timer, at);
    else if (waits_for_fin(c))
        hf_wheel_append(&env->wheel, HF_ROW_FIN, ref, &c->timer, at);
    else
        hf_wheel_set_timer(&env->wheel, ref, &c->timer, at);
}

void hf_tcp_rearm(struct hf_env *env, struct hf_tcp *c)
{
    rearm(env, c, hf_tcp_active(env, c));
}

static enum hf_rtx_mode wanted_mode(const struct hf_tcp *c, const struct hf_active *a)
{
    bool opening = c->snd_una == c->iss || c->state == HF_SYN_SENT;
    if (hf_tcp_outstanding(c)) /* a window shrunk to zero too (MUST-35) */
        return c->snd_wnd || opening ? HF_RTX_RTO : HF_RTX_PERSIST;
    if (opening)
        return HF_RTX_NONE;
    bool fin_waits = (c->flags & (HF_F_FIN_QUEUED | HF_F_FIN_SENT)) == HF_F_FIN_QUEUED;
    if (!fin_waits && !(a && hf_tcp_unsent_in(c, a)))
        return c->flags & HF_F_SEND_FULL ? HF_RTX_SWS : HF_RTX_NONE;
    return c->snd_wnd ? HF_RTX_SWS : HF_RTX_PERSIST;
}

static hf_time persist_interval(const struct hf_env *env, const struct hf_tcp *c)
{
    hf_time interval = (hf_time)c->rto_us * HF_US;
    for (unsigned i = 0; i < c->backoff && interval < env->settings->persist_max; i++)
        interval *= 2;
    return earliest(interval, env->settings->persist_max);
}

static hf_time rtx_interval(const struct hf_env *env, const struct hf_tcp *c)
{
    switch (c->rtx_mode) {
    case HF_RTX_RTO:
        return (hf_time)c->rto_us * HF_US;
    case HF_RTX_PERSIST:
        return persist_interval(env, c);
    default:
        return env->settings->sws_override ? env->settings->sws_override
                                           : (hf_time)c->rto_us * HF_US;
    }
}

/* TLP and REORDER stand in front of an RTO. */
static bool runs_rto(const struct hf_tcp *c)
{
    return c->rtx_mode == HF_RTX_RTO || c->rtx_mode == HF_RTX_TLP ||
           c->rtx_mode == HF_RTX_REORDER;
}

/* RFC 8985 8: of the retransmission timer, a tail loss probe and RACK's look at what was overtaken,
 * the first. */
static HF_INLINE void choose_rtx(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                              hf_time rto_at)
{
    hf_time pto_from = env->now;
    if (a) {
        a->rto_at = rto_at;
        pto_from = a->pto_from;
    }
    hf_time probe = hf_tlp_at(env, c, a, pto_from, rto_at);
    c->rtx_mode = HF_RTX_RTO;
    c->rtx_at = rto_at;
    if (a && a->rack.reorder_at < rto_at) {
        c->rtx_mode = HF_RTX_REORDER;
        c->rtx_at = a->rack.reorder_at;
    } else if (probe <= rto_at) {
        c->rtx_mode = HF_RTX_TLP;
        c->rtx_at = probe;
    }
}

/* The first SYN, or a FIN without text, has left: the timer has nothing to go on from. */
static inline bool is_signal_out(const struct hf_tcp *c)
{
    return !c->active && c->rtx_mode == HF_RTX_NONE && hf_tcp_outstanding(c) &&
           (c->snd_wnd || c->snd_una == c->iss);
}

static void time_signal(const struct hf_env *env, struct hf_tcp *c)
{
    c->progress_at = env->now;
    choose_rtx(env, c, 0, env->now + (hf_time)c->rto_us * HF_US);
}

/* Start, stop or (restart) move the retransmission-class timer to what the connection needs now.
 * A timer that runs for the right reason is left alone (RFC 6298 5.1). */
static inline void set_rtx(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           bool restart)
{
    if (hf_tcp_is_at_rest(c, a)) {
        hf_tcp_stop_rtx(c);
        return;
    }
    if (is_signal_out(c)) {
        time_signal(env, c);
        return;
    }
    enum hf_rtx_mode mode = wanted_mode(c, a);
    bool same = mode == (runs_rto(c) ? HF_RTX_RTO : c->rtx_mode);
    if (same && !restart && (mode == HF_RTX_NONE || c->rtx_at != HF_NEVER)) {
        if (mode == HF_RTX_RTO && a) /* a round trip that was measured meanwhile counts at once */
            choose_rtx(env, c, a, earliest(a->rto_at, env->now + (hf_time)c->rto_us * HF_US));
        return;
    }
    if (!same) {
        if (mode == HF_RTX_PERSIST || c->rtx_mode == HF_RTX_PERSIST)
            c->backoff = 0;
        if (mode == HF_RTX_PERSIST)
            c->zero_window_s = hf_tcp_now_s(env);
        if (mode != HF_RTX_NONE && c->rtx_mode == HF_RTX_NONE)
            c->progress_at = env->now;
    }
    c->rtx_mode = (uint8_t)mode & 7u;
    c->rtx_at = mode == HF_RTX_NONE ? HF_NEVER : env->now + rtx_interval(env, c);
    if (mode == HF_RTX_RTO)
        choose_rtx(env, c, a, c->rtx_at);
}

void hf_tcp_set_rtx(struct hf_env *env, struct hf_tcp *c, bool restart)
{
    set_rtx(env, c, hf_tcp_active(env, c), restart);
}

void hf_tcp_set_timers(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    set_rtx(env, c, a, false);
    rearm(env, c, a);
}

void hf_tcp_time_text(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (HF_LIKELY(c->rtx_mode == HF_RTX_NONE))
        choose_rtx(env, c, a, env->now + (hf_time)c->rto_us * HF_US);
    else
        set_rtx(env, c, a, false);
    rearm(env, c, a);
}

/* ---- Expiry ---- */

/* R2 and timeouts: the end, with a reset for the peer unless the settings say otherwise (D11). */
static void give_up(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause,
                    enum hf_timer_kind timer)
{
    if (env->settings->reset_on_timeout && c->state >= HF_ESTABLISHED)
        hf_tcp_send_reset(env, c);
    hf_tcp_end(env, c, cause, HF_BY_TIMER, timer);
}

/* RFC 9293 3.8.3: at R1 the application and the path are told, at R2 it is over. */
static bool past_r2(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_settings *s = env->settings;
    if (c->snd_una != c->iss)
        return c->r2_ms && env->now - c->progress_at >= hf_tcp_limit(c->r2_ms);
    if (c->syn_retries && c->backoff >= c->syn_retries)
        return true;
    return s->r2_syn && env->now - c->progress_at >= s->r2_syn;
}

static void on_rto(struct hf_env *env, struct hf_tcp *c)
{
    bool opening = c->snd_una == c->iss;
    hf_trace_timer(env, c, HF_TIMER_RTO, c->backoff + 1u, (hf_time)c->rto_us * HF_US);
    if (past_r2(env, c)) {
        enum hf_cause never =
            c->flags & HF_F_ACTIVE_OPEN ? HF_CAUSE_OPEN_TIMEOUT : HF_CAUSE_HALF_OPEN_TIMEOUT;
        give_up(env, c, opening ? never : HF_CAUSE_RETRANSMIT_TIMEOUT, HF_TIMER_RTO);
        return;
    }
    hf_rtt_back_off(env, c);
    if (c->backoff == env->settings->r1) {
        c->flags |= HF_F_TROUBLE;
        env->doubt_link = c->link; /* MUST-20: is the next hop still there? */
        memcpy(env->doubt, c->flow.remote, sizeof env->doubt);
        if (!(c->flags & HF_F_NO_SOFT_ERRORS))
            hf_tcp_event(env, c, HF_EVENT_SOFT_ERROR);
    }
    if (opening) {
        hf_tcp_want(env, c, HF_WANT_SYN);
    } else if (hf_tcp_activate(env, c)) {
        hf_mtu_black_hole(env, c);
        hf_recovery_timeout(env, c);
    }
    c->rtx_at = env->now + rtx_interval(env, c);
    if (hf_tcp_active(env, c))
        hf_tcp_active(env, c)->rto_at = c->rtx_at;
}

/* RFC 8985 7.3: a probe, and the retransmission timer anew. */
static void on_tlp(struct hf_env *env, struct hf_tcp *c)
{
    hf_trace_timer(env, c, HF_TIMER_TLP, 1, 2 * (hf_time)c->srtt_us * HF_US);
    struct hf_active *a = hf_tcp_activate(env, c);
    if (a) {
        hf_tlp_fire(env, c, a);
        a->rto_at = env->now + (hf_time)c->rto_us * HF_US;
    }
    c->rtx_mode = HF_RTX_RTO;
    c->rtx_at = env->now + rtx_interval(env, c);
}

static void on_reordering(struct hf_env *env, struct hf_tcp *c)
{
    hf_trace_timer(env, c, HF_TIMER_REORDER, 1, 0);
    hf_recovery_reordered(env, c);
    hf_tcp_set_rtx(env, c, false);
}

static void on_persist(struct hf_env *env, struct hf_tcp *c)
{
    hf_trace_timer(env, c, HF_TIMER_PERSIST, c->backoff + 1u, persist_interval(env, c));
    if (c->r2_ms && c->probes &&
        env->now - c->progress_at >= hf_tcp_limit(c->r2_ms)) { /* the last has no answer */
        give_up(env, c, HF_CAUSE_RETRANSMIT_TIMEOUT, HF_TIMER_PERSIST);
        return;
    }
    if (c->probes < UINT8_MAX)
        c->probes++;
    /* RFC 6429: when memory is short, those go first whose peers have long let them wait. */
    hf_time held = (hf_tcp_now_s(env) - c->zero_window_s) * HF_SEC;
    if (held > env->settings->zero_window_grace &&
        hf_budget_room(&env->budget, HF_USE_REASSEMBLY) == 0) {
        hf_tcp_send_reset(env, c);
        hf_tcp_end(env, c, HF_CAUSE_MEMORY_PRESSURE, HF_BY_TIMER, HF_TIMER_PERSIST);
        return;
    }
    if (c->backoff < UINT8_MAX)
        c->backoff++;
    hf_tcp_activate(env, c);
    hf_tcp_want(env, c, HF_WANT_PROBE);
    c->rtx_at = env->now + rtx_interval(env, c);
}

/* Nothing has left for an RTO, and nothing is in flight: no ACK will come and say that the path is faster
 * than was thought when the last segment left. One more does no harm. */
static void forget_pace(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    if (hf_tcp_now_ms(env) - c->last_send_ms < c->rto_us / 1000)
        return;
    a->pacer.next = env->now;
    a->pace_at = 0;
}

static void on_sws(struct hf_env *env, struct hf_tcp *c)
{
    hf_trace_timer(env, c, HF_TIMER_SWS, 1, rtx_interval(env, c));
    struct hf_active *a = hf_tcp_active(env, c);
    if (a) {
        a->pushed = hf_tcp_snd_base(c) + a->snd.len;
        forget_pace(env, c, a);
    }
    if (c->flags & HF_F_SEND_FULL && hf_call_send_room(env, c)) {
        c->flags &= ~(uint32_t)HF_F_SEND_FULL;
        hf_tcp_event(env, c, HF_EVENT_WRITABLE);
    }
    hf_tcp_want(env, c, HF_WANT_PUSH);
    hf_tcp_set_rtx(env, c, true);
}

static void on_rtx(struct hf_env *env, struct hf_tcp *c)
{
    if (c->rtx_mode == HF_RTX_RTO)
        on_rto(env, c);
    else if (c->rtx_mode == HF_RTX_PERSIST)
        on_persist(env, c);
    else if (c->rtx_mode == HF_RTX_TLP)
        on_tlp(env, c);
    else if (c->rtx_mode == HF_RTX_REORDER)
        on_reordering(env, c);
    else
        on_sws(env, c);
}

static void on_keepalive(struct hf_env *env, struct hf_tcp *c)
{
    if (c->probes >= c->keepalive_probes) { /* MUST-29: several, not one */
        give_up(env, c, HF_CAUSE_KEEPALIVE_TIMEOUT, HF_TIMER_KEEPALIVE);
        return;
    }
    c->probes++;
    c->progress_at = env->now;
    hf_trace_timer(env, c, HF_TIMER_KEEPALIVE, c->probes, c->keepalive_interval_s * HF_SEC);
    hf_tcp_want(env, c, HF_WANT_KEEPALIVE);
}

static void on_orphan(struct hf_env *env, struct hf_tcp *c)
{
    hf_trace_timer(env, c, HF_TIMER_ORPHAN, 1, c->orphan_limit_ms * HF_MS);
    if (c->state != HF_FIN_WAIT_2)
        hf_tcp_send_reset(env, c);
    hf_tcp_end(env, c, HF_CAUSE_ORPHAN_TIMEOUT, HF_BY_TIMER, HF_TIMER_ORPHAN);
}

/* Run what is due, earliest first. A connection that ends on the way takes no more. */
void hf_tcp_timer(struct hf_env *env, struct hf_tcp *c)
{
    for (;;) {
        hf_time user = user_timeout_at(env, c), keepalive = keepalive_at(env, c);
        hf_time at = earliest(earliest(c->rtx_at, c->delack_at), hf_tcp_orphan_at(env, c));
        at = earliest(at, earliest(user, keepalive));
        at = earliest(at, pace_at(hf_tcp_active(env, c)));
        if (at > env->now || c->flags & (HF_F_DETACHED | HF_F_ZOMBIE))
            break;
        if (at == user) {
            hf_trace_timer(env, c, HF_TIMER_USER, 1, hf_tcp_limit(c->user_timeout_ms));
            give_up(env, c, HF_CAUSE_USER_TIMEOUT, HF_TIMER_USER);
        } else if (at == hf_tcp_orphan_at(env, c)) {
            on_orphan(env, c);
        } else if (at == c->rtx_at) {
            on_rtx(env, c);
        } else if (at == c->delack_at) {
            hf_trace_timer(env, c, HF_TIMER_DELACK, 1, env->settings->delack);
            c->delack_at = HF_NEVER;
            hf_tcp_want(env, c, HF_WANT_ACK);
        } else if (at == pace_at(hf_tcp_active(env, c))) {
            hf_tcp_active(env, c)->pace_at = 0;
            hf_tcp_want(env, c, 0);
        } else {
            on_keepalive(env, c);
        }
    }
    hf_tcp_rearm(env, c);
}

/* The clock jumped: everything that was still to come, comes that much later. (The deadline is the
 * wheel's to move.) */
void hf_tcp_shift_times(struct hf_env *env, struct hf_tcp *c, hf_time by)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (a) { /* no round trip was that long */
        a->timed_at += by;
        hf_sent_shift(env, &a->sent, by);
        hf_congestion_shift(&a->cc, by);
        if (a->rto_at != HF_NEVER)
            a->rto_at += by;
        a->pto_from += by;
        hf_rack_shift(a, by);
        a->pacer.next += by;
        a->pace_at += a->pace_at ? by : 0;
    }
    if (a && a->busy_since_ms)
        a->busy_since_ms += (uint32_t)(by / HF_MS);
    if (a && a->window_since_ms)
        a->window_since_ms += (uint32_t)(by / HF_MS);
    c->ts_offset -= (uint32_t)(by / HF_MS);
    if (c->flags & HF_F_ORPHAN)
        c->orphan_ms += (uint32_t)(by / HF_MS);
    hf_time *at[] = {&c->rtx_at, &c->delack_at};
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++)
        if (*at[i] != HF_NEVER)
            *at[i] += by;
    c->last_receive += by;
    c->progress_at += by;
    c->zero_window_s += (uint32_t)(by / HF_SEC);
    c->last_send_ms += (uint32_t)(by / HF_MS);
    c->last_text_ms += (uint32_t)(by / HF_MS);
}
