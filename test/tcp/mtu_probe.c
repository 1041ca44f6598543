/* Path MTU by probing (src/tcp/mtu_probe.c), packet by packet. */
/* clang-format off: scripts */
#include "by_hand.h"

/* Bytes of headers without options. */
static int64_t headers(void)
{
    return family() == 4 ? 40 : 60;
}

static int64_t text_in(int64_t mtu)
{
    return mtu - headers();
}

/* The size that a black hole leads to first. */
static int64_t base(void)
{
    return family() == 4 ? 1024 : 1220;
}

static void begin(bool sack)
{
    with(mtu_probing, HF_MTU_PROBING_BLACK_HOLE);
    with(snd_buffer, 200000);
    with(tlp, 0); /* nothing but the timer */
    established(.mss = (uint16_t)our_mss(), .sack = sack);
}

/* Full segments are sent and sent again, and nothing comes back. */
static void black_hole(void)
{
    app_send(3000);
    out(ACK, .seq = 1, .len = our_mss());
    out(ACK, .seq = 1 + our_mss(), .len = our_mss());
    out(PSH|ACK, .seq = 1 + 2 * our_mss(), .len = 3000 - 2 * our_mss());
    within(sec(2), ACK, .seq = 1, .len = our_mss());
    within(sec(3), ACK, .seq = 1, .len = our_mss());
    within(sec(5), ACK, .seq = 1, .len = base());
}

/* What comes back is acknowledged until all is there. */
static void all_acknowledged(void)
{
    for (int i = 0; i < 40 && status().send_queued > 0; i++) {
        drain(0);
        after(ms(50));
        in(ACK, .seq = 1, .ack = snd_nxt());
    }
    drain(0);
    expect(status().send_queued, 0);
}

/* After this a search is on, and the window has room for a probe and what follows it. */
static void search_begins(bool sack)
{
    begin(sack);
    black_hole();
    all_acknowledged();
    for (int i = 0; i < 6; i++) { /* too little for a probe */
        app_send(5000);
        all_acknowledged();
    }
    expect(status().path_mtu, base() + headers());
}

TEST(full_segments_that_vanish_become_smaller, linux, "N-16")
{
    begin(true);
    black_hole();
    expect(status().path_mtu, base() + headers());
    in(ACK, .seq = 1, .ack = 1 + base());
    out(ACK, .seq = 1 + base(), .len = base());
    drain(0);
}

TEST(small_segments_that_vanish_tell_nothing, linux, "N-16")
{
    begin(true);
    app_send(500);
    out(PSH|ACK, .seq = 1, .len = 500);
    for (int i = 0; i < 5; i++)
        within(sec(20), PSH|ACK, .seq = 1, .len = 500);
    expect(status().path_mtu, 1500);
    in(ACK, .seq = 1, .ack = 501);
}

TEST(black_holes_are_not_looked_for_without_the_setting, linux, "")
{
    established(.mss = (uint16_t)our_mss(), .sack = 1);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .len = 1400);
    for (int i = 0; i < 5; i++)
        within(sec(20), PSH|ACK, .seq = 1, .len = 1400);
    expect(status().path_mtu, 1500);
    in(ACK, .seq = 1, .ack = 1401);
}

TEST_IPV4(black_holes_may_be_deeper, linux, "N-16")
{
    begin(true);
    black_hole();
    within(sec(10), ACK, .seq = 1, .len = 536);
    expect(status().path_mtu, 576);
    within(sec(20), ACK, .seq = 1, .len = 512); /* the floor: routers may cut it */
    within(sec(40), ACK, .seq = 1, .len = 512);
    expect(status().path_mtu, 552);
    in(ACK, .seq = 1, .ack = 513);
    drain(0);
}

TEST_IPV6(black_holes_end_at_1280, linux, "N-16")
{
    begin(true);
    black_hole();
    within(sec(10), ACK, .seq = 1, .len = 1220);
    expect(status().path_mtu, 1280);
    in(ACK, .seq = 1, .ack = 1221);
    drain(0);
}

/* A new write, much larger than a probe: its first segment is the probe, and so many follow. */
static int64_t probe_leaves(int64_t size, int followers)
{
    int64_t start = snd_nxt();
    app_send(8000);
    out(ACK, .seq = start, .len = text_in(size));
    for (int i = 0; i < followers; i++)
        out(ACK, .seq = start + text_in(size) + i * base(), .len = base());
    return start;
}

TEST(the_old_size_is_tried_first, linux, "N-16")
{
    search_begins(true);
    probe_leaves(1500, 4);
    drain(0);
    after(ms(50));
    in(ACK, .seq = 1, .ack = snd_nxt());
    expect(status().path_mtu, 1500); /* the path was only down */
    all_acknowledged();
    app_send(5000);
    out(ACK, .len = our_mss());
    drain(0);
}

/* All of the probe's text leaves again, and nothing else does. */
static void text_leaves_again(int64_t start, int64_t len)
{
    out(ACK, .seq = start, .len = base());
    out(ACK, .seq = start + base(), .len = len - base());
}

