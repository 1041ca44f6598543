/* One segment of a connection, in the order in which it is understood: how long nothing came before
 * it, what its sender's state says, RST, SYN, text, FIN, then what it acknowledges and the window it
 * offers. */
#include "explain.h"


/* ---- Waiting ---- */

bool explain_all_acked(const struct explain_end *end)
{
    return !end->has_acked || seq_le(end->next_seq, end->acked);
}

/* Nothing came for a while, and nothing was under way: somebody's application had nothing to say.
 * Who speaks now is the one that was waited for. */
static void note_quiet(struct hf_explain *explain, struct explain_talk *c, int e,
                       const struct explain_segment *s)
{
    hf_time quiet = s->time - c->told.last_time;
    bool speaks = s->text > 1 || (s->flags & HF_FIN) != 0;
    if (quiet < explain->config.stall || !speaks || !c->open || c->over)
        return;
    for (int i = 0; i < 2; i++)
        if (!explain_all_acked(&c->end[i]) || c->end[i].zero_since != HF_NEVER)
            return;
    struct hf_explain_event more = {.duration = quiet};
    explain_event(explain, c, s, 1 - e, HF_EXPLAIN_STALL_QUIET, &more);
}

/* ---- States ---- */

static struct inferred_end facts(const struct explain_end *end)
{
    return (struct inferred_end){.isn = end->isn,
                                 .fin_seq = end->fin_seq,
                                 .state = end->state,
                                 .fin_sent = end->fin_sent};
}

/* What its sending says, before its numbers are noted. */
static void infer_sender(struct explain_talk *c, int e, const struct explain_segment *s)
{
    struct inferred_end own = facts(&c->end[e]), other = facts(&c->end[1 - e]);
    if (!c->told.end[e].told)
        c->end[e].state = hf_infer_sent(&own, &other, s->flags, s->ack);
    if (s->flags & HF_ACK && other.fin_sent && seq_lt(other.fin_seq, s->ack))
        c->end[1 - e].acked_fin = true;
}

/* And what it leads to at the other end. An end that never spoke was there before the capture. */
static void infer_receiver(struct explain_talk *c, int e, const struct explain_segment *s)
{
    struct explain_end *other = &c->end[1 - e];
    struct inferred_end own = facts(other);
    if (c->told.end[1 - e].told)
        return;
    other->state = hf_infer_received(&own, s->flags, s->ack);
    bool silent = !other->seen && other->state == HF_CLOSED;
    if (silent && (s->flags & (HF_ACK | HF_SYN | HF_RST)) == HF_ACK)
        other->state = HF_ESTABLISHED;
}

/* ---- RST ---- */

/* Whether the other end takes it: its number is what that one waits for, or the reset answers a SYN.
 * RFC 9293 3.10.7.3, 3.10.7.4; RFC 5961 3.2. A capture may have missed the last acknowledgements. */
static bool reset_fits(const struct explain_talk *c, int e, const struct explain_segment *s)
{
    const struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    if (other->state == HF_SYN_SENT && !own->seen)
        return (s->flags & HF_ACK) != 0 && s->ack == other->next_seq;
    if (!own->has_acked && !own->seen)
        return true;
    if (own->has_acked && s->seq == own->acked)
        return true;
    uint32_t low = own->has_acked ? own->acked : own->isn;
    return seq_le(low, s->seq) && seq_le(s->seq, own->next_seq + 1);
}

static void see_reset(struct hf_explain *explain, struct explain_talk *c, int e,
                      const struct explain_segment *s)
{
    if (!reset_fits(c, e, s)) {
        explain_event(explain, c, s, e, HF_EXPLAIN_RESET_IGNORED, NULL);
        return;
    }
    if (c->told.reset_packet) {
        explain_event(explain, c, s, e, HF_EXPLAIN_RESET, NULL);
        return;
    }
    bool was_over = c->over;
    c->told.reset_cause = (uint8_t)explain_reset_cause(c, e, s);
    c->told.reset_packet = s->packet;
    c->told.reset_by = (uint8_t)e;
    if (c->end[e].ttl && s->ttl && c->end[e].ttl != s->ttl) {
        c->told.reset_ttl = s->ttl;
        c->told.usual_ttl = c->end[e].ttl;
    }
    explain_event(explain, c, s, e, HF_EXPLAIN_RESET, NULL);
    if (!was_over) {
        infer_sender(c, e, s);
        infer_receiver(c, e, s);
        c->over = true;
    }
}

/* ---- SYN and FIN ---- */

static void see_syn(struct hf_explain *explain, struct explain_talk *c, int e,
                    const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    struct hf_explained_end *told = &c->told.end[e];
    if (own->has_isn)
        return;
    own->has_isn = true;
    own->isn = s->seq;
    own->wscale = told->wscale = s->wscale;
    told->mss = s->mss;
    told->sack_permitted = s->sack_permitted;
    told->timestamps = s->has_ts;
    told->syn = s->packet;
    if ((s->flags & HF_ACK) == 0 && other->has_isn && !other->acked_fin && !c->open)
        explain_event(explain, c, s, e, HF_EXPLAIN_SIMULTANEOUS_OPEN, NULL);
}

