/* A host driving a stack: two of them joined by a pair, on one virtual clock. */
#include "check.h"

#include <handfast/handfast.h>
#include <stdbool.h>
#include <string.h>

#define BYTES 300000

struct side {
    struct hf_host *host;
    struct hf_stack *stack;
    struct hf_link *link;
    hf_listener listener;
    hf_conn conn;
    uint64_t sent, received;
    uint32_t bits, cause;
    bool wrong, shut;
    uint64_t jumps; /* HF_TRACE_CLOCK records */
};

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8));
}

static void send_some(struct side *side)
{
    uint8_t piece[4096];
    while (side->sent < BYTES) {
        size_t len =
            BYTES - side->sent < sizeof piece ? (size_t)(BYTES - side->sent) : sizeof piece;
        for (size_t i = 0; i < len; i++)
            piece[i] = byte_at(side->sent + i);
        int64_t n = hf_tcp_send(side->stack, side->conn, piece, len, 0);
        if (n <= 0)
            return;
        side->sent += (uint64_t)n;
    }
    if (!side->shut)
        side->shut = hf_tcp_shutdown(side->stack, side->conn) == HF_OK;
}

static void read_some(struct side *side)
{
    uint8_t piece[4096];
    int64_t n;
    while ((n = hf_tcp_recv(side->stack, side->conn, piece, sizeof piece)) > 0)
        for (int64_t i = 0; i < n; i++)
            side->wrong |= piece[i] != byte_at(side->received++);
}

static void on_event(void *context, const struct hf_event *event)
{
    struct side *side = context;
    side->bits |= event->bits;
    if (event->bits & HF_EVENT_ACCEPT)
        (void)hf_tcp_accept(side->stack, side->listener, 0, &side->conn);
    if (event->bits & HF_EVENT_ENDED)
        side->cause = event->cause;
    if (!side->conn)
        return;
    read_some(side);
    if (side->bits & (HF_EVENT_CONNECTED | HF_EVENT_ACCEPT))
        send_some(side);
}

static void count_jumps(void *context, const struct hf_trace_record *record,
                        const struct hf_packet *packet)
{
    struct side *side = context;
    (void)packet;
    side->jumps += record->kind == HF_TRACE_CLOCK;
}

static uint32_t link_features;

static void make(struct side *side, struct hf_virtual_clock *clock, struct hf_link *link,
                 const char *addr)
{
    struct hf_host_ops ops;
    struct hf_stack_config stack;
    struct hf_addr a;
    struct hf_host_config config = {
        .size = sizeof config, .ops = &ops, .on_event = on_event, .context = side};
    memset(side, 0, sizeof *side);
    assert_int_equal(hf_virtual_clock_join(clock, &ops), HF_OK);
    side->host = hf_host_create(&config, NULL);
    assert_non_null(side->host);
    hf_stack_config_init(&stack);
    stack.allocator = hf_host_allocator();
    stack.checksum = hf_host_checksum();
    stack.now = hf_host_now(side->host);
    stack.trace = count_jumps;
    stack.trace_context = side;
    hf_host_seed_expand(check_seed() + (uint64_t)addr[7], stack.seed);
    assert_int_equal(hf_host_add_link(side->host, link, 0), HF_ERR_STATE);
    side->stack = hf_stack_create(&stack, NULL);
    assert_non_null(side->stack);
    assert_int_equal(hf_host_attach(side->host, side->stack), HF_OK);
    assert_int_equal(hf_host_attach(side->host, side->stack), HF_ERR_EXISTS);
    side->link = link;
    assert_int_equal(hf_host_add_link(side->host, link, link_features), 1);
    assert_int_equal(hf_addr_parse(addr, &a), HF_OK);
    assert_int_equal(hf_stack_add_address(side->stack, 1, &a, 24), HF_OK);
}

static void unmake(struct side *side)
{
    hf_host_destroy(side->host);
    hf_stack_destroy(side->stack);
    hf_link_close(side->link);
}

