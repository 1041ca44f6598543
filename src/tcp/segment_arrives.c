/* SEGMENT ARRIVES: RFC 9293 3.10.7 with RFC 5961's checks, RFC 7323's PAWS and the decisions D1 to
 * D16 of docs/states.md. One function a step, called in the RFC's order.
 *
 * Called for a connection that was found, with a segment whose checksum is right. Steps change the
 * connection and say what is wanted; none of them sends. CLOSED and LISTEN (3.10.7.1, 3.10.7.2)
 * have no block: reset.c and half_open.c are their homes. */
#include "tcp/tcp.h"

enum hf_next { HF_DONE, HF_CONTINUE };

static enum hf_next drop(struct hf_env *env, struct hf_tcp *c, enum hf_drop reason,
                         const struct hf_seg *seg)
{
    hf_tcp_drop(env, c, reason, seg);
    return HF_DONE;
}

static void enter_by_segment(struct hf_env *env, struct hf_tcp *c, enum hf_state state,
                             const struct hf_seg *seg)
{
    hf_tcp_enter(env, c, state, HF_BY_SEGMENT, seg->flags & 0xff);
}

/* ---- First: the sequence number ---- */

/* RFC 7323 5: TSval older than TS.Recent, unless that has not been set for 24 days. */
static bool paws_rejects(struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg)
{
    const uint32_t outdated_s = 24u * 24 * 3600;
    return (c->flags & HF_F_TS_RECENT) && (int32_t)(seg->options.tsval - c->ts_recent) < 0 &&
           hf_tcp_now_s(env) - c->ts_recent_s < outdated_s;
}

/* The four cases of RFC 9293 3.10.7.4, on what came, not on what is left after trimming. By the letter an
 * ACK from the right edge is not acceptable; but who has filled the window acknowledges from there, and
 * when some of its text was lost, nobody would hear. */
static bool acceptable(const struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg)
{
    uint32_t wnd = hf_tcp_rcv_wnd(c), len = hf_seg_len(seg);
    if (len == 0 && seg->seq == c->rcv_adv && !(seg->flags & HF_RST) && env->settings->edge_acks)
        return true;
    if (len == 0)
        return wnd == 0 ? seg->seq == c->rcv_nxt : hf_seq_in(seg->seq, c->rcv_nxt, wnd);
    return wnd > 0 && (hf_seq_in(seg->seq, c->rcv_nxt, wnd) ||
                       hf_seq_in(seg->seq + len - 1, c->rcv_nxt, wnd));
}

/* Cut to the window: `skip` what was received before, shorten what lies beyond; a FIN behind text
 * that was cut is cut too. */
static HF_INLINE void trim(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    hf_seq text = seg->seq + ((seg->flags & HF_SYN) != 0);
    if (HF_LIKELY(text == c->rcv_nxt && seg->text < hf_tcp_rcv_wnd(c)))
        return;
    if (hf_seq_lt(text, c->rcv_nxt)) {
        uint32_t old = c->rcv_nxt - text;
        if (old > seg->text)
            old = seg->text;
        if (old)
            hf_sack_duplicate(env, c, text, text + old);
        seg->skip = old;
        seg->text -= old;
    }
    hf_seq end = text + seg->skip + seg->text;
    if (hf_seq_gt(end, c->rcv_adv)) {
        uint32_t beyond = end - c->rcv_adv;
        seg->text -= beyond < seg->text ? beyond : seg->text;
        seg->flags &= (uint16_t)~HF_FIN;
    } else if (end == c->rcv_adv && hf_tcp_rcv_wnd(c) == 0) {
        seg->flags &= (uint16_t)~HF_FIN;
    }
}

/* An ACK for a segment outside the window. Those with text always get one: the peer repeats it
 * because our ACK was lost. Empty ones share half of the challenge budget, or two ends that
 * disagree would answer each other for ever (row D9). */
