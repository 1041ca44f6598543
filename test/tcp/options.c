/* Options by name, the zero-copy calls, and limits of the stack that end connections. */
/* clang-format off: scripts */
#include <string.h>

#include "cells.h"

static int64_t option(enum hf_option which)
{
    int64_t value = -1;
    expect(hf_tcp_get(stack(), conn(), which, &value), 0);
    return value;
}

TEST(options_are_read_back, rfc, "EST.STATUS")
{
    static const struct {
        enum hf_option option;
        int64_t good, bad;
    } rows[] = {
        {HF_OPTION_NODELAY, 1, 2},
        {HF_OPTION_KEEPALIVE, 1, -1},
        {HF_OPTION_KEEPALIVE_IDLE, 100 * HF_SEC, -1},
        {HF_OPTION_KEEPALIVE_INTERVAL, 20 * HF_SEC, 0},
        {HF_OPTION_KEEPALIVE_PROBES, 5, 0},
        {HF_OPTION_R2, 200 * HF_SEC, -1},
        {HF_OPTION_USER_TIMEOUT, 30 * HF_SEC, -1},
        {HF_OPTION_TOS, 0xb8, 256},
        {HF_OPTION_TTL, 3, 0},
        {HF_OPTION_SND_BUFFER, 5000, -1},
        {HF_OPTION_RCV_BUFFER, 70000, -1},
        {HF_OPTION_SOFT_ERRORS, 0, 2},
        {HF_OPTION_DELACK, 0, 2},
        {HF_OPTION_CORK, 1, 2},
    };
    established();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t was = option(rows[i].option);
        expect(hf_tcp_set(stack(), conn(), rows[i].option, rows[i].bad), HF_ERR_ARGUMENT);
        expect(option(rows[i].option), was);
        expect(hf_tcp_set(stack(), conn(), rows[i].option, rows[i].good), 0);
        expect(option(rows[i].option), rows[i].good);
    }
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_MSS, 63), HF_ERR_ARGUMENT);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SEND_ROOM, 500), HF_ERR_ARGUMENT);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_COUNT, 0), HF_ERR_ARGUMENT);
    drain(0);
}

TEST(options_have_names, rfc, "EST.STATUS")
{
    expect(hf_option_named("nodelay"), HF_OPTION_NODELAY);
    expect(hf_option_named("send-room"), HF_OPTION_SEND_ROOM);
    expect(hf_option_named("no such option"), HF_ERR_ARGUMENT);
    expect(hf_option_named(""), HF_ERR_ARGUMENT);
}

TEST(option_send_room, rfc, "EST.SEND")
{
    with(snd_buffer, 5000);
    established(.mss = 1000, .wnd = 1000);
    expect(option(HF_OPTION_SEND_ROOM), 5000);
    expect(option(HF_OPTION_MSS), 1000);
    app_send(1500);
    drain(0);
    expect(option(HF_OPTION_SEND_ROOM), 3500);
    app_shutdown();
    drain(0);
    expect(option(HF_OPTION_SEND_ROOM), 0);
}

TEST(option_tos_and_ttl, rfc, "EST.SEND MUST-48 MUST-49 SHLD-21")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TOS, 0x28), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_TTL, 7), 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10, .tos = 0x28, .ttl = 7);
    in(SYN, .seq = 1);
    out(ACK, .tos = 0x28, .ttl = 7);
    app_abort();
    out(RST|ACK, .seq = 11, .tos = 0x28, .ttl = 7);
}

TEST(option_user_comes_back_in_events, rfc, "EST.data")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER, 4711), 0);
    expect(option(HF_OPTION_USER), 4711);
}

TEST(option_cork, rfc, "EST.SEND")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 1), 0);
    app_send(1500);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing();
    in(ACK, .seq = 1, .ack = 1001);
    nothing();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_CORK, 0), 0);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 500);
}

TEST(send_more, rfc, "EST.SEND")
{
    established(.mss = 1000);
    app_send_flags(100, HF_SEND_MORE);
    nothing();
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 200);
}

/* What was announced never comes: the text goes all the same. */
TEST(send_more_is_not_believed_for_ever, rfc, "EST.SEND MUST-60 MAY-15")
{
    established(.mss = 1000);
    app_send_flags(100, HF_SEND_MORE);
    within(sec(1), ACK, .seq = 1, .ack = 1, .len = 100);
    in(ACK, .seq = 1, .ack = 101);
    quiet(sec(10));
}

TEST(option_delayed_ack_off, rfc, "EST.data")
{
    established();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_DELACK, 0), 0);
    for (int64_t i = 0; i < 5; i++) {
        in(PSH|ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
        out(ACK, .seq = 1, .ack = 11 + 10 * i);
    }
    app_recv(50);
}

