/* Two hosts on a bad link, in one process and in virtual time: the client sends a megabyte, one
 * packet in twenty is lost on the way, the same ones each time the program runs with this seed.
 *
 *     cc simulate.c $(pkg-config --cflags --libs handfast) && ./a.out [SEED] */
#include <stdio.h>
#include <stdlib.h>

#include <handfast/sim.h>
#include <handfast/tcp.h>

#define BYTES (1024 * 1024)

/* One for each host; the oracle knows which bytes the stream is made of. */
struct end {
    hf_listener listener;
    hf_conn conn;
    struct hf_sim_oracle *stream;
    int closed;
};

static void client_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct end *me = context;
    struct hf_stack *stack = hf_sim_stack(sim, host);
    unsigned char buf[4096];
    int64_t n = 1;

    if (event->bits & HF_EVENT_ENDED)
        printf("client: %s\n", hf_cause_text((int)event->cause));
    while (me->stream->sent < BYTES && n > 0) {
        hf_sim_oracle_next(me->stream, buf, sizeof buf);
        n = hf_tcp_send(stack, me->conn, buf, sizeof buf, 0);
        if (n > 0)
            hf_sim_oracle_sent(me->stream, (size_t)n);
    }
    if (me->stream->sent >= BYTES && !me->closed) {
        hf_sim_oracle_end(me->stream);
        me->closed = hf_tcp_shutdown(stack, me->conn) == 0;
    }
}

static void server_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct end *me = context;
    struct hf_stack *stack = hf_sim_stack(sim, host);
    unsigned char buf[4096];
    int64_t n;

    if (event->handle == me->listener) {
        hf_tcp_accept(stack, me->listener, 0, &me->conn);
        return;
    }
    while ((n = hf_tcp_recv(stack, me->conn, buf, sizeof buf)) > 0)
        if (hf_sim_oracle_received(me->stream, buf, (size_t)n) != HF_SIM_ORACLE_FINE)
            hf_sim_fail(sim, host, hf_sim_oracle_text(me->stream->fault));
    if (n == HF_EOF && !me->closed) {
        hf_sim_oracle_eof(me->stream);
        me->closed = hf_tcp_close(stack, me->conn) == 0;
    }
}

int main(int argc, char **argv)
{
    struct hf_sim_oracle stream;
    struct end client = {.stream = &stream}, server = {.stream = &stream};
    struct hf_sim_config config;
    struct hf_sim_host_config host;
    struct hf_sim_path path;
    struct hf_sim_path_counters there;
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 8};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};

    hf_sim_oracle_init(&stream, 1);
    hf_sim_config_init(&config);
    config.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    struct hf_sim *sim = hf_sim_create(&config);
    hf_sim_host_config_init(&host);
    host.app = (struct hf_sim_app){.on_event = client_event, .context = &client};
    int a = hf_sim_add_host(sim, &host);
    host.app = (struct hf_sim_app){.on_event = server_event, .context = &server};
    int b = hf_sim_add_host(sim, &host);
    hf_sim_path_init(&path);
    path.rate = 10000000;
    path.delay = 20 * HF_MS;
    path.loss = 50000;
    int wire = hf_sim_add_link(sim, a, b, 1500, &path);
    hf_tcp_listen(hf_sim_stack(sim, b), &listen, &server.listener);
    hf_sim_address(sim, wire, b, HF_IPV4, &open.remote.addr);
    hf_tcp_open(hf_sim_stack(sim, a), &open, &client.conn);

    hf_sim_run(sim, HF_NEVER, NULL, NULL);
    hf_sim_path_counters(sim, wire, a, &there);
    printf("%s\n", hf_sim_failure(sim) ? hf_sim_failure(sim) : "no rule was broken");
    printf("%.1f s: %llu of %d bytes arrived, %llu of %llu packets were lost\n",
           (double)hf_sim_now(sim) / 1e9, (unsigned long long)stream.received, BYTES,
           (unsigned long long)there.lost, (unsigned long long)there.packets);
    hf_sim_destroy(sim);
    return !hf_sim_oracle_complete(&stream);
}
