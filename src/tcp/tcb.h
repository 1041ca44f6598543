/* The connection: RFC 9293's transmission control block, under the RFC's names.
 *
 * It comes in two parts. The quiet block, struct hf_tcp, is what an open connection always has. The
 * active block, struct hf_active, exists only while data is queued, in flight, unread or out of
 * order; what must survive it (a congestion window, say) is saved in the quiet block. Neither holds
 * a pointer to another object of ours: references are 32-bit indices, so a block can be built on
 * the C stack from a half-open or TIME-WAIT entry, run through the same steps, and be copied into
 * the pool if it is to stay. Such a block has self == 0: it is in no list and has no timer.
 *
 * Only src/tcp writes these fields. State changes in one function, hf_tcp_enter; a block that is
 * built from an entry begins in the entry's state. */
#ifndef HF_TCP_TCB_H
#define HF_TCP_TCB_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/env.h"
#include "base/seq.h"
#include "tcp/congestion.h"
#include "tcp/pacing.h"
#include "tcp/sent.h"
#include "wire/flow.h"
#include "wire/tcp.h"

/* hf_tcp.flags: what is true of a connection */
enum {
    HF_F_ACTIVE_OPEN = 1u << 0,  /* MUST-11: remembers where SYN-RECEIVED came from           */
    HF_F_TIMESTAMPS = 1u << 1,   /* agreed, RFC 7323                                          */
    HF_F_SACK = 1u << 2,         /* agreed, RFC 2018                                          */
    HF_F_WSCALE = 1u << 3,       /* agreed, RFC 7323                                          */
    HF_F_FIN_QUEUED = 1u << 4,   /* CLOSE was called: FIN follows the last queued octet       */
    HF_F_FIN_SENT = 1u << 5,     /* ... and has been sent at least once                       */
    HF_F_FIN_RECEIVED = 1u << 6, /* RCV.NXT is past the peer's FIN                            */
    HF_F_ORPHAN = 1u << 7,       /* the application gave up the handle: it reads no more      */
    HF_F_NODELAY = 1u << 8,      /* Nagle off                                                 */
    HF_F_CORK = 1u << 9,         /* only full segments                                        */
    HF_F_MORE = 1u << 10,        /* the last SEND said that more will follow                  */
    HF_F_KEEPALIVE = 1u << 11,
    HF_F_NO_DELACK = 1u << 12,
    HF_F_NO_SOFT_ERRORS = 1u << 13, /* SHLD-20 */
    HF_F_SEND_FULL = 1u << 14,   /* SEND was refused: tell when there is room                 */
    HF_F_URGENT_SEND = 1u << 15, /* the active block's snd_up is ahead of snd_una             */
    HF_F_URGENT_RECEIVE = 1u << 16, /* rcv_up is ahead of what was read                       */
    HF_F_TROUBLE = 1u << 17,     /* R1 was passed                                             */
    HF_F_ACCEPT_QUEUE = 1u << 18, /* waits in its listener's queue                            */
    HF_F_ON_READY = 1u << 19,    /* in the ready list                                         */
    HF_F_ON_OUTPUT = 1u << 20,   /* in its link's output list                                 */
    HF_F_ZOMBIE = 1u << 21,      /* freed, waits only for those lists to let go               */
    HF_F_DETACHED = 1u << 22,    /* no longer in the table: over, kept for its handle         */
    HF_F_TS_RECENT = 1u << 23,   /* ts_recent holds a value                                   */
    HF_F_PUSHED = 1u << 24,      /* the last segment in order carried PSH                     */
    HF_F_SYN_RETRANSMITTED = 1u << 25,
    HF_F_RESTART_2MSL = 1u << 26, /* on a TIME-WAIT block on the C stack: the outcome (D5)    */
    HF_F_DSACK = 1u << 27,       /* dsack is to be reported in the next ACK                   */
    HF_F_AFTER_TIMEOUT = 1u << 29, /* RFC 6582 `recover` is SND.UNA: kept for the active block  */
    HF_F_REORDERED = 1u << 30,   /* RFC 8985: the path was seen to reorder                    */
    HF_F_USER_TIMEOUT = 1u << 28 /* the application set one: it also bounds FIN-WAIT-2        */
};

