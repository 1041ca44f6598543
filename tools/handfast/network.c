/* Opening and closing what a subcommand on a real network needs, in one order, with one line of
 * explanation when it cannot be. */
#include "network.h"
#include "interrupt.h"
#include "progress.h"

#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#define STACK_ID 1
#define KEPT_BYTES (64 << 20) /* the stack's memory limit */

static int open_views(struct network *network, const struct network_config *config)
{
    static const struct hf_view_name name = {STACK_ID, "Handfast"};
    struct views_config views = {
        .ladder_to = common.trace ? stderr : config->ladder_to,
        .live = common.trace,
        .whole = config->whole,
        .absolute = config->absolute,
        .pcap = common.pcap,
        .plot = common.plot,
        .svg = config->svg,
        .diagram = config->diagram,
        .look = {.connection = 1},
        .wall_ns = wall_offset(hf_host_now(network->host)),
        .names = &name,
        .name_count = 1,
        .peer_name = config->peer_name,
    };
    int status = views_open(&network->views, network->command, &views);
    if (status < 0 && config->look)
        views_look(&network->views, config->look, config->look_context);
    if (status >= 0 || !common.record)
        return status;
    status = record_open(&network->record, network->command, common.record, views.wall_ns);
    if (status < 0)
        views_look(&network->views, hf_recorder_record, network->record.recorder);
    return status;
}

static int open_stack(struct network *network, const struct network_config *wanted)
{
    int err;
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    const struct network_queue *queue = wanted->queue;
    config.id = (uint16_t)(STACK_ID + (queue ? queue->number : 0));
    config.allocator = hf_host_allocator();
    config.checksum = hf_host_checksum();
    config.now = network->began;
    config.trace = views_sink(&network->views, &config.trace_context);
    if (network->record.recorder && network->views.tee.count == 1) /* nobody else looks */
        hf_recorder_attach(network->record.recorder, &config);
    if (wanted->settings)
        wanted->settings(&config.settings);
    if (common.msl)
        config.settings.msl = common.msl;
    if (queue)
        memcpy(config.seed, queue->seed, sizeof config.seed);
    else if (hf_host_seed(config.seed) < 0)
        return failure(network->command, "the system has no random numbers to give");
    network->stack = hf_stack_create(&config, &err);
    if (!network->stack)
        return failure(network->command, "cannot create a stack: %s", hf_err_text(err));
    (void)hf_host_attach(network->host, network->stack);
    return -1;
}

/* Put the link behind the path of --path. */
static int go_through(struct network *network)
{
    char error[HF_ERROR_TEXT];
    uint64_t seed;
    const struct hf_sim_path *path = common_path(&seed);
    struct hf_through_config config = {.size = sizeof config, .inner = network->link};
    config.wire = hf_sim_wire_create(seed, 0);
    if (!config.wire)
        return failure(network->command, "no memory");
    (void)hf_sim_wire_set_path(config.wire, 0, path);
    (void)hf_sim_wire_set_path(config.wire, 1, path);
    struct hf_link *link = hf_link_through(&config, error);
    if (!link) {
        hf_sim_wire_destroy(config.wire);
        return failure(network->command, "%s", error);
    }
    network->link = link;
    return -1;
}

/* Another queue of a device that is open. What it offloads is a matter of the device. */
static struct hf_link *make_queue(const struct network *first, char *error)
{
    struct hf_tun_config device = {
        .size = sizeof device,
        .multi_queue = 1,
        .name = hf_link_name(first->link),
        .offload = hf_link_gso_max(first->link) ? HF_OFFLOAD_ON : HF_OFFLOAD_OFF,
    };
    return hf_link_tun(&device, error);
}

/* The first queue. A device that was opened for offload and turned out not to have it is opened anew
 * without, for all queues must be alike. */
static struct hf_link *make_tun(struct hf_tun_config *device, char *error)
{
    struct hf_link *link = hf_link_tun(device, error);
    if (!link || !device->multi_queue || hf_link_gso_max(link) ||
        device->offload == HF_OFFLOAD_OFF)
        return link;
    (void)fprintf(stderr, "%s\n", hf_link_note(link));
    hf_link_close(link);
    device->offload = HF_OFFLOAD_OFF;
    return hf_link_tun(device, error);
}

