/* Segments that have left one end and not arrived at the other, for views that see both ends: a
 * list of one direction of a connection. Joins what arrives with what left. */
#ifndef HF_VIEW_FLIGHTS_H
#define HF_VIEW_FLIGHTS_H

#include <stdbool.h>

#include <handfast/trace.h>

#define FLIGHTS_MAX 1024 /* beyond it the oldest counts as lost                              */
#define FLIGHTS_RECENT 8 /* arrived ones that are kept to tell copies that the network made  */

struct flight {
    struct hf_trace_record record;
    uint64_t id;   /* the caller's: what it keeps about this segment                          */
    uint32_t left; /* sequence numbers that did not arrive yet                                */
};

struct flights {
    struct flight *list;
    size_t count, room;
    struct flight recent[FLIGHTS_RECENT];
    unsigned recent_count;
    hf_time delay; /* of the last that arrived, when has_delay                                */
    bool has_delay;
};

/* A segment left. Returns false without memory. */
bool hf_flights_depart(struct flights *flights, const struct hf_trace_record *out, uint64_t id);

enum flight_fate { FLIGHT_UNKNOWN, FLIGHT_ARRIVED, FLIGHT_DOUBLED };

/* A segment arrived. Of several that look alike it is the one that took about as long as the
 * segment before it; that may be one that had arrived before. *sent is what left and *id its id,
 * unless it is unknown. */
enum flight_fate hf_flights_arrive(struct flights *flights, const struct hf_trace_record *in,
                                   struct hf_trace_record *sent, uint64_t *id);

/* The same for a segment of which only the headers are known, as its receiver did not want it. */
struct hf_datagram;
bool hf_flights_refused(struct flights *flights, const struct hf_datagram *datagram, hf_time now,
                        struct hf_trace_record *sent, uint64_t *id);

void hf_flights_end(struct flights *flights);

#endif
