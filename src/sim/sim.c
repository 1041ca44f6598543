/* The simulation: creation, and the walk from one instant to the next.
 *
 * An instant is everything planned for one point of virtual time. Arrivals are put into inboxes
 * and wakes are made first, in the order in which they were planned; then each host that was
 * touched has its turn, in the order in which it was touched. What they send arrives at this or a
 * later instant. No order depends on an address or a clock, so runs repeat. */
#include "sim/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bound of one connection in a silent second: see hf_sim_config_init. */
#define SILENCE_PACKETS 20u

void hf_sim_config_init(struct hf_sim_config *config)
{
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
    config->checks = HF_SIM_CHECK_ALL;
    config->seed = 1;
    config->silence_packets = SILENCE_PACKETS;
}

struct hf_sim *hf_sim_create(const struct hf_sim_config *config)
{
    struct hf_sim *sim = config->size == sizeof *config ? calloc(1, sizeof *sim) : NULL;
    if (!sim)
        return NULL;
    sim->config = *config;
    sim->now = config->start;
    sim->hash = config->seed;
    if (config->checks & HF_SIM_CHECK_WIRE) {
        bool silence = config->checks & HF_SIM_CHECK_SILENCE;
        sim->police = hf_sim_police_new(silence ? config->silence_packets : 0);
        if (!sim->police) {
            free(sim);
            return NULL;
        }
    }
    return sim;
}

void hf_sim_destroy(struct hf_sim *sim)
{
    if (!sim)
        return;
    for (int i = 0; i < sim->host_count; i++)
        hf_sim_host_free(sim->hosts[i]);
    for (int i = 0; i < sim->link_count; i++) {
        hf_direction_free(&sim->links[i]->direction[0]);
        hf_direction_free(&sim->links[i]->direction[1]);
        free(sim->links[i]);
    }
    while (sim->agenda.count > 0)
        free(hf_agenda_take(&sim->agenda).packet);
    while (sim->held) {
        struct carried *next = sim->held->next;
        free(sim->held);
        sim->held = next;
    }
    hf_agenda_free(&sim->agenda);
    hf_sim_police_free(sim->police);
    free(sim->hosts);
    free(sim->links);
    free(sim->touched);
    free(sim);
}

struct sim_host *hf_sim_host_at(const struct hf_sim *sim, int host)
{
    return host >= 1 && host <= sim->host_count ? sim->hosts[host - 1] : NULL;
}

struct sim_link *hf_sim_link_at(const struct hf_sim *sim, int link)
{
    return link >= 1 && link <= sim->link_count ? sim->links[link - 1] : NULL;
}

struct hf_stack *hf_sim_stack(struct hf_sim *sim, int number)
{
    struct sim_host *host = hf_sim_host_at(sim, number);
    if (!host || !host->stack)
        return NULL;
    hf_sim_touch(sim, host);
    return host->stack;
}

struct hf_sim_allocator *hf_sim_host_allocator(struct hf_sim *sim, int number)
{
    struct sim_host *host = hf_sim_host_at(sim, number);
    return host ? host->counts : NULL;
}

void hf_sim_touch(struct hf_sim *sim, struct sim_host *host)
{
    if (host->touched)
        return;
    host->touched = true;
    sim->touched[sim->touched_count++] = host->number;
}

int hf_sim_wake(struct hf_sim *sim, int host, hf_time at, uint64_t value)
{
    struct agenda_entry entry = {.at = at > sim->now ? at : sim->now,
                                 .kind = AGENDA_WAKE,
                                 .host = host,
                                 .value = value};
    if (!hf_sim_host_at(sim, host))
        return HF_ERR_ARGUMENT;
    return hf_agenda_add(&sim->agenda, &entry) ? 0 : HF_ERR_MEMORY;
}

/* ---- Failures ---- */

void hf_sim_fail(struct hf_sim *sim, int host, const char *text)
{
    if (sim->failure[0])
        return;
    snprintf(sim->failure, sizeof sim->failure, "%lld.%09lld s, host %d: %s",
             (long long)(sim->now / HF_SEC), (long long)(sim->now % HF_SEC), host, text);
}

void hf_sim_no_memory(struct hf_sim *sim, int host)
{
    hf_sim_fail(sim, host, "the simulator has no memory");
}

const char *hf_sim_failure(const struct hf_sim *sim)
{
    return sim->failure[0] ? sim->failure : NULL;
}

/* ---- Time ---- */

static void happen(struct hf_sim *sim, const struct agenda_entry *entry)
{
    struct sim_host *host = hf_sim_host_at(sim, entry->host);

    switch (entry->kind) {
    case AGENDA_ARRIVAL:
        hf_sim_packet_arrive(sim, entry->packet);
        break;
    case AGENDA_TIMER:
        host->timer_at = HF_NEVER;
        hf_sim_touch(sim, host);
        break;
    case AGENDA_WAKE:
        if (host->app.on_wake && (host->stack || host->peer))
            host->app.on_wake(host->app.context, sim, host->number, entry->value);
        hf_sim_touch(sim, host);
        break;
    }
}

/* Give every host that was touched its turn, also those touched meanwhile. */
static void settle(struct hf_sim *sim)
{
    while (sim->touched_count > 0) {
        int number = sim->touched[0];
        sim->touched_count--;
        memmove(sim->touched, sim->touched + 1, (size_t)sim->touched_count * sizeof(int));
        sim->hosts[number - 1]->touched = false;
        if (!hf_sim_failure(sim))
            hf_sim_host_drive(sim->hosts[number - 1]);
    }
}

/* Calls may have been made from outside since the last step. */
static void settle_all(struct hf_sim *sim)
{
    for (int i = 0; i < sim->host_count; i++)
        hf_sim_touch(sim, sim->hosts[i]);
    settle(sim);
}

static enum hf_sim_result next_instant(struct hf_sim *sim)
{
    if (hf_sim_failure(sim))
        return HF_SIM_FAILED;
    if (hf_agenda_next(&sim->agenda) == HF_NEVER)
        return HF_SIM_IDLE;
    sim->now = hf_agenda_next(&sim->agenda);
    sim->counters.steps++;
    while (hf_agenda_next(&sim->agenda) == sim->now) {
        struct agenda_entry entry = hf_agenda_take(&sim->agenda);
        happen(sim, &entry);
    }
    settle(sim);
    return hf_sim_failure(sim) ? HF_SIM_FAILED : HF_SIM_RUNNING;
}

enum hf_sim_result hf_sim_step(struct hf_sim *sim)
{
    settle_all(sim);
    return next_instant(sim);
}

enum hf_sim_result hf_sim_run(struct hf_sim *sim, hf_time until, hf_sim_predicate done,
                              void *context)
{
    enum hf_sim_result result = HF_SIM_RUNNING;

    settle_all(sim);
    while (result == HF_SIM_RUNNING) {
        if (hf_sim_failure(sim))
            return HF_SIM_FAILED;
        if (done && done(context, sim))
            return HF_SIM_DONE;
        if (hf_agenda_next(&sim->agenda) > until && sim->agenda.count > 0)
            result = HF_SIM_UNTIL;
        else
            result = next_instant(sim);
    }
    if (until != HF_NEVER && until > sim->now && result != HF_SIM_FAILED)
        sim->now = until;
    return result;
}

hf_time hf_sim_now(const struct hf_sim *sim)
{
    return sim->now;
}

uint64_t hf_sim_hash(const struct hf_sim *sim)
{
    return sim->hash;
}

void hf_sim_counters(const struct hf_sim *sim, struct hf_sim_counters *counters)
{
    *counters = sim->counters;
}
