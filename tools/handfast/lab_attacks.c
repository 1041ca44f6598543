/* Experiments with an attacker who sees nothing of the answers: syn-flood and isn. */
#include "lab.h"

#include <string.h>

/* ---- syn-flood ---- */

#define FLOOD_TIME (4 * HF_SEC)
#define FLOOD_STEP (10 * HF_MS)

struct flood {
    bool connected, answered;
    hf_time waited;
    uint64_t cookies_sent, cookies_taken, dropped;
    uint32_t half_open; /* at the most */
    size_t memory;      /* at the most */
};

static void note_flood(struct scene *scene, struct flood *flood)
{
    struct hf_stack_counters c;
    hf_stack_counters(scene_stack(scene, SERVER), &c);
    flood->cookies_sent = c.cookies_sent;
    flood->cookies_taken = c.cookies_taken;
    flood->dropped = c.drops[HF_DROP_BACKLOG];
    flood->memory = c.memory_peak;
    if (c.half_open > flood->half_open)
        flood->half_open = c.half_open;
}

/* SYNs from addresses where nobody is, spread over one step. */
static void flood_step(struct scene *scene, unsigned count, uint64_t *random)
{
    struct made_segment syn = {.to_port = SCENE_PORT, .flags = HF_SYN, .window = 65535};
    uint8_t bytes[MADE_ROOM];
    scene_address(scene, SERVER, syn.to);
    for (unsigned i = 0; i < count; i++) {
        uint64_t r = hf_sim_random(random);
        syn.from[0] = 198; /* 198.18.0.0/15, for tests: RFC 2544 */
        syn.from[1] = 18;
        syn.from[2] = (uint8_t)r;
        syn.from[3] = (uint8_t)(r >> 8);
        syn.from_port = (uint16_t)(1024 + (r >> 16) % 60000);
        syn.seq = (uint32_t)(r >> 32);
        hf_time at = hf_sim_now(scene->sim) + FLOOD_STEP * i / count;
        (void)hf_sim_inject(scene->sim, scene->link, scene->end[SERVER].host, at, bytes,
                            packet_make(&syn, bytes));
    }
}

static bool play_flood(struct lab *lab, bool cookies, const char *english, const char *chinese,
                       struct flood *flood)
{
    struct scene_config config;
    struct scene scene;
    uint64_t random = lab->seed;
    unsigned steps = FLOOD_TIME / FLOOD_STEP, made = 0;
    unsigned flooding = (unsigned)lab_knob(lab, KNOB_FLOOD);
    memset(flood, 0, sizeof *flood);
    scene_config_init(&config, lab, english, chinese);
    config.settings[SERVER].cookies = cookies ? HF_COOKIES_WHEN_FULL : HF_COOKIES_NEVER;
    config.plain = true;
    config.watched = CLIENT;
    config.backlog = (uint32_t)lab_knob(lab, KNOB_BACKLOG);
    if (!scene_begin(&scene, lab, &config))
        return false;
    scene_listen(&scene);
    for (unsigned step = 0; step < steps; step++) {
        unsigned due = flooding * (step + 1) / steps;
        flood_step(&scene, due - made, &random);
        made = due;
        if (step == steps / 4)
            (void)scene_open(&scene, CLIENT, 0, SCENE_PORT);
        if (step == steps / 2)
            scene_send(&scene, CLIENT, "hello", 5);
        scene_wait(&scene, FLOOD_STEP);
        note_flood(&scene, flood);
    }
    flood->connected = scene_state(&scene, CLIENT) == HF_ESTABLISHED;
    flood->waited = scene_time_in(&scene, CLIENT, HF_SYN_SENT);
    flood->answered =
        scene.end[SERVER].in_len == 5 && memcmp(scene.end[SERVER].in, "hello", 5) == 0;
    scene_end(&scene);
    return true;
}

