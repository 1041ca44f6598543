/* TCP Fast Open, RFC 7413: text on a SYN, from both ends. The ids F-1 to F-12 stand in docs/rfc.md. */
/* clang-format off: scripts */
#include "by_hand.h"

#include <string.h>

/* Linux's own cookies for this key, from Google's packetdrill scripts. */
static const uint8_t linux_key[16] = {0xf7, 0x63, 0xbf, 0xa0, 0x81, 0x3d, 0x80, 0xed,
                                      0x30, 0x1d, 0x64, 0xcd, 0x90, 0x4a, 0xbc, 0xce};

/* Settings whose numbers the scripts name: no options but Fast Open's. */
static void plain(void)
{
    with(fast_open, HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_SERVER);
    with(timestamps, 0);
    with(sack, 0);
    with(window_scale, 0);
}

/* ---- Server ---- */

static uint8_t good[16];

/* A peer asks for a cookie, by an ordinary handshake that it then gives up. */
static void cookie_for_the_peer(void)
{
    another(30000);
    in(SYN, .seq = 0, .mss = 1000, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8);
    memcpy(good, last_cookie(), sizeof good);
    in(RST, .seq = 1);
    another(30001);
}

static void listening(void)
{
    plain();
    app_listen(.fast_open = 4);
    cookie_for_the_peer();
}

/* A SYN with the peer's cookie and text. */
#define in_fast(length) \
    in(SYN, .seq = 0, .mss = 1000, .len = length, .cookie_len = 8, .cookie = good)

TEST(cookie_is_given_when_asked_for, rfc, "F-1 F-4 LIS.SYN")
{
    plain();
    app_listen(.fast_open = 4);
    in(SYN, .seq = 0, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8);
    memcpy(good, last_cookie(), sizeof good);
    in(ACK, .seq = 1, .ack = 1);
    app_accept();
    state(HF_ESTABLISHED);
    expect(status().fast_open, HF_FAST_OPEN_NOT_USED);
    another(30001); /* by address, not by port */
    in(SYN, .seq = 0, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8, .cookie = good);
    another(30002); /* in the form that it was asked in */
    in(SYN, .seq = 0, .cookie_len = 0, .experimental = true);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8, .cookie = good, .experimental = true);
}

TEST(no_cookie_where_nobody_asks, rfc, "F-4 LIS.SYN")
{
    plain();
    app_listen(.fast_open = 4);
    in(SYN, .seq = 0, .len = 10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_TEXT_ON_SYN);
}

TEST(listener_that_did_not_ask_knows_no_fast_open, rfc, "F-4 LIS.SYN")
{
    plain();
    app_listen();
    in(SYN, .seq = 0, .len = 10, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_TEXT_ON_SYN);
}

TEST(settings_may_forbid_it, rfc, "F-4 LIS.SYN")
{
    plain();
    with(fast_open, HF_FAST_OPEN_CLIENT);
    app_listen(.fast_open = 4);
    in(SYN, .seq = 0, .len = 10, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_TEXT_ON_SYN);
}

TEST(text_of_the_syn_is_taken_at_once, rfc, "F-3 LIS.SYN SYR.SEND")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11, .cookie_len = NONE, .mss = our_mss());
    listener_event(HF_EVENT_ACCEPT);
    app_accept();
    state(HF_SYN_RECEIVED);
    event(HF_EVENT_READABLE);
    expect(status().fast_open, HF_FAST_OPEN_TAKEN);
    app_recv(10);
    app_send(100); /* the answer does not wait for the third segment */
    out(ACK, .seq = 1, .ack = 11, .len = 100);
    in(ACK, .seq = 11, .ack = 101);
    state(HF_ESTABLISHED);
    expect(status().send_queued, 0);
    expect(counters().fast_opens_in, 1);
}

TEST(answer_of_many_segments_before_the_third, linux, "F-3 SYR.SEND")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    app_send(12000);
    for (int i = 0; i < 10; i++) /* the initial window, whole segments */
        out(ACK, .seq = 1 + 1000 * i, .ack = 11, .len = 1000);
    nothing();
    in(ACK, .seq = 11, .ack = 1); /* the SYN's: nothing of the text is acknowledged */
    state(HF_ESTABLISHED);
    nothing();
    in(ACK, .seq = 11, .ack = 2001);
    out(ACK, .seq = 10001, .ack = 11, .len = 1000);
    out(ACK, .seq = 11001, .ack = 11, .len = 1000);
    in(ACK, .seq = 11, .ack = 12001);
    note(status().srtt < ms(1)); /* the one sample is the SYN's, not text's */
}

