/* The connections that carry the lab's page, as their stack's events told: the first of each and the
 * last, so that its open can be drawn however long it lasts. */
#ifndef HANDFAST_TOOL_LAB_LIVE_H
#define HANDFAST_TOOL_LAB_LIVE_H

#include <handfast/handfast.h>
#include <stdbool.h>
#include <stdio.h>

struct lab_live;

/* lab_live_create: returns NULL without memory. */
struct lab_live *lab_live_create(void);
void lab_live_destroy(struct lab_live *live);

/* lab_live_record: a hf_trace_fn whose context is a struct lab_live. */
void lab_live_record(void *live, const struct hf_trace_record *record,
                     const struct hf_packet *packet);

/* lab_live_write: the connection with this peer as JSON: its ladder as a picture and step by step.
 * returns  false: nothing is known of it, or there is no memory; nothing whole was written */
bool lab_live_write(const struct lab_live *live, const struct hf_endpoint *remote, int language,
                    uint16_t width, FILE *to);

#endif
