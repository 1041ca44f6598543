/* lwIP's part of the benchmark: the system's library through its raw API, without its thread.
 *
 * Two network interfaces in one subnet, each with a queue of ours; tcp_bind_netif keeps the two
 * ends of a connection apart, as both live in lwIP's one list. Its entries in TIME-WAIT are ended
 * here at once: it finds connections by walking lists, and would be measured doing that. */
#include "lwip.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>

#define QUEUE 4096u /* power of two                                                           */
#define PIECE 65536u
#define PORT 1000
#define BACKLOG 192

enum { CLIENT, SERVER };

struct queue {
    struct pbuf *list[QUEUE];
    unsigned first, count;
};

static struct {
    bool ready;
    struct netif netif[2];
    struct queue queue[2]; /* sent by each end                                                */
    struct tcp_pcb *listening;
    struct tcp_pcb *sending;
    uint64_t packets, arrived;
    unsigned opened, closed;
    bool close_when_open;
    bool echo; /* the server sends back what comes                                            */
    bool drop; /* what the server sends is lost                                               */
    enum bench_way way;
    uint8_t piece[PIECE];
} two;

static void must(err_t err, const char *what)
{
    if (err != ERR_OK)
        bench_fail("lwIP: %s: error %d", what, (int)err);
}

/* ---- Checksum ---- */

static bool fast_checksum;

void bench_lwip_fast_checksum(bool on)
{
    fast_checksum = on;
}

/* Ones-complement sum in 64-bit words; in the byte order of memory, as lwIP's own. */
static uint16_t fast_sum(const uint8_t *at, int len)
{
    uint64_t sum = 0;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sum += word;
        sum += sum < word;
    }
    uint64_t rest = 0;
    memcpy(&rest, at, (size_t)len);
    sum += rest;
    sum += sum < rest;
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Takes the place of the library's function of this name, which is what it calls for every sum. */
__attribute__((visibility("default"))) u16_t lwip_standard_chksum(const void *data, int len);

u16_t lwip_standard_chksum(const void *data, int len)
{
    static u16_t (*own)(const void *, int);
    if (fast_checksum)
        return fast_sum(data, len);
    if (own == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "lwip_standard_chksum");
        if (symbol == NULL)
            bench_fail("lwIP: no lwip_standard_chksum in the library");
        memcpy(&own, &symbol, sizeof own);
    }
    return own(data, len);
}

/* ---- Two interfaces ---- */

static err_t interface_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    (void)to;
    int end = netif == &two.netif[SERVER];
    struct queue *queue = &two.queue[end];
    if (two.drop && end == SERVER)
        return ERR_OK;
    if (queue->count == QUEUE)
        return ERR_MEM;
    /* What TCP sent stays in its queue: the other end, which strips headers, gets a copy. */
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (copy == NULL)
        return ERR_MEM;
    queue->list[(queue->first + queue->count++) % QUEUE] = copy;
    return ERR_OK;
}

static err_t interface_init(struct netif *netif)
{
    netif->name[0] = 'b';
    netif->name[1] = 'n';
    netif->mtu = 1500;
    netif->output = interface_output;
    netif->flags = NETIF_FLAG_UP | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static bool carry(int from)
{
    struct queue *queue = &two.queue[from];
    struct netif *to = &two.netif[1 - from];
    bool moved = queue->count > 0;
    while (queue->count > 0) {
        struct pbuf *p = queue->list[queue->first++ % QUEUE];
        queue->count--;
        two.packets++;
        must(to->input(p, to), "input");
    }
    return moved;
}

static void settle(void)
{
    bool moved;
    do {
        moved = carry(CLIENT);
        moved = carry(SERVER) || moved;
    } while (moved);
}

/* ---- Connections ---- */

static err_t on_server_received(void *context, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)context;
    (void)err;
    if (p == NULL) {
        two.closed++;
        return tcp_close(pcb);
    }
    if (two.way == BENCH_COPY)
        pbuf_copy_partial(p, two.piece, p->tot_len, 0);
    two.arrived += p->tot_len;
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return ERR_OK;
}

static err_t on_to_be_echoed(void *context, struct tcp_pcb *pcb, struct pbuf *p, err_t err);

