/* What the application can do and is told: errors by state (RFC 9293 3.10.1 to 3.10.6),
 * orderly and other endings (3.6), TIME-WAIT, Diffserv and TTL (3.9.1.9, 3.9.2),
 * half-close, listeners. */
/* clang-format off: scripts */
#include <string.h>

#include "cells.h"

/* ---- Errors by state, 3.10.1 to 3.10.6 ---- */

static int64_t send_one(void)
{
    return hf_tcp_send(stack(), conn(), "x", 1, 0);
}

static int64_t recv_one(void)
{
    char byte;
    return hf_tcp_recv(stack(), conn(), &byte, 1);
}

TEST(send_by_state, rfc, "N-10")
{
    static const struct {
        int state;
        int64_t result;
    } rows[] = {
        {HF_SYN_SENT, 1},                 {HF_ESTABLISHED, 1},
        {HF_CLOSE_WAIT, 1},               {HF_FIN_WAIT_1, HF_ERR_CLOSING},
        {HF_FIN_WAIT_2, HF_ERR_CLOSING},  {HF_CLOSING, HF_ERR_CLOSING},
        {HF_LAST_ACK, HF_ERR_CLOSING},    {HF_TIME_WAIT, HF_ERR_CLOSING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reach(rows[i].state);
        expect(send_one(), rows[i].result);
        drain(0);
        state(rows[i].state);
        script_restart(hf_state_text(rows[i].state));
    }
}

TEST(receive_by_state, rfc, "N-10 N-22")
{
    static const struct {
        int state;
        int64_t result;
    } rows[] = {
        {HF_SYN_SENT, 0},        {HF_ESTABLISHED, 0},     {HF_FIN_WAIT_1, 0},
        {HF_FIN_WAIT_2, 0},      {HF_CLOSE_WAIT, HF_EOF}, {HF_CLOSING, HF_EOF},
        {HF_LAST_ACK, HF_EOF},   {HF_TIME_WAIT, HF_EOF},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reach(rows[i].state);
        expect(recv_one(), rows[i].result);
        script_restart(hf_state_text(rows[i].state));
    }
}

/* CLOSE again is no error, and makes no second FIN. */
TEST(close_by_state, rfc, "N-10 N-22")
{
    static const int states[] = {HF_FIN_WAIT_1, HF_FIN_WAIT_2, HF_CLOSING, HF_LAST_ACK,
                                 HF_TIME_WAIT};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        reach(states[i]);
        app_shutdown();
        nothing();
        state(states[i]);
        script_restart(hf_state_text(states[i]));
    }
}

TEST(status_by_state, rfc, "N-10")
{
    for (int at_state = HF_SYN_SENT; at_state < HF_STATES; at_state++) {
        if (at_state == HF_SYN_RECEIVED) /* no handle before it is accepted */
            reach_with(at_state, .simultaneous = true);
        else
            reach(at_state);
        struct hf_tcp_status now = status();
        expect(now.state, at_state);
        expect(now.cause, at_state == HF_TIME_WAIT ? now.cause : HF_CAUSE_NONE);
        expect(now.iss, our_iss());
        expect(now.snd_nxt, our_iss() + (uint32_t)snd_nxt());
        expect(now.snd_una, our_iss() + (uint32_t)snd_una());
        if (at_state != HF_SYN_SENT) {
            expect(now.irs, peer_iss());
            expect(now.rcv_nxt, peer_iss() + (uint32_t)rcv_nxt());
        }
        struct hf_addr ours = our_addr(), peers = peer_addr();
        note(hf_addr_equal(&now.local.addr, &ours) && now.local.port == our_port());
        note(hf_addr_equal(&now.remote.addr, &peers) && now.remote.port == peer_port());
        script_restart(hf_state_text(at_state));
    }
}

TEST(status_of_the_wrong_size, rfc, "N-10")
{
    established();
    struct hf_tcp_status now = {.size = 1};
    expect(hf_tcp_status(stack(), conn(), &now), HF_ERR_ARGUMENT);
    expect(hf_tcp_status(stack(), conn(), NULL), HF_ERR_ARGUMENT);
}

