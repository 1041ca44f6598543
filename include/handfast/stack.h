/* Handfast: a stack, which is one host: its links, addresses, routes and all its connections.
 *
 * A stack is driven, it never drives. Packets and time go in, packets and events are taken out:
 *
 *     hf_stack_input(stack, link, packets, n, now);   what a link received
 *     hf_stack_timers(stack, now);                    everything due
 *     hf_stack_events(stack, events, n);              who has news
 *     hf_stack_output(stack, link, packets, n, now);  what a link is to send
 *     hf_stack_sent(stack, packets, n);               the link is done with those
 *     hf_stack_deadline(stack);                       when to call hf_stack_timers again
 *
 * One thread owns a stack. The trace sink and the allocator are the only calls out of it, and
 * they must not call in. A user's call (open, send, close, ...) changes state and sends nothing
 * by itself: output does. Its time is that of the last driving call: who has slept calls
 * hf_stack_timers first. */
#ifndef HANDFAST_STACK_H
#define HANDFAST_STACK_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/settings.h>
#include <handfast/trace.h>
#include <handfast/types.h>

HF_BEGIN

#define HF_LINKS_MAX 15

/* All memory of a stack comes from here. `alloc` returns NULL when there is none; `size` given to
 * `free` is what was asked for. Alignment is that of malloc. */
struct hf_allocator {
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *memory, size_t size);
    void *context;
};

/* Things that make a stack predictable or hurt its safety, for tests and the lab. A stack with
 * any of them traces HF_TRACE_UNSAFE when it is created. */
struct hf_unsafe {
    uint32_t size;          /* sizeof(struct hf_unsafe)                                       */
    uint8_t fixed_iss;      /* 1: every connection uses iss                                   */
    uint8_t msl_zero;       /* 1: no TIME-WAIT at all                                         */
    uint8_t fixed_port;     /* 1: ephemeral ports count up from port                          */
    uint8_t zero_ts_offset; /* 1: the timestamp clock is milliseconds since time 0            */
    uint32_t iss;
    uint16_t port;
    uint8_t no_fast_path;   /* 1: every packet takes the long road (no header prediction, nothing
                               remembered of the last packet, no merging), to compare with    */
};

/* The sum of big-endian 16-bit words (an odd last byte is the high byte of one), added to `sum`,
 * carries brought round to 16 bits, not inverted (RFC 1071). Pure. */
typedef uint32_t (*hf_checksum_fn)(const void *data, size_t len, uint32_t sum);

struct hf_stack_config {
    uint32_t size;                 /* sizeof(struct hf_stack_config)                          */
    uint16_t id;                   /* stands in trace records                                 */
    struct hf_settings settings;
    struct hf_allocator allocator; /* copied                                                  */
    size_t memory_limit;           /* bytes, all of the stack; at least HF_MEMORY_MIN         */
    uint32_t connections_max;      /* connections at the most                                 */
    uint8_t seed[16];              /* the key of everything random; from getrandom            */
    hf_time now;                   /* the time of creation                                    */
    hf_trace_fn trace;             /* NULL: none                                              */
    void *trace_context;
    const struct hf_unsafe *unsafe; /* NULL: none; copied                                     */
    hf_checksum_fn checksum;       /* NULL: the portable one                                  */
    /* NULL: the sink is told of every segment. Else where the sink keeps a pointer to the record
     * that it holds last (NULL: none): what continues it is added to it, as runs of trace.h, and the
     * sink is not called. */
    struct hf_trace_record *const *trace_last;
};

#define HF_MEMORY_MIN ((size_t)256 * 1024)

/* hf_stack_config_init: fill a configuration with defaults (hf_settings_default, 64 MiB, one
 * million connections, no allocator, zero seed). */
HF_API void hf_stack_config_init(struct hf_stack_config *config);

/* hf_stack_create: a new host with no links.
 * returns  the stack, or NULL: *err (when not NULL) is HF_ERR_ARGUMENT or HF_ERR_MEMORY
 * owner    the caller's, until hf_stack_destroy */
HF_API struct hf_stack *hf_stack_create(const struct hf_stack_config *config, int *err);

/* hf_stack_destroy: end everything at once; no segment is sent. Every connection is traced with
 * its end. All memory goes back to the allocator. NULL is allowed. */
HF_API void hf_stack_destroy(struct hf_stack *stack);

/* ---- Links, addresses, routes ---- */

/* What a link can do: struct hf_link_config.features. */
enum {
    HF_LINK_CHECKSUM_OUT = 1, /* completes TCP checksums of packets marked PARTIAL            */
    HF_LINK_TRUSTED = 2,      /* HF_CHECKSUM_VERIFIED and PARTIAL on input are believed       */
    HF_LINK_MERGE = 4,        /* segments of a batch that follow each other are taken as one: for
                                 links that do not merge themselves                           */
    HF_LINK_CUT = 8           /* to hf_host_add_link: the stack gives runs, and the host cuts them by
                                 hf_packet_cut; nothing where the link cuts. A trace shows the runs */
};

