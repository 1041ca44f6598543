/* Retransmission and congestion control: RTO and Karn (RFC 6298), R1 and R2 (RFC 9293 3.8.3),
 * slow start, congestion avoidance and fast recovery (RFC 5681, 6582, 3042), the initial
 * window (RFC 6928). */
/* clang-format off: scripts */
#include "script.h"

/* `n` segments of 1000 bytes go out from seq on. */
static void out_segments(int64_t seq, int n)
{
    for (int i = 0; i < n; i++)
        out(ACK, .seq = seq + 1000 * i, .ack = 1, .len = 1000);
}

/* ---- RTO, RFC 6298 2 ---- */

/* The first sample R: SRTT = R, RTTVAR = R/2. The next: beta = 1/4, alpha = 1/8, RTO = SRTT +
 * 4 RTTVAR. */
TEST(rto_from_samples, rfc, "MUST-18")
{
    with(rto_min, ms(1));
    syn_sent();
    expect(status().rto, sec(1)); /* 2.1 */
    at(ms(100));
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().srtt, ms(100));
    expect(status().rttvar, ms(50));
    expect(status().rto, ms(300));
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    after(ms(200));
    in(ACK, .seq = 1, .ack = 11);
    expect(status().rttvar, us(62500));
    expect(status().srtt, us(112500));
    expect(status().rto, us(362500));
    app_send(10);
    out(PSH|ACK, .seq = 11, .ack = 1, .len = 10);
    quiet(us(362400));
    within(us(200), PSH|ACK, .seq = 11, .ack = 1, .len = 10);
}

