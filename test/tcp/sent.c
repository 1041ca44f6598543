/* Records of what was sent, against one byte an octet: at random, with and without memory. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "tcp/sent.h"

enum { SPACE = 60000, SEGMENT = 100 };

static struct {
    struct hf_env env;
    struct hf_settings settings;
    struct hf_sent_list list;
    hf_seq una, recorded, nxt;
    uint8_t flags[SPACE]; /* by sequence number modulo SPACE                                  */
    hf_time sent_at[SPACE];
    size_t allocated;
    bool fails;
} w;

static void *take(void *context, size_t size)
{
    (void)context;
    void *memory = w.fails && check_random_below(2) ? NULL : malloc(size);
    w.allocated += memory ? size : 0;
    return memory;
}

static void give(void *context, void *memory, size_t size)
{
    (void)context;
    w.allocated -= memory ? size : 0;
    free(memory);
}

static void begin(hf_seq una, uint16_t records)
{
    memset(&w, 0, sizeof w);
    w.settings.sent_records = records;
    w.env.settings = &w.settings;
    w.env.budget.allocator = (struct hf_allocator){.alloc = take, .free = give};
    hf_budget_set_limit(&w.env.budget, (size_t)1 << 30);
    hf_pool_init(&w.env.sents, &w.env.budget, sizeof(struct hf_sent), HF_SENT_SLAB, 1u << 20);
    w.una = w.recorded = w.nxt = una;
}

static void end(void)
{
    hf_sent_clear(&w.env, &w.list);
    assert_int_equal(w.env.sents.count, 0);
    hf_pool_reset(&w.env.sents);
    assert_int_equal(w.allocated, 0);
}

static void naive(hf_seq from, hf_seq to, uint8_t flags, hf_time sent_at)
{
    for (hf_seq at = from; at != to; at++) {
        w.flags[at % SPACE] = flags;
        w.sent_at[at % SPACE] = sent_at;
    }
}

/* Every octet agrees, and the list is whole. */
static void compare(void)
{
    const char *fault = hf_sent_check(&w.env, &w.list, w.una, w.nxt);
    if (fault)
        fail_msg("%s", fault);
    const uint8_t seen = HF_SENT_SACKED | HF_SENT_LOST | HF_SENT_RESENT;
    hf_seq at = w.una;
    for (uint32_t i = w.list.first; i; i = hf_sent_at(&w.env, i)->next) {
        const struct hf_sent *s = hf_sent_at(&w.env, i);
        for (; at != s->end; at++) {
            assert_int_equal(s->flags & seen, w.flags[at % SPACE]);
            if (!(s->flags & HF_SENT_SACKED))
                assert_true(s->sent_at == w.sent_at[at % SPACE]);
        }
    }
    assert_int_equal(at, w.recorded);
}

static void send_new(void)
{
    uint32_t n = 1 + (uint32_t)check_random_below(4);
    for (uint32_t i = 0; i < n && w.nxt - w.una < SPACE - 2 * SEGMENT; i++) {
        hf_seq next = w.nxt + (check_random_below(8) ? SEGMENT
                                                     : 1 + (uint32_t)check_random_below(SEGMENT));
        uint32_t index = hf_sent_append(&w.env, &w.list, w.recorded, next, SEGMENT);
        assert_true(index || w.fails || w.list.count == w.settings.sent_records);
        w.nxt = next;
        if (index) {
            naive(w.recorded, next, 0, w.env.now);
            w.recorded = next;
        }
    }
}

/* The record of a random octet that was recorded; 0 when nothing was. */
static uint32_t any_record(void)
{
    if (w.recorded == w.una)
        return 0;
    hf_seq seq = w.una + (uint32_t)check_random_below(w.recorded - w.una);
    uint32_t i = hf_sent_find(&w.env, &w.list, seq);
    assert_true(i != 0);
    const struct hf_sent *s = hf_sent_at(&w.env, i);
    assert_true(hf_seq_le(s->start, seq) && hf_seq_lt(seq, s->end));
    return i;
}

static void cut(void)
{
    uint32_t i = any_record();
    if (!i || hf_sent_at(&w.env, i)->flags & HF_SENT_SACKED)
        return;
    const struct hf_sent *s = hf_sent_at(&w.env, i);
    hf_seq middle = s->start + (uint32_t)check_random_below(hf_sent_len(s));
    hf_seq below = hf_sent_cut_below(s, middle), above = hf_sent_cut_above(s, middle);
    assert_true(hf_seq_le(s->start, below) && hf_seq_le(below, middle));
    assert_true(hf_seq_le(middle, above) && hf_seq_le(above, s->end));
    assert_true(above - below <= SEGMENT || above == s->end);
    if (hf_seq_lt(s->start, above) && hf_seq_lt(above, s->end))
        hf_sent_split(&w.env, &w.list, i, above);
}

