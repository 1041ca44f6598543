/* HTTP as the command's servers read it: heads, queries, and whole sessions over a line that is played
 * here, in pieces of any size. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_session.h"
#include "lab_query.h"

static struct http_text text(const char *bytes)
{
    return (struct http_text){bytes, strlen(bytes)};
}

/* ---- Queries ---- */

TEST(parameters_come_one_by_one_and_decoded, none, "")
{
    struct http_text query = http_query(text("/run?a=1&&b=%e4%b8%ad+2%2b&c&=d&e="));
    static const char *const expected[][2] = {
        {"a", "1"}, {"b", "\xe4\xb8\xad 2+"}, {"c", ""}, {"", "d"}, {"e", ""}};
    char name[32], value[32];
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(http_parameter(&query, name, value, sizeof name), 200);
        assert_string_equal(name, expected[i][0]);
        assert_string_equal(value, expected[i][1]);
    }
    assert_int_equal(http_parameter(&query, name, value, sizeof name), 0);
    query = http_query(text("/run"));
    assert_int_equal(http_parameter(&query, name, value, sizeof name), 0);
}

TEST(bad_parameters_have_a_status, none, "")
{
    static const struct {
        const char *query;
        int status;
    } rows[] = {{"?a=%", 400},        {"?a=%4", 400},       {"?a=%zz", 400},
                {"?%00=1", 400},      {"?a=1234567", 200},  {"?a=12345678", 414},
                {"?12345678=a", 414}, {"?a=%31234567", 200}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[8], value[8];
        struct http_text query = http_query(text(rows[i].query));
        int got = http_parameter(&query, name, value, sizeof name);
        if (got != rows[i].status)
            fail_msg("%s: %d, not %d", rows[i].query, got, rows[i].status);
    }
}

TEST(the_lab_s_queries_say_what_they_want, none, "")
{
    struct lab_query q;
    assert_int_equal(lab_query_read(&q, text("/run?delay=50&lang=zh&experiment=close&lose=2%2C4&"
                                             "width=336&seed=9&first=server")),
                     200);
    assert_string_equal(q.experiment->name, "close");
    assert_int_equal(q.language, HF_CHINESE);
    assert_int_equal(q.width, 336);
    assert_int_equal(q.seed, 9);
    assert_int_equal(q.knobs.value[KNOB_DELAY], 50);
    assert_int_equal(q.knobs.value[KNOB_LOSE], 10);
    assert_int_equal(q.knobs.value[KNOB_FIRST], FIRST_SERVER);
    assert_int_equal(q.knobs.value[KNOB_MSL], 30);
    assert_int_equal(lab_query_read(&q, text("/live")), 200);
    assert_null(q.experiment);
    assert_int_equal(q.seed, 1);
}

