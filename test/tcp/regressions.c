/* Faults that a reading of the code against RFC 9293 brought up, each with the script that
 * shows it. What they have in common: two mechanisms that are right alone and meet rarely. */
/* clang-format off: scripts */
#include <string.h>

#include "stack/stack.h"

#include "script.h"

/* The block behind the handle: for what would take gigabytes or hours to come to by itself. */
static struct hf_tcp *block(void)
{
    return hf_tcp_at(&stack()->env, hf_ref_index((hf_ref)conn()));
}

/* ---- Listeners: an entry belongs to the one that it came through ---- */

static hf_listener listen_at(bool exact, bool hold, uint32_t backlog)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = backlog,
                               .hold = hold};
    hf_listener made = 0;
    if (exact)
        listen.local.addr = our_addr();
    expect(hf_tcp_listen(stack(), &listen, &made), 0);
    return made;
}

/* A listener for the exact address is opened while SYNs of the general one wait to be told of;
 * those end, and the general one must not tell of them. */
TEST(held_syn_ends_under_a_closer_listener, rfc, "LIS.SYN SYR.UTO")
{
    with(held_timeout, sec(5));
    hf_listener general = listen_at(false, true, 4);
    in(SYN, .seq = 0);
    nothing();
    listen_at(true, false, 4);
    quiet(settings()->held_timeout + sec(1));
    expect(counters().half_open, 0);
    hf_syn syn = 0;
    struct hf_endpoint local, remote;
    memset(&remote, 0, sizeof remote);
    expect(hf_tcp_next_syn(stack(), general, &syn, &local, &remote), 0);
}

/* What completes under the closer listener no longer counts against the general one. */
TEST(half_open_count_follows_the_entry, rfc, "LIS.SYN")
{
    with(cookies, HF_COOKIES_NEVER);
    hf_listener general = listen_at(false, false, 1);
    for (uint16_t i = 0; i < 2; i++) {
        another((uint16_t)(40000 + i));
        in(SYN, .seq = 0);
        out(SYN|ACK, .seq = 0, .ack = 1);
    }
    hf_listener exact = listen_at(true, false, 8);
    for (uint16_t i = 0; i < 2; i++) {
        another((uint16_t)(40000 + i));
        in(RST|ACK, .seq = 1, .ack = 1);
        nothing();
    }
    expect(counters().half_open, 0);
    expect(hf_listener_close(stack(), exact), 0);
    (void)general;
    another(41000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

/* ---- SEND ---- */

/* RFC 9293 3.10.2: after CLOSE nothing more is taken; a reservation is no way round it. */
TEST(commit_after_shutdown_is_refused, rfc, "FW1.SEND")
{
    established(.mss = 1000);
    void *at_end;
    size_t room;
    expect(hf_tcp_reserve(stack(), conn(), 100, &at_end, &room), 0);
    memset(at_end, 'x', room);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    note(hf_tcp_commit(stack(), conn(), room, 0) < 0);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
    expect(status().send_queued, 0);
    expect(status().bytes_acked, 0);
}

/* The reservation lasts until the next call on the connection. */
TEST(commit_after_another_send_is_refused, rfc, "EST.SEND")
{
    established(.mss = 1000);
    void *at_end;
    size_t room;
    expect(hf_tcp_reserve(stack(), conn(), 100, &at_end, &room), 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .len = 10);
    note(hf_tcp_commit(stack(), conn(), room, 0) < 0);
}

/* "0: no room now, HF_EVENT_WRITABLE tells when there is": also when it was the stack's memory
 * that was short, and all of it was somebody else's. Each of the others gets less than the one
 * before it. */
TEST(writable_when_memory_is_back, rfc, "EST.SEND")
{
    enum { OTHERS = 60 };
    script_setup()->memory_limit = 512 * 1024;
    with(snd_buffer, 1 << 20);
    static uint8_t bytes[1 << 20];
    hf_conn others[OTHERS];
    established(.mss = 1000);
    hf_conn mine = conn();
    for (int i = 0; i < OTHERS; i++) {
        another((uint16_t)(40001 + i));
        in(SYN, .seq = 0, .mss = 1000);
        out(SYN|ACK, .seq = 0, .ack = 1);
        in(ACK, .seq = 1, .ack = 1, .wnd = 0);
        app_accept();
        others[i] = conn();
    }
    int64_t before = INT64_MAX;
    for (int i = 0; i < OTHERS; i++) {
        int64_t taken = hf_tcp_send(stack(), others[i], bytes, sizeof bytes, 0);
        note(taken <= before);
        before = taken;
    }
    expect(hf_tcp_send(stack(), mine, bytes, 1000, 0), 0);
    use(others[0]);
    back_to(40001);
    app_abort();
    out(RST|ACK);
    use(mine);
    back_to(40000);
    drain(sec(1));
    event(HF_EVENT_WRITABLE);
}

/* ---- The zero window ---- */

/* An answer to a probe repeats the ACK, but it is no sign of a loss (RFC 5681 2 means segments
 * that the peer could have taken). */
TEST(answers_to_probes_are_no_duplicate_acks, rfc, "EST.A-dup MUST-37")
{
    established(.mss = 1000);
    app_send(20000);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    in(ACK, .seq = 1, .ack = 20001);
    nothing();
    uint32_t cwnd = status().cwnd;
    in(ACK, .seq = 1, .ack = 20001, .wnd = 0);
    app_send(5000);
    for (int i = 0; i < 6; i++) {
        within(sec(120), ACK, .seq = 20001, .len = 1);
        in(ACK, .seq = 1, .ack = 20001, .wnd = 0);
        nothing();
    }
    note(status().phase < 2);
    note(status().cwnd >= cwnd);
}

/* ---- Options ---- */

/* The scale that our windows are read with is the one that our SYN said, whatever the buffer
 * has become since. */
TEST(window_scale_is_what_the_syn_said, linux, "SYS.SYN-ACK-ok")
{
    app_open();
    out(SYN, .seq = 0, .ws = 7);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_RCV_BUFFER, 65535), 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .ws = 7);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().rcv_wscale, 7);
}

