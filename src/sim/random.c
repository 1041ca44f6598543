/* Random numbers for the simulator: SplitMix64, which is the same on every machine, can begin in
 * any state and needs eight bytes. Nothing here is secret, so nothing here needs to be strong. */
#include <handfast/sim.h>

uint64_t hf_sim_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t hf_sim_random_below(uint64_t *state, uint64_t bound)
{
    /* Numbers below 2^64 mod bound would make the first values more likely: draw again. */
    uint64_t unfair = (0 - bound) % bound;
    uint64_t x;
    do
        x = hf_sim_random(state);
    while (x < unfair);
    return x % bound;
}
