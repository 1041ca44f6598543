/* What the files of src/tcp offer each other and the stack. A file's functions stand under its
 * name; nothing here is seen outside src/tcp and src/stack. */
#ifndef HF_TCP_TCP_H
#define HF_TCP_TCP_H

#include <handfast/tcp.h>

#include "tcp/asleep.h"
#include "tcp/fast_open.h"
#include "tcp/half_open.h"
#include "tcp/listen.h"
#include "tcp/tcb.h"
#include "tcp/time_wait.h"
#include "tcp/trace_run.h"

/* ---- connection.c: made, named, ended ---- */

/* What env->fresh is to be: the part of a new block that is the same for all. */
void hf_tcp_fresh(struct hf_env *env, struct hf_tcp *fresh);
/* A block with the settings' values, in no list and no table, and without an MSS: who knows what the peer
 * takes calls hf_tcp_set_mss. */
void hf_tcp_init(struct hf_env *env, struct hf_tcp *c, const struct hf_flow *flow, uint64_t hash,
                 const struct hf_path *path);
/* A place in the pool, and room in the table unless the connection will have the slot of what it was
 * before. 0: no room or no memory, nothing has changed. */
uint32_t hf_tcp_take(struct hf_env *env, hf_ref was);
/* The block that was made there (hf_tcp_init) becomes a connection. Always works. */
struct hf_tcp *hf_tcp_enlist(struct hf_env *env, uint32_t index, hf_ref was);
/* Both, for a block that stands elsewhere, in no list. NULL: as 0 above. */
struct hf_tcp *hf_tcp_adopt(struct hf_env *env, const struct hf_tcp *block, hf_ref was);
/* What the application calls it. */
static inline uint64_t hf_tcp_handle(const struct hf_tcp *c)
{
    return (uint64_t)c->generation << 32 | hf_ref_make(HF_KIND_CONN, c->handle);
}

/* The application has given it up. */
static inline void hf_tcp_drop_handle(struct hf_env *env, struct hf_tcp *c)
{
    if (!c->handle)
        return;
    hf_pool_give_object(&env->handles, c->handle, hf_handle_at(env, c->handle),
                        sizeof(struct hf_handle));
    c->handle = 0;
}

/* No more connections are allowed. */
bool hf_tcp_are_full(const struct hf_env *env);
/* The block goes back to its pool. */
void hf_tcp_give(struct hf_env *env, struct hf_tcp *c);
/* Give up all that it holds and the block itself. It must be over (CLOSED or detached). */
void hf_tcp_free(struct hf_env *env, struct hf_tcp *c);
/* Out of the table (0) or its slot left to an heir, no timer, nothing more to send: what is left is
 * for the application to read. */
void hf_tcp_detach(struct hf_env *env, struct hf_tcp *c, hf_ref heir);
/* The only writer of c->state. */
void hf_tcp_enter(struct hf_env *env, struct hf_tcp *c, enum hf_state state, enum hf_by by,
                  unsigned detail);
/* CLOSED, for this cause; the application hears of it if it still has the handle. */
void hf_tcp_end(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause, enum hf_by by,
                unsigned detail);
/* Count and trace the end of something that lives on as no block (half-open, TIME-WAIT). */
void hf_tcp_count_end(struct hf_env *env, const struct hf_tcp *c, enum hf_cause cause);
/* The active block, made if there is none; NULL when there is no memory. */
struct hf_active *hf_tcp_activate(struct hf_env *env, struct hf_tcp *c);
/* Back to the quiet block alone, if nothing needs the active one. */
void hf_tcp_quiesce(struct hf_env *env, struct hf_tcp *c);
void hf_tcp_give_active(struct hf_env *env, struct hf_tcp *c);
static inline void hf_tcp_drop_active(struct hf_env *env, struct hf_tcp *c)
{
    if (c->active)
        hf_tcp_give_active(env, c);
}
/* Effective send MSS from peer_mss, path_mtu and options (RFC 9293 3.7.1). */
void hf_tcp_set_mss(struct hf_env *env, struct hf_tcp *c);
/* What both SYNs agree on. */
void hf_tcp_take_syn_options(struct hf_env *env, struct hf_tcp *c,
                             const struct hf_tcp_options *o);

