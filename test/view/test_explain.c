/* src/view/explain*.c: connections out of their segments. A test is a capture, packet by packet:
 * numbers are relative to each side's SYN, times in milliseconds. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/explain.h>
#include <handfast/view.h>

enum { A = 0, B = 1 };

/* A segment; what is 0 is left out, but the window. */
struct seen {
    unsigned flags;
    uint32_t seq, ack, text;
    uint32_t sack[2][2];
    uint32_t tsval;  /* with it, timestamps                                                    */
    bool closed;     /* window 0                                                               */
    uint16_t window; /* 0: 1000                                                               */
    uint8_t ttl;     /* 0: 64                                                                  */
    uint16_t id;     /* 0: the packet's number                                                 */
    bool sack_permitted;
};

struct story {
    struct hf_explain *explain;
    bool ipv6;
    uint16_t port; /* of A                                                              */
    uint32_t isn[2];
    uint64_t packets;
    unsigned told; /* connections                                                       */
    struct hf_explained last;
    struct hf_explain_event events[HF_EXPLAIN_EVENTS_MAX];
    char sentence[HF_EXPLAIN_SENTENCE];
    char trail[2][300]; /* states of the watched connection                                  */
    uint8_t frame[2000];
    uint32_t len;
};

/* The next "#N" in a text, or NULL; *at moves behind it. */
static const char *next_packet(const char **at)
{
    const char *mark = strchr(*at, '#');
    if (mark)
        *at = mark + 1 + strspn(mark + 1, "0123456789");
    return mark;
}

/* The same is said in Chinese: of the same packets in the same order, and without an English word. */
static void expect_chinese(const struct hf_explained *c, const char *english)
{
    char chinese[HF_EXPLAIN_SENTENCE];
    hf_explain_sentence_words(c, HF_CHINESE, chinese);
    assert_true(strlen(chinese) + 1 < HF_EXPLAIN_SENTENCE);
    for (const char *p = chinese; p[0]; p++)
        if (p[0] >= 'a' && p[0] <= 'z' && p[1] >= 'a' && p[1] <= 'z')
            fail_msg("English in \"%s\"", chinese);
    const char *a = english, *b = chinese;
    for (;;) {
        const char *x = next_packet(&a), *y = next_packet(&b);
        assert_int_equal(x != NULL, y != NULL);
        if (!x)
            return;
        assert_int_equal(strtoull(x + 1, NULL, 10), strtoull(y + 1, NULL, 10));
    }
}

static void on_over(void *context, const struct hf_explained *c)
{
    struct story *story = context;
    story->told++;
    story->last = *c;
    for (uint32_t i = 0; i < c->event_count; i++)
        story->events[i] = c->events[i];
    hf_explain_sentence(c, story->sentence);
    assert_true(strlen(story->sentence) + 1 < HF_EXPLAIN_SENTENCE);
    expect_chinese(c, story->sentence);
}

static void on_segment(void *context, const struct hf_explained *c,
                       const struct hf_explained_segment *s)
{
    struct story *story = context;
    (void)c;
    for (int e = 0; e < 2; e++) {
        if (!s->changed[e])
            continue;
        strcat(story->trail[e], *story->trail[e] ? " " : "");
        strcat(story->trail[e], hf_state_text(s->state[e]));
    }
}

static void begin(struct story *story)
{
    memset(story, 0, sizeof *story);
    struct hf_explain_config config = {.size = sizeof config,
                                       .over = on_over,
                                       .segment = on_segment,
                                       .context = story,
                                       .watch = 1};
    story->explain = hf_explain_create(&config);
    assert_non_null(story->explain);
    story->port = 5000;
    story->isn[A] = 0xfffffff0; /* wraps */
    story->isn[B] = 7000;
}

static void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

