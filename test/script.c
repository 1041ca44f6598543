/* Scripts: their journal, memory and trace, the stack under test, time, and what the stack
 * thinks. The words about segments are in script_segments.c, those of the application in
 * script_app.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/settings.h>

#include "script_inside.h"

struct script_state script;

/* ---- The journal, and failing ---- */

void script_journal(const char *format, ...)
{
    char line[512];
    va_list list;
    va_start(list, format);
    int wrote = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    size_t n = wrote < 0 ? 0 : (size_t)wrote < sizeof line ? (size_t)wrote : sizeof line - 1;
    if (script.journal_len + n + 1 > script.journal_room) {
        size_t room = script.journal_room * 2 + 4096;
        char *more = realloc(script.journal, room);
        if (more == NULL)
            return;
        script.journal = more;
        script.journal_room = room;
    }
    memcpy(script.journal + script.journal_len, line, n + 1);
    script.journal_len += n;
}

void script_word(int line, const char *word, const char *words)
{
    script.line = line;
    script_journal("%4d  at %11.3f ms  %s(%s)\n", line, (double)(script.now - START) / 1e6, word,
                   words);
}

/* The journal of a long test is long; its end tells. */
static const char *journal_end(void)
{
    const char *end = script.journal + script.journal_len;
    for (int lines = 0; end > script.journal; end--)
        if (end[-1] == '\n' && ++lines > 160)
            break;
    return end;
}

static void write_capture(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s.pcap", script.test->name);
    for (char *p = path; *p != 0; p++)
        if (*p == '/')
            *p = '-';
    if (wire_capture_write(&script.capture, path))
        fprintf(stderr, "#   capture: %s\n", path);
}

static void free_queues(void)
{
    for (size_t i = 0; i < script.queued; i++)
        free(script.queue[i].bytes);
    for (size_t i = 0; i < script.batched; i++)
        free(script.batch[i]);
    script.queued = script.batched = 0;
    free(script.journal);
    script.journal = NULL;
    script.journal_len = script.journal_room = 0;
    wire_capture_free(&script.capture);
}

/* After a failure the stack is not trusted to clean up after itself. */
static void free_blocks(void)
{
    while (script.block_count > 0) {
        struct block *block = script.blocks.next;
        script.blocks.next = block->next;
        free(block);
        script.block_count--;
    }
    script.stack = NULL;
}

_Noreturn void script_fail(int line, const char *format, ...)
{
    va_list list;
    fprintf(stderr, "# %s%s%s: line %d: ", script.test->name, script.label[0] != 0 ? ", " : "",
            script.label, line);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\n#   the script so far:\n");
    if (script.journal != NULL)
        fputs(journal_end(), stderr);
    write_capture();
    free_blocks();
    free_queues();
    _fail(script.test->name, line);
    abort(); /* _fail jumps back into cmocka */
}

/* ---- Memory ---- */

static void *count_alloc(void *context, size_t size)
{
    (void)context;
    struct block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->next = script.blocks.next;
    block->previous = &script.blocks;
    script.blocks.next->previous = block;
    script.blocks.next = block;
    script.block_count++;
    script.block_bytes += size;
    return block + 1;
}

static void count_free(void *context, void *memory, size_t size)
{
    (void)context;
    if (memory == NULL)
        return;
    struct block *block = (struct block *)memory - 1;
    if (block->size != size)
        script_fail(script.line, "freed %zu bytes where %zu had been asked for", size,
                    block->size);
    block->previous->next = block->next;
    block->next->previous = block->previous;
    script.block_count--;
    script.block_bytes -= size;
    free(block);
}

/* ---- The trace ---- */

/* A trace id stands for a pair of endpoints: while TIME-WAIT waits for a new connection to
 * replace it there are two under one id, and their states tell which is meant. */
static struct traced *traced_changing(uint32_t id, int from)
{
    struct traced *last = NULL;
    for (size_t i = script.traced_count; i-- > 0;) {
        struct traced *t = &script.traced[i];
        if (t->id == id && (t->fresh || t->state == from))
            return t;
        if (t->id == id && last == NULL)
            last = t;
    }
    return last;
}

