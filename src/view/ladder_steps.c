/* A ladder step by step, for a reader that walks through it: what each row tells, and the states of
 * both ends before and after it. */
#include "ladder_words.h"

#include <stdio.h>

static void tell_segment(const struct hf_ladder *ladder, const struct row *row,
                         struct hf_ladder_step *step)
{
    step->lost = row_is_lost(ladder, row);
    step->repair = row_is_repair(row);
    step->landmark = row_is_landmark(row);
    if (row->sent && row->part != PART_ARRIVAL)
        step->left = row->record.time - ladder->base;
    if (row->arrived && row->part != PART_DEPARTURE)
        step->arrived = row->landed - ladder->base;
    if (row->sent)
        step->reason = row->record.u.segment.reason;
    step->drop = row->drop;
}

static void tell(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                 const struct row *row, int language, struct hf_ladder_step *step, char *text,
                 size_t room, struct remarks *remarks)
{
    bool below_call = row > talk->rows && row[-1].kind == ROW_CALL && row[-1].from == row->from;
    switch (row->kind) {
    case ROW_SEGMENT:
        words_segment(talk, row, ladder->config.absolute, SEGMENT_TEXT - 1, text);
        words_options(talk, row, false, language, remarks);
        words_fate(row, language, remarks);
        tell_segment(ladder, row, step);
        return;
    case ROW_CALL:
        snprintf(text, room, "%s", hf_call_words(row->record.u.call.call, language));
        break;
    case ROW_STATE:
        words_change(row, below_call, language, text, room);
        break;
    default:
        words_note(row, language, text, room);
        break;
    }
    step->left = row->record.time - ladder->base;
}

static void walk(const struct hf_ladder *ladder, const struct ladder_talk *talk, int language,
                 hf_ladder_step_fn fn, void *context)
{
    uint8_t state[2] = {(uint8_t)words_first(talk, 0), (uint8_t)words_first(talk, 1)};
    for (size_t i = 0; i < talk->count; i++) {
        const struct row *row = &talk->rows[i];
        char text[200] = "";
        struct remarks remarks = {.len = 0};
        struct hf_ladder_step step = {.connection = talk->seen.number,
                                      .row = (uint32_t)i,
                                      .kind = row->kind,
                                      .from = row->from,
                                      .left = HF_NEVER,
                                      .arrived = HF_NEVER,
                                      .text = text,
                                      .remark = remarks.text};
        tell(ladder, talk, row, language, &step, text, sizeof text, &remarks);
        for (int e = 0; e < 2; e++) {
            step.before[e] = state[e];
            if (row->end[e].changed && row->end[e].state != HF_STATES)
                state[e] = row->end[e].state;
            step.after[e] = state[e];
            step.inferred[e] = row->end[e].inferred;
            step.ended[e] = row->end[e].ended ? row->end[e].cause : HF_CAUSE_NONE;
        }
        fn(context, &step);
    }
}

void hf_ladder_steps(const struct hf_ladder *ladder, uint32_t connection, int language,
                     hf_ladder_step_fn fn, void *context)
{
    for (size_t i = 0; i < ladder->count; i++)
        if (ladder->talks[i] != NULL &&
            (connection == 0 || connection == ladder->talks[i]->seen.number))
            walk(ladder, ladder->talks[i], language, fn, context);
}
