/* A capture in pcapng (draft-ietf-opsawg-pcapng): one section, one interface of raw IP packets with
 * nanosecond times, an enhanced packet block a segment. Its comment says the states and why.
 *
 * A packet waits in a queue until what belongs to its comment is known: a change of state follows
 * the segment that made it, and with both ends ours the arrival follows the departure. The queue
 * is written in order, so that times in the file do not go back. One that does not arrive within
 * LOST_AFTER is called lost. */
#include <handfast/view.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datagram.h"
#include "flights.h"

#define LOST_AFTER (3 * HF_SEC)         /* of the records' time                                */
#define QUEUE_BYTES (16u * 1024 * 1024) /* packets that wait, at the most                      */
#define LINKTYPE_RAW 101

/* One end, as a comment tells it. */
struct told {
    uint8_t state; /* HF_STATES: not known                                                    */
    bool ours;
    bool changed;
    uint8_t by, detail;
    uint16_t stack;
};

struct waiting {
    struct waiting *next;
    struct hf_trace_record record;
    struct told end[2];
    uint64_t id;
    uint32_t conversation;
    uint8_t from;
    uint8_t drop;
    bool sent, arrived, doubled;
    bool settled; /* nothing more will be told of it                                          */
    uint32_t len;
    uint8_t bytes[];
};

/* What is kept of a connection. */
struct conversation {
    struct flights out[2];
    uint64_t received[2];   /* id of what an end received last, plus one; 0 when it sent since */
    struct told pending[2]; /* a change by a call or a timer, for the next segment             */
    hf_time pending_at[2];
};

struct hf_pcapng {
    struct hf_pcapng_config config;
    struct hf_observer *observer;
    struct conversation **conversations; /* by number, less one                                */
    size_t count, room;
    struct waiting *first, **last;
    struct waiting *newest; /* the last segment that a record was about                        */
    uint64_t ids;
    size_t queued; /* bytes                                                           */
    bool lost_records;
};

/* ---- Blocks ---- */

static void put(struct hf_pcapng *p, const void *bytes, size_t len)
{
    p->config.write(p->config.context, bytes, len);
}

static void put32(struct hf_pcapng *p, uint32_t value)
{
    put(p, &value, sizeof value); /* in the byte order of this machine: the head says which */
}

static uint32_t padded(uint32_t len)
{
    return (len + 3u) & ~3u;
}

static void put_padded(struct hf_pcapng *p, const void *bytes, uint32_t len)
{
    static const uint8_t zero[3];
    put(p, bytes, len);
    put(p, zero, padded(len) - len);
}

static void put_option(struct hf_pcapng *p, uint16_t code, const void *bytes, uint16_t len)
{
    put(p, &code, 2);
    put(p, &len, 2);
    put_padded(p, bytes, len);
}

static void put_head(struct hf_pcapng *p)
{
    static const char program[] = "Handfast";
    uint16_t version[2] = {1, 0};
    uint32_t len = 28 + 4 + padded(sizeof program - 1) + 4;
    put32(p, 0x0a0d0d0a); /* section header */
    put32(p, len);
    put32(p, 0x1a2b3c4d);
    put(p, version, 4);
    put32(p, 0xffffffff); /* section length: not said */
    put32(p, 0xffffffff);
    put_option(p, 4, program, sizeof program - 1); /* shb_userappl */
    put32(p, 0);
    put32(p, len);

    static const char name[] = "handfast";
    uint16_t linktype[2] = {LINKTYPE_RAW, 0};
    uint8_t tsresol = 9; /* 10^-9 s */
    len = 20 + 4 + padded(sizeof name - 1) + 8 + 4;
    put32(p, 1); /* interface description */
    put32(p, len);
    put(p, linktype, 4);
    put32(p, 0);                             /* no limit to a packet's length */
    put_option(p, 2, name, sizeof name - 1); /* if_name */
    put_option(p, 9, &tsresol, 1);           /* if_tsresol */
    put32(p, 0);
    put32(p, len);
}

