/* The pacer: spreads what is sent over time, at a rate that the controller names. It keeps its own
 * schedule, so that who wakes late loses nothing, but never more than a millisecond of it: over any
 * time T at most rate * (T + 1 ms) and a segment leave.
 *
 * It sets no timer itself: it says how much may leave now and when to ask again. */
#ifndef HF_TCP_PACING_H
#define HF_TCP_PACING_H

#include <stdint.h>

#include <handfast/types.h>

struct hf_pacer {
    hf_time next;  /* when the next octet is due                                              */
};

/* Octets that may leave now: 0, or at least a segment. */
uint32_t hf_pacer_room(const struct hf_pacer *p, uint64_t rate, uint32_t mss, hf_time now);

/* When to ask again after 0: a few segments later where segments come thick and fast, so that nobody
 * has to wake for each. */
hf_time hf_pacer_wake(const struct hf_pacer *p, uint64_t rate, uint32_t mss);

/* Octets left. */
void hf_pacer_sent(struct hf_pacer *p, uint64_t rate, uint32_t octets, hf_time now);

#endif
