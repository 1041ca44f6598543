/* Row C22 of docs/attacks.md: no memory at the worst moment. Each scenario is run with the
 * k-th allocation of the victim failing, for every k until it needs no more: once, and for
 * ever after.
 *
 * A call may then fail, with HF_ERR_MEMORY or HF_ERR_LIMIT, and a connection may end, with a
 * cause; nothing breaks, nothing leaks, and what arrives is right. When only one allocation
 * fails, others are unharmed: a connection that is open beside it still delivers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#include <handfast/sim.h>
#include <handfast/tcp.h>

#include "script_wire.h"

#include "victim.h"

#define BYTES 30000u
#define OTHER_PORT 7

/* Two hosts: [0] opens, [1] listens; the allocator of one of them fails. */
struct scene {
    struct hf_sim *sim;
    int host[2], link;
    struct hf_addr addr[2];
    enum hf_family family;
    struct hf_sim_allocator counts[2];
    struct ends {
        hf_conn conn;
        struct hf_sim_oracle out;
        uint32_t to_send;
        bool shut, over, eof;
    } end[2], other[2]; /* the scenario's connection, and the one beside it                     */
    hf_listener listener[2], other_listener;
    bool will_wake[2];
    unsigned unexpected; /* results that no call may have                                       */
};

struct scenario {
    const char *name;
    void (*run)(struct scene *s);
    struct hf_sim_path path;
    bool ipv6;
};

static bool allowed(int64_t result)
{
    return result >= 0 || result == HF_ERR_MEMORY || result == HF_ERR_LIMIT ||
           result == HF_ERR_PORT;
}

static void expect_allowed(struct scene *s, int64_t result)
{
    s->unexpected += !allowed(result);
}

static void give_up(struct scene *s, int who, struct ends *e)
{
    if (e->conn != 0)
        s->unexpected += hf_tcp_abort(hf_sim_stack(s->sim, s->host[who]), e->conn) != 0;
    e->conn = 0;
    e->over = true;
}

static void pump(struct scene *s, int who, struct ends *e, struct ends *peer)
{
    struct hf_stack *stack = hf_sim_stack(s->sim, s->host[who]);
    uint8_t bytes[3000];
    int64_t n;
    while (e->conn != 0 && (n = hf_tcp_recv(stack, e->conn, bytes, sizeof bytes)) != 0) {
        if (n > 0)
            s->unexpected += hf_sim_oracle_received(&peer->out, bytes, (size_t)n) != 0;
        if (n == HF_EOF && !e->eof) {
            e->eof = true;
            s->unexpected += hf_sim_oracle_eof(&peer->out) != 0;
        }
        if (n < 0)
            break;
    }
    while (e->conn != 0 && e->to_send > 0) {
        size_t piece = e->to_send < sizeof bytes ? e->to_send : sizeof bytes;
        hf_sim_oracle_next(&e->out, bytes, piece);
        n = hf_tcp_send(stack, e->conn, bytes, piece, 0);
        if (n == HF_ERR_MEMORY) { /* later perhaps */
            if (!s->will_wake[who])
                hf_sim_wake(s->sim, s->host[who], hf_sim_now(s->sim) + HF_SEC, 0);
            s->will_wake[who] = true;
            return;
        }
        if (n <= 0)
            break;
        hf_sim_oracle_sent(&e->out, (size_t)n);
        e->to_send -= (uint32_t)n;
    }
    if (e->conn != 0 && e->to_send == 0 && !e->shut) {
        n = hf_tcp_shutdown(stack, e->conn);
        if (n == 0) {
            hf_sim_oracle_end(&e->out);
            e->shut = true;
        }
    }
    if (e->conn != 0 && e->eof && e->shut) {
        s->unexpected += hf_tcp_close(stack, e->conn) != 0;
        e->conn = 0;
    }
}

static int index_of(const struct scene *s, int host)
{
    return host == s->host[0] ? 0 : 1;
}

static void go_on(struct scene *s, int who)
{
    pump(s, who, &s->end[who], &s->end[1 - who]);
    pump(s, who, &s->other[who], &s->other[1 - who]);
}

