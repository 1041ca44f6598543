/* A stack under attack, in virtual time, with a counting allocator, and beside it a
 * legitimate peer whose connection must not suffer.
 *
 * Three hosts of the simulator: the victim; the legit one, a stack of ours, which keeps a
 * connection to the victim busy in both directions; and the crowd, every other address there
 * is. What the victim sends to the crowd is counted and kept; what an attacker sends is put
 * straight into the victim, so any source address will do, that of the legit host too.
 *
 * Every test ends with victim_end: the legit stream has arrived byte by byte, memory is back
 * to where it was, and the allocator's balance is zero. */
#ifndef ATTACKS_VICTIM_H
#define ATTACKS_VICTIM_H

#include "check.h"

#include <stdbool.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

#include "script_wire.h"

#ifndef SCRIPT_H /* which has the same words */
enum { FIN = HF_FIN, SYN = HF_SYN, RST = HF_RST, PSH = HF_PSH, ACK = HF_ACK, URG = HF_URG };
#endif

#define VICTIM_PORT 80 /* the listener that is attacked */
#define LEGIT_PORT 7

/* What the victim's application does with what comes to VICTIM_PORT. */
enum victim_accepts { ACCEPT_AND_KEEP, ACCEPT_AND_CLOSE, ACCEPT_NOTHING };

struct victim_config {
    unsigned family;  /* 4 or 6                                                               */
    uint32_t backlog; /* of VICTIM_PORT                                                       */
    size_t memory_limit;
    uint32_t connections_max;
    bool alone;    /* no legit host                                                           */
    uint64_t seed; /* added to the run's: another stack instance                              */
    enum victim_accepts accepts;
    struct hf_settings settings;
};

void victim_config_init(struct victim_config *config);

struct victim {
    struct hf_sim *sim;
    struct hf_stack *stack; /* the victim's own                                               */
    struct victim_config config;
    int host, legit, crowd;     /* hosts of the simulator                                     */
    int crowd_link, legit_link; /* links of the simulator                                     */
    struct hf_addr addr;        /* the victim's, as the crowd knows it                        */
    struct hf_addr legit_addr, addr_for_legit;
    hf_listener listener;

    /* The legit connection: the victim's end, the other end, and what flows either way. */
    hf_conn conn, legit_conn;
    struct hf_sim_oracle to_victim, to_legit;
    hf_time tick;   /* a piece each way, this often                                           */
    uint32_t piece; /* bytes                                                                  */
    bool stop;
    hf_time worst_delay; /* how long a piece waited at the most until it was read             */
    hf_time offered_at;
    uint16_t legit_port;

    /* What came out to the crowd. */
    uint64_t replies, reply_bytes, accepted, malformed;
    struct wire_segment last; /* text is not kept                                             */
    uint32_t last_len;
    bool last_is_tcp;
    void (*on_reply)(struct victim *v, const struct wire_segment *s, uint32_t len);
    void (*on_accept)(struct victim *v, hf_conn conn);
    void (*on_event)(struct victim *v, const struct hf_event *event);
    void *context; /* the test's                                                              */

    struct hf_stack_counters baseline;
    uint8_t *batch[32];
    struct hf_packet packets[32];
    unsigned batched;
};

/* Begin: the legit connection is open and busy. NULL: the usual configuration. */
struct victim *victim_new(const struct victim_config *config);

/* Judge what is left, and end it. `memory_kept`: bytes beyond the beginning that may stay in
 * tables that have grown. */
void victim_end(struct victim *v, size_t memory_kept);

/* The legit stream goes on and is right so far. */
void victim_unharmed(struct victim *v);

/* Every invariant, and memory against the limit. */
void victim_check(struct victim *v);

struct hf_stack_counters victim_counters(const struct victim *v);
struct hf_tcp_status victim_status(const struct victim *v, hf_conn conn);

/* ---- The attacker ---- */

/* A stranger: the n-th address of the crowd. */
struct hf_addr stranger(const struct victim *v, uint32_t n);

/* A segment from anybody to the victim's port 80, without options and text. */
struct wire_segment from(const struct victim *v, struct hf_addr source, uint16_t port,
                         uint16_t flags, uint32_t seq, uint32_t ack);

/* A segment as if the legit host had sent it on its connection. */
struct wire_segment as_legit(const struct victim *v, uint16_t flags, uint32_t seq, uint32_t ack);

/* Put it into the victim; in batches, so that nothing of it is seen before flush or pass. */
void send_segment(struct victim *v, const struct wire_segment *s);
void send_bytes(struct victim *v, const uint8_t *bytes, size_t len);
void flush(struct victim *v);

/* Let time pass. */
void pass(struct victim *v, hf_time time);

/* An open and established connection of a stranger to port 80, by a real handshake. Returns the
 * victim's end of it (0 when the victim did not accept it) and both sides' next numbers. */
struct handshake {
    struct hf_addr source;
    uint16_t port;
    uint32_t seq, ack; /* the stranger's next, and what it expects                            */
    uint16_t mss;      /* offered; 0: no option                                               */
    bool sack;
    uint16_t window; /* 0: 65535                                                              */
    bool has_ts;
    uint32_t tsval;
};
hf_conn handshake(struct victim *v, struct handshake *h);

/* The next segment of such a connection, with its options. */
struct wire_segment next_of(const struct victim *v, const struct handshake *h, uint16_t flags);

/* ---- A peer that reads ---- */

/* A stranger that takes what comes in order, acknowledges it and offers a window. */
struct sink {
    struct handshake h;
    uint32_t first;          /* the number of the first octet                                 */
    uint32_t packets, bytes; /* received; bytes: in order                                     */
    uint32_t wrong;          /* octets that are not those of queue_text                       */
    uint32_t furthest;       /* the end of the furthest text seen, from `first`               */
    uint32_t window;         /* of its ACKs                                                   */
    bool mute;               /* it neither takes nor answers                                  */
    bool fixed_edge;         /* the right edge stays at `edge`                                */
    uint32_t edge;
};

/* Connect from this port; the victim's packets to it go to the sink from now on. */
hf_conn sink_open(struct victim *v, struct sink *sink, uint16_t port);
void sink_answer(struct victim *v, struct sink *sink);
/* The victim aborts, and the sink may go. */
void sink_close(struct victim *v, hf_conn conn);

/* The victim's application queues text: a function of its place in the stream. */
void queue_text(struct victim *v, hf_conn conn, uint32_t place, uint32_t len);
uint8_t pattern(uint32_t place);

/* An ICMP or ICMPv6 error from `source` that quotes a segment of this flow. */
void send_icmp_error(struct victim *v, struct hf_addr source, uint8_t type, uint8_t code,
                     uint32_t rest, const struct wire_segment *quoted);

/* Full sizes: --soak, or HF_SOAK=1 in the environment. */
bool soak(void);
uint32_t small_or_full(uint32_t small, uint32_t full);

#endif
