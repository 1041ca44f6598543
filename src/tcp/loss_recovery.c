/* When the sender recovers, and from what: with SACK by the scoreboard (RFC 6675), without by
 * duplicate ACKs (NewReno: RFC 5681 3.2, RFC 6582, 3042), and for both after a timeout (RFC 5681 3.1,
 * 5.4 of RFC 6298). A congestion controller says how far the window falls; this file says when.
 *
 * SND.NXT never goes back. What is lost stands in a queue of the sent records and leaves as the window
 * allows; what could not be recorded for want of memory is recorded when it has to be sent again. */
#include "tcp/recovery.h"

/* RFC 6928: min(10 SMSS, max(2 SMSS, 14600)), with the settings' number for 10. */
uint32_t hf_recovery_initial_window(const struct hf_env *env, uint32_t mss)
{
    uint32_t n = env->settings->initial_window;
    uint32_t cap = 2 * mss > n * 1460 ? 2 * mss : n * 1460;
    return n * mss < cap ? n * mss : cap;
}

/* Windows that were counted in smaller segments let one of these go, or nothing would leave again. */
static void fit_windows(const struct hf_tcp *c, struct hf_active *a)
{
    if (a->cc.cwnd < c->mss)
        a->cc.cwnd = c->mss;
    if (a->cc.ssthresh < 2u * c->mss) /* RFC 5681 equation 4 */
        a->cc.ssthresh = 2u * c->mss;
}

void hf_recovery_start(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    a->small_end = a->syn_end = c->snd_una;
    a->recover = c->snd_una;
    a->recover_valid = (c->flags & HF_F_AFTER_TIMEOUT) != 0;
    a->cc.mss = c->mss;
    a->cc.initial_window = hf_recovery_initial_window(env, c->mss);
    a->cc.srtt_us = c->srtt_us;
    a->cc.random = c->hash;
    hf_congestion_start(&a->cc, hf_congestion_of(c->congestion), env->settings, env->now);
    hf_rack_start(c, a);
    a->rto_at = c->rtx_at;
    a->pto_from = env->now;
    a->cc.ssthresh = hf_path_info_ssthresh(env, c);
    if (c->saved.cwnd)
        a->cc.ops->resume(&a->cc, &c->saved);
    else if (c->retransmits > 1 && (!c->bytes_sent || c->snd_una == c->iss))
        a->cc.cwnd = c->mss; /* more than one SYN was lost: RFC 6928 2, RFC 5681 3.1 */
    fit_windows(c, a);
}

/* Text is about to be sent and none is in flight. */
void hf_recovery_idle(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    uint32_t idle_ms = hf_tcp_now_ms(env) - c->last_send_ms;
    if (c->bytes_sent)
        hf_congestion_idle_end(&a->cc, env->settings, idle_ms * HF_MS,
                               (hf_time)c->rto_us * HF_US, env->now);
}

void hf_recovery_mss_changed(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a->cc.mss == c->mss)
        return;
    a->cc.mss = c->mss;
    a->cc.initial_window = hf_recovery_initial_window(env, c->mss);
    fit_windows(c, a);
}

enum hf_phase hf_recovery_phase(const struct hf_active *a)
{
    if (a->phase == HF_PHASE_SLOW_START && a->cc.cwnd >= a->cc.ssthresh)
        return HF_PHASE_AVOIDANCE;
    return a->phase;
}

/* RFC 6675 SetPipe: what left and is neither with the peer nor lost, and what left again. */
uint32_t hf_recovery_in_flight(const struct hf_tcp *c, const struct hf_active *a)
{
    uint32_t sent = c->snd_nxt - hf_tcp_snd_base(c); /* the SYN takes no part */
    return sent - a->sent.sacked - a->sent.lost_bytes + a->sent.resent;
}

uint32_t hf_recovery_window(const struct hf_tcp *c, const struct hf_active *a)
{
    uint32_t window = a->cc.cwnd;
    if (a->phase == HF_PHASE_SLOW_START && a->dupacks && a->dupacks < 3)
        window += a->dupacks * (uint32_t)c->mss; /* RFC 3042 */
    return window;
}

