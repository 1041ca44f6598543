/* The flight recorder of a run (--record): its dumps and when they are written. */
#ifndef HANDFAST_TOOL_RECORD_H
#define HANDFAST_TOOL_RECORD_H

#include "options.h"

struct record {
    struct hf_recorder *recorder; /* NULL: none */
    const struct command *command;
    const char *path;
    char *trouble; /* where it goes when a connection ended badly */
    int64_t trouble_at; /* time of day of the last such dump, s */
    int requests;  /* SIGUSR1 so far */
    bool failed;   /* a dump could not be written, which was said */
};

/* record_open: returns -1, or EXIT_FAILED after an error was printed. */
int record_open(struct record *record, const struct command *command, const char *path,
                int64_t wall_ns);

/* record_poll: write a dump if one was asked for. */
void record_poll(struct record *record);

/* record_close: write the last dump. returns -1, or EXIT_FAILED after an error was printed */
int record_close(struct record *record);

#endif