static void tell_flood(struct lab *lab, const struct flood *flood)
{
    lab_figure(lab, "forged SYNs in 4 s", "4 秒内伪造的 SYN", "%u",
               (unsigned)lab_knob(lab, KNOB_FLOOD));
    lab_figure(lab, "half-open connections, at the most", "半开连接最多时", "%u",
               (unsigned)flood->half_open);
    lab_figure(lab, "SYNs dropped", "丢弃的 SYN", "%llu", (unsigned long long)flood->dropped);
    lab_figure(lab, "cookies sent, and taken back", "发出和收回的 cookie", "%llu, %llu",
               (unsigned long long)flood->cookies_sent, (unsigned long long)flood->cookies_taken);
    lab_figure(lab, "memory of the server, at the most", "服务器内存最多时",
               SAY(lab, "%zu KiB", "%zu KiB"), flood->memory / 1024);
    lab_figure(lab, "the client opens", "客户端打开连接",
               flood->connected ? SAY(lab, "after %.3f s", "用了 %.3f 秒")
                                : SAY(lab, "not within %.3f s", "%.3f 秒内没有成功"),
               (double)flood->waited / (double)HF_SEC);
}

void play_syn_flood(struct lab *lab)
{
    struct flood with, without;
    hf_time patience = 2 * lab_time(lab, KNOB_DELAY) + 80 * HF_MS;
    if (!play_flood(lab, lab_knob(lab, KNOB_COOKIES) == 0,
                    "An honest client in a flood, with SYN cookies",
                    "洪水中的正常客户端，有 SYN cookie", &with))
        return;
    tell_flood(lab, &with);
    if (!play_flood(lab, false, "The same without cookies", "同样的洪水，没有 cookie", &without))
        return;
    tell_flood(lab, &without);
    lab_claim(
        lab, with.connected && with.answered && with.waited < patience,
        "With cookies the client opens in one round trip and is heard: when the table is "
        "full the "
        "server keeps nothing and puts what it must know into its ISN (RFC 4987).",
        "有 cookie 时，客户端一个往返就打开了连接，数据也送到了：表满之后服务器什么也不保存，"
        "而把需要记住的放进自己的 ISN（RFC 4987）。");
    lab_claim(lab, with.half_open <= SCENE_BACKLOG + 1 && with.memory < 4u << 20,
              "The flood costs the server a table of fixed size, and no more.",
              "洪水只占用服务器一张大小固定的表，再没有别的。");
    lab_claim(lab, !without.connected, "Without cookies the client finds the table full.",
              "没有 cookie，客户端遇到的是一张满了的表。");
}

/* ---- isn ---- */

#define GUESSES_SHOWN 3u
#define GUESSES_AT_ONCE 200u
#define ISN_SAMPLES 4
#define COMMAND "open the gate\n"

struct blind {
    bool fooled;   /* the server's application read the forged command                       */
    unsigned made; /* guesses                                                                */
    uint32_t isn[ISN_SAMPLES];
};

static void inject(struct scene *scene, const struct made_segment *segment)
{
    uint8_t bytes[MADE_ROOM];
    (void)hf_sim_inject(scene->sim, scene->link, scene->end[SERVER].host, hf_sim_now(scene->sim),
                        bytes, packet_make(segment, bytes));
}

/* In the name of 198.18.6.6, whom the server trusts; its answers go there, unseen. */
static struct made_segment forged(const struct scene *scene, uint16_t flags)
{
    struct made_segment s = {.from = {198, 18, 6, 6},
                             .from_port = 1023,
                             .to_port = SCENE_PORT,
                             .seq = 7000,
                             .flags = flags,
                             .window = 65535};
    scene_address(scene, SERVER, s.to);
    return s;
}

static void attack(struct scene *scene, uint32_t first_guess, unsigned guesses, uint64_t *random,
                   struct blind *blind)
{
    struct made_segment syn = forged(scene, HF_SYN);
    struct made_segment third = forged(scene, HF_ACK | HF_PSH);
    inject(scene, &syn);
    scene_wait(scene, HF_MS);
    third.seq = syn.seq + 1;
    third.text = COMMAND;
    third.len = (uint32_t)strlen(COMMAND);
    for (unsigned i = 0; i < guesses; i++) {
        third.ack = i == 0 ? first_guess : (uint32_t)hf_sim_random(random);
        inject(scene, &third);
        if (i + 1 < GUESSES_SHOWN || i % GUESSES_AT_ONCE == 0)
            scene_wait(scene, HF_MS);
        scene->muted = scene->muted || i + 1 == GUESSES_SHOWN;
    }
    blind->made = guesses;
    scene_wait(scene, 100 * HF_MS);
    blind->fooled = scene->end[SERVER].in_len >= strlen(COMMAND) &&
                    memcmp(scene->end[SERVER].in, COMMAND, strlen(COMMAND)) == 0;
}

