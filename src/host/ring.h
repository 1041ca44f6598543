/* Packets on their way from one thread to another: copied into a ring of bytes that one of them
 * writes and the other reads. Nothing waits: what finds no room is not taken. */
#ifndef HF_HOST_RING_H
#define HF_HOST_RING_H

#include <handfast/packet.h>
#include <stdbool.h>

struct hf_ring;

/* bytes: a power of two. NULL: no memory. */
struct hf_ring *hf_ring_new(uint32_t bytes);
void hf_ring_free(struct hf_ring *ring);

/* The writer's thread: a copy, with what the packet says of its segments and its checksum, and a mark
 * of the writer's. false: no room. */
bool hf_ring_put(struct hf_ring *ring, const struct hf_packet *packet, bool mark);

/* The reader's thread: the next packets, at most `room`. They stay where they lie until the next
 * hf_ring_take on this ring. `marks` gets each packet's mark. */
size_t hf_ring_take(struct hf_ring *ring, struct hf_packet *packets, bool *marks, size_t room);

#endif
