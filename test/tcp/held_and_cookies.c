/* Half-open connections beyond the grid: SYNs held for the application's decision, and SYN
 * cookies (RFC 4987). */
/* clang-format off: scripts */
#include "cells.h"

/* ---- Held SYNs: the listener sends nothing until the application has decided ---- */

static hf_syn next_syn(void)
{
    hf_syn syn = 0;
    struct hf_endpoint local, remote;
    listener_event(HF_EVENT_SYN);
    expect(hf_tcp_next_syn(stack(), listener(), &syn, &local, &remote), 1);
    expect(local.port, our_port());
    expect(remote.port, peer_port());
    return syn;
}

TEST(held_syn_is_accepted, rfc, "LIS.SYN SYR.SYN")
{
    app_listen(.hold = 1);
    in(SYN, .seq = 0, .mss = 1000);
    nothing();
    hf_syn syn = next_syn();
    in(SYN, .seq = 0, .mss = 1000); /* repeats are absorbed */
    nothing();
    expect(hf_syn_accept(stack(), syn), 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    expect(hf_syn_accept(stack(), syn), HF_ERR_STALE);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    state(HF_ESTABLISHED);
    expect(status().peer_mss, 1000);
}

TEST(held_syn_is_refused, rfc, "LIS.SYN CLD.SYN")
{
    app_listen(.hold = 1);
    in(SYN, .seq = 0);
    hf_syn syn = next_syn();
    expect(hf_syn_refuse(stack(), syn), 0);
    out(RST|ACK, .raw_seq = 0, .ack = 1);
    ended(HF_CAUSE_SYN_REFUSED);
    expect(hf_syn_refuse(stack(), syn), HF_ERR_STALE);
}

TEST(held_syn_is_forgotten, rfc, "LIS.SYN SYR.UTO")
{
    app_listen(.hold = 1);
    in(SYN, .seq = 0);
    hf_syn syn = next_syn();
    quiet(settings()->held_timeout + sec(1));
    ended(HF_CAUSE_HELD_TIMEOUT);
    expect(hf_syn_accept(stack(), syn), HF_ERR_STALE);
}

TEST(held_syn_is_reset_by_the_peer, rfc, "SYR.RST-exact")
{
    app_listen(.hold = 1);
    in(SYN, .seq = 0);
    hf_syn syn = next_syn();
    in(RST, .seq = 1);
    nothing();
    ended(HF_CAUSE_RESET);
    expect(hf_syn_accept(stack(), syn), HF_ERR_STALE);
}

TEST(held_syns_are_bounded, rfc, "LIS.SYN")
{
    with(cookies, HF_COOKIES_ALWAYS); /* never for those that are held */
    app_listen(.hold = 1, .backlog = 2);
    for (uint16_t i = 0; i < 10; i++) {
        another((uint16_t)(40000 + i));
        in(SYN, .seq = 0);
        nothing();
    }
    expect(counters().half_open, 3);
    expect(counters().cookies_sent, 0);
}

/* ---- Cookies ---- */

TEST(cookie_opens_without_an_entry, rfc, "LIS.SYN SYR.A-new")
{
    with(cookies, HF_COOKIES_ALWAYS);
    app_listen();
    in(SYN, .seq = 0, .mss = 1360);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    expect(counters().half_open, 0);
    in(ACK, .seq = 1, .ack = 1);
    nothing();
    state(HF_ESTABLISHED);
    app_accept();
    expect(status().peer_mss, 1360);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    app_recv(10);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 11, .len = 10);
}

TEST(cookie_third_segment_with_text, rfc, "SYR.data")
{
    with(cookies, HF_COOKIES_ALWAYS);
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
    app_accept();
    app_recv(100);
}

TEST(cookie_keeps_options_with_timestamps, rfc, "LIS.SYN")
{
    with(cookies, HF_COOKIES_ALWAYS);
    app_listen();
    in(SYN, .seq = 0, .mss = 1400, .ws = 7, .sackok = 1, .tsval = 4242);
    out(SYN|ACK, .ack = 1, .new_iss = true, .sackok = 1, .tsecr = 4242);
    in(ACK, .seq = 1, .ack = 1, .wnd = 100);
    app_accept();
    expect(status().timestamps, 1);
    expect(status().sack, 1);
    expect(status().window_scale, 1);
    expect(status().snd_wnd, 100 << 7);
    expect(status().peer_mss, 1400);
}

TEST(cookie_forged, rfc, "LIS.A-new B6")
{
    answer_everything();
    with(cookies, HF_COOKIES_ALWAYS);
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    in(ACK, .seq = 1, .ack = 2);
    out(RST, .seq = 2);
    in(ACK, .seq = 2, .ack = 1);
    out(RST, .seq = 1);
    another(40001); /* somebody else's */
    in(ACK, .seq = 1, .ack = 1);
    out(RST, .seq = 1);
    expect(counters().connections, 0);
}

TEST(cookie_too_old, rfc, "LIS.A-new")
{
    with(cookies, HF_COOKIES_ALWAYS);
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    after(sec(200));
    in(ACK, .seq = 1, .ack = 1);
    out(RST, .seq = 1);
}

TEST(cookie_only_when_full, rfc, "LIS.SYN")
{
    with(cookies, HF_COOKIES_WHEN_FULL);
    with(half_open_max, 1);
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    another(40001);
    in(SYN, .seq = 0);
    out(SYN|ACK, .ack = 1, .new_iss = true);
    expect(counters().half_open, 1);
    expect(counters().cookies_sent, 1);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    back_to(40000);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}
