/* src/view/counters.c: the table of a stack's counters. */
#include "check.h"

#include <string.h>

#include "feed.h"

TEST(counters_print_totals_and_what_is_not_zero, none, "")
{
    struct hf_stack_counters c;
    memset(&c, 0, sizeof c);
    c.packets_in = 1234567;
    c.packets_out = 89;
    c.segments_in = 1234560;
    c.segments_out = 89;
    c.bytes_in = 1073741824;
    c.retransmits = 2;
    c.active_opens = 1;
    c.connections = 1;
    c.memory = 4096;
    c.memory_peak = 70000;
    c.memory_limit = 67108864;
    c.drops[HF_DROP_RST_WINDOW] = 3;
    c.ended[HF_CAUSE_CLOSED] = 12;

    struct text text = {0};
    hf_counters_print(&c, text_write, &text);
    assert_string_equal(
        text.bytes,
        "traffic\n"
        "  packets                      1,234,567 in              89 out\n"
        "  segments                     1,234,560 in              89 out\n"
        "  bytes of text            1,073,741,824 in               0 out\n"
        "  resets                               0 in               0 out\n"
        "  retransmissions                      2\n"
        "connections\n"
        "  opened by us                         1\n"
        "  now                                  1 open, 0 half-open, 0 in TIME-WAIT\n"
        "  memory                           4,096 bytes, at most 70,000 of 67,108,864\n"
        "ended\n"
        "  CLOSED                              12  closed by both sides\n"
        "dropped\n"
        "  RST_WINDOW                           3  RST not exactly at RCV.NXT\n");
    text_end(&text);
}

TEST(counters_name_every_reason_and_cause, none, "")
{
    struct hf_stack_counters c;
    memset(&c, 0, sizeof c);
    for (int i = 0; i < HF_DROP_COUNT; i++)
        c.drops[i] = 1;
    for (int i = 0; i < HF_CAUSE_COUNT; i++)
        c.ended[i] = UINT64_MAX;
    struct text text = {0};
    hf_counters_print(&c, text_write, &text);
    for (int i = 1; i < HF_DROP_COUNT; i++)
        assert_non_null(strstr(text.bytes, hf_drop_text(i)));
    for (int i = 1; i < HF_CAUSE_COUNT; i++)
        assert_non_null(strstr(text.bytes, hf_cause_text(i)));
    assert_null(strstr(text.bytes, hf_cause_text(HF_CAUSE_NONE)));
    text_end(&text);
}

/* Every field counts once: bytes of 1 in both come to bytes of 2, whatever is added to the struct. */
TEST(counters_of_several_stacks_add_up, none, "")
{
    struct hf_stack_counters one, sum, two;
    memset(&one, 1, sizeof one);
    memset(&sum, 1, sizeof sum);
    memset(&two, 2, sizeof two);
    hf_counters_add(&sum, &one);
    assert_memory_equal(&sum, &two, sizeof sum);
}
