/* simulate: many stories, one for each seed, until one goes wrong.
 *
 *     simulate [--seeds N] [--first N] [--jobs N] [--seconds N]
 *     simulate --trace --first N [--fail-at K [--fail-from]]
 *
 * Without --first the seeds are fresh ones. A seed that fails is printed with what failed, and
 * the exit status is 1; `simulate --trace --first SEED` tells its story record by record, with the
 * k-th allocation of the second host (and all after it) failing when asked. Every 64th seed is run
 * twice and must give the same trace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "story.h"

#define JOBS_MAX 64
#define TWICE_EVERY 64

struct arguments {
    unsigned long long seeds, first, jobs, seconds, fail_at;
    bool trace, fresh, fail_all_from;
    time_t end; /* with --seconds                                                             */
};

/* Shared by parent and workers: how far each is. */
struct progress {
    volatile unsigned long long done, seed, failed, packets;
    volatile double virtual_seconds;
};

static int usage(const char *what)
{
    fprintf(stderr,
            "simulate: %s\nusage: simulate [--seeds N] [--first N] [--jobs N] [--seconds N]\n"
            "       simulate --trace --first N [--fail-at K [--fail-from]]\n",
            what);
    return 2;
}

static bool number(const char *text, unsigned long long *value)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno == 0 && *end == 0;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){.seeds = 100, .jobs = 1, .fresh = true};
    for (int i = 1; i < argc; i++) {
        unsigned long long *value = NULL;
        char text[160];
        if (strcmp(argv[i], "--trace") == 0) {
            a->trace = true;
            continue;
        }
        if (strcmp(argv[i], "--fail-from") == 0) {
            a->fail_all_from = true;
            continue;
        }
        if (strcmp(argv[i], "--seeds") == 0)
            value = &a->seeds;
        else if (strcmp(argv[i], "--first") == 0)
            value = &a->first;
        else if (strcmp(argv[i], "--jobs") == 0)
            value = &a->jobs;
        else if (strcmp(argv[i], "--seconds") == 0)
            value = &a->seconds;
        else if (strcmp(argv[i], "--fail-at") == 0)
            value = &a->fail_at;
        snprintf(text, sizeof text, "%.60s: %.60s", argv[i],
                 value ? "expected a whole number" : "unknown option");
        if (!value || !number(argv[i + 1], value))
            return usage(text);
        a->fresh = a->fresh && value != &a->first;
        i++;
    }
    if (a->jobs < 1 || a->jobs > JOBS_MAX)
        return usage("--jobs: expected 1 to 64");
    if (a->fresh && getrandom(&a->first, sizeof a->first, 0) != (ssize_t)sizeof a->first)
        return usage("no random numbers to be had; give --first");
    if (a->fresh)
        a->first >>= 1;
    return 0;
}

static void tell(unsigned long long seed, struct progress *progress)
{
    struct story_result result, again;

    progress->seed = seed;
    story_run(seed, NULL, &result);
    if (!result.failed && seed % TWICE_EVERY == 0) {
        story_run(seed, NULL, &again);
        if (again.hash != result.hash) {
            result.failed = true;
            snprintf(result.text, sizeof result.text, "two runs differ: %016llx and %016llx",
                     (unsigned long long)result.hash, (unsigned long long)again.hash);
        }
    }
    if (result.failed)
        printf("seed %llu: %s\n", seed, result.text);
    fflush(stdout);
    progress->done++;
    progress->failed += result.failed;
    progress->packets += result.packets;
    progress->virtual_seconds += (double)result.time / 1e9;
}

/* One job: every a->jobs-th seed, from number `from` on. */
static void work(const struct arguments *a, unsigned long long from, struct progress *progress)
{
    for (unsigned long long i = from; a->seconds || i < a->seeds; i += a->jobs) {
        if (a->seconds && time(NULL) >= a->end)
            break;
        tell(a->first + i, progress);
    }
}

static pid_t begin_job(const struct arguments *a, unsigned long long from,
                       struct progress *progress)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        work(a, from, progress);
        exit(0);
    }
    if (pid < 0)
        perror("simulate: fork");
    return pid;
}

static void show(const struct arguments *a, const struct progress *progress, bool last)
{
    unsigned long long done = 0, failed = 0, packets = 0;
    double hours = 0;

    for (unsigned i = 0; i < a->jobs; i++) {
        done += progress[i].done;
        failed += progress[i].failed;
        packets += progress[i].packets;
        hours += progress[i].virtual_seconds / 3600;
    }
    if (last)
        printf("%llu seeds from %llu, %llu packets, %.1f hours of virtual time: %llu failed\n",
               done, a->first, packets, hours, failed);
    else if (isatty(2))
        fprintf(stderr, "\r%llu seeds, %llu packets, %.1f virtual hours, %llu failed", done,
                packets, hours, failed);
}

/* A job that died in the middle of a seed has found something too; it goes on behind that seed. */
static pid_t job_ended(const struct arguments *a, struct progress *progress, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    printf("seed %llu: the program died (status 0x%x)\n", progress->seed, (unsigned)status);
    progress->failed++;
    progress->done++;
    return begin_job(a, progress->seed - a->first + a->jobs, progress);
}

/* Returns the exit status. */
static int wait_for(const struct arguments *a, pid_t *jobs, struct progress *progress)
{
    unsigned left = (unsigned)a->jobs;
    int failed = 0;

    while (left > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        show(a, progress, false);
        if (pid <= 0) {
            usleep(100000);
            continue;
        }
        for (unsigned i = 0; i < a->jobs; i++)
            if (jobs[i] == pid) {
                jobs[i] = job_ended(a, &progress[i], status);
                left -= jobs[i] <= 0;
            }
    }
    if (isatty(2))
        fputc('\n', stderr);
    show(a, progress, true);
    for (unsigned i = 0; i < a->jobs; i++)
        failed |= progress[i].failed > 0;
    return failed;
}

static int run_all(struct arguments *a)
{
    pid_t jobs[JOBS_MAX];
    struct progress *progress = mmap(NULL, sizeof *progress * a->jobs, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED) {
        perror("simulate: mmap");
        return 1;
    }
    a->end = time(NULL) + (time_t)a->seconds;
    for (unsigned i = 0; i < a->jobs; i++) {
        jobs[i] = begin_job(a, i, &progress[i]);
        if (jobs[i] < 0)
            return 1;
    }
    return wait_for(a, jobs, progress);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status = read_arguments(argc, argv, &arguments);

    if (status != 0)
        return status;
    if (arguments.trace) {
        struct story_options options = {.trace = stdout,
                                        .fail_at = arguments.fail_at,
                                        .fail_all_from = arguments.fail_all_from};
        struct story_result result;
        story_run(arguments.first, &options, &result);
        printf("seed %llu: %s (hash %016llx)\n", arguments.first,
               result.failed ? result.text : "fine", (unsigned long long)result.hash);
        return result.failed;
    }
    return run_all(&arguments);
}