/* hf_tcp.want: what output owes */
enum {
    HF_WANT_SYN = 1,       /* SYN, or SYN+ACK in SYN-RECEIVED                                 */
    HF_WANT_ACK = 2,       /* an ACK, at once                                                 */
    HF_WANT_PROBE = 4,     /* one octet into a zero window                                    */
    HF_WANT_KEEPALIVE = 8, /* an empty segment at SND.NXT-1                                   */
    HF_WANT_PUSH = 16      /* the silly-window override fired: send what fits                 */
};

/* How long there was something to deliver to the peer, and how much of that the peer's window was
 * what kept it; milliseconds. */
struct hf_sending_time {
    uint32_t busy_ms, window_ms;
};

/* hf_tcp.ecn, RFC 3168: 0 unless both SYNs agreed */
enum {
    HF_ECN_AGREED = 1,
    HF_ECN_ECHO = 2,    /* a mark came and no CWR since: every segment carries ECE            */
    HF_ECN_REDUCED = 4, /* cwnd came down: the next new text carries CWR                      */
    HF_ECN_SEEN = 8     /* the peer has sent text that may be marked                          */
};

/* hf_tcp.fast_open, RFC 7413 */
enum {
    HF_FO_WANTED = 1,     /* active OPEN: the first SYN carries the option, or data without it */
    HF_FO_DEFERRED = 2,   /* the SYN waits for a SEND                                         */
    HF_FO_NO_COOKIE = 4,
    HF_FO_SENT = 8,       /* text went with our SYN                                           */
    HF_FO_TAKEN = 16,     /* ... and all of it was acknowledged; or the peer's was taken       */
    HF_FO_EXPERIMENTAL = 32, /* the option's form                                             */
    HF_FO_PENDING = 64,   /* passive OPEN: the third segment has not come                     */
    HF_FO_OTHER = 128     /* active: the SYN had no cookie, it asked for one. Passive: for an
                             address that is not ours                                         */
};

/* TLP and REORDER run in front of an RTO, which is due at rto_at of the active block. */
enum hf_rtx_mode {
    HF_RTX_NONE = 0,
    HF_RTX_RTO,
    HF_RTX_PERSIST,
    HF_RTX_SWS,
    HF_RTX_TLP,
    HF_RTX_REORDER
};

struct hf_tcp {
    /* What an in-order segment, and an ACK, touch. */
    hf_seq rcv_nxt;      /* first: a free block's first word is the pool's, the rest is zero  */
    uint32_t self;       /* own index; 0: on the C stack                                      */
    uint32_t handle;     /* index of the application's; 0: it has none                        */
    uint8_t state;       /* enum hf_state; written by hf_tcp_enter alone                      */
    uint8_t want;        /* HF_WANT_...                                                       */
    uint8_t snd_wscale, rcv_wscale;
    uint32_t flags;      /* HF_F_...                                                          */
    hf_seq rcv_adv;      /* right edge told to the peer: RCV.NXT + RCV.WND; never goes back   */
    hf_seq last_ack_sent; /* RFC 7323                                                         */
    hf_seq snd_una, snd_nxt;
    uint32_t snd_wnd;    /* scaled                                                            */
    hf_seq snd_wl1, snd_wl2;
    uint32_t ts_recent;
    uint32_t active;     /* index of the active block; 0: none                                */
    uint16_t mss;        /* text in a full segment, options taken off                         */
    uint16_t rcv_mss;    /* the largest segment received: what "full-sized" means for ACKs    */
    uint8_t dup_acks_owed; /* one for each segment that came out of order                     */
    uint8_t challenges_owed;
    uint8_t link : 4, ecn : 4; /* ecn: HF_ECN_...                                             */
    uint8_t rtx_mode : 3; /* enum hf_rtx_mode                                                 */
    uint8_t reo_steps : 5; /* RFC 8985: quarters of a round trip on top of its window         */
    hf_time rtx_at;      /* HF_NEVER when rtx_mode is NONE                                    */
    hf_time delack_at;   /* HF_NEVER: no ACK is being delayed                                 */
    hf_time last_receive; /* when the last acceptable segment came                            */

