/* Row D14 of docs/attacks.md: a clock that goes back, leaps, stands still, or ticks
 * coarsely. */
#include <string.h>

#include "duet.h"
#include "script_inside.h"

#include "victim.h"

static const int alive[] = {HF_LISTEN,     HF_SYN_SENT,   HF_SYN_RECEIVED, HF_ESTABLISHED,
                            HF_FIN_WAIT_1, HF_FIN_WAIT_2, HF_CLOSE_WAIT,   HF_CLOSING,
                            HF_LAST_ACK,   HF_TIME_WAIT};

/* The machine slept for twelve hours and the host says so. */
TEST(jump_that_was_told_ends_nothing, rfc, "D14")
{
    for (size_t i = 0; i < sizeof alive / sizeof *alive; i++) {
        script_restart(hf_state_text(alive[i]));
        reach(alive[i]);
        after(ms(100));
        hf_stack_time_jump(stack(), sec(12 * 3600));
        script.now += sec(12 * 3600);
        nothing();
        after(ms(100));
        state(alive[i]);
    }
}

/* Nobody says anything, but nothing was outstanding either. */
TEST(jump_while_idle_ends_nothing, rfc, "D14")
{
    const int idle[] = {HF_LISTEN, HF_ESTABLISHED, HF_FIN_WAIT_2, HF_CLOSE_WAIT};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        script_restart(hf_state_text(idle[i]));
        reach(idle[i]);
        script.now += sec(12 * 3600);
        after(ms(1));
        state(idle[i]);
        nothing();
    }
}

/* After the jump the timers run out their rest, no more and no less. */
TEST(timers_go_on_after_a_jump, rfc, "D14")
{
    established(.mss = 1000);
    app_send(500);
    out(ACK, .seq = 1, .len = 500);
    after(ms(400));
    hf_stack_time_jump(stack(), sec(12 * 3600));
    script.now += sec(12 * 3600);
    quiet(ms(500));
    within(ms(200), ACK, .seq = 1, .len = 500); /* RTO of 1 s, as it was */
    in(ACK, .ack = 501);
    state(HF_ESTABLISHED);
}

TEST(clock_that_goes_back, rfc, "D14")
{
    for (size_t i = 0; i < sizeof alive / sizeof *alive; i++) {
        script_restart(hf_state_text(alive[i]));
        reach(alive[i]);
        after(ms(100));
        script.now -= sec(50);
        after(ms(1));
        state(alive[i]);
        nothing();
    }
}

TEST(text_flows_on_a_clock_that_went_back, rfc, "D14")
{
    established(.mss = 1000, .ts = true);
    script.now -= sec(100);
    in(ACK, .len = 10, .tsval = (int64_t)peer_clock() + 200000);
    drain(ms(1));
    app_recv(10);
    app_send(10);
    out(ACK, .len = 10);
    in(ACK, .ack = 11, .tsval = (int64_t)peer_clock() + 200000);
    state(HF_ESTABLISHED);
    script.now += sec(100);
    drain(sec(3));
    state(HF_ESTABLISHED);
}

/* ---- Two stacks on one bad clock ---- */

struct flow {
    struct duet duet;
    hf_conn conn[2];
    uint32_t sent, received;
};

static void open_flow(struct flow *f)
{
    struct hf_listen listen = {.size = sizeof listen, .local.port = 80};
    struct hf_open open = {.size = sizeof open, .remote.port = 80};
    hf_listener listener;
    memset(f, 0, sizeof *f);
    duet_begin(&f->duet, hf_settings_default());
    open.remote.addr = f->duet.addr[1];
    assert_int_equal(hf_tcp_listen(f->duet.stack[1], &listen, &listener), 0);
    assert_int_equal(hf_tcp_open(f->duet.stack[0], &open, &f->conn[0]), 0);
    duet_pull(&f->duet);
    while (duet_deliver_both(&f->duet))
        continue;
    assert_int_equal(hf_tcp_accept(f->duet.stack[1], listener, 0, &f->conn[1]), 1);
}

