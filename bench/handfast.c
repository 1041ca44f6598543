/* Handfast's part of the benchmark: two stacks with the default settings (timestamps, SACK, window
 * scale), packets handed from one's output to the other's input, checksums made and verified.
 *
 * Time is virtual and moves so that about as many entries as the shape says are in TIME-WAIT all the
 * time and run out after their 2MSL: keeping and ending them is part of the work. */
#include "handfast.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/host.h>

#define PIECE BENCH_PIECE
#define BATCH BENCH_BATCH
#define RUNS 2u /* in a transfer that hands over runs: what lies in a cache              */
#define FIRST_PORT 1000
#define TWO_MSL (60 * HF_SEC)

/* ---- An allocator that counts ---- */

static void *counted_alloc(void *context, size_t size)
{
    ((struct bench_count *)context)->bytes += size;
    return malloc(size);
}

static void counted_free(void *context, void *memory, size_t size)
{
    if (memory == NULL)
        return;
    ((struct bench_count *)context)->bytes -= size;
    free(memory);
}

/* ---- Two ends ---- */

struct bench_two *two;

const struct bench_shape bench_usual = {.time_waits = 16384, .backlog = 4096, .quick_acks = true};

static struct hf_addr server_address(unsigned which)
{
    return two->shape.ipv6
               ? (struct hf_addr){.family = HF_IPV6, .bytes = {0xfd, [15] = (uint8_t)(which + 2)}}
               : (struct hf_addr){.family = HF_IPV4, .bytes = {10, 0, 0, (uint8_t)(which + 2)}};
}

static struct hf_addr client_address(void)
{
    return two->shape.ipv6 ? (struct hf_addr){.family = HF_IPV6, .bytes = {0xfd, [15] = 1}}
                           : (struct hf_addr){.family = HF_IPV4, .bytes = {10, 0, 0, 1}};
}

void bench_must(int64_t result, const char *what)
{
    if (result < 0)
        bench_fail("Handfast: %s: %s", what, hf_err_text((int)result));
}

static bool recording, offloading, merging, cutting;

static uint32_t mtu = 1500;

void bench_handfast_mtu(uint32_t bytes)
{
    mtu = bytes;
}

void bench_handfast_runs(bool cut, bool merge)
{
    cutting = cut;
    merging = merge;
}

void bench_handfast_record(bool on, bool offload)
{
    recording = on;
    offloading = offload;
}

static void record(int end, struct hf_stack_config *config)
{
    struct hf_recorder_config recorder = {.size = sizeof recorder};
    if (!recording)
        return;
    two->recorder[end] = hf_recorder_create(&recorder);
    if (two->recorder[end] == NULL)
        bench_fail("Handfast: no memory for a recorder");
    hf_recorder_attach(two->recorder[end], config);
}

static void make_end(int end)
{
    struct hf_stack_config config;
    int err = 0;
    hf_stack_config_init(&config);
    config.id = (uint16_t)(end + 1);
    config.allocator = (struct hf_allocator){counted_alloc, counted_free, &two->memory[end]};
    config.memory_limit = (size_t)4 << 30;
    config.connections_max = 1100000;
    config.settings.half_open_max = 200000;
    config.settings.time_wait_max = 1100000;
    if (!two->shape.quick_acks)
        config.settings.quick_acks = 0;
    if (two->shape.allocator.alloc != NULL && end == two->shape.apart)
        config.allocator = two->shape.allocator;
    config.checksum = hf_host_checksum();
    memset(config.seed, end + 1, sizeof config.seed);
    record(end, &config);
    two->stack[end] = hf_stack_create(&config, &err);
    bench_must(err, "hf_stack_create");

    struct hf_link_config link = {.size = sizeof link, .mtu = mtu};
    if (offloading) { /* as a TUN device that is given super-segments */
        link.gso_max = 65535;
        link.features = HF_LINK_CHECKSUM_OUT | HF_LINK_TRUSTED;
    }
    if (cutting && !offloading) /* as a host does for a link that cannot */
        link.gso_max = 65535;
    if (merging)
        link.features |= HF_LINK_MERGE;
    bench_must(hf_stack_add_link(two->stack[end], &link), "hf_stack_add_link");
    unsigned prefix = two->shape.ipv6 ? 64 : 24;
    for (unsigned i = 0; i < (end == BENCH_CLIENT ? 1 : BENCH_ADDRESSES); i++) {
        struct hf_addr addr = end == BENCH_CLIENT ? client_address() : server_address(i);
        bench_must(hf_stack_add_address(two->stack[end], 1, &addr, prefix),
                   "hf_stack_add_address");
    }
}

