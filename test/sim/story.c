/* See story.h. The world is drawn from the seed first (draw_...), then the simulation runs and the
 * applications react (on_event, on_wake), then everything is looked at (look_...). */
#include "story.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/stack.h>
#include <handfast/tcp.h>

#include "packets.h"

#define CONNECTIONS_MAX 6
#define NAMES_MAX 1024 /* connections of one host in one story                              */
#define HELD_MAX 32
#define PORT 80
#define HEALED (60 * HF_SEC)
#define LAST_MOMENT (3 * 3600 * HF_SEC)
#define PAUSES_MAX (300 * HF_SEC)
#define PATIENCE 100
#define CHUNK_MAX 20000

/* Values for hf_sim_wake: an actor is its number, the rest is: */
enum { WAKE_PATH = 1000, WAKE_SYNS, WAKE_OPEN = 2000, WAKE_ABORT = 3000 };

enum ending {
    END_HALF_CLOSE,   /* FIN when all is written, then read on to the end                     */
    END_AFTER_PEER,   /* write all, read to the end, then close                               */
    END_ABORT,        /* rude: abort at some moment                                           */
    END_CLOSE_EARLY   /* rude: close when all is written, whatever is still to come           */
};

/* One end of a connection. */
struct actor {
    struct story *story;
    struct connection *connection;
    int host;
    hf_conn handle;         /* 0: none (yet, or any more)                                     */
    struct hf_sim_oracle *out, *in;
    enum ending ending;
    uint64_t to_write;
    uint32_t write_max, read_max;
    uint32_t pause;         /* chance in 100 to stop for a while after each piece             */
    hf_time pause_max;
    bool zero_copy, urgent, wait_for_end, restless;
    bool started, connected, shut, read_all, released, ended;
    uint32_t cause;         /* from HF_EVENT_ENDED                                            */
    struct hf_sim_progress progress;
    uint32_t refusals;      /* times that there was no memory for what it wanted to send      */
    hf_time read_at, write_at; /* not before                                                  */
};

struct connection {
    struct actor end[2];    /* [0] opens; so does [1] when simultaneous                       */
    struct hf_sim_oracle stream[2];
    hf_time opens;
    enum hf_family family;
    uint16_t port[2];
    bool simultaneous, rude;
};

/* What the trace said of a connection. */
struct named {
    uint32_t conn;
    uint32_t opened, ended;
};

struct world_host {
    struct story *story;
    int number;
    hf_listener listener;
    bool hold, fixed_iss;
    bool few_records; /* of what it has sent: SACK tells it little                            */
    hf_syn held[HELD_MAX];
    unsigned held_count;
    struct named named[NAMES_MAX];
    unsigned named_count;
};

struct story {
    uint64_t random;
    struct hf_sim *sim;
    struct story_options *options;
    struct world_host host[2];
    struct connection connection[CONNECTIONS_MAX];
    unsigned connections;
    int link;
    uint32_t mtu;
    bool cookies, short_of_memory;
    bool fast_open; /* text may go with a SYN, so that a late copy of one makes a connection      */
    hf_time delack_max; /* of either host                                                    */
    hf_time up_since;   /* the path: see hf_sim_progress_look; HF_NEVER: it has a queue of its own */
    hf_time answer;     /* the longest that a segment and its ACK may take                   */
    hf_time looked_at;
    uint64_t lost;      /* packets, by the path                                              */
    unsigned marks; /* chance in 100 that a packet with ECT is marked                         */
    uint8_t buffer[CHUNK_MAX];
};

/* ---- Chance ---- */

static uint64_t below(struct story *s, uint64_t bound)
{
    return hf_sim_random_below(&s->random, bound);
}

static bool chance(struct story *s, unsigned percent)
{
    return below(s, 100) < percent;
}

/* As often small as large: uniform in the number of digits. */
static uint64_t any_size(struct story *s, unsigned bits)
{
    return below(s, (uint64_t)1 << below(s, bits + 1));
}

static const uint32_t buffers[] = {2048, 4096, 9000, 20000, 65535, 100000, 300000, 1048576};

#define ONE_OF(s, list) (list)[below(s, sizeof(list) / sizeof((list)[0]))]

/* An answer that is right when memory is short. */
static bool no_memory(const struct story *s, int64_t err)
{
    return s->short_of_memory && (err == HF_ERR_MEMORY || err == HF_ERR_LIMIT);
}

static void fail(struct story *s, int host, const char *what, const struct connection *c)
{
    char text[300];
    snprintf(text, sizeof text, "connection %d (%s, ports %u and %u): %s",
             (int)(c - s->connection), c->rude ? "rude" : "orderly", c->port[0], c->port[1],
             what);
    hf_sim_fail(s->sim, host, text);
}

/* ---- Trace ---- */

/* The SACK blocks as they stand in the packet: the record has room for one. */
static void print_sack(FILE *out, const struct hf_packet *packet)
{
    const uint8_t *ip = packet->slice[0].data;
    const uint8_t *tcp = ip + (ip[0] >> 4 == 4 ? (ip[0] & 15) * 4 : 40);
    const uint8_t *end = tcp + (tcp[12] >> 4) * 4;

    for (const uint8_t *at = tcp + 20; at < end && *at != 0; at += *at == 1 ? 1 : at[1])
        for (unsigned i = 2; *at == 5 && i + 8 <= at[1]; i += 8) {
            uint32_t edge[2] = {0, 0};
            for (unsigned j = 0; j < 8; j++)
                edge[j / 4] = edge[j / 4] << 8 | at[i + j];
            fprintf(out, " sack %u-%u", edge[0], edge[1]);
        }
}

