/* A story: one seed, two hosts, a bad network, a few connections and applications that do
 * whatever comes to their mind. Told the same way each time.
 *
 * For a minute of virtual time the network misbehaves; then it heals, and everything must come to
 * its end. Connections are orderly (both sides send all they have and close; every byte must
 * arrive, and both ends end well) or rude (somebody aborts, or closes with data on its way: what
 * arrived must still be right, and both ends must end). */
#ifndef TEST_SIM_STORY_H
#define TEST_SIM_STORY_H

#include <stdbool.h>
#include <stdio.h>

#include <handfast/sim.h>

struct story_result {
    bool failed;
    char text[700];  /* what is wrong, and where                                              */
    uint64_t hash;
    uint64_t packets, bytes, steps;
    hf_time time;    /* virtual, at the end                                                   */
};

struct story_options {
    FILE *trace;          /* every record of both stacks, one line each; NULL: not            */
    uint64_t fail_at;     /* the allocation of the second host that fails; 0: none            */
    bool fail_all_from;   /* and all after it                                                 */
    hf_time mute_from;    /* from then on the first host sends no text any more; 0: it does   */
    uint64_t failed;      /* out: how many failed                                             */
};

/* options may be NULL. */
void story_run(uint64_t seed, struct story_options *options, struct story_result *result);

#endif
