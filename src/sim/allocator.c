/* The counting allocator: malloc with a ledger. Each block begins with its size and a mark, so
 * that a block that comes back with another size, or twice, is noticed and counted. */
#include <handfast/sim.h>

#include <stdlib.h>
#include <string.h>

#define MARK_OUT 0x6f75742e6f75742eu
#define MARK_BACK 0x6261636b6261636bu

struct ledger {
    uint64_t mark;
    uint64_t size;
};

/* What malloc promises of alignment must hold behind the ledger too. */
_Static_assert(sizeof(struct ledger) % _Alignof(max_align_t) == 0, "ledger breaks alignment");

static void *count_alloc(void *context, size_t size)
{
    struct hf_sim_allocator *counts = context;
    counts->calls++;
    if (counts->fail_at != 0 && (counts->calls == counts->fail_at ||
                                 (counts->fail_all_from && counts->calls > counts->fail_at))) {
        counts->failed++;
        return NULL;
    }
    if (size > SIZE_MAX - sizeof(struct ledger))
        return NULL;
    struct ledger *ledger = malloc(sizeof *ledger + size);
    if (!ledger)
        return NULL;
    ledger->mark = MARK_OUT;
    ledger->size = size;
    /* Whoever reads before writing shall see the same on every run. */
    memset(ledger + 1, 0xa5, size);
    counts->in_use += size;
    counts->blocks++;
    if (counts->in_use > counts->peak)
        counts->peak = counts->in_use;
    return ledger + 1;
}

static void count_free(void *context, void *memory, size_t size)
{
    struct hf_sim_allocator *counts = context;
    if (!memory)
        return;
    struct ledger *ledger = (struct ledger *)memory - 1;
    if (ledger->mark != MARK_OUT || ledger->size != size) {
        counts->bad_frees++;
        return;
    }
    ledger->mark = MARK_BACK;
    counts->in_use -= size;
    counts->blocks--;
    free(ledger);
}

struct hf_allocator hf_sim_allocator_use(struct hf_sim_allocator *counts)
{
    struct hf_allocator allocator = {count_alloc, count_free, counts};
    return allocator;
}
