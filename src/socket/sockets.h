/* The inside of the sockets, shared by the files of this folder: one struct a socket, found by its
 * descriptor, and what may happen to it.
 *
 * Internal functions return 0 or a count, or a negative errno; errno.c turns that into what the
 * public calls return. Nothing here knows time, threads or packets but through the host's four
 * functions and the stack's public calls. */
#ifndef HF_SOCKET_SOCKETS_H
#define HF_SOCKET_SOCKETS_H

#include <handfast/socket.h>
#include <handfast/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a socket is in its life. What its connection is doing, the connection knows. */
enum hf_socket_phase {
    HF_SOCKET_FRESH = 0, /* nothing yet, or only an address                                  */
    HF_SOCKET_LISTENING,
    HF_SOCKET_CONNECTING, /* the active OPEN is under way                                     */
    HF_SOCKET_CONNECTED,
    HF_SOCKET_OVER /* the connection has ended; there may be bytes to read             */
};

/* What setsockopt has set. Zero: as a new socket has it, unless said otherwise. */
struct hf_socket_options {
    int send_buffer;    /* bytes, as getsockopt tells it; never 0                             */
    int receive_buffer; /* the same                                                           */
    bool send_buffer_set, receive_buffer_set;
    bool reuse_address, reuse_port, keepalive, nodelay, cork, v6only, report_inq, oob_inline;
    bool linger;
    int linger_s;
    int keepalive_idle_s, keepalive_interval_s, keepalive_probes; /* 0: the stack's           */
    int user_timeout_ms;
    int mss;              /* TCP_MAXSEG                                                         */
    int syn_count;        /* TCP_SYNCNT                                                         */
    int defer_repeats;    /* TCP_DEFER_ACCEPT, in repeats of the SYN+ACK                        */
    int fin_wait_s;       /* TCP_LINGER2; 0: the stack's, negative: none at all                 */
    int window_clamp;     /* TCP_WINDOW_CLAMP; 0: none                                          */
    bool acks_at_once;    /* TCP_QUICKACK                                                       */
    int fast_open;        /* TCP_FASTOPEN: connections that may wait for their third segment    */
    bool fast_open_connect, fast_open_no_cookie;
    unsigned fast_open_keys; /* TCP_FASTOPEN_KEY: how many; 0: the stack's                     */
    uint8_t fast_open_key[2][16];
    uint32_t notsent_low; /* TCP_NOTSENT_LOWAT; 0: that of all sockets                        */
    int tos, ttl;         /* 0: the stack's                                                     */
    int congestion;       /* TCP_CONGESTION: enum hf_congestion_control; 0: the stack's         */
    int receive_low;      /* SO_RCVLOWAT; never below 1                                         */
    hf_time receive_timeout, send_timeout; /* 0: none                                         */
};

struct hf_epoll;
struct hf_watch;

struct hf_socket {
    struct hf_sockets *sockets;
    int descriptor;
    int domain; /* AF_INET or AF_INET6 */
    enum hf_socket_phase phase;
    bool nonblocking;
    bool bound;
    bool any_ipv4;       /* AF_INET6 bound to ::ffff:0.0.0.0                                  */
    bool told_connected; /* connect has once returned 0 for this connection               */
    bool deferred;       /* TCP_FASTOPEN_CONNECT: the SYN waits for what is written           */
    bool eof;            /* the peer's FIN is behind what can be read                     */
    bool shut_read, shut_write;
    hf_time room_limited, room_limited_since; /* see room.c; since 0: not now                 */
    bool no_room;        /* somebody found it full: tell when it is not                   */
    uint32_t max_window; /* the largest the peer has offered, bytes                       */
    int error;           /* SO_ERROR: an errno, or 0                                      */
    struct hf_endpoint local;
    hf_listener listener;
    hf_conn conn; /* 0: none                                                          */
    struct hf_socket_options options;
    struct hf_epoll *epoll;   /* this descriptor is an epoll set, and nothing of the above     */
    struct hf_watch *watches; /* epoll sets that watch this socket                            */
};

struct hf_sockets {
    struct hf_stack *stack;
    struct hf_host_ops ops;
    struct hf_settings settings;
    uint32_t notsent_low;
    int (*open_descriptor)(void *context);
    void (*close_descriptor)(void *context, int descriptor);
    void *context;
    struct hf_socket **table; /* by descriptor */
    size_t room;
};

/* ---- sockets.c ---- */

/* NULL: no such socket (an epoll set is none). */
struct hf_socket *hf_socket_of(const struct hf_sockets *sockets, int descriptor);
/* Socket or epoll set. */
struct hf_socket *hf_descriptor_of(const struct hf_sockets *sockets, int descriptor);

/* A new descriptor of any kind. Negative errno in *error when NULL. */
struct hf_socket *hf_descriptor_new(struct hf_sockets *sockets, int *error);
/* Its number goes back, and its memory. */
void hf_descriptor_free(struct hf_socket *s);

