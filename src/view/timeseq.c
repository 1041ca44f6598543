/* Time-sequence plots: the records of each end that sends become marks; see timeseq_draw.c for the
 * picture. A few connections are kept at once; a new one takes the place of the one that sent
 * least. */
#include "view/timeseq.h"

#include <stdlib.h>
#include <string.h>

#define SENDERS_MAX 8
/* An infinite ssthresh is not drawn. */
#define SSTHRESH_MAX (INT64_C(1) << 30)

struct hf_timeseq {
    struct hf_timeseq_config config;
    struct sender senders[SENDERS_MAX];
};

struct hf_timeseq *hf_timeseq_create(const struct hf_timeseq_config *config)
{
    if (config->size != sizeof *config || !config->write)
        return NULL;
    struct hf_timeseq *plot = calloc(1, sizeof *plot);
    if (plot)
        plot->config = *config;
    return plot;
}

static void forget(struct sender *sender)
{
    struct marks *all[] = {&sender->sent, &sender->resent, &sender->sacked,   &sender->acks,
                           &sender->edge, &sender->cwnd,   &sender->ssthresh, &sender->in_flight};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        hf_marks_free(all[i]);
    memset(sender, 0, sizeof *sender);
}

void hf_timeseq_destroy(struct hf_timeseq *plot)
{
    for (int i = 0; plot && i < SENDERS_MAX; i++)
        forget(&plot->senders[i]);
    free(plot);
}

static struct sender *find(struct hf_timeseq *plot, const struct hf_trace_record *record)
{
    for (int i = 0; i < SENDERS_MAX; i++) {
        struct sender *s = &plot->senders[i];
        if (s->used && s->stack == record->stack && s->conn == record->conn)
            return s;
    }
    return NULL;
}

static struct sender *begin(struct hf_timeseq *plot, const struct hf_trace_record *record)
{
    struct sender *place = &plot->senders[0];
    for (int i = 0; i < SENDERS_MAX; i++) {
        struct sender *s = &plot->senders[i];
        if (!s->used) {
            place = s;
            break;
        }
        if (s->bytes < place->bytes)
            place = s;
    }
    forget(place);
    place->used = true;
    place->stack = record->stack;
    place->conn = record->conn;
    place->first = place->last = record->time;
    place->edge.curve = place->acks.curve = place->cwnd.curve = true;
    place->ssthresh.curve = place->in_flight.curve = true;
    return place;
}

static void set_endpoint(struct hf_endpoint *end, const uint8_t *addr, uint16_t port,
                         uint8_t family)
{
    memset(end, 0, sizeof *end);
    end->addr.family = family;
    memcpy(end->addr.bytes, addr, sizeof end->addr.bytes);
    end->port = port;
}

static void see_open(struct sender *s, const struct hf_trace_record *record)
{
    s->opened = true;
    set_endpoint(&s->local, record->u.open.local, record->u.open.local_port,
                 record->u.open.family);
    set_endpoint(&s->remote, record->u.open.remote, record->u.open.remote_port,
                 record->u.open.family);
}

/* A sequence number of ours, counted on: the one nearest to what was sent last. */
static int64_t whole(const struct sender *s, uint32_t seq)
{
    uint32_t from = s->isn + (uint32_t)s->sent_end;
    return s->sent_end + (int32_t)(seq - from);
}

static void keep(struct sender *s, bool kept)
{
    s->memory_short = s->memory_short || !kept;
}

static void see_out(struct sender *s, const struct hf_trace_record *record)
{
    uint32_t len = record->u.segment.text;
    if (record->u.segment.flags & HF_SYN)
        len++;
    if (record->u.segment.flags & HF_FIN)
        len++;
    if (len == 0 || record->u.segment.flags & HF_RST)
        return;
    if (!s->based) {
        s->based = true;
        s->isn = record->u.segment.seq;
    }
    uint8_t reason = record->u.segment.reason;
    int64_t low = whole(s, record->u.segment.seq), high = low + len;
    bool new = low >= s->sent_end && reason != HF_SEND_PROBE;
    s->segments++;
    s->bytes += record->u.segment.text;
    if (new) {
        keep(s, hf_marks_add(&s->sent, record->time, low, high, 0));
    } else {
        if (reason >= HF_SEND_COUNT)
            reason = HF_SEND_NEW;
        s->resends += low < s->sent_end;
        s->reasons[reason]++;
        keep(s, hf_marks_add(&s->resent, record->time, low, high, reason));
    }
    if (high > s->sent_end)
        s->sent_end = high;
}

