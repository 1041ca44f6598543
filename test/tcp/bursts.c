/* How text is cut and when it leaves with settings.bursts: pieces and bursts of the size that Linux
 * would hand to its network card, PSH on the last segment of each, and a small rest of the window that
 * waits for the next ACK. */
/* clang-format off: scripts */
#include "script.h"

static void out_without_push(int64_t seq, int64_t len)
{
    struct script_segment taken;
    int flags = script_take(&taken);
    expect(flags, ACK);
    expect(taken.seq, seq);
    expect(taken.len, len);
}

/* Segments of 1000 from seq on; the last one carries PSH, the others do not. */
static void burst(int64_t seq, int n)
{
    for (int i = 0; i < n - 1; i++)
        out_without_push(seq + 1000 * i, 1000);
    out(PSH|ACK, .seq = seq + 1000 * (n - 1), .ack = 1, .len = 1000);
}

/* RTT of 100 ms, so that no burst is larger for the path being short. */
static void far_away(uint8_t least)
{
    with(burst_min, least);
    with(delack, ms(1));
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .ws = 4);
    out(SYN|ACK, .seq = 0, .ack = 1);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    app_accept();
}

TEST(burst_is_of_two_segments_on_a_slow_path, linux, "MUST-61")
{
    far_away(2);
    app_send(10000);
    for (int i = 0; i < 5; i++)
        burst(1 + 2000 * i, 2);
}

/* Never more than half of the window at once. */
TEST(burst_is_half_of_the_window, linux, "MUST-61")
{
    far_away(20);
    app_send(10000);
    burst(1, 5);
    burst(5001, 5);
}

/* The last piece of the queue is a burst with all that is left. */
TEST(burst_ends_with_the_queue, linux, "MUST-61")
{
    far_away(20);
    app_send(3500);
    out_without_push(1, 1000);
    out_without_push(1001, 1000);
    out_without_push(2001, 1000);
    out(PSH|ACK, .seq = 3001, .ack = 1, .len = 500);
}

/* A window of 32,000: pieces of 16 segments, counted from where the queue began. */
TEST(burst_does_not_cross_a_piece, linux, "MUST-61")
{
    with(burst_min, 64);
    with(initial_window, 40);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .wnd = 32000);
    app_accept();
    app_send(40000);
    burst(1, 16);
    burst(16001, 16);
    in(ACK, .seq = 1, .ack = 32001, .wnd = 32000);
    burst(32001, 8);
}

/* A rest of the window that would make a small burst waits: the next ACK is near. */
TEST(burst_waits_for_the_next_ack, linux, "MUST-61")
{
    far_away(20);
    app_send(60000);
    burst(1, 5);
    burst(5001, 5);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    burst(10001, 2); /* nothing has left for a while: no waiting */
    in(ACK, .seq = 1, .ack = 2001, .wnd = 65535);
    nothing();
    in(ACK, .seq = 1, .ack = 4001, .wnd = 65535);
    burst(12001, 6);
}

TEST(burst_need_not_wait, linux, "MUST-61")
{
    with(burst_divisor, 100);
    far_away(20);
    app_send(60000);
    burst(1, 5);
    burst(5001, 5);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    burst(10001, 2);
    in(ACK, .seq = 1, .ack = 2001, .wnd = 65535);
    burst(12001, 2);
}

/* What the application has closed gets no more: it does not wait. */
TEST(burst_with_the_fin_goes_on, linux, "MUST-61")
{
    far_away(20);
    app_send(13000);
    burst(1, 5);
    burst(5001, 5);
    app_shutdown();
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    burst(10001, 2);
    in(ACK, .seq = 1, .ack = 2001, .wnd = 65535);
    out(FIN|PSH|ACK, .seq = 12001, .ack = 1, .len = 1000);
}

/* ---- PSH is decided when the text is queued ---- */

TEST(push_of_a_single_segment_is_the_writers, linux, "MUST-60 MUST-61")
{
    far_away(2);
    app_send(500);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    in(ACK, .seq = 1, .ack = 501, .wnd = 65535);
    app_send_flags(1000, HF_SEND_MORE);
    out_without_push(501, 1000);
    app_send_flags(100, HF_SEND_MORE);
    app_send_flags(100, HF_SEND_MORE);
    nothing();
    in(ACK, .seq = 1, .ack = 1501, .wnd = 65535);
    out_without_push(1501, 200);
}

/* A long SEND is handed on at least every half of the largest window, also where a piece of it ends with
 * a burst of one segment. */
TEST(push_every_half_window, linux, "MUST-61")
{
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .wnd = 2200); /* pieces of one segment */
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .wnd = 2200);
    app_accept();
    app_send(8000);
    for (int i = 0; i < 4; i++) {
        out_without_push(1 + 2000 * i, 1000);
        out(PSH|ACK, .seq = 1001 + 2000 * i, .ack = 1, .len = 1000);
        in(ACK, .seq = 1, .ack = 2001 + 2000 * i, .wnd = 2200);
    }
}

/* The first segments of a connection leave at once although it is paced. */
TEST(first_segments_are_not_paced, linux, "")
{
    with(pacing, 1);
    far_away(2);
    app_send(30000);
    for (int i = 0; i < 5; i++)
        burst(1 + 2000 * i, 2);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 5001, .wnd = 65535);
    out_without_push(10001, 1000);
    quiet(ms(1));
}

/* More to come is said for the call alone: the next ACK lets it go. */
TEST(more_holds_until_the_next_ack, linux, "MUST-60")
{
    far_away(2);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    app_send_flags(3100, HF_SEND_MORE);
    burst(1, 2);
    out_without_push(2001, 1000);
    app_send_flags(50, HF_SEND_MORE);
    nothing();
    after(ms(10));
    in(ACK, .seq = 1, .ack = 2001, .wnd = 65535);
    out_without_push(3001, 150);
    app_send_flags(10, HF_SEND_MORE);
    nothing();
    app_send(10);
    out(PSH|ACK, .seq = 3151, .ack = 1, .len = 20);
}

/* With nothing in flight no ACK comes: the timer sends it, after one RTO. */
TEST(more_is_not_for_ever, linux, "MUST-60 N-17")
{
    far_away(2);
    app_send_flags(40, HF_SEND_MORE);
    hf_time rto = status().rto;
    note(rto >= ms(200));
    quiet(rto - ms(1));
    within(ms(2), PSH|ACK, .seq = 1, .ack = 1, .len = 40);
}

TEST(cork_holds_until_it_is_taken_off, linux, "MUST-60")
{
    far_away(2);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 1), 0);
    app_send(1040);
    out_without_push(1, 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    app_send(40);
    nothing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 0), 0);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 80);
    in(ACK, .seq = 1, .ack = 1081, .wnd = 65535);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 1), 0);
    app_send(30);
    quiet(ms(150));
    within(sec(1), PSH|ACK, .seq = 1081, .ack = 1, .len = 30);
}

/* Taking Nagle off lets go what cork or MORE hold, once. */
TEST(nodelay_lets_go_what_is_held, linux, "MUST-17")
{
    far_away(2);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 1), 0);
    app_send(40);
    nothing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 40);
    in(ACK, .seq = 1, .ack = 41, .wnd = 65535);
    app_send_flags(40, HF_SEND_MORE);
    nothing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    out_without_push(41, 40);
}
