/* Handfast: views, which are readers of the event stream of trace.h. An observer follows
 * connections, a ladder draws them (as text or as a picture), a diagram lights the states they went
 * through, a capture keeps their segments as pcapng, a plot shows sequence numbers over time, and a
 * table a stack's counters. They keep their own state and look into no stack: what they show is what the
 * records said. They allocate with malloc; they call no stack and no clock.
 *
 *     struct hf_ladder_config config = {.size = sizeof config, .write = hf_write_file,
 *                                       .context = stdout, .both_ends = 1};
 *     struct hf_ladder *ladder = hf_ladder_create(&config);
 *     stack_config.trace = hf_ladder_record;          (of one stack or of several, alike)
 *     stack_config.trace_context = ladder;
 *     ... run ...
 *     hf_ladder_print(ladder);
 *     hf_ladder_destroy(ladder);
 *
 * Stacks that feed one view share one clock and have different ids. One thread at a time. */
#ifndef HANDFAST_VIEW_H
#define HANDFAST_VIEW_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/stack.h>
#include <handfast/trace.h>
#include <handfast/types.h>

HF_BEGIN

/* Where a view writes: text or bytes, in pieces of any length. */
typedef void (*hf_write_fn)(void *context, const void *bytes, size_t len);

/* hf_write_file: a hf_write_fn whose context is a FILE *. Errors stay with the file (ferror). */
HF_API void hf_write_file(void *file, const void *bytes, size_t len);

/* ---- Several readers of one stream ---- */

#define HF_TEE_MAX 6

/* Sinks that are called in order. Fill it in; no call is needed to end it. */
struct hf_tee {
    unsigned count; /* how many are used                                                      */
    hf_trace_fn sink[HF_TEE_MAX];
    void *context[HF_TEE_MAX];
};

/* hf_tee_record: a hf_trace_fn whose context is a struct hf_tee. */
HF_API void hf_tee_record(void *tee, const struct hf_trace_record *record,
                          const struct hf_packet *packet);

/* ---- Names ---- */

#define HF_FLAGS_TEXT 40 /* room for any set of flags and the final 0                         */

/* hf_flags_text: "SYN,ACK"; "none" for none.
 * text     at least HF_FLAGS_TEXT bytes
 * returns  text */
HF_API char *hf_flags_text(unsigned flags, char *text);

/* hf_call_text: "open", "close", ... for enum hf_call. hf_by_text: "segment", "call", "timer",
 * "ICMP", "stack" for enum hf_by. Never NULL. */
HF_API const char *hf_call_text(int call);
HF_API const char *hf_by_text(int by);

/* The languages of views. Terms of the protocol (state names, flags, seq, ack) are the same in
 * both. */
enum hf_language {
    HF_ENGLISH = 0,
    HF_CHINESE = 1 /* Simplified Chinese, as UTF-8                                            */
};

/* hf_cause_words, hf_drop_words, hf_send_words, hf_timer_words, hf_call_words: as hf_cause_text and
 * its kin of trace.h, in a language. Never NULL.
 * thread   any */
HF_API const char *hf_cause_words(int cause, int language);
HF_API const char *hf_drop_words(int drop, int language);
HF_API const char *hf_send_words(int reason, int language);
HF_API const char *hf_timer_words(int timer, int language);
HF_API const char *hf_call_words(int call, int language);

/* The name to show for a stack, instead of its number. */
struct hf_view_name {
    uint16_t stack;   /* its id                                                               */
    const char *name; /* the caller's, for as long as the view lives                          */
};

/* ---- Observer ---- */

/* One end of an observed connection. */
struct hf_observed_end {
    struct hf_endpoint endpoint;
    uint32_t conn;   /* its number in its stack, when ours                                    */
    uint16_t stack;  /* its stack, when ours                                                  */
    uint8_t ours;    /* 1: its own records say its state; 0: the state is inferred            */
    uint8_t state;   /* enum hf_state                                                         */
    uint8_t has_isn; /* 1: its SYN was seen, and isn is its number. 0: isn is the first seq   */
    uint8_t seen;    /* 1: something of it was seen, isn is valid                             */
    uint8_t ended;   /* 1: a HF_TRACE_END came                                                */
    uint8_t cause;   /* enum hf_cause, when ended                                             */
    uint32_t isn;
    hf_time ended_at;
};

