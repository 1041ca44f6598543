/* The main of every test program: keeps the tests that registered themselves, reads the command
 * line, and hands the chosen ones to cmocka, which prints one TAP line a test.
 *
 * Output that another program reads is --ids: a line a test, "name<TAB>profile<TAB>ids". */
#include "check.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct check_test *first, **last = &first;
static size_t count;
static uint64_t seed, random_state;
static int soak;
static enum check_profile running_profile;

static const char *const profile_names[] = {"none", "rfc", "linux"};

void check_add(struct check_test *test)
{
    *last = test;
    last = &test->next;
    count++;
}

enum check_profile check_profile(void)
{
    return running_profile;
}

uint64_t check_seed(void)
{
    return seed;
}

/* SplitMix64: every state is good, so any seed is. */
uint64_t check_random(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t check_random_below(uint64_t below)
{
    return check_random() % below;
}

int check_soak(void)
{
    return soak;
}

void check_skip(const char *reason)
{
    printf("# skipped: %s\n", reason);
    skip();
    abort(); /* skip jumps back into cmocka */
}

static int set_up(void **state)
{
    const struct check_test *test = *state;
    random_state = seed;
    running_profile = test->profile;
    return 0;
}

static uint64_t fresh_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) % 1000000000u;
}

static int usage(const char *program, const char *what, const char *value)
{
    fprintf(stderr,
            "%s: %s '%s'; usage: %s [--list] [--ids] [--filter GLOB] [--seed N] [--soak]\n",
            program, what, value, program);
    return 2;
}

static int run(const char *program, const char *filter)
{
    struct CMUnitTest *chosen = calloc(count + 1, sizeof *chosen);
    size_t n = 0;
    if (chosen == NULL) {
        fprintf(stderr, "%s: no memory for the list of %zu tests\n", program, count);
        return 1;
    }
    for (struct check_test *test = first; test != NULL; test = test->next) {
        if (fnmatch(filter, test->name, 0) != 0)
            continue;
        chosen[n++] = (struct CMUnitTest){.name = test->name,
                                          .test_func = test->run,
                                          .setup_func = set_up,
                                          .initial_state = test};
    }
    if (n == 0) {
        free(chosen);
        fprintf(stderr, "%s: no test matches '%s'; --list names them\n", program, filter);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# seed %llu\n", (unsigned long long)seed);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = _cmocka_run_group_tests(program, chosen, n, NULL, NULL);
    free(chosen);
    return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *program = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
    const char *filter = "*";
    int list = 0, ids = 0;

    seed = fresh_seed();
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0) {
            list = 1;
        } else if (strcmp(argv[i], "--ids") == 0) {
            ids = 1;
        } else if (strcmp(argv[i], "--soak") == 0) {
            soak = 1;
        } else if (strcmp(argv[i], "--filter") == 0 && value != NULL) {
            filter = argv[++i];
        } else if (strcmp(argv[i], "--seed") == 0 && value != NULL) {
            char *end;
            errno = 0;
            seed = strtoull(value, &end, 0);
            if (errno != 0 || *value == '-' || *value == 0 || *end != 0)
                return usage(program, "--seed wants a number of 64 bits, not", value);
            i++;
        } else {
            return usage(program, "unknown or incomplete option", argv[i]);
        }
    }
    if (!list && !ids)
        return run(program, filter);
    for (const struct check_test *test = first; test != NULL; test = test->next) {
        if (fnmatch(filter, test->name, 0) != 0)
            continue;
        if (ids)
            printf("%s\t%s\t%s\n", test->name, profile_names[test->profile], test->ids);
        else
            printf("%s\n", test->name);
    }
    return 0;
}
