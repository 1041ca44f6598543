/* Explicit congestion notification, RFC 3168: what both SYNs agree on, which segments may be marked,
 * the echo of a mark, and what the sender does about it. */
/* clang-format off: scripts */
#include "script.h"

enum { NOT_ECT = 0, ECT1 = 1, ECT0 = 2, CE = 3 };

static void agreed_passive(void)
{
    app_listen();
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1, .tos = NOT_ECT);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().ecn, HF_ECN_STATUS_AGREED);
}

static void agreed_active(void)
{
    with(ecn, HF_ECN_ACTIVE);
    app_open();
    out(SYN|ECE|CWR, .seq = 0, .tos = NOT_ECT);
    in(SYN|ACK|ECE, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1, .tos = NOT_ECT);
    expect(status().ecn, HF_ECN_STATUS_AGREED);
}

/* ---- Agreement, 6.1.1 ---- */

TEST(ecn_is_agreed_to_when_asked, rfc, "SHLD-8")
{
    agreed_passive();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = ECT0);
}

TEST(ecn_is_asked_for, rfc, "SHLD-8")
{
    agreed_active();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = ECT0);
}

TEST(ecn_is_not_asked_for_by_default, rfc, "SHLD-8")
{
    app_open();
    out(SYN, .seq = 0);
    in(SYN|ACK|ECE, .seq = 0, .ack = 1, .mss = 1000); /* an answer to what was not asked */
    out(ACK, .seq = 1, .ack = 1);
    expect(status().ecn, 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = NOT_ECT);
}

TEST(ecn_can_be_switched_off, rfc, "SHLD-8")
{
    with(ecn, HF_ECN_OFF);
    app_listen();
    in(SYN|ECE|CWR, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

TEST(ecn_needs_both_flags_on_the_syn, rfc, "SHLD-8")
{
    app_listen();
    in(SYN|ECE, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    another(4001);
    in(SYN|CWR, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    another(4002);
    in(SYN|ECE|CWR, .seq = 0, .tos = ECT0); /* somebody writes over TOS */
    out(SYN|ACK, .seq = 0, .ack = 1);
}

TEST(ecn_peer_declines, rfc, "SHLD-8")
{
    with(ecn, HF_ECN_ACTIVE);
    app_open();
    out(SYN|ECE|CWR, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().ecn, 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = NOT_ECT);
    in(ACK, .seq = 1, .ack = 11, .len = 100, .tos = CE);
    within(sec(1), ACK, .seq = 11, .ack = 101); /* no ECE */
}

/* A peer, or a box on the way, that sends back the bits it does not know. */
TEST(ecn_reflected_flags_are_no_agreement, rfc, "SHLD-8")
{
    with(ecn, HF_ECN_ACTIVE);
    app_open();
    out(SYN|ECE|CWR, .seq = 0);
    in(SYN|ACK|ECE|CWR, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().ecn, 0);
}

/* 6.1.1.1: the SYN may have been dropped because it asked. */
TEST(ecn_is_given_up_when_the_syn_is_sent_again, rfc, "SHLD-8")
{
    with(ecn, HF_ECN_ACTIVE);
    app_open();
    out(SYN|ECE|CWR, .seq = 0);
    within(sec(1), SYN, .seq = 0);
    in(SYN|ACK|ECE, .seq = 0, .ack = 1); /* to the first one */
    out(ACK, .seq = 1, .ack = 1);
    expect(status().ecn, 0);
}

TEST(ecn_peer_gives_up_with_its_second_syn, rfc, "SHLD-8")
{
    app_listen();
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1);
    after(ms(500));
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().ecn, 0);
}

TEST(ecn_syn_ack_is_sent_again_as_it_was, rfc, "SHLD-8")
{
    app_listen();
    in(SYN|ECE|CWR, .seq = 0);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1);
    within(sec(2), SYN|ACK|ECE, .seq = 0, .ack = 1);
}

TEST(ecn_of_crossing_syns, rfc, "SHLD-8")
{
    with(ecn, HF_ECN_ACTIVE);
    app_open();
    out(SYN|ECE|CWR, .seq = 0);
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1);
    in(SYN|ACK|ECE, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    expect(status().ecn, HF_ECN_STATUS_AGREED);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = ECT0); /* no CWR: nothing came down */
}

