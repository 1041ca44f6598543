/* The table of four-tuples: where connections, half-open and TIME-WAIT entries are found.
 *
 * Open addressing under a keyed hash (SipHash-1-3, so that nobody chooses the slot), 8 bytes a
 * slot, at most three quarters full. It grows, and shrinks when it is nearly empty, by clearing and
 * moving a few slots at each insertion and removal, so that no single packet pays for all; until a
 * move is over both halves are searched.
 *
 * A pair of endpoints may stand in it twice: once as TIME-WAIT, and once as the new connection
 * that may replace it. */
#ifndef HF_BASE_TABLE_H
#define HF_BASE_TABLE_H

#include <stdbool.h>
#include <string.h>

#include "base/pool.h"
#include "base/ref.h"
#include "base/siphash.h"

struct hf_slot {
    uint32_t hash; /* all 32 bits                                                            */
    hf_ref ref;    /* 0: free                                                                */
};

struct hf_slots {
    struct hf_slot *slot;
    uint32_t size; /* a power of two, or 0                                                   */
    uint32_t used; /* slots with a ref                                                       */
};

struct hf_table {
    struct hf_budget *budget;
    struct hf_key key;
    struct hf_pool *pool[HF_KINDS];
    uint16_t key_at[HF_KINDS];   /* offset of the four-tuple in objects of each kind: 36 bytes,
                                    12 in TIME-WAIT entries of IPv4                           */
    struct hf_slots now, before; /* `before` is being emptied into `now`                      */
    struct hf_slots next;        /* is being cleared, to take the place of `now`              */
    uint32_t moved;              /* slots of `before` that were looked at                     */
    uint32_t cleared;            /* slots of `next`                                           */
    uint64_t probes;             /* slots looked at by find                                   */
    uint64_t hashed[5];          /* the four-tuple that was hashed last, and its hash: segments */
    uint64_t hash;               /* come in runs, and calls refer to what came                  */
};

#define HF_TUPLE_BYTES 36

/* A four-tuple of IPv4: what differs between two of them. */
struct hf_tuple_ipv4 {
    uint8_t local[4], remote[4];
    uint16_t local_port, remote_port;
};

void hf_table_init(struct hf_table *table, struct hf_budget *budget, struct hf_key key);
void hf_table_reset(struct hf_table *table);

/* 64 bits under the table's key: the lower half chooses the slot, the upper half is free for
 * other uses that may become known. */
/* The tuple's 36 bytes as they stand in memory, and four zeroes. */
static inline void hf_tuple_load(uint64_t w[5], const void *tuple)
{
    const uint8_t *t = tuple;
    uint32_t ports;
    memcpy(&w[0], t, 8); /* one by one, so that they need not stand in memory */
    memcpy(&w[1], t + 8, 8);
    memcpy(&w[2], t + 16, 8);
    memcpy(&w[3], t + 24, 8);
    memcpy(&ports, t + 32, 4);
    w[4] = ports;
}

uint64_t hf_table_hash_anew(struct hf_table *table, const void *tuple);
static inline uint64_t hf_table_hash(struct hf_table *table, const void *tuple)
{
    uint64_t w[5];
    const uint64_t *last = table->hashed;
    hf_tuple_load(w, tuple);
    if (((w[0] ^ last[0]) | (w[1] ^ last[1]) | (w[2] ^ last[2]) | (w[3] ^ last[3]) |
         (w[4] ^ last[4])) == 0)
        return table->hash;
    return hf_table_hash_anew(table, tuple);
}

/* The same hash of a tuple in its short form. */
uint64_t hf_table_hash_ipv4(const struct hf_table *table, const struct hf_tuple_ipv4 *tuple);
/* Between the forms. False: it is no tuple of IPv4, *tuple means nothing. */
bool hf_tuple_shorten(struct hf_tuple_ipv4 *tuple, const void *whole);
void hf_tuple_lengthen(void *whole, const struct hf_tuple_ipv4 *tuple);

