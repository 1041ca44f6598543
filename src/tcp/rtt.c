/* Round-trip time and the retransmission timeout: RFC 6298, with Karn's rule kept by the callers
 * (no sample from what was sent twice). Integers in microseconds. */
#include "tcp/tcp.h"

static uint32_t clamp_us(const struct hf_env *env, uint64_t us)
{
    return us < env->rto_min_us   ? env->rto_min_us
           : us > env->rto_max_us ? env->rto_max_us
                                  : (uint32_t)us;
}

void hf_rtt_init(struct hf_env *env, struct hf_tcp *c)
{
    const struct hf_settings *s = env->settings;
    env->rto_min_us = (uint32_t)(s->rto_min / HF_US);
    env->rto_max_us = (uint32_t)(s->rto_max / HF_US);
    env->tick_us = (uint32_t)(s->clock_tick / HF_US);
    c->srtt_us = c->rttvar_us = 0;
    c->rto_us = (uint32_t)(s->rto_initial / HF_US);
}

/* RFC 6298 2.2, 2.3: alpha = 1/8, beta = 1/4, K = 4, G the clock's tick. */
void hf_rtt_sample(struct hf_env *env, struct hf_tcp *c, hf_time rtt)
{
    const hf_time longest = 300 * HF_SEC;
    uint32_t us = rtt < HF_US ? 1 : (uint32_t)((uint64_t)(rtt < longest ? rtt : longest) / 1000u);
    if (!c->srtt_us) {
        c->srtt_us = us;
        c->rttvar_us = us / 2;
    } else {
        uint32_t off = us > c->srtt_us ? us - c->srtt_us : c->srtt_us - us;
        c->rttvar_us = (uint32_t)((3ull * c->rttvar_us + off) / 4);
        c->srtt_us = (uint32_t)((7ull * c->srtt_us + us) / 8);
        if (!c->srtt_us)
            c->srtt_us = 1;
    }
    hf_rtt_timeout(env, c);
}

void hf_rtt_timeout(struct hf_env *env, struct hf_tcp *c)
{
    uint64_t spread = 4ull * c->rttvar_us;
    if (env->settings->rto_min_on_variance && spread < env->rto_min_us)
        spread = env->rto_min_us;
    if (spread < env->tick_us)
        spread = env->tick_us;
    c->rto_us = clamp_us(env, c->srtt_us + spread);
}

/* RFC 6298 5.5: double it, up to the ceiling; it stays so until there is a new sample. */
void hf_rtt_back_off(struct hf_env *env, struct hf_tcp *c)
{
    c->rto_us = clamp_us(env, 2ull * c->rto_us);
    if (c->backoff < UINT8_MAX)
        c->backoff++;
}
