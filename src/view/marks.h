/* What a plot remembers: boxes of time and value, in order of time, never more than a limit. When
 * there is no room, neighbours that would lie on one point of the picture become one; and if that
 * does not help, neighbours a little farther apart. */
#ifndef HF_VIEW_MARKS_H
#define HF_VIEW_MARKS_H

#include <handfast/types.h>
#include <stdbool.h>

#define MARKS_MAX 4096

struct mark {
    hf_time from, to;
    int64_t low, high;
    int64_t last;   /* of a curve: its value from `to` on                                     */
    uint16_t kind;  /* only equal kinds become one                                            */
    uint32_t count; /* how many marks this one stands for                                     */
};

struct marks {
    struct mark *at;
    size_t count, room;
    bool curve;     /* one value at each time: neighbours in time may become one however far apart
                       their values are, as a picture shows the whole range in one column     */
};

/* Add a mark, not earlier than the last. False without memory: then it is not in the plot. */
bool hf_marks_add(struct marks *marks, hf_time time, int64_t low, int64_t high, uint16_t kind);

/* The same for a curve; a value equal to the last is no news. */
bool hf_marks_follow(struct marks *marks, hf_time time, int64_t value);

void hf_marks_free(struct marks *marks);

#endif
