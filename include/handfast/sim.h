/* Handfast: the simulator. Many stacks in one process, joined by links that delay, lose, reorder,
 * repeat and damage packets, in virtual time. One seed decides everything: the same seed and the
 * same calls give the same run, packet by packet, on any machine.
 *
 *     sim  = hf_sim_create(&config);
 *     a    = hf_sim_add_host(sim, &client);        a stack each, made by hf_stack_create
 *     b    = hf_sim_add_host(sim, &server);
 *     wire = hf_sim_add_link(sim, a, b, &path);    addresses and routes are set up
 *     hf_tcp_open(hf_sim_stack(sim, a), ...);
 *     hf_sim_run(sim, until, done, context);
 *
 * Each stack is driven exactly as a host would drive it: packets in batches, timers when they are
 * due, events handed to the application's callback, output pulled until there is none. While it
 * runs, every packet is judged by a parser of its own that shares no code with the stacks (the
 * wire police) and every stack that did something is asked whether its invariants hold. The first
 * thing found wrong ends the run: HF_SIM_FAILED, and hf_sim_failure says what.
 *
 * A simulation has one owner, as a stack has. Callbacks run inside hf_sim_step and hf_sim_run. */
#ifndef HANDFAST_SIM_H
#define HANDFAST_SIM_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>
#include <handfast/types.h>

HF_BEGIN

struct hf_sim;

/* ---- A network ---- */

/* What is looked at while it runs: struct hf_sim_config.checks. */
enum {
    HF_SIM_CHECK_STACK = 1,   /* hf_stack_check of every stack that did something, and its memory
                                 against its limit: slow with many connections                */
    HF_SIM_CHECK_WIRE = 2,    /* the wire police: checksums, options, windows, ACK rates       */
    HF_SIM_CHECK_SILENCE = 4, /* with WIRE: a connection that sends and sends and gets nowhere */
    HF_SIM_CHECK_ALL = 7
};

struct hf_sim_config {
    uint32_t size;   /* sizeof(struct hf_sim_config)                                          */
    uint32_t checks; /* HF_SIM_CHECK_...                                                      */
    uint64_t seed;   /* of every random choice, those of the stacks included                  */
    hf_time start;   /* virtual time of creation                                              */
    uint32_t silence_packets; /* SILENCE: packets of one connection in a virtual second in which
                                 nothing moved forward, at the most                           */
};

/* hf_sim_config_init: every check on, seed 1, time 0, 20 packets of silence. */
HF_API void hf_sim_config_init(struct hf_sim_config *config);

/* hf_sim_create: an empty network.
 * returns  the simulation, or NULL: no memory, or a wrong config->size
 * owner    the caller's, until hf_sim_destroy */
HF_API struct hf_sim *hf_sim_create(const struct hf_sim_config *config);

/* hf_sim_destroy: destroy every stack and every packet. NULL is allowed. */
HF_API void hf_sim_destroy(struct hf_sim *sim);

/* ---- Hosts ---- */

/* The application of a host. Each function may be NULL. They may make any call on the host's
 * stack; calls on another host's stack go through hf_sim_stack, every time. */
struct hf_sim_app {
    /* One piece of news taken from hf_stack_events. */
    void (*on_event)(void *context, struct hf_sim *sim, int host, const struct hf_event *event);
    /* The time given to hf_sim_wake has come. */
    void (*on_wake)(void *context, struct hf_sim *sim, int host, uint64_t value);
    /* A packet arrived; only for a host without a stack. */
    void (*on_packet)(void *context, struct hf_sim *sim, int host, int link, const void *bytes,
                      uint32_t len);
    void *context;
};

struct hf_sim_host_config {
    uint32_t size;                /* sizeof(struct hf_sim_host_config)                        */
    uint32_t batch;               /* packets given or asked for in one call: 1..64; 0: 32     */
    uint32_t gso_max;             /* largest run that the stack may give, bytes; it is cut before it
                                     is on the wire; 0: none                                  */
    uint8_t merge;                /* chance in 100 that a packet is merged with some of those behind
                                     it in its batch before the stack sees them               */
    uint8_t stack_merges;         /* 1: links have HF_LINK_MERGE                              */
    struct hf_stack_config stack; /* seed, now and id are the simulator's; without an allocator
                                     the host gets a counting one of its own; the trace sink is
                                     called behind the simulator's                            */
    struct hf_sim_app app;
};

