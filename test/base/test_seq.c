/* Sequence numbers at the wrap, and references. */
#include "check.h"

#include "base/ref.h"
#include "base/seq.h"

TEST(seq_compares_modulo_2_32, none, "")
{
    static const struct {
        hf_seq a, b;
        bool lt;
    } rows[] = {
        {0, 1, true},          {1, 0, false},          {5, 5, false},
        {0xffffffff, 0, true}, {0, 0xffffffff, false}, {0xfffffff0, 0x10, true},
        {0, 0x7fffffff, true}, {0x7fffffff, 0, false}, {0x80000000, 0xffffffff, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hf_seq a = rows[i].a, b = rows[i].b;
        assert_int_equal(hf_seq_lt(a, b), rows[i].lt);
        assert_int_equal(hf_seq_ge(a, b), !rows[i].lt);
        assert_int_equal(hf_seq_le(a, b), rows[i].lt || a == b);
        assert_int_equal(hf_seq_gt(a, b), !rows[i].lt && a != b);
        assert_int_equal(hf_seq_max(a, b), rows[i].lt ? b : a);
        assert_int_equal(hf_seq_min(a, b), rows[i].lt ? a : b);
    }
}

TEST(seq_in_a_range_across_the_wrap, none, "")
{
    assert_true(hf_seq_in(0xfffffffe, 0xfffffffe, 4));
    assert_true(hf_seq_in(1, 0xfffffffe, 4));
    assert_false(hf_seq_in(2, 0xfffffffe, 4));
    assert_false(hf_seq_in(0xfffffffd, 0xfffffffe, 4));
    assert_false(hf_seq_in(7, 7, 0));
}

TEST(ref_keeps_kind_and_index, none, "")
{
    for (unsigned kind = 0; kind < HF_KINDS; kind++) {
        hf_ref ref = hf_ref_make((enum hf_kind)kind, HF_REF_INDEX_MAX - 1);
        assert_int_equal(hf_ref_kind(ref), kind);
        assert_int_equal(hf_ref_index(ref), HF_REF_INDEX_MAX - 1);
    }
}
