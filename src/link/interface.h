/* An Ethernet interface of this machine that a packet socket or AF_XDP is to share: what both must
 * know of it, and whether it is still there. */
#ifndef HF_LINK_INTERFACE_H
#define HF_LINK_INTERFACE_H

#include <handfast/link.h>
#include <stdbool.h>

struct hf_interface {
    unsigned index;
    uint32_t mtu; /* that we are to use                                                       */
    uint8_t mac[6];
};

/* Check the configuration and look the interface up; it must be Ethernet and up. Returns 0, or -1
 * with one line in `error`. */
int hf_interface_look(const struct hf_interface_config *config, struct hf_interface *interface,
                      char *error);

/* It was deleted. (Set down it may come up again.) */
bool hf_interface_is_gone(unsigned index);

/* A socket was told that it is down, which it hears once, and first when it is being deleted: look for
 * a while whether that is so. */
bool hf_interface_goes(unsigned index);

/* A packet socket, not bound yet, or -1 with one line in `error`. */
int hf_interface_socket(const char *name, char *error);

/* Have the interface let in what is sent to groups (neighbour discovery asks by them) as long as a
 * packet socket is open. */
void hf_interface_join_groups(int socket, unsigned index);

/* A packet socket that gets no packets, but lets in what is sent to groups, and has an error
 * (ENETDOWN) when the interface goes. -1 with one line in `error`. */
int hf_interface_watch(const char *name, unsigned index, char *error);

/* "cannot WHAT NAME: reason". Returns -1. */
int hf_interface_fail(char *error, const char *what, const char *name, int err);

#endif