static struct hf_link *make_link(const struct network_queue *queue, char *error)
{
    struct hf_tun_config device = {
        .size = sizeof device,
        .ethernet = common.kind == LINK_TAP,
        .multi_queue = queue != NULL,
        .name = common.device,
        .mtu = (uint32_t)common.mtu,
        .host_addrs = common.host_addrs.item,
        .host_addr_count = common.host_addrs.count,
        .offload = (uint8_t)common.offload,
    };
    struct hf_interface_config interface = {
        .size = sizeof interface,
        .name = common.device,
        .mtu = (uint32_t)common.mtu,
        .offload = (uint8_t)common.offload,
        .addrs = common.addrs.item,
        .addr_count = common.addrs.count,
    };
    if (queue && queue->first)
        return make_queue(queue->first, error);
    switch (common.kind) {
    case LINK_PACKET:
        return hf_link_packet(&interface, error);
    case LINK_XDP:
        return hf_link_xdp(&interface, error);
    default:
        return make_tun(&device, error);
    }
}

static int add_addresses(struct network *network, int number)
{
    char text[HF_ADDR_TEXT];
    for (size_t i = 0; i < common.addrs.count; i++) {
        const struct hf_addr_prefix *a = &common.addrs.item[i];
        int err = hf_stack_add_address(network->stack, number, &a->addr, a->prefix);
        if (err < 0)
            return usage_error(network->command, "--addr %s/%u: %s",
                               hf_addr_format(&a->addr, text), a->prefix, hf_err_text(err));
    }
    return -1;
}

/* On a TUN device everything goes to its other end. */
static int add_routes(struct network *network, int number)
{
    static const struct hf_addr any[] = {{.family = HF_IPV4}, {.family = HF_IPV6}};
    char text[HF_ADDR_TEXT];
    if (common.kind == LINK_TUN) {
        (void)hf_stack_add_route(network->stack, number, &any[0], 0);
        (void)hf_stack_add_route(network->stack, number, &any[1], 0);
    }
    for (size_t i = 0; i < common.gateways.count; i++) {
        const struct hf_addr *a = &common.gateways.item[i].addr;
        if (hf_stack_add_gateway(network->stack, number, &any[a->family == HF_IPV6], 0, a) < 0)
            return usage_error(
                network->command,
                "--gateway %s: an address inside the prefix of an --addr, and none "
                "of those, is wanted",
                hf_addr_format(a, text));
    }
    return -1;
}

static int open_link(struct network *network, const struct network_queue *queue)
{
    char error[HF_ERROR_TEXT];
    network->link = make_link(queue, error);
    if (!network->link)
        return failure(network->command, "%s", error);
    if (*hf_link_note(network->link))
        (void)fprintf(stderr, "%s\n", hf_link_note(network->link));
    if (common.path && go_through(network) >= 0)
        return EXIT_FAILED;
    int number = hf_host_add_link(network->host, network->link, HF_LINK_CUT);
    if (number > 0 && queue)
        (void)hf_group_join(queue->group, queue->number, network->host);
    if (number < 0)
        return failure(network->command, "cannot use %s with an MTU of %u: %s",
                       hf_link_name(network->link), hf_link_mtu(network->link),
                       hf_err_text(number));
    int status = add_addresses(network, number);
    return status >= 0 ? status : add_routes(network, number);
}

int network_open(struct network *network, const struct command *command,
                 const struct network_config *config)
{
    char error[HF_ERROR_TEXT];
    struct hf_host_config host = {
        .size = sizeof host,
        .on_event = config->on_event,
        .on_ready = config->on_ready,
        .context = config->context,
    };
    memset(network, 0, sizeof *network);
    network->command = command;
#ifdef M_TRIM_THRESHOLD
    /* Queues of megabytes come and go with every round trip: memory that is given back to the system
     * each time is cleared by it each time. */
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
    network->host = hf_host_create(&host, error);
    if (!network->host)
        return failure(command, "%s", error);
    network->began = hf_host_now(network->host);
    network->first_signal = interrupts();
    interrupts_catch(network->host);
    int status = open_views(network, config);
    if (status < 0)
        status = open_stack(network, config);
    if (status < 0)
        status = open_link(network, config->queue);
    if (status >= 0) {
        common.stats = false;
        (void)network_close(network);
    }
    return status;
}

