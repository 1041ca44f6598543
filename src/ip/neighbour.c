/* The table of neighbours: found through a keyed hash, made and freed in its three groups. */
#include "ip/neighbour.h"

#define SLAB 4u /* 16 to a slab */
#define MAX_MIN 16u

int hf_neighbours_start(struct hf_env *env, struct hf_ip *ip)
{
    if (ip->neighbours)
        return HF_OK;
    struct hf_neighbours *nb = hf_budget_alloc(&env->budget, sizeof *nb);
    if (!nb)
        return HF_ERR_MEMORY;
    memset(nb, 0, sizeof *nb);
    nb->max = env->settings->neighbours_max;
    nb->max = nb->max > MAX_MIN ? nb->max : MAX_MIN;
    for (nb->buckets = MAX_MIN; nb->buckets < nb->max; nb->buckets *= 2)
        continue;
    nb->bucket = hf_budget_alloc(&env->budget, nb->buckets * sizeof *nb->bucket);
    if (!nb->bucket) {
        hf_budget_free(&env->budget, nb, sizeof *nb);
        return HF_ERR_MEMORY;
    }
    memset(nb->bucket, 0, nb->buckets * sizeof *nb->bucket);
    hf_pool_init(&nb->pool, &env->budget, sizeof(struct hf_neighbour), SLAB, nb->max);
    nb->key = hf_key_derive(env->seed, 0x69702f6e65696768); /* "ip/neigh" */
    nb->epoch = 1;
    /* RFC 4861 6.3.2: between half and one and a half of REACHABLE_TIME, so that hosts drift apart. */
    nb->reachable_time = 15 * HF_SEC + hf_random_below(&env->random, 30000) * HF_MS;
    ip->neighbours = nb;
    return HF_OK;
}

void hf_neighbours_free(struct hf_env *env, struct hf_ip *ip)
{
    struct hf_neighbours *nb = ip->neighbours;
    if (!nb)
        return;
    for (unsigned g = 0; g < HF_NEIGHBOUR_GROUPS; g++)
        while (nb->group[g].first)
            hf_neighbour_free(env, nb, nb->group[g].first);
    hf_pool_reset(&nb->pool);
    hf_budget_free(&env->budget, nb->bucket, nb->buckets * sizeof *nb->bucket);
    hf_budget_free(&env->budget, nb, sizeof *nb);
    ip->neighbours = 0;
}

/* ---- Lists ---- */

void hf_neighbour_append(struct hf_neighbours *nb, struct hf_neighbour_list *list, int which,
                         uint32_t index)
{
    struct hf_neighbour_place *place = &hf_neighbour_at(nb, index)->place[which];
    *place = (struct hf_neighbour_place){.prev = list->last};
    if (list->last)
        hf_neighbour_at(nb, list->last)->place[which].next = index;
    else
        list->first = index;
    list->last = index;
    list->count++;
}

void hf_neighbour_unlink(struct hf_neighbours *nb, struct hf_neighbour_list *list, int which,
                         uint32_t index)
{
    const struct hf_neighbour_place *place = &hf_neighbour_at(nb, index)->place[which];
    if (place->prev)
        hf_neighbour_at(nb, place->prev)->place[which].next = place->next;
    else
        list->first = place->next;
    if (place->next)
        hf_neighbour_at(nb, place->next)->place[which].prev = place->prev;
    else
        list->last = place->prev;
    list->count--;
}

/* ---- Found by address ---- */

static uint32_t *bucket_of(const struct hf_neighbours *nb, unsigned link, const uint8_t key[16])
{
    uint64_t words[3];
    memcpy(words, key, 16);
    words[2] = link;
    return &nb->bucket[hf_siphash13_words(&nb->key, words, 3) & (nb->buckets - 1)];
}

struct hf_neighbour *hf_neighbour_find(const struct hf_neighbours *nb, unsigned link,
                                       const uint8_t key[16], uint32_t *index)
{
    for (uint32_t i = *bucket_of(nb, link, key); i; i = hf_neighbour_at(nb, i)->next) {
        struct hf_neighbour *n = hf_neighbour_at(nb, i);
        if (n->link == link && hf_key_equal(n->key, key)) {
            *index = i;
            return n;
        }
    }
    *index = 0;
    return 0;
}

/* ---- Coming and going ---- */

static uint32_t limit(const struct hf_neighbours *nb, enum hf_neighbour_group group)
{
    return group == HF_KNOWN ? nb->max / 2 : nb->max / 4;
}

/* What a neighbour was not used for so long may be given to another. */
#define IN_USE (2 * HF_SEC)

/* Strangers make room for each other, and so do those who answered, but who is in use; who has not
 * answered yet keeps its place, or a flood would leave nobody the time to. */