TEST(open_by_name_of_what_is_wrong, rfc, "N-10 MUST-46")
{
    hf_conn handle;
    struct hf_open open = {.size = sizeof open, .remote = {peer_addr(), 80}};
    open.remote.port = 0;
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_UNSPECIFIED);
    open.remote = (struct hf_endpoint){.port = 80};
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_UNSPECIFIED);
    open.remote = (struct hf_endpoint){peer_addr(), 80};
    open.size--;
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ARGUMENT);
    open.size++;
    open.remote.addr.family = 5;
    expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ARGUMENT);
    nothing();
}

TEST(open_to_what_is_no_host, rfc, "MUST-46 B16")
{
    static const uint8_t ipv4[][4] = {{255, 255, 255, 255}, {192, 0, 2, 255}, {224, 0, 0, 1},
                                      {239, 255, 255, 255}, {0, 0, 0, 0}};
    static const uint8_t ipv6[][16] = {{0xff, 2, [15] = 1}, {0xff, 0x0e, [15] = 1},
                                       {[10] = 0xff, 0xff, 192, 0, 2, 9}, {0}};
    size_t n = family() == 4 ? sizeof ipv4 / sizeof *ipv4 : sizeof ipv6 / sizeof *ipv6;
    for (size_t i = 0; i < n; i++) {
        hf_conn handle;
        struct hf_open open = {.size = sizeof open, .remote = {peer_addr(), 80}};
        memcpy(open.remote.addr.bytes, family() == 4 ? ipv4[i] : ipv6[i], family() == 4 ? 4 : 16);
        expect(hf_tcp_open(stack(), &open, &handle), HF_ERR_ADDRESS);
        nothing();
    }
}

/* A handle outlives what it named: an answer, never a crash; also one that never was. */
TEST(stale_handles, rfc, "N-10 D13")
{
    established();
    hf_conn old = conn();
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 1);
    another(40001);
    established(); /* in the same place, maybe */
    const hf_conn stale[] = {old, 0, 1, UINT64_MAX, conn() ^ 1, conn() + (UINT64_C(1) << 32),
                             (hf_conn)listener()};
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
        char byte = 0;
        const void *peeked;
        void *reserved;
        size_t len;
        int64_t value;
        struct hf_tcp_status now = {.size = sizeof now};
        hf_conn accepted;
        expect(hf_tcp_send(stack(), stale[i], &byte, 1, 0), HF_ERR_STALE);
        expect(hf_tcp_recv(stack(), stale[i], &byte, 1), HF_ERR_STALE);
        expect(hf_tcp_peek(stack(), stale[i], &peeked), HF_ERR_STALE);
        expect(hf_tcp_consume(stack(), stale[i], 1), HF_ERR_STALE);
        expect(hf_tcp_reserve(stack(), stale[i], 1, &reserved, &len), HF_ERR_STALE);
        expect(hf_tcp_commit(stack(), stale[i], 1, 0), HF_ERR_STALE);
        expect(hf_tcp_shutdown(stack(), stale[i]), HF_ERR_STALE);
        expect(hf_tcp_close(stack(), stale[i]), HF_ERR_STALE);
        expect(hf_tcp_abort(stack(), stale[i]), HF_ERR_STALE);
        expect(hf_tcp_status(stack(), stale[i], &now), HF_ERR_STALE);
        expect(hf_tcp_set(stack(), stale[i], HF_OPTION_TTL, 5), HF_ERR_STALE);
        expect(hf_tcp_get(stack(), stale[i], HF_OPTION_TTL, &value), HF_ERR_STALE);
        if (stale[i] != (hf_conn)listener()) {
            expect(hf_tcp_accept(stack(), stale[i], 0, &accepted), HF_ERR_STALE);
            expect(hf_listener_close(stack(), stale[i]), HF_ERR_STALE);
        }
        expect(hf_syn_accept(stack(), stale[i]), HF_ERR_STALE);
        expect(hf_syn_refuse(stack(), stale[i]), HF_ERR_STALE);
    }
    state(HF_ESTABLISHED);
}

