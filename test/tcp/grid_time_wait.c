/* TIME-WAIT: 2MSL, what ends it early and what does not (docs/states.md, TWT; RFC 9293 3.6.1
 * and 3.10.7.4, RFC 6191, RFC 1337; decisions D5, D7, D12). */
/* clang-format off: scripts */
#include "cells.h"

CELL(time_wait_syn_ack_ok, "TWT.SYN-ACK-ok", time_wait, HF_TIME_WAIT, cell_syn_ack_ok)
CELL(time_wait_syn_ack_bad, "TWT.SYN-ACK-bad", time_wait, HF_TIME_WAIT, cell_syn_ack_bad)
CELL(time_wait_rst_out, "TWT.RST-out", time_wait, HF_TIME_WAIT, cell_rst_out)
CELL(time_wait_no_ack, "TWT.no-ACK", time_wait, HF_TIME_WAIT, cell_no_ack)
CELL(time_wait_out, "TWT.out", time_wait, HF_TIME_WAIT, cell_out)
CELL(time_wait_ack_old, "TWT.A-old", time_wait, HF_TIME_WAIT, cell_ack_old)
CELL(time_wait_ack_unsent, "TWT.A-unsent", time_wait, HF_TIME_WAIT, cell_ack_unsent)

/* It began now: exactly 2MSL are left. */
static void lasts_2msl(void)
{
    drain(2 * settings()->msl - ms(1));
    state(HF_TIME_WAIT);
    quiet(sec(1));
    gone();
}

TEST(time_wait_ends, rfc, "TWT.2MSL MUST-13 N-12")
{
    time_wait();
    expect(counters().time_wait, 1);
    quiet(2 * settings()->msl - ms(1));
    state(HF_TIME_WAIT);
    quiet(sec(1));
    gone();
    event(HF_EVENT_ENDED);
    expect(counters().time_wait, 0);
    in(ACK, .seq = 2, .ack = 2);
    out(RST, .seq = 2);
}

TEST(time_wait_ends_without_a_handle, rfc, "TWT.2MSL MUST-13 TWT.CLOSE")
{
    time_wait();
    app_close();
    nothing();
    state(HF_TIME_WAIT);
    lasts_2msl();
    expect(counters().connections, 0);
}

TEST(time_wait_fin_again, rfc, "TWT.FIN-again D-5")
{
    time_wait();
    quiet(settings()->msl);
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    lasts_2msl();
}

TEST(time_wait_fin_again_with_its_text, rfc, "TWT.FIN-again D-5")
{
    fin_wait_2();
    in(FIN|ACK, .seq = 1, .ack = 2, .len = 100);
    out(ACK, .seq = 2, .ack = 102);
    state(HF_TIME_WAIT);
    quiet(settings()->msl);
    in(FIN|ACK, .seq = 1, .ack = 2, .len = 100);
    out(ACK, .seq = 2, .ack = 102);
    lasts_2msl();
}

TEST(time_wait_out_does_not_restart, rfc, "TWT.out D-5")
{
    answer_everything();
    time_wait();
    hf_time step = settings()->msl / 4;
    for (int i = 0; i < 7; i++) {
        quiet(step);
        in(ACK, .seq = -100, .ack = 2, .len = 50, .junk = true);
        out(ACK, .seq = 2, .ack = 2);
        in(FIN|ACK, .seq = -100, .ack = 2, .len = 50, .junk = true); /* not the last FIN */
        out(ACK, .seq = 2, .ack = 2);
    }
    state(HF_TIME_WAIT);
    quiet(step + sec(1));
    gone();
}

TEST(time_wait_ack, rfc, "TWT.A-new TWT.A-dup")
{
    time_wait();
    in(ACK, .seq = 2, .ack = 2);
    nothing();
    in(ACK, .seq = 2, .ack = 1);
    nothing();
    state(HF_TIME_WAIT);
}

TEST(time_wait_text, rfc, "TWT.data TWT.data-gap D-8")
{
    time_wait();
    in(PSH|ACK, .seq = 2, .ack = 2, .len = 10, .junk = true);
    nothing();
    in(PSH|ACK, .seq = 100, .ack = 2, .len = 10, .junk = true);
    nothing();
    state(HF_TIME_WAIT);
    app_recv_is(HF_EOF);
}

TEST(time_wait_reset_is_ignored, rfc, "TWT.RST-exact TWT.RST-win D-7 B18")
{
    time_wait();
    in(RST, .seq = 2);
    nothing();
    in(RST, .seq = 3);
    nothing();
    in(RST|ACK, .seq = 2, .ack = 2);
    nothing();
    state(HF_TIME_WAIT);
    lasts_2msl();
}

TEST(time_wait_reset_by_the_letter, rfc, "TWT.RST-exact TWT.RST-win D-7")
{
    with(time_wait_rst, 1);
    time_wait();
    in(RST, .seq = 3);
    drain(0);
    state(HF_TIME_WAIT);
    in(RST, .seq = 2);
    nothing();
    gone();
    expect(counters().time_wait, 0);
}

