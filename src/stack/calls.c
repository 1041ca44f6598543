/* The public calls: handles become blocks, addresses become keys, and src/tcp does the rest. A
 * stale handle ends here. */
#include <string.h>

#include "base/text.h"
#include "stack/stack.h"

/* What a handle leads to; 0: nothing. That of another kind seems to have a very large index. */
static HF_INLINE hf_ref ref_of(const struct hf_stack *stack, hf_conn handle)
{
    const struct hf_pool *pool = &stack->env.handles;
    uint32_t index = (uint32_t)handle, slab = index >> HF_HANDLE_SLAB;
    uint32_t generation = (uint32_t)(handle >> 32);
    if (HF_UNLIKELY(slab >= pool->slabs_room || !pool->slabs[slab] || !generation))
        return 0;
    const struct hf_handle *h = hf_handle_at(&stack->env, index);
    return h->generation == generation ? h->ref : 0;
}

static bool is_asleep(hf_ref ref)
{
    return hf_ref_kind(ref) == HF_KIND_ASLEEP;
}

/* The connection, awake. NULL: `no_conn` says why. */
static struct hf_tcp *conn_of(struct hf_stack *stack, hf_conn handle)
{
    hf_ref ref = ref_of(stack, handle);
    if (HF_UNLIKELY(is_asleep(ref)))
        return hf_asleep_wake(&stack->env, hf_ref_index(ref));
    return ref ? hf_tcp_at(&stack->env, ref) : 0;
}

static int no_conn(const struct hf_stack *stack, hf_conn handle)
{
    return ref_of(stack, handle) ? HF_ERR_MEMORY : HF_ERR_STALE;
}

/* One that sleeps has nothing to be read. */
static int no_text(const struct hf_stack *stack, hf_conn handle)
{
    return ref_of(stack, handle) ? 0 : HF_ERR_STALE;
}

/* The connection to be looked at: one that sleeps is laid out at `room` and sleeps on. */
static struct hf_tcp *view_of(struct hf_stack *stack, hf_conn handle, struct hf_tcp *room)
{
    hf_ref ref = ref_of(stack, handle);
    if (!is_asleep(ref))
        return conn_of(stack, handle);
    hf_asleep_view(&stack->env, hf_ref_index(ref), room);
    return room;
}

/* One that sleeps, and for which there is no memory to be awake, can still be ended. */
static int abort_asleep(struct hf_stack *stack, hf_conn handle, enum hf_cause cause)
{
    hf_ref ref = ref_of(stack, handle);
    if (!is_asleep(ref))
        return HF_ERR_STALE;
    hf_asleep_end(&stack->env, hf_ref_index(ref), cause, HF_BY_CALL, HF_CALL_ABORT, true);
    return HF_OK;
}

static struct hf_listening *listener_of(const struct hf_stack *stack, hf_listener handle)
{
    hf_ref ref = (hf_ref)handle;
    if (hf_ref_kind(ref) != HF_KIND_LISTENER)
        return 0;
    struct hf_listening *l = hf_pool_find(&stack->env.listeners, hf_ref_index(ref));
    uint32_t generation = (uint32_t)(handle >> 32);
    return l && generation && l->generation == generation ? l : 0;
}

/* ---- OPEN ---- */

/* A public address as a key; none is all zero. */
static int key_of(const struct hf_addr *addr, uint8_t key[16])
{
    memset(key, 0, 16);
    if (addr->family == HF_FAMILY_NONE)
        return HF_OK;
    if (addr->family != HF_IPV4 && addr->family != HF_IPV6)
        return HF_ERR_ARGUMENT;
    hf_key_from_addr(key, addr);
    if (addr->family == HF_IPV6 && hf_key_is_ipv4(key))
        return HF_ERR_ADDRESS; /* mapped: not here */
    return HF_OK;
}

