/* Big-endian integers at any alignment, and a cursor that cannot leave its buffer. */
#ifndef HF_WIRE_BYTES_H
#define HF_WIRE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t hf_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t hf_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A number as it stands in a packet, to be compared with what was loaded from there. */
static inline uint16_t hf_word16(uint16_t v)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap16(v);
#endif
    return v;
}

static inline void hf_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void hf_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* Two words of four bytes with one store. Returns them as the machine would load them, for the sum
 * over what was written: loading what was stored a moment ago in other pieces would have to wait. */
static inline uint64_t hf_put32_32(uint8_t *p, uint32_t a, uint32_t b)
{
    uint64_t both = (uint64_t)a << 32 | b;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    both = __builtin_bswap64(both);
#endif
    memcpy(p, &both, sizeof both);
    return both;
}

/* The same for one word. */
static inline uint32_t hf_put32_native(uint8_t *p, uint32_t v)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    memcpy(p, &v, sizeof v);
    return v;
}

/* Reads from a run of bytes; once a read did not fit, `failed` stays set and reads give 0. */
struct hf_reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline uint32_t hf_reader_left(const struct hf_reader *r)
{
    return (uint32_t)(r->end - r->at);
}

static inline const uint8_t *hf_reader_take(struct hf_reader *r, uint32_t n)
{
    const uint8_t *p = r->at;
    if (hf_reader_left(r) < n) {
        r->failed = true;
        return 0;
    }
    r->at += n;
    return p;
}

static inline uint8_t hf_reader_u8(struct hf_reader *r)
{
    const uint8_t *p = hf_reader_take(r, 1);
    return p ? *p : 0;
}

#endif
