/* src/view/names.c: words, the tee, and writing to a file. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include <handfast/view.h>

TEST(flags_are_written_as_books_do, none, "")
{
    static const struct {
        unsigned flags;
        const char *text;
    } rows[] = {{0, "none"},
                {HF_SYN, "SYN"},
                {HF_SYN | HF_ACK, "SYN,ACK"},
                {HF_FIN | HF_PSH | HF_ACK, "FIN,PSH,ACK"},
                {HF_RST | HF_ACK, "RST,ACK"},
                {0x1ff, "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR,AE"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[HF_FLAGS_TEXT];
        assert_string_equal(hf_flags_text(rows[i].flags, text), rows[i].text);
    }
}

TEST(every_call_and_cause_of_change_has_a_word, none, "")
{
    for (int call = HF_CALL_OPEN; call <= HF_CALL_REFUSE; call++)
        assert_string_not_equal(hf_call_text(call), "call");
    assert_string_equal(hf_call_text(0), "call");
    assert_string_equal(hf_by_text(HF_BY_SEGMENT), "segment");
    assert_string_equal(hf_by_text(HF_BY_CALL), "call");
    assert_string_equal(hf_by_text(HF_BY_TIMER), "timer");
    assert_string_equal(hf_by_text(HF_BY_ICMP), "ICMP");
    assert_string_equal(hf_by_text(HF_BY_STACK), "stack");
}

static void count(void *context, const struct hf_trace_record *record,
                  const struct hf_packet *packet)
{
    assert_null(packet);
    *(int *)context += record->kind;
}

TEST(a_tee_feeds_all_its_sinks, none, "")
{
    int first = 0, second = 0;
    struct hf_tee tee = {.count = 2, .sink = {count, count}, .context = {&first, &second}};
    struct hf_trace_record record = {.kind = HF_TRACE_CLOCK};
    hf_tee_record(&tee, &record, NULL);
    hf_tee_record(&tee, &record, NULL);
    assert_int_equal(first, 2 * HF_TRACE_CLOCK);
    assert_int_equal(second, 2 * HF_TRACE_CLOCK);
}

TEST(a_file_gets_what_is_written, none, "")
{
    FILE *file = tmpfile();
    assert_non_null(file);
    hf_write_file(file, "ab", 2);
    hf_write_file(file, "c", 1);
    rewind(file);
    char text[8] = "";
    assert_int_equal(fread(text, 1, sizeof text, file), 3);
    assert_string_equal(text, "abc");
    fclose(file);
}
