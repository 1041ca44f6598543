/* Reading and explaining options. A wrong value is answered in one line that names it and what is
 * allowed, and with exit status 2; nothing has been opened or changed by then. */
#include "options.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELP_COLUMN 24
#define SECONDS_MAX_MS 600000

struct common common = {.tun = "hf0"};

static const struct option common_options[] = {
    {"tun", 0, "NAME", OPTION_TEXT, &common.tun, 0, 0,
     "TUN device, created if absent (default hf0): --link tun:NAME"},
    {"link", 0, "KIND:NAME", OPTION_TEXT, &common.link, 0, 0,
     "tun:NAME or tap:NAME, a device to the kernel; packet:NAME or\n"
     "xdp:NAME, an interface and who is behind it"},
    {"addr", 0, "A/P", OPTION_ADDRESSES, &common.addrs, 0, 0,
     "address of Handfast, with its prefix length; repeatable\n"
     "(default 10.77.0.2/24 and fd77::2/64)"},
    {"host-addr", 0, "A/P", OPTION_ADDRESSES, &common.host_addrs, 0, 0,
     "address of the kernel's side, given to it when privileged;\n"
     "repeatable (default 10.77.0.1/24 and fd77::1/64)"},
    {"gateway", 0, "ADDR", OPTION_HOSTS, &common.gateways, 0, 0,
     "who sends on what is not on the link (tap, packet, xdp); one\n"
     "for each family"},
    {"mtu", 0, "N", OPTION_NUMBER, &common.mtu, 68, 65535,
     "MTU of a device that is created, 68 to 65535; below 1280\nthere is no IPv6 (default 1500)"},
    {"offload", 0, "WHEN", OPTION_TEXT, &common.offload_name, 0, 0,
     "super-segments and checksums left to the kernel: auto, on or\n"
     "off (default auto: where a test at the start finds it true)"},
    {"msl", 0, "SECONDS", OPTION_SECONDS, &common.msl, 1, SECONDS_MAX_MS,
     "maximum segment lifetime, 0.001 to 600; TIME-WAIT lasts\ntwice as long (default 30)"},
    {"pcap", 0, "FILE", OPTION_TEXT, &common.pcap, 0, 0,
     "write every segment to FILE, as pcapng with comments"},
    {"plot", 0, "FILE", OPTION_TEXT, &common.plot, 0, 0,
     "draw sequence numbers over time, of the end that sent most,\nas SVG"},
    {"record", 0, "FILE", OPTION_TEXT, &common.record, 0, 0,
     "keep the last events, written to FILE at the end or at SIGUSR1,\n"
     "to FILE.trouble when a connection ends badly: for explain"},
    {"path", 0, "SPEC", OPTION_TEXT, &common.path, 0, 0,
     "behind a path such as rate=100mbit,delay=10ms,loss=1%,seed=1;\n"
     "its settings are the options of handfast path"},
    {"trace", 0, NULL, OPTION_FLAG, &common.trace, 0, 0, "draw the ladder live on stderr"},
    {"stats", 0, NULL, OPTION_FLAG, &common.stats, 0, 0, "print all counters at the end"},
};

static const struct option *given; /* the first common one, if it is not --pcap                */

const char *common_given(void)
{
    return given ? given->name : common.pcap ? "pcap" : NULL;
}

static struct hf_sim_path path_settings;
static uint64_t path_seed = 1;

const struct hf_sim_path *common_path(uint64_t *seed)
{
    *seed = path_seed;
    return &path_settings;
}

static void say(const struct command *command, const char *format, va_list args)
{
    if (isatty(STDERR_FILENO))
        (void)fputs("\r\033[K", stderr); /* a line of progress may stand there */
    (void)fprintf(stderr, "handfast%s%s: ", command ? " " : "", command ? command->name : "");
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
}

