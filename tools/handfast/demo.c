/* handfast demo: one connection between two stacks in memory, from SYN to CLOSED, as a ladder.
 *
 * The simulator runs it: no privilege, no network, no waiting. What each end does is in story.c;
 * here is the network, the order of the closes, and the verdict. */
#include "demo.h"
#include "commands.h"
#include "story.h"
#include "views.h"

#include <stdio.h>
#include <string.h>

#define PORT 7070
#define DELAY (10 * HF_MS)
/* Before its first byte the client thinks for a moment, so that the third segment of the open is an
 * ACK by itself (RFC 9293 figure 6); and so does the second to close, so that its ACK of the FIN
 * goes ahead of its own FIN (figure 12). */
#define THINK (5 * HF_MS)
enum thought { THOUGHT_OPEN, THOUGHT_CLOSE };
#define RATE 100000000u              /* bits per second */
#define VIRTUAL_MAX (86400 * HF_SEC) /* a day, for hopeless losses */

struct demo_options demo_options = {.bytes = 100000, .seed = 1};

static const struct option options[] = {
    {"bytes", 0, "N", OPTION_NUMBER, &demo_options.bytes, 0, 1u << 30,
     "bytes to send each way, up to 1073741824 (default 100000)"},
    {"server-closes", 0, NULL, OPTION_FLAG, &demo_options.server_closes, 0, 0,
     "the server closes first, not the client"},
    {"simultaneous", 0, NULL, OPTION_FLAG, &demo_options.simultaneous, 0, 0,
     "both close at once"},
    {"half-close", 0, NULL, OPTION_FLAG, &demo_options.half_close, 0, 0,
     "the first closes when it has sent; the other sends after that"},
    {"ipv6", 0, NULL, OPTION_FLAG, &demo_options.ipv6, 0, 0, "over IPv6, not IPv4"},
    {"loss", 0, "P", OPTION_CHANCE, &demo_options.loss, 0, 0,
     "probability that a packet is lost, 0 to 1 (default 0)"},
    {"seed", 0, "N", OPTION_NUMBER, &demo_options.seed, 0, UINT64_MAX,
     "of everything random: the same seed, the same run (default 1)"},
    {"whole", 0, NULL, OPTION_FLAG, &demo_options.whole, 0, 0,
     "draw every segment, fold no runs"},
    {"absolute", 0, NULL, OPTION_FLAG, &demo_options.absolute, 0, 0,
     "absolute sequence numbers on every segment"},
    {"svg", 0, "FILE", OPTION_TEXT, &demo_options.svg, 0, 0, "the ladder as a picture"},
    {"diagram", 0, "FILE", OPTION_TEXT, &demo_options.diagram, 0, 0,
     "the state diagram of RFC 9293 with the path of each end, as a picture"},
    {"with-linux", 0, NULL, OPTION_FLAG, &demo_options.with_linux, 0, 0,
     "against the TCP of this Linux, in a network namespace"},
};

const struct command demo_command = {
    .name = "demo",
    .synopsis = "[OPTIONS]",
    .about =
        "Opens a connection, sends data both ways, checks it, closes, lets TIME-WAIT run out\n"
        "and draws it all as a ladder: between two stacks in memory and in virtual time, or\n"
        "(--with-linux) with the kernel over a TUN device, each side opening and closing\n"
        "first in turn, over IPv4 and IPv6.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .on_network = true,
    .notes =
        "--tun, --addr and --host-addr matter to --with-linux only; --server-closes,\n"
        "--simultaneous, --ipv6, --loss and --seed only without it.\n"
        "Exit status: 0 when every byte arrived and both ends reached CLOSED; 1 when not; 2\n"
        "when the command line is wrong.\n",
};

/* What the trace said of each stack: 0 the client, 1 the server. */
struct lives {
    uint8_t cause[2];
    uint8_t state[2];
    uint64_t retransmits;
};

struct demo {
    struct hf_sim *sim;
    int host[2]; /* numbers of the client and the server */
    hf_listener listener;
    struct hf_sim_oracle stream[2]; /* from the client, from the server */
    struct end end[2];
    struct lives lives;
    struct views views;
    bool told;
};

static void watch_lives(void *context, const struct hf_trace_record *record,
                        const struct hf_packet *packet)
{
    struct lives *lives = context;
    (void)packet;
    if (record->conn == 0 || record->stack < 1 || record->stack > 2)
        return;
    int who = record->stack - 1;
    if (record->kind == HF_TRACE_STATE)
        lives->state[who] = record->u.state.to;
    if (record->kind != HF_TRACE_END)
        return;
    lives->cause[who] = record->u.end.cause;
    lives->retransmits += record->u.end.retransmits;
}

static int who_is(const struct demo *demo, int host)
{
    return host == demo->host[1];
}

