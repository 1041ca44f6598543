/* Faults where two of the mechanisms that send, recover and steer meet: each is right alone. The
 * script that shows one stands here; regressions.c has those of the state machine. */
/* clang-format off: scripts */
#include "stack/stack.h"

#include "script.h"

static struct hf_active *active(void)
{
    return hf_tcp_active(&stack()->env, hf_tcp_at(&stack()->env, hf_ref_index((hf_ref)conn())));
}

/* An open connection whose round trip is 100 ms, with SACK; the peer takes what there is. */
static void opened(const char *congestion)
{
    with(congestion, congestion);
    with(tlp, 0);
    with(snd_buffer, 1 << 20);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .sackok = 1, .ws = 4);
    out(SYN|ACK, .seq = 0, .ack = 1);
    at(ms(100));
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
}

/* What was sent is acknowledged, window by window after a round trip, until all is there. */
static void all_acknowledged(void)
{
    for (int i = 0; i < 100 && status().send_queued > 0; i++) {
        drain(ms(100));
        in(ACK, .seq = 1, .ack = snd_nxt());
    }
    drain(0);
    expect(status().send_queued, 0);
}

static void switch_to(enum hf_congestion_control control)
{
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CONGESTION, control), 0);
}

/* ---- A leap of the clock ---- */

/* The marks on what is in flight leap, too: no rate is measured across the leap. */
TEST(no_rate_across_a_clock_leap, rfc, "EST.A-new")
{
    opened("reno");
    app_send(100000);
    drain(0);
    note(snd_nxt() == 10001);
    clock_jumps(sec(600));
    after(ms(100));
    in(ACK, .seq = 1, .ack = 10001);
    drain(0);
    note(status().delivery_rate > 90000);
}

/* ---- Controllers that change places ---- */

/* BBR keeps its own things where the others save ssthresh. */
TEST(what_bbr_saves_is_no_ssthresh, linux, "EST.STATUS")
{
    opened("bbr");
    app_send(50000);
    all_acknowledged();
    quiet(sec(1));
    expect(status().ssthresh, UINT32_MAX);
    switch_to(HF_CONGESTION_CUBIC);
    expect(status().ssthresh, UINT32_MAX);
    app_send(1000);
    drain(0);
    expect(status().ssthresh, UINT32_MAX);
    in(ACK, .seq = 1, .ack = snd_nxt());
}

/* BBR leaves ssthresh alone when a recovery begins; who takes over must not end it there. */
TEST(controller_changed_in_recovery, linux, "EST.A-dup")
{
    opened("bbr");
    app_send(50000);
    all_acknowledged();
    app_send(200000);
    drain(ms(100));
    int64_t hole = snd_una();
    note(snd_nxt() - hole > 5000);
    in(ACK, .seq = 1, .ack = hole, .sack = {{hole + 1000, hole + 5000}});
    drain(0);
    expect(status().phase, 2);
    switch_to(HF_CONGESTION_CUBIC);
    drain(ms(100));
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    note(status().phase < 2);
    note(status().cwnd < 1000000);
    drain(0);
}

/* The stack's wish to pace everybody outlives a controller that paces by itself. */
TEST(pacing_outlives_bbr, linux, "EST.SEND")
{
    with(pacing, 1);
    opened("cubic");
    app_send(1000);
    drain(0);
    note(status().pacing_rate > 0);
    switch_to(HF_CONGESTION_BBR);
    note(status().pacing_rate > 0);
    switch_to(HF_CONGESTION_CUBIC);
    note(status().pacing_rate > 0);
    in(ACK, .seq = 1, .ack = snd_nxt());
}

TEST(pacing_ends_with_bbr, linux, "EST.SEND")
{
    opened("bbr");
    app_send(1000);
    drain(0);
    note(status().pacing_rate > 0);
    switch_to(HF_CONGESTION_RENO);
    expect(status().pacing_rate, 0);
    in(ACK, .seq = 1, .ack = snd_nxt());
}