static uint32_t put_options(const struct story *story, int from, const struct seen *s, uint8_t *p)
{
    uint8_t *at = p;
    if (s->sack_permitted)
        *at++ = 1, *at++ = 1, *at++ = 4, *at++ = 2;
    if (s->tsval) {
        *at++ = 1, *at++ = 1, *at++ = 8, *at++ = 10;
        put32(at, s->tsval);
        put32(at + 4, 1);
        at += 8;
    }
    int blocks = (s->sack[0][1] != 0) + (s->sack[1][1] != 0);
    if (blocks) {
        *at++ = 1, *at++ = 1, *at++ = 5, *at++ = (uint8_t)(2 + 8 * blocks);
        for (int i = 0; i < blocks; i++, at += 8) {
            put32(at, s->sack[i][0] + story->isn[1 - from]);
            put32(at + 4, s->sack[i][1] + story->isn[1 - from]);
        }
    }
    return (uint32_t)(at - p);
}

/* The datagram of a segment, in story->frame. */
static void build(struct story *story, int from, const struct seen *s)
{
    uint8_t *ip = story->frame;
    uint32_t header = story->ipv6 ? 40 : 20;
    uint8_t *tcp = ip + header;
    memset(story->frame, 0, sizeof story->frame);
    uint16_t ports[2] = {story->port, 80};
    put16(tcp, ports[from]);
    put16(tcp + 2, ports[1 - from]);
    put32(tcp + 4, s->seq + story->isn[from]);
    put32(tcp + 8, s->flags & HF_ACK ? s->ack + story->isn[1 - from] : 0);
    uint32_t options = put_options(story, from, s, tcp + 20);
    put16(tcp + 12, (5 + options / 4) << 12 | s->flags);
    put16(tcp + 14, s->closed ? 0u : s->window ? s->window : 1000u);
    uint32_t total = 20 + options + s->text;
    story->len = header + total;
    uint8_t ttl = s->ttl ? s->ttl : 64;
    if (story->ipv6) {
        ip[0] = 0x60;
        put16(ip + 4, total);
        ip[6] = 6, ip[7] = ttl;
        ip[8] = ip[24] = 0xfd;
        ip[23] = (uint8_t)(1 + from), ip[39] = (uint8_t)(2 - from);
        return;
    }
    ip[0] = 0x45;
    put16(ip + 2, story->len);
    put16(ip + 4, s->id ? s->id : (uint32_t)story->packets + 1);
    ip[8] = ttl, ip[9] = 6;
    ip[12] = ip[16] = 10;
    ip[15] = (uint8_t)(1 + from), ip[19] = (uint8_t)(2 - from);
}

static void at(struct story *story, double ms, int from, struct seen s)
{
    build(story, from, &s);
    assert_int_equal(hf_explain_datagram(story->explain, (hf_time)(ms * (double)HF_MS),
                                         ++story->packets, story->frame, story->len, story->len),
                     0);
}

static void end(struct story *story)
{
    hf_explain_finish(story->explain);
}

static void over(struct story *story)
{
    hf_explain_destroy(story->explain);
}

static uint32_t times(const struct story *story, int e, int kind)
{
    return story->last.end[e].counts[kind];
}

/* The packet of the first event of a kind; 0: none. */
static uint64_t where(const struct story *story, int kind)
{
    for (uint32_t i = 0; i < story->last.event_count; i++)
        if (story->events[i].kind == kind)
            return story->events[i].packet;
    return 0;
}

/* Three segments, 10 ms of round trip, seen at A; and one exchange of 100 and 200 bytes. */
static void opened(struct story *story)
{
    at(story, 0, A, (struct seen){.flags = HF_SYN, .sack_permitted = true});
    at(story, 10, B, (struct seen){.flags = HF_SYN | HF_ACK, .ack = 1, .sack_permitted = true});
    at(story, 10.1, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1});
}

static void exchanged(struct story *story)
{
    opened(story);
    at(story, 20, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100});
    at(story, 30, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 101, .text = 200});
    at(story, 31, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 201});
}

static void check_close(bool ipv6)
{
    struct story story;
    begin(&story);
    story.ipv6 = ipv6;
    exchanged(&story);
    at(&story, 40, A, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 101, .ack = 201});
    at(&story, 50, B, (struct seen){.flags = HF_ACK, .seq = 201, .ack = 102});
    at(&story, 60, B, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 201, .ack = 102});
    at(&story, 61, A, (struct seen){.flags = HF_ACK, .seq = 102, .ack = 202});
    end(&story);
    assert_int_equal(story.last.ending, HF_EXPLAIN_END_CLOSED);
    assert_int_equal(story.last.end[A].bytes, 100);
    assert_int_equal(story.last.end[B].bytes, 200);
    assert_int_equal(story.last.handshake, 10100 * HF_US);
    assert_int_equal(story.last.event_count, 1); /* nothing but the open */
    assert_string_equal(story.trail[A], "SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT");
    assert_string_equal(story.trail[B], "SYN-RECEIVED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED");
    assert_string_equal(story.sentence, "Closed in order: A closed first (FIN #7), B followed "
                                        "(FIN #9), the last acknowledgement is #10.");
    over(&story);
}