struct bench_two *bench_two_make(const struct bench_shape *shape)
{
    struct bench_two *made = calloc(1, sizeof *made);
    if (made == NULL)
        bench_fail("no memory");
    two = made;
    two->shape = *shape;
    make_end(BENCH_CLIENT);
    make_end(BENCH_SERVER);
    for (unsigned i = 0; i < BENCH_PORTS; i++) {
        struct hf_listen listen = {.size = sizeof listen, .backlog = shape->backlog};
        listen.local.port = (uint16_t)(FIRST_PORT + i);
        bench_must(hf_tcp_listen(two->stack[BENCH_SERVER], &listen, &two->listeners[i]),
                   "hf_tcp_listen");
    }
    return two;
}

void bench_two_end(int which)
{
    const char *wrong = hf_stack_check(two->stack[which]);
    if (wrong != NULL)
        bench_fail("Handfast: %s", wrong);
    hf_stack_destroy(two->stack[which]);
    hf_recorder_destroy(two->recorder[which]);
    two->stack[which] = NULL;
    if (two->memory[which].bytes != 0)
        bench_fail("Handfast: %zu bytes not given back", two->memory[which].bytes);
}

void bench_two_free(struct bench_two *over)
{
    two = over;
    for (int i = 0; i < 2; i++)
        if (two->stack[i] != NULL)
            bench_two_end(i);
    free(over->set);
    free(over);
    two = NULL;
}

static void begin(void)
{
    bench_two_make(&bench_usual);
}

static void end(void)
{
    bench_two_free(two);
}

struct hf_stack_counters bench_counters(int which)
{
    struct hf_stack_counters counters;
    hf_stack_counters(two->stack[which], &counters);
    return counters;
}

void bench_expect(const char *what, unsigned have, unsigned want)
{
    if (have != want)
        bench_fail("Handfast: %u %s, not %u", have, what, want);
}

/* A packet of its own for each segment of a run. Returns how many. */
static size_t carry_run(int to, const struct hf_packet *run)
{
    size_t sent = 0;
    for (size_t n;
         (n = hf_packet_cut(run, (uint32_t)sent, two->cut, BENCH_BATCH, hf_host_checksum())) > 0;
         sent += n)
        hf_stack_input(two->stack[to], 1, two->cut, n, two->now);
    return sent;
}

static size_t carry(int from, size_t room)
{
    size_t n = hf_stack_output(two->stack[from], 1, two->batch, room, two->now), sent = 0;
    for (size_t i = 0, plain; i < n; i += plain) {
        plain = 0;
        while (i + plain < n && (offloading || two->batch[i + plain].segments == 1))
            plain++;
        if (plain > 0)
            hf_stack_input(two->stack[1 - from], 1, two->batch + i, plain, two->now);
        sent += plain;
        if (plain == 0) {
            sent += carry_run(1 - from, &two->batch[i]);
            plain = 1;
        }
    }
    hf_stack_sent(two->stack[from], two->batch, n);
    two->packets += sent;
    return sent;
}

size_t bench_carry(int from)
{
    if (cutting)
        return carry(from, BATCH);
    size_t n = hf_stack_output(two->stack[from], 1, two->batch, BATCH, two->now);
    if (n == 0)
        return 0;
    hf_stack_input(two->stack[1 - from], 1, two->batch, n, two->now);
    hf_stack_sent(two->stack[from], two->batch, n);
    two->packets += n;
    return n;
}

void bench_pass(hf_time time)
{
    two->now += time;
    hf_stack_timers(two->stack[BENCH_CLIENT], two->now);
    hf_stack_timers(two->stack[BENCH_SERVER], two->now);
}

hf_conn bench_open(void)
{
    struct hf_open open = {.size = sizeof open};
    hf_conn conn;
    unsigned place = two->opened++;
    open.remote.addr = server_address(place / BENCH_PORTS % BENCH_ADDRESSES);
    open.remote.port = (uint16_t)(FIRST_PORT + place % BENCH_PORTS);
    bench_must(hf_tcp_open(two->stack[BENCH_CLIENT], &open, &conn), "hf_tcp_open");
    return conn;
}

/* ---- Connections ---- */

/* What the client does: it closes when its connection is open. */
static void client_reacts(bool close)
{
    struct hf_event events[BATCH];
    size_t n;
    do {
        n = hf_stack_events(two->stack[BENCH_CLIENT], events, BATCH);
        for (size_t i = 0; close && i < n; i++) {
            if (events[i].bits & HF_EVENT_ENDED)
                bench_fail("Handfast: a connection ended: %s",
                           hf_cause_text((int)events[i].cause));
            if (events[i].bits & HF_EVENT_CONNECTED)
                bench_must(hf_tcp_close(two->stack[BENCH_CLIENT], events[i].handle),
                           "hf_tcp_close");
        }
    } while (n == BATCH);
}

