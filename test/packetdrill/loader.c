/* The adapter, loaded as packetdrill loads it and driven through the same table: the main
 * exchanges, over IPv4, IPv6 and mapped addresses, from one thread and with a second one that
 * blocks. Virtual time is exact, so what is asserted of it is, too. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "interface.h"
#include "peer.h"

#define PORT 8080
#define PEER_PORT 40000
#define PEER_ISS 1000u
#define WINDOW 20000

enum family { V4, V6, MAPPED, FAMILIES };

static void *adapter;
static struct pd_interface pd;
static enum family family;
static uint32_t our_iss;  /* from our SYN */
static uint16_t our_port;

/* ---- The adapter ---- */

static void *symbol(const char *name)
{
    void *found = dlsym(adapter, name);
    if (!found)
        fail_msg("the adapter does not export %s", name);
    return found;
}

static void begin(enum family which, const char *flags)
{
    static const char *const local[] = {"192.168.0.1", "fd3d:0a0b:17d6::1", "192.168.0.1"};
    char text[160];
    pd_init_fn init;
    if (!adapter)
        adapter = dlopen(ADAPTER, RTLD_NOW | RTLD_LOCAL);
    if (!adapter)
        fail_msg("%s", dlerror());
    void *found = symbol("packetdrill_interface_init");
    memcpy(&init, &found, sizeof init);
    (void)snprintf(text, sizeof text, "local=%s,%s,unknown=1", local[which], flags);
    memset(&pd, 0, sizeof pd);
    init(text, &pd);
    family = which;
}

static void end(void)
{
    pd.free(pd.userdata);
}

static long long now_us(void)
{
    struct timeval time;
    assert_int_equal(pd.gettimeofday(pd.userdata, &time, NULL), 0);
    return time.tv_sec * 1000000LL + time.tv_usec;
}

/* ---- The peer ---- */

static void in(struct segment segment)
{
    uint8_t packet[2048];
    segment.from = PEER_PORT;
    segment.to = our_port;
    segment.window = WINDOW;
    size_t len = peer_build(family == V6, &segment, packet);
    assert_int_equal(pd.netdev_send(pd.userdata, packet, len), 0);
}

/* The next packet; flags, text and, unless it has SYN, sequence number are as given. */
static long long out(unsigned flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    uint8_t packet[65536];
    size_t len = sizeof packet;
    long long sent_at;
    struct segment segment;
    assert_int_equal(pd.netdev_receive(pd.userdata, packet, &len, &sent_at), 0);
    if (len == 0)
        fail_msg("no packet came");
    const char *wrong = peer_read(family == V6, packet, len, &segment);
    if (wrong)
        fail_msg("a packet with %s", wrong);
    assert_int_equal(segment.flags, flags);
    assert_int_equal(segment.text, text);
    if (flags & ACK)
        assert_int_equal(segment.ack, PEER_ISS + ack);
    if (flags & SYN) {
        our_iss = segment.seq;
        our_port = segment.from;
    } else {
        assert_int_equal(segment.seq, our_iss + seq);
    }
    return sent_at;
}

static void nothing_more(void)
{
    uint8_t packet[65536];
    size_t len = sizeof packet;
    long long at;
    assert_int_equal(pd.netdev_receive(pd.userdata, packet, &len, &at), 0);
    assert_int_equal(len, 0);
}

/* ---- Sockets ---- */

struct name {
    struct sockaddr_storage storage;
    socklen_t len;
};

static struct name name_of(const uint8_t *v4, const uint8_t *v6, uint16_t port)
{
    struct name name = {.len = 0};
    if (family == V4) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&a.sin_addr, v4, 4);
        memcpy(&name.storage, &a, sizeof a);
        name.len = sizeof a;
        return name;
    }
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (family == V6) {
        memcpy(&a.sin6_addr, v6, 16);
    } else {
        memset((uint8_t *)&a.sin6_addr + 10, 0xff, 2);
        memcpy((uint8_t *)&a.sin6_addr + 12, v4, 4);
    }
    memcpy(&name.storage, &a, sizeof a);
    name.len = sizeof a;
    return name;
}

