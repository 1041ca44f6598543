/* setsockopt and getsockopt. What is set is kept on the socket, given to the connection when there
 * is one, and inherited by what a listener accepts. Limits and doublings are Linux's (man 7 socket,
 * tcp, ip). */
#include "socket/sockets.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SEND_BUFFER_MIN 4608    /* SOCK_MIN_SNDBUF */
#define RECEIVE_BUFFER_MIN 2304 /* SOCK_MIN_RCVBUF */
#define BUFFER_MAX (1 << 29)
#define MSS_MIN 88            /* TCP_MIN_MSS */
#define MSS_MAX 32767         /* MAX_TCP_WINDOW */
#define MSS_DEFAULT 536       /* TCP_MSS_DEFAULT */
#define KEEPALIVE_S_MAX 32767 /* MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL */
#define SYN_COUNT_MAX 127     /* MAX_TCP_SYNCNT */
#define NAME_MAX_CC 16        /* TCP_CA_NAME_MAX */
#define FIN_WAIT_S_MAX 120    /* TCP_FIN_TIMEOUT_MAX */
#define DEFER_REPEATS_MAX 15

void hf_socket_options_init(struct hf_socket *s)
{
    const struct hf_settings *settings = &s->sockets->settings;
    s->options.send_buffer = (int)settings->snd_buffer;
    s->options.receive_buffer = 2 * (int)settings->rcv_buffer;
    s->options.receive_low = 1;
}

/* ---- To the connection ---- */

static void give(struct hf_socket *s, enum hf_option option, int64_t value)
{
    if (s->conn)
        (void)hf_tcp_set(s->sockets->stack, s->conn, option, value);
    if (s->listener)
        (void)hf_listener_set(s->sockets->stack, s->listener, option, value);
}

/* Half of a receive buffer is window, the rest is for what surrounds the bytes (tcp_adv_win_scale).
 * Who sets one has it stay so. TCP_WINDOW_CLAMP is a bound beside it. */
static void give_receive_buffer(struct hf_socket *s)
{
    const struct hf_socket_options *o = &s->options;
    int window = o->receive_buffer_set ? o->receive_buffer / 2 : 0;
    if (o->window_clamp && (!window || o->window_clamp < window))
        window = o->window_clamp;
    give(s, HF_OPTION_RCV_BUFFER, window);
}

/* What SO_RCVBUF says: what was set, or what the connection's has grown to. */
static int receive_buffer(struct hf_socket *s)
{
    int64_t window;
    if (s->options.receive_buffer_set || !s->conn ||
        hf_tcp_get(s->sockets->stack, s->conn, HF_OPTION_RCV_BUFFER, &window) != HF_OK)
        return s->options.receive_buffer;
    return 2 * (int)window;
}

static void give_if(struct hf_socket *s, enum hf_option option, int64_t value)
{
    if (value)
        give(s, option, value);
}

void hf_socket_options_apply(struct hf_socket *s)
{
    const struct hf_socket_options *o = &s->options;
    hf_room_apply(s);
    if (o->receive_buffer_set || o->window_clamp)
        give_receive_buffer(s);
    give_if(s, HF_OPTION_DEFER_ACCEPT, o->defer_repeats);
    if (o->acks_at_once)
        give(s, HF_OPTION_DELACK, 0);
    give_if(s, HF_OPTION_KEEPALIVE_IDLE, o->keepalive_idle_s * HF_SEC);
    give_if(s, HF_OPTION_KEEPALIVE_INTERVAL, o->keepalive_interval_s * HF_SEC);
    give_if(s, HF_OPTION_KEEPALIVE_PROBES, o->keepalive_probes);
    give_if(s, HF_OPTION_KEEPALIVE, o->keepalive);
    give_if(s, HF_OPTION_NODELAY, o->nodelay);
    give_if(s, HF_OPTION_CORK, o->cork);
    give_if(s, HF_OPTION_USER_TIMEOUT, o->user_timeout_ms * HF_MS);
    give_if(s, HF_OPTION_TOS, o->tos);
    give_if(s, HF_OPTION_TTL, o->ttl);
    give_if(s, HF_OPTION_MSS, o->mss);
    give_if(s, HF_OPTION_CONGESTION, o->congestion);
    give_if(s, HF_OPTION_SYN_RETRIES, o->syn_count);
}

