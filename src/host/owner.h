/* Whose packet is it, of several hosts that share a device: a keyed hash of the flow, so that all
 * of them find the same, and nobody outside can choose.
 *
 * An ICMP error belongs to the flow that it quotes. A fragment has no ports, but for the first: all
 * fragments between two addresses go to one host, which remembers whose the first was and sends
 * the others after it. What is of no flow (an echo, a packet that cannot be read) may be answered by
 * whoever it reached. */
#ifndef HF_HOST_OWNER_H
#define HF_HOST_OWNER_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <stdbool.h>

enum hf_owner_kind {
    HF_OWNER_ANY,     /* whoever has it                                                        */
    HF_OWNER_FLOW,    /* `owner` is the flow's                                                 */
    HF_OWNER_FRAGMENT /* `owner` is who looks after fragments between these two hosts          */
};

struct hf_owner_key {
    uint64_t word[4];
};

/* What says which datagram a fragment is of. */
struct hf_datagram_id {
    uint8_t source[16], destination[16];
    uint32_t id;
    uint8_t protocol, version;
};

struct hf_owner {
    enum hf_owner_kind kind;
    unsigned owner;
    struct hf_datagram_id datagram; /* FRAGMENT                                                */
    bool has_flow;                  /* FRAGMENT: the first: `of_flow` is the flow's owner      */
    unsigned of_flow;
};

struct hf_owner_key hf_owner_key_of(const uint8_t seed[16]);

void hf_owner_of(const struct hf_owner_key *key, unsigned members, const struct hf_packet *packet,
                 struct hf_owner *owner);

/* Of the flow between two ends. */
unsigned hf_owner_of_flow(const struct hf_owner_key *key, unsigned members,
                          const struct hf_endpoint *local, const struct hf_endpoint *remote);

#endif