TEST(rto_is_at_least_a_second, rfc, "MUST-18")
{
    established(.mss = 1000);
    expect(status().rto, sec(1)); /* 2.4, however quick the path */
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    quiet(sec(1) - ms(1));
    within(ms(2), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
}

TEST(rto_floor_of_linux, linux, "MUST-18")
{
    established(.mss = 1000);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    quiet(ms(199));
    within(ms(2), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
}

/* ---- Karn ---- */

TEST(karn_takes_no_sample_of_a_retransmission, rfc, "MUST-18")
{
    established(.mss = 1000);
    hf_time srtt = status().srtt;
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    after(sec(1));
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    after(ms(700));
    in(ACK, .seq = 1, .ack = 11);
    expect(status().srtt, srtt);
    expect(status().rto, sec(2)); /* what was backed off stays so ... */
    app_send(10);
    out(PSH|ACK, .seq = 11, .ack = 1, .len = 10);
    quiet(sec(2) - ms(1));
    within(ms(2), PSH|ACK, .seq = 11, .ack = 1, .len = 10);
    in(ACK, .seq = 1, .ack = 21);
    expect(status().rto, sec(4));
    app_send(10);
    out(PSH|ACK, .seq = 21, .ack = 1, .len = 10);
    after(ms(100));
    in(ACK, .seq = 1, .ack = 31);
    expect(status().rto, sec(1)); /* ... until there is a sample */
    note(status().srtt > srtt);
}

/* The timed segment was not sent again, but one before it was: the ACK says nothing of it
 * either. */
TEST(karn_when_an_earlier_segment_was_lost, rfc, "MUST-18")
{
    established(.mss = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    hf_time srtt = status().srtt;
    app_send(1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
    after(sec(1));
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    in(ACK, .seq = 1, .ack = 2001);
    expect(status().srtt, srtt);
}

/* An echoed timestamp is never ambiguous (RFC 7323 4). */
TEST(karn_does_not_need_to_hold_with_timestamps, rfc, "MUST-18")
{
    established(.mss = 1000, .ts = true);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    after(sec(1));
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    int64_t second = last_tsval();
    after(ms(300));
    in(ACK, .seq = 1, .ack = 11, .tsecr = second);
    note(status().srtt > ms(20) && status().srtt < ms(310));
    note(status().rto < sec(2));
}

/* ---- The timer, RFC 6298 5 ---- */

TEST(rto_timer_is_not_restarted_by_sending, rfc, "MUST-18")
{
    established(.mss = 1000);
    app_send(1000);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    after(ms(600));
    app_send(1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
    within(ms(400), ACK, .seq = 1, .ack = 1, .len = 1000); /* 5.1: a second after the first */
    expect(script_now(), sec(1));
}

TEST(rto_timer_is_restarted_by_new_acks, rfc, "MUST-18")
{
    established(.mss = 1000);
    app_send(2000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    out(PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
    at(ms(500));
    in(ACK, .seq = 1, .ack = 1001); /* 5.3 */
    at(ms(900));
    in(ACK, .seq = 1, .ack = 1001); /* not by a duplicate */
    within(sec(2), PSH|ACK, .seq = 1001, .ack = 1, .len = 1000);
    note(script_now() >= ms(1500) && script_now() <= ms(2600));
    in(ACK, .seq = 1, .ack = 2001);
    quiet(sec(200)); /* 5.2: off */
}

TEST(rto_backs_off, rfc, "MUST-19 MUST-18")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, 0), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_USER_TIMEOUT, 0), 0);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    for (int64_t rto = 1; rto < 2000; rto *= 2) {
        hf_time start = script_now();
        within(sec(61), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
        expect((script_now() - start) / HF_SEC, rto < 60 ? rto : 60); /* 5.5, 2.5 */
    }
}

/* 5.7: the SYN was lost, so what the first text waits for is at least 3 s. */
TEST(rto_after_a_lost_syn, rfc, "MUST-18")
{
    app_open();
    out(SYN, .seq = 0);
    at(sec(1));
    out(SYN, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().srtt, 0); /* Karn */
    expect(status().rto, sec(3));
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    quiet(sec(3) - ms(1));
    within(ms(2), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
}

TEST(rto_after_a_lost_syn_ack, rfc, "MUST-18")
{
    syn_received(.mss = 1000);
    within(sec(1) + ms(1), SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    expect(status().srtt, 0);
    expect(status().rto, sec(3));
}

/* ---- R1 and R2, RFC 9293 3.8.3 ---- */

TEST(r1_is_told, rfc, "MUST-20 MUST-47 SHLD-9 SHLD-10")
{
    established(.mss = 1000);
    note(settings()->r1 >= 3);
    app_send(10);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    for (int i = 1; i <= settings()->r1; i++) {
        no_event(HF_EVENT_SOFT_ERROR);
        expect(status().trouble, 0);
        within(sec(61), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
        expect(status().backoff, i);
    }
    event(HF_EVENT_SOFT_ERROR);
    expect(status().trouble, 1);
    within(sec(61), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    no_event(HF_EVENT_SOFT_ERROR); /* once */
    in(ACK, .seq = 1, .ack = 11);
    expect(status().trouble, 0); /* delivery goes on */
    expect(status().backoff, 0);
    quiet(sec(300));
}

TEST(r1_can_be_switched_off, rfc, "SHLD-9 SHLD-20")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SOFT_ERRORS, 0), 0);
    app_send(10);
    drain(sec(60));
    no_event(HF_EVENT_SOFT_ERROR);
    expect(status().trouble, 1); /* it can still be asked for */
}

TEST(r2_closes, rfc, "MUST-20 SHLD-11")
{
    established(.mss = 1000);
    app_send(10);
    drain(sec(100));
    state(HF_ESTABLISHED);
    drain(sec(60));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
    char byte = 0;
    expect(hf_tcp_send(stack(), conn(), &byte, 1, 0), HF_ERR_TIMEOUT);
}

TEST(r2_of_the_connection, rfc, "MUST-21")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, sec(10)), 0);
    app_send(10);
    drain(sec(10) - ms(1));
    state(HF_ESTABLISHED);
    drain(sec(10));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
    script_restart("never");
    with(user_timeout, 0);
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, 0), 0);
    app_send(10);
    drain(sec(7200));
    state(HF_ESTABLISHED);
    within(sec(61), PSH|ACK, .seq = 1, .ack = 1, .len = 10);
    in(ACK, .seq = 1, .ack = 11);
    quiet(sec(300));
}