TEST(quick_acks_at_the_start, linux, "EST.data")
{
    established();
    note(settings()->quick_acks > 0);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    out(ACK, .seq = 1, .ack = 11);
    app_recv(10);
}

TEST(reserve_and_commit, rfc, "EST.SEND")
{
    established(.mss = 1000);
    void *room;
    size_t len = 0;
    expect(hf_tcp_reserve(stack(), conn(), 50, &room, &len), 0);
    note(len >= 1 && len <= 50);
    nothing();
    memcpy(room, "h", 1);
    expect(hf_tcp_commit(stack(), conn(), len + 1, 0), HF_ERR_ARGUMENT);
    expect(hf_tcp_commit(stack(), conn(), 1, 0), 0);
    out(PSH|ACK, .seq = 1, .ack = 1, .text = "h");
    expect(hf_tcp_reserve(stack(), conn(), 50, &room, &len), 0);
    expect(hf_tcp_commit(stack(), conn(), 0, 0), 0);
    nothing();
    in(ACK, .seq = 1, .ack = 2);
    app_shutdown();
    out(FIN|ACK, .seq = 2, .ack = 1);
    expect(hf_tcp_reserve(stack(), conn(), 50, &room, &len), HF_ERR_CLOSING);
}

TEST(reserve_in_a_full_queue, rfc, "EST.SEND")
{
    with(snd_buffer, 2000);
    established(.mss = 1000, .wnd = 1000);
    app_send(2000);
    drain(0);
    void *room;
    size_t len;
    expect(hf_tcp_reserve(stack(), conn(), 50, &room, &len), HF_ERR_LIMIT);
    in(ACK, .seq = 1, .ack = snd_nxt(), .wnd = 1000);
    drain(0);
    event(HF_EVENT_WRITABLE);
}

/* ---- Limits ---- */

TEST(time_wait_limit, rfc, "TWT.2MSL")
{
    with(time_wait_max, 2);
    for (uint16_t i = 0; i < 4; i++) {
        if (i > 0)
            another((uint16_t)(40000 + i));
        time_wait();
        app_close();
        expect(counters().time_wait, i < 2 ? i + 1 : 2);
    }
    back_to(40000);
    gone();
    back_to(40001);
    gone();
    back_to(40002);
    state(HF_TIME_WAIT);
    expect(counters().ended[HF_CAUSE_TIME_WAIT_LIMIT], 2);
}

TEST(time_wait_entries_leave_in_any_order, rfc, "TWT.SYN TWT.2MSL")
{
    for (uint16_t i = 0; i < 4; i++) {
        if (i > 0)
            another((uint16_t)(40000 + i));
        time_wait();
    }
    for (uint16_t i = 1; i < 3; i++) {
        another((uint16_t)(40000 + i));
        peer_restart(peer_iss() + 10000);
        in(SYN, .seq = 0);
        out(SYN|ACK, .ack = 1, .new_iss = true);
        in(ACK, .seq = 1, .ack = 1);
        state(HF_ESTABLISHED);
    }
    expect(counters().time_wait, 2);
    drain(2 * settings()->msl + sec(1));
    expect(counters().time_wait, 0);
}

TEST(time_wait_of_no_length, rfc, "TWT.2MSL")
{
    script_setup()->msl_zero = true;
    fin_wait_2();
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    gone();
    expect(counters().time_wait, 0);
    app_recv_is(HF_EOF);
}

TEST(orphan_limit, rfc, "FW2.UTO")
{
    with(orphans_max, 1);
    fin_wait_2(.full = true);
    another(40001);
    established();
    app_close();
    out(RST|ACK, .seq = 1, .ack = 1);
    ended(HF_CAUSE_ORPHAN_LIMIT);
    expect(counters().orphans, 1);
}

TEST(clock_leaps, rfc, "EST.RTO FW1.RTO TWT.2MSL")
{
    fin_wait_1();
    after(ms(500));
    clock_jumps(sec(3600));
    nothing();
    quiet(ms(499));
    after(ms(1));
    out(FIN|ACK, .seq = 1, .ack = 1);
    in(FIN|ACK, .seq = 1, .ack = 2);
    out(ACK, .seq = 2, .ack = 2);
    state(HF_TIME_WAIT);
    clock_jumps(sec(3600));
    state(HF_TIME_WAIT);
    quiet(2 * settings()->msl - ms(1));
    state(HF_TIME_WAIT);
    quiet(sec(1));
    gone();
}