/* The server accepts, and closes when the client has. Returns how many connections it closed. */
static unsigned server_reacts(bool close)
{
    struct hf_event events[BATCH];
    unsigned closed = 0;
    size_t n;
    while ((n = hf_stack_events(two->stack[BENCH_SERVER], events, BATCH)) >
           0) { /* accept brings news */
        for (size_t i = 0; i < n; i++) {
            hf_conn conn;
            if (events[i].bits & HF_EVENT_ACCEPT)
                while (hf_tcp_accept(two->stack[BENCH_SERVER], events[i].handle, 0, &conn) > 0)
                    two->receiving = conn;
            if ((events[i].bits & HF_EVENT_EOF) && close) {
                bench_must(hf_tcp_close(two->stack[BENCH_SERVER], events[i].handle),
                           "hf_tcp_close");
                closed++;
            }
        }
    }
    return closed;
}

/* Let packets and reactions follow each other until one end has nothing to say: the other has then
 * heard nothing new. */
unsigned bench_settle(bool close)
{
    unsigned closed = 0;
    for (;;) {
        size_t sent = bench_carry(BENCH_CLIENT);
        closed += server_reacts(close);
        size_t answered = bench_carry(BENCH_SERVER);
        client_reacts(close);
        if (answered == 0 && sent < BATCH)
            return closed;
    }
}

uint64_t bench_connections(uint64_t n, unsigned burst)
{
    uint64_t before = two->packets;
    for (uint64_t done = 0; done < n; done += burst) {
        for (unsigned i = 0; i < burst; i++)
            bench_open();
        unsigned closed = bench_settle(true);
        if (closed != burst)
            bench_fail("Handfast: %u of %u connections were closed", closed, burst);
        bench_pass(burst * (TWO_MSL / two->shape.time_waits));
    }
    return two->packets - before;
}

/* ---- Transfer ---- */

static void fill(enum bench_way way)
{
    for (;;) {
        if (way == BENCH_COPY) {
            int64_t n = hf_tcp_send(two->stack[BENCH_CLIENT], two->sending, two->piece, PIECE, 0);
            bench_must(n, "hf_tcp_send");
            if (n == 0)
                return;
        } else {
            void *room;
            size_t len;
            int result =
                hf_tcp_reserve(two->stack[BENCH_CLIENT], two->sending, PIECE, &room, &len);
            if (result == HF_ERR_LIMIT)
                return;
            bench_must(result, "hf_tcp_reserve");
            bench_must(hf_tcp_commit(two->stack[BENCH_CLIENT], two->sending, len, 0),
                       "hf_tcp_commit");
        }
    }
}

static uint64_t drain(enum bench_way way)
{
    uint64_t bytes = 0;
    for (;;) {
        const void *data;
        int64_t n = way == BENCH_COPY
                        ? hf_tcp_recv(two->stack[BENCH_SERVER], two->receiving, two->piece, PIECE)
                        : hf_tcp_peek(two->stack[BENCH_SERVER], two->receiving, &data);
        bench_must(n, "receiving");
        if (n == 0)
            return bytes;
        if (way == BENCH_ZERO_COPY)
            bench_must(hf_tcp_consume(two->stack[BENCH_SERVER], two->receiving, (size_t)n),
                       "hf_tcp_consume");
        bytes += (uint64_t)n;
    }
}

static uint64_t transfer(uint64_t bytes, enum bench_way way)
{
    uint64_t arrived = 0;
    if (two->sending == 0) {
        two->sending = bench_open();
        bench_settle(false);
    }
    unsigned idle = 0;
    while (arrived < bytes) {
        fill(way);
        size_t moved = carry(BENCH_CLIENT, cutting || offloading || mtu > 9000 ? RUNS : BATCH);
        uint64_t got = drain(way);
        moved += bench_carry(BENCH_SERVER);
        client_reacts(false);
        arrived += got;
        bench_pass(moved > 0 ? 10 * HF_US : HF_MS);
        idle = got > 0 ? 0 : idle + 1;
        if (idle > 10000)
            bench_fail("Handfast: the transfer stands still");
    }
    return arrived;
}

const struct bench_subject bench_handfast = {
    .name = "Handfast",
    .begin = begin,
    .end = end,
    .connections = bench_connections,
    .transfer = transfer,
};
