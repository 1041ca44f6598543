/* Files over HTTP/1.1: GET and HEAD of what lies beneath one directory (RFC 9110, 9112).
 *
 * A session reads a head, opens the file, and then moves it piece by piece into the connection's
 * send queue (hf_tcp_reserve, read, hf_tcp_commit): a file of any size costs no memory but that
 * queue. Requests may follow each other on a connection, also before the answers.
 *
 * The kernel keeps the path beneath the directory (openat2, RESOLVE_BENEATH and no symbolic
 * links), behind our own refusal of "..". */
#include "http.h"
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PIECE 65536
#define PATH_BYTES 4096

struct http_session {
    char head[HTTP_HEAD_MAX]; /* of the request being read */
    size_t head_len;
    char answer[1024]; /* head of the response, or all of a short one */
    size_t answer_len, answer_sent;
    int file; /* -1: none */
    uint64_t file_at, file_left;
    bool answering, last; /* last: our side closes behind this answer */
};

static int root = -1;

bool serve_http_root(const char *path)
{
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root >= 0;
}

void http_session_end(struct http_session *session)
{
    if (!session)
        return;
    if (session->file >= 0)
        (void)close(session->file);
    free(session);
}

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
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

static const char *content_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".htm", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},
        {".svg", "image/svg+xml"},
        {".pdf", "application/pdf"},
        {".wasm", "application/wasm"},
        {".xml", "application/xml"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
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
}

/* An answer that says only its status. */
static void answer_status(struct http_session *h, int status, const char *fields, bool head_only)
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

static int open_beneath(const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, /* a FIFO must not hold us up */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int status_of_errno(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:
        return 403;
    case ENAMETOOLONG:
        return 414;
    default:
        return 500;
    }
}

/* Open a file, or a directory's index.html. Returns 200, 301 (a directory without the last
 * slash) or an error's status. */
static int open_file(char *path, int *file, uint64_t *size)
{
    struct stat about;
    bool slash = path[0] && path[strlen(path) - 1] == '/';
    for (int depth = 0; depth < 2; depth++) {
        int fd = open_beneath(path);
        if (fd < 0)
            return status_of_errno(errno);
        if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
            *file = fd;
            *size = (uint64_t)about.st_size;
            return 200;
        }
        (void)close(fd);
        if (!S_ISDIR(about.st_mode) || depth > 0)
            return 403;
        if (!slash && strcmp(path, ".") != 0)
            return 301;
        size_t len = strlen(path);
        if (len + sizeof "/index.html" > PATH_BYTES)
            return 414;
        memcpy(path + len, "/index.html", sizeof "/index.html");
    }
    return 404;
}

/* The Location of a directory: the target with a slash behind its path. */
static void redirect(struct http_session *h, struct http_text target, bool head_only)
{
    char field[400];
    const char *query = memchr(target.at, '?', target.len);
    size_t len = query ? (size_t)(query - target.at) : target.len;
    while (len > 1 && target.at[0] == '/' && target.at[1] == '/')
        target.at++, len--;
    if (len > 300) {
        answer_status(h, 414, "", head_only);
        return;
    }
    (void)snprintf(field, sizeof field, "Location: %.*s/\r\n", (int)len, target.at);
    answer_status(h, 301, field, head_only);
}

static void answer_file(struct http_session *h, size_t len, const char *path, uint64_t size,
                        bool head_only)
{
    struct http_text range;
    char fields[256];
    uint64_t first = 0;
    uint64_t last = size > 0 ? size - 1 : 0;
    uint64_t count = size;
    int status = 200;
    if (!head_only && http_field(h->head, len, "Range", &range))
        status = http_range(range, size, &first, &last);
    if (status == 416) {
        (void)snprintf(fields, sizeof fields, "Content-Range: bytes */%llu\r\n",
                       (unsigned long long)size);
        answer_status(h, 416, fields, false);
        return;
    }
    int n = snprintf(fields, sizeof fields, "Content-Type: %s\r\nAccept-Ranges: bytes\r\n",
                     content_type(path));
    if (status == 206) {
        count = last - first + 1;
        (void)snprintf(fields + n, sizeof fields - (size_t)n,
                       "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)first,
                       (unsigned long long)last, (unsigned long long)size);
    } else {
        first = 0;
    }
    begin_answer(h, status, fields, count);
    h->file_at = first;
    h->file_left = head_only ? 0 : count;
}

static void drop_file(struct http_session *h)
{
    if (h->file >= 0)
        (void)close(h->file);
    h->file = -1;
    h->file_left = 0;
}

/* Whether a request has a body, which GET and HEAD have no use for. */
static bool has_body(const struct http_session *h, size_t len)
{
    struct http_text value;
    uint64_t bytes;
    if (http_field(h->head, len, "Transfer-Encoding", &value))
        return true;
    if (!http_field(h->head, len, "Content-Length", &value))
        return false;
    return !http_number(value, &bytes) || bytes > 0;
}

