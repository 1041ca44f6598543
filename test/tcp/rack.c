/* RACK: loss by time (RFC 8985 6), in virtual time. The round trip is 100 ms throughout. */
/* clang-format off: scripts */
#include "script.h"

static void out_segments(int64_t seq, int n)
{
    for (int i = 0; i < n; i++)
        out(ACK, .seq = seq + 1000 * i, .ack = 1, .len = 1000);
}

/* Established at 100 ms. */
static void open_with(bool ts)
{
    with(tlp, 0);
    with(timestamps, ts);
    app_open();
    out(SYN, .seq = 0);
    at(ms(100));
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = ts ? 1012 : 1000, .sackok = 1, .tsval = ts ? peer_clock() : NONE);
    out(ACK, .seq = 1, .ack = 1);
}

/* One SACKed segment behind three that are missing: they are given a quarter of a round trip. */
TEST(rack_waits_for_what_was_overtaken, rfc, "MUST-19")
{
    open_with(false);
    app_send(4000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{3001, 4001}});
    quiet(ms(25) - us(1));
    within(us(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    expect(status().phase, 2);
    at(ms(325));
    in(ACK, .seq = 1, .ack = 1001, .sack = {{3001, 4001}});
    out_segments(1001, 2);
    in(ACK, .seq = 1, .ack = 4001);
    quiet(sec(100));
}

/* Linux's timer is 2 ms late at the least. */
TEST(rack_timer_of_linux, linux, "")
{
    open_with(false);
    app_send(4000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{3001, 4001}});
    quiet(ms(27) - us(1));
    within(us(2), ACK, .seq = 1, .ack = 1, .len = 1000);
}

/* 6.2 step 4: three SACKed segments and no reordering seen: at once. */
TEST(rack_counts_while_nothing_was_reordered, rfc, "MUST-19")
{
    open_with(false);
    app_send(4000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}});
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 3001}});
    nothing();
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 4001);
    quiet(sec(100));
}

/* Step 3: once original text was seen to arrive behind what left later, three are not enough. */
TEST(rack_waits_longer_on_a_path_that_reorders, rfc, "MUST-19")
{
    open_with(false);
    app_send(4000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 3001}});
    in(ACK, .seq = 1, .ack = 4001); /* the first was only late */
    expect(status().retransmits, 0);
    app_send(5000);
    drain(0);
    at(ms(300));
    in(ACK, .seq = 1, .ack = 4001, .sack = {{5001, 9001}});
    quiet(ms(25) - us(1));
    within(us(2), ACK, .seq = 4001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 9001);
    quiet(sec(100));
}

/* What arrives within the window costs nothing: no retransmission, no smaller cwnd. */
TEST(rack_reordering_within_the_window_costs_nothing, rfc, "MUST-19")
{
    open_with(false);
    uint32_t cwnd = 0;
    for (int64_t i = 0, next = 1; i < 20; i++, next += 5000) {
        app_send(5000);
        drain(0);
        at(ms(200 + 200 * i));
        in(ACK, .seq = 1, .ack = next, .sack = {{next + 1000, next + 3000}});
        after(ms(20));
        in(ACK, .seq = 1, .ack = next + 3000, .sack = {{next + 4000, next + 5000}});
        after(ms(2));
        in(ACK, .seq = 1, .ack = next + 5000);
        note(status().cwnd >= cwnd);
        cwnd = status().cwnd;
    }
    expect(status().retransmits, 0);
    quiet(sec(100));
}

/* Where most text is SACKed before it is acknowledged, a window that grew by acknowledgements alone would
 * hardly grow. Each octet counts once. */
TEST(rack_reordering_does_not_keep_the_window_small, linux, "MUST-19")
{
    open_with(false);
    app_send(50000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}});
    drain(0);
    expect(status().cwnd, 10000); /* it may be a loss */
    in(ACK, .seq = 1, .ack = 2001); /* it was none */
    drain(0);
    expect(status().cwnd, 11000);
    in(ACK, .seq = 1, .ack = 2001, .sack = {{3001, 6001}});
    drain(0);
    expect(status().cwnd, 14000);
    in(ACK, .seq = 1, .ack = 2001, .sack = {{3001, 6001}});
    drain(0);
    expect(status().cwnd, 14000);
    in(ACK, .seq = 1, .ack = 6001);
    drain(0);
    expect(status().cwnd, 15000);
}

/* Text was overtaken, so late text is expected; then 4001 is found lost at 325 ms. Returns the TSval of
 * its first copy. */
static int64_t lose_one_where_text_comes_late(void)
{
    with(backdate_resent, 1);
    with(reorder_slack, 0);
    open_with(true);
    app_send(4000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 3001}});
    in(ACK, .seq = 1, .ack = 4001);
    app_send(5000);
    drain(0);
    int64_t first = last_tsval();
    at(ms(300));
    in(ACK, .seq = 1, .ack = 4001, .sack = {{5001, 9001}});
    within(ms(26), ACK, .seq = 4001, .ack = 1, .len = 1000);
    return first;
}

/* RFC 7323 5: what is sent again must not make the peer refuse text that left before it and is late. It
 * says that it left a reordering window sooner, and a millisecond for the tick. */
