/* The program that runs on an interface for AF_XDP: what is for one of our addresses goes to the
 * socket, all else to the kernel as ever. Used by xdp.c only. */
#ifndef HF_LINK_XDP_PROGRAM_H
#define HF_LINK_XDP_PROGRAM_H

#include <handfast/link.h>

#define HF_XDP_ADDRESSES 16

/* Load it. map: of the socket's queues. Returns a descriptor, or -1 with errno. Without addresses
 * everything goes to the socket. */
int hf_xdp_program(int map, const struct hf_addr_prefix *addrs, size_t count);

#endif
