/* Byte queues against a plain array of bytes, on random operations and with an allocator that
 * fails; packets that refer to the queue keep what they saw. */
#include "check.h"

#include <string.h>

#include "base/budget.h"
#include "base/bytes.h"
#include "memory.h"

#define LIMIT ((size_t)1 << 26)
#define MODEL_MAX (1u << 20)

struct model {
    uint8_t bytes[MODEL_MAX];
    uint32_t len;
};

static void model_append(struct model *m, const uint8_t *bytes, uint32_t n)
{
    assert_true(m->len + n <= MODEL_MAX);
    memcpy(m->bytes + m->len, bytes, n);
    m->len += n;
}

static void model_drop(struct model *m, uint32_t n)
{
    m->len -= n;
    memmove(m->bytes, m->bytes + n, m->len);
}

/* A packet that is out: what it refers to and what that was. */
struct held {
    struct hf_slice slice[4];
    unsigned slices;
    uint8_t *copy;
    uint32_t len;
};

#define HELD_MAX 16

struct world {
    struct memory memory;
    struct hf_budget budget;
    struct hf_chunks chunks;
    struct hf_bytes q, more;
    struct model model, model_more;
    struct hf_cursor cursor;
    uint32_t dropped;
    struct held held[HELD_MAX];
    unsigned held_count;
    hf_time now;
};

static struct world world;
static uint8_t source[200000], copied[MODEL_MAX], held_room[HELD_MAX][300000];

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->budget = memory_budget(&w->memory, LIMIT);
    hf_chunks_init(&w->chunks, &w->budget, &w->now);
    for (unsigned i = 0; i < HELD_MAX; i++)
        w->held[i].copy = held_room[i];
}

static void check_queue(const struct hf_chunks *chunks, const struct hf_bytes *q,
                        const struct model *m)
{
    const uint8_t *data = NULL;
    assert_int_equal(q->len, m->len);
    hf_bytes_copy(chunks, q, 0, copied, q->len);
    assert_memory_equal(copied, m->bytes, m->len);
    uint32_t run = hf_bytes_peek(chunks, q, &data);
    assert_int_equal(run > 0, m->len > 0);
    assert_true(run <= m->len);
    if (run > 0)
        assert_memory_equal(data, m->bytes, run);
}

static uint32_t some(uint32_t most)
{
    uint32_t bits = (uint32_t)check_random_below(18);
    uint32_t n = (uint32_t)check_random_below(((uint64_t)1 << bits) + 1);
    return n < most ? n : most;
}

static uint8_t *fresh_bytes(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        source[i] = (uint8_t)check_random();
    return source;
}

static void op_append(struct world *w)
{
    uint32_t n = some(100000);
    uint32_t got = hf_bytes_append(&w->chunks, &w->q, fresh_bytes(n), n);
    assert_true(got == n || w->memory.fail_one_in > 0);
    model_append(&w->model, source, got);
}

static void op_append_slices(struct world *w)
{
    uint32_t n = some(3000), skip = (uint32_t)check_random_below(n + 1);
    uint32_t len = (uint32_t)check_random_below(n - skip + 1);
    fresh_bytes(n);
    uint32_t cut1 = (uint32_t)check_random_below(n + 1);
    uint32_t cut2 = cut1 + (uint32_t)check_random_below(n - cut1 + 1);
    const struct hf_slice slices[3] = {
        {source, cut1, 0}, {source + cut1, cut2 - cut1, 0}, {source + cut2, n - cut2, 0}};
    uint32_t got = hf_bytes_append_slices(&w->chunks, &w->q, slices, 3, skip, len);
    assert_true(got == len || w->memory.fail_one_in > 0);
    model_append(&w->model, source + skip, got);
}

