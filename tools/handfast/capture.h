/* The parts of `handfast explain`: reading captures, and what is made of them. */
#ifndef HANDFAST_TOOL_CAPTURE_H
#define HANDFAST_TOOL_CAPTURE_H

#include "options.h"

#include <stdio.h>

#define CAPTURE_TEXT 400

/* What a capture turned out to be. */
struct capture {
    uint64_t packets;
    int64_t wall_ns; /* of time 0, which is the first packet's: nanoseconds since 1970 UTC    */
    bool recording;  /* a dump of a flight recorder                                           */
    uint64_t recorded, kept; /* its records: ever made, and held                              */
    char note[CAPTURE_TEXT]; /* why not everything could be read; empty: it was               */
};

/* capture_read: hand a file to an explainer, packet by packet.
 * file     is closed
 * name     for messages
 * size     its bytes, for progress on a terminal; 0: not known, none is shown
 * returns  -1; or EXIT_USAGE: nothing could be read, and capture->note says why in one line */
int capture_read(FILE *file, const char *name, uint64_t size, struct hf_explain *explain,
                 struct capture *capture);

/* ---- Text ---- */

/* explain_speak: the language of everything below but JSON's names (enum hf_language). English, until
 * it is called. explain_language: which it is. */
void explain_speak(int language);
int explain_language(void);

/* explain_print_list_head: above the lines of explain_print_line. */
void explain_print_list_head(FILE *to);

/* explain_print: a connection, its events and how it ended. */
void explain_print(FILE *to, const struct capture *capture, const struct hf_explained *connection);

/* explain_print_line: a connection in one line. */
void explain_print_line(FILE *to, const struct hf_explained *connection);

/* explain_print_segment: a segment of the connection that is watched. */
void explain_print_segment(FILE *to, const struct hf_explained *connection,
                           const struct hf_explained_segment *segment);

/* explain_print_totals: what the file held, and what was left out. */
void explain_print_totals(FILE *to, const struct capture *capture,
                          const struct hf_explain_totals *totals);

/* explain_print_endings: how many connections ended how. */
void explain_print_endings(FILE *to, const uint64_t counts[HF_EXPLAIN_ENDING_COUNT]);

/* ---- JSON ---- */

void explain_json_begin(FILE *to, const char *name);
void explain_json(FILE *to, const struct capture *capture, const struct hf_explained *connection);
void explain_json_end(FILE *to, const struct capture *capture,
                      const struct hf_explain_totals *totals);

/* ---- Pictures ---- */

struct picture;

/* picture_open: returns NULL without memory. */
struct picture *picture_open(void);

/* picture_segment: one more segment of the connection. */
void picture_segment(struct picture *picture, const struct hf_explained *connection,
                     const struct hf_explained_segment *segment);

/* picture_write: as SVG or, with words, as an HTML page. Either name may be NULL.
 * returns  -1, or EXIT_FAILED after an error was printed */
int picture_write(struct picture *picture, const struct command *command, const char *svg,
                  const char *html, const struct capture *capture,
                  const struct hf_explained *connection);

void picture_close(struct picture *picture);

#endif
