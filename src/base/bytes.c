/* Byte queues over reference-counted chunks. The bytes of a queue are, chunk by chunk, those
 * from `start` to `used`. Only the last chunk of a queue is written to, and only behind `used`,
 * so what a packet refers to never changes.
 *
 * A chunk without bytes is in a queue only as its last one, while it is reserved. */
#include "base/bytes.h"

#include <string.h>

#include "base/budget.h"

#define CHUNKS_MAX (1u << 28)
#define SPARES_MAX 8u /* of each size: half a megabyte                                   */
#define REST HF_SEC
#define SPARES_PART 64u /* and no more than such a part of the stack's memory              */

void hf_chunks_init(struct hf_chunks *chunks, struct hf_budget *budget, const hf_time *now)
{
    *chunks = (struct hf_chunks){.budget = budget, .now = now, .rest_at = HF_NEVER};
    hf_pool_init(&chunks->pool, budget, sizeof(struct hf_chunk), HF_CHUNKS_SLAB, CHUNKS_MAX);
}

/* ---- Memory of chunks ---- */

static uint8_t *spare_take(struct hf_chunks *chunks)
{
    uint8_t *data = chunks->spare;
    memcpy(&chunks->spare, data, sizeof chunks->spare);
    chunks->spares--;
    return data;
}

static void spares_free(struct hf_chunks *chunks)
{
    while (chunks->spare)
        hf_budget_free(chunks->budget, spare_take(chunks), HF_CHUNK_MAX);
}

static bool may_keep(const struct hf_chunks *chunks, uint32_t kept, uint32_t capacity)
{
    return kept < SPARES_MAX && (kept + 1) * capacity <= chunks->budget->limit / SPARES_PART;
}

static uint32_t idle_take(struct hf_chunks *chunks)
{
    uint32_t index = chunks->idle;
    struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    chunks->idle = chunk->next;
    chunks->idles--;
    chunk->next = 0;
    return index;
}

static void idle_free(struct hf_chunks *chunks)
{
    while (chunks->idle) {
        uint32_t index = idle_take(chunks);
        hf_budget_free(chunks->budget, hf_chunk_at(chunks, index)->data, HF_CHUNK_MIN);
        hf_pool_give(&chunks->pool, index);
    }
}

static uint8_t *data_new(struct hf_chunks *chunks, uint32_t capacity)
{
    if (capacity == HF_CHUNK_MAX && chunks->spare)
        return spare_take(chunks);
    uint8_t *data = hf_budget_alloc(chunks->budget, capacity);
    if (!data && (chunks->spare || chunks->idle)) {
        spares_free(chunks);
        idle_free(chunks);
        data = hf_budget_alloc(chunks->budget, capacity);
    }
    return data;
}

static void data_free(struct hf_chunks *chunks, uint8_t *data, uint32_t capacity)
{
    if (capacity != HF_CHUNK_MAX || !may_keep(chunks, chunks->spares, HF_CHUNK_MAX)) {
        hf_budget_free(chunks->budget, data, capacity);
        return;
    }
    memcpy(data, &chunks->spare, sizeof chunks->spare);
    chunks->spare = data;
    chunks->spares++;
}

/* ---- Chunks ---- */

void hf_chunks_reset(struct hf_chunks *chunks)
{
    spares_free(chunks);
    uint32_t end = chunks->pool.slabs_room << HF_CHUNKS_SLAB;
    for (uint32_t i = 1; i < end; i++) {
        struct hf_chunk *chunk = hf_pool_find(&chunks->pool, i);
        if (chunk && chunk->data)
            hf_budget_free(chunks->budget, chunk->data, chunk->capacity);
    }
    chunks->idle = chunks->idles = 0;
    hf_pool_reset(&chunks->pool);
}

/* With memory of its own. */
HF_APART static uint32_t new_from_pool(struct hf_chunks *chunks, uint32_t capacity)
{
    uint32_t index = hf_pool_take(&chunks->pool);
    if (!index && chunks->spare) {
        spares_free(chunks);
        index = hf_pool_take(&chunks->pool);
    }
    if (!index)
        return 0;
    struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    chunk->data = data_new(chunks, capacity);
    if (!chunk->data) {
        hf_pool_give(&chunks->pool, index);
        return 0;
    }
    chunk->capacity = capacity;
    chunk->refs = 1;
    return index;
}

uint32_t hf_chunk_new(struct hf_chunks *chunks, uint32_t capacity)
{
    chunks->rest_at = HF_NEVER;
    if (capacity != HF_CHUNK_MIN || !chunks->idle)
        return new_from_pool(chunks, capacity);
    uint32_t index = idle_take(chunks);
    hf_chunk_at(chunks, index)->refs = 1;
    return index;
}

