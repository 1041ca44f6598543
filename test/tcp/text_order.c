/* Text in any order: what is delivered, what is acknowledged, and what SACK tells of it (RFC
 * 9293 3.10.7.4 seventh; RFC 2018, 2883). A naive model that knows each byte apart is the
 * judge. */
/* clang-format off: scripts */
#include <string.h>

#include "cells.h"

/* ---- By example ---- */

TEST(text_comes_twice, rfc, "EST.out")
{
    established(.sack = true);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101, .sacks = 0);
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 101, .sack = {{1, 101}}); /* D-SACK */
    in(ACK, .seq = 51, .ack = 1, .len = 100);           /* half old */
    out(ACK, .seq = 1, .ack = 151, .sack = {{51, 101}});
    app_recv(150);
    app_recv_is(0);
}

/* The first copy was overtaken by the second, and is older than the last timestamp (RFC 7323 5). */
TEST(text_comes_late_after_it_came_again, rfc, "EST.out B9")
{
    established(.sack = true, .ts = true);
    after(ms(100));
    uint32_t clock = peer_clock();
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    within(settings()->delack, ACK, .seq = 1, .ack = 101, .sacks = 0);
    in(ACK, .seq = 1, .ack = 1, .len = 100, .tsval = clock - 50);
    out(ACK, .seq = 1, .ack = 101, .sack = {{1, 101}});
}

TEST(text_beyond_a_gap_comes_twice, rfc, "EST.data-gap")
{
    established(.sack = true);
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 201}});
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 201}, {101, 201}}); /* RFC 2883 4, example 4 */
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 201, .sacks = 0);
    app_recv(200);
}

TEST(text_that_joins_two_pieces, rfc, "EST.data-gap")
{
    established(.sack = true);
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 201}});
    in(ACK, .seq = 301, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{301, 401}, {101, 201}});
    in(ACK, .seq = 201, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 401}});
    in(ACK, .seq = 1, .ack = 1, .len = 150);
    drain(0);
    expect(rcv_nxt(), 401);
    app_recv(400);
}

TEST(sack_tells_the_newest_first, rfc, "EST.data-gap")
{
    established(.sack = true);
    for (int64_t i = 0; i < 6; i++) {
        in(ACK, .seq = 101 + 200 * i, .ack = 1, .len = 100);
        if (i < 3)
            drain(0);
        else
            out(ACK, .seq = 1, .ack = 1,
                .sack = {{101 + 200 * i, 201 + 200 * i}, {200 * i - 99, 200 * i + 1},
                         {200 * i - 299, 200 * i - 199}, {200 * i - 499, 200 * i - 399}});
    }
}

TEST(sack_and_timestamps_leave_three_blocks, rfc, "EST.data-gap")
{
    established(.sack = true, .ts = true);
    for (int64_t i = 0; i < 6; i++) {
        in(ACK, .seq = 101 + 200 * i, .ack = 1, .len = 100);
        out(ACK, .seq = 1, .ack = 1, .sacks = i < 3 ? i + 1 : 3);
    }
}

TEST(sack_rides_on_text, rfc, "EST.data-gap EST.SEND")
{
    established(.sack = true, .mss = 1000);
    in(ACK, .seq = 101, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 1, .sack = {{101, 201}});
    app_send(100);
    out(PSH|ACK, .seq = 1, .ack = 1, .len = 100, .sack = {{101, 201}});
    app_send(0);
    in(ACK, .seq = 201, .ack = 101, .len = 10);
    out(ACK, .seq = 101, .ack = 1, .sack = {{101, 211}});
    app_send(2000); /* the option takes its room from the text */
    out(ACK, .seq = 101, .ack = 1, .len = 988, .sack = {{101, 211}});
    drain(0);
}

/* ---- At random, against a model ---- */

#define STREAM 3000

static bool have[STREAM];

static int64_t model_next(void)
{
    int64_t next = 0;
    while (next < STREAM && have[next])
        next++;
    return next;
}

static void model_take(int64_t start, int64_t len)
{
    for (int64_t i = start; i < start + len; i++)
        have[i] = true;
}

/* Every block names what came, from its first number to its last; behind the stream is the FIN. */
static void check_blocks(const struct script_segment *seen, bool fin_came)
{
    bool all_came = true;
    for (int64_t i = 0; i < seen->sacks; i++)
        for (int64_t k = seen->sack[i].start; k < seen->sack[i].end; k++)
            all_came &= k >= 1 && (k <= STREAM ? have[k - 1] : fin_came && k == STREAM + 1);
    note(all_came);
}

