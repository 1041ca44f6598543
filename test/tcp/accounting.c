/* What STATUS counts: text and segments, how long ago, and what kept a sender waiting. */
/* clang-format off: scripts */
#include "script.h"

TEST(status_counts_text_segments, rfc, "EST.STATUS")
{
    established(.mss = 1000);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    in(PSH|ACK, .seq = 501, .ack = 1, .len = 500);
    drain(sec(1));
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    app_send(1500);
    drain(0);
    expect(status().text_segments_received, 2);
    expect(status().received_mss, 500);
    expect(status().text_segments_sent, 2);
    expect(status().bytes_sent, 1500);
    expect(status().bytes_resent, 0);
    within(sec(3), ACK, .seq = 1, .len = 1000); /* by the timer */
    expect(status().text_segments_sent, 3);
    expect(status().bytes_resent, 1000);
    expect(status().bytes_sent, 1500);
    expect(status().bytes_acked, 0);
    in(ACK, .seq = 1001, .ack = 1001);
    drain(0);
    expect(status().bytes_acked, 1000);
    in(ACK, .seq = 1001, .ack = 1501);
    expect(status().bytes_acked, 1500);
    app_shutdown();
    out(FIN|ACK, .seq = 1501, .ack = 1001);
    expect(status().bytes_acked, 1500);
    in(ACK, .seq = 1001, .ack = 1502);
    expect(status().bytes_acked, 1500);
}

TEST(status_counts_segments_out_of_order, rfc, "EST.STATUS EST.data-gap")
{
    established(.mss = 1000);
    in(PSH|ACK, .seq = 501, .ack = 1, .len = 500);
    out(ACK, .seq = 1, .ack = 1);
    in(PSH|ACK, .seq = 1001, .ack = 1, .len = 500);
    out(ACK, .seq = 1, .ack = 1);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    out(ACK, .seq = 1, .ack = 1501);
    expect(status().segments_out_of_order, 2);
    expect(status().text_segments_received, 3);
}

TEST(status_tells_how_long_ago, rfc, "EST.STATUS")
{
    established(.mss = 1000);
    after(ms(300));
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    within(ms(500), ACK, .seq = 1, .ack = 501);
    hf_time acked = script_now();
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 501, .len = 100);
    after(ms(50));
    in(ACK, .seq = 501, .ack = 101);
    expect(status().since_ack_received, 0);
    expect(status().since_text_sent, ms(50));
    expect(status().since_text_received, script_now() - ms(300));
    note(acked > ms(300));
}

/* As tcp_info counts: from the call until all is acknowledged; the window while it is what keeps
 * the next segment back. */
TEST(status_tells_who_kept_the_sender_waiting, linux, "EST.STATUS")
{
    with(nagle, HF_NAGLE_OFF);
    established(.active = true, .mss = 1000);
    expect(status().sending, 0);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .len = 1000);
    after(ms(30));
    in(ACK, .seq = 1, .ack = 1001, .wnd = 0);
    expect(status().sending, ms(30));
    expect(status().window_limited, 0);
    after(sec(1));
    app_send(800);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001, .wnd = 10);
    drain(0);
    after(ms(50));
    in(ACK, .seq = 1, .ack = 1001, .wnd = 5000);
    drain(0);
    expect(status().window_limited, ms(150));
    after(ms(20));
    in(ACK, .seq = 1, .ack = 1801, .wnd = 5000);
    expect(status().window_limited, ms(150));
    expect(status().sending, ms(200));
    after(sec(1));
    expect(status().sending, ms(200));
}


TEST(status_tells_what_sack_told, linux, "EST.STATUS")
{
    with(nagle, HF_NAGLE_OFF);
    established(.mss = 1000, .sack = true);
    app_send(5000);
    drain(0);
    in(ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{2001, 3001}});
    expect(status().sacked, 1000);
    expect(status().sacked_segments, 1);
    in(ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{2001, 5001}});
    expect(status().sacked_segments, 3);
    drain(ms(100));
    note(status().lost >= 1000);
    note(status().resent >= 1000);
    in(ACK, .seq = 1, .ack = 5001);
    expect(status().sacked + status().lost + status().resent, 0);
}

/* Who answers what he has read finds what the controller has measured, since output had not yet made
 * the connection quiet; once it has, the next answer begins anew. */
TEST(measured_stays_for_an_answer, rfc, "")
{
    established(.mss = 1000);
    app_send(100);
    out(PSH | ACK, .seq = 1, .ack = 1, .len = 100);
    at(ms(20));
    in(PSH | ACK, .seq = 1, .ack = 101, .len = 100);
    app_recv(100);
    expect(status().min_rtt, ms(20));
    app_send(100);
    expect(status().min_rtt, ms(20));
    out(PSH | ACK, .seq = 101, .ack = 101, .len = 100);
    in(ACK, .seq = 101, .ack = 201);
    nothing();
    expect(status().min_rtt, 0);
}
