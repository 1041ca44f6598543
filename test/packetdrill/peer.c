/* Packets of the loader's peer. Its own reading of the formats: nothing here is the library's. */
#include "peer.h"

#include <string.h>

#define TCP_HEADER 20
#define PROTOCOL_TCP 6

const uint8_t local_v4[4] = {192, 168, 0, 1}, remote_v4[4] = {192, 0, 2, 1};
const uint8_t local_v6[16] = {0xfd, 0x3d, 0x0a, 0x0b, 0x17, 0xd6, [15] = 1};
const uint8_t remote_v6[16] = {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1};

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
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static uint32_t sum(const uint8_t *at, size_t len, uint32_t start)
{
    for (size_t i = 0; i < len; i++)
        start += i % 2 ? at[i] : (uint32_t)at[i] << 8;
    return start;
}

static uint16_t fold(uint32_t value)
{
    while (value >> 16)
        value = (value & 0xffff) + (value >> 16);
    return (uint16_t)~value;
}

/* Of a TCP segment with its pseudo-header: 0 when the one in it is right. */
static uint16_t tcp_checksum(int v6, const uint8_t *ip, const uint8_t *tcp, size_t len)
{
    uint32_t start = v6 ? sum(ip + 8, 32, 0) : sum(ip + 12, 8, 0);
    return fold(sum(tcp, len, start + PROTOCOL_TCP + (uint32_t)len));
}

static size_t ip_header(int v6, uint8_t *ip, size_t payload)
{
    if (v6) {
        memset(ip, 0, 40);
        ip[0] = 0x60;
        put16(ip + 4, (uint32_t)payload);
        ip[6] = PROTOCOL_TCP;
        ip[7] = 64;
        memcpy(ip + 8, remote_v6, 16);
        memcpy(ip + 24, local_v6, 16);
        return 40;
    }
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, 20 + (uint32_t)payload);
    ip[8] = 64;
    ip[9] = PROTOCOL_TCP;
    memcpy(ip + 12, remote_v4, 4);
    memcpy(ip + 16, local_v4, 4);
    put16(ip + 10, fold(sum(ip, 20, 0)));
    return 20;
}

size_t peer_build(int v6, const struct segment *segment, uint8_t *packet)
{
    size_t head = TCP_HEADER + (segment->mss ? 4 : 0), len = head + segment->text;
    uint8_t *tcp = packet + ip_header(v6, packet, len);
    memset(tcp, 0, len);
    put16(tcp, segment->from);
    put16(tcp + 2, segment->to);
    put32(tcp + 4, segment->seq);
    put32(tcp + 8, segment->ack);
    tcp[12] = (uint8_t)(head / 4 << 4);
    tcp[13] = (uint8_t)segment->flags;
    put16(tcp + 14, segment->window);
    if (segment->mss) {
        tcp[20] = 2;
        tcp[21] = 4;
        put16(tcp + 22, segment->mss);
    }
    put16(tcp + 16, tcp_checksum(v6, packet, tcp, len));
    return (size_t)(tcp - packet) + len;
}

static const char *read_ip(int v6, const uint8_t *packet, size_t len)
{
    size_t head = v6 ? 40 : 20;
    if (len < head + TCP_HEADER)
        return "too short";
    if (packet[0] != (v6 ? 0x60 : 0x45))
        return "wrong version or header length";
    if ((v6 ? get16(packet + 4) + 40u : get16(packet + 2)) != len)
        return "wrong length";
    if (packet[v6 ? 6 : 9] != PROTOCOL_TCP)
        return "not TCP";
    if (!v6 && fold(sum(packet, 20, 0)) != 0)
        return "wrong IPv4 checksum";
    if (v6 ? memcmp(packet + 8, local_v6, 16) || memcmp(packet + 24, remote_v6, 16)
           : memcmp(packet + 12, local_v4, 4) || memcmp(packet + 16, remote_v4, 4))
        return "wrong addresses";
    return NULL;
}

const char *peer_read(int v6, const uint8_t *packet, size_t len, struct segment *segment)
{
    const char *wrong = read_ip(v6, packet, len);
    if (wrong)
        return wrong;
    const uint8_t *tcp = packet + (v6 ? 40 : 20);
    size_t bytes = len - (size_t)(tcp - packet), head = (size_t)(tcp[12] >> 4) * 4;
    if (head < TCP_HEADER || head > bytes)
        return "wrong TCP header length";
    if (tcp_checksum(v6, packet, tcp, bytes) != 0)
        return "wrong TCP checksum";
    *segment = (struct segment){
        .from = get16(tcp),
        .to = get16(tcp + 2),
        .seq = get32(tcp + 4),
        .ack = get32(tcp + 8),
        .flags = tcp[13],
        .window = get16(tcp + 14),
        .text = (uint32_t)(bytes - head),
    };
    return NULL;
}
