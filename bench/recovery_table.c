/* Tables of the recovery benchmark, for people; and an outcome as JSON. */
#include "recovery.h"

#include <stdlib.h>

double mbits(const struct outcome *outcome)
{
    return outcome->seconds > 0 ? (double)outcome->bytes * 8e-6 / outcome->seconds : 0;
}

static double percent(uint64_t part, uint64_t of)
{
    return of > 0 ? 100.0 * (double)part / (double)of : 0;
}

void print_virtual_head(const char *controller)
{
    (void)printf("\n%s, virtual time; cell: RTT in ms/loss in %%/reordering in %%\n"
                 "%-16s %10s %8s %10s %8s %9s %9s %10s\n",
                 controller, "cell", "Mbit/s", "of rate", "segments", "resent", "spurious",
                 "timeouts", "longest gap");
}

void print_virtual(const struct cell *cell, const struct outcome *o)
{
    char name[CELL_NAME];
    (void)printf("%-16s %10.2f %7.1f%% %10llu %7.2f%% %8.3f%% %9llu %8.1f ms\n",
                 cell_name(cell, name), mbits(o), 100e6 * mbits(o) / (double)cell->rate,
                 (unsigned long long)o->segments, percent(o->resent, o->segments),
                 percent(o->spurious, o->segments), (unsigned long long)o->timeouts,
                 (double)o->gap_us / 1000);
}

/* ---- Side by side ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

enum value { MBITS, RESENT, SPURIOUS };

static double median_of(const struct outcome *runs, unsigned n, enum value value)
{
    double values[RUNS_MAX];
    for (unsigned i = 0; i < n; i++)
        values[i] = value == MBITS    ? mbits(&runs[i])
                    : value == RESENT ? percent(runs[i].resent, runs[i].segments)
                                      : percent(runs[i].spurious, runs[i].segments);
    return median(values, n);
}

static double ratio(const struct comparison *c)
{
    double theirs = median_of(c->theirs, c->runs, MBITS);
    return theirs > 0 ? median_of(c->ours, c->runs, MBITS) / theirs : 0;
}

void print_comparison_head(const char *controller, unsigned runs)
{
    (void)printf("\n%s (TCP_CONGESTION at both ends), real time, medians of %u run%s each; cell: "
                 "RTT in ms/loss in %%/reordering in %%\n"
                 "%-16s %12s %12s %7s   %-21s %-21s\n"
                 "%-16s %12s %12s %7s   %10s %10s %10s %10s\n",
                 controller, runs, runs == 1 ? "" : "s", "", "Linux", "Handfast", "", "Linux",
                 "Handfast", "cell", "Mbit/s", "Mbit/s", "ratio", "resent", "spurious", "resent",
                 "spurious");
}

void print_comparison(const struct comparison *c)
{
    char name[CELL_NAME];
    (void)printf("%-16s %12.2f %12.2f %7.2f   %9.2f%% %9.3f%% %9.2f%% %9.3f%%\n",
                 cell_name(c->cell, name), median_of(c->theirs, c->runs, MBITS),
                 median_of(c->ours, c->runs, MBITS), ratio(c),
                 median_of(c->theirs, c->runs, RESENT), median_of(c->theirs, c->runs, SPURIOUS),
                 median_of(c->ours, c->runs, RESENT), median_of(c->ours, c->runs, SPURIOUS));
    (void)fflush(stdout);
}

void print_comparison_end(const struct comparison *all, size_t count)
{
    double *ratios = calloc(count ? count : 1, sizeof *ratios);
    double plain = 0, reordered = 0;
    if (!ratios || count == 0) {
        free(ratios);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double spurious = median_of(all[i].ours, all[i].runs, SPURIOUS);
        double *most = all[i].cell->reorder ? &reordered : &plain;
        ratios[i] = ratio(&all[i]);
        *most = spurious > *most ? spurious : *most;
    }
    double middle = median(ratios, (unsigned)count);
    (void)printf("\n%zu cells: ratio at least %.2f, median %.2f; spurious at most %.3f %% without "
                 "reordering, %.3f %% with\n",
                 count, ratios[0], middle, plain, reordered);
    free(ratios);
}

void write_outcome(FILE *file, const struct outcome *o)
{
    (void)fprintf(file,
                  "{\"mbits\": %.3f, \"bytes\": %llu, \"seconds\": %.3f, \"segments\": %llu, "
                  "\"resent\": %llu, \"spurious\": %llu, \"timeouts\": %llu, \"gap_us\": %llu}",
                  mbits(o), (unsigned long long)o->bytes, o->seconds,
                  (unsigned long long)o->segments, (unsigned long long)o->resent,
                  (unsigned long long)o->spurious, (unsigned long long)o->timeouts,
                  (unsigned long long)o->gap_us);
}
