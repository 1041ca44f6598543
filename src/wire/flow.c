/* Keys: the 16 bytes that stand for an address inside the core, and the public struct hf_addr.
 *
 * The all-zero key means "any address of either family" and stands for HF_FAMILY_NONE (and for
 * "::", which is the same wish). A zone is not part of a key; it belongs to link-local IPv6
 * addresses alone (RFC 4007 6) and is given back only with them. */
#include "wire/flow.h"

void hf_key_from_addr(uint8_t key[16], const struct hf_addr *addr)
{
    if (addr->family == HF_IPV4)
        hf_key_from_ipv4(key, addr->bytes);
    else if (addr->family == HF_IPV6)
        memcpy(key, addr->bytes, 16);
    else
        memset(key, 0, 16);
}

void hf_key_to_addr(const uint8_t key[16], unsigned zone, struct hf_addr *addr)
{
    static const uint8_t any[16];
    memset(addr, 0, sizeof *addr);
    if (hf_key_is_ipv4(key)) {
        addr->family = HF_IPV4;
        memcpy(addr->bytes, key + 12, 4);
    } else if (memcmp(key, any, 16) != 0) {
        addr->family = HF_IPV6;
        addr->zone = hf_key_is_link_local(key) ? (uint8_t)zone : 0;
        memcpy(addr->bytes, key, 16);
    }
}
