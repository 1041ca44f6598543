/* ICMP errors about our segments: RFC 9293 3.9.2.2 with RFC 5461 and RFC 5927, and path MTU
 * discovery (RFC 1191, RFC 8201). What arrives is an error that quotes the first bytes of a
 * segment of ours. */
/* clang-format off: scripts */
#include "by_hand.h"

struct error {
    uint8_t type, code;
};

/* RFC 9293 3.9.2.2's soft errors, of either family; the last has type 0. */
static const struct error *soft_errors(void)
{
    static const struct error ipv4[] = {{3, 0}, {3, 1}, {3, 5}, {11, 0}, {11, 1}, {12, 0}, {12, 1},
                                        {12, 2}, {0, 0}};
    static const struct error ipv6[] = {{1, 0}, {1, 3}, {3, 0}, {3, 1}, {4, 0}, {4, 1}, {4, 2},
                                        {0, 0}};
    return family() == 4 ? ipv4 : ipv6;
}

static const struct error *hard_errors(void)
{
    static const struct error ipv4[] = {{3, 2}, {3, 3}, {0, 0}};
    static const struct error ipv6[] = {{1, 1}, {1, 4}, {0, 0}};
    return family() == 4 ? ipv4 : ipv6;
}

static void too_big(int64_t seq, uint32_t mtu)
{
    icmp_in(.type = family() == 4 ? 3 : 2, .code = family() == 4 ? 4 : 0, .seq = seq, .mtu = mtu);
}

/* One segment of ours is in flight at 1. */
static void text_in_flight(void)
{
    established(.mss = 1000);
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100);
}

TEST(icmp_soft_errors_are_told_and_end_nothing, rfc, "MUST-47 MUST-54 MUST-56 SHLD-25 B12")
{
    for (const struct error *e = soft_errors(); e->type != 0; e++) {
        text_in_flight();
        icmp_in(.type = e->type, .code = e->code, .seq = 1);
        nothing();
        state(HF_ESTABLISHED);
        event(HF_EVENT_SOFT_ERROR);
        expect(status().soft_error, HF_ICMP_SOFT);
        expect(status().icmp_type, e->type);
        expect(status().icmp_code, e->code);
        in(ACK, .seq = 1, .ack = 101);
        quiet(sec(10));
        script_restart("");
    }
}

TEST(icmp_soft_errors_do_not_end_an_open, rfc, "MUST-56 B12")
{
    for (const struct error *e = soft_errors(); e->type != 0; e++) {
        syn_sent();
        icmp_in(.type = e->type, .code = e->code, .seq = 0);
        state(HF_SYN_SENT);
        after(settings()->rto_initial);
        out(SYN, .seq = 0);
        in(SYN|ACK, .seq = 0, .ack = 1);
        out(ACK, .seq = 1, .ack = 1);
        state(HF_ESTABLISHED);
        script_restart("");
    }
}

/* tcp_v4_err; the other two tables hold MUST-56. */
TEST(icmp_any_unreachable_ends_an_open_as_linux_has_it, linux, "")
{
    for (const struct error *e = soft_errors(); e->type != 0; e++) {
        syn_sent();
        icmp_in(.type = e->type, .code = e->code, .seq = 0);
        expect(status().soft_error, HF_ICMP_SOFT);
        expect(status().icmp_type, e->type);
        expect(status().icmp_code, e->code);
        ended(HF_CAUSE_UNREACHABLE);
        script_restart("");
    }
}

TEST(icmp_soft_errors_do_not_end_a_passive_open, rfc, "MUST-56 B12")
{
    for (const struct error *e = soft_errors(); e->type != 0; e++) {
        syn_received();
        icmp_in(.type = e->type, .code = e->code, .seq = 0);
        state(HF_SYN_RECEIVED);
        in(ACK, .seq = 1, .ack = 1);
        state(HF_ESTABLISHED);
        script_restart("");
    }
}

/* The last error stays readable: a connection that then times out can say why (RFC 5461 4.1). */
TEST(icmp_soft_error_is_remembered, rfc, "SHLD-25 MUST-47")
{
    text_in_flight();
    icmp_in(.type = soft_errors()[0].type, .code = soft_errors()[0].code, .seq = 1);
    drain(sec(700));
    ended(HF_CAUSE_RETRANSMIT_TIMEOUT);
    expect(status().soft_error, HF_ICMP_SOFT);
}

