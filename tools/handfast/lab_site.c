/* Paths of the site:
 *
 *   /               the page
 *   /experiments    what there is, with knobs, in both languages
 *   /run?...        an experiment, played now: lab_query.h
 *   /states.svg     the figure of states, for the page to light
 *   /live           the connection that carries this very request
 *
 * An experiment is played while the connections wait; its knobs bound its work, and a deadline
 * ends it whatever they say. */
#include "lab_site.h"
#include "lab_json.h"
#include "lab_query.h"
#include "web_page.h"

#include <stdlib.h>
#include <string.h>

#define RUN_MAX_MS 2000u /* of the processor's time, for one experiment                       */

#define FIELDS                                                                                   \
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"                             \
    "Referrer-Policy: no-referrer\r\n"

struct lab_site lab_site = {.language = "", .seed = 1};

static const char json_fields[] = FIELDS "Content-Type: application/json\r\n";
static const char svg_fields[] = FIELDS "Content-Type: image/svg+xml\r\n";

/* What an answer is written into. */
struct answer {
    char *text;
    size_t size;
    FILE *file; /* NULL: no memory                                                           */
};

/* To be where it is until its end: the stream knows where. */
static FILE *answer_begin(struct answer *answer)
{
    answer->text = NULL;
    answer->size = 0;
    answer->file = open_memstream(&answer->text, &answer->size);
    return answer->file;
}

static void answer_end(struct answer *answer, struct http_session *session, int status,
                       const char *fields, bool head_only)
{
    bool bad = !answer->file || ferror(answer->file);
    if (answer->file && fclose(answer->file) != 0)
        bad = true;
    if (!bad) {
        http_answer_made(session, status, fields, answer->text, answer->size, head_only);
        return;
    }
    free(answer->text);
    http_answer_status(session, 503, "", head_only);
}

static void answer_error(struct http_session *session, int status, const char *error,
                         bool head_only)
{
    struct answer answer;
    if (answer_begin(&answer))
        lab_json_error(answer.file, error);
    answer_end(&answer, session, status, json_fields, head_only);
}

static void answer_run(struct http_session *session, const struct lab_query *query,
                       bool head_only)
{
    struct lab lab = {.language = query->language,
                      .seed = query->seed,
                      .knobs = query->knobs,
                      .picture = query->width,
                      .for_page = true,
                      .deadline_ns = lab_processor_ns() + RUN_MAX_MS * 1000000u};
    struct answer answer;
    if (!query->experiment) {
        answer_error(
            session, 400,
            SAY(query, "experiment: the name of one is wanted", "experiment：应给出实验的名称"),
            head_only);
        return;
    }
    lab_play(&lab, query->experiment);
    if (lab.late) {
        answer_error(session, 503,
                     SAY(query, "the experiment took 2 seconds of the processor and was ended",
                         "实验占用处理器超过 2 秒，已被中止"),
                     head_only);
    } else {
        if (answer_begin(&answer))
            lab_json_report(answer.file, &lab, query->experiment);
        answer_end(&answer, session, lab.no_memory ? 503 : 200, json_fields, head_only);
    }
    lab_forget(&lab);
}

static void answer_list(struct http_session *session, bool head_only)
{
    struct answer answer;
    if (answer_begin(&answer))
        lab_json_list(answer.file, lab_site.language, lab_site.seed);
    answer_end(&answer, session, 200, json_fields, head_only);
}

static void answer_states(struct http_session *session, const struct lab_query *query,
                          bool head_only)
{
    struct answer answer;
    FILE *file = answer_begin(&answer);
    struct hf_picture_config config = {.size = sizeof config,
                                       .write = hf_write_file,
                                       .context = file,
                                       .language = (uint8_t)query->language,
                                       .inline_part = 1};
    if (file)
        (void)hf_states_svg(&config);
    answer_end(&answer, session, 200, svg_fields, head_only);
}

static void answer_live(struct http_session *session, const struct lab_query *query,
                        const struct hf_endpoint *remote, bool head_only)
{
    struct answer answer;
    if (answer_begin(&answer) &&
        (!lab_site.live ||
         !lab_live_write(lab_site.live, remote, query->language, query->width, answer.file)))
        (void)fprintf(answer.file, "{\"live\":false,\"kernel\":%s}\n",
                      lab_site.live ? "false" : "true");
    answer_end(&answer, session, 200, json_fields, head_only);
}

/* Nothing but the page itself is let in: its script by the sum, styles as pictures carry their own. */
static void answer_page(struct http_session *session, bool head_only)
{
    char fields[HTTP_FIELDS_MAX];
    (void)snprintf(fields, sizeof fields,
                   FIELDS "Content-Type: text/html; charset=utf-8\r\n"
                          "Content-Security-Policy: default-src 'none'; script-src '%s'; "
                          "style-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
                          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
                   web_page_script);
    http_answer_bytes(session, 200, fields, web_page, web_page_size, head_only);
}

void lab_site_answer(void *remote, struct http_session *session, const struct http_asked *asked)
{
    char path[64];
    struct lab_query query;
    bool head_only = asked->head_only;
    int status = http_path(asked->request.target, path, sizeof path);
    if (status != 200) {
        http_answer_status(session, status == 400 ? 400 : 404, "", head_only);
        return;
    }
    if (strcmp(path, ".") == 0) {
        answer_page(session, head_only);
        return;
    }
    bool run = strcmp(path, "run") == 0, live = strcmp(path, "live") == 0;
    bool list = strcmp(path, "experiments") == 0, states = strcmp(path, "states.svg") == 0;
    if (!run && !live && !list && !states) {
        http_answer_status(session, 404, "", head_only);
        return;
    }
    status = lab_query_read(&query, asked->request.target);
    if (status != 200)
        answer_error(session, status, query.error, head_only);
    else if (run)
        answer_run(session, &query, head_only);
    else if (live)
        answer_live(session, &query, remote, head_only);
    else if (states)
        answer_states(session, &query, head_only);
    else
        answer_list(session, head_only);
}
