/* Whole exchanges: section 7 of docs/states.md. Each is told from one side, the other being the
 * script; where both sides are of interest there are two tests. */
/* clang-format off: scripts */
#include "cells.h"

/* ---- Opening ---- */

TEST(open_client, rfc, "X.open SYS.SYN-ACK-ok EST.A-new")
{
    app_open();
    out(SYN, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    event(HF_EVENT_CONNECTED);
}

TEST(open_server, rfc, "X.open LIS.SYN SYR.A-new")
{
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    app_accept();
    state(HF_ESTABLISHED);
}

TEST(open_third_ack_lost, rfc, "X.open-third-ack-lost SYR.data SYR.A-new")
{
    syn_received(.mss = 1000);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
    app_accept();
    app_recv(100);
    state(HF_ESTABLISHED);
}

TEST(open_syn_lost, rfc, "X.open-syn-lost SYS.RTO")
{
    app_open();
    out(SYN, .seq = 0);
    at(sec(1));
    out(SYN, .seq = 0);
    at(sec(3));
    out(SYN, .seq = 0);
    at(sec(7));
    out(SYN, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
}

TEST(open_syn_ack_lost, rfc, "X.open-syn-ack-lost SYR.SYN SYR.RTO D-2")
{
    syn_received();
    at(ms(500));
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    quiet(sec(300));
}

TEST(open_simultaneous_syn_ack_first, rfc,
     "X.simultaneous-open SYS.SYN SYR.SYN-ACK-ok D-1 MUST-10")
{
    app_open();
    out(SYN, .seq = 0);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    expect(counters().connections, 1);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
}

TEST(open_simultaneous_ack_first, rfc, "X.simultaneous-open SYS.SYN SYR.A-new D-1 MUST-10")
{
    app_open();
    out(SYN, .seq = 0);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    state(HF_ESTABLISHED);
    in(SYN|ACK, .seq = 0, .ack = 1); /* late: now it is only suspicious */
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(open_stale_syn, rfc, "X.stale-syn LIS.SYN SYR.RST-exact")
{
    app_listen();
    peer_restart(900);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(RST, .seq = 1);
    nothing();
    state(HF_LISTEN);
    hf_conn handle;
    expect(hf_tcp_accept(stack(), listener(), 0, &handle), 0);
    peer_restart(1000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    state(HF_ESTABLISHED);
    expect(hf_tcp_accept(stack(), listener(), 0, &handle), 0);
}

TEST(open_stale_syn_ack_to_the_client, rfc, "SYS.SYN-ACK-bad")
{
    syn_sent();
    in(SYN|ACK, .seq = -77, .ack = -99);
    out(RST, .seq = -99);
    state(HF_SYN_SENT);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(open_stale_syn_ack_to_a_listener, rfc, "X.stale-syn-ack LIS.SYN-ACK-bad")
{
    app_listen();
    in(SYN|ACK, .seq = 0, .raw_ack = 0xabcdef01);
    out(RST, .raw_seq = 0xabcdef01);
    state(HF_LISTEN);
}

TEST(open_refused, rfc, "X.refused SYS.RST-exact CLD.SYN")
{
    app_open();
    out(SYN, .seq = 0);
    in(RST|ACK, .raw_seq = 0, .ack = 1);
    nothing();
    ended(HF_CAUSE_REFUSED);
    event(HF_EVENT_ENDED);
}

TEST(open_to_itself, rfc, "SYS.SYN SYR.SYN-ACK-ok D-1")
{
    hf_conn handle;
    struct hf_open open = {.size = sizeof open,
                           .local.port = 7777,
                           .remote = {our_addr(), 7777}};
    int err = hf_tcp_open(stack(), &open, &handle);
    if (err != 0) /* a stack without loopback says so */
        note(err == HF_ERR_ROUTE || err == HF_ERR_ADDRESS);
}

/* ---- Half-open connections ---- */

TEST(half_open_client_rebooted, rfc, "X.client-rebooted EST.SYN EST.RST-exact CLD.A-new")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 99);
    within(settings()->delack, ACK, .seq = 1, .ack = 100);
    app_recv(99);
    in(SYN, .seq = 400);
    out(ACK, .seq = 1, .ack = 100);
    in(RST, .seq = 100); /* the peer, in SYN-SENT, refuses that ACK */
    nothing();
    ended(HF_CAUSE_RESET);
    event(HF_EVENT_ENDED);
    peer_restart(peer_iss() + 400);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    state(HF_ESTABLISHED);
}

/* The other side of it: what our SYN-SENT says to that ACK. */
TEST(half_open_we_rebooted, rfc, "SYS.A-unsent SYS.A-old")
{
    syn_sent();
    in(ACK, .seq = 100, .ack = -300);
    out(RST, .seq = -300);
    state(HF_SYN_SENT);
    after(settings()->rto_initial);
    out(SYN, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
}

TEST(half_open_server_rebooted, rfc, "X.server-rebooted CLD.data EST.RST-exact")
{
    in(PSH|ACK, .seq = 100, .raw_ack = 300, .len = 10);
    out(RST, .raw_seq = 300);
}

/* ---- Closing ---- */

/* clang-format off */
TEST(peer_closes_first_fin_lost, rfc, "EST.FIN CLW.CLOSE LAK.RTO")
{
    established(.mss = 1000);

    at(ms(10));    in(FIN|ACK,  .seq = 1, .ack = 1);
                   out(ACK,     .seq = 1, .ack = 2);
                   state(HF_CLOSE_WAIT);
    at(ms(20));    app_close();
                   out(FIN|ACK, .seq = 1, .ack = 2);
    at(ms(1020));  out(FIN|ACK, .seq = 1, .ack = 2);     /* lost; RTO floor, RFC 6298 2.4 */
                   in(ACK,      .seq = 2, .ack = 2);
                   gone();
}
/* clang-format on */

TEST(close_four_segments_we_first, rfc, "X.close EST.CLOSE FW1.A-new FW2.FIN TWT.2MSL MUST-13")
{
    established(.active = true);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    state(HF_FIN_WAIT_1);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
    quiet(2 * settings()->msl - ms(1));
    state(HF_TIME_WAIT);
    quiet(sec(1));
    gone();
}

TEST(close_four_segments_peer_first, rfc, "X.close EST.FIN CLW.CLOSE LAK.A-new")
{
    established();
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 2);
    state(HF_CLOSE_WAIT);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 2);
    state(HF_LAST_ACK);
    in(ACK, .seq = 2, .ack = 2);
    ended(HF_CAUSE_CLOSED);
}

TEST(close_in_three, rfc, "X.close-in-three FW1.FIN")
{
    fin_wait_1();
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

TEST(close_in_three_peer_first, rfc, "X.close-in-three EST.FIN CLW.CLOSE")
{
    established();
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 2);
    app_close();
    out(FIN|ACK, .seq = 1, .ack = 2);
    in(ACK, .seq = 2, .ack = 2);
    gone();
}

TEST(close_half, rfc, "X.half-close FW2.data FW2.FIN CLW.SEND")
{
    with(msl, sec(1));
    fin_wait_2();
    int64_t seq = 1;
    while (seq < 100001) {
        in(ACK, .seq = seq, .ack = 2, .len = 1000);
        seq += 1000;
        drain(0);
        app_recv(1000);
        drain(0);
    }
    drain(settings()->delack);
    expect(rcv_nxt(), 100001);
    in(FIN|ACK, .seq = seq, .ack = 2);
    out(ACK, .seq = 2, .ack = seq + 1);
    app_recv_is(HF_EOF);
    state(HF_TIME_WAIT);
}

/* Half-close, the other way round: the peer has closed and we go on sending. */
TEST(close_half_by_the_peer, rfc, "X.half-close CLW.SEND CLW.CLOSE LAK.A-new")
{
    close_wait(.mss = 1000);
    int64_t seq = 1;
    for (int i = 0; i < 50; i++, seq += 2000) {
        app_send(2000);
        out(ACK, .seq = seq, .ack = 2, .len = 1000);
        out(ACK, .seq = seq + 1000, .ack = 2, .len = 1000);
        in(ACK, .seq = 2, .ack = seq + 2000);
    }
    app_shutdown();
    out(FIN|ACK, .seq = seq, .ack = 2);
    in(ACK, .seq = 2, .ack = seq + 1);
    ended(HF_CAUSE_CLOSED);
}

TEST(close_simultaneous, rfc, "X.simultaneous-close FW1.FIN CLG.A-new")
{
    established();
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_CLOSING);
    in(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
    drain(2 * settings()->msl + sec(1));
    gone();
}

TEST(close_last_ack_lost, rfc, "X.last-ack-lost TWT.FIN-again D-5")
{
    time_wait();
    at(sec(1));
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    at(2 * settings()->msl + ms(500)); /* counted anew from one second */
    state(HF_TIME_WAIT);
    at(2 * settings()->msl + sec(2));
    gone();
}

TEST(close_our_last_ack_lost, rfc, "X.last-ack-lost LAK.FIN-again LAK.RTO")
{
    last_ack();
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_LAST_ACK);
    within(settings()->rto_min, FIN|ACK, .seq = 1, .ack = 2);
    in(ACK, .seq = 2, .ack = 2);
    gone();
}

TEST(reopen_from_time_wait, rfc, "X.reopen-from-time-wait TWT.SYN SYR.A-new EST.out MAY-2")
{
    time_wait(.ts = true);
    uint32_t old_peer = peer_iss(), old_ours = our_iss();
    after(sec(2));
    uint32_t clock = peer_clock();
    peer_restart(peer_iss() + 20000);
    in(SYN, .seq = 0, .tsval = clock);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    in(FIN|ACK, .raw_seq = old_peer + 1, .raw_ack = old_ours + 2, .tsval = clock - 2000);
    drain(0);
    state(HF_ESTABLISHED);
}

TEST(old_data_in_time_wait, rfc, "X.old-data-in-time-wait TWT.out D-5")
{
    fin_wait_2();
    in(FIN|ACK, .seq = 1, .ack = 2, .len = 1000);
    out(ACK, .seq = 2, .ack = 1002);
    quiet(settings()->msl);
    in(PSH|ACK, .seq = 1, .ack = 2, .len = 500);
    out(ACK, .seq = 2, .ack = 1002);
    quiet(settings()->msl + sec(1));
    gone();
}

/* ---- Attacks on what is open ---- */

TEST(reset_probe, rfc, "X.rst-probe EST.RST-win EST.RST-out EST.RST-exact B1")
{
    established();
    in(RST, .seq = 2);
    out(ACK, .seq = 1, .ack = 1);
    in(RST, .seq = 1 + rcv_wnd());
    nothing();
    state(HF_ESTABLISHED);
    in(RST, .seq = 1);
    nothing();
    ended(HF_CAUSE_RESET);
}

TEST(syn_in_established, rfc, "X.syn-in-established EST.SYN B2")
{
    answer_everything();
    established();
    cell_syn(HF_ESTABLISHED);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    drain(settings()->delack);
    app_recv(10);
}

TEST(ack_of_unsent, rfc, "X.ack-of-unsent EST.A-unsent")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 2, .len = 10, .junk = true);
    out(ACK, .seq = 1, .ack = 1);
    app_recv_is(0);
}

