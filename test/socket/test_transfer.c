/* Bytes in and out, what comes first, and who waits for how long. */
#include "pair.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#define BIG 300000

static int a, b;

static void begin(void)
{
    pair_begin(V4);
    new_connection(&a, &b);
}

TEST(pieces_are_gathered_and_scattered, linux, "")
{
    char one[3], two[4];
    struct iovec out[] = {{"ab", 2}, {"", 0}, {"cdefg", 5}}, in[] = {{one, 3}, {two, 4}};
    struct msghdr send = {.msg_iov = out, .msg_iovlen = 3};
    struct msghdr receive = {.msg_iov = in, .msg_iovlen = 2};
    begin();
    assert_int_equal(hf_socket_send(client, a, &send, 0), 7);
    assert_int_equal(hf_socket_receive(server, b, &receive, 0), 7);
    assert_memory_equal(one, "abc", 3);
    assert_memory_equal(two, "defg", 4);
    pair_end();
}

TEST(looking_does_not_take, linux, "")
{
    char buf[16];
    int n;
    begin();
    assert_int_equal(send_bytes(client, a, "0123456789", 10, 0), 10);
    assert_int_equal(receive_bytes(server, b, buf, sizeof buf, MSG_PEEK), 10);
    assert_int_equal(receive_bytes(server, b, buf, 4, MSG_PEEK), 4);
    assert_int_equal(hf_socket_ioctl(server, b, SIOCINQ, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(receive_bytes(server, b, buf, 6, MSG_TRUNC), 6);
    assert_int_equal(receive_bytes(server, b, buf, sizeof buf, 0), 4);
    assert_memory_equal(buf, "6789", 4);
    FAILS(receive_bytes(server, b, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    pair_end();
}

/* More than lies together in the stack, and piece by piece. */
TEST(looking_far_ahead, linux, "")
{
    static char sent[20000], seen[30000];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 + i / 251);
    begin();
    assert_int_equal(send_bytes(client, a, sent, sizeof sent, 0), sizeof sent);
    pair_settle();
    assert_int_equal(receive_bytes(server, b, seen, sizeof seen, MSG_PEEK), sizeof sent);
    assert_memory_equal(seen, sent, sizeof sent);
    struct iovec pieces[] = {{seen, 5000}, {seen + 5000, 9000}};
    struct msghdr msg = {.msg_iov = pieces, .msg_iovlen = 2};
    memset(seen, 0, sizeof seen);
    assert_int_equal(hf_socket_receive(server, b, &msg, MSG_PEEK | MSG_WAITALL), 14000);
    assert_memory_equal(seen, sent, 14000);
    assert_int_equal(set_number(server, b, SOL_SOCKET, SO_RCVLOWAT, 100), 0);
    assert_int_equal(receive_bytes(server, b, seen, sizeof seen, 0), sizeof sent);
    pair_end();
}

TEST(what_is_on_its_way_out, linux, "")
{
    int n;
    begin();
    assert_int_equal(set_number(client, a, IPPROTO_TCP, TCP_CORK, 1), 0);
    assert_int_equal(send_bytes(client, a, "0123456789", 10, 0), 10);
    assert_int_equal(hf_socket_ioctl(client, a, SIOCOUTQ, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(hf_socket_ioctl(client, a, SIOCOUTQNSD, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(hf_socket_shutdown(client, a, SHUT_WR), 0);
    assert_int_equal(hf_socket_ioctl(client, a, SIOCOUTQ, &n), 0);
    assert_int_equal(n, 11); /* the FIN counts, as Linux has it */
    pair_settle();
    assert_int_equal(hf_socket_ioctl(client, a, SIOCOUTQ, &n), 0);
    assert_int_equal(n, 0);
    pair_end();
}

TEST(waiting_for_all_ends_with_the_connection, linux, "")
{
    char buf[16];
    begin();
    assert_int_equal(send_bytes(client, a, "0123", 4, 0), 4);
    assert_int_equal(hf_socket_close(client, a), 0);
    assert_int_equal(receive_bytes(server, b, buf, 10, MSG_WAITALL), 4);
    assert_int_equal(receive_bytes(server, b, buf, 10, MSG_WAITALL), 0);
    pair_end();
}

TEST(a_limit_on_reading, linux, "")
{
    char buf[16];
    struct timeval limit = {.tv_usec = 250000};
    begin();
    assert_int_equal(
        hf_socket_set_option(server, b, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    hf_time begun = pair_now();
    FAILS(receive_bytes(server, b, buf, sizeof buf, 0), EAGAIN);
    assert_int_equal(pair_now() - begun, 250 * HF_MS);
    pair_end();
}

TEST(a_full_buffer, linux, "")
{
    static char buf[BIG];
    begin();
    nonblocking(client, a);
    assert_int_equal(set_number(client, a, SOL_SOCKET, SO_SNDBUF, 20000), 0);
    int64_t first = send_bytes(client, a, buf, sizeof buf, 0);
    assert_in_range(first, 40000, BIG - 1); /* doubled, and the last piece overhangs */
    FAILS(send_bytes(client, a, buf, 1, 0), EAGAIN);
    int queued;
    assert_int_equal(hf_socket_ioctl(client, a, SIOCOUTQ, &queued), 0);
    assert_int_equal(queued, first);
    int64_t taken = 0;
    for (;;) {
        pair_settle();
        int64_t n = receive_bytes(server, b, buf, sizeof buf, MSG_DONTWAIT);
        if (n < 0)
            break;
        taken += n;
    }
    assert_int_equal(taken, first);
    assert_true(send_bytes(client, a, buf, sizeof buf, 0) > 0);
    pair_end();
}

/* Each side blocks in turn; what was written is what is read. */
TEST(much_data_arrives_as_it_was_sent, linux, "")
{
    static uint8_t sent[BIG], got[BIG];
    begin();
    for (size_t i = 0; i < BIG; i++)
        sent[i] = (uint8_t)check_random();
    size_t out = 0, in = 0;
    while (in < BIG) {
        int64_t n = out < BIG ? send_bytes(client, a, sent + out, BIG - out, MSG_DONTWAIT) : 0;
        out += n > 0 ? (size_t)n : 0;
        n = receive_bytes(server, b, got + in, BIG - in, 0);
        assert_true(n > 0);
        in += (size_t)n;
    }
    assert_memory_equal(sent, got, BIG);
    pair_end();
}

TEST(how_much_is_left_comes_along, linux, "")
{
    char buf[16];
    union {
        struct cmsghdr head;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec piece = {buf, 4};
    struct msghdr msg = {.msg_iov = &piece,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    int left;
    begin();
    assert_int_equal(set_number(server, b, IPPROTO_TCP, TCP_INQ, 1), 0);
    assert_int_equal(send_bytes(client, a, "0123456789", 10, 0), 10);
    pair_settle();
    assert_int_equal(hf_socket_receive(server, b, &msg, 0), 4);
    assert_int_equal(msg.msg_controllen, sizeof control);
    assert_int_equal(control.head.cmsg_type, TCP_CM_INQ);
    memcpy(&left, CMSG_DATA(&control.head), sizeof left);
    assert_int_equal(left, 6);
    pair_end();
}

TEST(pieces_that_cannot_be, none, "")
{
    struct iovec piece = {NULL, 4};
    struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
    begin();
    FAILS(hf_socket_send(client, a, &msg, 0), EFAULT);
    FAILS(hf_socket_receive(client, a, &msg, 0), EFAULT);
    msg.msg_iovlen = 1025;
    FAILS(hf_socket_send(client, a, &msg, 0), EMSGSIZE);
    FAILS(send_bytes(client, 99, "x", 1, 0), EBADF);
    pair_end();
}