int network_step(struct network *network, hf_time max_wait)
{
    if (common.trace)
        views_draw(&network->views);
    record_poll(&network->record);
    if (hf_host_step(network->host, max_wait) == HF_OK)
        return -1;
    return failure(network->command, "%s is gone", hf_link_name(network->link));
}

void network_flush(struct network *network)
{
    (void)hf_host_step(network->host, 0);
}

int network_interrupts(const struct network *network)
{
    return interrupts() - network->first_signal;
}

void network_totals(const struct network *networks, size_t count)
{
    struct hf_stack_counters c = {0};
    char in[SIZE_TEXT];
    char out[SIZE_TEXT];
    for (size_t i = 0; i < count; i++) {
        struct hf_stack_counters one;
        hf_stack_counters(networks[i].stack, &one);
        hf_counters_add(&c, &one);
    }
    uint64_t opened = c.active_opens + c.passive_opens;
    double seconds = (double)(hf_host_now(networks[0].host) - networks[0].began) / (double)HF_SEC;
    (void)fprintf(
        stderr, "%llu connection%s in %.1f s: %s received, %s sent, %llu retransmissions\n",
        (unsigned long long)opened, opened == 1 ? "" : "s", seconds, size_text(c.bytes_in, in),
        size_text(c.bytes_out, out), (unsigned long long)c.retransmits);
    if (common.stats && count > 1) {
        common.stats = false; /* all at once, and not each by itself when it closes */
        hf_counters_print(&c, hf_write_file, stderr);
    }
}

int network_close(struct network *network)
{
    if (common.stats && network->stack) {
        struct hf_stack_counters c;
        hf_stack_counters(network->stack, &c);
        hf_counters_print(&c, hf_write_file, stderr);
    }
    interrupts_release();
    hf_host_destroy(network->host);
    hf_stack_destroy(network->stack);
    hf_link_close(network->link);
    int bad = record_close(&network->record);
    int status = views_close(&network->views, network->command);
    return status >= 0 ? status : bad;
}

static bool to_endpoint(const struct addrinfo *info, uint16_t port, struct hf_endpoint *end)
{
    memset(end, 0, sizeof *end);
    end->port = port;
    if (info->ai_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)info->ai_addr;
        end->addr.family = HF_IPV4;
        memcpy(end->addr.bytes, &in->sin_addr, 4);
        return true;
    }
    if (info->ai_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)info->ai_addr;
        end->addr.family = HF_IPV6;
        memcpy(end->addr.bytes, &in6->sin6_addr, 16);
        return true;
    }
    return false;
}

int connect_to(struct network *network, const char *name, uint16_t port, uint64_t user,
               hf_conn *conn, struct hf_endpoint *remote)
{
    struct hf_open open = {.size = sizeof open, .user = user};
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int err = HF_ERR_ROUTE;
    if (hf_addr_parse(name, &open.remote.addr) == 0) {
        open.remote.port = port;
        *remote = open.remote;
        err = hf_tcp_open(network->stack, &open, conn);
    } else {
        int unknown = getaddrinfo(name, NULL, &hints, &list);
        if (unknown)
            return failure(network->command, "%s: %s", name, gai_strerror(unknown));
        for (const struct addrinfo *info = list; info && err < 0; info = info->ai_next) {
            if (!to_endpoint(info, port, &open.remote))
                continue;
            *remote = open.remote;
            err = hf_tcp_open(network->stack, &open, conn);
        }
        freeaddrinfo(list);
    }
    if (err == HF_ERR_ADDRESS)
        return usage_error(network->command, "%s: a unicast address of another host is wanted",
                           name);
    if (err < 0)
        return failure(network->command, "%s: %s", name, hf_err_text(err));
    return -1;
}

bool over(struct network *network, hf_conn conn)
{
    struct hf_tcp_status status = {.size = sizeof status};
    if (hf_tcp_status(network->stack, conn, &status) < 0)
        return true;
    return status.state == HF_TIME_WAIT || status.state == HF_CLOSED;
}
