/* One readable page and, behind it, one that traps. */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *guard_page(size_t *size)
{
    static uint8_t *page;
    *size = (size_t)sysconf(_SC_PAGESIZE);
    if (!page) {
        page = mmap(NULL, 2 * *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || mprotect(page + *size, *size, PROT_NONE) != 0)
            abort();
    }
    return page;
}

uint8_t *guard_put(const void *bytes, size_t len)
{
    size_t size;
    uint8_t *page = guard_page(&size);
    if (len > GUARD_MAX || len > size)
        abort();
    uint8_t *at = page + size - len;
    size_t before = size - len < 64 ? size - len : 64;
    memset(at - before, 0xa5, before);
    if (len > 0)
        memcpy(at, bytes, len);
    return at;
}
