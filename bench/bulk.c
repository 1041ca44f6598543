/* Bulk through one connection in memory, checksums made and verified, and what the kernel does between
 * two processes. With and without the application's copies; processor time for a gigabyte. */
#include "kernel.h"
#include "lwip.h"

#define GBIT 8e-9
#define SOME (4u << 20) /* bytes of one call */

enum { COPY, ZERO_COPY, LARGE, OPEN, LOOPBACK, VETH, ROWS };

static struct bench_row rows[ROWS], cpu_rows[ROWS];

struct work {
    const struct bench_subject *subject;
    enum bench_way way;
};

static uint64_t some(const void *context)
{
    const struct work *w = context;
    return w->subject->transfer(SOME, w->way);
}

static double transfer(const struct bench_subject *subject, const struct bench_row *row,
                       double seconds)
{
    const struct work work = {subject, row == &rows[COPY] ? BENCH_COPY : BENCH_ZERO_COPY};
    subject->begin();
    double rate = bench_rate(some, &work, seconds) * GBIT;
    subject->end();
    return rate;
}

/* As between two hosts: runs are cut and merged on the way, unless the link takes 64 KB. */
static double ours(const struct bench_row *row, double seconds)
{
    bool large = row == &rows[LARGE], open = row == &rows[OPEN];
    bench_handfast_runs(!large && !open, !large && !open);
    bench_handfast_record(false, open);
    bench_handfast_mtu(large ? 65535 : 1500);
    double rate = transfer(&bench_handfast, row, seconds);
    bench_handfast_runs(false, false);
    bench_handfast_record(false, false);
    bench_handfast_mtu(1500);
    return rate;
}

#if BENCH_HAS_LWIP
static double lwip(const struct bench_row *row, double seconds)
{
    bench_lwip_fast_checksum(false);
    return transfer(&bench_lwip, row, seconds);
}

static double lwip_sum(const struct bench_row *row, double seconds)
{
    bench_lwip_fast_checksum(true);
    double rate = transfer(&bench_lwip, row, seconds);
    bench_lwip_fast_checksum(false);
    return rate;
}
#else
#define lwip NULL
#define lwip_sum NULL
#endif

static double kernel(const struct bench_row *row, double seconds)
{
    return bench_kernel_bulk(row == &rows[VETH], false, seconds) * GBIT;
}

static double kernel_cpu(const struct bench_row *row, double seconds)
{
    return bench_kernel_bulk(row == &cpu_rows[VETH], true, seconds) * 1e9;
}

/* What the row of bulk took: those have both ends in one thread, and are by processor time. */
static double of_rate(const struct bench_row *row, enum bench_who who)
{
    const struct bench_row *rate = &rows[row - cpu_rows];
    return 1e9 * GBIT / rate->run[who][row->runs];
}

static double ours_cpu(const struct bench_row *row, double seconds)
{
    (void)seconds;
    return of_rate(row, BENCH_OURS);
}

#if BENCH_HAS_LWIP
static double lwip_cpu(const struct bench_row *row, double seconds)
{
    (void)seconds;
    return of_rate(row, BENCH_LWIP);
}

static double lwip_sum_cpu(const struct bench_row *row, double seconds)
{
    (void)seconds;
    return of_rate(row, BENCH_LWIP_SUM);
}
#else
#define lwip_cpu NULL
#define lwip_sum_cpu NULL
#endif

static struct bench_row rows[ROWS] = {
    [COPY] = {.id = "bulk_copy",
              .title = "MTU 1500, copied in and out",
              .measure = {ours, lwip, lwip_sum}},
    [ZERO_COPY] = {.id = "bulk_zero_copy",
                   .title = "MTU 1500, reserve and peek",
                   .measure = {ours, lwip, lwip_sum}},
    [LARGE] = {.id = "bulk_64k", .title = "MTU 65535, reserve and peek", .measure = {ours}},
    [OPEN] = {.id = "bulk_open",
              .title = "runs of 64 KB, checksums left open",
              .measure = {ours}},
    [LOOPBACK] = {.id = "bulk_loopback",
                  .title = "two processes, loopback",
                  .measure = {[BENCH_KERNEL] = kernel}},
    [VETH] = {.id = "bulk_veth",
              .title = "two namespaces, veth",
              .measure = {[BENCH_KERNEL] = kernel}},
};

static struct bench_row cpu_rows[ROWS] = {
    [COPY] = {.id = "cpu_copy",
              .title = "MTU 1500, copied in and out",
              .measure = {ours_cpu, lwip_cpu, lwip_sum_cpu}},
    [ZERO_COPY] = {.id = "cpu_zero_copy",
                   .title = "MTU 1500, reserve and peek",
                   .measure = {ours_cpu, lwip_cpu, lwip_sum_cpu}},
    [LARGE] = {.id = "cpu_64k", .title = "MTU 65535, reserve and peek", .measure = {ours_cpu}},
    [OPEN] = {.id = "cpu_open",
              .title = "runs of 64 KB, checksums left open",
              .measure = {ours_cpu}},
    [LOOPBACK] = {.id = "cpu_loopback",
                  .title = "two processes, loopback",
                  .measure = {[BENCH_KERNEL] = kernel_cpu}},
    [VETH] = {.id = "cpu_veth",
              .title = "two namespaces, veth",
              .measure = {[BENCH_KERNEL] = kernel_cpu}},
};

struct bench_section bench_bulk_section = {
    .id = "bulk",
    .title = "Bulk in memory, checksums made and verified",
    .unit = "Gbit/s of processor time, the kernel's by the clock",
    .rows = rows,
    .count = ROWS,
};

struct bench_section bench_cpu_section = {
    .id = "cpu",
    .title = "The same, by what it takes, both ends",
    .unit = "seconds of processor time for a GB",
    .rows = cpu_rows,
    .count = ROWS,
    .less_is_better = true,
};
