/* A link by itself: the model of path.c without hosts, on the caller's clock. Packets that are
 * under way wait in an agenda for each end, in one piece each.
 *
 * What a take handed out is kept until the next take at that end, so that a caller can pass a
 * whole batch on without a copy. */
#include "sim/network.h"

#include <stdlib.h>
#include <string.h>

#define HELD_MAX ((size_t)256 << 20)
#define ROUTER (-1) /* sent by nobody at an end                                               */

struct far_end {
    struct agenda arriving;   /* packets that arrive here                                     */
    struct carried *lent;     /* handed out by the last take                                  */
};

struct hf_sim_wire {
    struct far_end end[2];
    struct direction direction[2]; /* [0] leads away from end 0                               */
    uint64_t delivered_bytes[2];   /* by direction                                            */
    hf_time late_total[2], late_max[2];
    size_t held, held_max; /* bytes                                                           */
};

struct hf_sim_wire *hf_sim_wire_create(uint64_t seed, size_t held_max)
{
    struct hf_sim_wire *wire = calloc(1, sizeof *wire);
    if (!wire)
        return NULL;
    for (int i = 0; i < 2; i++)
        hf_direction_init(&wire->direction[i], hf_sim_random(&seed));
    wire->held_max = held_max ? held_max : HELD_MAX;
    return wire;
}

static void give_back(struct hf_sim_wire *wire, struct carried *packet)
{
    wire->held -= packet->room;
    free(packet);
}

static void free_lent(struct hf_sim_wire *wire, struct far_end *end)
{
    while (end->lent) {
        struct carried *packet = end->lent;
        end->lent = packet->next;
        give_back(wire, packet);
    }
}

void hf_sim_wire_destroy(struct hf_sim_wire *wire)
{
    if (!wire)
        return;
    for (int i = 0; i < 2; i++) {
        free_lent(wire, &wire->end[i]);
        while (wire->end[i].arriving.count > 0)
            give_back(wire, hf_agenda_take(&wire->end[i].arriving).packet);
        hf_agenda_free(&wire->end[i].arriving);
        hf_direction_free(&wire->direction[i]);
    }
    free(wire);
}

int hf_sim_wire_set_path(struct hf_sim_wire *wire, int from, const struct hf_sim_path *path)
{
    if ((from != 0 && from != 1) || path->size != sizeof *path)
        return HF_ERR_ARGUMENT;
    wire->direction[from].path = *path;
    return HF_OK;
}

/* NULL: there is no memory, or as much is under way as may be. */
static struct carried *new_packet(struct hf_sim_wire *wire, uint32_t len, int from)
{
    if (wire->held_max - wire->held < len)
        return NULL;
    struct carried *packet = malloc(sizeof *packet + len);
    if (!packet)
        return NULL;
    *packet = (struct carried){.from = from, .to = 1 - from, .len = len, .room = len};
    wire->held += len;
    return packet;
}

static bool plan(struct hf_sim_wire *wire, struct carried *packet, hf_time at)
{
    struct agenda_entry entry = {.at = at, .kind = AGENDA_ARRIVAL, .packet = packet};
    if (hf_agenda_add(&wire->end[packet->to].arriving, &entry))
        return true;
    give_back(wire, packet);
    return false;
}

/* The router's answer, two delays later at the sender. */
static void answer_too_big(struct hf_sim_wire *wire, const struct hf_packet *packet, int from,
                           hf_time now)
{
    uint8_t head[1280];
    uint8_t reply[1280];
    const struct hf_sim_path *path = &wire->direction[from].path;
    struct hf_slice first = packet->slice[0]; /* the headers are all that is quoted at least */
    uint32_t len = first.len < sizeof head ? first.len : (uint32_t)sizeof head;
    memcpy(head, first.data, len);
    len = hf_sim_too_big(head, len, path->mtu, reply);
    struct carried *answer = len > 0 ? new_packet(wire, len, 1 - from) : NULL;
    if (!answer)
        return;
    memcpy(answer->bytes, reply, len);
    answer->from = ROUTER;
    (void)plan(wire, answer, now + 2 * path->delay);
}

/* One copy goes on its way. Returns whether it does. */
static bool send_copy(struct hf_sim_wire *wire, int from, const struct hf_packet *packet,
                      const struct fate *fate, unsigned copy)
{
    struct carried *carried = new_packet(wire, packet->len, from);
    if (!carried)
        return false;
    (void)hf_packet_copy(packet, carried->bytes, carried->room);
    if (fate->mark && hf_mark_congestion(carried->bytes, carried->len) && copy == 0)
        wire->direction[from].counters.marked++;
    hf_fate_flip(fate, copy, carried->bytes);
    return plan(wire, carried, fate->arrives[copy]);
}

void hf_sim_wire_put(struct hf_sim_wire *wire, int from, const struct hf_packet *packet,
                     hf_time now)
{
    struct direction *direction = &wire->direction[from];
    struct fate fate;
    if (!hf_direction_carry(direction, packet->len, now, &fate)) {
        direction->counters.lost_queue++;
        return;
    }
    if (fate.too_big)
        answer_too_big(wire, packet, from, now);
    for (unsigned i = 0; i < fate.copies; i++)
        if (!send_copy(wire, from, packet, &fate, i))
            direction->counters.lost_queue++;
}

hf_time hf_sim_wire_deadline(const struct hf_sim_wire *wire, int at)
{
    return hf_agenda_next(&wire->end[at].arriving);
}

static void count_arrival(struct hf_sim_wire *wire, const struct carried *packet, hf_time late)
{
    int from = packet->from;
    if (from == ROUTER)
        return;
    wire->direction[from].counters.delivered++;
    wire->delivered_bytes[from] += packet->len;
    wire->late_total[from] += late;
    if (late > wire->late_max[from])
        wire->late_max[from] = late;
}

size_t hf_sim_wire_take(struct hf_sim_wire *wire, int at, struct hf_packet *packets, size_t room,
                        hf_time now)
{
    struct far_end *end = &wire->end[at];
    size_t n = 0;
    free_lent(wire, end);
    while (n < room && hf_agenda_next(&end->arriving) <= now) {
        struct agenda_entry entry = hf_agenda_take(&end->arriving);
        hf_packet_wrap(&packets[n++], 0, entry.packet->bytes, entry.packet->len);
        count_arrival(wire, entry.packet, now - entry.at);
        entry.packet->next = end->lent;
        end->lent = entry.packet;
    }
    return n;
}

int hf_sim_wire_stats(const struct hf_sim_wire *wire, int from, struct hf_sim_wire_stats *stats)
{
    if ((from != 0 && from != 1) || stats->size != sizeof *stats)
        return HF_ERR_ARGUMENT;
    stats->held = (uint32_t)wire->end[1 - from].arriving.count;
    stats->path = wire->direction[from].counters;
    stats->delivered_bytes = wire->delivered_bytes[from];
    stats->late_total = wire->late_total[from];
    stats->late_max = wire->late_max[from];
    return HF_OK;
}
