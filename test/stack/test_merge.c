/* Merging what comes in changes nothing but the work: two worlds that differ in HF_LINK_MERGE alone
 * send the same packets, byte for byte, whatever the wire does and however batches are cut. With
 * several connections the one whose first segment came first is served first, so then only the
 * streams are the same. */
#include "two.h"

#include <handfast/trace.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 24
#define BYTES 150000u
#define WAITING 8192u
#define BATCH 64u

struct parcel {
    uint8_t *bytes;
    uint32_t len;
};

struct faults {
    double loss, repeat, swap, damage;
};

struct world {
    struct two two;
    struct faults faults;
    int connections;
    bool six; /* the first is of IPv6                                                          */
    uint64_t random[2]; /* of the wire, of the programs */
    struct parcel waiting[2][WAITING];
    unsigned first[2], last[2];
    hf_conn conn[2][CONNECTIONS];
    uint32_t sent[2][CONNECTIONS], got[2][CONNECTIONS];
    bool shut[2][CONNECTIONS], eof[2][CONNECTIONS];
    uint64_t hash, packets, records;
    uint32_t traced_text;
};

enum { WIRE, PROGRAMS };

static uint32_t chance(struct world *w, int of, uint32_t below)
{
    w->random[of] = w->random[of] * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((w->random[of] >> 33) % below);
}

static bool happens(struct world *w, double share)
{
    return share > 0 && chance(w, WIRE, 1000000) < share * 1000000;
}

static void put(struct world *w, int from, const uint8_t *bytes, uint32_t len)
{
    struct parcel p = {malloc(len), len};
    assert_non_null(p.bytes);
    assert_true(w->last[from] - w->first[from] < WAITING);
    memcpy(p.bytes, bytes, len);
    if (happens(w, w->faults.damage))
        p.bytes[chance(w, WIRE, len)] ^= (uint8_t)(1u << chance(w, WIRE, 8));
    w->waiting[from][w->last[from]++ % WAITING] = p;
    unsigned back = w->last[from] - w->first[from];
    if (back > 1 && happens(w, w->faults.swap)) {
        struct parcel *a = &w->waiting[from][(w->last[from] - 1) % WAITING];
        struct parcel *b =
            &w->waiting[from][(w->last[from] - 2 - chance(w, WIRE, back - 1)) % WAITING];
        p = *a;
        *a = *b;
        *b = p;
    }
}

static bool pull(struct world *w, int from)
{
    struct hf_packet packets[BATCH];
    uint8_t bytes[2048];
    size_t n = hf_stack_output(w->two.stack[from], 1, packets, BATCH, w->two.now);
    for (size_t i = 0; i < n; i++) {
        uint32_t len = hf_packet_copy(&packets[i], bytes, sizeof bytes);
        assert_int_not_equal(len, 0);
        for (uint32_t b = 0; b < len; b++)
            w->hash = (w->hash ^ bytes[b]) * 1099511628211u;
        w->packets++;
        if (!happens(w, w->faults.loss))
            put(w, from, bytes, len);
        if (happens(w, w->faults.repeat))
            put(w, from, bytes, len);
    }
    hf_stack_sent(w->two.stack[from], packets, n);
    return n > 0;
}

static bool deliver(struct world *w, int from)
{
    struct hf_packet packets[BATCH];
    unsigned waiting = w->last[from] - w->first[from];
    if (waiting == 0) /* no dice: a stack may be looked at once more for nothing */
        return false;
    unsigned n = 1 + chance(w, WIRE, BATCH);
    n = n < waiting ? n : waiting;
    for (unsigned i = 0; i < n; i++) {
        struct parcel p = w->waiting[from][(w->first[from] + i) % WAITING];
        hf_packet_wrap(&packets[i], 1, p.bytes, p.len);
    }
    hf_stack_input(w->two.stack[!from], 1, packets, n, w->two.now);
    for (unsigned i = 0; i < n; i++)
        free(w->waiting[from][w->first[from]++ % WAITING].bytes);
    return true;
}

static uint8_t byte_at(int from, int connection, uint32_t at)
{
    return (uint8_t)((at * 2654435761u >> 13) + (uint32_t)(from + 2 * connection));
}

