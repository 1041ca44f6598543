/* The police's parser. Strict: what RFC 791, 8200, 9293, 7323 and 2018 allow a sender, no more.
 * See segment.h. */
#include "sim/segment.h"

#include <string.h>

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

static uint64_t sum(const uint8_t *bytes, uint32_t len, uint64_t total)
{
    for (uint32_t i = 0; i + 1 < len; i += 2)
        total += get16(bytes + i);
    return len % 2 ? total + ((uint64_t)bytes[len - 1] << 8) : total;
}

static bool sums_up(uint64_t total)
{
    return total != 0 && total % 0xffff == 0;
}

/* ---- TCP options ---- */

/* RFC 7413 4.1.1: kind 34, or kind 254 with the number 0xf989; asking for a cookie, or one of 4 to 16
 * bytes. */
static const char *fast_open_option(struct segment *s, const uint8_t *at, uint32_t len)
{
    uint32_t before = at[0] == 34 ? 2 : 4;
    if (!(s->flags & TCP_SYN) || len < before || (before == 4 && get16(at + 2) != 0xf989))
        return "an option that was never agreed on";
    uint32_t cookie = len - before;
    if (s->fast_open || (cookie != 0 && (cookie < 4 || cookie > 16 || cookie % 2 != 0)))
        return "Fast Open option of wrong length, or twice";
    s->fast_open = true;
    return NULL;
}

static const char *fixed_option(struct segment *s, const uint8_t *at, uint32_t len)
{
    switch (at[0]) {
    case 2:
        if (len != 4 || s->mss != 0 || get16(at + 2) == 0)
            return "MSS option of wrong length, twice, or 0";
        s->mss = (uint16_t)get16(at + 2);
        return NULL;
    case 3:
        if (len != 3 || s->wscale >= 0 || at[2] > 14)
            return "window scale option of wrong length, twice, or above 14";
        s->wscale = at[2];
        return NULL;
    case 4:
        if (len != 2 || s->sack_permitted)
            return "SACK-permitted option of wrong length, or twice";
        s->sack_permitted = true;
        return NULL;
    case 8:
        if (len != 10 || s->timestamps)
            return "timestamps option of wrong length, or twice";
        s->timestamps = true;
        return NULL;
    case 34:
    case 254:
        return fast_open_option(s, at, len);
    default:
        return "an option that was never agreed on";
    }
}

static const char *sack_option(struct segment *s, const uint8_t *at, uint32_t len)
{
    if (s->sacks > 0 || len < 10 || len > 34 || (len - 2) % 8 != 0)
        return "SACK option of wrong length, or twice";
    s->sacks = (len - 2) / 8;
    for (unsigned i = 0; i < s->sacks; i++) {
        s->sack[i][0] = get32(at + 2 + i * 8);
        s->sack[i][1] = get32(at + 6 + i * 8);
    }
    return NULL;
}

static const char *read_options(struct segment *s, const uint8_t *at, uint32_t left)
{
    while (left > 0 && at[0] != 0) {
        const char *wrong;
        uint32_t len = 1;
        if (at[0] != 1) {
            if (left < 2 || at[1] < 2 || at[1] > left)
                return "an option that runs past the header";
            len = at[1];
            wrong = at[0] == 5 ? sack_option(s, at, len) : fixed_option(s, at, len);
            if (wrong)
                return wrong;
        }
        at += len;
        left -= len;
    }
    for (; left > 0; at++, left--)
        if (at[0] != 0)
            return "bytes other than 0 behind the end of the options";
    return NULL;
}

/* ---- TCP ---- */

static const char *check_flags(const struct segment *s, uint8_t reserved)
{
    if (reserved != 0)
        return "reserved header bits set";
    if ((s->flags & TCP_SYN) && (s->flags & (TCP_FIN | TCP_RST)))
        return "SYN together with FIN or RST";
    if (!(s->flags & (TCP_SYN | TCP_RST | TCP_ACK)))
        return "none of SYN, RST and ACK";
    if ((s->flags & TCP_SYN) && (s->flags & TCP_ACK) && s->text > 0)
        return "text on a SYN+ACK"; /* RFC 7413 allows it on the SYN */
    if (!(s->flags & TCP_URG) && s->urgent != 0)
        return "urgent pointer without URG";
    if (!(s->flags & TCP_ACK) && s->ack != 0)
        return "acknowledgement number without ACK";
    return NULL;
}

static const char *read_tcp(struct segment *s, const uint8_t *at, uint32_t len, uint64_t pseudo)
{
    if (len < 20)
        return "shorter than a TCP header";
    uint32_t header = (uint32_t)(at[12] >> 4) * 4u;
    if (header < 20 || header > len)
        return "data offset outside the segment";
    if (!sums_up(sum(at, len, pseudo + 6 + len)))
        return "TCP checksum";
    s->tcp = true;
    s->source_port = (uint16_t)get16(at);
    s->destination_port = (uint16_t)get16(at + 2);
    s->seq = get32(at + 4);
    s->ack = get32(at + 8);
    s->flags = at[13];
    s->window = (uint16_t)get16(at + 14);
    s->urgent = (uint16_t)get16(at + 18);
    s->text = len - header;
    s->options = header - 20;
    s->wscale = -1;
    if (s->source_port == 0 || s->destination_port == 0)
        return "port 0";
    const char *wrong = check_flags(s, at[12] & 15u);
    return wrong ? wrong : read_options(s, at + 20, header - 20);
}

/* ---- IP ---- */

static const char *read_ipv4(struct segment *s, const uint8_t *at, uint32_t len)
{
    if (len < 20)
        return "shorter than an IPv4 header";
    uint32_t header = (at[0] & 15u) * 4u;
    if (header < 20 || header > len)
        return "IPv4 header length";
    if (get16(at + 2) != len)
        return "IPv4 total length is not the packet's";
    if (!sums_up(sum(at, header, 0)))
        return "IPv4 header checksum";
    if (at[8] == 0)
        return "TTL 0";
    s->ecn = at[1] & 3u;
    memcpy(s->source, at + 12, 4);
    memcpy(s->destination, at + 16, 4);
    if (get16(at + 6) & 0x3fff)
        return NULL;
    if (at[9] == 1 && !sums_up(sum(at + header, len - header, 0)))
        return "ICMP checksum";
    if (at[9] == 6)
        return read_tcp(s, at + header, len - header, sum(at + 12, 8, 0));
    return NULL;
}

static const char *read_ipv6(struct segment *s, const uint8_t *at, uint32_t len)
{
    if (len < 40)
        return "shorter than an IPv6 header";
    if (get16(at + 4) + 40 != len)
        return "IPv6 payload length is not the packet's";
    if (at[7] == 0)
        return "hop limit 0";
    s->ecn = at[1] >> 4 & 3u;
    memcpy(s->source, at + 8, 16);
    memcpy(s->destination, at + 24, 16);
    uint64_t pseudo = sum(at + 8, 32, 0);
    if (at[6] == 58 && !sums_up(sum(at + 40, len - 40, pseudo + 58 + len - 40)))
        return "ICMPv6 checksum";
    if (at[6] == 6)
        return read_tcp(s, at + 40, len - 40, pseudo);
    return NULL;
}

const char *hf_segment_read(struct segment *s, const uint8_t *bytes, uint32_t len)
{
    memset(s, 0, sizeof *s);
    if (len == 0)
        return "an empty packet";
    s->version = bytes[0] >> 4;
    if (s->version == 4)
        return read_ipv4(s, bytes, len);
    if (s->version == 6)
        return read_ipv6(s, bytes, len);
    return "neither IPv4 nor IPv6";
}
