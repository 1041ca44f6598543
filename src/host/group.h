/* What a host that shares a device with others asks of its group, and the group of it. */
#ifndef HF_HOST_GROUP_H
#define HF_HOST_GROUP_H

#include <handfast/host.h>

struct hf_member;

/* Of what this member's queue brought, the packets that are its own; the others are on their way to
 * their owners. Returns how many are left in `packets`. */
size_t hf_member_sort(struct hf_member *member, struct hf_packet *packets, size_t n);

/* Packets that others brought for this member, at most `room`; 0: there are no more. They stay valid
 * until the next call. */
size_t hf_member_take(struct hf_member *member, struct hf_packet *packets, size_t room);

/* Wake those who were handed packets since the last time. */
void hf_member_wake_others(struct hf_member *member);

/* host.c: from now on the host's first link is one queue of several. HF_ERR_EXISTS: it is already. */
int hf_host_join(struct hf_host *host, struct hf_member *member);

#endif
