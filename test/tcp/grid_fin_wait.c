/* FIN-WAIT-1 and FIN-WAIT-2: we closed first (docs/states.md, FW1 and FW2; RFC 9293
 * 3.10.7.4). */
/* clang-format off: scripts */
#include "cells.h"

CELLS(fin_wait_1, "FW1", fin_wait_1, HF_FIN_WAIT_1)
CELL(fin_wait_1_rst_win, "FW1.RST-win", fin_wait_1, HF_FIN_WAIT_1, cell_rst_win)
CELLS(fin_wait_2, "FW2", fin_wait_2, HF_FIN_WAIT_2)
CELL(fin_wait_2_rst_win, "FW2.RST-win", fin_wait_2, HF_FIN_WAIT_2, cell_rst_win)

/* ---- FIN-WAIT-1 ---- */

TEST(fin_wait_1_rst_exact, rfc, "FW1.RST-exact")
{
    fin_wait_1();
    in(RST, .seq = 1);
    nothing();
    ended(HF_CAUSE_RESET);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_RESET);
}

TEST(fin_wait_1_fin_acknowledged, rfc, "FW1.A-new")
{
    fin_wait_1();
    in(ACK, .seq = 1, .ack = 2);
    nothing();
    state(HF_FIN_WAIT_2);
    event(HF_EVENT_FIN_ACKED);
    quiet(sec(300));
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_1_text_acknowledged_but_not_the_fin, rfc, "FW1.A-new")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_shutdown();
    out(FIN|ACK, .seq = 101, .ack = 1);
    in(ACK, .seq = 1, .ack = 101);
    state(HF_FIN_WAIT_1);
    no_event(HF_EVENT_FIN_ACKED);
    in(ACK, .seq = 1, .ack = 102);
    state(HF_FIN_WAIT_2);
    event(HF_EVENT_FIN_ACKED);
}

/* Everything sent is acknowledged, but the FIN waits behind a closed window: not "FIN
 * acked". */
TEST(fin_wait_1_fin_not_yet_sent, rfc, "FW1.A-new FW1.FIN")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1500);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    app_shutdown();
    nothing();
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    nothing();
    state(HF_FIN_WAIT_1);
    in(FIN|ACK, .seq = 1, .ack = 1001, .wnd = 0);
    out(ACK, .seq = 1001, .ack = 2);
    state(HF_CLOSING);
    in(ACK, .seq = 2, .ack = 1001, .wnd = 5000);
    out(FIN|ACK, .seq = 1001, .ack = 2, .len = 500);
    in(ACK, .seq = 2, .ack = 1502);
    state(HF_TIME_WAIT);
}

TEST(fin_wait_1_ack_duplicate, rfc, "FW1.A-dup")
{
    fin_wait_1();
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    state(HF_FIN_WAIT_1);
}

TEST(fin_wait_1_text, rfc, "FW1.data FW1.RECEIVE")
{
    fin_wait_1();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 2, .ack = 101);
    state(HF_FIN_WAIT_1);
    app_recv(100);
}

TEST(fin_wait_1_text_with_the_ack_of_the_fin, rfc, "FW1.A-new FW1.data")
{
    fin_wait_1();
    in(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
    within(settings()->delack, ACK, .seq = 2, .ack = 101);
    state(HF_FIN_WAIT_2);
    app_recv(100);
}

TEST(fin_wait_1_text_after_full_close, rfc, "FW1.data D-6 SHLD-3 MUST-12 MAY-1")
{
    fin_wait_1(.full = true);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    out(RST, .seq = 2);
    ended(HF_CAUSE_DATA_AFTER_CLOSE);
}

TEST(fin_wait_1_text_with_a_gap, rfc, "FW1.data-gap")
{
    fin_wait_1();
    in(ACK, .seq = 51, .ack = 1, .len = 50);
    out(ACK, .seq = 2, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .len = 50);
    out(ACK, .seq = 2, .ack = 101);
    state(HF_FIN_WAIT_1);
    app_recv(100);
}

TEST(fin_wait_1_fin, rfc, "FW1.FIN")
{
    fin_wait_1();
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_CLOSING);
    event(HF_EVENT_EOF);
    app_recv_is(HF_EOF);
}

