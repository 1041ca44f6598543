/* handfast get: fetch a URL by HTTP/1.1 and write its body to a file or to standard output.
 *
 * The body goes from the connection's queue to the file without a copy between. The exchange is
 * over when the body is whole and both sides have closed; 2MSL is not sat out. */
#include "commands.h"
#include "http.h"
#include "network.h"
#include "output.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A peer that has sent everything has this long to finish the close. */
#define CLOSE_WAIT_MAX (5 * HF_SEC)

static const char *out_path;

static const struct option options[] = {
    {"output", 'o', "FILE", OPTION_TEXT, &out_path, 0, 0,
     "write the body to FILE instead of standard output"},
};

static const struct command command = {
    .name = "get",
    .synopsis = "[OPTIONS] URL",
    .about =
        "Fetches http://HOST[:PORT]/PATH through a TUN device and writes the body to standard\n"
        "output. An IPv6 address stands in brackets. Redirects are not followed.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .on_network = true,
    .notes =
        "Exit status: 0 when a 2xx response came whole; 1 when it did not; 2 when the command\n"
        "line is wrong; 130 when interrupted.\n",
};

struct url {
    char host[256];      /* without brackets */
    char authority[280]; /* as in the Host field */
    uint16_t port;
    const char *path;
};

enum phase { OPENING, HEAD, BODY, CLOSING, FINISHED };

struct fetch {
    struct network network;
    struct url url;
    enum phase phase;
    hf_conn conn;
    char request[4096];
    size_t request_len, request_sent;
    char head[HTTP_HEAD_MAX];
    size_t head_len;
    struct http_body body;
    struct output output;
    struct progress progress;
    uint64_t received; /* of the body */
    uint32_t ended;    /* enum hf_cause */
    int status;        /* the exit status; -1: not known yet */
    bool eof;
    hf_time closing_since;
};

static int read_url(const char *text, struct url *url)
{
    static const char scheme[] = "http://";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return usage_error(&command, "%s: a URL begins with http://", text);
    const char *at = text + sizeof scheme - 1;
    size_t authority = strcspn(at, "/?#");
    const char *host = at;
    size_t host_len = strcspn(at, ":/?#");
    if (*at == '[') {
        host = at + 1;
        host_len = strcspn(host, "]/?#");
        if (host[host_len] != ']')
            return usage_error(&command, "%s: ] is missing", text);
    }
    const char *after = host + host_len + (*at == '[');
    char port[8] = "80";
    if (*after == ':') {
        size_t len = (size_t)(at + authority - after - 1);
        if (len < sizeof port)
            memcpy(port, after + 1, len), port[len] = 0;
        else
            port[0] = 0;
    } else if (after != at + authority) {
        return usage_error(&command, "%s: a URL is http://HOST[:PORT]/PATH", text);
    }
    if (!port_parse(port, &url->port))
        return usage_error(&command, "%s: a port is a number from 1 to 65535", text);
    if (host_len == 0 || host_len >= sizeof url->host || authority >= sizeof url->authority ||
        memchr(host, '@', host_len))
        return usage_error(&command, "%s: a URL is http://HOST[:PORT]/PATH", text);
    memcpy(url->host, host, host_len);
    memcpy(url->authority, at, authority);
    url->path = at + authority;
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return usage_error(&command, "%s: no spaces or control characters in a URL", text);
    return -1;
}

static int write_request(struct fetch *f)
{
    size_t path = strcspn(f->url.path, "#");
    int n = snprintf(f->request, sizeof f->request,
                     "GET %s%.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: handfast/%s\r\n"
                     "Accept: */*\r\nConnection: close\r\n\r\n",
                     *f->url.path == '/' ? "" : "/", (int)path, f->url.path, f->url.authority,
                     hf_version());
    if (n >= (int)sizeof f->request)
        return usage_error(&command, "the URL is too long");
    f->request_len = (size_t)n;
    return -1;
}

