/* See packets.h. */
#include "packets.h"

#include <string.h>

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t add(const uint8_t *bytes, uint32_t len, uint32_t total)
{
    for (uint32_t i = 0; i < len; i++)
        total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    return total;
}

static uint32_t folded(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return ~total;
}

void fix_checksums(uint8_t *packet, uint32_t len)
{
    uint32_t ip = packet[0] >> 4 == 4 ? 20 : 40;
    uint8_t *tcp = packet + ip;
    uint32_t addresses = ip == 20 ? add(packet + 12, 8, 0) : add(packet + 8, 32, 0);

    if (ip == 20) {
        put16(packet + 10, 0);
        put16(packet + 10, folded(add(packet, 20, 0)));
    }
    put16(tcp + 16, 0);
    put16(tcp + 16, folded(add(tcp, len - ip, addresses + 6 + len - ip)));
}

static uint32_t make_ip(const struct segment_spec *spec, uint8_t *out, uint32_t payload)
{
    uint8_t to = (uint8_t)(3 - spec->from);
    if (spec->version != 6) {
        const uint8_t header[20] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6,
                                    0, 0, 10, 0, 1, (uint8_t)spec->from, 10, 0, 1, to};
        memcpy(out, header, 20);
        out[1] = spec->ecn;
        put16(out + 2, 20 + payload);
        return 20;
    }
    memset(out, 0, 40);
    out[0] = 0x60;
    out[1] = (uint8_t)(spec->ecn << 4);
    put16(out + 4, payload);
    out[6] = 6;
    out[7] = 64;
    out[8] = out[24] = 0xfd;
    out[21] = out[37] = 1;
    out[23] = (uint8_t)spec->from;
    out[39] = to;
    return 40;
}

uint32_t make_segment(const struct segment_spec *spec, uint8_t *out)
{
    uint32_t header = 20 + spec->option_bytes;
    uint32_t ip = make_ip(spec, out, header + spec->text);
    uint16_t client = spec->port ? spec->port : 1000;
    uint8_t *tcp = out + ip;

    memset(tcp, 0, header);
    put16(tcp, spec->from == 1 ? client : 80);
    put16(tcp + 2, spec->from == 1 ? 80 : client);
    put32(tcp + 4, spec->seq);
    put32(tcp + 8, spec->ack);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)spec->flags;
    put16(tcp + 14, spec->window);
    put16(tcp + 18, spec->urgent);
    if (spec->option_bytes > 0)
        memcpy(tcp + 20, spec->options, spec->option_bytes);
    memset(tcp + header, 't', spec->text);
    fix_checksums(out, ip + header + spec->text);
    return ip + header + spec->text;
}
