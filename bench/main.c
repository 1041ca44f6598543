/* make bench: Handfast beside lwIP, in one process, on one core, in turns. Prints a table and, with
 * --json FILE, writes every run. What a machine does at the moment cancels out in the ratios, since
 * each run of ours has one of theirs right behind it; load averages are printed all the same. */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    double seconds; /* of each run                                                            */
    unsigned pairs; /* runs of each subject                                                   */
    const char *json;
    bool check;
};

void bench_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "handfast-bench: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, "\n");
    va_end(list);
    exit(1);
}

static const struct bench_subject *const lwip = BENCH_LWIP ? &bench_lwip : NULL;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- What is measured ---- */

enum work {
    ONE_AT_A_TIME,
    MANY_AT_A_TIME,
    COPY,
    ZERO_COPY,
    COPY_FAST_SUM, /* from here on only beside lwIP                                           */
    ZERO_COPY_FAST_SUM
};

#define BURST 16
#define ENTRIES 16384     /* each step of it fills whole slabs                             */
#define LWIP_ENTRIES 1024 /* it walks its list for each segment: fewer say as much            */

static struct bench_line lines[] = {
    [ONE_AT_A_TIME] = {.id = "connections",
                       .title = "connections opened and closed, one at a time",
                       .unit = "M/s",
                       .scale = 1e-6,
                       .target = 1.0,
                       .target_ratio = 1.3},
    [MANY_AT_A_TIME] = {.id = "connections_16",
                        .title = "the same, 16 at a time",
                        .unit = "M/s",
                        .scale = 1e-6},
    [COPY] = {.id = "bulk_copy",
              .title = "bulk, MTU 1500, copied in and out",
              .unit = "Gbit/s",
              .scale = 8e-9},
    [COPY_FAST_SUM] = {.id = "bulk_copy_fast_sum",
                       .title = "copied, lwIP with a fast checksum",
                       .unit = "Gbit/s",
                       .scale = 8e-9},
    [ZERO_COPY] = {.id = "bulk_zero_copy",
                   .title = "bulk, MTU 1500, reserve and peek",
                   .unit = "Gbit/s",
                   .scale = 8e-9,
                   .target = 20,
                   .target_ratio = 1.3},
    [ZERO_COPY_FAST_SUM] = {.id = "bulk_zero_copy_fast_sum",
                            .title = "reserve and peek, lwIP with a fast checksum",
                            .unit = "Gbit/s",
                            .scale = 8e-9},
};
#define LINES (sizeof lines / sizeof lines[0])

static struct bench_memory_line memory_lines[] = {
    {.id = "idle", .title = "an idle connection", .target = 384, .with_reserve = true},
    {.id = "half_open", .title = "a half-open connection", .target = 64},
    {.id = "time_wait", .title = "a connection in TIME-WAIT", .target = 64},
};
#define MEMORY_LINES (sizeof memory_lines / sizeof memory_lines[0])

static uint64_t some_work(const struct bench_subject *subject, enum work work)
{
    switch (work) {
    case ONE_AT_A_TIME:
        subject->connections(512, 1);
        return 512;
    case MANY_AT_A_TIME:
        subject->connections(512, BURST);
        return 512;
    case COPY:
    case COPY_FAST_SUM:
        return subject->transfer(4u << 20, BENCH_COPY);
    default:
        return subject->transfer(4u << 20, BENCH_ZERO_COPY);
    }
}

/* Work per second, over about `seconds`; the first tenth is not counted. */
static double rate(const struct bench_subject *subject, enum work work, double seconds)
{
    subject->begin();
    double start = seconds_now();
    while (seconds_now() < start + seconds / 10)
        some_work(subject, work);
    uint64_t done = 0;
    double now = start = seconds_now();
    while (now < start + seconds) {
        done += some_work(subject, work);
        now = seconds_now();
    }
    subject->end();
    return (double)done / (now - start);
}

