/* Records (HF_SEND_RECORD, MSG_EOR): no segment holds octets of two. */
/* clang-format off: scripts */
#include "script.h"

TEST(record_ends_a_segment, rfc, "")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    app_send_flags(1200, HF_SEND_RECORD);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 200);
    in(ACK, .seq = 1, .ack = 1201, .wnd = 0);
    app_send_flags(300, HF_SEND_RECORD);
    app_send_flags(300, HF_SEND_RECORD);
    app_send(500);
    in(ACK, .seq = 1, .ack = 1201, .wnd = 60000);
    out(PSH|ACK, .seq = 1201, .ack = 1, .len = 300);
    out(PSH|ACK, .seq = 1501, .ack = 1, .len = 300);
    out(PSH|ACK, .seq = 1801, .ack = 1, .len = 500);
}

/* Nagle is asked for each segment that is not full (RFC 9293 3.7.4). */
TEST(record_waits_for_nagle, rfc, "")
{
    established(.mss = 1000);
    app_send_flags(100, HF_SEND_RECORD);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    app_send_flags(100, HF_SEND_RECORD);
    app_send(100);
    nothing();
    in(ACK, .seq = 1, .ack = 101);
    out(PSH|ACK, .seq = 101, .ack = 1, .len = 100);
    in(ACK, .seq = 1, .ack = 201);
    out(PSH|ACK, .seq = 201, .ack = 1, .len = 100);
}

/* What follows a record is no reason to wait: only the end of the queue asks Nagle (tcp_write_xmit). */
TEST(records_in_a_burst, linux, "")
{
    established(.mss = 1000, .ws = 0);
    app_send(10000);
    for (int i = 0; i < 10; i++)
        out(ACK|(i == 9 ? PSH : 0), .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    app_send_flags(1400, HF_SEND_RECORD);
    app_send_flags(400, HF_SEND_RECORD);
    app_send(2000);
    nothing();
    in(ACK, .seq = 1, .ack = 10001);
    out(ACK, .seq = 10001, .ack = 1, .len = 1000);
    out(PSH|ACK, .seq = 11001, .ack = 1, .len = 400);
    out(PSH|ACK, .seq = 11401, .ack = 1, .len = 400);
    out(ACK, .seq = 11801, .ack = 1, .len = 1000);
    out(PSH|ACK, .seq = 12801, .ack = 1, .len = 1000);
}

TEST(record_ends_stay_when_it_is_sent_again, rfc, "")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    for (int i = 0; i < 3; i++) {
        app_send_flags(300, HF_SEND_RECORD);
        out(PSH|ACK, .seq = 1 + 300 * i, .ack = 1, .len = 300);
    }
    within(sec(1), PSH|ACK, .seq = 1, .ack = 1, .len = 300); /* all three fit into one SMSS */
    out(PSH|ACK, .seq = 301, .ack = 1, .len = 300);
    out(PSH|ACK, .seq = 601, .ack = 1, .len = 300);
    in(ACK, .seq = 1, .ack = 901);
    app_send(10);
    out(PSH|ACK, .seq = 901, .ack = 1, .len = 10);
}

/* More ends than are kept: those beyond are forgotten, no text is. */
TEST(record_ends_are_bounded, rfc, "")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    for (int i = 0; i < 1100; i++)
        app_send_flags(10, HF_SEND_RECORD);
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    int64_t seen = 0;
    while (seen < 10240) {
        out(PSH|ACK, .seq = seen + 1, .ack = 1, .len = 10);
        seen += 10;
        in(ACK, .seq = 1, .ack = 1 + seen, .wnd = 65535);
    }
    out(PSH|ACK, .seq = 10241, .ack = 1, .len = 760);
    app_abort();
    out(RST|ACK, .seq = 11001);
}

/* RFC 5961 5.2 by the letter, as Linux before 6.8: text with an ACK as old as the window is taken. */
TEST(text_with_an_old_ack, linux, "")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 0, .len = 100);
    out(ACK, .seq = 1, .ack = 101);
    in(ACK, .seq = 101, .ack = -65534, .len = 100);
    out(ACK, .seq = 1, .ack = 201);
    in(ACK, .seq = 201, .ack = -65535, .len = 100);
    out(ACK, .seq = 1, .ack = 201);
    app_recv(200);
}
