/* Urgent data: RFC 9293 3.8.5, by RFC 6093: it stays in line and the pointer is a hint. */
/* clang-format off: scripts */
#include "script.h"

TEST(urgent_both_ways, rfc, "MUST-30 MUST-62")
{
    established(.mss = 1000);
    app_send_flags(10, HF_SEND_URGENT);
    out(URG|PSH|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 10); /* the octet behind it */
    in(URG|PSH|ACK, .seq = 1, .ack = 11, .len = 10, .urg = 10);
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 10);
    app_recv(10);
    expect(status().urgent_left, 0);
    drain(settings()->delack);
}

/* SEND marks what was queued up to here: every segment up to the mark says how far it is. */
TEST(urgent_pointer_in_each_segment, rfc, "MUST-62 MUST-31")
{
    established(.mss = 1000);
    app_send_flags(2500, HF_SEND_URGENT);
    out(URG|ACK, .seq = 1, .ack = 1, .len = 1000, .urg = 2500);
    out(URG|ACK, .seq = 1001, .ack = 1, .len = 1000, .urg = 1500);
    in(ACK, .seq = 1, .ack = 2001);
    out(URG|PSH|ACK, .seq = 2001, .ack = 1, .len = 500, .urg = 500);
    app_send(1000);
    out(PSH|ACK, .seq = 2501, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 3501);
    quiet(sec(10));
}

/* Text that was sent before is marked when it is sent again. */
TEST(urgent_on_retransmission, rfc, "MUST-30 MUST-62")
{
    established(.mss = 1000);
    app_send_flags(100, HF_SEND_URGENT);
    out(URG|PSH|ACK, .seq = 1, .ack = 1, .len = 100, .urg = 100);
    after(settings()->rto_min);
    out(URG|PSH|ACK, .seq = 1, .ack = 1, .len = 100, .urg = 100);
    in(ACK, .seq = 1, .ack = 101);
    quiet(sec(10));
}

/* Longer than 16 bits can say: the pointer is as far as it reaches, then moves on. */
TEST(urgent_data_of_any_length_sent, rfc, "MUST-31")
{
    with(initial_window, 60);
    established(.mss = 1400, .ws = 4, .wnd = 60000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 60000);
    const int64_t all = 150000, end = all + 1;
    app_send_flags((size_t)all, HF_SEND_URGENT);
    int64_t next = 1;
    for (int turns = 0; next < end && turns < 300; turns++) {
        while (wait_for_packet(0)) {
            int64_t far = end - next > 65535 ? 65535 : end - next;
            int64_t len = end - next > 1400 ? 1400 : end - next;
            out(next + len == end ? URG|PSH|ACK : URG|ACK, .seq = next, .ack = 1, .len = len,
                .urg = far);
            next += len;
        }
        in(ACK, .seq = 1, .ack = next, .wnd = 60000);
    }
    expect(next, end);
    app_send(10);
    out(PSH|ACK, .seq = end, .ack = 1, .len = 10);
}

TEST(urgent_data_of_any_length_received, rfc, "MUST-31 MUST-32 MUST-33")
{
    established();
    const int64_t all = 100000, end = all + 1;
    int64_t seq = 1;
    for (int i = 0; seq < end; i++, seq += 1000) {
        int64_t far = end - seq > 65535 ? 65535 : end - seq;
        in(URG|ACK, .seq = seq, .ack = 1, .len = 1000, .urg = far);
        if (seq + far < end || i == 0)
            event(HF_EVENT_URGENT); /* its end moves on with each */
        drain(0);
        note(status().urgent_left > 0);
        app_recv(1000);
        drain(0);
        expect(status().urgent_left, seq + far - (seq + 1000));
    }
    expect(status().urgent_left, 0);
    drain(settings()->delack);
}

/* Told once for each step forward; not for a repeat, nor for a step back. */
TEST(urgent_news, rfc, "MUST-32 MUST-47")
{
    established();
    in(URG|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 100);
    event(HF_EVENT_URGENT);
    in(URG|ACK, .seq = 11, .ack = 1, .len = 10, .urg = 90); /* the same place */
    no_event(HF_EVENT_URGENT);
    drain(0);
    in(URG|ACK, .seq = 21, .ack = 1, .len = 10, .urg = 20);
    no_event(HF_EVENT_URGENT);
    in(URG|ACK, .seq = 31, .ack = 1, .len = 10, .urg = 71); /* one further */
    event(HF_EVENT_URGENT);
    drain(0);
    expect(status().urgent_left, 101);
    drain(settings()->delack);
    app_recv(40);
    expect(status().urgent_left, 61);
    drain(0);
}

/* Ahead of the text: the application hears of it before that has come. */
TEST(urgent_before_its_text, rfc, "MUST-32 MUST-33")
{
    established();
    in(URG|ACK, .seq = 1, .ack = 1, .urg = 50);
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 50);
    app_recv_is(0);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 50);
    app_recv(50);
    expect(status().urgent_left, 0);
    drain(settings()->delack);
}

/* In line: urgent or not, every octet is read in its place (RFC 6093 3.1). */
TEST(urgent_data_stays_in_line, rfc, "MUST-30 A5")
{
    established();
    for (int64_t i = 0; i < 20; i++) {
        in(URG|PSH|ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10, .urg = (i * 7) % 11);
        drain(settings()->delack);
    }
    app_recv(200);
    app_recv_is(0);
    drain(0);
}

/* URG is looked at with a window of zero, though its text is not taken. */
TEST(urgent_into_a_zero_window, rfc, "MUST-66 MUST-32")
{
    with(invalid_interval, 0);
    with(rcv_buffer, 2000);
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1001, .ack = 1, .len = 1000);
    drain(settings()->delack);
    expect(rcv_wnd(), 0);
    in(URG|ACK, .seq = 2001, .ack = 1, .len = 1, .urg = 1, .junk = true);
    out(ACK, .seq = 1, .ack = 2001, .wnd = 0);
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 2001);
    app_recv(2000);
    expect(status().urgent_left, 1);
    drain(0);
}

/* A pointer without URG says nothing; URG in CLOSE-WAIT does not occur and is ignored. */
TEST(urgent_where_it_means_nothing, rfc, "MUST-30 N-1 A5")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10, .urg = 5);
    no_event(HF_EVENT_URGENT);
    expect(status().urgent_left, 0);
    app_recv(10);
    in(FIN|ACK, .seq = 11, .ack = 1);
    out(ACK, .seq = 1, .ack = 12);
    in(URG|ACK, .seq = 12, .ack = 1, .urg = 5);
    no_event(HF_EVENT_URGENT);
    expect(status().urgent_left, 0);
    drain(0);
}

/* What counts is the text not yet read, not the text not yet received (3.10.7.4 sixth). */
TEST(urgent_up_to_what_was_received_but_not_read, rfc, "MUST-32 MUST-33")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    drain(settings()->delack);
    in(URG|ACK, .seq = 101, .ack = 1, .urg = 0);
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 100);
    app_recv(100);
    expect(status().urgent_left, 0);
}
