/* An established pair with somebody between them. Two stacks open a connection over public calls;
 * then each byte of the input is an operation: let packets through, lose, repeat, swap or damage
 * them, let time pass, make calls, or forge a segment or an ICMP error. What is forged starts from
 * the connection's real numbers, so that an input needs no luck to get past the sequence test.
 *
 * Built as fuzz-paths, each end is two stacks that are fed alike, one with its fast paths off, and both
 * must answer alike (twin.h).
 *
 * The text of each direction is a function of its place in the stream, forged text included. So
 * whatever happens, an application may only ever read the right byte at the right place; each
 * stack's own check must hold after every operation; all memory must be back at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin.h"

#include "base/checksum.h"
#include "check.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#ifndef TWO_ROADS
#define TWO_ROADS 0
#endif

enum { BATCH = 4, PACKET_MAX = 2048, TEXT_MAX = 600, OPERATIONS_MAX = 400 };

/* First byte of an input. */
enum { USE_LINUX = 1, USE_IPV6 = 2, USE_WRAP = 4, SMALL_BUFFERS = 8, MERGE = 16 };

struct end {
    struct twin twin;
    struct hf_addr addr;
    hf_conn conn;
    uint64_t sent, received;     /* bytes of text                                            */
    struct hf_tcp_status status; /* while it could be had                                    */
    uint8_t wire[PACKET_MAX];    /* the last packet sent, for repeats                        */
    uint32_t wire_len;
};

struct input {
    const uint8_t *data;
    size_t left;
};

