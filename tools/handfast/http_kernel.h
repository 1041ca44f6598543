/* HTTP over the kernel's sockets: the loop of a small server, for what needs no TUN device. */
#ifndef HANDFAST_TOOL_HTTP_KERNEL_H
#define HANDFAST_TOOL_HTTP_KERNEL_H

#include "http_session.h"
#include "options.h"

struct kernel_config {
    http_site_fn answer; /* its context is NULL                                            */
    const char *what;    /* is served, for the line that says so                          */
    struct hf_endpoint listen; /* port 0: the kernel chooses                                  */
    size_t connections_max; /* at once, others wait; at most 64                               */
    int idle_max_s;         /* without progress                                              */
};

/* kernel_serve: serve until interrupted. returns the exit status, after an error was printed if it
 * is not EXIT_FINE */
int kernel_serve(const struct command *command, const struct kernel_config *config);

#endif
