/* What a stack wants from the operating system at its creation: memory and a seed. */
#include <errno.h>
#include <handfast/host.h>
#include <stdlib.h>
#include <sys/random.h>

static void *from_malloc(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void to_free(void *context, void *memory, size_t size)
{
    (void)context;
    (void)size;
    free(memory);
}

struct hf_allocator hf_host_allocator(void)
{
    return (struct hf_allocator){.alloc = from_malloc, .free = to_free};
}

int hf_host_seed(uint8_t seed[16])
{
    size_t have = 0;
    while (have < 16) {
        ssize_t n = getrandom(seed + have, 16 - have, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return HF_ERR_STATE;
        have += (size_t)n;
    }
    return HF_OK;
}

/* SplitMix64, by Steele, Lea and Flood: each small number gives an unrelated 64 bits. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void hf_host_seed_expand(uint64_t number, uint8_t seed[16])
{
    for (int half = 0; half < 2; half++) {
        uint64_t word = mix(&number);
        for (int i = 0; i < 8; i++)
            seed[8 * half + i] = (uint8_t)(word >> (8 * i));
    }
}
