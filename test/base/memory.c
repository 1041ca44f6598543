/* The allocator for tests: a block keeps its size in front of it. */
#include "memory.h"

#include <stdlib.h>

#include "check.h"

#define FRONT 32 /* keeps the alignment of malloc */

static void *memory_alloc(void *context, size_t size)
{
    struct memory *memory = context;
    if (memory->fail_one_in > 0 && check_random_below(memory->fail_one_in) == 0)
        return NULL;
    uint8_t *block = malloc(FRONT + size);
    assert_non_null(block);
    *(size_t *)(void *)block = size;
    for (size_t i = 0; i < size; i++)
        block[FRONT + i] = 0xa5;
    memory->bytes += size;
    memory->blocks++;
    return block + FRONT;
}

static void memory_free(void *context, void *at, size_t size)
{
    struct memory *memory = context;
    uint8_t *block = (uint8_t *)at - FRONT;
    assert_int_equal(*(size_t *)(void *)block, size);
    memory->bytes -= size;
    memory->blocks--;
    free(block);
}

struct hf_budget memory_budget(struct memory *memory, size_t limit)
{
    struct hf_budget budget;
    hf_budget_init(&budget, (struct hf_allocator){memory_alloc, memory_free, memory}, limit);
    return budget;
}