int usage_error(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(command, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int failure(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(command, format, args);
    va_end(args);
    return EXIT_FAILED;
}

static void print_option(const struct option *o)
{
    char left[64];
    int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "      --%s", o->name);
    if (o->value)
        n += snprintf(left + n, sizeof left - (size_t)n, " %s", o->value);
    (void)printf("%s", left);
    if (n >= HELP_COLUMN) {
        (void)putchar('\n');
        n = 0;
    }
    for (const char *line = o->help; line;) {
        const char *end = strchr(line, '\n');
        int len = end ? (int)(end - line) : (int)strlen(line);
        (void)printf("%*s%.*s\n", HELP_COLUMN - n, "", len, line);
        line = end ? end + 1 : NULL;
        n = 0;
    }
}

static void print_help(const struct command *command)
{
    static const struct option help = {"help", 'h', NULL, OPTION_FLAG,
                                       NULL,   0,   0,    "print this and exit"};
    (void)printf("Usage: handfast %s%s%s\n\n%s\nOptions:\n", command->name,
                 *command->synopsis ? " " : "", command->synopsis, command->about);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(&command->options[i]);
    print_option(&help);
    if (command->on_network) {
        (void)printf("\nCommon options:\n");
        for (size_t i = 0; i < OPTION_COUNT(common_options); i++)
            print_option(&common_options[i]);
    }
    if (command->notes)
        (void)printf("\n%s", command->notes);
}

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false; /* no sign, no space */
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end || errno || value < min || value > max)
        return false;
    *number = value;
    return true;
}

static bool read_size(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t len = strspn(text, "0123456789");
    unsigned shift = 0;
    if (text[len]) {
        const char *unit = strchr(units, text[len] & ~0x20); /* k is K */
        if (!unit || text[len + 1])
            return false;
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = 0;
    if (!read_number(digits, 0, max >> shift, number) || *number << shift < min)
        return false;
    *number <<= shift;
    return true;
}

static bool read_real(const char *text, double *real)
{
    char *end;
    if ((*text < '0' || *text > '9') && *text != '.')
        return false;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || errno)
        return false;
    *real = value;
    return true;
}

