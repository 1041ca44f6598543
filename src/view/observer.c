/* The observer: follows connections from records alone. Two stacks may speak for the two ends of
 * one connection, or one stack for one end; then the state of the other is inferred.
 *
 * How a state is inferred: infer.h.
 *
 * Connections are found by addresses (segments) and by stack and number (everything else). Those
 * that have ended are forgotten, oldest first, when there are many. */
#include <handfast/view.h>

#include <stdlib.h>
#include <string.h>

#include "datagram.h"
#include "infer.h"

#define BUCKETS 4096u     /* power of two                                                     */
#define ENDED_KEPT 65536u /* ended connections that are still found                           */

struct connection {
    struct hf_observed seen;
    uint32_t next_seq[2]; /* one past the highest number that each end sent                   */
    uint32_t fin_seq[2];  /* the number of its FIN, when fin_sent                             */
    bool fin_sent[2];
    struct connection *by_ends;    /* the next in the bucket                                  */
    struct connection *by_conn[2]; /* the next in the bucket of each end's number             */
    int by_conn_end[2];            /* and which of its ends is meant                          */
    struct connection *next_ended;
    bool listed_ended;
};

struct numbered {
    struct connection *connection;
    int end;
};

struct hf_observer {
    struct connection *ends[BUCKETS];
    struct numbered conns[BUCKETS];
    struct connection *ended_first, *ended_last;
    uint32_t ended, count;
};

struct hf_observer *hf_observer_create(void)
{
    return calloc(1, sizeof(struct hf_observer));
}

void hf_observer_destroy(struct hf_observer *observer)
{
    if (observer == NULL)
        return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct connection *c = observer->ends[i], *next; c != NULL; c = next) {
            next = c->by_ends;
            free(c);
        }
    }
    free(observer);
}

char *hf_observed_state(const struct hf_observed_end *end, char *text)
{
    const char *name = hf_state_text(end->state);
    size_t len = strlen(name);
    if (len > HF_OBSERVED_STATE_TEXT - 2)
        len = HF_OBSERVED_STATE_TEXT - 2;
    char *at = text;
    if (!end->ours)
        *at++ = '~';
    memcpy(at, name, len);
    at[len] = 0;
    return text;
}

/* ---- Finding ---- */

/* The same for both directions: FNV-1a over each end, added. */
static unsigned ends_bucket(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    uint32_t sum = 0;
    for (int i = 0; i < 2; i++) {
        const struct hf_endpoint *e = i == 0 ? a : b;
        uint32_t hash = 2166136261u;
        for (size_t k = 0; k < sizeof e->addr.bytes; k++)
            hash = (hash ^ e->addr.bytes[k]) * 16777619u;
        hash = (hash ^ (e->port & 0xffu)) * 16777619u;
        hash = (hash ^ (unsigned)(e->port >> 8)) * 16777619u;
        sum += hash;
    }
    return (sum ^ sum >> 15) & (BUCKETS - 1);
}

static unsigned conn_bucket(uint16_t stack, uint32_t conn)
{
    uint32_t hash = (conn ^ (uint32_t)stack << 20) * 2654435761u;
    return hash >> 20 & (BUCKETS - 1);
}

/* The newest connection between two ends; *end is which of them `local` is. */
static struct connection *find_by_ends(struct hf_observer *observer,
                                       const struct hf_endpoint *local,
                                       const struct hf_endpoint *remote, int *end)
{
    struct connection *c = observer->ends[ends_bucket(local, remote)];
    for (; c != NULL; c = c->by_ends) {
        for (int e = 0; e < 2; e++) {
            if (hf_view_same_end(&c->seen.end[e].endpoint, local) &&
                hf_view_same_end(&c->seen.end[1 - e].endpoint, remote)) {
                *end = e;
                return c;
            }
        }
    }
    return NULL;
}

static struct connection *find_by_conn(struct hf_observer *observer, uint16_t stack,
                                       uint32_t conn, int *end)
{
    const struct numbered *head = &observer->conns[conn_bucket(stack, conn)];
    struct connection *c = head->connection;
    for (int e = head->end; c != NULL;) {
        if (c->seen.end[e].conn == conn && c->seen.end[e].stack == stack) {
            *end = e;
            return c;
        }
        struct connection *next = c->by_conn[e];
        e = c->by_conn_end[e];
        c = next;
    }
    return NULL;
}

static struct connection *add(struct hf_observer *observer, const struct hf_endpoint *first,
                              const struct hf_endpoint *second)
{
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->seen.number = ++observer->count;
    c->seen.end[0].endpoint = *first;
    c->seen.end[1].endpoint = *second;
    struct connection **bucket = &observer->ends[ends_bucket(first, second)];
    c->by_ends = *bucket;
    *bucket = c;
    return c;
}

