/* The ladder, collecting side: turns the records of one or two stacks into rows (ladder.h), joins
 * a segment's departure with its arrival, and puts changes of state beside the row that made them.
 *
 * Records come in the order in which things happened, so a change by a segment follows the IN that
 * made it (or comes just before it), and a change by a call comes just before the OUT that tells
 * the peer. Changes that nothing shows get a row of their own. */
#include "ladder.h"

#include <stdlib.h>
#include <string.h>

#include "datagram.h"

#define LIVE_ROWS 256 /* rows kept of a connection whose lines are written at once            */

struct hf_ladder *hf_ladder_create(const struct hf_ladder_config *config)
{
    if (config->size != sizeof *config || config->write == NULL)
        return NULL;
    struct hf_ladder *ladder = calloc(1, sizeof *ladder);
    if (ladder == NULL)
        return NULL;
    ladder->config = *config;
    if (ladder->config.width == 0)
        ladder->config.width = 100;
    if (ladder->config.width < 80)
        ladder->config.width = 80;
    if (ladder->config.width > 160)
        ladder->config.width = 160;
    if (ladder->config.peer_name == NULL)
        ladder->config.peer_name = "peer";
    ladder->observer = hf_observer_create();
    if (ladder->observer == NULL) {
        free(ladder);
        return NULL;
    }
    return ladder;
}

static void free_talk(struct ladder_talk *talk)
{
    free(talk->rows);
    hf_flights_end(&talk->out[0]);
    hf_flights_end(&talk->out[1]);
    free(talk);
}

static void free_talks(struct hf_ladder *ladder)
{
    for (size_t i = 0; i < ladder->count; i++)
        if (ladder->talks[i] != NULL)
            free_talk(ladder->talks[i]);
    free(ladder->talks);
    ladder->talks = NULL;
    ladder->count = ladder->room = 0;
}

void hf_ladder_destroy(struct hf_ladder *ladder)
{
    if (ladder == NULL)
        return;
    free_talks(ladder);
    hf_observer_destroy(ladder->observer);
    free(ladder);
}

/* Make room for one more in an array. */
static void *grown(void *list, size_t count, size_t *room, size_t each)
{
    if (count < *room)
        return list;
    size_t more = *room == 0 ? 16 : *room * 2;
    void *bigger = realloc(list, more * each);
    if (bigger != NULL)
        *room = more;
    return bigger;
}

/* The ladder of an observed connection, made at its first record. */
static struct ladder_talk *talk_of(struct hf_ladder *ladder, const struct hf_observed *seen)
{
    while (ladder->count < seen->number) {
        void *talks =
            grown(ladder->talks, ladder->count, &ladder->room, sizeof(struct ladder_talk *));
        if (talks == NULL)
            return NULL;
        ladder->talks = talks;
        ladder->talks[ladder->count++] = NULL;
    }
    struct ladder_talk **talk = &ladder->talks[seen->number - 1];
    if (*talk == NULL) {
        *talk = calloc(1, sizeof **talk);
        if (*talk == NULL)
            return NULL;
        (*talk)->inferred[0] = (*talk)->inferred[1] = HF_STATES;
    }
    (*talk)->seen = *seen;
    return *talk;
}

/* ---- Rows ---- */

static void write_held(struct hf_ladder *ladder)
{
    struct ladder_talk *talk = ladder->held;
    if (talk == NULL)
        return;
    ladder->held = NULL;
    if (ladder->writing != talk)
        ladder_draw_head(ladder, talk);
    ladder->writing = talk;
    talk->titled = true;
    struct row *row = &talk->rows[talk->count - 1];
    bool under_way = ladder->config.both_ends && row->kind == ROW_SEGMENT && !row->arrived;
    if (under_way && row->part == PART_WHOLE)
        row->part = PART_DEPARTURE;
    ladder_draw_row(ladder, talk, row);
    row->written = true;
}

/* Live: lines that were written are only kept for what may still come back to them. */
static void drop_old_rows(struct ladder_talk *talk)
{
    if (talk->count < LIVE_ROWS)
        return;
    talk->dropped_rows += talk->count;
    talk->count = 0;
    for (int e = 0; e < 2; e++)
        talk->last_own[e] = talk->fresh_in[e] = 0;
}

/* The state of an end as it is now. What is inferred changes without a record of its own; a peer
 * of which nothing was heard has no state that could be inferred, and neither has one whose stack
 * will tell. */
