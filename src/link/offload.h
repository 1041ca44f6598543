/* The virtio-net header that a TUN device, TAP device or packet socket puts in front of each packet when it offloads: reading
 * and writing it, and finding out whether the kernel does what it promised.
 *
 * A header from outside is only a claim. What it says of segments and checksum is taken over into the
 * packet where it fits the packet's own headers; where it does not, the packet is an ordinary one
 * and its checksum is verified like any other (row A8 of docs/attacks.md). */
#ifndef HF_LINK_OFFLOAD_H
#define HF_LINK_OFFLOAD_H

#include <handfast/link.h>
#include <stdbool.h>

#define HF_VNET_HEADER 10 /* bytes of struct virtio_net_hdr, in the machine's byte order       */

/* Take over what the header says of a packet that hf_packet_wrap has described. `before`: bytes in
 * front of its IP header, 0 or an Ethernet header's, which offsets count in. */
void hf_vnet_read(const uint8_t header[HF_VNET_HEADER], struct hf_packet *packet,
                  uint32_t before);

/* The header for a packet to be sent. */
void hf_vnet_write(const struct hf_packet *packet, uint8_t header[HF_VNET_HEADER],
                   uint32_t before);

enum hf_probe_result {
    HF_PROBE_KEPT,   /* a super-segment arrived whole                                         */
    HF_PROBE_BROKEN, /* an ordinary segment was answered, a super-segment was not             */
    HF_PROBE_SILENT  /* the kernel answers neither: a firewall, or somebody listens there     */
};

/* Send text to a port of the kernel's side where nobody listens, first in one ordinary segment, then
 * in a super-segment with its checksum left open; the resets that answer tell how much arrived.
 * descriptor   of the device, with a virtio-net header; packets that wait in it are lost
 * host         an address of the kernel's side on this device; the probes come from a neighbour */
enum hf_probe_result hf_offload_probe(int descriptor, const struct hf_addr_prefix *host);

#endif
