/* Two stacks and a wire between them that loses nothing, through the public calls alone. Stack
 * 0 is 10.0.0.1 and fd00::1, stack 1 is 10.0.0.2 and fd00::2. */
#ifndef STACK_TWO_H
#define STACK_TWO_H

#include "check.h"

#include <handfast/stack.h>
#include <handfast/tcp.h>
#include <stdbool.h>

struct two {
    struct hf_stack *stack[2];
    hf_time now;
    size_t bytes, blocks; /* that both have from the allocator                             */
    unsigned fail_one_in; /* 0: never                                                      */
    uint64_t passed[2];   /* packets that each has sent                                    */
    struct hf_settings settings;
    size_t memory_limit;
    uint32_t features; /* of the links: HF_LINK_...                                           */
    bool ethernet; /* frames, between 02:00:00:00:00:01 and :02                               */
    /* Sees what stack `from` sends; false: it is lost. NULL: nothing is                      */
    bool (*on_packet)(struct two *two, int from, const uint8_t *bytes, uint32_t len);
    /* Changes what two_make makes a stack of. NULL: nothing does                             */
    void (*adjust)(struct two *two, int at, struct hf_stack_config *config);
    void *context; /* of these                                                                */
};

void two_init(struct two *two); /* the usual settings; then two_make */
void two_make(struct two *two);
void two_end(struct two *two); /* destroys both; all memory must be back */

/* The configuration that two_make uses: for tests of hf_stack_create. */
struct hf_stack_config two_config(struct two *two);

struct hf_addr two_addr(const char *text);

/* Carry packets, and nothing but that, until none moves; the stacks' checks hold. */
void two_settle(struct two *two);
/* ... and let time pass. */
void two_run(struct two *two, hf_time time);

hf_listener two_listen(struct two *two, int at, uint16_t port, uint32_t backlog);
/* An established connection: opened by stack 0, accepted by stack 1. */
void two_connect(struct two *two, hf_listener listener, uint16_t port, hf_conn *opened,
                 hf_conn *accepted);
uint8_t two_state(struct two *two, int at, hf_conn conn);

#endif
