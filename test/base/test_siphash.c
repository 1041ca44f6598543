/* SipHash against published vectors: key 00 01 .. 0f, message 00 01 02 .. of each length. */
#include "check.h"

#include "base/siphash.h"

static const struct hf_key vector_key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

TEST(siphash_2_4_vectors, none, "")
{
    static const uint64_t want[] = {
        0x726fdb47dd0e0e31u, 0x74f839c593dc67fdu, 0x0d6c8009d9a94f5au, 0x85676696d7fb7e2du,
        0xcf2794e0277187b7u, 0x18765564cd99a68du, 0xcbc9466e58fee3ceu, 0xab0200f58b01d137u,
        0x93f5f5799a932462u, 0x9e0082df0ba9e4b0u, 0x7a5dbbc594ddb9f3u, 0xf4b32f46226bada7u,
        0x751e8fbc860ee5fbu, 0x14ea5627c0843d90u, 0xf723ca908e7af2eeu, 0xa129ca6149be45e5u,
        0x3f2acc7f57c29bdbu, 0x699ae9f52cbe4794u,
    };
    uint8_t message[sizeof want / sizeof want[0]];
    for (size_t len = 0; len < sizeof message; len++) {
        assert_true(hf_siphash24(&vector_key, message, len) == want[len]);
        message[len] = (uint8_t)len;
    }
}

TEST(siphash_1_3_vectors, none, "")
{
    static const uint64_t want[] = {
        0xabac0158050fc4dcu,
        0xc9f49bf37d57ca93u,
        0x82cb9b024dc7d44du,
        0x8bf80ab8e7ddf7fbu,
    };
    uint8_t message[sizeof want / sizeof want[0]];
    for (size_t len = 0; len < sizeof message; len++) {
        assert_true(hf_siphash13(&vector_key, message, len) == want[len]);
        message[len] = (uint8_t)len;
    }
}

/* Under a key of zeros, made with another implementation. */
TEST(siphash_1_3_of_other_lengths, none, "")
{
    static const struct {
        size_t len;
        uint64_t want;
    } rows[] = {{1, 0x68a914128e01e473u},
                {7, 0x2f098ab0c751325au},
                {8, 0xead411e67ebe2eeau},
                {9, 0x75927f9d95124362u},
                {15, 0xf30eb725bb91c9eau}};
    const struct hf_key zero = {0, 0};
    uint8_t message[16];
    for (uint8_t i = 0; i < sizeof message; i++)
        message[i] = i;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(hf_siphash13(&zero, message, rows[i].len) == rows[i].want);
}

TEST(siphash_reads_at_any_alignment, none, "")
{
    uint8_t room[64];
    for (size_t shift = 0; shift < 8; shift++) {
        for (size_t i = 0; i < 40; i++)
            room[shift + i] = (uint8_t)(i * 7);
        uint8_t *same = room + shift;
        static uint64_t first24, first13;
        if (shift == 0) {
            first24 = hf_siphash24(&vector_key, same, 40);
            first13 = hf_siphash13(&vector_key, same, 40);
        }
        assert_true(hf_siphash24(&vector_key, same, 40) == first24);
        assert_true(hf_siphash13(&vector_key, same, 40) == first13);
    }
}

TEST(key_depends_on_seed_and_purpose, none, "")
{
    uint8_t seed[16] = {1, 2, 3};
    struct hf_key a = hf_key_derive(seed, 1), again = hf_key_derive(seed, 1);
    struct hf_key b = hf_key_derive(seed, 2);
    seed[15] = 1;
    struct hf_key c = hf_key_derive(seed, 1);
    assert_true(a.k0 == again.k0 && a.k1 == again.k1);
    assert_true(a.k0 != a.k1);
    assert_true(a.k0 != b.k0 && a.k1 != b.k1);
    assert_true(a.k0 != c.k0 && a.k1 != c.k1);
}
