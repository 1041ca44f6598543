/* Records for tests of views, made by hand: two ends, their stacks, and what passes between them,
 * with packets whose headers fit the records. Numbers are relative: 0 is the SYN. */
#ifndef FEED_H
#define FEED_H

#include <stdbool.h>

#include <handfast/view.h>

enum { CLIENT = 0, SERVER = 1 };

struct feed {
    struct hf_tee sinks;
    bool ours[2]; /* whether the end has a stack that tells                                */
    bool ipv6;
    uint8_t state[2];
    uint32_t isn[2];
    uint32_t conn[2];
    hf_time now;
};

/* What a segment says; what is 0 is left out. */
struct told_segment {
    uint16_t flags;
    uint32_t seq, ack, text, window;
    uint16_t mss;
    uint8_t wscale; /* 0: none                                                                */
    uint8_t sack_permitted;
    uint32_t sack[2];
    uint8_t reason;
    bool partial; /* its checksum is left to the link                                         */
};

/* Two ends, 10.0.0.1:49152 and 10.0.0.2:80 (or fd00::1, fd00::2), both ours, CLOSED and LISTEN. */
void feed_begin(struct feed *feed);
void feed_to(struct feed *feed, hf_trace_fn sink, void *context);

/* An end opens: OPEN, and for an active one the call. */
void feed_open(struct feed *feed, int end, bool active);

/* A call; and what it does to the state (HF_STATES: nothing). */
void feed_call(struct feed *feed, int end, int call, int state);

/* The end sends: an OUT record, if it is ours. */
void feed_out(struct feed *feed, int end, struct told_segment segment);

/* It arrives at the other end: an IN record, if that is ours, and what it does to the state. */
void feed_in(struct feed *feed, int from, struct told_segment segment, int state);

/* Both. */
void feed_pass(struct feed *feed, int from, struct told_segment segment, int state);

/* A change of state that neither segment nor call made. */
void feed_timer(struct feed *feed, int end, int timer, int state);

/* The connection ended at this end. */
void feed_end(struct feed *feed, int end, int cause, uint64_t sent, uint64_t received);

void feed_drop(struct feed *feed, int from, struct told_segment segment, int reason);

/* Scenes that several tests use. */
void feed_three_way_open(struct feed *feed);
void feed_four_way_close(struct feed *feed);

/* Text that a view wrote. */
struct text {
    char *bytes;
    size_t len;
};

void text_write(void *text, const void *bytes, size_t len);
void text_end(struct text *text);

#endif
