/* Numbers that an outsider must not predict: initial sequence numbers (RFC 6528), the offset of a
 * pair's timestamp clock (RFC 7323 7.1) and ephemeral ports (RFC 6056). */
#include "tcp/tcp.h"

#include <string.h>

/* RFC 9293 3.4.1: ISN = M + F(localip, localport, remoteip, remoteport, key), M advancing every
 * 4 us (MUST-8). F is a keyed function of the pair's keyed hash: two pairs have the same F only where
 * all 64 bits of that are the same, and of those an outsider sees 32 at the most (the timestamp
 * offset), which tells nothing of a function under another key. That he neither chooses nor knows what
 * is hashed makes up for the fewer rounds. */
hf_seq hf_initial_seq(const struct hf_env *env, uint64_t hash)
{
    if (env->unsafe && env->unsafe->fixed_iss)
        return env->unsafe->iss;
    uint32_t clock = (uint32_t)((uint64_t)env->now / 4000u);
    return clock + (uint32_t)hf_siphash13_words(&env->isn_key, &hash, 1);
}

/* A part of the pair's keyed hash that nothing else shows. */
uint32_t hf_timestamp_offset(const struct hf_env *env, uint64_t hash)
{
    return env->unsafe && env->unsafe->zero_ts_offset ? 0 : (uint32_t)(hash >> 32);
}

/* RFC 6056 3.3.2, algorithm 2 in the form that looks on from where it hit: a uniform draw under the
 * stack's key for every connection, then the next free port. Nothing is shared between
 * destinations, so nothing leaks from one to another. */
uint64_t hf_ephemeral_port(struct hf_env *env, struct hf_flow *flow, hf_ref *time_wait,
                           hf_seq *iss)
{
    const struct hf_settings *s = env->settings;
    uint32_t range = (uint32_t)(s->port_last - s->port_first) + 1;
    uint32_t first = s->port_first;
    uint32_t start;
    if (env->unsafe && env->unsafe->fixed_port) {
        first = env->unsafe->port;
        range = 65536u - first;
        start = 0;
    } else {
        start = hf_random_below(&env->random, range);
    }
    for (uint32_t i = 0; i < range; i++) {
        uint32_t at = start + i < range ? start + i : start + i - range;
        flow->local_port = (uint16_t)(first + at);
        uint64_t hash = hf_table_hash(&env->table, flow);
        hf_table_fetch(&env->table, hash); /* nobody has looked there lately */
        *iss = hf_initial_seq(env, hash);
        if (!hf_table_find(&env->table, hash, flow, time_wait) &&
            (!*time_wait || hf_time_wait_may_reuse(env, *time_wait)))
            return hash;
    }
    flow->local_port = 0;
    return 0;
}
