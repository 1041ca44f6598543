/* setsockopt and getsockopt: what is kept, what is refused, and what a connection inherits. */
#include "pair.h"

#include <linux/inet_diag.h>
#include <linux/tcp.h>

struct row {
    int level, name, value;
    int error; /* 0: it is taken */
    int reads; /* what getsockopt says then */
};

static const struct row rows[] = {
    {SOL_SOCKET, SO_REUSEADDR, 1, 0, 1},
    {SOL_SOCKET, SO_KEEPALIVE, 7, 0, 1},
    {SOL_SOCKET, SO_SNDBUF, 21000, 0, 42000},
    {SOL_SOCKET, SO_SNDBUF, 1, 0, 4608},
    {SOL_SOCKET, SO_RCVBUF, 10000, 0, 20000},
    {SOL_SOCKET, SO_RCVBUF, 1, 0, 2304},
    {SOL_SOCKET, SO_RCVLOWAT, 0, 0, 1},
    {SOL_SOCKET, SO_TYPE, 1, ENOPROTOOPT, SOCK_STREAM},
    {SOL_SOCKET, SO_ACCEPTCONN, 1, ENOPROTOOPT, 0},
    {IPPROTO_TCP, TCP_NODELAY, 1, 0, 1},
    {IPPROTO_TCP, TCP_CORK, 1, 0, 1},
    {IPPROTO_TCP, TCP_MAXSEG, 1100, 0, 1100},
    {IPPROTO_TCP, TCP_MAXSEG, 10, EINVAL, 536},
    {IPPROTO_TCP, TCP_MAXSEG, 40000, EINVAL, 536},
    {IPPROTO_TCP, TCP_KEEPIDLE, 30, 0, 30},
    {IPPROTO_TCP, TCP_KEEPIDLE, 0, EINVAL, 7200},
    {IPPROTO_TCP, TCP_KEEPINTVL, 40000, EINVAL, 75},
    {IPPROTO_TCP, TCP_KEEPCNT, 128, EINVAL, 9},
    {IPPROTO_TCP, TCP_SYNCNT, 2, 0, 2},
    {IPPROTO_TCP, TCP_SYNCNT, 0, EINVAL, 7},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 3000, 0, 3000},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, -1, EINVAL, 0},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4000, 0, 4000},
    {IPPROTO_TCP, TCP_INQ, 2, EINVAL, 0},
    {IPPROTO_TCP, TCP_LINGER2, 5, 0, 5},
    {IPPROTO_TCP, TCP_LINGER2, -3, 0, -1},
    {IPPROTO_TCP, TCP_LINGER2, 0, 0, 60},
    {IPPROTO_TCP, TCP_LINGER2, 500, 0, 120},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 0, 1},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 5, 0, 7}, /* to the end of an interval */
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0, 0},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, 5000, 0, 5000},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, 10, 0, 1152},
    {IPPROTO_TCP, TCP_QUICKACK, 1, 0, 1},
    {SOL_SOCKET, SO_SNDLOWAT, 7, ENOPROTOOPT, 1},
    {IPPROTO_IP, IP_TOS, 0x2b, 0, 0x28}, /* the ECN bits are TCP's own */
    {IPPROTO_IP, IP_TTL, 7, 0, 7},
    {IPPROTO_IP, IP_TTL, 256, EINVAL, 64},
};

TEST(each_option_by_itself, none, "")
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        pair_begin(V4);
        int fd = new_socket(client);
        if (row->error)
            FAILS(set_number(client, fd, row->level, row->name, row->value), row->error);
        else
            assert_int_equal(set_number(client, fd, row->level, row->name, row->value), 0);
        assert_int_equal(get_number(client, fd, row->level, row->name), row->reads);
        pair_end();
    }
}