static void print_record(FILE *out, const struct hf_trace_record *r,
                         const struct hf_packet *packet)
{
    fprintf(out, "%lld.%09lld host %u conn %u %-12s ", (long long)(r->time / HF_SEC),
            (long long)(r->time % HF_SEC), r->stack, r->conn, hf_state_text(r->state));
    switch (r->kind) {
    case HF_TRACE_OPEN:
        fprintf(out, "open %s %u %u", r->u.open.active ? "active" : "passive",
                r->u.open.local_port, r->u.open.remote_port);
        break;
    case HF_TRACE_IN:
    case HF_TRACE_OUT:
        fprintf(out, "%s %s%s%s%s%s seq %u ack %u text %u win %u", r->kind == HF_TRACE_IN ? "<" : ">",
                r->u.segment.flags & HF_SYN ? "S" : "", r->u.segment.flags & HF_FIN ? "F" : "",
                r->u.segment.flags & HF_RST ? "R" : "", r->u.segment.flags & HF_PSH ? "P" : "",
                r->u.segment.flags & HF_ACK ? "." : "", r->u.segment.seq, r->u.segment.ack,
                r->u.segment.text, r->u.segment.window);
        if (r->u.segment.has_ts)
            fprintf(out, " ts %u %u", r->u.segment.tsval, r->u.segment.tsecr);
        if (r->u.segment.sacks > 0 && packet)
            print_sack(out, packet);
        fprintf(out, " %s", r->kind == HF_TRACE_OUT ? hf_send_text(r->u.segment.reason) : "");
        break;
    case HF_TRACE_STATE:
        fprintf(out, "state %s -> %s by %u detail %u", hf_state_text(r->u.state.from),
                hf_state_text(r->u.state.to), r->u.state.by, r->u.state.detail);
        break;
    case HF_TRACE_TIMER:
        fprintf(out, "timer %s count %u interval %lld us", hf_timer_text(r->u.timer.timer),
                r->u.timer.count, (long long)(r->u.timer.interval / HF_US));
        break;
    case HF_TRACE_CONGESTION:
        fprintf(out, "cwnd %u ssthresh %u flight %u phase %u", r->u.congestion.cwnd,
                r->u.congestion.ssthresh, r->u.congestion.in_flight, r->u.congestion.phase);
        break;
    case HF_TRACE_DROP: fprintf(out, "drop: %s", hf_drop_text(r->u.drop.reason)); break;
    case HF_TRACE_CALL: fprintf(out, "call %u bytes %u", r->u.call.call, r->u.call.bytes); break;
    case HF_TRACE_END: fprintf(out, "end: %s", hf_cause_text(r->u.end.cause)); break;
    default: fprintf(out, "kind %u", r->kind); break;
    }
    fputc('\n', out);
}

static struct named *named(struct world_host *host, uint32_t conn)
{
    unsigned i = 0;
    while (i < host->named_count && host->named[i].conn != conn)
        i++;
    if (i == NAMES_MAX)
        return NULL;
    if (i == host->named_count)
        host->named[host->named_count++] = (struct named){.conn = conn};
    return &host->named[i];
}

/* A connection is opened, ends for a cause, and may only then be opened again. */
static void on_trace(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    struct world_host *host = context;
    struct hf_sim *sim = host->story->sim;

    if (host->story->options && host->story->options->trace)
        print_record(host->story->options->trace, record, packet);
    if (record->kind != HF_TRACE_OPEN && record->kind != HF_TRACE_END)
        return;
    struct named *it = named(host, record->conn);
    if (!it) {
        hf_sim_fail(sim, host->number, "more connections than the story can tell apart");
    } else if (record->kind == HF_TRACE_OPEN) {
        if (++it->opened != it->ended + 1)
            hf_sim_fail(sim, host->number, "a connection was opened again before it had ended");
    } else {
        if (++it->ended != it->opened)
            hf_sim_fail(sim, host->number, "a connection ended twice, or was never opened");
        if (record->u.end.cause == HF_CAUSE_NONE || record->u.end.cause >= HF_CAUSE_COUNT)
            hf_sim_fail(sim, host->number, "a connection ended without a cause");
    }
}

/* ---- What the applications do ---- */

static struct hf_stack *stack_of(struct actor *a)
{
    return hf_sim_stack(a->story->sim, a->host);
}

static uint64_t value_of(const struct actor *a)
{
    return (uint64_t)(a->connection - a->story->connection) * 2 +
           (uint64_t)(a - a->connection->end);
}

static void check_stream(struct actor *a, enum hf_sim_oracle_fault fault,
                         const struct hf_sim_oracle *oracle)
{
    char text[128];
    if (fault == HF_SIM_ORACLE_FINE)
        return;
    snprintf(text, sizeof text, "%s, at offset %llu", hf_sim_oracle_text((int)fault),
             (unsigned long long)oracle->fault_at);
    fail(a->story, a->host, text, a->connection);
}

/* The connection is over with an error: right for a rude one, wrong for an orderly one. */
static void note_error(struct actor *a, int64_t err)
{
    char text[128];
    if (!a->connection->rude) {
        snprintf(text, sizeof text, "a call failed: %s", hf_err_text((int)err));
        fail(a->story, a->host, text, a->connection);
    }
    a->ended = true;
}

static void release(struct actor *a, bool abort)
{
    if (!a->handle)
        return;
    int err = abort ? hf_tcp_abort(stack_of(a), a->handle) : hf_tcp_close(stack_of(a), a->handle);
    if (err != 0)
        fail(a->story, a->host, "close or abort failed", a->connection);
    if (!abort)
        hf_sim_oracle_end(a->out);
    a->handle = 0;
    a->released = true;
}

