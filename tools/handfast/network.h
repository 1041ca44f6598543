/* A stack on a TUN device, as `serve`, `get`, `nc` and `demo --with-linux` use it: host, stack and
 * link out of the common options, with signals, views and the totals at the end. */
#ifndef HANDFAST_TOOL_NETWORK_H
#define HANDFAST_TOOL_NETWORK_H

#include "options.h"
#include "record.h"
#include "views.h"

/* One of several networks that share a device (hf_group in host.h). */
struct network_queue {
    unsigned number; /* from 0                                                                */
    struct hf_group *group;
    const uint8_t *seed;         /* of all their stacks                                       */
    const struct network *first; /* number 0, for the others: they open its device            */
};

struct network {
    const struct command *command;
    struct hf_host *host;
    struct hf_stack *stack;
    struct hf_link *link;
    struct views views;
    struct record record;
    hf_time began;
    int first_signal; /* interrupts() when it was opened */
};

struct network_config {
    hf_host_event_fn on_event;
    hf_host_ready_fn on_ready; /* NULL: no descriptors are watched */
    void *context;
    void (*settings)(struct hf_settings *settings); /* changes some; NULL: the defaults stand */
    FILE *ladder_to; /* a ladder drawn at the end, or when views_draw is called; NULL: none */
    bool whole, absolute; /* as in struct hf_ladder_config */
    const char *peer_name;
    const char *svg, *diagram; /* pictures of the first connection; NULL: none */
    hf_trace_fn look;          /* another reader of the stack's events; NULL: none */
    void *look_context;
    const struct network_queue *queue; /* NULL: it is alone */
};

/* network_open: returns -1, or the exit status after an error was printed (nothing is open). */
int network_open(struct network *network, const struct command *command,
                 const struct network_config *config);

/* network_step: one turn of the host. returns -1, or the exit status after an error. */
int network_step(struct network *network, hf_time max_wait);

/* network_flush: let out what is due now: a last ACK, a reset. */
void network_flush(struct network *network);

/* network_interrupts: signals since it was opened. */
int network_interrupts(const struct network *network);

/* network_totals: one line on stderr for all of them. */
void network_totals(const struct network *networks, size_t count);

/* network_close: counters if --stats; everything goes. returns -1 or EXIT_FAILED (the capture) */
int network_close(struct network *network);

/* connect_to: active OPEN to a host by name or address, the first address that has a route.
 * returns -1, or the exit status after an error was printed */
int connect_to(struct network *network, const char *name, uint16_t port, uint64_t user,
               hf_conn *conn, struct hf_endpoint *remote);

/* over: whether a connection of ours has nothing more to do but wait out 2MSL. */
bool over(struct network *network, hf_conn conn);

#endif