TEST(good_cookie_without_text_opens, rfc, "F-3 LIS.SYN")
{
    listening();
    in_fast(0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    app_accept();
    state(HF_SYN_RECEIVED);
    expect(status().fast_open, HF_FAST_OPEN_NOT_USED);
    app_recv_is(0);
    app_send(10);
    out(ACK, .seq = 1, .ack = 1, .len = 10);
    in(ACK, .seq = 1, .ack = 11, .len = 5);
    app_recv(5);
    state(HF_ESTABLISHED);
}

TEST(accepted_after_the_third_segment, rfc, "F-3 SYR.A-new")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    in(ACK, .seq = 11, .ack = 1, .len = 10);
    app_accept();
    state(HF_ESTABLISHED);
    app_recv(20);
    within(settings()->delack, ACK, .seq = 1, .ack = 21);
}

TEST(no_more_text_than_the_window, rfc, "F-3 LIS.SYN")
{
    plain();
    with(rcv_buffer, 1024);
    app_listen(.fast_open = 4);
    cookie_for_the_peer();
    in(SYN, .seq = 0, .mss = 1000, .len = 1200, .cookie_len = 8, .cookie = good);
    out(SYN|ACK, .seq = 0, .ack = 1025);
    app_accept();
    app_recv(1024);
}

/* A forged cookie never gets a byte through. */
TEST(forged_cookie_gets_nothing_through, rfc, "F-1 F-4 LIS.SYN")
{
    listening();
    for (int bit = 0; bit < 64; bit += 3) {
        uint8_t forged[16];
        memcpy(forged, good, sizeof forged);
        forged[bit / 8] ^= (uint8_t)(1 << bit % 8);
        another((uint16_t)(31000 + bit));
        in(SYN, .seq = 0, .len = 10, .cookie_len = 8, .cookie = forged);
        out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8, .cookie = good);
        dropped(HF_DROP_FAST_OPEN_COOKIE);
        in(RST, .seq = 1);
    }
    static const int64_t lengths[] = {4, 6, 10, 16};
    for (int i = 0; i < 4; i++) { /* of another length: its beginning does not help */
        another((uint16_t)(32000 + i));
        in(SYN, .seq = 0, .len = 10, .cookie_len = lengths[i], .cookie = good);
        out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8);
        in(RST, .seq = 1);
    }
    hf_conn none;
    expect(hf_tcp_accept(stack(), listener(), 0, &none), 0);
    expect(counters().fast_opens_in, 0);
}

TEST(syn_ack_is_repeated_without_the_option, rfc, "F-6 SYR.RTO")
{
    plain();
    app_listen(.fast_open = 4);
    in(SYN, .seq = 0, .cookie_len = 0);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8);
    within(sec(2), SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
}

TEST(syn_ack_of_an_open_one_is_repeated, rfc, "F-6 SYR.RTO SYR.SYN")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    app_send(10);
    out(ACK, .seq = 1, .ack = 11, .len = 10);
    at(sec(1)); out(SYN|ACK, .seq = 0, .ack = 11, .len = 0); /* the SYN+ACK first, alone */
    at(sec(2)); in_fast(10);                                 /* the peer has not seen it */
                out(SYN|ACK, .seq = 0, .ack = 11);
                in(SYN, .seq = 0, .mss = 1000);
                out(SYN|ACK, .seq = 0, .ack = 11);
                in(ACK, .seq = 11, .ack = 1);
                state(HF_ESTABLISHED);
                nothing();
    within(sec(4), ACK, .seq = 1, .ack = 11, .len = 10); /* and then what it has not seen */
    in(ACK, .seq = 11, .ack = 11);
    app_recv(10);
}

/* RFC 793's SYN with more text than before, to an ordinary half-open connection. */
TEST(repeated_syn_with_text_draws_the_syn_ack, rfc, "SYR.SYN")
{
    app_listen();
    in(SYN, .seq = 0);
    out(SYN|ACK, .seq = 0, .ack = 1);
    in(SYN, .seq = 0, .len = 10);
    out(SYN|ACK, .seq = 0, .ack = 1);
}

TEST(third_segment_never_comes, linux, "F-6 SYR.R2")
{
    with(synack_retries, 2);
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    app_recv(10);
    at(sec(1));  out(SYN|ACK, .seq = 0, .ack = 11);
    at(sec(3));  out(SYN|ACK, .seq = 0, .ack = 11);
    at(sec(7));  out(SYN|ACK, .seq = 0, .ack = 11); /* one more than for others: it is in use */
    at(sec(15)); ended(HF_CAUSE_HALF_OPEN_TIMEOUT);
                 event(HF_EVENT_ENDED);
                 app_recv_is(HF_ERR_TIMEOUT);
}

