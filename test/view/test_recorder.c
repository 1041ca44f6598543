/* src/view/recorder.c: the flight recorder, and its dumps as the explainer reads them. */
#include "check.h"

#include <string.h>

#include <handfast/explain.h>
#include <handfast/recorder.h>

#include "feed.h"

struct heard {
    unsigned records, kinds[16];
    struct hf_trace_record last;
};

static void hear(void *context, const struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    struct heard *heard = context;
    assert_null(packet);
    heard->records++;
    heard->kinds[record->kind]++;
    heard->last = *record;
}

static struct hf_recorder *recorder_of(uint32_t bytes)
{
    struct hf_recorder_config config = {.size = sizeof config, .bytes = bytes};
    struct hf_recorder *recorder = hf_recorder_create(&config);
    assert_non_null(recorder);
    return recorder;
}

TEST(a_dump_plays_what_was_recorded, none, "")
{
    struct feed feed;
    struct text dump = {0};
    struct heard heard = {0};
    struct hf_recorder *recorder = recorder_of(0);
    feed_begin(&feed);
    feed.ours[SERVER] = false;
    feed_to(&feed, hf_recorder_record, recorder);
    feed_three_way_open(&feed);
    feed_four_way_close(&feed);
    hf_recorder_dump(recorder, text_write, &dump);
    struct hf_recording head;
    assert_int_equal(hf_recording_head((const uint8_t *)dump.bytes, dump.len, &head), 0);
    assert_int_equal(head.total, hf_recorder_total(recorder));
    assert_int_equal(head.records, head.total);
    assert_int_equal(head.opens, 1);
    int played = hf_recording_play((const uint8_t *)dump.bytes, dump.len, hear, &heard);
    assert_int_equal(played, head.records + head.opens);
    assert_int_equal(heard.records, played);
    assert_int_equal(heard.kinds[HF_TRACE_OPEN], 2); /* of the table, and where it happened */
    assert_int_equal(heard.last.kind, HF_TRACE_END);
    text_end(&dump);
    hf_recorder_destroy(recorder);
}

/* The ring is long past the OPEN record, whose place another connection has taken. */
TEST(addresses_outlive_the_ring, none, "")
{
    struct feed feed;
    struct text dump = {0};
    struct hf_recorder *recorder = recorder_of(HF_RECORDER_BYTES_MIN);
    feed_begin(&feed);
    feed.ours[SERVER] = false;
    feed_to(&feed, hf_recorder_record, recorder);
    feed_three_way_open(&feed);
    for (uint32_t i = 0; i < 200; i++) {
        struct hf_trace_record other = {.kind = HF_TRACE_OPEN, .stack = 1, .conn = 1000 + i};
        other.u.open.family = HF_IPV4;
        hf_recorder_record(recorder, &other, NULL);
    }
    for (uint32_t i = 0; i < 2000; i++)
        feed_out(&feed, CLIENT, (struct told_segment){.flags = HF_ACK, .seq = 1 + i, .ack = 1,
                                                      .text = 1, .window = 100});
    hf_recorder_dump(recorder, text_write, &dump);
    struct hf_recording head;
    assert_int_equal(hf_recording_head((const uint8_t *)dump.bytes, dump.len, &head), 0);
    assert_true(dump.len <= HF_RECORDER_BYTES_MIN);
    assert_true(head.records < head.total);
    assert_int_equal(head.opens, 1);
    const struct hf_trace_record *open = (const void *)(dump.bytes + HF_RECORDING_HEAD);
    assert_int_equal(open->u.open.remote_port, 80);
    assert_int_equal(open->u.open.local[3], 1);
    text_end(&dump);
    hf_recorder_destroy(recorder);
}

TEST(sizes_are_checked, none, "")
{
    struct hf_recorder_config config = {.size = sizeof config, .bytes = HF_RECORDER_BYTES_MIN - 1};
    assert_null(hf_recorder_create(&config));
    config.bytes = HF_RECORDER_BYTES_MAX + 1;
    assert_null(hf_recorder_create(&config));
    config.bytes = 10000; /* no multiple of anything */
    struct hf_recorder *recorder = hf_recorder_create(&config);
    assert_non_null(recorder);
    for (int i = 0; i < 1000; i++) {
        struct hf_trace_record r = {.kind = HF_TRACE_CLOCK};
        hf_recorder_record(recorder, &r, NULL);
    }
    hf_recorder_destroy(recorder);
    config.size = 1;
    assert_null(hf_recorder_create(&config));
}

