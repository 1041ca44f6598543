/* Hosts that share a device, each with a queue, a stack and a thread of its own. The kernel sends a
 * flow to the queue that we last sent it from, so most packets arrive where they belong; those that do
 * not (the first of a flow, ICMP errors, fragments) are handed to their owner, who alone may answer
 * them. Nothing else is shared: a packet is copied into a ring that two threads have between them.
 *
 * Fragments of one datagram meet at the member that owns the pair of addresses. It remembers whose
 * flow the first fragment named and sends the others after it; those that come before the first wait
 * there, a few and not for long. */
#include "host/group.h"
#include "host/owner.h"
#include "host/ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* For each pair of members of which one has ever handed the other a packet: a super-segment and more. */
#define RING_BYTES (256u * 1024)
#define DATAGRAMS 32u      /* whose first fragment was seen                                    */
#define WAITING 16u        /* fragments that came before it ...                                */
#define WAITING_BYTES 2048 /* ... none larger than this                                        */

struct datagram {
    struct hf_datagram_id id;
    unsigned owner;
};

struct waiting {
    struct hf_datagram_id id;
    uint32_t len; /* 0: free                                                                   */
    uint8_t bytes[WAITING_BYTES];
};

struct hf_member {
    struct hf_group *group;
    struct hf_host *host;
    unsigned number;
    uint64_t handed;    /* members that got packets since they were last woken               */
    unsigned next_from; /* whose ring is read next                                           */
    struct datagram datagrams[DATAGRAMS];
    unsigned next_datagram;
    struct waiting *waiting; /* NULL until there is one                                        */
    unsigned next_waiting;
    struct hf_group_counters counters;
    _Alignas(64) atomic_ullong full; /* members whose ring to us may hold packets              */
};

struct hf_group {
    unsigned members;
    struct hf_owner_key key;
    struct hf_member *member;
    _Atomic(struct hf_ring *) *ring; /* [from * members + to], made when first needed          */
};

/* ---- Creating ---- */

struct hf_group *hf_group_create(unsigned members, const uint8_t seed[16])
{
    if (members < 1 || members > HF_GROUP_MAX)
        return NULL;
    struct hf_group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    group->members = members;
    group->key = hf_owner_key_of(seed);
    size_t bytes = members * sizeof *group->member;
    group->member = aligned_alloc(64, bytes);
    group->ring = calloc((size_t)members * members, sizeof *group->ring);
    if (!group->member || !group->ring) {
        free(group->member);
        free(group->ring);
        free(group);
        return NULL;
    }
    memset(group->member, 0, bytes);
    for (unsigned i = 0; i < members; i++) {
        group->member[i].group = group;
        group->member[i].number = i;
    }
    return group;
}

void hf_group_destroy(struct hf_group *group)
{
    if (!group)
        return;
    for (size_t i = 0; i < (size_t)group->members * group->members; i++)
        hf_ring_free(atomic_load(&group->ring[i]));
    for (unsigned i = 0; i < group->members; i++)
        free(group->member[i].waiting);
    free(group->member);
    free(group->ring);
    free(group);
}

int hf_group_join(struct hf_group *group, unsigned number, struct hf_host *host)
{
    if (number >= group->members || !host)
        return HF_ERR_ARGUMENT;
    if (group->member[number].host)
        return HF_ERR_EXISTS;
    int err = hf_host_join(host, &group->member[number]);
    if (err == HF_OK)
        group->member[number].host = host;
    return err;
}

unsigned hf_group_owner(const struct hf_group *group, const struct hf_endpoint *local,
                        const struct hf_endpoint *remote)
{
    return hf_owner_of_flow(&group->key, group->members, local, remote);
}

void hf_group_count(const struct hf_group *group, unsigned number,
                    struct hf_group_counters *counters)
{
    *counters = group->member[number].counters;
}

/* ---- Threads ---- */

/* All begin together, or none does. */
struct start {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { START_NOT_YET, START_GO, START_STAY } state;
    void (*run)(void *context, unsigned number);
    void *context;
};

struct thread {
    pthread_t id;
    struct start *start;
    unsigned number;
};

