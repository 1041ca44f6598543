/* State diagrams, collecting side: the changes of state of both ends of each connection. Ours are
 * told by records; those of a peer that is not ours are the observer's inference. */
#include "diagram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 64

struct followed {
    struct hf_observed seen;
    struct diagram_path path[2];
    bool used;
};

struct hf_diagram {
    struct hf_diagram_config config;
    struct hf_observer *observer;
    struct followed connection[CONNECTIONS_MAX]; /* by number, less one                      */
};

struct hf_diagram *hf_diagram_create(const struct hf_diagram_config *config)
{
    if (config->size != sizeof *config)
        return NULL;
    struct hf_diagram *diagram = calloc(1, sizeof *diagram);
    if (diagram == NULL)
        return NULL;
    diagram->config = *config;
    diagram->observer = hf_observer_create();
    if (diagram->observer == NULL) {
        free(diagram);
        return NULL;
    }
    return diagram;
}

void hf_diagram_destroy(struct hf_diagram *diagram)
{
    if (diagram == NULL)
        return;
    hf_observer_destroy(diagram->observer);
    free(diagram);
}

static void add_step(struct diagram_path *path, struct diagram_step step)
{
    if (path->count == 0)
        path->first = step.from;
    path->last = step.to;
    if (path->count < DIAGRAM_STEPS)
        path->step[path->count++] = step;
}

/* An end that is not ours is somewhere else now. */
static void see_inferred(struct followed *f, int e)
{
    const struct hf_observed_end *end = &f->seen.end[e];
    struct diagram_path *path = &f->path[e];
    if (end->ours || end->state == path->last)
        return;
    struct diagram_step step = {.from = path->last, .to = end->state, .inferred = true};
    if (path->count == 0 && step.to == HF_SYN_RECEIVED)
        step.from = HF_LISTEN;
    add_step(path, step);
}

void hf_diagram_record(void *context, const struct hf_trace_record *record,
                       const struct hf_packet *packet)
{
    struct hf_diagram *diagram = context;
    int e = 0;
    const struct hf_observed *seen = hf_observer_see(diagram->observer, record, packet, &e);
    if (seen == NULL || seen->number > CONNECTIONS_MAX)
        return;
    struct followed *f = &diagram->connection[seen->number - 1];
    f->seen = *seen;
    f->used = true;
    struct diagram_path *path = &f->path[e];
    if (record->kind == HF_TRACE_STATE)
        add_step(path, (struct diagram_step){.from = record->u.state.from,
                                             .to = record->u.state.to,
                                             .by = record->u.state.by,
                                             .detail = record->u.state.detail});
    if (record->kind == HF_TRACE_END) {
        path->ended = true;
        path->cause = record->u.end.cause;
    }
    for (int i = 0; i < 2; i++)
        see_inferred(f, i);
}

static void name_path(const struct hf_diagram *diagram, struct followed *f, int e)
{
    const struct hf_observed_end *end = &f->seen.end[e];
    char *name = f->path[e].name;
    if (!end->ours && diagram->config.peer_name != NULL) {
        snprintf(name, HF_ENDPOINT_TEXT, "%s", diagram->config.peer_name);
        return;
    }
    hf_endpoint_format(&end->endpoint, name);
    for (size_t i = 0; end->ours && i < diagram->config.name_count; i++)
        if (diagram->config.names[i].stack == end->stack)
            snprintf(name, HF_ENDPOINT_TEXT, "%s", diagram->config.names[i].name);
}

int hf_diagram_svg(const struct hf_diagram *diagram, const struct hf_picture_config *config)
{
    if (config->size != sizeof *config || config->write == NULL)
        return HF_ERR_ARGUMENT;
    uint32_t number = config->connection == 0 ? 1 : config->connection;
    if (number > CONNECTIONS_MAX || !diagram->connection[number - 1].used)
        return HF_ERR_STATE;
    struct followed shown = diagram->connection[number - 1];
    for (int e = 0; e < 2; e++)
        name_path(diagram, &shown, e);
    diagram_draw(shown.path, config);
    return HF_OK;
}

int hf_states_svg(const struct hf_picture_config *config)
{
    if (config->size != sizeof *config || config->write == NULL)
        return HF_ERR_ARGUMENT;
    diagram_draw_blank(config);
    return HF_OK;
}
