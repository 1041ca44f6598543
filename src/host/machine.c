/* This machine as a host's world: its clock, one epoll set over links and the program's own
 * descriptors, and an eventfd that ends the wait from other threads and from signal handlers.
 *
 * The clock is CLOCK_BOOTTIME: unlike CLOCK_MONOTONIC it goes on in suspend, so that a deadline
 * missed in sleep is seen as missed (host.c). Descriptors that epoll refuses, regular files and
 * the like, are always ready, as poll(2) has them. */
#include "host/host.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define READY_MAX 64

enum kind { WATCH_FREE = 0, WATCH_WAKE, WATCH_LINK, WATCH_USER, WATCH_ALWAYS };

struct watch {
    enum kind kind;
    int descriptor;
    unsigned want;
    uint64_t user;
};

struct hf_machine {
    hf_host_ready_fn on_ready;
    void *context;
    int epoll;
    int wake;
    bool kicked;
    bool precise; /* the kernel has epoll_pwait2 */
    struct watch *watches;
    size_t watch_count, watch_room;
    size_t always; /* watches that are ready at any time */
    struct epoll_event ready[READY_MAX];
    int ready_count;
};

static hf_time machine_now(void *context)
{
    struct timespec t;
    (void)context;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (hf_time)t.tv_sec * HF_SEC + t.tv_nsec;
}

static int wait_ms(hf_time ns)
{
    hf_time ms = (ns + HF_MS - 1) / HF_MS; /* rounded up: early would spin */
    return ms > 60000 ? 60000 : (int)ms;   /* may return early, for nothing */
}

