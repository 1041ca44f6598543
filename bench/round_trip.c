/* One octet there and one back, through both ends: over one connection again and again, and over many
 * in turns, 32 at a time. */
#include "handfast.h"
#include "kernel.h"
#include "lwip.h"

#define BURST 32u

enum { HOT, MANY_1K, MANY_10K, MANY_100K, MANY_1M, ROWS };

static struct bench_two *pair[ROWS];

static unsigned burst_of(const struct bench_row *row)
{
    return row->n == 1 ? 1 : BURST;
}

static uint64_t some(const void *context)
{
    unsigned burst = burst_of(context);
    bench_round_trips(8 * BURST, burst);
    return 8 * BURST;
}

static double ours(const struct bench_row *row, double seconds);

#if BENCH_HAS_LWIP
static uint64_t some_lwip(const void *context)
{
    bench_lwip_round_trips(8 * BURST, burst_of(context));
    return 8 * BURST;
}

static double lwip(const struct bench_row *row, double seconds)
{
    bench_lwip.begin();
    bench_lwip_set(row->n);
    double rate = bench_rate(some_lwip, row, seconds);
    bench_lwip.end();
    return 1e9 / rate;
}
#else
#define lwip NULL
#endif

static double kernel(const struct bench_row *row, double seconds)
{
    (void)row;
    return 1e9 / bench_kernel_round_trips(seconds);
}

static struct bench_row rows[ROWS] = {
    [HOT] = {.id = "round_trip",
             .title = "one connection",
             .n = 1,
             .measure = {ours, lwip, NULL, kernel}},
    [MANY_1K] = {.id = "round_trip_1k",
                 .title = "over 1,000, 32 at a time",
                 .n = 1000,
                 .measure = {ours, lwip}},
    [MANY_10K] = {.id = "round_trip_10k", .title = "over 10,000", .n = 10000, .measure = {ours}},
    [MANY_100K] = {.id = "round_trip_100k",
                   .title = "over 100,000",
                   .n = 100000,
                   .measure = {ours}},
    [MANY_1M] = {.id = "round_trip_1m",
                 .title = "over 1,000,000",
                 .n = 1000000,
                 .measure = {ours}},
};

static double ours(const struct bench_row *row, double seconds)
{
    two = pair[row - rows];
    return 1e9 / bench_rate(some, row, seconds);
}

static void begin(const struct bench_section *section, bool quick)
{
    (void)section;
    (void)quick;
    for (int i = 0; i < ROWS; i++) {
        pair[i] = bench_two_with_open(rows[i].n);
        bench_round_trips(pair[i]->set_count / 4, burst_of(&rows[i]));
    }
}

static void end(void)
{
    for (int i = 0; i < ROWS; i++)
        bench_two_free(pair[i]);
}

struct bench_section bench_round_trip_section = {
    .id = "round_trips",
    .title = "A round trip of one octet, both ends counted",
    .unit = "ns of processor time",
    .rows = rows,
    .count = ROWS,
    .less_is_better = true,
    .begin = begin,
    .end = end,
};
