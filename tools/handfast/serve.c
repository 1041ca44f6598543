/* handfast serve: HTTP files, echo, discard or chargen for whoever reaches our addresses.
 *
 * One loop, one thread, any number of connections. A connection is found by the number that
 * comes back in its events; events of one that was given up meanwhile are recognised by their
 * handle. Our side closes when the service is done, and the handle is given up when the peer has
 * closed too, so that nothing it still sends is answered by a reset. */
#include "serve.h"
#include "commands.h"
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define BACKLOG 1024
#define IDLE_MAX (60 * HF_SEC)   /* HTTP: between requests, or without progress */
#define LINGER_MAX (10 * HF_SEC) /* after our close, for the peer's */
#define SWEEP_EVERY HF_SEC

static const char *http_root;
static bool echo, discard, chargen;
static uint64_t port_option;

static const struct option options[] = {
    {"http", 0, "DIR", OPTION_TEXT, &http_root, 0, 0, "serve the files of DIR over HTTP/1.1"},
    {"echo", 0, NULL, OPTION_FLAG, &echo, 0, 0, "send back what comes (RFC 862); the default"},
    {"discard", 0, NULL, OPTION_FLAG, &discard, 0, 0, "throw away what comes (RFC 863)"},
    {"chargen", 0, NULL, OPTION_FLAG, &chargen, 0, 0, "send characters without end (RFC 864)"},
    {"port", 'p', "N", OPTION_NUMBER, &port_option, 1, 65535,
     "port to listen on, 1 to 65535 (default 80, 7, 9 or 19)"},
};

static const struct command command = {
    .name = "serve",
    .synopsis = "[--http DIR | --echo | --discard | --chargen] [OPTIONS]",
    .about =
        "Serves whoever reaches the addresses of Handfast on a TUN device, which is also its\n"
        "default route. Runs until interrupted; then connections are closed in order and the\n"
        "totals printed. A second interrupt resets what is left.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .on_network = true,
    .notes =
        "HTTP: GET and HEAD, ranges, keep-alive; a directory shows its index.html. What lies\n"
        "outside DIR is not served, nor through symbolic links.\n"
        "Exit status: 0 after an interrupt; 1 when it cannot run; 2 when the command line is\n"
        "wrong.\n",
};

struct server {
    struct network network;
    serve_fn service;
    hf_listener listener;
    struct served **slots; /* by number; NULL: free */
    size_t slot_count, live;
    bool draining;
    hf_time draining_since, next_sweep;
    struct progress progress;
};

/* ---- The small services ---- */

static void end_if_eof(struct hf_stack *stack, struct served *served, int64_t read)
{
    if (read != HF_EOF)
        return;
    served->eof = true;
    served->closed = true;
    (void)hf_tcp_shutdown(stack, served->conn);
}

static void serve_echo(struct hf_stack *stack, struct served *served)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(stack, served->conn, &bytes)) > 0) {
        int64_t sent = hf_tcp_send(stack, served->conn, bytes, (size_t)n, 0);
        if (sent <= 0)
            return;
        (void)hf_tcp_consume(stack, served->conn, (size_t)sent);
    }
    end_if_eof(stack, served, n);
}

static void serve_discard(struct hf_stack *stack, struct served *served)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(stack, served->conn, &bytes)) > 0)
        (void)hf_tcp_consume(stack, served->conn, (size_t)n);
    end_if_eof(stack, served, n);
}

/* RFC 864: lines of 72 of the 95 printing characters, each beginning one further on. */
static char chargen_at(uint64_t offset)
{
    uint64_t line = offset / 74;
    uint64_t column = offset % 74;
    if (column == 72)
        return '\r';
    if (column == 73)
        return '\n';
    return (char)(' ' + (line + column) % 95);
}

