/* TCP Fast Open (RFC 7413): text on a SYN, for peers who have shown before that they can receive at
 * the address that they claim.
 *
 * A server gives out cookies, which are a keyed hash of both addresses: nothing is kept for them. A
 * SYN with a good one becomes a connection at once, in SYN-RECEIVED, with the text in its receive
 * queue, and its SYN+ACK is the connection's own. Of such connections a listener has so many at the
 * most; those that are reset count on for a minute or two, so that resets do not make room for a
 * flood (RFC 7413 5.1).
 *
 * A client keeps a table of cookies by both addresses, with the server's MSS, which bounds the text
 * on the next SYN (4.1.3), and with what is known about losses (4.1.3.1). Text is left in the send
 * queue until it is acknowledged; what the SYN+ACK does not acknowledge is sent again as any text.
 *
 * Called by half_open.c, output.c, acknowledge.c, connection.c and user_calls.c where c->fast_open,
 * or the listener's limit, is not zero: the ordinary handshake comes past one test of a byte. */
#include "tcp/fast_open.h"

#include <string.h>

#include "tcp/tcp.h"

#define COOKIE_LEN 8u    /* of those that we give, as Linux's */
#define OPTION_ROOM 40u  /* RFC 9293 3.2: kept free, boxes on the way may add options to a SYN */
#define WAYS 4u          /* places where a server may be kept */
#define LOSSES_MAX 10u   /* of doublings of settings.fast_open_retry */

/* ---- Cookies that we give ---- */

/* SipHash-2-4 of the peer's and our address, as Linux makes it. */
static uint64_t hash_of(const struct hf_key *key, const struct hf_flow *flow)
{
    uint8_t in[32];
    if (hf_flow_is_ipv4(flow)) {
        memcpy(in, flow->remote + 12, 4);
        memcpy(in + 4, flow->local + 12, 4);
        return hf_siphash24(key, in, 8);
    }
    memcpy(in, flow->remote, 16);
    memcpy(in + 16, flow->local, 16);
    return hf_siphash24(key, in, 32);
}

static void make(uint8_t cookie[COOKIE_LEN], const struct hf_key *key, const struct hf_flow *flow)
{
    uint64_t hash = hash_of(key, flow);
    for (unsigned i = 0; i < COOKIE_LEN; i++)
        cookie[i] = (uint8_t)(hash >> 8 * i);
}

static unsigned keys_of(const struct hf_env *env, const struct hf_listening *l,
                        const struct hf_key **keys)
{
    bool own = l && l->fast_open_keys;
    *keys = own ? l->fast_open_key : env->fast_open_key;
    return own ? l->fast_open_keys : env->fast_open_keys;
}

void hf_fast_open_cookie(struct hf_env *env, const struct hf_flow *flow, bool experimental,
                         struct hf_tcp_options *options)
{
    const struct hf_listening *l = hf_listen_find(env, flow, true);
    const struct hf_key *keys;
    if (!l)
        l = hf_listen_find(env, flow, false);
    keys_of(env, l, &keys);
    make(env->fast_open_cookie, &keys[0], flow);
    options->fast_open = (uint8_t)(HF_FAST_OPEN_OPTION | COOKIE_LEN |
                                   (experimental ? HF_FAST_OPEN_EXPERIMENTAL : 0));
    options->cookie = env->fast_open_cookie;
}

/* By which key the segment's cookie was made, from 1; 0: by none of ours. */
static unsigned key_that_fits(const struct hf_env *env, const struct hf_listening *l,
                              const struct hf_flow *flow, const struct hf_seg *seg)
{
    const struct hf_key *keys;
    unsigned count = keys_of(env, l, &keys);
    uint8_t cookie[COOKIE_LEN];
    if (hf_fast_open_cookie_len(&seg->options) != COOKIE_LEN)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        make(cookie, &keys[i], flow);
        if (memcmp(cookie, seg->options.cookie, COOKIE_LEN) == 0)
            return i + 1;
    }
    return 0;
}

/* ---- How many may wait ---- */