TEST(closed_before_the_third_segment, rfc, "F-3 SYR.CLOSE")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    app_recv(10);
    app_send(20);
    out(ACK, .seq = 1, .ack = 11, .len = 20);
    app_shutdown();
    out(FIN|ACK, .seq = 21, .ack = 11);
    state(HF_FIN_WAIT_1);
    in(ACK, .seq = 11, .ack = 22);
    state(HF_FIN_WAIT_2);
    in(FIN|ACK, .seq = 11, .ack = 22);
    out(ACK, .seq = 22, .ack = 12);
    state(HF_TIME_WAIT);
}

TEST(peer_closes_with_the_third_segment, rfc, "F-3 SYR.FIN")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    in(FIN|ACK, .seq = 11, .ack = 1);
    out(ACK, .seq = 1, .ack = 12);
    app_accept();
    state(HF_CLOSE_WAIT);
    app_recv(10);
    app_recv_is(HF_EOF);
}

TEST(closed_with_unread_text, rfc, "F-3 SYR.ABORT")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    app_close();
    out(RST|ACK, .seq = 1, .ack = 11);
    ended(HF_CAUSE_UNREAD_DATA);
}

TEST(listener_closes_before_accept, rfc, "F-3 SYR.ABORT")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    expect(hf_listener_close(stack(), listener()), 0);
    out(RST|ACK, .seq = 1, .ack = 11);
    ended(HF_CAUSE_LISTENER_CLOSED);
}

TEST(reset_before_accept_leaves_what_was_read, rfc, "F-3 SYR.RST-exact")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    in(RST, .seq = 12); /* not exact: RFC 5961 holds here, too */
    out(ACK, .seq = 1, .ack = 11);
    in(RST, .seq = 11);
    app_accept();
    app_recv(10);
    app_recv_is(HF_ERR_RESET);
}

TEST(no_more_than_so_many_wait, rfc, "F-5 LIS.SYN")
{
    listening();
    for (int i = 0; i < 4; i++) {
        another((uint16_t)(31000 + i));
        in_fast(10);
        out(SYN|ACK, .seq = 0, .ack = 11);
        app_accept(); /* to be accepted is no end of waiting */
    }
    another(32000);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_FAST_OPEN_LIMIT);
    in(ACK, .seq = 1, .ack = 1, .len = 10); /* as any other */
    app_accept();
    app_recv(10);
    back_to(31002);
    in(ACK, .seq = 11, .ack = 1);
    another(32001); /* one waits no more */
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
}

/* RFC 7413 5.1: a reset makes no room, or those who flood would reset what they have opened. */
TEST(resets_make_no_room_for_a_while, rfc, "F-5 SYR.RST-exact")
{
    listening();
    for (int i = 0; i < 4; i++) {
        another((uint16_t)(31000 + i));
        in_fast(10);
        out(SYN|ACK, .seq = 0, .ack = 11);
        in(RST, .seq = 11);
        app_accept();
        app_close();
    }
    another(32000);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_FAST_OPEN_LIMIT);
    in(RST, .seq = 1);
    after(sec(121));
    another(32001);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
}

/* Whoever ends in another way makes room at once. */
TEST(those_that_end_make_room, linux, "F-5 SYR.ABORT")
{
    listening();
    for (int i = 0; i < 20; i++) {
        another((uint16_t)(31000 + i));
        in_fast(10);
        out(SYN|ACK, .seq = 0, .ack = 11);
        app_accept();
        app_abort();
        out(RST|ACK, .seq = 1, .ack = 11);
    }
}

TEST(full_accept_queue_takes_nobody, rfc, "F-5 LIS.SYN")
{
    plain();
    app_listen(.no_backlog = true, .fast_open = 4);
    cookie_for_the_peer();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    another(31000);
    in_fast(10);
    nothing();
    dropped(HF_DROP_BACKLOG);
}

TEST(keys_are_rotated, rfc, "F-11")
{
    static const uint8_t keys[2][16] = {{1, 2, 3}, {4, 5, 6}};
    plain();
    app_listen(.fast_open = 4);
    expect(hf_stack_fast_open_keys(stack(), &keys[1], 1), 0);
    cookie_for_the_peer();
    expect(hf_stack_fast_open_keys(stack(), keys, 2), 0);
    in_fast(10); /* by the second key: taken, and a new one comes with the SYN+ACK */
    out(SYN|ACK, .seq = 0, .ack = 11, .cookie_len = 8);
    note(memcmp(good, last_cookie(), 8) != 0);
    within(sec(2), SYN|ACK, .seq = 0, .ack = 11, .cookie_len = NONE);
    expect(hf_stack_fast_open_keys(stack(), keys, 1), 0);
    another(31000); /* the old key is no more */
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8);
    dropped(HF_DROP_FAST_OPEN_COOKIE);
    memcpy(good, last_cookie(), sizeof good);
    another(31001);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11, .cookie_len = NONE);
}