/* hf_sim_host_config_init: a default stack, no application. */
HF_API void hf_sim_host_config_init(struct hf_sim_host_config *config);

/* hf_sim_add_host: create a stack and put it into the network.
 * returns  the host's number, from 1; or what hf_stack_create said: HF_ERR_ARGUMENT,
 *          HF_ERR_MEMORY; HF_ERR_LIMIT beyond 65535 hosts */
HF_API int hf_sim_add_host(struct hf_sim *sim, const struct hf_sim_host_config *config);

/* hf_sim_add_peer: a host without a stack: the application is given the packets and answers with
 * hf_sim_send. For a peer that plays by a script, or by no rules at all; nobody judges it.
 * returns  the host's number, from 1; or HF_ERR_MEMORY, HF_ERR_LIMIT */
HF_API int hf_sim_add_peer(struct hf_sim *sim, const struct hf_sim_app *app);

/* hf_sim_end_host: destroy a host's stack, in mid-flow if need be. Packets for it are lost from
 * now on. Its number is not used again.
 * returns  bytes that the stack did not give back to the host's own counting allocator (0 is
 *          right; always 0 with an allocator of the caller's); HF_ERR_ARGUMENT: no such host */
HF_API int64_t hf_sim_end_host(struct hf_sim *sim, int host);

/* hf_sim_stack: the stack of a host, NULL when there is none (any more). Asking for it tells the
 * simulator that the host may have output. A pointer that was kept is all right too: hf_sim_step
 * and hf_sim_run begin by looking at every host. */
HF_API struct hf_stack *hf_sim_stack(struct hf_sim *sim, int host);

/* hf_sim_host_allocator: the counting allocator of a host that was given none, else NULL. */
HF_API struct hf_sim_allocator *hf_sim_host_allocator(struct hf_sim *sim, int host);

/* hf_sim_wake: call the host's on_wake with `value` at a time (at once if it has passed).
 * returns  0 or HF_ERR_ARGUMENT (no such host), HF_ERR_MEMORY */
HF_API int hf_sim_wake(struct hf_sim *sim, int host, hf_time at, uint64_t value);

/* ---- Links ---- */

/* What happens to packets on their way, in one direction of a link. Chances are in millionths.
 * All zero: nothing happens, packets arrive at once. It may be changed at any time; packets that
 * are under way keep what they met. In the order in which they apply: */
struct hf_sim_path {
    uint32_t size;           /* sizeof(struct hf_sim_path)                                    */
    uint8_t down;            /* 1: partition, everything is lost                              */
    uint8_t report_mtu;      /* 1: what is larger than mtu is answered by ICMP, as a router
                                does; 0: it vanishes (a black hole)                           */
    uint32_t mtu;            /* larger packets are lost; 0: the link's                        */
    uint32_t loss;           /* chance that a packet is lost; of Gilbert-Elliott, while good  */
    uint32_t burst_enter;    /* Gilbert-Elliott: chance to turn bad, at each packet           */
    uint32_t burst_leave;    /* and to turn good again                                        */
    uint32_t burst_loss;     /* chance that a packet is lost while bad                        */
    uint64_t lose_kth;       /* lose exactly the k-th packet of this direction, from 1; 0: none */
    uint64_t rate;           /* bits per second; 0: no limit                                  */
    uint32_t queue_packets;  /* that may wait for the rate, the one being sent not counted;
                                more are lost (tail drop); 0: no limit                        */
    uint32_t queue_bytes;    /* the same in bytes                                             */
    uint32_t mark_bytes;     /* a packet that finds more bytes than this waiting is marked
                                "congestion experienced", if its sender speaks ECN (RFC 3168
                                5); 0: none                                                   */
    hf_time delay;           /* from the last bit sent to arrival                             */
    hf_time jitter;          /* 0..jitter more for each packet; the order is kept             */
    uint32_t duplicate;      /* chance that a second copy arrives just behind                 */
    uint32_t reorder;        /* chance that a packet (or copy) is late and others overtake it */
    hf_time reorder_by;      /* by 1..reorder_by                                              */
    uint32_t corrupt;        /* chance that bits of one 16-bit word are flipped: a fault that
                                every Internet checksum over the word shows                   */
};

