/* A virtual clock that several hosts share, in one thread.
 *
 * It moves only when every host on it has looked around and waited since anybody last did
 * something: a host that worked kicks, and after a kick the next wait of each returns at once.
 * Then the clock leaps to the earliest time that any of them waits for. Nothing here sleeps. */
#include "host/host.h"

#include <stdbool.h>
#include <stdlib.h>

#define HOSTS_MAX 16

struct seat {
    struct hf_virtual_clock *clock;
    hf_time until; /* what it waits for, while idle */
    bool idle;     /* it waits, and nobody has done anything since */
    bool stirred;  /* somebody has, and it has not looked yet */
};

struct hf_virtual_clock {
    hf_time now;
    struct seat seats[HOSTS_MAX];
    size_t seat_count;
};

static void stir(struct hf_virtual_clock *clock)
{
    for (size_t i = 0; i < clock->seat_count; i++) {
        clock->seats[i].idle = false;
        clock->seats[i].stirred = true;
    }
}

static hf_time virtual_now(void *context)
{
    return ((struct seat *)context)->clock->now;
}

static int virtual_wait(void *context, hf_time until)
{
    struct seat *seat = context;
    struct hf_virtual_clock *clock = seat->clock;
    hf_time earliest = HF_NEVER;
    if (seat->stirred) {
        seat->stirred = false;
        return HF_OK;
    }
    seat->idle = true;
    seat->until = until;
    for (size_t i = 0; i < clock->seat_count; i++) {
        if (!clock->seats[i].idle)
            return HF_OK;
        if (clock->seats[i].until < earliest)
            earliest = clock->seats[i].until;
    }
    if (earliest == HF_NEVER)
        return HF_ERR_STATE;
    if (earliest > clock->now)
        clock->now = earliest;
    for (size_t i = 0; i < clock->seat_count; i++)
        clock->seats[i].idle = false;
    return HF_OK;
}

static void virtual_kick(void *context)
{
    stir(((struct seat *)context)->clock);
}

struct hf_virtual_clock *hf_virtual_clock_create(hf_time start)
{
    struct hf_virtual_clock *clock = calloc(1, sizeof *clock);
    if (clock)
        clock->now = start;
    return clock;
}

void hf_virtual_clock_destroy(struct hf_virtual_clock *clock)
{
    free(clock);
}

int hf_virtual_clock_join(struct hf_virtual_clock *clock, struct hf_host_ops *ops)
{
    if (clock->seat_count == HOSTS_MAX)
        return HF_ERR_LIMIT;
    struct seat *seat = &clock->seats[clock->seat_count++];
    *seat = (struct seat){.clock = clock};
    *ops = (struct hf_host_ops){virtual_now, virtual_wait, virtual_kick, virtual_kick, seat};
    return HF_OK;
}

hf_time hf_virtual_clock_now(const struct hf_virtual_clock *clock)
{
    return clock->now;
}

void hf_virtual_clock_leap(struct hf_virtual_clock *clock, hf_time by)
{
    if (by > 0)
        clock->now += by;
    stir(clock);
}
