/* The explainer: keeps connections, gives each segment to its own, tells and forgets those that are
 * over. See explain.h for who does what.
 *
 * Connections are found by a hash of both ends. All of them stand in the order of their last use,
 * those that are over also in the order in which they were: when memory is short, the one that has
 * been over longest goes, and without such a one the one silent longest. */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "datagram.h"

#define BUCKETS 16384u /* power of two                                                        */
#define MEMORY_DEFAULT ((size_t)24 << 20)
#define MEMORY_MIN ((size_t)64 << 10)
#define FOLD_BACK 3          /* events looked back at for one alike                           */
#define FOLD_WITHIN (2 * HF_SEC)
#define OPENS_MAX 4096u /* connections of records whose addresses are kept                    */

struct hf_explain *hf_explain_create(const struct hf_explain_config *config)
{
    if (config->size != sizeof *config)
        return NULL;
    struct hf_explain *explain = calloc(1, sizeof *explain);
    if (!explain)
        return NULL;
    explain->config = *config;
    if (explain->config.memory_max == 0)
        explain->config.memory_max = MEMORY_DEFAULT;
    if (explain->config.memory_max < MEMORY_MIN)
        explain->config.memory_max = MEMORY_MIN;
    if (explain->config.stall <= 0)
        explain->config.stall = HF_SEC;
    explain->buckets = calloc(BUCKETS, sizeof(struct explain_talk *));
    if (!explain->buckets) {
        free(explain);
        return NULL;
    }
    return explain;
}

/* ---- Finding ---- */

static uint64_t mixed(const struct hf_endpoint *end)
{
    uint64_t a, b;
    memcpy(&a, end->addr.bytes, 8);
    memcpy(&b, end->addr.bytes + 8, 8);
    uint64_t x = (a ^ (b << 1 | b >> 63)) * 0x9e3779b97f4a7c15u + end->port;
    x ^= x >> 32;
    return x * 0xd6e8feb86659fd93u;
}

/* The same for both directions. */
static unsigned bucket_of(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    uint64_t sum = mixed(a) + mixed(b);
    return (unsigned)(sum >> 40) & (BUCKETS - 1);
}

/* Which end of it the segment is from; -1: it is of another connection. */
static int end_of(const struct explain_talk *c, const struct explain_segment *s)
{
    for (int e = 0; e < 2; e++)
        if (hf_view_same_end(&c->told.end[e].endpoint, &s->from) &&
            hf_view_same_end(&c->told.end[1 - e].endpoint, &s->to))
            return e;
    return -1;
}

static struct explain_talk *find(struct hf_explain *explain, const struct explain_segment *s,
                                 int *e)
{
    if (explain->last && (*e = end_of(explain->last, s)) >= 0)
        return explain->last;
    struct explain_talk *c = explain->buckets[bucket_of(&s->from, &s->to)];
    while (c && (*e = end_of(c, s)) < 0)
        c = c->by_ends;
    return c;
}

/* ---- Orders ---- */

static void unlink_use(struct hf_explain *explain, struct explain_talk *c)
{
    *(c->newer ? &c->newer->older : &explain->newest) = c->older;
    *(c->older ? &c->older->newer : &explain->oldest) = c->newer;
}

static void link_use(struct hf_explain *explain, struct explain_talk *c)
{
    c->newer = NULL;
    c->older = explain->newest;
    *(c->older ? &c->older->newer : &explain->oldest) = c;
    explain->newest = c;
}

static void unlink_over(struct hf_explain *explain, struct explain_talk *c)
{
    if (!c->listed_over)
        return;
    *(c->newer_over ? &c->newer_over->older_over : &explain->newest_over) = c->older_over;
    *(c->older_over ? &c->older_over->newer_over : &explain->oldest_over) = c->newer_over;
    c->listed_over = false;
}

static void link_over(struct hf_explain *explain, struct explain_talk *c)
{
    c->listed_over = true;
    c->newer_over = NULL;
    c->older_over = explain->newest_over;
    *(c->older_over ? &c->older_over->newer_over : &explain->oldest_over) = c;
    explain->newest_over = c;
}

/* ---- Telling and forgetting ---- */

static void tell(struct hf_explain *explain, struct explain_talk *c)
{
    explain_ending(c);
    c->told.events = c->events;
    if (explain->config.over)
        explain->config.over(explain->config.context, &c->told);
}

static void release(struct explain_talk *c)
{
    for (int e = 0; e < 2; e++) {
        free(c->end[e].sent);
        free(c->end[e].resend);
    }
    free(c->events);
    free(c->stray);
    free(c);
}

