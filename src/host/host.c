/* The loop: one step of a host is wait, receive, timers, events, output, behind the events and
 * output that the program's own calls left since the last step.
 *
 * The loop owns no time and no descriptor: those come through the four functions of its world
 * (machine.c or virtual.c). It never touches a connection; programs do that from on_event and
 * on_ready, and between steps.
 *
 * A clock that leapt is found by its effect: a deadline of the stack that was missed by a second
 * or more means that nobody ran for that long (suspend, SIGSTOP, a paused machine). The stack is
 * told before it sees the new time, so that no timer takes the gap for a silent peer. */
#include "host/host.h"
#include "host/group.h"
#include "host/thrift.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Packets moved at a time: enough to spread the cost of a call, small enough for the cache. */
#define BATCH 64
/* Batches a link may bring in one step before output and the others have their turn. */
#define BATCHES_MAX 16
/* Bytes given to a link before a look at what it has brought meanwhile. A device without a queue of
 * its own answers at once: with this its acknowledgements are taken while the text that they free,
 * and what the application writes in its place, still lies in the processor's own cache. */
#define SEND_QUANTUM (256u * 1024)
#define SUPERS 4 /* packets of 64 KB in that */
/* Such looks in one step. */
#define LOOKS_MAX 16
/* Rounds of events in one step: an event's handler may cause more. */
#define EVENT_ROUNDS_MAX 16
/* A deadline missed by this much was missed because nobody ran. */
#define JUMP_MIN HF_SEC

struct attached {
    struct hf_link *link;
    int number;
    bool cuts; /* runs are cut here */
};

struct hf_host {
    struct hf_host_ops ops;
    struct hf_machine *machine; /* NULL when ops are the caller's */
    struct hf_stack *stack;
    hf_host_event_fn on_event;
    hf_host_ready_fn on_ready;
    void *context;
    struct attached links[HF_LINKS_MAX];
    size_t link_count;
    struct hf_member *member; /* NULL: the host is alone */
    bool blind;               /* a link has no descriptor: its packets do not end a wait */
    uint64_t jumps;
    struct hf_thrift thrift;
    struct hf_packet packets[BATCH], cut[BATCH];
    struct hf_event events[BATCH];
};

struct hf_host *hf_host_create(const struct hf_host_config *config, char *error)
{
    char ignored[HF_ERROR_TEXT];
    if (!error)
        error = ignored;
    if (!config || config->size < sizeof *config) {
        (void)snprintf(error, HF_ERROR_TEXT, "host configuration: its size field is not set");
        return NULL;
    }
    struct hf_host *host = calloc(1, sizeof *host);
    if (!host) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for a host");
        return NULL;
    }
    host->on_event = config->on_event;
    host->on_ready = config->on_ready;
    host->context = config->context;
    if (config->ops) {
        host->ops = *config->ops;
        return host;
    }
    host->machine = hf_machine_create(config->on_ready, config->context, error);
    if (!host->machine) {
        free(host);
        return NULL;
    }
    host->ops = hf_machine_ops(host->machine);
    return host;
}

void hf_host_destroy(struct hf_host *host)
{
    if (!host)
        return;
    hf_machine_destroy(host->machine);
    free(host);
}

hf_time hf_host_now(const struct hf_host *host)
{
    return host->ops.now(host->ops.context);
}

void hf_host_wake(struct hf_host *host)
{
    host->ops.wake(host->ops.context);
}

uint64_t hf_host_jump_count(const struct hf_host *host)
{
    return host->jumps;
}

int hf_host_attach(struct hf_host *host, struct hf_stack *stack)
{
    if (!stack)
        return HF_ERR_ARGUMENT;
    if (host->stack)
        return HF_ERR_EXISTS;
    host->stack = stack;
    host->ops.kick(host->ops.context);
    return HF_OK;
}

