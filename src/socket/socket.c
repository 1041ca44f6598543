/* From socket() to close(): what a descriptor becomes and how it ends. Orders and error values
 * follow Linux (inet_stream_connect, inet_listen, tcp_close). */
#include "socket/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static struct hf_socket *socket_or(struct hf_sockets *sockets, int descriptor, int *err)
{
    struct hf_socket *s = hf_socket_of(sockets, descriptor);
    *err = s ? 0 : hf_descriptor_of(sockets, descriptor) ? -ENOTSOCK : -EBADF;
    return s;
}

/* ---- socket ---- */

static int open_socket(struct hf_sockets *sockets, int domain, int type, int protocol)
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), err = 0;
    if (domain != AF_INET && domain != AF_INET6)
        return -EAFNOSUPPORT;
    if (kind != SOCK_STREAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != 0 && protocol != IPPROTO_TCP)
        return -EPROTONOSUPPORT;
    struct hf_socket *s = hf_descriptor_new(sockets, &err);
    if (!s)
        return err;
    s->domain = domain;
    s->nonblocking = type & SOCK_NONBLOCK;
    hf_socket_options_init(s);
    return s->descriptor;
}

int hf_socket_open(struct hf_sockets *sockets, int domain, int type, int protocol)
{
    return (int)hf_posix(open_socket(sockets, domain, type, protocol));
}

/* ---- bind ---- */

/* The family that a socket without an address listens to; NONE: both. */
static uint8_t only_family(const struct hf_socket *s)
{
    if (s->domain == AF_INET || s->any_ipv4)
        return HF_IPV4;
    return s->options.v6only ? HF_IPV6 : HF_FAMILY_NONE;
}

static bool families_meet(const struct hf_socket *s, const struct hf_endpoint *a,
                          const struct hf_socket *other, const struct hf_endpoint *b)
{
    uint8_t x = a->addr.family ? a->addr.family : only_family(s);
    uint8_t y = b->addr.family ? b->addr.family : only_family(other);
    return !x || !y || x == y;
}

static bool same_place(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port &&
           (a->addr.family == HF_FAMILY_NONE || b->addr.family == HF_FAMILY_NONE ||
            hf_addr_equal(&a->addr, &b->addr));
}

/* Two sockets may have one port when both allow it and neither listens. */
static bool in_the_way(const struct hf_socket *s, const struct hf_socket *other,
                       const struct hf_endpoint *wish)
{
    if (other == s || other->epoll || !other->bound || !same_place(&other->local, wish) ||
        !families_meet(s, wish, other, &other->local))
        return false;
    if (s->options.reuse_port && other->options.reuse_port)
        return false;
    return !s->options.reuse_address || !other->options.reuse_address ||
           other->phase == HF_SOCKET_LISTENING;
}

static bool taken(const struct hf_socket *s, const struct hf_endpoint *wish)
{
    const struct hf_sockets *sockets = s->sockets;
    for (size_t i = 0; wish->port && i < sockets->room; i++)
        if (sockets->table[i] && in_the_way(s, sockets->table[i], wish))
            return true;
    return false;
}

/* The first free port of the ephemeral range: false when there is none. */
static bool free_port(const struct hf_socket *s, struct hf_endpoint *wish)
{
    const struct hf_settings *settings = &s->sockets->settings;
    for (uint32_t port = settings->port_first; port <= settings->port_last; port++) {
        wish->port = (uint16_t)port;
        if (!taken(s, wish))
            return true;
    }
    return false;
}

static int bind_socket(struct hf_sockets *sockets, int descriptor, const struct sockaddr *addr,
                       uint32_t len)
{
    int err;
    struct hf_socket *s = socket_or(sockets, descriptor, &err);
    struct hf_endpoint wish;
    if (!err)
        err = hf_name_read(s, addr, len, &wish);
    if (err)
        return err;
    if (s->bound || s->phase != HF_SOCKET_FRESH)
        return -EINVAL;
    bool any_ipv4 = hf_name_is_any_ipv4(&wish);
    if (any_ipv4)
        wish.addr = (struct hf_addr){0};
    s->any_ipv4 = any_ipv4 && s->domain == AF_INET6;
    if (wish.addr.family && !hf_stack_has_address(sockets->stack, &wish.addr))
        err = -EADDRNOTAVAIL;
    else if (wish.port ? taken(s, &wish) : !free_port(s, &wish))
        err = -EADDRINUSE;
    if (err) {
        s->any_ipv4 = false;
        return err;
    }
    s->local = wish;
    s->bound = true;
    return 0;
}

