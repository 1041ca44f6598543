/* What connections leave for the next ones to the same host (RFC 9040): that its round trips are long,
 * how wide the path was, and what a silent path takes. Only what would change how a connection begins
 * is kept, so that the usual connection, to a host about which there is nothing to say, costs a look
 * at one number.
 *
 * The table has a fixed size and is made when there is something to keep. A keyed hash picks a set of
 * four; a new host takes the place of the one that was heard of longest ago in its set, and nobody
 * outside can aim at a set. What routers said of path MTUs is ip's to know (src/ip/path_mtu.c). */
#include "base/siphash.h"
#include "tcp/tcp.h"

#define SETS 64u
#define WAYS 4u

struct entry {
    uint8_t remote[16];
    hf_time until;     /* 0: free                                                             */
    uint32_t rto_us;   /* above the settings' first; 0: the usual                             */
    uint32_t ssthresh; /* UINT32_MAX: not known                                               */
    uint16_t mtu, mtu_high; /* of a silent path, and where its search stands; 0: nothing      */
    uint8_t link;
};

struct hf_path_notes {
    struct hf_key key;
    hf_time last; /* when the last entry ends */
    struct entry set[SETS][WAYS];
};

static bool is_of(const struct entry *e, const struct hf_tcp *c)
{
    return e->until != 0 && e->link == c->link && memcmp(e->remote, c->flow.remote, 16) == 0;
}

static struct entry *set_of(struct hf_path_notes *info, const struct hf_tcp *c)
{
    return info->set[hf_siphash13(&info->key, c->flow.remote, 16) % SETS];
}

/* NULL: there is nothing to say. */
static struct entry *find(const struct hf_env *env, const struct hf_tcp *c)
{
    struct hf_path_notes *info = env->path_notes;
    if (!info || env->now >= info->last)
        return 0;
    struct entry *set = set_of(info, c);
    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].until > env->now && is_of(&set[i], c))
            return &set[i];
    return 0;
}

static struct hf_path_notes *table(struct hf_env *env)
{
    struct hf_path_notes *info = env->path_notes;
    if (info || hf_budget_room(&env->budget, HF_USE_CONNECTION) < sizeof *info)
        return info;
    info = hf_budget_alloc(&env->budget, sizeof *info);
    if (!info)
        return 0;
    memset(info, 0, sizeof *info);
    info->key = hf_key_derive(env->seed, 0x7463702f70617468); /* "tcp/path" */
    env->path_notes = info;
    return info;
}

void hf_path_info_reset(struct hf_env *env)
{
    hf_budget_free(&env->budget, env->path_notes, sizeof *env->path_notes);
    env->path_notes = 0;
}

/* The host's place, or the one that was heard of longest ago. NULL: no memory. */
static struct entry *place(struct hf_env *env, const struct hf_tcp *c)
{
    struct hf_path_notes *info = table(env);
    if (!info)
        return 0;
    struct entry *set = set_of(info, c), *oldest = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (is_of(&set[i], c)) {
            oldest = &set[i];
            break;
        }
        if (set[i].until < oldest->until)
            oldest = &set[i];
    }
    if (!is_of(oldest, c) || oldest->until <= env->now) {
        memset(oldest, 0, sizeof *oldest);
        memcpy(oldest->remote, c->flow.remote, 16);
        oldest->link = c->link;
        oldest->ssthresh = UINT32_MAX;
    }
    oldest->until = env->now + env->settings->pmtu_age;
    if (oldest->until > info->last)
        info->last = oldest->until;
    return oldest;
}

/* ---- Kept ---- */

static uint64_t rto_of(const struct hf_tcp *c)
{
    return c->srtt_us + 4ull * c->rttvar_us;
}

/* No host has left anything, and this connection would not either. */
static inline bool is_usual(const struct hf_env *env, const struct hf_tcp *c)
{
    return !env->path_notes && !(env->settings->path_info & HF_PATH_INFO_SSTHRESH) &&
           !c->mtu_silent && rto_of(c) <= env->fresh->rto_us;
}

/* The RTO that a connection should begin with; 0: the usual one. */
static uint32_t long_rto(const struct hf_env *env, const struct hf_tcp *c)
{
    uint64_t us = rto_of(c);
    if (us <= env->fresh->rto_us) /* rto_initial */
        return 0;
    return us < env->rto_max_us ? (uint32_t)us : env->rto_max_us;
}

static uint32_t threshold(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct hf_active *a = hf_tcp_active(env, c);
    if (a)
        return a->cc.ssthresh;
    return hf_congestion_saved_ssthresh(c->congestion, &c->saved);
}

void hf_path_info_keep(struct hf_env *env, const struct hf_tcp *c)
{
    if (HF_LIKELY(is_usual(env, c)))
        return;
    unsigned what = env->settings->path_info;
    if (!what || c->snd_una == c->iss || !c->srtt_us)
        return;
    uint32_t rto_us = what & HF_PATH_INFO_RTT ? long_rto(env, c) : 0;
    uint32_t ssthresh = what & HF_PATH_INFO_SSTHRESH ? threshold(env, c) : UINT32_MAX;
    bool silent = what & HF_PATH_INFO_MTU && c->mtu_silent;
    bool worth = rto_us || ssthresh != UINT32_MAX || silent;
    struct entry *e = worth ? place(env, c) : find(env, c);
    if (!e)
        return;
    e->rto_us = rto_us;
    if (e->ssthresh == UINT32_MAX || ssthresh == UINT32_MAX)
        e->ssthresh = ssthresh;
    else
        e->ssthresh = e->ssthresh / 2 + ssthresh / 2;
    if (silent) {
        e->mtu = c->path_mtu;
        e->mtu_high = c->mtu_high;
    }
}

/* ---- Used ---- */

void hf_path_info_open(struct hf_env *env, struct hf_tcp *c)
{
    const struct entry *e = find(env, c);
    if (!e)
        return;
    if (!c->srtt_us && e->rto_us > c->rto_us)
        c->rto_us = e->rto_us;
    if (e->mtu && e->mtu < c->path_mtu) {
        c->path_mtu = e->mtu;
        c->mtu_high = e->mtu_high;
        c->mtu_try_high = false;
        c->mtu_silent = true;
        hf_tcp_set_mss(env, c);
    }
}

uint32_t hf_path_info_ssthresh(const struct hf_env *env, const struct hf_tcp *c)
{
    const struct entry *e = find(env, c);
    if (!e || e->ssthresh == UINT32_MAX)
        return UINT32_MAX;
    return e->ssthresh > 2u * c->mss ? e->ssthresh : 2u * c->mss;
}