static void something_happens(void)
{
    uint32_t i = any_record();
    const struct hf_sent *s = i ? hf_sent_at(&w.env, i) : NULL;
    if (!s || s->flags & HF_SENT_SACKED)
        return;
    hf_seq start = s->start, stop = s->end;
    switch (check_random_below(3)) {
    case 0:
        naive(start, stop, HF_SENT_SACKED, 0);
        i = hf_sent_sacked(&w.env, &w.list, i);
        assert_true(hf_seq_le(hf_sent_at(&w.env, i)->start, start));
        assert_true(hf_seq_le(stop, hf_sent_at(&w.env, i)->end));
        break;
    case 1:
        naive(start, stop, HF_SENT_LOST, s->sent_at);
        hf_sent_lost(&w.env, &w.list, i);
        break;
    default:
        naive(start, stop, HF_SENT_RESENT | (s->flags & HF_SENT_LOST), w.env.now);
        hf_sent_resent(&w.env, &w.list, i);
        break;
    }
}

static void acknowledge(void)
{
    hf_seq ack = w.una + (uint32_t)check_random_below(w.nxt - w.una + 1);
    if (check_random_below(3))
        ack = w.una + (ack - w.una) / 8;
    while (w.list.first && hf_seq_lt(hf_sent_at(&w.env, w.list.first)->start, ack))
        hf_sent_acked(&w.env, &w.list, ack);
    w.una = ack;
    if (hf_seq_lt(w.recorded, ack))
        w.recorded = ack;
}

static void timeout(void)
{
    bool reneged = check_random_below(2);
    hf_sent_all_lost(&w.env, &w.list, reneged, HF_NEVER);
    for (hf_seq at = w.una; at != w.recorded; at++)
        if (reneged || !(w.flags[at % SPACE] & HF_SENT_SACKED)) {
            w.flags[at % SPACE] = HF_SENT_LOST;
        }
    for (uint32_t i = w.list.first; i && reneged; i = hf_sent_at(&w.env, i)->next) {
        const struct hf_sent *s = hf_sent_at(&w.env, i);
        naive(s->start, s->end, HF_SENT_LOST, s->sent_at);
    }
}

static void undo(void)
{
    hf_sent_none_lost(&w.env, &w.list);
    for (hf_seq at = w.una; at != w.recorded; at++)
        w.flags[at % SPACE] &= (uint8_t)~HF_SENT_LOST;
}

static void at_random(uint16_t records, bool fails, hf_seq una)
{
    begin(una, records);
    for (int step = 0; step < 3000; step++) {
        w.fails = fails && step % 500 > 250;
        w.env.now += check_random_below(3) == 0;
        switch (check_random_below(40)) {
        case 0:
            timeout();
            break;
        case 1:
            undo();
            break;
        case 2:
        case 3:
            acknowledge();
            break;
        default:
            if (check_random_below(3) == 0)
                send_new();
            else if (check_random_below(2))
                cut();
            else
                something_happens();
        }
        compare();
    }
    end();
}

TEST(records_agree_with_octets, none, "C10")
{
    at_random(60000, false, 0);
    at_random(60000, false, UINT32_MAX - 5000); /* and the numbers wrap */
}

TEST(records_without_memory, none, "C22")
{
    at_random(60000, true, 1000);
}

TEST(records_are_limited, none, "C10")
{
    at_random(20, false, 1000);
    assert_int_equal(w.list.count, 0);
    begin(0, 10);
    for (uint32_t i = 0; i < 100; i++) {
        w.env.now++;
        hf_sent_append(&w.env, &w.list, i, i + 1, SEGMENT);
    }
    assert_int_equal(w.list.count, 10);
    end();
}

/* What is sent in one turn is one record; a short segment ends it. */
TEST(records_hold_runs, none, "")
{
    begin(0, 100);
    uint32_t first = hf_sent_append(&w.env, &w.list, 0, 100, SEGMENT);
    assert_int_equal(hf_sent_append(&w.env, &w.list, 100, 200, SEGMENT), first);
    assert_int_equal(hf_sent_append(&w.env, &w.list, 200, 250, SEGMENT), first);
    uint32_t second = hf_sent_append(&w.env, &w.list, 250, 350, SEGMENT);
    assert_int_not_equal(second, first);
    w.env.now++;
    assert_int_not_equal(hf_sent_append(&w.env, &w.list, 350, 450, SEGMENT), second);
    assert_int_equal(w.list.count, 3);
    end();
}

/* The tree is searched in steps that grow with the logarithm. */
TEST(records_are_found_fast, none, "C11")
{
    begin(0, 60000);
    const uint32_t n = 50000;
    for (uint32_t i = 0; i < n; i++) {
        w.env.now++;
        hf_sent_append(&w.env, &w.list, i, i + 1, SEGMENT);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t seq = (uint32_t)check_random_below(n);
        assert_int_equal(hf_sent_at(&w.env, hf_sent_find(&w.env, &w.list, seq))->start, seq);
    }
    assert_true(w.env.sents_visited / 20000 < 40);
    end();
}
