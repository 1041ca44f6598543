/* How long a connection had something to deliver, and how much of that time the peer's window was
 * what kept it. Counted while there is an active block; what is over is kept in the quiet one, in
 * milliseconds.
 *
 * For STATUS (and from there TCP_INFO) alone: nothing here decides anything. */
#include "tcp/tcp.h"

/* A time that is set is never 0. */
static uint32_t mark(const struct hf_env *env)
{
    uint32_t now_ms = hf_tcp_now_ms(env);
    return now_ms ? now_ms : 1;
}

static uint32_t since(const struct hf_env *env, uint32_t begun_ms)
{
    return begun_ms ? mark(env) - begun_ms : 0;
}

void hf_sending_begins(const struct hf_env *env, struct hf_active *a)
{
    if (!a->busy_since_ms)
        a->busy_since_ms = mark(env);
}

static void window_no_longer(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    c->spent.window_ms += since(env, a->window_since_ms);
    a->window_since_ms = 0;
}

void hf_sending_over(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (!a->busy_since_ms)
        return;
    window_no_longer(env, c, a);
    c->spent.busy_ms += since(env, a->busy_since_ms);
    a->busy_since_ms = 0;
}

/* The next segment does not fit the peer's window, and it would have fitted the path. */
static bool window_keeps_text(const struct hf_tcp *c, const struct hf_active *a)
{
    uint32_t unsent = hf_tcp_unsent_in(c, a);
    uint32_t next = unsent < c->mss ? unsent : c->mss;
    uint32_t in_flight = c->snd_nxt - c->snd_una;
    uint32_t left = c->snd_wnd > in_flight ? c->snd_wnd - in_flight : 0;
    return c->state >= HF_ESTABLISHED && left < next &&
           hf_recovery_in_flight(c, a) < hf_recovery_window(c, a);
}

void hf_sending_waits(const struct hf_env *env, struct hf_tcp *c, struct hf_active *a)
{
    if (!window_keeps_text(c, a))
        window_no_longer(env, c, a);
    else if (!a->window_since_ms)
        a->window_since_ms = mark(env);
}

void hf_sending_tell(const struct hf_env *env, const struct hf_tcp *c, struct hf_tcp_status *s)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    if (c->flags & HF_F_ACCEPT_QUEUE)
        return;
    s->sending = c->spent.busy_ms * HF_MS;
    s->window_limited = c->spent.window_ms * HF_MS;
    if (!a)
        return;
    s->sending += since(env, a->busy_since_ms) * HF_MS;
    s->window_limited += since(env, a->window_since_ms) * HF_MS;
}
