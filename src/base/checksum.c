/* The Internet checksum (RFC 1071), in portable C that compilers turn into vector instructions.
 *
 * The one's complement sum does not depend on byte order (RFC 1071 2.B): words are added as the
 * machine loads them, 32 bits at a time into 64-bit sums, and the bytes of the folded sum are
 * swapped at the end where the machine is little-endian. Nothing is asked of alignment. */
#include "base/checksum.h"

#include <string.h>

/* Two sums in one register. Where there are no vector registers, the compiler uses plain
 * ones. */
typedef uint64_t lanes __attribute__((vector_size(16)));

static uint32_t fold(uint64_t sum)
{
    return hf_checksum_fold(sum);
}

static uint32_t swap_bytes(uint32_t word)
{
    return (word & 0xff) << 8 | word >> 8;
}

/* From a sum of words as the machine loads them, to one of big-endian words; and add `sum`. */
static uint32_t finish_sum(uint64_t native, uint32_t sum)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    uint32_t folded = fold(native);
    return fold((uint64_t)(first ? swap_bytes(folded) : folded) + sum);
}

static uint64_t halves(uint64_t word)
{
    return (word & 0xffffffffu) + (word >> 32);
}

/* The native sum of fewer than 64 bytes. The last bytes are loaded in powers of two: a loop
 * over them costs as much as the rest of a header. */
static uint64_t sum_rest(const uint8_t *p, size_t len)
{
    uint64_t sum = 0, eight;
    uint32_t four;
    uint16_t two;
    uint8_t pair[2] = {0, 0};
    for (; len >= sizeof eight; p += sizeof eight, len -= sizeof eight) {
        memcpy(&eight, p, sizeof eight);
        sum += halves(eight);
    }
    if (len & 4) {
        memcpy(&four, p, sizeof four);
        sum += four;
        p += sizeof four;
    }
    if (len & 2) {
        memcpy(&two, p, sizeof two);
        sum += two;
        p += sizeof two;
    }
    if (len & 1) {
        pair[0] = *p;
        memcpy(&two, pair, sizeof two);
        sum += two;
    }
    return sum;
}

static const lanes low = {0xffffffffu, 0xffffffffu};

/* Add 64 bytes. A sum grows by less than 2^34: it has room for 64 GB. */
static inline void add_block(lanes sums[2], const lanes block[4])
{
    sums[0] += (block[0] & low) + (block[0] >> 32) + (block[2] & low) + (block[2] >> 32);
    sums[1] += (block[1] & low) + (block[1] >> 32) + (block[3] & low) + (block[3] >> 32);
}

static uint64_t total(const lanes sums[2])
{
    lanes both = sums[0] + sums[1];
    return halves(both[0]) + halves(both[1]);
}

uint32_t hf_checksum_add(const void *data, size_t len, uint32_t sum)
{
    const uint8_t *p = data;
    lanes sums[2] = {{0}, {0}}, block[4];
    for (; len >= sizeof block; p += sizeof block, len -= sizeof block) {
        memcpy(block, p, sizeof block);
        add_block(sums, block);
    }
    return finish_sum(total(sums) + sum_rest(p, len), sum);
}

uint32_t hf_checksum_copy(void *dst, const void *src, size_t len, uint32_t sum)
{
    const uint8_t *p = src;
    uint8_t *to = dst;
    lanes sums[2] = {{0}, {0}}, block[4];
    for (; len >= sizeof block; p += sizeof block, to += sizeof block, len -= sizeof block) {
        memcpy(block, p, sizeof block);
        memcpy(to, block, sizeof block);
        add_block(sums, block);
    }
    memcpy(to, p, len);
    return finish_sum(total(sums) + sum_rest(p, len), sum);
}

uint16_t hf_checksum_finish(uint32_t sum)
{
    return (uint16_t)~fold(sum);
}

uint16_t hf_checksum_update(uint16_t checksum, uint16_t was, uint16_t is)
{
    uint64_t sum = (uint64_t)(uint16_t)~checksum + (uint16_t)~was + is;
    return (uint16_t)~fold(sum);
}
