/* What may be sent now, and the one place that builds a segment of a connection (RFC 9293 3.8,
 * 3.10.2).
 *
 * hf_tcp_output is asked again and again until it has nothing more; each time it picks the most
 * urgent thing: SYN, ACKs for what came out of order, retransmissions, new text with the FIN, a
 * probe, and at last the ACK that nothing carried. Input and calls only say what they want. */
#include <string.h>

#include "tcp/recovery.h"
#include "tcp/segmentation.h"

/* ---- Building ---- */

uint32_t hf_tcp_timestamp(const struct hf_env *env, const struct hf_tcp *c)
{
    return hf_tcp_now_ms(env) + c->ts_offset;
}

static void start_packet(struct hf_packet *packet, const struct hf_tcp *c, struct hf_out *out)
{
    /* The application's part is the Diffserv field (RFC 2474). */
    out->tos = c->tos & (uint8_t)~HF_ECN_BITS;
    packet->slices = 1;
    packet->segment_bytes = 0;
    packet->segments = 1;
    packet->checksum = HF_CHECKSUM_UNKNOWN;
    packet->checksum_start = packet->checksum_offset = 0;
    packet->link = c->link;
}

/* What every segment but a SYN says: ACK, window, timestamps. */
static HF_INLINE void fill_plain_head(struct hf_env *env, struct hf_tcp *c,
                                      const struct hf_active *a, struct hf_out *out, hf_seq seq,
                                      unsigned flags)
{
    struct hf_segment_head *h = &out->head;
    memset(h, 0, sizeof *h);
    h->options.wscale = HF_NO_WSCALE;
    h->seq = seq;
    h->ack = c->rcv_nxt;
    h->flags = (uint16_t)(flags | HF_ACK);
    h->window = hf_tcp_select_window(env, c, a, false);
    if (c->flags & HF_F_TIMESTAMPS) {
        h->options.has_ts = true;
        h->options.tsval = hf_tcp_timestamp(env, c);
        h->options.tsecr = c->ts_recent;
    }
}

/* ... and what it says when text came marked, out of order or twice. */
static HF_INLINE void fill_head(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a,
                                struct hf_out *out, hf_seq seq, unsigned flags)
{
    fill_plain_head(env, c, a, out, seq, flags | (c->ecn & HF_ECN_ECHO ? HF_ECE : 0));
    if (a && c->flags & HF_F_SACK && (c->flags & HF_F_DSACK || a->newest_range))
        hf_sack_blocks(env, c, &out->head.options);
}

/* This segment carries every ACK that is owed. */
static void ack_is_out(struct hf_tcp *c)
{
    c->want &= (uint8_t)~HF_WANT_ACK;
    c->delack_at = HF_NEVER;
    c->last_ack_sent = c->rcv_nxt;
    c->flags &= ~(uint32_t)HF_F_DSACK;
}

static void build_ack(struct hf_env *env, struct hf_tcp *c, struct hf_packet *packet,
                      struct hf_out *out, hf_seq seq, enum hf_send_reason reason)
{
    start_packet(packet, c, out);
    fill_head(env, c, hf_tcp_active(env, c), out, seq, 0);
    out->text = 0;
    out->segments = 1;
    out->reason = (uint8_t)reason;
    ack_is_out(c);
}

/* Text of the send queue from seq on, behind the header; as much as there are slices for. */
static HF_INLINE uint32_t put_text(struct hf_env *env, const struct hf_tcp *c,
                                   const struct hf_active *a, struct hf_packet *packet,
                                   struct hf_cursor *cursor, hf_seq seq, uint32_t len)
{
    uint32_t got, from = seq - hf_tcp_snd_base(c);
    if (HF_LIKELY(a->snd.head == a->snd.tail)) {
        hf_bytes_only_slice(&env->chunks, &a->snd, from, len, &packet->slice[1]);
        if (cursor)
            cursor->chunk = 0;
        packet->slices = 2;
        return len;
    }
    unsigned n = hf_bytes_slices(&env->chunks, &a->snd, cursor, a->snd_dropped, from, len,
                                 packet->slice + 1, HF_PACKET_SLICES - 1, &got);
    packet->slices = (uint16_t)(1 + n);
    return got;
}

