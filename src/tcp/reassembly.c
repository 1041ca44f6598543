/* Text that arrived: in order to the receive queue, ahead of RCV.NXT into ranges until the gap is
 * filled (SHLD-31). What arrived first stays: bytes once taken are never replaced, however a later
 * segment overlaps them (row D8).
 *
 * Ranges are sorted, disjoint and not adjacent; their number and their memory are limited, which bounds
 * the search for the place of a segment. A second list has them by age, for the SACK option. */
#include "tcp/tcp.h"

static struct hf_range *range_at(const struct hf_env *env, uint32_t index)
{
    return index ? (struct hf_range *)hf_pool_at(&env->ranges, index) : 0;
}

/* ---- By age: the range that grew last comes first (RFC 2018 4) ---- */

static void take_out(struct hf_env *env, struct hf_active *a, uint32_t index)
{
    struct hf_range *r = range_at(env, index);
    if (r->newer)
        range_at(env, r->newer)->older = r->older;
    else
        a->newest_range = r->older;
    if (r->older)
        range_at(env, r->older)->newer = r->newer;
}

static void put_first(struct hf_env *env, struct hf_active *a, uint32_t index)
{
    struct hf_range *r = range_at(env, index);
    r->newer = 0;
    r->older = a->newest_range;
    if (r->older)
        range_at(env, r->older)->newer = index;
    a->newest_range = index;
}

static void has_grown(struct hf_env *env, struct hf_active *a, uint32_t index)
{
    if (a->newest_range == index)
        return;
    take_out(env, a, index);
    put_first(env, a, index);
}

/* ---- By number ---- */

static void range_free(struct hf_env *env, struct hf_active *a, uint32_t index)
{
    struct hf_range *r = range_at(env, index);
    take_out(env, a, index);
    hf_bytes_clear(&env->chunks, &r->bytes);
    hf_pool_give(&env->ranges, index);
    a->range_count--;
}

void hf_reassembly_clear(struct hf_env *env, struct hf_active *a)
{
    while (a->ranges) {
        uint32_t next = range_at(env, a->ranges)->next;
        range_free(env, a, a->ranges);
        a->ranges = next;
    }
    a->last_range = 0;
    a->range_bytes = 0;
}

static uint32_t append(struct hf_env *env, struct hf_bytes *q, const struct hf_seg *seg,
                       uint32_t offset, uint32_t len)
{
    return hf_bytes_append_slices(&env->chunks, q, seg->slices, seg->slice_count,
                                  seg->text_offset + offset, len);
}

/* Out-of-order data is the first to go when memory is short, and never takes more than twice the
 * buffer, or than the window that the peer was given while the buffer was larger. */
static bool may_hold(const struct hf_env *env, const struct hf_tcp *c, const struct hf_active *a,
                     uint32_t len)
{
    uint32_t window = hf_tcp_rcv_wnd(c);
    return hf_budget_room(&env->budget, HF_USE_REASSEMBLY) > len + HF_CHUNK_MIN &&
           a->range_bytes + len <= (2u * c->rcv_buffer > window ? 2u * c->rcv_buffer : window);
}

/* Join neighbours that now touch: `index` with what follows it. */
static void merge_following(struct hf_env *env, struct hf_active *a, uint32_t index)
{
    struct hf_range *r = range_at(env, index);
    while (r->next && range_at(env, r->next)->start == r->end) {
        uint32_t gone = r->next;
        struct hf_range *n = range_at(env, gone);
        hf_bytes_splice(&env->chunks, &r->bytes, &n->bytes);
        r->end = n->end;
        r->next = n->next;
        if (a->last_range == gone)
            a->last_range = index;
        range_free(env, a, gone);
    }
}

/* New bytes [start, start+len) that overlap no range, behind range `before` (0: first). */
static bool insert(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, uint32_t before,
                   const struct hf_seg *seg, hf_seq start, uint32_t len, uint32_t offset)
{
    if (!may_hold(env, c, a, len)) {
        hf_tcp_drop(env, c, HF_DROP_REASSEMBLY_LIMIT, seg);
        return false;
    }
    struct hf_range *p = range_at(env, before);
    uint32_t index = before;
    if (!p || p->end != start) {
        if (a->range_count >= env->settings->reassembly_ranges) {
            hf_tcp_drop(env, c, HF_DROP_REASSEMBLY_LIMIT, seg);
            return false;
        }
        index = hf_pool_take(&env->ranges);
        if (!index) {
            hf_tcp_drop(env, c, HF_DROP_MEMORY, seg);
            return false;
        }
        struct hf_range *r = range_at(env, index);
        r->start = r->end = start;
        p = range_at(env, before);
        r->next = p ? p->next : a->ranges;
        if (p)
            p->next = index;
        else
            a->ranges = index;
        if (!r->next)
            a->last_range = index;
        put_first(env, a, index);
        a->range_count++;
    }
    struct hf_range *r = range_at(env, index);
    uint32_t held = append(env, &r->bytes, seg, offset, len);
    r->end += held;
    a->range_bytes += held;
    has_grown(env, a, index);
    if (r->start == r->end) { /* no memory for a single byte: take the empty range out again */
        if (p)
            p->next = r->next;
        else
            a->ranges = r->next;
        if (a->last_range == index)
            a->last_range = before;
        range_free(env, a, index);
    } else if (held == len) {
        merge_following(env, a, index);
    }
    if (held < len)
        hf_tcp_drop(env, c, HF_DROP_MEMORY, seg);
    return held == len;
}