static bool takes_a_break(struct actor *a, hf_time *until)
{
    struct story *s = a->story;
    if (!chance(s, a->pause))
        return false;
    *until = hf_sim_now(s->sim) + 1 + (hf_time)below(s, (uint64_t)a->pause_max);
    hf_sim_wake(s->sim, a->host, *until, value_of(a));
    return true;
}

/* One piece: what was taken, or an error. */
static int64_t write_piece(struct actor *a, size_t len)
{
    struct story *s = a->story;
    unsigned flags = chance(s, 20) ? HF_SEND_MORE : 0;
    void *room;
    size_t got;

    if (a->urgent && chance(s, 5))
        flags = HF_SEND_URGENT;
    if (!a->zero_copy) {
        hf_sim_oracle_next(a->out, s->buffer, len);
        return hf_tcp_send(stack_of(a), a->handle, s->buffer, len, flags);
    }
    int err = hf_tcp_reserve(stack_of(a), a->handle, len, &room, &got);
    if (err == HF_ERR_LIMIT)
        return 0;
    if (err != 0)
        return err;
    if (got > len || got == 0)
        fail(s, a->host, "hf_tcp_reserve gave no room, or more than was asked for",
             a->connection);
    hf_sim_oracle_next(a->out, room, got);
    err = hf_tcp_commit(stack_of(a), a->handle, got, flags);
    return err != 0 ? err : (int64_t)got;
}

static void write_some(struct actor *a)
{
    struct story *s = a->story;

    while (a->to_write > 0 && !a->ended && a->write_at <= hf_sim_now(s->sim)) {
        size_t len = 1 + (size_t)below(s, a->write_max);
        if (len > a->to_write)
            len = (size_t)a->to_write;
        int64_t taken = write_piece(a, len);
        if (no_memory(s, taken)) {
            a->ended = ++a->refusals > PATIENCE;
            hf_sim_wake(s->sim, a->host, hf_sim_now(s->sim) + 100 * HF_MS, value_of(a));
            return;
        }
        if (taken < 0)
            note_error(a, taken);
        if (taken <= 0)
            return;
        a->to_write -= (uint64_t)taken;
        check_stream(a, hf_sim_oracle_sent(a->out, (size_t)taken), a->out);
        if (takes_a_break(a, &a->write_at))
            return;
    }
}

static int64_t read_piece(struct actor *a, size_t len)
{
    struct story *s = a->story;
    const void *data = s->buffer;
    int64_t got;

    if (!a->zero_copy) {
        got = hf_tcp_recv(stack_of(a), a->handle, s->buffer, len);
    } else {
        got = hf_tcp_peek(stack_of(a), a->handle, &data);
        if (got > (int64_t)len)
            got = (int64_t)len;
    }
    if (got > 0)
        check_stream(a, hf_sim_oracle_received(a->in, data, (size_t)got), a->in);
    if (got > 0 && a->zero_copy && hf_tcp_consume(stack_of(a), a->handle, (size_t)got) != 0)
        fail(s, a->host, "hf_tcp_consume failed", a->connection);
    return got;
}

static void read_some(struct actor *a)
{
    struct story *s = a->story;

    while (!a->read_all && !a->ended && a->read_at <= hf_sim_now(s->sim)) {
        int64_t got = read_piece(a, 1 + (size_t)below(s, a->read_max));
        if (got == HF_EOF) {
            a->read_all = true;
            check_stream(a, hf_sim_oracle_eof(a->in), a->in);
        } else if (got < 0) {
            note_error(a, got);
        }
        if (got <= 0)
            return;
        if (takes_a_break(a, &a->read_at))
            return;
    }
}

/* CLOSE before the connection is open would undo the OPEN (RFC 9293 3.10.4): not before. */
static void maybe_end(struct actor *a)
{
    bool written = a->to_write == 0;

    if (a->ended) {
        release(a, chance(a->story, 50));
        return;
    }
    if (!a->connected)
        return;
    if (a->ending == END_CLOSE_EARLY && written) {
        release(a, false);
        return;
    }
    if (written && !a->shut && (a->ending == END_HALF_CLOSE || a->read_all)) {
        a->shut = true;
        hf_sim_oracle_end(a->out);
        int err = hf_tcp_shutdown(stack_of(a), a->handle);
        if (err != 0)
            note_error(a, err);
    }
    if (a->shut && a->read_all && !a->wait_for_end)
        release(a, false);
}

/* Buffers, delays, the controller and the MSS may change while it runs. */
static void change_an_option(struct actor *a)
{
    struct story *s = a->story;

    switch (below(s, 6)) {
    case 4:
        hf_tcp_set(stack_of(a), a->handle, HF_OPTION_CONGESTION,
                   (int64_t)below(s, HF_CONGESTION_COUNT));
        break;
    case 5:
        hf_tcp_set(stack_of(a), a->handle, HF_OPTION_MSS,
                   chance(s, 30) ? 0 : 100 + (int64_t)below(s, 1400));
        break;
    case 0:
        hf_tcp_set(stack_of(a), a->handle, HF_OPTION_RCV_BUFFER, (int64_t)ONE_OF(s, buffers));
        break;
    case 1:
        hf_tcp_set(stack_of(a), a->handle, HF_OPTION_SND_BUFFER, (int64_t)ONE_OF(s, buffers));
        break;
    case 2:
        hf_tcp_set(stack_of(a), a->handle, HF_OPTION_NODELAY, (int64_t)below(s, 2));
        break;
    default:
        hf_tcp_set(stack_of(a), a->handle, HF_OPTION_DELACK, (int64_t)below(s, 2));
        break;
    }
}