bool port_parse(const char *text, uint16_t *port)
{
    uint64_t number;
    if (!read_number(text, 1, 65535, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* Whether a host may have this address on a link. */
static bool is_unicast(const struct hf_addr *addr)
{
    static const uint8_t zero[16];
    const uint8_t *b = addr->bytes;
    if (addr->family == HF_IPV4)
        return b[0] != 0 && b[0] != 127 && b[0] < 224;
    return b[0] != 0xff && memcmp(b, zero, 15) != 0; /* not ::, ::1 and the like */
}

static bool read_prefix(const char *text, struct hf_addr_prefix *prefix)
{
    char addr[HF_ADDR_TEXT];
    const char *slash = strchr(text, '/');
    uint64_t bits;
    if (!slash || (size_t)(slash - text) >= sizeof addr)
        return false;
    memcpy(addr, text, (size_t)(slash - text));
    addr[slash - text] = 0;
    if (hf_addr_parse(addr, &prefix->addr) < 0 || !is_unicast(&prefix->addr))
        return false;
    if (!read_number(slash + 1, 0, prefix->addr.family == HF_IPV4 ? 32 : 128, &bits))
        return false;
    prefix->prefix = (unsigned)bits;
    return true;
}

static bool add_setting(struct settings_text *settings, const char *name, const char *text)
{
    size_t used = strlen(settings->text);
    size_t room = sizeof settings->text - used;
    if (!*text || strchr(text, ','))
        return false;
    return snprintf(settings->text + used, room, "%s%s=%s", used ? "," : "", name, text) <
           (int)room;
}

/* Store a value. Returns -1, or the exit status after an error was printed. */
static int set(const struct command *command, const struct option *o, const char *text)
{
    double real;
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)o->to = true;
        return -1;
    case OPTION_TEXT:
        if (!*text)
            return usage_error(command, "--%s: %s must not be empty", o->name, o->value);
        *(const char **)o->to = text;
        return -1;
    case OPTION_NUMBER:
        if (read_number(text, o->min, o->max, o->to))
            return -1;
        return usage_error(command, "--%s %s: %s is a whole number from %llu to %llu", o->name,
                           text, o->value, (unsigned long long)o->min,
                           (unsigned long long)o->max);
    case OPTION_SIZE:
        if (read_size(text, o->min, o->max, o->to))
            return -1;
        return usage_error(command,
                           "--%s %s: %s is a whole number from %llu to %llu; K, M, G or T behind "
                           "it multiplies",
                           o->name, text, o->value, (unsigned long long)o->min,
                           (unsigned long long)o->max);
    case OPTION_CHANCE:
        if (read_real(text, &real) && real <= 1) {
            *(double *)o->to = real;
            return -1;
        }
        return usage_error(command, "--%s %s: %s is a probability from 0 to 1", o->name, text,
                           o->value);
    case OPTION_SECONDS:
        if (read_real(text, &real) && real * 1000 >= (double)o->min &&
            real * 1000 <= (double)o->max) {
            *(hf_time *)o->to = (hf_time)(real * (double)HF_SEC);
            return -1;
        }
        return usage_error(command, "--%s %s: %s is a number from %g to %g", o->name, text,
                           o->value, (double)o->min / 1000, (double)o->max / 1000);
    case OPTION_ADDRESSES: {
        struct address_list *list = o->to;
        if (list->count == ADDRESSES_MAX)
            return usage_error(command, "--%s %s: %d of them at the most", o->name, text,
                               ADDRESSES_MAX);
        if (!read_prefix(text, &list->item[list->count]))
            return usage_error(command,
                               "--%s %s: a unicast IPv4 or IPv6 address with its prefix length, "
                               "such as 10.77.0.2/24 or fd77::2/64",
                               o->name, text);
        list->given = true;
        list->count++;
        return -1;
    }
    case OPTION_HOSTS: {
        struct address_list *list = o->to;
        struct hf_addr *addr = &list->item[list->count].addr;
        if (list->count == ADDRESSES_MAX)
            return usage_error(command, "--%s %s: %d of them at the most", o->name, text,
                               ADDRESSES_MAX);
        if (hf_addr_parse(text, addr) < 0 || !is_unicast(addr) || addr->zone)
            return usage_error(command,
                               "--%s %s: a unicast IPv4 or IPv6 address, such as 10.77.0.1",
                               o->name, text);
        list->given = true;
        list->count++;
        return -1;
    }
    case OPTION_SETTING:
        if (add_setting(o->to, o->name, text))
            return -1;
        return usage_error(command, "--%s %s: one value is wanted", o->name, text);
    case OPTION_LIST: {
        struct text_list *list = o->to;
        if (list->count == LIST_MAX)
            return usage_error(command, "--%s %s: %d of them at the most", o->name, text,
                               LIST_MAX);
        list->item[list->count++] = text;
        return -1;
    }
    }
    return -1;
}

static const struct option *look_up(const struct command *command, const char *name, size_t len,
                                    char letter)
{
    const struct option *tables[] = {command->options, common_options};
    size_t counts[] = {command->option_count,
                       command->on_network ? OPTION_COUNT(common_options) : 0};
    for (int t = 0; t < 2; t++) {
        for (size_t i = 0; i < counts[t]; i++) {
            const struct option *o = &tables[t][i];
            if (letter ? o->letter == letter : strncmp(o->name, name, len) == 0 && !o->name[len])
                return o;
        }
    }
    return NULL;
}

/* One option at argv[*at]. Returns -1, or the exit status. */
static int parse_one(const struct command *command, int argc, char **argv, int *at)
{
    const char *arg = argv[*at];
    const char *value = NULL;
    const struct option *o;
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        print_help(command);
        return EXIT_FINE;
    }
    if (arg[1] == '-') {
        size_t len = strcspn(arg + 2, "=");
        o = look_up(command, arg + 2, len, 0);
        if (arg[2 + len] == '=')
            value = arg + 2 + len + 1;
    } else {
        o = look_up(command, NULL, 0, arg[1]);
        if (arg[2])
            value = arg + 2;
    }
    if (!o)
        return usage_error(command, "%s: no such option; handfast %s --help lists them", arg,
                           command->name);
    if (o->kind == OPTION_FLAG && value)
        return usage_error(command, "%s: --%s takes no value", arg, o->name);
    if (o->kind != OPTION_FLAG && !value) {
        if (*at + 1 == argc)
            return usage_error(command, "%s: %s is missing", arg, o->value);
        value = argv[++*at];
    }
    for (size_t i = 0; !given && i < OPTION_COUNT(common_options); i++)
        if (o == &common_options[i] && o->to != &common.pcap)
            given = o;
    return set(command, o, value);
}

static void add_default(struct address_list *list, const char *text)
{
    (void)read_prefix(text, &list->item[list->count++]);
}

