/* Random numbers for one stack: SipHash-2-4 in counter mode. A number is as hard to guess as
 * the seed is; the same seed and purpose give the same row of numbers on every machine. */
#include "base/random.h"

#include "base/assert.h"

void hf_random_init(struct hf_random *random, const uint8_t seed[16], uint64_t purpose)
{
    random->key = hf_key_derive(seed, purpose);
    random->counter = 0;
    random->has_half = false;
}

uint64_t hf_random_u64(struct hf_random *random)
{
    uint64_t word = random->counter++;
    return hf_siphash24_words(&random->key, &word, 1);
}

/* One hash is enough for two. */
uint32_t hf_random_u32(struct hf_random *random)
{
    if (random->has_half) {
        random->has_half = false;
        return random->half;
    }
    uint64_t number = hf_random_u64(random);
    random->half = (uint32_t)number;
    random->has_half = true;
    return (uint32_t)(number >> 32);
}

/* The upper half of number * bound, without the numbers that would make some results more
 * frequent than others (Lemire, "Fast random integer generation in an interval", 2019). */
uint32_t hf_random_below(struct hf_random *random, uint32_t bound)
{
    HF_ASSERT(bound > 0);
    uint64_t product = (uint64_t)hf_random_u32(random) * bound;
    if (HF_UNLIKELY((uint32_t)product < bound)) { /* so seldom that nothing is divided before */
        uint32_t unfair = (0u - bound) % bound;
        while ((uint32_t)product < unfair)
            product = (uint64_t)hf_random_u32(random) * bound;
    }
    return (uint32_t)(product >> 32);
}