static void set_state(const struct hf_ladder *ladder, struct ladder_talk *talk, struct row *row,
                      int e)
{
    const struct hf_observed_end *end = &talk->seen.end[e];
    bool unknown = !end->ours && (!end->seen || ladder->config.both_ends);
    row->end[e].state = unknown ? HF_STATES : end->state;
    row->end[e].inferred = !end->ours;
    if (!end->ours && !unknown && row->end[e].state != talk->inferred[e]) {
        row->end[e].changed = true;
        talk->inferred[e] = row->end[e].state;
    }
}

/* A new row at the end, with the states as they are now. */
static struct row *add_row(struct hf_ladder *ladder, struct ladder_talk *talk, enum row_kind kind,
                           int from, const struct hf_trace_record *record)
{
    write_held(ladder);
    if (ladder->config.live)
        drop_old_rows(talk);
    void *rows = grown(talk->rows, talk->count, &talk->room, sizeof(struct row));
    if (rows == NULL) {
        ladder->lost_records = true;
        return NULL;
    }
    talk->rows = rows;
    struct row *row = &talk->rows[talk->count++];
    memset(row, 0, sizeof *row);
    row->record = *record;
    row->kind = (uint8_t)kind;
    row->from = (uint8_t)from;
    for (int e = 0; e < 2; e++)
        set_state(ladder, talk, row, e);
    talk->last_own[from] = talk->count;
    if (ladder->config.live)
        ladder->held = talk;
    return row;
}

static bool by_call(const struct row *row)
{
    return row->kind == ROW_CALL ||
           (row->kind == ROW_STATE && row->end[row->from].by == HF_BY_CALL);
}

/* Whether a row is none of this end's business: the other end was called, or sent something that
 * did not arrive yet. */
static bool is_elsewhere(const struct row *row, int e)
{
    return row->from != e && (by_call(row) || (row->kind == ROW_SEGMENT && !row->arrived));
}

/* The last row of this end, unless it received something since. */
static struct row *last_of(struct ladder_talk *talk, int e)
{
    for (size_t i = talk->count; i-- > 0;) {
        struct row *row = &talk->rows[i];
        if (row->written)
            return NULL;
        if (row->from == e && row->kind != ROW_SEGMENT)
            return row;
        if (!is_elsewhere(row, e))
            return NULL;
    }
    return NULL;
}

/* Take a row out, and tell those who know the rows behind it by number. */
static void remove_row(struct ladder_talk *talk, size_t index)
{
    talk->count--;
    memmove(&talk->rows[index], &talk->rows[index + 1],
            (talk->count - index) * sizeof *talk->rows);
    for (int e = 0; e < 2; e++) {
        if (talk->last_own[e] > index + 1)
            talk->last_own[e]--;
        if (talk->fresh_in[e] > index + 1)
            talk->fresh_in[e]--;
        for (size_t i = talk->out[e].count; i-- > 0;) {
            struct flight *flight = &talk->out[e].list[i];
            if (flight->id <= talk->dropped_rows + index)
                break;
            flight->id--;
        }
    }
}

/* The last row of this end, when it only tells a change at this moment: whoever made the change
 * known takes it over. */
static bool take_change(struct hf_ladder *ladder, struct ladder_talk *talk, int e, hf_time time,
                        struct row_end *change)
{
    struct row *last = last_of(talk, e);
    if (last == NULL || last->kind != ROW_STATE || last->end[e].ended)
        return false;
    if (last->record.time != time && !by_call(last))
        return false;
    *change = last->end[e];
    remove_row(talk, (size_t)(last - talk->rows));
    ladder->held = NULL; /* live: only a held row is not written yet */
    return true;
}

/* A row that shows a change at an end of a segment that arrived there. When that end did something
 * between departure and arrival, the arrival gets a row of its own. */
static struct row *arrival_row(struct hf_ladder *ladder, struct ladder_talk *talk, size_t index,
                               int e, hf_time time)
{
    struct row *row = &talk->rows[index];
    if (row->part != PART_WHOLE || (talk->last_own[e] <= index + 1 && !row->written))
        return row;
    struct row copy = *row;
    if (!row->written) {
        row->part = PART_DEPARTURE;
        row->end[e].changed = false;
    }
    size_t own = talk->last_own[copy.from];
    struct row *arrival = add_row(ladder, talk, ROW_SEGMENT, copy.from, &copy.record);
    if (arrival == NULL)
        return NULL;
    talk->last_own[copy.from] = own; /* arriving is not the sender's doing */
    arrival->record.time = time;
    arrival->landed = time;
    arrival->part = PART_ARRIVAL;
    arrival->sent = arrival->arrived = true;
    arrival->drop = copy.drop;
    return arrival;
}

