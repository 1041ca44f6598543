/* Text, SYN and FIN: what is new, what comes again and of which kind, what came out of order.
 *
 * Kinds are told apart as a reader of captures does. Out of order is what fills a hole sooner than a
 * round trip after the hole was made, or bears an older timestamp (RFC 7323). Of what was sent
 * before: the last segment alone, soon and unasked, is a tail loss probe (RFC 8985 7); what follows
 * duplicate ACKs or SACK blocks closely is a fast retransmission (RFC 5681 3.2, RFC 8985 6); what
 * follows silence is a timeout (RFC 6298). A D-SACK (RFC 2883) says afterwards that it was needless. */
#include "explain.h"

#include <string.h>

#define TIMEOUT_LIKE (150 * HF_MS) /* Linux' floor is 200 ms; clocks and paths vary            */
#define CLOCKED (30 * HF_MS)       /* so long after an ACK, and a round trip, it is its doing  */
#define REORDER_LIMIT (3 * HF_MS)  /* where no round trip is known; as tshark does             */
#define COPY_LIMIT (100 * HF_MS)
#define COPY_LIMIT_BLIND (50 * HF_US) /* without an IP identification to compare               */
#define TLP_LIMIT (250 * HF_MS)       /* two round trips and the delayed ACK's 200 ms          */

hf_time explain_rtt(const struct explain_talk *c)
{
    if (c->told.handshake > 0)
        return c->told.handshake;
    return c->told.end[0].srtt + c->told.end[1].srtt;
}

/* ---- What is under way ---- */

static struct explain_sent *sent_at(const struct explain_end *end, uint32_t i)
{
    return &end->sent[(end->sent_first + i) % end->sent_room];
}

static bool grow_sent(struct hf_explain *explain, struct explain_talk *c, struct explain_end *end)
{
    uint32_t room = end->sent_room ? end->sent_room * 2 : 4;
    struct explain_sent *list = explain_grow(explain, c, NULL, 0, room * sizeof *list);
    if (!list)
        return false;
    for (uint32_t i = 0; i < end->sent_count; i++)
        list[i] = *sent_at(end, i);
    explain_drop(explain, c, end->sent, end->sent_room * sizeof *end->sent);
    end->sent = list;
    end->sent_room = room;
    end->sent_first = 0;
    return true;
}

static void push_sent(struct hf_explain *explain, struct explain_talk *c, struct explain_end *end,
                      const struct explain_segment *s, uint32_t seq)
{
    if (end->sent_count == EXPLAIN_SENT_MAX) {
        end->sent_first = (end->sent_first + 1) % end->sent_room;
        end->sent_count--;
    } else if (end->sent_count == end->sent_room && !grow_sent(explain, c, end)) {
        return;
    }
    *sent_at(end, end->sent_count++) = (struct explain_sent){.first = s->time,
                                                             .last = s->time,
                                                             .packet = s->packet,
                                                             .seq = seq,
                                                             .end = s->seq + segment_len(s),
                                                             .tsval = s->tsval,
                                                             .ip_id = s->ip_id,
                                                             .times = 1};
}

/* The segment under way that holds a number, or NULL. They lie in order. */
static struct explain_sent *find_sent(const struct explain_end *end, uint32_t seq)
{
    uint32_t low = 0, high = end->sent_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (seq_le(sent_at(end, middle)->end, seq))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == end->sent_count || seq_lt(seq, sent_at(end, low)->seq))
        return NULL;
    return sent_at(end, low);
}

/* ---- Holes ---- */

static void make_hole(struct explain_end *end, const struct explain_segment *s)
{
    if (end->holes == EXPLAIN_HOLES) {
        memmove(end->hole, end->hole + 1, (EXPLAIN_HOLES - 1) * sizeof *end->hole);
        end->holes--;
    }
    end->hole[end->holes++] = (struct explain_hole){
        .time = s->time, .from = end->next_seq, .to = s->seq, .tsval = s->tsval};
}