TEST(window_scale_is_the_same_in_each_syn, linux, "SYS.RTO")
{
    app_open();
    out(SYN, .seq = 0, .ws = 7);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_RCV_BUFFER, 1 << 24), 0);
    within(sec(2), SYN, .seq = 0, .ws = 7);
}

/* A window is told in units of 2^scale; what is added by that must not add up. */
TEST(rounding_the_window_does_not_add_up, linux, "EST.data N-18")
{
    established(.mss = 1460, .ws = 7);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_DELACK, 0), 0);
    int64_t sent = 1;
    while (rcv_wnd() > 16) {
        int64_t n = rcv_wnd() - 16 > 1460 ? 1460 : rcv_wnd() - 16;
        in(ACK, .seq = sent, .ack = 1, .len = n);
        sent += n;
        drain(ms(100));
    }
    for (int i = 0; i < 8000 && rcv_wnd() > 0; i++) {
        in(ACK, .seq = sent, .ack = 1, .len = rcv_wnd() > 15 ? 15 : rcv_wnd());
        sent = rcv_nxt();
        drain(ms(100));
    }
    note(status().receive_ready <= settings()->rcv_buffer + settings()->rcv_buffer / 8 + 32);
}

/* ---- Urgent ---- */

TEST(urgent_on_the_third_segment_is_told, rfc, "SYR.data EST.URG MUST-32")
{
    syn_received(.mss = 1000);
    in(URG|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 10);
    app_accept();
    event(HF_EVENT_URGENT);
    expect(status().urgent_left, 10);
    within(sec(1), ACK, .ack = 11);
}

TEST(urgent_left_does_not_count_the_fin, rfc, "EST.URG EST.FIN MUST-33")
{
    established(.mss = 1000);
    in(URG|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 10);
    expect(status().urgent_left, 10);
    in(FIN|ACK, .seq = 11, .ack = 1);
    out(ACK, .ack = 12);
    expect(status().urgent_left, 10);
    app_recv(9);
    expect(status().urgent_left, 1);
}

/* ---- Loss recovery ---- */

/* RFC 6582 keeps `recover` to tell whether duplicates are of our own making. It is a number
 * like others: 2^31 bytes later it must not look as if it lay ahead. */
