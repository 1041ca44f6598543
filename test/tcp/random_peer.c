/* A peer that loses segments, answers late or not at all, and opens, shrinks and shuts its window
 * as it likes. Whatever it does, all text must reach it in the end, and while something is left to
 * do the stack must do something (RFC 9293 3.8.6, RFC 5681, RFC 6298). */
/* clang-format off: scripts */
#include <string.h>

#include "script.h"

enum { ALL = 40000 };

struct peer {
    bool has[ALL + 3];  /* octets that arrived, by number; the FIN is ALL + 1                 */
    int64_t next;       /* the first that did not                                             */
    int64_t wnd;
    unsigned loss;      /* of 100 segments                                                    */
};

/* Takes what lies in the window as it is now, and loses some. */
static void take(struct peer *peer, const struct script_segment *s, int flags)
{
    if (check_random_below(100) < peer->loss)
        return;
    int64_t end = s->seq + s->len + ((flags & FIN) != 0);
    for (int64_t i = s->seq; i < end; i++)
        if (i > 0 && i < peer->next + peer->wnd)
            peer->has[i] = true;
    while (peer->next <= ALL + 1 && peer->has[peer->next])
        peer->next++;
}

/* All that waits; how many segments. */
static int collect(struct peer *peer)
{
    struct script_segment s;
    int flags, got = 0;
    for (; (flags = script_take(&s)) >= 0; got++)
        take(peer, &s, flags);
    return got;
}

static void answer(struct peer *peer, bool calm)
{
    static const int64_t windows[] = {0, 0, 1, 100, 500, 1000, 1500, 5000, 20000, 65535};
    if (calm)
        peer->wnd = 65535;
    else if (check_random_below(3) == 0)
        peer->wnd = windows[check_random_below(sizeof windows / sizeof *windows)];
    in(ACK, .seq = 1, .ack = peer->next, .wnd = peer->wnd);
}

/* The text, then the FIN. */
static void talk(unsigned loss, bool with_sack, bool with_ts)
{
    struct peer peer = {.next = 1, .wnd = 65535, .loss = loss};
    script_settings()->user_timeout = 0;
    script_settings()->r2_data = 0;
    established(.mss = 1000, .sack = with_sack, .ts = with_ts);
    app_send(ALL);
    collect(&peer);
    app_shutdown();
    for (int turns = 0; peer.next <= ALL + 1; turns++) {
        note(turns < 20000);
        int got = collect(&peer);
        if (got == 0)
            note(wait_for_packet(sec(121))); /* silence would be for ever */
        got += collect(&peer);
        if (check_random_below(100) < loss)
            continue; /* the answer is lost */
        int answers = check_random_below(2) == 0 ? 1 : got < 5 ? got : 5;
        for (int i = 0; i < answers; i++) {
            answer(&peer, turns > 2000);
            collect(&peer);
        }
    }
    in(ACK, .seq = 1, .ack = peer.next);
    state(HF_FIN_WAIT_2);
    quiet(sec(30));
}

TEST(random_peer_without_loss, rfc, "MUST-34 MUST-35 MUST-36 MUST-38 SHLD-16")
{
    for (int i = 0; i < (check_soak() ? 500 : 4); i++) {
        talk(0, false, false);
        script_restart("");
    }
}

TEST(random_peer_with_loss, rfc, "MUST-18 MUST-19 MUST-34 MUST-35 SHLD-16")
{
    for (int i = 0; i < (check_soak() ? 500 : 4); i++) {
        talk(10, false, i % 2 == 1);
        script_restart("");
    }
}

TEST(random_peer_with_much_loss, rfc, "MUST-18 MUST-19 MUST-34 MUST-35 SHLD-16")
{
    for (int i = 0; i < (check_soak() ? 500 : 4); i++) {
        talk(40, true, i % 2 == 1);
        script_restart("");
    }
}

TEST(random_peer_and_linux_numbers, linux, "MUST-18 MUST-34")
{
    for (int i = 0; i < (check_soak() ? 500 : 4); i++) {
        talk(i % 2 == 0 ? 5 : 30, true, true);
        script_restart("");
    }
}
