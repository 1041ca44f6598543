/* What the parts of the benchmark share: how a figure is measured, and how it is told.
 *
 * A section is a list of rows, each with a cell for every subject that can do that work. All cells of
 * a section are run in turns, so that what the machine does at the moment falls on all of them, and
 * ratios are taken run by run. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* End the program with a message. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Measuring: measure.c ---- */

#define BENCH_RUNS 64

double bench_median(const double *values, unsigned n);

/* Seconds: of processor time that this process took, its children that were waited for, and by the
 * clock. */
double bench_cpu_now(void);
double bench_children_cpu(void);
double bench_clock_now(void);

/* Work a second of processor time, over about `seconds` of it. `some` does a little work and returns
 * how much; a tenth of the time passes before it counts. */
double bench_rate(uint64_t (*some)(const void *context), const void *context, double seconds);

/* Run something in a process of its own, and hand back its result. */
double bench_in_child(double (*run)(const void *context), const void *context);

/* Memory of this process that is in pages now; what can go back to the system has gone. */
size_t bench_resident_bytes(void);

/* Bytes that an entry takes at its end. `one_more`: what the next one adds, while no table
 * grows (the median of many steps); `average`: all memory that there is afterwards, with what
 * tables and pools hold in reserve. */
struct bench_memory {
    double one_more, average;
};

/* Memory is looked at after each of BENCH_STEPS equal shares of the entries. */
#define BENCH_STEPS 16u

/* From the bytes in use before (bytes[0]) and after each step. n: entries in all. */
struct bench_memory bench_memory_of(const size_t bytes[BENCH_STEPS + 1], unsigned n);

/* ---- Subjects of work in memory ---- */

/* How application bytes go in and out of a transfer. */
enum bench_way { BENCH_COPY, BENCH_ZERO_COPY };

struct bench_subject {
    const char *name;

    /* Make the two ends; end() gives everything back. Between them the calls below may come in any
     * order. A failure ends the program with a message. */
    void (*begin)(void);
    void (*end)(void);

    /* Open n connections, `burst` at a time, close them from the side that opened, until both
     * ends are done with them (but for TIME-WAIT). Returns the packets that passed. */
    uint64_t (*connections)(uint64_t n, unsigned burst);

    /* Send at least `bytes` through one connection, which stays. Returns how many arrived. */
    uint64_t (*transfer)(uint64_t bytes, enum bench_way way);
};

extern const struct bench_subject bench_handfast;
extern const struct bench_subject bench_lwip;

/* Handfast only: whether from the next begin() on each end has a flight recorder; and whether the
 * link takes super-segments with their checksums left open. */
void bench_handfast_record(bool on, bool offload);
/* Of the ends that are made from now on: whether links take runs, which are cut in software, and whether
 * they have HF_LINK_MERGE. */
void bench_handfast_runs(bool cut, bool merge);
/* ... and the MTU. */
void bench_handfast_mtu(uint32_t mtu);

/* ---- Sections, rows, goals: report.c ---- */

enum bench_who { BENCH_OURS, BENCH_LWIP, BENCH_LWIP_SUM, BENCH_KERNEL, BENCH_WHO };

struct bench_row;

/* Returns the figure in the unit of the section; `seconds`: about how long it may take. */
typedef double (*bench_measure_fn)(const struct bench_row *row, double seconds);

struct bench_row {
    const char *id, *title;
    unsigned n; /* for the functions                                                          */
    bench_measure_fn measure[BENCH_WHO]; /* NULL: that subject does not do this               */
    unsigned runs;
    double run[BENCH_WHO][BENCH_RUNS];
};

struct bench_section {
    const char *id, *title, *unit;
    struct bench_row *rows;
    size_t count;
    bool less_is_better;
    bool alone; /* of the machine: there are no peers */
    bool once;  /* a figure that does not vary: one run           */
    void (*begin)(const struct bench_section *section, bool quick); /* may be NULL            */
    void (*end)(void); /* may be NULL                                    */
};

/* A figure, or its ratio to another, and what it should be. */
struct bench_goal {
    const char *text;
    const char *row, *to; /* ids of rows; to: NULL when the figure itself is meant            */
    enum bench_who who, to_who;
    double bound;
    bool at_most;
};

/* Run all cells of a section in turns. */
void bench_run(struct bench_section *section, unsigned runs, double seconds, bool quick);

/* A mark of the table's columns, and then a section. */
void bench_print_section(const struct bench_section *section);

/* Returns whether all goals that could be judged are met. */
bool bench_print_goals(struct bench_section *const *sections, size_t n,
                       const struct bench_goal *goals, size_t goal_count);

/* Returns false and says why when the file cannot be written. */
bool bench_write_json(const char *path, struct bench_section *const *sections, size_t n,
                      const struct bench_goal *goals, size_t goal_count, const double load[2]);

/* ---- The sections ---- */

extern struct bench_section bench_machine_section;     /* machine.c     */
extern struct bench_section bench_connections_section; /* connections.c */
extern struct bench_section bench_round_trip_section;  /* round_trip.c  */
extern struct bench_section bench_bulk_section;        /* bulk.c        */
extern struct bench_section bench_cpu_section;         /* bulk.c, after it */
extern struct bench_section bench_memory_section;      /* memory.c      */

#endif
