/* src/view/words.c, explain_words.c, explain_sentence.c: whatever can be said has Chinese words too. */
#include "check.h"

#include <string.h>

#include <handfast/explain.h>
#include <handfast/view.h>

static void expect_chinese(const char *english, const char *chinese, const char *list)
{
    if (english[0] == 0)
        assert_string_equal(chinese, "");
    else if (strcmp(english, "2MSL") != 0 && strcmp(english, chinese) == 0)
        fail_msg("%s: \"%s\" has no Chinese in src/view", list, english);
}

TEST(every_word_of_the_core_is_said_in_chinese, none, "")
{
    for (int i = 0; i < HF_CAUSE_COUNT; i++)
        expect_chinese(hf_cause_text(i), hf_cause_words(i, HF_CHINESE), "causes");
    for (int i = 0; i < HF_DROP_COUNT; i++)
        expect_chinese(hf_drop_text(i), hf_drop_words(i, HF_CHINESE), "drops");
    for (int i = 0; i < HF_SEND_COUNT; i++)
        expect_chinese(hf_send_text(i), hf_send_words(i, HF_CHINESE), "sends");
    for (int i = 0; i < HF_TIMER_COUNT; i++)
        expect_chinese(hf_timer_text(i), hf_timer_words(i, HF_CHINESE), "timers");
    for (int i = HF_CALL_OPEN; i <= HF_CALL_REFUSE; i++)
        expect_chinese(hf_call_text(i), hf_call_words(i, HF_CHINESE), "calls");
}

TEST(every_word_of_the_explainer_is_said_in_chinese, none, "")
{
    for (int i = 0; i < HF_EXPLAIN_COUNT; i++)
        expect_chinese(hf_explain_event_text(i), hf_explain_event_words(i, HF_CHINESE), "events");
    for (int i = 0; i < HF_EXPLAIN_ENDING_COUNT; i++)
        expect_chinese(hf_explain_ending_text(i), hf_explain_ending_words(i, HF_CHINESE),
                       "endings");
    for (int i = 0; i < HF_EXPLAIN_RESET_COUNT; i++)
        expect_chinese(hf_explain_reset_text(i), hf_explain_reset_words(i, HF_CHINESE), "resets");
    assert_string_equal(hf_explain_event_words(HF_EXPLAIN_RESET, HF_ENGLISH), "reset");
    assert_string_equal(hf_explain_ending_words(HF_EXPLAIN_COUNT, HF_CHINESE), "?");
}

/* Every sentence that there is, with all that may stand in it. */
TEST(every_sentence_of_the_explainer_is_said_in_chinese, none, "")
{
    struct hf_explained c = {0};
    char text[HF_EXPLAIN_SENTENCE];
    for (int e = 0; e < 2; e++) {
        c.end[e].packets = 3;
        c.end[e].syn = c.end[e].fin = c.end[e].fin_acked = UINT64_MAX;
        c.end[e].unacked = UINT32_MAX;
        c.end[e].counts[HF_EXPLAIN_RTO] = UINT32_MAX;
    }
    c.reset_packet = c.last_ack = c.first_packet = c.last_packet = UINT64_MAX;
    c.reset_ttl = 255;
    c.put_aside = 1;
    for (int ending = 0; ending < HF_EXPLAIN_ENDING_COUNT; ending++)
        for (int cause = 0; cause < HF_EXPLAIN_RESET_COUNT; cause++)
            for (int wait = 0; wait < HF_EXPLAIN_WAIT_COUNT; wait++) {
                c.ending = (uint8_t)ending;
                c.reset_cause = (uint8_t)cause;
                c.end[0].wait = c.end[1].wait = (uint8_t)wait;
                c.end[0].told = c.end[0].cause = cause % 2 == 1 ? HF_CAUSE_MEMORY : 0;
                hf_explain_sentence_words(&c, HF_CHINESE, text);
                assert_true(strlen(text) + 1 < sizeof text);
                assert_string_equal(text + strlen(text) - strlen("。"), "。");
                for (const char *p = text; *p; p++)
                    if (p[0] >= 'a' && p[0] <= 'z')
                        fail_msg("English in \"%s\"", text);
                hf_explain_sentence(&c, text);
                assert_true(strlen(text) + 1 < sizeof text);
            }
}

TEST(english_words_are_the_core_s, none, "")
{
    assert_string_equal(hf_cause_words(HF_CAUSE_RESET, HF_ENGLISH), "reset by the peer");
    assert_string_equal(hf_drop_words(HF_DROP_PAWS, HF_ENGLISH), hf_drop_text(HF_DROP_PAWS));
}

TEST(a_value_outside_its_list_is_no_crash, none, "")
{
    for (int language = HF_ENGLISH; language <= HF_CHINESE; language++) {
        assert_non_null(hf_cause_words(-1, language));
        assert_non_null(hf_drop_words(1000, language));
        assert_non_null(hf_send_words(1000, language));
        assert_non_null(hf_timer_words(1000, language));
        assert_non_null(hf_call_words(0, language));
    }
}
