/* The stack under attack; victim.h says what is here. */
#include "victim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALM (120 * HF_SEC) /* after an attack memory is back within this                     */
#define SLABS                                                                                    \
    ((size_t)64 << 10) /* each pool may keep an empty slab for what comes next           */

bool soak(void)
{
    const char *asked = getenv("HF_SOAK");
    return check_soak() || (asked != NULL && strcmp(asked, "1") == 0);
}

uint32_t small_or_full(uint32_t small, uint32_t full)
{
    return soak() ? full : small;
}

void victim_config_init(struct victim_config *config)
{
    *config = (struct victim_config){.family = 4,
                                     .backlog = 128,
                                     .memory_limit = (size_t)64 << 20,
                                     .connections_max = 1u << 20,
                                     .settings = *hf_settings_default()};
}

/* ---- The legit connection ---- */

static void read_all(struct victim *v, struct hf_stack *stack, hf_conn conn,
                     struct hf_sim_oracle *oracle, int host)
{
    uint8_t bytes[4096];
    int64_t got;
    while ((got = hf_tcp_recv(stack, conn, bytes, sizeof bytes)) > 0)
        if (hf_sim_oracle_received(oracle, bytes, (size_t)got) != HF_SIM_ORACLE_FINE)
            hf_sim_fail(v->sim, host, hf_sim_oracle_text(oracle->fault));
    if (got < 0)
        hf_sim_fail(v->sim, host, hf_err_text((int)got));
    hf_time delay = hf_sim_now(v->sim) - v->offered_at;
    if (oracle->received == oracle->sent && delay > v->worst_delay)
        v->worst_delay = delay;
}

static void write_piece(struct victim *v, struct hf_stack *stack, hf_conn conn,
                        struct hf_sim_oracle *oracle, int host)
{
    uint8_t bytes[65536];
    uint32_t piece = v->piece < sizeof bytes ? v->piece : sizeof bytes;
    hf_sim_oracle_next(oracle, bytes, piece);
    int64_t sent = hf_tcp_send(stack, conn, bytes, piece, 0);
    if (sent < 0 && sent != HF_ERR_MEMORY)
        hf_sim_fail(v->sim, host, hf_err_text((int)sent));
    else if (sent > 0)
        hf_sim_oracle_sent(oracle, (size_t)sent);
}

static void legit_wake(void *context, struct hf_sim *sim, int host, uint64_t value)
{
    struct victim *v = context;
    (void)value;
    if (v->stop)
        return;
    write_piece(v, hf_sim_stack(sim, host), v->legit_conn, &v->to_victim, host);
    write_piece(v, hf_sim_stack(sim, v->host), v->conn, &v->to_legit, v->host);
    v->offered_at = hf_sim_now(sim);
    hf_sim_wake(sim, host, hf_sim_now(sim) + v->tick, 0);
}

static void legit_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct victim *v = context;
    if (event->bits & HF_EVENT_ENDED)
        hf_sim_fail(sim, host, hf_cause_text((int)event->cause));
    if (event->bits & HF_EVENT_READABLE)
        read_all(v, hf_sim_stack(sim, host), v->legit_conn, &v->to_legit, host);
}

static void take_accepted(struct victim *v)
{
    hf_conn conn;
    while (v->config.accepts != ACCEPT_NOTHING &&
           hf_tcp_accept(v->stack, v->listener, 0, &conn) == 1) {
        v->accepted++;
        if (v->on_accept)
            v->on_accept(v, conn);
        if (v->config.accepts == ACCEPT_AND_CLOSE)
            hf_tcp_close(v->stack, conn);
    }
}

static void victim_event(void *context, struct hf_sim *sim, int host,
                         const struct hf_event *event)
{
    struct victim *v = context;
    if (event->handle == v->listener) {
        take_accepted(v);
    } else if (event->user == 1) { /* the legit listener */
        hf_tcp_accept(v->stack, event->handle, 2, &v->conn);
    } else if (event->handle == v->conn) {
        if (event->bits & HF_EVENT_ENDED)
            hf_sim_fail(sim, host, hf_cause_text((int)event->cause));
        if (event->bits & HF_EVENT_READABLE)
            read_all(v, v->stack, v->conn, &v->to_victim, host);
    } else if (v->on_event) {
        v->on_event(v, event);
    }
}