/* Congestion was found, by a loss or by a mark: once for a window, and the peer is told. */
static void come_down(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, uint32_t flight,
                      bool mark)
{
    uint32_t window = hf_congestion_window_in_use(&a->cc, env->settings, flight);
    if (mark && (env->settings->abe || a->cc.ops->own_window)) /* on_loss begins a recovery */
        a->cc.ssthresh = a->cc.ops->on_mark(&a->cc, window, env->now);
    else if (!a->cwr)
        a->cc.ssthresh = a->cc.ops->on_loss(&a->cc, window, env->now);
    a->cwr = false;
    hf_tcp_reduced(c);
}

/* The window comes down in step with what is delivered. */
static bool by_prr(const struct hf_env *env, const struct hf_active *a)
{
    return env->settings->prr && !a->cc.ops->own_window;
}

/* RFC 3168 6.1.2, RFC 8511: much as for a loss, but nothing is sent again. Once for what is in flight now: the echo
 * stands in every ACK until our CWR arrives. While it lasts the window does not grow. */
void hf_recovery_marked(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a || a->cwr || a->phase != HF_PHASE_SLOW_START || c->snd_una == c->iss ||
        !hf_tcp_outstanding(c))
        return;
    a->undo.armed = false; /* an older recovery in vain would give back what this takes away */
    come_down(env, c, a, c->snd_nxt - c->snd_una, true);
    if (by_prr(env, a))
        hf_prr_start(a, hf_recovery_in_flight(c, a));
    else if (!a->cc.ops->own_window && a->cc.cwnd > a->cc.ssthresh)
        a->cc.cwnd = a->cc.ssthresh;
    a->cwr = true;
    a->cwr_end = c->snd_nxt;
    hf_trace_congestion(env, c);
}

static void go_open(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    a->phase = HF_PHASE_SLOW_START;
    if (a->cc.cwnd < c->mss) /* it has grown since (RFC 4821): no less than a segment */
        a->cc.cwnd = c->mss;
    a->dupacks = 0;
    a->rtx_first = false;
    a->frto = HF_FRTO_OFF;
    a->frto_left = 0;
    hf_trace_congestion(env, c);
}

static void recovered(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a->cc.ops->on_recovered)
        a->cc.ops->on_recovered(&a->cc, env->now);
    go_open(env, c, a);
}

/* Send the first unacknowledged segment again. */
static void resend_first(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                         enum hf_send_reason reason)
{
    a->rtx_first = true;
    a->rtx_reason = (uint8_t)reason;
    hf_tcp_want(env, c, 0);
}

/* RFC 6582 3.2 step 3, on an ACK that moved SND.UNA during fast recovery. */
static void recovering_ack(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           uint32_t acked)
{
    uint32_t mss = c->mss;
    if (hf_seq_ge(c->snd_una, a->recover)) { /* full */
        uint32_t flight = c->snd_nxt - c->snd_una;
        uint32_t after = (flight > mss ? flight : mss) + mss;
        if (!a->cc.ops->own_window)
            a->cc.cwnd = a->cc.ssthresh < after ? a->cc.ssthresh : after;
        a->recover_valid = false; /* nothing was resent in vain: the next loss counts at once */
        recovered(env, c, a);
        hf_tcp_want(env, c, 0); /* what was sent since may be lost, too */
        return;
    }
    if (!a->cc.ops->own_window) {
        a->cc.cwnd = a->cc.cwnd > acked ? a->cc.cwnd - acked : 0; /* partial */
        if (acked >= mss)
            a->cc.cwnd += mss;
        if (a->cc.cwnd < mss)
            a->cc.cwnd = mss;
    }
    resend_first(env, c, a, HF_SEND_PARTIAL);
}

/* An ACK while the window comes down for a mark. Nothing was lost: what is missing in flight the
 * application has not sent, and it is not made up for (RFC 9937's conservative bound). */
static void reduce_for_mark(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                            const struct hf_delivery *d)
{
    a->cwr = hf_seq_lt(c->snd_una, a->cwr_end);
    if (a->phase != HF_PHASE_SLOW_START || !by_prr(env, a))
        return;
    if (a->cwr)
        hf_prr_acked(a, hf_recovery_in_flight(c, a), d, true);
    else
        a->cc.cwnd = a->cc.ssthresh;
    if (a->cc.cwnd < a->cc.mss)
        a->cc.cwnd = a->cc.mss;
    hf_trace_congestion(env, c);
}

