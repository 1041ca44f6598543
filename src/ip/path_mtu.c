/* Path MTU discovery (RFC 1191, RFC 8201): what "too big" errors said, by destination, until
 * it is too old to be believed. Believing is decided elsewhere: tcp asks only after it found
 * the quoted segment in flight (RFC 5927 7).
 *
 * The table has a fixed size and never allocates after creation. A keyed hash picks a set of
 * four; a new destination takes the place of the one learnt first in its set, and nobody
 * outside can aim at a set. */
#include "ip/path_mtu.h"

#define SETS 64u
#define WAYS 4u

struct entry {
    uint8_t remote[16];
    hf_time until; /* 0: free                                                                 */
    uint16_t mtu;
};

struct hf_pmtu {
    struct hf_key key;
    hf_time last; /* when the last entry ends: mostly nothing is known, and that is quick to say */
    struct entry set[SETS][WAYS];
};

struct hf_pmtu *hf_pmtu_new(struct hf_env *env)
{
    struct hf_pmtu *pmtu = hf_budget_alloc(&env->budget, sizeof *pmtu);
    if (!pmtu)
        return 0;
    memset(pmtu, 0, sizeof *pmtu);
    pmtu->key = hf_key_derive(env->seed, 0x69702f706d7475); /* "ip/pmtu" */
    return pmtu;
}

void hf_pmtu_free(struct hf_env *env, struct hf_pmtu *pmtu)
{
    if (pmtu)
        hf_budget_free(&env->budget, pmtu, sizeof *pmtu);
}

static unsigned set_of(const struct hf_pmtu *pmtu, const uint8_t remote[16])
{
    return (unsigned)(hf_siphash13(&pmtu->key, remote, 16) % SETS);
}

static const struct entry *find(const struct hf_pmtu *pmtu, hf_time now, const uint8_t remote[16])
{
    const struct entry *set = pmtu->set[set_of(pmtu, remote)];
    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].until > now && memcmp(set[i].remote, remote, 16) == 0)
            return &set[i];
    return 0;
}

uint16_t hf_pmtu_get(const struct hf_pmtu *pmtu, hf_time now, const uint8_t remote[16],
                     uint16_t link_mtu)
{
    if (now >= pmtu->last)
        return link_mtu;
    const struct entry *entry = find(pmtu, now, remote);
    return entry && entry->mtu < link_mtu ? entry->mtu : link_mtu;
}

/* Entries live equally long, so the one that ends first was learnt first; a dead one goes
 * before. */
static void put(struct hf_pmtu *pmtu, hf_time until, const uint8_t remote[16], uint16_t mtu)
{
    struct entry *set = pmtu->set[set_of(pmtu, remote)];
    struct entry *place = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].until != 0 && memcmp(set[i].remote, remote, 16) == 0) {
            place = &set[i];
            break;
        }
        if (set[i].until < place->until)
            place = &set[i];
    }
    memcpy(place->remote, remote, 16);
    place->until = until;
    if (until > pmtu->last)
        pmtu->last = until;
    place->mtu = mtu;
}

/* The next lower plateau for routers that report no MTU (RFC 1191 7.1). */
static uint32_t plateau_below(uint32_t len)
{
    static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    for (unsigned i = 0; i < sizeof plateaus / sizeof plateaus[0]; i++)
        if (plateaus[i] < len)
            return plateaus[i];
    return 68;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* What the report comes to, or 0 when it says nothing: IPv6 routers always name an MTU, and one
 * below the minimum of IPv6 is a lie (RFC 8201 4). */
static uint32_t reported_mtu(const struct hf_env *env, const struct hf_ip_error *error)
{
    if (!hf_flow_is_ipv4(&error->flow))
        return error->mtu < HF_IPV6_MTU_MIN ? 0 : error->mtu;
    uint32_t mtu = error->mtu ? error->mtu : plateau_below(error->quoted_len);
    return max_u32(max_u32(mtu, env->settings->pmtu_floor), 68);
}

uint16_t hf_ip_learn_mtu(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_error *error)
{
    const uint8_t *remote = error->flow.remote;
    struct hf_path path;
    uint8_t local[16];
    memcpy(local, error->flow.local, 16);
    uint16_t link_mtu = ip->link[error->link].mtu;
    if (hf_ip_route(env, ip, remote, error->link, local, true, &path) == 0)
        link_mtu = path.link_mtu;
    uint16_t now_mtu = hf_pmtu_get(ip->pmtu, env->now, remote, link_mtu);
    uint32_t mtu = reported_mtu(env, error);
    if (mtu == 0 || mtu >= now_mtu)
        return now_mtu;
    put(ip->pmtu, env->now + env->settings->pmtu_age, remote, (uint16_t)mtu);
    return (uint16_t)mtu;
}