static err_t on_accept(void *context, struct tcp_pcb *pcb, err_t err)
{
    (void)context;
    must(err, "accept");
    tcp_recv(pcb, two.echo ? on_to_be_echoed : on_server_received);
    return ERR_OK;
}

static err_t on_connected(void *context, struct tcp_pcb *pcb, err_t err)
{
    (void)context;
    must(err, "connect");
    two.opened++;
    return two.close_when_open ? tcp_close(pcb) : ERR_OK;
}

static struct tcp_pcb *open_one(void)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (pcb == NULL)
        bench_fail("lwIP: no memory for a connection");
    tcp_bind_netif(pcb, &two.netif[CLIENT]);
    must(tcp_connect(pcb, netif_ip_addr4(&two.netif[SERVER]), PORT, on_connected), "tcp_connect");
    return pcb;
}

/* Those that were put there stay. New ones come in front of them. */
static struct tcp_pcb *last_other;

static void reap(void)
{
    while (tcp_tw_pcbs != last_other)
        tcp_abort(tcp_tw_pcbs);
}

static void begin(void)
{
    memset(two.queue, 0, sizeof two.queue);
    two.packets = two.arrived = two.opened = two.closed = 0;
    two.sending = NULL;
    two.drop = false;
    if (!two.ready) {
        lwip_init();
        for (int i = 0; i < 2; i++) {
            ip4_addr_t address, mask, gateway;
            IP4_ADDR(&address, 10, 0, 0, i + 1);
            IP4_ADDR(&mask, 255, 255, 255, 0);
            IP4_ADDR(&gateway, 0, 0, 0, 0);
            if (netif_add(&two.netif[i], &address, &mask, &gateway, NULL, interface_init,
                          ip_input) == NULL)
                bench_fail("lwIP: netif_add");
        }
        two.ready = true;
    }
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (pcb == NULL)
        bench_fail("lwIP: no memory");
    ip_set_option(pcb, SOF_REUSEADDR);
    must(tcp_bind(pcb, netif_ip_addr4(&two.netif[SERVER]), PORT), "tcp_bind");
    tcp_bind_netif(pcb, &two.netif[SERVER]);
    two.listening = tcp_listen_with_backlog(pcb, BACKLOG);
    if (two.listening == NULL)
        bench_fail("lwIP: tcp_listen");
    tcp_accept(two.listening, on_accept);
}

static void end(void)
{
    while (tcp_active_pcbs != NULL)
        tcp_abandon(tcp_active_pcbs, 0); /* without a reset                                   */
    two.drop = two.echo = false;
    settle();
    last_other = NULL;
    reap();
    must(tcp_close(two.listening), "tcp_close");
}

static uint64_t connections(uint64_t n, unsigned burst)
{
    uint64_t before = two.packets;
    two.close_when_open = true;
    for (uint64_t done = 0; done < n; done += burst) {
        two.opened = two.closed = 0;
        for (unsigned i = 0; i < burst; i++)
            open_one();
        settle();
        if (two.opened != burst || two.closed != burst)
            bench_fail("lwIP: %u of %u connections were closed", two.closed, burst);
        reap();
    }
    sys_check_timeouts();
    return two.packets - before;
}

/* ---- Transfer ---- */

static uint64_t transfer(uint64_t bytes, enum bench_way way)
{
    two.way = way;
    two.close_when_open = false;
    if (two.sending == NULL) {
        two.sending = open_one();
        settle();
    }
    two.arrived = 0;
    unsigned round = 0;
    while (two.arrived < bytes) {
        u8_t flags = way == BENCH_COPY ? TCP_WRITE_FLAG_COPY : 0;
        for (;;) {
            u16_t room = tcp_sndbuf(two.sending);
            if (room == 0 || tcp_write(two.sending, two.piece, room, flags) != ERR_OK)
                break;
        }
        must(tcp_output(two.sending), "tcp_output");
        carry(CLIENT);
        carry(SERVER);
        if (++round % 64 == 0)
            sys_check_timeouts();
    }
    return two.arrived;
}

/* ---- Others ---- */

/* Connections that are put on lwIP's lists as they are: to open so many one by one would take it
 * very long. Nothing is ever sent to them. */
