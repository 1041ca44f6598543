/* A stack, or two that are fed alike and must answer alike: the second takes every packet through the
 * long road (hf_unsafe.no_fast_path). Each call here is made on both; whatever comes back, be it
 * packets byte for byte, events, numbers, errors or the trace, must be the same, or the program
 * aborts. */
#ifndef FUZZ_TWIN_H
#define FUZZ_TWIN_H

#include <stdbool.h>

#include <handfast/sim.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>

/* The first stack merges what comes in: then traces have another order and are not compared. */
enum { TWIN_MERGES = 1 };

struct twin_trace {
    uint64_t hash, records;
};

struct twin {
    struct hf_stack *stack[2]; /* [1]: NULL unless there are two                              */
    struct hf_sim_allocator memory[2];
    struct twin_trace trace[2];
    bool merges;
};

/* config: allocator and trace are filled in here, unsafe is completed. both: make the second. */
void twin_create(struct twin *twin, const struct hf_stack_config *config, bool both,
                 unsigned flags);
/* All memory must be back. */
void twin_destroy(struct twin *twin);

int twin_add_link(struct twin *twin, const struct hf_link_config *link);
int twin_add_address(struct twin *twin, int link, const struct hf_addr *addr, unsigned prefix);

void twin_input(struct twin *twin, int link, const struct hf_packet *packets, size_t n,
                hf_time now);
void twin_timers(struct twin *twin, hf_time now);
hf_time twin_deadline(struct twin *twin);
/* At most TWIN_ROOM packets. Each must be given to twin_sent. */
enum { TWIN_ROOM = 16 };
size_t twin_output(struct twin *twin, int link, struct hf_packet *packets, size_t room,
                   hf_time now);
void twin_sent(struct twin *twin, struct hf_packet *packets, size_t n);
size_t twin_events(struct twin *twin, struct hf_event *events, size_t n);
/* Invariants, counters, traces. */
void twin_check(struct twin *twin);

int twin_listen(struct twin *twin, const struct hf_listen *listen, hf_listener *listener);
int twin_open(struct twin *twin, const struct hf_open *open, hf_conn *conn);
int twin_accept(struct twin *twin, hf_listener listener, hf_conn *conn);
int64_t twin_send(struct twin *twin, hf_conn conn, const void *bytes, size_t len, unsigned flags);
int64_t twin_recv(struct twin *twin, hf_conn conn, uint8_t *bytes, size_t len);
int twin_shutdown(struct twin *twin, hf_conn conn);
int twin_close(struct twin *twin, hf_conn conn);
int twin_abort(struct twin *twin, hf_conn conn);
int twin_set(struct twin *twin, hf_conn conn, enum hf_option option, int64_t value);
int twin_status(struct twin *twin, hf_conn conn, struct hf_tcp_status *status);

#endif
