/* Packets made by hand, and the few fields that experiments look at on the wire. */
#include "lab.h"

#include <string.h>

#define IP_HEADER 20
#define TCP_HEADER 20

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

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t sum(const uint8_t *bytes, uint32_t len)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i + 1 < len; i += 2)
        total += get16(bytes + i);
    return len % 2 ? total + ((uint32_t)bytes[len - 1] << 8) : total;
}

static uint32_t checksum(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

uint32_t packet_make(const struct made_segment *segment, uint8_t bytes[MADE_ROOM])
{
    uint8_t *tcp = bytes + IP_HEADER;
    uint32_t tcp_len = TCP_HEADER + segment->len;
    memset(bytes, 0, IP_HEADER + TCP_HEADER);
    bytes[0] = 0x45;
    put16(bytes + 2, IP_HEADER + tcp_len);
    bytes[6] = 0x40; /* do not fragment */
    bytes[8] = 64;
    bytes[9] = 6;
    memcpy(bytes + 12, segment->from, 4);
    memcpy(bytes + 16, segment->to, 4);
    put16(bytes + 10, checksum(sum(bytes, IP_HEADER)));
    put16(tcp, segment->from_port);
    put16(tcp + 2, segment->to_port);
    put32(tcp + 4, segment->seq);
    put32(tcp + 8, segment->ack);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = (uint8_t)segment->flags;
    put16(tcp + 14, segment->window);
    if (segment->len > 0)
        memcpy(tcp + TCP_HEADER, segment->text, segment->len);
    put16(tcp + 16, checksum(sum(bytes + 12, 8) + 6 + tcp_len + sum(tcp, tcp_len)));
    return IP_HEADER + tcp_len;
}

/* The TCP header of an IPv4 packet that has one, whole. */
static const uint8_t *tcp_of(const uint8_t *bytes, uint32_t len, uint32_t *tcp_len)
{
    uint32_t ip = len > 0 ? (bytes[0] & 15u) * 4 : 0;
    if (len < IP_HEADER || bytes[0] >> 4 != 4 || bytes[9] != 6 || ip < IP_HEADER ||
        len < ip + TCP_HEADER)
        return NULL;
    *tcp_len = len - ip;
    return bytes + ip;
}

unsigned packet_flags(const uint8_t *bytes, uint32_t len)
{
    uint32_t tcp_len;
    const uint8_t *tcp = tcp_of(bytes, len, &tcp_len);
    return tcp ? tcp[13] : 0;
}

uint32_t packet_text(const uint8_t *bytes, uint32_t len)
{
    uint32_t tcp_len;
    const uint8_t *tcp = tcp_of(bytes, len, &tcp_len);
    uint32_t header = tcp ? (tcp[12] >> 4) * 4u : 0;
    return tcp && header <= tcp_len ? tcp_len - header : 0;
}

uint32_t packet_seq(const uint8_t *bytes, uint32_t len)
{
    uint32_t tcp_len;
    const uint8_t *tcp = tcp_of(bytes, len, &tcp_len);
    return tcp ? get16(tcp + 4) << 16 | get16(tcp + 6) : 0;
}

void packet_double_window(uint8_t *bytes, uint32_t len)
{
    uint32_t tcp_len;
    if (!tcp_of(bytes, len, &tcp_len))
        return;
    uint8_t *tcp = bytes + (len - tcp_len);
    uint32_t before = get16(tcp + 14), after = before < 0x8000 ? before * 2 : 0xffff;
    /* RFC 1624 3: the sum without the old value and with the new one. */
    uint32_t total = (~get16(tcp + 16) & 0xffff) + (~before & 0xffff) + after;
    put16(tcp + 14, after);
    put16(tcp + 16, checksum(total));
}
