/* Scripts: a test of TCP that reads like a conversation.
 *
 *     TEST(peer_closes_first, rfc, "EST.FIN CLW.CLOSE")
 *     {
 *         established(.mss = 1000);
 *
 *         at(ms(10));    in(FIN|ACK,  .seq = 1, .ack = 1);
 *                        out(ACK,     .seq = 1, .ack = 2);
 *                        state(HF_CLOSE_WAIT);
 *         at(ms(20));    app_shutdown();
 *                        out(FIN|ACK, .seq = 1, .ack = 2);
 *     }
 *
 * One stack, one link, virtual time, and a peer that is the script; nothing but the public
 * headers. Each TEST is registered twice: `name` speaks IPv4 with quiet sequence numbers, `name/6`
 * speaks IPv6 and both sides' numbers wrap in the first bytes. Numbers in a script are relative to
 * each side's start: 0 is the SYN, 1 the first byte of text.
 *
 * Text is a known pattern of its place in the stream; what arrives on either side is compared
 * with it. After every step the stack's own check runs, and all that is to be sent is taken and
 * looked at: checksums, options, the right edge that never goes back, nothing beyond the peer's
 * window. A packet that the script did not ask for fails the test at the next word. In the end
 * the stack is destroyed, each connection must have ended with one cause, and all memory must be
 * back.
 *
 * A failure prints the script so far with every segment and state change, and leaves a capture,
 * TEST-NAME.pcap, in the directory that the program runs in. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "check.h"

#include <stdbool.h>
#include <stdint.h>

#include <handfast/stack.h>
#include <handfast/tcp.h>

/* out() and in() first say "unnamed" for each field, then what the script says. */
#pragma GCC diagnostic ignored "-Woverride-init"

enum {
    FIN = HF_FIN,
    SYN = HF_SYN,
    RST = HF_RST,
    PSH = HF_PSH,
    ACK = HF_ACK,
    URG = HF_URG,
    ECE = HF_ECE,
    CWR = HF_CWR,
    AE = HF_AE
};

#define ANY INT64_MIN        /* not named: in() takes a usual value, out() does not look       */
#define NONE (INT64_MIN + 1) /* out(): the option must not be there                            */

static inline hf_time us(int64_t n)
{
    return n * HF_US;
}
static inline hf_time ms(int64_t n)
{
    return n * HF_MS;
}
static inline hf_time sec(int64_t n)
{
    return n * HF_SEC;
}

/* ---- Tests ---- */

struct script_test {
    const char *name;
    unsigned family;
    enum check_profile profile;
    void (*body)(void);
};

void script_run(const struct script_test *test);

