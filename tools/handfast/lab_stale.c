/* Experiments about what the network kept: stale-syn and old-duplicate. */
#include "lab.h"

#include <string.h>

/* ---- stale-syn ---- */

/* Keeps the first SYN back, and loses the client's reset when the experiment is to fail. */
struct keeper {
    uint64_t serial;
    bool lose_resets;
};

static enum hf_sim_verdict keep_syn(void *context, struct hf_sim *sim,
                                    struct hf_sim_packet *packet)
{
    struct keeper *keeper = context;
    (void)sim;
    unsigned flags = packet_flags(packet->bytes, packet->len);
    if (keeper->lose_resets && (flags & HF_RST))
        return HF_SIM_DROP;
    if (keeper->serial != 0 || (flags & (HF_SYN | HF_ACK)) != HF_SYN)
        return HF_SIM_PASS;
    keeper->serial = packet->serial;
    return HF_SIM_HOLD;
}

/* A connection whose first SYN is on its way still when everything is over. */
static void whole_connection(struct scene *scene)
{
    scene_listen(scene);
    scene->end[SERVER].close_at_eof = true;
    (void)scene_open(scene, CLIENT, SCENE_CLIENT_PORT, SCENE_PORT);
    scene_wait(scene, HF_SEC + 3 * scene->config.delay + 70 * HF_MS);
    scene_send(scene, CLIENT, "hello", 5);
    scene_wait(scene, 3 * scene->config.delay);
    scene_shutdown(scene, CLIENT);
    scene_wait(scene, 2 * scene->config.settings[CLIENT].msl + 4 * scene->config.delay + HF_SEC);
}

static bool server_is_empty(struct scene *scene)
{
    struct hf_stack_counters counters;
    hf_stack_counters(scene_stack(scene, SERVER), &counters);
    return counters.connections == 0 && counters.half_open == 0;
}

/* How long the server held anything for the SYN that came late; until now, if it still does. */
static hf_time stale_held(struct scene *scene)
{
    const struct scene_end *end = &scene->end[SERVER];
    hf_time since = 0, held = 0;
    for (unsigned i = 0; i < end->state_count; i++) {
        if (end->states[i] == HF_SYN_RECEIVED)
            since = end->state_at[i];
        held = end->state_at[i] - since;
    }
    return server_is_empty(scene) ? held : hf_sim_now(scene->sim) - since;
}

void play_stale_syn(struct lab *lab)
{
    struct scene_config config;
    struct scene scene;
    struct keeper keeper = {.lose_resets = lab_knob(lab, KNOB_RESETS) == 1};
    struct naive_result naive = {0, 0};
    scene_config_init(&config, lab, "With three segments", "用三个报文段");
    config.plain = true;
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_filter(&scene, keep_syn, &keeper);
    whole_connection(&scene);
    (void)hf_sim_release(scene.sim, keeper.serial);
    scene_wait(&scene, 4 * scene.config.delay);
    bool empty = server_is_empty(&scene);
    hf_time held = stale_held(&scene), trip = 2 * scene.config.delay;
    scene_end(&scene);

    scene_config_init(&config, lab, "With two segments (lab code)", "用两个报文段（实验代码）");
    config.naive = config.plain = true;
    if (!scene_begin(&scene, lab, &config))
        return;
    naive_stale_syn(&scene, &naive);
    scene_end(&scene);

    lab_figure(lab, "three segments: held for nobody", "三个报文段：白白占用",
               SAY(lab, "at most 64 bytes, %.3f s", "至多 64 字节，%.3f 秒"),
               (double)held / (double)HF_SEC);
    lab_figure(lab, "two segments: held for nobody", "两个报文段：白白占用",
               SAY(lab, "%llu bytes, %.0f s", "%llu 字节，%.0f 秒"),
               (unsigned long long)naive.bytes, (double)naive.time / (double)HF_SEC);
    lab_claim(
        lab, empty && held <= trip + 5 * HF_MS,
        "With three segments the client's reset comes instead of the third, and one round "
        "trip later nothing is left behind.",
        "用三个报文段时，第三个的位置上来的是客户端的复位；一个往返时间之后，什么也没有留下。");
    lab_claim(
        lab, naive.time > 3600 * HF_SEC,
        "With two the server is open for nobody, with a whole buffer, until keep-alive notices "
        "two hours later.",
        "用两个报文段时，服务器对着空无一人的另一端打开了连接，占着整个缓冲区，"
        "直到两小时后保活定时器才发现。");
}

/* ---- old-duplicate ---- */

#define OLD "the quick brown fox pays 100 to the OLD account"
#define NEW "please transfer 1 to the NEW account, thank you"

/* Keeps the first segment with text of the client, once. */
static enum hf_sim_verdict keep_text(void *context, struct hf_sim *sim,
                                     struct hf_sim_packet *packet)
{
    struct keeper *keeper = context;
    (void)sim;
    if (keeper->serial != 0 || packet_text(packet->bytes, packet->len) == 0)
        return HF_SIM_PASS;
    keeper->serial = packet->serial;
    return HF_SIM_HOLD;
}

struct duplicate {
    int reopened; /* what the second open said                                            */
    bool clean;   /* the second connection's bytes are those that were sent               */
    uint8_t got[64];
    size_t got_len;
};

static bool server_has_old(struct scene *scene)
{
    return scene->end[SERVER].in_len >= strlen(OLD);
}

