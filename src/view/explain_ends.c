/* How a connection ended, the most likely cause of a reset, who waited for whom, and all of that in
 * a sentence. Nothing here changes what is kept of a connection but its ending. */
#include "explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define UNANSWERED 3 /* retransmissions or probes without a word from the other end           */

/* ---- Resets ---- */

static bool answers(const struct explain_talk *c, int e, const struct explain_segment *s)
{
    return (s->flags & HF_ACK) == 0 && c->end[e].has_acked && s->seq == c->end[e].acked;
}

/* Resends and probes of end e since the other end was last heard. */
static unsigned in_vain(const struct explain_talk *c, int e, bool probes)
{
    const struct explain_end *own = &c->end[e];
    if (probes)
        return own->probes;
    unsigned times = 0;
    if (own->sent_count > 0)
        times = own->sent[own->sent_first].times;
    return c->end[1 - e].heard < own->heard ? times : 0;
}

enum hf_explain_reset explain_reset_cause(const struct explain_talk *c, int e,
                                          const struct explain_segment *s)
{
    const struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    if (c->over)
        return HF_EXPLAIN_RESET_AFTER_CLOSE;
    if (other->state == HF_SYN_SENT && !own->seen)
        return HF_EXPLAIN_RESET_REFUSED;
    if (!c->open && !own->has_isn && other->has_isn)
        return HF_EXPLAIN_RESET_STALE;
    if (!c->open)
        return HF_EXPLAIN_RESET_CANCELLED;
    if (own->fin_sent && other->unanswered > 0)
        return HF_EXPLAIN_RESET_DATA_AFTER_CLOSE;
    if (in_vain(c, e, true) >= UNANSWERED)
        return HF_EXPLAIN_RESET_KEEP_ALIVE;
    if (in_vain(c, e, false) > UNANSWERED)
        return HF_EXPLAIN_RESET_GAVE_UP;
    if (answers(c, e, s))
        return HF_EXPLAIN_RESET_UNKNOWN_CONNECTION;
    /* Who never answered may never have read; who did may have read this too. */
    if (other->unanswered > 0)
        return c->told.end[e].bytes == 0 ? HF_EXPLAIN_RESET_UNREAD_DATA : HF_EXPLAIN_RESET_ABRUPT;
    return HF_EXPLAIN_RESET_ABORTED;
}

/* ---- Endings ---- */

static enum hf_explain_ending ending_of(const struct explain_talk *c)
{
    const struct explain_end *a = &c->end[0], *b = &c->end[1];
    bool reset_before = c->told.reset_packet != 0 &&
                        c->told.reset_cause != HF_EXPLAIN_RESET_AFTER_CLOSE;
    if (reset_before)
        return c->told.reset_cause == HF_EXPLAIN_RESET_REFUSED ? HF_EXPLAIN_END_REFUSED
                                                               : HF_EXPLAIN_END_RESET;
    if (a->acked_fin && b->acked_fin)
        return HF_EXPLAIN_END_CLOSED;
    if (!a->has_isn && !b->has_isn && !a->seen && !b->seen)
        return HF_EXPLAIN_END_NOT_FOLLOWED;
    if (!c->open && a->has_isn && !b->seen)
        return HF_EXPLAIN_END_NO_ANSWER;
    if (!c->open)
        return HF_EXPLAIN_END_HALF_OPEN;
    if (a->fin_sent && b->fin_sent)
        return HF_EXPLAIN_END_CLOSING;
    if (a->fin_sent || b->fin_sent)
        return HF_EXPLAIN_END_HALF_CLOSED;
    return HF_EXPLAIN_END_OPEN;
}

static enum hf_explain_wait wait_of(const struct explain_talk *c, int e)
{
    const struct explain_end *own = &c->end[e], *other = &c->end[1 - e];
    if (c->over)
        return HF_EXPLAIN_WAIT_NOTHING;
    if (own->seen && !explain_all_acked(own))
        return HF_EXPLAIN_WAIT_ACK;
    if (other->zero_since != HF_NEVER)
        return HF_EXPLAIN_WAIT_WINDOW;
    if (c->last_text_packet && c->last_text_end == e)
        return HF_EXPLAIN_WAIT_APPLICATION;
    return HF_EXPLAIN_WAIT_NOTHING;
}

void explain_ending(struct explain_talk *c)
{
    c->told.ending = (uint8_t)ending_of(c);
    for (int e = 0; e < 2; e++) {
        const struct explain_end *end = &c->end[e];
        struct hf_explained_end *told = &c->told.end[e];
        told->state = end->state;
        told->wait = (uint8_t)wait_of(c, e);
        told->unacked = end->seen && end->has_acked && seq_lt(end->acked, end->next_seq)
                            ? end->next_seq - end->acked
                            : 0;
    }
}

/* ---- The sentence ---- */

struct words {
    char *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
    va_list list;
    size_t room = HF_EXPLAIN_SENTENCE - words->len;
    va_start(list, format);
    int len = vsnprintf(words->text + words->len, room, format, list);
    va_end(list);
    if (len > 0)
        words->len += (size_t)len < room ? (size_t)len : room - 1;
}

static char name(int e)
{
    return e == 0 ? 'A' : 'B';
}

static void say_packet(struct words *words, const char *before, uint64_t packet)
{
    if (packet)
        say(words, "%s#%" PRIu64, before, packet);
}

/* " (#5)", or nothing. */
static void say_where(struct words *words, uint64_t packet)
{
    if (packet)
        say(words, " (#%" PRIu64 ")", packet);
}

