/* Handfast's part of the benchmark: two stacks with the default settings (timestamps, SACK, window
 * scale), packets handed from one's output to the other's input, checksums made and verified.
 *
 * Time is virtual and moves so that about TIME_WAITS entries are in TIME-WAIT all the time and run
 * out after their 2MSL: keeping and ending them is part of the work. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/recorder.h>
#include <handfast/settings.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>

#define BATCH 64u
#define PIECE 65536u
#define TIME_WAITS 16384
#define PORTS 16u /* server ports, so that pairs do not run out                               */
#define FIRST_PORT 1000

enum { CLIENT, SERVER };

/* ---- An allocator that counts ---- */

struct count {
    size_t bytes;
};

static void *counted_alloc(void *context, size_t size)
{
    ((struct count *)context)->bytes += size;
    return malloc(size);
}

static void counted_free(void *context, void *memory, size_t size)
{
    if (memory == NULL)
        return;
    ((struct count *)context)->bytes -= size;
    free(memory);
}

/* ---- Two ends ---- */

static struct {
    struct hf_stack *stack[2];
    struct hf_recorder *recorder[2];
    struct count memory[2];
    hf_listener listeners[PORTS];
    hf_time now;
    uint64_t packets;
    hf_conn sending, receiving;
    unsigned next_port;
    struct hf_packet batch[BATCH];
    uint8_t piece[PIECE];
} two;

static struct hf_addr address_of(int end)
{
    return (struct hf_addr){.family = HF_IPV4, .bytes = {10, 0, 0, (uint8_t)(end + 1)}};
}

static void must(int64_t result, const char *what)
{
    if (result < 0)
        bench_fail("Handfast: %s: %s", what, hf_err_text((int)result));
}

static bool recording, offloading, merging;

void bench_handfast_merge(bool on)
{
    merging = on;
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
    two.recorder[end] = hf_recorder_create(&recorder);
    if (two.recorder[end] == NULL)
        bench_fail("Handfast: no memory for a recorder");
    config->trace = hf_recorder_record;
    config->trace_context = two.recorder[end];
}

static void make_end(int end)
{
    struct hf_stack_config config;
    int err = 0;
    hf_stack_config_init(&config);
    config.id = (uint16_t)(end + 1);
    config.allocator = (struct hf_allocator){counted_alloc, counted_free, &two.memory[end]};
    config.memory_limit = (size_t)1 << 30;
    config.connections_max = 200000;
    memset(config.seed, end + 1, sizeof config.seed);
    record(end, &config);
    two.stack[end] = hf_stack_create(&config, &err);
    must(err, "hf_stack_create");

    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    if (offloading) { /* as a TUN device that is given super-segments */
        link.gso_max = 65535;
        link.features = HF_LINK_CHECKSUM_OUT | HF_LINK_TRUSTED;
    }
    if (merging)
        link.features |= HF_LINK_MERGE;
    struct hf_addr addr = address_of(end);
    must(hf_stack_add_link(two.stack[end], &link), "hf_stack_add_link");
    must(hf_stack_add_address(two.stack[end], 1, &addr, 24), "hf_stack_add_address");
}

static void begin(void)
{
    memset(&two, 0, sizeof two);
    make_end(CLIENT);
    make_end(SERVER);
    for (unsigned i = 0; i < PORTS; i++) {
        struct hf_listen listen = {.size = sizeof listen, .backlog = 4096};
        listen.local.port = (uint16_t)(FIRST_PORT + i);
        must(hf_tcp_listen(two.stack[SERVER], &listen, &two.listeners[i]), "hf_tcp_listen");
    }
}

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        const char *wrong = hf_stack_check(two.stack[i]);
        if (wrong != NULL)
            bench_fail("Handfast: %s", wrong);
        hf_stack_destroy(two.stack[i]);
        hf_recorder_destroy(two.recorder[i]);
        if (two.memory[i].bytes != 0)
            bench_fail("Handfast: %zu bytes not given back", two.memory[i].bytes);
    }
}

