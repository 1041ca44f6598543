/* src/view/words.c: whatever the core can say has a Chinese word too. */
#include "check.h"

#include <string.h>

#include <handfast/view.h>

static void expect_chinese(const char *english, const char *chinese, const char *list)
{
    if (english[0] == 0)
        assert_string_equal(chinese, "");
    else if (strcmp(english, "2MSL") != 0 && strcmp(english, chinese) == 0)
        fail_msg("%s: \"%s\" has no Chinese in src/view/words.c", list, english);
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
