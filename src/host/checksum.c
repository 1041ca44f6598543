/* The Internet checksum with what this processor has: for hf_stack_config.checksum. The
 * stack has a portable one of its own; what the sums are for only the stack knows.
 *
 * AVX2 adds 16 words at a time: vpmaddwd adds neighbours into 32 bits, but takes words as signed.
 * So the upper bit of each is turned over, which takes 0x8000 from it, and what was taken in all is
 * added at the end: three instructions for 32 bytes. On other processors the portable
 * one, which compilers make vectors of (SSE2, NEON), is what is used. */
#include <handfast/host.h>

#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define STEP 32u /* bytes of a vector                                                     */
#define WORD_TAKEN 0x8000u
/* As long a run as 32 bits have room for: 2^11 steps, each less than 2^17 in each of eight sums. */
#define RUN (2048u * STEP)

static uint32_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

/* A sum of words as this machine loads them as one of big-endian words, and `sum` added. */
static uint32_t finish(uint64_t native, uint32_t sum)
{
    uint32_t folded = fold(native);
    return fold(((folded & 0xff) << 8 | folded >> 8) + (uint64_t)sum);
}

/* Fewer than 32 bytes. */
static uint64_t sum_rest(const uint8_t *p, size_t len)
{
    uint64_t sum = 0, eight;
    uint32_t four;
    uint16_t two;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&eight, p, 8);
        sum += (eight & 0xffffffffu) + (eight >> 32);
    }
    if (len & 4) {
        memcpy(&four, p, 4);
        sum += four;
        p += 4;
    }
    if (len & 2) {
        memcpy(&two, p, 2);
        sum += two;
        p += 2;
    }
    return len & 1 ? sum + *p : sum;
}

AVX2 static inline __m256i add_words(__m256i sum, __m256i words)
{
    const __m256i top = _mm256_set1_epi16((int16_t)WORD_TAKEN), one = _mm256_set1_epi16(1);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_xor_si256(words, top), one));
}

AVX2 static inline __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}

/* The eight sums of a run, with what was taken from its words. */
AVX2 static inline uint64_t total(__m256i sums, size_t bytes)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    __m128i one = _mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1));
    return (uint64_t)((int64_t)_mm_cvtsi128_si32(one) + (int64_t)(bytes / 2 * WORD_TAKEN));
}

/* The native sum of whole vectors. */
AVX2 static inline uint64_t sum_run(const uint8_t *p, size_t len)
{
    __m256i a = _mm256_setzero_si256(), b = a;
    size_t at = 0;
    for (; at + 4 * STEP <= len; at += 4 * STEP) {
        a = add_words(a, load(p + at));
        b = add_words(b, load(p + at + STEP));
        a = add_words(a, load(p + at + 2 * STEP));
        b = add_words(b, load(p + at + 3 * STEP));
    }
    for (; at < len; at += STEP)
        a = add_words(a, load(p + at));
    return total(_mm256_add_epi32(a, b), len);
}

AVX2 static uint32_t checksum_avx2(const void *data, size_t len, uint32_t sum)
{
    const uint8_t *p = data;
    uint64_t native = 0;
    while (len >= STEP) {
        size_t run = len < RUN ? len - len % STEP : RUN;
        native += sum_run(p, run);
        p += run;
        len -= run;
    }
    return finish(native + sum_rest(p, len), sum);
}

hf_checksum_fn hf_host_checksum(void)
{
    return __builtin_cpu_supports("avx2") ? checksum_avx2 : NULL;
}

#else

hf_checksum_fn hf_host_checksum(void)
{
    return NULL;
}

#endif
