/* What poll says of a socket, and who is told when that may have changed. The bits follow Linux's
 * tcp_poll. */
#include <sys/epoll.h>

#include "socket/sockets.h"

static uint32_t connected(struct hf_socket *s)
{
    struct hf_tcp_status status;
    uint32_t bits = 0;
    hf_socket_status(s, &status);
    uint32_t least = (uint32_t)s->options.receive_low;
    if (status.receive_ready >= least)
        bits |= EPOLLIN | EPOLLRDNORM;
    if (status.urgent_left)
        bits |= EPOLLPRI;
    if (s->shut_write || hf_room_worth_telling(s))
        bits |= EPOLLOUT | EPOLLWRNORM;
    else
        s->no_room = true;
    return bits;
}

uint32_t hf_socket_ready(struct hf_socket *s)
{
    uint32_t bits = 0;
    bool no_more = s->shut_read || s->eof || s->phase == HF_SOCKET_OVER;
    if (s->epoll)
        return hf_epoll_has_ready(s->epoll) ? EPOLLIN | EPOLLRDNORM : 0;
    if (s->phase == HF_SOCKET_LISTENING)
        return hf_socket_acceptable(s) ? EPOLLIN | EPOLLRDNORM : 0;
    if ((no_more && s->shut_write) || s->phase == HF_SOCKET_FRESH || s->phase == HF_SOCKET_OVER)
        bits |= EPOLLHUP;
    if (no_more)
        bits |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (s->phase == HF_SOCKET_CONNECTED)
        bits |= connected(s);
    else if (s->phase != HF_SOCKET_CONNECTING || s->deferred)
        bits |= EPOLLOUT | EPOLLWRNORM;
    if (s->error)
        bits |= EPOLLERR;
    return bits;
}

void hf_socket_stir(struct hf_socket *s, uint32_t bits)
{
    hf_epoll_stir(s, bits);
    s->sockets->ops.wake(s->sockets->ops.context);
}
