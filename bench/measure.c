/* How figures are measured: clocks, medians, a loop that works for a while, a process of its own. */
#include "bench.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(const double *values, unsigned n)
{
    double sorted[BENCH_RUNS];
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

struct bench_memory bench_memory_of(const size_t bytes[BENCH_STEPS + 1], unsigned n)
{
    double steps[BENCH_STEPS];
    for (unsigned i = 0; i < BENCH_STEPS; i++)
        steps[i] = ((double)bytes[i + 1] - (double)bytes[i]) * BENCH_STEPS / n;
    double all = (double)bytes[BENCH_STEPS] - (double)bytes[0];
    return (struct bench_memory){bench_median(steps, BENCH_STEPS), all / n};
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_cpu_now(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_clock_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double bench_children_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double bench_rate(uint64_t (*some)(const void *context), const void *context, double seconds)
{
    double start = bench_cpu_now(), now;
    while (bench_cpu_now() < start + seconds / 10)
        some(context);
    uint64_t done = 0;
    start = bench_cpu_now();
    do {
        done += some(context);
        now = bench_cpu_now();
    } while (now < start + seconds);
    return (double)done / (now - start);
}

double bench_in_child(double (*run)(const void *context), const void *context)
{
    int pipe_ends[2];
    double result = 0;
    (void)fflush(NULL);
    pid_t child = pipe(pipe_ends) == 0 ? fork() : -1;
    if (child < 0)
        bench_fail("cannot make a process: %s", strerror(errno));
    if (child == 0) {
        result = run(context);
        _exit(write(pipe_ends[1], &result, sizeof result) != sizeof result);
    }
    (void)close(pipe_ends[1]);
    ssize_t n = read(pipe_ends[0], &result, sizeof result);
    (void)close(pipe_ends[0]);
    (void)waitpid(child, NULL, 0);
    if (n != sizeof result)
        exit(1); /* it said why */
    return result;
}

size_t bench_resident_bytes(void)
{
    size_t pages = 0;
    (void)malloc_trim(0);
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm == NULL || fscanf(statm, "%*u %zu", &pages) != 1)
        bench_fail("cannot read /proc/self/statm");
    (void)fclose(statm);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
