/* What a person may change in an experiment: each knob has a name, a range and words in both
 * languages; an experiment says which it has and how they stand at first. Values come as text, from
 * the command line or from a query, and are refused by a line that names them. */
#ifndef HANDFAST_TOOL_LAB_KNOBS_H
#define HANDFAST_TOOL_LAB_KNOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One text in both languages. */
struct said {
    const char *en, *zh;
};

enum knob {
    KNOB_NONE,
    KNOB_DELAY,
    KNOB_LOSS,
    KNOB_LOSE,
    KNOB_FIRST,
    KNOB_THINK,
    KNOB_APART,
    KNOB_MSL,
    KNOB_SYNS,
    KNOB_TIMER,
    KNOB_RESETS,
    KNOB_BYTES,
    KNOB_CALL,
    KNOB_ACKS,
    KNOB_TIMESTAMPS,
    KNOB_ISN,
    KNOB_COOKIES,
    KNOB_FLOOD,
    KNOB_GUESSES,
    KNOB_WINDOW,
    KNOB_PAUSE,
    KNOB_READER,
    KNOB_UPDATE,
    KNOB_SACK,
    KNOB_HOLES,
    KNOB_TAIL,
    KNOB_IDLE,
    KNOB_BACKLOG,
    KNOB_OFF,
    KNOB_BOX,
    KNOB_COUNT
};

enum knob_kind {
    KNOB_NUMBER,  /* min..max                                                                */
    KNOB_CHOICE,  /* one of some words; the value is its place                               */
    KNOB_SEGMENTS /* numbers from 1 to 64 with commas, or none: bit n-1 is number n          */
};

enum { FIRST_TURNS, FIRST_CLIENT, FIRST_SERVER, FIRST_BOTH }; /* choices of KNOB_FIRST       */

#define KNOB_CHOICES 4
#define KNOB_SEGMENT_MAX 64

struct knob_about {
    const char *name;
    enum knob_kind kind;
    uint32_t min, max;
    struct said title;
    struct said unit;
    struct {
        const char *name; /* NULL: no more                                                   */
        struct said title;
    } choice[KNOB_CHOICES];
};

extern const struct knob_about knob_about[KNOB_COUNT];

/* A knob of an experiment, and how it stands at first. */
struct knob_preset {
    uint8_t knob; /* enum knob; KNOB_NONE ends a list                                        */
    uint32_t value;
    uint8_t choices; /* CHOICE: a bit for each that makes sense here; 0: all                 */
};

#define EXPERIMENT_KNOBS 8

struct knob_values {
    uint64_t value[KNOB_COUNT];
};

/* knobs_preset: as the experiment has them. */
void knobs_preset(struct knob_values *values, const struct knob_preset *presets);

/* knob_allows: whether a choice makes sense for this experiment. */
bool knob_allows(const struct knob_preset *preset, unsigned choice);

#define KNOB_ERROR 400

/* knobs_set: turn one knob, by its name; neither text need end in 0.
 * error    at least KNOB_ERROR bytes: one line that names the value and what is allowed
 * returns  whether it was turned */
bool knobs_set(struct knob_values *values, const struct knob_preset *presets, const char *name,
               size_t name_len, const char *text, size_t text_len, int language, char *error);

/* knob_text: a value as knobs_set reads it.
 * text     at least KNOB_TEXT bytes
 * returns  text */
#define KNOB_TEXT 200
char *knob_text(enum knob knob, uint64_t value, char *text);

#endif
