/* What it costs to explain a capture, and to have the flight recorder on.
 *
 * Capture: frames of many connections (three segments, up to sixty of full size with a loss here and
 * there, a close) go through hf_explain_frame; printed are bytes and packets a second of processor
 * time, and the most memory that the process ever had. Recorder: bulk transfers between two stacks
 * in memory with and without a recorder at each end, in short turns; printed is the median of what
 * pairs of neighbours say, with segments cut by us and with super-segments, as a link at full speed
 * takes them. Every run has new stacks, since where their memory lies makes a run faster or slower by
 * more than the recorder. Processor time, so that a busy machine says about the same. */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <handfast/explain.h>

#define TEXT 1448u
#define FRAME_HEAD 66u
#define FIRST_ACKS 13u /* segments before the one that is lost                                */
#define PAIRS_MAX 1000

struct options {
    uint64_t bytes;
    unsigned pairs;
    double seconds;
    bool check;
};

void bench_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fprintf(stderr, "handfast-explain-bench: ");
    (void)vfprintf(stderr, format, list);
    (void)fprintf(stderr, "\n");
    va_end(list);
    exit(1);
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- A capture ---- */

struct capture {
    struct hf_explain *explain;
    uint64_t bytes, packets, told;
    uint8_t frame[FRAME_HEAD + TEXT];
    uint32_t client, isn[2];
    uint16_t port;
};

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void frame(struct capture *c, int from, unsigned flags, uint32_t seq, uint32_t ack,
                  uint32_t text)
{
    uint8_t *ip = c->frame + 14, *tcp = ip + 20;
    uint32_t len = FRAME_HEAD + text, server = 0x0a010001;
    ip[2] = (uint8_t)((len - 14) >> 8);
    ip[3] = (uint8_t)(len - 14);
    ip[5] = (uint8_t)c->packets;
    put32(ip + 12, from == 0 ? c->client : server);
    put32(ip + 16, from == 0 ? server : c->client);
    put32(tcp, from == 0 ? (uint32_t)c->port << 16 | 80 : 80u << 16 | c->port);
    put32(tcp + 4, c->isn[from] + seq);
    put32(tcp + 8, c->isn[1 - from] + ack);
    tcp[13] = (uint8_t)flags;
    put32(tcp + 24, (uint32_t)c->packets);
    c->packets++;
    c->bytes += len + 16; /* with the head that a file has */
    (void)hf_explain_frame(c->explain, HF_FRAME_ETHERNET, (hf_time)c->packets * 7 * HF_US,
                           c->packets, c->frame, len, len);
}

static void one_connection(struct capture *c, uint32_t number)
{
    uint32_t segments = 1 + number * 31 % 60, seq = 1, acked;
    c->client = 0x0a000000 + number % 5000;
    c->port = (uint16_t)(1024 + number % 60000);
    c->isn[0] = number * 7919;
    c->isn[1] = number * 104729;
    frame(c, 0, HF_SYN, 0, 0, 0);
    frame(c, 1, HF_SYN | HF_ACK, 0, 1, 0);
    frame(c, 0, HF_ACK, 1, 1, 0);
    frame(c, 0, HF_ACK | HF_PSH, 1, 1, 100);
    for (uint32_t i = 0; i < segments; i++, seq += TEXT) {
        if (i != FIRST_ACKS)
            frame(c, 1, HF_ACK, seq, 101, TEXT);
        acked = i < FIRST_ACKS ? seq + TEXT : 1 + FIRST_ACKS * TEXT;
        if (i % 2 == 1)
            frame(c, 0, HF_ACK, 101, acked, 0);
    }
    if (segments > FIRST_ACKS)
        frame(c, 1, HF_ACK, 1 + FIRST_ACKS * TEXT, 101, TEXT);
    frame(c, 0, HF_ACK, 101, seq, 0);
    frame(c, 1, HF_ACK | HF_FIN, seq, 101, 0);
    frame(c, 0, HF_ACK | HF_FIN, 101, seq + 1, 0);
    frame(c, 1, HF_ACK, seq + 1, 102, 0);
}

static void on_over(void *context, const struct hf_explained *connection)
{
    struct capture *c = context;
    c->told += connection->ending == HF_EXPLAIN_END_CLOSED;
}

