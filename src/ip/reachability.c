/* Is a neighbour there? The states of RFC 4861 7.3 with its times, for both families: an address is
 * asked for three times, a second apart; one that was not confirmed for half a minute is used on, but
 * asked after when nothing confirms it within five seconds; one that does not answer three times
 * is forgotten. Progress of TCP confirms (7.3.1); TCP that has sent again in vain doubts
 * (RFC 9293, MUST-20). */
#include "ip/address.h"
#include "ip/neighbour.h"
#include "wire/bytes.h"
#include "wire/icmp.h"

/* RFC 4861 10. */
#define TRIES 3u
#define RETRANS_TIME HF_SEC
#define DELAY_TIME (5 * HF_SEC)

/* How long those are kept that nobody uses: strangers as Linux's gc_stale_time, those who answered as
 * BSD's ARP. */
#define HEARD_AGE (60 * HF_SEC)
#define KNOWN_AGE (1200 * HF_SEC)

static struct hf_neighbour_list *timer_of(struct hf_neighbours *nb, unsigned state)
{
    switch (state) {
    case HF_NEIGHBOUR_INCOMPLETE:
    case HF_NEIGHBOUR_FAILED:
    case HF_NEIGHBOUR_PROBE:
        return &nb->solicit;
    case HF_NEIGHBOUR_DELAY:
        return &nb->delay;
    default:
        return 0;
    }
}

static bool has_report(const struct hf_neighbour *n)
{
    return n->state == HF_NEIGHBOUR_FAILED && n->waiting > 0;
}

void hf_neighbour_enter(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                        enum hf_neighbour_state state)
{
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    struct hf_neighbour_list *was = timer_of(nb, n->state), *is = timer_of(nb, state);
    if (was)
        hf_neighbour_unlink(nb, was, HF_BY_TIME, index);
    if (has_report(n))
        hf_neighbour_unlink(nb, &nb->reports, HF_BY_REPORT, index);
    n->state = (uint8_t)state;
    if (has_report(n))
        hf_neighbour_append(nb, &nb->reports, HF_BY_REPORT, index);
    if (!is)
        return;
    n->due = env->now + (state == HF_NEIGHBOUR_DELAY ? DELAY_TIME : RETRANS_TIME);
    hf_neighbour_append(nb, is, HF_BY_TIME, index);
}

/* `proven`: it answered when we asked, or TCP got through to it. Who only says so stays a stranger. */
static void reachable(struct hf_env *env, struct hf_neighbours *nb, uint32_t index, bool proven)
{
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    n->reachable_until = env->now + nb->reachable_time;
    if (n->state != HF_NEIGHBOUR_REACHABLE)
        hf_neighbour_enter(env, nb, index, HF_NEIGHBOUR_REACHABLE);
    if (n->group == HF_UNRESOLVED || (proven && n->group == HF_HEARD))
        hf_neighbour_regroup(env, nb, index, proven ? HF_KNOWN : HF_HEARD);
}

static void stale(struct hf_env *env, struct hf_neighbours *nb, uint32_t index)
{
    hf_neighbour_enter(env, nb, index, HF_NEIGHBOUR_STALE);
    if (hf_neighbour_at(nb, index)->group == HF_UNRESOLVED)
        hf_neighbour_regroup(env, nb, index, HF_HEARD);
}

/* ---- Packets that wait ---- */

void hf_neighbour_wait(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                       const struct hf_packet *packet)
{
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    struct hf_frame_note note = {
        .segment_bytes = packet->segment_bytes,
        .segments = packet->segments,
        .checksum_start = (uint16_t)(packet->checksum_start + HF_FRAME_HEADER),
        .checksum_offset = packet->checksum_offset,
        .checksum = packet->checksum,
    };
    uint32_t before = sizeof note + HF_FRAME_HEADER, len = before + packet->len, chunk = 0;
    if (hf_budget_room(&env->budget, HF_USE_REASSEMBLY) > len)
        chunk = hf_chunk_new(&env->chunks, len);
    if (!chunk) {
        hf_env_drop(env, HF_DROP_MEMORY, 0, HF_CLOSED, packet);
        return;
    }
    struct hf_chunk *c = hf_chunk_at(&env->chunks, chunk);
    memcpy(c->data, &note, sizeof note);
    (void)hf_packet_copy(packet, c->data + before, packet->len);
    c->used = len;
    if (n->waiting == HF_NEIGHBOUR_WAITING) { /* RFC 4861 7.2.2: the oldest goes */
        hf_env_drop(env, HF_DROP_NEIGHBOUR_QUEUE, 0, HF_CLOSED, 0);
        hf_chunk_release(&env->chunks, n->held[0]);
        memmove(n->held, n->held + 1, sizeof n->held - sizeof n->held[0]);
        n->waiting--;
    }
    n->held[n->waiting++] = chunk;
}

