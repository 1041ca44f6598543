/* Handfast: the event stream. Everything a stack does can be seen here: segments, state changes
 * with their cause, timers, windows, drops, endings. The ladder, captures and counters are readers
 * of this stream; a program can be one too.
 *
 * A record is 64 bytes and holds no pointer and no size_t: two runs of the same seed and inputs
 * give the same records. */
#ifndef HANDFAST_TRACE_H
#define HANDFAST_TRACE_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/types.h>

HF_BEGIN

/* The eleven states of RFC 9293 3.3.2. */
enum hf_state {
    HF_CLOSED = 0,
    HF_LISTEN,
    HF_SYN_SENT,
    HF_SYN_RECEIVED,
    HF_ESTABLISHED,
    HF_FIN_WAIT_1,
    HF_FIN_WAIT_2,
    HF_CLOSE_WAIT,
    HF_CLOSING,
    HF_LAST_ACK,
    HF_TIME_WAIT,
    HF_STATES /* how many there are */
};

/* TCP header flags, as on the wire. */
enum {
    HF_FIN = 0x01,
    HF_SYN = 0x02,
    HF_RST = 0x04,
    HF_PSH = 0x08,
    HF_ACK = 0x10,
    HF_URG = 0x20,
    HF_ECE = 0x40,
    HF_CWR = 0x80,
    HF_AE = 0x100
};

/* Why a connection ended: one of these for each, never "unknown".
 * X(NAME, "text") */
#define HF_CAUSES(X)                                                                              \
    X(NONE, "still alive")                                                                        \
    X(CLOSED, "closed by both sides")                                                             \
    X(REFUSED, "refused by the peer")                                                             \
    X(RESET, "reset by the peer")                                                                 \
    X(ABORTED, "aborted by this side")                                                            \
    X(UNREAD_DATA, "closed by this side with data unread")                                        \
    X(DATA_AFTER_CLOSE, "data came after this side had closed")                                   \
    X(OPEN_CANCELLED, "closed by this side before it was open")                                   \
    X(OPEN_TIMEOUT, "no answer to the SYN")                                                       \
    X(RETRANSMIT_TIMEOUT, "no acknowledgement in spite of retransmissions")                       \
    X(USER_TIMEOUT, "user timeout")                                                               \
    X(KEEPALIVE_TIMEOUT, "no answer to keep-alive probes")                                        \
    X(ORPHAN_TIMEOUT, "given up by the application, and the peer did not finish in time")         \
    X(ORPHAN_LIMIT, "given up by the application, and too many such connections")                 \
    X(UNREACHABLE, "an ICMP error said that the peer cannot be reached")                          \
    X(MEMORY, "out of memory")                                                                    \
    X(MEMORY_PRESSURE, "held a zero window too long while memory was short")                      \
    X(LISTENER_CLOSED, "its listener was closed before it was accepted")                          \
    X(HALF_OPEN_TIMEOUT, "the third segment of the handshake never came")                         \
    X(SYN_REFUSED, "refused by this side's application")                                          \
    X(HELD_TIMEOUT, "the application did not decide about the SYN in time")                       \
    X(TIME_WAIT_OVER, "2MSL passed")                                                              \
    X(TIME_WAIT_REUSED, "a new connection took the place of TIME-WAIT")                           \
    X(TIME_WAIT_RESET, "reset in TIME-WAIT")                                                      \
    X(TIME_WAIT_LIMIT, "pushed out by newer TIME-WAIT entries")                                   \
    X(STACK_DESTROYED, "the stack was destroyed")

enum hf_cause {
#define HF_X(name, text) HF_CAUSE_##name,
    HF_CAUSES(HF_X)
#undef HF_X
        HF_CAUSE_COUNT
};

/* Why a packet or segment was dropped, or its content not used; each has a counter.
 * X(NAME, "text") */
