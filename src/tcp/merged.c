/* When a run of merged segments may go through the steps of SEGMENT ARRIVES at once (stack/merge.c).
 *
 * It may when the outcome differs from that of its segments one after the other in nothing but what
 * counts them: the text is in order and has room, nothing is out of order or lost in either direction,
 * and the ACK field, which all of them share, says nothing that would be said again by each. */
#include "tcp/recovery.h"

bool hf_tcp_takes_run(const struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    if ((c->state != HF_ESTABLISHED && c->state != HF_FIN_WAIT_2) ||
        c->flags & (HF_F_ORPHAN | HF_F_FIN_RECEIVED | HF_F_URGENT_RECEIVE))
        return false;
    if (seg->seq != c->rcv_nxt || seg->text_all > hf_tcp_rcv_wnd(c) ||
        (seg->text_all == hf_tcp_rcv_wnd(c) && seg->flags & HF_FIN))
        return false;
    if (hf_seq_lt(seg->ack, c->snd_una) || hf_seq_gt(seg->ack, c->snd_nxt))
        return false;
    if (a && (a->ranges || a->fin_held || a->phase != HF_PHASE_SLOW_START || a->undo.armed))
        return false;
    if (seg->flags & (HF_ECE | HF_CWR) || seg->options.sacks)
        return false;
    if (c->ecn & HF_ECN_SEEN && (seg->tos & HF_ECN_BITS) == HF_NOT_ECT)
        return false;
    if (!(c->flags & HF_F_TIMESTAMPS))
        return true;
    if (!seg->options.has_ts || (int32_t)(seg->options.tsecr - hf_tcp_timestamp(env, c)) > 0)
        return false; /* an echo of what we have not sent yet would end a round with each (autotune.c) */
    return !(c->flags & HF_F_TS_RECENT) || (int32_t)(seg->options.tsval - c->ts_recent) >= 0;
}