static void act(struct actor *a)
{
    if (!a->handle)
        return;
    if (a->restless && chance(a->story, 15))
        change_an_option(a);
    write_some(a);
    read_some(a);
    maybe_end(a);
    /* It is over. What can still be read is read when the pause is. */
    if (a->cause != HF_CAUSE_NONE &&
        (a->read_all || a->ended || a->read_at <= hf_sim_now(a->story->sim)))
        release(a, false);
}

/* ---- Opening ---- */

/* Who has a rude peer asks from time to time whether it is still there: its reset may be lost. */
static void start(struct actor *a, hf_conn handle)
{
    a->handle = handle;
    a->started = true;
    if (a->connection->rude) {
        hf_tcp_set(stack_of(a), handle, HF_OPTION_KEEPALIVE_IDLE, 30 * HF_SEC);
        hf_tcp_set(stack_of(a), handle, HF_OPTION_KEEPALIVE_INTERVAL, 10 * HF_SEC);
        hf_tcp_set(stack_of(a), handle, HF_OPTION_KEEPALIVE, 1);
    }
    if (a->ending == END_ABORT)
        hf_sim_wake(a->story->sim, a->host,
                    hf_sim_now(a->story->sim) + (hf_time)any_size(a->story, 35),
                    WAKE_ABORT + value_of(a));
}

static void open_one(struct actor *a)
{
    struct story *s = a->story;
    struct connection *c = a->connection;
    int me = (int)(a - c->end);
    struct hf_open open = {.size = sizeof open, .user = value_of(a)};
    struct hf_tcp_status status = {.size = sizeof status};
    hf_conn handle;

    hf_sim_address(s->sim, s->link, c->end[1 - me].host, c->family, &open.remote.addr);
    open.remote.port = c->simultaneous ? c->port[1 - me] : PORT;
    open.local.port = c->port[me];
    if (s->fast_open && chance(s, 60))
        open.fast_open = HF_OPEN_FAST;
    if (open.fast_open && a->to_write > 0 && chance(s, 50)) /* it begins by writing */
        open.fast_open |= HF_OPEN_FAST_DEFER;
    int err = hf_tcp_open(stack_of(a), &open, &handle);
    if (err != 0) {
        if (!no_memory(s, err))
            fail(s, a->host, "hf_tcp_open failed", c);
        a->started = a->released = true;
        return;
    }
    if (hf_tcp_status(stack_of(a), handle, &status) != 0)
        fail(s, a->host, "no status of a connection just opened", c);
    c->port[me] = status.local.port;
    start(a, handle);
    if (open.fast_open & HF_OPEN_FAST_DEFER || chance(s, 30))
        act(a);
}

/* Who opened from there. A port may have been used before, by one that was given up at once. */
static struct actor *actor_for(struct world_host *host, const struct hf_endpoint *remote)
{
    struct story *s = host->story;
    struct actor *found = NULL;
    for (unsigned i = 0; i < s->connections; i++) {
        struct connection *c = &s->connection[i];
        if (!c->simultaneous && c->end[1].host == host->number && c->end[0].started &&
            c->port[0] == remote->port && c->family == (enum hf_family)remote->addr.family &&
            (!found || !c->end[0].released))
            found = &c->end[1];
    }
    return found;
}

static void accept_all(struct world_host *host)
{
    struct story *s = host->story;
    struct hf_stack *stack = hf_sim_stack(s->sim, host->number);
    struct hf_tcp_status status = {.size = sizeof status};
    hf_conn handle;

    while (hf_tcp_accept(stack, host->listener, 0, &handle) == 1) {
        if (hf_tcp_status(stack, handle, &status) != 0) {
            hf_sim_fail(s->sim, host->number, "no status of a connection just accepted");
            return;
        }
        struct actor *a = actor_for(host, &status.remote);
        if (a && !a->started) {
            hf_tcp_set(stack, handle, HF_OPTION_USER, (int64_t)value_of(a));
            a->connected = true;
            start(a, handle);
            act(a);
        } else {
            /* A late segment with a good cookie looks like a third one; so does one whose ACK
             * fits because every connection begins with the same number. A late SYN with text and
             * a Fast Open cookie is as good as the first (RFC 7413 2.1). */
            if (!s->cookies && !host->fixed_iss && !s->fast_open)
                hf_sim_fail(s->sim, host->number, "accepted a connection that nobody opened");
            hf_tcp_abort(stack, handle);
        }
    }
}

static void decide_syns(struct world_host *host)
{
    struct story *s = host->story;
    struct hf_stack *stack = hf_sim_stack(s->sim, host->number);

    for (unsigned i = 0; i < host->held_count; i++)
        hf_syn_accept(stack, host->held[i]);
    host->held_count = 0;
}

static void take_syns(struct world_host *host)
{
    struct story *s = host->story;
    struct hf_stack *stack = hf_sim_stack(s->sim, host->number);

    while (host->held_count < HELD_MAX &&
           hf_tcp_next_syn(stack, host->listener, &host->held[host->held_count], NULL, NULL) == 1)
        host->held_count++;
    if (chance(s, 50))
        decide_syns(host);
    else
        hf_sim_wake(s->sim, host->number, hf_sim_now(s->sim) + (hf_time)below(s, 500000000),
                    WAKE_SYNS);
}

/* ---- The bad network ---- */

static uint32_t millionths(struct story *s, unsigned percent_max)
{
    return chance(s, 50) ? 0 : (uint32_t)below(s, percent_max * 10000);
}

