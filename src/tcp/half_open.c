/* From SYN to the third segment, for connections that the peer opens (RFC 9293 3.10.7.2 and
 * SYN-RECEIVED; RFC 4987): a 64-byte entry, or no entry at all but a cookie (cookie.c) in our ISS.
 *
 * The entry itself answers repeats of the SYN, and its timer. Any other segment is run through the
 * steps of segment_arrives.c on a block on the C stack; if that is ESTABLISHED afterwards, it is
 * adopted as a connection and joins its listener's queue. */
#include <string.h>

#include "tcp/cookie.h"
#include "tcp/tcp.h"

#define NO_WSCALE 15u /* hf_half_open.wscale */

static struct hf_half_open *entry(const struct hf_env *env, uint32_t index)
{
    return (struct hf_half_open *)hf_pool_place(&env->half_opens, index,
                                                sizeof(struct hf_half_open), HF_HALF_OPEN_SLAB);
}

uint8_t hf_half_open_scale(const struct hf_env *env, uint32_t index)
{
    return entry(env, index)->wscale == NO_WSCALE ? 0 : entry(env, index)->wscale;
}

static void trace_open(struct hf_env *env, const struct hf_half_open *h, uint64_t hash)
{
    if (!env->trace)
        return;
    struct hf_tcp shown = {
        .flow = h->flow, .hash = (uint32_t)hash, .link = h->link, .state = HF_SYN_RECEIVED};
    hf_trace_open(env, &shown);
    hf_trace_state(env, (uint32_t)hash, HF_LISTEN, HF_SYN_RECEIVED, HF_BY_SEGMENT, HF_SYN);
}

/* ---- SYN+ACK ---- */

static struct hf_listening *owner(const struct hf_env *env, const struct hf_half_open *h)
{
    return hf_listen_find(env, &h->flow, !h->foreign);
}

static uint16_t advertised_mss(const struct hf_env *env, const struct hf_listening *l,
                               const struct hf_flow *flow, uint32_t link_mtu)
{
    uint32_t largest = link_mtu - hf_flow_ip_header(flow) - HF_TCP_HEADER;
    uint32_t most = env->settings->mss, limit = (uint32_t)hf_listen_option(l, HF_OPTION_MSS, 0);
    if (limit && (!most || limit < most))
        most = limit;
    return (uint16_t)(most && most < largest ? most : largest);
}

/* What the application has chosen for the listener; 0: nothing. */
static uint32_t own_buffer(const struct hf_listening *l)
{
    return (uint32_t)hf_listen_option(l, HF_OPTION_RCV_BUFFER, 0);
}

static uint16_t first_window(const struct hf_env *env, const struct hf_listening *l)
{
    uint32_t buffer = own_buffer(l) ? own_buffer(l) : env->settings->rcv_buffer;
    return (uint16_t)(buffer < 65535 ? buffer : 65535);
}

static uint8_t receive_scale(const struct hf_env *env, const struct hf_listening *l)
{
    uint32_t own = own_buffer(l);
    return own ? hf_receive_scale(env->settings, own) : env->fresh->rcv_wscale;
}

static void send_syn_ack(struct hf_env *env, const struct hf_listening *l,
                         const struct hf_half_open *h, uint64_t hash, uint32_t link_mtu,
                         enum hf_send_reason reason, uint32_t tsval, unsigned fast_open)
{
    struct hf_reply *r = hf_env_reply(env, h->link);
    if (!r)
        return;
    r->kind = HF_REPLY_TCP;
    memcpy(r->addresses, h->flow.local, 16);
    memcpy(r->addresses + 16, h->flow.remote, 16);
    r->local_port = h->flow.local_port;
    r->remote_port = h->flow.remote_port;
    r->flags = HF_SYN | HF_ACK | (h->ecn ? HF_ECE : 0);
    r->seq = h->iss;
    r->ack = h->irs + 1;
    r->window = first_window(env, l);
    r->mss = advertised_mss(env, l, &h->flow, link_mtu);
    r->wscale = h->wscale == NO_WSCALE ? HF_NO_WSCALE : receive_scale(env, l);
    r->options =
        (uint8_t)((h->timestamps ? HF_REPLY_TS : 0) | (h->sack ? HF_REPLY_SACK : 0) | fast_open);
    r->tsval = tsval;
    r->tsecr = h->ts_recent;
    r->reason = (uint8_t)reason;
    r->conn = (uint32_t)hash;
    r->state = HF_SYN_RECEIVED;
    r->tos =
        (uint8_t)hf_listen_option(l, HF_OPTION_TOS, env->settings->tos) & (uint8_t)~HF_ECN_BITS;
    r->ttl = (uint8_t)hf_listen_option(l, HF_OPTION_TTL, env->settings->ttl);
}

