/* The router on a path with a small MTU: for a packet that it cannot pass on it makes the ICMP
 * message "fragmentation needed" (RFC 1191 4) or "packet too big" (RFC 4443 3.2). It does not cut
 * IPv4 packets that may be cut; those are lost. */
#include "sim/network.h"

#include <string.h>

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t sum_words(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
    for (uint32_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (len % 2)
        sum += (uint32_t)bytes[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* From the packet's destination, which stands for the router: an address that the sender knows a
 * route to is all that is asked of it. */
static uint32_t too_big_ipv4(const uint8_t *packet, uint32_t len, uint32_t mtu, uint8_t *reply)
{
    uint32_t header = (packet[0] & 15u) * 4u;
    uint32_t quote = header + 8 < len ? header + 8 : len;
    uint32_t total = 28 + quote;

    if (!(packet[6] & 0x40))
        return 0;
    memset(reply, 0, 28);
    reply[0] = 0x45;
    put16(reply + 2, total);
    reply[8] = 64;
    reply[9] = 1;
    memcpy(reply + 12, packet + 16, 4);
    memcpy(reply + 16, packet + 12, 4);
    put16(reply + 10, ~sum_words(reply, 20, 0));
    reply[20] = 3;
    reply[21] = 4;
    put16(reply + 26, mtu);
    memcpy(reply + 28, packet, quote);
    put16(reply + 22, ~sum_words(reply + 20, 8 + quote, 0));
    return total;
}

static uint32_t too_big_ipv6(const uint8_t *packet, uint32_t len, uint32_t mtu, uint8_t *reply)
{
    uint32_t quote = len < 1280 - 48 ? len : 1280 - 48;

    memset(reply, 0, 48);
    reply[0] = 0x60;
    put16(reply + 4, 8 + quote);
    reply[6] = 58;
    reply[7] = 64;
    memcpy(reply + 8, packet + 24, 16);
    memcpy(reply + 24, packet + 8, 16);
    reply[40] = 2;
    put16(reply + 44, mtu >> 16);
    put16(reply + 46, mtu);
    memcpy(reply + 48, packet, quote);
    put16(reply + 42, ~sum_words(reply + 8, 40 + quote, 58 + 8 + quote));
    return 48 + quote;
}

uint32_t hf_sim_too_big(const uint8_t *packet, uint32_t len, uint32_t mtu, uint8_t *reply)
{
    if (len >= 28 && packet[0] >> 4 == 4)
        return too_big_ipv4(packet, len, mtu, reply);
    if (len >= 48 && packet[0] >> 4 == 6)
        return too_big_ipv6(packet, len, mtu, reply);
    return 0;
}
