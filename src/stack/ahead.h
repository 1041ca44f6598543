/* Before a batch goes through: the memory that its segments will want is asked for, all together.
 * With very many connections none of it is in the processor's cache, and one miss after the other
 * would cost more than all the work. It only reads, decides nothing, and may be left out. */
#ifndef HF_STACK_AHEAD_H
#define HF_STACK_AHEAD_H

#include "stack/stack.h"

#define HF_AHEAD 32u /* packets looked at together                                            */

/* Whether that can pay: a few connections stay in the cache by themselves. */
static inline bool hf_ahead_pays(const struct hf_stack *stack, size_t n)
{
    return n >= 4 && stack->env.table.now.size >= 4096;
}

/* At most HF_AHEAD packets. */
void hf_stack_look_ahead(struct hf_stack *stack, const struct hf_packet *packets, size_t n);

#endif