/* Room that was reserved before CLOSE is of no use after it: nothing follows a FIN. */
TEST(commit_after_close, rfc, "N-10 N-22")
{
    established(.mss = 1000);
    void *room;
    size_t len;
    expect(hf_tcp_reserve(stack(), conn(), 100, &room, &len), 0);
    memset(room, 0, len);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    expect(hf_tcp_commit(stack(), conn(), 50, 0), HF_ERR_CLOSING);
    nothing();
    expect(status().send_queued, 0);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
    quiet(sec(50));
}

TEST(commit_after_a_reset, rfc, "N-10")
{
    established(.mss = 1000);
    void *room;
    size_t len;
    expect(hf_tcp_reserve(stack(), conn(), 100, &room, &len), 0);
    in(RST, .seq = 1);
    note(hf_tcp_commit(stack(), conn(), 50, 0) < 0);
    ended(HF_CAUSE_RESET);
}

/* ---- How it ended, 3.6 ---- */

TEST(orderly_close_and_abort_are_told_apart, rfc, "MUST-12 N-10")
{
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    in(FIN|ACK, .seq = 11, .ack = 1);
    out(ACK, .seq = 1, .ack = 12);
    event(HF_EVENT_EOF | HF_EVENT_READABLE);
    no_event(HF_EVENT_ENDED);
    app_recv(10);
    app_recv_is(HF_EOF);
    script_restart("reset");
    established();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    in(RST, .seq = 11);
    event(HF_EVENT_ENDED);
    no_event(HF_EVENT_EOF);
    app_recv(10); /* what came before it can be read */
    app_recv_is(HF_ERR_RESET);
    expect(send_one(), HF_ERR_RESET);
    expect(status().cause, HF_CAUSE_RESET);
}

/* CLOSE ends only our sending: the peer's text is still received and read. */
TEST(close_is_half, rfc, "N-22")
{
    established(.mss = 1000);
    app_send(500);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    app_send(700); /* Nagle holds it */
    app_shutdown();
    out(FIN|PSH|ACK, .seq = 501, .ack = 1, .len = 700); /* nothing queued is lost */
    in(ACK, .seq = 1, .ack = 1202);
    state(HF_FIN_WAIT_2);
    for (int64_t i = 0; i < 10; i++) {
        in(PSH|ACK, .seq = 1 + 1000 * i, .ack = 1202, .len = 1000);
        drain(0);
        app_recv(1000);
        drain(0);
    }
    in(FIN|ACK, .seq = 10001, .ack = 1202);
    out(ACK, .seq = 1202, .ack = 10002);
    app_recv_is(HF_EOF);
}

/* Queued text outlives CLOSE through losses, until a time-out makes it an abort. */
TEST(close_loses_nothing_but_by_a_timeout, rfc, "N-22 N-11")
{
    established(.mss = 1000, .wnd = 1000);
    app_send(2500);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    app_shutdown();
    within(sec(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 1000);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 2001, .wnd = 1000);
    out(FIN|PSH|ACK, .seq = 2001, .ack = 1, .len = 500);
    drain(sec(400));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
}

/* Full close: whoever has called it reads no more, and the peer hears that text was lost. */
TEST(close_may_be_full, rfc, "MAY-1 SHLD-3")
{
    established();
    app_close();
    out(FIN|ACK, .seq = 1, .ack = 1);
    char byte;
    expect(hf_tcp_recv(stack(), conn(), &byte, 1), HF_ERR_STALE);
    in(PSH|ACK, .seq = 1, .ack = 2, .len = 10);
    out(RST, .seq = 2);
    ended(HF_CAUSE_DATA_AFTER_CLOSE);
}

TEST(close_with_text_that_waits_behind_a_gap, rfc, "SHLD-3")
{
    established();
    in(ACK, .seq = 101, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 1);
    app_close();
    out(RST|ACK, .seq = 1, .ack = 1);
    ended(HF_CAUSE_UNREAD_DATA);
}

/* One segment acknowledges our FIN and carries the peer's: straight to TIME-WAIT. */
TEST(fin_and_ack_in_one, rfc, "N-13")
{
    fin_wait_1();
    in(FIN|ACK, .seq = 1, .ack = 2, .len = 10);
    out(ACK, .seq = 2, .ack = 12);
    event(HF_EVENT_EOF | HF_EVENT_FIN_ACKED);
    state(HF_TIME_WAIT);
    app_recv(10);
}

