/* A path in words: every setting and unit, what follows from others, and what is refused. */
#include "check.h"

#include <handfast/sim.h>
#include <stdbool.h>
#include <string.h>

static struct hf_sim_path parsed(const char *text)
{
    struct hf_sim_path path;
    char error[HF_SIM_PATH_ERROR] = "";
    if (hf_sim_path_parse(text, &path, NULL, error) < 0)
        fail_msg("%s: %s", text, error);
    return path;
}

TEST(nothing_said_is_a_perfect_path, none, "")
{
    struct hf_sim_path perfect, path = parsed("");
    hf_sim_path_init(&perfect);
    assert_memory_equal(&path, &perfect, sizeof path);
}

TEST(rates_times_and_chances_have_units, none, "")
{
    assert_int_equal(parsed("rate=9600bit").rate, 9600);
    assert_int_equal(parsed("rate=500kbit").rate, 500000);
    assert_int_equal(parsed("rate=2.5gbit").rate, 2500000000);
    assert_int_equal(parsed("rate=100MBit").rate, 100000000);
    assert_int_equal(parsed("delay=500us").delay, 500 * HF_US);
    assert_int_equal(parsed("delay=0.1s").delay, 100 * HF_MS);
    assert_int_equal(parsed("delay=10ms,jitter=250ns").jitter, 250);
    assert_int_equal(parsed("loss=0.01").loss, 10000);
    assert_int_equal(parsed("loss=1%").loss, 10000);
    assert_int_equal(parsed("loss=0.0001%").loss, 1);
    assert_int_equal(parsed("loss=1").loss, 1000000);
    assert_int_equal(parsed("duplicate=5%,corrupt=0.5").duplicate, 50000);
    assert_int_equal(parsed("duplicate=5%,corrupt=0.5").corrupt, 500000);
}

TEST(bursts_of_loss_have_two_chances_or_three, none, "")
{
    struct hf_sim_path path = parsed("burst-loss=0.001:20%");
    assert_int_equal(path.burst_enter, 1000);
    assert_int_equal(path.burst_leave, 200000);
    assert_int_equal(path.burst_loss, 1000000);
    assert_int_equal(parsed("burst-loss=0.001:0.2:0.5").burst_loss, 500000);
}

TEST(reordering_is_by_half_the_delay_unless_said, none, "")
{
    assert_int_equal(parsed("reorder=1%,delay=10ms").reorder_by, 5 * HF_MS);
    assert_int_equal(parsed("delay=10ms,reorder=1%:2ms").reorder_by, 2 * HF_MS);
    assert_int_equal(parsed("reorder=1%").reorder_by, HF_MS);
    assert_int_equal(parsed("delay=10ms").reorder_by, 0);
}

TEST(queues_are_packets_bytes_or_bandwidth_delay_products, none, "")
{
    assert_int_equal(parsed("rate=1mbit,queue=10p").queue_packets, 10);
    assert_int_equal(parsed("rate=1mbit,queue=10p").queue_bytes, 0);
    assert_int_equal(parsed("rate=1mbit,queue=64kb").queue_bytes, 64000);
    assert_int_equal(parsed("rate=1mbit,queue=64KiB").queue_bytes, 65536);
    /* 100 Mbit/s over two delays of 10 ms, in whatever order it is said */
    assert_int_equal(parsed("rate=100mbit,delay=10ms").queue_bytes, 250000);
    assert_int_equal(parsed("queue=bdp,delay=10ms,rate=100mbit").queue_bytes, 250000);
    assert_int_equal(parsed("queue=0.5bdp,rate=100mbit,delay=10ms").queue_bytes, 125000);
    assert_int_equal(parsed("rate=100mbit").queue_bytes, 3000);
    assert_int_equal(parsed("delay=10ms").queue_bytes, 0); /* nothing waits */
}

TEST(marks_begin_at_bytes_or_at_a_time, none, "")
{
    assert_int_equal(parsed("rate=8mbit,ecn=30kb").mark_bytes, 30000);
    assert_int_equal(parsed("rate=8mbit,ecn=5ms").mark_bytes, 5000);
}

TEST(a_small_path_reports_or_swallows, none, "")
{
    assert_int_equal(parsed("path-mtu=1400").mtu, 1400);
    assert_int_equal(parsed("path-mtu=1400").report_mtu, 1);
    assert_int_equal(parsed("black-hole=1400").mtu, 1400);
    assert_int_equal(parsed("black-hole=1400").report_mtu, 0);
}

TEST(a_seed_is_for_those_who_want_one, none, "")
{
    struct hf_sim_path path;
    char error[HF_SIM_PATH_ERROR];
    uint64_t seed = 5;
    assert_int_equal(hf_sim_path_parse("loss=1%", &path, &seed, error), 0);
    assert_int_equal(seed, 5);
    assert_int_equal(hf_sim_path_parse("seed=18446744073709551615", &path, &seed, error), 0);
    assert_true(seed == UINT64_MAX);
    assert_int_equal(hf_sim_path_parse("seed=1", &path, NULL, error), HF_ERR_ARGUMENT);
}

TEST(what_is_wrong_is_named_and_nothing_changes, none, "")
{
    static const char *const wrong[] = {
        "rate",           "rate=",          "rate=100",        "rate=100zbit",
        "rate=-1mbit",    "rate=0bit",      "rate=1e30gbit",   "rate=nanmbit",
        "delay=10",       "delay=10min",    "delay=5000s",     "delay=ms",
        "loss=1.1",       "loss=101%",      "loss=0.0000001",  "loss=-0.1",
        "loss=x",         "loss= 0.1",      "burst-loss=0.1",  "burst-loss=0.1:0",
        "burst-loss=1:2", "reorder=1%:",    "reorder=1%:0ms",  "queue=5p",
        "rate=1mbit,queue=5", "rate=1mbit,queue=0bdp", "rate=1mbit,queue=bdp2",
        "rate=1mbit,queue=0p", "ecn=5ms",   "rate=1mbit,ecn=5", "path-mtu=67",
        "path-mtu=70000", "black-hole=x",   "seed=-1",         "speed=1mbit",
        "loss=1%,",       ",loss=1%",       "rat=1mbit",       "rates=1mbit",
        "=1",             "seed=99999999999999999999",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct hf_sim_path path = {.size = 42}, before = path;
        char error[HF_SIM_PATH_ERROR] = "";
        uint64_t seed = 1;
        if (hf_sim_path_parse(wrong[i], &path, &seed, error) != HF_ERR_ARGUMENT)
            fail_msg("%s was taken", wrong[i]);
        assert_memory_equal(&path, &before, sizeof path);
        assert_int_equal(seed, 1);
        assert_true(strlen(error) > 10 && !strchr(error, '\n'));
    }
}

TEST(an_error_says_what_was_expected, none, "")
{
    struct hf_sim_path path;
    char error[HF_SIM_PATH_ERROR];
    assert_int_equal(hf_sim_path_parse("delay=1ms,loss=2", &path, NULL, error), HF_ERR_ARGUMENT);
    assert_string_equal(error, "loss=2: expected a chance from 0 to 1 in steps of a millionth, "
                               "such as 0.01 or 1%");
}
