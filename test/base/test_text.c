/* Words: one for every value, none for NULL, and different ones for different values. */
#include "check.h"

#include <string.h>

#include <handfast/stack.h>
#include <handfast/trace.h>

static void check_words(const char *(*text)(int), int first, int end)
{
    for (int i = first; i < end; i++) {
        assert_string_not_equal(text(i), text(end));
        for (int j = first; j < i; j++)
            assert_string_not_equal(text(i), text(j));
    }
    assert_non_null(text(-1000));
    assert_non_null(text(1000));
}

TEST(text_for_every_value, none, "")
{
    check_words(hf_state_text, 0, HF_STATES);
    check_words(hf_cause_text, 0, HF_CAUSE_COUNT);
    check_words(hf_cause_name, 0, HF_CAUSE_COUNT);
    check_words(hf_drop_text, 0, HF_DROP_COUNT);
    check_words(hf_drop_name, 0, HF_DROP_COUNT);
    check_words(hf_timer_text, 0, HF_TIMER_COUNT);
    check_words(hf_send_text, HF_SEND_REPLY, HF_SEND_COUNT);
    assert_string_equal(hf_send_text(HF_SEND_NEW), "");
    for (int err = HF_ERR_UNREACHABLE; err <= 0; err++) {
        assert_string_not_equal(hf_err_text(err), hf_err_text(HF_ERR_UNREACHABLE - 1));
        for (int other = HF_ERR_UNREACHABLE; other < err; other++)
            assert_string_not_equal(hf_err_text(err), hf_err_text(other));
    }
}

TEST(text_in_the_words_of_the_rfc, none, "")
{
    assert_string_equal(hf_state_text(HF_FIN_WAIT_1), "FIN-WAIT-1");
    assert_string_equal(hf_state_text(HF_SYN_RECEIVED), "SYN-RECEIVED");
    assert_string_equal(hf_err_text(HF_ERR_EXISTS), "connection already exists");
    assert_string_equal(hf_drop_name(HF_DROP_RST_WINDOW), "RST_WINDOW");
    assert_string_equal(hf_cause_name(HF_CAUSE_USER_TIMEOUT), "USER_TIMEOUT");
    assert_string_equal(hf_version(), "0.1.0");
}