/* Let go of the resets that are long enough ago. */
static void age_resets(const struct hf_env *env, struct hf_listening *l)
{
    uint32_t minute = (uint32_t)(env->now / (60 * HF_SEC));
    if (minute == l->fast_open_minute)
        return;
    l->fast_open_resets[1] = minute == l->fast_open_minute + 1 ? l->fast_open_resets[0] : 0;
    l->fast_open_resets[0] = 0;
    l->fast_open_minute = minute;
}

static bool is_full(const struct hf_env *env, struct hf_listening *l)
{
    age_resets(env, l);
    return (uint64_t)l->fast_open_pending + l->fast_open_resets[0] + l->fast_open_resets[1] >=
           l->fast_open_max;
}

static struct hf_listening *owner(const struct hf_env *env, const struct hf_tcp *c)
{
    return hf_listen_find(env, &c->flow, !(c->fast_open & HF_FO_OTHER));
}

/* It waits no more: its third segment has come, or it is over. */
static void settle(struct hf_env *env, struct hf_tcp *c, bool reset)
{
    struct hf_listening *l = owner(env, c);
    c->fast_open &= (uint8_t)~HF_FO_PENDING;
    env->fast_open_pending--;
    if (!l)
        return;
    l->fast_open_pending--;
    if (reset) {
        age_resets(env, l);
        l->fast_open_resets[0]++;
    }
}

void hf_fast_open_recount(struct hf_env *env)
{
    if (!env->fast_open_pending)
        return;
    for (uint32_t i = 1; i < env->listeners.slabs_room << env->listeners.shift; i++) {
        struct hf_listening *l = hf_pool_find(&env->listeners, i);
        if (l)
            l->fast_open_pending = 0;
    }
    for (uint32_t i = 1; i < env->conns.slabs_room << env->conns.shift; i++) {
        const struct hf_tcp *c = hf_pool_find(&env->conns, i);
        struct hf_listening *l = c && c->self == i && c->fast_open & HF_FO_PENDING ? owner(env, c)
                                                                                  : 0;
        if (l)
            l->fast_open_pending++;
    }
}

/* ---- A SYN for a listener, RFC 7413 4.2.2 ---- */

enum hf_fast_open_verdict hf_fast_open_judge(struct hf_env *env, struct hf_listening *l,
                                             const struct hf_flow *flow,
                                             const struct hf_seg *seg, enum hf_drop *reason)
{
    unsigned allowed = env->settings->fast_open;
    if (!(allowed & HF_FAST_OPEN_SERVER))
        return HF_FAST_OPEN_NOTHING;
    if (is_full(env, l)) {
        *reason = HF_DROP_FAST_OPEN_LIMIT;
        return HF_FAST_OPEN_NOTHING;
    }
    if (allowed & HF_FAST_OPEN_SERVER_NO_COOKIE || l->fast_open_no_cookie)
        return HF_FAST_OPEN_NOW;
    if (!seg->options.fast_open)
        return HF_FAST_OPEN_NOTHING;
    unsigned key = key_that_fits(env, l, flow, seg);
    if (key)
        return key == 1 ? HF_FAST_OPEN_NOW : HF_FAST_OPEN_NOW_RENEW;
    if (hf_fast_open_cookie_len(&seg->options))
        *reason = HF_DROP_FAST_OPEN_COOKIE;
    return HF_FAST_OPEN_COOKIE;
}

/* As much of the text as the window takes; false: not a byte, for want of memory. */
static bool take_text(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    uint32_t room = hf_tcp_rcv_wnd(c);
    uint32_t len = seg->text_all < room ? seg->text_all : room;
    if (!len)
        return true;
    if (!hf_reassembly_take(env, c, seg, c->rcv_nxt, len, 0))
        return false;
    c->fast_open |= HF_FO_TAKEN;
    c->events |= HF_EVENT_READABLE;
    if (seg->flags & HF_PSH)
        c->flags |= HF_F_PUSHED;
    return true;
}

