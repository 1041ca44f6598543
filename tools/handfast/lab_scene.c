/* Scenes: two hosts and a link in virtual time, driven by an experiment call by call, with the
 * views and the notes that figures and claims are made of. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEPS_A_LOOK 64 /* of the simulation, between two looks at the clock                    */

void scene_config_init(struct scene_config *config, const struct lab *lab, const char *english,
                       const char *chinese)
{
    memset(config, 0, sizeof *config);
    config->title = (struct said){english, chinese};
    config->delay = lab_time(lab, KNOB_DELAY);
    config->rate = 100000000;
    config->loss = (uint32_t)lab_knob(lab, KNOB_LOSS) * 10000;
    config->lose = lab_knob(lab, KNOB_LOSE);
    config->settings[CLIENT] = config->settings[SERVER] = *hf_settings_default();
    config->checks = HF_SIM_CHECK_ALL;
    config->backlog = SCENE_BACKLOG;
    config->watched = -1;
}

void scene_set_msl(struct scene_config *config, int end, uint64_t seconds)
{
    config->settings[end].msl = (hf_time)seconds * HF_SEC;
    config->unsafe[end].msl_zero = seconds == 0;
    if (seconds == 0)
        config->settings[end].msl = HF_MS; /* of no effect: none below is a setting */
}

/* ---- Notes ---- */

static int end_of(const struct scene *scene, const struct hf_trace_record *record)
{
    for (int e = 0; e < 2; e++)
        if (scene->end[e].host == record->stack)
            return e;
    return -1;
}

static void note_state(struct scene_end *end, const struct hf_trace_record *record)
{
    if (end->state_count == 0) {
        end->states[0] = record->u.state.from;
        end->state_at[end->state_count++] = record->time;
    }
    if (end->state_count < SCENE_STATES) {
        end->states[end->state_count] = record->u.state.to;
        end->state_at[end->state_count++] = record->time;
    }
}

static void note_sent(struct scene *scene, int e, const struct hf_trace_record *record)
{
    if (scene->sent_count < SCENE_SEGMENTS)
        scene->sent[scene->sent_count] = (struct sent_segment){
            .time = record->time - scene->start,
            .from = e,
            .seq = record->u.segment.seq,
            .ack = record->u.segment.ack,
            .text = record->u.segment.text,
            .window = record->u.segment.window,
            .flags = record->u.segment.flags,
            .reason = record->u.segment.reason,
        };
    scene->sent_count++;
}

static void note(struct scene *scene, const struct hf_trace_record *record)
{
    int e = end_of(scene, record);
    if (e < 0)
        return;
    struct scene_end *end = &scene->end[e];
    switch (record->kind) {
    case HF_TRACE_STATE:
        note_state(end, record);
        break;
    case HF_TRACE_OUT:
        note_sent(scene, e, record);
        break;
    case HF_TRACE_END:
        end->ended = true;
        end->cause = record->u.end.cause;
        break;
    case HF_TRACE_TIMER:
        end->timeouts += record->u.timer.timer == HF_TIMER_RTO;
        break;
    default:
        break;
    }
}

void scene_record(void *context, const struct hf_trace_record *record,
                  const struct hf_packet *packet)
{
    struct scene *scene = context;
    if (scene->over)
        return;
    note(scene, record);
    bool told =
        scene->config.watched < 0 || record->stack == scene->end[scene->config.watched].host;
    if (told && !scene->muted)
        hf_tee_record(&scene->tee, record, packet);
}

/* ---- The application ---- */

