/* Making, configuring and destroying a stack; its clock and counters. */
#include <string.h>

#include "base/checksum.h"
#include "stack/stack.h"

/* Purposes of the keys that are derived from the seed. */
enum { KEY_TABLE = 1, KEY_ISN, KEY_COOKIE, KEY_RANDOM, KEY_FAST_OPEN };

void hf_stack_config_init(struct hf_stack_config *config)
{
    memset(config, 0, sizeof *config);
    config->size = sizeof *config;
    config->settings = *hf_settings_default();
    config->memory_limit = (size_t)64 << 20;
    config->connections_max = 1u << 20;
}

/* Durations: none is negative, and none is so long that sums and ticks overflow. A time-out of the
 * application's may be HF_NEVER. */
static bool durations_are_sane(const struct hf_settings *s)
{
    const hf_time hour = 3600 * HF_SEC;
    const hf_time bounded[] = {s->rto_initial, s->rto_min, s->rto_max, s->persist_max,
                               s->msl, s->orphan_timeout, s->held_timeout,
                               s->challenge_interval, s->fragment_timeout};
    const hf_time open[] = {s->r2_syn, s->r2_data, s->user_timeout, s->keepalive_idle,
                            s->keepalive_interval, s->invalid_interval, s->zero_window_grace,
                            s->sws_override};
    for (unsigned i = 0; i < sizeof bounded / sizeof bounded[0]; i++)
        if (bounded[i] <= 0 || bounded[i] > hour)
            return false;
    for (unsigned i = 0; i < sizeof open / sizeof open[0]; i++)
        if (open[i] < 0)
            return false;
    return s->sws_override <= HF_SEC && s->rto_initial >= s->rto_min && s->rto_max >= s->rto_initial && s->delack >= 0 &&
           s->delack < 500 * HF_MS && (s->syn_retries || s->r2_syn) && s->fast_open_retry >= 0 &&
           s->fast_open_retry <= 24 * hour && s->clock_tick >= 0 && s->clock_tick <= HF_SEC &&
           s->tlp_ack_delay >= 0 && s->tlp_ack_delay <= hour && s->pmtu_age >= 0 &&
           s->pmtu_age <= 366 * 24 * hour;
}

/* What is one of a list, or some of its bits. */
static bool choices_are_sane(const struct hf_settings *s)
{
    const unsigned fast_open = HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_SERVER |
                               HF_FAST_OPEN_CLIENT_NO_COOKIE | HF_FAST_OPEN_SERVER_NO_COOKIE |
                               HF_FAST_OPEN_ALL_LISTENERS;
    return s->ecn <= HF_ECN_PASSIVE && s->mtu_probing <= HF_MTU_PROBING_ALWAYS &&
           s->path_info <= HF_PATH_INFO_ALL && s->nagle <= HF_NAGLE_MINSHALL &&
           s->cookies <= HF_COOKIES_ALWAYS && s->hystart <= HF_HYSTART_PLUS_TRAINS &&
           s->window_validation <= HF_VALIDATE_RFC7661 && !(s->fast_open & ~fast_open);
}

static bool settings_are_sane(const struct hf_settings *s)
{
    const uint32_t buffer_max = 1u << 30, entries_max = 1u << 28;
    return durations_are_sane(s) && choices_are_sane(s) && s->mss_floor > 0 && s->ttl > 0 &&
           s->initial_window > 0 && s->dupack_threshold > 0 && s->rcv_buffer >= 1024 &&
           s->rcv_buffer <= buffer_max && s->rcv_buffer_max <= buffer_max &&
           s->snd_buffer_max <= buffer_max && s->snd_buffer >= 1024 &&
           s->snd_buffer <= buffer_max && s->port_first > 0 && s->port_first <= s->port_last &&
           s->congestion && hf_congestion_number(s->congestion) && s->backlog_max > 0 &&
           (s->mss == 0 || s->mss >= 64) && s->synack_retries <= 15 && s->quick_acks <= 63 &&
           s->neighbours_max >= 16 && s->half_open_max > 0 && s->half_open_max <= entries_max &&
           s->time_wait_max > 0 && s->time_wait_max <= entries_max;
}