static struct traced *traced_ending(uint32_t id)
{
    struct traced *last = NULL;
    for (size_t i = script.traced_count; i-- > 0;) {
        struct traced *t = &script.traced[i];
        if (t->id == id && t->ends == 0 && (t->state == HF_CLOSED || t->state == HF_TIME_WAIT))
            return t;
        if (t->id == id && (last == NULL || (last->ends > 0 && t->ends == 0)))
            last = t;
    }
    return last;
}

static struct traced *traced_make(uint32_t id, uint16_t peer_port, int now)
{
    if (script.traced_count == TRACED)
        script_fail(script.line, "more than %d connections in one script", TRACED);
    struct traced *traced = &script.traced[script.traced_count++];
    *traced = (struct traced){.id = id, .peer_port = peer_port, .state = now, .fresh = true};
    return traced;
}

static void sink(void *context, const struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    (void)context;
    (void)packet;
    struct traced *traced = NULL;
    switch (record->kind) {
    case HF_TRACE_OPEN:
        traced_make(record->conn, record->u.open.remote_port, record->state);
        script_journal("          %08x opens, %s\n", record->conn, hf_state_text(record->state));
        break;
    case HF_TRACE_STATE:
        script_journal("          %08x %s -> %s\n", record->conn,
                       hf_state_text(record->u.state.from), hf_state_text(record->u.state.to));
        traced = traced_changing(record->conn, record->u.state.from);
        if (traced == NULL)
            script_fail(script.line, "a state changes before the trace opens the connection");
        if (!traced->fresh && traced->state != record->u.state.from)
            script_fail(script.line, "a connection leaves %s, where it was not",
                        hf_state_text(record->u.state.from));
        traced->state = record->u.state.to;
        traced->fresh = false;
        break;
    case HF_TRACE_END:
        script_journal("          %08x ends: %s\n", record->conn,
                       hf_cause_name(record->u.end.cause));
        traced = traced_ending(record->conn);
        if (traced == NULL)
            script_fail(script.line, "a connection ends before the trace opens it");
        traced->ends++;
        traced->cause = record->u.end.cause;
        break;
    case HF_TRACE_DROP:
        script_journal("          drop: %s\n", hf_drop_name(record->u.drop.reason));
        break;
    case HF_TRACE_TIMER:
        script_journal("          timer: %s\n", hf_timer_text(record->u.timer.timer));
        break;
    default:
        break;
    }
}

/* The connection that the script is about: the last opened with the peer's current port. */
struct traced *script_traced(void)
{
    uint16_t port = script.conversations[script.conversation].peer_port;
    for (size_t i = script.traced_count; i-- > 0;)
        if (script.traced[i].peer_port == port)
            return &script.traced[i];
    return NULL;
}

int script_traced_state(void)
{
    const struct traced *traced = script_traced();
    return traced == NULL ? -1 : traced->state;
}

/* ---- The stack ---- */

static void check(int line)
{
    const char *broken = hf_stack_check(script.stack);
    if (broken != NULL)
        script_fail(line, "an invariant does not hold: %s", broken);
}

static void create(void)
{
    struct hf_unsafe unsafe = {.size = sizeof unsafe,
                               .fixed_iss = !script.setup.random_iss,
                               .iss = script.setup.iss,
                               .fixed_port = 1,
                               .port = FIXED_PORT,
                               .zero_ts_offset = 1,
                               .msl_zero = script.setup.msl_zero};
    struct hf_stack_config config;
    hf_stack_config_init(&config);
    config.settings = script.settings;
    config.allocator = (struct hf_allocator){count_alloc, count_free, NULL};
    config.memory_limit = script.setup.memory_limit;
    config.connections_max = script.setup.connections_max;
    for (size_t i = 0; i < sizeof config.seed; i++)
        config.seed[i] = (uint8_t)(check_seed() >> i % 8 * 8);
    config.now = script.now;
    config.trace = sink;
    config.unsafe = &unsafe;
    int err = 0;
    script.stack = hf_stack_create(&config, &err);
    if (script.stack == NULL)
        script_fail(script.line, "hf_stack_create: %s", hf_err_text(err));

    struct hf_link_config link = {.size = sizeof link, .mtu = script.setup.mtu};
    struct hf_addr ours = our_addr();
    if (hf_stack_add_link(script.stack, &link) != 1 ||
        hf_stack_add_address(script.stack, 1, &ours, script.test->family == 4 ? 24 : 64) != 0)
        script_fail(script.line, "link and address were not taken");
    script_converse(LISTEN_PORT, PEER_PORT);
    hf_stack_counters(script.stack, &script.before);
}

