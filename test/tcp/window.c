/* Windows: what the sender makes of the peer's, what the receiver offers, silly windows on
 * both sides, Nagle, zero-window probes and windows that shrink (RFC 9293 3.8.6, 3.7.4). */
/* clang-format off: scripts */
#include "cells.h"

/* ---- Numbers ---- */

TEST(window_is_unsigned, rfc, "MUST-1 REC-1")
{
    with(initial_window, 100);
    established(.mss = 1400);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0xffff); /* -1, if it were signed */
    expect(status().snd_wnd, 65535);
    app_send(65535);
    int64_t sent = 0;
    struct script_segment taken;
    while (script_take(&taken) >= 0)
        sent += taken.len;
    note(sent >= 64000); /* more than a signed number would allow */
    in(ACK, .seq = 1, .ack = 1 + sent, .wnd = 0x8000);
    expect(status().snd_wnd, 0x8000);
    drain(0);
}

TEST(window_of_30_bits_is_used, rfc, "REC-1 MUST-1")
{
    with(initial_window, 200);
    with(snd_buffer, 1 << 20);
    established(.mss = 1400, .ws = 14);
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    expect(status().snd_wnd, 65535u << 14);
    app_send(200000);
    int64_t sent = 0;
    struct script_segment taken;
    while (script_take(&taken) >= 0)
        sent += taken.len;
    note(sent > 190000);
}

/* ---- Which segment may tell a window ---- */

TEST(window_update_rule, rfc, "N-8 D7")
{
    established(.mss = 1000);
    app_send(300);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 300);
    in(ACK, .seq = 1, .ack = 101, .wnd = 5000);
    expect(status().snd_wnd, 5000);
    in(ACK, .seq = 1, .ack = 101, .wnd = 4000); /* the same numbers: not older */
    expect(status().snd_wnd, 4000);
    in(ACK, .seq = 1, .ack = 51, .wnd = 9000); /* acknowledges less */
    expect(status().snd_wnd, 4000);
    in(ACK, .seq = 1, .ack = 201, .wnd = 6000);
    expect(status().snd_wnd, 6000);
    in(ACK, .seq = 1, .ack = 201, .len = 10, .wnd = 6500);
    drain(settings()->delack);
    in(ACK, .seq = 11, .ack = 201, .wnd = 7000); /* a later SEQ */
    expect(status().snd_wnd, 7000);
    expect(status().snd_wl1, peer_iss() + 11);
    expect(status().snd_wl2, our_iss() + 201);
    in(ACK, .seq = 11, .ack = 251, .wnd = 100); /* smaller is news too */
    expect(status().snd_wnd, 100);
    app_recv(10);
}

TEST(window_of_dropped_segments_is_not_taken, rfc, "N-8 N-1")
{
    answer_everything();
    established();
    in(ACK, .seq = 100000, .ack = 1, .wnd = 1);
    drain(0);
    in(ACK, .seq = 1, .ack = 2, .wnd = 2);
    drain(0);
    in(SYN, .seq = 1, .wnd = 3);
    drain(0);
    in(RST, .seq = 100, .wnd = 4);
    drain(0);
    expect(status().snd_wnd, 65535);
}

/* ---- The sender's silly windows, 3.8.6.2.1 ---- */

/* min(D, U) >= Eff.snd.MSS: a full segment goes, whatever is in flight. */
TEST(sws_full_segments_go, rfc, "MUST-38 N-17 SHLD-28")
{
    established(.mss = 1000, .wnd = 2500);
    app_send(5000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000);
    nothing(); /* 500 of usable window are not worth it */
    in(ACK, .seq = 1, .ack = 1001, .wnd = 2500);
    out(ACK, .seq = 2001, .ack = 1, .len = 1000);
    nothing();
    in(ACK, .seq = 1, .ack = 2001, .wnd = 2500);
    out(ACK, .seq = 3001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 4001, .wnd = 2500);
    out(PSH|ACK, .seq = 4001, .ack = 1, .len = 1000);
}

