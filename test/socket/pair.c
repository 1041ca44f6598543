#include "pair.h"

#include <fcntl.h>
#include <stdbool.h>

struct side {
    struct hf_stack *stack;
    struct hf_sockets *sockets;
    int link;
};

static struct side sides[2]; /* client, server */
static hf_time now;
static enum family family;
struct hf_sockets *client, *server;

/* ---- The world ---- */

static size_t carry(struct side *from, struct side *to)
{
    struct hf_packet packet, copy;
    uint8_t bytes[2048];
    size_t moved = 0;
    while (hf_stack_output(from->stack, from->link, &packet, 1, now) == 1) {
        uint32_t len = hf_packet_copy(&packet, bytes, sizeof bytes);
        hf_stack_sent(from->stack, &packet, 1);
        hf_packet_wrap(&copy, (uint8_t)to->link, bytes, len);
        hf_stack_input(to->stack, to->link, &copy, 1, now);
        moved++;
    }
    return moved;
}

static size_t carry_both(void)
{
    size_t moved = carry(&sides[0], &sides[1]) + carry(&sides[1], &sides[0]);
    hf_sockets_notice(client);
    hf_sockets_notice(server);
    return moved;
}

static void run_timers(void)
{
    for (int i = 0; i < 2; i++)
        hf_stack_timers(sides[i].stack, now);
    (void)carry_both();
}

static hf_time deadline(void)
{
    hf_time a = hf_stack_deadline(sides[0].stack), b = hf_stack_deadline(sides[1].stack);
    return a < b ? a : b;
}

static hf_time world_now(void *context)
{
    (void)context;
    return now;
}

static int world_wait(void *context, hf_time until)
{
    (void)context;
    if (carry_both())
        return HF_OK;
    hf_time next = deadline() < until ? deadline() : until;
    if (next == HF_NEVER)
        return HF_ERR_STATE;
    if (next > now)
        now = next;
    run_timers();
    return HF_OK;
}

static void nothing(void *context)
{
    (void)context; /* whoever waits drives both hosts, and looks again */
}

void pair_settle(void)
{
    while (carry_both())
        ;
}

/* RFC 1071, over an even number of bytes. */
static uint32_t sum_of(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void put_sum(uint8_t *at, uint32_t sum)
{
    at[0] = (uint8_t)(~sum >> 8);
    at[1] = (uint8_t)~sum;
}

#define QUOTED 64 /* of the client's packet: the IP header and the beginning of TCP's */

/* From the server to the client; `quoted` is a packet of the client's. */
static uint32_t build_icmp(uint8_t *p, const uint8_t *quoted, uint8_t type, uint8_t code)
{
    bool v4 = quoted[0] >> 4 == 4;
    uint8_t header = v4 ? 20 : 40, address = v4 ? 4 : 16, at = v4 ? 12 : 8;
    memset(p, 0, header + 8u);
    memcpy(p, quoted, v4 ? 12 : 8);
    memcpy(p + at, quoted + at + address, address);
    memcpy(p + at + address, quoted + at, address);
    uint8_t *icmp = p + header;
    icmp[0] = type;
    icmp[1] = code;
    memcpy(icmp + 8, quoted, QUOTED);
    uint32_t pseudo = v4 ? 0 : sum_of(p + at, 2u * address, 58 + 8 + QUOTED);
    put_sum(icmp + 2, sum_of(icmp, 8 + QUOTED, pseudo));
    if (v4) {
        p[3] = header + 8 + QUOTED;
        p[9] = 1;
        p[10] = p[11] = 0;
        put_sum(p + 10, sum_of(p, header, 0));
    } else {
        p[5] = 8 + QUOTED;
        p[6] = 58;
    }
    return header + 8u + QUOTED;
}

void pair_complain(uint8_t type, uint8_t code)
{
    struct hf_packet packet, copy;
    uint8_t sent[2048] = {0}, error[256];
    assert_int_equal(hf_stack_output(sides[0].stack, sides[0].link, &packet, 1, now), 1);
    (void)hf_packet_copy(&packet, sent, sizeof sent);
    hf_stack_sent(sides[0].stack, &packet, 1);
    uint32_t len = build_icmp(error, sent, type, code);
    hf_packet_wrap(&copy, (uint8_t)sides[0].link, error, len);
    hf_stack_input(sides[0].stack, sides[0].link, &copy, 1, now);
    hf_sockets_notice(client);
}

void pair_silence(hf_time time)
{
    struct hf_packet packet;
    hf_time end = now + time;
    do {
        hf_time next = deadline();
        now = next < end ? next : end;
        for (int i = 0; i < 2; i++) {
            hf_stack_timers(sides[i].stack, now);
            while (hf_stack_output(sides[i].stack, sides[i].link, &packet, 1, now) == 1)
                hf_stack_sent(sides[i].stack, &packet, 1);
        }
    } while (now < end);
    hf_sockets_notice(client);
    hf_sockets_notice(server);
}

void pair_pass(hf_time time)
{
    hf_time end = now + time;
    pair_settle();
    while (deadline() <= end) {
        now = deadline() > now ? deadline() : now;
        run_timers();
        pair_settle();
    }
    now = end;
}

unsigned pair_connections(void)
{
    struct hf_stack_counters counters[2];
    for (int i = 0; i < 2; i++)
        hf_stack_counters(sides[i].stack, &counters[i]);
    return counters[0].connections + counters[1].connections;
}

hf_time pair_now(void)
{
    return now;
}

static void add_address(struct side *side, const char *text, unsigned prefix)
{
    struct hf_addr addr;
    assert_int_equal(hf_addr_parse(text, &addr), HF_OK);
    assert_int_equal(hf_stack_add_address(side->stack, side->link, &addr, prefix), HF_OK);
}

static void create(struct side *side, uint8_t number)
{
    static const char *const v4[] = {"192.0.2.1", "192.0.2.2"};
    static const char *const v6[] = {"2001:db8::1", "2001:db8::2"};
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    config.allocator = hf_host_allocator();
    config.now = now;
    config.seed[0] = (uint8_t)(number + 1);
    side->stack = hf_stack_create(&config, NULL);
    assert_non_null(side->stack);
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    side->link = hf_stack_add_link(side->stack, &link);
    add_address(side, v4[number], 24);
    add_address(side, v6[number], 64);
    struct hf_sockets_config sockets = {
        .size = sizeof sockets,
        .stack = side->stack,
        .ops = {world_now, world_wait, nothing, nothing, NULL},
        .settings = &config.settings,
    };
    side->sockets = hf_sockets_create(&sockets);
    assert_non_null(side->sockets);
}

void pair_begin(enum family which)
{
    family = which;
    now = 1000 * HF_SEC;
    create(&sides[0], 0);
    create(&sides[1], 1);
    client = sides[0].sockets;
    server = sides[1].sockets;
}

void pair_family(enum family which)
{
    family = which;
}

void pair_end(void)
{
    for (int i = 0; i < 2; i++) {
        assert_null(hf_stack_check(sides[i].stack));
        hf_sockets_destroy(sides[i].sockets);
        hf_stack_destroy(sides[i].stack);
    }
}

/* ---- Names ---- */

static struct name name_of(uint8_t last, uint16_t port)
{
    struct name name = {.len = 0};
    if (family == V4) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        if (last)
            memcpy(&a.sin_addr, (uint8_t[]){192, 0, 2, last}, 4);
        memcpy(&name.storage, &a, sizeof a);
        name.len = sizeof a;
        return name;
    }
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (last && family == V6)
        memcpy(&a.sin6_addr, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = last}, 16);
    else if (last)
        memcpy(&a.sin6_addr, (uint8_t[]){[10] = 0xff, 0xff, 192, 0, 2, last}, 16);
    memcpy(&name.storage, &a, sizeof a);
    name.len = sizeof a;
    return name;
}