static void serve_chargen(struct hf_stack *stack, struct served *served)
{
    void *room;
    size_t len;
    while (!served->closed && hf_tcp_reserve(stack, served->conn, 16384, &room, &len) == HF_OK) {
        char *at = room;
        for (size_t i = 0; i < len; i++)
            at[i] = chargen_at(served->offset++);
        (void)hf_tcp_commit(stack, served->conn, len, 0);
    }
    serve_discard(stack, served);
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
    served->active = hf_host_now(s->network.host);
    if (s->draining)
        serve_discard(s->network.stack, served);
    else
        s->service(s->network.stack, served);
    if (served->eof && served->closed) {
        (void)hf_tcp_close(s->network.stack, served->conn);
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
    (void)hf_tcp_close(s->network.stack, s->slots[slot]->conn);
    forget(s, slot);
}

static void accept_all(struct server *s)
{
    for (;;) {
        size_t slot = free_slot(s);
        struct served *served = slot == SIZE_MAX ? NULL : calloc(1, sizeof *served);
        if (!served)
            return; /* they wait in the backlog until there is memory */
        struct hf_tcp_status status = {.size = sizeof status};
        if (hf_tcp_accept(s->network.stack, s->listener, slot, &served->conn) != 1) {
            free(served);
            return;
        }
        if (hf_tcp_status(s->network.stack, served->conn, &status) == HF_OK)
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
    return s->service == serve_http ? IDLE_MAX : HF_NEVER;
}

static void sweep(struct server *s)
{
    hf_time now = hf_host_now(s->network.host);
    if (now < s->next_sweep)
        return;
    s->next_sweep = now + SWEEP_EVERY;
    for (size_t i = 0; i < s->slot_count; i++) {
        struct served *served = s->slots[i];
        if (!served || now - served->active < patience(s, served))
            continue;
        (void)hf_tcp_close(s->network.stack, served->conn);
        forget(s, i);
    }
    if (s->listener)
        accept_all(s);
}

static void drain(struct server *s)
{
    s->draining = true;
    s->draining_since = hf_host_now(s->network.host);
    (void)hf_listener_close(s->network.stack, s->listener);
    s->listener = 0;
    for (size_t i = 0; i < s->slot_count; i++) {
        if (!s->slots[i])
            continue;
        s->slots[i]->closed = true;
        (void)hf_tcp_shutdown(s->network.stack, s->slots[i]->conn);
        serve(s, i);
    }
}

static void abort_all(struct server *s)
{
    for (size_t i = 0; i < s->slot_count; i++) {
        if (!s->slots[i])
            continue;
        (void)hf_tcp_abort(s->network.stack, s->slots[i]->conn);
        forget(s, i);
    }
}

/* Whether every connection is closed, TIME-WAIT aside. */
static bool drained(struct server *s)
{
    struct hf_stack_counters c;
    hf_stack_counters(s->network.stack, &c);
    bool late = hf_host_now(s->network.host) - s->draining_since > LINGER_MAX;
    return (s->live == 0 && c.connections == 0 && c.half_open == 0) || late;
}

static void show_progress(struct server *s)
{
    struct hf_stack_counters c;
    char note[48];
    if (!s->progress.shown)
        return;
    hf_stack_counters(s->network.stack, &c);
    (void)snprintf(note, sizeof note, "%zu connections", s->live);
    progress_note(&s->progress, hf_host_now(s->network.host), note, c.bytes_in + c.bytes_out);
}

static int run(struct server *s)
{
    while (network_interrupts(&s->network) < 2) {
        if (network_interrupts(&s->network) == 1 && !s->draining)
            drain(s);
        if (s->draining && drained(s))
            break;
        int status =
            network_step(&s->network, s->live > 0 || s->draining ? 200 * HF_MS : HF_NEVER);
        if (status >= 0)
            return status;
        sweep(s);
        show_progress(s);
    }
    abort_all(s);
    network_flush(&s->network);
    return EXIT_FINE;
}

/* ---- The beginning ---- */

static const char *service_name(void)
{
    return http_root ? "http" : discard ? "discard" : chargen ? "chargen" : "echo";
}

static int choose(struct server *s, uint16_t *port)
{
    if ((http_root != NULL) + echo + discard + chargen > 1)
        return usage_error(&command, "only one of --http, --echo, --discard, --chargen");
    s->service = http_root ? serve_http
                 : discard ? serve_discard
                 : chargen ? serve_chargen
                           : serve_echo;
    *port = http_root ? 80 : discard ? 9 : chargen ? 19 : 7;
    if (port_option)
        *port = (uint16_t)port_option;
    if (http_root && !serve_http_root(http_root))
        return usage_error(&command, "--http %s: not a directory that can be read: %s", http_root,
                           strerror(errno));
    return -1;
}

/* A file is open for each transfer: take as many descriptors as we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void announce(const struct server *s, uint16_t port)
{
    (void)fprintf(stderr, "serving %s on %s:", http_root ? http_root : service_name(),
                  hf_link_name(s->network.link));
    for (size_t i = 0; i < common.addrs.count; i++) {
        char text[HF_ENDPOINT_TEXT];
        struct hf_endpoint end = {.addr = common.addrs.item[i].addr, .port = port};
        (void)fprintf(stderr, " %s%s%s", http_root ? "http://" : "",
                      hf_endpoint_format(&end, text), http_root ? "/" : "");
    }
    (void)fputc('\n', stderr);
}

int serve_main(int argc, char **argv)
{
    static struct server s;
    struct hf_listen listen = {.size = sizeof listen, .backlog = BACKLOG};
    int status;
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count > 0)
        return usage_error(&command, "%s: no argument is wanted", argv[0]);
    if ((status = choose(&s, &listen.local.port)) >= 0)
        return status;
    raise_descriptor_limit();
    struct network_config config = {.on_event = on_event, .context = &s};
    if ((status = network_open(&s.network, &command, &config)) >= 0)
        return status;
    progress_begin(&s.progress, s.network.began);
    int err = hf_tcp_listen(s.network.stack, &listen, &s.listener);
    if (err < 0) {
        status = failure(&command, "cannot listen: %s", hf_err_text(err));
    } else {
        announce(&s, listen.local.port);
        status = run(&s);
        progress_clear(&s.progress);
        network_totals(&s.network);
    }
    abort_all(&s);
    free(s.slots);
    int bad = network_close(&s.network);
    return status == EXIT_FINE && bad >= 0 ? bad : status;
}