/* From now on this end is known by its stack and number. */
static void claim(struct hf_observer *observer, struct connection *c, int e, uint16_t stack,
                  uint32_t conn)
{
    struct numbered *head = &observer->conns[conn_bucket(stack, conn)];
    c->seen.end[e].ours = 1;
    c->seen.end[e].stack = stack;
    c->seen.end[e].conn = conn;
    c->by_conn[e] = head->connection;
    c->by_conn_end[e] = head->end;
    head->connection = c;
    head->end = e;
}

/* ---- Forgetting ---- */

static void unlink_conn(struct hf_observer *observer, struct connection *c, int e)
{
    if (c->seen.end[e].conn == 0)
        return;
    struct numbered *head =
        &observer->conns[conn_bucket(c->seen.end[e].stack, c->seen.end[e].conn)];
    struct connection **at = &head->connection;
    int *at_end = &head->end;
    while (*at != NULL && !(*at == c && *at_end == e)) {
        struct connection *here = *at;
        int here_end = *at_end;
        at = &here->by_conn[here_end];
        at_end = &here->by_conn_end[here_end];
    }
    if (*at == NULL)
        return;
    *at_end = c->by_conn_end[e];
    *at = c->by_conn[e];
}

static void forget(struct hf_observer *observer, struct connection *c)
{
    struct connection **at =
        &observer->ends[ends_bucket(&c->seen.end[0].endpoint, &c->seen.end[1].endpoint)];
    while (*at != c)
        at = &(*at)->by_ends;
    *at = c->by_ends;
    unlink_conn(observer, c, 0);
    unlink_conn(observer, c, 1);
    free(c);
}

/* Put a connection with no living end of ours on the list of those to forget. */
static void note_ended(struct hf_observer *observer, struct connection *c)
{
    for (int e = 0; e < 2; e++)
        if (c->seen.end[e].ours && !c->seen.end[e].ended)
            return;
    if (c->listed_ended)
        return;
    c->listed_ended = true;
    if (observer->ended_last != NULL)
        observer->ended_last->next_ended = c;
    else
        observer->ended_first = c;
    observer->ended_last = c;
    if (++observer->ended <= ENDED_KEPT)
        return;
    struct connection *oldest = observer->ended_first;
    observer->ended_first = oldest->next_ended;
    observer->ended--;
    forget(observer, oldest);
}

/* ---- Inferring the state of an end that is not ours ---- */

static bool reaches(uint32_t ack, uint32_t seq)
{
    return (int32_t)(ack - seq) > 0;
}

static struct inferred_end facts(const struct connection *c, int e)
{
    return (struct inferred_end){.isn = c->seen.end[e].isn,
                                 .fin_seq = c->fin_seq[e],
                                 .state = c->seen.end[e].state,
                                 .fin_sent = c->fin_sent[e]};
}

/* What it sent says where it was. */
static uint8_t state_after_sending(const struct connection *c, int p,
                                   const struct hf_trace_record *r)
{
    struct inferred_end own = facts(c, p), other = facts(c, 1 - p);
    return hf_infer_sent(&own, &other, r->u.segment.flags, r->u.segment.ack);
}

/* What was sent to it leads there, if it arrives. */
static uint8_t state_after_receiving(const struct connection *c, int p,
                                     const struct hf_trace_record *r)
{
    struct inferred_end own = facts(c, p);
    return hf_infer_received(&own, r->u.segment.flags, r->u.segment.ack);
}

/* Keep what a segment says about the numbers of its sender. */
static void note_numbers(struct connection *c, int sender, const struct hf_trace_record *r)
{
    struct hf_observed_end *end = &c->seen.end[sender];
    uint32_t seq = r->u.segment.seq;
    uint32_t next = seq + hf_record_length(r);

    if ((r->u.segment.flags & HF_SYN) != 0 && !end->has_isn) {
        end->isn = seq;
        end->has_isn = 1;
    } else if (!end->seen && (r->u.segment.flags & HF_RST) == 0) {
        end->isn = seq - 1; /* as if its SYN had come just before */
    }
    if ((r->u.segment.flags & HF_RST) != 0)
        return;
    if (!end->seen || reaches(next, c->next_seq[sender]))
        c->next_seq[sender] = next;
    end->seen = 1;
    if ((r->u.segment.flags & HF_FIN) != 0) {
        c->fin_sent[sender] = true;
        c->fin_seq[sender] = next - 1;
    }
}

/* ---- Records ---- */

