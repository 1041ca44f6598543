/* Strings as RFC 8259 wants them; the rest of JSON is short enough to be written where it is
 * needed. */
#include "json.h"

void json_text(FILE *to, const char *bytes)
{
    (void)fputc('"', to);
    for (; *bytes; bytes++) {
        unsigned char c = (unsigned char)*bytes;
        if (c == '"' || c == '\\')
            (void)fprintf(to, "\\%c", c);
        else if (c < 0x20)
            (void)fprintf(to, "\\u%04x", c);
        else
            (void)fputc(c, to);
    }
    (void)fputc('"', to);
}

void json_name(FILE *to, const char *before, const char *name)
{
    (void)fputs(before, to);
    json_text(to, name);
    (void)fputc(':', to);
}
