/* SYN-SENT: an active OPEN that waits for its answer (docs/states.md, SYS; RFC 9293
 * 3.10.7.3). */
/* clang-format off: scripts */
#include "cells.h"

TEST(syn_sent_syn_ack, rfc, "SYS.SYN-ACK-ok D-10 MUST-14")
{
    syn_sent();
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .ws = 7, .wnd = 5000);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    event(HF_EVENT_CONNECTED);
    expect(status().snd_wnd, 5000); /* never scaled on a SYN */
    expect(status().snd_wl1, peer_iss());
    expect(status().snd_wl2, our_iss() + 1);
    expect(status().peer_mss, 1000);
}

TEST(syn_sent_syn_ack_sends_what_was_queued, rfc, "SYS.SYN-ACK-ok SYS.SEND SYR.SEND")
{
    syn_sent();
    app_send(100);
    nothing();
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    nothing();
    state(HF_ESTABLISHED);
}

TEST(syn_sent_syn_ack_with_text, rfc, "SYS.SYN-ACK-ok")
{
    syn_sent();
    in(SYN|ACK, .seq = 0, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 11);
    state(HF_ESTABLISHED);
    app_recv(10);
}

TEST(syn_sent_syn_ack_with_fin, rfc, "SYS.SYN-ACK-ok")
{
    syn_sent();
    in(SYN|FIN|ACK, .seq = 0, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 12);
    state(HF_CLOSE_WAIT);
    app_recv(10);
    app_recv_is(HF_EOF);
}

TEST(syn_sent_syn_ack_bad, rfc, "SYS.SYN-ACK-bad B15")
{
    answer_everything();
    syn_sent();
    const int64_t acks[] = {0, 2, -1, 100000, -100000, INT32_MIN};
    for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
        in(SYN|ACK, .seq = 0, .ack = acks[i]);
        out(RST, .seq = acks[i]);
        state(HF_SYN_SENT);
    }
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(syn_sent_bad_ack, rfc,
     "SYS.A-dup SYS.A-old SYS.A-unsent SYS.data SYS.data-gap SYS.FIN SYS.FIN-again SYS.out")
{
    answer_everything();
    syn_sent();
    in(ACK, .seq = 1, .ack = 0);
    out(RST, .seq = 0);
    in(ACK, .seq = 1, .ack = -7);
    out(RST, .seq = -7);
    in(ACK, .seq = 1, .ack = 2, .len = 10);
    out(RST, .seq = 2);
    in(ACK, .seq = 70000, .ack = 2, .len = 10);
    out(RST, .seq = 2);
    in(FIN|ACK, .seq = 1, .ack = 0);
    out(RST, .seq = 0);
    in(FIN|ACK, .seq = 1, .ack = 0);
    out(RST, .seq = 0);
    state(HF_SYN_SENT);
}

TEST(syn_sent_good_ack_alone, rfc,
     "SYS.A-new SYS.data SYS.data-gap SYS.FIN SYS.FIN-again SYS.out")
{
    syn_sent();
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    nothing();
    in(ACK, .seq = 70000, .ack = 1, .len = 10);
    nothing();
    in(FIN|ACK, .seq = 1, .ack = 1);
    nothing();
    state(HF_SYN_SENT);
}

TEST(syn_sent_no_ack, rfc, "SYS.no-ACK")
{
    syn_sent();
    in(0, .seq = 0);
    nothing();
    in(PSH, .seq = 0, .len = 10);
    nothing();
    in(FIN, .seq = 0);
    nothing();
    state(HF_SYN_SENT);
}

TEST(syn_sent_refused, rfc, "SYS.RST-exact SYS.RST-win D-15")
{
    syn_sent();
    in(RST|ACK, .raw_seq = 0, .ack = 1);
    nothing();
    ended(HF_CAUSE_REFUSED);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_REFUSED);
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_REFUSED);
    app_close();
    nothing();
}

TEST(syn_sent_refused_whatever_the_number, rfc, "SYS.RST-win D-15")
{
    syn_sent();
    in(RST|ACK, .raw_seq = 0x12345678, .ack = 1);
    nothing();
    ended(HF_CAUSE_REFUSED);
}

TEST(syn_sent_reset_that_is_not_for_our_syn, rfc, "SYS.RST-exact SYS.RST-win SYS.RST-out B15")
{
    syn_sent();
    in(RST, .seq = 0);
    nothing();
    in(RST|ACK, .seq = 0, .ack = 0);
    nothing();
    in(RST|ACK, .seq = 0, .ack = 2);
    nothing();
    in(SYN|RST, .seq = 0);
    nothing();
    state(HF_SYN_SENT);
    no_event(HF_EVENT_ENDED);
}

TEST(syn_sent_syn, rfc, "SYS.SYN D-1 MUST-10 MUST-11")
{
    syn_sent();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
    state(HF_SYN_RECEIVED);
    no_event(HF_EVENT_CONNECTED);
}

TEST(syn_sent_syn_with_fin_is_dropped, rfc, "SYS.SYN D-13")
{
    syn_sent();
    in(SYN|FIN, .seq = 0);
    nothing();
    state(HF_SYN_SENT);
}

TEST(syn_sent_rto, rfc, "SYS.RTO")
{
    syn_sent();
    hf_time rto = settings()->rto_initial;
    for (int i = 0; i < 4; i++, rto *= 2) {
        after(rto);
        out(SYN, .seq = 0, .mss = our_mss());
    }
    state(HF_SYN_SENT);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(syn_sent_r2, rfc, "SYS.R2 MUST-23 MUST-22")
{
    syn_sent();
    at(settings()->rto_initial);
    out(SYN, .seq = 0);
    drain(sec(179) - script_now());
    state(HF_SYN_SENT);
    event(HF_EVENT_SOFT_ERROR); /* R1 was passed */
    drain(sec(600));
    ended(HF_CAUSE_OPEN_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

TEST(syn_sent_user_timeout, rfc, "SYS.UTO N-11")
{
    app_open(.timeout = sec(10));
    out(SYN, .seq = 0);
    drain(sec(10) - ms(1));
    state(HF_SYN_SENT);
    drain(ms(1));
    ended(HF_CAUSE_USER_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

TEST(syn_sent_open_again, rfc, "SYS.OPEN-a SYS.OPEN-p MUST-41")
{
    syn_sent();
    cell_open_again(HF_SYN_SENT);
}

TEST(syn_sent_receive_waits, rfc, "SYS.RECEIVE SYS.STATUS")
{
    syn_sent();
    app_recv_is(0);
    expect(status().state, HF_SYN_SENT);
    expect(status().active, 1);
    expect(status().snd_una, our_iss());
    expect(status().snd_nxt, our_iss() + 1);
}

TEST(syn_sent_close, rfc, "SYS.CLOSE")
{
    syn_sent();
    app_shutdown();
    nothing();
    ended(HF_CAUSE_OPEN_CANCELLED);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(RST, .seq = 1);
}

TEST(syn_sent_full_close, rfc, "SYS.CLOSE")
{
    syn_sent();
    app_close();
    nothing();
    ended(HF_CAUSE_OPEN_CANCELLED);
}

TEST(syn_sent_abort, rfc, "SYS.ABORT")
{
    syn_sent();
    app_abort();
    nothing();
    ended(HF_CAUSE_ABORTED);
}