/* A window that opens a few bytes at a time draws no small segments. */
TEST(sws_small_openings_draw_nothing, rfc, "MUST-38 N-17 C7")
{
    established(.mss = 1000, .wnd = 4000);
    app_send(4000);
    drain(0);
    in(ACK, .seq = 1, .ack = 4001, .wnd = 0);
    app_send(4000);
    nothing();
    for (int64_t wnd = 50; wnd < 1000; wnd += 150) {
        in(ACK, .seq = 1, .ack = 4001, .wnd = wnd);
        nothing();
    }
    in(ACK, .seq = 1, .ack = 4001, .wnd = 1000);
    out(ACK, .seq = 4001, .ack = 1, .len = 1000);
}

/* Fs = 1/2 of the largest window ever seen: that is worth a segment, with nothing in flight. */
TEST(sws_half_of_the_largest_window, rfc, "MUST-38 N-17")
{
    established(.mss = 1000, .wnd = 800);
    app_send(800);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 800);
    in(ACK, .seq = 1, .ack = 801, .wnd = 0);
    app_send(2000);
    in(ACK, .seq = 1, .ack = 801, .wnd = 399);
    nothing();
    in(ACK, .seq = 1, .ack = 801, .wnd = 400);
    out(ACK, .seq = 801, .ack = 1, .len = 400);
    nothing();
}

TEST(sws_override_timer, rfc, "MUST-38 MUST-60 N-17")
{
    note(settings()->sws_override >= ms(100) && settings()->sws_override <= sec(1));
    established(.mss = 1000, .wnd = 4000);
    app_send(4000);
    drain(0);
    in(ACK, .seq = 1, .ack = 4001, .wnd = 0);
    app_send(4000);
    in(ACK, .seq = 1, .ack = 4001, .wnd = 100);
    nothing();
    hf_time start = script_now();
    within(sec(1), ACK, .seq = 4001, .ack = 1, .len = 100);
    note(script_now() - start >= ms(100));
}

/* All that there is fits: it goes when nothing is in flight (Nagle), or at once without Nagle. */
TEST(sws_all_that_is_queued, rfc, "MUST-38 N-17 SHLD-7")
{
    established(.mss = 1000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    app_send(10);
    nothing();
    in(ACK, .seq = 1, .ack = 11);
    out(PSH|ACK, .seq = 11, .ack = 1, .len = 10);
}

/* ---- Nagle, 3.7.4 ---- */

TEST(nagle_gathers, rfc, "SHLD-7 SHLD-27 N-17 C7")
{
    established(.mss = 1000);
    app_send(1);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1);
    for (int i = 0; i < 50; i++)
        app_send(10);
    nothing();
    in(ACK, .seq = 1, .ack = 2);
    out(PSH|ACK, .seq = 2, .ack = 1, .len = 500);
}

TEST(nagle_does_not_hold_a_full_segment, rfc, "SHLD-7 SHLD-28")
{
    established(.mss = 1000);
    app_send(1);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1);
    app_send(600);
    nothing();
    app_send(600);
    out(ACK, .seq = 2, .ack = 1, .len = 1000);
    nothing();
    in(ACK, .seq = 1, .ack = 1002);
    out(PSH|ACK, .seq = 1002, .ack = 1, .len = 200);
}

TEST(nagle_can_be_switched_off, rfc, "MUST-17")
{
    established(.mss = 1000);
    app_send(1);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1);
    app_send(10);
    nothing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    out(PSH|ACK, .seq = 2, .ack = 1, .len = 10); /* what waited goes now */
    app_send(10);
    out(PSH|ACK, .seq = 12, .ack = 1, .len = 10);
    another(40001); /* and for this connection only */
    established(.mss = 1000);
    app_send(1);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1);
    app_send(10);
    nothing();
}

TEST(nagle_off_in_the_settings, rfc, "MUST-17")
{
    with(nagle, 0);
    established(.mss = 1000);
    for (int64_t i = 0; i < 5; i++) {
        app_send(10);
        out(PSH|ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
    }
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 0), 0);
    app_send(10);
    nothing();
}

/* The FIN is not held: nothing will follow it. */
TEST(nagle_does_not_hold_the_last, rfc, "SHLD-7 N-22")
{
    established(.mss = 1000);
    app_send(1);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1);
    app_send(10);
    nothing();
    app_shutdown();
    out(FIN|PSH|ACK, .seq = 2, .ack = 1, .len = 10);
}

