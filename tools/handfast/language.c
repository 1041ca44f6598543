#include "language.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/view.h>

/* As other programs read the locale: the first of the three that says anything. */
static int locale_language(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < OPTION_COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strncmp(value, "zh", 2) == 0 ? HF_CHINESE : HF_ENGLISH;
    }
    return HF_ENGLISH;
}

int language_choose(const struct command *command, const char *lang, int *language)
{
    *language = locale_language();
    if (!lang)
        return -1;
    if (strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)
        return usage_error(command, "--lang %s: en or zh is wanted", lang);
    *language = lang[0] == 'z' ? HF_CHINESE : HF_ENGLISH;
    return -1;
}
