/* Row B9 of docs/attacks.md: a forged timestamp from the future, which would make PAWS refuse all
 * that the peer sends from then on (CVE-2005-0356). RFC 7323 4.3 and 5.5. */
#include "script.h"

#define FUTURE ((int64_t)(uint32_t)(peer_clock() + (1u << 30)))

static void peer_is_unharmed(void)
{
    in(ACK, .seq = 1, .len = 10);
    drain(ms(500));
    app_recv(10);
    state(HF_ESTABLISHED);
}

TEST(future_timestamp_outside_the_window, rfc, "B9")
{
    established(.mss = 1000, .ts = true);
    in(ACK, .seq = rcv_nxt() + rcv_wnd() + 10, .ack = 1, .len = 5, .junk = true, .tsval = FUTURE);
    out(ACK, .seq = 1, .ack = 1, .tsecr = peer_clock());
    peer_is_unharmed();
}

/* In the window, but ahead of what was acknowledged last. */
TEST(future_timestamp_beyond_a_gap, rfc, "B9")
{
    established(.mss = 1000, .ts = true);
    in(ACK, .seq = rcv_nxt() + 500, .ack = 1, .len = 5, .junk = true, .tsval = FUTURE);
    out(ACK, .seq = 1, .ack = 1, .tsecr = peer_clock());
    peer_is_unharmed();
}

TEST(future_timestamp_with_an_ack_that_cannot_be, rfc, "B9")
{
    established(.mss = 1000, .ts = true);
    in(ACK, .seq = rcv_nxt(), .ack = 5000, .len = 5, .junk = true, .tsval = FUTURE);
    out(ACK, .seq = 1, .ack = 1, .tsecr = peer_clock());
    peer_is_unharmed();
}

/* What was learnt ages out: after 24 days without a segment anything is newer. */
TEST(old_timestamp_after_24_days, rfc, "B9")
{
    established(.mss = 1000, .ts = true);
    int64_t old = (int64_t)(uint32_t)(peer_clock() - 100000);
    in(ACK, .seq = 1, .len = 10, .junk = true, .tsval = old);
    out(ACK, .seq = 1, .ack = 1);
    dropped(HF_DROP_PAWS);
    after(sec(24 * 24 * 3600 + 10));
    in(ACK, .seq = 1, .len = 10, .tsval = old);
    drain(ms(500));
    app_recv(10);
    state(HF_ESTABLISHED);
}