static void use(struct world *w, int at, int k)
{
    struct hf_stack *stack = w->two.stack[at];
    uint8_t bytes[20000];
    uint32_t *sent = &w->sent[at][k];
    if (!w->conn[at][k])
        return;
    while (*sent < BYTES) {
        uint32_t n = 1 + chance(w, PROGRAMS, chance(w, PROGRAMS, 4) ? sizeof bytes : 100);
        n = n < BYTES - *sent ? n : BYTES - *sent;
        for (uint32_t i = 0; i < n; i++)
            bytes[i] = byte_at(at, k, *sent + i);
        int64_t taken = hf_tcp_send(stack, w->conn[at][k], bytes, n, 0);
        assert_true(taken >= 0);
        *sent += (uint32_t)taken;
        if (taken < n || chance(w, PROGRAMS, 8) == 0)
            break;
    }
    if (*sent == BYTES && !w->shut[at][k]) {
        w->shut[at][k] = true;
        assert_int_equal(hf_tcp_shutdown(stack, w->conn[at][k]), 0);
    }
    for (int64_t n; (n = hf_tcp_recv(stack, w->conn[at][k], bytes, sizeof bytes)) != 0;) {
        if (n < 0) {
            assert_int_equal(n, HF_EOF);
            w->eof[at][k] = true;
            break;
        }
        for (int64_t i = 0; i < n; i++)
            if (bytes[i] != byte_at(!at, k, w->got[at][k]++))
                fail_msg("byte %u of connection %d, stack %d is wrong", w->got[at][k] - 1, k, at);
        if (chance(w, PROGRAMS, 8) == 0)
            break;
    }
}

static void settle(struct world *w)
{
    for (unsigned turns = 0; turns < 1000000; turns++) {
        while (pull(w, 0) || pull(w, 1))
            continue;
        if (!deliver(w, 0) && !deliver(w, 1))
            return;
    }
    fail_msg("packets without end");
}

static void step(struct world *w, hf_time use_at)
{
    hf_time a = hf_stack_deadline(w->two.stack[0]), b = hf_stack_deadline(w->two.stack[1]);
    hf_time next = a < b ? a : b;
    next = next < use_at ? next : use_at;
    w->two.now = next > w->two.now ? next : w->two.now;
    hf_stack_timers(w->two.stack[0], w->two.now);
    hf_stack_timers(w->two.stack[1], w->two.now);
    settle(w);
    for (int i = 0; i < 2; i++) {
        const char *fault = hf_stack_check(w->two.stack[i]);
        if (fault)
            fail_msg("stack %d: %s", i, fault);
    }
}

/* Each segment is told as it came: no record of more text than one holds. */
static void on_trace(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    struct world *w = context;
    if (record->kind != HF_TRACE_IN)
        return;
    w->records++;
    assert_non_null(packet);
    assert_true(record->u.segment.text <= 1460);
    assert_true(packet->len >= record->u.segment.text);
    w->traced_text += record->u.segment.text;
}

static void make(struct world *w, const struct hf_settings *settings, bool merge, bool trace)
{
    static const char *const addresses[2][2] = {{"10.0.0.1", "fd00::1"}, {"10.0.0.2", "fd00::2"}};
    two_init(&w->two);
    w->two.settings = *settings;
    w->hash = 14695981039346656037u;
    for (int i = 0; i < 2; i++) {
        struct hf_stack_config config = two_config(&w->two);
        struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
        link.features = merge ? HF_LINK_MERGE : 0u;
        config.seed[0] = (uint8_t)(1 + i);
        if (trace && i == 1) {
            config.trace = on_trace;
            config.trace_context = w;
        }
        w->two.stack[i] = hf_stack_create(&config, NULL);
        assert_non_null(w->two.stack[i]);
        assert_int_equal(hf_stack_add_link(w->two.stack[i], &link), 1);
        for (int k = 0; k < 2; k++) {
            struct hf_addr addr = two_addr(addresses[i][k]);
            assert_int_equal(hf_stack_add_address(w->two.stack[i], 1, &addr, k ? 64 : 24), 0);
        }
    }
}

static bool all_over(const struct world *w)
{
    for (int k = 0; k < w->connections; k++)
        if (!w->eof[0][k] || !w->eof[1][k])
            return false;
    return true;
}