struct name server_name(uint16_t port)
{
    return name_of(2, port);
}

struct name client_name(uint16_t port)
{
    return name_of(1, port);
}

struct name any_name(uint16_t port)
{
    return name_of(0, port);
}

/* ---- Sockets ---- */

int new_socket(struct hf_sockets *sockets)
{
    int fd = hf_socket_open(sockets, family == V4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    return fd;
}

int bind_to(struct hf_sockets *sockets, int fd, struct name name)
{
    return hf_socket_bind(sockets, fd, (struct sockaddr *)&name.storage, name.len);
}

int connect_to(int fd, struct name name)
{
    return hf_socket_connect(client, fd, (struct sockaddr *)&name.storage, name.len);
}

int new_listener(void)
{
    int fd = new_socket(server);
    assert_int_equal(bind_to(server, fd, server_name(PORT)), 0);
    assert_int_equal(hf_socket_listen(server, fd, 5), 0);
    return fd;
}

void new_connection(int *on_client, int *on_server)
{
    int listener = new_listener();
    *on_client = new_socket(client);
    assert_int_equal(connect_to(*on_client, server_name(PORT)), 0);
    *on_server = hf_socket_accept(server, listener, NULL, NULL, 0);
    assert_true(*on_server >= 0);
    assert_int_equal(hf_socket_close(server, listener), 0);
}

int64_t send_bytes(struct hf_sockets *sockets, int fd, const void *buf, size_t len, int flags)
{
    struct iovec piece = {.iov_len = len};
    struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
    memcpy(&piece.iov_base, &buf, sizeof buf);
    return hf_socket_send(sockets, fd, &msg, flags);
}

int64_t receive_bytes(struct hf_sockets *sockets, int fd, void *buf, size_t len, int flags)
{
    struct iovec piece = {buf, len};
    struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
    return hf_socket_receive(sockets, fd, &msg, flags);
}

int set_number(struct hf_sockets *sockets, int fd, int level, int name, int value)
{
    return hf_socket_set_option(sockets, fd, level, name, &value, sizeof value);
}

int get_number(struct hf_sockets *sockets, int fd, int level, int name)
{
    int value = -1;
    uint32_t len = sizeof value;
    assert_int_equal(hf_socket_get_option(sockets, fd, level, name, &value, &len), 0);
    assert_int_equal(len, sizeof value);
    return value;
}

void nonblocking(struct hf_sockets *sockets, int fd)
{
    assert_int_equal(hf_socket_fcntl(sockets, fd, F_SETFL, O_NONBLOCK), 0);
}