static void read_some(struct scene *scene, int e)
{
    struct scene_end *end = &scene->end[e];
    uint8_t piece[4096];
    while (!end->eof && end->conn != 0) {
        int64_t n = hf_tcp_recv(scene_stack(scene, e), end->conn, piece, sizeof piece);
        if (n == HF_EOF)
            end->eof = true;
        if (n <= 0)
            break;
        for (int64_t i = 0; i < n; i++, end->in_len++)
            if (end->in_len < SCENE_BYTES)
                end->in[end->in_len] = piece[i];
        end->in_at = scene_now(scene);
    }
    if (end->eof && end->close_at_eof) {
        end->close_at_eof = false;
        scene_shutdown(scene, e);
    }
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct scene *scene = context;
    int e = host == scene->end[SERVER].host;
    struct scene_end *end = &scene->end[e];
    (void)sim;
    end->bits |= event->bits;
    if ((event->bits & HF_EVENT_ACCEPT) && end->conn == 0)
        (void)hf_tcp_accept(scene_stack(scene, e), end->listener, 0, &end->conn);
    if (!end->idle)
        read_some(scene, e);
}

void scene_read(struct scene *scene, int end)
{
    scene->end[end].idle = false;
    read_some(scene, end);
}

/* ---- Making it ---- */

static bool open_views(struct scene *scene, const struct hf_view_name *names)
{
    struct lab *lab = scene->lab;
    bool both = scene->config.watched < 0;
    scene->text_file = open_memstream(&scene->text, &scene->text_size);
    if (!scene->text_file)
        return false;
    struct hf_ladder_config ladder = {
        .size = sizeof ladder,
        .write = hf_write_file,
        .context = scene->text_file,
        .width = lab->width,
        .colour = lab->colour,
        .both_ends = both,
        .whole = lab->for_page,
        .language = (uint8_t)lab->language,
        .names = names,
        .name_count = 2,
        .peer_name = scene->config.peer.en
                         ? SAY(lab, scene->config.peer.en, scene->config.peer.zh)
                         : names[scene->config.watched == SERVER ? CLIENT : SERVER].name,
    };
    struct hf_diagram_config diagram = {
        .size = sizeof diagram,
        .names = names,
        .name_count = 2,
        .peer_name = ladder.peer_name,
    };
    scene->ladder = hf_ladder_create(&ladder);
    scene->diagram = hf_diagram_create(&diagram);
    if (!scene->ladder || !scene->diagram)
        return false;
    scene->tee = (struct hf_tee){
        .count = 2,
        .sink = {hf_ladder_record, hf_diagram_record},
        .context = {scene->ladder, scene->diagram},
    };
    if (lab->capture) {
        scene->tee.sink[2] = hf_pcapng_record;
        scene->tee.context[2] = lab->capture;
        scene->tee.count = 3;
    }
    return true;
}

static bool is_unsafe(const struct hf_unsafe *unsafe)
{
    return unsafe->fixed_iss || unsafe->msl_zero || unsafe->fixed_port || unsafe->zero_ts_offset;
}

static bool add_host(struct scene *scene, int e)
{
    struct hf_sim_host_config host;
    hf_sim_host_config_init(&host);
    host.stack.settings = scene->config.settings[e];
    scene->config.unsafe[e].size = sizeof scene->config.unsafe[e];
    if (is_unsafe(&scene->config.unsafe[e]))
        host.stack.unsafe = &scene->config.unsafe[e];
    host.stack.trace = scene_record;
    host.stack.trace_context = scene;
    host.app = (struct hf_sim_app){.on_event = on_event, .context = scene};
    scene->end[e].host = e + 1; /* before its first record */
    int number = scene->config.naive ? hf_sim_add_peer(scene->sim, &host.app)
                                     : hf_sim_add_host(scene->sim, &host);
    return number == scene->end[e].host;
}

static bool add_link(struct scene *scene)
{
    struct hf_sim_path path;
    hf_sim_path_init(&path);
    path.delay = scene->config.delay;
    path.rate = scene->config.rate;
    path.loss = scene->config.loss;
    scene->link = hf_sim_add_link(scene->sim, scene->end[CLIENT].host, scene->end[SERVER].host,
                                  1500, &path);
    return scene->link > 0;
}

/* Loses what the knob says, then asks the experiment. */
static enum hf_sim_verdict filter(void *context, struct hf_sim *sim, struct hf_sim_packet *packet)
{
    struct scene *scene = context;
    unsigned n = scene->left++;
    if (n < KNOB_SEGMENT_MAX && (scene->config.lose >> n & 1) != 0)
        return HF_SIM_DROP;
    return scene->filter ? scene->filter(scene->filter_context, sim, packet) : HF_SIM_PASS;
}