static void answer_outside(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    const struct hf_settings *s = env->settings;
    bool empty = hf_seg_len(seg) == 0;
    if (!seg->text_all &&
        hf_tcp_now_ms(env) - c->invalid_ack_ms < (uint32_t)(s->invalid_interval / HF_MS)) {
        env->counters.drops[HF_DROP_CHALLENGE_RATE]++;
        return;
    }
    if (empty && !hf_tcp_may_challenge(env, c, s->challenge_count / 2u))
        return;
    c->invalid_ack_ms = hf_tcp_now_ms(env);
    hf_tcp_want(env, c, HF_WANT_ACK);
}

/* D5: a FIN that was taken before comes again; the peer has not seen our ACK. */
static bool is_fin_again(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return (c->flags & HF_F_FIN_RECEIVED) && (seg->flags & HF_FIN) &&
           seg->seq + hf_seg_len(seg) == c->rcv_nxt;
}

/* D1: in a simultaneous open the peer's SYN+ACK has SEQ = IRS, one below RCV.NXT. */
static bool is_crossed_syn_ack(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return c->state == HF_SYN_RECEIVED && (c->flags & HF_F_ACTIVE_OPEN) &&
           (seg->flags & (HF_SYN | HF_ACK | HF_RST)) == (HF_SYN | HF_ACK) && seg->seq == c->irs &&
           hf_seq_lt(c->snd_una, seg->ack) && hf_seq_le(seg->ack, c->snd_nxt);
}

/* D2: our SYN+ACK was lost; or somebody wants us to send many. */
static bool is_syn_again(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return c->state == HF_SYN_RECEIVED && (seg->flags & (HF_SYN | HF_ACK)) == HF_SYN &&
           seg->seq == c->irs;
}

static enum hf_next answer_syn_again(struct hf_env *env, struct hf_tcp *c,
                                     const struct hf_seg *seg)
{
    if (!hf_ecn_asked(env, seg))
        c->ecn = 0; /* every SYN must ask (RFC 3168 6.1.1) */
    if (hf_tcp_may_challenge(env, c, env->settings->challenge_count))
        hf_tcp_want(env, c, HF_WANT_SYN);
    return HF_DONE;
}

/* RFC 2883: text that all came before. What lies further back than a window is nobody's retransmission. */
static void tell_old_text(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    uint32_t window = hf_tcp_rcv_wnd(c) > UINT16_MAX ? hf_tcp_rcv_wnd(c) : UINT16_MAX;
    hf_seq end = seg->seq + seg->text_all;
    if (seg->text_all && hf_seq_le(end, c->rcv_nxt) && c->rcv_nxt - seg->seq <= window)
        hf_sack_duplicate(env, c, seg->seq, end);
}

static enum hf_next unacceptable(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    if (seg->flags & HF_RST)
        return drop(env, c, HF_DROP_RST_OUTSIDE, seg);
    if (is_syn_again(c, seg))
        return answer_syn_again(env, c, seg);
    if (seg->flags & HF_SYN) {
        hf_tcp_challenge(env, c);
        return drop(env, c, HF_DROP_SYN_SYNCHRONIZED, seg);
    }
    if (c->state == HF_TIME_WAIT && is_fin_again(c, seg))
        c->flags |= HF_F_RESTART_2MSL;
    tell_old_text(env, c, seg);
    answer_outside(env, c, seg);
    return drop(env, c, HF_DROP_WINDOW, seg);
}

