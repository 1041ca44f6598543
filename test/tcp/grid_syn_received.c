/* SYN-RECEIVED: half-open, from a passive OPEN or from crossing SYNs (docs/states.md, SYR;
 * RFC 9293 3.10.7.4; decisions D1 to D4). */
/* clang-format off: scripts */
#include "cells.h"

TEST(syn_received_duplicate_syn, rfc, "SYR.SYN D-2")
{
    answer_everything();
    syn_received(.mss = 1000);
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    state(HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(syn_received_duplicate_syn_active, rfc, "SYR.SYN D-2")
{
    answer_everything();
    syn_received(.simultaneous = true);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_syn_in_window, rfc, "SYR.SYN D-3")
{
    answer_everything();
    syn_received();
    in(SYN, .seq = 100);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
    in(RST, .seq = 1); /* what a peer that did start again answers */
    nothing();
    state(HF_LISTEN);
}

TEST(syn_received_syn_in_window_active, rfc, "SYR.SYN D-3")
{
    answer_everything();
    syn_received(.simultaneous = true);
    in(SYN, .seq = 100);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_syn_outside, rfc, "SYR.SYN SYR.out")
{
    answer_everything();
    syn_received();
    in(SYN, .seq = -1000);
    out(ACK, .seq = 1, .ack = 1);
    in(SYN, .seq = 1 + rcv_wnd() + 1000);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_syn_ack_finishes_simultaneous_open, rfc, "SYR.SYN-ACK-ok D-1 MUST-10")
{
    syn_received(.simultaneous = true);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    event(HF_EVENT_CONNECTED);
}

TEST(syn_received_ack_finishes_simultaneous_open, rfc, "SYR.A-new D-1 MUST-10")
{
    syn_received(.simultaneous = true);
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    state(HF_ESTABLISHED);
    event(HF_EVENT_CONNECTED);
}

TEST(syn_received_syn_ack_passive, rfc, "SYR.SYN-ACK-ok SYR.SYN-ACK-bad")
{
    answer_everything();
    syn_received();
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    in(SYN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_syn_ack_bad_active, rfc, "SYR.SYN-ACK-bad D-1")
{
    answer_everything();
    syn_received(.simultaneous = true);
    in(SYN|ACK, .seq = 0, .ack = 2);
    out(ACK, .seq = 1, .ack = 1);
    in(SYN|ACK, .seq = 5, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_rst_exact_passive, rfc, "SYR.RST-exact MUST-11")
{
    syn_received();
    in(RST, .seq = 1);
    nothing();
    ended(HF_CAUSE_RESET);
    state(HF_LISTEN);
    expect(counters().half_open, 0);
    hf_conn handle;
    expect(hf_tcp_accept(stack(), listener(), 0, &handle), 0);
    peer_restart(7000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

TEST(syn_received_rst_exact_active, rfc, "SYR.RST-exact MUST-11")
{
    syn_received(.simultaneous = true);
    in(RST, .seq = 1);
    nothing();
    ended(HF_CAUSE_REFUSED);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_REFUSED);
}

TEST(syn_received_rst_win, rfc, "SYR.RST-win")
{
    answer_everything();
    syn_received();
    cell_rst_win(HF_SYN_RECEIVED);
}

TEST(syn_received_rst_win_active, rfc, "SYR.RST-win")
{
    answer_everything();
    syn_received(.simultaneous = true);
    cell_rst_win(HF_SYN_RECEIVED);
}

TEST(syn_received_rst_out, rfc, "SYR.RST-out")
{
    syn_received();
    cell_rst_out(HF_SYN_RECEIVED);
}

TEST(syn_received_rst_out_active, rfc, "SYR.RST-out")
{
    syn_received(.simultaneous = true);
    cell_rst_out(HF_SYN_RECEIVED);
}

TEST(syn_received_ack, rfc, "SYR.A-new")
{
    syn_received(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 4321);
    nothing();
    state(HF_ESTABLISHED);
    expect(counters().half_open, 0);
    listener_event(HF_EVENT_ACCEPT);
    app_accept();
    expect(status().snd_wnd, 4321);
    expect(status().snd_wl1, peer_iss() + 1);
    expect(status().snd_wl2, our_iss() + 1);
    expect(status().peer_mss, 1000);
    expect(status().active, 0);
}

static void bad_ack(int64_t ack)
{
    in(ACK, .seq = 1, .ack = ack);
    out(RST, .seq = ack);
    state(HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = ack, .len = 10, .junk = true);
    out(RST, .seq = ack);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_bad_ack, rfc, "SYR.A-dup SYR.A-old SYR.A-unsent D-4 B4")
{
    answer_everything();
    syn_received();
    bad_ack(0);
    bad_ack(-100);
    bad_ack(-100000);
    bad_ack(2);
    bad_ack(100000);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(syn_received_bad_ack_active, rfc, "SYR.A-dup SYR.A-old SYR.A-unsent D-4")
{
    answer_everything();
    syn_received(.simultaneous = true);
    bad_ack(0);
    bad_ack(-100000);
    bad_ack(2);
}

TEST(syn_received_text, rfc, "SYR.data")
{
    syn_received();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
    state(HF_ESTABLISHED);
    app_accept();
    app_recv(100);
    app_recv_is(0);
}

TEST(syn_received_text_with_a_gap, rfc, "SYR.data-gap")
{
    syn_received();
    in(PSH|ACK, .seq = 51, .ack = 1, .len = 50);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    app_accept();
    app_recv_is(0);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 50);
    out(ACK, .seq = 1, .ack = 101);
    app_recv(100);
}

TEST(syn_received_fin, rfc, "SYR.FIN")
{
    syn_received();
    in(FIN|PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 12);
    state(HF_CLOSE_WAIT);
    app_accept();
    app_recv(10);
    app_recv_is(HF_EOF);
}

TEST(syn_received_fin_active, rfc, "SYR.FIN")
{
    syn_received(.simultaneous = true);
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 2);
    state(HF_CLOSE_WAIT);
    event(HF_EVENT_CONNECTED | HF_EVENT_EOF);
}

TEST(syn_received_out, rfc, "SYR.out")
{
    answer_everything();
    syn_received();
    in(ACK, .seq = 1 + rcv_wnd(), .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = -10, .ack = 1, .len = 5);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_out_active, rfc, "SYR.out")
{
    answer_everything();
    syn_received(.simultaneous = true);
    in(ACK, .seq = 1 + rcv_wnd(), .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_no_ack, rfc, "SYR.no-ACK")
{
    syn_received();
    cell_no_ack(HF_SYN_RECEIVED);
}

TEST(syn_received_no_ack_active, rfc, "SYR.no-ACK")
{
    syn_received(.simultaneous = true);
    cell_no_ack(HF_SYN_RECEIVED);
}

TEST(syn_received_rto, rfc, "SYR.RTO")
{
    syn_received(.mss = 1000);
    hf_time rto = settings()->rto_initial;
    for (int i = 0; i < 3; i++, rto *= 2) {
        quiet(rto - ms(1));
        within(ms(2), SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
    }
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(syn_received_rto_active, rfc, "SYR.RTO")
{
    syn_received(.simultaneous = true);
    within(settings()->rto_initial, SYN|ACK, .seq = 0, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(syn_received_r2_passive, rfc, "SYR.R2")
{
    syn_received();
    expect(drain(sec(1000)), settings()->synack_retries);
    ended(HF_CAUSE_HALF_OPEN_TIMEOUT);
    state(HF_LISTEN);
    in(ACK, .seq = 1, .ack = 1);
    out(RST, .seq = 1);
}

TEST(syn_received_r2_active, rfc, "SYR.R2 MUST-23")
{
    syn_received(.simultaneous = true);
    drain(sec(179));
    state(HF_SYN_RECEIVED);
    drain(sec(600));
    ended(HF_CAUSE_OPEN_TIMEOUT);
    event(HF_EVENT_ENDED);
}

TEST(syn_received_user_timeout_active, rfc, "SYR.UTO N-11")
{
    app_open(.timeout = sec(10));
    out(SYN, .seq = 0);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    drain(sec(11));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(syn_received_open_again, rfc, "SYR.OPEN-a SYR.OPEN-p MUST-41")
{
    syn_received(.simultaneous = true);
    cell_open_again(HF_SYN_RECEIVED);
}

TEST(syn_received_passive_open_again, rfc, "SYR.OPEN-a")
{
    syn_received();
    hf_conn second;
    struct hf_open open = {.size = sizeof open,
                           .local.port = our_port(),
                           .remote = {peer_addr(), peer_port()}};
    expect(hf_tcp_open(stack(), &open, &second), HF_ERR_EXISTS);
}

TEST(syn_received_send_queues, rfc, "SYR.SEND SYR.RECEIVE SYR.STATUS")
{
    syn_received(.simultaneous = true);
    app_send(100);
    nothing();
    app_recv_is(0);
    expect(status().state, HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = 1);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
}

TEST(syn_received_close, rfc, "SYR.CLOSE")
{
    syn_received(.simultaneous = true);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    state(HF_FIN_WAIT_1);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
}

TEST(syn_received_close_after_send, rfc, "SYR.CLOSE SYR.SEND")
{
    syn_received(.simultaneous = true);
    app_send(100);
    app_shutdown();
    nothing();
    in(ACK, .seq = 1, .ack = 1);
    out(FIN|ACK, .seq = 1, .ack = 1, .len = 100);
    state(HF_FIN_WAIT_1);
}

TEST(syn_received_abort, rfc, "SYR.ABORT D-9")
{
    syn_received(.simultaneous = true);
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 1);
    ended(HF_CAUSE_ABORTED);
}
