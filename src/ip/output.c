/* Putting the IP header in front of a segment that tcp has built; the only place on the way
 * out where the two families differ.
 *
 * IPv4: DF is set, so no fragment of it can exist and its ID means nothing: it is 0 (RFC 6864
 * 4.1), and there is no counter for anybody to watch. Only where a path has less room than the floor
 * for reports, routers may cut, and each packet has an ID. IPv6: the flow label is a keyed hash of
 * the flow, the same for all its packets and telling nothing (RFC 6437). */
#include "base/checksum.h"
#include "base/siphash.h"
#include "ip/ip.h"
#include "wire/bytes.h"

static uint32_t flow_label(const struct hf_ip *ip, const struct hf_flow *flow)
{
    uint32_t label = (uint32_t)hf_siphash13(&ip->label_key, flow, sizeof *flow) & 0xfffff;
    return label ? label : 1; /* 0 means that there is none */
}

void hf_ip_address(const struct hf_ip *ip, struct hf_packet *packet, const struct hf_flow *flow,
                   bool ipv4, uint64_t addresses, uint8_t tos, uint8_t ttl)
{
    struct hf_slice *first = &packet->slice[0];
    uint32_t header = ipv4 ? 20 : 40;
    uint32_t at = (uint32_t)(first->data - packet->head);
    HF_ASSERT(at >= header && at < HF_PACKET_HEAD);
    uint8_t *dst = packet->head + (at - header);
    if (ipv4)
        hf_ip_build_ipv4(dst, flow, addresses, HF_PROTO_TCP, tos, ttl, 0, packet->len);
    else
        hf_ip_build(dst, flow, HF_PROTO_TCP, tos, ttl, 0, flow_label(ip, flow), packet->len);
    first->data = dst;
    first->len += header;
    packet->len += header;
    if (HF_UNLIKELY(packet->checksum == HF_CHECKSUM_PARTIAL))
        packet->checksum_start = (uint16_t)(packet->checksum_start + header);
}

void hf_ip_allow_fragments(struct hf_packet *packet, uint16_t id)
{
    uint8_t *head = packet->head + (packet->slice[0].data - packet->head);
    hf_put16(head + 4, id);
    hf_put16(head + 6, 0);
    hf_put16(head + 10, 0);
    hf_put16(head + 10, hf_checksum_finish(hf_checksum_add(head, 20, 0)));
}