    /* Timers: the earliest of all, and what it is made of. */
    hf_time deadline;
    struct hf_timer timer;
    uint32_t hash;        /* of flow; also the trace id                                       */
    hf_time progress_at;  /* R2 and user timeout count from here                              */

    struct hf_flow flow;

    /* Lists. */
    hf_ref ready_next, output_next;
    union { /* a connection that waits to be accepted has sent nothing of its own             */
        struct {
            uint32_t accept_next; /* in the listener's queue                                  */
            uint32_t listener;
        };
        struct hf_sending_time spent; /* what the active block does not count any more        */
    };

    hf_seq iss, irs;
    uint32_t snd_wnd_max; /* the largest window the peer ever offered                         */
    hf_seq rcv_up;
    uint32_t srtt_us, rttvar_us, rto_us; /* RFC 6298; srtt 0: no sample                       */
    uint32_t ts_offset;   /* of our timestamp clock for this pair, RFC 7323 7.1               */
    uint32_t path_mtu_s;  /* when path_mtu last fell, seconds                                 */
    uint32_t ts_recent_s; /* when ts_recent was set, seconds                                  */
    uint32_t zero_window_s; /* since when rtx_mode is PERSIST, seconds                        */
    uint16_t path_mtu;
    uint16_t peer_mss;    /* from its SYN, or the default                                     */
    uint16_t advertised_mss; /* what the link allows                                          */
    uint16_t mss_limit;   /* HF_OPTION_MSS; 0: none                                           */
    uint8_t icmp_type, icmp_code; /* of the last ICMP error: soft_error                       */
    uint8_t backoff;      /* retransmissions in a row                                         */
    union {
        uint8_t probes;      /* keep-alive or zero-window probes unanswered                   */
        uint8_t syn_retries; /* until our SYN is acknowledged: so many, 0: r2_syn decides      */
    };
    uint8_t quick_acks : 6; /* segments still to be acknowledged at once                      */
    uint8_t congestion : 2; /* enum hf_congestion_control                                     */
    uint8_t fast_open;    /* HF_FO_...                                                        */
    uint8_t tos, ttl, peer_tos;
    uint8_t soft_error : 6; /* enum hf_icmp_kind                                              */
    uint8_t mtu_try_high : 1; /* mtu_high itself is tried next, not the middle                */
    uint8_t mtu_silent : 1;   /* no router told the path MTU: only probes tell a larger one   */
    uint8_t cause;        /* enum hf_cause                                                    */
    uint8_t keepalive_probes;
    uint16_t events;      /* HF_EVENT_... not yet taken                                       */
    uint16_t challenge_spent; /* in the current interval                                      */
    uint16_t challenge_s;     /* when that began, seconds modulo 2^16                         */
    uint16_t mtu_high;        /* RFC 4821: nothing larger is tried; 0: there is no search     */
    uint32_t keepalive_idle_s, keepalive_interval_s;
    uint32_t snd_buffer : 31, snd_locked : 1; /* bytes; locked: set by the application, stays */
    uint32_t rcv_buffer : 31, rcv_locked : 1;
    uint32_t rcv_mark;    /* octets read when the measured round began, modulo 2^32           */
    uint32_t rcv_mark_ms; /* when that was, by our timestamp clock                            */
    uint32_t r2_ms, user_timeout_ms;
    uint32_t invalid_ack_ms;  /* last ACK to an out-of-window segment                         */
    uint32_t last_send_ms;    /* last time that text was sent                                 */
    uint32_t last_text_ms;    /* ... and that some came                                       */
    union { /* the application has it, or has given it up                                     */
        uint64_t user;
        struct {                /* HF_F_ORPHAN: */
            uint32_t orphan_ms;       /* when it ends                                         */
            uint32_t orphan_limit_ms; /* how long the peer may take without progress          */
        };
    };
    uint64_t bytes_sent, bytes_received; /* text, each octet once                            */
    uint32_t generation; /* of the handle                                                    */
    uint32_t segments_sent, segments_received, retransmits;
    uint32_t text_segments_sent, text_segments_received, segments_out_of_order;
    uint32_t bytes_resent;
    struct hf_congestion_saved saved;
};

