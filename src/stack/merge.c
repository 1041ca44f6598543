/* Segments of a batch that follow each other are given to TCP as one (what a network card's or a
 * kernel's receive offload does, for links that have none: HF_LINK_MERGE).
 *
 * It stands here and not in src/link because three layers have a say: ip in whether the packets are for
 * us, the checksum in whether they are whole, and the connection in whether one step can do for them
 * what many would. Nothing waits: a run ends with the batch. Order is kept: a run takes the place of
 * its first segment, and no segment overtakes another of its flow, or anything that might belong to it.
 *
 * TCP sees no difference but the count. So a run goes in whole only where each of its segments would
 * take the same way through the steps (hf_tcp_takes_run); in any other case, and without a
 * connection, its packets go in one by one as if nobody had looked. No byte is copied: the text of a
 * run is a list of slices of its packets. A trace tells of each packet. */
#include "stack/merge.h"

#include <string.h>

#include "wire/run.h"

#define GROUP 64u /* packets looked at together                                               */
#define FLOWS 16u /* flows that may have a run that is not over                               */
#define NONE 0xffu
#define SLICES (GROUP * (HF_PACKET_SLICES + 1u) / 2u)

/* How the packets of a group hang together: next[i] follows i in its run. */
struct group {
    uint64_t taken; /* bit i: packet i is in the run of an earlier one                        */
    uint8_t next[GROUP];
    struct hf_run open[FLOWS];
    uint8_t last[FLOWS]; /* the last packet of open[i]                                        */
    unsigned count, victim;
};

static void forget(struct group *g, unsigned i)
{
    g->count--;
    g->open[i] = g->open[g->count];
    g->last[i] = g->last[g->count];
}

static void begin(struct group *g, const struct hf_run_part *part, unsigned packet)
{
    unsigned i = g->count;
    if (i == FLOWS)
        i = g->victim++ % FLOWS;
    else
        g->count++;
    hf_run_begin(&g->open[i], part);
    g->last[i] = (uint8_t)packet;
}

static void place(struct group *g, const struct hf_packet *packets, unsigned at, bool trusted,
                  hf_checksum_fn checksum)
{
    struct hf_run_part part;
    g->next[at] = NONE;
    if (!hf_run_look(&packets[at], &part)) {
        g->count = 0; /* who knows whose it is */
        return;
    }
    unsigned i = 0;
    while (i < g->count && !hf_run_same_flow(&g->open[i], &part))
        i++;
    if (i < g->count) {
        if (hf_run_join(&g->open[i], &part, trusted, checksum)) {
            g->next[g->last[i]] = (uint8_t)at;
            g->taken |= (uint64_t)1 << at;
            g->last[i] = (uint8_t)at;
            return;
        }
        forget(g, i);
    }
    if (part.may_join)
        begin(g, &part, at);
}

/* ---- A run goes in ---- */

struct run {
    const struct hf_packet *packets;
    const uint8_t *next;
    unsigned first;
};

static void one_by_one(struct hf_stack *stack, unsigned link, const struct run *run)
{
    for (unsigned i = run->first; i != NONE; i = run->next[i])
        hf_stack_packet(stack, link, &run->packets[i]);
}

/* Behind the header of `packet`: its text as slices. */
static unsigned text_slices(const struct hf_packet *packet, uint32_t headers,
                            struct hf_slice *slices)
{
    unsigned n = 0;
    uint32_t skip = headers;
    for (unsigned i = 0; i < packet->slices; i++) {
        const struct hf_slice *s = &packet->slice[i];
        if (s->len > skip)
            slices[n++] = (struct hf_slice){.data = s->data + skip, .len = s->len - skip};
        skip = s->len > skip ? 0 : skip - s->len;
    }
    return n;
}

/* Make `seg`, the first of the run, stand for all of it. All but the last have the same text. False:
 * more slices than there is room for. */
static bool widen(const struct run *run, uint32_t headers, uint32_t ip, struct hf_seg *seg,
                  struct hf_slice slices[SLICES])
{
    unsigned n = 0, segments = 0;
    uint32_t text = 0;
    seg->segment_bytes = (uint16_t)seg->text_all;
    for (unsigned i = run->first; i != NONE; i = run->next[i]) {
        const struct hf_packet *packet = &run->packets[i];
        if (n + packet->slices > SLICES)
            return false;
        n += text_slices(packet, headers, slices + n);
        segments++;
        text += packet->len - headers;
        seg->flags = (uint16_t)((seg->flags & ~(HF_PSH | HF_FIN)) |
                                (packet->slice[0].data[ip + 13] & (HF_PSH | HF_FIN)));
    }
    seg->text = seg->text_all = text;
    seg->segments = (uint16_t)segments;
    seg->slices = slices;
    seg->slice_count = n;
    seg->text_offset = 0;
    return true;
}

