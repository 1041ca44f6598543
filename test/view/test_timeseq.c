/* Time-sequence plots: what is told of a sender, that it is XML, that nothing lies outside of the
 * picture, and that a long transfer does not grow it. */
#include "check.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "xml.h"

static struct feed feed;
static struct text text;
static struct hf_timeseq *plot;

static void begin(const struct hf_view_name *names, size_t count)
{
    struct hf_timeseq_config config = {.size = sizeof config,
                                       .write = text_write,
                                       .context = &text,
                                       .names = names,
                                       .name_count = count};
    feed_begin(&feed);
    plot = hf_timeseq_create(&config);
    assert_non_null(plot);
    feed_to(&feed, hf_timeseq_record, plot);
}

static void end(void)
{
    hf_timeseq_destroy(plot);
    text_end(&text);
}

/* Every point of a path of this class lies in the picture, and is a number. */
static void expect_inside(const char *class)
{
    char start[64];
    (void)snprintf(start, sizeof start, "<path class=\"%s\" d=\"", class);
    const char *at = strstr(text.bytes, start);
    assert_non_null(at);
    for (at += strlen(start); *at != '"';) {
        if (strchr("MLHV ", *at)) {
            at++;
            continue;
        }
        char *rest;
        double value = strtod(at, &rest);
        assert_true(rest != at);
        assert_true(value >= 0 && value <= 1100);
        at = rest;
    }
}

static void expect(const char *words)
{
    if (!strstr(text.bytes, words))
        fail_msg("%s is not in the picture", words);
}

static void print(void)
{
    text_end(&text);
    assert_int_equal(hf_timeseq_print(plot), 0);
    xml_expect(text.bytes);
}

static void congestion(uint32_t cwnd, uint32_t ssthresh, uint32_t in_flight)
{
    struct hf_trace_record r = {
        .kind = HF_TRACE_CONGESTION, .time = feed.now, .stack = 1, .conn = feed.conn[CLIENT]};
    r.u.congestion.cwnd = cwnd;
    r.u.congestion.ssthresh = ssthresh;
    r.u.congestion.in_flight = in_flight;
    hf_timeseq_record(plot, &r, NULL);
}

static struct told_segment data(uint32_t seq, uint32_t len, uint8_t reason)
{
    return (struct told_segment){.flags = HF_ACK, .seq = seq, .ack = 1, .text = len,
                                 .window = 64240, .reason = reason};
}

static struct told_segment ack(uint32_t number, uint32_t from, uint32_t to)
{
    return (struct told_segment){.flags = HF_ACK, .seq = 1, .ack = number, .window = 65535,
                                 .sack = {from, to}, .reason = HF_SEND_ACK};
}

TEST(wrong_configurations_give_nothing, none, "")
{
    struct hf_timeseq_config config = {.size = sizeof config};
    assert_null(hf_timeseq_create(&config));
    config.write = text_write;
    config.size--;
    assert_null(hf_timeseq_create(&config));
    hf_timeseq_destroy(NULL);
}

TEST(where_nothing_was_sent_nothing_is_drawn, none, "")
{
    begin(NULL, 0);
    assert_int_equal(hf_timeseq_print(plot), HF_ERR_STATE);
    assert_null(text.bytes);
    end();
}

TEST(a_loss_is_told_with_its_sack_and_its_reason, none, "")
{
    static const struct hf_view_name names[] = {{1, "cli<&>ent"}};
    begin(names, 1);
    feed_three_way_open(&feed);
    for (uint32_t i = 0; i < 5; i++)
        feed_out(&feed, CLIENT, data(1 + i * 1000, 1000, HF_SEND_NEW));
    congestion(14600, 1 << 20, 5000);
    feed.now += 20 * HF_MS;
    feed_in(&feed, SERVER, ack(1, 1001, 2001), HF_STATES);
    feed_in(&feed, SERVER, ack(1, 1001, 3001), HF_STATES);
    feed_in(&feed, SERVER, ack(1, 1001, 4001), HF_STATES);
    congestion(7300, 7300, 2000);
    feed_out(&feed, CLIENT, data(1, 1000, HF_SEND_FAST));
    feed.now += 200 * HF_MS;
    feed_out(&feed, CLIENT, data(1, 1000, HF_SEND_RTO));
    feed.now += 20 * HF_MS;
    feed_in(&feed, SERVER, ack(5001, 1, 1001), HF_STATES); /* D-SACK */
    print();
    expect("cli&lt;&amp;&gt;ent 10.0.0.1:49152 to 10.0.0.2:80");
    expect("7000 bytes in 8 segments, 2 of them sent again, in 0.270 s");
    expect("sent: 6"); /* the SYN is one */
    expect("SACK: 3");
    expect("D-SACK (sent in vain): 1");
    expect("retransmission, duplicate ACKs: 1");
    expect("retransmission, timeout: 1");
    expect("sequence number, kB");
    expect("time, ms");
    expect("cwnd");
    expect_inside("sent");
    expect_inside("acks");
    expect_inside("cwnd");
    expect_inside("sacked");
    expect_inside("dsacked");
    end();
}

