/* The records of what comes most often, segments and calls that move text, and the runs that they
 * make where the sink asked for runs (trace_last of stack.h): one record for all of them, which the
 * sink holds and which is added to in its place. That is a few comparisons instead of the making,
 * copying and keeping of 64 bytes, for each segment of a bulk transfer but the first of its batch.
 *
 * Nothing is lost: what differs in anything but its number and a PSH at the end, or is not of the
 * same instant, or comes after any other record, has a record of its own. */
#include "tcp/tcp.h"

/* From now on the record that was just told is what may be continued. */
static void begin_run(struct hf_env *env, const struct hf_told_segment *s)
{
    struct hf_trace_run *run = &env->run;
    uint32_t each = s->segments > 1 ? s->segment_bytes : s->text;
    if (!env->trace_last || s->text == 0 || (s->flags & ~HF_ACK) != 0 ||
        s->text != s->segments * each || s->segments > UINT8_MAX)
        return;
    run->stream = hf_trace_stream(s->conn, s->kind, s->reason);
    run->numbers = hf_trace_numbers(s->seq + s->text, s->ack);
    run->flags = s->flags;
    run->window = s->window;
    run->segment_bytes = each;
    run->left = UINT8_MAX - s->segments;
    run->record = *env->trace_last;
    memcpy(run->options, s->options, sizeof run->options);
}

/* Several segments in one, the last of a run (shorter, or with PSH): else as hf_trace_one_more. */
static bool join(struct hf_env *env, const struct hf_told_segment *s)
{
    struct hf_trace_run *run = &env->run;
    if (run->stream != hf_trace_stream(s->conn, s->kind, s->reason) ||
        run->numbers != hf_trace_numbers(s->seq, s->ack) || run->window != s->window ||
        (s->flags & ~HF_PSH) != run->flags || s->segments > run->left ||
        !hf_trace_same_options(run, s->options))
        return false;
    uint32_t full = s->segments * run->segment_bytes;
    if (s->text == 0 || s->text > full ||
        (s->segments > 1 && s->segment_bytes != run->segment_bytes))
        return false;
    struct hf_trace_record *r = run->record;
    r->u.segment.text += s->text;
    r->u.segment.segments = (uint8_t)(r->u.segment.segments + s->segments);
    r->u.segment.flags = s->flags;
    run->left -= s->segments;
    run->numbers = hf_trace_numbers(s->seq + s->text, s->ack);
    if (s->text < full || s->flags != run->flags)
        run->stream = 0; /* nothing may follow these */
    return true;
}

void hf_trace_segment(struct hf_env *env, const struct hf_told_segment *s)
{
    if (join(env, s))
        return;
    const struct hf_tcp_options *o = s->options;
    struct hf_trace_record r = {.kind = s->kind, .conn = s->conn, .state = s->state};
    r.u.segment.seq = s->seq;
    r.u.segment.ack = s->ack;
    r.u.segment.text = s->text;
    r.u.segment.window = (uint32_t)s->window << s->scale;
    r.u.segment.flags = s->flags;
    r.u.segment.mss = o->mss;
    r.u.segment.tsval = o->tsval;
    r.u.segment.tsecr = o->tsecr;
    r.u.segment.sack[0] = o->sacks ? o->sack[0].start : 0;
    r.u.segment.sack[1] = o->sacks ? o->sack[0].end : 0;
    r.u.segment.sacks = o->sacks;
    r.u.segment.has_ts = o->has_ts;
    r.u.segment.wscale = o->wscale;
    r.u.segment.sack_permitted = o->sack_permitted;
    r.u.segment.reason = s->reason;
    r.u.segment.segments = (uint8_t)(s->segments > UINT8_MAX ? UINT8_MAX : s->segments);
    r.u.segment.segment_bytes = (uint16_t)(s->segments > 1 ? s->segment_bytes : s->text);
    r.u.segment.urgent = s->urgent;
    hf_env_trace(env, &r, s->packet);
    begin_run(env, s);
}

static bool join_call(struct hf_env *env, uint32_t id, uint8_t state, enum hf_call call,
                      uint32_t bytes)
{
    struct hf_trace_record *r = env->trace_last ? *env->trace_last : 0;
    if (!r || r->kind != HF_TRACE_CALL || r->u.call.call != call || r->conn != id ||
        r->state != state || r->stack != env->id || r->time != env->now ||
        r->u.call.bytes > UINT32_MAX - bytes)
        return false;
    r->u.call.bytes += bytes;
    return true;
}

void hf_trace_call_record(struct hf_env *env, uint32_t id, uint8_t state, enum hf_call call,
                          uint32_t bytes)
{
    if ((call == HF_CALL_SEND || call == HF_CALL_RECEIVE) &&
        join_call(env, id, state, call, bytes))
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_CALL, .conn = id, .state = state};
    r.u.call.call = (uint8_t)call;
    r.u.call.bytes = bytes;
    hf_env_trace(env, &r, 0);
}
