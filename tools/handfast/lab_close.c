/* Experiments about closing: close, three-segment-close, half-close, simultaneous-close,
 * lost-last-ack. */
#include "lab.h"

#include <string.h>

#define THINK (5 * HF_MS)

static const uint8_t first_way[] = {HF_CLOSED,     HF_SYN_SENT,  HF_ESTABLISHED, HF_FIN_WAIT_1,
                                    HF_FIN_WAIT_2, HF_TIME_WAIT, HF_CLOSED};

/* The states of an end from ESTABLISHED on. */
static bool ended_so(const struct scene *scene, int end, const uint8_t *states, unsigned count)
{
    const struct scene_end *e = &scene->end[end];
    return e->state_count >= count &&
           memcmp(e->states + e->state_count - count, states, count) == 0;
}

static bool closed_first(const struct scene *scene, int end)
{
    return ended_so(scene, end, first_way + 2, 5);
}

static bool closed_second(const struct scene *scene, int end)
{
    static const uint8_t way[] = {HF_ESTABLISHED, HF_CLOSE_WAIT, HF_LAST_ACK, HF_CLOSED};
    return ended_so(scene, end, way, 4);
}

static hf_time two_msl(const struct scene *scene, int end)
{
    return 2 * scene->config.settings[end].msl;
}

/* To the millisecond: timers may be some microseconds late. */
static bool is_two_msl(const struct scene *scene, hf_time time)
{
    return time >= two_msl(scene, CLIENT) && time < two_msl(scene, CLIENT) + HF_MS;
}

static double seconds(hf_time time)
{
    return (double)time / (double)HF_SEC;
}

/* ---- close ---- */

/* From the n-th segment on: FIN, its ACK, FIN, its ACK. */
static bool four_segments(const struct scene *scene, size_t n)
{
    const struct sent_segment *s = scene->sent + n;
    return scene->sent_count == n + 4 && (s[0].flags & HF_FIN) && s[1].flags == HF_ACK &&
           (s[2].flags & HF_FIN) && s[3].flags == HF_ACK && s[1].ack == s[0].seq + 1 &&
           s[3].ack == s[2].seq + 1 && s[0].from == s[3].from && s[1].from == s[2].from;
}

/* One connection, opened and closed; returns whether it could be played. */
static bool play_order(struct lab *lab, int first, const char *english, const char *chinese,
                       struct scene *scene)
{
    struct scene_config config;
    scene_config_init(&config, english, chinese);
    if (!scene_begin(scene, lab, &config))
        return false;
    scene_connect(scene);
    scene_shutdown(scene, first);
    if (lab->broken)
        scene_shutdown(scene, 1 - first); /* it does not wait for the FIN */
    scene_wait(scene, scene->config.delay + THINK);
    scene_shutdown(scene, 1 - first);
    scene_wait(scene, two_msl(scene, first) + HF_SEC);
    scene_end(scene);
    return true;
}

void play_close(struct lab *lab)
{
    struct scene scene;
    bool four = true, ways = true;
    hf_time waits[2] = {0, 0};
    for (int first = CLIENT; first <= SERVER; first++) {
        if (!play_order(lab, first,
                        first == CLIENT ? "The client closes first" : "The server closes first",
                        first == CLIENT ? "客户端先关闭" : "服务器先关闭", &scene))
            return;
        four = four && four_segments(&scene, 3);
        ways = ways && closed_first(&scene, first) && closed_second(&scene, 1 - first);
        waits[first] = scene_time_in(&scene, first, HF_TIME_WAIT);
    }
    lab_figure(lab, "TIME-WAIT of the client, when it is first", "客户端先关闭时的 TIME-WAIT",
               "%.3f s", seconds(waits[CLIENT]));
    lab_figure(lab, "TIME-WAIT of the server, when it is first", "服务器先关闭时的 TIME-WAIT",
               "%.3f s", seconds(waits[SERVER]));
    lab_claim(lab, four,
              "Four segments: each direction is closed by a FIN of its own, and each FIN is "
              "acknowledged.",
              "四个报文段：每个方向各由一个 FIN 关闭，每个 FIN 各得到确认。");
    lab_claim(
        lab, ways,
        "Whoever closes first goes over FIN-WAIT-1 and FIN-WAIT-2 into TIME-WAIT; the other "
        "over CLOSE-WAIT and LAST-ACK. Client or server makes no difference.",
        "先关闭的一方经 FIN-WAIT-1、FIN-WAIT-2 进入 TIME-WAIT，另一方经 CLOSE-WAIT、LAST-ACK。"
        "是客户端还是服务器没有分别。");
    lab_claim(lab, is_two_msl(&scene, waits[CLIENT]) && is_two_msl(&scene, waits[SERVER]),
              "Only the first waits: 2MSL, which is 60 seconds here.",
              "只有先关闭的一方等待：2MSL，在这里是 60 秒。");
}

