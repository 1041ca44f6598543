/* The lab for programs, which is for its page: the list of experiments with their knobs, the report
 * of one that was played, and its ladders step by step. */
#include "lab_json.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static void put_said(FILE *to, const char *name, struct said said)
{
    json_name(to, ",", name);
    json_name(to, "{", "en");
    json_text(to, said.en);
    json_name(to, ",", "zh");
    json_text(to, said.zh);
    (void)fputc('}', to);
}

/* ---- What there is ---- */

static void put_value(FILE *to, enum knob knob, uint64_t value)
{
    char text[KNOB_TEXT];
    json_text(to, knob_text(knob, value, text));
}

static void put_choices(FILE *to, const struct knob_preset *preset)
{
    const struct knob_about *about = &knob_about[preset->knob];
    const char *before = "";
    json_name(to, ",", "choices");
    (void)fputc('[', to);
    for (unsigned i = 0; i < KNOB_CHOICES && about->choice[i].name; i++) {
        if (!knob_allows(preset, i))
            continue;
        (void)fputs(before, to);
        json_name(to, "{", "name");
        json_text(to, about->choice[i].name);
        put_said(to, "title", about->choice[i].title);
        (void)fputc('}', to);
        before = ",";
    }
    (void)fputc(']', to);
}

static void put_knob(FILE *to, const struct knob_preset *preset)
{
    static const char *const kinds[] = {"number", "choice", "segments"};
    const struct knob_about *about = &knob_about[preset->knob];
    json_name(to, "{", "name");
    json_text(to, about->name);
    json_name(to, ",", "kind");
    json_text(to, kinds[about->kind]);
    (void)fprintf(to, ",\"min\":%u,\"max\":%u", about->min, about->max);
    put_said(to, "title", about->title);
    put_said(to, "unit", about->unit);
    json_name(to, ",", "preset");
    put_value(to, preset->knob, preset->value);
    put_choices(to, preset);
    (void)fputc('}', to);
}

static void put_experiment(FILE *to, const struct experiment *experiment)
{
    json_name(to, "{", "name");
    json_text(to, experiment->name);
    put_said(to, "title", experiment->title);
    put_said(to, "story", experiment->story);
    json_name(to, ",", "breaking");
    json_name(to, "{", "name");
    json_text(to, knob_about[experiment->breaking.knob].name);
    json_name(to, ",", "value");
    put_value(to, experiment->breaking.knob, experiment->breaking.value);
    (void)fputs("},\"knobs\":[", to);
    for (const struct knob_preset *p = experiment->knobs; p->knob != KNOB_NONE; p++) {
        (void)fputs(p == experiment->knobs ? "" : ",", to);
        put_knob(to, p);
    }
    (void)fputs("]}", to);
}

void lab_json_list(FILE *to, const char *language, uint64_t seed)
{
    json_name(to, "{", "language");
    json_text(to, language);
    (void)fprintf(to, ",\"seed\":\"%llu\"", (unsigned long long)seed);
    json_name(to, ",", "experiments");
    (void)fputc('[', to);
    for (size_t i = 0; i < experiment_count; i++) {
        (void)fputs(i ? ",\n" : "\n", to);
        put_experiment(to, &experiments[i]);
    }
    (void)fputs("\n]}\n", to);
}

/* ---- Steps ---- */

static void put_time(FILE *to, const char *name, hf_time time)
{
    if (time != HF_NEVER)
        (void)fprintf(to, ",\"%s\":%.3f", name, (double)time / (double)HF_MS);
}

static void put_states(FILE *to, const char *name, const uint8_t state[2])
{
    (void)fprintf(to, ",\"%s\":[\"%s\",\"%s\"]", name, hf_state_text(state[0]),
                  hf_state_text(state[1]));
}

struct stepping {
    FILE *to;
    int language;
    bool begun;
};