static inline void rest_soon(struct hf_chunks *chunks)
{
    if (HF_UNLIKELY(chunks->spare && chunks->pool.count == chunks->idles))
        chunks->rest_at = *chunks->now + REST;
}

HF_APART static void back_to_pool(struct hf_chunks *chunks, uint32_t index)
{
    struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    data_free(chunks, chunk->data, chunk->capacity);
    hf_pool_give_object(&chunks->pool, index, chunk, sizeof *chunk);
    rest_soon(chunks);
}

/* Nobody refers to it any more. */
static void put_away(struct hf_chunks *chunks, uint32_t index, struct hf_chunk *chunk)
{
    if (chunk->capacity != HF_CHUNK_MIN || !may_keep(chunks, chunks->idles, HF_CHUNK_MIN)) {
        back_to_pool(chunks, index);
        return;
    }
    chunk->next = chunks->idle;
    chunk->start = chunk->used = 0;
    chunk->reserved = chunk->frozen = false;
    chunks->idle = index;
    chunks->idles++;
    rest_soon(chunks);
}

void hf_chunk_release(struct hf_chunks *chunks, uint32_t index)
{
    struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    HF_ASSERT(chunk->refs > 0);
    if (--chunk->refs == 0)
        put_away(chunks, index, chunk);
}

void hf_chunks_rest(struct hf_chunks *chunks)
{
    if (*chunks->now < chunks->rest_at)
        return;
    chunks->rest_at = HF_NEVER;
    spares_free(chunks);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Bytes that may be written behind those that the chunk has. */
static uint32_t chunk_room(const struct hf_chunk *chunk)
{
    return chunk->frozen && chunk->refs > 1 ? 0 : chunk->capacity - chunk->used;
}

/* The last chunk, with room for a byte at least; a new one when need be. NULL: no memory. */
static struct hf_chunk *writable(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t coming)
{
    if (q->tail) {
        struct hf_chunk *tail = hf_chunk_at(chunks, q->tail);
        if (chunk_room(tail) > 0)
            return tail;
    }
    uint32_t wish = q->len > coming ? q->len : coming;
    uint32_t capacity = HF_CHUNK_MIN;
    while (capacity < wish && capacity < HF_CHUNK_MAX)
        capacity *= 2;
    uint32_t index = hf_chunk_new(chunks, capacity);
    while (!index && capacity > HF_CHUNK_MIN) {
        capacity /= 2;
        index = hf_chunk_new(chunks, capacity);
    }
    if (!index)
        return 0;
    if (q->tail)
        hf_chunk_at(chunks, q->tail)->next = index;
    else
        q->head = index;
    q->tail = index;
    return hf_chunk_at(chunks, index);
}

/* memcpy, without a call for the few bytes that those say who say little at a time. */
static inline void copy(uint8_t *dst, const uint8_t *src, uint32_t len)
{
    if (HF_UNLIKELY(len - 1 >= 16)) {
        memcpy(dst, src, len);
    } else if (len >= 8) {
        uint64_t first, last;
        memcpy(&first, src, sizeof first);
        memcpy(&last, src + len - sizeof last, sizeof last);
        memcpy(dst, &first, sizeof first);
        memcpy(dst + len - sizeof last, &last, sizeof last);
    } else if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, src, sizeof first);
        memcpy(&last, src + len - sizeof last, sizeof last);
        memcpy(dst, &first, sizeof first);
        memcpy(dst + len - sizeof last, &last, sizeof last);
    } else {
        dst[0] = src[0];
        if (len > 1)
            memcpy(dst + len - 2, src + len - 2, 2);
    }
}

/* The first bytes, and few of them. */
static inline uint32_t begin(struct hf_chunks *chunks, struct hf_bytes *q, const uint8_t *src,
                             uint32_t len)
{
    uint32_t index = hf_chunk_new(chunks, HF_CHUNK_MIN);
    if (!index)
        return 0;
    struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    copy(chunk->data, src, len);
    chunk->used = q->len = len;
    q->head = q->tail = index;
    return len;
}

HF_APART static uint32_t append(struct hf_chunks *chunks, struct hf_bytes *q, const uint8_t *from,
                                uint32_t len)
{
    uint32_t taken = 0;
    while (taken < len) {
        struct hf_chunk *chunk = writable(chunks, q, len - taken);
        if (!chunk)
            break;
        uint32_t n = smaller(len - taken, chunk_room(chunk));
        memcpy(chunk->data + chunk->used, from + taken, n);
        chunk->used += n;
        chunk->reserved = false;
        q->len += n;
        taken += n;
    }
    return taken;
}

