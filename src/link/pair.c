/* Two links joined in memory: what is sent on one is received on the other, in order.
 *
 * Each end owns an inbox, a ring of slots that keep their memory when they are used again. What a
 * receive handed out stays in its slots ("lent") until the next receive on that end, so the ring
 * has twice as many slots as packets may wait. Nothing is lost but what finds the queue full or is
 * larger than the MTU. A packet keeps what it says of its segments and its checksum. One thread
 * owns both ends. */
#include "link/link.h"

#include <stdbool.h>
#include <stdlib.h>

struct slot {
    uint8_t *bytes;
    uint32_t room; /* at bytes                                                                */
    struct hf_packet about; /* what the packet says, slices aside                             */
};

struct pair_end {
    struct hf_link link;
    struct pair_end *peer; /* NULL: closed                                                    */
    struct slot *slots;
    size_t size;           /* slots in the ring                                               */
    size_t first;          /* the oldest slot in use                                          */
    size_t lent, waiting;  /* lent ones come first                                            */
};

static bool store(struct pair_end *to, const struct hf_packet *packet)
{
    if (to->waiting == to->size / 2)
        return false;
    if (packet->len > to->link.mtu && packet->segments <= 1)
        return false;
    struct slot *slot = &to->slots[(to->first + to->lent + to->waiting) % to->size];
    if (slot->room < packet->len) {
        uint8_t *bytes = realloc(slot->bytes, packet->len);
        if (!bytes)
            return false;
        slot->bytes = bytes;
        slot->room = packet->len;
    }
    if (hf_packet_copy(packet, slot->bytes, slot->room) == 0)
        return false;
    hf_packet_wrap(&slot->about, 0, slot->bytes, packet->len);
    slot->about.segment_bytes = packet->segment_bytes;
    slot->about.segments = packet->segments;
    slot->about.checksum_start = packet->checksum_start;
    slot->about.checksum_offset = packet->checksum_offset;
    slot->about.checksum = packet->checksum;
    to->waiting++;
    return true;
}

static int64_t pair_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    struct pair_end *end = (struct pair_end *)link;
    if (!end->peer)
        return HF_ERR_STATE;
    int64_t sent = 0;
    for (size_t i = 0; i < n; i++) {
        if (store(end->peer, &packets[i]))
            sent++;
        else
            link->lost++;
    }
    return sent;
}

static int64_t pair_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    struct pair_end *end = (struct pair_end *)link;
    end->first = (end->first + end->lent) % end->size;
    end->lent = 0;
    if (end->waiting == 0)
        return end->peer ? 0 : HF_ERR_STATE;
    size_t n = end->waiting < room ? end->waiting : room;
    for (size_t i = 0; i < n; i++)
        packets[i] = end->slots[(end->first + i) % end->size].about;
    end->lent = n;
    end->waiting -= n;
    return (int64_t)n;
}

static void pair_close(struct hf_link *link)
{
    struct pair_end *end = (struct pair_end *)link;
    if (end->peer)
        end->peer->peer = NULL;
    for (size_t i = 0; i < end->size; i++)
        free(end->slots[i].bytes);
    free(end->slots);
    free(end);
}

static const struct hf_link_ops pair_ops = {pair_receive, pair_send, pair_close};

static struct pair_end *end_new(uint32_t mtu, size_t queue, const char *name)
{
    struct pair_end *end = calloc(1, sizeof *end);
    if (!end)
        return NULL;
    end->slots = calloc(queue * 2, sizeof *end->slots);
    if (!end->slots) {
        free(end);
        return NULL;
    }
    end->size = queue * 2;
    hf_link_init(&end->link, &pair_ops, name, mtu, -1);
    return end;
}

int hf_link_pair(uint32_t mtu, size_t queue, struct hf_link *pair[2])
{
    if (queue == 0)
        queue = 1;
    if (queue > SIZE_MAX / 2)
        return HF_ERR_MEMORY;
    struct pair_end *a = end_new(mtu, queue, "pair-a");
    struct pair_end *b = end_new(mtu, queue, "pair-b");
    if (!a || !b) {
        if (a)
            pair_close(&a->link);
        if (b)
            pair_close(&b->link);
        return HF_ERR_MEMORY;
    }
    a->peer = b;
    b->peer = a;
    pair[0] = &a->link;
    pair[1] = &b->link;
    return 0;
}
