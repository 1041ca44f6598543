/* Sections are run, printed for people, and written as JSON for programs. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[BENCH_WHO] = {"Handfast", "lwIP", "lwIP+sum", "kernel"};
static const char *const keys[BENCH_WHO] = {"handfast", "lwip", "lwip_fast_sum", "kernel"};

/* ---- Running ---- */

static void progress(const struct bench_section *section, const struct bench_row *row,
                     unsigned run, unsigned runs)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (row == NULL)
        fprintf(stderr, "\r\033[K");
    else
        fprintf(stderr, "\r\033[K%s: %s, %u of %u", section->id, row->title, run + 1, runs);
    (void)fflush(stderr);
}

void bench_run(struct bench_section *section, unsigned runs, double seconds, bool quick)
{
    if (section->once)
        runs = 1;
    if (section->begin != NULL) {
        progress(section, &section->rows[0], 0, runs);
        section->begin(section, quick);
    }
    for (unsigned run = 0; run < runs; run++) {
        for (size_t i = 0; i < section->count; i++) {
            struct bench_row *row = &section->rows[i];
            progress(section, row, run, runs);
            for (int who = 0; who < BENCH_WHO; who++)
                if (row->measure[who] != NULL)
                    row->run[who][run] = row->measure[who](row, seconds);
            row->runs = run + 1;
        }
    }
    if (section->end != NULL)
        section->end();
    progress(section, NULL, 0, 0);
}

/* ---- Ratios ---- */

struct spread {
    double middle, low, high;
};

/* Of a figure, or of its ratio to another, run by run. */
static struct spread spread_of(const struct bench_row *row, enum bench_who who,
                               const struct bench_row *to, enum bench_who to_who)
{
    double values[BENCH_RUNS];
    struct spread s = {0, 0, 0};
    unsigned runs = to != NULL && to->runs < row->runs ? to->runs : row->runs;
    for (unsigned i = 0; i < runs; i++) {
        values[i] = row->run[who][i] / (to != NULL ? to->run[to_who][i] : 1);
        s.low = i == 0 || values[i] < s.low ? values[i] : s.low;
        s.high = i == 0 || values[i] > s.high ? values[i] : s.high;
    }
    s.middle = runs ? bench_median(values, runs) : 0;
    return s;
}

/* ---- For people ---- */

/* Three digits that count. */
static void print_figure(double value, int width)
{
    int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.1 ? 2 : 4;
    printf("%*.*f", width, digits, value);
}

static bool is_used(const struct bench_section *section, int who)
{
    for (size_t i = 0; i < section->count; i++)
        if (section->rows[i].measure[who] != NULL)
            return true;
    return false;
}

static void print_cell(const struct bench_section *section, const struct bench_row *row, int who)
{
    const enum bench_who w = (enum bench_who)who;
    if (row->measure[who] == NULL) {
        printf("%10s%9s", "-", "");
        return;
    }
    print_figure(spread_of(row, w, NULL, w).middle, 10);
    if (who == BENCH_OURS || row->measure[BENCH_OURS] == NULL) {
        printf("%9s", "");
        return;
    }
    struct spread ratio = section->less_is_better ? spread_of(row, w, row, BENCH_OURS)
                                                  : spread_of(row, BENCH_OURS, row, w);
    char text[32];
    (void)snprintf(text, sizeof text, ratio.middle >= 99.5 ? "(%.0fx)" : "(%.2fx)", ratio.middle);
    printf(" %-8s", text);
}

void bench_print_section(const struct bench_section *section)
{
    printf("\n%s\n", section->title);
    char unit[64];
    (void)snprintf(unit, sizeof unit, "(%s)", section->unit);
    printf("%-44s", unit);
    for (int who = 0; who < BENCH_WHO; who++)
        if (is_used(section, who))
            printf("%10s%9s", section->alone ? "" : names[who], "");
    printf("\n");
    for (size_t i = 0; i < section->count; i++) {
        printf("  %-42s", section->rows[i].title);
        for (int who = 0; who < BENCH_WHO; who++)
            if (is_used(section, who))
                print_cell(section, &section->rows[i], who);
        printf("\n");
    }
    (void)fflush(stdout);
}

static const struct bench_row *find(struct bench_section *const *sections, size_t n,
                                    const char *id, enum bench_who who)
{
    for (size_t s = 0; id != NULL && s < n; s++)
        for (size_t i = 0; i < sections[s]->count; i++)
            if (strcmp(sections[s]->rows[i].id, id) == 0 &&
                sections[s]->rows[i].measure[who] != NULL && sections[s]->rows[i].runs > 0)
                return &sections[s]->rows[i];
    return NULL;
}

enum verdict { MET, MISSED, NOT_MEASURED };