static uint32_t timestamp_of(const struct hf_env *env, uint64_t hash)
{
    return hf_tcp_now_ms(env) + hf_timestamp_offset(env, hash);
}

static void answer(struct hf_env *env, const struct hf_half_open *h, uint64_t hash,
                   uint32_t link_mtu, enum hf_send_reason reason)
{
    uint32_t tsval = h->timestamps ? timestamp_of(env, hash) : 0;
    send_syn_ack(env, owner(env, h), h, hash, link_mtu, reason, tsval, 0);
}

/* Fifteen bits of an MSS: above 16,383 the low two are lost, to our side. */
static unsigned pack_mss(uint16_t mss)
{
    return mss < 16384u ? mss : 16384u + (mss - 16384u) / 4;
}

static uint16_t unpack_mss(unsigned packed)
{
    return (uint16_t)(packed < 16384u ? packed : 16384u + (packed - 16384u) * 4);
}

/* What the peer's SYN says, in an entry's terms. */
static void read_syn(const struct hf_env *env, struct hf_half_open *h, const struct hf_flow *flow,
                     const struct hf_seg *seg, const struct hf_path *path)
{
    const struct hf_settings *s = env->settings;
    const struct hf_tcp_options *o = &seg->options;
    bool timestamps = s->timestamps && o->has_ts;
    bool scaled = s->window_scale && o->wscale != HF_NO_WSCALE;
    uint16_t mss = hf_flow_is_ipv4(flow) ? 536 : 1220;
    if (o->has_mss)
        mss = o->mss < s->mss_floor ? s->mss_floor : o->mss;
    *h = (struct hf_half_open){
        .flow = *flow,
        .irs = seg->seq,
        .ts_recent = timestamps ? o->tsval : 0,
        .mss = pack_mss(mss) & 0x7fffu,
        .ecn = hf_ecn_asked(env, seg),
        .wscale = scaled ? o->wscale & 15u : NO_WSCALE,
        .foreign = !path->to_us,
        .timestamps = timestamps,
        .sack = s->sack && o->sack_permitted,
        .link = path->link & 15u,
    };
}

/* ---- Answers without an entry ---- */

static void answer_with_cookie(struct hf_env *env, const struct hf_listening *l,
                               struct hf_half_open *h, uint64_t hash, uint32_t link_mtu)
{
    uint32_t tsval = 0;
    if (h->timestamps) {
        uint32_t low = (uint32_t)h->wscale | (uint32_t)h->sack << 4 | (uint32_t)h->ecn << 5;
        uint32_t now = timestamp_of(env, hash);
        tsval = now >> HF_COOKIE_TS_BITS << HF_COOKIE_TS_BITS | low;
        if (hf_seq_gt(tsval, now)) /* our clock never runs ahead */
            tsval -= 1u << HF_COOKIE_TS_BITS;
    } else {
        h->wscale = NO_WSCALE;
        h->sack = h->ecn = 0;
    }
    h->iss = hf_cookie_make(env, &h->flow, h->irs, unpack_mss(h->mss));
    send_syn_ack(env, l, h, hash, link_mtu, HF_SEND_NEW, tsval, 0);
    env->counters.cookies_sent++;
    env->cookie_sent_at = env->now;
}