/* What a link carries: struct hf_link_config.kind. On Ethernet packets are frames, with their header
 * of 14 bytes in front; the stack answers and asks for addresses (ARP, neighbour discovery). */
enum hf_link_kind { HF_LINK_IP = 0, HF_LINK_ETHERNET = 1 };

struct hf_link_config {
    uint32_t size;     /* sizeof(struct hf_link_config)                                       */
    uint32_t mtu;      /* bytes of an IP packet, 68..65535 (1280.. for IPv6)                  */
    uint32_t features; /* HF_LINK_...                                                         */
    uint32_t gso_max;  /* largest super-segment it can cut, bytes; 0: none. Whoever has hf_packet_cut
                          between the stack and a link can cut 65535. Their checksums are left open  */
    uint8_t kind;      /* enum hf_link_kind                                                   */
    uint8_t mac[6];    /* Ethernet: our address on it, no group's and not all zero            */
};

/* hf_stack_add_link: a link through which packets come and go.
 * returns  its number, from 1; or HF_ERR_ARGUMENT (mtu, mac), HF_ERR_LIMIT, HF_ERR_MEMORY */
HF_API int hf_stack_add_link(struct hf_stack *stack, const struct hf_link_config *config);

/* hf_stack_add_address: an address of ours on a link, and the route to its prefix.
 * prefix   bits, 0..32 or 0..128
 * returns  0, or HF_ERR_ARGUMENT, HF_ERR_ADDRESS (not a unicast address), HF_ERR_LIMIT */
HF_API int hf_stack_add_address(struct hf_stack *stack, int link, const struct hf_addr *addr,
                                unsigned prefix);

/* hf_stack_has_address: whether it is one of ours. returns 1 or 0 */
HF_API int hf_stack_has_address(const struct hf_stack *stack, const struct hf_addr *addr);

/* hf_stack_add_route: packets for a prefix leave by a link. A prefix of 0 bits is the default
 * route of its family. The longest prefix wins, then the first added.
 * returns  0, or HF_ERR_ARGUMENT, HF_ERR_LIMIT */
HF_API int hf_stack_add_route(struct hf_stack *stack, int link, const struct hf_addr *prefix,
                              unsigned bits);

/* hf_stack_add_gateway: a route whose packets go to another host of an Ethernet link, which sends
 * them on. Of equal prefixes the first added wins. Nothing that routers tell by themselves is used:
 * neither router advertisements nor redirects.
 * gateway  a neighbour: inside the prefix of an address of ours on this link, or IPv6 link-local
 * returns  0, or HF_ERR_ARGUMENT (also: not an Ethernet link), HF_ERR_ADDRESS (the gateway is no
 *          neighbour, or ourselves), HF_ERR_LIMIT */
HF_API int hf_stack_add_gateway(struct hf_stack *stack, int link, const struct hf_addr *prefix,
                                unsigned bits, const struct hf_addr *gateway);

/* hf_stack_fast_open_keys: the keys of the Fast Open cookies that this stack gives (RFC 7413 4.1.2).
 * Cookies are made with the first, and those made with either are good: to rotate, put the new one
 * first and keep the old as second for a while. The cookie is Linux's (SipHash-2-4 of the peer's
 * and our address), so that hosts behind one address can share keys. Until this is called, the key
 * comes from the seed.
 * count    1 or 2
 * returns  0, or HF_ERR_ARGUMENT */
HF_API int hf_stack_fast_open_keys(struct hf_stack *stack, const uint8_t (*keys)[16],
                                   unsigned count);

/* hf_stack_fast_open_forget: throw away the cookies that servers have given us, and what is known of
 * servers that lose data on SYNs (a new network, a new address). */
HF_API void hf_stack_fast_open_forget(struct hf_stack *stack);

/* ---- Driving it ---- */

/* hf_stack_input: a batch of packets from a link. See packet.h for what is asked of them.
 * now      the same for the whole batch */
HF_API void hf_stack_input(struct hf_stack *stack, int link, const struct hf_packet *packets,
                           size_t n, hf_time now);

/* hf_stack_timers: run every timer that is due, in order of their deadlines. */
HF_API void hf_stack_timers(struct hf_stack *stack, hf_time now);

/* hf_stack_output: fill `packets` with at most `room` packets to be sent on a link; what does
 * not fit waits. Each packet must be given to hf_stack_sent afterwards, in any order. There may be
 * events behind it: what was sent makes room in the send queue.
 * returns  how many were filled */
HF_API size_t hf_stack_output(struct hf_stack *stack, int link, struct hf_packet *packets,
                              size_t room, hf_time now);

