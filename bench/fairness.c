/* bench/fairness: two flows through one bottleneck, any two controllers, in virtual time. Prints what
 * each gets and Jain's index of the two, (a + b)^2 / 2 (a^2 + b^2): 1 when both get the same, 0.5
 * when one gets all. The first flow has the path for itself for ten seconds; then the second comes.
 * When both have had time to find their places they are measured, and the mean of three seeds is told.
 *
 * --check takes the first path and only the pairs of which something is asked: CUBIC beside CUBIC is to
 * reach 0.95, and BBR to take at most 1.5 times its share from a CUBIC that has filled the queue. */
#include <handfast/handfast.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 9
#define PIECE 65536
#define FLOWS 2
#define ALONE (10 * HF_SEC)
#define SEEDS 3

struct flow {
    int control;
    hf_conn conn, accepted;
    uint64_t bytes;
};

struct run {
    struct hf_sim *sim;
    int sender, receiver, link;
    hf_listener listener;
    struct flow flow[FLOWS];
    int opened, accepted;
};

_Noreturn static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "handfast-fairness: %s: %s\n", what, why);
    exit(1);
}

static void fill(struct run *run, struct flow *flow)
{
    static const uint8_t zeros[PIECE];
    struct hf_stack *stack = hf_sim_stack(run->sim, run->sender);
    while (flow->conn && hf_tcp_send(stack, flow->conn, zeros, sizeof zeros, 0) > 0) {
    }
}

static void drain(struct run *run, struct flow *flow)
{
    static uint8_t buffer[PIECE];
    struct hf_stack *stack = hf_sim_stack(run->sim, run->receiver);
    int64_t n;
    while (flow->accepted && (n = hf_tcp_recv(stack, flow->accepted, buffer, sizeof buffer)) > 0)
        flow->bytes += (uint64_t)n;
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct run *run = context;
    if (event->bits & HF_EVENT_ENDED)
        fail("a connection ended", hf_cause_text((int)event->cause));
    if (event->bits & HF_EVENT_ACCEPT && run->accepted < FLOWS)
        run->accepted += hf_tcp_accept(hf_sim_stack(sim, host), run->listener, 0,
                                       &run->flow[run->accepted].accepted);
    for (int i = 0; i < FLOWS; i++) {
        if (host == run->sender)
            fill(run, &run->flow[i]);
        else
            drain(run, &run->flow[i]);
    }
}

static int add_host(struct run *run)
{
    struct hf_sim_host_config config;
    hf_sim_host_config_init(&config);
    config.app = (struct hf_sim_app){.on_event = on_event, .context = run};
    int host = hf_sim_add_host(run->sim, &config);
    if (host < 0)
        fail("cannot create a stack", hf_err_text(host));
    return host;
}

static void open_flow(struct run *run)
{
    struct flow *flow = &run->flow[run->opened++];
    struct hf_open open = {.size = sizeof open, .remote.port = PORT,
                           .congestion = (uint8_t)flow->control};
    (void)hf_sim_address(run->sim, run->link, run->receiver, HF_IPV4, &open.remote.addr);
    int err = hf_tcp_open(hf_sim_stack(run->sim, run->sender), &open, &flow->conn);
    if (err != HF_OK)
        fail("cannot open", hf_err_text(err));
}

static void run_until(struct run *run, hf_time time)
{
    if (hf_sim_run(run->sim, time, NULL, NULL) == HF_SIM_FAILED)
        fail("the simulation failed", hf_sim_failure(run->sim));
}

/* A path, and how long flows take to settle there: CUBIC's curve takes ten seconds a turn where the
 * path holds a thousand segments, and some turns to share it. Without any jitter two flows on a deep
 * queue that drops at its end can fall into step, and always the same one loses. */
struct place {
    const char *path;
    hf_time settled, end;
};

static const struct place places[] = {
    {"rate=20mbit,delay=10ms,queue=1bdp", 20 * HF_SEC, 60 * HF_SEC},
    {"rate=100mbit,delay=10ms,queue=1bdp", 20 * HF_SEC, 60 * HF_SEC},
    {"rate=100mbit,delay=25ms,jitter=1ms,queue=2bdp", 100 * HF_SEC, 200 * HF_SEC},
};

