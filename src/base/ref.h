/* A reference to one of the stack's objects: kind and index in 32 bits. 0 refers to nothing.
 * With a generation in the upper half it is a public handle. */
#ifndef HF_BASE_REF_H
#define HF_BASE_REF_H

#include <stdint.h>

typedef uint32_t hf_ref;

enum hf_kind {
    HF_KIND_CONN = 0,
    HF_KIND_HALF_OPEN = 1,
    HF_KIND_TIME_WAIT = 2,
    HF_KIND_LISTENER = 3
};
#define HF_KINDS 4u

static inline hf_ref hf_ref_make(enum hf_kind kind, uint32_t index)
{
    return (uint32_t)kind << 30 | index;
}

static inline enum hf_kind hf_ref_kind(hf_ref ref)
{
    return (enum hf_kind)(ref >> 30);
}

static inline uint32_t hf_ref_index(hf_ref ref)
{
    return ref & 0x3fffffffu;
}

#endif
