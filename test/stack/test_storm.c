/* Two stacks and a bad day: calls at random, packets lost, doubled and late, an allocator that
 * fails, little memory, options changed, clocks that leap. What must hold is that the stacks'
 * own checks hold, that bytes arrive in order and unchanged, that everything comes to its end,
 * and that all memory is back. */
#include "two.h"

#include <stdbool.h>
#include <string.h>

enum { ENDS = 12, HELD = 64 };

struct end {
    hf_conn conn; /* 0: none                                                                  */
    int at;
    uint32_t key; /* of the stream that it sends                                              */
    uint32_t peer_key;
    uint64_t sent, received;
    bool knows_peer, shut;
};

struct storm {
    struct two two;
    struct end end[ENDS];
    hf_listener listener; /* port 80, always there */
    hf_listener more[3];  /* port 81: general, exact address, gateway; 0: not now */
    hf_syn syn;           /* told, not yet decided; 0: none */
    uint8_t held[HELD][2048];
    uint32_t held_len[HELD];
    int held_to[HELD];
    unsigned holding;
    unsigned loss_one_in; /* 0: nothing is lost */
};

static struct storm storm;

static uint8_t pattern(uint32_t key, uint64_t place)
{
    return (uint8_t)(key + place * 31 + (place >> 8) * 7 + (place >> 16) * 3);
}

/* The two ends of a connection know each other's stream by the client's port. */
static uint32_t key_of(const struct end *e)
{
    struct hf_tcp_status s = {.size = sizeof s};
    assert_int_equal(hf_tcp_status(storm.two.stack[e->at], e->conn, &s), 0);
    return e->at == 0 ? s.local.port : s.remote.port;
}

static struct end *free_end(void)
{
    for (int i = 0; i < ENDS; i++)
        if (!storm.end[i].conn)
            return &storm.end[i];
    return NULL;
}

static void deliver(int to, const uint8_t *bytes, uint32_t len)
{
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, bytes, len);
    hf_stack_input(storm.two.stack[to], 1, &packet, 1, storm.two.now);
}

static void release_held(bool all)
{
    while (storm.holding && (all || check_random_below(3) == 0)) {
        unsigned i = (unsigned)check_random_below(storm.holding--);
        uint8_t bytes[2048];
        uint32_t len = storm.held_len[i];
        int to = storm.held_to[i];
        memcpy(bytes, storm.held[i], len);
        memcpy(storm.held[i], storm.held[storm.holding], sizeof storm.held[i]);
        storm.held_len[i] = storm.held_len[storm.holding];
        storm.held_to[i] = storm.held_to[storm.holding];
        deliver(to, bytes, len);
    }
}

static void hold(int to, const uint8_t *bytes, uint32_t len)
{
    if (storm.holding == HELD)
        return;
    memcpy(storm.held[storm.holding], bytes, len);
    storm.held_len[storm.holding] = len;
    storm.held_to[storm.holding++] = to;
}

static bool happens(unsigned one_in)
{
    return one_in && check_random_below(one_in) == 0;
}

static void check(void)
{
    for (int i = 0; i < 2; i++) {
        const char *fault = hf_stack_check(storm.two.stack[i]);
        if (fault)
            fail_msg("stack %d: %s", i, fault);
    }
}

static void carry(int from)
{
    for (unsigned turns = 0;; turns++) {
        assert_true(turns < 20000);
        struct hf_packet packets[4];
        size_t room = 1 + check_random_below(4);
        size_t n = hf_stack_output(storm.two.stack[from], 1, packets, room, storm.two.now);
        for (size_t i = 0; i < n; i++) {
            uint8_t bytes[2048];
            uint32_t len = hf_packet_copy(&packets[i], bytes, sizeof bytes);
            assert_int_not_equal(len, 0);
            if (happens(storm.loss_one_in))
                continue;
            if (happens(2 * storm.loss_one_in))
                hold(!from, bytes, len);
            if (happens(3 * storm.loss_one_in))
                hold(!from, bytes, len);
            else
                deliver(!from, bytes, len);
        }
        hf_stack_sent(storm.two.stack[from], packets, n);
        if (!n)
            return;
    }
}