static void crowd_packet(void *context, struct hf_sim *sim, int host, int link, const void *bytes,
                         uint32_t len)
{
    struct victim *v = context;
    struct wire_segment s;
    (void)sim;
    (void)host;
    (void)link;
    const char *wrong = wire_parse(bytes, len, &s);
    v->replies++;
    v->reply_bytes += len;
    v->last_len = len;
    v->last_is_tcp = wrong == NULL;
    if (wrong != NULL && strcmp(wrong, "not TCP") != 0)
        v->malformed++;
    if (wrong != NULL)
        return;
    v->last = s;
    v->last.text = NULL;
    if (v->on_reply)
        v->on_reply(v, &s, len);
}

/* ---- Beginning ---- */

static int connected(void *context, struct hf_sim *sim)
{
    struct victim *v = context;
    (void)sim;
    return v->conn != 0;
}

static void open_legit(struct victim *v)
{
    struct hf_listen listen = {
        .size = sizeof listen, .local.port = LEGIT_PORT, .user = 1, .backlog = 4};
    struct hf_open open = {.size = sizeof open, .remote = {v->addr_for_legit, LEGIT_PORT}};
    struct hf_tcp_status status = {.size = sizeof status};
    hf_listener listener;
    assert_int_equal(hf_tcp_listen(v->stack, &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(hf_sim_stack(v->sim, v->legit), &open, &v->legit_conn), 0);
    assert_int_equal(hf_sim_run(v->sim, hf_sim_now(v->sim) + HF_SEC, connected, v), HF_SIM_DONE);
    assert_int_equal(hf_tcp_status(v->stack, v->conn, &status), 0);
    v->legit_port = status.remote.port;
    assert_int_equal(hf_tcp_set(v->stack, v->conn, HF_OPTION_NODELAY, 1), 0);
    hf_sim_oracle_init(&v->to_victim, 1);
    hf_sim_oracle_init(&v->to_legit, 2);
    hf_sim_wake(v->sim, v->legit, hf_sim_now(v->sim), 0);
}

struct victim *victim_new(const struct victim_config *config)
{
    struct victim *v = calloc(1, sizeof *v);
    struct hf_sim_config sim;
    struct hf_sim_host_config host;
    struct hf_sim_path path;
    struct hf_sim_app crowd = {.on_packet = crowd_packet, .context = v};
    assert_non_null(v);
    victim_config_init(&v->config);
    if (config)
        v->config = *config;
    v->tick = 10 * HF_MS;
    v->piece = 2000;

    hf_sim_config_init(&sim);
    sim.checks = 0;
    sim.seed = check_seed() + v->config.seed;
    sim.start = 1000 * HF_SEC;
    v->sim = hf_sim_create(&sim);
    assert_non_null(v->sim);
    hf_sim_host_config_init(&host);
    host.stack.settings = v->config.settings;
    host.stack.memory_limit = v->config.memory_limit;
    host.stack.connections_max = v->config.connections_max;
    host.app = (struct hf_sim_app){.on_event = victim_event, .context = v};
    v->host = hf_sim_add_host(v->sim, &host);
    v->crowd = hf_sim_add_peer(v->sim, &crowd);
    hf_sim_host_config_init(&host);
    host.app = (struct hf_sim_app){.on_event = legit_event, .on_wake = legit_wake, .context = v};
    v->legit = hf_sim_add_host(v->sim, &host);
    assert_true(v->host > 0 && v->crowd > 0 && v->legit > 0);

    enum hf_family family = v->config.family == 4 ? HF_IPV4 : HF_IPV6;
    hf_sim_path_init(&path);
    v->crowd_link = hf_sim_add_link(v->sim, v->host, v->crowd, 1500, &path);
    path.delay = 2 * HF_MS;
    v->legit_link = hf_sim_add_link(v->sim, v->host, v->legit, 1500, &path);
    assert_true(v->crowd_link > 0 && v->legit_link > 0);
    hf_sim_address(v->sim, v->crowd_link, v->host, family, &v->addr);
    hf_sim_address(v->sim, v->legit_link, v->host, family, &v->addr_for_legit);
    hf_sim_address(v->sim, v->legit_link, v->legit, family, &v->legit_addr);
    v->stack = hf_sim_stack(v->sim, v->host);

    struct hf_listen listen = {
        .size = sizeof listen, .local.port = VICTIM_PORT, .backlog = v->config.backlog};
    assert_int_equal(hf_tcp_listen(v->stack, &listen, &v->listener), 0);
    if (!v->config.alone)
        open_legit(v);
    pass(v, HF_SEC);
    v->baseline = victim_counters(v);
    return v;
}

/* ---- Judging ---- */

struct hf_stack_counters victim_counters(const struct victim *v)
{
    struct hf_stack_counters counters;
    hf_stack_counters(v->stack, &counters);
    return counters;
}

struct hf_tcp_status victim_status(const struct victim *v, hf_conn conn)
{
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_status(v->stack, conn, &status), 0);
    return status;
}

