/* The Internet checksum, RFC 1071; incremental update, RFC 1624. */
#ifndef HF_BASE_CHECKSUM_H
#define HF_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Sum of big-endian 16-bit words, added to `sum`, folded to 16 bits, not inverted. An odd last
 * byte counts as the high byte of a word; so only the last piece of several may have an odd
 * length (see combine). */
uint32_t hf_checksum_add(const void *data, size_t len, uint32_t sum);

/* Copy and sum in one pass; the same value as hf_checksum_add. The runs must not overlap. */
uint32_t hf_checksum_copy(void *dst, const void *src, size_t len, uint32_t sum);

/* The sum of a whole from the sum of its first part, `first_len` bytes long, and that of the
 * rest (each folded, rest summed from 0): swaps bytes when the first part has an odd length. */
uint32_t hf_checksum_combine(uint32_t first, size_t first_len, uint32_t rest);

/* Fold to 16 bits and invert: what stands in a header. */
uint16_t hf_checksum_finish(uint32_t sum);

/* The header checksum after a 16-bit word changed from `was` to `is` (RFC 1624 eqn. 3). */
uint16_t hf_checksum_update(uint16_t checksum, uint16_t was, uint16_t is);

#endif