static bool wants_close(const struct http_session *h, size_t len, int minor)
{
    struct http_text value = {"", 0};
    bool named = http_field(h->head, len, "Connection", &value);
    if (minor == 0)
        return !named || !http_text_has(value, "keep-alive");
    return named && http_text_has(value, "close");
}

/* Answer the request whose head is the first len bytes. */
static void answer(struct http_session *h, size_t len)
{
    struct http_request request;
    char path[PATH_BYTES];
    uint64_t size = 0;
    if (!http_request_line(h->head, len, &request)) {
        h->last = true;
        answer_status(h, 400, "", false);
        return;
    }
    bool head_only = http_text_is(request.method, "HEAD");
    h->last = wants_close(h, len, request.minor);
    if (!head_only && !http_text_is(request.method, "GET")) {
        h->last = true; /* a body that follows is not read as a request */
        answer_status(h, 405, "Allow: GET, HEAD\r\n", false);
        return;
    }
    struct http_text host;
    if (has_body(h, len) || (request.minor > 0 && !http_field(h->head, len, "Host", &host))) {
        h->last = true;
        answer_status(h, 400, "", head_only);
        return;
    }
    int status = http_path(request.target, path, sizeof path);
    if (status == 200)
        status = open_file(path, &h->file, &size);
    if (status == 301)
        redirect(h, request.target, head_only);
    else if (status != 200)
        answer_status(h, status, "", head_only);
    else
        answer_file(h, len, path, size, head_only);
    if (h->file_left == 0)
        drop_file(h);
}

/* Read towards a whole head. Returns whether one was answered. */
static bool read_request(struct hf_stack *stack, struct served *served)
{
    struct http_session *h = served->http;
    for (;;) {
        size_t len = http_head_end(h->head, h->head_len);
        if (len > 0) {
            answer(h, len);
            h->head_len -= len;
            memmove(h->head, h->head + len, h->head_len);
            return true;
        }
        if (h->head_len == sizeof h->head) {
            h->last = true;
            answer_status(h, 431, "", false);
            return true;
        }
        int64_t n =
            hf_tcp_recv(stack, served->conn, h->head + h->head_len, sizeof h->head - h->head_len);
        if (n == HF_EOF)
            served->eof = true;
        if (n <= 0)
            return false;
        h->head_len += (size_t)n;
    }
}

/* Queue what there is room for. Returns whether the answer is all queued. */
static bool send_answer(struct hf_stack *stack, struct served *served)
{
    struct http_session *h = served->http;
    while (h->answer_sent < h->answer_len) {
        int64_t n =
            hf_tcp_send(stack, served->conn, h->answer + h->answer_sent,
                        h->answer_len - h->answer_sent, h->file_left > 0 ? HF_SEND_MORE : 0);
        if (n <= 0)
            return false;
        h->answer_sent += (size_t)n;
    }
    while (h->file_left > 0) {
        void *room;
        size_t len;
        size_t want = h->file_left < PIECE ? (size_t)h->file_left : PIECE;
        if (hf_tcp_reserve(stack, served->conn, want, &room, &len) < 0)
            return false;
        ssize_t n = pread(h->file, room, len, (off_t)h->file_at);
        if (n <= 0) { /* the file shrank: the promised length cannot be kept */
            (void)hf_tcp_abort(stack, served->conn);
            served->eof = served->closed = true;
            return false;
        }
        h->file_at += (uint64_t)n;
        h->file_left -= (uint64_t)n;
        (void)hf_tcp_commit(stack, served->conn, (size_t)n, h->file_left > 0 ? HF_SEND_MORE : 0);
    }
    drop_file(h);
    h->answering = false;
    return true;
}

static void close_our_side(struct hf_stack *stack, struct served *served)
{
    served->closed = true;
    (void)hf_tcp_shutdown(stack, served->conn);
}

/* What comes behind our close is thrown away, so that the close is not turned into a reset. */
static void read_to_end(struct hf_stack *stack, struct served *served)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(stack, served->conn, &bytes)) > 0)
        (void)hf_tcp_consume(stack, served->conn, (size_t)n);
    if (n == HF_EOF)
        served->eof = true;
}

void serve_http(struct hf_stack *stack, struct served *served)
{
    if (!served->http) {
        served->http = malloc(sizeof *served->http);
        if (!served->http) {
            (void)hf_tcp_abort(stack, served->conn);
            served->eof = served->closed = true;
            return;
        }
        served->http->head_len = 0;
        served->http->file = -1;
        served->http->file_left = 0;
        served->http->answering = served->http->last = false;
    }
    struct http_session *h = served->http;
    while (!served->closed) {
        if (h->answering) {
            if (!send_answer(stack, served))
                return;
            if (h->last)
                close_our_side(stack, served);
        } else if (!read_request(stack, served)) {
            if (served->eof)
                close_our_side(stack, served);
            break;
        }
    }
    if (served->closed && !served->eof)
        read_to_end(stack, served);
}
