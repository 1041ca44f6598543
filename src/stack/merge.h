/* Merging what a link could not: see merge.c. */
#ifndef HF_STACK_MERGE_H
#define HF_STACK_MERGE_H

#include "stack/stack.h"

/* A batch of packets from a link, those that belong together as one segment. */
void hf_stack_merged_input(struct hf_stack *stack, unsigned link, const struct hf_packet *packets,
                           size_t n);

#endif