bool hf_table_make_room(struct hf_table *table);
/* Make sure that the next insert works; false when there is no memory for it. */
static inline bool hf_table_reserve(struct hf_table *table)
{
    return HF_LIKELY(table->now.used + table->before.used < table->now.size / 8 * 5) ||
           hf_table_make_room(table);
}
void hf_table_insert(struct hf_table *table, uint64_t hash, hf_ref ref);
void hf_table_remove(struct hf_table *table, uint64_t hash, hf_ref ref);
/* `heir` has the same tuple as `ref` and takes over its slot: one look instead of three. */
void hf_table_replace(struct hf_table *table, uint64_t hash, hf_ref ref, hf_ref heir);

/* Does the tuple stand behind the slot of a TIME-WAIT entry of IPv4? */
bool hf_slot_fits_ipv4(const struct hf_table *table, const struct hf_slot *slot,
                       const void *tuple);

/* The object with this tuple that is not in TIME-WAIT, or 0. Only if there is none does
 * *time_wait tell its TIME-WAIT entry: one search is enough for every segment. */
hf_ref hf_table_search(struct hf_table *table, uint64_t hash, const void *tuple,
                       hf_ref *time_wait);
static inline bool hf_slot_fits(const struct hf_table *table, const struct hf_slot *slot,
                                uint32_t hash, const void *tuple)
{
    if (slot->hash != hash)
        return false;
    enum hf_kind kind = hf_ref_kind(slot->ref);
    if (kind == HF_KIND_TIME_WAIT_IPV4)
        return hf_slot_fits_ipv4(table, slot, tuple);
    const uint8_t *object = hf_pool_at(table->pool[kind], hf_ref_index(slot->ref));
    uint64_t has[5], wants[5];
    hf_tuple_load(has, object + table->key_at[kind]);
    hf_tuple_load(wants, tuple);
    return ((has[0] ^ wants[0]) | (has[1] ^ wants[1]) | (has[2] ^ wants[2]) |
            (has[3] ^ wants[3]) | (has[4] ^ wants[4])) == 0;
}

/* The slot that has this hash, or the free one that ends the search for it; most stand where they are
 * first looked for, or not far behind. NULL: the table is empty. */
static inline const struct hf_slot *hf_table_near(struct hf_table *table, uint64_t hash)
{
    const struct hf_slots *now = &table->now;
    if (!now->used)
        return 0;
    uint32_t mask = now->size - 1, i = (uint32_t)hash & mask;
    while (HF_UNLIKELY(now->slot[i].hash != (uint32_t)hash) && now->slot[i].ref) {
        table->probes++;
        i = (i + 1) & mask;
    }
    return &now->slot[i];
}

/* hf_table_find, when that is known. */
static inline hf_ref hf_table_find_near(struct hf_table *table, const struct hf_slot *slot,
                                        uint64_t hash, const void *tuple, hf_ref *time_wait)
{
    *time_wait = 0;
    if (slot && !slot->ref && !table->before.used)
        return 0;
    if (slot && slot->ref && !hf_ref_is_time_wait(slot->ref) &&
        hf_slot_fits(table, slot, (uint32_t)hash, tuple)) {
        table->probes++;
        return slot->ref;
    }
    return hf_table_search(table, hash, tuple, time_wait);
}

static inline hf_ref hf_table_find(struct hf_table *table, uint64_t hash, const void *tuple,
                                   hf_ref *time_wait)
{
    return hf_table_find_near(table, hf_table_near(table, hash), hash, tuple, time_wait);
}

/* Ask for the memory where the slot of this hash stands; and, later, what probably stands there (by
 * the hash alone, and only near its place: 0 says little). */
void hf_table_fetch(const struct hf_table *table, uint64_t hash);
hf_ref hf_table_guess(const struct hf_table *table, uint64_t hash);

/* Its TIME-WAIT entry, or 0, whatever else has the tuple. */
hf_ref hf_table_find_time_wait(const struct hf_table *table, uint64_t hash, const void *tuple);

#endif
