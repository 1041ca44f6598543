/* Losses that were none: F-RTO (RFC 5682), Eifel (RFC 3522), D-SACK (RFC 2883), and what is then taken
 * back (RFC 4015). The round trip is 100 ms. */
/* clang-format off: scripts */
#include "script.h"

static void out_segments(int64_t seq, int n)
{
    for (int i = 0; i < n; i++)
        out(ACK, .seq = seq + 1000 * i, .ack = 1, .len = 1000);
}

enum { PLAIN = 0, WITH_SACK = 1, WITH_TS = 2 };

static void open_with(int options, size_t queued)
{
    with(tlp, 0);
    with(timestamps, (options & WITH_TS) != 0);
    app_open();
    out(SYN, .seq = 0);
    at(ms(100));
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = options & WITH_TS ? 1012 : 1000,
       .sackok = options & WITH_SACK ? 1 : NONE, .tsval = options & WITH_TS ? peer_clock() : NONE);
    out(ACK, .seq = 1, .ack = 1);
    app_send(queued);
    drain(0);
}

/* ---- F-RTO ---- */

/* The path held everything up for longer than the timer. Two new segments ask; what they bring says
 * that the old ones were only late. */
static void delay_spike(int options)
{
    open_with(options, 100000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    expect(status().phase, 3);
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(10001, 2);
    nothing();
    in(ACK, .seq = 1, .ack = 2001);
    note(status().phase < 2);
    note(status().cwnd >= 10000);
    expect(status().ssthresh, UINT32_MAX);
    expect(status().retransmits, 1);
    expect(counters().spurious_retransmits, 1);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

TEST(frto_delay_spike, rfc, "MUST-18")
{
    delay_spike(WITH_SACK);
}

TEST(frto_delay_spike_without_sack, rfc, "MUST-18")
{
    delay_spike(PLAIN);
}

/* Step 3a: the new segments come, and the old ones did not. */
TEST(frto_real_loss, rfc, "MUST-18")
{
    open_with(WITH_SACK, 100000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(10001, 2);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001, .sack = {{10001, 11001}});
    out_segments(1001, 1);
    expect(status().phase, 3);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    expect(status().ssthresh, 5000);
}

TEST(frto_real_loss_without_sack, rfc, "MUST-18")
{
    open_with(PLAIN, 100000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(10001, 2);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 1);
    expect(status().phase, 3);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    expect(status().ssthresh, 5000);
}

/* Step 2a: there is nothing new to ask with. */
TEST(frto_without_new_text, rfc, "MUST-18")
{
    open_with(WITH_SACK, 10000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 2);
    expect(status().phase, 3);
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* Or the peer's window has no room for it. */
TEST(frto_without_a_window, rfc, "MUST-18 SHLD-16")
{
    with(tlp, 0);
    with(timestamps, 0);
    app_open();
    out(SYN, .seq = 0);
    at(ms(100));
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .sackok = 1, .wnd = 5000);
    out(ACK, .seq = 1, .ack = 1);
    app_send(10000);
    drain(0);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001, .wnd = 4000);
    out_segments(1001, 2);
    while (snd_una() < 10001) {
        in(ACK, .seq = 1, .ack = snd_nxt(), .wnd = 5000);
        drain(0);
    }
    quiet(sec(100));
}

/* Without SACK an ACK may jump over what arrived long before: the retransmission mended a real loss. */
TEST(frto_jump_proves_nothing_without_sack, rfc, "MUST-18")
{
    open_with(PLAIN, 100000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 5001);
    expect(status().phase, 3);
    expect(status().ssthresh, 5000);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

TEST(frto_can_be_switched_off, rfc, "MUST-18")
{
    with(frto, 0);
    open_with(WITH_SACK, 100000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 2);
    in(ACK, .seq = 1, .ack = 10001);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* ---- Eifel ---- */

/* A segment is overtaken by three and sent again; the echo tells that it was the first copy that
 * made the ACK. */
TEST(eifel_undoes_a_fast_retransmit, rfc, "MUST-19")
{
    open_with(WITH_SACK | WITH_TS, 100000);
    int64_t first = last_tsval();
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}}, .tsecr = first);
    out_segments(1, 1);
    expect(status().phase, 2);
    drain(0);
    at(ms(210));
    in(ACK, .seq = 1, .ack = 4001, .tsecr = first);
    note(status().phase < 2);
    note(status().cwnd >= 10000);
    expect(status().ssthresh, UINT32_MAX);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

TEST(eifel_undoes_a_timeout, rfc, "MUST-18")
{
    with(frto, 0);
    open_with(WITH_TS, 10000);
    int64_t first = last_tsval();
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    after(ms(1));
    in(ACK, .seq = 1, .ack = 2001, .tsecr = first);
    note(status().phase < 2);
    note(status().cwnd >= 10000);
    nothing();
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

TEST(eifel_believes_in_a_loss, rfc, "MUST-18")
{
    with(frto, 0);
    open_with(WITH_TS, 10000);
    within(ms(1100), ACK, .seq = 1, .ack = 1, .len = 1000);
    int64_t again = last_tsval();
    after(ms(100));
    in(ACK, .seq = 1, .ack = 2001, .tsecr = again);
    expect(status().phase, 3);
    expect(status().ssthresh, 5000);
    drain(0);
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* ---- D-SACK ---- */

/* Both copies came: told by D-SACK, after recovery was through. */
TEST(dsack_undoes_a_recovery, rfc, "MUST-19")
{
    open_with(WITH_SACK, 100000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    out_segments(1, 1);
    drain(0);
    at(ms(210));
    in(ACK, .seq = 1, .ack = 10001);
    note(status().phase < 2);
    expect(status().ssthresh, 5000);
    drain(0);
    at(ms(300));
    in(ACK, .seq = 1, .ack = 10001, .sack = {{1, 1001}});
    expect(status().ssthresh, UINT32_MAX);
    note(status().cwnd >= 10000);
    expect(counters().spurious_retransmits, 1);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* One of two retransmissions was needed: nothing is taken back. */
TEST(dsack_of_some_undoes_nothing, rfc, "MUST-19")
{
    open_with(WITH_SACK, 100000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}, {3001, 6001}});
    drain(0);
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}, {3001, 10001}});
    drain(0);
    expect(status().retransmits, 2);
    at(ms(300));
    in(ACK, .seq = 1, .ack = 10001);
    drain(0);
    in(ACK, .seq = 1, .ack = 10001, .sack = {{1, 1001}});
    expect(status().ssthresh, 5000);
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* A D-SACK of what was never sent, or beyond it, is no news. */
TEST(dsack_of_nonsense, rfc, "C13")
{
    open_with(WITH_SACK, 100000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    drain(0);
    uint32_t ssthresh = status().ssthresh;
    for (int64_t i = 0; i < 20; i++) {
        in(ACK, .seq = 1, .ack = 1, .sack = {{-100000 - i, -90000}});
        in(ACK, .seq = 1, .ack = 1, .sack = {{0, 1}});
        drain(0);
    }
    expect(status().ssthresh, ssthresh);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}
