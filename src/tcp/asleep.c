/* Connections asleep: see asleep.h.
 *
 * A block is written down, read back and compared before it goes: whatever an entry has no room for
 * (a retransmission timeout that was backed off, say) keeps its block.
 * So this file has to know what may be forgotten, and what can be left out, but never whether it
 * left out too much. */
#include "tcp/asleep.h"

#include <string.h>

#include "tcp/difference.h"
#include "tcp/tcp.h"

#define QUIET_MS 1000u /* nothing has happened for so long                                */
#define LOOKS 8u       /* blocks looked at in a call, and two for each new connection     */
#define LOOKS_MAX 256u /* so that no call takes long                                      */
#define AGAIN HF_SEC   /* after a timer for which there was no memory                     */

static struct hf_asleep *entry(const struct hf_env *env, uint32_t index)
{
    return (struct hf_asleep *)hf_pool_place(&env->asleep, index, sizeof(struct hf_asleep),
                                             HF_ASLEEP_SLAB);
}

/* ---- Strings, in the smallest object that holds them ---- */

static const uint32_t sizes[HF_STRING_SIZES] = {16, 24, 32, 40, 56, HF_DIFFERENCE_MAX};

#define SIZE_BITS                                                                                \
    3u /* of a string's reference: which of the sizes; the index is above           */
_Static_assert(HF_STRING_SIZES <= 1u << SIZE_BITS, "sizes of strings");

void hf_asleep_init(struct hf_env *env, uint32_t connections_max)
{
    struct hf_budget *b = &env->budget;
    hf_pool_init(&env->asleep, b, sizeof(struct hf_asleep), HF_ASLEEP_SLAB, connections_max);
    for (unsigned i = 0; i < HF_STRING_SIZES; i++)
        hf_pool_init(&env->strings[i], b, sizes[i], HF_ASLEEP_SLAB, connections_max);
}

void hf_asleep_reset(struct hf_env *env)
{
    hf_pool_reset(&env->asleep);
    for (unsigned i = 0; i < HF_STRING_SIZES; i++)
        hf_pool_reset(&env->strings[i]);
}

bool hf_asleep_leaks(const struct hf_env *env)
{
    uint32_t strings = 0;
    for (unsigned i = 0; i < HF_STRING_SIZES; i++)
        strings += env->strings[i].count;
    return strings > env->asleep.count;
}

static uint8_t *string_at(const struct hf_env *env, uint32_t ref)
{
    return hf_pool_at(&env->strings[ref & ((1u << SIZE_BITS) - 1)], ref >> SIZE_BITS);
}

/* 0: there is no memory. */
static uint32_t keep_string(struct hf_env *env, const uint8_t *string, uint32_t length)
{
    uint32_t size = 0;
    while (sizes[size] < length)
        size++;
    uint32_t index = hf_pool_take(&env->strings[size]);
    if (!index)
        return 0;
    uint32_t ref = index << SIZE_BITS | size;
    memcpy(string_at(env, ref), string, length);
    return ref;
}

static void give_string(struct hf_env *env, uint32_t ref)
{
    hf_pool_give(&env->strings[ref & ((1u << SIZE_BITS) - 1)], ref >> SIZE_BITS);
}

/* ---- Written down, and read back ---- */

static void write_entry(const struct hf_tcp *c, struct hf_asleep *s)
{
    *s = (struct hf_asleep){.flow = c->flow,
                            .last_receive = c->last_receive,
                            .user = c->user,
                            .handle = c->handle,
                            .flags = c->flags,
                            .rcv_nxt = c->rcv_nxt,
                            .snd_nxt = c->snd_nxt,
                            .snd_wnd = c->snd_wnd,
                            .ts_recent = c->ts_recent,
                            .ts_offset = c->ts_offset,
                            .srtt_us = c->srtt_us,
                            .began_ms = c->invalid_ack_ms + HF_TCP_LONG_AGO_MS,
                            .rcv_mss = c->rcv_mss,
                            .snd_wscale = c->snd_wscale & 15u,
                            .rcv_wscale = c->rcv_wscale & 15u,
                            .link = c->link,
                            .ecn = c->ecn,
                            .quick_acks = c->quick_acks,
                            .congestion = c->congestion,
                            .segments_sent = c->segments_sent & 15u,
                            .segments_received = c->segments_received & 15u,
                            .mtu_silent = c->mtu_silent,
                            .syn_wnd = c->rcv_adv - c->rcv_nxt < 65536,
                            .syn_wl1 = c->snd_wl1 == c->rcv_nxt - 1};
    s->opened_ms = (uint8_t)(c->last_send_ms - s->began_ms);
}