static uint64_t resends(const struct hf_explained_end *end)
{
    return (uint64_t)end->counts[HF_EXPLAIN_RTO] + end->counts[HF_EXPLAIN_FAST] +
           end->counts[HF_EXPLAIN_TLP] + end->counts[HF_EXPLAIN_RESENT];
}

static void say_reset(struct words *words, const struct hf_explained *c)
{
    int by = c->reset_by;
    const struct hf_explained_end *end = &c->end[by];
    say(words, "Reset by %c (#%" PRIu64 ")", name(by), c->reset_packet);
    if (end->told && end->cause != HF_CAUSE_NONE) {
        say(words, ": %s", hf_cause_text(end->cause));
    } else {
        say(words, ", most likely because %s", hf_explain_reset_text(c->reset_cause));
        if (c->reset_cause == HF_EXPLAIN_RESET_DATA_AFTER_CLOSE)
            say_packet(words, ", FIN ", end->fin);
    }
    if (c->reset_ttl != c->usual_ttl)
        say(words, "; its TTL is %u where %c's other packets have %u: something between the ends sent it",
            c->reset_ttl, name(by), c->usual_ttl);
}

static void say_closed(struct words *words, const struct hf_explained *c)
{
    int first = c->closed_first;
    if (c->end[0].counts[HF_EXPLAIN_SIMULTANEOUS_CLOSE] +
        c->end[1].counts[HF_EXPLAIN_SIMULTANEOUS_CLOSE]) {
        say(words, "Closed by both at once (FIN #%" PRIu64 " and #%" PRIu64 ")", c->end[first].fin,
            c->end[1 - first].fin);
    } else {
        say(words, "Closed in order: %c closed first (FIN #%" PRIu64 "), %c followed (FIN #%" PRIu64 ")",
            name(first), c->end[first].fin, name(1 - first), c->end[1 - first].fin);
    }
    say_packet(words, ", the last acknowledgement is ", c->last_ack);
    if (c->reset_packet)
        say(words, "; a reset after it (#%" PRIu64 ") did no harm", c->reset_packet);
}

static void say_waiting(struct words *words, const struct hf_explained *c)
{
    for (int e = 0; e < 2; e++) {
        const struct hf_explained_end *end = &c->end[e];
        if (end->wait == HF_EXPLAIN_WAIT_ACK && end->unacked > 0) {
            say(words, "; %c waits for the acknowledgement of %" PRIu32 " bytes", name(e),
                end->unacked);
            if (resends(end))
                say(words, ", %" PRIu64 " retransmissions in all", resends(end));
        } else if (end->wait == HF_EXPLAIN_WAIT_WINDOW) {
            say(words, "; %c waits for %c's application to read (zero window)", name(e),
                name(1 - e));
        } else if (end->wait == HF_EXPLAIN_WAIT_APPLICATION) {
            say(words, "; everything is acknowledged, %c waits for %c's application", name(e),
                name(1 - e));
        }
    }
}

static void say_unfinished(struct words *words, const struct hf_explained *c)
{
    int first = c->closed_first;
    switch (c->ending) {
    case HF_EXPLAIN_END_HALF_CLOSED:
        say(words, "Closed in one direction only: %c sent its FIN (#%" PRIu64 ")", name(first),
            c->end[first].fin);
        say(words, c->end[first].fin_acked ? ", acknowledged by #%" PRIu64 : "%.0" PRIu64,
            c->end[first].fin_acked);
        say(words, ", %c did not close before #%" PRIu64, name(1 - first), c->last_packet);
        break;
    case HF_EXPLAIN_END_CLOSING:
        say(words, "Both closed (FIN #%" PRIu64 ", #%" PRIu64 "), the last acknowledgement is missing",
            c->end[first].fin, c->end[1 - first].fin);
        break;
    default:
        say(words, "Still open at the last packet (#%" PRIu64 ")", c->last_packet);
        break;
    }
    say_waiting(words, c);
}

char *hf_explain_sentence(const struct hf_explained *c, char *text)
{
    struct words words = {text, 0};
    text[0] = 0;
    switch (c->ending) {
    case HF_EXPLAIN_END_REFUSED:
        say(&words, "Refused: %c answered the SYN", name(c->reset_by));
        say_where(&words, c->end[1 - c->reset_by].syn);
        say(&words, " with a reset (#%" PRIu64 "): %s", c->reset_packet,
            hf_explain_reset_text(c->reset_cause));
        break;
    case HF_EXPLAIN_END_RESET:
        say_reset(&words, c);
        break;
    case HF_EXPLAIN_END_CLOSED:
        say_closed(&words, c);
        break;
    case HF_EXPLAIN_END_NO_ANSWER:
        say(&words, "Not opened: %" PRIu64 " SYN%s of A (#%" PRIu64 " to #%" PRIu64
                    ") without an answer: nobody is there, or a firewall drops them",
            c->end[0].packets, c->end[0].packets == 1 ? "" : "s", c->first_packet,
            c->last_packet);
        break;
    case HF_EXPLAIN_END_HALF_OPEN:
        say(&words, "Half-open: B answered");
        say_packet(&words, " (SYN,ACK ", c->end[1].syn);
        say(&words, "%s, the third segment of A never came", c->end[1].syn ? ")" : "");
        break;
    case HF_EXPLAIN_END_NOT_FOLLOWED:
        say(&words, "Only resets were seen (#%" PRIu64 "): what they answer was not captured",
            c->first_packet);
        break;
    default:
        say_unfinished(&words, c);
        break;
    }
    if (c->put_aside)
        say(&words, "; told early, as there was no more room for it");
    say(&words, ".");
    return text;
}