TEST(open_and_close, none, "")
{
    check_close(false);
    check_close(true);
}

TEST(refused, none, "")
{
    struct story story;
    begin(&story);
    at(&story, 0, A, (struct seen){.flags = HF_SYN});
    at(&story, 1, B, (struct seen){.flags = HF_RST | HF_ACK, .ack = 1});
    end(&story);
    assert_int_equal(story.last.ending, HF_EXPLAIN_END_REFUSED);
    assert_string_equal(story.sentence,
                        "Refused: B answered the SYN (#1) with a reset (#2): "
                        "nothing listens on that port, or a firewall rejects it.");
    over(&story);
}

TEST(no_answer, none, "")
{
    struct story story;
    begin(&story);
    at(&story, 0, A, (struct seen){.flags = HF_SYN});
    at(&story, 1000, A, (struct seen){.flags = HF_SYN});
    end(&story);
    assert_int_equal(story.last.ending, HF_EXPLAIN_END_NO_ANSWER);
    assert_int_equal(times(&story, A, HF_EXPLAIN_RTO), 1);
    over(&story);
}

TEST(half_open, none, "")
{
    struct story story;
    begin(&story);
    at(&story, 0, A, (struct seen){.flags = HF_SYN});
    at(&story, 1, B, (struct seen){.flags = HF_SYN | HF_ACK, .ack = 1});
    at(&story, 1001, B, (struct seen){.flags = HF_SYN | HF_ACK, .ack = 1});
    end(&story);
    assert_int_equal(story.last.ending, HF_EXPLAIN_END_HALF_OPEN);
    assert_int_equal(times(&story, B, HF_EXPLAIN_RTO), 1);
    assert_string_equal(story.sentence,
                        "Half-open: B answered (SYN,ACK #2), the third segment of A never came.");
    over(&story);
}

/* RFC 9293 figure 7. */
TEST(simultaneous_open, none, "")
{
    struct story story;
    begin(&story);
    at(&story, 0, A, (struct seen){.flags = HF_SYN});
    at(&story, 1, B, (struct seen){.flags = HF_SYN});
    at(&story, 2, A, (struct seen){.flags = HF_SYN | HF_ACK, .ack = 1});
    at(&story, 3, B, (struct seen){.flags = HF_SYN | HF_ACK, .ack = 1});
    at(&story, 4, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1});
    end(&story);
    assert_int_equal(times(&story, B, HF_EXPLAIN_SIMULTANEOUS_OPEN), 1);
    assert_int_equal(times(&story, A, HF_EXPLAIN_OPENED), 1);
    assert_int_equal(times(&story, A, HF_EXPLAIN_RTO) + times(&story, B, HF_EXPLAIN_RTO), 0);
    over(&story);
}

TEST(simultaneous_close, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1});
    at(&story, 21, B, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1});
    at(&story, 22, A, (struct seen){.flags = HF_ACK, .seq = 2, .ack = 2});
    at(&story, 23, B, (struct seen){.flags = HF_ACK, .seq = 2, .ack = 2});
    end(&story);
    assert_int_equal(times(&story, B, HF_EXPLAIN_SIMULTANEOUS_CLOSE), 1);
    assert_string_equal(story.sentence, "Closed by both at once (FIN #4 and #5), the last "
                                        "acknowledgement is #7.");
    over(&story);
}

TEST(half_close, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1});
    at(&story, 30, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 2});
    at(&story, 40, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 2, .text = 500});
    at(&story, 41, A, (struct seen){.flags = HF_ACK, .seq = 2, .ack = 501});
    end(&story);
    assert_int_equal(where(&story, HF_EXPLAIN_HALF_CLOSE), 6);
    assert_int_equal(story.last.ending, HF_EXPLAIN_END_HALF_CLOSED);
    assert_string_equal(story.sentence,
                        "Closed in one direction only: A sent its FIN (#4), acknowledged by #5, "
                        "B did not close before #7; everything is acknowledged, B waits for A's "
                        "application.");
    over(&story);
}

