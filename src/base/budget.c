/* The stack's memory: every byte of it goes through these functions, is charged to one limit
 * and comes from the allocator that the stack was given. Running out is an ordinary answer
 * (NULL), counted, never an error of its own. The heights at which uses stop are in
 * budget.h. */
#include "base/budget.h"

#include "base/assert.h"

void hf_budget_set_limit(struct hf_budget *budget, size_t limit)
{
    budget->limit = limit;
    for (unsigned use = 0; use < HF_USE_VITAL; use++) /* sixteenths are spared: 4, 2, 1 */
        budget->height[use] = limit - (limit / 16 << (HF_USE_WINDOW - use));
    budget->height[HF_USE_VITAL] = limit;
}

void hf_budget_init(struct hf_budget *budget, struct hf_allocator allocator, size_t limit)
{
    *budget = (struct hf_budget){.allocator = allocator};
    hf_budget_set_limit(budget, limit);
}

void *hf_budget_alloc(struct hf_budget *budget, size_t size)
{
    void *memory = 0;
    if (budget->used <= budget->limit && size <= budget->limit - budget->used)
        memory = budget->allocator.alloc(budget->allocator.context, size);
    if (!memory) {
        budget->failures++;
        return 0;
    }
    budget->used += size;
    if (budget->used > budget->peak)
        budget->peak = budget->used;
    return memory;
}

void hf_budget_free(struct hf_budget *budget, void *memory, size_t size)
{
    if (!memory)
        return;
    HF_ASSERT(size <= budget->used);
    budget->used -= size;
    budget->allocator.free(budget->allocator.context, memory, size);
}
