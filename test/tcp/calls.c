/* Calls and timers: section 5 of docs/states.md (RFC 9293 3.10.1 to 3.10.6, 3.10.8): what a
 * script for one cell of the grid does not show. */
/* clang-format off: scripts */
#include <string.h>

#include "cells.h"

/* ---- OPEN ---- */

TEST(open_chooses_its_own_address, rfc, "CLD.OPEN-a MUST-44")
{
    app_open();
    out(SYN, .seq = 0);
    struct hf_addr ours = our_addr(), chosen = status().local.addr;
    note(hf_addr_equal(&ours, &chosen));
}

TEST(open_from_an_address_that_is_not_ours, rfc, "CLD.OPEN-a MUST-44")
{
    hf_conn handle;
    struct hf_open open = {.size = sizeof open,
                           .local.addr = peer_addr(),
                           .remote = {peer_addr(), 80}};
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ADDRESS);
    nothing();
}

TEST(open_to_nowhere, rfc, "CLD.OPEN-a")
{
    hf_conn handle;
    struct hf_open open = {.size = sizeof open, .remote = {peer_addr(), 80}};
    open.remote.addr.bytes[0] = family() == 4 ? 203 : 0x2a;
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ROUTE);
    nothing();
}

TEST_IPV4(open_to_a_broadcast_address, rfc, "CLD.OPEN-a MUST-46")
{
    hf_conn handle;
    struct hf_open open = {.size = sizeof open, .remote = {peer_addr(), 80}};
    memset(open.remote.addr.bytes, 255, 4);
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ADDRESS);
    nothing();
}

TEST(open_twice_from_one_port, rfc, "SYS.OPEN-a")
{
    app_open(.local_port = 5555);
    out(SYN, .seq = 0);
    hf_conn handle;
    struct hf_open open = {.size = sizeof open,
                           .local.port = 5555,
                           .remote = {peer_addr(), 80}};
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_EXISTS);
    app_open(.local_port = 5555, .remote_port = 81); /* another pair, so another connection */
    out(SYN, .seq = 0);
}

TEST(listen_beside_connections_of_the_same_port, rfc, "CLD.OPEN-p MUST-42")
{
    hf_listener listening;
    struct hf_listen listen = {.size = sizeof listen, .local.port = 5555, .backlog = 1};
    app_open(.local_port = 5555);
    out(SYN, .seq = 0);
    expect(hf_tcp_listen(stack(), &listen, &listening), 0);
    expect(hf_listener_close(stack(), listening), 0);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    state(HF_SYN_RECEIVED);
    expect(hf_tcp_listen(stack(), &listen, &listening), 0);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(open_carries_tos, rfc, "CLD.OPEN-a MUST-48 MAY-9")
{
    app_open(.tos = 0x28);
    out(SYN, .seq = 0, .tos = 0x28);
    in(SYN|ACK, .seq = 0, .ack = 1, .tos = 0x10);
    out(ACK, .seq = 1, .ack = 1, .tos = 0x28);
    expect(status().peer_tos, 0x10);
}

/* ---- CLOSE ---- */

TEST(close_with_text_unread, rfc, "EST.CLOSE D-6 SHLD-3")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    drain(settings()->delack);
    app_close();
    out(RST|ACK, .seq = 1, .ack = 101);
    ended(HF_CAUSE_UNREAD_DATA);
}

TEST(close_with_text_beyond_a_gap, rfc, "EST.CLOSE D-6 SHLD-3")
{
    established();
    in(PSH|ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1);
    app_close();
    out(RST|ACK, .seq = 1, .ack = 1);
    ended(HF_CAUSE_UNREAD_DATA);
}

TEST(close_with_text_read, rfc, "EST.CLOSE D-6")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    drain(settings()->delack);
    app_recv(100);
    app_close();
    out(FIN|ACK, .seq = 1, .ack = 101);
    state(HF_FIN_WAIT_1);
    in(FIN|ACK, .seq = 101, .ack = 2);
    out(ACK, .seq = 2, .ack = 102);
    state(HF_TIME_WAIT);
}

