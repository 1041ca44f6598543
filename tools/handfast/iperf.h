/* iperf3's control protocol as bytes: what `handfast perf` says to an iperf3, or to another of its
 * kind, and how it reads what comes back. No I/O and no state but a message being read.
 *
 * A client opens a control connection and sends a cookie of 37 bytes. From then on each side sends
 * states of one byte; some are followed by a message: a length of four bytes, big-endian, and so
 * many bytes of JSON, or, behind SERVER_ERROR, two numbers of four bytes.
 *
 *     client                       server
 *     cookie               ---->
 *                          <----   PARAM_EXCHANGE
 *     parameters           ---->
 *                          <----   CREATE_STREAMS
 *     a connection for each stream, and the cookie on it
 *                          <----   TEST_START, TEST_RUNNING
 *     ... data ...
 *     TEST_END             ---->
 *                          <----   EXCHANGE_RESULTS
 *     results              ---->
 *                          <----   results, DISPLAY_RESULTS
 *     IPERF_DONE           ---->
 *
 * With both directions the first half of the connections carries data to the server. */
#ifndef HANDFAST_TOOL_IPERF_H
#define HANDFAST_TOOL_IPERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPERF_PORT 5201
#define IPERF_COOKIE 37   /* 36 characters and a zero                                   */
#define IPERF_WAY_MAX 128 /* streams of one direction                                   */
#define IPERF_STREAMS_MAX (2 * IPERF_WAY_MAX)
#define IPERF_PARAMS_MAX 8192    /* bytes of JSON; iperf3 has the same bound                   */
#define IPERF_RESULTS_MAX 131072 /* 256 streams of 500 bytes                                  */
#define IPERF_NAME 16            /* a congestion controller's name, with its zero              */
#define IPERF_SECONDS_MAX 86400
#define IPERF_OMIT_MAX 600
#define IPERF_BLOCK_MAX 1048576
#define IPERF_WINDOW_MAX 536870912

enum iperf_state {
    IPERF_SERVER_ERROR = -2,
    IPERF_ACCESS_DENIED = -1,
    IPERF_TEST_START = 1,
    IPERF_TEST_RUNNING = 2,
    IPERF_TEST_END = 4,
    IPERF_PARAM_EXCHANGE = 9,
    IPERF_CREATE_STREAMS = 10,
    IPERF_SERVER_TERMINATE = 11,
    IPERF_CLIENT_TERMINATE = 12,
    IPERF_EXCHANGE_RESULTS = 13,
    IPERF_DISPLAY_RESULTS = 14,
    IPERF_DONE = 16
};

/* What a server says behind SERVER_ERROR: iperf3's numbers. */
enum iperf_error {
    IPERF_E_DURATION = 5,
    IPERF_E_STREAMS = 6,
    IPERF_E_BLOCK = 7,
    IPERF_E_WINDOW = 8,
    IPERF_E_MSS = 10,
    IPERF_E_OMIT = 12,
    IPERF_E_UNSUPPORTED = 13,
    IPERF_E_END = 16,
    IPERF_E_TOS = 21,
    IPERF_E_BOTH_WAYS = 25,
    IPERF_E_MESSAGE = 110,
    IPERF_E_PARAMS = 114,
    IPERF_E_RESULTS = 117,
    IPERF_E_CONGESTION = 134,
    IPERF_E_SILENCE = 144,
    IPERF_E_STREAM = 207
};

/* Why a message is refused: one line, and the number for the other side. */
struct iperf_fault {
    int error; /* enum iperf_error */
    char text[160];
};

/* iperf_state_text: a phrase for a state, "state N" for those that are none. text: 16 bytes */
const char *iperf_state_text(int state, char *text);

/* iperf_error_text: a phrase for what came behind SERVER_ERROR. Never NULL. */
const char *iperf_error_text(int error);

/* iperf_cookie: 36 characters out of 36 random bytes, and a zero. */
void iperf_cookie(const uint8_t random[IPERF_COOKIE - 1], char cookie[IPERF_COOKIE]);

/* ---- Parameters: what is to be measured ---- */

struct iperf_params {
    double seconds;   /* how long; 0: by bytes                                                */
    double omit;      /* seconds at the start that do not count                               */
    uint64_t bytes;   /* how much, all streams of a direction together; 0: by time            */
    uint64_t rate;    /* bits a second that a stream sends at the most; 0: no limit           */
    uint32_t streams; /* of each direction                                                    */
    uint32_t block;   /* bytes of one write                                                   */
    uint32_t window;  /* bytes of socket buffers; 0: as they are                              */
    uint32_t mss;     /* 0: as it is                                                          */
    uint8_t tos;
    bool reverse; /* the server sends                                                     */
    bool both;    /* both send                                                            */
    bool nodelay;
    char congestion[IPERF_NAME]; /* the sender's controller; "": its default                  */
};

/* iperf_params_write: as JSON. returns the text, to be freed; NULL: no memory */
char *iperf_params_write(const struct iperf_params *params);

/* iperf_params_read: returns false, and *fault, when the text is not what a client may ask of a
 * server that speaks TCP. text: len bytes, no zero is needed */
bool iperf_params_read(const char *text, size_t len, struct iperf_params *params,
                       struct iperf_fault *fault);

/* ---- Results: what a side has seen ---- */

/* iperf_stream_id: the number both sides give to a stream, by its place: 1, 3, 4, 5, ... */
unsigned iperf_stream_id(unsigned place);

struct iperf_stream_result {
    unsigned id;
    uint64_t bytes;      /* sent and acknowledged, or received                                */
    int64_t retransmits; /* -1: not known, or not the sender                                  */
    double seconds;      /* 0: not told                                                       */
};

struct iperf_results {
    double cpu[3]; /* percent of one core: all, user, system                                  */
    int retransmits_known; /* 1, 0; -1: this side sends nothing                               */
    char congestion[IPERF_NAME];
    unsigned count;
    struct iperf_stream_result stream[IPERF_STREAMS_MAX];
};

/* iperf_results_write: as JSON. returns the text, to be freed; NULL: no memory */
char *iperf_results_write(const struct iperf_results *results);

/* iperf_results_read: returns false, and *fault, for anything but results of `streams` streams,
 * each once. */
bool iperf_results_read(const char *text, size_t len, unsigned streams,
                        struct iperf_results *results, struct iperf_fault *fault);

/* ---- Reading one message ---- */

struct iperf_reader {
    uint8_t *bytes; /* the message so far                                                     */
    size_t have, want;
    size_t json_max; /* of the text behind a length that is being read; 0: none               */
};

/* iperf_expect: the next message has this many bytes. iperf_expect_json: a length, and text of 2 to
 * `max` bytes. Both forget what was read before. returns false: no memory */
bool iperf_expect(struct iperf_reader *reader, size_t bytes);
bool iperf_expect_json(struct iperf_reader *reader, size_t max);

/* iperf_feed: take what belongs to the message. When it is whole (iperf_whole), `bytes` has `have`
 * bytes, of JSON only the text.
 * returns  how many bytes were taken; -1, and *fault: the length is not allowed, or no memory */
int64_t iperf_feed(struct iperf_reader *reader, const void *bytes, size_t len,
                   struct iperf_fault *fault);
bool iperf_whole(const struct iperf_reader *reader);

void iperf_reader_free(struct iperf_reader *reader);

#endif