static void on_wake(void *context, struct hf_sim *sim, int host, uint64_t value)
{
    struct scene *s = context;
    (void)sim;
    (void)value;
    s->will_wake[index_of(s, host)] = false;
    go_on(s, index_of(s, host));
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct scene *s = context;
    int who = index_of(s, host);
    struct hf_stack *stack = hf_sim_stack(sim, host);
    if (event->handle == s->other_listener && who == 1)
        expect_allowed(s, hf_tcp_accept(stack, event->handle, 0, &s->other[1].conn));
    else if (event->handle == s->listener[who])
        expect_allowed(s, hf_tcp_accept(stack, event->handle, 0, &s->end[who].conn));
    struct ends *mine = event->handle == s->other[who].conn ? &s->other[who] : &s->end[who];
    if (event->bits & HF_EVENT_ENDED && event->handle == mine->conn) {
        s->unexpected += event->cause == HF_CAUSE_NONE;
        pump(s, who, mine, mine == &s->end[who] ? &s->end[1 - who] : &s->other[1 - who]);
        if (mine->conn != 0) {
            mine->over = true;
            s->unexpected += hf_tcp_close(stack, mine->conn) != 0;
            mine->conn = 0;
        }
        return;
    }
    go_on(s, who);
}

/* ---- The scenarios ---- */

static void listen_on(struct scene *s, int who, uint16_t port, hf_listener *listener)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = port, .backlog = 8};
    expect_allowed(s, hf_tcp_listen(hf_sim_stack(s->sim, s->host[who]), &listen, listener));
}

static void open_from(struct scene *s, int who, uint16_t local, uint16_t remote, hf_conn *conn)
{
    struct hf_open open = {
        .size = sizeof open, .local.port = local, .remote = {s->addr[1 - who], remote}};
    expect_allowed(s, hf_tcp_open(hf_sim_stack(s->sim, s->host[who]), &open, conn));
}

static void run_for(struct scene *s, hf_time time)
{
    if (hf_sim_run(s->sim, hf_sim_now(s->sim) + time, NULL, NULL) == HF_SIM_FAILED)
        fail_msg("%s", hf_sim_failure(s->sim));
}

static void open_and_close(struct scene *s)
{
    listen_on(s, 1, 80, &s->listener[1]);
    open_from(s, 0, 0, 80, &s->end[0].conn);
    run_for(s, 30 * HF_SEC);
}

static void transfer(struct scene *s)
{
    s->end[0].to_send = BYTES;
    s->end[1].to_send = BYTES;
    open_and_close(s);
    run_for(s, 60 * HF_SEC);
}

static void crossed(struct scene *s)
{
    s->end[0].to_send = s->end[1].to_send = 2000;
    open_from(s, 0, 4000, 5000, &s->end[0].conn);
    open_from(s, 1, 5000, 4000, &s->end[1].conn);
    run_for(s, 60 * HF_SEC);
}

static void many_accepts(struct scene *s)
{
    listen_on(s, 1, 80, &s->listener[1]);
    hf_conn conn[6] = {0};
    for (int i = 0; i < 6; i++)
        open_from(s, 0, 0, 80, &conn[i]);
    run_for(s, HF_SEC);
    for (int i = 0; i < 6; i++)
        if (conn[i] != 0)
            hf_tcp_abort(hf_sim_stack(s->sim, s->host[0]), conn[i]);
    run_for(s, HF_SEC);
    if (s->listener[1] != 0)
        expect_allowed(s, hf_listener_close(hf_sim_stack(s->sim, s->host[1]), s->listener[1]));
    s->listener[1] = 0;
    run_for(s, 5 * HF_SEC);
}

