/* Handfast: TCP's user calls: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS (RFC 9293 3.9.1).
 *
 * Every call takes the stack first and is made on the thread that owns it. A call changes state;
 * segments leave when the stack is next asked for output. */
#ifndef HANDFAST_TCP_H
#define HANDFAST_TCP_H

#include <handfast/address.h>
#include <handfast/trace.h>
#include <handfast/types.h>

HF_BEGIN

/* ---- Options, by name ---- */

/* X(NAME, "name", writable) */
#define HF_OPTIONS(X)                                                                             \
    X(NODELAY, "nodelay", 1)                 /* 1: Nagle off (MUST-17)                        */ \
    X(KEEPALIVE, "keepalive", 1)             /* 1: on (MUST-24)                               */ \
    X(KEEPALIVE_IDLE, "keepalive-idle", 1)   /* ns (MUST-27)                                  */ \
    X(KEEPALIVE_INTERVAL, "keepalive-interval", 1) /* ns                                      */ \
    X(KEEPALIVE_PROBES, "keepalive-probes", 1)                                                    \
    X(R2, "r2", 1)                           /* ns without progress; 0: never (MUST-21)       */ \
    X(USER_TIMEOUT, "user-timeout", 1)       /* ns; 0: none                                   */ \
    X(TOS, "tos", 1)                         /* Diffserv field, 0..255 (MUST-48, SHLD-21)     */ \
    X(TTL, "ttl", 1)                         /* hop limit, 1..255 (MUST-49)                   */ \
    X(SND_BUFFER, "send-buffer", 1)          /* bytes: it grows no more; 0: it does again     */ \
    X(RCV_BUFFER, "receive-buffer", 1)       /* bytes of window, as above                     */ \
    X(SOFT_ERRORS, "soft-errors", 1)         /* 0: do not report (SHLD-20)                    */ \
    X(DELACK, "delayed-ack", 1)              /* 0: acknowledge everything at once             */ \
    X(CORK, "cork", 1)                       /* 1: only full segments                         */ \
    X(DEFER_ACCEPT, "defer-accept", 1)       /* of a listener alone, see below                */ \
    X(USER, "user", 1)                       /* the value in events                           */ \
    X(CONGESTION, "congestion", 1)           /* enum hf_congestion_control; never reads 0     */ \
    X(MSS, "mss", 1)                         /* see below                                     */ \
    X(SYN_RETRIES, "syn-retries", 1)         /* before giving up, 1..255; while opening       */ \
    X(SEND_ROOM, "send-room", 0)             /* bytes that hf_tcp_send would take             */ \
    X(SYN_ROOM, "syn-room", 0)               /* bytes that the SYN can still take (Fast Open) */

enum hf_option {
#define HF_X(name, text, writable) HF_OPTION_##name,
    HF_OPTIONS(HF_X)
#undef HF_X
        HF_OPTION_COUNT
};

/* MSS reads as the text of a full segment that we send, options taken off. Set before the SYN
 * leaves, it bounds what the SYN says, and always what we send, timestamps included; 64..65495,
 * or 0: no bound but the peer's and the path's (TCP_MAXSEG).
 *
 * DEFER_ACCEPT, 0..15: a third segment without text does not complete a connection before the
 * SYN+ACK has been sent again so many times (TCP_DEFER_ACCEPT). */

/* ---- Congestion control ---- */

/* What decides how much may be in flight. A connection has the stack's (struct hf_settings) unless
 * HF_OPTION_CONGESTION says otherwise. */
enum hf_congestion_control {
    HF_CONGESTION_DEFAULT = 0,
    HF_CONGESTION_RENO,  /* "reno": RFC 5681                                                  */
    HF_CONGESTION_CUBIC, /* "cubic": RFC 9438, with HyStart++ (RFC 9406)                      */
    HF_CONGESTION_BBR,   /* "bbr": draft-ietf-ccwg-bbr (version 3), always paced              */
    HF_CONGESTION_COUNT
};

