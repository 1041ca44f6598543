/* What the lab's page asks for: an experiment, its knobs, and how it is to be shown. */
#ifndef HANDFAST_TOOL_LAB_QUERY_H
#define HANDFAST_TOOL_LAB_QUERY_H

#include "http.h"
#include "lab.h"

struct lab_query {
    const struct experiment *experiment; /* NULL: none was asked for                         */
    int language;                        /* enum hf_language                                 */
    uint16_t width;                      /* of pictures                                      */
    uint64_t seed;
    struct knob_values knobs;
    char error[KNOB_ERROR]; /* one line that names what is wrong and what is allowed         */
};

/* lab_query_read: the query of a request target.
 * returns  200, 400 or 414: then error says why, in the language that was asked for, if any */
int lab_query_read(struct lab_query *query, struct http_text target);

#endif