/* ---- three-segment-close ---- */

void play_three_segment_close(struct lab *lab)
{
    static const uint8_t way[] = {HF_ESTABLISHED, HF_FIN_WAIT_1, HF_TIME_WAIT, HF_CLOSED};
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, "The second has nothing more to say", "后关闭的一方也无话可说");
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_connect(&scene);
    scene.end[SERVER].close_at_eof = !lab->broken;
    scene_shutdown(&scene, CLIENT);
    scene_wait(&scene, scene.config.delay + THINK);
    scene_shutdown(&scene, SERVER);
    scene_wait(&scene, two_msl(&scene, CLIENT) + HF_SEC);
    scene_end(&scene);
    size_t segments = scene.sent_count - 3;
    const struct sent_segment *s = scene.sent + 3;
    bool joined =
        s[1].flags == (HF_FIN | HF_ACK) && s[1].ack == s[0].seq + 1 && s[1].from == SERVER;
    lab_figure(lab, "segments of the close", "关闭用的报文段", "%zu", segments);
    lab_claim(lab, segments == 3 && joined,
              "Three segments close it: the server's FIN and its ACK of the client's are one.",
              "三个报文段就关闭了：服务器的 FIN 和它对客户端 FIN 的确认是同一个报文段。");
    lab_claim(
        lab, ended_so(&scene, CLIENT, way, 4),
        "The client goes from FIN-WAIT-1 straight to TIME-WAIT; the figure of RFC 9293 leaves "
        "that out (its note 2).",
        "客户端从 FIN-WAIT-1 直接进入 TIME-WAIT；RFC 9293 的图略去了这一步（见其注 2）。");
}

/* ---- half-close ---- */

#define LATER 4000 /* bytes that the server sends after the client's FIN */

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
}

void play_half_close(struct lab *lab)
{
    uint8_t later[LATER];
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, "Data flows on after the first FIN",
                      "第一个 FIN 之后数据继续流动");
    if (!scene_begin(&scene, lab, &config))
        return;
    fill(later, sizeof later);
    scene_connect(&scene);
    scene_send(&scene, CLIENT, "SELECT 1;", 9);
    if (lab->broken) {
        (void)hf_tcp_close(scene_stack(&scene, CLIENT), scene.end[CLIENT].conn);
        scene.end[CLIENT].conn = 0; /* it closes both directions, and reads no more */
    } else {
        scene_shutdown(&scene, CLIENT);
    }
    scene_wait(&scene, scene.config.delay + THINK);
    scene_send(&scene, SERVER, later, sizeof later);
    scene_wait(&scene, 50 * HF_MS);
    bool waiting = scene_state(&scene, CLIENT) == HF_FIN_WAIT_2;
    scene_shutdown(&scene, SERVER);
    scene_wait(&scene, two_msl(&scene, CLIENT) + HF_SEC);
    const struct scene_end *client = &scene.end[CLIENT];
    bool came = client->in_len == LATER && memcmp(client->in, later, LATER) == 0 && client->eof;
    size_t got = client->in_len;
    bool in_order = closed_first(&scene, CLIENT) && closed_second(&scene, SERVER);
    scene_end(&scene);
    lab_figure(lab, "sent by the server after the client's FIN", "客户端 FIN 之后服务器发出",
               SAY(lab, "%u bytes", "%u 字节"), (unsigned)LATER);
    lab_figure(lab, "received by the client in FIN-WAIT-2", "客户端在 FIN-WAIT-2 中收到",
               SAY(lab, "%zu bytes", "%zu 字节"), got);
    lab_claim(
        lab, came && waiting,
        "A FIN ends one direction only: all that the server sends afterwards still arrives.",
        "一个 FIN 只结束一个方向：此后服务器发送的一切仍然到达。");
    lab_claim(lab, in_order, "Then the server closes too, and both end in order.",
              "然后服务器也关闭，双方有序结束。");
}

/* ---- simultaneous-close ---- */

