/* Two stacks and a wire: see two.h. */
#include "two.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16

static void *take(void *context, size_t size)
{
    struct two *two = context;
    if (two->fail_one_in && check_random_below(two->fail_one_in) == 0)
        return NULL;
    two->bytes += size;
    two->blocks++;
    return malloc(size);
}

static void give(void *context, void *memory, size_t size)
{
    struct two *two = context;
    two->bytes -= size;
    two->blocks--;
    free(memory);
}

struct hf_addr two_addr(const char *text)
{
    struct hf_addr addr;
    assert_int_equal(hf_addr_parse(text, &addr), 0);
    return addr;
}

void two_init(struct two *two)
{
    memset(two, 0, sizeof *two);
    two->now = 1000 * HF_SEC;
    two->settings = *hf_settings_default();
    two->memory_limit = (size_t)16 << 20;
}

struct hf_stack_config two_config(struct two *two)
{
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    config.settings = two->settings;
    config.allocator = (struct hf_allocator){take, give, two};
    config.memory_limit = two->memory_limit;
    config.connections_max = 10000;
    config.now = two->now;
    return config;
}

void two_make(struct two *two)
{
    static const char *const addresses[2][2] = {{"10.0.0.1", "fd00::1"}, {"10.0.0.2", "fd00::2"}};
    for (int i = 0; i < 2; i++) {
        struct hf_stack_config config = two_config(two);
        struct hf_link_config link = {
            .size = sizeof link, .mtu = 1500, .features = two->features};
        if (two->ethernet) {
            link.kind = HF_LINK_ETHERNET;
            memcpy(link.mac, (uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(i + 1)}, 6);
        }
        config.id = (uint16_t)(i + 1);
        config.seed[0] = (uint8_t)i;
        uint64_t random = check_random();
        memcpy(config.seed + 8, &random, sizeof random);
        if (two->adjust)
            two->adjust(two, i, &config);
        int err = 1;
        two->stack[i] = hf_stack_create(&config, &err);
        assert_int_equal(err, 0);
        assert_int_equal(hf_stack_add_link(two->stack[i], &link), 1);
        for (int k = 0; k < 2; k++) {
            struct hf_addr addr = two_addr(addresses[i][k]);
            assert_int_equal(hf_stack_add_address(two->stack[i], 1, &addr, k ? 64 : 24), 0);
        }
    }
}

void two_end(struct two *two)
{
    for (int i = 0; i < 2; i++)
        hf_stack_destroy(two->stack[i]);
    assert_int_equal(two->bytes, 0);
    assert_int_equal(two->blocks, 0);
}

static size_t carry(struct two *two, int from)
{
    struct hf_packet packets[ROOM], copies[ROOM];
    static uint8_t bytes[ROOM][2048];
    size_t n = hf_stack_output(two->stack[from], 1, packets, ROOM, two->now), kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t len = hf_packet_copy(&packets[i], bytes[i], sizeof bytes[i]);
        assert_int_not_equal(len, 0);
        if (!two->on_packet || two->on_packet(two, from, bytes[i], len))
            hf_packet_wrap(&copies[kept++], 1, bytes[i], len);
    }
    hf_stack_sent(two->stack[from], packets, n);
    hf_stack_input(two->stack[!from], 1, copies, kept, two->now);
    two->passed[from] += n;
    return n;
}

static void check(struct two *two)
{
    for (int i = 0; i < 2; i++) {
        const char *fault = hf_stack_check(two->stack[i]);
        if (fault)
            fail_msg("stack %d: %s", i, fault);
    }
}

void two_settle(struct two *two)
{
    for (int turns = 0; carry(two, 0) + carry(two, 1) > 0; turns++)
        assert_true(turns < 100000);
    check(two);
}

void two_run(struct two *two, hf_time time)
{
    hf_time end = two->now + time;
    two_settle(two);
    for (int turns = 0;; turns++) {
        assert_true(turns < 1000000);
        hf_time a = hf_stack_deadline(two->stack[0]), b = hf_stack_deadline(two->stack[1]);
        hf_time next = a < b ? a : b;
        if (next > end)
            break;
        if (next > two->now)
            two->now = next;
        hf_stack_timers(two->stack[0], two->now);
        hf_stack_timers(two->stack[1], two->now);
        two_settle(two);
    }
    two->now = end;
}

hf_listener two_listen(struct two *two, int at, uint16_t port, uint32_t backlog)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = port, .backlog = backlog};
    hf_listener listener = 0;
    assert_int_equal(hf_tcp_listen(two->stack[at], &listen, &listener), 0);
    return listener;
}

void two_connect(struct two *two, hf_listener listener, uint16_t port, hf_conn *opened,
                 hf_conn *accepted)
{
    struct hf_open open = {.size = sizeof open, .remote = {two_addr("10.0.0.2"), port}};
    assert_int_equal(hf_tcp_open(two->stack[0], &open, opened), 0);
    two_settle(two);
    assert_int_equal(hf_tcp_accept(two->stack[1], listener, 0, accepted), 1);
    assert_int_equal(two_state(two, 0, *opened), HF_ESTABLISHED);
}

uint8_t two_state(struct two *two, int at, hf_conn conn)
{
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_status(two->stack[at], conn, &status), 0);
    return status.state;
}
