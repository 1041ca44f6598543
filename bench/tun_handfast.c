/* Handfast's side of the transfer, as a program writes it: a host, a TUN link, one connection. */
#include "tun.h"

#include <malloc.h>
#include <string.h>

#define PIECE 65536 /* as the raw probe has */

struct ours {
    const struct tun_run *run;
    struct hf_host *host;
    struct hf_stack *stack;
    struct hf_link *link;
    hf_conn conn;
    bool connected, ended, over;
    uint64_t got;
};

static uint8_t block[PIECE];

/* As much as the connection takes. */
static void pour(const struct ours *o)
{
    void *room;
    size_t len;
    if (!o->run->by_reference) {
        while (hf_tcp_send(o->stack, o->conn, block, sizeof block, 0) > 0)
            continue;
        return;
    }
    while (hf_tcp_reserve(o->stack, o->conn, PIECE, &room, &len) == HF_OK &&
           hf_tcp_commit(o->stack, o->conn, len, 0) == HF_OK)
        continue;
}

static void on_event(void *context, const struct hf_event *event)
{
    struct ours *o = context;
    const void *bytes;
    o->connected |= (event->bits & HF_EVENT_CONNECTED) != 0;
    o->ended |= (event->bits & HF_EVENT_ENDED) != 0;
    if (o->run->up) {
        if (o->connected && !o->over)
            pour(o);
        return;
    }
    for (int64_t n; (n = hf_tcp_peek(o->stack, o->conn, &bytes)) > 0;) {
        o->got += (uint64_t)n;
        (void)hf_tcp_consume(o->stack, o->conn, (size_t)n);
    }
}

static struct hf_addr address(const char *text)
{
    struct hf_addr addr;
    if (hf_addr_parse(text, &addr) < 0)
        bench_fail("%s: no address", text);
    return addr;
}

static void open_ours(struct ours *o)
{
    char error[HF_ERROR_TEXT] = "";
    struct hf_host_config host = {.size = sizeof host, .on_event = on_event, .context = o};
    struct hf_stack_config config;
    struct hf_addr_prefix kernel = {address(TUN_KERNEL), 24};
    struct hf_tun_config tun = {
        .size = sizeof tun,
        .name = "raw0",
        .mtu = TUN_MTU,
        .host_addrs = &kernel,
        .host_addr_count = 1,
        .offload = o->run->offload ? HF_OFFLOAD_ON : HF_OFFLOAD_OFF,
    };
    struct hf_addr us = address(TUN_US);
    o->host = hf_host_create(&host, error);
    if (!o->host)
        bench_fail("%s", error);
    hf_stack_config_init(&config);
    config.allocator = hf_host_allocator();
    config.checksum = hf_host_checksum();
    config.now = hf_host_now(o->host);
    (void)hf_host_seed(config.seed);
    o->stack = hf_stack_create(&config, NULL);
    o->link = hf_link_tun(&tun, error);
    if (!o->stack || !o->link)
        bench_fail("%s", error);
    (void)hf_host_attach(o->host, o->stack);
    int number = hf_host_add_link(o->host, o->link, HF_LINK_CUT | HF_LINK_MERGE);
    if (number < 0 || hf_stack_add_address(o->stack, number, &us, 24) < 0)
        bench_fail("cannot use a TUN device");
    struct hf_open open = {.size = sizeof open,
                           .remote = {.addr = kernel.addr, .port = TUN_PORT}};
    if (hf_tcp_open(o->stack, &open, &o->conn) < 0)
        bench_fail("cannot open a connection");
}

static uint64_t moved(const struct ours *o)
{
    struct hf_tcp_status status = {.size = sizeof status};
    if (!o->run->up)
        return o->got;
    (void)hf_tcp_status(o->stack, o->conn, &status);
    return status.bytes_acked;
}

double tun_handfast(const struct tun_run *run)
{
    struct ours o = {.run = run};
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20); /* docs/performance.md: the allocator */
    open_ours(&o);
    hf_time began = tun_now();
    while (!o.connected && tun_now() - began < 5 * HF_SEC)
        (void)hf_host_step(o.host, HF_SEC);
    began = tun_now();
    hf_time until = began + (hf_time)(run->seconds * (double)HF_SEC);
    while (!o.ended && tun_now() < until)
        (void)hf_host_step(o.host, 100 * HF_MS);
    if (!o.connected || o.ended)
        bench_fail("Handfast's connection did not live");
    double rate = (double)moved(&o) * (double)HF_SEC / (double)(tun_now() - began);
    o.over = true;
    (void)hf_tcp_abort(o.stack, o.conn);
    (void)hf_host_step(o.host, 0);
    hf_host_destroy(o.host);
    hf_stack_destroy(o.stack);
    hf_link_close(o.link);
    return rate;
}
