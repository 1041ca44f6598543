/* What connections leave for the next ones to the same host (src/tcp/path_info.c, RFC 9040). */
/* clang-format off: scripts */
#include "script.h"

/* A connection whose round trips take this long, from the SYN on; then it is over. */
static void connection(uint16_t port, hf_time round_trip)
{
    another(port);
    in(SYN, .seq = 0, .mss = 1000, .tsval = peer_clock(), .sackok = 1);
    out(SYN|ACK, .seq = 0, .ack = 1);
    int64_t told = last_tsval();
    drain(round_trip); /* it may be sent again meanwhile */
    in(ACK, .seq = 1, .ack = 1, .tsecr = told);
    app_accept();
    for (int i = 0; i < 20; i++) {
        app_send(100);
        drain(0);
        after(round_trip);
        in(ACK, .seq = 1, .ack = snd_nxt());
        drain(0);
    }
    app_abort();
    drain(0);
}

/* The SYN of a new connection to the same host; when it is sent again. */
static hf_time second_syn(void)
{
    another(50000);
    app_open(.local_port = 1234);
    out(SYN, .seq = 0);
    hf_time left = script_now();
    within(sec(30), SYN, .seq = 0);
    hf_time waited = script_now() - left;
    app_abort();
    drain(0);
    return waited;
}

TEST(long_round_trips_make_for_a_long_first_rto, linux, "")
{
    app_listen(.backlog = 4);
    connection(40000, ms(1500));
    note(second_syn() >= ms(1500));
}

TEST(the_usual_round_trip_changes_nothing, linux, "")
{
    app_listen(.backlog = 4);
    connection(40000, ms(300));
    expect(second_syn(), settings()->rto_initial);
}

TEST(what_was_long_may_become_usual_again, linux, "")
{
    app_listen(.backlog = 4);
    connection(40000, ms(1500));
    connection(40001, ms(100));
    expect(second_syn(), settings()->rto_initial);
}

TEST(long_round_trips_are_forgotten, linux, "")
{
    app_listen(.backlog = 4);
    connection(40000, ms(1500));
    after(settings()->pmtu_age + sec(1));
    expect(second_syn(), settings()->rto_initial);
}

TEST(the_rfc_profile_keeps_nothing, rfc, "")
{
    app_listen(.backlog = 4);
    connection(40000, ms(1500));
    expect(second_syn(), settings()->rto_initial);
}

/* ---- Path MTU ---- */

/* Full segments vanish until they are small enough. */
static void black_hole(void)
{
    app_send(1400);
    drain(sec(4));
    note(status().path_mtu < 1300);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    for (int i = 0; i < 5 && status().send_queued > 0; i++) {
        in(ACK, .seq = 1, .ack = snd_nxt());
        drain(0);
    }
}

TEST(a_silent_path_is_known_to_the_next_connection, linux, "N-16")
{
    with(mtu_probing, HF_MTU_PROBING_BLACK_HOLE);
    with(path_info, HF_PATH_INFO_MTU);
    established(.mss = (uint16_t)our_mss(), .sack = 1);
    black_hole();
    uint32_t found = status().path_mtu;
    another(40001);
    in(SYN, .seq = 0, .mss = our_mss(), .sackok = 1);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss()); /* what we take is another matter */
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().path_mtu, found);
    another(50000);
    app_open(.local_port = 1234);
    out(SYN, .seq = 0, .mss = our_mss());
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
    out(ACK, .seq = 1, .ack = 1);
    expect(status().path_mtu, found);
    app_send(1400);
    out(ACK, .len = found - (family() == 4 ? 40 : 60));
    drain(0);
}

TEST(a_silent_path_is_not_told_without_the_setting, linux, "N-16")
{
    with(mtu_probing, HF_MTU_PROBING_BLACK_HOLE);
    with(path_info, HF_PATH_INFO_RTT);
    established(.mss = (uint16_t)our_mss(), .sack = 1);
    black_hole();
    another(40001);
    in(SYN, .seq = 0, .mss = our_mss());
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().path_mtu, 1500);
}

/* ---- Slow start ---- */

static uint32_t ssthresh_after_a_loss(unsigned what)
{
    with(path_info, (uint8_t)what);
    with(frto, 0); /* which would find that nothing was lost */
    established(.mss = 1000, .sack = 1);
    app_send(20000);
    drain(sec(2)); /* nothing comes back */
    uint32_t ssthresh = status().ssthresh;
    note(ssthresh < 20000);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    app_abort();
    drain(0);
    another(40001);
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(100);
    drain(0);
    return status().ssthresh == ssthresh;
}

TEST(the_next_connection_knows_where_slow_start_ends, linux, "")
{
    expect(ssthresh_after_a_loss(HF_PATH_INFO_ALL), 1);
}

TEST(the_next_connection_finds_out_for_itself, linux, "")
{
    expect(ssthresh_after_a_loss(settings()->path_info), 0);
}