static void measure_line(enum work work, const struct options *options)
{
    struct bench_line *line = &lines[work];
    line->runs = options->pairs;
    line->has_theirs = lwip != NULL;
    for (unsigned i = 0; i < line->runs; i++) {
        line->ours[i] = rate(&bench_handfast, work, options->seconds);
        if (lwip == NULL)
            continue;
        lwip->fast_checksum(work >= COPY_FAST_SUM);
        line->theirs[i] = rate(lwip, work, options->seconds);
    }
}

static void measure_memory(void)
{
    typedef struct bench_memory (*measure_fn)(unsigned);
    for (size_t i = 0; i < MEMORY_LINES; i++) {
        const struct bench_subject *subjects[2] = {&bench_handfast, lwip};
        for (int s = 0; s < 2 && subjects[s] != NULL; s++) {
            const measure_fn measures[] = {subjects[s]->idle, subjects[s]->half_open,
                                           subjects[s]->time_wait};
            unsigned n = s == 0 ? ENTRIES : LWIP_ENTRIES;
            struct bench_memory memory = measures[i](n);
            if (s == 0)
                memory_lines[i].ours = memory;
            else
                memory_lines[i].theirs = memory;
        }
        memory_lines[i].has_theirs = lwip != NULL;
    }
}

/* ---- Command line ---- */

static void usage(FILE *to)
{
    fprintf(to, "usage: handfast-bench [--json FILE] [--seconds S] [--pairs N] "
                "[--check]\n"
                "  --json FILE   write every run to FILE\n"
                "  --seconds S   length of a run, 0.01 to 60 (0.4)\n"
                "  --pairs N     runs of each, 1 to 64 (5)\n"
                "  --check       exit status 1 when a target is missed\n");
}

/* A number within limits, or the program ends and says what was wrong. */
static double number(const char *option, const char *text, double low, double high)
{
    char *stop;
    errno = 0;
    double value = text == NULL ? 0 : strtod(text, &stop);
    if (text == NULL || *text == 0 || *stop != 0 || errno != 0 ||
        !(value >= low && value <= high)) {
        fprintf(stderr, "handfast-bench: %s: '%s' is not a number from %g to %g\n", option,
                text == NULL ? "" : text, low, high);
        exit(2);
    }
    return value;
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.seconds = 0.4, .pairs = 5};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--help") == 0) {
            usage(stdout);
            exit(0);
        } else if (strcmp(name, "--check") == 0) {
            options.check = true;
            continue;
        } else if (strcmp(name, "--json") == 0 && value != NULL) {
            options.json = value;
        } else if (strcmp(name, "--seconds") == 0) {
            options.seconds = number(name, value, 0.01, 60);
        } else if (strcmp(name, "--pairs") == 0) {
            options.pairs = (unsigned)number(name, value, 1, BENCH_RUNS);
        } else {
            fprintf(stderr, "handfast-bench: '%s' is not an option, or lacks its value\n", name);
            usage(stderr);
            exit(2);
        }
        i++;
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    double load[2] = {0, 0};
    if (getloadavg(&load[0], 1) != 1)
        load[0] = -1;
    size_t count = lwip != NULL ? LINES : COPY_FAST_SUM;
    for (size_t i = 0; i < count; i++)
        measure_line((enum work)i, &options);
    measure_memory();
    if (getloadavg(&load[1], 1) != 1)
        load[1] = -1;

    const unsigned entries[2] = {ENTRIES, LWIP_ENTRIES};
    bench_print(lines, count, memory_lines, MEMORY_LINES, load, entries);
    if (options.json != NULL &&
        !bench_write_json(options.json, lines, count, memory_lines, MEMORY_LINES, load))
        return 1;
    bool met = true;
    for (size_t i = 0; i < count; i++)
        met = met && bench_line_met(&lines[i]);
    for (size_t i = 0; i < MEMORY_LINES; i++)
        met = met && bench_memory_met(&memory_lines[i]);
    return options.check && !met ? 1 : 0;
}