/* What a stack needs to tell runs: where the last record lies, of which a dump has what was added. */
TEST(an_attached_recorder_lends_its_last_record, none, "")
{
    struct hf_stack_config config = {0};
    struct heard heard = {0};
    struct text dump = {0};
    struct hf_recorder *recorder = recorder_of(HF_RECORDER_BYTES_MIN);
    hf_recorder_attach(recorder, &config);
    assert_null(*config.trace_last);
    for (uint32_t i = 0; i < 1000; i++) {
        struct hf_trace_record r = {.kind = HF_TRACE_CALL, .u.call.bytes = i};
        config.trace(config.trace_context, &r, NULL);
        assert_int_equal((*config.trace_last)->u.call.bytes, i);
    }
    (*config.trace_last)->u.call.bytes += 5000;
    hf_recorder_dump(recorder, text_write, &dump);
    assert_true(hf_recording_play((const uint8_t *)dump.bytes, dump.len, hear, &heard) > 0);
    assert_int_equal(heard.last.u.call.bytes, 5999);
    text_end(&dump);
    hf_recorder_destroy(recorder);
}

static void count_trouble(void *context, struct hf_recorder *recorder, int cause)
{
    assert_true(hf_recorder_total(recorder) > 0);
    *(int *)context = cause;
}

TEST(trouble_is_told_and_an_orderly_end_is_not, none, "")
{
    int cause = 0;
    struct feed feed;
    struct hf_recorder_config config = {
        .size = sizeof config, .on_trouble = count_trouble, .context = &cause};
    struct hf_recorder *recorder = hf_recorder_create(&config);
    feed_begin(&feed);
    feed.ours[SERVER] = false;
    feed_to(&feed, hf_recorder_record, recorder);
    feed_three_way_open(&feed);
    feed_four_way_close(&feed);
    assert_int_equal(cause, 0);
    feed_end(&feed, CLIENT, HF_CAUSE_RESET, 0, 0);
    assert_int_equal(cause, HF_CAUSE_RESET);
    hf_recorder_destroy(recorder);
}

TEST(damaged_dumps, none, "")
{
    struct feed feed;
    struct text dump = {0};
    struct heard heard = {0};
    struct hf_recorder *recorder = recorder_of(0);
    feed_begin(&feed);
    feed_to(&feed, hf_recorder_record, recorder);
    feed_three_way_open(&feed);
    hf_recorder_dump(recorder, text_write, &dump);
    uint8_t *bytes = (uint8_t *)dump.bytes;
    for (size_t len = 0; len < dump.len; len++) {
        int got = hf_recording_play(bytes, len, hear, &heard);
        assert_int_equal(got, len < HF_RECORDING_HEAD ? HF_ERR_ARGUMENT : HF_EOF);
    }
    bytes[HF_RECORDING_HEAD + 14] = 99; /* no kind of record */
    assert_int_equal(hf_recording_play(bytes, dump.len, NULL, NULL), HF_ERR_ARGUMENT);
    bytes[0] = 'h';
    assert_int_equal(hf_recording_play(bytes, dump.len, NULL, NULL), HF_ERR_ARGUMENT);
    text_end(&dump);
    hf_recorder_destroy(recorder);
}

/* ---- As the explainer reads it ---- */

struct story {
    unsigned told;
    struct hf_explained last;
    char sentence[HF_EXPLAIN_SENTENCE];
};

static void on_over(void *context, const struct hf_explained *c)
{
    struct story *story = context;
    story->told++;
    story->last = *c;
    hf_explain_sentence(c, story->sentence);
}

TEST(the_explainer_takes_over_what_records_say, none, "")
{
    struct feed feed;
    struct story story = {0};
    struct hf_explain_config config = {.size = sizeof config, .over = on_over, .context = &story};
    struct hf_explain *explain = hf_explain_create(&config);
    feed_begin(&feed);
    feed.ours[SERVER] = false;
    feed_to(&feed, hf_explain_record, explain);
    feed_three_way_open(&feed);
    struct told_segment text = {.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100, .window = 9000};
    feed_out(&feed, CLIENT, text);
    text.reason = HF_SEND_TLP;
    feed_out(&feed, CLIENT, text);
    struct told_segment rst = {.flags = HF_RST | HF_ACK, .seq = 101, .ack = 1,
                               .reason = HF_SEND_RESET};
    feed_out(&feed, CLIENT, rst);
    feed_call(&feed, CLIENT, HF_CALL_ABORT, HF_CLOSED);
    feed_end(&feed, CLIENT, HF_CAUSE_ABORTED, 100, 0);
    hf_explain_finish(explain);
    hf_explain_destroy(explain);
    assert_int_equal(story.told, 1);
    assert_int_equal(story.last.end[0].counts[HF_EXPLAIN_TLP], 1);
    assert_int_equal(story.last.end[0].told, 1);
    assert_int_equal(story.last.end[0].state, HF_CLOSED);
    assert_string_equal(story.sentence, "Reset by A (#6): aborted by this side.");
}
