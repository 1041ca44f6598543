/* A reference to one of the stack's objects: kind and index in 32 bits. 0 refers to nothing.
 * With a generation in the upper half it is a public handle. */
#ifndef HF_BASE_REF_H
#define HF_BASE_REF_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t hf_ref;

enum hf_kind {
    HF_KIND_CONN = 0,
    HF_KIND_HALF_OPEN = 1,
    HF_KIND_LISTENER = 2,
    HF_KIND_ASLEEP = 3,
    HF_KIND_TIME_WAIT = 4, /* from here on: TIME-WAIT entries                                  */
    HF_KIND_TIME_WAIT_IPV4 = 5
};
#define HF_KINDS 6u
#define HF_REF_INDEX_BITS 29u
#define HF_REF_INDEX_MAX ((1u << HF_REF_INDEX_BITS) - 1)

static inline hf_ref hf_ref_make(enum hf_kind kind, uint32_t index)
{
    return (uint32_t)kind << HF_REF_INDEX_BITS | index;
}

static inline enum hf_kind hf_ref_kind(hf_ref ref)
{
    return (enum hf_kind)(ref >> HF_REF_INDEX_BITS);
}

static inline uint32_t hf_ref_index(hf_ref ref)
{
    return ref & HF_REF_INDEX_MAX;
}

static inline bool hf_ref_is_time_wait(hf_ref ref)
{
    return hf_ref_kind(ref) >= HF_KIND_TIME_WAIT;
}

#endif
