/* What `handfast explain` reads, as a stranger writes it. The first byte of an input chooses:
 *
 *     0 frames: the second byte is the link type (of a list), then each a length, a step in time and
 *       bytes; 0 as the length repeats the frame before with the next byte changed
 *     1 a dump of a flight recorder
 *     2 a capture file, through libpcap
 *
 * Whatever it says, memory stays within its limit, each connection is told once, and every sentence
 * and name fits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/explain.h>
#include <handfast/recorder.h>
#include <handfast/view.h>

#include "capture.h"
#include "check.h"

#define MEMORY (128u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint32_t count;
    const struct hf_explained *last;
};

static void on_over(void *context, const struct hf_explained *c)
{
    struct told *told = context;
    char sentence[HF_EXPLAIN_SENTENCE];
    told->count++;
    for (int language = HF_ENGLISH; language <= HF_CHINESE; language++) {
        hf_explain_sentence_words(c, language, sentence);
        CHECK(strlen(sentence) + 1 < HF_EXPLAIN_SENTENCE && sentence[0]);
    }
    CHECK(c->event_count <= HF_EXPLAIN_EVENTS_MAX && c->ending < HF_EXPLAIN_ENDING_COUNT);
    for (uint32_t i = 0; i < c->event_count; i++)
        CHECK(c->events[i].kind < HF_EXPLAIN_COUNT && c->events[i].end < 2);
    for (int e = 0; e < 2; e++)
        CHECK(c->end[e].state < HF_STATES);
}

static void on_segment(void *context, const struct hf_explained *c,
                       const struct hf_explained_segment *s)
{
    (void)context;
    (void)c;
    CHECK(s->from < 2 && s->state[0] < HF_STATES && s->state[1] < HF_STATES);
}

static void fuzz_frames(struct hf_explain *explain, const uint8_t *data, size_t size)
{
    static const int types[] = {HF_FRAME_NULL, HF_FRAME_ETHERNET,  HF_FRAME_RAW,
                                HF_FRAME_LOOP, HF_FRAME_LINUX_SLL, HF_FRAME_LINUX_SLL2};
    uint8_t frame[512];
    uint32_t len = 0;
    hf_time time = 0;
    uint64_t number = 0;
    int type = types[data[0] % 6];
    for (data++, size--; size >= 3;) {
        uint32_t length = data[0];
        time += (hf_time)data[1] * data[1] * HF_MS / 4;
        data += 2, size -= 2;
        if (length == 0 && len > 0) {
            frame[data[0] % len] = data[size > 1];
            data += 1 + (size > 1), size -= 1 + (size > 1);
        } else {
            len = length < size ? length : (uint32_t)size;
            memcpy(frame, data, len);
            data += len, size -= len;
        }
        CHECK(hf_explain_frame(explain, type, time, ++number, frame, len, len + len % 3) == 0);
        CHECK(hf_explain_memory(explain) <= MEMORY);
    }
}

static void fuzz_file(struct hf_explain *explain, const uint8_t *data, size_t size)
{
    struct capture capture;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    if (!file)
        return;
    int status = capture_read(file, "input", 0, explain, &capture);
    CHECK(status == -1 || *capture.note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told told = {0};
    struct hf_explain_config config = {.size = sizeof config,
                                       .over = on_over,
                                       .segment = on_segment,
                                       .context = &told,
                                       .watch = 1,
                                       .memory_max = MEMORY};
    if (size < 3)
        return 0;
    struct hf_explain *explain = hf_explain_create(&config);
    CHECK(explain);
    if (data[0] % 3 == 0)
        fuzz_frames(explain, data + 1, size - 1);
    else if (data[0] % 3 == 1)
        (void)hf_recording_play(data + 1, size - 1, hf_explain_record, explain);
    else
        fuzz_file(explain, data + 1, size - 1);
    hf_explain_finish(explain);
    struct hf_explain_totals totals;
    hf_explain_totals(explain, &totals);
    CHECK(told.count == totals.connections && hf_explain_memory(explain) == 0);
    hf_explain_destroy(explain);
    return 0;
}
