/* What an ACK field does to the sender: SND.UNA moves, the queue shrinks, RTT is measured, the
 * window is updated, loss recovery hears of it (RFC 9293 3.10.7.4 fifth; RFC 6298; RFC 5681).
 *
 * Called from step 5 once SEG.ACK is known to lie in the acceptable range. */
#include "tcp/recovery.h"

/* RFC 7323 4.1: the echo of a timestamp that we sent, in clock ticks of 1 ms. */
static hf_time echoed_rtt(struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!(c->flags & HF_F_TIMESTAMPS) || !seg->options.has_ts || !seg->options.tsecr)
        return 0;
    uint32_t ms = hf_tcp_timestamp(env, c) - seg->options.tsecr;
    return ms < 1u << 20 ? (hf_time)(ms ? ms : 1) * HF_MS : 0;
}

/* Karn's rule: the timed segment is forgotten when it is sent again; an echo is never ambiguous. */
static inline hf_time take_sample(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                  const struct hf_seg *seg, hf_time oldest_rtt)
{
    hf_time rtt = 0;
    if (env->settings->rtt_every_ack && oldest_rtt) {
        rtt = oldest_rtt;
        a->timing = a->timing && hf_seq_le(seg->ack, a->timed_seq);
    } else if (a && a->timing && hf_seq_gt(seg->ack, a->timed_seq)) {
        rtt = env->now - a->timed_at;
        a->timing = false;
    } else if (!a || !a->timing) {
        rtt = oldest_rtt ? oldest_rtt : echoed_rtt(env, c, seg);
    }
    if (rtt > 0)
        hf_rtt_sample(env, c, rtt);
    return rtt;
}

/* The SYN is acknowledged: RFC 6298 5.7, and the first RTT sample if it was sent once. */
static void syn_acknowledged(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                             const struct hf_seg *seg)
{
    if (a && c->flags & HF_F_ACTIVE_OPEN) /* text was queued before the MSS was known */
        hf_recovery_start(env, c, a);
    c->probes = 0;
    if (c->fast_open)
        hf_fast_open_syn_acked(env, c, seg);
    if (!(c->flags & HF_F_SYN_RETRANSMITTED)) {
        hf_rtt_sample(env, c, env->now - c->progress_at);
        return;
    }
    hf_time rtt = echoed_rtt(env, c, seg);
    if (rtt > 0) {
        hf_rtt_sample(env, c, rtt);
        return;
    }
    uint32_t fallback_us = (uint32_t)(3 * HF_SEC / HF_US);
    if (c->rto_us < fallback_us)
        c->rto_us = fallback_us;
}

/* Take the acknowledged text off the queue. */
static void drop_text(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, hf_seq ack)
{
    if (!a->snd.len)
        return;
    uint32_t n = ack - hf_tcp_snd_base(c);
    if (n > a->snd.len)
        n = a->snd.len; /* the FIN is the octet behind it */
    hf_bytes_drop(&env->chunks, &a->snd, n);
    a->snd_dropped += n;
    /* What left the queue would seem to be in it again 2^32 octets later. */
    if (HF_UNLIKELY(a->rtx_cursor.chunk) && (int32_t)(a->rtx_cursor.at - a->snd_dropped) < 0)
        a->rtx_cursor.chunk = 0;
    if (!a->snd.len)
        hf_sending_over(env, c, a);
}

static inline void advance(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           const struct hf_seg *seg, struct hf_delivery *d)
{
    bool syn = c->snd_una == c->iss;
    d->acked = seg->ack - c->snd_una - syn;
    if (syn)
        syn_acknowledged(env, c, a, seg);
    if (a) {
        drop_text(env, c, a, seg->ack);
        hf_recovery_acked(env, c, a, seg->ack, d);
    }
    if (!syn)
        d->rtt = take_sample(env, c, a, seg, d->oldest_rtt);
    c->snd_una = seg->ack;
    if (a && a->records)
        hf_record_acked(env, c, a);
    if (a && a->mtu_start != a->mtu_end)
        hf_mtu_probe_acked(env, c, a);
    c->backoff = 0;
    c->progress_at = env->now;
    c->flags &= ~(uint32_t)HF_F_TROUBLE;
    if (c->flags & HF_F_ORPHAN)
        hf_tcp_orphan_restart(env, c);
    hf_tcp_set_rtx(env, c, true);
}

