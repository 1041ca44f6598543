/* Where records end in the send queue (HF_SEND_RECORD, MSG_EOR): no segment holds octets of two records,
 * neither when it is sent first nor when it is sent again.
 *
 * The ends stand in a list of the active block, from the first that is not acknowledged. They are a
 * wish, not a promise: one that there is no memory for, or one too many, is forgotten. */
#include "tcp/tcp.h"

#define RECORDS_MAX 1024 /* ends that a connection may have waiting */

struct hf_record_end {
    uint32_t next; /* first: a free one's is the pool's                                       */
    hf_seq end;    /* the number behind the record's last octet                               */
};
_Static_assert(sizeof(struct hf_record_end) == HF_RECORD_END_SIZE, "what the pool was told");

static struct hf_record_end *at(const struct hf_env *env, uint32_t index)
{
    return (struct hf_record_end *)hf_pool_at(&env->record_ends, index);
}

void hf_record_mark(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    uint32_t index = a->record_count < RECORDS_MAX ? hf_pool_take(&env->record_ends) : 0;
    if (!index)
        return;
    struct hf_record_end *r = at(env, index);
    r->next = 0;
    r->end = hf_tcp_snd_base(c) + a->snd.len;
    if (a->records)
        at(env, a->last_record)->next = index;
    else
        a->records = index;
    a->last_record = index;
    a->record_count++;
}

static void drop_first(struct hf_env *env, struct hf_active *a)
{
    uint32_t index = a->records;
    a->records = at(env, index)->next;
    a->record_count--;
    hf_pool_give(&env->record_ends, index);
}

void hf_record_acked(struct hf_env *env, const struct hf_tcp *c, struct hf_active *a)
{
    while (a->records && hf_seq_le(at(env, a->records)->end, c->snd_una))
        drop_first(env, a);
}

void hf_record_clear(struct hf_env *env, struct hf_active *a)
{
    while (a->records)
        drop_first(env, a);
}

hf_seq hf_record_next(const struct hf_env *env, const struct hf_active *a, hf_seq seq, hf_seq limit)
{
    for (uint32_t i = a->records; i; i = at(env, i)->next) {
        hf_seq end = at(env, i)->end;
        if (hf_seq_gt(end, seq))
            return hf_seq_min(end, limit);
    }
    return limit;
}
