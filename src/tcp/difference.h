/* In which words a block differs from the one that was expected, as a string of bytes: which words,
 * and by how much, in as few bytes as each needs. Fields of a connection that has been quiet are
 * mostly small numbers, or close to ones that are known anyway. */
#ifndef HF_TCP_DIFFERENCE_H
#define HF_TCP_DIFFERENCE_H

#include <stdint.h>

struct hf_tcp;

#define HF_DIFFERENCE_WORDS 42u
#define HF_DIFFERENCE_MAX 216u /* bytes: each word, and which, at its longest                */

/* The length of the string. Words that no string can hold are passed over: whoever writes reads back
 * and compares. */
uint32_t hf_difference_write(const struct hf_tcp *block, const struct hf_tcp *expected,
                             uint8_t string[HF_DIFFERENCE_MAX]);
/* The expected block becomes what was written. */
void hf_difference_read(const uint8_t *string, struct hf_tcp *block);

#endif
