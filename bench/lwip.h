/* lwIP's part of the benchmark, beyond what bench_lwip does. All between begin and end. */
#ifndef BENCH_LWIP_H
#define BENCH_LWIP_H

#include "bench.h"

/* Sum with 64-bit words instead of its own loop. */
void bench_lwip_fast_checksum(bool on);

/* Connections beside, open and in TIME-WAIT, until the end. */
void bench_lwip_others(unsigned open, unsigned time_waits);

/* Open n connections (1024 at the most) whose server sends back what comes; one octet there and one
 * back, n times, over these in turns, `burst` of them at a time. */
void bench_lwip_set(unsigned n);
void bench_lwip_round_trips(uint64_t n, unsigned burst);

enum bench_lwip_entry { BENCH_LWIP_IDLE, BENCH_LWIP_HALF_OPEN, BENCH_LWIP_TIME_WAIT };

/* The share of an entry in the resident pages of a process that has many: outside begin and end. */
double bench_lwip_resident(enum bench_lwip_entry kind);

#endif
