/* Handfast: the numbers that a TCP runs on, in two tables.
 *
 * `rfc` is what RFC 9293 and the RFCs around it ask for; `linux` is what Linux ships. The
 * library's default is `linux` where the RFCs allow it (one difference: syn_retries). Where a
 * decision of docs/states.md (D1 to D16) has an option, it is here. */
#ifndef HANDFAST_SETTINGS_H
#define HANDFAST_SETTINGS_H

#include <handfast/types.h>

HF_BEGIN

enum hf_cookies { HF_COOKIES_NEVER = 0, HF_COOKIES_WHEN_FULL = 1, HF_COOKIES_ALWAYS = 2 };

/* A small segment waits while: never; anything is unacknowledged; another small one is (Minshall,
 * as Linux does: the last piece of a long write does not wait for a delayed ACK). */
enum hf_nagle { HF_NAGLE_OFF = 0, HF_NAGLE_RFC = 1, HF_NAGLE_MINSHALL = 2 };

/* Explicit congestion notification: never; we ask for it too; only when the peer asks. The numbers
 * are those of Linux's tcp_ecn. */
enum hf_ecn { HF_ECN_OFF = 0, HF_ECN_ACTIVE = 1, HF_ECN_PASSIVE = 2 };

/* TCP Fast Open, RFC 7413: what is allowed at all, with the bits of Linux's tcp_fastopen. A
 * connection or a listener must still ask for it. Without cookies anybody can have data taken in
 * somebody else's name: only where the network itself vouches for addresses. */
enum hf_fast_open {
    HF_FAST_OPEN_CLIENT = 1,            /* data may go with our SYN                           */
    HF_FAST_OPEN_SERVER = 2,            /* data that comes with a SYN may be taken            */
    HF_FAST_OPEN_CLIENT_NO_COOKIE = 4,  /* send it without a cookie                           */
    HF_FAST_OPEN_SERVER_NO_COOKIE = 0x200, /* take it without a cookie                        */
    HF_FAST_OPEN_ALL_LISTENERS = 0x400  /* listeners need not ask: their backlog is the limit */
};

/* How slow start ends before there is a loss: not at all; HyStart++ (RFC 9406); as Linux's CUBIC does;
 * HyStart++ that also counts what the path holds by how close ACKs come, and is over sooner. */
enum hf_hystart_kind {
    HF_HYSTART_OFF = 0,
    HF_HYSTART_PLUS = 1,
    HF_HYSTART_LINUX = 2,
    HF_HYSTART_PLUS_TRAINS = 3
};

/* How CUBIC's window grows when slow start is over: by RFC 9438; or as Linux's does, which before the first
 * loss adds a segment for 20 acknowledged at the slowest, looks ahead by the least round trip, and is
 * never slower than a Reno whose window grows by 8/15 of a segment a round trip. */
enum hf_cubic_kind { HF_CUBIC_RFC9438 = 0, HF_CUBIC_LINUX = 1 };

/* When a window counts as used, so that it may grow: when it kept text back, and in slow start when
 * more than half of it was in flight (Linux); besides, when more than half of it was acknowledged in
 * a round trip, and a window long not used is cut (RFC 7661). */
enum hf_window_validation { HF_VALIDATE_LINUX = 0, HF_VALIDATE_RFC7661 = 1 };

/* Path MTU probing (RFC 4821): never; after full segments vanished without a word; always. */
enum hf_mtu_probing { HF_MTU_PROBING_OFF = 0, HF_MTU_PROBING_BLACK_HOLE = 1, HF_MTU_PROBING_ALWAYS = 2 };

/* What connections leave for the next ones to the same host (RFC 9040), added up. */
enum hf_path_info {
    HF_PATH_INFO_RTT = 1,      /* where round trips are long, the first RTO is too             */
    HF_PATH_INFO_SSTHRESH = 2, /* slow start ends where the last one's window came down to     */
    HF_PATH_INFO_MTU = 4,      /* the size that probing found on a path that is silent         */
    HF_PATH_INFO_ALL = 7
};

struct hf_settings {
    /* Retransmission, RFC 6298 and RFC 9293 3.8.3 */
    hf_time rto_initial;  /* before the first sample                                          */
    hf_time rto_min;      /* floor of RTO (rfc: 1 s; linux: 200 ms)                           */
    hf_time rto_max;      /* ceiling of RTO, at least 60 s                                    */
    hf_time clock_tick;   /* granularity of the clock, RFC 6298's G, up to 1 s; 0: fine       */
    uint8_t rto_min_on_variance; /* 1: rto_min bounds 4 RTTVAR, not the sum (linux)           */
    uint8_t rtt_every_ack; /* 1: each ACK of what was sent once is a sample of the round trip; 0: one
                              segment of each flight is timed (RFC 6298 3, RFC 7323 4.2)      */
    uint8_t r1;           /* retransmissions before the path is reported as bad               */
    uint8_t syn_retries;  /* SYNs sent again before giving up; 0: r2_syn alone decides        */
    uint8_t synack_retries; /* SYN+ACKs sent again before a half-open connection ends, 0..15  */
    hf_time r2_syn;       /* how long a SYN is retransmitted; 0: syn_retries alone decides    */
    hf_time r2_data;      /* how long data is retransmitted without progress; 0: for ever     */
    hf_time user_timeout; /* RFC 9293 3.9.1.1; 0: none                                        */
    hf_time persist_max;  /* longest interval between zero-window probes                      */
    uint8_t probe_text;   /* 1: such a probe carries an octet (RFC 9293); 0: none (linux)     */

