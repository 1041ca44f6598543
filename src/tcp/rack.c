/* Loss by time: RACK (RFC 8985 6). A segment is lost when one that was sent later has arrived, and a
 * round trip and a reordering window have passed since it was sent. That holds for retransmissions as
 * well, and needs no count of duplicates.
 *
 * The window is nothing until reordering was seen (then three SACKed segments start a recovery, as
 * ever), a quarter of the least round trip after that, and one quarter more for each round in which
 * D-SACK told that we were too hasty; SRTT at the most, and a tick of the clock. Records in flight stand in the order of their
 * transmission, so that a look at them ends at the first that is not yet due: the timer is set for
 * that one, and the work of an ACK is what it finds lost. */
#include "tcp/recovery.h"

enum { STEPS_MAX = 31, PERSIST = 16 };  /* RFC 8985 6.2 step 4: recoveries without a D-SACK      */

/* Ties of a coarse clock are broken by sequence. */
static bool sent_after(hf_time sent1, hf_seq end1, hf_time sent2, hf_seq end2)
{
    return sent1 > sent2 || (sent1 == sent2 && hf_seq_gt(end1, end2));
}

void hf_rack_start(const struct hf_tcp *c, struct hf_active *a)
{
    a->rack.reorder_at = HF_NEVER;
    a->rack.persist = c->reo_steps ? PERSIST : 0;
}

/* Step 1. Until there are samples, SRTT stands for the least. */
static hf_time min_rtt(const struct hf_tcp *c, const struct hf_active *a)
{
    return a->cc.min_rtt ? a->cc.min_rtt : c->srtt_us * HF_US;
}

/* Step 3: original text arrives behind text of a higher number. */
static void note_reordering(struct hf_tcp *c, struct hf_active *a, const struct hf_sent *s,
                            const struct hf_delivery *d)
{
    if (s->flags & HF_SENT_EVER_RESENT || !hf_seq_lt(s->start, d->fack))
        return;
    uint32_t degree = (d->fack - s->start + c->mss - 1) / c->mss;
    c->flags |= HF_F_REORDERED;
    if (degree > a->rack.degree)
        a->rack.degree = (uint16_t)(degree < UINT16_MAX ? degree : UINT16_MAX);
}

/* Step 2, for what reached the peer: how long that took, and the newest transmission that did. One that was sent again may
 * be acknowledged for its first copy; then it says nothing of the second. */
void hf_rack_delivered(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                       const struct hf_sent *s, hf_seq end, const struct hf_delivery *d)
{
    struct hf_rack *r = &a->rack;
    note_reordering(c, a, s, d);
    hf_time rtt = env->now - s->sent_at;
    if (s->flags & HF_SENT_EVER_RESENT) {
        uint32_t tsval = (uint32_t)(s->sent_at / HF_MS) + c->ts_offset - a->undo.backdate_ms;
        if ((d->has_echo && (int32_t)(d->echo - tsval) < 0) || rtt < min_rtt(c, a))
            return;
    }
    r->advanced = true;
    r->rtt = rtt;
    if (r->valid && !sent_after(s->sent_at, end, r->sent_at, r->end))
        return;
    r->valid = true;
    r->sent_at = s->sent_at;
    r->end = end;
}

/* Step 4. What a coarse clock calls the same time may be a tick apart. */
static hf_time reordering_window(const struct hf_env *env, const struct hf_tcp *c,
                                 const struct hf_active *a)
{
    if (!(c->flags & HF_F_REORDERED) &&
        (a->phase != HF_PHASE_SLOW_START ||
         a->sent.sacked_segments >= env->settings->dupack_threshold))
        return 0;
    hf_time srtt = c->srtt_us * HF_US, window = min_rtt(c, a) / 4 * (1 + c->reo_steps);
    return (window < srtt ? window : srtt) + env->settings->clock_tick;
}

void hf_rack_dsack(struct hf_tcp *c, struct hf_active *a, bool dsack)
{
    struct hf_rack *r = &a->rack;
    if (r->in_dsack_round && hf_seq_ge(c->snd_una, r->dsack_round))
        r->in_dsack_round = false;
    if (!dsack || r->in_dsack_round)
        return;
    r->in_dsack_round = true;
    r->dsack_round = c->snd_nxt;
    r->persist = PERSIST;
    if (c->reo_steps < STEPS_MAX)
        c->reo_steps++;
}

void hf_rack_recovered(struct hf_tcp *c, struct hf_active *a)
{
    if (a->rack.persist && --a->rack.persist == 0)
        c->reo_steps = 0;
}

/* Step 5 */
void hf_rack_find_lost(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    struct hf_rack *r = &a->rack;
    r->advanced = false;
    r->reorder_at = HF_NEVER;
    hf_time wait = r->rtt + reordering_window(env, c, a);
    for (uint32_t i; (i = a->sent.flight.first) != 0;) {
        const struct hf_sent *s = hf_sent_at(env, i);
        env->sents_visited++;
        if (!r->valid || !sent_after(r->sent_at, r->end, s->sent_at, s->end))
            return;
        if (s->sent_at + wait > env->now) {
            r->reorder_at = s->sent_at + wait + env->settings->reorder_slack;
            return;
        }
        hf_recovery_lost(env, c, a, i);
    }
}

/* 6.3: what is lost when the timer fires is what was sent long enough ago. */
hf_time hf_rack_lost_by(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a)
{
    return env->now - (a->rack.valid ? a->rack.rtt : c->srtt_us * HF_US);
}

/* RFC 7323 5: when what was sent again arrives first, text that left before it and is late is older
 * than TS.Recent, and the peer throws it away. Each loss would make more of them, on a path that is
 * only out of order. So TSval is that of a reordering window ago. Half of the least round trip at the
 * most: what is replaced left a whole one ago, so the peer finds nothing older than what it has, and
 * an echo still tells which of the two came. */
uint32_t hf_rack_backdate(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a)
{
    if (!env->settings->backdate_resent || !(c->flags & HF_F_REORDERED))
        return 0;
    hf_time most = a->cc.min_rtt / 2, window = a->cc.min_rtt / 4 * (1 + c->reo_steps) + HF_MS;
    return (uint32_t)((window < most ? window : most) / HF_MS);
}

void hf_rack_shift(struct hf_active *a, hf_time by)
{
    a->rack.sent_at += by;
    if (a->rack.reorder_at != HF_NEVER)
        a->rack.reorder_at += by;
}