/* The two rates, in parts of what the path carries; added to share, a part for each seed. */
static void compete(int first, int second, const struct place *place, uint64_t seed,
                    double share[FLOWS])
{
    struct run run = {.flow = {{.control = first}, {.control = second}}};
    struct hf_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = FLOWS};
    struct hf_sim_config config;
    struct hf_sim_path path;
    char error[HF_SIM_PATH_ERROR];
    hf_sim_config_init(&config);
    config.seed = seed;
    config.checks = 0;
    run.sim = hf_sim_create(&config);
    if (!run.sim)
        fail("cannot create a network", "no memory");
    if (hf_sim_path_parse(place->path, &path, NULL, error) != HF_OK)
        fail(place->path, error);
    run.sender = add_host(&run);
    run.receiver = add_host(&run);
    run.link = hf_sim_add_link(run.sim, run.sender, run.receiver, 1500, &path);
    int err = hf_tcp_listen(hf_sim_stack(run.sim, run.receiver), &listen, &run.listener);
    if (err != HF_OK)
        fail("cannot listen", hf_err_text(err));
    open_flow(&run);
    run_until(&run, ALONE);
    open_flow(&run);
    run_until(&run, place->settled);
    uint64_t before[FLOWS];
    for (int i = 0; i < FLOWS; i++)
        before[i] = run.flow[i].bytes;
    run_until(&run, place->end);
    double seconds = (double)(place->end - place->settled) / (double)HF_SEC;
    for (int i = 0; i < FLOWS; i++)
        share[i] += (double)(run.flow[i].bytes - before[i]) * 8 / seconds / (double)path.rate / SEEDS;
    hf_sim_destroy(run.sim);
}

static double jain(const double share[FLOWS])
{
    double sum = share[0] + share[1], squares = share[0] * share[0] + share[1] * share[1];
    return squares > 0 ? sum * sum / (2 * squares) : 0;
}

/* What is asked of a pair; 0 when it is there. */
static int judge(int first, int second, const double share[FLOWS])
{
    if (first == HF_CONGESTION_CUBIC && second == HF_CONGESTION_CUBIC && jain(share) < 0.95) {
        (void)printf("    cubic beside cubic: an index of 0.95 is wanted\n");
        return 1;
    }
    if (first == HF_CONGESTION_CUBIC && second == HF_CONGESTION_BBR &&
        share[1] > 1.5 * (share[0] + share[1]) / 2) {
        (void)printf("    bbr beside cubic: 1.5 times its share is the most\n");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    bool check = argc == 2 && strcmp(argv[1], "--check") == 0;
    int wrong = 0;
    if (argc > 1 && !check) {
        (void)fprintf(stderr, "Usage: handfast-fairness [--check]\n\n"
                              "Two flows through one bottleneck in virtual time: what each gets,\n"
                              "and Jain's index, for each pair of controllers.\n");
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    for (size_t p = 0; p < (check ? 1 : sizeof places / sizeof places[0]); p++) {
        (void)printf("%s\n  %-8s %-8s %8s %8s %8s\n", places[p].path, "first", "second", "first",
                     "second", "Jain");
        for (int a = 1; a < HF_CONGESTION_COUNT; a++) {
            for (int b = 1; b < HF_CONGESTION_COUNT; b++) {
                double share[FLOWS] = {0, 0};
                if (check && (a != HF_CONGESTION_CUBIC || b < a))
                    continue;
                for (uint64_t seed = 1; seed <= SEEDS; seed++)
                    compete(a, b, &places[p], seed, share);
                (void)printf("  %-8s %-8s %7.1f%% %7.1f%% %8.3f\n", hf_congestion_name(a),
                             hf_congestion_name(b), 100 * share[0], 100 * share[1], jain(share));
                wrong += judge(a, b, share);
                (void)fflush(stdout);
            }
        }
    }
    return check && wrong ? 1 : 0;
}