/* RFC 5681 grows by what the ACK number passes, and that is enough where segments come in order. Where
 * they overtake each other, most of them are SACKed first: they count then, or not at all. Until
 * reordering was seen, SACK hints at a loss, and the window stays (RFC 3042). */
static bool grows_ahead(const struct hf_tcp *c, const struct hf_active *a)
{
    return c->flags & HF_F_REORDERED && a->phase == HF_PHASE_SLOW_START;
}

HF_APART static void tell_and_trace(struct hf_env *env, const struct hf_tcp *c,
                                    struct hf_active *a, struct hf_ack_info *info)
{
    uint32_t cwnd = a->cc.cwnd, ssthresh = a->cc.ssthresh;
    uint8_t state = hf_congestion_bbr_state(&a->cc);
    hf_congestion_acked(&a->cc, env->settings, info);
    if (a->cc.cwnd != cwnd || a->cc.ssthresh != ssthresh ||
        state != hf_congestion_bbr_state(&a->cc))
        hf_trace_congestion(env, c);
}

/* The ACK is taken in: what it told goes to the controller. */
static inline void tell_controller(struct hf_env *env, const struct hf_tcp *c,
                                   struct hf_active *a, struct hf_ack_info *info)
{
    if (HF_UNLIKELY(env->trace != 0))
        tell_and_trace(env, c, a, info);
    else
        hf_congestion_acked(&a->cc, env->settings, info);
}

void hf_recovery_control_all(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                             const struct hf_sent *s, uint32_t acked, hf_time rtt)
{
    struct hf_ack_info info;
    struct hf_rate_sample rs;
    hf_rate_only(&a->cc.rate, &s->rate, hf_sent_len(s), s->sent_at, env->now, a->cc.min_rtt, &rs);
    if (HF_UNLIKELY(a->cc.ops->own_window)) /* others do not look at it */
        info.rs = rs;
    info.now = env->now;
    info.rtt = rs.rtt ? rs.rtt : rtt;
    info.srtt_us = c->srtt_us;
    info.acked = info.prior_in_flight = acked;
    info.known = info.ahead = info.in_flight = 0;
    info.lost = 0;
    info.recovering = false;
    info.sack = true;
    tell_controller(env, c, a, &info);
}

static void control(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                    const struct hf_delivery *d)
{
    bool reducing = a->cwr; /* no growth until what was marked is through */
    if (reducing)
        reduce_for_mark(env, c, a, d);
    struct hf_ack_info info = {.now = env->now,
                               .rtt = d->rtt,
                               .srtt_us = c->srtt_us,
                               .acked = d->acked,
                               .known = d->acked - d->acked_new,
                               .ahead = grows_ahead(c, a) ? d->sacked : 0,
                               .prior_in_flight = d->prior_flight,
                               .in_flight = hf_recovery_in_flight(c, a),
                               .recovering = reducing || a->phase == HF_PHASE_RECOVERY,
                               .sack = (c->flags & HF_F_SACK) != 0};
    hf_rate_sample(&a->cc.rate, a->cc.min_rtt, &info.rs);
    if (info.rs.rtt)
        info.rtt = info.rs.rtt;
    info.lost = info.rs.newly_lost;
    tell_controller(env, c, a, &info);
}

/* ---- Records ---- */

static hf_seq recorded_end(const struct hf_env *env, const struct hf_tcp *c,
                           const struct hf_active *a)
{
    return a->sent.last ? hf_sent_at(env, a->sent.last)->end : hf_tcp_snd_base(c);
}