/* The attacker may open connections of his own and look at their numbers. */
static void sample(struct scene *scene, struct blind *blind)
{
    unsigned n = 0;
    scene->muted = true;
    for (int i = 0; i < ISN_SAMPLES; i++) {
        (void)scene_open(scene, CLIENT, 0, SCENE_PORT);
        scene_wait(scene, 4 * scene->config.delay);
    }
    for (size_t i = 0; i < scene->sent_count && n < ISN_SAMPLES; i++)
        if (scene->sent[i].flags == (HF_SYN | HF_ACK))
            blind->isn[n++] = scene->sent[i].seq;
    scene->muted = false;
    struct scene_end *server = &scene->end[SERVER];
    while (hf_tcp_accept(scene_stack(scene, SERVER), server->listener, 0, &server->conn) == 1)
        continue; /* they stay open, and nobody listens to them */
    server->conn = 0;
}

static bool play_blind(struct lab *lab, bool fixed, unsigned guesses, uint32_t off,
                       const char *english, const char *chinese, struct blind *blind)
{
    struct scene_config config;
    struct scene scene;
    uint64_t random = lab->seed;
    memset(blind, 0, sizeof *blind);
    scene_config_init(&config, lab, english, chinese);
    config.checks = HF_SIM_CHECK_STACK;
    config.plain = true;
    config.watched = SERVER;
    config.peer = (struct said){"attacker", "攻击者"};
    config.unsafe[SERVER].fixed_iss = fixed;
    config.unsafe[SERVER].iss = 64000;
    if (!scene_begin(&scene, lab, &config))
        return false;
    scene_listen(&scene);
    sample(&scene, blind);
    attack(&scene, blind->isn[ISN_SAMPLES - 1] + 1 + off, guesses, &random, blind);
    scene_end(&scene);
    return true;
}

static void tell_blind(struct lab *lab, const struct blind *blind)
{
    lab_figure(lab, "ISNs that the attacker saw", "攻击者看到的 ISN", "%u, %u, %u, %u",
               (unsigned)blind->isn[0], (unsigned)blind->isn[1], (unsigned)blind->isn[2],
               (unsigned)blind->isn[3]);
    lab_figure(lab, "guesses", "猜测次数", "%u", blind->made);
    lab_figure(lab, "the server obeyed", "服务器照办了", "%s",
               blind->fooled ? SAY(lab, "yes", "是") : SAY(lab, "no", "否"));
}

void play_isn(struct lab *lab)
{
    struct blind fixed, keyed;
    unsigned guesses = (unsigned)lab_knob(lab, KNOB_GUESSES);
    if (!play_blind(lab, true, 1, (uint32_t)lab_knob(lab, KNOB_OFF),
                    "A server whose ISN can be foretold", "ISN 可以预料的服务器", &fixed))
        return;
    tell_blind(lab, &fixed);
    if (!play_blind(lab, lab_knob(lab, KNOB_ISN) == 0, guesses, 0,
                    "A server with keyed ISNs (RFC 6528)", "用密钥产生 ISN 的服务器（RFC 6528）",
                    &keyed))
        return;
    tell_blind(lab, &keyed);
    lab_figure(lab, "odds of all these guesses together", "所有这些猜测加起来的胜算",
               SAY(lab, "1 in %.0f", "%.0f 分之一"), 4294967296.0 / guesses);
    lab_figure(lab, "at 100,000 a second, for an even chance", "每秒十万次，要有一半胜算",
               SAY(lab, "%.1f hours; the server waits about a minute",
                   "%.1f 小时；而服务器只等约一分钟"),
               0.693147 * 4294967296.0 / 100000 / 3600);
    lab_claim(
        lab, fixed.fooled,
        "Whoever can foretell the ISN needs one guess: without seeing an answer he opens a "
        "connection in another's name, and his command is obeyed.",
        "能预料 ISN 的人只需猜一次：不必看到应答，就能以别人的名义打开连接，命令也被执行。");
    lab_claim(lab, !keyed.fooled,
              "With keyed ISNs what he saw tells him nothing about other addresses, and as many "
              "guesses "
              "open nothing.",
              "用密钥产生的 ISN，他看到的对别的地址毫无帮助，再猜这么多次也打不开。");
}
