/* From a captured frame to a segment: link headers, then IP and TCP by datagram.c, then what it
 * does not read: TTL, identification, options. Captures may have cut any of it off: what is there is
 * read, and of text only the length is wanted. RFC 894, IEEE 802.1Q, LINKTYPE_LINUX_SLL and _SLL2 of
 * libpcap, RFC 2516, RFC 9293 3.2, RFC 7323, RFC 2018. */
#include "explain.h"

#include <string.h>

#include "datagram.h"

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_PPPOE = 0x8864 };
enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057 };
#define TAGS_MAX 4

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* ---- Options ---- */

static void read_sacks(const uint8_t *p, uint32_t len, struct explain_segment *s)
{
    for (; len >= 8 && s->sacks < EXPLAIN_SACKS; p += 8, len -= 8, s->sacks++) {
        s->sack[s->sacks][0] = get32(p);
        s->sack[s->sacks][1] = get32(p + 4);
    }
}

static void read_options(const uint8_t *p, uint32_t len, struct explain_segment *s)
{
    while (len > 0 && p[0] != 0) {
        if (p[0] == 1) {
            p++;
            len--;
            continue;
        }
        if (len < 2 || p[1] < 2 || p[1] > len)
            return;
        uint8_t kind = p[0], size = p[1];
        if (kind == 2 && size == 4)
            s->mss = get16(p + 2);
        if (kind == 3 && size == 3)
            s->wscale = p[2] > 14 ? 14 : p[2]; /* RFC 7323 2.3 */
        if (kind == 4 && size == 2)
            s->sack_permitted = true;
        if (kind == 5)
            read_sacks(p + 2, size - 2u, s);
        if (kind == 8 && size == 10) {
            s->has_ts = true;
            s->tsval = get32(p + 2);
            s->tsecr = get32(p + 6);
        }
        p += size;
        len -= size;
    }
}

/* ---- Datagrams ---- */

/* Whether it is TCP, of which this is not the first piece, or too little of it. */
static void count_unread(struct hf_explain *explain, const uint8_t *p, uint32_t captured)
{
    bool ipv4 = captured >= 20 && p[0] >> 4 == 4;
    bool ipv6 = captured >= 40 && p[0] >> 4 == 6;
    if (ipv4 && p[9] == 6)
        *(get16(p + 6) & 0x3fff ? &explain->totals.fragments : &explain->totals.broken) += 1;
    else if (ipv6 && p[6] == 6)
        explain->totals.broken++;
    else if (ipv6 && p[6] == 44 && captured >= 41 && p[40] == 6)
        explain->totals.fragments++;
    else if (ipv4 || ipv6)
        explain->totals.other++;
    else
        *(captured > 0 && (p[0] >> 4 == 4 || p[0] >> 4 == 6) ? &explain->totals.broken
                                                            : &explain->totals.other) += 1;
}

static bool length_unsaid(const uint8_t *p, uint32_t captured)
{
    if (p[0] >> 4 == 4)
        return captured >= 4 && get16(p + 2) == 0; /* left to a network card */
    return captured >= 6 && get16(p + 4) == 0;     /* RFC 2675, or the same */
}

static void note_time(struct hf_explain *explain, hf_time time)
{
    if (explain->totals.packets++ == 0)
        explain->totals.first_time = explain->totals.last_time = time;
    if (time < explain->totals.last_time)
        explain->totals.backwards++;
    else
        explain->totals.last_time = time;
}

