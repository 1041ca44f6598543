/* The checksum against one that adds a word at a time. */
#include "check.h"

#include <string.h>

#include "base/checksum.h"

static uint32_t naive(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i += 2) {
        sum += (uint32_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0u);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint8_t bytes[70000], copy[70000];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)check_random();
}

TEST(checksum_of_the_example_in_rfc_1071, none, "")
{
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(hf_checksum_add(example, sizeof example, 0), 0xddf2);
    assert_int_equal(hf_checksum_finish(0xddf2), 0x220d);
    assert_int_equal(hf_checksum_finish(0x1ddf1), 0x220d);
}

TEST(checksum_at_all_lengths_and_alignments, none, "")
{
    fill();
    for (size_t at = 0; at < 17; at++) {
        for (size_t len = 0; len < 300; len++) {
            uint32_t sum = (uint32_t)check_random() & 0xffff;
            uint32_t want = naive(bytes + at, len, sum);
            size_t to = (size_t)check_random_below(16);
            memset(copy, 0x5a, 400);
            assert_int_equal(hf_checksum_add(bytes + at, len, sum), want);
            assert_int_equal(hf_checksum_copy(copy + to, bytes + at, len, sum), want);
            assert_memory_equal(copy + to, bytes + at, len);
            assert_int_equal(copy[to + len], 0x5a);
            if (to > 0)
                assert_int_equal(copy[to - 1], 0x5a);
        }
    }
}

TEST(checksum_of_long_runs_and_of_all_ones, none, "")
{
    fill();
    for (int i = 0; i < 50; i++) {
        size_t at = (size_t)check_random_below(64), len = (size_t)check_random_below(69000);
        assert_int_equal(hf_checksum_add(bytes + at, len, 0), naive(bytes + at, len, 0));
    }
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(hf_checksum_add(bytes, sizeof bytes, 0xffff), 0xffff);
    assert_int_equal(hf_checksum_add(bytes, 65535, 0), naive(bytes, 65535, 0));
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(hf_checksum_add(bytes, sizeof bytes, 0), 0);
}

TEST(checksum_of_parts_combined, none, "")
{
    fill();
    for (size_t len = 1; len < 130; len++) {
        for (size_t cut = 0; cut <= len; cut++) {
            uint32_t first = hf_checksum_add(bytes, cut, 0);
            uint32_t rest = hf_checksum_add(bytes + cut, len - cut, 0);
            assert_int_equal(hf_checksum_combine(first, cut, rest), naive(bytes, len, 0));
        }
    }
}

TEST(checksum_of_a_few, none, "")
{
    fill();
    for (size_t at = 0; at < 1000; at++)
        for (uint32_t len = 0; len <= HF_CHECKSUM_FEW; len++)
            assert_int_equal(hf_checksum_few(bytes + at, len), naive(bytes + at, len, 0));
    memset(bytes, 0xff, HF_CHECKSUM_FEW);
    assert_int_equal(hf_checksum_few(bytes, HF_CHECKSUM_FEW), 0xffff);
}

TEST(checksum_updated_for_a_changed_word, none, "")
{
    fill();
    for (int i = 0; i < 20000; i++) {
        uint8_t header[20];
        memcpy(header, bytes + i, sizeof header);
        uint16_t before = hf_checksum_finish(naive(header, sizeof header, 0));
        size_t at = 2 * (size_t)check_random_below(10);
        uint16_t was = (uint16_t)(header[at] << 8 | header[at + 1]);
        uint16_t is = check_random_below(8) ? (uint16_t)check_random() : 0;
        header[at] = (uint8_t)(is >> 8);
        header[at + 1] = (uint8_t)is;
        assert_int_equal(hf_checksum_update(before, was, is),
                         hf_checksum_finish(naive(header, sizeof header, 0)));
    }
    /* RFC 1624 3: the case where the older formula gives -0. */
    assert_int_equal(hf_checksum_update(0xdd2f, 0x5555, 0x3285), 0x0000);
}
