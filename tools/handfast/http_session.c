/* See http_session.h. */
#include "http_session.h"

#include <handfast/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct http_session {
    http_site_fn site;
    void *site_context;
    unsigned at_once;
    char head[HTTP_HEAD_MAX]; /* of the request being read                                   */
    size_t head_len;
    char answer[1024]; /* head of the response, or all of a short one                        */
    size_t answer_len, answer_sent;
    int file; /* -1: none                                                                    */
    const char *bytes;
    char *made; /* the same, when they are ours                                              */
    uint64_t at, left; /* of the file or the bytes                                           */
    uint64_t progress;
    bool answering, last; /* last: our side closes behind this answer                        */
};

struct http_session *http_session_begin(http_site_fn answer, void *site, unsigned at_once)
{
    struct http_session *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->site = answer;
    h->site_context = site;
    h->at_once = at_once;
    h->file = -1;
    return h;
}

/* What was sent is not needed any more. */
static void drop_content(struct http_session *h)
{
    if (h->file >= 0)
        (void)close(h->file);
    free(h->made);
    h->file = -1;
    h->bytes = h->made = NULL;
    h->left = 0;
}

void http_session_end(struct http_session *session)
{
    if (!session)
        return;
    drop_content(session);
    free(session);
}

uint64_t http_session_progress(const struct http_session *session)
{
    return session->progress;
}

/* ---- Answers ---- */

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 206:
        return "Partial Content";
    case 301:
        return "Moved Permanently";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 414:
        return "URI Too Long";
    case 416:
        return "Range Not Satisfiable";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

static void begin_answer(struct http_session *h, int status, const char *fields, uint64_t length)
{
    char date[40];
    time_t now = time(NULL);
    struct tm tm;
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    int n = snprintf(h->answer, sizeof h->answer,
                     "HTTP/1.1 %d %s\r\nServer: handfast/%s\r\nDate: %s\r\n%s"
                     "Content-Length: %llu\r\n%s\r\n",
                     status, status_text(status), hf_version(), date, fields,
                     (unsigned long long)length, h->last ? "Connection: close\r\n" : "");
    h->answer_len = (size_t)n < sizeof h->answer ? (size_t)n : sizeof h->answer - 1;
    h->answer_sent = 0;
    h->answering = true;
    h->progress++;
}

void http_answer_status(struct http_session *h, int status, const char *fields, bool head_only)
{
    char body[64];
    char all[512];
    int len = snprintf(body, sizeof body, "%d %s\n", status, status_text(status));
    (void)snprintf(all, sizeof all, "Content-Type: text/plain\r\n%s", fields);
    begin_answer(h, status, all, (uint64_t)len);
    size_t room = sizeof h->answer - h->answer_len;
    if (head_only || (size_t)len > room)
        return;
    memcpy(h->answer + h->answer_len, body, (size_t)len);
    h->answer_len += (size_t)len;
}

void http_answer_bytes(struct http_session *h, int status, const char *fields, const void *bytes,
                       size_t len, bool head_only)
{
    begin_answer(h, status, fields, len);
    h->bytes = bytes;
    h->at = 0;
    h->left = head_only ? 0 : len;
}

void http_answer_made(struct http_session *h, int status, const char *fields, char *bytes,
                      size_t len, bool head_only)
{
    http_answer_bytes(h, status, fields, bytes, len, head_only);
    h->made = bytes;
}

void http_answer_file(struct http_session *h, int status, const char *fields, int file,
                      uint64_t at, uint64_t count, bool head_only)
{
    begin_answer(h, status, fields, count);
    h->file = file;
    h->at = at;
    h->left = head_only ? 0 : count;
}

/* ---- Requests ---- */

/* Whether a request has a body, which GET and HEAD have no use for. */
static bool has_body(const char *head, size_t len)
{
    struct http_text value;
    uint64_t bytes;
    if (http_field(head, len, "Transfer-Encoding", &value))
        return true;
    if (!http_field(head, len, "Content-Length", &value))
        return false;
    return !http_number(value, &bytes) || bytes > 0;
}

