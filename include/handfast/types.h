/* Handfast: the scalar types, handles and error codes that every other header uses.
 *
 * A stack is one host. It has one owner: one thread calls it. Nothing here allocates or does I/O. */
#ifndef HANDFAST_TYPES_H
#define HANDFAST_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HF_BEGIN extern "C" {
#define HF_END }
#else
#define HF_BEGIN
#define HF_END
#endif

#if defined(__GNUC__)
#define HF_API __attribute__((visibility("default")))
#else
#define HF_API
#endif

HF_BEGIN

/* Time in nanoseconds on a clock that the caller chooses; it should not go backwards, and a stack
 * survives it if it does (the step is traced, its own time goes on). Also used for durations. */
typedef int64_t hf_time;
#define HF_NEVER INT64_MAX
#define HF_US ((hf_time)1000)
#define HF_MS ((hf_time)1000000)
#define HF_SEC ((hf_time)1000000000)

/* Handles: slot and generation. 0 is never a valid handle. A handle that outlived what it named
 * is answered with HF_ERR_STALE, never with a crash. */
typedef uint64_t hf_conn;     /* a connection: from hf_tcp_open or hf_tcp_accept, until closed */
typedef uint64_t hf_listener; /* a passive OPEN: from hf_tcp_listen, until hf_listener_close   */
typedef uint64_t hf_syn;      /* a SYN held for the application's decision                     */

struct hf_stack;

/* Every call that can fail returns 0 or a count when it worked, or one of these, all negative.
 * After an error nothing has changed. */
enum hf_err {
    HF_OK = 0,
    HF_EOF = -1,             /* the peer has closed and everything it sent was read           */
    HF_ERR_ARGUMENT = -2,    /* a value outside what the call's documentation allows          */
    HF_ERR_STALE = -3,       /* the handle names nothing (any more)                           */
    HF_ERR_EXISTS = -4,      /* RFC 9293 "connection already exists"                          */
    HF_ERR_CLOSING = -5,     /* RFC 9293 "connection closing": our side has sent its last     */
    HF_ERR_STATE = -6,       /* the connection is in a state that has no use for the call     */
    HF_ERR_UNSPECIFIED = -7, /* RFC 9293 "remote socket unspecified"                          */
    HF_ERR_MEMORY = -8,      /* RFC 9293 "insufficient resources"                             */
    HF_ERR_LIMIT = -9,       /* a configured number (connections, listeners, links) is used up */
    HF_ERR_ROUTE = -10,      /* no link leads to that address, or no source address fits      */
    HF_ERR_ADDRESS = -11,    /* an address that TCP cannot talk to, or that is not ours       */
    HF_ERR_PORT = -12,       /* the local port is taken, or none is free                      */
    HF_ERR_RESET = -13,      /* the peer reset the connection                                 */
    HF_ERR_REFUSED = -14,    /* the peer refused the connection                               */
    HF_ERR_TIMEOUT = -15,    /* R2, user timeout or keep-alive ended the connection           */
    HF_ERR_ABORTED = -16,    /* ended by this side: abort, memory pressure, stack destroyed   */
    HF_ERR_UNREACHABLE = -17 /* an ICMP error ended the attempt to open                       */
};

/* hf_err_text: an English phrase for an error code. Never NULL.
 * thread   any */
HF_API const char *hf_err_text(int err);

/* hf_version: "MAJOR.MINOR.PATCH" of the library that is linked in.
 * thread   any */
HF_API const char *hf_version(void);

HF_END
#endif
