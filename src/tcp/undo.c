/* Taking back what was done for a loss that was none. Three witnesses: the echo of a timestamp from
 * before our first retransmission (Eifel, RFC 3522), D-SACK for each thing that we sent again (RFC
 * 2883, 3708), and F-RTO (frto.c). The answer is that of RFC 4015: cwnd and ssthresh are as before,
 * what counted as lost is in flight again. */
#include "tcp/recovery.h"

/* A recovery begins; only from the open state is what it takes away worth coming back to. */
void hf_undo_start(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    if (a->phase != HF_PHASE_SLOW_START)
        return;
    bool probe = a->tlp_probing && a->tlp.again; /* it counts as the first of them             */
    a->undo = (struct hf_undo){
        .armed = true, .cwnd = a->cc.cwnd, .ssthresh = a->cc.ssthresh, .from = c->snd_una,
        .resent = probe, .any = probe, .stamp = a->tlp.stamp,
        .backdate_ms = hf_rack_backdate(env, c, a)};
}

/* For what is sent again: less than when the recovery began if the path became shorter, never more. */
uint32_t hf_undo_backdate(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a)
{
    uint32_t ms = hf_rack_backdate(env, c, a);
    return ms < a->undo.backdate_ms ? ms : a->undo.backdate_ms;
}

void hf_undo_resent(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    struct hf_undo *u = &a->undo;
    if (!u->armed)
        return;
    if (!u->any)
        u->stamp = hf_tcp_timestamp(env, c) - hf_undo_backdate(env, c, a);
    u->any = true;
    u->resent++;
}

/* The peer has had these octets twice: so many of our retransmissions were not needed. */
void hf_undo_dsack(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                   const struct hf_sack_block *b)
{
    struct hf_undo *u = &a->undo;
    uint32_t segments = (b->end - b->start + c->mss - 1) / c->mss;
    if (!u->armed || !hf_seq_gt(b->end, u->from) || !hf_seq_le(b->end, c->snd_nxt))
        return;
    if (segments > u->resent)
        segments = u->resent;
    u->resent -= segments;
    a->spurious += segments;
    env->counters.spurious_retransmits += segments;
}

/* RFC 3522: this ACK was caused by something that left before we sent anything again. */
bool hf_undo_original_came(const struct hf_active *a, const struct hf_delivery *d)
{
    return a->undo.armed && a->undo.any && d->has_echo &&
           (int32_t)(d->echo - a->undo.stamp) < 0;
}

/* All that was sent again had arrived before. */
bool hf_undo_all_came_twice(const struct hf_active *a)
{
    return a->undo.armed && a->undo.any && !a->undo.resent;
}

/* RFC 4015 3.2. What is open stays open, what recovers stops recovering. */
void hf_undo(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    struct hf_undo *u = &a->undo;
    a->spurious += u->resent;
    env->counters.spurious_retransmits += u->resent;
    u->armed = false;
    if (a->cc.cwnd < u->cwnd)
        a->cc.cwnd = u->cwnd;
    if (a->cc.ssthresh < u->ssthresh)
        a->cc.ssthresh = u->ssthresh;
    if (a->cc.ops->on_undo)
        a->cc.ops->on_undo(&a->cc, env->now);
    hf_sent_none_lost(env, &a->sent);
    hf_tcp_want(env, c, 0);
}
