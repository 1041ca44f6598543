/* Two stacks, driven by hand; duet.h says how. */
#include "duet.h"

#include <stdlib.h>
#include <string.h>

void duet_begin(struct duet *d, const struct hf_settings *settings)
{
    memset(d, 0, sizeof *d);
    d->now = 1000 * HF_SEC;
    for (int i = 0; i < 2; i++) {
        struct hf_stack_config config;
        struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
        hf_stack_config_init(&config);
        config.settings = *settings;
        config.allocator = hf_sim_allocator_use(&d->memory[i]);
        config.id = (uint16_t)(i + 1);
        config.now = d->now;
        config.seed[0] = (uint8_t)i;
        memcpy(config.seed + 1, &(uint64_t){check_seed()}, 8);
        d->addr[i] = (struct hf_addr){.family = HF_IPV4, .bytes = {10, 0, 0, (uint8_t)(i + 1)}};
        d->stack[i] = hf_stack_create(&config, NULL);
        assert_non_null(d->stack[i]);
        assert_int_equal(hf_stack_add_link(d->stack[i], &link), 1);
        assert_int_equal(hf_stack_add_address(d->stack[i], 1, &d->addr[i], 24), 0);
    }
}

void duet_end(struct duet *d)
{
    for (int i = 0; i < 2; i++) {
        while (duet_lose(d, i))
            continue;
        hf_stack_destroy(d->stack[i]);
        assert_int_equal(d->memory[i].in_use, 0);
        assert_int_equal(d->memory[i].bad_frees, 0);
    }
}

static void fly(struct duet *d, int from, const struct hf_packet *packet)
{
    struct duet_packet *p = &d->flying[from][d->count[from]];
    assert_true(d->count[from] < DUET_PACKETS);
    p->bytes = malloc(packet->len);
    assert_non_null(p->bytes);
    p->len = hf_packet_copy(packet, p->bytes, packet->len);
    assert_int_equal(p->len, packet->len);
    d->count[from]++;
    if (d->on_packet)
        d->on_packet(d, from, p->bytes, p->len);
}

void duet_pull(struct duet *d)
{
    for (int i = 0; i < 2; i++) {
        struct hf_packet packets[4];
        size_t n;
        while ((n = hf_stack_output(d->stack[i], 1, packets, 4, d->now)) > 0) {
            for (size_t k = 0; k < n; k++)
                fly(d, i, &packets[k]);
            hf_stack_sent(d->stack[i], packets, n);
        }
        const char *broken = hf_stack_check(d->stack[i]);
        if (broken != NULL)
            fail_msg("stack %d: an invariant does not hold: %s", i, broken);
    }
}

/* Out of the queue; the bytes are the caller's. */
static struct duet_packet take(struct duet *d, int from)
{
    struct duet_packet p = {0};
    if (d->count[from] > 0) {
        p = d->flying[from][0];
        d->count[from]--;
        memmove(&d->flying[from][0], &d->flying[from][1],
                d->count[from] * sizeof d->flying[from][0]);
    }
    return p;
}

bool duet_deliver(struct duet *d, int from)
{
    struct duet_packet p = take(d, from);
    if (p.bytes == NULL)
        return false;
    struct hf_packet packet;
    hf_packet_wrap(&packet, 1, p.bytes, p.len);
    hf_stack_input(d->stack[1 - from], 1, &packet, 1, d->now);
    free(p.bytes);
    duet_pull(d);
    return true;
}

bool duet_deliver_both(struct duet *d)
{
    bool first = duet_deliver(d, 0), second = duet_deliver(d, 1);
    return first || second;
}

bool duet_lose(struct duet *d, int from)
{
    struct duet_packet p = take(d, from);
    free(p.bytes);
    return p.bytes != NULL;
}

hf_time duet_deadline(const struct duet *d)
{
    hf_time a = hf_stack_deadline(d->stack[0]), b = hf_stack_deadline(d->stack[1]);
    return a < b ? a : b;
}

void duet_timers(struct duet *d)
{
    for (int i = 0; i < 2; i++)
        hf_stack_timers(d->stack[i], d->now);
    duet_pull(d);
}
