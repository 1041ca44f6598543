/* From socket() to close(), over IPv4, IPv6 and mapped addresses. */
#include "pair.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

static void same_name(const struct name *a, const struct name *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(&a->storage, &b->storage, a->len);
}

static void open_and_close(enum family which)
{
    struct name name = {.len = sizeof name.storage}, wanted;
    char byte;
    pair_begin(which);
    int listener = new_listener(), fd = new_socket(client);
    assert_int_equal(bind_to(client, fd, client_name(5555)), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    int conn = hf_socket_accept(server, listener, (struct sockaddr *)&name.storage, &name.len, 0);
    assert_true(conn >= 0);
    wanted = client_name(5555);
    same_name(&name, &wanted);
    name.len = sizeof name.storage;
    assert_int_equal(hf_socket_local(server, conn, (struct sockaddr *)&name.storage, &name.len),
                     0);
    wanted = server_name(PORT);
    same_name(&name, &wanted);
    name.len = sizeof name.storage;
    assert_int_equal(hf_socket_peer(client, fd, (struct sockaddr *)&name.storage, &name.len), 0);
    same_name(&name, &wanted);
    FAILS(connect_to(fd, server_name(PORT)), EISCONN);

    assert_int_equal(hf_socket_shutdown(client, fd, SHUT_WR), 0);
    FAILS(send_bytes(client, fd, "x", 1, 0), EPIPE);
    assert_int_equal(receive_bytes(server, conn, &byte, 1, 0), 0);
    assert_int_equal(send_bytes(server, conn, "x", 1, 0), 1);
    assert_int_equal(receive_bytes(client, fd, &byte, 1, 0), 1);
    assert_int_equal(hf_socket_close(server, conn), 0);
    assert_int_equal(receive_bytes(client, fd, &byte, 1, 0), 0);
    assert_int_equal(hf_socket_close(client, fd), 0);
    FAILS(hf_socket_close(client, fd), EBADF);
    pair_end();
}

TEST(open_names_half_close_and_close, linux, "")
{
    for (enum family f = V4; f < FAMILIES; f++)
        open_and_close(f);
}

TEST(what_cannot_be_opened, none, "")
{
    pair_begin(V4);
    FAILS(hf_socket_open(client, AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(hf_socket_open(client, AF_INET, SOCK_DGRAM, 0), ESOCKTNOSUPPORT);
    FAILS(hf_socket_open(client, AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    FAILS(hf_socket_listen(client, 99, 1), EBADF);
    int fd = hf_socket_open(client, AF_INET6, SOCK_STREAM, 0);
    FAILS(bind_to(client, fd, any_name(PORT)), EAFNOSUPPORT);
    FAILS(hf_socket_shutdown(client, fd, SHUT_RD), ENOTCONN);
    FAILS(hf_socket_accept(client, fd, NULL, NULL, 0), EINVAL);
    FAILS(receive_bytes(client, fd, &(char){0}, 1, 0), ENOTCONN);
    FAILS(send_bytes(client, fd, "x", 1, 0), EPIPE);
    pair_end();
}

TEST(an_address_in_use, none, "")
{
    pair_begin(V4);
    int first = new_listener(), second = new_socket(server);
    assert_int_equal(set_number(server, second, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    FAILS(bind_to(server, second, any_name(PORT)), EADDRINUSE);
    assert_int_equal(bind_to(server, second, any_name(PORT + 1)), 0);
    FAILS(bind_to(server, second, any_name(PORT + 2)), EINVAL);
    assert_int_equal(hf_socket_close(server, first), 0);
    int third = new_listener(); /* free again */
    assert_true(third >= 0);
    pair_end();
}

/* SO_REUSEPORT: many may be bound, one listens. */
TEST(a_port_that_is_shared_has_one_listener, none, "")
{
    pair_begin(V4);
    int fd[2];
    for (int i = 0; i < 2; i++) {
        fd[i] = new_socket(server);
        assert_int_equal(set_number(server, fd[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        assert_int_equal(bind_to(server, fd[i], any_name(PORT)), 0);
    }
    assert_int_equal(hf_socket_listen(server, fd[0], 1), 0);
    FAILS(hf_socket_listen(server, fd[1], 1), EADDRINUSE);
    assert_int_equal(hf_socket_close(server, fd[0]), 0);
    assert_int_equal(hf_socket_listen(server, fd[1], 1), 0);
    pair_end();
}

TEST(a_listener_without_a_port_gets_one, none, "")
{
    struct sockaddr_in name;
    uint32_t len = sizeof name;
    pair_begin(V4);
    int fd = new_socket(server);
    assert_int_equal(hf_socket_listen(server, fd, 1), 0);
    assert_int_equal(hf_socket_local(server, fd, (struct sockaddr *)&name, &len), 0);
    assert_int_not_equal(name.sin_port, 0);
    int from = new_socket(client);
    assert_int_equal(connect_to(from, server_name(ntohs(name.sin_port))), 0);
    pair_end();
}

TEST(refused_and_then_connected, linux, "")
{
    for (enum family f = V4; f < FAMILIES; f++) {
        pair_begin(f);
        int fd = new_socket(client);
        FAILS(connect_to(fd, server_name(PORT)), ECONNREFUSED);
        (void)new_listener();
        assert_int_equal(connect_to(fd, server_name(PORT)), 0);
        pair_end();
    }
}

TEST(connecting_without_waiting, linux, "")
{
    pair_begin(V4);
    int fd = new_socket(client);
    nonblocking(client, fd);
    FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
    FAILS(connect_to(fd, server_name(PORT)), EALREADY);
    FAILS(send_bytes(client, fd, "x", 1, 0), EAGAIN);
    pair_settle();
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), 0);
    (void)new_listener();
    FAILS(connect_to(fd, server_name(PORT)), ECONNABORTED); /* the attempt that failed */
    FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
    pair_settle();
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    FAILS(connect_to(fd, server_name(PORT)), EISCONN);
    pair_end();
}

TEST(nobody_answers, linux, "")
{
    pair_begin(V4);
    int fd = new_socket(client);
    struct timeval limit = {.tv_sec = 2};
    assert_int_equal(
        hf_socket_set_option(client, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    struct name nobody = server_name(PORT);
    ((uint8_t *)&nobody.storage)[7] = 77; /* 192.0.2.77 */
    hf_time begun = pair_now();
    FAILS(connect_to(fd, nobody), EINPROGRESS);
    assert_int_equal(pair_now() - begun, 2 * HF_SEC);
    pair_end();
}

TEST(a_socket_for_ipv6_only, linux, "")
{
    pair_begin(MAPPED);
    int fd = new_socket(server);
    assert_int_equal(set_number(server, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    FAILS(bind_to(server, fd, server_name(PORT)), ENETUNREACH);
    pair_end();
}

TEST(linger_of_zero_resets, linux, "")
{
    int a, b;
    struct linger linger = {.l_onoff = 1};
    char byte;
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(
        hf_socket_set_option(client, a, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(hf_socket_close(client, a), 0);
    FAILS(receive_bytes(server, b, &byte, 1, 0), ECONNRESET);
    assert_int_equal(receive_bytes(server, b, &byte, 1, 0), 0);
    FAILS(send_bytes(server, b, "x", 1, 0), EPIPE);
    pair_end();
}

TEST(linger_waits_until_the_peer_has_it, linux, "")
{
    int a, b;
    struct linger linger = {.l_onoff = 1, .l_linger = 10};
    char buf[16];
    pair_begin(V4);
    new_connection(&a, &b);
    assert_int_equal(
        hf_socket_set_option(client, a, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(send_bytes(client, a, "last", 4, 0), 4);
    assert_int_equal(hf_socket_close(client, a), 0);
    assert_int_equal(receive_bytes(server, b, buf, sizeof buf, MSG_DONTWAIT), 4);
    pair_end();
}

/* AF_UNSPEC ends the connection, and the socket can have another. */
TEST(disconnect, linux, "")
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    char byte;
    pair_begin(V4);
    int listener = new_listener(), fd = new_socket(client);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(connect_to(fd, server_name(PORT)), 0);
        int conn = hf_socket_accept(server, listener, NULL, NULL, 0);
        assert_int_equal(hf_socket_connect(client, fd, &none, sizeof none), 0);
        FAILS(send_bytes(client, fd, "x", 1, 0), EPIPE);
        FAILS(receive_bytes(server, conn, &byte, 1, 0), ECONNRESET);
    }
    pair_end();
}

/* bind chooses a port at once, and knows the host's addresses. */
TEST(bind_chooses_and_refuses, none, "")
{
    pair_begin(V4);
    int first = new_socket(server), second = new_socket(server);
    struct sockaddr_in at[2];
    int fds[2] = {first, second};
    for (int i = 0; i < 2; i++) {
        uint32_t len = sizeof at[i];
        assert_int_equal(bind_to(server, fds[i], any_name(0)), 0);
        assert_int_equal(hf_socket_local(server, fds[i], (struct sockaddr *)&at[i], &len), 0);
        assert_true(ntohs(at[i].sin_port) >= 32768);
    }
    assert_true(at[0].sin_port != at[1].sin_port);
    int third = new_socket(server);
    FAILS(bind_to(server, third, client_name(PORT)), EADDRNOTAVAIL);
    assert_int_equal(bind_to(server, third, server_name(PORT)), 0);
    pair_end();
}

/* ---- Which family a listener is for ---- */

static int listen_any(int domain, int v6only, const struct name *name)
{
    int fd = hf_socket_open(server, domain, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    if (v6only)
        assert_int_equal(set_number(server, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    assert_int_equal(bind_to(server, fd, *name), 0);
    assert_int_equal(hf_socket_listen(server, fd, 5), 0);
    return fd;
}

static struct name any_in(enum family which)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    struct name name = {.len = which == V4 ? sizeof a : sizeof b};
    if (which == MAPPED)
        memcpy(&b.sin6_addr, (uint8_t[12]){[10] = 0xff, 0xff}, 12);
    memcpy(&name.storage, which == V4 ? (const void *)&a : &b, name.len);
    return name;
}

static int connects(enum family which)
{
    pair_family(which);
    int fd = new_socket(client);
    return connect_to(fd, server_name(PORT)) == 0 ? 0 : errno;
}

TEST(an_ipv4_listener_takes_no_ipv6, linux, "")
{
    pair_begin(V4);
    struct name any = any_in(V4);
    int fd = listen_any(AF_INET, 0, &any);
    assert_int_equal(connects(V4), 0);
    assert_int_equal(connects(MAPPED), 0);
    assert_int_equal(connects(V6), ECONNREFUSED);
    assert_true(hf_socket_accept(server, fd, NULL, NULL, 0) >= 0);
    pair_end();
}

TEST(an_ipv6_listener_takes_both_unless_told_otherwise, linux, "")
{
    struct name any = any_in(V6), in_the_way = any_in(V4);
    pair_begin(V6);
    listen_any(AF_INET6, 0, &any);
    assert_int_equal(connects(V6), 0);
    assert_int_equal(connects(V4), 0);
    int fd = hf_socket_open(server, AF_INET, SOCK_STREAM, 0);
    FAILS(bind_to(server, fd, in_the_way), EADDRINUSE);
    pair_end();

    pair_begin(V6);
    listen_any(AF_INET6, 1, &any);
    assert_int_equal(connects(V6), 0);
    assert_int_equal(connects(V4), ECONNREFUSED);
    listen_any(AF_INET, 0, &in_the_way); /* beside it */
    assert_int_equal(connects(V4), 0);
    pair_end();
}

TEST(a_mapped_any_address_is_any_ipv4, linux, "")
{
    struct name any = any_in(MAPPED), told = {.len = sizeof told.storage};
    pair_begin(V6);
    int fd = listen_any(AF_INET6, 0, &any);
    assert_int_equal(hf_socket_local(server, fd, (struct sockaddr *)&told.storage, &told.len), 0);
    same_name(&told, &any);
    assert_int_equal(connects(V6), ECONNREFUSED);
    assert_int_equal(connects(V4), 0);
    pair_end();
}

/* ---- A listener's queue ---- */

TEST(poll_takes_nothing_out_of_the_queue, linux, "")
{
    pair_begin(V4);
    int listener = new_listener(), fd = new_socket(client);
    struct pollfd ask = {.fd = listener, .events = POLLIN};
    assert_int_equal(hf_socket_poll(server, &ask, 1, 0), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    pair_settle();
    for (int i = 0; i < 3; i++)
        assert_int_equal(hf_socket_poll(server, &ask, 1, 0), 1);
    assert_true(hf_socket_accept(server, listener, NULL, NULL, SOCK_NONBLOCK) >= 0);
    assert_int_equal(hf_socket_poll(server, &ask, 1, 0), 0);
    pair_end();
}

/* ---- SO_ERROR ---- */

static void complaint(enum family which, uint8_t type, uint8_t code, int error)
{
    pair_begin(which);
    int fd = new_socket(client);
    nonblocking(client, fd);
    FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
    pair_complain(type, code);
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), error);
    assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), 0);
    pair_end();
}

TEST(an_icmp_error_is_told_by_its_code, linux, "")
{
    complaint(V4, 3, 3, ECONNREFUSED);
    complaint(MAPPED, 3, 3, ECONNREFUSED);
    complaint(V4, 3, 2, ENOPROTOOPT);
    complaint(V6, 1, 4, ECONNREFUSED);
    complaint(V6, 1, 1, EACCES);
}

/* A soft error does not end the attempt, but is what it is said to have died of. */
TEST(a_soft_error_is_why_nobody_answered, linux, "")
{
    static const struct {
        enum family family;
        uint8_t type, code;
        int error;
    } rows[] = {{V4, 3, 0, ENETUNREACH},  {V4, 3, 1, EHOSTUNREACH}, {V4, 3, 13, EHOSTUNREACH},
                {V4, 11, 0, EHOSTUNREACH}, {V4, 12, 0, EPROTO},      {V6, 1, 0, ENETUNREACH},
                {V6, 1, 3, EHOSTUNREACH}, {V6, 3, 0, EHOSTUNREACH}, {V6, 4, 0, EPROTO}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pair_begin(rows[i].family);
        int fd = new_socket(client), limit = 3000;
        assert_int_equal(set_number(client, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, limit), 0);
        nonblocking(client, fd);
        FAILS(connect_to(fd, server_name(PORT)), EINPROGRESS);
        pair_complain(rows[i].type, rows[i].code);
        assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), 0);
        pair_silence(limit * HF_MS + HF_MS);
        assert_int_equal(get_number(client, fd, SOL_SOCKET, SO_ERROR), rows[i].error);
        pair_end();
    }
}
