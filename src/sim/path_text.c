/* A path in words: "rate=100mbit,delay=10ms,loss=1%,queue=bdp". One table of settings, each read by
 * a function of its kind; what depends on others (a queue in bandwidth-delay products, how late a
 * reordered packet is) is worked out at the end. */
#include <handfast/sim.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RATE_MAX 1e13 /* bits per second                                                      */
#define TIME_MAX ((double)(3600 * HF_SEC))
#define BYTES_MAX 4e9
#define BDP_BYTES_MIN 3000 /* a queue of less than two packets would never let one wait       */
#define REORDER_BY_DEFAULT HF_MS

struct unit {
    const char *name;
    double factor;
};

static const struct unit rates[] = {
    {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {NULL, 0}};
static const struct unit times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {NULL, 0}};
static const struct unit sizes[] = {{"b", 1},      {"kb", 1e3},        {"mb", 1e6},
                                    {"kib", 1024}, {"mib", 1024 * 1024}, {NULL, 0}};
static const struct unit queues[] = {{"p", 1}, {NULL, 0}};
static const struct unit bdps[] = {{"bdp", 1}, {NULL, 0}};
static const struct unit chances[] = {{"", 1e6}, {"%", 1e4}, {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

struct reading {
    struct hf_sim_path path;
    uint64_t seed;
    double queue_bdps;  /* 0: the queue is not in these                                       */
    hf_time mark_time;  /* 0: the mark is not a time                                          */
    bool queue_given, reorder_by_given, seed_given;
};

/* A number and its unit, up to `end`. */
static bool read_unit(const char *text, const char *end, const struct unit *units, double max,
                      double *value)
{
    char word[32];
    char *rest;
    size_t len = (size_t)(end - text);
    if (len == 0 || len >= sizeof word || !strchr(".0123456789", *text))
        return false;
    memcpy(word, text, len);
    word[len] = 0;
    errno = 0;
    double number = strtod(word, &rest);
    if (rest == word || errno)
        return false;
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcasecmp(rest, unit->name) == 0) {
            *value = number * unit->factor;
            return *value <= max;
        }
    }
    return false;
}

/* In millionths. A chance that is not 0 does not become 0. */
static bool read_chance(const char *text, const char *end, uint32_t *millionths)
{
    double value;
    if (!read_unit(text, end, chances, 1e6, &value) || (value > 0 && value < 0.5))
        return false;
    *millionths = (uint32_t)(value + 0.5);
    return true;
}

static bool read_time(const char *text, const char *end, hf_time *time)
{
    double value;
    if (!read_unit(text, end, times, TIME_MAX, &value))
        return false;
    *time = (hf_time)(value + 0.5);
    return true;
}

static bool read_bytes(const char *text, const char *end, const struct unit *units,
                       uint32_t *bytes)
{
    double value;
    if (!read_unit(text, end, units, BYTES_MAX, &value) || value < 1)
        return false;
    *bytes = (uint32_t)value;
    return true;
}

/* ---- The settings ---- */

static bool set_rate(struct reading *r, const char *text, const char *end)
{
    double value;
    if (!read_unit(text, end, rates, RATE_MAX, &value) || value < 1)
        return false;
    r->path.rate = (uint64_t)value;
    return true;
}

static bool set_delay(struct reading *r, const char *text, const char *end)
{
    return read_time(text, end, &r->path.delay);
}

static bool set_jitter(struct reading *r, const char *text, const char *end)
{
    return read_time(text, end, &r->path.jitter);
}

static bool set_loss(struct reading *r, const char *text, const char *end)
{
    return read_chance(text, end, &r->path.loss);
}

static const char *colon(const char *text, const char *end)
{
    const char *at = memchr(text, ':', (size_t)(end - text));
    return at ? at : end;
}

static bool set_burst_loss(struct reading *r, const char *text, const char *end)
{
    const char *enter_end = colon(text, end);
    if (enter_end == end)
        return false;
    const char *leave = enter_end + 1;
    const char *leave_end = colon(leave, end);
    r->path.burst_loss = 1000000;
    return read_chance(text, enter_end, &r->path.burst_enter) &&
           read_chance(leave, leave_end, &r->path.burst_leave) && r->path.burst_leave > 0 &&
           (leave_end == end || read_chance(leave_end + 1, end, &r->path.burst_loss));
}

static bool set_reorder(struct reading *r, const char *text, const char *end)
{
    const char *chance_end = colon(text, end);
    if (!read_chance(text, chance_end, &r->path.reorder))
        return false;
    r->reorder_by_given = chance_end != end;
    return chance_end == end ||
           (read_time(chance_end + 1, end, &r->path.reorder_by) && r->path.reorder_by > 0);
}

static bool set_duplicate(struct reading *r, const char *text, const char *end)
{
    return read_chance(text, end, &r->path.duplicate);
}

static bool set_corrupt(struct reading *r, const char *text, const char *end)
{
    return read_chance(text, end, &r->path.corrupt);
}

static bool set_queue(struct reading *r, const char *text, const char *end)
{
    r->queue_given = true;
    r->queue_bdps = 0;
    r->path.queue_packets = r->path.queue_bytes = 0;
    if (end - text == 3 && strncasecmp(text, "bdp", 3) == 0)
        r->queue_bdps = 1;
    return r->queue_bdps > 0 || read_bytes(text, end, queues, &r->path.queue_packets) ||
           read_bytes(text, end, sizes, &r->path.queue_bytes) ||
           (read_unit(text, end, bdps, 1000, &r->queue_bdps) && r->queue_bdps > 0);
}

static bool set_ecn(struct reading *r, const char *text, const char *end)
{
    r->mark_time = 0;
    r->path.mark_bytes = 0;
    return read_bytes(text, end, sizes, &r->path.mark_bytes) ||
           (read_time(text, end, &r->mark_time) && r->mark_time > 0);
}

