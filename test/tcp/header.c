/* The header and the way to the connection: reserved bits, data offset, checksum, sequence
 * numbers modulo 2^32, the order of checks, resets sent and believed, addresses and IP
 * options (RFC 9293 3.1, 3.4, 3.5.2, 3.5.3, 3.9.2, 3.10.7). */
/* clang-format off: scripts */
#include <string.h>

#include "by_hand.h"
#include "cells.h"

static const int synchronized[] = {HF_ESTABLISHED, HF_FIN_WAIT_1, HF_FIN_WAIT_2, HF_CLOSE_WAIT,
                                   HF_CLOSING, HF_LAST_ACK, HF_TIME_WAIT};
#define SYNCHRONIZED (sizeof synchronized / sizeof *synchronized)

/* ---- Bits and lengths ---- */

/* Ours are looked at in all that comes out of any script. */
TEST(reserved_bits_are_ignored, rfc, "N-20")
{
    established();
    for (unsigned bits = 2; bits <= 0x0e; bits += 2) {
        struct by_hand packet = by_hand(segment(PSH|ACK, .seq = rcv_nxt(), .len = 10));
        packet.bytes[packet.tcp + 12] |= (uint8_t)bits;
        by_hand_finish(&packet);
        in_by_hand(&packet);
        within(settings()->delack, ACK, .seq = 1, .ack = 1 + 5 * (int64_t)bits);
        app_recv(10);
    }
}

TEST(reserved_bits_in_the_handshake, rfc, "N-20")
{
    app_listen();
    struct by_hand packet = by_hand(segment(SYN, .seq = 0));
    packet.bytes[packet.tcp + 12] |= 0x0e;
    by_hand_finish(&packet);
    in_by_hand(&packet);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(data_offset_that_lies, rfc, "MUST-7 N-1 A3")
{
    established();
    for (unsigned words = 0; words < 16; words++) {
        struct by_hand packet = by_hand(segment(PSH|ACK, .seq = 1, .len = 10));
        uint8_t *offset = &packet.bytes[packet.tcp + 12];
        *offset = (uint8_t)((*offset & 0x0f) | words << 4);
        by_hand_finish(&packet);
        if (words >= 5 && words <= 7) /* inside the segment: text is taken for options */
            continue;
        in_by_hand(&packet);
        nothing();
        dropped(HF_DROP_TCP_SHORT);
    }
    expect(rcv_nxt(), 1);
    app_recv_is(0);
}

TEST(header_cut_short, rfc, "N-1")
{
    established();
    struct by_hand whole = by_hand(segment(RST, .seq = 1));
    for (size_t len = whole.tcp; len < whole.len; len++) {
        struct by_hand packet = whole;
        packet.len = len;
        by_hand_finish(&packet);
        in_by_hand(&packet);
        nothing();
        state(HF_ESTABLISHED);
    }
}

/* ---- Checksum ---- */

TEST(checksum_of_every_length, rfc, "MUST-2")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    int64_t seq = 1;
    for (int64_t len = 1; len <= 64; len++) {
        app_send((size_t)len); /* out() has verified it */
        out(PSH|ACK, .seq = seq, .ack = 1, .len = len);
        seq += len;
        in(ACK, .seq = 1, .ack = seq);
    }
}

/* One segment out of many pieces, at odd places. */
TEST(checksum_over_pieces, rfc, "MUST-2")
{
    established(.mss = 1400, .wnd = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    for (size_t len = 1; len < 52; len++)
        app_send(len);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 65535);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1326);
}

TEST(checksum_is_verified_in_every_state, rfc, "MUST-3 A7")
{
    for (int at_state = HF_SYN_SENT; at_state < HF_STATES; at_state++) {
        reach(at_state);
        in(RST|ACK, .seq = rcv_nxt(), .ack = snd_nxt(), .bad_checksum = true);
        nothing();
        dropped(HF_DROP_TCP_CHECKSUM);
        in(SYN, .seq = rcv_nxt(), .bad_checksum = true);
        nothing();
        in(FIN|ACK, .seq = rcv_nxt(), .ack = snd_nxt(), .len = 10, .bad_checksum = true);
        nothing();
        state(at_state);
        script_restart(hf_state_text(at_state));
    }
}