struct world {
    struct end end[2]; /* client, server                                                      */
    struct input input;
    hf_time now;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

/* The byte at a place in either stream. */
static uint8_t text_at(uint32_t place)
{
    return (uint8_t)((place * 2654435761u) >> 24);
}

/* ---- The two stacks ---- */

static void make_end(struct end *end, uint8_t how, unsigned number)
{
    static const char *const addresses[2][2] = {{"10.0.0.1", "10.0.0.2"}, {"fd00::1", "fd00::2"}};
    struct hf_unsafe unsafe = {.size = sizeof unsafe, .fixed_iss = 1, .iss = 1000 * number};
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    struct hf_stack_config config;

    if (how & USE_WRAP)
        unsafe.iss = (uint32_t)0 - 40;
    hf_stack_config_init(&config);
    config.id = (uint16_t)number;
    config.settings = how & USE_LINUX ? *hf_settings_linux() : *hf_settings_rfc();
    config.settings.half_open_max = 8;
    config.settings.time_wait_max = 8;
    if (how & SMALL_BUFFERS)
        config.settings.snd_buffer = config.settings.rcv_buffer = 4096;
    config.memory_limit = 4 * 1024 * 1024;
    config.connections_max = 8;
    config.unsafe = &unsafe;
    twin_create(&end->twin, &config, TWO_ROADS, how & MERGE ? TWIN_MERGES : 0);
    CHECK(twin_add_link(&end->twin, &link) == 1);
    CHECK(hf_addr_parse(addresses[(how & USE_IPV6) != 0][number - 1], &end->addr) == 0);
    CHECK(twin_add_address(&end->twin, 1, &end->addr, 24) == 0);
    end->status.size = sizeof end->status;
}

/* Packets on their way to an end, each in a block of its own: reading beyond it is seen. */
struct batch {
    struct hf_packet packets[2 * BATCH];
    uint8_t *bytes[2 * BATCH];
    size_t n;
};

static void put(struct batch *batch, const uint8_t *bytes, uint32_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    CHECK(exact != NULL);
    memcpy(exact, bytes, len);
    hf_packet_wrap(&batch->packets[batch->n], 1, exact, len);
    batch->bytes[batch->n++] = exact;
}

static void give_all(struct world *world, struct end *to, struct batch *batch)
{
    if (batch->n > 0)
        twin_input(&to->twin, 1, batch->packets, batch->n, world->now);
    for (size_t i = 0; i < batch->n; i++)
        free(batch->bytes[i]);
    batch->n = 0;
}

static void give(struct world *world, struct end *to, const uint8_t *bytes, uint32_t len)
{
    struct batch batch = {.n = 0};
    put(&batch, bytes, len);
    give_all(world, to, &batch);
}

/* What becomes of the packets of one output call. */
enum fate { PASS, LOSE, REPEAT, SWAP, DAMAGE };

/* Take up to BATCH packets of one end, and let them have their fate: one batch where the other end
 * merges. Returns how many. */
static size_t carry(struct world *world, unsigned from, enum fate fate, uint8_t where)
{
    struct end *sender = &world->end[from], *receiver = &world->end[1 - from];
    static struct hf_packet packets[BATCH];
    static uint8_t bytes[BATCH][PACKET_MAX];
    uint32_t len[BATCH];
    struct batch batch = {.n = 0};
    size_t n = twin_output(&sender->twin, 1, packets, BATCH, world->now);

    for (size_t i = 0; i < n; i++) {
        len[i] = hf_packet_copy(&packets[i], bytes[i], PACKET_MAX);
        CHECK(len[i] > 0 && len[i] <= 1500);
    }
    twin_sent(&sender->twin, packets, n);
    for (size_t i = 0; i < n; i++) {
        size_t at = fate == SWAP ? n - 1 - i : i;
        if (fate == LOSE && (where >> i & 1))
            continue;
        if (fate == DAMAGE)
            bytes[at][where % len[at]] ^= (uint8_t)(1u << (where & 7));
        put(&batch, bytes[at], len[at]);
        if (fate == REPEAT)
            put(&batch, bytes[at], len[at]);
        if (!receiver->twin.merges)
            give_all(world, receiver, &batch);
        memcpy(sender->wire, bytes[at], len[at]);
        sender->wire_len = len[at];
    }
    give_all(world, receiver, &batch);
    return n;
}

static void settle(struct world *world)
{
    for (int i = 0; i < 100; i++)
        if (carry(world, 0, PASS, 0) + carry(world, 1, PASS, 0) == 0)
            return;
}

static void open_pair(struct world *world)
{
    struct end *client = &world->end[0], *server = &world->end[1];
    struct hf_listen listen = {.size = sizeof listen, .local = {.port = 80}, .backlog = 2};
    struct hf_open open = {.size = sizeof open, .remote = {server->addr, 80}};
    hf_listener listener;

    CHECK(twin_listen(&server->twin, &listen, &listener) == 0);
    CHECK(twin_open(&client->twin, &open, &client->conn) == 0);
    settle(world);
    CHECK(twin_accept(&server->twin, listener, &server->conn) == 1);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(twin_status(&world->end[i].twin, world->end[i].conn, &world->end[i].status) == 0);
        CHECK(world->end[i].status.state == HF_ESTABLISHED);
    }
}

/* ---- Forging ---- */

/* A number near `real`: a step that the input chooses. */
static uint32_t near(struct input *input, uint32_t real, uint32_t window)
{
    uint8_t step = take(input);
    switch (step & 7) {
    case 0:
        return real;
    case 1:
        return real + 1;
    case 2:
        return real - 1;
    case 3:
        return real + (step >> 3) * 40u;
    case 4:
        return real - (step >> 3) * 40u;
    case 5:
        return real + window - (step >> 3);
    case 6:
        return real + window + (step >> 3);
    default:
        return real + ((uint32_t)take(input) << 24 | (uint32_t)step << 16);
    }
}

static uint32_t finish_tcp(uint8_t *packet, uint32_t ip, uint32_t len, const struct hf_flow *flow)
{
    uint8_t *tcp = packet + ip;
    memset(tcp + HF_TCP_CHECKSUM_AT, 0, 2);
    uint32_t sum = hf_checksum_add(tcp, len, hf_tcp_pseudo_sum(flow, len));
    uint16_t checksum = hf_checksum_finish(sum);
    tcp[HF_TCP_CHECKSUM_AT] = (uint8_t)(checksum >> 8);
    tcp[HF_TCP_CHECKSUM_AT + 1] = (uint8_t)checksum;
    return ip + len;
}