static void give_up(struct fetch *f, int status)
{
    if (f->status < 0)
        f->status = status;
    f->phase = FINISHED;
    (void)hf_tcp_abort(f->network.stack, f->conn);
}

static void send_request(struct fetch *f)
{
    if (f->phase == OPENING || f->request_sent == f->request_len)
        return;
    int64_t n = hf_tcp_send(f->network.stack, f->conn, f->request + f->request_sent,
                            f->request_len - f->request_sent, 0);
    if (n > 0)
        f->request_sent += (size_t)n;
}

static void body_is_whole(struct fetch *f)
{
    f->phase = CLOSING;
    f->closing_since = hf_host_now(f->network.host);
    (void)hf_tcp_shutdown(f->network.stack, f->conn);
}

static void head_is_whole(struct fetch *f, size_t len)
{
    struct http_text reason = {"", 0};
    int code = http_status_line(f->head, len, &reason);
    progress_clear(&f->progress);
    if (code == 0 || !http_body_begin(&f->body, f->head, len, code, false)) {
        give_up(f, failure(&command, "%s does not answer in HTTP/1", f->url.authority));
        return;
    }
    if (code / 100 == 1) { /* an interim response: the real one follows */
        f->head_len = 0;
        return;
    }
    if (code / 100 != 2) {
        give_up(f, failure(&command, "%s says %d %.*s", f->url.authority, code, (int)reason.len,
                           reason.at));
        return;
    }
    int descriptor = STDOUT_FILENO;
    if (out_path) {
        descriptor = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (descriptor < 0) {
            give_up(f, failure(&command, "cannot write %s: %s", out_path, strerror(errno)));
            return;
        }
    }
    output_use(&f->output, descriptor);
    f->phase = BODY;
    if (f->body.done)
        body_is_whole(f);
}

/* Move bytes into the head until it is whole. Returns how many were used. */
static size_t take_head(struct fetch *f, const char *bytes, size_t len)
{
    size_t before = f->head_len;
    size_t room = sizeof f->head - f->head_len;
    size_t n = len < room ? len : room;
    memcpy(f->head + f->head_len, bytes, n);
    f->head_len += n;
    size_t end = http_head_end(f->head, f->head_len);
    if (end > 0) {
        head_is_whole(f, end);
        return end - before;
    }
    if (f->head_len == sizeof f->head)
        give_up(f, failure(&command, "the head of the response is longer than %d bytes",
                           HTTP_HEAD_MAX));
    return n;
}

/* Returns how many bytes were used; 0: the output must wait, or there is nothing to use. */
static size_t take_body(struct fetch *f, const char *bytes, size_t len)
{
    size_t run;
    size_t used = http_body_take(&f->body, bytes, len, &run);
    if (run > 0) {
        int64_t n = output_write(&f->output, bytes + used, run);
        if (n < 0) {
            give_up(f, failure(&command, "cannot write %s: %s", out_path ? out_path : "the body",
                               strerror(errno)));
            return 0;
        }
        http_body_took(&f->body, (size_t)n);
        f->received += (uint64_t)n;
        used += (size_t)n;
    }
    if (f->body.bad) {
        give_up(f, failure(&command, "the chunks of the body are malformed"));
        return 0;
    }
    if (f->body.done)
        body_is_whole(f);
    return used;
}

static void end_of_stream(struct fetch *f)
{
    f->eof = true;
    if (f->phase == BODY && f->body.framing == HTTP_UNTIL_CLOSE) {
        body_is_whole(f);
    } else if (f->phase != CLOSING) {
        char have[SIZE_TEXT];
        give_up(f, failure(&command, "%s closed after %s, before the response was whole",
                           f->url.authority, size_text(f->received, have)));
    }
}