TEST(checksum_with_each_bit_flipped, rfc, "MUST-3 A7")
{
    established();
    const struct by_hand whole = by_hand(segment(PSH|ACK, .seq = 1, .len = 10));
    for (size_t bit = 8 * whole.tcp; bit < 8 * whole.len; bit++) {
        struct by_hand packet = whole;
        packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        in_by_hand(&packet);
        nothing();
    }
    app_recv_is(0);
    state(HF_ESTABLISHED);
}

/* ---- Numbers modulo 2^32 ---- */

/* Text both ways across a place where numbers wrap, or change their sign. */
static void across(uint32_t ours, uint32_t peers)
{
    script_setup()->iss = ours - 3000;
    script_setup()->peer_iss = peers - 3000;
    established(.mss = 1000);
    for (int64_t seq = 1; seq < 6001; seq += 1000) {
        app_send(1000);
        out(PSH|ACK, .seq = seq, .ack = seq, .len = 1000);
        in(PSH|ACK, .seq = seq, .ack = seq + 1000, .len = 1000);
        app_recv(1000);
    }
    in(ACK, .seq = 7001, .ack = 6001, .len = 10); /* ahead, and behind, are told apart */
    out(ACK, .seq = 6001, .ack = 6001);
    in(ACK, .seq = 5001, .ack = 6001, .len = 10);
    out(ACK, .seq = 6001, .ack = 6001);
    app_shutdown();
    out(FIN|ACK, .seq = 6001, .ack = 6001);
    in(FIN|ACK, .seq = 6001, .ack = 6002);
    drain(0);
}

TEST(numbers_wrap, rfc, "N-3 A12")
{
    const uint32_t places[] = {0, 0x80000000u, 0x7fffffffu, 0xffffffffu, 0x40000000u};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            across(places[i], places[k]);
            script_restart("");
        }
}

TEST(reset_right_at_the_wrap, rfc, "N-3 N-5 A12 B1")
{
    script_setup()->peer_iss = UINT32_MAX;
    established();
    in(RST, .seq = -1); /* 0xfffffffe */
    nothing();
    state(HF_ESTABLISHED);
    in(RST, .raw_seq = 0);
    nothing();
    ended(HF_CAUSE_RESET);
}

/* ---- The four cases of acceptability, and what is cut to the window ---- */

static void is_acceptable(int64_t seq, int64_t len, bool expected)
{
    uint64_t before = counters().drops[HF_DROP_WINDOW];
    in(ACK, .seq = seq, .len = len);
    drain(0);
    expect(counters().drops[HF_DROP_WINDOW] == before, expected);
}

TEST(acceptable_at_the_edge_as_linux_has_it, linux, "EST.out")
{
    established(.mss = 1000);
    int64_t edge = 1 + rcv_wnd();
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    in(ACK, .seq = edge, .ack = 101);
    expect(status().send_queued, 0);
    uint64_t before = counters().drops[HF_DROP_WINDOW];
    in(RST|ACK, .seq = edge, .ack = 101);
    nothing();
    in(ACK, .seq = edge, .ack = 101, .len = 1);
    out(ACK, .seq = 101, .ack = 1);
    state(HF_ESTABLISHED);
    expect(counters().drops[HF_DROP_WINDOW], before + 1);
}

TEST(acceptable_with_a_window, rfc, "N-2")
{
    answer_everything();
    with(rcv_buffer, 2000);
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    drain(settings()->delack);
    expect(rcv_nxt(), 101);
    int64_t edge = 101 + rcv_wnd();
    is_acceptable(100, 0, false);
    is_acceptable(101, 0, true);
    is_acceptable(edge - 1, 0, true);
    is_acceptable(edge, 0, false);
    is_acceptable(50, 51, false);         /* ends before RCV.NXT */
    is_acceptable(edge, 10, false);       /* begins at the edge */
    is_acceptable(edge - 1, 10, true);    /* its first octet fits */
    is_acceptable(50, 52, true);          /* its last octet fits */
    app_recv(101);
}

