/* Sequence numbers: 32 bits, compared modulo 2^32 (RFC 9293 3.4). These functions are the only
 * way to compare them. */
#ifndef HF_BASE_SEQ_H
#define HF_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t hf_seq;

static inline bool hf_seq_lt(hf_seq a, hf_seq b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool hf_seq_le(hf_seq a, hf_seq b)
{
    return (int32_t)(a - b) <= 0;
}

static inline bool hf_seq_gt(hf_seq a, hf_seq b)
{
    return (int32_t)(a - b) > 0;
}

static inline bool hf_seq_ge(hf_seq a, hf_seq b)
{
    return (int32_t)(a - b) >= 0;
}

/* low <= x < low + size */
static inline bool hf_seq_in(hf_seq x, hf_seq low, uint32_t size)
{
    return x - low < size;
}

static inline hf_seq hf_seq_max(hf_seq a, hf_seq b)
{
    return hf_seq_lt(a, b) ? b : a;
}

static inline hf_seq hf_seq_min(hf_seq a, hf_seq b)
{
    return hf_seq_lt(a, b) ? a : b;
}

#endif
