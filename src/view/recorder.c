/* The flight recorder: a ring of records, and beside it the addresses of the connections that it may
 * tell of, since their OPEN records leave the ring first. That table is direct-mapped by the
 * connection's number; whoever lost its place is put back by its next segment, out of the packet.
 *
 * A dump is the head below, so many OPEN records, then the records of the ring, as they lie in
 * memory. Version 1: the records of trace.h, 64 bytes each. */
#include <handfast/recorder.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "datagram.h"

#define VERSION 1u
#define ORDER_MARK 0x01020304u
#define PLACES 64u /* connections whose addresses are kept, power of two                     */

_Static_assert(sizeof(struct hf_trace_record) == 64, "a record is 64 bytes, and so in dumps");

struct hf_recorder {
    struct hf_recorder_config config;
    uint64_t total;
    uint32_t room;     /* records in the ring                                                 */
    uint32_t next;     /* where the next goes                                                 */
    struct hf_trace_record *last; /* what a run may continue; NULL: nothing is recorded yet   */
    struct hf_trace_record opens[PLACES];
    struct hf_trace_record ring[];
};

struct head {
    char magic[8];
    uint32_t order;
    uint16_t version, record_bytes;
    uint64_t total;
    int64_t wall_ns;
    uint32_t opens, records;
};
_Static_assert(sizeof(struct head) == HF_RECORDING_HEAD, "no padding in the head");

struct hf_recorder *hf_recorder_create(const struct hf_recorder_config *config)
{
    uint32_t bytes = config->bytes ? config->bytes : HF_RECORDER_BYTES_MAX;
    if (config->size != sizeof *config || bytes < HF_RECORDER_BYTES_MIN ||
        bytes > HF_RECORDER_BYTES_MAX)
        return NULL;
    uint32_t room = (bytes - (uint32_t)sizeof(struct hf_recorder)) /
                    (uint32_t)sizeof(struct hf_trace_record);
    struct hf_recorder *recorder = aligned_alloc(64, bytes / 64 * 64);
    if (!recorder)
        return NULL;
    memset(recorder, 0, sizeof *recorder);
    recorder->config = *config;
    recorder->room = room;
    return recorder;
}

void hf_recorder_destroy(struct hf_recorder *recorder)
{
    free(recorder);
}

void hf_recorder_attach(struct hf_recorder *recorder, struct hf_stack_config *config)
{
    config->trace = hf_recorder_record;
    config->trace_context = recorder;
    config->trace_last = &recorder->last;
}

static unsigned place_of(uint32_t conn)
{
    return conn * 2654435761u >> 26;
}

/* Keep the addresses of a connection of which the table does not know, as its packets tell them. */
static void recall(struct hf_recorder *recorder, const struct hf_trace_record *record,
                   const struct hf_packet *packet)
{
    struct hf_datagram d;
    if (record->conn == 0 || !packet || !hf_datagram_read(packet, &d))
        return;
    bool out = record->kind == HF_TRACE_OUT;
    const struct hf_endpoint *local = out ? &d.from : &d.to;
    const struct hf_endpoint *remote = out ? &d.to : &d.from;
    struct hf_trace_record *open = &recorder->opens[place_of(record->conn)];
    memset(open, 0, sizeof *open);
    open->time = record->time;
    open->conn = record->conn;
    open->stack = record->stack;
    open->kind = HF_TRACE_OPEN;
    open->state = record->state;
    memcpy(open->u.open.local, local->addr.bytes, 16);
    memcpy(open->u.open.remote, remote->addr.bytes, 16);
    open->u.open.local_port = local->port;
    open->u.open.remote_port = remote->port;
    open->u.open.family = local->addr.family;
}

static bool in_order(int cause)
{
    return cause == HF_CAUSE_CLOSED || cause == HF_CAUSE_TIME_WAIT_OVER ||
           cause == HF_CAUSE_TIME_WAIT_REUSED || cause == HF_CAUSE_TIME_WAIT_LIMIT ||
           cause == HF_CAUSE_STACK_DESTROYED || cause == HF_CAUSE_LISTENER_CLOSED;
}

void hf_recorder_record(void *context, const struct hf_trace_record *record,
                        const struct hf_packet *packet)
{
    struct hf_recorder *recorder = context;
    recorder->last = &recorder->ring[recorder->next];
    *recorder->last = *record;
    recorder->total++;
    if (++recorder->next == recorder->room)
        recorder->next = 0;
    if (record->kind == HF_TRACE_IN || record->kind == HF_TRACE_OUT) {
        if (recorder->opens[place_of(record->conn)].conn != record->conn)
            recall(recorder, record, packet);
    } else if (record->kind == HF_TRACE_OPEN) {
        recorder->opens[place_of(record->conn)] = *record;
    } else if (record->kind == HF_TRACE_END && recorder->config.on_trouble &&
               !in_order(record->u.end.cause)) {
        recorder->config.on_trouble(recorder->config.context, recorder, record->u.end.cause);
    }
}

