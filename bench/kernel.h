/* The kernel's figures, for scale: ordinary sockets, CUBIC at both ends. */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include "bench.h"

/* Connections over loopback, one thread for both ends, with `others` open beside: opened and closed
 * a second of processor time. (20,000 descriptors are a usual limit.) */
double bench_kernel_connections(unsigned others, double seconds);

/* One octet there and one back, one thread for both ends: a second of processor time. */
double bench_kernel_round_trips(double seconds);

/* Bulk between two processes, over loopback or over a veth between two namespaces of their own: bytes
 * a second of the clock, or seconds of processor time for a byte, both ends. 0: not possible here. */
double bench_kernel_bulk(bool veth, bool cpu, double seconds);

/* Bytes of one object of a cache of the kernel, as /proc/slabinfo tells; 0: it does not. */
double bench_kernel_object_bytes(const char *cache);

#endif
