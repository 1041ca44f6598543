/* Proportional rate reduction: RFC 9937. In fast recovery, and after a congestion mark, the window comes
 * down to ssthresh in step with what the peer reports as delivered, neither in one stop nor in a burst:
 * what is in flight at the end is ssthresh. Below it the flight is filled up, by as much as is
 * delivered, and while recovering by one segment more for each ACK that shows progress and no further
 * loss. */
#include "tcp/recovery.h"

/* `flight`: before the ACK that starts it. */
void hf_prr_start(struct hf_active *a, uint32_t flight)
{
    a->prr.flight = flight;
    a->prr.delivered = a->prr.out = 0;
}

void hf_prr_sent(struct hf_active *a, uint32_t bytes)
{
    a->prr.out += bytes;
}

static uint32_t least(uint32_t x, uint32_t y)
{
    return x < y ? x : y;
}

/* How much may leave on top of `in_flight`. */
static uint32_t may_send(const struct hf_active *a, uint32_t in_flight, uint32_t delivered,
                         bool safe)
{
    const struct hf_prr *p = &a->prr;
    uint32_t ssthresh = a->cc.ssthresh;
    if (in_flight > ssthresh) {
        uint64_t base = p->flight ? p->flight : 1;
        uint64_t due = ((uint64_t)p->delivered * ssthresh + base - 1) / base;
        return due > p->out ? (uint32_t)(due - p->out) : 0;
    }
    uint32_t more = p->delivered > p->out ? p->delivered - p->out : 0;
    if (more < delivered)
        more = delivered;
    return least(more + (safe ? a->cc.mss : 0), ssthresh - in_flight);
}

/* An ACK in recovery, the one that starts it too. lost: it showed more that is lost. */
void hf_prr_acked(struct hf_active *a, uint32_t in_flight, const struct hf_delivery *d, bool lost)
{
    uint32_t delivered = d->acked_new + d->sacked;
    a->prr.delivered += delivered;
    if (!delivered && a->prr.out)
        return;
    uint32_t more = may_send(a, in_flight, delivered, d->acked && !lost);
    if (!a->prr.out && more < a->cc.mss)
        more = a->cc.mss; /* the retransmission that recovery begins with; or CWR, told at once */
    a->cc.cwnd = in_flight + more;
}