/* SYN, or SYN+ACK in SYN-RECEIVED. */
static void build_syn(struct hf_env *env, struct hf_tcp *c, struct hf_packet *packet,
                      struct hf_out *out)
{
    const struct hf_settings *s = env->settings;
    bool first = c->snd_nxt == c->iss;
    bool answer = c->state != HF_SYN_SENT;
    struct hf_segment_head *h = &out->head;
    struct hf_tcp_options *o = &h->options;
    memset(h, 0, sizeof *h);
    h->seq = c->iss;
    h->flags = (uint16_t)((answer ? HF_SYN | HF_ACK : HF_SYN) | hf_ecn_on_syn(env, c));
    h->ack = answer ? c->rcv_nxt : 0;
    if (!answer)
        c->rcv_nxt = 0;
    h->window = hf_tcp_select_window(env, c, hf_tcp_active(env, c), true);
    o->mss = hf_tcp_syn_mss(c);
    o->has_mss = true;
    o->wscale = HF_NO_WSCALE;
    if (answer ? (c->flags & HF_F_WSCALE) != 0 : s->window_scale != 0)
        o->wscale = c->rcv_wscale;
    o->sack_permitted = answer ? (c->flags & HF_F_SACK) != 0 : s->sack != 0;
    o->has_ts = answer ? (c->flags & HF_F_TIMESTAMPS) != 0 : s->timestamps != 0;
    o->tsval = o->has_ts ? hf_tcp_timestamp(env, c) : 0;
    o->tsecr = answer ? c->ts_recent : 0;
    start_packet(packet, c, out);
    uint32_t text = first && c->fast_open ? hf_fast_open_first_syn(env, c, o) : 0;
    out->text = text ? put_text(env, c, hf_tcp_active(env, c), packet, 0, c->iss + 1, text) : 0;
    out->segments = 1;
    out->reason = first || c->backoff == 0 ? HF_SEND_NEW : HF_SEND_RTO;
    if (first) {
        c->snd_nxt = c->iss + 1 + out->text;
        c->bytes_sent += out->text;
        c->progress_at = env->now;
    } else {
        c->flags |= HF_F_SYN_RETRANSMITTED;
        c->retransmits++;
    }
    c->want &= (uint8_t)~HF_WANT_SYN;
    if (answer)
        ack_is_out(c);
}

/* ---- What to send ---- */

/* Text from seq to `end` that was sent before and may be sent again: at most one segment, inside the
 * window (SHLD-16), with the FIN if it follows. */
static bool old_piece(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                      hf_seq seq, hf_seq end, struct piece *p)
{
    hf_seq text_end = c->flags & HF_F_FIN_SENT ? c->snd_nxt - 1 : c->snd_nxt;
    hf_seq edge = c->snd_una + c->snd_wnd, last = hf_seq_min(text_end, end);
    bool records = a && a->records;
    if (records)
        last = hf_record_next(env, a, seq, last);
    uint32_t len = hf_seq_lt(seq, last) ? last - seq : 0;
    if (len > c->mss)
        len = c->mss;
    if (hf_seq_gt(seq + len, edge))
        len = hf_seq_gt(edge, seq) ? edge - seq : 0;
    p->seq = seq;
    p->len = len;
    p->fin = (c->flags & HF_F_FIN_SENT) && seq + len == text_end && end == c->snd_nxt &&
             hf_seq_lt(seq + len, edge);
    p->push =
        a && (seq + len == hf_tcp_snd_base(c) + a->snd.len || (len && seq + len == a->syn_end) ||
              (records && len && len < c->mss && seq + len == last));
    return len || p->fin;
}

