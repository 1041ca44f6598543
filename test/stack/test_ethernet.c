/* Two stacks on one Ethernet: addresses are asked for, packets wait, neighbours come and go, and
 * connections see nothing of it but what they must. */
#include "two.h"

#include <stdlib.h>
#include <string.h>

#include "ip/neighbour.h"
#include "stack/stack.h"

enum { ARP = 0x0806, IPV4 = 0x0800, IPV6 = 0x86dd };

/* What the wire saw, by sender. */
struct seen {
    unsigned arp[2], discovery[2], datagrams[2];
    bool deaf[2]; /* nothing of this one arrives                                              */
    unsigned broadcasts[2];
};

static bool look(struct two *two, int from, const uint8_t *bytes, uint32_t len)
{
    struct seen *seen = two->context;
    assert_true(len >= 14 && len <= 1514);
    assert_memory_equal(bytes + 6, ((uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(from + 1)}), 6);
    unsigned type = (unsigned)bytes[12] << 8 | bytes[13];
    bool group = bytes[0] & 1;
    bool discovery = type == IPV6 && bytes[14 + 6] == 58 && bytes[14 + 40] >= 133;
    seen->broadcasts[from] += group;
    if (type == ARP)
        seen->arp[from]++;
    else if (discovery)
        seen->discovery[from]++;
    else
        seen->datagrams[from]++;
    if (type != ARP && !discovery) { /* datagrams go to the one station that is meant */
        assert_memory_equal(bytes, ((uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(2 - from)}), 6);
    }
    return !seen->deaf[from];
}

static void init(struct two *two, struct seen *seen)
{
    two_init(two);
    memset(seen, 0, sizeof *seen);
    two->ethernet = true;
    two->on_packet = look;
    two->context = seen;
}

static void begin(struct two *two, struct seen *seen)
{
    init(two, seen);
    two_make(two);
}

static struct hf_neighbour *neighbour(struct two *two, int at, const char *text)
{
    uint8_t key[16];
    uint32_t index;
    struct hf_addr addr = two_addr(text);
    hf_key_from_addr(key, &addr);
    return hf_neighbour_find(two->stack[at]->ip.neighbours, 1, key, &index);
}

static int neighbour_state(struct two *two, int at, const char *text)
{
    const struct hf_neighbour *n = neighbour(two, at, text);
    return n ? n->state : 0;
}

static hf_conn open_to(struct two *two, const char *to, uint16_t port)
{
    struct hf_open open = {.size = sizeof open, .remote = {two_addr(to), port}};
    hf_conn conn = 0;
    assert_int_equal(hf_tcp_open(two->stack[0], &open, &conn), 0);
    return conn;
}

/* Send so much from stack 0 to stack 1, and compare. */
static void transfer(struct two *two, hf_conn from, hf_conn to, uint32_t bytes)
{
    static uint8_t text[10000], got[10000];
    uint32_t sent = 0, read = 0;
    for (int turns = 0; read < bytes; turns++) {
        assert_true(turns < 100000);
        while (sent < bytes) {
            uint32_t n = bytes - sent < sizeof text ? bytes - sent : sizeof text;
            for (uint32_t i = 0; i < n; i++)
                text[i] = (uint8_t)((sent + i) * 7 >> 3);
            int64_t took = hf_tcp_send(two->stack[0], from, text, n, 0);
            assert_true(took >= 0);
            if (took == 0)
                break;
            sent += (uint32_t)took;
        }
        two_run(two, 10 * HF_MS);
        int64_t n;
        while ((n = hf_tcp_recv(two->stack[1], to, got, sizeof got)) > 0)
            for (int64_t i = 0; i < n; i++, read++)
                assert_int_equal(got[i], (uint8_t)(read * 7 >> 3));
    }
}