static enum verdict judge(struct bench_section *const *sections, size_t n,
                          const struct bench_goal *goal, struct spread *s)
{
    const struct bench_row *row = find(sections, n, goal->row, goal->who);
    const struct bench_row *to = find(sections, n, goal->to, goal->to_who);
    if (row == NULL || (goal->to != NULL && to == NULL))
        return NOT_MEASURED;
    *s = spread_of(row, goal->who, to, goal->to_who);
    bool met = goal->at_most ? s->middle <= goal->bound : s->middle >= goal->bound;
    return met ? MET : MISSED;
}

static const char *const verdicts[] = {"met", "MISSED", "not measured"};

bool bench_print_goals(struct bench_section *const *sections, size_t n,
                       const struct bench_goal *goals, size_t goal_count)
{
    bool all = true;
    printf("\nGoals%-57s%8s%24s\n", "", "limit", "measured (spread)");
    for (size_t i = 0; i < goal_count; i++) {
        struct spread s = {0, 0, 0};
        enum verdict verdict = judge(sections, n, &goals[i], &s);
        all = all && verdict != MISSED;
        printf("  %-58s%s ", goals[i].text, goals[i].at_most ? "<=" : ">=");
        print_figure(goals[i].bound, 7);
        if (verdict == NOT_MEASURED) {
            printf("%24s  %s\n", "-", verdicts[verdict]);
            continue;
        }
        print_figure(s.middle, 8);
        char text[40] = "";
        if (s.low < s.high)
            (void)snprintf(text, sizeof text, "(%.3g-%.3g)", s.low, s.high);
        printf(" %-15s  %s\n", text, verdicts[verdict]);
    }
    return all;
}

/* ---- For programs ---- */

static void json_row(FILE *file, const struct bench_row *row)
{
    fprintf(file, "      {\"id\": \"%s\", \"title\": \"%s\"", row->id, row->title);
    for (int who = 0; who < BENCH_WHO; who++) {
        if (row->measure[who] == NULL)
            continue;
        fprintf(file, ", \"%s\": {\"median\": %.6g, \"runs\": [", keys[who],
                bench_median(row->run[who], row->runs));
        for (unsigned i = 0; i < row->runs; i++)
            fprintf(file, "%s%.6g", i > 0 ? ", " : "", row->run[who][i]);
        fprintf(file, "]");
        if (who != BENCH_OURS && row->measure[BENCH_OURS] != NULL) {
            struct spread s = spread_of(row, BENCH_OURS, row, (enum bench_who)who);
            fprintf(file, ", \"ratio\": {\"median\": %.4g, \"least\": %.4g, \"greatest\": %.4g}",
                    s.middle, s.low, s.high);
        }
        fprintf(file, "}");
    }
    fprintf(file, "}");
}

static void json_goal(FILE *file, struct bench_section *const *sections, size_t n,
                      const struct bench_goal *goal)
{
    struct spread s = {0, 0, 0};
    enum verdict verdict = judge(sections, n, goal, &s);
    fprintf(file, "    {\"goal\": \"%s\", \"%s\": %g", goal->text,
            goal->at_most ? "at_most" : "at_least", goal->bound);
    if (verdict != NOT_MEASURED)
        fprintf(file, ", \"median\": %.4g, \"least\": %.4g, \"greatest\": %.4g, \"met\": %s",
                s.middle, s.low, s.high, verdict == MET ? "true" : "false");
    fprintf(file, "}");
}

bool bench_write_json(const char *path, struct bench_section *const *sections, size_t n,
                      const struct bench_goal *goals, size_t goal_count, const double load[2])
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "handfast-bench: cannot write %s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(file, "{\n  \"load_average\": [%.2f, %.2f],\n  \"sections\": [\n", load[0], load[1]);
    for (size_t s = 0; s < n; s++) {
        fprintf(file, "    {\"id\": \"%s\", \"unit\": \"%s\", \"rows\": [\n", sections[s]->id,
                sections[s]->unit);
        for (size_t i = 0; i < sections[s]->count; i++) {
            json_row(file, &sections[s]->rows[i]);
            fprintf(file, "%s\n", i + 1 < sections[s]->count ? "," : "");
        }
        fprintf(file, "    ]}%s\n", s + 1 < n ? "," : "");
    }
    fprintf(file, "  ],\n  \"goals\": [\n");
    for (size_t i = 0; i < goal_count; i++) {
        json_goal(file, sections, n, &goals[i]);
        fprintf(file, "%s\n", i + 1 < goal_count ? "," : "");
    }
    fprintf(file, "  ]\n}\n");
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    if (failed)
        fprintf(stderr, "handfast-bench: cannot write all of %s\n", path);
    return !failed;
}
