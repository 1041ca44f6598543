/* A connection of a capture as a picture. Its segments are kept, then told to a ladder as two stacks
 * would have told them: departures and arrivals at the times that they must have had at both ends,
 * reckoned from the capture's place by the three segments of the open; what was sent again for good
 * reason did not arrive. A ladder is for people: what is beyond SEGMENTS_MAX is left out and counted. */
#include "capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 500

struct moment {
    hf_time time;
    uint32_t segment; /* its place in the list                                                */
    bool arrival;
};

struct picture {
    struct hf_explained_segment *list;
    bool *lost;
    size_t count, room;
    uint64_t left_out;
    hf_time way[2]; /* from the capture to each end                                           */
    uint8_t state[2];
    size_t newest[2]; /* the last segment whose state an end has taken, plus one              */
    struct hf_tee views;
};

struct picture *picture_open(void)
{
    return calloc(1, sizeof(struct picture));
}

void picture_close(struct picture *picture)
{
    if (!picture)
        return;
    free(picture->list);
    free(picture->lost);
    free(picture);
}

static bool shows(const struct hf_explained_segment *s, int kind)
{
    return s->events >> kind & 1;
}

/* The first sending of what this one sends again did not arrive. */
static void mark_lost(struct picture *picture, const struct hf_explained_segment *s)
{
    bool again = shows(s, HF_EXPLAIN_RTO) || shows(s, HF_EXPLAIN_FAST) ||
                 shows(s, HF_EXPLAIN_TLP) || shows(s, HF_EXPLAIN_RESENT);
    if (!again || shows(s, HF_EXPLAIN_SPURIOUS))
        return;
    for (size_t i = picture->count; i-- > 0;) {
        const struct hf_explained_segment *before = &picture->list[i];
        if (before->from == s->from && before->seq == s->seq &&
            (before->text > 0) == (s->text > 0) && !(before->flags & HF_RST)) {
            picture->lost[i] = true;
            return;
        }
    }
}

void picture_segment(struct picture *picture, const struct hf_explained *connection,
                     const struct hf_explained_segment *s)
{
    (void)connection;
    if (picture->count == SEGMENTS_MAX) {
        picture->left_out++;
        return;
    }
    if (picture->count == picture->room) {
        size_t room = picture->room ? picture->room * 2 : 32;
        void *list = realloc(picture->list, room * sizeof *picture->list);
        if (list)
            picture->list = list;
        void *lost = realloc(picture->lost, room * sizeof *picture->lost);
        if (lost)
            picture->lost = lost;
        if (!list || !lost) {
            picture->left_out++;
            return;
        }
        picture->room = room;
    }
    mark_lost(picture, s);
    picture->lost[picture->count] = false;
    picture->list[picture->count++] = *s;
}

/* ---- Times at both ends ---- */

/* The way to an end and back is the shortest time in which it acknowledged anything: what took
 * longer had waited for an application, a timer or a processor. */
