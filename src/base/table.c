/* The table of four-tuples: see table.h. Removal shifts later slots back instead of leaving
 * tombstones, so that a table that saw a million connections is as quick as a new one. */
#include "base/table.h"

#include <string.h>

#include "base/budget.h"

#define FIRST_SIZE 64u

/* At each insertion and removal. A half that is made at 5/8 of a size has twice that many slots to be
 * cleared while another 1/8 comes; and a half that is left at 3/4 is empty long before the new one is
 * as full. One that is left at 1/8 is mostly holes, which are looked at in passing. */
#define CLEAR_STEP 32u
#define MOVE_STEP 8u  /* entries                                                              */
#define LOOK_STEP 64u /* slots                                                                */

void hf_table_init(struct hf_table *table, struct hf_budget *budget, struct hf_key key)
{
    memset(table, 0, sizeof *table);
    table->budget = budget;
    table->key = key;
    table->hashed[4] = UINT64_MAX; /* no tuple: ports are 32 bits */
}

static void slots_free(struct hf_table *table, struct hf_slots *slots)
{
    if (slots->slot)
        hf_budget_free(table->budget, slots->slot, slots->size * sizeof *slots->slot);
    memset(slots, 0, sizeof *slots);
}

void hf_table_reset(struct hf_table *table)
{
    slots_free(table, &table->now);
    slots_free(table, &table->before);
    slots_free(table, &table->next);
    table->moved = 0;
}

/* ---- Four-tuples ---- */

/* Where the parts of a tuple stand (struct hf_flow). */
#define PREFIX 12u /* bytes before an IPv4 address: ::ffff                                    */
#define REMOTE 16u
#define PORTS 32u

static const uint8_t ipv4_prefix[PREFIX] = {[10] = 0xff, [11] = 0xff};

/* Both addresses are IPv4 in the form ::ffff:a.b.c.d. */
static bool is_ipv4(const uint64_t w[5])
{
    const uint8_t *t = (const uint8_t *)w;
    uint32_t prefix, a, b;
    memcpy(&prefix, ipv4_prefix + 8, 4);
    memcpy(&a, t + 8, 4);
    memcpy(&b, t + REMOTE + 8, 4);
    return (w[0] | w[2] | (a ^ prefix) | (b ^ prefix)) == 0;
}

bool hf_tuple_shorten(struct hf_tuple_ipv4 *tuple, const void *whole)
{
    const uint8_t *t = whole;
    uint64_t w[5];
    hf_tuple_load(w, whole);
    memcpy(tuple->local, t + PREFIX, 4);
    memcpy(tuple->remote, t + REMOTE + PREFIX, 4);
    memcpy(&tuple->local_port, t + PORTS, 4);
    return is_ipv4(w);
}

void hf_tuple_lengthen(void *whole, const struct hf_tuple_ipv4 *tuple)
{
    uint8_t *t = whole;
    memcpy(t, ipv4_prefix, PREFIX);
    memcpy(t + PREFIX, tuple->local, 4);
    memcpy(t + REMOTE, ipv4_prefix, PREFIX);
    memcpy(t + REMOTE + PREFIX, tuple->remote, 4);
    memcpy(t + PORTS, &tuple->local_port, 4);
}

/* Two words are enough for IPv4. */
uint64_t hf_table_hash_ipv4(const struct hf_table *table, const struct hf_tuple_ipv4 *tuple)
{
    uint32_t local, remote, ports;
    memcpy(&local, tuple->local, 4);
    memcpy(&remote, tuple->remote, 4);
    memcpy(&ports, &tuple->local_port, 4);
    const uint64_t w[2] = {(uint64_t)local << 32 | remote, ports};
    return hf_siphash13_words(&table->key, w, 2);
}

HF_APART static uint64_t hash_ipv6(const struct hf_table *table)
{
    return hf_siphash13_words(&table->key, table->hashed, 5);
}

uint64_t hf_table_hash_anew(struct hf_table *table, const void *tuple)
{
    struct hf_tuple_ipv4 ipv4;
    hf_tuple_load(table->hashed, tuple);
    return table->hash = hf_tuple_shorten(&ipv4, tuple) ? hf_table_hash_ipv4(table, &ipv4)
                                                        : hash_ipv6(table);
}

bool hf_slot_fits_ipv4(const struct hf_table *table, const struct hf_slot *slot,
                       const void *tuple)
{
    const enum hf_kind kind = HF_KIND_TIME_WAIT_IPV4;
    const uint8_t *object = hf_pool_at(table->pool[kind], hf_ref_index(slot->ref));
    struct hf_tuple_ipv4 wants;
    return hf_tuple_shorten(&wants, tuple) &&
           memcmp(object + table->key_at[kind], &wants, sizeof wants) == 0;
}

