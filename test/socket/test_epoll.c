/* poll and epoll: what is ready, and how often it is said. */
#include "pair.h"

#include <poll.h>
#include <sys/epoll.h>

static int a, b, set;

static void begin(uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = 77};
    pair_begin(V4);
    new_connection(&a, &b);
    set = hf_epoll_create(server);
    assert_true(set >= 0);
    assert_int_equal(hf_epoll_control(server, set, EPOLL_CTL_ADD, b, &event), 0);
}

/* What one epoll_wait without a time says; 0: nothing. */
static uint32_t said(void)
{
    struct epoll_event event = {.events = 0};
    pair_settle();
    int n = hf_epoll_wait(server, set, &event, 1, 0);
    assert_in_range(n, 0, 1);
    if (n)
        assert_int_equal(event.data.u64, 77);
    return n ? event.events : 0;
}

static void send_one(void)
{
    assert_int_equal(send_bytes(client, a, "x", 1, 0), 1);
}

static void take_all(void)
{
    char buf[100];
    assert_true(receive_bytes(server, b, buf, sizeof buf, MSG_DONTWAIT) > 0);
}

TEST(level_is_said_again, linux, "")
{
    begin(EPOLLIN);
    assert_int_equal(said(), 0);
    send_one();
    assert_int_equal(said(), EPOLLIN);
    assert_int_equal(said(), EPOLLIN);
    take_all();
    assert_int_equal(said(), 0);
    pair_end();
}

TEST(an_edge_is_said_once, linux, "")
{
    begin(EPOLLIN | EPOLLOUT | EPOLLET);
    assert_int_equal(said(), EPOLLOUT);
    assert_int_equal(said(), 0);
    send_one();
    assert_int_equal(said(), EPOLLIN | EPOLLOUT);
    assert_int_equal(said(), 0);
    send_one();
    assert_int_equal(said(), EPOLLIN | EPOLLOUT);
    take_all();
    assert_int_equal(said(), 0);
    pair_end();
}

TEST(one_shot_until_it_is_set_again, linux, "")
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 77};
    begin(EPOLLIN | EPOLLONESHOT);
    send_one();
    assert_int_equal(said(), EPOLLIN);
    send_one();
    assert_int_equal(said(), 0);
    assert_int_equal(hf_epoll_control(server, set, EPOLL_CTL_MOD, b, &event), 0);
    assert_int_equal(said(), EPOLLIN);
    pair_end();
}

