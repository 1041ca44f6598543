/* handfast explain: why each connection of a capture opened, stalled, was reset or ended. The
 * analysis is the library's (explain.h); here are the options, and what is printed where. */
#include "capture.h"
#include "commands.h"
#include "language.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool list, json;
static uint64_t wanted;
static const char *svg, *html, *lang;

static const struct option options[] = {
    {"list", 'l', NULL, OPTION_FLAG, &list, 0, 0, "a line for each connection, no events"},
    {"connection", 'c', "N", OPTION_NUMBER, &wanted, 1, UINT32_MAX,
     "only connection N, with every segment and the states of both\nends after it"},
    {"svg", 0, "FILE", OPTION_TEXT, &svg, 0, 0,
     "draw the ladder of connection N (default 1) as SVG"},
    {"html", 0, "FILE", OPTION_TEXT, &html, 0, 0, "the same with words, as a page"},
    {"lang", 0, "LANG", OPTION_TEXT, &lang, 0, 0, "en or zh; without it, the locale chooses"},
    {"json", 0, NULL, OPTION_FLAG, &json, 0, 0, "one JSON document instead of text"},
};

static const struct command command = {
    .name = "explain",
    .synopsis = "[OPTIONS] FILE",
    .about = "Reads a capture (pcap or pcapng, of any stack, in part or of one side only) or a "
             "dump of\n"
             "the flight recorder, and says of each TCP connection what happened and how it "
             "ended and\n"
             "most likely why, with packet numbers. FILE may be - for standard input.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .notes =
        "Read are Ethernet with VLAN tags, Linux cooked v1 and v2, raw IP, null and loop; IPv4 "
        "and\n"
        "IPv6. States are inferred, but for a dump of our own recorder.\n\n"
        "Exit status: 0 when the file was read; 1 when there is no connection N; 2 when it is "
        "no\n"
        "capture or the command line is wrong. A file that is damaged further on is told as far\n"
        "as it could be read, with a note.\n",
};

/* Whose segments are shown or drawn. */
static uint32_t watched(void)
{
    return wanted ? (uint32_t)wanted : svg || html ? 1 : 0;
}

struct run {
    struct hf_explain *explain;
    struct capture capture;
    struct picture *picture; /* NULL: none is wanted */
    int status;              /* of writing it */
    bool found, list_head;
    uint64_t endings[HF_EXPLAIN_ENDING_COUNT];
};

static void on_over(void *context, const struct hf_explained *connection)
{
    struct run *run = context;
    run->endings[connection->ending]++;
    if (wanted && connection->number != wanted)
        return;
    run->found = true;
    if (run->picture && connection->number == watched())
        run->status = picture_write(run->picture, &command, svg, html, &run->capture, connection);
    if (json) {
        explain_json(stdout, &run->capture, connection);
    } else if (list) {
        if (!run->list_head)
            explain_print_list_head(stdout);
        run->list_head = true;
        explain_print_line(stdout, connection);
    } else {
        explain_print(stdout, &run->capture, connection);
    }
}

static void on_segment(void *context, const struct hf_explained *connection,
                       const struct hf_explained_segment *segment)
{
    const struct run *run = context;
    if (run->picture)
        picture_segment(run->picture, connection, segment);
    if (wanted && !json && !list)
        explain_print_segment(stdout, connection, segment);
}

static int open_file(const char *name, FILE **file, uint64_t *size)
{
    struct stat info;
    *size = 0;
    *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (!*file)
        return usage_error(&command, "%s: %s", name, strerror(errno));
    if (fstat(fileno(*file), &info) < 0)
        return -1;
    if (S_ISDIR(info.st_mode)) {
        (void)fclose(*file);
        return usage_error(&command, "%s: a directory, not a capture", name);
    }
    if (S_ISREG(info.st_mode))
        *size = (uint64_t)info.st_size;
    return -1;
}

/* Tell what was read, and what could not be. */
static int finish(struct run *run)
{
    struct hf_explain_totals totals;
    hf_explain_finish(run->explain);
    hf_explain_totals(run->explain, &totals);
    if (json)
        explain_json_end(stdout, &run->capture, &totals);
    else if (!wanted)
        explain_print_totals(stdout, &run->capture, &totals);
    if (!json && !wanted && totals.connections > 1)
        explain_print_endings(stdout, run->endings);
    if (*run->capture.note)
        (void)fprintf(stderr, "handfast explain: %s\n", run->capture.note);
    if (wanted && !run->found)
        return failure(&command, "no connection %llu: there are %u", (unsigned long long)wanted,
                       totals.connections);
    if (run->picture && !run->found)
        return failure(&command, "no connection, nothing to draw");
    if (run->status >= 0)
        return run->status;
    if (fflush(stdout) != 0 || ferror(stdout))
        return failure(&command, "cannot write standard output: %s", strerror(errno));
    return EXIT_FINE;
}

int explain_main(int argc, char **argv)
{
    static struct run run;
    FILE *file;
    uint64_t size;
    int status;
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    int language;
    if ((status = language_choose(&command, lang, &language)) >= 0)
        return status;
    explain_speak(language);
    if (count != 1)
        return usage_error(&command, "%s%s", count > 1 ? argv[1] : "FILE is missing",
                           count > 1 ? ": one FILE is wanted" : "");
    if ((status = open_file(argv[0], &file, &size)) >= 0)
        return status;
    struct hf_explain_config config = {
        .size = sizeof config,
        .over = on_over,
        .segment = on_segment,
        .context = &run,
        .watch = watched(),
    };
    run.status = -1;
    run.explain = hf_explain_create(&config);
    if (svg || html)
        run.picture = picture_open();
    if (!run.explain || ((svg || html) && !run.picture)) {
        hf_explain_destroy(run.explain);
        (void)fclose(file);
        return failure(&command, "no memory");
    }
    if (json)
        explain_json_begin(stdout, argv[0]);
    status = capture_read(file, argv[0], size, run.explain, &run.capture);
    if (status >= 0)
        (void)usage_error(&command, "%s", run.capture.note);
    else
        status = finish(&run);
    hf_explain_destroy(run.explain);
    picture_close(run.picture);
    return status;
}