/* SND.UNA moved, and the congestion window with it: is there room again, is all of it there? */
static inline void tell_application(struct hf_env *env, struct hf_tcp *c,
                                    const struct hf_active *a, uint32_t acked)
{
    uint32_t queued = a ? a->snd.len : 0;
    if (a && hf_seq_ge(c->snd_una, a->snd_up))
        c->flags &= ~(uint32_t)HF_F_URGENT_SEND;
    if (c->flags & HF_F_SEND_FULL)
        hf_call_tell_room(env, c);
    if (!hf_tcp_outstanding(c) && !queued && acked)
        hf_tcp_event(env, c, HF_EVENT_SENT);
    if (hf_tcp_fin_acked(c))
        hf_tcp_event(env, c, HF_EVENT_FIN_ACKED);
}

/* The window opened and the peer has not taken the octet of our last probe: it was never really
 * sent, and what follows goes out as if it had not been. */
static void forget_probe(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (c->rtx_mode != HF_RTX_PERSIST || !a || !a->probing || c->snd_nxt - c->snd_una != 1)
        return;
    a->probing = a->timing = false;
    c->snd_nxt = c->snd_una;
    c->bytes_sent -= !(c->flags & HF_F_FIN_SENT);
    c->flags &= ~(uint32_t)HF_F_FIN_SENT;
    a->recover = hf_seq_min(a->recover, c->snd_nxt);
    hf_sent_clear(env, &a->sent);
}

/* RFC 9293 3.10.7.4: only a segment that is not older may tell a window (N-8). True: it is another one. */
static inline bool take_window(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg,
                               hf_seq edge)
{
    uint32_t window = hf_tcp_offered(c, seg);
    uint32_t was = c->snd_wnd;
    hf_seq seq = hf_seg_last_seq(seg);
    if (hf_seq_lt(c->snd_wl1, seq) || (c->snd_wl1 == seq && hf_seq_le(c->snd_wl2, seg->ack))) {
        c->snd_wl1 = seq;
        c->snd_wl2 = seg->ack;
    } else {
        /* An older segment that acknowledges more, overtaken by a newer one: SND.UNA moved, and
         * the right edge stays where the peer has put it. */
        window = hf_seq_max(edge, seg->ack + window) - c->snd_una;
        if (seg->ack != c->snd_una || window >= was)
            return false;
    }
    if (window == was)
        return false;
    c->snd_wnd = window;
    if (window > c->snd_wnd_max)
        c->snd_wnd_max = window;
    hf_tcp_want(env, c, 0);
    return true;
}

static inline void update_window(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg,
                                 hf_seq edge)
{
    uint32_t was = c->snd_wnd;
    if (!take_window(env, c, seg, edge))
        return;
    if (c->snd_wnd && !was)
        forget_probe(env, c);
    hf_tcp_set_rtx(env, c, was == 0 || c->snd_wnd == 0);
}

/* RFC 5681 2: what counts as a duplicate ACK. */
static bool is_duplicate(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return seg->ack == c->snd_una && hf_tcp_outstanding(c) && !seg->text_all &&
           c->rtx_mode != HF_RTX_PERSIST && /* an answer to a probe */
           !(seg->flags & (HF_SYN | HF_FIN)) && hf_tcp_offered(c, seg) == c->snd_wnd;
}

static HF_INLINE void acknowledge(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                  const struct hf_seg *seg)
{
    struct hf_delivery d = {.prior_flight = c->snd_nxt - c->snd_una,
                            .duplicate = a && is_duplicate(c, seg)};
    hf_seq edge = c->snd_una + c->snd_wnd;
    if (a) {
        d.fack = a->sent.sacked ? a->fack : c->snd_una;
        a->fack = d.fack;
        d.echo = seg->options.tsecr;
        d.has_echo = c->flags & HF_F_TIMESTAMPS && seg->options.has_ts && d.echo;
        if (seg->options.sacks && c->flags & HF_F_SACK)
            hf_scoreboard_take(env, c, a, seg, &d);
    }
    bool moves = hf_seq_gt(seg->ack, c->snd_una);
    if (moves) {
        env->progress = true; /* RFC 4861 7.3.1 */
        advance(env, c, a, seg, &d);
    }
    if (c->rtx_mode == HF_RTX_PERSIST) {
        /* A peer that answers probes is alive, however long its window stays shut (MUST-37). */
        c->progress_at = env->now;
    }
    if (hf_seq_le(c->snd_una, seg->ack))
        update_window(env, c, seg, edge);
    if (a)
        hf_recovery_after_ack(env, c, seg, &d);
    if (moves)
        tell_application(env, c, a, d.acked);
}

/* ---- The straight road: all that is in flight left together and once, and all of it has arrived ---- */

/* Nothing is known to be lost, SACKed or overtaken, nothing is probed or taken back, and the ACK says
 * nothing else. */
