/* What must hold of a connection between any two calls. For tests: slow, and asks everything. */
#include "tcp/tcp.h"

#define MUST(condition, sentence)                                                                 \
    do {                                                                                          \
        if (!(condition))                                                                         \
            return sentence;                                                                      \
    } while (0)

static const char *check_queues(const struct hf_env *env, const struct hf_tcp *c,
                                const struct hf_active *a)
{
    uint32_t syn = c->snd_una == c->iss;
    uint32_t fin = (c->flags & HF_F_FIN_SENT) && c->snd_nxt != c->snd_una;
    if (c->flags & HF_F_DETACHED)
        return 0;
    if (c->snd_nxt != c->iss)
        MUST(c->snd_nxt - c->snd_una - syn - fin <= a->snd.len,
             "in flight is more than the send queue holds");
    MUST(!(c->flags & HF_F_FIN_SENT) || c->snd_nxt - c->snd_una - syn - fin == a->snd.len,
         "FIN was sent before the end of the queue");
    MUST(a->cc.cwnd >= (a->phase == HF_PHASE_SLOW_START ? c->mss : 1u),
         "cwnd is less than a segment");
    MUST(a->phase != HF_PHASE_LOSS || hf_seq_le(c->snd_una, a->recover),
         "in loss recovery with everything before recover acknowledged");
    const char *fault = hf_sent_check(env, &a->sent, hf_tcp_snd_base(c), c->snd_nxt);
    if (fault)
        return fault;
    MUST(a->sent.sacked + a->sent.lost_bytes <= c->snd_nxt - c->snd_una + a->sent.resent,
         "more is SACKed or lost than was sent");
    MUST(hf_seq_ge(a->small_end, c->snd_una) && hf_seq_ge(a->syn_end, c->snd_una),
         "a mark in the text that was left behind, and will one day seem to lie ahead");
    MUST(a->mtu_start == a->mtu_end || (hf_seq_lt(c->snd_una, a->mtu_end) &&
                                        hf_seq_le(a->mtu_end, c->snd_nxt)),
         "a path MTU probe that is acknowledged or was never sent");
    MUST(!a->mtu_probe || a->mtu_start != a->mtu_end, "a path MTU probe without text");
    MUST(!a->rtx_cursor.chunk || a->rtx_cursor.at - a->snd_dropped < a->snd.len,
         "the place where text was found to be sent again has left the queue");
    hf_seq at = c->rcv_nxt;
    uint32_t count = 0, last = 0;
    for (uint32_t i = a->ranges; i;) {
        const struct hf_range *r = hf_pool_at(&env->ranges, i);
        MUST(hf_seq_lt(at, r->start), "out-of-order ranges overlap, touch or reach RCV.NXT");
        MUST(hf_seq_lt(r->start, r->end), "an out-of-order range is empty");
        MUST(r->end - r->start == r->bytes.len, "a range holds another number of bytes than it says");
        MUST(hf_seq_le(r->end, c->rcv_adv), "out-of-order data beyond the advertised window");
        at = r->end;
        last = i;
        i = r->next;
        count++;
    }
    MUST(count == a->range_count, "the count of out-of-order ranges is off");
    MUST(!count || last == a->last_range || !a->last_range, "last_range is not the last range");
    uint32_t newer = 0;
    for (uint32_t i = a->newest_range; i && count; count--) {
        const struct hf_range *r = hf_pool_at(&env->ranges, i);
        MUST(r->newer == newer, "the list of ranges by age is broken");
        newer = i;
        i = r->older;
    }
    MUST(!count, "a range is missing from the list by age");
    return 0;
}

static const char *check_buffers(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_settings *s = env->settings;
    uint32_t largest = s->rcv_buffer_max > s->rcv_buffer ? s->rcv_buffer_max : s->rcv_buffer;
    if (!c->rcv_locked)
        MUST(c->rcv_buffer >= s->rcv_buffer && c->rcv_buffer <= largest,
             "the receive buffer is smaller than it began, or larger than it may become");
    if (!c->snd_locked)
        MUST(c->snd_buffer == s->snd_buffer, "the send buffer is not the settings', and nobody set it");
    MUST(c->state == HF_SYN_SENT || hf_tcp_rcv_wnd(c) >> c->rcv_wscale <= 65535,
         "the window is more than its field can tell");
    MUST(c->path_mtu <= env->link_mtu[c->link], "a path MTU above the link's");
    MUST(!c->mtu_high || c->mtu_high <= env->link_mtu[c->link],
         "the search for a path MTU goes beyond the link's");
    const struct hf_active *a = hf_tcp_active(env, c);
    if (!c->rcv_locked && s->rcv_buffer_max > s->rcv_buffer)
        MUST((uint32_t)c->bytes_received - c->rcv_mark >= (a ? a->rcv.len : 0),
             "more was read when the round began than now");
    return 0;
}

