/* handfast lab: experiments that show why TCP is as it is. Each plays in virtual time over the same
 * stack that talks to the world, tells a short story, draws what happened, and ends in claims that
 * are checked: the exit status says whether they hold. The experiments are in lab_*.c, what they
 * share is in lab.h. */
#include "lab.h"
#include "commands.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_WIDTH 96

static struct {
    const char *svg, *html, *pcap, *lang;
    uint64_t seed;
    bool list, broken;
} lab_options = {.seed = 1};

static const struct option options[] = {
    {"list", 0, NULL, OPTION_FLAG, &lab_options.list, 0, 0, "list the experiments"},
    {"svg", 0, "FILE", OPTION_TEXT, &lab_options.svg, 0, 0, "the ladders as a picture"},
    {"html", 0, "FILE", OPTION_TEXT, &lab_options.html, 0, 0,
     "a page with everything: story, ladders, state diagrams,\nfigures, claims"},
    {"pcap", 0, "FILE", OPTION_TEXT, &lab_options.pcap, 0, 0,
     "write every segment to FILE, as pcapng with comments"},
    {"seed", 0, "N", OPTION_NUMBER, &lab_options.seed, 0, UINT64_MAX,
     "of everything random: the same seed, the same run (default 1)"},
    {"lang", 0, "LANGUAGE", OPTION_TEXT, &lab_options.lang, 0, 0,
     "en or zh (default: zh where the locale is Chinese, else en)"},
    {"break", 0, NULL, OPTION_FLAG, &lab_options.broken, 0, 0,
     "take away what the claim rests on: it fails, and so does\nthe command"},
};

static const struct command command = {
    .name = "lab",
    .synopsis = "[OPTIONS] [EXPERIMENT | all]",
    .about =
        "Plays an experiment with TCP in virtual time and draws it: why three segments open a\n"
        "connection and four close it, why TIME-WAIT lasts 2MSL, what a lost segment costs.\n"
        "Each ends in a claim that is checked. Without an experiment it lists them.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .notes = "Exit status: 0 when every claim held; 1 when one did not; 2 when the command line\n"
             "is wrong.\n",
};

/* ---- The report ---- */

struct part *lab_part(struct lab *lab, enum part_kind kind)
{
    if (lab->count == lab->room) {
        size_t room = lab->room ? lab->room * 2 : 32;
        struct part *parts = realloc(lab->parts, room * sizeof *parts);
        if (!parts) {
            lab->no_memory = true;
            return NULL;
        }
        lab->parts = parts;
        lab->room = room;
    }
    struct part *part = &lab->parts[lab->count++];
    memset(part, 0, sizeof *part);
    part->kind = kind;
    return part;
}

static void keep(struct lab *lab, char **where, const char *text)
{
    *where = strdup(text);
    lab->no_memory = lab->no_memory || !*where;
}

void lab_tell(struct lab *lab, const char *english, const char *chinese)
{
    struct part *part = lab_part(lab, PART_TEXT);
    if (part)
        keep(lab, &part->text, SAY(lab, english, chinese));
}

void lab_show(struct lab *lab, const char *lines)
{
    struct part *part = lab_part(lab, PART_SHOWN);
    if (part)
        keep(lab, &part->text, lines);
}

void lab_figure(struct lab *lab, const char *english, const char *chinese, const char *format,
                ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct part *part = lab_part(lab, PART_FIGURE);
    if (!part)
        return;
    keep(lab, &part->name, SAY(lab, english, chinese));
    keep(lab, &part->text, text);
}

void lab_claim(struct lab *lab, bool holds, const char *english, const char *chinese)
{
    struct part *part = lab_part(lab, PART_CLAIM);
    lab->failed = lab->failed || !holds;
    if (!part)
        return;
    part->holds = holds;
    keep(lab, &part->text, SAY(lab, english, chinese));
}

static void forget(struct lab *lab)
{
    for (size_t i = 0; i < lab->count; i++) {
        free(lab->parts[i].name);
        free(lab->parts[i].text);
        free(lab->parts[i].svg);
        free(lab->parts[i].diagram);
    }
    free(lab->parts);
}

/* ---- On the terminal ---- */

