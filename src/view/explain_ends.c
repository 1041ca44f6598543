/* How a connection ended, the most likely cause of a reset, and who waited for whom. Nothing here
 * changes what is kept of a connection but its ending. */
#include "explain.h"

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
    bool reset_before =
        c->told.reset_packet != 0 && c->told.reset_cause != HF_EXPLAIN_RESET_AFTER_CLOSE;
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
