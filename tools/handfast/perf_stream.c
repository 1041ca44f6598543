/* The streams of a test: bytes without meaning as fast as they go, and what TCP says of them.
 *
 * What counts is what arrived: a receiver counts what it has read, a sender what was acknowledged,
 * not what still lies in its queue. */
#include "perf.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define PACE_EVERY (2 * HF_MS) /* streams with a limited rate send a little this often */

static uint8_t block[IPERF_BLOCK_MAX];

unsigned perf_streams_wanted(const struct iperf_params *params)
{
    return params->both ? 2 * params->streams : params->streams;
}

/* Whether this side sends on the stream with that place. */
static bool sends(const struct perf_test *test, unsigned place)
{
    if (test->params.both)
        return (place < test->params.streams) != test->serving;
    return test->params.reverse == test->serving;
}

struct perf_stream *perf_add_stream(struct perf_test *test, hf_conn conn)
{
    struct hf_stack *stack = test->network->stack;
    const struct iperf_params *p = &test->params;
    struct perf_stream *s = &test->stream[test->count];
    *s = (struct perf_stream){
        .conn = conn,
        .id = iperf_stream_id(test->count),
        .sending = sends(test, test->count),
    };
    test->count++;
    if (p->window) {
        (void)hf_tcp_set(stack, conn, HF_OPTION_SND_BUFFER, p->window);
        (void)hf_tcp_set(stack, conn, HF_OPTION_RCV_BUFFER, p->window);
    }
    if (*p->congestion)
        (void)hf_tcp_set(stack, conn, HF_OPTION_CONGESTION, hf_congestion_named(p->congestion));
    if (p->tos)
        (void)hf_tcp_set(stack, conn, HF_OPTION_TOS, p->tos);
    if (p->nodelay)
        (void)hf_tcp_set(stack, conn, HF_OPTION_NODELAY, 1);
    return s;
}

static struct perf_sample sample(const struct perf_test *test, const struct perf_stream *stream)
{
    struct hf_tcp_status status = {.size = sizeof status};
    struct perf_sample s = stream->now; /* what was known last, when the handle is gone */
    s.at = hf_host_now(test->network->host);
    if (hf_tcp_status(test->network->stack, stream->conn, &status) < 0)
        return s;
    uint64_t cookie = test->serving ? 0 : IPERF_COOKIE;
    s.bytes = !stream->sending               ? stream->taken
              : status.bytes_acked <= cookie ? 0
                                             : status.bytes_acked - cookie;
    s.retransmits = status.retransmits;
    s.rtt = status.srtt;
    s.cwnd = status.cwnd;
    return s;
}

static void sample_all(struct perf_test *test)
{
    struct hf_stack_counters counters;
    hf_stack_counters(test->network->stack, &counters);
    test->vain[2] = counters.spurious_retransmits;
    for (unsigned i = 0; i < test->count; i++)
        test->stream[i].now = sample(test, &test->stream[i]);
}

static struct perf_cpu cpu_now(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (struct perf_cpu){
        .user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        .system = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
    };
}

static hf_time nanoseconds(double seconds)
{
    return (hf_time)(seconds * (double)HF_SEC);
}

/* ---- Bytes ---- */

/* How much of its rate a stream has not used yet; bursts of a block. */
static uint64_t rate_allows(const struct perf_test *test, const struct perf_stream *stream)
{
    if (test->params.rate == 0)
        return UINT64_MAX;
    double seconds = (double)(hf_host_now(test->network->host) - test->began) / (double)HF_SEC;
    double due = seconds * (double)test->params.rate / 8 + test->params.block;
    return due > (double)stream->taken ? (uint64_t)due - stream->taken : 0;
}

static void send_more(struct perf_test *test, struct perf_stream *stream)
{
    for (;;) {
        uint64_t most = rate_allows(test, stream);
        most = most < test->unsent ? most : test->unsent;
        size_t n = most < test->params.block ? (size_t)most : test->params.block;
        int64_t sent = n ? hf_tcp_send(test->network->stack, stream->conn, block, n, 0) : 0;
        if (sent <= 0)
            return;
        stream->taken += (uint64_t)sent;
        if (test->unsent != UINT64_MAX)
            test->unsent -= (uint64_t)sent;
    }
}

static void take_all(struct perf_test *test, struct perf_stream *stream)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(test->network->stack, stream->conn, &bytes)) > 0) {
        stream->taken += (uint64_t)n;
        (void)hf_tcp_consume(test->network->stack, stream->conn, (size_t)n);
    }
    stream->ended |= n < 0;
}

void perf_pump(struct perf_test *test, struct perf_stream *stream)
{
    if (stream->sending && test->running)
        send_more(test, stream);
    if (!stream->sending)
        take_all(test, stream);
}

void perf_stream_ended(struct perf_test *test, struct perf_stream *stream, uint32_t cause)
{
    if (!stream->sending)
        take_all(test, stream);
    stream->ended = true;
    stream->cause = cause;
}

/* ---- Time ---- */