TEST(fin_wait_1_fin_with_the_ack_of_ours, rfc, "FW1.FIN")
{
    fin_wait_1();
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

TEST(fin_wait_1_fin_with_text, rfc, "FW1.FIN FW1.data")
{
    fin_wait_1();
    in(FIN|ACK, .seq = 1, .ack = 2, .len = 50);
    out(ACK, .seq = 2, .ack = 52);
    state(HF_TIME_WAIT);
    app_recv(50);
    app_recv_is(HF_EOF);
}

TEST(fin_wait_1_fin_with_a_gap, rfc, "FW1.FIN-gap")
{
    fin_wait_1();
    in(FIN|ACK, .seq = 51, .ack = 2);
    out(ACK, .seq = 2, .ack = 1);
    state(HF_FIN_WAIT_2);
    in(ACK, .seq = 1, .ack = 2, .len = 50);
    out(ACK, .seq = 2, .ack = 52);
    state(HF_TIME_WAIT);
}

TEST(fin_wait_1_rto, rfc, "FW1.RTO")
{
    fin_wait_1();
    hf_time rto = settings()->rto_min;
    after(rto);
    out(FIN|ACK, .seq = 1, .ack = 1);
    after(2 * rto);
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_1_rto_of_text, rfc, "FW1.RTO")
{
    established(.mss = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    app_shutdown();
    out(FIN|ACK, .seq = 1001, .ack = 1);
    /* The first unacknowledged segment, which has room for the FIN by now. */
    within(settings()->rto_min * 2, FIN|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001);
    drain(0);
    state(HF_FIN_WAIT_1);
    in(ACK, .seq = 1, .ack = 1002);
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_1_r2, rfc, "FW1.R2")
{
    fin_wait_1();
    drain(sec(99));
    state(HF_FIN_WAIT_1);
    drain(sec(3000));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
    event(HF_EVENT_ENDED);
}

TEST(fin_wait_1_user_timeout, rfc, "FW1.UTO N-11")
{
    fin_wait_1();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    drain(sec(21));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(fin_wait_1_calls, rfc, "FW1.SEND FW1.CLOSE FW1.RECEIVE FW1.STATUS N-10")
{
    fin_wait_1();
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_CLOSING);
    app_recv_is(0);
    app_shutdown();
    nothing();
    expect(status().state, HF_FIN_WAIT_1);
    expect(status().snd_nxt, our_iss() + 2);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_1_open_again, rfc, "FW1.OPEN-a FW1.OPEN-p MUST-41")
{
    fin_wait_1(.active = true);
    cell_open_again(HF_FIN_WAIT_1);
}

TEST(fin_wait_1_abort, rfc, "FW1.ABORT")
{
    fin_wait_1();
    app_abort();
    out(RST|ACK, .seq = 2, .ack = 1);
    ended(HF_CAUSE_ABORTED);
}

/* ---- FIN-WAIT-2 ---- */

TEST(fin_wait_2_rst_exact, rfc, "FW2.RST-exact")
{
    fin_wait_2();
    in(RST, .seq = 1);
    nothing();
    ended(HF_CAUSE_RESET);
    event(HF_EVENT_ENDED);
}

TEST(fin_wait_2_ack, rfc, "FW2.A-new FW2.A-dup")
{
    fin_wait_2();
    in(ACK, .seq = 1, .ack = 2, .wnd = 99);
    nothing();
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_2_text, rfc, "FW2.data FW2.RECEIVE")
{
    fin_wait_2();
    int64_t seq = 1;
    for (int i = 0; i < 20; i++, seq += 1000) {
        in(PSH|ACK, .seq = seq, .ack = 2, .len = 1000);
        app_recv(1000);
        drain(settings()->delack);
        expect(rcv_nxt(), seq + 1000);
    }
    state(HF_FIN_WAIT_2);
    in(FIN|ACK, .seq = seq, .ack = 2);
    out(ACK, .seq = 2, .ack = seq + 1);
    app_recv_is(HF_EOF);
    state(HF_TIME_WAIT);
}

TEST(fin_wait_2_text_after_full_close, rfc, "FW2.data D-6 SHLD-3")
{
    fin_wait_2(.full = true);
    in(PSH|ACK, .seq = 1, .ack = 2, .len = 100);
    out(RST, .seq = 2);
    ended(HF_CAUSE_DATA_AFTER_CLOSE);
}

TEST(fin_wait_2_text_with_a_gap, rfc, "FW2.data-gap")
{
    fin_wait_2();
    in(ACK, .seq = 51, .ack = 2, .len = 50);
    out(ACK, .seq = 2, .ack = 1);
    in(ACK, .seq = 1, .ack = 2, .len = 50);
    out(ACK, .seq = 2, .ack = 101);
    app_recv(100);
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_2_fin, rfc, "FW2.FIN MUST-13")
{
    fin_wait_2();
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
    event(HF_EVENT_EOF);
}

TEST(fin_wait_2_fin_with_a_gap, rfc, "FW2.FIN-gap")
{
    fin_wait_2();
    in(FIN|ACK, .seq = 11, .ack = 2);
    out(ACK, .seq = 2, .ack = 1);
    state(HF_FIN_WAIT_2);
    in(ACK, .seq = 1, .ack = 2, .len = 10);
    out(ACK, .seq = 2, .ack = 12);
    state(HF_TIME_WAIT);
    app_recv(10);
    app_recv_is(HF_EOF);
}

TEST(fin_wait_2_reader_stays_as_long_as_it_likes, rfc, "FW2.FIN")
{
    fin_wait_2();
    quiet(sec(7200));
    state(HF_FIN_WAIT_2);
}

TEST(fin_wait_2_orphan, rfc, "FW2.UTO")
{
    fin_wait_2(.full = true);
    drain(settings()->orphan_timeout - ms(1));
    state(HF_FIN_WAIT_2);
    drain(sec(2));
    ended(HF_CAUSE_ORPHAN_TIMEOUT);
}

TEST(fin_wait_2_user_timeout, rfc, "FW2.UTO N-11")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
    drain(sec(21));
    ended(HF_CAUSE_USER_TIMEOUT);
    event(HF_EVENT_ENDED);
}

TEST(fin_wait_2_calls, rfc, "FW2.SEND FW2.CLOSE FW2.RECEIVE FW2.STATUS N-10")
{
    fin_wait_2();
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_CLOSING);
    app_recv_is(0);
    app_shutdown();
    nothing();
    expect(status().state, HF_FIN_WAIT_2);
    expect(status().snd_nxt, our_iss() + 2);
}

TEST(fin_wait_2_open_again, rfc, "FW2.OPEN-a FW2.OPEN-p MUST-41")
{
    fin_wait_2(.active = true);
    cell_open_again(HF_FIN_WAIT_2);
}

TEST(fin_wait_2_abort, rfc, "FW2.ABORT")
{
    fin_wait_2();
    app_abort();
    out(RST|ACK, .seq = 2, .ack = 1);
    ended(HF_CAUSE_ABORTED);
}