TEST(no_memory_for_a_connection, rfc, "CLD.OPEN-a")
{
    script_setup()->memory_limit = HF_MEMORY_MIN;
    script_setup()->connections_max = 1000000;
    hf_conn handle;
    struct hf_open open = {.size = sizeof open, .remote = {peer_addr(), 80}};
    int err = 0;
    for (unsigned i = 1; i < 10000 && err == 0; i++) {
        open.remote.port = (uint16_t)i;
        err = hf_tcp_open(stack(), &open, &handle);
        drain(0);
    }
    note(err == HF_ERR_MEMORY || err == HF_ERR_LIMIT);
    note(counters().memory <= HF_MEMORY_MIN);
}

/* ---- What must be known before the handshake ---- */

TEST(option_mss_before_the_syn, rfc, "SHLD-5 MUST-14")
{
    app_open(.mss = 800);
    out(SYN, .seq = 0, .mss = 800);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1300);
    out(ACK, .seq = 1, .ack = 1);
    expect(option(HF_OPTION_MSS), 800); /* it bounds what we send, too */
    expect(status().peer_mss, 1300);
    expect(status().advertised_mss, 800);
    app_send(1600);
    out(ACK, .seq = 1, .len = 800);
    out(PSH|ACK, .seq = 801, .len = 800);
}

TEST(option_receive_buffer_before_the_syn, rfc, "SYS.SYN-ACK-ok")
{
    app_open(.rcv_buffer = 1 << 20);
    out(SYN, .seq = 0, .ws = 5, .wnd = 65535);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1300, .ws = 0);
    out(ACK, .seq = 1, .ack = 1, .wnd = (1 << 20) >> 5);
}

static void listen_with(enum hf_option which, int64_t value)
{
    expect(hf_listener_set(stack(), listener(), which, value), 0);
}

TEST(options_of_a_listener_hold_from_the_syn_ack_on, rfc, "LIS.SYN")
{
    app_listen();
    listen_with(HF_OPTION_MSS, 700);
    listen_with(HF_OPTION_RCV_BUFFER, 20000);
    listen_with(HF_OPTION_SND_BUFFER, 5000);
    listen_with(HF_OPTION_TOS, 0x20);
    listen_with(HF_OPTION_TTL, 9);
    listen_with(HF_OPTION_NODELAY, 1);
    listen_with(HF_OPTION_DELACK, 0);
    in(SYN, .seq = 0, .mss = 1300);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = 700, .wnd = 20000, .tos = 0x20, .ttl = 9);
    within(sec(2), SYN|ACK, .seq = 0, .ack = 1, .mss = 700, .wnd = 20000, .tos = 0x20, .ttl = 9);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 101, .wnd = 20000 - 100, .tos = 0x20, .ttl = 9);
    expect(option(HF_OPTION_SND_BUFFER), 5000);
    app_send(1000);
    out(ACK, .seq = 1, .len = 700);
    out(PSH|ACK, .seq = 701, .len = 300);
}

TEST(options_that_a_listener_does_not_take, rfc, "LIS.OPEN-p")
{
    app_listen();
    expect(hf_listener_set(stack(), listener(), HF_OPTION_USER, 1), HF_ERR_ARGUMENT);
    expect(hf_listener_set(stack(), listener(), HF_OPTION_CORK, 1), HF_ERR_ARGUMENT);
    expect(hf_listener_set(stack(), listener(), HF_OPTION_TTL, 0), HF_ERR_ARGUMENT);
    expect(hf_listener_set(stack(), listener(), HF_OPTION_SEND_ROOM, 0), HF_ERR_ARGUMENT);
    hf_listener was = listener();
    expect(hf_listener_close(stack(), was), 0);
    expect(hf_listener_set(stack(), was, HF_OPTION_TTL, 5), HF_ERR_STALE);
    expect(hf_listener_waiting(stack(), was), HF_ERR_STALE);
}

TEST(a_listener_tells_how_many_wait, rfc, "LIS.SYN")
{
    established(.no_accept = true);
    expect(hf_listener_waiting(stack(), listener()), 1);
    app_accept();
    expect(hf_listener_waiting(stack(), listener()), 0);
}

TEST(a_listener_for_one_family, rfc, "LIS.OPEN-p MUST-42")
{
    uint8_t ours = family() == 4 ? HF_IPV4 : HF_IPV6, other = family() == 4 ? HF_IPV6 : HF_IPV4;
    nothing();
    struct hf_listen listen = {.size = sizeof listen, .local.port = our_port(), .family = other};
    hf_listener first, second;
    expect(hf_tcp_listen(stack(), &listen, &first), 0);
    in(SYN, .seq = 0);
    out(RST|ACK, .raw_seq = 0, .ack = 1);
    listen.family = HF_FAMILY_NONE;
    expect(hf_tcp_listen(stack(), &listen, &second), HF_ERR_EXISTS);
    listen.family = ours;
    expect(hf_tcp_listen(stack(), &listen, &second), 0);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    listen.family = 7;
    expect(hf_tcp_listen(stack(), &listen, &second), HF_ERR_ARGUMENT);
}

