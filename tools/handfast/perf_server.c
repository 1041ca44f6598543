/* handfast perf -s: the side that listens. One test at a time; who comes meanwhile is told so.
 *
 * A connection is a guest: it has some seconds to say a cookie. The first with a cookie becomes the
 * control connection of a test, those that then come with the same cookie become its streams, all
 * others are turned away. Everything that is waited for is waited for with a limit, and the number
 * of guests has one. */
#include "perf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUESTS_MAX (2 * IPERF_STREAMS_MAX)
#define BACKLOG 512
#define GREETING_MAX (5 * HF_SEC)
#define SETUP_MAX (10 * HF_SEC)    /* from the cookie to the last stream */
#define ANSWER_MAX (30 * HF_SEC)   /* for results, and for IPERF_DONE */
#define OVERTIME_MAX (30 * HF_SEC) /* the client ends the test; it may be this late */
#define SILENCE_MAX (120 * HF_SEC) /* without a byte on any stream */
#define LINGER_MAX (5 * HF_SEC)

enum role { FREE = 0, GREETING, CONTROL, STREAM, LEAVING };

struct guest {
    enum role role;
    hf_conn conn;
    hf_time since;
    struct iperf_reader reader; /* of a cookie */
    unsigned stream;            /* its place in the test */
};

enum step { IDLE, PARAMS, STREAMS, RUNNING, RESULTS, DONE };

struct server {
    struct network network;
    struct network_config config;
    const struct perf_options *options;
    hf_listener listener;
    struct guest guest[GUESTS_MAX];
    struct perf_test test;
    struct perf_control control;
    enum step step;
    hf_time since;  /* this step */
    uint64_t moved; /* bytes on all streams when something last moved */
    hf_time moved_at;
    struct iperf_results results;
    unsigned tests; /* that are over */
    char error[256];
};

static hf_time now_of(const struct server *s)
{
    return hf_host_now(s->network.host);
}

static void go(struct server *s, enum step step)
{
    s->step = step;
    s->since = now_of(s);
}

/* ---- Guests ---- */

static void forget(struct guest *g)
{
    iperf_reader_free(&g->reader);
    *g = (struct guest){0};
}

/* Our side is closed; what still comes is thrown away until the peer closes too. */
static void see_off(struct server *s, struct guest *g)
{
    g->role = LEAVING;
    g->since = now_of(s);
    (void)hf_tcp_shutdown(s->network.stack, g->conn);
}

static void turn_away(struct server *s, struct guest *g)
{
    int8_t denied = IPERF_ACCESS_DENIED;
    (void)hf_tcp_send(s->network.stack, g->conn, &denied, 1, 0);
    see_off(s, g);
}

static void drain(struct server *s, struct guest *g)
{
    const void *bytes;
    int64_t n;
    while ((n = hf_tcp_peek(s->network.stack, g->conn, &bytes)) > 0)
        (void)hf_tcp_consume(s->network.stack, g->conn, (size_t)n);
    if (n == 0)
        return;
    (void)hf_tcp_close(s->network.stack, g->conn);
    forget(g);
}

static void accept_all(struct server *s)
{
    hf_conn conn;
    for (size_t i = 0; i < GUESTS_MAX; i++) {
        struct guest *g = &s->guest[i];
        if (g->role != FREE)
            continue;
        if (!iperf_expect(&g->reader, IPERF_COOKIE) ||
            hf_tcp_accept(s->network.stack, s->listener, i, &conn) != 1) {
            forget(g);
            return;
        }
        g->role = GREETING;
        g->conn = conn;
        g->since = now_of(s);
    }
}

/* ---- The end of a test ---- */

static void end_test(struct server *s, const char *error)
{
    char text[HF_ENDPOINT_TEXT];
    perf_stop(&s->test);
    if (error) {
        (void)snprintf(s->error, sizeof s->error, "%s", error);
        (void)failure(&perf_command, "%s: %s", hf_endpoint_format(&s->test.report.remote, text),
                      error);
    }
    perf_report_end(&s->test, error);
    for (size_t i = 0; i < GUESTS_MAX; i++)
        if (s->guest[i].role == CONTROL || s->guest[i].role == STREAM)
            see_off(s, &s->guest[i]);
    perf_control_free(&s->control);
    s->tests++;
    go(s, IDLE);
}

