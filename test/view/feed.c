/* Records and packets for tests of views. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#define WAY (10 * HF_MS) /* from one end to the other                                         */

static const struct hf_endpoint ends4[2] = {
    {.addr = {.family = HF_IPV4, .bytes = {10, 0, 0, 1}}, .port = 49152},
    {.addr = {.family = HF_IPV4, .bytes = {10, 0, 0, 2}}, .port = 80}};
static const struct hf_endpoint ends6[2] = {
    {.addr = {.family = HF_IPV6, .bytes = {0xfd, [15] = 1}}, .port = 49152},
    {.addr = {.family = HF_IPV6, .bytes = {0xfd, [15] = 2}}, .port = 80}};

void feed_begin(struct feed *feed)
{
    memset(feed, 0, sizeof *feed);
    feed->ours[CLIENT] = feed->ours[SERVER] = true;
    feed->state[SERVER] = HF_LISTEN;
    feed->isn[CLIENT] = 1000;
    feed->isn[SERVER] = 0xfffffff0; /* wraps in the first bytes */
    feed->now = 5 * HF_SEC;
}

void feed_to(struct feed *feed, hf_trace_fn sink, void *context)
{
    feed->sinks.sink[feed->sinks.count] = sink;
    feed->sinks.context[feed->sinks.count++] = context;
}

static const struct hf_endpoint *ends(const struct feed *feed)
{
    return feed->ipv6 ? ends6 : ends4;
}

static void tell(struct feed *feed, int end, struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    if (!feed->ours[end])
        return;
    record->time = feed->now;
    record->stack = (uint16_t)(end + 1);
    record->conn = feed->conn[end];
    record->state = feed->state[end];
    hf_tee_record(&feed->sinks, record, packet);
}

static void tell_state(struct feed *feed, int end, int by, int detail, int state)
{
    if (state == HF_STATES)
        return;
    struct hf_trace_record r = {.kind = HF_TRACE_STATE};
    r.u.state.from = feed->state[end];
    r.u.state.to = feed->state[end] = (uint8_t)state;
    r.u.state.by = (uint8_t)by;
    r.u.state.detail = (uint8_t)detail;
    tell(feed, end, &r, NULL);
}

void feed_open(struct feed *feed, int end, bool active)
{
    struct hf_trace_record r = {.kind = HF_TRACE_OPEN};
    feed->conn[end] = 77 + (uint32_t)end;
    memcpy(r.u.open.local, ends(feed)[end].addr.bytes, 16);
    memcpy(r.u.open.remote, ends(feed)[1 - end].addr.bytes, 16);
    r.u.open.local_port = ends(feed)[end].port;
    r.u.open.remote_port = ends(feed)[1 - end].port;
    r.u.open.family = feed->ipv6 ? HF_IPV6 : HF_IPV4;
    r.u.open.active = active;
    r.u.open.link = 1;
    tell(feed, end, &r, NULL);
    if (active)
        feed_call(feed, end, HF_CALL_OPEN, HF_SYN_SENT);
}

void feed_call(struct feed *feed, int end, int call, int state)
{
    struct hf_trace_record r = {.kind = HF_TRACE_CALL};
    r.u.call.call = (uint8_t)call;
    tell(feed, end, &r, NULL);
    tell_state(feed, end, HF_BY_CALL, call, state);
}

/* ---- Packets ---- */

static uint8_t *put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    return put16(put16(at, value >> 16), value);
}

static uint32_t sum(const uint8_t *bytes, size_t len)
{
    uint32_t total = 0;
    for (size_t i = 0; i < len; i++)
        total += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    return total;
}

static uint32_t folded(uint32_t total)
{
    while (total > 0xffff)
        total = (total & 0xffff) + (total >> 16);
    return total;
}

static uint8_t *put_options(uint8_t *at, const struct feed *feed, int from,
                            const struct told_segment *s)
{
    if (s->mss != 0) {
        *at++ = 2, *at++ = 4;
        at = put16(at, s->mss);
    }
    if (s->sack_permitted)
        *at++ = 1, *at++ = 1, *at++ = 4, *at++ = 2;
    if (s->wscale != 0)
        *at++ = 1, *at++ = 3, *at++ = 3, *at++ = s->wscale;
    if (s->sack[1] != 0) {
        *at++ = 1, *at++ = 1, *at++ = 5, *at++ = 10;
        at = put32(at, s->sack[0] + feed->isn[1 - from]);
        at = put32(at, s->sack[1] + feed->isn[1 - from]);
    }
    return at;
}