TEST(rack_resent_text_spares_what_is_late, linux, "MUST-19")
{
    int64_t first = lose_one_where_text_comes_late();
    expect(last_tsval() - first, 125 - 26);
    in(ACK, .seq = 1, .ack = 9001); /* an echo of what was sent again: it was a loss */
    note(status().ssthresh < 100000);
    app_send(1000);
    drain(0);
    expect(last_tsval() - first, 125); /* what is new tells the time */
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* ... and still tells the two copies apart (RFC 3522). */
TEST(rack_resent_text_is_known_by_its_echo, linux, "MUST-19")
{
    int64_t first = lose_one_where_text_comes_late();
    note(status().ssthresh < 100000);
    in(ACK, .seq = 1, .ack = 9001, .tsecr = first);
    note(status().ssthresh > 100000);
    quiet(sec(100));
}

/* Half of a round trip at the most: the peer must not find it older than what came before it. */
TEST(rack_resent_text_is_never_older_than_its_first_copy, linux, "MUST-19")
{
    lose_one_where_text_comes_late();
    in(ACK, .seq = 1, .ack = 9001);
    int64_t next = 9001;
    for (int i = 0; i < 8; i++) {
        app_send(2000);
        drain(0);
        int64_t first = last_tsval();
        after(ms(100));
        in(ACK, .seq = 1, .ack = next, .sack = {{1, 1001}, {next + 1000, next + 2000}});
        within(ms(190), ACK, .seq = next, .ack = 1, .len = 1000);
        note(last_tsval() - first >= 50);
        after(ms(100));
        next += 2000;
        in(ACK, .seq = 1, .ack = next);
        drain(0);
    }
    quiet(sec(100));
}

/* Where nothing was overtaken it tells the time, as RFC 7323 3.2 has it. */
TEST(rack_resent_text_tells_the_time, linux, "MUST-19")
{
    with(backdate_resent, 1);
    open_with(true);
    app_send(4000);
    drain(0);
    int64_t first = last_tsval();
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    out_segments(1, 1);
    expect(last_tsval() - first, 100);
    in(ACK, .seq = 1, .ack = 4001);
    quiet(sec(100));
}

/* A retransmission that is lost as well is found lost by what left after it. */
TEST(rack_finds_lost_retransmissions, rfc, "MUST-19 MUST-18")
{
    open_with(false);
    app_send(100000);
    out_segments(1, 10);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    expect(snd_nxt(), 10001);
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 10001}});
    drain(0);
    note(snd_nxt() > 10001);
    at(ms(300));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 11001}}); /* sent after the retransmission, arrived */
    out_segments(1, 1);
    expect(status().phase, 2); /* and no timeout */
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* Step 2: an ACK of a retransmission says nothing when it came sooner than any round trip, or echoes
 * the time of the first copy. */
TEST(rack_is_not_led_on_by_first_copies, rfc, "MUST-18")
{
    open_with(true);
    app_send(100000);
    drain(0);
    at(ms(200));
    int64_t first = last_tsval();
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}, {3001, 5001}});
    drain(0); /* 1 and 2001 left again, and some that is new behind them */
    int64_t again = status().retransmits;
    note(again >= 1);
    at(ms(320));
    in(ACK, .seq = 1, .ack = 1001, .sack = {{1001, 2001}, {3001, 5001}}, .tsecr = first);
    drain(0); /* what is new may leave: it was no loss (RFC 3522) */
    expect(status().retransmits, again);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* Step 4: each round with a D-SACK gives the window a quarter more; not above SRTT. */
TEST(rack_window_grows_with_dsack, rfc, "MUST-19")
{
    open_with(false);
    app_send(4000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 3001}});
    in(ACK, .seq = 1, .ack = 4001);
    int64_t next = 4001;
    for (int64_t steps = 2; steps <= 6; steps++) {
        app_send(2000);
        drain(0);
        after(ms(100));
        in(ACK, .seq = 1, .ack = next, .sack = {{1, 1001}, {next + 1000, next + 2000}});
        hf_time from = script_now();
        if (steps > 4)
            quiet(ms(74)); /* srtt has come down a little from 100 ms; never above it */
        else
            quiet(ms(25) * steps - ms(1));
        within(ms(30), ACK, .seq = next, .ack = 1, .len = 1000);
        note(script_now() - from <= ms(105));
        after(ms(100));
        next += 2000;
        in(ACK, .seq = 1, .ack = next);
        drain(0);
    }
    quiet(sec(100));
}

/* 6.3: when the timer fires, what left a moment ago is not lost. */
TEST(rack_timeout_spares_what_left_just_now, rfc, "MUST-18")
{
    open_with(false);
    app_send(2000);
    drain(0);
    at(ms(1050));
    app_send(2000);
    out(ACK, .seq = 2001, .ack = 1, .len = 1000);
    out(PSH|ACK, .seq = 3001, .ack = 1, .len = 1000);
    within(ms(200), ACK, .seq = 1, .ack = 1, .len = 1000);
    expect(status().phase, 3);
    after(ms(30));
    in(ACK, .seq = 1, .ack = 1001);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000);
    nothing(); /* 2001 and 3001 are in flight */
    in(ACK, .seq = 1, .ack = 4001);
    expect(status().retransmits, 2);
    quiet(sec(100));
}

/* The timer for what was overtaken is no reason to forget the other one. */
TEST(rack_timer_gives_way_to_the_timeout, rfc, "MUST-18")
{
    with(rto_min, ms(110));
    open_with(false);
    app_send(4000);
    drain(0);
    in(ACK, .seq = 1, .ack = 1, .sack = {{3001, 4001}}); /* impossibly soon */
    within(sec(1), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 4001);
    quiet(sec(100));
}