static const char *check_timers(const struct hf_env *env, const struct hf_tcp *c)
{
    if (c->flags & HF_F_ON_OUTPUT)
        return 0; /* output sees to them */
    bool opening = c->snd_una == c->iss;
    if (hf_tcp_outstanding(c) && !opening)
        MUST(c->rtx_mode != HF_RTX_NONE && c->rtx_mode != HF_RTX_SWS,
             "something is outstanding and no retransmission-class timer runs");
    if (c->rtx_mode != HF_RTX_NONE)
        MUST(c->rtx_at != HF_NEVER, "a retransmission-class mode without a time");
    const struct hf_active *a = hf_tcp_active(env, c);
    if (a && hf_tcp_outstanding(c) && !opening && c->rtx_mode != HF_RTX_PERSIST) {
        /* Two of them, with a tail loss probe in between, and something has left. (Progress in the
         * future: the clock jumps with the next call.) */
        MUST(c->rtx_at <= env->now + (hf_time)c->rto_us * HF_US || c->progress_at > env->now,
             "the retransmission timer is further away than an RTO");
        const struct hf_sent *lost = hf_sent_or_null(env, a->sent.lost.first);
        MUST(!lost || a->pace_at || hf_recovery_in_flight(c, a) ||
                 !hf_seq_lt(lost->start, c->snd_una + c->snd_wnd),
             "what is lost waits although nothing is in flight");
    }
    if (c->rtx_at != HF_NEVER || c->delack_at != HF_NEVER) {
        MUST(c->timer.tick, "a timer is due and the connection is not in the wheel");
        MUST(c->deadline <= c->rtx_at && c->deadline <= c->delack_at,
             "the wheel's deadline is later than a timer");
    }
    MUST(c->rto_us >= (uint64_t)env->settings->rto_min / 1000 || opening || !c->srtt_us,
         "RTO below its floor");
    MUST(c->rto_us <= (uint64_t)env->settings->rto_max / 1000, "RTO above its ceiling");
    return 0;
}

const char *hf_tcp_check(struct hf_env *env, struct hf_tcp *c)
{
    MUST(c->state < HF_STATES && c->state != HF_LISTEN, "a connection in no connection's state");
    MUST((c->state == HF_CLOSED) <= ((c->flags & HF_F_DETACHED) != 0),
         "CLOSED and still in the table");
    if (c->flags & HF_F_DETACHED)
        return 0;
    MUST(c->cause == HF_CAUSE_NONE, "a cause of ending on a living connection");
    MUST(hf_seq_le(c->snd_una, c->snd_nxt), "SND.UNA is beyond SND.NXT");
    MUST(c->state == HF_SYN_SENT || hf_seq_le(c->rcv_nxt, c->rcv_adv),
         "RCV.NXT is beyond the advertised edge");
    MUST(!(c->flags & HF_F_FIN_SENT) || c->flags & HF_F_FIN_QUEUED, "a FIN sent without CLOSE");
    MUST(!(c->flags & HF_F_FIN_RECEIVED) || c->state >= HF_CLOSE_WAIT,
         "a FIN taken in a state that has none");
    bool closing = c->state == HF_FIN_WAIT_1 || c->state == HF_FIN_WAIT_2 ||
                   c->state == HF_CLOSING || c->state == HF_LAST_ACK;
    MUST(!closing || c->flags & HF_F_FIN_QUEUED, "closing without a FIN queued");
    MUST(c->state != HF_FIN_WAIT_2 || !hf_tcp_outstanding(c), "FIN-WAIT-2 with data in flight");
    const struct hf_active *a = hf_tcp_active(env, c);
    if (a) {
        const char *fault = check_queues(env, c, a);
        if (fault)
            return fault;
    } else {
        uint32_t flight = c->snd_nxt - c->snd_una;
        uint32_t syn = c->snd_una == c->iss && flight, fin = (c->flags & HF_F_FIN_SENT) && flight;
        MUST(flight <= syn + fin, "text in flight without an active block");
    }
    const char *fault = check_buffers(env, c);
    return fault ? fault : check_timers(env, c);
}