/* ---- news.c: lists and trace ---- */
void hf_tcp_event(struct hf_env *env, struct hf_tcp *c, unsigned bits);
void hf_output_push(struct hf_env *env, struct hf_tcp *c);
struct hf_tcp *hf_output_next(struct hf_env *env, unsigned link);
void hf_output_rotate(struct hf_env *env, unsigned link);
/* Free a block when the lists come past it, not at once: the caller may still look at it. */
void hf_output_bury(struct hf_env *env, struct hf_tcp *c);
size_t hf_events_take(struct hf_env *env, struct hf_event *events, size_t n);
void hf_listener_event(struct hf_env *env, struct hf_listening *l, unsigned bits);
void hf_trace_state_record(struct hf_env *env, uint32_t id, uint8_t from, uint8_t to,
                           enum hf_by by, unsigned detail);
void hf_trace_open(struct hf_env *env, const struct hf_tcp *c);
void hf_trace_timer(struct hf_env *env, const struct hf_tcp *c, enum hf_timer_kind kind,
                    unsigned count, hf_time interval);

/* One predictable branch where there is no sink. */
static inline void hf_trace_state(struct hf_env *env, uint32_t id, uint8_t from, uint8_t to,
                                  enum hf_by by, unsigned detail)
{
    if (HF_UNLIKELY(env->trace != 0))
        hf_trace_state_record(env, id, from, to, by, detail);
}

/* Output owes the connection `want`, or a look at what it may send now. */
static inline void hf_tcp_want(struct hf_env *env, struct hf_tcp *c, unsigned want)
{
    c->want |= (uint8_t)want;
    if (c->self && !(c->flags & (HF_F_ON_OUTPUT | HF_F_DETACHED)))
        hf_output_push(env, c);
}

/* The first of a link has nothing more to send. */
static inline void hf_output_done(struct hf_env *env, unsigned link, struct hf_tcp *first)
{
    env->output_first[link] = first->output_next;
    if (!first->output_next)
        env->output_last[link] = 0;
    first->flags &= ~(uint32_t)HF_F_ON_OUTPUT;
    if (HF_UNLIKELY(first->flags & HF_F_ZOMBIE))
        hf_tcp_free(env, first);
}

/* The first connection of a link that may have something to send; NULL: there is none. */
static inline struct hf_tcp *hf_output_first(struct hf_env *env, unsigned link)
{
    return env->output_first[link] ? hf_output_next(env, link) : 0;
}

static inline void hf_trace_call(struct hf_env *env, uint32_t id, uint8_t state,
                                 enum hf_call call, uint32_t bytes)
{
    if (HF_UNLIKELY(env->trace != 0))
        hf_trace_call_record(env, id, state, call, bytes);
}
void hf_trace_congestion(struct hf_env *env, const struct hf_tcp *c);
void hf_tcp_drop(struct hf_env *env, const struct hf_tcp *c, enum hf_drop reason,
                 const struct hf_seg *seg);

/* ---- segment_arrives.c: RFC 9293 3.10.7 ---- */
void hf_tcp_segment_arrives(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg);
/* The same for a connection in SYN-RECEIVED by a passive OPEN, when it is known that steps 1 to 5 find
 * nothing wrong: SEQ = RCV.NXT, ACK = SND.NXT, no SYN, RST or ECE, a timestamp that is not old. */
void hf_tcp_third_segment(struct hf_env *env, struct hf_tcp *c, struct hf_seg *seg);

/* ---- merged.c ---- */
/* Would each segment of this run take the same way through the steps, so that one walk does for all? */
bool hf_tcp_takes_run(const struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg);

/* ---- acknowledge.c: what an ACK field does ---- */
void hf_tcp_acknowledge(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg);

