/* The TCP header in front of a packet's text, and the checksum over both: the last thing that happens to
 * a segment, whether a connection's or a reply's. */
#include <string.h>

#include "base/checksum.h"
#include "tcp/tcp.h"
#include "wire/bytes.h"

/* Where the TCP header stands in packet->head: room for an Ethernet and an IPv6 header before. */
#define TCP_AT 56u

_Static_assert(HF_PACKET_HEAD >= TCP_AT + HF_TCP_HEADER + HF_TCP_OPTIONS_MAX, "room for headers");

/* The text's share of the checksum, of whatever lies behind the header: `sum` is that of slice 1. */
HF_APART static uint32_t sum_of_more(const struct hf_env *env, const struct hf_packet *packet,
                                     uint32_t sum)
{
    uint32_t at = packet->slice[1].len;
    for (unsigned i = 2; i < packet->slices; i++) {
        const struct hf_slice *s = &packet->slice[i];
        sum = hf_checksum_combine(sum, at, hf_env_sum(env, s->data, s->len));
        at += s->len;
    }
    return sum;
}

static HF_INLINE uint64_t sum_of_text(const struct hf_env *env, const struct hf_packet *packet)
{
    if (packet->slices == 1)
        return 0;
    uint32_t sum = hf_env_sum(env, packet->slice[1].data, packet->slice[1].len);
    if (HF_UNLIKELY(packet->slices > 2))
        sum = sum_of_more(env, packet, sum);
    return hf_checksum_swap(sum);
}

void hf_tcp_finish_packet(struct hf_env *env, struct hf_packet *packet,
                          const struct hf_flow *flow, uint64_t addresses,
                          const struct hf_segment_head *head, uint32_t text)
{
    uint8_t *tcp = packet->head + TCP_AT;
    uint64_t native;
    uint32_t header = hf_tcp_build_summed(tcp, flow, head, &native);
    packet->slice[0].data = tcp;
    packet->slice[0].len = header;
    packet->slice[0].hold = 0;
    packet->len = header + text;
    uint64_t pseudo = hf_tcp_pseudo_native(addresses, header + text);
    uint32_t sum; /* in the order in which it was summed */
    if (HF_UNLIKELY(packet->checksum == HF_CHECKSUM_PARTIAL)) {
        packet->checksum_start = 0;
        packet->checksum_offset = HF_TCP_CHECKSUM_AT;
        sum = hf_checksum_fold(pseudo);
    } else {
        native = hf_checksum_join(native, sum_of_text(env, packet));
        sum = ~hf_checksum_fold(hf_checksum_join(native, pseudo));
    }
    uint16_t field = (uint16_t)sum;
    memcpy(tcp + HF_TCP_CHECKSUM_AT, &field, sizeof field);
}
