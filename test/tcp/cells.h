/* What most states have in common: the cells of a synchronized state (docs/states.md) that
 * are the same from ESTABLISHED to TIME-WAIT. A grid_*.c file reaches its state and says
 * which it proves.
 *
 * Every function is called in the state that it is to prove, and leaves it unchanged.
 * Numbers come from the wire, so they fit any state. */
/* clang-format off: scripts */
#ifndef CELLS_H
#define CELLS_H

#include "script.h"

/* The bytes that A and C share: an empty segment that says where we stand. */
#define out_where_we_stand() out(ACK, .seq = snd_nxt(), .ack = rcv_nxt())

/* Limits on answers have tests of their own; here each segment is to be answered. */
static inline void answer_everything(void)
{
    with(challenge_count, 1000);
    with(invalid_interval, 0);
    with(reset_rate, 100000);
}

static inline void cell_syn(int now_in)
{
    const int64_t places[] = {0, -1000, rcv_nxt(), rcv_nxt() + 100, rcv_nxt() + rcv_wnd() + 100};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        in(SYN, .seq = places[i]);
        out_where_we_stand();
        state(now_in);
    }
}

static inline void cell_syn_ack_ok(int now_in)
{
    in(SYN|ACK, .seq = 0, .ack = snd_nxt());
    out_where_we_stand();
    in(SYN|ACK, .seq = rcv_nxt(), .ack = snd_nxt());
    out_where_we_stand();
    state(now_in);
}

static inline void cell_syn_ack_bad(int now_in)
{
    in(SYN|ACK, .seq = 0, .ack = snd_nxt() + 7);
    out_where_we_stand();
    in(SYN|ACK, .seq = rcv_nxt() + 9, .ack = -70000);
    out_where_we_stand();
    state(now_in);
}

static inline void cell_rst_win(int now_in)
{
    in(RST, .seq = rcv_nxt() + 1);
    out_where_we_stand();
    in(RST|ACK, .seq = rcv_nxt() + rcv_wnd() - 1, .ack = snd_nxt());
    out_where_we_stand();
    state(now_in);
}

static inline void cell_rst_out(int now_in)
{
    const int64_t places[] = {rcv_nxt() - 1, rcv_nxt() + rcv_wnd(), rcv_nxt() - 100000};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        in(RST, .seq = places[i]);
        nothing();
        state(now_in);
    }
}

static inline void cell_no_ack(int now_in)
{
    in(0, .seq = rcv_nxt());
    nothing();
    in(PSH, .seq = rcv_nxt(), .len = 5, .junk = true);
    nothing();
    in(FIN, .seq = rcv_nxt());
    nothing();
    state(now_in);
}

/* Old text, text beyond the window, and an empty segment outside it. */
static inline void cell_out(int now_in)
{
    in(ACK, .seq = rcv_nxt() - 100, .ack = snd_nxt(), .len = 50, .junk = true);
    out_where_we_stand();
    in(ACK, .seq = rcv_nxt() + rcv_wnd() + 1, .ack = snd_nxt(), .len = 5, .junk = true);
    out_where_we_stand();
    in(ACK, .seq = rcv_nxt() - 2, .ack = snd_nxt());
    out_where_we_stand();
    state(now_in);
}

static inline void cell_ack_old(int now_in)
{
    in(ACK, .seq = rcv_nxt(), .ack = snd_una() - 70000, .len = 5, .junk = true);
    out_where_we_stand();
    state(now_in);
}

static inline void cell_ack_unsent(int now_in)
{
    in(ACK, .seq = rcv_nxt(), .ack = snd_nxt() + 1, .len = 5, .junk = true);
    out_where_we_stand();
    in(FIN|ACK, .seq = rcv_nxt(), .ack = snd_nxt() + 100000);
    out_where_we_stand();
    state(now_in);
}

/* OPEN of a pair that exists, active or passive (also MUST-41: the one that exists goes on). */
static inline void cell_open_again(int now_in)
{
    hf_conn second;
    hf_listener listening;
    struct hf_open open = {.size = sizeof open,
                           .local.port = our_port(),
                           .remote = {peer_addr(), peer_port()}};
    struct hf_listen listen = {.size = sizeof listen,
                               .local = {our_addr(), our_port()},
                               .remote = {peer_addr(), peer_port()}};
    expect(hf_tcp_open(stack(), &open, &second), HF_ERR_EXISTS);
    expect(hf_tcp_listen(stack(), &listen, &listening), HF_ERR_EXISTS);
    nothing();
    state(now_in);
}

/* A test for each of them: CELLS(est, "EST", established, HF_ESTABLISHED). */
#define CELL(test_name, ids, way, now_in, cell)                                                 \
    TEST(test_name, rfc, ids)                                                                   \
    {                                                                                           \
        answer_everything();                                                                    \
        way(.mss = 1000);                                                                       \
        cell(now_in);                                                                           \
    }

#define CELLS(name, NAME, way, now_in)                                                          \
    CELL(name##_syn, NAME ".SYN", way, now_in, cell_syn)                                        \
    CELL(name##_syn_ack_ok, NAME ".SYN-ACK-ok", way, now_in, cell_syn_ack_ok)                   \
    CELL(name##_syn_ack_bad, NAME ".SYN-ACK-bad", way, now_in, cell_syn_ack_bad)                \
    CELL(name##_rst_out, NAME ".RST-out", way, now_in, cell_rst_out)                            \
    CELL(name##_no_ack, NAME ".no-ACK", way, now_in, cell_no_ack)                               \
    CELL(name##_out, NAME ".out", way, now_in, cell_out)                                        \
    CELL(name##_ack_old, NAME ".A-old", way, now_in, cell_ack_old)                              \
    CELL(name##_ack_unsent, NAME ".A-unsent", way, now_in, cell_ack_unsent)

#endif