static void held_syns(struct scene *s)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 4, .hold = 1};
    struct hf_stack *stack = hf_sim_stack(s->sim, s->host[1]);
    expect_allowed(s, hf_tcp_listen(stack, &listen, &s->listener[1]));
    open_from(s, 0, 0, 80, &s->end[0].conn);
    hf_conn refused = 0;
    open_from(s, 0, 0, 80, &refused);
    run_for(s, HF_SEC);
    hf_syn syn;
    stack = hf_sim_stack(s->sim, s->host[1]);
    for (int i = 0;
         s->listener[1] != 0 && hf_tcp_next_syn(stack, s->listener[1], &syn, NULL, NULL) == 1;
         i++)
        expect_allowed(s, i == 0 ? hf_syn_accept(stack, syn) : hf_syn_refuse(stack, syn));
    run_for(s, 10 * HF_SEC);
    if (refused != 0)
        hf_tcp_abort(hf_sim_stack(s->sim, s->host[0]), refused);
}

static void open_fast(struct scene *s, uint16_t remote, unsigned how, hf_conn *conn)
{
    struct hf_open open = {.size = sizeof open,
                           .remote = {s->addr[1], remote},
                           .fast_open = (uint8_t)(HF_OPEN_FAST | how)};
    expect_allowed(s, hf_tcp_open(hf_sim_stack(s->sim, s->host[0]), &open, conn));
}

/* A cookie by one connection, then another whose text goes with its SYN. */
static void fast_open(struct scene *s)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 81, .fast_open = 2};
    hf_listener for_cookies = 0;
    hf_conn first = 0;
    expect_allowed(s, hf_tcp_listen(hf_sim_stack(s->sim, s->host[1]), &listen, &for_cookies));
    listen.local.port = 80;
    expect_allowed(s, hf_tcp_listen(hf_sim_stack(s->sim, s->host[1]), &listen, &s->listener[1]));
    open_fast(s, 81, 0, &first);
    run_for(s, HF_SEC);
    if (first != 0)
        hf_tcp_abort(hf_sim_stack(s->sim, s->host[0]), first);
    s->end[0].to_send = s->end[1].to_send = 4000;
    open_fast(s, 80, HF_OPEN_FAST_DEFER, &s->end[0].conn);
    s->end[0].shut = s->end[1].shut = true; /* not before it is open: that would cancel it */
    hf_sim_wake(s->sim, s->host[0], hf_sim_now(s->sim), 0);
    run_for(s, HF_SEC);
    s->end[0].shut = s->end[1].shut = false;
    for (int i = 0; i < 2; i++)
        hf_sim_wake(s->sim, s->host[i], hf_sim_now(s->sim), 0);
    run_for(s, 60 * HF_SEC);
    if (for_cookies != 0)
        expect_allowed(s, hf_listener_close(hf_sim_stack(s->sim, s->host[1]), for_cookies));
    run_for(s, HF_SEC);
}

/* Echo requests of 3000 bytes, in fragments and whole, and errors that quote nothing of
 * ours. */
static void fragments_and_icmp(struct scene *s)
{
    for (int round = 0; round < 6; round++) {
        uint8_t packet[1500] = {0};
        size_t text = 1000;
        for (unsigned part = 0; part < 3; part++) {
            uint8_t *at = packet;
            memset(packet, 0, sizeof packet);
            unsigned last = part == 2 || round % 3 == 2;
            at[0] = 0x45;
            at[2] = (uint8_t)((20 + text) >> 8);
            at[3] = (uint8_t)(20 + text);
            at[5] = (uint8_t)(round + 1);
            at[6] = (uint8_t)(last ? 0 : 0x20);
            at[7] = (uint8_t)(part * 125);
            at[6] |= (uint8_t)((part * 125) >> 8);
            at[8] = 64;
            at[9] = 1;
            memcpy(at + 12, s->addr[0].bytes, 4);
            memcpy(at + 16, s->addr[1].bytes, 4);
            uint32_t sum = wire_sum(at, 20, 0);
            sum = (sum & 0xffff) + (sum >> 16);
            at[10] = (uint8_t)(~sum >> 8);
            at[11] = (uint8_t)~sum;
            if (part == 0) { /* an echo request of zeros, or an error about nothing */
                at[20] = round % 2 ? 3 : 8;
                sum = (uint32_t)at[20] << 8;
                at[22] = (uint8_t)(~sum >> 8);
                at[23] = (uint8_t)~sum;
            }
            hf_sim_inject(s->sim, s->link, s->host[1], hf_sim_now(s->sim) + HF_MS, packet,
                          (uint32_t)(20 + text));
            run_for(s, 2 * HF_MS);
        }
        run_for(s, HF_SEC);
    }
    run_for(s, 60 * HF_SEC); /* and those that never became whole time out */
}