static void pass(hf_time time)
{
    hf_time until = storm.two.now + time;
    for (unsigned turns = 0;; turns++) {
        assert_true(turns < 200000);
        carry(0);
        carry(1);
        release_held(false);
        hf_time a = hf_stack_deadline(storm.two.stack[0]);
        hf_time b = hf_stack_deadline(storm.two.stack[1]);
        hf_time next = a < b ? a : b;
        if (next > until)
            break;
        if (next > storm.two.now)
            storm.two.now = next;
        hf_stack_timers(storm.two.stack[0], storm.two.now);
        hf_stack_timers(storm.two.stack[1], storm.two.now);
        check();
    }
    storm.two.now = until;
}

/* ---- What an application may do ---- */

static void act_open(void)
{
    struct end *e = free_end();
    static const char *const to[] = {"fd00::2", "10.0.0.2", "203.0.113.9"};
    struct hf_open open = {.size = sizeof open,
                           .remote = {two_addr(to[check_random_below(3)]), happens(2) ? 80 : 81}};
    open.fast_open = (uint8_t)check_random_below(8);
    open.congestion = (uint8_t)check_random_below(HF_CONGESTION_COUNT);
    hf_conn conn;
    if (e && hf_tcp_open(storm.two.stack[0], &open, &conn) == 0) {
        *e = (struct end){.conn = conn};
        e->key = key_of(e);
        e->peer_key = e->key + 100;
    }
}

static void act_accept(void)
{
    struct end *e = free_end();
    hf_conn conn;
    size_t i = check_random_below(6);
    hf_listener l = i < 3 ? storm.more[i] : storm.listener;
    if (e && hf_tcp_accept(storm.two.stack[1], l, 0, &conn) == 1) {
        *e = (struct end){.conn = conn, .at = 1};
        e->peer_key = key_of(e);
        e->key = e->peer_key + 100;
    }
}

static void act_send(struct end *e)
{
    static uint8_t bytes[30000];
    size_t len = check_random_below(happens(4) ? sizeof bytes : 2000);
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(e->key, e->sent + i);
    int64_t n =
        hf_tcp_send(storm.two.stack[e->at], e->conn, bytes, len, (unsigned)check_random_below(4));
    if (n > 0) {
        assert_false(e->shut);
        e->sent += (uint64_t)n;
    }
}

static void act_reserve(struct end *e)
{
    void *at;
    size_t len;
    struct hf_stack *s = storm.two.stack[e->at];
    if (hf_tcp_reserve(s, e->conn, 1 + check_random_below(3000), &at, &len) != 0)
        return;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)at)[i] = pattern(e->key, e->sent + i);
    if (happens(4))
        pass((hf_time)check_random_below(3) * HF_MS);
    size_t n = happens(5) ? 0 : 1 + check_random_below(len);
    if (hf_tcp_commit(s, e->conn, n, 0) == 0)
        e->sent += n;
}

static void judge(struct end *e, const uint8_t *bytes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (bytes[i] != pattern(e->peer_key, e->received + (uint64_t)i))
            fail_msg("byte %llu of a stream is wrong", (unsigned long long)e->received);
}

static void act_receive(struct end *e)
{
    static uint8_t bytes[9000];
    struct hf_stack *s = storm.two.stack[e->at];
    if (happens(3)) {
        const void *at;
        int64_t n = hf_tcp_peek(s, e->conn, &at);
        if (n <= 0)
            return;
        judge(e, at, n);
        n = (int64_t)check_random_below((uint64_t)n + 1);
        assert_int_equal(hf_tcp_consume(s, e->conn, (size_t)n), 0);
        e->received += (uint64_t)n;
        return;
    }
    int64_t n = hf_tcp_recv(s, e->conn, bytes, 1 + check_random_below(sizeof bytes));
    judge(e, bytes, n);
    if (n > 0)
        e->received += (uint64_t)n;
}

