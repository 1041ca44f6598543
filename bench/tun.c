/* handfast-tun: bulk over a TUN device with and without offload, up (to the kernel) and down, beside a
 * raw probe of the same device and the kernel's own loopback. Runs are interleaved; a ratio is the
 * median of the ratios of neighbours. The two sides have a processor each where there are two.
 *
 *   handfast-tun [--seconds S] [--rounds N] [--only ROWS] [--json FILE]
 *
 * ROWS: how the names of the rows begin, "up" say. Wants root, or a user namespace. */
#include "tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE 262144
#define GBIT 8e-9

static double seconds = 1;
static const char *only = "";
static unsigned rounds = 5;

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "handfast-tun: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

hf_time tun_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (hf_time)t.tv_sec * HF_SEC + t.tv_nsec;
}

static void pin(size_t processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* ---- The kernel's side ---- */

static void use_cubic(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
}

static uint64_t drain(int fd)
{
    static char bytes[PIECE];
    uint64_t sum = 0;
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
        sum += (uint64_t)n;
    return sum;
}

static void pour(int fd)
{
    static const char bytes[PIECE];
    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        continue;
}

static int listening(void)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(TUN_PORT)};
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 8) < 0)
        bench_fail("cannot listen: %s", strerror(errno));
    return fd;
}