    /* Acknowledgements, RFC 9293 3.8.6.3, RFC 5681 4.2 */
    hf_time delack;       /* delayed ACK, below 500 ms                                        */
    uint8_t quick_acks;   /* segments acknowledged at once at the start of a connection, 0..63 */

    /* Keep-alive, RFC 9293 3.8.4: off until a connection asks for it */
    hf_time keepalive_idle;
    hf_time keepalive_interval;
    uint8_t keepalive_probes;

    /* Options offered and accepted */
    uint8_t timestamps;   /* RFC 7323                                                         */
    uint8_t window_scale; /* RFC 7323                                                         */
    uint8_t sack;         /* RFC 2018                                                         */
    uint8_t ecn;          /* enum hf_ecn, RFC 3168                                            */
    uint8_t timestamps_required; /* 1: once agreed, a segment without one is dropped (RFC 7323 3.2) */
    uint16_t mss;         /* largest MSS to advertise; 0: what the link allows                */
    uint16_t mss_floor;   /* a peer's smaller MSS is raised to this (CVE-2019-11479)          */

    /* Sending */
    uint8_t nagle;        /* enum hf_nagle, RFC 9293 3.7.4                                    */
    uint8_t ttl;          /* hop limit                                                        */
    uint8_t tos;          /* Diffserv field                                                   */
    uint8_t bursts;       /* 1: text leaves in bursts that would each be one super-segment, PSH on
                             the last segment of each (linux); 0: PSH at the end of the queue  */
    uint8_t burst_min;    /* segments that a burst may have however slow the path is          */
    uint8_t burst_divisor; /* a burst may be smaller than the window has room for if it is at least
                             this part of the window; 0: four segments                         */
    hf_time sws_override; /* sender's silly-window override timer, 0.1 to 1 s; 0: one RTO     */

    /* Buffers, bytes of payload. None is allocated before there is something in it. A connection
     * begins with snd_buffer and rcv_buffer; they grow with what the path carries in a round trip,
     * up to ..._max (0: they stay as they are), and fall back when it was idle. While memory is
     * short a queue is at most a quarter of what is free, but never less than ..._min. */
    uint32_t snd_buffer_min, snd_buffer, snd_buffer_max; /* queued to be sent                 */
    uint32_t snd_ahead; /* of a send buffer that grows, at most so much is for what is not sent yet when
                           the peer is near (round trips up to 1 ms); 0: two congestion windows  */
    uint32_t snd_near;  /* there, while nothing was lost, so much at the most is sent or waits, or twice
                           what is delivered in the least round trip; 0: the windows decide alone */
    uint32_t rcv_buffer_min, rcv_buffer, rcv_buffer_max; /* unread, and the window offered; the
                                                            window scale comes from the max   */
    uint32_t rcv_space; /* what may be held to begin with, if that is more than the first window, which
                           then does not shrink while that much waits to be read; 0: it is not      */

    /* Congestion control, RFC 5681, 6582, 6928 */
    uint8_t initial_window;   /* segments                                                     */
    uint8_t slow_start_limit; /* segments that one ACK may add in slow start (RFC 3465); 0: no limit */
    uint8_t dupack_threshold; /* duplicate ACKs that start fast retransmit                    */
    uint8_t idle_restart;     /* RFC 5681 4.1: cwnd falls back after idling one RTO           */
    const char *congestion;   /* controller: "cubic" (RFC 9438), "reno" (RFC 5681), "bbr"      */
    uint8_t hystart;          /* enum hf_hystart_kind: how CUBIC's first slow start ends       */
    uint8_t cubic;             /* enum hf_cubic_kind                                           */
    uint8_t window_validation; /* enum hf_window_validation                                    */
    uint8_t reduce_from_cwnd; /* 1: a loss reduces from cwnd; 0: from what was in flight       */
    uint8_t abe;              /* 1: a mark reduces less than a loss (RFC 8511)                */
    uint8_t pacing;           /* 1: all controllers are paced; 0: only those that ask for it   */
    uint8_t unpaced;          /* segments of a new connection that leave without being paced  */
    uint16_t sent_records;    /* records of sent text that a connection may hold              */
    hf_time reorder_slack;    /* how much later than due the reordering timer may be (linux: 2 ms) */
    uint8_t backdate_resent;  /* 1: what is sent again leaves text that is late a chance at a peer that
                                 compares timestamps: TSval is that of a reordering window ago */
    uint8_t rack;             /* 1: loss by time (RFC 8985 6); 0: by DupThresh (RFC 6675)     */
    uint8_t tlp;              /* 1: tail loss probes (RFC 8985 7)                             */
    uint8_t frto;             /* 1: find out whether a timeout was needed (RFC 5682)          */
    uint8_t prr;              /* 1: proportional rate reduction (RFC 9937); 0: all at once    */
    hf_time tlp_ack_delay;    /* the peer's delayed ACK, added when one segment is in flight  */