/* A held SYN waits for the application; its repeat may have given up. */
TEST(ecn_of_a_held_syn, rfc, "SHLD-8")
{
    hf_syn syn = 0;
    struct hf_endpoint local, remote;
    app_listen(.hold = 1);
    in(SYN|ECE|CWR, .seq = 0);
    expect(hf_tcp_next_syn(stack(), listener(), &syn, &local, &remote), 1);
    expect(hf_syn_accept(stack(), syn), 0);
    out(SYN|ACK|ECE, .seq = 0, .ack = 1);
    another(4001);
    in(SYN|ECE|CWR, .seq = 0);
    in(SYN, .seq = 0);
    expect(hf_tcp_next_syn(stack(), listener(), &syn, &local, &remote), 1);
    expect(hf_syn_accept(stack(), syn), 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

/* RFC 4987: what the SYN asked comes back in the timestamp, or is forgotten. */
TEST(ecn_survives_a_cookie_with_timestamps, rfc, "SHLD-8")
{
    with(cookies, HF_COOKIES_ALWAYS);
    app_listen();
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000, .tsval = 100);
    out(SYN|ACK|ECE, .new_iss = 1, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().ecn, HF_ECN_STATUS_AGREED);
    another(4001);
    in(SYN, .seq = 0, .mss = 1000, .tsval = 100);
    out(SYN|ACK, .new_iss = 1, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().ecn, 0);
    another(4002);
    in(SYN|ECE|CWR, .seq = 0, .mss = 1000, .no_ts = true);
    out(SYN|ACK, .new_iss = 1, .seq = 0, .ack = 1);
}

/* ---- Which segments may be marked, 6.1.4 to 6.1.6 ---- */

TEST(ecn_not_on_what_is_sent_again, rfc, "SHLD-8")
{
    agreed_passive();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = ECT0);
    within(sec(1), PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = NOT_ECT);
    in(ACK, .seq = 1, .ack = 11);
    app_send(10); /* the first new text since the window came down */
    out(PSH|ACK|CWR, .seq = 11, .ack = 1, .len = 10, .tos = ECT0);
    in(ACK, .seq = 1, .ack = 21);
    app_send(10);
    out(PSH|ACK, .seq = 21, .ack = 1, .len = 10, .tos = ECT0);
}

TEST(ecn_not_on_empty_segments, rfc, "SHLD-8")
{
    agreed_passive();
    in(ACK, .seq = 1, .ack = 1, .len = 10, .tos = ECT0);
    within(settings()->delack, ACK, .seq = 1, .ack = 11, .tos = NOT_ECT);
    expect(status().ecn, HF_ECN_STATUS_AGREED | HF_ECN_STATUS_SEEN);
    in(SYN, .seq = 500);
    out(ACK, .seq = 1, .ack = 11, .tos = NOT_ECT); /* a challenge */
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 11, .tos = NOT_ECT);
}

TEST(ecn_not_on_probes, rfc, "SHLD-8")
{
    agreed_passive();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = ECT0);
    in(ACK, .seq = 1, .ack = 11, .wnd = 0);
    app_send(100);
    within(sec(2), ACK, .seq = 11, .ack = 1, .len = 1, .tos = NOT_ECT);
    in(ACK, .seq = 1, .ack = 12, .wnd = 60000);
    out(PSH|ACK, .seq = 12, .ack = 1, .len = 99, .tos = ECT0);
}

TEST(ecn_leaves_the_diffserv_bits_alone, rfc, "SHLD-8 MUST-48")
{
    agreed_passive();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TOS, 0xb9), 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = 0xb8 | ECT0);
    in(ACK, .seq = 1, .ack = 11, .len = 10);
    within(settings()->delack, ACK, .seq = 11, .ack = 11, .tos = 0xb8);
}

/* RFC 2474: six bits. What the application writes into the other two would be ECN that nobody agreed to. */
TEST(ecn_bits_are_not_the_applications, rfc, "SHLD-8 MUST-48")
{
    established(.mss = 1000);
    expect(status().ecn, 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TOS, 0xbb), 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = 0xb8);
    in(ACK, .seq = 1, .ack = 11, .len = 10);
    within(settings()->delack, ACK, .seq = 11, .ack = 11, .tos = 0xb8);
    app_abort();
    out(RST|ACK, .seq = 11, .ack = 11, .tos = 0xb8);
}