/* ---- Text again ---- */

/* Five segments of 100 bytes at 20 ms. */
static void burst(struct story *story)
{
    opened(story);
    for (uint32_t i = 0; i < 5; i++)
        at(story, 20 + i / 10.0, A,
           (struct seen){.flags = HF_ACK, .seq = 1 + 100 * i, .ack = 1, .text = 100});
}

TEST(a_timeout, none, "")
{
    struct story story;
    begin(&story);
    burst(&story);
    at(&story, 250, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100});
    at(&story, 260, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 501});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_RTO), 1);
    assert_int_equal(where(&story, HF_EXPLAIN_RTO), 9);
    over(&story);
}

TEST(a_fast_retransmission, none, "")
{
    struct story story;
    begin(&story);
    burst(&story);
    for (uint32_t i = 1; i < 4; i++)
        at(&story, 30 + i / 10.0, B,
           (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .sack = {{101, 201 + 100 * i}}});
    at(&story, 30.5, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100});
    end(&story);
    assert_int_equal(times(&story, B, HF_EXPLAIN_DUPLICATE_ACK), 3);
    assert_int_equal(times(&story, A, HF_EXPLAIN_FAST), 1);
    over(&story);
}

TEST(a_tail_loss_probe_that_was_needless, none, "")
{
    struct story story;
    begin(&story);
    burst(&story);
    at(&story, 45, A, (struct seen){.flags = HF_ACK, .seq = 401, .ack = 1, .text = 100});
    at(&story, 55, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 501, .sack = {{401, 501}}});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_TLP), 1);
    assert_int_equal(times(&story, A, HF_EXPLAIN_SPURIOUS), 1);
    for (uint32_t i = 0; i < story.last.event_count; i++)
        if (story.events[i].kind == HF_EXPLAIN_SPURIOUS)
            assert_int_equal(story.events[i].about, 9);
    over(&story);
}

TEST(what_had_been_acknowledged_is_sent_in_vain, none, "")
{
    struct story story;
    begin(&story);
    burst(&story);
    at(&story, 30, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 501});
    at(&story, 230, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_RTO), 1);
    assert_int_equal(times(&story, A, HF_EXPLAIN_SPURIOUS), 1);
    over(&story);
}

/* Seen at the receiver: what is missing comes later, and its timestamp says when it left. */
static void check_hole(uint32_t tsval, double ms, int kind)
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A,
       (struct seen){.flags = HF_ACK, .seq = 101, .ack = 1, .text = 100, .tsval = 50});
    at(&story, ms, A,
       (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100, .tsval = tsval});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_GAP), 1);
    assert_int_equal(times(&story, A, kind), 1);
    assert_int_equal(story.last.end[A].bytes, 200);
    over(&story);
}

TEST(reordering_is_told_from_retransmission, none, "")
{
    check_hole(49, 21, HF_EXPLAIN_REORDERED);
    check_hole(49, 300, HF_EXPLAIN_REORDERED);
    check_hole(50, 21, HF_EXPLAIN_REORDERED);
    check_hole(250, 220, HF_EXPLAIN_RTO);
}

TEST(the_same_packet_twice, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100, .id = 99});
    at(&story, 20.1, A,
       (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100, .id = 99});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_DUPLICATED), 1);
    assert_int_equal(story.last.end[A].bytes, 100);
    over(&story);
}

TEST(what_the_capture_lost, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 1, .text = 100});
    at(&story, 30, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 301});
    end(&story);
    assert_int_equal(times(&story, B, HF_EXPLAIN_UNCAPTURED), 2);
    assert_int_equal(story.last.end[A].bytes, 300);
    over(&story);
}

/* ---- Windows ---- */