static struct name peer_name(uint16_t port)
{
    return name_of(remote_v4, remote_v6, port);
}

static int open_socket(void)
{
    int fd = pd.socket(pd.userdata, family == V4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* packetdrill closes it by itself */
    return fd;
}

static int listener(void)
{
    int fd = open_socket(), on = 1;
    struct name local = name_of(local_v4, local_v6, PORT);
    assert_int_equal(pd.setsockopt(pd.userdata, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(pd.bind(pd.userdata, fd, (struct sockaddr *)&local.storage, local.len), 0);
    assert_int_equal(pd.listen(pd.userdata, fd, 1), 0);
    our_port = PORT;
    return fd;
}

static void nonblocking(int fd)
{
    assert_int_equal(pd.fcntl(pd.userdata, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_int_equal(pd.fcntl(pd.userdata, fd, F_GETFL), O_RDWR | O_NONBLOCK);
}

static void handshake(void)
{
    in((struct segment){.flags = SYN, .seq = PEER_ISS, .mss = 1000});
    out(SYN | ACK, 0, 1, 0);
    in((struct segment){.flags = ACK, .seq = PEER_ISS + 1, .ack = our_iss + 1});
}

/* A segment of the peer's after the handshake, numbers relative. */
static void peer(unsigned flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    in((struct segment){
        .flags = flags, .seq = PEER_ISS + seq, .ack = our_iss + ack, .text = text});
}

static int established(int *listening)
{
    int fd = listener();
    handshake();
    int conn = pd.accept(pd.userdata, fd, NULL, NULL);
    assert_true(conn >= 0);
    nonblocking(conn);
    if (listening)
        *listening = fd;
    return conn;
}

#define FAILS(call, error)                                                                        \
    do {                                                                                          \
        errno = 0;                                                                                \
        assert_int_equal((call), -1);                                                             \
        assert_int_equal(errno, (error));                                                         \
    } while (0)

/* ---- A second thread, which makes one call that blocks ---- */

static struct {
    pthread_t thread;
    pid_t id;
    int (*call)(int fd);
    int fd, result, error;
    long long ended_at;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int begun, done;
} other = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *run_other(void *nothing)
{
    (void)nothing;
    (void)pthread_mutex_lock(&other.lock);
    other.id = (pid_t)syscall(SYS_gettid);
    other.begun = 1;
    (void)pthread_cond_broadcast(&other.changed);
    (void)pthread_mutex_unlock(&other.lock);
    other.result = other.call(other.fd);
    other.error = errno;
    other.ended_at = now_us(); /* first of all, as packetdrill does */
    (void)pthread_mutex_lock(&other.lock);
    other.done = 1;
    (void)pthread_cond_broadcast(&other.changed);
    (void)pthread_mutex_unlock(&other.lock);
    return NULL;
}

static char state_of(pid_t id)
{
    char path[64], text[256], *at;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    FILE *file = fopen(path, "r");
    if (!file)
        return 'X';
    size_t n = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[n] = '\0';
    at = strrchr(text, ')');
    return at ? at[2] : 'X';
}

/* Start a call, and go on when it sleeps (or is over): it must really sleep. */
static void blocks(int (*call)(int fd), int fd)
{
    other.call = call;
    other.fd = fd;
    other.begun = other.done = 0;
    assert_int_equal(pthread_create(&other.thread, NULL, run_other, NULL), 0);
    (void)pthread_mutex_lock(&other.lock);
    while (!other.begun)
        (void)pthread_cond_wait(&other.changed, &other.lock);
    (void)pthread_mutex_unlock(&other.lock);
    while (state_of(other.id) == 'R')
        (void)sched_yield();
}

/* The call is over: what it returned and when. */
static int returned(long long *at)
{
    (void)pthread_mutex_lock(&other.lock);
    while (!other.done)
        (void)pthread_cond_wait(&other.changed, &other.lock);
    (void)pthread_mutex_unlock(&other.lock);
    (void)pthread_join(other.thread, NULL);
    if (at)
        *at = other.ended_at;
    errno = other.error;
    return other.result;
}

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
    assert_int_equal(
        pd.setsockopt(pd.userdata, conn, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
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