static enum hf_next step1_sequence(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    if ((c->flags & HF_F_TIMESTAMPS) && !(seg->flags & HF_RST)) {
        if (!seg->options.has_ts) {
            if (!(seg->flags & HF_SYN) && env->settings->timestamps_required)
                return drop(env, c, HF_DROP_NO_TIMESTAMP, seg);
        } else if (paws_rejects(env, c, seg)) {
            tell_old_text(env, c, seg); /* the first copy, after the second: both are here */
            answer_outside(env, c, seg);
            return drop(env, c, HF_DROP_PAWS, seg);
        }
    }
    if (is_crossed_syn_ack(c, seg)) {
        hf_sack_duplicate(env, c, c->irs, c->irs + 1);
        seg->flags &= (uint16_t)~HF_SYN; /* from here on it is the ACK that we wait for */
        seg->seq++;
        hf_tcp_want(env, c, HF_WANT_ACK);
        return HF_CONTINUE;
    }
    if (acceptable(env, c, seg)) {
        trim(env, c, seg);
        return HF_CONTINUE;
    }
    if (hf_tcp_rcv_wnd(c) == 0 && seg->seq == c->rcv_nxt && !(seg->flags & HF_SYN)) {
        /* MUST-66: the text finds no room, but ACK, URG and RST are looked at. */
        seg->text = 0;
        seg->flags &= (uint16_t)~HF_FIN;
        if (!(seg->flags & HF_RST))
            hf_tcp_want(env, c, HF_WANT_ACK);
        return HF_CONTINUE;
    }
    return unacceptable(env, c, seg);
}

/* ---- Second: RST, RFC 5961 3.2 ---- */

static enum hf_next step2_reset(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!(seg->flags & HF_RST))
        return HF_CONTINUE;
    env->counters.resets_in++;
    if (c->state == HF_TIME_WAIT) {
        if (!env->settings->time_wait_rst || seg->seq != c->rcv_nxt)
            return drop(env, c, HF_DROP_RST_TIME_WAIT, seg); /* RFC 1337, D7 */
        c->cause = HF_CAUSE_TIME_WAIT_RESET;                 /* time_wait.c ends the entry */
        return HF_DONE;
    }
    if (seg->seq == c->rcv_nxt) {
        bool opening = c->state == HF_SYN_RECEIVED && (c->flags & HF_F_ACTIVE_OPEN);
        hf_tcp_end(env, c, opening ? HF_CAUSE_REFUSED : HF_CAUSE_RESET, HF_BY_SEGMENT, HF_RST);
        return HF_DONE;
    }
    if (hf_seq_lt(seg->seq, c->rcv_nxt)) /* text that straddles the left edge: not exact */
        return drop(env, c, HF_DROP_RST_OUTSIDE, seg);
    hf_tcp_challenge(env, c);
    return drop(env, c, HF_DROP_RST_WINDOW, seg);
}

/* ---- Third: security and compartment are not implemented (D14) ---- */

/* ---- Fourth: SYN, RFC 5961 4.2; D3 ---- */

static enum hf_next step4_syn(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!(seg->flags & HF_SYN))
        return HF_CONTINUE;
    if (is_syn_again(c, seg)) /* with text that lies in the window */
        return answer_syn_again(env, c, seg);
    hf_tcp_challenge(env, c);
    return drop(env, c, HF_DROP_SYN_SYNCHRONIZED, seg);
}

static enum hf_next steps1to4(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    if (step1_sequence(env, c, seg) == HF_DONE)
        return HF_DONE;
    if (step2_reset(env, c, seg) == HF_DONE)
        return HF_DONE;
    return step4_syn(env, c, seg);
}

/* ---- Fifth: ACK ---- */

/* RFC 7323 4.3: TS.Recent moves only with a segment that is taken and not ahead of what we have
 * acknowledged. */
static void update_ts_recent(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!(c->flags & HF_F_TIMESTAMPS) || !seg->options.has_ts ||
        !hf_seq_le(seg->seq, c->last_ack_sent))
        return;
    c->ts_recent = seg->options.tsval;
    c->ts_recent_s = hf_tcp_now_s(env);
    c->flags |= HF_F_TS_RECENT;
}

/* RFC 5961 5.2, and, but for linux, no ghost ACKs (row B4): not older than the largest window the peer has had,
 * nor than what was ever sent. */
