/* A stack's counters as a table for people: totals first, then what there is now, memory, and each
 * drop and ending that occurred, in words. What is zero is left out, but the totals. */
#include <handfast/view.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct out {
    hf_write_fn write;
    void *context;
};

__attribute__((format(printf, 2, 3))) static void print(const struct out *out, const char *format,
                                                        ...)
{
    char line[160];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (len <= 0)
        return;
    size_t n = (size_t)len < sizeof line ? (size_t)len : sizeof line - 1;
    out->write(out->context, line, n);
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t value, char text[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *at = text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = 0;
    return text;
}

/* A line of two directions: received, sent. */
static void both(const struct out *out, const char *name, uint64_t in, uint64_t sent)
{
    char a[32], b[32];
    print(out, "  %-22s %15s in %15s out\n", name, grouped(in, a), grouped(sent, b));
}

static void one(const struct out *out, const char *name, uint64_t value)
{
    char text[32];
    if (value > 0)
        print(out, "  %-22s %15s\n", name, grouped(value, text));
}

static void listed(const struct out *out, const char *title, const uint64_t *counts, int n,
                   const char *(*name)(int), const char *(*words)(int))
{
    bool any = false;
    for (int i = 1; i < n; i++) {
        char text[32];
        if (counts[i] == 0)
            continue;
        if (!any)
            print(out, "%s\n", title);
        any = true;
        print(out, "  %-22s %15s  %s\n", name(i), grouped(counts[i], text), words(i));
    }
}

/* All from the first to the last cause of an end are 64 bits wide, and stand without a gap. */
#define TOTALS (offsetof(struct hf_stack_counters, connections) / sizeof(uint64_t))
_Static_assert(sizeof(((struct hf_stack_counters *)0)->ended) == HF_CAUSE_COUNT * sizeof(uint64_t) &&
                   offsetof(struct hf_stack_counters, ended) / sizeof(uint64_t) + HF_CAUSE_COUNT ==
                       TOTALS,
               "no gap");

void hf_counters_add(struct hf_stack_counters *sum, const struct hf_stack_counters *c)
{
    uint64_t total[TOTALS], more[TOTALS];
    memcpy(total, sum, sizeof total);
    memcpy(more, c, sizeof more);
    for (size_t i = 0; i < TOTALS; i++)
        total[i] += more[i];
    memcpy(sum, total, sizeof total);
    sum->connections += c->connections;
    sum->half_open += c->half_open;
    sum->time_wait += c->time_wait;
    sum->orphans += c->orphans;
    sum->asleep += c->asleep;
    sum->listeners += c->listeners;
    sum->neighbours += c->neighbours;
    sum->memory += c->memory;
    sum->memory_peak += c->memory_peak;
    sum->memory_limit += c->memory_limit;
    sum->probes += c->probes;
    sum->segments_merged += c->segments_merged;
    sum->timer_steps += c->timer_steps;
    sum->records_visited += c->records_visited;
}

void hf_counters_print(const struct hf_stack_counters *c, hf_write_fn write, void *context)
{
    struct out out = {write, context};
    char a[32], b[32], d[32];

    print(&out, "traffic\n");
    both(&out, "packets", c->packets_in, c->packets_out);
    both(&out, "segments", c->segments_in, c->segments_out);
    both(&out, "bytes of text", c->bytes_in, c->bytes_out);
    both(&out, "resets", c->resets_in, c->resets_out);
    if (c->icmp_in + c->icmp_out > 0)
        both(&out, "ICMP", c->icmp_in, c->icmp_out);
    one(&out, "retransmissions", c->retransmits);
    one(&out, "segments merged", c->segments_merged);
    one(&out, "challenge ACKs", c->challenge_acks);

    print(&out, "connections\n");
    one(&out, "opened by us", c->active_opens);
    one(&out, "opened by peers", c->passive_opens);
    one(&out, "SYN cookies sent", c->cookies_sent);
    one(&out, "SYN cookies taken", c->cookies_taken);
    print(&out, "  %-22s %15s open, %s half-open, %s in TIME-WAIT\n", "now",
          grouped(c->connections, a), grouped(c->half_open, b), grouped(c->time_wait, d));
    one(&out, "closed, peer slow", c->orphans);
    one(&out, "idle, asleep", c->asleep);
    one(&out, "listeners", c->listeners);
    one(&out, "timers run", c->timers_run);
    print(&out, "  %-22s %15s bytes, at most %s of %s\n", "memory", grouped(c->memory, a),
          grouped(c->memory_peak, b), grouped(c->memory_limit, d));

    listed(&out, "ended", c->ended, HF_CAUSE_COUNT, hf_cause_name, hf_cause_text);
    listed(&out, "dropped", c->drops, HF_DROP_COUNT, hf_drop_name, hf_drop_text);
}