int hf_socket_bind(struct hf_sockets *sockets, int descriptor, const struct sockaddr *addr,
                   uint32_t len)
{
    return (int)hf_posix(bind_socket(sockets, descriptor, addr, len));
}

/* ---- listen ---- */

/* The first free port of the ephemeral range, for a listener that named none. */
static int listen_anywhere(struct hf_socket *s, struct hf_listen *listen)
{
    const struct hf_settings *settings = &s->sockets->settings;
    int err = HF_ERR_EXISTS;
    for (uint32_t port = settings->port_first; port <= settings->port_last; port++) {
        listen->local.port = (uint16_t)port;
        if (taken(s, &listen->local))
            continue;
        err = hf_tcp_listen(s->sockets->stack, listen, &s->listener);
        if (err != HF_ERR_EXISTS)
            break;
    }
    return err;
}

static int listen_on(struct hf_sockets *sockets, int descriptor, int backlog)
{
    int err;
    struct hf_socket *s = socket_or(sockets, descriptor, &err);
    if (err)
        return err;
    if (s->phase == HF_SOCKET_LISTENING)
        return 0;
    if (s->phase != HF_SOCKET_FRESH)
        return -EINVAL;
    struct hf_listen listen = {.size = sizeof listen,
                               .local = s->local,
                               .user = (uint64_t)descriptor,
                               .family = only_family(s),
                               .fast_open = (uint32_t)s->options.fast_open,
                               .fast_open_no_cookie = s->options.fast_open_no_cookie};
    listen.backlog = backlog < 0 ? sockets->settings.backlog_max : (uint32_t)backlog;
    err = s->local.port ? hf_tcp_listen(sockets->stack, &listen, &s->listener)
                        : listen_anywhere(s, &listen);
    if (err)
        return err == HF_ERR_EXISTS ? -EADDRINUSE : -hf_errno_of(err);
    s->local = listen.local;
    s->bound = true;
    s->phase = HF_SOCKET_LISTENING;
    hf_socket_options_apply(s);
    hf_socket_fast_open_keys_apply(s);
    return 0;
}

int hf_socket_listen(struct hf_sockets *sockets, int descriptor, int backlog)
{
    return (int)hf_posix(listen_on(sockets, descriptor, backlog));
}

/* ---- accept ---- */

bool hf_socket_acceptable(const struct hf_socket *s)
{
    return hf_listener_waiting(s->sockets->stack, s->listener) > 0;
}

static int take(struct hf_socket *s, struct sockaddr *addr, uint32_t *len, int flags)
{
    struct hf_sockets *sockets = s->sockets;
    struct hf_tcp_status status = {.size = sizeof status};
    int err = 0;
    struct hf_socket *made = hf_descriptor_new(sockets, &err);
    if (!made)
        return err;
    made->domain = s->domain;
    made->phase = HF_SOCKET_CONNECTED;
    if (hf_tcp_accept(sockets->stack, s->listener, (uint64_t)made->descriptor, &made->conn) != 1) {
        hf_descriptor_free(made);
        return -EAGAIN;
    }
    made->told_connected = true;
    made->nonblocking = flags & SOCK_NONBLOCK;
    made->options = s->options;
    hf_socket_options_apply(made);
    hf_socket_status(made, &status);
    made->local = status.local;
    made->bound = true;
    made->eof = status.state == HF_CLOSE_WAIT;
    if (status.cause != HF_CAUSE_NONE) {
        made->phase = HF_SOCKET_OVER;
        made->error = hf_errno_of_cause(made, (enum hf_cause)status.cause);
    }
    hf_name_write(made, &status.remote, addr, len);
    hf_sockets_kick(sockets);
    return made->descriptor;
}

static int accept_on(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                     uint32_t *len, int flags)
{
    int err;
    struct hf_socket *s = socket_or(sockets, descriptor, &err);
    if (err)
        return err;
    hf_time until = hf_sockets_until(sockets, s->options.receive_timeout);
    for (;;) {
        if (s->phase != HF_SOCKET_LISTENING)
            return -EINVAL;
        if (hf_socket_acceptable(s))
            return take(s, addr, len, flags);
        if (s->nonblocking || hf_sockets_now(sockets) >= until)
            return -EAGAIN;
        err = hf_sockets_sleep(sockets, until);
        if (err)
            return err;
        s = socket_or(sockets, descriptor, &err);
        if (err)
            return err;
    }
}

int hf_socket_accept(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                     uint32_t *len, int flags)
{
    return (int)hf_posix(accept_on(sockets, descriptor, addr, len, flags));
}

/* ---- connect ---- */

