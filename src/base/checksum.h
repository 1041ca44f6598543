/* The Internet checksum, RFC 1071; incremental update, RFC 1624. */
#ifndef HF_BASE_CHECKSUM_H
#define HF_BASE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Sum of big-endian 16-bit words, added to `sum`, folded to 16 bits, not inverted. An odd last
 * byte counts as the high byte of a word; so only the last piece of several may have an odd
 * length (see combine). */
uint32_t hf_checksum_add(const void *data, size_t len, uint32_t sum);

/* Fold to 16 bits: high and low halves added, carries brought round. */
static inline uint32_t hf_checksum_fold(uint64_t sum)
{
    uint32_t high = (uint32_t)(sum >> 32), x = (uint32_t)sum + high;
    x += x < high;
    x += x << 16 | x >> 16;
    return x >> 16;
}

/* Native sums: of words as the machine loads them. Joining two: the end-around carry. */
static inline uint64_t hf_checksum_join(uint64_t a, uint64_t b)
{
    bool carry = __builtin_add_overflow(a, b, &a);
    return a + carry;
}

/* The sum of n words of four bytes: for headers, where a call and a loop over what is left would cost
 * more than the words. */
static inline uint64_t hf_checksum_native(const void *data, uint32_t n)
{
    const uint8_t *p = data;
    uint64_t native = 0;
    for (; n >= 2; n -= 2, p += 8) {
        uint64_t two;
        memcpy(&two, p, sizeof two);
        native = hf_checksum_join(native, two);
    }
    if (n) {
        uint32_t one;
        memcpy(&one, p, sizeof one);
        native = hf_checksum_join(native, one);
    }
    return native;
}

/* Between a folded native sum and one of big-endian words; the same both ways. */
static inline uint32_t hf_checksum_swap(uint32_t folded)
{
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
    folded = (folded & 0xff) << 8 | folded >> 8;
#endif
    return folded;
}

/* A word of four bytes in network order, as the machine would load it. */
static inline uint32_t hf_checksum_word(uint32_t v)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

/* A native sum as one of big-endian words, and `sum` added. */
static inline uint32_t hf_checksum_of_native(uint64_t native, uint32_t sum)
{
    uint32_t folded = hf_checksum_swap(hf_checksum_fold(native)) + sum;
    folded = (folded & 0xffff) + (folded >> 16); /* sum: 16 bits, and not much more */
    return (folded & 0xffff) + (folded >> 16);
}

/* The same as hf_checksum_add for a header of n words of four bytes. */
static inline uint32_t hf_checksum_words(const void *data, uint32_t n, uint32_t sum)
{
    return hf_checksum_of_native(hf_checksum_native(data, n), sum);
}

/* Copy and sum in one pass; the same value as hf_checksum_add. The runs must not overlap. */
uint32_t hf_checksum_copy(void *dst, const void *src, size_t len, uint32_t sum);

/* The sum of a whole from the sum of its first part, `first_len` bytes long, and that of the
 * rest (each folded, rest summed from 0): swaps bytes when the first part has an odd length. */
static inline uint32_t hf_checksum_combine(uint32_t first, size_t first_len, uint32_t rest)
{
    uint32_t sum = first + (first_len % 2 ? (rest & 0xff) << 8 | rest >> 8 : rest);
    return (sum & 0xffff) + (sum >> 16);
}

/* So few bytes are summed in less time than a call takes. */
#define HF_CHECKSUM_FEW 4u
static inline uint32_t hf_checksum_few(const uint8_t *p, uint32_t n)
{
    uint32_t sum = 0; /* 4 bytes: no carry of words is lost, and folding is left to combine */
    for (uint32_t i = 0; i < n; i++)
        sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
    return (sum & 0xffff) + (sum >> 16);
}

/* Fold to 16 bits and invert: what stands in a header. */
uint16_t hf_checksum_finish(uint32_t sum);

/* The header checksum after a 16-bit word changed from `was` to `is` (RFC 1624 eqn. 3). */
uint16_t hf_checksum_update(uint16_t checksum, uint16_t was, uint16_t is);

#endif
