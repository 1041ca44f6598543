/* See twin.h. */
#include "twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/network.h"
#include "stack/stack.h"

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: the two roads differ: %s\n", __FILE__, __LINE__,             \
                    #condition);                                                                 \
            abort();                                                                             \
        }                                                                                        \
    } while (0)

static void on_trace(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    struct twin_trace *trace = context;
    (void)packet;
    trace->hash = hf_sim_hash_record(trace->hash, record);
    trace->records++;
}

void twin_create(struct twin *twin, const struct hf_stack_config *config, bool both,
                 unsigned flags)
{
    memset(twin, 0, sizeof *twin);
    twin->merges = (flags & TWIN_MERGES) != 0;
    for (int i = 0; i < (both ? 2 : 1); i++) {
        struct hf_stack_config own = *config;
        struct hf_unsafe unsafe = *config->unsafe;
        int err;
        unsafe.no_fast_path = i == 1;
        own.unsafe = &unsafe;
        own.allocator = hf_sim_allocator_use(&twin->memory[i]);
        if (both) {
            own.trace = on_trace;
            own.trace_context = &twin->trace[i];
        }
        twin->stack[i] = hf_stack_create(&own, &err);
        CHECK(twin->stack[i]);
    }
}

void twin_destroy(struct twin *twin)
{
    twin_check(twin);
    for (int i = 0; i < 2; i++) {
        hf_stack_destroy(twin->stack[i]);
        CHECK(twin->memory[i].in_use == 0 && twin->memory[i].bad_frees == 0);
    }
}

/* ---- Driving ---- */

/* Make a call on both; its value is that of the first. */
#define BOTH(type, function, ...)                                                                \
    do {                                                                                         \
        type first = function(twin->stack[0], __VA_ARGS__);                                      \
        if (twin->stack[1])                                                                      \
            CHECK(first == function(twin->stack[1], __VA_ARGS__));                               \
        return first;                                                                            \
    } while (0)

int twin_add_link(struct twin *twin, const struct hf_link_config *link)
{
    struct hf_link_config own = *link;
    if (twin->merges)
        own.features |= HF_LINK_MERGE;
    BOTH(int, hf_stack_add_link, &own);
}

int twin_add_address(struct twin *twin, int link, const struct hf_addr *addr, unsigned prefix)
{
    BOTH(int, hf_stack_add_address, link, addr, prefix);
}

void twin_input(struct twin *twin, int link, const struct hf_packet *packets, size_t n,
                hf_time now)
{
    hf_stack_input(twin->stack[0], link, packets, n, now);
    if (twin->stack[1])
        hf_stack_input(twin->stack[1], link, packets, n, now);
}

void twin_timers(struct twin *twin, hf_time now)
{
    hf_stack_timers(twin->stack[0], now);
    if (twin->stack[1])
        hf_stack_timers(twin->stack[1], now);
}

/* A deadline may be early for nothing, on either road. */
hf_time twin_deadline(struct twin *twin)
{
    hf_time first = hf_stack_deadline(twin->stack[0]);
    hf_time second = twin->stack[1] ? hf_stack_deadline(twin->stack[1]) : HF_NEVER;
    return first < second ? first : second;
}

static void compare_packets(const struct hf_packet *a, const struct hf_packet *b)
{
    static uint8_t one[65600], other[65600];
    uint32_t len = hf_packet_copy(a, one, sizeof one);
    CHECK(len > 0 && hf_packet_copy(b, other, sizeof other) == len);
    CHECK(memcmp(one, other, len) == 0);
    CHECK(a->segments == b->segments && a->segment_bytes == b->segment_bytes);
    CHECK(a->checksum == b->checksum && a->link == b->link);
}

size_t twin_output(struct twin *twin, int link, struct hf_packet *packets, size_t room,
                   hf_time now)
{
    static struct hf_packet others[TWIN_ROOM];
    CHECK(room <= TWIN_ROOM);
    size_t n = hf_stack_output(twin->stack[0], link, packets, room, now);
    if (!twin->stack[1])
        return n;
    CHECK(hf_stack_output(twin->stack[1], link, others, room, now) == n);
    for (size_t i = 0; i < n; i++)
        compare_packets(&packets[i], &others[i]);
    hf_stack_sent(twin->stack[1], others, n);
    return n;
}

void twin_sent(struct twin *twin, struct hf_packet *packets, size_t n)
{
    hf_stack_sent(twin->stack[0], packets, n);
}

size_t twin_events(struct twin *twin, struct hf_event *events, size_t n)
{
    struct hf_event others[TWIN_ROOM];
    CHECK(n <= TWIN_ROOM);
    size_t got = hf_stack_events(twin->stack[0], events, n);
    if (!twin->stack[1])
        return got;
    CHECK(hf_stack_events(twin->stack[1], others, n) == got);
    for (size_t i = 0; i < got; i++)
        CHECK(events[i].handle == others[i].handle && events[i].bits == others[i].bits &&
              events[i].user == others[i].user && events[i].cause == others[i].cause);
    return got;
}

/* ---- Looking ---- */