/* ---- Slots ---- */

static void slots_put(struct hf_slots *slots, uint32_t hash, hf_ref ref)
{
    uint32_t mask = slots->size - 1;
    uint32_t i = hash & mask;
    while (slots->slot[i].ref)
        i = (i + 1) & mask;
    slots->slot[i].hash = hash;
    slots->slot[i].ref = ref;
    slots->used++;
}

/* Close the hole at i: every following slot of the run that may move back does. */
static void slots_take(struct hf_slots *slots, uint32_t i)
{
    uint32_t mask = slots->size - 1;
    uint32_t hole = i;
    for (;;) {
        i = (i + 1) & mask;
        if (!slots->slot[i].ref)
            break;
        uint32_t home = slots->slot[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            slots->slot[hole] = slots->slot[i];
            hole = i;
        }
    }
    slots->slot[hole].ref = 0;
    slots->used--;
}

static struct hf_slot *slots_at(const struct hf_slots *slots, uint32_t hash, hf_ref ref)
{
    if (!slots->used)
        return 0;
    uint32_t mask = slots->size - 1;
    for (uint32_t i = hash & mask; slots->slot[i].ref; i = (i + 1) & mask)
        if (slots->slot[i].ref == ref)
            return &slots->slot[i];
    return 0;
}

static bool slots_remove(struct hf_slots *slots, uint32_t hash, hf_ref ref)
{
    const struct hf_slot *slot = slots_at(slots, hash, ref);
    if (slot)
        slots_take(slots, (uint32_t)(slot - slots->slot));
    return slot != 0;
}

/* Move some of the old half. Slots shift back when one is taken, so the same place is looked at
 * again until it is free. A run that wraps round the end may put a slot behind the cursor; the
 * cursor starts over until nothing is left. */
static void move_some(struct hf_table *table, uint32_t entries, uint32_t looks)
{
    while (entries && looks-- && table->before.used) {
        struct hf_slot *slot = &table->before.slot[table->moved];
        if (slot->ref) {
            slots_put(&table->now, slot->hash, slot->ref);
            slots_take(&table->before, table->moved);
            entries--;
        } else {
            table->moved = (table->moved + 1) & (table->before.size - 1);
        }
    }
    if (table->before.slot && !table->before.used) {
        slots_free(table, &table->before);
        table->moved = 0;
    }
}

static uint32_t total(const struct hf_table *table)
{
    return table->now.used + table->before.used;
}

/* Memory for another half; what is in it does not matter yet. */
static void begin_next(struct hf_table *table, uint32_t size)
{
    struct hf_slot *slot = hf_budget_alloc(table->budget, size * sizeof *slot);
    if (slot)
        table->next = (struct hf_slots){slot, size, 0};
    table->cleared = 0;
}

static void clear_some(struct hf_table *table, uint32_t slots)
{
    uint32_t left = table->next.size - table->cleared;
    uint32_t n = slots < left ? slots : left;
    memset(table->next.slot + table->cleared, 0, n * sizeof *table->next.slot);
    table->cleared += n;
}

static void turn_over(struct hf_table *table)
{
    table->before = table->now;
    table->now = table->next;
    table->next = (struct hf_slots){0};
    table->moved = 0;
    move_some(table, 0, 0);
}

/* A half that was made to grow, or to shrink, and is not wanted any more goes. */
HF_APART static void tend_halves(struct hf_table *table)
{
    if (table->before.slot)
        move_some(table, MOVE_STEP, LOOK_STEP);
    if (!table->next.slot)
        return;
    clear_some(table, CLEAR_STEP);
    bool grows = table->next.size > table->now.size;
    if (grows ? total(table) < table->now.size / 2 : total(table) > table->now.size / 4)
        slots_free(table, &table->next);
    else if (!grows && !table->before.slot && table->cleared == table->next.size)
        turn_over(table);
}

/* What every insertion and removal does for the table as a whole. */
static inline void tend(struct hf_table *table)
{
    if (HF_UNLIKELY(table->before.slot || table->next.slot))
        tend_halves(table);
}

bool hf_table_make_room(struct hf_table *table)
{
    uint32_t size = table->now.size, used = total(table);
    if (!table->next.slot)
        begin_next(table, size ? size * 2 : FIRST_SIZE);
    if (size && used + 1 <= size - size / 4)
        return true;
    if (table->next.size <= size)
        return size && used + 1 < size; /* no memory: slower, still right                      */
    clear_some(table, UINT32_MAX); /* by now there is nothing left to do, but for a table that */
    move_some(table, UINT32_MAX,
              UINT32_MAX); /* is small, or was without memory for a while              */
    turn_over(table);
    return true;
}