TEST(a_zero_window, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 1000});
    at(&story, 30, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1001, .closed = true});
    at(&story, 230, A, (struct seen){.flags = HF_ACK, .seq = 1000, .ack = 1}); /* Linux */
    at(&story, 240, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1001, .closed = true});
    at(&story, 640, A,
       (struct seen){.flags = HF_ACK, .seq = 1001, .ack = 1, .text = 1}); /* RFC */
    at(&story, 650, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1001, .closed = true});
    at(&story, 2030, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1001});
    at(&story, 2031, A, (struct seen){.flags = HF_ACK, .seq = 1001, .ack = 1, .text = 500});
    at(&story, 2041, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1501});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_WINDOW_FULL), 1);
    assert_int_equal(times(&story, B, HF_EXPLAIN_ZERO_WINDOW), 3);
    assert_int_equal(times(&story, A, HF_EXPLAIN_WINDOW_PROBE), 2);
    assert_int_equal(times(&story, B, HF_EXPLAIN_WINDOW_UPDATE), 1);
    assert_int_equal(where(&story, HF_EXPLAIN_STALL_WINDOW), 10);
    assert_int_equal(times(&story, B, HF_EXPLAIN_DUPLICATE_ACK), 0);
    assert_int_equal(times(&story, A, HF_EXPLAIN_RESENT) + times(&story, A, HF_EXPLAIN_RTO), 0);
    assert_int_equal(story.last.end[A].bytes, 1500);
    over(&story);
}

TEST(who_waits_for_whom_at_the_end, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 1000});
    at(&story, 30, B, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1001, .closed = true});
    end(&story);
    assert_int_equal(story.last.end[A].wait, HF_EXPLAIN_WAIT_WINDOW);
    assert_string_equal(story.sentence,
                        "Still open at the last packet (#5); A waits for B's application to read "
                        "(zero window).");
    over(&story);
}

TEST(a_stall_for_an_acknowledgement, none, "")
{
    struct story story;
    begin(&story);
    exchanged(&story);
    at(&story, 100, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 201, .text = 100});
    at(&story, 500, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 201, .text = 100});
    at(&story, 1400, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 201, .text = 100});
    at(&story, 1410, B, (struct seen){.flags = HF_ACK, .seq = 201, .ack = 201});
    at(&story, 9000, B, (struct seen){.flags = HF_ACK, .seq = 201, .ack = 201, .text = 10});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_RTO), 2);
    assert_int_equal(where(&story, HF_EXPLAIN_STALL_ACK), 10);
    assert_int_equal(where(&story, HF_EXPLAIN_STALL_QUIET), 11); /* A waited for B to speak */
    assert_int_equal(times(&story, A, HF_EXPLAIN_STALL_QUIET), 1);
    over(&story);
}

TEST(keep_alive, none, "")
{
    struct story story;
    begin(&story);
    exchanged(&story);
    at(&story, 60000, A, (struct seen){.flags = HF_ACK, .seq = 100, .ack = 201});
    at(&story, 60010, B, (struct seen){.flags = HF_ACK, .seq = 201, .ack = 101});
    at(&story, 120000, A, (struct seen){.flags = HF_ACK, .seq = 100, .ack = 201, .text = 1});
    end(&story);
    assert_int_equal(times(&story, A, HF_EXPLAIN_KEEP_ALIVE), 2);
    assert_int_equal(times(&story, B, HF_EXPLAIN_KEEP_ALIVE_ACK), 1);
    assert_int_equal(times(&story, B, HF_EXPLAIN_DUPLICATE_ACK), 0);
    over(&story);
}

/* ---- Resets ---- */

static void check_reset(struct story *story, int by, int cause)
{
    end(story);
    assert_int_equal(story->last.ending, HF_EXPLAIN_END_RESET);
    assert_int_equal(story->last.reset_by, by);
    assert_string_equal(hf_explain_reset_name(story->last.reset_cause),
                        hf_explain_reset_name(cause));
    over(story);
}

