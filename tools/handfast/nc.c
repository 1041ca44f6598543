/* handfast nc: standard input to a connection, the connection to standard output.
 *
 * Each direction ends by itself: the end of the input closes our side (a FIN behind the last
 * byte), the peer's FIN ends the output. The exchange is over when both have ended and the peer
 * has acknowledged everything; 2MSL is not sat out. */
#include "commands.h"
#include "network.h"
#include "output.h"
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX 65536

static bool listening;

static const struct option options[] = {
    {"listen", 'l', NULL, OPTION_FLAG, &listening, 0, 0,
     "wait for one connection instead of opening one; HOST, which\n"
     "may be left out, is then the address to listen on"},
};

static const struct command command = {
    .name = "nc",
    .synopsis = "[OPTIONS] HOST PORT",
    .about =
        "Connects to HOST PORT through a TUN device, sends standard input and prints what comes\n"
        "back. The end of the input closes only our direction, as nc -N does.\n",
    .options = options,
    .option_count = OPTION_COUNT(options),
    .on_network = true,
    .notes =
        "Exit status: 0 when both sides closed in order; 1 when the connection failed; 2 when\n"
        "the command line is wrong; 130 when interrupted.\n",
};

struct wire {
    struct network network;
    hf_listener listener;
    hf_conn conn; /* 0: none yet */
    struct hf_endpoint remote;
    struct output output;
    struct progress progress;
    uint64_t sent, received;
    uint32_t ended; /* enum hf_cause */
    bool connected, input_ready, input_over, output_over;
    bool input_watched;
    int status; /* the exit status; -1: not known yet */
};

static void give_up(struct wire *w, int status)
{
    if (w->status < 0)
        w->status = status;
    if (w->conn)
        (void)hf_tcp_abort(w->network.stack, w->conn);
}

static void on_event(void *context, const struct hf_event *event)
{
    struct wire *w = context;
    if (event->bits & HF_EVENT_ACCEPT && !w->conn &&
        hf_tcp_accept(w->network.stack, w->listener, 0, &w->conn) == 1) {
        struct hf_tcp_status status = {.size = sizeof status};
        if (hf_tcp_status(w->network.stack, w->conn, &status) == HF_OK)
            w->remote = status.remote;
        (void)hf_listener_close(w->network.stack, w->listener);
        w->listener = 0;
        w->connected = true;
        return;
    }
    if (event->bits & HF_EVENT_CONNECTED)
        w->connected = true;
    if (event->bits & HF_EVENT_ENDED && event->handle == w->conn)
        w->ended = event->cause;
}

static void on_ready(void *context, int descriptor, unsigned ready, uint64_t user)
{
    struct wire *w = context;
    (void)ready;
    (void)user;
    if (descriptor == STDIN_FILENO)
        w->input_ready = true;
}

static void watch_input(struct wire *w, bool wanted)
{
    if (wanted == w->input_watched)
        return;
    w->input_watched = wanted;
    if (wanted)
        (void)hf_host_watch(w->network.host, STDIN_FILENO, HF_READY_READ, 0);
    else
        hf_host_unwatch(w->network.host, STDIN_FILENO);
}

/* Read what is ready straight into the send queue. One read: the next may block. */
static void send_input(struct wire *w)
{
    void *room;
    size_t len;
    int64_t room_bytes = 0;
    bool ready = w->input_ready;
    w->input_ready = false;
    if (!w->connected || w->input_over || w->ended) {
        watch_input(w, false);
        return;
    }
    (void)hf_tcp_get(w->network.stack, w->conn, HF_OPTION_SEND_ROOM, &room_bytes);
    watch_input(w, room_bytes > 0); /* a full queue: acknowledgements end the wait */
    if (!ready || hf_tcp_reserve(w->network.stack, w->conn, READ_MAX, &room, &len) < 0)
        return;
    ssize_t n = read(STDIN_FILENO, room, len);
    if (n > 0) {
        w->sent += (uint64_t)n;
        (void)hf_tcp_commit(w->network.stack, w->conn, (size_t)n, 0);
    } else if (n == 0) {
        w->input_over = true;
        (void)hf_tcp_shutdown(w->network.stack, w->conn);
    } else if (errno != EINTR && errno != EAGAIN) {
        give_up(w, failure(&command, "cannot read standard input: %s", strerror(errno)));
    }
}

