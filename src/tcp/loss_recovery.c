/* What is lost, and what is sent again: fast retransmit and NewReno's fast recovery (RFC 5681 3.2,
 * RFC 6582), limited transmit (RFC 3042), and going back after a timeout (RFC 5681 3.1, 5.4 of RFC
 * 6298). A congestion controller says how far the window falls; this file says when.
 *
 * SND.NXT never goes back. After a timeout everything up to `recover` counts as lost; rtx_nxt walks
 * through it as the window allows. */
#include "tcp/tcp.h"

/* RFC 6928: min(10 SMSS, max(2 SMSS, 14600)), with the settings' number for 10. */
uint32_t hf_recovery_initial_window(const struct hf_env *env, uint32_t mss)
{
    uint32_t n = env->settings->initial_window;
    uint32_t cap = 2 * mss > n * 1460 ? 2 * mss : n * 1460;
    return n * mss < cap ? n * mss : cap;
}

void hf_recovery_start(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    const struct hf_congestion_ops *ops = hf_congestion_named(env->settings->congestion);
    a->cc.ops = ops ? ops : &hf_cc_reno;
    a->small_end = c->snd_una;
    a->recover = c->snd_una;
    a->recover_valid = (c->flags & HF_F_AFTER_TIMEOUT) != 0;
    a->cc.mss = c->mss;
    a->cc.slow_start_limit = env->settings->slow_start_limit;
    a->cc.cwnd = hf_recovery_initial_window(env, c->mss);
    a->cc.ssthresh = UINT32_MAX;
    a->cc.ops->start(&a->cc);
    if (c->saved.cwnd)
        a->cc.ops->resume(&a->cc, &c->saved);
    else if (c->retransmits > 1 && !c->bytes_sent)
        a->cc.cwnd = c->mss; /* more than one SYN was lost: RFC 6928 2, RFC 5681 3.1 */
}

/* RFC 5681 4.1: when nothing was sent for an RTO the old window says nothing about the path. */
void hf_recovery_idle(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    uint32_t idle_ms = hf_tcp_now_ms(env) - c->last_send_ms;
    uint32_t restart = hf_recovery_initial_window(env, c->mss);
    if (env->settings->idle_restart && c->bytes_sent && idle_ms > c->rto_us / 1000 &&
        a->cc.cwnd > restart)
        a->cc.cwnd = restart;
}

void hf_recovery_mss_changed(struct hf_tcp *c, struct hf_active *a)
{
    if (a->cc.mss == c->mss)
        return;
    a->cc.mss = c->mss;
    if (a->cc.cwnd < c->mss)
        a->cc.cwnd = c->mss;
}

enum hf_phase hf_recovery_phase(const struct hf_active *a)
{
    if (a->phase == HF_PHASE_SLOW_START && a->cc.cwnd >= a->cc.ssthresh)
        return HF_PHASE_AVOIDANCE;
    return a->phase;
}

uint32_t hf_recovery_in_flight(const struct hf_tcp *c, const struct hf_active *a)
{
    if (a->phase == HF_PHASE_LOSS && hf_seq_lt(a->rtx_nxt, a->recover))
        return a->rtx_nxt - c->snd_una;
    return c->snd_nxt - c->snd_una;
}

uint32_t hf_recovery_window(const struct hf_tcp *c, const struct hf_active *a)
{
    uint32_t window = a->cc.cwnd;
    if (a->phase == HF_PHASE_SLOW_START && a->dupacks && a->dupacks < 3)
        window += a->dupacks * (uint32_t)c->mss; /* RFC 3042 */
    return window;
}

static void go_open(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    a->phase = HF_PHASE_SLOW_START;
    a->dupacks = 0;
    a->rtx_first = false;
    hf_trace_congestion(env, c);
}

/* Send the first unacknowledged segment again. */
static void resend_first(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                         enum hf_send_reason reason)
{
    a->rtx_first = true;
    a->rtx_reason = (uint8_t)reason;
    hf_tcp_want(env, c, 0);
}

