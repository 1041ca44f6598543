/* Connections opened and closed a second, both ends counted, beside others that are open or in
 * TIME-WAIT. Ours keep TIME-WAIT for 2MSL. lwIP finds connections by walking lists, and would run out
 * of ports: its TIME-WAIT is ended at once, but for the row that is about it. */
#include "handfast.h"
#include "kernel.h"
#include "lwip.h"

#define BURST 16u /* opened together */

enum { ALONE, AT_ONCE, OPEN_1K, OPEN_100K, OPEN_1M, TIME_WAIT_16K, TIME_WAIT_1M, ROWS };

static struct bench_two *pair[ROWS];

static uint64_t some(const void *context)
{
    unsigned burst = *(const unsigned *)context;
    bench_connections(64, burst);
    return 64;
}

static double ours(const struct bench_row *row, double seconds);

#if BENCH_HAS_LWIP
static uint64_t some_lwip(const void *context)
{
    const unsigned *shape = context;
    bench_lwip.connections(shape[0], shape[1]);
    return shape[0];
}

static double lwip(const struct bench_row *row, double seconds);
#else
#define lwip NULL
#endif

static double kernel(const struct bench_row *row, double seconds)
{
    return bench_kernel_connections(row->n, seconds) * 1e-6;
}

static struct bench_row rows[ROWS] = {
    [ALONE] = {.id = "connections",
               .title = "16 k in TIME-WAIT, one at a time",
               .measure = {ours, lwip, NULL, kernel}},
    [AT_ONCE] = {.id = "connections_16",
                 .title = "the same, 16 at a time",
                 .measure = {ours, lwip}},
    [OPEN_1K] = {.id = "connections_1k",
                 .title = "1,000 others open",
                 .n = 1000,
                 .measure = {ours, lwip, NULL, kernel}},
    [OPEN_100K] = {.id = "connections_100k",
                   .title = "100,000 others open",
                   .n = 100000,
                   .measure = {ours, lwip}},
    [OPEN_1M] = {.id = "connections_1m",
                 .title = "1,000,000 others open",
                 .n = 1000000,
                 .measure = {ours}},
    [TIME_WAIT_16K] = {.id = "connections_tw_16k",
                       .title = "16 k in TIME-WAIT, lwIP's too",
                       .n = 16000,
                       .measure = {ours, lwip}},
    [TIME_WAIT_1M] = {.id = "connections_tw_1m",
                      .title = "1,000,000 in TIME-WAIT",
                      .n = 1000000,
                      .measure = {ours}},
};

static double ours(const struct bench_row *row, double seconds)
{
    unsigned burst = row == &rows[AT_ONCE] ? BURST : 1;
    two = pair[row - rows];
    return two == NULL ? 0 : bench_rate(some, &burst, seconds) * 1e-6;
}

#if BENCH_HAS_LWIP
static double lwip(const struct bench_row *row, double seconds)
{
    long which = row - rows;
    const unsigned shape[2] = {row->n > 1000 ? 1 : 64, which == AT_ONCE ? BURST : 1};
    bench_lwip.begin();
    bench_lwip_others(which < TIME_WAIT_16K ? row->n : 0, which == TIME_WAIT_16K ? row->n : 0);
    double rate = bench_rate(some_lwip, shape, seconds) * 1e-6;
    bench_lwip.end();
    return rate;
}
#endif

static void begin(const struct bench_section *section, bool quick)
{
    (void)section;
    (void)quick;
    pair[ALONE] = pair[AT_ONCE] = pair[TIME_WAIT_16K] =
        bench_two_with_time_wait(bench_usual.time_waits);
    for (int i = OPEN_1K; i <= OPEN_1M; i++)
        pair[i] = bench_two_with_open(rows[i].n);
    pair[TIME_WAIT_1M] = bench_two_with_time_wait(rows[TIME_WAIT_1M].n);
}

static void end(void)
{
    for (int i = ROWS - 1; i > 0; i--)
        if (i != AT_ONCE && i != TIME_WAIT_16K)
            bench_two_free(pair[i]);
    bench_two_free(pair[ALONE]);
}

struct bench_section bench_connections_section = {
    .id = "connections",
    .title = "Connections opened and closed, both ends counted",
    .unit = "millions a second of processor time",
    .rows = rows,
    .count = ROWS,
    .begin = begin,
    .end = end,
};