/* One batch from one end to the other. Returns how many packets that were. */
static size_t carry(int from)
{
    size_t n = hf_stack_output(two.stack[from], 1, two.batch, BATCH, two.now);
    if (n == 0)
        return 0;
    hf_stack_input(two.stack[1 - from], 1, two.batch, n, two.now);
    hf_stack_sent(two.stack[from], two.batch, n);
    two.packets += n;
    return n;
}

static hf_conn open_one(void)
{
    struct hf_open open = {.size = sizeof open};
    hf_conn conn;
    open.remote.addr = address_of(SERVER);
    open.remote.port = (uint16_t)(FIRST_PORT + two.next_port++ % PORTS);
    must(hf_tcp_open(two.stack[CLIENT], &open, &conn), "hf_tcp_open");
    return conn;
}

/* ---- Connections ---- */

/* What the client does: it closes when its connection is open. */
static void client_reacts(bool close)
{
    struct hf_event events[BATCH];
    size_t n;
    do {
        n = hf_stack_events(two.stack[CLIENT], events, BATCH);
        for (size_t i = 0; close && i < n; i++) {
            if (events[i].bits & HF_EVENT_ENDED)
                bench_fail("Handfast: a connection ended: %s",
                           hf_cause_text((int)events[i].cause));
            if (events[i].bits & HF_EVENT_CONNECTED)
                must(hf_tcp_close(two.stack[CLIENT], events[i].handle), "hf_tcp_close");
        }
    } while (n == BATCH);
}

/* The server accepts, and closes when the client has. Returns how many connections it closed. */
static unsigned server_reacts(bool close)
{
    struct hf_event events[BATCH];
    unsigned closed = 0;
    size_t n;
    while ((n = hf_stack_events(two.stack[SERVER], events, BATCH)) > 0) { /* accept brings news */
        for (size_t i = 0; i < n; i++) {
            hf_conn conn;
            if (events[i].bits & HF_EVENT_ACCEPT)
                while (hf_tcp_accept(two.stack[SERVER], events[i].handle, 0, &conn) > 0)
                    two.receiving = conn;
            if ((events[i].bits & HF_EVENT_EOF) && close) {
                must(hf_tcp_close(two.stack[SERVER], events[i].handle), "hf_tcp_close");
                closed++;
            }
        }
    }
    return closed;
}

/* Let packets and reactions follow each other until one end has nothing to say: the other has then
 * heard nothing new. */
static unsigned settle(bool close)
{
    unsigned closed = 0;
    for (;;) {
        size_t sent = carry(CLIENT);
        closed += server_reacts(close);
        size_t answered = carry(SERVER);
        client_reacts(close);
        if (answered == 0 && sent < BATCH)
            return closed;
    }
}

static uint64_t connections(uint64_t n, unsigned burst)
{
    uint64_t before = two.packets;
    for (uint64_t done = 0; done < n; done += burst) {
        for (unsigned i = 0; i < burst; i++)
            open_one();
        unsigned closed = settle(true);
        if (closed != burst)
            bench_fail("Handfast: %u of %u connections were closed", closed, burst);
        two.now += burst * (60 * HF_SEC / TIME_WAITS);
        hf_stack_timers(two.stack[CLIENT], two.now);
        hf_stack_timers(two.stack[SERVER], two.now);
    }
    return two.packets - before;
}

/* ---- Transfer ---- */

static void fill(enum bench_way way)
{
    for (;;) {
        if (way == BENCH_COPY) {
            int64_t n = hf_tcp_send(two.stack[CLIENT], two.sending, two.piece, PIECE, 0);
            must(n, "hf_tcp_send");
            if (n == 0)
                return;
        } else {
            void *room;
            size_t len;
            int result = hf_tcp_reserve(two.stack[CLIENT], two.sending, PIECE, &room, &len);
            if (result == HF_ERR_LIMIT)
                return;
            must(result, "hf_tcp_reserve");
            must(hf_tcp_commit(two.stack[CLIENT], two.sending, len, 0), "hf_tcp_commit");
        }
    }
}

