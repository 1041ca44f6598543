/* Answers that do not come from a connection's queue: resets (RFC 9293 3.5.2) and the ACKs of
 * blocks that live on the C stack. They leave through the link's reply ring.
 *
 * Challenge ACKs (RFC 5961 7) are limited per connection: a shared counter told attackers about
 * other people's connections (CVE-2016-5696). */
#include <string.h>

#include "tcp/tcp.h"

static void reply_flow(struct hf_reply *r, const struct hf_flow *flow)
{
    memcpy(r->addresses, flow->local, 16);
    memcpy(r->addresses + 16, flow->remote, 16);
    r->local_port = flow->local_port;
    r->remote_port = flow->remote_port;
}

static struct hf_reply *reply(struct hf_env *env, unsigned link, const struct hf_flow *flow)
{
    struct hf_reply *r = hf_env_reply(env, link);
    if (!r)
        return 0;
    reply_flow(r, flow);
    r->kind = HF_REPLY_TCP;
    r->wscale = HF_NO_WSCALE;
    r->tos = 0;
    r->ttl = env->settings->ttl;
    return r;
}

/* Row C5: so many resets a second for segments that belong to nobody. */
static bool reset_allowed(struct hf_env *env)
{
    uint32_t second = (uint32_t)(env->now / HF_SEC);
    if (env->reset_s != second) {
        env->reset_s = second;
        env->reset_spent = 0;
    }
    return env->reset_spent++ < env->settings->reset_rate;
}

void hf_tcp_refuse(struct hf_env *env, const struct hf_flow *flow, const struct hf_seg *seg)
{
    if (seg->flags & HF_RST)
        return;
    if (!reset_allowed(env)) {
        hf_env_drop(env, HF_DROP_RST_RATE, 0, HF_CLOSED, seg->packet);
        return;
    }
    struct hf_reply *r = reply(env, seg->link, flow);
    if (!r)
        return;
    r->reason = HF_SEND_RESET;
    if (seg->flags & HF_ACK) {
        r->seq = seg->ack;
        r->flags = HF_RST;
    } else {
        r->ack = seg->seq + hf_seg_len(seg);
        r->flags = HF_RST | HF_ACK;
    }
    env->counters.resets_out++;
}

/* An answer of a connection's: ACK set, its own numbers and options. */
static struct hf_reply *reply_of(struct hf_env *env, const struct hf_tcp *c, hf_seq seq)
{
    struct hf_reply *r = reply(env, c->link, &c->flow);
    if (!r)
        return 0;
    r->seq = seq;
    r->ack = c->rcv_nxt;
    r->conn = c->hash;
    r->state = c->state;
    r->tos = c->tos & (uint8_t)~HF_ECN_BITS;
    r->ttl = c->ttl;
    if (c->flags & HF_F_TIMESTAMPS) {
        r->options |= HF_REPLY_TS | HF_REPLY_TS_CLOCK;
        r->tsval = c->ts_offset;
        r->tsecr = c->ts_recent;
    }
    return r;
}

/* D9: SEQ is right only if the peer has everything we sent; if not, it challenges, and CLOSED
 * answers that with a reset that fits. */
static void own_reset(struct hf_env *env, const struct hf_tcp *c, hf_seq seq, unsigned flags)
{
    struct hf_reply *r = reply_of(env, c, seq);
    if (!r)
        return;
    r->flags = (uint16_t)flags;
    if (!(flags & HF_ACK))
        r->ack = 0;
    r->reason = HF_SEND_RESET;
    env->counters.resets_out++;
}

void hf_tcp_send_reset(struct hf_env *env, const struct hf_tcp *c)
{
    own_reset(env, c, hf_tcp_empty_seq(c), HF_RST | HF_ACK);
}

void hf_tcp_answer_reset(struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg)
{
    own_reset(env, c, env->settings->reset_by_ack ? seg->ack : hf_tcp_empty_seq(c), HF_RST);
}

void hf_tcp_reply_ack(struct hf_env *env, struct hf_tcp *c)
{
    struct hf_reply *r = reply_of(env, c, c->snd_nxt);
    if (!r)
        return;
    r->flags = HF_ACK;
    r->window = hf_tcp_select_window(env, c, hf_tcp_active(env, c), false);
    r->scale = c->rcv_wscale;
    r->reason = c->challenges_owed ? HF_SEND_CHALLENGE : HF_SEND_REPLY;
    c->last_ack_sent = c->rcv_nxt;
    c->challenges_owed = 0;
    c->want &= (uint8_t)~HF_WANT_ACK;
}

bool hf_tcp_may_challenge(struct hf_env *env, struct hf_tcp *c, unsigned limit)
{
    uint32_t now_s = hf_tcp_now_s(env);
    uint32_t interval_s = (uint32_t)((env->settings->challenge_interval + HF_SEC - 1) / HF_SEC);
    if ((uint16_t)(now_s - c->challenge_s) >= interval_s || c->challenge_spent == 0) {
        c->challenge_s = (uint16_t)now_s;
        c->challenge_spent = 0;
    }
    if (c->challenge_spent >= limit) {
        env->counters.drops[HF_DROP_CHALLENGE_RATE]++;
        return false;
    }
    c->challenge_spent++;
    return true;
}

void hf_ledger_load(const struct hf_env *env, struct hf_tcp *block)
{
    const struct hf_ledger_place *p = &env->ledger[block->hash % HF_LEDGER_PLACES];
    if (p->hash != block->hash)
        return;
    block->challenge_s = (uint16_t)p->second;
    block->challenge_spent = p->spent;
}

void hf_ledger_store(struct hf_env *env, const struct hf_tcp *block)
{
    if (!block->challenge_spent)
        return;
    struct hf_ledger_place *p = &env->ledger[block->hash % HF_LEDGER_PLACES];
    p->hash = block->hash;
    p->second = block->challenge_s;
    p->spent = block->challenge_spent;
}

/* C: the same bytes as an ACK, for a segment that may be an attack. */
void hf_tcp_challenge(struct hf_env *env, struct hf_tcp *c)
{
    if (!hf_tcp_may_challenge(env, c, env->settings->challenge_count))
        return;
    env->counters.challenge_acks++;
    if (c->challenges_owed < UINT8_MAX)
        c->challenges_owed++;
    hf_tcp_want(env, c, 0);
}
