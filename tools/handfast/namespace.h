/* A network namespace of our own, for as long as a child process lives. */
#ifndef HANDFAST_TOOL_NAMESPACE_H
#define HANDFAST_TOOL_NAMESPACE_H

#include "options.h"

/* namespace_run: run a function in a child that has its own network, with loopback up and the
 * right to configure it (by a user namespace when we are not root).
 * returns  what the function returned, or EXIT_FAILED after an error was printed */
int namespace_run(const struct command *command, int (*inside)(void *context), void *context);

#endif
