/* What links with offload do to packets, as far as a host asks for it: runs that its stack gives are cut
 * on their way out, so that the wire carries nothing but segments; and of what comes in, neighbours
 * are merged by chance, so that a stack meets runs in every pattern. */
#include "sim/network.h"

#include <stdlib.h>

#define CUT_AT_ONCE 8u

static void carry(struct sim_host *host, int link, const struct hf_packet *packet)
{
    struct hf_sim *sim = host->sim;
    const struct sim_link *l = hf_sim_link_at(sim, host->link_of[link]);
    int to = l->host[1 - hf_sim_end_of(l, host->number)];
    struct carried *carried =
        hf_sim_packet_new(sim, host->link_of[link], host->number, to, packet->len);

    if (!carried)
        return;
    if (hf_packet_copy(packet, carried->bytes, carried->len) != carried->len)
        hf_sim_fail(sim, host->number, "a packet's slices are not as long as it says");
    hf_sim_packet_send(sim, carried, true);
}

void hf_sim_send_out(struct sim_host *host, int link, const struct hf_packet *packet)
{
    struct hf_packet cut[CUT_AT_ONCE];
    uint32_t done = 0;

    if (packet->segments <= 1 && packet->checksum != HF_CHECKSUM_PARTIAL) {
        carry(host, link, packet);
        return;
    }
    if (packet->segments > 1 && packet->len > host->gso_max)
        hf_sim_fail(host->sim, host->number, "a run is larger than its link can cut");
    for (size_t n; (n = hf_packet_cut(packet, done, cut, CUT_AT_ONCE, NULL)) > 0;
         done += (uint32_t)n)
        for (size_t i = 0; i < n; i++)
            carry(host, link, &cut[i]);
    if (done > 1)
        host->sim->counters.cut += done;
    if (done != packet->segments)
        hf_sim_fail(host->sim, host->number, "a run does not have the segments that it says");
}

/* Room for whatever of these packets is merged; NULL: no memory. */
static uint8_t *room_for(struct sim_host *host, const struct hf_packet *packets, size_t n,
                         uint32_t *room)
{
    uint32_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += packets[i].len;
    if (total > host->merge_room) {
        uint8_t *bytes = realloc(host->merged, total);
        if (!bytes)
            return NULL;
        host->merged = bytes;
        host->merge_room = total;
    }
    *room = host->merge_room;
    return host->merged;
}

size_t hf_sim_merge_some(struct sim_host *host, struct hf_packet *packets, size_t n)
{
    uint32_t room, at = 0;
    size_t kept = 0;

    if (host->merge == 0 || n < 2)
        return n;
    uint8_t *bytes = room_for(host, packets, n, &room);
    if (!bytes) {
        hf_sim_no_memory(host->sim, host->number);
        return n;
    }
    for (size_t i = 0, taken; i < n; i += taken) {
        struct hf_packet merged;
        taken = 1;
        if (hf_sim_random_below(&host->random, 100) < host->merge)
            taken = hf_packet_merge(&packets[i], 1 + hf_sim_random_below(&host->random, n - i),
                                    bytes + at, room - at, &merged);
        packets[kept++] = taken > 1 ? merged : packets[i];
        if (taken > 1) {
            at += merged.len;
            host->sim->counters.merged += taken;
        }
    }
    return kept;
}
