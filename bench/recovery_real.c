/* A bulk transfer between two network namespaces through `handfast path`:
 *
 *     Linux sends:     kernel (A) -- ta  path  tb -- kernel (B)
 *     Handfast sends:  Handfast -- hf0 -- kernel (A) forwards -- ta  path  tb -- kernel (B)
 *
 * The receiver is the kernel in both, so that what differs is the sender. It stops the clock, and it
 * counts segments that came in vain: those that it answered with a D-SACK (RFC 2883). Every run has
 * namespaces of its own: no run learns from another's routes or metrics. They live as long as the
 * processes in them, which end with their parent. */
#include "recovery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 9
#define PIECE 262144
#define NEAR "10.1.0.1"
#define FAR "10.1.0.2"
#define GRACE (20 * HF_SEC) /* for everything around the transfer                             */

static hf_time now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (hf_time)t.tv_sec * HF_SEC + t.tv_nsec;
}

static void must(bool fine, const char *what)
{
    if (!fine)
        recovery_fail("%s: %s", what, strerror(errno));
}

/* ---- Processes ---- */

static pid_t child(void)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "cannot make a process");
    if (pid == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static void end_child(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* ip(8) in this namespace. */
static void ip(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void ip(const char *format, ...)
{
    char line[160], *words[16];
    int n = 0, status;
    va_list list;
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    char said[160];
    (void)snprintf(said, sizeof said, "%s", line);
    words[n++] = (char *)(uintptr_t) "ip";
    for (char *word = strtok(line, " "); word && n < 15; word = strtok(NULL, " "))
        words[n++] = word;
    words[n] = NULL;
    pid_t pid = child();
    if (pid == 0) {
        (void)execvp("ip", words);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        recovery_fail("ip %s failed", said);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    (void)close(fd);
}

/* One byte from the other process: it has come to a point that both know. */
static void tell(int fd)
{
    must(write(fd, "", 1) == 1, "cannot tell another process");
}

static void await(int fd, const char *what)
{
    char byte;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, 10000) != 1 || read(fd, &byte, 1) != 1)
        recovery_fail("%s did not come about", what);
}

/* ---- The path ---- */

static pid_t start_path(const struct cell *cell, const struct real_config *config)
{
    char rate[32], delay[32], loss[32], reorder[32], seed[32], said[256];
    int out[2];
    size_t len = 0;
    ssize_t n;
    (void)snprintf(rate, sizeof rate, "%llubit", (unsigned long long)cell->rate);
    (void)snprintf(delay, sizeof delay, "%uus", cell->rtt_us / 2);
    (void)snprintf(loss, sizeof loss, "%.6f", cell->loss / 1e6);
    (void)snprintf(reorder, sizeof reorder, "%.6f", cell->reorder / 1e6);
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)config->seed);
    const char *words[] = {"handfast", "path",     "--rate", rate,      "--delay", delay,
                           "--loss",   loss,       "--queue", "bdp",    "--reorder", reorder,
                           "--seed",   seed,       "ta",     "tb",      NULL,      NULL};
    if (config->realtime)
        words[16] = "--realtime";
    must(pipe2(out, O_CLOEXEC) == 0, "cannot make a pipe");
    pid_t pid = child();
    if (pid == 0) {
        (void)dup2(out[1], STDERR_FILENO);
        (void)execv(config->handfast, (char **)(uintptr_t)words);
        (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", config->handfast, strerror(errno));
        _exit(127);
    }
    (void)close(out[1]);
    while (len < sizeof said - 1 && (n = read(out[0], said + len, sizeof said - 1 - len)) > 0) {
        len += (size_t)n;
        if (said[len - 1] == '\n')
            break;
    }
    said[len] = 0;
    if (!strstr(said, "joined"))
        recovery_fail("no path: %s", said);
    return pid; /* the pipe stays open: it may say more */
}

/* ---- The receiver ---- */

/* A counter of /proc/net/netstat or snmp: names in one line, values in the next. */
static uint64_t counter(const char *path, const char *group, const char *name)
{
    char names[8192], values[8192];
    uint64_t found = 0;
    FILE *file = fopen(path, "re");
    must(file != NULL, path);
    while (fgets(names, sizeof names, file) && fgets(values, sizeof values, file)) {
        char *a, *b;
        char *n = strtok_r(names, " \n", &a), *v = strtok_r(values, " \n", &b);
        if (!n || strcmp(n, group) != 0)
            continue;
        while ((n = strtok_r(NULL, " \n", &a)) && (v = strtok_r(NULL, " \n", &b)))
            if (strcmp(n, name) == 0)
                found = strtoull(v, NULL, 10);
    }
    (void)fclose(file);
    return found;
}

static void use_controller(int fd, const char *controller)
{
    must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, controller,
                    (socklen_t)strlen(controller)) == 0,
         "the kernel does not take this congestion control");
}

