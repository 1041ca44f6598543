/* Experiments about closing: close, three-segment-close, half-close, simultaneous-close,
 * lost-last-ack. */
#include "lab.h"

#include <string.h>

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

/* The end that has not closed has got the other's FIN. */
static bool fin_has_come(struct scene *scene)
{
    return scene->end[CLIENT].eof || scene->end[SERVER].eof;
}

/* An end closes, and the other when it has got the FIN and has thought: not at all, and its FIN goes
 * with its ACK. */
static void close_in_turn(struct scene *scene, int first, hf_time think)
{
    scene->end[1 - first].close_at_eof = think == 0;
    scene_shutdown(scene, first);
    (void)scene_until(scene, fin_has_come, 60 * HF_SEC);
    if (think == 0)
        return;
    scene_wait(scene, think);
    scene_shutdown(scene, 1 - first);
}

/* Until both ends are CLOSED, or nobody would wait any longer. */
static void wait_for_the_end(struct scene *scene)
{
    (void)scene_until(scene, scene_both_closed,
                      two_msl(scene, CLIENT) + two_msl(scene, SERVER) + 120 * HF_SEC);
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
    scene_config_init(&config, lab, english, chinese);
    scene_set_msl(&config, CLIENT, lab_knob(lab, KNOB_MSL));
    scene_set_msl(&config, SERVER, lab_knob(lab, KNOB_MSL));
    if (!scene_begin(scene, lab, &config))
        return false;
    scene_connect(scene);
    if (lab_knob(lab, KNOB_FIRST) == FIRST_BOTH) {
        scene_shutdown(scene, first);
        scene_shutdown(scene, 1 - first);
    } else {
        close_in_turn(scene, first, lab_time(lab, KNOB_THINK));
    }
    wait_for_the_end(scene);
    scene_end(scene);
    return true;
}

void play_close(struct lab *lab)
{
    struct scene scene;
    bool four = true, ways = true, waited = true;
    uint64_t who = lab_knob(lab, KNOB_FIRST);
    hf_time waits[2] = {0, 0};
    for (int first = CLIENT; first <= SERVER; first++) {
        bool wanted =
            who == FIRST_TURNS || who == (first == CLIENT ? FIRST_CLIENT : FIRST_SERVER);
        if (who == FIRST_BOTH ? first == SERVER : !wanted)
            continue;
        if (!play_order(lab, first,
                        who == FIRST_BOTH ? "Both close"
                        : first == CLIENT ? "The client closes first"
                                          : "The server closes first",
                        who == FIRST_BOTH ? "双方都关闭"
                        : first == CLIENT ? "客户端先关闭"
                                          : "服务器先关闭",
                        &scene))
            return;
        four = four && four_segments(&scene, 3);
        ways = ways && closed_first(&scene, first) && closed_second(&scene, 1 - first);
        waits[first] = scene_time_in(&scene, first, HF_TIME_WAIT);
        waited = waited && is_two_msl(&scene, waits[first]) &&
                 scene_time_in(&scene, 1 - first, HF_TIME_WAIT) == 0;
        lab_figure(lab,
                   first == CLIENT ? "TIME-WAIT of the client, when it is first"
                                   : "TIME-WAIT of the server, when it is first",
                   first == CLIENT ? "客户端先关闭时的 TIME-WAIT" : "服务器先关闭时的 TIME-WAIT",
                   "%.3f s", seconds(waits[first]));
    }
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
    lab_claim(lab, waited, "Only the first waits, for 2MSL.", "只有先关闭的一方等待：2MSL。");
}

/* ---- three-segment-close ---- */

void play_three_segment_close(struct lab *lab)
{
    static const uint8_t way[] = {HF_ESTABLISHED, HF_FIN_WAIT_1, HF_TIME_WAIT, HF_CLOSED};
    struct scene_config config;
    struct scene scene;
    int first = lab_knob(lab, KNOB_FIRST) == FIRST_SERVER ? SERVER : CLIENT;
    scene_config_init(&config, lab, "The second has nothing more to say",
                      "后关闭的一方也无话可说");
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_connect(&scene);
    close_in_turn(&scene, first, lab_time(lab, KNOB_THINK));
    wait_for_the_end(&scene);
    scene_end(&scene);
    size_t segments = scene.sent_count > 3 ? scene.sent_count - 3 : 0;
    const struct sent_segment *s = scene.sent + 3;
    bool joined =
        s[1].flags == (HF_FIN | HF_ACK) && s[1].ack == s[0].seq + 1 && s[1].from == 1 - first;
    lab_figure(lab, "segments of the close", "关闭用的报文段", "%zu", segments);
    lab_claim(lab, segments == 3 && joined,
              "Three segments close it: the second FIN and the ACK of the first are one.",
              "三个报文段就关闭了：第二个 FIN 和对第一个 FIN 的确认是同一个报文段。");
    lab_claim(
        lab, ended_so(&scene, first, way, 4),
        "Who closed first goes from FIN-WAIT-1 straight to TIME-WAIT; the figure of RFC 9293 "
        "leaves that out (its note 2).",
        "先关闭的一方从 FIN-WAIT-1 直接进入 TIME-WAIT；RFC 9293 的图略去了这一步（见其注 2）。");
}

/* ---- half-close ---- */

#define LATER_MAX 20000

