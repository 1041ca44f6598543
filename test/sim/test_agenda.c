/* The agenda against a naive one: the earliest entry first, equal times in the order of adding. */
#include "check.h"

#include <string.h>

#include "sim/agenda.h"

#define MOST 400

TEST(entries_come_in_order_of_time_then_of_adding, none, "")
{
    struct agenda agenda = {0};
    struct agenda_entry naive[MOST];
    unsigned count = 0;
    uint64_t added = 0;

    assert_true(hf_agenda_next(&agenda) == HF_NEVER);
    for (unsigned turn = 0; turn < 20000; turn++) {
        if (count < MOST && check_random_below(100) < 52) {
            struct agenda_entry entry = {
                .at = (hf_time)check_random_below(50), .kind = AGENDA_WAKE, .value = added++};
            assert_true(hf_agenda_add(&agenda, &entry));
            naive[count++] = entry;
        } else if (count > 0) {
            unsigned first = 0;
            for (unsigned i = 1; i < count; i++)
                if (naive[i].at < naive[first].at)
                    first = i;
            assert_int_equal(hf_agenda_next(&agenda), naive[first].at);
            assert_int_equal(hf_agenda_take(&agenda).value, naive[first].value);
            count--;
            memmove(&naive[first], &naive[first + 1], (count - first) * sizeof naive[0]);
        }
        assert_int_equal(agenda.count, count);
    }
    hf_agenda_free(&agenda);
}
