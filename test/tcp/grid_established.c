/* ESTABLISHED: every event of the grid (docs/states.md, EST; RFC 9293 3.10.7.4, RFC 5961). */
/* clang-format off: scripts */
#include "cells.h"

CELLS(established, "EST", established, HF_ESTABLISHED)

TEST(established_rst_exact, rfc, "EST.RST-exact B1 MUST-12")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 11, .len = 10);
    in(RST, .seq = 11);
    nothing();
    ended(HF_CAUSE_RESET);
    event(HF_EVENT_ENDED);
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_RESET);
    quiet(sec(300));
    app_close();
    expect(hf_tcp_close(stack(), conn()), HF_ERR_STALE);
}

TEST(established_rst_exact_with_ack, rfc, "EST.RST-exact")
{
    established(.active = true);
    in(RST|ACK, .seq = 1, .ack = 1);
    nothing();
    ended(HF_CAUSE_RESET);
    app_recv_is(HF_ERR_RESET);
}

TEST(established_rst_exact_with_text, rfc, "EST.RST-exact SHLD-2")
{
    established();
    in(RST, .seq = 1, .len = 20, .junk = true);
    nothing();
    ended(HF_CAUSE_RESET);
}

TEST(established_rst_win, rfc, "EST.RST-win B1")
{
    answer_everything();
    established();
    cell_rst_win(HF_ESTABLISHED);
}

/* Its text begins before RCV.NXT: trimmed it would be exact, and it is not to be. */
TEST(established_rst_straddles_the_left_edge, rfc, "EST.RST-win B1")
{
    answer_everything();
    established();
    in(RST|ACK, .seq = -4, .ack = 1, .len = 10, .junk = true);
    drain(0);
    state(HF_ESTABLISHED);
}

TEST(established_syn_straddles_the_left_edge, rfc, "EST.SYN B2")
{
    answer_everything();
    established();
    in(SYN|ACK, .seq = -4, .ack = 1, .len = 10, .junk = true);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    app_recv_is(0);
}

TEST(established_nothing_is_delivered_of_what_is_dropped, rfc,
     "EST.no-ACK EST.out EST.A-old EST.A-unsent EST.SYN B3 B4")
{
    answer_everything();
    established();
    cell_no_ack(HF_ESTABLISHED);
    cell_out(HF_ESTABLISHED);
    cell_ack_old(HF_ESTABLISHED);
    cell_ack_unsent(HF_ESTABLISHED);
    in(SYN, .seq = 1, .len = 10, .junk = true);
    out(ACK, .seq = 1, .ack = 1);
    for (int64_t ack = 0; ack > -4; ack--) { /* ghost ACKs: for what was never sent */
        in(ACK, .seq = 1, .ack = ack, .len = 10, .junk = true);
        out(ACK, .seq = 1, .ack = 1);
    }
    app_recv_is(0);
    in(ACK, .seq = 1, .ack = 1, .len = 20);
    within(settings()->delack, ACK, .seq = 1, .ack = 21);
    app_recv(20);
}

TEST(established_bad_checksum, rfc, "MUST-3 A7")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10, .bad_checksum = true);
    nothing();
    dropped(HF_DROP_TCP_CHECKSUM);
    in(RST, .seq = 1, .bad_checksum = true);
    nothing();
    state(HF_ESTABLISHED);
    app_recv_is(0);
}

TEST(established_ack_new, rfc, "EST.A-new")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    in(ACK, .seq = 1, .ack = 51);
    nothing();
    expect(status().snd_una, our_iss() + 51);
    no_event(HF_EVENT_SENT);
    in(ACK, .seq = 1, .ack = 101, .wnd = 4000);
    nothing();
    expect(status().snd_una, our_iss() + 101);
    expect(status().send_queued, 0);
    expect(status().snd_wnd, 4000);
    event(HF_EVENT_SENT);
    quiet(sec(300)); /* no RTO is left running */
}

TEST(established_ack_duplicate, rfc, "EST.A-dup")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    in(ACK, .seq = 1, .ack = 101);
    in(ACK, .seq = 1, .ack = 101);
    nothing();
    in(ACK, .seq = 1, .ack = 51); /* older, yet within the peer's window */
    nothing();
    in(ACK, .seq = 1, .ack = 51, .len = 10);
    within(settings()->delack, ACK, .seq = 101, .ack = 11);
    expect(status().snd_una, our_iss() + 101);
    app_recv(10);
}

/* The third duplicate brings the first unacknowledged segment again, RFC 5681 3.2. */
TEST(established_third_duplicate, rfc, "EST.A-dup")
{
    established(.mss = 1000);
    app_send(5000);
    drain(0);
    expect(snd_nxt(), 5001);
    in(ACK, .seq = 1, .ack = 1001);
    nothing();
    in(ACK, .seq = 1, .ack = 1001);
    nothing();
    in(ACK, .seq = 1, .ack = 1001);
    nothing();
    in(ACK, .seq = 1, .ack = 1001);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 5001);
    event(HF_EVENT_SENT);
    quiet(sec(300));
}

