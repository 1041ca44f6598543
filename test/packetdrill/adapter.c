/* handfast-pd.so: the table that packetdrill calls. Each entry takes the lock, makes the call on
 * the sockets or the clock, and gives the lock back. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapter.h"
#include "interface.h"

/* Any time that is large: packetdrill subtracts from it. */
#define START (1000000 * HF_SEC)
/* How long a packet is waited for. */
#define PACKET_WAIT_MAX (200 * HF_SEC)

__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct pd_interface *table);

static struct pd *instance;

struct pd *pd_instance(void)
{
    return instance;
}

/* Run `call` with the lock, into `result`; errno lives through it. */
#define LOCKED(result, call)                                                                     \
    do {                                                                                         \
        pd_enter(pd);                                                                            \
        (result) = (call);                                                                       \
        after_call(pd);                                                                          \
        pd_leave(pd);                                                                            \
    } while (0)

static void after_call(struct pd *pd)
{
    int saved = errno;
    pd_packets_out(pd);
    hf_sockets_notice(pd->sockets);
    errno = saved;
}

/* ---- Sockets ---- */

static int on_socket(void *userdata, int domain, int type, int protocol)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_open(pd->sockets, domain, type, protocol));
    return result;
}

/* The address in a name, mapped ones as IPv4; NONE for the unspecified. */
static void address_of(const struct sockaddr *addr, socklen_t len, struct hf_addr *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t none[16];
    const uint8_t *bytes = (const uint8_t *)addr;
    memset(out, 0, sizeof *out);
    if (len >= 16 && addr->sa_family == AF_INET && memcmp(bytes + 4, none, 4) != 0) {
        out->family = HF_IPV4;
        memcpy(out->bytes, bytes + 4, 4);
    } else if (len >= 28 && addr->sa_family == AF_INET6 && memcmp(bytes + 8, none, 16) != 0) {
        bool v4 = memcmp(bytes + 8, mapped, sizeof mapped) == 0;
        out->family = v4 ? HF_IPV4 : HF_IPV6;
        memcpy(out->bytes, bytes + (v4 ? 20 : 8), v4 ? 4 : 16);
    }
}

/* Scripts bind to the address that packetdrill was told: it is ours, whatever local= said. */
static int on_bind(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct pd *pd = userdata;
    struct hf_addr local;
    int result;
    pd_enter(pd);
    address_of(addr, len, &local);
    if (local.family && !hf_addr_equal(&local, &pd->flags.local) &&
        pd_add_address(pd, &local) == HF_OK)
        pd->flags.local = local;
    result = hf_socket_bind(pd->sockets, fd, addr, len);
    pd_leave(pd);
    return result;
}

static int on_listen(void *userdata, int fd, int backlog)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_listen(pd->sockets, fd, backlog));
    return result;
}

static int on_accept(void *userdata, int fd, struct sockaddr *addr, socklen_t *len)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_accept(pd->sockets, fd, addr, len, 0));
    return result;
}

static int on_connect(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_connect(pd->sockets, fd, addr, len));
    return result;
}

static int on_close(void *userdata, int fd)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_close(pd->sockets, fd));
    return result;
}

static int on_shutdown(void *userdata, int fd, int how)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_shutdown(pd->sockets, fd, how));
    return result;
}

/* ---- Bytes ---- */

static ssize_t on_recvmsg(void *userdata, int fd, struct msghdr *msg, int flags)
{
    struct pd *pd = userdata;
    int64_t result;
    LOCKED(result, hf_socket_receive(pd->sockets, fd, msg, flags));
    return (ssize_t)result;
}

static ssize_t receive_pieces(void *userdata, int fd, const struct iovec *pieces, size_t count,
                              int flags)
{
    struct msghdr msg = {.msg_iovlen = count};
    memcpy(&msg.msg_iov, &pieces, sizeof pieces); /* the field has no const */
    return on_recvmsg(userdata, fd, &msg, flags);
}

static ssize_t on_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
    struct iovec piece = {buf, len};
    return receive_pieces(userdata, fd, &piece, 1, flags);
}

static ssize_t on_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags,
                           struct sockaddr *addr, socklen_t *addr_len)
{
    (void)addr;
    if (addr_len)
        *addr_len = 0; /* a stream tells no sender */
    return on_recv(userdata, fd, buf, len, flags);
}

static ssize_t on_read(void *userdata, int fd, void *buf, size_t len)
{
    return on_recv(userdata, fd, buf, len, 0);
}

static ssize_t on_readv(void *userdata, int fd, const struct iovec *pieces, int count)
{
    if (count < 0) {
        errno = EINVAL;
        return -1;
    }
    return receive_pieces(userdata, fd, pieces, (size_t)count, 0);
}

static ssize_t on_sendmsg(void *userdata, int fd, const struct msghdr *msg, int flags)
{
    struct pd *pd = userdata;
    int64_t result;
    LOCKED(result, hf_socket_send(pd->sockets, fd, msg, flags));
    return (ssize_t)result;
}