void victim_check(struct victim *v)
{
    const char *broken = hf_stack_check(v->stack);
    const struct hf_sim_allocator *counts = hf_sim_host_allocator(v->sim, v->host);
    struct hf_stack_counters counters = victim_counters(v);
    if (broken != NULL)
        fail_msg("an invariant does not hold: %s", broken);
    if (hf_sim_failure(v->sim) != NULL)
        fail_msg("%s", hf_sim_failure(v->sim));
    assert_true(counters.memory <= counters.memory_limit);
    assert_true(counters.memory_peak <= counters.memory_limit);
    assert_int_equal(counts->bad_frees, 0);
    assert_true(counts->in_use <= v->config.memory_limit + ((size_t)64 << 10));
    assert_int_equal(v->malformed, 0);
}

void victim_unharmed(struct victim *v)
{
    victim_check(v);
    if (v->config.alone)
        return;
    uint64_t in = v->to_victim.sent, out = v->to_legit.sent;
    pass(v, HF_SEC);
    victim_check(v);
    assert_int_equal(victim_status(v, v->conn).state, HF_ESTABLISHED);
    assert_true(v->to_victim.received >= in && v->to_legit.received >= out);
    assert_true(v->to_victim.sent > in && v->to_legit.sent > out);
    assert_int_equal(v->to_victim.fault, HF_SIM_ORACLE_FINE);
    assert_int_equal(v->to_legit.fault, HF_SIM_ORACLE_FINE);
}

void victim_end(struct victim *v, size_t memory_kept)
{
    victim_unharmed(v);
    v->tick = HF_SEC;
    pass(v, CALM);
    v->stop = true;
    pass(v, 2 * HF_SEC);
    victim_check(v);
    assert_int_equal(v->to_victim.sent, v->to_victim.received);
    assert_int_equal(v->to_legit.sent, v->to_legit.received);
    struct hf_stack_counters counters = victim_counters(v);
    if (counters.memory > v->baseline.memory + memory_kept + SLABS)
        fail_msg("memory: %zu bytes before the attack, %zu afterwards", v->baseline.memory,
                 counters.memory);
    assert_int_equal(hf_sim_end_host(v->sim, v->host), 0);
    hf_sim_destroy(v->sim);
    free(v);
}

/* ---- The attacker ---- */

struct hf_addr stranger(const struct victim *v, uint32_t n)
{
    struct hf_addr a = {.family = v->config.family == 4 ? HF_IPV4 : HF_IPV6};
    uint8_t *low = a.bytes;
    if (v->config.family == 4) {
        a.bytes[0] = (uint8_t)(100 + (n >> 24) % 8);
    } else {
        a.bytes[0] = 0x20;
        a.bytes[1] = 0x01;
        low = a.bytes + 12;
        a.bytes[8] = (uint8_t)(n >> 24);
    }
    low[1] = (uint8_t)(n >> 16);
    low[2] = (uint8_t)(n >> 8);
    low[3] = (uint8_t)n;
    return a;
}

static struct wire_segment plain(const struct victim *v, const struct hf_addr *source,
                                 const struct hf_addr *destination)
{
    struct wire_segment s = {.family = v->config.family,
                             .ttl = 64,
                             .window = 65535,
                             .mss = WIRE_NONE,
                             .wscale = WIRE_NONE,
                             .cookie_len = WIRE_NONE};
    memcpy(s.source, source->bytes, 16);
    memcpy(s.destination, destination->bytes, 16);
    return s;
}