/* While cookies are out, a segment whose number they do not fit may be one that overtook the third:
 * a reset would kill a connection that the next segment brings to life. */
bool hf_half_open_may_be_early(const struct hf_env *env, const struct hf_seg *seg)
{
    return env->counters.cookies_sent && env->now - env->cookie_sent_at < 2 * HF_COOKIE_PERIOD &&
           (seg->flags & (HF_SYN | HF_ACK | HF_RST)) == HF_ACK && hf_seg_len(seg) > 0;
}

/* ---- Entries ---- */

static void set_timer(struct hf_env *env, uint32_t index, hf_time delay)
{
    hf_wheel_set_timer(&env->wheel, hf_ref_make(HF_KIND_HALF_OPEN, index),
                       &entry(env, index)->timer, env->now + delay);
}

static hf_time syn_ack_interval(const struct hf_env *env, unsigned retries)
{
    hf_time interval = env->settings->rto_initial << retries;
    return interval < env->settings->rto_max ? interval : env->settings->rto_max;
}

/* Out of everything but the table and the trace. */
static void give_up(struct hf_env *env, uint32_t index, struct hf_listening *l)
{
    if (l)
        l->half_opens--;
    struct hf_half_open *h = entry(env, index);
    hf_wheel_cancel_timer(&env->wheel, hf_ref_make(HF_KIND_HALF_OPEN, index), &h->timer);
    hf_pool_give_object(&env->half_opens, index, h, sizeof *h);
    env->counters.half_open--;
}

/* Out of everything but the trace. */
static void remove(struct hf_env *env, uint32_t index, uint64_t hash)
{
    struct hf_listening *l = owner(env, entry(env, index));
    give_up(env, index, l);
    hf_table_remove(&env->table, hash, hf_ref_make(HF_KIND_HALF_OPEN, index));
}

void hf_half_open_end(struct hf_env *env, uint32_t index, enum hf_cause cause, enum hf_by by,
                      unsigned detail)
{
    uint64_t hash = hf_table_hash(&env->table, &entry(env, index)->flow);
    struct hf_tcp shown = {.hash = (uint32_t)hash};
    hf_trace_state(env, shown.hash, HF_SYN_RECEIVED, HF_CLOSED, by, detail);
    hf_tcp_count_end(env, &shown, cause);
    remove(env, index, hash);
}

/* The entry at an index, for those who look at all; NULL: none is there. */
static struct hf_half_open *entry_at(const struct hf_env *env, uint32_t index)
{
    struct hf_half_open *h = hf_pool_find(&env->half_opens, index);
    return h && h->flow.remote_port ? h : 0;
}

static uint32_t entries_end(const struct hf_env *env)
{
    return env->half_opens.count ? env->half_opens.slabs_room << env->half_opens.shift : 0;
}

void hf_half_open_end_all(struct hf_env *env, const struct hf_listening *l)
{
    for (uint32_t i = 1; i < entries_end(env); i++) {
        const struct hf_half_open *h = entry_at(env, i);
        if (h && owner(env, h) == l)
            hf_half_open_end(env, i, HF_CAUSE_LISTENER_CLOSED, HF_BY_CALL, HF_CALL_CLOSE);
    }
}

void hf_half_open_recount(struct hf_env *env)
{
    if (!env->half_opens.count)
        return;
    for (uint32_t i = 1; i < env->listeners.slabs_room << env->listeners.shift; i++) {
        struct hf_listening *l = hf_pool_find(&env->listeners, i);
        if (l)
            l->half_opens = 0;
    }
    for (uint32_t i = 1; i < entries_end(env); i++) {
        const struct hf_half_open *h = entry_at(env, i);
        struct hf_listening *l = h ? owner(env, h) : 0;
        if (l)
            l->half_opens++;
    }
}

