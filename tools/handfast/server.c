/* Serving over Handfast's own TCP: one loop, one thread, any number of connections; as many times as
 * the device has queues, with nothing in common but the beginning and the end. A connection is
 * found by the number that comes back in its events; events of one that was given up meanwhile are
 * recognised by their handle. Our side closes when the service is done, and the handle is given up
 * when the peer has closed too, so that nothing it still sends is answered by a reset. */
#include "http_session.h"
#include "progress.h"
#include "serve.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024
#define LINGER_MAX (10 * HF_SEC) /* after our close, for the peer's */
#define SWEEP_EVERY HF_SEC

/* All queues of the device. */
struct hall {
    const struct command *command;
    const struct server_config *config;
    struct server *servers;
    struct network *networks; /* one for each                                                 */
    unsigned count;
    struct hf_group *group; /* NULL: there is one queue                                      */
    uint8_t seed[16];
    atomic_uint open; /* servers that are not drained yet                                    */
};

struct server {
    struct hall *hall;
    struct network *network;
    int status;
    bool out; /* drained, and told */
    const struct server_config *config;
    hf_listener listener;
    struct served **slots; /* by number; NULL: free */
    size_t slot_count, live;
    bool again;   /* a connection has more to do without news                               */
    bool crowded; /* others may wait in the backlog                                         */
    bool draining;
    hf_time draining_since, next_sweep;
    struct progress progress;
};

/* ---- What comes is thrown away ---- */

void serve_end_if_eof(struct hf_stack *stack, struct served *served, int64_t read)
{
    if (read != HF_EOF)
        return;
    served->eof = true;
    served->closed = true;
    (void)hf_tcp_shutdown(stack, served->conn);
}

void serve_discard(struct hf_stack *stack, struct served *served)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(stack, served->conn, &bytes)) > 0)
        (void)hf_tcp_consume(stack, served->conn, (size_t)n);
    serve_end_if_eof(stack, served, n);
}

/* ---- HTTP ---- */

#define PIECE 65536

/* A session's line over a connection of ours. */
struct own_line {
    struct hf_stack *stack;
    struct served *served;
};

static int64_t receive(void *context, void *bytes, size_t room)
{
    struct own_line *line = context;
    int64_t n = hf_tcp_recv(line->stack, line->served->conn, bytes, room);
    if (n == HF_EOF)
        line->served->eof = true;
    return n == HF_EOF ? HTTP_LINE_ENDED : n < 0 ? 0 : n; /* its end is told by an event */
}

static int64_t send_bytes(void *context, const void *bytes, size_t len, bool more)
{
    struct own_line *line = context;
    int64_t n = hf_tcp_send(line->stack, line->served->conn, bytes, len, more ? HF_SEND_MORE : 0);
    return n < 0 ? 0 : n;
}

/* Straight into the send queue. */
static int64_t send_file(void *context, int file, uint64_t at, uint64_t left)
{
    struct own_line *line = context;
    void *room;
    size_t len, want = left < PIECE ? (size_t)left : PIECE;
    if (hf_tcp_reserve(line->stack, line->served->conn, want, &room, &len) < 0)
        return 0;
    ssize_t n = pread(file, room, len, (off_t)at);
    if (n <= 0) /* the file shrank: the promised length cannot be kept */
        return HTTP_LINE_BROKEN;
    (void)hf_tcp_commit(line->stack, line->served->conn, (size_t)n,
                        (uint64_t)n < left ? HF_SEND_MORE : 0);
    return n;
}

/* What comes behind our close is thrown away, so that the close is not turned into a reset. */
static void read_to_end(struct hf_stack *stack, struct served *served)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(stack, served->conn, &bytes)) > 0)
        (void)hf_tcp_consume(stack, served->conn, (size_t)n);
    if (n == HF_EOF)
        served->eof = true;
}