static void draw_path(struct story *s, struct hf_sim_path *path)
{
    static const uint64_t rates[] = {0, 1000000, 10000000, 100000000};
    static const hf_time delays[] = {25 * HF_US, HF_MS, 10 * HF_MS, 33 * HF_MS, 100 * HF_MS,
                                     300 * HF_MS};
    hf_sim_path_init(path);
    path->rate = ONE_OF(s, rates);
    path->delay = ONE_OF(s, delays);
    path->jitter = chance(s, 50) ? 0 : path->delay / 10 * (hf_time)below(s, 11);
    path->loss = millionths(s, 20);
    if (chance(s, 30)) {
        path->burst_enter = (uint32_t)below(s, 20000);
        path->burst_leave = 100000 + (uint32_t)below(s, 400000);
        path->burst_loss = 500000 + (uint32_t)below(s, 500000);
    }
    path->reorder = millionths(s, 30);
    path->reorder_by = 1 + (hf_time)below(s, (uint64_t)path->delay * 3);
    path->duplicate = millionths(s, 10);
    path->corrupt = millionths(s, 5);
    if (chance(s, 30))
        path->queue_packets = 4 + (uint32_t)below(s, 60);
    if (chance(s, 10))
        path->queue_bytes = 4 * s->mtu + (uint32_t)below(s, 100000);
    if (chance(s, 15)) { /* less room, and a router that says so or not */
        path->mtu = (s->mtu >= 1280 ? 1280 : 576) + (uint32_t)below(s, 300);
        path->report_mtu = chance(s, 50);
    }
    if (chance(s, 10))
        path->lose_kth = 1 + below(s, 20);
}

/* The longest that a packet may take; HF_NEVER: that depends on what waits before it. */
static hf_time longest(const struct hf_sim_path *path)
{
    if (path->rate || path->down)
        return HF_NEVER;
    return path->delay + path->jitter + (path->reorder ? path->reorder_by : 0);
}

/* Another path begins. What is under way on the old one still arrives as it would have. */
static void note_path(struct story *s)
{
    hf_time there[2];
    struct hf_sim_path path;

    for (int i = 0; i < 2; i++) {
        hf_sim_get_path(s->sim, s->link, s->host[i].number, &path);
        there[i] = longest(&path);
    }
    s->up_since = HF_NEVER;
    if (there[0] == HF_NEVER || there[1] == HF_NEVER)
        return;
    s->up_since = hf_sim_now(s->sim);
    s->answer = there[0] + there[1] + s->delack_max + HF_MS;
}

/* New weather: other paths, a partition one way or both, or its end. After HEALED all is well. */
static void change_weather(struct story *s)
{
    struct hf_sim_path path;
    hf_time now = hf_sim_now(s->sim);
    bool healed = now >= HEALED;
    bool partition = !healed && chance(s, 25);

    for (int i = 0; i < 2; i++) {
        hf_sim_get_path(s->sim, s->link, s->host[i].number, &path);
        if (healed) {
            hf_time delay = path.delay;
            hf_sim_path_init(&path);
            path.delay = delay;
        } else if (partition) {
            path.down = chance(s, 75);
        } else if (path.down || chance(s, 50)) {
            draw_path(s, &path);
        }
        hf_sim_set_path(s->sim, s->link, s->host[i].number, &path);
    }
    note_path(s);
    if (healed)
        return;
    hf_time next = now + 10 * HF_MS + (hf_time)below(s, (uint64_t)(10 * HF_SEC));
    hf_sim_wake(s->sim, s->host[0].number, next < HEALED ? next : HEALED, WAKE_PATH);
}

/* A fault of the stack, as far as anybody can see: it has text to send, again or for the first time, and
 * does not. */
static bool is_mute(const struct story *s, const struct hf_sim_packet *packet)
{
    if (!s->options || !s->options->mute_from || hf_sim_now(s->sim) < s->options->mute_from)
        return false;
    return packet->from == s->host[0].number && packet->len > 200;
}

/* A router that speaks ECN: now and then it marks what may be marked. */
static enum hf_sim_verdict mark_some(void *context, struct hf_sim *sim, struct hf_sim_packet *packet)
{
    struct story *s = context;
    uint8_t *tos = packet->bytes + 1;
    bool ipv4 = packet->bytes[0] >> 4 == 4;
    unsigned ecn = ipv4 ? *tos & 3u : *tos >> 4 & 3u;

    (void)sim;
    if (is_mute(s, packet))
        return HF_SIM_DROP;
    if ((ecn == 1 || ecn == 2) && chance(s, s->marks)) {
        *tos |= ipv4 ? 3 : 0x30;
        fix_checksums(packet->bytes, packet->len);
    }
    return HF_SIM_PASS;
}

/* ---- Callbacks ---- */

static struct actor *actor_of(struct story *s, uint64_t value)
{
    return &s->connection[value / 2].end[value % 2];
}

static void on_event(void *context, struct hf_sim *sim, int number, const struct hf_event *event)
{
    struct world_host *host = context;

    (void)sim;
    (void)number;
    if (event->handle == host->listener) {
        if (event->bits & HF_EVENT_SYN)
            take_syns(host);
        if (event->bits & HF_EVENT_ACCEPT)
            accept_all(host);
        return;
    }
    struct actor *a = actor_of(host->story, event->user);
    if (a->handle != event->handle)
        return;
    if (event->bits & HF_EVENT_CONNECTED)
        a->connected = true;
    if (event->bits & HF_EVENT_ENDED) {
        a->cause = event->cause;
        if (event->cause == HF_CAUSE_NONE || event->cause >= HF_CAUSE_COUNT)
            fail(host->story, a->host, "ended without a cause", a->connection);
    }
    act(a);
}

static void on_wake(void *context, struct hf_sim *sim, int number, uint64_t value)
{
    struct world_host *host = context;
    struct story *s = host->story;

    (void)sim;
    (void)number;
    if (value == WAKE_PATH) {
        change_weather(s);
    } else if (value == WAKE_SYNS) {
        decide_syns(host);
    } else if (value >= WAKE_ABORT) {
        struct actor *a = actor_of(s, value - WAKE_ABORT);
        release(a, true);
    } else if (value >= WAKE_OPEN) {
        open_one(actor_of(s, value - WAKE_OPEN));
    } else {
        act(actor_of(s, value));
    }
}