static bool ack_too_old(const struct hf_env *env, const struct hf_tcp *c, hf_seq ack)
{
    if (HF_LIKELY(hf_seq_ge(ack, c->snd_una)))
        return false;
    if (env->settings->ghost_acks)
        return hf_seq_lt(ack, c->snd_una - c->snd_wnd_max);
    uint64_t ever = hf_tcp_bytes_acked(c) + hf_tcp_fin_acked(c);
    uint64_t back = ever < c->snd_wnd_max ? ever : c->snd_wnd_max;
    return hf_seq_lt(ack, c->snd_una - (uint32_t)back);
}

/* SYN-RECEIVED: the ACK of our SYN, or a reset for anything else (D4). */
static enum hf_next step5_syn_received(struct hf_env *env, struct hf_tcp *c,
                                       const struct hf_seg *seg)
{
    if (!hf_seq_lt(c->snd_una, seg->ack) || !hf_seq_le(seg->ack, c->snd_nxt)) {
        hf_tcp_refuse(env, &c->flow, seg);
        return drop(env, c, HF_DROP_ACK_HANDSHAKE, seg);
    }
    enter_by_segment(env, c, HF_ESTABLISHED, seg);
    c->snd_wnd = hf_tcp_offered(c, seg);
    c->snd_wnd_max = c->snd_wnd;
    c->snd_wl1 = seg->seq;
    c->snd_wl2 = seg->ack;
    if (c->flags & HF_F_ACTIVE_OPEN)
        hf_tcp_event(env, c, HF_EVENT_CONNECTED);
    if (c->flags & HF_F_FIN_QUEUED) /* CLOSE was called meanwhile */
        enter_by_segment(env, c, HF_FIN_WAIT_1, seg);
    hf_tcp_want(env, c, 0); /* what was queued meanwhile */
    return HF_CONTINUE;
}

/* What the acknowledgement of our FIN means in each state. */
static enum hf_next fin_acknowledged(struct hf_env *env, struct hf_tcp *c,
                                     const struct hf_seg *seg)
{
    switch (c->state) {
    case HF_FIN_WAIT_1:
        /* A FIN in the same segment leads straight to TIME-WAIT (N-13): step 8 sees FW1 and the
         * acknowledged FIN. */
        if (!(seg->flags & HF_FIN) || seg->seq + seg->text_all != c->rcv_nxt + seg->text)
            enter_by_segment(env, c, HF_FIN_WAIT_2, seg);
        break;
    case HF_CLOSING:
        enter_by_segment(env, c, HF_TIME_WAIT, seg);
        break;
    case HF_LAST_ACK:
        hf_tcp_end(env, c, HF_CAUSE_CLOSED, HF_BY_SEGMENT, seg->flags & 0xff);
        return HF_DONE;
    default:
        break;
    }
    return HF_CONTINUE;
}

static enum hf_next step5_ack(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!(seg->flags & HF_ACK))
        return drop(env, c, HF_DROP_NO_ACK, seg);
    if (c->state == HF_SYN_RECEIVED && step5_syn_received(env, c, seg) == HF_DONE)
        return HF_DONE;
    if (hf_seq_gt(seg->ack, c->snd_nxt)) {
        if (env->settings->answer_unsent &&
            hf_tcp_may_challenge(env, c, env->settings->challenge_count))
            hf_tcp_want(env, c, HF_WANT_ACK);
        return drop(env, c, HF_DROP_ACK_UNSENT, seg);
    }
    if (ack_too_old(env, c, seg->ack)) {
        hf_tcp_challenge(env, c);
        return drop(env, c, HF_DROP_ACK_OLD, seg);
    }
    c->last_receive = env->now;
    c->probes = 0;
    update_ts_recent(env, c, seg);
    if (c->state == HF_TIME_WAIT)
        return HF_CONTINUE;
    if (HF_UNLIKELY(seg->flags & HF_ECE) && c->ecn && hf_seq_ge(seg->ack, c->snd_una))
        hf_recovery_marked(env, c);
    if (hf_seq_gt(seg->ack, c->snd_una))
        c->flags &= ~(uint32_t)HF_F_MORE; /* it held for the call alone */
    hf_tcp_acknowledge(env, c, seg);
    if (hf_tcp_fin_acked(c))
        return fin_acknowledged(env, c, seg);
    return HF_CONTINUE;
}