void serve_session(struct hf_stack *stack, struct served *served)
{
    static const struct http_line line = {receive, send_bytes, send_file};
    struct own_line own = {stack, served};
    enum http_turn turn = HTTP_WAITS;
    if (!served->http)
        turn = HTTP_BROKEN;
    else if (!served->closed)
        turn = http_session_turn(served->http, &line, &own);
    served->again = turn == HTTP_AGAIN;
    if (turn == HTTP_BROKEN) {
        (void)hf_tcp_abort(stack, served->conn);
        served->eof = served->closed = true;
        return;
    }
    if (turn == HTTP_OVER) {
        served->closed = true;
        (void)hf_tcp_shutdown(stack, served->conn);
    }
    if (served->closed && !served->eof)
        read_to_end(stack, served);
}

/* ---- Connections ---- */

static size_t free_slot(struct server *s)
{
    for (size_t i = s->live < s->slot_count ? 0 : s->slot_count; i < s->slot_count; i++)
        if (!s->slots[i])
            return i;
    size_t count = s->slot_count ? 2 * s->slot_count : 64;
    struct served **more = realloc(s->slots, count * sizeof *more);
    if (!more)
        return SIZE_MAX;
    memset(more + s->slot_count, 0, (count - s->slot_count) * sizeof *more);
    size_t slot = s->slot_count;
    s->slots = more;
    s->slot_count = count;
    return slot;
}

static void forget(struct server *s, size_t slot)
{
    http_session_end(s->slots[slot]->http);
    free(s->slots[slot]);
    s->slots[slot] = NULL;
    s->live--;
}

/* Let the service work; give the connection up when both sides have closed. */
static void serve(struct server *s, size_t slot)
{
    struct served *served = s->slots[slot];
    uint64_t before = served->http ? http_session_progress(served->http) : 0;
    bool was_closed = served->closed;
    if (s->draining)
        serve_discard(s->network->stack, served);
    else
        s->config->service(s->network->stack, served);
    bool moved = !served->http || http_session_progress(served->http) != before;
    s->again = s->again || served->again;
    if (moved || served->active == 0 || served->closed != was_closed)
        served->active = hf_host_now(s->network->host);
    if (served->eof && served->closed) {
        (void)hf_tcp_close(s->network->stack, served->conn);
        forget(s, slot);
    }
}

static bool ended_in_order(uint32_t cause)
{
    return cause == HF_CAUSE_CLOSED || cause == HF_CAUSE_TIME_WAIT_OVER;
}

static void ended(struct server *s, size_t slot, uint32_t cause)
{
    char text[HF_ENDPOINT_TEXT];
    if (!ended_in_order(cause)) {
        progress_clear(&s->progress);
        (void)fprintf(stderr, "%s: %s\n", hf_endpoint_format(&s->slots[slot]->remote, text),
                      hf_cause_text((int)cause));
    }
    (void)hf_tcp_close(s->network->stack, s->slots[slot]->conn);
    forget(s, slot);
}

static void accept_all(struct server *s)
{
    for (;;) {
        s->crowded = s->config->connections_max > 0 && s->live >= s->config->connections_max;
        if (s->crowded)
            return;
        size_t slot = free_slot(s);
        struct served *served = slot == SIZE_MAX ? NULL : calloc(1, sizeof *served);
        if (!served)
            return; /* they wait in the backlog until there is memory */
        struct hf_tcp_status status = {.size = sizeof status};
        if (hf_tcp_accept(s->network->stack, s->listener, slot, &served->conn) != 1) {
            free(served);
            return;
        }
        if (hf_tcp_status(s->network->stack, served->conn, &status) == HF_OK)
            served->remote = status.remote;
        s->slots[slot] = served;
        s->live++;
        serve(s, slot);
    }
}

static void on_event(void *context, const struct hf_event *event)
{
    struct server *s = context;
    if (event->handle == s->listener) {
        accept_all(s);
        return;
    }
    size_t slot = (size_t)event->user;
    if (slot >= s->slot_count || !s->slots[slot] || s->slots[slot]->conn != event->handle)
        return;
    if (event->bits & HF_EVENT_ENDED)
        ended(s, slot, event->cause);
    else
        serve(s, slot);
}

/* ---- Time and the end ---- */

static hf_time patience(const struct server *s, const struct served *served)
{
    if (served->closed)
        return LINGER_MAX;
    return s->config->idle_max;
}

