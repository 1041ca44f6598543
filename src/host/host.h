/* The inside of a host, shared by the loop (host.c), this machine's clock and epoll (machine.c)
 * and the virtual clock (virtual.c). Each world implements struct hf_host_ops; the loop asks for
 * nothing else of it, but that watched descriptors exist only on this machine. */
#ifndef HF_HOST_HOST_H
#define HF_HOST_HOST_H

#include <handfast/host.h>

struct hf_machine;

/* hf_machine_create: this machine: CLOCK_BOOTTIME, one epoll set, one eventfd for wake.
 * error as in hf_host_create. NULL when it fails. */
struct hf_machine *hf_machine_create(hf_host_ready_fn on_ready, void *context, char *error);
void hf_machine_destroy(struct hf_machine *machine);
struct hf_host_ops hf_machine_ops(struct hf_machine *machine);

/* A link's descriptor: it ends the wait and reports nothing. */
int hf_machine_watch_link(struct hf_machine *machine, int descriptor);

/* As the public calls of the same name. */
int hf_machine_watch(struct hf_machine *machine, int descriptor, unsigned want, uint64_t user);
void hf_machine_unwatch(struct hf_machine *machine, int descriptor);

/* Report what the last wait found ready, and what is always ready. */
void hf_machine_dispatch(struct hf_machine *machine);

#endif