void hf_recovery_sent(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, hf_seq end)
{
    hf_seq start = recorded_end(env, c, a); /* what had no record before is in this one */
    bool probe = a->mtu_probe && a->mtu_end == end && a->mtu_start == start;
    uint16_t segment = probe ? (uint16_t)(end - start) : c->mss;
    uint32_t i = hf_sent_append(env, &a->sent, start, end, segment);
    uint32_t bytes = end - start, flight = hf_recovery_in_flight(c, a);
    a->pto_from = env->now;
    if (i)
        hf_rate_sent(&a->cc.rate, &hf_sent_at(env, i)->rate, bytes,
                     flight > bytes ? flight - bytes : 0, env->now);
}

void hf_recovery_sent_alone(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            hf_seq start, hf_seq end)
{
    struct hf_sent *s = hf_sent_append_alone(env, &a->sent, start, end, c->mss);
    a->pto_from = env->now;
    if (s)
        hf_rate_sent(&a->cc.rate, &s->rate, end - start, 0, env->now);
}

void hf_recovery_lost(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                      uint32_t index)
{
    const struct hf_sent *s = hf_sent_at(env, index);
    hf_sent_lost(env, &a->sent, index);
    if (!a->mtu_probe || s->start != a->mtu_start) /* a probe tells of its size, not of congestion */
        hf_congestion_lost(&a->cc, &s->rate, hf_sent_len(s), (c->flags & HF_F_SACK) != 0,
                           env->now);
}

void hf_recovery_delivered(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           const struct hf_sent *s, hf_seq end, struct hf_delivery *d)
{
    if (!(s->flags & HF_SENT_EVER_RESENT) && hf_seq_le(end, a->recover))
        d->original = true;
    hf_rack_delivered(env, c, a, s, end, d);
    hf_rate_delivered(&a->cc.rate, &s->rate, end - s->start, s->sent_at,
                      (s->flags & HF_SENT_EVER_RESENT) != 0, env->now);
}

void hf_recovery_sent_again(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            hf_seq start, hf_seq end, bool lost)
{
    uint32_t i = hf_sent_find(env, &a->sent, start);
    if (i && start != hf_sent_at(env, i)->start &&
        !(hf_sent_at(env, i)->flags & HF_SENT_SACKED) && hf_sent_split(env, &a->sent, i, start))
        i = hf_sent_at(env, i)->next;
    for (; i && hf_seq_lt(hf_sent_at(env, i)->start, end); i = hf_sent_at(env, i)->next) {
        if (hf_sent_at(env, i)->flags & HF_SENT_SACKED) /* went out with what was lost before it */
            continue;
        bool part = hf_seq_lt(end, hf_sent_at(env, i)->end) &&
                    !hf_sent_split(env, &a->sent, i, end) && /* all of it counts as sent, for now */
                    hf_sent_at(env, i)->flags & HF_SENT_LOST;
        if (lost && !(hf_sent_at(env, i)->flags & HF_SENT_LOST))
            hf_recovery_lost(env, c, a, i);
        uint32_t flight = hf_recovery_in_flight(c, a);
        hf_sent_resent(env, &a->sent, i);
        hf_sent_at(env, i)->flags |= part ? HF_SENT_PART : 0;
        hf_rate_sent(&a->cc.rate, &hf_sent_at(env, i)->rate, hf_sent_len(hf_sent_at(env, i)),
                     flight, env->now);
    }
}

/* In LOSS: text without a record, for want of memory when it was sent, is to be sent again too. */
static void record_rest(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    hf_seq start = recorded_end(env, c, a), end = hf_seq_min(a->recover, c->snd_nxt);
    if (!hf_seq_lt(start, end))
        return;
    uint32_t i = hf_sent_append(env, &a->sent, start, end, c->mss);
    if (!i)
        return;
    hf_recovery_lost(env, c, a, i);
    hf_tcp_want(env, c, 0);
}

static bool waits_to_be_resent(const struct hf_sent *s)
{
    return (s->flags & (HF_SENT_LOST | HF_SENT_RESENT)) == HF_SENT_LOST;
}

bool hf_recovery_next(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                      hf_seq *start, hf_seq *end)
{
    uint32_t i = a->sent.lost.first;
    if (i && waits_to_be_resent(hf_sent_at(env, a->sent.first)))
        i = a->sent.first; /* it holds up all the others */
    if (!i) {
        *start = hf_tcp_snd_base(c);
        *end = c->snd_nxt;
        return a->rtx_first && hf_tcp_outstanding(c);
    }
    *start = *end = hf_sent_at(env, i)->start;
    for (; i && *end - *start <= c->mss; i = hf_sent_at(env, i)->next) {
        if (!waits_to_be_resent(hf_sent_at(env, i)))
            break;
        *end = hf_sent_at(env, i)->end;
    }
    return true;
}