struct wire_segment from(const struct victim *v, struct hf_addr source, uint16_t port,
                         uint16_t flags, uint32_t seq, uint32_t ack)
{
    struct wire_segment s = plain(v, &source, &v->addr);
    s.source_port = port;
    s.destination_port = VICTIM_PORT;
    s.flags = flags;
    s.seq = seq;
    s.ack = ack;
    return s;
}

struct wire_segment as_legit(const struct victim *v, uint16_t flags, uint32_t seq, uint32_t ack)
{
    struct wire_segment s = plain(v, &v->legit_addr, &v->addr_for_legit);
    s.source_port = v->legit_port;
    s.destination_port = LEGIT_PORT;
    s.flags = flags;
    s.seq = seq;
    s.ack = ack;
    return s;
}

void flush(struct victim *v)
{
    if (v->batched > 0) {
        int link = hf_sim_stack_link(v->sim, v->crowd_link, v->host);
        hf_stack_input(v->stack, link, v->packets, v->batched, hf_sim_now(v->sim));
        for (unsigned i = 0; i < v->batched; i++)
            free(v->batch[i]);
        v->batched = 0;
    }
    if (hf_sim_run(v->sim, hf_sim_now(v->sim), NULL, NULL) == HF_SIM_FAILED)
        fail_msg("%s", hf_sim_failure(v->sim));
}

void send_bytes(struct victim *v, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    hf_packet_wrap(&v->packets[v->batched], 1, copy, (uint32_t)len);
    v->batch[v->batched++] = copy;
    if (v->batched == sizeof v->batch / sizeof *v->batch)
        flush(v);
}

void send_segment(struct victim *v, const struct wire_segment *s)
{
    static uint8_t packet[WIRE_PACKET_MAX];
    send_bytes(v, packet, wire_build(packet, s));
}

void pass(struct victim *v, hf_time time)
{
    flush(v);
    if (hf_sim_run(v->sim, hf_sim_now(v->sim) + time, NULL, NULL) == HF_SIM_FAILED)
        fail_msg("%s", hf_sim_failure(v->sim));
}

struct wire_segment next_of(const struct victim *v, const struct handshake *h, uint16_t flags)
{
    struct wire_segment s = from(v, h->source, h->port, flags, h->seq, h->ack);
    s.window = h->window != 0 ? h->window : 65535;
    s.has_ts = h->has_ts;
    s.tsval = h->tsval;
    return s;
}

struct shaken {
    const struct handshake *h;
    hf_conn conn;
    uint32_t seq;
    bool answered;
};

static void hear_syn_ack(struct victim *v, const struct wire_segment *s, uint32_t len)
{
    struct shaken *shaken = v->context;
    (void)len;
    if ((s->flags & (SYN | ACK)) == (SYN | ACK) && s->destination_port == shaken->h->port &&
        memcmp(s->destination, shaken->h->source.bytes, v->config.family == 4 ? 4 : 16) == 0) {
        shaken->seq = s->seq;
        shaken->answered = true;
    }
}

static void hear_accept(struct victim *v, hf_conn conn)
{
    ((struct shaken *)v->context)->conn = conn;
}

hf_conn handshake(struct victim *v, struct handshake *h)
{
    struct shaken shaken = {.h = h};
    void (*on_reply)(struct victim *, const struct wire_segment *, uint32_t) = v->on_reply;
    void (*on_accept)(struct victim *, hf_conn) = v->on_accept;
    void *context = v->context;
    flush(v);
    v->on_reply = hear_syn_ack;
    v->on_accept = hear_accept;
    v->context = &shaken;
    struct wire_segment s = next_of(v, h, SYN);
    s.mss = h->mss != 0 ? h->mss : WIRE_NONE;
    s.sack_permitted = h->sack;
    send_segment(v, &s);
    flush(v);
    if (shaken.answered) {
        h->seq++;
        h->ack = shaken.seq + 1;
        s = next_of(v, h, ACK);
        send_segment(v, &s);
        flush(v);
    }
    v->on_reply = on_reply;
    v->on_accept = on_accept;
    v->context = context;
    return shaken.conn;
}

/* ---- A peer that reads ---- */

uint8_t pattern(uint32_t place)
{
    return (uint8_t)(place * 31 + (place >> 8) * 7);
}

static void inject(struct victim *v, const struct wire_segment *s)
{
    uint8_t packet[2048];
    size_t len = wire_build(packet, s);
    assert_int_equal(hf_sim_inject(v->sim, v->crowd_link, v->host, hf_sim_now(v->sim) + HF_MS,
                                   packet, (uint32_t)len),
                     0);
}