/* What is lost: the first piece after a loss was found leaves whatever the window says. */
static bool pick_retransmission(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                struct piece *p)
{
    hf_seq start, end;
    if (a->frto == HF_FRTO_NEW)
        return false; /* what is new goes first, and its ACK tells */
    if (!hf_recovery_next(env, c, a, &start, &end) || !old_piece(env, c, a, start, end, p)) {
        a->rtx_first = false;
        return false;
    }
    uint32_t flight = hf_recovery_in_flight(c, a);
    if (!a->rtx_first && flight && flight + p->len > a->cc.cwnd)
        return false;
    if (!a->rtx_first && hf_pacing_waits(env, c, a))
        return false;
    a->rtx_first = false;
    p->reason = a->rtx_reason;
    bool last = a->sent.lost_bytes - a->sent.resent <= p->len + p->fin;
    if (env->settings->bursts && a->rtx_run && last)
        p->push = true; /* as for new text: the last of several that leave together */
    return true;
}

/* RFC 8985 7.3: new text, one segment beyond what cwnd allows, or else the last segment again. */
static bool pick_tail_probe(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            struct piece *p)
{
    a->tlp_wanted = false;
    uint32_t queued = hf_tcp_unsent(env, c), in_flight = c->snd_nxt - c->snd_una;
    uint32_t room = c->snd_wnd > in_flight ? c->snd_wnd - in_flight : 0;
    bool found;
    if (queued && room) {
        p->seq = c->snd_nxt;
        uint32_t record = hf_record_next(env, a, p->seq, p->seq + queued) - p->seq;
        p->len = record < room ? record : room;
        p->len = p->len < c->mss ? p->len : c->mss;
        p->push = p->len == record;
        p->fin = false;
        found = true;
    } else {
        const struct hf_sent *s = hf_sent_or_null(env, a->sent.last);
        hf_seq last = c->snd_nxt - 1;
        last = s && s->end == c->snd_nxt ? hf_sent_cut_below(s, last) : hf_tcp_snd_base(c);
        found = old_piece(env, c, a, last, c->snd_nxt, p);
    }
    p->reason = HF_SEND_TLP;
    return found;
}

/* One octet into a zero window (3.8.6.1): the first unacknowledged one, or the next. */
static bool pick_probe(struct hf_env *env, struct hf_tcp *c, struct piece *p)
{
    c->want &= (uint8_t)~HF_WANT_PROBE;
    p->reason = HF_SEND_PROBE;
    p->fin = false;
    p->seq = hf_tcp_outstanding(c) ? hf_tcp_snd_base(c) : c->snd_nxt;
    hf_seq text_end =
        c->flags & HF_F_FIN_SENT ? c->snd_nxt - 1 : c->snd_nxt + hf_tcp_unsent(env, c);
    p->len = hf_seq_lt(p->seq, text_end);
    p->push = p->seq + p->len == text_end; /* MUST-61 */
    if (!p->len)
        p->fin = (c->flags & HF_F_FIN_QUEUED) != 0;
    return p->len || p->fin;
}

/* Segments that a piece stands for: the link cuts at the MSS. */
static uint32_t segments_of(const struct hf_tcp *c, const struct piece *p)
{
    return p->len > c->mss && !p->mtu_probe ? (p->len + c->mss - 1) / c->mss : 1;
}

