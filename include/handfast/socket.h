/* Handfast: sockets, in the shape that POSIX and Linux give them, over a stack.
 *
 * Each call does what the system call of its name does, for SOCK_STREAM sockets of AF_INET and
 * AF_INET6 (which also carry IPv4, by mapped addresses): it returns -1 and sets errno, to the
 * value that Linux gives. A call on a socket without O_NONBLOCK sleeps by the `wait` of the host's
 * four functions (host.h), nothing else; so sockets run in real and in virtual time alike.
 *
 * The lock is the host's, outside of all this: whoever calls, holds it. `wait` gives it up while
 * it sleeps and has it again when it returns; `kick` is called, with it held, when a call left
 * something to send; `wake` when somebody who sleeps may have what he waits for. Whoever drives
 * the stack calls hf_sockets_notice afterwards, with the lock held.
 *
 * TCP Fast Open: MSG_FASTOPEN, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE and
 * TCP_FASTOPEN_KEY do what Linux's do, as far as the stack's settings allow it; TCP_FASTOPEN_KEY reads
 * as the socket's own keys, nothing when it has none.
 *
 * Structures of the system (struct sockaddr, msghdr, iovec, pollfd, epoll_event) are the system's;
 * numbers of options and flags are Linux's. */
#ifndef HANDFAST_SOCKET_H
#define HANDFAST_SOCKET_H

#include <handfast/host.h>
#include <handfast/settings.h>
#include <handfast/stack.h>
#include <handfast/types.h>

HF_BEGIN

struct sockaddr;
struct iovec;
struct msghdr;
struct pollfd;
struct epoll_event;

/* The sockets of one stack. */
struct hf_sockets;

struct hf_sockets_config {
    uint32_t size; /* sizeof(struct hf_sockets_config)                   */
    struct hf_stack *stack;
    struct hf_host_ops ops;             /* copied                                             */
    const struct hf_settings *settings; /* the stack's, for what a new socket says of itself  */
    uint32_t notsent_low;               /* TCP_NOTSENT_LOWAT of those without; 0: none        */
    /* Where a new descriptor's number comes from, and what becomes of it at close. NULL: the
     * lowest number that is free, from 3. open returns -1 when there is none. */
    int (*open_descriptor)(void *context);
    void (*close_descriptor)(void *context, int descriptor);
    void *context;
};

/* hf_sockets_create: no sockets yet. NULL: no memory, or config is not filled in.
 * owner    the caller's, until hf_sockets_destroy */
HF_API struct hf_sockets *hf_sockets_create(const struct hf_sockets_config *config);

/* hf_sockets_destroy: forget every socket; their connections are closed. Nobody may be asleep in
 * a call. NULL is allowed. */
HF_API void hf_sockets_destroy(struct hf_sockets *sockets);

/* hf_sockets_notice: take the stack's events and tell those who wait. To be called when the stack
 * was given packets or time. */
HF_API void hf_sockets_notice(struct hf_sockets *sockets);

/* hf_sockets_own: whether a number is a descriptor of these sockets. */
HF_API int hf_sockets_own(const struct hf_sockets *sockets, int descriptor);

/* ---- Opening and closing ---- */

HF_API int hf_socket_open(struct hf_sockets *sockets, int domain, int type, int protocol);
/* SO_REUSEPORT: several sockets may be bound to one port, and one of them listens: listen on a second is
 * EADDRINUSE. There is no sharing of connections between listeners; accept from one socket in several
 * places instead. */
HF_API int hf_socket_bind(struct hf_sockets *sockets, int descriptor, const struct sockaddr *addr,
                          uint32_t addr_len);
HF_API int hf_socket_listen(struct hf_sockets *sockets, int descriptor, int backlog);
HF_API int hf_socket_accept(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                            uint32_t *addr_len, int flags);
HF_API int hf_socket_connect(struct hf_sockets *sockets, int descriptor,
                             const struct sockaddr *addr, uint32_t addr_len);
HF_API int hf_socket_shutdown(struct hf_sockets *sockets, int descriptor, int how);
HF_API int hf_socket_close(struct hf_sockets *sockets, int descriptor);
HF_API int hf_socket_local(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                           uint32_t *addr_len);
HF_API int hf_socket_peer(struct hf_sockets *sockets, int descriptor, struct sockaddr *addr,
                          uint32_t *addr_len);

/* ---- Bytes ---- */

/* recvmsg and sendmsg; the others of the family are made of them. */
HF_API int64_t hf_socket_receive(struct hf_sockets *sockets, int descriptor, struct msghdr *msg,
                                 int flags);
HF_API int64_t hf_socket_send(struct hf_sockets *sockets, int descriptor,
                              const struct msghdr *msg, int flags);

/* ---- Settings ---- */

HF_API int hf_socket_set_option(struct hf_sockets *sockets, int descriptor, int level, int name,
                                const void *value, uint32_t len);
HF_API int hf_socket_get_option(struct hf_sockets *sockets, int descriptor, int level, int name,
                                void *value, uint32_t *len);
HF_API int hf_socket_fcntl(struct hf_sockets *sockets, int descriptor, int command, int argument);
HF_API int hf_socket_ioctl(struct hf_sockets *sockets, int descriptor, unsigned long request,
                           void *argument);

/* ---- Waiting for several ---- */

/* timeout  milliseconds; negative: without end */
HF_API int hf_socket_poll(struct hf_sockets *sockets, struct pollfd *fds, unsigned long n,
                          int timeout);
HF_API int hf_epoll_create(struct hf_sockets *sockets);
HF_API int hf_epoll_control(struct hf_sockets *sockets, int epoll, int operation, int descriptor,
                            const struct epoll_event *event);
HF_API int hf_epoll_wait(struct hf_sockets *sockets, int epoll, struct epoll_event *events,
                         int room, int timeout);

HF_END
#endif
