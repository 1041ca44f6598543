/* The kernel's figures, by ordinary sockets. What has both ends in one thread takes processor time
 * only of that thread: the kernel does the work of the other end inside the calls. */
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 262144
#define PORT 9
#define HOSTS 100u /* of 127.0.0.x that connections go to: one does not have ports enough */

static int listening(void)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 128) < 0)
        bench_fail("kernel: cannot listen: %s", strerror(errno));
    return fd;
}

static int connected(int listener, const char *host, unsigned last)
{
    struct sockaddr_in to;
    socklen_t size = sizeof to;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || getsockname(listener, (struct sockaddr *)&to, &size) < 0)
        bench_fail("kernel: cannot make a socket: %s", strerror(errno));
    (void)inet_pton(AF_INET, host, &to.sin_addr);
    to.sin_addr.s_addr = htonl(ntohl(to.sin_addr.s_addr) + last);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        bench_fail("kernel: cannot connect: %s", strerror(errno));
    return fd;
}

static int accepted(int listener)
{
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0)
        bench_fail("kernel: cannot accept: %s", strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void more_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* ---- Connections and round trips ---- */

struct work {
    int listener, client, server;
    unsigned others;
    double seconds;
};

static uint64_t some_connections(const void *context)
{
    const struct work *w = context;
    static unsigned next;
    for (int i = 0; i < 16; i++) {
        int client = connected(w->listener, "127.0.0.1", next++ % HOSTS);
        int server = accepted(w->listener);
        (void)close(client);
        (void)close(server);
    }
    return 16;
}

static double connections(const void *context)
{
    struct work w = *(const struct work *)context;
    more_descriptors();
    w.listener = listening();
    for (unsigned i = 0; i < w.others; i++) { /* open to the end of this process */
        (void)connected(w.listener, "127.0.0.1", i % HOSTS);
        (void)accepted(w.listener);
    }
    return bench_rate(some_connections, &w, w.seconds);
}

double bench_kernel_connections(unsigned others, double seconds)
{
    const struct work w = {.others = others, .seconds = seconds};
    return bench_in_child(connections, &w);
}

static uint64_t some_trips(const void *context)
{
    const struct work *w = context;
    char octet = 1;
    for (int i = 0; i < 64; i++)
        if (write(w->client, &octet, 1) != 1 || read(w->server, &octet, 1) != 1 ||
            write(w->server, &octet, 1) != 1 || read(w->client, &octet, 1) != 1)
            bench_fail("kernel: a round trip failed: %s", strerror(errno));
    return 64;
}

static double round_trips(const void *context)
{
    struct work w = *(const struct work *)context;
    w.listener = listening();
    w.client = connected(w.listener, "127.0.0.1", 0);
    w.server = accepted(w.listener);
    return bench_rate(some_trips, &w, w.seconds);
}

double bench_kernel_round_trips(double seconds)
{
    const struct work w = {.seconds = seconds};
    return bench_in_child(round_trips, &w);
}

/* ---- Bulk ---- */

struct bulk {
    bool veth, cpu;
    double seconds;
};

static void run(const char *command)
{
    if (system(command) != 0)
        _exit(1);
}

/* The reading end, in a namespace of its own with a veth. Pipes tell when both are ready. */
static pid_t start_reader(bool veth, int listener, int ready, int go)
{
    static char bytes[PIECE];
    pid_t child = fork();
    if (child != 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    char one = 1;
    if (veth) {
        if (unshare(CLONE_NEWNET) < 0 || write(ready, &one, 1) != 1 || read(go, &one, 1) != 1)
            _exit(1);
        run("ip addr add 10.9.1.2/24 dev bench1 && ip link set bench1 up && ip link set lo up");
        listener = listening();
        struct sockaddr_in at;
        socklen_t size = sizeof at;
        if (getsockname(listener, (struct sockaddr *)&at, &size) < 0 ||
            write(ready, &at.sin_port, sizeof at.sin_port) != sizeof at.sin_port)
            _exit(1);
    }
    int fd = accepted(listener);
    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
    _exit(0);
}

/* A connected socket whose other end is read by the child. -1: that is not possible here. */
static int bulk_socket(bool veth, pid_t *child)
{
    int ready[2], go[2];
    char one = 1, command[160];
    uint16_t port;
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return -1;
    run("ip link set lo up");
    if (pipe(ready) < 0 || pipe(go) < 0)
        bench_fail("kernel: no pipe: %s", strerror(errno));
    int listener = listening();
    *child = start_reader(veth, listener, ready[1], go[0]);
    if (*child < 0)
        return -1;
    if (!veth)
        return connected(listener, "127.0.0.1", 0);
    if (read(ready[0], &one, 1) != 1)
        return -1;
    (void)snprintf(command, sizeof command,
                   "ip link add bench0 type veth peer name bench1 netns %d && "
                   "ip addr add 10.9.1.1/24 dev bench0 && ip link set bench0 up",
                   (int)*child);
    run(command);
    if (write(go[1], &one, 1) != 1 || read(ready[0], &port, sizeof port) != sizeof port)
        return -1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = port};
    (void)inet_pton(AF_INET, "10.9.1.2", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static double bulk(const void *context)
{
    static char bytes[PIECE];
    const struct bulk *b = context;
    pid_t child = 0;
    int fd = bulk_socket(b->veth, &child);
    if (fd < 0)
        return 0;
    uint64_t sum = 0;
    double began = bench_clock_now(), cpu = bench_cpu_now();
    while (bench_clock_now() < began + b->seconds) {
        ssize_t n = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return 0;
        sum += (uint64_t)n;
    }
    double rate = (double)sum / (bench_clock_now() - began);
    (void)close(fd);
    (void)waitpid(child, NULL, 0);
    cpu = bench_cpu_now() - cpu + bench_children_cpu();
    return b->cpu ? cpu / (double)sum : rate;
}

double bench_kernel_bulk(bool veth, bool cpu, double seconds)
{
    const struct bulk work = {.veth = veth, .cpu = cpu, .seconds = seconds};
    return bench_in_child(bulk, &work);
}

/* ---- Memory ---- */

double bench_kernel_object_bytes(const char *cache)
{
    char line[256], name[64];
    double size, found = 0;
    FILE *info = fopen("/proc/slabinfo", "r");
    while (info != NULL && fgets(line, sizeof line, info) != NULL)
        if (sscanf(line, "%63s %*f %*f %lf", name, &size) == 2 && strcmp(name, cache) == 0)
            found = size;
    if (info != NULL)
        (void)fclose(info);
    return found;
}
