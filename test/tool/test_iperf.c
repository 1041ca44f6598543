/* iperf3's control protocol: what is written is read back, what iperf3 3.12 says is understood, and
 * what nobody should say is refused in words. */
#include "check.h"
#include "iperf.h"

#include <stdlib.h>
#include <string.h>

/* As iperf3 3.12 sent it for -R -P 2. */
static const char params_of_iperf3[] =
    "{\"tcp\":true,\"omit\":0,\"time\":1,\"num\":0,\"blockcount\":0,\"parallel\":2,"
    "\"reverse\":true,\"len\":131072,\"pacing_timer\":1000,\"client_version\":\"3.12\"}";

static bool read_params(const char *text, struct iperf_params *p, struct iperf_fault *fault)
{
    return iperf_params_read(text, strlen(text), p, fault);
}

TEST(parameters_of_iperf3, linux, "")
{
    struct iperf_params p;
    struct iperf_fault fault;
    assert_true(read_params(params_of_iperf3, &p, &fault));
    assert_true(p.seconds == 1);
    assert_int_equal(p.bytes, 0);
    assert_int_equal(p.streams, 2);
    assert_int_equal(p.block, 131072);
    assert_true(p.reverse);
    assert_false(p.both);
}

TEST(parameters_come_back_as_they_went, linux, "")
{
    const struct iperf_params p = {
        .bytes = 5368709120,
        .streams = 8,
        .block = 131072,
        .window = 65536,
        .mss = 1000,
        .rate = 1000000,
        .tos = 16,
        .both = true,
        .nodelay = true,
        .congestion = "cubic",
    };
    struct iperf_params q;
    struct iperf_fault fault;
    char *text = iperf_params_write(&p);
    assert_true(read_params(text, &q, &fault));
    free(text);
    assert_int_equal(q.bytes, p.bytes);
    assert_true(q.seconds == 0);
    assert_int_equal(q.streams, p.streams);
    assert_int_equal(q.window, p.window);
    assert_int_equal(q.mss, p.mss);
    assert_int_equal(q.rate, p.rate);
    assert_int_equal(q.tos, p.tos);
    assert_true(q.both && q.nodelay && !q.reverse);
    assert_string_equal(q.congestion, "cubic");
}

TEST(parameters_blocks_are_bytes, linux, "")
{
    struct iperf_params p;
    struct iperf_fault fault;
    assert_true(
        read_params("{\"tcp\":true,\"time\":10,\"blockcount\":5,\"len\":1000}", &p, &fault));
    assert_int_equal(p.bytes, 5000);
    assert_true(p.seconds == 0);
}

