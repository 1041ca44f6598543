/* Numbers that nobody else can predict: initial sequence numbers (RFC 9293 3.4.1, RFC 6528),
 * ephemeral ports (RFC 6056) and timestamp offsets (RFC 7323 7.1). A script's stack has
 * them fixed, so most tests make stacks of their own. */
/* clang-format off: scripts */
#include <stdlib.h>
#include <string.h>

#include <handfast/address.h>

#include "by_hand.h"

/* ---- A stack that is safe ---- */

struct own {
    struct hf_stack *stack;
    hf_time now;
};

static void *allocate(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void release(void *context, void *memory, size_t size)
{
    (void)context;
    (void)size;
    free(memory);
}

static struct hf_addr host(unsigned last)
{
    if (family() == 4)
        return (struct hf_addr){.family = HF_IPV4, .bytes = {192, 0, 2, (uint8_t)last}};
    return (struct hf_addr){.family = HF_IPV6,
                            .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)last}};
}

static struct own own_create(uint8_t seed, uint16_t port_first, uint16_t port_last)
{
    struct own own = {.now = 5000 * HF_SEC};
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    config.settings = *hf_settings_rfc();
    config.settings.port_first = port_first;
    config.settings.port_last = port_last;
    config.allocator = (struct hf_allocator){allocate, release, NULL};
    memset(config.seed, seed, sizeof config.seed);
    config.now = own.now;
    int err;
    own.stack = hf_stack_create(&config, &err);
    assert_non_null(own.stack);
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    struct hf_addr ours = host(1), second = host(77);
    assert_int_equal(hf_stack_add_link(own.stack, &link), 1);
    assert_int_equal(hf_stack_add_address(own.stack, 1, &ours, family() == 4 ? 24 : 64), 0);
    assert_int_equal(hf_stack_add_address(own.stack, 1, &second, family() == 4 ? 24 : 64), 0);
    return own;
}

struct first {
    uint32_t seq, tsval;
    uint16_t port;
    hf_conn conn;
};

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The SYN of a new connection. local_port 0: the stack chooses. */
static struct first first_segment(struct own *own, unsigned local, uint16_t local_port,
                                  unsigned remote, uint16_t remote_port)
{
    struct first first = {0};
    struct hf_open open = {.size = sizeof open,
                           .local = {host(local), local_port},
                           .remote = {host(remote), remote_port}};
    hf_stack_timers(own->stack, own->now); /* calls have no `now`: this tells it */
    assert_int_equal(hf_tcp_open(own->stack, &open, &first.conn), 0);
    struct hf_packet packet;
    uint8_t bytes[200] = {0};
    assert_int_equal(hf_stack_output(own->stack, 1, &packet, 1, own->now), 1);
    assert_true(hf_packet_copy(&packet, bytes, sizeof bytes) >= 40);
    hf_stack_sent(own->stack, &packet, 1);
    const uint8_t *tcp = bytes + (family() == 4 ? 20 : 40);
    first.port = (uint16_t)(tcp[0] << 8 | tcp[1]);
    first.seq = read32(tcp + 4);
    for (unsigned i = 20; i < 50 && first.tsval == 0; i++) /* kind 8, length 10 */
        if (tcp[i] == 8 && tcp[i + 1] == 10)
            first.tsval = read32(tcp + i + 2);
    return first;
}

/* ... and forget it again, so that the ports are free. */
static struct first first_only(struct own *own, unsigned local, uint16_t local_port,
                               unsigned remote, uint16_t remote_port)
{
    struct first first = first_segment(own, local, local_port, remote, remote_port);
    assert_int_equal(hf_tcp_abort(own->stack, first.conn), 0);
    struct hf_packet packet;
    assert_int_equal(hf_stack_output(own->stack, 1, &packet, 1, own->now), 0);
    return first;
}

/* ---- Initial sequence numbers ---- */

TEST(isn_runs_with_a_clock_of_4_us, rfc, "MUST-8 SHLD-1")
{
    struct own own = own_create(1, 49152, 65535);
    const hf_time steps[] = {4 * HF_US, 40 * HF_US, HF_MS, HF_SEC, 100 * HF_SEC, 17179 * HF_SEC};
    uint32_t before = first_only(&own, 1, 5000, 2, 80).seq;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        own.now += steps[i];
        uint32_t seq = first_only(&own, 1, 5000, 2, 80).seq;
        assert_int_equal(seq - before, (uint32_t)(steps[i] / (4 * HF_US)));
        before = seq;
    }
    hf_stack_destroy(own.stack);
}