TEST(icmp_soft_errors_can_be_switched_off, rfc, "SHLD-20")
{
    text_in_flight();
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SOFT_ERRORS, 0), 0);
    icmp_in(.type = soft_errors()[0].type, .code = soft_errors()[0].code, .seq = 1);
    no_event(HF_EVENT_SOFT_ERROR);
    drain(sec(50)); /* R1 is passed on the way */
    no_event(HF_EVENT_SOFT_ERROR);
    expect(status().trouble, 1);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SOFT_ERRORS, 1), 0);
    icmp_in(.type = soft_errors()[0].type, .code = soft_errors()[0].code, .seq = 1);
    event(HF_EVENT_SOFT_ERROR);
}

TEST(icmp_hard_errors_end_an_open, rfc, "SHLD-26 MUST-54 B12")
{
    for (const struct error *e = hard_errors(); e->type != 0; e++) {
        syn_sent();
        icmp_in(.type = e->type, .code = e->code, .seq = 0);
        nothing();
        ended(HF_CAUSE_UNREACHABLE);
        event(HF_EVENT_ENDED);
        app_recv_is(HF_ERR_UNREACHABLE);
        quiet(sec(300));
        script_restart("");
    }
}

TEST(icmp_hard_errors_end_a_passive_open, rfc, "SHLD-26 MUST-54 B12")
{
    for (const struct error *e = hard_errors(); e->type != 0; e++) {
        syn_received();
        icmp_in(.type = e->type, .code = e->code, .seq = 0);
        nothing();
        ended(HF_CAUSE_UNREACHABLE);
        quiet(sec(300));
        script_restart("");
    }
}

/* A spoofed error would otherwise be a reset that anybody can send (RFC 5927 5.2). */
TEST(icmp_hard_errors_do_not_end_what_is_established, rfc, "SHLD-26 MUST-47 B12")
{
    for (const struct error *e = hard_errors(); e->type != 0; e++) {
        text_in_flight();
        icmp_in(.type = e->type, .code = e->code, .seq = 1);
        nothing();
        state(HF_ESTABLISHED);
        event(HF_EVENT_SOFT_ERROR);
        expect(status().soft_error, HF_ICMP_HARD);
        in(ACK, .seq = 1, .ack = 101);
        quiet(sec(10));
        script_restart("");
    }
}

TEST(icmp_hard_errors_by_the_letter, rfc, "SHLD-26")
{
    with(hard_icmp_aborts, 1);
    text_in_flight();
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1);
    nothing();
    ended(HF_CAUSE_UNREACHABLE);
    event(HF_EVENT_ENDED);
}

/* Codes that RFC 9293 does not name end nothing, whatever the settings. */
TEST(icmp_codes_that_tcp_does_not_know, rfc, "MUST-56 MUST-54")
{
    with(hard_icmp_aborts, 1);
    text_in_flight();
    for (int code = family() == 4 ? 6 : 5; code < 20; code++) {
        icmp_in(.type = family() == 4 ? 3 : 1, .code = (uint8_t)code, .seq = 1);
        nothing();
        state(HF_ESTABLISHED);
    }
    for (int type = 0; type < 256; type++) {
        if (family() == 4 ? type == 3 || type == 8 : type == 1 || type == 2 || type == 128)
            continue;
        icmp_in(.type = (uint8_t)type, .code = 0, .seq = 1);
        drain(0);
        state(HF_ESTABLISHED);
    }
}

/* "Fragmentation needed" is code 4 of 2 to 4, but it is the signal of path MTU discovery. */
TEST(icmp_too_big_never_aborts, rfc, "SHLD-26 N-16")
{
    with(hard_icmp_aborts, 1);
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    too_big(1, 1300);
    drain(0);
    state(HF_ESTABLISHED);
    in(ACK, .seq = 1, .ack = 1401);
    quiet(sec(300));
}

TEST_IPV4(icmp_source_quench_is_dropped, rfc, "MUST-55 B13")
{
    text_in_flight();
    uint32_t cwnd = status().cwnd;
    icmp_in(.type = 4, .code = 0, .seq = 1);
    nothing();
    dropped(HF_DROP_ICMP_TYPE);
    no_event(HF_EVENT_SOFT_ERROR);
    expect(status().cwnd, cwnd);
    expect(status().soft_error, 0);
}