/* ---- Segments ---- */

/* The row of a departure that has now arrived. */
static struct row *landed_row(struct hf_ladder *ladder, struct ladder_talk *talk, int from,
                              const struct hf_trace_record *sent, uint64_t id, hf_time now)
{
    if (id >= talk->dropped_rows) {
        struct row *row = &talk->rows[id - talk->dropped_rows];
        if (!row->written)
            return row;
    }
    /* Its departure is on the terminal already. */
    size_t own = talk->last_own[from];
    struct row *row = add_row(ladder, talk, ROW_SEGMENT, from, sent);
    if (row == NULL)
        return NULL;
    talk->last_own[from] = own;
    row->record.time = now;
    row->part = PART_ARRIVAL;
    row->sent = true;
    return row;
}

/* The row that this arrival belongs to; NULL: it needs one of its own. */
static struct row *landed(struct hf_ladder *ladder, struct ladder_talk *talk, int from,
                          const struct hf_trace_record *in)
{
    struct hf_trace_record sent;
    uint64_t id;
    enum flight_fate fate = hf_flights_arrive(&talk->out[from], in, &sent, &id);
    if (fate == FLIGHT_UNKNOWN)
        return NULL;
    struct row *row = landed_row(ladder, talk, from, &sent, id, in->time);
    if (row != NULL && fate == FLIGHT_DOUBLED)
        row->doubled = true;
    return row;
}

/* What arrives may have left in an earlier connection between the same two. */
static bool strayed_here(struct hf_ladder *ladder, const struct ladder_talk *talk, int from,
                         const struct hf_trace_record *in)
{
    const struct hf_endpoint *sender = &talk->seen.end[from].endpoint;
    const struct hf_endpoint *receiver = &talk->seen.end[1 - from].endpoint;
    for (size_t i = 0; i + 1 < talk->seen.number && i < ladder->count; i++) {
        struct ladder_talk *old = ladder->talks[i];
        for (int e = 0; old != NULL && e < 2; e++) {
            struct hf_trace_record sent;
            uint64_t id;
            if (!hf_view_same_end(&old->seen.end[e].endpoint, sender) ||
                !hf_view_same_end(&old->seen.end[1 - e].endpoint, receiver) ||
                hf_flights_arrive(&old->out[e], in, &sent, &id) != FLIGHT_ARRIVED)
                continue;
            if (id >= old->dropped_rows)
                old->rows[id - old->dropped_rows].strayed = true;
            return true;
        }
    }
    return false;
}

/* A peer that is not ours repeats what was acknowledged. */
static bool repeats(const struct ladder_talk *talk, int e, const struct hf_trace_record *in)
{
    uint32_t length = hf_record_length(in);
    return length > 0 && talk->has_acked[e] &&
           (int32_t)(talk->acked[e] - (in->u.segment.seq + length)) >= 0;
}

/* A call is made between two visits to the stack and carries the time of the first; what it had
 * sent tells the time of the second. */
static void date_calls(struct ladder_talk *talk, int e, hf_time time)
{
    for (size_t i = talk->count; i-- > 0;) {
        struct row *row = &talk->rows[i];
        if (row->written || (!is_elsewhere(row, e) && !(row->from == e && by_call(row))))
            return;
        if (row->from == e)
            row->record.time = time;
    }
}

static void see_out(struct hf_ladder *ladder, struct ladder_talk *talk, int e,
                    const struct hf_trace_record *record)
{
    struct row_end change;
    bool tells = (record->u.segment.flags & (HF_SYN | HF_FIN | HF_RST)) != 0;
    bool changed = tells && take_change(ladder, talk, e, record->time, &change);
    date_calls(talk, e, record->time);
    struct row *row = add_row(ladder, talk, ROW_SEGMENT, e, record);
    if (row == NULL)
        return;
    row->sent = true;
    if (changed)
        row->end[e] = change;
    row->end[e].state = talk->seen.end[e].state;
    talk->fresh_in[e] = 0;
    if ((record->u.segment.flags & HF_ACK) != 0) {
        talk->acked[e] = record->u.segment.ack;
        talk->has_acked[e] = true;
    }
    if (!ladder->config.both_ends)
        return;
    if (!hf_flights_depart(&talk->out[e], record, talk->dropped_rows + talk->count - 1))
        ladder->lost_records = true;
}

