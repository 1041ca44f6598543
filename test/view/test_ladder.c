/* src/view/ladder.c: from records to rows. The ladders are compared as a whole: what is drawn here
 * is what RFC 9293 draws in its figures 6 to 13, with times and reasons. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "feed.h"

static const struct hf_view_name names[] = {{1, "client"}, {2, "server"}};

struct scene {
    struct feed feed;
    struct text text;
    struct hf_ladder *ladder;
};

static void begin_with(struct scene *scene, struct hf_ladder_config config)
{
    memset(scene, 0, sizeof *scene);
    config.size = sizeof config;
    config.write = text_write;
    config.context = &scene->text;
    config.width = 80;
    config.names = names;
    config.name_count = 2;
    config.peer_name = "Linux";
    scene->ladder = hf_ladder_create(&config);
    assert_non_null(scene->ladder);
    feed_begin(&scene->feed);
    feed_to(&scene->feed, hf_ladder_record, scene->ladder);
}

static void begin(struct scene *scene)
{
    begin_with(scene, (struct hf_ladder_config){.both_ends = 1});
}

static void end(struct scene *scene, const char *expected)
{
    assert_int_equal(hf_ladder_print(scene->ladder), 0);
    assert_string_equal(scene->text.bytes, expected);
    hf_ladder_destroy(scene->ladder);
    text_end(&scene->text);
}

/* RFC 9293 figures 6 and 12. */
TEST(three_way_open_and_four_way_close, none, "")
{
    struct scene s;
    begin(&s);
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    end(&s, "connection 1: client 10.0.0.1:49152 to server 10.0.0.2:80\n"
            "   time ms        client |                                       | server\n"
            "                  CLOSED |                                       | LISTEN\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 65535 --------------->| SYN-RECEIVED\n"
            "                         |   ISN 1000, mss 1460,                 |\n"
            "                         |   sack permitted, scale 7             |\n"
            "    10.000   ESTABLISHED |<- SYN,ACK seq 0 ack 1 win 65535 ------| SYN-RECEIVED\n"
            "                         |   ISN 4294967280, mss 1400            |\n"
            "    20.000               |-- ACK seq 1 ack 1 win 64240 --------->| ESTABLISHED\n"
            "    30.000       (close) |                                       |\n"
            "    30.000    FIN-WAIT-1 |-- FIN,ACK seq 1 ack 1 win 64240 ----->| CLOSE-WAIT\n"
            "    40.000    FIN-WAIT-2 |<- ACK seq 1 ack 2 win 65534 ----------|\n"
            "    55.000               |                                       | (close)\n"
            "    55.000     TIME-WAIT |<- FIN,ACK seq 1 ack 2 win 64240 ------| LAST-ACK\n"
            "    65.000               |-- ACK seq 2 ack 2 win 65534 --------->| CLOSED\n"
            "                         |         ended: closed by both sides   |\n"
            " 60065.000        CLOSED |   ended: 2MSL passed                  |\n"
            "client: ended at 60065.000, 2MSL passed\n"
            "    0 bytes sent, 0 received; 0 segments out, 0 in, 0 sent again\n"
            "server: ended at 75.000, closed by both sides\n"
            "    0 bytes sent, 0 received; 0 segments out, 0 in, 0 sent again\n"
            "\n");
}

