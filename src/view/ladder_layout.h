/* Where everything of one connection's ladder stands in a picture, from top to bottom.
 *
 * Time runs downwards at one scale, chosen so that a usual flight is FLIGHT points high, except:
 * what happens at one end keeps a line's distance, and a long silence is cut to BREAK points. What
 * happens at one instant at both ends stays on one height. */
#ifndef HF_VIEW_LADDER_LAYOUT_H
#define HF_VIEW_LADDER_LAYOUT_H

#include "ladder_words.h"

enum spot_kind {
    SPOT_DEPART, /* a segment leaves                                                         */
    SPOT_ARRIVE, /* ... arrives                                                              */
    SPOT_SIDE,   /* a call, a change of state, a note                                        */
    SPOT_FOLD    /* segments that are not drawn                                              */
};

/* Something that happens at one end (both, for a fold). */
struct spot {
    hf_time time;
    double y;
    size_t row;   /* what is drawn                                                           */
    size_t about; /* the row that tells what it did to the end                               */
    size_t count; /* fold: rows                                                              */
    uint8_t kind, end;
    bool cut;    /* before it, time was cut out                                             */
    hf_time gap; /* ... so much                                                             */
};

/* One arrow, its two ends; the one that is not there is assumed. */
struct arrow {
    size_t row;
    size_t about;   /* the row that tells of its arrival                                     */
    double y[2];    /* at departure, at arrival                                              */
    bool crossed;   /* meets one that goes the other way                                     */
    double room;    /* points for its text                                                   */
    unsigned lines; /* of remarks                                                            */
};

struct layout {
    const struct hf_ladder *ladder;
    const struct ladder_talk *talk;
    int language;
    double left, right; /* the life lines                                                    */
    double beside;      /* room to the right of the second                                   */
    double top, bottom; /* given and found                                                   */
    struct spot *spots; /* in order of time                                                  */
    size_t spot_count;
    struct arrow *arrows;
    size_t arrow_count;
    double usual; /* height of an arrow whose end is not known                               */
};

#define LINE 19.0 /* between two things at one end                                     */
#define REMARK_LINE 13.0
#define REMARK_SIZE 10.5
#define LABEL_SIZE 12.0

/* Find all places. language, left, right and top are given. Returns false without memory. */
bool layout_make(struct layout *layout, const struct hf_ladder *ladder,
                 const struct ladder_talk *talk);
void layout_free(struct layout *layout);

/* The remarks below an arrow. */
void layout_remarks(const struct layout *layout, const struct row *row, struct remarks *remarks);

#endif
