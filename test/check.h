/* Test programs: cmocka with names, profiles and ids.
 *
 *     #include "check.h"
 *
 *     TEST(rst_in_window_draws_a_challenge, rfc, "EST.RST-win MUST-12 B3")
 *     {
 *         assert_int_equal(...);
 *     }
 *
 * A test registers itself; there is no list to keep and no main to write. `profile` is the
 * settings table the test runs on: rfc, linux, or none where there is no stack. `ids`, separated
 * by spaces, name what the test proves: requirement ids of docs/rfc.md (MUST-8, N-4), cells of
 * docs/states.md (EST.A-unsent), exchanges (X.open) and decisions (D-13) there, rows of
 * docs/attacks.md (A1, D13). `make conformance` asks for them.
 *
 * Every program takes --list, --ids, --filter GLOB, --seed N and --soak. */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum check_profile { CHECK_PROFILE_none, CHECK_PROFILE_rfc, CHECK_PROFILE_linux };

struct check_test {
    const char *name;
    enum check_profile profile;
    const char *ids;
    void (*run)(void **state);
    struct check_test *next;
};

/* Register a test; TEST does this before main. The test must live as long as the program. */
void check_add(struct check_test *test);

/* The profile of the test that is running. */
enum check_profile check_profile(void);

/* The seed of this run: printed once, the same for every test of the program. */
uint64_t check_seed(void);

/* The next number of a sequence that begins anew from the seed at each test. */
uint64_t check_random(void);

/* A number in 0 .. below - 1; below must not be 0. */
uint64_t check_random_below(uint64_t below);

/* Whether --soak was given: full sizes, which may take hours, instead of quick ones. */
int check_soak(void);

/* End this test without a verdict and say why. */
_Noreturn void check_skip(const char *reason);

#define TEST(test_name, test_profile, test_ids)                                                   \
    static void check_body_##test_name(void);                                                     \
    static void check_run_##test_name(void **state)                                               \
    {                                                                                             \
        (void)state;                                                                              \
        check_body_##test_name();                                                                 \
    }                                                                                             \
    __attribute__((constructor)) static void check_add_##test_name(void)                          \
    {                                                                                             \
        static struct check_test test = {                                                         \
            #test_name, CHECK_PROFILE_##test_profile, test_ids, check_run_##test_name, NULL};     \
        check_add(&test);                                                                         \
    }                                                                                             \
    static void check_body_##test_name(void)

#endif
