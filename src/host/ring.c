/* One writer, one reader, two positions that only grow. The writer publishes `head` when a packet lies
 * there whole (release), the reader reads it before the packet (acquire), and the same for `tail` the
 * other way; each keeps what it knows of the other's position, so that a full batch costs one look.
 *
 *      tail             head
 *   ....[packet][packet]........|end      a packet that does not fit before the end begins anew at
 *                                         0; a record without bytes says so
 */
#include "host/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64

struct record {
    uint32_t bytes; /* of the packet behind this; 0: go on at the beginning                     */
    uint16_t segments, segment_bytes;
    uint16_t checksum_start, checksum_offset;
    uint8_t checksum, mark;
    uint8_t rest[2];
};

struct hf_ring {
    _Alignas(LINE) atomic_uint head; /* the writer's                                           */
    uint32_t known_tail;
    _Alignas(LINE) atomic_uint tail; /* the reader's                                           */
    uint32_t taken;                  /* read by the last take, not given back yet              */
    _Alignas(LINE) uint32_t size;
    uint8_t *bytes;
};

struct hf_ring *hf_ring_new(uint32_t bytes)
{
    struct hf_ring *ring = aligned_alloc(LINE, sizeof *ring);
    if (!ring)
        return NULL;
    memset(ring, 0, sizeof *ring);
    ring->bytes = aligned_alloc(LINE, bytes);
    ring->size = bytes;
    if (ring->bytes)
        return ring;
    free(ring);
    return NULL;
}

void hf_ring_free(struct hf_ring *ring)
{
    if (!ring)
        return;
    free(ring->bytes);
    free(ring);
}

static uint32_t rounded(uint32_t bytes)
{
    return (bytes + (uint32_t)sizeof(struct record) - 1) / (uint32_t)sizeof(struct record) *
           (uint32_t)sizeof(struct record);
}

/* Room for `need` bytes from `head` on, the reader asked if it must be. */
static bool has_room(struct hf_ring *ring, uint32_t head, uint32_t need)
{
    if (ring->size - (head - ring->known_tail) >= need)
        return true;
    ring->known_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return ring->size - (head - ring->known_tail) >= need;
}

bool hf_ring_put(struct hf_ring *ring, const struct hf_packet *packet, bool mark)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t need = (uint32_t)sizeof(struct record) + rounded(packet->len);
    uint32_t at = head & (ring->size - 1), skip = ring->size - at < need ? ring->size - at : 0;
    struct record record = {.bytes = 0};
    if (packet->len == 0 || need > ring->size / 2 || !has_room(ring, head, skip + need))
        return false;
    if (skip) {
        memcpy(ring->bytes + at, &record, sizeof record);
        at = 0;
    }
    record = (struct record){
        .bytes = packet->len,
        .segments = packet->segments,
        .segment_bytes = packet->segment_bytes,
        .checksum_start = packet->checksum_start,
        .checksum_offset = packet->checksum_offset,
        .checksum = packet->checksum,
        .mark = mark,
    };
    memcpy(ring->bytes + at, &record, sizeof record);
    (void)hf_packet_copy(packet, ring->bytes + at + sizeof record, packet->len);
    atomic_store_explicit(&ring->head, head + skip + need, memory_order_release);
    return true;
}

static void describe(const struct record *record, const uint8_t *bytes, struct hf_packet *packet)
{
    hf_packet_wrap(packet, 0, bytes, record->bytes);
    packet->segments = record->segments;
    packet->segment_bytes = record->segment_bytes;
    packet->checksum_start = record->checksum_start;
    packet->checksum_offset = record->checksum_offset;
    packet->checksum = record->checksum;
}

size_t hf_ring_take(struct hf_ring *ring, struct hf_packet *packets, bool *marks, size_t room)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed) + ring->taken;
    uint32_t begin = tail;
    size_t n = 0;
    if (ring->taken)
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    while (n < room && tail != head) {
        struct record record;
        uint32_t at = tail & (ring->size - 1);
        memcpy(&record, ring->bytes + at, sizeof record);
        if (record.bytes == 0) {
            tail += ring->size - at;
            continue;
        }
        describe(&record, ring->bytes + at + sizeof record, &packets[n]);
        marks[n++] = record.mark != 0;
        tail += (uint32_t)sizeof record + rounded(record.bytes);
    }
    ring->taken = tail - begin;
    return n;
}