void hf_socket_fast_open_keys_apply(struct hf_socket *s)
{
    const uint8_t(*keys)[16] = (const uint8_t(*)[16])s->options.fast_open_key;
    if (s->listener)
        (void)hf_listener_fast_open_keys(s->sockets->stack, s->listener, keys,
                                         s->options.fast_open_keys);
}

void hf_socket_status(const struct hf_socket *s, struct hf_tcp_status *status)
{
    memset(status, 0, sizeof *status);
    status->size = sizeof *status;
    if (!s->conn || hf_tcp_status(s->sockets->stack, s->conn, status) != HF_OK)
        status->state = s->phase == HF_SOCKET_LISTENING ? HF_LISTEN : HF_CLOSED;
}

/* ---- Setting ---- */

/* Numbers: 0 and *n, or -EINVAL when there are not enough bytes. */
static int number(const void *value, uint32_t len, int *n)
{
    if (!value)
        return -EFAULT;
    if (len < sizeof *n)
        return -EINVAL;
    memcpy(n, value, sizeof *n);
    return 0;
}

static int clamp(int64_t n, int least, int most)
{
    return n < least ? least : n > most ? most : (int)n;
}

static int set_linger(struct hf_socket *s, const void *value, uint32_t len)
{
    struct linger linger;
    if (len < sizeof linger)
        return -EINVAL;
    memcpy(&linger, value, sizeof linger);
    s->options.linger = linger.l_onoff;
    s->options.linger_s = clamp(linger.l_linger, 0, INT32_MAX / 1000);
    return 0;
}

static int set_timeout(const void *value, uint32_t len, hf_time *limit)
{
    struct timeval time;
    if (len < sizeof time)
        return -EINVAL;
    memcpy(&time, value, sizeof time);
    if (time.tv_usec < 0 || time.tv_usec >= 1000000)
        return -EDOM;
    *limit = time.tv_sec < 0 ? 1 : time.tv_sec * HF_SEC + time.tv_usec * HF_US;
    return 0;
}

/* SO_... that are structures, or that we take and need not act on. */
static int set_socket_other(struct hf_socket *s, int name, const void *value, uint32_t len)
{
    switch (name) {
    case SO_LINGER:
        return set_linger(s, value, len);
    case SO_RCVTIMEO:
        return set_timeout(value, len, &s->options.receive_timeout);
    case SO_SNDTIMEO:
        return set_timeout(value, len, &s->options.send_timeout);
    case SO_BROADCAST:
    case SO_DONTROUTE:
    case SO_PRIORITY:
        return 0; /* nothing to a TCP of one host */
    default:
        return -ENOPROTOOPT;
    }
}

static int set_socket(struct hf_socket *s, int name, const void *value, uint32_t len)
{
    struct hf_socket_options *o = &s->options;
    int n;
    int err = number(value, len, &n);
    if (err)
        return err;
    switch (name) {
    case SO_REUSEADDR:
        o->reuse_address = n;
        return 0;
    case SO_REUSEPORT:
        o->reuse_port = n;
        return 0;
    case SO_KEEPALIVE:
        o->keepalive = n;
        give(s, HF_OPTION_KEEPALIVE, o->keepalive);
        return 0;
    case SO_OOBINLINE:
        o->oob_inline = n;
        return 0;
    case SO_RCVLOWAT:
        o->receive_low = n < 1 ? (n < 0 ? INT32_MAX : 1) : n;
        return 0;
    case SO_SNDBUF:
        o->send_buffer = clamp(2 * (int64_t)n, SEND_BUFFER_MIN, BUFFER_MAX);
        o->send_buffer_set = true;
        hf_room_apply(s);
        return 0;
    case SO_RCVBUF:
        o->receive_buffer = clamp(2 * (int64_t)n, RECEIVE_BUFFER_MIN, BUFFER_MAX);
        o->receive_buffer_set = true;
        give_receive_buffer(s);
        return 0;
    default:
        return set_socket_other(s, name, value, len);
    }
}

static int set_seconds(struct hf_socket *s, int n, int *keep, enum hf_option option)
{
    if (n < 1 || n > KEEPALIVE_S_MAX)
        return -EINVAL;
    *keep = n;
    give(s, option, n * HF_SEC);
    return 0;
}

