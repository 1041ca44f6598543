/* What a path does to the bytes of a packet: flipped bits, and the mark of a router that is
 * congested (RFC 3168 5). */
#include "sim/path.h"

enum { ECN_MASK = 3, ECN_CE = 3 };

void hf_fate_flip(const struct fate *fate, unsigned copy, uint8_t *bytes)
{
    uint8_t *at = bytes + fate->flip_word[copy] * 2;
    if (fate->flip[copy] == 0)
        return;
    at[0] ^= (uint8_t)(fate->flip[copy] >> 8);
    at[1] ^= (uint8_t)fate->flip[copy];
}

/* RFC 1624: the header's sum moves by as much as the word does. */
static void adjust_ipv4_checksum(uint8_t *bytes, uint32_t old, uint32_t new)
{
    uint32_t sum = (uint16_t)~(bytes[10] << 8 | bytes[11]);
    sum += (uint16_t)~old + new;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    bytes[10] = (uint8_t)(~sum >> 8);
    bytes[11] = (uint8_t)~sum;
}

bool hf_mark_congestion(uint8_t *bytes, uint32_t len)
{
    if (len >= 20 && bytes[0] >> 4 == 4) {
        uint32_t old = (uint32_t)bytes[0] << 8 | bytes[1];
        if ((bytes[1] & ECN_MASK) == 0 || (bytes[1] & ECN_MASK) == ECN_CE)
            return false;
        bytes[1] |= ECN_CE;
        adjust_ipv4_checksum(bytes, old, (uint32_t)bytes[0] << 8 | bytes[1]);
        return true;
    }
    if (len >= 40 && bytes[0] >> 4 == 6) {
        unsigned ecn = bytes[1] >> 4 & ECN_MASK; /* the traffic class spans two bytes */
        if (ecn == 0 || ecn == ECN_CE)
            return false;
        bytes[1] |= ECN_CE << 4;
        return true;
    }
    return false;
}
