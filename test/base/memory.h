/* An allocator for tests: malloc, with a count of what is out, a check that `free` is told the
 * size that was asked for, and failures on demand. */
#ifndef TEST_BASE_MEMORY_H
#define TEST_BASE_MEMORY_H

#include "base/budget.h"

struct memory {
    size_t bytes, blocks; /* not given back                                                  */
    unsigned fail_one_in; /* 0: never                                                        */
};

/* A budget over this allocator. */
struct hf_budget memory_budget(struct memory *memory, size_t limit);

#endif