/* Reserve, perhaps lose bytes from the front meanwhile, then commit. */
static void op_reserve(struct world *w, bool dropping)
{
    uint32_t want = 1 + some(70000), room = 0;
    uint8_t *at = hf_bytes_reserve(&w->chunks, &w->q, want, &room);
    if (!at) {
        assert_true(w->memory.fail_one_in > 0);
        return;
    }
    assert_in_range(room, 1, want);
    memcpy(at, fresh_bytes(room), room);
    if (dropping) {
        uint32_t n = check_random_below(2) ? w->q.len : some(w->q.len);
        hf_bytes_drop(&w->chunks, &w->q, n);
        model_drop(&w->model, n);
        w->dropped += n;
    }
    uint32_t n = (uint32_t)check_random_below(room + 1);
    hf_bytes_commit(&w->chunks, &w->q, n);
    model_append(&w->model, source, n);
}

static void op_drop(struct world *w)
{
    uint32_t n = check_random_below(10) ? some(w->q.len) : w->q.len;
    hf_bytes_drop(&w->chunks, &w->q, n);
    model_drop(&w->model, n);
    w->dropped += n;
}

static void op_truncate(struct world *w)
{
    uint32_t n = w->q.len - some(w->q.len);
    hf_bytes_truncate(&w->chunks, &w->q, n);
    w->model.len = n;
    w->cursor = (struct hf_cursor){0};
}

static void op_copy(struct world *w)
{
    uint32_t from = (uint32_t)check_random_below(w->q.len + 1);
    uint32_t len = (uint32_t)check_random_below(w->q.len - from + 1);
    hf_bytes_copy(&w->chunks, &w->q, from, copied, len);
    assert_memory_equal(copied, w->model.bytes + from, len);
}

static void op_splice(struct world *w)
{
    uint32_t n = some(70000);
    for (int i = 0; i < 3; i++) {
        uint32_t got = hf_bytes_append(&w->chunks, &w->more, fresh_bytes(n), n);
        model_append(&w->model_more, source, got);
        n = some(70000);
    }
    n = some(w->more.len);
    hf_bytes_drop(&w->chunks, &w->more, n);
    model_drop(&w->model_more, n);
    check_queue(&w->chunks, &w->more, &w->model_more);
    hf_bytes_splice(&w->chunks, &w->q, &w->more);
    model_append(&w->model, w->model_more.bytes, w->model_more.len);
    w->model_more.len = 0;
    assert_int_equal(w->more.len, 0);
    assert_int_equal(w->more.head, 0);
    w->cursor = (struct hf_cursor){0};
}

static void op_hold(struct world *w)
{
    if (w->held_count == HELD_MAX)
        return;
    struct held *h = &w->held[w->held_count++];
    uint32_t from = (uint32_t)check_random_below(w->q.len + 1);
    uint32_t len = (uint32_t)check_random_below(w->q.len - from + 1), got;
    struct hf_cursor *cursor = check_random_below(5) ? &w->cursor : NULL;
    h->slices =
        hf_bytes_slices(&w->chunks, &w->q, cursor, w->dropped, from, len, h->slice, 4, &got);
    assert_true(got == len || h->slices == 4);
    assert_int_equal(got > 0, len > 0);
    h->len = 0;
    for (unsigned i = 0; i < h->slices; i++) {
        assert_true(h->slice[i].len > 0);
        memcpy(h->copy + h->len, h->slice[i].data, h->slice[i].len);
        h->len += h->slice[i].len;
    }
    assert_int_equal(h->len, got);
    assert_memory_equal(h->copy, w->model.bytes + from, got);
}

static void op_let_go(struct world *w)
{
    if (w->held_count == 0)
        return;
    unsigned which = (unsigned)check_random_below(w->held_count);
    struct held *h = &w->held[which];
    uint32_t at = 0;
    for (unsigned i = 0; i < h->slices; i++) {
        assert_memory_equal(h->slice[i].data, h->copy + at, h->slice[i].len);
        at += h->slice[i].len;
        hf_chunk_release(&w->chunks, h->slice[i].hold);
    }
    struct held last = w->held[--w->held_count];
    w->held[w->held_count] = *h;
    *h = last;
}

