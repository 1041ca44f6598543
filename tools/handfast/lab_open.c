/* Experiments about opening: open, piggyback, lost-syn, simultaneous-open. */
#include "lab.h"

#include <string.h>

/* ---- Filters: what the network does to some segments ---- */

/* Loses the first SYNs; *context: how many more. */
static enum hf_sim_verdict lose_syns(void *context, struct hf_sim *sim,
                                     struct hf_sim_packet *packet)
{
    unsigned *left = context;
    (void)sim;
    bool syn = (packet_flags(packet->bytes, packet->len) & (HF_SYN | HF_ACK)) == HF_SYN;
    if (!syn || *left == 0)
        return HF_SIM_PASS;
    (*left)--;
    return HF_SIM_DROP;
}

/* ---- open ---- */

void play_open(struct lab *lab)
{
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, lab, "The open", "连接的打开");
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_connect(&scene);
    const struct sent_segment *s = scene.sent;
    bool three = scene.sent_count == 3 && s[0].flags == HF_SYN &&
                 s[1].flags == (HF_SYN | HF_ACK) && s[2].flags == HF_ACK;
    bool known = s[1].ack == s[0].seq + 1 && s[2].ack == s[1].seq + 1 && s[2].seq == s[1].ack;
    bool both = scene_state(&scene, CLIENT) == HF_ESTABLISHED &&
                scene_state(&scene, SERVER) == HF_ESTABLISHED;
    hf_time waits[2] = {scene_time_in(&scene, CLIENT, HF_SYN_SENT),
                        scene_time_in(&scene, SERVER, HF_SYN_RECEIVED)};
    scene_end(&scene);
    lab_figure(lab, "segments", "报文段", "%zu", scene.sent_count);
    lab_figure(lab, "ISN of the client", "客户端的 ISN", "%u", (unsigned)s[0].seq);
    lab_figure(lab, "ISN of the server", "服务器的 ISN", "%u", (unsigned)s[1].seq);
    lab_figure(lab, "the client waits for its ACK", "客户端等到确认用了", "%.3f ms",
               (double)waits[CLIENT] / (double)HF_MS);
    lab_figure(lab, "the server waits for its ACK", "服务器等到确认用了", "%.3f ms",
               (double)waits[SERVER] / (double)HF_MS);
    lab_claim(
        lab, three && known,
        "Three segments, and each end has its initial number acknowledged: the second "
        "acknowledges the client's, the third the server's.",
        "一共三个报文段，两端的初始序号都得到了确认：第二个确认客户端的，第三个确认服务器的。");
    lab_claim(lab, both, "Both ends are ESTABLISHED.", "两端都进入了 ESTABLISHED。");
}

/* ---- piggyback ---- */

static const char request[] = "GET / HTTP/1.0\r\n\r\n";

static bool server_has_request(struct scene *scene)
{
    return scene->end[SERVER].in_len >= strlen(request);
}

void play_piggyback(struct lab *lab)
{
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, lab, "Data on the third segment", "第三个报文段捎带数据");
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_listen(&scene);
    (void)scene_open(&scene, CLIENT, 0, SCENE_PORT);
    scene_wait(&scene, lab_time(lab, KNOB_THINK)); /* too long, and the ACK goes alone */
    scene_send(&scene, CLIENT, request, strlen(request));
    (void)scene_until(&scene, server_has_request, 60 * HF_SEC);
    scene_wait(&scene, 3 * scene.config.delay);
    const struct sent_segment *s = scene.sent;
    bool third = scene.sent_count >= 3 && (s[2].flags & HF_ACK) && s[2].text == strlen(request);
    bool read = scene.end[SERVER].in_len == strlen(request) &&
                memcmp(scene.end[SERVER].in, request, strlen(request)) == 0;
    hf_time at = scene.end[SERVER].in_at;
    hf_time open_at = scene_entered(&scene, SERVER, HF_ESTABLISHED);
    scene_end(&scene);
    lab_figure(lab, "text on the third segment", "第三个报文段的数据",
               SAY(lab, "%u bytes", "%u 字节"), (unsigned)s[2].text);
    lab_figure(lab, "the server has read it after", "服务器读到它是在", "%.3f ms",
               (double)at / (double)HF_MS);
    lab_claim(lab, third,
              "The third segment carries the request: the handshake costs the client one round "
              "trip, not one and a half.",
              "第三个报文段带着请求：握手只花客户端一个往返时间，而不是一个半。");
    lab_claim(lab, read && at - open_at < HF_MS,
              "The server reads it at the very moment at which it is ESTABLISHED.",
              "服务器进入 ESTABLISHED 的那一刻就读到了它。");
}