/* The datagram that a segment is. */
static uint32_t build(const struct feed *feed, int from, const struct told_segment *s,
                      uint8_t *bytes, struct hf_packet *packet)
{
    uint32_t ip = feed->ipv6 ? 40 : 20;
    uint8_t *tcp = bytes + ip;
    uint8_t *at = put16(tcp, ends(feed)[from].port);
    at = put16(at, ends(feed)[1 - from].port);
    at = put32(at, s->seq + feed->isn[from]);
    at = put32(at, (s->flags & HF_ACK) != 0 ? s->ack + feed->isn[1 - from] : 0);
    uint8_t *end = put_options(tcp + 20, feed, from, s);
    uint32_t header = (uint32_t)(end - tcp);
    at = put16(at, header / 4 << 12 | s->flags);
    at = put16(at, s->window);
    put32(at, 0);
    for (uint32_t i = 0; i < s->text; i++)
        end[i] = (uint8_t)(s->seq + i);
    uint32_t len = header + s->text;

    size_t addr = feed->ipv6 ? 16 : 4;
    uint8_t *addresses = feed->ipv6 ? bytes + 8 : bytes + 12;
    memcpy(addresses, ends(feed)[from].addr.bytes, addr);
    memcpy(addresses + addr, ends(feed)[1 - from].addr.bytes, addr);
    if (feed->ipv6) {
        put32(bytes, 0x60000000);
        put16(bytes + 4, len);
        bytes[6] = 6, bytes[7] = 64;
    } else {
        put32(bytes, 0x45000000 | (ip + len));
        put32(bytes + 4, 0x00004000);
        bytes[8] = 64, bytes[9] = 6;
        put16(bytes + 10, 0);
        put16(bytes + 10, folded(sum(bytes, 20)) ^ 0xffff);
    }
    uint32_t pseudo = sum(addresses, 2 * addr) + 6 + len;
    hf_packet_wrap(packet, 1, bytes, ip + len);
    put16(tcp + 16, folded(pseudo + sum(tcp, len)) ^ 0xffff);
    if (s->partial) {
        put16(tcp + 16, folded(pseudo));
        packet->checksum = HF_CHECKSUM_PARTIAL;
        packet->checksum_start = (uint16_t)ip;
        packet->checksum_offset = 16;
    }
    return ip + len;
}

static struct hf_trace_record segment_record(const struct feed *feed, int kind, int from,
                                             const struct told_segment *s)
{
    struct hf_trace_record r = {.kind = (uint8_t)kind};
    r.u.segment.seq = s->seq + feed->isn[from];
    r.u.segment.ack = (s->flags & HF_ACK) != 0 ? s->ack + feed->isn[1 - from] : 0;
    r.u.segment.text = s->text;
    r.u.segment.window = s->window;
    r.u.segment.flags = s->flags;
    r.u.segment.mss = s->mss;
    r.u.segment.wscale = s->wscale == 0 ? 0xff : s->wscale;
    r.u.segment.sack_permitted = s->sack_permitted;
    r.u.segment.segments = 1;
    if (s->sack[1] != 0) {
        r.u.segment.sacks = 1;
        r.u.segment.sack[0] = s->sack[0] + feed->isn[1 - from];
        r.u.segment.sack[1] = s->sack[1] + feed->isn[1 - from];
    }
    r.u.segment.reason = kind == HF_TRACE_OUT ? s->reason : (uint8_t)HF_DROP_NONE;
    return r;
}

void feed_out(struct feed *feed, int end, struct told_segment s)
{
    uint8_t bytes[2048];
    struct hf_packet packet;
    struct hf_trace_record r = segment_record(feed, HF_TRACE_OUT, end, &s);
    build(feed, end, &s, bytes, &packet);
    tell(feed, end, &r, &packet);
}

void feed_in(struct feed *feed, int from, struct told_segment s, int state)
{
    uint8_t bytes[2048];
    struct hf_packet packet;
    s.partial = false;
    struct hf_trace_record r = segment_record(feed, HF_TRACE_IN, from, &s);
    build(feed, from, &s, bytes, &packet);
    tell(feed, 1 - from, &r, &packet);
    tell_state(feed, 1 - from, HF_BY_SEGMENT, s.flags & 0xff, state);
}

