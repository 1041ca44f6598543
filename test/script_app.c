/* Scripts: the application's calls, and the ways to a state. */
#include <string.h>

#include "script_inside.h"

/* ---- The application ---- */

static void app_add(hf_conn handle)
{
    if (script.app_count == APPS)
        script_fail(script.line, "more than %d handles in one script", APPS);
    script.app = script.app_count++;
    script.apps[script.app] = (struct app){.handle = handle};
    uint32_t id = status().trace_id;
    for (size_t i = 0; i < script.traced_count; i++)
        if (script.traced[i].id == id)
            script.apps[script.app].traced = &script.traced[i];
}

void use(hf_conn handle)
{
    for (size_t i = 0; i < script.app_count; i++)
        if (script.apps[i].handle == handle)
            script.app = i;
}

void script_app_open(int line, struct script_open want)
{
    script_begin(line, "app_open", "");
    uint16_t remote_port = want.remote_port == 0 ? LISTEN_PORT : want.remote_port;
    struct hf_open open = {.size = sizeof open,
                           .local.port = want.local_port,
                           .remote = {peer_addr(), remote_port},
                           .timeout = want.timeout,
                           .tos = want.tos,
                           .fast_open = want.fast_open,
                           .syn_retries = want.syn_retries};
    hf_conn handle;
    int err = hf_tcp_open(script.stack, &open, &handle);
    if (err != 0)
        script_fail(line, "hf_tcp_open: %s", hf_err_text(err));
    if (want.mss && hf_tcp_set(script.stack, handle, HF_OPTION_MSS, want.mss) != 0)
        script_fail(line, "hf_tcp_set: mss");
    if (want.rcv_buffer &&
        hf_tcp_set(script.stack, handle, HF_OPTION_RCV_BUFFER, want.rcv_buffer) != 0)
        script_fail(line, "hf_tcp_set: receive-buffer");
    app_add(handle);
    script_converse(status().local.port, remote_port);
    script_finish(line);
}

void script_app_listen(int line, struct script_listen want)
{
    script_begin(line, "app_listen", "");
    struct hf_listen listen = {.size = sizeof listen,
                               .local.port = LISTEN_PORT,
                               .backlog = want.no_backlog     ? 0
                                          : want.backlog == 0 ? 8
                                                              : want.backlog,
                               .hold = want.hold,
                               .fast_open = want.fast_open};
    if (want.remote)
        listen.remote = (struct hf_endpoint){peer_addr(), PEER_PORT};
    int err = hf_tcp_listen(script.stack, &listen, &script.listener);
    if (err != 0)
        script_fail(line, "hf_tcp_listen: %s", hf_err_text(err));
    script_finish(line);
}

void script_app_accept(int line)
{
    script_begin(line, "app_accept", "");
    hf_conn handle = 0;
    int got = hf_tcp_accept(script.stack, script.listener, 0, &handle);
    if (got != 1)
        script_fail(line, "hf_tcp_accept: expected a connection, seen %d", got);
    app_add(handle);
    script_finish(line);
}

void script_app_send(int line, size_t len, unsigned flags)
{
    static uint8_t bytes[1 << 20];
    script_begin(line, "app_send", "");
    struct app *app = &script.apps[script.app];
    if (len > sizeof bytes)
        script_fail(line, "app_send takes at most %zu bytes", sizeof bytes);
    script_fill(bytes, len, app->sent, true);
    int64_t sent = hf_tcp_send(script.stack, app->handle, bytes, len, flags);
    if (sent != (int64_t)len)
        script_fail(line, "hf_tcp_send: expected %zu, seen %lld", len, (long long)sent);
    app->sent += len;
    script_finish(line);
}

void script_app_recv(int line, size_t len)
{
    script_begin(line, "app_recv", "");
    struct app *app = &script.apps[script.app];
    uint8_t bytes[1024];
    while (len > 0) {
        size_t want = len < sizeof bytes ? len : sizeof bytes;
        int64_t got = hf_tcp_recv(script.stack, app->handle, bytes, want);
        if (got <= 0)
            script_fail(line, "hf_tcp_recv: expected %zu bytes more, seen %lld", len,
                        (long long)got);
        for (size_t i = 0; i < (size_t)got; i++)
            if (bytes[i] != script_pattern(app->received + i, false))
                script_fail(line, "received: byte %llu of the stream is %02x, expected %02x",
                            (unsigned long long)(app->received + i), bytes[i],
                            script_pattern(app->received + i, false));
        app->received += (uint64_t)got;
        len -= (size_t)got;
    }
    script_finish(line);
}

void script_app_recv_text(int line, const char *text)
{
    script_begin(line, "app_recv_text", text);
    char bytes[256] = {0};
    int64_t got = hf_tcp_recv(script.stack, conn(), bytes, sizeof bytes - 1);
    if (got != (int64_t)strlen(text) || memcmp(bytes, text, strlen(text)) != 0)
        script_fail(line, "hf_tcp_recv: expected \"%s\", seen %lld, \"%s\"", text, (long long)got,
                    bytes);
    script.apps[script.app].received += strlen(text);
    script_finish(line);
}

void script_app_recv_is(int line, int64_t result)
{
    script_begin(line, "app_recv_is", "");
    char byte;
    int64_t got = hf_tcp_recv(script.stack, conn(), &byte, 1);
    if (got != result)
        script_fail(line, "hf_tcp_recv: expected %lld, seen %lld", (long long)result,
                    (long long)got);
    script_finish(line);
}

void script_app(int line, const char *words, int (*call)(struct hf_stack *, hf_conn))
{
    script_begin(line, words, "");
    int err = call(script.stack, conn());
    if (err != 0)
        script_fail(line, "%s: %s", words, hf_err_text(err));
    script_finish(line);
}