static void put_packet(struct hf_pcapng *p, const struct waiting *w, const char *comment)
{
    uint64_t ns = (uint64_t)(p->config.wall_ns + w->record.time);
    uint16_t comment_len = (uint16_t)strlen(comment);
    uint32_t direction = w->sent ? 2 : 1; /* outbound, inbound */
    uint32_t len = 32 + padded(w->len) + 4 + padded(comment_len) + 8 + 4;
    put32(p, 6); /* enhanced packet */
    put32(p, len);
    put32(p, 0); /* the one interface */
    put32(p, (uint32_t)(ns >> 32));
    put32(p, (uint32_t)ns);
    put32(p, w->len);
    put32(p, w->len);
    put_padded(p, w->bytes, w->len);
    put_option(p, 1, comment, comment_len); /* opt_comment */
    put_option(p, 2, &direction, 4);        /* epb_flags */
    put32(p, 0);
    put32(p, len);
}

/* ---- Comments ---- */

struct words {
    char text[600];
    size_t len;
};

static void say(struct words *words, const char *before, const char *text)
{
    if (text[0] == 0)
        return;
    int len = snprintf(words->text + words->len, sizeof words->text - words->len, "%s%s",
                       words->len > 0 ? before : "", text);
    if (len > 0)
        words->len += (size_t)len;
    if (words->len >= sizeof words->text)
        words->len = sizeof words->text - 1;
}

static void say_end(const struct hf_pcapng *p, struct words *words, const struct told *end,
                    uint16_t flags)
{
    if (end->state == HF_STATES)
        return;
    char name[32] = "peer", state[HF_OBSERVED_STATE_TEXT];
    const char *who = name;
    if (end->ours)
        snprintf(name, sizeof name, "stack %u", (unsigned)end->stack);
    for (size_t i = 0; end->ours && i < p->config.name_count; i++)
        if (p->config.names[i].stack == end->stack)
            who = p->config.names[i].name;
    struct hf_observed_end shown = {.state = end->state, .ours = end->ours};
    say(words, ", ", who);
    say(words, " ", hf_observed_state(&shown, state));
    if (!end->changed)
        return;
    char flag_text[HF_FLAGS_TEXT];
    const char *cause = hf_by_text(end->by);
    const char *what = end->by == HF_BY_CALL    ? hf_call_text(end->detail)
                       : end->by == HF_BY_TIMER ? hf_timer_text(end->detail)
                                                : hf_flags_text(flags, flag_text);
    bool bare = end->by == HF_BY_ICMP || end->by == HF_BY_STACK;
    say(words, " (by ", cause);
    say(words, " ", bare ? "" : what);
    say(words, "", ")");
}

static void comment_on(const struct hf_pcapng *p, const struct waiting *w, bool lost,
                       struct words *words)
{
    words->len = 0;
    words->text[0] = 0;
    for (int e = 0; e < 2; e++)
        say_end(p, words, &w->end[e], w->record.u.segment.flags);
    uint8_t reason = w->record.u.segment.reason;
    if (w->sent && reason != HF_SEND_REPLY && reason != HF_SEND_RESET)
        say(words, "; ", hf_send_text(reason));
    if (w->drop != HF_DROP_NONE) {
        say(words, "; ", "dropped: ");
        say(words, "", hf_drop_text(w->drop));
    }
    if (lost)
        say(words, "; ", "lost on the way");
    if (p->config.both_ends && !w->sent)
        say(words, "; ", "arrived although no stack here sent it");
    if (w->doubled)
        say(words, "; ", "doubled on the way");
}

/* ---- The queue ---- */

static void write_first(struct hf_pcapng *p, bool lost)
{
    struct waiting *w = p->first;
    struct words words;
    comment_on(p, w, lost, &words);
    put_packet(p, w, words.text);
    p->first = w->next;
    if (p->first == NULL)
        p->last = &p->first;
    if (p->newest == w)
        p->newest = NULL;
    p->queued -= w->len;
    free(w);
}

/* Write what is complete. */
static void advance(struct hf_pcapng *p, hf_time now)
{
    while (p->first != NULL) {
        const struct waiting *w = p->first;
        bool late = now - w->record.time > LOST_AFTER;
        bool full = p->queued > QUEUE_BYTES;
        if (!w->settled && !late && !full)
            return;
        write_first(p, late && p->config.both_ends && !w->arrived);
    }
}

static struct waiting *find(struct hf_pcapng *p, uint64_t id)
{
    struct waiting *w = p->first;
    while (w != NULL && w->id != id)
        w = w->next;
    return w;
}

/* Records are now about another segment: the one before is settled if it has arrived. */
static void turn_to(struct hf_pcapng *p, struct waiting *w)
{
    struct waiting *before = p->newest;
    if (before != NULL && before != w)
        before->settled = before->arrived || !p->config.both_ends;
    p->newest = w;
}

