/* Tail loss probes (RFC 8985 7), in virtual time. The round trip is 100 ms throughout. */
/* clang-format off: scripts */
#include "script.h"

static void out_segments(int64_t seq, int n)
{
    for (int i = 0; i < n; i++)
        out(ACK, .seq = seq + 1000 * i, .ack = 1, .len = 1000);
}

static void open_with(bool sack)
{
    app_open();
    out(SYN, .seq = 0);
    at(ms(100));
    if (sack)
        in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .sackok = 1);
    else
        in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1);
}

/* 7.2, 7.3: two round trips of silence, and the last segment leaves again; then the RTO. */
TEST(tlp_sends_the_last_segment, rfc, "MUST-18")
{
    open_with(true);
    app_send(3000);
    out_segments(1, 2);
    out(PSH|ACK, .seq = 2001, .ack = 1, .len = 1000);
    quiet(ms(200) - us(1));
    within(us(2), PSH|ACK, .seq = 2001, .ack = 1, .len = 1000);
    expect(status().cwnd, 10000);
    expect(status().backoff, 0);
    quiet(sec(1) - ms(1)); /* once */
    within(ms(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    expect(status().backoff, 1);
    in(ACK, .seq = 1, .ack = 3001);
    quiet(sec(100));
}

/* The probe's SACK tells RACK what is lost; no timeout. */
TEST(tlp_lets_rack_see, rfc, "MUST-19")
{
    open_with(true);
    app_send(3000);
    drain(0);
    at(ms(300));
    out(PSH|ACK, .seq = 2001, .ack = 1, .len = 1000);
    at(ms(400));
    in(ACK, .seq = 1, .ack = 1, .sack = {{2001, 3001}});
    out_segments(1, 1);
    expect(status().phase, 2);
    at(ms(500));
    in(ACK, .seq = 1, .ack = 1001, .sack = {{2001, 3001}});
    out_segments(1001, 1);
    in(ACK, .seq = 1, .ack = 3001);
    expect(status().backoff, 0);
    quiet(sec(100));
}

/* 7.3: text that has not left yet is the better probe, though cwnd is used up. */
TEST(tlp_prefers_new_text, rfc, "MUST-19")
{
    open_with(true);
    app_send(20000);
    out_segments(1, 10);
    quiet(ms(200) - us(1));
    within(us(2), ACK, .seq = 10001, .ack = 1, .len = 1000);
    expect(status().retransmits, 0);
    in(ACK, .seq = 1, .ack = 11001);
    drain(0);
    expect(status().ssthresh, UINT32_MAX); /* it hid no loss */
    in(ACK, .seq = 1, .ack = 20001);
    drain(0);
}

/* ... but not beyond the peer's window. */
TEST(tlp_keeps_inside_the_peers_window, rfc, "SHLD-16")
{
    app_open();
    out(SYN, .seq = 0);
    at(ms(100));
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .sackok = 1, .wnd = 3000);
    out(ACK, .seq = 1, .ack = 1);
    app_send(5000);
    out_segments(1, 3);
    within(ms(201), ACK, .seq = 2001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 3001, .wnd = 3000);
    drain(0);
    in(ACK, .seq = 1, .ack = 5001, .wnd = 3000);
    quiet(sec(100));
}

/* 7.2: a single segment may be waiting for the peer's delayed ACK. */
TEST(tlp_allows_for_delayed_acks, rfc, "MUST-18")
{
    open_with(true);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    quiet(ms(400) - us(1));
    within(us(2), PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 1001);
    quiet(sec(100));
}

/* New text puts it off, and so does an ACK. */
TEST(tlp_counts_from_the_last_word, rfc, "MUST-18")
{
    open_with(true);
    app_send(2000);
    drain(0);
    at(ms(250));
    app_send(2000);
    drain(0);
    at(ms(350));
    in(ACK, .seq = 1, .ack = 2001);
    hf_time wait = 2 * status().srtt;
    quiet(wait - us(1));
    within(us(2), PSH|ACK, .seq = 3001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 4001);
    quiet(sec(100));
}

/* 7.4.2: the probe mended the only loss. When the next ACK shows it, the window comes down. */
TEST(tlp_that_mends_a_loss_is_no_free_lunch, rfc, "MUST-19")
{
    open_with(true);
    app_send(3000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 2001);
    app_send(1000);
    drain(0);
    wait_for_packet(sec(2));
    out(PSH|ACK, .seq = 3001, .ack = 1, .len = 1000);
    expect(status().retransmits, 1);
    app_send(2000); /* so that something follows */
    drain(0);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 4001);
    expect(status().ssthresh, UINT32_MAX); /* it may still tell that both came */
    after(ms(10));
    in(ACK, .seq = 1, .ack = snd_nxt());
    note(status().ssthresh < 100000);
    quiet(sec(100));
}

/* 7.4.1: D-SACK tells that both copies came: nothing was lost. */
TEST(tlp_that_was_not_needed_costs_nothing, rfc, "MUST-19")
{
    open_with(true);
    app_send(3000);
    drain(0);
    at(ms(300));
    out(PSH|ACK, .seq = 2001, .ack = 1, .len = 1000);
    app_send(2000);
    drain(0);
    in(ACK, .seq = 1, .ack = 3001);
    in(ACK, .seq = 1, .ack = 3001, .sack = {{2001, 3001}});
    in(ACK, .seq = 1, .ack = 5001);
    expect(status().ssthresh, UINT32_MAX);
    quiet(sec(100));
}

/* 7.2: not without SACK, and not where RACK is at work already. */
TEST(tlp_needs_sack, rfc, "MUST-18")
{
    open_with(false);
    app_send(3000);
    drain(0);
    quiet(sec(1) - ms(1));
    within(ms(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 3001);
    quiet(sec(100));
}

TEST(tlp_can_be_switched_off, rfc, "MUST-18")
{
    with(tlp, 0);
    open_with(true);
    app_send(3000);
    drain(0);
    quiet(sec(1) - ms(1));
    within(ms(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 3001);
    quiet(sec(100));
}

/* The FIN is a segment like others. */
TEST(tlp_of_a_fin, rfc, "MUST-18 N-22")
{
    open_with(true);
    app_shutdown();
    out(FIN|ACK, .seq = 1, .ack = 1);
    quiet(ms(400) - us(1));
    within(us(2), FIN|ACK, .seq = 1, .ack = 1);
    expect(status().backoff, 0);
    in(ACK, .seq = 1, .ack = 2);
    state(HF_FIN_WAIT_2);
    quiet(sec(50));
}