TEST(ecn_bits_are_not_the_listeners, rfc, "SHLD-8 MUST-48")
{
    app_listen();
    expect(hf_listener_set(stack(), listener(), HF_OPTION_TOS, 0xbb), 0);
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .tos = 0xb8);
}

/* ---- The receiver, 6.1.3 ---- */

TEST(ecn_mark_is_echoed_until_cwr, rfc, "SHLD-8")
{
    agreed_passive();
    in(ACK, .seq = 1, .ack = 1, .len = 1000, .tos = CE);
    out(ACK|ECE, .seq = 1, .ack = 1001); /* at once */
    in(ACK, .seq = 1001, .ack = 1, .len = 1000, .tos = ECT0);
    out(ACK|ECE, .seq = 1, .ack = 2001);
    app_send(10); /* text carries it too */
    out(PSH|ACK|ECE, .seq = 1, .ack = 2001, .len = 10, .tos = ECT0);
    in(ACK, .seq = 3001, .ack = 11, .len = 1000, .tos = ECT0);
    out(ACK|ECE, .seq = 11, .ack = 2001); /* and a duplicate ACK */
    in(ACK|CWR, .seq = 2001, .ack = 11, .len = 1000, .tos = ECT0);
    out(ACK, .seq = 11, .ack = 4001);
    in(ACK|CWR, .seq = 4001, .ack = 11, .len = 1000, .tos = CE); /* answered, and marked again */
    out(ACK|ECE, .seq = 11, .ack = 5001);
}

TEST(ecn_mark_out_of_order_is_echoed, rfc, "SHLD-8")
{
    agreed_passive();
    in(ACK, .seq = 1001, .ack = 1, .len = 1000, .tos = CE);
    out(ACK|ECE, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .len = 1000, .tos = ECT1);
    out(ACK|ECE, .seq = 1, .ack = 2001);
}

/* 6.1.5: what lies outside the window is nobody's business. */
TEST(ecn_mark_outside_the_window_counts_for_nothing, rfc, "SHLD-8")
{
    agreed_passive();
    in(ACK, .seq = 200001, .ack = 1, .len = 100, .tos = CE);
    out(ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .tos = CE); /* an empty one may not be marked */
    in(ACK, .seq = 1, .ack = 1, .len = 100, .tos = ECT0);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
}

TEST(ecn_is_seen_and_not_marked, rfc, "SHLD-8")
{
    agreed_passive();
    in(ACK, .seq = 1, .ack = 1, .len = 100, .tos = ECT1);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
    expect(status().ecn, HF_ECN_STATUS_AGREED | HF_ECN_STATUS_SEEN);
    in(ACK, .seq = 101, .ack = 1, .len = 100, .tos = NOT_ECT); /* lost once, it seems */
    out(ACK, .seq = 1, .ack = 201);
}

/* ---- The sender, 6.1.2 ---- */

/* Ten segments of 1000 in flight. */
static void flight(int64_t seq)
{
    app_send(10000);
    for (int i = 0; i < 10; i++)
        out(ACK|(i == 9 ? PSH : 0), .seq = seq + 1000 * i, .ack = 1, .len = 1000, .tos = ECT0);
}

/* In step with what is delivered (RFC 9937), and the peer is told at once. */
TEST(ecn_echo_halves_the_window_within_a_round_trip, rfc, "SHLD-8 MUST-19")
{
    agreed_passive();
    flight(1);
    app_send(20000);
    nothing();
    in(ACK|ECE, .seq = 1, .ack = 1001);
    expect(status().ssthresh, 5000);
    expect(status().ecn, HF_ECN_STATUS_AGREED | HF_ECN_STATUS_REDUCING);
    out(ACK|CWR, .seq = 10001, .ack = 1, .len = 1000, .tos = ECT0);
    in(ACK|ECE, .seq = 1, .ack = 3001);
    expect(status().cwnd, 8500); /* 3 of 10 are through: half of them may leave, one has */
    nothing();
    in(ACK|ECE, .seq = 1, .ack = 5001);
    out(ACK, .seq = 11001, .ack = 1, .len = 1000, .tos = ECT0);
    in(ACK|ECE, .seq = 1, .ack = 10001); /* all of the window that was marked */
    expect(status().cwnd, 5000);
    expect(status().ecn, HF_ECN_STATUS_AGREED);
    for (int i = 2; i < 5; i++)
        out(ACK, .seq = 10001 + 1000 * i, .ack = 1, .len = 1000, .tos = ECT0);
    in(ACK|ECE, .seq = 1, .ack = 11001); /* the next window has been marked as well */
    expect(status().ssthresh, 2500);
    out(ACK|CWR, .seq = 15001, .ack = 1, .len = 1000, .tos = ECT0);
}