/* What BBR is doing: draft-ietf-ccwg-bbr 3.3. */
enum hf_bbr_state {
    HF_BBR_NONE = 0, /* another controller                                                    */
    HF_BBR_STARTUP,
    HF_BBR_DRAIN,
    HF_BBR_PROBE_DOWN,
    HF_BBR_PROBE_CRUISE,
    HF_BBR_PROBE_REFILL,
    HF_BBR_PROBE_UP,
    HF_BBR_PROBE_RTT
};

/* hf_congestion_named: the controller with this name, or HF_ERR_ARGUMENT.
 * hf_congestion_name: its name, or NULL.
 * thread   any */
HF_API int hf_congestion_named(const char *name);
HF_API const char *hf_congestion_name(int control);

/* ---- OPEN, RFC 9293 3.9.1.1 ---- */

/* hf_open.fast_open: data with the SYN, RFC 7413. Ignored when the settings do not allow it. What is
 * sent this way may reach the peer's application twice: only for requests that bear it. */
enum {
    HF_OPEN_FAST = 1,           /* the SYN takes what was queued by SEND before it leaves, when
                                   there is a cookie for the server; else it asks for one     */
    HF_OPEN_FAST_DEFER = 2,     /* besides: when there is a cookie, the SYN waits for a SEND  */
    HF_OPEN_FAST_NO_COOKIE = 4  /* besides: no cookie is needed or asked for                  */
};

struct hf_open {
    uint32_t size;            /* sizeof(struct hf_open)                                       */
    struct hf_endpoint local; /* address NONE: chosen by route; port 0: chosen by RFC 6056    */
    struct hf_endpoint remote;
    uint64_t user;            /* comes back in events                                         */
    hf_time timeout;          /* user timeout; 0: the stack's                                 */
    uint8_t tos;              /* Diffserv field; 0: the stack's                               */
    uint8_t fast_open;        /* HF_OPEN_FAST, ...; 0: no                                     */
    uint8_t syn_retries;      /* SYNs sent again before giving up; 0: the stack's             */
    uint8_t congestion;       /* enum hf_congestion_control; 0: the stack's                   */
};

/* hf_tcp_open: active OPEN. The SYN leaves with the next output; HF_EVENT_CONNECTED or
 * HF_EVENT_ENDED tells how it went.
 * returns  0 and *conn; or HF_ERR_ARGUMENT, HF_ERR_UNSPECIFIED (remote address or port missing), HF_ERR_ADDRESS
 *          (broadcast, multicast or mapped remote, or local not ours), HF_ERR_ROUTE, HF_ERR_PORT,
 *          HF_ERR_EXISTS (the pair is in use or in TIME-WAIT), HF_ERR_LIMIT, HF_ERR_MEMORY
 * source   RFC 9293 3.10.1; MUST-43, 44, 46 */
HF_API int hf_tcp_open(struct hf_stack *stack, const struct hf_open *open, hf_conn *conn);

struct hf_listen {
    uint32_t size;             /* sizeof(struct hf_listen)                                    */
    struct hf_endpoint local;  /* address NONE: any of ours; port 0 with any_port: every port */
    struct hf_endpoint remote; /* address NONE: anybody                                       */
    uint64_t user;
    uint32_t backlog;          /* connections waiting for accept: backlog + 1, as Linux       */
    uint8_t hold;              /* 1: each SYN waits for hf_syn_accept or hf_syn_refuse        */
    uint8_t any_address;       /* 1: also for addresses that are not ours (a gateway)         */
    uint8_t any_port;          /* 1: every port that has no listener of its own               */
    uint8_t family;            /* with address NONE: HF_IPV4 or HF_IPV6 only; 0: both         */
    uint32_t fast_open;        /* Fast Open (RFC 7413): connections at the most that exist by a
                                  SYN with a good cookie and not yet by the third segment;
                                  0: none. Not with hold                                      */
    uint8_t fast_open_no_cookie; /* 1: without cookies; see HF_FAST_OPEN_SERVER_NO_COOKIE     */
};

