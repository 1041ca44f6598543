/* SIGINT and SIGTERM: the first asks for an orderly end, the second for an abrupt one. */
#ifndef HANDFAST_TOOL_INTERRUPT_H
#define HANDFAST_TOOL_INTERRUPT_H

#include <handfast/host.h>

/* interrupts_catch: from now on count signals and wake the host, and those of other calls; NULL: only
 * count. SIGPIPE is ignored. */
void interrupts_catch(struct hf_host *host);

/* interrupts_release: before the first of the hosts is destroyed. */
void interrupts_release(void);

/* interrupts: how many came. */
int interrupts(void);

/* dump_requests: how often SIGUSR1 came, which asks for the flight recorder's dump. */
int dump_requests(void);

#endif