TEST(causes_of_resets, none, "")
{
    struct story story;
    const struct seen active = {.flags = HF_RST | HF_ACK, .seq = 201, .ack = 101};

    begin(&story); /* A asked, B never read */
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100});
    at(&story, 30, B, (struct seen){.flags = HF_RST | HF_ACK, .seq = 1, .ack = 101});
    check_reset(&story, B, HF_EXPLAIN_RESET_UNREAD_DATA);

    begin(&story); /* B spoke last: it has nothing unread */
    exchanged(&story);
    at(&story, 40, B, active);
    check_reset(&story, B, HF_EXPLAIN_RESET_ABORTED);

    begin(&story);
    exchanged(&story);
    at(&story, 40, A, (struct seen){.flags = HF_RST | HF_ACK, .seq = 101, .ack = 201});
    check_reset(&story, A, HF_EXPLAIN_RESET_ABRUPT);

    begin(&story);
    exchanged(&story);
    at(&story, 40, B, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 201, .ack = 101});
    at(&story, 41, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 202, .text = 10});
    at(&story, 51, B, (struct seen){.flags = HF_RST, .seq = 202});
    check_reset(&story, B, HF_EXPLAIN_RESET_DATA_AFTER_CLOSE);

    begin(&story); /* B restarted */
    exchanged(&story);
    at(&story, 40000, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 201, .text = 10});
    at(&story, 40010, B, (struct seen){.flags = HF_RST, .seq = 201});
    check_reset(&story, B, HF_EXPLAIN_RESET_UNKNOWN_CONNECTION);

    begin(&story);
    exchanged(&story);
    for (int i = 1; i <= 3; i++)
        at(&story, i * 75000, A, (struct seen){.flags = HF_ACK, .seq = 100, .ack = 201});
    at(&story, 300000, A, (struct seen){.flags = HF_RST | HF_ACK, .seq = 101, .ack = 201});
    check_reset(&story, A, HF_EXPLAIN_RESET_KEEP_ALIVE);

    begin(&story);
    exchanged(&story);
    for (int i = 0; i < 5; i++)
        at(&story, 40 + 300 * (1 << i), A,
           (struct seen){.flags = HF_ACK, .seq = 101, .ack = 201, .text = 10});
    at(&story, 30000, A, (struct seen){.flags = HF_RST | HF_ACK, .seq = 111, .ack = 201});
    check_reset(&story, A, HF_EXPLAIN_RESET_GAVE_UP);

    begin(&story); /* a scan */
    at(&story, 0, A, (struct seen){.flags = HF_SYN});
    at(&story, 1, B, (struct seen){.flags = HF_SYN | HF_ACK, .ack = 1});
    at(&story, 2, A, (struct seen){.flags = HF_RST, .seq = 1});
    check_reset(&story, A, HF_EXPLAIN_RESET_CANCELLED);
}

TEST(a_reset_from_between, none, "")
{
    struct story story;
    begin(&story);
    exchanged(&story);
    at(&story, 40, B, (struct seen){.flags = HF_RST | HF_ACK, .seq = 201, .ack = 101, .ttl = 51});
    end(&story);
    assert_non_null(strstr(story.sentence, "its TTL is 51 where B's other packets have 64"));
    over(&story);
}

TEST(a_blind_reset_is_no_end, none, "")
{
    struct story story;
    begin(&story);
    exchanged(&story);
    at(&story, 40, B, (struct seen){.flags = HF_RST, .seq = 70000});
    end(&story);
    assert_int_equal(times(&story, B, HF_EXPLAIN_RESET_IGNORED), 1);
    assert_int_equal(story.last.ending, HF_EXPLAIN_END_OPEN);
    over(&story);
}

/* ---- Ports again, parts of captures ---- */

TEST(ports_are_used_again, none, "")
{
    struct story story;
    begin(&story);
    opened(&story);
    at(&story, 20, A, (struct seen){.flags = HF_RST | HF_ACK, .seq = 1, .ack = 1});
    story.isn[A] += 100000;
    story.isn[B] += 5000;
    opened(&story);
    end(&story);
    assert_int_equal(story.told, 2);
    assert_int_equal(story.last.before, 1);
    assert_int_equal(times(&story, A, HF_EXPLAIN_PORT_REUSE), 1);
    over(&story);
}

/* The end of the first was not captured: the answer to the new SYN says that it is new. */
TEST(ports_are_used_again_unseen, none, "")
{
    struct story story;
    begin(&story);
    exchanged(&story);
    story.isn[A] += 100000;
    story.isn[B] += 5000;
    opened(&story);
    end(&story);
    assert_int_equal(story.told, 2);
    assert_int_equal(story.last.first_packet, 7);
    assert_int_equal(times(&story, A, HF_EXPLAIN_OPENED), 1);
    over(&story);
}