#define HF_DROPS(X)                                                                               \
    X(NONE, "taken")                                                                              \
    X(IP_SHORT, "shorter than its IP header says")                                                \
    X(IP_VERSION, "neither IPv4 nor IPv6")                                                        \
    X(IP_HEADER, "bad IP header")                                                                 \
    X(IP_CHECKSUM, "bad IPv4 header checksum")                                                    \
    X(IP_OPTIONS, "IPv4 source route or malformed options")                                       \
    X(IP_EXTENSIONS, "IPv6 extension headers: too many, malformed or not allowed")                \
    X(IP_SOURCE, "source address that no host may use")                                           \
    X(IP_DESTINATION, "not for this host")                                                        \
    X(IP_BROADCAST, "TCP to a broadcast or multicast address")                                    \
    X(IP_PROTOCOL, "a protocol that this host does not speak")                                    \
    X(FRAGMENT_BAD, "fragment with impossible offset or length")                                  \
    X(FRAGMENT_OVERLAP, "overlapping fragments")                                                  \
    X(FRAGMENT_LIMIT, "too many fragments waiting")                                               \
    X(FRAGMENT_TIMEOUT, "fragments that never became whole")                                      \
    X(ICMP_SHORT, "ICMP message cut short")                                                       \
    X(ICMP_CHECKSUM, "bad ICMP checksum")                                                         \
    X(ICMP_TYPE, "ICMP message of no use here")                                                   \
    X(ICMP_QUOTE, "ICMP error that quotes nothing of ours")                                       \
    X(ICMP_SEQUENCE, "ICMP error whose quoted sequence number is not in flight")                  \
    X(ICMP_RATE, "ICMP reply over the rate limit")                                                \
    X(TCP_SHORT, "shorter than its TCP header says")                                              \
    X(TCP_CHECKSUM, "bad TCP checksum")                                                           \
    X(TCP_PORT, "port 0")                                                                         \
    X(TCP_FLAGS, "a set of flags that no state has a use for")                                    \
    X(NO_CONNECTION, "no connection and no listener")                                             \
    X(BACKLOG, "half-open table or accept queue full")                                            \
    X(DEFERRED, "third segment without text, to a listener that waits for text")                  \
    X(COOKIE, "third segment with a bad or old SYN cookie")                                       \
    X(PAWS, "timestamp older than the last")                                                      \
    X(NO_TIMESTAMP, "negotiated timestamp missing")                                               \
    X(WINDOW, "outside the receive window")                                                       \
    X(RST_WINDOW, "RST not exactly at RCV.NXT")                                                   \
    X(RST_OUTSIDE, "RST outside the window, or not for our SYN")                                  \
    X(RST_TIME_WAIT, "RST in TIME-WAIT (RFC 1337)")                                               \
    X(SYN_SYNCHRONIZED, "SYN on a synchronized connection")                                       \
    X(NO_ACK, "no ACK flag")                                                                      \
    X(ACK_OLD, "acknowledgement too old")                                                         \
    X(ACK_UNSENT, "acknowledges what was never sent")                                             \
    X(ACK_HANDSHAKE, "acknowledgement that does not fit the handshake")                           \
    X(TEXT_AFTER_FIN, "text after the peer's FIN")                                                \
    X(TEXT_DUPLICATE, "text that had been received before")                                       \
    X(TEXT_ON_SYN, "text on a SYN without Fast Open")                                             \
    X(FAST_OPEN_COOKIE, "text on a SYN whose Fast Open cookie is not ours")                       \
    X(FAST_OPEN_LIMIT, "text on a SYN, too many Fast Open connections wait")                      \
    X(REASSEMBLY_LIMIT, "too much out-of-order data")                                             \
    X(MEMORY, "no memory for it")                                                                 \
    X(REPLY_QUEUE, "reply queue full, answer not sent")                                           \
    X(RST_RATE, "reset over the rate limit, not sent")                                            \
    X(CHALLENGE_RATE, "challenge ACK over the connection's limit, not sent")                      \
    X(FRAME_SHORT, "shorter than an Ethernet header")                                             \
    X(FRAME_VLAN, "frame with a VLAN tag")                                                        \
    X(FRAME_TYPE, "frame of a type that this host does not speak")                                \
    X(FRAME_ADDRESS, "frame for another station or a group, or from an impossible one")           \
    X(ARP, "malformed ARP message, or one that no host may send")                                 \
    X(DISCOVERY, "malformed neighbour message, or one that no host may send")                     \
    X(DISCOVERY_HOPS, "neighbour message from beyond this link")                                  \
    X(DISCOVERY_UNUSED, "router message, redirect or neighbour message of no use here")           \
    X(NO_NEXT_HOP, "no next hop on this link")                                                    \
    X(NEIGHBOUR_LIMIT, "too many neighbours that do not answer")                                  \
    X(NEIGHBOUR_QUEUE, "too many packets wait for a neighbour's address")                         \
    X(NEIGHBOUR_SILENT, "the neighbour does not answer")