/* Where a search for `start` may begin. New text usually continues the last range, text that was sent
 * again the one that grew before. */
static uint32_t likely_place(const struct hf_env *env, const struct hf_active *a, hf_seq start)
{
    const uint32_t likely[] = {a->last_range, a->newest_range};
    for (unsigned i = 0; i < 2; i++) {
        const struct hf_range *r = range_at(env, likely[i]);
        if (r && hf_seq_ge(start, r->start))
            return likely[i];
    }
    return a->ranges;
}

/* The first range that ends behind `start` (0: none), and the one before it. */
static uint32_t find(const struct hf_env *env, const struct hf_active *a, hf_seq start,
                     uint32_t *before)
{
    uint32_t at = likely_place(env, a, start);
    *before = 0;
    for (const struct hf_range *r; (r = range_at(env, at)) && hf_seq_ge(start, r->end);) {
        *before = at;
        at = r->next;
    }
    return at;
}

/* Hold what of the segment no range has yet. */
static void hold(struct hf_env *env, struct hf_tcp *c, struct hf_active *a,
                 const struct hf_seg *seg, hf_seq start, uint32_t len, uint32_t offset)
{
    while (len) {
        uint32_t before, n = len;
        uint32_t index = find(env, a, start, &before);
        struct hf_range *r = range_at(env, index);
        if (r && hf_seq_le(r->start, start)) { /* r has this already */
            if (r->end - start < n)
                n = r->end - start;
            hf_sack_duplicate(env, c, start, start + n);
            has_grown(env, a, index); /* so that a D-SACK has its range behind it */
        } else {
            if (r && r->start - start < n)
                n = r->start - start;
            if (!insert(env, c, a, before, seg, start, n, offset))
                return;
        }
        start += n;
        offset += n;
        len -= n;
    }
}

/* RCV.NXT reached the first range: hand over everything that is now in order. */
static void join(struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    while (a->ranges) {
        struct hf_range *r = range_at(env, a->ranges);
        if (hf_seq_gt(r->start, c->rcv_nxt))
            return;
        uint32_t next = r->next;
        a->range_bytes -= r->end - r->start;
        uint32_t old = c->rcv_nxt - r->start;
        if (hf_seq_gt(r->end, c->rcv_nxt)) {
            hf_bytes_drop(&env->chunks, &r->bytes, old);
            c->bytes_received += r->end - c->rcv_nxt;
            c->rcv_nxt = r->end;
            hf_bytes_splice(&env->chunks, &a->rcv, &r->bytes);
        }
        if (a->last_range == a->ranges)
            a->last_range = 0;
        range_free(env, a, a->ranges);
        a->ranges = next;
    }
    a->range_bytes = 0;
}

bool hf_reassembly_take(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg,
                        hf_seq start, uint32_t len, uint32_t offset)
{
    struct hf_active *a = c->active ? hf_tcp_active(env, c) : hf_tcp_activate(env, c);
    if (!a) {
        hf_tcp_drop(env, c, HF_DROP_MEMORY, seg);
        return false;
    }
    if (start != c->rcv_nxt) {
        hold(env, c, a, seg, start, len, offset);
        return true;
    }
    /* Only as far as the first range: what it holds came first. */
    struct hf_range *first = range_at(env, a->ranges);
    uint32_t take = len;
    if (first && hf_seq_lt(first->start, start + len))
        take = first->start - start;
    uint32_t taken = append(env, &a->rcv, seg, offset, take);
    c->rcv_nxt += taken;
    c->bytes_received += taken;
    if (taken < take) {
        hf_tcp_drop(env, c, HF_DROP_MEMORY, seg);
        return taken > 0;
    }
    if (!first)
        return true;
    join(env, c, a);
    hf_seq end = start + len;
    if (hf_seq_gt(end, c->rcv_nxt)) /* more behind the range that was joined */
        return hf_reassembly_take(env, c, seg, c->rcv_nxt, end - c->rcv_nxt,
                                  offset + (c->rcv_nxt - start));
    return true;
}
