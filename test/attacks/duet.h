/* Two stacks, driven by hand and packet by packet: the test decides what arrives, what is
 * lost and when time passes. 10.0.0.1 and 10.0.0.2, joined by one link. */
#ifndef ATTACKS_DUET_H
#define ATTACKS_DUET_H

#include "check.h"

#include <stdbool.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

enum { DUET_PACKETS = 4096 };

struct duet_packet {
    uint8_t *bytes;
    uint32_t len;
};

struct duet {
    struct hf_stack *stack[2];
    struct hf_sim_allocator memory[2];
    struct hf_addr addr[2];
    hf_time now;
    struct duet_packet flying[2][DUET_PACKETS]; /* by sender, the oldest first               */
    unsigned count[2];
    void (*on_packet)(struct duet *d, int from, const uint8_t *bytes, uint32_t len);
    void *context;
};

void duet_begin(struct duet *d, const struct hf_settings *settings);
/* Both stacks are destroyed and have given everything back. */
void duet_end(struct duet *d);

/* Take what both want to send, and ask both whether all is well. */
void duet_pull(struct duet *d);

/* The oldest packet of this sender arrives, or is lost. False: there is none. */
bool duet_deliver(struct duet *d, int from);
bool duet_lose(struct duet *d, int from);
/* One of each sender. False: there was none at all. */
bool duet_deliver_both(struct duet *d);

/* The earlier deadline of both; and run what is due now. */
hf_time duet_deadline(const struct duet *d);
void duet_timers(struct duet *d);

#endif
