/* What errno says: for errors of the stack's calls, and for the end of a connection. The values are
 * those of Linux (man 7 tcp, man 7 ip, and what tcp_reset and tcp_write_err do there). */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "socket/sockets.h"

int64_t hf_posix(int64_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

int hf_errno_of(int err)
{
    switch (err) {
    case HF_ERR_EXISTS:
    case HF_ERR_ADDRESS:
        return EADDRNOTAVAIL;
    case HF_ERR_PORT:
        return EADDRINUSE;
    case HF_ERR_CLOSING:
        return EPIPE;
    case HF_ERR_UNSPECIFIED:
        return EDESTADDRREQ;
    case HF_ERR_MEMORY:
        return ENOBUFS;
    case HF_ERR_LIMIT:
        return EMFILE;
    case HF_ERR_ROUTE:
        return ENETUNREACH;
    case HF_ERR_RESET:
        return ECONNRESET;
    case HF_ERR_REFUSED:
        return ECONNREFUSED;
    case HF_ERR_TIMEOUT:
        return ETIMEDOUT;
    case HF_ERR_ABORTED:
        return ECONNABORTED;
    case HF_ERR_UNREACHABLE:
        return EHOSTUNREACH;
    case HF_ERR_STALE:
    case HF_ERR_STATE:
        return ENOTCONN;
    default:
        return EINVAL;
    }
}

/* icmp_err_convert of Linux: by code of "destination unreachable". */
static int of_icmp4(uint8_t type, uint8_t code)
{
    static const uint8_t unreachable[] = {
        ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED, EMSGSIZE,     EOPNOTSUPP,
        ENETUNREACH, EHOSTDOWN,    ENONET,       ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,
        EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH};
    if (type == ICMP_DEST_UNREACH)
        return code < sizeof unreachable ? unreachable[code] : EHOSTUNREACH;
    return type == ICMP_PARAMETERPROB ? EPROTO : EHOSTUNREACH;
}

/* icmpv6_err_convert */
static int of_icmp6(uint8_t type, uint8_t code)
{
    static const uint8_t unreachable[] = {ENETUNREACH,  EACCES, EHOSTUNREACH, EHOSTUNREACH,
                                          ECONNREFUSED, EACCES, EACCES};
    if (type == ICMP6_DST_UNREACH)
        return code < sizeof unreachable ? unreachable[code] : EPROTO;
    return type == ICMP6_PACKET_TOO_BIG ? EMSGSIZE
           : type == ICMP6_PARAM_PROB   ? EPROTO
                                        : EHOSTUNREACH;
}

int hf_errno_of_icmp(const struct hf_tcp_status *status)
{
    if (status->soft_error != HF_ICMP_SOFT && status->soft_error != HF_ICMP_HARD)
        return 0;
    return status->remote.addr.family == HF_IPV4 ? of_icmp4(status->icmp_type, status->icmp_code)
                                                 : of_icmp6(status->icmp_type, status->icmp_code);
}

/* What an ICMP error said, if one came; tcp_write_err: one that did not end the connection is why
 * nobody answered. */
static int of_icmp_or(const struct hf_socket *s, int otherwise)
{
    struct hf_tcp_status status;
    hf_socket_status(s, &status);
    int error = hf_errno_of_icmp(&status);
    return error ? error : otherwise;
}

int hf_errno_of_cause(const struct hf_socket *s, enum hf_cause cause)
{
    switch (cause) {
    case HF_CAUSE_NONE:
    case HF_CAUSE_CLOSED:
    case HF_CAUSE_OPEN_CANCELLED:
    case HF_CAUSE_TIME_WAIT_OVER:
    case HF_CAUSE_TIME_WAIT_REUSED:
    case HF_CAUSE_TIME_WAIT_RESET:
    case HF_CAUSE_TIME_WAIT_LIMIT:
        return 0;
    case HF_CAUSE_REFUSED:
        return ECONNREFUSED;
    case HF_CAUSE_RESET:
        /* tcp_reset: CLOSE-WAIT knew that nobody writes any more, so it hears that nobody reads. */
        return s->eof && !s->shut_write ? EPIPE : ECONNRESET;
    case HF_CAUSE_OPEN_TIMEOUT:
    case HF_CAUSE_HALF_OPEN_TIMEOUT: /* accepted before its third segment */
    case HF_CAUSE_RETRANSMIT_TIMEOUT:
    case HF_CAUSE_USER_TIMEOUT:
    case HF_CAUSE_KEEPALIVE_TIMEOUT:
        return of_icmp_or(s, ETIMEDOUT);
    case HF_CAUSE_UNREACHABLE:
        return of_icmp_or(s, EHOSTUNREACH);
    case HF_CAUSE_MEMORY:
    case HF_CAUSE_MEMORY_PRESSURE:
        return ENOMEM;
    default:
        return ECONNABORTED;
    }
}

int hf_socket_take_error(struct hf_socket *s)
{
    int error = s->error;
    s->error = 0;
    return -error;
}