void scene_filter(struct scene *scene, hf_sim_filter_fn own, void *context)
{
    scene->filter = own;
    scene->filter_context = context;
}

static void end_views(struct scene *scene)
{
    scene->over = true;
    hf_sim_destroy(scene->sim);
    hf_ladder_destroy(scene->ladder);
    hf_diagram_destroy(scene->diagram);
    if (scene->text_file)
        (void)fclose(scene->text_file);
    free(scene->text);
    scene->text = NULL;
}

bool scene_begin(struct scene *scene, struct lab *lab, const struct scene_config *config)
{
    static const struct hf_view_name names[2][2] = {{{1, "client"}, {2, "server"}},
                                                    {{1, "客户端"}, {2, "服务器"}}};
    memset(scene, 0, sizeof *scene);
    scene->lab = lab;
    scene->config = *config;
    scene->start = lab->clock;
    struct hf_sim_config sim;
    hf_sim_config_init(&sim);
    sim.seed = lab->seed;
    sim.checks = config->checks;
    sim.start = lab->clock;
    scene->sim = hf_sim_create(&sim);
    if (scene->sim && open_views(scene, names[lab->language]) && add_host(scene, CLIENT) &&
        add_host(scene, SERVER) && add_link(scene)) {
        hf_sim_set_filter(scene->sim, filter, scene);
        return true;
    }
    end_views(scene);
    lab->failed = lab->no_memory = true;
    return false;
}

/* ---- Calls ---- */

struct hf_stack *scene_stack(struct scene *scene, int end)
{
    return hf_sim_stack(scene->sim, scene->end[end].host);
}

void scene_listen(struct scene *scene)
{
    struct hf_listen listen = {
        .size = sizeof listen, .local.port = SCENE_PORT, .backlog = scene->config.backlog};
    (void)hf_tcp_listen(scene_stack(scene, SERVER), &listen, &scene->end[SERVER].listener);
}

int scene_open(struct scene *scene, int end, uint16_t port, uint16_t remote_port)
{
    struct hf_open open = {.size = sizeof open, .local.port = port, .remote.port = remote_port};
    (void)hf_sim_address(scene->sim, scene->link, scene->end[1 - end].host, HF_IPV4,
                         &open.remote.addr);
    return hf_tcp_open(scene_stack(scene, end), &open, &scene->end[end].conn);
}

uint64_t lab_processor_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* After each step: whether to stop. */
static int stops(void *context, struct hf_sim *sim)
{
    struct scene *scene = context;
    struct lab *lab = scene->lab;
    (void)sim;
    if (lab->deadline_ns > 0 && ++scene->steps % STEPS_A_LOOK == 0)
        lab->late = lab->late || lab_processor_ns() > lab->deadline_ns;
    return lab->late || (scene->done && scene->done(scene));
}

bool scene_until(struct scene *scene, bool (*done)(struct scene *scene), hf_time most)
{
    if (scene->lab->late)
        return false;
    scene->done = done;
    (void)hf_sim_run(scene->sim, hf_sim_now(scene->sim) + most, stops, scene);
    scene->done = NULL;
    return done && done(scene);
}

void scene_wait(struct scene *scene, hf_time time)
{
    (void)scene_until(scene, NULL, time);
}

bool scene_both_open(struct scene *scene)
{
    return scene_state(scene, CLIENT) == HF_ESTABLISHED &&
           scene_state(scene, SERVER) == HF_ESTABLISHED;
}

bool scene_both_closed(struct scene *scene)
{
    for (int e = 0; e < 2; e++)
        if (scene->end[e].state_count < 3 || scene_state(scene, e) != HF_CLOSED)
            return false;
    return true;
}

