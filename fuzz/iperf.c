/* The control protocol of `handfast perf`, as a stranger speaks it. The first byte of an input
 * chooses what is expected, the second the size of the pieces it comes in:
 *
 *     0 a message behind its length    1 parameters    2 results
 *
 * What is understood and written again must be understood again, and mean the same. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "iperf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_message(const uint8_t *data, size_t size, size_t piece)
{
    struct iperf_reader reader = {0};
    struct iperf_fault fault;
    CHECK(iperf_expect_json(&reader, IPERF_PARAMS_MAX));
    for (size_t at = 0; at < size && !iperf_whole(&reader);) {
        size_t n = piece < size - at ? piece : size - at;
        int64_t used = iperf_feed(&reader, data + at, n, &fault);
        if (used < 0)
            break;
        CHECK((size_t)used <= n && (used > 0 || iperf_whole(&reader)));
        CHECK(reader.have <= IPERF_PARAMS_MAX);
        at += (size_t)used;
    }
    iperf_reader_free(&reader);
}

static void fuzz_params(const char *text, size_t len)
{
    struct iperf_params p, q;
    struct iperf_fault fault;
    if (!iperf_params_read(text, len, &p, &fault))
        return;
    CHECK(p.streams >= 1 && p.streams <= IPERF_WAY_MAX);
    CHECK(p.block >= 1 && p.block <= IPERF_BLOCK_MAX);
    CHECK((p.bytes > 0) != (p.seconds > 0));
    CHECK(!(p.reverse && p.both));
    char *again = iperf_params_write(&p);
    CHECK(again && iperf_params_read(again, strlen(again), &q, &fault));
    CHECK(q.bytes == p.bytes && q.streams == p.streams && q.both == p.both);
    free(again);
}

static void fuzz_results(const char *text, size_t len)
{
    static struct iperf_results r, again;
    struct iperf_fault fault;
    for (unsigned streams = 1; streams <= 4; streams++) {
        if (!iperf_results_read(text, len, streams, &r, &fault))
            continue;
        CHECK(r.count == streams);
        char *written = iperf_results_write(&r);
        CHECK(written && iperf_results_read(written, strlen(written), streams, &again, &fault));
        CHECK(again.stream[0].bytes == r.stream[0].bytes);
        free(written);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 2 + IPERF_RESULTS_MAX)
        return 0;
    switch (data[0] % 3) {
    case 0:
        fuzz_message(data + 2, size - 2, 1 + data[1] % 16);
        break;
    case 1:
        fuzz_params((const char *)data + 2, size - 2);
        break;
    default:
        fuzz_results((const char *)data + 2, size - 2);
    }
    return 0;
}