static void reckon_ways(struct picture *picture)
{
    const struct hf_explained_segment *list = picture->list;
    for (int e = 0; e < 2; e++) {
        hf_time least = HF_NEVER;
        for (size_t i = 0; i < picture->count; i++) {
            uint32_t len = list[i].text + ((list[i].flags & (HF_SYN | HF_FIN)) != 0);
            size_t k = i + 1;
            while (k < picture->count && list[i].from != e && len > 0 &&
                   (list[k].from != e || !(list[k].flags & HF_ACK) ||
                    (int32_t)(list[k].ack - list[i].seq - len) < 0))
                k++;
            if (list[i].from != e && len > 0 && k < picture->count &&
                list[k].time - list[i].time < least)
                least = list[k].time - list[i].time;
        }
        picture->way[e] = least == HF_NEVER ? 0 : least / 2;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return x->arrival - y->arrival;
}

static struct moment *moments_of(const struct picture *picture, size_t *count)
{
    struct moment *list = malloc((picture->count * 2 + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; list && i < picture->count; i++) {
        const struct hf_explained_segment *s = &picture->list[i];
        hf_time left = s->time - picture->way[s->from];
        list[(*count)++] = (struct moment){left, (uint32_t)i, false};
        if (!picture->lost[i])
            list[(*count)++] =
                (struct moment){s->time + picture->way[1 - s->from], (uint32_t)i, true};
    }
    if (list)
        qsort(list, *count, sizeof *list, by_time);
    return list;
}

/* ---- Records, as stacks would make them ---- */

static void tell(struct picture *picture, int end, hf_time time, struct hf_trace_record *record)
{
    record->time = time;
    record->stack = (uint16_t)(end + 1);
    record->conn = 1;
    record->state = picture->state[end];
    hf_tee_record(&picture->views, record, NULL);
}

static void tell_open(struct picture *picture, const struct hf_explained *c, int end,
                      hf_time time)
{
    struct hf_trace_record r = {.kind = HF_TRACE_OPEN};
    const struct hf_endpoint *local = &c->end[end].endpoint, *remote = &c->end[1 - end].endpoint;
    memcpy(r.u.open.local, local->addr.bytes, 16);
    memcpy(r.u.open.remote, remote->addr.bytes, 16);
    r.u.open.local_port = local->port;
    r.u.open.remote_port = remote->port;
    r.u.open.family = local->addr.family;
    r.u.open.active = end == 0;
    tell(picture, end, time, &r);
}

/* An end is where this segment says that it is, unless a later one was heard of before. */
static void tell_state(struct picture *picture, int end, const struct moment *moment)
{
    const struct hf_explained_segment *s = &picture->list[moment->segment];
    bool listens = picture->state[end] == HF_LISTEN && s->state[end] == HF_CLOSED;
    if (moment->segment + 1 < picture->newest[end] || picture->state[end] == s->state[end] ||
        (listens && !(s->flags & HF_RST)))
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_STATE};
    bool call = !moment->arrival &&
                (s->flags == HF_SYN || ((s->flags & HF_FIN) != 0 && (s->flags & HF_SYN) == 0));
    r.u.state.from = picture->state[end];
    r.u.state.to = s->state[end];
    r.u.state.by = call ? HF_BY_CALL : HF_BY_SEGMENT;
    r.u.state.detail = (uint8_t)(!call               ? s->flags & 0xff
                                 : s->flags & HF_SYN ? HF_CALL_OPEN
                                                     : HF_CALL_CLOSE);
    picture->newest[end] = moment->segment + 1;
    picture->state[end] = s->state[end];
    tell(picture, end, moment->time, &r);
}

static uint8_t reason_of(const struct hf_explained_segment *s)
{
    static const uint8_t reasons[][2] = {{HF_EXPLAIN_RTO, HF_SEND_RTO},
                                         {HF_EXPLAIN_FAST, HF_SEND_FAST},
                                         {HF_EXPLAIN_TLP, HF_SEND_TLP},
                                         {HF_EXPLAIN_RESENT, HF_SEND_LOST},
                                         {HF_EXPLAIN_WINDOW_PROBE, HF_SEND_PROBE},
                                         {HF_EXPLAIN_KEEP_ALIVE, HF_SEND_KEEPALIVE},
                                         {HF_EXPLAIN_RESET, HF_SEND_RESET}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (shows(s, reasons[i][0]))
            return reasons[i][1];
    return HF_SEND_NEW;
}

static void tell_segment(struct picture *picture, const struct moment *moment)
{
    const struct hf_explained_segment *s = &picture->list[moment->segment];
    int end = moment->arrival ? 1 - s->from : s->from;
    struct hf_trace_record r = {.kind = moment->arrival ? HF_TRACE_IN : HF_TRACE_OUT};
    r.u.segment.seq = s->seq;
    r.u.segment.ack = s->ack;
    r.u.segment.text = s->text;
    r.u.segment.window = s->window;
    r.u.segment.flags = s->flags;
    r.u.segment.wscale = 0xff;
    r.u.segment.segments = 1;
    r.u.segment.sacks = s->sacks;
    r.u.segment.sack[0] = s->sack[0];
    r.u.segment.sack[1] = s->sack[1];
    if (!moment->arrival)
        r.u.segment.reason = reason_of(s);
    if (!moment->arrival)
        tell_state(picture, end, moment);
    tell(picture, end, moment->time, &r);
    if (moment->arrival)
        tell_state(picture, end, moment);
}

static bool tell_all(struct picture *picture, const struct hf_explained *c)
{
    size_t count;
    reckon_ways(picture);
    struct moment *list = moments_of(picture, &count);
    if (!list)
        return false;
    for (int e = 0; e < 2; e++) {
        bool opens = picture->count > 0 && picture->list[0].flags & HF_SYN;
        picture->state[e] = opens ? (e == 0 ? HF_CLOSED : HF_LISTEN) : HF_ESTABLISHED;
        picture->newest[e] = 0;
        if (count > 0)
            tell_open(picture, c, e, list[0].time);
    }
    for (size_t i = 0; i < count; i++)
        tell_segment(picture, &list[i]);
    free(list);
    return true;
}

/* ---- Files ---- */

static void escape(FILE *to, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                                            : NULL;
        if (entity)
            (void)fputs(entity, to);
        else
            (void)fputc(*text, to);
    }
}

/* What explain_print says, escaped. */
static void put_words(FILE *to, const struct capture *capture, const struct hf_explained *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (!memory)
        return;
    explain_print(memory, capture, c);
    (void)fclose(memory);
    escape(to, text);
    free(text);
}

static void put_page(FILE *to, struct hf_ladder *ladder, const struct picture *picture,
                     const struct capture *capture, const struct hf_explained *c)
{
    char sentence[HF_EXPLAIN_SENTENCE];
    bool chinese = explain_language() == HF_CHINESE;
    struct hf_picture_config config = {.size = sizeof config,
                                       .write = hf_write_file,
                                       .context = to,
                                       .inline_part = 1,
                                       .language = (uint8_t)explain_language()};
    (void)fprintf(to,
                  "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>%s</title>\n",
                  chinese ? "zh-CN" : "en",
                  chinese ? "一条 TCP 连接的说明" : "A TCP connection, explained");
    (void)fputs(
        "<style>\n"
        ":root { color-scheme: light dark }\n"
        "body { max-width: 62em; margin: 1.5em auto; padding: 0 1em;"
        " font: 16px/1.5 system-ui, sans-serif }\n"
        "pre { overflow-x: auto; font-size: 13px } svg, img { max-width: 100%; height: auto }\n"
        "</style></head><body>\n",
        to);
    (void)fprintf(
        to, chinese ? "<h1>连接 %" PRIu32 "</h1>\n<p>" : "<h1>Connection %" PRIu32 "</h1>\n<p>",
        c->number);
    escape(to, hf_explain_sentence_words(c, explain_language(), sentence));
    (void)fputs("</p>\n", to);
    (void)hf_ladder_svg(ladder, &config);
    if (picture->left_out)
        (void)fprintf(to,
                      chinese ? "\n<p>其后的 %" PRIu64 " 个报文段没有画出。</p>"
                              : "\n<p>%" PRIu64 " later segments are not drawn.</p>",
                      picture->left_out);
    (void)fputs("\n<pre>", to);
    put_words(to, capture, c);
    (void)fputs("</pre>\n</body></html>\n", to);
}

/* returns -1, or EXIT_FAILED after an error was printed */
static int write_file(const char *name, bool page, struct hf_ladder *ladder,
                      const struct picture *picture, const struct command *command,
                      const struct capture *capture, const struct hf_explained *c)
{
    FILE *file = fopen(name, "wb");
    if (!file)
        return failure(command, "cannot write %s: %s", name, strerror(errno));
    struct hf_picture_config config = {.size = sizeof config,
                                       .write = hf_write_file,
                                       .context = file,
                                       .language = (uint8_t)explain_language()};
    if (page)
        put_page(file, ladder, picture, capture, c);
    else
        (void)hf_ladder_svg(ladder, &config);
    bool bad = ferror(file) != 0;
    if (fclose(file) != 0 || bad)
        return failure(command, "cannot write all of %s", name);
    return -1;
}

int picture_write(struct picture *picture, const struct command *command, const char *svg,
                  const char *html, const struct capture *capture, const struct hf_explained *c)
{
    char ends[2][HF_ENDPOINT_TEXT];
    struct hf_view_name names[2];
    for (int e = 0; e < 2; e++)
        names[e] = (struct hf_view_name){(uint16_t)(e + 1),
                                         hf_endpoint_format(&c->end[e].endpoint, ends[e])};
    struct hf_ladder_config config = {.size = sizeof config,
                                      .write = hf_write_file,
                                      .context = stdout,
                                      .both_ends = 1,
                                      .language = (uint8_t)explain_language(),
                                      .names = names,
                                      .name_count = 2};
    struct hf_ladder *ladder = hf_ladder_create(&config);
    if (!ladder)
        return failure(command, "no memory");
    picture->views.count = 1;
    picture->views.sink[0] = hf_ladder_record;
    picture->views.context[0] = ladder;
    int status = tell_all(picture, c) ? -1 : failure(command, "no memory");
    if (status < 0 && svg)
        status = write_file(svg, false, ladder, picture, command, capture, c);
    if (status < 0 && html)
        status = write_file(html, true, ladder, picture, command, capture, c);
    hf_ladder_destroy(ladder);
    return status;
}