static void see_fin(struct hf_explain *explain, struct explain_talk *c, int e,
                    const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    if (own->fin_sent)
        return;
    own->fin_sent = true;
    own->fin_seq = s->seq + s->text;
    c->told.end[e].fin = s->packet;
    bool knows = (s->flags & HF_ACK) != 0 && other->fin_sent && seq_lt(other->fin_seq, s->ack);
    if (!other->fin_sent)
        c->told.closed_first = (uint8_t)e;
    else if (!knows && !other->acked_fin)
        explain_event(explain, c, s, e, HF_EXPLAIN_SIMULTANEOUS_CLOSE, NULL);
}

/* ---- Acknowledgements and windows ---- */

static uint32_t window_of(const struct explain_talk *c, int e, const struct explain_segment *s)
{
    bool both = c->end[0].wscale != 0xff && c->end[1].wscale != 0xff;
    if (s->scaled || (s->flags & HF_SYN) != 0 || !both)
        return s->window;
    return s->window << c->end[e].wscale;
}

/* The window that end e offers opens, or closes. */
static void see_window(struct hf_explain *explain, struct explain_talk *c, int e,
                       const struct explain_segment *s, bool bare, bool same_ack)
{
    struct explain_end *own = &c->end[e];
    uint32_t window = window_of(c, e, s);
    bool plain = (s->flags & (HF_SYN | HF_FIN | HF_RST)) == 0;
    if (window == 0 && plain) {
        explain_event(explain, c, s, e, HF_EXPLAIN_ZERO_WINDOW, NULL);
        if (own->zero_since == HF_NEVER) {
            own->zero_since = s->time;
            own->zero_packet = s->packet;
        }
    } else if (bare && same_ack && own->has_window && window != own->window && plain &&
               s->sacks == 0) {
        explain_event(explain, c, s, e, HF_EXPLAIN_WINDOW_UPDATE, NULL);
    }
    if (window > 0 && own->zero_since != HF_NEVER) {
        struct hf_explain_event more = {.duration = s->time - own->zero_since};
        if (more.duration >= explain->config.stall)
            explain_event(explain, c, s, 1 - e, HF_EXPLAIN_STALL_WINDOW, &more);
        own->zero_since = HF_NEVER;
    }
    if (window != own->window)
        c->end[1 - e].full_told = false;
    own->window = window;
    own->has_window = true;
}

static bool is_duplicate(const struct explain_talk *c, int e, const struct explain_segment *s,
                         bool bare, bool same_ack)
{
    const struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    if (!bare || !same_ack || (s->flags & (HF_SYN | HF_FIN | HF_RST)) != 0 || other->asked)
        return false;
    if (!own->has_window || s->seq != own->next_seq)
        return false;
    bool same_window = window_of(c, e, s) == own->window;
    bool under_way = seq_lt(s->ack, other->next_seq);
    return s->sacks > 0 || (same_window && under_way);
}

/* What was never seen is acknowledged: the capture lost it, or saw one direction only. */
static void note_uncaptured(struct hf_explain *explain, struct explain_talk *c, int e,
                            const struct explain_segment *s)
{
    struct explain_end *other = &c->end[1 - e];
    uint32_t missing = s->ack - other->next_seq;
    bool one_sided = !other->seen;
    other->next_seq = s->ack;
    if (one_sided || missing > 1u << 30)
        return;
    c->told.end[1 - e].bytes += missing;
    struct hf_explain_event more = {.bytes = missing};
    explain_event(explain, c, s, e, HF_EXPLAIN_UNCAPTURED, &more);
}

static void see_ack(struct hf_explain *explain, struct explain_talk *c, int e,
                    const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    bool bare = s->text == 0;
    bool same_ack = other->has_acked && s->ack == other->acked;
    bool advanced = other->has_acked && seq_lt(other->acked, s->ack);
    bool first = !other->has_acked;

    if (first && !other->seen)
        other->next_seq = s->ack;
    if (seq_lt(other->next_seq, s->ack) && (other->seen || advanced))
        note_uncaptured(explain, c, e, s);
    if (own->asked == false && other->asked && bare && same_ack && other->probes > 0 &&
        own->zero_since == HF_NEVER && window_of(c, e, s) > 0)
        explain_event(explain, c, s, e, HF_EXPLAIN_KEEP_ALIVE_ACK, NULL);
    if (is_duplicate(c, e, s, bare, same_ack)) {
        other->dup_acks++;
        explain_event(explain, c, s, e, HF_EXPLAIN_DUPLICATE_ACK, NULL);
    }
    bool newer = first || seq_le(other->acked, s->ack);
    if (newer)
        see_window(explain, c, e, s, bare, same_ack && !other->asked);
    explain_acked(explain, c, e, s, advanced);
    if (newer) {
        other->acked = s->ack;
        other->has_acked = true;
    }
    other->asked = false;
    other->probes = 0;
    if (other->fin_sent && seq_lt(other->fin_seq, s->ack) && !c->told.end[1 - e].fin_acked)
        c->told.end[1 - e].fin_acked = s->packet;
}