static ssize_t on_sendto(void *userdata, int fd, const void *buf, size_t len, int flags,
                         const struct sockaddr *addr, socklen_t addr_len)
{
    struct iovec piece = {.iov_len = len};
    struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1, .msg_namelen = addr_len};
    memcpy(&piece.iov_base, &buf, sizeof buf);
    memcpy(&msg.msg_name, &addr, sizeof addr);
    return on_sendmsg(userdata, fd, &msg, flags);
}

static ssize_t on_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
    return on_sendto(userdata, fd, buf, len, flags, NULL, 0);
}

static ssize_t on_write(void *userdata, int fd, const void *buf, size_t len)
{
    return on_send(userdata, fd, buf, len, 0);
}

static ssize_t on_writev(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr msg = {.msg_iovlen = (size_t)count};
    if (count < 0) {
        errno = EINVAL;
        return -1;
    }
    memcpy(&msg.msg_iov, &pieces, sizeof pieces);
    return on_sendmsg(userdata, fd, &msg, 0);
}

/* ---- Settings ---- */

static int on_fcntl(void *userdata, int fd, int command, ...)
{
    struct pd *pd = userdata;
    va_list arguments;
    int result, argument = 0;
    va_start(arguments, command);
    if (command == F_SETFL || command == F_SETFD)
        argument = va_arg(arguments, int);
    va_end(arguments);
    LOCKED(result, hf_socket_fcntl(pd->sockets, fd, command, argument));
    return result;
}

static int on_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    struct pd *pd = userdata;
    va_list arguments;
    int result;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    LOCKED(result, hf_socket_ioctl(pd->sockets, fd, request, argument));
    return result;
}

static int on_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_get_option(pd->sockets, fd, level, name, value, len));
    return result;
}

static int on_setsockopt(void *userdata, int fd, int level, int name, const void *value,
                         socklen_t len)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_set_option(pd->sockets, fd, level, name, value, len));
    return result;
}

/* ---- Waiting ---- */

static int on_poll(void *userdata, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_socket_poll(pd->sockets, fds, n, timeout_ms));
    return result;
}

static int on_epoll_create(void *userdata, int size)
{
    struct pd *pd = userdata;
    int result;
    if (size <= 0) {
        errno = EINVAL;
        return -1;
    }
    LOCKED(result, hf_epoll_create(pd->sockets));
    return result;
}

static int on_epoll_ctl(void *userdata, int epoll, int operation, int fd,
                        struct epoll_event *event)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_epoll_control(pd->sockets, epoll, operation, fd, event));
    return result;
}

static int on_epoll_wait(void *userdata, int epoll, struct epoll_event *events, int room,
                         int timeout_ms)
{
    struct pd *pd = userdata;
    int result;
    LOCKED(result, hf_epoll_wait(pd->sockets, epoll, events, room, timeout_ms));
    return result;
}

/* ---- What there is none of ---- */

static int on_pipe(void *userdata, int ends[2])
{
    (void)userdata;
    (void)ends;
    errno = ENOSYS;
    return -1;
}