static int wait_epoll(struct hf_machine *m, hf_time ns)
{
    if (m->precise) {
        struct timespec t = {.tv_sec = (time_t)(ns / HF_SEC), .tv_nsec = (long)(ns % HF_SEC)};
        int n = epoll_pwait2(m->epoll, m->ready, READY_MAX, ns == HF_NEVER ? NULL : &t, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
        m->precise = false;
    }
    return epoll_wait(m->epoll, m->ready, READY_MAX, ns == HF_NEVER ? -1 : wait_ms(ns));
}

static int machine_wait(void *context, hf_time until)
{
    struct hf_machine *m = context;
    hf_time ns = HF_NEVER;
    if (m->kicked || m->always > 0) {
        ns = 0;
    } else if (until != HF_NEVER) {
        hf_time now = machine_now(NULL);
        ns = until > now ? until - now : 0;
    }
    m->kicked = false;
    int n = wait_epoll(m, ns);
    m->ready_count = n > 0 ? n : 0; /* EINTR: a signal is a reason to return, too */
    return HF_OK;
}

static void machine_wake(void *context)
{
    struct hf_machine *m = context;
    int saved = errno; /* a signal handler may be our caller */
    uint64_t one = 1;
    ssize_t n = write(m->wake, &one, sizeof one);
    (void)n; /* EAGAIN: it is set already */
    errno = saved;
}

static void machine_kick(void *context)
{
    ((struct hf_machine *)context)->kicked = true;
}

struct hf_host_ops hf_machine_ops(struct hf_machine *machine)
{
    return (struct hf_host_ops){machine_now, machine_wait, machine_wake, machine_kick, machine};
}

static struct watch *find(struct hf_machine *m, int descriptor)
{
    for (size_t i = 0; i < m->watch_count; i++) {
        struct watch *w = &m->watches[i];
        if (w->kind != WATCH_FREE && w->descriptor == descriptor)
            return w;
    }
    return NULL;
}

static struct watch *add(struct hf_machine *m)
{
    for (size_t i = 0; i < m->watch_count; i++)
        if (m->watches[i].kind == WATCH_FREE)
            return &m->watches[i];
    if (m->watch_count == m->watch_room) {
        size_t room = m->watch_room ? 2 * m->watch_room : 8;
        struct watch *more = realloc(m->watches, room * sizeof *more);
        if (!more)
            return NULL;
        m->watches = more;
        m->watch_room = room;
    }
    m->watches[m->watch_count] = (struct watch){.kind = WATCH_FREE};
    return &m->watches[m->watch_count++];
}

static uint32_t epoll_bits(unsigned want)
{
    uint32_t bits = 0;
    if (want & HF_READY_READ)
        bits |= EPOLLIN | EPOLLRDHUP;
    if (want & HF_READY_WRITE)
        bits |= EPOLLOUT;
    return bits;
}

/* Tell epoll of a watch. data is its place, which stays while it lives. */
static int control(struct hf_machine *m, int operation, const struct watch *w)
{
    struct epoll_event event = {.events = epoll_bits(w->want)};
    event.data.u64 = (uint64_t)(w - m->watches);
    return epoll_ctl(m->epoll, operation, w->descriptor, &event);
}

static int watch(struct hf_machine *m, enum kind kind, int descriptor, unsigned want,
                 uint64_t user)
{
    struct watch *w = add(m);
    if (!w)
        return HF_ERR_MEMORY;
    *w = (struct watch){kind, descriptor, want, user};
    if (control(m, EPOLL_CTL_ADD, w) == 0)
        return HF_OK;
    if (errno == EPERM && kind == WATCH_USER) {
        w->kind = WATCH_ALWAYS;
        m->always += want != 0;
        return HF_OK;
    }
    w->kind = WATCH_FREE;
    return errno == ENOMEM || errno == ENOSPC ? HF_ERR_MEMORY : HF_ERR_ARGUMENT;
}

int hf_machine_watch_link(struct hf_machine *m, int descriptor)
{
    return watch(m, WATCH_LINK, descriptor, HF_READY_READ, 0);
}

int hf_machine_watch(struct hf_machine *m, int descriptor, unsigned want, uint64_t user)
{
    struct watch *w = find(m, descriptor);
    if (!w)
        return watch(m, WATCH_USER, descriptor, want, user);
    if (w->kind == WATCH_ALWAYS) {
        m->always -= w->want != 0;
        m->always += want != 0;
    }
    bool changed = w->want != want;
    w->want = want;
    w->user = user;
    if (changed && w->kind == WATCH_USER)
        (void)control(m, EPOLL_CTL_MOD, w);
    return HF_OK;
}

void hf_machine_unwatch(struct hf_machine *m, int descriptor)
{
    struct watch *w = find(m, descriptor);
    if (!w)
        return;
    if (w->kind == WATCH_ALWAYS)
        m->always -= w->want != 0;
    else
        (void)control(m, EPOLL_CTL_DEL, w);
    w->kind = WATCH_FREE;
}

static void report(struct hf_machine *m, size_t place, uint32_t events)
{
    const struct watch w = m->watches[place];
    unsigned ready = 0;
    if (w.kind != WATCH_USER)
        return; /* unwatched by an earlier report, or a link */
    if (events & (EPOLLIN | EPOLLRDHUP))
        ready |= HF_READY_READ;
    if (events & EPOLLOUT)
        ready |= HF_READY_WRITE;
    if (events & (EPOLLHUP | EPOLLERR))
        ready |= HF_READY_HANGUP;
    if (ready)
        m->on_ready(m->context, w.descriptor, ready, w.user);
}

void hf_machine_dispatch(struct hf_machine *m)
{
    int n = m->ready_count;
    m->ready_count = 0;
    for (int i = 0; i < n; i++) {
        size_t place = (size_t)m->ready[i].data.u64;
        if (m->watches[place].kind == WATCH_WAKE) {
            uint64_t count;
            ssize_t got = read(m->wake, &count, sizeof count);
            (void)got;
        } else {
            report(m, place, m->ready[i].events);
        }
    }
    for (size_t i = 0; m->always > 0 && i < m->watch_count; i++) {
        const struct watch w = m->watches[i];
        if (w.kind == WATCH_ALWAYS && w.want != 0)
            m->on_ready(m->context, w.descriptor, w.want, w.user);
    }
}

struct hf_machine *hf_machine_create(hf_host_ready_fn on_ready, void *context, char *error)
{
    struct hf_machine *m = calloc(1, sizeof *m);
    if (!m) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for a host");
        return NULL;
    }
    m->on_ready = on_ready;
    m->context = context;
    m->precise = true;
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->epoll < 0 || m->wake < 0 || watch(m, WATCH_WAKE, m->wake, HF_READY_READ, 0) != HF_OK) {
        (void)snprintf(error, HF_ERROR_TEXT, "cannot make an epoll set: %s", strerror(errno));
        hf_machine_destroy(m);
        return NULL;
    }
    return m;
}

void hf_machine_destroy(struct hf_machine *m)
{
    if (!m)
        return;
    if (m->epoll >= 0)
        (void)close(m->epoll);
    if (m->wake >= 0)
        (void)close(m->wake);
    free(m->watches);
    free(m);
}