/* hf_stack_sent: the link no longer refers to these packets (sent or lost, it is the same). */
HF_API void hf_stack_sent(struct hf_stack *stack, struct hf_packet *packets, size_t n);

/* hf_stack_deadline: when to call hf_stack_timers next; HF_NEVER when nothing waits. It may be
 * early for nothing, never late. It does not say whether output waits: after input, timers and
 * calls, pull output until it gives nothing. */
HF_API hf_time hf_stack_deadline(const struct hf_stack *stack);

/* What happened on a handle: bits of struct hf_event. */
enum {
    HF_EVENT_CONNECTED = 1,  /* the active OPEN succeeded                                     */
    HF_EVENT_ACCEPT = 2,     /* listener: a connection waits in hf_tcp_accept                 */
    HF_EVENT_SYN = 4,        /* listener that holds: a SYN waits in hf_tcp_next_syn           */
    HF_EVENT_READABLE = 8,   /* there is data to read                                         */
    HF_EVENT_WRITABLE = 16,  /* there is room to send after there was none                    */
    HF_EVENT_EOF = 32,       /* the peer closed: data still to be read comes first            */
    HF_EVENT_URGENT = 64,    /* urgent data is ahead, or its end moved forward                */
    HF_EVENT_SENT = 128,     /* everything sent so far was acknowledged                       */
    HF_EVENT_SOFT_ERROR = 256, /* see hf_tcp_status: an ICMP error, or R1 was passed          */
    HF_EVENT_FIN_ACKED = 512,  /* our FIN was acknowledged                                    */
    HF_EVENT_ENDED = 1024    /* the connection is over: cause tells why. The handle stays
                                until hf_tcp_close or hf_tcp_abort; unread data can be read   */
};

struct hf_event {
    uint64_t handle; /* hf_conn or hf_listener                                                */
    uint64_t user;   /* the value given with it                                               */
    uint32_t bits;
    uint32_t cause;  /* enum hf_cause, with HF_EVENT_ENDED                                    */
};

/* hf_stack_events: take news, at most n, each handle once with all its bits. Taking clears.
 * returns  how many were filled */
HF_API size_t hf_stack_events(struct hf_stack *stack, struct hf_event *events, size_t n);

/* hf_stack_time_jump: the caller's clock stood still or leapt (suspend, resume) by `by`; timers
 * are moved along so that nobody is found dead because of it. */
HF_API void hf_stack_time_jump(struct hf_stack *stack, hf_time by);

/* ---- Looking at it ---- */

enum hf_icmp_kind { HF_ICMP_SOFT = 1, HF_ICMP_HARD = 2, HF_ICMP_TOO_BIG = 3 };

struct hf_stack_counters {
    uint64_t packets_in, packets_out;
    uint64_t segments_in, segments_out;
    uint64_t bytes_in, bytes_out;    /* payload, retransmissions included                     */
    uint64_t retransmits;
    uint64_t spurious_retransmits;   /* of them, those found not to have been needed          */
    uint64_t resets_in, resets_out;
    uint64_t active_opens, passive_opens;
    uint64_t cookies_sent, cookies_taken;
    uint64_t fast_opens_in;   /* Fast Open: SYNs whose cookie was good                        */
    uint64_t fast_opens_out;  /* our SYNs with data ...                                       */
    uint64_t fast_opens_taken; /* ... all of which was acknowledged by the SYN+ACK            */
    uint64_t challenge_acks;
    uint64_t icmp_in, icmp_out;
    uint64_t solicits_out; /* Ethernet: addresses asked for                                */
    uint64_t timers_run;
    uint64_t drops[HF_DROP_COUNT];   /* by enum hf_drop                                       */
    uint64_t ended[HF_CAUSE_COUNT];  /* by enum hf_cause                                      */
    uint32_t connections, half_open, time_wait, orphans, listeners; /* now                    */
    uint32_t neighbours; /* Ethernet: entries of the neighbour table now                 */
    uint64_t asleep; /* of the connections, now: idle, and without a block of their own       */
    size_t memory, memory_peak, memory_limit; /* bytes                  */
    uint64_t probes; /* table slots looked at to find connections                             */
    uint64_t segments_merged; /* taken together with the one before them: HF_LINK_MERGE       */
    uint64_t timer_steps; /* entries and buckets of the timer wheel looked at until due         */
    uint64_t records_visited; /* sent records looked at for SACK and loss detection           */
};

/* hf_stack_counters: a copy of the counters. */
HF_API void hf_stack_counters(const struct hf_stack *stack, struct hf_stack_counters *counters);

/* hf_stack_check: test every invariant of the stack and of each connection; slow, for tests.
 * returns  NULL when all hold, else a sentence naming the first that does not */
HF_API const char *hf_stack_check(struct hf_stack *stack);

HF_END
#endif
