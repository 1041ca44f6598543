/* Two Handfast stacks in one process, joined in memory: what the parts of the benchmark that are
 * about Handfast share. There may be several such pairs; `two` is the one that the calls are
 * about. */
#ifndef BENCH_HANDFAST_H
#define BENCH_HANDFAST_H

#include "bench.h"

#include <handfast/recorder.h>
#include <handfast/settings.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>

#define BENCH_BATCH 64u /* packets that are handed over at a time, at the most                 */
#define BENCH_PIECE                                                                              \
    65536u              /* bytes that the application sends or takes in a call                 */
#define BENCH_PORTS 64u /* of the server's, so that a million pairs are a few of all there are */
#define BENCH_ADDRESSES                                                                          \
    8u /* of the server's, for the same reason                                */

enum { BENCH_CLIENT, BENCH_SERVER };

struct bench_shape {
    unsigned time_waits; /* connections opened and closed in 2MSL: so many are in TIME-WAIT   */
    unsigned backlog;
    bool ipv6;
    bool quick_acks; /* the first segments are acknowledged at once                           */
    int apart;       /* the end whose memory comes from ...                     */
    struct hf_allocator allocator; /* ... all zero: malloc for both                           */
};

extern const struct bench_shape bench_usual;

struct bench_count {
    size_t bytes;
};

struct bench_two {
    struct bench_shape shape;
    struct hf_stack *stack[2];
    struct hf_recorder *recorder[2];
    struct bench_count memory[2];
    hf_listener listeners[BENCH_PORTS];
    hf_time now;
    uint64_t packets;
    hf_conn sending, receiving;
    unsigned opened;
    hf_conn *set; /* of the client: open connections                                          */
    unsigned set_count, set_next;
    struct hf_packet batch[BENCH_BATCH], cut[BENCH_BATCH];
    uint8_t piece[BENCH_PIECE];
};

extern struct bench_two *two;

/* Make a pair, which becomes the one in use; end one end of it early; give back what is left. */
struct bench_two *bench_two_make(const struct bench_shape *shape);
void bench_two_end(int which);
void bench_two_free(struct bench_two *over);

/* The program ends when a call of the library failed. */
void bench_must(int64_t result, const char *what);

/* One batch from one end to the other. Returns how many packets that were. */
size_t bench_carry(int from);

/* Time passes at both ends. */
void bench_pass(hf_time time);

/* The client opens a connection, to the next of the server's places. */
hf_conn bench_open(void);

/* Let packets and reactions follow each other until nobody has anything to say; with `close` the
 * client closes what is open, and the server what the client closed. Returns how many it closed. */
unsigned bench_settle(bool close);

uint64_t bench_connections(uint64_t n, unsigned burst);

struct hf_stack_counters bench_counters(int which);
void bench_expect(const char *what, unsigned have, unsigned want);

/* ---- Many connections: handfast_many.c ---- */

/* A pair with n connections open and quiet, or with n in TIME-WAIT and as many always. */
struct bench_two *bench_two_with_open(unsigned n);
struct bench_two *bench_two_with_time_wait(unsigned n);

/* One octet there and one back, n times, over the open connections in turns, `burst` of them at
 * a time. */
void bench_round_trips(uint64_t n, unsigned burst);

/* ---- Memory: handfast_memory.c ---- */

enum bench_entry { BENCH_IDLE, BENCH_HALF_OPEN, BENCH_TIME_WAIT, BENCH_IDLE_AFTER_TEXT };

/* Bytes that one more entry takes of the stack's memory; and its share of the resident pages of a
 * process with n of them, with everything that goes with them. */
double bench_entry_bytes(enum bench_entry kind, bool ipv6, unsigned n);
double bench_entry_resident(enum bench_entry kind, bool ipv6, unsigned n);

#endif
