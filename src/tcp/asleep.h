/* Connections that nothing has happened to for a while, and to which nothing is to happen: 136 bytes
 * instead of a block. Such an entry holds all that the block held; the first segment, call or timer
 * makes it a block again, and nobody can tell the difference. What only a connection has that has
 * carried text, or has options of its own, stands in a second part; the options themselves are shared
 * by all sleepers that have the same. */
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
    hf_seq rcv_nxt, rcv_adv, snd_nxt;
    uint32_t snd_wnd;
    hf_seq snd_wl1;
    uint32_t ts_recent, ts_offset, snd_wnd_max;
    uint32_t srtt_us, rttvar_us;
    uint32_t began_ms; /* when the block was made                                             */
    uint32_t past;     /* index of its struct hf_past; 0: there is none                       */
    uint16_t path_mtu, peer_mss, rcv_mss, mtu_high;
    uint16_t opened_ms; /* from began_ms until it was open                                    */
    uint8_t snd_wscale : 4, rcv_wscale : 4;
    uint8_t link : 4, ecn : 4;
    uint8_t quick_acks : 6, congestion : 2;
    uint8_t reo_steps : 5, mtu_try_high : 1, mtu_silent : 1;
    uint8_t segments_sent : 4, segments_received : 4; /* while there is no past               */
    uint8_t peer_tos;
};

struct hf_past {
    uint64_t bytes_sent, bytes_received;
    uint32_t segments_sent, segments_received, retransmits;
    uint32_t text_segments_sent, text_segments_received, segments_out_of_order;
    uint32_t bytes_resent;
    struct hf_congestion_saved saved;
    uint32_t busy_ms, window_ms;
    uint32_t last_send_ms, last_text_ms, invalid_ack_ms;
    uint32_t rcv_buffer : 31, rcv_locked : 1;
    uint32_t rcv_mark, rcv_mark_ms;
    uint32_t path_mtu_s, ts_recent_s;
    uint16_t challenge_spent, challenge_s;
    uint32_t choices; /* index of its struct hf_choices; 0: those of the settings             */
};

/* What an application chose. */
struct hf_choices {
    uint32_t keepalive_idle_s, keepalive_interval_s;
    uint32_t r2_ms, user_timeout_ms;
    uint32_t snd_buffer : 31, snd_locked : 1;
    uint16_t mss_limit;
    uint8_t keepalive_probes, tos, ttl;
    uint8_t fill[7]; /* zero: they are compared as they lie in memory                         */
};

struct hf_shared_choices {
    uint32_t next, users; /* the next of its chain                                            */
    struct hf_choices choices;
};

#define HF_AWAKE_MIN 32u
#define HF_ASLEEP_SLAB 5u /* entries of each kind in a slab, as a power of two               */
_Static_assert(sizeof(struct hf_asleep) == 136, "a connection asleep");
_Static_assert(sizeof(struct hf_shared_choices) % 8 == 0, "a pool rounds sizes up to 8");
_Static_assert(sizeof(struct hf_past) == 104, "what it has behind it");

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
/* For tests: would this block come back from sleep as it is? NULL: it would, or may not sleep. */
const char *hf_asleep_check(struct hf_env *env, const struct hf_tcp *c);

#endif