TEST(connections_over_both_families, none, "")
{
    static const char *const to[2] = {"10.0.0.2", "fd00::2"};
    static const char *const of[2] = {"10.0.0.1", "fd00::1"};
    for (int family = 0; family < 2; family++) {
        struct two two;
        struct seen seen;
        begin(&two, &seen);
        hf_listener listener = two_listen(&two, 1, 80, 5);
        hf_conn opened = open_to(&two, to[family], 80), accepted;
        two_settle(&two);
        assert_int_equal(two_state(&two, 0, opened), HF_ESTABLISHED);
        assert_int_equal(hf_tcp_accept(two.stack[1], listener, 0, &accepted), 1);
        /* One question to all, one answer to one; who was asked knows who asked. */
        assert_int_equal(seen.broadcasts[0], 1);
        assert_int_equal(seen.broadcasts[1], 0);
        assert_int_equal(family ? seen.discovery[0] : seen.arp[0], 1);
        assert_int_equal(family ? seen.discovery[1] : seen.arp[1], 1);
        assert_int_equal(neighbour_state(&two, 0, to[family]), HF_NEIGHBOUR_REACHABLE);
        transfer(&two, opened, accepted, 300000);
        assert_int_equal(neighbour_state(&two, 1, of[family]), HF_NEIGHBOUR_REACHABLE);
        assert_int_equal(seen.broadcasts[0] + seen.broadcasts[1], 1);
        struct hf_stack_counters c;
        hf_stack_counters(two.stack[0], &c);
        assert_int_equal(c.neighbours, 1);
        assert_int_equal(c.solicits_out, 1);
        assert_int_equal(c.retransmits, 0);
        two_end(&two);
    }
}

/* While a connection makes progress nobody asks after the neighbour (RFC 4861 7.3.1). */
TEST(progress_confirms_the_neighbour, none, "")
{
    struct two two;
    struct seen seen;
    begin(&two, &seen);
    hf_listener listener = two_listen(&two, 1, 80, 5);
    hf_conn opened, accepted;
    two_connect(&two, listener, 80, &opened, &accepted);
    for (int i = 0; i < 40; i++) { /* ten seconds apart, for longer than anything is believed */
        transfer(&two, opened, accepted, 1);
        two_run(&two, 10 * HF_SEC);
    }
    assert_int_equal(seen.arp[0], 1);
    assert_int_equal(seen.arp[1], 1);
    two_end(&two);
}

TEST(an_idle_neighbour_is_asked_after_when_it_is_used, none, "")
{
    struct two two;
    struct seen seen;
    init(&two, &seen);
    two.settings.r1 = 100; /* or TCP would have doubts before */
    two_make(&two);
    hf_listener listener = two_listen(&two, 1, 80, 5);
    hf_conn opened, accepted;
    two_connect(&two, listener, 80, &opened, &accepted);
    two_run(&two, 100 * HF_SEC);
    assert_int_equal(seen.arp[0], 1); /* nobody cares */
    seen.deaf[1] = true;
    static const uint8_t text[10];
    assert_int_equal(hf_tcp_send(two.stack[0], opened, text, sizeof text, 0), sizeof text);
    two_settle(&two);
    assert_int_equal(neighbour_state(&two, 0, "10.0.0.2"), HF_NEIGHBOUR_DELAY);
    assert_int_equal(seen.arp[0], 1);
    two_run(&two, 5 * HF_SEC);
    assert_int_equal(neighbour_state(&two, 0, "10.0.0.2"), HF_NEIGHBOUR_PROBE);
    two_run(&two, 4 * HF_SEC);
    assert_int_equal(seen.arp[0], 4); /* itself, three times */
    assert_int_equal(seen.broadcasts[0], 1);
    assert_int_equal(neighbour_state(&two, 0, "10.0.0.2"), 0);
    seen.deaf[1] = false; /* and it is back */
    two_run(&two, 60 * HF_SEC);
    assert_int_equal(seen.broadcasts[0], 2); /* all were asked, for the next retransmission */
    assert_int_equal(neighbour_state(&two, 0, "10.0.0.2"), HF_NEIGHBOUR_REACHABLE);
    assert_int_equal(two_state(&two, 0, opened), HF_ESTABLISHED);
    two_end(&two);
}

/* RFC 9293 3.9.2.1: TCP that retransmits in vain tells ip, which looks after the next hop at once. */
TEST(negative_advice_makes_the_neighbour_be_asked, none, "MUST-20")
{
    struct two two;
    struct seen seen;
    begin(&two, &seen);
    hf_listener listener = two_listen(&two, 1, 80, 5);
    hf_conn opened, accepted;
    two_connect(&two, listener, 80, &opened, &accepted);
    struct hf_neighbour *n = neighbour(&two, 0, "10.0.0.2");
    n->reachable_until = two.now + 3600 * HF_SEC; /* it would be believed for long */
    seen.deaf[0] = true;
    static const uint8_t text[10];
    assert_int_equal(hf_tcp_send(two.stack[0], opened, text, sizeof text, 0), sizeof text);
    two_run(&two, 300 * HF_MS);
    assert_int_equal(seen.arp[0], 1);
    two_run(&two, 10 * HF_SEC);
    assert_true(seen.arp[0] > 1);
    two_end(&two);
}

