/* The neighbours of Ethernet links: which station has which address, and whether it is there
 * (RFC 4861 5, 7.3; for IPv4 the same over ARP, RFC 826, RFC 1122 2.3.2). Inside src/ip only.
 *
 * Neighbours belong to one of three groups, and no group takes places from another (RFC 6583): those
 * that were asked for and have not answered, those that we only heard from, and those that were
 * reachable once. So a flood of addresses that do not exist, or of strangers who introduce themselves,
 * pushes out nobody who answers. Nothing walks over the table: the lists are in the order of their
 * times by themselves, since all that wait in one wait equally long. */
#ifndef HF_IP_NEIGHBOUR_H
#define HF_IP_NEIGHBOUR_H

#include "ip/ip.h"
#include "wire/ethernet.h"

#define HF_NEIGHBOUR_WAITING 3u /* packets that wait for an address, each neighbour (row C19) */

/* RFC 4861 5.1. FAILED: it did not answer; for a moment nothing is sent to it, and nobody asks. */
enum hf_neighbour_state {
    HF_NEIGHBOUR_INCOMPLETE = 1,
    HF_NEIGHBOUR_FAILED,
    HF_NEIGHBOUR_REACHABLE,
    HF_NEIGHBOUR_STALE,
    HF_NEIGHBOUR_DELAY,
    HF_NEIGHBOUR_PROBE
};

enum hf_neighbour_group { HF_UNRESOLVED, HF_HEARD, HF_KNOWN, HF_NEIGHBOUR_GROUPS };

struct hf_neighbour_place {
    uint32_t prev, next;
};

/* Lists that a neighbour may stand in at once. */
enum { HF_BY_GROUP, HF_BY_TIME, HF_BY_REPORT, HF_NEIGHBOUR_LISTS };

struct hf_neighbour_list {
    uint32_t first, last, count;
};

struct hf_neighbour {
    uint8_t key[16];
    uint8_t mac[HF_MAC]; /* not of INCOMPLETE and FAILED                                      */
    uint8_t link;
    uint8_t state, group;
    uint8_t tries;   /* times that it was asked for, in this state                        */
    uint8_t waiting; /* frames that wait for its address, oldest first, ...               */
    bool own;        /* a connection of ours asks for it, not an answer to somebody       */
    uint32_t held[HF_NEIGHBOUR_WAITING]; /* ... chunks: struct hf_frame_note and the frame     */
    uint32_t next; /* in its bucket                                                     */
    struct hf_neighbour_place place[HF_NEIGHBOUR_LISTS];
    hf_time reachable_until;
    hf_time used; /* when it last mattered, to about a second                          */
    hf_time due;  /* of INCOMPLETE, FAILED, DELAY, PROBE                               */
};

/* The neighbour that leads to a remote host: the last answer, until anything changes. */
struct hf_way {
    uint8_t remote[16];
    uint32_t neighbour, epoch;
    uint8_t link;
};

#define HF_WAYS 64u

struct hf_neighbours {
    struct hf_pool pool;
    struct hf_key key;
    uint32_t *bucket;
    uint32_t buckets; /* a power of two                                                       */
    uint32_t max;
    uint32_t for_others; /* of HF_UNRESOLVED: asked for to answer somebody                    */
    uint32_t epoch;
    hf_time reachable_time;
    struct hf_neighbour_list group[HF_NEIGHBOUR_GROUPS]; /* by `used`, the oldest first       */
    struct hf_neighbour_list solicit, delay; /* by `due`                                      */
    struct hf_neighbour_list reports; /* FAILED, and those who wanted them are not told yet   */
    struct hf_way way[HF_WAYS];
};

/* In front of a frame that waits in a chunk: what the packet says of itself. */
struct hf_frame_note {
    uint16_t segment_bytes, segments, checksum_start, checksum_offset;
    uint8_t checksum, room[7];
};

/* ---- neighbour.c: the table ---- */

static inline struct hf_neighbour *hf_neighbour_at(const struct hf_neighbours *nb, uint32_t index)
{
    return (struct hf_neighbour *)hf_pool_at(&nb->pool, index);
}

/* The one place where the way to `remote` may be noted. Anybody may choose it: who shares it with others
 * only makes them look again. */
static inline struct hf_way *hf_way_of(struct hf_neighbours *nb, const uint8_t remote[16])
{
    uint64_t words[2];
    memcpy(words, remote, 16);
    return &nb->way[(words[0] ^ words[1]) * 0x9e3779b97f4a7c15u >> 58];
}