TEST(keys_of_a_listener, rfc, "F-11")
{
    static const uint8_t own[1][16] = {{7}};
    listening();
    expect(hf_listener_fast_open_keys(stack(), listener(), own, 1), 0);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8);
    dropped(HF_DROP_FAST_OPEN_COOKIE);
    expect(hf_listener_fast_open_keys(stack(), listener(), NULL, 0), 0);
    another(31000);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    expect(hf_listener_fast_open_keys(stack(), listener(), own, 3), HF_ERR_ARGUMENT);
    expect(hf_listener_fast_open_keys(stack(), listener(), NULL, 1), HF_ERR_ARGUMENT);
    expect(hf_stack_fast_open_keys(stack(), own, 0), HF_ERR_ARGUMENT);
    expect(hf_listener_fast_open(stack(), 12345, 1, 0), HF_ERR_STALE);
}

TEST(limit_of_a_listener_can_be_changed, rfc, "F-5")
{
    listening();
    expect(hf_listener_fast_open(stack(), listener(), 0, 0), 0);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_TEXT_ON_SYN);
}

TEST(all_listeners_by_the_settings, rfc, "F-3")
{
    plain();
    with(fast_open, HF_FAST_OPEN_SERVER | HF_FAST_OPEN_ALL_LISTENERS);
    app_listen();
    cookie_for_the_peer();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
}

TEST(server_without_cookies, rfc, "F-3")
{
    plain();
    with(fast_open, HF_FAST_OPEN_SERVER | HF_FAST_OPEN_SERVER_NO_COOKIE);
    app_listen(.fast_open = 4);
    in(SYN, .seq = 0, .len = 10);
    out(SYN|ACK, .seq = 0, .ack = 11, .cookie_len = NONE);
    app_accept();
    app_recv(10);
    another(31000);
    in(SYN, .seq = 0); /* nothing of Fast Open about it */
    out(SYN|ACK, .seq = 0, .ack = 1);
    hf_conn none;
    expect(hf_tcp_accept(stack(), listener(), 0, &none), 0);
}

TEST(listener_without_cookies, rfc, "F-3")
{
    plain();
    app_listen();
    expect(hf_listener_fast_open(stack(), listener(), 1, 1), 0);
    in(SYN, .seq = 0, .len = 10);
    out(SYN|ACK, .seq = 0, .ack = 11, .cookie_len = NONE);
    app_accept();
    app_recv(10);
}

TEST(cookies_and_holding_do_not_go_together, rfc, "F-3")
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 81, .hold = 1, .fast_open = 1};
    hf_listener none;
    expect(hf_tcp_listen(stack(), &listen, &none), HF_ERR_ARGUMENT);
}

/* Without memory for a connection the SYN is an ordinary one, or none at all. */
TEST(no_memory_for_the_connection, rfc, "F-10")
{
    script_setup()->connections_max = 1;
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    another(31000);
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    dropped(HF_DROP_TEXT_ON_SYN);
}

/* The cookie is Linux's, so that hosts behind one address can share a key. */
TEST_IPV4(cookie_is_that_of_linux, rfc, "F-1")
{
    static const uint8_t expected[8] = {0x00, 0xab, 0xaa, 0xab, 0xe8, 0xe9, 0x54, 0xc2};
    plain();
    struct hf_addr ours;
    expect(hf_addr_parse("192.168.0.2", &ours), 0);
    expect(hf_stack_add_address(stack(), 1, &ours, 32), 0);
    expect(hf_addr_parse("0.0.0.0", &ours), 0);
    expect(hf_stack_add_route(stack(), 1, &ours, 0), 0);
    app_listen(.fast_open = 4);
    expect(hf_stack_fast_open_keys(stack(), &linux_key, 1), 0);
    uint8_t packet[64] = {0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 248, 0, 2, 192, 168, 0, 2,
                          0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xff, 0xff, 0, 0, 0,
                          0, 34, 2, 1, 1};
    struct hf_packet syn;
    hf_packet_wrap(&syn, 1, packet, 44);
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    packet[10] = (uint8_t)(sum >> 8);
    packet[11] = (uint8_t)sum;
    sum = 6 + 24;
    for (int i = 12; i < 44; i += 2)
        sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    packet[36] = (uint8_t)(sum >> 8);
    packet[37] = (uint8_t)sum;
    hf_stack_input(stack(), 1, &syn, 1, sec(1000));
    struct hf_packet answer;
    expect(hf_stack_output(stack(), 1, &answer, 1, sec(1000)), 1);
    uint8_t bytes[128];
    expect(hf_packet_copy(&answer, bytes, sizeof bytes), 20 + 20 + 4 + 12);
    hf_stack_sent(stack(), &answer, 1);
    note(bytes[44] == 34 && bytes[45] == 10 && memcmp(bytes + 46, expected, 8) == 0);
}

/* ---- Client ---- */