/* The old connection; its text is sent again, as the first copy stays in the network. */
static void old_connection(struct scene *scene, struct keeper *keeper)
{
    scene_filter(scene, keep_text, keeper);
    scene_listen(scene);
    scene->end[SERVER].close_at_eof = true;
    (void)scene_open(scene, CLIENT, SCENE_CLIENT_PORT, SCENE_PORT);
    scene_wait(scene, 4 * scene->config.delay);
    scene_send(scene, CLIENT, OLD, strlen(OLD));
    (void)scene_until(scene, server_has_old, 30 * HF_SEC);
    scene_wait(scene, 4 * scene->config.delay);
    scene_shutdown(scene, CLIENT);
    scene_wait(scene, 10 * scene->config.delay);
}

static void forget_connection(struct scene *scene)
{
    for (int e = 0; e < 2; e++) {
        struct scene_end *end = &scene->end[e];
        (void)hf_tcp_close(scene_stack(scene, e), end->conn);
        end->conn = 0;
        end->in_len = 0;
        end->eof = false;
    }
}

/* The new connection, on the same ports. Before its first bytes leave, the late copy comes. */
static void new_connection(struct scene *scene, const struct keeper *keeper,
                           struct duplicate *result)
{
    const struct scene_end *server = &scene->end[SERVER];
    scene->end[SERVER].close_at_eof = true;
    scene_wait(scene, 10 * scene->config.delay);
    (void)hf_sim_release(scene->sim, keeper->serial);
    scene_wait(scene, 5 * scene->config.delay);
    scene_send(scene, CLIENT, NEW, strlen(NEW));
    scene_wait(scene, 10 * scene->config.delay);
    scene_shutdown(scene, CLIENT);
    scene_wait(scene, 3 * scene->config.settings[CLIENT].msl + 10 * scene->config.delay);
    result->got_len = server->in_len < sizeof result->got ? server->in_len : sizeof result->got;
    memcpy(result->got, server->in, result->got_len);
    result->clean = server->in_len == strlen(NEW) && memcmp(server->in, NEW, strlen(NEW)) == 0;
}

static void duplicate_config(struct scene_config *config, const struct lab *lab, uint64_t msl,
                             const char *english, const char *chinese)
{
    scene_config_init(config, lab, english, chinese);
    config->plain = true;
    config->checks = HF_SIM_CHECK_STACK; /* the police would see what is wrong here */
    for (int e = 0; e < 2; e++) {
        scene_set_msl(config, e, msl);
        /* PAWS would refuse it too, RFC 7323 5 */
        config->settings[e].timestamps = lab_knob(lab, KNOB_TIMESTAMPS) == 1;
        config->unsafe[e].fixed_iss = lab_knob(lab, KNOB_ISN) == 0;
        config->unsafe[e].iss = 5000;
    }
}

static bool play_duplicate(struct lab *lab, uint64_t msl, const char *english,
                           const char *chinese, struct duplicate *result)
{
    struct scene_config config;
    struct scene scene;
    struct keeper keeper = {0, false};
    duplicate_config(&config, lab, msl, english, chinese);
    memset(result, 0, sizeof *result);
    if (!scene_begin(&scene, lab, &config))
        return false;
    old_connection(&scene, &keeper);
    forget_connection(&scene);
    result->reopened = scene_open(&scene, CLIENT, SCENE_CLIENT_PORT, SCENE_PORT);
    if (result->reopened != HF_OK) {
        (void)hf_sim_release(scene.sim, keeper.serial); /* within the MSL: nobody wants it */
        keeper.serial = UINT64_MAX;                     /* nothing more is kept */
        scene_wait(&scene, 2 * config.settings[CLIENT].msl);
        (void)scene_open(&scene, CLIENT, SCENE_CLIENT_PORT, SCENE_PORT);
    }
    new_connection(&scene, &keeper, result);
    scene_end(&scene);
    return true;
}

/* What was sent, what came, and a mark below each byte that is another. */
static void show_bytes(struct lab *lab, const struct duplicate *result)
{
    char got[65] = "", marks[65] = "", lines[512];
    size_t wrong = 0;
    for (size_t i = 0; i < result->got_len && i < 64; i++) {
        bool same = i < strlen(NEW) && result->got[i] == (uint8_t)NEW[i];
        got[i] = (char)(result->got[i] >= ' ' && result->got[i] < 127 ? result->got[i] : '.');
        marks[i] = same ? ' ' : '^';
        wrong += !same;
    }
    (void)snprintf(lines, sizeof lines,
                   SAY(lab,
                       "old:      %s\nsent:     %s\nreceived: %s\n          %s\n%zu bytes wrong",
                       "旧：   %s\n发出： %s\n收到： %s\n      %s\n错了 %zu 字节"),
                   OLD, NEW, got, marks, wrong);
    lab_show(lab, lines);
}

void play_old_duplicate(struct lab *lab)
{
    struct duplicate safe, unsafe;
    if (!play_duplicate(lab, lab_knob(lab, KNOB_MSL), "With TIME-WAIT for 2MSL",
                        "有 2MSL 的 TIME-WAIT", &safe))
        return;
    show_bytes(lab, &safe);
    if (!play_duplicate(lab, 0, "With an MSL of 0", "MSL 为 0", &unsafe))
        return;
    show_bytes(lab, &unsafe);
    lab_claim(
        lab, safe.reopened == HF_ERR_EXISTS && safe.clean,
        "With 2MSL the same ports are refused until the late segment cannot exist any more; it "
        "finds no connection, and the new one gets its own bytes.",
        "有 2MSL 时，在迟到的报文段还可能存在期间，同一对端口不能再用；它到达时找不到连接，"
        "新连接收到的正是自己的字节。");
    lab_claim(
        lab, unsafe.reopened == HF_OK && !unsafe.clean,
        "Without it the ports are used again at once, the late segment fits the new window, and "
        "the application reads bytes of another connection. No checksum objects.",
        "没有它，端口立刻被再次使用，迟到的报文段正好落在新的窗口里，应用读到了另一条连接的字节，"
        "没有任何检验和会反对。");
}
