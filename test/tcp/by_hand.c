/* Packets made by hand; by_hand.h says what for. Built on the wire code of the scripts. */
#include "by_hand.h"

#include <string.h>

#include "script_inside.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, ICMP_HEADER = 8 };

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

static bool ipv4(void)
{
    return script.test->family == 4;
}

static uint32_t number(int64_t raw, int64_t relative, uint32_t start, uint32_t usual)
{
    return raw != ANY ? (uint32_t)raw : relative != ANY ? start + (uint32_t)relative : usual;
}

struct by_hand by_hand(struct script_segment want)
{
    stack();
    const struct conversation *c = script_talk();
    struct by_hand packet = {.tcp = ipv4() ? IPV4_HEADER : IPV6_HEADER};
    static uint8_t text[PACKET_ROOM], room[WIRE_PACKET_MAX];
    struct wire_segment s = {
        .family = script.test->family,
        .ttl = (uint8_t)(want.ttl == ANY ? 64 : want.ttl),
        .tos = (uint8_t)(want.tos == ANY ? 0 : want.tos),
        .source_port = (uint16_t)(want.peer_port == ANY ? c->peer_port : want.peer_port),
        .destination_port = (uint16_t)(want.our_port == ANY ? c->our_port : want.our_port),
        .seq = number(want.raw_seq, want.seq, c->peer_iss, c->peer_next),
        .flags = (uint16_t)want.flags,
        .window = (uint16_t)(want.wnd == ANY ? script.peer_wnd : want.wnd),
        .mss = want.mss == ANY ? WIRE_NONE : (int32_t)want.mss,
        .wscale = want.ws == ANY ? WIRE_NONE : (int32_t)want.ws,
        .cookie_len = WIRE_NONE,
        .options = want.options,
        .options_len = want.options_len,
        .text = text,
        .text_len = (size_t)want.len};
    if ((s.flags & ACK) != 0)
        s.ack = number(want.raw_ack, want.ack, c->iss, c->snd_nxt);
    script_fill(text, s.text_len,
                (uint32_t)(s.seq + ((s.flags & SYN) != 0) - c->peer_iss - 1), false);
    memcpy(s.source, peer_addr().bytes, 16);
    memcpy(s.destination, our_addr().bytes, 16);
    packet.len = wire_build(room, &s);
    if (packet.len > PACKET_ROOM)
        script_fail(script.line, "a packet by hand has at most %d bytes", PACKET_ROOM);
    memcpy(packet.bytes, room, packet.len);
    return packet;
}

void by_hand_insert(struct by_hand *packet, uint8_t kind, const uint8_t *bytes, size_t len)
{
    uint8_t *at = packet->bytes + packet->tcp;
    memmove(at + len, at, packet->len - packet->tcp);
    memcpy(at, bytes, len);
    if (ipv4()) {
        packet->bytes[0] = (uint8_t)(packet->bytes[0] + len / 4);
    } else {
        at[0] = packet->bytes[6];
        packet->bytes[6] = kind;
    }
    packet->len += len;
    packet->tcp += len;
}

void by_hand_source(struct by_hand *packet, const uint8_t *address)
{
    memcpy(packet->bytes + (ipv4() ? 12 : 8), address, ipv4() ? 4 : 16);
}

void by_hand_destination(struct by_hand *packet, const uint8_t *address)
{
    memcpy(packet->bytes + (ipv4() ? 16 : 24), address, ipv4() ? 4 : 16);
}

/* The checksum of what follows the IP header, with IPv6's or TCP's pseudo-header. */
static uint32_t transport_sum(const struct by_hand *packet, unsigned protocol)
{
    size_t address = ipv4() ? 4 : 16, at = ipv4() ? 12 : 8;
    size_t len = packet->len - packet->tcp;
    uint32_t sum = wire_sum(packet->bytes + at, 2 * address, 0);
    uint8_t rest[8] = {0};
    put32(rest, (uint32_t)len);
    rest[7] = (uint8_t)protocol;
    sum = wire_sum(rest, sizeof rest, sum);
    return wire_sum(packet->bytes + packet->tcp, len, sum);
}