static void remove_hole(struct explain_end *end, uint32_t i)
{
    end->holes--;
    memmove(&end->hole[i], &end->hole[i + 1], (end->holes - i) * sizeof *end->hole);
}

/* Take what a segment holds out of the hole that it fills. Returns whether it fills one, and that
 * hole as it was. */
static bool fill_hole(struct explain_end *end, const struct explain_segment *s,
                      struct explain_hole *was, uint32_t *bytes)
{
    uint32_t last = s->seq + segment_len(s);
    for (uint32_t i = 0; i < end->holes; i++) {
        struct explain_hole *hole = &end->hole[i];
        if (seq_le(hole->to, s->seq) || seq_le(last, hole->from))
            continue;
        *was = *hole;
        uint32_t from = seq_lt(hole->from, s->seq) ? s->seq : hole->from;
        uint32_t to = seq_lt(last, hole->to) ? last : hole->to;
        *bytes = to - from;
        if (from == hole->from && to == hole->to) {
            remove_hole(end, i);
        } else if (from == hole->from) {
            hole->from = to;
        } else {
            struct explain_hole rest = *hole;
            hole->to = from;
            rest.from = to;
            if (to != rest.to && end->holes < EXPLAIN_HOLES)
                end->hole[end->holes++] = rest;
        }
        return true;
    }
    return false;
}

static bool was_overtaken(const struct explain_talk *c, const struct explain_hole *hole,
                          const struct explain_segment *s)
{
    if (s->has_ts && seq_lt(s->tsval, hole->tsval))
        return true;
    if (s->has_ts && seq_lt(hole->tsval, s->tsval))
        return false;
    hf_time rtt = explain_rtt(c);
    return s->time - hole->time < (rtt > 0 ? rtt - rtt / 10 : REORDER_LIMIT);
}

/* ---- Which kind ---- */

static enum hf_explain_event_kind told_kind(const struct explain_segment *s)
{
    switch (s->reason) {
    case HF_SEND_RTO:
        return HF_EXPLAIN_RTO;
    case HF_SEND_FAST:
    case HF_SEND_PARTIAL:
    case HF_SEND_LOST:
        return HF_EXPLAIN_FAST;
    case HF_SEND_TLP:
        return HF_EXPLAIN_TLP;
    case HF_SEND_PROBE:
        return HF_EXPLAIN_WINDOW_PROBE;
    case HF_SEND_KEEPALIVE:
        return HF_EXPLAIN_KEEP_ALIVE;
    default:
        return HF_EXPLAIN_RESENT;
    }
}

static bool is_tail_probe(const struct explain_talk *c, const struct explain_end *own,
                          const struct explain_segment *s, hf_time since, unsigned times)
{
    uint32_t end = s->seq + segment_len(s);
    bool sack = c->told.end[0].sack_permitted && c->told.end[1].sack_permitted;
    if (end != own->next_seq || times > 1 || own->dup_acks > 0 || own->has_sacked)
        return false;
    if (own->has_acked && seq_lt(own->acked, s->seq))
        return true; /* a timeout would have sent the first one again */
    hf_time rtt = explain_rtt(c);
    return sack && rtt > 0 && since <= 2 * rtt + TLP_LIMIT;
}

static enum hf_explain_event_kind kind_of(const struct explain_talk *c, int e,
                                          const struct explain_segment *s, hf_time last,
                                          unsigned times)
{
    const struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    hf_time since = s->time - last;
    bool asked_for = own->dup_acks >= 3 || (own->has_sacked && seq_lt(s->seq, own->sacked));
    bool soon = other->seen && s->time - other->heard <= explain_rtt(c) + CLOCKED;

    if (s->told && s->reason != HF_SEND_NEW)
        return told_kind(s);
    if ((s->flags & HF_SYN) != 0)
        return HF_EXPLAIN_RTO;
    if (is_tail_probe(c, own, s, since, times))
        return HF_EXPLAIN_TLP;
    if (asked_for && soon && !own->timed_out)
        return HF_EXPLAIN_FAST;
    if (own->timed_out && seq_lt(s->seq, own->recover))
        return HF_EXPLAIN_RTO; /* what follows the timeout is its doing */
    if (since >= TIMEOUT_LIKE)
        return HF_EXPLAIN_RTO;
    return asked_for ? HF_EXPLAIN_FAST : HF_EXPLAIN_RESENT;
}