/* ---- Sixth: URG, RFC 6093: in line, a hint to the application ---- */

static void step6_urgent(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!(seg->flags & HF_URG) || c->state > HF_FIN_WAIT_2)
        return;
    hf_seq up = seg->seq + seg->urgent;
    bool pending = (c->flags & HF_F_URGENT_RECEIVE) != 0;
    const struct hf_active *a = hf_tcp_active(env, c);
    hf_seq read_up_to = c->rcv_nxt - (a ? a->rcv.len : 0);
    if (!hf_seq_gt(up, pending ? c->rcv_up : read_up_to))
        return;
    c->rcv_up = up;
    c->flags |= HF_F_URGENT_RECEIVE;
    hf_tcp_event(env, c, HF_EVENT_URGENT);
}

/* ---- Seventh: text ---- */

/* Whatever was to be acknowledged a little later is, too. */
static inline void acknowledge_now(struct hf_env *env, struct hf_tcp *c)
{
    hf_tcp_want(env, c, HF_WANT_ACK);
    c->delack_at = HF_NEVER;
}

/* RFC 9293 3.8.6.3, SHLD-19: at once for every second full-sized segment, else a little later. */
static inline void acknowledge_text(struct hf_env *env, struct hf_tcp *c,
                                    const struct hf_seg *seg)
{
    uint32_t size = seg->segment_bytes ? seg->segment_bytes : seg->text_all;
    if (size > c->rcv_mss)
        c->rcv_mss = (uint16_t)(size < c->advertised_mss ? size : c->advertised_mss);
    uint32_t quick = c->quick_acks;
    if (quick || c->flags & HF_F_NO_DELACK || c->rcv_nxt - c->last_ack_sent >= 2u * c->rcv_mss) {
        c->quick_acks = (quick > seg->segments ? quick - seg->segments : 0) & 63u;
        acknowledge_now(env, c);
    } else if (c->delack_at == HF_NEVER && !(c->want & HF_WANT_ACK)) {
        c->delack_at = env->now + env->settings->delack;
    }
}

/* A duplicate ACK for each in a batch, up to the three that start a fast retransmit. */
static void out_of_order(struct hf_env *env, struct hf_tcp *c, uint32_t segments)
{
    uint32_t owed = c->dup_acks_owed + segments;
    c->dup_acks_owed = owed < 3 ? (uint8_t)owed : 3;
    hf_tcp_want(env, c, 0);
}

/* RCV.NXT moved. */
static inline void note_text(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (seg->flags & HF_PSH)
        c->flags |= HF_F_PUSHED;
    else
        c->flags &= ~(uint32_t)HF_F_PUSHED;
    c->dup_acks_owed = 0; /* the ACK that is due now tells more */
    hf_autotune_received(env, c, seg);
    hf_tcp_event(env, c, HF_EVENT_READABLE);
}