static bool set_path_mtu(struct reading *r, const char *text, const char *end)
{
    r->path.report_mtu = 1;
    return read_bytes(text, end, plain, &r->path.mtu) && r->path.mtu >= 68 &&
           r->path.mtu <= 65535;
}

static bool set_black_hole(struct reading *r, const char *text, const char *end)
{
    bool read = set_path_mtu(r, text, end);
    r->path.report_mtu = 0;
    return read;
}

static bool set_seed(struct reading *r, const char *text, const char *end)
{
    char *rest;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &rest, 10);
    r->seed = value;
    r->seed_given = true;
    return rest == end && errno == 0;
}

static const struct setting {
    const char *name;
    bool (*set)(struct reading *reading, const char *text, const char *end);
    const char *expected;
} settings[] = {
    {"rate", set_rate, "a rate with its unit, such as 500kbit, 100mbit or 1gbit"},
    {"delay", set_delay, "a time with its unit up to 3600s, such as 500us, 10ms or 0.1s"},
    {"jitter", set_jitter, "a time with its unit up to 3600s, such as 500us or 2ms"},
    {"loss", set_loss, "a chance from 0 to 1 in steps of a millionth, such as 0.01 or 1%"},
    {"burst-loss", set_burst_loss,
     "chances ENTER:LEAVE or ENTER:LEAVE:LOSS, such as 0.001:0.2, LEAVE not 0"},
    {"reorder", set_reorder, "a chance, or CHANCE:TIME, such as 1% or 0.01:5ms"},
    {"duplicate", set_duplicate, "a chance from 0 to 1, such as 0.01 or 1%"},
    {"corrupt", set_corrupt, "a chance from 0 to 1, such as 0.001 or 0.1%"},
    {"queue", set_queue, "packets (100p), bytes (64kb, 256kib) or times of a BDP (bdp, 0.5bdp)"},
    {"ecn", set_ecn, "bytes (64kb) or a time at the rate (5ms)"},
    {"path-mtu", set_path_mtu, "bytes, 68 to 65535"},
    {"black-hole", set_black_hole, "bytes, 68 to 65535"},
    {"seed", set_seed, "a whole number"},
};

#define SETTINGS (sizeof settings / sizeof *settings)

/* ---- The whole ---- */

static int fail(char *error, int len, const char *text, const char *name, const char *why)
{
    (void)snprintf(error, HF_SIM_PATH_ERROR, "%.*s: %s%s", len < 64 ? len : 64, text, name,
                   why);
    return HF_ERR_ARGUMENT;
}

static int read_setting(struct reading *r, const char *text, const char *end, char *error)
{
    const char *equals = memchr(text, '=', (size_t)(end - text));
    const char *name_end = equals ? equals : end;
    size_t len = (size_t)(name_end - text);
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings[i];
        if (strlen(s->name) != len || strncmp(s->name, text, len) != 0)
            continue;
        if (equals && s->set(r, equals + 1, end))
            return HF_OK;
        return fail(error, (int)(end - text), text, "expected ", s->expected);
    }
    return fail(error, (int)(end - text), text, "",
                "no such setting; rate, delay, jitter, loss, burst-loss, reorder, duplicate, "
                "corrupt, queue, ecn, path-mtu, black-hole and seed are");
}

static uint32_t at_rate(uint64_t rate, hf_time time)
{
    double bytes = (double)rate / 8 * ((double)time / (double)HF_SEC);
    return bytes < BYTES_MAX ? (uint32_t)bytes : (uint32_t)BYTES_MAX;
}

/* Settings that depend on others. */
static const char *complete(struct reading *r)
{
    struct hf_sim_path *path = &r->path;
    if (path->rate == 0 && (r->queue_given || path->mark_bytes || r->mark_time))
        return "a queue and its marks want a rate: without one nothing waits";
    if (path->rate > 0 && !r->queue_given)
        r->queue_bdps = 1;
    if (r->queue_bdps > 0) {
        double bytes = r->queue_bdps * (double)at_rate(path->rate, 2 * path->delay);
        path->queue_bytes = bytes < BYTES_MAX ? (uint32_t)bytes : (uint32_t)BYTES_MAX;
        if (path->queue_bytes < BDP_BYTES_MIN)
            path->queue_bytes = BDP_BYTES_MIN;
    }
    if (r->mark_time > 0) {
        uint32_t bytes = at_rate(path->rate, r->mark_time);
        path->mark_bytes = bytes > 0 ? bytes : 1;
    }
    if (path->reorder > 0 && !r->reorder_by_given)
        path->reorder_by = path->delay > 1 ? path->delay / 2 : REORDER_BY_DEFAULT;
    return NULL;
}

int hf_sim_path_parse(const char *text, struct hf_sim_path *path, uint64_t *seed, char *error)
{
    struct reading r;
    memset(&r, 0, sizeof r);
    hf_sim_path_init(&r.path);
    for (const char *at = text; *at;) {
        const char *end = strchr(at, ',');
        const char *next = end ? end + 1 : NULL;
        if (!end)
            end = at + strlen(at);
        int err = read_setting(&r, at, end, error);
        if (err < 0)
            return err;
        if (next && !*next)
            return fail(error, (int)strlen(text), text, "", "a setting is missing behind the comma");
        at = next ? next : end;
    }
    const char *wrong = complete(&r);
    if (wrong)
        return fail(error, (int)strlen(text), text, "", wrong);
    if (r.seed_given && !seed)
        return fail(error, (int)strlen(text), text, "", "no seed is wanted here");
    *path = r.path;
    if (r.seed_given)
        *seed = r.seed;
    return HF_OK;
}
