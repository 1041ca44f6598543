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

/* Headers and text of a run, and of what each segment says of itself in their place. */
struct plan {
    const struct hf_packet *run;
    uint32_t ip,
        tcp; /* where these headers begin: ip behind an Ethernet header, if there is one */
    uint32_t headers, text, each, segments;
    uint32_t seq, id; /* of the first segment                                                  */
    uint8_t flags;
    bool numbered;            /* IPv4, and each segment has a number of its own                */
    uint64_t ip_sum, tcp_sum; /* native, of what is the same in all: 0 stands for the rest     */
    hf_checksum_fn checksum;
};

/* Where in the run the text of the next segment begins. */
struct place {
    unsigned slice;
    uint32_t skip; /* bytes of the slice                                                      */
};

/* On an Ethernet link 14 octets come before the datagram: then TCP begins where no IP header that began
 * at once would end. */
static uint32_t ip_of(const struct hf_packet *run, const uint8_t *head)
{
    uint32_t header = head[0] >> 4 == 4 ? (head[0] & 15u) * 4 : head[0] >> 4 == 6 ? 40 : 0;
    bool tells = run->checksum == HF_CHECKSUM_PARTIAL;
    return tells && run->checksum_start != header ? HF_FRAME_HEADER : 0;
}

/* What differs from segment to segment is taken out of the headers, and the rest summed once. */
static void plan_headers(struct plan *plan, const uint8_t *head)
{
    uint8_t same[HF_PACKET_HEAD];
    memcpy(same, head, plan->headers);
    uint8_t *ip = same + plan->ip, *tcp = same + plan->tcp;
    bool ipv4 = ip[0] >> 4 == 4;
    plan->seq = hf_get32(tcp + 4);
    plan->flags = tcp[13];
    plan->id = hf_get16(ip + 4);
    plan->numbered = ipv4 && !(ip[6] & 0x40); /* routers may cut it: a number for its fragments */
    hf_put32(tcp + 4, 0);
    tcp[13] = 0;
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, 0);
    plan->tcp_sum =
        hf_checksum_join(ipv4 ? hf_checksum_native(ip + 12, 2) : hf_checksum_native(ip + 8, 8),
                         hf_checksum_native(tcp, (plan->headers - plan->tcp) / 4));
    hf_put16(ip + 2, 0);
    hf_put16(ip + 4, plan->numbered ? 0 : plan->id);
    hf_put16(ip + 10, 0);
    plan->ip_sum = ipv4 ? hf_checksum_native(ip, (plan->tcp - plan->ip) / 4) : 0;
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
    plan_headers(plan, head);
    return true;
}

/* The place `at` bytes of text behind the first. */
static struct place find(const struct plan *plan, uint32_t at)
{
    struct place place = {.skip = plan->headers + at};
    while (place.slice < plan->run->slices && place.skip >= plan->run->slice[place.slice].len)
        place.skip -= plan->run->slice[place.slice++].len;
    return place;
}

/* Slices behind the header for `len` bytes of text; the place moves on. */
static bool put_text(const struct plan *plan, struct place *place, uint32_t len,
                     struct hf_packet *packet)
{
    while (len) {
        if (place->slice == plan->run->slices || packet->slices == HF_PACKET_SLICES)
            return false;
        const struct hf_slice *s = &plan->run->slice[place->slice];
        uint32_t rest = s->len - place->skip, n = rest < len ? rest : len;
        if (n)
            packet->slice[packet->slices++] =
                (struct hf_slice){.data = s->data + place->skip, .len = n};
        len -= n;
        place->skip = n == rest ? 0 : place->skip + n;
        place->slice += n == rest;
    }
    return true;
}

static void put_ip(const struct plan *plan, struct hf_packet *packet, uint32_t index)
{
    uint8_t *head = packet->head + plan->ip;
    if (head[0] >> 4 == 6) {
        hf_put16(head + 4, packet->len - plan->tcp);
        return;
    }
    uint32_t len = packet->len - plan->ip, id = (plan->id + index) & 0xffff;
    hf_put16(head + 2, len);
    if (plan->numbered)
        hf_put16(head + 4, id);
    uint32_t sum = hf_checksum_of_native(plan->ip_sum, len + (plan->numbered ? id : 0));
    hf_put16(head + 10, hf_checksum_finish(sum));
}

static uint32_t sum_of_text(const struct plan *plan, const struct hf_packet *packet)
{
    if (HF_LIKELY(packet->slices == 2))
        return plan->checksum(packet->slice[1].data, packet->slice[1].len, 0);
    uint32_t sum = 0, at = 0;
    for (unsigned i = 1; i < packet->slices; i++) {
        const struct hf_slice *s = &packet->slice[i];
        sum = hf_checksum_combine(sum, at, plan->checksum(s->data, s->len, 0));
        at += s->len;
    }
    return sum;
}

static void put_tcp(const struct plan *plan, struct hf_packet *packet, uint32_t index)
{
    uint8_t *tcp = packet->head + plan->tcp;
    uint32_t seq = plan->seq + index * plan->each, flags = plan->flags;
    if (index > 0)
        flags &= ~(uint32_t)HF_CWR;
    if (index + 1 < plan->segments)
        flags &= ~(uint32_t)(HF_PSH | HF_FIN);
    hf_put32(tcp + 4, seq);
    tcp[13] = (uint8_t)flags;
    uint32_t own =
        HF_PROTO_TCP + (packet->len - plan->tcp) + (seq >> 16) + (seq & 0xffff) + flags;
    uint32_t sum = hf_checksum_of_native(plan->tcp_sum, own);
    sum = hf_checksum_combine(sum, 0, sum_of_text(plan, packet));
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, hf_checksum_finish(sum));
}

/* 40 bytes at the least: sixteen at a time, the last ones perhaps twice. */
static void copy_headers(uint8_t *to, const uint8_t *from, uint32_t len)
{
    for (uint32_t at = 0; at + 16 < len; at += 16)
        memcpy(to + at, from + at, 16);
    memcpy(to + len - 16, from + len - 16, 16);
}

static bool cut_one(const struct plan *plan, uint32_t index, struct place *place,
                    struct hf_packet *packet)
{
    uint32_t left = plan->text - index * plan->each;
    uint32_t text = left < plan->each ? left : plan->each;
    copy_headers(packet->head, plan->run->slice[0].data, plan->headers);
    packet->slice[0] = (struct hf_slice){.data = packet->head, .len = plan->headers};
    packet->slices = packet->segments = 1;
    packet->len = plan->headers + text;
    packet->segment_bytes = packet->checksum_start = packet->checksum_offset = 0;
    packet->checksum = HF_CHECKSUM_UNKNOWN;
    packet->link = plan->run->link;
    if (!put_text(plan, place, text, packet))
        return false;
    put_ip(plan, packet, index);
    put_tcp(plan, packet, index);
    return true;
}

size_t hf_packet_cut(const struct hf_packet *run, uint32_t from, struct hf_packet *packets,
                     size_t room, uint32_t (*checksum)(const void *, size_t, uint32_t))
{
    struct plan plan;
    size_t n = 0;
    if (!make_plan(run, checksum, &plan))
        return 0;
    struct place place = find(&plan, from * plan.each);
    while (n < room && from + n < plan.segments &&
           cut_one(&plan, from + (uint32_t)n, &place, &packets[n]))
        n++;
    return n;
}