/* hf_tcp_listen: passive OPEN.
 * With fast_open a connection may be in hf_tcp_accept in SYN-RECEIVED: data that came with the SYN
 * can be read and an answer sent. The same data may come again in another connection, when the
 * network repeats a SYN (RFC 7413 2.1).
 * returns  0 and *listener; or HF_ERR_ARGUMENT, HF_ERR_ADDRESS (local not ours), HF_ERR_EXISTS
 *          (another listener has this address and port), HF_ERR_LIMIT, HF_ERR_MEMORY
 * source   RFC 9293 3.10.1; MUST-41, 42 */
HF_API int hf_tcp_listen(struct hf_stack *stack, const struct hf_listen *listen,
                         hf_listener *listener);

/* hf_listener_open: turn a passive OPEN whose remote endpoint is specified into an active one;
 * the listener is gone when it worked.
 * returns  as hf_tcp_open; HF_ERR_UNSPECIFIED when the listener has no remote endpoint
 * source   RFC 9293 3.10.1, LISTEN STATE; 3.10.2, LISTEN STATE */
HF_API int hf_listener_open(struct hf_stack *stack, hf_listener listener, hf_conn *conn);

/* hf_listener_set: give this option to every connection that the listener makes from now on, as
 * hf_tcp_set would before its first segment: what belongs into the SYN+ACK (MSS, RCV_BUFFER, TOS,
 * TTL) stands in it. CORK and USER are a connection's alone.
 * returns  0; or HF_ERR_STALE, HF_ERR_ARGUMENT (not such an option, value outside), HF_ERR_MEMORY */
HF_API int hf_listener_set(struct hf_stack *stack, hf_listener listener, enum hf_option option,
                           int64_t value);

/* hf_listener_waiting: how many connections wait in hf_tcp_accept.
 * returns  0 and more; or HF_ERR_STALE */
HF_API int64_t hf_listener_waiting(struct hf_stack *stack, hf_listener listener);

/* hf_listener_close: stop listening. Half-open connections and those not yet accepted end, the
 * latter with a reset.
 * returns  0 or HF_ERR_STALE */
HF_API int hf_listener_close(struct hf_stack *stack, hf_listener listener);

/* hf_listener_endpoint: where it listens. returns 0 or HF_ERR_STALE */
HF_API int hf_listener_endpoint(struct hf_stack *stack, hf_listener listener,
                                struct hf_endpoint *local);

/* hf_listener_fast_open: change hf_listen.fast_open and fast_open_no_cookie. Those that wait already
 * are not touched.
 * returns  0, HF_ERR_STALE, or HF_ERR_ARGUMENT (a listener that holds) */
HF_API int hf_listener_fast_open(struct hf_stack *stack, hf_listener listener, uint32_t limit,
                                 int no_cookie);

/* hf_listener_fast_open_keys: Fast Open cookies of this listener are made with keys of its own, not
 * the stack's; see hf_stack_fast_open_keys.
 * count    1 or 2; 0: the stack's again
 * returns  0, HF_ERR_STALE, or HF_ERR_ARGUMENT */
HF_API int hf_listener_fast_open_keys(struct hf_stack *stack, hf_listener listener,
                                      const uint8_t (*keys)[16], unsigned count);

/* hf_tcp_accept: take the next established connection of a listener (or one that Fast Open has
 * brought, see hf_tcp_listen).
 * user     the value that comes back in the connection's events
 * returns  1 and *conn, 0 when none waits, or HF_ERR_STALE */
HF_API int hf_tcp_accept(struct hf_stack *stack, hf_listener listener, uint64_t user,
                         hf_conn *conn);

/* hf_tcp_next_syn: take the next held SYN of a holding listener.
 * local, remote   the two ends of the connection that is asked for; may be NULL
 * returns  1 and *syn, 0 when none waits, or HF_ERR_STALE */
HF_API int hf_tcp_next_syn(struct hf_stack *stack, hf_listener listener, hf_syn *syn,
                           struct hf_endpoint *local, struct hf_endpoint *remote);