TEST(a_probe_that_is_lost_is_no_congestion, linux, "N-16")
{
    search_begins(true);
    uint32_t cwnd = status().cwnd, ssthresh = status().ssthresh;
    int64_t probe = text_in(1500);
    int64_t start = probe_leaves(1500, 4), behind = start + probe;
    drain(0);
    after(ms(50));
    for (int i = 1; i <= 2; i++) {
        in(ACK, .seq = 1, .ack = start, .sacks = 1, .sack = {{behind, behind + i * base()}});
        drain(0);
    }
    in(ACK, .seq = 1, .ack = start, .sacks = 1, .sack = {{behind, behind + 3 * base()}});
    text_leaves_again(start, probe);
    drain(0);
    expect(status().ssthresh, ssthresh);
    note(status().cwnd >= cwnd);
    expect(status().path_mtu, base() + headers());
    in(ACK, .seq = 1, .ack = snd_nxt());
    all_acknowledged();
    expect(status().ssthresh, ssthresh);
    probe_leaves((base() + headers() + 1499 + 1) / 2, 0); /* now the middle */
    drain(0);
}

TEST(a_probe_that_is_lost_without_sack, linux, "N-16")
{
    search_begins(false);
    uint32_t cwnd = status().cwnd, ssthresh = status().ssthresh;
    int64_t start = probe_leaves(1500, 4);
    drain(0);
    after(ms(50));
    in(ACK, .seq = 1, .ack = start);
    drain(0);
    in(ACK, .seq = 1, .ack = start);
    drain(0);
    in(ACK, .seq = 1, .ack = start);
    out(ACK, .seq = start, .len = base());
    drain(0);
    expect(status().ssthresh, ssthresh);
    note(status().cwnd >= cwnd);
    in(ACK, .seq = 1, .ack = start); /* of the last one behind it: nothing new */
    drain(0);
    in(ACK, .seq = 1, .ack = start + base());
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    all_acknowledged();
    expect(status().ssthresh, ssthresh);
    expect(status().backoff, 0);
}

/* When other segments are lost too, that is congestion, and tells nothing of the size. */
TEST(a_probe_lost_among_others_is_congestion, linux, "N-16")
{
    search_begins(true);
    uint32_t ssthresh = status().ssthresh;
    int64_t start = probe_leaves(1500, 4), behind = start + text_in(1500) + base();
    drain(0);
    after(ms(50));
    for (int i = 1; i <= 3; i++) {
        in(ACK, .seq = 1, .ack = start, .sacks = 1, .sack = {{behind, behind + i * base()}});
        drain(0);
    }
    in(ACK, .seq = 1, .ack = start, .sacks = 1,
       .sack = {{behind, snd_nxt()}});
    drain(0);
    note(status().ssthresh != ssthresh);
    in(ACK, .seq = 1, .ack = snd_nxt());
    all_acknowledged();
    expect(status().path_mtu, base() + headers());
}

/* A router that speaks up after all: its size is the next one to try, and no congestion either. */
TEST(a_probe_that_a_router_refuses, linux, "N-16")
{
    search_begins(true);
    uint32_t ssthresh = status().ssthresh;
    int64_t start = probe_leaves(1500, 4);
    drain(0);
    icmp_in(.type = family() == 4 ? 3 : 2, .code = family() == 4 ? 4 : 0, .seq = start, .mtu = 1400);
    text_leaves_again(start, text_in(1500));
    drain(0);
    expect(status().path_mtu, base() + headers());
    after(ms(50));
    in(ACK, .seq = 1, .ack = snd_nxt());
    all_acknowledged();
    expect(status().ssthresh, ssthresh);
    probe_leaves(1400, 0);
    drain(0);
    all_acknowledged();
    expect(status().path_mtu, 1400);
}

/* What the application allows is the most that a probe is. */
TEST(probes_stay_below_the_largest_segment_that_was_set, linux, "N-16")
{
    search_begins(true);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_MSS, base() + 100), 0);
    probe_leaves(base() + 100 + headers(), 0);
    drain(0);
    all_acknowledged();
    expect(status().path_mtu, base() + 100 + headers());
}

/* Where probing is always on, a connection begins small and looks for more. */
TEST(probing_from_the_start, linux, "N-16")
{
    with(mtu_probing, HF_MTU_PROBING_ALWAYS);
    with(tlp, 0);
    established(.mss = (uint16_t)our_mss(), .sack = 1);
    expect(status().path_mtu, base() + headers());
    app_send(12000);
    out(ACK, .seq = 1, .len = text_in((base() + headers() + 1500 + 1) / 2));
    drain(0);
    for (int i = 0; i < 30; i++) {
        all_acknowledged();
        app_send(12000);
    }
    all_acknowledged();
    note(status().path_mtu >= 1500 - 8);
    expect(status().mss, text_in(status().path_mtu));
}

/* What a probe found is looked at again after some minutes. */
TEST(a_silent_path_is_probed_again_after_a_while, linux, "N-16")
{
    search_begins(true);
    int64_t start = probe_leaves(1500, 4), behind = start + text_in(1500);
    drain(0);
    after(ms(50));
    in(ACK, .seq = 1, .ack = start, .sacks = 1, .sack = {{behind, behind + 4 * base()}});
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    for (int i = 0; i < 30; i++) { /* the search comes to its end below what was lost */
        all_acknowledged();
        app_send(12000);
    }
    all_acknowledged();
    note(status().path_mtu < 1500 && status().path_mtu >= 1491);
    after(settings()->pmtu_age + sec(1));
    for (int i = 0; i < 8; i++) {
        app_send(12000);
        all_acknowledged();
    }
    expect(status().path_mtu, 1500);
}
