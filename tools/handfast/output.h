/* Bytes to a file, a pipe or a terminal, without ever stopping the stack for long: a reader that
 * does not read makes us take less from the connection, not stand still. */
#ifndef HANDFAST_TOOL_OUTPUT_H
#define HANDFAST_TOOL_OUTPUT_H

#include <handfast/host.h>
#include <stdbool.h>

struct output {
    int descriptor;
    bool may_block; /* anything but a regular file                                            */
    bool watched;
};

void output_use(struct output *output, int descriptor);

/* output_write: returns how many bytes were taken, 0 when it would have to wait, -1 with errno */
int64_t output_write(struct output *output, const void *bytes, size_t len);

/* output_watch: whether the host is to wake up when the output takes more. */
void output_watch(struct output *output, struct hf_host *host, bool wanted);

#endif