static void add_other(struct tcp_pcb **list, enum tcp_state state, unsigned i)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (pcb == NULL)
        bench_fail("lwIP: no memory for a connection");
    pcb->local_ip = *netif_ip_addr4(&two.netif[SERVER]);
    pcb->remote_ip = *netif_ip_addr4(&two.netif[CLIENT]);
    pcb->local_port = (u16_t)(2000 + i / 1000);
    pcb->remote_port = (u16_t)(20000 + i % 1000);
    pcb->state = state;
    pcb->next = *list;
    *list = pcb;
}

void bench_lwip_others(unsigned open, unsigned time_waits)
{
    for (unsigned i = 0; i < open; i++)
        add_other(&tcp_active_pcbs, ESTABLISHED, i);
    for (unsigned i = 0; i < time_waits; i++)
        add_other(&tcp_tw_pcbs, TIME_WAIT, i);
    last_other = tcp_tw_pcbs;
}

/* ---- Round trips ---- */

static unsigned came;

static err_t on_echo(void *context, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)context;
    (void)err;
    if (p != NULL) {
        came++;
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
    }
    return ERR_OK;
}

static err_t on_to_be_echoed(void *context, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)context;
    (void)err;
    if (p != NULL) {
        tcp_recved(pcb, p->tot_len);
        must(tcp_write(pcb, p->payload, p->len, TCP_WRITE_FLAG_COPY), "tcp_write");
        pbuf_free(p);
    }
    return ERR_OK;
}

static struct tcp_pcb *set[1024];
static unsigned set_count, set_next;

void bench_lwip_set(unsigned n)
{
    two.close_when_open = false;
    two.echo = true;
    for (set_count = set_next = 0; set_count < n; set_count++) {
        set[set_count] = open_one();
        settle();
        tcp_recv(set[set_count], on_echo);
    }
}

void bench_lwip_round_trips(uint64_t n, unsigned burst)
{
    char octet = 1;
    for (uint64_t done = 0; done < n; done += burst) {
        came = 0;
        for (unsigned i = 0; i < burst; i++) {
            struct tcp_pcb *pcb = set[set_next];
            set_next = set_next + 1 < set_count ? set_next + 1 : 0;
            must(tcp_write(pcb, &octet, 1, TCP_WRITE_FLAG_COPY), "tcp_write");
            must(tcp_output(pcb), "tcp_output");
        }
        settle();
        if (came != burst)
            bench_fail("lwIP: %u of %u octets came back", came, burst);
    }
    sys_check_timeouts();
}

/* ---- Memory ---- */

static void make_one(void)
{
    open_one();
    settle();
}

static void make_half_open(void)
{
    open_one();
    carry(CLIENT);
    /* The opening end is not to be counted, and lwIP has one list for both. */
    struct tcp_pcb *pcb = tcp_active_pcbs;
    while (pcb != NULL && pcb->state != SYN_SENT)
        pcb = pcb->next;
    if (pcb == NULL)
        bench_fail("lwIP: the connection that was opened is not there");
    tcp_abandon(pcb, 0);
}

struct entries {
    void (*make)(void);
    unsigned n, ends; /* each makes so many                                                   */
    bool close, drop;
};

static double resident(const void *context)
{
    const struct entries *e = context;
    bench_lwip.begin();
    two.close_when_open = e->close;
    two.drop = e->drop;
    e->make();
    size_t before = bench_resident_bytes();
    for (unsigned i = 0; i < e->n; i++)
        e->make();
    return ((double)bench_resident_bytes() - (double)before) / e->n / e->ends;
}

double bench_lwip_resident(enum bench_lwip_entry kind)
{
    static const struct entries kinds[] = {
        [BENCH_LWIP_IDLE] = {.make = make_one, .n = 4096, .ends = 2},
        [BENCH_LWIP_HALF_OPEN] = {.make = make_half_open,
                                  .n = BACKLOG - 1,
                                  .ends = 1,
                                  .drop = true},
        [BENCH_LWIP_TIME_WAIT] = {.make = make_one, .n = 4096, .ends = 1, .close = true},
    };
    return bench_in_child(resident, &kinds[kind]);
}

const struct bench_subject bench_lwip = {
    .name = "lwIP",
    .begin = begin,
    .end = end,
    .connections = connections,
    .transfer = transfer,
};