TEST(acceptable_without_a_window, rfc, "N-2 N-19 MUST-66")
{
    answer_everything();
    with(rcv_buffer, 2000);
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1001, .ack = 1, .len = 1000);
    drain(settings()->delack);
    expect(rcv_wnd(), 0);
    uint64_t before = counters().drops[HF_DROP_WINDOW];
    in(ACK, .seq = 2001, .ack = 1); /* empty, at RCV.NXT: the only one */
    nothing();
    expect(counters().drops[HF_DROP_WINDOW], before);
    in(ACK, .seq = 2002, .ack = 1);
    out(ACK, .seq = 1, .ack = 2001, .wnd = 0);
    dropped(HF_DROP_WINDOW);
    in(ACK, .seq = 2001, .ack = 1, .len = 1, .junk = true);
    out(ACK, .seq = 1, .ack = 2001, .wnd = 0);
    in(ACK, .seq = 2002, .ack = 1, .len = 1, .junk = true);
    out(ACK, .seq = 1, .ack = 2001, .wnd = 0);
    in(URG|ACK, .seq = 2001, .ack = 1, .urg = 50);
    event(HF_EVENT_URGENT);
    in(RST, .seq = 2001);
    nothing();
    ended(HF_CAUSE_RESET);
}

/* Text that begins before RCV.NXT, and text that goes on beyond the window, with a FIN. */
TEST(straddling_segments_are_cut, rfc, "N-26")
{
    answer_everything();
    with(rcv_buffer, 2000);
    established(.mss = 1400);
    in(ACK, .seq = 1, .ack = 1, .len = 900);
    drain(settings()->delack);
    in(ACK, .seq = 801, .ack = 1, .len = 200);
    drain(settings()->delack);
    expect(rcv_nxt(), 1001);
    in(FIN|ACK, .seq = 1001, .ack = 1, .len = 1100);
    drain(settings()->delack);
    expect(rcv_nxt(), 2001);
    state(HF_ESTABLISHED); /* the FIN was cut off */
    app_recv(2000);
    drain(0);
    app_recv_is(0);
    in(FIN|ACK, .seq = 2001, .ack = 1);
    out(ACK, .seq = 1, .ack = 2002);
}

/* By the letter the first or the last octet must lie in the window; one that covers it does
 * not. */
TEST(segment_that_covers_the_window, rfc, "N-2 N-26")
{
    answer_everything();
    with(rcv_buffer, 2000);
    established(.mss = 1400);
    in(ACK, .seq = 1, .ack = 1, .len = 1400);
    drain(settings()->delack);
    in(ACK, .seq = 1301, .ack = 1, .len = 1000);
    out(ACK, .seq = 1, .ack = 1401);
    dropped(HF_DROP_WINDOW);
    app_recv(1400);
    drain(0);
}

/* ---- Order of checks ---- */

TEST(order_sequence_before_reset, rfc, "N-1 N-5")
{
    answer_everything();
    established();
    in(RST|SYN|FIN|ACK, .seq = rcv_nxt() + rcv_wnd());
    nothing();
    dropped(HF_DROP_RST_OUTSIDE);
    state(HF_ESTABLISHED);
}

TEST(order_reset_before_syn_and_ack, rfc, "N-1 N-5 A6")
{
    answer_everything();
    established();
    in(RST|SYN, .seq = 2);
    out(ACK, .seq = 1, .ack = 1);
    dropped(HF_DROP_RST_WINDOW);
    in(RST|SYN|ACK, .seq = 1, .ack = 1000000); /* whatever it acknowledges */
    nothing();
    ended(HF_CAUSE_RESET);
}

TEST(order_syn_before_ack, rfc, "N-1 N-6 A6")
{
    answer_everything();
    established();
    in(SYN, .seq = 1);
    out(ACK, .seq = 1, .ack = 1);
    dropped(HF_DROP_SYN_SYNCHRONIZED);
    in(SYN|ACK, .seq = 1, .ack = 1000000);
    out(ACK, .seq = 1, .ack = 1);
    dropped(HF_DROP_SYN_SYNCHRONIZED);
}