enum hf_drop {
#define HF_X(name, text) HF_DROP_##name,
    HF_DROPS(HF_X)
#undef HF_X
        HF_DROP_COUNT
};

/* Why a segment was sent. X(NAME, "text") */
#define HF_SENDS(X)                                                                               \
    X(NEW, "")                                                                                    \
    X(ACK, "")                                                                                    \
    X(REPLY, "answer")                                                                            \
    X(CHALLENGE, "challenge ACK")                                                                 \
    X(RTO, "retransmission, timeout")                                                             \
    X(FAST, "retransmission, duplicate ACKs")                                                     \
    X(PARTIAL, "retransmission, partial ACK")                                                     \
    X(LOST, "retransmission, found lost")                                                         \
    X(TLP, "tail loss probe")                                                                     \
    X(PMTU, "retransmission, path MTU fell")                                                      \
    X(MTU_PROBE, "path MTU probe")                                                               \
    X(PROBE, "zero-window probe")                                                                 \
    X(KEEPALIVE, "keep-alive probe")                                                              \
    X(RESET, "reset")

enum hf_send_reason {
#define HF_X(name, text) HF_SEND_##name,
    HF_SENDS(HF_X)
#undef HF_X
        HF_SEND_COUNT
};

/* What made a state change: the `by` of a HF_TRACE_STATE record. */
enum hf_by { HF_BY_SEGMENT = 0, HF_BY_CALL, HF_BY_TIMER, HF_BY_ICMP, HF_BY_STACK };

/* Which timer ran: the `timer` of a HF_TRACE_TIMER record. */
enum hf_timer_kind {
    HF_TIMER_RTO = 0,
    HF_TIMER_PERSIST,
    HF_TIMER_DELACK,
    HF_TIMER_KEEPALIVE,
    HF_TIMER_USER,
    HF_TIMER_2MSL,
    HF_TIMER_ORPHAN,
    HF_TIMER_SWS, /* sender's silly-window override, RFC 9293 3.8.6.2.1 */
    HF_TIMER_TLP, /* tail loss probe, RFC 8985 7                        */
    HF_TIMER_REORDER, /* what was overtaken is lost now, RFC 8985 6.2   */
    HF_TIMER_COUNT
};

enum hf_trace_kind {
    HF_TRACE_OPEN = 1,   /* a connection exists: u.open                                      */
    HF_TRACE_IN,         /* a segment for a connection arrived: u.segment, with packet       */
    HF_TRACE_OUT,        /* a segment was built: u.segment, with packet                      */
    HF_TRACE_STATE,      /* the state changed: u.state                                       */
    HF_TRACE_TIMER,      /* a timer ran: u.timer                                             */
    HF_TRACE_CONGESTION, /* cwnd, ssthresh or BBR's state changed: u.congestion              */
    HF_TRACE_DROP,       /* something was dropped: u.drop (packet when there is one)         */
    HF_TRACE_CALL,       /* a user call that changed something: u.call                       */
    HF_TRACE_END,        /* the connection ended: u.end                                      */
    HF_TRACE_UNSAFE,     /* the stack runs with unsafe settings                              */
    HF_TRACE_CLOCK,      /* the clock jumped: u.clock                                        */
    HF_TRACE_ICMP        /* an ICMP error reached a connection: u.icmp                       */
};

/* User calls, as u.call names them. */
enum hf_call {
    HF_CALL_OPEN = 1,
    HF_CALL_LISTEN,
    HF_CALL_ACCEPT,
    HF_CALL_SEND,
    HF_CALL_RECEIVE,
    HF_CALL_SHUTDOWN,
    HF_CALL_CLOSE,
    HF_CALL_ABORT,
    HF_CALL_REFUSE
};

