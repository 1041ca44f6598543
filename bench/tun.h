/* A bulk transfer over a TUN device between a process and a socket of the kernel: what Handfast moves,
 * and what the device takes from a program that does nothing but feed it (tun_raw.c). */
#ifndef BENCH_TUN_H
#define BENCH_TUN_H

#include "bench.h"

#include <handfast/handfast.h>
#include <stdbool.h>
#include <stdint.h>

#define TUN_PORT 9
#define TUN_KERNEL "10.9.0.1" /* its prefix has 24 bits                                       */
#define TUN_US "10.9.0.2"
#define TUN_MTU 1500

struct tun_run {
    bool up; /* to the kernel; else from it                                              */
    bool offload;
    bool
        by_reference; /* up: room in the send queue is taken and given back as it is            */
    double seconds;   /* that the transfer should take                                          */
};

/* Bytes a second. The other end is a process of tun.c that reads, or writes, until it is closed. */
double tun_raw(const struct tun_run *run);
double tun_handfast(const struct tun_run *run);

hf_time tun_now(void);

#endif
