/* The line is rewritten in place and never longer than a narrow terminal. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define EVERY (200 * HF_MS)

char *size_text(uint64_t bytes, char *text)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        (void)snprintf(text, SIZE_TEXT, "%u B", (unsigned)bytes);
        return text;
    }
    double size = (double)bytes / 1024;
    size_t unit = 0;
    for (; size >= 1024 && unit < 5; unit++)
        size /= 1024;
    (void)snprintf(text, SIZE_TEXT, "%.1f %s", size, units[unit]);
    return text;
}

void progress_begin(struct progress *progress, hf_time now)
{
    *progress = (struct progress){.shown = isatty(STDERR_FILENO), .began = now, .next = now};
}

static bool due(struct progress *progress, hf_time now)
{
    if (!progress->shown || now < progress->next)
        return false;
    progress->next = now + EVERY;
    progress->dirty = true;
    return true;
}

static uint64_t per_second(const struct progress *progress, hf_time now, uint64_t done)
{
    double seconds = (double)(now - progress->began) / (double)HF_SEC;
    return seconds > 0 ? (uint64_t)((double)done / seconds) : 0;
}

void progress_show(struct progress *progress, hf_time now, uint64_t done, uint64_t total)
{
    char have[SIZE_TEXT];
    char all[SIZE_TEXT];
    char rate[SIZE_TEXT];
    if (!due(progress, now))
        return;
    (void)size_text(done, have);
    (void)size_text(per_second(progress, now, done), rate);
    if (total)
        (void)fprintf(stderr, "\r%s of %s, %d %%, %s/s\033[K", have, size_text(total, all),
                      (int)((double)done * 100 / (double)total), rate);
    else
        (void)fprintf(stderr, "\r%s, %s/s\033[K", have, rate);
}

void progress_note(struct progress *progress, hf_time now, const char *note, uint64_t done)
{
    char have[SIZE_TEXT];
    if (due(progress, now))
        (void)fprintf(stderr, "\r%s, %s\033[K", note, size_text(done, have));
}

void progress_clear(struct progress *progress)
{
    if (progress->dirty)
        (void)fputs("\r\033[K", stderr);
    progress->dirty = false;
}
