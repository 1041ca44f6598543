/* handfast perf -c: the side that connects, says what is measured, and ends it.
 *
 * The connections of the streams are opened one behind the other, so that both sides count them
 * in the same order. The test ends when its time is up, or when all bytes have arrived; the
 * streams are given up only when the server has said that it has stopped, because a reset before
 * that would look like a failure to it. */
#include "perf.h"

#include <stdio.h>
#include <string.h>

#define USER_CONTROL 0
#define USER_STREAM 1            /* and the place behind */
#define ANSWER_MAX (30 * HF_SEC) /* for each state that the server owes */
#define CLOSE_MAX HF_SEC

enum step { OPENING, WAITING, JSON, ERROR, LEAVING };

struct client {
    struct network network;
    struct network_config config;
    const struct perf_options *options;
    struct perf_test test;
    struct perf_control control;
    enum step step;
    struct iperf_results results;
    bool opening_stream, interrupted;
    hf_time heard; /* when the server last said something */
    int status;    /* the exit status; -1: not known yet */
    char error[256];
};

static void give_up(struct client *c, int status, const char *why)
{
    if (c->status >= 0)
        return;
    c->status = status;
    (void)snprintf(c->error, sizeof c->error, "%s", why);
}

static void fail(struct client *c, const char *why)
{
    char text[HF_ENDPOINT_TEXT];
    if (c->status >= 0)
        return;
    give_up(c, EXIT_FAILED, why);
    (void)failure(&perf_command, "%s: %s", hf_endpoint_format(&c->test.report.remote, text), why);
}

/* ---- Streams ---- */

static void open_stream(struct client *c)
{
    hf_conn conn;
    struct hf_open open = {
        .size = sizeof open,
        .remote = c->test.report.remote,
        .user = USER_STREAM + c->test.count,
        .tos = c->test.params.tos,
    };
    int err = hf_tcp_open(c->network.stack, &open, &conn);
    if (err < 0) {
        fail(c, hf_err_text(err));
        return;
    }
    (void)perf_add_stream(&c->test, conn);
    c->opening_stream = true;
}

static void stream_is_open(struct client *c)
{
    const struct perf_stream *newest = &c->test.stream[c->test.count - 1];
    (void)hf_tcp_send(c->network.stack, newest->conn, c->test.cookie, IPERF_COOKIE, 0);
    c->opening_stream = false;
    if (c->test.count < perf_streams_wanted(&c->test.params))
        open_stream(c);
}

static void on_stream(struct client *c, struct perf_stream *stream, const struct hf_event *event)
{
    if (event->bits & HF_EVENT_CONNECTED && c->opening_stream)
        stream_is_open(c);
    if (event->bits & HF_EVENT_ENDED)
        perf_stream_ended(&c->test, stream, event->cause);
    else
        perf_pump(&c->test, stream);
}

/* ---- What the server says ---- */

static void expect_state(struct client *c)
{
    c->step = WAITING;
    if (!iperf_expect(&c->control.reader, 1))
        fail(c, "no memory");
}

static void send_params(struct client *c)
{
    if (!perf_control_json(&c->control, iperf_params_write(&c->test.params)))
        fail(c, "no memory");
}

static void send_results(struct client *c)
{
    perf_stop(&c->test);
    perf_results(&c->test, &c->results);
    if (!perf_control_json(&c->control, iperf_results_write(&c->results)) ||
        !iperf_expect_json(&c->control.reader, IPERF_RESULTS_MAX))
        fail(c, "no memory");
    c->step = JSON;
}

/* A stream whose bytes have all arrived is closed, one with a queue that nobody wants is reset. */
static void give_up_stream(struct client *c, hf_conn conn)
{
    struct hf_tcp_status status = {.size = sizeof status};
    if (hf_tcp_status(c->network.stack, conn, &status) == HF_OK && status.send_queued == 0)
        (void)hf_tcp_close(c->network.stack, conn);
    else
        (void)hf_tcp_abort(c->network.stack, conn);
}

static void leave(struct client *c)
{
    (void)perf_control_state(&c->control, IPERF_DONE);
    for (unsigned i = 0; i < c->test.count; i++)
        give_up_stream(c, c->test.stream[i].conn);
    (void)hf_tcp_shutdown(c->network.stack, c->control.conn);
    c->step = LEAVING;
}