#define SCRIPT_ONE(test_name, test_label, test_family, test_profile, test_ids)                   \
    static void script_run_##test_name##_##test_family(void **state)                             \
    {                                                                                            \
        static const struct script_test test = {                                                 \
            test_label, test_family, CHECK_PROFILE_##test_profile, script_body_##test_name};     \
        (void)state;                                                                             \
        script_run(&test);                                                                       \
    }                                                                                            \
    __attribute__((constructor)) static void script_add_##test_name##_##test_family(void)        \
    {                                                                                            \
        static struct check_test test = {test_label, CHECK_PROFILE_##test_profile, test_ids,     \
                                         script_run_##test_name##_##test_family, NULL};          \
        check_add(&test);                                                                        \
    }

#undef TEST
#define TEST(test_name, test_profile, test_ids)                                                  \
    static void script_body_##test_name(void);                                                   \
    SCRIPT_ONE(test_name, #test_name, 4, test_profile, test_ids)                                 \
    SCRIPT_ONE(test_name, #test_name "/6", 6, test_profile, test_ids)                            \
    static void script_body_##test_name(void)

/* For one family only. */
#define TEST_IPV4(test_name, test_profile, test_ids)                                             \
    static void script_body_##test_name(void);                                                   \
    SCRIPT_ONE(test_name, #test_name, 4, test_profile, test_ids)                                 \
    static void script_body_##test_name(void)

#define TEST_IPV6(test_name, test_profile, test_ids)                                             \
    static void script_body_##test_name(void);                                                   \
    SCRIPT_ONE(test_name, #test_name, 6, test_profile, test_ids)                                 \
    static void script_body_##test_name(void)

/* ---- Before the first step: how the stack is made ---- */

/* with(msl, sec(1)): a setting other than the profile's. */
#define with(field, value) (script_settings()->field = (value))
struct hf_settings *script_settings(void);

/* The settings that the running stack was given. */
const struct hf_settings *settings(void);

/* Other properties of stack and link; set before the first step. */
struct script_setup {
    uint32_t mtu;             /* 1500                                                        */
    uint32_t iss, peer_iss;   /* where both sides' numbers begin                             */
    size_t memory_limit;      /* 64 MiB                                                      */
    uint32_t connections_max; /* 64                                                          */
    bool random_iss;          /* no fixed ISS: RFC 6528                                      */
    bool msl_zero;            /* no TIME-WAIT at all                                         */
};
struct script_setup *script_setup(void);

/* ---- Time ---- */

/* at: go to this time since the script's start; timers run on the way, and a packet that leaves
 * before it is one that nobody asked for. after: the same from now on. */
#define at(time) script_at(__LINE__, #time, time)
#define after(time) script_at(__LINE__, "now + " #time, script_now() + (time))

/* clock_jumps: the clock leaps, and the stack is told (suspend and resume). */
#define clock_jumps(by) script_clock_jumps(__LINE__, #by, by)

hf_time script_now(void);

/* ---- Segments ---- */

struct script_block {
    int64_t start, end;
};

struct script_segment {
    int flags;
    int64_t seq, ack;         /* relative to the start of who sends, of who is acknowledged    */
    int64_t raw_seq, raw_ack; /* as they stand in the header, instead                          */
    int64_t wnd;              /* as it stands in the header                                    */
    int64_t len;              /* bytes of text, in the pattern                                 */
    const char *text;         /* these bytes instead                                           */
    bool junk;                /* in(): len bytes that are not the pattern                      */
    int64_t urg;              /* urgent pointer                                                */
    int64_t mss, ws;
    int64_t sackok;       /* 1: SACK permitted                                             */
    int64_t tsval, tsecr; /* in(): ANY is the peer's clock, and the last TSval it saw      */
    bool no_ts;           /* in(): no timestamp although they were agreed                  */
    int64_t sacks;        /* out(): how many SACK blocks; NONE or 0: there is no option    */
    struct script_block sack[4];
    int64_t our_port, peer_port; /* not those of the conversation                              */
    bool new_iss; /* out(): our number starts anew with this SYN; see peer_restart */
    bool bad_checksum;
    int64_t ttl, tos;
    int64_t cookie_len; /* Fast Open: bytes of the cookie, 0: it asks for one; NONE: no option  */
    const uint8_t *cookie; /* ... and these; out(): NULL: any                                 */
    bool experimental;     /* in(): the option's other form, kind 254; out(): compared        */
    const uint8_t *options; /* in(): raw option bytes, options_len of them                   */
    size_t options_len;
};

#define SCRIPT_UNNAMED                                                                           \
    .seq = ANY, .ack = ANY, .raw_seq = ANY, .raw_ack = ANY, .wnd = ANY, .urg = ANY, .mss = ANY,  \
    .ws = ANY, .sackok = ANY, .tsval = ANY, .tsecr = ANY, .sacks = ANY, .our_port = ANY,         \
    .peer_port = ANY, .ttl = ANY, .tos = ANY, .cookie_len = ANY

/* A segment as a value, for scripts that compute one. */
#define segment(...) ((struct script_segment){SCRIPT_UNNAMED, .flags = __VA_ARGS__})

/* in: the peer sends. Unnamed seq and ack are the next in order; the window is 65535. */
#define in(...) script_in(__LINE__, #__VA_ARGS__, segment(__VA_ARGS__))

/* out: the next packet that the stack sends, now. Flags and length are compared always (PSH
 * only when named), the rest when named. */
#define out(...) script_out(__LINE__, #__VA_ARGS__, segment(__VA_ARGS__))

/* within: the same, for a packet that leaves at any time from now to now + limit; the
 * script's time moves to when it left. */
#define within(limit, ...)                                                                       \
    script_within(__LINE__, #limit ", " #__VA_ARGS__, limit, segment(__VA_ARGS__))

/* nothing: no packet waits. quiet: and none leaves in this time. */
#define nothing() script_nothing(__LINE__)
#define quiet(time) script_quiet(__LINE__, #time, time)

/* drain: let this time pass and packets leave as they like; how many did. */
#define drain(time) script_drain(__LINE__, #time, time)

/* wait_for_packet: let at most this time pass, until a packet leaves; whether one did. */
#define wait_for_packet(limit) script_wait(__LINE__, #limit, limit)

/* Segments between these two reach the stack as one batch. */
#define batch_begin() script_batch(__LINE__, true)
#define batch_end() script_batch(__LINE__, false)

/* ---- What the stack thinks ---- */

#define state(expected) script_state(__LINE__, #expected, expected)
#define gone() script_gone(__LINE__, "gone()", -1)        /* the connection is over           */
#define ended(cause) script_gone(__LINE__, #cause, cause) /* and why                          */
#define event(bits) script_event(__LINE__, #bits, bits)   /* this news came, since last asked */
#define no_event(bits) script_no_event(__LINE__, #bits, bits)
#define listener_event(bits) script_listener_event(__LINE__, #bits, bits)
#define dropped(reason)                                                                          \
    script_dropped(__LINE__, #reason, reason) /* since the last word that drops */
#define expect(value, expected)                                                                  \
    script_expect(__LINE__, #value, (int64_t)(value), (int64_t)(expected))
#define note(condition) script_expect(__LINE__, #condition, (condition) ? 1 : 0, 1)

struct hf_stack *stack(void);
hf_conn conn(void); /* the handle that app_ words use                                 */
hf_listener listener(void);
void use(hf_conn handle); /* go on with another                                             */
struct hf_tcp_status status(void);
struct hf_stack_counters counters(void);
unsigned family(void);
struct hf_addr our_addr(void), peer_addr(void);
uint16_t our_port(void), peer_port(void);

/* What a peer knows: the next number we send, the next we expect, the window we last offered
 * (bytes, scaled), the lowest of our numbers not acknowledged. All relative. */
int64_t snd_nxt(void), snd_una(void), rcv_nxt(void), rcv_wnd(void);
uint32_t our_iss(void), peer_iss(void);
int64_t last_tsval(void);  /* the last TSval that came out                                   */
uint32_t peer_clock(void); /* the TSval that in() takes by itself                            */
int64_t our_mss(void);     /* what the link allows: 1460, 1440                               */
const uint8_t *last_cookie(void); /* the last Fast Open cookie that came out                 */

/* The conversation that in() and out() are about. another: a new one from this port of the
 * peer, to the same port of ours. peer_restart: the peer chooses a new number to start from,
 * the same ports; ours is learnt from out(SYN..., .new_iss = 1). */
void another(uint16_t peer_port);
void back_to(uint16_t peer_port);
void peer_restart(uint32_t iss);

/* ---- The application ---- */

struct script_open {
    uint16_t local_port, remote_port; /* 0: usual                                              */
    hf_time timeout;
    uint8_t tos;
    int64_t mss, rcv_buffer; /* options, set before the SYN leaves; 0: not                     */
    uint8_t fast_open, syn_retries;
};

struct script_listen {
    uint32_t backlog;
    bool no_backlog; /* backlog 0                                                              */
    uint8_t hold;
    uint32_t fast_open;
    bool remote; /* only for the peer of the script                                        */
};

#define app_open(...)                                                                            \
    script_app_open(__LINE__, (struct script_open){.local_port = 0, __VA_ARGS__})
#define app_listen(...)                                                                          \
    script_app_listen(__LINE__, (struct script_listen){.backlog = 0, __VA_ARGS__})
#define app_accept() script_app_accept(__LINE__)
#define app_send(len) script_app_send(__LINE__, len, 0)
#define app_send_flags(len, flags) script_app_send(__LINE__, len, flags)
#define app_recv(len) script_app_recv(__LINE__, len) /* exactly, and in the pattern     */
#define app_recv_text(text) script_app_recv_text(__LINE__, text)
#define app_recv_is(result) script_app_recv_is(__LINE__, result) /* 0, HF_EOF, an error        */
#define app_shutdown() script_app(__LINE__, "app_shutdown", hf_tcp_shutdown)
#define app_close() script_app(__LINE__, "app_close", hf_tcp_close)
#define app_abort() script_app(__LINE__, "app_abort", hf_tcp_abort)

/* ---- Getting there, by a real handshake ---- */

struct script_opening {
    bool active;       /* by an active OPEN; else listen and accept                          */
    bool simultaneous; /* syn_received: by crossing SYNs                                     */
    uint16_t mss;      /* options of the peer's SYN; 0: not there                            */
    uint8_t ws;
    bool ts, sack;
    bool no_accept; /* established: leave it in the accept queue                          */
    bool full;      /* the states after CLOSE: by app_close, not app_shutdown             */
    uint16_t wnd;   /* window of the peer's segments, also those to come; 0: 65535        */
};

#define SCRIPT_OPENING(...) ((struct script_opening){.active = 0, __VA_ARGS__})
#define syn_sent(...) script_syn_sent(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define syn_received(...) script_syn_received(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define established(...) script_established(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define fin_wait_1(...) script_fin_wait_1(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define fin_wait_2(...) script_fin_wait_2(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define close_wait(...) script_close_wait(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define closing(...) script_closing(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define last_ack(...) script_last_ack(__LINE__, SCRIPT_OPENING(__VA_ARGS__))
#define time_wait(...) script_time_wait(__LINE__, SCRIPT_OPENING(__VA_ARGS__))

/* reach: whichever of these leads to a state; CLOSED is a stack without listener, LISTEN one
 * with. */
#define reach(to) script_reach(__LINE__, to, (struct script_opening){.active = 0})
#define reach_with(to, ...) script_reach(__LINE__, to, SCRIPT_OPENING(__VA_ARGS__))

/* ---- Many short conversations in one test ---- */

/* Throw the stack away (with all checks of a test's end) and begin anew; label goes into a
 * failure. Settings and setup are the profile's again. */
void script_restart(const char *label);

/* Take the next packet, if one waits, without judging it: its flags, else -1. */
int script_take(struct script_segment *taken);

/* The traced state of the connection that the script is about; -1: none yet. */
int script_traced_state(void);

/* ---- Behind the words ---- */

void script_at(int line, const char *words, hf_time time);
void script_clock_jumps(int line, const char *words, hf_time by);
void script_in(int line, const char *words, struct script_segment segment);
void script_out(int line, const char *words, struct script_segment segment);
void script_within(int line, const char *words, hf_time limit, struct script_segment segment);
void script_nothing(int line);
void script_quiet(int line, const char *words, hf_time time);
unsigned script_drain(int line, const char *words, hf_time time);
bool script_wait(int line, const char *words, hf_time limit);
void script_batch(int line, bool begin);
void script_state(int line, const char *words, int expected);
void script_gone(int line, const char *words, int cause);
void script_event(int line, const char *words, uint32_t bits);
void script_no_event(int line, const char *words, uint32_t bits);
void script_listener_event(int line, const char *words, uint32_t bits);
void script_dropped(int line, const char *words, int reason);
void script_expect(int line, const char *words, int64_t value, int64_t expected);
void script_app_open(int line, struct script_open open);
void script_app_listen(int line, struct script_listen listen);
void script_app_accept(int line);
void script_app_send(int line, size_t len, unsigned flags);
void script_app_recv(int line, size_t len);
void script_app_recv_text(int line, const char *text);
void script_app_recv_is(int line, int64_t result);
void script_app(int line, const char *words, int (*call)(struct hf_stack *, hf_conn));
void script_syn_sent(int line, struct script_opening opening);
void script_syn_received(int line, struct script_opening opening);
void script_established(int line, struct script_opening opening);
void script_fin_wait_1(int line, struct script_opening opening);
void script_fin_wait_2(int line, struct script_opening opening);
void script_close_wait(int line, struct script_opening opening);
void script_closing(int line, struct script_opening opening);
void script_last_ack(int line, struct script_opening opening);
void script_time_wait(int line, struct script_opening opening);
void script_reach(int line, int state, struct script_opening opening);
_Noreturn void script_fail(int line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