TEST(icmp_sequence_that_is_not_in_flight, rfc, "MUST-54 B12 A10 B14")
{
    with(hard_icmp_aborts, 1);
    text_in_flight();
    const int64_t numbers[] = {0, 101, 102, -5000, 70000, 0x7fffffff};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = numbers[i]);
        dropped(HF_DROP_ICMP_SEQUENCE);
        too_big(numbers[i], 1300);
        dropped(HF_DROP_ICMP_SEQUENCE);
    }
    state(HF_ESTABLISHED);
    expect(status().soft_error, 0);
    expect(status().path_mtu, 1500);
}

TEST(icmp_with_nothing_in_flight, rfc, "MUST-54 B12")
{
    with(hard_icmp_aborts, 1);
    text_in_flight();
    in(ACK, .seq = 1, .ack = 101);
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 101);
    dropped(HF_DROP_ICMP_SEQUENCE);
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1);
    dropped(HF_DROP_ICMP_SEQUENCE);
    state(HF_ESTABLISHED);
}

TEST(icmp_about_another_connection, rfc, "MUST-54 A10")
{
    with(hard_icmp_aborts, 1);
    text_in_flight();
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1,
            .peer_port = 40001);
    dropped(HF_DROP_ICMP_QUOTE);
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1,
            .our_port = 81);
    dropped(HF_DROP_ICMP_QUOTE);
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1,
            .bad_checksum = true);
    dropped(HF_DROP_ICMP_CHECKSUM);
    state(HF_ESTABLISHED);
}

TEST(icmp_wrong_number_in_the_handshake, rfc, "SHLD-26 B12")
{
    syn_sent();
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1);
    dropped(HF_DROP_ICMP_SEQUENCE);
    state(HF_SYN_SENT);
    script_restart("passive");
    syn_received();
    icmp_in(.type = hard_errors()[0].type, .code = hard_errors()[0].code, .seq = 1);
    dropped(HF_DROP_ICMP_SEQUENCE);
    state(HF_SYN_RECEIVED);
}

/* ---- Path MTU, RFC 1191 and RFC 8201 ---- */

/* Bytes of headers without options. */
static int64_t headers(void)
{
    return family() == 4 ? 40 : 60;
}

TEST(pmtu_shrinks_segments_and_sends_again, rfc, "N-16 MUST-16 MUST-54")
{
    established(.mss = 1400);
    app_send(2800);
    out(ACK, .seq = 1, .ack = 1, .len = 1400);
    out(PSH|ACK, .seq = 1401, .ack = 1, .len = 1400);
    uint32_t ssthresh = status().ssthresh, cwnd = status().cwnd;
    too_big(1, 1300);
    int64_t mss = 1300 - headers();
    out(ACK, .seq = 1, .ack = 1, .len = mss);
    out(ACK, .seq = 1 + mss, .ack = 1, .len = mss);
    out(PSH|ACK, .seq = 1 + 2 * mss, .ack = 1, .len = 2800 - 2 * mss);
    expect(status().path_mtu, 1300);
    expect(status().mss, mss);
    expect(status().ssthresh, ssthresh); /* no sign of congestion, RFC 1191 6.4 */
    note(status().cwnd >= cwnd - 1400);
    in(ACK, .seq = 1, .ack = 2801);
    app_send((size_t)(2 * mss));
    out(ACK, .seq = 2801, .ack = 1, .len = mss);
    out(PSH|ACK, .seq = 2801 + mss, .ack = 1, .len = mss);
}

/* What is sent again for the path's sake may be lost for congestion, and that counts; once. */
TEST(pmtu_and_then_a_timeout, rfc, "N-16 MUST-18 MUST-19")
{
    established(.mss = 1400);
    app_send(8400);
    drain(0);
    too_big(1, 1300);
    drain(0);
    expect(status().phase, 3);
    expect(status().ssthresh, UINT32_MAX);
    int64_t mss = 1300 - headers();
    within(sec(1), ACK, .seq = 1, .ack = 1, .len = mss);
    expect(status().cwnd, mss);
    expect(status().ssthresh, 4200);
    within(sec(2), ACK, .seq = 1, .ack = 1, .len = mss);
    expect(status().ssthresh, 4200);
}