/* Text is taken in ESTABLISHED, FIN-WAIT-1 and FIN-WAIT-2. */
static enum hf_next step7_text(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (!seg->text)
        return HF_CONTINUE;
    if (c->state != HF_ESTABLISHED && c->state != HF_FIN_WAIT_1 && c->state != HF_FIN_WAIT_2)
        return drop(env, c, HF_DROP_TEXT_AFTER_FIN, seg); /* D8 */
    if (c->flags & HF_F_ORPHAN) { /* SHLD-3, D6: nobody will ever read it */
        hf_tcp_answer_reset(env, c, seg);
        hf_tcp_end(env, c, HF_CAUSE_DATA_AFTER_CLOSE, HF_BY_SEGMENT, seg->flags & 0xff);
        return HF_DONE;
    }
    if (c->ecn)
        hf_ecn_text(env, c, seg);
    hf_seq start = seg->seq + ((seg->flags & HF_SYN) != 0) + seg->skip;
    hf_seq before = c->rcv_nxt;
    const struct hf_active *a = hf_tcp_active(env, c);
    bool had_gap = a && a->ranges;
    c->last_text_ms = hf_tcp_now_ms(env);
    hf_reassembly_take(env, c, seg, start, seg->text, seg->skip);
    if (c->rcv_nxt == before) {
        c->segments_out_of_order += seg->segments;
        out_of_order(env, c, seg->segments);
        return HF_CONTINUE;
    }
    note_text(env, c, seg);
    if (had_gap || seg->skip) /* RFC 5681 4.2: a gap filled, or a repeat */
        acknowledge_now(env, c);
    else
        acknowledge_text(env, c, seg);
    return HF_CONTINUE;
}

/* ---- Eighth: FIN ---- */

static void take_fin(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (a) {
        a->fin_held = false;
        hf_reassembly_clear(env, a); /* nothing follows a FIN, whatever came */
    }
    c->rcv_nxt++;
    if (hf_seq_lt(c->rcv_adv, c->rcv_nxt))
        c->rcv_adv = c->rcv_nxt;
    c->flags |= HF_F_FIN_RECEIVED;
    hf_tcp_event(env, c, HF_EVENT_EOF);
    acknowledge_now(env, c);
    switch (c->state) {
    case HF_ESTABLISHED:
        enter_by_segment(env, c, HF_CLOSE_WAIT, seg);
        break;
    case HF_FIN_WAIT_1:
        enter_by_segment(env, c, hf_tcp_fin_acked(c) ? HF_TIME_WAIT : HF_CLOSING, seg);
        break;
    case HF_FIN_WAIT_2:
        enter_by_segment(env, c, HF_TIME_WAIT, seg);
        break;
    default:
        break;
    }
}

static void step8_fin(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (c->flags & HF_F_FIN_RECEIVED || !(seg->flags & HF_FIN || c->active))
        return;
    if (seg->flags & HF_FIN) {
        hf_seq fin = seg->seq + ((seg->flags & HF_SYN) != 0) + seg->text_all;
        struct hf_active *a = fin == c->rcv_nxt ? 0 : hf_tcp_activate(env, c);
        if (a && !a->fin_held) {
            a->fin_held = true;
            a->fin_seq = fin;
            if (!seg->text)
                out_of_order(env, c, 1);
        }
        if (fin == c->rcv_nxt) {
            take_fin(env, c, seg);
            return;
        }
    }
    const struct hf_active *a = hf_tcp_active(env, c);
    if (a && a->fin_held && a->fin_seq == c->rcv_nxt)
        take_fin(env, c, seg);
}

/* ---- The roads through the steps ---- */

/* The straight road for text: it is what was expected next, nothing is out of order, and the segment
 * says nothing else. */
static inline bool is_next_text(const struct hf_env *env, const struct hf_tcp *c,
                                const struct hf_active *a, const struct hf_seg *seg)
{
    return seg->text && seg->seq == c->rcv_nxt && !seg->skip && !a->ranges && !a->fin_held &&
           !(seg->flags & (HF_SYN | HF_FIN | HF_URG)) && c->state == HF_ESTABLISHED &&
           !(c->ecn | env->no_fast_path) && !(c->flags & HF_F_ORPHAN);
}

/* What steps 6 to 8 come to then. */
static inline void take_next_text(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                  const struct hf_seg *seg)
{
    c->last_text_ms = hf_tcp_now_ms(env);
    uint32_t taken = hf_bytes_append_slices(&env->chunks, &a->rcv, seg->slices, seg->slice_count,
                                            seg->text_offset, seg->text);
    c->rcv_nxt += taken;
    c->bytes_received += taken;
    if (HF_UNLIKELY(taken < seg->text))
        hf_tcp_drop(env, c, HF_DROP_MEMORY, seg);
    if (HF_UNLIKELY(!taken)) {
        c->segments_out_of_order += seg->segments;
        out_of_order(env, c, seg->segments);
        return;
    }
    note_text(env, c, seg);
    acknowledge_text(env, c, seg);
}

