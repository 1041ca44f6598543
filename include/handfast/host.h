/* Handfast: a host, which drives a stack on an operating system or in virtual time.
 *
 * A host is the loop that a stack does not have. One step of it waits for the next deadline,
 * packet or descriptor, takes what the links received, runs the timers that are due, hands out
 * events and sends the output. Everything is called on the thread that calls hf_host_step,
 * which is the thread that owns the stack; only hf_host_wake may be called from elsewhere.
 *
 *     host = hf_host_create(&config, error);       config.on_event, config.on_ready
 *     stack_config.now = hf_host_now(host);
 *     hf_host_attach(host, hf_stack_create(&stack_config, &err));
 *     number = hf_host_add_link(host, hf_link_tun(&tun, error), 0);
 *     hf_stack_add_address(stack, number, ...);
 *     while (!done) hf_host_step(host, HF_NEVER);
 *
 * The host owns neither the stack nor the links: destroy the host first, then the stack, then
 * close the links. */
#ifndef HANDFAST_HOST_H
#define HANDFAST_HOST_H

#include <handfast/link.h>
#include <handfast/stack.h>
#include <handfast/types.h>

HF_BEGIN

struct hf_host;

/* ---- The four functions ---- */

/* What a host asks of the world it runs in. */
struct hf_host_ops {
    /* The time. It goes on while the machine sleeps. */
    hf_time (*now)(void *context);
    /* Sleep until `until` (HF_NEVER: without end), or until something is ready, or wake, or a
     * kick since the last wait. May return early, for nothing. Returns 0 or HF_ERR_STATE (there
     * is nothing that could ever end this wait). */
    int (*wait)(void *context, hf_time until);
    /* End the wait from anywhere: another thread or a signal handler. */
    void (*wake)(void *context);
    /* From the owner's thread: there is work that the coming wait does not know of. */
    void (*kick)(void *context);
    void *context;
};

/* ---- Creating ---- */

/* What a watched descriptor is ready for, or is wished to be ready for. */
enum { HF_READY_READ = 1, HF_READY_WRITE = 2, HF_READY_HANGUP = 4 };

/* An event of the stack. May make any call on the stack. */
typedef void (*hf_host_event_fn)(void *context, const struct hf_event *event);
/* A watched descriptor is ready. `ready` holds HF_READY_... */
typedef void (*hf_host_ready_fn)(void *context, int descriptor, unsigned ready, uint64_t user);

struct hf_host_config {
    uint32_t size;                 /* sizeof(struct hf_host_config)                           */
    const struct hf_host_ops *ops; /* copied; NULL: this machine, its clock and its epoll     */
    hf_host_event_fn on_event;     /* NULL: events are left for hf_stack_events               */
    hf_host_ready_fn on_ready;     /* NULL: hf_host_watch is not used                         */
    void *context;                 /* of both                                                 */
};

/* hf_host_create: a host without a stack.
 * error    at least HF_ERROR_TEXT bytes, or NULL: one line when it fails
 * returns  the host, or NULL
 * owner    the caller's, until hf_host_destroy */
HF_API struct hf_host *hf_host_create(const struct hf_host_config *config, char *error);

/* hf_host_destroy: forget stack and links, which live on. NULL is allowed. */
HF_API void hf_host_destroy(struct hf_host *host);

/* hf_host_now: the time on the host's clock, for hf_stack_config.now and for calls that take it.
 * On this machine it is CLOCK_BOOTTIME, which does not stand still in suspend. */
HF_API hf_time hf_host_now(const struct hf_host *host);

/* hf_host_attach: the stack that the host drives; one only.
 * returns  0, or HF_ERR_ARGUMENT (NULL), HF_ERR_EXISTS (it has one) */
HF_API int hf_host_attach(struct hf_host *host, struct hf_stack *stack);

/* hf_host_add_link: add a link to the stack and move packets between the two from now on.
 * features HF_LINK_... of stack.h, besides those that the link tells itself
 * returns  the link's number in the stack, from 1; or HF_ERR_STATE (no stack yet), HF_ERR_LIMIT,
 *          HF_ERR_MEMORY, HF_ERR_ARGUMENT (NULL, or a link that the stack cannot use) */
HF_API int hf_host_add_link(struct hf_host *host, struct hf_link *link, uint32_t features);

/* ---- Running ---- */

/* hf_host_step: one turn: wait, receive, timers, descriptors, events, output. Before the wait,
 * events and output of the calls made since the last step; nothing is left to send when it returns.
 * max_wait how long to wait at the most when there is nothing to do; 0: do not wait; HF_NEVER:
 *          until something happens
 * returns  0; or HF_ERR_STATE: a link is gone, or (virtual time) nothing will ever happen */
HF_API int hf_host_step(struct hf_host *host, hf_time max_wait);

/* hf_host_wake: make hf_host_step return from its wait.
 * thread   any; also from a signal handler */
HF_API void hf_host_wake(struct hf_host *host);

/* hf_host_jump_count: how often the clock was found to have leapt past a deadline by a second or
 * more (suspend, a stopped process, a paused machine). Each time the stack was told by
 * hf_stack_time_jump. */
HF_API uint64_t hf_host_jump_count(const struct hf_host *host);

/* ---- Descriptors of the program's own ---- */

