/* TCP Fast Open, RFC 7413: see fast_open.c. */
#ifndef HF_TCP_FAST_OPEN_H
#define HF_TCP_FAST_OPEN_H

#include "base/env.h"
#include "tcp/half_open.h"
#include "tcp/listen.h"

struct hf_active;

/* ---- Server ---- */

/* What a SYN that carries text or the option may have. */
enum hf_fast_open_verdict {
    HF_FAST_OPEN_NOTHING,   /* an ordinary handshake                                          */
    HF_FAST_OPEN_COOKIE,    /* ... and a cookie with the SYN+ACK                              */
    HF_FAST_OPEN_NOW,       /* its text is taken                                              */
    HF_FAST_OPEN_NOW_RENEW  /* ... and a cookie by the first key, as this one was by the second */
};
enum hf_fast_open_verdict hf_fast_open_judge(struct hf_env *env, struct hf_listening *l,
                                             const struct hf_flow *flow,
                                             const struct hf_seg *seg, enum hf_drop *reason);
/* Make the connection that the entry stands for, with the segment's text; false: there is no memory,
 * nothing has changed. */
bool hf_fast_open_accept(struct hf_env *env, struct hf_listening *l, const struct hf_half_open *h,
                         uint64_t hash, const struct hf_seg *seg, const struct hf_path *path,
                         bool renew);
/* The option of a SYN+ACK: flow's cookie, valid until the next is made. */
void hf_fast_open_cookie(struct hf_env *env, const struct hf_flow *flow, bool experimental,
                         struct hf_tcp_options *options);
/* Listeners have come or gone: whose are the connections that wait? Looks at every connection. */
void hf_fast_open_recount(struct hf_env *env);

/* ---- Client ---- */

/* hf_open.fast_open as hf_tcp.fast_open. */
uint8_t hf_fast_open_wish(struct hf_env *env, const struct hf_tcp *c, unsigned asked);
/* SEND was called: a SYN that waited for it goes. */
void hf_fast_open_release(struct hf_env *env, struct hf_tcp *c);
/* Bytes of text that the SYN could carry now. */
uint32_t hf_fast_open_room(struct hf_env *env, const struct hf_tcp *c);
/* The path takes less than the SYN that was sent: again without text. */
void hf_fast_open_too_big(struct hf_env *env, struct hf_tcp *c);
void hf_fast_open_forget(struct hf_env *env);

/* ---- Both; called only where c->fast_open is not zero ---- */

/* The first SYN or SYN+ACK is being built: its option, and how much text it takes. */
uint32_t hf_fast_open_first_syn(struct hf_env *env, struct hf_tcp *c,
                                struct hf_tcp_options *options);
/* Octets that went with the SYN in vain, were sent once more and are not acknowledged yet. */
uint32_t hf_fast_open_sent_again(const struct hf_tcp *c, const struct hf_active *a);
/* Our SYN is acknowledged; SND.UNA has not moved yet. */
void hf_fast_open_syn_acked(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg);
/* The connection ends. */
void hf_fast_open_ended(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause);
enum hf_fast_open_result hf_fast_open_result(const struct hf_tcp *c);

#endif
