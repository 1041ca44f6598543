/* The environment: replies queue, drops are counted and traced. */
#include "check.h"

#include <string.h>

#include "base/env.h"

struct seen {
    unsigned records;
    struct hf_trace_record last;
    const struct hf_packet *packet;
};

static void sink(void *context, const struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    struct seen *seen = context;
    seen->records++;
    seen->last = *record;
    seen->packet = packet;
}

TEST(env_drop_is_counted_and_traced, none, "")
{
    static struct hf_env env;
    struct seen seen = {0};
    struct hf_packet packet;
    memset(&packet, 0, sizeof packet);
    env = (struct hf_env){.now = 77, .id = 5};
    hf_env_drop(&env, HF_DROP_PAWS, 3, HF_ESTABLISHED, &packet);
    assert_int_equal(env.counters.drops[HF_DROP_PAWS], 1);

    env.trace = sink;
    env.trace_context = &seen;
    hf_env_drop(&env, HF_DROP_PAWS, 3, HF_ESTABLISHED, &packet);
    assert_int_equal(env.counters.drops[HF_DROP_PAWS], 2);
    assert_int_equal(seen.records, 1);
    assert_int_equal(seen.last.kind, HF_TRACE_DROP);
    assert_int_equal(seen.last.u.drop.reason, HF_DROP_PAWS);
    assert_int_equal(seen.last.conn, 3);
    assert_int_equal(seen.last.state, HF_ESTABLISHED);
    assert_int_equal(seen.last.time, 77);
    assert_int_equal(seen.last.stack, 5);
    assert_ptr_equal(seen.packet, &packet);
}

TEST(env_replies_go_round_and_stop_when_full, none, "")
{
    static struct hf_env env;
    static struct hf_reply ring[4];
    memset(ring, 0xff, sizeof ring);
    env = (struct hf_env){.replies[2] = {.ring = ring, .size = 4, .first = 3}};
    for (unsigned i = 0; i < 4; i++) {
        struct hf_reply *reply = hf_env_reply(&env, 2);
        assert_ptr_equal(reply, &ring[(3 + i) % 4]);
        struct hf_reply want;
        memset(&want, 0, sizeof want);
        want.link = 2;
        assert_memory_equal(reply, &want, sizeof want);
    }
    assert_null(hf_env_reply(&env, 2));
    assert_int_equal(env.counters.drops[HF_DROP_REPLY_QUEUE], 1);
    env.replies[2].first = 0;
    env.replies[2].count--;
    assert_ptr_equal(hf_env_reply(&env, 2), &ring[3]);
    assert_null(hf_env_reply(&env, 7)); /* a link without a ring */
    assert_int_equal(env.counters.drops[HF_DROP_REPLY_QUEUE], 2);
}