/* RFC 9293 figure 7: the two SYNs cross, so one of them arrives on a line of its own. */
TEST(simultaneous_open, none, "")
{
    struct scene s;
    struct told_segment syn = {.flags = HF_SYN, .window = 1000};
    struct told_segment synack = {
        .flags = HF_SYN | HF_ACK, .ack = 1, .window = 1000, .reason = HF_SEND_REPLY};
    begin(&s);
    s.feed.state[SERVER] = HF_CLOSED;
    feed_open(&s.feed, CLIENT, true);
    feed_out(&s.feed, CLIENT, syn);
    s.feed.now += 2 * HF_MS;
    feed_open(&s.feed, SERVER, true);
    feed_out(&s.feed, SERVER, syn);
    s.feed.now += 8 * HF_MS;
    feed_in(&s.feed, CLIENT, syn, HF_SYN_RECEIVED);
    feed_out(&s.feed, SERVER, synack);
    s.feed.now += 2 * HF_MS;
    feed_in(&s.feed, SERVER, syn, HF_SYN_RECEIVED);
    feed_out(&s.feed, CLIENT, synack);
    s.feed.now += 8 * HF_MS;
    feed_in(&s.feed, SERVER, synack, HF_ESTABLISHED);
    s.feed.now += 2 * HF_MS;
    feed_in(&s.feed, CLIENT, synack, HF_ESTABLISHED);
    end(&s, "connection 1: client 10.0.0.1:49152 to server 10.0.0.2:80\n"
            "   time ms        client |                                       | server\n"
            "                  CLOSED |                                       | CLOSED\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 1000 --------------...|\n"
            "                         |   ISN 1000                            |\n"
            "     2.000               |                                       | (open)\n"
            "     2.000  SYN-RECEIVED |<- SYN seq 0 win 1000 -----------------| SYN-SENT\n"
            "                         |   ISN 4294967280                      |\n"
            "    10.000               |... SYN seq 0 win 1000 --------------->| SYN-RECEIVED\n"
            "    10.000               |... SYN,ACK seq 0 ack 1 win 1000 ------| SYN-RECEIVED\n"
            "                         |   ISN 4294967280                      |\n"
            "    12.000  SYN-RECEIVED |-- SYN,ACK seq 0 ack 1 win 1000 ------>| ESTABLISHED\n"
            "                         |   ISN 1000                            |\n"
            "    20.000   ESTABLISHED |<- SYN,ACK seq 0 ack 1 win 1000 ----...|\n"
            "client: still ESTABLISHED\n"
            "server: still ESTABLISHED\n"
            "\n");
}