static bool config_is_sane(const struct hf_stack_config *c)
{
    return c && c->size == sizeof *c && c->allocator.alloc && c->allocator.free &&
           c->memory_limit >= HF_MEMORY_MIN && c->connections_max > 0 &&
           c->connections_max < 1u << 28 && c->now >= 0 && settings_are_sane(&c->settings) &&
           (!c->unsafe || (c->unsafe->size == sizeof *c->unsafe &&
                           (!c->unsafe->fixed_port || c->unsafe->port)));
}

static void init_pools(struct hf_env *env, uint32_t connections_max)
{
    struct hf_budget *b = &env->budget;
    const struct hf_settings *s = env->settings;
    hf_pool_init(&env->conns, b, sizeof(struct hf_tcp), HF_TCP_SLAB, connections_max);
    hf_asleep_init(env, connections_max);
    hf_pool_init(&env->handles, b, sizeof(struct hf_handle), HF_HANDLE_SLAB, connections_max);
    hf_pool_init(&env->actives, b, sizeof(struct hf_active), HF_TCP_SLAB, connections_max + 64);
    hf_pool_init(&env->half_opens, b, sizeof(struct hf_half_open), HF_HALF_OPEN_SLAB,
                 s->half_open_max);
    hf_pool_init(&env->time_waits, b, sizeof(struct hf_time_wait_ipv6), HF_TIME_WAIT_SLAB,
                 s->time_wait_max);
    hf_pool_init(&env->time_waits_ipv4, b, sizeof(struct hf_time_wait_ipv4), HF_TIME_WAIT_SLAB,
                 s->time_wait_max);
    hf_pool_init(&env->listeners, b, sizeof(struct hf_listening), HF_LISTENER_SLAB, 1u << 20);
    hf_pool_init(&env->ranges, b, sizeof(struct hf_range), 6, UINT32_MAX >> 4);
    hf_pool_init(&env->record_ends, b, HF_RECORD_END_SIZE, 6, UINT32_MAX >> 4);
    hf_pool_init(&env->sents, b, sizeof(struct hf_sent), HF_SENT_SLAB, UINT32_MAX >> 4);
    hf_chunks_init(&env->chunks, b, &env->now);
}

/* The wheel and the table find the fields that they need by kind. */
static void init_lookups(struct hf_env *env)
{
    struct hf_pool *pools[HF_KINDS] = {&env->conns,  &env->half_opens, &env->listeners,
                                       &env->asleep, &env->time_waits, &env->time_waits_ipv4};
    for (unsigned kind = 0; kind < HF_KINDS; kind++)
        env->wheel.pool[kind] = env->table.pool[kind] = pools[kind];
    env->wheel.timer_at[HF_KIND_CONN] = offsetof(struct hf_tcp, timer);
    env->wheel.deadline_at[HF_KIND_CONN] = offsetof(struct hf_tcp, deadline);
    env->wheel.timer_at[HF_KIND_HALF_OPEN] = offsetof(struct hf_half_open, timer);
    env->wheel.timer_at[HF_KIND_ASLEEP] = offsetof(struct hf_asleep, timer);
    env->table.key_at[HF_KIND_ASLEEP] = offsetof(struct hf_asleep, flow);
    env->table.key_at[HF_KIND_CONN] = offsetof(struct hf_tcp, flow);
    env->table.key_at[HF_KIND_HALF_OPEN] = offsetof(struct hf_half_open, flow);
    env->table.key_at[HF_KIND_TIME_WAIT] = offsetof(struct hf_time_wait_ipv6, flow);
    env->table.key_at[HF_KIND_TIME_WAIT_IPV4] = offsetof(struct hf_time_wait_ipv4, tuple);
}

