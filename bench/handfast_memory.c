/* What entries of Handfast take: by the allocator, the median of what one more adds while no table
 * grows; and by the resident pages of a process of its own that holds very many of them. There the
 * end that is not looked at has its memory elsewhere, and is gone before pages are counted. */
#include "handfast.h"

#include <malloc.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define QUIET (50 * HF_MS)

static void *apart_alloc(void *context, size_t size)
{
    (void)context;
    size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void apart_free(void *context, void *memory, size_t size)
{
    (void)context;
    if (memory != NULL)
        (void)munmap(memory, (size + PAGE - 1) & ~(size_t)(PAGE - 1));
}

static void make_idle(void)
{
    bench_open();
    bench_settle(false);
    bench_pass(QUIET);
    bench_settle(false);
}

/* An octet there and one back, read and acknowledged. */
static void make_idle_after_text(void)
{
    char octet = 0;
    hf_conn opened = bench_open();
    bench_settle(false);
    hf_conn accepted = two->receiving;
    struct hf_stack *client = two->stack[BENCH_CLIENT], *server = two->stack[BENCH_SERVER];
    bench_must(hf_tcp_send(client, opened, &octet, 1, 0), "hf_tcp_send");
    bench_settle(false);
    bench_must(hf_tcp_recv(server, accepted, &octet, 1), "hf_tcp_recv");
    bench_must(hf_tcp_send(server, accepted, &octet, 1, 0), "hf_tcp_send");
    bench_settle(false);
    bench_must(hf_tcp_recv(client, opened, &octet, 1), "hf_tcp_recv");
    bench_pass(QUIET);
    bench_settle(false);
}

static void make_half_open(void)
{
    bench_open();
    bench_carry(BENCH_CLIENT);
    size_t lost = hf_stack_output(two->stack[BENCH_SERVER], 1, two->batch, BENCH_BATCH, two->now);
    hf_stack_sent(two->stack[BENCH_SERVER], two->batch, lost);
}

static void make_time_wait(void)
{
    bench_open();
    bench_settle(true);
}

static const struct {
    void (*make)(void);
    int where; /* the end that has the entries                                                */
} kinds[] = {
    [BENCH_IDLE] = {make_idle, BENCH_SERVER},
    [BENCH_HALF_OPEN] = {make_half_open, BENCH_SERVER},
    [BENCH_TIME_WAIT] = {make_time_wait, BENCH_CLIENT},
    [BENCH_IDLE_AFTER_TEXT] = {make_idle_after_text, BENCH_SERVER},
};

static unsigned entries(enum bench_entry kind)
{
    struct hf_stack_counters counters = bench_counters(kinds[kind].where);
    return kind == BENCH_HALF_OPEN   ? counters.half_open
           : kind == BENCH_TIME_WAIT ? counters.time_wait
                                     : counters.connections;
}

double bench_entry_bytes(enum bench_entry kind, bool ipv6, unsigned n)
{
    size_t bytes[BENCH_STEPS + 1];
    struct bench_shape shape = bench_usual;
    shape.ipv6 = ipv6;
    bench_two_make(&shape);
    for (unsigned step = 0, made = 0; step <= BENCH_STEPS; step++) {
        for (; made < n * step / BENCH_STEPS; made++)
            kinds[kind].make();
        bytes[step] = two->memory[kinds[kind].where].bytes;
        if (bench_counters(kinds[kind].where).memory != bytes[step])
            bench_fail("Handfast: counts %zu bytes of memory, but was given %zu",
                       bench_counters(kinds[kind].where).memory, bytes[step]);
    }
    bench_expect("entries", entries(kind), n);
    bench_two_free(two);
    return bench_memory_of(bytes, n).one_more;
}

struct apart {
    enum bench_entry kind;
    bool ipv6;
    unsigned n;
};

static double resident(const void *context)
{
    const struct apart *a = context;
    struct bench_shape shape = bench_usual;
    shape.ipv6 = a->ipv6;
    shape.time_waits = a->n;
    shape.apart = 1 - kinds[a->kind].where;
    shape.allocator = (struct hf_allocator){apart_alloc, apart_free, NULL};
    bench_two_make(&shape);
    kinds[a->kind].make();
    size_t before = bench_resident_bytes();
    for (unsigned i = 0; i < a->n; i++)
        kinds[a->kind].make();
    bench_expect("entries", entries(a->kind), a->n + 1);
    bench_two_end(shape.apart);
    return ((double)bench_resident_bytes() - (double)before) / a->n;
}

double bench_entry_resident(enum bench_entry kind, bool ipv6, unsigned n)
{
    struct apart apart = {kind, ipv6, n};
    return bench_in_child(resident, &apart);
}
