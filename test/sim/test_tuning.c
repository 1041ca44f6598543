/* What tunes itself, on a whole path and with the settings as they are shipped: a long fat path is
 * filled, a thousand connections share little memory, and a path that swallows what is too big is found
 * out. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

#define PORT 80
#define CONNECTIONS_MAX 2000

struct flow {
    hf_conn out, in; /* the sender's handle and the receiver's; 0: over                       */
    struct hf_sim_oracle stream;
    uint64_t to_send;
    bool connected; /* a close before that would take the SYN back                            */
};

static struct world {
    struct hf_sim *sim;
    int client, server, wire;
    enum hf_family family;
    hf_listener listener;
    struct flow flow[CONNECTIONS_MAX];
    unsigned flows, over;
    bool lazy; /* the reader reads a little now and then                                      */
    size_t memory_peak[2];
    unsigned timeouts; /* RTOs of the client                                                  */
} w;

static bool soak(void)
{
    const char *asked = getenv("HF_SOAK");
    return check_soak() || (asked && strcmp(asked, "1") == 0);
}

/* The key of a flow is its place; the receiver learns it from the client's port. */
static uint16_t port_of(unsigned i)
{
    return (uint16_t)(20000 + i);
}

static void write_more(struct flow *f)
{
    struct hf_stack *stack = hf_sim_stack(w.sim, w.client);
    static uint8_t bytes[65536];
    while (f->out && f->stream.sent < f->to_send) {
        uint64_t left = f->to_send - f->stream.sent;
        size_t want = left < sizeof bytes ? (size_t)left : sizeof bytes;
        hf_sim_oracle_next(&f->stream, bytes, want);
        int64_t n = hf_tcp_send(stack, f->out, bytes, want, 0);
        if (n <= 0)
            return;
        hf_sim_oracle_sent(&f->stream, (size_t)n);
    }
    if (f->out && !f->stream.ended) {
        assert_int_equal(hf_tcp_shutdown(stack, f->out), 0);
        hf_sim_oracle_end(&f->stream);
    }
}

static void read_some(struct flow *f, uint64_t most)
{
    struct hf_stack *stack = hf_sim_stack(w.sim, w.server);
    static uint8_t bytes[65536];
    int64_t n = 0;
    while (f->in && most > 0) {
        n = hf_tcp_recv(stack, f->in, bytes, most < sizeof bytes ? (size_t)most : sizeof bytes);
        if (n <= 0)
            break;
        assert_int_equal(hf_sim_oracle_received(&f->stream, bytes, (size_t)n), 0);
        most -= (uint64_t)n;
    }
    if (n == HF_EOF && !f->stream.eof) {
        assert_int_equal(hf_sim_oracle_eof(&f->stream), 0);
        assert_int_equal(hf_tcp_shutdown(stack, f->in), 0);
    }
}

static void accept_all(void)
{
    struct hf_stack *stack = hf_sim_stack(w.sim, w.server);
    hf_conn conn;
    while (hf_tcp_accept(stack, w.listener, 0, &conn) == 1) {
        struct hf_tcp_status s = {.size = sizeof s};
        assert_int_equal(hf_tcp_status(stack, conn, &s), 0);
        unsigned i = s.remote.port - 20000u;
        assert_true(i < w.flows);
        w.flow[i].in = conn;
        assert_int_equal(hf_tcp_set(stack, conn, HF_OPTION_USER, i), 0);
        read_some(&w.flow[i], w.lazy ? 3000 : UINT64_MAX);
    }
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    (void)context;
    (void)sim;
    if (host == w.server && event->bits & HF_EVENT_ACCEPT) {
        accept_all();
        return;
    }
    struct flow *f = &w.flow[event->user];
    f->connected |= (event->bits & HF_EVENT_CONNECTED) != 0;
    if (host == w.client && f->connected)
        write_more(f);
    else if (host == w.server && (!w.lazy || event->bits & HF_EVENT_EOF))
        read_some(f, w.lazy ? 3000 : UINT64_MAX);
    if (!(event->bits & HF_EVENT_ENDED))
        return;
    if (event->cause != HF_CAUSE_CLOSED)
        fail_msg("connection %u ended at host %d: %s", (unsigned)event->user, host,
                 hf_cause_text((int)event->cause));
    hf_conn *end = host == w.client ? &f->out : &f->in;
    assert_int_equal(hf_tcp_close(hf_sim_stack(w.sim, host), *end), 0);
    *end = 0;
    w.over++;
}

