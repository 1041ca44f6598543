/* Buffers that follow the path (src/tcp/autotune.c): what is read in a round trip decides about the
 * window, the congestion window about the send queue, and the stack's memory about both. */
/* clang-format off: scripts */
#include "script.h"

static int64_t option(enum hf_option o)
{
    int64_t value = -1;
    expect(hf_tcp_get(stack(), conn(), o, &value), 0);
    return value;
}

static void set(enum hf_option o, int64_t value)
{
    expect(hf_tcp_set(stack(), conn(), o, value), 0);
}

/* The peer sends n segments of 1,000 octets; each is read, or none. */
static void arrives(int n, bool read)
{
    for (int i = 0; i < n; i++) {
        in(ACK, .ack = 1, .len = 1000);
        drain(0);
        if (read)
            app_recv(1000);
        drain(0);
    }
}

/* A round trip of 100 ms: n segments come, their ACKs leave, and 100 ms later the next one echoes
 * what those said. */
static void round_trip(int n, bool read)
{
    arrives(n, read);
    drain(ms(100));
}

TEST(window_scale_comes_from_what_the_buffer_may_become, linux, "")
{
    with(rcv_buffer_max, 15 << 20);
    app_open();
    out(SYN, .seq = 0, .ws = 8, .wnd = 65535);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .ws = 8);
    out(ACK, .seq = 1, .ack = 1, .wnd = 256); /* 64 KiB now */
}

TEST(passive_window_scale_comes_from_what_the_buffer_may_become, linux, "")
{
    with(rcv_buffer_max, 15 << 20);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .ws = 8);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = 8, .wnd = 65535);
}

TEST(buffers_of_the_rfc_profile_stay_as_they_are, rfc, "")
{
    established(.mss = 1000, .ws = 7, .ts = 1);
    for (int i = 0; i < 10; i++)
        round_trip(60, true);
    expect(option(HF_OPTION_RCV_BUFFER), settings()->rcv_buffer);
    expect(status().rcv_wscale, 0);
}

TEST(receive_buffer_doubles_what_is_read_in_a_round_trip, linux, "")
{
    established(.mss = 1000, .ws = 7, .ts = 1);
    expect(option(HF_OPTION_RCV_BUFFER), 65536);
    round_trip(10, true);
    round_trip(10, true);
    expect(option(HF_OPTION_RCV_BUFFER), 65536); /* which is twice ten segments and more */
    round_trip(60, true);
    round_trip(60, true);
    int64_t buffer = option(HF_OPTION_RCV_BUFFER);
    note(buffer >= 120000 && buffer <= 120000 + 16 * 1460);
    note(rcv_wnd() >= buffer - 2000); /* and the peer knows */
    round_trip(120, true);
    round_trip(120, true);
    note(option(HF_OPTION_RCV_BUFFER) >= 240000);
    round_trip(10, true); /* what was needed once is kept */
    round_trip(10, true);
    note(option(HF_OPTION_RCV_BUFFER) >= 240000);
}

TEST(receive_buffer_grows_by_windows_where_there_are_no_timestamps, linux, "")
{
    established(.mss = 1000, .ws = 7);
    round_trip(60, true);
    expect(option(HF_OPTION_RCV_BUFFER), 65536);
    round_trip(60, true); /* a window's worth was read on the way */
    note(option(HF_OPTION_RCV_BUFFER) >= 120000);
}

TEST(receive_buffer_does_not_grow_for_a_reader_that_is_slow, linux, "")
{
    established(.mss = 1000, .ws = 7, .ts = 1);
    for (int i = 0; i < 20; i++) { /* all that the window lets in, and a little is read */
        arrives((int)(rcv_wnd() / 1000), false);
        app_recv(5000);
        drain(ms(100));
    }
    expect(option(HF_OPTION_RCV_BUFFER), 65536);
}

TEST(receive_buffer_has_a_largest_size, linux, "")
{
    with(rcv_buffer_max, 100000);
    established(.mss = 1000, .ws = 7, .ts = 1);
    for (int i = 0; i < 6; i++)
        round_trip(60, true);
    expect(option(HF_OPTION_RCV_BUFFER), 100000);
    expect(status().rcv_wscale, 1);
}

