/* A handler may touch little: it counts, and wakes the hosts through their eventfds. */
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int count, dumps; /* without a lock, so that a handler may; read by every thread */
static struct hf_host *woken[HF_GROUP_MAX];
static atomic_uint woken_count;

static void on_signal(int signal_number)
{
    if (signal_number == SIGUSR1)
        dumps = dumps + 1;
    else
        count = count + 1;
    for (unsigned i = 0; i < woken_count; i++)
        hf_host_wake(woken[i]);
}

void interrupts_catch(struct hf_host *host)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (host && woken_count < HF_GROUP_MAX) {
        woken[woken_count] = host;
        woken_count++;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

void interrupts_release(void)
{
    woken_count = 0;
}

int interrupts(void)
{
    return count;
}

int dump_requests(void)
{
    return dumps;
}
