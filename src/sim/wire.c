/* A packet from the moment it is sent until it arrives: the police, the filter, the path, the
 * agenda, the other host's inbox. Links are made and changed here too. */
#include "sim/network.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_TO_GROW 256u /* that a filter has beyond a packet's length                       */

int hf_sim_end_of(const struct sim_link *link, int host)
{
    if (!link)
        return -1;
    return link->host[0] == host ? 0 : link->host[1] == host ? 1 : -1;
}

struct carried *hf_sim_packet_new(struct hf_sim *sim, int link, int from, int to, uint32_t len)
{
    struct carried *packet = malloc(sizeof *packet + len + ROOM_TO_GROW);
    if (!packet) {
        hf_sim_no_memory(sim, from);
        return NULL;
    }
    *packet = (struct carried){NULL, ++sim->serial, link, from, to, len, len + ROOM_TO_GROW};
    return packet;
}

/* The packet will arrive; from now on it belongs to the agenda. */
static void plan_arrival(struct hf_sim *sim, struct carried *packet, hf_time at)
{
    struct agenda_entry entry = {
        .at = at, .kind = AGENDA_ARRIVAL, .host = packet->to, .packet = packet};
    if (!hf_agenda_add(&sim->agenda, &entry)) {
        hf_sim_no_memory(sim, packet->to);
        free(packet);
    }
}

static void plan_copy(struct hf_sim *sim, const struct carried *packet, hf_time at)
{
    struct carried *copy =
        hf_sim_packet_new(sim, packet->link, packet->from, packet->to, packet->len);
    if (!copy)
        return;
    memcpy(copy->bytes, packet->bytes, packet->len);
    plan_arrival(sim, copy, at);
}

static void answer_too_big(struct hf_sim *sim, const struct carried *packet,
                           const struct direction *direction)
{
    uint8_t reply[1280];
    uint32_t len = hf_sim_too_big(packet->bytes, packet->len, direction->path.mtu, reply);
    if (len == 0)
        return;
    struct carried *answer = hf_sim_packet_new(sim, packet->link, 0, packet->from, len);
    if (!answer)
        return;
    memcpy(answer->bytes, reply, len);
    plan_arrival(sim, answer, sim->now + 2 * direction->path.delay);
}

/* Onto the path. The packet is used up. */
static void carry(struct hf_sim *sim, struct carried *packet)
{
    struct sim_link *link = hf_sim_link_at(sim, packet->link);
    struct direction *direction = &link->direction[hf_sim_end_of(link, packet->from)];
    struct fate fate;

    if (!hf_direction_carry(direction, packet->len, sim->now, &fate)) {
        hf_sim_no_memory(sim, packet->from);
        free(packet);
        return;
    }
    if (fate.too_big)
        answer_too_big(sim, packet, direction);
    if (fate.copies == 0) {
        free(packet);
        return;
    }
    if (fate.mark && hf_mark_congestion(packet->bytes, packet->len))
        direction->counters.marked++;
    if (fate.copies == 2) {
        hf_fate_flip(&fate, 1, packet->bytes);
        plan_copy(sim, packet, fate.arrives[1]);
        hf_fate_flip(&fate, 1, packet->bytes);
    }
    hf_fate_flip(&fate, 0, packet->bytes);
    plan_arrival(sim, packet, fate.arrives[0]);
}

/* What the filter makes of a packet; false when the packet is no longer the caller's. */
static bool passes_filter(struct hf_sim *sim, struct carried *packet)
{
    struct sim_link *link = hf_sim_link_at(sim, packet->link);
    struct hf_sim_packet seen = {packet->serial, sim->now,    packet->link, packet->from,
                                 packet->to,     packet->bytes, packet->len,  packet->room};

    if (!sim->filter)
        return true;
    enum hf_sim_verdict verdict = sim->filter(sim->filter_context, sim, &seen);
    if (seen.len == 0 || seen.len > packet->room)
        verdict = HF_SIM_DROP;
    packet->len = seen.len;
    if (verdict == HF_SIM_PASS)
        return true;
    if (verdict == HF_SIM_HOLD) {
        packet->next = sim->held;
        sim->held = packet;
        return false;
    }
    link->direction[hf_sim_end_of(link, packet->from)].counters.lost_filter++;
    free(packet);
    return false;
}