int hf_host_add_link(struct hf_host *host, struct hf_link *link, uint32_t features)
{
    if (!link)
        return HF_ERR_ARGUMENT;
    if (!host->stack)
        return HF_ERR_STATE;
    if (host->link_count == HF_LINKS_MAX)
        return HF_ERR_LIMIT;
    int descriptor = hf_link_descriptor(link);
    if (host->machine && descriptor >= 0) {
        int err = hf_machine_watch_link(host->machine, descriptor);
        if (err != HF_OK)
            return err;
    }
    struct hf_link_config config = {
        .size = sizeof config,
        .mtu = hf_link_mtu(link),
        .features = features | hf_link_features(link),
        .gso_max = hf_link_gso_max(link),
    };
    config.kind = (uint8_t)hf_link_mac(link, config.mac);
    bool cuts = features & HF_LINK_CUT && !config.gso_max;
    if (cuts)
        config.gso_max = UINT16_MAX;
    int number = hf_stack_add_link(host->stack, &config);
    if (number < 0) {
        if (host->machine && descriptor >= 0)
            hf_machine_unwatch(host->machine, descriptor);
        return number;
    }
    host->links[host->link_count++] = (struct attached){link, number, cuts};
    host->blind |= descriptor < 0;
    host->ops.kick(host->ops.context);
    return number;
}

int hf_host_watch(struct hf_host *host, int descriptor, unsigned want, uint64_t user)
{
    if (!host->machine || !host->on_ready)
        return HF_ERR_STATE;
    return hf_machine_watch(host->machine, descriptor, want, user);
}

void hf_host_unwatch(struct hf_host *host, int descriptor)
{
    if (host->machine)
        hf_machine_unwatch(host->machine, descriptor);
}

static void tell_jumps(struct hf_host *host, hf_time now)
{
    hf_time deadline = hf_stack_deadline(host->stack);
    if (deadline == HF_NEVER || now - deadline < JUMP_MIN)
        return;
    host->jumps++;
    hf_stack_time_jump(host->stack, now - deadline);
}

int hf_host_join(struct hf_host *host, struct hf_member *member)
{
    if (host->member)
        return HF_ERR_EXISTS;
    if (host->link_count == 0)
        return HF_ERR_STATE;
    host->member = member;
    return HF_OK;
}

/* What other members have brought. */
static void receive_handed(struct hf_host *host, hf_time now, size_t *moved)
{
    for (int batch = 0; batch < BATCHES_MAX; batch++) {
        size_t n = hf_member_take(host->member, host->packets, BATCH);
        if (n == 0)
            return;
        hf_stack_input(host->stack, host->links[0].number, host->packets, n, now);
        *moved += n;
    }
    host->ops.kick(host->ops.context); /* there may be more */
}

/* Take what the links have. *moved counts packets. HF_ERR_STATE when a link is gone. */
static int receive(struct hf_host *host, hf_time now, size_t *moved)
{
    for (size_t i = 0; i < host->link_count; i++) {
        struct attached *at = &host->links[i];
        for (int batch = 0; batch < BATCHES_MAX; batch++) {
            int64_t n = hf_link_receive(at->link, host->packets, BATCH);
            if (n < 0)
                return (int)n;
            if (n == 0)
                break;
            size_t own = (size_t)n;
            if (host->member && i == 0)
                own = hf_member_sort(host->member, host->packets, own);
            hf_stack_input(host->stack, at->number, host->packets, own, now);
            *moved += own;
            if (n < BATCH)
                break;
        }
    }
    if (host->member) {
        receive_handed(host, now, moved);
        hf_member_wake_others(host->member);
    }
    return HF_OK;
}

/* Other hosts on a virtual clock may have news now. On this machine a link with packets ends the
 * wait by itself; only what no descriptor tells needs another look. */
static void tell_neighbours(struct hf_host *host, size_t moved)
{
    if (moved > 0 && (!host->machine || host->blind))
        host->ops.kick(host->ops.context);
}

static size_t hand_out_events(struct hf_host *host)
{
    size_t total = 0;
    if (!host->on_event)
        return 0;
    for (int round = 0; round < EVENT_ROUNDS_MAX; round++) {
        size_t n = hf_stack_events(host->stack, host->events, BATCH);
        if (n == 0)
            return total;
        for (size_t i = 0; i < n; i++)
            host->on_event(host->context, &host->events[i]);
        total += n;
    }
    host->ops.kick(host->ops.context); /* the links have their turn; then on */
    return total;
}