TEST(blind_data, rfc, "X.blind-data EST.A-old B3")
{
    established(.mss = 1000, .wnd = 1000);
    for (int64_t i = 0; i < 10; i++) { /* more than MAXW has been acknowledged */
        app_send(1000);
        out(PSH|ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        in(ACK, .seq = 1, .ack = 1001 + 1000 * i);
    }
    in(PSH|ACK, .seq = 1, .ack = 10001 - 1000 - 1, .len = 10, .junk = true);
    out(ACK, .seq = 10001, .ack = 1);
    app_recv_is(0);
    in(PSH|ACK, .seq = 1, .ack = 10001 - 1000, .len = 10);
    within(settings()->delack, ACK, .seq = 10001, .ack = 11);
    app_recv(10);
}

/* The urgent pointer is a hint: whatever it says, the stream is the same. */
TEST(urgent_pointer_lies, rfc, "EST.data SYS.SYN-ACK-ok A5")
{
    const int64_t pointers[] = {0, 1, 100, 101, 65535};
    syn_sent();
    in(SYN|ACK|URG, .seq = 0, .ack = 1, .urg = 65535);
    out(ACK, .seq = 1, .ack = 1);
    int64_t seq = 1;
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++, seq += 100) {
        in(URG|PSH|ACK, .seq = seq, .ack = 1, .len = 100, .urg = pointers[i]);
        drain(settings()->delack);
        app_recv(100);
        app_recv_is(0);
    }
    in(URG|FIN|ACK, .seq = seq, .ack = 1, .urg = 65535);
    out(ACK, .seq = 1, .ack = seq + 1);
    app_recv_is(HF_EOF);
}