TEST(close_makes_the_handle_stale, rfc, "EST.CLOSE FW1.STATUS")
{
    established();
    app_close();
    out(FIN|ACK, .seq = 1, .ack = 1);
    char byte = 0;
    struct hf_tcp_status now = {.size = sizeof now};
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_STALE);
    expect(hf_tcp_recv(stack(), conn(), &byte, 1), HF_ERR_STALE);
    expect(hf_tcp_shutdown(stack(), conn()), HF_ERR_STALE);
    expect(hf_tcp_close(stack(), conn()), HF_ERR_STALE);
    expect(hf_tcp_abort(stack(), conn()), HF_ERR_STALE);
    expect(hf_tcp_status(stack(), conn(), &now), HF_ERR_STALE);
    state(HF_FIN_WAIT_1);
}

TEST(close_after_shutdown, rfc, "FW1.CLOSE FW2.CLOSE")
{
    fin_wait_2();
    app_close();
    nothing();
    state(HF_FIN_WAIT_2);
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

TEST(close_still_delivers_what_was_sent, rfc, "EST.CLOSE N-22")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(3000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    app_close();
    nothing();
    in(ACK, .seq = 1, .ack = 1001, .wnd = 4000);
    int64_t seq = 1001;
    struct script_segment taken;
    int flags;
    while ((flags = script_take(&taken)) >= 0) {
        expect(taken.seq, seq);
        seq += taken.len + ((flags & FIN) != 0);
        expect(taken.ack, 1);
    }
    expect(seq, 3002);
    in(ACK, .seq = 1, .ack = 3002);
    state(HF_FIN_WAIT_2);
}

TEST(close_of_what_was_not_accepted, rfc, "EST.CLOSE LIS.CLOSE")
{
    established(.no_accept = true);
    expect(hf_listener_close(stack(), listener()), 0);
    out(RST|ACK, .seq = 1, .ack = 1);
    ended(HF_CAUSE_LISTENER_CLOSED);
}

/* ---- Timers ---- */

TEST(rto_backs_off_to_its_ceiling, rfc, "EST.RTO")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, 0), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, 0), 0);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    hf_time rto = settings()->rto_min;
    for (int i = 0; i < 12; i++) {
        after(rto);
        out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
        rto = rto * 2 > settings()->rto_max ? settings()->rto_max : rto * 2;
    }
    note(settings()->rto_max >= sec(60));
    in(ACK, .seq = 1, .ack = 101);
    quiet(sec(300));
    state(HF_ESTABLISHED);
}

TEST(persist_probes, rfc, "EST.persist MUST-36 SHLD-29 SHLD-30")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_send(500);
    nothing();
    hf_time interval = settings()->rto_min;
    for (int i = 0; i < 5; i++, interval *= 2) {
        after(interval);
        struct script_segment probe;
        note(script_take(&probe) >= 0);
        note(probe.len <= 1 && probe.seq >= 1000 && probe.seq <= 1001);
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 500);
    in(ACK, .seq = 1, .ack = 1501);
    quiet(sec(300));
}

TEST(persist_never_gives_up_on_a_peer_that_answers, rfc, "EST.persist MUST-37")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_send(500);
    unsigned probes = 0;
    while (script_now() < sec(3600)) {
        struct script_segment probe;
        note(wait_for_packet(settings()->persist_max));
        while (script_take(&probe) >= 0)
            probes++;
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    note(probes > 20);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 500);
}

TEST(persist_gives_up_on_a_peer_that_does_not, rfc, "EST.persist EST.R2")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_send(500);
    drain(sec(7200));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
}

