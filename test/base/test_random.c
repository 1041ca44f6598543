/* Random numbers: they replay, they stay in their range, and no value is favoured. */
#include "check.h"

#include "base/random.h"

TEST(random_replays_from_its_seed, none, "")
{
    uint8_t seed[16] = {7};
    struct hf_random a, b, other;
    hf_random_init(&a, seed, 1);
    hf_random_init(&b, seed, 1);
    hf_random_init(&other, seed, 2);
    unsigned same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = hf_random_u64(&a);
        assert_true(x == hf_random_u64(&b));
        same += x == hf_random_u64(&other);
    }
    assert_int_equal(same, 0);
}

TEST(random_below_is_even, none, "")
{
    static const uint32_t bounds[] = {1, 2, 3, 7, 10, 64};
    uint8_t seed[16] = {9};
    struct hf_random random;
    hf_random_init(&random, seed, 3);
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        unsigned count[64] = {0};
        const unsigned each = 2000;
        for (unsigned i = 0; i < each * bounds[b]; i++) {
            uint32_t x = hf_random_below(&random, bounds[b]);
            assert_true(x < bounds[b]);
            count[x]++;
        }
        for (unsigned x = 0; x < bounds[b]; x++)
            assert_in_range(count[x], each - each / 8, each + each / 8);
    }
}

/* With this bound a third of all numbers is drawn again; without that, even results would come
 * twice as often as odd ones or more. */
TEST(random_below_a_bound_that_divides_badly, none, "")
{
    uint8_t seed[16] = {11};
    struct hf_random random;
    hf_random_init(&random, seed, 4);
    const uint32_t bound = 0xaaaaaaabu;
    unsigned thirds[3] = {0};
    for (int i = 0; i < 30000; i++) {
        uint32_t x = hf_random_below(&random, bound);
        assert_true(x < bound);
        thirds[x % 3]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(thirds[i], 9500, 10500);
}