/* ---- Running one ---- */

static struct hf_sim_host_config host_config(struct scene *s, int who)
{
    struct hf_sim_host_config config;
    hf_sim_host_config_init(&config);
    config.stack.settings.msl = HF_SEC;
    config.stack.settings.rcv_buffer = 16384;
    config.stack.settings.snd_buffer = 16384;
    config.stack.settings.orphan_timeout = 20 * HF_SEC;
    config.stack.allocator = hf_sim_allocator_use(&s->counts[who]);
    config.app = (struct hf_sim_app){.on_event = on_event, .on_wake = on_wake, .context = s};
    return config;
}

static void begin_other(struct scene *s)
{
    listen_on(s, 1, OTHER_PORT, &s->other_listener);
    open_from(s, 0, 0, OTHER_PORT, &s->other[0].conn);
    s->other[0].shut = s->other[1].shut = true; /* not yet */
    run_for(s, HF_SEC);
    assert_true(s->other[0].conn != 0 && s->other[1].conn != 0);
}

/* Something is left to do, minutes later. An end that waits for one that is gone, and whose
 * reset was lost, waits for ever: that is what keep-alives are for. */
static bool is_stuck(struct scene *s, int who)
{
    struct hf_tcp_status status = {.size = sizeof status};
    return s->end[who].conn != 0 &&
           hf_tcp_status(hf_sim_stack(s->sim, s->host[who]), s->end[who].conn, &status) == 0 &&
           (status.send_queued > 0 || s->end[1 - who].conn != 0);
}

/* Returns whether an allocation failed. */
static bool run_scenario(const struct scenario *scenario, int failing, uint64_t k, bool for_ever)
{
    struct scene s = {.family = scenario->ipv6 ? HF_IPV6 : HF_IPV4};
    struct hf_sim_config config;
    hf_sim_config_init(&config);
    config.checks = HF_SIM_CHECK_STACK;
    config.seed = 4711;
    s.sim = hf_sim_create(&config);
    assert_non_null(s.sim);
    for (int i = 0; i < 2; i++) {
        struct hf_sim_host_config host = host_config(&s, i);
        s.host[i] = hf_sim_add_host(s.sim, &host);
        assert_true(s.host[i] > 0);
        hf_sim_oracle_init(&s.end[i].out, (uint64_t)i);
        hf_sim_oracle_init(&s.other[i].out, 2 + (uint64_t)i);
    }
    s.link = hf_sim_add_link(s.sim, s.host[0], s.host[1], 1500, &scenario->path);
    for (int i = 0; i < 2; i++)
        hf_sim_address(s.sim, s.link, s.host[i], s.family, &s.addr[i]);
    begin_other(&s);

    struct hf_sim_allocator *counts = &s.counts[failing];
    counts->fail_at = counts->calls + k;
    counts->fail_all_from = for_ever;
    scenario->run(&s);
    bool failed = counts->failed > 0;
    counts->fail_at = 0;

    /* Memory is back: what was open beside it delivers, whatever happened. */
    for (int i = 0; i < 2; i++) {
        s.other[i].shut = false;
        s.other[i].to_send = 5000;
        hf_sim_wake(s.sim, s.host[i], hf_sim_now(s.sim), 0);
    }
    run_for(&s, 400 * HF_SEC); /* RTOs have backed off meanwhile */
    for (int i = 0; i < 2; i++) {
        if (s.other[i].over || s.other[i].conn != 0 || !hf_sim_oracle_complete(&s.other[i].out))
            fail_msg(
                "%s: host %d, allocation %llu%s: the connection beside it suffered: %s, %llu "
                "sent, %llu received",
                scenario->name, failing, (unsigned long long)k,
                for_ever ? " and all after it" : "", s.other[i].over ? "ended" : "open",
                (unsigned long long)s.other[i].out.sent,
                (unsigned long long)s.other[i].out.received);
        if (is_stuck(&s, i))
            fail_msg("%s: host %d, allocation %llu%s: a connection is stuck", scenario->name,
                     failing, (unsigned long long)k, for_ever ? " and all after it" : "");
        if (!failed && s.end[i].out.sent != s.end[i].out.received)
            fail_msg("%s: without any failure not everything arrived", scenario->name);
    }
    if (s.unexpected > 0)
        fail_msg("%s: host %d, allocation %llu%s: %u results that no call may have",
                 scenario->name, failing, (unsigned long long)k,
                 for_ever ? " and all after it" : "", s.unexpected);
    for (int i = 0; i < 2; i++) {
        give_up(&s, i, &s.end[i]);
        assert_true(hf_sim_end_host(s.sim, s.host[i]) >= 0);
        if (s.counts[i].in_use != 0 || s.counts[i].blocks != 0 || s.counts[i].bad_frees != 0)
            fail_msg("%s: host %d, allocation %llu%s: %zu bytes, %llu blocks did not come back",
                     scenario->name, failing, (unsigned long long)k,
                     for_ever ? " and all after it" : "", s.counts[i].in_use,
                     (unsigned long long)s.counts[i].blocks);
    }
    hf_sim_destroy(s.sim);
    return failed;
}

