/* The benchmark's results: a table for people, JSON for programs. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(const double *values, unsigned n)
{
    double sorted[BENCH_RUNS];
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* The median of the ratios, run by run; the least and the greatest of them. */
static double ratio(const struct bench_line *line, double *low, double *high)
{
    double ratios[BENCH_RUNS];
    for (unsigned i = 0; i < line->runs; i++) {
        ratios[i] = line->ours[i] / line->theirs[i];
        if (i == 0 || ratios[i] < *low)
            *low = ratios[i];
        if (i == 0 || ratios[i] > *high)
            *high = ratios[i];
    }
    return bench_median(ratios, line->runs);
}

static double ours_in_unit(const struct bench_line *line)
{
    return bench_median(line->ours, line->runs) * line->scale;
}

bool bench_line_met(const struct bench_line *line)
{
    double low, high;
    if (line->target <= 0 || ours_in_unit(line) >= line->target)
        return true;
    return line->has_theirs && ratio(line, &low, &high) >= line->target_ratio;
}

struct bench_memory bench_memory_of(const size_t bytes[BENCH_STEPS + 1], unsigned n)
{
    double steps[BENCH_STEPS];
    for (unsigned i = 0; i < BENCH_STEPS; i++)
        steps[i] = ((double)bytes[i + 1] - (double)bytes[i]) * BENCH_STEPS / n;
    double all = (double)bytes[BENCH_STEPS] - (double)bytes[0];
    return (struct bench_memory){bench_median(steps, BENCH_STEPS), all / n};
}

bool bench_memory_met(const struct bench_memory_line *line)
{
    double bytes = line->with_reserve ? line->ours.average : line->ours.one_more;
    return bytes <= line->target;
}

static void print_line(const struct bench_line *line)
{
    printf("%-46s %8.2f %-7s", line->title, ours_in_unit(line), line->unit);
    if (line->has_theirs) {
        double low, high;
        double middle = ratio(line, &low, &high);
        printf("%8.2f %7.2f (%.2f-%.2f)", bench_median(line->theirs, line->runs) * line->scale,
               middle, low, high);
    } else {
        printf("%8s %7s", "-", "-");
    }
    if (line->target > 0)
        printf("  %s: %g %s or %g x", bench_line_met(line) ? "met" : "MISSED", line->target,
               line->unit, line->target_ratio);
    printf("\n");
}

static void print_memory(const struct bench_memory_line *line)
{
    printf("%-46s %8.0f %-7s%8.0f ", line->title, line->ours.one_more, "", line->ours.average);
    if (line->has_theirs)
        printf("%7.0f", line->theirs.average);
    else
        printf("%7s", "-");
    printf("  %s: %g%s\n", bench_memory_met(line) ? "met" : "MISSED", line->target,
           line->with_reserve ? " on average" : "");
}

void bench_print(const struct bench_line *lines, size_t n, const struct bench_memory_line *memory,
                 size_t memory_n, const double load[2], const unsigned entries[2])
{
    printf("Medians of %u runs each, in turns; one process, one core, both ends in it.\n",
           lines[0].runs);
    printf("Load average %.2f before, %.2f after.\n\n", load[0], load[1]);
    printf("%-46s %8s %-7s%8s %7s\n", "speed", "Handfast", "", "lwIP", "ratio");
    for (size_t i = 0; i < n; i++)
        print_line(&lines[i]);
    printf("\n%-46s %8s %-7s%8s %7s\n", "bytes of memory", "one more", "", "average", "lwIP");
    for (size_t i = 0; i < memory_n; i++)
        print_memory(&memory[i]);
    printf(
        "\nHandfast keeps 16384 connections in TIME-WAIT and ends them after 2MSL; lwIP's are\n"
        "ended at once by the benchmark. Handfast sends timestamps (1448 bytes of text in a\n"
        "segment), lwIP does not (1460). Checksums are made and verified by both. The average\n"
        "counts what tables and pools hold in reserve, at %u entries of ours, %u of lwIP's.\n",
        entries[0], entries[1]);
}

static void json_runs(FILE *file, const char *name, const double *values, unsigned n,
                      double scale)
{
    fprintf(file, ", \"%s\": {\"median\": %.6g, \"runs\": [", name,
            bench_median(values, n) * scale);
    for (unsigned i = 0; i < n; i++)
        fprintf(file, "%s%.6g", i > 0 ? ", " : "", values[i] * scale);
    fprintf(file, "]}");
}

static void json_line(FILE *file, const struct bench_line *line)
{
    fprintf(file, "    {\"id\": \"%s\", \"unit\": \"%s\"", line->id, line->unit);
    json_runs(file, "handfast", line->ours, line->runs, line->scale);
    if (line->has_theirs) {
        double low, high;
        double middle = ratio(line, &low, &high);
        json_runs(file, "lwip", line->theirs, line->runs, line->scale);
        fprintf(file, ", \"ratio\": {\"median\": %.4g, \"least\": %.4g, \"greatest\": %.4g}",
                middle, low, high);
    }
    if (line->target > 0)
        fprintf(file, ", \"target\": %g, \"target_ratio\": %g, \"met\": %s", line->target,
                line->target_ratio, bench_line_met(line) ? "true" : "false");
    fprintf(file, "}");
}

static void json_memory(FILE *file, const struct bench_memory_line *line)
{
    fprintf(file, "    {\"id\": \"%s\", \"unit\": \"bytes\"", line->id);
    fprintf(file, ", \"handfast\": {\"one_more\": %.1f, \"average\": %.1f}", line->ours.one_more,
            line->ours.average);
    if (line->has_theirs)
        fprintf(file, ", \"lwip\": {\"one_more\": %.1f, \"average\": %.1f}",
                line->theirs.one_more, line->theirs.average);
    fprintf(file, ", \"target\": %g, \"met\": %s}", line->target,
            bench_memory_met(line) ? "true" : "false");
}

bool bench_write_json(const char *path, const struct bench_line *lines, size_t n,
                      const struct bench_memory_line *memory, size_t memory_n,
                      const double load[2])
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "handfast-bench: cannot write %s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(file, "{\n  \"load_average\": [%.2f, %.2f],\n  \"speed\": [\n", load[0], load[1]);
    for (size_t i = 0; i < n; i++) {
        json_line(file, &lines[i]);
        fprintf(file, "%s\n", i + 1 < n ? "," : "");
    }
    fprintf(file, "  ],\n  \"memory\": [\n");
    for (size_t i = 0; i < memory_n; i++) {
        json_memory(file, &memory[i]);
        fprintf(file, "%s\n", i + 1 < memory_n ? "," : "");
    }
    fprintf(file, "  ]\n}\n");
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    if (failed)
        fprintf(stderr, "handfast-bench: cannot write all of %s\n", path);
    return !failed;
}
