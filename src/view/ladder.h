/* The rows of a ladder: what ladder.c collects from records and ladder_draw.c writes.
 *
 * A row is one line between the two life lines: a segment on its way, a call, a change of state
 * that no segment made, or a note. A segment is one row as long as that tells the truth: when it
 * crossed others and changed the receiver's state, it is two, its departure and its arrival, as
 * RFC 9293 draws simultaneous opens (figure 7). */
#ifndef HF_VIEW_LADDER_H
#define HF_VIEW_LADDER_H

#include <stdbool.h>

#include <handfast/view.h>

#include "flights.h"

enum row_kind { ROW_SEGMENT, ROW_CALL, ROW_STATE, ROW_NOTE };
enum row_part { PART_WHOLE, PART_DEPARTURE, PART_ARRIVAL };

/* What a row knows about one of the two ends. */
struct row_end {
    uint8_t state; /* after the row; HF_STATES: not known                                    */
    bool inferred;
    bool changed; /* the row changed it ...                                                 */
    uint8_t by;   /* ... and how, enum hf_by and detail of the record                       */
    uint8_t detail;
    bool ended;    /* the connection ended here ...                                          */
    uint8_t cause; /* ... for this                                                           */
};

struct row {
    struct hf_trace_record record; /* the segment as sent (or as received), the call, the note */
    struct row_end end[2];
    uint8_t kind;
    uint8_t part;
    uint8_t from; /* the end that sent it, or that it is about                           */
    uint8_t drop; /* enum hf_drop: what the receiver said                                */
    hf_time landed; /* when it arrived, when arrived                                       */
    bool sent;    /* its OUT record was seen                                             */
    bool arrived; /* its IN record was seen                                              */
    bool doubled; /* arrived more than once                                              */
    bool strayed; /* arrived so late that it met a later connection of the same ends    */
    bool stray;   /* it belongs to an earlier connection                                */
    bool again;   /* from a peer that is not ours: had been acknowledged before          */
    bool written; /* live: it is on the terminal                                         */
};

/* One connection's ladder. */
struct ladder_talk {
    struct hf_observed seen; /* as it was after the last record                               */
    struct row *rows;
    size_t count, room;
    bool titled;           /* live: its head was written; from now on the title suffices    */
    uint64_t dropped_rows; /* live: rows that are written and forgotten                     */
    size_t last_own[2];    /* row, plus one, of the last thing that each end did            */
    size_t fresh_in[2];    /* row, plus one, of what it received last, until it sends       */
    hf_time fresh_at[2];
    struct flights out[2]; /* by sender                                                     */
    uint8_t first_state[2];
    bool has_first[2];
    uint32_t acked[2]; /* what the end has acknowledged so far                          */
    bool has_acked[2];
    struct hf_trace_record ending[2]; /* its HF_TRACE_END, when seen.end[].ended              */
    uint8_t inferred[2]; /* the inferred state in the last row; HF_STATES: none           */
};

struct hf_ladder {
    struct hf_ladder_config config;
    struct hf_observer *observer;
    struct ladder_talk **talks; /* by number, less one                                        */
    size_t count, room;
    hf_time base, latest; /* times of the first record, and of the latest                     */
    bool has_base;
    bool lost_records; /* no memory for some                                            */
    bool unsafe;       /* a stack runs with unsafe settings                             */
    /* live */
    struct ladder_talk *held;    /* its last row waits to be written                          */
    struct ladder_talk *writing; /* the one whose title stands above the last line            */
};

/* Write the title and, unless it has been, the two life lines' heads. */
void ladder_draw_head(const struct hf_ladder *ladder, const struct ladder_talk *talk);

/* Write one row with what belongs to it. */
void ladder_draw_row(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                     const struct row *row);

/* Write a whole ladder: head, rows (long transfers folded), endings. */
void ladder_draw(const struct hf_ladder *ladder, const struct ladder_talk *talk);

#endif
