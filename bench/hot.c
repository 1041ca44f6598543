/* One kind of work, a given number of times and nothing else, for tools that count instructions
 * (burst: connections, 16 at a time; merged: the stacks merge what comes in):
 *
 *     valgrind --tool=callgrind --toggle-collect=hot_work build-bench/bench/handfast-hot connections 2000
 *     valgrind --tool=callgrind --toggle-collect=hot_work build-bench/bench/handfast-hot copy 20000000
 *
 * What comes before is warmed up and not inside hot_work. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "handfast-hot: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, "\n");
    va_end(list);
    exit(1);
}

__attribute__((noinline)) void hot_work(const char *what, uint64_t n);

void hot_work(const char *what, uint64_t n)
{
    if (strcmp(what, "connections") == 0)
        bench_handfast.connections(n, 1);
    else if (strcmp(what, "burst") == 0)
        bench_handfast.connections(n, 16);
    else
        bench_handfast.transfer(n, strcmp(what, "copy") == 0 ? BENCH_COPY : BENCH_ZERO_COPY);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"connections", "burst", "copy", "zero-copy"};
    bool merge = argc == 4 && strcmp(argv[3], "merged") == 0;
    const char *what = argc == 3 || merge ? argv[1] : "";
    char *stop = NULL;
    uint64_t n = argc == 3 || merge ? strtoull(argv[2], &stop, 10) : 0;
    bool known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        known = known || strcmp(what, kinds[i]) == 0;
    if (!known || n == 0 || *stop != 0) {
        fprintf(stderr, "usage: handfast-hot connections|burst|copy|zero-copy NUMBER [merged]\n");
        return 2;
    }
    bench_handfast_merge(merge);
    bench_handfast.begin();
    bench_handfast.connections(1000, 1);
    bench_handfast.transfer(1u << 20, BENCH_COPY);
    hot_work(what, n);
    bench_handfast.end();
    return 0;
}