/* ---- The world ---- */

/* What answers to losses and marks, and how fast text leaves. */
static void draw_control(struct story *s, struct hf_settings *settings)
{
    static const char *const controllers[] = {"reno", "cubic", "bbr"};
    static const uint16_t records[] = {1, 2, 8, 32768};

    settings->congestion = ONE_OF(s, controllers);
    settings->hystart = (uint8_t)below(s, 4);
    settings->window_validation = (uint8_t)below(s, 2);
    settings->reduce_from_cwnd = chance(s, 50);
    settings->abe = chance(s, 50);
    settings->pacing = chance(s, 30);
    settings->rack = chance(s, 80);
    settings->tlp = settings->rack && chance(s, 80);
    settings->frto = chance(s, 80);
    settings->prr = chance(s, 80);
    settings->sent_records = ONE_OF(s, records);
    settings->path_info = (uint8_t)below(s, HF_PATH_INFO_ALL + 1);
}

static void draw_settings(struct story *s, struct hf_settings *settings)
{
    *settings = chance(s, 50)   ? *hf_settings_rfc()
                : chance(s, 50) ? *hf_settings_linux()
                                : *hf_settings_default();
    if (chance(s, 70))
        draw_control(s, settings);
    settings->fast_open = HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_SERVER;
    if (s->fast_open && chance(s, 50)) /* the first SYN already takes text along */
        settings->fast_open |= HF_FAST_OPEN_CLIENT_NO_COOKIE | HF_FAST_OPEN_SERVER_NO_COOKIE;
    settings->fast_open_retry = chance(s, 50) ? 0 : 20 * HF_SEC;
    settings->snd_buffer = ONE_OF(s, buffers);
    settings->rcv_buffer = ONE_OF(s, buffers);
    if (chance(s, 50)) { /* that grow */
        settings->snd_buffer_max = ONE_OF(s, buffers);
        settings->rcv_buffer_max = ONE_OF(s, buffers);
    }
    settings->mtu_probing = (uint8_t)below(s, 3);
    settings->timestamps = chance(s, 70);
    settings->window_scale = chance(s, 70);
    settings->sack = chance(s, 70);
    settings->nagle = chance(s, 70);
    settings->ecn = (uint8_t)below(s, 3);
    if (chance(s, 20))
        settings->mss = (uint16_t)(100 + below(s, 1400));
    if (chance(s, 20))
        settings->delack = 1 + (hf_time)below(s, 400000000);
    settings->edge_acks = 1; /* the letter may lose the ACK of who has filled the window */
    /* No connection may be given up because of a bad minute. */
    if (settings->r2_data != 0 && settings->r2_data < 600 * HF_SEC)
        settings->r2_data = 600 * HF_SEC;
    if (settings->r2_syn != 0)
        settings->r2_syn = 600 * HF_SEC;
    settings->syn_retries = settings->synack_retries = 9;
    settings->orphan_timeout = 600 * HF_SEC;
    settings->cookies = s->cookies ? HF_COOKIES_ALWAYS : HF_COOKIES_NEVER;
    if (chance(s, 20))
        settings->reassembly_ranges = (uint16_t)(1 + below(s, 8));
    if (chance(s, 20))
        settings->initial_window = (uint8_t)(1 + below(s, 10));
}

/* In what runs packets leave and come. By dice of its own, so that the story is the same but for them. */
static void draw_runs(const struct story *s, int which, struct hf_sim_host_config *config)
{
    static const uint32_t runs[] = {0, 0, 4500, 20000, 65535};
    static const uint8_t merges[] = {0, 0, 20, 100};
    uint64_t dice = s->random ^ (uint64_t)(which + 1) << 56;

    config->gso_max = runs[hf_sim_random_below(&dice, 5)];
    config->merge = merges[hf_sim_random_below(&dice, 4)];
    config->stack_merges = (uint8_t)hf_sim_random_below(&dice, 2);
}

static void draw_host(struct story *s, int which)
{
    static const uint32_t isses[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000,
                                     0x7ffff000};
    static const uint32_t batches[] = {1, 2, 7, 32, 64};
    struct world_host *host = &s->host[which];
    struct hf_sim_host_config config;
    struct hf_unsafe unsafe = {.size = sizeof unsafe};

    hf_sim_host_config_init(&config);
    draw_settings(s, &config.stack.settings);
    host->few_records = config.stack.settings.sent_records < 8;
    if (s->delack_max < config.stack.settings.delack)
        s->delack_max = config.stack.settings.delack;
    if (chance(s, 50)) {
        unsafe.fixed_iss = 1;
        unsafe.iss = ONE_OF(s, isses);
        config.stack.unsafe = &unsafe;
    }
    config.batch = ONE_OF(s, batches);
    draw_runs(s, which, &config);
    config.stack.connections_max = 1000;
    if (s->short_of_memory)
        config.stack.memory_limit = HF_MEMORY_MIN + (size_t)below(s, 262144);
    config.stack.trace = on_trace;
    config.stack.trace_context = host;
    config.app = (struct hf_sim_app){.on_event = on_event, .on_wake = on_wake, .context = host};
    host->story = s;
    host->hold = chance(s, 20);
    host->fixed_iss = unsafe.fixed_iss;
    host->number = hf_sim_add_host(s->sim, &config);
}