uint64_t hf_recorder_total(const struct hf_recorder *recorder)
{
    return recorder->total;
}

/* ---- Dumps ---- */

static uint32_t held(const struct hf_recorder *recorder)
{
    return recorder->total < recorder->room ? (uint32_t)recorder->total : recorder->room;
}

static bool tells_of(const struct hf_recorder *recorder, uint32_t conn)
{
    for (uint32_t i = 0; i < held(recorder); i++)
        if (recorder->ring[i].conn == conn)
            return true;
    return false;
}

void hf_recorder_dump(const struct hf_recorder *recorder, hf_write_fn write, void *context)
{
    bool wanted[PLACES];
    struct head head = {.magic = HF_RECORDING_MAGIC,
                        .order = ORDER_MARK,
                        .version = VERSION,
                        .record_bytes = sizeof(struct hf_trace_record),
                        .total = recorder->total,
                        .wall_ns = recorder->config.wall_ns,
                        .records = held(recorder)};
    for (unsigned i = 0; i < PLACES; i++) {
        wanted[i] = recorder->opens[i].conn != 0 && tells_of(recorder, recorder->opens[i].conn);
        head.opens += wanted[i];
    }
    write(context, &head, sizeof head);
    for (unsigned i = 0; i < PLACES; i++)
        if (wanted[i])
            write(context, &recorder->opens[i], sizeof recorder->opens[i]);
    uint32_t oldest = recorder->total < recorder->room ? 0 : recorder->next;
    write(context, &recorder->ring[oldest],
          (head.records - oldest) * sizeof(struct hf_trace_record));
    write(context, recorder->ring, oldest * sizeof(struct hf_trace_record));
}

int hf_recording_head(const uint8_t *bytes, size_t len, struct hf_recording *recording)
{
    struct head head;
    if (len < sizeof head)
        return HF_ERR_ARGUMENT;
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.magic, HF_RECORDING_MAGIC, sizeof head.magic) != 0 ||
        head.order != ORDER_MARK || head.version != VERSION ||
        head.record_bytes != sizeof(struct hf_trace_record) || head.opens > PLACES ||
        head.records > HF_RECORDER_BYTES_MAX / sizeof(struct hf_trace_record))
        return HF_ERR_ARGUMENT;
    recording->total = head.total;
    recording->records = head.records;
    recording->opens = head.opens;
    recording->wall_ns = head.wall_ns;
    return HF_OK;
}

/* Whether a stack could have written it: what readers use as an index must be in range. */
static bool possible(const struct hf_trace_record *r)
{
    if (r->kind < HF_TRACE_OPEN || r->kind > HF_TRACE_ICMP || r->state >= HF_STATES)
        return false;
    switch (r->kind) {
    case HF_TRACE_OPEN:
        return r->u.open.family == HF_IPV4 || r->u.open.family == HF_IPV6;
    case HF_TRACE_IN:
        return r->u.segment.reason < HF_DROP_COUNT && r->u.segment.text <= 1u << 30;
    case HF_TRACE_OUT:
        return r->u.segment.reason < HF_SEND_COUNT && r->u.segment.text <= 1u << 30;
    case HF_TRACE_STATE:
        return r->u.state.from < HF_STATES && r->u.state.to < HF_STATES;
    case HF_TRACE_TIMER:
        return r->u.timer.timer < HF_TIMER_COUNT;
    case HF_TRACE_DROP:
        return r->u.drop.reason < HF_DROP_COUNT;
    case HF_TRACE_END:
        return r->u.end.cause < HF_CAUSE_COUNT;
    default:
        return true;
    }
}

int hf_recording_play(const uint8_t *bytes, size_t len, hf_trace_fn sink, void *context)
{
    struct hf_recording recording;
    if (hf_recording_head(bytes, len, &recording) < 0)
        return HF_ERR_ARGUMENT;
    uint32_t count = recording.opens + recording.records;
    size_t at = HF_RECORDING_HEAD;
    for (uint32_t i = 0; i < count; i++, at += sizeof(struct hf_trace_record)) {
        struct hf_trace_record record;
        if (len - at < sizeof record)
            return HF_EOF;
        memcpy(&record, bytes + at, sizeof record);
        if (!possible(&record))
            return HF_ERR_ARGUMENT;
        if (sink)
            sink(context, &record, NULL);
    }
    return (int)count;
}