TEST(nagle, rfc, "EST.SEND SHLD-7 SHLD-27 MAY-16")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_send(100);
    nothing();
    app_send(200);
    nothing();
    in(ACK, .seq = 1, .ack = 101);
    out(PSH|ACK, .seq = 101, .ack = 1, .len = 300);
    app_send(1100); /* a full segment goes, the rest waits */
    out(ACK, .seq = 401, .ack = 1, .len = 1000);
    nothing();
    in(ACK, .seq = 1, .ack = 1401);
    out(PSH|ACK, .seq = 1401, .ack = 1, .len = 100);
}

TEST(nagle_off, rfc, "EST.SEND MUST-17")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    for (int64_t i = 0; i < 5; i++) {
        app_send(100);
        out(PSH|ACK, .seq = 1 + 100 * i, .ack = 1, .len = 100);
    }
}

/* The sender's side: small pieces wait for more window, until the override timer. */
TEST(silly_window_is_not_filled, rfc, "EST.SEND MUST-38 N-17")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(5000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 100);
    nothing();
    in(ACK, .seq = 1, .ack = 1001, .wnd = 200);
    quiet(settings()->sws_override - ms(10));
    within(ms(20), ACK, .seq = 1001, .ack = 1, .len = 200);
    in(ACK, .seq = 1, .ack = 1201, .wnd = 500); /* half of the largest ever offered */
    out(ACK, .seq = 1201, .ack = 1, .len = 500);
    in(ACK, .seq = 1, .ack = 1701, .wnd = 3000);
    out(ACK, .seq = 1701, .ack = 1, .len = 1000);
    out(ACK, .seq = 2701, .ack = 1, .len = 1000);
    out(ACK, .seq = 3701, .ack = 1, .len = 1000);
    nothing();
}

TEST(default_mss, rfc, "EST.SEND MUST-15")
{
    established();
    int64_t mss = family() == 4 ? 536 : 1220;
    app_send((size_t)(2 * mss));
    out(ACK, .seq = 1, .ack = 1, .len = mss);
    out(PSH|ACK, .seq = 1 + mss, .ack = 1, .len = mss);
}

TEST(windows_are_unsigned, rfc, "EST.A-dup MUST-1")
{
    established(.wnd = 65535);
    expect(status().snd_wnd, 65535);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0x8000);
    expect(status().snd_wnd, 0x8000);
}

/* The receiver's side: a window opens by something worth having, or not at all. */
TEST(silly_window_is_not_offered, rfc, "EST.RECEIVE MUST-39 N-18")
{
    answer_everything();
    with(rcv_buffer, 4000);
    established(.mss = 1000);
    for (int64_t seq = 1; seq < 4001; seq += 1000) {
        in(ACK, .seq = seq, .ack = 1, .len = 1000);
        drain(0);
    }
    drain(settings()->delack);
    expect(rcv_wnd(), 0);
    app_recv(100);
    nothing();
    in(ACK, .seq = 4001, .ack = 1, .len = 1, .junk = true); /* a probe */
    out(ACK, .seq = 1, .ack = 4001, .wnd = 0);
    app_recv(1900);
    out(ACK, .seq = 1, .ack = 4001, .wnd = 2000);
    app_recv(2000);
    drain(0);
}

/* CLOSE against a window that is shut: the FIN waits, and is probed for like text. */
TEST(persist_for_a_fin, rfc, "EST.persist FW1.persist EST.CLOSE")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_shutdown();
    state(HF_FIN_WAIT_1);
    drain(sec(1));
    for (int i = 0; i < 3; i++) {
        note(wait_for_packet(settings()->persist_max));
        drain(0);
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    within(settings()->persist_max, FIN|ACK, .seq = 1001, .ack = 1);
    in(ACK, .seq = 1, .ack = 1002, .wnd = 1000);
    state(HF_FIN_WAIT_2);
}

