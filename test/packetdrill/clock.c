/* Virtual time, shared by two threads.
 *
 * The clock moves when a thread sleeps by usleep, waits for a packet, or asks for the time (by a
 * microsecond: packetdrill spins on it). It never moves while a thread that was woken has not yet
 * said so by asking for the time: such a thread is "released", is told the time at which it was
 * woken, and whoever wants to move the clock waits for it. A blocked call thus ends at the same
 * virtual time in every run.
 *
 * Timers run at their own time, so that packets carry exact times of emission. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "adapter.h"

/* How long, in real time, the main thread must have been silent and asleep before a blocked call
 * may move the clock itself: the script is at its end and waits for it. */
#define SILENCE_NS 50000000L
/* A released thread that does not come back, in real time: it is not waited for any longer. */
#define SETTLE_S 2
/* No call waits longer than this in virtual time without anybody to move the clock. */
#define ALONE_MAX (4 * 3600 * HF_SEC)

/* This thread was released and has not asked for the time. */
static _Thread_local bool owes;

static bool is_main(const struct pd *pd)
{
    return pthread_equal(pthread_self(), pd->main_thread);
}

void pd_enter(struct pd *pd)
{
    (void)pthread_mutex_lock(&pd->lock);
    if (is_main(pd))
        pd->main_calls++;
}

void pd_leave(struct pd *pd)
{
    (void)pthread_mutex_unlock(&pd->lock);
}

/* ---- Released threads ---- */

/* Asleep, as /proc says it: not merely waiting for a processor. */
static bool sleeps(pid_t thread)
{
    char path[64], text[256], *state;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *file = fopen(path, "re");
    if (!file)
        return true; /* it is no more */
    size_t n = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[n] = '\0';
    state = strrchr(text, ')');
    return state && state[1] == ' ' && state[2] == 'S';
}

static struct timespec real_time_in(time_t seconds, long ns)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += seconds;
    at.tv_nsec += ns;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_nsec -= 1000000000L;
        at.tv_sec++;
    }
    return at;
}

static void release(struct pd *pd, struct pd_sleeper *sleeper)
{
    if (sleeper->woken)
        return;
    sleeper->woken = true;
    pd->released++;
    (void)pthread_cond_broadcast(&pd->changed);
}

static void settled(struct pd *pd)
{
    if (!owes)
        return;
    owes = false;
    if (pd->released)
        pd->released--;
    (void)pthread_cond_broadcast(&pd->changed);
}

void pd_let_finish(struct pd *pd)
{
    pid_t thread = pd->finishing;
    pd->finishing = 0;
    if (!thread || !is_main(pd))
        return;
    (void)pthread_mutex_unlock(&pd->lock);
    struct timespec limit = real_time_in(SETTLE_S, 0), at;
    do {
        (void)sched_yield();
        (void)clock_gettime(CLOCK_REALTIME, &at);
    } while (!sleeps(thread) && at.tv_sec < limit.tv_sec);
    (void)pthread_mutex_lock(&pd->lock);
}

void pd_settle(struct pd *pd)
{
    struct timespec limit = {0, 0};
    while (pd->released > (owes ? 1u : 0u)) {
        if (!limit.tv_sec)
            limit = real_time_in(SETTLE_S, 0);
        if (pthread_cond_timedwait(&pd->changed, &pd->lock, &limit) != 0)
            pd->released = owes ? 1 : 0;
    }
}

/* ---- Moving the clock ---- */

static hf_time earliest(const struct pd *pd)
{
    hf_time at = hf_stack_deadline(pd->stack);
    for (const struct pd_sleeper *s = pd->sleepers; s; s = s->next)
        if (!s->woken && s->until < at)
            at = s->until;
    return at;
}

static void run_due(struct pd *pd)
{
    hf_stack_timers(pd->stack, pd->now);
    pd_packets_out(pd);
    hf_sockets_notice(pd->sockets);
    for (struct pd_sleeper *s = pd->sleepers; s; s = s->next)
        if (s->until <= pd->now)
            release(pd, s);
}

bool pd_next_timer(struct pd *pd, hf_time limit)
{
    pd_settle(pd);
    hf_time next = earliest(pd);
    if (next > limit || next == HF_NEVER)
        return false;
    if (next > pd->now)
        pd->now = next;
    run_due(pd);
    return true;
}

void pd_advance(struct pd *pd, hf_time target)
{
    while (pd_next_timer(pd, target))
        ;
    if (pd->now < target)
        pd->now = target;
}

hf_time pd_tell_time(struct pd *pd)
{
    if (!is_main(pd))
        pd->finishing = (pid_t)syscall(SYS_gettid);
    if (owes) {
        settled(pd);
        return pd->now;
    }
    pd_settle(pd);
    pd_advance(pd, pd->now + HF_US);
    return pd->now;
}

/* ---- The host's four functions ---- */

static hf_time host_now(void *context)
{
    return ((struct pd *)context)->now;
}

static void host_wake(void *context)
{
    struct pd *pd = context;
    for (struct pd_sleeper *s = pd->sleepers; s; s = s->next)
        release(pd, s);
}

static void host_kick(void *context)
{
    pd_packets_out(context);
}

/* Nobody else moves the clock: this thread does, up to what it waits for. */
static void wait_alone(struct pd *pd, const struct pd_sleeper *self)
{
    hf_time limit = pd->now + ALONE_MAX;
    unsigned long calls = pd->main_calls;
    while (!self->woken && pd->main_calls == calls && pd_next_timer(pd, limit))
        ;
}

static void sleep_really(struct pd *pd, hf_time until)
{
    struct pd_sleeper self = {pd->sleepers, until, false};
    settled(pd);
    pd->sleepers = &self;
    while (!self.woken) {
        unsigned long calls = pd->main_calls;
        struct timespec silence = real_time_in(0, SILENCE_NS);
        int timed_out = pthread_cond_timedwait(&pd->changed, &pd->lock, &silence);
        if (timed_out && !self.woken && calls == pd->main_calls && sleeps(pd->main_id))
            wait_alone(pd, &self);
    }
    struct pd_sleeper **at = &pd->sleepers;
    while (*at != &self)
        at = &(*at)->next;
    *at = self.next;
    owes = true;
}

/* The main thread sleeps in a call: nobody can wake it but a timer. */
static int sleep_in_main(struct pd *pd, hf_time until)
{
    hf_time next = earliest(pd);
    if (pd->wait_call != pd->main_calls) {
        pd->wait_call = pd->main_calls;
        pd->wait_begun = pd->now;
    }
    bool for_ever = pd->now - pd->wait_begun > ALONE_MAX;
    if (until == HF_NEVER && (next == HF_NEVER || for_ever)) {
        (void)fprintf(stderr, "handfast-pd: a call would block for ever: give it an end time\n");
        return HF_ERR_STATE;
    }
    if (until <= next) {
        pd_advance(pd, until);
        return HF_OK;
    }
    (void)pd_next_timer(pd, HF_NEVER);
    return HF_OK;
}

static int host_wait(void *context, hf_time until)
{
    struct pd *pd = context;
    pd_packets_out(pd);
    hf_sockets_notice(pd->sockets);
    if (is_main(pd))
        return sleep_in_main(pd, until);
    sleep_really(pd, until);
    return HF_OK;
}

struct hf_host_ops pd_host_ops(struct pd *pd)
{
    return (struct hf_host_ops){host_now, host_wait, host_wake, host_kick, pd};
}
