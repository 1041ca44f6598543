/* Row D10 of docs/attacks.md: every way in which two ends can open towards each other. The
 * events (either end opens; the oldest packet either way arrives, or is lost; time passes
 * until the next timer) are tried in every order that makes sense, to a depth; then the
 * network behaves, and both must end ESTABLISHED, with the right text delivered, or both
 * CLOSED. */
#include <stdio.h>
#include <string.h>

#include "duet.h"

#include "victim.h"

enum event { OPEN_A, OPEN_B, ARRIVE_A, ARRIVE_B, LOSE_A, LOSE_B, TIME, EVENTS };

#define DEPTH_MAX 16

/* What is the same in all runs of one test. */
struct variant {
    bool listens[2];
    bool text; /* is queued together with the open                                            */
    unsigned depth;
};

struct opening {
    struct duet duet;
    const struct variant *variant;
    hf_conn conn[2];
    hf_listener listener[2];
    bool opened[2], passive[2];
    char read[2][32];
    size_t read_len[2];
    char history[DEPTH_MAX + 1];
};

static const char *const text_of[2] = {"from A to B", "from B to A"};

static void failed(const struct opening *o, const char *what)
{
    fail_msg("events %s (listening: %d %d, text: %d): %s", o->history, o->variant->listens[0],
             o->variant->listens[1], o->variant->text, what);
}

static int state_of(struct opening *o, int who)
{
    struct hf_tcp_status status = {.size = sizeof status};
    if (o->conn[who] == 0 || hf_tcp_status(o->duet.stack[who], o->conn[who], &status) != 0)
        return HF_CLOSED;
    return status.state;
}

static void queue(struct opening *o, int who)
{
    size_t len = strlen(text_of[who]);
    if (hf_tcp_send(o->duet.stack[who], o->conn[who], text_of[who], len, 0) != (int64_t)len)
        failed(o, "text was not taken");
}

/* Text only leaves an end that is ESTABLISHED, and always with an ACK. */
static void on_packet(struct duet *d, int from, const uint8_t *bytes, uint32_t len)
{
    struct opening *o = d->context;
    struct wire_segment s;
    const char *wrong = wire_parse(bytes, len, &s);
    if (wrong != NULL)
        failed(o, wrong);
    if (s.text_len > 0 && (!(s.flags & HF_ACK) || state_of(o, from) < HF_ESTABLISHED))
        failed(o, "text before both SYNs were acknowledged");
}

/* The application: accepts, reads, queues its text once it is connected. */
static void application(struct opening *o)
{
    for (int who = 0; who < 2; who++) {
        struct hf_stack *stack = o->duet.stack[who];
        struct hf_event events[8];
        while (hf_stack_events(stack, events, 8) > 0)
            continue;
        hf_conn conn;
        if (o->listener[who] != 0 && hf_tcp_accept(stack, o->listener[who], 0, &conn) == 1) {
            if (state_of(o, who) != HF_CLOSED)
                failed(o, "two connections at one end");
            if (o->conn[who] != 0) /* its own attempt was refused before */
                hf_tcp_close(stack, o->conn[who]);
            o->conn[who] = conn;
            o->read_len[who] = 0;
            o->passive[who] = true;
            queue(o, who);
        }
        if (o->conn[who] == 0)
            continue;
        int64_t n = hf_tcp_recv(stack, o->conn[who], o->read[who] + o->read_len[who],
                                sizeof o->read[who] - o->read_len[who]);
        if (n > 0 && state_of(o, who) < HF_ESTABLISHED)
            failed(o, "text is delivered before the end is ESTABLISHED");
        if (n > 0)
            o->read_len[who] += (size_t)n;
    }
    duet_pull(&o->duet);
}

/* Whether the event made sense. */
static bool happen(struct opening *o, enum event event)
{
    int who = event % 2;
    bool happened = true;
    if (event == OPEN_A || event == OPEN_B) {
        struct hf_open open = {.size = sizeof open,
                               .local = {o->duet.addr[who], 1000},
                               .remote = {o->duet.addr[1 - who], 1000}};
        if (o->opened[who])
            return false;
        int err = hf_tcp_open(o->duet.stack[who], &open, &o->conn[who]);
        if (err != 0 && !(err == HF_ERR_EXISTS && o->variant->listens[who]))
            failed(o, hf_err_text(err));
        if (err != 0)
            return false;
        o->opened[who] = true;
        if (o->variant->text)
            queue(o, who);
        duet_pull(&o->duet);
    } else if (event == TIME) {
        hf_time deadline = duet_deadline(&o->duet);
        if (deadline == HF_NEVER)
            return false;
        if (deadline > o->duet.now)
            o->duet.now = deadline;
        duet_timers(&o->duet);
    } else if (event == ARRIVE_A || event == ARRIVE_B) {
        happened = duet_deliver(&o->duet, who);
    } else {
        happened = duet_lose(&o->duet, who);
    }
    application(o);
    return happened;
}