/* What happened in one direction so far. */
struct hf_sim_path_counters {
    uint64_t packets, bytes; /* given to the link                                             */
    uint64_t delivered;      /* arrived, copies included                                      */
    uint64_t lost, lost_queue, lost_mtu, lost_down, lost_filter;
    uint64_t duplicated, reordered, corrupted;
    uint64_t marked;         /* by ECN                                                        */
};

/* hf_sim_path_init: a perfect path: nothing is lost, no time passes. */
HF_API void hf_sim_path_init(struct hf_sim_path *path);

#define HF_SIM_PATH_ERROR 256 /* room for any message of hf_sim_path_parse                    */

/* hf_sim_path_parse: a path written as "rate=100mbit,delay=10ms,loss=1%,queue=bdp". The names are
 *
 *   rate        bits per second: 9600bit, 500kbit, 100mbit, 2.5gbit
 *   delay       one way: 10ms, 500us, 0.1s
 *   jitter      up to so much more, the order is kept
 *   loss        a chance: 0.01 or 1%
 *   burst-loss  ENTER:LEAVE[:LOSS], chances: to begin losing, to stop, to lose meanwhile (all)
 *   reorder     CHANCE[:TIME]: a packet is late by up to TIME (half the delay; without one, 1ms)
 *   duplicate, corrupt   chances
 *   queue       10p packets, 64kb bytes (b, kb, mb: thousands; kib, mib), or bdp, 0.5bdp: times
 *               what the rate brings in two delays (at least 3000 bytes). With a rate and no
 *               queue it is 1bdp
 *   ecn         bytes, or a time at the rate, that may wait before packets are marked
 *   path-mtu    bytes; larger packets are lost and an ICMP message says so
 *   black-hole  bytes; larger packets are lost
 *   seed        a number
 *
 * path     set from hf_sim_path_init on
 * seed     set when the text has one, else left alone; NULL: the text may have none
 * error    at least HF_SIM_PATH_ERROR bytes: one line when it fails, which names the setting, its
 *          value and what was expected
 * returns  0 or HF_ERR_ARGUMENT (path is not changed) */
HF_API int hf_sim_path_parse(const char *text, struct hf_sim_path *path, uint64_t *seed,
                             char *error);

/* hf_sim_add_link: join two hosts. Each gets a link with this MTU, addresses of both families on
 * it (IPv6 from an MTU of 1280 on; see hf_sim_address) and, by its first link, default routes.
 * path     both directions; NULL: a perfect one
 * returns  the link's number, from 1; or HF_ERR_ARGUMENT (no such host, or a host with itself, or
 *          mtu), HF_ERR_LIMIT, HF_ERR_MEMORY */
HF_API int hf_sim_add_link(struct hf_sim *sim, int host_a, int host_b, uint32_t mtu,
                           const struct hf_sim_path *path);

/* hf_sim_set_path, hf_sim_get_path: change or read the direction that leads away from a host.
 * returns  0 or HF_ERR_ARGUMENT (no such link, or the host is not on it) */
HF_API int hf_sim_set_path(struct hf_sim *sim, int link, int from, const struct hf_sim_path *path);
HF_API int hf_sim_get_path(const struct hf_sim *sim, int link, int from, struct hf_sim_path *path);

/* hf_sim_path_counters: returns 0 or HF_ERR_ARGUMENT. */
HF_API int hf_sim_path_counters(const struct hf_sim *sim, int link, int from,
                                struct hf_sim_path_counters *counters);

/* hf_sim_address: the address of a host on a link: 10.x.y.1 and fd00::x:y:1 for the first of the
 * two, ...2 for the other, x and y being the bytes of the link's number.
 * returns  0 or HF_ERR_ARGUMENT */
HF_API int hf_sim_address(const struct hf_sim *sim, int link, int host, enum hf_family family,
                          struct hf_addr *addr);

/* hf_sim_stack_link: the number that a link has in a host's stack, or HF_ERR_ARGUMENT. */
HF_API int hf_sim_stack_link(const struct hf_sim *sim, int link, int host);

/* ---- A link by itself, on any clock ----
 *
 * The same model of a link without hosts: packets and time go in, packets come out when they have
 * arrived. It is what `handfast path` puts between two devices; hf_link_through of link.h drives
 * one by the machine's clock. One owner, as a stack has. */

struct hf_sim_wire;

/* hf_sim_wire_create: a wire with two ends, 0 and 1, that carries packets as a perfect path does.
 * held_max bytes that may be under way, both directions together; more is lost and counted as
 *          lost_queue. 0: 256 MiB
 * returns  the wire, or NULL without memory
 * owner    the caller's, until hf_sim_wire_destroy */