bool hf_fast_open_accept(struct hf_env *env, struct hf_listening *l, const struct hf_half_open *h,
                         uint64_t hash, const struct hf_seg *seg, const struct hf_path *path,
                         bool renew)
{
    struct hf_tcp block;
    hf_half_open_expand(env, l, h, hash, path, &block);
    block.snd_nxt = block.iss; /* the SYN+ACK is still to be sent */
    block.snd_wnd = block.snd_wnd_max = seg->window;
    block.segments_received = seg->segments;
    block.peer_tos = seg->tos;
    block.syn_retries = (uint8_t)(env->settings->synack_retries + 1); /* as Linux: one more */
    block.fast_open = (uint8_t)(HF_FO_PENDING | (path->to_us ? 0 : HF_FO_OTHER));
    if (renew)
        block.fast_open |= HF_FO_WANTED;
    if (seg->options.fast_open & HF_FAST_OPEN_EXPERIMENTAL)
        block.fast_open |= HF_FO_EXPERIMENTAL;
    struct hf_tcp *c = take_text(env, &block, seg) ? hf_tcp_adopt(env, &block, 0) : 0;
    if (!c) {
        hf_tcp_drop_active(env, &block);
        return false;
    }
    hf_path_info_open(env, c);
    env->counters.passive_opens++;
    env->counters.fast_opens_in++;
    env->fast_open_pending++;
    l->fast_open_pending++;
    hf_trace_open(env, c);
    hf_trace_state(env, c->hash, HF_LISTEN, HF_SYN_RECEIVED, HF_BY_SEGMENT, HF_SYN);
    hf_listen_queue(env, l, c);
    hf_tcp_want(env, c, HF_WANT_SYN);
    return true;
}

/* ---- Servers that we know, RFC 7413 4.1.3 ---- */

struct hf_fast_open_server {
    uint8_t local[16], remote[16]; /* remote all zero: a free place                           */
    uint8_t cookie[HF_FAST_OPEN_COOKIE_MAX];
    uint8_t cookie_len;  /* 0: none                                                           */
    uint8_t form;        /* of the option: 0 or HF_FAST_OPEN_EXPERIMENTAL                     */
    uint8_t tried;       /* forms that it left without an answer: 1: kind 34, 2: both         */
    uint8_t losses;      /* in a row                                                          */
    uint16_t mss;
    uint32_t used_s;     /* the one that was used longest ago makes room                      */
    hf_time silent_until; /* no text on a SYN before                                          */
};

/* The places where this pair of addresses may stand; NULL: there is no table. */
static struct hf_fast_open_server *places(struct hf_env *env, const struct hf_flow *flow,
                                          unsigned *count)
{
    unsigned all = env->settings->fast_open_servers;
    *count = all < WAYS ? all : WAYS;
    if (!env->fast_open_servers)
        return 0;
    struct hf_flow pair = *flow;
    pair.local_port = pair.remote_port = 0;
    uint64_t hash = hf_table_hash(&env->table, &pair);
    return env->fast_open_servers + hash % (all - *count + 1);
}

static struct hf_fast_open_server *find(struct hf_env *env, const struct hf_flow *flow)
{
    unsigned count;
    struct hf_fast_open_server *server = places(env, flow, &count);
    for (unsigned i = 0; server && i < count; i++)
        if (memcmp(server[i].local, flow->local, 16) == 0 &&
            memcmp(server[i].remote, flow->remote, 16) == 0)
            return &server[i];
    return 0;
}

/* The table comes into being with the first server, and is never larger than the settings say. */
static bool have_table(struct hf_env *env)
{
    size_t size = env->settings->fast_open_servers * sizeof(struct hf_fast_open_server);
    if (env->fast_open_servers || !size)
        return size != 0;
    if (hf_budget_room(&env->budget, HF_USE_CONNECTION) < size)
        return false;
    env->fast_open_servers = hf_budget_alloc(&env->budget, size);
    if (env->fast_open_servers)
        memset(env->fast_open_servers, 0, size);
    return env->fast_open_servers != 0;
}

void hf_fast_open_forget(struct hf_env *env)
{
    size_t size = env->settings->fast_open_servers * sizeof(struct hf_fast_open_server);
    if (env->fast_open_servers)
        hf_budget_free(&env->budget, env->fast_open_servers, size);
    env->fast_open_servers = 0;
}