/* ISS for the entry; over a TIME-WAIT entry it lies above all that the old connection sent. */
static void choose_iss(struct hf_env *env, struct hf_half_open *h, uint64_t hash,
                       hf_ref time_wait)
{
    h->iss = hf_initial_seq(env, hash);
    if (time_wait)
        h->iss = hf_time_wait_next_iss(env, time_wait, h->iss);
}

static void replace_time_wait(struct hf_env *env, const struct hf_flow *flow, uint64_t hash)
{
    if (!env->counters.time_wait)
        return;
    hf_ref time_wait = hf_table_find_time_wait(&env->table, hash, flow);
    if (time_wait)
        hf_time_wait_end(env, time_wait, HF_CAUSE_TIME_WAIT_REUSED, HF_BY_SEGMENT, HF_ACK);
}

/* RFC 7413: true when the SYN has become a connection already; else *answer is what the SYN+ACK is to
 * carry. */
static bool fast_open(struct hf_env *env, struct hf_listening *l, struct hf_half_open *h,
                      uint64_t hash, const struct hf_seg *seg, const struct hf_path *path,
                      hf_ref time_wait, unsigned *answer)
{
    enum hf_drop reason = HF_DROP_TEXT_ON_SYN;
    enum hf_fast_open_verdict verdict = hf_fast_open_judge(env, l, &h->flow, seg, &reason);
    switch (verdict) {
    case HF_FAST_OPEN_NOW:
    case HF_FAST_OPEN_NOW_RENEW:
        choose_iss(env, h, hash, time_wait);
        if (hf_fast_open_accept(env, l, h, hash, seg, path, verdict == HF_FAST_OPEN_NOW_RENEW)) {
            replace_time_wait(env, &h->flow, hash);
            return true;
        }
        break;
    case HF_FAST_OPEN_COOKIE:
        *answer = HF_REPLY_FAST_OPEN;
        if (seg->options.fast_open & HF_FAST_OPEN_EXPERIMENTAL)
            *answer |= HF_REPLY_FAST_OPEN_EXPERIMENTAL;
        break;
    default:
        break;
    }
    if (seg->text_all)
        hf_env_drop(env, reason, (uint32_t)hash, HF_LISTEN, seg->packet);
    return false;
}

void hf_half_open_syn(struct hf_env *env, struct hf_listening *l, const struct hf_flow *flow,
                      uint64_t hash, struct hf_seg *seg, const struct hf_path *path,
                      hf_ref time_wait)
{
    const struct hf_settings *s = env->settings;
    struct hf_half_open h;
    read_syn(env, &h, flow, seg, path);
    unsigned fast = 0;
    if (seg->text_all && !l->fast_open_max)
        hf_env_drop(env, HF_DROP_TEXT_ON_SYN, (uint32_t)hash, HF_LISTEN, seg->packet);
    if (hf_listen_is_full(l)) { /* as Linux: dropped, never reset */
        hf_env_drop(env, HF_DROP_BACKLOG, (uint32_t)hash, HF_LISTEN, seg->packet);
        return;
    }
    bool full = hf_listen_half_open_full(env, l);
    if (!l->hold && (s->cookies == HF_COOKIES_ALWAYS || (full && s->cookies))) {
        if (seg->text_all && l->fast_open_max)
            hf_env_drop(env, HF_DROP_TEXT_ON_SYN, (uint32_t)hash, HF_LISTEN, seg->packet);
        answer_with_cookie(env, l, &h, hash, path->link_mtu);
        return;
    }
    if (HF_UNLIKELY(l->fast_open_max) && (seg->text_all || seg->options.fast_open) &&
        fast_open(env, l, &h, hash, seg, path, time_wait, &fast))
        return;
    if (full || hf_budget_room(&env->budget, HF_USE_CONNECTION) < sizeof h ||
        !hf_table_reserve(&env->table)) {
        hf_env_drop(env, HF_DROP_BACKLOG, (uint32_t)hash, HF_LISTEN, seg->packet);
        return;
    }
    uint32_t index = hf_pool_take(&env->half_opens);
    if (!index) {
        hf_env_drop(env, HF_DROP_MEMORY, (uint32_t)hash, HF_LISTEN, seg->packet);
        return;
    }
    choose_iss(env, &h, hash, time_wait);
    struct hf_half_open *place = entry(env, index);
    *place = h;
    hf_table_insert(&env->table, hash, hf_ref_make(HF_KIND_HALF_OPEN, index));
    env->counters.half_open++;
    l->half_opens++;
    trace_open(env, &h, hash);
    if (!l->hold) {
        uint32_t tsval = h.timestamps ? timestamp_of(env, hash) : 0;
        send_syn_ack(env, l, &h, hash, path->link_mtu, HF_SEND_NEW, tsval, fast);
        hf_wheel_append(&env->wheel, HF_ROW_SYN_ACK, hf_ref_make(HF_KIND_HALF_OPEN, index),
                        &place->timer, env->now + syn_ack_interval(env, 0));
        return;
    }
    struct hf_half_open *held = entry(env, index);
    held->held = 1;
    held->iss = env->half_opens.takes; /* the generation of its handle */
    set_timer(env, index, s->held_timeout);
    if (!hf_listen_hold(env, l, hf_half_open_handle(held, index)))
        hf_half_open_end(env, index, HF_CAUSE_MEMORY, HF_BY_STACK, 0);
}

