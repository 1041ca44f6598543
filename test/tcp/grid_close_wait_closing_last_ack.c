/* CLOSE-WAIT, CLOSING and LAST-ACK: the peer's FIN has come (docs/states.md, CLW, CLG and
 * LAK; RFC 9293 3.10.7.4). What text comes now should not be there and is ignored (D8). */
/* clang-format off: scripts */
#include "cells.h"

CELLS(close_wait, "CLW", close_wait, HF_CLOSE_WAIT)
CELL(close_wait_rst_win, "CLW.RST-win", close_wait, HF_CLOSE_WAIT, cell_rst_win)
CELLS(closing, "CLG", closing, HF_CLOSING)
CELL(closing_rst_win, "CLG.RST-win", closing, HF_CLOSING, cell_rst_win)
CELLS(last_ack, "LAK", last_ack, HF_LAST_ACK)
CELL(last_ack_rst_win, "LAK.RST-win", last_ack, HF_LAST_ACK, cell_rst_win)

/* D8: text in the window, in order and beyond a gap: no answer, nothing delivered. */
static void ignores_text(int now_in)
{
    in(PSH|ACK, .seq = rcv_nxt(), .ack = snd_una(), .len = 10, .junk = true);
    nothing();
    dropped(HF_DROP_TEXT_AFTER_FIN);
    in(PSH|ACK, .seq = rcv_nxt() + 100, .ack = snd_una(), .len = 10, .junk = true);
    nothing();
    state(now_in);
    app_recv_is(HF_EOF);
}

static void answers_fin_again(int now_in)
{
    answer_everything();
    reach(now_in);
    for (int i = 0; i < 3; i++) {
        in(FIN|ACK, .seq = 1, .ack = snd_una());
        out_where_we_stand();
        state(now_in);
    }
}

static void refuses_calls(int now_in)
{
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_CLOSING);
    app_recv_is(HF_EOF);
    app_shutdown();
    nothing();
    expect(status().state, now_in);
    state(now_in);
}

/* ---- CLOSE-WAIT ---- */

TEST(close_wait_rst_exact, rfc, "CLW.RST-exact")
{
    close_wait();
    in(RST, .seq = 2);
    nothing();
    ended(HF_CAUSE_RESET);
    event(HF_EVENT_ENDED);
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_RESET);
}