void sink_answer(struct victim *v, struct sink *sink)
{
    struct wire_segment s = next_of(v, &sink->h, ACK);
    uint32_t window = sink->fixed_edge ? sink->edge - sink->h.ack : sink->window;
    s.window = (uint16_t)(window < 65535 ? window : 65535);
    inject(v, &s);
}

static void sink_takes(struct victim *v, const struct wire_segment *s, uint32_t len)
{
    struct sink *sink = v->context;
    (void)len;
    if (s->destination_port != sink->h.port)
        return;
    sink->packets++;
    uint32_t end = s->seq + (uint32_t)s->text_len - sink->first;
    if (s->text_len > 0 && end > sink->furthest)
        sink->furthest = end;
    if (sink->mute || s->text_len == 0)
        return;
    if (s->seq == sink->h.ack) {
        uint32_t taken = (uint32_t)s->text_len;
        if (sink->fixed_edge && taken > sink->edge - s->seq)
            taken = sink->edge - s->seq; /* a probe beyond the window is not taken */
        for (uint32_t i = 0; i < taken; i++)
            sink->wrong += s->text[i] != pattern(s->seq - sink->first + i);
        sink->h.ack += taken;
        sink->bytes += taken;
    }
    sink_answer(v, sink);
}

hf_conn sink_open(struct victim *v, struct sink *sink, uint16_t port)
{
    sink->h.source = stranger(v, port);
    sink->h.port = port;
    sink->h.seq = check_random() & 0xffff;
    hf_conn conn = handshake(v, &sink->h);
    assert_true(conn != 0);
    sink->first = sink->h.ack;
    v->context = sink;
    v->on_reply = sink_takes;
    return conn;
}

void sink_close(struct victim *v, hf_conn conn)
{
    assert_int_equal(hf_tcp_abort(v->stack, conn), 0);
    flush(v);
    v->on_reply = NULL;
    v->context = NULL;
}

void queue_text(struct victim *v, hf_conn conn, uint32_t place, uint32_t len)
{
    uint8_t *text = malloc(len);
    assert_non_null(text);
    for (uint32_t i = 0; i < len; i++)
        text[i] = pattern(place + i);
    assert_int_equal(hf_tcp_send(v->stack, conn, text, len, 0), len);
    free(text);
    flush(v);
}

/* ---- ICMP ---- */

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void sum_into(uint8_t *at, const uint8_t *bytes, size_t len, uint32_t sum)
{
    sum = wire_sum(bytes, len, sum);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    put16(at, ~sum & 0xffff);
}

void send_icmp_error(struct victim *v, struct hf_addr source, uint8_t type, uint8_t code,
                     uint32_t rest, const struct wire_segment *quoted)
{
    static uint8_t quote[WIRE_PACKET_MAX];
    uint8_t packet[256] = {0};
    size_t quote_len = wire_build(quote, quoted);
    bool v4 = v->config.family == 4;
    size_t header = v4 ? 20 : 40, address = v4 ? 4 : 16;
    if (quote_len > 128)
        quote_len = 128;
    size_t message = 8 + quote_len, len = header + message;
    uint8_t *icmp = packet + header;
    icmp[0] = type;
    icmp[1] = code;
    put16(icmp + 4, rest >> 16);
    put16(icmp + 6, rest & 0xffff);
    memcpy(icmp + 8, quote, quote_len);
    if (v4) {
        packet[0] = 0x45;
        put16(packet + 2, (uint32_t)len);
        packet[8] = 64;
        packet[9] = 1;
        memcpy(packet + 12, source.bytes, 4);
        memcpy(packet + 16, quoted->source, 4);
        sum_into(packet + 10, packet, 20, 0);
        sum_into(icmp + 2, icmp, message, 0);
    } else {
        packet[0] = 0x60;
        put16(packet + 4, (uint32_t)message);
        packet[6] = 58;
        packet[7] = 64;
        memcpy(packet + 8, source.bytes, 16);
        memcpy(packet + 24, quoted->source, 16);
        uint32_t sum = wire_sum(packet + 8, 2 * address, 0);
        sum_into(icmp + 2, icmp, message, sum + (uint32_t)message + 58);
    }
    send_bytes(v, packet, len);
}
