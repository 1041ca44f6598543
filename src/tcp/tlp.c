/* Tail loss probes: RFC 8985 7. When the end of a flight is lost, nothing behind it tells; after two
 * round trips without a word one segment is sent, new or the last one again, so that an ACK comes and
 * RACK can see. A probe that mended the only loss must not hide it from congestion control. */
#include "tcp/recovery.h"

/* 7.2: there is something to probe for, and nothing else looks for it. */
static bool may_probe(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a)
{
    if (!env->settings->tlp || !(c->flags & HF_F_SACK) || c->snd_una == c->iss || c->backoff)
        return false;
    return !a || (a->phase == HF_PHASE_SLOW_START && !a->sent.sacked && !a->tlp_probing);
}

/* When a probe is due: two round trips from the last new text or ACK, and the peer's delayed ACK when
 * it is about one segment; no later than the retransmission timer. */
hf_time hf_tlp_at(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                  hf_time from, hf_time rto_at)
{
    if (!may_probe(env, c, a))
        return HF_NEVER;
    hf_time wait = c->srtt_us ? 2 * (hf_time)c->srtt_us * HF_US : 1 * HF_SEC;
    if (c->snd_nxt - c->snd_una <= c->mss)
        wait += env->settings->tlp_ack_delay;
    return from + wait < rto_at ? from + wait : rto_at;
}

/* 7.3: the timer fired. What is sent, output decides. */
void hf_tlp_fire(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    a->tlp_probing = a->tlp_wanted = true;
    a->tlp.end = c->snd_nxt;
    a->tlp.again = false;
    hf_tcp_want(env, c, 0);
}

void hf_tlp_sent(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                 bool again)
{
    a->tlp.end = c->snd_nxt;
    a->tlp.stamp = hf_tcp_timestamp(env, c);
    a->tlp.again = again;
}

/* 7.4: returns true when the probe has mended a loss that nothing else saw. */
bool hf_tlp_acknowledged(struct hf_active *a, const struct hf_seg *seg,
                         const struct hf_delivery *d)
{
    if (!a->tlp_probing || hf_seq_lt(seg->ack, a->tlp.end))
        return false;
    bool told_twice = d->dsack && seg->options.sack[0].end == a->tlp.end;
    bool came_twice = told_twice || (d->duplicate && !seg->options.sacks);
    bool mended = a->tlp.again && !came_twice && hf_seq_gt(seg->ack, a->tlp.end);
    if (a->tlp.again && !came_twice && !mended)
        return false; /* the next ACK tells */
    a->tlp_probing = false;
    return mended;
}