/* The edge that the peer was given stays: what it sends up to there is taken. */
TEST(receive_buffer_falls_back_when_idle, linux, "SHLD-14")
{
    established(.mss = 1000, .ws = 7, .ts = 1);
    for (int i = 0; i < 4; i++)
        round_trip(60, true);
    int64_t edge = rcv_nxt() + rcv_wnd();
    note(option(HF_OPTION_RCV_BUFFER) > 120000);
    after(sec(11));
    round_trip(1, true);
    expect(option(HF_OPTION_RCV_BUFFER), 65536);
    note(rcv_nxt() + rcv_wnd() >= edge);
    while (rcv_nxt() + 1000 < edge)
        round_trip(1, false);
    expect(counters().drops[HF_DROP_WINDOW], 0);
    note(rcv_nxt() + 1000 >= edge);
}

TEST(receive_buffer_that_the_application_set_stays, linux, "")
{
    established(.mss = 1000, .ws = 7, .ts = 1);
    set(HF_OPTION_RCV_BUFFER, 70000);
    for (int i = 0; i < 4; i++)
        round_trip(60, true);
    expect(option(HF_OPTION_RCV_BUFFER), 70000);
    set(HF_OPTION_RCV_BUFFER, 0); /* the choice is given back */
    expect(option(HF_OPTION_RCV_BUFFER), 65536);
    for (int i = 0; i < 4; i++)
        round_trip(60, true);
    note(option(HF_OPTION_RCV_BUFFER) > 120000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_RCV_BUFFER, 1023), HF_ERR_ARGUMENT);
}

/* ---- Sending ---- */

TEST(send_buffer_follows_the_congestion_window, linux, "")
{
    with(snd_buffer, 20000);
    with(snd_buffer_max, 100000);
    established(.mss = 1000, .ws = 7, .ts = 1);
    expect(option(HF_OPTION_SND_BUFFER), 20000);
    static uint8_t junk[200000];
    expect(hf_tcp_send(stack(), conn(), junk, sizeof junk, 0), 20000);
    int64_t largest = 0;
    for (int i = 0; i < 12; i++) {
        drain(ms(100));
        in(ACK, .seq = 1, .ack = snd_nxt(), .wnd = 60000);
        event(HF_EVENT_WRITABLE);
        note(hf_tcp_send(stack(), conn(), junk, sizeof junk, 0) > 0);
        drain(0);
        struct hf_tcp_status s = status();
        note(s.send_queued <= 100000);
        largest = s.send_queued > largest ? s.send_queued : largest;
    }
    expect(largest, 100000);
    note(status().cwnd > 30000);
}

TEST(send_buffer_that_the_application_set_stays, linux, "")
{
    with(snd_buffer, 20000);
    established(.mss = 1000, .ws = 7, .ts = 1);
    set(HF_OPTION_SND_BUFFER, 30000);
    static uint8_t junk[200000];
    expect(hf_tcp_send(stack(), conn(), junk, sizeof junk, 0), 30000);
    for (int i = 0; i < 8; i++) {
        drain(ms(100));
        in(ACK, .seq = 1, .ack = snd_nxt(), .wnd = 60000);
        (void)hf_tcp_send(stack(), conn(), junk, sizeof junk, 0);
        drain(0);
        expect(option(HF_OPTION_SND_BUFFER), 30000);
        note(status().send_queued <= 30000);
    }
    set(HF_OPTION_SND_BUFFER, 0);
    note(option(HF_OPTION_SND_BUFFER) > 30000);
}

/* A writer that always has more, to a peer that answers after `rtt`, all but the last segment. The most
 * that was ever queued. */
static uint32_t poured(int rounds, hf_time rtt)
{
    static uint8_t junk[200000];
    uint32_t most = 0;
    for (int i = 0; i < rounds; i++) {
        while (hf_tcp_send(stack(), conn(), junk, sizeof junk, 0) > 0)
            drain(0);
        drain(0);
        struct hf_tcp_status s = status();
        most = s.send_queued > most ? s.send_queued : most;
        drain(rtt);
        in(ACK, .seq = 1, .ack = snd_nxt() - 988, .wnd = 60000);
        drain(0);
    }
    return most;
}

static void near_peer(uint32_t least)
{
    with(snd_buffer, 20000);
    with(snd_buffer_max, 1000000);
    with(snd_ahead, 20000);
    with(snd_near, least);
    established(.mss = 1000, .ws = 7, .ts = 1, .sack = true);
    (void)poured(2, 100 * HF_US);
}