/* An observed connection. End 0 is the one that opened it (or spoke first). */
struct hf_observed {
    uint32_t number; /* from 1, in the order of appearance                                    */
    struct hf_observed_end end[2];
};

struct hf_observer;

/* hf_observer_create: returns NULL without memory. */
HF_API struct hf_observer *hf_observer_create(void);
HF_API void hf_observer_destroy(struct hf_observer *observer);

/* hf_observer_see: follow one record. Segments are found by the addresses of their packet, other
 * records by their connection's number. The state of an end that no stack of ours speaks for is
 * inferred: from what it sent and, for the last segment of the three-way open and of the close
 * (which nothing answers), from what was sent to it.
 * end      *end is 0 or 1: whose record it is; may be NULL
 * returns  the connection, or NULL: the record belongs to none (or there is no memory)
 * owner    the observer's; valid until the next call */
HF_API const struct hf_observed *hf_observer_see(struct hf_observer *observer,
                                                 const struct hf_trace_record *record,
                                                 const struct hf_packet *packet, int *end);

#define HF_OBSERVED_STATE_TEXT 16

/* hf_observed_state: "ESTABLISHED", or "~ESTABLISHED" when inferred.
 * text     at least HF_OBSERVED_STATE_TEXT bytes
 * returns  text */
HF_API char *hf_observed_state(const struct hf_observed_end *end, char *text);

/* ---- Ladder ---- */

struct hf_ladder_config {
    uint32_t size;     /* sizeof(struct hf_ladder_config)                                     */
    hf_write_fn write; /* where the text goes                                                 */
    void *context;
    uint16_t width;    /* columns, 80..160; 0: 100. Others are brought into the range         */
    uint8_t colour;    /* 1: with ANSI colours (the caller asks isatty)                       */
    uint8_t absolute;  /* 1: absolute sequence numbers on every segment, not only on SYNs     */
    uint8_t live;      /* 1: each line is written when its record comes, nothing is folded    */
    uint8_t both_ends; /* 1: both ends of each connection are stacks that feed this ladder:
                             what was sent and never came is shown lost                       */
    uint8_t whole;     /* 1: fold nothing                                                     */
    uint8_t language;  /* enum hf_language                                                    */
    const struct hf_view_name *names; /* the caller's, for as long as the ladder lives        */
    size_t name_count;
    const char *peer_name; /* an end that is not ours; NULL: "peer"                           */
};

struct hf_ladder;

/* hf_ladder_create: returns NULL without memory, or when config->size or write is wrong. */
HF_API struct hf_ladder *hf_ladder_create(const struct hf_ladder_config *config);

/* hf_ladder_record: a hf_trace_fn whose context is a struct hf_ladder. Live: writes lines; the
 * last one waits for what may still belong to it (a state change): see hf_ladder_print. */
HF_API void hf_ladder_record(void *ladder, const struct hf_trace_record *record,
                             const struct hf_packet *packet);

/* hf_ladder_print: draw everything that was recorded, a ladder a connection in the order of their
 * opening, and begin anew. Live: write the line that waits; to be called before sleeping.
 * returns  0, or HF_ERR_MEMORY: there was no memory for some records, and the ladder says so */
HF_API int hf_ladder_print(struct hf_ladder *ladder);

HF_API void hf_ladder_destroy(struct hf_ladder *ladder);

/* ---- Pictures ---- */

/* Which colours a picture has. AUTO follows what its reader prefers (prefers-color-scheme). */
enum hf_theme { HF_THEME_AUTO = 0, HF_THEME_LIGHT, HF_THEME_DARK };

struct hf_picture_config {
    uint32_t size;     /* sizeof(struct hf_picture_config)                                    */
    hf_write_fn write; /* where the SVG goes                                                  */
    void *context;
    uint16_t width;    /* of a ladder, 320..1600; 0: 960. Others are brought into the range. The
                          picture scales; this says how much is said beside each arrow. Below
                          480, for a phone, the states are small and there are no times       */
    uint8_t theme;     /* enum hf_theme                                                       */
    uint8_t language;  /* enum hf_language                                                    */
    uint8_t inline_part; /* 1: to stand within HTML: no XML declaration                       */
    uint32_t connection; /* only this one, by number; 0: all (diagram: the first)             */
    const char *title; /* UTF-8, above it; NULL: none                                         */
};