static bool measure_capture(const struct options *options)
{
    static struct capture c;
    struct hf_explain_config config = {.size = sizeof config, .over = on_over, .context = &c};
    struct rusage usage;
    uint32_t connections = 0;
    c.explain = hf_explain_create(&config);
    if (c.explain == NULL)
        bench_fail("no memory");
    c.frame[12] = 0x08;
    c.frame[14] = 0x45;
    c.frame[22] = 64;
    c.frame[23] = 6;
    c.frame[34 + 12] = 8 << 4;
    c.frame[34 + 14] = c.frame[34 + 15] = 0xff;
    static const uint8_t timestamps[] = {1, 1, 8, 10};
    memcpy(c.frame + 34 + 20, timestamps, sizeof timestamps);
    double start = cpu_now();
    while (c.bytes < options->bytes)
        one_connection(&c, ++connections);
    hf_explain_finish(c.explain);
    double seconds = cpu_now() - start;
    hf_explain_destroy(c.explain);
    if (c.told != connections)
        bench_fail("%u connections, %llu told as closed", connections,
                   (unsigned long long)c.told);
    (void)getrusage(RUSAGE_SELF, &usage);
    double rate = (double)c.bytes / seconds * 1e-6, memory = (double)usage.ru_maxrss / 1024;
    (void)printf("explaining %.0f MB of capture, %u connections   %8.0f MB/s  %6.2f M packets/s  "
                 "%5.1f MiB of memory   (wanted: 200 MB/s, 64 MiB)\n",
                 (double)c.bytes * 1e-6, connections, rate, (double)c.packets / seconds * 1e-6,
                 memory);
    return rate >= 200 && memory < 64;
}

/* ---- The recorder ---- */

/* Processor time for a byte. */
static double cost(bool recorder, bool offload, double seconds)
{
    uint64_t bytes = 0;
    bench_handfast_record(recorder, offload);
    bench_handfast.begin();
    (void)bench_handfast.transfer(4u << 20, BENCH_COPY);
    double start = cpu_now(), now = start;
    while (now < start + seconds) {
        bytes += bench_handfast.transfer(1u << 20, BENCH_COPY);
        now = cpu_now();
    }
    bench_handfast.end();
    return (now - start) / (double)bytes;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure_recorder(const struct options *options, bool offload)
{
    double ratio[PAIRS_MAX], without[PAIRS_MAX];
    unsigned n = options->pairs;
    for (unsigned i = 0; i < n; i++) {
        double with =
            i % 2 ? cost(true, offload, options->seconds) : 0; /* each comes first as often */
        without[i] = cost(false, offload, options->seconds);
        if (i % 2 == 0)
            with = cost(true, offload, options->seconds);
        ratio[i] = (with / without[i] - 1) * 100;
    }
    qsort(ratio, n, sizeof *ratio, by_value);
    qsort(without, n, sizeof *without, by_value);
    double percent = (ratio[(n - 1) / 2] + ratio[n / 2]) / 2;
    (void)printf(
        "flight recorder at both ends of a bulk transfer, %s  %+5.1f %% of %.2f ns a byte   "
        "(half of the pairs: %+.1f to %+.1f %%; wanted: 3 %%)\n",
        offload ? "super-segments    " : "segments of 1,448 B", percent, without[n / 2] * 1e9,
        ratio[n / 4], ratio[n - 1 - n / 4]);
    return percent <= 3;
}

/* ---- Command line ---- */

static void usage(FILE *to)
{
    (void)fprintf(
        to, "usage: handfast-explain-bench [--bytes N] [--pairs N] [--seconds S] [--check]\n"
            "  --bytes N     of capture, 1000000 to 1e12 (1073741824)\n"
            "  --pairs N     runs with and without the recorder, 1 to 1000 (150)\n"
            "  --seconds S   of each, 0.01 to 60 (0.05)\n"
            "  --check       exit status 1 when a target is missed\n");
}

static double number(const char *option, const char *text, double low, double high)
{
    char *stop;
    errno = 0;
    double value = text == NULL ? 0 : strtod(text, &stop);
    if (text == NULL || *text == 0 || *stop != 0 || errno != 0 ||
        !(value >= low && value <= high)) {
        (void)fprintf(stderr, "handfast-explain-bench: %s: '%s' is not a number from %g to %g\n",
                      option, text == NULL ? "" : text, low, high);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct options options = {.bytes = 1u << 30, .pairs = 150, .seconds = 0.05};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (strcmp(argv[i], "--check") == 0) {
            options.check = true;
        } else if (strcmp(argv[i], "--bytes") == 0) {
            options.bytes = (uint64_t)number(argv[i++], value, 1e6, 1e12);
        } else if (strcmp(argv[i], "--pairs") == 0) {
            options.pairs = (unsigned)number(argv[i++], value, 1, PAIRS_MAX);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = number(argv[i++], value, 0.01, 60);
        } else {
            (void)fprintf(stderr, "handfast-explain-bench: '%s' is not an option\n", argv[i]);
            usage(stderr);
            return 2;
        }
    }
    bool met = measure_capture(&options);
    met = measure_recorder(&options, false) && met;
    met = measure_recorder(&options, true) && met;
    return options.check && !met ? 1 : 0;
}