/* A restarted, B did not notice: RFC 9293 figure 9. */
TEST(a_syn_on_an_open_connection, none, "")
{
    struct story story;
    begin(&story);
    exchanged(&story);
    uint32_t old = story.isn[A];
    story.isn[A] += 100000;
    at(&story, 5000, A, (struct seen){.flags = HF_SYN});
    story.isn[A] = old;
    at(&story, 5010, B, (struct seen){.flags = HF_ACK, .seq = 201, .ack = 101});
    at(&story, 5011, A, (struct seen){.flags = HF_RST, .seq = 101});
    story.isn[A] += 100000;
    story.isn[B] += 5000;
    at(&story, 6000, A, (struct seen){.flags = HF_SYN});
    end(&story);
    assert_int_equal(story.told, 2);
    assert_int_equal(story.last.before, 1);
    over(&story);
}

TEST(one_side_only, none, "")
{
    struct story story;
    begin(&story);
    at(&story, 0, A, (struct seen){.flags = HF_SYN});
    at(&story, 10, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1});
    at(&story, 20, A, (struct seen){.flags = HF_ACK, .seq = 1, .ack = 1, .text = 100});
    at(&story, 30, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 5001});
    at(&story, 40, A, (struct seen){.flags = HF_FIN | HF_ACK, .seq = 101, .ack = 5001});
    end(&story);
    assert_int_equal(story.last.end[B].seen, 0);
    assert_int_equal(times(&story, A, HF_EXPLAIN_UNCAPTURED), 0);
    assert_string_equal(story.trail[B], "ESTABLISHED");
    over(&story);
}

TEST(from_the_middle, none, "")
{
    struct story story;
    begin(&story);
    at(&story, 0, B, (struct seen){.flags = HF_ACK, .seq = 5001, .ack = 101, .text = 100});
    at(&story, 10, A, (struct seen){.flags = HF_ACK, .seq = 101, .ack = 5101});
    end(&story);
    assert_int_equal(story.last.midway, 1);
    assert_int_equal(story.last.end[A].endpoint.port, 80); /* who spoke first is A */
    assert_int_equal(story.last.event_count, 0);
    over(&story);
}

/* ---- Many ---- */

TEST(memory_is_bounded, none, "")
{
    struct story story;
    begin(&story);
    hf_explain_destroy(story.explain);
    struct hf_explain_config config = {
        .size = sizeof config, .over = on_over, .context = &story, .memory_max = 1u << 20};
    story.explain = hf_explain_create(&config);
    assert_non_null(story.explain);
    for (unsigned i = 0; i < 20000; i++) {
        story.port = (uint16_t)(1024 + i);
        story.isn[A] = i * 7u;
        opened(&story);
        if (i % 3)
            at(&story, 20, A, (struct seen){.flags = HF_RST | HF_ACK, .seq = 1, .ack = 1});
        assert_true(hf_explain_memory(story.explain) <= 1u << 20);
    }
    struct hf_explain_totals totals;
    hf_explain_totals(story.explain, &totals);
    assert_int_equal(totals.connections, 20000);
    assert_true(totals.put_aside > 0);
    end(&story);
    assert_int_equal(story.told, 20000);
    assert_int_equal(hf_explain_memory(story.explain), 0);
    over(&story);
}

TEST(any_segments_in_any_order, none, "")
{
    struct story story;
    begin(&story);
    for (unsigned i = 0; i < (check_soak() ? 5000000u : 100000u); i++) {
        uint64_t dice = check_random();
        story.port = (uint16_t)(1 + dice % 5);
        struct seen s = {.flags = (unsigned)(dice >> 8) & 0x1f,
                         .seq = (uint32_t)check_random_below(3000),
                         .ack = (uint32_t)check_random_below(3000),
                         .text = (uint32_t)check_random_below(300),
                         .closed = dice >> 20 & 1,
                         .tsval = dice >> 21 & 1 ? 1 + i / 8 : 0};
        if (dice >> 22 & 1)
            s.sack[0][1] = 1 + (s.sack[0][0] = (uint32_t)check_random_below(3000));
        if (dice >> 23 & 1)
            s.flags = HF_ACK;
        at(&story, i / 3.0, (int)(dice >> 24 & 1), s);
    }
    end(&story);
    over(&story);
}