static void remember_resend(struct hf_explain *explain, struct explain_talk *c,
                            struct explain_end *own, const struct explain_segment *s)
{
    size_t size = EXPLAIN_RESENDS * sizeof *own->resend;
    if (!own->resend) {
        own->resend = explain_grow(explain, c, NULL, 0, size);
        if (!own->resend)
            return;
        memset(own->resend, 0, size);
    }
    own->resend[own->resend_next++ % EXPLAIN_RESENDS] =
        (struct explain_resend){s->packet, s->seq, s->seq + segment_len(s)};
}

static bool is_copy(const struct explain_sent *sent, const struct explain_segment *s)
{
    hf_time since = s->time - sent->last;
    bool same = sent->seq == s->seq && sent->end == s->seq + segment_len(s) &&
                sent->tsval == s->tsval && sent->ip_id == s->ip_id && !s->told;
    return same && since < (s->ip_id ? COPY_LIMIT : COPY_LIMIT_BLIND);
}

/* Text that was sent before, or jumped over. */
static void see_again(struct hf_explain *explain, struct explain_talk *c, int e,
                      const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e];
    struct explain_hole hole;
    struct hf_explain_event more = {.bytes = s->text};
    struct explain_sent *sent = find_sent(own, s->seq);
    uint32_t filled = 0;
    bool fills = fill_hole(own, s, &hole, &filled);
    hf_time last = sent ? sent->last : fills ? hole.time : own->heard;
    unsigned times = sent ? sent->times : 1;

    c->told.end[e].bytes += filled;
    if (fills && was_overtaken(c, &hole, s) && !(s->told && s->reason != HF_SEND_NEW)) {
        explain_event(explain, c, s, e, HF_EXPLAIN_REORDERED, &more);
        return;
    }
    if (sent && is_copy(sent, s)) {
        explain_event(explain, c, s, e, HF_EXPLAIN_DUPLICATED, &more);
        return;
    }
    enum hf_explain_event_kind kind = kind_of(c, e, s, last, times);
    explain_event(explain, c, s, e, kind, &more);
    if (own->has_acked && seq_le(s->seq + segment_len(s), own->acked)) {
        struct hf_explain_event needless = {.about = s->packet, .bytes = s->text};
        explain_event(explain, c, s, e, HF_EXPLAIN_SPURIOUS, &needless);
    } else {
        remember_resend(explain, c, own, s);
    }
    if (kind == HF_EXPLAIN_RTO && !own->timed_out) {
        own->timed_out = true;
        own->recover = own->next_seq;
    }
    if (sent) {
        sent->last = s->time;
        sent->packet = s->packet;
        sent->tsval = s->tsval;
        sent->ip_id = s->ip_id;
        if (sent->times < UINT8_MAX)
            sent->times++;
    }
}

/* ---- Probes ---- */

/* Returns whether it is a probe: of a closed window, or of a connection with nothing to say.
 * RFC 9293 3.8.4, 3.8.6.1. */