static struct sockaddr_in address(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    (void)inet_pton(AF_INET, text, &in.sin_addr);
    return in;
}

/* Read for the duration, from the accept on. */
static void receive(int listening, hf_time duration, struct outcome *o)
{
    static uint8_t buffer[PIECE];
    struct pollfd ready = {.fd = listening, .events = POLLIN};
    must(poll(&ready, 1, 10000) == 1, "nobody connects");
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    must(fd >= 0, "cannot accept");
    hf_time began = now(), news = began, at;
    ready.fd = fd;
    while ((at = now()) - began < duration) {
        (void)poll(&ready, 1, (int)((duration - (at - began)) / HF_MS) + 1);
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            recovery_fail("the sender gave up: %s", n == 0 ? "end of stream" : strerror(errno));
        if (n < 0)
            continue;
        o->bytes += (uint64_t)n;
        at = now();
        if ((uint64_t)((at - news) / HF_US) > o->gap_us)
            o->gap_us = (uint64_t)((at - news) / HF_US);
        news = at;
    }
    o->seconds = (double)(now() - began) / (double)HF_SEC;
}

/* The process in namespace B. Its connection stays until it is ended. */
_Noreturn static void far_end(int parent, const struct real_config *config)
{
    struct outcome o;
    struct sockaddr_in here = address(FAR);
    memset(&o, 0, sizeof o);
    must(unshare(CLONE_NEWNET) == 0, "cannot make a network namespace");
    tell(parent);
    await(parent, "the device of the far end");
    ip("link set lo up");
    ip("addr add " FAR "/24 dev tb");
    ip("link set tb up");
    ip("route add default via " NEAR);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "cannot make a socket");
    use_controller(fd, config->controller);
    must(bind(fd, (struct sockaddr *)&here, sizeof here) == 0 && listen(fd, 1) == 0,
         "cannot listen");
    tell(parent);
    receive(fd, config->duration, &o);
    o.spurious = counter("/proc/self/net/netstat", "TcpExt:", "TCPDSACKOldSent") +
                 counter("/proc/self/net/netstat", "TcpExt:", "TCPDSACKOfoSent");
    must(write(parent, &o, sizeof o) == (ssize_t)sizeof o, "cannot report");
    for (;;)
        (void)pause();
}

/* ---- The senders: until the receiver reports ---- */

static bool has_reported(int receiver)
{
    struct pollfd ready = {.fd = receiver, .events = POLLIN};
    return poll(&ready, 1, 0) > 0;
}

