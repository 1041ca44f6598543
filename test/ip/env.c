/* See env.h. */
#include "env.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/checksum.h"

#define LIMIT ((size_t)16 << 20)

static void *allocate(void *context, size_t size)
{
    struct world *w = context;
    if (++w->allocations == w->fail_at)
        return NULL;
    w->allocated += size;
    return malloc(size);
}

static void release(void *context, void *memory, size_t size)
{
    struct world *w = context;
    w->allocated -= size;
    free(memory);
}

void world_up_bare(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->settings = (struct hf_settings){
        .ttl = 64,
        .icmp_rate = 1000,
        .pmtu_floor = 552,
        .pmtu_age = 600 * HF_SEC,
        .fragment_memory = 256 * 1024,
        .fragment_per_source = 16,
        .fragment_timeout = 30 * HF_SEC,
    };
    struct hf_env *env = &w->env;
    env->now = 1000 * HF_SEC;
    env->settings = &w->settings;
    env->budget.allocator = (struct hf_allocator){allocate, release, w};
    hf_budget_set_limit(&env->budget, LIMIT);
    env->checksum = hf_checksum_add;
    for (unsigned i = 0; i < 16; i++)
        env->seed[i] = (uint8_t)check_random();
    hf_random_init(&env->random, env->seed, 1);
    hf_chunks_init(&env->chunks, &env->budget, &env->now);
    for (unsigned i = 1; i <= 2; i++) {
        env->replies[i].size = 256;
        env->replies[i].ring = hf_budget_alloc(&env->budget, 256 * sizeof(struct hf_reply));
    }
    assert_int_equal(hf_ip_init(env, &w->ip), 0);
}

static void add(struct world *w, unsigned link, const char *text, unsigned bits)
{
    struct hf_addr a = addr(text);
    assert_int_equal(hf_ip_add_address(&w->ip, link, &a, bits), 0);
}

void world_up(struct world *w)
{
    world_up_bare(w);
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    assert_int_equal(hf_ip_add_link(&w->ip, &link), 1);
    assert_int_equal(hf_ip_add_link(&w->ip, &link), 2);
    add(w, 1, "10.1.0.2", 24);
    add(w, 1, "fd01::2", 64);
    add(w, 1, "fe80::2", 64);
    add(w, 2, "10.2.0.2", 24);
    add(w, 2, "fd02::2", 64);
    add(w, 2, "fe80::3", 64);
    struct hf_addr any4 = {.family = HF_IPV4}, any6 = {.family = HF_IPV6};
    assert_int_equal(hf_ip_add_route(&w->ip, 1, &any4, 0), 0);
    assert_int_equal(hf_ip_add_route(&w->ip, 1, &any6, 0), 0);
}

void world_down(struct world *w)
{
    static struct bytes b;
    for (unsigned link = 1; link <= 2; link++) {
        while (take_reply(w, link, &b))
            ;
        hf_budget_free(&w->env.budget, w->env.replies[link].ring,
                       w->env.replies[link].size * sizeof(struct hf_reply));
    }
    hf_ip_reset(&w->env, &w->ip);
    hf_chunks_reset(&w->env.chunks);
    assert_int_equal(w->allocated, 0);
    assert_int_equal(w->env.budget.used, 0);
}

struct hf_addr addr(const char *text)
{
    struct hf_addr a = {.family = strchr(text, ':') ? HF_IPV6 : HF_IPV4};
    assert_int_equal(inet_pton(a.family == HF_IPV6 ? AF_INET6 : AF_INET, text, a.bytes), 1);
    return a;
}

const uint8_t *key(const char *text)
{
    static uint8_t ring[8][16];
    static unsigned next;
    uint8_t *k = ring[next++ % 8];
    struct hf_addr a = addr(text);
    memset(k, 0, 16);
    if (a.family == HF_IPV4) {
        k[10] = k[11] = 0xff;
        memcpy(k + 12, a.bytes, 4);
    } else {
        memcpy(k, a.bytes, 16);
    }
    return k;
}

uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void set16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void set32(uint8_t *p, uint32_t v)
{
    set16(p, v >> 16);
    set16(p + 2, v);
}

/* RFC 1071, the plain way: the sum, not inverted. */
static uint32_t sum(const uint8_t *p, uint32_t len, uint64_t total)
{
    for (uint32_t i = 0; i < len; i++)
        total += i % 2 ? p[i] : (uint64_t)p[i] << 8;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint32_t)total;
}

static void write_ipv4(struct bytes *b, const struct ip_fields *f, uint32_t len)
{
    uint8_t *p = b->data;
    uint32_t header = 20 + f->options_len;
    struct hf_addr src = addr(f->src), dst = addr(f->dst);
    p[0] = (uint8_t)(0x40 | header / 4);
    p[1] = f->tos;
    set16(p + 2, header + len);
    set16(p + 4, f->id);
    set16(p + 6, (f->more ? 0x2000u : 0u) | f->offset / 8);
    p[8] = f->ttl ? f->ttl : 64;
    p[9] = f->protocol;
    memcpy(p + 12, src.bytes, 4);
    memcpy(p + 16, dst.bytes, 4);
    if (f->options_len)
        memcpy(p + 20, f->options, f->options_len);
    set16(p + 10, 0);
    set16(p + 10, ~sum(p, header, 0));
    b->len = header;
}