static bool see_probe(struct hf_explain *explain, struct explain_talk *c, int e,
                      const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    bool closed = other->zero_since != HF_NEVER;
    bool below = s->seq + 1 == own->next_seq;
    if ((s->flags & (HF_SYN | HF_FIN | HF_ACK)) != HF_ACK || s->text > 1 || !own->has_acked)
        return false;
    if (closed && s->text == 0 && !below && s->seq + 1 != own->acked)
        return false;
    if (closed && s->text == 1 && s->seq != own->acked && !below)
        return false;
    if (!closed && (!below || own->next_seq != own->acked || !own->seen))
        return false;
    if (s->told && s->reason != HF_SEND_PROBE && s->reason != HF_SEND_KEEPALIVE)
        return false;
    explain_event(explain, c, s, e, closed ? HF_EXPLAIN_WINDOW_PROBE : HF_EXPLAIN_KEEP_ALIVE, NULL);
    own->asked = true;
    own->probes++;
    if (s->text == 1 && s->seq == own->next_seq) {
        own->has_probe = true;
        own->probe_seq = s->seq;
        own->next_seq++;
        c->told.end[e].bytes++;
    }
    return true;
}

/* ---- Text ---- */

static void see_new(struct hf_explain *explain, struct explain_talk *c, int e,
                    const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    uint32_t end = s->seq + segment_len(s);
    uint32_t new = end - own->next_seq;
    if (seq_lt(own->next_seq, s->seq) && c->told.end[e].packets > 0) {
        struct hf_explain_event more = {.bytes = s->seq - own->next_seq};
        make_hole(own, s);
        explain_event(explain, c, s, e, HF_EXPLAIN_GAP, &more);
        new = end - s->seq;
    }
    new -= (s->flags & HF_FIN) != 0;
    c->told.end[e].bytes += new > s->text ? s->text : new;
    push_sent(explain, c, own, s, seq_lt(s->seq, own->next_seq) ? own->next_seq : s->seq);
    own->next_seq = end;
    bool full = s->text > 0 && other->has_window && other->window > 0 && own->has_acked &&
                end == own->acked + other->window;
    if (full && !own->full_told) {
        own->full_told = true;
        explain_event(explain, c, s, e, HF_EXPLAIN_WINDOW_FULL, NULL);
    }
}

static bool repeats_syn(const struct explain_end *own, const struct explain_segment *s)
{
    bool first_answer = (s->flags & HF_ACK) != 0 && !own->syn_acked;
    return own->next_seq == s->seq + 1 + s->text && !first_answer;
}

void explain_text(struct hf_explain *explain, struct explain_talk *c, int e,
                  const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e];
    uint32_t end = s->seq + segment_len(s);
    if (s->text > 0) {
        own->unanswered += s->text;
        c->end[1 - e].unanswered = 0;
        c->last_text_end = (uint8_t)e;
        c->last_text_packet = s->packet;
    }
    if (see_probe(explain, c, e, s) || end == s->seq)
        return;
    bool after_probe = own->has_probe && s->seq == own->probe_seq && seq_lt(own->next_seq, end);
    own->has_probe = own->has_probe && !after_probe;
    if ((s->flags & HF_SYN) != 0 && own->next_seq != s->seq && !repeats_syn(own, s)) {
        own->syn_acked = true; /* a simultaneous open: the SYN again, with an ACK now */
        return;
    }
    own->syn_acked = own->syn_acked || (s->flags & (HF_SYN | HF_ACK)) == (HF_SYN | HF_ACK);
    if (seq_le(own->next_seq, s->seq) || after_probe) {
        see_new(explain, c, e, s);
        return;
    }
    see_again(explain, c, e, s);
    if (seq_lt(own->next_seq, end))
        see_new(explain, c, e, s);
}

/* ---- Acknowledgements ---- */

/* Returns whether the first block reports what had arrived before. RFC 2883 4. */
static bool is_dsack(const struct explain_segment *s)
{
    if (s->sacks == 0)
        return false;
    if (seq_le(s->sack[0][1], s->ack))
        return true;
    return s->sacks > 1 && seq_le(s->sack[1][0], s->sack[0][0]) &&
           seq_le(s->sack[0][1], s->sack[1][1]);
}

