/* A bulk transfer between two stacks in the simulator. What arrives in vain is counted from the
 * receiver's own trace: a segment whose text had all come before. */
#include "recovery.h"

#include <stdlib.h>
#include <string.h>

#define PORT 9
#define PIECE 65536

/* ---- What has come: everything below `edge`, and ranges above it, sorted and apart ---- */

struct range {
    int64_t low, high;
};

struct seen {
    uint32_t isn; /* of the first byte of text                                                */
    int64_t edge;
    struct range *above;
    size_t count, room;
};

static void take_place(struct seen *seen, size_t at, struct range range)
{
    if (seen->count == seen->room) {
        seen->room = seen->room ? seen->room * 2 : 64;
        seen->above = realloc(seen->above, seen->room * sizeof *seen->above);
        if (!seen->above)
            recovery_fail("no memory");
    }
    memmove(&seen->above[at + 1], &seen->above[at], (seen->count - at) * sizeof range);
    seen->above[at] = range;
    seen->count++;
}

static void drop_ranges(struct seen *seen, size_t at, size_t n)
{
    if (n == 0)
        return;
    memmove(&seen->above[at], &seen->above[at + n],
            (seen->count - at - n) * sizeof *seen->above);
    seen->count -= n;
}

/* Returns whether anything of it is new. */
static bool see(struct seen *seen, int64_t low, int64_t high)
{
    size_t at = 0;
    if (high <= seen->edge)
        return false;
    if (low < seen->edge)
        low = seen->edge;
    while (at < seen->count && seen->above[at].high < low)
        at++;
    if (at < seen->count && seen->above[at].low <= low && seen->above[at].high >= high)
        return false;
    size_t joined = at;
    while (joined < seen->count && seen->above[joined].low <= high) {
        low = seen->above[joined].low < low ? seen->above[joined].low : low;
        high = seen->above[joined].high > high ? seen->above[joined].high : high;
        joined++;
    }
    drop_ranges(seen, at, joined - at);
    if (low <= seen->edge)
        seen->edge = high;
    else
        take_place(seen, at, (struct range){low, high});
    return true;
}

/* ---- The two ends ---- */

struct run {
    struct hf_sim *sim;
    int sender, receiver;
    hf_conn conn, accepted;
    hf_listener listener;
    struct seen seen;
    struct outcome *outcome;
    hf_time last_news;
};

static void watch_sender(void *context, const struct hf_trace_record *record,
                         const struct hf_packet *packet)
{
    struct run *run = context;
    (void)packet;
    if (record->kind == HF_TRACE_TIMER && record->u.timer.timer == HF_TIMER_RTO)
        run->outcome->timeouts++;
    if (record->kind == HF_TRACE_OUT && record->u.segment.flags & HF_SYN)
        run->seen.isn = record->u.segment.seq + 1;
    if (record->kind == HF_TRACE_OUT && record->u.segment.text > 0)
        run->outcome->segments++;
}

static void watch_receiver(void *context, const struct hf_trace_record *record,
                           const struct hf_packet *packet)
{
    struct run *run = context;
    struct seen *seen = &run->seen;
    (void)packet;
    if (record->kind != HF_TRACE_IN || record->u.segment.text == 0)
        return;
    uint32_t near_edge = seen->isn + (uint32_t)seen->edge;
    int64_t low = seen->edge + (int32_t)(record->u.segment.seq - near_edge);
    if (!see(seen, low, low + record->u.segment.text))
        run->outcome->spurious++;
}

static void fill(struct run *run)
{
    static const uint8_t zeros[PIECE];
    struct hf_stack *stack = hf_sim_stack(run->sim, run->sender);
    while (hf_tcp_send(stack, run->conn, zeros, sizeof zeros, 0) > 0) {
    }
}

