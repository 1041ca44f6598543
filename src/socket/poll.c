/* poll: ask every descriptor, and sleep until one has an answer. */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "socket/sockets.h"

static int ask(struct hf_sockets *sockets, struct pollfd *fds, unsigned long n)
{
    int ready = 0;
    for (unsigned long i = 0; i < n; i++) {
        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        struct hf_socket *s = hf_descriptor_of(sockets, fds[i].fd);
        /* The bits of poll and epoll are the same on Linux. */
        uint32_t asked = (uint16_t)fds[i].events | EPOLLERR | EPOLLHUP;
        fds[i].revents = s ? (short)(hf_socket_ready(s) & asked) : POLLNVAL;
        ready += fds[i].revents != 0;
    }
    return ready;
}

static int wait_for(struct hf_sockets *sockets, struct pollfd *fds, unsigned long n, int timeout)
{
    hf_time until = timeout < 0 ? HF_NEVER : hf_sockets_now(sockets) + timeout * HF_MS;
    if (n && !fds)
        return -EFAULT;
    for (;;) {
        int ready = ask(sockets, fds, n);
        if (ready || timeout == 0 || hf_sockets_now(sockets) >= until)
            return ready;
        int err = hf_sockets_sleep(sockets, until);
        if (err)
            return err;
    }
}

int hf_socket_poll(struct hf_sockets *sockets, struct pollfd *fds, unsigned long n, int timeout)
{
    return (int)hf_posix(wait_for(sockets, fds, n, timeout));
}
