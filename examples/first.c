/* Two hosts in one program, joined by a loop that carries packets: the client says a sentence, the
 * server sends it back, both close. No network, no privilege, no waiting: time is a number here.
 *
 *     cc first.c $(pkg-config --cflags --libs handfast) */
#include <handfast/handfast.h>

#include <stdio.h>
#include <stdlib.h>

static struct hf_stack *make_host(const char *address, uint16_t id)
{
    struct hf_stack_config config;
    struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
    struct hf_addr addr;
    struct hf_stack *stack;
    hf_stack_config_init(&config);
    config.id = id;
    config.allocator = hf_host_allocator();
    if (hf_host_seed(config.seed) != 0 || (stack = hf_stack_create(&config, NULL)) == NULL ||
        hf_stack_add_link(stack, &link) != 1 || hf_addr_parse(address, &addr) != 0 ||
        hf_stack_add_address(stack, 1, &addr, 24) != 0)
        exit(1);
    return stack;
}

/* Take what one host sends to the other. */
static size_t carry(struct hf_stack *from, struct hf_stack *to, hf_time now)
{
    struct hf_packet packets[8];
    size_t n = hf_stack_output(from, 1, packets, 8, now);
    hf_stack_input(to, 1, packets, n, now);
    hf_stack_sent(from, packets, n);
    return n;
}

static void serve(struct hf_stack *stack, const struct hf_event *event)
{
    char text[100];
    hf_conn conn;

    if (event->bits & HF_EVENT_ACCEPT)
        hf_tcp_accept(stack, event->handle, 0, &conn);
    if (event->bits & HF_EVENT_READABLE) {
        int64_t n = hf_tcp_recv(stack, event->handle, text, sizeof text);
        if (n > 0)
            hf_tcp_send(stack, event->handle, text, (size_t)n, 0);
    }
    if (event->bits & HF_EVENT_EOF)
        hf_tcp_close(stack, event->handle);
}

static void ask(struct hf_stack *stack, const struct hf_event *event)
{
    static const char sentence[] = "one hand washes the other";
    char text[100];

    if (event->bits & HF_EVENT_CONNECTED) {
        hf_tcp_send(stack, event->handle, sentence, sizeof sentence - 1, 0);
        hf_tcp_shutdown(stack, event->handle);
    }
    if (event->bits & HF_EVENT_READABLE) {
        int64_t n = hf_tcp_recv(stack, event->handle, text, sizeof text);
        if (n > 0)
            printf("the server sent back: %.*s\n", (int)n, text);
    }
    if (event->bits & (HF_EVENT_EOF | HF_EVENT_ENDED))
        hf_tcp_close(stack, event->handle);
}

int main(void)
{
    struct hf_stack *client = make_host("10.0.0.1", 1), *server = make_host("10.0.0.2", 2);
    struct hf_event event;
    struct hf_listen listen = {.size = sizeof listen, .local = {.port = 80}, .backlog = 8};
    struct hf_open open = {.size = sizeof open, .remote = {.port = 80}};
    hf_listener listener;
    hf_conn conn;
    hf_time now = 0, next;

    hf_addr_parse("10.0.0.2", &open.remote.addr);
    if (hf_tcp_listen(server, &listen, &listener) != 0 || hf_tcp_open(client, &open, &conn) != 0)
        return 1;
    for (; now != HF_NEVER; now = next) {
        hf_stack_timers(client, now);
        hf_stack_timers(server, now);
        while (carry(client, server, now) + carry(server, client, now) > 0)
            continue;
        next = now;
        if (hf_stack_events(server, &event, 1) > 0)
            serve(server, &event);
        else if (hf_stack_events(client, &event, 1) > 0)
            ask(client, &event);
        else if ((next = hf_stack_deadline(client)) > hf_stack_deadline(server))
            next = hf_stack_deadline(server); /* never, when all is over */
    }
    hf_stack_destroy(client);
    hf_stack_destroy(server);
    return 0;
}
