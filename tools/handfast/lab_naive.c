/* A server that needs two segments to open, as lab code: no stack of Handfast has it. A SYN opens
 * the connection, the answer says so, and nothing is asked back. For the ladder it tells what it
 * does as a stack would. */
#include "lab.h"

#include <string.h>

/* What a connection is worth here: the receive buffer that its SYN,ACK promises. It is held until
 * keep-alive finds nobody there: RFC 9293 3.8.4, two hours at the least. */
#define NAIVE_BUFFER 65535
#define NAIVE_ISN 3000

static struct hf_trace_record record_of(const struct scene *scene, int end, int kind, int state)
{
    return (struct hf_trace_record){.time = hf_sim_now(scene->sim),
                                    .conn = 1,
                                    .stack = (uint16_t)scene->end[end].host,
                                    .kind = (uint8_t)kind,
                                    .state = (uint8_t)state};
}

static void tell_open(struct scene *scene, const struct made_segment *syn)
{
    struct hf_trace_record r = record_of(scene, SERVER, HF_TRACE_OPEN, HF_LISTEN);
    memcpy(r.u.open.local, syn->to, 4);
    memcpy(r.u.open.remote, syn->from, 4);
    r.u.open.local_port = syn->to_port;
    r.u.open.remote_port = syn->from_port;
    r.u.open.family = HF_IPV4;
    scene_record(scene, &r, NULL);
}

static void tell_state(struct scene *scene, int from, int to, int by, int detail)
{
    struct hf_trace_record r = record_of(scene, SERVER, HF_TRACE_STATE, to);
    r.u.state.from = (uint8_t)from;
    r.u.state.to = (uint8_t)to;
    r.u.state.by = (uint8_t)by;
    r.u.state.detail = (uint8_t)detail;
    scene_record(scene, &r, NULL);
}

/* A segment that leaves or arrives at an end. */
static void tell_segment(struct scene *scene, int end, int kind, int state, int drop,
                         const struct made_segment *segment)
{
    uint8_t bytes[MADE_ROOM];
    struct hf_packet packet;
    struct hf_trace_record r = record_of(scene, end, kind, state);
    r.conn = end == SERVER ? 1 : 0;
    r.u.segment.seq = segment->seq;
    r.u.segment.ack = segment->ack;
    r.u.segment.window = segment->window;
    r.u.segment.flags = segment->flags;
    r.u.segment.wscale = 0xff;
    r.u.segment.segments = 1;
    r.u.segment.reason = (uint8_t)drop;
    hf_packet_wrap(&packet, 1, bytes, packet_make(segment, bytes));
    scene_record(scene, &r, &packet);
}

void naive_stale_syn(struct scene *scene, struct naive_result *result)
{
    struct made_segment syn = {.from_port = SCENE_CLIENT_PORT,
                               .to_port = SCENE_PORT,
                               .seq = 1000,
                               .flags = HF_SYN,
                               .window = 65535};
    scene_address(scene, CLIENT, syn.from);
    scene_address(scene, SERVER, syn.to);
    struct made_segment answer = {.from_port = syn.to_port,
                                  .to_port = syn.from_port,
                                  .seq = NAIVE_ISN,
                                  .ack = syn.seq + 1,
                                  .flags = HF_SYN | HF_ACK,
                                  .window = NAIVE_BUFFER};
    memcpy(answer.from, syn.to, 4);
    memcpy(answer.to, syn.from, 4);

    scene_wait(scene, scene->config.delay);
    tell_open(scene, &syn);
    tell_segment(scene, SERVER, HF_TRACE_IN, HF_ESTABLISHED, HF_DROP_NONE, &syn);
    tell_state(scene, HF_LISTEN, HF_ESTABLISHED, HF_BY_SEGMENT, HF_SYN);
    tell_segment(scene, SERVER, HF_TRACE_OUT, HF_ESTABLISHED, HF_SEND_REPLY, &answer);
    hf_time since = scene_now(scene);
    scene_wait(scene, scene->config.delay);
    tell_segment(scene, CLIENT, HF_TRACE_IN, HF_CLOSED, HF_DROP_NO_CONNECTION, &answer);
    scene_wait(scene, (hf_time)lab_knob(scene->lab, KNOB_IDLE) * HF_SEC);
    tell_state(scene, HF_ESTABLISHED, HF_CLOSED, HF_BY_TIMER, HF_TIMER_KEEPALIVE);
    result->bytes = NAIVE_BUFFER;
    result->time = scene_now(scene) - since;
}
