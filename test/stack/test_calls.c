/* Handles: what outlived its object is an error, whatever has taken its place; and the gateway,
 * whose listeners share ports with ordinary ones. */
#include "two.h"

#include <string.h>

/* Every call that takes a connection says so. */
static void check_stale(struct hf_stack *s, hf_conn conn)
{
    char text[4];
    void *room;
    const void *bytes;
    size_t len;
    int64_t value;
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_send(s, conn, "x", 1, 0), HF_ERR_STALE);
    assert_int_equal(hf_tcp_reserve(s, conn, 1, &room, &len), HF_ERR_STALE);
    assert_int_equal(hf_tcp_commit(s, conn, 0, 0), HF_ERR_STALE);
    assert_int_equal(hf_tcp_recv(s, conn, text, sizeof text), HF_ERR_STALE);
    assert_int_equal(hf_tcp_peek(s, conn, &bytes), HF_ERR_STALE);
    assert_int_equal(hf_tcp_consume(s, conn, 0), HF_ERR_STALE);
    assert_int_equal(hf_tcp_shutdown(s, conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_close(s, conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_abort(s, conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_status(s, conn, &status), HF_ERR_STALE);
    assert_int_equal(hf_tcp_set(s, conn, HF_OPTION_NODELAY, 1), HF_ERR_STALE);
    assert_int_equal(hf_tcp_get(s, conn, HF_OPTION_NODELAY, &value), HF_ERR_STALE);
}

static void check_stale_listener(struct hf_stack *s, hf_listener l)
{
    hf_conn conn;
    hf_syn syn;
    struct hf_endpoint end;
    assert_int_equal(hf_tcp_accept(s, l, 0, &conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_next_syn(s, l, &syn, NULL, NULL), HF_ERR_STALE);
    assert_int_equal(hf_listener_endpoint(s, l, &end), HF_ERR_STALE);
    assert_int_equal(hf_listener_open(s, l, &conn), HF_ERR_STALE);
    assert_int_equal(hf_listener_close(s, l), HF_ERR_STALE);
}

TEST(stale_and_foreign_handles, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b, c, d;
    two_connect(&two, l, 80, &a, &b);
    assert_int_equal(hf_tcp_abort(two.stack[0], a), 0);
    check_stale(two.stack[0], a);
    two_settle(&two);
    check_stale(two.stack[0], a);
    two_connect(&two, l, 80, &c, &d); /* takes the place */
    assert_int_not_equal(a, c);
    check_stale(two.stack[0], a);
    check_stale(two.stack[0], 0);
    check_stale(two.stack[0], UINT64_MAX);
    check_stale(two.stack[0], c + 1);
    check_stale(two.stack[0], c ^ (uint64_t)1 << 32);
    check_stale(two.stack[0], c | (uint64_t)1 << 29);
    check_stale(two.stack[1], l);
    check_stale_listener(two.stack[1], d);
    check_stale_listener(two.stack[1], 0);
    check_stale_listener(two.stack[1], l ^ (uint64_t)1 << 33);
    assert_int_equal(hf_listener_close(two.stack[1], l), 0);
    check_stale_listener(two.stack[1], l);
    assert_int_equal(hf_syn_accept(two.stack[1], l), HF_ERR_STALE);
    assert_int_equal(hf_syn_refuse(two.stack[1], d), HF_ERR_STALE);
    assert_int_equal(hf_syn_refuse(two.stack[1], 0), HF_ERR_STALE);
    assert_int_equal(two_state(&two, 0, c), HF_ESTABLISHED);
    two_end(&two);
}

/* Random bits are no handle (but for one in 2^32). */
TEST(random_handles, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener l = two_listen(&two, 1, 80, 5);
    hf_conn a, b;
    two_connect(&two, l, 80, &a, &b);
    for (int i = 0; i < 2000; i++) {
        uint64_t guess = check_random();
        if (i % 2)
            guess = (guess & ~(uint64_t)UINT32_MAX) | (uint32_t)b;
        if (guess == b)
            continue;
        check_stale(two.stack[1], guess);
        check_stale_listener(two.stack[1], guess);
        assert_int_equal(hf_syn_accept(two.stack[1], guess), HF_ERR_STALE);
    }
    two_end(&two);
}

/* ---- A gateway ---- */

/* Stack 1 accepts for any address; stack 0 sends everything to it. */
static hf_listener make_gateway(struct two *two, uint16_t port, uint32_t backlog, uint8_t hold)
{
    struct hf_addr all = two_addr("0.0.0.0");
    assert_int_equal(hf_stack_add_route(two->stack[0], 1, &all, 0), 0);
    struct hf_listen listen = {.size = sizeof listen,
                               .local.port = port,
                               .backlog = backlog,
                               .hold = hold,
                               .any_address = 1,
                               .any_port = !port};
    hf_listener gateway = 0;
    assert_int_equal(hf_tcp_listen(two->stack[1], &listen, &gateway), 0);
    return gateway;
}

static hf_conn open_to(struct two *two, const char *address, uint16_t port)
{
    struct hf_open open = {.size = sizeof open, .remote = {two_addr(address), port}};
    hf_conn conn = 0;
    assert_int_equal(hf_tcp_open(two->stack[0], &open, &conn), 0);
    two_settle(two);
    return conn;
}

TEST(a_gateway_beside_a_server, none, "")
{
    struct two two;
    two_init(&two);
    two.settings.cookies = HF_COOKIES_NEVER;
    two_make(&two);
    hf_listener server = two_listen(&two, 1, 80, 3), gateway = make_gateway(&two, 0, 3, 0);
    for (int i = 0; i < 20; i++) {
        hf_conn client = open_to(&two, i % 2 ? "203.0.113.7" : "10.0.0.2", 80), conn;
        assert_int_equal(two_state(&two, 0, client), HF_ESTABLISHED);
        hf_listener from = i % 2 ? gateway : server, other = i % 2 ? server : gateway;
        assert_int_equal(hf_tcp_accept(two.stack[1], other, 0, &conn), 0);
        assert_int_equal(hf_tcp_accept(two.stack[1], from, 0, &conn), 1);
        assert_int_equal(hf_tcp_abort(two.stack[1], conn), 0);
        two_settle(&two);
        hf_tcp_close(two.stack[0], client);
        two_settle(&two);
    }
    two_end(&two);
}

/* The SYNs that a gateway holds are its own, though a server listens on the same port. */
TEST(a_holding_gateway_beside_a_server, none, "")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener gateway = make_gateway(&two, 0, 3, 1);
    two_listen(&two, 1, 80, 3);
    for (int i = 0; i < 12; i++) {
        hf_conn client = open_to(&two, "203.0.113.7", 80);
        if (i % 3 == 0) { /* it goes away before the application has looked */
            two_run(&two, two.settings.held_timeout + HF_SEC);
            hf_tcp_abort(two.stack[0], client);
            two_settle(&two);
            hf_syn none;
            while (hf_tcp_next_syn(two.stack[1], gateway, &none, NULL, NULL) > 0)
                assert_int_equal(hf_syn_refuse(two.stack[1], none), 0);
            two_settle(&two);
            continue;
        }
        hf_syn syn = 0;
        struct hf_endpoint local, remote;
        assert_int_equal(hf_tcp_next_syn(two.stack[1], gateway, &syn, &local, &remote), 1);
        assert_int_equal(local.port, 80);
        assert_int_equal(hf_syn_accept(two.stack[1], syn), 0);
        two_settle(&two);
        assert_int_equal(two_state(&two, 0, client), HF_ESTABLISHED);
        hf_conn conn;
        assert_int_equal(hf_tcp_accept(two.stack[1], gateway, 0, &conn), 1);
        hf_tcp_abort(two.stack[1], conn);
        hf_tcp_close(two.stack[0], client);
        two_settle(&two);
    }
    assert_int_equal(hf_listener_close(two.stack[1], gateway), 0);
    two_end(&two);
}

/* A server is closed; what the gateway holds on the same port stays. */
TEST(a_server_closes_beside_a_gateway, none, "LIS.CLOSE")
{
    struct two two;
    two_init(&two);
    two_make(&two);
    hf_listener gateway = make_gateway(&two, 0, 3, 1), server = two_listen(&two, 1, 80, 3);
    hf_conn client = open_to(&two, "203.0.113.7", 80);
    assert_int_equal(hf_listener_close(two.stack[1], server), 0);
    hf_syn syn = 0;
    assert_int_equal(hf_tcp_next_syn(two.stack[1], gateway, &syn, NULL, NULL), 1);
    assert_int_equal(hf_syn_accept(two.stack[1], syn), 0);
    two_settle(&two);
    assert_int_equal(two_state(&two, 0, client), HF_ESTABLISHED);
    two_end(&two);
}

/* ---- Fast Open's table of servers ---- */

/* A client that meets ever more servers, of which each gives it a cookie, keeps as many as the settings say
 * and not a byte more; the last one is among them. */
TEST(servers_with_cookies_are_so_many, none, "F-7")
{
    enum { SERVERS = 240, KEPT = 16 };
    struct two two;
    struct hf_listen listen = {.size = sizeof listen, .any_address = 1, .local.port = 80,
                               .backlog = 4, .fast_open = 8};
    hf_listener listener;
    size_t full = 0;
    two_init(&two);
    two.settings.fast_open_servers = KEPT;
    two.settings.path_info = 0; /* another table, of hosts */
    two_make(&two);
    assert_int_equal(hf_tcp_listen(two.stack[1], &listen, &listener), 0);
    for (unsigned i = 0; i < SERVERS; i++) {
        struct hf_open open = {.size = sizeof open, .remote.port = 80,
                               .fast_open = HF_OPEN_FAST};
        hf_conn out, in;
        open.remote.addr = two_addr("10.0.0.0");
        open.remote.addr.bytes[3] = (uint8_t)(3 + i);
        assert_int_equal(hf_tcp_open(two.stack[0], &open, &out), 0);
        two_settle(&two);
        assert_int_equal(hf_tcp_accept(two.stack[1], listener, 0, &in), 1);
        assert_int_equal(hf_tcp_abort(two.stack[0], out), 0);
        two_settle(&two);
        hf_tcp_abort(two.stack[1], in);
        two_run(&two, 1 * HF_SEC);
        struct hf_stack_counters counters;
        struct hf_event events[16];
        while (hf_stack_events(two.stack[0], events, 16) > 0)
            continue;
        hf_stack_counters(two.stack[0], &counters);
        if (i < 4 * KEPT && counters.memory > full)
            full = counters.memory;
        assert_true(counters.memory <= full);
        open.fast_open |= HF_OPEN_FAST_DEFER; /* is it known? */
        int64_t room = 0;
        assert_int_equal(hf_tcp_open(two.stack[0], &open, &out), 0);
        assert_int_equal(hf_tcp_get(two.stack[0], out, HF_OPTION_SYN_ROOM, &room), 0);
        assert_true(room > 0);
        assert_int_equal(hf_tcp_abort(two.stack[0], out), 0);
        two_settle(&two);
    }
    two_end(&two);
}