static void account(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                    const struct piece *p)
{
    hf_seq end = p->seq + p->len + p->fin;
    uint64_t rate = a && p->len ? hf_congestion_pace(&a->cc) : 0;
    if (rate && c->text_segments_sent >= env->settings->unpaced)
        hf_pacer_sent(&a->pacer, rate, p->len, env->now);
    bool is_new = hf_seq_gt(end, c->snd_nxt);
    if (is_new) {
        if (!hf_tcp_outstanding(c))
            c->progress_at = env->now;
        if (a && p->len && !a->timing && a->phase == HF_PHASE_SLOW_START) {
            a->timing = true;
            a->timed_seq = c->snd_nxt;
            a->timed_at = env->now;
        }
        if (a)
            a->probing = p->reason == HF_SEND_PROBE;
        bool small = p->len < c->mss || (!p->mtu_probe && p->len % c->mss);
        if (a && p->len && small && hf_seq_gt(end, a->syn_end))
            a->small_end = end;
        if (a)
            a->burst_left -= p->len < a->burst_left ? p->len : a->burst_left;
        c->bytes_sent += end - c->snd_nxt - p->fin;
        c->snd_nxt = end;
        if (p->mtu_probe && p->len > c->mss)
            hf_mtu_probe_sent(c, a, p->seq, end);
        if (a)
            hf_recovery_sent(env, c, a, end);
        if (a && a->frto_left)
            a->frto_left--;
        if (p->fin)
            c->flags |= HF_F_FIN_SENT;
    } else {
        c->retransmits++;
        c->bytes_resent += p->len;
        env->counters.retransmits++;
        if (a && a->timing && hf_seq_le(p->seq, a->timed_seq))
            a->timing = false; /* Karn */
        if (a && p->reason != HF_SEND_PROBE)
            hf_recovery_sent_again(env, c, a, p->seq, end, p->reason != HF_SEND_TLP);
        if (a && p->reason != HF_SEND_PROBE && p->reason != HF_SEND_TLP)
            hf_undo_resent(env, c, a);
        if (a)
            a->rtx_run = true;
    }
    if (p->len) {
        c->text_segments_sent += segments_of(c, p);
        c->last_send_ms = hf_tcp_now_ms(env);
    }
    if (a && p->reason == HF_SEND_TLP)
        hf_tlp_sent(env, c, a, !is_new);
    if (a && (a->phase == HF_PHASE_RECOVERY || a->cwr))
        hf_prr_sent(a, end - p->seq);
    c->want &= (uint8_t)~HF_WANT_PUSH;
}

/* New text may be marked by routers; what is sent again, and probes, may not (RFC 3168 6.1.5, 6.1.6).
 * The first of it tells that the window came down. */
static void mark_capable(struct hf_tcp *c, const struct hf_active *a, struct hf_out *out,
                         const struct piece *p)
{
    if (!p->len || p->reason == HF_SEND_PROBE || hf_seq_lt(p->seq, c->snd_nxt) ||
        hf_seq_lt(p->seq, a->syn_end))
        return;
    out->tos |= HF_ECT0;
    if (c->ecn & HF_ECN_REDUCED)
        out->head.flags |= HF_CWR;
    c->ecn &= (uint8_t)~HF_ECN_REDUCED & 15u;
}

/* Less than the whole piece leaves: what its end would have said is said later. */
static void shorten(struct hf_out *out, struct piece *p, uint32_t len)
{
    p->len = len;
    p->fin = false;
    out->head.flags &= (uint16_t)~HF_PSH;
}

/* There were not slices enough for all of a run: it ends behind a whole segment, and the cursor with
 * it. */
static uint32_t whole_segments(struct hf_env *env, const struct hf_tcp *c,
                               struct hf_packet *packet, struct hf_cursor *cursor, uint32_t len)
{
    uint32_t surplus = len > c->mss ? len % c->mss : 0;
    if (!surplus)
        return len;
    struct hf_slice *last = &packet->slice[packet->slices - 1];
    uint32_t left = surplus;
    for (; last->len <= left; last--) {
        left -= last->len;
        hf_chunk_release(&env->chunks, last->hold);
        packet->slices--;
    }
    last->len -= left;
    cursor->chunk = last->hold;
    cursor->offset =
        (uint32_t)(last->data - hf_chunk_at(&env->chunks, last->hold)->data) + last->len - 1;
    cursor->at -= surplus;
    return len - surplus;
}

/* SACK blocks take room that the MSS did not reckon with. */
static void make_room(const struct hf_tcp *c, struct hf_out *out, struct piece *p)
{
    if (HF_LIKELY(!out->head.options.sacks))
        return;
    uint32_t options = hf_tcp_options_len(&out->head.options);
    uint32_t usual = c->flags & HF_F_TIMESTAMPS ? 12 : 0;
    uint32_t extra = options > usual ? options - usual : 0;
    if (extra && segments_of(c, p) > 1)
        shorten(out, p, c->mss);
    if (p->len + extra > c->mss && p->len <= c->mss && extra < c->mss)
        shorten(out, p, c->mss - extra);
}

