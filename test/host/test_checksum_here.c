/* What this processor sums against the portable sum, which test_checksum.c holds to the RFC. */
#include "check.h"

#include <handfast/host.h>

#include "base/checksum.h"

static uint8_t bytes[300000];

static hf_checksum_fn here(void)
{
    hf_checksum_fn fn = hf_host_checksum();
    return fn ? fn : hf_checksum_add; /* it may be that there is nothing better */
}

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)check_random();
}

TEST(processors_sum_at_all_lengths_and_alignments, none, "")
{
    fill();
    for (size_t at = 0; at < 65; at++) {
        for (size_t len = 0; len < 600; len++) {
            uint32_t sum = (uint32_t)check_random() & 0xffff;
            assert_int_equal(here()(bytes + at, len, sum), hf_checksum_add(bytes + at, len, sum));
        }
    }
}

TEST(processors_sum_of_long_runs, none, "")
{
    fill();
    for (int i = 0; i < 300; i++) {
        size_t at = (size_t)check_random_below(64), len = (size_t)check_random_below(299900);
        assert_int_equal(here()(bytes + at, len, 0), hf_checksum_add(bytes + at, len, 0));
    }
}

/* Words that are all the same reach the ends of what the vectors' sums can hold. */
TEST(processors_sum_of_extreme_words, none, "")
{
    static const uint8_t words[][2] = {{0, 0},       {0xff, 0xff}, {0x7f, 0xff}, {0x80, 0},
                                       {0xff, 0x7f}, {0, 0x80},    {1, 0},       {0, 1}};
    static const size_t lens[] = {2, 31, 32, 65535, 65536, 65537, 131072, 262144 + 33};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = words[w][i % 2];
        for (size_t l = 0; l < sizeof lens / sizeof lens[0]; l++)
            for (uint32_t sum = 0; sum <= 0xffff; sum += 0xffff)
                assert_int_equal(here()(bytes, lens[l], sum),
                                 hf_checksum_add(bytes, lens[l], sum));
    }
}