static void count_from_here(struct perf_test *test, hf_time now)
{
    sample_all(test);
    for (unsigned i = 0; i < test->count; i++) {
        struct perf_stream *s = &test->stream[i];
        s->start = s->last = s->now;
    }
    test->vain[0] = test->vain[1] = test->vain[2];
    test->counted_from = test->line_from = now;
    test->next_line = test->interval ? now + test->interval : HF_NEVER;
    test->cpu_began = cpu_now();
}

void perf_begin(struct perf_test *test)
{
    hf_time now = hf_host_now(test->network->host);
    if (test->running || test->stopped)
        return;
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)('0' + i % 10);
    test->running = true;
    test->began = now;
    test->unsent = test->params.bytes ? test->params.bytes : UINT64_MAX;
    count_from_here(test, now);
    test->counted_from = now + nanoseconds(test->params.omit);
    perf_report_begin(test);
    for (unsigned i = 0; i < test->count; i++) {
        struct perf_stream *s = &test->stream[i];
        s->start.bytes = s->last.bytes = 0; /* what came before TEST_START did counts too */
        perf_pump(test, s);
    }
}

static void line(struct perf_test *test, hf_time now)
{
    sample_all(test);
    perf_report_interval(test, test->line_from, now);
    for (unsigned i = 0; i < test->count; i++)
        test->stream[i].last = test->stream[i].now;
    test->vain[1] = test->vain[2];
    test->line_from = now;
    while (test->next_line <= now)
        test->next_line += test->interval;
}

static const char *used_congestion(const struct perf_test *test)
{
    struct hf_tcp_status status = {.size = sizeof status};
    if (test->count > 0)
        (void)hf_tcp_status(test->network->stack, test->stream[0].conn, &status);
    const char *name = hf_congestion_name(status.congestion);
    return name ? name : "";
}

void perf_stop(struct perf_test *test)
{
    hf_time now = hf_host_now(test->network->host);
    if (!test->running)
        return;
    test->running = false;
    test->stopped = true;
    test->over = now;
    test->cpu_over = cpu_now();
    sample_all(test);
    (void)snprintf(test->congestion, sizeof test->congestion, "%s", used_congestion(test));
    if (test->interval && now - test->line_from > test->interval / 10)
        line(test, now);
}

static bool omitting(const struct perf_test *test)
{
    return test->params.omit > 0 && test->line_from < test->counted_from;
}

hf_time perf_turn(struct perf_test *test)
{
    hf_time now = hf_host_now(test->network->host);
    hf_time next = now + 200 * HF_MS;
    if (!test->running)
        return 200 * HF_MS;
    if (omitting(test)) {
        if (now >= test->counted_from)
            count_from_here(test, now);
        else
            next = test->counted_from;
    } else if (now >= test->next_line) {
        line(test, now);
    }
    if (!omitting(test) && test->next_line < next)
        next = test->next_line;
    if (test->params.rate) {
        for (unsigned i = 0; i < test->count; i++)
            perf_pump(test, &test->stream[i]);
        next = next < now + PACE_EVERY ? next : now + PACE_EVERY;
    }
    if (test->params.seconds > 0) {
        hf_time end = test->counted_from + nanoseconds(test->params.seconds);
        next = next < end ? next : end;
    }
    return next > now ? next - now : 0;
}

/* Bytes of a direction that have arrived. */
static uint64_t arrived(const struct perf_test *test, bool sending)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < test->count; i++)
        if (test->stream[i].sending == sending)
            sum += sample(test, &test->stream[i]).bytes;
    return sum;
}

bool perf_is_over(const struct perf_test *test)
{
    const struct iperf_params *p = &test->params;
    hf_time now = hf_host_now(test->network->host);
    if (!test->running)
        return false;
    if (p->bytes == 0)
        return now >= test->counted_from + nanoseconds(p->seconds);
    bool sent = p->reverse || arrived(test, true) >= p->bytes;
    bool received = (!p->reverse && !p->both) || arrived(test, false) >= p->bytes;
    return sent && received;
}

/* ---- The end ---- */

void perf_results(const struct perf_test *test, struct iperf_results *results)
{
    double seconds = (double)(test->over - test->counted_from) / (double)HF_SEC;
    double user = test->cpu_over.user - test->cpu_began.user;
    double system = test->cpu_over.system - test->cpu_began.system;
    double scale = seconds > 0 ? 100 / seconds : 0;
    memset(results, 0, sizeof *results);
    results->cpu[0] = (user + system) * scale;
    results->cpu[1] = user * scale;
    results->cpu[2] = system * scale;
    results->retransmits_known = -1;
    (void)snprintf(results->congestion, sizeof results->congestion, "%s", test->congestion);
    results->count = test->count;
    for (unsigned i = 0; i < test->count; i++) {
        const struct perf_stream *s = &test->stream[i];
        results->stream[i] = (struct iperf_stream_result){
            .id = s->id,
            .bytes = s->now.bytes - s->start.bytes,
            .retransmits = s->sending ? (int64_t)s->now.retransmits - s->start.retransmits : -1,
            .seconds = seconds > 0 ? seconds : 0,
        };
        if (s->sending)
            results->retransmits_known = 1;
    }
}