static void tell_second(struct demo *demo, int host, const struct end *end)
{
    if (end->turn == CLOSES_SECOND && end->eof && !end->told)
        (void)hf_sim_wake(demo->sim, host, hf_sim_now(demo->sim) + THINK, THOUGHT_CLOSE);
}

/* Once both have everything, both are told at the same instant. */
static void tell_both(struct demo *demo)
{
    if (demo->told || !end_has_all(&demo->end[0]) || !end_has_all(&demo->end[1]))
        return;
    demo->told = true;
    for (int i = 0; i < 2; i++)
        (void)hf_sim_wake(demo->sim, demo->host[i], hf_sim_now(demo->sim) + 2 * DELAY,
                          THOUGHT_CLOSE);
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct demo *demo = context;
    struct end *end = &demo->end[who_is(demo, host)];
    end->stack = hf_sim_stack(sim, host);
    if (event->bits & HF_EVENT_ACCEPT &&
        hf_tcp_accept(end->stack, demo->listener, 0, &end->conn) == 1) {
        end->open = true;
        (void)hf_listener_close(end->stack, demo->listener);
    }
    if (event->bits & HF_EVENT_CONNECTED)
        (void)hf_sim_wake(sim, host, hf_sim_now(sim) + THINK, THOUGHT_OPEN);
    end_work(end);
    tell_second(demo, host, end);
    if (demo_options.simultaneous)
        tell_both(demo);
    if (event->bits & HF_EVENT_ENDED)
        (void)hf_tcp_close(end->stack, event->handle);
}

static void on_wake(void *context, struct hf_sim *sim, int host, uint64_t value)
{
    struct demo *demo = context;
    struct end *end = &demo->end[who_is(demo, host)];
    end->stack = hf_sim_stack(sim, host);
    if (value == THOUGHT_OPEN)
        end->open = true;
    else
        end->told = true;
    end_work(end);
}

static enum turn turn_of(int who)
{
    if (demo_options.simultaneous)
        return CLOSES_WHEN_TOLD;
    return (who == 1) == demo_options.server_closes ? CLOSES_FIRST : CLOSES_SECOND;
}

static int add_hosts(struct demo *demo)
{
    for (int who = 0; who < 2; who++) {
        struct hf_sim_host_config config;
        hf_sim_host_config_init(&config);
        config.stack.trace = views_sink(&demo->views, &config.stack.trace_context);
        if (common.msl)
            config.stack.settings.msl = common.msl;
        config.app =
            (struct hf_sim_app){.on_event = on_event, .on_wake = on_wake, .context = demo};
        demo->host[who] = hf_sim_add_host(demo->sim, &config);
        if (demo->host[who] < 0)
            return failure(&demo_command, "cannot create a stack: %s",
                           hf_err_text(demo->host[who]));
        hf_sim_oracle_init(&demo->stream[who], demo_options.seed * 2 + (uint64_t)who);
        demo->end[who] = (struct end){
            .ops = &handfast_end,
            .outward = &demo->stream[who],
            .inward = &demo->stream[1 - who],
            .bytes = demo_options.bytes,
            .turn = turn_of(who),
            .half_close = demo_options.half_close,
        };
    }
    return -1;
}

static int add_link(struct demo *demo, int *link)
{
    struct hf_sim_path path;
    uint64_t seed; /* the simulation has its own: --seed */
    hf_sim_path_init(&path);
    path.delay = DELAY;
    path.rate = RATE;
    if (common.path)
        path = *common_path(&seed);
    if (demo_options.loss > 0)
        path.loss = (uint32_t)(demo_options.loss * 1e6 + 0.5);
    uint32_t mtu = common.mtu ? (uint32_t)common.mtu : 1500;
    *link = hf_sim_add_link(demo->sim, demo->host[0], demo->host[1], mtu, &path);
    if (*link >= 0)
        return -1;
    return failure(&demo_command, "cannot join the stacks: %s", hf_err_text(*link));
}

/* The server listens, the client opens. */
static int begin(struct demo *demo, int link)
{
    enum hf_family family = demo_options.ipv6 ? HF_IPV6 : HF_IPV4;
    struct hf_listen listen = {.size = sizeof listen, .local.port = PORT};
    struct hf_open open = {.size = sizeof open, .remote.port = PORT};
    demo->end[0].stack = hf_sim_stack(demo->sim, demo->host[0]);
    demo->end[1].stack = hf_sim_stack(demo->sim, demo->host[1]);
    (void)hf_sim_address(demo->sim, link, demo->host[1], family, &open.remote.addr);
    int err = hf_tcp_listen(demo->end[1].stack, &listen, &demo->listener);
    if (err == HF_OK)
        err = hf_tcp_open(demo->end[0].stack, &open, &demo->end[0].conn);
    return err == HF_OK ? -1 : failure(&demo_command, "cannot open: %s", hf_err_text(err));
}

