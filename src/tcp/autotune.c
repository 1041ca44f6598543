/* Buffers that follow the path: how much a connection may hold for its peer to take and for its
 * application to read, so that neither end waits for the other while the path has room.
 *
 * Receiving: in a round trip a sender can deliver no more than the window. What the application
 * read in one is counted, and the buffer becomes twice that: a sender that doubles its rate each
 * round trip is never held up, and one that a bottleneck holds back leaves the buffer at twice the
 * bandwidth-delay product. A reader that is slow makes nothing grow. Sending: what is in flight has to
 * be kept until it is acknowledged, and two more windows wait behind it. To a near peer nothing limits the
 * window but what the peer has room for; there it is as much as snd_ahead and snd_near say, for a writer
 * megabytes ahead writes to memory what is then read from there, and has its turn again at once.
 *
 * A buffer is a limit, not memory. When many have much to hold, each queue is at most a part of
 * what is free (the dynamic threshold of Choudhury and Hahne): the more of them there are, the less
 * is free and the less each one gets, and nobody has to count them. The window that a peer was
 * given is never taken back: a limit that falls moves no edge. */
#include "tcp/segmentation.h"
#include "tcp/tcp.h"

#define SHARE 4u       /* of free memory, a queue gets one of so many parts */
#define SLACK 16u      /* segments beyond twice what was read, as tcp_rcv_space_adjust */
#define IDLE_MS 10000u /* what was right so long ago is no more */
#define NEAR HF_MS     /* round trip within a machine, or to the next one */