/* ---- Frames ---- */

static uint64_t segments_of(int type, const uint8_t *head, uint32_t head_len, bool ipv6)
{
    struct story story;
    uint8_t bytes[300];
    begin(&story);
    story.ipv6 = ipv6;
    struct seen s = {.flags = HF_SYN, .tsval = 5};
    build(&story, A, &s);
    memcpy(bytes, head, head_len);
    memcpy(bytes + head_len, story.frame, story.len);
    uint32_t len = head_len + story.len;
    assert_int_equal(hf_explain_frame(story.explain, type, 0, 1, bytes, len, len), 0);
    struct hf_explain_totals totals;
    hf_explain_totals(story.explain, &totals);
    uint64_t whole = totals.segments;
    for (uint32_t cut = 0; cut < len; cut++) { /* as little as ever */
        uint8_t *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        assert_int_equal(hf_explain_frame(story.explain, type, 0, 2, copy, cut, len), 0);
        assert_int_equal(hf_explain_frame(story.explain, type, 0, 2, copy, cut, cut), 0);
        free(copy);
    }
    over(&story);
    return whole;
}

TEST(link_headers, none, "")
{
    static const uint8_t ethernet[] = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0x08, 0x00};
    static const uint8_t tagged[] = {1, 2,    3,    4, 5, 6,    1,    2, 3, 4,    5,
                                     6, 0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 9, 0x86, 0xdd};
    static const uint8_t pppoe[] = {1, 2,    3,    4,    5, 6, 1, 2, 3,  4,    5,
                                    6, 0x88, 0x64, 0x11, 0, 0, 1, 0, 60, 0x00, 0x21};
    static const uint8_t arp[] = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 0x08, 0x06};
    static const uint8_t sll[16] = {[14] = 0x08, [15] = 0x00};
    static const uint8_t sll2[20] = {0x86, 0xdd};
    static const uint8_t null[4] = {2, 0, 0, 0};
    assert_int_equal(segments_of(HF_FRAME_ETHERNET, ethernet, sizeof ethernet, false), 1);
    assert_int_equal(segments_of(HF_FRAME_ETHERNET, tagged, sizeof tagged, true), 1);
    assert_int_equal(segments_of(HF_FRAME_ETHERNET, pppoe, sizeof pppoe, false), 1);
    assert_int_equal(segments_of(HF_FRAME_ETHERNET, arp, sizeof arp, false), 0);
    assert_int_equal(segments_of(HF_FRAME_LINUX_SLL, sll, sizeof sll, false), 1);
    assert_int_equal(segments_of(HF_FRAME_LINUX_SLL2, sll2, sizeof sll2, true), 1);
    assert_int_equal(segments_of(HF_FRAME_NULL, null, sizeof null, false), 1);
    assert_int_equal(segments_of(HF_FRAME_LOOP, null, sizeof null, true), 1);
    assert_int_equal(segments_of(HF_FRAME_RAW, null, 0, true), 1);
    assert_int_equal(segments_of(HF_FRAME_IPV4, null, 0, false), 1);
}

TEST(an_unknown_link_type, none, "")
{
    struct story story;
    uint8_t byte = 0;
    begin(&story);
    assert_int_equal(hf_explain_frame(story.explain, 147, 0, 1, &byte, 1, 1), HF_ERR_ARGUMENT);
    assert_int_equal(hf_frame_known(147), 0);
    over(&story);
}

TEST(names_end_where_lists_end, none, "")
{
    assert_string_equal(hf_explain_event_name(HF_EXPLAIN_COUNT), "?");
    assert_string_equal(hf_explain_event_name(-1), "?");
    assert_string_equal(hf_explain_ending_name(HF_EXPLAIN_ENDING_COUNT), "?");
    assert_string_equal(hf_explain_reset_name(HF_EXPLAIN_RESET_COUNT), "?");
    assert_string_equal(hf_explain_wait_name(HF_EXPLAIN_WAIT_ACK), "acknowledgement");
}
