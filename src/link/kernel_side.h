/* The kernel's side of a device that we made or opened: is it up, its MTU, its addresses. By
 * ioctl and rtnetlink, so that no other program is needed. Used by tun.c only. */
#ifndef HF_LINK_KERNEL_SIDE_H
#define HF_LINK_KERNEL_SIDE_H

#include <handfast/link.h>

/* Each returns 0 or an errno value. */
int hf_kernel_set_mtu(const char *device, uint32_t mtu);
int hf_kernel_get_mtu(const char *device, uint32_t *mtu);
int hf_kernel_get_mac(const char *device, uint8_t mac[6]);
int hf_kernel_set_queue(const char *device, int packets);
int hf_kernel_is_up(const char *device, int *up);
int hf_kernel_set_up(const char *device);

/* Give the device an address and, with it, the route to its prefix. An IPv6 address is usable at
 * once (no duplicate address detection: nobody else is on this link). One that is there already
 * is success. */
int hf_kernel_add_address(const char *device, const struct hf_addr_prefix *addr);

#endif
