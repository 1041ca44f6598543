/* The road of a datagram onto an Ethernet link and off it: who is the next hop, which station is
 * that, and what a frame brings. */
#include "ip/address.h"
#include "ip/neighbour.h"
#include "wire/discovery.h"

bool hf_ip_may_be_neighbour(const struct hf_ip *ip, unsigned link, const uint8_t key[16])
{
    uint8_t hop[16];
    return hf_ip_is_unicast(ip, key) && !hf_ip_owns(ip, link, key) &&
           hf_ip_next_hop(ip, link, key, hop) && hf_key_equal(hop, key);
}

/* ---- In ---- */

/* The trace is told of datagrams, not of frames. */
static bool refuse(struct hf_env *env, enum hf_drop reason, const struct hf_packet *datagram)
{
    if (reason != HF_DROP_NONE)
        hf_env_drop(env, reason, 0, HF_CLOSED, datagram);
    return false;
}

static void unwrap(const struct hf_packet *frame, struct hf_packet *inner)
{
    for (unsigned i = 0; i < frame->slices; i++)
        inner->slice[i] = frame->slice[i];
    inner->slice[0].data += HF_FRAME_HEADER;
    inner->slice[0].len -= HF_FRAME_HEADER;
    inner->len = frame->len - HF_FRAME_HEADER;
    inner->slices = frame->slices;
    inner->segment_bytes = frame->segment_bytes;
    inner->segments = frame->segments;
    inner->checksum_offset = frame->checksum_offset;
    inner->checksum_start = (uint16_t)(frame->checksum_start - HF_FRAME_HEADER);
    inner->checksum = frame->checksum;
    inner->link = frame->link;
}

bool hf_ethernet_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                       const struct hf_packet *frame, struct hf_packet *inner)
{
    struct hf_frame_head head;
    const uint8_t *data = frame->slice[0].data, *body = data + HF_FRAME_HEADER;
    enum hf_drop reason = hf_frame_parse(data, frame->slice[0].len, &head);
    if (reason != HF_DROP_NONE)
        return refuse(env, reason, 0);
    bool group = hf_mac_is_group(head.to);
    if (!group && memcmp(head.to, ip->link[link].mac, HF_MAC) != 0)
        return refuse(env, HF_DROP_FRAME_ADDRESS, 0);
    uint32_t len = frame->slice[0].len - HF_FRAME_HEADER;
    if (head.type == HF_TYPE_ARP)
        return refuse(env, hf_arp_input(env, ip, link, body, len), 0);
    if (head.type == HF_TYPE_IPV6 && hf_is_discovery(body, len)) {
        env->counters.icmp_in++;
        return refuse(env, hf_discovery_input(env, ip, link, body, len, head.from), 0);
    }
    /* We are in no other group, and what is for us alone does not come in a group's frame
     * (RFC 1122 3.3.6). */
    if (group)
        return refuse(env, HF_DROP_FRAME_ADDRESS, 0);
    unwrap(frame, inner);
    return true;
}

/* ---- Out ---- */

uint32_t hf_frame_new(struct hf_env *env, const uint8_t to[HF_MAC], const uint8_t from[HF_MAC],
                      uint16_t type, uint32_t len, uint8_t **body)
{
    const uint32_t before = sizeof(struct hf_frame_note);
    uint32_t chunk = hf_chunk_new(&env->chunks, before + HF_FRAME_HEADER + len);
    if (!chunk) {
        hf_env_drop(env, HF_DROP_MEMORY, 0, HF_CLOSED, 0);
        return 0;
    }
    struct hf_chunk *c = hf_chunk_at(&env->chunks, chunk);
    struct hf_frame_note note = {.segments = 1};
    memcpy(c->data, &note, sizeof note);
    hf_frame_build(c->data + before, to, from, type);
    *body = c->data + before + HF_FRAME_HEADER;
    c->used = before + HF_FRAME_HEADER + len;
    return chunk;
}

void hf_frame_send(struct hf_env *env, unsigned link, uint32_t chunk)
{
    struct hf_reply *reply = hf_env_reply(env, link);
    if (!reply) {
        hf_chunk_release(&env->chunks, chunk);
        return;
    }
    reply->kind = HF_REPLY_FRAME;
    reply->chunk = chunk;
}