static void *begin(void *argument)
{
    const struct thread *thread = argument;
    struct start *start = thread->start;
    (void)pthread_mutex_lock(&start->lock);
    while (start->state == START_NOT_YET)
        (void)pthread_cond_wait(&start->changed, &start->lock);
    bool go = start->state == START_GO;
    (void)pthread_mutex_unlock(&start->lock);
    if (go)
        start->run(start->context, thread->number);
    return NULL;
}

int hf_group_run(const struct hf_group *group, void (*run)(void *context, unsigned number),
                 void *context)
{
    struct thread threads[HF_GROUP_MAX];
    struct start start = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER,
                          .run = run,
                          .context = context};
    unsigned made = 1;
    for (; made < group->members; made++) {
        threads[made] = (struct thread){.start = &start, .number = made};
        if (pthread_create(&threads[made].id, NULL, begin, &threads[made]) != 0)
            break;
    }
    bool all = made == group->members;
    (void)pthread_mutex_lock(&start.lock);
    start.state = all ? START_GO : START_STAY;
    (void)pthread_cond_broadcast(&start.changed);
    (void)pthread_mutex_unlock(&start.lock);
    if (all)
        run(context, 0);
    for (unsigned i = 1; i < made; i++)
        (void)pthread_join(threads[i].id, NULL);
    return all ? HF_OK : HF_ERR_LIMIT;
}

/* ---- Handing over ---- */

static struct hf_ring *ring_to(const struct hf_member *from, unsigned to)
{
    const struct hf_group *group = from->group;
    _Atomic(struct hf_ring *) *place = &group->ring[from->number * group->members + to];
    struct hf_ring *ring = atomic_load_explicit(place, memory_order_relaxed); /* ours to make */
    if (!ring) {
        ring = hf_ring_new(RING_BYTES);
        atomic_store_explicit(place, ring, memory_order_release);
    }
    return ring;
}

/* settled: it is the owner that gets it, who need not look whose it is. */
static void hand_over(struct hf_member *from, unsigned to, const struct hf_packet *packet,
                      bool settled)
{
    struct hf_ring *ring = ring_to(from, to);
    if (!ring || !hf_ring_put(ring, packet, settled)) {
        from->counters.lost++;
        return;
    }
    from->counters.handed_over++;
    from->handed |= (uint64_t)1 << to;
}

void hf_member_wake_others(struct hf_member *member)
{
    const struct hf_group *group = member->group;
    for (unsigned to = 0; member->handed; to++, member->handed >>= 1) {
        if (!(member->handed & 1))
            continue;
        struct hf_member *other = &group->member[to];
        (void)atomic_fetch_or_explicit(&other->full, (uint64_t)1 << member->number,
                                       memory_order_release);
        hf_host_wake(other->host);
    }
}

/* ---- Fragments ---- */

static bool same_datagram(const struct hf_datagram_id *a, const struct hf_datagram_id *b)
{
    return a->id == b->id && a->protocol == b->protocol && a->version == b->version &&
           memcmp(a->source, b->source, 16) == 0 &&
           memcmp(a->destination, b->destination, 16) == 0;
}

static const struct datagram *find_datagram(const struct hf_member *member,
                                            const struct hf_datagram_id *id)
{
    for (unsigned i = 0; i < DATAGRAMS; i++)
        if (member->datagrams[i].id.version && same_datagram(&member->datagrams[i].id, id))
            return &member->datagrams[i];
    return NULL;
}

static void wait_for_first(struct hf_member *member, const struct hf_owner *owner,
                           const struct hf_packet *packet)
{
    if (!member->waiting)
        member->waiting = calloc(WAITING, sizeof *member->waiting);
    struct waiting *w = member->waiting ? &member->waiting[member->next_waiting] : NULL;
    if (!w || packet->len > WAITING_BYTES) {
        member->counters.lost++;
        return;
    }
    member->counters.lost += w->len != 0; /* the oldest makes room */
    member->next_waiting = (member->next_waiting + 1) % WAITING;
    w->id = owner->datagram;
    w->len = hf_packet_copy(packet, w->bytes, sizeof w->bytes);
}

