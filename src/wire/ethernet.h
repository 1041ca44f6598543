/* Ethernet frames and ARP: bytes to structs and back (RFC 894, RFC 2464, RFC 826). Pure.
 *
 *   |  destination, 6 bytes  |    source, 6 bytes     | type, 2 |  datagram ...
 */
#ifndef HF_WIRE_ETHERNET_H
#define HF_WIRE_ETHERNET_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/trace.h>

#define HF_FRAME_HEADER 14u
#define HF_MAC 6u

#define HF_TYPE_IPV4 0x0800u
#define HF_TYPE_ARP 0x0806u
#define HF_TYPE_IPV6 0x86ddu

struct hf_frame_head {
    uint8_t to[HF_MAC], from[HF_MAC];
    uint16_t type;
};

/* A group's address: multicast, or broadcast. */
static inline bool hf_mac_is_group(const uint8_t mac[HF_MAC])
{
    return mac[0] & 1;
}

/* May a station have this address? */
bool hf_mac_is_station(const uint8_t mac[HF_MAC]);

/* Returns HF_DROP_NONE, HF_DROP_FRAME_SHORT, HF_DROP_FRAME_VLAN, HF_DROP_FRAME_TYPE (a type that
 * we do not speak, or an 802.3 length) or HF_DROP_FRAME_ADDRESS (a source that no station has). */
enum hf_drop hf_frame_parse(const uint8_t *data, uint32_t len, struct hf_frame_head *head);

/* Write HF_FRAME_HEADER bytes. */
void hf_frame_build(uint8_t *dst, const uint8_t to[HF_MAC], const uint8_t from[HF_MAC],
                    uint16_t type);

/* Where an IPv6 multicast address is sent to (RFC 2464 7). */
void hf_mac_of_multicast(uint8_t mac[HF_MAC], const uint8_t key[16]);

/* ---- ARP for IPv4 over Ethernet ---- */

#define HF_ARP_LEN 28u

enum { HF_ARP_REQUEST = 1, HF_ARP_REPLY = 2 };

struct hf_arp {
    uint16_t operation;
    uint8_t sender_mac[HF_MAC], target_mac[HF_MAC];
    uint8_t sender[16], target[16]; /* keys of wire/flow.h                                    */
};

/* `len` bytes behind the frame's header; padding may follow. Returns HF_DROP_NONE, or HF_DROP_ARP:
 * cut short, not IPv4 over Ethernet, no request or reply, or a sender that no station can be. */
enum hf_drop hf_arp_parse(const uint8_t *data, uint32_t len, struct hf_arp *arp);

/* Write HF_ARP_LEN bytes. */
void hf_arp_build(uint8_t *dst, const struct hf_arp *arp);

#endif
