/* What the path takes, found out by trying (RFC 4821): no ICMP is needed, so a path that drops what is
 * too big and says nothing is no trap.
 *
 * Down: when full segments were sent again R1 times and nothing came back, they become smaller, to a
 * size that nearly every path takes, and further if need be (black hole). Up: a segment of new text
 * that is larger than the others is a probe. If it arrives, that is the new path MTU; if it alone is
 * lost, that is its answer and no sign of congestion: its text leaves again in segments that
 * fit. After a black hole the old size is tried first: perhaps the path was only down.
 *
 * mtu_high is the largest size that is still thought possible; 0: there is no search. Output asks
 * for probes, loss recovery asks whether what is lost was one, the timer reports what does not get
 * through. */
#include "tcp/recovery.h"

#define BASE_MSS 1024u   /* RFC 4821 7.2, Linux tcp_base_mss */
#define MTU_MIN_IPV4 576u /* what every host takes (RFC 1122 3.3.2), and RFC 4821 7.7 as a last step */
#define MTU_MIN_IPV6 1280u /* what every link takes (RFC 8200 5) */
#define CLOSE_ENOUGH 8u  /* octets that are not worth a search, Linux tcp_probe_threshold */
#define FOLLOWERS 4u     /* segments behind a probe, so that its loss is found */

static uint32_t headers(const struct hf_tcp *c)
{
    return hf_flow_ip_header(&c->flow) + HF_TCP_HEADER;
}

/* Octets of text in a packet of this size. */
static uint32_t text_in(const struct hf_tcp *c, uint32_t mtu)
{
    return mtu - headers(c) - (c->flags & HF_F_TIMESTAMPS ? 12 : 0);
}

/* The largest packet that the peer and the application let us send. */
static uint32_t size_most(const struct hf_tcp *c)
{
    uint32_t mss = c->mss_limit && c->mss_limit < c->peer_mss ? c->mss_limit : c->peer_mss;
    return mss + headers(c);
}

/* The size to go down to; 0: there is none below. */
static uint16_t size_below(const struct hf_env *env, const struct hf_tcp *c)
{
    bool ipv4 = hf_flow_is_ipv4(&c->flow);
    uint32_t sizes[] = {ipv4 ? BASE_MSS + headers(c) : MTU_MIN_IPV6,
                        ipv4 ? MTU_MIN_IPV4 : MTU_MIN_IPV6,
                        ipv4 ? env->settings->pmtu_floor : MTU_MIN_IPV6};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (sizes[i] < c->path_mtu && sizes[i] > headers(c) + 64)
            return (uint16_t)sizes[i];
    return 0;
}

static void search(struct hf_env *env, struct hf_tcp *c, uint32_t high)
{
    uint32_t most = size_most(c);
    high = high < most ? high : most;
    c->mtu_high = high > c->path_mtu ? (uint16_t)high : 0;
    c->mtu_try_high = true;
    c->path_mtu_s = hf_tcp_now_s(env);
}

void hf_mtu_probe_init(struct hf_env *env, struct hf_tcp *c)
{
    if (env->settings->mtu_probing < HF_MTU_PROBING_ALWAYS)
        return;
    uint16_t low = size_below(env, c);
    if (!low)
        return;
    c->mtu_high = c->path_mtu;
    c->path_mtu = low;
    c->mtu_silent = true;
}

/* ---- Down ---- */

void hf_mtu_black_hole(struct hf_env *env, struct hf_tcp *c)
{
    uint16_t low = size_below(env, c);
    if (!env->settings->mtu_probing || c->backoff < env->settings->r1 || !low)
        return;
    if (c->snd_nxt - c->snd_una <= text_in(c, low)) /* what does not get through would fit */
        return;
    uint16_t was = c->mtu_high ? c->mtu_high : c->path_mtu;
    c->path_mtu = low;
    c->mtu_silent = true;
    search(env, c, was);
    hf_tcp_set_mss(env, c);
    hf_path_info_keep(env, c);
}

/* ---- Up ---- */

bool hf_mtu_probe_age(struct hf_env *env, struct hf_tcp *c)
{
    if (c->mtu_silent)
        search(env, c, env->link_mtu[c->link]);
    return c->mtu_silent;
}

