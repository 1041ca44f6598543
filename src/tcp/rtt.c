/* Round-trip time and the retransmission timeout: RFC 6298, with Karn's rule kept by the callers
 * (no sample from what was sent twice). Integers in microseconds. */
#include "tcp/tcp.h"

static uint32_t clamp_us(const struct hf_env *env, uint64_t us)
{
    uint64_t low = (uint64_t)(env->settings->rto_min / HF_US);
    uint64_t high = (uint64_t)(env->settings->rto_max / HF_US);
    return (uint32_t)(us < low ? low : us > high ? high : us);
}

void hf_rtt_init(struct hf_env *env, struct hf_tcp *c)
{
    c->srtt_us = c->rttvar_us = 0;
    c->rto_us = (uint32_t)(env->settings->rto_initial / HF_US);
}

/* RFC 6298 2.2, 2.3: alpha = 1/8, beta = 1/4, K = 4, G the clock's tick. */
void hf_rtt_sample(struct hf_env *env, struct hf_tcp *c, hf_time rtt)
{
    int64_t us64 = rtt / HF_US;
    uint32_t us = us64 < 1 ? 1 : us64 > 300000000 ? 300000000u : (uint32_t)us64;
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
    uint64_t spread = 4ull * c->rttvar_us, floor_us = (uint64_t)(env->settings->rto_min / HF_US);
    uint64_t tick_us = (uint64_t)(env->settings->clock_tick / HF_US);
    if (env->settings->rto_min_on_variance && spread < floor_us)
        spread = floor_us;
    if (spread < tick_us)
        spread = tick_us;
    c->rto_us = clamp_us(env, c->srtt_us + spread);
}

/* RFC 6298 5.5: double it, up to the ceiling; it stays so until there is a new sample. */
void hf_rtt_back_off(struct hf_env *env, struct hf_tcp *c)
{
    c->rto_us = clamp_us(env, 2ull * c->rto_us);
    if (c->backoff < UINT8_MAX)
        c->backoff++;
}