static void act_option(struct end *e)
{
    static const struct {
        enum hf_option option;
        int64_t low, high;
    } options[] = {{HF_OPTION_NODELAY, 0, 1},
                   {HF_OPTION_CORK, 0, 1},
                   {HF_OPTION_DELACK, 0, 1},
                   {HF_OPTION_KEEPALIVE, 0, 1},
                   {HF_OPTION_SND_BUFFER, 1024, 99999},
                   {HF_OPTION_RCV_BUFFER, 1024, 99999},
                   {HF_OPTION_KEEPALIVE_IDLE, HF_SEC, 9 * HF_SEC},
                   {HF_OPTION_CONGESTION, 0, HF_CONGESTION_COUNT - 1},
                   {HF_OPTION_MSS, 64, 2000}};
    size_t i = check_random_below(sizeof options / sizeof *options);
    int64_t value = options[i].low +
                    (int64_t)check_random_below((uint64_t)(options[i].high - options[i].low) + 1);
    hf_tcp_set(storm.two.stack[e->at], e->conn, options[i].option, value);
}

static void act_end(struct end *e)
{
    struct hf_stack *s = storm.two.stack[e->at];
    switch (check_random_below(6)) {
    case 0:
        assert_int_equal(hf_tcp_abort(s, e->conn), 0);
        e->conn = 0;
        break;
    case 1:
        assert_int_equal(hf_tcp_close(s, e->conn), 0);
        e->conn = 0;
        break;
    default:
        if (hf_tcp_shutdown(s, e->conn) == 0)
            e->shut = true;
        break;
    }
}

static void act_listener(void)
{
    struct hf_stack *s = storm.two.stack[1];
    size_t i = check_random_below(3);
    if (storm.more[i]) {
        assert_int_equal(hf_listener_close(s, storm.more[i]), 0);
        storm.more[i] = 0;
        return;
    }
    struct hf_listen listen = {.size = sizeof listen,
                               .local.port = i == 2 ? 0 : 81,
                               .backlog = (uint32_t)check_random_below(4),
                               .hold = happens(2)};
    if (i == 1)
        listen.local.addr = two_addr("10.0.0.2");
    listen.any_address = listen.any_port = i == 2;
    if (!listen.hold)
        listen.fast_open = (uint32_t)check_random_below(4);
    hf_tcp_listen(s, &listen, &storm.more[i]);
}

static void act_syn(void)
{
    struct hf_stack *s = storm.two.stack[1];
    if (!storm.syn) {
        hf_listener l = storm.more[check_random_below(3)];
        struct hf_endpoint local, remote;
        if (l && hf_tcp_next_syn(s, l, &storm.syn, &local, &remote) != 1)
            storm.syn = 0;
        return;
    }
    int err = happens(3) ? hf_syn_refuse(s, storm.syn) : hf_syn_accept(s, storm.syn);
    assert_true(err == 0 || err == HF_ERR_STALE);
    storm.syn = 0;
}

static void drain_events(void)
{
    struct hf_event events[5];
    for (int i = 0; i < 2; i++)
        while (hf_stack_events(storm.two.stack[i], events, 1 + check_random_below(5)) > 0)
            continue;
}

static void act(void)
{
    struct end *e = &storm.end[check_random_below(ENDS)];
    unsigned what = (unsigned)check_random_below(44);
    if (what < 3)
        act_open();
    else if (what < 6)
        act_accept();
    else if (what < 14)
        pass((hf_time)check_random_below(happens(10) ? 3000 : 30) * HF_MS);
    else if (what == 14)
        drain_events();
    else if (what == 40 && happens(3))
        act_listener();
    else if (what > 40)
        act_syn();
    else if (!e->conn)
        return;
    else if (what < 22)
        act_send(e);
    else if (what < 25)
        act_reserve(e);
    else if (what < 35)
        act_receive(e);
    else if (what < 38)
        act_option(e);
    else if (happens(4))
        act_end(e);
    check();
}