TEST(recover_does_not_lie_ahead_for_ever, rfc, "EST.A-dup N-3")
{
    established(.mss = 1000);
    app_send(60000);
    drain(0);
    within(sec(3), ACK, .seq = 1, .len = 1000); /* RTO: recover is set */
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    for (int i = 0; i < 5; i++) { /* segment by segment, so that never all is acknowledged */
        in(ACK, .seq = 1, .ack = snd_una() + 1000);
        drain(0);
    }
    note(snd_nxt() - snd_una() > 4000);
    /* as if 2 GiB had passed by now */
    hf_tcp_active(&stack()->env, block())->recover = block()->snd_una - 0x80000001u;
    int64_t lost = snd_una();
    in(ACK, .seq = 1, .ack = lost);
    drain(0);
    in(ACK, .seq = 1, .ack = lost);
    drain(0);
    in(ACK, .seq = 1, .ack = lost);
    out(ACK, .seq = lost, .len = 1000);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* An RTO in fast recovery, with the FIN in flight: everything is sent again once. */
TEST(rto_in_fast_recovery_with_the_fin_sent, rfc, "FW1.RTO FW1.A-new")
{
    established(.mss = 1000);
    app_send(5000);
    drain(0);
    app_shutdown();
    out(FIN|ACK, .seq = 5001);
    for (int i = 0; i < 3; i++) {
        in(ACK, .seq = 1, .ack = 1);
        if (i < 2)
            nothing();
    }
    out(ACK, .seq = 1, .len = 1000);
    within(sec(3), ACK, .seq = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001);
    out(ACK, .seq = 1001, .len = 1000);
    out(ACK, .seq = 2001, .len = 1000);
    in(ACK, .seq = 1, .ack = 3001);
    out(ACK, .seq = 3001, .len = 1000);
    out(FIN|ACK, .seq = 4001, .len = 1000);
    in(ACK, .seq = 1, .ack = 5001);
    within(sec(10), FIN|ACK, .seq = 5001);
    in(ACK, .seq = 1, .ack = 5002);
    state(HF_FIN_WAIT_2);
    expect(status().phase < 2, 1);
}

/* ---- Segments that fit ---- */

/* SACK blocks take room too: on a link of 68 bytes there is little. */
TEST_IPV4(sack_blocks_fit_the_link, rfc, "EST.data-gap N-15")
{
    script_setup()->mtu = 68;
    established(.mss = 536, .ts = true, .sack = true);
    for (int i = 0; i < 4; i++) {
        in(ACK, .seq = 11 + 20 * i, .ack = 1, .len = 5);
        struct script_segment seen;
        note(script_take(&seen) >= 0);
        note(20 + 20 + 12 + (seen.sacks > 0 ? 4 + 8 * seen.sacks : 0) <= 68);
        drain(0);
    }
    app_send(40);
    struct script_segment seen;
    while (script_take(&seen) >= 0)
        note(20 + 20 + 12 + (seen.sacks > 0 ? 4 + 8 * seen.sacks : 0) + seen.len <= 68);
    drain(sec(1) / 2);
}

/* ---- Time ---- */

/* HF_NEVER is a duration like others. */
TEST(open_with_a_timeout_of_never, rfc, "SYS.UTO")
{
    app_open(.timeout = HF_NEVER);
    out(SYN, .seq = 0);
    drain(ms(500));
    state(HF_SYN_SENT);
}

TEST(user_timeout_of_never_in_the_settings, rfc, "EST.UTO")
{
    with(user_timeout, HF_NEVER);
    established(.mss = 1000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .len = 10);
    drain(ms(500));
    state(HF_ESTABLISHED);
}

/* What was measured across a leap of the clock is no round trip. */
TEST(no_sample_across_a_clock_leap, rfc, "EST.A-new")
{
    established(.mss = 1000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .len = 10);
    clock_jumps(sec(600));
    in(ACK, .seq = 1, .ack = 11);
    nothing();
    note(status().srtt < sec(1));
}

TEST(no_echo_across_a_clock_leap, rfc, "EST.A-new")
{
    established(.mss = 1000, .ts = true);
    app_send(10);
    out(PSH|ACK, .seq = 1, .len = 10);
    uint32_t echo = (uint32_t)last_tsval();
    clock_jumps(sec(600));
    in(ACK, .seq = 1, .ack = 11, .tsecr = echo);
    nothing();
    note(status().srtt < sec(1));
}

/* Committing nothing is nothing, also when nothing was reserved. */
TEST(commit_of_nothing, rfc, "EST.SEND")
{
    established(.mss = 1000);
    expect(hf_tcp_commit(stack(), conn(), 0, 0), 0);
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    within(sec(1), ACK, .ack = 11);
    expect(hf_tcp_commit(stack(), conn(), 0, 0), 0);
    expect(hf_tcp_commit(stack(), conn(), 1, 0), HF_ERR_ARGUMENT);
    app_send(10);
    out(PSH|ACK, .seq = 1, .len = 10);
    expect(hf_tcp_commit(stack(), conn(), 0, 0), 0);
    app_recv(10);
}

/* ... nor when the connection has ended since, with text left to read. */
TEST(commit_of_nothing_after_the_end, rfc, "EST.RST-exact")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    within(sec(1), ACK, .ack = 11);
    void *at_end;
    size_t room;
    expect(hf_tcp_reserve(stack(), conn(), 100, &at_end, &room), 0);
    in(RST, .seq = 11);
    (void)hf_tcp_commit(stack(), conn(), 0, 0);
    note(hf_tcp_commit(stack(), conn(), 1, 0) < 0);
    app_recv(10);
    app_recv_is(HF_ERR_RESET);
}

