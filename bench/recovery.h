/* The recovery benchmark: one sender, one receiver, a path that loses and reorders, and what of it
 * arrives; over a grid of paths. In virtual time between two Handfast stacks, exact; in real time
 * through `handfast path`, beside the kernel's TCP on the same paths. */
#ifndef BENCH_RECOVERY_H
#define BENCH_RECOVERY_H

#include <handfast/handfast.h>
#include <stdbool.h>
#include <stdio.h>

/* A path: what `handfast path` is given, both ways alike, with a queue of one BDP. */
struct cell {
    uint64_t rate;             /* bits per second                                             */
    uint32_t rtt_us;
    uint32_t loss, reorder;    /* millionths                                                  */
    const char *only;          /* a controller that this cell is for; NULL: each              */
    bool quick;                /* one of the few of --quick                                   */
};

#define CELL_NAME 48

extern const struct cell cells[];
extern const size_t cell_count;

/* "20/1/0": RTT in ms, loss and reordering in percent; "1gbit:20/1/0" at another rate than 100 Mbit/s. */
char *cell_name(const struct cell *cell, char *name);

/* What one transfer came to. Numbers of segments are the sender's, of those with text. */
struct outcome {
    uint64_t bytes;     /* received by the application, in order                              */
    uint64_t segments;
    uint64_t resent;
    uint64_t spurious;  /* arrived and held nothing new                                       */
    uint64_t timeouts;  /* of the retransmission timer                                        */
    uint64_t gap_us;    /* the longest time in which the application received nothing         */
    double seconds;     /* of the transfer                                                    */
};

double mbits(const struct outcome *outcome);

/* End the program with a message. */
_Noreturn void recovery_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- recovery_virtual.c ---- */

/* One transfer in the simulator. The same arguments, the same outcome. */
void virtual_run(const struct cell *cell, const char *controller, hf_time duration, uint64_t seed,
                 struct outcome *outcome);

/* ---- recovery_real.c ---- */

struct real_config {
    const char *handfast;   /* the command, for `handfast path`                               */
    const char *controller; /* of both ends                                                   */
    bool linux_sends;       /* the kernel sends; else Handfast. The kernel receives           */
    bool realtime;          /* `handfast path --realtime`                                     */
    hf_time duration;
    uint64_t seed;
};

/* One transfer between two network namespaces, which go when it has ended. Wants root or user
 * namespaces. */
void real_run(const struct cell *cell, const struct real_config *config, struct outcome *outcome);

/* Whether the kernel has this controller. */
bool kernel_has(const char *controller);

/* ---- recovery_table.c ---- */

/* One cell's runs of one controller, side by side. */
#define RUNS_MAX 64
struct comparison {
    const struct cell *cell;
    const char *controller;
    unsigned runs;
    struct outcome ours[RUNS_MAX], theirs[RUNS_MAX];
};

void print_virtual_head(const char *controller);
void print_virtual(const struct cell *cell, const struct outcome *outcome);
void print_comparison_head(const char *controller, unsigned runs);
void print_comparison(const struct comparison *c);
void print_comparison_end(const struct comparison *all, size_t count);
void write_outcome(FILE *file, const struct outcome *outcome);

#endif
