/* Joining departures with arrivals. A segment may be lost, doubled, overtaken, sent again with the
 * same numbers, or cut into pieces on its way; what tells copies apart is the time they took. */
#include "flights.h"

#include <stdlib.h>
#include <string.h>

#include "datagram.h"

bool hf_flights_depart(struct flights *flights, const struct hf_trace_record *out, uint64_t id)
{
    if (flights->count == FLIGHTS_MAX) {
        flights->count--;
        memmove(flights->list, flights->list + 1, flights->count * sizeof *flights->list);
    }
    if (flights->count == flights->room) {
        size_t room = flights->room == 0 ? 16 : flights->room * 2;
        struct flight *list = realloc(flights->list, room * sizeof *list);
        if (list == NULL)
            return false;
        flights->list = list;
        flights->room = room;
    }
    flights->list[flights->count++] =
        (struct flight){.record = *out, .id = id, .left = hf_record_length(out)};
    return true;
}

/* How far off it is that `flight` arrives now. */
static hf_time misfit(const struct flights *flights, const struct flight *flight, hf_time now)
{
    hf_time took = now - flight->record.time;
    if (!flights->has_delay)
        return took; /* the latest of several SYNs */
    return took < flights->delay ? flights->delay - took : took - flights->delay;
}

#define COPY_SOON (100 * HF_MS)

/* The one in a list that fits best and better than *best_misfit; NULL: none. */
static struct flight *best_fit(const struct flights *flights, struct flight *list, size_t count,
                               const struct hf_trace_record *in, hf_time *best_misfit)
{
    struct flight *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!hf_record_matches(&list[i].record, in))
            continue;
        hf_time miss = misfit(flights, &list[i], in->time);
        if (miss >= *best_misfit)
            continue;
        best = &list[i];
        *best_misfit = miss;
    }
    return best;
}

static void land(struct flights *flights, struct flight *flight, const struct hf_trace_record *in)
{
    flights->delay = in->time - flight->record.time;
    flights->has_delay = true;
    flights->recent[flights->recent_count++ % FLIGHTS_RECENT] = *flight;
    uint32_t length = hf_record_length(in);
    if (flight->left > length) {
        flight->left -= length;
        return;
    }
    size_t after = flights->count - (size_t)(flight - flights->list) - 1;
    memmove(flight, flight + 1, after * sizeof *flight);
    flights->count--;
}

enum flight_fate hf_flights_arrive(struct flights *flights, const struct hf_trace_record *in,
                                   struct hf_trace_record *sent, uint64_t *id)
{
    hf_time miss = HF_NEVER;
    struct flight *flight = best_fit(flights, flights->list, flights->count, in, &miss);
    size_t recent =
        flights->recent_count < FLIGHTS_RECENT ? flights->recent_count : FLIGHTS_RECENT;
    /* A copy comes soon behind the first; what comes much later is rather what never came. */
    hf_time soon = flights->delay * 4 > COPY_SOON ? flights->delay * 4 : COPY_SOON;
    if (flight != NULL && miss > soon)
        miss = soon;
    const struct flight *doubled = best_fit(flights, flights->recent, recent, in, &miss);
    const struct flight *found = doubled != NULL ? doubled : flight;
    if (found == NULL)
        return FLIGHT_UNKNOWN;
    *sent = found->record;
    *id = found->id;
    if (doubled != NULL)
        return FLIGHT_DOUBLED;
    land(flights, flight, in);
    return FLIGHT_ARRIVED;
}

bool hf_flights_refused(struct flights *flights, const struct hf_datagram *datagram, hf_time now,
                        struct hf_trace_record *sent, uint64_t *id)
{
    for (size_t i = 0; i < flights->count; i++) {
        /* Timestamps were not read: take those of the candidate. */
        struct hf_trace_record in = flights->list[i].record;
        in.time = now;
        in.u.segment.seq = datagram->seq;
        in.u.segment.ack = datagram->ack;
        in.u.segment.flags = datagram->flags;
        in.u.segment.text = datagram->text;
        if (hf_record_matches(&flights->list[i].record, &in))
            return hf_flights_arrive(flights, &in, sent, id) != FLIGHT_UNKNOWN;
    }
    return false;
}

void hf_flights_end(struct flights *flights)
{
    free(flights->list);
    memset(flights, 0, sizeof *flights);
}