/* Each part of the pair goes into F, and so does the key. */
TEST(isn_depends_on_the_pair_and_a_secret, rfc, "SHLD-1 MUST-9 B6")
{
    struct own own = own_create(1, 49152, 65535), other = own_create(2, 49152, 65535);
    const uint32_t numbers[] = {
        first_only(&own, 1, 5000, 2, 80).seq,  first_only(&own, 77, 5000, 2, 80).seq,
        first_only(&own, 1, 5001, 2, 80).seq,  first_only(&own, 1, 5000, 3, 80).seq,
        first_only(&own, 1, 5000, 2, 81).seq,  first_only(&own, 1, 80, 2, 5000).seq,
        first_only(&other, 1, 5000, 2, 80).seq,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(numbers[i] - numbers[k] + 100000 > 200000);
    assert_int_equal(first_only(&own, 1, 5000, 2, 80).seq, numbers[0]);
    hf_stack_destroy(own.stack);
    hf_stack_destroy(other.stack);
}

/* From numbers that one has seen nothing follows for another pair: differences are spread
 * evenly. */
TEST(isn_of_neighbours_are_unrelated, rfc, "MUST-9 SHLD-1 B6")
{
    struct own own = own_create(3, 49152, 65535);
    unsigned bits[32] = {0};
    enum { DRAWS = 1000 };
    uint32_t before = first_only(&own, 1, 10000, 2, 80).seq;
    for (uint16_t i = 1; i <= DRAWS; i++) {
        uint32_t seq = first_only(&own, 1, (uint16_t)(10000 + i), 2, 80).seq;
        for (unsigned b = 0; b < 32; b++)
            bits[b] += (seq - before) >> b & 1;
        before = seq;
    }
    for (unsigned b = 0; b < 32; b++) /* 500 +- 6 sigma */
        assert_in_range(bits[b], 400, 600);
    hf_stack_destroy(own.stack);
}

TEST(isn_of_a_passive_open, rfc, "MUST-8 SHLD-1")
{
    struct script_segment taken;
    script_setup()->random_iss = true;
    app_listen();
    in(SYN, .seq = 0, .raw_ack = 0);
    note(script_take(&taken) == (SYN|ACK));
    uint32_t before = (uint32_t)taken.raw_seq;
    in(RST, .seq = 1);
    after(sec(10));
    in(SYN, .seq = 0);
    note(script_take(&taken) == (SYN|ACK));
    expect((uint32_t)((uint32_t)taken.raw_seq - before), 10 * 250000);
    in(RST, .seq = 1);
    another(40001);
    in(SYN, .seq = 0);
    note(script_take(&taken) == (SYN|ACK));
    note((uint32_t)taken.raw_seq != before + 10 * 250000);
}

/* The numbers of a new stack need no quiet time: ports are random and F is keyed anew. */
TEST(isn_needs_no_quiet_time, rfc, "N-24")
{
    struct own crashed = own_create(4, 49152, 65535), own = own_create(5, 49152, 65535);
    struct first old = first_segment(&crashed, 1, 0, 2, 80);
    struct first first = first_segment(&own, 1, 0, 2, 80); /* at once */
    assert_true(old.seq != first.seq);
    assert_true(old.port != first.port);
    hf_stack_destroy(crashed.stack);
    hf_stack_destroy(own.stack);
}

/* ---- Timestamps ---- */

TEST(timestamp_clock_of_each_pair, rfc, "N-24 N-25 B8")
{
    struct own own = own_create(6, 49152, 65535), other = own_create(7, 49152, 65535);
    uint32_t one = first_only(&own, 1, 5000, 2, 80).tsval;
    uint32_t two = first_only(&own, 1, 5000, 3, 80).tsval;
    assert_true(one != two);
    assert_true(one != first_only(&other, 1, 5000, 2, 80).tsval);
    own.now += 7 * HF_SEC;
    assert_int_equal(first_only(&own, 1, 5000, 2, 80).tsval, one + 7000); /* it goes on */
    hf_stack_destroy(own.stack);
    hf_stack_destroy(other.stack);
}

/* ---- Ephemeral ports ---- */

TEST(ports_are_drawn_from_the_range, rfc, "N-24 B7")
{
    struct own own = own_create(8, 50000, 50999);
    unsigned seen[1000] = {0}, low = 0, steps = 0, draws = 2000;
    uint16_t before = 0;
    for (unsigned i = 0; i < draws; i++) {
        uint16_t port = first_only(&own, 1, 0, 2, 80).port;
        assert_in_range(port, 50000, 50999);
        seen[port - 50000]++;
        low += port < 50500;
        steps += port == before + 1;
        before = port;
    }
    assert_in_range(low, 800, 1200);
    assert_in_range(steps, 0, 20); /* not counted up */
    unsigned different = 0;
    for (unsigned i = 0; i < 1000; i++)
        different += seen[i] > 0;
    assert_true(different > 700);
    hf_stack_destroy(own.stack);
}

/* Every free port is found, and no pair is used twice at a time. */
TEST(ports_are_all_found, rfc, "N-10 B7")
{
    struct own own = own_create(9, 50000, 50031);
    unsigned seen[32] = {0};
    for (unsigned i = 0; i < 32; i++)
        seen[first_segment(&own, 1, 0, 2, 80).port - 50000]++;
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(seen[i], 1);
    struct hf_open open = {.size = sizeof open, .remote = {host(2), 80}};
    hf_conn conn;
    assert_int_equal(hf_tcp_open(own.stack, &open, &conn), HF_ERR_PORT);
    open.remote.port = 81; /* another pair */
    assert_int_equal(hf_tcp_open(own.stack, &open, &conn), 0);
    hf_stack_destroy(own.stack);
}