uint32_t hf_bytes_append(struct hf_chunks *chunks, struct hf_bytes *q, const void *src,
                         uint32_t len)
{
    bool first = !q->tail && len - 1 < HF_CHUNK_MIN;
    return first ? begin(chunks, q, src, len) : append(chunks, q, src, len);
}

uint32_t hf_bytes_append_slices(struct hf_chunks *chunks, struct hf_bytes *q,
                                const struct hf_slice *slices, unsigned n, uint32_t skip,
                                uint32_t len)
{
    uint32_t taken = 0;
    unsigned i = 0;
    for (; i < n && skip >= slices[i].len; i++)
        skip -= slices[i].len;
    if (HF_LIKELY(i < n && slices[i].len - skip >= len))
        return hf_bytes_append(chunks, q, slices[i].data + skip, len);
    for (; i < n && taken < len; i++) {
        uint32_t piece = smaller(slices[i].len - skip, len - taken);
        uint32_t got = hf_bytes_append(chunks, q, slices[i].data + skip, piece);
        taken += got;
        if (got < piece)
            break;
        skip = 0;
    }
    return taken;
}

uint8_t *hf_bytes_reserve(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t want,
                          uint32_t *room)
{
    struct hf_chunk *chunk = writable(chunks, q, want);
    if (!chunk)
        return 0;
    chunk->reserved = true;
    *room = smaller(want, chunk_room(chunk));
    return chunk->data + chunk->used;
}

void hf_bytes_commit(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t len)
{
    HF_ASSERT(q->tail);
    struct hf_chunk *chunk = hf_chunk_at(chunks, q->tail);
    HF_ASSERT(chunk->reserved && len <= chunk->capacity - chunk->used);
    chunk->reserved = false;
    chunk->used += len;
    q->len += len;
    if (len == 0)
        hf_bytes_truncate(chunks, q, q->len);
}

HF_APART static void drop(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t n)
{
    q->len -= n;
    while (n > 0) {
        uint32_t index = q->head;
        struct hf_chunk *chunk = hf_chunk_at(chunks, index);
        uint32_t gone = smaller(n, chunk->used - chunk->start);
        chunk->start += gone;
        n -= gone;
        if (chunk->start < chunk->used || chunk->reserved)
            break;
        q->head = chunk->next;
        if (!q->head)
            q->tail = 0;
        hf_chunk_release(chunks, index);
    }
}

void hf_bytes_drop(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t n)
{
    HF_ASSERT(n <= q->len);
    uint32_t head = q->head;
    if (n != q->len || !head || head != q->tail || hf_chunk_at(chunks, head)->reserved) {
        drop(chunks, q, n);
        return;
    }
    *q = (struct hf_bytes){0}; /* all of it, in one piece */
    hf_chunk_release(chunks, head);
}

/* Release a chunk and all behind it. */
static void release_from(struct hf_chunks *chunks, uint32_t index)
{
    while (index) {
        uint32_t next = hf_chunk_at(chunks, index)->next;
        hf_chunk_release(chunks, index);
        index = next;
    }
}

void hf_bytes_truncate(struct hf_chunks *chunks, struct hf_bytes *q, uint32_t len)
{
    HF_ASSERT(len <= q->len);
    if (len == 0) {
        hf_bytes_clear(chunks, q);
        return;
    }
    uint32_t left = len;
    uint32_t index = q->head;
    struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    while (left > chunk->used - chunk->start) {
        left -= chunk->used - chunk->start;
        index = chunk->next;
        chunk = hf_chunk_at(chunks, index);
    }
    if (chunk->start + left < chunk->used && chunk->refs > 1)
        chunk->frozen = true;
    chunk->used = chunk->start + left;
    chunk->reserved = false;
    release_from(chunks, chunk->next);
    chunk->next = 0;
    q->tail = index;
    q->len = len;
}

void hf_bytes_clear(struct hf_chunks *chunks, struct hf_bytes *q)
{
    release_from(chunks, q->head);
    *q = (struct hf_bytes){0};
}

uint32_t hf_bytes_peek(const struct hf_chunks *chunks, const struct hf_bytes *q,
                       const uint8_t **data)
{
    if (q->len == 0)
        return 0;
    const struct hf_chunk *chunk = hf_chunk_at(chunks, q->head);
    *data = chunk->data + chunk->start;
    return chunk->used - chunk->start;
}

/* The chunk of the byte that is `from` bytes into the queue, and its offset there. */
static uint32_t find(const struct hf_chunks *chunks, const struct hf_bytes *q, uint32_t from,
                     uint32_t *offset)
{
    uint32_t index = q->head;
    const struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    while (from >= chunk->used - chunk->start) {
        from -= chunk->used - chunk->start;
        index = chunk->next;
        chunk = hf_chunk_at(chunks, index);
    }
    *offset = chunk->start + from;
    return index;
}