/* ---- CLOSE at odd moments ---- */

/* The FIN is the probe of a zero window: refused it was never sent, and goes out when there is
 * room. */
TEST(the_fin_as_a_probe, rfc, "FW1.RTO FW1.A-new MUST-37")
{
    established(.mss = 1000);
    in(ACK, .seq = 1, .ack = 1, .wnd = 0);
    app_shutdown();
    nothing();
    for (int i = 0; i < 5; i++) {
        within(sec(120), FIN|ACK, .seq = 1);
        in(ACK, .seq = 1, .ack = 1, .wnd = 0);
        nothing();
    }
    in(ACK, .seq = 1, .ack = 1, .wnd = 1);
    out(FIN|ACK, .seq = 1);
    within(sec(120), FIN|ACK, .seq = 1); /* lost; now RTO has it */
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

/* ... and taken it is acknowledged, with the window still shut. */
TEST(the_fin_as_a_probe_is_taken, rfc, "LAK.A-new")
{
    close_wait(.mss = 1000);
    in(ACK, .seq = 2, .ack = 1, .wnd = 0);
    app_send(3);
    app_shutdown();
    nothing();
    for (int i = 1; i <= 3; i++) {
        within(sec(120), ACK, .seq = i, .len = 1);
        in(ACK, .seq = 2, .ack = i + 1, .wnd = 0);
    }
    within(sec(120), FIN|ACK, .seq = 4);
    in(ACK, .seq = 2, .ack = 5, .wnd = 0);
    ended(HF_CAUSE_CLOSED);
}

/* CLOSE between the crossing SYNs and their acknowledgement, then the peer's SYN+ACK. */
TEST(close_between_crossing_syns, rfc, "SYR.CLOSE D-1")
{
    syn_received(.simultaneous = true, .mss = 1000);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    state(HF_FIN_WAIT_1);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    within(sec(4), FIN|ACK, .seq = 1, .ack = 1);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

/* The path becomes narrow in fast recovery with the FIN sent: all is sent again in smaller
 * pieces. */
TEST(narrow_path_in_recovery_with_the_fin_sent, rfc, "FW1.A-new N-16")
{
    established(.mss = 1400);
    app_send(5600);
    drain(0);
    app_shutdown();
    out(FIN|ACK, .seq = 5601);
    for (int i = 0; i < 3; i++)
        in(ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .len = 1400);
    hf_tcp_path_mtu(&stack()->env, block(), 1300);
    hf_tcp_rearm(&stack()->env, block());
    int64_t got = 1;
    for (int i = 0; i < 40 && status().state == HF_FIN_WAIT_1; i++) {
        wait_for_packet(sec(60));
        struct script_segment seen;
        while (script_take(&seen) >= 0) {
            note(seen.len <= 1260);
            if (seen.seq <= got && seen.seq + seen.len > got)
                got = seen.seq + seen.len;
            if (seen.flags & FIN && seen.seq + seen.len == got && got == 5601)
                got++;
        }
        in(ACK, .seq = 1, .ack = got);
    }
    state(HF_FIN_WAIT_2);
    drain(sec(1));
}

/* Our FIN has not arrived: a reset at SND.NXT would only draw a challenge. */
TEST(a_reset_for_late_text_is_exact_for_the_peer, linux, "FW1.data SHLD-3")
{
    established(.mss = 1000);
    app_close();
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    out(RST, .seq = 1);
    ended(HF_CAUSE_DATA_AFTER_CLOSE);
}

TEST(a_reset_for_late_text_by_the_letter, rfc, "FW1.data SHLD-3 D-9")
{
    established(.mss = 1000);
    app_close();
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    out(RST, .seq = 2);
    ended(HF_CAUSE_DATA_AFTER_CLOSE);
}
