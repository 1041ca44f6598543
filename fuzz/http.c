/* HTTP as strangers speak it to the command, and the lab's queries. The first byte of an input chooses,
 * the second is the size of the pieces:
 *
 *     0 requests to a server    1 a query of the lab's page    2 a response to a client */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "http_session.h"
#include "lab_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- A query ---- */

static void fuzz_query(const char *text, size_t len)
{
    struct lab_query query, again;
    int status = lab_query_read(&query, (struct http_text){text, len});
    CHECK(status == 200 || status == 400 || status == 414);
    CHECK(strlen(query.error) < sizeof query.error);
    CHECK((status == 200) == (query.error[0] == 0));
    if (status != 200 || !query.experiment)
        return;
    again = query;
    for (const struct knob_preset *p = query.experiment->knobs; p->knob != KNOB_NONE; p++) {
        const struct knob_about *about = &knob_about[p->knob];
        uint64_t value = query.knobs.value[p->knob];
        char written[KNOB_TEXT], error[KNOB_ERROR];
        CHECK(about->kind != KNOB_NUMBER || (value >= about->min && value <= about->max));
        CHECK(about->kind != KNOB_CHOICE || value < KNOB_CHOICES);
        CHECK(knobs_set(&again.knobs, query.experiment->knobs, about->name, strlen(about->name),
                        written, strlen(knob_text(p->knob, value, written)), HF_ENGLISH, error));
    }
    CHECK(memcmp(&again.knobs, &query.knobs, sizeof query.knobs) == 0);
}

/* ---- Requests ---- */

struct line {
    const uint8_t *in;
    size_t len, piece;
};

static int64_t receive(void *context, void *bytes, size_t room)
{
    struct line *line = context;
    size_t n = line->piece < line->len ? line->piece : line->len;
    if (n > room)
        n = room;
    if (n == 0)
        return HTTP_LINE_ENDED;
    memcpy(bytes, line->in, n);
    line->in += n;
    line->len -= n;
    return (int64_t)n;
}

static int64_t send_bytes(void *context, const void *bytes, size_t len, bool more)
{
    struct line *line = context;
    (void)bytes;
    (void)more;
    return (int64_t)(len < line->piece ? len : line->piece);
}

static void answer(void *site, struct http_session *session, const struct http_asked *asked)
{
    char path[256];
    struct http_text range;
    uint64_t first, last;
    (void)site;
    fuzz_query(asked->request.target.at, asked->request.target.len);
    int status = http_path(asked->request.target, path, sizeof path);
    CHECK(status == 200 || status == 400 || status == 403 || status == 414);
    if (status == 200)
        CHECK(path[0] != '/' && strcmp(path, "..") != 0 && !strstr(path, "/../"));
    if (http_field(asked->head, asked->len, "Range", &range) &&
        http_range(range, 1000, &first, &last) == 206)
        CHECK(first <= last && last < 1000);
    http_answer_bytes(session, status, "", path, status == 200 ? 1 : 0, asked->head_only);
}

static void fuzz_requests(const uint8_t *data, size_t size, size_t piece)
{
    static const struct http_line carrier = {receive, send_bytes, NULL};
    struct line line = {data, size, piece};
    struct http_session *session = http_session_begin(answer, NULL, 1 + (unsigned)piece % 3);
    if (!session)
        return;
    enum http_turn turn;
    do
        turn = http_session_turn(session, &carrier, &line);
    while (turn == HTTP_AGAIN);
    CHECK(turn == HTTP_OVER);
    http_session_end(session);
}

/* ---- A response ---- */

static void fuzz_response(const char *text, size_t len, size_t piece)
{
    struct http_text reason;
    struct http_body body;
    size_t head = http_head_end(text, len);
    int status = head ? http_status_line(text, head, &reason) : 0;
    CHECK(status == 0 || (status >= 100 && status <= 999));
    if (status == 0 || !http_body_begin(&body, text, head, status, false))
        return;
    for (size_t at = head; at < len && !body.done && !body.bad;) {
        size_t run, n = piece < len - at ? piece : len - at;
        size_t used = http_body_take(&body, text + at, n, &run);
        CHECK(used + run <= n);
        at += used + run;
        http_body_took(&body, run);
        if (used + run == 0)
            break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = 1 + data[1] % 64;
    switch (data[0] % 3) {
    case 0:
        fuzz_requests(data + 2, size - 2, piece);
        break;
    case 1:
        fuzz_query((const char *)data + 2, size - 2);
        break;
    default:
        fuzz_response((const char *)data + 2, size - 2, piece);
    }
    return 0;
}
