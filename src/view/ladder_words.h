/* What a row of a ladder says, in words: shared by the text (ladder_draw.c) and the picture
 * (ladder_svg.c). */
#ifndef HF_VIEW_LADDER_WORDS_H
#define HF_VIEW_LADDER_WORDS_H

#include "ladder.h"

#define SAID(language, english, chinese) ((language) == HF_CHINESE ? (chinese) : (english))

#define SEGMENT_TEXT 128

/* A list of remarks with commas. */
struct remarks {
    char text[400];
    size_t len;
};

__attribute__((format(printf, 2, 3))) void words_remark(struct remarks *remarks,
                                                        const char *format, ...);

/* Milliseconds with three digits behind the point; seconds where that is too long. */
const char *words_time(const struct hf_ladder *ladder, hf_time time, char text[32]);

/* 84680 as "84,680". */
const char *words_grouped(uint64_t value, char text[32]);

/* The name of an end; text is room for one that is made. */
const char *words_end_name(const struct hf_ladder *ladder, const struct hf_observed_end *end,
                           char text[HF_ENDPOINT_TEXT]);

/* The segment in words, at most `room` of them: what fits least is left out first. absolute: with
 * the numbers of the wire. */
void words_segment(const struct ladder_talk *talk, const struct row *row, bool absolute,
                   size_t room, char text[SEGMENT_TEXT]);

/* What else it says: options. absolute: and the numbers of the wire. */
void words_options(const struct ladder_talk *talk, const struct row *row, bool absolute,
                   int language, struct remarks *remarks);

/* Why it was sent (again) and what became of it. */
void words_fate(const struct row *row, int language, struct remarks *remarks);

/* What a note tells. */
void words_note(const struct row *row, int language, char *text, size_t room);

/* Why a state changed when no segment shows it. */
void words_change(const struct row *row, bool below_call, int language, char *text, size_t room);

/* The state to write beside a row, or nothing. */
const char *words_state(const struct row *row, int e, char *text);

/* The state an end began in: by its first change; of a peer by what it said first. */
const char *words_first_state(const struct ladder_talk *talk, int e, char *text);

/* The same as enum hf_state; CLOSED where nothing tells. */
int words_first(const struct ladder_talk *talk, int e);

bool row_is_landmark(const struct row *row);
bool row_is_lost(const struct hf_ladder *ladder, const struct row *row);
bool row_is_repair(const struct row *row);

/* ---- Folding ---- */

#define FOLD_FROM 16 /* plain segments in a row from which on the middle is folded           */
#define FOLD_FIRST 4 /* ... and how many stay before ...                                     */
#define FOLD_LAST 3  /* ... and after it                                                     */

/* How many rows that look alike begin at this one. */
size_t fold_run(const struct hf_ladder *ladder, const struct ladder_talk *talk, size_t at);

/* The folded segments of one direction in words: how many, how much, up to where. */
void words_fold(const struct ladder_talk *talk, const struct row *rows, size_t n, int from,
                int language, struct remarks *remarks);

#endif
