/* Looking ahead in a batch, in passes: the slot of each packet's pair in the table, then the object
 * that stands there, then what hangs on a connection. A pass asks for memory; the next one uses it. */
#include "stack/ahead.h"

#include <string.h>

#define LINE 64u

/* The flow of a packet with plain headers; others are found without help. */
static bool flow_of(const struct hf_packet *packet, struct hf_flow *flow)
{
    static const uint8_t ipv4[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *p = packet->slice[0].data;
    uint32_t len = packet->slice[0].len, ports;
    if (len >= 40 && p[0] == 0x45 && p[9] == HF_PROTO_TCP) {
        memcpy(flow->local, ipv4, 12);
        memcpy(flow->local + 12, p + 16, 4);
        memcpy(flow->remote, ipv4, 12);
        memcpy(flow->remote + 12, p + 12, 4);
        p += 20;
    } else if (len >= 60 && p[0] >> 4 == 6 && p[6] == HF_PROTO_TCP) {
        memcpy(flow->local, p + 24, 16);
        memcpy(flow->remote, p + 8, 16);
        p += 40;
    } else {
        return false;
    }
    ports = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[0] << 8 | p[1];
    flow->local_port = (uint16_t)(ports >> 16);
    flow->remote_port = (uint16_t)ports;
    return true;
}

static void fetch(const void *object, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += LINE)
        __builtin_prefetch((const uint8_t *)object + at);
}

static void fetch_object(const struct hf_env *env, hf_ref ref)
{
    uint32_t index = hf_ref_index(ref);
    switch (hf_ref_kind(ref)) {
    case HF_KIND_CONN:
        fetch(hf_tcp_at(env, index), 0, sizeof(struct hf_tcp));
        break;
    case HF_KIND_HALF_OPEN:
        fetch(hf_pool_at(&env->half_opens, index), 0, 1);
        break;
    case HF_KIND_ASLEEP:
        fetch(hf_pool_at(&env->asleep, index), 0, sizeof(struct hf_asleep));
        break;
    case HF_KIND_TIME_WAIT:
        fetch(hf_pool_at(&env->time_waits, index), 0, 1);
        break;
    case HF_KIND_TIME_WAIT_IPV4:
        fetch(hf_pool_at(&env->time_waits_ipv4, index), 0, 1);
        break;
    default:
        break;
    }
}

void hf_stack_look_ahead(struct hf_stack *stack, const struct hf_packet *packets, size_t n)
{
    struct hf_env *env = &stack->env;
    struct hf_flow flow[2];
    uint64_t hash[HF_AHEAD];
    hf_ref ref[HF_AHEAD];
    unsigned count = 0;
    HF_ASSERT(n <= HF_AHEAD);
    memset(flow, 0, sizeof flow);
    for (size_t i = 0; i < n; i++) {
        struct hf_flow *this = &flow[i & 1];
        if (!flow_of(&packets[i], this) || memcmp(this, &flow[1 - (i & 1)], sizeof *this) == 0)
            continue; /* segments come in runs */
        hash[count] = hf_table_hash(&env->table, this);
        hf_table_fetch(&env->table, hash[count++]);
    }
    for (unsigned i = 0; i < count; i++) {
        ref[i] = hf_table_guess(&env->table, hash[i]);
        if (ref[i])
            fetch_object(env, ref[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (ref[i] && hf_ref_kind(ref[i]) == HF_KIND_CONN) {
            const struct hf_active *a = hf_tcp_active(env, hf_tcp_at(env, hf_ref_index(ref[i])));
            if (a)
                fetch(a, 0, sizeof *a);
        }
    }
}
