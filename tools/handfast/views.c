/* One trace stream, teed to a ladder, a capture and a plot. */
#include "views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void views_look(struct views *views, hf_trace_fn sink, void *context)
{
    views->tee.sink[views->tee.count] = sink;
    views->tee.context[views->tee.count] = context;
    views->tee.count++;
}

/* The terminal's width as the shell tells it; 0: the ladder's default. */
static uint16_t columns(void)
{
    const char *text = getenv("COLUMNS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;
    return n > 0 && n < 1000 ? (uint16_t)n : 0;
}

/* What a ladder in text and one as a picture have in common. */
static struct hf_ladder_config ladder_config(const struct views_config *config, FILE *to)
{
    return (struct hf_ladder_config){
        .size = sizeof(struct hf_ladder_config),
        .write = hf_write_file,
        .context = to,
        .both_ends = config->both_ends,
        .whole = config->whole,
        .absolute = config->absolute,
        .names = config->names,
        .name_count = config->name_count,
        .peer_name = config->peer_name,
    };
}

static bool open_ladder(struct views *views, const struct views_config *config)
{
    struct hf_ladder_config ladder = ladder_config(config, config->ladder_to);
    ladder.width = columns();
    ladder.colour = isatty(fileno(config->ladder_to)) && !getenv("NO_COLOR");
    ladder.live = config->live;
    views->ladder = hf_ladder_create(&ladder);
    if (views->ladder)
        views_look(views, hf_ladder_record, views->ladder);
    return views->ladder != NULL;
}

static bool open_capture(struct views *views, const struct views_config *config)
{
    struct hf_pcapng_config pcapng = {
        .size = sizeof pcapng,
        .write = hf_write_file,
        .context = views->file,
        .wall_ns = config->wall_ns,
        .both_ends = config->both_ends,
        .names = config->names,
        .name_count = config->name_count,
    };
    views->capture = hf_pcapng_create(&pcapng);
    if (views->capture)
        views_look(views, hf_pcapng_record, views->capture);
    return views->capture != NULL;
}

static bool open_plot(struct views *views, const struct views_config *config)
{
    struct hf_timeseq_config plot = {
        .size = sizeof plot,
        .write = hf_write_file,
        .context = views->plot_file,
        .names = config->names,
        .name_count = config->name_count,
        .peer_name = config->peer_name,
    };
    views->plot = hf_timeseq_create(&plot);
    if (views->plot)
        views_look(views, hf_timeseq_record, views->plot);
    return views->plot != NULL;
}

static bool open_picture(struct views *views, const struct views_config *config)
{
    struct hf_ladder_config ladder = ladder_config(config, views->svg_file);
    views->picture = hf_ladder_create(&ladder);
    if (views->picture)
        views_look(views, hf_ladder_record, views->picture);
    return views->picture != NULL;
}

static bool open_diagram(struct views *views, const struct views_config *config)
{
    struct hf_diagram_config diagram = {
        .size = sizeof diagram,
        .names = config->names,
        .name_count = config->name_count,
        .peer_name = config->peer_name,
    };
    views->diagram = hf_diagram_create(&diagram);
    if (views->diagram)
        views_look(views, hf_diagram_record, views->diagram);
    return views->diagram != NULL;
}

/* returns true, or false after an error was printed */
static bool create_file(FILE **file, const char *path, const struct command *command)
{
    *file = NULL;
    if (!path || (*file = fopen(path, "wb")))
        return true;
    (void)failure(command, "cannot write %s: %s", path, strerror(errno));
    return false;
}

int views_open(struct views *views, const struct command *command,
               const struct views_config *config)
{
    memset(views, 0, sizeof *views);
    views->path = config->pcap;
    views->plot_path = config->plot;
    views->svg_path = config->svg;
    views->diagram_path = config->diagram;
    views->look = config->look;
    views->look.size = sizeof views->look;
    views->look.write = hf_write_file;
    if (!create_file(&views->file, config->pcap, command) ||
        !create_file(&views->plot_file, config->plot, command) ||
        !create_file(&views->svg_file, config->svg, command) ||
        !create_file(&views->diagram_file, config->diagram, command))
        return EXIT_FAILED;
    if ((config->ladder_to && !open_ladder(views, config)) ||
        (views->file && !open_capture(views, config)) ||
        (views->plot_file && !open_plot(views, config)) ||
        (views->svg_file && !open_picture(views, config)) ||
        (views->diagram_file && !open_diagram(views, config)))
        return failure(command, "no memory");
    return -1;
}

hf_trace_fn views_sink(struct views *views, void **context)
{
    if (views->tee.count == 1) {
        *context = views->tee.context[0];
        return views->tee.sink[0];
    }
    *context = &views->tee;
    return views->tee.count > 0 ? hf_tee_record : NULL;
}

void views_draw(struct views *views)
{
    if (views->ladder && hf_ladder_print(views->ladder) < 0)
        (void)fprintf(stderr, "handfast: no memory for the whole ladder\n");
}

/* returns -1, or EXIT_FAILED after an error was printed */
static int close_file(FILE *file, const char *path, const struct command *command)
{
    bool bad = ferror(file) != 0;
    if (fclose(file) == 0 && !bad)
        return -1;
    return failure(command, "cannot write all of %s", path);
}

/* Draw it. returns as close_file */
static int close_plot(struct views *views, const struct command *command)
{
    int status = -1;
    int err = hf_timeseq_print(views->plot);
    if (err == HF_ERR_STATE)
        status = failure(command, "nothing was sent: %s is empty", views->plot_path);
    hf_timeseq_destroy(views->plot);
    int bad = close_file(views->plot_file, views->plot_path, command);
    return bad >= 0 ? bad : status;
}

/* What drawing a picture said, told to the user. */
static int picture_status(int err, const char *path, const struct command *command)
{
    if (err == HF_OK)
        return -1;
    if (err == HF_ERR_STATE)
        return failure(command, "there was no connection: %s is empty", path);
    return failure(command, "no memory: %s is not whole", path);
}

static int close_picture(struct views *views, const struct command *command)
{
    views->look.context = views->svg_file;
    int status =
        picture_status(hf_ladder_svg(views->picture, &views->look), views->svg_path, command);
    hf_ladder_destroy(views->picture);
    int bad = close_file(views->svg_file, views->svg_path, command);
    return bad >= 0 ? bad : status;
}

static int close_diagram(struct views *views, const struct command *command)
{
    views->look.context = views->diagram_file;
    int status = picture_status(hf_diagram_svg(views->diagram, &views->look),
                                views->diagram_path, command);
    hf_diagram_destroy(views->diagram);
    int bad = close_file(views->diagram_file, views->diagram_path, command);
    return bad >= 0 ? bad : status;
}

int views_close(struct views *views, const struct command *command)
{
    int status = -1;
    views_draw(views);
    hf_ladder_destroy(views->ladder);
    if (hf_pcapng_destroy(views->capture) < 0)
        status = failure(command, "no memory: segments are missing in %s", views->path);
    int bad = views->file ? close_file(views->file, views->path, command) : -1;
    if (bad >= 0)
        status = bad;
    bad = views->plot ? close_plot(views, command) : -1;
    if (bad >= 0)
        status = bad;
    bad = views->picture ? close_picture(views, command) : -1;
    if (bad >= 0)
        status = bad;
    bad = views->diagram ? close_diagram(views, command) : -1;
    return bad >= 0 ? bad : status;
}

int64_t wall_offset(hf_time now)
{
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)wall.tv_sec * HF_SEC + wall.tv_nsec - now;
}