static uint64_t drain(enum bench_way way)
{
    uint64_t bytes = 0;
    for (;;) {
        const void *data;
        int64_t n = way == BENCH_COPY
                        ? hf_tcp_recv(two.stack[SERVER], two.receiving, two.piece, PIECE)
                        : hf_tcp_peek(two.stack[SERVER], two.receiving, &data);
        must(n, "receiving");
        if (n == 0)
            return bytes;
        if (way == BENCH_ZERO_COPY)
            must(hf_tcp_consume(two.stack[SERVER], two.receiving, (size_t)n), "hf_tcp_consume");
        bytes += (uint64_t)n;
    }
}

static uint64_t transfer(uint64_t bytes, enum bench_way way)
{
    uint64_t arrived = 0;
    if (two.sending == 0) {
        two.sending = open_one();
        settle(false);
    }
    unsigned idle = 0;
    while (arrived < bytes) {
        fill(way);
        size_t moved = carry(CLIENT);
        uint64_t got = drain(way);
        moved += carry(SERVER);
        client_reacts(false);
        arrived += got;
        two.now += moved > 0 ? 10 * HF_US : HF_MS;
        hf_stack_timers(two.stack[CLIENT], two.now);
        hf_stack_timers(two.stack[SERVER], two.now);
        idle = got > 0 ? 0 : idle + 1;
        if (idle > 10000)
            bench_fail("Handfast: the transfer stands still");
    }
    return arrived;
}

/* ---- Memory ---- */

static struct hf_stack_counters counters_of(int who)
{
    struct hf_stack_counters counters;
    hf_stack_counters(two.stack[who], &counters);
    return counters;
}

static void expect(const char *what, unsigned have, unsigned want)
{
    if (have != want)
        bench_fail("Handfast: %u %s, not %u", have, what, want);
}

/* Make n entries by `make` and look at the memory of one end on the way. */
static struct bench_memory measure(int who, unsigned n, void (*make)(void))
{
    size_t bytes[BENCH_STEPS + 1];
    for (unsigned step = 0, made = 0; step <= BENCH_STEPS; step++) {
        for (; made < n * step / BENCH_STEPS; made++)
            make();
        bytes[step] = two.memory[who].bytes;
        if (counters_of(who).memory != bytes[step])
            bench_fail("Handfast: counts %zu bytes of memory, but was given %zu",
                       counters_of(who).memory, bytes[step]);
    }
    return bench_memory_of(bytes, n);
}

static void make_idle(void)
{
    open_one();
    settle(false);
    /* Quiet: nothing is left to be sent, what was kept for the handshake is given back. */
    two.now += 50 * HF_MS;
    hf_stack_timers(two.stack[CLIENT], two.now);
    hf_stack_timers(two.stack[SERVER], two.now);
    settle(false);
}

static struct bench_memory idle(unsigned n)
{
    begin();
    struct bench_memory memory = measure(SERVER, n, make_idle);
    expect("idle connections", counters_of(SERVER).connections, n);
    end();
    return memory;
}

static void make_half_open(void)
{
    open_one();
    carry(CLIENT);
    size_t lost = hf_stack_output(two.stack[SERVER], 1, two.batch, BATCH, two.now);
    hf_stack_sent(two.stack[SERVER], two.batch, lost);
}

static struct bench_memory half_open(unsigned n)
{
    begin();
    struct bench_memory memory = measure(SERVER, n, make_half_open);
    expect("half-open connections", counters_of(SERVER).half_open, n);
    end();
    return memory;
}

static void make_time_wait(void)
{
    open_one();
    settle(true);
}

static struct bench_memory time_wait(unsigned n)
{
    begin();
    struct bench_memory memory = measure(CLIENT, n, make_time_wait);
    expect("connections in TIME-WAIT", counters_of(CLIENT).time_wait, n);
    end();
    return memory;
}

const struct bench_subject bench_handfast = {
    .name = "Handfast",
    .begin = begin,
    .end = end,
    .connections = connections,
    .transfer = transfer,
    .idle = idle,
    .half_open = half_open,
    .time_wait = time_wait,
};