static int open_pair(struct hf_stack *stack, const struct hf_open *open, hf_conn *conn)
{
    struct hf_flow flow = {.local_port = open->local.port, .remote_port = open->remote.port};
    if (open->remote.addr.family == HF_FAMILY_NONE || !open->remote.port)
        return HF_ERR_UNSPECIFIED;
    int err = key_of(&open->remote.addr, flow.remote);
    if (!err)
        err = key_of(&open->local.addr, flow.local);
    if (err)
        return err;
    if (open->local.addr.family && open->local.addr.family != open->remote.addr.family)
        return HF_ERR_ADDRESS;
    struct hf_path path;
    err = hf_stack_path(stack, &flow, open->remote.addr.zone, false, &path); /* MUST-46 */
    if (err)
        return err;
    path.to_us = true;
    struct hf_tcp *c;
    err = hf_call_open(&stack->env, open, &flow, &path, &c);
    if (!err)
        *conn = hf_tcp_handle(c);
    return err;
}

int hf_tcp_open(struct hf_stack *stack, const struct hf_open *open, hf_conn *conn)
{
    if (!open || open->size != sizeof *open || !conn || open->timeout < 0 ||
        open->congestion >= HF_CONGESTION_COUNT)
        return HF_ERR_ARGUMENT;
    return open_pair(stack, open, conn);
}

int hf_tcp_listen(struct hf_stack *stack, const struct hf_listen *listen, hf_listener *listener)
{
    uint8_t local[16], remote[16];
    if (!listen || listen->size != sizeof *listen || !listener ||
        (listen->hold && listen->fast_open) ||
        (listen->any_port ? listen->local.port != 0 : listen->local.port == 0) ||
        (listen->family && listen->family != HF_IPV4 && listen->family != HF_IPV6))
        return HF_ERR_ARGUMENT;
    int err = key_of(&listen->local.addr, local);
    if (!err)
        err = key_of(&listen->remote.addr, remote);
    if (err)
        return err;
    if (listen->local.addr.family && !hf_ip_is_ours(&stack->ip, local))
        return HF_ERR_ADDRESS;
    if (listen->local.addr.family && listen->remote.addr.family && listen->remote.port) {
        struct hf_flow pair = {.local_port = listen->local.port,
                               .remote_port = listen->remote.port};
        memcpy(pair.local, local, 16);
        memcpy(pair.remote, remote, 16);
        hf_ref time_wait;
        uint64_t hash = hf_table_hash(&stack->env.table, &pair);
        if (hf_table_find(&stack->env.table, hash, &pair, &time_wait) || time_wait)
            return HF_ERR_EXISTS;
    }
    struct hf_listening *l;
    err = hf_listen_open(&stack->env, listen, local, remote, &l);
    if (err)
        return err;
    stack->ip.any_address |= l->any_address;
    hf_trace_call(&stack->env, 0, HF_LISTEN, HF_CALL_LISTEN, 0);
    *listener = (uint64_t)l->generation << 32 | hf_ref_make(HF_KIND_LISTENER, l->self);
    return HF_OK;
}

int hf_listener_open(struct hf_stack *stack, hf_listener listener, hf_conn *conn)
{
    struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    struct hf_open open = {.size = sizeof open, .user = l->user};
    hf_key_to_addr(l->remote, l->zone, &open.remote.addr);
    hf_key_to_addr(l->local, l->zone, &open.local.addr);
    open.remote.port = l->remote_port;
    open.local.port = l->local_port;
    int err = open_pair(stack, &open, conn);
    if (err)
        return err;
    hf_listen_hand_down(&stack->env, l, conn_of(stack, *conn));
    hf_listen_close(&stack->env, l, true);
    return HF_OK;
}

int hf_listener_set(struct hf_stack *stack, hf_listener listener, enum hf_option option,
                    int64_t value)
{
    struct hf_listening *l = listener_of(stack, listener);
    return l ? hf_listen_set(&stack->env, l, option, value) : HF_ERR_STALE;
}