static void forget(struct hf_explain *explain, struct explain_talk *c)
{
    struct explain_talk **at =
        &explain->buckets[bucket_of(&c->told.end[0].endpoint, &c->told.end[1].endpoint)];
    while (*at != c)
        at = &(*at)->by_ends;
    *at = c->by_ends;
    unlink_use(explain, c);
    unlink_over(explain, c);
    if (explain->last == c)
        explain->last = NULL;
    explain->memory -= c->bytes;
    release(c);
}

/* Stay within the limit, whatever it takes but `keep`. */
static void make_room(struct hf_explain *explain, const struct explain_talk *keep)
{
    while (explain->memory > explain->config.memory_max) {
        struct explain_talk *c = explain->oldest_over;
        if (c == keep && c)
            c = c->newer_over;
        if (!c) {
            c = explain->oldest;
            if (c == keep && c)
                c = c->newer;
            if (!c)
                return;
            c->told.put_aside = 1;
            explain->totals.put_aside++;
        }
        tell(explain, c);
        forget(explain, c);
    }
}

void *explain_grow(struct hf_explain *explain, struct explain_talk *c, void *list, size_t old,
                   size_t new)
{
    void *bigger = realloc(list, new);
    if (!bigger)
        return NULL;
    explain->memory += new - old;
    c->bytes += new - old;
    return bigger;
}

void explain_drop(struct hf_explain *explain, struct explain_talk *c, void *list, size_t size)
{
    free(list);
    explain->memory -= size;
    c->bytes -= size;
}

/* What only a connection that lives needs. */
static void drop_sent(struct hf_explain *explain, struct explain_talk *c)
{
    for (int e = 0; e < 2; e++) {
        struct explain_end *end = &c->end[e];
        explain_drop(explain, c, end->sent, end->sent_room * sizeof *end->sent);
        end->sent = NULL;
        end->sent_room = end->sent_count = end->sent_first = 0;
        if (end->resend)
            explain_drop(explain, c, end->resend, EXPLAIN_RESENDS * sizeof *end->resend);
        end->resend = NULL;
    }
}

static int by_number(const void *a, const void *b)
{
    const struct explain_talk *const *x = a, *const *y = b;
    return (*x)->told.number < (*y)->told.number ? -1 : 1;
}

void hf_explain_finish(struct hf_explain *explain)
{
    size_t count = 0;
    for (struct explain_talk *c = explain->oldest; c; c = c->newer)
        count++;
    struct explain_talk **list = count ? malloc(count * sizeof(struct explain_talk *)) : NULL;
    size_t n = 0;
    for (struct explain_talk *c = explain->oldest; c && list; c = c->newer)
        list[n++] = c;
    if (list)
        qsort(list, n, sizeof(struct explain_talk *), by_number);
    for (size_t i = 0; i < n; i++) {
        tell(explain, list[i]);
        forget(explain, list[i]);
    }
    free(list);
    while (explain->oldest) { /* without memory: in the order of use */
        tell(explain, explain->oldest);
        forget(explain, explain->oldest);
    }
}

void hf_explain_destroy(struct hf_explain *explain)
{
    if (!explain)
        return;
    for (struct explain_talk *c = explain->oldest, *next; c; c = next) {
        next = c->newer;
        release(c);
    }
    free(explain->buckets);
    free(explain->opens);
    free(explain);
}

void hf_explain_totals(const struct hf_explain *explain, struct hf_explain_totals *totals)
{
    *totals = explain->totals;
}

size_t hf_explain_memory(const struct hf_explain *explain)
{
    return explain->memory;
}

/* ---- Events ---- */

static bool alike(const struct hf_explain_event *a, const struct hf_explain_event *b)
{
    bool folds = a->kind != HF_EXPLAIN_RESET && a->kind != HF_EXPLAIN_OPENED &&
                 a->duration == 0 && b->duration == 0 && a->about == 0 && b->about == 0;
    return folds && a->kind == b->kind && a->end == b->end &&
           b->time - a->last_time <= FOLD_WITHIN;
}

static bool fold(struct explain_talk *c, const struct hf_explain_event *event)
{
    for (uint32_t back = 1; back <= FOLD_BACK && back <= c->told.event_count; back++) {
        struct hf_explain_event *before = &c->events[c->told.event_count - back];
        if (!alike(before, event))
            continue;
        before->count++;
        before->bytes += event->bytes;
        before->last_time = event->time;
        before->last_packet = event->packet;
        return true;
    }
    return false;
}