/* hf_syn_accept: answer a held SYN with SYN+ACK; the connection appears in hf_tcp_accept when
 * the third segment comes. returns 0 or HF_ERR_STALE */
HF_API int hf_syn_accept(struct hf_stack *stack, hf_syn syn);

/* hf_syn_refuse: answer a held SYN with a reset. returns 0 or HF_ERR_STALE */
HF_API int hf_syn_refuse(struct hf_stack *stack, hf_syn syn);

/* ---- SEND, RFC 9293 3.9.1.2 ---- */

enum {
    HF_SEND_MORE = 1,  /* no PUSH: more will follow at once; small segments may wait           */
    HF_SEND_URGENT = 2, /* the urgent pointer is set behind these bytes; new programs do not   */
    HF_SEND_RECORD = 4 /* a record ends behind these bytes: no segment holds bytes of two records, as
                          long as there are not very many in the queue (1024). Counts only when all
                          bytes were taken                                                    */
};

/* hf_tcp_send: queue bytes. Copies.
 * returns  bytes taken (0: no room now, HF_EVENT_WRITABLE tells when there is); or HF_ERR_STALE,
 *          HF_ERR_CLOSING (this side has closed), HF_ERR_MEMORY, or why the connection ended:
 *          HF_ERR_RESET, HF_ERR_REFUSED, HF_ERR_TIMEOUT, HF_ERR_ABORTED, HF_ERR_UNREACHABLE
 * owner    buf stays the caller's
 * source   RFC 9293 3.10.2 */
HF_API int64_t hf_tcp_send(struct hf_stack *stack, hf_conn conn, const void *buf, size_t len,
                           unsigned flags);

/* hf_tcp_reserve: room at the end of the send queue to write into; then hf_tcp_commit.
 * want     bytes wished for; *len is what there is (1..want)
 * returns  0; or as hf_tcp_send, HF_ERR_LIMIT when the queue is full
 * owner    the stack's; valid until the next call on this connection */
HF_API int hf_tcp_reserve(struct hf_stack *stack, hf_conn conn, size_t want, void **buf,
                          size_t *len);

/* hf_tcp_commit: the first len bytes of the reservation are to be sent.
 * len      0 gives the reservation back, if there is one; flags without HF_SEND_MORE then say
 *          that nothing follows what was queued before
 * returns  0; or HF_ERR_STALE, HF_ERR_ARGUMENT (more than was reserved), or as hf_tcp_send */
HF_API int hf_tcp_commit(struct hf_stack *stack, hf_conn conn, size_t len, unsigned flags);

/* ---- RECEIVE, RFC 9293 3.9.1.3 ---- */

/* hf_tcp_recv: take bytes that arrived, in order.
 * returns  bytes, 0 when there is nothing now, HF_EOF after the peer's FIN; or HF_ERR_STALE, or
 *          why the connection ended (after what was received in order has been read)
 * source   RFC 9293 3.10.3 */
HF_API int64_t hf_tcp_recv(struct hf_stack *stack, hf_conn conn, void *buf, size_t len);

/* hf_tcp_peek: look at the next run of bytes without copying.
 * returns  bytes at *buf (0, HF_EOF and errors as hf_tcp_recv)
 * owner    the stack's; valid until hf_tcp_consume, hf_tcp_recv or close of this connection */
HF_API int64_t hf_tcp_peek(struct hf_stack *stack, hf_conn conn, const void **buf);

/* hf_tcp_copy: copy bytes that wait, from `offset` bytes behind the first on; they stay.
 * returns  bytes copied; 0, HF_EOF and errors as hf_tcp_recv when none wait there */
HF_API int64_t hf_tcp_copy(struct hf_stack *stack, hf_conn conn, size_t offset, void *buf,
                           size_t len);

/* hf_tcp_consume: the first len bytes were dealt with.
 * returns  0; or HF_ERR_STALE, HF_ERR_ARGUMENT (more than is there) */
HF_API int hf_tcp_consume(struct hf_stack *stack, hf_conn conn, size_t len);

/* ---- CLOSE and ABORT, RFC 9293 3.9.1.4, 3.9.1.5 ---- */

