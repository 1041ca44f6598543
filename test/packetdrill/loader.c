/* The adapter, loaded as packetdrill loads it and driven through the same table: the main
 * exchanges, over IPv4, IPv6 and mapped addresses, from one thread and with a second one that
 * blocks. Virtual time is exact, so what is asserted of it is, too. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "play.h"

/* ---- Calls for the second thread ---- */

static int call_accept(int fd)
{
    return pd.accept(pd.userdata, fd, NULL, NULL);
}

static int call_read(int fd)
{
    char buf[4000];
    return (int)pd.read(pd.userdata, fd, buf, sizeof buf);
}

static int call_write(int fd)
{
    static const char buf[30000];
    return (int)pd.write(pd.userdata, fd, buf, sizeof buf);
}

static int call_connect(int fd)
{
    struct name name = peer_name(PEER_PORT);
    return pd.connect(pd.userdata, fd, (struct sockaddr *)&name.storage, name.len);
}

static int call_poll(int fd)
{
    struct pollfd ask = {.fd = fd, .events = POLLIN};
    return pd.poll(pd.userdata, &ask, 1, 500);
}

/* ---- Exchanges ---- */

static void passive(enum family which)
{
    struct name from = {.len = sizeof from.storage};
    char buf[1000];
    begin(which, "profile=rfc,timestamps=0,sack=0,wscale=0");
    int fd = listener();
    nonblocking(fd);
    FAILS(pd.accept(pd.userdata, fd, NULL, NULL), EAGAIN);
    handshake();
    int conn = pd.accept(pd.userdata, fd, (struct sockaddr *)&from.storage, &from.len);
    assert_true(conn >= 0);
    struct name wanted = peer_name(PEER_PORT);
    assert_int_equal(from.len, wanted.len);
    assert_memory_equal(&from.storage, &wanted.storage, wanted.len);

    nonblocking(conn);
    FAILS(pd.read(pd.userdata, conn, buf, sizeof buf), EAGAIN);
    peer(PSH | ACK, 1, 1, 100);
    assert_int_equal(pd.read(pd.userdata, conn, buf, sizeof buf), 100);
    out(ACK, 1, 101, 0);
    assert_int_equal(pd.write(pd.userdata, conn, buf, 500), 500);
    out(PSH | ACK, 1, 101, 500);
    peer(ACK, 101, 501, 0);
    assert_int_equal(pd.close(pd.userdata, conn), 0);
    FAILS(pd.read(pd.userdata, conn, buf, sizeof buf), EBADF);
    out(FIN | ACK, 501, 101, 0);
    peer(FIN | ACK, 101, 502, 0);
    out(ACK, 502, 102, 0);
    nothing_more();
    end();
}

TEST(passive_open_data_and_close, rfc, "")
{
    for (enum family f = V4; f < FAMILIES; f++)
        passive(f);
}