static void see_segment(struct connection *c, int e, const struct hf_trace_record *r)
{
    bool out = r->kind == HF_TRACE_OUT;
    int sender = out ? e : 1 - e;
    struct hf_observed_end *peer = &c->seen.end[1 - e];

    if (!out && hf_view_foreign(r->u.segment.reason))
        return;
    if (!out && peer->ours)
        return; /* counted when it was sent */
    uint8_t before = peer->state;
    if (!peer->ours && !out)
        peer->state = state_after_sending(c, sender, r);
    note_numbers(c, sender, r);
    if (!peer->ours && out)
        peer->state = state_after_receiving(c, 1 - e, r);
    if (before == HF_CLOSED && peer->state != before)
        peer->ended = 0;
}

static struct connection *see_open(struct hf_observer *observer, const struct hf_trace_record *r,
                                   int *e)
{
    struct hf_endpoint local = {.port = r->u.open.local_port};
    struct hf_endpoint remote = {.port = r->u.open.remote_port};
    local.addr.family = remote.addr.family = r->u.open.family;
    memcpy(local.addr.bytes, r->u.open.local, 16);
    memcpy(remote.addr.bytes, r->u.open.remote, 16);

    struct connection *c = find_by_ends(observer, &local, &remote, e);
    /* An end that had a connection here before begins a new one. A number may come again, as a
     * stack may make it out of the addresses. */
    if (c != NULL && c->seen.end[*e].conn != 0 &&
        (c->seen.end[*e].conn != r->conn || c->seen.end[*e].ended))
        c = NULL;
    if (c != NULL && r->u.open.active && c->seen.end[*e].seen)
        c = NULL;
    if (c == NULL) {
        *e = 0;
        c = add(observer, &local, &remote);
        if (c == NULL)
            return NULL;
        if (!r->u.open.active) { /* the other one opened it, before we looked */
            *e = 1;
            c->seen.end[0].endpoint = remote;
            c->seen.end[1].endpoint = local;
        }
    }
    if (c->seen.end[*e].conn == 0)
        claim(observer, c, *e, r->stack, r->conn);
    return c;
}

/* Find the connection of a segment; one that none knows begins here. */
static struct connection *see_packet(struct hf_observer *observer,
                                     const struct hf_trace_record *r,
                                     const struct hf_packet *packet, int *e)
{
    struct hf_datagram d;
    if (!hf_datagram_read(packet, &d))
        return NULL;
    bool out = r->kind == HF_TRACE_OUT;
    const struct hf_endpoint *local = out ? &d.from : &d.to;
    const struct hf_endpoint *remote = out ? &d.to : &d.from;
    struct connection *c = find_by_ends(observer, local, remote, e);
    bool opens = (d.flags & (HF_SYN | HF_ACK | HF_RST)) == HF_SYN;
    if (c != NULL && opens && c->listed_ended)
        c = NULL;
    if (c == NULL && r->kind != HF_TRACE_DROP) {
        c = add(observer, &d.from, &d.to);
        *e = out ? 0 : 1;
    }
    return c;
}

const struct hf_observed *hf_observer_see(struct hf_observer *observer,
                                          const struct hf_trace_record *r,
                                          const struct hf_packet *packet, int *end)
{
    struct connection *c = NULL;
    int e = 0;

    if (r->kind == HF_TRACE_OPEN)
        c = see_open(observer, r, &e);
    else if (r->kind == HF_TRACE_IN || r->kind == HF_TRACE_OUT || r->kind == HF_TRACE_DROP)
        c = see_packet(observer, r, packet, &e);
    if (c == NULL && r->conn != 0)
        c = find_by_conn(observer, r->stack, r->conn, &e);
    if (c == NULL)
        return NULL;

    struct hf_observed_end *own = &c->seen.end[e];
    own->ours = 1;
    own->stack = r->stack;
    if (own->conn == 0 || r->conn == 0 || own->conn == r->conn)
        own->state = r->state;
    if (r->kind == HF_TRACE_IN || r->kind == HF_TRACE_OUT)
        see_segment(c, e, r);
    if (r->kind == HF_TRACE_END) {
        own->ended = 1;
        own->cause = r->u.end.cause;
        own->ended_at = r->time;
    }
    /* A reset for a segment that no connection wanted: nothing follows. */
    bool answered = r->kind == HF_TRACE_OUT && own->conn == 0 && r->conn == 0 &&
                    (r->u.segment.flags & HF_RST) != 0;
    if (answered)
        own->ended = 1;
    if (end != NULL)
        *end = e;
    if (r->kind == HF_TRACE_END || answered)
        note_ended(observer, c);
    return &c->seen;
}
