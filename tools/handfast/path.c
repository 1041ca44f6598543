/* handfast path: two TUN devices joined by the simulator's model of a link, in real time.
 *
 * Device A goes behind a wire (hf_link_through), device B does not; what comes out of one goes
 * into the other. The loop sleeps until a packet comes or one's time has come. To wake takes some
 * tens of microseconds; with --spin it wakes earlier by so much, and looks on without sleep. */
#include "commands.h"
#include "interrupt.h"
#include "options.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH 64
#define WAIT_MAX (200 * HF_MS) /* then look whether a signal or the end has come              */
#define SECONDS_MAX_MS UINT64_C(31536000000)

static struct path_options {
    struct settings_text there, back;
    const char *back_text;
    uint64_t mtu, seed, spin_us;
    hf_time seconds;
    bool realtime, stats, json;
} path_options = {.seed = 1};

static const struct option options[] = {
    {"rate", 0, "R", OPTION_SETTING, &path_options.there, 0, 0,
     "500kbit, 100mbit, 1gbit (default: no limit)"},
    {"delay", 0, "T", OPTION_SETTING, &path_options.there, 0, 0,
     "one way: 500us, 10ms, 0.1s (default 0)"},
    {"jitter", 0, "T", OPTION_SETTING, &path_options.there, 0, 0,
     "up to so much more delay; the order is kept"},
    {"loss", 0, "P", OPTION_SETTING, &path_options.there, 0, 0,
     "chance that a packet is lost: 0.01 or 1%"},
    {"burst-loss", 0, "E:L[:P]", OPTION_SETTING, &path_options.there, 0, 0,
     "Gilbert-Elliott: chances to begin losing, to stop, and to\n"
     "lose meanwhile (default 1)"},
    {"reorder", 0, "P[:T]", OPTION_SETTING, &path_options.there, 0, 0,
     "chance that a packet is late by up to T and others overtake\n"
     "it (default: half the delay)"},
    {"duplicate", 0, "P", OPTION_SETTING, &path_options.there, 0, 0,
     "chance that a packet arrives twice"},
    {"corrupt", 0, "P", OPTION_SETTING, &path_options.there, 0, 0,
     "chance that bits of it are flipped"},
    {"queue", 0, "Q", OPTION_SETTING, &path_options.there, 0, 0,
     "what may wait for the rate: 100p, 64kb, bdp, 0.5bdp\n(default 1bdp: the rate times two delays)"},
    {"ecn", 0, "Q", OPTION_SETTING, &path_options.there, 0, 0,
     "mark packets (RFC 3168) when more waits: 64kb, 5ms"},
    {"path-mtu", 0, "N", OPTION_SETTING, &path_options.there, 0, 0,
     "larger packets are lost, and ICMP says so"},
    {"black-hole", 0, "N", OPTION_SETTING, &path_options.there, 0, 0,
     "larger packets are lost"},
    {"back", 0, "SPEC", OPTION_TEXT, &path_options.back_text, 0, 0,
     "from B to A, if it differs: rate=10mbit,delay=30ms,..."},
    {"seed", 0, "N", OPTION_NUMBER, &path_options.seed, 0, UINT64_MAX,
     "of everything random (default 1)"},
    {"mtu", 0, "N", OPTION_NUMBER, &path_options.mtu, 68, 65535,
     "MTU of devices that are created, 68 to 65535 (default 1500)"},
    {"spin", 0, "US", OPTION_NUMBER, &path_options.spin_us, 0, 1000,
     "wake so many microseconds early and look on, 0 to 1000: more\n"
     "exact, more work (default 0)"},
    {"realtime", 0, NULL, OPTION_FLAG, &path_options.realtime, 0, 0,
     "run before all ordinary programs: exact on a busy machine"},
    {"seconds", 0, "S", OPTION_SECONDS, &path_options.seconds, 1, SECONDS_MAX_MS,
     "end after so long (default: when interrupted)"},
    {"stats", 0, NULL, OPTION_FLAG, &path_options.stats, 0, 0,
     "at the end, print what happened to the packets"},
    {"json", 0, NULL, OPTION_FLAG, &path_options.json, 0, 0, "the same as JSON"},
};

static const struct command command = {
    .name = "path",
    .synopsis = "[OPTIONS] TUN_A TUN_B",
    .about = "Joins two TUN devices by a path with rate, delay, loss and worse, in real time, for\n"
             "IPv4 and IPv6. The devices are created if absent; they may be moved into other\n"
             "network namespaces afterwards, and go when this ends.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .notes = "Both directions are alike, unless --back is given. For example:\n"
             "  handfast path --rate 100mbit --delay 10ms --loss 1% ta tb &\n"
             "  ip netns add b && ip link set tb netns b\n"
             "  ip addr add 10.1.0.1/24 dev ta && ip link set ta up\n"
             "  ip -n b addr add 10.1.0.2/24 dev tb && ip -n b link set tb up\n",
};