static void active(enum family which)
{
    int error = -1;
    socklen_t len = sizeof error;
    begin(which, "profile=rfc,timestamps=0,sack=0,wscale=0");
    int fd = open_socket();
    nonblocking(fd);
    struct name name = peer_name(PEER_PORT);
    FAILS(pd.connect(pd.userdata, fd, (struct sockaddr *)&name.storage, name.len), EINPROGRESS);
    out(SYN, 0, 0, 0);
    FAILS(pd.connect(pd.userdata, fd, (struct sockaddr *)&name.storage, name.len), EALREADY);
    in((struct segment){.flags = SYN | ACK, .seq = PEER_ISS, .ack = our_iss + 1, .mss = 1000});
    out(ACK, 1, 1, 0);
    assert_int_equal(pd.getsockopt(pd.userdata, fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_int_equal(error, 0);
    assert_int_equal(len, sizeof error);
    assert_int_equal(pd.shutdown(pd.userdata, fd, SHUT_WR), 0);
    out(FIN | ACK, 1, 1, 0);
    FAILS(pd.write(pd.userdata, fd, "x", 1), EPIPE);
    peer(FIN | ACK, 1, 2, 0);
    out(ACK, 2, 2, 0);
    assert_int_equal(call_read(fd), 0);
    assert_int_equal(pd.close(pd.userdata, fd), 0);
    end();
}

TEST(active_open_without_blocking, rfc, "")
{
    for (enum family f = V4; f < FAMILIES; f++)
        active(f);
}

/* Each call is released by a packet, and ends at the time of that packet. */
static void blocking(enum family which)
{
    long long at, then;
    begin(which, "profile=rfc,timestamps=0,sack=0,wscale=0");
    int fd = listener();
    blocks(call_accept, fd);
    (void)pd.usleep(pd.userdata, 100000);
    in((struct segment){.flags = SYN, .seq = PEER_ISS, .mss = 1000});
    out(SYN | ACK, 0, 1, 0);
    (void)pd.usleep(pd.userdata, 50000);
    then = now_us();
    in((struct segment){.flags = ACK, .seq = PEER_ISS + 1, .ack = our_iss + 1});
    (void)pd.usleep(pd.userdata, 1000000);
    int conn = returned(&at);
    assert_true(conn >= 0);
    assert_int_equal(at, then);

    blocks(call_read, conn);
    (void)pd.usleep(pd.userdata, 30000);
    then = now_us();
    peer(PSH | ACK, 1, 1, 700);
    (void)pd.usleep(pd.userdata, 30000);
    assert_int_equal(returned(&at), 700);
    assert_int_equal(at, then);
    end();
}

TEST(blocking_calls_end_when_their_packet_comes, rfc, "")
{
    for (enum family f = V4; f < FAMILIES; f++)
        blocking(f);
}

TEST(blocking_connect_and_its_refusal, rfc, "")
{
    begin(V4, "profile=rfc");
    int fd = open_socket();
    blocks(call_connect, fd);
    long long first = out(SYN, 0, 0, 0);
    long long again = out(SYN, 0, 0, 0); /* RFC 6298 2.1: RTO is 1 s before the first sample */
    assert_int_equal(again - first, 1000000);
    in((struct segment){.flags = SYN | ACK, .seq = PEER_ISS, .ack = our_iss + 1, .mss = 1000});
    assert_int_equal(returned(NULL), 0);
    out(ACK, 1, 1, 0);

    int refused = open_socket();
    blocks(call_connect, refused);
    out(SYN, 0, 0, 0);
    in((struct segment){.flags = RST | ACK, .ack = our_iss + 1});
    FAILS(returned(NULL), ECONNREFUSED);
    end();
}

TEST(blocking_write_waits_for_room, linux, "")
{
    long long at, then;
    int size = 10000; /* doubled, as Linux does */
    begin(V4, "profile=linux,timestamps=0,sack=0,wscale=0");
    int conn = established(NULL);
    assert_int_equal(pd.fcntl(pd.userdata, conn, F_SETFL, O_RDWR), 0);
    assert_int_equal(pd.setsockopt(pd.userdata, conn, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                     0);
    blocks(call_write, conn); /* 20000 are let in: two pieces of half a window */
    (void)pd.usleep(pd.userdata, 10000);
    then = now_us();
    peer(ACK, 1, 10001, 0); /* as much again is free */
    (void)pd.usleep(pd.userdata, 10000);
    assert_int_equal(returned(&at), 30000);
    assert_int_equal(at, then);
    end();
}

TEST(an_end_of_the_script_lets_a_blocked_call_time_out, rfc, "")
{
    long long at;
    begin(V4, "profile=rfc");
    int fd = listener();
    long long then = now_us();
    blocks(call_poll, fd);
    assert_int_equal(returned(&at), 0); /* nobody moves the clock but the call itself */
    assert_in_range(at, then + 500000, then + 500010);
    end();
}

TEST(a_call_that_nothing_can_wake_is_refused_in_the_main_thread, rfc, "")
{
    begin(V4, "profile=rfc");
    int fd = listener();
    FAILS(pd.accept(pd.userdata, fd, NULL, NULL), EDEADLK);
    end();
}

TEST(a_closed_port_answers_before_any_socket, rfc, "")
{
    for (enum family f = V4; f < FAMILIES; f++) {
        begin(f, "profile=rfc");
        our_port = PORT;
        our_iss = 0;
        in((struct segment){.flags = SYN, .seq = PEER_ISS, .mss = 1000});
        out(RST | ACK, 0, 1, 0);
        nothing_more();
        end();
    }
}

TEST(timers_run_at_their_own_time, rfc, "")
{
    begin(V4, "profile=rfc,timestamps=0");
    (void)listener();
    in((struct segment){.flags = SYN, .seq = PEER_ISS, .mss = 1000});
    long long first = out(SYN | ACK, 0, 1, 0);
    (void)pd.usleep(pd.userdata, 3500000);
    for (long long after = 1000000; after <= 7000000; after = 2 * after + 1000000) {
        long long late = out(SYN | ACK, 0, 1, 0) - first - after;
        assert_in_range(late, 0, 1000); /* a half-open entry keeps coarse times */
    }
    long long a = now_us(), b = now_us();
    assert_int_equal(b - a, 1);
    end();
}

TEST(poll_and_both_kinds_of_epoll, rfc, "")
{
    begin(V4, "profile=rfc,timestamps=0");
    int conn = established(NULL);
    struct pollfd ask = {.fd = conn, .events = POLLIN | POLLOUT};
    struct epoll_event event = {.events = EPOLLIN | EPOLLET}, got;
    int edge = pd.epoll_create(pd.userdata, 1), level = pd.epoll_create(pd.userdata, 1);
    assert_int_equal(pd.epoll_ctl(pd.userdata, edge, EPOLL_CTL_ADD, conn, &event), 0);
    FAILS(pd.epoll_ctl(pd.userdata, edge, EPOLL_CTL_ADD, conn, &event), EEXIST);
    event.events = EPOLLIN;
    assert_int_equal(pd.epoll_ctl(pd.userdata, level, EPOLL_CTL_ADD, conn, &event), 0);
    assert_int_equal(pd.poll(pd.userdata, &ask, 1, 0), 1);
    assert_int_equal(ask.revents, POLLOUT);
    assert_int_equal(pd.epoll_wait(pd.userdata, level, &got, 1, 0), 0);

    peer(PSH | ACK, 1, 1, 100);
    assert_int_equal(pd.poll(pd.userdata, &ask, 1, 0), 1);
    assert_int_equal(ask.revents, POLLIN | POLLOUT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pd.epoll_wait(pd.userdata, level, &got, 1, 0), 1);
        assert_int_equal(got.events, EPOLLIN);
        assert_int_equal(pd.epoll_wait(pd.userdata, edge, &got, 1, 0), i == 0);
    }
    peer(PSH | ACK, 101, 1, 100);
    assert_int_equal(pd.epoll_wait(pd.userdata, edge, &got, 1, 0), 1);
    int left = -1;
    assert_int_equal(pd.ioctl(pd.userdata, conn, SIOCINQ, &left), 0);
    assert_int_equal(left, 200);
    peer(RST, 201, 0, 0);
    assert_int_equal(pd.poll(pd.userdata, &ask, 1, 0), 1);
    assert_int_equal(ask.revents, POLLIN | POLLOUT | POLLERR | POLLHUP);
    end();
}

/* What packetdrill does behind the table's back. */
TEST(preloaded_functions, rfc, "")
{
    int (*get)(int, int, int, void *, socklen_t *);
    int (*lock)(int);
    struct tcp_info info;
    socklen_t len = sizeof info;
    begin(V4, "profile=rfc,timestamps=0,sack=0,wscale=0");
    void *found = symbol("getsockopt");
    memcpy(&get, &found, sizeof get);
    found = symbol("mlockall");
    memcpy(&lock, &found, sizeof lock);
    (void)symbol("times");
    (void)symbol("sched_setscheduler");
    assert_int_equal(lock(3), 0);

    int listening, conn = established(&listening);
    assert_int_equal(get(conn, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(len, sizeof info);
    assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
    assert_int_equal(info.tcpi_snd_mss, 1000);
    assert_int_equal(get(listening, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(info.tcpi_state, TCP_LISTEN);
    assert_int_equal(get(conn, SOL_SOCKET, SO_MEMINFO, &info, &len), 0);
    FAILS(get(1 << 20, SOL_SOCKET, SO_ERROR, &info, &len), EBADF);
    end();
}

/* With the flag `mss` a packet with more text than that is a run of such segments. */
TEST(merged_packets, rfc, "")
{
    int (*get)(int, int, int, void *, socklen_t *);
    for (enum family which = 0; which < FAMILIES; which++) {
        struct tcp_info info;
        socklen_t len = sizeof info;
        begin(which, "profile=rfc,mss=500,timestamps=0,sack=0,wscale=0");
        void *found = symbol("getsockopt");
        memcpy(&get, &found, sizeof get);
        int conn = established(NULL);
        peer(ACK, 1, 1, 1000);
        out(ACK, 1, 1001, 0);
        assert_int_equal(get(conn, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
        assert_int_equal(info.tcpi_rcv_mss, 500);
        end();
    }
}