/* Sum what a link would have summed. RFC 1071. */
static void complete_checksum(uint8_t *bytes, uint32_t len, const struct hf_packet *packet)
{
    uint32_t at = packet->checksum_start;
    uint32_t field = at + packet->checksum_offset;
    if (packet->checksum != HF_CHECKSUM_PARTIAL || field + 2 > len)
        return;
    uint64_t sum = 0;
    for (; at + 1 < len; at += 2)
        sum += (uint32_t)bytes[at] << 8 | bytes[at + 1];
    if (at < len)
        sum += (uint32_t)bytes[at] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    bytes[field] = (uint8_t)(~sum >> 8);
    bytes[field + 1] = (uint8_t)~sum;
}

static struct waiting *enqueue(struct hf_pcapng *p, const struct hf_trace_record *record,
                               const struct hf_packet *packet)
{
    struct waiting *w = malloc(sizeof *w + packet->len);
    if (w == NULL) {
        p->lost_records = true;
        return NULL;
    }
    memset(w, 0, sizeof *w);
    w->len = hf_packet_copy(packet, w->bytes, packet->len);
    complete_checksum(w->bytes, w->len, packet);
    w->record = *record;
    w->id = p->ids++;
    *p->last = w;
    p->last = &w->next;
    p->queued += w->len;
    turn_to(p, w);
    return w;
}

/* ---- Records ---- */

static struct conversation *conversation_of(struct hf_pcapng *p, uint32_t number)
{
    while (p->count < number) {
        if (p->count == p->room) {
            size_t room = p->room == 0 ? 64 : p->room * 2;
            void *list = realloc(p->conversations, room * sizeof(struct conversation *));
            if (list == NULL)
                return NULL;
            p->conversations = list;
            p->room = room;
        }
        p->conversations[p->count++] = NULL;
    }
    struct conversation **c = &p->conversations[number - 1];
    if (*c == NULL)
        *c = calloc(1, sizeof **c);
    return *c;
}

static void end_conversation(struct hf_pcapng *p, uint32_t number)
{
    struct conversation *c = p->conversations[number - 1];
    if (c == NULL)
        return;
    hf_flights_end(&c->out[0]);
    hf_flights_end(&c->out[1]);
    free(c);
    p->conversations[number - 1] = NULL;
}

static void tell(struct told *told, const struct hf_observed_end *end)
{
    told->state = !end->ours && !end->seen ? HF_STATES : end->state;
    told->ours = end->ours;
    told->stack = end->stack;
}

static void tell_change(struct told *told, const struct hf_trace_record *record)
{
    told->state = record->u.state.to;
    told->ours = true;
    told->stack = record->stack;
    told->changed = true;
    told->by = record->u.state.by;
    told->detail = record->u.state.detail;
}

static void see_out(struct hf_pcapng *p, struct conversation *c, const struct hf_observed *seen,
                    int e, const struct hf_trace_record *record, const struct hf_packet *packet)
{
    struct waiting *w = enqueue(p, record, packet);
    if (w == NULL)
        return;
    w->sent = true;
    w->from = (uint8_t)e;
    w->conversation = seen->number;
    for (int i = 0; i < 2; i++)
        tell(&w->end[i], &seen->end[i]);
    /* A call's record may be older than the segment that tells of it. */
    bool tells = (record->u.segment.flags & (HF_SYN | HF_FIN | HF_RST)) != 0;
    bool by_call = c->pending[e].by == HF_BY_CALL;
    if (c->pending[e].changed && (by_call ? tells : c->pending_at[e] == record->time))
        w->end[e] = c->pending[e];
    if (!by_call || tells)
        c->pending[e].changed = false;
    c->received[e] = 0;
    if (p->config.both_ends && !hf_flights_depart(&c->out[e], record, w->id))
        p->lost_records = true;
}

