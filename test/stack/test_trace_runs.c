/* Runs in the event stream: a sink that asked for them hears less often and is told no less. The
 * same connections twice, once told segment by segment, once in runs; the runs, taken apart
 * again, must be the records of the first time. */
#include "two.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 1 << 16, PIECE = 40000, PIECES = 30 };

struct told {
    struct hf_trace_record records[RECORDS];
    size_t count;
    struct hf_trace_record *last;
};

struct ends {
    struct told *told[2];
    uint64_t seed, dice;
    unsigned lose_one_in; /* packets; 0: none                                                 */
    bool runs, merge;     /* told in runs; segments are merged by the stack                   */
};

static void hear(void *context, const struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    struct told *told = context;
    (void)packet;
    assert_true(told->count < RECORDS);
    told->last = &told->records[told->count++];
    *told->last = *record;
}

static void listen_in(struct two *two, int at, struct hf_stack_config *config)
{
    struct ends *ends = two->context;
    config->trace = hear;
    config->trace_context = ends->told[at];
    config->trace_last = ends->runs ? &ends->told[at]->last : NULL;
    memcpy(config->seed + 8, &ends->seed, sizeof ends->seed);
}

static bool arrives(struct two *two, int from, const uint8_t *bytes, uint32_t len)
{
    struct ends *ends = two->context;
    (void)from;
    (void)bytes;
    (void)len;
    ends->dice = ends->dice * 6364136223846793005u + 1442695040888963407u;
    return !ends->lose_one_in || (ends->dice >> 33) % ends->lose_one_in != 0;
}

static void two_begin(struct two *two, struct ends *ends)
{
    two_init(two);
    two->adjust = listen_in;
    two->on_packet = arrives;
    two->context = ends;
    two->features = ends->merge ? HF_LINK_MERGE : 0;
    two->settings.initial_window = 16;
    two_make(two);
}

/* Text both ways on two connections in pieces of odd sizes, some with a push and some read late, then a
 * close. `loss`: one packet in so many is lost. */
static void play(struct ends *ends, unsigned loss)
{
    static uint8_t bytes[PIECE];
    struct two two;
    two_begin(&two, ends);
    hf_listener listener = two_listen(&two, 1, 80, 5);
    hf_conn conn[2][2];
    for (int i = 0; i < 2; i++)
        two_connect(&two, listener, 80, &conn[i][0], &conn[i][1]);
    ends->dice = ends->seed;
    ends->lose_one_in = loss;
    for (uint64_t piece = 0; piece < PIECES; piece++) {
        uint64_t mix = (ends->seed ^ piece) * 0x9e3779b97f4a7c15u;
        for (int at = 0; at < 2; at++)
            for (int i = 0; i < 2; i++) {
                size_t n = 1 + (mix >> (16 * i + 8 * at)) % (at ? 3000 : PIECE);
                (void)hf_tcp_send(two.stack[at], conn[i][at], bytes, n / 2, 0);
                (void)hf_tcp_send(two.stack[at], conn[i][at], bytes, n - n / 2, 0);
            }
        two_run(&two, (hf_time)(mix >> 40) % 4 * 100 * HF_MS);
        for (int at = 0; at < 2; at++)
            for (int i = 0; i < 2 && piece % 3; i++)
                while (hf_tcp_recv(two.stack[at], conn[i][at], bytes, sizeof bytes) > 0) {
                }
    }
    ends->lose_one_in = 0;
    for (int i = 0; i < 2; i++)
        for (int at = 0; at < 2; at++)
            (void)hf_tcp_close(two.stack[at], conn[i][at]);
    two_run(&two, 100 * HF_SEC);
    two_end(&two);
}

/* A record as it would have been told without runs: one segment after the other. Returns how many of
 * `plain` it stands for. */