/* Connections of both families side by side, each BYTES both ways. Returns segments merged. */
static uint64_t transfer(struct world *w)
{
    hf_listener listener = two_listen(&w->two, 1, 80, CONNECTIONS);
    hf_time use_at = 0, end = w->two.now + 900 * HF_SEC;
    struct hf_stack_counters counters[2];
    for (int k = 0; k < w->connections; k++) {
        struct hf_open open = {
            .size = sizeof open,
            .user = (uint64_t)k,
            .remote = {two_addr((k + w->six) % 2 ? "fd00::2" : "10.0.0.2"), 80}};
        assert_int_equal(hf_tcp_open(w->two.stack[0], &open, &w->conn[0][k]), 0);
        while (!w->conn[1][k]) { /* one after the other, so that both ends agree on k */
            step(w, w->two.now + 5 * HF_MS);
            (void)hf_tcp_accept(w->two.stack[1], listener, 0, &w->conn[1][k]);
        }
    }
    while (!all_over(w) && w->two.now < end) {
        if (w->two.now >= use_at) {
            use_at = w->two.now + 5 * HF_MS;
            for (int k = 0; k < w->connections; k++) {
                use(w, 0, k);
                use(w, 1, k);
            }
            settle(w);
        }
        step(w, use_at);
    }
    assert_true(all_over(w));
    for (int i = 0; i < 2; i++) {
        hf_stack_counters(w->two.stack[i], &counters[i]);
        for (; w->first[i] != w->last[i]; w->first[i]++)
            free(w->waiting[i][w->first[i] % WAITING].bytes);
    }
    two_end(&w->two);
    return counters[0].segments_merged + counters[1].segments_merged;
}

/* Returns segments merged. */
static uint64_t run(struct world *w, const struct hf_settings *settings, bool merge, bool trace)
{
    make(w, settings, merge, trace);
    return transfer(w);
}

/* Returns segments merged. */
static uint64_t compare(const struct hf_settings *settings, struct faults faults, bool trace)
{
    static struct world merged, plain;
    uint64_t segments = 0;
    uint64_t random = check_random();
    for (int six = 0; six < 2; six++) {
        merged = (struct world){
            .faults = faults, .connections = 1, .six = six, .random = {random, ~random}};
        plain = merged;
        assert_int_equal(run(&plain, settings, false, trace), 0);
        segments += run(&merged, settings, true, trace);
        assert_int_equal(merged.packets, plain.packets);
        assert_true(merged.hash == plain.hash);
        assert_int_equal(merged.records, plain.records);
        assert_int_equal(merged.traced_text, plain.traced_text);
    }
    return segments;
}

static const struct faults bad[] = {
    {.loss = 0.01},
    {.swap = 0.02, .repeat = 0.01},
    {.damage = 0.01},
    {.loss = 0.02, .repeat = 0.02, .swap = 0.05, .damage = 0.01},
};
#define BADS (sizeof bad / sizeof bad[0])

TEST(merging_changes_no_packet, linux, "")
{
    assert_true(compare(hf_settings_linux(), (struct faults){0}, false) > 100);
    /* how many follow each other in a batch is a matter of dice, with small windows most of all */
    assert_true(compare(hf_settings_rfc(), (struct faults){0}, false) > 0);
}

TEST(merging_changes_no_packet_on_a_bad_wire, linux, "")
{
    struct hf_settings ecn = *hf_settings_linux();
    uint64_t segments = 0;
    ecn.ecn = HF_ECN_ACTIVE;
    for (int times = 0; times < (check_soak() ? 100 : 2); times++)
        for (size_t i = 0; i < BADS; i++) {
            segments += compare(hf_settings_linux(), bad[i], false);
            segments += compare(hf_settings_rfc(), bad[i], false);
            segments += compare(&ecn, bad[i], false);
        }
    assert_true(segments > 100);
}

/* ... of as much text as it held. */
TEST(a_trace_tells_of_each_segment, linux, "")
{
    (void)compare(hf_settings_linux(), (struct faults){0}, true);
    (void)compare(hf_settings_linux(), bad[BADS - 1], true);
}

/* More flows in a batch than can be looked after at once. */
TEST(many_flows_are_merged_side_by_side, linux, "")
{
    static struct world w;
    for (int times = 0; times < (check_soak() ? 100 : 2); times++)
        for (size_t i = 0; i < BADS; i++) {
            w = (struct world){.faults = bad[i],
                               .connections = CONNECTIONS,
                               .random = {check_random(), check_random()}};
            assert_true(run(&w, hf_settings_linux(), true, false) > 100);
        }
}
