/* A handler may touch little: it counts, and wakes the host through its eventfd. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t count, dumps;
static struct hf_host *volatile woken;

static void on_signal(int signal_number)
{
    if (signal_number == SIGUSR1)
        dumps = dumps + 1;
    else
        count = count + 1;
    struct hf_host *host = woken;
    if (host)
        hf_host_wake(host);
}

void interrupts_catch(struct hf_host *host)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    woken = host;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

void interrupts_release(void)
{
    woken = NULL;
}

int interrupts(void)
{
    return count;
}

int dump_requests(void)
{
    return dumps;
}