static void sweep(struct server *s)
{
    hf_time now = hf_host_now(s->network->host);
    if (now < s->next_sweep)
        return;
    s->next_sweep = now + SWEEP_EVERY;
    for (size_t i = 0; i < s->slot_count; i++) {
        struct served *served = s->slots[i];
        if (!served || now - served->active < patience(s, served))
            continue;
        (void)hf_tcp_close(s->network->stack, served->conn);
        forget(s, i);
    }
    if (s->listener)
        accept_all(s);
}

static void drain(struct server *s)
{
    s->draining = true;
    s->draining_since = hf_host_now(s->network->host);
    (void)hf_listener_close(s->network->stack, s->listener);
    s->listener = 0;
    for (size_t i = 0; i < s->slot_count; i++) {
        if (!s->slots[i])
            continue;
        s->slots[i]->closed = true;
        (void)hf_tcp_shutdown(s->network->stack, s->slots[i]->conn);
        serve(s, i);
    }
}

static void abort_all(struct server *s)
{
    for (size_t i = 0; i < s->slot_count; i++) {
        if (!s->slots[i])
            continue;
        (void)hf_tcp_abort(s->network->stack, s->slots[i]->conn);
        forget(s, i);
    }
}

/* Whether every connection is closed, TIME-WAIT aside. */
static bool drained(struct server *s)
{
    struct hf_stack_counters c;
    hf_stack_counters(s->network->stack, &c);
    bool late = hf_host_now(s->network->host) - s->draining_since > LINGER_MAX;
    return (s->live == 0 && c.connections == 0 && c.half_open == 0) || late;
}

static void show_progress(struct server *s)
{
    struct hf_stack_counters c;
    char note[48];
    if (!s->progress.shown)
        return;
    hf_stack_counters(s->network->stack, &c);
    (void)snprintf(note, sizeof note, "%zu connections", s->live);
    progress_note(&s->progress, hf_host_now(s->network->host), note, c.bytes_in + c.bytes_out);
}

/* Those who have more to do than one turn does. */
static void serve_again(struct server *s)
{
    s->again = false;
    for (size_t i = 0; i < s->slot_count; i++)
        if (s->slots[i] && s->slots[i]->again)
            serve(s, i);
}

static hf_time patience_of_loop(const struct server *s)
{
    if (s->again)
        return 0;
    return s->live > 0 || s->draining ? 200 * HF_MS : HF_NEVER;
}

static int run(struct server *s)
{
    while (network_interrupts(s->network) < 2) {
        if (network_interrupts(s->network) == 1 && !s->draining)
            drain(s);
        if (s->draining && !s->out && drained(s)) {
            s->out = true;
            atomic_fetch_sub(&s->hall->open, 1);
        }
        if (s->out && atomic_load(&s->hall->open) == 0)
            break; /* until then others' packets may come by our queue */
        int status = network_step(s->network, patience_of_loop(s));
        if (status >= 0)
            return status;
        if (s->again)
            serve_again(s);
        if (s->crowded && s->listener)
            accept_all(s);
        sweep(s);
        show_progress(s);
    }
    abort_all(s);
    network_flush(s->network);
    return EXIT_FINE;
}

/* ---- The whole ---- */

static void announce(const struct hall *hall)
{
    const char *url = hall->config->url;
    (void)fprintf(stderr, "serving %s on %s:", hall->config->what,
                  hf_link_name(hall->networks[0].link));
    for (size_t i = 0; i < common.addrs.count; i++) {
        char text[HF_ENDPOINT_TEXT];
        struct hf_endpoint end = {.addr = common.addrs.item[i].addr, .port = hall->config->port};
        (void)fprintf(stderr, " %s%s%s", url ? url : "", hf_endpoint_format(&end, text),
                      url ? "/" : "");
    }
    (void)fputc('\n', stderr);
}

