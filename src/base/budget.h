/* The stack's memory: the allocator it was given, and a limit that is charged by capacity.
 *
 * Different uses stop at different heights, so that what is shed first is what can be spared
 * (docs/architecture.md, "Memory"): new connections at 3/4 of the limit, out-of-order data
 * at 7/8, moving right edges and taking more to send at 15/16, and in-order data only at the
 * limit. */
#ifndef HF_BASE_BUDGET_H
#define HF_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include <handfast/stack.h>

enum hf_use { HF_USE_CONNECTION, HF_USE_REASSEMBLY, HF_USE_WINDOW, HF_USE_VITAL };

struct hf_budget {
    struct hf_allocator allocator;
    size_t limit, used, peak;
    size_t height[HF_USE_VITAL + 1]; /* at which each use stops                               */
    uint64_t failures; /* allocations refused, by the limit or by the allocator               */
};

void hf_budget_init(struct hf_budget *budget, struct hf_allocator allocator, size_t limit);
void hf_budget_set_limit(struct hf_budget *budget, size_t limit);

/* Zeroed? No: contents are undefined. NULL at the limit or when the allocator has none. */
void *hf_budget_alloc(struct hf_budget *budget, size_t size);
void hf_budget_free(struct hf_budget *budget, void *memory, size_t size);

/* Bytes that this use may still take. */
static inline size_t hf_budget_room(const struct hf_budget *budget, enum hf_use use)
{
    size_t height = budget->height[use];
    return height > budget->used ? height - budget->used : 0;
}

#endif