/* A packet for `owner`, who may be ourselves: then it is handed over all the same, and comes back with
 * what others brought. */
static void send_waiting(struct hf_member *member, const struct datagram *datagram)
{
    for (unsigned i = 0; member->waiting && i < WAITING; i++) {
        struct waiting *w = &member->waiting[(member->next_waiting + i) % WAITING];
        struct hf_packet packet;
        if (!w->len || !same_datagram(&w->id, &datagram->id))
            continue;
        hf_packet_wrap(&packet, 0, w->bytes, w->len);
        hand_over(member, datagram->owner, &packet, true);
        w->len = 0;
    }
}

/* A fragment between two hosts that are ours to look after. Returns whether its datagram is ours. */
static bool sort_fragment(struct hf_member *member, const struct hf_owner *owner,
                          const struct hf_packet *packet)
{
    const struct datagram *known = find_datagram(member, &owner->datagram);
    if (!known && owner->has_flow) {
        struct datagram *place = &member->datagrams[member->next_datagram];
        member->next_datagram = (member->next_datagram + 1) % DATAGRAMS;
        *place = (struct datagram){.id = owner->datagram, .owner = owner->of_flow};
        known = place;
        send_waiting(member, known);
    }
    if (!known) {
        wait_for_first(member, owner, packet);
        return false;
    }
    if (known->owner == member->number)
        return true;
    hand_over(member, known->owner, packet, true);
    return false;
}

/* ---- Sorting ---- */

/* Returns whether it is this member's own. */
static bool sort_one(struct hf_member *member, const struct hf_packet *packet)
{
    const struct hf_group *group = member->group;
    struct hf_owner owner;
    hf_owner_of(&group->key, group->members, packet, &owner);
    if (owner.kind == HF_OWNER_ANY)
        return true;
    if (owner.owner != member->number) {
        hand_over(member, owner.owner, packet, owner.kind == HF_OWNER_FLOW);
        return false;
    }
    return owner.kind == HF_OWNER_FLOW || sort_fragment(member, &owner, packet);
}

size_t hf_member_sort(struct hf_member *member, struct hf_packet *packets, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!sort_one(member, &packets[i]))
            continue;
        if (kept != i)
            packets[kept] = packets[i];
        kept++;
    }
    member->counters.received += n;
    member->counters.own += kept;
    return kept;
}

/* Not settled are fragments that are ours to look after. */
static size_t settle(struct hf_member *member, struct hf_packet *packets, const bool *marks,
                     size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!marks[i] && !sort_one(member, &packets[i]))
            continue;
        if (kept != i)
            packets[kept] = packets[i];
        kept++;
    }
    member->counters.taken += kept;
    return kept;
}

size_t hf_member_take(struct hf_member *member, struct hf_packet *packets, size_t room)
{
    const struct hf_group *group = member->group;
    bool marks[HF_GROUP_MAX];
    room = room < HF_GROUP_MAX ? room : HF_GROUP_MAX;
    uint64_t full = atomic_load_explicit(&member->full, memory_order_relaxed);
    for (unsigned tried = 0; full && tried < group->members; tried++) {
        unsigned from = member->next_from;
        member->next_from = (from + 1) % group->members;
        uint64_t bit = (uint64_t)1 << from;
        if (!(atomic_fetch_and_explicit(&member->full, ~bit, memory_order_acquire) & bit))
            continue;
        struct hf_ring *ring = atomic_load_explicit(
            &group->ring[from * group->members + member->number], memory_order_acquire);
        size_t n = hf_ring_take(ring, packets, marks, room);
        if (n > 0) { /* there may be more, and these lie there until we ask again */
            (void)atomic_fetch_or_explicit(&member->full, bit, memory_order_relaxed);
            member->next_from = from;
            size_t kept = settle(member, packets, marks, n);
            if (kept > 0)
                return kept;
            tried = (unsigned)-1; /* all were handed on */
        }
        full = atomic_load_explicit(&member->full, memory_order_relaxed);
    }
    return 0;
}