static void send_by_linux(const struct real_config *config, int receiver, struct outcome *o)
{
    static const uint8_t zeros[PIECE];
    struct sockaddr_in there = address(FAR);
    struct tcp_info info;
    socklen_t len = sizeof info;
    hf_time end = now() + config->duration + GRACE;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "cannot make a socket");
    use_controller(fd, config->controller);
    must(connect(fd, (struct sockaddr *)&there, sizeof there) == 0, "cannot connect");
    struct pollfd room[2] = {{.fd = fd, .events = POLLOUT}, {.fd = receiver, .events = POLLIN}};
    while (now() < end && !has_reported(receiver)) {
        (void)poll(room, 2, 1000);
        if (send(fd, zeros, sizeof zeros, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
            recovery_fail("Linux cannot send: %s", strerror(errno));
    }
    memset(&info, 0, sizeof info);
    must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0, "TCP_INFO");
    o->segments = info.tcpi_data_segs_out;
    o->resent = info.tcpi_total_retrans;
    o->timeouts = counter("/proc/self/net/netstat", "TcpExt:", "TCPTimeouts");
    (void)close(fd);
}

struct ours {
    struct hf_stack *stack;
    hf_conn conn;
    bool ended;
    uint64_t timeouts;
};

static void on_event(void *context, const struct hf_event *event)
{
    static const uint8_t zeros[PIECE];
    struct ours *ours = context;
    while (hf_tcp_send(ours->stack, ours->conn, zeros, sizeof zeros, 0) > 0) {
    }
    ours->ended = ours->ended || event->bits & HF_EVENT_ENDED;
}

static void on_trace(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    struct ours *ours = context;
    (void)packet;
    ours->timeouts += record->kind == HF_TRACE_TIMER && record->u.timer.timer == HF_TIMER_RTO;
}

static struct hf_addr_prefix prefix(const char *text, unsigned bits)
{
    struct hf_addr_prefix p = {.prefix = bits};
    (void)hf_addr_parse(text, &p.addr);
    return p;
}

/* A stack with the shipped settings on a device of its own. */
static struct hf_host *open_ours(struct ours *ours, const char *controller)
{
    char error[HF_ERROR_TEXT];
    int err = 0;
    struct hf_addr_prefix kernel = prefix("10.77.0.1", 24), here = prefix("10.77.0.2", 24);
    struct hf_host_config host_config = {
        .size = sizeof host_config, .on_event = on_event, .context = ours};
    struct hf_tun_config tun = {.size = sizeof tun,
                                .name = "hf0",
                                .mtu = 1500,
                                .host_addrs = &kernel,
                                .host_addr_count = 1};
    struct hf_stack_config config;
    struct hf_host *host = hf_host_create(&host_config, error);
    struct hf_link *link = host ? hf_link_tun(&tun, error) : NULL;
    if (!link)
        recovery_fail("%s", error);
    hf_stack_config_init(&config);
    config.allocator = hf_host_allocator();
    config.checksum = hf_host_checksum();
    config.now = hf_host_now(host);
    config.settings.congestion = controller;
    config.trace = on_trace;
    config.trace_context = ours;
    (void)hf_host_seed(config.seed);
    ours->stack = hf_stack_create(&config, &err);
    if (!ours->stack)
        recovery_fail("cannot create a stack with %s: %s", controller, hf_err_text(err));
    (void)hf_host_attach(host, ours->stack);
    int number = hf_host_add_link(host, link, 0);
    struct hf_addr any = {.family = HF_IPV4};
    (void)hf_stack_add_address(ours->stack, number, &here.addr, here.prefix);
    (void)hf_stack_add_route(ours->stack, number, &any, 0);
    return host;
}

