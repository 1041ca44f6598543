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

void hf_ip_address(struct hf_env *env, struct hf_ip *ip, struct hf_packet *packet,
                   const struct hf_flow *flow, uint8_t tos, uint8_t ttl)
{
    (void)env;
    struct hf_slice *first = &packet->slice[0];
    uint32_t header = hf_flow_ip_header(flow);
    uint32_t at = (uint32_t)(first->data - packet->head);
    HF_ASSERT(at >= header && at < HF_PACKET_HEAD);
    uint8_t *dst = packet->head + (at - header);
    uint32_t label = hf_flow_is_ipv4(flow) ? 0 : flow_label(ip, flow);
    hf_ip_build(dst, flow, HF_PROTO_TCP, tos, ttl, 0, label, packet->len);
    first->data = dst;
    first->len += header;
    packet->len += header;
    if (packet->checksum == HF_CHECKSUM_PARTIAL)
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
