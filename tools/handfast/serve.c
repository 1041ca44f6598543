/* handfast serve: HTTP files, echo, discard or chargen for whoever reaches our addresses.
 * The loop and the connections are in server.c. */
#include "serve.h"
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define IDLE_MAX (60 * HF_SEC) /* HTTP: between requests, or without progress */

static const char *http_root;
static bool echo, discard, chargen;
static uint64_t port_option, queues = 1;

static const struct option options[] = {
    {"http", 0, "DIR", OPTION_TEXT, &http_root, 0, 0, "serve the files of DIR over HTTP/1.1"},
    {"echo", 0, NULL, OPTION_FLAG, &echo, 0, 0, "send back what comes (RFC 862); the default"},
    {"discard", 0, NULL, OPTION_FLAG, &discard, 0, 0, "throw away what comes (RFC 863)"},
    {"chargen", 0, NULL, OPTION_FLAG, &chargen, 0, 0, "send characters without end (RFC 864)"},
    {"port", 'p', "N", OPTION_NUMBER, &port_option, 1, 65535,
     "port to listen on, 1 to 65535 (default 80, 7, 9 or 19)"},
    {"queues", 0, "N", OPTION_NUMBER, &queues, 1, HF_GROUP_MAX,
     "queues of the TUN device, 1 to 64 (default 1): each has a stack and a thread of its own"},
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
        "With several queues a connection stays with one of them; captures and ladders are of\n"
        "one stack, so they want one queue.\n"
        "Exit status: 0 after an interrupt; 1 when it cannot run; 2 when the command line is\n"
        "wrong.\n",
};

/* ---- The small services ---- */

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
    serve_end_if_eof(stack, served, n);
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

/* ---- The beginning ---- */

static const char *service_name(void)
{
    return http_root ? "http" : discard ? "discard" : chargen ? "chargen" : "echo";
}

static int choose(struct server_config *config)
{
    if ((http_root != NULL) + echo + discard + chargen > 1)
        return usage_error(&command, "only one of --http, --echo, --discard, --chargen");
    config->service = http_root ? serve_http
                      : discard ? serve_discard
                      : chargen ? serve_chargen
                                : serve_echo;
    config->port = http_root ? 80 : discard ? 9 : chargen ? 19 : 7;
    if (port_option)
        config->port = (uint16_t)port_option;
    if (http_root && !serve_http_root(http_root))
        return usage_error(&command, "--http %s: not a directory that can be read: %s", http_root,
                           strerror(errno));
    config->what = http_root ? http_root : service_name();
    config->url = http_root ? "http://" : NULL;
    config->idle_max = http_root ? IDLE_MAX : HF_NEVER;
    return -1;
}

/* What belongs to one stack. Returns -1, or the exit status. */
static int check_queues(void)
{
    const char *wrong = common.kind != LINK_TUN ? "--link of another kind than tun"
                        : common.path           ? "--path"
                        : common.trace          ? "--trace"
                        : common.pcap           ? "--pcap"
                        : common.plot           ? "--plot"
                        : common.record         ? "--record"
                                                : NULL;
    if (queues == 1 || !wrong)
        return -1;
    return usage_error(&command, "--queues %llu: with %s it is 1", (unsigned long long)queues,
                       wrong);
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

int serve_main(int argc, char **argv)
{
    struct server_config config = {.connections_max = 0};
    int status;
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count > 0)
        return usage_error(&command, "%s: no argument is wanted", argv[0]);
    if ((status = choose(&config)) >= 0 || (status = check_queues()) >= 0)
        return status;
    config.queues = (unsigned)queues;
    raise_descriptor_limit();
    return server_run(&command, &config);
}