static void init_env(struct hf_stack *stack, const struct hf_stack_config *config)
{
    struct hf_env *env = &stack->env;
    stack->settings = config->settings;
    env->settings = &stack->settings;
    if (config->unsafe) {
        stack->unsafe = *config->unsafe;
        env->unsafe = &stack->unsafe;
        env->no_fast_path = config->unsafe->no_fast_path != 0;
    }
    hf_tcp_fresh(env, &stack->fresh);
    env->fresh = &stack->fresh;
    hf_env_set_now(env, config->now);
    env->id = config->id;
    env->trace = config->trace;
    env->trace_context = config->trace_context;
    env->trace_last = config->trace_last;
    env->checksum = config->checksum ? config->checksum : hf_checksum_add;
    memcpy(env->seed, config->seed, sizeof env->seed);
    env->isn_key = hf_key_derive(config->seed, KEY_ISN);
    env->cookie_key = hf_key_derive(config->seed, KEY_COOKIE);
    env->fast_open_key[0] = hf_key_derive(config->seed, KEY_FAST_OPEN);
    env->fast_open_keys = 1;
    hf_random_init(&env->random, config->seed, KEY_RANDOM);
    init_pools(env, config->connections_max);
    hf_wheel_init(&env->wheel, config->now);
    hf_table_init(&env->table, &env->budget, hf_key_derive(config->seed, KEY_TABLE));
    init_lookups(env);
}

struct hf_stack *hf_stack_create(const struct hf_stack_config *config, int *err)
{
    int ignored;
    err = err ? err : &ignored;
    *err = HF_ERR_ARGUMENT;
    if (!config_is_sane(config))
        return 0;
    *err = HF_ERR_MEMORY;
    struct hf_budget budget;
    hf_budget_init(&budget, config->allocator, config->memory_limit);
    struct hf_stack *stack = hf_budget_alloc(&budget, sizeof *stack);
    if (!stack)
        return 0;
    memset(stack, 0, sizeof *stack);
    stack->env.budget = budget;
    init_env(stack, config);
    if (hf_ip_init(&stack->env, &stack->ip) != HF_OK) {
        hf_stack_destroy(stack);
        return 0;
    }
    if (stack->env.trace && stack->env.unsafe) {
        struct hf_trace_record r = {.kind = HF_TRACE_UNSAFE};
        hf_env_trace(&stack->env, &r, 0);
    }
    *err = HF_OK;
    return stack;
}

/* End every connection, half-open and TIME-WAIT entry for the trace; the pools are reset after. */
static void end_all(struct hf_env *env)
{
    for (uint32_t i = 1; i < env->conns.slabs_room << env->conns.shift; i++) {
        struct hf_tcp *c = hf_pool_find(&env->conns, i);
        if (c && c->self == i && !(c->flags & (HF_F_DETACHED | HF_F_ZOMBIE))) {
            c->flags |= HF_F_ORPHAN;
            env->counters.orphans++;
            hf_tcp_end(env, c, HF_CAUSE_STACK_DESTROYED, HF_BY_STACK, 0);
        }
    }
    hf_asleep_end_all(env);
    for (uint32_t i = 1; i < env->half_opens.slabs_room << env->half_opens.shift; i++) {
        struct hf_half_open *h = hf_pool_find(&env->half_opens, i);
        if (h && h->flow.remote_port)
            hf_half_open_end(env, i, HF_CAUSE_STACK_DESTROYED, HF_BY_STACK, 0);
    }
    for (hf_ref ref; (ref = hf_time_wait_oldest(env)) != 0;)
        hf_time_wait_end(env, ref, HF_CAUSE_STACK_DESTROYED, HF_BY_STACK, 0);
}

static void reset_conns(struct hf_env *env)
{
    for (uint32_t i = 1; i < env->conns.slabs_room << env->conns.shift; i++) {
        struct hf_tcp *c = hf_pool_find(&env->conns, i);
        if (c && c->self == i)
            hf_tcp_drop_active(env, c);
    }
    for (uint32_t i = 1; i < env->listeners.slabs_room << env->listeners.shift; i++) {
        struct hf_listening *l = hf_pool_find(&env->listeners, i);
        if (l && l->self == i)
            hf_listen_give_back(env, l);
    }
}

