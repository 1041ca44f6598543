/* TCP options on the wire: how they are read wherever they turn up, MSS and what a full
 * segment is, window scale, timestamps and PAWS (RFC 9293 3.1, 3.2, 3.7.1; RFC 7323; RFC
 * 2018; RFC 6691). */
/* clang-format off: scripts */
#include <string.h>

#include "by_hand.h"

/* Text of a full segment when nothing but the headers stands in the link's MTU. */
static int64_t default_mss(void)
{
    return family() == 4 ? 536 : 1220;
}

/* ---- Reading them ---- */

struct raw {
    uint8_t bytes[40];
    size_t len;
};

/* Each says MSS 700, somehow; the first bytes are padded by the header's own length. */
static const struct raw say_mss[] = {
    {{2, 4, 2, 188}, 4},
    {{1, 2, 4, 2, 188, 1, 1, 1}, 8},            /* at every offset, aligned or not              */
    {{1, 1, 2, 4, 2, 188, 0, 0}, 8},
    {{1, 1, 1, 2, 4, 2, 188, 0}, 8},
    {{2, 4, 2, 188, 0, 0, 0, 0}, 8},            /* the end of the list                          */
    {{2, 4, 2, 188, 0, 2, 4, 1}, 8},            /* what follows the end counts for nothing      */
    {{254, 4, 9, 9, 2, 4, 2, 188}, 8},          /* unknown, with a length: skipped              */
    {{253, 2, 77, 3, 5, 2, 4, 2, 188, 0, 0, 0}, 12},
    {{200, 20, [20] = 2, 4, 2, 188}, 24},
    {{4, 2, 2, 4, 2, 188, 1, 1}, 8},
    {{2, 3, 9, 2, 4, 2, 188, 0}, 8},            /* an MSS option of the wrong size              */
};

TEST(options_are_read_at_any_offset, rfc, "MUST-4 MUST-6 MUST-14 MUST-64 MUST-68")
{
    for (size_t i = 0; i < sizeof say_mss / sizeof *say_mss; i++) {
        app_listen();
        in(SYN, .seq = 0, .options = say_mss[i].bytes, .options_len = say_mss[i].len);
        out(SYN|ACK, .seq = 0, .ack = 1);
        in(ACK, .seq = 1, .ack = 1);
        app_accept();
        expect(status().peer_mss, 700);
        script_restart("");
    }
}

TEST(options_of_the_syn_ack_too, rfc, "MUST-4 MUST-6 MUST-14 MUST-64")
{
    for (size_t i = 0; i < sizeof say_mss / sizeof *say_mss; i++) {
        syn_sent();
        in(SYN|ACK, .seq = 0, .ack = 1, .options = say_mss[i].bytes,
           .options_len = say_mss[i].len);
        out(ACK, .seq = 1, .ack = 1);
        expect(status().peer_mss, 700);
        script_restart("");
    }
}

/* Bad lengths end the reading; what stood before them counts, and the segment is processed. */
TEST(options_with_bad_lengths, rfc, "MUST-7 A1 A2")
{
    static const struct raw bad[] = {
        {{2, 0, 0, 0}, 4},         {{2, 1, 0, 0}, 4},     {{2, 5, 2, 188}, 4},
        {{2, 255, 2, 188}, 4},     {{1, 1, 1, 2}, 4},     {{77, 0, 77, 0}, 4},
        {{8, 10, 0, 0}, 4},        {{3, 4, 5, 0}, 4},     {{0, 255, 255, 255}, 4},
        {{255, 255, 255, 255}, 4}, {{1, 1, 1, 77}, 4},    {{5, 9, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, 12}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        app_listen();
        in(SYN, .seq = 0, .options = bad[i].bytes, .options_len = bad[i].len);
        out(SYN|ACK, .seq = 0, .ack = 1, .ws = NONE, .tsval = NONE);
        in(ACK, .seq = 1, .ack = 1, .options = bad[i].bytes, .options_len = bad[i].len);
        app_accept();
        expect(status().peer_mss, default_mss());
        in(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .options = bad[i].bytes,
           .options_len = bad[i].len);
        within(settings()->delack, ACK, .seq = 1, .ack = 11);
        app_recv(10);
        script_restart("");
    }
}

TEST(options_at_random, rfc, "MUST-5 MUST-7 A1 A2")
{
    established();
    int64_t seq = 1;
    for (int i = 0; i < 1000; i++) {
        struct raw junk = {.len = 4 * check_random_below(11)};
        for (size_t k = 0; k < junk.len; k++) {
            uint64_t draw = check_random_below(4);
            junk.bytes[k] = draw == 0 ? (uint8_t)check_random() : (uint8_t)check_random_below(12);
        }
        in(PSH|ACK, .seq = seq, .ack = 1, .len = 10, .options = junk.bytes,
           .options_len = junk.len);
        seq += 10;
        drain(0);
        app_recv(10);
        drain(0);
    }
    drain(settings()->delack);
    expect(rcv_nxt(), seq);
    state(HF_ESTABLISHED);
}

/* Options of a SYN on another segment: read without harm, and of no effect. */
TEST(options_in_any_segment, rfc, "MUST-5 MUST-65")
{
    established(.mss = 1000);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .mss = 100, .ws = 3, .sackok = 1, .wnd = 5000);
    within(settings()->delack, ACK, .seq = 1, .ack = 11, .mss = NONE, .ws = NONE, .sackok = NONE);
    app_recv(10);
    expect(status().mss, 1000);
    expect(status().snd_wnd, 5000);
    expect(status().window_scale, 0);
    expect(status().sack, 0);
    in(FIN|ACK, .seq = 11, .ack = 1, .mss = 100);
    out(ACK, .seq = 1, .ack = 12, .mss = NONE);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 12, .len = 1000, .mss = NONE);
}

