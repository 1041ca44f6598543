/* See pacing.h. */
#include "tcp/pacing.h"

#define CREDIT_MAX HF_MS         /* docs/architecture.md: at most 1 ms                          */
#define BATCH (HF_MS / 4)        /* what may gather before it is worth waking for               */

static hf_time time_of(uint64_t octets, uint64_t rate)
{
    return (hf_time)((octets * (uint64_t)HF_SEC + rate - 1) / rate);
}

uint32_t hf_pacer_room(const struct hf_pacer *p, uint64_t rate, uint32_t mss, hf_time now)
{
    if (p->next > now)
        return 0;
    hf_time credit = now - p->next < CREDIT_MAX ? now - p->next : CREDIT_MAX;
    uint64_t octets = rate < (1ull << 40) ? rate * (uint64_t)credit / (uint64_t)HF_SEC : UINT32_MAX;
    return octets < UINT32_MAX - mss ? (uint32_t)octets + mss : UINT32_MAX;
}

hf_time hf_pacer_wake(const struct hf_pacer *p, uint64_t rate, uint32_t mss)
{
    hf_time segment = time_of(mss, rate);
    return segment >= BATCH ? p->next : p->next + BATCH - segment;
}

void hf_pacer_sent(struct hf_pacer *p, uint64_t rate, uint32_t octets, hf_time now)
{
    hf_time from = p->next > now - CREDIT_MAX ? p->next : now - CREDIT_MAX;
    p->next = from + time_of(octets, rate);
}
