/* SipHash-2-4 and SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012), and the keys that are derived from a stack's seed with it. The same bytes give the
 * same hash on machines of either byte order. */
#include "base/siphash.h"

#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t little_endian(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)p[i] << 8 * i;
    return x;
}

static uint64_t little_endian_word(const uint8_t *p)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
#else
    return little_endian(p, 8);
#endif
}

static inline void rounds(struct state *s, unsigned n)
{
    for (; n > 0; n--) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static inline void absorb(struct state *s, uint64_t word, unsigned c)
{
    s->v3 ^= word;
    rounds(s, c);
    s->v0 ^= word;
}

static inline struct state begin(const struct hf_key *key)
{
    return (struct state){
        key->k0 ^ 0x736f6d6570736575u,
        key->k1 ^ 0x646f72616e646f6du,
        key->k0 ^ 0x6c7967656e657261u,
        key->k1 ^ 0x7465646279746573u,
    };
}

static inline uint64_t end(struct state *s, unsigned d)
{
    s->v2 ^= 0xff;
    rounds(s, d);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* c rounds for each word of the message, d rounds at the end. */
static inline uint64_t siphash(const struct hf_key *key, const uint8_t *data, size_t len,
                               unsigned c, unsigned d)
{
    struct state s = begin(key);
    size_t words = len / 8;
    for (size_t i = 0; i < words; i++)
        absorb(&s, little_endian_word(data + 8 * i), c);
    absorb(&s, (uint64_t)len << 56 | little_endian(data + 8 * words, len % 8), c);
    return end(&s, d);
}

static inline uint64_t siphash_words(const struct hf_key *key, const uint64_t *words, size_t n,
                                     unsigned c, unsigned d)
{
    struct state s = begin(key);
    for (size_t i = 0; i < n; i++)
        absorb(&s, words[i], c);
    absorb(&s, (uint64_t)n << 59, c);
    return end(&s, d);
}

uint64_t hf_siphash24_words(const struct hf_key *key, const uint64_t *words, size_t n)
{
    return siphash_words(key, words, n, 2, 4);
}

uint64_t hf_siphash13_words(const struct hf_key *key, const uint64_t *words, size_t n)
{
    return siphash_words(key, words, n, 1, 3);
}

uint64_t hf_siphash24(const struct hf_key *key, const void *data, size_t len)
{
    return siphash(key, data, len, 2, 4);
}

uint64_t hf_siphash13(const struct hf_key *key, const void *data, size_t len)
{
    return siphash(key, data, len, 1, 3);
}

struct hf_key hf_key_of_bytes(const uint8_t bytes[16])
{
    return (struct hf_key){little_endian(bytes, 8), little_endian(bytes + 8, 8)};
}

struct hf_key hf_key_derive(const uint8_t seed[16], uint64_t purpose)
{
    const struct hf_key root = hf_key_of_bytes(seed);
    uint8_t label[9];
    for (unsigned i = 0; i < 8; i++)
        label[i] = (uint8_t)(purpose >> 8 * i);
    struct hf_key key;
    label[8] = 0;
    key.k0 = hf_siphash24(&root, label, sizeof label);
    label[8] = 1;
    key.k1 = hf_siphash24(&root, label, sizeof label);
    return key;
}
