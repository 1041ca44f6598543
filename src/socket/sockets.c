/* The table of descriptors, the way from the stack's events to the socket they are for, and the
 * sleep of a blocking call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "socket/sockets.h"

#define FIRST_DESCRIPTOR 3 /* as in a process that has only its standard streams */
#define EVENTS 32          /* taken at a time */

struct hf_sockets *hf_sockets_create(const struct hf_sockets_config *config)
{
    if (!config || config->size != sizeof *config || !config->stack || !config->settings)
        return NULL;
    struct hf_sockets *sockets = calloc(1, sizeof *sockets);
    if (!sockets)
        return NULL;
    sockets->stack = config->stack;
    sockets->ops = config->ops;
    sockets->settings = *config->settings;
    sockets->notsent_low = config->notsent_low;
    sockets->open_descriptor = config->open_descriptor;
    sockets->close_descriptor = config->close_descriptor;
    sockets->context = config->context;
    return sockets;
}

void hf_sockets_destroy(struct hf_sockets *sockets)
{
    if (!sockets)
        return;
    for (size_t i = 0; i < sockets->room; i++)
        if (sockets->table[i])
            (void)hf_socket_close(sockets, (int)i);
    free(sockets->table);
    free(sockets);
}

/* ---- Descriptors ---- */

struct hf_socket *hf_descriptor_of(const struct hf_sockets *sockets, int descriptor)
{
    if (descriptor < 0 || (size_t)descriptor >= sockets->room)
        return NULL;
    return sockets->table[descriptor];
}

struct hf_socket *hf_socket_of(const struct hf_sockets *sockets, int descriptor)
{
    struct hf_socket *s = hf_descriptor_of(sockets, descriptor);
    return s && !s->epoll ? s : NULL;
}

int hf_sockets_own(const struct hf_sockets *sockets, int descriptor)
{
    return hf_descriptor_of(sockets, descriptor) != NULL;
}

static int lowest_free(const struct hf_sockets *sockets)
{
    size_t at = FIRST_DESCRIPTOR;
    while (at < sockets->room && sockets->table[at])
        at++;
    return (int)at;
}

static bool make_room(struct hf_sockets *sockets, size_t descriptor)
{
    if (descriptor < sockets->room)
        return true;
    size_t room = sockets->room ? sockets->room : 16;
    while (room <= descriptor)
        room *= 2;
    struct hf_socket **table = realloc(sockets->table, room * sizeof *table);
    if (!table)
        return false;
    memset(table + sockets->room, 0, (room - sockets->room) * sizeof *table);
    sockets->table = table;
    sockets->room = room;
    return true;
}

static void give_back(struct hf_sockets *sockets, int descriptor)
{
    if (sockets->close_descriptor)
        sockets->close_descriptor(sockets->context, descriptor);
}

struct hf_socket *hf_descriptor_new(struct hf_sockets *sockets, int *error)
{
    int descriptor = sockets->open_descriptor ? sockets->open_descriptor(sockets->context)
                                              : lowest_free(sockets);
    if (descriptor < 0) {
        *error = -EMFILE;
        return NULL;
    }
    struct hf_socket *s = calloc(1, sizeof *s);
    if (!s || !make_room(sockets, (size_t)descriptor)) {
        free(s);
        give_back(sockets, descriptor);
        *error = -ENOMEM;
        return NULL;
    }
    s->sockets = sockets;
    s->descriptor = descriptor;
    sockets->table[descriptor] = s;
    return s;
}

void hf_descriptor_free(struct hf_socket *s)
{
    s->sockets->table[s->descriptor] = NULL;
    give_back(s->sockets, s->descriptor);
    free(s);
}

/* ---- Time and sleep ---- */

hf_time hf_sockets_now(const struct hf_sockets *sockets)
{
    return sockets->ops.now(sockets->ops.context);
}

void hf_sockets_catch_up(struct hf_sockets *sockets)
{
    hf_stack_timers(sockets->stack, hf_sockets_now(sockets));
    hf_sockets_notice(sockets);
}

void hf_sockets_kick(struct hf_sockets *sockets)
{
    sockets->ops.kick(sockets->ops.context);
}

int hf_sockets_sleep(struct hf_sockets *sockets, hf_time until)
{
    return sockets->ops.wait(sockets->ops.context, until) < 0 ? -EDEADLK : 0;
}

hf_time hf_sockets_until(const struct hf_sockets *sockets, hf_time limit)
{
    return limit ? hf_sockets_now(sockets) + limit : HF_NEVER;
}

/* ---- Events ---- */

static void ended(struct hf_socket *s, enum hf_cause cause)
{
    s->phase = HF_SOCKET_OVER;
    s->deferred = false;
    s->error = hf_errno_of_cause(s, cause);
    hf_socket_stir(s, 0);
}

static void connection_event(struct hf_socket *s, const struct hf_event *event)
{
    if (event->bits & HF_EVENT_CONNECTED && s->phase == HF_SOCKET_CONNECTING) {
        s->phase = HF_SOCKET_CONNECTED;
        hf_socket_stir(s, 0);
    }
    if (event->bits & (HF_EVENT_READABLE | HF_EVENT_URGENT))
        hf_socket_stir(s, EPOLLIN | EPOLLRDNORM | EPOLLPRI);
    if (event->bits & HF_EVENT_EOF) {
        s->eof = true;
        hf_socket_stir(s, 0);
    }
    if (event->bits & HF_EVENT_FIN_ACKED)
        hf_socket_stir(s, 0);
    if (event->bits & HF_EVENT_ENDED)
        ended(s, (enum hf_cause)event->cause);
}

static void one_event(struct hf_sockets *sockets, const struct hf_event *event)
{
    struct hf_socket *s = hf_socket_of(sockets, (int)event->user);
    if (!s)
        return;
    if (s->listener == event->handle)
        hf_socket_stir(s, EPOLLIN | EPOLLRDNORM);
    else if (s->conn == event->handle)
        connection_event(s, event);
}

/* Those who found a socket full are told when there is room again, by the rule of room.c, which is
 * not that of the stack's own event. */
static void look_for_room(struct hf_sockets *sockets)
{
    for (size_t i = 0; i < sockets->room; i++) {
        struct hf_socket *s = sockets->table[i];
        if (!s || s->epoll || (!s->no_room && !s->room_limited_since))
            continue;
        if (s->no_room && hf_room_worth_telling(s)) {
            s->no_room = false;
            hf_socket_stir(s, EPOLLOUT | EPOLLWRNORM);
        }
        hf_room_look_at_limit(s);
    }
}

void hf_sockets_notice(struct hf_sockets *sockets)
{
    struct hf_event events[EVENTS];
    size_t n;
    do {
        n = hf_stack_events(sockets->stack, events, EVENTS);
        for (size_t i = 0; i < n; i++)
            one_event(sockets, &events[i]);
    } while (n == EVENTS);
    look_for_room(sockets);
}
