/* Listeners: passive OPENs (RFC 9293 3.10.1, 3.10.7.2), their accept queues and the SYNs that they
 * hold for the application. Found by port in a small table of chains. */
#include <string.h>

#include "tcp/tcp.h"

#define BUCKETS (sizeof((struct hf_env *)0)->listener_by_port / sizeof(uint32_t))

#define OPTIONS_SIZE (HF_OPTION_COUNT * sizeof(int64_t))

static uint32_t *chain(struct hf_env *env, const struct hf_listening *l)
{
    return l->any_port ? &env->listener_any_port
                       : &env->listener_by_port[l->local_port % BUCKETS];
}

static bool is_any(const uint8_t key[16])
{
    static const uint8_t none[16];
    return hf_key_equal(key, none);
}

static bool same_place(const struct hf_listening *a, const struct hf_listening *b)
{
    return a->local_port == b->local_port && memcmp(a->local, b->local, 16) == 0 &&
           memcmp(a->remote, b->remote, 16) == 0 && a->remote_port == b->remote_port &&
           a->any_port == b->any_port &&
           (a->family == b->family || !a->family || !b->family);
}

int hf_listen_open(struct hf_env *env, const struct hf_listen *listen, const uint8_t local[16],
                   const uint8_t remote[16], struct hf_listening **listener)
{
    struct hf_listening l = {0};
    memcpy(l.local, local, 16);
    memcpy(l.remote, remote, 16);
    l.local_port = listen->local.port;
    l.remote_port = listen->remote.port;
    l.family = listen->local.addr.family ? listen->local.addr.family : listen->family;
    l.zone = listen->local.addr.zone;
    l.hold = listen->hold != 0;
    l.any_address = listen->any_address != 0;
    l.any_port = listen->any_port != 0;
    l.plain = is_any(local) && is_any(remote) && !l.remote_port && !l.family;
    l.user = listen->user;
    l.fast_open_max = listen->fast_open;
    l.fast_open_no_cookie = listen->fast_open_no_cookie != 0;
    l.backlog = listen->backlog < env->settings->backlog_max ? listen->backlog
                                                             : env->settings->backlog_max;
    if (!l.fast_open_max && !l.hold && env->settings->fast_open & HF_FAST_OPEN_ALL_LISTENERS)
        l.fast_open_max = l.backlog;
    for (uint32_t i = *chain(env, &l); i; i = hf_listening_at(env, i)->next)
        if (same_place(hf_listening_at(env, i), &l))
            return HF_ERR_EXISTS;
    if (l.hold) {
        l.held = hf_budget_alloc(&env->budget, (l.backlog + 1) * sizeof *l.held);
        if (!l.held)
            return HF_ERR_MEMORY;
    }
    l.self = hf_pool_take(&env->listeners);
    if (!l.self) {
        if (l.held)
            hf_budget_free(&env->budget, l.held, (l.backlog + 1) * sizeof *l.held);
        return HF_ERR_LIMIT;
    }
    l.generation = env->listeners.takes | (env->listeners.takes == 0);
    l.next = *chain(env, &l);
    *chain(env, &l) = l.self;
    *listener = hf_listening_at(env, l.self);
    **listener = l;
    env->counters.listeners++;
    hf_half_open_recount(env);
    hf_fast_open_recount(env);
    return HF_OK;
}

void hf_listen_free(struct hf_env *env, struct hf_listening *l)
{
    if (l->on_ready) {
        l->zombie = true;
        return;
    }
    hf_pool_give(&env->listeners, l->self);
}

void hf_listen_give_back(struct hf_env *env, struct hf_listening *l)
{
    if (l->held)
        hf_budget_free(&env->budget, l->held, (l->backlog + 1) * sizeof *l->held);
    if (l->options)
        hf_budget_free(&env->budget, l->options, OPTIONS_SIZE);
    l->held = 0;
    l->options = 0;
    l->options_set = 0;
}

void hf_listen_close(struct hf_env *env, struct hf_listening *l, bool reset_waiting)
{
    if (l->half_opens)
        hf_half_open_end_all(env, l);
    for (struct hf_tcp *c; (c = hf_listen_take(env, l)) != 0;) {
        if (c->flags & HF_F_DETACHED || !reset_waiting)
            hf_call_close(env, c, env->settings->orphan_timeout);
        else
            hf_call_abort(env, c, HF_CAUSE_LISTENER_CLOSED, HF_BY_CALL);
    }
    uint32_t *at = chain(env, l);
    while (*at != l->self)
        at = &hf_listening_at(env, *at)->next;
    *at = l->next;
    hf_listen_give_back(env, l);
    l->generation = 0;
    env->counters.listeners--;
    hf_half_open_recount(env);
    hf_fast_open_recount(env);
    hf_listen_free(env, l);
}

static bool remote_fits(const struct hf_listening *l, const struct hf_flow *flow)
{
    return (is_any(l->remote) || hf_key_equal(l->remote, flow->remote)) &&
           (!l->remote_port || l->remote_port == flow->remote_port);
}

static bool family_fits(const struct hf_listening *l, const struct hf_flow *flow)
{
    return !l->family || (l->family == HF_IPV4) == hf_flow_is_ipv4(flow);
}