TEST(cork_lets_full_segments_only, rfc, "MUST-38 MAY-16 SHLD-27")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 1), 0);
    app_send(400);
    app_send(400);
    nothing();
    app_send(400);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing();
    in(ACK, .seq = 1, .ack = 1001);
    nothing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 0), 0);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 200);
}

/* ---- The receiver's silly windows, 3.8.6.2.2 ---- */

/* min(Fr x buffer, Eff.snd.MSS): with a large buffer it is a segment. */
TEST(receiver_moves_by_a_segment, rfc, "MUST-39 N-18 C7")
{
    with(rcv_buffer, 10000);
    established(.mss = 1000);
    for (int64_t i = 0; i < 10; i++) {
        in(ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        drain(0);
    }
    drain(settings()->delack);
    expect(rcv_wnd(), 0);
    for (int i = 0; i < 9; i++) {
        app_recv(100);
        nothing(); /* 900 are not worth telling */
    }
    app_recv(100);
    out(ACK, .seq = 1, .ack = 10001, .wnd = 1000);
    app_recv(999);
    nothing();
    in(ACK, .seq = 10001, .ack = 1, .len = 10); /* and no other ACK moves it either */
    within(settings()->delack, ACK, .seq = 1, .ack = 10011, .wnd = 990);
    app_recv(8011);
    drain(0);
    expect(rcv_wnd(), 10000);
}

/* While the peer has room enough, reading draws no segment of its own. */
TEST(receiver_does_not_tell_of_each_read, rfc, "MUST-39 N-18")
{
    established();
    for (int64_t seq = 1; seq < 30001; seq += 1000) {
        in(ACK, .seq = seq, .ack = 1, .len = 1000);
        drain(0);
    }
    drain(settings()->delack);
    int updates = 0;
    for (int i = 0; i < 30; i++) {
        app_recv(1000);
        updates += wait_for_packet(0);
        drain(0);
    }
    note(updates <= 2);
    in(ACK, .seq = 30001, .ack = 1, .len = 1000);
    drain(settings()->delack);
    note(rcv_wnd() >= 64000); /* the next ACK tells it all */
    app_recv(1000);
    drain(0);
}

/* With a small buffer it is half of that. */
TEST(receiver_moves_by_half_of_a_small_buffer, rfc, "MUST-39 N-18")
{
    with(rcv_buffer, 1024);
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 1024);
    within(settings()->delack, ACK, .seq = 1, .ack = 1025, .wnd = 0);
    app_recv(511);
    nothing();
    app_recv(1);
    out(ACK, .seq = 1, .ack = 1025, .wnd = 512);
    app_recv(512);
    out(ACK, .seq = 1, .ack = 1025, .wnd = 1024);
}

TEST(right_edge_never_goes_left, rfc, "SHLD-14 N-21")
{
    with(rcv_buffer, 20000);
    established();
    int64_t edge = rcv_nxt() + rcv_wnd(), seq = 1;
    size_t unread = 0;
    for (int i = 0; i < 300; i++) {
        int64_t len = (int64_t)check_random_below(1400) + 1;
        if (len > edge - seq)
            len = edge - seq;
        if (len > 0)
            in(ACK, .seq = seq, .ack = 1, .len = len);
        drain(0); /* out of which the script itself watches the edge */
        seq += len;
        unread += (size_t)len;
        size_t take = (size_t)check_random_below(unread + 1);
        if (take > 0)
            app_recv(take);
        drain(0);
        unread -= take;
        if (i % 50 == 7)
            expect(hf_tcp_set(stack(), conn(), HF_OPTION_RCV_BUFFER, 5000 + 3000 * (i % 3)), 0);
        drain(0);
        note(rcv_nxt() + rcv_wnd() >= edge);
        edge = rcv_nxt() + rcv_wnd();
        after(ms(10));
        drain(0);
    }
    if (unread > 0)
        app_recv(unread);
    drain(sec(1));
}

/* ---- Zero windows ---- */

