/* fcntl and ioctl, as far as a socket has a use for them. */
#include "socket/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

static int control(struct hf_sockets *sockets, int descriptor, int command, int argument)
{
    struct hf_socket *s = hf_descriptor_of(sockets, descriptor);
    if (!s)
        return -EBADF;
    switch (command) {
    case F_GETFL:
        return O_RDWR | (s->nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
        s->nonblocking = argument & O_NONBLOCK;
        return 0;
    case F_GETFD:
        return FD_CLOEXEC; /* no program that is started has the stack */
    case F_SETFD:
        return 0;
    default:
        return -EINVAL;
    }
}

int hf_socket_fcntl(struct hf_sockets *sockets, int descriptor, int command, int argument)
{
    return (int)hf_posix(control(sockets, descriptor, command, argument));
}

/* What is queued, our FIN with it, as Linux counts (write_seq - snd_una). */
static uint32_t queued(const struct hf_tcp_status *status)
{
    bool fin_waits = status->state == HF_FIN_WAIT_1 || status->state == HF_CLOSING ||
                     status->state == HF_LAST_ACK;
    return status->send_queued + fin_waits;
}

static int unacknowledged(const struct hf_tcp_status *status)
{
    if (status->state == HF_SYN_SENT || status->state == HF_SYN_RECEIVED)
        return 0;
    return (int)queued(status);
}

static int unsent(const struct hf_tcp_status *status)
{
    uint32_t sent = status->snd_nxt - status->snd_una;
    return queued(status) > sent ? (int)(queued(status) - sent) : 0;
}

static int request_of(struct hf_sockets *sockets, int descriptor, unsigned long request,
                      void *argument)
{
    struct hf_socket *s = hf_socket_of(sockets, descriptor);
    struct hf_tcp_status status;
    int n;
    if (!s)
        return hf_descriptor_of(sockets, descriptor) ? -ENOTTY : -EBADF;
    if (!argument)
        return -EFAULT;
    if (request == FIONBIO) {
        memcpy(&n, argument, sizeof n);
        s->nonblocking = n;
        return 0;
    }
    if (request != SIOCINQ && request != SIOCOUTQ && request != SIOCOUTQNSD)
        return -ENOTTY;
    if (s->phase == HF_SOCKET_LISTENING)
        return -EINVAL;
    hf_socket_status(s, &status);
    n = request == SIOCINQ    ? (int)status.receive_ready
        : request == SIOCOUTQ ? unacknowledged(&status)
                              : unsent(&status);
    memcpy(argument, &n, sizeof n);
    return 0;
}

int hf_socket_ioctl(struct hf_sockets *sockets, int descriptor, unsigned long request,
                    void *argument)
{
    return (int)hf_posix(request_of(sockets, descriptor, request, argument));
}
