/* Options of a connection, by name: bounds first, then the change, so that nothing changes when a
 * value is outside (RFC 9293 3.9.1; MUST-17, 21, 24, 27, 48, 49). */
#include "tcp/tcp.h"

/* The options that are one flag of the connection. */
static const struct {
    uint8_t option;
    bool inverted; /* the flag says that the option is off                                    */
    uint32_t flag;
} flag_options[] = {
    {HF_OPTION_NODELAY, false, HF_F_NODELAY},
    {HF_OPTION_KEEPALIVE, false, HF_F_KEEPALIVE},
    {HF_OPTION_CORK, false, HF_F_CORK},
    {HF_OPTION_SOFT_ERRORS, true, HF_F_NO_SOFT_ERRORS},
    {HF_OPTION_DELACK, true, HF_F_NO_DELACK},
};
#define FLAG_OPTIONS (sizeof flag_options / sizeof flag_options[0])

static bool set_flag_option(struct hf_tcp *c, enum hf_option option, int64_t value)
{
    for (unsigned i = 0; i < FLAG_OPTIONS; i++) {
        if (flag_options[i].option != option)
            continue;
        if ((value != 0) != flag_options[i].inverted)
            c->flags |= flag_options[i].flag;
        else
            c->flags &= ~flag_options[i].flag;
        return true;
    }
    return false;
}

static bool get_flag_option(const struct hf_tcp *c, enum hf_option option, int64_t *value)
{
    for (unsigned i = 0; i < FLAG_OPTIONS; i++) {
        if (flag_options[i].option != option)
            continue;
        *value = ((c->flags & flag_options[i].flag) != 0) != flag_options[i].inverted;
        return true;
    }
    return false;
}