/* RFC 9293 figure 13. */
TEST(simultaneous_close, none, "")
{
    struct scene s;
    struct told_segment fin = {.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1, .window = 1000};
    struct told_segment ack = {.flags = HF_ACK, .seq = 2, .ack = 2, .window = 1000};
    begin(&s);
    feed_three_way_open(&s.feed);
    feed_call(&s.feed, CLIENT, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    feed_call(&s.feed, SERVER, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    feed_out(&s.feed, CLIENT, fin);
    feed_out(&s.feed, SERVER, fin);
    s.feed.now += 10 * HF_MS;
    feed_in(&s.feed, CLIENT, fin, HF_CLOSING);
    feed_out(&s.feed, SERVER, ack);
    feed_in(&s.feed, SERVER, fin, HF_CLOSING);
    feed_out(&s.feed, CLIENT, ack);
    s.feed.now += 10 * HF_MS;
    feed_in(&s.feed, SERVER, ack, HF_TIME_WAIT);
    feed_in(&s.feed, CLIENT, ack, HF_TIME_WAIT);
    end(&s, "connection 1: client 10.0.0.1:49152 to server 10.0.0.2:80\n"
            "   time ms        client |                                       | server\n"
            "                  CLOSED |                                       | LISTEN\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 65535 --------------->| SYN-RECEIVED\n"
            "                         |   ISN 1000, mss 1460,                 |\n"
            "                         |   sack permitted, scale 7             |\n"
            "    10.000   ESTABLISHED |<- SYN,ACK seq 0 ack 1 win 65535 ------| SYN-RECEIVED\n"
            "                         |   ISN 4294967280, mss 1400            |\n"
            "    20.000               |-- ACK seq 1 ack 1 win 64240 --------->| ESTABLISHED\n"
            "    30.000       (close) |                                       |\n"
            "    30.000               |                                       | (close)\n"
            "    30.000    FIN-WAIT-1 |-- FIN,ACK seq 1 ack 1 win 1000 ----...|\n"
            "    30.000       CLOSING |<- FIN,ACK seq 1 ack 1 win 1000 -------| FIN-WAIT-1\n"
            "    40.000               |... FIN,ACK seq 1 ack 1 win 1000 ----->| CLOSING\n"
            "    40.000               |... ACK seq 2 ack 2 win 1000 ----------|\n"
            "    40.000               |-- ACK seq 2 ack 2 win 1000 ---------->| TIME-WAIT\n"
            "    50.000     TIME-WAIT |<- ACK seq 2 ack 2 win 1000 --------...|\n"
            "client: still TIME-WAIT\n"
            "server: still TIME-WAIT\n"
            "\n");
}

TEST(lost_segments_and_their_retransmission, none, "")
{
    struct scene s;
    begin(&s);
    feed_three_way_open(&s.feed);
    struct told_segment data = {
        .flags = HF_ACK | HF_PSH, .seq = 1, .ack = 1, .text = 500, .window = 64240};
    struct told_segment ack = {
        .flags = HF_ACK, .seq = 1, .ack = 501, .window = 65000, .reason = HF_SEND_ACK};
    feed_out(&s.feed, CLIENT, data); /* lost */
    s.feed.now += 200 * HF_MS;
    data.reason = HF_SEND_RTO;
    feed_pass(&s.feed, CLIENT, data, HF_STATES);
    feed_out(&s.feed, SERVER, ack); /* lost */
    s.feed.now += 400 * HF_MS;
    feed_out(&s.feed, CLIENT, data);
    s.feed.now += 10 * HF_MS;
    feed_in(&s.feed, CLIENT, data, HF_STATES);
    feed_pass(&s.feed, SERVER, ack, HF_STATES);
    feed_in(&s.feed, SERVER, ack, HF_STATES); /* doubled by the network */
    data.seq = 501;
    data.reason = HF_SEND_NEW;
    feed_out(&s.feed, CLIENT, data);
    s.feed.now += 10 * HF_MS;
    feed_drop(&s.feed, CLIENT, data, HF_DROP_TCP_CHECKSUM);
    end(&s, "connection 1: client 10.0.0.1:49152 to server 10.0.0.2:80\n"
            "   time ms        client |                                       | server\n"
            "                  CLOSED |                                       | LISTEN\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 65535 --------------->| SYN-RECEIVED\n"
            "                         |   ISN 1000, mss 1460,                 |\n"
            "                         |   sack permitted, scale 7             |\n"
            "    10.000   ESTABLISHED |<- SYN,ACK seq 0 ack 1 win 65535 ------| SYN-RECEIVED\n"
            "                         |   ISN 4294967280, mss 1400            |\n"
            "    20.000               |-- ACK seq 1 ack 1 win 64240 --------->| ESTABLISHED\n"
            "    30.000               |-- PSH,ACK seq 1:501 ack 1 ---X lost   |\n"
            "   230.000               |-- PSH,ACK seq 1:501 ack 1 win 64240 ->|\n"
            "                         |   retransmission, timeout             |\n"
            "   240.000               | lost X--- ACK seq 1 ack 501 ----------|\n"
            "   640.000               |-- PSH,ACK seq 1:501 ack 1 win 64240 ->|\n"
            "                         |   retransmission, timeout             |\n"
            "   650.000               |<- ACK seq 1 ack 501 win 65000 --------|\n"
            "                         |   doubled on the way                  |\n"
            "   660.000               |-- PSH,ACK seq 501:1001 ack 1 -------->|\n"
            "                         |   dropped: bad TCP checksum           |\n"
            "client: still ESTABLISHED\n"
            "server: still ESTABLISHED\n"
            "\n");
}

TEST(a_peer_that_is_not_ours_is_inferred, none, "")
{
    struct scene s;
    begin_with(&s, (struct hf_ladder_config){.both_ends = 0});
    s.feed.ours[SERVER] = false;
    feed_three_way_open(&s.feed);
    struct told_segment data = {
        .flags = HF_ACK | HF_PSH, .seq = 1, .ack = 1, .text = 5, .window = 64240};
    struct told_segment ack = {.flags = HF_ACK, .seq = 1, .ack = 6, .window = 64240};
    feed_in(&s.feed, SERVER, data, HF_STATES);
    feed_out(&s.feed, CLIENT, ack);
    s.feed.now += 200 * HF_MS;
    feed_in(&s.feed, SERVER, data, HF_STATES); /* it did not get our ACK */
    end(&s,
        "connection 1: client 10.0.0.1:49152 to Linux 10.0.0.2:80 (~ marks an inferred state)\n"
        "   time ms        client |                                       | Linux\n"
        "                  CLOSED |                                       | ~LISTEN\n"
        "     0.000        (open) |                                       |\n"
        "     0.000      SYN-SENT |-- SYN seq 0 win 65535 --------------->|\n"
        "                         |   ISN 1000, mss 1460,                 |\n"
        "                         |   sack permitted, scale 7             |\n"
        "    20.000   ESTABLISHED |<- SYN,ACK seq 0 ack 1 win 65535 ------| ~SYN-RECEIVED\n"
        "                         |   ISN 4294967280, mss 1400            |\n"
        "    20.000               |-- ACK seq 1 ack 1 win 64240 --------->| ~ESTABLISHED\n"
        "    30.000               |<- PSH,ACK seq 1:6 ack 1 win 64240 ----|\n"
        "    30.000               |-- ACK seq 1 ack 6 win 64240 --------->|\n"
        "   230.000               |<- PSH,ACK seq 1:6 ack 1 win 64240 ----|\n"
        "                         |   sent again, had been acknowledged   |\n"
        "client: still ESTABLISHED\n"
        "Linux: ~ESTABLISHED\n"
        "\n");
}

TEST(a_refused_open, none, "")
{
    struct scene s;
    begin(&s);
    feed_open(&s.feed, CLIENT, true);
    struct told_segment syn = {.flags = HF_SYN, .window = 1000};
    struct told_segment rst = {.flags = HF_RST | HF_ACK, .ack = 1, .reason = HF_SEND_RESET};
    feed_out(&s.feed, CLIENT, syn);
    s.feed.state[SERVER] = HF_CLOSED;
    s.feed.now += HF_MS;
    feed_in(&s.feed, CLIENT, syn, HF_STATES);
    s.feed.isn[SERVER] = 0;
    feed_pass(&s.feed, SERVER, rst, HF_CLOSED);
    feed_end(&s.feed, CLIENT, HF_CAUSE_REFUSED, 0, 0);
    end(&s, "connection 1: client 10.0.0.1:49152 to server 10.0.0.2:80\n"
            "   time ms        client |                                       | server\n"
            "                  CLOSED |                                       | CLOSED\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 1000 ---------------->| CLOSED\n"
            "                         |   ISN 1000                            |\n"
            "     1.000        CLOSED |<- RST,ACK seq 0 ack 1 win 0 ----------| CLOSED\n"
            "                         |   ended: refused by the peer          |\n"
            "client: ended at 11.000, refused by the peer\n"
            "    0 bytes sent, 0 received; 0 segments out, 0 in, 0 sent again\n"
            "server: CLOSED\n"
            "\n");
}

/* An open that nobody answers: all SYNs lost, and what ended it. */
TEST(an_open_without_answer, none, "")
{
    struct scene s;
    begin(&s);
    feed_open(&s.feed, CLIENT, true);
    struct told_segment syn = {.flags = HF_SYN, .window = 1000};
    feed_out(&s.feed, CLIENT, syn);
    s.feed.now += HF_SEC;
    syn.reason = HF_SEND_RTO;
    feed_out(&s.feed, CLIENT, syn);
    s.feed.now += 2 * HF_SEC;
    feed_timer(&s.feed, CLIENT, HF_TIMER_RTO, HF_CLOSED);
    feed_end(&s.feed, CLIENT, HF_CAUSE_OPEN_TIMEOUT, 0, 0);
    end(&s, "connection 1: client 10.0.0.1:49152 to 10.0.0.2:80\n"
            "   time ms        client |                                       | 10.0.0.2:80\n"
            "                  CLOSED |                                       |\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 1000 ---X lost        |\n"
            "                         |   ISN 1000                            |\n"
            "  1000.000      SYN-SENT |-- SYN seq 0 win 1000 ---X lost        |\n"
            "                         |   ISN 1000, retransmission, timeout   |\n"
            "  3000.000        CLOSED |   ended: no answer to the SYN         |\n"
            "client: ended at 3000.000, no answer to the SYN\n"
            "    0 bytes sent, 0 received; 0 segments out, 0 in, 0 sent again\n"
            "\n");
}

TEST(live_lines_come_with_their_records, none, "")
{
    struct scene s;
    begin_with(&s, (struct hf_ladder_config){.live = 1});
    s.feed.ours[CLIENT] = false;
    feed_three_way_open(&s.feed);
    assert_non_null(s.text.bytes);
    assert_null(strstr(s.text.bytes, "ACK seq 1 ")); /* its change of state may follow */
    assert_int_equal(hf_ladder_print(s.ladder), 0);
    assert_non_null(strstr(s.text.bytes, "ACK seq 1 "));
    feed_four_way_close(&s.feed);
    end(&s,
        "connection 1: Linux 10.0.0.1:49152 to server 10.0.0.2:80 (~ marks an inferred state)\n"
        "   time ms         Linux |                                       | server\n"
        "     0.000     ~SYN-SENT |-- SYN seq 0 win 65535 --------------->| SYN-RECEIVED\n"
        "                         |   ISN 1000, mss 1460,                 |\n"
        "                         |   sack permitted, scale 7             |\n"
        "     0.000     ~SYN-SENT |<- SYN,ACK seq 0 ack 1 win 65535 ------| SYN-RECEIVED\n"
        "                         |   ISN 4294967280, mss 1400            |\n"
        "    20.000  ~ESTABLISHED |-- ACK seq 1 ack 1 win 64240 --------->| ESTABLISHED\n"
        "    30.000   ~FIN-WAIT-1 |-- FIN,ACK seq 1 ack 1 win 64240 ----->| CLOSE-WAIT\n"
        "    30.000   ~FIN-WAIT-2 |<- ACK seq 1 ack 2 win 65534 ----------|\n"
        "    45.000               |                                       | (close)\n"
        "    45.000   ~FIN-WAIT-2 |<- FIN,ACK seq 1 ack 2 win 64240 ------| LAST-ACK\n"
        "    65.000    ~TIME-WAIT |-- ACK seq 2 ack 2 win 65534 --------->| CLOSED\n"
        "                         |         ended: closed by both sides   |\n");
}

/* With both ends live, a segment whose arrival follows at once is one line, others two. */
TEST(live_with_both_ends, none, "")
{
    struct scene s;
    begin_with(&s, (struct hf_ladder_config){.live = 1, .both_ends = 1});
    feed_three_way_open(&s.feed);
    struct told_segment data = {.flags = HF_ACK, .seq = 1, .ack = 1, .text = 5, .window = 64240};
    struct told_segment next = data;
    next.seq = 6;
    feed_out(&s.feed, CLIENT, data);
    feed_out(&s.feed, CLIENT, next);
    s.feed.now += HF_MS;
    feed_in(&s.feed, CLIENT, data, HF_STATES);
    feed_in(&s.feed, CLIENT, next, HF_STATES);
    end(&s, "connection 1: client 10.0.0.1:49152 to 10.0.0.2:80\n"
            "   time ms        client |                                       | 10.0.0.2:80\n"
            "     0.000        (open) |                                       |\n"
            "     0.000      SYN-SENT |-- SYN seq 0 win 65535 --------------->| SYN-RECEIVED\n"
            "                         |   ISN 1000, mss 1460,                 |\n"
            "                         |   sack permitted, scale 7             |\n"
            "    10.000   ESTABLISHED |<- SYN,ACK seq 0 ack 1 win 65535 ------| SYN-RECEIVED\n"
            "                         |   ISN 4294967280, mss 1400            |\n"
            "    20.000               |-- ACK seq 1 ack 1 win 64240 --------->| ESTABLISHED\n"
            "    30.000               |-- ACK seq 1:6 ack 1 win 64240 -----...|\n"
            "    30.000               |-- ACK seq 6:11 ack 1 win 64240 ----...|\n"
            "    31.000               |... ACK seq 1:6 ack 1 win 64240 ------>|\n"
            "    31.000               |... ACK seq 6:11 ack 1 win 64240 ----->|\n");
}

/* A call is traced with the time of the stack's last visit. */
TEST(a_call_has_the_time_of_what_it_sent, none, "")
{
    struct scene s;
    begin(&s);
    feed_three_way_open(&s.feed);
    feed_call(&s.feed, CLIENT, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    s.feed.now += 5 * HF_MS;
    feed_out(&s.feed, CLIENT,
             (struct told_segment){.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1});
    assert_int_equal(hf_ladder_print(s.ladder), 0);
    assert_non_null(strstr(s.text.bytes, "    35.000       (close) |"));
    assert_non_null(strstr(s.text.bytes, "    35.000    FIN-WAIT-1 |-- FIN,ACK seq 1 "));
    hf_ladder_destroy(s.ladder);
    text_end(&s.text);
}

/* For the application a connection is over when TIME-WAIT begins; the ladder goes on. */
TEST(live_time_wait_goes_on_after_the_end, none, "")
{
    struct scene s;
    begin_with(&s, (struct hf_ladder_config){.live = 1});
    s.feed.ours[SERVER] = false;
    feed_three_way_open(&s.feed);
    struct told_segment fin = {.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1};
    feed_call(&s.feed, CLIENT, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    feed_out(&s.feed, CLIENT, fin);
    fin.ack = 2;
    feed_in(&s.feed, SERVER, fin, HF_TIME_WAIT);
    feed_end(&s.feed, CLIENT, HF_CAUSE_CLOSED, 0, 0);
    feed_out(&s.feed, CLIENT, (struct told_segment){.flags = HF_ACK, .seq = 2, .ack = 2});
    s.feed.now += 60 * HF_SEC;
    feed_timer(&s.feed, CLIENT, HF_TIMER_2MSL, HF_CLOSED);
    const char *head = strstr(s.text.bytes, "connection 1:");
    assert_non_null(head);
    assert_null(strstr(head + 1, "connection 1:"));
    assert_non_null(strstr(s.text.bytes, "ended: closed by both sides"));
    assert_non_null(strstr(s.text.bytes, " 60030.000        CLOSED |   2MSL timer "));
    hf_ladder_destroy(s.ladder);
    text_end(&s.text);
}

TEST(a_ladder_can_be_printed_twice, none, "")
{
    struct scene s;
    begin(&s);
    feed_three_way_open(&s.feed);
    assert_int_equal(hf_ladder_print(s.ladder), 0);
    size_t len = s.text.len;
    assert_int_equal(hf_ladder_print(s.ladder), 0);
    assert_int_equal(s.text.len, len); /* it began anew */
    hf_ladder_destroy(s.ladder);
    text_end(&s.text);
}

TEST(a_wrong_configuration_is_refused, none, "")
{
    struct hf_ladder_config config = {.size = 1, .write = text_write};
    assert_null(hf_ladder_create(&config));
    config.size = sizeof config;
    config.write = NULL;
    assert_null(hf_ladder_create(&config));
    hf_ladder_destroy(NULL);
}

/* Records in any order, about anything, do no harm: views are fed by whatever happens. */
TEST(any_stream_of_records_is_survived, none, "")
{
    for (int round = 0; round < 60; round++) {
        struct scene s;
        begin_with(&s, (struct hf_ladder_config){.live = round % 2 == 0,
                                                 .both_ends = round % 4 < 2,
                                                 .colour = round % 3 == 0});
        feed_open(&s.feed, CLIENT, true);
        for (int i = 0; i < 600; i++) {
            int from = (int)check_random_below(2);
            struct told_segment segment = {.flags = (uint16_t)(check_random() & 0x1ff),
                                           .seq = (uint32_t)check_random_below(3000),
                                           .ack = (uint32_t)check_random_below(3000),
                                           .text = (uint32_t)check_random_below(3) * 700,
                                           .window = (uint32_t)check_random_below(2) * 9999,
                                           .reason = (uint8_t)check_random_below(HF_SEND_COUNT)};
            if (check_random_below(4) == 0)
                segment.flags = HF_ACK;
            int state =
                check_random_below(3) == 0 ? (int)check_random_below(HF_STATES) : HF_STATES;
            s.feed.now += (hf_time)check_random_below(3) * HF_MS;
            switch (check_random_below(8)) {
            case 0:
                feed_out(&s.feed, from, segment);
                break;
            case 1:
                feed_in(&s.feed, from, segment, state);
                break;
            case 2:
                feed_call(&s.feed, from, (int)check_random_below(10), state);
                break;
            case 3:
                feed_timer(&s.feed, from, (int)check_random_below(HF_TIMER_COUNT), state);
                break;
            case 4:
                feed_drop(&s.feed, from, segment, (int)check_random_below(HF_DROP_COUNT));
                break;
            case 5:
                feed_end(&s.feed, from, (int)check_random_below(HF_CAUSE_COUNT), 1, 2);
                break;
            case 6:
                feed_open(&s.feed, from, i % 2 == 0);
                break;
            default:
                feed_pass(&s.feed, from, segment, state);
                break;
            }
        }
        assert_int_equal(hf_ladder_print(s.ladder), 0);
        hf_ladder_destroy(s.ladder);
        text_end(&s.text);
    }
}
