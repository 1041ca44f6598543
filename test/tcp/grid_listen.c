/* LISTEN: a passive OPEN and what reaches it (docs/states.md, LIS; RFC 9293 3.10.7.2). */
/* clang-format off: scripts */
#include "cells.h"

TEST(listen_syn, rfc, "LIS.SYN MUST-11 MUST-14")
{
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss(), .ws = NONE, .sackok = NONE, .tsval = NONE);
    state(HF_SYN_RECEIVED);
    expect(counters().listeners, 1);
    expect(counters().half_open, 1);
}

TEST(listen_syn_options_are_answered_in_kind, rfc, "LIS.SYN")
{
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .ws = 7, .sackok = 1, .tsval = 777);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss(), .sackok = 1, .tsecr = 777);
    another(40001);
    in(SYN, .seq = 0, .sackok = 1);
    out(SYN|ACK, .seq = 0, .ack = 1, .ws = NONE, .sackok = 1, .tsval = NONE);
    another(40002);
    in(SYN, .seq = 0, .ws = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .sackok = NONE, .tsval = NONE);
    note(counters().half_open == 3);
}

TEST(listen_two_at_once, rfc, "LIS.SYN")
{
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    another(40001);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    back_to(40000);
    state(HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    listener_event(HF_EVENT_ACCEPT);
    app_accept();
    expect(status().remote.port, 40001);
    app_accept();
    expect(status().remote.port, 40000);
}

TEST(listen_syn_with_text, rfc, "LIS.SYN")
{
    app_listen();
    in(SYN, .seq = 0, .len = 10);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    app_accept();
    app_recv(10);
    app_recv_is(0);
}

TEST(listen_syn_fin_is_dropped, rfc, "LIS.SYN D-13 A6")
{
    app_listen();
    in(SYN|FIN, .seq = 0);
    nothing();
    state(HF_LISTEN);
}

TEST(listen_syn_fin_by_the_letter, rfc, "LIS.SYN D-13")
{
    with(accept_syn_fin, 1);
    app_listen();
    in(SYN|FIN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    state(HF_SYN_RECEIVED);
}

TEST(listen_ack, rfc, "LIS.A-new LIS.A-dup LIS.A-old LIS.A-unsent LIS.out")
{
    app_listen();
    const uint32_t acks[] = {0, 1, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
        in(ACK, .seq = 1, .raw_ack = acks[i]);
        out(RST, .raw_seq = acks[i]);
        state(HF_LISTEN);
    }
}

TEST(listen_syn_ack, rfc, "LIS.SYN-ACK-ok LIS.SYN-ACK-bad")
{
    app_listen();
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(RST, .seq = 1);
    in(SYN|ACK, .seq = 0, .raw_ack = 99);
    out(RST, .raw_seq = 99);
    state(HF_LISTEN);
}

TEST(listen_text_and_fin, rfc, "LIS.data LIS.data-gap LIS.FIN LIS.FIN-again")
{
    app_listen();
    in(PSH|ACK, .seq = 1, .raw_ack = 300, .len = 10);
    out(RST, .raw_seq = 300);
    in(ACK, .seq = 1000, .raw_ack = 300, .len = 10);
    out(RST, .raw_seq = 300);
    in(FIN|ACK, .seq = 1, .raw_ack = 300);
    out(RST, .raw_seq = 300);
    in(FIN|ACK, .seq = 1, .raw_ack = 300);
    out(RST, .raw_seq = 300);
    state(HF_LISTEN);
}

TEST(listen_reset, rfc, "LIS.RST-exact LIS.RST-win LIS.RST-out")
{
    app_listen();
    in(RST, .seq = 0);
    nothing();
    in(RST|ACK, .seq = 0, .raw_ack = 300);
    nothing();
    in(SYN|RST, .seq = 0);
    nothing();
    state(HF_LISTEN);
}

TEST(listen_no_ack, rfc, "LIS.no-ACK")
{
    app_listen();
    in(0, .seq = 0);
    nothing();
    in(PSH, .seq = 0, .len = 10);
    nothing();
    in(FIN, .seq = 0);
    nothing();
    state(HF_LISTEN);
}

/* As Linux: backlog + 1 may wait; then a SYN is dropped, never refused. */
TEST(listen_accept_queue_full, rfc, "LIS.SYN")
{
    with(cookies, HF_COOKIES_NEVER);
    app_listen(.no_backlog = true);
    established(.no_accept = true);
    another(40001);
    in(SYN, .seq = 0);
    nothing();
    dropped(HF_DROP_BACKLOG);
    app_accept();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

/* The application never accepts: exactly backlog + 1 get in, nobody is reset, and it recovers. */
TEST(listen_accept_queue_of_every_size, rfc, "LIS.SYN C3")
{
    const uint32_t sizes[] = {0, 1, 5, 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        script_restart("accept queue");
        with(cookies, HF_COOKIES_NEVER);
        app_listen(.backlog = sizes[i], .no_backlog = sizes[i] == 0);
        uint32_t open = 0;
        for (uint16_t k = 0; k < 30; k++) {
            another((uint16_t)(40000 + k));
            in(SYN, .seq = 0);
            if (drain(0) == 0)
                continue;
            in(ACK, .seq = 1, .ack = 1);
            nothing();
            open += script_traced_state() == HF_ESTABLISHED;
        }
        expect(open, sizes[i] + 1);
        expect(counters().resets_out, 0);
        for (uint32_t k = 0; k < open; k++)
            app_accept();
        another(50001);
        in(SYN, .seq = 0);
        out(SYN|ACK, .seq = 0, .ack = 1);
        in(ACK, .seq = 1, .ack = 1);
        app_accept();
    }
}

/* SYN, SYN+ACK, RST, over and over: no place is lost. */
TEST(listen_places_come_back, rfc, "SYR.RST-exact C4")
{
    with(cookies, HF_COOKIES_NEVER);
    app_listen(.backlog = 2);
    for (uint32_t i = 0; i < 500; i++) {
        peer_restart(i * 1000);
        in(SYN, .seq = 0);
        out(SYN|ACK, .seq = 0, .ack = 1);
        in(RST, .seq = 1);
        nothing();
    }
    expect(counters().half_open, 0);
    peer_restart(7);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    state(HF_ESTABLISHED);
}

/* Half-open connections of a listener are bounded by its backlog too. */
TEST(listen_half_open_full, rfc, "LIS.SYN C5")
{
    with(cookies, HF_COOKIES_NEVER);
    app_listen(.backlog = 2);
    for (uint16_t i = 0; i < 6; i++) {
        another((uint16_t)(40000 + i));
        in(SYN, .seq = 0);
        if (i < 3)
            out(SYN|ACK, .seq = 0, .ack = 1);
        nothing();
    }
    expect(counters().half_open, 3);
    back_to(40000);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    another(40005);
    in(SYN, .seq = 0); /* a place is free again */
    out(SYN|ACK, .seq = 0, .ack = 1);
}

TEST(listen_third_segment_finds_the_queue_full, rfc, "LIS.SYN SYR.A-new")
{
    with(cookies, HF_COOKIES_NEVER);
    app_listen(.backlog = 1);
    syn_received();
    another(40001);
    syn_received();
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    another(40002);
    syn_received();
    back_to(40000);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    another(40002);
    in(ACK, .seq = 1, .ack = 1); /* backlog + 1 wait already: dropped, the entry stays */
    nothing();
    dropped(HF_DROP_BACKLOG);
    state(HF_SYN_RECEIVED);
    app_accept();
    within(sec(2), SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
}

TEST(listen_open_again, rfc, "LIS.OPEN-p MUST-41")
{
    app_listen();
    hf_listener second;
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 1};
    expect(hf_tcp_listen(stack(), &listen, &second), HF_ERR_EXISTS);
    nothing();
}

TEST(listen_turns_active, rfc, "LIS.OPEN-a LIS.SEND")
{
    app_listen(.remote = true);
    hf_conn handle;
    expect(hf_listener_open(stack(), listener(), &handle), 0);
    out(SYN, .seq = 0, .mss = our_mss());
    state(HF_SYN_SENT);
    expect(counters().listeners, 0);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    expect(hf_tcp_send(stack(), handle, "", 0, 0), 0);
}

TEST(listen_turns_active_with_its_options, rfc, "LIS.OPEN-a MUST-48")
{
    app_listen(.remote = true);
    expect(hf_listener_set(stack(), listener(), HF_OPTION_TOS, 0x20), 0);
    expect(hf_listener_set(stack(), listener(), HF_OPTION_MSS, 700), 0);
    expect(hf_listener_set(stack(), listener(), HF_OPTION_NODELAY, 1), 0);
    hf_conn handle;
    int64_t value = 0;
    expect(hf_listener_open(stack(), listener(), &handle), 0);
    out(SYN, .seq = 0, .mss = 700, .tos = 0x20);
    expect(hf_tcp_get(stack(), handle, HF_OPTION_NODELAY, &value), 0);
    expect(value, 1);
}

TEST(listen_for_anybody_cannot_turn_active, rfc, "LIS.OPEN-a LIS.SEND")
{
    app_listen();
    hf_conn handle;
    expect(hf_listener_open(stack(), listener(), &handle), HF_ERR_UNSPECIFIED);
    nothing();
    state(HF_LISTEN);
}

TEST(listen_for_one_remote_refuses_others, rfc, "LIS.SYN CLD.SYN")
{
    app_listen(.remote = true);
    another(40001);
    in(SYN, .seq = 0);
    out(RST|ACK, .raw_seq = 0, .ack = 1);
    another(40000);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

TEST(listen_receive_waits, rfc, "LIS.RECEIVE LIS.STATUS")
{
    app_listen();
    hf_conn handle;
    struct hf_endpoint local;
    expect(hf_tcp_accept(stack(), listener(), 0, &handle), 0);
    expect(hf_listener_endpoint(stack(), listener(), &local), 0);
    expect(local.port, 80);
}

TEST(listen_close, rfc, "LIS.CLOSE LIS.ABORT")
{
    app_listen();
    expect(hf_listener_close(stack(), listener()), 0);
    nothing();
    expect(hf_listener_close(stack(), listener()), HF_ERR_STALE);
    in(SYN, .seq = 0);
    out(RST|ACK, .raw_seq = 0, .ack = 1);
}

TEST(listen_close_ends_what_came_through_it, rfc, "LIS.CLOSE SYR.CLOSE SYR.ABORT")
{
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    another(40001);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    state(HF_ESTABLISHED);
    expect(hf_listener_close(stack(), listener()), 0);
    out(RST|ACK, .seq = 1, .ack = 1);
    ended(HF_CAUSE_LISTENER_CLOSED);
    back_to(40000);
    ended(HF_CAUSE_LISTENER_CLOSED);
}