/* The size to try next; 0: the search is over. */
static uint32_t next_size(const struct hf_tcp *c)
{
    uint32_t most = size_most(c);
    uint32_t high = c->mtu_high < most ? c->mtu_high : most;
    if (c->mtu_try_high)
        return high;
    return high > c->path_mtu + CLOSE_ENOUGH ? (c->path_mtu + high + 1) / 2 : 0;
}

uint32_t hf_mtu_probe_text(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a,
                           uint32_t queued, uint32_t by_peer)
{
    /* Nothing may be lost already, and no SACK blocks may take the room that is to be tried. */
    if (a->mtu_start != a->mtu_end || a->phase != HF_PHASE_SLOW_START || a->dupacks ||
        a->sent.sacked || a->sent.lost.first || a->ranges || c->flags & HF_F_DSACK)
        return 0;
    uint32_t size = next_size(c);
    if (size <= c->path_mtu) {
        c->mtu_high = 0;
        c->path_mtu_s = hf_tcp_now_s(env);
        return 0;
    }
    uint32_t text = text_in(c, size), needed = text + FOLLOWERS * c->mss;
    bool room = queued >= needed && by_peer >= needed && a->cc.cwnd >= needed;
    return text > c->mss && room ? text : 0;
}

void hf_mtu_probe_sent(const struct hf_tcp *c, struct hf_active *a, hf_seq start, hf_seq end)
{
    a->mtu_start = start;
    a->mtu_end = end;
    a->mtu_probe = (uint16_t)(end - start + headers(c) + (c->flags & HF_F_TIMESTAMPS ? 12 : 0));
}

void hf_mtu_probe_acked(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (hf_seq_lt(c->snd_una, a->mtu_end))
        return;
    uint16_t size = a->mtu_probe;
    hf_mtu_probe_forget(a);
    if (!size || !c->mtu_high)
        return;
    c->path_mtu = size;
    c->mtu_try_high = false;
    c->path_mtu_s = hf_tcp_now_s(env);
    hf_tcp_set_mss(env, c);
}

/* It did not get through. What it carried counts as lost, and is cut anew when it leaves again. */
static void failed(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (c->mtu_high >= a->mtu_probe)
        c->mtu_high = (uint16_t)(a->mtu_probe - 1);
    c->mtu_try_high = false;
    a->mtu_probe = 0;
    uint32_t i = hf_sent_find(env, &a->sent, a->mtu_start);
    if (i && !(hf_sent_at(env, i)->flags & (HF_SENT_LOST | HF_SENT_SACKED)))
        hf_sent_lost(env, &a->sent, i);
    a->rtx_first = true;
    a->rtx_reason = HF_SEND_PMTU;
    a->timing = false;
    hf_tcp_want(env, c, 0);
}

bool hf_mtu_probe_explains_loss(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (a->mtu_start == a->mtu_end)
        return false;
    for (uint32_t i = a->sent.lost.first; i; i = hf_sent_at(env, i)->later) {
        const struct hf_sent *s = hf_sent_at(env, i);
        if (hf_seq_lt(s->start, a->mtu_start) || hf_seq_gt(s->end, a->mtu_end) ||
            s->flags & HF_SENT_EVER_RESENT) {
            hf_mtu_probe_forget(a); /* more than that is lost, or lost again */
            return false;
        }
    }
    if (a->mtu_probe)
        failed(env, c, a);
    return true;
}

bool hf_mtu_probe_explains_duplicates(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (!a->mtu_probe || c->snd_una != a->mtu_start)
        return false;
    failed(env, c, a);
    a->recover = c->snd_nxt; /* duplicates that it causes from here on start nothing */
    a->recover_valid = true;
    return true;
}

/* ---- What a router says (believed already) ---- */

void hf_mtu_probe_too_big(struct hf_env *env, struct hf_tcp *c, uint16_t mtu)
{
    struct hf_active *a = hf_tcp_active(env, c);
    if (mtu >= c->mtu_high)
        return;
    if (a && a->mtu_probe > mtu)
        failed(env, c, a);
    search(env, c, mtu);
}