static const uint8_t given[16] = {0xab, 0xcd, 0x12, 0x34, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* A connection that asks for a cookie gets one of so many bytes; the server's MSS is 1000. */
static void cookie_from_the_peer(int64_t len)
{
    app_open(.fast_open = HF_OPEN_FAST);
    out(SYN, .seq = 0, .cookie_len = 0, .mss = our_mss());
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .cookie_len = len, .cookie = given);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().fast_open, HF_FAST_OPEN_NO_COOKIE);
    app_abort();
    out(RST|ACK, .seq = 1, .ack = 1);
}

/* The next connection, whose SYN waits for what the application sends. */
static void open_deferred(uint16_t port)
{
    app_open(.local_port = port, .fast_open = HF_OPEN_FAST | HF_OPEN_FAST_DEFER);
}

static void knowing_a_cookie(void)
{
    plain();
    cookie_from_the_peer(8);
    open_deferred(50001);
    nothing();
    state(HF_SYN_SENT);
}

static int64_t syn_room(void)
{
    int64_t room = -1;
    expect(hf_tcp_get(stack(), conn(), HF_OPTION_SYN_ROOM, &room), 0);
    return room;
}

TEST(text_goes_with_the_syn, rfc, "F-7 CLD.OPEN-a SYS.SYN-ACK-ok")
{
    knowing_a_cookie();
    expect(syn_room(), 960); /* the server's MSS less room for options */
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8, .cookie = given);
    expect(syn_room(), 0);
    after(ms(20));
    in(SYN|ACK, .seq = 0, .ack = 501, .mss = 1200);
    out(ACK, .seq = 501, .ack = 1);
    event(HF_EVENT_CONNECTED);
    state(HF_ESTABLISHED);
    expect(status().fast_open, HF_FAST_OPEN_TAKEN);
    expect(status().send_queued, 0);
    expect(status().srtt, ms(20));
    expect(counters().fast_opens_out, 1);
    expect(counters().fast_opens_taken, 1);
    in(ACK, .seq = 1, .ack = 501, .len = 10);
    app_recv(10);
}

TEST(more_than_the_syn_takes, linux, "F-7 F-8 SYS.SEND")
{
    knowing_a_cookie();
    app_send(2500);
    out(SYN, .seq = 0, .len = 960, .cookie_len = 8, .cookie = given);
    in(SYN|ACK, .seq = 0, .ack = 961, .mss = 1000);
    out(ACK, .seq = 961, .ack = 1, .len = 1000);
    out(ACK, .seq = 1961, .ack = 1, .len = 540);
    in(ACK, .seq = 1, .ack = 2501);
    expect(status().send_queued, 0);
    expect(status().retransmits, 0);
}

TEST(server_that_takes_only_the_syn, linux, "F-8 SYS.SYN-ACK-ok")
{
    knowing_a_cookie();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 400);
    out(ACK, .seq = 1, .ack = 1, .len = 400); /* as ordinary text, cut anew */
    out(ACK, .seq = 401, .ack = 1, .len = 100);
    expect(status().fast_open, HF_FAST_OPEN_NOT_TAKEN);
    expect(status().resent, 500);
    in(ACK, .seq = 1, .ack = 501);
    expect(status().resent, 0);
    expect(status().bytes_sent, 500);
    expect(status().bytes_acked, 500);
    open_deferred(50002); /* it has answered: nothing speaks against the next */
    app_send(500);
    out(SYN, .seq = 0, .len = 360, .cookie_len = 8);
}

TEST(server_that_takes_a_part, rfc, "F-8 SYS.SYN-ACK-ok")
{
    knowing_a_cookie();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    in(SYN|ACK, .seq = 0, .ack = 101, .mss = 1000);
    out(ACK, .seq = 101, .ack = 1, .len = 400);
    expect(status().fast_open, HF_FAST_OPEN_NOT_TAKEN);
    in(ACK, .seq = 1, .ack = 501);
    expect(status().send_queued, 0);
}

TEST(server_that_takes_too_much, rfc, "F-8 SYS.SYN-ACK-bad")
{
    knowing_a_cookie();
    app_send(100);
    out(SYN, .seq = 0, .len = 100, .cookie_len = 8);
    in(SYN|ACK, .seq = 0, .ack = 102, .cookie_len = 4, .cookie = given + 4);
    out(RST, .seq = 102);
    state(HF_SYN_SENT);
    in(SYN|ACK, .seq = 0, .ack = 101);
    out(ACK, .seq = 101, .ack = 1);
}

TEST(text_and_fin_with_the_syn_ack, rfc, "F-7 SYS.SYN-ACK-ok")
{
    knowing_a_cookie();
    app_send(100);
    out(SYN, .seq = 0, .len = 100, .cookie_len = 8);
    in(SYN|ACK|FIN, .seq = 0, .ack = 101, .len = 50);
    out(ACK, .seq = 101, .ack = 52);
    state(HF_CLOSE_WAIT);
    app_recv(50);
    app_recv_is(HF_EOF);
}

