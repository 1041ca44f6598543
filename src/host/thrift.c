/* When memory goes back to the system. Going through the heap takes milliseconds, and memory that a
 * transfer frees is wanted again by the next: so only when the stack has come down to half of what it
 * had, in a moment without work, and not often. */
#include "host/thrift.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#define REST (10 * HF_MS)       /* a sleep shorter than this is work                         */
#define EVERY (2 * HF_SEC)      /* at the most                                               */
#define WORTH ((size_t)1 << 20) /* bytes                                                     */

static void give_back(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

hf_time hf_thrift_rest(struct hf_thrift *thrift, const struct hf_stack *stack, hf_time now,
                       hf_time until)
{
    if (until - now < REST)
        return until;
    struct hf_stack_counters counters;
    hf_stack_counters(stack, &counters);
    if (counters.memory_peak > thrift->peak) /* reached since the last look */
        thrift->peak = thrift->high = counters.memory_peak;
    if (counters.memory > thrift->high)
        thrift->high = counters.memory;
    if (counters.memory > thrift->high / 2 || thrift->high - counters.memory < WORTH)
        return until;
    if (now - thrift->last < EVERY)
        return until - thrift->last < EVERY ? until : thrift->last + EVERY;
    give_back();
    thrift->last = now;
    thrift->high = counters.memory;
    return until;
}