/* ---- Getting there ---- */

static struct script_segment peer_syn(int flags, const struct script_opening *o)
{
    struct script_segment s = segment(flags, .seq = 0);
    if (o->wnd != 0)
        script.peer_wnd = o->wnd;
    if (o->mss != 0)
        s.mss = o->mss;
    if (o->ws != 0)
        s.ws = o->ws;
    if (o->sack)
        s.sackok = 1;
    if (o->ts)
        s.tsval = peer_clock();
    return s;
}

void script_syn_sent(int line, struct script_opening opening)
{
    (void)opening;
    script_app_open(line, (struct script_open){.local_port = 0});
    script_out(line, "SYN, .seq = 0", segment(SYN, .seq = 0));
    script_state(line, "HF_SYN_SENT", HF_SYN_SENT);
}

void script_syn_received(int line, struct script_opening opening)
{
    if (opening.simultaneous)
        script_syn_sent(line, opening);
    else if (script.listener == 0)
        script_app_listen(line, (struct script_listen){.backlog = 0});
    script_in(line, "SYN, .seq = 0", peer_syn(SYN, &opening));
    script_out(line, "SYN|ACK, .seq = 0, .ack = 1", segment(SYN | ACK, .seq = 0, .ack = 1));
    script_state(line, "HF_SYN_RECEIVED", HF_SYN_RECEIVED);
}

void script_established(int line, struct script_opening opening)
{
    if (opening.active) {
        script_syn_sent(line, opening);
        script_in(line, "SYN|ACK, .seq = 0, .ack = 1", peer_syn(SYN | ACK, &opening));
        script_out(line, "ACK, .seq = 1, .ack = 1", segment(ACK, .seq = 1, .ack = 1));
        script_event(line, "HF_EVENT_CONNECTED", HF_EVENT_CONNECTED);
    } else {
        script_syn_received(line, opening);
        script_in(line, "ACK, .seq = 1, .ack = 1", segment(ACK, .seq = 1, .ack = 1));
        if (opening.no_accept)
            return;
        script_listener_event(line, "HF_EVENT_ACCEPT", HF_EVENT_ACCEPT);
        script_app_accept(line);
    }
    script_state(line, "HF_ESTABLISHED", HF_ESTABLISHED);
}

void script_fin_wait_1(int line, struct script_opening opening)
{
    script_established(line, opening);
    script_app(line, opening.full ? "app_close" : "app_shutdown",
               opening.full ? hf_tcp_close : hf_tcp_shutdown);
    script_out(line, "FIN|ACK, .seq = 1, .ack = 1", segment(FIN | ACK, .seq = 1, .ack = 1));
    script_state(line, "HF_FIN_WAIT_1", HF_FIN_WAIT_1);
}

void script_fin_wait_2(int line, struct script_opening opening)
{
    script_fin_wait_1(line, opening);
    script_in(line, "ACK, .seq = 1, .ack = 2", segment(ACK, .seq = 1, .ack = 2));
    script_state(line, "HF_FIN_WAIT_2", HF_FIN_WAIT_2);
}

void script_close_wait(int line, struct script_opening opening)
{
    script_established(line, opening);
    script_in(line, "FIN|ACK, .seq = 1, .ack = 1", segment(FIN | ACK, .seq = 1, .ack = 1));
    script_out(line, "ACK, .seq = 1, .ack = 2", segment(ACK, .seq = 1, .ack = 2));
    script_state(line, "HF_CLOSE_WAIT", HF_CLOSE_WAIT);
}

void script_closing(int line, struct script_opening opening)
{
    script_fin_wait_1(line, opening);
    script_in(line, "FIN|ACK, .seq = 1, .ack = 1", segment(FIN | ACK, .seq = 1, .ack = 1));
    script_out(line, "ACK, .seq = 2, .ack = 2", segment(ACK, .seq = 2, .ack = 2));
    script_state(line, "HF_CLOSING", HF_CLOSING);
}

void script_last_ack(int line, struct script_opening opening)
{
    script_close_wait(line, opening);
    script_app(line, opening.full ? "app_close" : "app_shutdown",
               opening.full ? hf_tcp_close : hf_tcp_shutdown);
    script_out(line, "FIN|ACK, .seq = 1, .ack = 2", segment(FIN | ACK, .seq = 1, .ack = 2));
    script_state(line, "HF_LAST_ACK", HF_LAST_ACK);
}

void script_time_wait(int line, struct script_opening opening)
{
    script_fin_wait_2(line, opening);
    script_in(line, "FIN|ACK, .seq = 1, .ack = 2", segment(FIN | ACK, .seq = 1, .ack = 2));
    script_out(line, "ACK, .seq = 2, .ack = 2", segment(ACK, .seq = 2, .ack = 2));
    script_state(line, "HF_TIME_WAIT", HF_TIME_WAIT);
}

void script_reach(int line, int to, struct script_opening opening)
{
    static void (*const ways[HF_STATES])(int, struct script_opening) = {
        [HF_SYN_SENT] = script_syn_sent,       [HF_SYN_RECEIVED] = script_syn_received,
        [HF_ESTABLISHED] = script_established, [HF_FIN_WAIT_1] = script_fin_wait_1,
        [HF_FIN_WAIT_2] = script_fin_wait_2,   [HF_CLOSE_WAIT] = script_close_wait,
        [HF_CLOSING] = script_closing,         [HF_LAST_ACK] = script_last_ack,
        [HF_TIME_WAIT] = script_time_wait,
    };
    stack();
    if (to == HF_LISTEN)
        script_app_listen(line, (struct script_listen){.backlog = 0});
    else if (to != HF_CLOSED)
        ways[to](line, opening);
}