static void take_text_and_fin(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    step6_urgent(env, c, seg);
    if (step7_text(env, c, seg) == HF_DONE)
        return;
    step8_fin(env, c, seg);
}

/* From URG on, when there is any of it: also how a SYN+ACK's own text is taken. */
static inline void text_and_fin(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (seg->text || seg->flags & (HF_URG | HF_FIN) || c->active) /* which may hold a FIN */
        take_text_and_fin(env, c, seg);
}

/* RFC 7323: its timestamp is not missing, and not an old one. */
static inline bool is_in_time(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return !(c->flags & HF_F_TIMESTAMPS) ||
           (seg->options.has_ts && (int32_t)(seg->options.tsval - c->ts_recent) >= 0);
}

/* The straight road of a connection's last segments: our FIN waits to be acknowledged, this does it, and
 * says nothing else but perhaps a FIN that comes next. */
static inline bool is_farewell(const struct hf_env *env, const struct hf_tcp *c,
                               const struct hf_seg *seg)
{
    const unsigned odd = HF_SYN | HF_RST | HF_URG | HF_ECE;
    return c->flags & HF_F_FIN_SENT && !c->active && !env->no_fast_path && !seg->text_all &&
           (seg->flags & (odd | HF_ACK)) == HF_ACK && seg->seq == c->rcv_nxt &&
           seg->ack == c->snd_nxt && seg->ack != c->snd_una && hf_tcp_rcv_wnd(c) &&
           is_in_time(c, seg);
}

/* What steps 5 and 8 come to then; the others find nothing to say. */
static void take_farewell(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    c->last_receive = env->now;
    c->probes = 0;
    update_ts_recent(env, c, seg);
    c->flags &= ~(uint32_t)HF_F_MORE;
    hf_tcp_acknowledge(env, c, seg);
    if (fin_acknowledged(env, c, seg) == HF_CONTINUE && seg->flags & HF_FIN &&
        !(c->flags & HF_F_FIN_RECEIVED))
        take_fin(env, c, seg);
}

/* The straight road through steps 1 to 4: they find nothing, and change nothing. */
static inline bool is_next(const struct hf_env *env, const struct hf_tcp *c,
                           const struct hf_seg *seg)
{
    return seg->seq == c->rcv_nxt && seg->text < hf_tcp_rcv_wnd(c) && is_in_time(c, seg) &&
           !(seg->flags & (HF_SYN | HF_RST)) && !env->no_fast_path;
}

/* RFC 9293 3.10.7.4, "Other States" */
static void in_other(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    if (HF_UNLIKELY(!is_next(env, c, seg)) && steps1to4(env, c, seg) == HF_DONE)
        return;
    if (step5_ack(env, c, seg) == HF_DONE)
        return;
    struct hf_active *a = hf_tcp_active(env, c);
    if (a && is_next_text(env, c, a, seg))
        take_next_text(env, c, a, seg);
    else if (c->state != HF_TIME_WAIT)
        text_and_fin(env, c, seg);
}

/* SYN and ACK for our SYN: the second segment of the three. */
static void syn_ack_arrived(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    c->irs = seg->seq;
    c->rcv_nxt = c->last_ack_sent = seg->seq + 1;
    c->rcv_adv += c->rcv_nxt; /* until now it held the window that our SYN offered */
    hf_tcp_take_syn_options(env, c, &seg->options);
    hf_ecn_answered(env, c, seg);
    c->snd_wnd = c->snd_wnd_max = seg->window; /* D10; never scaled in a SYN */
    c->snd_wl1 = seg->seq;
    c->snd_wl2 = seg->ack;
    enter_by_segment(env, c, HF_ESTABLISHED, seg);
    c->last_receive = env->now;
    c->last_send_ms = c->last_text_ms = hf_tcp_now_ms(env);
    hf_tcp_acknowledge(env, c, seg);
    hf_tcp_event(env, c, HF_EVENT_CONNECTED | HF_EVENT_WRITABLE);
    hf_tcp_want(env, c, HF_WANT_ACK);
    trim(env, c, seg);
    text_and_fin(env, c, seg);
}

