/* What SACK blocks tell of what was sent (RFC 2018, 2883), and which of it is lost by their count (RFC
 * 6675). The scoreboard is the list of sent records itself.
 *
 * A block counts for whole segments as they were sent: a peer that reports parts of segments cannot
 * make us cut what we keep into crumbs. Each block costs a search in the tree and what it newly
 * reports (rows C10, C11 of docs/attacks.md). SACKed text stays queued until it is acknowledged, for
 * the peer may take back what it said. */
#include "tcp/recovery.h"

/* RFC 2018 8, RFC 6675: what a block may name. */
static bool block_is_possible(const struct hf_tcp *c, const struct hf_sack_block *b)
{
    return hf_seq_lt(b->start, b->end) && hf_seq_ge(b->start, c->snd_una) &&
           hf_seq_le(b->end, c->snd_nxt);
}

/* RFC 2883 4: the first block lies below the acknowledgement, or inside the second block. */
static bool block_is_duplicate(const struct hf_seg *seg)
{
    const struct hf_sack_block *b = seg->options.sack;
    if (!hf_seq_lt(b[0].start, b[0].end))
        return false;
    if (hf_seq_le(b[0].end, seg->ack))
        return true;
    return seg->options.sacks > 1 && hf_seq_le(b[1].start, b[0].start) &&
           hf_seq_le(b[0].end, b[1].end);
}

/* The whole segments of one record within a block; returns the record that they are in now. */
static uint32_t mark_record(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                            uint32_t index, const struct hf_sack_block *b,
                            struct hf_delivery *d)
{
    struct hf_sent *s = hf_sent_at(env, index);
    hf_seq low = hf_sent_cut_above(s, b->start), high = hf_sent_cut_below(s, b->end);
    if (!hf_seq_lt(low, high))
        return index;
    if (low != s->start) {
        if (!hf_sent_split(env, &a->sent, index, low))
            return index; /* no memory: it is told again */
        index = s->next;
        s = hf_sent_at(env, index);
    }
    if (high != s->end && !hf_sent_split(env, &a->sent, index, high))
        return index;
    d->sacked += hf_sent_len(s);
    if (!(s->flags & HF_SENT_EVER_RESENT))
        d->sack_rtt = env->now - s->sent_at;
    hf_recovery_delivered(env, c, a, s, s->end, d);
    a->fack = hf_seq_max(a->fack, s->end);
    return hf_sent_sacked(env, &a->sent, index);
}

static void mark_block(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                       const struct hf_sack_block *b, struct hf_delivery *d)
{
    uint32_t i = hf_sent_find(env, &a->sent, b->start);
    while (i && hf_seq_lt(hf_sent_at(env, i)->start, b->end)) {
        env->sents_visited++;
        if (!(hf_sent_at(env, i)->flags & HF_SENT_SACKED))
            i = mark_record(env, c, a, i, b, d);
        i = hf_sent_at(env, i)->next;
    }
}

void hf_scoreboard_take(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                        const struct hf_seg *seg, struct hf_delivery *d)
{
    unsigned first = 0;
    if (block_is_duplicate(seg)) {
        d->dsack = true;
        first = 1;
    }
    for (unsigned i = first; i < seg->options.sacks; i++)
        if (block_is_possible(c, &seg->options.sack[i]))
            mark_block(env, c, a, &seg->options.sack[i], d);
}

/* How far down a search for the DupThresh-th SACKed segment goes: it delays what it does not find. */
enum { LOOK_MAX = 64 };

/* The highest record that has DupThresh SACKed segments, or more than (DupThresh - 1) SMSS octets,
 * above it. */
static uint32_t highest_lost(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    uint32_t threshold = env->settings->dupack_threshold;
    uint32_t segments = 0, bytes = 0;
    uint32_t i = hf_sent_find(env, &a->sent, a->fack - 1);
    for (unsigned looks = 0; i && looks < LOOK_MAX; looks++) {
        const struct hf_sent *s = hf_sent_at(env, i);
        env->sents_visited++;
        if (s->flags & HF_SENT_SACKED) {
            segments += s->segments;
            bytes += hf_sent_len(s);
        } else if (segments >= threshold || bytes > (threshold - 1) * c->mss) {
            return i;
        }
        i = s->prev;
    }
    return 0;
}

void hf_scoreboard_find_lost(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    uint32_t top = highest_lost(env, c, a), low = top;
    const uint8_t judged = HF_SENT_LOST | HF_SENT_EVER_RESENT;
    if (!top || hf_sent_at(env, top)->flags & judged)
        return;
    for (uint32_t i = top; i; i = hf_sent_at(env, i)->prev) { /* what is below was judged before */
        const struct hf_sent *s = hf_sent_at(env, i);
        env->sents_visited++;
        if (!(s->flags & HF_SENT_SACKED)) {
            if (s->flags & judged)
                break;
            low = i;
        }
    }
    for (uint32_t i = low;; i = hf_sent_at(env, i)->next) {
        if (!(hf_sent_at(env, i)->flags & HF_SENT_SACKED))
            hf_recovery_lost(env, c, a, i);
        if (i == top)
            return;
    }
}
