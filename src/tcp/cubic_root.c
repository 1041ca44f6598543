/* See cubic_root.h. A bit at a time: three bits of n give one of the root, 22 steps in all. */
#include "tcp/cubic_root.h"

uint32_t hf_cube_root(uint64_t n)
{
    uint64_t root = 0;
    for (int shift = 63; shift >= 0; shift -= 3) {
        root *= 2;
        uint64_t step = 3 * root * (root + 1) + 1; /* (root + 1)^3 - root^3 */
        if (n >> shift >= step) {
            n -= step << shift;
            root++;
        }
    }
    return (uint32_t)root;
}