/* SYN without ACK: simultaneous open. */
static void crossed_syn_arrived(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    c->irs = seg->seq;
    c->rcv_nxt = c->last_ack_sent = seg->seq + 1;
    c->rcv_adv += c->rcv_nxt;
    hf_tcp_take_syn_options(env, c, &seg->options);
    hf_ecn_answered(env, c, seg);
    c->snd_wnd = c->snd_wnd_max = seg->window;
    c->snd_wl1 = seg->seq;
    c->snd_wl2 = c->iss;
    if (seg->text_all)
        hf_tcp_drop(env, c, HF_DROP_TEXT_ON_SYN, seg);
    enter_by_segment(env, c, HF_SYN_RECEIVED, seg);
    hf_tcp_want(env, c, HF_WANT_SYN);
}

/* RFC 9293 3.10.7.3 */
static void in_syn_sent(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    bool has_ack = (seg->flags & HF_ACK) != 0;
    bool ack_good = has_ack && hf_seq_lt(c->iss, seg->ack) && hf_seq_le(seg->ack, c->snd_nxt);
    if (has_ack && !ack_good) {
        hf_tcp_refuse(env, &c->flow, seg);
        hf_tcp_drop(env, c, HF_DROP_ACK_HANDSHAKE, seg);
        return;
    }
    if (seg->flags & HF_RST) { /* D15: by the ACK alone */
        env->counters.resets_in++;
        if (ack_good)
            hf_tcp_end(env, c, HF_CAUSE_REFUSED, HF_BY_SEGMENT, HF_RST);
        else
            hf_tcp_drop(env, c, HF_DROP_RST_OUTSIDE, seg);
        return;
    }
    if (!(seg->flags & HF_SYN)) {
        hf_tcp_drop(env, c, has_ack ? HF_DROP_ACK_HANDSHAKE : HF_DROP_TCP_FLAGS, seg);
        return;
    }
    if (ack_good) {
        syn_ack_arrived(env, c, seg);
        return;
    }
    if (seg->flags & HF_FIN && !env->settings->accept_syn_fin) { /* D13 */
        hf_tcp_drop(env, c, HF_DROP_TCP_FLAGS, seg);
        return;
    }
    crossed_syn_arrived(env, c, seg);
}

static void count_segment(struct hf_tcp *c, const struct hf_seg *seg)
{
    c->segments_received += seg->segments;
    if (seg->text_all)
        c->text_segments_received += seg->segments;
    c->peer_tos = seg->tos;
}

void hf_tcp_third_segment(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    count_segment(c, seg);
    trim(env, c, seg);
    (void)step5_syn_received(env, c, seg);
    c->last_receive = env->now;
    update_ts_recent(env, c, seg);
    hf_tcp_acknowledge(env, c, seg);
    text_and_fin(env, c, seg);
}

void hf_tcp_segment_arrives(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg)
{
    count_segment(c, seg);
    if (c->state == HF_SYN_SENT)
        in_syn_sent(env, c, seg);
    else if (is_farewell(env, c, seg))
        take_farewell(env, c, seg);
    else
        in_other(env, c, seg);
    if (!c->self || c->flags & (HF_F_DETACHED | HF_F_ZOMBIE))
        return;
    if (c->state == HF_TIME_WAIT)
        hf_time_wait_begin(env, c);
    else if (!(c->flags & HF_F_ON_OUTPUT)) /* else output does, when it is through */
        hf_tcp_rearm(env, c);
}
