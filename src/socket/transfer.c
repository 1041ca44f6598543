/* Bytes in and out: recvmsg and sendmsg, of which read, recv, write, send and the rest are made.
 * What comes first when several things could be said (bytes, an error, the end) follows Linux's
 * tcp_recvmsg and tcp_sendmsg. */
#include "socket/sockets.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define IOV_MAX_PIECES 1024 /* UIO_MAXIOV of Linux */

/* A place in an array of pieces. */
struct cursor {
    const struct iovec *piece;
    size_t pieces; /* left, with this one */
    size_t used;   /* of this one */
};

static int total(const struct msghdr *msg, size_t *bytes)
{
    *bytes = 0;
    if (msg->msg_iovlen > IOV_MAX_PIECES)
        return -EMSGSIZE;
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        size_t len = msg->msg_iov[i].iov_len;
        if (len > (size_t)INT64_MAX - *bytes)
            return -EINVAL;
        if (len && !msg->msg_iov[i].iov_base)
            return -EFAULT;
        *bytes += len;
    }
    return 0;
}

/* The next run of bytes; 0 at the end. */
static size_t run_of(struct cursor *at, uint8_t **bytes)
{
    while (at->pieces && at->used == at->piece->iov_len) {
        at->piece++;
        at->pieces--;
        at->used = 0;
    }
    if (!at->pieces)
        return 0;
    *bytes = (uint8_t *)at->piece->iov_base + at->used;
    return at->piece->iov_len - at->used;
}

/* ---- Receiving ---- */

/* Bytes that are there, into the pieces: how many; else what hf_tcp_recv said (0, HF_EOF, error).
 * peek: they stay, and the first `seen` were looked at before. */
static int64_t fill(struct hf_socket *s, struct cursor *at, bool peek, size_t seen)
{
    struct hf_stack *stack = s->sockets->stack;
    int64_t sum = 0;
    uint8_t *room;
    for (size_t len = run_of(at, &room); len; len = run_of(at, &room)) {
        int64_t n = peek ? hf_tcp_copy(stack, s->conn, seen + (size_t)sum, room, len)
                         : hf_tcp_recv(stack, s->conn, room, len);
        if (n <= 0)
            return sum ? sum : n;
        at->used += (size_t)n;
        sum += n;
    }
    return sum;
}

/* MSG_TRUNC: the bytes are thrown away. */
static int64_t discard(struct hf_socket *s, size_t want)
{
    struct hf_stack *stack = s->sockets->stack;
    int64_t sum = 0;
    while (want) {
        const void *bytes;
        int64_t n = hf_tcp_peek(stack, s->conn, &bytes);
        if (n <= 0)
            return sum ? sum : n;
        size_t part = want < (size_t)n ? want : (size_t)n;
        (void)hf_tcp_consume(stack, s->conn, part);
        want -= part;
        sum += (int64_t)part;
    }
    return sum;
}

/* How it stands when there are no bytes: 1: wait for some; 0: the end; or a negative errno. */
static int nothing(struct hf_socket *s)
{
    if (s->error)
        return hf_socket_take_error(s);
    if (s->shut_read || s->eof)
        return 0;
    if (s->phase == HF_SOCKET_OVER)
        return 0;
    if (s->phase == HF_SOCKET_FRESH || s->phase == HF_SOCKET_LISTENING)
        return -ENOTCONN;
    return 1;
}

static void tell_inq(struct hf_socket *s, struct msghdr *msg, size_t room)
{
    struct hf_tcp_status status;
    msg->msg_controllen = 0;
    if (!s->options.report_inq || !msg->msg_control || room < CMSG_SPACE(sizeof(int)))
        return;
    hf_socket_status(s, &status);
    int bytes = (int)status.receive_ready;
    if (!bytes && (s->eof || s->phase == HF_SOCKET_OVER))
        bytes = 1; /* tcp_inq_hint: there is something to read, the end */
    struct cmsghdr head = {
        .cmsg_len = CMSG_LEN(sizeof bytes), .cmsg_level = IPPROTO_TCP, .cmsg_type = TCP_CM_INQ};
    memset(msg->msg_control, 0, CMSG_SPACE(sizeof bytes));
    memcpy(msg->msg_control, &head, sizeof head);
    memcpy((uint8_t *)msg->msg_control + CMSG_LEN(0), &bytes, sizeof bytes);
    msg->msg_controllen = CMSG_SPACE(sizeof bytes);
}