static inline bool is_all(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a, const struct hf_seg *seg)
{
    const struct hf_sent_list *sent = &a->sent;
    uint32_t flags = c->flags & (HF_F_SACK | HF_F_FIN_SENT | HF_F_ORPHAN);
    uint64_t special = a->odd | (flags ^ HF_F_SACK) | seg->options.sacks | a->records |
                       (a->mtu_start ^ a->mtu_end) | a->cc.rate.sample.newly_lost |
                       a->undo.armed | a->rack.in_dsack_round | env->no_fast_path;
    if (special || sent->count != 1 || seg->ack != c->snd_nxt || seg->ack == c->snd_una)
        return false;
    return !(hf_sent_at(env, sent->first)->flags & ~HF_SENT_OPEN) && c->snd_una != c->iss &&
           c->rtx_mode != HF_RTX_PERSIST;
}

/* What acknowledge() comes to then. */
static inline void acknowledge_all(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                   const struct hf_seg *seg)
{
    struct hf_sent *s = hf_sent_at(env, a->sent.first);
    uint32_t acked = seg->ack - c->snd_una;
    hf_time oldest = env->now - s->sent_at;
    hf_seq edge = c->snd_una + c->snd_wnd;
    env->progress = true;
    a->fack = c->snd_una;
    drop_text(env, c, a, seg->ack);
    hf_rack_all_delivered(env, a, s);
    hf_time rtt = take_sample(env, c, a, seg, oldest);
    c->snd_una = seg->ack;
    c->backoff = 0;
    c->progress_at = a->pto_from = env->now;
    c->flags &= ~(uint32_t)HF_F_TROUBLE;
    if (HF_LIKELY(hf_tcp_is_at_rest(c, a)))
        hf_tcp_stop_rtx(c);
    else
        hf_tcp_set_rtx(env, c, true);
    update_window(env, c, seg, edge);
    a->small_end = hf_seq_max(a->small_end, c->snd_una);
    a->syn_end = hf_seq_max(a->syn_end, c->snd_una);
    hf_tcp_want(env, c, 0);
    hf_recovery_control_all(env, c, a, s, acked, rtt);
    hf_sent_all_acked(env, &a->sent, s);
    tell_application(env, c, a, acked);
}

/* Half of it is nothing without an active block. */
HF_APART static void acknowledge_bare(struct hf_env *env, struct hf_tcp *c,
                                      const struct hf_seg *seg)
{
    acknowledge(env, c, 0, seg);
}

HF_APART static void acknowledge_some(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                      const struct hf_seg *seg)
{
    acknowledge(env, c, a, seg);
}

/* ---- Without text, and so without an active block: a SYN or a FIN was in flight, and has arrived ---- */

/* No text waits to be sent, and no FIN: there is nothing left to do, and no timer for it. */
static inline bool is_signal(const struct hf_env *env, const struct hf_tcp *c,
                             const struct hf_seg *seg)
{
    uint32_t waits = c->flags & (HF_F_FIN_QUEUED | HF_F_FIN_SENT | HF_F_SEND_FULL);
    bool at_rest = !waits || waits == (HF_F_FIN_QUEUED | HF_F_FIN_SENT);
    return at_rest && seg->ack == c->snd_nxt && seg->ack != c->snd_una &&
           c->rtx_mode != HF_RTX_PERSIST && !env->no_fast_path;
}

/* What acknowledge() comes to then. */
static void acknowledge_signal(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    hf_seq edge = c->snd_una + c->snd_wnd;
    env->progress = true;
    bool syn = c->snd_una == c->iss;
    if (syn)
        syn_acknowledged(env, c, 0, seg);
    else
        (void)take_sample(env, c, 0, seg, 0);
    uint32_t acked = seg->ack - c->snd_una - syn;
    c->snd_una = seg->ack;
    c->backoff = 0;
    c->progress_at = env->now;
    c->flags &= ~(uint32_t)HF_F_TROUBLE;
    if (c->flags & HF_F_ORPHAN)
        hf_tcp_orphan_restart(env, c);
    hf_tcp_stop_rtx(c);
    (void)take_window(env, c, seg, edge);
    if (acked && !(c->flags & HF_F_ORPHAN))
        tell_application(env, c, 0, acked);
}

/* An ACK neither makes an active block nor ends one. */
void hf_tcp_acknowledge(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a && is_signal(env, c, seg))
        acknowledge_signal(env, c, seg);
    else if (!a)
        acknowledge_bare(env, c, seg);
    else if (is_all(env, c, a, seg))
        acknowledge_all(env, c, a, seg);
    else
        acknowledge_some(env, c, a, seg);
}