TEST(the_end_that_sent_most_is_drawn, none, "")
{
    begin(NULL, 0);
    feed_three_way_open(&feed);
    feed_pass(&feed, CLIENT, data(1, 100, HF_SEND_NEW), HF_STATES);
    feed_pass(&feed, SERVER, data(1, 1000, HF_SEND_NEW), HF_STATES); /* wraps */
    print();
    expect("Handfast 10.0.0.2:80 to 10.0.0.1:49152");
    expect("1000 bytes in 2 segments, 0 of them sent again");
    expect_inside("sent");
    for (int i = 1; i < 12; i++)
        feed_pass(&feed, CLIENT, data(1 + (uint32_t)i * 100, 100, HF_SEND_NEW), HF_STATES);
    print();
    expect("Handfast 10.0.0.1:49152");
    end();
}

TEST(one_stack_can_be_asked_for, none, "")
{
    struct hf_timeseq_config config = {
        .size = sizeof config, .write = text_write, .context = &text, .stack = 1};
    feed_begin(&feed);
    plot = hf_timeseq_create(&config);
    feed_to(&feed, hf_timeseq_record, plot);
    feed_three_way_open(&feed);
    feed_pass(&feed, SERVER, data(1, 1000, HF_SEND_NEW), HF_STATES);
    print();
    expect("Handfast 10.0.0.1:49152");
    end();
}

TEST(a_second_connection_of_the_same_two_is_another, none, "")
{
    begin(NULL, 0);
    for (uint32_t i = 0; i < 20; i++) { /* more than are kept */
        feed.state[CLIENT] = HF_CLOSED;
        feed.isn[CLIENT] += 1000000;
        feed_three_way_open(&feed);
        feed_pass(&feed, CLIENT, data(1, i == 3 ? 900 : 500, HF_SEND_NEW), HF_STATES);
        feed.now += HF_SEC;
    }
    print();
    expect("900 bytes in 2 segments");
    end();
}

TEST(a_long_transfer_has_a_picture_of_bounded_size, none, "")
{
    begin(NULL, 0);
    feed_three_way_open(&feed);
    struct hf_trace_record out = {.kind = HF_TRACE_OUT, .stack = 1, .conn = feed.conn[CLIENT]};
    struct hf_trace_record in = {.kind = HF_TRACE_IN, .stack = 1, .conn = feed.conn[CLIENT]};
    out.u.segment.text = 1448;
    in.u.segment.flags = HF_ACK;
    in.u.segment.window = 1 << 20;
    uint32_t next = feed.isn[CLIENT] + 1;
    for (uint32_t i = 0; i < 4000000; i++) { /* beyond 4 GiB */
        out.time = in.time = feed.now += 10000;
        out.u.segment.seq = next;
        out.u.segment.reason = HF_SEND_NEW;
        hf_timeseq_record(plot, &out, NULL);
        next += 1448;
        if (i % 100 == 7) {
            out.u.segment.reason = HF_SEND_FAST;
            out.u.segment.seq = next - 1448 - 14480;
            hf_timeseq_record(plot, &out, NULL);
        }
        in.u.segment.ack = next - 1448;
        hf_timeseq_record(plot, &in, NULL);
        congestion(14480 + i % 5000, UINT32_MAX, 14480);
    }
    print();
    assert_true(text.len < 1000000);
    expect("sequence number, GB");
    expect("retransmission, duplicate ACKs: 40000");
    expect_inside("sent");
    expect_inside("acks");
    end();
}