TEST(nobody_there_ends_the_attempt_with_a_reason, linux, "")
{
    struct two two;
    struct seen seen;
    init(&two, &seen);
    two.settings = *hf_settings_linux();
    two_make(&two);
    hf_conn conn = open_to(&two, "10.0.0.9", 80), six = open_to(&two, "fd00::9", 80);
    two_run(&two, 2900 * HF_MS);
    assert_int_equal(two_state(&two, 0, conn), HF_SYN_SENT);
    assert_int_equal(seen.arp[0], 3);
    assert_int_equal(seen.discovery[0], 3);
    assert_int_equal(seen.datagrams[0], 0);
    two_run(&two, 200 * HF_MS);
    assert_int_equal(two_state(&two, 0, conn), HF_CLOSED);
    assert_int_equal(two_state(&two, 0, six), HF_CLOSED);
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_status(two.stack[0], conn, &status), 0);
    assert_int_equal(status.cause, HF_CAUSE_UNREACHABLE);
    two_run(&two, 2 * HF_SEC);
    struct hf_stack_counters c;
    hf_stack_counters(two.stack[0], &c);
    assert_int_equal(c.neighbours, 0);
    two_end(&two);
}

TEST(a_gateway_sends_on_what_is_not_here, none, "")
{
    struct two two;
    struct seen seen;
    begin(&two, &seen);
    struct hf_addr any = {.family = HF_IPV4}, far = two_addr("192.0.2.1");
    struct hf_addr via = two_addr("10.0.0.2"), us = two_addr("10.0.0.1");
    struct hf_addr six = {.family = HF_IPV6}, via_six = two_addr("fd00::2");
    assert_int_equal(hf_stack_add_gateway(two.stack[0], 1, &any, 0, &far), HF_ERR_ADDRESS);
    assert_int_equal(hf_stack_add_gateway(two.stack[0], 1, &any, 0, &us), HF_ERR_ADDRESS);
    assert_int_equal(hf_stack_add_gateway(two.stack[0], 1, &any, 0, &via_six), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_gateway(two.stack[0], 2, &any, 0, &via), HF_ERR_ARGUMENT);
    assert_int_equal(hf_stack_add_gateway(two.stack[0], 1, &any, 0, &via), 0);
    assert_int_equal(hf_stack_add_gateway(two.stack[0], 1, &six, 0, &via_six), 0);
    /* Stack 1 has the far addresses, too: it stands for what is behind it. */
    struct hf_addr far_six = two_addr("2001:db8::1");
    assert_int_equal(hf_stack_add_address(two.stack[1], 1, &far, 32), 0);
    assert_int_equal(hf_stack_add_address(two.stack[1], 1, &far_six, 128), 0);
    hf_listener listener = two_listen(&two, 1, 80, 5);
    hf_conn conn = open_to(&two, "192.0.2.1", 80), conn_six = open_to(&two, "2001:db8::1", 80);
    two_settle(&two);
    assert_int_equal(two_state(&two, 0, conn), HF_ESTABLISHED);
    assert_int_equal(two_state(&two, 0, conn_six), HF_ESTABLISHED);
    assert_int_equal(hf_listener_waiting(two.stack[1], listener), 2);
    assert_null(neighbour(&two, 0, "192.0.2.1"));
    assert_int_equal(neighbour_state(&two, 0, "10.0.0.2"), HF_NEIGHBOUR_REACHABLE);
    two_end(&two);
}

/* No allocation may fail the stack; packets may be lost. */
TEST(memory_that_fails, none, "C22")
{
    for (unsigned one_in = 2; one_in < 40; one_in++) {
        struct two two;
        struct seen seen;
        begin(&two, &seen);
        (void)two_listen(&two, 1, 80, 5);
        two.fail_one_in = one_in;
        struct hf_open open = {.size = sizeof open, .remote = {two_addr("10.0.0.2"), 80}};
        struct hf_open nobody = {.size = sizeof open, .remote = {two_addr("fd00::9"), 80}};
        hf_conn a, b;
        (void)hf_tcp_open(two.stack[0], &open, &a);
        (void)hf_tcp_open(two.stack[0], &nobody, &b);
        two_run(&two, 20 * HF_SEC);
        two.fail_one_in = 0;
        two_end(&two);
    }
}