/* ---- reset.c: resets and other answers without a connection's queue ---- */
/* RFC 9293 3.10.7.1: refuse a segment (Ra or R0). */
void hf_tcp_refuse(struct hf_env *env, const struct hf_flow *flow, const struct hf_seg *seg);
/* Rn: our own reset. */
void hf_tcp_send_reset(struct hf_env *env, const struct hf_tcp *c);
/* The same in answer to a segment: no ACK field, as in every answer by RST. */
void hf_tcp_answer_reset(struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg);
/* A (or C) from a block that is in no list. */
void hf_tcp_reply_ack(struct hf_env *env, struct hf_tcp *c);
/* Spend one of the connection's challenge ACKs; false: `limit` are spent in this interval. */
bool hf_tcp_may_challenge(struct hf_env *env, struct hf_tcp *c, unsigned limit);
void hf_tcp_challenge(struct hf_env *env, struct hf_tcp *c);
/* The budget of a block on the C stack, between its segments. */
void hf_ledger_load(const struct hf_env *env, struct hf_tcp *block);
void hf_ledger_store(struct hf_env *env, const struct hf_tcp *block);

/* ---- reassembly.c ---- */
/* Text of seg from `start`, `len` bytes that begin `offset` bytes into its text: in order it goes to
 * the receive queue (with all that it joins), else it is held. Returns false: no memory. */
bool hf_reassembly_take(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg,
                        hf_seq start, uint32_t len, uint32_t offset);
void hf_reassembly_clear(struct hf_env *env, struct hf_active *a);
struct hf_range {
    hf_seq start, end;
    struct hf_bytes bytes;
    uint32_t next;
    uint32_t newer, older; /* by when they last grew */
};

/* ---- sack.c ---- */
void hf_sack_blocks(const struct hf_env *env, const struct hf_tcp *c,
                    struct hf_tcp_options *options);
void hf_sack_duplicate(struct hf_env *env, struct hf_tcp *c, hf_seq start, hf_seq end);

/* ---- ecn.c: RFC 3168 ---- */
/* Does this SYN ask for it, and may it be agreed to? */
bool hf_ecn_asked(const struct hf_env *env, const struct hf_seg *syn);
/* What our SYN, or SYN+ACK, says of it. */
unsigned hf_ecn_on_syn(const struct hf_env *env, const struct hf_tcp *c);
/* The answer to our SYN: a SYN+ACK, or a SYN that crossed it. */
void hf_ecn_answered(const struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg);
uint8_t hf_ecn_status(const struct hf_env *env, const struct hf_tcp *c);
/* Text came on a connection that agreed. */
void hf_ecn_text(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg);