int hf_socket_await_open(struct hf_socket *s, hf_time until)
{
    struct hf_sockets *sockets = s->sockets;
    int descriptor = s->descriptor;
    while (s->phase == HF_SOCKET_CONNECTING) {
        if (hf_sockets_now(sockets) >= until)
            return -EINPROGRESS;
        int err = hf_sockets_sleep(sockets, until);
        if (err)
            return err;
        if (hf_socket_of(sockets, descriptor) != s)
            return -EBADF;
    }
    return 0;
}

int hf_socket_begin_open(struct hf_socket *s, const struct hf_endpoint *remote, bool fast)
{
    struct hf_sockets *sockets = s->sockets;
    struct hf_open open = {.size = sizeof open,
                           .local = s->local,
                           .remote = *remote,
                           .user = (uint64_t)s->descriptor,
                           .tos = (uint8_t)s->options.tos};
    if (fast)
        open.fast_open = HF_OPEN_FAST | HF_OPEN_FAST_DEFER;
    if (fast && s->options.fast_open_no_cookie)
        open.fast_open |= HF_OPEN_FAST_NO_COOKIE;
    if (remote->addr.family == HF_FAMILY_NONE)
        return -ECONNREFUSED; /* this host, which has nobody there */
    int err = hf_tcp_open(sockets->stack, &open, &s->conn);
    if (err)
        return -hf_errno_of(err);
    s->phase = HF_SOCKET_CONNECTING;
    s->error = 0;
    s->eof = s->told_connected = false;
    hf_socket_options_apply(s);
    struct hf_tcp_status status;
    hf_socket_status(s, &status);
    s->local = status.local;
    hf_sockets_kick(sockets);
    return 0;
}

size_t hf_socket_syn_room(const struct hf_socket *s)
{
    int64_t room = 0;
    (void)hf_tcp_get(s->sockets->stack, s->conn, HF_OPTION_SYN_ROOM, &room);
    return (size_t)room;
}

/* AF_UNSPEC: away with the connection, and the socket is as new. */
static int disconnect(struct hf_socket *s)
{
    if (s->conn)
        (void)hf_tcp_abort(s->sockets->stack, s->conn); /* tcp_disconnect */
    s->conn = 0;
    hf_socket_drop(s);
    s->phase = HF_SOCKET_FRESH;
    s->error = 0;
    s->eof = s->shut_read = s->shut_write = s->told_connected = s->deferred = false;
    if (!s->bound)
        memset(&s->local, 0, sizeof s->local);
    hf_socket_stir(s, 0);
    return 0;
}

int hf_socket_open_result(struct hf_socket *s)
{
    if (s->phase == HF_SOCKET_CONNECTED) {
        s->told_connected = true;
        return 0;
    }
    int err = hf_socket_take_error(s);
    (void)hf_tcp_close(s->sockets->stack, s->conn);
    s->conn = 0;
    s->phase = HF_SOCKET_FRESH;
    if (!s->bound)
        memset(&s->local, 0, sizeof s->local);
    return err ? err : -ECONNABORTED;
}

static int connect_to(struct hf_sockets *sockets, int descriptor, const struct sockaddr *addr,
                      uint32_t len)
{
    int err;
    struct hf_socket *s = socket_or(sockets, descriptor, &err);
    struct hf_endpoint remote;
    if (err)
        return err;
    if (hf_name_is_unspecified(addr, len))
        return disconnect(s);
    hf_sockets_catch_up(sockets);
    bool began = false;
    if (s->phase == HF_SOCKET_FRESH) {
        err = hf_name_read(s, addr, len, &remote);
        if (!err)
            err = hf_socket_begin_open(s, &remote, s->options.fast_open_connect);
        if (err)
            return err;
        s->deferred = s->options.fast_open_connect && hf_socket_syn_room(s);
        if (s->deferred)
            return 0;
        began = true;
    } else if (s->phase == HF_SOCKET_LISTENING || s->told_connected || s->deferred) {
        return -EISCONN;
    }
    if (s->phase == HF_SOCKET_CONNECTING && s->nonblocking)
        return began ? -EINPROGRESS : -EALREADY;
    err = hf_socket_await_open(s, hf_sockets_until(sockets, s->options.send_timeout));
    return err ? err : hf_socket_open_result(s);
}

int hf_socket_connect(struct hf_sockets *sockets, int descriptor, const struct sockaddr *addr,
                      uint32_t len)
{
    return (int)hf_posix(connect_to(sockets, descriptor, addr, len));
}

/* ---- shutdown, close ---- */

/* tcp_close: without a limit of its own TCP_LINGER2 leaves FIN-WAIT-2 to the stack; a negative one
 * skips it. */
