/* Handfast: a flight recorder. The last events of a stack in a ring of at most 64 KiB, cheap enough
 * to be on all the time, and read when something went wrong.
 *
 *     struct hf_recorder_config config = {.size = sizeof config};
 *     struct hf_recorder *recorder = hf_recorder_create(&config);
 *     hf_recorder_attach(recorder, &stack_config);
 *     ... run ...
 *     hf_recorder_dump(recorder, hf_write_file, file);        handfast explain reads it
 *     hf_recorder_destroy(recorder);
 *
 * It keeps records, not packets: headers and what the stack thought of them, no text of anybody's.
 * One stack a recorder; the thread that owns the stack. */
#ifndef HANDFAST_RECORDER_H
#define HANDFAST_RECORDER_H

#include <handfast/stack.h>
#include <handfast/trace.h>
#include <handfast/types.h>
#include <handfast/view.h>

HF_BEGIN

#define HF_RECORDER_BYTES_MIN 8192u
#define HF_RECORDER_BYTES_MAX 65536u

struct hf_recorder;

struct hf_recorder_config {
    uint32_t size;   /* sizeof(struct hf_recorder_config)                                     */
    uint32_t bytes;  /* all that it takes, 8192..65536; 0: 65536                              */
    int64_t wall_ns; /* added to a record's time: nanoseconds since 1970-01-01 UTC of time 0  */
    /* A connection ended in another way than by both sides closing; the ring holds its last events.
     * May be NULL. May dump; must not call the stack. cause: enum hf_cause. */
    void (*on_trouble)(void *context, struct hf_recorder *recorder, int cause);
    void *context;
};

/* hf_recorder_create: returns NULL without memory, or when size or bytes is out of range. */
HF_API struct hf_recorder *hf_recorder_create(const struct hf_recorder_config *config);

/* hf_recorder_destroy: NULL is allowed. */
HF_API void hf_recorder_destroy(struct hf_recorder *recorder);

/* hf_recorder_attach: what a configuration needs so that the stack made with it tells the recorder
 * and nobody else, in runs (trace.h): that costs least and holds most.
 * owner    the recorder must outlive the stack */
HF_API void hf_recorder_attach(struct hf_recorder *recorder, struct hf_stack_config *config);

/* hf_recorder_record: a hf_trace_fn whose context is a struct hf_recorder, for who has other sinks
 * beside it. Each segment then takes a record. */
HF_API void hf_recorder_record(void *recorder, const struct hf_trace_record *record,
                               const struct hf_packet *packet);

/* hf_recorder_dump: write what is in the ring, oldest first, behind OPEN records of the connections
 * that it tells of. Changes nothing; may be called at any time, also by on_trouble. */
HF_API void hf_recorder_dump(const struct hf_recorder *recorder, hf_write_fn write, void *context);

/* hf_recorder_total: records that were ever made. */
HF_API uint64_t hf_recorder_total(const struct hf_recorder *recorder);

#define HF_RECORDING_MAGIC "HANDFAST"
#define HF_RECORDING_HEAD 40 /* bytes before the first record                                  */

/* What a dump says of itself. Numbers in it are in the byte order of the machine that made it, and
 * only read on such a one. */
struct hf_recording {
    uint64_t total;   /* records that were ever made                                          */
    uint32_t records; /* of the ring, in the dump                                             */
    uint32_t opens;   /* OPEN records before them                                             */
    int64_t wall_ns;
};

/* hf_recording_head: read the head of a dump.
 * returns  0; HF_ERR_ARGUMENT: not a dump, of another version or byte order, or shorter
 *          than a head */
HF_API int hf_recording_head(const uint8_t *bytes, size_t len, struct hf_recording *recording);

/* hf_recording_play: hand the records of a dump to a sink, without packets.
 * sink     NULL: only check
 * returns  how many; HF_ERR_ARGUMENT: as above, or a record that no stack writes (those before it
 *          were handed over); HF_EOF: the dump is cut off (the rest was handed over) */
HF_API int hf_recording_play(const uint8_t *bytes, size_t len, hf_trace_fn sink, void *context);

HF_END
#endif