void hf_stack_destroy(struct hf_stack *stack)
{
    if (!stack)
        return;
    struct hf_env *env = &stack->env;
    end_all(env);
    reset_conns(env);
    for (unsigned link = 1; link <= stack->links; link++) {
        struct hf_replies *q = &env->replies[link];
        for (; q->count; q->count--, q->first = (q->first + 1) & (q->size - 1))
            if (q->ring[q->first].kind != HF_REPLY_TCP)
                hf_chunk_release(&env->chunks, q->ring[q->first].chunk);
        hf_budget_free(&env->budget, q->ring, q->size * sizeof *q->ring);
    }
    hf_fast_open_forget(env);
    hf_path_info_reset(env);
    hf_ip_reset(env, &stack->ip);
    hf_chunks_reset(&env->chunks);
    hf_pool_reset(&env->conns);
    hf_asleep_reset(env);
    hf_pool_reset(&env->handles);
    hf_pool_reset(&env->actives);
    hf_pool_reset(&env->half_opens);
    hf_pool_reset(&env->time_waits);
    hf_pool_reset(&env->time_waits_ipv4);
    hf_pool_reset(&env->listeners);
    hf_pool_reset(&env->ranges);
    hf_pool_reset(&env->sents);
    hf_pool_reset(&env->record_ends);
    hf_table_reset(&env->table);
    struct hf_budget budget = env->budget;
    hf_budget_free(&budget, stack, sizeof *stack);
}

int hf_stack_add_link(struct hf_stack *stack, const struct hf_link_config *config)
{
    if (!config || config->size != sizeof *config || config->mtu < 68 || config->mtu > 65535)
        return HF_ERR_ARGUMENT;
    if (stack->links >= HF_LINKS_MAX)
        return HF_ERR_LIMIT;
    struct hf_replies *q = &stack->env.replies[stack->links + 1];
    q->ring = hf_budget_alloc(&stack->env.budget, HF_REPLIES_FIRST * sizeof *q->ring);
    if (!q->ring)
        return HF_ERR_MEMORY;
    int link = HF_OK;
    if (config->kind == HF_LINK_ETHERNET)
        link = hf_neighbours_start(&stack->env, &stack->ip);
    if (link == HF_OK)
        link = hf_ip_add_link(&stack->ip, config);
    if (link < 0) {
        hf_budget_free(&stack->env.budget, q->ring, HF_REPLIES_FIRST * sizeof *q->ring);
        q->ring = 0;
        return link;
    }
    q->size = HF_REPLIES_FIRST;
    q->first = q->count = 0;
    stack->links++;
    stack->env.link_mtu[link] = (uint16_t)config->mtu;
    stack->env.link_features[link] = config->features;
    stack->env.link_gso[link] = config->gso_max < 65535 ? config->gso_max : 65535;
    return link;
}

static bool is_link(const struct hf_stack *stack, int link)
{
    return link >= 1 && (unsigned)link <= stack->links;
}

int hf_stack_add_address(struct hf_stack *stack, int link, const struct hf_addr *addr,
                         unsigned prefix)
{
    if (!is_link(stack, link) || !addr)
        return HF_ERR_ARGUMENT;
    return hf_ip_add_address(&stack->ip, (unsigned)link, addr, prefix);
}

int hf_stack_has_address(const struct hf_stack *stack, const struct hf_addr *addr)
{
    uint8_t key[16];
    if (!addr || (addr->family != HF_IPV4 && addr->family != HF_IPV6))
        return 0;
    hf_key_from_addr(key, addr);
    return hf_ip_is_ours(&stack->ip, key) != 0;
}

