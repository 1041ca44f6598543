/* Heads are read where they lie. What is not understood is refused rather than guessed at: a
 * length that can be read in two ways is how requests are smuggled. */
#include "http.h"

#include <string.h>
#include <strings.h>

bool http_text_is(struct http_text text, const char *word)
{
    return strlen(word) == text.len && strncasecmp(text.at, word, text.len) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct http_text trim(struct http_text text)
{
    while (text.len > 0 && is_blank(*text.at))
        text.at++, text.len--;
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

bool http_text_has(struct http_text text, const char *token)
{
    while (text.len > 0) {
        const char *comma = memchr(text.at, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.at) : text.len;
        if (http_text_is(trim((struct http_text){text.at, len}), token))
            return true;
        if (!comma)
            break;
        text.at += len + 1;
        text.len -= len + 1;
    }
    return false;
}

size_t http_head_end(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes) + 4 : 0;
}

/* The line at *at without its end; *at moves behind it. */
static struct http_text next_line(const char *head, size_t len, size_t *at)
{
    const char *end = memmem(head + *at, len - *at, "\r\n", 2);
    size_t stop = end ? (size_t)(end - head) : len;
    struct http_text line = {head + *at, stop - *at};
    *at = end ? stop + 2 : len;
    return line;
}

bool http_field(const char *head, size_t len, const char *name, struct http_text *value)
{
    size_t at = 0;
    (void)next_line(head, len, &at);
    while (at < len) {
        struct http_text line = next_line(head, len, &at);
        const char *colon = line.len > 0 ? memchr(line.at, ':', line.len) : NULL;
        if (!colon)
            continue;
        struct http_text left = {line.at, (size_t)(colon - line.at)};
        if (!http_text_is(left, name))
            continue;
        *value = trim((struct http_text){colon + 1, line.len - left.len - 1});
        return true;
    }
    return false;
}

/* The words up to the next space. */
static struct http_text next_word(struct http_text *line)
{
    const char *space = line->len > 0 ? memchr(line->at, ' ', line->len) : NULL;
    struct http_text word = {line->at, space ? (size_t)(space - line->at) : line->len};
    size_t used = word.len + (space ? 1 : 0);
    line->at += used;
    line->len -= used;
    return word;
}

static bool version_minor(struct http_text word, int *minor)
{
    if (word.len != 8 || memcmp(word.at, "HTTP/1.", 7) != 0)
        return false;
    if (word.at[7] < '0' || word.at[7] > '9')
        return false;
    *minor = word.at[7] - '0';
    return true;
}

bool http_request_line(const char *head, size_t len, struct http_request *request)
{
    size_t at = 0;
    struct http_text line = next_line(head, len, &at);
    request->method = next_word(&line);
    request->target = next_word(&line);
    return request->method.len > 0 && request->target.len > 0 &&
           version_minor(line, &request->minor);
}

int http_status_line(const char *head, size_t len, struct http_text *reason)
{
    size_t at = 0;
    int minor;
    uint64_t status;
    struct http_text line = next_line(head, len, &at);
    if (!version_minor(next_word(&line), &minor))
        return 0;
    struct http_text word = next_word(&line);
    if (word.len != 3 || !http_number(word, &status) || status < 100)
        return 0;
    *reason = line;
    return (int)status;
}

bool http_number(struct http_text text, uint64_t *number)
{
    uint64_t n = 0;
    if (text.len == 0 || text.len > 18)
        return false; /* 18 digits cannot overflow */
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.at[i] - '0');
    }
    *number = n;
    return true;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Undo %XX into path. Returns its length, or 0 - a status. */
static int decode(struct http_text text, char *path, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex(text.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -400;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (!c)
            return -400;
        if (n + 1 >= room)
            return -414;
        path[n++] = c;
    }
    path[n] = 0;
    return (int)n;
}

static bool leads_upwards(const char *path)
{
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path += len + (path[len] == '/');
    }
    return false;
}

int http_path(struct http_text target, char *path, size_t room)
{
    if (target.len > 7 && strncasecmp(target.at, "http://", 7) == 0) { /* RFC 9112 3.2.2 */
        const char *slash = memchr(target.at + 7, '/', target.len - 7);
        if (!slash)
            target = (struct http_text){"/", 1};
        else
            target = (struct http_text){slash, target.len - (size_t)(slash - target.at)};
    }
    if (target.len == 0 || *target.at != '/')
        return 400;
    const char *query = memchr(target.at, '?', target.len);
    if (query)
        target.len = (size_t)(query - target.at);
    while (target.len > 0 && *target.at == '/')
        target.at++, target.len--;
    int n = decode(target, path, room);
    if (n < 0)
        return -n;
    if (leads_upwards(path))
        return 403;
    if (path[0] == '/')
        return 403; /* a decoded slash at the front: not beneath the root */
    if (n == 0)
        memcpy(path, ".", 2);
    return 200;
}

struct http_text http_query(struct http_text target)
{
    const char *mark = target.len > 0 ? memchr(target.at, '?', target.len) : NULL;
    if (!mark)
        return (struct http_text){"", 0};
    return (struct http_text){mark + 1, target.len - (size_t)(mark + 1 - target.at)};
}

/* As forms write them: a plus sign is a space. */
static int decode_form(struct http_text text, char *into, size_t room)
{
    int n = decode(text, into, room);
    /* Only those that stand as they are: an escaped one is one. */
    for (size_t i = 0, at = 0; n >= 0 && i < text.len; i += text.at[i] == '%' ? 3 : 1, at++)
        if (text.at[i] == '+')
            into[at] = ' ';
    return n;
}