TEST(the_lab_refuses_what_it_does_not_know, none, "")
{
    static const struct {
        const char *target, *error;
        int status;
    } rows[] = {
        {"/run?experiment=Close", "experiment=Close: no such experiment", 400},
        {"/run?experiment=open&lang=de", "lang=de: en or zh is wanted", 400},
        {"/run?delay=0&experiment=open&lang=zh", "delay=0：应为 1 到 400 的整数（毫秒）", 400},
        {"/run?experiment=open&seed=1x", "seed=1x: a whole number", 400},
        {"/run?experiment=open&seed=99999999999999999999", "seed=99999999999999999999: ", 400},
        {"/run?experiment=open&width=319", "width=319: a whole number from 320 to 1600", 400},
        {"/run?experiment=open&cookies=on", "cookies: no such knob; this experiment has", 400},
        {"/live?delay=1", "delay=1: this is not known here", 400},
        {"/run?experiment=%zz", "the query has a bad escape", 400},
        {"/run?experiment=%ff%0a", "experiment=\?\?: no such experiment", 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lab_query q;
        assert_int_equal(lab_query_read(&q, text(rows[i].target)), rows[i].status);
        if (strncmp(q.error, rows[i].error, strlen(rows[i].error)) != 0)
            fail_msg("%s: \"%s\"", rows[i].target, q.error);
    }
}

/* ---- Sessions ---- */

/* A line that brings a text in pieces, and takes answers in pieces. */
struct played {
    const char *in;
    size_t in_len, piece, room; /* room: bytes that can be sent before the next turn         */
    char out[8192];
    size_t out_len;
    bool ends, broken;
};

static int64_t receive(void *context, void *bytes, size_t room)
{
    struct played *line = context;
    size_t n = line->piece < line->in_len ? line->piece : line->in_len;
    if (n > room)
        n = room;
    if (n == 0)
        return line->ends ? HTTP_LINE_ENDED : 0;
    memcpy(bytes, line->in, n);
    line->in += n;
    line->in_len -= n;
    return (int64_t)n;
}

static int64_t send_bytes(void *context, const void *bytes, size_t len, bool more)
{
    struct played *line = context;
    size_t n = len < line->room ? len : line->room;
    (void)more;
    if (line->broken)
        return HTTP_LINE_BROKEN;
    assert_true(line->out_len + n < sizeof line->out);
    memcpy(line->out + line->out_len, bytes, n);
    line->out_len += n;
    line->room -= n;
    return (int64_t)n;
}

static const struct http_line played_line = {receive, send_bytes, NULL};

/* Says the target of each request. */
static void echo_target(void *site, struct http_session *session, const struct http_asked *asked)
{
    unsigned *asked_count = site;
    struct http_text target = asked->request.target;
    char *copy = malloc(target.len + 1);
    assert_non_null(copy);
    memcpy(copy, target.at, target.len);
    (*asked_count)++;
    http_answer_made(session, 200, "Content-Type: text/plain\r\n", copy, target.len,
                     asked->head_only);
}

static unsigned times(const char *where, const char *what)
{
    unsigned n = 0;
    for (const char *at = where; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* Play a conversation until it waits with nothing left, or is over. */
static enum http_turn converse(struct played *line, size_t room, unsigned *asked)
{
    struct http_session *session = http_session_begin(echo_target, asked, 2);
    enum http_turn turn = HTTP_WAITS;
    assert_non_null(session);
    for (int i = 0; i < 20000 && (turn == HTTP_WAITS || turn == HTTP_AGAIN); i++) {
        line->room = room;
        turn = http_session_turn(session, &played_line, line);
        if (turn == HTTP_WAITS && line->in_len == 0 && line->room == room)
            break;
    }
    line->out[line->out_len] = 0;
    http_session_end(session);
    return turn;
}

TEST(requests_follow_each_other_in_pieces_of_any_size, none, "")
{
    static const char requests[] = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "HEAD /two HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "GET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                                   "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
    for (size_t piece = 1; piece < 70; piece += 7) {
        for (size_t room = 1; room < 600; room += 97) {
            static struct played line;
            unsigned asked = 0;
            line = (struct played){.in = requests, .in_len = strlen(requests), .piece = piece};
            assert_int_equal(converse(&line, room, &asked), HTTP_OVER);
            assert_int_equal(asked, 3);
            assert_int_equal(times(line.out, "HTTP/1.1 200 OK"), 3);
            assert_int_equal(times(line.out, "/one"), 1);
            assert_int_equal(times(line.out, "/two"), 0);
            assert_int_equal(times(line.out, "\r\n\r\n/three"), 1);
        }
    }
}

TEST(wrong_requests_end_the_session_with_a_status, none, "")
{
    static char long_head[HTTP_HEAD_MAX + 100];
    memset(long_head, 'a', sizeof long_head - 1);
    const struct {
        const char *request, *status;
    } rows[] = {
        {"nonsense\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/2.0\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "400 "},
        {"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed"},
        {long_head, "431 Request Header Fields Too Large"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct played line;
        unsigned asked = 0;
        line = (struct played){
            .in = rows[i].request, .in_len = strlen(rows[i].request), .piece = 5000};
        assert_int_equal(converse(&line, 5000, &asked), HTTP_OVER);
        assert_int_equal(asked, 0);
        assert_non_null(strstr(line.out, rows[i].status));
        assert_non_null(strstr(line.out, "Connection: close\r\n"));
    }
}

TEST(the_end_and_a_break_of_the_line_end_the_session, none, "")
{
    static struct played line;
    unsigned asked = 0;
    line = (struct played){.in = "GET / HT", .in_len = 8, .piece = 8, .ends = true};
    assert_int_equal(converse(&line, 100, &asked), HTTP_OVER);
    assert_int_equal(line.out_len, 0);
    line = (struct played){.in = "GET / HTTP/1.0\r\n\r\n", .in_len = 18, .piece = 18};
    line.broken = true;
    assert_int_equal(converse(&line, 100, &asked), HTTP_BROKEN);
    assert_int_equal(asked, 1);
}

TEST(a_request_that_never_ends_is_no_progress, none, "")
{
    static struct played line;
    unsigned asked = 0;
    struct http_session *session = http_session_begin(echo_target, &asked, 1);
    for (int i = 0; i < 100; i++) {
        line = (struct played){.in = "X", .in_len = 1, .piece = 1};
        assert_int_equal(http_session_turn(session, &played_line, &line), HTTP_WAITS);
        assert_int_equal(http_session_progress(session), 0);
    }
    http_session_end(session);
    session = http_session_begin(echo_target, &asked, 1);
    line = (struct played){
        .in = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", .in_len = 27, .piece = 27, .room = 1000};
    assert_int_equal(http_session_turn(session, &played_line, &line), HTTP_AGAIN);
    assert_int_equal(http_session_progress(session), 1 + line.out_len);
    assert_int_equal(http_session_turn(session, &played_line, &line), HTTP_WAITS);
    http_session_end(session);
}

TEST(who_asks_much_has_only_a_turn_at_a_time, none, "")
{
    static const char requests[] =
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
        "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n";
    static struct played line;
    unsigned asked = 0;
    struct http_session *session = http_session_begin(echo_target, &asked, 1);
    line =
        (struct played){.in = requests, .in_len = strlen(requests), .piece = 500, .room = 5000};
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(http_session_turn(session, &played_line, &line), HTTP_AGAIN);
        assert_int_equal(asked, i);
    }
    assert_int_equal(http_session_turn(session, &played_line, &line), HTTP_WAITS);
    http_session_end(session);
}
