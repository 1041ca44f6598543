/* In which language a command speaks: --lang, else the locale. */
#ifndef HANDFAST_TOOL_LANGUAGE_H
#define HANDFAST_TOOL_LANGUAGE_H

#include "options.h"

/* language_choose: *language is HF_ENGLISH or HF_CHINESE (view.h).
 * lang     what --lang was given; NULL: nothing
 * returns  -1, or the exit status after an error was printed */
int language_choose(const struct command *command, const char *lang, int *language);

#endif