TEST(order_ack_before_urgent_text_and_fin, rfc, "N-1 N-9")
{
    answer_everything();
    established();
    in(URG|FIN|ACK, .seq = 1, .ack = 2, .len = 10, .urg = 5, .junk = true);
    out(ACK, .seq = 1, .ack = 1);
    dropped(HF_DROP_ACK_UNSENT);
    no_event(HF_EVENT_URGENT);
    app_recv_is(0);
    state(HF_ESTABLISHED);
    in(URG|FIN, .seq = 1, .len = 10, .urg = 5, .junk = true);
    nothing();
    dropped(HF_DROP_NO_ACK);
    no_event(HF_EVENT_URGENT);
    app_recv_is(0);
    state(HF_ESTABLISHED);
}

TEST(order_text_before_fin, rfc, "N-1 N-13")
{
    established();
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(URG|FIN|ACK, .seq = 1, .ack = 2, .len = 10, .urg = 5); /* all four count */
    out(ACK, .seq = 2, .ack = 12);
    event(HF_EVENT_FIN_ACKED | HF_EVENT_URGENT | HF_EVENT_READABLE | HF_EVENT_EOF);
    state(HF_TIME_WAIT);
    app_recv(10);
    app_recv_is(HF_EOF);
}

/* ---- ACKs and resets in all synchronized states ---- */

TEST(segment_without_ack_in_every_state, rfc, "N-21")
{
    for (size_t i = 0; i < SYNCHRONIZED; i++) {
        answer_everything();
        reach(synchronized[i]);
        in(PSH|FIN, .seq = rcv_nxt(), .len = 10, .junk = true);
        nothing();
        in(0, .seq = rcv_nxt());
        nothing();
        state(synchronized[i]);
        script_restart(hf_state_text(synchronized[i]));
    }
}

static void all_carry_ack(void)
{
    struct script_segment taken;
    for (int flags; (flags = script_take(&taken)) >= 0;)
        note((flags & ACK) != 0 && (flags & SYN) == 0);
}

/* From ESTABLISHED on all that we send has ACK; the right edge is watched by out(). */
TEST(every_segment_carries_ack, rfc, "N-21")
{
    established(.mss = 500, .wnd = 2000);
    for (int i = 0; i < 20; i++) {
        app_send(700);
        all_carry_ack();
        in(ACK, .seq = 1 + 300 * i, .ack = snd_nxt(), .len = 300);
        all_carry_ack();
        if (i > 0)
            app_recv(i == 1 ? 600 : 300);
        all_carry_ack();
        wait_for_packet(settings()->rto_min);
        all_carry_ack();
    }
    in(ACK, .seq = 6001, .ack = snd_nxt());
    all_carry_ack();
    app_abort();
    out(RST|ACK, .ack = 6001);
}

TEST(ack_of_the_unsent_in_every_state, rfc, "N-9 N-4")
{
    for (size_t i = 0; i < SYNCHRONIZED; i++) {
        answer_everything();
        reach(synchronized[i]);
        in(ACK, .seq = rcv_nxt(), .ack = snd_nxt() + 1);
        out_where_we_stand();
        in(ACK, .seq = rcv_nxt(), .ack = snd_nxt() + 70000);
        out_where_we_stand();
        state(synchronized[i]);
        script_restart(hf_state_text(synchronized[i]));
    }
}

TEST(ack_of_the_unsent_in_the_handshake, rfc, "N-9 N-4")
{
    syn_received();
    in(ACK, .seq = 1, .ack = 2);
    out(RST, .seq = 2);
    in(ACK, .seq = 1, .ack = 0);
    out(RST, .seq = 0);
    state(HF_SYN_RECEIVED);
    script_restart("SYN-SENT");
    syn_sent();
    in(ACK, .seq = 1, .ack = 2);
    out(RST, .seq = 2);
    in(ACK, .seq = 1, .ack = 0);
    out(RST, .seq = 0);
    state(HF_SYN_SENT);
}

TEST(resets_that_are_sent, rfc, "N-4")
{
    in(RST|ACK, .seq = 5, .raw_ack = 7);
    nothing();
    in(RST, .seq = 5);
    nothing();
    in(ACK|FIN, .seq = 5, .raw_ack = 7, .len = 3, .junk = true);
    out(RST, .raw_seq = 7);
    in(SYN|FIN, .seq = 5, .len = 3, .junk = true);
    out(RST|ACK, .raw_seq = 0, .ack = 10);
    in(0, .seq = 5);
    out(RST|ACK, .raw_seq = 0, .ack = 5);
}

