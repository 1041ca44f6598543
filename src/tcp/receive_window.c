/* The window that is told, RFC 9293 3.8.6: how much may be offered, and when its right edge is worth
 * moving (3.8.6.2.2). It never goes back. */
#include "tcp/recovery.h"

/* Bytes that may be offered: the buffer less what waits to be read, within the stack's memory. */
static uint32_t free_room(const struct hf_env *env, const struct hf_tcp *c,
                          const struct hf_active *a)
{
    size_t memory = hf_budget_room(&env->budget, HF_USE_WINDOW);
    uint32_t room = hf_receive_limit(env, c, memory), waiting = a ? a->rcv.len : 0;
    if (waiting) {
        uint32_t spare = hf_receive_spare(env, c);
        waiting = waiting > spare ? waiting - spare : 0;
        room = room > waiting ? room - waiting : 0;
    }
    if (room > memory)
        room = (uint32_t)memory;
    uint32_t most = 65535u << c->rcv_wscale; /* what the field can say */
    return room < most ? room : most;
}

/* N-18: the right edge moves only by something worth having. */
static uint32_t worth_moving(const struct hf_tcp *c)
{
    uint32_t half = c->rcv_buffer / 2;
    return half < c->mss ? half : c->mss;
}

/* How far it could move if there were no lack of memory and all had been read: no further. */
static uint32_t most_gain(const struct hf_tcp *c)
{
    uint32_t window = hf_tcp_rcv_wnd(c);
    return c->rcv_buffer > window ? c->rcv_buffer - window : 0;
}

uint16_t hf_tcp_select_window(struct hf_env *env, struct hf_tcp *c, const struct hf_active *a,
                              bool syn)
{
    uint32_t scale = syn ? 0 : c->rcv_wscale;
    hf_seq edge = c->rcv_adv;
    if (syn || most_gain(c) >= worth_moving(c)) {
        uint32_t room = free_room(env, c, a);
        hf_seq wish = c->rcv_nxt + (room >> scale << scale);
        uint32_t gain = hf_seq_gt(wish, c->rcv_adv) ? wish - c->rcv_adv : 0;
        if (syn || gain >= worth_moving(c))
            edge = wish;
    }
    uint32_t window = edge - c->rcv_nxt;
    if (hf_seq_lt(c->rcv_nxt + window, c->rcv_adv))
        window = c->rcv_adv - c->rcv_nxt; /* never back (SHLD-14) */
    /* Units of 2^scale: rounded up, so that the edge stays; rounded down once that adds up to more
     * than an eighth of the buffer, which takes thousands of tiny segments (RFC 7323 2.4: the edge
     * may seem to go back by less than a unit). */
    uint32_t unit = 1u << scale;
    uint32_t field = (window + unit - 1) >> scale;
    if (a && a->rcv.len) {
        uint32_t buffer = c->rcv_buffer + hf_receive_spare(env, c);
        if (a->rcv.len + (field << scale) > buffer + buffer / 8 + unit)
            field = window >> scale;
    }
    if (field > 65535)
        field = 65535;
    hf_seq told = c->rcv_nxt + (field << scale);
    if (hf_seq_gt(told, c->rcv_adv))
        c->rcv_adv = told;
    return (uint16_t)field;
}

void hf_tcp_window_opened(struct hf_env *env, struct hf_tcp *c)
{
    if (c->flags & (HF_F_FIN_RECEIVED | HF_F_DETACHED) || c->state < HF_ESTABLISHED)
        return;
    /* While the peer still has room, its segments will draw ACKs that tell of the gain; it need
     * not be told for each read. */
    bool starving = hf_tcp_rcv_wnd(c) < 2u * c->mss || hf_tcp_rcv_wnd(c) < c->rcv_buffer / 4;
    uint32_t enough = starving ? worth_moving(c) : c->rcv_buffer / 2;
    if (most_gain(c) < enough)
        return;
    uint32_t room = free_room(env, c, hf_tcp_active(env, c));
    hf_seq edge = c->rcv_nxt + (room >> c->rcv_wscale << c->rcv_wscale);
    uint32_t gain = hf_seq_gt(edge, c->rcv_adv) ? edge - c->rcv_adv : 0;
    if (gain && gain >= enough)
        hf_tcp_want(env, c, HF_WANT_ACK);
}