int http_parameter(struct http_text *query, char *name, char *value, size_t room)
{
    while (query->len > 0 && *query->at == '&')
        query->at++, query->len--;
    if (query->len == 0)
        return 0;
    const char *end = memchr(query->at, '&', query->len);
    struct http_text one = {query->at, end ? (size_t)(end - query->at) : query->len};
    const char *equals = memchr(one.at, '=', one.len);
    size_t len = equals ? (size_t)(equals - one.at) : one.len;
    struct http_text left = {one.at, len};
    struct http_text right = {one.at + len, one.len - len};
    if (equals)
        right.at++, right.len--;
    query->at += one.len;
    query->len -= one.len;
    int n = decode_form(left, name, room);
    if (n >= 0)
        n = decode_form(right, value, room);
    return n < 0 ? -n : 200;
}

int http_range(struct http_text value, uint64_t size, uint64_t *first, uint64_t *last)
{
    if (value.len < 7 || strncasecmp(value.at, "bytes=", 6) != 0)
        return 200;
    struct http_text set = {value.at + 6, value.len - 6};
    const char *dash = memchr(set.at, '-', set.len);
    if (!dash || memchr(set.at, ',', set.len))
        return 200; /* several: the whole is allowed */
    struct http_text from = trim((struct http_text){set.at, (size_t)(dash - set.at)});
    struct http_text to =
        trim((struct http_text){dash + 1, set.len - (size_t)(dash - set.at) - 1});
    if (from.len == 0) { /* the last so many */
        uint64_t want;
        if (!http_number(to, &want))
            return 200;
        if (want == 0 || size == 0)
            return 416;
        *first = want < size ? size - want : 0;
        *last = size - 1;
        return 206;
    }
    if (!http_number(from, first))
        return 200;
    if (to.len == 0)
        *last = UINT64_MAX;
    else if (!http_number(to, last) || *last < *first)
        return 200;
    if (*first >= size)
        return 416;
    if (*last >= size)
        *last = size - 1;
    return 206;
}

bool http_body_begin(struct http_body *body, const char *head, size_t len, int status,
                     bool head_request)
{
    struct http_text value;
    memset(body, 0, sizeof *body);
    if (head_request || status / 100 == 1 || status == 204 || status == 304) {
        body->done = true;
        return true;
    }
    if (http_field(head, len, "Transfer-Encoding", &value)) {
        body->framing = HTTP_CHUNKED;
        return http_text_is(value, "chunked");
    }
    if (http_field(head, len, "Content-Length", &value)) {
        body->framing = HTTP_LENGTH;
        if (!http_number(value, &body->total))
            return false;
        body->left = body->total;
        body->done = body->left == 0;
        return true;
    }
    body->framing = HTTP_UNTIL_CLOSE;
    return true;
}

/* Steps of chunked framing, RFC 9112 7.1. */
enum {
    SIZE_FIRST,
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_LINE,
    TRAILER_LF,
    LAST_LF
};

static void chunk_size_ended(struct http_body *body)
{
    body->step = body->left > 0 ? DATA : TRAILER;
}

/* One byte of framing. */
static void chunk_byte(struct http_body *body, char c)
{
    int digit = hex(c);
    switch (body->step) {
    case SIZE_FIRST:
        body->left = 0;
        if (digit < 0)
            body->bad = true;
        /* fall through */
    case SIZE:
        if (digit >= 0 && body->left < UINT64_MAX / 32) {
            body->left = body->left * 16 + (uint64_t)digit;
            body->step = SIZE;
        } else if (c == ';' || is_blank(c))
            body->step = EXTENSION;
        else if (c == '\r')
            body->step = SIZE_LF;
        else
            body->bad = true;
        break;
    case EXTENSION:
        if (c == '\r')
            body->step = SIZE_LF;
        break;
    case SIZE_LF:
        if (c == '\n')
            chunk_size_ended(body);
        else
            body->bad = true;
        break;
    case DATA_CR:
        body->step = DATA_LF;
        body->bad |= c != '\r';
        break;
    case DATA_LF:
        body->step = SIZE_FIRST;
        body->bad |= c != '\n';
        break;
    case TRAILER:
        body->step = c == '\r' ? LAST_LF : TRAILER_LINE;
        break;
    case TRAILER_LINE:
        if (c == '\r')
            body->step = TRAILER_LF;
        break;
    case TRAILER_LF:
        body->step = TRAILER;
        body->bad |= c != '\n';
        break;
    case LAST_LF:
        body->done = c == '\n';
        body->bad |= c != '\n';
        break;
    default:
        break;
    }
}

size_t http_body_take(struct http_body *body, const char *bytes, size_t len, size_t *run)
{
    size_t used = 0;
    *run = 0;
    if (body->done || body->bad)
        return 0;
    if (body->framing == HTTP_UNTIL_CLOSE) {
        *run = len;
        return 0;
    }
    if (body->framing == HTTP_CHUNKED) {
        while (used < len && body->step != DATA && !body->done && !body->bad)
            chunk_byte(body, bytes[used++]);
        if (body->step != DATA)
            return used;
    }
    *run = len - used < body->left ? len - used : (size_t)body->left;
    return used;
}

void http_body_took(struct http_body *body, size_t len)
{
    if (body->framing == HTTP_UNTIL_CLOSE)
        return;
    body->left -= len;
    if (body->left > 0)
        return;
    if (body->framing == HTTP_CHUNKED) {
        if (len > 0)
            body->step = DATA_CR;
    } else {
        body->done = true;
    }
}
