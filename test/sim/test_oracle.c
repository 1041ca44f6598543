/* The stream oracle: it is content with a right stream, cut anyhow, and catches each fault that
 * a TCP could commit. */
#include "check.h"

#include <string.h>

#include <handfast/sim.h>

static struct hf_sim_oracle oracle;
static uint8_t stream[4096];

/* 4096 bytes were sent and ended. */
static void sent_all(void)
{
    hf_sim_oracle_init(&oracle, 77);
    hf_sim_oracle_next(&oracle, stream, sizeof stream);
    assert_int_equal(hf_sim_oracle_sent(&oracle, sizeof stream), HF_SIM_ORACLE_FINE);
    hf_sim_oracle_end(&oracle);
}

TEST(a_right_stream_in_any_pieces_is_complete, none, "")
{
    sent_all();
    for (size_t at = 0; at < sizeof stream;) {
        size_t n = 1 + (size_t)check_random_below(700);
        if (n > sizeof stream - at)
            n = sizeof stream - at;
        assert_int_equal(hf_sim_oracle_received(&oracle, stream + at, n), HF_SIM_ORACLE_FINE);
        assert_false(hf_sim_oracle_complete(&oracle));
        at += n;
    }
    assert_int_equal(hf_sim_oracle_eof(&oracle), HF_SIM_ORACLE_FINE);
    assert_true(hf_sim_oracle_complete(&oracle));
}

TEST(the_bytes_do_not_depend_on_how_they_are_asked_for, none, "")
{
    uint8_t pieces[sizeof stream];

    sent_all();
    hf_sim_oracle_init(&oracle, 77);
    for (size_t at = 0; at < sizeof pieces;) {
        size_t n = 1 + (size_t)check_random_below(33);
        if (n > sizeof pieces - at)
            n = sizeof pieces - at;
        hf_sim_oracle_next(&oracle, pieces + at, n);
        hf_sim_oracle_sent(&oracle, n);
        at += n;
    }
    assert_memory_equal(pieces, stream, sizeof stream);
    hf_sim_oracle_init(&oracle, 78);
    hf_sim_oracle_next(&oracle, pieces, sizeof pieces);
    assert_memory_not_equal(pieces, stream, 64);
}

TEST(a_changed_byte_is_caught_at_its_offset, none, "")
{
    sent_all();
    stream[1234] ^= 1;
    hf_sim_oracle_received(&oracle, stream, 1000);
    assert_int_equal(hf_sim_oracle_received(&oracle, stream + 1000, 1000),
                     HF_SIM_ORACLE_WRONG_BYTE);
    assert_int_equal(oracle.fault_at, 1234);
}

TEST(a_repeated_piece_is_caught, none, "")
{
    sent_all();
    hf_sim_oracle_received(&oracle, stream, 100);
    assert_int_equal(hf_sim_oracle_received(&oracle, stream + 50, 100), HF_SIM_ORACLE_WRONG_BYTE);
}

TEST(a_missing_piece_is_caught, none, "")
{
    sent_all();
    hf_sim_oracle_received(&oracle, stream, 100);
    assert_int_equal(hf_sim_oracle_received(&oracle, stream + 101, 100),
                     HF_SIM_ORACLE_WRONG_BYTE);
}

TEST(bytes_that_nobody_sent_are_caught, none, "")
{
    hf_sim_oracle_init(&oracle, 5);
    hf_sim_oracle_next(&oracle, stream, 20);
    hf_sim_oracle_sent(&oracle, 10);
    assert_int_equal(hf_sim_oracle_received(&oracle, stream, 11), HF_SIM_ORACLE_FROM_NOWHERE);
    assert_int_equal(oracle.fault_at, 10);
}

TEST(an_early_end_is_caught, none, "")
{
    sent_all();
    hf_sim_oracle_received(&oracle, stream, sizeof stream - 1);
    assert_int_equal(hf_sim_oracle_eof(&oracle), HF_SIM_ORACLE_EARLY_EOF);

    hf_sim_oracle_init(&oracle, 5);
    assert_int_equal(hf_sim_oracle_eof(&oracle), HF_SIM_ORACLE_EARLY_EOF);
}

TEST(bytes_after_the_end_are_caught, none, "")
{
    sent_all();
    hf_sim_oracle_received(&oracle, stream, sizeof stream);
    hf_sim_oracle_eof(&oracle);
    assert_int_equal(hf_sim_oracle_received(&oracle, stream, 1), HF_SIM_ORACLE_AFTER_EOF);
    assert_false(hf_sim_oracle_complete(&oracle));
}

TEST(sending_after_the_end_is_caught, none, "")
{
    sent_all();
    assert_int_equal(hf_sim_oracle_sent(&oracle, 1), HF_SIM_ORACLE_AFTER_END);
}

TEST(the_first_fault_is_kept_and_each_has_words, none, "")
{
    sent_all();
    hf_sim_oracle_received(&oracle, "no", 2);
    hf_sim_oracle_eof(&oracle);
    assert_int_equal(oracle.fault, HF_SIM_ORACLE_WRONG_BYTE);
    for (int i = 0; i <= HF_SIM_ORACLE_AFTER_END; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(hf_sim_oracle_text(i), hf_sim_oracle_text(j));
}
