/* Bytes of memory that an idle connection, a half-open one and one in TIME-WAIT take. */
#include "handfast.h"
#include "kernel.h"
#include "lwip.h"

#define STEPPED 16384u /* entries; each step of it fills whole slabs */

static bool quick;

static double entry(const struct bench_row *row, double seconds)
{
    (void)seconds;
    return bench_entry_bytes((enum bench_entry)(row->n / 4), row->n % 4 == 2, STEPPED);
}

static double resident(const struct bench_row *row, double seconds)
{
    (void)seconds;
    return bench_entry_resident((enum bench_entry)(row->n / 4), row->n % 4 == 2,
                                quick ? 20000 : 100000);
}

#if BENCH_HAS_LWIP
static double lwip(const struct bench_row *row, double seconds)
{
    (void)seconds;
    return bench_lwip_resident((enum bench_lwip_entry)(row->n / 4));
}
#else
#define lwip NULL
#endif

static double kernel_idle(const struct bench_row *row, double seconds)
{
    (void)row;
    (void)seconds;
    return bench_kernel_object_bytes("TCP") + bench_kernel_object_bytes("sock_inode_cache") +
           bench_kernel_object_bytes("filp") + bench_kernel_object_bytes("dentry");
}

static double kernel_half_open(const struct bench_row *row, double seconds)
{
    (void)row;
    (void)seconds;
    return bench_kernel_object_bytes("request_sock_TCP");
}

static double kernel_time_wait(const struct bench_row *row, double seconds)
{
    (void)row;
    (void)seconds;
    return bench_kernel_object_bytes("tw_sock_TCP");
}

#define KIND(kind, ipv6) ((kind)*4u + (ipv6))

static struct bench_row rows[] = {
    {.id = "idle_rss",
     .title = "idle, resident, IPv4",
     .n = KIND(BENCH_IDLE, 0),
     .measure = {resident, lwip, NULL, kernel_idle}},
    {.id = "idle_rss_6",
     .title = "idle, resident, IPv6",
     .n = KIND(BENCH_IDLE, 2),
     .measure = {resident}},
    {.id = "idle_entry",
     .title = "idle, the entry alone",
     .n = KIND(BENCH_IDLE, 0),
     .measure = {entry}},
    {.id = "idle_after_text_rss",
     .title = "idle after an octet each way, resident",
     .n = KIND(BENCH_IDLE_AFTER_TEXT, 0),
     .measure = {resident}},
    {.id = "half_open_rss",
     .title = "half-open, resident, IPv4",
     .n = KIND(BENCH_HALF_OPEN, 0),
     .measure = {resident, lwip, NULL, kernel_half_open}},
    {.id = "half_open_rss_6",
     .title = "half-open, resident, IPv6",
     .n = KIND(BENCH_HALF_OPEN, 2),
     .measure = {resident}},
    {.id = "half_open_entry",
     .title = "half-open, the entry alone",
     .n = KIND(BENCH_HALF_OPEN, 0),
     .measure = {entry}},
    {.id = "time_wait_rss",
     .title = "TIME-WAIT, resident, IPv4",
     .n = KIND(BENCH_TIME_WAIT, 0),
     .measure = {resident, lwip, NULL, kernel_time_wait}},
    {.id = "time_wait_rss_6",
     .title = "TIME-WAIT, resident, IPv6",
     .n = KIND(BENCH_TIME_WAIT, 2),
     .measure = {resident}},
    {.id = "time_wait_entry",
     .title = "TIME-WAIT, the entry alone, IPv4",
     .n = KIND(BENCH_TIME_WAIT, 0),
     .measure = {entry}},
    {.id = "time_wait_entry_6",
     .title = "TIME-WAIT, the entry alone, IPv6",
     .n = KIND(BENCH_TIME_WAIT, 2),
     .measure = {entry}},
};

static void begin(const struct bench_section *section, bool is_quick)
{
    (void)section;
    quick = is_quick;
}

struct bench_section bench_memory_section = {
    .id = "memory",
    .title = "Memory of an entry at its end, of 100,000 (lwIP 4,096; kernel: its objects)",
    .unit = "bytes",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .less_is_better = true,
    .once = true,
    .begin = begin,
};