/* hf_ladder_svg: what was recorded since the ladder was created or last printed, as an SVG document:
 * two life lines with the states beside them, segments as slanted arrows by time, lost ones broken
 * off, TIME-WAIT as a bar with its length. Time runs downwards; long silences are cut out and say
 * how long they were. The ladder keeps everything: it may be drawn again, or printed.
 * returns  0; HF_ERR_ARGUMENT: config->size or write is wrong; HF_ERR_STATE: nothing was recorded,
 *          or the ladder is live; HF_ERR_MEMORY: what was written is not a whole document */
HF_API int hf_ladder_svg(const struct hf_ladder *ladder, const struct hf_picture_config *config);

/* What a row of a ladder is about. */
enum hf_step_kind { HF_STEP_SEGMENT = 0, HF_STEP_CALL, HF_STEP_STATE, HF_STEP_NOTE };

/* One row of a ladder, for a reader that goes through it step by step. In a picture everything that
 * belongs to the row is in elements with data-step="CONNECTION.ROW"; an arrow whose arrival is a row of
 * its own (it crossed others) names that one too, as data-arrival. */
struct hf_ladder_step {
    uint32_t connection, row; /* its number; from 0                                           */
    uint8_t kind;             /* enum hf_step_kind                                            */
    uint8_t from;             /* the end that sent it, or that it is about                    */
    uint8_t before[2], after[2]; /* enum hf_state of both ends                                */
    uint8_t inferred[2];      /* 1: that end is not ours, its state is inferred               */
    uint8_t ended[2];         /* enum hf_cause: the connection ended here for this end        */
    uint8_t lost, repair;     /* SEGMENT: it never came; it was sent again                    */
    uint8_t landmark;         /* SEGMENT: it opens, closes or resets                          */
    uint8_t reason, drop;     /* SEGMENT: enum hf_send_reason, enum hf_drop                   */
    hf_time left, arrived;    /* since the ladder's first record; HF_NEVER: not seen. What is no
                                 segment has `left` only                                      */
    const char *text, *remark; /* in words; valid during the call. May be empty               */
};

typedef void (*hf_ladder_step_fn)(void *context, const struct hf_ladder_step *step);

/* hf_ladder_steps: call fn for each row, connection by connection in the order of hf_ladder_svg.
 * connection  only this one; 0: all
 * language    enum hf_language */
HF_API void hf_ladder_steps(const struct hf_ladder *ladder, uint32_t connection, int language,
                            hf_ladder_step_fn fn, void *context);

struct hf_diagram_config {
    uint32_t size;     /* sizeof(struct hf_diagram_config)                                    */
    const struct hf_view_name *names; /* the caller's, for as long as the diagram lives       */
    size_t name_count;
    const char *peer_name; /* an end that is not ours; NULL: "peer"                           */
};

struct hf_diagram;

/* hf_diagram_create: the states that the ends of connections went through. At most 64 connections
 * are kept, the first.
 * returns  NULL without memory, or when config->size is wrong */
HF_API struct hf_diagram *hf_diagram_create(const struct hf_diagram_config *config);

/* hf_diagram_record: a hf_trace_fn whose context is a struct hf_diagram. */
HF_API void hf_diagram_record(void *diagram, const struct hf_trace_record *record,
                              const struct hf_packet *packet);

/* hf_diagram_svg: the state diagram of RFC 9293 figure 5 once for each end of one connection, the
 * path that the end took lit and its steps numbered. May be called again.
 * returns  as hf_ladder_svg */
HF_API int hf_diagram_svg(const struct hf_diagram *diagram,
                          const struct hf_picture_config *config);

/* hf_states_svg: the same figure once, with no path: for a page that lights it. Boxes and their names
 * have data-state="SYN-SENT" (CLOSED stands twice), lines and words data-edge="SYN-SENT ESTABLISHED";
 * classes that light them are hf-lit and hf-here. What is drawn only when it was taken (note 2 of the
 * figure) is hidden by the attribute visibility.
 * returns  0, or HF_ERR_ARGUMENT as above */
