/* SipHash, the keyed hash of everything an outsider must not predict: table slots (1-3), initial
 * sequence numbers (1-3 twice, one behind the other), ports, cookies (2-4). Aumasson and Bernstein,
 * 2012. */
#ifndef HF_BASE_SIPHASH_H
#define HF_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct hf_key {
    uint64_t k0, k1;
};

uint64_t hf_siphash24(const struct hf_key *key, const void *data, size_t len);
uint64_t hf_siphash13(const struct hf_key *key, const void *data, size_t len);

/* The same over n 64-bit words, as if each stood in the message in little-endian order. */
uint64_t hf_siphash24_words(const struct hf_key *key, const uint64_t *words, size_t n);
uint64_t hf_siphash13_words(const struct hf_key *key, const uint64_t *words, size_t n);

/* Sixteen bytes as a key: two numbers in little-endian order. */
struct hf_key hf_key_of_bytes(const uint8_t bytes[16]);

/* A key for one purpose, derived from the stack's seed: the same seed and purpose give the
 * same. */
struct hf_key hf_key_derive(const uint8_t seed[16], uint64_t purpose);

#endif
