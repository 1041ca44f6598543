/* make bench: Handfast beside lwIP in one process on one core, and beside the kernel's sockets. All
 * figures of a section are taken in turns, so that what the machine does at the moment falls on all
 * of them; load averages are printed all the same. With --json FILE every run is written. */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct options {
    double seconds; /* of each run                                                            */
    unsigned pairs; /* runs of each cell                                                      */
    const char *json, *only;
    bool check, quick;
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

static struct bench_section *const sections[] = {
    &bench_machine_section, &bench_connections_section, &bench_round_trip_section,
    &bench_bulk_section,    &bench_cpu_section,         &bench_memory_section,
};
#define SECTIONS (sizeof sections / sizeof sections[0])

/* "On a machine whose memcpy gives 48 GB/s": as a ratio to it. */
#define OF_MEMCPY(figure) ((figure) / 48.0)

static const struct bench_goal goals[] = {
    {.text = "connections, M/s by GB/s of memcpy (2.5 at 48)",
     .row = "connections",
     .to = "memcpy_64k",
     .bound = OF_MEMCPY(2.5)},
    {.text = "connections, TIME-WAIT kept, of lwIP's with it reaped",
     .row = "connections",
     .to = "connections",
     .to_who = BENCH_LWIP,
     .bound = 3},
    {.text = "connections with 100 k open, of lwIP's",
     .row = "connections_100k",
     .to = "connections_100k",
     .to_who = BENCH_LWIP,
     .bound = 3000},
    {.text = "connections with 16 k in TIME-WAIT, of lwIP's",
     .row = "connections_tw_16k",
     .to = "connections_tw_16k",
     .to_who = BENCH_LWIP,
     .bound = 250},
    {.text = "cost of one at 1 M open, of one at 1 k",
     .row = "connections_1k",
     .to = "connections_1m",
     .bound = 2,
     .at_most = true},
    {.text = "hot round trip, of lwIP's",
     .row = "round_trip",
     .to = "round_trip",
     .to_who = BENCH_LWIP,
     .bound = 0.6,
     .at_most = true},
    {.text = "round trip over 1 M, of one over 1 k",
     .row = "round_trip_1m",
     .to = "round_trip_1k",
     .bound = 4,
     .at_most = true},
    {.text = "bulk, not copied, Gbit/s by GB/s of memcpy (58 at 48)",
     .row = "bulk_zero_copy",
     .to = "memcpy",
     .bound = OF_MEMCPY(58)},
    {.text = "bulk, copied, Gbit/s by GB/s of memcpy (41 at 48)",
     .row = "bulk_copy",
     .to = "memcpy",
     .bound = OF_MEMCPY(41)},
    {.text = "bulk, MTU 65535, Gbit/s by GB/s of memcpy (120 at 48)",
     .row = "bulk_64k",
     .to = "memcpy_64k",
     .bound = OF_MEMCPY(120)},
    {.text = "bulk, not copied, of lwIP's",
     .row = "bulk_zero_copy",
     .to = "bulk_zero_copy",
     .to_who = BENCH_LWIP,
     .bound = 3},
    {.text = "bulk, copied, of lwIP's",
     .row = "bulk_copy",
     .to = "bulk_copy",
     .to_who = BENCH_LWIP,
     .bound = 3},
    {.text = "bulk, not copied, of lwIP's with a fast checksum",
     .row = "bulk_zero_copy",
     .to = "bulk_zero_copy",
     .to_who = BENCH_LWIP_SUM,
     .bound = 2},
    {.text = "bulk, copied, of lwIP's with a fast checksum",
     .row = "bulk_copy",
     .to = "bulk_copy",
     .to_who = BENCH_LWIP_SUM,
     .bound = 2},
    {.text = "idle, resident, IPv4", .row = "idle_rss", .bound = 192, .at_most = true},
    {.text = "idle, resident, IPv6", .row = "idle_rss_6", .bound = 192, .at_most = true},
    {.text = "idle after an octet each way, resident",
     .row = "idle_after_text_rss",
     .bound = 192,
     .at_most = true},
    {.text = "half-open entry", .row = "half_open_entry", .bound = 64, .at_most = true},
    {.text = "TIME-WAIT entry, IPv4", .row = "time_wait_entry", .bound = 40, .at_most = true},
    {.text = "TIME-WAIT entry, IPv6", .row = "time_wait_entry_6", .bound = 64, .at_most = true},
};
#define GOALS (sizeof goals / sizeof goals[0])

/* ---- Command line ---- */

static void usage(FILE *to)
{
    fprintf(to, "usage: handfast-bench [--quick] [--only SECTION] [--pairs N] [--seconds S]\n"
                "                      [--json FILE] [--check]\n"
                "  --quick         fewer and shorter runs\n"
                "  --only SECTION  one of:");
    for (size_t i = 0; i < SECTIONS; i++)
        fprintf(to, " %s", sections[i]->id);
    fprintf(to, "\n"
                "  --pairs N       runs of each figure, 1 to 64 (5)\n"
                "  --seconds S     length of a run, 0.01 to 60 (0.3)\n"
                "  --json FILE     write every run to FILE\n"
                "  --check         exit status 1 when a goal is missed\n");
}

/* A number within limits, or the program ends and says what was wrong. */
static double number(const char *option, const char *text, double low, double high)
{
    char *stop;
    errno = 0;
    double value = strtod(text, &stop);
    if (*text == 0 || *stop != 0 || errno != 0 || !(value >= low && value <= high)) {
        fprintf(stderr, "handfast-bench: %s: '%s' is not a number from %g to %g\n", option, text,
                low, high);
        exit(2);
    }
    return value;
}

static const char *section_name(const char *text)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (strcmp(text, sections[i]->id) == 0)
            return text;
    fprintf(stderr, "handfast-bench: --only: '%s' is not a section\n", text);
    usage(stderr);
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.seconds = 0, .pairs = 0};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--help") == 0) {
            usage(stdout);
            exit(0);
        } else if (strcmp(name, "--check") == 0) {
            options.check = true;
            continue;
        } else if (strcmp(name, "--quick") == 0) {
            options.quick = true;
            continue;
        } else if (strcmp(name, "--json") == 0 && value != NULL) {
            options.json = value;
        } else if (strcmp(name, "--only") == 0 && value != NULL) {
            options.only = section_name(value);
        } else if (strcmp(name, "--seconds") == 0 && value != NULL) {
            options.seconds = number(name, value, 0.01, 60);
        } else if (strcmp(name, "--pairs") == 0 && value != NULL) {
            options.pairs = (unsigned)number(name, value, 1, BENCH_RUNS);
        } else {
            fprintf(stderr, "handfast-bench: '%s' is not an option, or lacks its value\n", name);
            usage(stderr);
            exit(2);
        }
        i++;
    }
    if (options.pairs == 0)
        options.pairs = options.quick ? 3 : 5;
    if (options.seconds <= 0)
        options.seconds = options.quick ? 0.05 : 0.3;
    return options;
}

static double load_average(void)
{
    double load;
    return getloadavg(&load, 1) == 1 ? load : -1;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct bench_section *run[SECTIONS];
    size_t n = 0;
    double load[2] = {load_average(), 0}, began = bench_clock_now();
    printf("Handfast and its peers: medians of %u runs in turns. In brackets: how many times as "
           "good\n"
           "Handfast is. \"lwIP+sum\": with a fast checksum put into it. Load average %.2f.\n",
           options.pairs, load[0]);
    for (size_t i = 0; i < SECTIONS; i++) {
        if (options.only != NULL && strcmp(options.only, sections[i]->id) != 0)
            continue;
        run[n++] = sections[i];
        bench_run(sections[i], options.pairs, options.seconds, options.quick);
        bench_print_section(sections[i]);
    }
    bool met = bench_print_goals(run, n, goals, GOALS);
    load[1] = load_average();
    printf("\n%.0f seconds; load average %.2f before, %.2f after.\n", bench_clock_now() - began,
           load[0], load[1]);
    if (options.json != NULL && !bench_write_json(options.json, run, n, goals, GOALS, load))
        return 1;
    return options.check && !met ? 1 : 0;
}
