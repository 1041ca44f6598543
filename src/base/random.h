/* Random numbers for one stack: SipHash of a counter under a key derived from the seed, so
 * that a run replays from its seed and an outsider predicts nothing. */
#ifndef HF_BASE_RANDOM_H
#define HF_BASE_RANDOM_H

#include <stdbool.h>

#include "base/siphash.h"

struct hf_random {
    struct hf_key key;
    uint64_t counter;
    uint32_t half; /* of the last number that was drawn for one of 32 bits ...                */
    bool has_half; /* ... and this half was not used                                          */
};

void hf_random_init(struct hf_random *random, const uint8_t seed[16], uint64_t purpose);
uint64_t hf_random_u64(struct hf_random *random);
uint32_t hf_random_u32(struct hf_random *random);

/* Uniform in 0..bound-1, bound > 0. */
uint32_t hf_random_below(struct hf_random *random, uint32_t bound);

#endif
