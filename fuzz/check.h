/* What a fuzz target holds to be true of the code that it feeds. */
#ifndef HF_FUZZ_CHECK_H
#define HF_FUZZ_CHECK_H

#include <stdlib.h>

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition))                                                                        \
            abort();                                                                             \
    } while (0)

#endif
