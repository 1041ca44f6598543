/* TIME-WAIT: 2MSL in 40 bytes for IPv4, in 64 for IPv6 (RFC 9293 3.6.1, RFC 6191, RFC 1337). All
 * entries last equally long, so those of a family stand in one list, oldest first; a restart moves
 * an entry to its end. An entry is named by its reference, whose kind tells the family. */
#ifndef HF_TCP_TIME_WAIT_H
#define HF_TCP_TIME_WAIT_H

#include "base/env.h"
#include "base/seq.h"
#include "wire/flow.h"
#include "wire/tcp.h"

struct hf_tcp;

/* What both families keep. */
struct hf_time_wait {
    hf_seq snd_nxt, rcv_nxt;
    uint32_t ts_recent;
    uint32_t prev, next; /* in the list                                                       */
    uint32_t tick;       /* of its end                                                        */
    uint16_t window;     /* as it stands in a header                                          */
    uint8_t flags;       /* HF_TW_...                                                         */
    uint8_t link;
};

struct hf_time_wait_ipv6 {
    struct hf_flow flow;
    struct hf_time_wait entry;
};

struct hf_time_wait_ipv4 {
    struct hf_tuple_ipv4 tuple;
    struct hf_time_wait entry;
};

enum { HF_TW_TIMESTAMPS = 1 };

#define HF_TIME_WAIT_SLAB 7u /* entries in a slab of either pool, as a power of two            */
_Static_assert(sizeof(struct hf_time_wait_ipv6) == 64, "a TIME-WAIT entry of IPv6");
_Static_assert(sizeof(struct hf_time_wait_ipv4) == 40, "a TIME-WAIT entry of IPv4");

/* The connection c is in TIME-WAIT: make its entry and let go of the block (it stays, detached, if
 * the application holds its handle). */
void hf_time_wait_begin(struct hf_env *env, struct hf_tcp *c);
/* D16: a connection that we reset: its pair of endpoints rests for 2MSL as well. */
void hf_time_wait_hold(struct hf_env *env, struct hf_tcp *c);
void hf_time_wait_arrives(struct hf_env *env, hf_ref ref, uint64_t hash, struct hf_seg *seg);
/* TWT.SYN: may this SYN open a new connection over the entry (RFC 6191, MAY-2)? */
bool hf_time_wait_may_reopen(const struct hf_env *env, hf_ref ref, const struct hf_seg *seg);
/* D12: may an active OPEN take the pair over? */
bool hf_time_wait_may_reuse(const struct hf_env *env, hf_ref ref);
/* An ISS for the connection that replaces it: above everything it has sent. */
hf_seq hf_time_wait_next_iss(const struct hf_env *env, hf_ref ref, hf_seq iss);
/* The entry of a connection in TIME-WAIT; 0: it is over. */
hf_ref hf_time_wait_of(struct hf_env *env, const struct hf_tcp *c);
void hf_time_wait_end(struct hf_env *env, hf_ref ref, enum hf_cause cause, enum hf_by by,
                      unsigned detail);
/* The one that ends first; 0: there is none. */
hf_ref hf_time_wait_oldest(const struct hf_env *env);
/* When it ends; HF_NEVER: there is none. */
hf_time hf_time_wait_deadline(const struct hf_env *env);
void hf_time_wait_timers(struct hf_env *env);
void hf_time_wait_shift(struct hf_env *env, hf_time by);

#endif
