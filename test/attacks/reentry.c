/* Row D13 of docs/attacks.md: an application that closes, aborts, writes, closes its
 * listener or destroys the stack while it is being told of something. The k-th event of one
 * end is answered so, for every k and every answer; both ends then go on as well as they
 * can, nothing leaks, and a handle that was given up is stale in every call. */
#include <string.h>

#include "victim.h"

enum answer {
    ANSWER_CLOSE,
    ANSWER_ABORT,
    ANSWER_SHUTDOWN,
    ANSWER_WRITE,
    ANSWER_LISTENER,
    ANSWER_DESTROY,
    ANSWER_ALL, /* abort, close the listener, open anew                                       */
    ANSWERS
};

struct stage {
    struct hf_sim *sim;
    int host[2], link;
    hf_conn conn[2];
    hf_listener listener;
    struct hf_endpoint server;
    uint64_t left[2];
    unsigned events; /* of the end that answers                                               */
    unsigned k;
    int who; /* that end                                                                      */
    enum answer answer;
    bool answered, destroyed;
    uint32_t bits; /* of the event that was answered                                          */
};

/* Every call with a handle that names nothing any more. */
static void is_stale(struct hf_stack *stack, hf_conn conn)
{
    uint8_t bytes[8] = {0};
    const void *peeked;
    void *room;
    size_t len;
    int64_t value;
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_send(stack, conn, bytes, sizeof bytes, 0), HF_ERR_STALE);
    assert_int_equal(hf_tcp_reserve(stack, conn, 8, &room, &len), HF_ERR_STALE);
    assert_int_equal(hf_tcp_commit(stack, conn, 1, 0), HF_ERR_STALE);
    assert_int_equal(hf_tcp_recv(stack, conn, bytes, sizeof bytes), HF_ERR_STALE);
    assert_int_equal(hf_tcp_peek(stack, conn, &peeked), HF_ERR_STALE);
    assert_int_equal(hf_tcp_consume(stack, conn, 0), HF_ERR_STALE);
    assert_int_equal(hf_tcp_shutdown(stack, conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_close(stack, conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_abort(stack, conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_status(stack, conn, &status), HF_ERR_STALE);
    assert_int_equal(hf_tcp_set(stack, conn, HF_OPTION_NODELAY, 1), HF_ERR_STALE);
    assert_int_equal(hf_tcp_get(stack, conn, HF_OPTION_NODELAY, &value), HF_ERR_STALE);
}

static void listener_is_stale(struct hf_stack *stack, hf_listener listener)
{
    struct hf_endpoint local;
    hf_conn conn;
    hf_syn syn;
    assert_int_equal(hf_listener_close(stack, listener), HF_ERR_STALE);
    assert_int_equal(hf_listener_endpoint(stack, listener, &local), HF_ERR_STALE);
    assert_int_equal(hf_listener_open(stack, listener, &conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_accept(stack, listener, 0, &conn), HF_ERR_STALE);
    assert_int_equal(hf_tcp_next_syn(stack, listener, &syn, NULL, NULL), HF_ERR_STALE);
}

static void give_up(struct stage *s, struct hf_stack *stack, int who,
                    int (*call)(struct hf_stack *, hf_conn))
{
    hf_conn conn = s->conn[who];
    if (conn == 0)
        return;
    assert_int_equal(call(stack, conn), 0);
    is_stale(stack, conn);
    s->conn[who] = 0;
}

static void close_listener(struct stage *s)
{
    struct hf_stack *stack = hf_sim_stack(s->sim, s->host[1]);
    if (stack == NULL || s->listener == 0)
        return;
    assert_int_equal(hf_listener_close(stack, s->listener), 0);
    listener_is_stale(stack, s->listener);
    s->listener = 0;
}

static void open_again(struct stage *s)
{
    struct hf_stack *stack = hf_sim_stack(s->sim, s->host[0]);
    struct hf_open open = {.size = sizeof open, .remote = s->server};
    hf_conn conn;
    if (stack != NULL && hf_tcp_open(stack, &open, &conn) == 0)
        assert_int_equal(hf_tcp_abort(stack, conn), 0);
}

static void answer(struct stage *s)
{
    static const uint8_t text[20000];
    struct hf_stack *stack = hf_sim_stack(s->sim, s->host[s->who]);
    s->answered = true;
    switch (s->answer) {
    case ANSWER_CLOSE:
        give_up(s, stack, s->who, hf_tcp_close);
        break;
    case ANSWER_ABORT:
        give_up(s, stack, s->who, hf_tcp_abort);
        break;
    case ANSWER_SHUTDOWN:
        if (s->conn[s->who] != 0)
            hf_tcp_shutdown(stack, s->conn[s->who]);
        break;
    case ANSWER_WRITE:
        if (s->conn[s->who] != 0)
            hf_tcp_send(stack, s->conn[s->who], text, sizeof text, 0);
        break;
    case ANSWER_LISTENER:
        close_listener(s);
        break;
    case ANSWER_DESTROY:
        assert_int_equal(hf_sim_end_host(s->sim, s->host[s->who]), 0);
        s->destroyed = true;
        break;
    default:
        give_up(s, stack, s->who, hf_tcp_abort);
        close_listener(s);
        open_again(s);
        break;
    }
}

/* What an application usually does. */
static void behave(struct stage *s, int who, const struct hf_event *event)
{
    static uint8_t bytes[8192];
    struct hf_stack *stack = hf_sim_stack(s->sim, s->host[who]);
    if (event->handle == s->listener && who == 1) {
        hf_conn conn;
        if (hf_tcp_accept(stack, s->listener, 0, &conn) == 1) {
            if (s->conn[1] != 0)
                hf_tcp_abort(stack, conn);
            else
                s->conn[1] = conn;
        }
    }
    if (s->conn[who] == 0)
        return;
    int64_t n;
    while ((n = hf_tcp_recv(stack, s->conn[who], bytes, sizeof bytes)) > 0)
        continue;
    bool over = n == HF_EOF || n < 0;
    while (s->left[who] > 0) {
        size_t piece = s->left[who] < sizeof bytes ? (size_t)s->left[who] : sizeof bytes;
        n = hf_tcp_send(stack, s->conn[who], bytes, piece, 0);
        if (n <= 0)
            break;
        s->left[who] -= (uint64_t)n;
    }
    if (s->left[who] == 0)
        hf_tcp_shutdown(stack, s->conn[who]);
    if (over && (s->left[who] == 0 || event->bits & HF_EVENT_ENDED))
        give_up(s, stack, who, hf_tcp_close);
}

static void on_event(void *context, struct hf_sim *sim, int host, const struct hf_event *event)
{
    struct stage *s = context;
    int who = host == s->host[1];
    (void)sim;
    if (who == s->who && ++s->events == s->k) {
        s->bits = event->bits;
        answer(s);
        if (s->destroyed)
            return;
    }
    behave(s, who, event);
}

/* One run; whether there was a k-th event. */
static bool run(int who, enum answer what, unsigned k, uint32_t *bits)
{
    struct stage s = {.who = who, .answer = what, .k = k, .left = {40000, 40000}};
    struct hf_sim_config config;
    struct hf_sim_path path;
    hf_sim_config_init(&config);
    config.checks = HF_SIM_CHECK_STACK;
    config.seed = check_seed();
    s.sim = hf_sim_create(&config);
    assert_non_null(s.sim);
    for (int i = 0; i < 2; i++) {
        struct hf_sim_host_config host;
        hf_sim_host_config_init(&host);
        host.stack.settings.rcv_buffer = host.stack.settings.snd_buffer = 16384;
        host.app = (struct hf_sim_app){.on_event = on_event, .context = &s};
        s.host[i] = hf_sim_add_host(s.sim, &host);
    }
    hf_sim_path_init(&path);
    path.delay = 5 * HF_MS;
    s.link = hf_sim_add_link(s.sim, s.host[0], s.host[1], 1500, &path);
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 2};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    hf_sim_address(s.sim, s.link, s.host[1], HF_IPV4, &open.remote.addr);
    s.server = open.remote;
    assert_int_equal(hf_tcp_listen(hf_sim_stack(s.sim, s.host[1]), &listen, &s.listener), 0);
    assert_int_equal(hf_tcp_open(hf_sim_stack(s.sim, s.host[0]), &open, &s.conn[0]), 0);
    hf_sim_run(s.sim, 1200 * HF_SEC, NULL, NULL);
    if (hf_sim_failure(s.sim) != NULL)
        fail_msg("end %d, answer %d at event %u: %s", who, (int)what, k, hf_sim_failure(s.sim));
    for (int i = 0; i < 2; i++) {
        if (hf_sim_stack(s.sim, s.host[i]) == NULL)
            continue;
        const char *broken = hf_stack_check(hf_sim_stack(s.sim, s.host[i]));
        if (broken != NULL)
            fail_msg("end %d, answer %d at event %u: %s", who, (int)what, k, broken);
        assert_int_equal(hf_sim_end_host(s.sim, s.host[i]), 0);
    }
    *bits |= s.bits;
    hf_sim_destroy(s.sim);
    return s.answered;
}

static void at_every_event(enum answer what)
{
    uint32_t bits = 0;
    for (int who = 0; who < 2; who++)
        for (unsigned k = 1; run(who, what, k, &bits); k++)
            continue;
    /* This much of what there is to be told was told, and answered. */
    assert_true((bits & (HF_EVENT_CONNECTED | HF_EVENT_ACCEPT | HF_EVENT_READABLE |
                         HF_EVENT_WRITABLE | HF_EVENT_EOF | HF_EVENT_ENDED)) ==
                (HF_EVENT_CONNECTED | HF_EVENT_ACCEPT | HF_EVENT_READABLE | HF_EVENT_WRITABLE |
                 HF_EVENT_EOF | HF_EVENT_ENDED));
}

#define ANSWER(name, what)                                                                       \
    TEST(name, none, "D13")                                                                      \
    {                                                                                            \
        at_every_event(what);                                                                    \
    }

ANSWER(close_at_every_event, ANSWER_CLOSE)
ANSWER(abort_at_every_event, ANSWER_ABORT)
ANSWER(shutdown_at_every_event, ANSWER_SHUTDOWN)
ANSWER(write_at_every_event, ANSWER_WRITE)
ANSWER(listener_closed_at_every_event, ANSWER_LISTENER)
ANSWER(stack_destroyed_at_every_event, ANSWER_DESTROY)
ANSWER(everything_at_every_event, ANSWER_ALL)

/* Handles of what is long gone, and numbers that never were handles. */
TEST(stale_handles_are_errors, none, "D13")
{
    struct victim *v = victim_new(NULL);
    hf_conn old[50];
    for (uint32_t i = 0; i < 50; i++) {
        struct handshake h = {.source = stranger(v, i), .port = 2500, .seq = i};
        old[i] = handshake(v, &h);
        assert_true(old[i] != 0);
        assert_int_equal(hf_tcp_abort(v->stack, old[i]), 0);
    }
    for (uint32_t i = 0; i < 50; i++)
        is_stale(v->stack, old[i]);
    for (uint32_t i = 0; i < 1000; i++)
        is_stale(v->stack, check_random() | (uint64_t)1 << 63);
    is_stale(v->stack, 0);
    listener_is_stale(v->stack, 0);
    listener_is_stale(v->stack, UINT64_MAX);
    is_stale(v->stack, v->listener);
    listener_is_stale(v->stack, v->conn);
    assert_int_equal(hf_syn_accept(v->stack, 12345), HF_ERR_STALE);
    assert_int_equal(hf_syn_refuse(v->stack, UINT64_MAX), HF_ERR_STALE);
    victim_end(v, 0);
}