static void at_every_allocation(const struct scenario *scenario)
{
    for (int failing = 0; failing < 2; failing++) {
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            uint64_t k = 1;
            while (run_scenario(scenario, failing, k, for_ever != 0))
                k++;
        }
    }
}

#define PATH .size = sizeof(struct hf_sim_path)

static const struct scenario scenarios[] = {
    {"open and close", open_and_close, {PATH, .delay = HF_MS}, false},
    {"open and close, IPv6", open_and_close, {PATH, .delay = HF_MS}, true},
    {"transfer", transfer, {PATH, .delay = 5 * HF_MS}, false},
    {"transfer with loss", transfer, {PATH, .delay = 5 * HF_MS, .loss = 50000}, false},
    {"transfer with reordering",
     transfer,
     {PATH, .delay = 5 * HF_MS, .reorder = 300000, .reorder_by = 20 * HF_MS, .duplicate = 50000},
     true},
    {"simultaneous open", crossed, {PATH, .delay = 5 * HF_MS}, false},
    {"many accepts", many_accepts, {PATH, .delay = HF_MS}, false},
    {"held SYNs", held_syns, {PATH, .delay = HF_MS}, false},
    {"fragments and ICMP", fragments_and_icmp, {PATH, .delay = HF_MS}, false},
    {"Fast Open", fast_open, {PATH, .delay = HF_MS}, false},
    {"Fast Open with loss", fast_open, {PATH, .delay = HF_MS, .loss = 100000}, true},
};

#define SCENARIO(name, number)                                                                   \
    TEST(name, none, "C22")                                                                      \
    {                                                                                            \
        at_every_allocation(&scenarios[number]);                                                 \
    }

SCENARIO(no_memory_while_opening_and_closing, 0)
SCENARIO(no_memory_while_opening_and_closing_ipv6, 1)
SCENARIO(no_memory_in_a_transfer, 2)
SCENARIO(no_memory_in_a_transfer_with_loss, 3)
SCENARIO(no_memory_in_a_transfer_with_reordering, 4)
SCENARIO(no_memory_in_a_simultaneous_open, 5)
SCENARIO(no_memory_while_accepting, 6)
SCENARIO(no_memory_for_held_syns, 7)
SCENARIO(no_memory_for_fragments_and_icmp, 8)

TEST(no_memory_in_a_fast_open, none, "C22 F-10")
{
    at_every_allocation(&scenarios[9]);
    at_every_allocation(&scenarios[10]);
}
