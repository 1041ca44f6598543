/* One thread, poll, non-blocking sockets. When the last answer is sent our side closes, and what the
 * peer still sends is thrown away until it closes too, or its time is over. */
#include "http_kernel.h"
#include "interrupt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define BACKLOG 64
#define LINGER_MAX_S 10

struct visitor {
    int socket; /* -1: free                                                                  */
    struct http_session *session;
    bool closed; /* our side                                                                 */
    bool full;   /* waits for room to send                                                   */
    bool again;  /* has more to do at once                                                   */
    time_t active;
};

struct kernel_server {
    const struct kernel_config *config;
    int listener;
    struct visitor visitors[CONNECTIONS_MAX];
    size_t live;
};

static time_t seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* ---- The line ---- */

static bool later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int64_t receive(void *context, void *bytes, size_t room)
{
    struct visitor *v = context;
    ssize_t n = recv(v->socket, bytes, room, 0);
    if (n == 0)
        return HTTP_LINE_ENDED;
    return n > 0 ? n : later() ? 0 : HTTP_LINE_BROKEN;
}

static int64_t send_bytes(void *context, const void *bytes, size_t len, bool more)
{
    struct visitor *v = context;
    ssize_t n = send(v->socket, bytes, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    v->full = n < 0 && later();
    return n >= 0 ? n : v->full ? 0 : HTTP_LINE_BROKEN;
}

/* ---- Visitors ---- */

static void leave(struct kernel_server *s, struct visitor *v)
{
    http_session_end(v->session);
    (void)close(v->socket);
    memset(v, 0, sizeof *v);
    v->socket = -1;
    s->live--;
}

static void enter(struct kernel_server *s, int socket)
{
    struct visitor *v = s->visitors;
    int one = 1;
    while (v->socket >= 0)
        v++;
    v->session = http_session_begin(s->config->answer, NULL, 1);
    if (!v->session) {
        (void)close(socket);
        return;
    }
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    v->socket = socket;
    v->active = seconds_now();
    s->live++;
}

static void enter_all(struct kernel_server *s)
{
    while (s->live < s->config->connections_max) {
        int socket = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0)
            return;
        enter(s, socket);
    }
}

/* Behind our close: until the peer closes, too. */
static void read_to_end(struct kernel_server *s, struct visitor *v)
{
    char bytes[16384];
    if (receive(v, bytes, sizeof bytes) < 0)
        leave(s, v);
}

static void serve(struct kernel_server *s, struct visitor *v)
{
    static const struct http_line line = {receive, send_bytes, NULL};
    uint64_t before = http_session_progress(v->session);
    v->full = v->again = false;
    if (!v->closed) {
        enum http_turn turn = http_session_turn(v->session, &line, v);
        if (http_session_progress(v->session) != before)
            v->active = seconds_now();
        if (turn == HTTP_BROKEN) {
            leave(s, v);
            return;
        }
        v->again = turn == HTTP_AGAIN;
        if (turn == HTTP_OVER) {
            v->closed = true;
            v->active = seconds_now();
            (void)shutdown(v->socket, SHUT_WR);
        }
    }
    if (v->closed)
        read_to_end(s, v);
}

static void sweep(struct kernel_server *s)
{
    time_t now = seconds_now();
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct visitor *v = &s->visitors[i];
        if (v->socket >= 0 &&
            now - v->active >= (v->closed ? LINGER_MAX_S : s->config->idle_max_s))
            leave(s, v);
    }
}

/* ---- The loop ---- */

/* Wait for up to a second, unless somebody has more to do. A signal that comes before the wait costs that second at the most. */
static void turn(struct kernel_server *s)
{
    struct pollfd fds[CONNECTIONS_MAX + 1];
    struct visitor *who[CONNECTIONS_MAX + 1];
    nfds_t n = 1;
    int patience = 1000;
    bool room = s->live < s->config->connections_max;
    fds[0] = (struct pollfd){.fd = room ? s->listener : -1, .events = POLLIN};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct visitor *v = &s->visitors[i];
        if (v->socket < 0)
            continue;
        fds[n] = (struct pollfd){.fd = v->socket, .events = v->full ? POLLOUT : POLLIN};
        who[n++] = v;
        patience = v->again ? 0 : patience;
    }
    int ready = poll(fds, n, patience);
    for (nfds_t i = 1; i < n && ready >= 0; i++)
        if (fds[i].revents || who[i]->again)
            serve(s, who[i]);
    if (ready > 0 && fds[0].revents)
        enter_all(s);
    sweep(s);
}

static socklen_t address_of(const struct hf_endpoint *end, struct sockaddr_storage *to)
{
    struct sockaddr_in *four = (void *)to;
    struct sockaddr_in6 *six = (void *)to;
    memset(to, 0, sizeof *to);
    if (end->addr.family == HF_IPV4) {
        four->sin_family = AF_INET;
        four->sin_port = htons(end->port);
        memcpy(&four->sin_addr, end->addr.bytes, 4);
        return sizeof *four;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(end->port);
    memcpy(&six->sin6_addr, end->addr.bytes, 16);
    return sizeof *six;
}

/* Returns -1, or the exit status after an error was printed. *end: where it listens in truth. */
static int listen_at(const struct command *command, struct hf_endpoint *end, int *listener)
{
    struct sockaddr_storage address;
    socklen_t len = address_of(end, &address);
    char text[HF_ENDPOINT_TEXT];
    int one = 1;
    *listener = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*listener >= 0) {
        (void)setsockopt(*listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(*listener, (struct sockaddr *)&address, len) == 0 &&
            listen(*listener, BACKLOG) == 0 &&
            getsockname(*listener, (struct sockaddr *)&address, &len) == 0) {
            /* The port stands at the same place in both families. */
            end->port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
            return -1;
        }
    }
    int status = failure(command, "cannot listen on %s: %s", hf_endpoint_format(end, text),
                         strerror(errno));
    if (*listener >= 0)
        (void)close(*listener);
    return status;
}

int kernel_serve(const struct command *command, const struct kernel_config *config)
{
    static struct kernel_server s;
    struct hf_endpoint end = config->listen;
    char text[HF_ENDPOINT_TEXT];
    int status = listen_at(command, &end, &s.listener);
    if (status >= 0)
        return status;
    s.config = config;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        s.visitors[i].socket = -1;
    int before = interrupts();
    interrupts_catch(NULL);
    (void)fprintf(stderr, "serving %s: http://%s/\n", config->what,
                  hf_endpoint_format(&end, text));
    while (interrupts() == before)
        turn(&s);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s.visitors[i].socket >= 0)
            leave(&s, &s.visitors[i]);
    (void)close(s.listener);
    interrupts_release();
    return EXIT_FINE;
}