/* Without what the roads may differ in: the work, and how memory is cut. */
static struct hf_stack_counters counters_of(const struct hf_stack *stack)
{
    struct hf_stack_counters counters;
    memset(&counters, 0, sizeof counters);
    hf_stack_counters(stack, &counters);
    counters.probes = counters.records_visited = counters.segments_merged = 0;
    counters.timers_run = counters.timer_steps = 0;
    counters.memory = counters.memory_peak = 0;
    return counters;
}

/* A place in the wheel may be earlier than any timer, or stay when there is none: that is work, and when
 * timers are due stands elsewhere. */
static bool are_equal(const struct hf_tcp *one, const struct hf_tcp *other)
{
    struct hf_tcp a = *one, b = *other;
    a.deadline = b.deadline = 0;
    a.timer = b.timer = (struct hf_timer){0};
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Every connection, down to what no status tells: a controller's rounds, loss detection, times. What
 * was taken from pools was taken in one order, so that indices are the same, too. */
static void compare_blocks(const struct hf_env *a, const struct hf_env *b)
{
    for (uint32_t i = 1; i < a->conns.slabs_room << HF_TCP_SLAB; i++) {
        const struct hf_tcp *one = hf_pool_find(&a->conns, i),
                            *other = hf_pool_find(&b->conns, i);
        if (!one || !one->self)
            continue;
        CHECK(other && are_equal(one, other));
        if (one->active)
            CHECK(memcmp(hf_tcp_active(a, one), hf_tcp_active(b, other),
                         sizeof(struct hf_active)) == 0);
    }
}

void twin_check(struct twin *twin)
{
    for (int i = 0; i < 2 && twin->stack[i]; i++) {
        const char *wrong = hf_stack_check(twin->stack[i]);
        if (wrong) {
            fprintf(stderr, "stack %d: %s\n", i, wrong);
            abort();
        }
    }
    if (!twin->stack[1])
        return;
    struct hf_stack_counters a = counters_of(twin->stack[0]), b = counters_of(twin->stack[1]);
    CHECK(memcmp(&a, &b, sizeof a) == 0);
    CHECK(twin->trace[0].records == twin->trace[1].records);
    if (twin->merges)
        return;
    CHECK(twin->trace[0].hash == twin->trace[1].hash);
    compare_blocks(&twin->stack[0]->env, &twin->stack[1]->env);
}

/* ---- Calls ---- */

int twin_listen(struct twin *twin, const struct hf_listen *listen, hf_listener *listener)
{
    hf_listener other = 0;
    int err = hf_tcp_listen(twin->stack[0], listen, listener);
    if (twin->stack[1])
        CHECK(hf_tcp_listen(twin->stack[1], listen, &other) == err && other == *listener);
    return err;
}

int twin_open(struct twin *twin, const struct hf_open *open, hf_conn *conn)
{
    hf_conn other = 0;
    int err = hf_tcp_open(twin->stack[0], open, conn);
    if (twin->stack[1])
        CHECK(hf_tcp_open(twin->stack[1], open, &other) == err && other == *conn);
    return err;
}

int twin_accept(struct twin *twin, hf_listener listener, hf_conn *conn)
{
    hf_conn other = 0;
    int err = hf_tcp_accept(twin->stack[0], listener, 0, conn);
    if (twin->stack[1])
        CHECK(hf_tcp_accept(twin->stack[1], listener, 0, &other) == err && other == *conn);
    return err;
}

int64_t twin_send(struct twin *twin, hf_conn conn, const void *bytes, size_t len, unsigned flags)
{
    BOTH(int64_t, hf_tcp_send, conn, bytes, len, flags);
}

int64_t twin_recv(struct twin *twin, hf_conn conn, uint8_t *bytes, size_t len)
{
    int64_t n = hf_tcp_recv(twin->stack[0], conn, bytes, len);
    if (!twin->stack[1])
        return n;
    uint8_t *other = malloc(len ? len : 1);
    CHECK(other && hf_tcp_recv(twin->stack[1], conn, other, len) == n);
    CHECK(n <= 0 || memcmp(bytes, other, (size_t)n) == 0);
    free(other);
    return n;
}

int twin_shutdown(struct twin *twin, hf_conn conn)
{
    BOTH(int, hf_tcp_shutdown, conn);
}

int twin_close(struct twin *twin, hf_conn conn)
{
    BOTH(int, hf_tcp_close, conn);
}

int twin_abort(struct twin *twin, hf_conn conn)
{
    BOTH(int, hf_tcp_abort, conn);
}

int twin_set(struct twin *twin, hf_conn conn, enum hf_option option, int64_t value)
{
    BOTH(int, hf_tcp_set, conn, option, value);
}

int twin_status(struct twin *twin, hf_conn conn, struct hf_tcp_status *status)
{
    struct hf_tcp_status other = *status;
    int err = hf_tcp_status(twin->stack[0], conn, status);
    if (twin->stack[1]) {
        CHECK(hf_tcp_status(twin->stack[1], conn, &other) == err);
        CHECK(memcmp(status, &other, sizeof other) == 0);
    }
    return err;
}
