/* Pairs of Handfast stacks that hold many connections, open or in TIME-WAIT, and round trips over
 * them. Round trips go over the connections in an order that memory does not have. */
#include "handfast.h"

#include <stdlib.h>

/* Quiet: nothing is left to be sent, and what was kept for the handshake is given back. */
#define QUIET (50 * HF_MS)

/* A round over a million connections, 32 at a time, then takes less than the 40 ms of a delayed ACK:
 * however many there are, the next octet carries the ACK, and the work is the same. */
#define TRIP HF_US

static void shuffle(hf_conn *list, unsigned n)
{
    uint32_t random = 1;
    for (unsigned i = n; i > 1; i--) {
        random = random * 1664525u + 1013904223u;
        unsigned j = (unsigned)((uint64_t)random * i >> 32);
        hf_conn other = list[j];
        list[j] = list[i - 1];
        list[i - 1] = other;
    }
}

struct bench_two *bench_two_with_open(unsigned n)
{
    struct bench_shape shape = bench_usual;
    shape.quick_acks = false;
    struct bench_two *made = bench_two_make(&shape);
    made->set = malloc((n ? n : 1) * sizeof *made->set);
    if (made->set == NULL)
        bench_fail("no memory");
    while (made->set_count < n) {
        for (unsigned i = 0; i < BENCH_BATCH && made->set_count < n; i++)
            made->set[made->set_count++] = bench_open();
        bench_settle(false);
        bench_pass(QUIET);
        bench_settle(false);
    }
    shuffle(made->set, n);
    bench_expect("connections", bench_counters(BENCH_SERVER).connections, n);
    return made;
}

struct bench_two *bench_two_with_time_wait(unsigned n)
{
    struct bench_shape shape = bench_usual;
    shape.time_waits = n;
    struct bench_two *made = bench_two_make(&shape);
    bench_connections(n + n / 16, 16);
    return made;
}

/* The server sends back what comes. */
static void echo(void)
{
    struct hf_event events[BENCH_BATCH];
    for (size_t n; (n = hf_stack_events(two->stack[BENCH_SERVER], events, BENCH_BATCH)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            char octet;
            if (hf_tcp_recv(two->stack[BENCH_SERVER], events[i].handle, &octet, 1) == 1)
                bench_must(hf_tcp_send(two->stack[BENCH_SERVER], events[i].handle, &octet, 1, 0),
                           "hf_tcp_send");
        }
    }
}

static unsigned take_echoes(void)
{
    struct hf_event events[BENCH_BATCH];
    unsigned came = 0;
    for (size_t n; (n = hf_stack_events(two->stack[BENCH_CLIENT], events, BENCH_BATCH)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            char octet;
            came += hf_tcp_recv(two->stack[BENCH_CLIENT], events[i].handle, &octet, 1) == 1;
        }
    }
    return came;
}

static void burst_of_trips(unsigned burst)
{
    char octet = 1;
    for (unsigned i = 0; i < burst; i++) {
        hf_conn conn = two->set[two->set_next];
        two->set_next = two->set_next + 1 < two->set_count ? two->set_next + 1 : 0;
        int64_t sent = hf_tcp_send(two->stack[BENCH_CLIENT], conn, &octet, 1, 0);
        bench_must(sent == 1 ? 0 : HF_ERR_STATE, "hf_tcp_send");
    }
    unsigned came = 0;
    for (unsigned turns = 0; came < burst; turns++) {
        if (turns == 100)
            bench_fail("Handfast: %u of %u octets came back", came, burst);
        bench_carry(BENCH_CLIENT);
        echo();
        bench_carry(BENCH_SERVER);
        came += take_echoes();
    }
    bench_pass(TRIP);
}

void bench_round_trips(uint64_t n, unsigned burst)
{
    for (uint64_t done = 0; done < n; done += burst)
        burst_of_trips(burst);
}
