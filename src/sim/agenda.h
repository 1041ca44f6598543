/* What is going to happen, in order of time, and for one instant in the order in which it was
 * planned: the only queue that virtual time walks along. A binary heap. */
#ifndef HF_SIM_AGENDA_H
#define HF_SIM_AGENDA_H

#include <stdbool.h>

#include <handfast/types.h>

struct carried;

enum agenda_kind { AGENDA_ARRIVAL, AGENDA_TIMER, AGENDA_WAKE };

struct agenda_entry {
    hf_time at;
    uint64_t order; /* filled in when it is added                                             */
    enum agenda_kind kind;
    int host;
    uint64_t value;         /* WAKE                                                           */
    struct carried *packet; /* ARRIVAL                                                        */
};

struct agenda {
    struct agenda_entry *heap;
    size_t count, room;
    uint64_t orders; /* given out so far                                                      */
};

/* False when there is no memory. */
bool hf_agenda_add(struct agenda *agenda, const struct agenda_entry *entry);

/* The time of the first entry; HF_NEVER when there is none. */
hf_time hf_agenda_next(const struct agenda *agenda);

/* Take the first entry; there must be one. */
struct agenda_entry hf_agenda_take(struct agenda *agenda);

void hf_agenda_free(struct agenda *agenda);

#endif