void hf_ethernet_frame(struct hf_env *env, unsigned link, uint32_t chunk,
                       struct hf_packet *packet)
{
    const struct hf_chunk *c = hf_chunk_at(&env->chunks, chunk);
    struct hf_frame_note note;
    memcpy(&note, c->data, sizeof note);
    hf_packet_wrap(packet, (uint8_t)link, c->data + sizeof note, c->used - (uint32_t)sizeof note);
    packet->slice[0].hold = chunk;
    packet->segment_bytes = note.segment_bytes;
    packet->segments = note.segments;
    packet->checksum = note.checksum;
    packet->checksum_start = note.checksum_start;
    packet->checksum_offset = note.checksum_offset;
}

/* Where the datagram goes; its type. */
static uint16_t destination(const struct hf_packet *packet, uint8_t remote[16])
{
    const uint8_t *data = packet->slice[0].data;
    if (data[0] >> 4 == 4) {
        hf_key_from_ipv4(remote, data + 16);
        return HF_TYPE_IPV4;
    }
    memcpy(remote, data + 24, 16);
    return HF_TYPE_IPV6;
}

/* The neighbour that leads to `remote`, asked for when it is new; 0: there is none, for *reason. */
static uint32_t neighbour_for(struct hf_env *env, struct hf_ip *ip, unsigned link,
                              const uint8_t remote[16], bool own, enum hf_drop *reason)
{
    struct hf_neighbours *nb = ip->neighbours;
    struct hf_way *way = hf_way_of(nb, remote);
    if (HF_LIKELY(way->epoch == nb->epoch && way->link == link &&
                  hf_key_equal(way->remote, remote)))
        return way->neighbour;
    uint8_t hop[16];
    uint32_t index;
    *reason = HF_DROP_NO_NEXT_HOP;
    if (!hf_ip_next_hop(ip, link, remote, hop))
        return 0;
    if (!hf_neighbour_find(nb, link, hop, &index))
        index = hf_neighbour_ask_for(env, ip, link, hop, own, reason);
    if (!index)
        return 0;
    *way = (struct hf_way){.neighbour = index, .epoch = nb->epoch, .link = (uint8_t)link};
    memcpy(way->remote, remote, 16);
    return index;
}

static void wrap(struct hf_packet *packet, const uint8_t to[HF_MAC], const uint8_t from[HF_MAC],
                 uint16_t type)
{
    struct hf_slice *first = &packet->slice[0];
    if (first->hold) { /* its bytes are elsewhere */
        HF_ASSERT(packet->slices < HF_PACKET_SLICES);
        memmove(first + 1, first, packet->slices * sizeof *first);
        packet->slices++;
        hf_frame_build(packet->head, to, from, type);
        *first = (struct hf_slice){packet->head, HF_FRAME_HEADER, 0};
    } else {
        uint32_t at = (uint32_t)(first->data - packet->head);
        HF_ASSERT(at >= HF_FRAME_HEADER && at < HF_PACKET_HEAD);
        first->data -= HF_FRAME_HEADER;
        first->len += HF_FRAME_HEADER;
        hf_frame_build(packet->head + at - HF_FRAME_HEADER, to, from, type);
    }
    packet->len += HF_FRAME_HEADER;
    if (packet->checksum == HF_CHECKSUM_PARTIAL)
        packet->checksum_start = (uint16_t)(packet->checksum_start + HF_FRAME_HEADER);
}

bool hf_ethernet_output(struct hf_env *env, struct hf_ip *ip, unsigned link,
                        struct hf_packet *packet, bool own)
{
    uint8_t remote[16];
    enum hf_drop reason;
    uint16_t type = destination(packet, remote);
    uint32_t index = neighbour_for(env, ip, link, remote, own, &reason);
    if (!index)
        return refuse(env, reason, packet);
    struct hf_neighbour *n = hf_neighbour_at(ip->neighbours, index);
    if (HF_LIKELY(hf_neighbour_use(env, ip, index))) {
        wrap(packet, n->mac, ip->link[link].mac, type);
        return true;
    }
    if (own)
        hf_neighbour_own(ip->neighbours, n);
    if (n->state == HF_NEIGHBOUR_FAILED)
        return refuse(env, HF_DROP_NEIGHBOUR_SILENT, packet);
    hf_neighbour_wait(env, ip->neighbours, index, packet);
    return false;
}