/* Returns whether the output made it stop. */
static bool print_received(struct wire *w)
{
    while (w->connected && !w->output_over && w->status < 0) {
        const void *bytes;
        int64_t n = hf_tcp_peek(w->network.stack, w->conn, &bytes);
        if (n == HF_EOF)
            w->output_over = true;
        if (n <= 0)
            return false;
        int64_t taken = output_write(&w->output, bytes, (size_t)n);
        if (taken < 0) {
            give_up(w, failure(&command, "cannot write standard output: %s", strerror(errno)));
            return false;
        }
        if (taken == 0)
            return true;
        w->received += (uint64_t)taken;
        (void)hf_tcp_consume(w->network.stack, w->conn, (size_t)taken);
    }
    return false;
}

static bool ended_in_order(uint32_t cause)
{
    return cause == HF_CAUSE_CLOSED || cause == HF_CAUSE_TIME_WAIT_OVER;
}

static void look_for_the_end(struct wire *w)
{
    char text[HF_ENDPOINT_TEXT];
    if (w->status >= 0 || !w->conn)
        return;
    if (w->ended && !ended_in_order(w->ended)) {
        progress_clear(&w->progress);
        give_up(w, failure(&command, "%s: %s", hf_endpoint_format(&w->remote, text),
                           hf_cause_text((int)w->ended)));
    } else if (w->input_over && w->output_over && (w->ended || over(&w->network, w->conn))) {
        w->status = EXIT_FINE;
    }
}

static void interrupted(struct wire *w)
{
    if (network_interrupts(&w->network) > 1 || !w->connected) {
        give_up(w, EXIT_INTERRUPTED);
    } else if (!w->input_over) {
        w->input_over = true;
        (void)hf_tcp_shutdown(w->network.stack, w->conn);
    }
}

static void run(struct wire *w)
{
    while (w->status < 0) {
        send_input(w);
        bool waiting = print_received(w);
        if (!waiting)
            look_for_the_end(w);
        if (w->status >= 0)
            break;
        output_watch(&w->output, w->network.host, waiting);
        int status = network_step(&w->network, 200 * HF_MS);
        if (status >= 0)
            give_up(w, status);
        if (network_interrupts(&w->network))
            interrupted(w);
        progress_show(&w->progress, hf_host_now(w->network.host), w->sent + w->received, 0);
    }
    progress_clear(&w->progress);
    network_flush(&w->network);
}

static int start(struct wire *w, int count, char **argv)
{
    uint16_t port;
    const char *port_text = argv[count - 1];
    struct hf_listen listen = {.size = sizeof listen};
    (void)port_parse(port_text, &port);
    if (!listening)
        return connect_to(&w->network, argv[0], port, 0, &w->conn, &w->remote);
    if (count == 2 && hf_addr_parse(argv[0], &listen.local.addr) < 0)
        return usage_error(&command, "%s: HOST is one of our addresses to listen on", argv[0]);
    listen.local.port = port;
    int err = hf_tcp_listen(w->network.stack, &listen, &w->listener);
    if (err == HF_ERR_ADDRESS)
        return usage_error(&command, "%s: not one of our addresses; --addr gives them", argv[0]);
    return err < 0 ? failure(&command, "cannot listen: %s", hf_err_text(err)) : -1;
}

static int check_arguments(int count, char **argv)
{
    uint16_t port;
    if (count < (listening ? 1 : 2))
        return usage_error(&command, "%s",
                           listening ? "PORT is missing" : "HOST PORT are missing");
    if (count > 2)
        return usage_error(&command, "%s: only HOST and PORT are wanted", argv[2]);
    if (!port_parse(argv[count - 1], &port))
        return usage_error(&command, "%s: PORT is a number from 1 to 65535", argv[count - 1]);
    return -1;
}

int nc_main(int argc, char **argv)
{
    static struct wire w;
    int status;
    int count = options_parse(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if ((status = check_arguments(count, argv)) >= 0)
        return status;
    struct network_config config = {.on_event = on_event, .on_ready = on_ready, .context = &w};
    if ((status = network_open(&w.network, &command, &config)) >= 0)
        return status;
    w.status = -1;
    output_use(&w.output, STDOUT_FILENO);
    progress_begin(&w.progress, w.network.began);
    if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO))
        w.progress.shown = false;
    status = start(&w, count, argv);
    if (status >= 0)
        w.status = status;
    run(&w);
    if (network_interrupts(&w.network))
        network_totals(&w.network, 1);
    if (network_interrupts(&w.network) && w.status == EXIT_FINE)
        w.status = EXIT_INTERRUPTED;
    int bad = network_close(&w.network);
    return w.status == EXIT_FINE && bad >= 0 ? bad : w.status;
}