/* MAY-2: a SYN above all that came before it opens anew, for a listener. */
TEST(time_wait_syn_reopens, rfc, "TWT.SYN MAY-2")
{
    time_wait();
    uint32_t old_nxt = our_iss() + 2;
    peer_restart(peer_iss() + 10000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    note((int32_t)(our_iss() - old_nxt) > 0);
    state(HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    app_accept();
    expect(counters().time_wait, 0);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    app_recv(10);
}

TEST(time_wait_syn_too_low, rfc, "TWT.SYN B18")
{
    answer_everything();
    time_wait();
    const int64_t seqs[] = {0, 1, -1000, -100000};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        in(SYN, .seq = seqs[i]);
        out(ACK, .seq = 2, .ack = 2);
        state(HF_TIME_WAIT);
    }
    expect(counters().half_open, 0);
}

TEST(time_wait_syn_without_a_listener, rfc, "TWT.SYN")
{
    answer_everything();
    time_wait(.active = true);
    in(SYN, .seq = 10000);
    drain(0); /* C, or the refusal of a closed port: never a connection */
    state(HF_TIME_WAIT);
    expect(counters().half_open, 0);
}

TEST(time_wait_syn_newer_timestamp, rfc, "TWT.SYN MAY-2 SHLD-4")
{
    time_wait(.ts = true);
    after(sec(2));
    uint32_t clock = peer_clock();
    peer_restart(peer_iss() - 50000); /* lower: the timestamp alone decides, RFC 6191 */
    in(SYN, .seq = 0, .tsval = clock);
    out(SYN|ACK, .ack = 1, .tsecr = clock, .new_iss = true);
    state(HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(time_wait_syn_older_timestamp, rfc, "TWT.SYN B18")
{
    answer_everything();
    time_wait(.ts = true);
    after(sec(2));
    in(SYN, .seq = 10000, .tsval = peer_clock() - 3000);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

/* The new connection does not come about: TIME-WAIT is returned to. */
TEST(time_wait_is_returned_to, rfc, "TWT.SYN MAY-2")
{
    time_wait();
    peer_restart(peer_iss() + 10000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    expect(counters().time_wait, 1);
    in(RST, .seq = 1);
    nothing();
    expect(counters().half_open, 0);
    expect(counters().time_wait, 1);
}

/* An old FIN of the first connection reaches the second one. */
TEST(time_wait_old_fin_after_reopening, rfc, "TWT.SYN EST.out")
{
    time_wait();
    uint32_t old_iss = our_iss(), old_peer_iss = peer_iss();
    peer_restart(peer_iss() + 10000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    in(ACK, .seq = 1, .ack = 1);
    in(FIN|ACK, .raw_seq = old_peer_iss + 1, .raw_ack = old_iss + 2);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(time_wait_open_is_refused, rfc, "TWT.OPEN-a TWT.OPEN-p D-12 MUST-41")
{
    time_wait(.active = true);
    cell_open_again(HF_TIME_WAIT);
}

TEST(time_wait_open_may_reuse, rfc, "TWT.OPEN-a D-12")
{
    with(time_wait_reuse, 1);
    with(timestamps, 1);
    time_wait(.active = true, .ts = true);
    hf_conn second;
    struct hf_open open = {.size = sizeof open,
                           .local.port = our_port(),
                           .remote = {peer_addr(), peer_port()}};
    expect(hf_tcp_open(stack(), &open, &second), HF_ERR_EXISTS); /* not within a second */
    after(sec(2));
    uint32_t old_nxt = our_iss() + 2;
    peer_restart(9000);
    expect(hf_tcp_open(stack(), &open, &second), 0);
    out(SYN, .new_iss = true);
    note((int32_t)(our_iss() - old_nxt) > 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .tsval = peer_clock());
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    expect(counters().time_wait, 0);
}

TEST(time_wait_calls, rfc, "TWT.SEND TWT.RECEIVE TWT.CLOSE TWT.STATUS N-10")
{
    time_wait();
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_CLOSING);
    app_recv_is(HF_EOF);
    app_shutdown();
    nothing();
    expect(status().state, HF_TIME_WAIT);
}

TEST(time_wait_text_can_still_be_read, rfc, "TWT.RECEIVE")
{
    fin_wait_2();
    in(FIN|ACK, .seq = 1, .ack = 2, .len = 100);
    out(ACK, .seq = 2, .ack = 102);
    app_recv(40);
    drain(2 * settings()->msl + sec(1));
    gone();
    app_recv(60);
    app_recv_is(HF_EOF);
}

TEST(time_wait_abort, rfc, "TWT.ABORT")
{
    time_wait();
    app_abort();
    nothing();
    gone();
    expect(counters().time_wait, 0);
    in(ACK, .seq = 2, .ack = 2);
    out(RST, .seq = 2);
}