TEST(close_wait_ack, rfc, "CLW.A-new CLW.A-dup CLW.SEND")
{
    close_wait(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
    in(ACK, .seq = 2, .ack = 51);
    nothing();
    expect(status().snd_una, our_iss() + 51);
    in(ACK, .seq = 2, .ack = 51, .wnd = 4444);
    nothing();
    expect(status().snd_wnd, 4444);
    in(ACK, .seq = 2, .ack = 101);
    event(HF_EVENT_SENT);
    state(HF_CLOSE_WAIT);
    quiet(sec(300));
}

TEST(close_wait_text, rfc, "CLW.data CLW.data-gap D-8")
{
    close_wait();
    ignores_text(HF_CLOSE_WAIT);
}

TEST(close_wait_fin_again, rfc, "CLW.FIN-again")
{
    answers_fin_again(HF_CLOSE_WAIT);
}

TEST(close_wait_rto, rfc, "CLW.RTO")
{
    close_wait(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
    after(settings()->rto_min);
    out(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
    after(2 * settings()->rto_min);
    out(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
}

TEST(close_wait_r2, rfc, "CLW.R2")
{
    close_wait(.mss = 1000);
    app_send(100);
    drain(sec(99));
    state(HF_CLOSE_WAIT);
    drain(sec(3000));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
    event(HF_EVENT_ENDED);
}

TEST(close_wait_user_timeout, rfc, "CLW.UTO N-11")
{
    close_wait(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    app_send(100);
    drain(sec(21));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(close_wait_receive, rfc, "CLW.RECEIVE CLW.STATUS")
{
    established();
    in(FIN|ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 102);
    state(HF_CLOSE_WAIT);
    expect(status().state, HF_CLOSE_WAIT);
    expect(status().receive_ready, 100);
    app_recv(100);
    app_recv_is(HF_EOF);
    app_recv_is(HF_EOF);
}

TEST(close_wait_close, rfc, "CLW.CLOSE")
{
    close_wait();
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 2);
    state(HF_LAST_ACK);
}

TEST(close_wait_close_sends_what_is_queued_first, rfc, "CLW.CLOSE")
{
    close_wait(.mss = 1000, .wnd = 1000);
    app_send(1500);
    out(ACK, .seq = 1, .ack = 2, .len = 1000);
    app_shutdown();
    nothing();
    in(ACK, .seq = 2, .ack = 1001, .wnd = 2000);
    out(FIN|ACK, .seq = 1001, .ack = 2, .len = 500);
    state(HF_LAST_ACK);
    in(ACK, .seq = 2, .ack = 1502);
    ended(HF_CAUSE_CLOSED);
}

TEST(close_wait_full_close_with_text_unread, rfc, "CLW.CLOSE D-6")
{
    established();
    in(FIN|ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 102);
    app_close();
    out(RST|ACK, .seq = 1, .ack = 102);
    ended(HF_CAUSE_UNREAD_DATA);
}

TEST(close_wait_abort, rfc, "CLW.ABORT")
{
    close_wait();
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 2);
    ended(HF_CAUSE_ABORTED);
}

TEST(close_wait_open_again, rfc, "CLW.OPEN-a CLW.OPEN-p MUST-41")
{
    close_wait(.active = true);
    cell_open_again(HF_CLOSE_WAIT);
}

/* ---- CLOSING ---- */

TEST(closing_rst_exact, rfc, "CLG.RST-exact")
{
    closing();
    in(RST, .seq = 2);
    nothing();
    gone();
}

TEST(closing_fin_acknowledged, rfc, "CLG.A-new")
{
    closing();
    in(ACK, .seq = 2, .ack = 2);
    nothing();
    state(HF_TIME_WAIT);
    event(HF_EVENT_FIN_ACKED);
    drain(2 * settings()->msl + sec(1));
    gone();
}

TEST(closing_fin_not_acknowledged, rfc, "CLG.A-new CLG.A-dup")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_shutdown();
    out(FIN|ACK, .seq = 101, .ack = 1);
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 102, .ack = 2);
    state(HF_CLOSING);
    in(ACK, .seq = 2, .ack = 51);
    nothing();
    in(ACK, .seq = 2, .ack = 51);
    nothing();
    in(ACK, .seq = 2, .ack = 101);
    nothing();
    state(HF_CLOSING);
    expect(status().snd_una, our_iss() + 101);
    in(ACK, .seq = 2, .ack = 102);
    state(HF_TIME_WAIT);
}

TEST(closing_text, rfc, "CLG.data CLG.data-gap D-8")
{
    closing();
    ignores_text(HF_CLOSING);
}

TEST(closing_fin_again, rfc, "CLG.FIN-again")
{
    answers_fin_again(HF_CLOSING);
}

TEST(closing_rto, rfc, "CLG.RTO")
{
    closing();
    after(settings()->rto_min);
    out(FIN|ACK, .seq = 1, .ack = 2);
    after(2 * settings()->rto_min);
    out(FIN|ACK, .seq = 1, .ack = 2);
    in(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

TEST(closing_r2, rfc, "CLG.R2")
{
    closing();
    drain(sec(99));
    state(HF_CLOSING);
    drain(sec(3000));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
}

TEST(closing_user_timeout, rfc, "CLG.UTO N-11")
{
    closing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    drain(sec(21));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(closing_calls, rfc, "CLG.SEND CLG.RECEIVE CLG.CLOSE CLG.STATUS N-10")
{
    closing();
    refuses_calls(HF_CLOSING);
}

TEST(closing_abort, rfc, "CLG.ABORT")
{
    closing();
    app_abort();
    nothing();
    ended(HF_CAUSE_ABORTED);
}

TEST(closing_open_again, rfc, "CLG.OPEN-a CLG.OPEN-p MUST-41")
{
    closing(.active = true);
    cell_open_again(HF_CLOSING);
}

/* ---- LAST-ACK ---- */

TEST(last_ack_rst_exact, rfc, "LAK.RST-exact")
{
    last_ack();
    in(RST, .seq = 2);
    nothing();
    gone();
}

TEST(last_ack_fin_acknowledged, rfc, "LAK.A-new")
{
    last_ack();
    in(ACK, .seq = 2, .ack = 2);
    nothing();
    ended(HF_CAUSE_CLOSED);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_EOF);
    in(ACK, .seq = 2, .ack = 2);
    out(RST, .seq = 2);
}

TEST(last_ack_fin_not_acknowledged, rfc, "LAK.A-new LAK.A-dup LAK.RTO")
{
    close_wait(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
    app_shutdown();
    out(FIN|ACK, .seq = 101, .ack = 2);
    in(ACK, .seq = 2, .ack = 1);
    nothing();
    in(ACK, .seq = 2, .ack = 101);
    nothing();
    state(HF_LAST_ACK);
    within(sec(3), FIN|ACK, .seq = 101, .ack = 2);
    in(ACK, .seq = 2, .ack = 102);
    ended(HF_CAUSE_CLOSED);
}

TEST(last_ack_text, rfc, "LAK.data LAK.data-gap D-8")
{
    last_ack();
    ignores_text(HF_LAST_ACK);
}

TEST(last_ack_fin_again, rfc, "LAK.FIN-again")
{
    answers_fin_again(HF_LAST_ACK);
}

TEST(last_ack_rto, rfc, "LAK.RTO")
{
    last_ack();
    after(settings()->rto_min);
    out(FIN|ACK, .seq = 1, .ack = 2);
    after(2 * settings()->rto_min);
    out(FIN|ACK, .seq = 1, .ack = 2);
}

TEST(last_ack_r2, rfc, "LAK.R2")
{
    last_ack();
    drain(sec(99));
    state(HF_LAST_ACK);
    drain(sec(3000));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
}

TEST(last_ack_user_timeout, rfc, "LAK.UTO N-11")
{
    last_ack();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    drain(sec(21));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(last_ack_orphan, rfc, "LAK.R2")
{
    last_ack(.full = true);
    drain(sec(4000));
    gone();
}

TEST(last_ack_calls, rfc, "LAK.SEND LAK.RECEIVE LAK.CLOSE LAK.STATUS N-10")
{
    last_ack();
    refuses_calls(HF_LAST_ACK);
}

TEST(last_ack_abort, rfc, "LAK.ABORT")
{
    last_ack();
    app_abort();
    nothing();
    ended(HF_CAUSE_ABORTED);
}

TEST(last_ack_open_again, rfc, "LAK.OPEN-a LAK.OPEN-p MUST-41")
{
    last_ack(.active = true);
    cell_open_again(HF_LAST_ACK);
}
