/* Serving over Handfast's own TCP, for `handfast serve` and `handfast lab --web`: the connections
 * being served, the services, and the loop. */
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
    bool again;                /* has more to do without news */
};

/* A service does what it can with a connection now; it is called again when there is news.
 * Closing our side is `closed` and hf_tcp_shutdown. */
typedef void (*serve_fn)(struct hf_stack *stack, struct served *served);

/* serve_discard: throw away what comes. serve_end_if_eof: close our side when the peer has. */
void serve_discard(struct hf_stack *stack, struct served *served);
void serve_end_if_eof(struct hf_stack *stack, struct served *served, int64_t read);

/* serve_session: a turn of served->http; NULL: there was no memory for it, the connection is reset. */
void serve_session(struct hf_stack *stack, struct served *served);

/* serve_http_root: the directory to serve. returns false with errno */
bool serve_http_root(const char *path);

/* serve_http: the service that serves it. */
void serve_http(struct hf_stack *stack, struct served *served);

struct server_config {
    serve_fn service;
    uint16_t port;
    const char *what;       /* is served, for the line that says so                          */
    const char *url;        /* before the addresses in that line; NULL: nothing              */
    hf_time idle_max;       /* for a connection without progress; HF_NEVER: none             */
    unsigned queues;        /* of the device, each with a stack and a thread; 0: one         */
    size_t connections_max; /* at once, others wait in the backlog; 0: no limit              */
    hf_trace_fn look;       /* another reader of the stack's events; NULL: none              */
    void *context;          /* its                                                           */
};

/* server_run: open the network of the common options and serve until interrupted, then close in
 * order. With several queues a service is called by all their threads.
 * returns the exit status */
int server_run(const struct command *command, const struct server_config *config);

#endif