static void step(struct world *w)
{
    /* clang-format off */
    switch (check_random_below(12)) {
    case 0:
    case 1:  op_append(w); break;
    case 2:  op_append_slices(w); break;
    case 3:  op_reserve(w, false); break;
    case 4:  op_reserve(w, true); break;
    case 5:
    case 6:  op_drop(w); break;
    case 7:  op_truncate(w); break;
    case 8:  op_copy(w); break;
    case 9:  op_splice(w); break;
    case 10: op_hold(w); break;
    default: op_let_go(w); break;
    }
    /* clang-format on */
}

TEST(bytes_against_an_array, none, "")
{
    world_init(&world);
    for (int i = 0; i < 3000; i++) {
        world.memory.fail_one_in = i / 500 % 2 ? 4 : 0;
        step(&world);
        if (world.model.len > MODEL_MAX / 3)
            op_drop(&world);
        if (world.model.len > MODEL_MAX / 2) {
            hf_bytes_clear(&world.chunks, &world.q);
            world.model.len = 0;
            world.cursor = (struct hf_cursor){0};
        }
        check_queue(&world.chunks, &world.q, &world.model);
        if (world.q.len == 0)
            assert_int_equal(world.q.head, 0);
    }
    hf_bytes_clear(&world.chunks, &world.q);
    while (world.held_count > 0)
        op_let_go(&world);
    assert_int_equal(world.chunks.pool.count, world.chunks.idles);
    hf_chunks_reset(&world.chunks);
    assert_int_equal(world.memory.blocks, 0);
}

TEST(bytes_reset_gives_back_what_is_still_held, none, "")
{
    world_init(&world);
    for (int i = 0; i < 200; i++) {
        op_append_slices(&world);
        op_hold(&world);
    }
    assert_int_not_equal(hf_chunk_new(&world.chunks, 100), 0);
    hf_chunks_reset(&world.chunks);
    assert_int_equal(world.memory.blocks, 0);
    assert_int_equal(world.budget.used, 0);
}

/* A transfer asks for no memory while it goes on, also if all of it is read again and again; and it
 * leaves none behind a second later. */
TEST(bytes_memory_is_used_again_and_given_back, none, "")
{
    static uint8_t text[HF_CHUNK_MAX];
    world_init(&world);
    world.now = 5 * HF_SEC;
    for (int i = 0; i < 4; i++)
        assert_int_equal(hf_bytes_append(&world.chunks, &world.q, text, sizeof text),
                         sizeof text);
    size_t most = world.memory.blocks;
    for (int i = 0; i < 100; i++) {
        uint32_t left = i % 4 ? sizeof text : 4 * sizeof text;
        hf_bytes_drop(&world.chunks, &world.q, left);
        assert_int_equal(world.memory.blocks, most);
        hf_chunks_rest(&world.chunks);
        while (world.q.len < 4 * sizeof text)
            hf_bytes_append(&world.chunks, &world.q, text, sizeof text);
        assert_int_equal(world.memory.blocks, most);
        assert_true(world.chunks.rest_at == HF_NEVER);
        world.now += 2 * HF_SEC;
    }
    hf_bytes_clear(&world.chunks, &world.q);
    assert_int_equal(world.chunks.spares, 4);
    assert_true(world.chunks.rest_at == world.now + HF_SEC);
    world.now += HF_SEC - 1;
    hf_chunks_rest(&world.chunks);
    assert_int_equal(world.chunks.spares, 4);
    world.now++;
    hf_chunks_rest(&world.chunks);
    assert_int_equal(world.chunks.spares, 0);
    assert_true(world.chunks.rest_at == HF_NEVER);
    hf_chunks_reset(&world.chunks);
    assert_int_equal(world.memory.blocks, 0);
    assert_int_equal(world.budget.used, 0);
}