TEST(established_window_update, rfc, "EST.A-dup")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .wnd = 1234);
    expect(status().snd_wnd, 1234);
    in(ACK, .seq = 1, .ack = 1, .wnd = 4321);
    expect(status().snd_wnd, 4321);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    in(ACK, .seq = 1, .ack = 11, .wnd = 5000);
    in(ACK, .seq = 1, .ack = 5, .wnd = 1); /* WL2 is ahead of it: old news */
    expect(status().snd_wnd, 5000);
    nothing();
}

TEST(established_text, rfc, "EST.data MAY-17")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
    event(HF_EVENT_READABLE);
    expect(status().receive_ready, 100);
    expect(status().pushed, 1);
    app_recv(100);
    app_recv_is(0);
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    expect(status().pushed, 0);
    within(settings()->delack, ACK, .seq = 1, .ack = 201);
}

TEST(established_every_second_full_segment, rfc, "EST.data MUST-58 SHLD-18 SHLD-19")
{
    established();
    for (int64_t i = 0; i < 4; i++) {
        in(ACK, .seq = 1 + 2 * i * our_mss(), .ack = 1, .len = our_mss());
        in(ACK, .seq = 1 + (2 * i + 1) * our_mss(), .ack = 1, .len = our_mss());
        out(ACK, .seq = 1, .ack = 1 + 2 * (i + 1) * our_mss());
    }
    app_recv((size_t)(8 * our_mss()));
}

TEST(established_text_partly_old, rfc, "EST.data")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
    in(ACK, .seq = 51, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 151);
    app_recv(150);
    app_recv_is(0);
}

TEST(established_text_partly_beyond_the_window, rfc, "EST.data")
{
    with(rcv_buffer, 4000);
    established();
    expect(rcv_wnd(), 4000);
    in(ACK, .seq = 1, .ack = 1, .len = 1400);
    in(ACK, .seq = 1401, .ack = 1, .len = 1400);
    out(ACK, .seq = 1, .ack = 2801);
    in(ACK, .seq = 2801, .ack = 1, .len = 1400);
    within(settings()->delack, ACK, .seq = 1, .ack = 4001, .wnd = 0);
    app_recv(4000);
    out(ACK, .seq = 1, .ack = 4001, .wnd = 4000);
    app_recv_is(0);
}

TEST(established_text_with_a_gap, rfc, "EST.data-gap MUST-59 SHLD-31 MAY-13")
{
    established();
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1);
    app_recv_is(0);
    in(ACK, .seq = 301, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .len = 100); /* fills the first gap */
    out(ACK, .seq = 1, .ack = 201);
    in(ACK, .seq = 201, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 401);
    app_recv(400);
    app_recv_is(0);
}

/* At once, however small what filled it (RFC 5681 4.2). */
TEST(established_small_gap_is_filled, rfc, "EST.data-gap")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    within(settings()->delack, ACK, .seq = 1, .ack = 1001);
    in(ACK, .seq = 1011, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1001);
    in(ACK, .seq = 1001, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1021);
    app_recv(1020);
}

/* WL1: the window of a segment that was overtaken is old news. */
TEST(established_overtaken_window, rfc, "EST.data-gap EST.data N-8")
{
    established();
    in(ACK, .seq = 11, .ack = 1, .len = 10, .wnd = 4000);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().snd_wnd, 4000);
    in(ACK, .seq = 1, .ack = 1, .len = 10, .wnd = 9000);
    out(ACK, .seq = 1, .ack = 21);
    expect(status().snd_wnd, 4000);
    in(ACK, .seq = 21, .ack = 1, .wnd = 9000);
    expect(status().snd_wnd, 9000);
    app_recv(20);
}

/* The window ends inside the text: its FIN is beyond, and has to come again. */
TEST(established_fin_beyond_the_window, rfc, "EST.FIN EST.data")
{
    with(rcv_buffer, 2000);
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 1200);
    within(settings()->delack, ACK, .seq = 1, .ack = 1201);
    in(FIN|ACK, .seq = 1201, .ack = 1, .len = 900);
    within(settings()->delack, ACK, .seq = 1, .ack = 2001, .wnd = 0);
    state(HF_ESTABLISHED);
    app_recv(2000);
    out(ACK, .seq = 1, .ack = 2001, .wnd = 2000);
    app_recv_is(0);
    in(FIN|ACK, .seq = 2001, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 2102);
    state(HF_CLOSE_WAIT);
    app_recv(100);
    app_recv_is(HF_EOF);
}

