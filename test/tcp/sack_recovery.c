/* Loss recovery with SACK: the scoreboard (RFC 2018, 2883, 6675), its blocks and their limits. */
/* clang-format off: scripts */
#include "script.h"

static void out_segments(int64_t seq, int n)
{
    for (int i = 0; i < n; i++)
        out(ACK, .seq = seq + 1000 * i, .ack = 1, .len = 1000);
}

/* Ten segments of 1000 in flight, sent at 100 ms; the round trip is 100 ms. By DupThresh alone, as
 * RFC 6675 has it; RACK is in rack.c. */
static void ten_in_flight(size_t queued)
{
    with(rack, 0);
    with(tlp, 0);
    app_listen();
    in(SYN, .seq = 0, .mss = 1000, .sackok = 1);
    out(SYN|ACK, .seq = 0, .ack = 1);
    at(ms(100));
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(queued);
    drain(0);
}

/* RFC 6675 5: the third SACKed segment above the hole starts recovery; each of the first two lets
 * one new segment out. */
TEST(sack_fast_retransmit, rfc, "MUST-19")
{
    ten_in_flight(100000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}});
    out_segments(10001, 1);
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 3001}});
    out_segments(11001, 1);
    expect(status().in_flight, 10000);
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    out_segments(1, 1);
    expect(status().phase, 2);
    expect(status().ssthresh, 5000);
    in(ACK, .seq = 1, .ack = 12001);
    drain(0);
    note(status().phase < 2);
}

/* Blocks say nothing new: no fast retransmit, however many there are. */
TEST(sack_duplicates_without_evidence, rfc, "MUST-19 D2")
{
    ten_in_flight(10000);
    at(ms(200));
    for (int i = 0; i < 20; i++) {
        in(ACK, .seq = 1, .ack = 1);
        in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}});
        nothing();
    }
    expect(status().retransmits, 0);
    expect(status().in_flight, 9000);
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* Two holes, mended in order; what is SACKed is not sent again. */
TEST(sack_two_holes, rfc, "MUST-19")
{
    ten_in_flight(10000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 4001}});
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 1, .sack = {{5001, 10001}, {1001, 4001}});
    out_segments(4001, 1);
    at(ms(300));
    in(ACK, .seq = 1, .ack = 4001, .sack = {{5001, 10001}});
    nothing();
    in(ACK, .seq = 1, .ack = 10001);
    expect(status().retransmits, 2);
    quiet(sec(100));
}

/* Blocks that cannot be: behind SND.UNA, beyond SND.NXT, empty, the wrong way round (RFC 2018 8). */
TEST(sack_blocks_that_cannot_be, rfc, "C13")
{
    ten_in_flight(10000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 3001);
    static const struct script_block bad[] = {
        {0, 2001}, {1001, 5001}, {9001, 10002}, {12001, 13001}, {5001, 5001}, {7001, 6001}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        in(ACK, .seq = 1, .ack = 3001, .sack = {bad[i]});
        nothing();
        expect(status().in_flight, 7000);
    }
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* A block counts for whole segments: three octets do not start anything, nor are they forgotten when
 * the rest of their segment comes. */
TEST(sack_of_parts_of_segments, rfc, "C10")
{
    ten_in_flight(10000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{2000, 2001}, {3000, 3002}, {4500, 6400}});
    expect(status().in_flight, 9000); /* 5001:6001 is whole */
    nothing();
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 6001}});
    expect(status().in_flight, 5000); /* 1:1001 is lost, and sent again */
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* An older ACK, overtaken, still tells what it SACKs. */
TEST(sack_on_an_old_ack, rfc, "MUST-19")
{
    ten_in_flight(10000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 3001);
    in(ACK, .seq = 1, .ack = 1001, .sack = {{5001, 7001}});
    expect(status().in_flight, 5000);
    in(ACK, .seq = 1, .ack = 10001);
    quiet(sec(100));
}