/* Lost, for what the path did to it: not too big, nor a probe. */
static bool is_resent(const struct hf_tcp *c, const struct piece *p)
{
    return hf_seq_lt(p->seq, c->snd_nxt) && p->reason != HF_SEND_PROBE &&
           p->reason != HF_SEND_TLP && p->reason != HF_SEND_PMTU;
}

HF_APART static void build_piece(struct hf_env *env, struct hf_tcp *c, struct hf_packet *packet,
                                 struct hf_out *out, struct hf_active *a, struct piece *p)
{
    start_packet(packet, c, out);
    unsigned flags = p->push && p->len ? HF_PSH : 0; /* MUST-61 */
    fill_head(env, c, a, out, p->seq, flags);
    if (is_resent(c, p) && out->head.options.has_ts && a)
        out->head.options.tsval -= hf_undo_backdate(env, c, a);
    if (p->len) {
        make_room(c, out, p);
        struct hf_cursor *cursor = p->seq == c->snd_nxt ? &a->cursor : &a->rtx_cursor;
        uint32_t got = put_text(env, c, a, packet, cursor, p->seq, p->len);
        if (got < p->len)
            shorten(out, p, p->mtu_probe ? got : whole_segments(env, c, packet, cursor, got));
    }
    if (p->fin)
        out->head.flags |= HF_FIN;
    if (c->ecn)
        mark_capable(c, a, out, p);
    if (a && c->flags & HF_F_URGENT_SEND && hf_seq_gt(a->snd_up, p->seq)) { /* MUST-62 */
        uint32_t ahead = a->snd_up - p->seq;
        out->head.flags |= HF_URG;
        out->head.urgent = (uint16_t)(ahead > 65535 ? 65535 : ahead);
    }
    out->text = p->len;
    out->reason = p->reason;
    out->segments = (uint16_t)segments_of(c, p);
    if (out->segments > 1) {
        packet->segments = out->segments;
        packet->segment_bytes = c->mss;
    }
    if (out->segments > 1 || (p->len && env->link_features[c->link] & HF_LINK_CHECKSUM_OUT))
        packet->checksum = HF_CHECKSUM_PARTIAL; /* whoever cuts a run sums its segments */
    account(env, c, a, p);
    c->dup_acks_owed = 0;
    ack_is_out(c);
}

static bool may_send_text(const struct hf_tcp *c)
{
    return c->state >= HF_ESTABLISHED ? c->state != HF_TIME_WAIT && c->state != HF_FIN_WAIT_2
                                      : (c->fast_open & HF_FO_PENDING) !=
                                            0; /* RFC 7413 4.2.2: before the third segment */
}

/* What is lost, a probe for the end of a flight, or what is new. */
static HF_INLINE bool pick(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           struct piece *p)
{
    if (a && (a->sent.lost.first || a->rtx_first) && pick_retransmission(env, c, a, p))
        return true;
    return (a && a->tlp_wanted && pick_tail_probe(env, c, a, p)) || hf_segment_new(env, c, a, p);
}

/* There is nothing of that: what is sent to hear how things stand. */
HF_APART static bool build_question(struct hf_env *env, struct hf_tcp *c,
                                    struct hf_packet *packet, struct hf_out *out,
                                    struct hf_active *a)
{
    struct piece p = {.mtu_probe = false};
    if (c->want & HF_WANT_PROBE && !env->settings->probe_text) { /* tcp_xmit_probe_skb */
        c->want &= (uint8_t)~HF_WANT_PROBE;
        build_ack(env, c, packet, out, c->snd_una - 1, HF_SEND_PROBE);
        return true;
    }
    bool found = false;
    if (a && a->frto == HF_FRTO_NEW && c->snd_nxt == a->recover && !hf_pacing_waits(env, c, a)) {
        a->frto = HF_FRTO_OFF; /* there was nothing new to ask with */
        found = pick_retransmission(env, c, a, &p);
    }
    if (!found && !(c->want & HF_WANT_PROBE && pick_probe(env, c, &p)))
        return false;
    build_piece(env, c, packet, out, a, &p);
    return true;
}