/* A smaller buffer takes nothing back that was offered. */
TEST(established_right_edge_stays, rfc, "EST.data SHLD-14")
{
    established();
    int64_t edge = rcv_nxt() + rcv_wnd();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_RCV_BUFFER, 4000), 0);
    int64_t seq = 1;
    for (; seq < 3000; seq += 1000) {
        in(ACK, .seq = seq, .ack = 1, .len = 1000);
        within(settings()->delack, ACK, .seq = 1, .ack = seq + 1000);
        expect(rcv_nxt() + rcv_wnd(), edge);
    }
    app_recv(3000);
    drain(0);
    expect(rcv_nxt() + rcv_wnd(), edge);
}

/* The peer's window ends where the text does: the FIN, an octet of its own, waits. */
TEST(established_fin_finds_no_room, rfc, "EST.CLOSE FW1.A-new")
{
    established(.mss = 1000, .wnd = 500);
    app_send(1000);
    out(ACK, .seq = 1, .ack = 1, .len = 500);
    app_shutdown();
    in(ACK, .seq = 1, .ack = 501, .wnd = 500);
    out(PSH|ACK, .seq = 501, .ack = 1, .len = 500);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 500);
    out(FIN|ACK, .seq = 1001, .ack = 1);
    state(HF_FIN_WAIT_1);
}

TEST(established_text_with_a_gap_and_sack, rfc, "EST.data-gap")
{
    established(.sack = true);
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 201}});
    in(ACK, .seq = 301, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{301, 401}, {101, 201}});
    in(ACK, .seq = 201, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 401}});
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 401, .sacks = 0);
    app_recv(400);
}

TEST(established_urgent, rfc, "EST.data MUST-62 MUST-32 MUST-33")
{
    established();
    in(URG|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 5);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 5);
    app_recv(3);
    expect(status().urgent_left, 2);
    app_recv(7);
    expect(status().urgent_left, 0);
    in(URG|ACK, .seq = 11, .ack = 1, .urg = 100); /* urgent data is ahead */
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 100);
    in(URG|ACK, .seq = 11, .ack = 1, .urg = 50); /* back: not news */
    no_event(HF_EVENT_URGENT);
    drain(sec(1));
}

TEST(established_fin, rfc, "EST.FIN")
{
    established();
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 2);
    state(HF_CLOSE_WAIT);
    event(HF_EVENT_EOF);
    app_recv_is(HF_EOF);
}

TEST(established_fin_with_text, rfc, "EST.FIN EST.data")
{
    established();
    in(FIN|PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 12);
    state(HF_CLOSE_WAIT);
    app_recv(10);
    app_recv_is(HF_EOF);
    app_recv_is(HF_EOF);
}

TEST(established_fin_with_a_gap, rfc, "EST.FIN-gap")
{
    established();
    in(FIN|ACK, .seq = 101, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    no_event(HF_EVENT_EOF);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 112);
    state(HF_CLOSE_WAIT);
    app_recv(110);
    app_recv_is(HF_EOF);
}

TEST(established_bare_fin_with_a_gap, rfc, "EST.FIN-gap")
{
    established();
    in(FIN|ACK, .seq = 101, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 102);
    state(HF_CLOSE_WAIT);
    app_recv(100);
    app_recv_is(HF_EOF);
}

/* R.WND = 0: no text is acceptable, yet ACK and RST of the segment count (MUST-66). */
TEST(established_zero_receive_window, rfc, "EST.out MUST-66")
{
    answer_everything();
    with(rcv_buffer, 2000);
    established();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    in(ACK, .seq = 1, .ack = 1, .len = 1400);
    in(ACK, .seq = 1401, .ack = 1, .len = 600);
    within(settings()->delack, ACK, .seq = 11, .ack = 2001, .wnd = 0);
    in(ACK, .seq = 2001, .ack = 11, .len = 1, .wnd = 777, .junk = true);
    out(ACK, .seq = 11, .ack = 2001, .wnd = 0);
    expect(status().snd_una, our_iss() + 11);
    in(ACK, .seq = 2001, .ack = 11, .wnd = 778); /* an empty one is acceptable */
    nothing();
    expect(status().snd_wnd, 778);
    in(RST, .seq = 2002);
    nothing();
    state(HF_ESTABLISHED);
    in(RST, .seq = 2001);
    nothing();
    ended(HF_CAUSE_RESET);
    app_recv(2000);
    app_recv_is(HF_ERR_RESET);
}

TEST(established_rto, rfc, "EST.RTO")
{
    established(.mss = 1000);
    app_send(2500);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000);
    drain(0); /* Nagle may hold the rest */
    hf_time rto = settings()->rto_min;
    note(status().rto == rto);
    after(rto);
    out(ACK, .seq = 1, .ack = 1, .len = 1000); /* the first, nothing else */
    after(2 * rto);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    after(4 * rto);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    expect(status().backoff, 3);
    in(ACK, .seq = 1, .ack = 1001);
    expect(status().backoff, 0);
    state(HF_ESTABLISHED);
    drain(0);
}