/* When things happened, as far as the entry tells: either all when it was opened, or text went both
 * ways, the last of it just before it was quiet. */
static void expect_times(const struct hf_asleep *s, bool after_text, struct hf_tcp *c)
{
    uint32_t received_ms = (uint32_t)(s->last_receive / HF_MS);
    uint32_t opened_ms = s->began_ms + s->opened_ms;
    c->last_send_ms = c->last_text_ms = after_text ? received_ms : opened_ms;
    c->rcv_mark_ms = s->ts_offset + (after_text ? received_ms : s->began_ms);
    c->invalid_ack_ms = s->began_ms - HF_TCP_LONG_AGO_MS;
    c->path_mtu_s =
        (uint32_t)((s->last_receive / HF_MS - (uint32_t)(received_ms - s->began_ms)) / 1000);
    c->ts_recent_s = c->flags & HF_F_TS_RECENT ? (uint32_t)(s->last_receive / HF_SEC) : 0;
}

/* The block of which the string tells the differences, but for what is derived from both. */
static void expect(struct hf_env *env, const struct hf_asleep *s, bool after_text,
                   struct hf_tcp *c)
{
    const struct hf_path path = {
        .link = s->link, .mtu = env->link_mtu[s->link], .link_mtu = env->link_mtu[s->link]};
    hf_tcp_init(env, c, &s->flow, hf_table_hash(&env->table, &s->flow), &path);
    c->state = HF_ESTABLISHED;
    c->last_receive = c->progress_at = s->last_receive;
    c->user = s->user;
    c->handle = s->handle;
    c->generation = hf_handle_at(env, s->handle)->generation;
    c->flags = s->flags;
    c->rcv_nxt = c->last_ack_sent = s->rcv_nxt;
    c->rcv_adv = s->rcv_nxt + (s->syn_wnd ? 65535 : c->rcv_buffer);
    c->snd_wl1 = s->rcv_nxt - s->syn_wl1;
    c->snd_nxt = c->snd_una = c->snd_wl2 = s->snd_nxt;
    c->snd_wnd = c->snd_wnd_max = s->snd_wnd;
    c->ts_recent = s->ts_recent;
    c->ts_offset = s->ts_offset;
    c->srtt_us = s->srtt_us;
    c->rttvar_us = s->srtt_us / 2;
    c->peer_mss = c->advertised_mss;
    c->rcv_mss = s->rcv_mss;
    c->snd_wscale = s->snd_wscale;
    c->rcv_wscale = s->rcv_wscale;
    c->ecn = s->ecn;
    c->quick_acks = s->quick_acks;
    c->congestion = s->congestion;
    c->mtu_silent = s->mtu_silent;
    c->segments_sent = s->segments_sent;
    c->segments_received = s->segments_received;
    c->syn_retries = 0; /* probes */
    expect_times(s, after_text, c);
}

static void read_entry(struct hf_env *env, const struct hf_asleep *s, const uint8_t *string,
                       struct hf_tcp *c)
{
    expect(env, s, string != 0, c);
    if (string)
        hf_difference_read(string, c);
    c->rcv_mark += (uint32_t)c->bytes_received;
    c->iss = c->snd_nxt - 1 - (uint32_t)c->bytes_sent;
    c->irs = c->rcv_nxt - 1 - (uint32_t)c->bytes_received;
    hf_tcp_set_mss(env, c);
    if (c->srtt_us)
        hf_rtt_timeout(env, c);
}

/* ---- Going to sleep ---- */