/* A place for this pair, its own or that of whoever was used longest ago; NULL: no memory. */
static struct hf_fast_open_server *keep(struct hf_env *env, const struct hf_flow *flow)
{
    struct hf_fast_open_server *found = find(env, flow);
    if (!found && have_table(env)) {
        unsigned count;
        struct hf_fast_open_server *server = places(env, flow, &count);
        found = &server[0];
        for (unsigned i = 1; i < count; i++)
            if (server[i].used_s < found->used_s)
                found = &server[i];
        memset(found, 0, sizeof *found);
        memcpy(found->local, flow->local, 16);
        memcpy(found->remote, flow->remote, 16);
    }
    if (found)
        found->used_s = hf_tcp_now_s(env) + 1; /* 0 is a free place's */
    return found;
}

/* RFC 7413 4.1.3.1: whoever loses SYNs with text is left alone for a while, then longer. */
static void note_loss(struct hf_env *env, const struct hf_flow *flow)
{
    hf_time pause = env->settings->fast_open_retry;
    struct hf_fast_open_server *server = pause ? keep(env, flow) : 0;
    if (!server)
        return;
    server->silent_until = env->now + (pause << server->losses);
    if (server->losses < LOSSES_MAX)
        server->losses++;
}

static bool is_silent(const struct hf_env *env, const struct hf_fast_open_server *server)
{
    return server && env->now < server->silent_until;
}

/* ---- Our SYN, RFC 7413 4.2.1 ---- */

uint8_t hf_fast_open_wish(struct hf_env *env, const struct hf_tcp *c, unsigned asked)
{
    unsigned allowed = env->settings->fast_open;
    if (!(asked & HF_OPEN_FAST) || !(allowed & HF_FAST_OPEN_CLIENT))
        return 0;
    unsigned wish = HF_FO_WANTED;
    if (asked & HF_OPEN_FAST_NO_COOKIE || allowed & HF_FAST_OPEN_CLIENT_NO_COOKIE)
        wish |= HF_FO_NO_COOKIE;
    struct hf_tcp as_wished = {.state = HF_SYN_SENT, .fast_open = (uint8_t)wish, .flow = c->flow,
                               .path_mtu = c->path_mtu, .mss_limit = c->mss_limit,
                               .advertised_mss = c->advertised_mss};
    if (asked & HF_OPEN_FAST_DEFER && hf_fast_open_room(env, &as_wished))
        wish |= HF_FO_DEFERRED;
    return (uint8_t)wish;
}

void hf_fast_open_release(struct hf_env *env, struct hf_tcp *c)
{
    if (!(c->fast_open & HF_FO_DEFERRED))
        return;
    c->fast_open &= (uint8_t)~HF_FO_DEFERRED;
    if (c->state == HF_SYN_SENT)
        hf_tcp_want(env, c, HF_WANT_SYN);
}

/* Text that fits beside any options, by the server's last MSS and by the path. */
static uint32_t room_for_text(const struct hf_tcp *c, const struct hf_fast_open_server *server)
{
    uint32_t headers = hf_flow_ip_header(&c->flow) + HF_TCP_HEADER;
    uint32_t room = c->path_mtu > headers ? c->path_mtu - headers : 0;
    if (c->advertised_mss < room)
        room = c->advertised_mss;
    if (c->mss_limit && c->mss_limit < room)
        room = c->mss_limit;
    if (server && server->mss && server->mss < room)
        room = server->mss;
    return room > OPTION_ROOM ? room - OPTION_ROOM : 0;
}

uint32_t hf_fast_open_room(struct hf_env *env, const struct hf_tcp *c)
{
    if (c->state != HF_SYN_SENT || c->snd_nxt != c->iss || !(c->fast_open & HF_FO_WANTED))
        return 0;
    const struct hf_fast_open_server *server = find(env, &c->flow);
    if (is_silent(env, server) ||
        (!(c->fast_open & HF_FO_NO_COOKIE) && (!server || !server->cookie_len)))
        return 0;
    return room_for_text(c, server);
}

/* The option with the server's cookie, or the one that asks for a cookie; false: there is no room
 * beside the other options. */