TEST(syn_is_repeated_bare, rfc, "F-9 SYS.RTO")
{
    knowing_a_cookie();
    app_send(500);
              out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    after(sec(1));
              out(SYN, .seq = 0, .len = 0, .cookie_len = NONE, .mss = our_mss());
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1, .len = 500);
    expect(status().fast_open, HF_FAST_OPEN_LOST);
    in(ACK, .seq = 1, .ack = 501);
}

/* The SYN arrived and its answer was lost: the text counts. */
TEST(text_of_a_repeated_syn_was_taken, rfc, "F-9 SYS.RTO")
{
    knowing_a_cookie();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    after(sec(1));
    out(SYN, .seq = 0, .cookie_len = NONE);
    in(SYN|ACK, .seq = 0, .ack = 501, .mss = 1000);
    out(ACK, .seq = 501, .ack = 1);
    expect(status().fast_open, HF_FAST_OPEN_TAKEN);
    open_deferred(50002);
    nothing(); /* no loss: its SYN waits for text again */
}

static void lose_a_syn_with_text(uint16_t port)
{
    open_deferred(port);
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    after(sec(1));
    out(SYN, .seq = 0, .cookie_len = NONE);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1, .len = 500);
    app_abort();
    out(RST|ACK, .seq = 501);
}

/* A SYN that says nothing of Fast Open, as the server is left alone. */
static void plain_syn(uint16_t port)
{
    open_deferred(port);
    out(SYN, .seq = 0, .len = 0, .cookie_len = NONE);
    expect(syn_room(), 0);
    app_abort();
}

TEST(server_that_loses_text_is_left_alone, rfc, "F-9")
{
    plain();
    with(fast_open_retry, sec(60));
    with(hold_after_abort, 0);
    cookie_from_the_peer(8);
    lose_a_syn_with_text(50001);
    plain_syn(50002);
    after(sec(59));
    plain_syn(50003);
    after(sec(2));
    lose_a_syn_with_text(50004); /* once more: then for twice as long */
    after(sec(118));
    plain_syn(50005);
    after(sec(2));
    open_deferred(50006);
    app_send(10);
    out(SYN, .seq = 0, .len = 10, .cookie_len = 8);
    in(SYN|ACK, .seq = 0, .ack = 11, .mss = 1000); /* works: all is forgiven */
    out(ACK, .seq = 11, .ack = 1);
    app_abort();
    out(RST|ACK, .seq = 11);
    lose_a_syn_with_text(50007);
    after(sec(61));
    open_deferred(50008);
    nothing();
}

TEST(server_that_never_answers_text_is_left_alone, rfc, "F-9 SYS.R2")
{
    plain();
    with(syn_retries, 1);
    cookie_from_the_peer(8);
    open_deferred(50001);
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    after(sec(1)); out(SYN, .seq = 0, .len = 0);
    after(sec(2)); ended(HF_CAUSE_OPEN_TIMEOUT);
    plain_syn(50002);
}

/* Linux's default: no pause at all. */
TEST(without_pauses_it_is_tried_again, linux, "F-9")
{
    plain();
    with(fast_open_retry, 0);
    cookie_from_the_peer(8);
    lose_a_syn_with_text(50001);
    lose_a_syn_with_text(50002);
}

TEST(refusal_says_nothing_about_text, rfc, "F-9 SYS.RST-exact")
{
    knowing_a_cookie();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    in(RST|ACK, .seq = 0, .ack = 1);
    ended(HF_CAUSE_REFUSED);
    open_deferred(50002);
    nothing();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    in(RST|ACK, .seq = 0, .ack = 501);
    ended(HF_CAUSE_REFUSED);
}

TEST(cookies_of_every_length, rfc, "F-2 F-7")
{
    plain();
    with(timestamps, 1); /* with these a SYN is 36 bytes of options, or 40 in the other form */
    with(sack, 1);
    with(window_scale, 1);
    static const int64_t lengths[] = {4, 6, 8, 12, 16};
    for (int i = 0; i < 5; i++) {
        app_open(.local_port = (uint16_t)(50001 + i), .fast_open = HF_OPEN_FAST);
        out(SYN, .seq = 0, .cookie_len = i ? lengths[i - 1] : 0, .experimental = i % 2 == 0 && i);
        in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000, .cookie_len = lengths[i],
           .cookie = given, .experimental = i % 2);
        out(ACK, .seq = 1, .ack = 1);
        app_abort();
        out(RST|ACK, .seq = 1);
        open_deferred((uint16_t)(50101 + i));
        app_send(10);
        out(SYN, .seq = 0, .len = 10, .cookie_len = lengths[i], .cookie = given,
            .experimental = i % 2);
        in(RST|ACK, .seq = 0, .ack = 1);
    }
}