/* A process that takes one connection and reads from it, or writes to it, to its end. */
static pid_t start_kernel_side(int listener, bool reads)
{
    pid_t child = fork();
    if (child < 0)
        bench_fail("cannot fork: %s", strerror(errno));
    if (child > 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(1);
    int fd = accept(listener, NULL, NULL);
    use_cubic(fd);
    if (reads)
        (void)drain(fd);
    else
        pour(fd);
    _exit(0);
}

static void end_kernel_side(pid_t child)
{
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

/* ---- Subjects ---- */

/* The kernel at both ends, over its loopback. */
static double loopback(const struct tun_run *run)
{
    static char bytes[PIECE];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(TUN_PORT)};
    (void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    use_cubic(fd);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        bench_fail("cannot connect: %s", strerror(errno));
    uint64_t sum = 0;
    hf_time began = tun_now(), until = began + (hf_time)(run->seconds * (double)HF_SEC);
    while (tun_now() < until) {
        ssize_t n =
            run->up ? send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) : read(fd, bytes, sizeof bytes);
        if (n <= 0)
            break;
        sum += (uint64_t)n;
    }
    double rate = (double)sum * (double)HF_SEC / (double)(tun_now() - began);
    (void)close(fd);
    return rate;
}

/* What our side used of its processor so far, seconds. */
static double cpu_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Bytes a second; *cost: of our side's processor, seconds a gigabyte. */
static double measure(double (*subject)(const struct tun_run *run), const struct tun_run *run,
                      double *cost)
{
    int listener = listening();
    pid_t other = start_kernel_side(listener, run->up);
    (void)close(listener);
    double before = cpu_now(), rate = subject(run);
    *cost = (cpu_now() - before) / (rate * run->seconds * 1e-9);
    end_kernel_side(other);
    return rate;
}

struct row {
    const char *name;
    bool up, offload, by_reference;
    double target; /* of the raw probe */
    double ours[BENCH_RUNS], raw[BENCH_RUNS], ratio[BENCH_RUNS];
    double our_cost[BENCH_RUNS], raw_cost[BENCH_RUNS]; /* of the processor, s/GB */
};

static struct row rows[] = {
    {.name = "up, offload", .up = true, .offload = true, .target = 0.8},
    {.name = "up, by reference",
     .up = true,
     .offload = true,
     .by_reference = true,
     .target = 0.95},
    {.name = "down, offload", .up = false, .offload = true, .target = 0.9},
    {.name = "up, MTU 1500", .up = true, .offload = false, .target = 0.93},
    {.name = "down, MTU 1500", .up = false, .offload = false, .target = 0.93},
};

#define ROWS (sizeof rows / sizeof *rows)

static double loop_rates[BENCH_RUNS];

static bool is_wanted(const struct row *row)
{
    return strncmp(row->name, only, strlen(only)) == 0;
}

static void run_all(void)
{
    for (unsigned i = 0; i < rounds; i++) {
        struct tun_run run = {.up = true, .seconds = seconds};
        double ignored;
        loop_rates[i] = measure(loopback, &run, &ignored);
        for (size_t r = 0; r < ROWS; r++) {
            if (!is_wanted(&rows[r]))
                continue;
            run.up = rows[r].up;
            run.offload = rows[r].offload;
            run.by_reference = rows[r].by_reference;
            rows[r].raw[i] = measure(tun_raw, &run, &rows[r].raw_cost[i]);
            rows[r].ours[i] = measure(tun_handfast, &run, &rows[r].our_cost[i]);
            rows[r].ratio[i] = rows[r].ours[i] / rows[r].raw[i];
        }
    }
}

static void print_row(const struct row *row)
{
    double ratio = bench_median(row->ratio, rounds);
    printf("%-16s %9.2f %9.2f %7.2f %7.2f %9.3f %9.3f%s\n", row->name,
           bench_median(row->ours, rounds) * GBIT, bench_median(row->raw, rounds) * GBIT, ratio,
           row->target, bench_median(row->our_cost, rounds), bench_median(row->raw_cost, rounds),
           ratio < row->target ? "  missed" : "");
}

static void print_all(void)
{
    double load[1] = {0};
    (void)getloadavg(load, 1);
    printf("TUN, bulk, %u rounds of %g s, medians, Gbit/s; load average %.1f\n", rounds, seconds,
           load[0]);
    printf("%-16s %9s %9s %7s %7s %9s %9s\n", "", "Handfast", "raw", "ratio", "target", "s/GB",
           "raw s/GB");
    for (size_t r = 0; r < ROWS; r++)
        if (is_wanted(&rows[r]))
            print_row(&rows[r]);
    printf("%-16s %9s %9.2f\n", "kernel loopback", "", bench_median(loop_rates, rounds) * GBIT);
}

static void write_json(const char *path)
{
    FILE *to = fopen(path, "w");
    if (!to)
        bench_fail("cannot write %s: %s", path, strerror(errno));
    fprintf(to, "{\"unit\": \"Gbit/s\", \"loopback\": %.3f, \"rows\": [",
            bench_median(loop_rates, rounds) * GBIT);
    const char *comma = "";
    for (size_t r = 0; r < ROWS; r++) {
        if (!is_wanted(&rows[r]))
            continue;
        fprintf(to,
                "%s\n  {\"name\": \"%s\", \"handfast\": %.3f, \"raw\": %.3f, \"ratio\": %.3f, "
                "\"cpu_s_per_gb\": %.4f, \"raw_cpu_s_per_gb\": %.4f}",
                comma, rows[r].name, bench_median(rows[r].ours, rounds) * GBIT,
                bench_median(rows[r].raw, rounds) * GBIT, bench_median(rows[r].ratio, rounds),
                bench_median(rows[r].our_cost, rounds), bench_median(rows[r].raw_cost, rounds));
        comma = ",";
    }
    fprintf(to, "\n]}\n");
    if (fclose(to) != 0)
        bench_fail("cannot write %s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    for (int i = 1; i < argc; i += 2) {
        char *end = "";
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value && strcmp(argv[i], "--json") == 0) {
            json = value;
        } else if (value && strcmp(argv[i], "--only") == 0) {
            only = value;
        } else if (value && strcmp(argv[i], "--seconds") == 0) {
            seconds = strtod(value, &end);
        } else if (value && strcmp(argv[i], "--rounds") == 0) {
            rounds = (unsigned)strtoul(value, &end, 10);
        } else {
            fprintf(stderr, "usage: handfast-tun [--seconds S] [--rounds N] [--only ROWS] "
                            "[--json FILE]\n");
            return strcmp(argv[i], "--help") == 0 ? 0 : 2;
        }
        if (*end || seconds < 0.1 || seconds > 60 || rounds < 1 || rounds > BENCH_RUNS) {
            fprintf(stderr, "handfast-tun: %s %s: 0.1 to 60 seconds, 1 to %d rounds\n", argv[i],
                    value, BENCH_RUNS);
            return 2;
        }
    }
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        bench_fail("cannot make a network namespace: %s", strerror(errno));
    if (system("ip link set lo up") != 0)
        bench_fail("cannot bring up lo");
    pin(0);
    run_all();
    print_all();
    if (json)
        write_json(json);
    return 0;
}
