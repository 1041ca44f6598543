/* Pools of objects of one size, by index. The slabs that have a free object are in a list, and
 * a slab comes to its front when the first of its objects is given back: nearly full slabs are
 * filled first, so that the emptier ones have time to become empty and go back. The object that was
 * given back last waits outside its slab, to be taken next.
 *
 * A free object's first four bytes are the link to the next free one of its slab (index +
 * 1); the rest of it is zero. Object 0 of slab 0 is never in that list. */
#include "base/pool.h"

#include <string.h>

#include "base/budget.h"
#include "base/ref.h"

#define SLABS_FIRST 4u /* length of the arrays when they are first needed */

void hf_pool_init(struct hf_pool *pool, struct hf_budget *budget, uint32_t size, uint32_t shift,
                  uint32_t max)
{
    HF_ASSERT(size > 0 && shift > 0 && shift < 16);
    HF_ASSERT(max <= HF_REF_INDEX_MAX - (1u << shift));
    memset(pool, 0, sizeof *pool);
    pool->budget = budget;
    pool->size = (size + 7) & ~7u;
    pool->shift = shift;
    pool->max = max;
}

static size_t slab_bytes(const struct hf_pool *pool)
{
    return (size_t)pool->size << pool->shift;
}

static void free_arrays(struct hf_pool *pool)
{
    hf_budget_free(pool->budget, pool->slabs, pool->slabs_room * sizeof *pool->slabs);
    hf_budget_free(pool->budget, pool->state, pool->slabs_room * sizeof *pool->state);
}

void hf_pool_reset(struct hf_pool *pool)
{
    for (uint32_t i = 0; i < pool->slabs_room; i++)
        hf_budget_free(pool->budget, pool->slabs[i], slab_bytes(pool));
    free_arrays(pool);
    uint32_t takes = pool->takes;
    hf_pool_init(pool, pool->budget, pool->size, pool->shift, pool->max);
    pool->takes = takes;
}

static void list_with_room(struct hf_pool *pool, uint32_t slab)
{
    pool->state[slab].prev = 0;
    pool->state[slab].next = pool->with_room;
    if (pool->with_room)
        pool->state[pool->with_room - 1].prev = slab + 1;
    pool->with_room = slab + 1;
}

static void unlist_with_room(struct hf_pool *pool, uint32_t slab)
{
    uint32_t prev = pool->state[slab].prev, next = pool->state[slab].next;
    if (prev)
        pool->state[prev - 1].next = next;
    else
        pool->with_room = next;
    if (next)
        pool->state[next - 1].prev = prev;
}

/* More slab numbers: the arrays double, up to what `max` objects and object 0 need. */
static bool grow(struct hf_pool *pool)
{
    uint32_t had = pool->slabs_room;
    uint32_t most = (pool->max >> pool->shift) + 1;
    uint32_t room = had ? had * 2 : SLABS_FIRST;
    if (room > most)
        room = most;
    HF_ASSERT(room > had);
    uint8_t **slabs = hf_budget_alloc(pool->budget, room * sizeof *slabs);
    struct hf_pool_slab *state = hf_budget_alloc(pool->budget, room * sizeof *state);
    if (!slabs || !state) {
        hf_budget_free(pool->budget, slabs, room * sizeof *slabs);
        hf_budget_free(pool->budget, state, room * sizeof *state);
        return false;
    }
    if (had > 0) {
        memcpy(slabs, pool->slabs, had * sizeof *slabs);
        memcpy(state, pool->state, had * sizeof *state);
    }
    free_arrays(pool);
    pool->slabs = slabs;
    pool->state = state;
    pool->slabs_room = room;
    for (uint32_t i = room; i-- > had;) {
        slabs[i] = 0;
        state[i] = (struct hf_pool_slab){.next = pool->absent};
        pool->absent = i + 1;
    }
    return true;
}

static bool add_slab(struct hf_pool *pool)
{
    if (!pool->absent && !grow(pool))
        return false;
    uint8_t *memory = hf_budget_alloc(pool->budget, slab_bytes(pool));
    if (!memory)
        return false;
    memset(memory, 0, slab_bytes(pool));
    uint32_t slab = pool->absent - 1;
    uint32_t first = slab == 0 ? 1 : 0;
    for (uint32_t i = first; i + 1 < 1u << pool->shift; i++) {
        uint32_t link = i + 2;
        memcpy(memory + (size_t)i * pool->size, &link, sizeof link);
    }
    pool->absent = pool->state[slab].next;
    pool->slabs[slab] = memory;
    pool->state[slab] = (struct hf_pool_slab){.first_free = first + 1};
    list_with_room(pool, slab);
    pool->empty_slabs++;
    return true;
}

bool hf_pool_make_room(struct hf_pool *pool)
{
    return pool->with_room || add_slab(pool);
}

uint32_t hf_pool_take_anew(struct hf_pool *pool)
{
    if (pool->count >= pool->max || (!pool->with_room && !add_slab(pool)))
        return 0;
    uint32_t slab = pool->with_room - 1;
    struct hf_pool_slab *state = &pool->state[slab];
    uint32_t index = slab << pool->shift | (state->first_free - 1);
    uint8_t *object = hf_pool_at(pool, index);
    memcpy(&state->first_free, object, sizeof state->first_free);
    memset(object, 0, sizeof state->first_free);
    if (state->used++ == 0)
        pool->empty_slabs--;
    if (!state->first_free)
        unlist_with_room(pool, slab);
    pool->count++;
    pool->takes++;
    return index;
}

/* An object that is zero goes back to its slab, and the slab, if it is empty, to whom it came from. */
static void give_to_slab(struct hf_pool *pool, uint32_t index)
{
    uint32_t slab = index >> pool->shift;
    HF_ASSERT(slab < pool->slabs_room && pool->state[slab].used > 0);
    struct hf_pool_slab *state = &pool->state[slab];
    uint8_t *object = hf_pool_at(pool, index);
    memcpy(object, &state->first_free, sizeof state->first_free);
    if (!state->first_free)
        list_with_room(pool, slab);
    state->first_free = (index & ((1u << pool->shift) - 1)) + 1;
    if (--state->used > 0)
        return;
    if (pool->empty_slabs == 0) {
        pool->empty_slabs = 1;
        return;
    }
    unlist_with_room(pool, slab);
    hf_budget_free(pool->budget, pool->slabs[slab], slab_bytes(pool));
    pool->slabs[slab] = 0;
    state->next = pool->absent;
    pool->absent = slab + 1;
}

void hf_pool_settle(struct hf_pool *pool, uint32_t before)
{
    if (before)
        give_to_slab(pool, before);
    if (pool->count == 0 && pool->empty_slabs) { /* else two slabs would be kept */
        before = pool->last;
        pool->last = 0;
        give_to_slab(pool, before);
    }
}

void hf_pool_give(struct hf_pool *pool, uint32_t index)
{
    hf_pool_give_object(pool, index, hf_pool_at(pool, index), pool->size);
}