TEST(bad_segment_is_never_reset_when_synchronized, rfc, "N-4 N-6")
{
    for (size_t i = 0; i + 1 < SYNCHRONIZED; i++) { /* a SYN may reopen TIME-WAIT */
        answer_everything();
        reach(synchronized[i]);
        struct script_segment taken;
        int flags;
        for (int k = 0; k < 200; k++) {
            in((int)check_random_below(512) & ~RST, .raw_seq = (uint32_t)check_random(),
               .raw_ack = (uint32_t)check_random(), .len = (int64_t)check_random_below(20),
               .junk = true);
            while ((flags = script_take(&taken)) >= 0)
                expect(flags & ~PSH, ACK);
        }
        script_restart(hf_state_text(synchronized[i]));
    }
}

TEST(resets_that_are_believed, rfc, "N-5 B1 B15")
{
    answer_everything();
    syn_sent();
    in(RST, .seq = 0);
    nothing();
    in(RST|ACK, .seq = 0, .ack = 0);
    nothing();
    in(RST|ACK, .seq = 0, .ack = 2);
    nothing();
    state(HF_SYN_SENT);
    in(RST|ACK, .seq = 12345, .ack = 1);
    ended(HF_CAUSE_REFUSED);
    script_restart("established");
    answer_everything();
    established();
    in(RST, .seq = 0);
    nothing();
    in(RST, .seq = 2);
    out(ACK, .seq = 1, .ack = 1);
    in(RST, .seq = 1 + rcv_wnd() - 1);
    out(ACK, .seq = 1, .ack = 1);
    in(RST, .seq = 1 + rcv_wnd());
    nothing();
    state(HF_ESTABLISHED);
    in(RST, .seq = 1);
    ended(HF_CAUSE_RESET);
}

/* A reset may explain itself in text; it counts all the same. */
TEST(reset_with_text_in_every_state, rfc, "SHLD-2 N-5")
{
    for (int at_state = HF_SYN_SENT; at_state < HF_TIME_WAIT; at_state++) {
        reach(at_state);
        in(RST|ACK, .seq = at_state == HF_SYN_SENT ? 0 : rcv_nxt(), .ack = snd_nxt(), .len = 30,
           .junk = true);
        nothing();
        gone();
        script_restart(hf_state_text(at_state));
    }
}

TEST(syn_in_every_synchronized_state, rfc, "N-6 B2")
{
    for (size_t i = 0; i + 1 < SYNCHRONIZED; i++) { /* TIME-WAIT has rules of its own */
        answer_everything();
        reach(synchronized[i]);
        cell_syn(synchronized[i]);
        script_restart(hf_state_text(synchronized[i]));
    }
}

/* RFC 5961 5: [SND.UNA - MAX.SND.WND, SND.NXT]; what lies outside draws a challenge ACK. */
TEST(ack_range, rfc, "MAY-12 N-7 B3")
{
    answer_everything();
    established(.mss = 1000, .wnd = 2000);
    for (int64_t seq = 1; seq < 10001; seq += 1000) {
        app_send(1000);
        out(PSH|ACK, .seq = seq, .ack = 1, .len = 1000);
        in(ACK, .seq = 1, .ack = seq + 1000);
    }
    in(ACK, .seq = 1, .ack = 10001 - 2001, .len = 10, .junk = true);
    out(ACK, .seq = 10001, .ack = 1);
    dropped(HF_DROP_ACK_OLD);
    in(ACK, .seq = 1, .ack = 10001 + 1, .len = 10, .junk = true);
    out(ACK, .seq = 10001, .ack = 1);
    dropped(HF_DROP_ACK_UNSENT);
    app_recv_is(0);
    in(ACK, .seq = 1, .ack = 10001 - 2000, .len = 10);
    within(settings()->delack, ACK, .seq = 10001, .ack = 11);
    app_recv(10);
}

TEST(challenge_acks_are_limited, rfc, "N-7 B5")
{
    with(challenge_count, 3);
    established();
    int answers = 0;
    struct script_segment taken;
    for (int i = 0; i < 90; i++) {
        in(i % 3 == 0 ? SYN : i % 3 == 1 ? RST : ACK, .seq = 100, .ack = 100);
        while (script_take(&taken) >= 0)
            answers++;
    }
    expect(answers, 3);
    note(counters().drops[HF_DROP_CHALLENGE_RATE] > 0);
}