static bool in(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static bool fits(enum hf_option option, int64_t value)
{
    switch (option) {
    case HF_OPTION_NODELAY:
    case HF_OPTION_KEEPALIVE:
    case HF_OPTION_SOFT_ERRORS:
    case HF_OPTION_DELACK:
    case HF_OPTION_CORK:
        return in(value, 0, 1);
    case HF_OPTION_KEEPALIVE_IDLE:
    case HF_OPTION_KEEPALIVE_INTERVAL:
        return in(value, HF_SEC, INT32_MAX * HF_SEC);
    case HF_OPTION_KEEPALIVE_PROBES:
        return in(value, 2, 255); /* MUST-29 */
    case HF_OPTION_SYN_RETRIES:
        return in(value, 1, 255);
    case HF_OPTION_R2:
    case HF_OPTION_USER_TIMEOUT:
        return in(value, 0, UINT32_MAX * HF_MS);
    case HF_OPTION_TOS:
        return in(value, 0, 255);
    case HF_OPTION_TTL:
        return in(value, 1, 255);
    case HF_OPTION_SND_BUFFER:
    case HF_OPTION_RCV_BUFFER:
        return value == 0 || in(value, 1024, 1 << 30);
    case HF_OPTION_MSS:
        return value == 0 || in(value, HF_MSS_LIMIT_MIN, 65495);
    case HF_OPTION_CONGESTION:
        return in(value, 0, HF_CONGESTION_COUNT - 1);
    case HF_OPTION_USER:
        return true;
    default:
        return false;
    }
}

/* Before the SYN has told a scale, a larger buffer may still get a larger one. */
static void set_receive_buffer(struct hf_env *env, struct hf_tcp *c, uint32_t bytes)
{
    hf_receive_buffer_set(env, c, bytes);
    if (c->state == HF_SYN_SENT && !hf_tcp_outstanding(c))
        c->rcv_wscale = hf_receive_scale(env->settings, bytes);
    hf_tcp_window_opened(env, c);
}

void hf_call_set_congestion(struct hf_env *env, struct hf_tcp *c, unsigned control)
{
    unsigned now = control ? control : hf_congestion_number(env->settings->congestion);
    struct hf_active *a = hf_tcp_active(env, c);
    if (c->congestion == now)
        return;
    c->saved.ssthresh = hf_congestion_saved_ssthresh(c->congestion, &c->saved);
    c->saved.own = 0; /* it meant something to the other one */
    c->congestion = now & 3u;
    if (!a)
        return;
    if (a->cc.ops->own_window && a->phase == HF_PHASE_RECOVERY)
        a->cc.ssthresh = a->cc.cwnd; /* where the others end a recovery, and it has set none */
    hf_congestion_change(&a->cc, hf_congestion_of(now), env->settings, env->now);
}

/* Nagle or the cork is taken off: what they, or MORE, hold back leaves now. */
static void let_go(struct hf_env *env, struct hf_tcp *c, enum hf_option option, int64_t value)
{
    if (option == HF_OPTION_CORK && !value)
        c->flags &= ~(uint32_t)HF_F_MORE;
    if (option == HF_OPTION_NODELAY && value)
        hf_tcp_want(env, c, HF_WANT_PUSH);
}

static void set_value(struct hf_env *env, struct hf_tcp *c, enum hf_option option, int64_t value)
{
    switch (option) {
    case HF_OPTION_KEEPALIVE_IDLE:
        c->keepalive_idle_s = (uint32_t)(value / HF_SEC);
        break;
    case HF_OPTION_KEEPALIVE_INTERVAL:
        c->keepalive_interval_s = (uint32_t)(value / HF_SEC);
        break;
    case HF_OPTION_KEEPALIVE_PROBES:
        c->keepalive_probes = (uint8_t)value;
        break;
    case HF_OPTION_SYN_RETRIES:
        if (c->snd_una == c->iss)
            c->syn_retries = (uint8_t)value;
        break;
    case HF_OPTION_R2:
        c->r2_ms = hf_tcp_limit_ms(value);
        break;
    case HF_OPTION_USER_TIMEOUT:
        c->user_timeout_ms = hf_tcp_limit_ms(value);
        c->flags |= HF_F_USER_TIMEOUT;
        break;
    case HF_OPTION_TOS:
        c->tos = (uint8_t)value;
        break;
    case HF_OPTION_TTL:
        c->ttl = (uint8_t)value;
        break;
    case HF_OPTION_SND_BUFFER:
        hf_send_buffer_set(env, c, (uint32_t)value);
        break;
    case HF_OPTION_RCV_BUFFER:
        set_receive_buffer(env, c, (uint32_t)value);
        break;
    case HF_OPTION_MSS:
        c->mss_limit = (uint16_t)value;
        hf_tcp_set_mss(env, c);
        break;
    case HF_OPTION_CONGESTION:
        hf_call_set_congestion(env, c, (unsigned)value);
        break;
    default:
        c->user = (uint64_t)value;
        break;
    }
}

bool hf_option_fits(enum hf_option option, int64_t value)
{
    return fits(option, value);
}

int hf_call_set(struct hf_env *env, struct hf_tcp *c, enum hf_option option, int64_t value)
{
    if (!fits(option, value))
        return HF_ERR_ARGUMENT;
    if (!set_flag_option(c, option, value))
        set_value(env, c, option, value);
    let_go(env, c, option, value);
    hf_tcp_want(env, c, 0); /* what was held back may go now */
    hf_tcp_rearm(env, c);
    return HF_OK;
}

int hf_call_get(struct hf_env *env, struct hf_tcp *c, enum hf_option option, int64_t *value)
{
    if (get_flag_option(c, option, value))
        return HF_OK;
    switch (option) {
    case HF_OPTION_KEEPALIVE_IDLE:
        *value = c->keepalive_idle_s * HF_SEC;
        break;
    case HF_OPTION_KEEPALIVE_INTERVAL:
        *value = c->keepalive_interval_s * HF_SEC;
        break;
    case HF_OPTION_KEEPALIVE_PROBES:
        *value = c->keepalive_probes;
        break;
    case HF_OPTION_SYN_RETRIES:
        *value = c->snd_una == c->iss ? c->syn_retries : env->settings->syn_retries;
        break;
    case HF_OPTION_R2:
        *value = hf_tcp_limit(c->r2_ms);
        break;
    case HF_OPTION_USER_TIMEOUT:
        *value = hf_tcp_limit(c->user_timeout_ms);
        break;
    case HF_OPTION_TOS:
        *value = c->tos;
        break;
    case HF_OPTION_TTL:
        *value = c->ttl;
        break;
    case HF_OPTION_SND_BUFFER:
        *value = hf_send_buffer(env, c);
        break;
    case HF_OPTION_RCV_BUFFER:
        *value = c->rcv_buffer;
        break;
    case HF_OPTION_USER:
        *value = (int64_t)c->user;
        break;
    case HF_OPTION_CONGESTION:
        *value = c->congestion;
        break;
    case HF_OPTION_MSS:
        *value = c->mss;
        break;
    case HF_OPTION_SEND_ROOM:
        *value = hf_call_may_send(c) ? 0 : hf_call_send_room(env, c);
        break;
    case HF_OPTION_SYN_ROOM:
        *value = hf_fast_open_room(env, c);
        break;
    default:
        return HF_ERR_ARGUMENT;
    }
    return HF_OK;
}
