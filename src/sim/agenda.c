/* The agenda: a binary heap ordered by time, then by the order of adding. See agenda.h. */
#include "sim/agenda.h"

#include <stdlib.h>

static bool before(const struct agenda_entry *a, const struct agenda_entry *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

bool hf_agenda_add(struct agenda *agenda, const struct agenda_entry *entry)
{
    if (agenda->count == agenda->room) {
        size_t room = agenda->room ? agenda->room * 2 : 64;
        struct agenda_entry *heap = realloc(agenda->heap, room * sizeof *heap);
        if (!heap)
            return false;
        agenda->heap = heap;
        agenda->room = room;
    }
    struct agenda_entry added = *entry;
    added.order = agenda->orders++;
    size_t at = agenda->count++;
    while (at > 0 && before(&added, &agenda->heap[(at - 1) / 2])) {
        agenda->heap[at] = agenda->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->heap[at] = added;
    return true;
}

hf_time hf_agenda_next(const struct agenda *agenda)
{
    return agenda->count ? agenda->heap[0].at : HF_NEVER;
}

struct agenda_entry hf_agenda_take(struct agenda *agenda)
{
    struct agenda_entry first = agenda->heap[0];
    struct agenda_entry last = agenda->heap[--agenda->count];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= agenda->count)
            break;
        if (child + 1 < agenda->count && before(&agenda->heap[child + 1], &agenda->heap[child]))
            child++;
        if (!before(&agenda->heap[child], &last))
            break;
        agenda->heap[at] = agenda->heap[child];
        at = child;
    }
    agenda->heap[at] = last;
    return first;
}

void hf_agenda_free(struct agenda *agenda)
{
    free(agenda->heap);
    agenda->heap = NULL;
    agenda->count = agenda->room = 0;
}