/* How many answers a segment draws that comes 200 times in one moment. */
static int answers_to(struct script_segment repeated)
{
    struct script_segment taken;
    int answers = 0;
    for (int i = 0; i < 200; i++) {
        script_in(__LINE__, "repeated", repeated);
        while (script_take(&taken) >= 0)
            answers++;
    }
    return answers;
}

TEST(repeats_of_a_syn_are_answered_within_limits, rfc, "N-7 C5 D-2")
{
    with(invalid_interval, ms(500));
    syn_received();
    int answers = answers_to(segment(SYN, .seq = 0));
    note(answers >= 1 && answers <= 50);
}

TEST(syns_inside_the_window_are_challenged_within_limits, rfc, "N-7 C5 D-3")
{
    syn_received();
    int answers = answers_to(segment(SYN, .seq = 100));
    note(answers >= 1 && answers <= 50);
}

TEST(answers_in_time_wait_are_limited, rfc, "N-7 C5")
{
    time_wait();
    int answers = answers_to(segment(SYN, .seq = -1000));
    note(answers >= 1 && answers <= 50);
    after(sec(10));
    answers = answers_to(segment(ACK, .seq = 2, .ack = 100000));
    note(answers >= 1 && answers <= 50);
}

/* ---- IP: options, addresses ---- */

TEST_IPV4(ip_options_are_ignored, rfc, "MUST-50")
{
    static const uint8_t options[][12] = {
        {1, 1, 1, 0},                                 /* no operation, end                    */
        {148, 4, 0, 0},                               /* router alert                         */
        {7, 7, 4, 0, 0, 0, 0, 0},                     /* record route                         */
        {68, 8, 5, 0, 0, 0, 0, 0},                    /* timestamp                            */
        {130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},      /* security                             */
        {222, 6, 1, 2, 3, 4, 1, 1}};                  /* nobody knows it                      */
    established();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct by_hand packet = by_hand(segment(PSH|ACK, .seq = rcv_nxt(), .len = 10));
        by_hand_insert(&packet, 0, options[i], i < 2 ? 4 : i == 4 ? 12 : 8);
        by_hand_finish(&packet);
        in_by_hand(&packet);
        within(settings()->delack, ACK, .seq = 1, .ack = 11 + 10 * (int64_t)i);
    }
    app_recv(60);
}

TEST_IPV6(ip_extension_headers_are_ignored, rfc, "MUST-50")
{
    static const uint8_t padding[8] = {0, 0, 1, 4, 0, 0, 0, 0};
    static const uint8_t unknown[8] = {0, 0, 0x1e, 4, 1, 2, 3, 4}; /* its type says: skip */
    static const uint8_t kinds[] = {0, 60};                        /* hop by hop, destination */
    established();
    for (size_t i = 0; i < 4; i++) {
        struct by_hand packet = by_hand(segment(PSH|ACK, .seq = rcv_nxt(), .len = 10));
        by_hand_insert(&packet, kinds[i % 2], i < 2 ? padding : unknown, 8);
        by_hand_finish(&packet);
        in_by_hand(&packet);
        within(settings()->delack, ACK, .seq = 1, .ack = 11 + 10 * (int64_t)i);
    }
    app_recv(40);
}

/* Source routes are not followed, nor are packets that came by one taken. */
TEST_IPV4(ip_source_route_is_dropped, rfc, "N-1")
{
    static const uint8_t loose[12] = {131, 11, 8, 192, 0, 2, 9, 192, 0, 2, 10, 0};
    static const uint8_t strict[8] = {137, 7, 8, 192, 0, 2, 9, 0};
    app_listen();
    for (int i = 0; i < 2; i++) {
        struct by_hand packet = by_hand(segment(SYN, .seq = 0));
        by_hand_insert(&packet, 0, i == 0 ? loose : strict, i == 0 ? 12 : 8);
        by_hand_finish(&packet);
        in_by_hand(&packet);
        nothing();
        dropped(HF_DROP_IP_OPTIONS);
    }
}