HF_API struct hf_sim_wire *hf_sim_wire_create(uint64_t seed, size_t held_max);
HF_API void hf_sim_wire_destroy(struct hf_sim_wire *wire);

/* hf_sim_wire_set_path: the direction that leads away from an end (0 or 1).
 * returns  0 or HF_ERR_ARGUMENT (no such end, or a wrong path->size) */
HF_API int hf_sim_wire_set_path(struct hf_sim_wire *wire, int from, const struct hf_sim_path *path);

/* hf_sim_wire_put: a packet is sent at an end. Checksums must be complete in it. What there is no
 * memory for is lost, as in a full queue.
 * now      never less than in an earlier call
 * owner    the packet stays the caller's; its bytes are copied */
HF_API void hf_sim_wire_put(struct hf_sim_wire *wire, int from, const struct hf_packet *packet,
                            hf_time now);

/* hf_sim_wire_take: the packets that have arrived at an end by now, in order of their time.
 * returns  how many were filled
 * owner    the wire's; valid until the next take at this end */
HF_API size_t hf_sim_wire_take(struct hf_sim_wire *wire, int at, struct hf_packet *packets,
                               size_t room, hf_time now);

/* hf_sim_wire_deadline: when the next packet arrives at an end; HF_NEVER: none is under way. */
HF_API hf_time hf_sim_wire_deadline(const struct hf_sim_wire *wire, int at);

struct hf_sim_wire_stats {
    uint32_t size;       /* in: sizeof(struct hf_sim_wire_stats)                              */
    uint32_t held;       /* packets under way now                                             */
    struct hf_sim_path_counters path;
    uint64_t delivered_bytes;
    hf_time late_total;  /* how long packets waited to be taken, summed, after their time     */
    hf_time late_max;
};

/* hf_sim_wire_stats: what happened in the direction that leads away from an end.
 * returns  0 or HF_ERR_ARGUMENT */
HF_API int hf_sim_wire_stats(const struct hf_sim_wire *wire, int from,
                             struct hf_sim_wire_stats *stats);

/* ---- Reaching into the wire ---- */

enum hf_sim_verdict {
    HF_SIM_PASS = 0, /* on its way, as the filter left it                                     */
    HF_SIM_DROP,     /* lost                                                                  */
    HF_SIM_HOLD      /* kept back until hf_sim_release                                        */
};

/* A packet that a host has sent, before anything happens to it. */
struct hf_sim_packet {
    uint64_t serial; /* from 1, over all packets of the simulation                            */
    hf_time time;
    int link, from, to;
    uint8_t *bytes;  /* may be changed                                                        */
    uint32_t len;    /* may be changed, up to room                                            */
    uint32_t room;
};

typedef enum hf_sim_verdict (*hf_sim_filter_fn)(void *context, struct hf_sim *sim,
                                                struct hf_sim_packet *packet);

/* hf_sim_set_filter: show every packet to a function that decides on it. NULL: none. The police
 * sees a packet before the filter (as it was sent) and again when it arrives. */
HF_API void hf_sim_set_filter(struct hf_sim *sim, hf_sim_filter_fn filter, void *context);

/* hf_sim_release: let a packet go that the filter held.
 * returns  0 or HF_ERR_ARGUMENT (none is held under this serial) */
HF_API int hf_sim_release(struct hf_sim *sim, uint64_t serial);

/* hf_sim_send: a packet made by hand goes on its way as if this host had sent it: filter and path
 * apply, the police does not judge it.
 * returns  0, or HF_ERR_ARGUMENT (no such link, the host is not on it, len 0 or above 65575),
 *          HF_ERR_MEMORY
 * owner    bytes stay the caller's */
HF_API int hf_sim_send(struct hf_sim *sim, int link, int from, const void *bytes, uint32_t len);

/* hf_sim_inject: a packet made by hand arrives at a host at a time; no path is in between and the
 * police does not ask who sent it.
 * returns  0, or HF_ERR_ARGUMENT (no such link or host, time in the past, len 0 or above 65575),
 *          HF_ERR_MEMORY
 * owner    bytes stay the caller's */
HF_API int hf_sim_inject(struct hf_sim *sim, int link, int to, hf_time at, const void *bytes,
                         uint32_t len);