/* Path MTU discovery needs "don't fragment" on every segment (RFC 1191 3), answers included. */
TEST_IPV4(segments_are_not_to_be_fragmented, rfc, "N-16")
{
    app_listen();
    in(SYN, .seq = 0, .mss = 1000);
    note((first_packet()[6] & 0x60) == 0x40);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    app_send(1000);
    note((first_packet()[6] & 0x60) == 0x40);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    in(FIN|ACK, .seq = 1, .ack = 1001);
    note((first_packet()[6] & 0x60) == 0x40);
    out(ACK, .seq = 1001, .ack = 2);
    app_abort();
    note((first_packet()[6] & 0x60) == 0x40);
    out(RST|ACK, .seq = 1001, .ack = 2);
}

/* Later connections to the same address know it; after a while it is forgotten. */
TEST(pmtu_is_remembered_for_a_while, rfc, "N-16")
{
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    too_big(1, 1300);
    int64_t mss = 1300 - headers();
    out(ACK, .seq = 1, .ack = 1, .len = mss);
    drain(0);
    in(ACK, .seq = 1, .ack = 1401);
    another(40001);
    established(.mss = 1400);
    expect(status().path_mtu, 1300);
    expect(status().mss, mss);
    after(settings()->pmtu_age + sec(1));
    another(40002);
    established(.mss = 1400);
    expect(status().path_mtu, 1500);
}

/* What we advertise is what we can receive, not what the path to the peer can take (N-15). */
TEST(pmtu_does_not_touch_what_is_advertised, rfc, "N-15 MUST-67")
{
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    too_big(1, 1300);
    drain(0);
    another(40001);
    in(SYN, .seq = 0, .mss = 1400);
    out(SYN|ACK, .seq = 0, .ack = 1, .mss = our_mss());
}

TEST(pmtu_larger_than_known_is_no_news, rfc, "N-16 B14")
{
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    too_big(1, 1500);
    nothing();
    too_big(1, 9000);
    nothing();
    expect(status().path_mtu, 1500);
    expect(status().mss, 1400);
}

/* Below the floor it is an attack on the processor: IPv4 takes the floor, IPv6 has one by
 * itself. */
TEST_IPV4(pmtu_has_a_floor, rfc, "N-16 B14")
{
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    too_big(1, 68);
    expect(status().path_mtu, settings()->pmtu_floor);
    drain(0);
}

/* ... but does not insist: a path that really has less room may cut what we send, and can tell the
 * packets apart by their IDs. */
TEST_IPV4(pmtu_at_the_floor_may_be_cut, rfc, "N-16 B14")
{
    established(.mss = 1400);
    app_send(1000);
    note((first_packet()[6] & 0x40) != 0);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1000);
    too_big(1, 296);
    note((first_packet()[6] & 0x40) == 0);
    int first = first_packet()[4] << 8 | first_packet()[5];
    out(ACK, .seq = 1, .ack = 1, .len = 512);
    int second = first_packet()[4] << 8 | first_packet()[5];
    out(PSH|ACK, .seq = 513, .ack = 1, .len = 488);
    note(first != second);
    in(ACK, .seq = 1, .ack = 1001);
}

TEST_IPV4(pmtu_above_the_floor_may_not_be_cut, rfc, "N-16")
{
    established(.mss = 1400);
    app_send(600);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 600);
    too_big(1, 553);
    note((first_packet()[6] & 0x40) != 0);
    out(ACK, .seq = 1, .ack = 1, .len = 513);
    drain(0);
}

TEST_IPV6(pmtu_below_1280_is_a_lie, rfc, "N-16 B14")
{
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    too_big(1, 1279);
    nothing();
    expect(status().path_mtu, 1500);
}

/* A router from before RFC 1191 names no MTU: the next plateau below the quoted length. */
TEST_IPV4(pmtu_from_an_old_router, rfc, "N-16")
{
    established(.mss = 1400);
    app_send(1400);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 1400);
    icmp_in(.type = 3, .code = 4, .seq = 1, .mtu = 0, .quoted = 1440);
    expect(status().path_mtu, 1006);
    drain(0);
}

TEST(pmtu_in_the_handshake_ends_nothing, rfc, "N-16 SHLD-26")
{
    with(hard_icmp_aborts, 1);
    syn_sent();
    too_big(0, 1300);
    state(HF_SYN_SENT);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1400);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().mss, 1300 - headers());
    script_restart("passive");
    syn_received(.mss = 1400);
    too_big(0, 1300);
    state(HF_SYN_RECEIVED);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    state(HF_ESTABLISHED);
}