/* We, with a window of zero: as long as we like, each probe is answered. */
TEST(our_window_may_stay_shut, rfc, "MAY-8 N-19 MUST-66")
{
    with(rcv_buffer, 2000);
    with(invalid_interval, 0);
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1001, .ack = 1, .len = 1000);
    drain(settings()->delack);
    for (int i = 0; i < 120; i++) {
        after(sec(60));
        in(ACK, .seq = 2001, .ack = 1, .len = 1, .junk = true);
        out(ACK, .seq = 1, .ack = 2001, .wnd = 0);
        in(ACK, .seq = 2000, .ack = 1); /* the other kind of probe */
        out(ACK, .seq = 1, .ack = 2001, .wnd = 0);
    }
    state(HF_ESTABLISHED);
    app_recv(2000);
    out(ACK, .seq = 1, .ack = 2001, .wnd = 2000);
}

static void shut(void)
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_send(500);
    nothing();
}

TEST(probe_after_one_rto_then_doubling, rfc, "MUST-36 SHLD-29 SHLD-30")
{
    shut();
    hf_time interval = status().rto;
    for (int i = 0; i < 9; i++) {
        hf_time start = script_now();
        within(sec(61), ACK, .seq = 1001, .ack = 1, .len = 1);
        note(script_now() - start >= interval && script_now() - start < interval + ms(1));
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
        interval = 2 * interval < settings()->persist_max ? 2 * interval : settings()->persist_max;
    }
}

/* The peer takes the probe's octet, and still has no room for more. */
TEST(probe_that_is_taken, rfc, "MUST-36 MUST-37")
{
    shut();
    for (int64_t i = 0; i < 5; i++) {
        within(sec(61), ACK, .seq = 1001 + i, .ack = 1, .len = 1);
        in(ACK, .seq = 1, .ack = 1002 + i, .wnd = 0);
        nothing();
    }
    in(ACK, .seq = 1, .ack = 1006, .wnd = 1000);
    out(PSH|ACK, .seq = 1006, .ack = 1, .len = 495);
}

/* The update that opens the window was lost: a probe finds it. */
TEST(probe_finds_that_the_window_opened, rfc, "MUST-36")
{
    shut();
    within(sec(61), ACK, .seq = 1001, .ack = 1, .len = 1);
    in(ACK, .seq = 1, .ack = 1002, .wnd = 1000);
    out(PSH|ACK, .seq = 1002, .ack = 1, .len = 499);
    in(ACK, .seq = 1, .ack = 1501, .wnd = 1000);
    quiet(sec(300));
}

TEST(probes_for_days, rfc, "MUST-37 C6")
{
    shut();
    while (script_now() < sec(2 * 24 * 3600)) {
        within(sec(61), ACK, .seq = 1001, .ack = 1, .len = 1);
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    state(HF_ESTABLISHED);
    no_event(HF_EVENT_SOFT_ERROR);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 500);
}

/* Open, yet with no room from the start. */
TEST(opened_with_a_window_of_zero, rfc, "MUST-36 SHLD-29 MUST-37")
{
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .wnd = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    app_accept();
    app_send(100);
    nothing();
    within(sec(61), ACK, .seq = 1, .ack = 1, .len = 1);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    within(sec(61), ACK, .seq = 1, .ack = 1, .len = 1);
    in(ACK, .seq = 1, .ack = 1, .wnd = 1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    script_restart("active");
    syn_sent();
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .wnd = 0);
    out(ACK, .seq = 1, .ack = 1);
    app_send(100);
    nothing();
    within(sec(61), ACK, .seq = 1, .ack = 1, .len = 1);
    in(ACK, .seq = 1, .ack = 2, .wnd = 1000);
    out(PSH|ACK, .seq = 2, .ack = 1, .len = 99);
}

TEST(probes_are_counted, rfc, "N-10 MUST-36")
{
    shut();
    within(sec(61), ACK, .seq = 1001, .ack = 1, .len = 1);
    within(sec(61), ACK, .seq = 1001, .ack = 1, .len = 1);
    expect(status().probes, 2);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    expect(status().probes, 0);
}

/* A peer that answers no probe is given up like any other (3.8.3). */
TEST(probes_that_nobody_answers, rfc, "MUST-20 MUST-36")
{
    shut();
    drain(sec(99));
    state(HF_ESTABLISHED);
    drain(sec(200));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
}