/* ---- Windows ---- */

TEST(zero_window_for_an_hour, rfc, "X.zero-window EST.persist MUST-36 MUST-37")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_send(800);
    hf_time last = script_now(), interval = 0;
    struct script_segment probe;
    while (script_now() < sec(3600)) {
        note(wait_for_packet(settings()->persist_max + sec(1)));
        note(script_now() - last >= interval || interval >= settings()->persist_max);
        interval = script_now() - last;
        last = script_now();
        note(script_take(&probe) >= 0 && probe.len <= 1);
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 800); /* at once */
}

/* The peer takes 200 bytes at a time, and says so after it has offered 1000. */
TEST(window_shrinks, rfc, "X.window-shrink EST.A-dup MUST-34 MUST-35 SHLD-15 SHLD-16 SHLD-17")
{
    established(.mss = 400, .wnd = 1000);
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = 400);
    out(ACK, .seq = 401, .ack = 1, .len = 400);
    drain(0);
    in(ACK, .seq = 1, .ack = 1, .wnd = 200);
    nothing(); /* no new text */
    int64_t taken = 1;
    struct script_segment again;
    while (taken < 2001) {
        note(wait_for_packet(sec(120)));
        while (script_take(&again) >= 0) {
            int64_t end = again.seq + again.len;
            note(end <= 1001 || end <= taken + 201); /* what was ever offered, or a probe */
            if (again.seq <= taken && end > taken)
                taken = end < taken + 200 ? end : taken + 200;
        }
        in(ACK, .seq = 1, .ack = taken, .wnd = 200);
    }
    state(HF_ESTABLISHED);
    quiet(sec(300));
}