/* hf_host_watch: call on_ready when a descriptor is ready; again with the same descriptor to
 * change what is wanted (0: only HANGUP). Level-triggered. A descriptor that cannot be waited
 * for, such as a regular file, is always ready.
 * want     HF_READY_READ, HF_READY_WRITE
 * returns  0, or HF_ERR_ARGUMENT (not a descriptor), HF_ERR_STATE (no on_ready, or the host runs
 *          on ops of the caller's), HF_ERR_MEMORY */
HF_API int hf_host_watch(struct hf_host *host, int descriptor, unsigned want, uint64_t user);

/* hf_host_unwatch: before the descriptor is closed. Unknown descriptors are ignored. */
HF_API void hf_host_unwatch(struct hf_host *host, int descriptor);

/* ---- Several hosts that share a device ---- */

/* Members are hosts, each with a stack, a link that is one queue of the same device, and a thread of its
 * own. A flow belongs to one of them, by a keyed hash of its addresses and ports. What reaches
 * another one's queue (the first packets of a flow, an ICMP error about it, a fragment) is copied to its
 * owner before anybody looks at it. Nothing else is shared.
 *
 *     group = hf_group_create(n, seed);            the stacks' seed, the same for all: they then
 *                                                  agree on cookies, sequence numbers and clocks
 *     for each: hf_host_add_link, hf_group_join(group, i, host);
 *     hf_group_run(group, run, context);           run steps host i until it is over
 *
 * A connection is opened actively by the owner of its flow alone (hf_group_owner). */
struct hf_group;

#define HF_GROUP_MAX 64 /* members                                                            */

struct hf_group_counters {
    uint64_t received;    /* packets that the member's queue brought ...                      */
    uint64_t own;         /* ... that were its own                                            */
    uint64_t handed_over; /* packets it copied to another member                              */
    uint64_t taken;       /* packets that others copied to it                                 */
    uint64_t lost;        /* packets that found no room on their way to another               */
};

/* hf_group_create: members 1..HF_GROUP_MAX. seed: a secret.
 * returns  the group, or NULL: no memory, or members out of range
 * owner    the caller's, until hf_group_destroy: after hf_group_run, before the hosts are destroyed */
HF_API struct hf_group *hf_group_create(unsigned members, const uint8_t seed[16]);
HF_API void hf_group_destroy(struct hf_group *group);

/* hf_group_join: the host is member `number`, from 0; its first link is its queue.
 * returns  0, or HF_ERR_ARGUMENT (number, NULL), HF_ERR_EXISTS (that number, or the host, is in a
 *          group), HF_ERR_STATE (the host has no link yet) */
HF_API int hf_group_join(struct hf_group *group, unsigned number, struct hf_host *host);

/* hf_group_owner: the member that a flow belongs to.
 * thread   any */
HF_API unsigned hf_group_owner(const struct hf_group *group, const struct hf_endpoint *local,
                               const struct hf_endpoint *remote);

/* hf_group_run: call `run` for every member at once, member 0 on this thread, each other on one of its
 * own, and return when all have returned.
 * returns  0, or HF_ERR_LIMIT: so many threads cannot be had, and none has run */
HF_API int hf_group_run(const struct hf_group *group, void (*run)(void *context, unsigned number),
                        void *context);

/* hf_group_count: what a member did so far.
 * thread   the member's, or any when hf_group_run has returned */
HF_API void hf_group_count(const struct hf_group *group, unsigned number,
                           struct hf_group_counters *counters);

/* ---- Virtual time ---- */

/* A clock that several hosts share. It stands still while any of them has something to do, and
 * leaps to the earliest deadline when all of them wait. One thread. */
struct hf_virtual_clock;

/* hf_virtual_clock_create: a clock that begins at `start`. NULL: no memory.
 * owner    the caller's; hosts made with its ops must be destroyed first */
HF_API struct hf_virtual_clock *hf_virtual_clock_create(hf_time start);
HF_API void hf_virtual_clock_destroy(struct hf_virtual_clock *clock);

/* hf_virtual_clock_join: the four functions for one more host on this clock.
 * returns  0 or HF_ERR_LIMIT (16 hosts) */
HF_API int hf_virtual_clock_join(struct hf_virtual_clock *clock, struct hf_host_ops *ops);

HF_API hf_time hf_virtual_clock_now(const struct hf_virtual_clock *clock);

/* hf_virtual_clock_leap: move the clock as a suspended machine would find it. by >= 0 */
HF_API void hf_virtual_clock_leap(struct hf_virtual_clock *clock, hf_time by);

/* ---- What a stack wants from the operating system ---- */

/* hf_host_allocator: malloc and free. A host on this machine hands what malloc keeps back to the
 * system (malloc_trim, with glibc) when it is about to sleep and its stack has come down to half of
 * the memory that it had; who has a loop of his own may want to do the same. */
HF_API struct hf_allocator hf_host_allocator(void);

/* hf_host_checksum: for hf_stack_config.checksum, what this processor does fastest.
 * returns  a function, or NULL: the stack's own is as good */
HF_API hf_checksum_fn hf_host_checksum(void);

/* hf_host_seed: 128 bits from the operating system's random source.
 * returns  0 or HF_ERR_STATE (it has none) */
HF_API int hf_host_seed(uint8_t seed[16]);

/* hf_host_seed_expand: 128 bits out of a small number, the same for the same number. */
HF_API void hf_host_seed_expand(uint64_t number, uint8_t seed[16]);

HF_END
#endif
