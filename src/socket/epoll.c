/* epoll, level- and edge-triggered. A set has a watch for each descriptor; a watch is in question
 * when its socket was stirred since it was last reported. Level-triggered watches stay in question
 * as long as they are ready; edge-triggered ones leave with the report, and come back with the next
 * stir that their events (or no particular ones) ask for, as ep_poll_callback has it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "socket/sockets.h"

/* Said of a watch whether asked for or not. */
#define ALWAYS (EPOLLERR | EPOLLHUP)
/* How to tell, not what. */
#define MANNERS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)

struct hf_watch {
    struct hf_epoll *epoll;
    struct hf_socket *socket;
    struct epoll_event event;
    bool in_question;
    struct hf_watch *next; /* of the set, in the order they came into question        */
    struct hf_watch *next_on_socket;
};

struct hf_epoll {
    struct hf_sockets *sockets;
    struct hf_socket *self; /* its descriptor: other sets may watch it                     */
    struct hf_watch *watches;
};

/* ---- Sets ---- */

static int create(struct hf_sockets *sockets)
{
    int err = 0;
    struct hf_epoll *epoll = calloc(1, sizeof *epoll);
    struct hf_socket *s = epoll ? hf_descriptor_new(sockets, &err) : NULL;
    if (!s) {
        free(epoll);
        return err ? err : -ENOMEM;
    }
    epoll->sockets = sockets;
    epoll->self = s;
    s->epoll = epoll;
    return s->descriptor;
}

int hf_epoll_create(struct hf_sockets *sockets)
{
    return (int)hf_posix(create(sockets));
}

static void remove_watch(struct hf_watch *watch)
{
    struct hf_watch **at = &watch->epoll->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    at = &watch->socket->watches;
    while (*at != watch)
        at = &(*at)->next_on_socket;
    *at = watch->next_on_socket;
    free(watch);
}

void hf_epoll_destroy(struct hf_epoll *epoll)
{
    while (epoll->watches)
        remove_watch(epoll->watches);
    free(epoll);
}

void hf_epoll_forget(struct hf_socket *s)
{
    while (s->watches)
        remove_watch(s->watches);
}

/* ---- Watches ---- */

static uint32_t ready_of(struct hf_watch *watch)
{
    return hf_socket_ready(watch->socket) & ((watch->event.events & ~MANNERS) | ALWAYS);
}

/* A one-shot watch that was reported asks for nothing until it is set again. */
static bool asleep(const struct hf_watch *watch)
{
    return (watch->event.events & ~MANNERS) == 0;
}

/* To the end of the line. */
static void question(struct hf_watch *watch)
{
    struct hf_watch **at = &watch->epoll->watches;
    if (watch->in_question)
        return;
    watch->in_question = true;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    while (*at)
        at = &(*at)->next;
    *at = watch;
    watch->next = NULL;
    hf_epoll_stir(watch->epoll->self, EPOLLIN | EPOLLRDNORM);
}

void hf_epoll_stir(struct hf_socket *s, uint32_t bits)
{
    for (struct hf_watch *w = s->watches; w; w = w->next_on_socket)
        if (!asleep(w) && (bits == 0 || bits & (w->event.events | ALWAYS)))
            question(w);
}

/* Whether `set` is watched from within `inner`, at any depth. */
static bool holds(const struct hf_epoll *inner, const struct hf_epoll *set)
{
    if (inner == set)
        return true;
    for (const struct hf_watch *w = inner->watches; w; w = w->next)
        if (w->socket->epoll && holds(w->socket->epoll, set))
            return true;
    return false;
}

static struct hf_watch *watch_of(struct hf_epoll *epoll, const struct hf_socket *s)
{
    struct hf_watch *w = epoll->watches;
    while (w && w->socket != s)
        w = w->next;
    return w;
}

static int add(struct hf_epoll *epoll, struct hf_socket *s, const struct epoll_event *event)
{
    struct hf_watch *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->epoll = epoll;
    w->socket = s;
    w->event = *event;
    w->next = epoll->watches;
    epoll->watches = w;
    w->next_on_socket = s->watches;
    s->watches = w;
    if (ready_of(w))
        question(w);
    return 0;
}

static int control(struct hf_sockets *sockets, int descriptor, int operation, int watched,
                   const struct epoll_event *event)
{
    struct hf_socket *set = hf_descriptor_of(sockets, descriptor);
    struct hf_socket *s = hf_descriptor_of(sockets, watched);
    if (!set || !s)
        return -EBADF;
    if (!set->epoll || set == s)
        return -EINVAL;
    if (operation != EPOLL_CTL_DEL && !event)
        return -EFAULT;
    if (operation == EPOLL_CTL_ADD && s->epoll && holds(s->epoll, set->epoll))
        return -ELOOP;
    struct hf_watch *w = watch_of(set->epoll, s);
    if (operation == EPOLL_CTL_ADD) {
        int err = w ? -EEXIST : add(set->epoll, s, event);
        if (!err)
            sockets->ops.wake(sockets->ops.context);
        return err;
    }
    if (operation != EPOLL_CTL_DEL && operation != EPOLL_CTL_MOD)
        return -EINVAL;
    if (!w)
        return -ENOENT;
    if (operation == EPOLL_CTL_DEL) {
        remove_watch(w);
        return 0;
    }
    w->event = *event;
    if (ready_of(w))
        question(w);
    sockets->ops.wake(sockets->ops.context);
    return 0;
}

int hf_epoll_control(struct hf_sockets *sockets, int epoll, int operation, int descriptor,
                     const struct epoll_event *event)
{
    return (int)hf_posix(control(sockets, epoll, operation, descriptor, event));
}

/* ---- Waiting ---- */

bool hf_epoll_has_ready(struct hf_epoll *epoll)
{
    for (struct hf_watch *w = epoll->watches; w; w = w->next)
        if (w->in_question && ready_of(w))
            return true;
    return false;
}

static int report(struct hf_epoll *epoll, struct epoll_event *events, int room)
{
    int n = 0;
    struct hf_watch *again = NULL;
    for (struct hf_watch *w = epoll->watches, *next; w && w != again && n < room; w = next) {
        next = w->next;
        if (!w->in_question)
            continue;
        uint32_t ready = ready_of(w);
        w->in_question = false;
        if (!ready)
            continue;
        events[n].events = ready;
        events[n].data = w->event.data;
        n++;
        if (w->event.events & EPOLLONESHOT) {
            w->event.events &= MANNERS;
        } else if (!(w->event.events & EPOLLET)) {
            question(w); /* level: at the end of the line, so that all have their turn */
            if (!again)
                again = w;
        }
    }
    return n;
}

static int wait_for(struct hf_sockets *sockets, int descriptor, struct epoll_event *events,
                    int room, int timeout)
{
    hf_time until = timeout < 0 ? HF_NEVER : hf_sockets_now(sockets) + timeout * HF_MS;
    if (room <= 0)
        return -EINVAL;
    if (!events)
        return -EFAULT;
    for (;;) {
        struct hf_socket *set = hf_descriptor_of(sockets, descriptor);
        if (!set)
            return -EBADF;
        if (!set->epoll)
            return -EINVAL;
        int n = report(set->epoll, events, room);
        if (n || timeout == 0 || hf_sockets_now(sockets) >= until)
            return n;
        int err = hf_sockets_sleep(sockets, until);
        if (err)
            return err;
    }
}

int hf_epoll_wait(struct hf_sockets *sockets, int epoll, struct epoll_event *events, int room,
                  int timeout)
{
    return (int)hf_posix(wait_for(sockets, epoll, events, room, timeout));
}
