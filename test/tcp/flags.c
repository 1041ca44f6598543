/* All 512 sets of flags, in each of the eleven states, in and out of the window: row A6 of
 * docs/attacks.md. What the stack does is compared with the table of flags.golden.
 *
 * Four flags decide: FIN, SYN, RST and ACK; the table has a column for each set of these.
 * The other five (PSH, URG, ECE, CWR, AE) must not change anything, and every set of them is
 * tried. */
/* clang-format off: scripts */
#include <stdio.h>
#include <string.h>

#include "cells.h"

/* Per line: state, place of the segment, and for each of the 16 columns the answer and the
 * state afterwards. Answers: - none, A ACK, C SYN+ACK, S SYN, R RST without ACK, Z RST+ACK. */
static const char *const golden[] = {
#include "flags.golden"
};

static const char state_letter[HF_STATES + 1] = "CLSREFGWIKT";

static const char *const state_name[HF_STATES] = {
    "CLOSED",     "LISTEN",     "SYN-SENT",   "SYN-RCVD", "ESTAB",    "FIN-W-1",
    "FIN-W-2",    "CLOSE-W",    "CLOSING",    "LAST-ACK", "TIME-W"};

static char answer(void)
{
    struct script_segment taken;
    char letter = '-';
    for (int flags; (flags = script_take(&taken)) >= 0;) {
        if (letter != '-')
            return '+';
        switch (flags & (FIN | SYN | RST | ACK)) {
        case ACK: letter = 'A'; break;
        case SYN: letter = 'S'; break;
        case SYN | ACK: letter = 'C'; break;
        case RST: letter = 'R'; break;
        case RST | ACK: letter = 'Z'; break;
        default: letter = '?'; break;
        }
    }
    return letter;
}

static char state_after(int before)
{
    int now = script_traced_state();
    return state_letter[now >= 0 ? now : before];
}

/* FIN, SYN, RST, ACK as the bits of a column's number. */
static int deciding_flags(unsigned column)
{
    return (column & 1 ? FIN : 0) | (column & 2 ? SYN : 0) | (column & 4 ? RST : 0) |
           (column & 8 ? ACK : 0);
}

static int other_flags(unsigned set)
{
    return (set & 1 ? PSH : 0) | (set & 2 ? URG : 0) | (set & 4 ? ECE : 0) |
           (set & 8 ? CWR : 0) | (set & 16 ? AE : 0);
}

static const char *expected_row(int from, bool in_window)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        char name[16], place[4];
        int columns;
        if (sscanf(golden[i], "%15s %3s %n", name, place, &columns) == 2 &&
            strcmp(name, state_name[from]) == 0 && strcmp(place, in_window ? "in" : "out") == 0)
            return golden[i] + columns;
    }
    script_fail(__LINE__, "flags.golden has no line for %s", state_name[from]);
}

static void one(int from, bool in_window, int flags, const char *expected)
{
    char label[64];
    snprintf(label, sizeof label, "%s, %s, flags %03x", state_name[from],
             in_window ? "in" : "out", (unsigned)flags);
    script_restart(label);
    answer_everything();
    reach(from);
    int64_t seq = in_window ? rcv_nxt() : rcv_nxt() + rcv_wnd() + 1000;
    in(flags, .seq = seq, .ack = (flags & ACK) != 0 ? snd_nxt() : ANY,
       .urg = (flags & URG) != 0 ? 1 : 0);
    char seen[3] = {answer(), state_after(from), 0};
    if (memcmp(seen, expected, 2) != 0)
        script_fail(__LINE__, "expected %.2s, seen %s", expected, seen);
    bool opened = seen[1] == 'R' || seen[1] == 'E';
    if (opened && (from == HF_CLOSED || from == HF_LISTEN || from == HF_TIME_WAIT))
        expect(flags & (FIN | SYN | RST | ACK), SYN);
}

static void all(int from)
{
    for (int in_window = 1; in_window >= 0; in_window--) {
        const char *row = expected_row(from, in_window != 0);
        for (unsigned column = 0; column < 16; column++)
            for (unsigned set = 0; set < 32; set++)
                one(from, in_window != 0, deciding_flags(column) | other_flags(set),
                    row + 3 * column);
    }
}

#define ALL(name, from)                                                                         \
    TEST(all_flags_in_##name, rfc, "A6 D-13")                                                    \
    {                                                                                           \
        all(from);                                                                              \
    }

ALL(closed, HF_CLOSED)
ALL(listen, HF_LISTEN)
ALL(syn_sent, HF_SYN_SENT)
ALL(syn_received, HF_SYN_RECEIVED)
ALL(established, HF_ESTABLISHED)
ALL(fin_wait_1, HF_FIN_WAIT_1)
ALL(fin_wait_2, HF_FIN_WAIT_2)
ALL(close_wait, HF_CLOSE_WAIT)
ALL(closing, HF_CLOSING)
ALL(last_ack, HF_LAST_ACK)
ALL(time_wait, HF_TIME_WAIT)
