/* PUSH: RFC 9293 3.9.1.2 and 3.9.1.3. SEND pushes unless told that more will follow, and the
 * segment that empties the queue carries PSH. */
/* clang-format off: scripts */
#include "script.h"

/* The segment flags that PSH-blind out() lets pass are looked at here. */
static void out_without_push(int64_t seq, int64_t len)
{
    struct script_segment taken;
    int flags = script_take(&taken);
    expect(flags, ACK);
    expect(taken.seq, seq);
    expect(taken.len, len);
}

TEST(push_on_what_empties_the_queue, rfc, "MUST-61 MAY-15 SHLD-28")
{
    established(.mss = 1000);
    app_send(3000);
    out_without_push(1, 1000);
    out_without_push(1001, 1000);
    out(PSH|ACK, .seq = 2001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 3001);
    app_send(1);
    out(PSH|ACK, .seq = 3001, .ack = 1, .len = 1);
}

/* Without PUSH text is gathered, but never for ever (3.9.1.2): the override timer sends it. */
TEST(push_missing_gathers_but_not_for_ever, rfc, "MUST-60 MUST-61 MAY-16 N-17")
{
    established(.mss = 1000);
    app_send_flags(100, HF_SEND_MORE);
    app_send_flags(200, HF_SEND_MORE);
    nothing();
    within(sec(1), PSH|ACK, .seq = 1, .ack = 1, .len = 300); /* the last of the queue */
    in(ACK, .seq = 1, .ack = 301);
    app_send_flags(400, HF_SEND_MORE);
    nothing();
    app_send(50);
    out(PSH|ACK, .seq = 301, .ack = 1, .len = 450);
}

TEST(push_missing_and_something_in_flight, rfc, "MUST-60")
{
    established(.mss = 1000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    app_send_flags(10, HF_SEND_MORE);
    nothing();
    after(ms(50));
    in(ACK, .seq = 1, .ack = 11);
    within(sec(1), PSH|ACK, .seq = 11, .ack = 1, .len = 10);
}

/* Pushes that could not go one by one go together. */
TEST(push_marks_are_merged, rfc, "SHLD-27 SHLD-28")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    for (int i = 0; i < 25; i++)
        app_send(100);
    nothing();
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    out_without_push(1001, 1000);
    out_without_push(2001, 1000);
    nothing(); /* Nagle: less than a segment waits for the ACK */
    in(ACK, .seq = 1, .ack = 3001, .wnd = 65535);
    out(PSH|ACK, .seq = 3001, .ack = 1, .len = 500);
}

TEST(push_is_implied_by_close, rfc, "N-22 MUST-60")
{
    established(.mss = 1000);
    app_send_flags(100, HF_SEND_MORE);
    nothing();
    app_shutdown();
    out(FIN|PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    in(ACK, .seq = 1, .ack = 102);
    state(HF_FIN_WAIT_2);
}

/* The end of a flight that the window cuts: no PSH until the queue is empty. */
TEST(push_not_where_the_window_ends, rfc, "MUST-61")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(1500);
    out_without_push(1, 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 500);
}

TEST(push_on_retransmission, rfc, "MUST-61")
{
    established(.mss = 1000);
    app_send(2000);
    out_without_push(1, 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
    after(settings()->rto_min);
    out_without_push(1, 1000);
    in(ACK, .seq = 1, .ack = 1001);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
}

TEST(push_not_on_a_probe_unless_it_is_the_last_octet, rfc, "MUST-60 MUST-61")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    app_send(2);
    note(wait_for_packet(sec(2)));
    out_without_push(1, 1);
    in(ACK, .seq = 1, .ack = 2, .wnd = 0);
    within(sec(4), PSH|ACK, .seq = 2, .ack = 1, .len = 1);
}

TEST(push_received_is_told, rfc, "MAY-17")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    expect(status().pushed, 0);
    in(PSH|ACK, .seq = 11, .ack = 1, .len = 10);
    drain(settings()->delack);
    expect(status().pushed, 1);
    in(ACK, .seq = 21, .ack = 1, .len = 10);
    expect(status().pushed, 0);
    drain(settings()->delack);
    app_recv(30);
}

/* Text is delivered with or without it. */
TEST(push_is_not_needed_to_read, rfc, "MAY-17")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    event(HF_EVENT_READABLE);
    app_recv(10);
    drain(settings()->delack);
}
