/* A block, written down as its differences from another: whatever they are, it is read back. */
#include "check.h"

#include <string.h>

#include "tcp/difference.h"
#include "tcp/tcp.h"

/* Written and read back; the length. */
static uint32_t there_and_back(const struct hf_tcp *block, const struct hf_tcp *expected)
{
    uint8_t string[HF_DIFFERENCE_MAX];
    uint32_t length = hf_difference_write(block, expected, string);
    struct hf_tcp read = *expected;
    hf_difference_read(string, &read);
    assert_memory_equal(&read, block, sizeof read);
    return length;
}

TEST(a_block_as_expected_is_one_byte, none, "")
{
    struct hf_tcp block = {.bytes_sent = 12345, .user = 6};
    assert_int_equal(there_and_back(&block, &block), 1);
}

TEST(a_few_small_differences_are_a_few_bytes, none, "")
{
    struct hf_tcp expected = {.segments_sent = 9, .last_send_ms = 1000000};
    struct hf_tcp block = expected;
    block.bytes_sent = 63;
    block.segments_sent = 12;
    block.last_send_ms -= 64;
    assert_int_equal(there_and_back(&block, &expected), 4);
    block.bytes_sent = 64;
    assert_int_equal(there_and_back(&block, &expected), 5);
    block.bytes_sent = (uint64_t)1 << 40;
    assert_int_equal(there_and_back(&block, &expected), 10);
}

/* All fields that a string can tell, as different as can be, and as they come. */
TEST(any_difference_is_read_back, none, "")
{
    uint8_t string[HF_DIFFERENCE_MAX];
    for (unsigned round = 0; round < 10000; round++) {
        struct hf_tcp expected, block, all;
        for (size_t i = 0; i < sizeof expected; i++)
            ((uint8_t *)&expected)[i] = (uint8_t)check_random();
        memset(&all, 0, sizeof all);
        for (size_t i = 0; i < sizeof all / 4; i++) {
            uint32_t by = (uint32_t)check_random();
            by = round == 0 ? 0x80000000u : by >> check_random_below(32);
            ((uint32_t *)(void *)&all)[i] = round % 2 || check_random_below(4) == 0 ? by : 0;
        }
        const struct hf_tcp nothing = {0};
        struct hf_tcp told = nothing; /* of the differences, those that have a place */
        hf_difference_write(&all, &nothing, string);
        hf_difference_read(string, &told);
        block = expected;
        for (size_t i = 0; i < sizeof all / 4; i++)
            ((uint32_t *)(void *)&block)[i] += ((const uint32_t *)(const void *)&told)[i];
        assert_in_range(there_and_back(&block, &expected), 1, HF_DIFFERENCE_MAX);
    }
}
