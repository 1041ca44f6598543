/* Writing JSON. */
#ifndef HANDFAST_TOOL_JSON_H
#define HANDFAST_TOOL_JSON_H

#include <stdio.h>

/* json_text: a string with its quotation marks. Bytes above ASCII stay as they are. */
void json_text(FILE *to, const char *bytes);

/* json_name: "name": before a value. before: what separates it from the last, "" for the first. */
void json_name(FILE *to, const char *before, const char *name);

#endif