static int64_t receive(struct hf_sockets *sockets, int descriptor, struct msghdr *msg, int flags)
{
    struct hf_socket *s = hf_socket_of(sockets, descriptor);
    size_t want;
    if (!s)
        return hf_descriptor_of(sockets, descriptor) ? -EINVAL : -EBADF;
    if (flags & MSG_OOB)
        return -EINVAL;
    int err = total(msg, &want);
    if (err)
        return err;
    struct cursor at = {msg->msg_iov, msg->msg_iovlen, 0};
    bool again = !s->nonblocking && !(flags & MSG_DONTWAIT), peek = flags & MSG_PEEK;
    size_t least = flags & MSG_WAITALL ? want : (size_t)s->options.receive_low;
    hf_time until = hf_sockets_until(sockets, s->options.receive_timeout);
    size_t control_room = msg->msg_controllen;
    int64_t sum = 0;
    for (;;) {
        int64_t n = 0;
        if (s->conn && !(s->shut_read && s->phase != HF_SOCKET_CONNECTED))
            n = flags & MSG_TRUNC && !peek ? discard(s, want - (size_t)sum)
                                          : fill(s, &at, peek, (size_t)sum);
        if (n > 0) {
            sum += n;
            if (!peek)
                hf_sockets_kick(sockets);
        }
        if ((size_t)sum == want || (sum && (size_t)sum >= least))
            break;
        int64_t how = nothing(s);
        if (how <= 0) {
            sum = sum ? sum : how;
            break;
        }
        if (!again || hf_sockets_now(sockets) >= until) {
            sum = sum ? sum : -EAGAIN;
            break;
        }
        err = hf_sockets_sleep(sockets, until);
        if (err || hf_socket_of(sockets, descriptor) != s)
            return sum ? sum : err ? err : -EBADF;
    }
    msg->msg_flags = 0;
    if (sum >= 0) {
        msg->msg_namelen = 0;
        tell_inq(s, msg, control_room);
    }
    return sum;
}

int64_t hf_socket_receive(struct hf_sockets *sockets, int descriptor, struct msghdr *msg,
                          int flags)
{
    return hf_posix(receive(sockets, descriptor, msg, flags));
}

/* ---- Sending ---- */

/* Why a writer may not write: 0 or a negative errno. */
static int may_write(struct hf_socket *s)
{
    if (s->error)
        return hf_socket_take_error(s);
    if (s->shut_write || s->phase != HF_SOCKET_CONNECTED)
        return -EPIPE;
    return 0;
}

/* As many bytes as there is room for now: left is what the call has still to write, and the most. */
static int64_t put(struct hf_socket *s, struct cursor *at, size_t left, unsigned more)
{
    struct hf_stack *stack = s->sockets->stack;
    size_t room = hf_room_to_write(s), sum = 0;
    if (room > left)
        room = left;
    uint8_t *bytes;
    for (size_t len = run_of(at, &bytes); len && sum < room; len = run_of(at, &bytes)) {
        size_t part = len < room - sum ? len : room - sum;
        bool last = part == left - sum;
        int64_t n = hf_tcp_send(stack, s->conn, bytes, part, last ? more : HF_SEND_MORE);
        if (n < 0)
            return sum ? (int64_t)sum : -hf_errno_of((int)n);
        at->used += (size_t)n;
        sum += (size_t)n;
        if ((size_t)n < part)
            break;
    }
    return (int64_t)sum;
}

/* ---- Fast Open: tcp_sendmsg_fastopen ---- */