static void send_by_handfast(const struct real_config *config, int receiver, struct outcome *o)
{
    struct ours ours = {.ended = false};
    struct hf_open open = {.size = sizeof open, .remote.port = PORT};
    struct hf_tcp_status status = {.size = sizeof status};
    hf_time end = now() + config->duration + GRACE;
    write_file("/proc/sys/net/ipv4/ip_forward", "1");
    struct hf_host *host = open_ours(&ours, config->controller);
    (void)hf_addr_parse(FAR, &open.remote.addr);
    int err = hf_tcp_open(ours.stack, &open, &ours.conn);
    if (err != HF_OK)
        recovery_fail("cannot open: %s", hf_err_text(err));
    hf_time look = 0, at;
    while ((at = now()) < end && !ours.ended && hf_host_step(host, 50 * HF_MS) == HF_OK) {
        if (at - look >= 50 * HF_MS && has_reported(receiver))
            break;
        look = at - look >= 50 * HF_MS ? at : look;
    }
    if (ours.ended)
        recovery_fail("Handfast's connection ended");
    if (hf_tcp_status(ours.stack, ours.conn, &status) < 0)
        recovery_fail("the connection has no status");
    o->segments = status.segments_sent;
    o->resent = status.retransmits;
    o->timeouts = ours.timeouts;
    /* Stack and device go with the process. */
}

/* ---- The whole ---- */

/* The process in namespace A, the parent of all others. */
static void near_end(const struct cell *cell, const struct real_config *config, struct outcome *o)
{
    int pair[2];
    struct outcome far;
    must(unshare(CLONE_NEWNET) == 0, "cannot make a network namespace (root can)");
    ip("link set lo up");
    pid_t path = start_path(cell, config);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "cannot make a pipe");
    pid_t peer = child();
    if (peer == 0)
        far_end(pair[1], config);
    (void)close(pair[1]);
    await(pair[0], "the far end");
    ip("link set tb netns %d", (int)peer);
    ip("addr add " NEAR "/24 dev ta");
    ip("link set ta up");
    tell(pair[0]);
    await(pair[0], "the receiver");
    if (config->linux_sends)
        send_by_linux(config, pair[0], o);
    else
        send_by_handfast(config, pair[0], o);
    if (recv(pair[0], &far, sizeof far, MSG_WAITALL) != (ssize_t)sizeof far)
        recovery_fail("the receiver told nothing");
    o->bytes = far.bytes;
    o->seconds = far.seconds;
    o->spurious = far.spurious;
    o->gap_us = far.gap_us;
    end_child(peer);
    end_child(path);
}

void real_run(const struct cell *cell, const struct real_config *config, struct outcome *outcome)
{
    int out[2];
    memset(outcome, 0, sizeof *outcome);
    must(pipe2(out, O_CLOEXEC) == 0, "cannot make a pipe");
    pid_t pid = child();
    if (pid == 0) {
        (void)close(out[0]);
        near_end(cell, config, outcome);
        must(write(out[1], outcome, sizeof *outcome) == (ssize_t)sizeof *outcome, "report");
        _exit(0);
    }
    (void)close(out[1]);
    struct pollfd ready = {.fd = out[0], .events = POLLIN};
    int most = (int)((config->duration + 2 * GRACE) / HF_MS);
    bool told = poll(&ready, 1, most) == 1 &&
                read(out[0], outcome, sizeof *outcome) == (ssize_t)sizeof *outcome;
    (void)close(out[0]);
    int status = 0;
    pid_t ended = told ? 0 : waitpid(pid, &status, WNOHANG);
    if (ended != pid)
        end_child(pid);
    if (!told)
        recovery_fail("a run failed, %s sending, seed %llu: %s %d",
                      config->linux_sends ? "Linux" : "Handfast",
                      (unsigned long long)config->seed,
                      ended != pid          ? "it took too long, more than (ms)"
                      : WIFSIGNALED(status) ? "ended by signal"
                                            : "see above; exit status",
                      ended != pid          ? most
                      : WIFSIGNALED(status) ? WTERMSIG(status)
                                            : WEXITSTATUS(status));
}

bool kernel_has(const char *controller)
{
    char list[256] = "";
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_available_congestion_control", "re");
    if (!file)
        return false;
    if (!fgets(list, sizeof list, file))
        list[0] = 0;
    (void)fclose(file);
    for (char *word = strtok(list, " \n"); word; word = strtok(NULL, " \n"))
        if (strcmp(word, controller) == 0)
            return true;
    return false;
}
