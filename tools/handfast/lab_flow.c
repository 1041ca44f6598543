/* Experiments about data: zero-window and loss. */
#include "lab.h"

#include <string.h>

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 11 + i / 256);
}

/* ---- zero-window ---- */

#define FLOW_BYTES 20000

/* What is on the way of the server's segments: the next is lost, when armed; every window is
 * doubled. */
struct between {
    bool armed, doubles;
};

static enum hf_sim_verdict between(void *context, struct hf_sim *sim,
                                   struct hf_sim_packet *packet)
{
    struct between *box = context;
    (void)sim;
    if (packet->from != SERVER + 1)
        return HF_SIM_PASS;
    if (box->doubles)
        packet_double_window(packet->bytes, packet->len);
    if (!box->armed)
        return HF_SIM_PASS;
    box->armed = false;
    return HF_SIM_DROP;
}

/* Times of the probes; whether each pause is at least as long as the one before. */
static unsigned look_at_probes(const struct scene *scene, bool *growing, double *longest)
{
    unsigned probes = 0;
    hf_time last = 0, pause = 0;
    *growing = true;
    *longest = 0;
    for (size_t i = 0; i < scene->sent_count && i < SCENE_SEGMENTS; i++) {
        if (scene->sent[i].reason != HF_SEND_PROBE)
            continue;
        hf_time now = scene->sent[i].time - last;
        if (probes > 0) {
            *growing = *growing && now + 30 * HF_MS >= pause;
            pause = now;
            *longest = (double)now / (double)HF_SEC;
        }
        last = scene->sent[i].time;
        probes++;
    }
    return probes;
}

/* Whether the client kept to the window that it had been told of. A probe's octet may be beyond. */
static bool kept_to_window(const struct scene *scene)
{
    uint32_t edge = 0;
    bool known = false;
    for (size_t i = 0; i < scene->sent_count && i < SCENE_SEGMENTS; i++) {
        const struct sent_segment *s = &scene->sent[i];
        if (s->from == SERVER && (s->flags & HF_ACK)) {
            uint32_t right = s->ack + s->window;
            edge = !known || (int32_t)(right - edge) > 0 ? right : edge;
            known = true;
        } else if (s->text > 0 && s->reason != HF_SEND_PROBE && known &&
                   (int32_t)(s->seq + s->text - edge) > 0) {
            return false;
        }
    }
    return true;
}

/* Or never will have. */
static bool server_has_all(struct scene *scene)
{
    return scene->end[SERVER].in_len >= FLOW_BYTES || lab_knob(scene->lab, KNOB_READER) != 0;
}

void play_zero_window(struct lab *lab)
{
    uint8_t bytes[FLOW_BYTES];
    struct scene_config config;
    struct scene scene;
    struct between box = {.doubles = lab_knob(lab, KNOB_BOX) == 1};
    uint32_t window = (uint32_t)lab_knob(lab, KNOB_WINDOW);
    scene_config_init(&config, lab, "A reader that does not read", "不读数据的接收者");
    config.plain = true;
    config.settings[SERVER].rcv_buffer_min = config.settings[SERVER].rcv_buffer = window;
    config.settings[SERVER].rcv_buffer_max = 0;
    if (box.doubles)
        config.checks = HF_SIM_CHECK_STACK; /* what crosses is not what was sent */
    if (!scene_begin(&scene, lab, &config))
        return;
    fill(bytes, sizeof bytes);
    scene_filter(&scene, between, &box);
    scene.end[SERVER].idle = true;
    scene_connect(&scene);
    scene_send(&scene, CLIENT, bytes, sizeof bytes);
    scene_wait(&scene, (hf_time)lab_knob(lab, KNOB_PAUSE) * HF_SEC);
    box.armed = lab_knob(lab, KNOB_UPDATE) == 0;
    if (lab_knob(lab, KNOB_READER) == 0)
        scene_read(&scene, SERVER);
    scene_wait(&scene, 30 * HF_SEC);
    (void)scene_until(&scene, server_has_all, 90 * HF_SEC);
    const struct scene_end *server = &scene.end[SERVER];
    bool came = server->in_len == FLOW_BYTES && memcmp(server->in, bytes, FLOW_BYTES) == 0;
    bool growing;
    double longest;
    unsigned probes = look_at_probes(&scene, &growing, &longest);
    bool kept = kept_to_window(&scene);
    scene_end(&scene);
    lab_figure(lab, "window of the reader", "接收者的窗口", SAY(lab, "%u bytes", "%u 字节"),
               (unsigned)window);
    lab_figure(lab, "probes", "探测", "%u", probes);
    lab_figure(lab, "longest pause between two", "两次之间最长的间隔", "%.3f s", longest);
    lab_figure(lab, "all has arrived after", "全部到达用了", "%.3f s",
               (double)server->in_at / (double)HF_SEC);
    lab_claim(lab, kept, "The sender never sends beyond the window that it was told of.",
              "发送者从不发到所得知的窗口之外。");
    lab_claim(lab, probes > 2 && growing,
              "While the window is zero it probes, and each pause is longer than the one before.",
              "窗口为零期间它不断探测，间隔一次比一次长。");
    lab_claim(
        lab, came,
        "Everything arrives, even if the window update is lost: the next probe finds the window "
        "open.",
        "即使窗口更新丢失，数据仍然全部到达：下一次探测发现窗口已经打开。");
}