/* ---- TIME-WAIT ---- */

TEST(time_wait_lasts_twice_the_msl, rfc, "MUST-13 N-12")
{
    static const int64_t msl[] = {1, 30, 120}; /* 120 s: by the letter of 3.4.2 */
    for (size_t i = 0; i < 3; i++) {
        with(msl, sec(msl[i]));
        time_wait();
        quiet(sec(2 * msl[i]) - ms(1));
        state(HF_TIME_WAIT);
        expect(counters().time_wait, 1);
        quiet(ms(200));
        gone();
        expect(counters().time_wait, 0);
        script_restart("");
    }
}

TEST(time_wait_is_cut_short_by_timestamps, rfc, "SHLD-4 MAY-2")
{
    time_wait(.ts = true);
    after(ms(5));
    uint32_t clock = peer_clock();
    peer_restart(peer_iss() - 100000); /* a lower number, yet a later timestamp */
    in(SYN, .seq = 0, .tsval = clock);
    out(SYN|ACK, .ack = 1, .new_iss = true, .tsecr = clock);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(time_wait_is_not_cut_short_by_old_timestamps, rfc, "SHLD-4")
{
    time_wait(.ts = true);
    after(ms(5));
    in(SYN, .seq = 5000, .tsval = peer_clock() - 10000);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
}

TEST(time_wait_is_reopened_with_a_larger_number, rfc, "MAY-2")
{
    time_wait();
    uint32_t old_end = our_iss() + 2;
    peer_restart(peer_iss() + 3);
    in(SYN, .seq = 0);
    struct script_segment taken;
    expect(script_take(&taken), SYN|ACK);
    note((int32_t)((uint32_t)taken.raw_seq - old_end) > 0); /* above all of the old one's */
    in(RST, .seq = 1); /* it was an old one after all: back to TIME-WAIT */
    drain(0);
    expect(counters().time_wait, 1);
}

/* Whoever resets may rest in TIME-WAIT as well (3.5.2); by 3.10.5, and by default, it is
 * CLOSED. */
TEST(pair_after_our_reset, rfc, "N-23")
{
    established(.active = true);
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 1);
    expect(counters().time_wait, 0);
    script_restart("held");
    with(hold_after_abort, 1);
    established(.active = true);
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 1);
    expect(counters().time_wait, 1);
    drain(2 * settings()->msl + sec(1));
    expect(counters().time_wait, 0);
}

/* ---- Time-outs of the user, 3.9.1.1 and 3.10.8 ---- */

TEST(user_timeout_by_default, rfc, "N-11")
{
    expect(settings()->user_timeout, sec(300));
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, 0), 0);
    app_send(10);
    drain(sec(300) - ms(1));
    state(HF_ESTABLISHED);
    drain(sec(1));
    ended(HF_CAUSE_USER_TIMEOUT);
    event(HF_EVENT_ENDED);
    expect(send_one(), HF_ERR_TIMEOUT);
    expect(status().send_queued, 0); /* flushed */
}

TEST(user_timeout_of_an_open, rfc, "N-11")
{
    app_open(.timeout = sec(7));
    out(SYN, .seq = 0);
    drain(sec(7) - ms(1));
    state(HF_SYN_SENT);
    drain(ms(2));
    ended(HF_CAUSE_USER_TIMEOUT);
}

TEST(user_timeout_in_each_state_that_waits, rfc, "N-11")
{
    static const int states[] = {HF_FIN_WAIT_1, HF_CLOSING, HF_LAST_ACK, HF_FIN_WAIT_2};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        reach(states[i]);
        expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, sec(20)), 0);
        drain(sec(20) - ms(1));
        state(states[i]);
        drain(ms(2));
        ended(HF_CAUSE_USER_TIMEOUT);
        script_restart(hf_state_text(states[i]));
    }
}

/* ---- Diffserv and TTL, 3.9.1.9 and 3.9.2 ---- */

