/* bench/recovery: what a sender makes of a path that loses and reorders. The grid: RTT {1, 20, 66,
 * 200 ms} x loss {0, 0.01, 0.1, 1, 2, 5 %} x reordering {0, 1, 5 %} at 100 Mbit/s, queue of one BDP,
 * for each controller; and 1 Gbit/s, 20 ms, 1 % for BBR.
 *
 * --virtual (the default) runs it in the simulator: exact, and compared with a golden file when one
 * is named. --real runs cells between two network namespaces, Linux and Handfast in turns. */
#include "recovery.h"

#include <errno.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTROLLERS_MAX 8
#define CELLS_MAX 128

/* ---- The grid ---- */

#define PER_REORDER(rtt, loss, q0, q1, q5)                                                        \
    {100000000, rtt, loss, 0, NULL, q0}, {100000000, rtt, loss, 10000, NULL, q1},                 \
    {                                                                                             \
        100000000, rtt, loss, 50000, NULL, q5                                                     \
    }
#define PER_LOSS(rtt, quick)                                                                      \
    PER_REORDER(rtt, 0, quick, false, quick), PER_REORDER(rtt, 100, false, false, false),         \
        PER_REORDER(rtt, 1000, quick, false, false),                                              \
        PER_REORDER(rtt, 10000, quick, quick, false),                                             \
        PER_REORDER(rtt, 20000, false, false, false),                                             \
        PER_REORDER(rtt, 50000, false, quick, false)

const struct cell cells[] = {
    PER_LOSS(1000, false),
    PER_LOSS(20000, true),
    PER_LOSS(66000, false),
    PER_LOSS(200000, false),
    {1000000000, 20000, 10000, 0, "bbr", false},
};
const size_t cell_count = sizeof cells / sizeof *cells;

char *cell_name(const struct cell *cell, char *name)
{
    (void)snprintf(name, CELL_NAME, "%s%g/%g/%g", cell->rate == 1000000000 ? "1gbit:" : "",
                   cell->rtt_us / 1e3, cell->loss / 1e4, cell->reorder / 1e4);
    return name;
}

/* ---- Options ---- */

static struct {
    const char *controllers[CONTROLLERS_MAX];
    size_t controller_count;
    const char *patterns; /* NULL: all cells                                                  */
    const char *golden, *write_golden, *json, *handfast;
    double seconds; /* 0: 20 virtual, 5 real                                                  */
    unsigned seeds;
    uint64_t seed;
    bool real, quick, realtime;
} options = {.seeds = 5, .seed = 1};

void recovery_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fprintf(stderr, "handfast-recovery: ");
    (void)vfprintf(stderr, format, list);
    (void)fputc('\n', stderr);
    va_end(list);
    exit(1);
}

_Noreturn static void usage(int status)
{
    (void)fprintf(
        status ? stderr : stdout,
        "Usage: handfast-recovery [--virtual | --real] [OPTIONS]\n\n"
        "One sender on paths that lose and reorder: 100 Mbit/s, RTT {1, 20, 66, 200 ms} x loss\n"
        "{0, 0.01, 0.1, 1, 2, 5 %%} x reordering {0, 1, 5 %%}, a queue of one BDP; for bbr also\n"
        "1 Gbit/s, 20 ms, 1 %%.\n\n"
        "  --virtual              in the simulator, each cell once: exact (the default)\n"
        "  --real                 between two namespaces through handfast path, Linux and\n"
        "                         Handfast in turns (root)\n"
        "  --controllers A,B      reno, cubic, bbr (default: all that both have)\n"
        "  --cells A,B            cells RTT/LOSS/REORDERING in ms and %%, * is any: 20/1/0, 66/*/5,\n"
        "                         1gbit:20/1/0 (default: all)\n"
        "  --quick                a few cells of RTT 20 ms\n"
        "  --seconds S            of each transfer (default: 20 virtual, 5 real)\n"
        "  --seed N               of the first run (default 1)\n"
        "  --seeds N              --real: runs of each, 1 to %d (default 5)\n"
        "  --golden FILE          --virtual: outcomes must be those of FILE, exactly\n"
        "  --write-golden FILE    --virtual: write outcomes to FILE\n"
        "  --json FILE            write every run\n"
        "  --handfast FILE        --real: the command (default: ../tools/handfast beside this)\n"
        "  --realtime             --real: the path runs before all ordinary programs\n",
        RUNS_MAX);
    exit(status);
}

_Noreturn __attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fprintf(stderr, "handfast-recovery: ");
    (void)vfprintf(stderr, format, list);
    (void)fputc('\n', stderr);
    va_end(list);
    exit(2);
}

static uint64_t number(const char *name, const char *text, uint64_t min, uint64_t max)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
        wrong("%s %s: a whole number from %llu to %llu is wanted", name, text,
              (unsigned long long)min, (unsigned long long)max);
    return value;
}

static bool library_has(const char *controller)
{
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    config.allocator = hf_host_allocator();
    config.settings.congestion = controller;
    struct hf_stack *stack = hf_stack_create(&config, NULL);
    hf_stack_destroy(stack);
    return stack != NULL;
}