/* End it by telling the client why, in iperf3's numbers. */
static void refuse(struct server *s, const struct iperf_fault *fault)
{
    uint32_t e = (uint32_t)fault->error;
    const uint8_t message[9] = {(uint8_t)IPERF_SERVER_ERROR, (uint8_t)(e >> 24),
                                (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e};
    (void)perf_control_bytes(&s->control, message, sizeof message);
    end_test(s, fault->text);
}

static void refuse_because(struct server *s, int error, const char *why)
{
    struct iperf_fault fault = {.error = error};
    (void)snprintf(fault.text, sizeof fault.text, "%s", why);
    refuse(s, &fault);
}

/* ---- A test ---- */

static void begin_test(struct server *s, struct guest *g)
{
    struct hf_tcp_status status = {.size = sizeof status};
    s->test = (struct perf_test){
        .network = &s->network,
        .serving = true,
        .interval = s->options->interval,
        .report.json = s->options->json,
    };
    s->control = (struct perf_control){.network = &s->network, .conn = g->conn};
    memcpy(s->test.cookie, g->reader.bytes, IPERF_COOKIE);
    if (hf_tcp_status(s->network.stack, g->conn, &status) == HF_OK) {
        s->test.report.local = status.local;
        s->test.report.remote = status.remote;
    }
    (void)hf_tcp_set(s->network.stack, g->conn, HF_OPTION_NODELAY, 1);
    g->role = CONTROL;
    go(s, PARAMS);
    if (!perf_control_state(&s->control, IPERF_PARAM_EXCHANGE) ||
        !iperf_expect_json(&s->control.reader, IPERF_PARAMS_MAX))
        end_test(s, "no memory");
}

static void take_params(struct server *s)
{
    struct iperf_fault fault;
    const struct iperf_reader *r = &s->control.reader;
    struct iperf_params *p = &s->test.params;
    if (!iperf_params_read((const char *)r->bytes, r->have, p, &fault)) {
        refuse(s, &fault);
        return;
    }
    if (*p->congestion && hf_congestion_named(p->congestion) < 0) {
        char why[96];
        (void)snprintf(why, sizeof why,
                       "the congestion controller %s is asked for; there is none", p->congestion);
        if (p->reverse || p->both) {
            refuse_because(s, IPERF_E_CONGESTION, why);
            return;
        }
        *p->congestion = 0; /* the client sends: it is its own affair */
    }
    go(s, STREAMS);
    if (!perf_control_state(&s->control, IPERF_CREATE_STREAMS) ||
        !iperf_expect(&s->control.reader, 1))
        end_test(s, "no memory");
}

static void add_stream(struct server *s, struct guest *g)
{
    g->role = STREAM;
    g->stream = s->test.count;
    (void)perf_add_stream(&s->test, g->conn);
    if (s->test.count < perf_streams_wanted(&s->test.params))
        return;
    go(s, RUNNING);
    s->moved = 0;
    s->moved_at = s->since;
    (void)perf_control_state(&s->control, IPERF_TEST_START);
    (void)perf_control_state(&s->control, IPERF_TEST_RUNNING);
    perf_begin(&s->test);
}

static void test_is_over(struct server *s)
{
    perf_stop(&s->test);
    for (size_t i = 0; i < GUESTS_MAX; i++)
        if (s->guest[i].role == STREAM)
            see_off(s, &s->guest[i]);
    go(s, RESULTS);
    if (!perf_control_state(&s->control, IPERF_EXCHANGE_RESULTS) ||
        !iperf_expect_json(&s->control.reader, IPERF_RESULTS_MAX))
        end_test(s, "no memory");
}

static void take_results(struct server *s)
{
    struct iperf_fault fault;
    const struct iperf_reader *r = &s->control.reader;
    if (!iperf_results_read((const char *)r->bytes, r->have, s->test.count, &s->test.theirs,
                            &fault)) {
        refuse(s, &fault);
        return;
    }
    s->test.have_theirs = true;
    perf_results(&s->test, &s->results);
    go(s, DONE);
    if (!perf_control_json(&s->control, iperf_results_write(&s->results)) ||
        !perf_control_state(&s->control, IPERF_DISPLAY_RESULTS) ||
        !iperf_expect(&s->control.reader, 1))
        end_test(s, "no memory");
}

static void take_state(struct server *s, int state)
{
    char text[16];
    char why[96];
    if (state == IPERF_CLIENT_TERMINATE) {
        end_test(s, "the client was ended");
    } else if (s->step == RUNNING && state == IPERF_TEST_END) {
        test_is_over(s);
    } else if (s->step == DONE && state == IPERF_DONE) {
        end_test(s, NULL);
    } else {
        (void)snprintf(why, sizeof why, "it says %s at the wrong time",
                       iperf_state_text(state, text));
        refuse_because(s, IPERF_E_MESSAGE, why);
    }
}

static void read_control(struct server *s)
{
    struct iperf_fault fault;
    int whole;
    while (s->step != IDLE && (whole = perf_control_read(&s->control, &fault)) != 0) {
        if (whole < 0)
            refuse(s, &fault);
        else if (s->step == PARAMS)
            take_params(s);
        else if (s->step == RESULTS)
            take_results(s);
        else
            take_state(s, (int8_t)s->control.reader.bytes[0]);
    }
    if (s->step == DONE && s->control.eof)
        end_test(s, NULL);
    else if (s->step != IDLE && s->control.eof)
        end_test(s, "the client closed the control connection before the test was over");
}

/* ---- Events ---- */

static void greet(struct server *s, struct guest *g)
{
    struct iperf_fault fault;
    const void *bytes;
    int64_t n = hf_tcp_peek(s->network.stack, g->conn, &bytes);
    if (n < 0) {
        drain(s, g);
        return;
    }
    if (n > 0) { /* the wanted bytes and no more: what follows a cookie is read later */
        int64_t used = iperf_feed(&g->reader, bytes, (size_t)n, &fault);
        (void)hf_tcp_consume(s->network.stack, g->conn, used > 0 ? (size_t)used : 0);
    }
    if (!iperf_whole(&g->reader))
        return;
    if (s->step == IDLE)
        begin_test(s, g);
    else if (s->step == STREAMS && memcmp(g->reader.bytes, s->test.cookie, IPERF_COOKIE) == 0)
        add_stream(s, g);
    else
        turn_away(s, g);
}

static void on_stream(struct server *s, struct guest *g, const struct hf_event *event)
{
    struct perf_stream *stream = &s->test.stream[g->stream];
    if (!(event->bits & HF_EVENT_ENDED)) {
        perf_pump(&s->test, stream);
        return;
    }
    perf_stream_ended(&s->test, stream, event->cause);
}

static void on_guest(struct server *s, struct guest *g, const struct hf_event *event)
{
    switch (g->role) {
    case GREETING:
        greet(s, g);
        break;
    case CONTROL:
        perf_control_flush(&s->control);
        read_control(s);
        break;
    case STREAM:
        on_stream(s, g, event);
        break;
    default:
        break;
    }
    if (g->role == LEAVING)
        drain(s, g);
    else if (g->role == GREETING && event->bits & HF_EVENT_ENDED)
        drain(s, g);
}

static void on_event(void *context, const struct hf_event *event)
{
    struct server *s = context;
    if (event->handle == s->listener) {
        accept_all(s);
        return;
    }
    if (event->user < GUESTS_MAX && s->guest[event->user].role != FREE &&
        s->guest[event->user].conn == event->handle)
        on_guest(s, &s->guest[event->user], event);
}

/* ---- Time ---- */

static void look_at_guests(struct server *s)
{
    hf_time now = now_of(s);
    for (size_t i = 0; i < GUESTS_MAX; i++) {
        struct guest *g = &s->guest[i];
        if ((g->role == GREETING && now - g->since > GREETING_MAX) ||
            (g->role == LEAVING && now - g->since > LINGER_MAX)) {
            (void)hf_tcp_abort(s->network.stack, g->conn);
            forget(g);
        } else if (g->role == GREETING) {
            greet(s, g); /* the test that stood in its way may be over */
        }
    }
    if (s->listener)
        accept_all(s);
}

static uint64_t bytes_moved(const struct server *s)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->test.count; i++)
        sum += s->test.stream[i].taken;
    return sum;
}