static void begin(struct opening *o, const struct variant *variant)
{
    struct hf_settings settings = *hf_settings_rfc();
    settings.reset_on_timeout = 1;
    memset(o, 0, sizeof *o);
    o->variant = variant;
    duet_begin(&o->duet, &settings);
    o->duet.context = o;
    o->duet.on_packet = on_packet;
    for (int who = 0; who < 2; who++) {
        struct hf_listen listen = {.size = sizeof listen, .local.port = 1000, .backlog = 2};
        if (variant->listens[who])
            assert_int_equal(hf_tcp_listen(o->duet.stack[who], &listen, &o->listener[who]), 0);
    }
}

/* From now on everything arrives, in order, and time passes. */
static void settle(struct opening *o)
{
    hf_time end = o->duet.now + 400 * HF_SEC;
    for (;;) {
        while (duet_deliver_both(&o->duet))
            application(o);
        hf_time deadline = duet_deadline(&o->duet);
        if (deadline > end)
            return;
        if (deadline > o->duet.now)
            o->duet.now = deadline;
        duet_timers(&o->duet);
        application(o);
    }
}

static void judge(struct opening *o)
{
    int a = state_of(o, 0), b = state_of(o, 1);
    char text[160];
    if (a == HF_CLOSED && b == HF_CLOSED)
        return;
    if (a != HF_ESTABLISHED || b != HF_ESTABLISHED) {
        snprintf(text, sizeof text, "A ends %s, B ends %s", hf_state_text(a), hf_state_text(b));
        failed(o, text);
    }
    struct hf_tcp_status status[2] = {{.size = sizeof status[0]}, {.size = sizeof status[1]}};
    for (int who = 0; who < 2; who++) {
        struct hf_stack_counters counters;
        hf_tcp_status(o->duet.stack[who], o->conn[who], &status[who]);
        hf_stack_counters(o->duet.stack[who], &counters);
        if (counters.connections != 1 || counters.half_open != 0)
            failed(o, "there is more than one connection");
        bool sent = o->variant->text || o->passive[1 - who];
        size_t len = sent ? strlen(text_of[1 - who]) : 0;
        if (o->read_len[who] != len || memcmp(o->read[who], text_of[1 - who], len) != 0)
            failed(o, "the text is not what was sent");
    }
    if (status[0].irs != status[1].iss || status[1].irs != status[0].iss ||
        status[0].rcv_nxt != status[1].snd_nxt || status[1].rcv_nxt != status[0].snd_nxt)
        failed(o, "both ends are ESTABLISHED but do not agree about the numbers");
}

/* Replay a history; with it, try every next event. Returns how many runs there were. */
static uint64_t explore(const struct variant *variant, char *history, unsigned depth)
{
    static struct opening o;
    uint64_t runs = 0;
    for (unsigned event = 0; event < EVENTS; event++) {
        history[depth] = (char)('0' + event);
        history[depth + 1] = 0;
        begin(&o, variant);
        memcpy(o.history, history, depth + 2);
        bool sense = true;
        for (unsigned i = 0; i <= depth; i++)
            sense = happen(&o, (enum event)(history[i] - '0')) && sense;
        if (sense) {
            settle(&o);
            judge(&o);
            runs++;
        }
        duet_end(&o.duet);
        if (sense && depth + 1 < variant->depth)
            runs += explore(variant, history, depth + 1);
    }
    history[depth] = 0;
    return runs;
}

static void all_orders(bool a_listens, bool b_listens)
{
    for (int text = 0; text < 2; text++) {
        struct variant variant = {{a_listens, b_listens}, text, small_or_full(6, 10)};
        char history[DEPTH_MAX + 1] = "";
        uint64_t runs = explore(&variant, history, 0);
        print_message("# %llu orders of at most %u events\n", (unsigned long long)runs,
                      variant.depth);
        assert_true(runs > 500);
    }
}

TEST(both_open, none, "D10 D-1 MUST-10")
{
    all_orders(false, false);
}

TEST(one_listens_and_opens_too, none, "D10 D-1")
{
    all_orders(false, true);
}

TEST(both_listen_and_open, none, "D10 D-1")
{
    all_orders(true, true);
}
