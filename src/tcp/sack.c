/* The SACK option that we send: D-SACK first (RFC 2883), then the range that grew last, then the
 * others by age (RFC 2018 4). */
#include "tcp/tcp.h"

/* RFC 2883 4: remembered until the next ACK tells it. */
void hf_sack_duplicate(struct hf_env *env, struct hf_tcp *c, hf_seq start, hf_seq end)
{
    bool told = c->flags & HF_F_SACK && start != end && c->self;
    struct hf_active *a = told ? hf_tcp_activate(env, c) : 0;
    if (!a)
        return;
    a->dsack.start = start;
    a->dsack.end = end;
    c->flags |= HF_F_DSACK;
}

static const struct hf_range *range_at(const struct hf_env *env, uint32_t index)
{
    return index ? hf_pool_at(&env->ranges, index) : 0;
}

/* The range that holds all of the duplicate, if it lies above RCV.NXT: most likely the newest. */
static const struct hf_range *range_around(const struct hf_env *env, const struct hf_active *a,
                                           const struct hf_sack_block *block)
{
    for (const struct hf_range *r = a ? range_at(env, a->newest_range) : 0; r;
         r = range_at(env, r->older))
        if (hf_seq_le(r->start, block->start) && hf_seq_le(block->end, r->end))
            return r;
    return 0;
}

/* RFC 2883 4: the duplicate lies below the acknowledgement, or inside the block that follows it;
 * what has become neither while the ACK waited is not told. */
static unsigned tell_duplicate(const struct hf_env *env, const struct hf_tcp *c,
                               struct hf_tcp_options *o, unsigned max,
                               const struct hf_range **around)
{
    struct hf_sack_block block = hf_tcp_active(env, c)->dsack;
    if (hf_seq_lt(block.start, c->rcv_nxt))
        block.end = hf_seq_min(block.end, c->rcv_nxt);
    else if (!(*around = range_around(env, hf_tcp_active(env, c), &block)))
        return 0;
    o->sack[0] = block;
    if (!*around || max < 2)
        return 1;
    o->sack[1].start = (*around)->start;
    o->sack[1].end = (*around)->end;
    return 2;
}

/* Four, or three beside timestamps; fewer where the path takes only small packets and the segment
 * is to carry some text as well. */
static unsigned blocks_that_fit(const struct hf_tcp *c, const struct hf_tcp_options *options)
{
    unsigned most = options->has_ts ? 3 : 4;
    uint32_t used = hf_flow_ip_header(&c->flow) + HF_TCP_HEADER + (options->has_ts ? 12 : 0) + 4 + 8;
    uint32_t fit = c->path_mtu > used ? (c->path_mtu - used) / 8 : 0;
    return fit < most ? fit : most;
}

/* A FIN that was taken out of order has a number, too. */
static hf_seq end_of(const struct hf_active *a, const struct hf_range *r)
{
    return r->end + (a->fin_held && a->fin_seq == r->end);
}

void hf_sack_blocks(const struct hf_env *env, const struct hf_tcp *c,
                    struct hf_tcp_options *options)
{
    unsigned max = blocks_that_fit(c, options), n = 0;
    if (!max)
        return;
    const struct hf_range *told = 0;
    if (c->flags & HF_F_DSACK)
        n = tell_duplicate(env, c, options, max, &told);
    const struct hf_active *a = hf_tcp_active(env, c);
    for (const struct hf_range *r = a ? range_at(env, a->newest_range) : 0; r && n < max;
         r = range_at(env, r->older)) {
        if (r == told)
            continue;
        options->sack[n].start = r->start;
        options->sack[n++].end = end_of(a, r);
    }
    options->sacks = (uint8_t)n;
}