static int set_mss(struct hf_socket *s, int n)
{
    if (n && (n < MSS_MIN || n > MSS_MAX))
        return -EINVAL;
    s->options.mss = n;
    if (s->phase == HF_SOCKET_LISTENING) /* what is open already has agreed on its own */
        give(s, HF_OPTION_MSS, n);
    return 0;
}

/* secs_to_retrans: a time in seconds as how often the SYN+ACK is sent again in it. */
static int repeats_in(const struct hf_socket *s, int seconds)
{
    const struct hf_settings *settings = &s->sockets->settings;
    hf_time interval = settings->rto_initial, time = interval;
    int repeats = seconds > 0;
    while (time < seconds * HF_SEC && repeats < DEFER_REPEATS_MAX) {
        repeats++;
        interval = interval * 2 < settings->rto_max ? interval * 2 : settings->rto_max;
        time += interval;
    }
    return repeats;
}

/* retrans_to_secs */
static int seconds_of(const struct hf_socket *s, int repeats)
{
    const struct hf_settings *settings = &s->sockets->settings;
    hf_time interval = settings->rto_initial, time = 0;
    for (; repeats > 0; repeats--) {
        time += interval;
        interval = interval * 2 < settings->rto_max ? interval * 2 : settings->rto_max;
    }
    return (int)(time / HF_SEC);
}

static int set_window_clamp(struct hf_socket *s, int n)
{
    if (n <= 0 && s->phase != HF_SOCKET_FRESH)
        return -EINVAL;
    s->options.window_clamp = n <= 0 ? 0 : clamp(n, RECEIVE_BUFFER_MIN / 2, BUFFER_MAX);
    give_receive_buffer(s);
    return 0;
}

static int set_fast_open(struct hf_socket *s, int name, int n)
{
    struct hf_socket_options *o = &s->options;
    const struct hf_settings *settings = &s->sockets->settings;
    bool fresh = s->phase == HF_SOCKET_FRESH;
    if (n < 0 || (name != TCP_FASTOPEN && n > 1))
        return -EINVAL;
    if (name == TCP_FASTOPEN_CONNECT && !(settings->fast_open & HF_FAST_OPEN_CLIENT))
        return -EOPNOTSUPP;
    if (!fresh && (s->phase != HF_SOCKET_LISTENING || name == TCP_FASTOPEN_CONNECT))
        return -EINVAL;
    if (name == TCP_FASTOPEN_CONNECT)
        o->fast_open_connect = n;
    else if (name == TCP_FASTOPEN_NO_COOKIE)
        o->fast_open_no_cookie = n;
    else
        o->fast_open = n < settings->backlog_max ? n : settings->backlog_max;
    if (s->listener)
        (void)hf_listener_fast_open(s->sockets->stack, s->listener, (uint32_t)o->fast_open,
                                    o->fast_open_no_cookie);
    return 0;
}

/* One key or two of 16 bytes. */
static int set_fast_open_key(struct hf_socket *s, const void *value, uint32_t len)
{
    struct hf_socket_options *o = &s->options;
    if (len != sizeof o->fast_open_key && len != sizeof o->fast_open_key[0])
        return -EINVAL;
    memcpy(o->fast_open_key, value, len);
    o->fast_open_keys = len / (uint32_t)sizeof o->fast_open_key[0];
    hf_socket_fast_open_keys_apply(s);
    return 0;
}