static void send_waiting(struct hf_env *env, struct hf_ip *ip, struct hf_neighbour *n)
{
    uint16_t type = hf_key_is_ipv4(n->key) ? HF_TYPE_IPV4 : HF_TYPE_IPV6;
    for (unsigned i = 0; i < n->waiting; i++) {
        const struct hf_chunk *c = hf_chunk_at(&env->chunks, n->held[i]);
        hf_frame_build(c->data + sizeof(struct hf_frame_note), n->mac, ip->link[n->link].mac,
                       type);
        hf_frame_send(env, n->link, n->held[i]);
    }
    n->waiting = 0;
}

/* ---- Asking ---- */

static void ask(struct hf_env *env, struct hf_ip *ip, uint32_t index,
                enum hf_neighbour_state state, unsigned tries)
{
    struct hf_neighbour *n = hf_neighbour_at(ip->neighbours, index);
    hf_neighbour_enter(env, ip->neighbours, index, state);
    n->tries = (uint8_t)tries;
    env->counters.solicits_out++;
    if (hf_key_is_ipv4(n->key))
        hf_arp_solicit(env, ip, n);
    else
        hf_discovery_solicit(env, ip, n);
}

/* ---- What is heard ---- */

/* RFC 4861 7.2.3, 7.2.5. */
void hf_neighbour_heard(struct hf_env *env, struct hf_ip *ip, uint32_t index,
                        const uint8_t mac[HF_MAC], bool solicited, bool override)
{
    struct hf_neighbours *nb = ip->neighbours;
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    bool nameless = n->state == HF_NEIGHBOUR_INCOMPLETE || n->state == HF_NEIGHBOUR_FAILED;
    bool other = nameless || memcmp(n->mac, mac, HF_MAC) != 0;
    bool asked = n->state == HF_NEIGHBOUR_INCOMPLETE || n->state == HF_NEIGHBOUR_PROBE;
    if (other && !nameless && !override) {
        if (n->state == HF_NEIGHBOUR_REACHABLE)
            stale(env, nb, index);
        return;
    }
    memcpy(n->mac, mac, HF_MAC);
    if (solicited)
        reachable(env, nb, index, asked);
    else if (other)
        stale(env, nb, index);
    if (nameless)
        send_waiting(env, ip, n);
}

void hf_neighbour_introduced(struct hf_env *env, struct hf_ip *ip, unsigned link,
                             const uint8_t key[16], const uint8_t mac[HF_MAC])
{
    uint32_t index;
    enum hf_drop ignored;
    if (!hf_neighbour_find(ip->neighbours, link, key, &index)) {
        index = hf_neighbour_new(env, ip->neighbours, link, key, HF_HEARD, false, &ignored);
        if (!index)
            return; /* no memory: it will be asked for when it is wanted */
        hf_neighbour_enter(env, ip->neighbours, index, HF_NEIGHBOUR_STALE);
    }
    hf_neighbour_heard(env, ip, index, mac, false, true);
}

/* ---- What is told by others ---- */

/* The neighbour that leads there, if it is known and has an address. */
static uint32_t leading_to(struct hf_ip *ip, unsigned link, const uint8_t remote[16])
{
    uint8_t hop[16];
    uint32_t index;
    if (!ip->neighbours || !hf_ip_next_hop(ip, link, remote, hop))
        return 0;
    const struct hf_neighbour *n = hf_neighbour_find(ip->neighbours, link, hop, &index);
    return n && n->group != HF_UNRESOLVED ? index : 0;
}

void hf_neighbour_confirm(struct hf_env *env, struct hf_ip *ip, unsigned link,
                          const uint8_t remote[16])
{
    struct hf_neighbours *nb = ip->neighbours;
    const struct hf_way *way = hf_way_of(nb, remote);
    if (way->epoch != nb->epoch || way->link != link || !hf_key_equal(way->remote, remote))
        return; /* we have not sent anything there of late */
    if (hf_neighbour_at(nb, way->neighbour)->group != HF_UNRESOLVED)
        reachable(env, nb, way->neighbour, true);
}

void hf_neighbour_doubt(struct hf_env *env, struct hf_ip *ip, unsigned link,
                        const uint8_t remote[16])
{
    uint32_t index = leading_to(ip, link, remote);
    if (!index || hf_neighbour_at(ip->neighbours, index)->state == HF_NEIGHBOUR_PROBE)
        return;
    ask(env, ip, index, HF_NEIGHBOUR_PROBE, 1);
}

/* ---- Use ---- */

uint32_t hf_neighbour_ask_for(struct hf_env *env, struct hf_ip *ip, unsigned link,
                              const uint8_t key[16], bool own, enum hf_drop *reason)
{
    uint32_t index = hf_neighbour_new(env, ip->neighbours, link, key, HF_UNRESOLVED, own, reason);
    if (index)
        ask(env, ip, index, HF_NEIGHBOUR_INCOMPLETE, 1);
    return index;
}