struct hf_stack *stack(void)
{
    if (script.stack == NULL)
        create();
    return script.stack;
}

const struct hf_settings *settings(void)
{
    return &script.settings;
}
hf_time script_now(void)
{
    return script.now - START;
}
hf_conn conn(void)
{
    return script.apps[script.app].handle;
}
hf_listener listener(void)
{
    return script.listener;
}

struct hf_settings *script_settings(void)
{
    if (script.stack != NULL)
        script_fail(script.line, "a setting is changed after the first step");
    return &script.settings;
}

struct script_setup *script_setup(void)
{
    if (script.stack != NULL)
        script_fail(script.line, "the setup is changed after the first step");
    return &script.setup;
}

struct hf_tcp_status status(void)
{
    struct hf_tcp_status now = {.size = sizeof now};
    int err = hf_tcp_status(stack(), conn(), &now);
    if (err != 0)
        script_fail(script.line, "hf_tcp_status: %s", hf_err_text(err));
    return now;
}

struct hf_stack_counters counters(void)
{
    struct hf_stack_counters now;
    hf_stack_counters(stack(), &now);
    return now;
}

/* ---- Driving it ---- */

/* Take everything that the stack wants to send now, a few at a time. */
void script_pump(int line)
{
    struct hf_packet packets[3];
    check(line);
    for (;;) {
        size_t n = hf_stack_output(script.stack, 1, packets, 3, script.now);
        for (size_t i = 0; i < n; i++)
            script_enqueue(line, &packets[i]);
        hf_stack_sent(script.stack, packets, n);
        if (n == 0)
            break;
    }
    check(line);
}

void script_gather_news(void)
{
    struct hf_event events[4];
    size_t n;
    while ((n = hf_stack_events(stack(), events, 4)) > 0) {
        for (size_t i = 0; i < n; i++) {
            script_journal("          event: bits %x%s%s\n", events[i].bits,
                           events[i].bits & HF_EVENT_ENDED ? ", " : "",
                           events[i].bits & HF_EVENT_ENDED ? hf_cause_name((int)events[i].cause)
                                                           : "");
            if (events[i].handle == script.listener)
                script.listener_news |= events[i].bits;
            for (size_t k = 0; k < script.app_count; k++)
                if (script.apps[k].handle == events[i].handle)
                    script.apps[k].news |= events[i].bits;
        }
    }
}

static void nothing_waits(int line, const char *word, const char *words)
{
    stack();
    script_word(line, word, words);
    if (script.queued > 0) {
        char text[256];
        script_fail(line, "a packet that nobody asked for: %s", script_first(text, sizeof text));
    }
}

/* Every word that makes the stack work begins so: nothing may be left from the one before. */
void script_begin(int line, const char *word, const char *words)
{
    nothing_waits(line, word, words);
    hf_stack_counters(script.stack, &script.before);
}

void script_finish(int line)
{
    script_pump(line);
    script_gather_news();
}

/* ---- Time ---- */