static struct hf_flow flow_of(const struct world *world, unsigned sender)
{
    const struct end *to = &world->end[1 - sender];
    struct hf_flow flow = {.local_port = to->status.remote.port,
                           .remote_port = to->status.local.port};
    hf_key_from_addr(flow.local, &to->status.remote.addr);
    hf_key_from_addr(flow.remote, &to->status.local.addr);
    return flow;
}

/* A segment as the other end might have sent it to `victim`: real numbers, moved a little; any
 * flags; window, urgent pointer, text; options as raw bytes, or a timestamp that fits. */
static void forge_segment(struct world *world, unsigned victim)
{
    struct input *input = &world->input;
    const struct hf_tcp_status *real = &world->end[victim].status;
    struct hf_flow flow = flow_of(world, 1 - victim);
    uint8_t packet[PACKET_MAX], options[HF_TCP_OPTIONS_MAX];
    uint8_t flags = take(input), shape = take(input);
    struct hf_segment_head head = {.flags = flags, .options = {.wscale = HF_NO_WSCALE}};
    uint32_t ip = hf_flow_ip_header(&flow), text = 0, option_bytes = 0;

    head.seq = near(input, real->rcv_nxt, real->rcv_wnd);
    head.ack = flags & HF_ACK ? near(input, shape & 1 ? real->snd_una : real->snd_nxt, 1460) : 0;
    head.window = (uint16_t)(shape & 2 ? take(input) : 0xffff);
    head.urgent = (uint16_t)(flags & HF_URG ? take(input) : 0);
    if (shape & 4)
        text = (uint32_t)take(input) * (shape & 8 ? 2 : 1);
    if (real->timestamps && !(shape & 16)) {
        /* The real clock of the other end is not ours to know; its last value is in `wire`. */
        const uint8_t *last = world->end[1 - victim].wire + ip + HF_TCP_HEADER + 4;
        head.options.has_ts = true;
        head.options.tsval =
            (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3];
        head.options.tsval += take(input);
    }
    uint32_t header = hf_tcp_build(packet + ip, &flow, &head);
    if (shape & 32) {
        option_bytes = (take(input) & 31u) + 1;
        for (uint32_t i = 0; i < option_bytes; i++)
            options[i] = take(input);
        option_bytes = (option_bytes + 3) & ~3u;
        if (header + option_bytes > HF_TCP_HEADER + HF_TCP_OPTIONS_MAX)
            option_bytes = HF_TCP_HEADER + HF_TCP_OPTIONS_MAX - header;
        memcpy(packet + ip + header, options, option_bytes);
        header += option_bytes;
        packet[ip + 12] = (uint8_t)(header / 4 << 4 | (packet[ip + 12] & 15));
    }
    for (uint32_t i = 0; i < text; i++)
        packet[ip + header + i] =
            text_at(head.seq + ((flags & HF_SYN) != 0) + i - (real->irs + 1));
    hf_ip_build(packet, &flow, HF_PROTO_TCP, 0, 64, 7, 0, header + text);
    give(world, &world->end[victim], packet, finish_tcp(packet, ip, header + text, &flow));
}

/* An ICMP error about the last packet that `victim` sent. */
static void forge_icmp(struct world *world, unsigned victim)
{
    struct input *input = &world->input;
    struct end *end = &world->end[victim];
    struct hf_flow flow = flow_of(world, 1 - victim);
    uint32_t ip = hf_flow_ip_header(&flow), quoted = take(input);
    struct hf_icmp_head head = {.type = take(input), .code = take(input)};
    uint8_t packet[PACKET_MAX];

    head.rest = (uint32_t)take(input) * 8;
    if (quoted > end->wire_len)
        quoted = end->wire_len;
    struct hf_slice slice = {.data = end->wire, .len = quoted};
    uint32_t len = hf_icmp_build(packet + ip, &flow, &head, &slice, 1, 0, quoted);
    uint8_t protocol = hf_flow_is_ipv4(&flow) ? HF_PROTO_ICMP : HF_PROTO_ICMPV6;
    hf_ip_build(packet, &flow, protocol, 0, 64, 7, 0, len);
    give(world, end, packet, ip + len);
}

/* ---- Calls ---- */

