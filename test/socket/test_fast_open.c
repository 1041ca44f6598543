/* TCP Fast Open by sockets: MSG_FASTOPEN and the options of its kind, as man 7 tcp has them. */
#include "pair.h"

#include <linux/tcp.h>
#include <poll.h>
#include <stdbool.h>

static int listening;

static void begin(enum family which)
{
    pair_begin(which);
    listening = new_listener();
    assert_int_equal(set_number(server, listening, IPPROTO_TCP, TCP_FASTOPEN, 5), 0);
}

static int64_t send_to(int fd, const void *buf, size_t len, int flags, struct name name)
{
    struct iovec piece = {.iov_len = len};
    struct msghdr msg = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_name = &name.storage, .msg_namelen = name.len};
    memcpy(&piece.iov_base, &buf, sizeof buf);
    return hf_socket_send(client, fd, &msg, flags);
}

static int64_t send_fast(int fd, const void *buf, size_t len, int flags)
{
    return send_to(fd, buf, len, flags | MSG_FASTOPEN, server_name(PORT));
}

static struct tcp_info info_of(struct hf_sockets *sockets, int fd)
{
    struct tcp_info info;
    uint32_t len = sizeof info;
    assert_int_equal(hf_socket_get_option(sockets, fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info;
}

static bool syn_data(struct hf_sockets *sockets, int fd)
{
    return info_of(sockets, fd).tcpi_options & TCPI_OPT_SYN_DATA;
}

static int accept_one(void)
{
    int fd = hf_socket_accept(server, listening, NULL, NULL, 0);
    assert_true(fd >= 0);
    return fd;
}

static void expect_bytes(int fd, const char *bytes)
{
    char buf[64];
    int64_t n = receive_bytes(server, fd, buf, sizeof buf, 0);
    assert_int_equal(n, strlen(bytes));
    assert_memory_equal(buf, bytes, strlen(bytes));
}

/* A connection that brings the client its cookie. */
static void warm_up(void)
{
    int fd = new_socket(client);
    assert_int_equal(send_fast(fd, "first", 5, 0), 5);
    assert_false(syn_data(client, fd));
    assert_int_equal(info_of(client, fd).tcpi_fastopen_client_fail, TFO_COOKIE_UNAVAILABLE);
    int peer = accept_one();
    expect_bytes(peer, "first");
    assert_int_equal(hf_socket_close(client, fd), 0);
    assert_int_equal(hf_socket_close(server, peer), 0);
}

TEST(bytes_go_with_the_syn, none, "F-3 F-7")
{
    for (enum family f = V4; f < FAMILIES; f++) {
        begin(f);
        warm_up();
        int fd = new_socket(client);
        assert_int_equal(send_fast(fd, "hello", 5, 0), 5);
        assert_true(syn_data(client, fd));
        int peer = accept_one();
        assert_true(syn_data(server, peer));
        expect_bytes(peer, "hello");
        FAILS(send_fast(fd, "x", 1, 0), EISCONN);
        assert_int_equal(send_bytes(client, fd, "more", 4, 0), 4);
        expect_bytes(peer, "more");
        pair_end();
    }
}

TEST(server_answers_before_the_third_segment, none, "F-3")
{
    char buf[8];
    begin(V4);
    warm_up();
    int fd = new_socket(client);
    nonblocking(client, fd);
    assert_int_equal(send_fast(fd, "ping", 4, 0), 4);
    FAILS(send_bytes(client, fd, "x", 1, 0), EAGAIN);
    FAILS(send_fast(fd, "x", 1, 0), EALREADY);
    int peer = accept_one(); /* moves packets only until there is one to accept */
    expect_bytes(peer, "ping");
    assert_int_equal(send_bytes(server, peer, "pong", 4, 0), 4);
    pair_settle();
    assert_int_equal(receive_bytes(client, fd, buf, sizeof buf, 0), 4);
    assert_int_equal(send_fast(fd, "x", 1, 0), 1); /* as any other, once */
    FAILS(send_fast(fd, "x", 1, 0), EISCONN);
    pair_end();
}

TEST(without_blocking_nothing_is_queued_without_a_cookie, none, "F-7")
{
    begin(V4);
    int fd = new_socket(client);
    nonblocking(client, fd);
    FAILS(send_fast(fd, "hello", 5, 0), EINPROGRESS);
    pair_settle();
    assert_int_equal(send_bytes(client, fd, "other", 5, 0), 5);
    expect_bytes(accept_one(), "other");
    fd = new_socket(client);
    nonblocking(client, fd);
    FAILS(send_fast(fd, "", 0, 0), EINPROGRESS); /* an empty one is a connect */
    pair_end();
}

TEST(no_more_than_the_syn_takes_without_blocking, none, "F-7")
{
    static char big[5000];
    begin(V4);
    warm_up();
    int fd = new_socket(client);
    assert_int_equal(send_fast(fd, big, sizeof big, MSG_DONTWAIT), 1460 - 40);
    fd = new_socket(client);
    assert_int_equal(send_fast(fd, big, sizeof big, 0), sizeof big);
    assert_true(syn_data(client, fd));
    pair_end();
}

TEST(connect_is_put_off, none, "F-7")
{
    char byte;
    begin(V6);
    warm_up();
    int fd = new_socket(client);
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    struct pollfd ask = {.fd = fd, .events = POLLIN | POLLOUT};
    assert_int_equal(hf_socket_poll(client, &ask, 1, 0), 1);
    assert_int_equal(ask.revents, POLLOUT);
    FAILS(connect_to(fd, server_name(PORT)), EISCONN);
    FAILS(receive_bytes(client, fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    pair_settle();
    assert_int_equal(info_of(client, fd).tcpi_state, 2); /* SYN-SENT, and nothing has left */
    assert_int_equal(info_of(client, fd).tcpi_segs_out, 0);
    assert_int_equal(send_bytes(client, fd, "late", 4, 0), 4);
    assert_true(syn_data(client, fd));
    expect_bytes(accept_one(), "late");

    fd = new_socket(client); /* closed before anything was written: nothing ever happened */
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    assert_int_equal(hf_socket_close(client, fd), 0);
    pair_settle();
    FAILS(hf_socket_accept(server, listening, NULL, NULL, 0), EDEADLK);
    pair_end();
}

TEST(connect_without_a_cookie_is_a_connect, none, "F-7")
{
    begin(V4);
    int fd = new_socket(client);
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    nonblocking(client, fd);
    FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
    FAILS(connect_to(fd, server_name(PORT)), EALREADY);
    pair_settle();
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    pair_end();
}

TEST(listener_that_did_not_ask, none, "F-4")
{
    begin(V4);
    warm_up();
    assert_int_equal(set_number(server, listening, IPPROTO_TCP, TCP_FASTOPEN, 0), 0);
    int fd = new_socket(client);
    assert_int_equal(send_fast(fd, "hello", 5, 0), 5);
    assert_false(syn_data(client, fd));
    assert_int_equal(info_of(client, fd).tcpi_fastopen_client_fail, TFO_DATA_NOT_ACKED);
    int peer = accept_one();
    assert_false(syn_data(server, peer));
    expect_bytes(peer, "hello");
    pair_end();
}

TEST(without_cookies_on_both_sides, none, "F-3 F-7")
{
    begin(V4);
    int fd = new_socket(client);
    assert_int_equal(set_number(server, listening, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1), 0);
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1), 0);
    assert_int_equal(send_fast(fd, "hello", 5, 0), 5);
    assert_true(syn_data(client, fd));
    expect_bytes(accept_one(), "hello");
    pair_end();
}

TEST(keys_of_a_listener, none, "F-11")
{
    static const uint8_t keys[2][16] = {{1}, {2}};
    uint8_t read[2][16];
    uint32_t len = sizeof read;
    begin(V4);
    warm_up();
    for (uint32_t size = 0; size < 40; size++) {
        int result = size == 16 || size == 32 ? 0 : -1;
        assert_int_equal(hf_socket_set_option(server, listening, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys,
                                              size),
                         result);
    }
    assert_int_equal(
        hf_socket_get_option(server, listening, IPPROTO_TCP, TCP_FASTOPEN_KEY, read, &len), 0);
    assert_int_equal(len, 32);
    assert_memory_equal(read, keys, 32);
    int fd = new_socket(client);
    assert_int_equal(send_fast(fd, "old", 3, 0), 3); /* its cookie is no more: the slow way */
    assert_false(syn_data(client, fd));
    expect_bytes(accept_one(), "old");
    fd = new_socket(client);
    assert_int_equal(send_fast(fd, "new", 3, 0), 3);
    assert_true(syn_data(client, fd));
    pair_end();
}

TEST(errors_of_fast_open, none, "")
{
    begin(V4);
    int fd = new_socket(client), other = new_socket(client);
    struct name nobody = {.len = sizeof(struct sockaddr_in)};
    FAILS(send_to(fd, "x", 1, MSG_FASTOPEN, nobody), EOPNOTSUPP);
    FAILS(send_bytes(client, fd, "x", 1, MSG_FASTOPEN), EINVAL); /* to nobody */
    FAILS(send_fast(fd, "x", 1, MSG_DONTWAIT), EINPROGRESS);
    FAILS(set_number(client, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), EINVAL);
    FAILS(set_number(client, other, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 2), EINVAL);
    FAILS(set_number(client, other, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, -1), EINVAL);
    FAILS(set_number(client, other, IPPROTO_TCP, TCP_FASTOPEN, -1), EINVAL);
    FAILS(set_number(server, listening, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), EINVAL);
    assert_int_equal(get_number(server, listening, IPPROTO_TCP, TCP_FASTOPEN), 5);
    assert_int_equal(set_number(client, other, IPPROTO_TCP, TCP_FASTOPEN, 1 << 20), 0);
    assert_int_equal(get_number(client, other, IPPROTO_TCP, TCP_FASTOPEN), 4096); /* somaxconn */
    assert_int_equal(get_number(client, other, IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 0);
    assert_int_equal(get_number(client, other, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE), 0);
    pair_end();
}

TEST(how_a_fast_open_fails, none, "F-9")
{
    begin(V4);
    warm_up();
    int fd = new_socket(client);
    assert_int_equal(hf_socket_close(server, listening), 0);
    FAILS(send_fast(fd, "x", 1, 0), ECONNREFUSED);
    pair_end();
}

TEST(syn_count_of_a_socket, none, "F-12")
{
    begin(V4);
    int fd = new_socket(client);
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_SYNCNT, 1), 0);
    nonblocking(client, fd);
    FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
    pair_silence(HF_SEC); /* the SYN leaves at its end */
    pair_silence(2 * HF_SEC);
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), 0);
    pair_silence(2 * HF_SEC);
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);

    fd = new_socket(client); /* also once the SYN has left */
    nonblocking(client, fd);
    FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
    assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_SYNCNT, 1), 0);
    pair_silence(HF_SEC);
    pair_silence(4 * HF_SEC);
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    pair_end();
}