/* Whether the state is one that a server may say now. */
static bool in_order(const struct client *c, int state)
{
    bool ready = !c->opening_stream && c->test.count > 0;
    switch (state) {
    case IPERF_PARAM_EXCHANGE:
    case IPERF_CREATE_STREAMS:
        return c->test.count == 0;
    case IPERF_TEST_START:
    case IPERF_TEST_RUNNING:
        return ready && c->test.count == perf_streams_wanted(&c->test.params);
    case IPERF_EXCHANGE_RESULTS:
        return (c->test.running || c->test.stopped) && !c->test.have_theirs;
    case IPERF_DISPLAY_RESULTS:
        return c->test.have_theirs;
    default:
        return true;
    }
}

static void on_state(struct client *c, int state)
{
    char text[16];
    char why[96];
    if (!in_order(c, state)) {
        (void)snprintf(why, sizeof why, "it says %s at the wrong time",
                       iperf_state_text(state, text));
        fail(c, why);
        return;
    }
    expect_state(c);
    switch (state) {
    case IPERF_PARAM_EXCHANGE:
        send_params(c);
        break;
    case IPERF_CREATE_STREAMS:
        open_stream(c);
        break;
    case IPERF_TEST_START:
        perf_begin(&c->test);
        break;
    case IPERF_TEST_RUNNING:
        break;
    case IPERF_EXCHANGE_RESULTS:
        send_results(c);
        break;
    case IPERF_DISPLAY_RESULTS:
        leave(c);
        break;
    case IPERF_SERVER_ERROR:
        if (!iperf_expect(&c->control.reader, 8))
            fail(c, "no memory");
        c->step = ERROR;
        break;
    case IPERF_SERVER_TERMINATE:
        fail(c, "the server was ended");
        break;
    case IPERF_ACCESS_DENIED:
        fail(c, "the server is busy with another test");
        break;
    default:
        (void)snprintf(why, sizeof why, "it says %s, which is no state of iperf3's protocol",
                       iperf_state_text(state, text));
        fail(c, why);
    }
}