static void call_send(struct end *end, uint32_t len, unsigned flags)
{
    uint8_t text[TEXT_MAX * 4];
    for (uint32_t i = 0; i < len; i++)
        text[i] = text_at((uint32_t)end->sent + i);
    int64_t n = twin_send(&end->twin, end->conn, text, len, flags);
    CHECK(n <= (int64_t)len);
    if (n > 0)
        end->sent += (uint64_t)n;
}

static void call_receive(struct end *end, uint32_t room)
{
    uint8_t text[TEXT_MAX * 4];
    int64_t n = twin_recv(&end->twin, end->conn, text, room);
    CHECK(n <= (int64_t)room);
    for (int64_t i = 0; i < n; i++)
        CHECK(text[i] == text_at((uint32_t)end->received + (uint32_t)i));
    if (n > 0)
        end->received += (uint64_t)n;
}

static void call_other(struct world *world, struct end *end, uint8_t which)
{
    switch (which & 7) {
    case 0:
        (void)twin_shutdown(&end->twin, end->conn);
        break;
    case 1:
        (void)twin_close(&end->twin, end->conn);
        break;
    case 2:
        (void)twin_abort(&end->twin, end->conn);
        break;
    default:
        (void)twin_set(&end->twin, end->conn, (enum hf_option)(which >> 3), take(&world->input));
    }
}

/* Let up to about 17 minutes pass, stopping wherever a timer wants to run. */
static void pass_time(struct world *world, uint8_t how_long)
{
    hf_time until = world->now + ((hf_time)1000 << (how_long % 31));
    for (int i = 0; i < 64 && world->now < until; i++) {
        hf_time next = until;
        for (unsigned e = 0; e < 2; e++) {
            hf_time deadline = twin_deadline(&world->end[e].twin);
            if (deadline < next)
                next = deadline;
        }
        world->now = next > world->now ? next : world->now + 1;
        for (unsigned e = 0; e < 2; e++)
            twin_timers(&world->end[e].twin, world->now);
        if (how_long & 32)
            settle(world);
    }
}

static void operate(struct world *world, uint8_t operation)
{
    unsigned who = operation & 1;
    struct end *end = &world->end[who];
    uint8_t what = operation >> 1 & 15;

    switch (what) {
    case 0:
        settle(world);
        break;
    case 1:
        (void)carry(world, who, PASS, 0);
        break;
    case 2:
        (void)carry(world, who, LOSE, take(&world->input));
        break;
    case 3:
        (void)carry(world, who, REPEAT, 0);
        break;
    case 4:
        (void)carry(world, who, SWAP, 0);
        break;
    case 5:
        (void)carry(world, who, DAMAGE, take(&world->input));
        break;
    case 6:
    case 7:
        pass_time(world, take(&world->input));
        break;
    case 8:
        call_send(end, take(&world->input) * 8u, operation >> 5 & 3);
        break;
    case 9:
        call_receive(end, take(&world->input) * 8u);
        break;
    case 10:
        call_other(world, end, take(&world->input));
        break;
    case 11:
        forge_icmp(world, who);
        break;
    case 12:
        give(world, &world->end[1 - who], end->wire, end->wire_len);
        break;
    default:
        forge_segment(world, who);
    }
}

static void look(struct world *world)
{
    struct hf_event events[8];
    for (unsigned i = 0; i < 2; i++) {
        struct end *end = &world->end[i];
        twin_check(&end->twin);
        while (twin_events(&end->twin, events, 8) > 0)
            continue;
        struct hf_tcp_status status = {.size = sizeof status};
        if (twin_status(&end->twin, end->conn, &status) == 0)
            end->status = status;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.input = {data, size}};
    uint8_t how = take(&world.input);

    make_end(&world.end[0], how, 1);
    make_end(&world.end[1], how, 2);
    open_pair(&world);
    for (int i = 0; i < OPERATIONS_MAX && world.input.left > 0; i++) {
        operate(&world, take(&world.input));
        look(&world);
    }
    for (unsigned i = 0; i < 2; i++)
        twin_destroy(&world.end[i].twin);
    return 0;
}