/* The first block is the one with news (RFC 2018 4), or a duplicate below it (RFC 2883 4). Of a block
 * that grew only what is new is marked. */
static void see_sack(struct sender *s, const struct hf_trace_record *record, int64_t ack)
{
    int64_t low = whole(s, record->u.segment.sack[0]);
    int64_t high = whole(s, record->u.segment.sack[1]);
    if (low >= high || high > s->sent_end)
        return;
    if (high <= ack) {
        s->dsacks++;
        keep(s, hf_marks_add(&s->sacked, record->time, low, high, SACK_DUPLICATE));
        return;
    }
    int64_t from = low, to = high;
    if (low == s->sacked_low && high > s->sacked_high)
        from = s->sacked_high;
    else if (high == s->sacked_high && low < s->sacked_low)
        to = s->sacked_low;
    else if (low == s->sacked_low && high == s->sacked_high)
        return;
    s->sacked_low = low;
    s->sacked_high = high;
    s->sacks++;
    keep(s, hf_marks_add(&s->sacked, record->time, from, to, SACK_NEW));
}

static void see_in(struct sender *s, const struct hf_trace_record *record)
{
    if (!s->based || !(record->u.segment.flags & HF_ACK) || record->u.segment.flags & HF_RST)
        return;
    int64_t ack = whole(s, record->u.segment.ack);
    if (ack > s->sent_end || ack < 0)
        return;
    if (record->u.segment.sacks > 0)
        see_sack(s, record, ack);
    if (ack < s->acked)
        return;
    s->acked = ack;
    keep(s, hf_marks_follow(&s->acks, record->time, ack));
    keep(s, hf_marks_follow(&s->edge, record->time, ack + record->u.segment.window));
}

static void see_congestion(struct sender *s, const struct hf_trace_record *record)
{
    keep(s, hf_marks_follow(&s->cwnd, record->time, record->u.congestion.cwnd));
    keep(s, hf_marks_follow(&s->in_flight, record->time, record->u.congestion.in_flight));
    if (record->u.congestion.ssthresh < SSTHRESH_MAX)
        keep(s, hf_marks_follow(&s->ssthresh, record->time, record->u.congestion.ssthresh));
}

void hf_timeseq_record(void *plot, const struct hf_trace_record *record,
                       const struct hf_packet *packet)
{
    (void)packet;
    if (record->conn == 0)
        return;
    struct sender *s = find(plot, record);
    if (record->kind == HF_TRACE_OPEN && s)
        s->conn = 0; /* another connection between the same two: this one is kept as it was */
    if (record->kind == HF_TRACE_OPEN || !s)
        s = begin(plot, record);
    if (record->time > s->last)
        s->last = record->time;
    switch (record->kind) {
    case HF_TRACE_OPEN:
        see_open(s, record);
        break;
    case HF_TRACE_OUT:
        see_out(s, record);
        break;
    case HF_TRACE_IN:
        see_in(s, record);
        break;
    case HF_TRACE_CONGESTION:
        see_congestion(s, record);
        break;
    default:
        break;
    }
}

static const char *name_of(const struct hf_timeseq *plot, uint16_t stack)
{
    for (size_t i = 0; i < plot->config.name_count; i++)
        if (plot->config.names[i].stack == stack)
            return plot->config.names[i].name;
    return NULL;
}

int hf_timeseq_print(struct hf_timeseq *plot)
{
    const struct sender *most = NULL;
    for (int i = 0; i < SENDERS_MAX; i++) {
        const struct sender *s = &plot->senders[i];
        bool asked = plot->config.stack == 0 || plot->config.stack == s->stack;
        if (s->used && s->based && asked && (!most || s->bytes > most->bytes))
            most = s;
    }
    if (!most)
        return HF_ERR_STATE;
    hf_timeseq_draw(most, name_of(plot, most->stack), plot->config.peer_name, plot->config.write,
                    plot->config.context);
    return most->memory_short ? HF_ERR_MEMORY : HF_OK;
}
