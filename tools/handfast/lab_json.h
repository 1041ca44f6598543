/* The lab as JSON, for its page. */
#ifndef HANDFAST_TOOL_LAB_JSON_H
#define HANDFAST_TOOL_LAB_JSON_H

#include "lab.h"

/* lab_json_list: all experiments, with their knobs, in both languages. language: "en", "zh" or "":
 * the one that the page is to begin with, as with the seed. */
void lab_json_list(FILE *to, const char *language, uint64_t seed);

/* lab_json_report: an experiment that was played. */
void lab_json_report(FILE *to, const struct lab *lab, const struct experiment *experiment);

/* lab_json_steps: an array, a ladder's steps. */
void lab_json_steps(FILE *to, const struct hf_ladder *ladder, int language);

/* lab_json_error: why there is nothing else. */
void lab_json_error(FILE *to, const char *error);

#endif
