/* Keep-alives: RFC 9293 3.8.4. */
/* clang-format off: scripts */
#include "script.h"

static void keep_alive(hf_time idle, hf_time interval, int64_t probes)
{
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE, 1), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_IDLE, idle), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_INTERVAL, interval), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_PROBES, probes), 0);
}

TEST(keep_alive_is_off_by_default, rfc, "MUST-25 MAY-5")
{
    established();
    int64_t on = -1;
    expect(hf_tcp_get(stack(), conn(), HF_OPTION_KEEPALIVE, &on), 0);
    expect(on, 0);
    quiet(sec(100000));
    state(HF_ESTABLISHED);
}

TEST(keep_alive_waits_two_hours_by_default, rfc, "MUST-28 MUST-24 SHLD-12 MAY-5")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE, 1), 0);
    int64_t idle = 0;
    expect(hf_tcp_get(stack(), conn(), HF_OPTION_KEEPALIVE_IDLE, &idle), 0);
    note(idle >= sec(7200));
    quiet(sec(7200) - ms(1));
    within(sec(1), ACK, .seq = 0, .ack = 1, .len = 0); /* without an octet of text */
}

TEST(keep_alive_can_be_switched, rfc, "MUST-24 MUST-27")
{
    established();
    keep_alive(sec(10), sec(5), 3);
    in(ACK, .seq = 1, .ack = 1);
    quiet(sec(9));
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE, 0), 0);
    quiet(sec(1000));
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE, 1), 0);
    within(sec(10), ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_IDLE, sec(60)), 0);
    quiet(sec(59));
    within(sec(1), ACK, .seq = 0, .ack = 1);
}

/* Anything received puts it off, text and empty ACKs alike. */
TEST(keep_alive_only_after_silence, rfc, "MUST-26")
{
    established();
    keep_alive(sec(10), sec(5), 3);
    for (int64_t i = 0; i < 10; i++) {
        quiet(sec(9));
        if (i % 2 == 0) {
            in(ACK, .seq = 1 + 5 * i, .ack = 1, .len = 10);
            within(settings()->delack, ACK, .seq = 1, .ack = 11 + 5 * i);
            app_recv(10);
        } else {
            in(ACK, .seq = 1 + 5 * (i + 1), .ack = 1);
        }
    }
    hf_time heard = script_now();
    within(sec(20), ACK, .seq = 0, .ack = 51);
    expect(script_now() - heard, sec(10));
}

/* With something unacknowledged, retransmission is probe enough. */
TEST(keep_alive_not_while_something_is_unacknowledged, rfc, "MUST-26")
{
    established(.mss = 1000);
    keep_alive(sec(3), sec(1), 2);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    for (int64_t at_s = 1; at_s < 60; at_s = at_s * 2 + 1) {
        at(sec(at_s));
        out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
        nothing();
    }
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 11);
    within(sec(3), ACK, .seq = 10, .ack = 1);
}

TEST(keep_alive_not_while_the_window_is_shut, rfc, "MUST-26 MUST-36")
{
    established(.mss = 1000, .wnd = 1000);
    keep_alive(sec(3), sec(1), 2);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    app_send(100);
    for (int i = 0; i < 8; i++) {
        within(sec(60), ACK, .seq = 1001, .ack = 1, .len = 1); /* the window's probe */
        in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    }
    state(HF_ESTABLISHED);
}

TEST(keep_alive_one_probe_is_no_proof, rfc, "MUST-29")
{
    established();
    keep_alive(sec(10), sec(5), 4);
    in(ACK, .seq = 1, .ack = 1);
    within(sec(10), ACK, .seq = 0, .ack = 1);
    for (int i = 0; i < 3; i++) {
        quiet(sec(5) - ms(1));
        state(HF_ESTABLISHED);
        within(ms(2), ACK, .seq = 0, .ack = 1);
    }
    in(ACK, .seq = 1, .ack = 1); /* the fourth is answered: all is well */
    expect(status().probes, 0);
    within(sec(10), ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_KEEPALIVE_PROBES, 1), HF_ERR_ARGUMENT);
}

TEST(keep_alive_gives_up, rfc, "MUST-29 N-10")
{
    established();
    keep_alive(sec(10), sec(5), 4);
    in(ACK, .seq = 1, .ack = 1);
    for (int i = 0; i < 4; i++)
        within(sec(10), ACK, .seq = 0, .ack = 1);
    expect(script_now(), sec(25));
    drain(sec(6));
    ended(HF_CAUSE_KEEPALIVE_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

/* A peer that has forgotten us answers with a reset, which is exact. */
TEST(keep_alive_finds_a_peer_that_rebooted, rfc, "MUST-26 N-5")
{
    established();
    keep_alive(sec(10), sec(5), 4);
    in(ACK, .seq = 1, .ack = 1);
    within(sec(10), ACK, .seq = 0, .ack = 1);
    in(RST, .seq = 1);
    ended(HF_CAUSE_RESET);
}

TEST(keep_alive_when_we_are_asked, rfc, "N-2 SHLD-12 D11")
{
    established();
    in(ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    after(sec(1));
    in(ACK, .seq = 0, .ack = 1, .len = 1, .junk = true); /* with the octet of old ones */
    out(ACK, .seq = 1, .ack = 1);
    app_recv_is(0);
}

/* Half-closed, a connection may be kept alive as well. */
TEST(keep_alive_in_fin_wait_2_and_close_wait, rfc, "MUST-24 MUST-26")
{
    fin_wait_2();
    keep_alive(sec(10), sec(5), 2);
    in(ACK, .seq = 1, .ack = 2);
    within(sec(10), ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 2);
    script_restart("CLOSE-WAIT");
    close_wait();
    keep_alive(sec(10), sec(5), 2);
    in(ACK, .seq = 2, .ack = 1);
    within(sec(10), ACK, .seq = 0, .ack = 2);
}
