/* handfast demo --with-linux: the same story with the kernel's TCP at the other end.
 *
 * In a network namespace of its own, one process holds both ends: a Handfast stack on a TUN
 * device, and plain kernel sockets, non-blocking, watched by the same loop. Eight stories: IPv4 and
 * IPv6, each side opening, each side closing first. */
#include "demo.h"
#include "namespace.h"
#include "network.h"
#include "progress.h"
#include "story.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MSL (HF_SEC / 2)
#define STORY_MAX (30 * HF_SEC) /* a story that takes longer has gone wrong */
#define FIRST_PORT 8001

struct plan {
    enum hf_family family;
    bool we_open, we_close_first;
};

struct tale {
    struct network network;
    struct hf_sim_oracle from_us, from_linux;
    struct end us, linux_end;
    hf_listener listener;
    int listening; /* the kernel's listening socket; -1: none */
    uint32_t cause;
    bool ended;
};

/* ---- The kernel's end ---- */

static const struct hf_addr *first_of(const struct address_list *list, enum hf_family family)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->item[i].addr.family == family)
            return &list->item[i].addr;
    return NULL;
}

static socklen_t to_sockaddr(const struct hf_addr *addr, uint16_t port,
                             struct sockaddr_storage *to)
{
    memset(to, 0, sizeof *to);
    if (addr->family == HF_IPV4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in.sin_addr, addr->bytes, 4);
        memcpy(to, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&in6.sin6_addr, addr->bytes, 16);
    memcpy(to, &in6, sizeof in6);
    return sizeof in6;
}

/* A socket with a congestion control that does not depend on how the machine is set up. */
static int kernel_socket(enum hf_family family)
{
    static const char cubic[] = "cubic";
    int fd = socket(family == HF_IPV4 ? AF_INET : AF_INET6,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cubic, sizeof cubic - 1);
    return fd;
}

static int kernel_state(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? -1 : info.tcpi_state;
}

static void kernel_has_news(struct tale *t)
{
    if (t->listening >= 0 && t->linux_end.socket < 0) {
        t->linux_end.socket = accept4(t->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (t->linux_end.socket < 0)
            return;
        (void)hf_host_watch(t->network.host, t->linux_end.socket, HF_READY_READ | HF_READY_WRITE,
                            0);
    }
    if (kernel_state(t->linux_end.socket) == TCP_SYN_SENT)
        return;
    t->linux_end.open = true;
    end_work(&t->linux_end);
    /* What is ready all the time is not waited for: room to write, when nothing is left to. */
    bool sending = t->linux_end.outward->sent < t->linux_end.bytes;
    unsigned want = (t->linux_end.eof ? 0 : HF_READY_READ) | (sending ? HF_READY_WRITE : 0);
    if (want)
        (void)hf_host_watch(t->network.host, t->linux_end.socket, want, 0);
    else
        hf_host_unwatch(t->network.host, t->linux_end.socket);
}

static void on_ready(void *context, int descriptor, unsigned ready, uint64_t user)
{
    (void)descriptor;
    (void)ready;
    (void)user;
    kernel_has_news(context);
}

/* ---- Our end ---- */

static void on_event(void *context, const struct hf_event *event)
{
    struct tale *t = context;
    if (event->bits & HF_EVENT_ACCEPT &&
        hf_tcp_accept(t->network.stack, t->listener, 0, &t->us.conn) == 1) {
        t->us.open = true;
        (void)hf_listener_close(t->network.stack, t->listener);
    }
    if (event->bits & HF_EVENT_CONNECTED)
        t->us.open = true;
    end_work(&t->us);
    if (!(event->bits & HF_EVENT_ENDED))
        return;
    t->ended = true;
    t->cause = event->cause;
    (void)hf_tcp_close(t->network.stack, event->handle);
}

/* ---- A story ---- */

static int open_end(struct tale *t, const struct plan *plan, uint16_t port)
{
    struct sockaddr_storage address;
    struct hf_open open = {.size = sizeof open, .remote.port = port};
    struct hf_listen listen_on = {.size = sizeof listen_on, .local.port = port};
    const struct hf_addr *ours = first_of(&common.addrs, plan->family);
    const struct hf_addr *theirs = first_of(&common.host_addrs, plan->family);
    socklen_t len = to_sockaddr(plan->we_open ? theirs : ours, port, &address);
    int fd = kernel_socket(plan->family);
    if (fd < 0)
        return failure(&demo_command, "cannot make a socket: %s", strerror(errno));
    int err = HF_OK;
    if (plan->we_open) {
        t->listening = fd;
        if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1) < 0)
            return failure(&demo_command, "the kernel cannot listen: %s", strerror(errno));
        open.remote.addr = *theirs;
        err = hf_tcp_open(t->network.stack, &open, &t->us.conn);
    } else {
        t->linux_end.socket = fd;
        err = hf_tcp_listen(t->network.stack, &listen_on, &t->listener);
        if (err == HF_OK && connect(fd, (struct sockaddr *)&address, len) < 0 &&
            errno != EINPROGRESS)
            return failure(&demo_command, "the kernel cannot connect: %s", strerror(errno));
    }
    if (err < 0)
        return failure(&demo_command, "cannot open: %s", hf_err_text(err));
    (void)hf_host_watch(t->network.host, fd, HF_READY_READ | HF_READY_WRITE, 0);
    return -1;
}

static void close_socket(struct tale *t, int *fd)
{
    if (*fd < 0)
        return;
    hf_host_unwatch(t->network.host, *fd);
    (void)close(*fd);
    *fd = -1;
}

static bool our_end_is_closed(const struct tale *t)
{
    struct hf_stack_counters c;
    hf_stack_counters(t->network.stack, &c);
    return t->ended && c.connections == 0 && c.time_wait == 0;
}