TEST(no_answer_to_kind_34, rfc, "F-2 F-7")
{
    plain();
    for (int i = 0; i < 5; i++) { /* the other form once, then kind 34 for ever */
        app_open(.local_port = (uint16_t)(50001 + i), .fast_open = HF_OPEN_FAST);
        out(SYN, .seq = 0, .cookie_len = 0, .experimental = i == 1);
        in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
        out(ACK, .seq = 1, .ack = 1);
    }
}

TEST(bad_cookies_are_not_kept, rfc, "F-2 F-7")
{
    static const uint8_t odd[] = {34, 7, 1, 2, 3, 4, 5, 1}, one[] = {34, 4, 1, 2},
                         long_one[] = {34, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                       16, 17, 18};
    static const struct { const uint8_t *bytes; size_t len; } bad[] = {
        {odd, sizeof odd}, {one, sizeof one}, {long_one, sizeof long_one}};
    plain();
    for (int i = 0; i < 3; i++) {
        hf_stack_fast_open_forget(stack());
        app_open(.local_port = (uint16_t)(50001 + i), .fast_open = HF_OPEN_FAST);
        out(SYN, .seq = 0, .cookie_len = 0);
        in(SYN|ACK, .seq = 0, .ack = 1, .options = bad[i].bytes, .options_len = bad[i].len);
        out(ACK, .seq = 1, .ack = 1);
        open_deferred((uint16_t)(50101 + i));
        out(SYN, .seq = 0, .cookie_len = 0, .experimental = true);
    }
}

TEST(cookie_that_nobody_asked_for, rfc, "F-7")
{
    plain();
    app_open(.local_port = 50001);
    out(SYN, .seq = 0, .cookie_len = NONE);
    in(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = 8, .cookie = given);
    out(ACK, .seq = 1, .ack = 1);
    app_open(.local_port = 50002, .fast_open = HF_OPEN_FAST);
    out(SYN, .seq = 0, .cookie_len = 0);
}

TEST(cookie_on_a_segment_that_is_no_syn, rfc, "F-7 EST.data")
{
    knowing_a_cookie();
    app_send(10);
    out(SYN, .seq = 0, .len = 10, .cookie_len = 8);
    in(SYN|ACK, .seq = 0, .ack = 11);
    out(ACK, .seq = 11, .ack = 1);
    in(ACK, .seq = 1, .ack = 11, .len = 1, .cookie_len = 4, .cookie = given + 4);
    app_recv(1);
    open_deferred(50002);
    app_send(10);
    out(SYN, .seq = 0, .len = 10, .cookie_len = 8, .cookie = given);
}

TEST(client_without_cookies, rfc, "F-7")
{
    plain();
    with(fast_open, HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_CLIENT_NO_COOKIE);
    open_deferred(50001);
    nothing();
    expect(syn_room(), our_mss() - 40);
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = NONE);
    in(SYN|ACK, .seq = 0, .ack = 501, .mss = 1000, .cookie_len = 8, .cookie = given);
    out(ACK, .seq = 501, .ack = 1);
    expect(status().fast_open, HF_FAST_OPEN_TAKEN);
}

TEST(one_connection_without_cookies, rfc, "F-7")
{
    plain();
    app_open(.fast_open = HF_OPEN_FAST | HF_OPEN_FAST_DEFER | HF_OPEN_FAST_NO_COOKIE);
    nothing();
    app_send(5);
    out(SYN, .seq = 0, .len = 5, .cookie_len = NONE);
}

TEST(client_that_the_settings_forbid, rfc, "F-7")
{
    plain();
    with(fast_open, 0);
    open_deferred(50001);
    out(SYN, .seq = 0, .cookie_len = NONE);
}

TEST(deferred_open_is_released_by_an_empty_send, rfc, "F-7 SYS.SEND")
{
    knowing_a_cookie();
    app_send(0);
    out(SYN, .seq = 0, .len = 0, .cookie_len = 8, .cookie = given);
    in(SYN|ACK, .seq = 0, .ack = 1);
    out(ACK, .seq = 1, .ack = 1);
    expect(status().fast_open, HF_FAST_OPEN_NOT_USED);
}

TEST(deferred_open_is_cancelled, rfc, "F-7 SYS.CLOSE")
{
    knowing_a_cookie();
    app_shutdown();
    ended(HF_CAUSE_OPEN_CANCELLED);
    nothing();
}

TEST(deferred_open_and_the_peers_syn, rfc, "F-7 SYS.SYN")
{
    knowing_a_cookie();
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .cookie_len = NONE);
    app_send(10); /* no second SYN+ACK */
    in(ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 1, .len = 10);
}

