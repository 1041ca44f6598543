/* What every kind of link has in common, and the functions that make it one kind or another.
 *
 * A driver embeds struct hf_link as the first member of its own struct, fills it in with
 * hf_link_init, and is from then on reached only through the calls of <handfast/link.h>, which
 * link.c hands to the driver's struct hf_link_ops. */
#ifndef HF_LINK_LINK_H
#define HF_LINK_LINK_H

#include <handfast/link.h>
#include <stdbool.h>

#define HF_LINK_NOTE 160
#define HF_LINK_FRAME 14  /* bytes of an Ethernet header                                     */
#define HF_LINK_TAGGED 18 /* ... with a VLAN tag                                             */
#define HF_LINK_NAME 32 /* room for any interface name and the final 0                       */

struct hf_link_ops {
    int64_t (*receive)(struct hf_link *link, struct hf_packet *packets, size_t room);
    int64_t (*send)(struct hf_link *link, const struct hf_packet *packets, size_t n);
    void (*close)(struct hf_link *link); /* frees the link too                                */
};

struct hf_link {
    const struct hf_link_ops *ops;
    uint64_t lost;  /* packets that could not be sent: the driver counts                      */
    uint32_t mtu;
    uint32_t features, gso_max; /* as hf_link_features and hf_link_gso_max tell them          */
    uint8_t kind, mac[6]; /* as hf_link_mac tells them                                        */
    bool cuts;            /* runs are cut before the driver sees them                          */
    struct hf_runs *runs; /* what is done in software with runs; NULL: nothing                 */
    int descriptor; /* readable when packets wait; -1: none                                   */
    char name[HF_LINK_NAME];
    char note[HF_LINK_NOTE];
};

/* Fill in the common part. A longer name is cut. */
void hf_link_init(struct hf_link *link, const struct hf_link_ops *ops, const char *name,
                  uint32_t mtu, int descriptor);

#endif
