/* As much HTTP/1.1 as a file server and a fetcher want: heads, header fields, the framing of
 * bodies. RFC 9110 and 9112. Nothing here allocates or does I/O. */
#ifndef HANDFAST_TOOL_HTTP_H
#define HANDFAST_TOOL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 16384 /* a longer head is refused                                       */

/* Some text within a head; not ended by 0. */
struct http_text {
    const char *at;
    size_t len;
};

bool http_text_is(struct http_text text, const char *word);   /* same letters, any case       */
bool http_text_has(struct http_text text, const char *token); /* in a list with commas        */

/* http_head_end: bytes of the head with its empty line; 0: not all there yet. */
size_t http_head_end(const char *bytes, size_t len);

/* http_field: the first field of this name. False: there is none. */
bool http_field(const char *head, size_t len, const char *name, struct http_text *value);

struct http_request {
    struct http_text method, target;
    int minor; /* of HTTP/1.minor */
};

/* http_request_line: returns false when it is not one of HTTP/1. */
bool http_request_line(const char *head, size_t len, struct http_request *request);

/* http_status_line: the status, or 0 when it is none of HTTP/1. reason: what follows. */
int http_status_line(const char *head, size_t len, struct http_text *reason);

/* http_number: digits only. */
bool http_number(struct http_text text, uint64_t *number);

/* http_path: the path of a request target, decoded, without query and without a leading slash,
 * "." for the root. room: bytes at path, the final 0 among them.
 * returns  200, or 400 (not a path, or a bad escape), 403 (it leads upwards), 414 (too long) */
int http_path(struct http_text target, char *path, size_t room);

/* http_query: what stands behind the question mark of a request target; may be empty. */
struct http_text http_query(struct http_text target);

/* http_parameter: the next NAME=VALUE of a query, decoded; *query moves behind it. room: bytes at each
 * of the two, their final 0 among them.
 * returns  200; 0: there is no more; 400 (a bad escape), 414 (longer than room) */
int http_parameter(struct http_text *query, char *name, char *value, size_t room);

/* http_range: one range of bytes out of a representation of `size` bytes.
 * returns  200 (none, or one that is to be ignored), 206 (*first to *last), 416 */
int http_range(struct http_text value, uint64_t size, uint64_t *first, uint64_t *last);

/* ---- The body of a response ---- */

enum http_framing { HTTP_NOTHING, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

struct http_body {
    enum http_framing framing;
    uint64_t left;  /* LENGTH: of the body; CHUNKED: of this chunk                            */
    uint64_t total; /* LENGTH                                                                 */
    int step;       /* CHUNKED: where in the framing                                          */
    bool done, bad;
};

/* http_body_begin: what the head of a response says of its body (RFC 9112 6.3).
 * returns false when it contradicts itself */
bool http_body_begin(struct http_body *body, const char *head, size_t len, int status,
                     bool head_request);

/* http_body_take: go over framing, then say how much payload comes next.
 * returns  bytes of framing; *run bytes of payload follow. Both 0: more is wanted, or done or bad
 * call http_body_took with what was used of the run */
size_t http_body_take(struct http_body *body, const char *bytes, size_t len, size_t *run);
void http_body_took(struct http_body *body, size_t len);

#endif