/* hf_tcp_shutdown: the RFC's CLOSE: this side has no more to send. What was queued is sent, then
 * FIN; data still arrives. The handle stays.
 * returns  0 (also when called again); or HF_ERR_STALE, or why the connection ended
 * source   RFC 9293 3.10.4 */
HF_API int hf_tcp_shutdown(struct hf_stack *stack, hf_conn conn);

/* An idle connection may have to take memory before it can do anything. What waits for that says
 * HF_ERR_MEMORY (send, reserve, commit, consume, shutdown, set), and nothing has changed; close is an
 * abort then, with HF_CAUSE_MEMORY. */

/* hf_tcp_close: the socket's close: no more sending, no more reading, the handle is given up and
 * stale from now on. What was queued is still sent, then FIN. If received data was not read, or
 * comes later, the peer is sent a reset so that it knows (SHLD-3).
 * returns  0 or HF_ERR_STALE
 * source   RFC 9293 3.6.1, 3.10.4 */
HF_API int hf_tcp_close(struct hf_stack *stack, hf_conn conn);

/* hf_tcp_close_within: the same, with its own limit to how long the peer may take to finish, instead
 * of the settings' orphan_timeout (TCP_LINGER2).
 * limit    ns, more than 0; at most 49 days
 * returns  0, HF_ERR_ARGUMENT or HF_ERR_STALE */
HF_API int hf_tcp_close_within(struct hf_stack *stack, hf_conn conn, hf_time limit);

/* hf_tcp_abort: reset the connection and give up the handle. Queued data is lost.
 * returns  0 or HF_ERR_STALE
 * source   RFC 9293 3.10.5 */
HF_API int hf_tcp_abort(struct hf_stack *stack, hf_conn conn);

/* ---- STATUS, RFC 9293 3.9.1.6 ---- */

/* What came of Fast Open, as far as is known. */
enum hf_fast_open_result {
    HF_FAST_OPEN_NOT_USED = 0,
    HF_FAST_OPEN_TAKEN,      /* data on the SYN was taken: ours by the peer, or the peer's    */
    HF_FAST_OPEN_NO_COOKIE,  /* there was no cookie: the SYN asked for one                    */
    HF_FAST_OPEN_NOT_TAKEN,  /* our data was not acknowledged, or not all; it was sent again  */
    HF_FAST_OPEN_LOST        /* ... and the SYN had to be sent again                          */
};