TEST(the_peers_close_and_reset, linux, "")
{
    struct linger linger = {.l_onoff = 1};
    begin(EPOLLIN | EPOLLRDHUP);
    assert_int_equal(hf_socket_shutdown(client, a, SHUT_WR), 0);
    assert_int_equal(said(), EPOLLIN | EPOLLRDHUP);
    assert_int_equal(
        hf_socket_set_option(client, a, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(hf_socket_close(client, a), 0);
    assert_int_equal(said(), EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    pair_end();
}

TEST(a_listener_is_ready_when_someone_waits, linux, "")
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
    pair_begin(V4);
    int listener = new_listener(), fd = new_socket(client);
    set = hf_epoll_create(server);
    assert_int_equal(hf_epoll_control(server, set, EPOLL_CTL_ADD, listener, &event), 0);
    assert_int_equal(said(), 0);
    assert_int_equal(connect_to(fd, server_name(PORT)), 0);
    assert_int_equal(said(), EPOLLIN);
    assert_true(hf_socket_accept(server, listener, NULL, NULL, 0) >= 0);
    assert_int_equal(said(), 0);
    pair_end();
}

TEST(waiting_takes_its_time_and_no_more, linux, "")
{
    struct epoll_event event;
    begin(EPOLLIN);
    hf_time begun = pair_now();
    assert_int_equal(hf_epoll_wait(server, set, &event, 1, 100), 0);
    assert_int_equal(pair_now() - begun, 100 * HF_MS);
    send_one();
    begun = pair_now();
    assert_int_equal(hf_epoll_wait(server, set, &event, 1, -1), 1);
    assert_int_equal(pair_now() - begun, 0);
    pair_end();
}

TEST(control_that_cannot_be, none, "")
{
    struct epoll_event event = {.events = EPOLLIN};
    begin(EPOLLIN);
    FAILS(hf_epoll_control(server, set, EPOLL_CTL_ADD, b, &event), EEXIST);
    FAILS(hf_epoll_control(server, set, EPOLL_CTL_ADD, 99, &event), EBADF);
    FAILS(hf_epoll_control(server, b, EPOLL_CTL_ADD, set, &event), EINVAL);
    FAILS(hf_epoll_control(server, set, EPOLL_CTL_ADD, set, &event), EINVAL);
    assert_int_equal(hf_epoll_control(server, set, EPOLL_CTL_DEL, b, NULL), 0);
    FAILS(hf_epoll_control(server, set, EPOLL_CTL_MOD, b, &event), ENOENT);
    FAILS(hf_epoll_wait(server, set, &event, 0, 0), EINVAL);
    FAILS(hf_epoll_wait(server, b, &event, 1, 0), EINVAL);
    FAILS(send_bytes(server, set, "x", 1, 0), EINVAL);
    pair_end();
}

TEST(a_closed_socket_leaves_its_sets, linux, "")
{
    begin(EPOLLIN);
    send_one();
    assert_int_equal(hf_socket_close(server, b), 0);
    assert_int_equal(said(), 0);
    assert_int_equal(hf_socket_close(server, set), 0);
    pair_end();
}

TEST(poll_asks_each, linux, "")
{
    struct pollfd fds[] = {{.fd = -1, .events = POLLIN}, {.fd = 99}, {.fd = 0}};
    begin(EPOLLIN);
    fds[2] = (struct pollfd){.fd = b, .events = POLLIN | POLLOUT};
    assert_int_equal(hf_socket_poll(server, fds, 3, 0), 2);
    assert_int_equal(fds[0].revents, 0);
    assert_int_equal(fds[1].revents, POLLNVAL);
    assert_int_equal(fds[2].revents, POLLOUT);
    fds[2].events = POLLIN;
    hf_time begun = pair_now();
    assert_int_equal(hf_socket_poll(server, fds + 2, 1, 20), 0);
    assert_int_equal(pair_now() - begun, 20 * HF_MS);
    fds[2] = (struct pollfd){.fd = new_socket(server), .events = POLLIN};
    assert_int_equal(hf_socket_poll(server, fds + 2, 1, 0), 1);
    assert_int_equal(fds[2].revents, POLLHUP);
    pair_end();
}

/* ---- Sets within sets ---- */

static int watch(int in, int what, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)what};
    return hf_epoll_control(server, in, EPOLL_CTL_ADD, what, &event);
}

TEST(a_set_that_watches_a_set, linux, "")
{
    struct epoll_event event;
    begin(EPOLLIN);
    int outer = hf_epoll_create(server);
    assert_int_equal(watch(outer, set, EPOLLIN), 0);
    assert_int_equal(hf_epoll_wait(server, outer, &event, 1, 0), 0);
    send_one();
    pair_settle();
    assert_int_equal(hf_epoll_wait(server, outer, &event, 1, 0), 1);
    assert_int_equal(event.data.u64, set);
    assert_int_equal(said(), EPOLLIN);
    take_all();
    assert_int_equal(hf_epoll_wait(server, outer, &event, 1, 0), 0);
    pair_end();
}

TEST(no_set_watches_itself, linux, "")
{
    struct epoll_event event;
    begin(EPOLLIN);
    int outer = hf_epoll_create(server);
    assert_int_equal(watch(outer, set, EPOLLIN), 0);
    FAILS(watch(set, set, EPOLLIN), EINVAL);
    FAILS(watch(set, outer, EPOLLIN), ELOOP);
    FAILS(hf_epoll_wait(server, outer, NULL, 1, 0), EFAULT);
    FAILS(hf_epoll_wait(server, outer, &event, 0, 0), EINVAL);
    FAILS(hf_epoll_wait(server, b, &event, 1, 0), EINVAL);
    pair_end();
}