static void give_up(const struct hf_socket *s)
{
    struct hf_stack *stack = s->sockets->stack;
    struct hf_tcp_status status;
    hf_socket_status(s, &status);
    if (s->options.fin_wait_s > 0)
        (void)hf_tcp_close_within(stack, s->conn, s->options.fin_wait_s * HF_SEC);
    else if (s->options.fin_wait_s < 0 && status.state == HF_FIN_WAIT_2)
        (void)hf_tcp_abort(stack, s->conn);
    else
        (void)hf_tcp_close(stack, s->conn);
}

void hf_socket_drop(struct hf_socket *s)
{
    struct hf_stack *stack = s->sockets->stack;
    if (s->listener)
        (void)hf_listener_close(stack, s->listener);
    if (s->conn && s->options.linger && s->options.linger_s == 0)
        (void)hf_tcp_abort(stack, s->conn);
    else if (s->conn)
        give_up(s);
    s->listener = s->conn = 0;
    hf_sockets_kick(s->sockets);
}

static int shut(struct hf_sockets *sockets, int descriptor, int how)
{
    int err;
    struct hf_socket *s = socket_or(sockets, descriptor, &err);
    if (err)
        return err;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    hf_sockets_catch_up(sockets);
    if (s->phase == HF_SOCKET_FRESH || s->phase == HF_SOCKET_OVER)
        return -ENOTCONN;
    if (s->phase != HF_SOCKET_CONNECTED) {
        /* inet_shutdown: a listener that may not read, and an attempt to open, are no more. */
        if (s->phase == HF_SOCKET_CONNECTING || how != SHUT_WR)
            return disconnect(s);
        return 0;
    }
    if (how != SHUT_WR)
        s->shut_read = true;
    if (how != SHUT_RD && !s->shut_write) {
        s->shut_write = true;
        (void)hf_tcp_shutdown(sockets->stack, s->conn);
        hf_sockets_kick(sockets);
    }
    hf_socket_stir(s, 0);
    return 0;
}

int hf_socket_shutdown(struct hf_sockets *sockets, int descriptor, int how)
{
    return (int)hf_posix(shut(sockets, descriptor, how));
}

/* SO_LINGER with a time: close returns when the peer has everything, or the time is over. */
static void linger(struct hf_socket *s)
{
    struct hf_sockets *sockets = s->sockets;
    struct hf_tcp_status status;
    int descriptor = s->descriptor;
    hf_time until = hf_sockets_now(sockets) + s->options.linger_s * HF_SEC;
    (void)hf_tcp_shutdown(sockets->stack, s->conn);
    hf_sockets_kick(sockets);
    for (;;) {
        hf_socket_status(s, &status);
        bool waits = status.state == HF_FIN_WAIT_1 || status.state == HF_CLOSING ||
                     status.state == HF_LAST_ACK;
        if (!waits || hf_sockets_now(sockets) >= until)
            return;
        if (hf_sockets_sleep(sockets, until) || hf_socket_of(sockets, descriptor) != s)
            return;
    }
}

static int close_descriptor(struct hf_sockets *sockets, int descriptor)
{
    struct hf_socket *s = hf_descriptor_of(sockets, descriptor);
    if (!s)
        return -EBADF;
    hf_sockets_catch_up(sockets);
    if (s->epoll) {
        hf_epoll_forget(s);
        hf_epoll_destroy(s->epoll);
    } else {
        if (s->conn && s->options.linger && s->options.linger_s > 0 && !s->nonblocking)
            linger(s);
        hf_epoll_forget(s);
        hf_socket_drop(s);
    }
    hf_descriptor_free(s);
    sockets->ops.wake(sockets->ops.context); /* who sleeps on it finds it gone */
    return 0;
}

int hf_socket_close(struct hf_sockets *sockets, int descriptor)
{
    return (int)hf_posix(close_descriptor(sockets, descriptor));
}

/* ---- Names of the two ends ---- */

static int tell_name(struct hf_sockets *sockets, int descriptor, bool peer, struct sockaddr *addr,
                     uint32_t *len)
{
    int err;
    struct hf_socket *s = socket_or(sockets, descriptor, &err);
    struct hf_tcp_status status;
    if (err)
        return err;
    if (!addr || !len)
        return -EFAULT;
    hf_socket_status(s, &status);
    if (peer && s->phase != HF_SOCKET_CONNECTED)
        return -ENOTCONN;
    hf_name_write(s, peer ? &status.remote : &s->local, addr, len);
    return 0;
}

int hf_socket_local(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                    uint32_t *len)
{
    return (int)hf_posix(tell_name(sockets, descriptor, false, addr, len));
}

int hf_socket_peer(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                   uint32_t *len)
{
    return (int)hf_posix(tell_name(sockets, descriptor, true, addr, len));
}