struct hf_trace_record {
    hf_time time;   /* the `now` of the call that it happened in, or the timer's own time     */
    uint32_t conn;  /* names a pair of endpoints in its stack; an OPEN record with the same
                       value begins a new connection between them. 0: no connection           */
    uint16_t stack; /* the id that the stack was given                                        */
    uint8_t kind;   /* enum hf_trace_kind                                                     */
    uint8_t state;  /* enum hf_state after what is told here                                  */
    union {
        struct {
            uint8_t local[16], remote[16]; /* IPv4 in the first four bytes                    */
            uint16_t local_port, remote_port;
            uint8_t family; /* enum hf_family                                                 */
            uint8_t active; /* 1: active OPEN                                                 */
            uint8_t link;
        } open;
        struct {
            uint32_t seq, ack;
            uint32_t text;         /* bytes of payload                                        */
            uint32_t window;       /* scaled                                                  */
            uint16_t flags;        /* HF_FIN ...                                              */
            uint16_t mss;          /* 0: no option                                            */
            uint32_t tsval, tsecr; /* when has_ts                                             */
            uint32_t sack[2];      /* the first block, when sacks > 0                         */
            uint8_t sacks;         /* number of SACK blocks                                   */
            uint8_t has_ts;
            uint8_t wscale;        /* 0xff: no option                                         */
            uint8_t sack_permitted;
            uint8_t reason;        /* OUT: enum hf_send_reason; IN: enum hf_drop              */
            uint8_t segments;      /* when merged                                             */
            uint16_t urgent;       /* the urgent pointer, when HF_URG                         */
            uint16_t segment_bytes; /* text of each segment but the last, which may have less */
        } segment;
        struct {
            uint8_t from, to; /* enum hf_state                                                */
            uint8_t by;       /* enum hf_by                                                   */
            uint8_t detail;   /* SEGMENT: its low flags; CALL: hf_call; TIMER: hf_timer_kind  */
        } state;
        struct {
            uint8_t timer;    /* enum hf_timer_kind                                           */
            uint8_t count;    /* how many times in a row                                      */
            hf_time interval; /* what it had been set to                                      */
        } timer;
        struct {
            uint32_t cwnd, ssthresh; /* bytes                                                 */
            uint32_t in_flight;      /* bytes                                                 */
            uint32_t srtt_us, rto_us;
            uint8_t phase;           /* 0 slow start, 1 avoidance, 2 fast recovery, 3 after RTO */
            uint8_t control;         /* enum hf_congestion_control                            */
            uint8_t bbr_state;       /* enum hf_bbr_state                                     */
            uint64_t pacing_rate;    /* bytes a second; 0: not paced                          */
            uint64_t delivery_rate;  /* bytes a second, the last sample; 0: none              */
        } congestion;
        struct {
            uint8_t reason; /* enum hf_drop                                                   */
        } drop;
        struct {
            uint8_t call;   /* enum hf_call                                                   */
            uint32_t bytes;
        } call;
        struct {
            uint8_t cause;  /* enum hf_cause                                                  */
            uint64_t bytes_sent, bytes_received; /* payload, each byte once                   */
            uint32_t segments_sent, segments_received;
            uint32_t retransmits;
        } end;
        struct {
            hf_time by; /* how far it jumped; negative: backwards                             */
        } clock;
        struct {
            uint8_t kind; /* enum hf_icmp_kind of stack.h                                     */
            uint32_t mtu;
        } icmp;
        uint8_t room[48];
    } u;
};

/* A trace sink. It must not call the stack; record and packet are only valid during the call.
 * packet is the whole datagram for IN and OUT records, else NULL.
 *
 * Runs. A sink that keeps records can have those that only continue the one before told in it:
 * segments with text that follow each other, of one connection, within one call, with the same
 * acknowledgement, window, timestamps, flags (but a PSH at the end) and reason, of one size (but the
 * last, which may be shorter): `text` is then of all of them, `segments` their number. And SEND or
 * RECEIVE calls of one connection at one time: `bytes` is of all of them. Nothing else joins, so
 * each segment can still be told from the record. See trace_last of hf_stack_config. */
typedef void (*hf_trace_fn)(void *context, const struct hf_trace_record *record,
                            const struct hf_packet *packet);

/* hf_state_text, hf_cause_text, hf_drop_text, hf_send_text, hf_timer_text: words for the
 * values above, as RFC 9293 writes them ("FIN-WAIT-1"). Never NULL.
 * thread   any */
HF_API const char *hf_state_text(int state);
HF_API const char *hf_cause_text(int cause);
HF_API const char *hf_drop_text(int drop);
HF_API const char *hf_send_text(int reason);
HF_API const char *hf_timer_text(int timer);

/* hf_cause_name, hf_drop_name: the short upper-case name ("RST_WINDOW"). Never NULL. */
HF_API const char *hf_cause_name(int cause);
HF_API const char *hf_drop_name(int drop);

HF_END
#endif