/* ---- Running it ---- */

enum hf_sim_result {
    HF_SIM_IDLE = 0, /* nothing is under way and nobody waits for anything                    */
    HF_SIM_RUNNING,  /* step: something happened                                              */
    HF_SIM_UNTIL,    /* run: the time was reached                                             */
    HF_SIM_DONE,     /* run: the predicate was true                                           */
    HF_SIM_FAILED    /* something is wrong: hf_sim_failure                                    */
};

/* hf_sim_step: go to the next instant at which anything happens and do all that happens then. */
HF_API enum hf_sim_result hf_sim_step(struct hf_sim *sim);

typedef int (*hf_sim_predicate)(void *context, struct hf_sim *sim);

/* hf_sim_run: step until a time is reached (HF_NEVER: no limit), the predicate is true (asked
 * after each step; may be NULL), nothing is left to do, or something failed. After HF_SIM_UNTIL
 * the time is exactly `until`; after HF_SIM_IDLE it is `until` too, unless that is HF_NEVER. */
HF_API enum hf_sim_result hf_sim_run(struct hf_sim *sim, hf_time until, hf_sim_predicate done,
                                     void *context);

HF_API hf_time hf_sim_now(const struct hf_sim *sim);

/* hf_sim_failure: what went wrong, in one line with its time and host; NULL: nothing. It stays. */
HF_API const char *hf_sim_failure(const struct hf_sim *sim);

/* hf_sim_fail: an application found something wrong: the run ends with this text. The first
 * failure is kept, later ones are not. */
HF_API void hf_sim_fail(struct hf_sim *sim, int host, const char *text);

/* hf_sim_hash: a number made of everything that was seen so far: each packet sent with its time
 * and host, and each trace record. Equal runs have equal numbers, on any machine. */
HF_API uint64_t hf_sim_hash(const struct hf_sim *sim);

struct hf_sim_counters {
    uint64_t steps, packets, bytes, events, timers; /* packets: sent by hosts                 */
    uint64_t cut, merged; /* segments: that left in runs; that came to a stack in runs        */
};
HF_API void hf_sim_counters(const struct hf_sim *sim, struct hf_sim_counters *counters);

/* ---- Random numbers, the same everywhere ---- */

/* hf_sim_random: the next number of the sequence that *state stands in; any state will do. */
HF_API uint64_t hf_sim_random(uint64_t *state);

/* hf_sim_random_below: 0..bound-1, bound > 0. */
HF_API uint64_t hf_sim_random_below(uint64_t *state, uint64_t bound);

/* ---- The stream oracle ----
 *
 * The bytes of a stream are a function of its id and their offset, so that a receiver can tell
 * for each byte whether it is the right one at the right place: once, in order, none after the
 * end. One oracle watches one direction of one connection. */

enum hf_sim_oracle_fault {
    HF_SIM_ORACLE_FINE = 0,
    HF_SIM_ORACLE_WRONG_BYTE,  /* not the byte that belongs there                             */
    HF_SIM_ORACLE_FROM_NOWHERE,/* more was received than was sent                             */
    HF_SIM_ORACLE_AFTER_EOF,   /* bytes after the end of the stream                           */
    HF_SIM_ORACLE_EARLY_EOF,   /* the end was reported before all bytes, or never sent        */
    HF_SIM_ORACLE_AFTER_END    /* bytes sent after the sender had ended its stream            */
};

struct hf_sim_oracle {
    uint64_t id;
    uint64_t sent, received; /* bytes                                                         */
    uint64_t fault_at;       /* offset of the first fault                                     */
    uint8_t ended;           /* 1: the sender has closed its side                             */
    uint8_t eof;             /* 1: the receiver was told so                                   */
    uint8_t fault;           /* enum hf_sim_oracle_fault, the first one                       */
};

HF_API void hf_sim_oracle_init(struct hf_sim_oracle *oracle, uint64_t id);

/* hf_sim_oracle_next: write the next len bytes to be sent; say afterwards how many were taken. */
HF_API void hf_sim_oracle_next(const struct hf_sim_oracle *oracle, void *buf, size_t len);
HF_API enum hf_sim_oracle_fault hf_sim_oracle_sent(struct hf_sim_oracle *oracle, size_t len);
HF_API void hf_sim_oracle_end(struct hf_sim_oracle *oracle);