/* The timers' and the handshake's. */
static int set_tcp_numbers(struct hf_socket *s, int name, int n)
{
    struct hf_socket_options *o = &s->options;
    switch (name) {
    case TCP_MAXSEG:
        return set_mss(s, n);
    case TCP_KEEPIDLE:
        return set_seconds(s, n, &o->keepalive_idle_s, HF_OPTION_KEEPALIVE_IDLE);
    case TCP_KEEPINTVL:
        return set_seconds(s, n, &o->keepalive_interval_s, HF_OPTION_KEEPALIVE_INTERVAL);
    case TCP_KEEPCNT:
        if (n < 1 || n > 127)
            return -EINVAL;
        o->keepalive_probes = n;
        give(s, HF_OPTION_KEEPALIVE_PROBES, n);
        return 0;
    case TCP_SYNCNT:
        if (n < 1 || n > SYN_COUNT_MAX)
            return -EINVAL;
        o->syn_count = n;
        give(s, HF_OPTION_SYN_RETRIES, n);
        return 0;
    case TCP_DEFER_ACCEPT:
        o->defer_repeats = repeats_in(s, n);
        give(s, HF_OPTION_DEFER_ACCEPT, o->defer_repeats);
        return 0;
    case TCP_LINGER2:
        o->fin_wait_s = n < 0 ? -1 : n > FIN_WAIT_S_MAX ? FIN_WAIT_S_MAX : n;
        return 0;
    case TCP_WINDOW_CLAMP:
        return set_window_clamp(s, n);
    case TCP_USER_TIMEOUT:
        if (n < 0)
            return -EINVAL;
        o->user_timeout_ms = n;
        give(s, HF_OPTION_USER_TIMEOUT, n * HF_MS);
        return 0;
    case TCP_FASTOPEN:
    case TCP_FASTOPEN_CONNECT:
    case TCP_FASTOPEN_NO_COOKIE:
        return set_fast_open(s, name, n);
    default:
        return -ENOPROTOOPT;
    }
}

/* TCP_CONGESTION: a name, with or without a zero behind it. */
static int set_congestion(struct hf_socket *s, const void *value, uint32_t len)
{
    char name[NAME_MAX_CC];
    if (len < 1)
        return -EINVAL;
    uint32_t n = len < sizeof name - 1 ? len : (uint32_t)sizeof name - 1;
    memcpy(name, value, n);
    name[n] = 0;
    int control = hf_congestion_named(name);
    if (control < 0)
        return -ENOENT;
    s->options.congestion = control;
    give(s, HF_OPTION_CONGESTION, control);
    return 0;
}

static const char *congestion_of(const struct hf_socket *s)
{
    int control = s->options.congestion;
    return control ? hf_congestion_name(control) : s->sockets->settings.congestion;
}

static int set_tcp(struct hf_socket *s, int name, const void *value, uint32_t len)
{
    if (name == TCP_CONGESTION)
        return set_congestion(s, value, len);
    struct hf_socket_options *o = &s->options;
    int n;
    if (name == TCP_FASTOPEN_KEY)
        return set_fast_open_key(s, value, len);
    int err = number(value, len, &n);
    if (err)
        return err;
    switch (name) {
    case TCP_NODELAY:
        o->nodelay = n;
        give(s, HF_OPTION_NODELAY, o->nodelay);
        if (n)
            hf_sockets_kick(s->sockets);
        break;
    case TCP_CORK:
        o->cork = n;
        give(s, HF_OPTION_CORK, o->cork);
        break;
    case TCP_QUICKACK:
        if (s->phase == HF_SOCKET_LISTENING)
            return 0; /* nothing to inherit */
        o->acks_at_once = n;
        give(s, HF_OPTION_DELACK, !n);
        break;
    case TCP_INQ:
        if (n < 0 || n > 1)
            return -EINVAL;
        o->report_inq = n;
        break;
    case TCP_NOTSENT_LOWAT:
        o->notsent_low = (uint32_t)n;
        break;
    default:
        return set_tcp_numbers(s, name, n);
    }
    hf_sockets_kick(s->sockets);
    return 0;
}

/* Of these options one byte is enough. */
static int small_number(const void *value, uint32_t len, int *n)
{
    uint8_t byte;
    if (len >= sizeof *n || len == 0)
        return number(value, len, n);
    memcpy(&byte, value, sizeof byte);
    *n = byte;
    return 0;
}

static int set_ip(struct hf_socket *s, bool v6, int name, const void *value, uint32_t len)
{
    int n;
    int err = small_number(value, len, &n);
    if (err)
        return err;
    if (v6 ? name == IPV6_TCLASS : name == IP_TOS) {
        s->options.tos = n & 0xfc; /* the two ECN bits are TCP's own */
        give(s, HF_OPTION_TOS, s->options.tos);
        return 0;
    }
    if (v6 ? name == IPV6_UNICAST_HOPS : name == IP_TTL) {
        if (n < 1 || n > 255)
            return -EINVAL;
        s->options.ttl = n;
        give(s, HF_OPTION_TTL, n);
        return 0;
    }
    if (v6 && name == IPV6_V6ONLY) {
        if (s->bound || s->domain != AF_INET6)
            return -EINVAL;
        s->options.v6only = n;
        return 0;
    }
    if (!v6 && name == IP_MTU_DISCOVER)
        return n >= IP_PMTUDISC_DONT && n <= IP_PMTUDISC_OMIT ? 0 : -EINVAL;
    return -ENOPROTOOPT;
}

