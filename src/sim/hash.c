/* The hash of a run: values, not memory, so that neither byte order nor padding shows in it. */
#include "sim/network.h"

uint64_t hf_sim_hash_value(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25u;
    return hash ^ (hash >> 32);
}

uint64_t hf_sim_hash_bytes(uint64_t hash, const uint8_t *bytes, uint32_t len)
{
    uint64_t value = len;
    for (uint32_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
        if (i % 8 == 7)
            hash = hf_sim_hash_value(hash, value);
    }
    return hf_sim_hash_value(hash, value);
}

static uint64_t hash_two(uint64_t hash, uint64_t high, uint64_t low)
{
    return hf_sim_hash_value(hash, high << 32 | low);
}

static uint64_t hash_segment(uint64_t hash, const struct hf_trace_record *r)
{
    hash = hash_two(hash, r->u.segment.seq, r->u.segment.ack);
    hash = hash_two(hash, r->u.segment.text, r->u.segment.window);
    hash = hash_two(hash, (uint64_t)r->u.segment.flags << 16 | r->u.segment.mss,
                    r->u.segment.urgent);
    if (r->u.segment.has_ts)
        hash = hash_two(hash, r->u.segment.tsval, r->u.segment.tsecr);
    if (r->u.segment.sacks)
        hash = hash_two(hash, r->u.segment.sack[0], r->u.segment.sack[1]);
    hash = hash_two(hash, r->u.segment.sacks, r->u.segment.wscale);
    hash = hash_two(hash, r->u.segment.sack_permitted, r->u.segment.reason);
    return hf_sim_hash_value(hash, r->u.segment.segments);
}

static uint64_t hash_open(uint64_t hash, const struct hf_trace_record *r)
{
    uint32_t len = r->u.open.family == HF_IPV4 ? 4 : 16;
    hash = hf_sim_hash_bytes(hash, r->u.open.local, len);
    hash = hf_sim_hash_bytes(hash, r->u.open.remote, len);
    hash = hash_two(hash, r->u.open.local_port, r->u.open.remote_port);
    return hash_two(hash, r->u.open.active, r->u.open.link);
}

static uint64_t hash_end(uint64_t hash, const struct hf_trace_record *r)
{
    hash = hf_sim_hash_value(hash, r->u.end.cause);
    hash = hf_sim_hash_value(hash, r->u.end.bytes_sent);
    hash = hf_sim_hash_value(hash, r->u.end.bytes_received);
    hash = hash_two(hash, r->u.end.segments_sent, r->u.end.segments_received);
    return hf_sim_hash_value(hash, r->u.end.retransmits);
}

uint64_t hf_sim_hash_record(uint64_t hash, const struct hf_trace_record *r)
{
    hash = hf_sim_hash_value(hash, (uint64_t)r->time);
    hash = hash_two(hash, r->conn, (uint64_t)r->stack << 16 | (uint64_t)r->kind << 8 | r->state);
    switch (r->kind) {
    case HF_TRACE_OPEN: return hash_open(hash, r);
    case HF_TRACE_IN:
    case HF_TRACE_OUT: return hash_segment(hash, r);
    case HF_TRACE_STATE:
        hash = hash_two(hash, r->u.state.from, r->u.state.to);
        return hash_two(hash, r->u.state.by, r->u.state.detail);
    case HF_TRACE_TIMER:
        hash = hash_two(hash, r->u.timer.timer, r->u.timer.count);
        return hf_sim_hash_value(hash, (uint64_t)r->u.timer.interval);
    case HF_TRACE_CONGESTION:
        hash = hash_two(hash, r->u.congestion.cwnd, r->u.congestion.ssthresh);
        hash = hash_two(hash, r->u.congestion.in_flight, r->u.congestion.phase);
        hash = hash_two(hash, r->u.congestion.pacing_rate, r->u.congestion.delivery_rate);
        hash = hash_two(hash, r->u.congestion.control, r->u.congestion.bbr_state);
        return hash_two(hash, r->u.congestion.srtt_us, r->u.congestion.rto_us);
    case HF_TRACE_DROP: return hf_sim_hash_value(hash, r->u.drop.reason);
    case HF_TRACE_CALL: return hash_two(hash, r->u.call.call, r->u.call.bytes);
    case HF_TRACE_END: return hash_end(hash, r);
    case HF_TRACE_CLOCK: return hf_sim_hash_value(hash, (uint64_t)r->u.clock.by);
    case HF_TRACE_ICMP: return hash_two(hash, r->u.icmp.kind, r->u.icmp.mtu);
    default: return hash;
    }
}
