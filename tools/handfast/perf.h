/* What the two ends of `handfast perf` share: a test with its streams, the control connection, and
 * what is printed. */
#ifndef HANDFAST_TOOL_PERF_H
#define HANDFAST_TOOL_PERF_H

#include "iperf.h"
#include "network.h"

extern const struct command perf_command;

/* ---- A stream: perf_stream.c ---- */

/* What a stream has done up to a moment. */
struct perf_sample {
    hf_time at;
    uint64_t bytes; /* sent and acknowledged, or received                                     */
    uint32_t retransmits;
    hf_time rtt;   /* 0: no sample yet                                                       */
    uint32_t cwnd; /* bytes                                                                  */
};

struct perf_stream {
    hf_conn conn;
    unsigned id;
    bool sending;   /* from here                                                            */
    bool ended;     /* nothing more can come or go                                          */
    uint32_t cause; /* enum hf_cause, when it ended other than by closing                   */
    uint64_t taken; /* bytes given to TCP, or read from it                                  */
    struct perf_sample start, last, now;
};

/* ---- What is printed: perf_report.c ---- */

struct cJSON;

struct perf_report {
    bool json;
    struct cJSON *document, *intervals; /* with json only                                     */
    struct hf_endpoint local, remote;   /* of the control connection                          */
};

/* ---- A test ---- */

struct perf_cpu {
    double user, system; /* seconds                                                           */
};

struct perf_test {
    struct network *network;
    struct iperf_params params;
    hf_time interval; /* between lines; 0: none                                               */
    bool serving, running, stopped;
    char cookie[IPERF_COOKIE];
    struct perf_stream stream[IPERF_STREAMS_MAX];
    unsigned count;
    hf_time began, counted_from, over; /* counted_from: behind what is omitted                */
    hf_time next_line, line_from;
    uint64_t
        vain[3]; /* segments resent in vain, of the whole stack: at the start, last line, now */
    uint64_t unsent; /* bytes that may still be given to TCP; UINT64_MAX: no limit            */
    struct perf_cpu cpu_began, cpu_over;
    struct iperf_results theirs;
    bool have_theirs;
    char congestion[IPERF_NAME]; /* this side's controller, known at the end */
    struct perf_report report;
};

/* perf_streams_wanted: connections that carry data, both directions together. */
unsigned perf_streams_wanted(const struct iperf_params *params);

/* perf_add_stream: the next one in the order of the protocol. Which way it goes follows from the
 * parameters. Buffers, TOS and Nagle are set on the connection. */
struct perf_stream *perf_add_stream(struct perf_test *test, hf_conn conn);

/* perf_begin: all streams are there. perf_stop: the last sample is taken; what still comes is thrown
 * away. Both do nothing the second time. */
void perf_begin(struct perf_test *test);
void perf_stop(struct perf_test *test);

/* perf_pump: send or take what can be sent or taken now. */
void perf_pump(struct perf_test *test, struct perf_stream *stream);

/* perf_stream_ended: HF_EVENT_ENDED of a stream. */
void perf_stream_ended(struct perf_test *test, struct perf_stream *stream, uint32_t cause);

/* perf_turn: what time asks for: lines, the end of what is omitted, streams with a limited rate.
 * returns  how long the host may wait */
hf_time perf_turn(struct perf_test *test);

/* perf_is_over: whether the client has to end it: time is up, or all bytes have arrived. */
bool perf_is_over(const struct perf_test *test);

/* perf_results: what this side tells the other. */
void perf_results(const struct perf_test *test, struct iperf_results *results);

void perf_report_begin(struct perf_test *test);
void perf_report_interval(struct perf_test *test, hf_time from, hf_time to);
void perf_report_end(struct perf_test *test, const char *error);

/* ---- The control connection: perf_control.c ---- */

struct perf_control {
    struct network *network;
    hf_conn conn;
    struct iperf_reader reader;
    uint8_t *unsent; /* what TCP had no room for                                              */
    size_t unsent_len;
    bool eof; /* the peer has closed, or the connection has ended                             */
    uint32_t cause;
};

/* perf_control_state, perf_control_json: say it. json is freed; NULL is no memory.
 * returns false when it cannot be said any more */
bool perf_control_state(struct perf_control *control, enum iperf_state state);
bool perf_control_json(struct perf_control *control, char *json);
bool perf_control_bytes(struct perf_control *control, const void *bytes, size_t len);

/* perf_control_flush: on HF_EVENT_WRITABLE. */
void perf_control_flush(struct perf_control *control);

/* perf_control_read: go on reading the message that is expected.
 * returns  1: it is whole; 0: more must come; -1: *fault */
int perf_control_read(struct perf_control *control, struct iperf_fault *fault);

void perf_control_free(struct perf_control *control);

/* ---- The two roles ---- */

struct perf_options {
    const char *host; /* client                                                               */
    uint16_t port;
    hf_time interval;
    bool json, one_off;
    struct iperf_params params;
};

int perf_client(const struct perf_options *options, const struct network_config *config);
int perf_server(const struct perf_options *options, const struct network_config *config);

#endif