/* A SYN that was sent to many, or comes from nobody. */
TEST(syn_to_broadcast_or_multicast, rfc, "MUST-57 B16")
{
    static const uint8_t ipv4[][4] = {{255, 255, 255, 255}, {192, 0, 2, 255}, {192, 0, 2, 0},
                                      {224, 0, 0, 1}, {239, 1, 2, 3}};
    static const uint8_t ipv6[][16] = {{0xff, 2, [15] = 1}, {0xff, 1, [15] = 1},
                                       {0xff, 2, [11] = 1, 0xff, 0, 0, 1},
                                       {0xff, 0x0e, [15] = 9}};
    app_listen();
    size_t n = family() == 4 ? sizeof ipv4 / sizeof *ipv4 : sizeof ipv6 / sizeof *ipv6;
    for (size_t i = 0; i < n; i++) {
        for (int flags = 0; flags < 64; flags++) {
            struct by_hand packet = by_hand(segment(flags, .seq = 0));
            by_hand_destination(&packet, family() == 4 ? ipv4[i] : ipv6[i]);
            by_hand_finish(&packet);
            in_by_hand(&packet);
            nothing();
        }
    }
    expect(counters().half_open, 0);
}

TEST(syn_from_nowhere, rfc, "MUST-63 B16")
{
    static const uint8_t ipv4[][4] = {{255, 255, 255, 255}, {192, 0, 2, 255}, {0, 0, 0, 0},
                                      {224, 0, 0, 1}, {127, 0, 0, 1}, {192, 0, 2, 1},
                                      {240, 0, 0, 1}};
    static const uint8_t ipv6[][16] = {{0}, {0xff, 2, [15] = 1}, {[15] = 1},
                                       {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                                       {[10] = 0xff, 0xff, 192, 0, 2, 9}};
    app_listen();
    size_t n = family() == 4 ? sizeof ipv4 / sizeof *ipv4 : sizeof ipv6 / sizeof *ipv6;
    for (size_t i = 0; i < n; i++) {
        struct by_hand packet = by_hand(segment(SYN, .seq = 0));
        by_hand_source(&packet, family() == 4 ? ipv4[i] : ipv6[i]);
        by_hand_finish(&packet);
        in_by_hand(&packet);
        nothing();
    }
    expect(counters().half_open, 0);
}

/* ---- Our own address ---- */

static struct hf_addr second_addr(void)
{
    struct hf_addr second = our_addr();
    second.bytes[family() == 4 ? 3 : 15] = 77;
    return second;
}

TEST(open_names_its_local_address, rfc, "MUST-43")
{
    struct hf_addr second = second_addr();
    expect(hf_stack_add_address(stack(), 1, &second, family() == 4 ? 24 : 64), 0);
    hf_conn first, other;
    struct hf_open open = {.size = sizeof open,
                           .local = {our_addr(), 5555},
                           .remote = {peer_addr(), 80}};
    expect(hf_tcp_open(stack(), &open, &first), 0);
    out(SYN, .our_port = 5555, .peer_port = 80); /* and from the script's address */
    struct hf_tcp_status seen = {.size = sizeof seen};
    expect(hf_tcp_status(stack(), first, &seen), 0);
    struct hf_addr ours = our_addr();
    note(hf_addr_equal(&seen.local.addr, &ours));
    open.local = (struct hf_endpoint){peer_addr(), 5555};
    expect(hf_tcp_open(stack(), &open, &other), HF_ERR_ADDRESS);
}

/* Nothing that happens later changes what the first segment said. */
TEST(local_address_never_changes, rfc, "MUST-45")
{
    established();
    struct hf_addr second = second_addr();
    expect(hf_stack_add_address(stack(), 1, &second, family() == 4 ? 32 : 128), 0);
    struct hf_addr ours = our_addr();
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100); /* out() compares addresses */
    after(settings()->rto_min);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    in(FIN|ACK, .seq = 1, .ack = 101);
    out(ACK, .seq = 101, .ack = 2);
    struct hf_addr seen = status().local.addr;
    note(hf_addr_equal(&seen, &ours));
    /* For us, yet not for this connection. */
    struct by_hand packet = by_hand(segment(RST, .seq = 2));
    by_hand_destination(&packet, second.bytes);
    by_hand_finish(&packet);
    in_by_hand(&packet);
    nothing();
    state(HF_CLOSE_WAIT);
}