void hf_sim_packet_send(struct hf_sim *sim, struct carried *packet, bool judge)
{
    sim->counters.packets++;
    sim->counters.bytes += packet->len;
    sim->hash = hf_sim_hash_value(sim->hash, (uint64_t)sim->now);
    sim->hash = hf_sim_hash_value(sim->hash, (uint64_t)packet->from << 32 | (uint32_t)packet->link);
    sim->hash = hf_sim_hash_bytes(sim->hash, packet->bytes, packet->len);
    if (judge && sim->police) {
        const char *wrong = hf_sim_police_sent(sim->police, packet->bytes, packet->len,
                                               hf_sim_link_at(sim, packet->link)->mtu, sim->now);
        if (wrong)
            hf_sim_fail(sim, packet->from, wrong);
    }
    if (passes_filter(sim, packet))
        carry(sim, packet);
}

static bool put_into_inbox(struct sim_host *host, struct carried *packet)
{
    if (host->inbox_count == host->inbox_room) {
        size_t room = host->inbox_room ? host->inbox_room * 2 : 16;
        struct carried **inbox = realloc(host->inbox, room * sizeof(struct carried *));
        if (!inbox)
            return false;
        host->inbox = inbox;
        host->inbox_room = room;
    }
    host->inbox[host->inbox_count++] = packet;
    return true;
}

void hf_sim_packet_arrive(struct hf_sim *sim, struct carried *packet)
{
    struct sim_host *host = hf_sim_host_at(sim, packet->to);
    struct sim_link *link = hf_sim_link_at(sim, packet->link);

    if (packet->from > 0)
        link->direction[hf_sim_end_of(link, packet->from)].counters.delivered++;
    if (!host->stack && !host->peer) {
        free(packet);
        return;
    }
    if (sim->police)
        hf_sim_police_arrived(sim->police, packet->bytes, packet->len, sim->now);
    if (!put_into_inbox(host, packet)) {
        free(packet);
        hf_sim_no_memory(sim, host->number);
        return;
    }
    hf_sim_touch(sim, host);
}

/* ---- Links ---- */

static int add_addresses(struct hf_sim *sim, int link, int end)
{
    struct sim_link *l = hf_sim_link_at(sim, link);
    struct sim_host *host = hf_sim_host_at(sim, l->host[end]);
    struct hf_addr addr;

    for (int family = HF_IPV4; family <= HF_IPV6; family += HF_IPV6 - HF_IPV4) {
        if (family == HF_IPV6 && l->mtu < 1280)
            continue;
        hf_sim_address(sim, link, host->number, (enum hf_family)family, &addr);
        int err = hf_stack_add_address(host->stack, l->stack_link[end], &addr,
                                       family == HF_IPV4 ? 24 : 112);
        if (err == 0 && l->stack_link[end] == 1) {
            struct hf_addr any = {.family = (uint8_t)family};
            err = hf_stack_add_route(host->stack, 1, &any, 0);
        }
        if (err != 0)
            return err;
    }
    return 0;
}

/* Tell the host of its new link: the stack's number for it. */
static int join(struct hf_sim *sim, int link, int end)
{
    struct sim_link *l = hf_sim_link_at(sim, link);
    struct sim_host *host = hf_sim_host_at(sim, l->host[end]);
    struct hf_link_config config = {.size = sizeof config, .mtu = l->mtu};
    config.gso_max = host->gso_max;
    config.features = (host->stack_merges ? HF_LINK_MERGE : 0u) |
                      (host->gso_max ? HF_LINK_CHECKSUM_OUT : 0u);
    int number = host->links + 1;

    if (number > HF_LINKS_MAX)
        return HF_ERR_LIMIT;
    if (host->stack)
        number = hf_stack_add_link(host->stack, &config);
    if (number < 0)
        return number;
    host->links = number;
    host->link_of[number] = link;
    l->stack_link[end] = number;
    return host->stack ? add_addresses(sim, link, end) : 0;
}

static int new_link(struct hf_sim *sim, int host_a, int host_b, uint32_t mtu)
{
    if (sim->link_count == sim->link_room) {
        int room = sim->link_room ? sim->link_room * 2 : 8;
        struct sim_link **links = realloc(sim->links, (size_t)room * sizeof(struct sim_link *));
        if (!links)
            return HF_ERR_MEMORY;
        sim->links = links;
        sim->link_room = room;
    }
    struct sim_link *link = calloc(1, sizeof *link);
    if (!link)
        return HF_ERR_MEMORY;
    link->host[0] = host_a;
    link->host[1] = host_b;
    link->mtu = mtu;
    sim->links[sim->link_count++] = link;
    for (unsigned end = 0; end < 2; end++) {
        uint64_t seed = sim->config.seed ^ (uint64_t)sim->link_count << 32 ^ (end + 1) << 16;
        hf_direction_init(&link->direction[end], hf_sim_random(&seed));
    }
    return sim->link_count;
}

