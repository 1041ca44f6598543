/* The simulation itself: hosts, links, packets under way, and what the files of this folder ask
 * of each other.
 *
 *   sim.c      creation, the walk through time, run and step
 *   host.c     drives one stack as a host would
 *   wire.c     a packet from the moment it is sent until it arrives
 *   path.c     what one direction of a link does to it; alter.c: to its bytes
 *   line.c     a link by itself, without hosts
 *   offload.c  runs are cut on their way out, and merged on their way in
 *   path_text.c  a path in words
 *   agenda.c   what happens when
 *   police.c   judges packets
 *   hash.c     the number that two equal runs share */
#ifndef HF_SIM_NETWORK_H
#define HF_SIM_NETWORK_H

#include <stdbool.h>

#include <handfast/sim.h>

#include "sim/agenda.h"
#include "sim/path.h"

#define PACKET_BYTES_MAX 65575u /* an IPv6 header and the largest payload it can name         */
#define FAILURE_TEXT 512

/* A packet of the simulator's own, in one piece. */
struct carried {
    struct carried *next; /* among those that are held                                        */
    uint64_t serial;
    int link, from, to;   /* from 0: injected                                                 */
    uint32_t len, room;
    uint8_t bytes[];
};

struct sim_link {
    int host[2];       /* the two ends                                                        */
    int stack_link[2]; /* its number in each host's stack                                     */
    uint32_t mtu;
    struct direction direction[2]; /* [0] leads away from host[0]                             */
};

struct sim_host {
    struct hf_stack *stack; /* NULL: a peer without a stack, or ended                         */
    struct hf_sim_app app;
    struct hf_sim_allocator *counts; /* NULL: the caller's allocator                          */
    struct hf_sim *sim;
    hf_trace_fn trace;      /* the caller's                                                   */
    void *trace_context;
    struct carried **inbox; /* arrived at this instant, in order                              */
    size_t inbox_count, inbox_room;
    hf_time timer_at;       /* the earliest timer entry in the agenda; HF_NEVER: none         */
    hf_time busy_at;        /* when timers ran last, and how often without time moving on     */
    uint32_t busy_count;
    uint32_t batch;
    int number;
    int link_of[HF_LINKS_MAX + 1]; /* the simulator's link by the stack's                     */
    int links;
    uint32_t gso_max;       /* as in struct hf_sim_host_config                                */
    uint8_t merge;
    bool stack_merges;
    uint64_t random;        /* what is merged                                                 */
    uint8_t *merged;        /* what was, in this turn                                         */
    uint32_t merge_room;
    bool touched;           /* is on the list of hosts to look at                             */
    bool peer;
};

struct hf_sim {
    struct hf_sim_config config;
    hf_time now;
    struct agenda agenda;
    struct sim_host **hosts; /* by number - 1                                                 */
    struct sim_link **links;
    int host_count, host_room, link_count, link_room;
    int *touched;            /* numbers of hosts to look at, in the order they were touched   */
    int touched_count;
    struct hf_sim_police *police; /* NULL: no check on the wire                               */
    hf_sim_filter_fn filter;
    void *filter_context;
    struct carried *held;
    uint64_t serial;
    uint64_t hash;
    struct hf_sim_counters counters;
    char failure[FAILURE_TEXT];
};

/* sim.c */
struct sim_host *hf_sim_host_at(const struct hf_sim *sim, int host);
struct sim_link *hf_sim_link_at(const struct hf_sim *sim, int link);
void hf_sim_touch(struct hf_sim *sim, struct sim_host *host);
void hf_sim_no_memory(struct hf_sim *sim, int host);

/* host.c */
void hf_sim_host_drive(struct sim_host *host);
void hf_sim_host_free(struct sim_host *host);

/* offload.c: a packet that the stack gave, cut if it is a run; and some of the packets that came in
 * merged with those behind them: how many there are then. */
void hf_sim_send_out(struct sim_host *host, int link, const struct hf_packet *packet);
size_t hf_sim_merge_some(struct sim_host *host, struct hf_packet *packets, size_t n);

/* wire.c: which end of a link a host is, or -1; send what the bytes of a new packet say; what
 * arrives is put into the host's inbox. */
int hf_sim_end_of(const struct sim_link *link, int host);
struct carried *hf_sim_packet_new(struct hf_sim *sim, int link, int from, int to, uint32_t len);
void hf_sim_packet_send(struct hf_sim *sim, struct carried *packet, bool judge);
void hf_sim_packet_arrive(struct hf_sim *sim, struct carried *packet);

/* too_big.c: the ICMP message of a router that cannot pass the packet on, for its sender; its
 * length, or 0 when no message is due. reply has room for 1280 bytes. */
uint32_t hf_sim_too_big(const uint8_t *packet, uint32_t len, uint32_t mtu, uint8_t *reply);

/* hash.c */
uint64_t hf_sim_hash_value(uint64_t hash, uint64_t value);
uint64_t hf_sim_hash_bytes(uint64_t hash, const uint8_t *bytes, uint32_t len);
uint64_t hf_sim_hash_record(uint64_t hash, const struct hf_trace_record *record);

#endif