static void put_step(void *context, const struct hf_ladder_step *step)
{
    static const char *const kinds[] = {"segment", "call", "state", "note"};
    struct stepping *s = context;
    (void)fprintf(s->to, "%s{\"id\":\"%u.%u\",\"connection\":%u,\"kind\":\"%s\",\"from\":%u",
                  s->begun ? ",\n" : "", step->connection, step->row, step->connection,
                  kinds[step->kind], step->from);
    s->begun = true;
    json_name(s->to, ",", "text");
    json_text(s->to, step->text);
    json_name(s->to, ",", "remark");
    json_text(s->to, step->remark);
    put_states(s->to, "before", step->before);
    put_states(s->to, "after", step->after);
    (void)fprintf(s->to, ",\"inferred\":[%u,%u]", step->inferred[0], step->inferred[1]);
    put_time(s->to, "left", step->left);
    put_time(s->to, "arrived", step->arrived);
    if (step->lost)
        (void)fputs(",\"lost\":true", s->to);
    if (step->repair)
        (void)fputs(",\"repair\":true", s->to);
    for (int e = 0; e < 2; e++) {
        if (step->ended[e] == HF_CAUSE_NONE)
            continue;
        (void)fprintf(s->to, ",\"ended%d\":", e);
        json_text(s->to, hf_cause_words(step->ended[e], s->language));
    }
    (void)fputc('}', s->to);
}

void lab_json_steps(FILE *to, const struct hf_ladder *ladder, int language)
{
    struct stepping stepping = {.to = to, .language = language};
    (void)fputc('[', to);
    hf_ladder_steps(ladder, 0, language, put_step, &stepping);
    (void)fputc(']', to);
}

char *lab_steps(struct lab *lab, const struct hf_ladder *ladder)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    lab_json_steps(file, ladder, lab->language);
    (void)fclose(file);
    return text;
}

/* ---- A report ---- */

static void put_part(FILE *to, const struct part *part)
{
    static const char *const kinds[] = {"title", "text", "scene", "shown", "figure", "claim"};
    json_name(to, "{", "kind");
    json_text(to, kinds[part->kind]);
    if (part->name) {
        json_name(to, ",", "name");
        json_text(to, part->name);
    }
    if (part->kind != PART_SCENE && part->text) {
        json_name(to, ",", "text");
        json_text(to, part->text);
    }
    if (part->kind == PART_CLAIM)
        (void)fprintf(to, ",\"holds\":%s", part->holds ? "true" : "false");
    if (part->svg) {
        json_name(to, ",", "ladder");
        json_text(to, part->svg);
    }
    if (part->steps) {
        json_name(to, ",", "steps");
        (void)fputs(part->steps, to);
    }
    if (part->kind == PART_SCENE)
        (void)fprintf(to, ",\"ends\":[\"%s\",\"%s\"]", part->ends[0], part->ends[1]);
    (void)fputc('}', to);
}

void lab_json_report(FILE *to, const struct lab *lab, const struct experiment *experiment)
{
    json_name(to, "{", "experiment");
    json_text(to, experiment->name);
    (void)fprintf(to, ",\"seed\":%llu,\"holds\":%s,\"knobs\":{", (unsigned long long)lab->seed,
                  lab->failed ? "false" : "true");
    for (const struct knob_preset *p = experiment->knobs; p->knob != KNOB_NONE; p++) {
        json_name(to, p == experiment->knobs ? "" : ",", knob_about[p->knob].name);
        put_value(to, p->knob, lab_knob(lab, p->knob));
    }
    (void)fputs("},\"parts\":[", to);
    for (size_t i = 0; i < lab->count; i++) {
        (void)fputs(i ? ",\n" : "\n", to);
        put_part(to, &lab->parts[i]);
    }
    (void)fputs("]}\n", to);
}

void lab_json_error(FILE *to, const char *error)
{
    json_name(to, "{", "error");
    json_text(to, error);
    (void)fputs("}\n", to);
}