static void leap(void)
{
    hf_time by = (hf_time)(1 + check_random_below(1000)) * HF_SEC;
    hf_stack_time_jump(storm.two.stack[0], by);
    hf_stack_time_jump(storm.two.stack[1], by);
    storm.two.now += by;
    struct hf_packet none;
    for (int i = 0; i < 2; i++) /* their clocks leap with the next call */
        assert_int_equal(hf_stack_output(storm.two.stack[i], 1, &none, 0, storm.two.now), 0);
    check();
}

/* What sends, recovers and opens in other ways than the tables say. */
static void draw_mechanisms(struct hf_settings *s)
{
    static const char *const controllers[] = {"reno", "cubic", "bbr"};
    s->congestion = controllers[check_random_below(3)];
    s->pacing = happens(2);
    s->ecn = (uint8_t)check_random_below(3);
    s->mtu_probing = (uint8_t)check_random_below(3);
    s->rack = !happens(4);
    s->tlp = s->rack && !happens(4);
    s->frto = !happens(4);
    s->prr = !happens(4);
    s->sent_records = happens(3) ? 1 : 1000;
    s->path_info = (uint8_t)check_random_below(HF_PATH_INFO_ALL + 1);
    if (happens(2))
        s->fast_open = HF_FAST_OPEN_CLIENT | HF_FAST_OPEN_SERVER | HF_FAST_OPEN_ALL_LISTENERS;
    if (happens(2))
        s->fast_open |= HF_FAST_OPEN_CLIENT_NO_COOKIE | HF_FAST_OPEN_SERVER_NO_COOKIE;
}

static void run(unsigned steps, unsigned loss_one_in, unsigned fail_one_in, size_t memory_limit)
{
    memset(&storm, 0, sizeof storm);
    struct two *two = &storm.two;
    two_init(two);
    if (happens(2))
        two->settings = *hf_settings_rfc();
    if (happens(2))
        two->settings.timestamps = 0;
    if (!happens(3))
        draw_mechanisms(&two->settings);
    two->memory_limit = memory_limit;
    two->settings.cookies = (uint8_t)check_random_below(3);
    two->settings.hold_after_abort = (uint8_t)check_random_below(2);
    two_make(two);
    storm.listener = two_listen(two, 1, 80, 4);
    storm.loss_one_in = loss_one_in;
    struct hf_addr all = two_addr("0.0.0.0");
    assert_int_equal(hf_stack_add_route(two->stack[0], 1, &all, 0), 0);
    two->fail_one_in = fail_one_in;
    for (unsigned i = 0; i < steps; i++) {
        act();
        if (happens(400))
            leap();
    }
    /* the weather clears up: everything comes to its end */
    storm.loss_one_in = 0;
    two->fail_one_in = 0;
    release_held(true);
    for (int i = 0; i < ENDS; i++)
        if (storm.end[i].conn)
            hf_tcp_close(two->stack[storm.end[i].at], storm.end[i].conn);
    hf_listener_close(two->stack[1], storm.listener);
    for (int i = 0; i < 3; i++)
        if (storm.more[i])
            assert_int_equal(hf_listener_close(two->stack[1], storm.more[i]), 0);
    drain_events();
    pass(400 * HF_SEC);
    drain_events();
    for (int i = 0; i < 2; i++) {
        struct hf_stack_counters c;
        hf_stack_counters(two->stack[i], &c);
        assert_int_equal(c.connections, 0);
        assert_int_equal(c.half_open, 0);
        assert_int_equal(c.time_wait, 0);
        assert_int_equal(c.orphans, 0);
    }
    two_end(two);
}

static void many(unsigned times, unsigned loss_one_in, unsigned fail_one_in, size_t memory_limit)
{
    for (unsigned i = 0; i < (check_soak() ? 500 : 1) * times; i++)
        run(600, loss_one_in, fail_one_in, memory_limit);
}

TEST(storm_without_loss, none, "")
{
    many(10, 0, 0, (size_t)16 << 20);
}

TEST(storm_with_loss, none, "")
{
    many(10, 8, 0, (size_t)16 << 20);
}

TEST(storm_without_memory, none, "")
{
    many(10, 20, 4, (size_t)16 << 20);
}

TEST(storm_with_little_memory, none, "")
{
    many(10, 20, 0, (size_t)300 * 1024);
}