static size_t take_apart(struct hf_trace_record run, const struct hf_trace_record *plain)
{
    size_t n = run.u.segment.segments;
    uint32_t each = run.u.segment.segment_bytes, left = run.u.segment.text;
    for (size_t i = 0; i < n; i++) {
        struct hf_trace_record one = run;
        uint32_t text = left < each ? left : each;
        if (i + 1 < n) {
            assert_int_equal(text, each);
            one.u.segment.flags &= (uint16_t)~HF_PSH;
        }
        one.u.segment.text = text;
        one.u.segment.segments = 1;
        one.u.segment.segment_bytes = (uint16_t)text;
        one.u.segment.seq = run.u.segment.seq + (uint32_t)i * each;
        left -= text;
        assert_memory_equal(&one, &plain[i], sizeof one);
    }
    assert_int_equal(left, 0);
    return n;
}

static size_t calls_of(struct hf_trace_record run, const struct hf_trace_record *plain)
{
    uint32_t bytes = 0;
    size_t n = 0;
    for (; bytes < run.u.call.bytes || n == 0; n++) {
        struct hf_trace_record one = plain[n];
        bytes += one.u.call.bytes;
        one.u.call.bytes = run.u.call.bytes;
        assert_memory_equal(&one, &run, sizeof one);
    }
    assert_int_equal(bytes, run.u.call.bytes);
    return n;
}

static void compare(const struct told *plain, const struct told *runs)
{
    size_t at = 0;
    for (size_t i = 0; i < runs->count; i++) {
        const struct hf_trace_record *r = &runs->records[i];
        assert_true(at < plain->count);
        if (r->kind == HF_TRACE_IN || r->kind == HF_TRACE_OUT) {
            at += take_apart(*r, &plain->records[at]);
        } else if (r->kind == HF_TRACE_CALL) {
            at += calls_of(*r, &plain->records[at]);
        } else {
            assert_memory_equal(r, &plain->records[at], sizeof *r);
            at++;
        }
    }
    assert_int_equal(at, plain->count);
}

static void compare_with_loss(unsigned loss, bool merge)
{
    struct told *told = calloc(4, sizeof *told);
    assert_non_null(told);
    uint64_t seed = check_random();
    struct ends plain = {.told = {&told[0], &told[1]}, .seed = seed, .merge = merge};
    struct ends runs = {.told = {&told[2], &told[3]}, .seed = seed, .merge = merge, .runs = true};
    play(&plain, loss);
    play(&runs, loss);
    for (int at = 0; at < 2; at++) {
        compare(plain.told[at], runs.told[at]);
        assert_true(runs.told[at]->count < plain.told[at]->count);
    }
    free(told);
}

TEST(runs_tell_all_that_their_segments_would, none, "")
{
    compare_with_loss(0, false);
    compare_with_loss(0, true);
}

TEST(runs_tell_of_losses_what_their_segments_would, none, "")
{
    for (unsigned loss = 5; loss <= 80; loss *= 2)
        compare_with_loss(loss, loss % 4 != 0);
}

/* ---- What does not join ---- */

static struct told told;

/* Eight full segments to the server in one batch; returns the IN records at the server. */
static unsigned segments_told(bool runs, bool merge)
{
    static uint8_t bytes[8 * 1448];
    struct two two;
    struct ends ends = {.told = {&told, &told}, .runs = runs, .merge = merge};
    two_begin(&two, &ends);
    hf_conn a, b;
    two_connect(&two, two_listen(&two, 1, 80, 5), 80, &a, &b);
    memset(&told, 0, sizeof told);
    assert_int_equal(hf_tcp_send(two.stack[0], a, bytes, sizeof bytes, 0), sizeof bytes);
    two_settle(&two);
    unsigned in = 0;
    for (size_t i = 0; i < told.count; i++)
        if (told.records[i].kind == HF_TRACE_IN && told.records[i].stack == 2)
            in++;
    two_end(&two);
    return in;
}

TEST(a_batch_of_full_segments_is_one_record, none, "")
{
    for (int merge = 0; merge < 2; merge++) {
        assert_int_equal(segments_told(false, merge), 8);
        assert_int_equal(segments_told(true, merge), 1);
    }
}
