/* A process that has had two thousand busy connections is as small afterwards as it was before: the
 * stacks give their memory back to malloc, and the hosts see to it that malloc gives it to the system.
 * Real time, real memory: resident pages, as the system counts them. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <handfast/host.h>
#include <handfast/tcp.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define FLOWS 2000u
#define LIMIT ((size_t)12 << 20)
#define PORT 80
#define QUEUE 512 /* packets; the link keeps the memory of each place                       */

enum { CLIENT, SERVER };

static struct {
    struct hf_host *host[2];
    struct hf_stack *stack[2];
    hf_listener listener;
    hf_conn out[FLOWS];
    uint32_t left[FLOWS]; /* octets still to be sent                                          */
    uint64_t received;
    unsigned open; /* of the client's                                                         */
    bool all_open; /* text would take the memory that connections need                        */
    unsigned over; /* ends of connections                                                     */
} w;

static size_t resident(void)
{
    size_t pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm)
        check_skip("/proc/self/statm is not there");
    int found = fscanf(statm, "%*u %zu", &pages);
    (void)fclose(statm);
    assert_int_equal(found, 1);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void send_more(unsigned i)
{
    static const uint8_t text[16384];
    while (w.left[i] > 0) {
        size_t piece = w.left[i] < sizeof text ? w.left[i] : sizeof text;
        int64_t n = hf_tcp_send(w.stack[CLIENT], w.out[i], text, piece, 0);
        if (n <= 0)
            return;
        w.left[i] -= (uint32_t)n;
        if (w.left[i] == 0)
            assert_int_equal(hf_tcp_shutdown(w.stack[CLIENT], w.out[i]), 0);
    }
}

static void end_of(int side, const struct hf_event *event)
{
    assert_int_equal(event->cause, HF_CAUSE_CLOSED);
    assert_int_equal(hf_tcp_close(w.stack[side], event->handle), 0);
    w.over++;
}

static void on_client(void *context, const struct hf_event *event)
{
    (void)context;
    w.open += (event->bits & HF_EVENT_CONNECTED) != 0;
    if (event->bits & HF_EVENT_WRITABLE && w.all_open)
        send_more((unsigned)event->user);
    if (event->bits & HF_EVENT_ENDED)
        end_of(CLIENT, event);
}

static void on_server(void *context, const struct hf_event *event)
{
    static uint8_t text[65536];
    hf_conn conn;
    int64_t n;
    (void)context;
    if (event->bits & HF_EVENT_ACCEPT) {
        while (hf_tcp_accept(w.stack[SERVER], w.listener, 0, &conn) == 1)
            continue;
        return;
    }
    while ((n = hf_tcp_recv(w.stack[SERVER], event->handle, text, sizeof text)) > 0)
        w.received += (uint64_t)n;
    if (n == HF_EOF && event->bits & HF_EVENT_EOF)
        assert_int_equal(hf_tcp_shutdown(w.stack[SERVER], event->handle), 0);
    if (event->bits & HF_EVENT_ENDED)
        end_of(SERVER, event);
}

static void make_end(int side, struct hf_link *link)
{
    struct hf_host_config host = {.size = sizeof host,
                                  .on_event = side == CLIENT ? on_client : on_server};
    struct hf_addr addr = {.family = HF_IPV4, .bytes = {10, 0, 0, (uint8_t)(1 + side)}};
    struct hf_stack_config config;
    w.host[side] = hf_host_create(&host, NULL);
    assert_non_null(w.host[side]);
    hf_stack_config_init(&config);
    config.allocator = hf_host_allocator();
    config.memory_limit = LIMIT;
    if (!check_soak())
        config.settings.msl = 50 * HF_MS;
    config.now = hf_host_now(w.host[side]);
    assert_int_equal(hf_host_seed(config.seed), 0);
    w.stack[side] = hf_stack_create(&config, NULL);
    assert_non_null(w.stack[side]);
    assert_int_equal(hf_host_attach(w.host[side], w.stack[side]), 0);
    assert_int_equal(hf_host_add_link(w.host[side], link, 0), 1);
    assert_int_equal(hf_stack_add_address(w.stack[side], 1, &addr, 24), 0);
}

static size_t memory(int side)
{
    struct hf_stack_counters counters;
    hf_stack_counters(w.stack[side], &counters);
    assert_true(counters.memory_peak <= LIMIT);
    return counters.memory_peak;
}

static void turn(void)
{
    assert_int_equal(hf_host_step(w.host[CLIENT], 0), 0);
    assert_int_equal(hf_host_step(w.host[SERVER], 0), 0);
}

static void run(unsigned flows, uint32_t bytes)
{
    w.open = w.over = 0;
    w.all_open = false;
    w.received = 0;
    for (unsigned i = 0; i < flows; i++) {
        struct hf_open open = {.size = sizeof open, .user = i};
        open.remote = (struct hf_endpoint){.addr = {.family = HF_IPV4, .bytes = {10, 0, 0, 2}},
                                           .port = PORT};
        w.left[i] = bytes;
        assert_int_equal(hf_tcp_open(w.stack[CLIENT], &open, &w.out[i]), 0);
        if (i % 128 == 127) /* no more at once than the link takes */
            turn();
    }
    while (w.open < flows)
        turn();
    w.all_open = true;
    for (unsigned i = 0; i < flows; i++)
        send_more(i);
    for (unsigned turns = 0; w.over < 2 * flows; turns++) {
        assert_true(turns < 10000000);
        turn();
    }
    assert_true(w.received == (uint64_t)flows * bytes);
}

static void rest(hf_time time)
{
    hf_time until = hf_host_now(w.host[CLIENT]) + time;
    while (hf_host_now(w.host[CLIENT]) < until) {
        assert_int_equal(hf_host_step(w.host[CLIENT], 50 * HF_MS), 0);
        assert_int_equal(hf_host_step(w.host[SERVER], 50 * HF_MS), 0);
    }
}

TEST(memory_goes_back_to_the_system, none, "")
{
#ifdef SANITIZED
    check_skip("the sanitizer keeps what is freed");
#endif
    struct hf_link *pair[2];
    memset(&w, 0, sizeof w);
    assert_int_equal(hf_link_pair(1500, QUEUE, pair), 0);
    for (int side = 0; side < 2; side++)
        make_end(side, pair[side]);
    struct hf_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = FLOWS};
    assert_int_equal(hf_tcp_listen(w.stack[SERVER], &listen, &w.listener), 0);
    run(1, 10000000); /* what every process has to load, and the link */
    size_t before = resident();
    run(FLOWS, (uint32_t)(10 * LIMIT / FLOWS));
    size_t busy = resident();
    rest(check_soak() ? 60 * HF_SEC
                      : 5 * HF_SEC); /* at full size with the MSL that is the default */
    size_t after = resident();
    printf(
        "# resident: %zu KB before, %zu KB right after, %zu KB at rest; stacks %zu and %zu KB\n",
        before >> 10, busy >> 10, after >> 10, memory(CLIENT) >> 10, memory(SERVER) >> 10);
    assert_true(memory(CLIENT) > LIMIT / 2);
    assert_true(after <= before + before / 10);
    for (int side = 0; side < 2; side++) {
        hf_host_destroy(w.host[side]);
        hf_stack_destroy(w.stack[side]);
        hf_link_close(pair[side]);
    }
}