static bool put_option(struct hf_tcp *c, const struct hf_fast_open_server *server,
                       struct hf_tcp_options *options)
{
    unsigned form = server ? server->form : 0;
    if (server && !server->cookie_len && server->tried == 1)
        form = HF_FAST_OPEN_EXPERIMENTAL; /* kind 34 had no answer: once in the old form */
    options->fast_open =
        (uint8_t)(HF_FAST_OPEN_OPTION | form | (server ? server->cookie_len : 0u));
    options->cookie = server ? server->cookie : 0;
    if (hf_tcp_options_len(options) > HF_TCP_OPTIONS_MAX) {
        options->fast_open = 0;
        return false;
    }
    if (form)
        c->fast_open |= HF_FO_EXPERIMENTAL;
    return true;
}

static uint32_t client_syn(struct hf_env *env, struct hf_tcp *c, struct hf_tcp_options *options)
{
    struct hf_fast_open_server *server = find(env, &c->flow);
    bool no_cookie = (c->fast_open & HF_FO_NO_COOKIE) != 0;
    bool option = !is_silent(env, server) && (no_cookie || put_option(c, server, options));
    if (!option) {
        c->fast_open = 0;
        return 0;
    }
    if (server)
        server->used_s = hf_tcp_now_s(env) + 1;
    if (!no_cookie && !hf_fast_open_cookie_len(options)) {
        c->fast_open |= HF_FO_OTHER;
        return 0;
    }
    uint32_t room = room_for_text(c, server), queued = hf_tcp_unsent(env, c);
    const struct hf_active *a = hf_tcp_active(env, c);
    if (a && a->records) /* no segment holds octets of two records */
        queued = hf_record_next(env, a, c->iss + 1, c->iss + 1 + queued) - (c->iss + 1);
    uint32_t len = queued < room ? queued : room;
    if (len) {
        c->fast_open |= HF_FO_SENT;
        env->counters.fast_opens_out++;
    }
    return len;
}

uint32_t hf_fast_open_first_syn(struct hf_env *env, struct hf_tcp *c,
                                struct hf_tcp_options *options)
{
    if (c->state == HF_SYN_SENT)
        return c->fast_open & HF_FO_WANTED ? client_syn(env, c, options) : 0;
    if (c->fast_open & HF_FO_PENDING && c->fast_open & HF_FO_WANTED)
        hf_fast_open_cookie(env, &c->flow, (c->fast_open & HF_FO_EXPERIMENTAL) != 0, options);
    return 0;
}

/* ---- The answer to our SYN ---- */

/* What the SYN+ACK teaches about the server. */
static void learn(struct hf_env *env, const struct hf_tcp *c, const struct hf_seg *seg,
                  bool text_left)
{
    const struct hf_tcp_options *o = &seg->options;
    bool asked = !(c->fast_open & HF_FO_NO_COOKIE); /* else a cookie was not asked for */
    uint32_t cookie_len = seg->plain_window && asked && o->fast_open ? hf_fast_open_cookie_len(o)
                                                                     : 0;
    bool again = (c->flags & HF_F_SYN_RETRANSMITTED) != 0;
    struct hf_fast_open_server *server = keep(env, &c->flow);
    if (!server)
        return;
    server->mss = c->peer_mss;
    if (cookie_len) {
        memcpy(server->cookie, o->cookie, cookie_len);
        server->cookie_len = (uint8_t)cookie_len;
        server->form = o->fast_open & HF_FAST_OPEN_EXPERIMENTAL;
    } else if (asked && !again && !(c->fast_open & HF_FO_SENT) && !server->cookie_len) {
        uint8_t tried = c->fast_open & HF_FO_EXPERIMENTAL ? 2 : 1;
        if (tried > server->tried)
            server->tried = tried;
    }
    if (again && text_left && !cookie_len)
        note_loss(env, &c->flow); /* it answered only the SYN without text */
    else
        server->losses = 0;
}

/* Text that the SYN+ACK did not acknowledge was never sent, as far as the queue is concerned; a FIN
 * behind it neither. */