static void see_in(struct hf_ladder *ladder, struct ladder_talk *talk, int e,
                   const struct hf_trace_record *record)
{
    struct row_end change;
    bool changed = take_change(ladder, talk, e, record->time, &change);
    int from = 1 - e;
    struct row *row = ladder->config.both_ends ? landed(ladder, talk, from, record) : NULL;
    if (row == NULL) {
        size_t own = talk->last_own[from];
        row = add_row(ladder, talk, ROW_SEGMENT, from, record);
        if (row == NULL)
            return;
        talk->last_own[from] = own;
        row->again = !talk->seen.end[from].ours && repeats(talk, e, record);
        row->stray = ladder->config.both_ends && strayed_here(ladder, talk, from, record);
    }
    if (!row->arrived)
        row->landed = record->time;
    row->arrived = true;
    if (row->drop == HF_DROP_NONE)
        row->drop = record->u.segment.reason;
    size_t index = (size_t)(row - talk->rows);
    if (changed) {
        row = arrival_row(ladder, talk, index, e, record->time);
        if (row == NULL)
            return;
        row->end[e] = change;
        index = (size_t)(row - talk->rows);
    }
    row->end[e].state = talk->seen.end[e].state;
    row->end[e].inferred = false;
    talk->fresh_in[e] = index + 1;
    talk->fresh_at[e] = record->time;
}

/* What the end received just now, if nothing else came between. */
static struct row *fresh_row(struct ladder_talk *talk, int e, hf_time time)
{
    if (talk->fresh_in[e] == 0 || talk->fresh_at[e] != time)
        return NULL;
    return &talk->rows[talk->fresh_in[e] - 1];
}

/* ---- Everything else ---- */

static void see_state(struct hf_ladder *ladder, struct ladder_talk *talk, int e,
                      const struct hf_trace_record *record)
{
    if (!talk->has_first[e]) {
        talk->first_state[e] = record->u.state.from;
        talk->has_first[e] = true;
    }
    struct row *row = NULL;
    if (record->u.state.by == HF_BY_SEGMENT)
        row = fresh_row(talk, e, record->time);
    if (row != NULL && !row->written) {
        row = arrival_row(ladder, talk, (size_t)(row - talk->rows), e, record->time);
        if (row != NULL)
            talk->fresh_in[e] = (size_t)(row - talk->rows) + 1;
    } else {
        struct row_end change;
        take_change(ladder, talk, e, record->time, &change);
        row = add_row(ladder, talk, ROW_STATE, e, record);
    }
    if (row == NULL)
        return;
    row->end[e].state = record->u.state.to;
    row->end[e].inferred = false;
    row->end[e].changed = true;
    row->end[e].by = record->u.state.by;
    row->end[e].detail = record->u.state.detail;
}

static void see_end(struct hf_ladder *ladder, struct ladder_talk *talk, int e,
                    const struct hf_trace_record *record)
{
    talk->ending[e] = *record;
    struct row *row = talk->count > 0 ? &talk->rows[talk->count - 1] : NULL;
    bool fits = row != NULL && !row->written && row->record.time == record->time &&
                ((row->kind == ROW_STATE && row->from == e) || row->kind == ROW_SEGMENT) &&
                row->end[e].changed;
    struct row *fresh = fresh_row(talk, e, record->time);
    if (!fits && fresh != NULL && fresh->end[e].changed && !fresh->written) {
        row = fresh;
        fits = true;
    }
    if (!fits)
        row = add_row(ladder, talk, ROW_STATE, e, record);
    if (row == NULL)
        return;
    row->end[e].state = record->state;
    row->end[e].changed = row->end[e].ended = true;
    row->end[e].cause = record->u.end.cause;
}

static void see_drop(struct hf_ladder *ladder, struct ladder_talk *talk, int e,
                     const struct hf_trace_record *record, const struct hf_packet *packet)
{
    struct row *row = fresh_row(talk, e, record->time);
    struct hf_datagram d;
    struct hf_trace_record sent;
    uint64_t id;
    /* It may not even have been handed to a connection. */
    if (row == NULL && ladder->config.both_ends && hf_datagram_read(packet, &d) &&
        hf_flights_refused(&talk->out[1 - e], &d, record->time, &sent, &id))
        row = landed_row(ladder, talk, 1 - e, &sent, id, record->time);
    if (row != NULL && !row->written) {
        if (!row->arrived)
            row->landed = record->time;
        row->arrived = true;
        if (row->drop == HF_DROP_NONE)
            row->drop = record->u.drop.reason;
    } else {
        add_row(ladder, talk, ROW_NOTE, e, record);
    }
}

