/* Connections that nothing has happened to for a while, and to which nothing is to happen: 112 bytes
 * instead of a block, and some 20 to 40 more for one that has carried text or has options of its own.
 * Such an entry holds all that the block held; the first segment, call or timer makes it a block
 * again, and nobody can tell the difference. What an entry has no field for is kept as a string: the
 * words in which the block differs from the one that the entry leads to expect. */
#ifndef HF_TCP_ASLEEP_H
#define HF_TCP_ASLEEP_H

#include "base/env.h"
#include "base/seq.h"
#include "tcp/congestion.h"
#include "wire/flow.h"

struct hf_tcp;
struct hf_sending_time;

/* The names are those of struct hf_tcp. */
struct hf_asleep {
    struct hf_flow flow;
    struct hf_timer timer; /* shortly before the connection's deadline                        */
    hf_time last_receive;
    uint64_t user;
    uint32_t handle, flags;
    hf_seq rcv_nxt, snd_nxt;
    uint32_t snd_wnd, ts_recent, ts_offset, srtt_us;
    uint32_t began_ms; /* when the block was made                                             */
    uint32_t rest;     /* where the string of differences is; 0: there are none               */
    uint16_t rcv_mss;
    uint8_t opened_ms; /* from began_ms until it was open                                     */
    uint8_t snd_wscale : 4, rcv_wscale : 4;
    uint8_t link : 4, ecn : 4;
    uint8_t quick_acks : 6, congestion : 2;
    uint8_t segments_sent : 4, segments_received : 4; /* of the larger ones, the low bits     */
    uint8_t mtu_silent : 1;
    uint8_t syn_wnd : 1; /* no larger window was told than fits in a SYN                      */
    uint8_t syn_wl1 : 1; /* SND.WL1 is the number of the peer's SYN                           */
};

#define HF_AWAKE_MIN 32u
#define HF_ASLEEP_SLAB 5u /* entries in a slab, as a power of two, and strings of each length */
_Static_assert(sizeof(struct hf_asleep) == 112, "a connection asleep");

/* The memory of entries and strings. */
void hf_asleep_init(struct hf_env *env, uint32_t connections_max);
void hf_asleep_reset(struct hf_env *env);
/* Look at a few connections, one after the other over the calls: who has had nothing to do for a
 * second goes to sleep. */
void hf_asleep_sweep(struct hf_env *env);
/* Is it time for that? Few blocks would free no slab. */
static inline bool hf_asleep_pays(const struct hf_env *env)
{
    return env->now_ms != env->swept_ms && env->conns.count >= HF_AWAKE_MIN;
}
/* The connection as a block in the pool; NULL: there is no memory for it, it sleeps on. */
struct hf_tcp *hf_asleep_wake(struct hf_env *env, uint32_t index);
/* The same as a block on the C stack, to be looked at. */
void hf_asleep_view(struct hf_env *env, uint32_t index, struct hf_tcp *block);
/* Its end, for this cause; reset: the peer hears of it. It needs no memory. */
void hf_asleep_end(struct hf_env *env, uint32_t index, enum hf_cause cause, enum hf_by by,
                   unsigned detail, bool reset);
void hf_asleep_timer(struct hf_env *env, uint32_t index);
/* Looks at every entry: the stack ends; the clock jumps. */
void hf_asleep_end_all(struct hf_env *env);
void hf_asleep_shift(struct hf_env *env, hf_time by);
/* For tests: is something left although nobody sleeps? */
bool hf_asleep_leaks(const struct hf_env *env);
/* For tests: would this block come back from sleep as it is? NULL: it would, or may not sleep. */
const char *hf_asleep_check(struct hf_env *env, const struct hf_tcp *c);

#endif