static void look_at_running(struct server *s)
{
    hf_time now = now_of(s);
    const struct iperf_params *p = &s->test.params;
    uint64_t moved = bytes_moved(s);
    hf_time most = (hf_time)((p->seconds + p->omit) * (double)HF_SEC) + OVERTIME_MAX;
    if (moved != s->moved) {
        s->moved = moved;
        s->moved_at = now;
    }
    for (unsigned i = 0; i < s->test.count; i++) {
        const struct perf_stream *stream = &s->test.stream[i];
        if (stream->ended && stream->cause != HF_CAUSE_NONE) {
            refuse_because(s, IPERF_E_STREAM, hf_cause_text((int)stream->cause));
            return;
        }
    }
    if (now - s->moved_at > SILENCE_MAX)
        refuse_because(s, IPERF_E_SILENCE, "nothing moved for two minutes");
    else if (p->bytes == 0 && now - s->test.began > most)
        refuse_because(s, IPERF_E_SILENCE, "the client does not end the test");
}

static void look_at_test(struct server *s)
{
    hf_time waited = now_of(s) - s->since;
    switch (s->step) {
    case PARAMS:
    case STREAMS:
        if (waited > SETUP_MAX)
            refuse_because(s, IPERF_E_SILENCE, "the client does not go on");
        break;
    case RUNNING:
        look_at_running(s);
        break;
    case RESULTS:
    case DONE:
        if (waited > ANSWER_MAX)
            refuse_because(s, IPERF_E_SILENCE, "the client does not go on");
        break;
    case IDLE:
        break;
    }
}