/* What the application has not sent is not made up for in a burst. */
TEST(ecn_echo_with_a_small_flight, linux, "SHLD-8")
{
    agreed_passive();
    app_send(4000);
    drain(0);
    in(ACK|ECE, .seq = 1, .ack = 1001);
    expect(status().ssthresh, 7000);
    expect(status().cwnd, 4000); /* three in flight, one was delivered */
    in(ACK|ECE, .seq = 1, .ack = 4001);
    expect(status().cwnd, 7000);
}

TEST(ecn_echo_halves_the_window_once, rfc, "SHLD-8 MUST-19")
{
    with(prr, 0);
    agreed_passive();
    flight(1);
    app_send(20000);
    nothing();
    in(ACK|ECE, .seq = 1, .ack = 1001);
    expect(status().cwnd, 5000);
    expect(status().ssthresh, 5000);
    expect(status().ecn, HF_ECN_STATUS_AGREED | HF_ECN_STATUS_REDUCING);
    nothing(); /* nine in flight */
    in(ACK|ECE, .seq = 1, .ack = 3001);
    in(ACK|ECE, .seq = 1, .ack = 5001);
    expect(status().cwnd, 5000);
    nothing(); /* five in flight */
    in(ACK|ECE, .seq = 1, .ack = 6001);
    out(ACK|CWR, .seq = 10001, .ack = 1, .len = 1000, .tos = ECT0);
    in(ACK|ECE, .seq = 1, .ack = 10001); /* all of the window that was marked */
    expect(status().cwnd, 5000);
    expect(status().ecn, HF_ECN_STATUS_AGREED);
    for (int i = 1; i < 5; i++)
        out(ACK, .seq = 10001 + 1000 * i, .ack = 1, .len = 1000, .tos = ECT0);
    in(ACK|ECE, .seq = 1, .ack = 11001); /* the next window has been marked as well */
    expect(status().cwnd, 2500);
}

/* Without an echo the window grows on. */
TEST(ecn_without_echo_changes_nothing, rfc, "SHLD-8")
{
    agreed_passive();
    flight(1);
    in(ACK, .seq = 1, .ack = 1001);
    expect(status().cwnd, 11000);
}

TEST(ecn_echo_with_nothing_in_flight, rfc, "SHLD-8")
{
    agreed_passive();
    uint32_t cwnd = status().cwnd;
    in(ACK|ECE, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    expect(status().cwnd, cwnd);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 11, .len = 10, .tos = ECT0);
}

/* 6.1.2: one reduction for a window, whether by a mark or by a loss. */
TEST(ecn_echo_while_recovering_from_a_loss, rfc, "SHLD-8")
{
    agreed_passive();
    flight(1);
    in(ACK, .seq = 1, .ack = 1001);
    for (int i = 0; i < 3; i++)
        in(ACK, .seq = 1, .ack = 1001);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000, .tos = NOT_ECT);
    uint32_t ssthresh = status().ssthresh;
    in(ACK|ECE, .seq = 1, .ack = 1001);
    expect(status().ssthresh, ssthresh);
}

/* Row D5: a peer that hides the marks is held by losses, like any other. */
TEST(ecn_marks_not_echoed_and_then_a_loss, rfc, "SHLD-8 D5")
{
    agreed_passive();
    flight(1);
    within(sec(1), ACK, .seq = 1, .ack = 1, .len = 1000, .tos = NOT_ECT);
    expect(status().cwnd, 1000);
    expect(status().ssthresh, 5000);
}

/* A loss in the window that a mark has brought down already. */
TEST(ecn_loss_in_a_marked_window, rfc, "SHLD-8")
{
    agreed_passive();
    flight(1);
    in(ACK|ECE, .seq = 1, .ack = 1001);
    expect(status().ssthresh, 5000);
    for (int i = 0; i < 3; i++)
        in(ACK|ECE, .seq = 1, .ack = 1001);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000, .tos = NOT_ECT);
    expect(status().ssthresh, 5000);
}