/* It owes nothing and waits for nothing; what the entry does not hold means nothing then. */
static bool may_sleep(const struct hf_tcp *c)
{
    const uint32_t busy = HF_F_FIN_QUEUED | HF_F_FIN_SENT | HF_F_FIN_RECEIVED | HF_F_ORPHAN |
                          HF_F_SEND_FULL | HF_F_URGENT_SEND | HF_F_URGENT_RECEIVE | HF_F_TROUBLE |
                          HF_F_ACCEPT_QUEUE | HF_F_ON_READY | HF_F_ON_OUTPUT | HF_F_ZOMBIE |
                          HF_F_DETACHED | HF_F_DSACK;
    return c->state == HF_ESTABLISHED && c->self && !c->active && !(c->flags & busy) &&
           !c->want && !c->events && !c->dup_acks_owed && !c->challenges_owed && !c->probes &&
           c->rtx_mode == HF_RTX_NONE && c->delack_at == HF_NEVER && !hf_tcp_outstanding(c);
}

/* Nothing has happened, and no timer is about to. */
static bool is_quiet(const struct hf_env *env, const struct hf_tcp *c)
{
    return env->now - c->last_receive >= QUIET_MS * HF_MS &&
           hf_tcp_now_ms(env) - c->last_send_ms >= QUIET_MS && c->deadline - HF_SEC > env->now;
}

/* The block without what means nothing while it sleeps, and without its place in the wheel. */
static struct hf_tcp bare(const struct hf_tcp *c)
{
    struct hf_tcp b = *c;
    b.self = b.ready_next = b.output_next = b.zero_window_s = 0;
    b.rcv_up = 0;
    b.progress_at = b.last_receive;
    b.deadline = HF_NEVER;
    b.timer = (struct hf_timer){0};
    return b;
}

static bool reads_back(struct hf_env *env, const struct hf_tcp *b, const struct hf_asleep *s,
                       const uint8_t *string)
{
    struct hf_tcp c;
    read_entry(env, s, string, &c);
    return memcmp(&c, b, sizeof c) == 0;
}

/* An entry before it has its place. */
struct note {
    struct hf_asleep entry;
    uint32_t length; /* of the string; 0: it needs none                                       */
    uint8_t string[HF_DIFFERENCE_MAX];
};

static void write_string(struct hf_env *env, const struct hf_tcp *c, struct note *n)
{
    struct hf_tcp b = *c, expected;
    b.rcv_mark -= (uint32_t)b.bytes_received;
    expect(env, &n->entry, true, &expected);
    n->length = hf_difference_write(&b, &expected, n->string);
}

/* False: there is more to this block than an entry can hold. */
static bool write_down(struct hf_env *env, const struct hf_tcp *c, struct note *n)
{
    struct hf_tcp b = bare(c);
    write_entry(&b, &n->entry);
    n->length = 0;
    if (reads_back(env, &b, &n->entry, 0))
        return true;
    write_string(env, &b, n);
    return reads_back(env, &b, &n->entry, n->string);
}

/* A tick early, and awake again in time. */
static void set_timer(struct hf_env *env, uint32_t index, hf_time deadline)
{
    if (deadline != HF_NEVER)
        hf_wheel_set(&env->wheel, hf_ref_make(HF_KIND_ASLEEP, index), deadline - HF_TICK_NS);
}

static void fall_asleep(struct hf_env *env, struct hf_tcp *c)
{
    struct note note;
    if (!write_down(env, c, &note))
        return;
    uint32_t index = hf_pool_take(&env->asleep);
    if (!index)
        return;
    if (note.length && !(note.entry.rest = keep_string(env, note.string, note.length))) {
        hf_pool_give(&env->asleep, index);
        return;
    }
    *entry(env, index) = note.entry;
    hf_ref ref = hf_ref_make(HF_KIND_ASLEEP, index), was = hf_ref_make(HF_KIND_CONN, c->self);
    hf_handle_at(env, c->handle)->ref = ref;
    hf_table_replace(&env->table, c->hash, was, ref);
    hf_wheel_cancel(&env->wheel, was);
    set_timer(env, index, c->deadline);
    hf_tcp_give(env, c);
}