/* The lazy reader's turn. */
static void on_wake(void *context, struct hf_sim *sim, int host, uint64_t value)
{
    (void)context;
    (void)value;
    for (unsigned i = 0; i < w.flows; i++)
        read_some(&w.flow[i], 3000);
    hf_sim_wake(sim, host, hf_sim_now(sim) + 20 * HF_MS, 0);
}

/* The cap holds at every step: what the allocator has given never passes the limit. */
static int all_over(void *context, struct hf_sim *sim)
{
    (void)context;
    int hosts[2] = {w.client, w.server};
    for (int i = 0; i < 2; i++) {
        size_t in_use = hf_sim_host_allocator(sim, hosts[i])->in_use;
        if (in_use > w.memory_peak[i])
            w.memory_peak[i] = in_use;
    }
    return w.over == 2 * w.flows;
}

static void on_trace(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    (void)context;
    (void)packet;
    w.timeouts += record->kind == HF_TRACE_TIMER && record->u.timer.timer == HF_TIMER_RTO;
}

static void begin(enum hf_family family, uint32_t checks, size_t memory,
                  const struct hf_sim_path *path)
{
    struct hf_sim_config config;
    struct hf_sim_host_config host;
    memset(&w, 0, sizeof w);
    w.family = family;
    hf_sim_config_init(&config);
    config.checks = checks;
    config.seed = check_seed();
    w.sim = hf_sim_create(&config);
    assert_non_null(w.sim);
    hf_sim_host_config_init(&host);
    if (memory)
        host.stack.memory_limit = memory;
    host.app = (struct hf_sim_app){.on_event = on_event, .on_wake = on_wake};
    host.stack.trace = on_trace;
    w.client = hf_sim_add_host(w.sim, &host);
    host.stack.trace = NULL;
    w.server = hf_sim_add_host(w.sim, &host);
    w.wire = hf_sim_add_link(w.sim, w.client, w.server, 1500, path);
    assert_true(w.client > 0 && w.server > 0 && w.wire > 0);
    struct hf_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = CONNECTIONS_MAX};
    assert_int_equal(hf_tcp_listen(hf_sim_stack(w.sim, w.server), &listen, &w.listener), 0);
}

static void open_flow(uint64_t to_send)
{
    unsigned i = w.flows++;
    struct flow *f = &w.flow[i];
    struct hf_open open = {.size = sizeof open, .user = i, .local.port = port_of(i),
                           .remote.port = PORT};
    assert_int_equal(hf_sim_address(w.sim, w.wire, w.server, w.family, &open.remote.addr), 0);
    hf_sim_oracle_init(&f->stream, i);
    f->to_send = to_send;
    assert_int_equal(hf_tcp_open(hf_sim_stack(w.sim, w.client), &open, &f->out), 0);
}

static void run(hf_time until)
{
    enum hf_sim_result result = hf_sim_run(w.sim, until, all_over, NULL);
    if (result == HF_SIM_FAILED)
        fail_msg("%s", hf_sim_failure(w.sim));
}

static void end(void)
{
    for (unsigned i = 0; i < w.flows; i++)
        assert_true(hf_sim_oracle_complete(&w.flow[i].stream));
    assert_int_equal(w.over, 2 * w.flows);
    hf_sim_destroy(w.sim);
}

/* ---- A long fat path ---- */

/* 100 Mbit/s, 100 ms there and back. */
static const struct hf_sim_path long_fat = {
    .size = sizeof(struct hf_sim_path), .rate = 100000000, .delay = 50 * HF_MS};

#define PRODUCT 1250000 /* of bandwidth and delay, bytes */