static void listen_on(struct story *s, struct world_host *host)
{
    struct hf_listen listen = {
        .size = sizeof listen, .local.port = PORT, .backlog = 16, .hold = host->hold};
    if (s->fast_open && !host->hold)
        listen.fast_open = 1 + (uint32_t)below(s, 8);
    int err = hf_tcp_listen(hf_sim_stack(s->sim, host->number), &listen, &host->listener);
    if (err != 0 && !no_memory(s, err))
        hf_sim_fail(s->sim, host->number, "hf_tcp_listen failed");
}

static void draw_actor(struct story *s, struct connection *c, int which)
{
    struct actor *a = &c->end[which];

    a->story = s;
    a->connection = c;
    a->out = &c->stream[which];
    a->in = &c->stream[1 - which];
    a->to_write = chance(s, 15) ? 0 : any_size(s, chance(s, 10) ? 21 : 18);
    a->write_max = 1 + (uint32_t)any_size(s, 14);
    a->read_max = 1 + (uint32_t)any_size(s, 14);
    /* Pieces of a byte or two are for short streams. */
    if (a->to_write / a->write_max > 2000)
        a->to_write = a->write_max * 2000u;
    a->pause = chance(s, 50) ? 0 : (unsigned)below(s, 20);
    a->pause_max = (hf_time)1 << (10 + below(s, 25));
    a->zero_copy = chance(s, 30);
    a->urgent = chance(s, 5);
    a->restless = chance(s, 20);
    a->wait_for_end = chance(s, 30);
    a->ending = END_HALF_CLOSE;
    hf_sim_progress_init(&a->progress);
}

/* Who takes a byte or two at a time must not rest too long in between: PAUSES_MAX altogether. */
static void limit_pauses(struct actor *a, uint64_t to_read)
{
    uint64_t pieces = 1 + 2 * a->to_write / a->write_max + 2 * to_read / a->read_max;
    hf_time most = PAUSES_MAX * 2 * 100 / (hf_time)(pieces * (a->pause + 1));
    if (a->pause_max > most)
        a->pause_max = most;
}

static void draw_connection(struct story *s, unsigned number)
{
    struct connection *c = &s->connection[number];
    int from = chance(s, 50);

    c->family = s->mtu >= 1280 && chance(s, 50) ? HF_IPV6 : HF_IPV4;
    c->simultaneous = chance(s, 15);
    /* A server that answers by cookies knows no half-open connection: a segment that overtakes
     * the third one is reset, and so is the client. */
    c->rude = chance(s, 30) || s->short_of_memory || (s->cookies && !c->simultaneous);
    c->opens = (hf_time)any_size(s, 34);
    hf_sim_oracle_init(&c->stream[0], number * 2 + 1);
    hf_sim_oracle_init(&c->stream[1], number * 2 + 2);
    for (int i = 0; i < 2; i++) {
        draw_actor(s, c, i);
        c->end[i].host = s->host[i ^ from].number;
    }
    limit_pauses(&c->end[0], c->end[1].to_write);
    limit_pauses(&c->end[1], c->end[0].to_write);
    if (c->simultaneous) {
        c->port[0] = (uint16_t)(5000 + number);
        c->port[1] = (uint16_t)(6000 + number);
        hf_sim_wake(s->sim, c->end[1].host, c->opens, WAKE_OPEN + number * 2 + 1);
    }
    hf_sim_wake(s->sim, c->end[0].host, c->opens, WAKE_OPEN + number * 2);
    if (chance(s, 40))
        c->end[1].ending = END_AFTER_PEER;
    if (c->rude)
        c->end[below(s, 2)].ending = chance(s, 50) ? END_ABORT : END_CLOSE_EARLY;
}

static void let_allocations_fail(struct story *s)
{
    struct hf_sim_allocator *counts = hf_sim_host_allocator(s->sim, s->host[1].number);
    if (!s->options || s->options->fail_at == 0)
        return;
    s->short_of_memory = true;
    counts->fail_at = counts->calls + s->options->fail_at;
    counts->fail_all_from = s->options->fail_all_from;
}

static void draw_world(struct story *s)
{
    static const uint32_t mtus[] = {576, 1280, 1500, 1500, 9000};
    struct hf_sim_path path;

    s->mtu = ONE_OF(s, mtus);
    s->cookies = chance(s, 10);
    s->fast_open = chance(s, 40);
    s->marks = chance(s, 50) ? 1 + (unsigned)below(s, 20) : 0;
    s->short_of_memory = chance(s, 10);
    draw_host(s, 0);
    draw_host(s, 1);
    if (s->host[0].number < 0 || s->host[1].number < 0) {
        hf_sim_fail(s->sim, 0, "hf_stack_create failed");
        return;
    }
    draw_path(s, &path);
    s->link = hf_sim_add_link(s->sim, s->host[0].number, s->host[1].number, s->mtu, &path);
    if (s->link < 0) {
        hf_sim_fail(s->sim, 0, "hf_sim_add_link failed");
        return;
    }
    note_path(s);
    let_allocations_fail(s);
    listen_on(s, &s->host[0]);
    listen_on(s, &s->host[1]);
    s->connections = 1 + (unsigned)below(s, CONNECTIONS_MAX);
    for (unsigned i = 0; i < s->connections; i++)
        draw_connection(s, i);
    hf_sim_wake(s->sim, s->host[0].number, (hf_time)below(s, (uint64_t)(5 * HF_SEC)), WAKE_PATH);
}

/* ---- Does everybody get on? ---- */

enum { LOOK_EVERY = 20 * 1000000 }; /* ns */

static void note_losses(struct story *s, hf_time now)
{
    struct hf_sim_path_counters n;
    uint64_t lost = 0;

    for (int i = 0; i < 2; i++) {
        hf_sim_path_counters(s->sim, s->link, s->host[i].number, &n);
        lost += n.lost + n.lost_queue + n.lost_mtu + n.lost_down + n.corrupted;
    }
    if (lost != s->lost && s->up_since != HF_NEVER)
        s->up_since = now;
    s->lost = lost;
}