static void write_ipv6(struct bytes *b, const struct ip_fields *f, uint32_t len)
{
    uint8_t *p = b->data;
    struct hf_addr src = addr(f->src), dst = addr(f->dst);
    bool fragment = f->more || f->offset || f->fragment;
    uint8_t last = fragment ? 44 : f->protocol;
    set32(p, 6u << 28 | (uint32_t)f->tos << 20);
    set16(p + 4, f->options_len + (fragment ? 8 : 0) + len);
    p[6] = f->options_len ? f->options_kind : last;
    p[7] = f->ttl ? f->ttl : 64;
    memcpy(p + 8, src.bytes, 16);
    memcpy(p + 24, dst.bytes, 16);
    b->len = 40;
    if (f->options_len) {
        memcpy(p + 40, f->options, f->options_len);
        b->len += f->options_len;
    }
    if (fragment) {
        p[b->len] = f->protocol;
        p[b->len + 1] = 0;
        set16(p + b->len + 2, f->offset | f->more);
        set32(p + b->len + 4, f->id);
        b->len += 8;
    }
}

void write_ip(struct bytes *b, const struct ip_fields *f, const void *payload, uint32_t len)
{
    if (strchr(f->src, ':'))
        write_ipv6(b, f, len);
    else
        write_ipv4(b, f, len);
    assert_true(b->len + len + f->padding <= sizeof b->data);
    if (len)
        memcpy(b->data + b->len, payload, len);
    memset(b->data + b->len + len, 0xee, f->padding);
    b->len += len + f->padding;
}

static uint32_t pseudo(const uint8_t *src, const uint8_t *dst, uint32_t len)
{
    return sum(src, 16, sum(dst, 16, (len >> 16) + (len & 0xffff) + 58));
}

uint32_t write_icmp(uint8_t *to, const char *src, const char *dst, uint8_t type, uint8_t code,
                    uint32_t rest, const void *text, uint32_t len)
{
    to[0] = type;
    to[1] = code;
    set16(to + 2, 0);
    set32(to + 4, rest);
    if (len)
        memmove(to + 8, text, len);
    uint32_t s = strchr(src, ':') ? pseudo(key(src), key(dst), 8 + len) : 0;
    set16(to + 2, ~sum(to, 8 + len, s));
    return 8 + len;
}

uint32_t write_tcp(uint8_t *to, uint16_t src_port, uint16_t dst_port, uint32_t seq, uint8_t flags)
{
    memset(to, 0, 20);
    set16(to, src_port);
    set16(to + 2, dst_port);
    set32(to + 4, seq);
    to[12] = 0x50;
    to[13] = flags;
    return 20;
}

static enum hf_ip_verdict give_packet(struct world *w, unsigned link,
                                      const struct hf_packet *packet)
{
    memset(&w->datagram, 0, sizeof w->datagram);
    memset(&w->error, 0, sizeof w->error);
    return hf_ip_input(&w->env, &w->ip, link, packet, &w->datagram, &w->error);
}

/* `datagram` refers to the packet, so that is kept until the next one. */
enum hf_ip_verdict give(struct world *w, unsigned link, const struct bytes *b)
{
    static struct hf_packet packet;
    hf_packet_wrap(&packet, (uint8_t)link, b->data, b->len);
    return give_packet(w, link, &packet);
}

enum hf_ip_verdict give_cut(struct world *w, unsigned link, const struct bytes *b, uint32_t cut)
{
    static struct hf_packet packet;
    hf_packet_wrap(&packet, (uint8_t)link, b->data, b->len);
    packet.slice[0].len = cut;
    packet.slice[1] = (struct hf_slice){.data = b->data + cut, .len = b->len - cut};
    packet.slices = 2;
    return give_packet(w, link, &packet);
}

bool take_reply(struct world *w, unsigned link, struct bytes *b)
{
    struct hf_replies *replies = &w->env.replies[link];
    if (replies->count == 0)
        return false;
    struct hf_reply *reply = &replies->ring[replies->first];
    assert_true(reply->kind == HF_REPLY_RAW || reply->kind == HF_REPLY_FRAME);
    assert_int_equal(reply->link, link);
    struct hf_chunk *chunk = hf_chunk_at(&w->env.chunks, reply->chunk);
    uint32_t note = reply->kind == HF_REPLY_FRAME ? 16 : 0;
    assert_true(chunk->used <= sizeof b->data);
    memcpy(b->data, chunk->data + note, chunk->used - note);
    b->len = chunk->used - note;
    hf_chunk_release(&w->env.chunks, reply->chunk);
    replies->first = (replies->first + 1) & (replies->size - 1);
    replies->count--;
    return true;
}

void no_reply(struct world *w)
{
    assert_int_equal(w->env.replies[1].count, 0);
    assert_int_equal(w->env.replies[2].count, 0);
}

uint64_t drops(const struct world *w, enum hf_drop reason)
{
    return w->env.counters.drops[reason];
}

uint64_t all_drops(const struct world *w)
{
    uint64_t n = 0;
    for (int i = 0; i < HF_DROP_COUNT; i++)
        n += w->env.counters.drops[i];
    return n;
}

void assert_checksums(const struct bytes *b)
{
    if (b->data[0] >> 4 == 4) {
        assert_int_equal(sum(b->data, 20, 0), 0xffff);
        assert_int_equal(get16(b->data + 2), b->len);
        if (b->data[9] == 1 && (get16(b->data + 6) & 0x3fff) == 0)
            assert_int_equal(sum(b->data + 20, b->len - 20, 0), 0xffff);
        return;
    }
    assert_int_equal(get16(b->data + 4) + 40, b->len);
    if (b->data[6] == 58)
        assert_int_equal(
            sum(b->data + 40, b->len - 40, pseudo(b->data + 8, b->data + 24, b->len - 40)),
            0xffff);
}

void put_address(struct world *w, struct hf_packet *packet, const struct hf_flow *flow,
                 uint8_t tos, uint8_t ttl)
{
    bool ipv4 = hf_flow_is_ipv4(flow);
    hf_ip_address(&w->ip, packet, flow, ipv4, hf_flow_sum(flow, ipv4), tos, ttl);
}