/* All that we ever put into a header has a length or is NOP: out() reads it and says what is
 * wrong; and nothing but zero would stand behind an end of the list. */
TEST(options_that_we_send, rfc, "MUST-68 MUST-69 MUST-65")
{
    with(rcv_buffer, 1 << 20);
    established(.active = true, .mss = 1000, .ws = 7, .ts = true, .sack = true);
    in(ACK, .seq = 101, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 111}}, .mss = NONE, .ws = NONE, .sackok = NONE);
    in(ACK, .seq = 201, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1, .sack = {{201, 211}, {101, 111}});
    in(ACK, .seq = 301, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1, .sack = {{301, 311}, {201, 211}, {101, 111}});
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .sacks = 3, .mss = NONE);
    app_shutdown();
    out(FIN|ACK, .seq = 11, .ack = 1, .sacks = 3, .mss = NONE);
    app_abort();
    out(RST|ACK, .seq = 12, .ack = 1, .mss = NONE, .sacks = 0);
}

/* ---- MSS ---- */

TEST(mss_in_every_syn, rfc, "MUST-14 MUST-67 SHLD-5 SHLD-6")
{
    const uint32_t mtus[] = {1500, 1280, 1400, 9000, 65535};
    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        script_setup()->mtu = mtus[i];
        app_open();
        out(SYN, .seq = 0, .mss = our_mss());
        after(settings()->rto_initial);
        out(SYN, .seq = 0, .mss = our_mss());
        in(SYN, .seq = 0);
        out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
        script_restart("passive");
        script_setup()->mtu = mtus[i];
        app_listen();
        in(SYN, .seq = 0);
        out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
        within(settings()->rto_initial + ms(1), SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
        script_restart("");
    }
}

/* Also when it is the default, which need not be told. */
TEST(mss_is_told_always, rfc, "MAY-3 MUST-67")
{
    script_setup()->mtu = family() == 4 ? 576 : 1280;
    app_open();
    out(SYN, .seq = 0, .mss = default_mss());
}

TEST(mss_of_the_settings, rfc, "MUST-14 MUST-67")
{
    with(mss, 900);
    app_open();
    out(SYN, .seq = 0, .mss = 900);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1400);
    out(ACK, .seq = 1, .ack = 1);
    script_restart("larger than the link can take");
    with(mss, 9000);
    app_open();
    out(SYN, .seq = 0, .mss = our_mss());
}

TEST(mss_without_the_option, rfc, "MUST-15")
{
    established();
    expect(status().peer_mss, default_mss());
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = default_mss());
    drain(0);
    script_restart("active");
    established(.active = true);
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = default_mss());
    drain(0);
}

TEST(mss_is_the_lesser_of_both, rfc, "MUST-16 N-15 SHLD-28")
{
    const uint16_t told[] = {64, 500, 1220, 1400, 1460, 5000, 65535};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        int64_t mss = told[i] < our_mss() ? told[i] : our_mss();
        established(.mss = told[i]);
        expect(status().mss, mss);
        app_send((size_t)(3 * mss));
        for (int64_t k = 0; k < 3; k++)
            out(k < 2 ? ACK : PSH|ACK, .seq = 1 + k * mss, .ack = 1, .len = mss);
        script_restart("with timestamps");
        /* The option says nothing of options: they are taken off when sending. */
        established(.mss = told[i], .ts = true);
        expect(status().mss, mss - 12);
        app_send((size_t)(2 * (mss - 12)));
        out(ACK, .seq = 1, .ack = 1, .len = mss - 12);
        out(PSH|ACK, .seq = 1 + mss - 12, .ack = 1, .len = mss - 12);
        script_restart("");
    }
}