/* Columns that the character at `at` takes, and its bytes. */
static unsigned columns_of(const char *at, size_t *bytes)
{
    unsigned char c = (unsigned char)*at;
    *bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return c >= 0xe3 ? 2 : 1;
}

static unsigned width_of(const char *text)
{
    unsigned width = 0;
    size_t bytes;
    for (; *text; text += bytes)
        width += columns_of(text, &bytes);
    return width;
}

/* Signs that must not begin a line of Chinese. */
static bool clings(const char *at)
{
    static const char *const signs[] = {"，", "。", "；", "：", "、", "？", "！", "）"};
    for (size_t i = 0; i < OPTION_COUNT(signs); i++)
        if (strncmp(at, signs[i], strlen(signs[i])) == 0)
            return true;
    return false;
}

/* How many bytes of a text fit a line: up to a space, or between two ideographs. */
static size_t line_of(const char *text, unsigned width)
{
    size_t at = 0, last = 0, bytes;
    while (text[at]) {
        unsigned wide = columns_of(text + at, &bytes);
        if (wide > width)
            return last ? last : at;
        bool ideograph = (unsigned char)text[at] >= 0xe3;
        width -= wide;
        at += bytes;
        bool next = (unsigned char)text[at] >= 0xe3 || ideograph;
        if ((text[at - bytes] == ' ' || next) && !clings(text + at))
            last = at;
    }
    return at;
}

static void print_wrapped(const struct lab *lab, const char *first, const char *text)
{
    unsigned width = lab->width > 40 && lab->width < TEXT_WIDTH ? lab->width : TEXT_WIDTH;
    unsigned indent = width_of(first);
    (void)fputs(first, stdout);
    for (bool begun = false; *text; begun = true) {
        size_t take = line_of(text, width - indent);
        size_t end = take;
        while (end > 0 && text[end - 1] == ' ')
            end--;
        (void)printf("%*s%.*s\n", begun ? (int)indent : 0, "", (int)end, text);
        text += take;
    }
}

static unsigned widest_figure(const struct lab *lab, size_t from)
{
    unsigned widest = 0;
    for (size_t i = from; i < lab->count && lab->parts[i].kind == PART_FIGURE; i++) {
        unsigned width = width_of(lab->parts[i].name);
        if (width > widest)
            widest = width;
    }
    return widest;
}

static void print_claim(const struct lab *lab, const struct part *part)
{
    const char *verdict =
        part->holds ? SAY(lab, "holds:   ", "成立：  ") : SAY(lab, "FAILS:   ", "不成立：");
    print_wrapped(lab, verdict, part->text);
}

static void print_report(const struct lab *lab)
{
    unsigned figures = 0;
    for (size_t i = 0; i < lab->count; i++) {
        const struct part *part = &lab->parts[i];
        const char *text = part->text ? part->text : "";
        bool first = i == 0 || lab->parts[i - 1].kind != part->kind;
        if (part->kind == PART_FIGURE && first)
            figures = widest_figure(lab, i);
        if (first && i > 0 && lab->parts[i - 1].kind != PART_SCENE)
            (void)putchar('\n');
        if (part->kind == PART_TITLE)
            (void)printf("==== %s: %s ====\n", part->name, text);
        else if (part->kind == PART_TEXT)
            print_wrapped(lab, "", text);
        else if (part->kind == PART_SCENE)
            (void)printf("---- %s ----\n%s", part->name, text);
        else if (part->kind == PART_SHOWN)
            (void)printf("%s\n", text);
        else if (part->kind == PART_FIGURE)
            (void)printf("%s%*s  %s\n", part->name, (int)(figures - width_of(part->name)), "",
                         text);
        else
            print_claim(lab, part);
    }
}

/* ---- Playing ---- */

static void play(struct lab *lab, const struct experiment *experiment)
{
    struct part *part = lab_part(lab, PART_TITLE);
    if (part) {
        keep(lab, &part->name, experiment->name);
        keep(lab, &part->text, SAY(lab, experiment->title.en, experiment->title.zh));
    }
    lab_tell(lab, experiment->story.en, experiment->story.zh);
    experiment->play(lab);
}

/* Returns -1, or EXIT_FAILED after an error was printed. */
static int close_file(FILE *file, const char *path)
{
    bool bad = ferror(file) != 0;
    if (fclose(file) == 0 && !bad)
        return -1;
    return failure(&command, "cannot write all of %s", path);
}