TEST(parameters_that_are_refused, linux, "")
{
    static const struct {
        const char *text;
        int error;
        const char *says;
    } rows[] = {
        {"", IPERF_E_PARAMS, "no JSON object"},
        {"[1]", IPERF_E_PARAMS, "no JSON object"},
        {"{\"tcp\":true", IPERF_E_PARAMS, "no JSON object"},
        {"{\"udp\":true}", IPERF_E_UNSUPPORTED, "UDP"},
        {"{\"sctp\":true}", IPERF_E_UNSUPPORTED, "SCTP"},
        {"{\"parallel\":0}", IPERF_E_STREAMS, "\"parallel\" is 0"},
        {"{\"parallel\":129}", IPERF_E_STREAMS, "from 1 to 128"},
        {"{\"parallel\":1.5}", IPERF_E_STREAMS, "whole number"},
        {"{\"parallel\":-1e308}", IPERF_E_STREAMS, "from 1 to 128"},
        {"{\"parallel\":\"8\"}", IPERF_E_STREAMS, "not a number"},
        {"{\"time\":-1}", IPERF_E_DURATION, "\"time\" is -1"},
        {"{\"time\":1e9}", IPERF_E_DURATION, "from 0 to 86400"},
        {"{\"num\":1e300}", IPERF_E_END, "\"num\""},
        {"{\"len\":2000000}", IPERF_E_BLOCK, "\"len\""},
        {"{\"window\":1e12}", IPERF_E_WINDOW, "\"window\""},
        {"{\"MSS\":70000}", IPERF_E_MSS, "\"MSS\""},
        {"{\"TOS\":256}", IPERF_E_TOS, "\"TOS\""},
        {"{\"omit\":601}", IPERF_E_OMIT, "\"omit\""},
        {"{\"congestion\":5}", IPERF_E_CONGESTION, "not text"},
        {"{\"congestion\":\"a name that is long\"}", IPERF_E_CONGESTION, "up to 15"},
        {"{\"congestion\":\"\\u001b[2J\"}", IPERF_E_CONGESTION, "printing"},
        {"{\"reverse\":true,\"bidirectional\":1}", IPERF_E_BOTH_WAYS, "at once"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct iperf_params p = {.streams = 77};
        struct iperf_fault fault = {0};
        assert_false(read_params(rows[i].text, &p, &fault));
        assert_int_equal(fault.error, rows[i].error);
        if (!strstr(fault.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].text, fault.text, rows[i].says);
        assert_int_equal(p.streams, 77); /* nothing was changed */
    }
}

TEST(parameters_in_a_deep_well, linux, "")
{
    char deep[IPERF_PARAMS_MAX];
    struct iperf_params p;
    struct iperf_fault fault;
    memset(deep, '[', sizeof deep);
    assert_false(iperf_params_read(deep, sizeof deep, &p, &fault));
}

static bool read_results(const char *text, unsigned streams, struct iperf_results *r,
                         struct iperf_fault *fault)
{
    return iperf_results_read(text, strlen(text), streams, r, fault);
}

/* iperf3 3.12 writes -1 as 2^64 - 1. */
TEST(results_of_iperf3, linux, "")
{
    static struct iperf_results r;
    struct iperf_fault fault;
    assert_true(read_results(
        "{\"cpu_util_total\":54.2,\"cpu_util_user\":1.5,\"cpu_util_system\":52.7,"
        "\"sender_has_retransmits\":18446744073709551615,\"congestion_used\":\"bbr\",\"streams\":"
        "[{\"id\":1,\"bytes\":323944448,\"retransmits\":18446744073709551615,\"jitter\":0,"
        "\"errors\":0,\"packets\":0,\"start_time\":0,\"end_time\":1.005}]}",
        1, &r, &fault));
    assert_int_equal(r.count, 1);
    assert_int_equal(r.stream[0].bytes, 323944448);
    assert_int_equal(r.stream[0].retransmits, -1);
    assert_true(r.stream[0].seconds == 1.005);
    assert_int_equal(r.retransmits_known, -1);
    assert_string_equal(r.congestion, "bbr");
}

TEST(results_come_back_as_they_went, linux, "")
{
    static struct iperf_results r, q;
    struct iperf_fault fault;
    r.count = IPERF_STREAMS_MAX;
    r.retransmits_known = 1;
    for (unsigned i = 0; i < r.count; i++)
        r.stream[i] =
            (struct iperf_stream_result){iperf_stream_id(i), 1ULL << 50, i, 86400.123456789};
    char *text = iperf_results_write(&r);
    assert_true(strlen(text) <= IPERF_RESULTS_MAX);
    assert_true(read_results(text, r.count, &q, &fault));
    free(text);
    assert_int_equal(q.count, r.count);
    assert_int_equal(q.stream[255].id, 257);
    assert_int_equal(q.stream[255].bytes, 1ULL << 50);
    assert_int_equal(q.stream[255].retransmits, 255);
}

TEST(results_that_are_refused, linux, "")
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"{}", "\"streams\" is missing"},
        {"{\"streams\":5}", "\"streams\" is missing"},
        {"{\"streams\":[]}", "no results of stream 1"},
        {"{\"streams\":[5]}", "no JSON object"},
        {"{\"streams\":[{\"bytes\":1}]}", "without \"id\""},
        {"{\"streams\":[{\"id\":1}]}", "no results of stream 3"},
        {"{\"streams\":[{\"id\":1},{\"id\":1}]}", "two results of stream 1"},
        {"{\"streams\":[{\"id\":1},{\"id\":2}]}", "no results of stream 3"},
        {"{\"streams\":[{\"id\":1},{\"id\":3},{\"id\":4}]}", "more than 2"},
        {"{\"streams\":[{\"id\":258},{\"id\":3}]}", "\"id\" is 258"},
        {"{\"streams\":[{\"id\":1,\"bytes\":-5},{\"id\":3}]}", "\"bytes\" is -5"},
        {"{\"streams\":[{\"id\":1,\"retransmits\":-2},{\"id\":3}]}", "\"retransmits\" is -2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct iperf_results r;
        struct iperf_fault fault = {0};
        assert_false(read_results(rows[i].text, 2, &r, &fault));
        assert_int_equal(fault.error, IPERF_E_RESULTS);
        if (!strstr(fault.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].text, fault.text, rows[i].says);
    }
}

TEST(a_message_in_any_pieces, linux, "")
{
    static const uint8_t bytes[] = {0, 0, 0, 2, '{', '}', 4};
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct iperf_reader reader = {0};
        struct iperf_fault fault;
        size_t at = 0;
        assert_true(iperf_expect_json(&reader, IPERF_PARAMS_MAX));
        while (!iperf_whole(&reader)) {
            size_t n = piece < sizeof bytes - at ? piece : sizeof bytes - at;
            int64_t used = iperf_feed(&reader, bytes + at, n, &fault);
            assert_true(used > 0);
            at += (size_t)used;
        }
        assert_int_equal(at, 6); /* the state behind it is left */
        assert_int_equal(reader.have, 2);
        assert_memory_equal(reader.bytes, "{}", 2);
        assert_true(iperf_expect(&reader, 1));
        assert_int_equal(iperf_feed(&reader, bytes + at, 1, &fault), 1);
        assert_true(iperf_whole(&reader));
        assert_int_equal(reader.bytes[0], IPERF_TEST_END);
        iperf_reader_free(&reader);
    }
}

TEST(a_length_that_is_not_allowed, linux, "")
{
    static const uint8_t lengths[][4] = {{0, 0, 0, 0},
                                         {0, 0, 0, 1},
                                         {0, 0, 0x20, 1},
                                         {0x7f, 0xff, 0xff, 0xff},
                                         {0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct iperf_reader reader = {0};
        struct iperf_fault fault = {0};
        assert_true(iperf_expect_json(&reader, IPERF_PARAMS_MAX));
        assert_int_equal(iperf_feed(&reader, lengths[i], 4, &fault), -1);
        assert_int_equal(fault.error, IPERF_E_MESSAGE);
        assert_non_null(strstr(fault.text, "from 2 to 8192"));
        iperf_reader_free(&reader);
    }
}

TEST(a_cookie_is_36_letters_and_a_zero, linux, "")
{
    uint8_t random[IPERF_COOKIE - 1];
    char cookie[IPERF_COOKIE];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(i * 71);
    iperf_cookie(random, cookie);
    assert_int_equal(strlen(cookie), 36);
    assert_int_equal(strspn(cookie, "abcdefghijklmnopqrstuvwxyz234567"), 36);
}