static HF_INLINE bool build_next(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                                 struct hf_packet *packet, struct hf_out *out)
{
    if (c->want & HF_WANT_SYN) {
        build_syn(env, c, packet, out);
        return true;
    }
    if (c->state == HF_SYN_SENT)
        return false;
    if (HF_UNLIKELY(c->challenges_owed | c->dup_acks_owed)) {
        bool challenge = c->challenges_owed != 0;
        uint8_t *owed = challenge ? &c->challenges_owed : &c->dup_acks_owed;
        *owed -= 1;
        build_ack(env, c, packet, out, hf_tcp_empty_seq(c),
                  challenge ? HF_SEND_CHALLENGE : HF_SEND_ACK);
        return true;
    }
    struct piece p = {.mtu_probe = false};
    bool text = may_send_text(c);
    if (text && pick(env, c, a, &p)) {
        build_piece(env, c, packet, out, a, &p);
        return true;
    }
    if (text && build_question(env, c, packet, out, a))
        return true;
    if (c->want & HF_WANT_KEEPALIVE) {
        c->want &= (uint8_t)~HF_WANT_KEEPALIVE;
        build_ack(env, c, packet, out, c->snd_nxt - 1, HF_SEND_KEEPALIVE);
        return true;
    }
    if (c->want & HF_WANT_ACK) {
        build_ack(env, c, packet, out, hf_tcp_empty_seq(c), HF_SEND_ACK);
        return true;
    }
    return false;
}

/* Nothing more is sent now: was it the path's window that stopped it, or was there no more? */
static inline void note_use(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                            uint32_t flight, uint32_t unsent)
{
    uint32_t next = unsent < c->mss ? unsent : c->mss;
    bool full = a->burst_waits || flight + next > a->cc.cwnd;
    bool no_more = !unsent && !full && !a->sent.lost.first;
    /* Linux looks at the window only when something has left (tcp_cwnd_validate). */
    bool looks = env->settings->window_validation != HF_VALIDATE_LINUX ||
                 c->last_send_ms == hf_tcp_now_ms(env);
    if (looks)
        hf_congestion_sent(&a->cc, flight, unsent && full, no_more);
    else if (no_more)
        hf_rate_app_limited(&a->cc.rate, flight);
}

static inline void output_over(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a && a->busy_since_ms && (a->window_since_ms || hf_tcp_unsent_in(c, a)))
        hf_sending_waits(env, c, a);
    hf_tcp_set_timers(env, c, a);
}

void hf_tcp_said_all(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    c->want &= (uint8_t) ~(HF_WANT_PROBE | HF_WANT_PUSH);
    if (a) {
        a->rtx_run = false;
        if (hf_tcp_outstanding(c))
            note_use(env, c, a, hf_recovery_in_flight(c, a), hf_tcp_unsent_in(c, a));
        /* What was sent makes room, as what is acknowledged does. */
        if (c->flags & HF_F_SEND_FULL && hf_send_is_held(env, c))
            hf_call_tell_room(env, c);
        if (!hf_tcp_outstanding(c) || c->flags & HF_F_DETACHED) {
            hf_tcp_quiesce(env, c);
            a = hf_tcp_active(env, c);
        }
    }
    output_over(env, c, a);
}

/* Is it known without asking that nothing more is to be said? */
static bool has_said_all(const struct hf_env *env, const struct hf_tcp *c)
{
    if (c->want | c->challenges_owed | c->dup_acks_owed ||
        (c->flags & (HF_F_FIN_QUEUED | HF_F_FIN_SENT)) == HF_F_FIN_QUEUED)
        return false;
    if (!c->active)
        return true;
    const struct hf_active *a = hf_tcp_active(env, c);
    return !(a->sent.lost.first || a->rtx_first || a->tlp_wanted || a->frto == HF_FRTO_NEW ||
             hf_tcp_unsent_in(c, a));
}