void feed_pass(struct feed *feed, int from, struct told_segment segment, int state)
{
    feed_out(feed, from, segment);
    feed->now += WAY;
    feed_in(feed, from, segment, state);
}

void feed_timer(struct feed *feed, int end, int timer, int state)
{
    tell_state(feed, end, HF_BY_TIMER, timer, state);
}

void feed_end(struct feed *feed, int end, int cause, uint64_t sent, uint64_t received)
{
    struct hf_trace_record r = {.kind = HF_TRACE_END};
    r.u.end.cause = (uint8_t)cause;
    r.u.end.bytes_sent = sent;
    r.u.end.bytes_received = received;
    tell(feed, end, &r, NULL);
}

void feed_drop(struct feed *feed, int from, struct told_segment s, int reason)
{
    uint8_t bytes[2048];
    struct hf_packet packet;
    struct hf_trace_record r = {.kind = HF_TRACE_DROP};
    r.u.drop.reason = (uint8_t)reason;
    build(feed, from, &s, bytes, &packet);
    uint32_t conn = feed->conn[1 - from];
    feed->conn[1 - from] = 0; /* what is damaged belongs to no connection */
    tell(feed, 1 - from, &r, &packet);
    feed->conn[1 - from] = conn;
}

/* ---- Scenes ---- */

void feed_three_way_open(struct feed *feed)
{
    struct told_segment syn = {
        .flags = HF_SYN, .window = 65535, .mss = 1460, .wscale = 7, .sack_permitted = 1};
    struct told_segment synack = {.flags = HF_SYN | HF_ACK,
                                  .ack = 1,
                                  .window = 65535,
                                  .mss = 1400,
                                  .reason = HF_SEND_REPLY};
    struct told_segment ack = {
        .flags = HF_ACK, .seq = 1, .ack = 1, .window = 64240, .reason = HF_SEND_ACK};
    feed_open(feed, CLIENT, true);
    feed_out(feed, CLIENT, syn);
    feed->now += WAY;
    feed_in(feed, CLIENT, syn, HF_STATES);
    feed_open(feed, SERVER, false);
    tell_state(feed, SERVER, HF_BY_SEGMENT, HF_SYN, HF_SYN_RECEIVED);
    feed_pass(feed, SERVER, synack, HF_ESTABLISHED);
    feed_pass(feed, CLIENT, ack, HF_ESTABLISHED);
}

void feed_four_way_close(struct feed *feed)
{
    struct told_segment fin = {.flags = HF_FIN | HF_ACK, .seq = 1, .ack = 1, .window = 64240};
    struct told_segment ack = {
        .flags = HF_ACK, .seq = 1, .ack = 2, .window = 65534, .reason = HF_SEND_ACK};
    feed_call(feed, CLIENT, HF_CALL_CLOSE, HF_FIN_WAIT_1);
    feed_pass(feed, CLIENT, fin, HF_CLOSE_WAIT);
    feed_pass(feed, SERVER, ack, HF_FIN_WAIT_2);
    feed->now += 5 * HF_MS;
    feed_call(feed, SERVER, HF_CALL_CLOSE, HF_LAST_ACK);
    fin.ack = 2;
    feed_pass(feed, SERVER, fin, HF_TIME_WAIT);
    ack.seq = 2;
    feed_pass(feed, CLIENT, ack, HF_CLOSED);
    feed_end(feed, SERVER, HF_CAUSE_CLOSED, 0, 0);
    feed->now += 60 * HF_SEC - WAY;
    feed_timer(feed, CLIENT, HF_TIMER_2MSL, HF_CLOSED);
    feed_end(feed, CLIENT, HF_CAUSE_TIME_WAIT_OVER, 0, 0);
}

/* ---- Text ---- */

void text_write(void *context, const void *bytes, size_t len)
{
    struct text *text = context;
    char *bigger = realloc(text->bytes, text->len + len + 1);
    if (bigger == NULL)
        abort();
    memcpy(bigger + text->len, bytes, len);
    text->bytes = bigger;
    text->len += len;
    text->bytes[text->len] = 0;
}

void text_end(struct text *text)
{
    free(text->bytes);
    text->bytes = NULL;
    text->len = 0;
}
