/* What new text may leave now, and how it is cut (RFC 9293 3.7.4, 3.8.6.2.1).
 *
 * With settings.bursts text leaves as Linux's does: the queue is seen as pieces of up to 64 KB or half
 * of the largest window, and a piece leaves as bursts of several segments, each the size of a
 * super-segment that Linux would hand to its network card. What is decided of a burst is decided once;
 * its last segment carries PSH. A rest of the window that would make a small burst waits for the next
 * ACK, when that is near. Without it each segment is decided on for itself, and the last of the queue
 * carries PSH (MUST-61).
 *
 * A link that cuts by itself is given whole runs of segments at once, of what would have left one by one.
 *
 * Called by output.c, which builds what is chosen here. */
#include "tcp/segmentation.h"

#define PIECE_MAX (65536u - 1 - 320) /* GSO_MAX_SIZE - 1 - MAX_TCP_HEADER of Linux */
#define HEADERS_MAX 120u             /* IPv6 and TCP with options */
#define RECENT HF_MS                 /* who has not sent for so long does not wait */

/* What there is, and what limits it; bytes. */
struct room {
    uint32_t queued;           /* not sent yet                                                */
    uint32_t record;           /* of that, up to the end of a record                          */
    uint32_t by_peer, by_path; /* what is left of the peer's window, and of ours              */
    uint32_t cwnd;
    bool fin;                  /* a FIN follows the queue                                     */
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- Nagle and silly windows ---- */

/* Nagle, in the form that the settings choose. */
static bool nagle_waits(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a)
{
    if (c->flags & HF_F_NODELAY || c->snd_nxt == hf_tcp_snd_base(c))
        return false;
    if (env->settings->nagle == HF_NAGLE_MINSHALL)
        return hf_seq_gt(a->small_end, c->snd_una);
    return true;
}

/* May less than a segment leave that is the end of the queue? */
static bool tail_may_go(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a)
{
    if (c->want & HF_WANT_PUSH)
        return true;
    return !nagle_waits(env, c, a) && !(c->flags & (HF_F_CORK | HF_F_MORE));
}

/* RFC 9293 3.8.6.2.1: is this much worth a segment now? */
static bool worth_sending(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a, const struct room *r, uint32_t len)
{
    if (len >= c->mss)
        return true;
    if (len == r->queued) /* CLOSE implies PUSH, and nothing will follow */
        return (r->fin && len < r->by_peer) || tail_may_go(env, c, a);
    if (c->want & HF_WANT_PUSH)
        return true;
    return !nagle_waits(env, c, a) && len >= c->snd_wnd_max / 2;
}

/* ---- Pieces and bursts ---- */

static uint32_t piece_goal(const struct hf_tcp *c)
{
    uint32_t half = c->snd_wnd_max > 536 ? c->snd_wnd_max / 2 : c->snd_wnd_max;
    uint32_t most = least(half, PIECE_MAX);
    return most > c->mss ? most - most % c->mss : c->mss;
}

/* As much of the queue as is in the piece that SND.NXT is in. */
static uint32_t piece_left(const struct hf_tcp *c, struct hf_active *a, uint32_t record)
{
    if (c->snd_nxt - a->piece_start >= a->piece_goal) /* the next one begins */
        a->piece_start = c->snd_nxt;
    if (c->snd_nxt == a->piece_start) /* ... or has, and the window may have grown; less than a
                                         segment fits any goal */
        a->piece_goal = record < c->mss ? c->mss : piece_goal(c);
    return least(record, a->piece_goal - (c->snd_nxt - a->piece_start));
}

/* The number of the first octet that was never sent. */
static hf_seq next_octet(const struct hf_tcp *c)
{
    return c->snd_nxt == c->iss ? c->iss + 1 : c->snd_nxt;
}

void hf_segment_start(const struct hf_tcp *c, struct hf_active *a)
{
    a->piece_start = a->pushed = a->push_from = next_octet(c);
}

void hf_segment_queued(const struct hf_tcp *c, struct hf_active *a, uint32_t n, bool pushed)
{
    hf_seq end = hf_tcp_snd_base(c) + a->snd.len, before = end - n;
    if (before - a->piece_start <= a->piece_goal)
        a->piece_start = next_octet(c); /* what is left of the only piece grows */
    if (pushed)
        a->pushed = end;
}

/* Segments that a burst should have: what the path takes in a millisecond, and more where it is short
 * (tcp_tso_autosize). */
static uint32_t burst_goal(const struct hf_env *env, const struct hf_tcp *c,
                           const struct hf_active *a)
{
    uint32_t us = c->srtt_us, segments = PIECE_MAX / c->mss;
    if (us) {
        uint32_t percent = a->cc.cwnd < a->cc.ssthresh / 2 ? 200 : 120; /* tcp_pacing_*_ratio */
        uint64_t a_second = (uint64_t)a->cc.cwnd * 10000 * percent / us;
        uint64_t bytes = (a_second >> 10) + (us >> 9 < 32 ? 65536u >> (us >> 9) : 0);
        segments = (uint32_t)(bytes < PIECE_MAX ? bytes : PIECE_MAX) / c->mss;
    }
    return segments > env->settings->burst_min ? segments : env->settings->burst_min;
}

/* Is it better to wait for the next ACK, for a larger burst (tcp_tso_should_defer)? */
static bool should_wait(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a, const struct room *r, uint32_t left,
                        uint32_t most)
{
    uint32_t limit = least(r->by_peer, r->by_path);
    bool last = left == r->queued;
    if (limit >= most || (!last && limit >= left) || a->phase != HF_PHASE_SLOW_START)
        return false;
    const struct hf_sent *oldest = hf_sent_or_null(env, a->sent.first);
    const struct hf_sent *newest = hf_sent_or_null(env, a->sent.flight.last);
    if (!oldest || !newest || env->now - newest->sent_at >= RECENT)
        return false;
    uint32_t window = least(c->snd_wnd, r->cwnd), divisor = env->settings->burst_divisor;
    if (divisor ? limit >= window / divisor : limit > 3u * c->mss)
        return false;
    if (env->now - oldest->sent_at < (hf_time)c->srtt_us * HF_US / 2)
        return false; /* its ACK is far away */
    return limit <= left || !(last && r->fin);
}

/* How much of the queue leaves as one burst; 0: nothing now. */
static uint32_t choose_burst(const struct hf_env *env, const struct hf_tcp *c,
                             struct hf_active *a, const struct room *r)
{
    uint32_t mss = c->mss, left = piece_left(c, a, r->record);
    uint32_t usable = least(r->by_peer, r->by_path);
    if (left <= mss || r->by_peer < mss) {
        uint32_t len = least(least(left, usable), mss);
        bool inner = len && len == left && left < r->queued; /* more follows: Nagle has no say */
        return inner || (len && worth_sending(env, c, a, r, len)) ? len : 0;
    }
    uint32_t half = r->cwnd / 2 / mss, quota = least(half ? half : 1, r->by_path / mss);
    if (!quota)
        return 0;
    uint32_t goal = burst_goal(env, c, a);
    if (should_wait(env, c, a, r, left, goal * mss)) {
        a->burst_waits = r->by_path < r->by_peer;
        return 0;
    }
    uint32_t most = least(quota, goal) * mss, len = least(left, r->by_peer);
    if (most <= len)
        return most;
    uint32_t rest = len % mss;
    bool whole = len == left && (left < r->queued || r->fin || tail_may_go(env, c, a));
    return rest && !whole ? len - rest : len;
}

bool hf_pacing_waits(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    uint64_t rate = hf_congestion_pace(&a->cc);
    if (!rate || hf_pacer_room(&a->pacer, rate, c->mss, env->now))
        return false;
    a->pace_at = hf_pacer_wake(&a->pacer, rate, c->mss);
    return true;
}

/* ---- The choice ---- */

static struct room look(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a)
{
    uint32_t in_flight = c->snd_nxt - hf_tcp_snd_base(c);
    uint32_t flight = hf_recovery_in_flight(c, a), cwnd = hf_recovery_window(c, a);
    uint32_t queued = hf_tcp_unsent_in(c, a), record = queued;
    if (a->records)
        record = hf_record_next(env, a, c->snd_nxt, c->snd_nxt + queued) - c->snd_nxt;
    return (struct room){
        .queued = queued,
        .record = record,
        .by_peer = c->snd_wnd > in_flight ? c->snd_wnd - in_flight : 0,
        .by_path = cwnd > flight ? cwnd - flight : 0,
        .cwnd = cwnd,
        .fin = (c->flags & (HF_F_FIN_QUEUED | HF_F_FIN_SENT)) == HF_F_FIN_QUEUED,
    };
}

/* A burst that was decided on goes on, if the windows are still what they were. */
static bool goes_on(const struct hf_tcp *c, const struct hf_active *a, const struct room *r)
{
    uint32_t rest = a->burst_left;
    return rest && rest <= r->queued && rest <= r->by_peer && least(rest, c->mss) <= r->by_path;
}

/* Does a burst that ends here end what is to be handed on at once: a SEND, or a piece half of the largest
 * window behind the last such end (forced_push)? */
static bool ends_push(const struct hf_tcp *c, const struct hf_active *a, hf_seq end)
{
    bool piece = end == a->piece_start + a->piece_goal;
    return (hf_seq_gt(a->pushed, c->snd_nxt) && hf_seq_le(a->pushed, end)) ||
           (piece && end - a->push_from > c->snd_wnd_max / 2);
}

static void begin_burst(const struct hf_tcp *c, struct hf_active *a, const struct room *r,
                        uint32_t len)
{
    bool record = len && len == r->record && len < r->queued;
    bool push = len && ends_push(c, a, c->snd_nxt + len);
    a->burst_left = len;
    if (record)
        a->piece_start = c->snd_nxt + len;
    if (push)
        a->push_from = c->snd_nxt + len;
    a->burst_push = record || push || len > c->mss;
}

/* RFC 7413 4.2.1: text that the SYN took along in vain goes once more, and nothing holds it back. */
static bool from_syn(const struct hf_tcp *c, const struct hf_active *a, const struct room *r,
                     struct piece *p)
{
    uint32_t left = a->syn_end - c->snd_nxt;
    p->len = least(least(r->record, c->mss), least(least(r->by_peer, r->by_path), left));
    p->push = p->len == left || p->len == r->record;
    p->fin = r->fin && p->len == r->queued && p->len < r->by_peer;
    return p->len > 0;
}

/* Segment by segment. */
static uint32_t choose_one(const struct hf_env *env, const struct hf_tcp *c,
                           const struct hf_active *a, const struct room *r)
{
    uint32_t len = least(least(r->record, c->mss), least(r->by_peer, r->by_path));
    bool whole = len == r->record && len < r->queued && !nagle_waits(env, c, a);
    return len && (whole || worth_sending(env, c, a, r, len)) ? len : 0;
}

/* Nothing is decided yet: how much leaves as one segment. */
static uint32_t choose(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                       const struct room *r, struct piece *p)
{
    uint32_t probe = c->mtu_high ? hf_mtu_probe_text(env, c, a, r->record, r->by_peer) : 0;
    p->mtu_probe = probe != 0;
    a->burst_left = 0;
    if (probe) {
        p->reason = HF_SEND_MTU_PROBE;
        p->push = probe == r->queued;
        return probe <= least(r->by_peer, r->by_path) ? probe : 0; /* an ACK or two makes room */
    }
    if (!env->settings->bursts) {
        uint32_t len = choose_one(env, c, a, r);
        p->push = len == r->record;
        return len;
    }
    a->burst_waits = false;
    begin_burst(c, a, r, choose_burst(env, c, a, r));
    uint32_t len = least(a->burst_left, c->mss);
    p->push = a->burst_push && len == a->burst_left;
    return len;
}

uint32_t hf_segment_run(const struct hf_env *env, const struct hf_tcp *c)
{
    uint32_t most = env->link_gso[c->link];
    if (most < HEADERS_MAX + 2u * c->mss)
        return 0;
    most -= HEADERS_MAX;
    return most - most % c->mss;
}

/* ... of what leaves now; 0 also when it says something that only one segment may say. */
static uint32_t run_most(const struct hf_env *env, const struct hf_tcp *c)
{
    return c->flags & HF_F_URGENT_SEND || c->ecn & HF_ECN_REDUCED ? 0 : hf_segment_run(env, c);
}

/* A full segment was chosen, to be followed by others at once: they leave together. What is chosen is
 * what would be chosen one by one. */
static void choose_run(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                       const struct room *r, struct piece *p)
{
    bool bursts = env->settings->bursts;
    uint64_t rate = hf_congestion_pace(&a->cc);
    uint32_t ahead = bursts ? a->burst_left : r->record;
    uint32_t len = least(least(ahead, run_most(env, c)), least(r->by_peer, r->by_path));
    if (rate)
        len = least(len, hf_pacer_room(&a->pacer, rate, c->mss, env->now));
    if (!bursts || len < ahead || (r->fin && len == r->queued))
        len -= len % c->mss;
    if (r->fin && len == r->queued && len > c->mss)
        len -= c->mss; /* the last one takes the FIN along */
    if (len <= c->mss)
        return;
    p->len = len;
    p->push = len == ahead && (!bursts || a->burst_push);
}

/* Without an active block nothing is queued: a FIN, if the window has room for its octet. */
static bool only_fin(const struct hf_tcp *c, struct piece *p)
{
    if ((c->flags & (HF_F_FIN_QUEUED | HF_F_FIN_SENT)) != HF_F_FIN_QUEUED)
        return false;
    p->seq = c->snd_nxt;
    p->len = 0;
    p->reason = HF_SEND_NEW;
    p->mtu_probe = p->push = false;
    p->fin = c->snd_wnd > c->snd_nxt - hf_tcp_snd_base(c);
    return p->fin;
}

/* The straight road: nothing is in flight, and what waits is one segment that nothing holds back or tells to
 * be cut. Then it is what leaves, and it ends the queue. (That no FIN follows is asked by output.) */
static bool is_all(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a)
{
    uint32_t queued = a->snd.len;
    uint64_t odd = a->odd | a->burst_left | a->records | a->cc.paced | c->mtu_high |
                   c->fast_open | env->no_fast_path;
    return !odd && c->snd_nxt == c->snd_una && queued - 1 < c->mss && queued <= c->snd_wnd &&
           c->snd_una != c->iss;
}

bool hf_segment_all(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, struct piece *p)
{
    if (!is_all(env, c, a))
        return false;
    hf_tcp_age_path_mtu(env, c);
    hf_recovery_idle(env, c, a);
    uint32_t len = a->snd.len;
    if (len > c->mss || len > a->cc.cwnd || c->mtu_high)
        return false;
    bool bursts = env->settings->bursts;
    if (bursts) {
        if (piece_left(c, a, len) != len)
            return false;
        a->burst_waits = false;
        a->burst_push = ends_push(c, a, c->snd_nxt + len);
        if (a->burst_push)
            a->push_from = c->snd_nxt + len;
        a->burst_left = len;
    }
    *p = (struct piece){
        .seq = c->snd_nxt, .len = len, .push = !bursts || a->burst_push, .reason = HF_SEND_NEW};
    return true;
}

bool hf_segment_new(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, struct piece *p)
{
    if (!a)
        return only_fin(c, p);
    struct room r = look(env, c, a);
    bool asks = a->frto == HF_FRTO_NEW;
    if (!r.queued && !r.fin)
        return false;
    if (asks ? !a->frto_left : a->sent.lost.first != 0) /* what was lost goes first */
        return false;
    p->seq = c->snd_nxt;
    p->len = 0;
    p->reason = HF_SEND_NEW;
    p->mtu_probe = p->push = false;
    if (HF_UNLIKELY(c->fast_open) && hf_seq_lt(c->snd_nxt, a->syn_end))
        return from_syn(c, a, &r, p);
    if (asks) {
        p->len = least(least(r.record, c->mss), least(r.by_peer, r.by_path));
        p->push = p->len == r.record;
    } else if (goes_on(c, a, &r)) {
        p->len = least(a->burst_left, c->mss);
        p->push = a->burst_push && p->len == a->burst_left;
    } else if (r.queued) {
        uint32_t cwnd = a->cc.cwnd, mss = c->mss;
        hf_tcp_age_path_mtu(env, c);
        if (!hf_tcp_outstanding(c) && r.by_peer)
            hf_recovery_idle(env, c, a);
        if (a->cc.cwnd != cwnd || c->mss != mss)
            r = look(env, c, a);
        p->len = choose(env, c, a, &r, p);
    }
    if (!asks && p->len == c->mss && !p->mtu_probe && !p->push && env->link_gso[c->link])
        choose_run(env, c, a, &r, p);
    p->fin = r.fin && p->len == r.queued && p->len < r.by_peer; /* the FIN is an octet of the window */
    return p->len ? !hf_pacing_waits(env, c, a) : p->fin;
}