static bool client_is_done(struct scene *scene)
{
    return scene->end[CLIENT].in_len >= lab_knob(scene->lab, KNOB_BYTES) ||
           scene->end[SERVER].ended;
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
}

void play_half_close(struct lab *lab)
{
    uint8_t later[LATER_MAX];
    size_t len = (size_t)lab_knob(lab, KNOB_BYTES);
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, lab, "Data flows on after the first FIN",
                      "第一个 FIN 之后数据继续流动");
    if (!scene_begin(&scene, lab, &config))
        return;
    fill(later, len);
    scene_connect(&scene);
    scene_send(&scene, CLIENT, "SELECT 1;", 9);
    if (lab_knob(lab, KNOB_CALL) == 1) {
        (void)hf_tcp_close(scene_stack(&scene, CLIENT), scene.end[CLIENT].conn);
        scene.end[CLIENT].conn = 0; /* it closes both directions, and reads no more */
    } else {
        scene_shutdown(&scene, CLIENT);
    }
    (void)scene_until(&scene, fin_has_come, 60 * HF_SEC);
    scene_wait(&scene, lab_time(lab, KNOB_THINK));
    scene_send(&scene, SERVER, later, len);
    scene_wait(&scene, 5 * scene.config.delay);
    (void)scene_until(&scene, client_is_done, 60 * HF_SEC);
    bool waiting = scene_state(&scene, CLIENT) == HF_FIN_WAIT_2;
    scene_shutdown(&scene, SERVER);
    wait_for_the_end(&scene);
    const struct scene_end *client = &scene.end[CLIENT];
    bool came = client->in_len == len && memcmp(client->in, later, len) == 0 && client->eof;
    size_t got = client->in_len;
    bool in_order = closed_first(&scene, CLIENT) && closed_second(&scene, SERVER);
    scene_end(&scene);
    lab_figure(lab, "sent by the server after the client's FIN", "客户端 FIN 之后服务器发出",
               SAY(lab, "%zu bytes", "%zu 字节"), len);
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
    scene_config_init(&config, lab, "Both close at once", "双方同时关闭");
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_connect(&scene);
    scene_shutdown(&scene, CLIENT);
    scene_wait(&scene, lab_time(lab, KNOB_APART)); /* so long, and the FIN is there first */
    scene_shutdown(&scene, SERVER);
    wait_for_the_end(&scene);
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

/* Loses the ACK of the second FIN, so many times. */
struct last_ack {
    int first; /* host that closes first                                                     */
    bool fin_seen;
    unsigned left;
};

static enum hf_sim_verdict lose_last_ack(void *context, struct hf_sim *sim,
                                         struct hf_sim_packet *packet)
{
    struct last_ack *last = context;
    (void)sim;
    unsigned flags = packet_flags(packet->bytes, packet->len);
    if (packet->from != last->first) {
        last->fin_seen = last->fin_seen || (flags & HF_FIN);
        return HF_SIM_PASS;
    }
    if (!last->fin_seen || last->left == 0 || (flags & HF_RST))
        return HF_SIM_PASS;
    last->left--;
    return HF_SIM_DROP;
}

static bool play_last_ack(struct lab *lab, uint64_t msl, const char *english, const char *chinese,
                          struct scene *scene)
{
    struct scene_config config;
    int first = lab_knob(lab, KNOB_FIRST) == FIRST_SERVER ? SERVER : CLIENT;
    struct last_ack last = {first + 1, false, (unsigned)lab_knob(lab, KNOB_ACKS)};
    scene_config_init(&config, lab, english, chinese);
    scene_set_msl(&config, first, msl);
    if (!scene_begin(scene, lab, &config))
        return false;
    scene_filter(scene, lose_last_ack, &last);
    scene_connect(scene);
    close_in_turn(scene, first, lab_time(lab, KNOB_THINK));
    wait_for_the_end(scene);
    scene_end(scene);
    return true;
}

void play_lost_last_ack(struct lab *lab)
{
    struct scene with, without;
    uint64_t msl = lab_knob(lab, KNOB_MSL);
    int second = lab_knob(lab, KNOB_FIRST) == FIRST_SERVER ? CLIENT : SERVER;
    if (!play_last_ack(lab, msl, "With TIME-WAIT", "有 TIME-WAIT", &with) ||
        !play_last_ack(lab, 0, "Without TIME-WAIT (MSL 0)", "没有 TIME-WAIT（MSL 为 0）",
                       &without))
        return;
    lab_figure(lab, "with TIME-WAIT the second ends", "有 TIME-WAIT 时后关闭一方的结局", "%s",
               hf_cause_words(with.end[second].cause, lab->language));
    lab_figure(lab, "without it", "没有它时", "%s",
               hf_cause_words(without.end[second].cause, lab->language));
    lab_claim(lab, with.end[second].ended && with.end[second].cause == HF_CAUSE_CLOSED,
              "The FIN is sent again, TIME-WAIT answers it, and the second ends in order.",
              "FIN 被重发，TIME-WAIT 回答它，后关闭的一方有序结束。");
    lab_claim(
        lab, without.end[second].ended && without.end[second].cause == HF_CAUSE_RESET,
        "Without TIME-WAIT nobody knows the connection any more: a reset answers, and the second "
        "is left in error although every byte had arrived.",
        "没有 TIME-WAIT，已经无人认得这条连接：回答是复位。虽然每个字节都到达了，"
        "后关闭的一方得到的却是错误。");
}
