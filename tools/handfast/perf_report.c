/* What a test prints: lines for people, or one JSON document, whose names are iperf3's so that
 * programs that read the one can read the other. */
#include "perf.h"
#include "progress.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE_TEXT 24
#define CELL_TEXT 32

/* A row of numbers: one stream, or a direction's sum, over some time. */
struct row {
    double from, to; /* seconds since the test began to count */
    uint64_t bytes;
    int64_t retransmits; /* -1: not known here */
    int64_t vain;        /* of them, those that were not needed; -1: not known of this row */
    hf_time rtt;
    uint32_t cwnd;
    bool sending;
    unsigned streams; /* of which this is the sum */
};

static double seconds_of(const struct perf_test *test, hf_time at)
{
    return (double)(at - test->counted_from) / (double)HF_SEC;
}

static double bits_per_second(const struct row *row)
{
    return row->to > row->from ? (double)row->bytes * 8 / (row->to - row->from) : 0;
}

static struct row row_between(const struct perf_test *test, const struct perf_stream *stream,
                              const struct perf_sample *a, hf_time from, hf_time to)
{
    const struct perf_sample *b = &stream->now;
    return (struct row){
        .from = seconds_of(test, from),
        .to = seconds_of(test, to),
        .bytes = b->bytes - a->bytes,
        .vain = -1,
        .retransmits = stream->sending ? (int64_t)b->retransmits - a->retransmits : -1,
        .rtt = b->rtt,
        .cwnd = stream->sending ? b->cwnd : 0,
        .sending = stream->sending,
    };
}

static void add_row(struct row *sum, const struct row *row)
{
    const struct row so_far = *sum;
    *sum = *row;
    sum->streams = so_far.streams + 1;
    sum->bytes += so_far.bytes;
    if (so_far.streams > 0) { /* RTT and window belong to one stream */
        sum->retransmits += row->retransmits < 0 ? 0 : so_far.retransmits;
        sum->rtt = 0;
        sum->cwnd = 0;
    }
}

/* ---- For people ---- */

static const char *rate_text(double bits, char text[RATE_TEXT])
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    size_t unit = 0;
    for (; bits >= 1000 && unit < 4; unit++)
        bits /= 1000;
    (void)snprintf(text, RATE_TEXT, "%.*f %s",
                   bits < 10    ? 2
                   : bits < 100 ? 1
                                : 0,
                   bits, units[unit]);
    return text;
}

static void print_heading(void)
{
    (void)printf("%-10s %13s %11s %13s %8s %10s %11s\n", "stream", "seconds", "bytes", "goodput",
                 "resent", "RTT", "cwnd");
}

static void print_row(const char *name, const struct row *row)
{
    char label[CELL_TEXT];
    char size[SIZE_TEXT];
    char rate[RATE_TEXT];
    char resent[CELL_TEXT] = "-";
    char rtt[CELL_TEXT] = "-";
    char cwnd[SIZE_TEXT] = "-";
    (void)snprintf(label, sizeof label, "%s %s", name, row->sending ? "out" : "in");
    if (row->retransmits >= 0)
        (void)snprintf(resent, sizeof resent, "%lld", (long long)row->retransmits);
    if (row->vain > 0)
        (void)snprintf(resent, sizeof resent, "%lld (%lld)", (long long)row->retransmits,
                       (long long)row->vain);
    if (row->rtt > 0)
        (void)snprintf(rtt, sizeof rtt, "%.3f ms", (double)row->rtt / (double)HF_MS);
    if (row->cwnd > 0)
        (void)size_text(row->cwnd, cwnd);
    (void)printf("%-10s %6.2f-%-6.2f %11s %13s %8s %10s %11s\n", label, row->from, row->to,
                 size_text(row->bytes, size), rate_text(bits_per_second(row), rate), resent, rtt,
                 cwnd);
}

static void print_beginning(const struct perf_test *test)
{
    const struct iperf_params *p = &test->params;
    char local[HF_ENDPOINT_TEXT];
    char remote[HF_ENDPOINT_TEXT];
    char size[SIZE_TEXT];
    (void)printf("%s %s %s: %u stream%s%s, ", hf_endpoint_format(&test->report.local, local),
                 test->serving ? "tested by" : "tests",
                 hf_endpoint_format(&test->report.remote, remote), p->streams,
                 p->streams == 1 ? "" : "s",
                 p->both                       ? " each way"
                 : p->reverse == test->serving ? " out"
                                               : " in");
    if (p->bytes > 0)
        (void)printf("%s\n", size_text(p->bytes, size));
    else
        (void)printf("%g s\n", p->seconds);
    print_heading();
    (void)fflush(stdout);
}

/* ---- For programs ---- */

static void add_number(cJSON *object, const char *name, double value)
{
    (void)cJSON_AddNumberToObject(object, name, value);
}

