/* The server's side of HTTP/1.1 on one connection, whoever carries it: heads are read, a site answers
 * each, and the answers go out piece by piece. Requests may follow each other on a connection, also
 * before the answers. RFC 9110, 9112: GET and HEAD; a request with a body is refused. */
#ifndef HANDFAST_TOOL_HTTP_SESSION_H
#define HANDFAST_TOOL_HTTP_SESSION_H

#include "http.h"

#define HTTP_LINE_ENDED (-1)  /* the peer will send nothing more                              */
#define HTTP_LINE_BROKEN (-2) /* nothing can be sent any more                                 */

/* What carries a session. `line` is whatever the functions make of it. */
struct http_line {
    /* returns bytes read, 0: none now, or HTTP_LINE_... */
    int64_t (*receive)(void *line, void *bytes, size_t room);
    /* returns bytes taken, 0: no room now, or HTTP_LINE_BROKEN. more: others follow at once */
    int64_t (*send)(void *line, const void *bytes, size_t len, bool more);
    /* the same, out of a file; NULL: this line is not asked for files */
    int64_t (*send_file)(void *line, int file, uint64_t at, uint64_t len);
};

struct http_session;

/* A request for GET or HEAD, whole. */
struct http_asked {
    struct http_request request;
    const char *head;
    size_t len; /* of the head                                                               */
    bool head_only;
};

/* A site calls one of http_answer_... exactly once for each request. */
typedef void (*http_site_fn)(void *site, struct http_session *session,
                             const struct http_asked *asked);

/* http_session_begin: at_once: requests that are answered in one turn, so that nobody who asks much
 * keeps the others waiting. returns NULL without memory */
struct http_session *http_session_begin(http_site_fn answer, void *site, unsigned at_once);

/* http_session_end: NULL is allowed. */
void http_session_end(struct http_session *session);

/* fields: header fields, each with its CR LF; at most HTTP_FIELDS_MAX bytes. */
#define HTTP_FIELDS_MAX 700

/* http_answer_status: an answer that says only its status. */
void http_answer_status(struct http_session *session, int status, const char *fields,
                        bool head_only);

/* http_answer_bytes: out of memory, which must stay until the session ends or asks again. */
void http_answer_bytes(struct http_session *session, int status, const char *fields,
                       const void *bytes, size_t len, bool head_only);

/* http_answer_made: the same; `bytes` came from malloc and are the session's now. */
void http_answer_made(struct http_session *session, int status, const char *fields, char *bytes,
                      size_t len, bool head_only);

/* http_answer_file: `count` bytes of a file from `at` on; the session closes the file. */
void http_answer_file(struct http_session *session, int status, const char *fields, int file,
                      uint64_t at, uint64_t count, bool head_only);

enum http_turn {
    HTTP_WAITS, /* for the line: more to read, or room to send                               */
    HTTP_AGAIN, /* for its next turn: the others have theirs first                           */
    HTTP_OVER,  /* nothing more will be sent: close our side                                 */
    HTTP_BROKEN /* an answer cannot be finished: reset                                       */
};

/* http_session_turn: do what can be done now. */
enum http_turn http_session_turn(struct http_session *session, const struct http_line *line,
                                 void *context);

/* http_session_progress: grows with each request that came whole and with each byte of an answer, not
 * with the bytes of a request that never ends. */
uint64_t http_session_progress(const struct http_session *session);

#endif