    /* Opening */
    uint16_t backlog_max;     /* longest accept queue a listener may ask for                  */
    uint32_t half_open_max;   /* half-open connections, all listeners together                */
    uint8_t cookies;          /* enum hf_cookies, RFC 4987                                    */
    hf_time held_timeout;     /* how long an application may think about a held SYN           */
    uint8_t accept_syn_fin;   /* D13: the letter (1) or drop (0)                              */
    uint16_t port_first, port_last; /* ephemeral ports, RFC 6335                              */

    /* Fast Open, RFC 7413 */
    uint16_t fast_open;         /* enum hf_fast_open                                          */
    uint16_t fast_open_servers; /* servers whose cookies are kept, at the most                */
    hf_time fast_open_retry;    /* data on a SYN was lost: that server gets none for so long,
                                   doubled each time (4.1.3.1); 0: it is tried at once again  */

    /* Ending */
    hf_time msl;               /* TIME-WAIT lasts 2 MSL                                       */
    hf_time orphan_timeout;    /* a closed connection that the peer does not finish           */
    uint32_t orphans_max;      /* such connections at the most                                */
    uint32_t time_wait_max;    /* TIME-WAIT entries; the oldest goes first                    */
    uint8_t time_wait_rst;     /* D7: 1: an exact RST ends TIME-WAIT (the letter)             */
    uint8_t time_wait_reuse;   /* D12: active OPEN may reuse a TIME-WAIT pair after 1 s       */
    uint8_t reset_on_timeout;  /* D11: tell the peer by RST when a timeout ends a connection  */
    uint8_t hold_after_abort;  /* D16: 1: the pair rests in TIME-WAIT after our RST           */

    /* Robustness */
    uint16_t challenge_count;   /* challenge ACKs per connection within ...                   */
    hf_time challenge_interval; /* ... this long (RFC 5961 7)                                 */
    hf_time invalid_interval;   /* ACKs to out-of-window segments: one in this long; 0: all   */
    uint8_t reset_by_ack;       /* 1: a reset for text after a full close has SEG.ACK as its number,
                                   which the peer always takes for exact; 0: SND.NXT          */
    uint8_t ghost_acks;         /* 1: an ACK may be as old as the largest window (RFC 5961 5.2, linux);
                                   0: and not older than what was ever acknowledged           */
    uint8_t edge_acks;          /* 1: an ACK from the right edge of the window is taken (linux): who has
                                   filled the window acknowledges from there. 0: RFC 9293 3.10.7.4     */
    uint8_t answer_unsent;      /* 1: an ACK of what was never sent draws an ACK (RFC 9293)   */
    uint32_t reset_rate;        /* resets per second for segments without a connection        */
    uint32_t icmp_rate;         /* ICMP replies per second, per destination bucket            */
    uint8_t soft_icmp_ends_open; /* 1: any "unreachable" ends an attempt to open (linux)      */
    uint8_t hard_icmp_aborts;   /* SHLD-26 by the letter (1), or RFC 5927 (0)                 */
    hf_time zero_window_grace;  /* RFC 6429: how long before memory pressure may end a peer   */
    uint16_t reassembly_ranges; /* out-of-order ranges a connection may hold                  */

    /* Path MTU */
    uint16_t pmtu_floor; /* IPv4: reports below this are taken as this                        */
    hf_time pmtu_age;    /* a learnt path MTU is forgotten, or probed anew, after; up to 366 days */
    uint8_t path_info;   /* enum hf_path_info; kept for pmtu_age, 256 hosts at the most         */
    uint8_t mtu_probing; /* enum hf_mtu_probing. Below the floor IPv4 packets may be cut on
                            their way: the smallest path is slow, but no black hole           */

    /* Fragments */
    uint32_t fragment_memory;     /* bytes for all datagrams being put together               */
    uint16_t fragment_per_source; /* datagrams of one source at once                          */
    hf_time fragment_timeout;

    /* Ethernet: entries of the neighbour table, at least 16. A quarter may be neighbours that have not
     * answered yet (half of them asked for only to answer somebody), a quarter such as we only heard
     * from, so that neither kind pushes out who is there (RFC 6583) */
    uint16_t neighbours_max;
};

/* hf_settings_rfc, hf_settings_linux, hf_settings_default: the tables. They are constant.
 * thread   any */
HF_API const struct hf_settings *hf_settings_rfc(void);
HF_API const struct hf_settings *hf_settings_linux(void);
HF_API const struct hf_settings *hf_settings_default(void);

HF_END
#endif