HF_API int hf_states_svg(const struct hf_picture_config *config);

/* hf_diagram_destroy: NULL is allowed. */
HF_API void hf_diagram_destroy(struct hf_diagram *diagram);

/* ---- Capture ---- */

struct hf_pcapng_config {
    uint32_t size;     /* sizeof(struct hf_pcapng_config)                                     */
    hf_write_fn write; /* where the bytes go                                                  */
    void *context;
    int64_t wall_ns;   /* added to a record's time: nanoseconds since 1970-01-01 UTC of time 0 */
    uint8_t both_ends; /* 1: as for the ladder: a segment is written once, as it was sent, with
                             the states of both ends after it. 0: IN and OUT are written      */
    const struct hf_view_name *names;
    size_t name_count;
};

struct hf_pcapng;

/* hf_pcapng_create: write the head of a pcapng file (raw IP, nanoseconds).
 * returns  NULL without memory, or when config->size or write is wrong */
HF_API struct hf_pcapng *hf_pcapng_create(const struct hf_pcapng_config *config);

/* hf_pcapng_record: a hf_trace_fn whose context is a struct hf_pcapng. With both ends a segment
 * waits until it has arrived, or for some seconds of the records' time. Checksums that were left
 * to the link are completed in the file. */
HF_API void hf_pcapng_record(void *pcapng, const struct hf_trace_record *record,
                             const struct hf_packet *packet);

/* hf_pcapng_destroy: write what waits, and end it. NULL is allowed. The file stays the caller's.
 * returns  0, or HF_ERR_MEMORY: for some segments there was none, and they are not in the file */
HF_API int hf_pcapng_destroy(struct hf_pcapng *pcapng);

/* ---- Time-sequence plot ---- */

/* Of an end that sends: what it sent and when, what was acknowledged, selectively acknowledged and
 * sent again and why, the edge of the peer's window; below it the congestion window, ssthresh and
 * what is in flight. Made of one stack's records; the peer's are not needed. */
struct hf_timeseq_config {
    uint32_t size;     /* sizeof(struct hf_timeseq_config)                                    */
    hf_write_fn write; /* where the SVG goes                                                  */
    void *context;
    uint16_t stack;    /* draw only ends of the stack with this id; 0: of any                 */
    const struct hf_view_name *names; /* the caller's, for as long as the plot lives          */
    size_t name_count;
    const char *peer_name; /* for the title; may be NULL                                      */
};

struct hf_timeseq;

/* hf_timeseq_create: returns NULL without memory, or when config->size or write is wrong. */
HF_API struct hf_timeseq *hf_timeseq_create(const struct hf_timeseq_config *config);

/* hf_timeseq_record: a hf_trace_fn whose context is a struct hf_timeseq. Memory is bounded, however
 * long a transfer lasts: at most eight ends are kept (those that sent most) and of each at most
 * about 1.4 MB; segments that would fall on one point of the picture become one mark. */
HF_API void hf_timeseq_record(void *plot, const struct hf_trace_record *record,
                              const struct hf_packet *packet);

/* hf_timeseq_print: draw the end that sent most so far, as an SVG document. May be called again.
 * returns  0; HF_ERR_STATE: nothing was sent, nothing is written; HF_ERR_MEMORY: there was no
 *          memory for all marks, and the picture says so */
HF_API int hf_timeseq_print(struct hf_timeseq *plot);

/* hf_timeseq_destroy: NULL is allowed. */
HF_API void hf_timeseq_destroy(struct hf_timeseq *plot);

/* ---- Counters ---- */

/* hf_counters_add: add what one stack counted to `sum`: several stacks as one. */
HF_API void hf_counters_add(struct hf_stack_counters *sum, const struct hf_stack_counters *counters);

/* hf_counters_print: a stack's counters for people: totals, what there is now, memory, and each
 * reason for a drop and cause of an end that occurred. */
HF_API void hf_counters_print(const struct hf_stack_counters *counters, hf_write_fn write,
                              void *context);

HF_END
#endif
