/* SYN cookies: see cookie.c. The options that come only in a SYN live in the low bits of the
 * timestamp that goes with it, which comes back in TSecr. */
#ifndef HF_TCP_COOKIE_H
#define HF_TCP_COOKIE_H

#include "base/env.h"
#include "base/seq.h"
#include "wire/flow.h"

#define HF_COOKIE_PERIOD (64 * HF_SEC)
#define HF_COOKIE_TS_BITS 6u

/* For a SYN with this sequence number; the MSS is rounded down to one of eight. */
hf_seq hf_cookie_make(const struct hf_env *env, const struct hf_flow *flow, hf_seq irs,
                      uint16_t mss);

/* The cookie's MSS; 0 when it is not ours, or too old. */
uint16_t hf_cookie_read(const struct hf_env *env, const struct hf_flow *flow, hf_seq irs,
                        hf_seq cookie);

#endif