/* Progress begins it anew. */
TEST(r2_counts_from_the_last_progress, rfc, "MUST-20 MUST-21")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_R2, sec(20)), 0);
    app_send(8000);
    drain(0);
    for (int64_t i = 1; i < 8; i++) {
        drain(sec(15));
        in(ACK, .seq = 1, .ack = 1 + 1000 * i);
        drain(0);
    }
    state(HF_ESTABLISHED);
    drain(sec(80));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
}

TEST(r1_and_r2_of_a_syn, rfc, "MUST-22 MUST-23 SHLD-9 SHLD-10")
{
    app_open();
    out(SYN, .seq = 0);
    for (int i = 0; i < 3; i++) {
        no_event(HF_EVENT_SOFT_ERROR);
        within(sec(61), SYN, .seq = 0);
    }
    event(HF_EVENT_SOFT_ERROR);
    expect(status().trouble, 1);
    drain(sec(180) - script_now() - ms(1));
    state(HF_SYN_SENT);
    drain(sec(120));
    ended(HF_CAUSE_OPEN_TIMEOUT);
    event(HF_EVENT_ENDED);
    app_recv_is(HF_ERR_TIMEOUT);
}

/* The library's default keeps MUST-23, which the numbers of Linux do not. */
TEST(r2_of_a_syn_by_default, linux, "MUST-23")
{
    *script_settings() = *hf_settings_default();
    app_open();
    out(SYN, .seq = 0);
    drain(sec(180));
    state(HF_SYN_SENT);
    drain(sec(600));
    ended(HF_CAUSE_OPEN_TIMEOUT);
}

/* ---- The initial window, RFC 6928 ---- */

static void initial_window(uint32_t mtu, uint16_t mss, uint32_t expected)
{
    script_setup()->mtu = mtu;
    established(.mss = mss, .ws = 4);
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    app_send(100000);
    expect(status().cwnd, expected);
    expect(snd_nxt() - 1, expected - expected % mss);
    drain(0);
    script_restart("");
}

TEST(initial_window_of_ten, rfc, "MUST-19")
{
    initial_window(1500, 1000, 10000);
    initial_window(1500, 536, 5360);
    initial_window(9000, 1460, 14600);
    initial_window(9000, 4000, 14600);
    initial_window(9000, 8000, 16000); /* never less than two segments */
}

/* RFC 5681 3.1: the handshake met with loss, so one segment to begin with. */
TEST(initial_window_after_lost_syns, rfc, "MUST-19")
{
    app_open();
    out(SYN, .seq = 0);
    within(sec(2), SYN, .seq = 0);
    within(sec(3), SYN, .seq = 0);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1);
    app_send(10000);
    out(ACK, .seq = 1, .ack = 1, .len = 1000);
    nothing();
}

/* ---- Slow start and congestion avoidance, RFC 5681 3.1 ---- */

TEST(slow_start, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(100000);
    out_segments(1, 10);
    nothing();
    in(ACK, .seq = 1, .ack = 1001);
    expect(status().cwnd, 11000);
    out_segments(10001, 2);
    in(ACK, .seq = 1, .ack = 3001); /* one SMSS an ACK at the most, though it covers two */
    expect(status().cwnd, 12000);
    out_segments(12001, 3);
    in(ACK, .seq = 1, .ack = 3501); /* and no more than it acknowledges */
    expect(status().cwnd, 12500);
    drain(0);
}