static int open_server(struct hall *hall, unsigned number)
{
    struct server *s = &hall->servers[number];
    struct hf_listen listen = {
        .size = sizeof listen, .backlog = BACKLOG, .local.port = hall->config->port};
    struct network_queue queue = {.number = number,
                                  .group = hall->group,
                                  .seed = hall->seed,
                                  .first = number > 0 ? &hall->networks[0] : NULL};
    struct network_config network = {.on_event = on_event,
                                     .context = s,
                                     .look = hall->config->look,
                                     .look_context = hall->config->context,
                                     .queue = hall->group ? &queue : NULL};
    s->hall = hall;
    s->config = hall->config;
    s->network = &hall->networks[number];
    int status = network_open(s->network, hall->command, &network);
    if (status >= 0)
        return status;
    hall->count++;
    if (!hall->group)
        progress_begin(&s->progress, s->network->began);
    int err = hf_tcp_listen(s->network->stack, &listen, &s->listener);
    return err < 0 ? failure(hall->command, "cannot listen: %s", hf_err_text(err)) : -1;
}

/* Returns -1, or the exit status after an error was printed. */
static int open_hall(struct hall *hall, unsigned queues)
{
    hall->servers = calloc(queues, sizeof *hall->servers);
    hall->networks = calloc(queues, sizeof *hall->networks);
    if (hf_host_seed(hall->seed) < 0)
        return failure(hall->command, "the system has no random numbers to give");
    if (queues > 1)
        hall->group = hf_group_create(queues, hall->seed);
    if (!hall->servers || !hall->networks || (queues > 1 && !hall->group))
        return failure(hall->command, "no memory for %u queues", queues);
    for (unsigned i = 0; i < queues; i++) {
        int status = open_server(hall, i);
        if (status >= 0)
            return status;
    }
    atomic_store(&hall->open, queues);
    return -1;
}

static void run_one(void *context, unsigned number)
{
    struct hall *hall = context;
    struct server *s = &hall->servers[number];
    s->status = run(s);
    if (!s->out)
        atomic_fetch_sub(&hall->open, 1);
}

static int run_all(struct hall *hall)
{
    int status = EXIT_FINE;
    if (!hall->group)
        run_one(hall, 0);
    else if (hf_group_run(hall->group, run_one, hall) < 0)
        return failure(hall->command, "so many threads cannot be had: %u", hall->count);
    for (unsigned i = 0; i < hall->count; i++)
        status = status > hall->servers[i].status ? status : hall->servers[i].status;
    return status;
}

/* What each queue had of it. */
static void queue_totals(const struct hall *hall)
{
    for (unsigned i = 0; i < hall->count; i++) {
        struct hf_group_counters of_group;
        struct hf_stack_counters c;
        char out[SIZE_TEXT];
        hf_group_count(hall->group, i, &of_group);
        hf_stack_counters(hall->networks[i].stack, &c);
        (void)fprintf(stderr,
                      "queue %u: %llu connections, %s sent; of %llu packets %llu handed over, "
                      "%llu taken from others, %llu lost\n",
                      i + 1, (unsigned long long)c.passive_opens, size_text(c.bytes_out, out),
                      (unsigned long long)of_group.received,
                      (unsigned long long)of_group.handed_over,
                      (unsigned long long)of_group.taken, (unsigned long long)of_group.lost);
    }
}

/* Returns -1 or EXIT_FAILED. */
static int close_hall(struct hall *hall)
{
    int bad = -1;
    hf_group_destroy(hall->group);
    for (unsigned i = 0; i < hall->count; i++) {
        abort_all(&hall->servers[i]);
        free(hall->servers[i].slots);
        int one = network_close(&hall->networks[i]);
        bad = bad >= 0 ? bad : one;
    }
    free(hall->servers);
    free(hall->networks);
    return bad;
}

int server_run(const struct command *command, const struct server_config *config)
{
    struct hall hall = {.command = command, .config = config};
    int status = open_hall(&hall, config->queues ? config->queues : 1);
    if (status < 0) {
        announce(&hall);
        status = run_all(&hall);
        progress_clear(&hall.servers[0].progress);
        network_totals(hall.networks, hall.count);
        if (hall.group)
            queue_totals(&hall);
    } else {
        common.stats = false;
    }
    int bad = close_hall(&hall);
    return status == EXIT_FINE && bad >= 0 ? bad : status;
}