TEST(diffserv_reaches_ip_unchanged, rfc, "MUST-48 SHLD-21 SHLD-22")
{
    established(.mss = 1000);
    int64_t seq = 1;
    for (int tos = 255; tos >= 0; tos -= 5, seq += 10) {
        expect(hf_tcp_set(stack(), conn(), HF_OPTION_TOS, tos), 0);
        expect(status().tos, tos);
        app_send(10);
        out(PSH|ACK, .seq = seq, .ack = 1, .len = 10, .tos = tos & 0xfc); /* ECN is not its part */
        in(ACK, .seq = 1, .ack = seq + 10);
    }
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TOS, 256), HF_ERR_ARGUMENT);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TOS, -1), HF_ERR_ARGUMENT);
    expect(status().tos, 0);
}

TEST(diffserv_on_all_segments, rfc, "MUST-48 SHLD-22")
{
    with(tos, 0xb8);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .tos = 0xb8);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = 0xb8);
    within(sec(1), PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = 0xb8);
    in(FIN|ACK, .seq = 1, .ack = 11);
    out(ACK, .seq = 11, .ack = 2, .tos = 0xb8);
    app_abort();
    out(RST|ACK, .seq = 11, .ack = 2, .tos = 0xb8);
    script_restart("active");
    app_open(.tos = 0x20);
    out(SYN, .seq = 0, .tos = 0x20);
    within(sec(2), SYN, .seq = 0, .tos = 0x20);
}

TEST(diffserv_of_the_peer_is_told, rfc, "MAY-9")
{
    established();
    for (int64_t i = 0; i < 5; i++) {
        in(ACK, .seq = 1, .ack = 1, .tos = 0x10 + 8 * i);
        expect(status().peer_tos, 0x10 + 8 * i);
    }
}

TEST(ttl_of_all_segments, rfc, "MUST-49")
{
    with(ttl, 33);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .ttl = 33);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .ttl = 33);
    in(ACK, .seq = 1, .ack = 11);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TTL, 255), 0);
    app_send(10);
    out(PSH|ACK, .seq = 11, .ack = 1, .len = 10, .ttl = 255);
    within(sec(2), PSH|ACK, .seq = 11, .ack = 1, .len = 10, .ttl = 255);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TTL, 0), HF_ERR_ARGUMENT);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TTL, 256), HF_ERR_ARGUMENT);
    app_abort();
    out(RST|ACK, .seq = 21, .ack = 1, .ttl = 255);
}

/* ---- Opening ---- */

/* Where SYN-RECEIVED came from decides what a reset means. */
TEST(passive_and_active_syn_received, rfc, "MUST-11 MUST-10 N-5")
{
    syn_received();
    in(RST, .seq = 1);
    nothing();
    no_event(HF_EVENT_ENDED);
    expect(counters().half_open, 0);
    expect(counters().listeners, 1); /* back in LISTEN */
    script_restart("active");
    syn_received(.simultaneous = true);
    in(RST, .seq = 1);
    ended(HF_CAUSE_REFUSED);
    event(HF_EVENT_ENDED);
}