/* Loss, then from ssthresh on one segment for each window that is acknowledged. */
TEST(congestion_avoidance, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(200000);
    out_segments(1, 10);
    after(sec(1));
    out_segments(1, 1);
    expect(status().ssthresh, 5000);
    expect(status().cwnd, 1000);
    int64_t acked = 10001;
    in(ACK, .seq = 1, .ack = acked); /* all had arrived */
    while (status().cwnd < 5000) { /* slow start again */
        drain(0);
        acked += 1000;
        in(ACK, .seq = 1, .ack = acked);
    }
    drain(0);
    uint32_t before = status().cwnd;
    for (uint32_t sent = 0; sent < before; sent += 1000) {
        note(status().cwnd <= before + 1000);
        acked += 1000;
        in(ACK, .seq = 1, .ack = acked);
        drain(0);
    }
    expect(status().cwnd, before + 1000); /* in one round */
    expect(status().phase, 1);
}

TEST(window_of_the_path_bounds_what_is_sent, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(50000);
    out_segments(1, 10);
    nothing();
    note(status().in_flight <= status().cwnd);
}

/* A window that is not filled does not grow. */
TEST(window_unused_does_not_grow, rfc, "MUST-19")
{
    established(.mss = 1000);
    for (int64_t i = 0; i < 100; i++) {
        app_send(100);
        out(PSH|ACK, .seq = 1 + 100 * i, .ack = 1, .len = 100);
        in(ACK, .seq = 1, .ack = 101 + 100 * i);
    }
    app_send(100000);
    note(status().cwnd <= 12000);
    drain(0);
}

/* ---- Time-outs, RFC 5681 3.1 and RFC 6298 5.4 ---- */

TEST(timeout_sends_one_segment_and_begins_anew, rfc, "MUST-19 MUST-18")
{
    established(.mss = 1000);
    app_send(10000);
    out_segments(1, 9);
    out(PSH|ACK, .seq = 9001, .ack = 1, .len = 1000);
    at(sec(1));
    out_segments(1, 1);
    nothing();
    expect(status().cwnd, 1000);
    expect(status().ssthresh, 5000);
    at(sec(3));
    out_segments(1, 1);
    nothing();
    expect(status().ssthresh, 5000); /* not halved again for the same text */
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 2); /* slow start through what was lost */
    nothing();
    in(ACK, .seq = 1, .ack = 3001);
    out_segments(3001, 3);
    nothing();
    in(ACK, .seq = 1, .ack = 10001); /* the rest had arrived */
    nothing();
    quiet(sec(200));
}

/* Duplicate ACKs of what we resent after a time-out start no fast retransmit (RFC 6582 4.1). */
TEST(timeout_then_duplicates, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(10000);
    drain(0);
    after(sec(1)); /* it was only late */
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 2);
    in(ACK, .seq = 1, .ack = 3001);
    out_segments(3001, 3);
    in(ACK, .seq = 1, .ack = 10001);
    app_send(20000);
    drain(0);
    uint32_t ssthresh = status().ssthresh;
    for (int i = 0; i < 6; i++) { /* one for each that came twice */
        in(ACK, .seq = 1, .ack = 10001);
        drain(0); /* limited transmit may send what is new */
    }
    expect(status().ssthresh, ssthresh);
    expect(status().retransmits, 6);
    in(ACK, .seq = 1, .ack = snd_nxt());
    drain(0);
}

/* ---- Fast retransmit and NewReno, RFC 5681 3.2, RFC 6582, RFC 3042 ---- */

TEST(fast_retransmit, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(10000);
    drain(0);
    in(ACK, .seq = 1, .ack = 1001);
    for (int i = 0; i < 2; i++) {
        in(ACK, .seq = 1, .ack = 1001);
        nothing(); /* nothing new is queued */
    }
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 1);
    expect(status().ssthresh, 4500); /* half of the 9000 in flight */
    expect(status().cwnd, 4500 + 3000);
    expect(status().phase, 2);
    in(ACK, .seq = 1, .ack = 1001); /* each more has left the network */
    expect(status().cwnd, 4500 + 4000);
    nothing();
    in(ACK, .seq = 1, .ack = 10001); /* full */
    nothing();
    expect(status().phase == 2, 0);
    note(status().cwnd <= 4500);
    quiet(sec(200));
}