TEST(both_open_at_once_with_text, rfc, "F-7 F-8 SYS.SYN")
{
    knowing_a_cookie();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    in(SYN, .seq = 0, .len = 100, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1, .len = 0, .cookie_len = NONE);
    dropped(HF_DROP_TEXT_ON_SYN);
    in(ACK, .seq = 1, .ack = 1);
    out(ACK, .seq = 1, .ack = 1, .len = 500);
    state(HF_ESTABLISHED);
}

TEST(both_open_at_once_and_one_closes, rfc, "F-8 SYR.CLOSE")
{
    knowing_a_cookie();
    app_send(500);
    out(SYN, .seq = 0, .len = 500, .cookie_len = 8);
    in(SYN, .seq = 0, .mss = 1000);
    out(SYN|ACK, .seq = 0, .ack = 1);
    app_shutdown();
    drain(0);
    in(ACK, .seq = 1, .ack = 1);
    out(FIN|ACK, .seq = 1, .ack = 1, .len = 500);
    in(ACK, .seq = 1, .ack = 502);
    state(HF_FIN_WAIT_2);
}

/* ---- ICMP errors ---- */

static void too_big(uint32_t mtu)
{
    icmp_in(.type = family() == 4 ? 3 : 2, .code = family() == 4 ? 4 : 0, .seq = 0, .mtu = mtu);
}

static void host_unreachable(void) /* a soft one */
{
    icmp_in(.type = family() == 4 ? 3 : 1, .code = family() == 4 ? 1 : 3, .seq = 0);
}

static void port_unreachable(void) /* a hard one */
{
    icmp_in(.type = family() == 4 ? 3 : 1, .code = family() == 4 ? 3 : 4, .seq = 0);
}

TEST(syn_with_text_is_too_big, rfc, "F-9 N-16")
{
    plain();
    cookie_from_the_peer(8);
    open_deferred(50001);
    app_send(900);
    out(SYN, .seq = 0, .len = 900, .cookie_len = 8);
    too_big(family() == 4 ? 700 : 1280);
    if (family() == 6) { /* 900 octets and the headers fit into 1280 */
        out(SYN, .seq = 0, .len = 0, .mss = 1220);
        return;
    }
    out(SYN, .seq = 0, .len = 0, .cookie_len = NONE, .mss = 660);
    in(SYN|ACK, .seq = 0, .ack = 1, .mss = 1000);
    out(ACK, .seq = 1, .ack = 1, .len = 660);
    out(ACK, .seq = 661, .ack = 1, .len = 240); /* Nagle does not hold what has left before */
}

TEST(icmp_while_it_waits_to_be_accepted, rfc, "F-3 SHLD-26")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    host_unreachable(); /* MUST-56 */
    port_unreachable();
    app_accept();
    app_recv(10);
    app_recv_is(HF_ERR_UNREACHABLE);
}

TEST(icmp_after_it_was_accepted, rfc, "F-3 SHLD-26")
{
    listening();
    in_fast(10);
    out(SYN|ACK, .seq = 0, .ack = 11);
    app_accept();
    port_unreachable(); /* as of any connection in use */
    state(HF_SYN_RECEIVED);
    event(HF_EVENT_SOFT_ERROR);
    in(ACK, .seq = 11, .ack = 1);
    state(HF_ESTABLISHED);
}

/* ---- How often a SYN is sent ---- */

TEST(syn_retries_of_an_open, linux, "SYS.R2 F-12")
{
    app_open(.syn_retries = 1);
    out(SYN, .seq = 0);
    at(sec(1)); out(SYN, .seq = 0);
    at(sec(3)); ended(HF_CAUSE_OPEN_TIMEOUT);
}

TEST(syn_retries_can_be_set_while_opening, linux, "SYS.R2 F-12")
{
    int64_t n = 0;
    app_open();
    out(SYN, .seq = 0);
    expect(hf_tcp_get(stack(), conn(), HF_OPTION_SYN_RETRIES, &n), 0);
    expect(n, settings()->syn_retries);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SYN_RETRIES, 2), 0);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SYN_RETRIES, 0), HF_ERR_ARGUMENT);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SYN_RETRIES, 256), HF_ERR_ARGUMENT);
    expect(status().probes, 0);
    at(sec(1)); out(SYN, .seq = 0);
    at(sec(3)); out(SYN, .seq = 0);
    at(sec(7)); ended(HF_CAUSE_OPEN_TIMEOUT);
}

TEST(syn_retries_do_not_outlive_the_handshake, linux, "F-12")
{
    established(.active = true);
    expect(hf_tcp_set(stack(), conn(), HF_OPTION_SYN_RETRIES, 200), 0);
    expect(status().probes, 0);
    app_send(10);
    out(ACK, .len = 10);
    for (int i = 0; i < 4; i++)
        within(sec(20), ACK, .seq = 1, .len = 10);
}