int64_t hf_listener_waiting(struct hf_stack *stack, hf_listener listener)
{
    const struct hf_listening *l = listener_of(stack, listener);
    return l ? (int64_t)l->accept_count : HF_ERR_STALE;
}

int hf_listener_close(struct hf_stack *stack, hf_listener listener)
{
    struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    hf_listen_close(&stack->env, l, true);
    return HF_OK;
}

int hf_listener_fast_open(struct hf_stack *stack, hf_listener listener, uint32_t limit,
                          int no_cookie)
{
    struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    if (l->hold)
        return HF_ERR_ARGUMENT;
    l->fast_open_max = limit;
    l->fast_open_no_cookie = no_cookie != 0;
    return HF_OK;
}

static void take_keys(struct hf_key keys[2], const uint8_t (*bytes)[16], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        keys[i] = hf_key_of_bytes(bytes[i]);
}

int hf_listener_fast_open_keys(struct hf_stack *stack, hf_listener listener,
                               const uint8_t (*keys)[16], unsigned count)
{
    struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    if (count > 2 || (count && !keys))
        return HF_ERR_ARGUMENT;
    take_keys(l->fast_open_key, keys, count);
    l->fast_open_keys = (uint8_t)count;
    return HF_OK;
}

int hf_stack_fast_open_keys(struct hf_stack *stack, const uint8_t (*keys)[16], unsigned count)
{
    if (count < 1 || count > 2 || !keys)
        return HF_ERR_ARGUMENT;
    take_keys(stack->env.fast_open_key, keys, count);
    stack->env.fast_open_keys = (uint8_t)count;
    return HF_OK;
}

void hf_stack_fast_open_forget(struct hf_stack *stack)
{
    hf_fast_open_forget(&stack->env);
}

int hf_listener_endpoint(struct hf_stack *stack, hf_listener listener, struct hf_endpoint *local)
{
    const struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    hf_key_to_addr(l->local, l->zone, &local->addr);
    local->port = l->local_port;
    return HF_OK;
}

int hf_tcp_accept(struct hf_stack *stack, hf_listener listener, uint64_t user, hf_conn *conn)
{
    struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    struct hf_tcp *c = hf_listen_take(&stack->env, l);
    if (!c)
        return 0;
    c->user = user;
    hf_trace_call(&stack->env, c->hash, c->state, HF_CALL_ACCEPT, 0);
    *conn = hf_tcp_handle(c);
    return 1;
}

int hf_tcp_next_syn(struct hf_stack *stack, hf_listener listener, hf_syn *syn,
                    struct hf_endpoint *local, struct hf_endpoint *remote)
{
    struct hf_listening *l = listener_of(stack, listener);
    if (!l)
        return HF_ERR_STALE;
    *syn = hf_listen_next_held(&stack->env, l);
    if (!*syn)
        return 0;
    const struct hf_half_open *h =
        hf_pool_at(&stack->env.half_opens, hf_half_open_held(&stack->env, *syn));
    if (local) {
        hf_key_to_addr(h->flow.local, h->link, &local->addr);
        local->port = h->flow.local_port;
    }
    if (remote) {
        hf_key_to_addr(h->flow.remote, h->link, &remote->addr);
        remote->port = h->flow.remote_port;
    }
    return 1;
}

int hf_syn_accept(struct hf_stack *stack, hf_syn syn)
{
    uint32_t index = hf_half_open_held(&stack->env, syn);
    if (!index)
        return HF_ERR_STALE;
    hf_half_open_accept(&stack->env, index);
    return HF_OK;
}

int hf_syn_refuse(struct hf_stack *stack, hf_syn syn)
{
    uint32_t index = hf_half_open_held(&stack->env, syn);
    if (!index)
        return HF_ERR_STALE;
    hf_half_open_refuse(&stack->env, index);
    return HF_OK;
}

/* ---- Everything that names a connection ---- */

int64_t hf_tcp_send(struct hf_stack *stack, hf_conn conn, const void *buf, size_t len,
                    unsigned flags)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_send(&stack->env, c, buf, len, flags) : no_conn(stack, conn);
}