static bool ended_in_order(uint8_t cause)
{
    return cause == HF_CAUSE_CLOSED || cause == HF_CAUSE_TIME_WAIT_OVER;
}

/* The closing line. Returns the exit status. */
static int verdict(struct demo *demo)
{
    static const char *const names[] = {"client", "server"};
    bool fine = hf_sim_failure(demo->sim) == NULL;
    if (!fine)
        (void)failure(&demo_command, "%s", hf_sim_failure(demo->sim));
    for (int who = 0; who < 2; who++) {
        const struct hf_sim_oracle *stream = &demo->stream[who];
        bool whole = hf_sim_oracle_complete(stream) && stream->received == demo_options.bytes;
        (void)printf(
            "%s sent %llu bytes, %llu arrived%s%s; it is %s (%s)\n", names[who],
            (unsigned long long)stream->sent, (unsigned long long)stream->received,
            whole ? " as sent" : "", stream->fault ? hf_sim_oracle_text(stream->fault) : "",
            hf_state_text(demo->lives.state[who]), hf_cause_text(demo->lives.cause[who]));
        fine = fine && whole && demo->lives.state[who] == HF_CLOSED &&
               ended_in_order(demo->lives.cause[who]);
    }
    (void)printf("%s: %.3f s of virtual time, %llu retransmissions, seed %llu\n",
                 fine ? "every byte arrived, both ends are CLOSED" : "this went wrong",
                 (double)hf_sim_now(demo->sim) / (double)HF_SEC,
                 (unsigned long long)demo->lives.retransmits,
                 (unsigned long long)demo_options.seed);
    return fine ? EXIT_FINE : EXIT_FAILED;
}

static void print_counters(struct demo *demo)
{
    for (int who = 0; who < 2; who++) {
        struct hf_stack_counters c;
        hf_stack_counters(hf_sim_stack(demo->sim, demo->host[who]), &c);
        (void)fprintf(stderr, "%s\n", who == 0 ? "client:" : "server:");
        hf_counters_print(&c, hf_write_file, stderr);
    }
}

static int open_views(struct demo *demo)
{
    static const struct hf_view_name names[] = {{1, "client"}, {2, "server"}};
    struct views_config config = {
        .ladder_to = common.trace ? stderr : stdout,
        .live = common.trace,
        .both_ends = true,
        .whole = demo_options.whole,
        .absolute = demo_options.absolute,
        .pcap = common.pcap,
        .plot = common.plot,
        .svg = demo_options.svg,
        .diagram = demo_options.diagram,
        .names = names,
        .name_count = 2,
    };
    int status = views_open(&demo->views, &demo_command, &config);
    if (status < 0)
        views_look(&demo->views, watch_lives, &demo->lives);
    return status;
}

static int is_hopeless(void *context, struct hf_sim *sim)
{
    (void)context;
    return hf_sim_now(sim) > VIRTUAL_MAX;
}

static int demo_in_memory(void)
{
    static struct demo demo;
    int link = 0;
    struct hf_sim_config config;
    hf_sim_config_init(&config);
    config.seed = demo_options.seed;
    config.checks = HF_SIM_CHECK_STACK | HF_SIM_CHECK_WIRE;
    int status = open_views(&demo);
    if (status >= 0)
        return status;
    demo.sim = hf_sim_create(&config);
    if (!demo.sim)
        status = failure(&demo_command, "no memory");
    if (status < 0)
        status = add_hosts(&demo);
    if (status < 0)
        status = add_link(&demo, &link);
    if (status < 0)
        status = begin(&demo, link);
    if (status < 0) {
        (void)hf_sim_run(demo.sim, HF_NEVER, is_hopeless, NULL);
        views_draw(&demo.views);
        status = verdict(&demo);
        if (common.stats)
            print_counters(&demo);
    }
    hf_sim_destroy(demo.sim);
    int bad = views_close(&demo.views, &demo_command);
    return status == EXIT_FINE && bad >= 0 ? bad : status;
}

static int check_options(int count, char **argv)
{
    if (count > 0)
        return usage_error(&demo_command, "%s: no argument is wanted", argv[0]);
    if (demo_options.simultaneous && (demo_options.server_closes || demo_options.half_close))
        return usage_error(&demo_command,
                           "--simultaneous: not with --server-closes or --half-close");
    if (common.record && !demo_options.with_linux)
        return usage_error(&demo_command, "--record: only with --with-linux");
    if (demo_options.ipv6 && common.mtu && common.mtu < 1280)
        return usage_error(&demo_command, "--mtu %llu: IPv6 wants 1280 or more",
                           (unsigned long long)common.mtu);
    return -1;
}

int demo_main(int argc, char **argv)
{
    int status;
    int count = options_parse(&demo_command, argc, argv, &status);
    if (count < 0)
        return status;
    if ((status = check_options(count, argv)) >= 0)
        return status;
    return demo_options.with_linux ? demo_with_linux() : demo_in_memory();
}