/* At least nine tenths of the link, once slow start is over. */
static void fills_the_path(enum hf_family family, uint32_t queue_bytes)
{
    struct hf_sim_path path = long_fat;
    path.queue_bytes = queue_bytes;
    begin(family, HF_SIM_CHECK_ALL, 0, &path);
    open_flow(150000000);
    run(4 * HF_SEC);
    uint64_t before = w.flow[0].stream.received;
    run(10 * HF_SEC);
    uint64_t rate = (w.flow[0].stream.received - before) * 8 / 6; /* bits per second */
    /* 1448 (1428) of 1500 octets are text */
    if (rate < 100000000 / 1500 * 1428 * 9 / 10)
        fail_msg("%llu bit/s of 100 Mbit/s", (unsigned long long)rate);
    struct hf_stack *stack = hf_sim_stack(w.sim, w.server);
    int64_t buffer = 0;
    assert_int_equal(hf_tcp_get(stack, w.flow[0].in, HF_OPTION_RCV_BUFFER, &buffer), 0);
    assert_true(buffer >= 2 * PRODUCT - 100000);
    assert_true(hf_sim_host_allocator(w.sim, w.server)->in_use < 3 << 20); /* no window's worth */
    run(60 * HF_SEC);
    end();
}

TEST(a_long_fat_path_is_filled, none, "")
{
    fills_the_path(HF_IPV4, PRODUCT);
}

TEST(a_long_fat_path_is_filled_ipv6, none, "")
{
    fills_the_path(HF_IPV6, PRODUCT);
}

/* A queue so deep that only windows and buffers can hold the sender up. */
TEST(a_long_fat_path_with_a_deep_queue_is_filled, none, "")
{
    fills_the_path(HF_IPV4, 8 << 20);
}

TEST(a_long_fat_path_with_a_deep_queue_is_filled_ipv6, none, "")
{
    fills_the_path(HF_IPV6, 8 << 20);
}

/* ---- Many connections and little memory ---- */

#define LITTLE ((size_t)12 << 20)

static void shares_little_memory(enum hf_family family, bool lazy)
{
    static const struct hf_sim_path path = {.size = sizeof path, .rate = 1000000000,
                                            .delay = 5 * HF_MS, .queue_packets = 2000};
    begin(family, HF_SIM_CHECK_WIRE, LITTLE, &path);
    w.lazy = lazy;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        open_flow(100000);
    if (lazy)
        hf_sim_wake(w.sim, w.server, 20 * HF_MS, 0);
    run(600 * HF_SEC);
    for (int i = 0; i < 2; i++)
        assert_true(w.memory_peak[i] <= LITTLE);
    assert_true(w.memory_peak[lazy] > LITTLE / 2); /* it was short */
    end();
}

TEST(a_thousand_connections_share_little_memory, none, "")
{
    shares_little_memory(HF_IPV4, false);
}

TEST(a_thousand_connections_share_little_memory_ipv6, none, "")
{
    shares_little_memory(HF_IPV6, false);
}

TEST(a_thousand_slow_readers_share_little_memory, none, "")
{
    shares_little_memory(HF_IPV4, true);
}

/* Two thousand flows, and ten times the memory that either end may have is sent through it, over a
 * path that loses and reorders. At every step the cap holds; no flow ends before its time and no
 * octet is missing; and a minute after the last TIME-WAIT the memory is back. */
static void keeps_to_its_cap(enum hf_family family, bool lazy)
{
    static const struct hf_sim_path path = {.size = sizeof path, .rate = 1000000000,
                                            .delay = 5 * HF_MS, .queue_packets = 2000,
                                            .loss = 2000, .reorder = 2000};
    const uint64_t bytes = (soak() ? 10 : 2) * LITTLE;
    begin(family, 0, LITTLE, &path);
    w.lazy = lazy;
    size_t before[2];
    const int hosts[2] = {w.client, w.server};
    for (int i = 0; i < 2; i++)
        before[i] = hf_sim_host_allocator(w.sim, hosts[i])->in_use;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        open_flow(bytes / CONNECTIONS_MAX);
    if (lazy)
        hf_sim_wake(w.sim, w.server, 20 * HF_MS, 0);
    run(3600 * HF_SEC);
    assert_int_equal(w.over, 2 * w.flows);
    for (int i = 0; i < 2; i++)
        assert_true(w.memory_peak[i] <= LITTLE);
    assert_true(w.memory_peak[lazy] > LITTLE / 2); /* it was short */
    w.over = 0;
    run(hf_sim_now(w.sim) + 120 * HF_SEC);
    for (int i = 0; i < 2; i++) {
        size_t after = hf_sim_host_allocator(w.sim, hosts[i])->in_use;
        printf("# host %d: %zu bytes at first, %zu at the most, %zu afterwards\n", i, before[i],
               w.memory_peak[i], after);
        assert_null(hf_stack_check(hf_sim_stack(w.sim, hosts[i])));
    }
    w.over = 2 * w.flows;
    end();
}

