/* Ethernet frames and ARP messages. A frame is plain or it is dropped: VLAN tags, 802.3 lengths and
 * types other than IPv4, ARP and IPv6 have nothing for us. */
#include "wire/ethernet.h"

#include <string.h>

#include "wire/bytes.h"
#include "wire/flow.h"

/* Tags of IEEE 802.1Q and 802.1ad, and the one in use before that. */
enum { TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8, TYPE_OLD_SERVICE_VLAN = 0x9100 };

#define ARP_ETHERNET 1u /* hardware type, RFC 826 */

bool hf_mac_is_station(const uint8_t mac[HF_MAC])
{
    static const uint8_t none[HF_MAC];
    return !hf_mac_is_group(mac) && memcmp(mac, none, HF_MAC) != 0;
}

enum hf_drop hf_frame_parse(const uint8_t *data, uint32_t len, struct hf_frame_head *head)
{
    if (len < HF_FRAME_HEADER)
        return HF_DROP_FRAME_SHORT;
    memcpy(head->to, data, HF_MAC);
    memcpy(head->from, data + HF_MAC, HF_MAC);
    head->type = hf_get16(data + 2 * HF_MAC);
    switch (head->type) {
    case HF_TYPE_IPV4:
    case HF_TYPE_ARP:
    case HF_TYPE_IPV6:
        return hf_mac_is_station(head->from) ? HF_DROP_NONE : HF_DROP_FRAME_ADDRESS;
    case TYPE_VLAN:
    case TYPE_SERVICE_VLAN:
    case TYPE_OLD_SERVICE_VLAN:
        return HF_DROP_FRAME_VLAN;
    default:
        return HF_DROP_FRAME_TYPE;
    }
}

void hf_frame_build(uint8_t *dst, const uint8_t to[HF_MAC], const uint8_t from[HF_MAC],
                    uint16_t type)
{
    memcpy(dst, to, HF_MAC);
    memcpy(dst + HF_MAC, from, HF_MAC);
    hf_put16(dst + 2 * HF_MAC, type);
}

void hf_mac_of_multicast(uint8_t mac[HF_MAC], const uint8_t key[16])
{
    mac[0] = mac[1] = 0x33;
    memcpy(mac + 2, key + 12, 4);
}

enum hf_drop hf_arp_parse(const uint8_t *data, uint32_t len, struct hf_arp *arp)
{
    if (len < HF_ARP_LEN || hf_get16(data) != ARP_ETHERNET ||
        hf_get16(data + 2) != HF_TYPE_IPV4 || data[4] != HF_MAC || data[5] != 4)
        return HF_DROP_ARP;
    arp->operation = hf_get16(data + 6);
    memcpy(arp->sender_mac, data + 8, HF_MAC);
    hf_key_from_ipv4(arp->sender, data + 14);
    memcpy(arp->target_mac, data + 18, HF_MAC);
    hf_key_from_ipv4(arp->target, data + 24);
    bool known = arp->operation == HF_ARP_REQUEST || arp->operation == HF_ARP_REPLY;
    return known && hf_mac_is_station(arp->sender_mac) ? HF_DROP_NONE : HF_DROP_ARP;
}

void hf_arp_build(uint8_t *dst, const struct hf_arp *arp)
{
    hf_put16(dst, ARP_ETHERNET);
    hf_put16(dst + 2, HF_TYPE_IPV4);
    dst[4] = HF_MAC;
    dst[5] = 4;
    hf_put16(dst + 6, arp->operation);
    memcpy(dst + 8, arp->sender_mac, HF_MAC);
    memcpy(dst + 14, arp->sender + 12, 4);
    memcpy(dst + 18, arp->target_mac, HF_MAC);
    memcpy(dst + 24, arp->target + 12, 4);
}
