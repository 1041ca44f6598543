/* handfast lab --web. */
#ifndef HANDFAST_TOOL_LAB_WEB_H
#define HANDFAST_TOOL_LAB_WEB_H

#include "options.h"

/* lab_web_listen: "[ADDR:]PORT"; without an address, 127.0.0.1. IPv6 addresses stand in brackets.
 * Port 0 leaves the choice to the kernel. */
bool lab_web_listen(const char *text, struct hf_endpoint *end);

/* lab_web: serve the page until interrupted.
 * listen   where, over the kernel's TCP; NULL: over Handfast's own, on the network of the common
 *          options, at `port`
 * language "en", "zh", or "": what the browser prefers. seed: that the page begins with
 * returns  the exit status, after an error was printed */
int lab_web(const struct command *command, const struct hf_endpoint *listen, uint16_t port,
            const char *language, uint64_t seed);

#endif
