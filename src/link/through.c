/* A link that goes through a wire of the simulator: what the user sends enters the wire at end 0 and
 * reaches the link behind it when it has arrived at end 1; what that link receives goes the other
 * way. The wire is the model, this file its clock.
 *
 * On this machine's clock the descriptor is an epoll set of the inner link's descriptor and a
 * timer for the next arrival. The timer is set again only when it would ring too late; a ring
 * for nothing does no harm. */
#include "link/link.h"

#include <handfast/sim.h>
#include <handfast/stack.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
/* Batches that one call moves in each direction before the caller has its turn. */
#define BATCHES_MAX 16

struct through {
    struct hf_link link;
    struct hf_link *inner;
    struct hf_sim_wire *wire;
    hf_time (*now)(void *context);
    void *context;
    hf_time early;
    int timer;          /* -1: on a clock of the caller's                                     */
    hf_time rings_at;   /* HF_NEVER: it is not set                                            */
    struct hf_packet packets[BATCH];
};

static hf_time monotonic(void *context)
{
    struct timespec t;
    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (hf_time)t.tv_sec * HF_SEC + t.tv_nsec;
}

/* What has arrived at the far end goes on by the inner link. HF_ERR_STATE when that is gone. */
static int pass_on(struct through *t, hf_time now)
{
    for (int batch = 0; batch < BATCHES_MAX; batch++) {
        size_t n = hf_sim_wire_take(t->wire, 1, t->packets, BATCH, now);
        if (n == 0)
            break;
        int64_t sent = hf_link_send(t->inner, t->packets, n);
        t->link.lost = hf_link_lost(t->inner);
        if (sent < 0)
            return (int)sent;
    }
    return HF_OK;
}

/* What the inner link has enters the wire. */
static int take_in(struct through *t, hf_time now)
{
    for (int batch = 0; batch < BATCHES_MAX; batch++) {
        int64_t n = hf_link_receive(t->inner, t->packets, BATCH);
        if (n < 0)
            return (int)n;
        for (int64_t i = 0; i < n; i++)
            hf_sim_wire_put(t->wire, 1, &t->packets[i], now);
        if (n < BATCH)
            break;
    }
    return HF_OK;
}

static void set_timer(struct through *t, hf_time now)
{
    if (t->timer < 0)
        return;
    hf_time here = hf_sim_wire_deadline(t->wire, 0);
    hf_time there = hf_sim_wire_deadline(t->wire, 1);
    hf_time next = here < there ? here : there;
    if (next != HF_NEVER)
        next -= t->early;
    if (t->rings_at > now && t->rings_at <= next)
        return;
    struct itimerspec at = {.it_value = {0}};
    if (next != HF_NEVER) {
        at.it_value.tv_sec = (time_t)(next / HF_SEC);
        at.it_value.tv_nsec = (long)(next % HF_SEC);
        if (next <= 0)
            at.it_value.tv_nsec = 1; /* 0 would switch it off */
    }
    t->rings_at = next;
    (void)timerfd_settime(t->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int64_t through_receive(struct hf_link *link, struct hf_packet *packets, size_t room)
{
    struct through *t = (struct through *)link;
    hf_time now = t->now(t->context);
    int err = take_in(t, now);
    if (err == HF_OK)
        err = pass_on(t, now);
    if (err != HF_OK)
        return err;
    size_t n = hf_sim_wire_take(t->wire, 0, packets, room, now);
    set_timer(t, now);
    return (int64_t)n;
}

static int64_t through_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    struct through *t = (struct through *)link;
    hf_time now = t->now(t->context);
    for (size_t i = 0; i < n; i++)
        hf_sim_wire_put(t->wire, 0, &packets[i], now);
    int err = pass_on(t, now);
    set_timer(t, now);
    return err == HF_OK ? (int64_t)n : err;
}

static void through_close(struct hf_link *link)
{
    struct through *t = (struct through *)link;
    if (t->timer >= 0)
        (void)close(t->timer);
    if (link->descriptor >= 0)
        (void)close(link->descriptor);
    hf_link_close(t->inner);
    hf_sim_wire_destroy(t->wire);
    free(t);
}

static const struct hf_link_ops through_ops = {through_receive, through_send, through_close};

static bool watch(int epoll, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

/* The descriptor of the whole, or -1 with errno. */
static int open_descriptor(struct through *t)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll >= 0 && t->timer >= 0 && watch(epoll, t->timer) &&
        watch(epoll, hf_link_descriptor(t->inner)))
        return epoll;
    int err = errno;
    if (t->timer >= 0)
        (void)close(t->timer);
    if (epoll >= 0)
        (void)close(epoll);
    errno = err;
    return -1;
}

struct hf_link *hf_link_through(const struct hf_through_config *config, char *error)
{
    bool on_machine = config->now == NULL;
    int descriptor = -1;
    if (config->size != sizeof *config || !config->inner || !config->wire ||
        (on_machine && hf_link_descriptor(config->inner) < 0)) {
        (void)snprintf(error, HF_ERROR_TEXT,
                       "a path wants a wire and a link with a descriptor, or a clock");
        return NULL;
    }
    if (config->inner->kind != HF_LINK_IP) { /* the wire reads IP headers */
        (void)snprintf(error, HF_ERROR_TEXT, "a path takes IP packets, not the frames of %s",
                       hf_link_name(config->inner));
        return NULL;
    }
    struct through *t = calloc(1, sizeof *t);
    if (!t) {
        (void)snprintf(error, HF_ERROR_TEXT, "no memory for a path");
        return NULL;
    }
    t->inner = config->inner;
    t->wire = config->wire;
    t->now = on_machine ? monotonic : config->now;
    t->context = config->context;
    t->early = config->early;
    t->timer = -1;
    t->rings_at = HF_NEVER;
    if (on_machine && (descriptor = open_descriptor(t)) < 0) {
        (void)snprintf(error, HF_ERROR_TEXT, "cannot make a timer for a path: %s",
                       strerror(errno));
        free(t);
        return NULL;
    }
    hf_link_init(&t->link, &through_ops, hf_link_name(t->inner), hf_link_mtu(t->inner),
                 descriptor);
    return &t->link;
}