static void see_dsack(struct hf_explain *explain, struct explain_talk *c, int e,
                      const struct explain_segment *s)
{
    struct explain_end *other = &c->end[1 - e];
    for (int i = 0; other->resend && i < EXPLAIN_RESENDS; i++) {
        struct explain_resend *resend = &other->resend[i];
        if (resend->packet == 0 || seq_le(resend->end, s->sack[0][0]) ||
            seq_le(s->sack[0][1], resend->seq))
            continue;
        struct hf_explain_event more = {.about = resend->packet,
                                        .bytes = resend->end - resend->seq};
        explain_event(explain, c, s, 1 - e, HF_EXPLAIN_SPURIOUS, &more);
        resend->packet = 0;
        return;
    }
}

static void see_sacks(struct hf_explain *explain, struct explain_talk *c, int e,
                      const struct explain_segment *s)
{
    struct explain_end *other = &c->end[1 - e];
    int i = 0;
    if (is_dsack(s)) {
        see_dsack(explain, c, e, s);
        i = 1;
    }
    for (; i < s->sacks; i++) {
        uint32_t end = s->sack[i][1];
        if (seq_le(end, s->ack) || seq_lt(other->next_seq, end))
            continue;
        if (!other->has_sacked || seq_lt(other->sacked, end))
            other->sacked = end;
        other->has_sacked = true;
    }
}

static void take_rtt(struct hf_explained_end *told, hf_time sample)
{
    told->srtt = told->srtt == 0 ? sample : told->srtt + (sample - told->srtt) / 8;
}

static void pop_sent(struct hf_explain *explain, struct explain_talk *c, int e,
                     const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e];
    hf_time sample = -1, waited = 0;
    bool again = false;
    while (own->sent_count > 0) {
        struct explain_sent *sent = sent_at(own, 0);
        if (seq_lt(s->ack, sent->end))
            break;
        if (waited == 0) {
            hf_time from = sent->first > own->advanced_at ? sent->first : own->advanced_at;
            waited = s->time - from;
            again = sent->times > 1;
        }
        sample = sent->times == 1 ? s->time - sent->last : -1; /* Karn */
        own->sent_first = (own->sent_first + 1) % own->sent_room;
        own->sent_count--;
    }
    if (sample >= 0)
        take_rtt(&c->told.end[e], sample);
    if (again && waited >= explain->config.stall && c->open) {
        struct hf_explain_event more = {.duration = waited};
        explain_event(explain, c, s, e, HF_EXPLAIN_STALL_ACK, &more);
    }
    own->advanced_at = s->time;
}

/* What was acknowledged and never seen was not captured. */
static void close_holes(struct hf_explain *explain, struct explain_talk *c, int e,
                        const struct explain_segment *s)
{
    struct explain_end *own = &c->end[1 - e];
    uint32_t missing = 0;
    for (uint32_t i = 0; i < own->holes;) {
        if (seq_lt(own->hole[i].from, s->ack) && seq_le(own->hole[i].to, s->ack)) {
            missing += own->hole[i].to - own->hole[i].from;
            remove_hole(own, i);
        } else {
            i++;
        }
    }
    if (missing == 0)
        return;
    struct hf_explain_event more = {.bytes = missing};
    c->told.end[1 - e].bytes += missing;
    explain_event(explain, c, s, e, HF_EXPLAIN_UNCAPTURED, &more);
}

void explain_acked(struct hf_explain *explain, struct explain_talk *c, int e,
                   const struct explain_segment *s, bool advanced)
{
    struct explain_end *other = &c->end[1 - e];
    if (advanced) {
        other->dup_acks = 0;
        other->full_told = false;
        if (other->holes > 0)
            close_holes(explain, c, e, s);
        if (other->has_sacked && seq_le(other->sacked, s->ack))
            other->has_sacked = false;
        if (other->timed_out && seq_le(other->recover, s->ack))
            other->timed_out = false;
    }
    if (other->sent_count > 0 && seq_le(sent_at(other, 0)->end, s->ack))
        pop_sent(explain, c, 1 - e, s);
    if (s->sacks > 0)
        see_sacks(explain, c, e, s);
}
