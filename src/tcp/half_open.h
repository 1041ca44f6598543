/* Half-open connections: a SYN came, the third segment has not (RFC 4987). 64 bytes each. */
#ifndef HF_TCP_HALF_OPEN_H
#define HF_TCP_HALF_OPEN_H

#include "base/env.h"
#include "base/seq.h"
#include "wire/flow.h"
#include "wire/tcp.h"

struct hf_tcp;
struct hf_listening;

struct hf_half_open {
    struct hf_flow flow;
    hf_seq iss; /* while held: the generation of its hf_syn                                   */
    hf_seq irs;
    uint32_t ts_recent;
    struct hf_timer timer;
    unsigned mss : 15;    /* the peer's option, or the default, packed                        */
    unsigned ecn : 1;     /* agreed                                                           */
    unsigned wscale : 4;  /* 15: none                                                         */
    unsigned retries : 4;
    unsigned foreign : 1; /* for an address that is not ours (a gateway's)                     */
    unsigned timestamps : 1;
    unsigned sack : 1;
    unsigned held : 1;    /* waits for hf_syn_accept or hf_syn_refuse                         */
    unsigned link : 4;
};

#define HF_HALF_OPEN_SLAB 6u /* entries in a slab of the pool, as a power of two               */
_Static_assert(sizeof(struct hf_half_open) == 64, "a half-open connection");

/* A SYN for a listener: make an entry, a cookie, or nothing. time_wait: entry that it may replace,
 * or 0. */
void hf_half_open_syn(struct hf_env *env, struct hf_listening *l, const struct hf_flow *flow,
                      uint64_t hash, struct hf_seg *seg, const struct hf_path *path,
                      hf_ref time_wait);
/* A segment for an entry. */
void hf_half_open_arrives(struct hf_env *env, uint32_t index, uint64_t hash, struct hf_seg *seg,
                          const struct hf_path *path);
/* A segment with ACK for a listener: perhaps the third of a cookie. False: it is not. */
bool hf_half_open_cookie(struct hf_env *env, struct hf_listening *l, const struct hf_flow *flow,
                         uint64_t hash, struct hf_seg *seg, const struct hf_path *path);
/* A segment that no cookie fits: was its third segment lost or overtaken? */
bool hf_half_open_may_be_early(const struct hf_env *env, const struct hf_seg *seg);
/* The scale of windows that the peer offers. */
uint8_t hf_half_open_scale(const struct hf_env *env, uint32_t index);
void hf_half_open_timer(struct hf_env *env, uint32_t index);
/* End an entry. */
void hf_half_open_end(struct hf_env *env, uint32_t index, enum hf_cause cause, enum hf_by by,
                      unsigned detail);
/* Their listener is closed. Looks at every entry. */
void hf_half_open_end_all(struct hf_env *env, const struct hf_listening *l);
/* An entry belongs to the listener that would get its SYN today. When listeners come and go, all
 * are counted again. Looks at every entry. */
void hf_half_open_recount(struct hf_env *env);
/* An ICMP error about our SYN+ACK. */
struct hf_icmp_report;
enum hf_drop hf_half_open_icmp(struct hf_env *env, uint32_t index,
                               const struct hf_icmp_report *report);
/* The handle of a held SYN, and the entry that a handle names (0: it holds no SYN any more). */
uint64_t hf_half_open_handle(const struct hf_half_open *h, uint32_t index);
uint32_t hf_half_open_held(const struct hf_env *env, uint64_t handle);
/* The application decided about a held SYN. */
void hf_half_open_accept(struct hf_env *env, uint32_t index);
void hf_half_open_refuse(struct hf_env *env, uint32_t index);
/* The block that an entry stands for. */
void hf_half_open_expand(struct hf_env *env, const struct hf_listening *l,
                         const struct hf_half_open *h, uint64_t hash, const struct hf_path *path,
                         struct hf_tcp *c);

#endif