static void add_controllers(char *list)
{
    options.controller_count = 0;
    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        if (options.controller_count == CONTROLLERS_MAX || !library_has(name))
            wrong("--controllers %s: the library has no such controller", name);
        options.controllers[options.controller_count++] = name;
    }
    if (options.controller_count == 0)
        wrong("--controllers: a name is wanted");
}

static void default_controllers(void)
{
    static const char *const names[] = {"reno", "cubic", "bbr"};
    for (size_t i = 0; i < 3; i++)
        if (library_has(names[i]) && (!options.real || kernel_has(names[i])))
            options.controllers[options.controller_count++] = names[i];
}

static void read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        bool flag = true;
        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
            usage(0);
        else if (strcmp(name, "--virtual") == 0)
            options.real = false;
        else if (strcmp(name, "--real") == 0)
            options.real = true;
        else if (strcmp(name, "--quick") == 0)
            options.quick = true;
        else if (strcmp(name, "--realtime") == 0)
            options.realtime = true;
        else
            flag = false;
        if (flag)
            continue;
        if (i + 1 == argc)
            wrong("%s: no such option, or its value is missing; --help lists them", name);
        char *value = argv[++i];
        if (strcmp(name, "--controllers") == 0) {
            add_controllers(value);
        } else if (strcmp(name, "--cells") == 0) {
            options.patterns = value;
        } else if (strcmp(name, "--seconds") == 0) {
            options.seconds = strtod(value, NULL);
            if (!(options.seconds >= 0.1 && options.seconds <= 3600))
                wrong("--seconds %s: a number from 0.1 to 3600 is wanted", value);
        } else if (strcmp(name, "--seed") == 0) {
            options.seed = number(name, value, 0, UINT32_MAX);
        } else if (strcmp(name, "--seeds") == 0) {
            options.seeds = (unsigned)number(name, value, 1, RUNS_MAX);
        } else if (strcmp(name, "--golden") == 0) {
            options.golden = value;
        } else if (strcmp(name, "--write-golden") == 0) {
            options.write_golden = value;
        } else if (strcmp(name, "--json") == 0) {
            options.json = value;
        } else if (strcmp(name, "--handfast") == 0) {
            options.handfast = value;
        } else {
            wrong("%s: no such option; --help lists them", name);
        }
    }
}

/* Whether a cell is asked for: by --quick and by one of the patterns of --cells. */
static bool is_wanted(const struct cell *cell, const char *controller)
{
    char name[CELL_NAME], pattern[CELL_NAME];
    if ((options.quick && !cell->quick) || (cell->only && strcmp(cell->only, controller) != 0))
        return false;
    if (!options.patterns)
        return true;
    (void)cell_name(cell, name);
    for (const char *at = options.patterns; *at; at += strspn(at, ",")) {
        size_t len = strcspn(at, ",");
        (void)snprintf(pattern, sizeof pattern, "%.*s", (int)len, at);
        if (fnmatch(pattern, name, 0) == 0)
            return true;
        at += len;
    }
    return false;
}

static bool any_wanted(void)
{
    for (size_t c = 0; c < options.controller_count; c++)
        for (size_t i = 0; i < cell_count; i++)
            if (is_wanted(&cells[i], options.controllers[c]))
                return true;
    return false;
}

/* ---- Golden outcomes: a line each, of numbers that are the same on every machine ---- */

static char *golden_line(const char *controller, const struct cell *cell, const struct outcome *o,
                         char *line, size_t room)
{
    char name[CELL_NAME];
    (void)snprintf(line, room, "%s %s seconds=%g bytes=%llu segments=%llu resent=%llu "
                               "spurious=%llu timeouts=%llu gap_us=%llu",
                   controller, cell_name(cell, name), o->seconds, (unsigned long long)o->bytes,
                   (unsigned long long)o->segments, (unsigned long long)o->resent,
                   (unsigned long long)o->spurious, (unsigned long long)o->timeouts,
                   (unsigned long long)o->gap_us);
    return line;
}

/* Find the line of the same controller and cell. Returns whether it is the same. */
static bool is_golden(FILE *golden, const char *line)
{
    char known[256];
    const char *cell = strchr(line, ' ');
    size_t key = cell ? (size_t)(strchr(cell + 1, ' ') - line) + 1 : 0;
    rewind(golden);
    while (fgets(known, sizeof known, golden)) {
        known[strcspn(known, "\n")] = 0;
        if (strncmp(known, line, key) != 0)
            continue;
        if (strcmp(known, line) == 0)
            return true;
        (void)printf("    golden: %s\n    now:    %s\n", known, line);
        return false;
    }
    (void)printf("    golden: no such cell\n    now:    %s\n", line);
    return false;
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = path ? fopen(path, mode) : NULL;
    if (path && !file)
        wrong("%s: %s", path, strerror(errno));
    return file;
}

/* ---- Running ---- */

static FILE *json;
static bool json_begun;

