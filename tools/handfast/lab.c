/* handfast lab: experiments that show why TCP is as it is. Each plays in virtual time over the same
 * stack that talks to the world, tells a short story, draws what happened, and ends in claims that
 * are checked: the exit status says whether they hold. The experiments are in lab_*.c, what they
 * share is in lab.h. */
#include "lab.h"
#include "commands.h"
#include "lab_web.h"
#include "language.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_WIDTH 96

static struct {
    const char *svg, *html, *lang, *listen;
    struct text_list knobs;
    uint64_t seed, port, claim;
    bool list, broken, web;
} lab_options = {.seed = 1};

static const struct option options[] = {
    {"list", 0, NULL, OPTION_FLAG, &lab_options.list, 0, 0,
     "list the experiments; with one, its knobs"},
    {"knob", 'k', "NAME=VALUE", OPTION_LIST, &lab_options.knobs, 0, 0,
     "turn a knob of the experiment, such as delay=50; repeatable"},
    {"svg", 0, "FILE", OPTION_TEXT, &lab_options.svg, 0, 0, "the ladders as a picture"},
    {"html", 0, "FILE", OPTION_TEXT, &lab_options.html, 0, 0,
     "a page with everything: story, ladders, state diagrams,\nfigures, claims"},
    {"seed", 0, "N", OPTION_NUMBER, &lab_options.seed, 0, UINT64_MAX,
     "of everything random: the same seed, the same run (default 1)"},
    {"lang", 0, "LANGUAGE", OPTION_TEXT, &lab_options.lang, 0, 0,
     "en or zh (default: zh where the locale is Chinese, else en)"},
    {"break", 0, NULL, OPTION_FLAG, &lab_options.broken, 0, 0,
     "turn a knob so that a claim fails, and so does the command"},
    {"claim", 0, "N", OPTION_NUMBER, &lab_options.claim, 1, EXPERIMENT_CLAIMS - 1,
     "with --break and one experiment: its claim N is to fail"},
    {"web", 0, NULL, OPTION_FLAG, &lab_options.web, 0, 0,
     "serve the lab as a page, over Handfast's own TCP on a TUN\ndevice (root), until "
     "interrupted"},
    {"port", 'p', "N", OPTION_NUMBER, &lab_options.port, 1, 65535,
     "--web: the port, 1 to 65535 (default 80)"},
    {"listen", 0, "[ADDR:]PORT", OPTION_TEXT, &lab_options.listen, 0, 0,
     "--web: over the kernel's TCP instead, without privilege; ADDR is\n"
     "127.0.0.1 when it is left out, port 0 any that is free"},
};

static const struct command command = {
    .name = "lab",
    .synopsis = "[OPTIONS] [EXPERIMENT | all | --web]",
    .about =
        "Plays an experiment with TCP in virtual time and draws it: why three segments open a\n"
        "connection and four close it, why TIME-WAIT lasts 2MSL, what a lost segment costs.\n"
        "Each ends in a claim that is checked. Without an experiment it lists them. --web makes\n"
        "a page of it all, with knobs to turn and ladders to step through.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .on_network = true,
    .notes =
        "The common options are for --web without --listen; --pcap is for experiments, too.\n"
        "Exit status: 0 when every claim held, or --web was interrupted; 1 when a claim did\n"
        "not hold, or something failed; 2 when the command line is wrong.\n",
};

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
        status = create_file(common.pcap, &files->pcap);
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
        int bad = close_file(files->pcap, common.pcap);
        status = bad >= 0 ? bad : status;
    }
    if (lab->no_memory)
        status = failure(&command, "no memory: the report is not whole");
    lab_forget(lab);
    return status >= 0 ? status : lab->failed ? EXIT_FAILED : EXIT_FINE;
}

static void print_list(int language)
{
    for (size_t i = 0; i < experiment_count; i++)
        (void)printf("%-22s%s\n", experiments[i].name,
                     language == HF_CHINESE ? experiments[i].title.zh : experiments[i].title.en);
}