static const struct world_host *host_of(const struct actor *a)
{
    return &a->story->host[a->host != a->story->host[0].number];
}

static void look_at_progress(struct story *s, struct connection *c)
{
    for (int i = 0; i < 2; i++) {
        struct actor *a = &c->end[i];
        struct hf_tcp_status status = {.size = sizeof status};
        char text[160];
        if (!a->handle || host_of(a)->few_records ||
            hf_tcp_status(stack_of(a), a->handle, &status) != 0 ||
            !hf_sim_progress_look(&a->progress, &status, s->up_since, s->answer,
                                  hf_sim_now(s->sim)))
            continue;
        snprintf(text, sizeof text,
                 "end %d stalls: no progress since %lld us, path up since %lld us, RTO then %lld us", i,
                 (long long)(a->progress.waits_since / 1000), (long long)(s->up_since / 1000),
                 (long long)(a->progress.rto / 1000));
        fail(s, a->host, text, c);
    }
}

/* Rude peers may be gone, who has no memory cannot take what arrives, and what has no record waits for
 * the timer behind a tail loss probe. */
static void look_at_all_progress(struct story *s)
{
    hf_time now = hf_sim_now(s->sim);

    note_losses(s, now);
    if (now - s->looked_at < LOOK_EVERY || s->short_of_memory)
        return;
    s->looked_at = now;
    for (unsigned i = 0; i < s->connections; i++)
        if (!s->connection[i].rude)
            look_at_progress(s, &s->connection[i]);
}

/* ---- The end ---- */

/* A side that never came to be is over when the other is and nobody minds. */
static bool is_over(const struct connection *c)
{
    bool a = c->end[0].released, b = c->end[1].released;
    return (a && b) || (a && !c->end[1].started && c->rude);
}

static int all_over(void *context, struct hf_sim *sim)
{
    struct story *s = context;
    struct hf_stack_counters counters;

    look_at_all_progress(s);
    if (hf_sim_now(sim) < HEALED)
        return 0;
    for (unsigned i = 0; i < s->connections; i++)
        if (!is_over(&s->connection[i]))
            return 0;
    for (int i = 0; i < 2; i++) {
        hf_stack_counters(hf_sim_stack(sim, s->host[i].number), &counters);
        if (counters.connections || counters.half_open || counters.time_wait)
            return 0;
    }
    return 1;
}

static void look_at_connection(struct story *s, struct connection *c)
{
    for (int i = 0; i < 2; i++) {
        struct actor *a = &c->end[i];
        char text[160];
        if (!is_over(c)) {
            snprintf(text, sizeof text,
                     "not over: end %d started %d shut %d read_all %d released %d, wrote %llu, "
                     "left %llu, read %llu",
                     i, a->started, a->shut, a->read_all, a->released,
                     (unsigned long long)a->out->sent, (unsigned long long)a->to_write,
                     (unsigned long long)a->in->received);
            fail(s, a->host, text, c);
        }
        if (!c->rude && !hf_sim_oracle_complete(a->in))
            fail(s, a->host, "over, but not everything arrived", c);
    }
}

static void look_at_host(struct story *s, struct world_host *host)
{
    if (s->options && host == &s->host[1])
        s->options->failed = hf_sim_host_allocator(s->sim, host->number)->failed;

    for (unsigned i = 0; i < host->named_count; i++)
        if (host->named[i].opened != host->named[i].ended)
            hf_sim_fail(s->sim, host->number, "a connection is not in use and has not ended");
    int64_t left = hf_sim_end_host(s->sim, host->number);
    if (left != 0)
        hf_sim_fail(s->sim, host->number, "memory was not given back");
}

static void look_at_world(struct story *s, enum hf_sim_result end)
{
    if (end != HF_SIM_DONE && !hf_sim_failure(s->sim)) {
        for (unsigned i = 0; i < s->connections; i++)
            look_at_connection(s, &s->connection[i]);
        hf_sim_fail(s->sim, 0, "connections, half-open or TIME-WAIT entries never went away");
    }
    for (unsigned i = 0; i < s->connections; i++)
        look_at_connection(s, &s->connection[i]);
    look_at_host(s, &s->host[0]);
    look_at_host(s, &s->host[1]);
}

void story_run(uint64_t seed, struct story_options *options, struct story_result *result)
{
    struct story *s = calloc(1, sizeof *s);
    struct hf_sim_config config;
    struct hf_sim_counters counters;

    memset(result, 0, sizeof *result);
    hf_sim_config_init(&config);
    config.seed = seed;
    /* Where a third of the packets is overtaken, many old ACKs draw an answer. */
    config.silence_packets = 60;
    s->random = seed;
    s->options = options;
    s->sim = hf_sim_create(&config);
    draw_world(s);
    hf_sim_set_filter(s->sim, mark_some, s);
    enum hf_sim_result end = HF_SIM_FAILED;
    if (!hf_sim_failure(s->sim))
        end = hf_sim_run(s->sim, LAST_MOMENT, all_over, s);
    result->time = hf_sim_now(s->sim);
    if (s->host[0].number > 0 && s->host[1].number > 0)
        look_at_world(s, end);
    if (hf_sim_failure(s->sim)) {
        result->failed = true;
        snprintf(result->text, sizeof result->text, "%s", hf_sim_failure(s->sim));
    }
    result->hash = hf_sim_hash(s->sim);
    hf_sim_counters(s->sim, &counters);
    result->packets = counters.packets;
    result->bytes = counters.bytes;
    result->steps = counters.steps;
    hf_sim_destroy(s->sim);
    free(s);
}