/* After a timeout what is SACKed stays so; only the holes are sent again. */
TEST(sack_kept_after_a_timeout, rfc, "MUST-18")
{
    ten_in_flight(10000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 2001}, {9001, 10001}});
    wait_for_packet(sec(3));
    out_segments(1, 1);
    expect(status().phase, 3);
    in(ACK, .seq = 1, .ack = 2001, .sack = {{9001, 10001}});
    out_segments(2001, 2);
    in(ACK, .seq = 1, .ack = 4001, .sack = {{9001, 10001}});
    out_segments(4001, 3);
    in(ACK, .seq = 1, .ack = 7001, .sack = {{9001, 10001}});
    out_segments(7001, 2);
    in(ACK, .seq = 1, .ack = 10001);
    expect(status().retransmits, 8);
    quiet(sec(100));
}

/* What is sent again ends where the peer has SACKed what follows. */
TEST(sack_behind_small_segments, rfc, "MUST-18")
{
    ten_in_flight(0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    app_send(500);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 500);
    app_send(700);
    out(PSH|ACK, .seq = 501, .ack = 1, .len = 700);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{501, 1201}});
    wait_for_packet(sec(3));
    out(ACK, .seq = 1, .ack = 1, .len = 500); /* as far as the SACKed text */
    in(ACK, .seq = 1, .ack = 1201);
    quiet(sec(100));
}

/* RFC 2018 8: a peer that takes back what it SACKed is sent all of it after a timeout. */
TEST(sack_reneged, rfc, "C13")
{
    ten_in_flight(5000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 3001}});
    in(ACK, .seq = 1, .ack = 1001); /* 1001:3001 would have been acknowledged with it */
    nothing();
    wait_for_packet(sec(3));
    out_segments(1001, 1);
    in(ACK, .seq = 1, .ack = 2001);
    out_segments(2001, 2);
    in(ACK, .seq = 1, .ack = 4001);
    out(PSH|ACK, .seq = 4001, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 5001);
    quiet(sec(100));
}

/* The FIN is lost with the text before it. */
TEST(sack_with_a_fin, rfc, "MUST-19 N-22")
{
    ten_in_flight(5000);
    app_shutdown();
    out(FIN|ACK, .seq = 5001, .ack = 1);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 5001}});
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 5001);
    wait_for_packet(sec(5));
    out(FIN|ACK, .seq = 5001, .ack = 1);
    in(ACK, .seq = 1, .ack = 5002);
    state(HF_FIN_WAIT_2);
    quiet(sec(50));
}

/* No room for a single record: recovery is left to the timer, and all arrives. */
TEST(sack_without_records, rfc, "C22")
{
    with(sent_records, 0);
    ten_in_flight(5000);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 5001}});
    nothing();
    for (int64_t next = 1; next < 5001; next += 1000) {
        while (!wait_for_packet(sec(70)))
            ;
        out(next < 4001 ? ACK : PSH|ACK, .seq = next, .ack = 1, .len = 1000);
        in(ACK, .seq = 1, .ack = next + 1000);
    }
    quiet(sec(100));
}

/* With room for one a retransmission cannot be told from what waits behind it. Once it arrived, the rest is
 * still lost: it does not take a timeout for each segment. */
TEST(timeout_with_one_record, rfc, "C22 MUST-18")
{
    with(sent_records, 1);
    ten_in_flight(5000);
    within(sec(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing();
    after(ms(100));
    in(ACK, .seq = 1, .ack = 1001);
    out(ACK, .seq = 1001, .ack = 1, .len = 1000);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 2001);
    out(ACK, .seq = 2001, .ack = 1, .len = 1000);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 5001);
    quiet(sec(100));
}

/* And with room for one: what it covers is found again. */
TEST(sack_with_one_record, rfc, "C22")
{
    with(sent_records, 1);
    ten_in_flight(5000);
    app_send(2000);
    drain(0);
    at(ms(200));
    in(ACK, .seq = 1, .ack = 1, .sack = {{1001, 7001}});
    drain(sec(3));
    in(ACK, .seq = 1, .ack = 3001);
    drain(sec(3));
    in(ACK, .seq = 1, .ack = 7001);
    quiet(sec(100));
}