void explain_event(struct hf_explain *explain, struct explain_talk *c,
                   const struct explain_segment *s, int end, enum hf_explain_event_kind kind,
                   const struct hf_explain_event *more)
{
    struct hf_explain_event event = {0};
    if (more)
        event = *more;
    event.kind = (uint8_t)kind;
    event.end = (uint8_t)end;
    event.count = 1;
    event.time = event.last_time = s->time;
    event.packet = event.last_packet = s->packet;
    c->told.end[end].counts[kind]++;
    c->showing |= UINT64_C(1) << kind;
    if (fold(c, &event))
        return;
    if (c->told.event_count == HF_EXPLAIN_EVENTS_MAX) {
        c->told.events_left_out++;
        return;
    }
    if (c->told.event_count == c->event_room) {
        uint32_t room = c->event_room ? c->event_room * 2 : 4;
        void *list = explain_grow(explain, c, c->events, c->event_room * sizeof *c->events,
                                  room * sizeof *c->events);
        if (!list) {
            c->told.events_left_out++;
            return;
        }
        c->events = list;
        c->event_room = room;
    }
    c->events[c->told.event_count++] = event;
}

/* ---- Segments ---- */

static struct explain_talk *begin(struct hf_explain *explain, const struct explain_segment *s,
                                  const struct explain_talk *before, int *e)
{
    struct explain_talk *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    bool answer = (s->flags & (HF_SYN | HF_ACK)) == (HF_SYN | HF_ACK);
    *e = answer ? 1 : 0; /* a SYN,ACK is from the one that was opened to */
    c->told.end[*e].endpoint = s->from;
    c->told.end[1 - *e].endpoint = s->to;
    c->told.number = ++explain->totals.connections;
    c->told.midway = (s->flags & HF_SYN) == 0;
    c->told.first_time = c->told.last_time = s->time;
    c->told.first_packet = c->told.last_packet = s->packet;
    c->open = c->told.midway;
    for (int i = 0; i < 2; i++) {
        c->told.end[i].wscale = c->end[i].wscale = 0xff;
        c->end[i].zero_since = HF_NEVER;
    }
    c->bytes = sizeof *c;
    explain->memory += sizeof *c;
    struct explain_talk **bucket = &explain->buckets[bucket_of(&s->from, &s->to)];
    c->by_ends = *bucket;
    *bucket = c;
    link_use(explain, c);
    if (before) {
        struct hf_explain_event more = {.about = before->told.number,
                                        .duration = s->time - before->told.last_time};
        c->told.before = before->told.number;
        explain_event(explain, c, s, *e, HF_EXPLAIN_PORT_REUSE, &more);
    }
    return c;
}

static bool opens(const struct explain_segment *s)
{
    return (s->flags & (HF_SYN | HF_ACK | HF_RST)) == HF_SYN;
}

/* A SYN on a connection that lives: of one that began anew, or of an old one. Its answer tells. */
static void keep_stray(struct hf_explain *explain, struct explain_talk *c,
                       const struct explain_segment *s)
{
    if (!c->stray) {
        c->stray = explain_grow(explain, c, NULL, 0, sizeof *c->stray);
        if (!c->stray)
            return;
    }
    *c->stray = *s;
}

static bool answers_stray(const struct explain_talk *c, int e, const struct explain_segment *s)
{
    return c->stray && (s->flags & (HF_SYN | HF_ACK)) == (HF_SYN | HF_ACK) &&
           s->ack == c->stray->seq + 1 &&
           hf_view_same_end(&c->stray->to, &c->told.end[e].endpoint) && s->seq != c->end[e].isn;
}

static bool is_anew(const struct explain_talk *c, int e, const struct explain_segment *s)
{
    const struct explain_end *own = &c->end[e];
    return opens(s) && own->seen && !(own->has_isn && own->isn == s->seq);
}

static void deliver(struct hf_explain *explain, struct explain_talk *c, int e,
                    const struct explain_segment *s)
{
    bool was_over = c->over;
    explain->last = c;
    if (explain->newest != c) {
        unlink_use(explain, c);
        link_use(explain, c);
    }
    explain_segment(explain, c, e, s);
    if (c->over && !was_over) {
        link_over(explain, c);
        drop_sent(explain, c);
    }
}

int explain_see(struct hf_explain *explain, const struct explain_segment *s)
{
    int e = 0;
    struct explain_talk *c = find(explain, s, &e);
    explain->totals.segments++;
    if (c && is_anew(c, e, s)) {
        /* Unless it has begun for good, a SYN with another number is the same attempt. */
        bool fresh = c->over || (c->end[e].state == HF_SYN_SENT && !c->open);
        if (!fresh) {
            explain_event(explain, c, s, e, HF_EXPLAIN_SYN_ON_OPEN, NULL);
            keep_stray(explain, c, s);
            c->told.last_time = s->time;
            c->told.last_packet = s->packet;
            c->told.end[e].packets++;
            return HF_OK;
        }
        c = begin(explain, s, c, &e);
    } else if (c && answers_stray(c, e, s)) {
        struct explain_segment syn = *c->stray;
        struct explain_talk *next = begin(explain, &syn, c, &e);
        if (next) {
            if (!c->over) {
                c->over = true; /* its end was not captured */
                link_over(explain, c);
            }
            deliver(explain, next, e, &syn);
            e = 1 - e;
        }
        c = next;
    } else if (!c) {
        c = begin(explain, s, NULL, &e);
    }
    if (!c)
        return HF_ERR_MEMORY;
    deliver(explain, c, e, s);
    if (explain->memory > explain->config.memory_max)
        make_room(explain, c);
    return HF_OK;
}