bool hf_neighbour_use(struct hf_env *env, struct hf_ip *ip, uint32_t index)
{
    struct hf_neighbours *nb = ip->neighbours;
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    if (n->group == HF_UNRESOLVED)
        return false;
    if (env->now - n->used >= HF_SEC)
        hf_neighbour_touch(env, nb, index);
    if (n->state == HF_NEIGHBOUR_STALE ||
        (n->state == HF_NEIGHBOUR_REACHABLE && env->now >= n->reachable_until))
        hf_neighbour_enter(env, nb, index, HF_NEIGHBOUR_DELAY);
    return true;
}

/* ---- Time ---- */

static void solicit_due(struct hf_env *env, struct hf_ip *ip, uint32_t index)
{
    const struct hf_neighbour *n = hf_neighbour_at(ip->neighbours, index);
    if (n->state != HF_NEIGHBOUR_FAILED && n->tries < TRIES)
        ask(env, ip, index, n->state, n->tries + 1u);
    else if (n->state == HF_NEIGHBOUR_INCOMPLETE)
        hf_neighbour_enter(env, ip->neighbours, index, HF_NEIGHBOUR_FAILED);
    else
        hf_neighbour_free(env, ip->neighbours, index);
}

static hf_time age(unsigned group)
{
    return group == HF_KNOWN ? KNOWN_AGE : HEARD_AGE;
}

void hf_neighbours_expire(struct hf_env *env, struct hf_ip *ip)
{
    struct hf_neighbours *nb = ip->neighbours;
    uint32_t i;
    while ((i = nb->solicit.first) != 0 && hf_neighbour_at(nb, i)->due <= env->now)
        solicit_due(env, ip, i);
    while ((i = nb->delay.first) != 0 && hf_neighbour_at(nb, i)->due <= env->now)
        ask(env, ip, i, HF_NEIGHBOUR_PROBE, 1);
    for (unsigned g = HF_HEARD; g <= HF_KNOWN; g++)
        while ((i = nb->group[g].first) != 0 && hf_neighbour_at(nb, i)->used + age(g) <= env->now)
            hf_neighbour_free(env, nb, i);
}

static hf_time earlier(hf_time a, hf_time b)
{
    return a < b ? a : b;
}

hf_time hf_neighbours_deadline(const struct hf_neighbours *nb)
{
    hf_time at = HF_NEVER;
    if (nb->solicit.first)
        at = earlier(at, hf_neighbour_at(nb, nb->solicit.first)->due);
    if (nb->delay.first)
        at = earlier(at, hf_neighbour_at(nb, nb->delay.first)->due);
    for (unsigned g = HF_HEARD; g <= HF_KNOWN; g++)
        if (nb->group[g].first)
            at = earlier(at, hf_neighbour_at(nb, nb->group[g].first)->used + age(g));
    return at;
}

/* RFC 4861 7.2.2, RFC 1122 2.3.2.2: who wanted to send to a host that is not there hears it in the form
 * of an ICMP error about the packet that waited. */
bool hf_ip_next_error(struct hf_env *env, struct hf_ip *ip, struct hf_ip_error *error)
{
    struct hf_neighbours *nb = ip->neighbours;
    while (nb && nb->reports.first) {
        struct hf_neighbour *n = hf_neighbour_at(nb, nb->reports.first);
        const uint32_t before = sizeof(struct hf_frame_note) + HF_FRAME_HEADER;
        struct hf_icmp_quote quote;
        if (n->waiting == 1)
            hf_neighbour_unlink(nb, &nb->reports, HF_BY_REPORT, nb->reports.first);
        uint32_t chunk = n->held[--n->waiting];
        const struct hf_chunk *c = hf_chunk_at(&env->chunks, chunk);
        bool ipv4 = c->data[before] >> 4 == 4;
        enum hf_drop bad = hf_icmp_quote(ipv4, c->data + before, c->used - before, &quote);
        hf_chunk_release(&env->chunks, chunk);
        hf_env_drop(env, HF_DROP_NEIGHBOUR_SILENT, 0, HF_CLOSED, 0);
        if (bad != HF_DROP_NONE || quote.protocol != HF_PROTO_TCP)
            continue;
        *error = (struct hf_ip_error){
            .flow = quote.flow,
            .seq = quote.seq,
            .kind = HF_ICMP_SOFT,
            .type = ipv4 ? HF_ICMP4_UNREACHABLE : HF_ICMP6_UNREACHABLE,
            .code = ipv4 ? HF_ICMP4_HOST : HF_ICMP6_ADDRESS,
            .quoted_len = quote.total,
            .link = n->link,
        };
        return true;
    }
    return false;
}