static bool wants_close(const char *head, size_t len, int minor)
{
    struct http_text value = {"", 0};
    bool named = http_field(head, len, "Connection", &value);
    if (minor == 0)
        return !named || !http_text_has(value, "keep-alive");
    return named && http_text_has(value, "close");
}

/* Answer the request whose head is the first len bytes. */
static void answer(struct http_session *h, size_t len)
{
    struct http_asked asked = {.head = h->head, .len = len};
    struct http_text host;
    if (!http_request_line(h->head, len, &asked.request)) {
        h->last = true;
        http_answer_status(h, 400, "", false);
        return;
    }
    asked.head_only = http_text_is(asked.request.method, "HEAD");
    h->last = wants_close(h->head, len, asked.request.minor);
    if (!asked.head_only && !http_text_is(asked.request.method, "GET")) {
        h->last = true; /* a body that follows is not read as a request */
        http_answer_status(h, 405, "Allow: GET, HEAD\r\n", false);
        return;
    }
    if (has_body(h->head, len) ||
        (asked.request.minor > 0 && !http_field(h->head, len, "Host", &host))) {
        h->last = true;
        http_answer_status(h, 400, "", asked.head_only);
        return;
    }
    h->site(h->site_context, h, &asked);
}

enum reading { READ_NOTHING, READ_REQUEST, READ_END, READ_BROKEN };

/* Read towards a whole head, and answer it. */
static enum reading read_request(struct http_session *h, const struct http_line *line,
                                 void *context)
{
    for (;;) {
        size_t len = http_head_end(h->head, h->head_len);
        if (len > 0) {
            answer(h, len);
            h->head_len -= len;
            memmove(h->head, h->head + len, h->head_len);
            return READ_REQUEST;
        }
        if (h->head_len == sizeof h->head) {
            h->last = true;
            http_answer_status(h, 431, "", false);
            return READ_REQUEST;
        }
        int64_t n = line->receive(context, h->head + h->head_len, sizeof h->head - h->head_len);
        if (n == HTTP_LINE_ENDED)
            return READ_END;
        if (n < 0)
            return READ_BROKEN;
        if (n == 0)
            return READ_NOTHING;
        h->head_len += (size_t)n;
    }
}

/* ---- Turns ---- */

/* Send what there is room for. Returns 1 when the answer is all sent, 0: not yet, or
 * HTTP_LINE_BROKEN. */
static int send_answer(struct http_session *h, const struct http_line *line, void *context)
{
    while (h->answer_sent < h->answer_len) {
        int64_t n = line->send(context, h->answer + h->answer_sent,
                               h->answer_len - h->answer_sent, h->left > 0);
        if (n <= 0)
            return (int)n;
        h->answer_sent += (size_t)n;
        h->progress += (uint64_t)n;
    }
    while (h->left > 0) {
        int64_t n = h->file >= 0 ? line->send_file(context, h->file, h->at, h->left)
                                 : line->send(context, h->bytes + h->at, (size_t)h->left, false);
        if (n <= 0)
            return (int)n;
        h->at += (uint64_t)n;
        h->left -= (uint64_t)n;
        h->progress += (uint64_t)n;
    }
    drop_content(h);
    h->answering = false;
    return 1;
}

enum http_turn http_session_turn(struct http_session *h, const struct http_line *line,
                                 void *context)
{
    for (unsigned answers = 0;;) {
        if (h->answering) {
            int sent = send_answer(h, line, context);
            if (sent <= 0)
                return sent == 0 ? HTTP_WAITS : HTTP_BROKEN;
            if (h->last)
                return HTTP_OVER;
            if (++answers == h->at_once)
                return HTTP_AGAIN;
        }
        switch (read_request(h, line, context)) {
        case READ_NOTHING:
            return HTTP_WAITS;
        case READ_END:
            return HTTP_OVER;
        case READ_BROKEN:
            return HTTP_BROKEN;
        default:
            break;
        }
    }
}
