/* Records of segments and of calls that move text, and the runs of them; see trace_run.c. */
#ifndef HF_TCP_TRACE_RUN_H
#define HF_TCP_TRACE_RUN_H

#include <stddef.h>
#include <string.h>

#include "base/env.h"
#include "wire/tcp.h"

/* What the record of a segment tells, on its way in or out. */
struct hf_told_segment {
    uint32_t conn; /* as in the record                                     */
    uint8_t kind, state, reason;
    uint8_t scale; /* of the window                                        */
    hf_seq seq, ack;
    uint32_t text;
    uint16_t flags, window, urgent;   /* as they stand in the header                          */
    uint16_t segments, segment_bytes; /* as in struct hf_seg                                  */
    const struct hf_tcp_options *options;
    const struct hf_packet *packet;
};

_Static_assert(offsetof(struct hf_tcp_options, sack) ==
                   sizeof(((struct hf_trace_run *)0)->options),
               "a run compares all options but SACK blocks and a cookie");

static inline uint64_t hf_trace_stream(uint32_t conn, unsigned kind, unsigned reason)
{
    return (uint64_t)conn << 32 | kind << 8 | reason;
}

static inline uint64_t hf_trace_numbers(hf_seq seq, hf_seq ack)
{
    return (uint64_t)ack << 32 | seq;
}

/* Everything that options tell but SACK blocks, in two words: two loads instead of a call. */
static inline bool hf_trace_same_options(const struct hf_trace_run *run,
                                         const struct hf_tcp_options *options)
{
    uint64_t words[2];
    memcpy(words, options, sizeof words);
    return ((words[0] ^ run->options[0]) | (words[1] ^ run->options[1])) == 0;
}

/* The segment is one more of the same and is told by that. This is what a full segment of a bulk
 * transfer comes to; anything else is for hf_trace_segment. */
static inline bool hf_trace_one_more(struct hf_env *env, uint64_t stream, uint64_t numbers,
                                     uint16_t flags, uint16_t window,
                                     const struct hf_tcp_options *options, uint32_t text)
{
    struct hf_trace_run *run = &env->run;
    if (run->stream != stream || run->numbers != numbers || run->flags != flags ||
        run->window != window || run->segment_bytes != text || run->left == 0 ||
        !hf_trace_same_options(run, options))
        return false;
    run->left--;
    run->numbers = hf_trace_numbers((hf_seq)numbers + text, (hf_seq)(numbers >> 32));
    run->record->u.segment.text += text;
    run->record->u.segment.segments++;
    return true;
}

/* Any segment: joined to what came before, or a record of its own. Only if env->trace. */
void hf_trace_segment(struct hf_env *env, const struct hf_told_segment *segment);
void hf_trace_call_record(struct hf_env *env, uint32_t id, uint8_t state, enum hf_call call,
                          uint32_t bytes);

#endif