/* A record for each packet, as each came. */
static void trace_run(struct hf_stack *stack, const struct run *run, uint32_t headers,
                      uint32_t ip, const struct hf_tcp *c, const struct hf_seg *whole)
{
    struct hf_seg seg = *whole;
    seg.segments = 1;
    seg.segment_bytes = 0;
    for (unsigned i = run->first; i != NONE; i = run->next[i]) {
        const struct hf_packet *packet = &run->packets[i];
        seg.packet = packet;
        seg.text = seg.text_all = packet->len - headers;
        seg.flags = (uint16_t)((whole->flags & ~(HF_PSH | HF_FIN)) |
                               (packet->slice[0].data[ip + 13] & (HF_PSH | HF_FIN)));
        if (!hf_stack_joins_in(&stack->env, c->hash, &seg))
            hf_stack_tell_in(&stack->env, c->hash, c->state, c->snd_wscale, &seg);
        seg.seq += seg.text_all;
    }
}

/* The connection that `d` belongs to, if it is one that may take a run; else NULL. */
static struct hf_tcp *taker(struct hf_stack *stack, const struct hf_ip_datagram *d)
{
    struct hf_env *env = &stack->env;
    hf_ref time_wait;
    hf_ref ref =
        hf_table_find(&env->table, hf_table_hash(&env->table, &d->flow), &d->flow, &time_wait);
    return ref && hf_ref_kind(ref) == HF_KIND_CONN ? hf_tcp_at(env, ref) : 0;
}

/* Both checksums of each packet of the run are known to be right. */
static bool as_one(struct hf_stack *stack, const struct run *run, struct hf_ip_datagram *d)
{
    struct hf_env *env = &stack->env;
    const struct hf_packet *first = &run->packets[run->first];
    struct hf_slice slices[SLICES];
    struct hf_seg seg;
    uint32_t header;
    if (hf_tcp_parse(d->head, d->head_len, d->total, &d->flow, &seg, &header) != HF_DROP_NONE)
        return false;
    struct hf_tcp *c = taker(stack, d);
    if (!c)
        return false;
    seg.link = d->link;
    seg.tos = d->tos;
    seg.packet = first;
    uint32_t ip = d->offset;
    if (!widen(run, ip + header, ip, &seg, slices) || !hf_tcp_takes_run(env, c, &seg))
        return false;
    env->counters.segments_in += seg.segments;
    env->counters.bytes_in += seg.text_all;
    env->counters.segments_merged += seg.segments - 1u;
    if (HF_UNLIKELY(env->trace != 0))
        trace_run(stack, run, ip + header, ip, c, &seg);
    hf_tcp_segment_arrives(env, c, &seg);
    return true;
}

static void deliver(struct hf_stack *stack, unsigned link, const struct run *run)
{
    struct hf_ip_datagram datagram;
    struct hf_ip_error error;
    switch (hf_ip_input(&stack->env, &stack->ip, link, &run->packets[run->first], &datagram,
                        &error)) {
    case HF_IP_TCP:
        if (!as_one(stack, run, &datagram))
            one_by_one(stack, link, run);
        return;
    default: { /* it was dropped; the others follow it */
        struct run rest = *run;
        rest.first = run->next[run->first];
        one_by_one(stack, link, &rest);
    }
    }
}

/* Handshakes and bare ACKs are shorter than this, with any options; a batch of them is not looked at. */
#define LONG_ENOUGH 100u

static bool is_worth_it(const struct hf_packet *packets, unsigned n)
{
    unsigned with_text = 0;
    for (unsigned i = 0; i < n && with_text < 2; i++)
        with_text += packets[i].len > LONG_ENOUGH;
    return with_text == 2;
}

static void group_input(struct hf_stack *stack, unsigned link, const struct hf_packet *packets,
                        unsigned n)
{
    struct group g;
    bool trusted = (stack->ip.link[link].features & HF_LINK_TRUSTED) != 0;
    g.taken = 0;
    if (!is_worth_it(packets, n)) {
        for (unsigned i = 0; i < n; i++)
            hf_stack_packet(stack, link, &packets[i]);
        return;
    }
    g.count = g.victim = 0;
    for (unsigned i = 0; i < n; i++)
        place(&g, packets, i, trusted, stack->env.checksum);
    for (unsigned i = 0; i < n; i++) {
        if (g.taken >> i & 1)
            continue;
        struct run run = {packets, g.next, i};
        if (g.next[i] == NONE)
            hf_stack_packet(stack, link, &packets[i]);
        else
            deliver(stack, link, &run);
    }
}

void hf_stack_merged_input(struct hf_stack *stack, unsigned link, const struct hf_packet *packets,
                           size_t n)
{
    for (size_t at = 0; at < n; at += GROUP)
        group_input(stack, link, packets + at, n - at < GROUP ? (unsigned)(n - at) : GROUP);
}