TEST(delayed_ack, rfc, "EST.delack MUST-40 SHLD-18")
{
    note(settings()->delack < ms(500));
    established();
    for (int64_t i = 0; i < 40; i++) { /* past any quick ACKs of the beginning */
        in(PSH|ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
        within(settings()->delack, ACK, .seq = 1, .ack = 11 + 10 * i);
    }
    in(PSH|ACK, .seq = 401, .ack = 1, .len = 10);
    nothing();
    quiet(settings()->delack / 2);
    within(settings()->delack, ACK, .seq = 1, .ack = 411);
    app_recv(410);
}

TEST(keep_alive, rfc, "EST.keep MUST-24 MUST-25 MUST-26 MUST-27 MUST-28 SHLD-12 MAY-5 MUST-29")
{
    established();
    quiet(sec(3 * 7200)); /* off by default */
    note(settings()->keepalive_idle >= sec(7200));
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE, 1), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_IDLE, sec(100)), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_INTERVAL, sec(10)), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_PROBES, 3), 0);
    in(ACK, .seq = 1, .ack = 1);
    within(sec(101), ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    within(sec(101), ACK, .seq = 0, .ack = 1);
    within(sec(11), ACK, .seq = 0, .ack = 1);
    within(sec(11), ACK, .seq = 0, .ack = 1);
    state(HF_ESTABLISHED);
    drain(sec(12));
    ended(HF_CAUSE_KEEPALIVE_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

TEST(keep_alive_waits_for_what_is_outstanding, rfc, "EST.keep MUST-26")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, 0), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, 0), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE, 1), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_IDLE, sec(10)), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_INTERVAL, sec(10)), 0);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    hf_time end = script_now() + sec(300);
    struct script_segment again;
    while (script_now() < end) {
        note(wait_for_packet(settings()->rto_max));
        while (script_take(&again) >= 0)
            note(again.seq == 1 && again.len == 100);
    }
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 101);
    within(sec(11), ACK, .seq = 100, .ack = 1);
    in(ACK, .seq = 1, .ack = 101);
}

TEST(timeout_resets_the_peer_if_asked, rfc, "EST.UTO EST.R2 D-11")
{
    with(reset_on_timeout, 1);
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(5)), 0);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    after(settings()->rto_min);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    after(2 * settings()->rto_min);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    within(sec(3), RST|ACK, .seq = 101, .ack = 1);
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(timeout_is_silent_by_the_letter, rfc, "EST.UTO D-11")
{
    with(reset_on_timeout, 0);
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(2)), 0);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    after(settings()->rto_min);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    quiet(sec(2));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(abort_may_hold_the_pair, rfc, "EST.ABORT D-16 N-23")
{
    with(hold_after_abort, 1);
    established(.active = true);
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 1);
    hf_conn second;
    struct hf_open open = {.size = sizeof open,
                           .local.port = our_port(),
                           .remote = {peer_addr(), peer_port()}};
    expect(hf_tcp_open(stack(), &open, &second), HF_ERR_EXISTS);
    drain(2 * settings()->msl + sec(1));
    expect(hf_tcp_open(stack(), &open, &second), 0);
    out(SYN, .new_iss = true);
}

TEST(challenge_acks_are_limited_per_connection, rfc, "EST.SYN EST.RST-win B5")
{
    with(challenge_count, 5);
    with(challenge_interval, sec(5));
    with(invalid_interval, 0);
    established();
    another(40001);
    established();
    back_to(40000);
    int answers = 0;
    struct script_segment taken;
    for (int i = 0; i < 20; i++) {
        in(SYN, .seq = 1);
        while (script_take(&taken) >= 0)
            answers++;
    }
    expect(answers, 5);
    another(40001); /* the other's budget is its own */
    in(SYN, .seq = 1);
    out(ACK, .seq = 1, .ack = 1);
    back_to(40000);
    after(sec(6));
    in(RST, .seq = 2);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(out_of_window_answers_are_spaced, linux, "EST.out")
{
    established();
    int answers = 0;
    struct script_segment taken;
    note(settings()->invalid_interval > 0);
    for (int i = 0; i < 20; i++) {
        in(ACK, .seq = -100, .ack = 1);
        while (script_take(&taken) >= 0)
            answers++;
    }
    expect(answers, 1);
    after(settings()->invalid_interval);
    in(ACK, .seq = -100, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
}