int hf_explain_datagram(struct hf_explain *explain, hf_time time, uint64_t number,
                        const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    struct hf_packet packet;
    struct hf_datagram d;
    if (captured > length)
        captured = length;
    note_time(explain, time);
    explain->totals.bytes += length;
    packet.slices = 1;
    packet.slice[0] = (struct hf_slice){bytes, captured, 0};
    packet.len = length;
    packet.segments = captured > 0 && length_unsaid(bytes, captured) ? 2 : 1;
    if (captured == 0 || !hf_datagram_read(&packet, &d)) {
        count_unread(explain, bytes, captured);
        return HF_OK;
    }
    const uint8_t *tcp = bytes + d.tcp_at;
    uint32_t header = (tcp[12] >> 4) * 4u;
    if (header > captured - d.tcp_at)
        header = captured - d.tcp_at;
    struct explain_segment s = {
        .time = time,
        .packet = number,
        .from = d.from,
        .to = d.to,
        .seq = d.seq,
        .ack = d.flags & HF_ACK ? d.ack : 0,
        .text = d.text,
        .window = d.window,
        .flags = d.flags,
        .wscale = 0xff,
        .ip_id = bytes[0] >> 4 == 4 ? get16(bytes + 4) : 0,
        .ttl = bytes[0] >> 4 == 4 ? bytes[8] : bytes[7],
    };
    read_options(tcp + 20, header - 20, &s);
    return explain_see(explain, &s);
}

/* ---- Frames ---- */

/* Where IP begins behind an EtherType at `at`; 0: it is something else, or not there. */
static uint32_t behind_type(const uint8_t *p, uint32_t len, uint32_t at)
{
    for (int tags = 0; tags <= TAGS_MAX && at + 2 <= len; tags++) {
        uint16_t type = get16(p + at);
        if (type == TYPE_IPV4 || type == TYPE_IPV6)
            return at + 2;
        if (type == TYPE_PPPOE) {
            bool ip = at + 10 <= len &&
                      (get16(p + at + 8) == PPP_IPV4 || get16(p + at + 8) == PPP_IPV6);
            return ip ? at + 10 : 0;
        }
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
            return 0;
        at += 4;
    }
    return 0;
}

int hf_frame_known(int type)
{
    switch (type) {
    case HF_FRAME_NULL:
    case HF_FRAME_ETHERNET:
    case HF_FRAME_RAW_BSD:
    case HF_FRAME_RAW_BSD_2:
    case HF_FRAME_RAW:
    case HF_FRAME_LOOP:
    case HF_FRAME_LINUX_SLL:
    case HF_FRAME_IPV4:
    case HF_FRAME_IPV6:
    case HF_FRAME_LINUX_SLL2:
        return 1;
    default:
        return 0;
    }
}

/* Returns where IP begins, or UINT32_MAX: it carries something else. */
static uint32_t ip_begins(int type, const uint8_t *p, uint32_t len)
{
    uint32_t at;
    switch (type) {
    case HF_FRAME_NULL:
    case HF_FRAME_LOOP:
        return len > 4 ? 4 : UINT32_MAX; /* families differ by system; IP says its version */
    case HF_FRAME_ETHERNET:
        at = behind_type(p, len, 12);
        return at ? at : UINT32_MAX;
    case HF_FRAME_LINUX_SLL:
        at = behind_type(p, len, 14);
        return at ? at : UINT32_MAX;
    case HF_FRAME_LINUX_SLL2:
        if (len < 20)
            return UINT32_MAX;
        if (get16(p) == TYPE_IPV4 || get16(p) == TYPE_IPV6)
            return 20;
        /* The tag's own number stands where the payload begins. */
        at = get16(p) == 0x8100 || get16(p) == 0x88a8 ? behind_type(p, len, 22) : 0;
        return at ? at : UINT32_MAX;
    default:
        return 0;
    }
}

int hf_explain_frame(struct hf_explain *explain, int type, hf_time time, uint64_t number,
                     const uint8_t *bytes, uint32_t captured, uint32_t length)
{
    if (!hf_frame_known(type))
        return HF_ERR_ARGUMENT;
    if (captured > length)
        captured = length;
    uint32_t at = ip_begins(type, bytes, captured);
    if (at == UINT32_MAX || at >= captured) {
        note_time(explain, time);
        explain->totals.bytes += length;
        explain->totals.other++;
        return HF_OK;
    }
    return hf_explain_datagram(explain, time, number, bytes + at, captured - at, length - at);
}