static void drain(struct run *run)
{
    static uint8_t buffer[PIECE];
    struct hf_stack *stack = hf_sim_stack(run->sim, run->receiver);
    int64_t n, total = 0;
    while ((n = hf_tcp_recv(stack, run->accepted, buffer, sizeof buffer)) > 0)
        total += n;
    if (total == 0)
        return;
    hf_time gap = hf_sim_now(run->sim) - run->last_news;
    run->last_news += gap;
    run->outcome->bytes += (uint64_t)total;
    if ((uint64_t)(gap / HF_US) > run->outcome->gap_us)
        run->outcome->gap_us = (uint64_t)(gap / HF_US);
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct run *run = context;
    if (event->bits & HF_EVENT_ENDED)
        recovery_fail("a connection ended: %s", hf_cause_text((int)event->cause));
    if (event->bits & HF_EVENT_ACCEPT)
        (void)hf_tcp_accept(hf_sim_stack(sim, host), run->listener, 0, &run->accepted);
    if (host == run->sender)
        fill(run);
    else if (run->accepted)
        drain(run);
}

/* ---- The network ---- */

static int add_host(struct run *run, const char *controller, hf_trace_fn trace)
{
    struct hf_sim_host_config config;
    hf_sim_host_config_init(&config);
    config.stack.settings.congestion = controller;
    config.stack.trace = trace;
    config.stack.trace_context = run;
    config.app = (struct hf_sim_app){.on_event = on_event, .context = run};
    int host = hf_sim_add_host(run->sim, &config);
    if (host < 0)
        recovery_fail("cannot create a stack with %s: %s", controller, hf_err_text(host));
    return host;
}

static int join(struct run *run, const struct cell *cell)
{
    struct hf_sim_path path;
    hf_sim_path_init(&path);
    path.rate = cell->rate;
    path.delay = cell->rtt_us * HF_US / 2;
    path.loss = cell->loss;
    path.reorder = cell->reorder;
    path.reorder_by = path.delay / 2; /* as hf_sim_path_parse has it */
    uint64_t bdp = cell->rate / 8 * cell->rtt_us / 1000000;
    path.queue_bytes = bdp > 3000 ? (uint32_t)bdp : 3000;
    return hf_sim_add_link(run->sim, run->sender, run->receiver, 1500, &path);
}

static void open_connection(struct run *run, int link)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = PORT};
    struct hf_open open = {.size = sizeof open, .remote.port = PORT};
    (void)hf_sim_address(run->sim, link, run->receiver, HF_IPV4, &open.remote.addr);
    int err = hf_tcp_listen(hf_sim_stack(run->sim, run->receiver), &listen, &run->listener);
    if (err == HF_OK)
        err = hf_tcp_open(hf_sim_stack(run->sim, run->sender), &open, &run->conn);
    if (err != HF_OK)
        recovery_fail("cannot open: %s", hf_err_text(err));
}

void virtual_run(const struct cell *cell, const char *controller, hf_time duration, uint64_t seed,
                 struct outcome *outcome)
{
    struct run run = {.outcome = outcome};
    struct hf_sim_config config;
    struct hf_stack_counters counters;
    hf_sim_config_init(&config);
    config.seed = seed;
    config.checks = 0; /* the seeds of `make soak` are for those */
    memset(outcome, 0, sizeof *outcome);
    run.sim = hf_sim_create(&config);
    if (!run.sim)
        recovery_fail("no memory");
    run.sender = add_host(&run, controller, watch_sender);
    run.receiver = add_host(&run, controller, watch_receiver);
    open_connection(&run, join(&run, cell));
    if (hf_sim_run(run.sim, duration, NULL, NULL) == HF_SIM_FAILED)
        recovery_fail("%s", hf_sim_failure(run.sim));
    hf_time gap = duration - run.last_news;
    if ((uint64_t)(gap / HF_US) > outcome->gap_us)
        outcome->gap_us = (uint64_t)(gap / HF_US);
    hf_stack_counters(hf_sim_stack(run.sim, run.sender), &counters);
    outcome->resent = counters.retransmits;
    outcome->seconds = (double)duration / (double)HF_SEC;
    free(run.seen.above);
    hf_sim_destroy(run.sim);
}
