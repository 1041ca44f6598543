/* Whether a connection gets on: what hf_sim_progress_look says of made-up connections, each moment apart;
 * and stories in which a stack falls silent, which must not go unseen. */
#include "check.h"

#include <string.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

#include "story.h"

#define RTO (300 * HF_MS)
#define ANSWER (50 * HF_MS)

static struct hf_sim_progress progress;
static struct hf_tcp_status status;

/* One segment of 100 is in flight. */
static void begin(void)
{
    hf_sim_progress_init(&progress);
    status = (struct hf_tcp_status){.state = HF_ESTABLISHED, .snd_una = 1000, .snd_nxt = 1100,
                                    .snd_wnd = 5000, .send_queued = 100, .rto = RTO};
}

static int look(hf_time up_since, hf_time now)
{
    return hf_sim_progress_look(&progress, &status, up_since, ANSWER, now);
}

TEST(two_rtos_without_progress, none, "")
{
    begin();
    assert_false(look(0, 1 * HF_SEC));
    status.rto = 2 * RTO; /* the timer fires: that is no progress, and buys no time */
    assert_false(look(0, 1 * HF_SEC + 2 * RTO));
    assert_true(look(0, 1 * HF_SEC + 2 * RTO + 1));
}

TEST(progress_of_any_kind_counts, none, "")
{
    begin();
    assert_false(look(0, 1 * HF_SEC));
    status.sacked = 50;
    assert_false(look(0, 2 * HF_SEC));
    status.snd_una++;
    assert_false(look(0, 3 * HF_SEC));
    status.bytes_acked++;
    assert_false(look(0, 4 * HF_SEC));
    assert_true(look(0, 5 * HF_SEC));
}

TEST(time_counts_while_the_path_is_up, none, "")
{
    begin();
    assert_false(look(HF_NEVER, 1 * HF_SEC));
    assert_false(look(HF_NEVER, 100 * HF_SEC));
    status.rto = 4 * RTO; /* what the outage made of it */
    assert_false(look(100 * HF_SEC, 100 * HF_SEC + 1));
    assert_false(look(100 * HF_SEC, 100 * HF_SEC + 8 * RTO));
    assert_true(look(100 * HF_SEC, 100 * HF_SEC + 8 * RTO + 1));
    assert_false(look(200 * HF_SEC, 200 * HF_SEC)); /* something was lost again */
}

TEST(an_answer_may_take_longer_than_the_timer, none, "")
{
    begin();
    hf_time answer = 2 * RTO;
    assert_false(hf_sim_progress_look(&progress, &status, 0, answer, HF_SEC));
    assert_false(hf_sim_progress_look(&progress, &status, 0, answer, HF_SEC + RTO + answer));
    assert_true(hf_sim_progress_look(&progress, &status, 0, answer, HF_SEC + RTO + answer + 1));
}

TEST(who_has_nothing_to_deliver_does_not_stall, none, "")
{
    begin();
    status.snd_una = status.snd_nxt;
    status.send_queued = 0;
    assert_false(look(0, 1 * HF_SEC));
    assert_false(look(0, 100 * HF_SEC));
    status.send_queued = 10; /* and now it has: from here on */
    assert_false(look(0, 200 * HF_SEC));
    assert_false(look(0, 200 * HF_SEC + RTO));
    status.snd_wnd = 0;
    assert_false(look(0, 300 * HF_SEC));
    status.snd_wnd = 10;
    assert_false(look(0, 400 * HF_SEC));
    assert_true(look(0, 401 * HF_SEC));
    status.state = HF_FIN_WAIT_2;
    assert_false(look(0, 500 * HF_SEC));
}

/* Stories in which the first host sends no text, whatever its timers say. Where it had
 * something to deliver to an orderly peer, over a path that is up, that is seen. */
TEST(a_silent_stack_is_seen, none, "")
{
    unsigned stalls = 0, seeds = 60;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct story_options options = {.mute_from = 1};
        struct story_result result;
        story_run(seed, &options, &result);
        stalls += result.failed && strstr(result.text, "stalls") != NULL;
    }
    assert_in_range(stalls, seeds / 10, seeds);
}