static void push(struct flow *f, uint32_t bytes)
{
    uint8_t piece[4096];
    int64_t n = 1;
    while (f->sent < bytes && n > 0) {
        uint32_t len = bytes - f->sent < sizeof piece ? bytes - f->sent : sizeof piece;
        for (uint32_t i = 0; i < len; i++)
            piece[i] = pattern(f->sent + i);
        n = hf_tcp_send(f->duet.stack[0], f->conn[0], piece, len, 0);
        assert_true(n >= 0);
        f->sent += (uint32_t)n;
    }
    while ((n = hf_tcp_recv(f->duet.stack[1], f->conn[1], piece, sizeof piece)) > 0)
        for (uint32_t i = 0; i < (uint32_t)n; i++)
            assert_int_equal(piece[i], pattern(f->received++));
    assert_int_equal(n, 0);
    duet_pull(&f->duet);
}

static uint64_t retransmits(const struct flow *f)
{
    uint64_t sum = 0;
    for (int i = 0; i < 2; i++) {
        struct hf_stack_counters counters;
        hf_stack_counters(f->duet.stack[i], &counters);
        sum += counters.retransmits;
    }
    return sum;
}

/* Whatever is sent in one tick arrives in the next. */
static void transfer_in_ticks(hf_time tick, uint32_t bytes)
{
    struct flow f;
    open_flow(&f);
    for (unsigned turns = 0; f.received < bytes; turns++) {
        unsigned flying[2] = {f.duet.count[0], f.duet.count[1]};
        assert_true(turns < 1000000);
        f.duet.now += tick;
        duet_timers(&f.duet);
        for (int i = 0; i < 2; i++)
            while (flying[i]-- > 0)
                duet_deliver(&f.duet, i);
        push(&f, bytes);
    }
    assert_int_equal(retransmits(&f), 0);
    duet_end(&f.duet);
}

static void in_ticks(void)
{
    const hf_time ticks[] = {HF_US, 100 * HF_US, HF_MS, 4 * HF_MS, 10 * HF_MS, 16 * HF_MS};
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++)
        transfer_in_ticks(ticks[i], small_or_full(40000, 400000));
}

TEST_IPV4(coarse_ticks_resend_nothing, rfc, "D14")
{
    in_ticks();
}

TEST_IPV4(clock_that_stands_still, rfc, "D14")
{
    struct flow f;
    uint32_t bytes = small_or_full(200000, 5000000);
    open_flow(&f);
    for (unsigned turns = 0; f.received < bytes; turns++) {
        assert_true(turns < 100000);
        push(&f, bytes);
        while (duet_deliver_both(&f.duet))
            continue;
        if (turns % 8 == 7) { /* only a delayed ACK needs it to move */
            f.duet.now += 40 * HF_MS;
            duet_timers(&f.duet);
        }
    }
    assert_int_equal(retransmits(&f), 0);
    duet_end(&f.duet);
}

/* Forwards and back at random, by up to a minute: it may be slow, it may not break. */
TEST_IPV4(clock_that_wanders, rfc, "D14")
{
    struct flow f;
    uint32_t bytes = small_or_full(100000, 2000000);
    open_flow(&f);
    for (unsigned turns = 0; f.received < bytes; turns++) {
        assert_true(turns < 1000000);
        f.duet.now += (hf_time)check_random_below(120000) * HF_MS - 50 * HF_SEC;
        if (f.duet.now < 0)
            f.duet.now = 0;
        duet_timers(&f.duet);
        push(&f, bytes);
        for (unsigned i = 0; i < 3; i++) {
            duet_deliver(&f.duet, 0);
            duet_deliver(&f.duet, 1);
        }
        if (f.duet.count[0] > 128)
            while (duet_lose(&f.duet, 0))
                continue;
    }
    struct hf_tcp_status status = {.size = sizeof status};
    assert_int_equal(hf_tcp_status(f.duet.stack[0], f.conn[0], &status), 0);
    assert_int_equal(status.state, HF_ESTABLISHED);
    duet_end(&f.duet);
}