/* NULL: we do not know of it. */
struct hf_neighbour *hf_neighbour_find(const struct hf_neighbours *nb, unsigned link,
                                       const uint8_t key[16], uint32_t *index);

/* Make one, in no state yet. 0: its group is full, or there is no memory (*reason). */
uint32_t hf_neighbour_new(struct hf_env *env, struct hf_neighbours *nb, unsigned link,
                          const uint8_t key[16], enum hf_neighbour_group group, bool own,
                          enum hf_drop *reason);

/* A connection of ours wants it, too: it counts no longer among those that others caused. */
void hf_neighbour_own(struct hf_neighbours *nb, struct hf_neighbour *n);

/* It is gone, with what waits for it. */
void hf_neighbour_free(struct hf_env *env, struct hf_neighbours *nb, uint32_t index);

/* Into HF_HEARD or HF_KNOWN; the longest unused makes room there. When all that are known are in use, it
 * is only heard of. */
void hf_neighbour_regroup(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                          enum hf_neighbour_group group);

/* It matters now: the last of its group to go. */
void hf_neighbour_touch(struct hf_env *env, struct hf_neighbours *nb, uint32_t index);

void hf_neighbour_append(struct hf_neighbours *nb, struct hf_neighbour_list *list, int which,
                         uint32_t index);
void hf_neighbour_unlink(struct hf_neighbours *nb, struct hf_neighbour_list *list, int which,
                         uint32_t index);

/* ---- reachability.c: the states ---- */

/* Enter a state, with its time. */
void hf_neighbour_enter(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                        enum hf_neighbour_state state);

/* Its address was told: `solicited`, in answer to us; `override`, another address than we knew counts
 * (RFC 4861 7.2.5). What waits for it leaves. */
void hf_neighbour_heard(struct hf_env *env, struct hf_ip *ip, uint32_t index,
                        const uint8_t mac[HF_MAC], bool solicited, bool override);

/* Somebody unknown is wanted. 0: refused, for *reason. */
uint32_t hf_neighbour_ask_for(struct hf_env *env, struct hf_ip *ip, unsigned link,
                              const uint8_t key[16], bool own, enum hf_drop *reason);

/* A packet is to leave by it: STALE becomes DELAY. False: it has no address yet, or none any more. */
bool hf_neighbour_use(struct hf_env *env, struct hf_ip *ip, uint32_t index);

/* Let the datagram in `packet` wait for its neighbour, or drop it. */
void hf_neighbour_wait(struct hf_env *env, struct hf_neighbours *nb, uint32_t index,
                       const struct hf_packet *packet);

/* Run what is due. */
void hf_neighbours_expire(struct hf_env *env, struct hf_ip *ip);
hf_time hf_neighbours_deadline(const struct hf_neighbours *nb);

/* ---- ethernet.c: frames of our own ---- */

/* A chunk with the header of a frame; *body is where `len` bytes follow. 0: no memory, counted. */
uint32_t hf_frame_new(struct hf_env *env, const uint8_t to[HF_MAC], const uint8_t from[HF_MAC],
                      uint16_t type, uint32_t len, uint8_t **body);
/* It is sent, or given up when too much waits already. */
void hf_frame_send(struct hf_env *env, unsigned link, uint32_t chunk);

/* ---- arp.c and discovery.c: what they say ---- */

/* Ask everybody for a neighbour's address, or itself when it is known (PROBE). */
void hf_arp_solicit(struct hf_env *env, struct hf_ip *ip, const struct hf_neighbour *n);
void hf_discovery_solicit(struct hf_env *env, struct hf_ip *ip, const struct hf_neighbour *n);

/* May a neighbour on this link have this address: a unicast one that our routes place here? */
bool hf_ip_may_be_neighbour(const struct hf_ip *ip, unsigned link, const uint8_t key[16]);

/* A neighbour introduces itself in asking for us: it is known from now on. */
void hf_neighbour_introduced(struct hf_env *env, struct hf_ip *ip, unsigned link,
                             const uint8_t key[16], const uint8_t mac[HF_MAC]);

/* What stands behind the header of a frame. Returns HF_DROP_NONE or why it was of no use. */
enum hf_drop hf_arp_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                          const uint8_t *data, uint32_t len);
enum hf_drop hf_discovery_input(struct hf_env *env, struct hf_ip *ip, unsigned link,
                                const uint8_t *data, uint32_t len, const uint8_t from[HF_MAC]);

#endif