/* A sender at work: append at the end, walk forward with a cursor, drop from the front. */
TEST(bytes_cursor_walks_while_the_front_is_dropped, none, "")
{
    world_init(&world);
    world.dropped = 0xffff0000u; /* wraps on the way */
    uint32_t next = 0;
    for (int i = 0; i < 3000; i++) {
        if (world.q.len < 300000)
            op_append(&world);
        uint32_t ready = world.q.len - next, got;
        struct hf_slice slices[8];
        unsigned n = hf_bytes_slices(&world.chunks, &world.q, &world.cursor, world.dropped, next,
                                     ready < 1460 ? ready : 1460, slices, 8, &got);
        for (unsigned s = 0; s < n; s++) {
            assert_memory_equal(slices[s].data, world.model.bytes + next, slices[s].len);
            next += slices[s].len;
            hf_chunk_release(&world.chunks, slices[s].hold);
        }
        if (check_random_below(4) == 0) {
            uint32_t gone = (uint32_t)check_random_below(next + 1);
            hf_bytes_drop(&world.chunks, &world.q, gone);
            model_drop(&world.model, gone);
            world.dropped += gone;
            next -= gone;
        }
    }
    hf_chunks_reset(&world.chunks);
    assert_int_equal(world.memory.blocks, 0);
}

TEST(bytes_one_at_a_time_cost_twice_and_one_chunk, none, "")
{
    world_init(&world);
    for (uint32_t i = 1; i <= 200000; i++) {
        assert_int_equal(hf_bytes_append(&world.chunks, &world.q, source, 1), 1);
        uint32_t chunk = i < HF_CHUNK_MIN ? HF_CHUNK_MIN : i < HF_CHUNK_MAX ? i : HF_CHUNK_MAX;
        if (i % 97 == 0 || i < 1000)
            assert_true(hf_bytes_charge(&world.chunks, &world.q) <= 2 * i + chunk);
    }
    hf_chunks_reset(&world.chunks);
}

TEST(bytes_take_what_memory_allows, none, "")
{
    world_init(&world);
    hf_budget_set_limit(&world.budget, 40000);
    uint32_t got = hf_bytes_append(&world.chunks, &world.q, source, 100000);
    assert_in_range(got, 32768, 40000);
    assert_int_equal(hf_bytes_charge(&world.chunks, &world.q), got);
    uint32_t room;
    assert_null(hf_bytes_reserve(&world.chunks, &world.q, 1000, &room));
    hf_bytes_drop(&world.chunks, &world.q, got);
    assert_int_equal(hf_bytes_charge(&world.chunks, &world.q), 0);
    assert_int_equal(hf_bytes_append(&world.chunks, &world.q, source, 100), 100);
    hf_chunks_reset(&world.chunks);
}

TEST(bytes_splice_behind_a_reservation, none, "")
{
    static uint8_t first[HF_CHUNK_MIN], second[5000];
    uint32_t room;
    world_init(&world);
    memset(first, 1, sizeof first);
    memset(second, 2, sizeof second);
    hf_bytes_append(&world.chunks, &world.q, first, sizeof first);
    assert_non_null(hf_bytes_reserve(&world.chunks, &world.q, 10, &room));
    hf_bytes_append(&world.chunks, &world.more, second, sizeof second);
    hf_bytes_splice(&world.chunks, &world.q, &world.more);
    model_append(&world.model, first, sizeof first);
    model_append(&world.model, second, sizeof second);
    check_queue(&world.chunks, &world.q, &world.model);
    hf_bytes_drop(&world.chunks, &world.q, world.q.len);
    assert_int_equal(world.q.head, 0);
    assert_int_equal(world.chunks.pool.count, world.chunks.idles);
    hf_chunks_reset(&world.chunks);
}

/* Bytes behind a cut may be under way in a packet: what comes in their place goes elsewhere. */
TEST(bytes_cut_under_a_packet_leave_the_packet_alone, none, "")
{
    struct hf_slice slice;
    uint32_t got;
    world_init(&world);
    hf_bytes_append(&world.chunks, &world.q, "one two", 7);
    assert_int_equal(hf_bytes_slices(&world.chunks, &world.q, NULL, 0, 0, 7, &slice, 1, &got), 1);
    hf_bytes_truncate(&world.chunks, &world.q, 4);
    hf_bytes_append(&world.chunks, &world.q, "six", 3);
    assert_memory_equal(slice.data, "one two", 7);
    hf_bytes_copy(&world.chunks, &world.q, 0, copied, 7);
    assert_memory_equal(copied, "one six", 7);
    hf_chunk_release(&world.chunks, slice.hold);
    hf_chunks_reset(&world.chunks);
}