static void take_back(struct hf_env *env, struct hf_tcp *c, hf_seq ack)
{
    c->bytes_sent -= c->snd_nxt - ack - ((c->flags & HF_F_FIN_SENT) != 0);
    struct hf_active *a = hf_tcp_active(env, c);
    a->syn_end = c->snd_nxt - ((c->flags & HF_F_FIN_SENT) != 0);
    c->flags &= ~(uint32_t)HF_F_FIN_SENT;
    c->snd_nxt = ack;
    hf_sent_clear(env, &a->sent);
    c->retransmits++;
    hf_tcp_want(env, c, 0);
}

uint32_t hf_fast_open_sent_again(const struct hf_tcp *c, const struct hf_active *a)
{
    hf_seq end = hf_seq_min(a->syn_end, c->snd_nxt);
    bool again = c->fast_open & HF_FO_SENT && !a->sent.resent && hf_seq_gt(end, c->snd_una);
    return again ? end - hf_tcp_snd_base(c) : 0;
}

void hf_fast_open_syn_acked(struct hf_env *env, struct hf_tcp *c, const struct hf_seg *seg)
{
    if (c->fast_open & HF_FO_PENDING) {
        struct hf_active *a = hf_tcp_active(env, c);
        if (a && a->timing && hf_seq_gt(seg->ack, a->timed_seq))
            a->timing = false; /* the SYN tells the round trip */
        settle(env, c, false);
        return;
    }
    if (!(c->fast_open & HF_FO_WANTED))
        return;
    bool sent = (c->fast_open & HF_FO_SENT) != 0;
    bool left = sent && seg->ack != c->snd_nxt;
    if (hf_tcp_unsent(env, c))
        c->quick_acks = 0; /* a writer waits: his text takes ACKs along (Linux: pingpong) */
    learn(env, c, seg, left);
    if (left) {
        take_back(env, c, seg->ack);
    } else if (sent) {
        c->fast_open |= HF_FO_TAKEN;
        env->counters.fast_opens_taken++;
    }
}

/* ICMP said that the SYN with its text was too big: once more without. Our own MSS follows the path,
 * as the way back is most likely the same. */
void hf_fast_open_too_big(struct hf_env *env, struct hf_tcp *c)
{
    uint32_t fits = c->path_mtu - hf_flow_ip_header(&c->flow) - HF_TCP_HEADER;
    if (c->state != HF_SYN_SENT || !(c->fast_open & HF_FO_SENT))
        return;
    if (fits < c->advertised_mss)
        c->advertised_mss = (uint16_t)fits;
    hf_tcp_want(env, c, HF_WANT_SYN);
}

/* ---- The end ---- */

static bool is_negative(enum hf_cause cause)
{
    return cause == HF_CAUSE_OPEN_TIMEOUT || cause == HF_CAUSE_USER_TIMEOUT ||
           cause == HF_CAUSE_RETRANSMIT_TIMEOUT || cause == HF_CAUSE_UNREACHABLE;
}

/* RFC 7413 4.1.3.1: no answer at all is the most important of the negative ones; a box on the way
 * that swallows all that follows such a SYN looks the same. */
void hf_fast_open_ended(struct hf_env *env, struct hf_tcp *c, enum hf_cause cause)
{
    if (c->fast_open & HF_FO_PENDING)
        settle(env, c, cause == HF_CAUSE_RESET);
    else if (c->fast_open & HF_FO_SENT && !c->bytes_received && is_negative(cause))
        note_loss(env, &c->flow);
}

enum hf_fast_open_result hf_fast_open_result(const struct hf_tcp *c)
{
    if (c->fast_open & HF_FO_TAKEN)
        return HF_FAST_OPEN_TAKEN;
    if (!(c->flags & HF_F_ACTIVE_OPEN))
        return HF_FAST_OPEN_NOT_USED;
    if (c->fast_open & HF_FO_OTHER)
        return HF_FAST_OPEN_NO_COOKIE;
    if (!(c->fast_open & HF_FO_SENT) || c->snd_una == c->iss)
        return HF_FAST_OPEN_NOT_USED;
    return c->flags & HF_F_SYN_RETRANSMITTED ? HF_FAST_OPEN_LOST : HF_FAST_OPEN_NOT_TAKEN;
}