static bool ended_in_order(uint32_t cause)
{
    return cause == HF_CAUSE_CLOSED || cause == HF_CAUSE_TIME_WAIT_OVER;
}

static bool stream_is_whole(const struct hf_sim_oracle *stream)
{
    return hf_sim_oracle_complete(stream) && stream->received == demo_options.bytes;
}

/* Whether there is nothing more to wait for. */
static bool is_over(const struct tale *t)
{
    if (t->us.error || t->linux_end.error || (t->ended && !ended_in_order(t->cause)))
        return true;
    return our_end_is_closed(t) && t->linux_end.closed;
}

/* Say how a story went. */
static bool judge(const struct tale *t, const struct plan *plan, hf_time took)
{
    int state = kernel_state(t->linux_end.socket);
    bool fine = stream_is_whole(&t->from_us) && stream_is_whole(&t->from_linux) &&
                our_end_is_closed(t) && ended_in_order(t->cause) && state == TCP_CLOSE;
    (void)printf("%llu of %llu bytes to Linux, %llu from it; Handfast: %s (%s); Linux: %s; "
                 "%.2f s\n",
                 (unsigned long long)t->from_us.received, (unsigned long long)demo_options.bytes,
                 (unsigned long long)t->from_linux.received,
                 our_end_is_closed(t) ? "CLOSED" : "not closed",
                 t->ended ? hf_cause_text((int)t->cause) : "has not ended",
                 state != TCP_CLOSE     ? "not closed"
                 : plan->we_close_first ? "CLOSED"
                                        : "done, in its own TIME-WAIT of 60 s",
                 (double)took / (double)HF_SEC);
    (void)printf("%s\n\n", fine ? "ok" : "THIS WENT WRONG");
    return fine;
}

static struct end new_end(const struct end_ops *ops, bool first)
{
    return (struct end){.ops = ops,
                        .bytes = demo_options.bytes,
                        .turn = first ? CLOSES_FIRST : CLOSES_SECOND,
                        .half_close = demo_options.half_close,
                        .told = true};
}

/* Returns -1 when it went well, else the exit status. */
static int tell(struct tale *t, const struct plan *plan, uint16_t port)
{
    hf_time began = hf_host_now(t->network.host);
    t->us = new_end(&handfast_end, plan->we_close_first);
    t->linux_end = new_end(&kernel_end, !plan->we_close_first);
    t->us.stack = t->network.stack;
    t->us.outward = t->linux_end.inward = &t->from_us;
    t->us.inward = t->linux_end.outward = &t->from_linux;
    hf_sim_oracle_init(&t->from_us, port * 2u);
    hf_sim_oracle_init(&t->from_linux, port * 2u + 1);
    t->linux_end.socket = t->listening = -1;
    t->ended = false;
    t->cause = HF_CAUSE_NONE;
    (void)printf("IPv%d: %s opens, %s closes first\n", (int)plan->family,
                 plan->we_open ? "Handfast" : "Linux",
                 plan->we_close_first ? "Handfast" : "Linux");
    (void)fflush(stdout);
    int status = open_end(t, plan, port);
    hf_time now = began;
    while (status < 0 && !is_over(t) && now - began < STORY_MAX &&
           !network_interrupts(&t->network)) {
        status = network_step(&t->network, 50 * HF_MS);
        now = hf_host_now(t->network.host);
    }
    views_draw(&t->network.views);
    if (status < 0 && !judge(t, plan, now - began))
        status = EXIT_FAILED;
    if (network_interrupts(&t->network))
        status = EXIT_INTERRUPTED;
    close_socket(t, &t->linux_end.socket);
    close_socket(t, &t->listening);
    return status;
}

static int all_stories(struct tale *t)
{
    uint16_t port = FIRST_PORT;
    int told = 0;
    static const enum hf_family families[] = {HF_IPV4, HF_IPV6};
    for (int i = 0; i < 2; i++) {
        enum hf_family family = families[i];
        if (!first_of(&common.addrs, family) || !first_of(&common.host_addrs, family))
            continue;
        for (int which = 0; which < 4; which++) {
            struct plan plan = {family, which < 2, which % 2 == 0};
            int status = tell(t, &plan, port++);
            if (status >= 0)
                return status;
            told++;
        }
    }
    (void)printf("%d stories with Linux: every byte arrived, every connection closed in order\n",
                 told);
    return told > 0 ? EXIT_FINE
                    : failure(&demo_command, "no addresses of one family on both sides");
}

static int inside(void *context)
{
    static struct tale tale;
    struct utsname system;
    struct network_config config = {
        .on_event = on_event,
        .on_ready = on_ready,
        .context = &tale,
        .ladder_to = stdout,
        .peer_name = "Linux",
        .whole = demo_options.whole,
        .absolute = demo_options.absolute,
        .svg = demo_options.svg,
        .diagram = demo_options.diagram,
    };
    (void)context;
    if (!common.msl)
        common.msl = MSL;
    int status = network_open(&tale.network, &demo_command, &config);
    if (status >= 0)
        return status;
    (void)uname(&system);
    (void)printf(
        "%s %s over %s, MTU %u, in a network namespace of its own.\n"
        "Handfast's MSL is %g s here (30 s by default), so its TIME-WAIT ends after %g s.\n\n",
        system.sysname, system.release, hf_link_name(tale.network.link),
        hf_link_mtu(tale.network.link), (double)common.msl / (double)HF_SEC,
        2 * (double)common.msl / (double)HF_SEC);
    status = all_stories(&tale);
    int bad = network_close(&tale.network);
    return status == EXIT_FINE && bad >= 0 ? bad : status;
}

int demo_with_linux(void)
{
    return namespace_run(&demo_command, inside, NULL);
}