void hf_recovery_acked(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                       hf_seq ack, struct hf_delivery *d)
{
    d->acked_new = d->acked; /* also what could not be recorded */
    while (a->sent.first) {
        const struct hf_sent *s = hf_sent_at(env, a->sent.first);
        if (!hf_seq_lt(s->start, ack))
            break;
        if (s->flags & HF_SENT_SACKED) {
            d->acked_new -= hf_seq_min(s->end, ack) - s->start;
        } else {
            hf_recovery_delivered(env, c, a, s, hf_seq_min(s->end, ack), d);
            d->resent = d->resent || s->flags & HF_SENT_EVER_RESENT;
            d->oldest_rtt = d->oldest_rtt ? d->oldest_rtt : env->now - s->sent_at;
        }
        hf_sent_acked(env, &a->sent, ack);
    }
    const struct hf_sent *rest = hf_sent_or_null(env, a->sent.first);
    if (rest && rest->flags & HF_SENT_PART && rest->start == ack)
        hf_sent_lost(env, &a->sent, a->sent.first); /* what was sent again of it has arrived */
    if (d->resent)
        d->oldest_rtt = 0; /* Karn */
    if (a->dupacks && !(c->flags & HF_F_SACK)) { /* each told of a segment that is not new now */
        uint32_t told = a->dupacks * (uint32_t)c->mss;
        uint32_t left = d->acked > told ? d->acked - told : 0;
        d->acked_new = left > c->mss ? left : d->acked < c->mss ? d->acked : c->mss;
    }
}

/* ---- It was no loss ---- */

/* Is what was done for a loss to be taken back? In fast recovery, by echoes, only when nothing that was
 * sent again is under way: some of it may have been needed. */
static bool was_no_loss(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                        const struct hf_delivery *d)
{
    bool timed_out = a->phase == HF_PHASE_LOSS;
    if (hf_undo_all_came_twice(a) && (!timed_out || d->acked))
        return true;
    if (timed_out && hf_frto_acked(env, c, a, d))
        return true;
    if (a->phase == HF_PHASE_SLOW_START || !d->acked || !hf_undo_original_came(a, d))
        return false;
    return timed_out || hf_seq_ge(c->snd_una, a->recover) || !a->sent.resent;
}

static void take_back(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a->phase == HF_PHASE_RECOVERY)
        c->flags |= HF_F_REORDERED; /* late is not lost, on this path */
    hf_undo(env, c, a);
    a->recover_valid = false;
    go_open(env, c, a);
}

/* ---- With SACK: RFC 6675, RFC 8985 ---- */

/* What is lost was found, by an ACK (or by none, when the reordering timer fired). */
static void enter_recovery(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           const struct hf_delivery *d)
{
    uint32_t flight = d->prior_flight;
    hf_prr_start(a, flight - (a->sent.sacked - d->sacked)); /* SACKed earlier: not in flight */
    hf_undo_start(env, c, a);
    if (flight > a->cc.cwnd)
        flight = a->cc.cwnd; /* what limited transmit has sent on top does not count */
    come_down(env, c, a, flight, false);
    a->phase = HF_PHASE_RECOVERY;
    a->recover = c->snd_nxt;
    a->timing = false;
    a->tlp_probing = a->tlp_wanted = false;
    a->rtx_reason = HF_SEND_LOST;
    if (!env->settings->prr && !a->cc.ops->own_window)
        a->cc.cwnd = a->cc.ssthresh; /* RFC 6675 5 (4.2) */
    hf_trace_congestion(env, c);
}

/* The window while recovering; ssthresh, when that is over. */
static void reduce(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                   const struct hf_delivery *d, uint32_t lost_before)
{
    if (!by_prr(env, a))
        return;
    bool more_lost = a->sent.lost_bytes > lost_before;
    hf_prr_acked(a, hf_recovery_in_flight(c, a), d, more_lost);
    hf_trace_congestion(env, c);
}

