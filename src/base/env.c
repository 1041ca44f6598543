/* What tcp and ip do through the environment that the stack lends them: count and trace drops,
 * write trace records, and queue replies. Nothing here decides anything. */
#include "base/env.h"

#include <string.h>

/* A burst of SYNs, or of connections given up at once: make room, in order from the start. */
static bool grow(struct hf_env *env, struct hf_replies *replies)
{
    uint32_t size = replies->size * 2;
    if (size == 0 || size > HF_REPLIES_MAX)
        return false;
    struct hf_reply *ring = hf_budget_alloc(&env->budget, size * sizeof *ring);
    if (!ring)
        return false;
    uint32_t behind = replies->size - replies->first;
    memcpy(ring, replies->ring + replies->first, behind * sizeof *ring);
    memcpy(ring + behind, replies->ring, replies->first * sizeof *ring);
    hf_budget_free(&env->budget, replies->ring, replies->size * sizeof *ring);
    replies->ring = ring;
    replies->size = size;
    replies->first = 0;
    return true;
}

void hf_env_replies_rest(struct hf_env *env, struct hf_replies *replies)
{
    HF_ASSERT(replies->count == 0);
    if (HF_LIKELY(replies->size <= HF_REPLIES_FIRST))
        return;
    struct hf_reply *ring = hf_budget_alloc(&env->budget, HF_REPLIES_FIRST * sizeof *ring);
    if (!ring)
        return;
    hf_budget_free(&env->budget, replies->ring, replies->size * sizeof *ring);
    *replies = (struct hf_replies){.ring = ring, .size = HF_REPLIES_FIRST};
}

struct hf_reply *hf_env_reply(struct hf_env *env, unsigned link)
{
    HF_ASSERT(link <= HF_LINKS_MAX);
    struct hf_replies *replies = &env->replies[link];
    if (replies->count == replies->size && !grow(env, replies)) {
        hf_env_drop(env, HF_DROP_REPLY_QUEUE, 0, HF_CLOSED, 0);
        return 0;
    }
    uint32_t at = (replies->first + replies->count++) & (replies->size - 1);
    struct hf_reply *reply = &replies->ring[at];
    memset(reply, 0, sizeof *reply);
    reply->link = (uint8_t)link;
    return reply;
}

void hf_env_drop(struct hf_env *env, enum hf_drop reason, uint32_t conn, uint8_t state,
                 const struct hf_packet *packet)
{
    env->counters.drops[reason]++;
    if (HF_LIKELY(!env->trace))
        return;
    struct hf_trace_record record;
    memset(&record, 0, sizeof record);
    record.kind = HF_TRACE_DROP;
    record.conn = conn;
    record.state = state;
    record.u.drop.reason = (uint8_t)reason;
    hf_env_trace(env, &record, packet);
}

void hf_env_trace(struct hf_env *env, struct hf_trace_record *record,
                  const struct hf_packet *packet)
{
    record->time = env->now;
    record->stack = env->id;
    env->run.stream = 0;
    env->trace(env->trace_context, record, packet);
}