/* Let there be a connection whose SYN can take bytes along: 0, also when there is one already. */
static int open_fast(struct hf_socket *s, const struct msghdr *msg)
{
    struct hf_endpoint remote;
    uint32_t len = (uint32_t)msg->msg_namelen;
    if (!(s->sockets->settings.fast_open & HF_FAST_OPEN_CLIENT) ||
        hf_name_is_unspecified(msg->msg_name, len))
        return -EOPNOTSUPP;
    if (s->phase == HF_SOCKET_FRESH) {
        int err = msg->msg_name ? hf_name_read(s, msg->msg_name, len, &remote) : -EINVAL;
        return err ? err : hf_socket_begin_open(s, &remote, true);
    }
    return s->phase == HF_SOCKET_LISTENING || s->told_connected ? -EISCONN : 0;
}

/* With MSG_FASTOPEN, and after a connect that was put off: the bytes that go with the SYN, and who may
 * wait waits for its answer. How many bytes were queued, or a negative errno. */
static int64_t transmit_fast(struct hf_socket *s, const struct msghdr *msg, struct cursor *at,
                             size_t want, unsigned more, bool again, hf_time until)
{
    bool began = s->phase == HF_SOCKET_FRESH || s->deferred;
    int64_t sum = 0;
    int err = open_fast(s, msg);
    if (err)
        return err;
    if (began) {
        size_t room = hf_socket_syn_room(s), n = again || want < room ? want : room;
        s->deferred = false;
        sum = n ? put(s, at, n, more) : hf_tcp_send(s->sockets->stack, s->conn, "", 0, 0);
        if (sum < 0)
            return sum;
        hf_sockets_kick(s->sockets);
    }
    if (s->phase == HF_SOCKET_CONNECTING) {
        err = again ? hf_socket_await_open(s, until) : began ? -EINPROGRESS : -EALREADY;
        if (err)
            return sum && err == -EINPROGRESS ? sum : err;
    }
    err = hf_socket_open_result(s);
    return err ? err : sum;
}

static int64_t transmit(struct hf_sockets *sockets, int descriptor, const struct msghdr *msg,
                        int flags)
{
    struct hf_socket *s = hf_socket_of(sockets, descriptor);
    size_t want;
    if (!s)
        return hf_descriptor_of(sockets, descriptor) ? -EINVAL : -EBADF;
    int err = total(msg, &want);
    if (err)
        return err;
    struct cursor at = {msg->msg_iov, msg->msg_iovlen, 0};
    bool again = !s->nonblocking && !(flags & MSG_DONTWAIT);
    hf_sockets_catch_up(sockets);
    hf_time until = hf_sockets_until(sockets, s->options.send_timeout);
    unsigned more =
        (flags & MSG_MORE ? HF_SEND_MORE : 0) | (flags & MSG_OOB ? HF_SEND_URGENT : 0) |
        (flags & MSG_EOR ? HF_SEND_RECORD : 0);
    int64_t sum = 0;
    if (flags & MSG_FASTOPEN || s->deferred) {
        sum = transmit_fast(s, msg, &at, want, more, again, until);
        if (sum < 0 || (size_t)sum == want || s->phase == HF_SOCKET_CONNECTING)
            return sum;
    } else if (s->phase == HF_SOCKET_CONNECTING) {
        err = again ? hf_socket_await_open(s, until) : -EAGAIN;
        if (err)
            return err == -EINPROGRESS ? -EAGAIN : err;
    }
    for (;;) {
        err = may_write(s);
        if (err)
            return sum ? sum : err;
        int64_t n = put(s, &at, want - (size_t)sum, more);
        if (n < 0)
            return sum ? sum : n;
        sum += n;
        hf_sockets_kick(sockets);
        if ((size_t)sum == want)
            return sum;
        if (n > 0)
            continue;
        s->no_room = true;
        if (!again || hf_sockets_now(sockets) >= until)
            return sum ? sum : -EAGAIN;
        err = hf_sockets_sleep(sockets, until);
        if (err || hf_socket_of(sockets, descriptor) != s)
            return sum ? sum : err ? err : -EBADF;
        hf_sockets_catch_up(sockets);
    }
}

int64_t hf_socket_send(struct hf_sockets *sockets, int descriptor, const struct msghdr *msg,
                       int flags)
{
    return hf_posix(transmit(sockets, descriptor, msg, flags));
}