static int create_file(const char *path, FILE **file)
{
    *file = NULL;
    if (!path || (*file = fopen(path, "wb")))
        return -1;
    return failure(&command, "cannot write %s: %s", path, strerror(errno));
}

static bool open_capture(struct lab *lab, FILE *file)
{
    static const struct hf_view_name names[2][2] = {{{1, "client"}, {2, "server"}},
                                                    {{1, "客户端"}, {2, "服务器"}}};
    struct hf_pcapng_config config = {
        .size = sizeof config,
        .write = hf_write_file,
        .context = file,
        .both_ends = 1,
        .names = names[lab->language],
        .name_count = 2,
    };
    lab->capture = hf_pcapng_create(&config);
    return lab->capture != NULL;
}

struct files {
    FILE *svg, *html, *pcap;
};

static int open_files(struct lab *lab, struct files *files)
{
    int status = create_file(lab_options.svg, &files->svg);
    if (status < 0)
        status = create_file(lab_options.html, &files->html);
    if (status < 0)
        status = create_file(lab_options.pcap, &files->pcap);
    if (status < 0 && files->pcap && !open_capture(lab, files->pcap))
        status = failure(&command, "no memory");
    return status;
}

/* Everything that was asked for is written. Returns the exit status. */
static int finish(struct lab *lab, const struct files *files)
{
    int status = -1;
    print_report(lab);
    if (files->svg) {
        lab_write_svg(lab, files->svg);
        status = close_file(files->svg, lab_options.svg);
    }
    if (files->html) {
        lab_write_html(lab, files->html);
        int bad = close_file(files->html, lab_options.html);
        status = bad >= 0 ? bad : status;
    }
    if (hf_pcapng_destroy(lab->capture) < 0)
        lab->no_memory = true;
    if (files->pcap) {
        int bad = close_file(files->pcap, lab_options.pcap);
        status = bad >= 0 ? bad : status;
    }
    if (lab->no_memory)
        status = failure(&command, "no memory: the report is not whole");
    forget(lab);
    return status >= 0 ? status : lab->failed ? EXIT_FAILED : EXIT_FINE;
}

static void print_list(int language)
{
    for (size_t i = 0; i < experiment_count; i++)
        (void)printf("%-22s%s\n", experiments[i].name,
                     language == HF_CHINESE ? experiments[i].title.zh : experiments[i].title.en);
}

static const struct experiment *find(const char *name)
{
    for (size_t i = 0; i < experiment_count; i++)
        if (strcmp(experiments[i].name, name) == 0)
            return &experiments[i];
    return NULL;
}

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

static uint16_t terminal_columns(void)
{
    const char *text = getenv("COLUMNS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;
    return n > 0 && n < 1000 ? (uint16_t)n : 0;
}

/* Returns -1, or the exit status after an error was printed. */
static int check_language(int *language)
{
    *language = locale_language();
    if (!lab_options.lang)
        return -1;
    if (strcmp(lab_options.lang, "en") != 0 && strcmp(lab_options.lang, "zh") != 0)
        return usage_error(&command, "--lang %s: en or zh is wanted", lab_options.lang);
    *language = lab_options.lang[0] == 'z' ? HF_CHINESE : HF_ENGLISH;
    return -1;
}

int lab_main(int argc, char **argv)
{
    int status;
    struct lab lab = {.width = terminal_columns()};
    struct files files = {NULL, NULL, NULL};
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if ((status = check_language(&lab.language)) >= 0)
        return status;
    if (count > 1)
        return usage_error(&command, "%s: one experiment is wanted, or all", argv[1]);
    if (lab_options.list || count == 0) {
        print_list(lab.language);
        return EXIT_FINE;
    }
    bool all = strcmp(argv[0], "all") == 0;
    const struct experiment *one = find(argv[0]);
    if (!one && !all)
        return usage_error(&command, "%s: no such experiment; handfast lab --list names them",
                           argv[0]);
    lab.seed = lab_options.seed;
    lab.broken = lab_options.broken;
    lab.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    if ((status = open_files(&lab, &files)) >= 0)
        return status;
    for (size_t i = 0; i < experiment_count; i++)
        if (all || one == &experiments[i])
            play(&lab, &experiments[i]);
    return finish(&lab, &files);
}