/* Packets on a path are single ones: each has its own fate. */
static bool read_offload(void)
{
    static const char *const names[] = {"off", "auto", "on"};
    common.offload = common.path ? HF_OFFLOAD_OFF : HF_OFFLOAD_AUTO;
    for (int i = 0; common.offload_name && i < 3; i++) {
        if (strcmp(common.offload_name, names[i]) != 0)
            continue;
        if (!common.path || i != HF_OFFLOAD_AUTO)
            common.offload = (enum hf_offload)i;
        return true;
    }
    return !common.offload_name;
}

/* --link, or --tun; and what goes with which kind. */
static int complete_link(const struct command *command)
{
    static const char *const kinds[] = {"tun:", "tap:", "packet:", "xdp:"};
    const char *option = common.link ? "link" : "tun";
    const char *text = common.link ? common.link : common.tun;
    common.device = common.link ? NULL : common.tun;
    for (unsigned i = 0; i < 4 && !common.device; i++) {
        if (strncmp(text, kinds[i], strlen(kinds[i])) != 0)
            continue;
        common.kind = (enum link_kind)i;
        common.device = text + strlen(kinds[i]);
    }
    if (!common.device || !*common.device)
        return usage_error(command,
                           "--link %s: tun:NAME, tap:NAME, packet:NAME or xdp:NAME is "
                           "wanted",
                           text);
    if (strlen(common.device) > 15)
        return usage_error(command, "--%s %s: a device's name has at most 15 characters", option,
                           text);
    bool interface = common.kind == LINK_PACKET || common.kind == LINK_XDP;
    if (interface && !common.addrs.given)
        return usage_error(command,
                           "--link %s: an address of that network for Handfast is "
                           "wanted: --addr",
                           text);
    if (interface && common.host_addrs.given)
        return usage_error(command, "--link %s: --host-addr is for tun and tap", text);
    if (common.kind == LINK_TUN && common.gateways.given)
        return usage_error(command, "--gateway: a TUN device has one other end; it is for tap, "
                                    "packet and xdp");
    if (common.kind != LINK_TUN && common.path)
        return usage_error(command, "--path: with a TUN device only");
    if (common.kind == LINK_TAP && !common.host_addrs.given && if_nametoindex(common.device))
        common.host_addrs.count = 0; /* perhaps on a bridge: whoever made it knows */
    return -1;
}

/* Defaults that depend on what was given, and what does not go together. */
static int complete_common(const struct command *command)
{
    bool six = common.mtu == 0 || common.mtu >= 1280; /* RFC 8200 5 */
    bool kernel_has_six = access("/proc/net/if_inet6", F_OK) == 0;
    struct address_list *lists[] = {&common.addrs, &common.host_addrs};
    static const char *const defaults[2][2] = {{"10.77.0.2/24", "fd77::2/64"},
                                               {"10.77.0.1/24", "fd77::1/64"}};
    for (int i = 0; i < 2; i++) {
        if (!lists[i]->given) {
            add_default(lists[i], defaults[i][0]);
            if (six && kernel_has_six)
                add_default(lists[i], defaults[i][1]);
        }
        for (size_t a = 0; a < lists[i]->count && !six; a++) {
            if (lists[i]->item[a].addr.family == HF_IPV6)
                return usage_error(command, "--mtu %llu: IPv6 addresses want 1280 or more",
                                   (unsigned long long)common.mtu);
        }
    }
    char error[HF_SIM_PATH_ERROR];
    if (hf_sim_path_parse(common.path ? common.path : "", &path_settings, &path_seed, error) < 0)
        return usage_error(command, "--path: %s", error);
    if (!read_offload())
        return usage_error(command, "--offload %s: auto, on or off is wanted",
                           common.offload_name);
    if (common.path && common.offload == HF_OFFLOAD_ON)
        return usage_error(command, "--offload on: not with --path, which takes single packets");
    return complete_link(command);
}

int options_parse(const struct command *command, int argc, char **argv, int *status)
{
    int kept = 0;
    bool ended = false;
    for (int at = 0; at < argc; at++) {
        const char *arg = argv[at];
        if (ended || arg[0] != '-' || !arg[1]) {
            argv[kept++] = argv[at];
        } else if (strcmp(arg, "--") == 0) {
            ended = true;
        } else if ((*status = parse_one(command, argc, argv, &at)) >= 0) {
            return -1;
        }
    }
    if (command->on_network && (*status = complete_common(command)) >= 0)
        return -1;
    return kept;
}