/* ---- Reset and abort ---- */

TEST(close_with_unread_text, rfc, "X.close-unread EST.CLOSE D-6 SHLD-3 MUST-12")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    drain(settings()->delack);
    app_close();
    out(RST|ACK, .seq = 1, .ack = 11);
    ended(HF_CAUSE_UNREAD_DATA);
    in(ACK, .seq = 11, .ack = 1);
    out(RST, .seq = 1);
}

/* D9: our reset is beyond what the peer has; its challenge is refused, exactly. */
TEST(abort_with_text_lost, rfc, "X.abort-data-lost EST.ABORT CLD.A-new D-9")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_abort();
    out(RST|ACK, .seq = 101, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    out(RST, .seq = 1);
    ended(HF_CAUSE_ABORTED);
}

TEST(fin_with_gap, rfc, "X.fin-gap EST.FIN-gap EST.data-gap")
{
    established();
    in(FIN|ACK, .seq = 1001, .ack = 1, .len = 500);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(ACK, .seq = 1, .ack = 1502);
    state(HF_CLOSE_WAIT);
    app_recv(1500);
    app_recv_is(HF_EOF);
}

TEST(r2_on_syn, rfc, "X.r2-on-syn SYS.R2 MUST-23")
{
    app_open();
    out(SYN, .seq = 0);
    note(drain(sec(180) - ms(1)) > 2);
    state(HF_SYN_SENT);
    drain(sec(600));
    ended(HF_CAUSE_OPEN_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

/* One ACK for a batch, after all of it (MUST-59). */
TEST(batch_owes_one_ack, rfc, "EST.data MUST-59")
{
    established();
    batch_begin();
    for (int64_t i = 0; i < 10; i++)
        in(ACK, .seq = 1 + i * our_mss(), .ack = 1, .len = our_mss());
    batch_end();
    out(ACK, .seq = 1, .ack = 1 + 10 * our_mss());
    app_recv((size_t)(10 * our_mss()));
    drain(0);
}

/* The same over the other table: the grid does not depend on it. */
TEST(open_and_close_with_linux_numbers, linux, "EST.CLOSE FW1.A-new FW2.FIN TWT.2MSL")
{
    established(.mss = 1000, .ws = 7, .ts = true, .sack = true);
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = 988);
    out(ACK, .seq = 989, .ack = 1, .len = 988);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    expect(snd_nxt(), 2001);
    app_shutdown();
    out(FIN|ACK, .seq = 2001, .ack = 1);
    in(FIN|ACK, .seq = 1, .ack = 2002);
    out(ACK, .seq = 2002, .ack = 2);
    state(HF_TIME_WAIT);
    drain(2 * settings()->msl + sec(1));
    gone();
}
