/* The cube root, rounded down, in integers. */
#ifndef HF_TCP_CUBIC_ROOT_H
#define HF_TCP_CUBIC_ROOT_H

#include <stdint.h>

uint32_t hf_cube_root(uint64_t n);

#endif