TEST(mss_advertised_ignores_options, rfc, "N-15 MUST-67")
{
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .ws = 7, .sackok = 1, .tsval = 5);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss(), .tsecr = 5, .sackok = 1);
}

TEST(mss_of_nearly_nothing_is_raised, rfc, "MUST-16 A11")
{
    for (uint16_t told = 1; told < 64; told = (uint16_t)(told * 3)) {
        established(.mss = told);
        expect(status().mss, settings()->mss_floor);
        script_restart("");
    }
    app_listen();
    in(SYN, .seq = 0, .mss = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    note(status().mss >= settings()->mss_floor);
}

/* SACK blocks and text share a segment; together they are never larger than the MTU. */
TEST(mss_less_the_options_of_this_segment, rfc, "N-15 MUST-16")
{
    established(.mss = 1460, .ts = true, .sack = true);
    in(ACK, .seq = 101, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 111}});
    int64_t full = (our_mss() < 1460 ? our_mss() : 1460) - 12;
    app_send((size_t)full);
    out(ACK, .seq = 1, .ack = 1, .len = full - 12, .sack = {{101, 111}});
    drain(0);
}

/* ---- Window scale, RFC 7323 2 ---- */

TEST(window_scale_both_ways, rfc, "REC-1 MUST-1")
{
    with(rcv_buffer, 1 << 20);
    app_listen();
    in(SYN, .seq = 0, .ws = 7, .wnd = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = 5, .wnd = 65535); /* never scaled in a SYN */
    in(ACK, .seq = 1, .ack = 1, .wnd = 1000);
    app_accept();
    expect(status().snd_wnd, 1000 << 7);
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    expect(status().snd_wnd, 65535 << 7);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 2000);
    drain(settings()->delack);
    note(rcv_wnd() > 65535);
    note(rcv_wnd() <= 1 << 20);
}

TEST(window_scale_active, rfc, "REC-1")
{
    with(rcv_buffer, 1 << 20);
    app_open();
    out(SYN, .seq = 0, .ws = 5, .wnd = 65535);
    in(SYN|ACK, .seq = 0, .ack = 1, .ws = 14, .wnd = 60000);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().snd_wnd, 60000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    expect(status().snd_wnd, 0x3fffc000); /* 65535 << 14: all of 30 bits */
}

TEST(window_scale_only_when_both_say_so, rfc, "REC-1")
{
    with(rcv_buffer, 1 << 20);
    app_open();
    out(SYN, .seq = 0, .ws = 5);
    in(SYN|ACK, .seq = 0, .ack = 1, .wnd = 60000);
    out(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    in(ACK, .seq = 1, .ack = 1, .wnd = 50000);
    expect(status().snd_wnd, 50000);
    script_restart("passive");
    with(rcv_buffer, 1 << 20);
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = NONE);
    script_restart("switched off");
    with(window_scale, 0);
    app_listen();
    in(SYN, .seq = 0, .ws = 3);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = NONE);
}

TEST(window_scale_above_14, rfc, "REC-1 MUST-1 A11")
{
    app_listen();
    in(SYN, .seq = 0, .ws = 200, .wnd = 65535);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = 0);
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    app_accept();
    expect(status().snd_wscale, 14);
    expect(status().snd_wnd, 0x3fffc000);
}

/* A SYN+ACK that ends a simultaneous open carries SYN, so its window is not scaled either. */
TEST(window_scale_crossed_syns, rfc, "MUST-10 REC-1")
{
    syn_sent();
    in(SYN, .seq = 0, .ws = 7, .wnd = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = 0);
    expect(status().snd_wnd, 1000);
    in(SYN|ACK, .seq = 0, .ack = 1, .ws = 7, .wnd = 1000);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    expect(status().snd_wnd, 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 1000);
    expect(status().snd_wnd, 1000 << 7);
}

/* ---- Timestamps, RFC 7323 3 to 5 ---- */

TEST(timestamps_agreed, rfc, "MUST-14")
{
    app_open();
    out(SYN, .seq = 0, .tsecr = 0);
    note(last_tsval() >= 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .tsval = 77);
    out(ACK, .seq = 1, .ack = 1, .tsecr = 77);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tsecr = 77);
    script_restart("not by the peer");
    app_open();
    out(SYN, .seq = 0, .tsecr = 0);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1, .tsval = NONE);
    script_restart("not by us");
    with(timestamps, 0);
    app_listen();
    in(SYN, .seq = 0, .tsval = 5);
    out(SYN|ACK, .seq = 0, .ack = 1, .tsval = NONE);
}

/* The clock ticks at between 1 ms and 1 s, and never goes back (RFC 7323 5.4). */
TEST(timestamps_tick, rfc, "N-25")
{
    established(.ts = true);
    int64_t before = last_tsval();
    after(ms(1000));
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tsval = before + 1000);
    in(ACK, .seq = 1, .ack = 11);
    after(ms(1));
    app_send(10);
    out(PSH|ACK, .seq = 11, .ack = 1, .len = 10, .tsval = before + 1001);
}

