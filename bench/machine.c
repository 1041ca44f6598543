/* What the machine does with bytes, as a scale for the rest: copying and summing in the processor's
 * second cache, in pieces of a segment's text and of 64 KB. Pieces of either size walk over the same
 * 64 KB, since a piece that is copied again and again from one place to one place stays in the first
 * cache, where no stream's bytes are. */
#include "bench.h"

#include <string.h>

#define PIECE 65536u
#define ROUND (1u << 20) /* bytes of one call */

static uint8_t from[PIECE], to[PIECE];
static volatile uint64_t kept;

/* A ones-complement sum in 64-bit words, as it is without vectors. */
static uint64_t sum(const uint8_t *bytes, uint32_t len)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        total += word;
        total += total < word;
    }
    return total;
}

static uint32_t next_place(uint32_t at, uint32_t piece)
{
    return at + 2 * piece <= PIECE ? at + piece : 0;
}

static uint64_t some_copies(const void *context)
{
    uint32_t piece = *(const uint32_t *)context;
    uint32_t at = 0;
    for (uint32_t i = 0; i < ROUND / piece; i++) {
        memcpy(to + at, from + at, piece);
        __asm__ volatile("" : : "r"(to) : "memory");
        at = next_place(at, piece);
    }
    return ROUND / piece * piece;
}

static uint64_t some_sums(const void *context)
{
    uint32_t piece = *(const uint32_t *)context;
    uint32_t at = 0;
    for (uint32_t i = 0; i < ROUND / piece; i++) {
        kept += sum(from + at, piece);
        at = next_place(at, piece);
    }
    return ROUND / piece * piece;
}

static double copies(const struct bench_row *row, double seconds)
{
    return bench_rate(some_copies, &row->n, seconds / 2) * 1e-9;
}

static double sums(const struct bench_row *row, double seconds)
{
    return bench_rate(some_sums, &row->n, seconds / 2) * 1e-9;
}

static struct bench_row rows[] = {
    {.id = "memcpy", .title = "memcpy, 1,460 bytes", .n = 1460, .measure = {copies}},
    {.id = "memcpy_64k", .title = "memcpy, 64 KB", .n = PIECE, .measure = {copies}},
    {.id = "sum", .title = "sum of 64-bit words, 1,460 bytes", .n = 1460, .measure = {sums}},
    {.id = "sum_64k", .title = "sum of 64-bit words, 64 KB", .n = PIECE, .measure = {sums}},
};

struct bench_section bench_machine_section = {
    .id = "machine",
    .title = "The machine",
    .unit = "GB/s in cache",
    .alone = true,
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
};
