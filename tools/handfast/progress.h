/* Progress of a transfer in one line on stderr, when that is a terminal, and sizes for people. */
#ifndef HANDFAST_TOOL_PROGRESS_H
#define HANDFAST_TOOL_PROGRESS_H

#include <handfast/types.h>
#include <stdbool.h>

#define SIZE_TEXT 24

/* size_text: "999 B", "1.2 MiB". text: at least SIZE_TEXT bytes. returns text */
char *size_text(uint64_t bytes, char *text);

struct progress {
    bool shown; /* a terminal is there                                                        */
    bool dirty; /* a line stands on it                                                        */
    hf_time began, next;
};

void progress_begin(struct progress *progress, hf_time now);

/* progress_show: total 0: not known. Does nothing more than five times a second. */
void progress_show(struct progress *progress, hf_time now, uint64_t done, uint64_t total);

/* progress_note: as progress_show, with a text of the caller's in front. */
void progress_note(struct progress *progress, hf_time now, const char *note, uint64_t done);

/* progress_clear: take the line away, before anything else is written. */
void progress_clear(struct progress *progress);

#endif
