/* The report of an experiment: what it tells, shows, measures and claims, part by part. */
#include "lab.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct part *lab_part(struct lab *lab, enum part_kind kind)
{
    if (lab->count == lab->room) {
        size_t room = lab->room ? lab->room * 2 : 32;
        struct part *parts = realloc(lab->parts, room * sizeof *parts);
        if (!parts) {
            lab->no_memory = true;
            return NULL;
        }
        lab->parts = parts;
        lab->room = room;
    }
    struct part *part = &lab->parts[lab->count++];
    memset(part, 0, sizeof *part);
    part->kind = kind;
    return part;
}

static void keep(struct lab *lab, char **where, const char *text)
{
    *where = strdup(text);
    lab->no_memory = lab->no_memory || !*where;
}

void lab_tell(struct lab *lab, const char *english, const char *chinese)
{
    struct part *part = lab_part(lab, PART_TEXT);
    if (part)
        keep(lab, &part->text, SAY(lab, english, chinese));
}

void lab_show(struct lab *lab, const char *lines)
{
    struct part *part = lab_part(lab, PART_SHOWN);
    if (part)
        keep(lab, &part->text, lines);
}

void lab_figure(struct lab *lab, const char *english, const char *chinese, const char *format,
                ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct part *part = lab_part(lab, PART_FIGURE);
    if (!part)
        return;
    keep(lab, &part->name, SAY(lab, english, chinese));
    keep(lab, &part->text, text);
}

void lab_claim(struct lab *lab, bool holds, const char *english, const char *chinese)
{
    struct part *part = lab_part(lab, PART_CLAIM);
    lab->failed = lab->failed || !holds;
    if (!part)
        return;
    part->holds = holds;
    keep(lab, &part->text, SAY(lab, english, chinese));
}

void lab_forget(struct lab *lab)
{
    for (size_t i = 0; i < lab->count; i++) {
        free(lab->parts[i].name);
        free(lab->parts[i].text);
        free(lab->parts[i].svg);
        free(lab->parts[i].diagram);
        free(lab->parts[i].steps);
    }
    free(lab->parts);
    lab->parts = NULL;
    lab->count = lab->room = 0;
}

/* ---- Playing ---- */

const struct experiment *experiment_find(const char *name, size_t len)
{
    for (size_t i = 0; i < experiment_count; i++)
        if (strlen(experiments[i].name) == len && memcmp(experiments[i].name, name, len) == 0)
            return &experiments[i];
    return NULL;
}

uint64_t lab_knob(const struct lab *lab, enum knob knob)
{
    return lab->knobs.value[knob];
}

hf_time lab_time(const struct lab *lab, enum knob knob)
{
    return (hf_time)lab->knobs.value[knob] * HF_MS;
}

void lab_play(struct lab *lab, const struct experiment *experiment)
{
    struct part *part = lab_part(lab, PART_TITLE);
    if (part) {
        keep(lab, &part->name, experiment->name);
        keep(lab, &part->text, SAY(lab, experiment->title.en, experiment->title.zh));
    }
    lab_tell(lab, experiment->story.en, experiment->story.zh);
    experiment->play(lab);
}