/* A passive OPEN makes a record of its own or fails; nothing that exists is disturbed. */
TEST(listen_twice, rfc, "MUST-41 N-10")
{
    established();
    hf_listener second;
    struct hf_listen listen = {.size = sizeof listen, .local.port = our_port(), .backlog = 1};
    expect(hf_tcp_listen(stack(), &listen, &second), HF_ERR_EXISTS);
    state(HF_ESTABLISHED);
    listen.local.port = 81;
    expect(hf_tcp_listen(stack(), &listen, &second), 0);
    listen.local = (struct hf_endpoint){our_addr(), our_port()}; /* more exact: another */
    expect(hf_tcp_listen(stack(), &listen, &second), 0);
    another(40001);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    hf_conn handle;
    expect(hf_tcp_accept(stack(), listener(), 0, &handle), 0);
    expect(hf_tcp_accept(stack(), second, 0, &handle), 1); /* the best match has it */
    back_to(40000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
}

TEST(listen_by_name_of_what_is_wrong, rfc, "N-10 MUST-43")
{
    hf_listener handle;
    struct hf_listen listen = {.size = sizeof listen, .backlog = 1};
    expect(hf_tcp_listen(stack(), &listen, &handle), HF_ERR_ARGUMENT); /* no port */
    listen.local.port = 80;
    listen.any_port = 1;
    expect(hf_tcp_listen(stack(), &listen, &handle), HF_ERR_ARGUMENT); /* both */
    listen.any_port = 0;
    listen.local.addr = peer_addr();
    expect(hf_tcp_listen(stack(), &listen, &handle), HF_ERR_ADDRESS);
    listen.local.addr = our_addr();
    expect(hf_tcp_listen(stack(), &listen, &handle), 0);
    struct hf_endpoint where;
    expect(hf_listener_endpoint(stack(), handle, &where), 0);
    struct hf_addr ours = our_addr();
    note(where.port == 80 && hf_addr_equal(&where.addr, &ours));
    expect(hf_listener_close(stack(), handle), 0);
    expect(hf_listener_endpoint(stack(), handle, &where), HF_ERR_STALE);
}

/* Text on a SYN is legal. Ours is not kept, so the peer sends it again (RFC 9293 3.5 asks to
 * hold what is delivered, not to take it); a FIN with it is not lost either. */
TEST(text_on_a_syn, rfc, "N-14")
{
    app_listen();
    in(SYN, .seq = 0, .len = 100);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    app_accept();
    app_recv(100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101);
}

TEST(text_on_a_syn_ack, rfc, "N-14")
{
    syn_sent();
    in(SYN|ACK, .seq = 0, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 101);
    event(HF_EVENT_CONNECTED | HF_EVENT_READABLE);
    app_recv(100);
}

/* ---- Events and refusal ---- */

TEST(accept_in_order, rfc, "N-10")
{
    app_listen(.backlog = 3);
    for (uint16_t port = 40000; port < 40003; port++) {
        another(port);
        in(SYN, .seq = 0);
        out(SYN|ACK, .seq = 0, .ack = 1);
        in(ACK, .seq = 1, .ack = 1);
    }
    listener_event(HF_EVENT_ACCEPT);
    for (uint16_t port = 40000; port < 40003; port++) {
        app_accept();
        expect(status().remote.port, port);
    }
    hf_conn handle;
    expect(hf_tcp_accept(stack(), listener(), 0, &handle), 0);
}

TEST(backlog_of_nothing_takes_one, rfc, "N-10")
{
    with(cookies, HF_COOKIES_NEVER);
    app_listen(.no_backlog = true);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    another(40001);
    in(SYN, .seq = 0);
    nothing(); /* dropped, never reset: the peer tries again */
    dropped(HF_DROP_BACKLOG);
    app_accept();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

/* What happens on a connection before it is accepted is told with it. */
TEST(events_before_accept, rfc, "N-10 MUST-32")
{
    established(.no_accept = true);
    in(URG|ACK, .seq = 1, .ack = 1, .len = 10, .urg = 5);
    in(FIN|ACK, .seq = 11, .ack = 1);
    drain(0);
    app_accept();
    event(HF_EVENT_READABLE | HF_EVENT_EOF | HF_EVENT_URGENT);
    app_recv(10);
    app_recv_is(HF_EOF);
}

TEST(reset_before_accept, rfc, "N-10 MUST-12")
{
    established(.no_accept = true);
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    in(RST, .seq = 11);
    drain(0);
    app_accept();
    event(HF_EVENT_ENDED);
    app_recv(10);
    app_recv_is(HF_ERR_RESET);
}

/* RECEIVE before ESTABLISHED waits; what was sent before goes with it. */
TEST(send_before_established, rfc, "N-10 N-14")
{
    app_open();
    out(SYN, .seq = 0);
    app_send(500);
    nothing();
    app_recv_is(0);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    state(HF_ESTABLISHED);
}

/* ---- Turned active, 3.10.1 and 3.10.2 in LISTEN ---- */

TEST(listener_turned_active, rfc, "N-10 MUST-41")
{
    app_listen(.remote = true);
    hf_conn handle;
    expect(hf_listener_open(stack(), listener(), &handle), 0);
    out(SYN, .seq = 0);
    expect(counters().listeners, 0);
    expect(hf_listener_open(stack(), listener(), &handle), HF_ERR_STALE);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    script_restart("without a remote");
    app_listen();
    expect(hf_listener_open(stack(), listener(), &handle), HF_ERR_UNSPECIFIED);
    expect(counters().listeners, 1);
}