void scene_connect(struct scene *scene)
{
    scene_listen(scene);
    (void)scene_open(scene, CLIENT, 0, SCENE_PORT);
    scene_wait(scene, 3 * scene->config.delay + 2 * HF_MS);
    if (scene_both_open(scene) || !scene_until(scene, scene_both_open, 60 * HF_SEC))
        return;
    scene_wait(scene, 2 * HF_MS);
}

void scene_send(struct scene *scene, int end, const void *bytes, size_t len)
{
    (void)hf_tcp_send(scene_stack(scene, end), scene->end[end].conn, bytes, len, 0);
}

void scene_shutdown(struct scene *scene, int end)
{
    (void)hf_tcp_shutdown(scene_stack(scene, end), scene->end[end].conn);
}

/* ---- Questions ---- */

hf_time scene_now(const struct scene *scene)
{
    return hf_sim_now(scene->sim) - scene->start;
}

int scene_state(const struct scene *scene, int end)
{
    const struct scene_end *e = &scene->end[end];
    return e->state_count == 0 ? HF_CLOSED : e->states[e->state_count - 1];
}

bool scene_went(const struct scene *scene, int end, const uint8_t *states, unsigned count)
{
    const struct scene_end *e = &scene->end[end];
    return e->state_count == count && memcmp(e->states, states, count) == 0;
}

hf_time scene_time_in(const struct scene *scene, int end, int state)
{
    const struct scene_end *e = &scene->end[end];
    for (unsigned i = 0; i < e->state_count; i++) {
        if (e->states[i] != state)
            continue;
        hf_time until = i + 1 < e->state_count ? e->state_at[i + 1] : hf_sim_now(scene->sim);
        return until - e->state_at[i];
    }
    return 0;
}

hf_time scene_entered(const struct scene *scene, int end, int state)
{
    const struct scene_end *e = &scene->end[end];
    for (unsigned i = 1; i < e->state_count; i++)
        if (e->states[i] == state)
            return e->state_at[i] - scene->start;
    return HF_NEVER;
}

uint16_t scene_flags(const struct scene *scene, size_t n)
{
    return n < scene->sent_count && n < SCENE_SEGMENTS ? scene->sent[n].flags : 0;
}

void scene_address(const struct scene *scene, int end, uint8_t *bytes)
{
    struct hf_addr addr = {0};
    (void)hf_sim_address(scene->sim, scene->link, scene->end[end].host, HF_IPV4, &addr);
    memcpy(bytes, addr.bytes, 4);
}

/* ---- Into the report ---- */

static const struct said end_names[2] = {{"client", "客户端"}, {"server", "服务器"}};

void scene_end(struct scene *scene)
{
    struct lab *lab = scene->lab;
    const char *fault = hf_sim_failure(scene->sim);
    struct part *part = lab_part(lab, PART_SCENE);
    if (part) {
        part->name = strdup(SAY(lab, scene->config.title.en, scene->config.title.zh));
        struct hf_picture_config picture = {
            .width = lab->picture,
            .language = (uint8_t)lab->language,
            .title = lab->for_page ? NULL : part->name,
        };
        part->svg = lab_picture(scene->ladder, NULL, picture);
        picture.title = NULL;
        if (!scene->config.plain && !lab->for_page)
            part->diagram = lab_picture(NULL, scene->diagram, picture);
        const struct said *first = &end_names[CLIENT];
        if (scene->config.watched == SERVER && scene->config.peer.en)
            first = &scene->config.peer;
        part->ends[0] = SAY(lab, first->en, first->zh);
        part->ends[1] = SAY(lab, end_names[SERVER].en, end_names[SERVER].zh);
        part->steps = lab->for_page ? lab_steps(lab, scene->ladder) : NULL;
        (void)hf_ladder_print(scene->ladder);
        (void)fflush(scene->text_file);
        part->text = scene->text ? strdup(scene->text) : NULL;
        lab->no_memory =
            lab->no_memory || !part->name || !part->text || (lab->for_page && !part->steps);
    }
    if (fault) {
        lab->failed = lab->fault = true;
        lab_show(lab, fault);
    }
    lab->clock = hf_sim_now(scene->sim) + HF_SEC;
    end_views(scene);
}