/* Read what is there. Returns whether the output made it stop. */
static bool receive(struct fetch *f)
{
    while (f->phase != OPENING && f->phase != FINISHED) {
        const void *bytes;
        int64_t n = hf_tcp_peek(f->network.stack, f->conn, &bytes);
        if (n == HF_EOF && !f->eof)
            end_of_stream(f);
        if (n <= 0)
            return false;
        size_t used = f->phase == HEAD   ? take_head(f, bytes, (size_t)n)
                      : f->phase == BODY ? take_body(f, bytes, (size_t)n)
                                         : (size_t)n; /* behind the body: of no interest */
        if (f->phase == FINISHED)
            return false;
        if (used == 0)
            return true;
        (void)hf_tcp_consume(f->network.stack, f->conn, used);
    }
    return false;
}

static void connection_ended(struct fetch *f)
{
    progress_clear(&f->progress);
    if (f->phase == CLOSING) {
        f->phase = FINISHED;
        return;
    }
    if (f->phase == FINISHED)
        return;
    give_up(f, failure(&command, "%s: %s", f->url.authority, hf_cause_text((int)f->ended)));
}

static void on_event(void *context, const struct hf_event *event)
{
    struct fetch *f = context;
    if (event->bits & HF_EVENT_CONNECTED && f->phase == OPENING)
        f->phase = HEAD;
    if (event->bits & HF_EVENT_ENDED)
        f->ended = event->cause;
}

/* Descriptors are only watched to end the wait: the loop looks at everything. */
static void on_ready(void *context, int descriptor, unsigned ready, uint64_t user)
{
    (void)context;
    (void)descriptor;
    (void)ready;
    (void)user;
}

static void interrupted(struct fetch *f)
{
    progress_clear(&f->progress);
    if (network_interrupts(&f->network) > 1 || f->phase == OPENING) {
        give_up(f, EXIT_INTERRUPTED);
    } else if (f->status < 0) {
        f->status = EXIT_INTERRUPTED;
        body_is_whole(f);
    }
}

static void run(struct fetch *f)
{
    while (f->phase != FINISHED) {
        bool waiting = receive(f);
        if (f->ended && !waiting)
            connection_ended(f);
        if (f->phase == CLOSING &&
            (over(&f->network, f->conn) ||
             hf_host_now(f->network.host) - f->closing_since > CLOSE_WAIT_MAX))
            f->phase = FINISHED;
        if (f->phase == FINISHED)
            break;
        if (f->phase == BODY)
            output_watch(&f->output, f->network.host, waiting);
        int status = network_step(&f->network, 200 * HF_MS);
        if (status >= 0)
            give_up(f, status);
        send_request(f);
        if (network_interrupts(&f->network))
            interrupted(f);
        if (f->phase == BODY)
            progress_show(&f->progress, hf_host_now(f->network.host), f->received, f->body.total);
    }
    progress_clear(&f->progress);
    network_flush(&f->network);
}

static int finish(struct fetch *f)
{
    if (f->status < 0)
        f->status = EXIT_FINE;
    if (out_path && f->output.descriptor > 0 && close(f->output.descriptor) < 0 &&
        f->status == EXIT_FINE)
        f->status = failure(&command, "cannot write %s: %s", out_path, strerror(errno));
    if (network_interrupts(&f->network) || (f->progress.shown && f->status == EXIT_FINE))
        network_totals(&f->network, 1);
    int bad = network_close(&f->network);
    return f->status == EXIT_FINE && bad >= 0 ? bad : f->status;
}

int get_main(int argc, char **argv)
{
    static struct fetch f;
    struct hf_endpoint remote;
    int status;
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count != 1)
        return usage_error(&command, count == 0 ? "a URL is missing" : "%s: one URL at a time",
                           count == 0 ? "" : argv[1]);
    if ((status = read_url(argv[0], &f.url)) >= 0)
        return status;
    if ((status = write_request(&f)) >= 0)
        return status;
    struct network_config config = {.on_event = on_event, .on_ready = on_ready, .context = &f};
    if ((status = network_open(&f.network, &command, &config)) >= 0)
        return status;
    f.status = -1;
    progress_begin(&f.progress, f.network.began);
    status = connect_to(&f.network, f.url.host, f.url.port, 0, &f.conn, &remote);
    if (status >= 0)
        f.status = status;
    else
        run(&f);
    return finish(&f);
}