/* Run what is due until `time`; with `stop`, until a packet comes out. */
void script_run_until(int line, hf_time time, bool stop)
{
    hf_time deadline;
    unsigned turns = 0;
    while ((deadline = hf_stack_deadline(script.stack)) <= time) {
        turns = deadline > script.now ? 0 : turns + 1;
        if (turns > 1000)
            script_fail(line, "hf_stack_deadline stands still");
        if (deadline > script.now)
            script.now = deadline;
        hf_stack_timers(script.stack, script.now);
        script_pump(line);
        if (script.queued > 0 && stop)
            return;
        if (script.queued > 0 && script.now < time) {
            char text[256];
            script_fail(line, "a packet that nobody asked for, at %.3f ms: %s",
                        (double)(script.now - START) / 1e6, script_first(text, sizeof text));
        }
        if (script.queued > 0)
            break;
    }
    script.now = time;
    hf_stack_timers(script.stack, time); /* calls have no `now` of their own: this tells it */
    script_pump(line);
}

void script_at(int line, const char *words, hf_time time)
{
    script_begin(line, "at", words);
    if (START + time < script.now)
        script_fail(line, "at() would go back in time");
    script_run_until(line, START + time, false);
    script_gather_news();
}

void script_clock_jumps(int line, const char *words, hf_time by)
{
    script_begin(line, "clock_jumps", words);
    script.now += by;
    hf_stack_time_jump(script.stack, by);
    script_run_until(line, script.now, false);
    script_gather_news();
}

void script_quiet(int line, const char *words, hf_time time)
{
    script_begin(line, "quiet", words);
    script_run_until(line, script.now + time, false);
    script_gather_news();
    script_nothing(line);
}

unsigned script_drain(int line, const char *words, hf_time time)
{
    unsigned packets = 0;
    stack();
    hf_time end = script.now + time;
    do {
        for (; script.queued > 0; packets++)
            script_drop_first();
        script_begin(line, "drain", words);
        script_run_until(line, end, true);
    } while (script.queued > 0);
    script_gather_news();
    return packets;
}

bool script_wait(int line, const char *words, hf_time limit)
{
    stack();
    if (script.queued > 0)
        return true;
    script_begin(line, "wait_for_packet", words);
    script_run_until(line, script.now + limit, true);
    script_gather_news();
    return script.queued > 0;
}

void script_nothing(int line)
{
    nothing_waits(line, "nothing", "");
}

/* ---- What the stack thinks ---- */

/* Is the application's handle that of this connection, and what does it say? */
static bool handle_is(const struct traced *traced, struct hf_tcp_status *now)
{
    *now = (struct hf_tcp_status){.size = sizeof *now};
    return script.app_count > 0 && script.apps[script.app].traced == traced &&
           hf_tcp_status(script.stack, conn(), now) == 0;
}

void script_state(int line, const char *words, int expected)
{
    struct hf_tcp_status now;
    stack();
    script_word(line, "state", words);
    const struct traced *traced = script_traced();
    if (expected == HF_LISTEN) {
        if (traced != NULL && traced->state != HF_CLOSED)
            script_fail(line, "expected LISTEN alone, seen a connection in %s",
                        hf_state_text(traced->state));
        if (counters().listeners == 0)
            script_fail(line, "expected LISTEN, seen no listener");
        return;
    }
    if (expected == HF_CLOSED && traced == NULL)
        return;
    if (traced == NULL)
        script_fail(line, "expected %s, seen no connection", hf_state_text(expected));
    int seen = traced->state;
    if (seen != expected)
        script_fail(line, "state: expected %s, seen %s", hf_state_text(expected),
                    hf_state_text(seen));
    if (handle_is(traced, &now) && now.state != expected)
        script_fail(line, "hf_tcp_status: expected %s, seen %s", hf_state_text(expected),
                    hf_state_text(now.state));
}

void script_gone(int line, const char *words, int cause)
{
    struct hf_tcp_status now;
    stack();
    script_word(line, "ended", words);
    const struct traced *traced = script_traced();
    if (traced == NULL)
        script_fail(line, "there was no connection");
    if (traced->ends == 0 || traced->state != HF_CLOSED)
        script_fail(line, "expected the connection to be over, seen %s",
                    hf_state_text(traced->state));
    if (cause >= 0 && traced->cause != cause)
        script_fail(line, "cause: expected %s, seen %s", hf_cause_name(cause),
                    hf_cause_name(traced->cause));
    if (!handle_is(traced, &now))
        return;
    if (now.state != HF_CLOSED)
        script_fail(line, "hf_tcp_status: expected CLOSED, seen %s", hf_state_text(now.state));
    if (cause >= 0 && now.cause != cause)
        script_fail(line, "hf_tcp_status, cause: expected %s, seen %s", hf_cause_name(cause),
                    hf_cause_name(now.cause));
}

