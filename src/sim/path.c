/* One direction of a link. Faults apply in the order of struct hf_sim_path: partition, MTU, loss,
 * queue (and its mark) and rate, delay and jitter, duplication, reordering, corruption.
 *
 * Each direction draws from a sequence of its own, so that what happens on one does not depend on
 * how much passes on another. A chance of 0 draws nothing. */
#include "sim/path.h"

#include <stdlib.h>
#include <string.h>

#define MILLION 1000000u

void hf_direction_init(struct direction *direction, uint64_t seed)
{
    memset(direction, 0, sizeof *direction);
    hf_sim_path_init(&direction->path);
    direction->random = seed;
}

void hf_direction_free(struct direction *direction)
{
    free(direction->queue);
}

void hf_sim_path_init(struct hf_sim_path *path)
{
    memset(path, 0, sizeof *path);
    path->size = sizeof *path;
}

static bool chance(struct direction *d, uint32_t millionths)
{
    return millionths > 0 && hf_sim_random_below(&d->random, MILLION) < millionths;
}

static hf_time up_to(struct direction *d, hf_time most)
{
    return most > 0 ? (hf_time)hf_sim_random_below(&d->random, (uint64_t)most + 1) : 0;
}

static bool is_lost(struct direction *d)
{
    if (d->counters.packets == d->path.lose_kth)
        return true;
    if (d->bad ? chance(d, d->path.burst_leave) : chance(d, d->path.burst_enter))
        d->bad = !d->bad;
    return chance(d, d->bad ? d->path.burst_loss : d->path.loss);
}

/* How long `len` bytes take at the rate, rounded up. */
static hf_time sending_time(uint64_t rate, uint32_t len)
{
    if (rate == 0)
        return 0;
    uint64_t bit_ns = (uint64_t)len * 8u * (uint64_t)HF_SEC;
    return (hf_time)((bit_ns + rate - 1) / rate);
}

static void forget_begun(struct direction *d, hf_time now)
{
    while (d->count > 0 && d->queue[d->first].begins <= now) {
        d->bytes -= d->queue[d->first].bytes;
        d->first = (d->first + 1) % d->room;
        d->count--;
    }
}

static bool make_room(struct direction *d)
{
    if (d->count < d->room)
        return true;
    uint32_t room = d->room ? d->room * 2 : 16;
    struct waiting *queue = malloc(room * sizeof *queue);
    if (!queue)
        return false;
    for (uint32_t i = 0; i < d->count; i++)
        queue[i] = d->queue[(d->first + i) % d->room];
    free(d->queue);
    d->queue = queue;
    d->room = room;
    d->first = 0;
    return true;
}

/* Put the packet behind those that wait. *leaves is when its last bit is on the wire. */
static bool enqueue(struct direction *d, uint32_t len, hf_time now, hf_time *leaves, bool *full,
                    bool *mark)
{
    const struct hf_sim_path *path = &d->path;
    hf_time begins = d->free_at > now ? d->free_at : now;

    forget_begun(d, now);
    if (begins > now) {
        *full = (path->queue_packets && d->count >= path->queue_packets) ||
                (path->queue_bytes && d->bytes + len > path->queue_bytes);
        if (*full)
            return true;
        if (!make_room(d))
            return false;
        *mark = path->mark_bytes && d->bytes > path->mark_bytes;
        d->queue[(d->first + d->count++) % d->room] = (struct waiting){begins, len};
        d->bytes += len;
    }
    *leaves = d->free_at = begins + sending_time(path->rate, len);
    return true;
}

/* The bits to flip lie in one word and are not all of them: then the sum over that word changes
 * by something that is not 0 modulo 65535, and no checksum over it still fits. */
static void maybe_corrupt(struct direction *d, uint32_t len, struct fate *fate, unsigned copy)
{
    if (len < 2 || !chance(d, d->path.corrupt))
        return;
    fate->flip[copy] = (uint16_t)(1 + hf_sim_random_below(&d->random, 0xfffe));
    fate->flip_word[copy] = (uint32_t)hf_sim_random_below(&d->random, len / 2);
    d->counters.corrupted++;
}

bool hf_direction_carry(struct direction *d, uint32_t len, hf_time now, struct fate *fate)
{
    const struct hf_sim_path *path = &d->path;
    hf_time leaves = now;
    bool full = false;

    memset(fate, 0, sizeof *fate);
    d->counters.packets++;
    d->counters.bytes += len;
    if (path->down) {
        d->counters.lost_down++;
        return true;
    }
    if (path->mtu > 0 && len > path->mtu) {
        d->counters.lost_mtu++;
        fate->too_big = path->report_mtu;
        return true;
    }
    if (is_lost(d)) {
        d->counters.lost++;
        return true;
    }
    if (!enqueue(d, len, now, &leaves, &full, &fate->mark))
        return false;
    if (full) {
        d->counters.lost_queue++;
        return true;
    }
    hf_time arrival = leaves + path->delay + up_to(d, path->jitter);
    if (arrival < d->last_arrival)
        arrival = d->last_arrival;
    d->last_arrival = arrival;

    fate->copies = 1;
    if (chance(d, path->duplicate)) {
        fate->copies = 2;
        d->counters.duplicated++;
    }
    for (unsigned i = 0; i < fate->copies; i++) {
        fate->arrives[i] = arrival;
        if (chance(d, path->reorder) && path->reorder_by > 0) {
            fate->arrives[i] += 1 + up_to(d, path->reorder_by - 1);
            d->counters.reordered++;
        }
        maybe_corrupt(d, len, fate, i);
    }
    return true;
}
