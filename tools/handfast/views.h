/* What a run leaves to be looked at: a ladder, live or drawn afterwards, a capture file, a plot. */
#ifndef HANDFAST_TOOL_VIEWS_H
#define HANDFAST_TOOL_VIEWS_H

#include "options.h"

#include <stdio.h>

struct views {
    struct hf_tee tee;
    struct hf_ladder *ladder;
    struct hf_pcapng *capture;
    FILE *file; /* of the capture */
    const char *path;
    struct hf_timeseq *plot;
    FILE *plot_file;
    const char *plot_path;
    struct hf_ladder *picture;   /* for svg: keeps all rows, prints nothing */
    struct hf_diagram *diagram;
    FILE *svg_file, *diagram_file;
    const char *svg_path, *diagram_path;
    struct hf_picture_config look;
};

struct views_config {
    FILE *ladder_to; /* NULL: no ladder */
    bool live, both_ends, whole, absolute;
    const char *pcap; /* NULL: no capture */
    const char *plot; /* NULL: no time-sequence plot */
    const char *svg, *diagram; /* NULL: no picture */
    struct hf_picture_config look; /* how pictures look; write and context are set here */
    int64_t wall_ns;  /* wall time of time 0 */
    const struct hf_view_name *names;
    size_t name_count;
    const char *peer_name;
};

/* views_open: returns -1, or the exit status after an error was printed. */
int views_open(struct views *views, const struct command *command,
               const struct views_config *config);

/* views_look: one more reader of the stream. */
void views_look(struct views *views, hf_trace_fn sink, void *context);

/* views_sink: for a stack's configuration; *context. NULL when nobody looks. */
hf_trace_fn views_sink(struct views *views, void **context);

/* views_draw: the ladder of what came since the last time. */
void views_draw(struct views *views);

/* views_close: returns -1, or EXIT_FAILED after an error was printed: a file is not whole. */
int views_close(struct views *views, const struct command *command);

/* wall_offset: what to add to a host's clock to have the time of day, in nanoseconds. */
int64_t wall_offset(hf_time now);

#endif