/* ---- Records ---- */

static void note_open(struct hf_explain *explain, const struct hf_trace_record *r)
{
    uint32_t at = 0;
    while (at < explain->open_count && !(explain->opens[at].conn == r->conn &&
                                         explain->opens[at].stack == r->stack))
        at++;
    if (at == OPENS_MAX)
        at = r->conn % OPENS_MAX;
    if (at == explain->open_room) {
        uint32_t room = explain->open_room ? explain->open_room * 2 : 64;
        void *list = realloc(explain->opens, room * sizeof *explain->opens);
        if (!list)
            return;
        explain->opens = list;
        explain->open_room = room;
    }
    if (at == explain->open_count)
        explain->open_count++;
    struct hf_endpoint local = {.port = r->u.open.local_port};
    struct hf_endpoint remote = {.port = r->u.open.remote_port};
    local.addr.family = remote.addr.family = r->u.open.family;
    memcpy(local.addr.bytes, r->u.open.local, 16);
    memcpy(remote.addr.bytes, r->u.open.remote, 16);
    explain->opens[at].conn = r->conn;
    explain->opens[at].stack = r->stack;
    explain->opens[at].local = local;
    explain->opens[at].remote = remote;
}

/* The addresses of a record's connection, as a segment that its stack sends. */
static bool recall(const struct hf_explain *explain, const struct hf_trace_record *r,
                   struct explain_segment *s)
{
    for (uint32_t i = 0; i < explain->open_count; i++) {
        if (explain->opens[i].conn != r->conn || explain->opens[i].stack != r->stack)
            continue;
        s->from = explain->opens[i].local;
        s->to = explain->opens[i].remote;
        return true;
    }
    return false;
}

static void see_record_segment(struct hf_explain *explain, const struct hf_trace_record *r,
                               struct explain_segment *s)
{
    bool in = r->kind == HF_TRACE_IN;
    s->time = r->time;
    s->packet = ++explain->record_packets;
    s->seq = r->u.segment.seq;
    s->ack = r->u.segment.ack;
    s->text = r->u.segment.text;
    s->window = r->u.segment.window;
    s->scaled = true;
    s->flags = r->u.segment.flags;
    s->mss = r->u.segment.mss;
    s->wscale = r->u.segment.wscale;
    s->has_ts = r->u.segment.has_ts != 0;
    s->tsval = r->u.segment.tsval;
    s->tsecr = r->u.segment.tsecr;
    s->sack_permitted = r->u.segment.sack_permitted != 0;
    s->sacks = r->u.segment.sacks > 0;
    s->sack[0][0] = r->u.segment.sack[0];
    s->sack[0][1] = r->u.segment.sack[1];
    s->reason = in ? HF_SEND_NEW : r->u.segment.reason;
    s->told = true;
    if (in) {
        struct hf_endpoint from = s->to;
        s->to = s->from;
        s->from = from;
    }
    explain->totals.packets++;
    if (explain->totals.packets == 1)
        explain->totals.first_time = r->time;
    explain->totals.last_time = r->time;
    (void)explain_see(explain, s);
}

void hf_explain_record(void *context, const struct hf_trace_record *r,
                       const struct hf_packet *packet)
{
    struct hf_explain *explain = context;
    struct explain_segment s = {0};
    int e = 0;
    (void)packet;
    if (r->kind == HF_TRACE_OPEN)
        note_open(explain, r);
    if (r->conn == 0 || !recall(explain, r, &s))
        return;
    struct explain_segment ends = s;
    bool looked_at = r->kind == HF_TRACE_OUT ||
                     (r->kind == HF_TRACE_IN && !hf_view_foreign(r->u.segment.reason));
    if (looked_at)
        see_record_segment(explain, r, &s);
    struct explain_talk *c = find(explain, &ends, &e);
    if (!c)
        return;
    struct explain_end *own = &c->end[e];
    c->told.end[e].told = 1;
    own->state = r->state;
    if (r->kind == HF_TRACE_END) {
        c->told.end[e].cause = r->u.end.cause;
        own->state = HF_CLOSED;
        if (!c->over) {
            c->over = true;
            link_over(explain, c);
        }
    }
}
