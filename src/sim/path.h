/* One direction of a link: what becomes of a packet that is given to it, and when it arrives. */
#ifndef HF_SIM_PATH_H
#define HF_SIM_PATH_H

#include <stdbool.h>

#include <handfast/sim.h>

/* A packet that waits for the rate or is being sent. */
struct waiting {
    hf_time begins; /* when its first bit is sent                                             */
    uint32_t bytes;
};

struct direction {
    struct hf_sim_path path;
    struct hf_sim_path_counters counters;
    uint64_t random;       /* state of this direction's own sequence                          */
    hf_time free_at;       /* when the last packet's last bit has been sent                   */
    hf_time last_arrival;  /* of those that keep their order                                  */
    struct waiting *queue; /* a ring, oldest first                                            */
    uint32_t first, count, room, bytes;
    bool bad;              /* Gilbert-Elliott                                                 */
};

/* What becomes of a packet: `copies` of it arrive, each at its time. */
struct fate {
    unsigned copies;       /* 0: lost                                                         */
    bool too_big;          /* lost because of the path's MTU, and a router would say so       */
    bool mark;             /* the queue is long: "congestion experienced", where ECN is spoken */
    hf_time arrives[2];
    uint16_t flip[2];      /* corruption: bits to turn over, 0: none                          */
    uint32_t flip_word[2]; /* in which 16-bit word                                            */
};

void hf_direction_init(struct direction *direction, uint64_t seed);
void hf_direction_free(struct direction *direction);

/* Decide. False when there is no memory. */
bool hf_direction_carry(struct direction *direction, uint32_t len, hf_time now,
                        struct fate *fate);

/* alter.c: turn over the bits that a fate says of one copy; again: turn them back. */
void hf_fate_flip(const struct fate *fate, unsigned copy, uint8_t *bytes);

/* Mark a packet whose ECN field says that both ends understand it (RFC 3168 5). Returns whether
 * it is marked now and was not before. */
bool hf_mark_congestion(uint8_t *bytes, uint32_t len);

#endif