/* 4: exact local address, 2: a specified remote, 1: fits at all. */
static unsigned fit(const struct hf_listening *l, const struct hf_flow *flow, bool to_us)
{
    if (HF_LIKELY(l->plain))
        return to_us || l->any_address;
    bool any = is_any(l->local);
    if (!remote_fits(l, flow) || !family_fits(l, flow) || (!to_us && !l->any_address) ||
        (!any && !hf_key_equal(l->local, flow->local)))
        return 0;
    return 1u + (any ? 0 : 4) + (is_any(l->remote) ? 0 : 2);
}

static struct hf_listening *best_in(const struct hf_env *env, uint32_t first,
                                    const struct hf_flow *flow, bool to_us)
{
    struct hf_listening *best = 0;
    unsigned best_fit = 0;
    for (uint32_t i = first; i; i = hf_listening_at(env, i)->next) {
        struct hf_listening *l = hf_listening_at(env, i);
        if (!l->any_port && l->local_port != flow->local_port)
            continue;
        unsigned f = fit(l, flow, to_us);
        if (f > best_fit) {
            best = l;
            best_fit = f;
        }
    }
    return best;
}

struct hf_listening *hf_listen_find(const struct hf_env *env, const struct hf_flow *flow,
                                    bool to_us)
{
    struct hf_listening *l =
        best_in(env, env->listener_by_port[flow->local_port % BUCKETS], flow, to_us);
    return l ? l : best_in(env, env->listener_any_port, flow, to_us);
}

_Static_assert(HF_OPTION_COUNT <= 32, "options of a listener");

int hf_listen_set(struct hf_env *env, struct hf_listening *l, enum hf_option option,
                  int64_t value)
{
    bool fits = option == HF_OPTION_DEFER_ACCEPT ? value >= 0 && value <= 15
                                                 : hf_option_fits(option, value);
    if (option == HF_OPTION_USER || option == HF_OPTION_CORK || !fits)
        return HF_ERR_ARGUMENT;
    if (!l->options)
        l->options = hf_budget_alloc(&env->budget, OPTIONS_SIZE);
    if (!l->options)
        return HF_ERR_MEMORY;
    l->options[option] = value;
    l->options_set |= 1u << option;
    return HF_OK;
}

void hf_listen_hand_down(struct hf_env *env, const struct hf_listening *l, struct hf_tcp *block)
{
    uint32_t set = l ? l->options_set : 0;
    for (unsigned option = 0; set; option++, set >>= 1)
        if (set & 1)
            (void)hf_call_set(env, block, (enum hf_option)option, l->options[option]);
}

bool hf_listen_is_full(const struct hf_listening *l)
{
    return l->accept_count > l->backlog;
}

bool hf_listen_half_open_full(const struct hf_env *env, const struct hf_listening *l)
{
    return l->half_opens > l->backlog ||
           env->half_opens.count >= env->settings->half_open_max;
}

void hf_listen_queue(struct hf_env *env, struct hf_listening *l, struct hf_tcp *c)
{
    c->flags |= HF_F_ACCEPT_QUEUE;
    c->listener = l->self;
    c->accept_next = 0;
    if (l->accept_last)
        hf_tcp_at(env, l->accept_last)->accept_next = c->self;
    else
        l->accept_first = c->self;
    l->accept_last = c->self;
    l->accept_count++;
    hf_listener_event(env, l, HF_EVENT_ACCEPT);
}

struct hf_tcp *hf_listen_take(struct hf_env *env, struct hf_listening *l)
{
    if (!l->accept_first)
        return 0;
    struct hf_tcp *c = hf_tcp_at(env, l->accept_first);
    l->accept_first = c->accept_next;
    if (!l->accept_first)
        l->accept_last = 0;
    l->accept_count--;
    c->flags &= ~(uint32_t)HF_F_ACCEPT_QUEUE;
    memset(&c->spent, 0, sizeof c->spent);
    if (c->events) /* what happened while it waited is told now */
        hf_tcp_event(env, c, 0);
    return c;
}

/* Handles in the ring whose entries have ended meanwhile: they make room. */
static void drop_ended(struct hf_env *env, struct hf_listening *l)
{
    uint32_t room = l->backlog + 1, kept = 0;
    for (uint32_t i = 0; i < l->held_count; i++) {
        uint64_t syn = l->held[(l->held_first + i) % room];
        if (hf_half_open_held(env, syn))
            l->held[(l->held_first + kept++) % room] = syn;
    }
    l->held_count = kept;
}

bool hf_listen_hold(struct hf_env *env, struct hf_listening *l, uint64_t syn)
{
    uint32_t room = l->backlog + 1;
    if (l->held_count == room)
        drop_ended(env, l);
    if (l->held_count == room)
        return false;
    l->held[(l->held_first + l->held_count) % room] = syn;
    l->held_count++;
    hf_listener_event(env, l, HF_EVENT_SYN);
    return true;
}

uint64_t hf_listen_next_held(struct hf_env *env, struct hf_listening *l)
{
    while (l->held_count) {
        uint64_t syn = l->held[l->held_first];
        l->held_first = (l->held_first + 1) % (l->backlog + 1);
        l->held_count--;
        if (hf_half_open_held(env, syn))
            return syn;
    }
    return 0;
}
