/* When an ACK is sent: RFC 9293 3.8.6.3 and 3.10.7.4, RFC 5681 4.2, RFC 1122 4.2.3.2. */
/* clang-format off: scripts */
#include "script.h"

/* ---- Delayed ---- */

TEST(ack_is_delayed_less_than_half_a_second, rfc, "MUST-40 SHLD-18")
{
    note(settings()->delack < ms(500));
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    nothing();
    quiet(settings()->delack - ms(1));
    within(ms(2), ACK, .seq = 1, .ack = 11);
    quiet(sec(10)); /* once */
    app_recv(10);
}

TEST(ack_delay_counts_from_the_first, rfc, "MUST-40")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    drain(settings()->delack);
    hf_time start = script_now();
    in(ACK, .seq = 1001, .ack = 1, .len = 10); /* small, against 1000 */
    for (int64_t i = 1; i < 5; i++) {
        after(ms(20));
        in(ACK, .seq = 1001 + 10 * i, .ack = 1, .len = 10);
    }
    within(settings()->delack, ACK, .seq = 1, .ack = 1051);
    note(script_now() - start <= settings()->delack);
    app_recv(1050);
    drain(0);
}

TEST(ack_rides_on_text, rfc, "SHLD-18 MUST-58")
{
    established();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 11, .len = 10);
    in(ACK, .seq = 11, .ack = 11);
    quiet(sec(10));
    app_recv(10);
}

TEST(ack_delay_can_be_switched_off, rfc, "SHLD-18 MUST-40")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_DELACK, 0), 0);
    for (int64_t i = 0; i < 5; i++) {
        in(ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
        out(ACK, .seq = 1, .ack = 11 + 10 * i);
    }
    app_recv(50);
}

TEST(ack_of_every_second_full_segment, rfc, "SHLD-19 SHLD-18")
{
    established();
    int64_t mss = our_mss(), seq = 1;
    for (int i = 0; i < 10; i++, seq += 2 * mss) {
        in(ACK, .seq = seq, .ack = 1, .len = mss);
        nothing();
        in(ACK, .seq = seq + mss, .ack = 1, .len = mss);
        out(ACK, .seq = 1, .ack = seq + 2 * mss);
        app_recv((size_t)(2 * mss));
        drain(0);
    }
}

/* Twice RMSS of new text, in however many pieces. */
TEST(ack_of_twice_the_mss_in_pieces, rfc, "SHLD-19")
{
    established();
    int64_t mss = our_mss();
    in(ACK, .seq = 1, .ack = 1, .len = mss);
    in(ACK, .seq = 1 + mss, .ack = 1, .len = mss);
    out(ACK, .seq = 1, .ack = 1 + 2 * mss);
    app_recv((size_t)(2 * mss));
    drain(0);
    int64_t unacked = 0, seq = 1 + 2 * mss;
    for (int i = 0; i < 40; i++, seq += 200) {
        int64_t before = rcv_nxt();
        in(ACK, .seq = seq, .ack = 1, .len = 200);
        drain(0);
        unacked = rcv_nxt() != before ? 0 : unacked + 200;
        note(unacked < 2 * mss);
        app_recv(200);
        drain(0);
    }
    drain(settings()->delack);
}

/* Segments smaller than our MSS are full-sized when the peer has no larger ones. */
TEST(ack_of_every_second_segment_of_the_peers_size, rfc, "SHLD-19")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 536);
    drain(settings()->delack);
    for (int64_t seq = 537; seq < 537 + 5360; seq += 1072) {
        in(ACK, .seq = seq, .ack = 1, .len = 536);
        in(ACK, .seq = seq + 536, .ack = 1, .len = 536);
        out(ACK, .seq = 1, .ack = seq + 1072);
    }
    app_recv(536 + 5360);
    drain(0);
}

/* ---- At once ---- */

TEST(ack_at_once_when_out_of_order, rfc, "MAY-13 SHLD-31 MUST-59")
{
    established();
    for (int64_t seq = 1001; seq < 6001; seq += 1000) {
        in(ACK, .seq = seq, .ack = 1, .len = 1000);
        out(ACK, .seq = 1, .ack = 1);
    }
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(ACK, .seq = 1, .ack = 6001); /* at once, for it filled the gap */
    app_recv(6000);
    drain(0);
}

TEST(ack_at_once_when_part_of_a_gap_is_filled, rfc, "MAY-13 SHLD-31")
{
    established();
    in(ACK, .seq = 2001, .ack = 1, .len = 1000);
    out(ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .len = 500);
    out(ACK, .seq = 1, .ack = 501);
    in(ACK, .seq = 501, .ack = 1, .len = 1500);
    out(ACK, .seq = 1, .ack = 3001);
    app_recv(3000);
    drain(0);
}

TEST(ack_at_once_of_what_came_before, rfc, "N-2 MUST-59")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    drain(settings()->delack);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 101);
    app_recv(100);
}

TEST(ack_at_once_of_a_fin, rfc, "MUST-58 N-1")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    in(FIN|ACK, .seq = 11, .ack = 1);
    out(ACK, .seq = 1, .ack = 12); /* for both */
    quiet(sec(1));
    app_recv(10);
}