void script_event(int line, const char *words, uint32_t bits)
{
    stack();
    script_word(line, "event", words);
    script_gather_news();
    struct app *app = &script.apps[script.app];
    if ((app->news & bits) != bits)
        script_fail(line, "events: expected %x, seen %x", bits, app->news);
    app->news &= ~bits;
}

void script_no_event(int line, const char *words, uint32_t bits)
{
    stack();
    script_word(line, "no_event", words);
    script_gather_news();
    if ((script.apps[script.app].news & bits) != 0)
        script_fail(line, "events: seen %x, expected none of %x", script.apps[script.app].news,
                    bits);
}

void script_listener_event(int line, const char *words, uint32_t bits)
{
    stack();
    script_word(line, "listener_event", words);
    script_gather_news();
    if ((script.listener_news & bits) != bits)
        script_fail(line, "the listener's events: expected %x, seen %x", bits,
                    script.listener_news);
    script.listener_news &= ~bits;
}

void script_dropped(int line, const char *words, int reason)
{
    script_word(line, "dropped", words);
    struct hf_stack_counters now = counters();
    if (now.drops[reason] > script.before.drops[reason])
        return;
    for (int i = 0; i < HF_DROP_COUNT; i++)
        if (now.drops[i] > script.before.drops[i])
            script_fail(line, "drop: expected %s, seen %s", hf_drop_name(reason),
                        hf_drop_name(i));
    script_fail(line, "drop: expected %s, seen none", hf_drop_name(reason));
}

void script_expect(int line, const char *words, int64_t value, int64_t expected)
{
    stack();
    script_word(line, "expect", words);
    if (value != expected)
        script_fail(line, "%s: expected %lld, seen %lld", words, (long long)expected,
                    (long long)value);
    script_finish(line);
}

/* ---- A test from its beginning to its end ---- */

static void start(const struct script_test *test, const char *label)
{
    memset(&script, 0, sizeof script);
    script.test = test;
    script.label = label;
    script.now = START;
    script.peer_wnd = 65535;
    script.blocks.next = script.blocks.previous = &script.blocks;
    script.settings =
        *(test->profile == CHECK_PROFILE_linux ? hf_settings_linux() : hf_settings_rfc());
    script.setup = (struct script_setup){.mtu = 1500,
                                         .iss = test->family == 4 ? 1000 : UINT32_MAX,
                                         .peer_iss = test->family == 4 ? 5000 : UINT32_MAX - 1,
                                         .memory_limit = (size_t)64 << 20,
                                         .connections_max = 64};
}

static void finale(void)
{
    int line = script.line;
    if (script.stack == NULL)
        return;
    script_begin(line, "the end", "");
    if (script.in_batch)
        script_fail(line, "a batch was not ended");
    struct hf_stack *old = script.stack;
    check(line);
    hf_stack_destroy(old);
    script.stack = NULL;
    for (size_t i = 0; i < script.traced_count; i++) {
        const struct traced *t = &script.traced[i];
        if (t->ends != 1 || t->cause == HF_CAUSE_NONE)
            script_fail(line, "a connection ended %u times, the last with cause %s", t->ends,
                        hf_cause_name(t->cause));
    }
    if (script.block_count != 0)
        script_fail(line, "%zu blocks of memory, %zu bytes, did not come back",
                    script.block_count, script.block_bytes);
    free_queues();
}

void script_run(const struct script_test *test)
{
    start(test, "");
    test->body();
    finale();
}

void script_restart(const char *label)
{
    const struct script_test *test = script.test;
    finale();
    start(test, label);
}
