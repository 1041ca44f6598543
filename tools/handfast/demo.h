/* The options of `handfast demo`, for its two forms. */
#ifndef HANDFAST_TOOL_DEMO_H
#define HANDFAST_TOOL_DEMO_H

#include "options.h"

struct demo_options {
    uint64_t bytes, seed;
    bool server_closes, simultaneous, half_close, ipv6, with_linux, whole, absolute;
    double loss;
    const char *svg, *diagram;
};

extern struct demo_options demo_options;
extern const struct command demo_command;

/* demo_with_linux: against the kernel's TCP. returns the exit status */
int demo_with_linux(void);

#endif