hf_time hf_sockets_now(const struct hf_sockets *sockets);
/* The stack's time becomes now: for calls that begin or measure something. */
void hf_sockets_catch_up(struct hf_sockets *sockets);
/* The stack has something to do. */
void hf_sockets_kick(struct hf_sockets *sockets);
/* Sleep until something may have changed or `until` has come: 0, or -EDEADLK: nothing ever will. */
int hf_sockets_sleep(struct hf_sockets *sockets, hf_time until);
/* When a call with this limit gives up; 0: no limit. */
hf_time hf_sockets_until(const struct hf_sockets *sockets, hf_time limit);

/* ---- errno.c ---- */

/* -1 with errno for a negative errno, else the value. */
int64_t hf_posix(int64_t result);
/* The errno of an hf_err. */
int hf_errno_of(int err);
/* The errno of the ICMP error that the connection heard of last; 0: of none that Linux tells. */
int hf_errno_of_icmp(const struct hf_tcp_status *status);
/* The errno with which a connection's end is told; 0: an orderly one. */
int hf_errno_of_cause(const struct hf_socket *s, enum hf_cause cause);
/* SO_ERROR as a negative errno, and clear it. */
int hf_socket_take_error(struct hf_socket *s);

/* ---- names.c ---- */

/* A system's address as an endpoint, as this socket may use it: 0, -EINVAL or -EAFNOSUPPORT. */
int hf_name_read(const struct hf_socket *s, const struct sockaddr *addr, uint32_t len,
                 struct hf_endpoint *end);
/* AF_UNSPEC. */
bool hf_name_is_unspecified(const struct sockaddr *addr, uint32_t len);
/* An IPv4 address of all zero: it came mapped. */
bool hf_name_is_any_ipv4(const struct hf_endpoint *end);
/* An endpoint as this socket tells it, cut to *len; *len becomes the full length. */
void hf_name_write(const struct hf_socket *s, const struct hf_endpoint *end,
                   struct sockaddr *addr, uint32_t *len);

/* ---- options.c, info.c ---- */

void hf_socket_options_init(struct hf_socket *s);
/* Give a fresh connection, or a listener for those to come, what was set on its socket. */
void hf_socket_options_apply(struct hf_socket *s);
/* TCP_FASTOPEN_KEY, to a listener. */
void hf_socket_fast_open_keys_apply(struct hf_socket *s);
/* struct tcp_info, len bytes of it at the most; returns how many were written. */
uint32_t hf_socket_info(struct hf_socket *s, void *info, uint32_t len);
uint32_t hf_socket_cc_info(struct hf_socket *s, void *info, uint32_t len);
/* The connection's block; all zero, CLOSED, when there is none. */
void hf_socket_status(const struct hf_socket *s, struct hf_tcp_status *status);

/* ---- readiness.c ---- */

/* What poll would say: EPOLL... bits, whatever was asked for. */
uint32_t hf_socket_ready(struct hf_socket *s);
/* Something happened that these bits tell (0: anything): edges, and whoever sleeps. */
void hf_socket_stir(struct hf_socket *s, uint32_t bits);

/* ---- room.c ---- */

/* Give the connection a queue that is never shorter than what SO_SNDBUF lets in. */
void hf_room_apply(struct hf_socket *s);
/* How many bytes a writer may queue before he looks again; 0: full. */
size_t hf_room_to_write(struct hf_socket *s);
/* Whether a writer should be told that there is room. */
bool hf_room_worth_telling(struct hf_socket *s);
/* After the stack had its turn: is it SO_SNDBUF that keeps the connection from sending more? */
void hf_room_look_at_limit(struct hf_socket *s);
/* How long that was so, all times together. */
hf_time hf_room_limited(const struct hf_socket *s);

/* ---- socket.c ---- */

/* A connection waits to be accepted. */
bool hf_socket_acceptable(const struct hf_socket *s);
/* Open to there: 0, or a negative errno. fast: the SYN waits for bytes when Fast Open can take some
 * along; hf_socket_syn_room tells how many. */
int hf_socket_begin_open(struct hf_socket *s, const struct hf_endpoint *remote, bool fast);
size_t hf_socket_syn_room(const struct hf_socket *s);
/* Wait until an active OPEN has come to its end: 0, or a negative errno. */
int hf_socket_await_open(struct hf_socket *s, hf_time until);
/* How it went, as connect tells it; what failed is gone. */
int hf_socket_open_result(struct hf_socket *s);
/* Give up connection and listener. */
void hf_socket_drop(struct hf_socket *s);

/* ---- epoll.c ---- */

/* Sockets that set watches see this; bits 0: anything. */
void hf_epoll_stir(struct hf_socket *s, uint32_t bits);
/* The socket is gone: no set watches it. */
void hf_epoll_forget(struct hf_socket *s);
void hf_epoll_destroy(struct hf_epoll *epoll);
/* Whether something is ready in a set. */
bool hf_epoll_has_ready(struct hf_epoll *epoll);

#endif