/* The first two cache lines hold what the common segment needs. */
_Static_assert(offsetof(struct hf_tcp, deadline) <= 128, "hot fields of struct hf_tcp");
_Static_assert(sizeof(struct hf_tcp) <= 360, "a connection");

/* Sender phases: what cwnd is doing, as the trace and STATUS tell it. */
enum hf_phase { HF_PHASE_SLOW_START = 0, HF_PHASE_AVOIDANCE, HF_PHASE_RECOVERY, HF_PHASE_LOSS };

/* RFC 8985: the newest transmission that arrived. What is known of the path's reordering outlives a
 * flight and stands in the quiet block. */
struct hf_rack {
    hf_time sent_at, rtt;
    hf_seq end;               /* of that segment                                              */
    hf_seq dsack_round;       /* D-SACKs count once until this is acknowledged                */
    hf_time reorder_at;       /* when the next record in flight counts as lost; HF_NEVER      */
    uint16_t degree;          /* most segments by which one was overtaken                     */
    uint8_t persist;          /* recoveries until the window is as at first                   */
    bool valid, advanced, in_dsack_round;
};

/* RFC 8985 7: the tail loss probe that nobody has answered yet. */
struct hf_tlp {
    hf_seq end;   /* SND.NXT behind it                                                        */
    uint32_t stamp; /* its TSval                                                              */
    bool again;   /* it was sent before, so that a loss may be hidden                         */
};

/* What a recovery has taken away, and what is known of the retransmissions that it caused. */
struct hf_undo {
    uint32_t cwnd, ssthresh;  /* before                                                       */
    hf_seq from;              /* SND.UNA then                                                 */
    uint32_t resent;          /* segments sent again that no D-SACK has told of               */
    uint32_t stamp;           /* TSval of the first of them                                   */
    uint32_t backdate_ms;     /* at most so much older is the TSval of what is sent again     */
    bool armed, any;          /* there is something to undo; something was sent again         */
};

/* RFC 5682: nothing to find out; the ACK of the first retransmission is awaited; new text was sent
 * instead of more old text. */
enum hf_frto { HF_FRTO_OFF = 0, HF_FRTO_FIRST, HF_FRTO_NEW };

/* RFC 9937: bytes since recovery began. */
struct hf_prr {
    uint32_t flight;          /* RecoverFS                                                    */
    uint32_t delivered, out;
};

#define HF_RECORD_END_SIZE 8u

