/* src/view/observer.c: following connections, and inferring the state of a peer. */
#include "check.h"

#include <string.h>

#include "feed.h"

struct watch {
    struct hf_observer *observer;
    char trail[2][400]; /* states as they changed */
    uint32_t numbers;   /* of connections         */
};

static void look(void *context, const struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    struct watch *watch = context;
    const struct hf_observed *seen = hf_observer_see(watch->observer, record, packet, NULL);
    if (seen == NULL)
        return;
    if (seen->number > watch->numbers)
        watch->numbers = seen->number;
    for (int e = 0; e < 2; e++) {
        char state[HF_OBSERVED_STATE_TEXT];
        hf_observed_state(&seen->end[e], state);
        char *trail = watch->trail[e];
        size_t len = strlen(trail), more = strlen(state);
        if (len >= more && strcmp(trail + len - more, state) == 0)
            continue;
        if (len > 0)
            strcat(trail, " ");
        strcat(trail, state);
    }
}

static void begin(struct watch *watch, struct feed *feed)
{
    memset(watch, 0, sizeof *watch);
    watch->observer = hf_observer_create();
    assert_non_null(watch->observer);
    feed_begin(feed);
    feed_to(feed, look, watch);
}

TEST(both_ends_tell_their_states, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed_three_way_open(&feed);
    feed_four_way_close(&feed);
    assert_string_equal(watch.trail[0], "CLOSED SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 "
                                        "TIME-WAIT CLOSED");
    assert_string_equal(watch.trail[1], "~CLOSED LISTEN SYN-RECEIVED ESTABLISHED CLOSE-WAIT "
                                        "LAST-ACK CLOSED");
    assert_int_equal(watch.numbers, 1);
    hf_observer_destroy(watch.observer);
}

TEST(a_server_that_is_not_ours_is_inferred, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed.ours[SERVER] = false;
    feed_three_way_open(&feed);
    feed_four_way_close(&feed);
    assert_string_equal(watch.trail[1], "~CLOSED ~SYN-RECEIVED ~ESTABLISHED ~CLOSE-WAIT "
                                        "~LAST-ACK ~CLOSED");
    hf_observer_destroy(watch.observer);
}

TEST(a_client_that_is_not_ours_is_inferred, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed.ours[CLIENT] = false;
    feed.ipv6 = true;
    feed_three_way_open(&feed);
    feed_four_way_close(&feed);
    assert_string_equal(watch.trail[0], "~SYN-SENT ~ESTABLISHED ~FIN-WAIT-1 ~FIN-WAIT-2 "
                                        "~TIME-WAIT");
    hf_observer_destroy(watch.observer);
}