static void write_run(const char *controller, const struct cell *cell, const char *sender,
                      uint64_t seed, const struct outcome *outcome)
{
    char name[CELL_NAME];
    if (!json)
        return;
    (void)fprintf(json,
                  "%s  {\"controller\": \"%s\", \"cell\": \"%s\", \"rate\": %llu, \"rtt_us\": %u, "
                  "\"loss\": %g, \"reorder\": %g, \"sender\": \"%s\", \"seed\": %llu, "
                  "\"outcome\": ",
                  json_begun ? ",\n" : "", controller, cell_name(cell, name),
                  (unsigned long long)cell->rate, cell->rtt_us, cell->loss / 1e6,
                  cell->reorder / 1e6, sender, (unsigned long long)seed);
    write_outcome(json, outcome);
    (void)fputc('}', json);
    json_begun = true;
}

static int run_virtual(void)
{
    FILE *golden = open_file(options.golden, "r");
    FILE *written = open_file(options.write_golden, "w");
    hf_time duration = (hf_time)((options.seconds > 0 ? options.seconds : 20) * (double)HF_SEC);
    unsigned ran = 0, different = 0;
    for (size_t c = 0; c < options.controller_count; c++) {
        const char *controller = options.controllers[c];
        print_virtual_head(controller);
        for (size_t i = 0; i < cell_count; i++) {
            struct outcome outcome;
            char line[256];
            if (!is_wanted(&cells[i], controller))
                continue;
            virtual_run(&cells[i], controller, duration, options.seed, &outcome);
            print_virtual(&cells[i], &outcome);
            write_run(controller, &cells[i], "Handfast", options.seed, &outcome);
            (void)golden_line(controller, &cells[i], &outcome, line, sizeof line);
            if (written)
                (void)fprintf(written, "%s\n", line);
            if (golden)
                different += !is_golden(golden, line);
            ran++;
            (void)fflush(stdout);
        }
    }
    if (golden)
        (void)fclose(golden);
    if (written && fclose(written) != 0)
        recovery_fail("%s: %s", options.write_golden, strerror(errno));
    (void)printf("\n%u cells", ran);
    if (golden)
        (void)printf(", %u unlike %s", different, options.golden);
    (void)printf("\n");
    return different > 0;
}

/* Linux, Handfast, Linux, Handfast: what else the machine does meets both. */
static void compare(struct comparison *c, struct real_config *config)
{
    c->runs = options.seeds;
    for (unsigned i = 0; i < options.seeds; i++) {
        config->seed = options.seed + i;
        config->linux_sends = true;
        real_run(c->cell, config, &c->theirs[i]);
        write_run(c->controller, c->cell, "Linux", config->seed, &c->theirs[i]);
        config->linux_sends = false;
        real_run(c->cell, config, &c->ours[i]);
        write_run(c->controller, c->cell, "Handfast", config->seed, &c->ours[i]);
    }
}

static int run_real(const char *handfast)
{
    struct comparison *all = calloc(CELLS_MAX, sizeof *all);
    struct real_config config = {.handfast = handfast, .realtime = options.realtime};
    if (!all)
        recovery_fail("no memory");
    config.duration = (hf_time)((options.seconds > 0 ? options.seconds : 5) * (double)HF_SEC);
    for (size_t c = 0; c < options.controller_count; c++) {
        size_t count = 0;
        config.controller = options.controllers[c];
        if (!kernel_has(config.controller))
            wrong("--controllers %s: this kernel has no such controller", config.controller);
        print_comparison_head(config.controller, options.seeds);
        for (size_t i = 0; i < cell_count && count < CELLS_MAX; i++) {
            if (!is_wanted(&cells[i], config.controller))
                continue;
            memset(&all[count], 0, sizeof *all);
            all[count].cell = &cells[i];
            all[count].controller = config.controller;
            compare(&all[count], &config);
            print_comparison(&all[count]);
            count++;
        }
        print_comparison_end(all, count);
    }
    free(all);
    return 0;
}

static const char *command_beside(const char *program)
{
    static char path[PATH_MAX];
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        return program;
    self[len] = 0;
    (void)snprintf(path, sizeof path, "%.4000s/../tools/handfast", dirname(self));
    return path;
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    if (options.controller_count == 0)
        default_controllers();
    if (options.real && (options.golden || options.write_golden))
        wrong("--golden: real time has no golden outcomes");
    const char *handfast = options.handfast ? options.handfast : command_beside(argv[0]);
    if (options.real && access(handfast, X_OK) < 0)
        wrong("%s: %s; --handfast FILE names the command", handfast, strerror(errno));
    if (!any_wanted())
        wrong("--cells %s: no cell is called so; 20/1/0 is one", options.patterns);
    json = open_file(options.json, "w");
    if (json)
        (void)fprintf(json, "[\n");
    int status = options.real ? run_real(handfast) : run_virtual();
    if (json && (fprintf(json, "\n]\n") < 0 || fclose(json) != 0))
        recovery_fail("%s: %s", options.json, strerror(errno));
    return status;
}
