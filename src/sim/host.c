/* Drives one stack as a host would: what arrived goes in in batches, timers run when they are due,
 * news goes to the application, output is pulled until there is none. Then the stack is asked
 * whether all is well. */
#include "sim/network.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 64u
#define BATCH_DEFAULT 32u
#define EVENTS_AT_ONCE 16u

/* A stack whose deadline stays in the past would keep virtual time from moving: so many calls of
 * hf_stack_timers at one instant are never needed. */
#define TIMERS_AT_ONCE_MAX 1000u

/* Nor are so many packets ever due at one instant: a stack that gives them has no end. */
#define PACKETS_AT_ONCE_MAX 100000u

void hf_sim_host_config_init(struct hf_sim_host_config *config)
{
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
    hf_stack_config_init(&config->stack);
}

/* Chained before the caller's sink. */
static void on_trace(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    struct sim_host *host = context;
    host->sim->hash = hf_sim_hash_record(host->sim->hash, record);
    if (host->trace)
        host->trace(host->trace_context, record, packet);
}

static struct sim_host *new_host(struct hf_sim *sim)
{
    if (sim->host_count == sim->host_room) {
        int room = sim->host_room ? sim->host_room * 2 : 8;
        struct sim_host **hosts = realloc(sim->hosts, (size_t)room * sizeof(struct sim_host *));
        int *touched = realloc(sim->touched, (size_t)room * sizeof *touched);
        if (hosts)
            sim->hosts = hosts;
        if (touched)
            sim->touched = touched;
        if (!hosts || !touched)
            return NULL;
        sim->host_room = room;
    }
    struct sim_host *host = calloc(1, sizeof *host);
    if (!host)
        return NULL;
    host->sim = sim;
    host->number = sim->host_count + 1;
    host->timer_at = HF_NEVER;
    host->batch = BATCH_DEFAULT;
    return host;
}

/* Only now is it part of the network. */
static int settle_in(struct sim_host *host)
{
    host->sim->hosts[host->sim->host_count++] = host;
    hf_sim_touch(host->sim, host);
    return host->number;
}

static void seed_of_host(const struct hf_sim *sim, int number, uint8_t seed[16])
{
    uint64_t state = sim->config.seed ^ (uint64_t)number << 48;
    for (int half = 0; half < 2; half++) {
        uint64_t word = hf_sim_random(&state);
        for (int i = 0; i < 8; i++)
            seed[half * 8 + i] = (uint8_t)(word >> 8 * i);
    }
}

static int create_stack(struct sim_host *host, const struct hf_sim_host_config *config)
{
    struct hf_stack_config stack = config->stack;
    int err = HF_ERR_MEMORY;

    host->trace = stack.trace;
    host->trace_context = stack.trace_context;
    stack.trace = on_trace;
    stack.trace_context = host;
    stack.id = (uint16_t)host->number;
    stack.now = host->sim->now;
    seed_of_host(host->sim, host->number, stack.seed);
    if (!stack.allocator.alloc) {
        host->counts = calloc(1, sizeof *host->counts);
        if (!host->counts)
            return HF_ERR_MEMORY;
        stack.allocator = hf_sim_allocator_use(host->counts);
    }
    host->stack = hf_stack_create(&stack, &err);
    return host->stack ? 0 : err;
}

int hf_sim_add_host(struct hf_sim *sim, const struct hf_sim_host_config *config)
{
    if (config->size != sizeof *config || config->batch > BATCH_MAX || config->merge > 100)
        return HF_ERR_ARGUMENT;
    if (sim->host_count == UINT16_MAX)
        return HF_ERR_LIMIT;
    struct sim_host *host = new_host(sim);
    if (!host)
        return HF_ERR_MEMORY;
    host->app = config->app;
    if (config->batch > 0)
        host->batch = config->batch;
    host->gso_max = config->gso_max;
    host->merge = config->merge;
    host->stack_merges = config->stack_merges;
    host->random = sim->config.seed + (uint64_t)host->number;
    int err = create_stack(host, config);
    if (err != 0) {
        hf_sim_host_free(host);
        return err;
    }
    return settle_in(host);
}

int hf_sim_add_peer(struct hf_sim *sim, const struct hf_sim_app *app)
{
    if (sim->host_count == UINT16_MAX)
        return HF_ERR_LIMIT;
    struct sim_host *host = new_host(sim);
    if (!host)
        return HF_ERR_MEMORY;
    host->app = *app;
    host->peer = true;
    return settle_in(host);
}

static void empty_inbox(struct sim_host *host)
{
    for (size_t i = 0; i < host->inbox_count; i++)
        free(host->inbox[i]);
    host->inbox_count = 0;
}

int64_t hf_sim_end_host(struct hf_sim *sim, int number)
{
    struct sim_host *host = hf_sim_host_at(sim, number);
    if (!host || !host->stack)
        return HF_ERR_ARGUMENT;
    hf_stack_destroy(host->stack);
    host->stack = NULL;
    return host->counts ? (int64_t)host->counts->in_use : 0;
}