TEST(no_ack_of_an_ack, rfc, "MUST-58")
{
    established();
    for (int i = 0; i < 10; i++) {
        in(ACK, .seq = 1, .ack = 1, .wnd = 1000 * i);
        quiet(ms(600));
    }
}

/* ---- In a batch ---- */

TEST(batch_in_order_is_acknowledged_once, rfc, "MUST-58 MUST-59")
{
    established();
    int64_t seq = 1;
    for (int turns = 0; turns < 5; turns++) {
        batch_begin();
        for (int i = 0; i < 9; i++, seq += 1000)
            in(ACK, .seq = seq, .ack = 1, .len = 1000);
        batch_end();
        out(ACK, .seq = 1, .ack = seq);
        nothing();
        app_recv(9000);
        drain(0);
    }
}

TEST(batch_with_a_fin_is_acknowledged_once, rfc, "MUST-58 MUST-59")
{
    established();
    batch_begin();
    for (int64_t seq = 1; seq < 5001; seq += 1000)
        in(ACK, .seq = seq, .ack = 1, .len = 1000);
    in(FIN|ACK, .seq = 5001, .ack = 1);
    batch_end();
    out(ACK, .seq = 1, .ack = 5002);
    nothing();
    app_recv(5000);
    app_recv_is(HF_EOF);
}

/* One gap, filled within the batch: nothing is missing at its end, so nothing is said of it. */
TEST(batch_in_disorder_that_is_whole, rfc, "MUST-59 SHLD-31")
{
    established();
    batch_begin();
    in(ACK, .seq = 1001, .ack = 1, .len = 1000);
    in(ACK, .seq = 2001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    batch_end();
    out(ACK, .seq = 1, .ack = 3001);
    nothing();
    app_recv(3000);
    drain(0);
}

/* A duplicate ACK for each segment behind the gap, up to the three that start a fast
 * retransmit. */
TEST(batch_with_a_gap, rfc, "MUST-59 MAY-13")
{
    established();
    batch_begin();
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    for (int64_t i = 2; i < 8; i++) /* 1001 is lost */
        in(ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
    batch_end();
    int acks = 0;
    struct script_segment taken;
    while (script_take(&taken) >= 0) {
        expect(taken.ack, 1001);
        acks++;
    }
    note(acks >= 3 && acks <= 7);
    in(ACK, .seq = 1001, .ack = 1, .len = 1000);
    out(ACK, .seq = 1, .ack = 8001);
    app_recv(8000);
    drain(0);
}

TEST(batch_with_a_gap_and_sack, rfc, "MUST-59 MAY-13")
{
    established(.sack = true);
    batch_begin();
    for (int64_t i = 1; i < 4; i++)
        in(ACK, .seq = 1 + 2000 * i, .ack = 1, .len = 1000);
    batch_end();
    struct script_segment taken;
    int acks = 0;
    while (wait_for_packet(0)) {
        if (acks == 2)
            out(ACK, .seq = 1, .ack = 1, .sack = {{6001, 7001}, {4001, 5001}, {2001, 3001}});
        else
            script_take(&taken);
        acks++;
    }
    note(acks >= 1 && acks <= 3);
    drain(0);
}

/* What the batch acknowledges for us goes out with what it owes. */
TEST(batch_that_opens_our_window, rfc, "MUST-58 MUST-59")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    batch_begin();
    in(ACK, .seq = 1, .ack = 1001, .len = 500, .wnd = 1000);
    in(ACK, .seq = 501, .ack = 1001, .len = 500, .wnd = 1000);
    batch_end();
    out(PSH|ACK, .seq = 1001, .ack = 1001, .len = 1000); /* text that carries the ACK of both */
    quiet(settings()->delack);
    in(ACK, .seq = 1001, .ack = 2001);
    app_recv(1000);
}

/* Text kept while its gap is open is used when it closes (SHLD-31), whatever came twice. */
TEST(batch_of_repeats, rfc, "SHLD-31 N-26")
{
    with(invalid_interval, 0);
    established();
    batch_begin();
    for (int i = 0; i < 3; i++) {
        in(ACK, .seq = 501, .ack = 1, .len = 1000);
        in(ACK, .seq = 1001, .ack = 1, .len = 1000);
    }
    in(ACK, .seq = 1, .ack = 1, .len = 700);
    batch_end();
    struct script_segment taken;
    int64_t last = 0;
    while (script_take(&taken) >= 0)
        last = taken.ack;
    expect(last, 2001);
    app_recv(2000);
    app_recv_is(0);
    drain(0);
}

/* ---- Duplicate ACKs that are no sign of loss ---- */

TEST(quick_acks_then_delayed, linux, "SHLD-18 MUST-40")
{
    established();
    for (int64_t i = 0; i < settings()->quick_acks; i++) {
        in(ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
        out(ACK, .seq = 1, .ack = 11 + 10 * i);
    }
    drain(sec(1));
    in(ACK, .seq = 161, .ack = 1, .len = 10);
    nothing();
    within(settings()->delack, ACK, .seq = 1, .ack = 171);
    app_recv(170);
}
