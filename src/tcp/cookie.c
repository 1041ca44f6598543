/* SYN cookies (RFC 4987 3.6): the ISS of a SYN+ACK for which nothing is kept.
 *
 * t mod 8 (3 bits), index of the MSS (3 bits), keyed hash (26 bits); the upper six bits are masked
 * by another part of the hash. t counts 64 s, and a cookie of this t or the last is good: 2^24
 * random guesses hit one with a chance below 1/8. */
#include "tcp/cookie.h"

#include <string.h>

#define HASH_MASK 0x3ffffffu

static const uint16_t cookie_mss[8] = {64, 512, 536, 1220, 1360, 1400, 1440, 1460};

static uint64_t cookie_hash(const struct hf_env *env, const struct hf_flow *flow, hf_seq irs,
                            uint32_t t)
{
    uint8_t in[sizeof *flow + 8];
    memcpy(in, flow, sizeof *flow);
    memcpy(in + sizeof *flow, &irs, 4);
    memcpy(in + sizeof *flow + 4, &t, 4);
    return hf_siphash24(&env->cookie_key, in, sizeof in);
}

static uint32_t cookie_time(const struct hf_env *env)
{
    return (uint32_t)(env->now / HF_COOKIE_PERIOD);
}

hf_seq hf_cookie_make(const struct hf_env *env, const struct hf_flow *flow, hf_seq irs,
                      uint16_t mss)
{
    uint32_t t = cookie_time(env), index = 7;
    while (index > 0 && cookie_mss[index] > mss)
        index--;
    uint64_t hash = cookie_hash(env, flow, irs, t);
    uint32_t top = ((t & 7) << 3 | index) ^ (uint32_t)(cookie_hash(env, flow, 0, 0) >> 58);
    return top << 26 | ((uint32_t)hash & HASH_MASK);
}

uint16_t hf_cookie_read(const struct hf_env *env, const struct hf_flow *flow, hf_seq irs,
                        hf_seq cookie)
{
    uint32_t top = cookie >> 26 ^ (uint32_t)(cookie_hash(env, flow, 0, 0) >> 58);
    uint32_t now = cookie_time(env);
    for (uint32_t age = 0; age < 2; age++) {
        uint32_t t = now - age;
        if ((t & 7) == top >> 3 &&
            ((uint32_t)cookie_hash(env, flow, irs, t) & HASH_MASK) ==
                (cookie & HASH_MASK))
            return cookie_mss[top & 7];
    }
    return 0;
}