static int set(struct hf_sockets *sockets, int descriptor, int level, int name, const void *value,
               uint32_t len)
{
    struct hf_socket *s = hf_socket_of(sockets, descriptor);
    if (!s)
        return hf_descriptor_of(sockets, descriptor) ? -ENOTSOCK : -EBADF;
    if (!value)
        return -EFAULT;
    switch (level) {
    case SOL_SOCKET:
        return set_socket(s, name, value, len);
    case IPPROTO_TCP:
        return set_tcp(s, name, value, len);
    case SOL_IP:
        return set_ip(s, false, name, value, len);
    case SOL_IPV6:
        return set_ip(s, true, name, value, len);
    default:
        return -ENOPROTOOPT;
    }
}

int hf_socket_set_option(struct hf_sockets *sockets, int descriptor, int level, int name,
                         const void *value, uint32_t len)
{
    return (int)hf_posix(set(sockets, descriptor, level, name, value, len));
}

/* ---- Getting ---- */

static int get_socket(struct hf_socket *s, int name, int *n)
{
    const struct hf_socket_options *o = &s->options;
    switch (name) {
    case SO_ERROR:
        *n = -hf_socket_take_error(s);
        return 0;
    case SO_TYPE:
        *n = SOCK_STREAM;
        return 0;
    case SO_PROTOCOL:
        *n = IPPROTO_TCP;
        return 0;
    case SO_DOMAIN:
        *n = s->domain;
        return 0;
    case SO_ACCEPTCONN:
        *n = s->phase == HF_SOCKET_LISTENING;
        return 0;
    case SO_REUSEADDR:
        *n = o->reuse_address;
        return 0;
    case SO_REUSEPORT:
        *n = o->reuse_port;
        return 0;
    case SO_KEEPALIVE:
        *n = o->keepalive;
        return 0;
    case SO_OOBINLINE:
        *n = o->oob_inline;
        return 0;
    case SO_SNDBUF:
        *n = o->send_buffer;
        return 0;
    case SO_RCVBUF:
        *n = receive_buffer(s);
        return 0;
    case SO_RCVLOWAT:
        *n = o->receive_low;
        return 0;
    case SO_SNDLOWAT:
        *n = 1;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* What TCP_MAXSEG says: without a connection what was set, else what segments carry. */
static int max_segment(struct hf_socket *s)
{
    struct hf_tcp_status status;
    hf_socket_status(s, &status);
    if (status.state == HF_CLOSED || status.state == HF_LISTEN)
        return s->options.mss ? s->options.mss : MSS_DEFAULT;
    return (int)status.mss;
}

static int get_tcp(struct hf_socket *s, int name, int *n)
{
    const struct hf_socket_options *o = &s->options;
    const struct hf_settings *settings = &s->sockets->settings;
    switch (name) {
    case TCP_NODELAY:
        *n = o->nodelay;
        return 0;
    case TCP_CORK:
        *n = o->cork;
        return 0;
    case TCP_MAXSEG:
        *n = max_segment(s);
        return 0;
    case TCP_KEEPIDLE:
        *n = o->keepalive_idle_s ? o->keepalive_idle_s : (int)(settings->keepalive_idle / HF_SEC);
        return 0;
    case TCP_KEEPINTVL:
        *n = o->keepalive_interval_s ? o->keepalive_interval_s
                                     : (int)(settings->keepalive_interval / HF_SEC);
        return 0;
    case TCP_KEEPCNT:
        *n = o->keepalive_probes ? o->keepalive_probes : settings->keepalive_probes;
        return 0;
    case TCP_SYNCNT:
        *n = o->syn_count ? o->syn_count : settings->syn_retries;
        return 0;
    case TCP_DEFER_ACCEPT:
        *n = seconds_of(s, o->defer_repeats);
        return 0;
    case TCP_LINGER2:
        *n = o->fin_wait_s ? o->fin_wait_s : (int)(settings->orphan_timeout / HF_SEC);
        return 0;
    case TCP_QUICKACK:
        *n = o->acks_at_once;
        return 0;
    case TCP_WINDOW_CLAMP:
        *n = o->window_clamp;
        return 0;
    case TCP_USER_TIMEOUT:
        *n = o->user_timeout_ms;
        return 0;
    case TCP_INQ:
        *n = o->report_inq;
        return 0;
    case TCP_FASTOPEN:
        *n = o->fast_open;
        return 0;
    case TCP_FASTOPEN_CONNECT:
        *n = o->fast_open_connect;
        return 0;
    case TCP_FASTOPEN_NO_COOKIE:
        *n = o->fast_open_no_cookie;
        return 0;
    case TCP_NOTSENT_LOWAT:
        *n = (int)o->notsent_low;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int get_ip(const struct hf_socket *s, bool v6, int name, int *n)
{
    const struct hf_settings *settings = &s->sockets->settings;
    if (v6 ? name == IPV6_TCLASS : name == IP_TOS)
        *n = s->options.tos ? s->options.tos : settings->tos;
    else if (v6 ? name == IPV6_UNICAST_HOPS : name == IP_TTL)
        *n = s->options.ttl ? s->options.ttl : settings->ttl;
    else if (v6 && name == IPV6_V6ONLY)
        *n = s->options.v6only;
    else if (!v6 && name == IP_MTU_DISCOVER)
        *n = IP_PMTUDISC_WANT;
    else
        return -ENOPROTOOPT;
    return 0;
}

static void tell(const void *what, uint32_t size, void *value, uint32_t *len)
{
    uint32_t n = *len < size ? *len : size;
    memcpy(value, what, n);
    *len = n;
}

static void tell_timeout(hf_time limit, void *value, uint32_t *len)
{
    struct timeval time = {.tv_sec = limit / HF_SEC, .tv_usec = limit % HF_SEC / HF_US};
    tell(&time, sizeof time, value, len);
}

/* Options that are not numbers: 1 when it was one. */
static int get_structure(struct hf_socket *s, int level, int name, void *value, uint32_t *len)
{
    if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
        char text[NAME_MAX_CC] = {0};
        const char *control = congestion_of(s);
        for (unsigned i = 0; control[i] && i < sizeof text - 1; i++)
            text[i] = control[i];
        tell(text, sizeof text, value, len);
        return 1;
    }
    if (level == IPPROTO_TCP && name == TCP_CC_INFO) {
        *len = hf_socket_cc_info(s, value, *len);
        return 1;
    }
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        *len = hf_socket_info(s, value, *len);
        return 1;
    }
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY) {
        tell(s->options.fast_open_key,
             s->options.fast_open_keys * (uint32_t)sizeof s->options.fast_open_key[0], value, len);
        return 1;
    }
    if (level != SOL_SOCKET)
        return 0;
    if (name == SO_LINGER) {
        struct linger linger = {s->options.linger, s->options.linger_s};
        tell(&linger, sizeof linger, value, len);
        return 1;
    }
    if (name == SO_RCVTIMEO || name == SO_SNDTIMEO) {
        tell_timeout(name == SO_RCVTIMEO ? s->options.receive_timeout : s->options.send_timeout,
                     value, len);
        return 1;
    }
    return 0;
}

static int get(struct hf_sockets *sockets, int descriptor, int level, int name, void *value,
               uint32_t *len)
{
    struct hf_socket *s = hf_socket_of(sockets, descriptor);
    int n = 0, err = -ENOPROTOOPT;
    if (!s)
        return hf_descriptor_of(sockets, descriptor) ? -ENOTSOCK : -EBADF;
    if (!value || !len)
        return -EFAULT;
    if (get_structure(s, level, name, value, len))
        return 0;
    if (level == SOL_SOCKET)
        err = get_socket(s, name, &n);
    else if (level == IPPROTO_TCP)
        err = get_tcp(s, name, &n);
    else if (level == SOL_IP || level == SOL_IPV6)
        err = get_ip(s, level == SOL_IPV6, name, &n);
    if (!err)
        tell(&n, sizeof n, value, len);
    return err;
}

int hf_socket_get_option(struct hf_sockets *sockets, int descriptor, int level, int name,
                         void *value, uint32_t *len)
{
    return (int)hf_posix(get(sockets, descriptor, level, name, value, len));
}