TEST(established_r2, rfc, "EST.R2 MUST-20 MUST-21 SHLD-11 SHLD-9 SHLD-10")
{
    established(.mss = 1000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    drain(sec(99));
    state(HF_ESTABLISHED);
    event(HF_EVENT_SOFT_ERROR); /* R1 */
    expect(status().trouble, 1);
    drain(sec(3000));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

TEST(established_user_timeout, rfc, "EST.UTO N-11")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    drain(sec(20) - ms(1));
    state(HF_ESTABLISHED);
    drain(sec(1));
    ended(HF_CAUSE_USER_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

TEST(established_user_timeout_needs_something_unacknowledged, rfc, "EST.UTO")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
    quiet(sec(3600));
    state(HF_ESTABLISHED);
}

TEST(established_open_again, rfc, "EST.OPEN-a EST.OPEN-p MUST-41")
{
    established(.active = true);
    cell_open_again(HF_ESTABLISHED);
}

TEST(established_send, rfc, "EST.SEND MUST-61 SHLD-28")
{
    established(.mss = 1000);
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 2001);
    in(ACK, .seq = 1, .ack = 2001, .len = 10);
    app_send(100); /* carries the ACK that is owed */
    out(PSH|ACK, .seq = 2001, .ack = 11, .len = 100);
    quiet(settings()->delack);
}

TEST(established_send_without_room, rfc, "EST.SEND")
{
    with(snd_buffer, 3000);
    established(.mss = 1000, .wnd = 1000);
    static char bytes[5000];
    int64_t taken = hf_tcp_send(stack(), conn(), bytes, sizeof bytes, 0);
    note(taken >= 1000 && taken <= 3000);
    expect(hf_tcp_send(stack(), conn(), bytes, sizeof bytes, 0), 0);
    drain(0);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    event(HF_EVENT_WRITABLE);
    drain(0);
}

TEST(established_send_urgent, rfc, "EST.SEND MUST-30 MUST-62")
{
    established(.mss = 1000);
    app_send_flags(10, HF_SEND_URGENT);
    out(URG|PSH|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 10);
    in(ACK, .seq = 1, .ack = 11);
    app_send(10);
    out(PSH|ACK, .seq = 11, .ack = 1, .len = 10);
}

TEST(established_receive, rfc, "EST.RECEIVE")
{
    established();
    app_recv_is(0);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_recv(60);
    expect(status().receive_ready, 40);
    const void *bytes;
    expect(hf_tcp_peek(stack(), conn(), &bytes), 40);
    expect(hf_tcp_consume(stack(), conn(), 41), HF_ERR_ARGUMENT);
    expect(hf_tcp_consume(stack(), conn(), 40), 0);
    app_recv_is(0);
    drain(sec(1));
}

TEST(established_close, rfc, "EST.CLOSE")
{
    established();
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    state(HF_FIN_WAIT_1);
}

TEST(established_close_sends_what_is_queued_first, rfc, "EST.CLOSE")
{
    established(.mss = 1000, .wnd = 1500);
    app_send(2500);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    drain(0);
    app_shutdown();
    state(HF_FIN_WAIT_1); /* at the call */
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt(), .wnd = 5000);
    int64_t rest = 2501 - snd_una();
    note(rest > 0);
    if (rest > 1000) {
        out(ACK, .len = 1000);
        rest -= 1000;
    }
    out(FIN|ACK, .ack = 1, .len = rest);
    expect(snd_nxt(), 2502);
}

TEST(established_abort, rfc, "EST.ABORT D-9")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_abort();
    out(RST|ACK, .seq = 101, .ack = 1);
    ended(HF_CAUSE_ABORTED);
    quiet(sec(300));
    expect(hf_tcp_abort(stack(), conn()), HF_ERR_STALE);
}

TEST(established_status, rfc, "EST.STATUS")
{
    established(.active = true, .mss = 1000);
    struct hf_tcp_status now = status();
    expect(now.state, HF_ESTABLISHED);
    expect(now.cause, HF_CAUSE_NONE);
    expect(now.snd_una, our_iss() + 1);
    expect(now.snd_nxt, our_iss() + 1);
    expect(now.iss, our_iss());
    expect(now.rcv_nxt, peer_iss() + 1);
    expect(now.irs, peer_iss());
    expect(now.rcv_wnd, rcv_wnd());
    expect(now.local.port, our_port());
    expect(now.remote.port, peer_port());
    expect(now.timestamps, 0);
    expect(now.sack, 0);
    expect(now.window_scale, 0);
}