struct path {
    struct hf_link *a; /* through the wire */
    struct hf_link *b;
    struct hf_sim_wire *wire;
    struct hf_packet packets[BATCH];
    hf_time began;
};

/* The clock of the wire: hf_link_through's. */
static hf_time now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (hf_time)t.tv_sec * HF_SEC + t.tv_nsec;
}

/* ---- What there was ---- */

static double cpu_seconds(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

struct row {
    const char *name, *key;
    uint64_t value[2];
};

static void print_rows(const struct row *rows, size_t count, const char *const title[2])
{
    (void)printf("%-24s %20s %20s\n", "", title[0], title[1]);
    for (size_t i = 0; i < count; i++)
        (void)printf("%-24s %20llu %20llu\n", rows[i].name,
                     (unsigned long long)rows[i].value[0], (unsigned long long)rows[i].value[1]);
}

static void print_json(const struct row *rows, size_t count, double seconds)
{
    static const char *const names[] = {"a_to_b", "b_to_a"};
    (void)printf("{\"seconds\": %.3f, \"cpu_seconds\": %.3f", seconds, cpu_seconds());
    for (int way = 0; way < 2; way++) {
        (void)printf(", \"%s\": {", names[way]);
        for (size_t i = 0; i < count; i++)
            (void)printf("%s\"%s\": %llu", i ? ", " : "", rows[i].key,
                         (unsigned long long)rows[i].value[way]);
        (void)printf("}");
    }
    (void)printf("}\n");
}

static uint64_t mean_late(const struct hf_sim_wire_stats *s)
{
    return s->path.delivered ? (uint64_t)s->late_total / s->path.delivered / 1000 : 0;
}

static void tell(const struct path *path)
{
    struct hf_sim_wire_stats s[2];
    char title[2][64];
    const char *const titles[] = {title[0], title[1]};
    double seconds = (double)(now() - path->began) / (double)HF_SEC;
    /* A is behind end 1 of the wire. */
    for (int way = 0; way < 2; way++) {
        s[way].size = sizeof s[way];
        (void)hf_sim_wire_stats(path->wire, 1 - way, &s[way]);
        const struct hf_link *from = way == 0 ? path->a : path->b;
        const struct hf_link *to = way == 0 ? path->b : path->a;
        (void)snprintf(title[way], sizeof title[way], "%s to %s", hf_link_name(from),
                       hf_link_name(to));
    }
#define ROW(name, key, of) {name, key, {s[0].of, s[1].of}}
    const struct row rows[] = {
        ROW("packets", "packets", path.packets),
        ROW("bytes", "bytes", path.bytes),
        ROW("delivered", "delivered", path.delivered),
        ROW("bytes delivered", "delivered_bytes", delivered_bytes),
        ROW("lost by chance", "lost", path.lost),
        ROW("lost, queue full", "lost_queue", path.lost_queue),
        ROW("lost, too large", "lost_mtu", path.lost_mtu),
        ROW("duplicated", "duplicated", path.duplicated),
        ROW("reordered", "reordered", path.reordered),
        ROW("corrupted", "corrupted", path.corrupted),
        ROW("marked", "marked", path.marked),
        {"late, mean (us)", "late_mean_us", {mean_late(&s[0]), mean_late(&s[1])}},
        {"late, most (us)",
         "late_max_us",
         {(uint64_t)s[0].late_max / 1000, (uint64_t)s[1].late_max / 1000}},
    };
#undef ROW
    if (path_options.json)
        print_json(rows, OPTION_COUNT(rows), seconds);
    if (path_options.stats) {
        print_rows(rows, OPTION_COUNT(rows), titles);
        (void)printf("%.1f s, %.0f %% of a processor\n", seconds, 100 * cpu_seconds() / seconds);
    }
}

/* ---- Carrying ---- */

/* What has come out of one goes into the other. Returns packets, or -1 after an error. */
static int64_t carry(struct path *path, struct hf_link *from, struct hf_link *to)
{
    int64_t n = hf_link_receive(from, path->packets, BATCH);
    if (n > 0 && hf_link_send(to, path->packets, (size_t)n) < 0)
        from = to, n = -1;
    if (n < 0)
        (void)failure(&command, "%s is gone", hf_link_name(from));
    return n;
}

static void wait_for_more(const struct path *path)
{
    struct pollfd ready[2] = {{.fd = hf_link_descriptor(path->a), .events = POLLIN},
                              {.fd = hf_link_descriptor(path->b), .events = POLLIN}};
    hf_time next[2] = {hf_sim_wire_deadline(path->wire, 0), hf_sim_wire_deadline(path->wire, 1)};
    hf_time first = next[0] < next[1] ? next[0] : next[1];
    hf_time most = WAIT_MAX;
    if (path_options.seconds > 0 && path_options.seconds < most)
        most = path_options.seconds;
    if (first != HF_NEVER && first - now() <= (hf_time)path_options.spin_us * HF_US)
        most = 0;
    (void)poll(ready, 2, (int)((most + HF_MS - 1) / HF_MS)); /* a timer of `a` ends it, too */
}

static int run(struct path *path)
{
    int begun = interrupts();
    while (interrupts() == begun) {
        if (path_options.seconds > 0 && now() - path->began >= path_options.seconds)
            return EXIT_FINE;
        int64_t there = carry(path, path->a, path->b);
        int64_t back = there < 0 ? 0 : carry(path, path->b, path->a);
        if (there < 0 || back < 0)
            return EXIT_FAILED;
        if (there < BATCH && back < BATCH)
            wait_for_more(path);
    }
    return EXIT_FINE;
}

/* ---- Beginning and ending ---- */

static struct hf_link *open_device(const char *name)
{
    char error[HF_ERROR_TEXT];
    struct hf_tun_config config = {
        .size = sizeof config, .name = name, .mtu = (uint32_t)path_options.mtu};
    struct hf_link *link = hf_link_tun(&config, error);
    if (!link)
        (void)failure(&command, "%s", error);
    return link;
}

static int open_path(struct path *path, char **names, const struct hf_sim_path *ways)
{
    char error[HF_ERROR_TEXT];
    struct hf_through_config through = {.size = sizeof through,
                                        .early = (hf_time)path_options.spin_us * HF_US};
    path->wire = hf_sim_wire_create(path_options.seed, 0);
    if (!path->wire)
        return failure(&command, "no memory");
    (void)hf_sim_wire_set_path(path->wire, 1, &ways[0]);
    (void)hf_sim_wire_set_path(path->wire, 0, &ways[1]);
    through.wire = path->wire;
    through.inner = open_device(names[0]);
    path->a = through.inner ? hf_link_through(&through, error) : NULL;
    if (!path->a) {
        if (through.inner)
            (void)failure(&command, "%s", error);
        hf_link_close(through.inner);
        hf_sim_wire_destroy(path->wire);
        return EXIT_FAILED;
    }
    path->b = open_device(names[1]);
    return path->b ? -1 : EXIT_FAILED;
}

/* The settings of both directions. returns -1 or the exit status */
static int read_settings(struct hf_sim_path *ways)
{
    char error[HF_SIM_PATH_ERROR];
    if (hf_sim_path_parse(path_options.there.text, &ways[0], NULL, error) < 0)
        return usage_error(&command, "%s", error);
    ways[1] = ways[0];
    if (path_options.back_text &&
        hf_sim_path_parse(path_options.back_text, &ways[1], NULL, error) < 0)
        return usage_error(&command, "--back: %s", error);
    return -1;
}

/* The kernel keeps a twentieth of the time for all others (sched_rt_runtime_us). */
static int be_realtime(void)
{
    struct sched_param least = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    if (!path_options.realtime || sched_setscheduler(0, SCHED_RR, &least) == 0)
        return -1;
    return failure(&command, "--realtime: %s; it wants root or CAP_SYS_NICE", strerror(errno));
}

int path_main(int argc, char **argv)
{
    static struct path path;
    struct hf_sim_path ways[2];
    int status;
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count != 2)
        return usage_error(&command, "two devices are wanted: TUN_A TUN_B");
    for (int i = 0; i < 2; i++)
        if (strlen(argv[i]) > 15)
            return usage_error(&command, "%s: a device's name has at most 15 characters", argv[i]);
    if (strcmp(argv[0], argv[1]) == 0)
        return usage_error(&command, "%s: two different devices are wanted", argv[0]);
    if ((status = read_settings(ways)) >= 0 || (status = be_realtime()) >= 0)
        return status;
    interrupts_catch(NULL);
    status = open_path(&path, argv, ways);
    if (status < 0) {
        (void)fprintf(stderr, "%s and %s are joined: %s\n", hf_link_name(path.a),
                      hf_link_name(path.b),
                      *path_options.there.text ? path_options.there.text : "a perfect path");
        path.began = now();
        status = run(&path);
        tell(&path);
    }
    interrupts_release();
    hf_link_close(path.b);
    hf_link_close(path.a);
    return status;
}