static bool shows_call(int call)
{
    return call == HF_CALL_OPEN || call == HF_CALL_SHUTDOWN || call == HF_CALL_CLOSE ||
           call == HF_CALL_ABORT || call == HF_CALL_REFUSE;
}

/* A close while the change it made waits for its segment: the call's row goes above. */
static void see_call(struct hf_ladder *ladder, struct ladder_talk *talk, int e,
                     const struct hf_trace_record *record)
{
    if (!shows_call(record->u.call.call))
        return;
    struct row_end change;
    bool changed = take_change(ladder, talk, e, record->time, &change);
    add_row(ladder, talk, ROW_CALL, e, record);
    if (!changed)
        return;
    struct row *row = add_row(ladder, talk, ROW_STATE, e, record);
    if (row != NULL)
        row->end[e] = change;
}

/* Live: a connection that has no end of ours left is written and done with. */
static void forget_ended(struct hf_ladder *ladder, struct ladder_talk *talk)
{
    for (int e = 0; e < 2; e++)
        if (talk->seen.end[e].ours &&
            (!talk->seen.end[e].ended || talk->seen.end[e].state != HF_CLOSED))
            return;
    write_held(ladder);
    if (ladder->writing == talk)
        ladder->writing = NULL;
    ladder->talks[talk->seen.number - 1] = NULL;
    free_talk(talk);
}

void hf_ladder_record(void *context, const struct hf_trace_record *record,
                      const struct hf_packet *packet)
{
    struct hf_ladder *ladder = context;
    if (!ladder->has_base) {
        ladder->base = ladder->latest = record->time;
        ladder->has_base = true;
    }
    if (record->kind == HF_TRACE_UNSAFE)
        ladder->unsafe = true;

    struct hf_trace_record late = *record; /* for calls, which carry an older time */
    if (record->time > ladder->latest)
        ladder->latest = record->time;
    late.time = ladder->latest;

    int e = 0;
    const struct hf_observed *seen = hf_observer_see(ladder->observer, record, packet, &e);
    if (seen == NULL)
        return;
    struct ladder_talk *talk = talk_of(ladder, seen);
    if (talk == NULL) {
        ladder->lost_records = true;
        return;
    }
    switch (record->kind) {
    case HF_TRACE_OUT:
        see_out(ladder, talk, e, record);
        break;
    case HF_TRACE_IN:
        see_in(ladder, talk, e, record);
        break;
    case HF_TRACE_STATE:
        see_state(ladder, talk, e, record->u.state.by == HF_BY_CALL ? &late : record);
        break;
    case HF_TRACE_CALL:
        see_call(ladder, talk, e, &late);
        break;
    case HF_TRACE_DROP:
        see_drop(ladder, talk, e, record, packet);
        break;
    case HF_TRACE_END:
        see_end(ladder, talk, e, record);
        break;
    case HF_TRACE_ICMP:
        add_row(ladder, talk, ROW_NOTE, e, record);
        break;
    default:
        break; /* timers and windows show in what they cause */
    }
    if (ladder->config.live)
        forget_ended(ladder, talk);
}

int hf_ladder_print(struct hf_ladder *ladder)
{
    int result = ladder->lost_records ? HF_ERR_MEMORY : 0;
    if (ladder->config.live) {
        write_held(ladder);
        return result;
    }
    for (size_t i = 0; i < ladder->count; i++)
        if (ladder->talks[i] != NULL)
            ladder_draw(ladder, ladder->talks[i]);
    if (ladder->lost_records) {
        static const char sorry[] = "(there was no memory for some of what happened)\n";
        ladder->config.write(ladder->config.context, sorry, sizeof sorry - 1);
    }
    struct hf_observer *fresh = hf_observer_create();
    if (fresh == NULL)
        return HF_ERR_MEMORY;
    hf_observer_destroy(ladder->observer);
    ladder->observer = fresh;
    free_talks(ladder);
    ladder->has_base = ladder->lost_records = false;
    return result;
}