static int on_splice(void *userdata, int in, loff_t *in_offset, int out, loff_t *out_offset,
                     size_t len, unsigned flags)
{
    (void)userdata;
    (void)in;
    (void)in_offset;
    (void)out;
    (void)out_offset;
    (void)len;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

/* ---- Packets and time ---- */

static int on_netdev_send(void *userdata, const void *packet, size_t len)
{
    struct pd *pd = userdata;
    pd_enter(pd);
    pd_packet_in(pd, packet, len);
    pd_leave(pd);
    return 0;
}

static int on_netdev_receive(void *userdata, void *packet, size_t *len, long long *time_us)
{
    struct pd *pd = userdata;
    pd_enter(pd);
    pd_settle(pd);
    hf_time limit = pd->now + PACKET_WAIT_MAX;
    struct pd_packet *taken = pd_packet_take(pd);
    while (!taken && pd_next_timer(pd, limit)) {
        pd_settle(pd); /* who was woken by it may send, too */
        taken = pd_packet_take(pd);
    }
    size_t n = taken && taken->len <= *len ? taken->len : 0;
    if (n)
        memcpy(packet, taken->bytes, n);
    *len = n;
    *time_us = (taken ? taken->sent_at : pd->now) / HF_US;
    free(taken);
    pd_leave(pd);
    return 0;
}

static int on_usleep(void *userdata, useconds_t us)
{
    struct pd *pd = userdata;
    pd_enter(pd);
    pd_advance(pd, pd->now + us * HF_US);
    pd_settle(pd);
    pd_let_finish(pd);
    pd_leave(pd);
    return 0;
}

static int on_gettimeofday(void *userdata, struct timeval *time, struct timezone *zone)
{
    struct pd *pd = userdata;
    (void)zone;
    pd_enter(pd);
    hf_time us = pd_tell_time(pd) / HF_US;
    time->tv_sec = (time_t)(us / 1000000);
    time->tv_usec = (suseconds_t)(us % 1000000);
    pd_leave(pd);
    return 0;
}

/* ---- Beginning and end ---- */

/* Real descriptors: packetdrill closes by itself what the script left open. */
static int open_descriptor(void *context)
{
    (void)context;
    return eventfd(0, EFD_CLOEXEC);
}

static void close_descriptor(void *context, int descriptor)
{
    const struct pd *pd = context;
    if (!pd->closing)
        (void)close(descriptor);
}

static void on_free(void *userdata)
{
    struct pd *pd = userdata;
    pd_enter(pd);
    if (pd->flags.report_left)
        (void)printf("left=%d\n", pd->left < 0 ? (int)pd->queued : pd->left);
    instance = NULL;
    pd->closing = true;
    hf_sockets_destroy(pd->sockets);
    hf_stack_destroy(pd->stack);
    pd_packets_drop(pd);
    pd_leave(pd);
    (void)pthread_cond_destroy(&pd->changed);
    (void)pthread_mutex_destroy(&pd->lock);
    free(pd);
}

_Noreturn static void fail(const char *what, int err)
{
    (void)fprintf(stderr, "handfast-pd: %s: %s\n", what, hf_err_text(err));
    exit(1);
}

static void create_stack(struct pd *pd)
{
    struct hf_stack_config config;
    int err = HF_OK;
    hf_stack_config_init(&config);
    config.settings = pd->flags.settings;
    config.allocator = hf_host_allocator();
    config.now = pd->now;
    hf_host_seed_expand(1, config.seed); /* the same run every time */
    pd->stack = hf_stack_create(&config, &err);
    if (!pd->stack)
        fail("cannot make a stack", err);
    if (pd->flags.fast_open_key_given)
        (void)hf_stack_fast_open_keys(pd->stack, (const uint8_t(*)[16])pd->flags.fast_open_key, 1);
    struct hf_link_config link = {.size = sizeof link, .mtu = pd->flags.mtu};
    pd->link = hf_stack_add_link(pd->stack, &link);
    if (pd->link < 0)
        fail("cannot add a link (flag mtu=)", pd->link);
    struct hf_addr any = {.family = HF_IPV4};
    (void)hf_stack_add_route(pd->stack, pd->link, &any, 0);
    any.family = HF_IPV6;
    (void)hf_stack_add_route(pd->stack, pd->link, &any, 0);
    if (pd->flags.local.family) {
        err = pd_add_address(pd, &pd->flags.local);
        if (err != HF_OK)
            fail("cannot take the address of the flag local=", err);
    }
}

static void create_sockets(struct pd *pd)
{
    struct hf_sockets_config config = {
        .size = sizeof config,
        .stack = pd->stack,
        .ops = pd_host_ops(pd),
        .settings = &pd->flags.settings,
        .notsent_low = pd->flags.notsent_low,
        .open_descriptor = open_descriptor,
        .close_descriptor = close_descriptor,
        .context = pd,
    };
    pd->sockets = hf_sockets_create(&config);
    if (!pd->sockets)
        fail("cannot make sockets", HF_ERR_MEMORY);
}

void packetdrill_interface_init(const char *flags, struct pd_interface *table)
{
    struct pd *pd = calloc(1, sizeof *pd);
    if (!pd)
        fail("cannot begin", HF_ERR_MEMORY);
    (void)pthread_mutex_init(&pd->lock, NULL);
    (void)pthread_cond_init(&pd->changed, NULL);
    pd->main_thread = pthread_self();
    pd->main_id = (pid_t)syscall(SYS_gettid);
    pd->now = START;
    pd->queue_end = &pd->queue;
    pd->left = -1;
    pd_flags_read(flags, &pd->flags);
    create_stack(pd);
    create_sockets(pd);
    instance = pd;
    *table = (struct pd_interface){
        .userdata = pd,
        .free = on_free,
        .socket = on_socket,
        .bind = on_bind,
        .listen = on_listen,
        .accept = on_accept,
        .connect = on_connect,
        .read = on_read,
        .readv = on_readv,
        .recv = on_recv,
        .recvfrom = on_recvfrom,
        .recvmsg = on_recvmsg,
        .write = on_write,
        .writev = on_writev,
        .send = on_send,
        .sendto = on_sendto,
        .sendmsg = on_sendmsg,
        .fcntl = on_fcntl,
        .ioctl = on_ioctl,
        .close = on_close,
        .shutdown = on_shutdown,
        .getsockopt = on_getsockopt,
        .setsockopt = on_setsockopt,
        .poll = on_poll,
        .netdev_send = on_netdev_send,
        .netdev_receive = on_netdev_receive,
        .usleep = on_usleep,
        .gettimeofday = on_gettimeofday,
        .epoll_create = on_epoll_create,
        .epoll_ctl = on_epoll_ctl,
        .epoll_wait = on_epoll_wait,
        .pipe = on_pipe,
        .splice = on_splice,
    };
}