void play_simultaneous_close(struct lab *lab)
{
    static const uint8_t way[] = {HF_ESTABLISHED, HF_FIN_WAIT_1, HF_CLOSING, HF_TIME_WAIT,
                                  HF_CLOSED};
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, "Both close at once", "双方同时关闭");
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_connect(&scene);
    scene_shutdown(&scene, CLIENT);
    if (lab->broken)
        scene_wait(&scene, scene.config.delay + THINK); /* the FIN is there first */
    scene_shutdown(&scene, SERVER);
    scene_wait(&scene, two_msl(&scene, CLIENT) + HF_SEC);
    bool both = ended_so(&scene, CLIENT, way, 5) && ended_so(&scene, SERVER, way, 5);
    hf_time waits[2] = {scene_time_in(&scene, CLIENT, HF_TIME_WAIT),
                        scene_time_in(&scene, SERVER, HF_TIME_WAIT)};
    scene_end(&scene);
    lab_figure(lab, "TIME-WAIT of the client", "客户端的 TIME-WAIT", "%.3f s",
               seconds(waits[CLIENT]));
    lab_figure(lab, "TIME-WAIT of the server", "服务器的 TIME-WAIT", "%.3f s",
               seconds(waits[SERVER]));
    lab_claim(
        lab, both && is_two_msl(&scene, waits[CLIENT]) && is_two_msl(&scene, waits[SERVER]),
        "The FINs cross: both ends go over CLOSING into TIME-WAIT, as neither can know whether "
        "its last ACK arrived.",
        "两个 FIN 交叉：双方都经 CLOSING 进入 TIME-WAIT，因为谁也不知道自己最后的 ACK "
        "是否到达。");
}

/* ---- lost-last-ack ---- */

/* Loses the ACK of the server's FIN, once. */
struct last_ack {
    bool fin_seen, lost;
};

static enum hf_sim_verdict lose_last_ack(void *context, struct hf_sim *sim,
                                         struct hf_sim_packet *packet)
{
    struct last_ack *last = context;
    (void)sim;
    unsigned flags = packet_flags(packet->bytes, packet->len);
    if (packet->from == SERVER + 1) {
        last->fin_seen = last->fin_seen || (flags & HF_FIN);
        return HF_SIM_PASS;
    }
    if (!last->fin_seen || last->lost)
        return HF_SIM_PASS;
    last->lost = true;
    return HF_SIM_DROP;
}

static bool play_last_ack(struct lab *lab, bool msl_zero, const char *english,
                          const char *chinese, struct scene *scene)
{
    struct scene_config config;
    struct last_ack last = {false, false};
    scene_config_init(&config, english, chinese);
    config.unsafe[CLIENT].msl_zero = msl_zero;
    if (!scene_begin(scene, lab, &config))
        return false;
    hf_sim_set_filter(scene->sim, lose_last_ack, &last);
    scene_connect(scene);
    scene_shutdown(scene, CLIENT);
    scene_wait(scene, scene->config.delay + THINK);
    scene_shutdown(scene, SERVER);
    scene_wait(scene, two_msl(scene, CLIENT) + 2 * HF_SEC);
    scene_end(scene);
    return true;
}

void play_lost_last_ack(struct lab *lab)
{
    struct scene with, without;
    if (!play_last_ack(lab, lab->broken, "With TIME-WAIT", "有 TIME-WAIT", &with) ||
        !play_last_ack(lab, true, "Without TIME-WAIT (MSL 0)", "没有 TIME-WAIT（MSL 为 0）",
                       &without))
        return;
    lab_figure(lab, "with TIME-WAIT the server ends", "有 TIME-WAIT 时服务器的结局", "%s",
               hf_cause_words(with.end[SERVER].cause, lab->language));
    lab_figure(lab, "without it", "没有它时", "%s",
               hf_cause_words(without.end[SERVER].cause, lab->language));
    lab_claim(lab, with.end[SERVER].ended && with.end[SERVER].cause == HF_CAUSE_CLOSED,
              "The FIN is sent again, TIME-WAIT answers it, and the server ends in order.",
              "FIN 被重发，TIME-WAIT 回答它，服务器有序结束。");
    lab_claim(
        lab, without.end[SERVER].ended && without.end[SERVER].cause == HF_CAUSE_RESET,
        "Without TIME-WAIT nobody knows the connection any more: a reset answers, and the server "
        "is left in error although every byte had arrived.",
        "没有 "
        "TIME-"
        "WAIT，已经无人认得这条连接：回答是复位。虽然每个字节都到达了，服务器得到的却是错误。");
}