TEST(fast_retransmit_partial_acks, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(10000);
    drain(0);
    for (int i = 0; i < 3; i++)
        in(ACK, .seq = 1, .ack = 1);
    out_segments(1, 1);
    in(ACK, .seq = 1, .ack = 3001); /* partial: 3001 is missing as well */
    out_segments(3001, 1);
    expect(status().phase, 2);
    in(ACK, .seq = 1, .ack = 7001);
    out_segments(7001, 1);
    nothing();
    uint32_t ssthresh = status().ssthresh;
    in(ACK, .seq = 1, .ack = 10001);
    expect(status().ssthresh, ssthresh); /* once for all of them */
    expect(status().phase == 2, 0);
    nothing();
    quiet(sec(200));
}

/* The FIN is an octet like others: behind text that is lost, and lost itself. */
TEST(fast_retransmit_with_a_fin, rfc, "MUST-19 N-22")
{
    established(.mss = 1000);
    app_send(5000);
    drain(0);
    app_shutdown();
    out(FIN|ACK, .seq = 5001, .ack = 1);
    for (int i = 0; i < 3; i++)
        in(ACK, .seq = 1, .ack = 1001);
    nothing(); /* the first of them moved SND.UNA */
    in(ACK, .seq = 1, .ack = 1001);
    out_segments(1001, 1);
    in(ACK, .seq = 1, .ack = 5001); /* partial: the FIN is missing */
    out(FIN|ACK, .seq = 5001, .ack = 1);
    in(ACK, .seq = 1, .ack = 5002);
    state(HF_FIN_WAIT_2);
    quiet(sec(50));
}

/* A loss during recovery that the window cannot mend: the timer does. */
TEST(timeout_during_recovery, rfc, "MUST-19 MUST-18")
{
    established(.mss = 1000);
    app_send(10000);
    drain(0);
    for (int i = 0; i < 3; i++)
        in(ACK, .seq = 1, .ack = 1);
    out_segments(1, 1); /* is lost again */
    within(sec(2), ACK, .seq = 1, .ack = 1, .len = 1000);
    expect(status().cwnd, 1000);
    expect(status().phase, 3);
    in(ACK, .seq = 1, .ack = 10001);
    nothing();
    quiet(sec(200));
}

/* A retransmission is cut and joined as the window asks (3.8.1 allows it). */
TEST(retransmission_of_small_segments, rfc, "SHLD-16 SHLD-28")
{
    established(.mss = 1000);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_NODELAY, 1), 0);
    for (int64_t i = 0; i < 5; i++) {
        app_send(100);
        out(PSH|ACK, .seq = 1 + 100 * i, .ack = 1, .len = 100);
    }
    after(sec(1));
    struct script_segment taken;
    int64_t end = 1;
    while (script_take(&taken) >= 0) {
        expect(taken.seq, end);
        end += taken.len;
    }
    note(end >= 101);
    in(ACK, .seq = 1, .ack = 501);
    quiet(sec(200));
}

TEST(limited_transmit, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(100000);
    out_segments(1, 10);
    in(ACK, .seq = 1, .ack = 1);
    out_segments(10001, 1);
    in(ACK, .seq = 1, .ack = 1);
    out_segments(11001, 1);
    expect(status().cwnd, 10000);
    in(ACK, .seq = 1, .ack = 1);
    out_segments(1, 1);
    drain(0);
}

/* RFC 5681 3.2 step 2: what limited transmit has sent does not count as being in flight. */
TEST(limited_transmit_is_not_in_flight, rfc, "MUST-19")
{
    established(.mss = 1000);
    app_send(100000);
    out_segments(1, 10);
    for (int i = 0; i < 2; i++) {
        in(ACK, .seq = 1, .ack = 1);
        drain(0);
    }
    in(ACK, .seq = 1, .ack = 1);
    drain(0);
    expect(status().ssthresh, 5000);
}