static void one_stream(bool sack, bool with_fin)
{
    int64_t read = 0;
    bool fin_sent = false;
    struct script_segment seen;
    memset(have, 0, sizeof have);
    established(.sack = sack);
    while (read < STREAM) {
        int64_t start = (int64_t)check_random_below(STREAM);
        if (check_random_below(4) == 0)
            start = model_next();
        int64_t len = 1 + (int64_t)check_random_below(check_random_below(3) ? 60 : 900);
        if (start + len > STREAM)
            len = STREAM - start;
        bool fin = with_fin && start + len == STREAM;
        fin_sent |= fin;
        in(fin ? FIN|ACK : ACK, .seq = 1 + start, .ack = 1, .len = len);
        model_take(start, len);
        int64_t next = model_next();
        while (script_take(&seen) >= 0)
            check_blocks(&seen, fin_sent);
        drain(settings()->delack);
        int64_t expected = 1 + next + (fin_sent && next == STREAM);
        expect(status().rcv_nxt, (uint32_t)(peer_iss() + (uint32_t)expected));
        expect(rcv_nxt(), expected); /* and the peer has been told */
        expect(status().receive_ready, next - read);
        if (check_random_below(3) == 0 || next == STREAM) {
            app_recv((size_t)(next - read));
            read = next;
        }
    }
    app_recv_is(fin_sent ? HF_EOF : 0);
    state(fin_sent ? HF_CLOSE_WAIT : HF_ESTABLISHED);
}

TEST(text_in_any_order, rfc, "EST.data EST.data-gap EST.out")
{
    for (int i = 0; i < 20; i++) {
        script_restart("any order");
        one_stream(false, false);
    }
}

TEST(text_in_any_order_with_sack_and_fin, rfc, "EST.data-gap EST.FIN EST.FIN-gap")
{
    for (int i = 0; i < 20; i++) {
        script_restart("any order, SACK, FIN");
        one_stream(true, true);
    }
}

/* ---- Timestamps ---- */

TEST(paws_drops_what_is_old, rfc, "EST.out B9")
{
    answer_everything();
    established(.ts = true);
    after(sec(10));
    uint32_t clock = peer_clock();
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11, .tsecr = clock);
    in(ACK, .seq = 11, .ack = 1, .len = 10, .tsval = clock - 1, .junk = true);
    out(ACK, .seq = 1, .ack = 11, .tsecr = clock);
    in(RST, .seq = 11, .tsval = clock - 5000); /* RST is not asked for its age */
    nothing();
    ended(HF_CAUSE_RESET);
    app_recv(10);
    app_recv_is(HF_ERR_RESET);
}

TEST(paws_is_not_poisoned, rfc, "EST.out B9")
{
    answer_everything();
    established(.ts = true);
    uint32_t clock = peer_clock();
    in(ACK, .seq = 1 + rcv_wnd() + 10, .ack = 1, .len = 10,
       .tsval = clock + (1u << 30), .junk = true);
    out(ACK, .seq = 1, .ack = 1, .tsecr = clock);
    in(ACK, .seq = 1, .ack = 1, .len = 10);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    app_recv(10);
}

TEST(paws_forgets_after_24_days, rfc, "EST.out B9")
{
    established(.ts = true);
    uint32_t clock = peer_clock();
    quiet(sec(25 * 24 * 3600));
    in(ACK, .seq = 1, .ack = 1, .len = 10, .tsval = clock - 1000);
    within(settings()->delack, ACK, .seq = 1, .ack = 11);
    app_recv(10);
}

TEST(timestamp_missing, rfc, "EST.out A11")
{
    established(.ts = true);
    in(ACK, .seq = 1, .ack = 1, .len = 10, .no_ts = true, .junk = true);
    nothing();
    dropped(HF_DROP_NO_TIMESTAMP);
    app_recv_is(0);
    in(RST, .seq = 1, .no_ts = true);
    nothing();
    ended(HF_CAUSE_RESET);
}

/* RFC 7323 4.3: the echo is that of the segment which the ACK advances over. */
TEST(timestamp_echoed, rfc, "EST.data EST.data-gap")
{
    established(.ts = true);
    uint32_t first = peer_clock();
    after(ms(100));
    in(ACK, .seq = 101, .ack = 1, .len = 100); /* beyond a gap: not echoed */
    out(ACK, .seq = 1, .ack = 1, .tsecr = first);
    after(ms(100));
    uint32_t third = peer_clock();
    in(ACK, .seq = 1, .ack = 1, .len = 100);
    out(ACK, .seq = 1, .ack = 201, .tsecr = third);
    app_recv(200);
}
