/* src/view/flights.c: joining departures with arrivals. */
#include "check.h"

#include "../../src/view/datagram.h"
#include "../../src/view/flights.h"

static struct hf_trace_record segment(hf_time time, uint32_t seq, uint32_t text)
{
    struct hf_trace_record r = {.kind = HF_TRACE_OUT, .time = time};
    r.u.segment.seq = seq;
    r.u.segment.text = text;
    r.u.segment.flags = HF_ACK;
    return r;
}

static void depart(struct flights *flights, hf_time time, uint32_t seq, uint32_t text,
                   uint64_t id)
{
    struct hf_trace_record r = segment(time, seq, text);
    assert_true(hf_flights_depart(flights, &r, id));
}

/* The id of what arrives, or -1; a copy of what had arrived is its id plus 1000. */
static int64_t arrive(struct flights *flights, hf_time time, uint32_t seq, uint32_t text)
{
    struct hf_trace_record r = segment(time, seq, text), sent;
    uint64_t id;
    enum flight_fate fate = hf_flights_arrive(flights, &r, &sent, &id);
    if (fate == FLIGHT_UNKNOWN)
        return -1;
    return fate == FLIGHT_DOUBLED ? (int64_t)id + 1000 : (int64_t)id;
}

TEST(arrivals_are_joined_in_any_order, none, "")
{
    struct flights f = {0};
    depart(&f, 0, 0, 10, 1);
    depart(&f, 0, 10, 10, 2);
    depart(&f, 0, 20, 10, 3);
    assert_int_equal(arrive(&f, 5, 20, 10), 3);
    assert_int_equal(arrive(&f, 5, 0, 10), 1);
    assert_int_equal(arrive(&f, 5, 0, 10), 1001); /* a second time: the network doubled it */
    assert_int_equal(arrive(&f, 5, 30, 10), -1);  /* nobody sent it */
    assert_int_equal(arrive(&f, 6, 10, 10), 2);
    hf_flights_end(&f);
}

TEST(of_two_copies_the_one_with_the_usual_delay_arrived, none, "")
{
    struct flights f = {0};
    depart(&f, 0, 0, 10, 1);
    assert_int_equal(arrive(&f, 20, 0, 10), 1); /* the way takes 20 */
    depart(&f, 100, 10, 10, 2);                 /* lost */
    depart(&f, 300, 10, 10, 3);                 /* sent again */
    assert_int_equal(arrive(&f, 320, 10, 10), 3);
    depart(&f, 400, 20, 10, 4);
    depart(&f, 410, 20, 10, 5); /* sent again too early: both arrive */
    assert_int_equal(arrive(&f, 420, 20, 10), 4);
    assert_int_equal(arrive(&f, 430, 20, 10), 5);
    hf_flights_end(&f);
}

TEST(a_copy_is_not_taken_for_a_lost_one, none, "")
{
    struct flights f = {0};
    depart(&f, 0, 0, 0, 1);
    assert_int_equal(arrive(&f, 20, 0, 0), 1);
    depart(&f, 100, 5, 0, 2); /* lost */
    depart(&f, 500, 5, 0, 3);
    assert_int_equal(arrive(&f, 520, 5, 0), 3);
    assert_int_equal(arrive(&f, 521, 5, 0), 1003);
    hf_flights_end(&f);
}

TEST(before_any_delay_is_known_the_latest_arrived, none, "")
{
    struct flights f = {0};
    depart(&f, 0, 0, 10, 1);
    depart(&f, 1000, 0, 10, 2);
    assert_int_equal(arrive(&f, 1020, 0, 10), 2);
    hf_flights_end(&f);
}

TEST(pieces_arrive_until_all_is_there, none, "")
{
    struct flights f = {0};
    depart(&f, 0, 0, 30, 1);
    assert_int_equal(arrive(&f, 5, 0, 10), 1);
    assert_int_equal(arrive(&f, 5, 20, 10), 1);
    assert_int_equal(arrive(&f, 5, 10, 10), 1);
    assert_int_equal(arrive(&f, 5, 10, 10), 1001);
    hf_flights_end(&f);
}

TEST(a_thousand_lost_ones_are_forgotten, none, "")
{
    struct flights f = {0};
    for (uint32_t i = 0; i < FLIGHTS_MAX + 10; i++)
        depart(&f, i, i * 10, 10, i);
    assert_int_equal(f.count, FLIGHTS_MAX);
    assert_int_equal(arrive(&f, 5000, 50, 10), -1);
    assert_int_equal(arrive(&f, 5000, 100, 10), 10);
    hf_flights_end(&f);
}

TEST(a_refused_segment_is_found_by_its_header, none, "")
{
    struct flights f = {0};
    depart(&f, 0, 0, 10, 1);
    depart(&f, 0, 10, 10, 2);
    struct hf_datagram d = {.seq = 10, .text = 10, .flags = HF_ACK};
    struct hf_trace_record sent;
    uint64_t id = 0;
    assert_true(hf_flights_refused(&f, &d, 7, &sent, &id));
    assert_int_equal(id, 2);
    assert_false(hf_flights_refused(&f, &d, 7, &sent, &id));
    hf_flights_end(&f);
}