/* A mark begins no recovery: none is there to end. */
TEST(a_mark_is_no_recovery_of_bbr, linux, "SHLD-8")
{
    with(congestion, "bbr");
    with(abe, 0);
    app_listen();
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000, .sackok = 1, .ws = 4);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1);
    at(ms(100));
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(50000);
    drain(ms(100));
    in(ACK|ECE, .seq = 1, .ack = 2001);
    drain(0);
    note(status().ecn & HF_ECN_STATUS_REDUCING);
    note(status().phase < 2);
    note(!active()->cc.own.bbr.recovering);
    all_acknowledged();
}

/* ---- What was reduced since is not taken back ---- */

/* A recovery ends; then the path marks what is in flight. That the recovery was in vain, as D-SACK
 * tells later, says nothing of the mark. */
TEST(a_mark_outlives_an_undo, linux, "SHLD-8")
{
    with(congestion, "reno");
    with(tlp, 0);
    app_listen();
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000, .sackok = 1, .ws = 4);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1);
    at(ms(100));
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(80000);
    drain(ms(100));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 5001}});
    drain(ms(50));
    expect(status().phase, 2);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(ms(100));
    note(status().phase < 2);
    in(ACK|ECE, .seq = 1, .ack = snd_una() + 1000);
    drain(ms(10));
    uint32_t marked = status().cwnd;
    note(marked < 9000);
    in(ACK, .seq = 1, .ack = snd_una() + 1000, .sack = {{1, 1001}});
    drain(0);
    note(status().cwnd < 9000);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* ---- Records of what was sent ---- */

/* Text that found no record was not told of before: its acknowledgement lets the window grow. */
TEST(the_window_grows_without_records, linux, "EST.A-new")
{
    with(sent_records, 1);
    opened("reno");
    app_send(1000);
    drain(ms(1));
    app_send(9000);
    drain(ms(100));
    in(ACK, .seq = 1, .ack = 10001);
    expect(status().cwnd, 20000);
}

/* Text that found no record is counted with a path MTU probe that found one: together 65536 octets,
 * which is no segment size. */
TEST_IPV4(a_probe_behind_text_without_a_record, linux, "N-16")
{
    with(mtu_probing, HF_MTU_PROBING_ALWAYS);
    with(sent_records, 1);
    with(initial_window, 90);
    with(snd_buffer, 1 << 20);
    with(bursts, 0);
    with(nagle, HF_NAGLE_OFF);
    with(timestamps, 0);
    app_listen();
    in(SYN, .seq = 0, .mss = 1460, .sackok = 1, .ws = 4);
    out(SYN|ACK, .seq = 0, .ack = 1);
    at(ms(100));
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().mss, 1024);
    app_send(1024); /* has the record */
    drain(ms(1));
    for (int i = 0; i < 12; i++) { /* they have none; too little for a probe */
        app_send(5000);
        drain(0);
    }
    app_send(4294);
    drain(0);
    in(ACK, .seq = 1, .ack = 1025);
    app_send(20000); /* a probe of 1242 begins it */
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    note(status().path_mtu > 1064);
}

/* ---- Another MSS ---- */

static void set_mss(int64_t mss)
{
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_MSS, mss), 0);
}