/* ---- The straight road: all that is to be said is one segment of text, the first in flight ---- */

/* Nothing but text waits, and its segment says nothing that is not in every one. */
static inline bool is_text_alone(const struct hf_tcp *c, const struct hf_active *a)
{
    uint32_t flags = HF_F_FIN_QUEUED | HF_F_FIN_SENT | HF_F_CORK | HF_F_MORE | HF_F_SEND_FULL |
                     HF_F_URGENT_SEND | HF_F_DSACK | HF_F_DETACHED;
    if (a->sent.last)
        return false;
    uint32_t more = (c->flags & flags) | (c->want & ~(unsigned)(HF_WANT_ACK | HF_WANT_PUSH)) |
                    c->challenges_owed | c->dup_acks_owed | c->ecn | (c->state ^ HF_ESTABLISHED) |
                    a->newest_range | (a->mtu_start ^ a->mtu_end) | (a->snd.head ^ a->snd.tail);
    return !more;
}

/* What account() comes to then. */
static inline void account_all(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                               const struct piece *p)
{
    hf_seq end = p->seq + p->len;
    c->progress_at = env->now;
    if (!a->timing) {
        a->timing = true;
        a->timed_seq = p->seq;
        a->timed_at = env->now;
    }
    a->probing = false;
    if (p->len < c->mss && hf_seq_gt(end, a->syn_end))
        a->small_end = end;
    a->burst_left = 0;
    c->bytes_sent += p->len;
    c->snd_nxt = end;
    hf_recovery_sent_alone(env, c, a, p->seq, end);
    if (a->frto_left)
        a->frto_left--;
    c->text_segments_sent++;
    c->last_send_ms = hf_tcp_now_ms(env);
}

/* What build_piece() comes to. */
static inline void build_all(struct hf_env *env, struct hf_tcp *c, struct hf_packet *packet,
                             struct hf_out *out, struct hf_active *a, const struct piece *p)
{
    start_packet(packet, c, out);
    fill_plain_head(env, c, a, out, p->seq, p->push ? HF_PSH : 0);
    (void)put_text(env, c, a, packet, &a->cursor, p->seq, p->len);
    out->text = p->len;
    out->reason = HF_SEND_NEW;
    out->segments = 1;
    if (env->link_features[c->link] & HF_LINK_CHECKSUM_OUT)
        packet->checksum = HF_CHECKSUM_PARTIAL;
    account_all(env, c, a, p);
    c->want = 0;
    c->delack_at = HF_NEVER;
    c->last_ack_sent = c->rcv_nxt;
    c->segments_sent++;
}

enum hf_said hf_tcp_output(struct hf_env *env, struct hf_tcp *c, struct hf_packet *packet,
                           struct hf_out *out)
{
    struct hf_active *a = hf_tcp_active(env, c);
    struct piece p;
    if (a && is_text_alone(c, a) && hf_segment_all(env, c, a, &p)) {
        build_all(env, c, packet, out, a, &p);
        return HF_SAID_TEXT;
    }
    if (!build_next(env, c, a, packet, out))
        return HF_SAID_NOTHING;
    c->segments_sent += out->segments;
    return has_said_all(env, c) ? HF_SAID_ALL : HF_SAID_SOME;
}

/* What hf_tcp_said_all() comes to then. */
void hf_tcp_said_text(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    a->rtx_run = false;
    note_use(env, c, a, c->snd_nxt - c->snd_una, 0);
    if (HF_UNLIKELY(a->window_since_ms != 0) && a->busy_since_ms)
        hf_sending_waits(env, c, a);
    hf_tcp_time_text(env, c, a);
}

void hf_tcp_output_over(struct hf_env *env, struct hf_tcp *c)
{
    output_over(env, c, hf_tcp_active(env, c));
}
