/* The wire as the script's peer sees it; script_wire.h says what is here. */
#include "script_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128, AE = 256 };

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)((at[0] << 8) | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return ((uint32_t)get16(at) << 16) | get16(at + 2);
}

uint32_t wire_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i += 2) {
        sum += (uint32_t)(bytes[i] << 8) | (i + 1 < len ? bytes[i + 1] : 0u);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint32_t pseudo_sum(const struct wire_segment *segment, size_t tcp_len)
{
    size_t address = segment->family == 4 ? 4 : 16;
    uint32_t sum = wire_sum(segment->source, address, 0);
    sum = wire_sum(segment->destination, address, sum);
    uint8_t rest[8] = {0};
    put32(rest, (uint32_t)tcp_len);
    rest[7] = 6;
    return wire_sum(rest, sizeof rest, sum);
}

static size_t build_options(uint8_t *at, const struct wire_segment *segment)
{
    size_t n = 0;
    if (segment->options_len > 0) {
        memcpy(at, segment->options, segment->options_len);
        n = segment->options_len;
    }
    if (segment->mss != WIRE_NONE) {
        at[n] = 2;
        at[n + 1] = 4;
        put16(at + n + 2, (uint32_t)segment->mss);
        n += 4;
    }
    if (segment->sack_permitted) {
        at[n++] = 4;
        at[n++] = 2;
    }
    if (segment->wscale != WIRE_NONE) {
        at[n] = 3;
        at[n + 1] = 3;
        at[n + 2] = (uint8_t)segment->wscale;
        n += 3;
    }
    if (segment->has_ts) {
        at[n] = 8;
        at[n + 1] = 10;
        put32(at + n + 2, segment->tsval);
        put32(at + n + 6, segment->tsecr);
        n += 10;
    }
    if (segment->sacks > 0) {
        at[n] = 5;
        at[n + 1] = (uint8_t)(2 + 8 * segment->sacks);
        n += 2;
        for (unsigned i = 0; i < segment->sacks; i++, n += 8) {
            put32(at + n, segment->sack[i].start);
            put32(at + n + 4, segment->sack[i].end);
        }
    }
    if (segment->cookie_len != WIRE_NONE) {
        size_t head = segment->experimental ? 4 : 2;
        at[n] = segment->experimental ? 254 : 34;
        at[n + 1] = (uint8_t)(head + (size_t)segment->cookie_len);
        if (segment->experimental)
            put16(at + n + 2, 0xf989);
        memcpy(at + n + head, segment->cookie, (size_t)segment->cookie_len);
        n += head + (size_t)segment->cookie_len;
    }
    while (n % 4 != 0)
        at[n++] = 1;
    return n;
}

static size_t build_ip(uint8_t *packet, const struct wire_segment *segment, size_t tcp_len)
{
    if (segment->family == 4) {
        memset(packet, 0, 20);
        packet[0] = 0x45;
        packet[1] = segment->tos;
        put16(packet + 2, (uint32_t)(20 + tcp_len));
        packet[6] = 0x40;
        packet[8] = segment->ttl;
        packet[9] = 6;
        memcpy(packet + 12, segment->source, 4);
        memcpy(packet + 16, segment->destination, 4);
        put16(packet + 10, ~wire_sum(packet, 20, 0) & 0xffff);
        return 20;
    }
    put32(packet, 0x60000000u | (uint32_t)segment->tos << 20);
    put16(packet + 4, (uint32_t)tcp_len);
    packet[6] = 6;
    packet[7] = segment->ttl;
    memcpy(packet + 8, segment->source, 16);
    memcpy(packet + 24, segment->destination, 16);
    return 40;
}

size_t wire_build(uint8_t *packet, const struct wire_segment *segment)
{
    uint8_t options[80];
    size_t options_len = build_options(options, segment);
    size_t tcp_len = 20 + options_len + segment->text_len;
    size_t ip = build_ip(packet, segment, tcp_len);
    uint8_t *tcp = packet + ip;

    put16(tcp, segment->source_port);
    put16(tcp + 2, segment->destination_port);
    put32(tcp + 4, segment->seq);
    put32(tcp + 8, segment->ack);
    put16(tcp + 12, (uint32_t)((20 + options_len) / 4 << 12) | segment->flags);
    put16(tcp + 14, segment->window);
    put16(tcp + 16, 0);
    put16(tcp + 18, segment->urgent);
    memcpy(tcp + 20, options, options_len);
    if (segment->text_len > 0)
        memcpy(tcp + 20 + options_len, segment->text, segment->text_len);
    uint32_t sum = ~wire_sum(tcp, tcp_len, pseudo_sum(segment, tcp_len)) & 0xffff;
    put16(tcp + 16, segment->bad_checksum ? sum ^ 0x0101 : sum);
    return ip + tcp_len;
}

static const char *parse_options(const uint8_t *at, size_t len, struct wire_segment *segment)
{
    for (size_t i = 0; i < len;) {
        if (at[i] == 0) {
            for (; i < len; i++)
                if (at[i] != 0)
                    return "bytes that are not zero after the end of the options";
            return NULL;
        }
        if (at[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= len || at[i + 1] < 2 || i + at[i + 1] > len)
            return "option with a bad length";
        size_t size = at[i + 1];
        if (at[i] == 2 && size == 4) {
            segment->mss = get16(at + i + 2);
        } else if (at[i] == 3 && size == 3) {
            segment->wscale = at[i + 2];
        } else if (at[i] == 4 && size == 2) {
            segment->sack_permitted = true;
        } else if (at[i] == 5 && size >= 10 && size <= 34 && size % 8 == 2) {
            segment->sacks = (unsigned)(size / 8);
            for (unsigned k = 0; k < segment->sacks; k++) {
                segment->sack[k].start = get32(at + i + 2 + 8 * k);
                segment->sack[k].end = get32(at + i + 6 + 8 * k);
            }
        } else if (at[i] == 8 && size == 10) {
            segment->has_ts = true;
            segment->tsval = get32(at + i + 2);
            segment->tsecr = get32(at + i + 6);
        } else if (at[i] == 34 && (size == 2 || (size >= 6 && size <= 18 && size % 2 == 0))) {
            segment->cookie_len = (int32_t)size - 2;
            memcpy(segment->cookie, at + i + 2, size - 2);
        } else if (at[i] == 254 && size >= 4 && get16(at + i + 2) == 0xf989 &&
                   (size == 4 || (size >= 8 && size <= 20 && size % 2 == 0))) {
            segment->experimental = true;
            segment->cookie_len = (int32_t)size - 4;
            memcpy(segment->cookie, at + i + 4, size - 4);
        } else {
            return "option that this stack has no business sending";
        }
        i += size;
    }
    return NULL;
}

static const char *parse_ip(const uint8_t *packet, size_t len, struct wire_segment *segment,
                            size_t *header)
{
    if (len < 20)
        return "shorter than an IP header";
    segment->family = packet[0] >> 4;
    if (segment->family == 4) {
        *header = (size_t)(packet[0] & 15) * 4;
        if (*header < 20 || get16(packet + 2) != len)
            return "IPv4 lengths that do not fit";
        if (wire_sum(packet, *header, 0) != 0xffff)
            return "bad IPv4 header checksum";
        if (packet[9] != 6)
            return "not TCP";
        segment->tos = packet[1];
        segment->ttl = packet[8];
        memcpy(segment->source, packet + 12, 4);
        memcpy(segment->destination, packet + 16, 4);
    } else if (segment->family == 6 && len >= 40) {
        *header = 40;
        if (get16(packet + 4) + 40u != len)
            return "IPv6 payload length that does not fit";
        if (packet[6] != 6)
            return "not TCP";
        segment->tos = (uint8_t)(packet[0] << 4 | packet[1] >> 4);
        segment->ttl = packet[7];
        memcpy(segment->source, packet + 8, 16);
        memcpy(segment->destination, packet + 24, 16);
    } else {
        return "neither IPv4 nor IPv6";
    }
    return segment->ttl == 0 ? "TTL or hop limit 0" : NULL;
}

const char *wire_parse(const uint8_t *packet, size_t len, struct wire_segment *segment)
{
    size_t header;
    *segment = (struct wire_segment){
        .mss = WIRE_NONE, .wscale = WIRE_NONE, .cookie_len = WIRE_NONE};
    const char *wrong = parse_ip(packet, len, segment, &header);
    if (wrong != NULL)
        return wrong;
    const uint8_t *tcp = packet + header;
    size_t tcp_len = len - header;
    if (tcp_len < 20)
        return "shorter than a TCP header";
    size_t offset = (size_t)(tcp[12] >> 4) * 4;
    if (offset < 20 || offset > tcp_len)
        return "bad data offset";
    segment->source_port = get16(tcp);
    segment->destination_port = get16(tcp + 2);
    segment->seq = get32(tcp + 4);
    segment->ack = get32(tcp + 8);
    segment->flags = get16(tcp + 12) & 0x1ff;
    segment->window = get16(tcp + 14);
    segment->urgent = get16(tcp + 18);
    segment->text = tcp + offset;
    segment->text_len = tcp_len - offset;
    if (wire_sum(tcp, tcp_len, pseudo_sum(segment, tcp_len)) != 0xffff)
        return "bad TCP checksum";
    if ((tcp[12] & 0x0e) != 0)
        return "reserved bits set";
    return parse_options(tcp + 20, offset - 20, segment);
}

const char *wire_flags(unsigned flags, char text[12])
{
    static const struct {
        unsigned bit;
        char letter;
    } names[] = {{SYN, 'S'}, {FIN, 'F'}, {RST, 'R'}, {PSH, 'P'}, {URG, 'U'},
                 {ECE, 'E'}, {CWR, 'W'}, {AE, 'A'},  {ACK, '.'}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((flags & names[i].bit) != 0)
            text[n++] = names[i].letter;
    if (n == 0)
        text[n++] = '-';
    text[n] = 0;
    return text;
}

/* pcap's fields are in the byte order of whoever wrote the file. */
static void capture_put(struct wire_capture *capture, const void *bytes, size_t len)
{
    if (capture->len + len > capture->room) {
        size_t room = (capture->len + len) * 2;
        uint8_t *more = realloc(capture->bytes, room);
        if (more == NULL)
            return;
        capture->bytes = more;
        capture->room = room;
    }
    memcpy(capture->bytes + capture->len, bytes, len);
    capture->len += len;
}

void wire_capture_add(struct wire_capture *capture, const uint8_t *packet, size_t len,
                      int64_t time)
{
    uint32_t record[4] = {(uint32_t)(time / 1000000000), (uint32_t)(time % 1000000000),
                          (uint32_t)len, (uint32_t)len};
    capture_put(capture, record, sizeof record);
    capture_put(capture, packet, len);
}

bool wire_capture_write(const struct wire_capture *capture, const char *path)
{
    /* nanosecond magic, version 2.4, snap length, link type 101: raw IP */
    const uint32_t header[6] = {0xa1b23c4du, 2 | 4u << 16, 0, 0, 262144, 101};
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool ok = fwrite(header, sizeof header, 1, file) == 1;
    if (capture->len > 0)
        ok = fwrite(capture->bytes, capture->len, 1, file) == 1 && ok;
    return fclose(file) == 0 && ok;
}

void wire_capture_free(struct wire_capture *capture)
{
    free(capture->bytes);
    *capture = (struct wire_capture){0};
}
