/* ICMP errors that quote a segment of ours (RFC 9293 3.9.2.2, RFC 5461, RFC 5927). Only an error
 * whose quoted sequence number is in flight is believed; soft errors stay soft; a hard one ends an
 * attempt to open, and nothing else unless the settings ask for the letter (SHLD-26). */
#include "tcp/tcp.h"

static void trace_icmp(struct hf_env *env, const struct hf_tcp *c, unsigned kind, uint32_t mtu)
{
    if (!env->trace)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_ICMP, .conn = c->hash, .state = c->state};
    r.u.icmp.kind = (uint8_t)kind;
    r.u.icmp.mtu = mtu;
    hf_env_trace(env, &r, 0);
}

/* What Fast Open has opened and the application has taken counts as open. */
static bool is_opening(const struct hf_tcp *c)
{
    bool taken = (c->fast_open & HF_FO_PENDING) && !(c->flags & HF_F_ACCEPT_QUEUE);
    return c->state == HF_SYN_SENT || (c->state == HF_SYN_RECEIVED && !taken);
}

bool hf_icmp_ends_opening(const struct hf_env *env, enum hf_icmp_kind kind)
{
    return kind == HF_ICMP_HARD || (kind == HF_ICMP_SOFT && env->settings->soft_icmp_ends_open);
}

enum hf_drop hf_tcp_icmp_error(struct hf_env *env, struct hf_tcp *c,
                               const struct hf_icmp_report *report, bool *believed)
{
    enum hf_icmp_kind kind = report->kind;
    *believed = hf_seq_in(report->seq, c->snd_una, c->snd_nxt - c->snd_una);
    if (!*believed)
        return HF_DROP_ICMP_SEQUENCE;
    if (kind == HF_ICMP_TOO_BIG)
        return HF_DROP_NONE; /* the path's MTU changes: hf_tcp_path_mtu follows */
    trace_icmp(env, c, kind, 0);
    c->soft_error = kind & 0x3f;
    c->icmp_type = report->type;
    c->icmp_code = report->code;
    if (is_opening(c) ? hf_icmp_ends_opening(env, kind)
                      : kind == HF_ICMP_HARD && env->settings->hard_icmp_aborts) {
        hf_tcp_end(env, c, HF_CAUSE_UNREACHABLE, HF_BY_ICMP, kind);
        return HF_DROP_NONE;
    }
    if (!(c->flags & HF_F_NO_SOFT_ERRORS))
        hf_tcp_event(env, c, HF_EVENT_SOFT_ERROR);
    return HF_DROP_NONE;
}

/* Segments shrink; what was too big is lost, but that is no sign of congestion (RFC 1191 6.4). */
void hf_tcp_path_mtu(struct hf_env *env, struct hf_tcp *c, uint16_t mtu)
{
    if (mtu >= c->path_mtu) {
        hf_mtu_probe_too_big(env, c, mtu);
        return;
    }
    c->mtu_high = 0; /* the router knows */
    c->mtu_silent = false;
    trace_icmp(env, c, HF_ICMP_TOO_BIG, mtu);
    c->path_mtu = mtu;
    c->path_mtu_s = hf_tcp_now_s(env);
    uint16_t was = c->mss;
    hf_tcp_set_mss(env, c);
    if (c->mss < was && c->state >= HF_ESTABLISHED)
        hf_recovery_resend_all(env, c, HF_SEND_PMTU);
    else if (c->fast_open)
        hf_fast_open_too_big(env, c);
}

/* RFC 1191 6.3, RFC 8201 5.3: what a router once said is tried again after a while; if it is still
 * so, it will say it again. */
void hf_tcp_age_path_mtu(struct hf_env *env, struct hf_tcp *c)
{
    uint32_t age_s = (uint32_t)(env->settings->pmtu_age / HF_SEC);
    if (c->path_mtu >= env->link_mtu[c->link] || hf_tcp_now_s(env) - c->path_mtu_s < age_s)
        return;
    if (hf_mtu_probe_age(env, c))
        return;
    c->path_mtu = env->link_mtu[c->link];
    hf_tcp_set_mss(env, c);
}

/* Linux ip_sk_use_pmtu and ip_dont_fragment: an MTU below the minimum is not believed, but not
 * insisted upon either. */
bool hf_tcp_may_be_cut(const struct hf_env *env, const struct hf_tcp *c)
{
    return c->path_mtu <= env->settings->pmtu_floor && c->path_mtu < env->link_mtu[c->link] &&
           hf_flow_is_ipv4(&c->flow);
}
