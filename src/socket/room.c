/* SO_SNDBUF and TCP_NOTSENT_LOWAT: how much a writer may queue, and when he is told that he may.
 *
 * The stack's own queue is a little longer and never what limits a socket. As on Linux a buffer is
 * full when it has reached its size, not when it would pass it: what is let in is let in by pieces
 * of one large segment (tcp_sendmsg, tcp_xmit_size_goal), and the last of them may overhang. */
#include "socket/sockets.h"

#define PIECE_MAX (65536 - 1 - 320) /* GSO_MAX_SIZE - 1 - MAX_TCP_HEADER */
#define MSS_DEFAULT 536
#define EXPAND_SEGMENTS 10           /* TCP_INIT_CWND */
#define SK_BUFF 256                  /* of it: what names a segment */
#define OVERHEAD 640                 /* of the memory of a segment, or a piece, besides its bytes */

struct queue {
    uint32_t queued, unsent, piece, mss, cwnd, in_flight;
};

/* A large segment: at most half of the largest window (tcp_bound_to_half_wnd). */
static uint32_t piece_of(const struct hf_socket *s, uint32_t mss)
{
    uint32_t half = s->max_window > MSS_DEFAULT ? s->max_window / 2 : s->max_window;
    uint32_t most = half && half < PIECE_MAX ? half : PIECE_MAX;
    return most > mss ? most / mss * mss : mss;
}

static struct queue look(struct hf_socket *s)
{
    struct hf_tcp_status status;
    hf_socket_status(s, &status);
    if (status.snd_wnd > s->max_window)
        s->max_window = status.snd_wnd;
    uint32_t sent = status.snd_nxt - status.snd_una;
    uint32_t mss = status.mss ? status.mss : MSS_DEFAULT;
    return (struct queue){
        .queued = status.send_queued,
        .unsent = status.send_queued > sent ? status.send_queued - sent : 0,
        .piece = piece_of(s, mss),
        .mss = mss,
        .cwnd = status.cwnd,
        .in_flight = status.in_flight,
    };
}

/* Who waits is told when what is unsent is below half of the mark: callers double it. */
static bool below_mark(const struct hf_socket *s, uint32_t unsent)
{
    uint32_t mark = s->options.notsent_low ? s->options.notsent_low : s->sockets->notsent_low;
    return mark == 0 || unsent < mark;
}

size_t hf_room_to_write(struct hf_socket *s)
{
    struct queue q = look(s);
    uint32_t tail = q.unsent % q.piece;
    if (tail)
        return q.piece - tail;
    uint32_t memory = q.queued + (q.queued + q.piece - 1) / q.piece * OVERHEAD;
    return memory < (uint32_t)s->options.send_buffer && below_mark(s, q.unsent) ? q.piece : 0;
}

/* A buffer that nobody has set grows with the congestion window (tcp_sndbuf_expand). */
static void expand(struct hf_socket *s, const struct queue *q)
{
    if (s->options.send_buffer_set || q->in_flight >= q->cwnd)
        return;
    uint32_t segment = 2048; /* a power of two, as Linux rounds it */
    while (segment < q->mss + OVERHEAD)
        segment *= 2;
    uint32_t segments = q->cwnd / q->mss;
    if (segments < EXPAND_SEGMENTS)
        segments = EXPAND_SEGMENTS;
    uint64_t size = 2 * (uint64_t)segments * (segment + SK_BUFF);
    if (size > s->sockets->settings.snd_buffer_max)
        size = s->sockets->settings.snd_buffer_max;
    if (size <= (uint64_t)s->options.send_buffer)
        return;
    s->options.send_buffer = (int)size;
    hf_room_apply(s);
}

bool hf_room_worth_telling(struct hf_socket *s)
{
    struct queue q = look(s);
    if (s->no_room)
        expand(s, &q);
    uint32_t size = (uint32_t)s->options.send_buffer;
    return q.queued < size && size - q.queued >= q.queued / 2 && below_mark(s, 2 * q.unsent);
}

/* tcp_cwnd_validate: everything is sent, there is room in the window, and the writer waits. */
void hf_room_look_at_limit(struct hf_socket *s)
{
    bool limited = false;
    if (s->no_room && s->phase == HF_SOCKET_CONNECTED) {
        struct queue q = look(s);
        limited = q.queued && !q.unsent && q.in_flight < q.cwnd;
    }
    if (limited == (s->room_limited_since != 0))
        return;
    hf_time now = hf_sockets_now(s->sockets);
    if (!limited)
        s->room_limited += now - s->room_limited_since;
    s->room_limited_since = limited ? now : 0;
}

hf_time hf_room_limited(const struct hf_socket *s)
{
    hf_time now = hf_sockets_now(s->sockets);
    return s->room_limited + (s->room_limited_since ? now - s->room_limited_since : 0);
}

void hf_room_apply(struct hf_socket *s)
{
    if (s->conn)
        (void)hf_tcp_set(s->sockets->stack, s->conn, HF_OPTION_SND_BUFFER,
                         s->options.send_buffer + 2 * (int64_t)PIECE_MAX);
}