/* RFC 7323 4.3 (A): of the segments that one ACK covers, the first is echoed. */
TEST(timestamps_echo_the_first_of_two, rfc, "N-25")
{
    established(.ts = true);
    uint32_t clock = peer_clock();
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1, .len = our_mss() - 12, .tsval = clock + 50);
    in(ACK, .seq = our_mss() - 11, .ack = 1, .len = our_mss() - 12, .tsval = clock + 60);
    out(ACK, .seq = 1, .ack = 1 + 2 * (our_mss() - 12), .tsecr = clock + 50);
    app_recv((size_t)(2 * (our_mss() - 12)));
    drain(0);
}

TEST(timestamps_may_be_missing_on_a_reset, rfc, "N-5 A11")
{
    established(.ts = true);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .no_ts = true, .junk = true);
    nothing();
    dropped(HF_DROP_NO_TIMESTAMP);
    app_recv_is(0);
    in(RST, .seq = 1, .no_ts = true);
    ended(HF_CAUSE_RESET);
    script_restart("an old timestamp on a reset");
    established(.ts = true);
    in(RST, .seq = 1, .tsval = peer_clock() - 100000);
    ended(HF_CAUSE_RESET);
}

/* What protects a fast connection: the number fits the window, but it is from the last time
 * round. */
TEST(timestamps_tell_old_text_from_new, rfc, "N-25 N-3")
{
    script_setup()->peer_iss = UINT32_MAX - 2000;
    established(.ts = true);
    int64_t seq = 1;
    for (; seq < 5001; seq += 1000) { /* across the wrap */
        after(ms(10));
        in(PSH|ACK, .seq = seq, .ack = 1, .len = 1000);
        drain(0);
        app_recv(1000);
        drain(0);
    }
    drain(settings()->delack);
    in(PSH|ACK, .seq = seq, .ack = 1, .len = 1000, .tsval = peer_clock() - 100000, .junk = true);
    out(ACK, .seq = 1, .ack = seq);
    dropped(HF_DROP_PAWS);
    app_recv_is(0);
    in(PSH|ACK, .seq = seq, .ack = 1, .len = 1000);
    app_recv(1000);
    drain(settings()->delack);
}

/* TSval wraps too. */
TEST(timestamps_wrap, rfc, "N-3 N-25 A12")
{
    app_listen();
    in(SYN, .seq = 0, .tsval = 0xfffffff0);
    out(SYN|ACK, .seq = 0, .ack = 1, .tsecr = 0xfffffff0);
    in(ACK, .seq = 1, .ack = 1, .tsval = 0xfffffff5);
    app_accept();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tsval = 3);
    within(settings()->delack, ACK, .seq = 1, .ack = 11, .tsecr = 3);
    in(PSH|ACK, .seq = 11, .ack = 1, .len = 10, .tsval = 0xfffffff8, .junk = true);
    out(ACK, .seq = 1, .ack = 11, .tsecr = 3);
    dropped(HF_DROP_PAWS);
    app_recv(10);
}

/* A segment outside the window leaves no timestamp behind, nor does one that acknowledges what
 * was never sent. */
TEST(timestamps_of_what_is_dropped_are_not_kept, rfc, "N-25 N-9 B9")
{
    with(challenge_count, 1000);
    established(.ts = true);
    uint32_t clock = peer_clock();
    in(ACK, .seq = 100000, .ack = 1, .tsval = clock + 50000, .len = 10, .junk = true);
    out(ACK, .seq = 1, .ack = 1, .tsecr = clock);
    in(ACK, .seq = 1, .ack = 1000, .tsval = clock + 50000, .len = 10, .junk = true);
    out(ACK, .seq = 1, .ack = 1, .tsecr = clock);
    in(ACK, .seq = 1, .tsval = clock + 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11, .tsecr = clock + 1);
    app_recv(10);
}

/* What the peer's SYN did not offer is not in our answer, whichever way we came to it. */
TEST(options_of_crossed_syns, rfc, "MUST-10 MUST-14")
{
    syn_sent();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss(), .ws = NONE, .tsval = NONE, .sackok = NONE);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1, .tsval = NONE);
    script_restart("all of them");
    syn_sent();
    in(SYN, .seq = 0, .mss = 1000, .ws = 2, .tsval = 9, .sackok = 1);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = 0, .tsecr = 9, .sackok = 1);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .ws = 2, .tsval = 12, .sackok = 1);
    out(ACK, .seq = 1, .ack = 1, .tsecr = 12);
    expect(status().mss, 988);
    expect(status().timestamps && status().sack && status().window_scale, 1);
}