static void connect_sides(struct side *a, struct side *b)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    (void)hf_addr_parse("10.0.0.2", &open.remote.addr);
    assert_int_equal(hf_tcp_listen(b->stack, &listen, &b->listener), HF_OK);
    assert_int_equal(hf_tcp_open(a->stack, &open, &a->conn), HF_OK);
}

/* Returns the packets that b got. */
static uint64_t exchange_and_close(uint32_t features)
{
    link_features = features;
    struct hf_link *pair[2];
    struct side a;
    struct side b;
    struct hf_virtual_clock *clock = hf_virtual_clock_create(HF_SEC);
    assert_int_equal(hf_link_pair(1500, 4096, pair), HF_OK);
    make(&a, clock, pair[0], "10.0.0.1");
    make(&b, clock, pair[1], "10.0.0.2");
    connect_sides(&a, &b);
    int err = HF_OK;
    int steps = 0;
    while (err == HF_OK && steps++ < 100000) {
        err = hf_host_step(a.host, HF_NEVER);
        if (err == HF_OK)
            err = hf_host_step(b.host, HF_NEVER);
    }
    assert_int_equal(err, HF_ERR_STATE); /* nothing will ever happen again */
    assert_int_equal(a.received, BYTES);
    assert_int_equal(b.received, BYTES);
    assert_false(a.wrong);
    assert_false(b.wrong);
    assert_true(a.bits & HF_EVENT_ENDED);
    assert_true(b.bits & HF_EVENT_ENDED);
    assert_true(hf_virtual_clock_now(clock) >= 61 * HF_SEC); /* 2MSL was waited for */
    struct hf_stack_counters counters;
    hf_stack_counters(a.stack, &counters);
    assert_int_equal(counters.connections, 0);
    assert_int_equal(counters.time_wait, 0);
    hf_stack_counters(b.stack, &counters);
    unmake(&a);
    unmake(&b);
    hf_virtual_clock_destroy(clock);
    link_features = 0;
    return counters.packets_in;
}

TEST(two_hosts_exchange_and_close_in_virtual_time, linux, "")
{
    (void)exchange_and_close(0);
}

/* The link takes no more than its MTU: what arrives was cut on the way, and all of it came. */
TEST(hosts_cut_and_merge_for_a_link_that_cannot, linux, "")
{
    uint64_t plain = exchange_and_close(0);
    assert_true(exchange_and_close(HF_LINK_CUT) > BYTES / 1448);
    assert_true(exchange_and_close(HF_LINK_CUT | HF_LINK_MERGE) > BYTES / 1448);
    assert_true(plain > BYTES / 1448);
}

TEST(a_leap_of_the_clock_kills_nobody, linux, "")
{
    struct hf_link *pair[2];
    struct side a;
    struct side b;
    struct hf_virtual_clock *clock = hf_virtual_clock_create(HF_SEC);
    assert_int_equal(hf_link_pair(1500, 4096, pair), HF_OK);
    make(&a, clock, pair[0], "10.0.0.1");
    make(&b, clock, pair[1], "10.0.0.2");
    connect_sides(&a, &b);
    for (int i = 0; i < 3; i++)
        (void)hf_host_step(a.host, 0); /* the SYN is out, b is asleep */
    hf_virtual_clock_leap(clock, 3600 * HF_SEC);
    (void)hf_host_step(a.host, 0);
    assert_int_equal(hf_host_jump_count(a.host), 1);
    assert_true(a.jumps > 0);
    for (int i = 0; i < 200 && a.received < BYTES; i++) {
        (void)hf_host_step(b.host, HF_NEVER);
        (void)hf_host_step(a.host, HF_NEVER);
    }
    assert_int_equal(a.received, BYTES);
    assert_false(a.bits & HF_EVENT_ENDED && a.cause == HF_CAUSE_OPEN_TIMEOUT);
    unmake(&a);
    unmake(&b);
    hf_virtual_clock_destroy(clock);
}

TEST(configuration_without_size_is_refused, none, "")
{
    char error[HF_ERROR_TEXT] = "";
    struct hf_host_config config = {.size = 0};
    assert_null(hf_host_create(&config, error));
    assert_non_null(strstr(error, "size"));
}
