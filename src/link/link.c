/* Links: the public calls, each handed to the driver that the link belongs to.
 *
 * Nothing is known here of what a link is made of; see pair.c and tun.c. */
#include "link/link.h"
#include "link/runs.h"

#include <string.h>

void hf_link_init(struct hf_link *link, const struct hf_link_ops *ops, const char *name,
                  uint32_t mtu, int descriptor)
{
    size_t len = strlen(name);
    if (len > HF_LINK_NAME - 1)
        len = HF_LINK_NAME - 1;
    memset(link, 0, sizeof *link);
    memcpy(link->name, name, len);
    link->ops = ops;
    link->mtu = mtu;
    link->descriptor = descriptor;
}

int64_t hf_link_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    int64_t n = link->ops->receive(link, packets, room);
    return link->runs && n > 1 ? (int64_t)hf_runs_receive(link->runs, packets, (size_t)n) : n;
}

int64_t hf_link_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    return link->cuts ? hf_runs_send(link, packets, n) : link->ops->send(link, packets, n);
}

uint32_t hf_link_mtu(const struct hf_link *link)
{
    return link->mtu;
}

uint32_t hf_link_features(const struct hf_link *link)
{
    return link->features;
}

uint32_t hf_link_gso_max(const struct hf_link *link)
{
    return link->gso_max;
}

int hf_link_mac(const struct hf_link *link, uint8_t mac[6])
{
    memcpy(mac, link->mac, sizeof link->mac);
    return link->kind;
}

const char *hf_link_note(const struct hf_link *link)
{
    return link->note;
}

const char *hf_link_name(const struct hf_link *link)
{
    return link->name;
}

int hf_link_descriptor(const struct hf_link *link)
{
    return link->descriptor;
}

uint64_t hf_link_lost(const struct hf_link *link)
{
    return link->lost;
}

void hf_link_close(struct hf_link *link)
{
    if (!link)
        return;
    hf_runs_free(link->runs);
    link->ops->close(link);
}