void hf_table_insert(struct hf_table *table, uint64_t hash, hf_ref ref)
{
    tend(table);
    slots_put(&table->now, (uint32_t)hash, ref);
}

/* It is empty: all memory goes but a few slots, since who has made sure of room may remove something
 * before he inserts. */
static void begin_anew(struct hf_table *table)
{
    struct hf_slot *slot = hf_budget_alloc(table->budget, FIRST_SIZE * sizeof *slot);
    if (!slot)
        return;
    memset(slot, 0, FIRST_SIZE * sizeof *slot);
    hf_table_reset(table);
    table->now = (struct hf_slots){slot, FIRST_SIZE, 0};
}

static void shrink(struct hf_table *table)
{
    if (total(table) == 0) {
        begin_anew(table);
        return;
    }
    if (!table->next.slot && !table->before.slot && total(table) < table->now.size / 8)
        begin_next(table, table->now.size / 2);
    tend(table);
}

void hf_table_remove(struct hf_table *table, uint64_t hash, hf_ref ref)
{
    if (!slots_remove(&table->now, (uint32_t)hash, ref)) {
        bool was_there = slots_remove(&table->before, (uint32_t)hash, ref);
        HF_ASSERT(was_there);
    }
    if (table->now.size > FIRST_SIZE)
        shrink(table);
}

void hf_table_replace(struct hf_table *table, uint64_t hash, hf_ref ref, hf_ref heir)
{
    struct hf_slot *slot = slots_at(&table->now, (uint32_t)hash, ref);
    if (!slot)
        slot = slots_at(&table->before, (uint32_t)hash, ref);
    HF_ASSERT(slot);
    slot->ref = heir;
}

/* The live object of a run; *time_wait is set to its TIME-WAIT entry if that was met first. */
static hf_ref slots_find(struct hf_table *table, const struct hf_slots *slots, uint32_t hash,
                         const void *tuple, hf_ref *time_wait)
{
    if (!slots->used)
        return 0;
    uint32_t mask = slots->size - 1;
    for (uint32_t i = hash & mask; slots->slot[i].ref; i = (i + 1) & mask) {
        table->probes++;
        if (!hf_slot_fits(table, &slots->slot[i], hash, tuple))
            continue;
        if (!hf_ref_is_time_wait(slots->slot[i].ref))
            return slots->slot[i].ref;
        *time_wait = slots->slot[i].ref;
    }
    return 0;
}

hf_ref hf_table_search(struct hf_table *table, uint64_t hash, const void *tuple,
                       hf_ref *time_wait)
{
    *time_wait = 0;
    hf_ref ref = slots_find(table, &table->now, (uint32_t)hash, tuple, time_wait);
    if (ref || !table->before.used)
        return ref;
    return slots_find(table, &table->before, (uint32_t)hash, tuple, time_wait);
}

static hf_ref slots_time_wait(const struct hf_table *table, const struct hf_slots *slots,
                              uint32_t hash, const void *tuple)
{
    uint32_t mask = slots->size - 1;
    for (uint32_t i = hash & mask; slots->used && slots->slot[i].ref; i = (i + 1) & mask)
        if (hf_ref_is_time_wait(slots->slot[i].ref) &&
            hf_slot_fits(table, &slots->slot[i], hash, tuple))
            return slots->slot[i].ref;
    return 0;
}

hf_ref hf_table_find_time_wait(const struct hf_table *table, uint64_t hash, const void *tuple)
{
    hf_ref ref = slots_time_wait(table, &table->now, (uint32_t)hash, tuple);
    return ref ? ref : slots_time_wait(table, &table->before, (uint32_t)hash, tuple);
}

void hf_table_fetch(const struct hf_table *table, uint64_t hash)
{
    if (table->now.slot)
        __builtin_prefetch(&table->now.slot[hash & (table->now.size - 1)]);
    if (table->before.slot)
        __builtin_prefetch(&table->before.slot[hash & (table->before.size - 1)]);
}

static hf_ref guess(const struct hf_slots *slots, uint32_t hash)
{
    for (uint32_t i = 0; slots->slot && i < 4; i++) {
        const struct hf_slot *slot = &slots->slot[(hash + i) & (slots->size - 1)];
        if (!slot->ref || slot->hash == hash)
            return slot->ref;
    }
    return 0;
}

hf_ref hf_table_guess(const struct hf_table *table, uint64_t hash)
{
    hf_ref ref = guess(&table->now, (uint32_t)hash);
    return ref ? ref : guess(&table->before, (uint32_t)hash);
}