static void see_in(struct hf_pcapng *p, struct conversation *c, const struct hf_observed *seen,
                   int e, const struct hf_trace_record *record, const struct hf_packet *packet)
{
    struct hf_trace_record sent;
    uint64_t id;
    struct waiting *w = NULL;
    c->received[e] = 0;
    enum flight_fate fate = FLIGHT_UNKNOWN;
    if (p->config.both_ends)
        fate = hf_flights_arrive(&c->out[1 - e], record, &sent, &id);
    if (fate != FLIGHT_UNKNOWN) {
        w = find(p, id);
        if (w == NULL)
            return; /* came so late that it is in the file already */
        w->doubled = fate == FLIGHT_DOUBLED;
        turn_to(p, w);
    } else {
        w = enqueue(p, record, packet);
        if (w == NULL)
            return;
        w->from = (uint8_t)(1 - e);
        w->conversation = seen->number;
        tell(&w->end[1 - e], &seen->end[1 - e]);
    }
    w->arrived = true;
    tell(&w->end[e], &seen->end[e]);
    if (w->drop == HF_DROP_NONE)
        w->drop = record->u.segment.reason;
    if (c->pending[e].changed && c->pending[e].by == HF_BY_SEGMENT &&
        c->pending_at[e] == record->time) {
        w->end[e] = c->pending[e];
        c->pending[e].changed = false;
    }
    c->received[e] = w->id + 1;
}

static void see_state(struct hf_pcapng *p, struct conversation *c, int e,
                      const struct hf_trace_record *record)
{
    struct waiting *w = NULL;
    if (record->u.state.by == HF_BY_SEGMENT && c->received[e] > 0)
        w = find(p, c->received[e] - 1);
    if (w != NULL) {
        tell_change(&w->end[e], record);
    } else {
        tell_change(&c->pending[e], record);
        c->pending_at[e] = record->time;
    }
}

static void see_drop(struct hf_pcapng *p, struct conversation *c, const struct hf_observed *seen,
                     int e, const struct hf_trace_record *record, const struct hf_packet *packet)
{
    struct waiting *w = c->received[e] > 0 ? find(p, c->received[e] - 1) : NULL;
    struct hf_datagram d;
    struct hf_trace_record sent;
    uint64_t id;
    if (w == NULL && packet != NULL) {
        bool known = p->config.both_ends && hf_datagram_read(packet, &d) &&
                     hf_flights_refused(&c->out[1 - e], &d, record->time, &sent, &id);
        if (known)
            w = find(p, id);
        if (!known) {
            w = enqueue(p, record, packet);
            if (w == NULL)
                return;
            memset(&w->record.u, 0, sizeof w->record.u);
            w->from = (uint8_t)(1 - e);
            w->conversation = seen->number;
            w->end[0].state = w->end[1].state = HF_STATES;
        }
        if (w != NULL)
            turn_to(p, w);
    }
    if (w == NULL)
        return;
    w->arrived = true;
    if (w->drop == HF_DROP_NONE)
        w->drop = record->u.drop.reason;
}

void hf_pcapng_record(void *context, const struct hf_trace_record *record,
                      const struct hf_packet *packet)
{
    struct hf_pcapng *p = context;
    int e = 0;
    const struct hf_observed *seen = hf_observer_see(p->observer, record, packet, &e);
    if (seen == NULL)
        return;
    struct conversation *c = conversation_of(p, seen->number);
    if (c == NULL) {
        p->lost_records = true;
        return;
    }
    bool has_packet = packet != NULL;
    if (record->kind == HF_TRACE_OUT && has_packet)
        see_out(p, c, seen, e, record, packet);
    else if (record->kind == HF_TRACE_IN && has_packet)
        see_in(p, c, seen, e, record, packet);
    else if (record->kind == HF_TRACE_STATE)
        see_state(p, c, e, record);
    else if (record->kind == HF_TRACE_DROP)
        see_drop(p, c, seen, e, record, packet);
    advance(p, record->time);

    bool over = true;
    for (int i = 0; i < 2; i++)
        over = over &&
               (!seen->end[i].ours || (seen->end[i].ended && seen->end[i].state == HF_CLOSED));
    if (over)
        end_conversation(p, seen->number);
}

/* ---- Beginning and end ---- */

struct hf_pcapng *hf_pcapng_create(const struct hf_pcapng_config *config)
{
    if (config->size != sizeof *config || config->write == NULL)
        return NULL;
    struct hf_pcapng *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->config = *config;
    p->last = &p->first;
    p->observer = hf_observer_create();
    if (p->observer == NULL) {
        free(p);
        return NULL;
    }
    put_head(p);
    return p;
}

int hf_pcapng_destroy(struct hf_pcapng *p)
{
    if (p == NULL)
        return 0;
    while (p->first != NULL)
        write_first(p, p->config.both_ends && !p->first->arrived);
    for (size_t i = 0; i < p->count; i++)
        end_conversation(p, (uint32_t)i + 1);
    free(p->conversations);
    hf_observer_destroy(p->observer);
    int result = p->lost_records ? HF_ERR_MEMORY : 0;
    free(p);
    return result;
}