uint64_t hf_half_open_handle(const struct hf_half_open *h, uint32_t index)
{
    return (uint64_t)h->iss << 32 | hf_ref_make(HF_KIND_HALF_OPEN, index);
}

uint32_t hf_half_open_held(const struct hf_env *env, uint64_t handle)
{
    hf_ref ref = (hf_ref)handle;
    if (hf_ref_kind(ref) != HF_KIND_HALF_OPEN)
        return 0;
    const struct hf_half_open *h = hf_pool_find(&env->half_opens, hf_ref_index(ref));
    return h && h->held && h->flow.remote_port && h->iss == (uint32_t)(handle >> 32)
               ? hf_ref_index(ref)
               : 0;
}

void hf_half_open_accept(struct hf_env *env, uint32_t index)
{
    struct hf_half_open *h = entry(env, index);
    uint64_t hash = hf_table_hash(&env->table, &h->flow);
    hf_ref time_wait = hf_table_find_time_wait(&env->table, hash, &h->flow);
    h->held = 0;
    choose_iss(env, h, hash, time_wait);
    h->retries = 0;
    answer(env, h, hash, env->link_mtu[h->link], HF_SEND_NEW);
    set_timer(env, index, syn_ack_interval(env, 0));
}

void hf_half_open_refuse(struct hf_env *env, uint32_t index)
{
    const struct hf_half_open *h = entry(env, index);
    struct hf_seg syn = {.seq = h->irs, .flags = HF_SYN, .link = h->link, .segments = 1};
    struct hf_flow flow = h->flow;
    hf_half_open_end(env, index, HF_CAUSE_SYN_REFUSED, HF_BY_CALL, HF_CALL_REFUSE);
    hf_tcp_refuse(env, &flow, &syn);
}

void hf_half_open_timer(struct hf_env *env, uint32_t index)
{
    struct hf_half_open *h = entry(env, index);
    env->counters.timers_run++;
    if (h->held) {
        hf_half_open_end(env, index, HF_CAUSE_HELD_TIMEOUT, HF_BY_TIMER, HF_TIMER_USER);
        return;
    }
    if (h->retries >= env->settings->synack_retries || h->retries == 15) {
        hf_half_open_end(env, index, HF_CAUSE_HALF_OPEN_TIMEOUT, HF_BY_TIMER, HF_TIMER_RTO);
        return;
    }
    h->retries++;
    env->counters.retransmits++;
    answer(env, h, hf_table_hash(&env->table, &h->flow), env->link_mtu[h->link], HF_SEND_RTO);
    set_timer(env, index, syn_ack_interval(env, h->retries));
}

