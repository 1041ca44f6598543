/* Explicit congestion notification (RFC 3168 6.1): agreed to by both SYNs; the receiver echoes a
 * mark until it is told that the window came down.
 *
 * The sender's half is spread over where it belongs: loss_recovery.c brings the window down when an
 * echo comes, output.c says which segments may be marked and tells of the reduction. */
#include "tcp/tcp.h"

enum { ECN_SETUP = HF_ECE | HF_CWR };

/* Linux answers the segments that follow a mark at once, so that the sender hears of it. */
#define QUICK_AFTER_MARK 2

/* A SYN that may itself be marked comes from one who means something else by these bits, or through
 * a router that writes over TOS. */
bool hf_ecn_asked(const struct hf_env *env, const struct hf_seg *syn)
{
    return env->settings->ecn != HF_ECN_OFF && (syn->flags & ECN_SETUP) == ECN_SETUP &&
           (syn->tos & HF_ECN_BITS) == HF_NOT_ECT;
}

/* Who drops such SYNs gets the next one without (RFC 3168 6.1.1.1); then it is not agreed. */
static bool we_asked(const struct hf_env *env, const struct hf_tcp *c)
{
    return env->settings->ecn == HF_ECN_ACTIVE && !(c->flags & HF_F_SYN_RETRANSMITTED);
}

unsigned hf_ecn_on_syn(const struct hf_env *env, const struct hf_tcp *c)
{
    if (c->state != HF_SYN_SENT)
        return c->ecn ? HF_ECE : 0;
    return we_asked(env, c) && c->snd_nxt == c->iss ? ECN_SETUP : 0;
}

/* A SYN+ACK with both flags is our own SYN's reserved bits, sent back by who does not know them. */
void hf_ecn_answered(const struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    unsigned agrees = seg->flags & HF_ACK ? HF_ECE : ECN_SETUP;
    if (we_asked(env, c) && (seg->flags & ECN_SETUP) == agrees)
        c->ecn = HF_ECN_AGREED;
}

/* RFC 3168 6.1.3. CWR first: a segment may bring it and the next mark. */
void hf_ecn_text(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    unsigned mark = seg->tos & HF_ECN_BITS;
    bool echoed = (c->ecn & HF_ECN_ECHO) != 0;
    if (seg->flags & HF_CWR) {
        c->ecn &= (uint8_t)~HF_ECN_ECHO & 15u;
        hf_tcp_want(env, c, HF_WANT_ACK);
    }
    if (mark == HF_CE)
        c->ecn |= HF_ECN_ECHO;
    /* Text that may not be marked, from one whose text may, was most likely lost once. */
    bool quick = mark == HF_CE ? !echoed : mark == HF_NOT_ECT && c->ecn & HF_ECN_SEEN;
    if (quick && c->quick_acks < QUICK_AFTER_MARK)
        c->quick_acks = QUICK_AFTER_MARK;
    if (mark != HF_NOT_ECT)
        c->ecn |= HF_ECN_SEEN;
}

uint8_t hf_ecn_status(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    return (uint8_t)((c->ecn ? HF_ECN_STATUS_AGREED : 0) |
                     (c->ecn & HF_ECN_SEEN ? HF_ECN_STATUS_SEEN : 0) |
                     (a && a->cwr ? HF_ECN_STATUS_REDUCING : 0));
}