/* ---- Milestones ---- */

static void note_open(struct hf_explain *explain, struct explain_talk *c, int e,
                      const struct explain_segment *s)
{
    const struct explain_end *first = &c->end[0], *second = &c->end[1];
    if (c->open || first->state < HF_ESTABLISHED || !first->has_isn || !second->has_isn)
        return;
    if ((s->flags & HF_SYN) != 0 || e != 0)
        return;
    c->open = true;
    c->told.handshake = s->time - c->told.first_time;
    for (uint32_t i = 0; i < c->told.event_count; i++)
        if (c->events[i].kind <= HF_EXPLAIN_TLP && c->events[i].kind >= HF_EXPLAIN_RTO)
            c->told.handshake = 0; /* a round trip and a timeout */
    explain_event(explain, c, s, 0, HF_EXPLAIN_OPENED, NULL);
}

static void note_over(struct explain_talk *c, const struct explain_segment *s)
{
    if (c->over || !c->end[0].acked_fin || !c->end[1].acked_fin)
        return;
    c->over = true;
    c->told.last_ack = s->packet;
}

static void note_half_close(struct hf_explain *explain, struct explain_talk *c, int e,
                            const struct explain_segment *s)
{
    const struct explain_end *other = &c->end[1 - e];
    bool knows = other->fin_sent && other->acked_fin;
    if (knows && s->text > 0 && c->told.end[e].counts[HF_EXPLAIN_HALF_CLOSE] == 0)
        explain_event(explain, c, s, e, HF_EXPLAIN_HALF_CLOSE, NULL);
}

static void count(struct explain_talk *c, int e, const struct explain_segment *s)
{
    c->told.last_time = s->time;
    c->told.last_packet = s->packet;
    c->told.end[e].packets++;
    c->told.end[e].seen = 1;
    c->end[e].heard = s->time;
    if ((s->flags & HF_RST) == 0 && s->ttl)
        c->end[e].ttl = s->ttl;
}

static void show(struct hf_explain *explain, struct explain_talk *c, int e,
                 const struct explain_segment *s, const uint8_t before[2])
{
    if (!explain->config.segment || explain->config.watch != c->told.number)
        return;
    struct hf_explained_segment shown = {
        .time = s->time,
        .packet = s->packet,
        .events = c->showing,
        .seq = s->seq,
        .ack = s->ack,
        .from_isn = {c->end[e].isn, c->end[1 - e].isn},
        .text = s->text,
        .window = window_of(c, e, s),
        .sack = {s->sack[0][0], s->sack[0][1]},
        .flags = s->flags,
        .sacks = s->sacks,
        .from = (uint8_t)e,
    };
    for (int i = 0; i < 2; i++) {
        shown.state[i] = c->end[i].state;
        shown.changed[i] = c->end[i].state != before[i];
    }
    explain->config.segment(explain->config.context, &c->told, &shown);
}

/* An end that is first heard in the middle: its numbers begin here. */
static void note_numbers(struct explain_talk *c, int e, const struct explain_segment *s)
{
    struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    if (!own->seen) {
        if (!own->has_isn)
            own->isn = s->seq - 1;
        if (!own->has_acked || seq_lt(own->next_seq, s->seq))
            own->next_seq = s->seq;
    }
    if (!other->seen && !other->has_isn && !other->has_acked && (s->flags & HF_ACK) != 0)
        other->isn = s->ack - 1;
    own->seen = true;
    own->tsval = s->has_ts ? s->tsval : own->tsval;
}

void explain_segment(struct hf_explain *explain, struct explain_talk *c, int e,
                     const struct explain_segment *s)
{
    const uint8_t before[2] = {c->end[0].state, c->end[1].state};
    note_quiet(explain, c, e, s);
    if ((s->flags & HF_RST) != 0) {
        see_reset(explain, c, e, s);
    } else {
        infer_sender(c, e, s);
        if ((s->flags & HF_SYN) != 0)
            see_syn(explain, c, e, s);
        note_numbers(c, e, s);
        note_half_close(explain, c, e, s);
        explain_text(explain, c, e, s);
        if ((s->flags & HF_FIN) != 0)
            see_fin(explain, c, e, s);
        if ((s->flags & HF_ACK) != 0)
            see_ack(explain, c, e, s);
        infer_receiver(c, e, s);
        note_open(explain, c, e, s);
        note_over(c, s);
    }
    count(c, e, s);
    show(explain, c, e, s, before);
    c->showing = 0;
}
