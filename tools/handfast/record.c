/* A dump replaces the file of the one before. */
#include "record.h"
#include "interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TROUBLE ".trouble"

static void dump(struct record *record, const char *path)
{
    FILE *file = fopen(path, "wb");
    bool bad = !file;
    if (file) {
        hf_recorder_dump(record->recorder, hf_write_file, file);
        bad = ferror(file) != 0;
        bad = fclose(file) != 0 || bad;
    }
    if (bad && !record->failed)
        (void)failure(record->command, "cannot write %s: %s", path, strerror(errno));
    record->failed = record->failed || bad;
}

/* The last one that ended badly, one a second, is the one that is kept: what led to it is still in
 * the ring. */
static void on_trouble(void *context, struct hf_recorder *recorder, int cause)
{
    struct record *record = context;
    time_t now = time(NULL);
    (void)recorder;
    (void)cause;
    if (now == record->trouble_at)
        return; /* a flood of them must not become a flood of writes */
    record->trouble_at = now;
    dump(record, record->trouble);
}

int record_open(struct record *record, const struct command *command, const char *path,
                int64_t wall_ns)
{
    struct hf_recorder_config config = {.size = sizeof config,
                                        .wall_ns = wall_ns,
                                        .on_trouble = on_trouble,
                                        .context = record};
    record->command = command;
    record->path = path;
    record->requests = dump_requests();
    record->trouble = malloc(strlen(path) + sizeof TROUBLE);
    record->recorder = hf_recorder_create(&config);
    if (!record->recorder || !record->trouble)
        return failure(command, "no memory");
    (void)strcat(strcpy(record->trouble, path), TROUBLE);
    dump(record, path); /* that it cannot be written is said now, not at the end */
    return record->failed ? EXIT_FAILED : -1;
}

void record_poll(struct record *record)
{
    if (!record->recorder || record->requests == dump_requests())
        return;
    record->requests = dump_requests();
    dump(record, record->path);
}

int record_close(struct record *record)
{
    if (record->recorder && !record->failed)
        dump(record, record->path);
    hf_recorder_destroy(record->recorder);
    free(record->trouble);
    record->recorder = NULL;
    record->trouble = NULL;
    return record->failed ? EXIT_FAILED : -1;
}