static cJSON *json_row(const struct row *row)
{
    cJSON *o = cJSON_CreateObject();
    add_number(o, "start", row->from);
    add_number(o, "end", row->to);
    add_number(o, "seconds", row->to - row->from);
    add_number(o, "bytes", (double)row->bytes);
    add_number(o, "bits_per_second", bits_per_second(row));
    if (row->retransmits >= 0)
        add_number(o, "retransmits", (double)row->retransmits);
    if (row->vain >= 0)
        add_number(o, "spurious_retransmits", (double)row->vain);
    if (row->cwnd > 0)
        add_number(o, "snd_cwnd", row->cwnd);
    if (row->rtt > 0)
        add_number(o, "rtt", (double)row->rtt / (double)HF_US);
    (void)cJSON_AddBoolToObject(o, "omitted", false);
    (void)cJSON_AddBoolToObject(o, "sender", row->sending);
    return o;
}

static cJSON *json_stream(const struct perf_stream *stream, const struct row *row)
{
    cJSON *o = json_row(row);
    add_number(o, "socket", stream->id);
    return o;
}

static void json_beginning(struct perf_test *test)
{
    const struct iperf_params *p = &test->params;
    char text[HF_ADDR_TEXT];
    struct hf_stack *stack = test->network->stack;
    cJSON *document = test->report.document = cJSON_CreateObject();
    cJSON *start = cJSON_AddObjectToObject(document, "start");
    cJSON *connected = cJSON_AddArrayToObject(start, "connected");
    for (unsigned i = 0; i < test->count; i++) {
        struct hf_tcp_status s = {.size = sizeof s};
        if (hf_tcp_status(stack, test->stream[i].conn, &s) < 0)
            continue;
        cJSON *o = cJSON_CreateObject();
        add_number(o, "socket", test->stream[i].id);
        (void)cJSON_AddStringToObject(o, "local_host", hf_addr_format(&s.local.addr, text));
        add_number(o, "local_port", s.local.port);
        (void)cJSON_AddStringToObject(o, "remote_host", hf_addr_format(&s.remote.addr, text));
        add_number(o, "remote_port", s.remote.port);
        add_number(o, "mss", s.mss);
        (void)cJSON_AddItemToArray(connected, o);
    }
    char version[CELL_TEXT];
    (void)snprintf(version, sizeof version, "handfast %s", hf_version());
    (void)cJSON_AddStringToObject(start, "version", version);
    cJSON *asked = cJSON_AddObjectToObject(start, "test_start");
    (void)cJSON_AddStringToObject(asked, "protocol", "TCP");
    add_number(asked, "num_streams", p->streams);
    add_number(asked, "blksize", p->block);
    add_number(asked, "omit", p->omit);
    add_number(asked, "duration", p->seconds);
    add_number(asked, "bytes", (double)p->bytes);
    add_number(asked, "reverse", p->reverse);
    add_number(asked, "bidir", p->both);
    test->report.intervals = cJSON_AddArrayToObject(document, "intervals");
}

/* ---- Both ---- */

void perf_report_begin(struct perf_test *test)
{
    if (test->report.json)
        json_beginning(test);
    else
        print_beginning(test);
}

static unsigned senders(const struct perf_test *test)
{
    unsigned n = 0;
    for (unsigned i = 0; i < test->count; i++)
        n += test->stream[i].sending;
    return n;
}

void perf_report_interval(struct perf_test *test, hf_time from, hf_time to)
{
    struct row sum[2] = {{.streams = 0}, {.streams = 0}};
    char name[CELL_TEXT];
    cJSON *interval = test->report.json ? cJSON_CreateObject() : NULL;
    cJSON *streams = interval ? cJSON_AddArrayToObject(interval, "streams") : NULL;
    for (unsigned i = 0; i < test->count; i++) {
        const struct perf_stream *s = &test->stream[i];
        struct row row = row_between(test, s, &s->last, from, to);
        add_row(&sum[s->sending], &row);
        if (s->sending) /* the stack has no other connections that send much */
            sum[1].vain = (int64_t)(test->vain[2] - test->vain[1]);
        if (s->sending && senders(test) == 1)
            row.vain = sum[1].vain;
        if (streams) {
            (void)cJSON_AddItemToArray(streams, json_stream(s, &row));
        } else {
            (void)snprintf(name, sizeof name, "%u", s->id);
            print_row(name, &row);
        }
    }
    for (int way = 1; way >= 0; way--) {
        if (interval && sum[way].streams > 0)
            (void)cJSON_AddItemToObject(
                interval, way == 0 && sum[1].streams > 0 ? "sum_bidir_reverse" : "sum",
                json_row(&sum[way]));
        else if (sum[way].streams > 1)
            print_row("all", &sum[way]);
    }
    if (interval)
        (void)cJSON_AddItemToArray(test->report.intervals, interval);
    else
        (void)fflush(stdout);
}

/* The other end's row of a stream; false: it did not tell. */
static bool their_row(const struct perf_test *test, const struct perf_stream *stream,
                      struct row *row)
{
    for (unsigned i = 0; test->have_theirs && i < test->theirs.count; i++) {
        const struct iperf_stream_result *r = &test->theirs.stream[i];
        if (r->id != stream->id)
            continue;
        *row = (struct row){
            .to = r->seconds > 0 ? r->seconds : seconds_of(test, test->over),
            .bytes = r->bytes,
            .vain = -1,
            .retransmits = r->retransmits,
            .sending = !stream->sending,
        };
        return true;
    }
    return false;
}