struct hf_active {
    struct hf_bytes snd;      /* from SND.UNA (or ISS+1) on: sent or not                      */
    struct hf_bytes rcv;      /* in order, unread                                             */
    struct hf_cursor cursor;  /* where output found SND.NXT                                   */
    struct hf_cursor rtx_cursor; /* where it found what it sent again                         */
    uint32_t snd_dropped;     /* bytes ever dropped from the front of snd                     */
    uint32_t reserved;        /* bytes handed out by hf_tcp_reserve                           */
    struct hf_congestion cc;
    struct hf_pacer pacer;
    hf_time pace_at;          /* when the pacer lets more leave; 0: it holds nothing back       */
    union {
        struct {
            uint8_t phase;    /* enum hf_phase; SLOW_START stands for "open": hf_tcp_phase    */
            uint8_t frto;     /* enum hf_frto                                                 */
            uint8_t dupacks;
            bool rtx_first;   /* the first unacknowledged segment is to be sent again         */
            bool tlp_probing; /* there is a tail loss probe                                   */
            bool tlp_wanted;  /* ... it is still to be sent                                   */
            bool cwr;         /* cwnd came down for a mark, until SND.UNA reaches cwr_end     */
        };
        uint64_t odd;         /* all of these at once: 0 while nothing has gone wrong         */
    };
    hf_seq recover;           /* RFC 6582                                                     */
    struct hf_sent_list sent; /* what was sent and is not acknowledged                        */
    hf_seq fack;              /* the end of the highest SACKed text, while there is some      */
    struct hf_rack rack;
    struct hf_tlp tlp;
    struct hf_prr prr;
    struct hf_undo undo;
    uint32_t spurious;        /* retransmissions that were not needed                         */
    uint8_t frto_left;        /* new segments that it may still send                          */
    hf_time rto_at;           /* when the retransmission timer is due                         */
    hf_time pto_from;         /* when new text left, or was acknowledged                      */
    hf_seq dup_nxt;           /* SND.NXT at the first duplicate ACK                           */
    uint8_t rtx_reason;       /* enum hf_send_reason of what waits for retransmission         */
    bool rtx_run;             /* something was sent again in this turn                         */
    bool timing;              /* one segment is being timed                                   */
    bool probing;             /* the octet before SND.NXT went into a zero window as a probe  */
    bool recover_valid;       /* recover has been set                                         */
    hf_seq snd_up;            /* HF_F_URGENT_SEND                                             */
    uint32_t busy_since_ms;   /* while snd holds text; else 0                                 */
    uint32_t window_since_ms; /* while the peer's window keeps text back; else 0              */
    hf_seq cwr_end;
    bool too_big;             /* LOSS began for a path MTU: congestion is still to be answered */
    bool burst_push;          /* its last segment carries PSH                                 */
    bool burst_waits;         /* what cwnd has room for is too little for a burst             */
    uint32_t burst_left;      /* octets of the burst that SND.NXT is in, not sent yet         */
    hf_seq piece_start;       /* the unsent text is cut in pieces, counted from here,         */
    uint32_t piece_goal;      /* of so many octets                                            */
    uint32_t records, last_record; /* ends of records that are not acknowledged               */
    uint16_t record_count;
    hf_seq pushed;            /* the end of the last SEND that was not to be followed by more */
    hf_seq push_from;         /* where PSH was last set for that, or for half of a window      */
    hf_seq small_end;         /* end of the last segment below MSS that was sent              */
    hf_seq syn_end;           /* Fast Open: text before this went with the SYN, in vain       */
    hf_seq timed_seq;         /* an ACK beyond this ends the measurement                      */
    hf_time timed_at;
    uint32_t ranges;          /* first out-of-order range                                     */
    uint32_t last_range;
    uint16_t range_count;
    bool fin_held;            /* the peer's FIN came before what it follows                   */
    hf_seq fin_seq;           /* its number                                                   */
    uint32_t newest_range;    /* the one that grew last                                       */
    hf_seq mtu_start, mtu_end; /* text of the last path MTU probe; equal: there is none       */
    uint16_t mtu_probe;       /* its size as a packet; 0: it is known to be lost              */
    struct hf_sack_block dsack; /* HF_F_DSACK: received twice, to be told                     */
    uint32_t range_bytes;     /* out-of-order text, all ranges together                       */
};

#define HF_TCP_SLAB 5u /* blocks of either kind in a slab of their pool, as a power of two        */
_Static_assert(sizeof(struct hf_tcp) % 8 == 0 && sizeof(struct hf_active) % 8 == 0,
               "a pool rounds sizes up to 8");

/* As invalid_ack_ms begins: behind any interval. */
#define HF_TCP_LONG_AGO_MS (UINT32_MAX / 4)

static inline struct hf_tcp *hf_tcp_at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_tcp *)hf_pool_place(&env->conns, index, sizeof(struct hf_tcp), HF_TCP_SLAB);
}

static inline struct hf_handle *hf_handle_at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_handle *)hf_pool_place(&env->handles, index, sizeof(struct hf_handle),
                                             HF_HANDLE_SLAB);
}

/* NULL when there is none. */
static inline struct hf_active *hf_tcp_active(const struct hf_env *env, const struct hf_tcp *c)
{
    return c->active ? (struct hf_active *)hf_pool_place(&env->actives, c->active,
                                                         sizeof(struct hf_active), HF_TCP_SLAB)
                     : 0;
}