static bool make_room(struct hf_env *env, struct hf_neighbours *nb, enum hf_neighbour_group group,
                      bool own)
{
    struct hf_neighbour_list *list = &nb->group[group];
    if (group == HF_UNRESOLVED && !own && nb->for_others >= limit(nb, group) / 2)
        return false;
    if (list->count < limit(nb, group))
        return true;
    if (group == HF_UNRESOLVED ||
        (group == HF_KNOWN && env->now - hf_neighbour_at(nb, list->first)->used < IN_USE))
        return false;
    hf_neighbour_free(env, nb, list->first);
    return true;
}

static void join(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                 enum hf_neighbour_group group)
{
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    n->group = (uint8_t)group;
    n->used = env->now;
    nb->for_others += group == HF_UNRESOLVED && !n->own;
    hf_neighbour_append(nb, &nb->group[group], HF_BY_GROUP, index);
}

static void leave(struct hf_neighbours *nb, uint32_t index)
{
    const struct hf_neighbour *n = hf_neighbour_at(nb, index);
    nb->for_others -= n->group == HF_UNRESOLVED && !n->own;
    hf_neighbour_unlink(nb, &nb->group[n->group], HF_BY_GROUP, index);
}

uint32_t hf_neighbour_new(struct hf_env *env, struct hf_neighbours *nb, unsigned link,
                          const uint8_t key[16], enum hf_neighbour_group group, bool own,
                          enum hf_drop *reason)
{
    *reason = HF_DROP_NEIGHBOUR_LIMIT;
    if (!make_room(env, nb, group, own))
        return 0;
    *reason = HF_DROP_MEMORY;
    uint32_t index = hf_pool_take(&nb->pool);
    if (!index)
        return 0;
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    uint32_t *bucket = bucket_of(nb, link, key);
    memcpy(n->key, key, 16);
    n->link = (uint8_t)link;
    n->own = own;
    n->next = *bucket;
    *bucket = index;
    join(env, nb, index, group);
    env->counters.neighbours++;
    return index;
}

void hf_neighbour_own(struct hf_neighbours *nb, struct hf_neighbour *n)
{
    nb->for_others -= n->group == HF_UNRESOLVED && !n->own;
    n->own = true;
}

void hf_neighbour_free(struct hf_env *env, struct hf_neighbours *nb, uint32_t index)
{
    struct hf_neighbour *n = hf_neighbour_at(nb, index);
    hf_neighbour_enter(env, nb, index, 0);
    for (unsigned i = 0; i < n->waiting; i++)
        hf_chunk_release(&env->chunks, n->held[i]);
    leave(nb, index);
    uint32_t *from = bucket_of(nb, n->link, n->key);
    while (*from != index)
        from = &hf_neighbour_at(nb, *from)->next;
    *from = n->next;
    hf_pool_give(&nb->pool, index);
    nb->epoch++;
    env->counters.neighbours--;
}

void hf_neighbour_regroup(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                          enum hf_neighbour_group group)
{
    leave(nb, index);
    if (!make_room(env, nb, group, true)) {
        group = HF_HEARD;
        (void)make_room(env, nb, group, true);
    }
    join(env, nb, index, group);
}

void hf_neighbour_touch(struct hf_env *env, struct hf_neighbours *nb, uint32_t index)
{
    enum hf_neighbour_group group = hf_neighbour_at(nb, index)->group;
    leave(nb, index);
    join(env, nb, index, group);
}

/* ---- For hf_stack_check ---- */

const char *hf_neighbours_check(const struct hf_env *env, const struct hf_ip *ip)
{
    const struct hf_neighbours *nb = ip->neighbours;
    if (!nb)
        return 0;
    uint32_t sum = 0, others = 0;
    for (unsigned g = 0; g < HF_NEIGHBOUR_GROUPS; g++) {
        hf_time used = 0;
        sum += nb->group[g].count;
        if (nb->group[g].count > limit(nb, g))
            return "a group of neighbours is larger than it may be";
        for (uint32_t i = nb->group[g].first; i; i = hf_neighbour_at(nb, i)->place[0].next) {
            const struct hf_neighbour *n = hf_neighbour_at(nb, i);
            bool nameless =
                n->state == HF_NEIGHBOUR_INCOMPLETE || n->state == HF_NEIGHBOUR_FAILED;
            others += nameless && !n->own;
            if (n->group != g || nameless != (g == HF_UNRESOLVED))
                return "a neighbour is in the wrong group";
            if (n->waiting > HF_NEIGHBOUR_WAITING || (n->waiting && !nameless))
                return "packets wait for a neighbour that has an address";
            if (n->used < used)
                return "neighbours are not in the order of their use";
            used = n->used;
        }
    }
    if (others != nb->for_others || sum != nb->pool.count || sum != env->counters.neighbours)
        return "the number of neighbours is not what is counted";
    return 0;
}
