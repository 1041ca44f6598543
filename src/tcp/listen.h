/* Listeners: passive OPENs, their accept queues and held SYNs. */
#ifndef HF_TCP_LISTEN_H
#define HF_TCP_LISTEN_H

#include <handfast/tcp.h>

#include "base/env.h"
#include "wire/flow.h"

struct hf_tcp;

struct hf_listening {
    uint8_t local[16], remote[16]; /* all zero: any. First: see struct hf_tcp                 */
    uint32_t self, generation;
    uint16_t local_port, remote_port; /* remote 0: any                                        */
    uint8_t family;                /* HF_FAMILY_NONE: both                                    */
    uint8_t zone;
    bool hold, any_address, any_port;
    bool fast_open_no_cookie;
    uint8_t fast_open_keys;        /* of its own; 0: the stack's                              */
    bool plain;                    /* for any local and remote end of either family           */
    bool on_ready, zombie;
    uint16_t events;
    uint32_t next;                 /* in its bucket                                           */
    hf_ref ready_next;
    uint32_t backlog;
    uint32_t half_opens;           /* entries that came through it                            */
    uint32_t accept_first, accept_last, accept_count;
    uint64_t *held;                /* ring of hf_syn handles not yet told, backlog+1 long     */
    uint32_t held_first, held_count;
    uint64_t user;
    uint32_t options_set;          /* bits by enum hf_option: what hf_listener_set was given   */
    int64_t *options;              /* by enum hf_option; NULL: nothing was set                */
    uint32_t fast_open_max;        /* hf_listen.fast_open                                     */
    uint32_t fast_open_pending;    /* connections that wait for their third segment           */
    uint32_t fast_open_resets[2];  /* such that were reset in this minute, and in the last    */
    uint32_t fast_open_minute;
    struct hf_key fast_open_key[2];
};

#define HF_LISTENER_SLAB 3u /* listeners in a slab of their pool, as a power of two             */
_Static_assert(sizeof(struct hf_listening) % 8 == 0, "a pool rounds sizes up to 8");

static inline struct hf_listening *hf_listening_at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_listening *)hf_pool_place(&env->listeners, index,
                                                sizeof(struct hf_listening), HF_LISTENER_SLAB);
}

int hf_listen_open(struct hf_env *env, const struct hf_listen *listen, const uint8_t local[16],
                   const uint8_t remote[16], struct hf_listening **listener);
void hf_listen_close(struct hf_env *env, struct hf_listening *l, bool reset_waiting);
/* The memory that hangs on it: held SYNs and options. */
void hf_listen_give_back(struct hf_env *env, struct hf_listening *l);
void hf_listen_free(struct hf_env *env, struct hf_listening *l);

/* The listener for a connection to flow->local: exact address, then any, then any port. */
struct hf_listening *hf_listen_find(const struct hf_env *env, const struct hf_flow *flow,
                                    bool to_us);

/* What the listener was given for this option, or `otherwise`. */
static inline int64_t hf_listen_option(const struct hf_listening *l, enum hf_option option,
                                       int64_t otherwise)
{
    return l && l->options_set >> option & 1 ? l->options[option] : otherwise;
}
int hf_listen_set(struct hf_env *env, struct hf_listening *l, enum hf_option option, int64_t value);
/* A block in SYN-RECEIVED takes them over. */
void hf_listen_hand_down(struct hf_env *env, const struct hf_listening *l, struct hf_tcp *block);

/* Linux: backlog + 1 connections may wait. */
bool hf_listen_is_full(const struct hf_listening *l);
bool hf_listen_half_open_full(const struct hf_env *env, const struct hf_listening *l);

/* An established connection joins the queue. */
void hf_listen_queue(struct hf_env *env, struct hf_listening *l, struct hf_tcp *c);
struct hf_tcp *hf_listen_take(struct hf_env *env, struct hf_listening *l);

/* A held SYN waits to be told of; false: no room. */
bool hf_listen_hold(struct hf_env *env, struct hf_listening *l, uint64_t syn);
/* The next that still waits; 0: none. */
uint64_t hf_listen_next_held(struct hf_env *env, struct hf_listening *l);

#endif
