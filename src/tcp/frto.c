/* Was the timeout needed? F-RTO, RFC 5682: after it one segment is sent again, and when its ACK comes,
 * new text instead of more old text. If what comes next acknowledges text that was sent once, before
 * the timeout, then that was only late. Without new text to send, or when duplicates come, recovery
 * goes the usual way. */
#include "tcp/recovery.h"

enum { NEW_SEGMENTS = 2 }; /* RFC 5682 2.1 step 2b                                             */

/* Step 1. `again`: the timer has fired before, for the same text. */
void hf_frto_start(const struct hf_env *env, struct hf_active *a, bool open, bool again)
{
    a->frto = env->settings->frto && (open || again) ? HF_FRTO_FIRST : HF_FRTO_OFF;
}

/* An ACK in LOSS; true: the timeout was spurious. Without SACK, an ACK that covers a retransmission
 * may jump over text that had arrived long before, and proves nothing. */
bool hf_frto_acked(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a,
                   const struct hf_delivery *d)
{
    if (a->frto == HF_FRTO_OFF)
        return false;
    if (d->original && (c->flags & HF_F_SACK || !d->resent))
        return true;
    if (a->frto == HF_FRTO_NEW) {
        if (!d->sacked && !d->duplicate)
            return false;
        a->frto = HF_FRTO_OFF; /* step 3a: room for one beside the two */
        if (a->cc.cwnd < (NEW_SEGMENTS + 1u) * c->mss && !a->cc.ops->own_window)
            a->cc.cwnd = (NEW_SEGMENTS + 1u) * c->mss;
        return false;
    }
    if (!d->acked || hf_seq_ge(c->snd_una, a->recover))
        return false;
    bool room = c->snd_wnd > c->snd_nxt - c->snd_una;
    a->frto = hf_tcp_unsent(env, c) && room ? HF_FRTO_NEW : HF_FRTO_OFF; /* step 2b */
    a->frto_left = NEW_SEGMENTS;
    return false;
}