TEST(two_thousand_flows_keep_to_the_cap, none, "")
{
    keeps_to_its_cap(HF_IPV4, false);
}

TEST(two_thousand_flows_with_slow_readers_keep_to_the_cap, none, "")
{
    keeps_to_its_cap(HF_IPV6, true);
}

/* ---- A path that swallows what is too big ---- */

static const struct hf_sim_path broadband = {
    .size = sizeof(struct hf_sim_path), .rate = 20000000, .delay = 10 * HF_MS,
    .queue_bytes = 1 << 20};

static void black_hole(enum hf_family family, uint32_t mtu, unsigned timeouts)
{
    struct hf_sim_path path = broadband;
    path.mtu = mtu;
    begin(family, HF_SIM_CHECK_ALL, 0, &path);
    open_flow(3000000);
    run(HF_SEC); /* what is learnt while it runs is looked at before it ends */
    while (w.over == 0 && w.flow[0].stream.received < 2800000)
        run(hf_sim_now(w.sim) + 5 * HF_MS);
    struct hf_tcp_status s = {.size = sizeof s};
    assert_int_equal(hf_tcp_status(hf_sim_stack(w.sim, w.client), w.flow[0].out, &s), 0);
    if (s.path_mtu > mtu || s.path_mtu + 8 < mtu)
        fail_msg("%u octets were found of %u", s.path_mtu, mtu);
    run(60 * HF_SEC);
    if (w.timeouts > timeouts)
        fail_msg("%u time-outs", w.timeouts);
    assert_true(hf_sim_now(w.sim) < 10 * HF_SEC);
    end();
}

TEST(black_hole_of_1400, none, "N-16")
{
    black_hole(HF_IPV4, 1400, 3);
}

TEST(black_hole_of_1400_ipv6, none, "N-16")
{
    black_hole(HF_IPV6, 1400, 3);
}

TEST(black_hole_of_1280, none, "N-16")
{
    black_hole(HF_IPV4, 1280, 3);
}

TEST(black_hole_of_1280_ipv6, none, "N-16")
{
    black_hole(HF_IPV6, 1280, 3);
}

TEST(black_hole_of_576, none, "N-16")
{
    black_hole(HF_IPV4, 576, 4);
}

/* A router with less room than the floor cuts what may be cut, as RFC 791 says, and swallows the
 * rest. */
#define TINY 296u

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void send_part(const struct hf_sim_packet *packet, uint32_t from, uint32_t to)
{
    uint8_t part[TINY];
    memcpy(part, packet->bytes, 20);
    memcpy(part + 20, packet->bytes + from, to - from);
    put16(part + 2, 20 + to - from);
    put16(part + 6, (to < packet->len ? 0x2000u : 0) | (from - 20) / 8);
    put16(part + 10, 0);
    uint32_t sum = 0;
    for (unsigned i = 0; i < 20; i += 2)
        sum += (uint32_t)part[i] << 8 | part[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(part + 10, ~(sum + (sum >> 16)) & 0xffff);
    assert_int_equal(hf_sim_send(w.sim, packet->link, packet->from, part, 20 + to - from), 0);
}

static enum hf_sim_verdict old_router(void *context, struct hf_sim *sim,
                                      struct hf_sim_packet *packet)
{
    (void)context;
    (void)sim;
    if (packet->len <= TINY)
        return HF_SIM_PASS;
    if (packet->bytes[6] & 0x40)
        return HF_SIM_DROP;
    for (uint32_t at = 20; at < packet->len; at += (TINY - 20) / 8 * 8) {
        uint32_t to = at + (TINY - 20) / 8 * 8;
        send_part(packet, at, to < packet->len ? to : packet->len);
    }
    return HF_SIM_DROP;
}

TEST(a_path_below_the_floor_is_slow_but_no_black_hole, none, "N-16 B14")
{
    begin(HF_IPV4, HF_SIM_CHECK_STACK, 0, &broadband); /* the police cannot put parts together */
    hf_sim_set_filter(w.sim, old_router, NULL);
    open_flow(300000);
    run(60 * HF_SEC);
    if (w.timeouts > 5)
        fail_msg("%u time-outs", w.timeouts);
    end();
}
