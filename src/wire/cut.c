/* A run cut into its segments, at the last moment before a link that cannot do it itself: what the
 * stack saves by building one header for 64 KB is kept, whatever the link can do. The text stays where
 * it is; each segment has a header of its own and a complete checksum. A single segment whose checksum
 * was left open is a run of one.
 *
 * What the segments say of themselves is what TCP would have written into them one by one: PSH and FIN
 * stand on the last alone, CWR on the first (RFC 3168 6.1.2), IPv4 IDs count up where they mean
 * something (RFC 6864 4). */
#include <string.h>

#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/ethernet.h"
#include "wire/run.h"
#include "wire/tcp.h"

/* Headers and text of a run. */
struct plan {
    const struct hf_packet *run;
    uint32_t ip,
        tcp; /* where these headers begin: ip behind an Ethernet header, if there is one */
    uint32_t headers, text, each, segments;
    hf_checksum_fn checksum;
};

/* On an Ethernet link 14 octets come before the datagram: then TCP begins where no IP header that began
 * at once would end. */
static uint32_t ip_of(const struct hf_packet *run, const uint8_t *head)
{
    uint32_t header = head[0] >> 4 == 4 ? (head[0] & 15u) * 4 : head[0] >> 4 == 6 ? 40 : 0;
    bool tells = run->checksum == HF_CHECKSUM_PARTIAL;
    return tells && run->checksum_start != header ? HF_FRAME_HEADER : 0;
}

static bool make_plan(const struct hf_packet *run, hf_checksum_fn checksum, struct plan *plan)
{
    const uint8_t *head = run->slice[0].data;
    bool one = run->segments <= 1;
    if (!run->slices || run->slice[0].len < 20 + HF_TCP_HEADER ||
        (one ? run->checksum != HF_CHECKSUM_PARTIAL : !run->segment_bytes))
        return false;
    plan->run = run;
    plan->ip = ip_of(run, head);
    plan->tcp = plan->ip + (head[plan->ip] >> 4 == 4 ? (head[plan->ip] & 15u) * 4 : 40);
    if (run->slice[0].len < plan->tcp + HF_TCP_HEADER)
        return false;
    plan->headers = plan->tcp + (head[plan->tcp + 12] >> 4) * 4u;
    if (plan->headers > run->slice[0].len || plan->headers > run->len ||
        plan->headers > HF_PACKET_HEAD)
        return false;
    plan->text = run->len - plan->headers;
    plan->each = one ? plan->text : run->segment_bytes;
    plan->segments = one ? 1 : (plan->text + plan->each - 1) / plan->each;
    plan->checksum = checksum ? checksum : hf_checksum_add;
    return true;
}

/* Slices behind the header for `len` bytes of the run's text from `at` on. */
static bool put_text(const struct plan *plan, uint32_t at, uint32_t len, struct hf_packet *packet)
{
    uint32_t skip = plan->headers + at;
    for (unsigned i = 0; i < plan->run->slices && len; i++) {
        const struct hf_slice *s = &plan->run->slice[i];
        if (skip >= s->len) {
            skip -= s->len;
            continue;
        }
        uint32_t n = s->len - skip < len ? s->len - skip : len;
        if (packet->slices == HF_PACKET_SLICES)
            return false;
        packet->slice[packet->slices++] = (struct hf_slice){.data = s->data + skip, .len = n};
        len -= n;
        skip = 0;
    }
    return len == 0;
}

static void sum_up(const struct plan *plan, struct hf_packet *packet)
{
    uint8_t *head = packet->head + plan->ip, *tcp = packet->head + plan->tcp;
    uint32_t tcp_len = packet->len - plan->tcp;
    uint64_t addresses =
        head[0] >> 4 == 6 ? hf_checksum_native(head + 8, 8) : hf_checksum_native(head + 12, 2);
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, 0);
    uint64_t native =
        hf_checksum_join(addresses, hf_checksum_native(tcp, (plan->headers - plan->tcp) / 4));
    uint32_t sum = hf_checksum_of_native(native, HF_PROTO_TCP + tcp_len);
    uint32_t at = 0;
    for (unsigned i = 1; i < packet->slices; i++) {
        const struct hf_slice *s = &packet->slice[i];
        sum = hf_checksum_combine(sum, at, plan->checksum(s->data, s->len, 0));
        at += s->len;
    }
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, hf_checksum_finish(sum));
}

static void put_ip(const struct plan *plan, struct hf_packet *packet, uint32_t index)
{
    uint8_t *head = packet->head + plan->ip;
    if (head[0] >> 4 == 6) {
        hf_put16(head + 4, packet->len - plan->tcp);
        return;
    }
    hf_put16(head + 2, packet->len - plan->ip);
    if (!(head[6] & 0x40)) /* routers may cut it: its fragments need a number of their own */
        hf_put16(head + 4, hf_get16(head + 4) + index);
    hf_put16(head + 10, 0);
    hf_put16(head + 10,
             hf_checksum_finish(hf_checksum_words(head, (plan->tcp - plan->ip) / 4, 0)));
}

static void put_tcp(const struct plan *plan, struct hf_packet *packet, uint32_t index)
{
    uint8_t *tcp = packet->head + plan->tcp;
    hf_put32(tcp + 4, hf_get32(tcp + 4) + index * plan->each);
    if (index > 0)
        tcp[13] &= (uint8_t)~HF_CWR;
    if (index + 1 < plan->segments)
        tcp[13] &= (uint8_t) ~(HF_PSH | HF_FIN);
}

static bool cut_one(const struct plan *plan, uint32_t index, struct hf_packet *packet)
{
    uint32_t at = index * plan->each, left = plan->text - at;
    uint32_t text = left < plan->each ? left : plan->each;
    memcpy(packet->head, plan->run->slice[0].data, plan->headers);
    packet->slice[0] = (struct hf_slice){.data = packet->head, .len = plan->headers};
    packet->slices = packet->segments = 1;
    packet->len = plan->headers + text;
    packet->segment_bytes = packet->checksum_start = packet->checksum_offset = 0;
    packet->checksum = HF_CHECKSUM_UNKNOWN;
    packet->link = plan->run->link;
    if (!put_text(plan, at, text, packet))
        return false;
    put_ip(plan, packet, index);
    put_tcp(plan, packet, index);
    sum_up(plan, packet);
    return true;
}

size_t hf_packet_cut(const struct hf_packet *run, uint32_t from, struct hf_packet *packets,
                     size_t room, uint32_t (*checksum)(const void *, size_t, uint32_t))
{
    struct plan plan;
    size_t n = 0;
    if (!make_plan(run, checksum, &plan))
        return 0;
    while (n < room && from + n < plan.segments &&
           cut_one(&plan, from + (uint32_t)n, &packets[n]))
        n++;
    return n;
}