/* A window that was left in small segments lets a large one go. */
TEST(quiet_with_a_small_window_and_a_larger_mss, linux, "MUST-14")
{
    opened("cubic");
    set_mss(100);
    app_send(100);
    out(PSH|ACK, .seq = 1, .len = 100);
    within(sec(2), PSH|ACK, .seq = 1, .len = 100);
    in(ACK, .seq = 1, .ack = 101);
    quiet(ms(10));
    note(status().cwnd < 1000);
    set_mss(0);
    app_send(10000);
    out(ACK, .seq = 101, .len = 1000);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* Recovery ends at an ssthresh in small segments. */
TEST(recovery_ends_with_a_larger_mss, linux, "MUST-14")
{
    opened("reno");
    set_mss(100);
    app_send(400);
    drain(ms(100));
    in(ACK, .seq = 1, .ack = 1, .sack = {{101, 401}});
    drain(0);
    expect(status().phase, 2);
    set_mss(0);
    app_send(10000);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    note(wait_for_packet(ms(1)));
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* ---- Fast Open ---- */

/* The server has told a window beyond what a SYN+ACK can say; what it takes stays so when that is sent
 * again. */
TEST_IPV4(a_second_syn_ack_moves_no_edge, linux, "F-3 SHLD-14")
{
    with(fast_open, HF_FAST_OPEN_SERVER | HF_FAST_OPEN_SERVER_NO_COOKIE);
    with(rcv_buffer, 200000);
    with(timestamps, 0);
    app_listen(.fast_open = 4);
    in(SYN, .seq = 0, .mss = 1000, .len = 10, .ws = 4, .sackok = 1, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    app_recv(10);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 11, .len = 10);
    app_shutdown();
    out(FIN|ACK, .seq = 11, .ack = 11);
    note(rcv_wnd() > 100000);
    in(ACK, .seq = 150011, .ack = 0, .len = 100);
    drain(0);
    within(sec(2), SYN|ACK, .seq = 0, .ack = 11);
    in(RST, .seq = 11);
}

/* RFC 6928 2: who lost SYNs begins with one segment, whether they took text along or not. */
TEST(lost_syns_with_text_make_for_a_small_start, rfc, "F-9")
{
    with(fast_open, HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_CLIENT_NO_COOKIE);
    app_open(.fast_open = HF_OPEN_FAST | HF_OPEN_FAST_DEFER);
    app_send(500);
    out(SYN, .seq = 0, .len = 500);
    within(sec(2), SYN, .seq = 0);
    within(sec(3), SYN, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    expect(status().cwnd, 1000);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* Whoever comes with text on his SYN is remembered like others. */
TEST(what_is_known_of_a_host_serves_fast_open, linux, "F-4")
{
    with(fast_open, HF_FAST_OPEN_SERVER | HF_FAST_OPEN_SERVER_NO_COOKIE);
    app_listen(.fast_open = 4, .backlog = 4);
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    drain(ms(2000));
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    for (int i = 0; i < 10; i++) {
        app_send(100);
        drain(ms(2000));
        in(ACK, .seq = 1, .ack = snd_nxt());
    }
    drain(0);
    app_abort();
    drain(0);
    another(40000);
    in(SYN, .seq = 0, .mss = 1000, .len = 10, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 11);
    quiet(ms(1500));
    within(sec(5), SYN|ACK, .seq = 0, .ack = 11);
    in(RST, .seq = 11);
}

/* RFC 3168 6.1.5: what is sent again may not be marked, and the text of a SYN was sent before. */
TEST(text_that_the_syn_took_in_vain_is_not_to_be_marked, rfc, "F-8 SHLD-8")
{
    with(fast_open, HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_CLIENT_NO_COOKIE);
    with(ecn, HF_ECN_ACTIVE);
    app_open(.fast_open = HF_OPEN_FAST | HF_OPEN_FAST_DEFER);
    app_send(500);
    out(SYN|ECE|CWR, .seq = 0, .len = 500);
    in(SYN|ACK|ECE, .seq = 0, .ack = 1, .mss = 1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 500, .tos = 0);
    app_send(500);
    in(ACK, .seq = 1, .ack = 501);
    out(PSH|ACK, .seq = 501, .ack = 1, .len = 500, .tos = 2);
}

/* No segment holds octets of two records (HF_SEND_RECORD), nor does a SYN. */
TEST(a_syn_takes_one_record, rfc, "F-7")
{
    with(fast_open, HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_CLIENT_NO_COOKIE);
    app_open(.fast_open = HF_OPEN_FAST | HF_OPEN_FAST_DEFER);
    expect(hf_tcp_send(stack(), conn(), "one", 3, HF_SEND_RECORD), 3);
    expect(hf_tcp_send(stack(), conn(), "two", 3, HF_SEND_RECORD), 3);
    out(SYN, .seq = 0, .text = "one");
    in(SYN|ACK, .seq = 0, .ack = 4, .mss = 1000);
    out(PSH|ACK, .seq = 4, .text = "two");
    in(ACK, .seq = 1, .ack = 7);
}