void hf_bytes_copy(const struct hf_chunks *chunks, const struct hf_bytes *q, uint32_t from,
                   void *dst, uint32_t len)
{
    HF_ASSERT(from <= q->len && len <= q->len - from);
    if (len == 0)
        return;
    uint8_t *to = dst;
    uint32_t offset;
    uint32_t index = find(chunks, q, from, &offset);
    for (;;) {
        const struct hf_chunk *chunk = hf_chunk_at(chunks, index);
        uint32_t n = smaller(len, chunk->used - offset);
        memcpy(to, chunk->data + offset, n);
        to += n;
        len -= n;
        if (len == 0)
            return;
        index = chunk->next;
        offset = hf_chunk_at(chunks, index)->start;
    }
}

void hf_bytes_take(struct hf_chunks *chunks, struct hf_bytes *q, void *dst, uint32_t len)
{
    HF_ASSERT(len <= q->len);
    uint32_t head = q->head;
    const struct hf_chunk *chunk = hf_chunk_at(chunks, head);
    if (len != q->len || !head || head != q->tail || chunk->reserved) {
        hf_bytes_copy(chunks, q, 0, dst, len);
        drop(chunks, q, len);
        return;
    }
    copy(dst, chunk->data + chunk->start, len); /* all of it, in one piece */
    *q = (struct hf_bytes){0};
    hf_chunk_release(chunks, head);
}

void hf_bytes_splice(struct hf_chunks *chunks, struct hf_bytes *q, struct hf_bytes *more)
{
    const uint8_t *piece;
    uint32_t n;
    while ((n = hf_bytes_peek(chunks, more, &piece)) > 0 && q->tail &&
           n <= chunk_room(hf_chunk_at(chunks, q->tail))) {
        hf_bytes_append(chunks, q, piece, n);
        hf_bytes_drop(chunks, more, n);
    }
    if (more->len > 0) {
        if (q->tail && hf_chunk_at(chunks, q->tail)->reserved)
            hf_bytes_truncate(chunks, q, q->len);
        if (q->tail)
            hf_chunk_at(chunks, q->tail)->next = more->head;
        else
            q->head = more->head;
        q->tail = more->tail;
        q->len += more->len;
        *more = (struct hf_bytes){0};
    }
    hf_bytes_clear(chunks, more);
}

/* As find, by way of the cursor when it remembers a byte that is not behind. One that has
 * left the queue seems to be far behind: the distance from the front wraps. */
static uint32_t find_from(const struct hf_chunks *chunks, const struct hf_bytes *q,
                          const struct hf_cursor *cursor, uint32_t dropped, uint32_t from,
                          uint32_t *offset)
{
    if (!cursor || !cursor->chunk || cursor->at - dropped > from)
        return find(chunks, q, from, offset);
    uint32_t ahead = from - (cursor->at - dropped);
    uint32_t index = cursor->chunk;
    uint32_t at = cursor->offset;
    const struct hf_chunk *chunk = hf_chunk_at(chunks, index);
    while (ahead >= chunk->used - at) {
        ahead -= chunk->used - at;
        index = chunk->next;
        chunk = hf_chunk_at(chunks, index);
        at = chunk->start;
    }
    *offset = at + ahead;
    return index;
}

unsigned hf_bytes_slices(struct hf_chunks *chunks, const struct hf_bytes *q,
                         struct hf_cursor *cursor, uint32_t dropped, uint32_t from, uint32_t len,
                         struct hf_slice *slices, unsigned max, uint32_t *got)
{
    HF_ASSERT(from <= q->len && len <= q->len - from);
    *got = 0;
    if (len == 0 || max == 0)
        return 0;
    uint32_t offset;
    uint32_t index = find_from(chunks, q, cursor, dropped, from, &offset);
    unsigned n = 0;
    for (;;) {
        struct hf_chunk *chunk = hf_chunk_at(chunks, index);
        uint32_t piece = smaller(len - *got, chunk->used - offset);
        slices[n++] = (struct hf_slice){chunk->data + offset, piece, index};
        chunk->refs++;
        *got += piece;
        if (*got == len || n == max) {
            if (cursor)
                *cursor =
                    (struct hf_cursor){index, offset + piece - 1, dropped + from + *got - 1};
            return n;
        }
        index = chunk->next;
        offset = hf_chunk_at(chunks, index)->start;
    }
}

uint32_t hf_bytes_charge(const struct hf_chunks *chunks, const struct hf_bytes *q)
{
    uint32_t charge = 0;
    for (uint32_t index = q->head; index;) {
        const struct hf_chunk *chunk = hf_chunk_at(chunks, index);
        charge += chunk->capacity;
        index = chunk->next;
    }
    return charge;
}