void hf_half_open_expand(struct hf_env *env, const struct hf_listening *l,
                         const struct hf_half_open *h, uint64_t hash, const struct hf_path *path,
                         struct hf_tcp *c)
{
    hf_tcp_init(env, c, &h->flow, hash, path);
    c->rcv_wscale = receive_scale(env, l);
    c->state = HF_SYN_RECEIVED;
    c->iss = c->snd_una = h->iss;
    c->snd_nxt = h->iss + 1;
    c->irs = h->irs;
    c->rcv_nxt = c->last_ack_sent = h->irs + 1;
    c->rcv_adv = c->rcv_nxt + first_window(env, l);
    c->snd_wl1 = h->irs;
    c->snd_wl2 = h->iss;
    struct hf_tcp_options syn;
    memset(&syn, 0, offsetof(struct hf_tcp_options, sack)); /* the blocks are not looked at */
    syn.has_mss = true;
    syn.mss = unpack_mss(h->mss);
    syn.wscale = h->wscale == NO_WSCALE ? HF_NO_WSCALE : (uint8_t)h->wscale;
    syn.has_ts = h->timestamps;
    syn.tsval = h->ts_recent;
    syn.sack_permitted = h->sack;
    hf_tcp_take_syn_options(env, c, &syn);
    hf_listen_hand_down(env, l, c);
    c->ecn = h->ecn ? HF_ECN_AGREED : 0;
    c->retransmits = h->retries;
    if (h->retries)
        c->flags |= HF_F_SYN_RETRANSMITTED;
}

/* When the SYN+ACK left, from the entry's timer. */
static hf_time sent_at(const struct hf_env *env, const struct hf_half_open *h)
{
    int64_t now_tick = env->now / HF_TICK_NS;
    hf_time due = (now_tick + (int32_t)(h->timer.tick - (uint32_t)now_tick)) * HF_TICK_NS;
    hf_time interval = syn_ack_interval(env, h->retries);
    return due > env->now && due - env->now <= interval ? due - interval : env->now;
}

static void queue(struct hf_env *env, struct hf_listening *l, struct hf_tcp *c)
{
    env->counters.passive_opens++;
    hf_path_info_open(env, c);
    hf_listen_queue(env, l, c);
}

/* ESTABLISHED or beyond: the block becomes a connection of the listener's. */
static struct hf_tcp *promote(struct hf_env *env, struct hf_listening *l,
                              const struct hf_tcp *block, hf_ref was)
{
    struct hf_tcp *c = hf_tcp_adopt(env, block, was);
    if (!c)
        return 0;
    queue(env, l, c);
    hf_tcp_want(env, c, 0); /* what it owes stands in the block */
    hf_tcp_rearm(env, c);
    return c;
}

/* There is memory for one connection more. Where not, the third segment is as good as lost: what was
 * begun may go on when others have gone (docs/architecture.md, "Memory"). */
static bool has_memory(const struct hf_env *env)
{
    return hf_budget_room(&env->budget, HF_USE_CONNECTION) >= sizeof(struct hf_tcp);
}

/* Would this segment complete the handshake while there is no room for the connection? */
static bool completes(const struct hf_tcp *c, const struct hf_seg *seg)
{
    return (seg->flags & (HF_ACK | HF_SYN | HF_RST)) == HF_ACK && seg->ack == c->snd_nxt;
}

/* The listener wants text first, and has not waited long enough yet. */
static bool deferred(const struct hf_listening *l, const struct hf_half_open *h,
                     const struct hf_seg *seg)
{
    return h->retries < hf_listen_option(l, HF_OPTION_DEFER_ACCEPT, 0) && !seg->text_all &&
           !(seg->flags & HF_FIN);
}

/* An ACK that offers no more than the SYN+ACK did: that may have to be sent again, and a SYN's
 * window cannot be scaled. */