/* Nothing was reserved: only "nothing more follows" is said. */
TEST(commit_of_nothing, linux, "EST.SEND")
{
    established(.mss = 1000);
    expect(hf_tcp_commit(stack(), conn(), 0, 0), 0);
    expect(hf_tcp_commit(stack(), conn(), 1, 0), HF_ERR_ARGUMENT);
    app_send_flags(10, HF_SEND_MORE);
    nothing();
    expect(hf_tcp_commit(stack(), conn(), 0, 0), 0);
    out(ACK, .seq = 1, .len = 10);
    app_shutdown();
    out(FIN|ACK, .seq = 11);
    expect(hf_tcp_commit(stack(), conn(), 0, 0), HF_ERR_CLOSING);
}

TEST(copy_takes_nothing, rfc, "EST.RECEIVE")
{
    uint8_t first[6], second[100];
    established(.mss = 1000);
    expect(hf_tcp_copy(stack(), conn(), 0, first, sizeof first), 0);
    for (int i = 0; i < 5; i++) { /* not all in one chunk */
        in(PSH|ACK, .seq = 1 + i * 700, .ack = 1, .len = 700);
        drain(sec(1));
    }
    expect(hf_tcp_copy(stack(), conn(), 3496, first, sizeof first), 4);
    expect(hf_tcp_copy(stack(), conn(), 3500, first, sizeof first), 0);
    expect(hf_tcp_copy(stack(), conn(), 690, second, sizeof second), 100);
    expect(hf_tcp_copy(stack(), conn(), 696, first, sizeof first), 6);
    expect(memcmp(first, second + 6, sizeof first), 0);
    app_recv(3500);
    in(FIN|ACK, .seq = 3501, .ack = 1);
    out(ACK, .seq = 1, .ack = 3502);
    expect(hf_tcp_copy(stack(), conn(), 0, first, sizeof first), HF_EOF);
}

/* The limit is counted from the last sign of progress. */
TEST(close_within_a_limit, rfc, "FW2.UTO")
{
    established(.mss = 1000);
    expect(hf_tcp_close_within(stack(), conn(), 0), HF_ERR_ARGUMENT);
    expect(hf_tcp_close_within(stack(), conn(), sec(7)), 0);
    out(FIN|ACK, .seq = 1, .ack = 1);
    after(ms(500));
    in(ACK, .seq = 1, .ack = 2);
    after(sec(7) - ms(1));
    expect(script_traced_state(), HF_FIN_WAIT_2);
    after(ms(1));
    expect(script_traced_state(), HF_CLOSED);
    expect(hf_tcp_close_within(stack(), conn(), sec(7)), HF_ERR_STALE);
}

/* ---- Listeners that wait for text ---- */

TEST(a_listener_that_waits_for_text, rfc, "LIS.SYN SYR.data")
{
    app_listen();
    listen_with(HF_OPTION_DEFER_ACCEPT, 2);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    dropped(HF_DROP_DEFERRED);
    expect(hf_listener_waiting(stack(), listener()), 0);
    in(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    expect(hf_listener_waiting(stack(), listener()), 1);
    within(ms(500), ACK, .seq = 1, .ack = 11);
}

TEST(a_listener_waits_for_text_only_so_long, rfc, "LIS.SYN")
{
    app_listen();
    expect(hf_listener_set(stack(), listener(), HF_OPTION_DEFER_ACCEPT, 16), HF_ERR_ARGUMENT);
    listen_with(HF_OPTION_DEFER_ACCEPT, 2);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    for (int i = 0; i < 2; i++) {
        in(ACK, .seq = 1, .ack = 1);
        dropped(HF_DROP_DEFERRED);
        within(sec(3), SYN|ACK, .seq = 0, .ack = 1);
    }
    in(ACK, .seq = 1, .ack = 1);
    expect(hf_listener_waiting(stack(), listener()), 1);
    app_accept();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_DEFER_ACCEPT, 1), HF_ERR_ARGUMENT);
}

TEST(a_fin_is_not_waited_behind, rfc, "SYR.FIN")
{
    app_listen();
    listen_with(HF_OPTION_DEFER_ACCEPT, 2);
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(FIN|ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 2);
    expect(hf_listener_waiting(stack(), listener()), 1);
}
