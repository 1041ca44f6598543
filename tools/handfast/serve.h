/* What the parts of `handfast serve` share: the connections being served, and the services. */
#ifndef HANDFAST_TOOL_SERVE_H
#define HANDFAST_TOOL_SERVE_H

#include "network.h"

struct http_session;

/* A connection being served. */
struct served {
    hf_conn conn;
    struct hf_endpoint remote;
    struct http_session *http; /* NULL for the other services */
    uint64_t offset;           /* chargen: into its pattern */
    hf_time active;            /* when anything last happened */
    bool eof;                  /* the peer has closed */
    bool closed;               /* our side has closed */
};

/* A service does what it can with a connection now; it is called again when there is news.
 * Closing our side is `closed` and hf_tcp_shutdown. */
typedef void (*serve_fn)(struct hf_stack *stack, struct served *served);

/* serve_http_root: the directory to serve. returns false with errno */
bool serve_http_root(const char *path);

/* serve_http: the service. http_session_end: whenever the connection is given up. */
void serve_http(struct hf_stack *stack, struct served *served);
void http_session_end(struct http_session *session);

#endif