static void answer_block(struct hf_env *env, struct hf_tcp *block)
{
    block->rcv_buffer = block->rcv_buffer < 65535 ? block->rcv_buffer : 65535;
    hf_tcp_reply_ack(env, block);
}

/* The third segment as it nearly always is, so that steps 1 to 5 would find nothing to say. */
static bool is_third(const struct hf_env *env, const struct hf_half_open *h,
                     const struct hf_seg *seg)
{
    const unsigned odd = HF_SYN | HF_RST | HF_URG | HF_ECE;
    if (env->no_fast_path || (seg->flags & (odd | HF_ACK)) != HF_ACK || seg->seq != h->irs + 1 ||
        seg->ack != h->iss + 1)
        return false;
    return !h->timestamps ||
           (seg->options.has_ts && (int32_t)(seg->options.tsval - h->ts_recent) >= 0);
}

/* The connection is built where it will stand. False: there is no room for it, nothing has changed. */
static bool third_arrives(struct hf_env *env, uint32_t index, uint64_t hash, struct hf_seg *seg,
                          const struct hf_path *path, struct hf_listening *l)
{
    const struct hf_half_open *h = entry(env, index);
    struct hf_listening *counted = h->foreign == !path->to_us ? l : owner(env, h);
    hf_ref was = hf_ref_make(HF_KIND_HALF_OPEN, index);
    uint32_t place = hf_tcp_take(env, was);
    if (!place)
        return false;
    struct hf_tcp *c = hf_tcp_at(env, place);
    hf_half_open_expand(env, l, h, hash, path, c);
    c->progress_at = sent_at(env, h);
    hf_ledger_load(env, c);
    replace_time_wait(env, &c->flow, hash); /* MAY-2 */
    hf_tcp_enlist(env, place, was);
    give_up(env, index, counted);
    queue(env, l, c);
    hf_tcp_third_segment(env, c, seg);
    return true;
}

void hf_half_open_arrives(struct hf_env *env, uint32_t index, uint64_t hash, struct hf_seg *seg,
                          const struct hf_path *path)
{
    struct hf_half_open *h = entry(env, index);
    struct hf_flow flow = h->flow;
    if (h->held) {
        if (seg->flags & HF_RST && seg->seq == h->irs + 1)
            hf_half_open_end(env, index, HF_CAUSE_RESET, HF_BY_SEGMENT, HF_RST);
        else if (seg->flags & HF_SYN)
            h->ecn = h->ecn && hf_ecn_asked(env, seg);
        return; /* it sends nothing and absorbs repeats */
    }
    struct hf_listening *l = hf_listen_find(env, &flow, path->to_us);
    if (!l) {
        hf_half_open_end(env, index, HF_CAUSE_LISTENER_CLOSED, HF_BY_SEGMENT, seg->flags & 0xff);
        hf_tcp_refuse(env, &flow, seg);
        return;
    }
    enum hf_drop reason = hf_listen_is_full(l)  ? HF_DROP_BACKLOG
                          : !has_memory(env)    ? HF_DROP_MEMORY
                          : deferred(l, h, seg) ? HF_DROP_DEFERRED
                                                : HF_DROP_NONE;
    if (HF_LIKELY(reason == HF_DROP_NONE && is_third(env, h, seg)) &&
        third_arrives(env, index, hash, seg, path, l))
        return;
    struct hf_tcp block;
    hf_half_open_expand(env, l, h, hash, path, &block);
    block.progress_at = sent_at(env, h);
    hf_ledger_load(env, &block);
    if (completes(&block, seg) && reason != HF_DROP_NONE) {
        hf_env_drop(env, reason, (uint32_t)hash, HF_SYN_RECEIVED, seg->packet);
        return;
    }
    hf_tcp_segment_arrives(env, &block, seg);
    hf_ledger_store(env, &block);
    if (block.state == HF_CLOSED) {
        remove(env, index, hash);
    } else if (block.state == HF_SYN_RECEIVED) {
        if (block.want & HF_WANT_SYN) {
            h->ecn = block.ecn != 0;
            answer(env, h, hash, path->link_mtu, HF_SEND_REPLY);
        } else if (block.want & HF_WANT_ACK || block.challenges_owed) {
            answer_block(env, &block);
        }
        hf_tcp_drop_active(env, &block);
    } else {
        struct hf_listening *counted = h->foreign == !path->to_us ? l : owner(env, h);
        replace_time_wait(env, &flow, hash); /* MAY-2 */
        bool taken = promote(env, l, &block, hf_ref_make(HF_KIND_HALF_OPEN, index)) != 0;
        give_up(env, index, counted);
        if (!taken) {
            hf_table_remove(&env->table, hash, hf_ref_make(HF_KIND_HALF_OPEN, index));
            hf_tcp_send_reset(env, &block);
            hf_tcp_end(env, &block, HF_CAUSE_MEMORY, HF_BY_STACK, 0);
        }
    }
}