static void leave_recovery(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a->phase == HF_PHASE_RECOVERY && !a->cc.ops->own_window)
        a->cc.cwnd = a->cc.ssthresh;
    hf_rack_recovered(c, a);
    recovered(env, c, a);
}

static void find_lost(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (env->settings->rack)
        hf_rack_find_lost(env, c, a);
    else
        hf_scoreboard_find_lost(env, c, a);
}

/* A tail loss probe has mended a loss: as if a recovery had begun and ended (RFC 8985 7.4.2). */
static void probe_mended(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                         uint32_t flight)
{
    if (a->phase != HF_PHASE_SLOW_START)
        return;
    a->undo.armed = false;
    come_down(env, c, a, flight, false);
    if (!a->cc.ops->own_window)
        a->cc.cwnd = a->cc.ssthresh;
    recovered(env, c, a);
}

static void after_ack_with_sack(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                const struct hf_seg *seg, const struct hf_delivery *d)
{
    if (d->acked)
        a->pto_from = env->now;
    hf_rack_dsack(c, a, d->dsack);
    if (hf_tlp_acknowledged(a, seg, d))
        probe_mended(env, c, a, d->prior_flight);
    if (d->sack_rtt && !d->acked)
        hf_rtt_sample(env, c, d->sack_rtt);
    if (a->phase != HF_PHASE_SLOW_START && hf_seq_ge(c->snd_una, a->recover))
        leave_recovery(env, c, a);
    uint32_t lost_before = a->sent.lost_bytes;
    if (d->sacked || a->rack.advanced)
        find_lost(env, c, a);
    if (a->phase == HF_PHASE_SLOW_START && a->sent.lost.first &&
        !hf_mtu_probe_explains_loss(env, c, a))
        enter_recovery(env, c, a, d);
    if (a->phase == HF_PHASE_RECOVERY)
        reduce(env, c, a, d, lost_before);
    if (d->acked || d->sacked)
        hf_tcp_want(env, c, 0);
}

/* ---- Without: NewReno ---- */

static void new_ack(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                    const struct hf_delivery *d)
{
    a->dupacks = 0;
    if (a->phase == HF_PHASE_RECOVERY) {
        recovering_ack(env, c, a, d->acked);
        return;
    }
    a->rtx_first = false;
    if (hf_seq_gt(c->snd_una, a->recover)) { /* before 2^31 octets make it look ahead again */
        a->recover_valid = false;
        c->flags &= ~(uint32_t)HF_F_AFTER_TIMEOUT;
    }
    if (a->phase == HF_PHASE_LOSS && hf_seq_ge(c->snd_una, a->recover))
        recovered(env, c, a);
    hf_tcp_want(env, c, 0);
}

static void duplicate_ack(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a->phase == HF_PHASE_LOSS) {
        hf_tcp_want(env, c, 0); /* F-RTO may know more now */
        return;
    }
    if (a->dupacks < UINT8_MAX)
        a->dupacks++;
    if (a->dupacks == 1)
        a->dup_nxt = c->snd_nxt; /* limited transmit comes on top and does not count */
    if (a->phase == HF_PHASE_RECOVERY) {
        /* Each duplicate says that a segment left the network; never more than were in it. */
        if (!a->cc.ops->own_window && a->cc.cwnd < a->cc.ssthresh + (c->snd_nxt - c->snd_una))
            a->cc.cwnd += c->mss;
        hf_tcp_want(env, c, 0);
        return;
    }
    if (a->dupacks < env->settings->dupack_threshold) {
        hf_tcp_want(env, c, 0);
        return;
    }
    /* RFC 6582 3.2 step 2: duplicates that a retransmission of ours caused start nothing. */
    if (a->recover_valid && hf_seq_le(c->snd_una, a->recover))
        return;
    if (hf_mtu_probe_explains_duplicates(env, c, a))
        return;
    hf_undo_start(env, c, a);
    come_down(env, c, a, a->dup_nxt - c->snd_una, false);
    if (!a->cc.ops->own_window)
        a->cc.cwnd = a->cc.ssthresh + env->settings->dupack_threshold * (uint32_t)c->mss;
    a->phase = HF_PHASE_RECOVERY;
    a->recover = c->snd_nxt;
    a->recover_valid = true;
    a->timing = false;
    resend_first(env, c, a, HF_SEND_FAST);
    hf_trace_congestion(env, c);
}