/* ---- loss ---- */

#define LOSS_BYTES 60000

/* Loses some segments of the client when they leave for the first time, and the last of all. */
struct loser {
    bool begun;
    uint32_t first, next; /* sequence numbers of the text: the first, and what is new         */
    unsigned count;
    unsigned holes; /* how many                                                              */
    bool tail;      /* the last, too                                                         */
};

static enum hf_sim_verdict lose_some(void *context, struct hf_sim *sim,
                                     struct hf_sim_packet *packet)
{
    struct loser *loser = context;
    (void)sim;
    uint32_t len = packet_text(packet->bytes, packet->len);
    uint32_t seq = packet_seq(packet->bytes, packet->len);
    if (packet->from != CLIENT + 1 || len == 0)
        return HF_SIM_PASS;
    if (!loser->begun)
        loser->first = loser->next = seq;
    loser->begun = true;
    if ((int32_t)(seq - loser->next) < 0)
        return HF_SIM_PASS; /* sent again */
    loser->next = seq + len;
    loser->count++;
    bool last = loser->next - loser->first == LOSS_BYTES;
    bool some =
        loser->count >= 14 && loser->count % 2 == 0 && (loser->count - 14) / 2 < loser->holes;
    return (last && loser->tail) || some ? HF_SIM_DROP : HF_SIM_PASS;
}

struct recovery {
    bool came;
    hf_time took, trip;
    unsigned resent, in_vain;
    uint64_t timeouts;
};

static bool server_has_loss(struct scene *scene)
{
    return scene->end[SERVER].in_len >= LOSS_BYTES;
}

static bool play_recovery(struct lab *lab, bool modern, const char *english, const char *chinese,
                          struct recovery *recovery)
{
    uint8_t bytes[LOSS_BYTES];
    struct scene_config config;
    struct scene scene;
    struct loser loser = {.holes = (unsigned)lab_knob(lab, KNOB_HOLES),
                          .tail = lab_knob(lab, KNOB_TAIL) == 0};
    scene_config_init(&config, lab, english, chinese);
    config.plain = true;
    for (int e = 0; e < 2; e++) {
        config.settings[e].sack = modern;
        config.settings[e].rack = modern;
        config.settings[e].tlp = modern;
    }
    if (!scene_begin(&scene, lab, &config))
        return false;
    memset(recovery, 0, sizeof *recovery);
    fill(bytes, sizeof bytes);
    scene_filter(&scene, lose_some, &loser);
    scene_connect(&scene);
    hf_time since = scene_now(&scene);
    scene_send(&scene, CLIENT, bytes, sizeof bytes);
    (void)scene_until(&scene, server_has_loss, 120 * HF_SEC);
    scene_wait(&scene, 4 * config.delay);
    const struct scene_end *server = &scene.end[SERVER];
    recovery->came = server->in_len == LOSS_BYTES && memcmp(server->in, bytes, LOSS_BYTES) == 0;
    recovery->took = server->in_at - since;
    recovery->trip = 2 * config.delay;
    recovery->timeouts = scene.end[CLIENT].timeouts;
    for (size_t i = 0; i < scene.sent_count && i < SCENE_SEGMENTS; i++)
        recovery->resent +=
            scene.sent[i].reason >= HF_SEND_RTO && scene.sent[i].reason <= HF_SEND_TLP;
    scene_end(&scene);
    return true;
}

static void tell_recovery(struct lab *lab, const struct recovery *r)
{
    lab_figure(lab, "the last byte arrives after", "最后一个字节到达用了",
               SAY(lab, "%.3f s, %.1f round trips", "%.3f 秒，%.1f 个往返"),
               (double)r->took / (double)HF_SEC, (double)r->took / (double)r->trip);
    lab_figure(lab, "segments sent again", "重发的报文段", "%u", r->resent);
    lab_figure(lab, "time-outs", "超时", "%llu", (unsigned long long)r->timeouts);
}

void play_loss(struct lab *lab)
{
    struct recovery modern, old;
    if (!play_recovery(lab, lab_knob(lab, KNOB_SACK) == 0,
                       "Segments lost, with SACK, RACK and TLP",
                       "丢失报文段，有 SACK、RACK 和 TLP", &modern))
        return;
    tell_recovery(lab, &modern);
    if (!play_recovery(lab, false, "The same without them (NewReno)",
                       "同样的丢失，没有它们（NewReno）", &old))
        return;
    tell_recovery(lab, &old);
    lab_figure(lab, "saved", "节省", SAY(lab, "%.3f s", "%.3f 秒"),
               (double)(old.took - modern.took) / (double)HF_SEC);
    lab_claim(lab, modern.came && old.came, "Every byte arrives, either way.",
              "两种做法都让每个字节到达。");
    lab_claim(lab, modern.timeouts == 0 && old.timeouts > 0,
              "With SACK, RACK and TLP no time-out is needed, not even for the last segment.",
              "有 SACK、RACK 和 TLP，连最后一个报文段也不需要等超时。");
    lab_claim(lab, modern.took * 3 < old.took * 2, "It takes less than two thirds of the time.",
              "所用的时间不到三分之二。");
}
