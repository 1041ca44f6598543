/* Objects of one size, named by 32-bit index instead of pointer. Index 0 names nothing.
 *
 * Memory comes in slabs from the stack's allocator and is charged to its budget; a slab
 * whose objects are all free goes back, except one that is kept so that a single open and
 * close does not allocate. Objects never move. A taken object is all zero; a free one is
 * zero but for its first four bytes, so a generation kept behind those never matches while
 * the object is free. */
#ifndef HF_BASE_POOL_H
#define HF_BASE_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"

struct hf_budget;

/* What is kept of one slab. A slab is in one of two lists: those that have a free object,
 * and the numbers behind which no slab stands now. A full slab is in neither. */
struct hf_pool_slab {
    uint32_t used;       /* objects taken                                                      */
    uint32_t first_free; /* index within the slab + 1; 0: none                                 */
    uint32_t prev, next; /* slab numbers + 1; prev only in the list of slabs with room         */
};

struct hf_pool {
    struct hf_budget *budget;
    uint8_t **slabs;            /* slab by number; NULL where there is none now               */
    struct hf_pool_slab *state; /* of each slab                                               */
    uint32_t slabs_room;        /* length of both arrays                                      */
    uint32_t size;              /* bytes of one object                                        */
    uint32_t shift;             /* objects per slab, as a power of two                        */
    uint32_t max;               /* objects at the most                                        */
    uint32_t count;             /* objects taken                                              */
    uint32_t takes;             /* how many were ever taken: generations come from it         */
    uint32_t with_room;         /* list of slabs with a free object: number + 1               */
    uint32_t absent;            /* list of numbers without a slab: number + 1                 */
    uint32_t empty_slabs;       /* slabs with no object taken: 0 or 1                         */
    uint32_t last;              /* given back last, and not to its slab: the next to be taken */
};

/* Nothing is allocated yet. size is rounded up to a multiple of 8; shift is at least 1. */
void hf_pool_init(struct hf_pool *pool, struct hf_budget *budget, uint32_t size, uint32_t shift,
                  uint32_t max);

/* Give back everything; the pool can be used again, and generations go on. */
void hf_pool_reset(struct hf_pool *pool);

/* Make sure that the next take works; false: the pool is at its maximum or there is no memory. */
bool hf_pool_make_room(struct hf_pool *pool);
static inline bool hf_pool_reserve(struct hf_pool *pool)
{
    return pool->count < pool->max && (pool->last || hf_pool_make_room(pool));
}

/* An object, all zero; 0 when the pool is at its maximum or there is no memory. O(1). */
uint32_t hf_pool_take_anew(struct hf_pool *pool);
static inline uint32_t hf_pool_take(struct hf_pool *pool)
{
    uint32_t index = pool->last;
    if (!index || pool->count >= pool->max)
        return hf_pool_take_anew(pool);
    pool->last = 0;
    pool->count++;
    pool->takes++;
    return index;
}

void hf_pool_give(struct hf_pool *pool, uint32_t index);

/* With the size and shift of hf_pool_init, where they are known when compiling: half the work. */
static inline void *hf_pool_place(const struct hf_pool *pool, uint32_t index, uint32_t size,
                                  uint32_t shift)
{
    return pool->slabs[index >> shift] + (uint64_t)(index & ((1u << shift) - 1)) * size;
}

/* hf_pool_give for an object whose size is known: it is made zero in place. (Less of it is enough
 * where whoever takes it writes all of it.) */
void hf_pool_settle(struct hf_pool *pool, uint32_t before);
static inline void hf_pool_give_object(struct hf_pool *pool, uint32_t index, void *object,
                                       uint32_t size)
{
    memset(object, 0, size);
    uint32_t before = pool->last;
    pool->last = index;
    pool->count--;
    if (before || (HF_UNLIKELY(pool->count == 0) && pool->empty_slabs))
        hf_pool_settle(pool, before);
}

static inline void *hf_pool_at(const struct hf_pool *pool, uint32_t index)
{
    return hf_pool_place(pool, index, pool->size, pool->shift);
}

/* For an index from outside: NULL when no slab stands behind it. (The object may still be
 * free.) */
static inline void *hf_pool_find(const struct hf_pool *pool, uint32_t index)
{
    uint32_t slab = index >> pool->shift;
    if (index == 0 || slab >= pool->slabs_room || !pool->slabs[slab])
        return 0;
    return hf_pool_at(pool, index);
}

#endif