/* One run, as a packet for each of its segments. */
static int64_t send_run(struct hf_host *host, struct hf_link *link, const struct hf_packet *run)
{
    uint32_t at = 0;
    for (size_t n; (n = hf_packet_cut(run, at, host->cut, BATCH, hf_host_checksum())) > 0;) {
        int64_t sent = hf_link_send(link, host->cut, n);
        if (sent < 0)
            return sent;
        at += (uint32_t)n;
    }
    return at;
}

/* n packets, runs among them cut where the link wants it. Returns as hf_link_send does. */
static int64_t send_packets(struct hf_host *host, const struct attached *at, size_t n)
{
    int64_t sent = 0;
    for (size_t i = 0, whole; i < n && sent >= 0; i += whole) {
        const struct hf_packet *first = &host->packets[i];
        whole = 0;
        while (i + whole < n && (!at->cuts || first[whole].segments == 1))
            whole++;
        if (whole > 0)
            sent = hf_link_send(at->link, first, whole);
        else
            sent = send_run(host, at->link, first);
        whole += whole == 0;
    }
    return sent;
}

/* Send until no connection has anything to send, or a link was given `most` bytes: then *more. */
static int send_output(struct hf_host *host, hf_time now, size_t *moved, uint64_t most,
                       bool *more)
{
    *more = false;
    for (size_t i = 0; i < host->link_count; i++) {
        struct attached *at = &host->links[i];
        size_t room = hf_link_gso_max(at->link) || at->cuts ? SUPERS : BATCH, n;
        for (uint64_t bytes = 0; bytes < most; *moved += n) {
            n = hf_stack_output(host->stack, at->number, host->packets, room, now);
            if (n == 0)
                break;
            for (size_t p = 0; p < n; p++)
                bytes += host->packets[p].len;
            int64_t sent = send_packets(host, at, n);
            hf_stack_sent(host->stack, host->packets, n);
            if (sent < 0)
                return (int)sent;
            *more |= bytes >= most;
        }
    }
    return HF_OK;
}

/* Events, and what their handlers and the program's calls gave to send. What is sent makes room for
 * more, and a link may have brought an answer to it: so on until there is nothing new. */
static int flush(struct hf_host *host, hf_time now)
{
    size_t moved = 0;
    for (unsigned looks = 0;; looks++) {
        bool last = looks == LOOKS_MAX, more;
        size_t before = moved;
        moved += hand_out_events(host);
        int err = send_output(host, now, &moved, last ? UINT64_MAX : SEND_QUANTUM, &more);
        if (more && err == HF_OK) {
            now = hf_host_now(host);
            err = receive(host, now, &moved);
        }
        if (err != HF_OK || moved == before || last) {
            if (last)
                host->ops.kick(host->ops.context);
            tell_neighbours(host, moved);
            return err;
        }
    }
}

static int wait_for_news(struct hf_host *host, hf_time now, hf_time max_wait)
{
    hf_time until = max_wait > HF_NEVER - now ? HF_NEVER : now + max_wait;
    hf_time deadline = host->stack ? hf_stack_deadline(host->stack) : HF_NEVER;
    if (deadline < until)
        until = deadline;
    if (host->stack && host->machine)
        until = hf_thrift_rest(&host->thrift, host->stack, now, until);
    return host->ops.wait(host->ops.context, until);
}

/* What the wait was for. Packets come before timers, so that an acknowledgement that is here
 * already is not timed out. */
static int turn(struct hf_host *host, hf_time now)
{
    size_t moved = 0;
    int err = HF_OK;
    if (host->stack) {
        tell_jumps(host, now);
        err = receive(host, now, &moved);
        hf_stack_timers(host->stack, now);
        tell_neighbours(host, moved);
    }
    if (host->machine)
        hf_machine_dispatch(host->machine);
    if (host->stack && err == HF_OK)
        err = flush(host, now);
    return err;
}

int hf_host_step(struct hf_host *host, hf_time max_wait)
{
    hf_time now = hf_host_now(host);
    int err = HF_OK;
    if (host->stack) {
        tell_jumps(host, now); /* the program itself may have been away */
        err = flush(host, now);
    }
    if (err == HF_OK)
        err = wait_for_news(host, now, max_wait);
    if (err == HF_OK)
        err = turn(host, hf_host_now(host));
    return err;
}
