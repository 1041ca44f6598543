/* Packets as runs of bytes, for whoever has no use for slices. */
#include <handfast/packet.h>

#include <string.h>

uint32_t hf_packet_copy(const struct hf_packet *packet, uint8_t *dst, uint32_t room)
{
    if (packet->len > room)
        return 0;
    uint32_t len = 0;
    for (unsigned i = 0; i < packet->slices; i++) {
        memcpy(dst + len, packet->slice[i].data, packet->slice[i].len);
        len += packet->slice[i].len;
    }
    return len;
}

void hf_packet_wrap(struct hf_packet *packet, uint8_t link, const void *bytes, uint32_t len)
{
    memset(packet, 0, offsetof(struct hf_packet, head));
    packet->slice[0] = (struct hf_slice){bytes, len, 0};
    packet->len = len;
    packet->slices = 1;
    packet->segments = 1;
    packet->link = link;
}
