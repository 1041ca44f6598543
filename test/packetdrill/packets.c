/* Packets between packetdrill and the stack, which has one link with default routes. */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

#define BATCH 16
#define RST 0x04

int pd_add_address(struct pd *pd, const struct hf_addr *addr)
{
    return hf_stack_add_address(pd->stack, pd->link, addr, addr->family == HF_IPV4 ? 16 : 64);
}

static size_t ip_header(const uint8_t *bytes, size_t len)
{
    return len > 0 && bytes[0] >> 4 == 4 ? (size_t)(bytes[0] & 15) * 4 : 40;
}

/* packetdrill tells its own device by --mss how long the segments of a merged packet are. */
static void mark_merged(struct hf_packet *packet, const uint8_t *bytes, size_t len, size_t mss)
{
    size_t head = ip_header(bytes, len);
    size_t text_at = len >= head + 20 ? head + (size_t)(bytes[head + 12] >> 4) * 4 : len;
    size_t text = len > text_at ? len - text_at : 0;
    if (mss == 0 || text <= mss)
        return;
    packet->segment_bytes = (uint16_t)mss;
    packet->segments = (uint16_t)((text + mss - 1) / mss);
}

/* A bare RST, which is what packetdrill ends each connection with. */
static bool is_reset(const uint8_t *bytes, size_t len)
{
    size_t head = ip_header(bytes, len);
    return len >= head + 20 && bytes[head + 13] & RST;
}

void pd_packet_in(struct pd *pd, const void *bytes, size_t len)
{
    struct hf_packet packet;
    if (pd->left < 0 && is_reset(bytes, len))
        pd->left = (int)pd->queued;
    else if (!is_reset(bytes, len))
        pd->left = -1;
    hf_packet_wrap(&packet, (uint8_t)pd->link, bytes, (uint32_t)len);
    mark_merged(&packet, bytes, len, pd->flags.mss);
    hf_stack_input(pd->stack, pd->link, &packet, 1, pd->now);
    pd_packets_out(pd);
    hf_sockets_notice(pd->sockets);
}

static void enqueue(struct pd *pd, const struct hf_packet *packet)
{
    struct pd_packet *copy = malloc(sizeof *copy + packet->len);
    if (!copy)
        abort(); /* a script cannot be judged without its packets */
    copy->next = NULL;
    copy->sent_at = pd->now;
    copy->len = hf_packet_copy(packet, copy->bytes, packet->len);
    *pd->queue_end = copy;
    pd->queue_end = &copy->next;
    pd->queued++;
}

void pd_packets_out(struct pd *pd)
{
    struct hf_packet packets[BATCH];
    for (;;) {
        size_t n = hf_stack_output(pd->stack, pd->link, packets, BATCH, pd->now);
        for (size_t i = 0; i < n; i++)
            enqueue(pd, &packets[i]);
        hf_stack_sent(pd->stack, packets, n);
        if (n == 0)
            return;
    }
}

struct pd_packet *pd_packet_take(struct pd *pd)
{
    struct pd_packet *packet = pd->queue;
    if (!packet)
        return NULL;
    pd->queue = packet->next;
    if (!pd->queue)
        pd->queue_end = &pd->queue;
    pd->queued--;
    return packet;
}

void pd_packets_drop(struct pd *pd)
{
    for (struct pd_packet *packet; (packet = pd_packet_take(pd));)
        free(packet);
}