void hf_asleep_sweep(struct hf_env *env)
{
    uint32_t took = env->conns.takes - env->swept_takes;
    env->swept_ms = env->now_ms;
    env->swept_takes = env->conns.takes;
    uint32_t all = env->conns.slabs_room << HF_TCP_SLAB;
    uint32_t looks = took < LOOKS_MAX ? LOOKS + 2 * took : LOOKS_MAX;
    for (looks = looks < all ? looks : all; looks; looks--) {
        uint32_t index = env->sweep_at < all ? env->sweep_at : 0;
        env->sweep_at = index + 1;
        struct hf_tcp *c = hf_pool_find(&env->conns, index);
        if (!c)
            env->sweep_at = ((index >> HF_TCP_SLAB) + 1) << HF_TCP_SLAB;
        else if (c->self == index && may_sleep(c) && is_quiet(env, c))
            fall_asleep(env, c);
    }
}

const char *hf_asleep_check(struct hf_env *env, const struct hf_tcp *c)
{
    struct note note;
    if (!may_sleep(c) || !write_down(env, c, &note))
        return 0;
    return !c->handle ? "a connection that nobody has a handle of, and that is no orphan" : 0;
}

/* ---- And awake again ---- */

void hf_asleep_view(struct hf_env *env, uint32_t index, struct hf_tcp *block)
{
    const struct hf_asleep *s = entry(env, index);
    read_entry(env, s, s->rest ? string_at(env, s->rest) : 0, block);
}

static void give_back(struct hf_env *env, uint32_t index)
{
    struct hf_asleep *s = entry(env, index);
    hf_wheel_cancel(&env->wheel, hf_ref_make(HF_KIND_ASLEEP, index));
    if (s->rest)
        give_string(env, s->rest);
    hf_pool_give_object(&env->asleep, index, s, sizeof *s);
}

struct hf_tcp *hf_asleep_wake(struct hf_env *env, uint32_t index)
{
    uint32_t place = hf_pool_take(&env->conns);
    if (!place)
        return 0;
    struct hf_tcp *c = hf_tcp_at(env, place);
    hf_asleep_view(env, index, c);
    c->self = place;
    hf_ref ref = hf_ref_make(HF_KIND_CONN, place);
    hf_handle_at(env, c->handle)->ref = ref;
    hf_table_replace(&env->table, c->hash, hf_ref_make(HF_KIND_ASLEEP, index), ref);
    give_back(env, index);
    hf_tcp_rearm(env, c);
    return c;
}

void hf_asleep_timer(struct hf_env *env, uint32_t index)
{
    if (!hf_asleep_wake(env, index))
        set_timer(env, index, env->now + AGAIN);
}

void hf_asleep_end(struct hf_env *env, uint32_t index, enum hf_cause cause, enum hf_by by,
                   unsigned detail, bool reset)
{
    struct hf_tcp block;
    hf_asleep_view(env, index, &block);
    hf_table_remove(&env->table, block.hash, hf_ref_make(HF_KIND_ASLEEP, index));
    give_back(env, index);
    hf_tcp_drop_handle(env, &block);
    hf_path_info_keep(env, &block);
    env->counters.connections--;
    if (reset)
        hf_tcp_send_reset(env, &block);
    hf_tcp_end(env, &block, cause, by, detail);
    if (reset && env->settings->hold_after_abort)
        hf_time_wait_hold(env, &block);
}

/* The next entry from `index` on; 0: none is left. */
static uint32_t next_from(const struct hf_env *env, uint32_t index)
{
    for (; index < env->asleep.slabs_room << HF_ASLEEP_SLAB; index++) {
        const struct hf_asleep *s = hf_pool_find(&env->asleep, index);
        if (s && s->flow.remote_port)
            return index;
    }
    return 0;
}

void hf_asleep_end_all(struct hf_env *env)
{
    for (uint32_t i = 1; (i = next_from(env, i)) != 0; i++)
        hf_asleep_end(env, i, HF_CAUSE_STACK_DESTROYED, HF_BY_STACK, 0, false);
}

/* As hf_tcp_shift_times has it; other times are told by these. */
void hf_asleep_shift(struct hf_env *env, hf_time by)
{
    uint32_t ms = (uint32_t)(by / HF_MS);
    for (uint32_t i = 1; (i = next_from(env, i)) != 0; i++) {
        struct hf_asleep *s = entry(env, i);
        s->last_receive += by;
        s->began_ms += ms;
        s->ts_offset -= ms;
    }
}