/* hf_sim_oracle_received, hf_sim_oracle_eof: what the receiver got. Both return the first fault
 * of this oracle, now or earlier. */
HF_API enum hf_sim_oracle_fault hf_sim_oracle_received(struct hf_sim_oracle *oracle,
                                                       const void *buf, size_t len);
HF_API enum hf_sim_oracle_fault hf_sim_oracle_eof(struct hf_sim_oracle *oracle);

/* hf_sim_oracle_complete: everything that was sent arrived, and the end too. */
HF_API int hf_sim_oracle_complete(const struct hf_sim_oracle *oracle);

/* hf_sim_oracle_text: a phrase for a fault. Never NULL. */
HF_API const char *hf_sim_oracle_text(int fault);

/* ---- Progress ----
 *
 * No connection stalls for longer than two retransmission timeouts while its path is up. Exactly:
 *
 * - A connection has something to deliver when it is synchronized, text or a FIN is not acknowledged or
 *   not sent, and the peer's window, as far as it knows, is open.
 * - It makes progress when an octet (or the FIN) is acknowledged or SACKed.
 * - The path is up since it last lost, refused or damaged a packet, in either direction, or became
 *   another path.
 * - From the later of its last progress (or of the moment in which it had something to deliver) and
 *   the path's coming up, it makes progress within two of the RTOs that it had then, backoff
 *   included; or within one of them and the time that a segment sent then may take to be answered,
 *   if that is longer.
 *
 * Whoever drives a simulation looks as often as it likes: what is seen late is judged leniently. */
struct hf_sim_progress {
    hf_time waits_since; /* something to deliver, and no progress; HF_NEVER: nothing          */
    hf_time from;        /* the limit counts from here, with ...                              */
    hf_time rto;         /* ... this RTO                                                      */
    uint64_t delivered;  /* octets acknowledged and SACKed                                    */
    uint32_t snd_una;
};

HF_API void hf_sim_progress_init(struct hf_sim_progress *progress);

/* hf_sim_progress_look: what the connection's status says now.
 * up_since  when the path came up; HF_NEVER: it is not up
 * answer    the longest that a segment and its acknowledgement may take, the peer's delay included
 * returns   1: it stalls; 0: it does not */
HF_API int hf_sim_progress_look(struct hf_sim_progress *progress,
                                const struct hf_tcp_status *status, hf_time up_since,
                                hf_time answer, hf_time now);

/* ---- The wire police, by itself ----
 *
 * Judges packets between hosts without knowing anything of them but what went over the wire: each
 * packet is shown when a host sends it and when it arrives somewhere. The simulator uses one over
 * all its hosts. */

struct hf_sim_police;

/* hf_sim_police_new: silence_packets as in struct hf_sim_config, 0: not looked at.
 * returns  NULL when there is no memory */
HF_API struct hf_sim_police *hf_sim_police_new(uint32_t silence_packets);
HF_API void hf_sim_police_free(struct hf_sim_police *police);

/* hf_sim_police_sent, hf_sim_police_arrived: show a packet, whole, in one piece.
 * mtu      of the link that it was sent on
 * returns  sent: NULL, or what is wrong with it (the police's, until the next call). Packets that
 *          arrive are not judged, they are what the next ones are judged by. */
HF_API const char *hf_sim_police_sent(struct hf_sim_police *police, const void *bytes,
                                      uint32_t len, uint32_t mtu, hf_time now);
HF_API void hf_sim_police_arrived(struct hf_sim_police *police, const void *bytes, uint32_t len,
                                  hf_time now);

/* ---- The counting allocator ---- */

/* Counts what is out, checks that what comes back is what went out, and fails when told to. */
struct hf_sim_allocator {
    size_t in_use, peak;   /* bytes                                                           */
    uint64_t blocks;       /* that are out                                                    */
    uint64_t calls;        /* of alloc so far, failed ones included                           */
    uint64_t fail_at;      /* the call that fails, counted from 1; 0: none                    */
    uint8_t fail_all_from; /* 1: from fail_at on all fail                                     */
    uint64_t failed;       /* calls that were made to fail                                    */
    uint64_t bad_frees;    /* wrong size, or memory that is not out                           */
};

/* hf_sim_allocator_use: an allocator for struct hf_stack_config that counts here. The counts must
 * be zero at first and must outlive the stack. */
HF_API struct hf_allocator hf_sim_allocator_use(struct hf_sim_allocator *counts);

HF_END
#endif