int hf_sim_add_link(struct hf_sim *sim, int host_a, int host_b, uint32_t mtu,
                    const struct hf_sim_path *path)
{
    struct sim_host *a = hf_sim_host_at(sim, host_a), *b = hf_sim_host_at(sim, host_b);
    if (!a || !b || a == b || mtu < 68 || mtu > 65535 || (path && path->size != sizeof *path))
        return HF_ERR_ARGUMENT;
    if ((!a->stack && !a->peer) || (!b->stack && !b->peer))
        return HF_ERR_ARGUMENT;
    if (sim->link_count == 65535)
        return HF_ERR_LIMIT;
    int link = new_link(sim, host_a, host_b, mtu);
    for (int end = 0; end < 2 && link > 0; end++) {
        int err = join(sim, link, end);
        if (err != 0)
            return err;
        if (path)
            hf_sim_link_at(sim, link)->direction[end].path = *path;
    }
    return link;
}

int hf_sim_set_path(struct hf_sim *sim, int link, int from, const struct hf_sim_path *path)
{
    struct sim_link *l = hf_sim_link_at(sim, link);
    int end = hf_sim_end_of(l, from);
    if (end < 0 || path->size != sizeof *path)
        return HF_ERR_ARGUMENT;
    l->direction[end].path = *path;
    return 0;
}

int hf_sim_get_path(const struct hf_sim *sim, int link, int from, struct hf_sim_path *path)
{
    const struct sim_link *l = hf_sim_link_at(sim, link);
    int end = hf_sim_end_of(l, from);
    if (end < 0)
        return HF_ERR_ARGUMENT;
    *path = l->direction[end].path;
    return 0;
}

int hf_sim_path_counters(const struct hf_sim *sim, int link, int from,
                         struct hf_sim_path_counters *counters)
{
    const struct sim_link *l = hf_sim_link_at(sim, link);
    int end = hf_sim_end_of(l, from);
    if (end < 0)
        return HF_ERR_ARGUMENT;
    *counters = l->direction[end].counters;
    return 0;
}

int hf_sim_address(const struct hf_sim *sim, int link, int host, enum hf_family family,
                   struct hf_addr *addr)
{
    int end = hf_sim_end_of(hf_sim_link_at(sim, link), host);
    uint8_t high = (uint8_t)(link >> 8), low = (uint8_t)link, last = (uint8_t)(end + 1);

    if (end < 0 || (family != HF_IPV4 && family != HF_IPV6))
        return HF_ERR_ARGUMENT;
    if (family == HF_IPV4)
        *addr = (struct hf_addr){HF_IPV4, 0, {10, high, low, last}};
    else
        *addr = (struct hf_addr){
            HF_IPV6, 0, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, 0, low, 0, last}};
    return 0;
}

int hf_sim_stack_link(const struct hf_sim *sim, int link, int host)
{
    const struct sim_link *l = hf_sim_link_at(sim, link);
    int end = hf_sim_end_of(l, host);
    return end < 0 ? HF_ERR_ARGUMENT : l->stack_link[end];
}

/* ---- Reaching into the wire ---- */

void hf_sim_set_filter(struct hf_sim *sim, hf_sim_filter_fn filter, void *context)
{
    sim->filter = filter;
    sim->filter_context = context;
}

int hf_sim_release(struct hf_sim *sim, uint64_t serial)
{
    for (struct carried **at = &sim->held; *at; at = &(*at)->next) {
        struct carried *packet = *at;
        if (packet->serial == serial) {
            *at = packet->next;
            carry(sim, packet);
            return 0;
        }
    }
    return HF_ERR_ARGUMENT;
}

int hf_sim_send(struct hf_sim *sim, int link, int from, const void *bytes, uint32_t len)
{
    struct sim_link *l = hf_sim_link_at(sim, link);
    int end = hf_sim_end_of(l, from);
    if (end < 0 || len == 0 || len > PACKET_BYTES_MAX)
        return HF_ERR_ARGUMENT;
    struct carried *packet = hf_sim_packet_new(sim, link, from, l->host[1 - end], len);
    if (!packet)
        return HF_ERR_MEMORY;
    memcpy(packet->bytes, bytes, len);
    hf_sim_packet_send(sim, packet, false);
    return 0;
}

int hf_sim_inject(struct hf_sim *sim, int link, int to, hf_time at, const void *bytes,
                  uint32_t len)
{
    if (hf_sim_end_of(hf_sim_link_at(sim, link), to) < 0 || at < sim->now || len == 0 ||
        len > PACKET_BYTES_MAX)
        return HF_ERR_ARGUMENT;
    struct carried *packet = hf_sim_packet_new(sim, link, 0, to, len);
    if (!packet)
        return HF_ERR_MEMORY;
    memcpy(packet->bytes, bytes, len);
    plan_arrival(sim, packet, at);
    return 0;
}