static inline uint32_t hf_tcp_rcv_wnd(const struct hf_tcp *c)
{
    return c->rcv_adv - c->rcv_nxt;
}

/* The window that a segment offers. */
static inline uint32_t hf_tcp_offered(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return (uint32_t)seg->window << (seg->plain_window ? 0 : c->snd_wscale);
}

/* What our SYN says. */
static inline uint16_t hf_tcp_syn_mss(const struct hf_tcp *c)
{
    return c->mss_limit && c->mss_limit < c->advertised_mss ? c->mss_limit : c->advertised_mss;
}

/* SYN, text or FIN is sent and not acknowledged. */
static inline bool hf_tcp_outstanding(const struct hf_tcp *c)
{
    return c->snd_una != c->snd_nxt;
}

/* Octets that arrived in order and were read, modulo 2^32. */
static inline uint32_t hf_tcp_read(const struct hf_tcp *c, const struct hf_active *a)
{
    return (uint32_t)c->bytes_received - (a ? a->rcv.len : 0);
}

/* The number of the first octet in the send queue. */
static inline hf_seq hf_tcp_snd_base(const struct hf_tcp *c)
{
    return c->snd_una == c->iss ? c->iss + 1 : c->snd_una;
}

/* SEQ of a segment without text: SND.NXT, but never beyond the window as it is now. A peer that has
 * shrunk it, or not taken our probe, would not look at the ACK in a segment further out. */
static inline hf_seq hf_tcp_empty_seq(const struct hf_tcp *c)
{
    hf_seq edge = c->snd_una + c->snd_wnd;
    return c->snd_una == c->iss ? c->snd_nxt : hf_seq_min(c->snd_nxt, edge);
}

/* The window came down, for whatever reason: the peer is told once (RFC 3168 6.1.2). */
static inline void hf_tcp_reduced(struct hf_tcp *c)
{
    if (c->ecn)
        c->ecn |= HF_ECN_REDUCED;
}

static inline bool hf_tcp_fin_acked(const struct hf_tcp *c)
{
    return (c->flags & HF_F_FIN_SENT) && c->snd_una == c->snd_nxt;
}

/* Octets of text that the peer has acknowledged: all that were sent and are not in flight. */
static inline uint64_t hf_tcp_bytes_acked(const struct hf_tcp *c)
{
    if (!hf_tcp_outstanding(c))
        return c->bytes_sent;
    uint32_t syn = c->snd_una == c->iss, fin = (c->flags & HF_F_FIN_SENT) != 0;
    return c->bytes_sent - (c->snd_nxt - c->snd_una - syn - fin);
}

/* Limits of time are kept in milliseconds, rounded up; the largest stands for all that is longer. */
static inline uint32_t hf_tcp_limit_ms(hf_time limit)
{
    if (limit > (UINT32_MAX - 1) * HF_MS)
        return UINT32_MAX;
    return (uint32_t)((limit + HF_MS - 1) / HF_MS);
}

static inline hf_time hf_tcp_limit(uint32_t ms)
{
    return ms == UINT32_MAX ? HF_NEVER : ms * HF_MS;
}

static inline uint32_t hf_tcp_now_ms(const struct hf_env *env)
{
    return (uint32_t)env->now_ms;
}

static inline uint32_t hf_tcp_now_s(const struct hf_env *env)
{
    return env->now_s;
}

/* When the peer of an orphan has had its time; HF_NEVER: it is none. */
static inline hf_time hf_tcp_orphan_at(const struct hf_env *env, const struct hf_tcp *c)
{
    if ((c->flags & (HF_F_ORPHAN | HF_F_DETACHED)) != HF_F_ORPHAN)
        return HF_NEVER;
    return (env->now_ms + (int32_t)(c->orphan_ms - (uint32_t)env->now_ms)) * HF_MS;
}

static inline void hf_tcp_orphan_restart(const struct hf_env *env, struct hf_tcp *c)
{
    uint32_t up = env->now != env->now_ms * HF_MS; /* never early */
    c->orphan_ms = hf_tcp_now_ms(env) + c->orphan_limit_ms + up;
}

#endif