/* RFC 9293 figure 13, seen from one side. */
TEST(a_simultaneous_close_is_inferred, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed.ours[SERVER] = false;
    feed_three_way_open(&feed);
    struct told_segment fin = {.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1, .window = 100};
    struct told_segment ack = {.flags = HF_ACK, .seq = 2, .ack = 2, .window = 100};
    feed_call(&feed, CLIENT, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    feed_out(&feed, CLIENT, fin);
    feed_in(&feed, SERVER, fin, HF_CLOSING);
    feed_out(&feed, CLIENT, ack);
    feed_in(&feed, SERVER, ack, HF_TIME_WAIT);
    assert_string_equal(watch.trail[1], "~CLOSED ~SYN-RECEIVED ~ESTABLISHED ~FIN-WAIT-1 "
                                        "~FIN-WAIT-2 ~TIME-WAIT");
    hf_observer_destroy(watch.observer);
}

/* What was assumed of the last ACK is taken back when the peer repeats its FIN. */
TEST(a_repeated_fin_says_that_the_last_ack_was_lost, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed.ours[SERVER] = false;
    feed_three_way_open(&feed);
    feed_call(&feed, CLIENT, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    struct told_segment fin = {.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1, .window = 100};
    struct told_segment last = {.flags = HF_ACK, .seq = 2, .ack = 2, .window = 100};
    feed_out(&feed, CLIENT, fin);
    fin.ack = 2;
    feed_in(&feed, SERVER, fin, HF_TIME_WAIT); /* FIN and ACK in one: closed in three */
    feed_out(&feed, CLIENT, last);
    feed_in(&feed, SERVER, fin, HF_STATES);
    feed_out(&feed, CLIENT, last);
    assert_string_equal(watch.trail[1], "~CLOSED ~SYN-RECEIVED ~ESTABLISHED ~LAST-ACK ~CLOSED "
                                        "~LAST-ACK ~CLOSED");
    hf_observer_destroy(watch.observer);
}

TEST(a_reset_ends_what_is_inferred, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed.ours[SERVER] = false;
    feed_open(&feed, CLIENT, true);
    feed_out(&feed, CLIENT, (struct told_segment){.flags = HF_SYN});
    feed_in(&feed, SERVER, (struct told_segment){.flags = HF_RST | HF_ACK, .ack = 1}, HF_CLOSED);
    feed_end(&feed, CLIENT, HF_CAUSE_REFUSED, 0, 0);
    assert_string_equal(watch.trail[0], "CLOSED SYN-SENT CLOSED");
    assert_string_equal(watch.trail[1], "~CLOSED");
    hf_observer_destroy(watch.observer);
}

/* A segment that the stack took for a stranger's says nothing about the peer. */
TEST(a_forged_reset_changes_nothing, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed.ours[SERVER] = false;
    feed_three_way_open(&feed);
    struct hf_trace_record forged = {.kind = HF_TRACE_IN,
                                     .time = feed.now,
                                     .stack = 1,
                                     .conn = feed.conn[CLIENT],
                                     .state = HF_ESTABLISHED};
    forged.u.segment.flags = HF_RST;
    forged.u.segment.seq = feed.isn[SERVER] + 500;
    forged.u.segment.reason = HF_DROP_RST_WINDOW;
    const struct hf_observed *seen = hf_observer_see(watch.observer, &forged, NULL, NULL);
    assert_non_null(seen);
    assert_int_equal(seen->end[1].state, HF_ESTABLISHED);
    hf_observer_destroy(watch.observer);
}

TEST(the_same_ports_again_are_a_new_connection, none, "")
{
    struct watch watch;
    struct feed feed;
    begin(&watch, &feed);
    feed_three_way_open(&feed);
    feed_four_way_close(&feed);
    feed.state[CLIENT] = HF_CLOSED;
    feed.state[SERVER] = HF_LISTEN;
    feed_three_way_open(&feed); /* even with the same number in each stack */
    assert_int_equal(watch.numbers, 2);
    hf_observer_destroy(watch.observer);
}

TEST(many_connections_come_and_go, none, "")
{
    struct hf_observer *observer = hf_observer_create();
    assert_non_null(observer);
    for (uint32_t i = 1; i <= 150000; i++) {
        struct hf_trace_record r = {.kind = HF_TRACE_OPEN, .stack = 1, .conn = i};
        r.u.open.family = HF_IPV4;
        r.u.open.active = 1;
        r.u.open.local[3] = 1;
        r.u.open.remote[3] = 2;
        r.u.open.remote[2] = (uint8_t)(i >> 16);
        r.u.open.local_port = (uint16_t)i;
        r.u.open.remote_port = 80;
        assert_non_null(hf_observer_see(observer, &r, NULL, NULL));
        memset(&r.u, 0, sizeof r.u);
        r.kind = HF_TRACE_END;
        const struct hf_observed *seen = hf_observer_see(observer, &r, NULL, NULL);
        assert_non_null(seen);
        assert_int_equal(seen->number, i);
        assert_true(seen->end[0].ended);
    }
    struct hf_trace_record first = {.kind = HF_TRACE_CALL, .stack = 1, .conn = 1};
    assert_null(hf_observer_see(observer, &first, NULL, NULL)); /* forgotten */
    hf_observer_destroy(observer);
}