static void on_error(struct client *c)
{
    const uint8_t *b = c->control.reader.bytes;
    uint32_t error = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    uint32_t number = (uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 | b[7];
    char why[160];
    const char *text = error < 1000 ? iperf_error_text((int)error) : iperf_error_text(0);
    (void)snprintf(why, sizeof why, "the server refuses: %s (error %u, errno %u)", text, error,
                   number);
    fail(c, why);
}

static void on_results(struct client *c)
{
    struct iperf_fault fault;
    if (!iperf_results_read((const char *)c->control.reader.bytes, c->control.reader.have,
                            c->test.count, &c->test.theirs, &fault)) {
        fail(c, fault.text);
        return;
    }
    c->test.have_theirs = true;
    expect_state(c);
}

static void read_control(struct client *c)
{
    struct iperf_fault fault;
    int whole;
    while (c->status < 0 && c->step != OPENING && c->step != LEAVING &&
           (whole = perf_control_read(&c->control, &fault)) != 0) {
        c->heard = hf_host_now(c->network.host);
        if (whole < 0)
            fail(c, fault.text);
        else if (c->step == WAITING)
            on_state(c, (int8_t)c->control.reader.bytes[0]);
        else if (c->step == ERROR)
            on_error(c);
        else
            on_results(c);
    }
    if (c->step == LEAVING) {
        const void *bytes;
        c->control.eof |= hf_tcp_peek(c->network.stack, c->control.conn, &bytes) < 0;
    } else if (c->control.eof) {
        fail(c, "it closed the control connection before the test was over");
    }
}

/* ---- Events ---- */

static void connected(struct client *c)
{
    struct hf_tcp_status status = {.size = sizeof status};
    if (hf_tcp_status(c->network.stack, c->control.conn, &status) == HF_OK)
        c->test.report.local = status.local;
    (void)hf_tcp_set(c->network.stack, c->control.conn, HF_OPTION_NODELAY, 1);
    c->heard = hf_host_now(c->network.host);
    if (!perf_control_bytes(&c->control, c->test.cookie, IPERF_COOKIE))
        fail(c, "no memory");
    expect_state(c);
}

static void on_control(struct client *c, const struct hf_event *event)
{
    if (event->bits & HF_EVENT_CONNECTED)
        connected(c);
    perf_control_flush(&c->control);
    read_control(c);
    if (event->bits & HF_EVENT_ENDED && c->step != LEAVING)
        fail(c, hf_cause_text((int)event->cause));
    c->control.eof |= (event->bits & HF_EVENT_ENDED) != 0;
}

static void on_event(void *context, const struct hf_event *event)
{
    struct client *c = context;
    if (event->user == USER_CONTROL)
        on_control(c, event);
    else if (event->user - USER_STREAM < c->test.count)
        on_stream(c, &c->test.stream[event->user - USER_STREAM], event);
}

/* ---- Running ---- */

static void look_at_streams(struct client *c)
{
    for (unsigned i = 0; i < c->test.count; i++) {
        const struct perf_stream *s = &c->test.stream[i];
        if (s->ended && !c->test.stopped) {
            fail(c, s->cause ? hf_cause_text((int)s->cause) : "it closed a stream too early");
            return;
        }
    }
}

/* Whether both sides have closed everything, TIME-WAIT aside. */
static bool left(struct client *c)
{
    struct hf_stack_counters counters;
    hf_stack_counters(c->network.stack, &counters);
    return counters.connections == 0 ||
           (c->control.eof && over(&c->network, c->control.conn) && counters.connections <= 1);
}

static void look_at_time(struct client *c)
{
    hf_time now = hf_host_now(c->network.host);
    if (perf_is_over(&c->test)) {
        perf_stop(&c->test);
        (void)perf_control_state(&c->control, IPERF_TEST_END);
        c->heard = now;
    }
    if (!c->test.running && c->step != OPENING && c->step != LEAVING &&
        now - c->heard > ANSWER_MAX)
        fail(c, "it says nothing any more");
    if (c->step != LEAVING || c->status >= 0)
        return;
    if (c->interrupted && (c->control.eof || now - c->heard > CLOSE_MAX))
        give_up(c, EXIT_INTERRUPTED, "interrupted");
    else if (!c->interrupted && (left(c) || now - c->heard > CLOSE_MAX))
        c->status = EXIT_FINE;
}

/* The first time the server is told and may close everything, as at the end of a test. */
static void interrupted(struct client *c)
{
    perf_stop(&c->test);
    if (c->step == OPENING || network_interrupts(&c->network) > 1) {
        give_up(c, EXIT_INTERRUPTED, "interrupted");
    } else if (!c->interrupted) {
        c->interrupted = true;
        (void)perf_control_state(&c->control, IPERF_CLIENT_TERMINATE);
        c->step = LEAVING;
        c->heard = hf_host_now(c->network.host);
    }
}

static void run(struct client *c)
{
    while (c->status < 0) {
        hf_time wait = perf_turn(&c->test);
        look_at_time(c);
        if (c->status >= 0)
            break;
        int status = network_step(&c->network, wait);
        if (status >= 0)
            give_up(c, status, "the link is gone");
        look_at_streams(c);
        if (network_interrupts(&c->network))
            interrupted(c);
    }
    perf_stop(&c->test);
    if (c->step == LEAVING || c->test.stopped || c->options->json)
        perf_report_end(&c->test, c->status == EXIT_FINE ? NULL : c->error);
    (void)hf_tcp_close(c->network.stack, c->control.conn);
    for (unsigned i = 0; i < c->test.count; i++)
        (void)hf_tcp_abort(c->network.stack, c->test.stream[i].conn);
    network_flush(&c->network);
}

static int start(struct client *c)
{
    uint8_t random[3][16];
    uint8_t bytes[IPERF_COOKIE - 1];
    for (int i = 0; i < 3; i++)
        if (hf_host_seed(random[i]) < 0)
            return failure(&perf_command, "the system has no random numbers to give");
    memcpy(bytes, random, sizeof bytes);
    iperf_cookie(bytes, c->test.cookie);
    return connect_to(&c->network, c->options->host, c->options->port, USER_CONTROL,
                      &c->control.conn, &c->test.report.remote);
}

int perf_client(const struct perf_options *options, const struct network_config *config)
{
    static struct client c;
    c = (struct client){.options = options, .config = *config, .status = -1};
    c.config.on_event = on_event;
    c.config.context = &c;
    int status = network_open(&c.network, &perf_command, &c.config);
    if (status >= 0)
        return status;
    c.test.network = c.control.network = &c.network;
    c.test.params = options->params;
    c.test.interval = options->interval;
    c.test.report.json = options->json;
    status = start(&c);
    if (status >= 0)
        c.status = status;
    else
        run(&c);
    perf_control_free(&c.control);
    int bad = network_close(&c.network);
    return c.status == EXIT_FINE && bad >= 0 ? bad : c.status;
}
