/* What the benchmark asks of a TCP: two ends of it in one process, joined in memory, doing the same
 * work. There are two such subjects, Handfast and lwIP; main.c runs them in turns. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How application bytes go in and out of a transfer. */
enum bench_way { BENCH_COPY, BENCH_ZERO_COPY };

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

    /* Bytes an idle established connection, a half-open one and one in TIME-WAIT take. These make
     * ends of their own: call them outside begin and end. */
    struct bench_memory (*idle)(unsigned n);
    struct bench_memory (*half_open)(unsigned n);
    struct bench_memory (*time_wait)(unsigned n);

    /* lwIP only: sum with 64-bit words instead of its own loop. */
    void (*fast_checksum)(bool on);
};

extern const struct bench_subject bench_handfast;
extern const struct bench_subject bench_lwip;

/* Handfast only: whether from the next begin() on each end has a flight recorder; and whether the
 * link takes super-segments with their checksums left open. */
void bench_handfast_record(bool on, bool offload);
/* Whether the links of the ends that are made from now on have HF_LINK_MERGE. */
void bench_handfast_merge(bool on);

/* End the program with a message. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Results ---- */

#define BENCH_RUNS 64

/* The runs of one line of the table, each a rate. */
struct bench_line {
    const char *id, *title, *unit;
    double scale;        /* a rate times this is in `unit`                                */
    double target;       /* in `unit`: what this issue asks for                           */
    double target_ratio; /* or this many times lwIP's                                     */
    unsigned runs;
    double ours[BENCH_RUNS];
    double theirs[BENCH_RUNS];
    bool has_theirs;
};

struct bench_memory_line {
    const char *id, *title;
    double target; /* bytes, at the most                                                  */
    bool
        with_reserve; /* of the average, which counts its share of the table; else of the entry */
    struct bench_memory ours, theirs;
    bool has_theirs;
};

double bench_median(const double *values, unsigned n);

/* Whether the line meets its target, by its own value or by the ratio. */
bool bench_line_met(const struct bench_line *line);
bool bench_memory_met(const struct bench_memory_line *line);

void bench_print(const struct bench_line *lines, size_t n, const struct bench_memory_line *memory,
                 size_t memory_n, const double load[2], const unsigned entries[2]);

/* Returns false and says why when the file cannot be written. */
bool bench_write_json(const char *path, const struct bench_line *lines, size_t n,
                      const struct bench_memory_line *memory, size_t memory_n,
                      const double load[2]);

#endif