static uint16_t terminal_columns(void)
{
    const char *text = getenv("COLUMNS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;
    return n > 0 && n < 1000 ? (uint16_t)n : 0;
}

/* The knobs of an experiment: how they stand, and what they may be. */
static void print_knobs(const struct experiment *experiment, int language)
{
    for (const struct knob_preset *p = experiment->knobs; p->knob != KNOB_NONE; p++) {
        const struct knob_about *about = &knob_about[p->knob];
        bool chinese = language == HF_CHINESE;
        char text[KNOB_TEXT], range[KNOB_TEXT] = "1,2,...";
        const char *unit = chinese ? about->unit.zh : about->unit.en;
        if (about->kind == KNOB_NUMBER)
            (void)snprintf(range, sizeof range, "%u..%u%s%s", about->min, about->max,
                           *unit ? " " : "", unit);
        for (unsigned i = 0, at = 0; i < KNOB_CHOICES && about->choice[i].name; i++)
            if (knob_allows(p, i))
                at += (unsigned)snprintf(range + at, sizeof range - at, "%s%s", at ? "|" : "",
                                         about->choice[i].name);
        (void)printf("%s=%-*s%s%*s%s\n", about->name, (int)(20 - strlen(about->name)),
                     knob_text(p->knob, p->value, text), range, (int)(28 - width_of(range)), "",
                     chinese ? about->title.zh : about->title.en);
    }
}

static unsigned claim_count(const struct experiment *experiment)
{
    unsigned count = 0;
    while (experiment->claim[count].knob != KNOB_NONE)
        count++;
    return count;
}

/* Returns -1, or the exit status after an error was printed. */
static int turn_knobs(struct lab *lab, const struct experiment *experiment)
{
    char error[KNOB_ERROR];
    knobs_preset(&lab->knobs, experiment->knobs);
    if (lab_options.claim > claim_count(experiment))
        return usage_error(&command, "--claim %u: %s has %u", (unsigned)lab_options.claim,
                           experiment->name, claim_count(experiment));
    if (lab_options.broken) {
        const struct knob_preset *preset =
            lab_options.claim ? &experiment->claim[lab_options.claim - 1] : &experiment->breaking;
        lab->knobs.value[preset->knob] = preset->value;
    }
    for (size_t i = 0; i < lab_options.knobs.count; i++) {
        const char *text = lab_options.knobs.item[i], *equals = strchr(text, '=');
        if (!equals)
            return usage_error(&command, "--knob %s: NAME=VALUE is wanted", text);
        if (!knobs_set(&lab->knobs, experiment->knobs, text, (size_t)(equals - text), equals + 1,
                       strlen(equals + 1), HF_ENGLISH, error))
            return usage_error(&command, "--knob %s", error);
    }
    return -1;
}

/* Returns the exit status. */
static int play(struct lab *lab, const struct experiment *one)
{
    int status = one ? turn_knobs(lab, one) : -1;
    struct files files = {NULL, NULL, NULL};
    if (status >= 0 || (status = open_files(lab, &files)) >= 0)
        return status;
    for (size_t i = 0; i < experiment_count; i++) {
        if (one && one != &experiments[i])
            continue;
        if (!one)
            (void)turn_knobs(lab, &experiments[i]);
        lab_play(lab, &experiments[i]);
    }
    return finish(lab, &files);
}

/* Returns the exit status. */
static int serve_page(char **arguments, int count)
{
    struct hf_endpoint end;
    static const char *const experiments_only = "not with --web, where the page has it";
    const char *language = lab_options.lang ? lab_options.lang : "";
    if (count > 0)
        return usage_error(&command, "%s: %s", arguments[0], experiments_only);
    if (lab_options.svg || lab_options.html || lab_options.list || lab_options.broken ||
        lab_options.knobs.count > 0)
        return usage_error(&command, "--%s: %s",
                           lab_options.svg      ? "svg"
                           : lab_options.html   ? "html"
                           : lab_options.list   ? "list"
                           : lab_options.broken ? "break"
                                                : "knob",
                           experiments_only);
    if (lab_options.listen && lab_options.port)
        return usage_error(&command, "--port %u: not with --listen, which has one",
                           (unsigned)lab_options.port);
    if (lab_options.listen && common_given())
        return usage_error(&command, "--%s: not with --listen, which needs no TUN device",
                           common_given());
    if (lab_options.listen && !lab_web_listen(lab_options.listen, &end))
        return usage_error(&command,
                           "--listen %s: [ADDR:]PORT is wanted, such as 8080, 127.0.0.1:8080 or "
                           "[::1]:8080",
                           lab_options.listen);
    return lab_web(&command, lab_options.listen ? &end : NULL,
                   lab_options.port ? (uint16_t)lab_options.port : 80, language,
                   lab_options.seed);
}

int lab_main(int argc, char **argv)
{
    int status;
    struct lab lab = {.width = terminal_columns()};
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if ((status = language_choose(&command, lab_options.lang, &lab.language)) >= 0)
        return status;
    if (lab_options.web)
        return serve_page(argv, count);
    if (lab_options.listen || lab_options.port)
        return usage_error(&command, "--%s: only with --web",
                           lab_options.listen ? "listen" : "port");
    if (common_given() && strcmp(common_given(), "pcap") != 0)
        return usage_error(&command, "--%s: only with --web", common_given());
    if (count > 1)
        return usage_error(&command, "%s: one experiment is wanted, or all", argv[1]);
    bool all = count > 0 && strcmp(argv[0], "all") == 0;
    const struct experiment *one = count > 0 ? experiment_find(argv[0], strlen(argv[0])) : NULL;
    if (count > 0 && !one && !all)
        return usage_error(&command, "%s: no such experiment; handfast lab --list names them",
                           argv[0]);
    if (lab_options.claim && (!one || !lab_options.broken))
        return usage_error(&command, "--claim %u: only with --break and one experiment",
                           (unsigned)lab_options.claim);
    if (!one && lab_options.knobs.count > 0)
        return usage_error(&command, "--knob %s: one experiment is wanted",
                           lab_options.knobs.item[0]);
    if (lab_options.list && one) {
        print_knobs(one, lab.language);
        return EXIT_FINE;
    }
    if (lab_options.list || count == 0) {
        print_list(lab.language);
        return EXIT_FINE;
    }
    lab.seed = lab_options.seed;
    lab.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return play(&lab, one);
}