/* TCP_CONGESTION takes a name and tells it in 16 bytes; one that nobody has is ENOENT. */
TEST(congestion_control_by_name, none, "")
{
    pair_begin(V4);
    char name[16] = "xxxxxxxxxxxxxxx";
    uint32_t len = sizeof name;
    int fd = new_socket(client);
    assert_int_equal(hf_socket_get_option(client, fd, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_string_equal(name, hf_settings_default()->congestion);
    assert_int_equal(len, 16);
    assert_int_equal(hf_socket_set_option(client, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    len = 3;
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(hf_socket_get_option(client, fd, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(name, "renx", 4);
    FAILS(hf_socket_set_option(client, fd, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), ENOENT);
    assert_int_equal(hf_socket_set_option(client, fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), 0);
    FAILS(hf_socket_set_option(client, fd, IPPROTO_TCP, TCP_CONGESTION, "", 0), EINVAL);
    FAILS(hf_socket_set_option(client, fd, IPPROTO_TCP, TCP_CONGESTION,
                               "a name that is much too long", 28), ENOENT);
    pair_end();
}

TEST(what_is_no_option, none, "")
{
    char room[4] = {0};
    uint32_t len = sizeof room;
    pair_begin(V4);
    int fd = new_socket(client);
    FAILS(set_number(client, fd, SOL_SOCKET, 9999, 1), ENOPROTOOPT);
    FAILS(set_number(client, fd, 250, 1, 1), ENOPROTOOPT);
    FAILS(hf_socket_get_option(client, fd, IPPROTO_TCP, 9999, room, &len), ENOPROTOOPT);
    FAILS(hf_socket_set_option(client, fd, SOL_SOCKET, SO_REUSEADDR, room, 1), EINVAL);
    FAILS(hf_socket_set_option(client, fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4), EFAULT);
    FAILS(set_number(client, 99, SOL_SOCKET, SO_REUSEADDR, 1), EBADF);
    assert_int_equal(hf_socket_set_option(client, fd, IPPROTO_IP, IP_TOS, &(char){8}, 1), 0);
    assert_int_equal(get_number(client, fd, IPPROTO_IP, IP_TOS), 8);
    pair_end();
}

TEST(what_is_accepted_inherits, linux, "")
{
    pair_begin(V4);
    int listener = new_socket(server), fd = new_socket(client);
    assert_int_equal(set_number(server, listener, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    assert_int_equal(set_number(server, listener, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    assert_int_equal(set_number(server, listener, IPPROTO_TCP, TCP_KEEPIDLE, 5), 0);
    assert_int_equal(bind_to(server, listener, server_name(PORT)), 0);
    assert_int_equal(hf_socket_listen(server, listener, 1), 0);
    assert_int_equal(get_number(server, listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    int conn = hf_socket_accept(server, listener, NULL, NULL, 0);
    assert_int_equal(get_number(server, conn, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(get_number(server, conn, IPPROTO_TCP, TCP_KEEPIDLE), 5);
    assert_int_equal(get_number(server, conn, IPPROTO_TCP, TCP_MAXSEG), 1448);
    pair_end();
}

TEST(tcp_info_tells_the_connection, linux, "")
{
    struct tcp_info info;
    uint32_t len = sizeof info;
    int a, b;
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(send_bytes(client, a, "0123456789", 10, 0), 10);
    pair_settle();
    assert_int_equal(hf_socket_get_option(client, a, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(info.tcpi_state, 1 /* TCP_ESTABLISHED */);
    assert_int_equal(info.tcpi_options & 7, 7); /* timestamps, SACK, window scale */
    assert_int_equal(info.tcpi_snd_mss, 1448);
    assert_int_equal(info.tcpi_pmtu, 1500);
    len = sizeof info;
    assert_int_equal(hf_socket_get_option(server, b, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(info.tcpi_state, 1 /* TCP_ESTABLISHED */);
    len = 1;
    assert_int_equal(hf_socket_get_option(server, b, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(len, 1);
    pair_end();
}

/* TCP_CC_INFO: BBR tells its model, the others nothing. */
TEST(cc_info_tells_bbr, linux, "")
{
    struct tcp_bbr_info bbr;
    uint32_t len = sizeof bbr;
    int a, b;
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(hf_socket_get_option(client, a, IPPROTO_TCP, TCP_CC_INFO, &bbr, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(hf_socket_set_option(client, a, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), 0);
    assert_int_equal(send_bytes(client, a, "0123456789", 10, 0), 10);
    len = sizeof bbr;
    assert_int_equal(hf_socket_get_option(client, a, IPPROTO_TCP, TCP_CC_INFO, &bbr, &len), 0);
    assert_int_equal(len, sizeof bbr);
    assert_int_equal(bbr.bbr_pacing_gain, 277 * 256 / 100);
    assert_int_equal(bbr.bbr_cwnd_gain, 512);
    pair_end();
}

/* What belongs into the handshake is there when it is made. */
TEST(a_segment_size_goes_into_the_handshake, linux, "")
{
    pair_begin(V4);
    int listener = new_socket(server), fd = new_socket(client);
    assert_int_equal(set_number(server, listener, IPPROTO_TCP, TCP_MAXSEG, 700), 0);
    assert_int_equal(bind_to(server, listener, server_name(PORT)), 0);
    assert_int_equal(hf_socket_listen(server, listener, 1), 0);
    assert_int_equal(set_number(server, listener, IPPROTO_TCP, TCP_MAXSEG, 600), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    assert_int_equal(get_number(client, fd, IPPROTO_TCP, TCP_MAXSEG), 588);
    int conn = hf_socket_accept(server, listener, NULL, NULL, 0);
    assert_int_equal(get_number(server, conn, IPPROTO_TCP, TCP_MAXSEG), 588);
    assert_int_equal(set_number(server, conn, IPPROTO_TCP, TCP_MAXSEG, 400), 0); /* too late */
    assert_int_equal(get_number(server, conn, IPPROTO_TCP, TCP_MAXSEG), 588);
    int second = new_socket(client);
    assert_int_equal(set_number(client, second, IPPROTO_TCP, TCP_MAXSEG, 500), 0);
    assert_int_equal(connect_to(second, server_name(PORT)), 0);
    conn = hf_socket_accept(server, listener, NULL, NULL, 0);
    assert_int_equal(get_number(server, conn, IPPROTO_TCP, TCP_MAXSEG), 488);
    pair_end();
}

static struct tcp_info info_of(struct hf_sockets *sockets, int fd)
{
    struct tcp_info info;
    uint32_t len = sizeof info;
    assert_int_equal(hf_socket_get_option(sockets, fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info;
}

TEST(tcp_info_counts_and_times, linux, "")
{
    static const char text[5000];
    int a, b;
    pair_begin(V4);
    new_connection(&a, &b);
    pair_pass(HF_SEC);
    assert_int_equal(info_of(client, a).tcpi_last_data_sent, 1000);
    assert_int_equal(info_of(client, a).tcpi_advmss, 1460);
    assert_int_equal(send_bytes(client, a, text, sizeof text, 0), sizeof text);
    pair_pass(HF_SEC / 2);
    struct tcp_info info = info_of(client, a);
    assert_int_equal(info.tcpi_data_segs_out, 4);
    assert_int_equal(info.tcpi_last_data_sent, 500);
    assert_int_equal(info.tcpi_bytes_sent, sizeof text);
    assert_int_equal(info.tcpi_bytes_acked, sizeof text);
    info = info_of(server, b);
    assert_int_equal(info.tcpi_data_segs_in, 4);
    assert_int_equal(info.tcpi_last_data_recv, 500);
    assert_int_equal(info.tcpi_rcv_mss, 1448);
    assert_int_equal(info.tcpi_bytes_received, sizeof text);
    pair_end();
}

TEST(the_clamp_bounds_the_window, linux, "")
{
    int a, b;
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(set_number(server, b, IPPROTO_TCP, TCP_WINDOW_CLAMP, 4000), 0);
    FAILS(set_number(server, b, IPPROTO_TCP, TCP_WINDOW_CLAMP, 0), EINVAL);
    pair_end();

    pair_begin(V4);
    int listener = new_socket(server), fd = new_socket(client);
    assert_int_equal(set_number(server, listener, IPPROTO_TCP, TCP_WINDOW_CLAMP, 4000), 0);
    assert_int_equal(set_number(server, listener, SOL_SOCKET, SO_RCVBUF, 20000), 0);
    assert_int_equal(bind_to(server, listener, server_name(PORT)), 0);
    assert_int_equal(hf_socket_listen(server, listener, 1), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    assert_int_equal(info_of(client, fd).tcpi_snd_wnd, 4000);
    pair_end();
}

/* The third segment of the handshake is not enough. */
TEST(accept_waits_for_text, linux, "")
{
    pair_begin(V4);
    int listener = new_listener(), fd = new_socket(client);
    assert_int_equal(set_number(server, listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5), 0);
    nonblocking(server, listener);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    pair_pass(HF_SEC / 2);
    FAILS(hf_socket_accept(server, listener, NULL, NULL, 0), EAGAIN);
    assert_int_equal(send_bytes(client, fd, "x", 1, 0), 1);
    pair_settle();
    assert_true(hf_socket_accept(server, listener, NULL, NULL, 0) >= 0);
    pair_end();
}

/* TCP_LINGER2: how long a closed socket waits for the peer's FIN. */
TEST(fin_wait_2_has_a_limit, linux, "")
{
    static const struct {
        int seconds;
        hf_time before, after;
    } limits[] = {{3, 2900 * HF_MS, 3100 * HF_MS}, {0, 59900 * HF_MS, 60100 * HF_MS}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int a, b;
        pair_begin(V4);
        new_connection(&a, &b);
        assert_int_equal(set_number(client, a, IPPROTO_TCP, TCP_LINGER2, limits[i].seconds), 0);
        assert_int_equal(hf_socket_close(client, a), 0);
        pair_pass(limits[i].before);
        assert_int_equal(pair_connections(), 2);
        pair_pass(limits[i].after - limits[i].before);
        assert_int_equal(pair_connections(), 1); /* the server's */
        pair_end();
    }
    int a, b;
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(set_number(client, a, IPPROTO_TCP, TCP_LINGER2, -1), 0);
    assert_int_equal(hf_socket_shutdown(client, a, SHUT_WR), 0);
    pair_settle();
    assert_int_equal(hf_socket_close(client, a), 0);
    assert_int_equal(pair_connections(), 1);
    pair_end();
}

/* Corked bytes leave when TCP_NODELAY is set, and the cork stays in. */
TEST(nodelay_pushes_past_the_cork, linux, "")
{
    int a, b;
    char buf[16];
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(set_number(client, a, IPPROTO_TCP, TCP_CORK, 1), 0);
    assert_int_equal(send_bytes(client, a, "abc", 3, 0), 3);
    pair_settle();
    FAILS(receive_bytes(server, b, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    assert_int_equal(set_number(client, a, IPPROTO_TCP, TCP_CORK, 0), 0);
    pair_settle();
    assert_int_equal(receive_bytes(server, b, buf, sizeof buf, MSG_DONTWAIT), 3);
    pair_end();
}