int hf_tcp_reserve(struct hf_stack *stack, hf_conn conn, size_t want, void **buf, size_t *len)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_reserve(&stack->env, c, want, buf, len) : no_conn(stack, conn);
}

int hf_tcp_commit(struct hf_stack *stack, hf_conn conn, size_t len, unsigned flags)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_commit(&stack->env, c, len, flags) : no_conn(stack, conn);
}

int64_t hf_tcp_recv(struct hf_stack *stack, hf_conn conn, void *buf, size_t len)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_receive(&stack->env, c, buf, len) : no_text(stack, conn);
}

int64_t hf_tcp_peek(struct hf_stack *stack, hf_conn conn, const void **buf)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_peek(&stack->env, c, buf) : no_text(stack, conn);
}

int64_t hf_tcp_copy(struct hf_stack *stack, hf_conn conn, size_t offset, void *buf, size_t len)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_copy(&stack->env, c, offset, buf, len) : no_text(stack, conn);
}

int hf_tcp_consume(struct hf_stack *stack, hf_conn conn, size_t len)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_consume(&stack->env, c, len) : no_conn(stack, conn);
}

int hf_tcp_shutdown(struct hf_stack *stack, hf_conn conn)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_shutdown(&stack->env, c) : no_conn(stack, conn);
}

int hf_tcp_close(struct hf_stack *stack, hf_conn conn)
{
    struct hf_tcp *c = conn_of(stack, conn);
    if (!c)
        return abort_asleep(stack, conn, HF_CAUSE_MEMORY);
    hf_call_close(&stack->env, c, stack->env.settings->orphan_timeout);
    return HF_OK;
}

int hf_tcp_close_within(struct hf_stack *stack, hf_conn conn, hf_time limit)
{
    struct hf_tcp *c = conn_of(stack, conn);
    if (!c && !ref_of(stack, conn))
        return HF_ERR_STALE;
    if (limit <= 0)
        return HF_ERR_ARGUMENT;
    if (!c)
        return abort_asleep(stack, conn, HF_CAUSE_MEMORY);
    hf_call_close(&stack->env, c, limit);
    return HF_OK;
}

int hf_tcp_abort(struct hf_stack *stack, hf_conn conn)
{
    struct hf_tcp *c = conn_of(stack, conn);
    if (!c)
        return abort_asleep(stack, conn, HF_CAUSE_ABORTED);
    hf_call_abort(&stack->env, c, HF_CAUSE_ABORTED, HF_BY_CALL);
    return HF_OK;
}

int hf_tcp_status(struct hf_stack *stack, hf_conn conn, struct hf_tcp_status *status)
{
    struct hf_tcp room, *c = view_of(stack, conn, &room);
    if (!c)
        return HF_ERR_STALE;
    if (!status || status->size != sizeof *status)
        return HF_ERR_ARGUMENT;
    hf_call_status(&stack->env, c, status);
    return HF_OK;
}

int hf_tcp_set(struct hf_stack *stack, hf_conn conn, enum hf_option option, int64_t value)
{
    struct hf_tcp *c = conn_of(stack, conn);
    return c ? hf_call_set(&stack->env, c, option, value) : no_conn(stack, conn);
}

int hf_tcp_get(struct hf_stack *stack, hf_conn conn, enum hf_option option, int64_t *value)
{
    struct hf_tcp room, *c = view_of(stack, conn, &room);
    return c ? hf_call_get(&stack->env, c, option, value) : no_conn(stack, conn);
}

int hf_option_named(const char *name)
{
    static const char names[][24] = {
#define HF_X(id, text, writable) text,
        HF_OPTIONS(HF_X)
#undef HF_X
    };
    for (int i = 0; name && i < HF_OPTION_COUNT; i++)
        if (hf_text_equal(names[i], name))
            return i;
    return HF_ERR_ARGUMENT;
}