void hf_recovery_reordered(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    struct hf_delivery nothing = {.prior_flight = c->snd_nxt - c->snd_una};
    uint32_t lost_before = a->sent.lost_bytes;
    find_lost(env, c, a);
    if (a->phase == HF_PHASE_SLOW_START && a->sent.lost.first &&
        !hf_mtu_probe_explains_loss(env, c, a)) {
        enter_recovery(env, c, a, &nothing);
        reduce(env, c, a, &nothing, lost_before);
    }
    hf_tcp_want(env, c, 0);
}

void hf_recovery_after_ack(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg,
                           const struct hf_delivery *d)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a)
        return;
    a->small_end = hf_seq_max(a->small_end, c->snd_una);
    a->syn_end = hf_seq_max(a->syn_end, c->snd_una);
    if (d->dsack)
        hf_undo_dsack(env, c, a, &seg->options.sack[0]);
    if (a->undo.armed && was_no_loss(env, c, a, d))
        take_back(env, c, a);
    if (a->phase == HF_PHASE_LOSS && !a->sent.lost.first)
        record_rest(env, c, a);
    if (c->flags & HF_F_SACK)
        after_ack_with_sack(env, c, a, seg, d);
    else if (d->acked)
        new_ack(env, c, a, d);
    else if (d->duplicate)
        duplicate_ack(env, c, a);
    if (d->acked || d->sacked)
        control(env, c, a, d);
}

/* ---- Timeouts ---- */

/* The retransmission timer fired: RFC 5681 equation 4, once for a window; then one segment. */
void hf_recovery_timeout(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a)
        return;
    uint32_t flight = c->snd_nxt - c->snd_una;
    hf_undo_start(env, c, a);
    hf_frto_start(env, a, a->phase == HF_PHASE_SLOW_START, c->backoff > 1);
    if (a->phase != HF_PHASE_LOSS || a->too_big)
        come_down(env, c, a, flight, false);
    a->too_big = false;
    hf_recovery_resend_all(env, c, HF_SEND_RTO);
    a->cc.cwnd = hf_recovery_in_flight(c, a) + c->mss; /* beside what is not lost: one segment */
    if (a->cc.ops->on_timeout)
        a->cc.ops->on_timeout(&a->cc, flight, env->now);
    hf_trace_congestion(env, c);
}

/* Everything in flight is to be sent again, as the window allows. A peer whose first missing octet
 * is SACKed has thrown away what it had (RFC 2018 8). */
void hf_recovery_resend_all(struct hf_env *env, struct hf_tcp *c, enum hf_send_reason reason)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a || !hf_tcp_outstanding(c))
        return;
    if (reason == HF_SEND_PMTU && a->phase == HF_PHASE_SLOW_START)
        a->too_big = true;
    a->phase = HF_PHASE_LOSS;
    a->dupacks = 0;
    a->recover = c->snd_nxt;
    a->recover_valid = true;
    a->timing = false;
    a->tlp_probing = false;
    a->rack.reorder_at = HF_NEVER;
    hf_mtu_probe_forget(a);
    if (reason == HF_SEND_PMTU) {
        a->undo.armed = false;
        a->frto = HF_FRTO_OFF;
    }
    const struct hf_sent *first = hf_sent_or_null(env, a->sent.first);
    uint32_t lost = a->sent.lost_bytes;
    bool by_time = reason == HF_SEND_RTO && c->flags & HF_F_SACK && env->settings->rack;
    hf_sent_all_lost(env, &a->sent, first && first->flags & HF_SENT_SACKED,
                     by_time ? hf_rack_lost_by(env, c, a) : HF_NEVER);
    hf_rate_lost(&a->cc.rate, a->sent.lost_bytes - lost);
    record_rest(env, c, a);
    resend_first(env, c, a, reason);
}
