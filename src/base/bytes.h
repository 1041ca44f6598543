/* Byte queues: what waits to be sent, what waits to be read, what came out of order.
 *
 * Bytes lie in chunks, reference-counted: a packet on its way to a link keeps the chunks
 * that it refers to, even after the bytes left the queue. A queue is 12 bytes and holds no
 * memory while it is empty. Positions are sequence numbers: `base` is the position of the
 * first byte. */
#ifndef HF_BASE_BYTES_H
#define HF_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/packet.h>

#include "base/pool.h"
#include "base/seq.h"

#define HF_CHUNK_MIN 256u
#define HF_CHUNK_MAX 65536u

struct hf_chunk {
    uint32_t next; /* in its queue                                                        */
    uint32_t refs; /* 1 for the queue that it is in, 1 for each packet slice               */
    uint8_t *data;
    uint32_t capacity; /* bytes at data                                                       */
    uint32_t start;    /* bytes that left its queue by the front                              */
    uint32_t used;     /* bytes written, from data                                            */
    bool reserved;     /* somebody writes behind `used`: the queue keeps it though empty      */
    bool frozen;       /* cut back while a packet may refer to what was behind `used`         */
};

struct hf_chunks {
    struct hf_pool pool; /* of struct hf_chunk                                                */
    struct hf_budget *budget;
    /* Memory of HF_CHUNK_MAX that was given back last and is taken first: it lies in the processor's
     * cache, and a transfer under way asks nobody for memory. Some, while there is a chunk at all
     * and a second longer: a transfer of which all is read again and again is under way as well. */
    uint8_t *spare; /* the newest; each begins with the place of the next                     */
    uint32_t spares;
    const hf_time *now;
    hf_time rest_at; /* when they go back; HF_NEVER: there are chunks, or no spares            */
    /* Chunks of HF_CHUNK_MIN with their memory, linked by next, for those who say little at a time:
     * some, always. */
    uint32_t idle, idles;
};

struct hf_bytes {
    uint32_t head, tail; /* chunks; 0: empty                                                  */
    uint32_t len;        /* bytes queued                                                      */
};

/* Remembers where a byte was found, so that walking on from it is cheap. All zero: nothing
 * remembered. Dropping from the front is allowed for; zero it after truncate, clear and
 * splice. */
struct hf_cursor {
    uint32_t chunk, offset; /* offset within the chunk                                        */
    uint32_t at; /* of that byte: distance from the queue's first byte, plus `dropped`        */
};

/* now: the clock, which is read through it. */
void hf_chunks_init(struct hf_chunks *chunks, struct hf_budget *budget, const hf_time *now);
void hf_chunks_reset(struct hf_chunks *chunks);

/* To be called at rest_at: memory that was kept although there is no chunk any more goes back. */
void hf_chunks_rest(struct hf_chunks *chunks);

/* One chunk outside any queue with refs 1; 0 when there is no memory. */
uint32_t hf_chunk_new(struct hf_chunks *chunks, uint32_t capacity);
void hf_chunk_release(struct hf_chunks *chunks, uint32_t chunk);
#define HF_CHUNKS_SLAB                                                                           \
    6u /* chunks in a slab of their pool, 2 KB, as a power of two              */
_Static_assert(sizeof(struct hf_chunk) % 8 == 0, "a pool rounds sizes up to 8");

static inline struct hf_chunk *hf_chunk_at(const struct hf_chunks *chunks, uint32_t chunk)
{
    return (struct hf_chunk *)hf_pool_place(&chunks->pool, chunk, sizeof(struct hf_chunk),
                                            HF_CHUNKS_SLAB);
}

/* Append a copy. Takes as much as memory allows; returns bytes taken. New chunks are sized
 * by what is queued and what comes (HF_CHUNK_MIN..HF_CHUNK_MAX), so that small things stay
 * small and one byte at a time costs no more than twice its bytes plus one chunk. */
uint32_t hf_bytes_append(struct hf_chunks *chunks, struct hf_bytes *q, const void *src,
                         uint32_t len);

/* The same from the slices of a packet, skipping `skip` bytes of them. */
uint32_t hf_bytes_append_slices(struct hf_chunks *chunks, struct hf_bytes *q,
                                const struct hf_slice *slices, unsigned n, uint32_t skip,
                                uint32_t len);

/* Room at the end, at least 1 byte unless there is no memory (returns NULL): at most `want`,
 * which is not 0. It stays although bytes are dropped from the front meanwhile, until
 * commit, append, truncate or clear. */
uint8_t *hf_bytes_reserve(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t want,
                          uint32_t *room);
/* The first len bytes of that room are now part of the queue. */
void hf_bytes_commit(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t len);

/* Drop bytes from the front, or cut the end so that `len` bytes remain. */
void hf_bytes_drop(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t n);
void hf_bytes_truncate(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t len);
void hf_bytes_clear(struct hf_chunks *chunks, struct hf_bytes *q);

/* The first run of bytes that lie together: its length, 0 when empty. */
uint32_t hf_bytes_peek(const struct hf_chunks *chunks, const struct hf_bytes *q,
                       const uint8_t **data);

/* Copy len bytes that begin `from` bytes into the queue; they must be there. */
void hf_bytes_copy(const struct hf_chunks *chunks, const struct hf_bytes *q, uint32_t from,
                   void *dst, uint32_t len);

/* Copy the first len bytes, and drop them. */
void hf_bytes_take(struct hf_chunks *chunks, struct hf_bytes *q, void *dst, uint32_t len);

/* Append the whole of `more` to q and leave it empty. What is small is copied into the room
 * that q's last chunk has, the rest is linked. Never fails. */
void hf_bytes_splice(struct hf_chunks *chunks, struct hf_bytes *q, struct hf_bytes *more);

/* Slices for len bytes that begin `from` bytes into the queue; each is held (a reference more)
 * and its `hold` set. Returns the number of slices used; *got is how many bytes fitted into
 * `max` slices. `cursor` speeds up walking forward: `dropped` is the number of bytes ever
 * dropped from the front of this queue, modulo 2^32, which makes the cursor stay right while
 * the front is dropped. */
unsigned hf_bytes_slices(struct hf_chunks *chunks, const struct hf_bytes *q,
                         struct hf_cursor *cursor, uint32_t dropped, uint32_t from, uint32_t len,
                         struct hf_slice *slices, unsigned max, uint32_t *got);

/* The same for a queue that is one chunk, and len not 0: one slice, and a cursor has nothing to
 * remember. */
static inline void hf_bytes_only_slice(struct hf_chunks *chunks, const struct hf_bytes *q,
                                       uint32_t from, uint32_t len, struct hf_slice *slice)
{
    HF_ASSERT(from <= q->len && len <= q->len - from);
    struct hf_chunk *chunk = hf_chunk_at(chunks, q->head);
    *slice = (struct hf_slice){chunk->data + chunk->start + from, len, q->head};
    chunk->refs++;
}

/* Bytes of memory that the queue's chunks take, by capacity. Walks the queue. */
uint32_t hf_bytes_charge(const struct hf_chunks *chunks, const struct hf_bytes *q);

#endif
