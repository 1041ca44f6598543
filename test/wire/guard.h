/* Bytes right before a page that must not be touched: a read past their end stops the test. */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>
#include <stdint.h>

#define GUARD_MAX 4096u /* bytes of room                                                      */

/* Copy `len` bytes so that the last of them is the last byte before the page; they stay there
 * until the next call. Bytes before them are 0xa5. */
uint8_t *guard_put(const void *bytes, size_t len);

#endif