/* What a queue holds brings nothing. */
TEST(send_buffer_of_a_near_peer_does_not_follow_what_lies_in_a_queue, linux, "")
{
    near_peer(60000);
    uint32_t most = poured(12, ms(2));
    note(most > 50000 && most <= 60000);
    note(status().min_rtt == 100 * HF_US && status().cwnd > 60000);
}

TEST(send_buffer_of_a_near_peer_follows_the_window_when_told_to, linux, "")
{
    near_peer(0);
    note(poured(12, ms(2)) > 200000);
}

/* Twice as much is delivered in the same round trip. */
TEST(send_buffer_of_a_near_peer_grows_with_what_it_delivers, linux, "")
{
    near_peer(60000);
    note(poured(12, 100 * HF_US) > 200000);
}

/* Somebody else fills the queue. */
TEST(send_buffer_of_a_near_peer_follows_the_window_once_text_was_lost, linux, "")
{
    near_peer(60000);
    note(poured(12, ms(2)) <= 60000);
    static uint8_t junk[20000];
    note(hf_tcp_send(stack(), conn(), junk, sizeof junk, 0) > 10000);
    drain(0);
    uint32_t una = status().snd_una - status().iss;
    in(ACK, .seq = 1, .ack = una, .wnd = 60000, .sacks = 1, .sack = {{una + 988, una + 7 * 988}});
    drain(ms(1));
    note(status().retransmits > 0);
    note(poured(8, ms(2)) > 60000);
}

/* What it learned of the path is gone with its active block, but for the smoothed round trip. */
TEST(send_buffer_of_a_near_peer_that_rested_begins_small, linux, "")
{
    near_peer(60000);
    note(poured(12, 100 * HF_US) > 200000);
    in(ACK, .seq = 1, .ack = snd_nxt(), .wnd = 60000);
    drain(0);
    expect(status().in_flight, 0);
    note(status().cwnd > 100000);
    static uint8_t junk[200000];
    note(hf_tcp_send(stack(), conn(), junk, sizeof junk, 0) <= 60000);
    drain(0);
}

/* ---- Memory ---- */

/* A queue is at most a quarter of what is free. */
TEST(one_reader_that_sleeps_does_not_take_all_memory, linux, "")
{
    script_setup()->memory_limit = 400000;
    with(rcv_buffer, 1 << 20);
    established(.mss = 1000, .ws = 7);
    size_t memory = counters().memory;
    note(rcv_wnd() <= (int64_t)(400000 - memory) / 4);
    while (rcv_wnd() >= 1000)
        round_trip(1, false);
    note(status().receive_ready > 40000);
    note(status().receive_ready <= (400000 - memory) / 4);
}

TEST(a_queue_has_its_least_size_however_short_memory_is, linux, "")
{
    script_setup()->memory_limit = 306800;
    with(snd_buffer, 1 << 20);
    static uint8_t junk[1 << 20];
    established(.mss = 1000, .wnd = 0);
    hf_conn others[8];
    for (int i = 0; i < 8; i++) {
        another((uint16_t)(40001 + i));
        in(SYN, .seq = 0, .mss = 1000);
        out(SYN|ACK, .seq = 0, .ack = 1);
        in(ACK, .seq = 1, .ack = 1, .wnd = 0);
        app_accept();
        others[i] = conn();
    }
    for (int i = 0; i < 8; i++) /* each takes its part of what the ones before left */
        note(hf_tcp_send(stack(), others[i], junk, sizeof junk, 0) >= 4096);
    note(counters().memory <= 306800);
}

/* More may be held than the first window offers: what waits to be read takes nothing from it until that is
 * used up. */
TEST(first_window_stays_while_there_is_space, linux, "")
{
    with(rcv_space, 70000);
    with(rcv_buffer, 65000);
    with(rcv_buffer_max, 0);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    for (int i = 0; i < 5; i++) {
        in(PSH|ACK, .seq = 1 + 1000 * i, .ack = 1, .len = 1000);
        out(ACK, .seq = 1, .ack = 1001 + 1000 * i, .wnd = 65000);
    }
    in(PSH|ACK, .seq = 5001, .ack = 1, .len = 1000);
    out(ACK, .seq = 1, .ack = 6001, .wnd = 64000);
}