void hf_sim_host_free(struct sim_host *host)
{
    hf_stack_destroy(host->stack);
    empty_inbox(host);
    free(host->inbox);
    free(host->merged);
    free(host->counts);
    free(host);
}

/* ---- One turn ---- */

/* Packets of one link that arrived one after the other are one batch. */
static void take_input(struct sim_host *host)
{
    struct hf_packet packets[BATCH_MAX];
    size_t at = 0;

    while (at < host->inbox_count && host->stack) {
        int sim_link = host->inbox[at]->link;
        uint32_t n = 0;
        int link = hf_sim_stack_link(host->sim, sim_link, host->number);
        while (at < host->inbox_count && n < host->batch && host->inbox[at]->link == sim_link) {
            const struct carried *packet = host->inbox[at++];
            hf_packet_wrap(&packets[n++], (uint8_t)link, packet->bytes, packet->len);
        }
        hf_stack_input(host->stack, link, packets, hf_sim_merge_some(host, packets, n),
                       host->sim->now);
    }
    empty_inbox(host);
}

static void run_timers(struct sim_host *host)
{
    hf_time now = host->sim->now;

    if (hf_stack_deadline(host->stack) > now)
        return;
    host->busy_count = host->busy_at == now ? host->busy_count + 1 : 1;
    host->busy_at = now;
    if (host->busy_count > TIMERS_AT_ONCE_MAX)
        hf_sim_fail(host->sim, host->number,
                    "hf_stack_deadline stays where it is after hf_stack_timers");
    host->sim->counters.timers++;
    hf_stack_timers(host->stack, now);
}

static bool hand_over_events(struct sim_host *host)
{
    struct hf_event events[EVENTS_AT_ONCE];
    bool any = false;
    size_t n;

    while (host->stack && (n = hf_stack_events(host->stack, events, EVENTS_AT_ONCE)) > 0) {
        any = true;
        host->sim->counters.events += n;
        for (size_t i = 0; i < n && host->stack && host->app.on_event; i++)
            host->app.on_event(host->app.context, host->sim, host->number, &events[i]);
    }
    return any;
}

static bool pull_output(struct sim_host *host)
{
    struct hf_packet packets[BATCH_MAX];
    uint64_t pulled = 0;

    for (int link = 1; link <= host->links; link++) {
        size_t n;
        while ((n = hf_stack_output(host->stack, link, packets, host->batch, host->sim->now)) > 0) {
            for (size_t i = 0; i < n; i++)
                hf_sim_send_out(host, link, &packets[i]);
            hf_stack_sent(host->stack, packets, n);
            pulled += n;
            if (pulled > PACKETS_AT_ONCE_MAX)
                hf_sim_fail(host->sim, host->number, "hf_stack_output has no end");
            if (hf_sim_failure(host->sim))
                return false;
        }
    }
    return pulled > 0;
}

/* The stack's deadline has its entry in the agenda; one that comes too early does no harm. */
static void plan_timer(struct sim_host *host)
{
    hf_time at = hf_stack_deadline(host->stack);
    if (at < host->sim->now)
        at = host->sim->now;
    if (at >= host->timer_at)
        return;
    struct agenda_entry entry = {.at = at, .kind = AGENDA_TIMER, .host = host->number};
    if (!hf_agenda_add(&host->sim->agenda, &entry))
        hf_sim_no_memory(host->sim, host->number);
    else
        host->timer_at = at;
}

static void check(struct sim_host *host)
{
    struct hf_stack_counters counters;
    const char *wrong = hf_stack_check(host->stack);

    if (wrong)
        hf_sim_fail(host->sim, host->number, wrong);
    hf_stack_counters(host->stack, &counters);
    if (counters.memory > counters.memory_limit)
        hf_sim_fail(host->sim, host->number, "the stack uses more memory than its limit");
    if (host->counts && host->counts->bad_frees > 0)
        hf_sim_fail(host->sim, host->number,
                    "memory given back twice, or with another size than it was asked for");
}

static void drive_peer(struct sim_host *host)
{
    for (size_t i = 0; i < host->inbox_count; i++) {
        const struct carried *packet = host->inbox[i];
        if (host->app.on_packet)
            host->app.on_packet(host->app.context, host->sim, host->number, packet->link,
                                packet->bytes, packet->len);
    }
    empty_inbox(host);
}

void hf_sim_host_drive(struct sim_host *host)
{
    if (host->peer) {
        drive_peer(host);
        return;
    }
    take_input(host);
    if (host->stack)
        run_timers(host);
    while (hand_over_events(host) || (host->stack && pull_output(host)))
        if (!host->stack || hf_sim_failure(host->sim))
            break;
    if (!host->stack)
        return;
    plan_timer(host);
    if (host->sim->config.checks & HF_SIM_CHECK_STACK)
        check(host);
}