/* R2 does not count while the peer answers, nor does a user timeout of the stack's. */
TEST(probes_outlive_r2, rfc, "MUST-37 MUST-36")
{
    shut();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, sec(10)), 0);
    for (int i = 0; i < 20; i++) {
        within(sec(61), ACK, .seq = 1001, .ack = 1, .len = 1);
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    state(HF_ESTABLISHED);
}

/* ---- Windows that shrink ---- */

/* 3000 in flight, then a window of 1000: nothing new, what lies inside is sent again. */
TEST(shrink_with_text_in_flight, rfc, "MUST-34 SHLD-15 SHLD-16 D6")
{
    established(.mss = 1000, .wnd = 3000);
    app_send(6000);
    for (int64_t i = 0; i < 3; i++)
        out(ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 1000); /* the usable window is -2000 */
    nothing();
    expect(status().snd_wnd, 1000);
    within(sec(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    wait_for_packet(sec(4));
    struct script_segment taken;
    while (script_take(&taken) >= 0)
        note(taken.seq >= 1001 && taken.seq + taken.len <= 2001);
    in(ACK, .seq = 1, .ack = 3001, .wnd = 3000);
    for (int64_t i = 3; i < 6; i++)
        out(i < 5 ? ACK : PSH|ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
}

/* Old text beyond the edge may be sent again (MAY-7); we keep inside it, and wait for no
 * answer. */
TEST(shrink_keeps_retransmissions_inside, rfc, "MAY-7 SHLD-16 SHLD-17")
{
    established(.mss = 1000, .wnd = 3000);
    app_send(3000);
    drain(0);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 500);
    within(sec(2), ACK, .seq = 1001, .ack = 1, .len = 500);
    for (int i = 0; i < 20; i++) { /* for long: the peer takes no more, yet says that it lives */
        in(ACK, .seq = 1, .ack = 1501, .wnd = 0);
        within(sec(61), ACK, .seq = 1501, .ack = 1, .len = 1);
    }
    note(script_now() > 3 * settings()->r2_data);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1501, .wnd = 3000);
    wait_for_packet(sec(61));
    out(ACK, .seq = 1501, .ack = 1, .len = 1000);
    drain(0);
}

/* Everything in flight lies beyond the edge: that is a zero window, and probed. */
TEST(shrink_to_zero_is_probed, rfc, "MUST-35 SHLD-17 MUST-37 D6")
{
    established(.mss = 1000, .wnd = 2000);
    app_send(2000);
    drain(0);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    for (int i = 0; i < 30; i++) { /* much longer than R2 */
        within(sec(61), ACK, .seq = 1, .ack = 1, .len = 1);
        in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    }
    note(script_now() > 3 * settings()->r2_data);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1, .wnd = 2000);
    wait_for_packet(sec(61));
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 2001, .wnd = 2000);
    drain(sec(10));
    expect(status().send_queued, 0);
}

/* Empty segments of ours stay where the peer looks at them. */
TEST(shrink_and_our_acks, rfc, "MUST-34 N-2")
{
    established(.mss = 1000, .wnd = 2000);
    app_send(2000);
    drain(0);
    in(ACK, .seq = 1, .ack = 1, .wnd = 500);
    in(ACK, .seq = 1, .ack = 1, .len = 10, .wnd = 500);
    drain(0);
    in(ACK, .seq = 11, .ack = 1, .len = 10, .wnd = 500);
    wait_for_packet(settings()->delack);
    struct script_segment taken;
    while (script_take(&taken) >= 0)
        note(taken.seq <= 501);
    app_recv(20);
}

/* tcp_xmit_probe_skb: an old number and no text, which draws an ACK all the same. */
TEST(probe_without_text_as_linux_has_it, linux, "MUST-35 MUST-36")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    app_send(500);
    for (int i = 0; i < 3; i++) {
        within(sec(10), ACK, .seq = 0, .ack = 1, .len = 0);
        in(ACK, .seq = 1, .ack = 1, .wnd = 0);
        expect(status().snd_nxt, status().snd_una);
    }
    in(ACK, .seq = 1, .ack = 1, .wnd = 5000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
}