/* RFC 6582 3.2 step 3, on an ACK that moved SND.UNA during fast recovery. */
static void recovering_ack(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                           uint32_t acked)
{
    uint32_t mss = c->mss;
    if (hf_seq_ge(c->snd_una, a->recover)) { /* full */
        uint32_t flight = c->snd_nxt - c->snd_una;
        uint32_t after = (flight > mss ? flight : mss) + mss;
        a->cc.cwnd = a->cc.ssthresh < after ? a->cc.ssthresh : after;
        a->recover_valid = false; /* nothing was resent in vain: the next loss counts at once */
        go_open(env, c, a);
        return;
    }
    a->cc.cwnd = a->cc.cwnd > acked ? a->cc.cwnd - acked : 0; /* partial */
    if (acked >= mss)
        a->cc.cwnd += mss;
    if (a->cc.cwnd < mss)
        a->cc.cwnd = mss;
    resend_first(env, c, a, HF_SEND_PARTIAL);
}

void hf_recovery_new_ack(struct hf_env *env, struct hf_tcp *c, uint32_t acked,
                         uint32_t in_flight, hf_time rtt)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a)
        return;
    a->dupacks = 0;
    if (a->phase == HF_PHASE_RECOVERY) {
        recovering_ack(env, c, a, acked);
        return;
    }
    a->rtx_first = false;
    if (hf_seq_gt(c->snd_una, a->recover)) { /* before 2^31 octets make it look ahead again */
        a->recover_valid = false;
        c->flags &= ~(uint32_t)HF_F_AFTER_TIMEOUT;
    }
    a->small_end = hf_seq_max(a->small_end, c->snd_una);
    if (a->phase == HF_PHASE_LOSS) {
        a->rtx_nxt = hf_seq_max(a->rtx_nxt, c->snd_una);
        if (hf_seq_ge(c->snd_una, a->recover))
            go_open(env, c, a);
    }
    /* A window that is not used does not grow (RFC 7661 in its simplest form). */
    if (2 * (uint64_t)in_flight > a->cc.cwnd) {
        struct hf_ack_info info = {.now = env->now, .rtt = rtt, .acked = acked,
                                   .in_flight = in_flight};
        a->cc.ops->on_ack(&a->cc, &info);
        hf_trace_congestion(env, c);
    }
    hf_tcp_want(env, c, 0);
}

void hf_recovery_duplicate_ack(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a || a->phase == HF_PHASE_LOSS)
        return;
    if (a->dupacks < UINT8_MAX)
        a->dupacks++;
    if (a->dupacks == 1)
        a->dup_nxt = c->snd_nxt; /* limited transmit comes on top and does not count */
    if (a->phase == HF_PHASE_RECOVERY) {
        /* Each duplicate says that a segment left the network; never more than were in it. */
        if (a->cc.cwnd < a->cc.ssthresh + (c->snd_nxt - c->snd_una))
            a->cc.cwnd += c->mss;
        hf_tcp_want(env, c, 0);
        return;
    }
    if (a->dupacks < env->settings->dupack_threshold) {
        hf_tcp_want(env, c, 0);
        return;
    }
    /* RFC 6582 3.2 step 2: duplicates that a retransmission of ours caused start nothing. */
    if (a->recover_valid && hf_seq_le(c->snd_una, a->recover))
        return;
    a->cc.ssthresh = a->cc.ops->on_loss(&a->cc, a->dup_nxt - c->snd_una, env->now);
    a->cc.cwnd = a->cc.ssthresh + env->settings->dupack_threshold * (uint32_t)c->mss;
    a->phase = HF_PHASE_RECOVERY;
    a->recover = c->snd_nxt;
    a->recover_valid = true;
    a->timing = false;
    resend_first(env, c, a, HF_SEND_FAST);
    hf_trace_congestion(env, c);
}

/* The retransmission timer fired: RFC 5681 equation 4, once for a window; then one segment. */
void hf_recovery_timeout(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a)
        return;
    if (a->phase != HF_PHASE_LOSS)
        a->cc.ssthresh = a->cc.ops->on_loss(&a->cc, c->snd_nxt - c->snd_una, env->now);
    a->cc.cwnd = c->mss;
    hf_recovery_resend_all(env, c, HF_SEND_RTO);
    hf_trace_congestion(env, c);
}

/* Everything in flight is to be sent again, as the window allows. */
void hf_recovery_resend_all(struct hf_env *env, struct hf_tcp *c, enum hf_send_reason reason)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (!a || !hf_tcp_outstanding(c))
        return;
    a->phase = HF_PHASE_LOSS;
    a->dupacks = 0;
    a->recover = c->snd_nxt;
    a->recover_valid = true;
    a->rtx_nxt = hf_tcp_snd_base(c);
    a->timing = false;
    resend_first(env, c, a, reason);
}
