/* One kind of work, a given number of times and nothing else, for tools that count instructions
 * (burst: connections, 16 at a time; round-trip: of an octet over one connection; round-trips: over
 * 1,000, 32 at a time; cut: runs are cut in software; merged: the stacks merge what comes in):
 *
 *     valgrind --tool=callgrind --toggle-collect=hot_work build-bench/bench/handfast-hot connections 2000
 *     valgrind --tool=callgrind --toggle-collect=hot_work build-bench/bench/handfast-hot copy 20000000
 *
 * `merged`, `record` and `offload` may follow: batches that merge, a flight recorder at each end,
 * super-segments. What comes before is warmed up and not inside hot_work. */
#include "handfast.h"
#include "lwip.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "handfast-hot: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, "\n");
    va_end(list);
    exit(1);
}

struct kind {
    const char *name;
    void (*begin)(void);
    void (*work)(uint64_t n);
};

static void begin(void)
{
    bench_handfast.begin();
    bench_handfast.connections(1000, 1);
    bench_handfast.transfer(1u << 20, BENCH_COPY);
}

static void begin_trip(void)
{
    bench_two_with_open(1);
    bench_round_trips(4096, 1);
}

static void begin_trips(void)
{
    bench_two_with_open(1000);
    bench_round_trips(4096, 32);
}

static void connections(uint64_t n)
{
    bench_handfast.connections(n, 1);
}

static void burst(uint64_t n)
{
    bench_handfast.connections(n, 16);
}

static void copy(uint64_t n)
{
    bench_handfast.transfer(n, BENCH_COPY);
}

static void zero_copy(uint64_t n)
{
    bench_handfast.transfer(n, BENCH_ZERO_COPY);
}

static void trip(uint64_t n)
{
    bench_round_trips(n, 1);
}

static void trips(uint64_t n)
{
    bench_round_trips(n, 32);
}

#if BENCH_HAS_LWIP
static void lwip_begin(void)
{
    bench_lwip.begin();
    bench_lwip.connections(1000, 1);
}

static void lwip_begin_trip(void)
{
    bench_lwip.begin();
    bench_lwip_set(1);
    bench_lwip_round_trips(4096, 1);
}

static void lwip_connections(uint64_t n)
{
    bench_lwip.connections(n, 1);
}

static void lwip_copy(uint64_t n)
{
    bench_lwip.transfer(n, BENCH_COPY);
}

static void lwip_zero_copy(uint64_t n)
{
    bench_lwip.transfer(n, BENCH_ZERO_COPY);
}

static void lwip_trip(uint64_t n)
{
    bench_lwip_round_trips(n, 1);
}
#endif

static const struct kind kinds[] = {
    {"connections", begin, connections},
    {"burst", begin, burst},
    {"copy", begin, copy},
    {"zero-copy", begin, zero_copy},
    {"round-trip", begin_trip, trip},
    {"round-trips", begin_trips, trips},
#if BENCH_HAS_LWIP
    {"lwip-connections", lwip_begin, lwip_connections},
    {"lwip-copy", lwip_begin, lwip_copy},
    {"lwip-zero-copy", lwip_begin, lwip_zero_copy},
    {"lwip-round-trip", lwip_begin_trip, lwip_trip},
#endif
};
#define KINDS (sizeof kinds / sizeof kinds[0])

__attribute__((noinline, used)) void hot_work(const struct kind *kind, uint64_t n);

void hot_work(const struct kind *kind, uint64_t n)
{
    kind->work(n);
    __asm__ volatile(""); /* it comes back here: no jump in the place of the call */
}

int main(int argc, char **argv)
{
    const struct kind *kind = NULL;
    char *stop = NULL;
    bool cut = false, merge = false, record = false, offload = false;
    uint64_t n = argc >= 3 ? strtoull(argv[2], &stop, 10) : 0;
    for (size_t i = 0; i < KINDS && n > 0; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            kind = &kinds[i];
    for (int i = 3; i < argc; i++) {
        cut = cut || strcmp(argv[i], "cut") == 0;
        merge = merge || strcmp(argv[i], "merged") == 0;
        record = record || strcmp(argv[i], "record") == 0;
        offload = offload || strcmp(argv[i], "offload") == 0;
    }
    if (kind == NULL || n == 0 || *stop != 0 || argc > 3 + cut + merge + record + offload) {
        fprintf(
            stderr,
            "usage: handfast-hot KIND NUMBER [cut] [merged] [record] [offload], KIND one of:");
        for (size_t i = 0; i < KINDS; i++)
            fprintf(stderr, " %s", kinds[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    bench_handfast_runs(cut, merge);
    bench_handfast_record(record, offload);
    kind->begin();
    hot_work(kind, n);
    return 0;
}