static void finish_ip(struct by_hand *packet)
{
    uint8_t *ip = packet->bytes;
    if (!ipv4()) {
        put16(ip + 4, (uint32_t)(packet->len - IPV6_HEADER));
        return;
    }
    put16(ip + 2, (uint32_t)packet->len);
    put16(ip + 10, 0);
    put16(ip + 10, ~wire_sum(ip, (size_t)(ip[0] & 15) * 4, 0) & 0xffff);
}

void by_hand_finish(struct by_hand *packet)
{
    finish_ip(packet);
    if (packet->len < packet->tcp + 18)
        return;
    put16(packet->bytes + packet->tcp + 16, 0);
    put16(packet->bytes + packet->tcp + 16, ~transport_sum(packet, 6) & 0xffff);
}

static void deliver(int line, const uint8_t *bytes, size_t len)
{
    struct hf_packet packet;
    wire_capture_add(&script.capture, bytes, len, script.now);
    hf_packet_wrap(&packet, 1, bytes, (uint32_t)len);
    hf_stack_input(script.stack, 1, &packet, 1, script.now);
    script_finish(line);
}

void script_in_by_hand(int line, const struct by_hand *packet)
{
    script_begin(line, "in_by_hand", "");
    deliver(line, packet->bytes, packet->len);
}

const uint8_t *first_packet(void)
{
    if (script.queued == 0)
        script_fail(script.line, "expected a packet, seen none");
    return script.queue[0].bytes;
}

/* ---- ICMP errors ---- */

/* The IP header of our packet and the first eight bytes of its TCP header. */
static size_t quote(uint8_t *at, const struct icmp_error *error)
{
    const struct conversation *c = script_talk();
    size_t header = ipv4() ? IPV4_HEADER : IPV6_HEADER;
    uint32_t total = error->quoted == 0 ? 1500 : error->quoted;
    struct hf_addr ours = our_addr(), peers = peer_addr();
    memset(at, 0, header);
    if (ipv4()) {
        at[0] = 0x45;
        put16(at + 2, total);
        at[6] = 0x40;
        at[8] = 1;
        at[9] = 6;
        memcpy(at + 12, ours.bytes, 4);
        memcpy(at + 16, peers.bytes, 4);
    } else {
        at[0] = 0x60;
        put16(at + 4, total - IPV6_HEADER);
        at[6] = 6;
        at[7] = 1;
        memcpy(at + 8, ours.bytes, 16);
        memcpy(at + 24, peers.bytes, 16);
    }
    put16(at + header, error->our_port == 0 ? c->our_port : error->our_port);
    put16(at + header + 2, error->peer_port == 0 ? c->peer_port : error->peer_port);
    put32(at + header + 4, c->iss + (uint32_t)error->seq);
    return header + 8;
}

void script_icmp_in(int line, const char *words, struct icmp_error error)
{
    script_begin(line, "icmp_in", words);
    struct by_hand packet = by_hand(segment(ACK));
    uint8_t *icmp = packet.bytes + packet.tcp;
    memset(icmp, 0, ICMP_HEADER);
    icmp[0] = error.type;
    icmp[1] = error.code;
    if (ipv4()) {
        put16(icmp + 6, error.mtu);
        packet.bytes[9] = 1;
    } else {
        put32(icmp + 4, error.mtu);
        packet.bytes[6] = 58;
    }
    packet.len = packet.tcp + ICMP_HEADER + quote(icmp + ICMP_HEADER, &error);
    finish_ip(&packet);
    uint32_t sum = ipv4() ? wire_sum(icmp, packet.len - packet.tcp, 0)
                          : transport_sum(&packet, 58);
    put16(icmp + 2, (~sum & 0xffff) ^ (error.bad_checksum ? 0x0101 : 0));
    deliver(line, packet.bytes, packet.len);
}