static uint32_t at_least(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t at_most(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The smallest scale that lets 16 bits tell what the receive buffer may become, also if the
 * application has chosen `own` bytes. */
uint8_t hf_receive_scale(const struct hf_settings *settings, uint32_t own)
{
    uint32_t largest = at_least(at_least(settings->rcv_buffer, settings->rcv_buffer_max), own);
    uint8_t scale = 0;
    while (scale < HF_WSCALE_MAX && (largest >> scale) > 65535)
        scale++;
    return scale;
}

void hf_autotune_init(struct hf_env *env, struct hf_tcp *c)
{
    hf_send_buffer_set(env, c, 0);
    hf_receive_buffer_set(env, c, 0);
    c->rcv_wscale = hf_receive_scale(env->settings, 0); /* every SYN says the same */
}

#define BUFFER_BITS 0x7fffffffu

void hf_send_buffer_set(struct hf_env *env, struct hf_tcp *c, uint32_t bytes)
{
    c->snd_locked = bytes != 0;
    c->snd_buffer = (bytes ? bytes : env->settings->snd_buffer) & BUFFER_BITS;
}

void hf_receive_buffer_set(struct hf_env *env, struct hf_tcp *c, uint32_t bytes)
{
    c->rcv_locked = bytes != 0;
    c->rcv_buffer = (bytes ? bytes : env->settings->rcv_buffer) & BUFFER_BITS;
    c->rcv_mark = hf_tcp_read(c, hf_tcp_active(env, c));
    c->rcv_mark_ms = hf_tcp_timestamp(env, c);
}

/* ---- Within the stack's memory ---- */

static uint32_t within_memory(uint32_t buffer, size_t memory, uint32_t least)
{
    size_t share = memory / SHARE;
    if (buffer <= share)
        return buffer;
    return at_most(buffer, at_least((uint32_t)share, least));
}

uint32_t hf_receive_limit(const struct hf_env *env, const struct hf_tcp *c, size_t memory)
{
    return within_memory(c->rcv_buffer, memory, env->settings->rcv_buffer_min);
}

uint32_t hf_receive_spare(const struct hf_env *env, const struct hf_tcp *c)
{
    uint32_t space = c->rcv_locked ? 0 : env->settings->rcv_space;
    return space > c->rcv_buffer ? space - c->rcv_buffer : 0;
}

uint32_t hf_send_limit(const struct hf_env *env, const struct hf_tcp *c)
{
    size_t memory = hf_budget_room(&env->budget, HF_USE_WINDOW);
    return within_memory(hf_send_buffer(env, c), memory, env->settings->snd_buffer_min);
}

/* ---- Sending ---- */

/* 0: nobody knows yet. A connection that rested has only its smoothed one. */
static hf_time least_round_trip(const struct hf_tcp *c, const struct hf_active *a)
{
    return a->cc.min_rtt ? a->cc.min_rtt : c->srtt_us * HF_US;
}

bool hf_send_is_held(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    uint32_t most = env->settings->snd_ahead;
    if (!most || !a || c->snd_locked || most >= 2 * (uint64_t)a->cc.cwnd)
        return false;
    hf_time rtt = least_round_trip(c, a);
    return rtt && rtt <= NEAR;
}

/* As much as a near path can be good for: twice what it delivers in its least round trip, and at least
 * what a peer reads that was away for a moment. More would lie in a queue, and what is written next in
 * memory that the processor has forgotten. Where text was lost somebody else may have filled that
 * queue, and who keeps to his part of it is left with little: there the window decides. */
static uint64_t near_most(const struct hf_env *env, const struct hf_active *a)
{
    uint32_t least = env->settings->snd_near;
    if (!least || a->cc.rate.lost)
        return UINT64_MAX;
    uint64_t round = a->cc.rate.bytes_per_s / 1000 * (uint64_t)(a->cc.min_rtt / HF_US) / 1000;
    return 2 * round > least ? 2 * round : least;
}

/* In whole runs: what a writer is refused would else leave the rest of its last run behind, and that
 * would leave as a segment by itself. */
static uint32_t held_to(const struct hf_env *env, const struct hf_tcp *c,
                        const struct hf_active *a)
{
    uint32_t ahead = env->settings->snd_ahead, run = hf_segment_run(env, c);
    bool runs = run && run < ahead;
    uint64_t most = near_most(env, a), in_flight = c->snd_nxt - c->snd_una;
    if (in_flight + ahead > most)
        ahead = most > in_flight ? (uint32_t)(most - in_flight) : 0;
    return runs ? ahead - ahead % run : ahead;
}

uint32_t hf_send_buffer(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    uint32_t largest = env->settings->snd_buffer_max;
    if (c->snd_locked || !a || largest <= c->snd_buffer)
        return c->snd_buffer;
    uint64_t ahead = hf_send_is_held(env, c) ? held_to(env, c, a) : 2 * (uint64_t)a->cc.cwnd;
    uint64_t wish = c->snd_nxt - c->snd_una + ahead;
    return wish > largest ? largest : at_least((uint32_t)wish, c->snd_buffer);
}

/* ---- Receiving ---- */

/* The peer answers what we sent after the round began: its timestamp echo says so. */
static bool is_answered(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return seg->options.has_ts && seg->options.tsecr &&
           (int32_t)(seg->options.tsecr - c->rcv_mark_ms) > 0;
}

void hf_autotune_received(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    const struct hf_settings *s = env->settings;
    env->progress = true; /* our ACKs arrive (RFC 4861 7.3.1) */
    if (c->rcv_locked || s->rcv_buffer_max <= s->rcv_buffer)
        return;
    /* A round is over when it is answered; without timestamps when a whole window of text was read: what
     * came last was sent after the window had moved. */
    uint32_t now_ms = hf_tcp_timestamp(env, c);
    bool idle = now_ms - c->rcv_mark_ms >= IDLE_MS;
    if (!idle && c->flags & HF_F_TIMESTAMPS && !is_answered(c, seg))
        return;
    uint32_t read = hf_tcp_read(c, hf_tcp_active(env, c));
    if (!idle && !(c->flags & HF_F_TIMESTAMPS) && read - c->rcv_mark < c->rcv_buffer)
        return;
    uint64_t wish = 2 * (uint64_t)(read - c->rcv_mark) + SLACK * c->advertised_mss;
    uint32_t buffer = wish < s->rcv_buffer_max ? (uint32_t)wish : s->rcv_buffer_max;
    c->rcv_buffer = (idle ? s->rcv_buffer : at_least(buffer, c->rcv_buffer)) & BUFFER_BITS;
    c->rcv_mark = read;
    c->rcv_mark_ms = now_ms;
}
