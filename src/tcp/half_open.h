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
    uint16_t mss;         /* the peer's option, or the default                                */
    unsigned wscale : 4;  /* 15: none                                                         */
    unsigned retries : 4;
    unsigned timestamps : 1;
    unsigned sack : 1;
    unsigned held : 1;    /* waits for hf_syn_accept or hf_syn_refuse                         */
    unsigned over_time_wait : 1; /* MAY-2: a TIME-WAIT entry waits to be replaced              */
    unsigned link : 4;
};

_Static_assert(sizeof(struct hf_half_open) <= 64, "a half-open connection");

/* A SYN for a listener: make an entry, a cookie, or nothing. time_wait: entry that it may replace,
 * or 0. */
void hf_half_open_syn(struct hf_env *env, struct hf_listening *l, const struct hf_flow *flow,
                      uint32_t hash, struct hf_seg *seg, const struct hf_path *path,
                      uint32_t time_wait);
/* A segment for an entry. */
void hf_half_open_arrives(struct hf_env *env, uint32_t index, uint32_t hash, struct hf_seg *seg,
                          const struct hf_path *path);
/* A segment with ACK for a listener: perhaps the third of a cookie. False: it is not. */
bool hf_half_open_cookie(struct hf_env *env, struct hf_listening *l, const struct hf_flow *flow,
                         uint32_t hash, struct hf_seg *seg, const struct hf_path *path);
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
/* An ICMP error about our SYN+ACK. */
enum hf_drop hf_half_open_icmp(struct hf_env *env, uint32_t index, enum hf_icmp_kind kind,
                               hf_seq seq);
/* The application decided about a held SYN. */
void hf_half_open_accept(struct hf_env *env, uint32_t index);
void hf_half_open_refuse(struct hf_env *env, uint32_t index);
/* The block that an entry stands for. */
void hf_half_open_expand(struct hf_env *env, const struct hf_half_open *h, uint32_t hash,
                         const struct hf_path *path, struct hf_tcp *block);

#endif