/* RFC 4987: the third segment brings back all that we need. */
bool hf_half_open_cookie(struct hf_env *env, struct hf_listening *l, const struct hf_flow *flow,
                         uint64_t hash, struct hf_seg *seg, const struct hf_path *path)
{
    if ((seg->flags & (HF_SYN | HF_ACK | HF_RST)) != HF_ACK || l->hold ||
        !env->counters.cookies_sent || env->now - env->cookie_sent_at > 2 * HF_COOKIE_PERIOD)
        return false;
    uint16_t mss = hf_cookie_read(env, flow, seg->seq - 1, seg->ack - 1);
    if (!mss)
        return false;
    if (hf_listen_is_full(l) || !has_memory(env)) {
        hf_env_drop(env, hf_listen_is_full(l) ? HF_DROP_BACKLOG : HF_DROP_MEMORY, (uint32_t)hash,
                    HF_SYN_RECEIVED, seg->packet);
        return true;
    }
    struct hf_half_open h = {.flow = *flow,
                             .iss = seg->ack - 1,
                             .irs = seg->seq - 1,
                             .mss = pack_mss(mss) & 0x7fffu,
                             .wscale = NO_WSCALE,
                             .foreign = !path->to_us,
                             .link = path->link & 15u};
    if (seg->options.has_ts && env->settings->timestamps) {
        uint32_t low = seg->options.tsecr & ((1u << HF_COOKIE_TS_BITS) - 1);
        h.timestamps = 1;
        h.ts_recent = seg->options.tsval;
        h.wscale = low & 15u;
        h.sack = low >> 4 & 1u;
        h.ecn = low >> 5 & 1u;
    }
    struct hf_tcp block;
    hf_half_open_expand(env, l, &h, hash, path, &block);
    block.flags |= HF_F_SYN_RETRANSMITTED; /* we do not know when it was sent */
    trace_open(env, &h, hash);
    hf_tcp_segment_arrives(env, &block, seg);
    env->counters.cookies_taken++;
    if (block.state == HF_CLOSED)
        return true;
    if (!promote(env, l, &block, 0)) {
        hf_tcp_send_reset(env, &block);
        hf_tcp_end(env, &block, HF_CAUSE_MEMORY, HF_BY_STACK, 0);
    }
    return true;
}

/* SHLD-26 with RFC 5927: while the handshake runs, a hard error about our SYN+ACK ends it. */
enum hf_drop hf_half_open_icmp(struct hf_env *env, uint32_t index,
                               const struct hf_icmp_report *report)
{
    const struct hf_half_open *h = entry(env, index);
    if (h->held || report->seq != h->iss)
        return HF_DROP_ICMP_SEQUENCE;
    if (hf_icmp_ends_opening(env, report->kind))
        hf_half_open_end(env, index, HF_CAUSE_UNREACHABLE, HF_BY_ICMP, report->kind);
    return HF_DROP_NONE;
}
