/* The inside of handfast-pd.so: a stack, its sockets, a clock that only moves when packetdrill
 * asks for time, and one lock over all of it.
 *
 * Two threads call: packetdrill's main thread, and one that makes the calls of which the script
 * says that they block. docs/packetdrill.md tells how the clock stays the same for both. */
#ifndef ADAPTER_H
#define ADAPTER_H

#include <handfast/handfast.h>
#include <handfast/socket.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A packet that the stack has sent and packetdrill has not taken. */
struct pd_packet {
    struct pd_packet *next;
    hf_time sent_at;
    uint32_t len;
    uint8_t bytes[];
};

/* A thread asleep in a call; lives on its stack. */
struct pd_sleeper {
    struct pd_sleeper *next;
    hf_time until;
    bool woken;
};

struct pd_flags {
    struct hf_settings settings;
    struct hf_addr local; /* NONE: not given */
    uint32_t mtu;
    uint16_t mss; /* of the segments in a merged packet that comes in; 0: none is merged */
    uint32_t notsent_low; /* tcp_notsent_lowat */
    uint8_t fast_open_key[1][16]; /* tcp_fastopen_key */
    bool fast_open_key_given;
    bool google;          /* profile=linux: the largest buffer decides the window scale */
    bool report_left;     /* left=1: say at the end how many packets nobody asked for */
};

struct pd {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* somebody was woken, or has settled */
    pthread_t main_thread;
    pid_t main_id;
    unsigned long main_calls; /* made by the main thread so far */
    unsigned long wait_call;  /* the one of them that began to wait at wait_begun */
    hf_time wait_begun;
    hf_time now;
    unsigned released; /* woken threads that have not yet asked for the time */
    pid_t finishing;   /* a thread whose call is over, and packetdrill may not know yet */
    struct pd_sleeper *sleepers;
    struct pd_flags flags;
    struct hf_stack *stack;
    struct hf_sockets *sockets;
    int link;
    struct pd_packet *queue, **queue_end;
    unsigned queued;
    int left;     /* packets in the queue at the first cleanup RST; -1: there was none yet */
    bool closing; /* descriptors are packetdrill's to close by now */
};

/* ---- flags.c ---- */

/* Read "key=value,key=value"; what is not known is ignored. flags may be NULL. */
void pd_flags_read(const char *text, struct pd_flags *flags);

/* ---- clock.c: all with the lock held, but for enter ---- */

void pd_enter(struct pd *pd);
void pd_leave(struct pd *pd);

/* The four functions that sockets sleep by. */
struct hf_host_ops pd_host_ops(struct pd *pd);

/* Wait until every thread that was woken has asked for the time or sleeps again. */
void pd_settle(struct pd *pd);
/* In the main thread, when it does not hold packetdrill's own lock: wait until a thread whose call
 * is over has told packetdrill so, and sleeps. Gives up the lock meanwhile. */
void pd_let_finish(struct pd *pd);
/* Move the clock, running every timer on the way at its own time. */
void pd_advance(struct pd *pd, hf_time target);
/* Go to the next timer and run it; false: there is none up to `limit`. */
bool pd_next_timer(struct pd *pd, hf_time limit);
/* What this thread is told the time is. */
hf_time pd_tell_time(struct pd *pd);

/* ---- packets.c ---- */

int pd_add_address(struct pd *pd, const struct hf_addr *addr);
void pd_packet_in(struct pd *pd, const void *bytes, size_t len);
/* Queue what the stack has to send, with the time it is. */
void pd_packets_out(struct pd *pd);
/* The oldest packet, or NULL; the caller frees it. */
struct pd_packet *pd_packet_take(struct pd *pd);
void pd_packets_drop(struct pd *pd);

/* ---- adapter.c ---- */

/* The one instance, or NULL: for the preloaded functions of preload.c. */
struct pd *pd_instance(void);

#endif