/* RFC 5681 2: what is not a duplicate ACK. */
TEST(duplicates_that_are_none, rfc, "MUST-19 N-8")
{
    established(.mss = 1000);
    app_send(5000);
    drain(0);
    for (int i = 0; i < 6; i++) { /* the window differs each time */
        in(ACK, .seq = 1, .ack = 1, .wnd = 20000 + 1000 * i);
        nothing();
    }
    for (int64_t i = 0; i < 6; i++) { /* text of the peer's own */
        in(ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10, .wnd = 25000);
        struct script_segment taken;
        while (script_take(&taken) >= 0)
            expect(taken.len, 0);
    }
    expect(status().retransmits, 0);
    app_recv(60);
    in(ACK, .seq = 61, .ack = 5001, .wnd = 25000);
    drain(settings()->delack);
    for (int i = 0; i < 6; i++) { /* nothing is in flight */
        in(ACK, .seq = 61, .ack = 5001, .wnd = 25000);
        nothing();
    }
    expect(status().retransmits, 0);
}

/* ---- After idling, RFC 5681 4.1 ---- */

/* A window that has grown to some 40 segments, all of it acknowledged. */
static int64_t grown(void)
{
    established(.mss = 1000);
    int64_t acked = 1;
    app_send(200000);
    while (acked < 200001) {
        drain(0);
        acked = snd_nxt();
        for (int64_t ack = snd_una() + 1000; ack <= acked; ack += 1000) {
            in(ACK, .seq = 1, .ack = ack);
            drain(0);
        }
    }
    drain(0);
    note(status().cwnd > 20000);
    return snd_nxt();
}

TEST(idle_restart, rfc, "MUST-19")
{
    int64_t next = grown();
    after(sec(10));
    app_send(60000);
    expect(status().cwnd, 10000);
    expect(snd_nxt(), next + 10000);
    drain(0);
}

TEST(no_restart_without_idling, rfc, "MUST-19")
{
    int64_t next = grown();
    after(ms(900));
    app_send(60000);
    note(snd_nxt() > next + 20000);
    drain(0);
}

/* It is our not sending that counts: a peer that talks all the time says nothing of our path. */
TEST(idle_restart_while_the_peer_talks, rfc, "MUST-19")
{
    int64_t next = grown();
    for (int64_t i = 0; i < 20; i++) {
        in(PSH|ACK, .seq = 1 + 10 * i, .ack = next, .len = 10);
        drain(ms(500));
        app_recv(10);
        drain(0);
    }
    app_send(60000);
    expect(status().cwnd, 10000);
    drain(0);
}

/* RFC 5681 4.1: before transmission begins, and into a closed window none does. */
TEST(idle_restart_waits_for_the_window, linux, "MUST-19")
{
    established(.mss = 1000, .wnd = 65535);
    app_send(10000);
    drain(0);
    in(ACK, .seq = 1, .ack = 10001, .wnd = 0);
    uint32_t grown_to = status().cwnd;
    note(grown_to > 10000);
    after(sec(3));
    app_send(20000);
    drain(0);
    expect(status().cwnd, grown_to);
    in(ACK, .seq = 1, .ack = 10001, .wnd = 65535);
    drain(0);
    expect(status().cwnd, 10000);
}

TEST(idle_restart_with_text_unread, rfc, "MUST-19")
{
    int64_t next = grown();
    in(PSH|ACK, .seq = 1, .ack = next, .len = 10);
    drain(sec(10));
    app_send(60000);
    drain(0);
    expect(status().cwnd, 10000);
    app_recv(10);
    drain(0);
}

/* Each ACK tells of a round trip, not one in a flight. */
TEST(every_ack_is_a_sample, linux, "")
{
    with(delack, ms(1));
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    after(ms(80));
    in(ACK, .seq = 1, .ack = 1, .wnd = 65535);
    app_accept();
    app_send(4000);
    drain(0);
    after(ms(80));
    in(ACK, .seq = 1, .ack = 2001, .wnd = 65535);
    note(status().srtt / ms(1) == 80);
    after(ms(80));
    in(ACK, .seq = 1, .ack = 4001, .wnd = 65535);
    note(status().srtt / ms(1) == 90);
}
