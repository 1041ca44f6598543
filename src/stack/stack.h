/* A stack: the owner of everything that tcp and ip work on. Only src/stack sees this struct; the
 * others are lent struct hf_env and struct hf_ip. */
#ifndef HF_STACK_STACK_H
#define HF_STACK_STACK_H

#include <handfast/stack.h>
#include <handfast/tcp.h>

#include "ip/ip.h"
#include "tcp/tcp.h"

struct hf_stack {
    struct hf_env env;
    struct hf_ip ip;
    struct hf_settings settings;
    struct hf_unsafe unsafe;
    struct hf_tcp fresh; /* env.fresh                                                         */
    unsigned links;
    hf_time skew; /* what the caller's clock has lost by going backwards, all together        */
};

/* Take the time of a call. After a step backwards the stack's own clock goes on from where it was. */
void hf_stack_clock_back(struct hf_stack *stack, hf_time step);
static inline void hf_stack_clock(struct hf_stack *stack, hf_time now)
{
    stack->env.run.stream = 0; /* a run of the trace is of one call */
    hf_time step = now + stack->skew - stack->env.now;
    if (HF_LIKELY(step == 0))
        return;
    if (HF_LIKELY(step > 0))
        hf_env_set_now(&stack->env, stack->env.now + step);
    else
        hf_stack_clock_back(stack, step);
}

/* The way from flow->local to flow->remote; local may be all zero, then it is chosen. */
int hf_stack_path(struct hf_stack *stack, struct hf_flow *flow, unsigned zone, bool foreign,
                  struct hf_path *path);

/* One packet from a link, by itself. */
void hf_stack_packet(struct hf_stack *stack, unsigned link, const struct hf_packet *packet);

/* A segment that came in for `conn` and only continues a run of the trace is told so. */
static inline bool hf_stack_joins_in(struct hf_env *env, uint32_t conn, const struct hf_seg *seg)
{
    return seg->segments == 1 &&
           hf_trace_one_more(env, hf_trace_stream(conn, HF_TRACE_IN, HF_DROP_NONE),
                             hf_trace_numbers(seg->seq, seg->ack), seg->flags, seg->window,
                             &seg->options, seg->text_all);
}

/* The record of any other. Only if env->trace. */
void hf_stack_tell_in(struct hf_env *env, uint32_t conn, uint8_t state, uint8_t scale,
                      const struct hf_seg *seg);

/* An ICMP error, or one that we made ourselves (packet NULL), reaches whom it quotes. */
void hf_stack_icmp_error(struct hf_stack *stack, const struct hf_ip_error *error,
                         const struct hf_packet *packet);

static inline bool hf_stack_is_ethernet(const struct hf_stack *stack, unsigned link)
{
    return HF_UNLIKELY(stack->ip.neighbours != 0) &&
           stack->ip.link[link].kind == HF_LINK_ETHERNET;
}

#endif