/* A direction's sums over the whole test, as its sender and its receiver saw them. */
struct totals {
    struct row ours, theirs;
    bool theirs_known;
};

static struct totals totals_of(const struct perf_test *test, bool sending)
{
    struct totals t = {.theirs_known = true};
    for (unsigned i = 0; i < test->count; i++) {
        const struct perf_stream *s = &test->stream[i];
        struct row theirs = {.streams = 0};
        if (s->sending != sending)
            continue;
        struct row ours = row_between(test, s, &s->start, test->counted_from, test->over);
        add_row(&t.ours, &ours);
        if (sending)
            t.ours.vain = (int64_t)(test->vain[2] - test->vain[0]);
        t.theirs_known &= their_row(test, s, &theirs);
        add_row(&t.theirs, &theirs);
    }
    return t;
}

static void json_end(struct perf_test *test)
{
    cJSON *end = cJSON_AddObjectToObject(test->report.document, "end");
    cJSON *streams = cJSON_AddArrayToObject(end, "streams");
    for (unsigned i = 0; i < test->count; i++) {
        const struct perf_stream *s = &test->stream[i];
        struct row ours = row_between(test, s, &s->start, test->counted_from, test->over);
        struct row theirs;
        cJSON *o = cJSON_CreateObject();
        (void)cJSON_AddItemToObject(o, s->sending ? "sender" : "receiver", json_stream(s, &ours));
        if (their_row(test, s, &theirs))
            (void)cJSON_AddItemToObject(o, s->sending ? "receiver" : "sender",
                                        json_stream(s, &theirs));
        (void)cJSON_AddItemToArray(streams, o);
    }
    for (int way = 1; way >= 0; way--) {
        struct totals t = totals_of(test, way == 1);
        bool second = way == 0 && test->params.both;
        if (t.ours.streams == 0)
            continue;
        const char *sent = second ? "sum_sent_bidir_reverse" : "sum_sent";
        const char *received = second ? "sum_received_bidir_reverse" : "sum_received";
        (void)cJSON_AddItemToObject(end, way ? sent : received, json_row(&t.ours));
        if (t.theirs_known)
            (void)cJSON_AddItemToObject(end, way ? received : sent, json_row(&t.theirs));
    }
    bool sends = test->params.both || test->params.reverse == test->serving;
    bool receives = test->params.both || !sends;
    if (sends)
        (void)cJSON_AddStringToObject(end, "sender_tcp_congestion", test->congestion);
    if (receives && test->have_theirs && *test->theirs.congestion)
        (void)cJSON_AddStringToObject(end,
                                      sends ? "receiver_tcp_congestion" : "sender_tcp_congestion",
                                      test->theirs.congestion);
    struct iperf_results *ours = malloc(sizeof *ours);
    if (!ours)
        return;
    perf_results(test, ours);
    cJSON *cpu = cJSON_AddObjectToObject(end, "cpu_utilization_percent");
    add_number(cpu, "host_total", ours->cpu[0]);
    add_number(cpu, "host_user", ours->cpu[1]);
    add_number(cpu, "host_system", ours->cpu[2]);
    if (test->have_theirs) {
        add_number(cpu, "remote_total", test->theirs.cpu[0]);
        add_number(cpu, "remote_user", test->theirs.cpu[1]);
        add_number(cpu, "remote_system", test->theirs.cpu[2]);
    }
    free(ours);
}

static void print_end(const struct perf_test *test)
{
    (void)printf("in all\n");
    for (int way = 1; way >= 0; way--) {
        struct totals t = totals_of(test, way == 1);
        for (unsigned i = 0; i < test->count && t.ours.streams > 1; i++) {
            const struct perf_stream *s = &test->stream[i];
            char name[CELL_TEXT];
            struct row row = row_between(test, s, &s->start, test->counted_from, test->over);
            if (s->sending != (way == 1))
                continue;
            (void)snprintf(name, sizeof name, "%u", s->id);
            print_row(name, &row);
        }
        if (t.ours.streams > 0)
            print_row("here", &t.ours);
        if (t.ours.streams > 0 && t.theirs_known)
            print_row("there", &t.theirs);
    }
    (void)fflush(stdout);
}

void perf_report_end(struct perf_test *test, const char *error)
{
    if (!test->report.json) {
        if (test->stopped)
            print_end(test);
        return;
    }
    if (!test->report.document)
        test->report.document = cJSON_CreateObject();
    if (test->stopped)
        json_end(test);
    if (error)
        (void)cJSON_AddStringToObject(test->report.document, "error", error);
    char *text = cJSON_Print(test->report.document);
    if (text)
        (void)printf("%s\n", text);
    (void)fflush(stdout);
    cJSON_free(text);
    cJSON_Delete(test->report.document);
    test->report.document = NULL;
}