/* ---- record_end.c ---- */
/* The queue's last octet ends a record. */
void hf_record_mark(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
void hf_record_acked(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
void hf_record_clear(struct hf_env *env, struct hf_active *a);
/* Where the record of octet `seq` ends, but not beyond `limit`. */
hf_seq hf_record_next(const struct hf_env *env, const struct hf_active *a, hf_seq seq,
                      hf_seq limit);

/* ---- segmentation.c ---- */
/* A fresh active block. */
void hf_segment_start(const struct hf_tcp *c, struct hf_active *a);
/* n bytes more are in the send queue; pushed: nothing follows at once. */
void hf_segment_queued(const struct hf_tcp *c, struct hf_active *a, uint32_t n, bool pushed);

/* ---- output.c ---- */
struct hf_out {
    struct hf_segment_head head;
    uint32_t text;
    uint16_t segments;
    uint8_t reason; /* enum hf_send_reason */
    uint8_t tos;    /* of the IP header */
};
enum hf_said {
    HF_SAID_NOTHING, /* there is nothing to send for now: to be followed by hf_tcp_said_all         */
    HF_SAID_SOME,    /* a segment, and more may follow                                              */
    HF_SAID_ALL,     /* a segment, and nothing follows: hf_tcp_said_all                             */
    HF_SAID_TEXT     /* ... the only one in flight, of text alone: hf_tcp_said_text                 */
};
/* The next segment that this connection may or must send: what its header says, and its text, which
 * stands in the packet; the headers themselves are still to be written (hf_tcp_finish_packet). */
enum hf_said hf_tcp_output(struct hf_env *env, struct hf_tcp *c, struct hf_packet *packet,
                           struct hf_out *out);
/* Nothing more is to be said for now: was the window used, is the connection quiet; and what follows. */
void hf_tcp_said_all(struct hf_env *env, struct hf_tcp *c);
void hf_tcp_said_text(struct hf_env *env, struct hf_tcp *c);
/* After the last segment of a turn: the timers that what was sent needs. */
void hf_tcp_output_over(struct hf_env *env, struct hf_tcp *c);
/* Write `head` and its checksum into the packet's head, text slices already in place. `addresses`:
 * the sum over both (hf_flow_sum). */
void hf_tcp_finish_packet(struct hf_env *env, struct hf_packet *packet,
                          const struct hf_flow *flow, uint64_t addresses,
                          const struct hf_segment_head *head, uint32_t text);
/* The window for the next segment, as it stands in the header; moves rcv_adv. */
uint16_t hf_tcp_select_window(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a,
                              bool syn);
/* The application read: does the peer have to be told (SWS)? */
void hf_tcp_window_opened(struct hf_env *env, struct hf_tcp *c);
uint32_t hf_tcp_timestamp(const struct hf_env *env, const struct hf_tcp *c);
/* Octets that wait to be sent for the first time. */
static inline uint32_t hf_tcp_unsent_in(const struct hf_tcp *c, const struct hf_active *a)
{
    if (HF_UNLIKELY(c->flags & HF_F_FIN_SENT))
        return 0;
    uint32_t sent = c->snd_nxt - c->snd_una;
    if (HF_UNLIKELY(c->snd_una == c->iss))
        sent -= sent != 0; /* the SYN */
    return a->snd.len - sent;
}
static inline uint32_t hf_tcp_unsent(const struct hf_env *env, const struct hf_tcp *c)
{
    return c->active ? hf_tcp_unsent_in(c, hf_tcp_active(env, c)) : 0;
}

/* ---- autotune.c: buffers that follow the path ---- */
void hf_autotune_init(struct hf_env *env, struct hf_tcp *c);
/* Text was taken in order: has a round trip passed, and how much was read in it? */
void hf_autotune_received(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg);
/* Bytes that may wait to be read, with so much memory free for windows, and bytes that may be queued
 * to be sent, now. */
uint32_t hf_receive_limit(const struct hf_env *env, const struct hf_tcp *c, size_t memory);
/* Bytes that may wait to be read without the window becoming smaller for it: settings.rcv_space. */
uint32_t hf_receive_spare(const struct hf_env *env, const struct hf_tcp *c);
uint32_t hf_send_limit(const struct hf_env *env, const struct hf_tcp *c);
/* Is it snd_ahead that says how much may wait to be sent? */
bool hf_send_is_held(const struct hf_env *env, const struct hf_tcp *c);
/* The send buffer as the path has it, whatever the stack's memory says. */
uint32_t hf_send_buffer(const struct hf_env *env, const struct hf_tcp *c);
/* The application chooses a size, or gives the choice back (0). */
void hf_send_buffer_set(struct hf_env *env, struct hf_tcp *c, uint32_t bytes);
void hf_receive_buffer_set(struct hf_env *env, struct hf_tcp *c, uint32_t bytes);
/* What every SYN says of the scale. */
uint8_t hf_receive_scale(const struct hf_settings *settings, uint32_t own);

/* ---- timers.c ---- */
void hf_tcp_rearm(struct hf_env *env, struct hf_tcp *c);
void hf_tcp_set_rtx(struct hf_env *env, struct hf_tcp *c, bool restart);
/* The turn is over: set_rtx and rearm. a: the active block, or NULL. */
void hf_tcp_set_timers(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
/* The same after text that left alone, into a window that has room for it. */
void hf_tcp_time_text(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
/* Nothing is in flight, and nothing waits to be sent: no retransmission-class timer, whatever else
 * is the case. */
static inline bool hf_tcp_is_at_rest(const struct hf_tcp *c, const struct hf_active *a)
{
    if (hf_tcp_outstanding(c))
        return false;
    bool fin_waits = (c->flags & (HF_F_FIN_QUEUED | HF_F_FIN_SENT)) == HF_F_FIN_QUEUED;
    return !fin_waits && !(c->flags & HF_F_SEND_FULL) && !(a && a->snd.len);
}
static inline void hf_tcp_stop_rtx(struct hf_tcp *c)
{
    if (c->rtx_mode == HF_RTX_PERSIST)
        c->backoff = 0;
    c->rtx_mode = HF_RTX_NONE;
    c->rtx_at = HF_NEVER;
}
void hf_tcp_timer(struct hf_env *env, struct hf_tcp *c);
void hf_tcp_shift_times(struct hf_env *env, struct hf_tcp *c, hf_time by);

/* ---- sending_time.c: how long there was something to deliver ---- */
/* The send queue holds text now; it holds none any more, or is about to go. */
void hf_sending_begins(const struct hf_env *env, struct hf_active *a);
void hf_sending_over(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
/* Output has sent what it may, of a queue that holds text: is it the peer's window that keeps the
 * rest? Worth asking while something is left, or was kept when it was asked last. */
void hf_sending_waits(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
void hf_sending_tell(const struct hf_env *env, const struct hf_tcp *c, struct hf_tcp_status *s);

/* ---- rtt.c: RFC 6298 ---- */
void hf_rtt_init(struct hf_env *env, struct hf_tcp *c);
void hf_rtt_sample(struct hf_env *env, struct hf_tcp *c, hf_time rtt);
/* RTO from SRTT and RTTVAR. */
void hf_rtt_timeout(struct hf_env *env, struct hf_tcp *c);
void hf_rtt_back_off(struct hf_env *env, struct hf_tcp *c);

/* ---- loss_recovery.c: RFC 5681, 6582, 6675, 3042; more in recovery.h ---- */
void hf_recovery_start(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
uint32_t hf_recovery_initial_window(const struct hf_env *env, uint32_t mss);
void hf_recovery_idle(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);
void hf_recovery_timeout(struct hf_env *env, struct hf_tcp *c);
void hf_recovery_resend_all(struct hf_env *env, struct hf_tcp *c, enum hf_send_reason reason);
void hf_recovery_mss_changed(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
/* Bytes that may be in flight now, limited transmit included. */
uint32_t hf_recovery_window(const struct hf_tcp *c, const struct hf_active *a);
uint32_t hf_recovery_in_flight(const struct hf_tcp *c, const struct hf_active *a);
/* The peer says that the path has marked text of ours (ECE). */
void hf_recovery_marked(struct hf_env *env, struct hf_tcp *c);
enum hf_phase hf_recovery_phase(const struct hf_active *a);

/* ---- initial_seq.c: RFC 6528, RFC 7323 7.1, RFC 6056 ---- */
/* hash: of the pair, hf_table_hash */
hf_seq hf_initial_seq(const struct hf_env *env, uint64_t hash);
uint32_t hf_timestamp_offset(const struct hf_env *env, uint64_t hash);
/* A free local port for flow->remote: returns the flow's table hash, its initial sequence number and the
 * TIME-WAIT entry that it takes over (or 0); flow->local_port is 0 when there is none. */
uint64_t hf_ephemeral_port(struct hf_env *env, struct hf_flow *flow, hf_ref *time_wait,
                           hf_seq *iss);

/* ---- icmp_error.c: RFC 5927 ---- */
struct hf_icmp_report {
    enum hf_icmp_kind kind;
    uint8_t type, code; /* as they stood in the message                                       */
    hf_seq seq;         /* of the segment that it quotes                                      */
};
/* Does such an error end an attempt to open? */
bool hf_icmp_ends_opening(const struct hf_env *env, enum hf_icmp_kind kind);
enum hf_drop hf_tcp_icmp_error(struct hf_env *env, struct hf_tcp *c,
                               const struct hf_icmp_report *report, bool *believed);
void hf_tcp_path_mtu(struct hf_env *env, struct hf_tcp *c, uint16_t mtu);
void hf_tcp_age_path_mtu(struct hf_env *env, struct hf_tcp *c);
/* The path MTU fell to the floor, and the path may have less than that: no "don't fragment". */
bool hf_tcp_may_be_cut(const struct hf_env *env, const struct hf_tcp *c);

/* ---- path_info.c: RFC 9040 ---- */
/* A connection begins; it ends, or found out something that others should know. */
void hf_path_info_open(struct hf_env *env, struct hf_tcp *c);
void hf_path_info_keep(struct hf_env *env, const struct hf_tcp *c);
/* Where slow start ends; UINT32_MAX: not known. */
uint32_t hf_path_info_ssthresh(const struct hf_env *env, const struct hf_tcp *c);
void hf_path_info_reset(struct hf_env *env);

/* ---- mtu_probe.c: RFC 4821 ---- */
void hf_mtu_probe_init(struct hf_env *env, struct hf_tcp *c);
/* The RTO ran: do full segments vanish? */
void hf_mtu_black_hole(struct hf_env *env, struct hf_tcp *c);
/* The path MTU is old: look for a larger one. False: a router would tell. */
bool hf_mtu_probe_age(struct hf_env *env, struct hf_tcp *c);
/* Text of the probe that goes next, more than the MSS; it waits until the congestion window lets it
 * go. 0: no probe. Only while mtu_high. by_peer: octets that the peer's window lets go. */
uint32_t hf_mtu_probe_text(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a,
                           uint32_t queued, uint32_t by_peer);
void hf_mtu_probe_sent(const struct hf_tcp *c, struct hf_active *a, hf_seq start, hf_seq end);
/* SND.UNA moved. */
void hf_mtu_probe_acked(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
/* Is all that waits to be sent again a probe's text? Then it is no loss. Without SACK: are these
 * duplicate ACKs the probe's? */
bool hf_mtu_probe_explains_loss(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
bool hf_mtu_probe_explains_duplicates(struct hf_env *env, struct hf_tcp *c, struct hf_active *a);
/* A router named a size above the path MTU. */
void hf_mtu_probe_too_big(struct hf_env *env, struct hf_tcp *c, uint16_t mtu);
static inline void hf_mtu_probe_forget(struct hf_active *a)
{
    a->mtu_start = a->mtu_end;
    a->mtu_probe = 0;
}

/* ---- user_calls.c: RFC 9293 3.10.1 to 3.10.6 ---- */
int hf_call_open(struct hf_env *env, const struct hf_open *open, struct hf_flow *flow,
                 const struct hf_path *path, struct hf_tcp **conn);
int64_t hf_call_send(struct hf_env *env, struct hf_tcp *c, const void *buf, size_t len,
                     unsigned flags);
int hf_call_reserve(struct hf_env *env, struct hf_tcp *c, size_t want, void **buf, size_t *len);
int hf_call_commit(struct hf_env *env, struct hf_tcp *c, size_t len, unsigned flags);
int64_t hf_call_receive(struct hf_env *env, struct hf_tcp *c, void *buf, size_t len);
int64_t hf_call_copy(struct hf_env *env, struct hf_tcp *c, size_t offset, void *buf, size_t len);
int64_t hf_call_peek(struct hf_env *env, struct hf_tcp *c, const void **buf);
int hf_call_consume(struct hf_env *env, struct hf_tcp *c, size_t len);
int hf_call_shutdown(struct hf_env *env, struct hf_tcp *c);
void hf_call_close(struct hf_env *env, struct hf_tcp *c, hf_time limit);
void hf_call_abort(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause, enum hf_by by);
void hf_call_status(struct hf_env *env, struct hf_tcp *c, struct hf_tcp_status *status);
/* 0, or why nothing can be sent. */
int hf_call_may_send(const struct hf_tcp *c);
/* Bytes that SEND would take now. */
uint32_t hf_call_send_room(const struct hf_env *env, const struct hf_tcp *c);
/* HF_F_SEND_FULL: the application hears of it when there is room worth writing to. */
void hf_call_tell_room(struct hf_env *env, struct hf_tcp *c);

/* ---- options.c ---- */
#define HF_MSS_LIMIT_MIN 64 /* as of a peer's option: settings.mss_floor, row C12 */
/* May a connection have it so? */
bool hf_option_fits(enum hf_option option, int64_t value);
int hf_call_set(struct hf_env *env, struct hf_tcp *c, enum hf_option option, int64_t value);
/* Another controller for this connection; 0: the stack's. */
void hf_call_set_congestion(struct hf_env *env, struct hf_tcp *c, unsigned control);
int hf_call_get(struct hf_env *env, struct hf_tcp *c, enum hf_option option, int64_t *value);

/* ---- check.c: invariants ---- */
const char *hf_tcp_check(struct hf_env *env, struct hf_tcp *c);

#endif