int hf_stack_add_route(struct hf_stack *stack, int link, const struct hf_addr *prefix,
                       unsigned bits)
{
    if (!is_link(stack, link) || !prefix)
        return HF_ERR_ARGUMENT;
    return hf_ip_add_route(&stack->ip, (unsigned)link, prefix, bits);
}

int hf_stack_add_gateway(struct hf_stack *stack, int link, const struct hf_addr *prefix,
                         unsigned bits, const struct hf_addr *gateway)
{
    if (!is_link(stack, link) || !prefix || !gateway)
        return HF_ERR_ARGUMENT;
    return hf_ip_add_gateway(&stack->ip, (unsigned)link, prefix, bits, gateway);
}

void hf_stack_clock_back(struct hf_stack *stack, hf_time step)
{
    struct hf_env *env = &stack->env;
    if (step > -HF_SEC)
        return; /* readings that overtook each other */
    stack->skew -= step; /* another clock: time goes on from where it was */
    if (!env->trace)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_CLOCK};
    r.u.clock.by = step;
    hf_env_trace(env, &r, 0);
}

void hf_stack_time_jump(struct hf_stack *stack, hf_time by)
{
    struct hf_env *env = &stack->env;
    if (by <= 0)
        return;
    for (uint32_t i = 1; i < env->conns.slabs_room << env->conns.shift; i++) {
        struct hf_tcp *c = hf_pool_find(&env->conns, i);
        if (c && c->self == i)
            hf_tcp_shift_times(env, c, by);
    }
    hf_wheel_shift(&env->wheel, by);
    hf_time_wait_shift(env, by);
    hf_asleep_shift(env, by);
    if (!env->trace)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_CLOCK};
    r.u.clock.by = by;
    hf_env_trace(env, &r, 0);
}

void hf_stack_counters(const struct hf_stack *stack, struct hf_stack_counters *counters)
{
    *counters = stack->env.counters;
    counters->memory = stack->env.budget.used;
    counters->memory_peak = stack->env.budget.peak;
    counters->memory_limit = stack->env.budget.limit;
    counters->asleep = stack->env.asleep.count;
    counters->probes = stack->env.table.probes;
    counters->timer_steps = stack->env.wheel.steps;
    counters->records_visited = stack->env.sents_visited;
}

const char *hf_stack_check(struct hf_stack *stack)
{
    struct hf_env *env = &stack->env;
    uint32_t in_table = 0, orphans = 0, pending = 0;
    for (uint32_t i = 1; i < env->conns.slabs_room << env->conns.shift; i++) {
        struct hf_tcp *c = hf_pool_find(&env->conns, i);
        if (!c || c->self != i || c->flags & HF_F_ZOMBIE)
            continue;
        const char *fault = hf_tcp_check(env, c);
        if (!fault)
            fault = hf_asleep_check(env, c);
        if (fault)
            return fault;
        in_table += !(c->flags & HF_F_DETACHED);
        pending += (c->fast_open & HF_FO_PENDING) != 0;
        orphans += (c->flags & (HF_F_DETACHED | HF_F_ORPHAN)) == HF_F_ORPHAN;
    }
    in_table += env->asleep.count;
    if (in_table != env->counters.connections)
        return "the number of connections is not what the counter says";
    if (hf_asleep_leaks(env))
        return "something is left of connections that slept";
    if (orphans != env->counters.orphans)
        return "the number of orphans is not what the counter says";
    if (pending != env->fast_open_pending)
        return "the number of Fast Open connections that wait is not what is counted";
    if (env->counters.half_open != env->half_opens.count)
        return "the number of half-open entries is not what the counter says";
    if (env->counters.time_wait != env->time_waits.count + env->time_waits_ipv4.count)
        return "the number of TIME-WAIT entries is not what the counter says";
    if (env->table.now.used + env->table.before.used !=
        in_table + env->counters.half_open + env->counters.time_wait)
        return "the table holds another number of entries than there are";
    if (env->budget.used > env->budget.limit)
        return "more memory is used than the limit allows";
    return hf_neighbours_check(env, &stack->ip);
}