/* ---- lost-syn ---- */

/* Whether SYN number n, from 0, left when it was to: after 1, 3, 7 seconds, to a hundredth. */
static bool left_in_time(const struct sent_segment *sent, unsigned n)
{
    double at = (double)sent->time / (double)HF_SEC;
    double wanted = (double)((1u << n) - 1);
    return sent->flags == HF_SYN && at > wanted - 0.01 && at < wanted + 0.01;
}

void play_lost_syn(struct lab *lab)
{
    struct scene_config config;
    struct scene scene;
    unsigned lose = (unsigned)lab_knob(lab, KNOB_SYNS), lost = lose;
    scene_config_init(&config, lab, "The first SYNs are lost", "前几个 SYN 丢失");
    config.settings[CLIENT].rto_initial = (hf_time)lab_knob(lab, KNOB_TIMER) * HF_SEC;
    if (!scene_begin(&scene, lab, &config))
        return;
    scene_filter(&scene, lose_syns, &lost);
    scene_listen(&scene);
    (void)scene_open(&scene, CLIENT, 0, SCENE_PORT);
    (void)scene_until(&scene, scene_both_open, 600 * HF_SEC);
    hf_time left[8];
    bool times = scene.sent_count > lose;
    for (unsigned i = 0; i <= lose; i++) {
        left[i] = scene.sent[i].time;
        times = times && left_in_time(&scene.sent[i], i);
    }
    bool open = scene_both_open(&scene);
    hf_time waited = scene_time_in(&scene, CLIENT, HF_SYN_SENT);
    scene_end(&scene);
    for (unsigned i = 0; i <= lose; i++)
        lab_figure(lab, "a SYN leaves at", "发出 SYN 的时刻", "%.3f s",
                   (double)left[i] / (double)HF_SEC);
    lab_figure(lab, "the open took", "打开用了", "%.3f s", (double)waited / (double)HF_SEC);
    lab_claim(
        lab, times,
        "The SYN is sent again after 1 second, then after twice as long each time: nothing is "
        "known of the path, so it begins with 1 s and doubles.",
        "SYN 在 1 秒之后重发，此后每次等待加倍：对这条路径还一无所知，所以从 1 "
        "秒开始，每次加倍。");
    lab_claim(lab, open, "One gets through in the end, and the connection opens all the same.",
              "终于有一个到达了，连接照样打开。");
}

/* ---- simultaneous-open ---- */

void play_simultaneous_open(struct lab *lab)
{
    static const uint8_t way[] = {HF_CLOSED, HF_SYN_SENT, HF_SYN_RECEIVED, HF_ESTABLISHED};
    struct scene_config config;
    struct scene scene;
    scene_config_init(&config, lab, "Both open at once", "双方同时打开");
    if (!scene_begin(&scene, lab, &config))
        return;
    (void)scene_open(&scene, CLIENT, SCENE_CLIENT_PORT, SCENE_PORT);
    scene_wait(&scene, lab_time(lab, KNOB_APART)); /* so long, and one SYN is there by then */
    (void)scene_open(&scene, SERVER, SCENE_PORT, SCENE_CLIENT_PORT);
    (void)scene_until(&scene, scene_both_open, 60 * HF_SEC);
    scene_wait(&scene, 3 * scene.config.delay);
    bool crossed = scene_flags(&scene, 0) == HF_SYN && scene_flags(&scene, 1) == HF_SYN;
    bool ways = scene_went(&scene, CLIENT, way, 4) && scene_went(&scene, SERVER, way, 4);
    hf_time open_at = scene_entered(&scene, CLIENT, HF_ESTABLISHED);
    size_t before = 0; /* segments that left before both were open */
    for (size_t i = 0; i < scene.sent_count && i < SCENE_SEGMENTS; i++)
        before += scene.sent[i].time < open_at;
    scene_end(&scene);
    lab_figure(lab, "segments until both are ESTABLISHED", "双方都进入 ESTABLISHED 之前的报文段",
               "%zu", before);
    lab_claim(
        lab, crossed && ways,
        "Both go from SYN-SENT over SYN-RECEIVED to ESTABLISHED: two crossing SYNs make one "
        "connection, not two (RFC 9293 figure 7).",
        "双方都从 SYN-SENT 经 SYN-RECEIVED 到 ESTABLISHED：两个交叉的 SYN 建立的是一条连接，"
        "而不是两条（RFC 9293 图 7）。");
    lab_claim(lab, before == 4,
              "It takes four segments: no SYN could carry the ACK of the other, so each is "
              "acknowledged afterwards.",
              "用了四个报文段：两个 SYN 都来不及捎带对方的确认，所以随后各自得到确认。");
}