static bool anybody(const struct server *s)
{
    for (size_t i = 0; i < GUESTS_MAX; i++)
        if (s->guest[i].role != FREE)
            return true;
    return false;
}

static int run(struct server *s)
{
    while (network_interrupts(&s->network) == 0) {
        hf_time wait = anybody(s) ? perf_turn(&s->test) : HF_NEVER;
        int status = network_step(&s->network, wait);
        if (status >= 0)
            return status;
        look_at_test(s);
        look_at_guests(s);
        if (s->options->one_off && s->tests > 0 && !anybody(s))
            break;
    }
    if (s->step == DONE) {
        end_test(s, NULL);
    } else if (s->step != IDLE) {
        (void)perf_control_state(&s->control, IPERF_SERVER_TERMINATE);
        end_test(s, "interrupted");
    }
    for (size_t i = 0; i < GUESTS_MAX; i++) {
        if (s->guest[i].role == FREE)
            continue;
        (void)hf_tcp_close(s->network.stack, s->guest[i].conn);
        forget(&s->guest[i]);
    }
    network_flush(&s->network);
    return s->options->one_off && *s->error ? EXIT_FAILED : EXIT_FINE;
}

static void announce(const struct server *s)
{
    (void)fprintf(stderr, "serving perf on %s:", hf_link_name(s->network.link));
    for (size_t i = 0; i < common.addrs.count; i++) {
        char text[HF_ENDPOINT_TEXT];
        struct hf_endpoint end = {.addr = common.addrs.item[i].addr, .port = s->options->port};
        (void)fprintf(stderr, " %s", hf_endpoint_format(&end, text));
    }
    (void)fputc('\n', stderr);
}

int perf_server(const struct perf_options *options, const struct network_config *config)
{
    static struct server s;
    struct hf_listen listen = {
        .size = sizeof listen, .backlog = BACKLOG, .local.port = options->port};
    s = (struct server){.options = options, .config = *config};
    s.config.on_event = on_event;
    s.config.context = &s;
    int status = network_open(&s.network, &perf_command, &s.config);
    if (status >= 0)
        return status;
    s.test.network = &s.network;
    int err = hf_tcp_listen(s.network.stack, &listen, &s.listener);
    if (err < 0) {
        status = failure(&perf_command, "cannot listen: %s", hf_err_text(err));
    } else {
        announce(&s);
        status = run(&s);
    }
    int bad = network_close(&s.network);
    return status == EXIT_FINE && bad >= 0 ? bad : status;
}
