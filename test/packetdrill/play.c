/* The driver of the loader's exchanges. */
#include "play.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WINDOW 20000

static void *adapter;
static enum family family;
struct pd_interface pd;
uint32_t our_iss;
uint16_t our_port;

/* ---- The adapter ---- */

void *symbol(const char *name)
{
    void *found = dlsym(adapter, name);
    if (!found)
        fail_msg("the adapter does not export %s", name);
    return found;
}

void begin(enum family which, const char *flags)
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

void end(void)
{
    pd.free(pd.userdata);
}

long long now_us(void)
{
    struct timeval time;
    assert_int_equal(pd.gettimeofday(pd.userdata, &time, NULL), 0);
    return time.tv_sec * 1000000LL + time.tv_usec;
}

/* ---- The peer ---- */

void in(struct segment segment)
{
    uint8_t packet[2048];
    segment.from = PEER_PORT;
    segment.to = our_port;
    segment.window = WINDOW;
    size_t len = peer_build(family == V6, &segment, packet);
    assert_int_equal(pd.netdev_send(pd.userdata, packet, len), 0);
}

/* The next packet; flags, text and, unless it has SYN, sequence number are as given. */
long long out(unsigned flags, uint32_t seq, uint32_t ack, uint32_t text)
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

void nothing_more(void)
{
    uint8_t packet[65536];
    size_t len = sizeof packet;
    long long at;
    assert_int_equal(pd.netdev_receive(pd.userdata, packet, &len, &at), 0);
    assert_int_equal(len, 0);
}

/* ---- Sockets ---- */

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

struct name peer_name(uint16_t port)
{
    return name_of(remote_v4, remote_v6, port);
}

int open_socket(void)
{
    int fd = pd.socket(pd.userdata, family == V4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* packetdrill closes it by itself */
    return fd;
}

int listener(void)
{
    int fd = open_socket(), on = 1;
    struct name local = name_of(local_v4, local_v6, PORT);
    assert_int_equal(pd.setsockopt(pd.userdata, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(pd.bind(pd.userdata, fd, (struct sockaddr *)&local.storage, local.len), 0);
    assert_int_equal(pd.listen(pd.userdata, fd, 1), 0);
    our_port = PORT;
    return fd;
}

void nonblocking(int fd)
{
    assert_int_equal(pd.fcntl(pd.userdata, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_int_equal(pd.fcntl(pd.userdata, fd, F_GETFL), O_RDWR | O_NONBLOCK);
}

void handshake(void)
{
    in((struct segment){.flags = SYN, .seq = PEER_ISS, .mss = 1000});
    out(SYN | ACK, 0, 1, 0);
    in((struct segment){.flags = ACK, .seq = PEER_ISS + 1, .ack = our_iss + 1});
}

/* A segment of the peer's after the handshake, numbers relative. */
void peer(unsigned flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    in((struct segment){
        .flags = flags, .seq = PEER_ISS + seq, .ack = our_iss + ack, .text = text});
}

int established(int *listening)
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
void blocks(int (*call)(int fd), int fd)
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
int returned(long long *at)
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