struct hf_tcp_status {
    uint32_t size;          /* in: sizeof(struct hf_tcp_status)                               */
    uint8_t state;          /* enum hf_state                                                  */
    uint8_t cause;          /* enum hf_cause: NONE while it lives                             */
    uint8_t active;         /* 1: active OPEN                                                 */
    uint8_t timestamps, sack, window_scale; /* agreed                                         */
    uint8_t snd_wscale, rcv_wscale;
    uint8_t tos, ttl, peer_tos;             /* peer_tos: the last one received (MAY-9)        */
    uint8_t soft_error;     /* enum hf_icmp_kind of the last ICMP error; 0: none              */
    uint8_t icmp_type, icmp_code; /* ... and what it said, in the numbers of its family       */
    uint8_t trouble;        /* 1: R1 was passed and nothing was acknowledged since            */
    uint8_t pushed;         /* 1: the peer's last segment in order carried PSH (MAY-17)       */
    uint8_t backoff;        /* retransmissions in a row                                       */
    uint8_t probes;         /* zero-window or keep-alive probes unanswered                    */
    uint8_t phase;          /* congestion: as in HF_TRACE_CONGESTION                          */
    uint8_t fast_open;      /* enum hf_fast_open_result                                       */
    uint8_t congestion;     /* enum hf_congestion_control                                     */
    uint8_t rate_app_limited; /* 1: delivery_rate is what the application sent, not the path's */
    struct hf_endpoint local, remote;
    uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, iss;
    uint32_t rcv_nxt, rcv_wnd, irs;
    uint32_t send_queued;   /* bytes queued, sent or not, not acknowledged                    */
    uint32_t receive_ready; /* bytes that can be read now                                     */
    uint32_t urgent_left;   /* bytes until the end of urgent data; 0: none (MUST-33)          */
    uint32_t snd_wnd_max;   /* the largest window that the peer ever offered                  */
    uint32_t mss;           /* bytes of text in a full segment we send                        */
    uint32_t peer_mss;      /* the peer's option, or the default                              */
    uint32_t advertised_mss; /* in our SYN                                                    */
    uint32_t received_mss;  /* text in the largest segment that came in order; 0: none yet    */
    uint32_t path_mtu;
    uint32_t cwnd, ssthresh, in_flight; /* bytes                                              */
    uint32_t sacked, lost, resent; /* bytes sent and not acknowledged: that the peer reported by
                                      SACK, that were found lost, that are under way again     */
    uint32_t sacked_segments;
    uint32_t reordering;    /* segments by which one was overtaken at the most, in this flight;
                               0: none was                                                    */
    uint8_t reordering_seen; /* 1: the path was ever seen to reorder (RFC 8985)               */
    uint32_t spurious;      /* retransmissions found not to have been needed, since it last rested */
    uint8_t dup_acks;       /* without SACK: duplicate ACKs since SND.UNA moved               */
    hf_time srtt, rttvar, rto;          /* srtt 0: no sample yet                              */
    hf_time min_rtt;        /* least round trip of the last 10 s of sending; 0: no sample      */
    uint64_t pacing_rate;   /* bytes a second; 0: not paced                                   */
    uint64_t delivery_rate; /* bytes a second, the last sample; 0: none                       */
    uint64_t bbr_bw;        /* bytes a second that BBR believes in; as all of bbr_, 0 without it */
    hf_time bbr_min_rtt;
    uint16_t bbr_pacing_gain, bbr_cwnd_gain; /* percent                                       */
    uint8_t bbr_state;      /* enum hf_bbr_state                                              */
    uint64_t bytes_sent, bytes_received, bytes_acked; /* text, each octet once                */
    uint64_t bytes_resent;
    uint32_t segments_sent, segments_received, retransmits;
    uint32_t text_segments_sent, text_segments_received; /* of these, resent ones too         */
    uint32_t segments_out_of_order; /* came with text, and a gap before it                    */
    hf_time since_text_sent, since_text_received, since_ack_received; /* or since the opening */
    hf_time sending;        /* how long the send queue was not empty, all times together      */
    hf_time window_limited; /* of that, how long it was the peer's window that kept text back */
    uint32_t trace_id;      /* `conn` of this connection's trace records                      */
    uint8_t ecn;            /* HF_ECN_STATUS_...                                              */
};

/* struct hf_tcp_status.ecn, RFC 3168 */
enum {
    HF_ECN_STATUS_AGREED = 1,  /* both ends speak it                                          */
    HF_ECN_STATUS_SEEN = 2,    /* the peer has sent text that the path may mark               */
    HF_ECN_STATUS_REDUCING = 4 /* a mark was echoed: cwnd came down and does not grow until all
                                  that was in flight then is acknowledged                     */
};

/* hf_tcp_status: the connection's block, as it is now.
 * returns  0 or HF_ERR_STALE ("connection does not exist") */
HF_API int hf_tcp_status(struct hf_stack *stack, hf_conn conn, struct hf_tcp_status *status);

/* ---- Reading and changing them ---- */

/* hf_tcp_set, hf_tcp_get: change or read an option of a connection.
 * returns  0; or HF_ERR_STALE, HF_ERR_ARGUMENT (no such option, not writable, value outside) */
HF_API int hf_tcp_set(struct hf_stack *stack, hf_conn conn, enum hf_option option, int64_t value);
HF_API int hf_tcp_get(struct hf_stack *stack, hf_conn conn, enum hf_option option,
                      int64_t *value);

/* hf_option_named: the option with this name, or HF_ERR_ARGUMENT. */
HF_API int hf_option_named(const char *name);

HF_END
#endif
